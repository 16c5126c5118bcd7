/*
 * homes.c - every place a session can live in, and what the cases ask of them.
 */
#include "homes.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ramet.h"
#include "whole.h"

#define UNKNOWN_PI                                                                                 \
	"{'type':'newer','id':'zz1','parentId':null,"                                              \
	"'timestamp':'2026-03-01T10:00:00.000Z','odd':[1.50,'\\u0041']}"

const struct home *home;
char *home_dir;

static struct ramet_bytes kept(struct ramet_buf *bufs, unsigned n, unsigned *turn,
			       struct ramet_buf **out)
{
	struct ramet_buf *b = &bufs[(*turn)++ % n];

	b->max = SIZE_MAX / 2;
	ramet_buf_reset(b);
	*out = b;
	return ramet_buf_bytes(b);
}

static const char *kept_text(const char *front, const char *text)
{
	static struct ramet_buf bufs[16];
	static unsigned turn;
	struct ramet_buf *b;

	(void)kept(bufs, 16, &turn, &b);
	ramet_buf_add_str(b, front);
	ramet_buf_add_str(b, text);
	ramet_buf_add_char(b, '\0');
	assert_int_equal(ramet_buf_status(b), 0);
	return b->ptr;
}

/* ---- making ---- */

static const char *place(void)
{
	return home->file ? temp_path(home_dir, home->file) : home_dir;
}

static int make_memory(struct ramet_session **out, const char *id)
{
	const struct ramet_create_opts opts = { .id = id };

	return ramet_session_create_memory(out, "/w", raw(""), &opts, &why);
}

static int make_stored(struct ramet_session **out, const char *id)
{
	const struct ramet_create_opts opts = {
		.id = id, .dir = place(), .write_now = 1, .format = home->format, .lock_ms = 2000
	};

	return ramet_session_create(out, "/w", &opts, &why);
}

/* With a sidecar beside, as an upgraded session has one. */
static int make_upgraded(struct ramet_session **out, const char *id)
{
	struct ramet_session *s = NULL;
	int r = make_stored(&s, id);
	const char *path;

	if (r < 0)
		return r;
	path = path_of(s);
	ramet_session_close(s);
	r = ramet_sidecar_create(path, NULL, NULL, &why);
	return r < 0 ? r : ramet_session_open(out, path, NULL, &why);
}

/* Of the hashed generation. */
static int make_hashed(struct ramet_session **out, const char *id)
{
	const struct ramet_yoi_opts opts = { .generation = RAMET_YOI_G1, .session_id = id };
	struct ramet_yoi_log *log = NULL;
	int r = ramet_yoi_create(&log, home_dir, NULL, &opts, &why);

	if (r < 0)
		return r;
	r = ramet_session_open(out, ramet_yoi_path(log), NULL, &why);
	ramet_yoi_close(log);
	return r;
}

const struct home homes[] = {
	{ .name = "mem", .has = HAS_BRANCHES, .make = make_memory, .id = "one" },
	{ .name = "pi", .format = "pi", .has = HAS_PATH | HAS_LINES | HAS_BRANCHES,
	  .make = make_stored, .unknown = UNKNOWN_PI, .lock_suffix = "", .id = "one" },
	{ .name = "pirust", .format = "pirust",
	  .has = HAS_PATH | HAS_LINES | HAS_BRANCHES | HAS_INDEX, .make = make_stored,
	  .unknown = UNKNOWN_PI, .lock_suffix = ".lock", .id = "one" },
	{ .name = "pirust-v2", .format = "pirust",
	  .has = HAS_PATH | HAS_LINES | HAS_BRANCHES | HAS_INDEX | HAS_SIDECAR,
	  .make = make_upgraded,
	  .unknown = UNKNOWN_PI, .lock_suffix = ".lock",
	  .id = "0198aaaa-0000-7000-8000-000000000001" },
	{ .name = "pirust-sqlite", .format = "pirust", .file = "s.sqlite",
	  .has = HAS_PATH | HAS_BRANCHES | HAS_DATABASE, .make = make_stored, .id = "one" },
	{ .name = "ggcode", .format = "ggcode",
	  .has = HAS_PATH | HAS_LINES | HAS_TAIL_CUT | HAS_INDEX, .make = make_stored,
	  .unknown = "{'type':'newer','odd':[1.50,'\\u0041']}", .lock_suffix = ".flock",
	  .id = "one" },
	{ .name = "yoi", .format = "yoi", .has = HAS_PATH | HAS_LINES | HAS_TAIL_CUT,
	  .make = make_stored, .unknown = "{'kind':'newer','ts':5,'odd':[1.50,'\\u0041']}",
	  .lock_suffix = "", .id = "0198aaaa-0000-7000-8000-000000000001" },
	{ .name = "yoi-hashed", .format = "yoi", .has = HAS_PATH | HAS_LINES | HAS_TAIL_REFUSED,
	  .make = make_hashed, .lock_suffix = "",
	  .id = "0198aaaa-0000-7000-8000-000000000001" },
	{ .name = "sqlite", .format = "sqlite", .file = "s.db", .scheme = "sqlite:",
	  .has = HAS_PATH | HAS_BRANCHES | HAS_DATABASE | HAS_MANY, .make = make_stored,
	  .id = "one" },
	{ .name = "ckptmgr", .format = "ckptmgr", .file = "s.json", .scheme = "ckptmgr:",
	  .has = HAS_PATH | HAS_MANY, .make = make_stored, .lock_suffix = "", .id = "one" },
	{ .name = NULL }
};

struct ramet_session *make(const char *id)
{
	struct ramet_session *s = NULL;

	must(home->make(&s, id));
	return s;
}

struct ramet_session *made_with_talk(void)
{
	struct ramet_session *s = make(NULL);

	(void)say(s, U("one"));
	(void)say(s, A("two"));
	(void)say(s, U("three"));
	return s;
}

const char *path_of(const struct ramet_session *s)
{
	return kept_text("", ramet_session_path(s));
}

struct ramet_session *open_again(const char *path)
{
	const struct ramet_open_opts opts = { .lock_ms = 2000 };
	struct ramet_session *s = NULL;

	must(ramet_session_open(&s, path, &opts, &why));
	return s;
}

const char *file_of(const char *path)
{
	static char file[TEMP_PATH];

	if (!home->file)
		return path;
	(void)snprintf(file, sizeof(file), "%s/%s", home_dir, home->file);
	return file;
}

const char *store_url(void)
{
	static char url[TEMP_PATH];

	if (!home->scheme)
		return home_dir;
	(void)snprintf(url, sizeof(url), "%s%s", home->scheme, place());
	return url;
}

/* ---- using ---- */

const char *say(struct ramet_session *s, const char *message)
{
	static char ids[8][RAMET_ID_SIZE];
	static unsigned turn;
	char *id = ids[turn++ % 8];

	must(ramet_session_append_message(s, js(message), id, &why));
	return id;
}

uint32_t count(const struct ramet_session *s)
{
	return ramet_tree_count(ramet_session_tree(s));
}

struct ramet_bytes whole(const struct ramet_session *s)
{
	static struct ramet_buf bufs[4];
	static unsigned turn;
	struct ramet_buf *b;

	(void)kept(bufs, 4, &turn, &b);
	must(whole_state(s, b, &why));
	return ramet_buf_bytes(b);
}

/* What stands around a place, with dots for what cannot be shown. */
static const char *around(struct ramet_bytes text, size_t at, char to[256])
{
	size_t from = at > 120 ? at - 120 : 0, n = 0;

	for (; n < 255 && from + n < text.len; n++)
		to[n] = (unsigned char)text.ptr[from + n] < ' ' ? '.' : text.ptr[from + n];
	to[n] = '\0';
	return to;
}

void assert_bytes_equal(struct ramet_bytes a, struct ramet_bytes b)
{
	char one[256], two[256];
	size_t at = 0;

	if (ramet_bytes_eq(a, b))
		return;
	while (at < a.len && at < b.len && a.ptr[at] == b.ptr[at])
		at++;
	fail_msg("%zu and %zu bytes, other from %zu on:\n%s\n%s", a.len, b.len, at,
		 around(a, at, one), around(b, at, two));
}

void reopens_same(const struct ramet_session *s)
{
	struct ramet_session *fresh;

	if (!(home->has & HAS_PATH))
		return;
	fresh = open_again(ramet_session_path(s));
	assert_bytes_equal(whole(s), whole(fresh));
	assert_true(ramet_session_leaf(fresh) ==
		    (count(fresh) ? count(fresh) - 1 : RAMET_NONE));
	ramet_session_close(fresh);
}

unsigned times_in(const struct ramet_session *s, const char *text)
{
	struct ramet_buf all = RAMET_BUF_INIT(SIZE_MAX / 2);
	unsigned n = 0;
	const char *p;

	must(whole_entries(s, &all, &why));
	ramet_buf_add_char(&all, '\0');
	for (p = all.ptr; (p = strstr(p, text)) != NULL; p++)
		n++;
	ramet_buf_release(&all);
	return n;
}

/* ---- the disk ---- */

static struct ramet_buf *disk_text;

static int add_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	const char *name = path + at->base;

	(void)st;
	if (type != FTW_F || strstr(name, ".lock") || strstr(name, ".flock") ||
	    strstr(name, "-shm") || strstr(name, "-wal"))
		return 0;
	ramet_buf_addf(disk_text, "%s\n", path);
	ramet_buf_add(disk_text, bytes_of(path));
	return 0;
}

struct ramet_bytes disk(void)
{
	static struct ramet_buf bufs[4];
	static unsigned turn;

	(void)kept(bufs, 4, &turn, &disk_text);
	assert_int_equal(nftw(home_dir, add_file, 16, FTW_PHYS), 0);
	return ramet_buf_bytes(disk_text);
}

int listed(const char *path)
{
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_store *st = NULL;
	int found = 0;
	uint64_t i;

	must(ramet_store_open(&st, store_url(), NULL, &why));
	must(ramet_store_list(st, NULL, &list, &why));
	for (i = 0; i < list.n; i++)
		found += ramet_bytes_is(list.items[i].path, path);
	ramet_list_release(&list);
	ramet_store_close(st);
	assert_true(found <= 1);
	return found;
}

/* ---- other processes ---- */

pid_t in_child(void (*run)(void *user), void *user)
{
	pid_t child;

	(void)fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		run(user);
		_exit(0);
	}
	return child;
}

void wait_for(pid_t child)
{
	int status = -1;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- running ---- */

struct cell {
	const struct home *home;
	const struct contract_case *what;
	char name[96];
};

static int begin(void **state)
{
	const struct cell *cell = *state;

	home = cell->home;
	home_dir = temp_dir_new();
	(void)setenv("HOME", home_dir, 1);
	(void)setenv("XDG_CACHE_HOME", temp_path(home_dir, ".cache"), 1);
	(void)setenv("XDG_DATA_HOME", temp_path(home_dir, ".data"), 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	temp_dir_remove(home_dir);
	home_dir = NULL;
	return 0;
}

static void run_cell(void **state)
{
	((const struct cell *)*state)->what->run();
}

#define CELLS_MAX 256

int run_cases(const struct contract_case *cases)
{
	static struct cell cells[CELLS_MAX];
	static struct CMUnitTest tests[CELLS_MAX];
	const char *only = getenv("RAMET_HOME");
	const struct contract_case *c;
	const struct home *h;
	size_t n = 0;

	for (c = cases; c->name; c++)
		for (h = homes; h->name; h++) {
			if ((h->has & c->needs) != c->needs || (h->has & c->spares) ||
			    (only && strcmp(only, h->name) != 0))
				continue;
			assert_true(n < CELLS_MAX);
			cells[n].home = h;
			cells[n].what = c;
			(void)snprintf(cells[n].name, sizeof(cells[n].name), "%s, %s", c->name,
				       h->name);
			tests[n] = (struct CMUnitTest){ cells[n].name, run_cell, begin, end,
							&cells[n] };
			n++;
		}
	return _cmocka_run_group_tests("contract", tests, n, NULL, NULL);
}
