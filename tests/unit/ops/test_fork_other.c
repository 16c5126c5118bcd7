/*
 * fork_other.c, create.c, target.c: sessions of other formats than pi's, forked and made in
 * directories: those of their programs, the source's own, and those that are not there yet.
 */
#include "store/faulty.h"
#include "store/temp_dir.h"
#include "store/written.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ramet/ops.h"
#include "store/target.h"

static const char *const formats[] = { "pirust", "ggcode", "yoi" };
#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

static char *dir;

static const char *in(const char *name)
{
	return temp_path(dir, name);
}

static int make_dir(void **state)
{
	static const char *const vars[] = { "YOI_DATA_DIR",	 "YOI_HOME",
					    "INSOMNIA_DATA_DIR", "INSOMNIA_HOME",
					    "XDG_DATA_HOME",	 "XDG_CONFIG_HOME",
					    "PI_SESSIONS_DIR",	 "PI_CODING_AGENT_DIR" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		(void)unsetenv(vars[i]);
	dir = temp_dir_new();
	temp_mkdir(dir, "home");
	(void)setenv("HOME", in("home"), 1);
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	temp_dir_remove(dir);
	return 0;
}

/* to NULL: where the program keeps its sessions. */
static struct ramet_session *session_of(const char *format, const char *to)
{
	const struct ramet_create_opts opts = { .format = format, .dir = to };
	struct ramet_session *s = NULL;

	must(ramet_session_create(&s, "/w", &opts, &why));
	must(ramet_session_append_message(s, js(U("one")), NULL, &why));
	must(ramet_session_append_message(s, js(A("two")), NULL, &why));
	return s;
}

/* The fork stands in this directory or one below it, and has what its source has. */
static void assert_fork(struct ramet_session *fork, const struct ramet_session *source,
			const char *where)
{
	const char *path = ramet_session_path(fork);

	assert_string_not_equal(path, ramet_session_path(source));
	assert_int_equal(strncmp(path, where, strlen(where)), 0);
	assert_int_equal(exists(path), 1);
	assert_int_equal(ramet_tree_count(ramet_session_tree(fork)),
			 ramet_tree_count(ramet_session_tree(source)));
	ramet_session_close(fork);
}

/* ---- forks ---- */

static void fork__of_a_session_at_home_goes_there(void **state)
{
	struct ramet_fork_opts opts = { .cwd = "/w" };
	struct ramet_session *s, *made;
	size_t i;

	(void)state;
	for (i = 0; i < N_FORMATS; i++) {
		s = session_of(formats[i], NULL);
		opts.dir = NULL;
		must(ramet_fork(&made, s, &opts, &why));
		assert_fork(made, s, in("home"));
		opts.dir = ramet_session_dir(s); /* as the command does */
		must(ramet_fork(&made, s, &opts, &why));
		assert_fork(made, s, in("home"));
		must(ramet_fork_branch(&made, s, ramet_session_leaf(s), &opts, &why));
		assert_fork(made, s, in("home"));
		opts.dir = in("elsewhere");
		must(ramet_fork(&made, s, &opts, &why));
		assert_fork(made, s, in("elsewhere"));
		ramet_session_close(s);
	}
}

static void fork__beside_its_source_is_named_as_the_program_does(void **state)
{
	const struct rameti_layout *l = rameti_layout_of("pirust");
	struct ramet_fork_opts opts = { .cwd = NULL };
	struct ramet_session *s = session_of("pirust", in("o")), *made;
	const char *name;

	(void)state;
	opts.dir = ramet_session_dir(s);
	must(ramet_fork(&made, s, &opts, &why));
	name = strrchr(ramet_session_path(made), '/') + 1;
	assert_int_equal(l->owns_name(name), 1);
	assert_fork(made, s, opts.dir);
	ramet_session_close(s);
}

/* The label stands behind the path that is forked. */
static void fork__of_a_path_has_its_labels_or_says_no(void **state)
{
	const struct ramet_fork_opts opts = { .cwd = "/fork", .level = RAMET_LEVEL_NONE };
	struct ramet_labels labels = RAMET_LABELS_INIT;
	struct ramet_session *s, *made;
	unsigned n;
	size_t i;
	int r, more;

	(void)state;
	for (i = 0; i < N_FORMATS; i++) {
		uint32_t leaf;

		s = session_of(formats[i], in("o"));
		leaf = ramet_session_leaf(s);
		must(ramet_session_append_label(s, leaf, raw("here"), NULL, &why));
		for (n = 1, more = 1; more; n++) {
			made = NULL;
			scarce_start(n);
			r = ramet_fork_branch(&made, s, leaf, &opts, &why);
			more = scarce_stop();
			assert_true(r == 0 || (more && r == RAMET_ENOMEM));
			assert_true(n < 5000);
			if (r < 0)
				continue;
			must(ramet_tree_labels(ramet_session_tree(made), &labels, &why));
			assert_int_equal(labels.n, 1);
			assert_int_equal(labels.items[0].target_row, leaf);
			assert_true(ramet_bytes_is(ramet_session_header(made)->cwd, "/fork"));
			ramet_session_close(made);
		}
		ramet_session_close(s);
	}
	ramet_labels_release(&labels);
}

/* ---- new sessions ---- */

static void create__makes_the_directory_it_is_given(void **state)
{
	struct ramet_session *s, *next;
	char name[32];
	size_t i;

	(void)state;
	for (i = 0; i < N_FORMATS; i++) {
		(void)snprintf(name, sizeof(name), "new/%s", formats[i]);
		s = session_of(formats[i], in(name));
		next = session_of(formats[i], in(name)); /* it is there now */
		assert_fork(next, s, in(name));
		ramet_session_close(s);
	}
}

static void create__tells_an_absolute_path(void **state)
{
	struct ramet_session *s;
	char before[TEMP_PATH];
	size_t i;

	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(dir), 0);
	for (i = 0; i < N_FORMATS; i++) {
		s = session_of(formats[i], "o");     /* one letter */
		assert_int_equal(ramet_session_path(s)[0], '/');
		ramet_session_close(s);
	}
	assert_int_equal(chdir(before), 0);
	assert_string_equal(names_in(dir), "home o");
}

static void create__stops_at_a_file_for_a_directory(void **state)
{
	struct ramet_create_opts opts = { .dir = in("file") };
	struct ramet_session *s = NULL;
	size_t i;

	(void)state;
	put(in("file"), "mine");
	for (i = 0; i < N_FORMATS; i++) {
		opts.format = formats[i];
		assert_true(ramet_session_create(&s, "/w", &opts, NULL) < 0);
		assert_null(s);
		assert_file(in("file"), "mine");
	}
}

/* ---- targets ---- */

static void make_target(const char *format, const char *place, struct ramet_buf *path)
{
	const struct rameti_target_opts opts = { .format = format, .place = place };
	struct rameti_draft_header h = { .time_ms = 1772359200000, .cwd = raw("/w") };
	struct ramet_buf id = RAMET_BUF_INIT(4096);
	struct rameti_target t;

	must(rameti_format_new_id(format, &id, &why));
	h.id = ramet_buf_bytes(&id);
	ramet_buf_reset(path);
	must(rameti_target_begin(&t, &opts, &h, raw(NULL), &why));
	must(rameti_target_end(&t, path, &why));
	rameti_target_release(&t);
	ramet_buf_release(&id);
}

static void target__takes_a_slash_for_a_directory(void **state)
{
	static const char *const all[] = { "pi", "pirust", "ggcode", "yoi" };
	struct ramet_buf path = RAMET_BUF_INIT(TEMP_PATH);
	char place[TEMP_PATH];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		(void)snprintf(place, sizeof(place), "%s//", in(all[i]));
		make_target(all[i], place, &path);
		assert_int_equal(exists(path.ptr), 1);
		place[strlen(place) - 1] = '\0';
		assert_int_equal(strncmp(path.ptr, place, strlen(place)), 0);
		assert_int_not_equal(path.ptr[strlen(place)], '/');
	}
	make_target("ggcode", in("file.jsonl"), &path);
	assert_string_equal(path.ptr, in("file.jsonl"));
	ramet_buf_release(&path);
}

static void target__goes_below_a_directory_of_one_letter(void **state)
{
	struct ramet_buf path = RAMET_BUF_INIT(TEMP_PATH);
	char before[TEMP_PATH];

	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(dir), 0);
	temp_mkdir(dir, "o");
	make_target("pirust", "o", &path);
	assert_int_equal(strncmp(path.ptr, "o/--w--/", 8), 0);
	assert_int_equal(chdir(before), 0);
	ramet_buf_release(&path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fork__of_a_session_at_home_goes_there),
		TEST(fork__beside_its_source_is_named_as_the_program_does),
		TEST(fork__of_a_path_has_its_labels_or_says_no),
		TEST(create__makes_the_directory_it_is_given),
		TEST(create__tells_an_absolute_path),
		TEST(create__stops_at_a_file_for_a_directory),
		TEST(target__takes_a_slash_for_a_directory),
		TEST(target__goes_below_a_directory_of_one_letter),
	};

	return cmocka_run_group_tests_name("fork other", tests, NULL, NULL);
}
