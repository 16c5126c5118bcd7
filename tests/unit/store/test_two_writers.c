/*
 * append.c, log.c: other programs write to the same file. What they appended is taken in first and
 * never lost; a file that was removed, cut, overwritten or replaced is a conflict that changes
 * nothing; a lock held by another is waited for, but not for ever.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define TALK                                                                                       \
	HEAD MESSAGE("u1", "null", U("one")) MESSAGE("a1", "'u1'", A("two"))                       \
		MESSAGE("u2", "'a1'", U("three"))

static char *dir;
static const char *path;
static struct ramet_session *s;

static int make_talk(void **state)
{
	static char text[TEMP_PATH];

	(void)state;
	dir = temp_dir_new();
	(void)snprintf(text, sizeof(text), "%s/s.jsonl", dir);
	path = text;
	put(path, TALK);
	s = opened(path);
	return 0;
}

static int drop_talk(void **state)
{
	(void)state;
	ramet_session_close(s);
	temp_dir_remove(dir);
	return 0;
}

static void say(const char *message)
{
	must(ramet_session_append_message(s, js(message), NULL, &why));
}

/* The handle still has the talk it was opened with, and nothing else. */
static void still_has_the_talk(void)
{
	struct ramet_session *talk = NULL;

	must(ramet_session_open_bytes(&talk, js(TALK), NULL, &why));
	assert_same_state(s, talk);
	assert_string_equal(leaf_id(s), "u2");
	ramet_session_close(talk);
}

static void refuses_to_append(void)
{
	refused(ramet_session_append_message(s, js(A("mine")), NULL, &why), RAMET_ECONFLICT);
	refused(ramet_session_append_name(s, raw("mine"), NULL, &why), RAMET_ECONFLICT);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 3);
	assert_string_equal(leaf_id(s), "u2");
}

/* The file it had is still open: all of it can be read. */
static void conflicts(void)
{
	refuses_to_append();
	still_has_the_talk();
}

/* ---- others appended ---- */

static void others__what_they_appended_comes_first(void **state)
{
	(void)state;
	add_to(path, MESSAGE("b1", "'u2'", A("theirs")) MESSAGE("b2", "'b1'", U("theirs too")));
	say(A("mine"));
	assert_text(rest_after(bytes_of(path), js(TALK MESSAGE("b1", "'u2'", A("theirs"))
							  MESSAGE("b2", "'b1'", U("theirs too")))),
		    "{'type':'message','id':'%s','parentId':'u2','timestamp':'<now>',"
		    "'message':%s}\n",
		    leaf_id(s), A("mine"));
	assert_reopens_same(s);
	say(U("mine too"));
	assert_reopens_same(s);
}

static void others__what_they_tore_is_ended(void **state)
{
	(void)state;
	add_to(path, "{'type':'message','id':'b1','par");
	say(A("mine"));
	assert_text(rest_after(bytes_of(path), js(TALK "{'type':'message','id':'b1','par\n")),
		    "{'type':'message','id':'<id>','parentId':'u2','timestamp':'<now>',"
		    "'message':%s}\n",
		    A("mine"));
	assert_reopens_same(s);
}

static void others__a_line_that_was_half_there_is_taken_in_whole(void **state)
{
	char line[512];
	size_t len, cut;

	(void)state;
	len = (size_t)snprintf(line, sizeof(line), "%s", dq(MESSAGE("b1", "'u2'", A("theirs"))));
	for (cut = 1; cut < len; cut += 9) {
		char half[512];

		ramet_session_close(s);
		put(path, TALK);
		(void)snprintf(half, sizeof(half), "%.*s", (int)cut, line);
		add_to(path, half);
		s = opened(path);
		add_to(path, line + cut);
		say(A("mine"));
		assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 5);
		(void)row_of(s, "b1");
		assert_reopens_same(s);
	}
}

static void others__a_half_line_is_taken_in_by_refresh_once_whole(void **state)
{
	(void)state;
	add_to(path, "{'type':'message','id':'b1',");
	(void)must(ramet_session_refresh(s, &why));
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 3);
	add_to(path, "'parentId':'u2','message':" A("theirs") "}\n");
	assert_int_equal(must(ramet_session_refresh(s, &why)), 1);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 4);
	assert_reopens_same_but_leaf(s);
	assert_string_equal(leaf_id(s), "u2");
	assert_int_equal(must(ramet_session_refresh(s, &why)), 0);
}

static void policy__branch_hangs_under_the_leaf_it_had(void **state)
{
	(void)state;
	add_to(path, MESSAGE("b1", "'u2'", A("theirs")));
	say(A("mine"));
	assert_int_equal(ramet_session_others(s), 1);
	assert_int_equal(ramet_tree_row(ramet_session_tree(s), ramet_session_leaf(s))->parent,
			 row_of(s, "u2"));
	assert_reopens_same(s);
}

static void policy__append_hangs_under_theirs(void **state)
{
	(void)state;
	ramet_session_on_conflict(s, RAMET_CONFLICT_APPEND);
	add_to(path, MESSAGE("b1", "'u2'", A("theirs")));
	say(A("mine"));
	assert_int_equal(ramet_tree_row(ramet_session_tree(s), ramet_session_leaf(s))->parent,
			 row_of(s, "b1"));
	/* a leaf that was not the last entry stays where it is */
	must(ramet_session_branch(s, row_of(s, "u1"), &why));
	add_to(path, MESSAGE("b2", "'b1'", A("theirs")));
	say(A("elsewhere"));
	assert_int_equal(ramet_tree_row(ramet_session_tree(s), ramet_session_leaf(s))->parent,
			 row_of(s, "u1"));
	assert_int_equal(ramet_session_others(s), 2);
	assert_reopens_same(s);
}

static void policy__refuse_writes_nothing_and_takes_theirs_in(void **state)
{
	struct ramet_head before, after;
	struct ramet_bytes text;

	(void)state;
	ramet_session_on_conflict(s, RAMET_CONFLICT_REFUSE);
	ramet_session_head(s, &before);
	add_to(path, MESSAGE("b1", "'u2'", A("theirs")) MESSAGE("b2", "'b1'", U("more")));
	text = bytes_of(path);
	refused(ramet_session_append_message(s, js(A("mine")), NULL, &why), RAMET_ECONFLICT);
	assert_true(ramet_bytes_eq(bytes_of(path), text));
	assert_string_equal(leaf_id(s), "u2");
	assert_int_equal(ramet_session_others(s), 2);
	ramet_session_head(s, &after);
	assert_true(after.end == text.len && after.end > before.end);
	assert_true(after.crc32c != before.crc32c);
	(void)row_of(s, "b2");
	say(A("mine"));                                      /* now it knows */
	assert_reopens_same(s);
}

static void refresh__takes_in_what_is_new_and_keeps_the_leaf(void **state)
{
	(void)state;
	assert_int_equal(must(ramet_session_refresh(s, &why)), 0);
	add_to(path, MESSAGE("b1", "'u2'", A("theirs")));
	assert_int_equal(must(ramet_session_refresh(s, &why)), 1);
	assert_int_equal(must(ramet_session_refresh(s, &why)), 0);
	assert_string_equal(leaf_id(s), "u2");
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 4);
	assert_reopens_same_but_leaf(s);
	must(ramet_session_branch(s, RAMET_NONE, &why));
	add_to(path, MESSAGE("b2", "'b1'", U("theirs")));
	assert_int_equal(must(ramet_session_refresh(s, &why)), 1);
	assert_int_equal(ramet_session_leaf(s), RAMET_NONE);
	assert_reopens_same_but_leaf(s);
}

static void refresh__of_what_we_wrote_is_nothing_new(void **state)
{
	(void)state;
	say(A("mine"));
	assert_int_equal(must(ramet_session_refresh(s, &why)), 0);
	say(U("mine"));
	assert_int_equal(must(ramet_session_refresh(s, &why)), 0);
}

static uint32_t roll(uint64_t *rng, uint32_t n)
{
	*rng = *rng * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*rng >> 33) % n;
}

/* Lines that break every rule a tail can break: ids again, parents that come later, loops. */
static void add_odd_line(uint64_t *rng)
{
	static const char *const odd[] = {
		"\n",
		"not json\n",
		"7\n",
		"null\n",
		"{}\n",
		"{'type':'message','parentId':'u2'}\n",
		HEAD,
		"{'type':'message','id':'q",
		"\r\n",
		"  \n",
		"{'type':'session_info','id':'n1','parentId':'u1','name':'odd'}\n",
		"{'type':'label','id':'l1','parentId':'u1','targetId':'p3','label':'odd'}\n",
		"{'type':'context_edit','id':'e1','parentId':'p1','targetId':'p1',"
		"'replacement':null}\n",
		"{'type':'compaction','id':'c1','parentId':'p1','summary':'s',"
		"'firstKeptEntryId':'u2','tokensBefore':1}\n",
	};
	char line[512];

	if (roll(rng, 3) == 0) {
		add_to(path, odd[roll(rng, sizeof(odd) / sizeof(*odd))]);
		return;
	}
	(void)snprintf(line, sizeof(line),
		       "{'type':'message','id':'p%u','parentId':'p%u','timestamp':"
		       "'2026-03-01T10:00:%02u.000Z','message':" U("x") "}\n",
		       roll(rng, 12), roll(rng, 12), roll(rng, 60));
	add_to(path, line);
}

static void others__whatever_they_append_we_agree_with_a_fresh_reading(void **state)
{
	const struct ramet_open_opts opts = { .level = RAMET_LEVEL_NONE };
	uint64_t rng = 7;
	unsigned round, i, n;

	(void)state;
	for (round = 0; round < 30; round++) {
		ramet_session_close(s);
		s = NULL;
		put(path, TALK);
		must(ramet_session_open(&s, path, &opts, &why));
		for (i = 0; i < 12; i++) {
			for (n = roll(&rng, 4); n > 0; n--)
				add_odd_line(&rng);
			if (roll(&rng, 2))
				(void)must(ramet_session_refresh(s, &why));
			else
				say(A("mine"));
			if (roll(&rng, 3) == 0 && ramet_session_leaf(s) != RAMET_NONE)
				must(ramet_session_branch(s, row_of(s, "u1"), &why));
			assert_reopens_same_but_leaf(s);
		}
	}
}

static void others__two_handles_grow_siblings(void **state)
{
	struct ramet_session *b = opened(path);
	char first[RAMET_ID_SIZE], second[RAMET_ID_SIZE];

	(void)state;
	must(ramet_session_append_message(s, js(A("a")), first, &why));
	must(ramet_session_append_message(b, js(A("b")), second, &why));
	must(ramet_session_append_message(s, js(U("a")), NULL, &why));
	must(ramet_session_append_message(b, js(U("b")), NULL, &why));
	assert_text(
		rest_after(bytes_of(path), js(TALK)),
		"{'type':'message','id':'%s','parentId':'u2','timestamp':'<now>','message':%s}\n"
		"{'type':'message','id':'%s','parentId':'u2','timestamp':'<now>','message':%s}\n"
		"{'type':'message','id':'<id>','parentId':'%s','timestamp':'<now>',"
		"'message':%s}\n"
		"{'type':'message','id':'<id>','parentId':'%s','timestamp':'<now>',"
		"'message':%s}\n",
		first, A("a"), second, A("b"), first, U("a"), second, U("b"));
	assert_int_equal(must(ramet_session_refresh(s, &why)), 1);
	assert_int_equal(must(ramet_session_refresh(b, &why)), 0);
	assert_same_state(s, b);
	assert_reopens_same_but_leaf(s);
	ramet_session_close(b);
}

#define WRITERS 4
#define EACH 60

static int write_as_a_process(void)
{
	const struct ramet_open_opts opts = { .level = RAMET_LEVEL_NONE, .lock_ms = 60000 };
	const struct ramet_bytes message = js(U("x"));
	struct ramet_session *mine = NULL;
	unsigned i;

	if (ramet_session_open(&mine, path, &opts, NULL) < 0)
		return 1;
	for (i = 0; i < EACH; i++)
		if (ramet_session_append_message(mine, message, NULL, NULL) < 0)
			return 2;
	return 0;
}

static void others__processes_lose_nothing(void **state)
{
	pid_t pids[WRITERS];
	unsigned i;
	int status;

	(void)state;
	for (i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(write_as_a_process());
		assert_true(pids[i] > 0);
	}
	for (i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	assert_int_equal(must(ramet_session_refresh(s, &why)), 1);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 3 + WRITERS * EACH);
	assert_int_equal(ramet_session_findings(s)->n, 0);
	for (i = 0; i < ramet_tree_count(ramet_session_tree(s)); i++)
		assert_false(ramet_tree_row(ramet_session_tree(s), i)->flags &
			     (RAMET_ROW_SHADOWED | RAMET_ROW_ORPHAN));
	assert_reopens_same_but_leaf(s);
}

/* ---- others without a lock, in between ---- */

static void append_raw(void *user)
{
	add_to(path, user);
}

/* `text` is appended by another program right before the n-th call of this kind. All that we are
 * told is stored can be read, and nothing of what is not. 0: there is no such call. */
static int append_while(int kind, unsigned n, const char *text, int batch)
{
	struct ramet_bytes messages[3] = { js(U("MARK")), js(A("MARK")), js(U("MARK")) };
	const struct faults f = {
		.kind = kind, .n = n, .meanwhile = append_raw, .user = (void *)(uintptr_t)text
	};
	uint32_t i, before = 3, marked = 0;
	struct ramet_session *fresh;
	int r, reached;

	ramet_session_close(s);
	put(path, TALK);
	s = opened(path);
	faults_start(&f);
	r = ramet_session_append_messages(s, messages, batch ? 3 : 1, NULL, &why);
	reached = faults_stop();
	fresh = opened(path);
	for (i = before; i < ramet_tree_count(ramet_session_tree(fresh)); i++)
		marked += strstr(entry_of(fresh, i).ptr, "MARK") != NULL;
	ramet_session_close(fresh);
	if (r == 0 && marked != (batch ? 3 : 1))
		fail_msg("%s %u: said to be stored, but %u can be read:\n%s", fault_name(kind), n,
			 marked, bytes_of(path).ptr);
	if (r < 0 && marked)
		fail_msg("%s %u: said not to be stored (%s), but %u can be read:\n%s",
			 fault_name(kind), n, why.text, marked, bytes_of(path).ptr);
	if (r == 0)
		assert_non_null(strstr(entry_of(s, ramet_session_leaf(s)).ptr, "MARK"));
	must(ramet_session_append_message(s, js(A("after")), NULL, &why));
	assert_reopens_same(s);
	(void)rest_after(bytes_of(path), js(TALK));
	return reached;
}

static void others__a_quicker_writer_loses_nothing_and_costs_nothing(void **state)
{
	static const char whole[] = MESSAGE("b1", "'u2'", A("theirs"));
	static const char *const texts[] = { whole, "{'type':'message','id':'b1','par",
					     "{'type':'message','id':'b1','par\n", "\n",
					     "{'type':'message','id':'b1','parentId':'u2'}" };
	unsigned i, n, batch;

	(void)state;
	for (batch = 0; batch < 2; batch++)
		for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
			for (n = 1; append_while(FAULT_ANY, n, texts[i], (int)batch); n++)
				assert_true(n < 200);
	assert_int_equal(append_while(FAULT_WRITE, 1, whole, 0), 1);
	(void)row_of(s, "b1");
}

/* ---- others took it away ---- */

static void others__a_removed_file_is_not_made_again(void **state)
{
	(void)state;
	assert_int_equal(unlink(path), 0);
	conflicts();
	assert_string_equal(names_in(dir), "");
	(void)ramet_session_write(s, &why);
	(void)ramet_session_sync(s, &why);
	assert_string_equal(names_in(dir), "");
}

static void others__a_file_removed_after_we_wrote_is_not_made_again(void **state)
{
	(void)state;
	say(A("mine"));
	assert_int_equal(unlink(path), 0);
	refused(ramet_session_append_message(s, js(U("x")), NULL, &why), RAMET_ECONFLICT);
	assert_string_equal(names_in(dir), "");
	assert_text(entry_of(s, 3),
		    "{'type':'message','id':'<id>','parentId':'u2','timestamp':'<now>',"
		    "'message':%s}",
		    A("mine"));
}

static void others__a_file_that_comes_back_is_gone_on_with(void **state)
{
	const char *aside = temp_path(dir, "aside");

	(void)state;
	assert_int_equal(rename(path, aside), 0);
	conflicts();
	assert_int_equal(rename(aside, path), 0);
	say(A("mine"));
	assert_reopens_same(s);
	assert_int_equal(unlink(path), 0);
	refused(ramet_session_append_message(s, js(A("mine")), NULL, &why), RAMET_ECONFLICT);
	put(path, TALK MESSAGE("b1", "'u2'", A("theirs")));
	must(ramet_session_branch(s, row_of(s, "u2"), &why));
	say(U("mine"));
	assert_reopens_same(s);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 5);
}

static void others__a_symbolic_link_stays_one(void **state)
{
	const struct ramet_open_opts opts = { .create = 1 };
	const char *link = temp_path(dir, "link.jsonl"), *empty = temp_path(dir, "empty.jsonl");
	const char *to_empty = temp_path(dir, "to-empty.jsonl");
	char target[64];

	(void)state;
	ramet_session_close(s);
	s = NULL;
	assert_int_equal(symlink("s.jsonl", link), 0);
	s = opened(link);
	say(A("mine"));
	assert_reopens_same(s);
	assert_int_equal(readlink(link, target, sizeof(target)), strlen("s.jsonl"));
	ramet_session_close(s);
	s = NULL;
	put(empty, "");
	assert_int_equal(symlink("empty.jsonl", to_empty), 0);
	must(ramet_session_open(&s, to_empty, &opts, &why));
	say(U("first"));
	assert_int_equal(readlink(to_empty, target, sizeof(target)), strlen("empty.jsonl"));
	assert_true(bytes_of(empty).len > 0);
	say(A("second"));
	assert_reopens_same(s);
	assert_string_equal(names_in(dir), "empty.jsonl link.jsonl s.jsonl to-empty.jsonl");
}

static void others__a_cut_file_is_a_conflict(void **state)
{
	size_t len = strlen(TALK), cut;

	(void)state;
	for (cut = 0; cut < len; cut += 31) {
		struct ramet_bytes left;

		put(path, TALK);
		ramet_session_close(s);
		s = opened(path);
		assert_int_equal(truncate(path, (off_t)cut), 0);
		left = bytes_of(path);
		refuses_to_append();
		assert_true(ramet_bytes_eq(left, bytes_of(path)));
	}
}

static void others__an_overwritten_file_is_a_conflict(void **state)
{
	static const char *const others[] = {
		HEAD MESSAGE("v1", "null", U("one")) MESSAGE("b1", "'v1'", A("two"))
			MESSAGE("v2", "'b1'", U("three")),
		HEAD MESSAGE("v1", "null", U("other")) MESSAGE("b1", "'v1'", A("other"))
			MESSAGE("v2", "'b1'", U("other")) MESSAGE("v3", "'v2'", U("other")),
		HEAD MESSAGE("v1", "null", U("one")),
		"garbage\n",
	};
	unsigned i;

	(void)state;
	assert_int_equal(strlen(others[0]), strlen(TALK));
	for (i = 0; i < sizeof(others) / sizeof(*others); i++) {
		put(path, TALK);
		ramet_session_close(s);
		s = opened(path);
		put(path, others[i]);
		refuses_to_append();
		assert_file(path, "%s", others[i]);
	}
}

static void replace_by(const char *text)
{
	const char *temp = temp_path(dir, "temp");

	put(temp, text);
	assert_int_equal(rename(temp, path), 0);
}

static void others__goes_on_in_a_replaced_file_that_has_our_leaf(void **state)
{
	/* clang-format off */
	static const char fuller[] =
		"{'type':'session','version':3,'id':'s1','timestamp':'2026-03-01T10:00:00.000Z',"
		"'cwd':'/w','extra':1}\n"
		MESSAGE("pre", "null", U("zero")) MESSAGE("u1", "'pre'", U("one"))
		MESSAGE("a1", "'u1'", A("two")) MESSAGE("u2", "'a1'", U("three"))
		MESSAGE("z", "'pre'", A("aside"));
	/* clang-format on */

	(void)state;
	replace_by(fuller);
	say(A("mine"));
	assert_text(rest_after(bytes_of(path), js(fuller)),
		    "{'type':'message','id':'%s','parentId':'u2','timestamp':'<now>',"
		    "'message':%s}\n",
		    leaf_id(s), A("mine"));
	assert_reopens_same(s);
	assert_string_equal(names_in(dir), "s.jsonl");
}

static void others__goes_on_in_the_same_bytes_under_another_inode(void **state)
{
	(void)state;
	say(A("mine"));
	replace_by(bytes_of(path).ptr);
	say(U("mine"));
	assert_reopens_same(s);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 5);
}

static void others__a_replaced_file_without_our_leaf_is_a_conflict(void **state)
{
	static const char *const others[] = {
		HEAD MESSAGE("u1", "null", U("one")) MESSAGE("a1", "'u1'", A("two")),
		HEAD,
		HEAD MESSAGE("x1", "null", U("one")) MESSAGE("x2", "'x1'", A("two"))
			MESSAGE("x3", "'x2'", U("three")) MESSAGE("x4", "'x3'", A("four")),
		"garbage\n",
		"",
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(*others); i++) {
		ramet_session_close(s);
		put(path, TALK);
		s = opened(path);
		replace_by(others[i]);
		conflicts();
		assert_file(path, "%s", others[i]);
	}
}

static void others__a_directory_in_its_place_is_a_conflict(void **state)
{
	(void)state;
	assert_int_equal(unlink(path), 0);
	temp_mkdir(dir, "s.jsonl");
	conflicts();
	assert_string_equal(names_in(path), "");
}

static void others__a_moved_file_is_a_conflict(void **state)
{
	const char *elsewhere = temp_path(dir, "moved.jsonl");

	(void)state;
	assert_int_equal(rename(path, elsewhere), 0);
	conflicts();
	assert_file(elsewhere, TALK);
	assert_string_equal(names_in(dir), "moved.jsonl");
}

/* ---- locks ---- */

static struct ramet_session *impatient(uint32_t lock_ms)
{
	const struct ramet_open_opts opts = { .lock_ms = lock_ms };
	struct ramet_session *other = NULL;

	must(ramet_session_open(&other, path, &opts, &why));
	return other;
}

static int lock_file(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	return fd;
}

static void lock__is_not_waited_for_longer_than_asked(void **state)
{
	struct ramet_session *other = impatient(200);
	int64_t start;
	int fd;

	(void)state;
	fd = lock_file();
	start = rameti_now_ms(NULL);
	refused(ramet_session_append_message(other, js(A("mine")), NULL, &why), RAMET_ECONFLICT);
	assert_in_range(rameti_now_ms(NULL) - start, 150, 3000);
	assert_file(path, TALK);
	assert_int_equal(ramet_tree_count(ramet_session_tree(other)), 3);
	assert_int_equal(close(fd), 0);
	must(ramet_session_append_message(other, js(A("mine")), NULL, &why));
	assert_reopens_same(other);
	ramet_session_close(other);
}

static void hold_for_a_while(int ready)
{
	const struct timespec while_ms = { 0, 300000000 };
	int fd = open(path, O_RDWR | O_APPEND);
	const char *line = dq(MESSAGE("b1", "'u2'", A("theirs")));

	if (fd < 0 || flock(fd, LOCK_EX) < 0 || write(ready, "x", 1) != 1)
		_exit(1);
	(void)nanosleep(&while_ms, NULL);
	_exit(write(fd, line, strlen(line)) != (ssize_t)strlen(line));
}

static void lock__is_waited_for(void **state)
{
	int64_t start;
	int ready[2], status;
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0)
		hold_for_a_while(ready[1]);
	assert_true(pid > 0);
	assert_int_equal(read(ready[0], &c, 1), 1);
	start = rameti_now_ms(NULL);
	say(A("mine"));
	assert_in_range(rameti_now_ms(NULL) - start, 200, 4000);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_text(rest_after(bytes_of(path), js(TALK MESSAGE("b1", "'u2'", A("theirs")))),
		    "{'type':'message','id':'%s','parentId':'u2','timestamp':'<now>',"
		    "'message':%s}\n",
		    leaf_id(s), A("mine"));
	assert_reopens_same(s);
	assert_int_equal(close(ready[0]), 0);
	assert_int_equal(close(ready[1]), 0);
}

static void lock__is_let_go_after_each_append(void **state)
{
	int fd;

	(void)state;
	say(A("mine"));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(close(fd), 0);
	assert_true(ramet_session_append_message(s, js("{"), NULL, &why) < 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(close(fd), 0);
}

static void lock__is_not_needed_for_reading(void **state)
{
	int fd = lock_file();
	struct ramet_session *fresh = opened(path);

	(void)state;
	assert_same_state(s, fresh);
	ramet_session_close(fresh);
	assert_int_equal(close(fd), 0);
}

int main(void)
{
#define WITH_TALK(test) cmocka_unit_test_setup_teardown(test, make_talk, drop_talk)
	const struct CMUnitTest tests[] = {
		WITH_TALK(others__what_they_appended_comes_first),
		WITH_TALK(others__what_they_tore_is_ended),
		WITH_TALK(others__a_line_that_was_half_there_is_taken_in_whole),
		WITH_TALK(others__a_half_line_is_taken_in_by_refresh_once_whole),
		WITH_TALK(policy__branch_hangs_under_the_leaf_it_had),
		WITH_TALK(policy__append_hangs_under_theirs),
		WITH_TALK(policy__refuse_writes_nothing_and_takes_theirs_in),
		WITH_TALK(refresh__takes_in_what_is_new_and_keeps_the_leaf),
		WITH_TALK(refresh__of_what_we_wrote_is_nothing_new),
		WITH_TALK(others__whatever_they_append_we_agree_with_a_fresh_reading),
		WITH_TALK(others__two_handles_grow_siblings),
		WITH_TALK(others__processes_lose_nothing),
		WITH_TALK(others__a_quicker_writer_loses_nothing_and_costs_nothing),
		WITH_TALK(others__a_removed_file_is_not_made_again),
		WITH_TALK(others__a_file_removed_after_we_wrote_is_not_made_again),
		WITH_TALK(others__a_file_that_comes_back_is_gone_on_with),
		WITH_TALK(others__a_symbolic_link_stays_one),
		WITH_TALK(others__a_cut_file_is_a_conflict),
		WITH_TALK(others__an_overwritten_file_is_a_conflict),
		WITH_TALK(others__goes_on_in_a_replaced_file_that_has_our_leaf),
		WITH_TALK(others__goes_on_in_the_same_bytes_under_another_inode),
		WITH_TALK(others__a_replaced_file_without_our_leaf_is_a_conflict),
		WITH_TALK(others__a_directory_in_its_place_is_a_conflict),
		WITH_TALK(others__a_moved_file_is_a_conflict),
		WITH_TALK(lock__is_not_waited_for_longer_than_asked),
		WITH_TALK(lock__is_waited_for),
		WITH_TALK(lock__is_let_go_after_each_append),
		WITH_TALK(lock__is_not_needed_for_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
