/*
 * sidecar*.c: a failure or a kill at any system call of a call that writes leaves a state from
 * which everything goes on. Nothing that stood only in a sidecar is ever lost, the session's own
 * bytes never change, and what opens gives the session's entries.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/sidecar_priv.h"

#define HEADER                                                                                     \
	"{'type':'session','version':3,'id':'5b0f6c1e-0000-4000-8000-0000000000aa',"               \
	"'timestamp':'2026-03-01T10:00:00.000Z','cwd':'/w'}\n"
#define ENTRY(id, text)                                                                            \
	"{'type':'message','id':'" id "','timestamp':'t','message':" U(text) "}\n"
#define SESSION HEADER ENTRY("a", "one") ENTRY("b", "two") ENTRY("c", "three")
/* an entry that the session no longer has: only the old sidecar */
#define MORE SESSION ENTRY("p", "precious")
#define POINTS_MAX 3000u

static char *dir;
static char path[TEMP_PATH];

/* In memory where there is such a place: thousands of syncs are waited for otherwise. */
static void new_dir(void)
{
	char name[] = "/dev/shm/ramet-sidecar-XXXXXX";

	dir = mkdtemp(name) ? strdup(name) : temp_dir_new();
	assert_non_null(dir);
	(void)snprintf(path, sizeof(path), "%s/s.jsonl", dir);
}

static int make_dir(void **state)
{
	(void)state;
	new_dir();
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	(void)scarce_stop();
	temp_dir_remove(dir);
	return 0;
}

static void fresh_dir(void)
{
	temp_dir_remove(dir);
	new_dir();
}

/* ---- what there is and what is done ---- */

static void have_none(void)
{
	put(path, SESSION);
}

static void migrated(void)
{
	struct ramet_sidecar_opts o = { .segment_limit = 700 };

	must(ramet_sidecar_migrate(path, &o, NULL, &why));
}

static void have_stale(void)
{
	put(path, HEADER ENTRY("a", "one"));
	migrated();
	put(path, SESSION);
}

static void have_precious(void)
{
	put(path, MORE);
	migrated();
	put(path, SESSION);
}

static void have_good(void)
{
	put(path, SESSION);
	migrated();
}

/* A checkpoint at the first of the three entries, as a store has it that went on. */
static void have_checkpoint(void)
{
	struct ramet_buf text = RAMET_BUF_INIT(1 << 16);
	struct rameti_sc_checkpoint c = { .seq = 1, .head_seq = 1, .reason = "manual" };
	struct rameti_sc_scan s = { .source = NULL };
	char name[TEMP_PATH + 64];

	have_good();
	(void)snprintf(name, sizeof(name), "%s/s.v2", dir);
	must(rameti_sc_scan_until(&s, rameti_env_posix(), name, 1, &why));
	memcpy(c.chain, s.facts.chain, sizeof(c.chain));
	memcpy(c.head_id, s.facts.head_id, sizeof(c.head_id));
	memcpy(c.at, "2026-03-01T10:00:00.000Z", 25);
	rameti_sc_checkpoint_add(&text, &c);
	(void)snprintf(name, sizeof(name), "%s/s.v2/checkpoints/0000000000000001.json", dir);
	put_bytes(name, ramet_buf_bytes(&text));
	ramet_buf_release(&text);
	must(ramet_sidecar_checkpoint(path, "manual", NULL, NULL, &why));
}

static void have_no_index(void)
{
	char name[TEMP_PATH + 64];

	have_good();
	(void)snprintf(name, sizeof(name), "%s/s.v2/index/offsets.jsonl", dir);
	assert_int_equal(unlink(name), 0);
}

static void have_torn_segment(void)
{
	char name[TEMP_PATH + 64];

	have_good();
	(void)snprintf(name, sizeof(name), "%s/s.v2/segments/0000000000000002.seg", dir);
	add_to(name, "{'precious':");
}

static int do_migrate(struct ramet_error *err)
{
	return ramet_sidecar_migrate(path, NULL, NULL, err);
}

static int do_rollback(struct ramet_error *err)
{
	return ramet_sidecar_rollback(path, NULL, NULL, err);
}

static int do_recover(struct ramet_error *err)
{
	return ramet_sidecar_recover(path, NULL, NULL, err);
}

static int do_checkpoint(struct ramet_error *err)
{
	return ramet_sidecar_checkpoint(path, "manual", NULL, NULL, err);
}

static int do_rollback_to(struct ramet_error *err)
{
	return ramet_sidecar_rollback_to(path, 1, NULL, NULL, err);
}

static int do_mark(struct ramet_error *err)
{
	return rameti_sidecar_mark_dirty(NULL, path, err);
}

static const struct scene {
	const char *name;
	void (*given)(void);
	int (*run)(struct ramet_error *err);
	int precious;                            /* bytes that stand in the sidecar alone */
} scenes[] = {
	{ "migrate", have_none, do_migrate, 0 },
	{ "migrate over a stale one", have_stale, do_migrate, 0 },
	{ "migrate over one with more", have_precious, do_migrate, 1 },
	{ "rollback", have_good, do_rollback, 0 },
	{ "rollback of one with more", have_precious, do_rollback, 1 },
	{ "recover without an index", have_no_index, do_recover, 0 },
	{ "recover with a torn segment", have_torn_segment, do_recover, 1 },
	{ "recover one with more", have_precious, do_recover, 1 },
	{ "checkpoint", have_good, do_checkpoint, 0 },
	{ "rollback to a checkpoint", have_checkpoint, do_rollback_to, 0 },
	{ "mark dirty", have_good, do_mark, 0 },
};
#define N_SCENES (sizeof(scenes) / sizeof(scenes[0]))

/* ---- what must hold ---- */

/* Does any file below hold the text? */
static int somewhere(const char *where, const char *text)
{
	char name[TEMP_PATH * 2];
	struct dirent *d;
	DIR *list = opendir(where);
	int found = 0;

	assert_non_null(list);
	while (!found && (d = readdir(list))) {
		struct stat st;

		if (d->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", where, d->d_name);
		assert_int_equal(lstat(name, &st), 0);
		if (S_ISDIR(st.st_mode))
			found = somewhere(name, text);
		else if (st.st_size)
			found = memmem(bytes_of(name).ptr, bytes_of(name).len, text,
				       strlen(text)) != NULL;
	}
	(void)closedir(list);
	return found;
}

/* Whoever reads it now gets the session's entries or a refusal. */
static void check_reading(const char *what)
{
	static const char *const ids[] = { "a", "b", "c" };
	struct ramet_sidecar_open_opts o = { .mode = RAMET_SIDECAR_FULL };
	struct ramet_sidecar_check c;
	struct ramet_sidecar_entry e;
	struct ramet_sidecar *s;
	struct ramet_error err;
	unsigned n = 0;
	int r = ramet_sidecar_open(&s, path, &o, &err);

	if (r < 0 && r != RAMET_ENOTFOUND && r != RAMET_ECONFLICT && r != RAMET_EFORMAT)
		fail_msg("%s: opening says %s", what, err.text);
	if (!r) {
		while ((r = ramet_sidecar_next(s, &e, &err)) > 0 && n < 3)
			assert_true(ramet_bytes_is(e.id, ids[n++]));
		ramet_sidecar_close(s);
		if (r == 0 && n != 3)
			fail_msg("%s: %u entries are read", what, n);
	}
	must(ramet_sidecar_status(path, &c, &why));
	if (c.state == RAMET_SIDECAR_MIGRATED && c.n_entries != 3)
		fail_msg("%s: migrated with %u entries", what, (unsigned)c.n_entries);
}

static void check_after(const struct scene *scene, const char *what)
{
	struct ramet_sidecar_opts o = { .migrate = 1 };
	struct ramet_sidecar_check c;
	struct ramet_sidecar_report done;
	struct ramet_error err;
	int r;

	check_reading(what);
	if (scene->precious && !somewhere(dir, "precious"))
		fail_msg("%s: what only the sidecar had is lost", what);
	r = ramet_sidecar_recover(path, &o, &done, &err);
	if (r < 0 || done.state != RAMET_SIDECAR_MIGRATED)
		fail_msg("%s: recover says %d %s: %s", what, r, err.path, err.text);
	must(ramet_sidecar_verify(path, &c, &why));
	if (c.state != RAMET_SIDECAR_MIGRATED || c.n_entries != 3)
		fail_msg("%s: after recover it is %s: %s", what,
			 ramet_sidecar_state_name(c.state), c.why.text);
	if (scene->precious && !somewhere(dir, "precious"))
		fail_msg("%s: recover lost what only the sidecar had", what);
	assert_text(bytes_of(path), "%s", dq(SESSION));
	must(ramet_sidecar_recover(path, NULL, &done, &why));
	assert_int_equal(done.changed, 0);
}

/* 1 while there is such a call. */
static int point(const struct scene *scene, const struct faults *f)
{
	struct ramet_error err;
	char what[160];
	int r, reached;

	fresh_dir();
	scene->given();
	(void)snprintf(what, sizeof(what), "%s, call %u%s", scene->name, f->n,
		       f->for_ever ? " and all later ones fail" : " fails");
	faults_start(f);
	r = scene->run(&err);
	if (faults_open_fds())
		fail_msg("%s: %ld descriptors stay open", what, faults_open_fds());
	reached = faults_stop();
	if (r < 0 && !err.text[0])
		fail_msg("%s: an error without a text", what);
	check_after(scene, what);
	return reached;
}

static void faults__of_one_call_can_be_recovered_from(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SCENES; i++) {
		struct faults f = { .kind = FAULT_ANY, .n = 1, .sys = EIO, .hasty = 1 };

		while (point(&scenes[i], &f))
			assert_true(++f.n < POINTS_MAX);
		assert_true(f.n > 3);
	}
}

static void faults__that_last_can_be_recovered_from(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SCENES; i++) {
		struct faults f = {
			.kind = FAULT_ANY, .n = 1, .sys = ENOSPC, .for_ever = 1, .hasty = 1
		};

		while (point(&scenes[i], &f))
			assert_true(++f.n < POINTS_MAX);
	}
}

/* 1 while there is such a call. */
static int kill_at(const struct scene *scene, unsigned n, size_t cut, int kind)
{
	struct faults f = { .kind = kind, .n = n, .sys = EIO, .die = 99, .cut = cut };
	char what[160];
	int status = 0;
	pid_t child;

	fresh_dir();
	scene->given();
	(void)snprintf(what, sizeof(what), "%s, killed at call %u", scene->name, n);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		faults_start(&f);
		(void)scene->run(NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	check_after(scene, what);
	return WEXITSTATUS(status) == 99;
}

static void kills__can_be_recovered_from(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SCENES; i++) {
		unsigned n = 1;

		while (kill_at(&scenes[i], n, 0, FAULT_ANY))
			assert_true(++n < POINTS_MAX);
	}
}

static void kills__in_the_middle_of_a_write_can_be_recovered_from(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SCENES; i++) {
		unsigned n = 1;

		while (kill_at(&scenes[i], n, 10, FAULT_WRITE))
			assert_true(++n < POINTS_MAX);
	}
}

static void memory__that_is_short_changes_nothing_for_the_worse(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SCENES; i++) {
		unsigned n = 0;
		int reached = 1;

		while (reached) {
			char what[160];
			struct ramet_error err;
			int r;

			fresh_dir();
			scenes[i].given();
			(void)snprintf(what, sizeof(what), "%s, allocation %u fails",
				       scenes[i].name, ++n);
			scarce_start(n);
			r = scenes[i].run(&err);
			reached = scarce_stop();
			if (r < 0 && r != RAMET_ENOMEM && r != RAMET_EFORMAT &&
			    r != RAMET_ELIMIT)
				fail_msg("%s: says %d %s", what, r, err.text);
			check_after(&scenes[i], what);
			assert_true(n < POINTS_MAX);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(faults__of_one_call_can_be_recovered_from),
		TEST(faults__that_last_can_be_recovered_from),
		TEST(kills__can_be_recovered_from),
		TEST(kills__in_the_middle_of_a_write_can_be_recovered_from),
		TEST(memory__that_is_short_changes_nothing_for_the_worse),
	};

	return cmocka_run_group_tests_name("sidecar_faults", tests, NULL, NULL);
}
