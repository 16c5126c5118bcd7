/*
 * log.c, append.c, layout_pirust.c: one append to sessions of several formats, with whatever fails
 * or happens meanwhile. An append that says that it is done is in the file, as an entry; one that
 * says that it is not is not; and what was there before stays.
 */
#include "faulty.h"
#include "sidecared.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ramet/pirust.h"
#include "ramet/yoi.h"

#define S1 "01a01180-11e8-7201-80c0-ffee00000001"
#define S2 "01a01180-11e8-7201-80c0-ffee00000002"
#define PATH_LEN 8192

static char path[PATH_LEN], message[128];
static struct ramet_session *s;

static int no_pause(void *user, const struct timespec *time)
{
	(void)user;
	(void)time;
	return 0;
}

/* The real calls, without pauses. */
static void calls_again(void)
{
	static struct rameti_env hasty;

	hasty = *rameti_env_posix();
	hasty.nanosleep = no_pause;
	rameti_env_use(&hasty);
}

static int calls_stop(void)
{
	int reached = faults_stop();

	calls_again();
	return reached;
}

static int make(void **state)
{
	s = NULL;
	calls_again();
	return sidecar_make_dir(state);
}

static int drop(void **state)
{
	(void)faults_stop();
	(void)scarce_stop();
	ramet_session_close(s);
	return sidecar_drop_dir(state);
}

/* ---- sessions ---- */

static void fresh(void)
{
	ramet_session_close(s);
	s = NULL;
	sidecar_fresh_dir();
	(void)snprintf(path, sizeof(path), "%s", sc_path);
	(void)snprintf(message, sizeof(message), "%s", dq(U("new")));
}

static void have_pi(void)
{
	fresh();
	put(path, HEAD MESSAGE("u1", "null", U("one")));
}

static void have_pi_open(void)
{
	have_pi();
	assert_int_equal(truncate(path, (off_t)bytes_of(path).len - 1), 0);
}

static void have_pirust(void)
{
	fresh();
	put(path, SIDECAR_HEAD_OF(",'leafId':'a'") ROOT("a") KID("b", "a"));
}

/* Its header is longer than is read at first, it has a sidecar and an index. */
static void have_pirust_all(void)
{
	static char text[40000];
	int n;

	fresh();
	n = snprintf(text, sizeof(text), "%.*s,\"pad\":\"%020000d\",\"leafId\":\"a\"}\n%s",
		     (int)strlen(dq(SIDECAR_HEAD)) - 2, dq(SIDECAR_HEAD), 0,
		     dq(ROOT("a") KID("b", "a")));
	assert_true(n < (int)sizeof(text));
	assert_int_equal(mkdir(in("--w--"), 0700), 0);
	(void)snprintf(path, sizeof(path), "%s", in("--w--/s.jsonl"));
	put_bytes(path, (struct ramet_bytes){ text, (size_t)n });
	must(ramet_sidecar_migrate(path, NULL, NULL, &why));
	must(ramet_pirust_index_refresh(sc_dir, NULL, &why));
}

static void have_yoi(void)
{
	struct ramet_yoi_opts o = { .generation = RAMET_YOI_G2, .session_id = S1,
				    .segment_id = S2 };
	struct ramet_yoi_start start = { .system_prompt = raw("P") };
	struct ramet_yoi_log *log;

	fresh();
	must(ramet_yoi_create(&log, sc_dir, &start, &o, &why));
	must(ramet_yoi_save_turn_end(log, 1, &why));
	(void)snprintf(path, sizeof(path), "%s", ramet_yoi_path(log));
	ramet_yoi_close(log);
}

static void have_yoi_torn(void)
{
	have_yoi();
	add_to(path, "{'kind':'turn_end','ts':3,'turn");
}

static void have_yoi_long(void)
{
	static char text[100001];

	have_yoi();
	memset(text, 'x', sizeof(text) - 1);
	add_to(path, "{'kind':'turn_end','ts':3,'turn");
	add_to(path, text);
}

static void have_yoi_blank(void)
{
	have_yoi();
	add_to(path, " \r\n\t\n");
}

static void have_yoi_nothing(void)
{
	have_yoi();
	assert_int_equal(truncate(path, 0), 0);
}

/* ---- appending ---- */

static int append(struct ramet_error *err)
{
	int r = s ? 0 : ramet_session_open(&s, path, NULL, err);

	return r ? r : ramet_session_append_message(s, ramet_bytes_of(message), NULL, err);
}

/* How many entries there are, and how many of them are the new one. */
static void count(unsigned *all, unsigned *new)
{
	struct ramet_session *fresh_one = opened(path);
	uint32_t row;

	*all = *new = 0;
	for (row = 0; row < ramet_tree_count(ramet_session_tree(fresh_one)); row++) {
		struct ramet_bytes e = entry_of(fresh_one, row);

		++*all;
		*new += memmem(e.ptr, e.len, "\"new\"", 5) != NULL;
	}
	ramet_session_close(fresh_one);
}

static const struct scene {
	const char *name;
	void (*given)(void);
	int r;                                   /* when nothing fails */
} scenes[] = {
	{ "pi", have_pi, 0 },
	{ "pi without its last newline", have_pi_open, 0 },
	{ "pi_agent_rust", have_pirust, 0 },
	{ "pi_agent_rust with all beside it", have_pirust_all, 0 },
	{ "yoi", have_yoi, 0 },
	{ "yoi with a torn line", have_yoi_torn, 0 },
	{ "yoi with a long torn line", have_yoi_long, 0 },
	{ "yoi with blanks at its end", have_yoi_blank, 0 },
};
#define N_SCENES (sizeof(scenes) / sizeof(scenes[0]))

enum { MEMORY, CALLS, LASTING };

static void begin(int what, unsigned n)
{
	struct faults f = { .kind = FAULT_ANY, .n = n, .sys = what == CALLS ? EIO : ENOSPC,
			    .hasty = 1, .for_ever = what == LASTING };

	if (what == MEMORY)
		scarce_start(n);
	else
		faults_start(&f);
}

/* What an append that said r left behind. */
static void check(const char *where, int r, unsigned before)
{
	unsigned all, new;

	count(&all, &new);
	if (r == 0 ? new != 1 : r == RAMET_EUNKNOWN ? new > 1 : new != 0)
		fail_msg("%s: says %d, and there are %u: %s", where, r, new, why.text);
	if (all - new < before)
		fail_msg("%s: says %d, and of %u entries %u are left", where, r, before, all - new);
}

static void run(const struct scene *scene, int what)
{
	static const char *const names[] = { "allocation", "call", "all from call" };
	unsigned n = 0, before, new;
	int r, reached;

	scene->given();
	count(&before, &new);
	do {
		struct ramet_error said = { .code = 0 };
		char where[160];

		scene->given();
		(void)snprintf(where, sizeof(where), "%s, %s %u", scene->name, names[what], ++n);
		begin(what, n);
		r = append(&said);
		reached = what == MEMORY ? scarce_stop() : calls_stop();
		if (r < 0 && !said.text[0])
			fail_msg("%s: %d without a text", where, r);
		check(where, r, before);
		ramet_session_close(s);
		s = NULL;
		if (r < 0) {                         /* and then it works */
			r = append(&why);
			if (r)
				fail_msg("%s: then %d %s", where, r, why.text);
			assert_reopens_same(s);
		}
		assert_true(n < 2000);
	} while (reached);
}

static void append__fails_or_is_done_without_memory(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_SCENES; i++)
		run(&scenes[i], MEMORY);
}

static void append__fails_or_is_done_without_a_call(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_SCENES; i++) {
		run(&scenes[i], CALLS);
		run(&scenes[i], LASTING);
	}
}

static void append__is_done_through_interruptions(void **state)
{
	const struct faults f = { .interrupt = 1 };
	unsigned all, new;
	size_t i;

	(void)state;
	for (i = 0; i < N_SCENES; i++) {
		scenes[i].given();
		faults_start(&f);
		must(append(&why));
		(void)calls_stop();
		count(&all, &new);
		assert_int_equal(new, 1);
		assert_reopens_same(s);
	}
}

static void append__to_nothing_is_no_entry(void **state)
{
	(void)state;
	have_yoi_nothing();
	assert_int_not_equal(append(&why), 0);
	assert_int_equal(bytes_of(path).len, 0);
}

/* ---- a write that gets through in part ---- */

static void append__takes_back_what_got_through(void **state)
{
	size_t i, cut;

	(void)state;
	for (i = 0; i < N_SCENES; i++)
		for (cut = 1; cut < 40; cut += i ? 13 : 1) {
			struct faults f = { .kind = FAULT_WRITE, .n = 1, .for_ever = 1,
					    .sys = ENOSPC, .cut = cut };
			unsigned before, all, new;
			char where[160];
			int r;

			scenes[i].given();
			count(&before, &new);
			must(ramet_session_open(&s, path, NULL, &why));
			(void)snprintf(where, sizeof(where), "%s, cut at %zu", scenes[i].name, cut);
			faults_start(&f);
			r = append(&why);
			(void)calls_stop();
			check(where, r, before);
			must(append(&why));
			count(&all, &new);
			assert_int_equal(new, 1 + !r);
		}
}

static void append__takes_it_back_through_interruptions(void **state)
{
	struct faults f = { .kind = FAULT_WRITE, .n = 1, .sys = ENOSPC, .cut = 9, .interrupt = 1 };
	unsigned before, new;
	size_t i;

	(void)state;
	for (i = 0; i < N_SCENES; i++) {
		scenes[i].given();
		count(&before, &new);
		faults_start(&f);
		(void)append(&why);
		(void)calls_stop();
		count(&before, &new);
		assert_true(new <= 1);
		must(append(&why));
	}
}

/* It cannot be taken back either: the handle says that it does not know, and writes no more. */
static void append__that_cannot_be_taken_back_ends_the_handle(void **state)
{
	unsigned n, unknown = 0;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		for (n = 1; n < 60; n++) {
			struct faults f = { .kind = FAULT_ANY, .n = n, .for_ever = 1, .sys = EIO,
					    .cut = 9, .hasty = 1 };
			unsigned before, new;
			uint64_t len;
			int r;

			scenes[i].given();
			count(&before, &new);
			must(ramet_session_open(&s, path, NULL, &why));
			faults_start(&f);
			r = append(&why);
			(void)calls_stop();
			check(scenes[i].name, r, before);
			if (r != RAMET_EUNKNOWN)
				continue;
			unknown++;
			len = bytes_of(path).len;
			assert_int_not_equal(append(&why), 0);
			assert_int_equal(bytes_of(path).len, len);
		}
	assert_true(unknown > 0);
}

/* ---- others ---- */

static void cut_it(void *user)
{
	(void)user;
	(void)truncate(path, 20);
}

static void replace_it(void *user)
{
	(void)user;
	(void)unlink(path);
	put(path, "x\n");
}

static void remove_it(void *user)
{
	(void)user;
	(void)unlink(path);
}

static void begin_a_line(void *user)
{
	FILE *f = fopen(path, "ab");

	(void)user;
	if (f) {
		(void)fputs("{\"half", f);
		(void)fclose(f);
	}
}

static void grow_it(void *user)
{
	(void)user;
	add_to(path, MESSAGE("z9", "null", U("others")));
}

/* At every call another program does something: nothing of it is undone. */
static void append__meets_others_at_any_moment(void **state)
{
	static void (*const others[])(void *user) = { cut_it, replace_it, remove_it, begin_a_line,
						      grow_it };
	size_t i, k;

	(void)state;
	for (i = 0; i < N_SCENES; i++)
		for (k = 0; k < 5; k++) {
			struct faults f = { .kind = FAULT_ANY, .meanwhile = others[k], .hasty = 1 };
			/* in the instant before a torn line is cut off */
			unsigned lost = 0, may_lose = strstr(scenes[i].name, "torn") != NULL;
			int r, reached;

			do {
				struct ramet_bytes now;

				f.n++;
				scenes[i].given();
				faults_start(&f);
				memset(&why, 0, sizeof(why));
				r = append(&why);
				assert_true(!r || why.text[0]);
				reached = calls_stop();
				now = exists(path) ? bytes_of(path) : ramet_bytes_of("");
				if (reached && others[k] == grow_it &&
				    !memmem(now.ptr, now.len, "others", 6) && ++lost > may_lose)
					fail_msg("%s, call %u: %d %s", scenes[i].name, f.n, r,
						 why.text);
				/* yoi's own programs put such a line aside */
				if (reached && others[k] == begin_a_line &&
				    !strstr(scenes[i].name, "yoi") &&
				    !memmem(now.ptr, now.len, "half", 4))
					fail_msg("%s, call %u: %d %s", scenes[i].name, f.n, r,
						 why.text);
				ramet_session_close(s);
				s = NULL;
			} while (reached);
			assert_int_equal(r, 0);
		}
}

/* Whenever it writes somebody has begun a line again. */
static void append__gives_up_where_lines_never_end(void **state)
{
	struct faults f = { .kind = FAULT_WRITE, .n = 1, .for_ever = 1, .meanwhile = begin_a_line };
	unsigned all, new;

	(void)state;
	have_pi();
	must(ramet_session_open(&s, path, NULL, &why));
	faults_start(&f);
	refused(append(&why), RAMET_ECONFLICT);
	(void)calls_stop();
	count(&all, &new);
	assert_int_equal(new, 0);
	must(append(&why));
}

static void append__of_more_than_a_line_may_have_is_refused(void **state)
{
	static char text[300 << 10];
	struct ramet_open_opts o = { .max_line = 256 << 10 };
	uint64_t len;
	size_t i;

	(void)state;
	(void)snprintf(text, sizeof(text), "{\"role\":\"user\",\"content\":\"%0290000d\"}", 0);
	for (i = 0; i < N_SCENES; i++) {
		scenes[i].given();
		must(ramet_session_open(&s, path, &o, &why));
		len = bytes_of(path).len;
		refused(ramet_session_append_message(s, ramet_bytes_of(text), NULL, &why),
			RAMET_ELIMIT);
		assert_true(bytes_of(path).len <= len);
		must(append(&why));
	}
}

/* ---- the unfinished line ---- */

static void torn__line_finds_a_free_name(void **state)
{
	char names[8][PATH_LEN + 40];
	uint64_t at;
	unsigned i;

	(void)state;
	have_yoi();
	at = bytes_of(path).len;
	for (i = 0; i < 3; i++) {
		(void)snprintf(names[i], sizeof(names[i]), i ? "%s.torn-%llu.%u" : "%s.torn-%llu",
			       path, (unsigned long long)at, i);
		if (i < 2)
			put(names[i], "of another time");
	}
	add_to(path, "{'kind':'torn");
	must(append(&why));
	assert_file(names[0], "of another time");
	assert_file(names[2], "%s", dq("{'kind':'torn"));
	assert_reopens_same(s);
}

static void torn__line_that_the_writer_took_back_is_no_conflict(void **state)
{
	uint64_t whole;
	unsigned all, new;

	(void)state;
	have_yoi();
	whole = bytes_of(path).len;
	add_to(path, "{'kind':'torn");
	must(ramet_session_open(&s, path, NULL, &why));
	assert_int_equal(truncate(path, (off_t)whole), 0);
	must(append(&why));
	count(&all, &new);
	assert_int_equal(new, 1);
	have_yoi_torn();
	must(ramet_session_open(&s, path, NULL, &why));
	assert_int_equal(truncate(path, (off_t)whole), 0);
	add_to(path, "{'kind':'turn_end','ts':3,'turn_count':9}\n");
	must(append(&why));
	count(&all, &new);
	assert_int_equal(new, 1);
}

static void torn__line_of_which_there_are_too_many_is_left(void **state)
{
	char name[PATH_LEN + 40], before[SC_HEX], after[SC_HEX];
	uint64_t at;
	unsigned i;

	(void)state;
	have_yoi();
	at = bytes_of(path).len;
	for (i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), i ? "%s.torn-%llu.%u" : "%s.torn-%llu", path,
			       (unsigned long long)at, i);
		put(name, "of another time");
	}
	add_to(path, "{'kind':'torn");
	sidecar_whole(before);
	refused(append(&why), RAMET_ECONFLICT);
	sidecar_whole(after);
	assert_string_equal(before, after);
}

/* The older generation's programs never cut: a shorter file is another's doing. */
static void torn__line_of_an_older_generation_is_refused(void **state)
{
	struct ramet_yoi_opts o = { .generation = RAMET_YOI_G1, .session_id = S1,
				    .segment_id = S2 };
	struct ramet_yoi_start start = { .system_prompt = raw("P") };
	struct ramet_yoi_log *log;
	uint64_t whole;

	(void)state;
	fresh();
	must(ramet_yoi_create(&log, sc_dir, &start, &o, &why));
	(void)snprintf(path, sizeof(path), "%s", ramet_yoi_path(log));
	ramet_yoi_close(log);
	whole = bytes_of(path).len;
	add_to(path, "{'kind':'torn");
	must(ramet_session_open(&s, path, NULL, &why));
	refused(append(&why), RAMET_EFORMAT);
	assert_int_equal(truncate(path, (off_t)whole), 0);
	refused(append(&why), RAMET_ECONFLICT);
	assert_int_equal(bytes_of(path).len, whole);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(append__fails_or_is_done_without_memory),
		TEST(append__fails_or_is_done_without_a_call),
		TEST(append__is_done_through_interruptions),
		TEST(append__to_nothing_is_no_entry),
		TEST(append__takes_back_what_got_through),
		TEST(append__takes_it_back_through_interruptions),
		TEST(append__that_cannot_be_taken_back_ends_the_handle),
		TEST(append__meets_others_at_any_moment),
		TEST(append__gives_up_where_lines_never_end),
		TEST(append__of_more_than_a_line_may_have_is_refused),
		TEST(torn__line_finds_a_free_name),
		TEST(torn__line_of_which_there_are_too_many_is_left),
		TEST(torn__line_of_an_older_generation_is_refused),
		TEST(torn__line_that_the_writer_took_back_is_no_conflict),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
