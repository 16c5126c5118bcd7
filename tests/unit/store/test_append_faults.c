/*
 * entries.c, messages.c, append.c: what is given at its limits, and what is given up when memory,
 * random bytes or the clock fail in the middle.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/session_priv.h"

#define TALK HEAD MESSAGE("u1", "null", U("one")) MESSAGE("a1", "'u1'", A("two"))

static char *dir;
static const char *path;
static struct ramet_session *s;

static int make_dir(void **state)
{
	static char text[TEMP_PATH];

	(void)state;
	dir = temp_dir_new();
	setenv("HOME", dir, 1);
	(void)snprintf(text, sizeof(text), "%s/s.jsonl", dir);
	path = text;
	s = NULL;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	(void)scarce_stop();
	ramet_session_close(s);
	temp_dir_remove(dir);
	return 0;
}

static void given(const char *text)
{
	const struct ramet_open_opts opts = { .lock_ms = 50, .no_cache = 1 };

	ramet_session_close(s);
	s = NULL;
	put(path, text);
	must(ramet_session_open(&s, path, &opts, &why));
}

static int say(const char *message)
{
	memset(&why, 0, sizeof(why));
	return ramet_session_append_message(s, js(message), NULL, &why);
}

/* ---- what is given ---- */

static void is_name(const char *text, int code)
{
	memset(&why, 0, sizeof(why));
	assert_int_equal(ramet_session_append_custom(s, ramet_bytes_of(text), raw("1"), NULL, &why),
			 code);
}

static void append__takes_lone_surrogates_and_no_other_bad_utf8(void **state)
{
	(void)state;
	given(TALK);
	is_name("a\xed\xa0\xbd", 0);
	is_name("\xed\xbf\xbf" "b", 0);
	is_name("\xed\xa0\xbd\xed\x9f\xbf", 0);
	is_name("\xed\xa0\xbd\xed\xa0", RAMET_EINVAL);
	is_name("\xed\xc0\x80", RAMET_EINVAL);
	is_name("\xed\xa0\x20", RAMET_EINVAL);
	is_name("\xed\xa0\xc0", RAMET_EINVAL);
	is_name("\xed\xa0\xbd\xff", RAMET_EINVAL);
	assert_reopens_same(s);
}

static void append__refuses_without_anybody_listening(void **state)
{
	struct ramet_buf deep = RAMET_BUF_INIT(1u << 20);
	int i;

	(void)state;
	given(TALK);
	assert_int_equal(ramet_session_append_custom(s, raw("x"), raw("[1,"), NULL, NULL),
			 RAMET_EJSON);
	for (i = 0; i < 200000; i++)
		ramet_buf_add_char(&deep, '[');
	for (i = 0; i < 200000; i++)
		ramet_buf_add_char(&deep, ']');
	assert_int_equal(ramet_session_append_custom(s, raw("x"), ramet_buf_bytes(&deep), NULL,
						     NULL), RAMET_ELIMIT);
	assert_int_equal(ramet_session_append_message(s, js("'x'"), NULL, NULL), RAMET_EINVAL);
	ramet_buf_release(&deep);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 2);
}

static void append_entry__knows_the_end_of_a_turn(void **state)
{
	static const struct { const char *entry; unsigned syncs; } entries[] = {
		{ "{'type':'message','message':" U("x") "}", 0 },
		{ "{'type':'message','message':{'role':'assistant','content':[],"
		  "'stopReason':'toolUse'}}", 0 },
		{ "{'type':'message','message':{'role':'assistant','content':[],"
		  "'stopReason':'stop'}}", 1 },
		{ "{'type':'custom','customType':'ramet.turn_end'}", 1 },
		{ "{'type':'custom','customType':'other'}", 0 },
		{ "{'type':'from_the_future'}", 0 },
	};
	const struct ramet_open_opts opts = { .level = RAMET_LEVEL_TURN };
	const struct faults none = { .kind = FAULT_ANY };
	size_t i;

	(void)state;
	put(path, TALK);
	must(ramet_session_open(&s, path, &opts, &why));
	for (i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		faults_start(&none);
		must(ramet_session_append_entry(s, js(entries[i].entry), NULL, &why));
		assert_int_equal(faults_file_syncs(), entries[i].syncs);
		(void)faults_stop();
	}
	assert_reopens_same(s);
}

static void head__of_nothing_has_no_checksum(void **state)
{
	struct ramet_head head = { 7, 7 };

	(void)state;
	s = created(dir);
	ramet_session_head(s, &head);
	assert_int_equal(head.crc32c, 0);
	assert_true(head.end > 0);
	assert_int_equal(ramet_session_refresh(s, NULL), 0);
}

/* ---- what needs memory in the middle ---- */

#define N_ENTRIES 6

/* To be had before memory is scarce. */
static void entry_texts(struct ramet_bytes texts[N_ENTRIES])
{
	static const char *const entries[N_ENTRIES] = {
		"{'type':'custom','customType':'x','data':[1]}",
		"{'type':'context_edit','targetId':'u1','replacement':{'content':'y'}}",
		"{'type':'label','targetId':'u1','label':'L'}",
		"{'type':'session_info','name':'N'}",
		"{'type':'branch_summary','fromId':'a1','summary':'B'}",
		"{'type':'compaction','summary':'S','firstKeptEntryId':'u1','tokensBefore':9}",
	};
	size_t i;

	for (i = 0; i < N_ENTRIES; i++)
		texts[i] = js(entries[i]);
}

static int append_all(const struct ramet_bytes texts[N_ENTRIES], struct ramet_error *err)
{
	const struct ramet_summary none_kept = { .summary = raw("S") };
	size_t i;
	int r = 0;

	for (i = 0; !r && i < N_ENTRIES; i++)
		r = ramet_session_append_entry(s, texts[i], NULL, err);
	return r ? r : ramet_session_append_compaction(s, &none_kept, NULL, err);
}

static void append_entry__survives_every_failing_allocation(void **state)
{
	struct ramet_bytes texts[N_ENTRIES];
	unsigned n, reached;
	int r;

	(void)state;
	for (n = 1, reached = 1; reached; n++) {
		given(TALK);
		entry_texts(texts);
		memset(&why, 0, sizeof(why));
		scarce_start(n);
		r = append_all(texts, &why);
		reached = (unsigned)scarce_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
		assert_int_equal(why.code, r);
		assert_null(strstr(bytes_of(path).ptr, "\"type\":\"\""));
		assert_int_equal(say(U("on")), 0);
		assert_reopens_same(s);
	}
	assert_true(n > 20);
}

/* Not kept in part, nor under another type. */
static void append_entry__refuses_a_type_of_a_megabyte(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(4u << 20);

	(void)state;
	given(TALK);
	ramet_buf_addf(&b, "{'type':'label%*d'}", 2 << 20, 7);
	refused(ramet_session_append_entry(s, js(b.ptr), NULL, &why), RAMET_ELIMIT);
	ramet_buf_release(&b);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 2);
}

static void append__needs_random_bytes_and_a_clock(void **state)
{
	struct faults f = { .kind = FAULT_RANDOM, .n = 1, .sys = ENOSYS, .for_ever = 1 };
	struct ramet_bytes texts[N_ENTRIES];

	(void)state;
	given(TALK);
	entry_texts(texts);
	faults_start(&f);
	refused(append_all(texts, &why), RAMET_EIO);
	(void)faults_stop();
	f.kind = FAULT_CLOCK;
	given(TALK);
	entry_texts(texts);
	faults_start(&f);
	assert_int_equal(append_all(texts, NULL), RAMET_EIO);
	(void)faults_stop();
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 2);
}

/* Of a relative path and of one behind a byte order mark. */
static void append__behind_an_entry_without_id_is_a_root(void **state)
{
	(void)state;
	given(HEAD "{'type':'message','message':" U("no id") "}\n");
	assert_int_equal(say(U("x")), 0);
	assert_non_null(strstr(entry_of(s, 1).ptr, "\"parentId\":null"));
	assert_reopens_same(s);
}

/* What is stored is what was checked: no memory for a role is no reason to take it for another. */
static void append_message__survives_every_failing_allocation(void **state)
{
	static const struct { const char *message; int code; } messages[] = {
		{ "{'role':'assist\\u0061nt','content':[],'stopReason':'stop'}", 0 },
		{ "{'role':'us\\u0065r'}", RAMET_EINVAL },
		{ "{'role':'us\\u0065r','content':7}", RAMET_EINVAL },
	};
	const struct ramet_open_opts opts = { .level = RAMET_LEVEL_TURN };
	const struct faults none = { .kind = FAULT_ANY };
	struct ramet_bytes message;
	unsigned n, reached;
	size_t i;
	int r;

	(void)state;
	for (i = 0; i < 3; i++)
		for (n = 1, reached = 1; reached; n++) {
			ramet_session_close(s);
			s = NULL;
			put(path, TALK);
			must(ramet_session_open(&s, path, &opts, &why));
			message = js(messages[i].message);
			faults_start(&none);
			scarce_start(n);
			memset(&why, 0, sizeof(why));
			r = ramet_session_append_message(s, message, NULL, &why);
			reached = (unsigned)scarce_stop();
			assert_true(r == messages[i].code || (reached && r == RAMET_ENOMEM));
			assert_int_equal(why.code, r);
			/* the end of a turn is on the disk */
			assert_int_equal(faults_file_syncs(), !r);
			(void)faults_stop();
			assert_int_equal(ramet_tree_count(ramet_session_tree(s)), r ? 2 : 3);
			assert_reopens_same(s);
		}
}

/* Which one counts is the reader's business: ours and a fresh reading agree. */
static void append_message__with_a_second_role_is_read_as_it_will_be(void **state)
{
	(void)state;
	given(TALK);
	assert_int_equal(say("{'role':'user','content':'x','role':'assistant'}"), 0);
	assert_int_equal(say("{'role':'assistant','content':'x','r\\u006fle':'user'}"), 0);
	assert_reopens_same(s);
}

static void append_message__with_a_role_of_kilobytes_has_an_unknown_one(void **state)
{
	char text[1000];

	(void)state;
	given(TALK);
	/* also when it begins as a known one */
	(void)snprintf(text, sizeof(text), "{'role':'user\\u0020%0900d'}", 0);
	assert_int_equal(say(text), 0);
	assert_int_equal(ramet_tree_row(ramet_session_tree(s), 2)->role, RAMET_ROLE_OTHER);
	assert_reopens_same(s);
}

/* Before the first entry nothing is on the path. */
static void context_edit__needs_a_path(void **state)
{
	(void)state;
	given(TALK);
	must(ramet_session_branch(s, RAMET_NONE, &why));
	refused(ramet_session_append_context_edit(s, 0, js("{'content':'x'}"), NULL, &why),
		RAMET_EINVAL);
	assert_string_equal(why.text, "the entry is not on the path to the leaf");
	assert_int_equal(ramet_session_leaf(s), RAMET_NONE);
	assert_file(path, TALK);
}

/* What the handle keeps itself may be given to it, though it moves while it is written. */
static void append_message__may_be_what_the_handle_keeps(void **state)
{
	static const char given_text[] = U("kept");
	struct ramet_bytes kept;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		ramet_session_close(s);
		s = created(dir);
		must(ramet_session_append_custom(s, raw("x"), js(given_text), NULL, &why));
		kept = ramet_buf_bytes(&s->text);
		kept.ptr = strstr(kept.ptr, dq(given_text));
		assert_non_null(kept.ptr);
		kept.len = strlen(given_text);
		/* alone, or behind one that makes the buffer grow */
		if (i == 0) {
			must(ramet_session_append_message(s, kept, NULL, &why));
		} else {
			const struct ramet_bytes both[2] = { js(U("other")), kept };

			must(ramet_session_append_messages(s, both, 2, NULL, &why));
		}
		assert_non_null(strstr(entry_of(s, ramet_session_leaf(s)).ptr, dq(given_text)));
		assert_reopens_same(s);
		assert_int_equal(remove(ramet_session_path(s)), 0);
	}
}

/* ---- a leaf that was moved for nothing ---- */

static void put_more_before(void *user)
{
	char other[TEMP_PATH];

	(void)user;
	(void)snprintf(other, sizeof(other), "%s.new", path);
	put(other, HEAD MESSAGE("first", "null", U("zero")) MESSAGE("u1", "null", U("one"))
		   MESSAGE("a1", "'u1'", A("two")) MESSAGE("a2", "'u1'", A("three")));
	(void)rename(other, path);
}

/* The file was replaced meanwhile: the same entries have other rows, and the leaf is where it was
 * by its id. */
static void branch_summary__that_fails_leaves_the_leaf(void **state)
{
	const struct ramet_summary summary = { .summary = raw("S") };
	const struct faults full = { .kind = FAULT_WRITE, .n = 1, .sys = ENOSPC, .for_ever = 1 };
	int replaced;

	(void)state;
	for (replaced = 0; replaced < 2; replaced++) {
		given(TALK);
		assert_int_equal(ramet_session_leaf(s), 1);
		if (replaced)
			put_more_before(NULL);
		faults_start(&full);
		assert_true(ramet_session_branch_with_summary(s, 0, &summary, NULL, &why) < 0);
		assert_int_equal(faults_stop(), 1);
		assert_int_equal(why.sys, ENOSPC);
		assert_string_equal(leaf_id(s), "a1");
		assert_int_equal(ramet_session_leaf(s), 1 + replaced);
		assert_int_equal(say(U("on")), 0);
		assert_non_null(strstr(entry_of(s, ramet_session_leaf(s)).ptr,
				       "\"parentId\":\"a1\""));
		assert_reopens_same(s);
	}
}

/* Of a leaf before the first entry there is no id: it stays there. */
static void branch_summary__that_fails_leaves_no_leaf(void **state)
{
	const struct ramet_summary bad = { .summary = raw("\xff") };

	(void)state;
	given(TALK);
	must(ramet_session_branch(s, RAMET_NONE, &why));
	refused(ramet_session_branch_with_summary(s, 0, &bad, NULL, &why), RAMET_EINVAL);
	assert_int_equal(ramet_session_leaf(s), RAMET_NONE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(append__takes_lone_surrogates_and_no_other_bad_utf8),
		CASE(append__refuses_without_anybody_listening),
		CASE(append_entry__knows_the_end_of_a_turn),
		CASE(head__of_nothing_has_no_checksum),
		CASE(append_entry__survives_every_failing_allocation),
		CASE(append_entry__refuses_a_type_of_a_megabyte),
		CASE(append_message__survives_every_failing_allocation),
		CASE(append_message__with_a_second_role_is_read_as_it_will_be),
		CASE(append_message__with_a_role_of_kilobytes_has_an_unknown_one),
		CASE(append_message__may_be_what_the_handle_keeps),
		CASE(context_edit__needs_a_path),
		CASE(branch_summary__that_fails_leaves_the_leaf),
		CASE(branch_summary__that_fails_leaves_no_leaf),
		CASE(append__needs_random_bytes_and_a_clock),
		CASE(append__behind_an_entry_without_id_is_a_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
