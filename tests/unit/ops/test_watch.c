/*
 * watch.c, told.c: each entry is told once, in order, whatever others do to the file and at
 * whatever moment, and whatever call fails.
 */
#include "store/faulty.h"
#include "store/temp_dir.h"
#include "store/written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define E(id, parent) MESSAGE(id, parent, U(id))
#define ONE HEAD E("a", "null")
#define TWO ONE E("b", "'a'")
#define THREE TWO E("c", "'b'")
#define FOUR THREE E("d", "'c'")

static char *dir;
static char path[TEMP_PATH], other[TEMP_PATH];
static struct ramet_watch *w;
static char got[4096]; /* ids that were told, events as capitals, a blank behind each */

static int start(void **state)
{
	(void)state;
	dir = temp_dir_new();
	(void)snprintf(path, sizeof(path), "%s/d/s.jsonl", dir);
	(void)snprintf(other, sizeof(other), "%s/other", dir);
	temp_mkdir(dir, "d");
	w = NULL;
	got[0] = '\0';
	return 0;
}

static int end(void **state)
{
	(void)state;
	ramet_watch_close(w);
	temp_dir_remove(dir);
	return 0;
}

static void replace(const char *text)
{
	put(other, text);
	assert_int_equal(rename(other, path), 0);
}

static void watch_from(uint32_t from)
{
	struct ramet_watch_opts opts = { 10, from };

	must(ramet_watch_open(&w, opened(path), &opts, &why));
}

static void watch_now(const char *text)
{
	put(path, text);
	watch_from(RAMET_NONE);
}

/* ---- what is told ---- */

static void note(const char *word, size_t len)
{
	size_t at = strlen(got);

	assert_true(at + len + 2 < sizeof(got));
	(void)snprintf(got + at, sizeof(got) - at, "%.*s ", (int)len, word);
}

static int next(int64_t timeout_ms)
{
	static const char *const letters[] = { "", "R", "C", "L", "B" };
	struct ramet_watch_news news;
	int r = ramet_watch_next(w, timeout_ms, &news, &why);

	if (r <= 0)
		return r;
	if (news.event != RAMET_WATCH_GREW)
		note(letters[news.event], 1);
	assert_true(news.n || news.event != RAMET_WATCH_GREW);
	assert_true(!news.n || news.event != RAMET_WATCH_LOST);
	assert_int_equal(news.text[0] != '\0', news.event == RAMET_WATCH_LOST);
	for (uint32_t i = 0; i < news.n; i++) {
		const struct ramet_tree *t = ramet_session_tree(ramet_watch_session(w));
		struct ramet_bytes id = ramet_tree_id(t, news.rows[i]);

		note(id.len ? id.ptr : "-", id.len ? id.len : 1);
	}
	return r;
}

/* All there is now; a failure is passed by, since the next call goes on. */
static unsigned settle(void)
{
	unsigned failures = 0;
	int r;

	while ((r = next(0)))
		failures += r < 0;
	return failures;
}

#define tells(expected)                                                                            \
	do {                                                                                       \
		assert_int_equal(settle(), 0);                                                     \
		assert_string_equal(got, expected);                                                \
		got[0] = '\0';                                                                     \
	} while (0)

/* ---- growing ---- */

static void watch__begins_where_it_is_told(void **state)
{
	static const struct {
		uint32_t from;
		const char *told;
	} cases[] = { { 0, "a b c " }, { 1, "b c " }, { 2, "c " }, { 3, "" }, { 9, "" },
		      { RAMET_NONE, "" } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		put(path, THREE);
		watch_from(cases[i].from);
		tells(cases[i].told);
		add_to(path, E("d", "'c'"));
		tells("d ");
		ramet_watch_close(w);
		w = NULL;
	}
	put(path, TWO);
	must(ramet_watch_open(&w, opened(path), NULL, &why));
	tells("a b ");
}

static void watch__tells_what_comes(void **state)
{
	(void)state;
	watch_now(ONE);
	tells("");
	add_to(path, E("b", "'a'"));
	tells("b ");
	add_to(path, E("c", "'b'") "no entry\n\n" E("d", "'c'"));
	tells("c d ");
	must(ramet_session_append_name(ramet_watch_session(w), raw("mine"), NULL, &why));
	assert_int_equal(next(0), 1);
	assert_int_equal(next(0), 0);
}

static void watch__waits_as_long_as_told(void **state)
{
	(void)state;
	watch_now(ONE);
	assert_int_equal(next(0), 0);
	assert_int_equal(next(30), 0);
	add_to(path, E("b", "'a'"));
	assert_int_equal(next(-1), 1);
	assert_string_equal(got, "b ");
}

static void watch__tells_a_line_when_it_is_whole(void **state)
{
	const char *text = dq(E("b", "'a'"));
	size_t len = strlen(text), at, part;
	char some[16];

	(void)state;
	watch_now(ONE);
	for (at = 0; at < len - 1; at += part) {
		tells("");
		part = len - 1 - at < sizeof(some) ? len - 1 - at : sizeof(some) - 1;
		(void)snprintf(some, sizeof(some), "%.*s", (int)part, text + at);
		add_to(path, some);
	}
	tells("b ");                             /* an object without its line end */
	add_to(path, "\n");
	tells("");
	add_to(path, E("c", "'b'"));
	tells("c ");
}

static void watch__tells_repeated_ids_and_entries_without(void **state)
{
	(void)state;
	watch_now(ONE);
	add_to(path, E("a", "null") "{'type':'custom'}\n{'type':'custom','x':1}\n");
	tells("a - - ");
	replace(ONE E("a", "null") "{'type':'custom'}\n{'type':'custom','x':1}\n");
	tells("R ");
	add_to(path, E("a", "null") "{'type':'custom'}\n{'type':'custom','x':2}\n");
	tells("a - - ");
}

static void watch__tells_many_in_parts(void **state)
{
	struct ramet_watch_news news;
	uint32_t row = 1, i;
	FILE *f;

	(void)state;
	watch_now(ONE);
	f = fopen(path, "ab");
	assert_non_null(f);
	for (i = 1; i <= 40000; i++)
		(void)fprintf(f, "{\"type\":\"custom\",\"id\":\"x%u\",\"parentId\":\"a\"}\n", i);
	assert_int_equal(fclose(f), 0);
	while (ramet_watch_next(w, 0, &news, &why) > 0)
		for (i = 0; i < news.n; i++)
			assert_int_equal(news.rows[i], row++);
	assert_int_equal(row, 40001);
}

static void watch__refuses_what_has_no_file(void **state)
{
	struct ramet_session *s;

	(void)state;
	must(ramet_session_open_bytes(&s, js(ONE), NULL, &why));
	refused(ramet_watch_open(&w, s, NULL, &why), RAMET_EINVAL);
	ramet_session_close(s);
	s = created(dir);
	refused(ramet_watch_open(&w, s, NULL, &why), RAMET_EINVAL);
	ramet_session_close(s);
}

/* ---- others at the file ---- */

static void watch__goes_on_in_a_file_that_took_its_place(void **state)
{
	(void)state;
	watch_now(TWO);
	replace(THREE);
	tells("R c ");
	replace(HEAD E("c", "null"));
	tells("R ");
	add_to(path, E("a", "'c'") E("d", "'a'"));
	tells("d ");
	replace(FOUR E("e", "'d'"));
	tells("R e ");
	replace("{'type':'session','version':3,'id':'s2'}\n" E("x", "null") E("a", "'x'"));
	tells("R x ");
}

static void watch__waits_for_a_session_to_come_back(void **state)
{
	(void)state;
	watch_now(TWO);
	assert_int_equal(unlink(path), 0);
	tells("L ");
	replace("none\n");
	tells("");
	replace("");
	tells("");
	replace(THREE);
	tells("B c ");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(temp_path(dir, "d")), 0);
	tells("L ");
	temp_mkdir(dir, "d");
	tells("");
	put(path, HEAD);
	tells("B ");
	add_to(path, E("a", "null"));
	tells("");
	add_to(path, E("d", "'a'"));
	tells("d ");
}

static void watch__stays_where_it_began(void **state)
{
	char here[TEMP_PATH];

	(void)state;
	put(path, ONE);
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(dir), 0);
	must(ramet_watch_open(&w, opened("d/s.jsonl"), NULL, &why));
	assert_int_equal(chdir(here), 0);
	tells("a ");
	replace(TWO);
	tells("R b ");
}

static void watch__reads_anew_what_was_cut_or_changed(void **state)
{
	(void)state;
	watch_now(THREE);
	assert_int_equal(truncate(path, (off_t)strlen(TWO)), 0);
	tells("C ");
	add_to(path, E("c", "'b'") E("d", "'c'"));
	tells("d ");
	assert_int_equal(truncate(path, 0), 0);
	tells("L ");
	add_to(path, HEAD);
	tells("B ");
	add_to(path, E("a", "null") E("b", "'a'") E("x", "'b'"));
	tells("x ");
	put(path, HEAD E("q", "null") E("r", "'q'") E("s", "'r'") E("t", "'s'"));
	tells("C q r s t ");
}

static int no_inotify(void *user, int flags)
{
	(void)user;
	(void)flags;
	errno = EMFILE;
	return -1;
}

static void watch__needs_no_system_that_tells(void **state)
{
	struct rameti_env env = *rameti_env_posix();

	(void)state;
	env.inotify_init1 = no_inotify;
	rameti_env_use(&env);
	watch_now(ONE);
	assert_int_equal(next(30), 0);
	add_to(path, E("b", "'a'"));
	tells("b ");
	replace(THREE);
	assert_int_equal(next(-1), 1);
	tells("R c ");
	ramet_watch_close(w);
	w = NULL;
	rameti_env_use(NULL);
}

static int armed;

/* Another session comes right behind the look that finds the file as it was. */
static int replaced_after(void *user, const char *name, int follow, struct stat *st)
{
	int r = rameti_env_posix()->stat_place(user, name, follow, st);

	if (armed && !strcmp(name, path)) {
		armed = 0;
		replace("{'type':'session','version':3,'id':'s2'}\n" E("x", "null"));
	}
	return r;
}

static void watch__tells_which_it_was_however_close(void **state)
{
	struct rameti_env env = *rameti_env_posix();

	(void)state;
	env.stat_place = replaced_after;
	rameti_env_use(&env);
	watch_now(TWO);
	armed = 1;
	tells("R x ");
	assert_int_equal(armed, 0);
	ramet_watch_close(w);
	w = NULL;
	rameti_env_use(NULL);
}

static void watch__tells_again_what_could_not_be_read(void **state)
{
	struct ramet_watch_news news;

	(void)state;
	watch_now(ONE);
	add_to(path, E("b", "'a'") E("c", "'b'") E("d", "'c'"));
	assert_int_equal(ramet_watch_next(w, 0, &news, &why), 1);
	assert_int_equal(news.n, 3);
	must(ramet_watch_again(w, 3, &why));
	assert_int_equal(truncate(path, (off_t)strlen(TWO)), 0);
	must(ramet_watch_again(w, 1, &why));
	tells("C ");
	add_to(path, E("c", "'b'"));
	tells("c ");
	/* nothing has happened: not without a wait between */
	add_to(path, E("d", "'c'") E("e", "'d'"));
	assert_int_equal(ramet_watch_next(w, 0, &news, &why), 1);
	assert_int_equal(news.n, 2);
	must(ramet_watch_again(w, 0, &why));
	assert_int_equal(ramet_watch_next(w, 0, &news, &why), 0);
	tells("d e ");
}

/* ---- at any moment, with any failure ---- */

static void grow(void *user)
{
	(void)user;
	add_to(path, E("d", "'c'"));
}

static void swap(void *user)
{
	(void)user;
	replace(FOUR);
}

static void swap_shorter(void *user)
{
	(void)user;
	replace(TWO);
}

static void cut(void *user)
{
	(void)user;
	assert_int_equal(truncate(path, (off_t)strlen(TWO)), 0);
}

static void take_away(void *user)
{
	(void)user;
	(void)unlink(path);
}

/* got without its events */
static const char *ids_told(void)
{
	static char ids[sizeof(got)];
	char *to = ids;

	for (const char *p = got; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			p++;
		else
			*to++ = *p;
	*to = '\0';
	return ids;
}

/* One entry comes; while it is looked for, something else happens at the n-th call; at last the
 * file is whole and has one entry more. How many calls there were. */
static int moment(void (*what)(void *), unsigned n)
{
	struct faults f = { .kind = FAULT_ANY, .n = n, .meanwhile = what };
	int reached;

	watch_now(TWO);
	add_to(path, E("c", "'b'"));
	faults_start(&f);
	(void)next(0);
	(void)next(0);
	reached = faults_stop();
	assert_int_equal(settle(), 0);
	replace(FOUR E("e", "'d'"));
	assert_int_equal(settle(), 0);
	assert_string_equal(ids_told(), "c d e ");
	got[0] = '\0';
	ramet_watch_close(w);
	w = NULL;
	return reached;
}

static void watch__tells_once_whenever_others_come(void **state)
{
	void (*const all[])(void *) = { grow, swap, swap_shorter, cut, take_away };
	unsigned i, n;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		for (n = 1; moment(all[i], n); n++)
			;
		assert_true(n > 4);
	}
}

/* Grows, is replaced, cut and made again; calls that fail are made again. */
static void live(void)
{
	add_to(path, E("b", "'a'"));
	(void)settle();
	replace(THREE);
	(void)settle();
	assert_int_equal(truncate(path, (off_t)strlen(TWO)), 0);
	(void)settle();
	assert_int_equal(unlink(path), 0);
	(void)settle();
	put(path, FOUR);
	(void)settle();
	add_to(path, E("e", "'d'"));
	(void)settle();
}

static void lived_through_it(void)
{
	assert_int_equal(settle(), 0);
	assert_string_equal(ids_told(), "b c d e ");
	got[0] = '\0';
	ramet_watch_close(w);
	w = NULL;
}

static void watch__survives_any_failing_call(void **state)
{
	struct faults f = { .kind = FAULT_ANY, .sys = EIO };
	int reached = 1;

	(void)state;
	for (f.n = 1; reached; f.n++) {
		watch_now(ONE);
		faults_start(&f);
		live();
		reached = faults_stop();
		lived_through_it();
	}
	assert_true(f.n > 20);
}

static void watch__survives_scarce_memory(void **state)
{
	struct ramet_watch_opts opts = { 10, RAMET_NONE };
	struct ramet_session *s;
	int r, reached = 1;
	unsigned n;

	(void)state;
	for (n = 1; reached; n++) {
		put(path, ONE);
		s = opened(path);
		scarce_start(n);
		r = ramet_watch_open(&w, s, &opts, &why);
		if (r < 0)
			assert_int_equal(r, RAMET_ENOMEM);
		else
			live();
		reached = scarce_stop();
		if (r < 0)
			ramet_session_close(s);
		else
			lived_through_it();
	}
	assert_true(n > 20);
}

#define with_directory(f) cmocka_unit_test_setup_teardown(f, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_directory(watch__begins_where_it_is_told),
		with_directory(watch__tells_what_comes),
		with_directory(watch__waits_as_long_as_told),
		with_directory(watch__tells_a_line_when_it_is_whole),
		with_directory(watch__tells_repeated_ids_and_entries_without),
		with_directory(watch__tells_many_in_parts),
		with_directory(watch__refuses_what_has_no_file),
		with_directory(watch__goes_on_in_a_file_that_took_its_place),
		with_directory(watch__waits_for_a_session_to_come_back),
		with_directory(watch__stays_where_it_began),
		with_directory(watch__reads_anew_what_was_cut_or_changed),
		with_directory(watch__needs_no_system_that_tells),
		with_directory(watch__tells_which_it_was_however_close),
		with_directory(watch__tells_again_what_could_not_be_read),
		with_directory(watch__tells_once_whenever_others_come),
		with_directory(watch__survives_any_failing_call),
		with_directory(watch__survives_scarce_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
