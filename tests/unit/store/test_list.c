#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "ramet/store.h"
#include "temp_dir.h"

#define USER(text, ms) "{\"type\":\"message\",\"id\":\"m\",\"parentId\":null,\"timestamp\":\"x\"," \
	"\"message\":{\"role\":\"user\",\"content\":\"" text "\",\"timestamp\":" ms "}}\n"

#define MANY_BLOCKS "{\"type\":\"message\",\"message\":{\"role\":\"user\",\"content\":[" \
	"{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image\"}," \
	"{\"type\":\"text\",\"text\":\"b\"}]}}\n"

static int set_up(void **state)
{
	*state = temp_dir_new();
	setenv("HOME", *state, 1);
	unsetenv("PI_CODING_AGENT_DIR");
	return 0;
}

static int tear_down(void **state)
{
	temp_dir_remove(*state);
	return 0;
}

static struct ramet_store *open_store(const char *url, const char *cwd, int this_project)
{
	struct ramet_store_opts opts = { cwd, this_project };
	struct ramet_store *st;
	struct ramet_error err = { 0 };
	int r = ramet_store_open(&st, url, &opts, &err);

	if (r < 0)
		fail_msg("%s: %s", ramet_code_name(r), err.text);
	return st;
}

static struct ramet_list list_of(const char *url, const struct ramet_list_opts *opts)
{
	struct ramet_store *st = open_store(url, NULL, 0);
	struct ramet_list list = RAMET_LIST_INIT;

	assert_int_equal(ramet_store_list(st, opts, &list, NULL), 0);
	ramet_store_close(st);
	return list;
}

/* The paths below dir in list order, a blank after each. */
static void are_paths(struct ramet_list *list, const char *dir, const char *expected)
{
	char text[8192] = "";
	size_t len = 0;
	uint64_t i;

	for (i = 0; i < list->n; i++) {
		assert_memory_equal(list->items[i].path.ptr, dir, strlen(dir));
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s ",
					list->items[i].path.ptr + strlen(dir) + 1);
	}
	assert_string_equal(text, expected);
	ramet_list_release(list);
	assert_int_equal(list->n, 0);
	assert_null(list->items);
}

static void lists(const char *url, const char *dir, const char *cwd, const char *expected)
{
	struct ramet_list_opts opts = { 0 };
	struct ramet_list list;

	opts.cwd = cwd;
	list = list_of(url, &opts);
	are_paths(&list, dir, expected);
}

static void list__tells_all_about_a_session(void **state)
{
	struct ramet_list_opts opts = { .with_text = 1 };
	const struct ramet_session_info *i;
	struct ramet_list list;

	temp_session(*state, "s/a.jsonl", "id-a", "/w", USER("hello", "1772326800000")
		     "{\"type\":\"session_info\",\"name\":\"Name\"}\n" USER("bye", "1772326800001"),
		     1772600000);
	list = list_of(*state, &opts);
	assert_int_equal(list.n, 1);
	i = &list.items[0];
	assert_string_equal(i->path.ptr, temp_path(*state, "s/a.jsonl"));
	assert_int_equal(i->path.len, strlen(i->path.ptr));
	assert_string_equal(i->id.ptr, "id-a");
	assert_string_equal(i->cwd.ptr, "/w");
	assert_string_equal(i->name.ptr, "Name");
	assert_null(i->parent_session.ptr);
	assert_string_equal(i->first_message.ptr, "hello");
	assert_string_equal(i->all_text.ptr, "hello bye");
	assert_int_equal(i->created_ms, 1772323200000);
	assert_int_equal(i->modified_ms, 1772326800001);
	assert_int_equal(i->mtime_ms, 1772600000000);
	assert_int_equal(i->message_count, 2);
	assert_true(i->size > 100);
	assert_string_equal(i->format, "pi");
	ramet_list_release(&list);
}

static void list__has_words_for_nothing(void **state)
{
	struct ramet_list list;

	temp_session(*state, "a.jsonl", "a", NULL, NULL, 5);
	list = list_of(*state, NULL);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.items[0].first_message.ptr, "(no messages)");
	assert_string_equal(list.items[0].cwd.ptr, "");
	assert_null(list.items[0].name.ptr);
	assert_null(list.items[0].all_text.ptr);
	ramet_list_release(&list);
}

static void list__sorts_newest_first_then_names_down(void **state)
{
	temp_session(*state, "b.jsonl", "1", "/w", NULL, 9);
	temp_session(*state, "a.jsonl", "2", "/w", NULL, 10);
	temp_session(*state, "c.jsonl", "3", "/w", USER("x", "1"), 1);
	temp_session(*state, ".hidden.jsonl", "4", "/w", USER("x", "1999999999999"), 1);
	lists(*state, *state, NULL, ".hidden.jsonl b.jsonl a.jsonl c.jsonl ");
}

static void list__sorts_many_directories_by_file_time_first(void **state)
{
	temp_session(*state, "p/z.jsonl", "1", "/w", NULL, 1000);
	temp_session(*state, "q/a.jsonl", "2", "/w", NULL, 1000);
	temp_session(*state, "p/a.jsonl", "3", "/w", NULL, 1000);
	temp_session(*state, "q/m.jsonl", "4", "/w", NULL, 1000);
	temp_session(*state, "q/c.jsonl", "5", "/w", NULL, 1001);
	lists(*state, *state, NULL, "q/c.jsonl p/z.jsonl q/m.jsonl p/a.jsonl q/a.jsonl ");
}

static void list__leaves_out_what_is_no_session(void **state)
{
	temp_session(*state, "good.jsonl", "1", "/w", NULL, 1);
	temp_file(*state, "empty.jsonl", "", 0, 1, 0);
	temp_file(*state, "other.jsonl", "{\"type\":\"x\"}\n", 13, 1, 0);
	temp_file(*state, "notes.txt", "x", 1, 1, 0);
	temp_file(*state, "cr.jsonl", "{\"type\":\"session\",\"id\":\"x\"}\r{}\r", 31, 1, 0);
	temp_mkdir(*state, "dir.jsonl");
	assert_int_equal(mkfifo(temp_path(*state, "fifo.jsonl"), 0644), 0);
	assert_int_equal(symlink("nowhere", temp_path(*state, "dangling.jsonl")), 0);
	lists(*state, *state, NULL, "good.jsonl ");
}

static int note_name(void *user, const char *path)
{
	struct ramet_buf *names = user;

	ramet_buf_addf(names, "%s ", strrchr(path, '/') + 1);
	return names->len > 60 ? 7 : 0;
}

static void files__are_told_that_a_list_leaves_out(void **state)
{
	struct ramet_buf names = RAMET_BUF_INIT(4096);
	struct ramet_store *st;

	temp_session(*state, "p/good.jsonl", "1", "/w", NULL, 1);
	temp_file(*state, "p/empty.jsonl", "", 0, 1, 0);
	temp_file(*state, "p/good.trace.jsonl", "{}\n", 3, 1, 0);
	temp_file(*state, "p/notes.txt", "x", 1, 1, 0);
	temp_session(*state, "a/z.jsonl", "2", "/w", NULL, 1);
	st = open_store(*state, NULL, 0);
	assert_int_equal(ramet_store_files(st, note_name, &names, NULL), 0);
	assert_string_equal(names.ptr, "z.jsonl empty.jsonl good.jsonl ");
	ramet_store_close(st);
	ramet_buf_release(&names);
}

static void files__end_when_asked(void **state)
{
	struct ramet_buf names = RAMET_BUF_INIT(4096);
	struct ramet_store *st;
	char name[32];
	int i;

	for (i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "%02d.jsonl", i);
		temp_file(*state, name, "", 0, 1, 0);
	}
	st = open_store(*state, NULL, 0);
	assert_int_equal(ramet_store_files(st, note_name, &names, NULL), 7);
	assert_int_equal(names.len, 63);
	ramet_store_close(st);
	ramet_buf_release(&names);
}

static void list__follows_links_to_files_and_directories(void **state)
{
	temp_session(*state, "real/a.jsonl", "1", "/w", NULL, 1);
	temp_mkdir(*state, "root");
	assert_int_equal(symlink("../real", temp_path(*state, "root/link")), 0);
	assert_int_equal(symlink("../nowhere", temp_path(*state, "root/gone")), 0);
	lists(temp_path(*state, "root"), *state, NULL, "root/link/a.jsonl ");
	assert_int_equal(symlink("a.jsonl", temp_path(*state, "real/b.jsonl")), 0);
	lists(temp_path(*state, "real//"), *state, NULL, "real/b.jsonl real/a.jsonl ");
}

static void list__of_pi_ignores_files_in_the_root(void **state)
{
	char root[TEMP_PATH];

	temp_session(*state, ".pi/agent/sessions/--w--/a.jsonl", "1", "/w", NULL, 1);
	temp_session(*state, ".pi/agent/sessions/stray.jsonl", "2", "/w", NULL, 1);
	(void)snprintf(root, sizeof(root), "%s/.pi/agent/sessions", (char *)*state);
	lists("pi", root, NULL, "--w--/a.jsonl ");
	lists(NULL, root, NULL, "--w--/a.jsonl ");
	lists(root, root, NULL, "--w--/a.jsonl ");
}

static void list__of_this_project_is_its_directory(void **state)
{
	struct ramet_list_opts opts = { .cwd = "/w/x/.." };
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_store *st;

	temp_session(*state, ".pi/agent/sessions/--w--/a.jsonl", "1", "/w", NULL, 1);
	temp_session(*state, ".pi/agent/sessions/--w--/b.jsonl", "2", "/other", NULL, 1);
	temp_session(*state, ".pi/agent/sessions/--x--/c.jsonl", "3", "/w", NULL, 1);
	st = open_store("pi", "/w/", 1);
	assert_int_equal(ramet_store_list(st, &opts, &list, NULL), 0);
	ramet_store_close(st);
	are_paths(&list, temp_path(*state, ".pi/agent/sessions/--w--"), "b.jsonl a.jsonl ");
	/* asked of all of pi's sessions, those elsewhere with the same directory count too */
	lists("pi", temp_path(*state, ".pi/agent/sessions"), "/w",
	      "--x--/c.jsonl --w--/b.jsonl --w--/a.jsonl ");
}

static void list__filters_by_header_directory(void **state)
{
	char tilde[TEMP_PATH];

	temp_session(*state, "a.jsonl", "1", "/w/a", NULL, 1);
	temp_session(*state, "b.jsonl", "2", "/w/b/../a/", NULL, 1);
	temp_session(*state, "c.jsonl", "3", NULL, NULL, 1);
	temp_session(*state, "d.jsonl", "4", "", NULL, 1);
	temp_session(*state, "e.jsonl", "5", "file:///w/a", NULL, 1);
	temp_session(*state, "f.jsonl", "6", "~/p", NULL, 1);
	lists(*state, *state, "/w/a", "e.jsonl b.jsonl a.jsonl ");
	lists(*state, *state, "/w/", "");
	lists(*state, *state, "", "f.jsonl e.jsonl d.jsonl c.jsonl b.jsonl a.jsonl ");
	(void)snprintf(tilde, sizeof(tilde), "%s/p", (char *)*state);
	lists(*state, *state, tilde, "f.jsonl ");
}

static void list__of_nothing_is_empty(void **state)
{
	temp_mkdir(*state, "empty");
	lists(temp_path(*state, "empty"), *state, NULL, "");
	lists("pi", *state, NULL, "");
}

static void store_open__refuses_by_name(void **state)
{
	struct ramet_store *st = NULL;
	struct ramet_error err;

	temp_file(*state, "f", "x", 1, 1, 0);
	assert_int_equal(ramet_store_open(&st, temp_path(*state, "no"), NULL, &err),
			 RAMET_ENOTFOUND);
	assert_int_equal(ramet_store_open(&st, temp_path(*state, "f"), NULL, &err), RAMET_EFORMAT);
	assert_string_equal(err.path, temp_path(*state, "f"));
	assert_int_equal(ramet_store_open(&st, "", NULL, &err), RAMET_EINVAL);
	assert_int_equal(ramet_store_open(&st, "postgres:x", NULL, &err), RAMET_EINVAL);
	assert_int_equal(ramet_store_open(&st, "sqlite:x", NULL, &err), RAMET_ENOTFOUND);
	assert_null(st);
	ramet_store_close(NULL);
}

static void list__makes_no_directory(void **state)
{
	lists("pi", *state, NULL, "");
	ramet_store_close(open_store("pi", "/w", 1));
	assert_int_equal(access(temp_path(*state, ".pi"), F_OK), -1);
}

static void list__survives_a_store_that_goes(void **state)
{
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_store *st;

	temp_mkdir(*state, "d");
	st = open_store(temp_path(*state, "d"), NULL, 0);
	assert_int_equal(rmdir(temp_path(*state, "d")), 0);
	assert_int_equal(ramet_store_list(st, NULL, &list, NULL), 0);
	assert_int_equal(list.n, 0);
	ramet_list_release(&list);
	ramet_store_close(st);
}

/* ---- progress ---- */

struct seen {
	uint64_t n, total, partials[512];        /* partials: sessions, UINT64_MAX: none given */
	uint64_t stop_at;
	int unsorted;
};

static int watch(void *user, uint64_t loaded, uint64_t total,
		 const struct ramet_session_info *partial, uint64_t n_partial)
{
	struct seen *s = user;
	uint64_t i;

	assert_int_equal(loaded, s->n + 1);
	assert_true(loaded < 512);
	s->total = total;
	s->partials[s->n++] = partial ? n_partial : UINT64_MAX;
	assert_true(partial || !n_partial);
	assert_true(n_partial <= loaded);
	for (i = 1; i < n_partial; i++)
		s->unsorted |= partial[i].modified_ms > partial[i - 1].modified_ms;
	return loaded == s->stop_at;
}

static void make_many(const char *dir, const char *fmt, unsigned n)
{
	char name[64], id[16], line[256];
	unsigned i;

	for (i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), fmt, i % 3, i);
		(void)snprintf(id, sizeof(id), "n%u", i);
		(void)snprintf(line, sizeof(line), USER("x", "%u"), 1000 + i * 7919 % 1000);
		temp_session(dir, name, id, "/w", line, 1000 + (long)i);
	}
}

static void watch_list(const char *dir, unsigned threads, struct seen *seen, int result)
{
	struct ramet_list_opts opts = { .threads = threads, .progress = watch, .user = seen };
	struct ramet_store *st = open_store(dir, NULL, 0);
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_error err;

	assert_int_equal(ramet_store_list(st, &opts, &list, &err), result);
	if (result < 0) {
		assert_int_equal(err.code, result);
		assert_null(list.items);
	}
	ramet_list_release(&list);
	ramet_store_close(st);
}

static void progress__of_one_directory_is_pis(void **state)
{
	struct seen seen = { 0 };
	uint64_t i;

	for (i = 0; i < 25; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "%02u.jsonl", (unsigned)i);
		if (i == 3)
			temp_file(*state, name, "no", 2, 1, 0);
		else
			temp_session(*state, name, name, "/w", NULL, 1);
	}
	watch_list(*state, 1, &seen, 0);
	assert_int_equal(seen.n, 25);
	assert_int_equal(seen.total, 25);
	for (i = 1; i <= 25; i++)
		assert_int_equal(seen.partials[i - 1], i == 1 || i % 10 == 0 ? i :
				 i == 25 ? 24 : UINT64_MAX);
}

static void progress__of_many_directories_is_pis(void **state)
{
	struct seen seen = { 0 };
	uint64_t i;

	make_many(*state, "d%u/%03u.jsonl", 254);
	watch_list(*state, 1, &seen, 0);
	assert_int_equal(seen.n, 254);
	for (i = 1; i <= 254; i++)
		assert_int_equal(seen.partials[i - 1], i == 1 || i % 100 == 0 || i == 254 ? i :
				 UINT64_MAX);
	assert_int_equal(seen.unsorted, 0);
}

static void progress__of_long_lists_sorts_less_often(void **state)
{
	struct seen seen = { 0 };
	uint64_t i, given = 0;

	make_many(*state, "%u%03u.jsonl", 500);
	watch_list(*state, 1, &seen, 0);
	for (i = 1; i <= 320; i++)
		assert_int_equal(seen.partials[i - 1], i == 1 || i % 10 == 0 ? i : UINT64_MAX);
	for (i = 351; i < 500; i++)
		given += seen.partials[i - 1] != UINT64_MAX;
	assert_int_equal(given, 7);
	assert_int_equal(seen.partials[499], 500);
}

static void progress__with_threads_tells_of_every_file_once(void **state)
{
	struct seen seen;
	unsigned threads;

	make_many(*state, "d%u/%03u.jsonl", 254);
	for (threads = 0; threads < 9; threads++) {
		memset(&seen, 0, sizeof(seen));
		watch_list(*state, threads, &seen, 0);
		assert_int_equal(seen.n, 254);
		assert_int_equal(seen.partials[253], 254);
		assert_int_equal(seen.unsorted, 0);
	}
}

static void progress__can_cancel(void **state)
{
	struct seen seen;
	unsigned threads;

	make_many(*state, "d%u/%03u.jsonl", 120);
	for (threads = 1; threads < 5; threads++) {
		memset(&seen, 0, sizeof(seen));
		seen.stop_at = threads * 20;
		watch_list(*state, threads, &seen, RAMET_ECANCELED);
		assert_int_equal(seen.n, seen.stop_at);
	}
	memset(&seen, 0, sizeof(seen));
	seen.stop_at = 120;
	watch_list(*state, 3, &seen, RAMET_ECANCELED);
}

static void list__threads_make_no_difference(void **state)
{
	struct ramet_list_opts opts = { .threads = 1 };
	struct ramet_list one, many;
	uint64_t i;

	make_many(*state, "d%u/%03u.jsonl", 300);
	one = list_of(*state, &opts);
	opts.threads = 7;
	many = list_of(*state, &opts);
	assert_int_equal(one.n, 300);
	assert_int_equal(many.n, 300);
	for (i = 0; i < one.n; i++)
		assert_string_equal(one.items[i].path.ptr, many.items[i].path.ptr);
	ramet_list_release(&one);
	ramet_list_release(&many);
}

/* ---- large files ---- */

/* A session whose lines are longer than a block, with a message before and after. */
static void write_long(const char *dir, const char *name, size_t pad, const char *tail)
{
	static const char head[] = "{\"type\":\"session\",\"id\":\"long\"}\n" USER("a", "5")
		"{\"type\":\"message\",\"message\":{\"role\":\"toolResult\",\"content\":\"";
	static const char after[] = "\"}}\n" USER("b", "6");
	size_t len = sizeof(head) - 1;
	char *text = malloc(sizeof(head) + pad + sizeof(after) + strlen(tail));

	assert_non_null(text);
	memcpy(text, head, len);
	memset(text + len, 'x', pad);
	memcpy(text + len + pad, after, sizeof(after) - 1);
	len += pad + sizeof(after) - 1;
	memcpy(text + len, tail, strlen(tail));
	temp_file(dir, name, text, len + strlen(tail), 1, 0);
	free(text);
}

static void info_read__crosses_blocks(void **state)
{
	static const size_t pads[] = { 0, 100, 8191, 200000, 262000, 262144, 600000, 3000000 };
	static const char *const tails[] = {
		"", USER("torn", "7") "{\"ty", "{\"type\":\"session_info\",\"name\":\"n\"}",
	};
	struct ramet_list one = RAMET_LIST_INIT;
	const struct ramet_session_info *info;
	size_t i;

	for (i = 0; i < 3 * sizeof(pads) / sizeof(pads[0]); i++) {
		write_long(*state, "l.jsonl", pads[i / 3] + i % 3, tails[i % 3]);
		assert_int_equal(ramet_session_info_read(temp_path(*state, "l.jsonl"), 1, &one,
							 NULL), 0);
		info = &one.items[0];
		assert_int_equal(info->message_count, i % 3 == 1 ? 4 : 3);
		assert_string_equal(info->all_text.ptr, i % 3 == 1 ? "a b torn" : "a b");
		assert_int_equal(info->name.ptr != NULL, i % 3 == 2);
		ramet_list_release(&one);
	}
}

static void info_read__names_the_file(void **state)
{
	struct ramet_list one = RAMET_LIST_INIT;
	struct ramet_error err;
	const char *path;

	temp_file(*state, "bad.jsonl", "{}\n", 3, 1, 0);
	path = temp_path(*state, "bad.jsonl");
	assert_int_equal(ramet_session_info_read(path, 0, &one, &err), RAMET_EFORMAT);
	assert_string_equal(err.path, path);
	assert_int_equal(ramet_session_info_read(*state, 0, &one, &err), RAMET_EFORMAT);
	path = temp_path(*state, "none.jsonl");
	assert_int_equal(ramet_session_info_read(path, 0, &one, &err), RAMET_ENOTFOUND);
	assert_string_equal(err.path, path);
	assert_null(one.items);
}

/* ---- no memory ---- */

struct scarce {
	unsigned n, fail_at;
};

static void *scarce_realloc(void *user, void *ptr, size_t size)
{
	struct scarce *s = user;

	return ++s->n == s->fail_at ? NULL : realloc(ptr, size);
}

static void scarce_free(void *user, void *ptr)
{
	(void)user;
	free(ptr);
}

/* Everything once with the n-th allocation failing; 1 when that one was never asked for. */
static int try_without(const char *dir, unsigned n)
{
	struct scarce scarce = { 0, n };
	struct ramet_allocator a = { scarce_realloc, scarce_free, &scarce };
	struct ramet_list_opts opts = { .cwd = "/w", .with_text = 1, .threads = 1 };
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_buf path = RAMET_BUF_INIT(TEMP_PATH);
	struct ramet_store *st = NULL;
	int r;

	ramet_set_allocator(&a);
	r = ramet_store_open(&st, dir, NULL, NULL);
	if (!r)
		r = ramet_store_list(st, &opts, &list, NULL);
	if (!r)
		r = ramet_store_find(st, ramet_bytes_of("good"), &path, NULL);
	if (!r)
		r = ramet_store_recent(st, "/w", &path, NULL);
	if (r)
		assert_int_equal(r, RAMET_ENOMEM);
	if (list.items)
		assert_int_equal(list.n, 3);
	ramet_buf_release(&path);
	ramet_list_release(&list);
	ramet_store_close(st);
	ramet_set_allocator(NULL);
	return scarce.n < n;
}

static void list__without_memory_says_so(void **state)
{
	unsigned n = 1;

	temp_session(*state, "p/a.jsonl", "good", "/w", USER("a\\u00e9", "5")
		     "{\"type\":\"session_info\",\"name\":\"n\"}\n", 1);
	temp_session(*state, "p/b.jsonl", "b", "/w", MANY_BLOCKS, 2);
	temp_session(*state, "q/c.jsonl", "c", "/v", NULL, 3);
	temp_session(*state, "q/d.jsonl", "d", "/w/", NULL, 4);
	while (!try_without(*state, n))
		n++;
	assert_true(n > 20);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(list__tells_all_about_a_session),
		CASE(list__has_words_for_nothing),
		CASE(list__sorts_newest_first_then_names_down),
		CASE(list__sorts_many_directories_by_file_time_first),
		CASE(list__leaves_out_what_is_no_session),
		CASE(files__are_told_that_a_list_leaves_out),
		CASE(files__end_when_asked),
		CASE(list__follows_links_to_files_and_directories),
		CASE(list__of_pi_ignores_files_in_the_root),
		CASE(list__of_this_project_is_its_directory),
		CASE(list__filters_by_header_directory),
		CASE(list__of_nothing_is_empty),
		CASE(store_open__refuses_by_name),
		CASE(list__makes_no_directory),
		CASE(list__survives_a_store_that_goes),
		CASE(progress__of_one_directory_is_pis),
		CASE(progress__of_many_directories_is_pis),
		CASE(progress__of_long_lists_sorts_less_often),
		CASE(progress__with_threads_tells_of_every_file_once),
		CASE(progress__can_cancel),
		CASE(list__threads_make_no_difference),
		CASE(info_read__crosses_blocks),
		CASE(info_read__names_the_file),
		CASE(list__without_memory_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
