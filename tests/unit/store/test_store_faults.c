/*
 * store.c, info.c, list.c, find.c, recent.c, layout_pi.c: every allocation and every system call of
 * listing and finding fails, at every place; and places that are odd, too long, or not there.
 */
#include "failing.h"
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/layout_pi.h"
#include "store/store_priv.h"

#define ROOT ".pi/agent/sessions/"
#define NAMED "{\"type\":\"session_info\",\"name\":\"n\"}\n"
#define SAID "{\"type\":\"message\",\"message\":{\"role\":\"user\",\"content\":\"hello\"}}\n"

static char *dir;

static int set_up(void **state)
{
	(void)state;
	dir = temp_dir_new();
	setenv("HOME", dir, 1);
	unsetenv("PI_CODING_AGENT_DIR");
	temp_session(dir, ROOT "--w--/1.jsonl", "0000-aa", "/w", SAID, 3);
	temp_session(dir, ROOT "--w--/2.jsonl", "0000-ab", "/w", NAMED SAID, 4);
	temp_session(dir, ROOT "--v--/3.jsonl", "3000-cc", "/w/", SAID NAMED, 5);
	temp_session(dir, ROOT "--v--/4.jsonl", "4000-dd", NULL, NULL, 6);
	temp_session(dir, ROOT "--v--/5.jsonl", "4000-dd", "~/..", NULL, 6);
	temp_file(dir, ROOT "--v--/none.jsonl", "[]\n", 3, 7, 0);
	temp_session(dir, "flat/a.jsonl", "a1", "/w", SAID, 3);
	temp_session(dir, "flat/b.jsonl", "b1", "/v", SAID, 3);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)faults_stop();
	(void)scarce_stop();
	temp_dir_remove(dir);
	return 0;
}

/* ---- what is done ---- */

struct scene {
	const char *url;                         /* NULL: pi's root; relative to dir */
	int this_project;
	int (*work)(struct ramet_store *st, struct ramet_error *err);
	int code;                                /* when nothing fails */
};

static int list_some(struct ramet_store *st, const char *cwd, struct ramet_error *err)
{
	const struct ramet_list_opts opts = { .cwd = cwd, .with_text = 1, .threads = 1 };
	struct ramet_list list = RAMET_LIST_INIT;
	int r = ramet_store_list(st, &opts, &list, err);

	ramet_list_release(&list);
	return r;
}

static int list_all(struct ramet_store *st, struct ramet_error *err)
{
	return list_some(st, NULL, err);
}

static int list_own(struct ramet_store *st, struct ramet_error *err)
{
	return list_some(st, "/w", err);
}

static int find_id(struct ramet_store *st, const char *id, struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	int r = ramet_store_find(st, ramet_bytes_of(id), &b, err);

	ramet_buf_release(&b);
	return r;
}

static int find_start(struct ramet_store *st, struct ramet_error *err)
{
	return find_id(st, "3000", err);
}

static int find_two(struct ramet_store *st, struct ramet_error *err)
{
	return find_id(st, "0000", err);
}

static int find_twins(struct ramet_store *st, struct ramet_error *err)
{
	return find_id(st, "4000-dd", err);
}

static int find_exact(struct ramet_store *st, struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	int r = ramet_store_find_exact(st, ramet_bytes_of("0000-ab"), "/w", &b, err);

	ramet_buf_release(&b);
	return r;
}

static int most_recent(struct ramet_store *st, struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	int r = ramet_store_recent(st, "/w", &b, err);

	ramet_buf_release(&b);
	return r;
}

static const struct scene scenes[] = {
	{ NULL, 0, list_all, 0 },
	{ NULL, 0, list_own, 0 },
	{ NULL, 1, list_own, 0 },
	{ "flat", 0, list_all, 0 },
	{ "flat", 0, list_own, 0 },
	{ "file", 0, list_all, 0 },
	{ NULL, 0, find_start, 0 },
	{ NULL, 0, find_two, RAMET_EAMBIGUOUS },
	{ NULL, 0, find_twins, RAMET_EAMBIGUOUS },
	{ NULL, 0, find_exact, 0 },
	{ NULL, 0, most_recent, 0 },
	{ "flat", 0, most_recent, 0 },
};
#define N_SCENES (sizeof(scenes) / sizeof(*scenes))

static int play(const struct scene *scene, struct ramet_error *err)
{
	const struct ramet_store_opts opts = { .cwd = "/w", .this_project = scene->this_project };
	struct ramet_store *st = NULL;
	char url[TEMP_PATH];
	int r;

	memset(err, 0, sizeof(*err));
	if (scene->url && !strcmp(scene->url, "file"))
		(void)snprintf(url, sizeof(url), "file://%s/flat", dir);
	else if (scene->url)
		(void)snprintf(url, sizeof(url), "%s/%s//", dir, scene->url);
	r = ramet_store_open(&st, scene->url ? url : NULL, &opts, err);
	if (!r)
		r = scene->work(st, err);
	ramet_store_close(st);
	return r;
}

static void store__survives_every_failing_allocation(void **state)
{
	struct ramet_error err;
	unsigned n, reached;
	size_t i;
	int r;

	(void)state;
	for (i = 0; i < N_SCENES; i++) {
		for (n = 1, reached = 1; reached; n++) {
			scarce_start(n);
			r = play(&scenes[i], &err);
			reached = (unsigned)scarce_stop();
			/* a time that there is no memory to decode is one that cannot be read */
			if (r != scenes[i].code && (r != RAMET_ENOMEM || !reached))
				fail_msg("scene %u, allocation %u: %s", (unsigned)i, n,
					 ramet_code_name(r));
			assert_true(!r || err.code == r);
		}
		assert_true(n > 10);
	}
}

/* A file or directory that cannot be read is left out; no descriptor is lost. */
static void store__survives_every_failing_call(void **state)
{
	static const int errors[] = { EIO, EACCES, ENOENT, ENAMETOOLONG };
	struct faults f = { .kind = FAULT_ANY };
	struct ramet_error err;
	unsigned n;
	size_t i, e;
	int r, reached;

	(void)state;
	for (i = 0; i < N_SCENES; i++)
		for (e = 0; e < sizeof(errors) / sizeof(*errors); e++)
			for (n = 1, reached = 1; reached; n++) {
				f.n = n;
				f.sys = errors[e];
				faults_start(&f);
				r = play(&scenes[i], &err);
				assert_int_equal(faults_open_fds(), 0);
				reached = faults_stop();
				assert_true(reached || r == scenes[i].code);
				assert_true(!r || (err.code == r && *err.text));
			}
}

/* ---- places that are odd ---- */

static void store__that_cannot_be_read_says_why(void **state)
{
	const struct faults f = { .kind = FAULT_OPENDIR, .n = 1, .sys = EACCES };
	struct ramet_store *st = NULL;
	struct ramet_error err;

	(void)state;
	faults_start(&f);
	assert_int_equal(play(&scenes[3], &err), RAMET_EIO);
	assert_int_equal(faults_stop(), 1);
	assert_int_equal(err.sys, EACCES);
	/* also when nobody listens */
	assert_int_equal(ramet_store_open(&st, temp_path(dir, "flat"), NULL, NULL), 0);
	faults_start(&f);
	assert_int_equal(list_all(st, NULL), RAMET_EIO);
	(void)faults_stop();
	ramet_store_close(st);
}

/* Names of a kind that the file system does not tell, and links that lead nowhere. */
static void store__looks_up_what_is_not_told(void **state)
{
	struct ramet_error err;
	struct failing_env fe;
	size_t i;

	(void)state;
	(void)symlink("nowhere", temp_path(dir, ROOT "--dead--"));
	(void)symlink("nowhere", temp_path(dir, "flat/dead.jsonl"));
	failing_env_init(&fe, 0, 0);
	fe.no_types = 1;
	rameti_env_use(&fe.env);
	for (i = 0; i < N_SCENES; i++)
		assert_int_equal(play(&scenes[i], &err), scenes[i].code);
	rameti_env_use(NULL);
}

/* A link to a directory of sessions is either followed or there was no memory to. */
static void store__misses_no_directory_for_want_of_memory(void **state)
{
	struct ramet_error err;
	struct failing_env fe;
	unsigned n, reached;
	int no_types, r;

	(void)state;
	temp_session(dir, "far/6.jsonl", "6000-ee", "/w", SAID, 7);
	(void)symlink(temp_path(dir, "far"), temp_path(dir, ROOT "--far--"));
	for (no_types = 0; no_types < 2; no_types++) {
		failing_env_init(&fe, 0, 0);
		fe.no_types = no_types;
		rameti_env_use(&fe.env);
		for (n = 1, reached = 1; reached; n++) {
			struct ramet_buf b = RAMET_BUF_INIT(4096);
			struct ramet_store *st = NULL;

			scarce_start(n);
			r = ramet_store_open(&st, NULL, NULL, &err);
			if (!r)
				r = ramet_store_find(st, ramet_bytes_of("6000"), &b, &err);
			ramet_buf_release(&b);
			ramet_store_close(st);
			reached = (unsigned)scarce_stop();
			assert_true(r == 0 || (reached && r == RAMET_ENOMEM && err.code == r));
		}
	}
	rameti_env_use(NULL);
}

static void refuses_store(const char *url, int code)
{
	struct ramet_store *st = NULL;
	struct ramet_error err;

	assert_int_equal(ramet_store_open(&st, url, NULL, &err), code);
	assert_int_equal(err.code, code);
	assert_null(st);
}

static void store__refuses_kinds_there_are_not(void **state)
{
	struct ramet_store_opts opts = { .cwd = "" };
	struct ramet_store *st = NULL;

	(void)state;
	refuses_store("", RAMET_EINVAL);
	refuses_store("postgres://h/d", RAMET_EINVAL);
	refuses_store("postgresql://h/d", RAMET_EINVAL);
	refuses_store("file://elsewhere/d", RAMET_EINVAL);
	refuses_store("file:///no/such/directory", RAMET_ENOTFOUND);
	refuses_store(temp_path(dir, "flat/a.jsonl"), RAMET_EFORMAT);
	assert_int_equal(ramet_store_open(&st, "/", &opts, NULL), 0);
	ramet_store_close(st);
	ramet_store_close(NULL);
}

/* Without a home directory there is no default directory: the header alone decides. */
static void list__needs_no_home(void **state)
{
	struct ramet_list_opts opts = { .cwd = "/w" };
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_store *st = NULL;

	(void)state;
	unsetenv("HOME");
	assert_int_equal(ramet_store_open(&st, temp_path(dir, "flat"), NULL, NULL), 0);
	assert_int_equal(ramet_store_list(st, &opts, &list, NULL), 0);
	assert_int_equal(list.n, 1);
	ramet_list_release(&list);
	ramet_store_close(st);
	assert_int_equal(ramet_store_open(&st, "pi", NULL, NULL), RAMET_ENOTFOUND);
}

static void list__takes_no_more_threads_than_there_is_use_for(void **state)
{
	const struct ramet_list_opts opts = { .threads = 1000 };
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_store *st = NULL;

	(void)state;
	assert_int_equal(ramet_store_open(&st, NULL, NULL, NULL), 0);
	assert_int_equal(ramet_store_list(st, &opts, &list, NULL), 0);
	assert_int_equal(list.n, 5);
	ramet_list_release(&list);
	ramet_store_close(st);
}

/* The caller's buffer has a limit of its own. */
static void paths__too_long_for_the_caller_are_told(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(3);
	struct ramet_store *st = NULL;
	struct ramet_error err;

	(void)state;
	assert_int_equal(ramet_store_open(&st, NULL, NULL, NULL), 0);
	assert_int_equal(ramet_store_find(st, ramet_bytes_of("3"), &b, &err), RAMET_ELIMIT);
	assert_string_equal(err.text, "the path is too long");
	ramet_buf_release(&b);
	assert_int_equal(ramet_store_recent(st, NULL, &b, &err), RAMET_ELIMIT);
	assert_string_equal(err.text, "the path is too long");
	ramet_buf_release(&b);
	assert_int_equal(ramet_pi_session_dir(ramet_bytes_of("/w"), &b, &err), RAMET_ELIMIT);
	assert_string_equal(err.text, "the path is too long");
	ramet_buf_release(&b);
	ramet_store_close(st);
}

static void find__keeps_the_first_two_of_many(void **state)
{
	struct ramet_store *st = NULL;
	struct ramet_error err;
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		char name[40];

		(void)snprintf(name, sizeof(name), ROOT "--v--/9%d.jsonl", i);
		temp_session(dir, name, i < 3 ? "99" : "990", "/w", NULL, 9);
	}
	assert_int_equal(ramet_store_open(&st, NULL, NULL, NULL), 0);
	assert_int_equal(ramet_store_find(st, ramet_bytes_of("9"), NULL, &err), RAMET_EAMBIGUOUS);
	assert_string_equal(err.text, "two sessions start so: 99 and 99");
	assert_int_equal(ramet_store_find(st, ramet_bytes_of("99"), NULL, &err), RAMET_EAMBIGUOUS);
	ramet_store_close(st);
}

static void is_file_url(const char *text, const char *path)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	struct ramet_error err;
	int r = rameti_file_url_path(ramet_bytes_of(text), &b, &err);

	assert_int_equal(r, path ? 0 : RAMET_EINVAL);
	if (path)
		assert_string_equal(b.ptr, path);
	ramet_buf_release(&b);
}

static void layout_pi__reads_file_urls(void **state)
{
	(void)state;
	is_file_url("/a%2Eb%2eb", "/a.b.b");
	is_file_url("/%aF%Fa", "/\xaf\xfa");
	is_file_url("/%/%G0%0G%:0%@0%`0%g0", "/%/%G0%0G%:0%@0%`0%g0");
	is_file_url("/a#b", "/a");
	is_file_url("/a?b", "/a");
	is_file_url("localhost/a", "/a");
	is_file_url("localhost", NULL);
	is_file_url("", NULL);
	is_file_url("/a%2f", NULL);
	is_file_url("/a%00", NULL);
}

static void layout_pi__needs_a_working_directory_for_relative_paths(void **state)
{
	const struct faults f = { .kind = FAULT_GETCWD, .n = 1, .for_ever = 1, .sys = ENOENT };
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	struct ramet_error err;

	(void)state;
	faults_start(&f);
	assert_int_equal(rameti_pi_path(ramet_bytes_of("a"), NULL, &b, &err), RAMET_EIO);
	assert_string_equal(err.text, "cannot tell the working directory");
	assert_int_equal(rameti_pi_path(ramet_bytes_of("a"), "/x", &b, &err), 0);
	(void)faults_stop();
	assert_string_equal(b.ptr, "/x/a");
	ramet_buf_release(&b);
}

static int told(void *user, uint64_t loaded, uint64_t total,
		const struct ramet_session_info *partial, uint64_t n_partial)
{
	(void)user, (void)loaded, (void)total, (void)partial, (void)n_partial;
	return 0;
}

/* With progress and more threads; how many allocations there are depends on who is quicker. */
static void list__of_many_threads_survives_failing_allocations(void **state)
{
	const struct ramet_list_opts opts = { .threads = 3, .progress = told };
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_store *st = NULL;
	struct ramet_error err;
	unsigned n, reached;
	int r;

	(void)state;
	assert_int_equal(ramet_store_open(&st, NULL, NULL, NULL), 0);
	for (n = 1, reached = 1; reached; n++) {
		scarce_start(n);
		r = ramet_store_list(st, &opts, &list, &err);
		ramet_list_release(&list);
		reached = (unsigned)scarce_stop();
		assert_true(r == 0 || (reached && r == RAMET_ENOMEM && err.code == r));
	}
	ramet_store_close(st);
}

static void list__reads_on_behind_a_long_line(void **state)
{
	size_t len = (size_t)700 << 10;
	char *text = malloc(len);
	struct ramet_error err;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text, "{\"type\":\"session\",\"id\":\"long\"}\n", 31);
	text[len - 1] = '\n';
	temp_file(dir, "flat/0.jsonl", text, len, 9, 0);
	temp_file(dir, "flat/c.jsonl", text, len, 9, 0);
	free(text);
	assert_int_equal(play(&scenes[3], &err), 0);
}

/* A system whose root directory is dir/flat, or pi's root. */
static const char *root_is;

static void *open_root(void *user, const char *path)
{
	return rameti_env_posix()->opendir(user, strcmp(path, "/") ? path : root_is);
}

static void list__of_the_root_has_paths_with_one_slash(void **state)
{
	static const char *const roots[] = { "flat", ".pi/agent/sessions" };
	struct rameti_env env = *rameti_env_posix();
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_store *st = NULL;
	int i;

	(void)state;
	env.opendir = open_root;
	rameti_env_use(&env);
	for (i = 0; i < 2; i++) {
		root_is = temp_path(dir, roots[i]);
		assert_int_equal(ramet_store_open(&st, "/", NULL, NULL), 0);
		/* nothing of it is there by those names */
		assert_int_equal(ramet_store_list(st, NULL, &list, NULL), 0);
		assert_int_equal(list.n, 0);
		ramet_list_release(&list);
		ramet_store_close(st);
	}
	rameti_env_use(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(store__survives_every_failing_allocation),
		CASE(store__survives_every_failing_call),
		CASE(store__that_cannot_be_read_says_why),
		CASE(store__looks_up_what_is_not_told),
		CASE(store__misses_no_directory_for_want_of_memory),
		CASE(store__refuses_kinds_there_are_not),
		CASE(list__needs_no_home),
		CASE(list__takes_no_more_threads_than_there_is_use_for),
		CASE(paths__too_long_for_the_caller_are_told),
		CASE(find__keeps_the_first_two_of_many),
		CASE(layout_pi__reads_file_urls),
		CASE(layout_pi__needs_a_working_directory_for_relative_paths),
		CASE(list__of_many_threads_survives_failing_allocations),
		CASE(list__reads_on_behind_a_long_line),
		CASE(list__of_the_root_has_paths_with_one_slash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
