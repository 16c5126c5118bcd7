/*
 * home_pirust_sqlite*.c, pirust_index*.c: memory (the library's and SQLite's own) and system calls
 * failing one by one. A call that fails says so and leaves what was there; no lock stays behind;
 * and it works the next time.
 */
#include "faulty.h"
#include "sidecared.h"
#include "written.h"

#include <dlfcn.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sql.h"
#include "store/home.h"
#include "store/home_pirust_sqlite.h"
#include "store/pirust_index.h"

#define PHEAD(id, more)                                                                            \
	"{'type':'session','version':3,'id':'" id "','timestamp':'2026-03-01T10:00:00.000Z',"      \
	"'cwd':'/w'" more "}\n"
#define SAID(id)                                                                                   \
	"{'type':'message','id':'" id                                                              \
	"','timestamp':'2026-03-01T10:00:01.000Z','message':" U("one") "}\n"
#define NAMED                                                                                      \
	"{'type':'session_info','id':'n1','name':'x','timestamp':'2026-03-01T10:00:01.000Z'}\n"
#define SESSION "--w--/s.sqlite"
#define LOG "--w--/l.jsonl"
#define INDEX "session-index.sqlite"
#define LOCK "session-index.lock"

/* ---- SQLite's memory ---- */

static struct {
	sqlite3_mem_methods real;
	unsigned n, at;                          /* at 0: none fails */
	int reached;
} starved;

static int fails(void)
{
	if (!starved.at || ++starved.n != starved.at)
		return 0;
	starved.reached = 1;
	return 1;
}

static void *take(int n)
{
	return fails() ? NULL : starved.real.xMalloc(n);
}

static void *take_more(void *p, int n)
{
	return fails() ? NULL : starved.real.xRealloc(p, n);
}

static void starve(unsigned at)
{
	starved.n = 0;
	starved.at = at;
	starved.reached = 0;
}

/* Before SQLite is used; the library loads the same one. 0: it cannot be starved. */
static int take_over(void)
{
	void *library = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_NODELETE);
	int (*config)(int, ...) = NULL;
	sqlite3_mem_methods ours;
	void *p = library ? dlsym(library, "sqlite3_config") : NULL;

	if (!p)
		return 0;
	memcpy(&config, &p, sizeof(p));
	if (config(SQLITE_CONFIG_GETMALLOC, &starved.real) != SQLITE_OK)
		return 0;
	ours = starved.real;
	ours.xMalloc = take;
	ours.xRealloc = take_more;
	return config(SQLITE_CONFIG_MALLOC, &ours) == SQLITE_OK;
}

/* ---- what there is ---- */

static struct rameti_pirust_sqlite *h;
static struct ramet_buf text;
static char message_text[128], created_text[1024], added_text[1024];
static char session_path[TEMP_PATH], log_path[TEMP_PATH];

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

static int make(void **state)
{
	(void)sidecar_make_dir(state);
	calls_again();
	h = NULL;
	ramet_buf_init(&text, SIZE_MAX / 2);
	return 0;
}

static int drop(void **state)
{
	starve(0);
	rameti_pirust_sqlite_close(h);
	h = NULL;
	ramet_buf_release(&text);
	return sidecar_drop_dir(state);
}

static void fresh(void)
{
	rameti_pirust_sqlite_close(h);
	h = NULL;
	ramet_buf_reset(&text);
	sidecar_fresh_dir();
	assert_int_equal(mkdir(in("--w--"), 0700), 0);
	/* made here: memory fails later */
	(void)snprintf(message_text, sizeof(message_text), "%s", dq(U("new")));
	(void)snprintf(created_text, sizeof(created_text), "%s",
		       dq(PHEAD("s1", "") SAID("u1") NAMED));
	(void)snprintf(added_text, sizeof(added_text), "%s", dq(SAID("x1") NAMED));
	(void)snprintf(session_path, sizeof(session_path), "%s", in(SESSION));
	(void)snprintf(log_path, sizeof(log_path), "%s", in(LOG));
}

static void have_nothing(void)
{
	fresh();
}

static void have_session(void)
{
	fresh();
	must(rameti_pirust_sqlite_create(in(SESSION), js(PHEAD("s1", ",'leafId':'u1'") SAID("u1")
							 SAID("u2")), 1, &why));
}

static void have_log(void)
{
	have_session();
	put(in(LOG), PHEAD("l1", "") SAID("u1") NAMED);
}

static void have_index(void)
{
	have_log();
	must(ramet_pirust_index_refresh(sc_dir, NULL, &why));
}

static void have_old_index(void)
{
	have_index();
	add_to(in(LOG), SAID("u2"));
	put(in("--w--/m.jsonl"), PHEAD("m1", ""));
	assert_int_equal(unlink(in(SESSION)), 0);
}

static int open_it(struct ramet_error *err)
{
	static const struct ramet_open_opts opts = { .lock_ms = 100 };
	int r;

	rameti_pirust_sqlite_close(h);
	h = NULL;
	ramet_buf_reset(&text);
	r = rameti_pirust_sqlite_open(&h, in(SESSION), &opts, err);
	return r ? r : rameti_pirust_sqlite_load(h, &text, err);
}

static void have_open(void)
{
	have_index();
	must(open_it(&why));
}

/* It was appended to through the handle, which has its connection now. */
static void have_connection(void)
{
	have_open();
	must(rameti_pirust_sqlite_append(h, js(SAID("c1")), 1, &why));
}

static void have_more(void)
{
	struct rameti_pirust_sqlite *other;

	have_open();
	ramet_buf_reset(&text);
	must(rameti_pirust_sqlite_open(&other, in(SESSION), NULL, &why));
	{
		struct ramet_buf all = RAMET_BUF_INIT(SIZE_MAX / 2);

		must(rameti_pirust_sqlite_load(other, &all, &why));
		ramet_buf_release(&all);
	}
	must(rameti_pirust_sqlite_append(other, js(SAID("o1")), 1, &why));
	rameti_pirust_sqlite_close(other);
}

/* ---- what is done ---- */

static int do_create(struct ramet_error *err)
{
	return rameti_pirust_sqlite_create(session_path, ramet_bytes_of(created_text), 1, err);
}
static int do_load(struct ramet_error *err) { return open_it(err); }
static int do_append(struct ramet_error *err)
{
	return rameti_pirust_sqlite_append(h, ramet_bytes_of(added_text), 1, err);
}
/* Through the session that it is. */
static int do_session(struct ramet_error *err)
{
	struct ramet_session *s = NULL;
	int r = ramet_session_open(&s, session_path, NULL, err);

	if (!r)
		r = ramet_session_append_message(s, ramet_bytes_of(message_text), NULL, err);
	ramet_session_close(s);
	return r;
}
static int do_more(struct ramet_error *err)
{
	int r = rameti_pirust_sqlite_more(h, &text, err);

	return r > 0 ? 0 : r;
}
static int on_info(void *user, const struct ramet_session_info *info)
{
	(void)user;
	assert_int_equal(info->message_count, 2);
	assert_true(ramet_bytes_is(info->id, "s1"));
	return 0;
}
static int do_info(struct ramet_error *err)
{
	return rameti_pirust_sqlite_info(in(SESSION), 1, on_info, NULL, err);
}
static int do_remove(struct ramet_error *err)
{
	return rameti_pirust_sqlite_remove(in(SESSION), ramet_bytes_of("s1"), err);
}
static int do_refresh(struct ramet_error *err)
{
	return ramet_pirust_index_refresh(sc_dir, NULL, err);
}
static int do_update(struct ramet_error *err)
{
	int r = ramet_pirust_index_update(sc_dir, in(LOG), err);

	return r ? r : ramet_pirust_index_update(sc_dir, in(SESSION), err);
}
static int do_forget(struct ramet_error *err)
{
	return ramet_pirust_index_remove(sc_dir, in(LOG), err);
}
static int on_row(void *user, const struct ramet_pirust_index_row *row)
{
	(void)row;
	++*(unsigned *)user;
	return 0;
}
static int do_list(struct ramet_error *err)
{
	unsigned n = 0;
	int64_t at;
	int r = ramet_pirust_index_list(sc_dir, NULL, on_row, &n, err);

	assert_int_equal(n, r ? 0 : 2);
	return r ? r : ramet_pirust_index_synced(sc_dir, &at, err);
}
/* These say nothing and never fail. */
static int do_notes(struct ramet_error *err)
{
	(void)err;
	rameti_pirust_index_renew(in(LOG));
	(void)rameti_pirust_index_there(in(LOG));
	rameti_pirust_index_forget(in(SESSION));
	return 0;
}

/* ---- what is there then ---- */

static int add_row(void *user, const struct ramet_pirust_index_row *row)
{
	ramet_buf_addf(user, "%s %s %u %s\n", row->path.ptr + strlen(sc_dir), row->id.ptr,
		       (unsigned)row->message_count, row->name.ptr ? row->name.ptr : "-");
	return 0;
}

static void add_sessions(struct ramet_buf *out)
{
	struct rameti_pirust_sqlite *it = NULL;

	if (!exists(in(SESSION)) || !bytes_of(in(SESSION)).len)
		return;                              /* an empty file is none */
	must(rameti_pirust_sqlite_open(&it, in(SESSION), NULL, &why));
	if (rameti_pirust_sqlite_load(it, out, &why) < 0)
		ramet_buf_addf(out, "%s\n", why.text);
	rameti_pirust_sqlite_close(it);
}

/* New ids and times are others each time: how many rows there are. */
static void count_sessions(struct ramet_buf *out)
{
	struct ramet_buf all = RAMET_BUF_INIT(SIZE_MAX / 2);
	size_t i, n = 0;

	add_sessions(&all);
	for (i = 0; i < all.len; i++)
		n += all.ptr[i] == '\n';
	ramet_buf_addf(out, "%zu", n);
	ramet_buf_release(&all);
}

static void add_index(struct ramet_buf *out)
{
	/* none, or an empty one */
	(void)ramet_pirust_index_list(sc_dir, NULL, add_row, out, &why);
}

static const struct scene {
	const char *name;
	void (*given)(void);
	int (*run)(struct ramet_error *err);
	void (*tell)(struct ramet_buf *out);     /* what it may change */
	int silent;                              /* it fails without a word */
	int steps;                               /* it changes more than one thing */
} scenes[] = {
	{ "create", have_nothing, do_create, add_sessions, 0, 0 },
	{ "load", have_session, do_load, add_sessions, 0, 0 },
	{ "append", have_open, do_append, add_sessions, 0, 0 },
	{ "append to a session", have_session, do_session, count_sessions, 0, 0 },
	{ "append again", have_connection, do_append, add_sessions, 0, 0 },
	{ "more", have_more, do_more, add_sessions, 0, 0 },
	{ "info", have_session, do_info, add_sessions, 0, 0 },
	{ "remove", have_index, do_remove, add_sessions, 0, 0 },
	/* a file that cannot be read is left out */
	{ "make the index", have_log, do_refresh, add_index, 0, 1 },
	{ "refresh", have_old_index, do_refresh, add_index, 0, 1 },
	{ "update", have_index, do_update, add_index, 0, 1 },
	{ "forget", have_index, do_forget, add_index, 0, 0 },
	{ "list", have_index, do_list, add_index, 0, 0 },
	{ "note", have_index, do_notes, add_index, 1, 1 },
};
#define N_SCENES (sizeof(scenes) / sizeof(scenes[0]))

enum { SQLITE_MEMORY, MEMORY, CALLS };

static void begin(int what, unsigned n)
{
	struct faults f = { .kind = FAULT_ANY, .n = n, .sys = EIO, .hasty = 1 };

	if (what == SQLITE_MEMORY)
		starve(n);
	else if (what == MEMORY)
		scarce_start(n);
	else
		faults_start(&f);
}

static int end(int what)
{
	int reached = what == MEMORY ? scarce_stop() : what == CALLS ? faults_stop() :
							      starved.reached;

	calls_again();
	starve(0);
	return reached;
}

static void told(const struct scene *s, struct ramet_buf *out)
{
	ramet_buf_reset(out);
	s->tell(out);
	ramet_buf_add_char(out, '\n');
}

/* 1: nothing was changed. */
static int check(const struct scene *s, const char *what, int r, struct ramet_buf *before,
		 struct ramet_buf *after)
{
	int same;
	struct ramet_buf now = RAMET_BUF_INIT(SIZE_MAX / 2);

	told(s, &now);
	if (s->steps ? 0 : r == 0 ? strcmp(now.ptr, after->ptr) : strcmp(now.ptr, before->ptr) &&
								  strcmp(now.ptr, after->ptr))
		fail_msg("%s: %d leaves\n%s", what, r, now.ptr);
	if (exists(in(LOCK)))
		fail_msg("%s: the lock stays", what);
	same = r < 0 && !s->steps && !strcmp(now.ptr, before->ptr);
	ramet_buf_release(&now);
	return same;
}

static unsigned run_scene(const struct scene *s, int what, unsigned step)
{
	static const char *const names[] = { "allocation of SQLite", "allocation", "call" };
	struct ramet_buf before = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_buf after = RAMET_BUF_INIT(SIZE_MAX / 2);
	unsigned n = 0, failed = 0;
	int r, reached, same = 0;

	s->given();
	told(s, &before);
	must(s->run(&why));
	told(s, &after);
	do {
		struct ramet_error said;
		char where[128];

		n += n < 20 ? 1 : step;
		if (!same)
			s->given();
		memset(&said, 0, sizeof(said));
		begin(what, n);
		r = s->run(&said);
		reached = end(what);
		(void)snprintf(where, sizeof(where), "%s, %s %u", s->name, names[what], n);
		if (r < 0 && !said.text[0])
			fail_msg("%s: %d without a text", where, r);
		same = check(s, where, r, &before, &after);
		failed += r < 0;
		if (r < 0 && r != (what == CALLS ? RAMET_EIO : RAMET_ENOMEM) && r != RAMET_EUNKNOWN)
			fail_msg("%s says %d: %s", where, r, said.text);
		assert_true(n < 5000);
	} while (reached);
	if (r)
		fail_msg("%s: it does not work the next time: %d", s->name, r);
	ramet_buf_release(&before);
	ramet_buf_release(&after);
	return failed;
}

static void run_all(int what, unsigned step)
{
	size_t i;

	for (i = 0; i < N_SCENES; i++)
		if (!run_scene(&scenes[i], what, step) && !scenes[i].silent && what != CALLS)
			fail_msg("%s never failed", scenes[i].name);
}

static void sqlite_memory__that_is_short_changes_nothing(void **state)
{
	(void)state;
	run_all(SQLITE_MEMORY, 29);
}

static void memory__that_is_short_changes_nothing(void **state)
{
	(void)state;
	run_all(MEMORY, 1);
}

static void calls__that_fail_change_nothing(void **state)
{
	(void)state;
	run_all(CALLS, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sqlite_memory__that_is_short_changes_nothing),
		TEST(memory__that_is_short_changes_nothing),
		TEST(calls__that_fail_change_nothing),
	};

	if (!take_over())
		return 77;
	return cmocka_run_group_tests_name("home_pirust_faults_sqlite", tests, NULL, NULL);
}
