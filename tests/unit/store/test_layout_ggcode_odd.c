/*
 * layout_ggcode_index.c, _list.c, _lock.c, _record.c, _file.c: an index, locks and records that
 * are odd, damaged or hostile.
 */
#include "failing.h"
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "ramet/ggcode.h"
#include "store/layout.h"
#include "store/layout_ggcode_priv.h"

#define TIMES "'created_at':'2026-08-22T14:00:00Z','updated_at':'2026-08-22T14:00:00Z'"
#define META(more)                                                                                 \
	"{'type':'meta','session_id':'s','workspace':'/w'," more "'token_usage':{"                 \
	"'input_tokens':0,'output_tokens':0,'cache_read_tokens':0,'cache_write_tokens':0}," TIMES  \
	"}\n"
#define SAID(id, text, time)                                                                       \
	"{'type':'message','message':{'id':'" id "','role':'user','content':[{'type':'text',"      \
	"'text':'" text "'}]},'timestamp':'2026-08-22T14:00:" time "Z'}\n"

static char *dir;
static struct ramet_session *s;

static int begin(void **state)
{
	(void)state;
	dir = temp_dir_new();
	s = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	(void)faults_stop();
	ramet_session_close(s);
	temp_dir_remove(dir);
	return 0;
}

static const char *at(const char *name)
{
	return temp_path(dir, name);
}

/* ---- the index ---- */

/* An entry exactly as ggcode writes it; title, time and count as given. */
#define ENTRY(id, title, time, count)                                                              \
	"{\n    'id': '" id "',\n    'title': '" title "',\n    'created_at': '" time "',\n"       \
	"    'updated_at': '2026-08-22T14:00:00Z',\n    'msg_count': " count ",\n"                 \
	"    'workspace': '/w'\n  }"
#define GOOD "2026-08-22T14:00:00Z"
#define NEW                                                                                        \
	"{\n    'id': 's',\n    'title': 'new',\n    'created_at': '" GOOD "',\n"                  \
	"    'updated_at': '2026-08-22T15:00:00Z',\n    'msg_count': 2\n  }"

static int put_new(struct ramet_error *err)
{
	struct rameti_gg_listed l = { .id = raw("s"), .msg_count = 2 };
	int r;

	l.title = raw("new");
	l.created_at = raw("\"" GOOD "\"");
	l.updated_at = raw("\"2026-08-22T15:00:00Z\"");
	memset(err, 0, sizeof(*err));
	r = rameti_gg_index_put(NULL, dir, &l, err);
	return r;
}

static void index__takes_a_new_entry_at_its_end(void **state)
{
	static const char *const empty[] = { "", " \n", "null", " null\n", "[]", " [ \t\r\n]\n" };
	static const char *const others[] = {
		ENTRY("o", "quick", GOOD, "1"),
		ENTRY("o", "zero", GOOD, "0"),
		ENTRY("o", "zero first", GOOD, "1") ",\n  null",
		ENTRY("o", "an \\\\ escape \\' and \\\\\\\\", GOOD, "1"),
		ENTRY("o", "many", GOOD, "123456789012345678"),
		ENTRY("o", "big", GOOD, "1234567890123456789"),
		ENTRY("o", "negative", GOOD, "-1"),
		ENTRY("o", "zone", "2026-08-22T14:00:00+02:00", "1"),
		"{'id':'o','x':[{'id':'s'},[]],'y':'],{}'}",
		"null",
		"{}",
	};
	char text[2000];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		put(at("index.json"), empty[i]);
		must(put_new(&why));
		assert_file(at("index.json"), "%s", dq("[\n  " NEW "\n]"));
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		(void)snprintf(text, sizeof(text), "[\n  %s\n]\n", others[i]);
		put_bytes(at("index.json"), raw(dq(text)));
		if (put_new(&why) < 0)
			fail_msg("%s: %s", others[i], why.text);
		(void)snprintf(text, sizeof(text), "[\n  %s,\n  %s\n]\n", others[i], NEW);
		assert_file(at("index.json"), "%s", dq(text));
	}
}

/* Eight bytes are looked at at a time: whatever stands at whichever place of them. */
static void index__sees_what_is_odd_wherever_it_stands(void **state)
{
	static const char *const odd[] = { "\\n", "\\'", "\\\\", "\\u0041", "\xc3\xa9", "\x7f",
					   "\x01", "\x1f", "\t", "\\x" };
	char title[64], text[2000];
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		for (k = 0; k < 40; k++) {
			memset(title, '~', sizeof(title));
			memcpy(title + k % 20, odd[i], strlen(odd[i]));
			/* at the end of the title, or with more behind it */
			title[k % 20 + strlen(odd[i]) + (k < 20 ? 0 : 11)] = '\0';
			(void)snprintf(text, sizeof(text), "[\n  " ENTRY("o", "%s", GOOD, "1")
				       "\n]\n", title);
			put_bytes(at("index.json"), raw(dq(text)));
			assert_int_equal(put_new(&why) == 0, i < 6);
			if (i >= 6) {
				assert_file(at("index.json"), "%s", dq(text));
				continue;
			}
			(void)snprintf(text, sizeof(text), "[\n  " ENTRY("o", "%s", GOOD, "1")
				       ",\n  " NEW "\n]\n", title);
			assert_file(at("index.json"), "%s", dq(text));
		}
}

/* In any form: the first of that id. */
static void index__replaces_an_entry_where_it_stands(void **state)
{
	static const char *const forms[] = {
		"[%s,\n{'id':'t','n':1}]",
		"[ {'id':'t'} , %s]",
		"[null,%s , " ENTRY("t", "x", GOOD, "1") "]\n",
		"[%s,{'id':'s','title':'again'}]",
	};
	static const char *const entries[] = {
		ENTRY("s", "quick", GOOD, "1"),
		"{'id':'s','title':'t','msg_count':1}",
		"{'title':'t','id':'\\u0073'}",
		ENTRY("s", "no time", GOOD, "2"),
	};
	char before[1000], after[1000];
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		for (k = 0; k < sizeof(entries) / sizeof(entries[0]); k++) {
			struct ramet_bytes now;

			(void)snprintf(before, sizeof(before), forms[i], entries[k]);
			put(at("index.json"), before);
			must(put_new(&why));
			now = bytes_of(at("index.json"));
			assert_non_null(strstr(now.ptr, dq("'title': 'new'")));
			(void)snprintf(after, sizeof(after), forms[i], "");
			/* what stands around it is as it was */
			assert_memory_equal(now.ptr, dq(after), strcspn(forms[i], "%"));
			assert_non_null(strstr(now.ptr, dq(strchr(forms[i], '%') + 2)));
		}
}

static void index__keeps_what_it_has_when_nothing_is_told(void **state)
{
	struct rameti_gg_listed l = { .id = raw("s"), .msg_count = 2 };

	(void)state;
	l.updated_at = raw("\"u\"");
	l.fallback_created_at = raw("\"f\"");
	put(at("index.json"), "[{'id':'s','title':'','preview':'p','vendor':'v',"
			      "'msg_count':9000000000000000001,"
			      "'created_at':'" GOOD "'}]");
	must(rameti_gg_index_put(NULL, dir, &l, &why));
	assert_file(at("index.json"), "%s",
		    dq("[{\n    'id': 's',\n    'title': '',\n    'preview': 'p',\n"
		       "    'created_at': '" GOOD "',\n    'updated_at': 'u',\n    "
		       "'msg_count': 2,\n    'vendor': 'v'\n  }]"));
}

/* What is no index, or only half of one, is never written over. */
static void index__that_is_damaged_stays(void **state)
{
	static const char *const bad[] = {
		"[",
		"{}",
		"5",
		"[] x",
		"[{}",
		"[{},]",
		"[{} {}]",
		"[{}]]",
		"[5]",
		"[{'id':5}]",
		"[{'id':'a]",
		"[{'id':'a\\']",
		"[,{}]",
		"[{'msg_count':'x'}]",
		"[{'created_at':'x'}]",
		"[" ENTRY("o", "t", "never", "1") "]",
		"[" ENTRY("o", "t", GOOD, "01") "]",
		"[" ENTRY("o", "t", GOOD, "") "]",
		"[" ENTRY("o", "a\tb", GOOD, "1") "]",
		"[" ENTRY("o", "t", GOOD, "1") "}]",
		"[" ENTRY("o", "t", GOOD, "1") "],",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ramet_ggcode_list list = RAMET_GGCODE_LIST_INIT;

		put(at("index.json"), bad[i]);
		if (put_new(&why) != RAMET_EFORMAT)
			fail_msg("%s: %s", bad[i], why.text);
		refused(rameti_gg_index_drop(NULL, dir, raw("o"), &why), RAMET_EFORMAT);
		assert_file(at("index.json"), "%s", dq(bad[i]));
		must(ramet_ggcode_list(dir, NULL, &list, &why));
		assert_true(list.index_unreadable);
		ramet_ggcode_list_release(&list);
	}
}

/* Cut anywhere: refused and left, unless nothing is left of it. */
static void index__cut_anywhere_stays(void **state)
{
	static const char all[] = "[\n  " ENTRY("o", "t \\\\ x", GOOD, "12") ",\n  " ENTRY(
		"p", "t", GOOD, "0") " , {'id' : 'q', 'x' : [1, {'y' : 'z'}]}\n]";
	char text[sizeof(all)];
	size_t n;

	(void)state;
	for (n = 1; n < sizeof(all) - 1; n++) {
		memcpy(text, all, n);
		text[n] = '\0';
		put(at("index.json"), text);
		if (put_new(&why) != RAMET_EFORMAT)
			fail_msg("%u bytes: %s", (unsigned)n, why.text);
		assert_file(at("index.json"), "%s", dq(text));
	}
	put(at("index.json"), all);
	must(put_new(&why));
}

static void index__drops_each_entry_of_an_id(void **state)
{
	(void)state;
	put(at("index.json"), " [{'id':'a','x':1},{'id':'s'},null,{'id':'s'},{}] \n");
	must(rameti_gg_index_drop(NULL, dir, raw("s"), &why));
	assert_file(at("index.json"), "%s", dq(" [\n  {'id':'a','x':1},\n  null,\n  {}\n] \n"));
	must(rameti_gg_index_drop(NULL, dir, raw("s"), &why));
	assert_int_equal(unlink(at("index.json")), 0);
	must(rameti_gg_index_drop(NULL, dir, raw("s"), &why));
	assert_false(exists(at("index.json")));
}

/* ---- listing, deleting, cleaning up ---- */

static void list__of_odd_directories(void **state)
{
	struct ramet_ggcode_list list = RAMET_GGCODE_LIST_INIT;

	(void)state;
	must(ramet_ggcode_list(dir, NULL, &list, &why));
	assert_int_equal(list.n, 0);
	ramet_ggcode_list_release(&list);
	temp_mkdir(dir, "d.jsonl");
	put(at("ab.jsonl"), META(""));
	put(at("a.jsonl"), META(""));
	put(at("b.jsonl"), SAID("q", "first words", "09"));
	put(at(".jsonl"), META(""));
	put(at("a.json"), META(""));
	/* told twice, and one whose file is gone */
	put(at("index.json"), "[{'id':'a','title':'one'},{'id':'a','title':'two'},null,"
			      "{'id':'gone'},{'id':5.0}]");
	refused(ramet_ggcode_list(at("none"), NULL, &list, &why), RAMET_ENOTFOUND);
	put(at("index.json"), "[{'id':'a','title':'one'},{'id':'a','title':'two'},null,"
			      "{'id':'gone'}]");
	must(ramet_ggcode_list(dir, NULL, &list, &why));
	assert_int_equal(list.n, 3);
	assert_true(ramet_bytes_is(list.items[0].id, "b"));
	assert_true(ramet_bytes_is(list.items[0].title, "first words"));
	assert_true(ramet_bytes_is(list.items[1].id, "ab"));
	assert_true(ramet_bytes_is(list.items[2].id, "a"));
	assert_true(ramet_bytes_is(list.items[2].title, "one"));
	ramet_ggcode_list_release(&list);
	put(at("c.jsonl"), META("'title':'t',"));
	put(at("ac.jsonl"), META("'title':'t',"));
	assert_int_equal(unlink(at("index.json")), 0);
	must(ramet_ggcode_list(dir, NULL, &list, &why));
	assert_int_equal(list.n, 5);
	assert_true(ramet_bytes_is(list.items[1].id, "c"));
	assert_true(ramet_bytes_is(list.items[2].id, "ac"));
	assert_true(ramet_bytes_is(list.items[3].id, "ab"));
	assert_true(ramet_bytes_is(list.items[4].id, "a"));
	ramet_ggcode_list_release(&list);
}

static void delete__leaves_a_damaged_index(void **state)
{
	(void)state;
	put(at("s.jsonl"), META(""));
	put(at("index.json"), "[{'id':'s'");
	must(ramet_ggcode_delete(dir, raw("s"), &why));
	assert_false(exists(at("s.jsonl")));
	assert_file(at("index.json"), "%s", dq("[{'id':'s'"));
	refused(ramet_ggcode_delete(dir, raw("s"), &why), RAMET_EFORMAT);
	refused(ramet_ggcode_delete(dir, raw("../s"), &why), RAMET_EINVAL);
}

#define LISTED(id, time) "{'id':'" id "','title':'t','updated_at':'" time "'}"
#define BEFORE 1787407205000 /* 2026-08-22T14:00:05Z */

static int count_two(void *user, const struct ramet_ggcode_item *item, int result)
{
	(void)item;
	assert_int_equal(result, 0);
	return ++*(int *)user == 2;
}

static void have_old_and_new(void)
{
	put(at("old1.jsonl"), META(""));
	put(at("old2.jsonl"), META("") SAID("q", "x", "04"));
	put(at("old3.jsonl"), "");
	put(at("said.jsonl"), META("") SAID("q", "x", "06"));
	put(at("new.jsonl"), META(""));
	put(at("when.jsonl"), META(""));
	put(at("later.jsonl"), "{'type':'meta','session_id':'l','token_usage':{'input_tokens':0,"
			       "'output_tokens':0,'cache_read_tokens':0,'cache_write_tokens':0},"
			       "'created_at':'" GOOD "','updated_at':'2026-08-23T14:00:00Z'}\n");
	put(at("index.json"),
	    "[" LISTED("old1", GOOD) "," LISTED("old2", GOOD) "," LISTED("old3", GOOD) "," LISTED(
		    "said",
		    GOOD) "," LISTED("new",
				     "2026-08-22T14:00:05Z") "," LISTED("later",
									GOOD) ",{'id':'when'}]");
}

/* Neither the index nor the file may say anything later. */
static void cleanup__takes_only_what_is_old(void **state)
{
	int n = 0;

	(void)state;
	have_old_and_new();
	assert_int_equal(ramet_ggcode_cleanup(dir, BEFORE, 1, NULL, NULL, &why), 3);
	assert_int_equal(ramet_ggcode_cleanup(dir, BEFORE, 0, count_two, &n, &why), 2);
	assert_int_equal(ramet_ggcode_cleanup(dir, BEFORE, 0, NULL, NULL, &why), 1);
	assert_int_equal(ramet_ggcode_cleanup(dir, BEFORE, 0, NULL, NULL, &why), 0);
	assert_string_equal(names_in(dir),
			    "index.json index.json.flock later.jsonl new.jsonl old1.jsonl.flock "
			    "old2.jsonl.flock old3.jsonl.flock said.jsonl when.jsonl");
}

/* ---- locks ---- */

static void steal(void *user)
{
	(void)user;
	(void)unlink(at("s.lock"));
}

static void lock__says_who_has_it_as_far_as_it_is_told(void **state)
{
	static const struct {
		const char *text;
		int64_t holder;
	} cases[] = {
		{ "12", 12 },
		{ "12\n", 12 },
		{ "12x", 12 },
		{ ":9", 0 },
		{ "/9", 0 },
		{ "", 0 },
		{ "999999999999999999999999", 999999999999999999 },
	};
	struct ramet_ggcode_lock *lock = NULL, *second = NULL;
	int64_t holder;
	size_t i;

	(void)state;
	must(ramet_ggcode_lock_take(&lock, dir, raw("s"), NULL, &why));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(at("s.lock"), cases[i].text);
		holder = -1;
		assert_int_equal(ramet_ggcode_lock_ask(dir, raw("s"), &holder, &why), 1);
		assert_int_equal(holder, cases[i].holder);
		assert_int_equal(ramet_ggcode_lock_ask(dir, raw("s"), NULL, &why), 1);
		refused(ramet_ggcode_lock_take(&second, dir, raw("s"), NULL, &why),
			RAMET_ECONFLICT);
	}
	ramet_ggcode_lock_release(lock);
	ramet_ggcode_lock_release(NULL);
	refused(ramet_ggcode_lock_ask(dir, raw("../s"), NULL, &why), RAMET_EINVAL);
}

static void lock__that_is_always_stolen_is_none(void **state)
{
	const struct faults f = { .kind = FAULT_FLOCK, .n = 1, .for_ever = 1, .meanwhile = steal };
	const struct faults once = { .kind = FAULT_FLOCK, .n = 1, .meanwhile = steal };
	struct ramet_ggcode_lock *lock = NULL;

	(void)state;
	faults_start(&f);
	refused(ramet_ggcode_lock_take(&lock, dir, raw("s"), NULL, &why), RAMET_EIO);
	(void)faults_stop();
	assert_null(lock);
	faults_start(&once);
	must(ramet_ggcode_lock_take(&lock, dir, raw("s"), NULL, &why));
	(void)faults_stop();
	assert_true(exists(at("s.lock")));
	ramet_ggcode_lock_release(lock);
	assert_false(exists(at("s.lock")));
}

static void lock__that_cannot_be_written_is_none(void **state)
{
	const struct faults f = { .kind = FAULT_PWRITE, .n = 1, .cut = 1 };
	struct ramet_ggcode_lock *lock = NULL;

	(void)state;
	faults_start(&f);
	refused(ramet_ggcode_lock_take(&lock, dir, raw("s"), NULL, &why), RAMET_EIO);
	assert_int_equal(faults_stop(), 1);
	assert_int_equal(why.sys, ENOSPC);
	assert_null(lock);
	assert_int_equal(ramet_ggcode_lock_ask(dir, raw("s"), NULL, &why), 0);
}

/* ---- records ---- */

static void open_it(const char *text)
{
	struct ramet_open_opts opts = { .no_cache = 1, .format = "ggcode" };

	ramet_session_close(s);
	s = NULL;
	put(at("s.jsonl"), text);
	must(ramet_session_open(&s, at("s.jsonl"), &opts, &why));
}

static void records__are_for_ggcode_alone(void **state)
{
	const struct ramet_ggcode_fields f = { .title = raw("x") };

	(void)state;
	put(at("pi.jsonl"), HEAD);
	must(ramet_session_open(&s, at("pi.jsonl"), NULL, &why));
	refused(ramet_ggcode_save(s, &f, &why), RAMET_EINVAL);
	refused(ramet_ggcode_append_metric(s, raw("{}"), &why), RAMET_EINVAL);
	refused(ramet_ggcode_append_checkpoint(s, raw("x"), raw(NULL), 0, &why), RAMET_EINVAL);
	assert_file(at("pi.jsonl"), "%s", dq(HEAD));
}

static void records__that_ggcode_could_not_read_are_refused(void **state)
{
	static const char *const bad[] = { "[]", "1", "null", "{'turn_index':'x'}", "{\n'a':1}" };
	const struct ramet_ggcode_fields odd = { .cost = js("{\n'usd':1}") };
	struct ramet_buf deep = RAMET_BUF_INIT(1 << 20);
	size_t i;

	(void)state;
	open_it(META("") SAID("q", "x", "01"));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(ramet_ggcode_append_metric(s, js(bad[i]), &why), RAMET_EINVAL);
	refused(ramet_ggcode_append_metric(s, raw("{"), &why), RAMET_EJSON);
	refused(ramet_ggcode_save(s, &odd, &why), RAMET_EINVAL);
	/* as deep as JSON may be, without what stands around it */
	ramet_buf_add_str(&deep, "{\"a\":");
	for (i = 1; i < RAMET_JSON_DEPTH_MAX; i++)
		ramet_buf_add_char(&deep, '[');
	for (i = 1; i < RAMET_JSON_DEPTH_MAX; i++)
		ramet_buf_add_char(&deep, ']');
	ramet_buf_add_char(&deep, '}');
	refused(ramet_ggcode_append_metric(s, ramet_buf_bytes(&deep), &why), RAMET_ELIMIT);
	ramet_buf_release(&deep);
	assert_file(at("s.jsonl"), "%s", dq(META("") SAID("q", "x", "01")));
	must(ramet_ggcode_append_metric(s, raw("{}"), &why));
}

static void save__writes_what_changed_alone(void **state)
{
	struct ramet_ggcode_fields f = { .title = raw("new"), .model = raw("m") };
	size_t len;

	(void)state;
	open_it(SAID("q", "x", "01"));
	assert_int_equal(ramet_ggcode_save(s, &f, &why), 1);
	len = bytes_of(at("s.jsonl")).len;
	assert_int_equal(ramet_ggcode_save(s, &f, &why), 0);
	assert_int_equal(bytes_of(at("s.jsonl")).len, len);
	f.cost = js("{'usd':1}");
	assert_int_equal(ramet_ggcode_save(s, &f, &why), 1);
	assert_non_null(strstr(bytes_of(at("s.jsonl")).ptr + len, dq("'cost':{'usd':1}")));
	f.title = raw("newer");
	f.cost = raw("{");
	refused(ramet_ggcode_save(s, &f, &why), RAMET_EJSON);
	/* the file is gone: nothing is written, and nothing made anew */
	assert_int_equal(unlink(at("s.jsonl")), 0);
	f.title = raw("newest");
	assert_true(ramet_ggcode_save(s, &f, &why) < 0);
	assert_false(exists(at("s.jsonl")));
}

/* No record says when the session began, nor its name: it is now. */
static void append__dates_a_session_without_times(void **state)
{
	const char *created, *updated;

	(void)state;
	put(at("index.json"), "");
	open_it("{'type':'message','message':{'id':'q','role':'user','content':[]}}\n");
	must(ramet_session_append_message(s, js(U("x")), NULL, &why));
	created = strstr(bytes_of(at("index.json")).ptr, "\"created_at\": \"20");
	updated = strstr(bytes_of(at("index.json")).ptr, "\"updated_at\": \"20");
	assert_non_null(created);
	assert_memory_equal(created + 14, updated + 14, 20);
}

#define LONG20 "aaaaaaaaaaaaaaaaaaaa"
#define LONG LONG20 LONG20 LONG20 LONG20 LONG20

static void checkpoint__needs_a_message_to_end_at(void **state)
{
	(void)state;
	open_it(META("") SAID("q", "x", "01") SAID("r", "y", "02") SAID("t", "z", "03"));
	refused(ramet_ggcode_append_checkpoint(s, raw("x"), raw("none"), 1, &why), RAMET_ENOTFOUND);
	refused(ramet_ggcode_append_checkpoint(s, raw("x"), raw(LONG "b"), 1, &why),
		RAMET_ENOTFOUND);
	assert_string_equal(why.text, "no message " LONG " in the session");
	must(ramet_ggcode_append_checkpoint(s, raw("up to q"), raw("q"), 1, &why));
	must(ramet_ggcode_append_checkpoint(s, raw("all"), raw(""), 1, &why));
	open_it(META("") SAID("q", "x", "01"));
	must(ramet_ggcode_append_checkpoint(s, raw("up to the last"), raw("q"), 1, &why));
	assert_non_null(strstr(bytes_of(at("s.jsonl")).ptr, "up to the last"));
}

static void ensure_meta__spares_what_is_there(void **state)
{
	const struct ramet_ggcode_fields f = { .title = raw("x") };

	(void)state;
	put(at("s.jsonl"), "there");
	assert_int_equal(ramet_ggcode_ensure_meta(dir, raw("s"), &f, &why), 0);
	assert_file(at("s.jsonl"), "there");
	assert_false(exists(at("index.json")));
	refused(ramet_ggcode_ensure_meta(dir, raw("-"), &f, &why), RAMET_EINVAL);
	/* a directory that cannot be one */
	refused(ramet_ggcode_ensure_meta(at("s.jsonl"), raw("n"), &f, &why), RAMET_ENOTFOUND);
}

static void info__of_records_that_say_little(void **state)
{
	struct ramet_ggcode_info f;

	(void)state;
	put(at("s.jsonl"), "null\n\n{'type':'usage'}\n{'type':'metric'}\n{'type':'cost'}\n"
			   "{'type':'message'}\n{'type':'usage','usage_entry':{'turn_index':1}}\n"
			   "{'type':'usage','usage_entry':{'usage':"
			   "{'input_tokens':900000000000000000,"
			   "'output_tokens':-900000000000000000}}}\n"
			   "{'type':'meta','workspace':'','permission_mode':''}\n[]\n");
	must(ramet_ggcode_info_read(at("s.jsonl"), &f, &why));
	assert_int_equal(f.message_count, 0);
	assert_int_equal(f.n_endpoints, 1);
	assert_int_equal(f.endpoints[0].key.len, 0);
	assert_int_equal(f.endpoints[0].n_usage, 2);
	assert_int_equal(f.last_turn_index, 1);
	assert_int_equal(f.workspace.len, 0);
	assert_int_equal(f.cost.len, 0);
	assert_int_equal(f.n_skipped, 1);
	ramet_ggcode_info_release(&f);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(index__takes_a_new_entry_at_its_end),
		T(index__sees_what_is_odd_wherever_it_stands),
		T(index__replaces_an_entry_where_it_stands),
		T(index__keeps_what_it_has_when_nothing_is_told),
		T(index__that_is_damaged_stays),
		T(index__cut_anywhere_stays),
		T(index__drops_each_entry_of_an_id),
		T(list__of_odd_directories),
		T(delete__leaves_a_damaged_index),
		T(cleanup__takes_only_what_is_old),
		T(lock__says_who_has_it_as_far_as_it_is_told),
		T(lock__that_is_always_stolen_is_none),
		T(lock__that_cannot_be_written_is_none),
		T(records__are_for_ggcode_alone),
		T(records__that_ggcode_could_not_read_are_refused),
		T(save__writes_what_changed_alone),
		T(append__dates_a_session_without_times),
		T(checkpoint__needs_a_message_to_end_at),
		T(ensure_meta__spares_what_is_there),
		T(info__of_records_that_say_little),
	};

	return cmocka_run_group_tests_name("layout_ggcode_odd", tests, NULL, NULL);
}
