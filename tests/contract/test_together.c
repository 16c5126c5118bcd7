/*
 * test_together.c - what every home promises when several programs use one session: nothing is
 * lost, each one's order stays, and a lock that somebody holds is waited for, but not for ever.
 */
#include "homes.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/sql.h"

#define ROUNDS 200u
#define WRITERS 2u

/* ---- two writers ---- */

struct writer {
	const char *path;
	unsigned number;
};

static struct ramet_session *open_hasty(const char *path)
{
	const struct ramet_open_opts opts = { .level = RAMET_LEVEL_NONE, .lock_ms = 30000 };
	struct ramet_session *s = NULL;

	if (ramet_session_open(&s, path, &opts, &why) < 0)
		return NULL;
	return s;
}

static void write_rounds(void *user)
{
	const struct writer *w = user;
	struct ramet_session *s = open_hasty(w->path);
	char text[96];
	unsigned i;

	for (i = 0; s && i < ROUNDS; i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"role\":\"user\",\"content\":\"w%u-%03u.\"}", w->number, i);
		if (ramet_session_append_message(s, raw(text), NULL, &why) < 0)
			break;
	}
	if (!s || i < ROUNDS) {
		(void)fprintf(stderr, "writer %u, round %u: %s\n", w->number, i, why.text);
		_exit(1);
	}
	ramet_session_close(s);
}

/* The rounds of each writer, all of them, once, and in its order. */
static void check_rounds(const struct ramet_session *s)
{
	unsigned next[WRITERS] = { 0 }, writer, round;
	struct ramet_bytes entry;
	const char *p;
	uint32_t i;

	for (i = 0; i < count(s); i++) {
		entry = entry_of(s, i);
		p = memmem(entry.ptr, entry.len, "\"w", 2);
		if (!p || sscanf(p, "\"w%u-%u.", &writer, &round) != 2)
			continue;
		assert_true(writer < WRITERS);
		assert_int_equal(round, next[writer]);
		next[writer]++;
	}
	for (i = 0; i < WRITERS; i++)
		assert_int_equal(next[i], ROUNDS);
}

static void two_processes(void)
{
	struct ramet_session *s = made_with_talk(), *fresh;
	struct writer writers[WRITERS] = { { path_of(s), 0 }, { path_of(s), 1 } };
	uint32_t before = count(s);
	pid_t children[WRITERS];
	unsigned i;

	for (i = 0; i < WRITERS; i++)
		children[i] = in_child(write_rounds, &writers[i]);
	for (i = 0; i < WRITERS; i++)
		wait_for(children[i]);
	fresh = open_again(path_of(s));
	assert_int_equal(count(fresh), before + WRITERS * ROUNDS);
	check_rounds(fresh);
	must(ramet_session_refresh(s, &why));
	assert_bytes_equal(whole(s), whole(fresh));
	assert_int_equal(ramet_session_others(s), WRITERS * ROUNDS);
	ramet_session_close(fresh);
	ramet_session_close(s);
}

/* ---- a lock that somebody holds ---- */

struct holder {
	char path[TEMP_PATH];
	int ready[2], done[2];
};

static void hold_flock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		_exit(1);
}

static void hold_database(const char *path)
{
	struct rameti_sql *db = NULL;

	if (rameti_sql_open(&db, path, RAMETI_SQL_WRITE, 1000, &why) < 0 ||
	    rameti_sql_exec(db, "BEGIN EXCLUSIVE", &why) < 0) {
		(void)fprintf(stderr, "%s\n", why.text);
		_exit(1);
	}
}

/* Waits for a word, holds the lock, and lets go when nobody can speak any more. */
static void hold(void *user)
{
	struct holder *h = user;
	char c;

	(void)close(h->done[1]);
	if (read(h->done[0], &c, 1) != 1)
		_exit(1);
	if (home->has & HAS_DATABASE)
		hold_database(h->path);
	else
		hold_flock(h->path);
	_exit(write(h->ready[1], "!", 1) == 1 && read(h->done[0], &c, 1) == 0 ? 0 : 1);
}

/* SQLite must not be in use when a process is copied: the child comes first. */
static pid_t make_holder(struct holder *h, const char *path)
{
	pid_t child;

	(void)snprintf(h->path, sizeof(h->path), "%s%s", file_of(path),
		       home->lock_suffix ? home->lock_suffix : "");
	assert_int_equal(pipe(h->ready), 0);
	assert_int_equal(pipe(h->done), 0);
	child = in_child(hold, h);
	(void)close(h->ready[1]);
	return child;
}

static void begin_hold(struct holder *h)
{
	char c;

	assert_int_equal(write(h->done[1], "!", 1), 1);
	assert_int_equal(read(h->ready[0], &c, 1), 1);
}

static void end_hold(struct holder *h, pid_t child)
{
	(void)close(h->done[1]);
	wait_for(child);
	(void)close(h->done[0]);
	(void)close(h->ready[0]);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void a_held_lock(void)
{
	const struct ramet_open_opts opts = { .lock_ms = 100 };
	struct ramet_session *s = made_with_talk();
	struct ramet_bytes state = whole(s);
	const char *path = path_of(s);
	struct holder h;
	int64_t start;
	pid_t child;

	ramet_session_close(s);
	s = NULL;
	child = make_holder(&h, path);
	must(ramet_session_open(&s, path, &opts, &why));
	begin_hold(&h);
	start = now_ms();
	refused(ramet_session_append_message(s, js(A("late")), NULL, &why), RAMET_ECONFLICT);
	assert_in_range(now_ms() - start, 90, 3000);
	if (!strstr(why.text, "lock") && !strstr(why.text, "busy"))
		fail_msg("\"%s\" does not speak of a lock", why.text);
	assert_bytes_equal(state, whole(s));
	end_hold(&h, child);
	reopens_same(s);
	(void)say(s, A("in time"));
	reopens_same(s);
	ramet_session_close(s);
}

/* ---- a writer that is killed ---- */

static void write_for_ever(void *user)
{
	const struct writer *w = user;
	struct ramet_session *s = open_hasty(w->path);
	char text[96];
	unsigned i;

	for (i = 0; s; i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"role\":\"user\",\"content\":\"w0-%03u.\"}", i);
		if (ramet_session_append_message(s, raw(text), NULL, &why) < 0 ||
		    write((int)w->number, "!", 1) != 1)
			break;
	}
	_exit(1);
}

/* So many appends were acknowledged. */
static unsigned kill_after(const char *path, unsigned n)
{
	const struct timespec moment = { 0, (long)(n * 137000u % 3000000u) };
	int status, ends[2];
	struct writer w;
	unsigned acked = 0;
	pid_t child;
	char c;

	assert_int_equal(pipe(ends), 0);
	w.path = path;
	w.number = (unsigned)ends[1];
	child = in_child(write_for_ever, &w);
	(void)close(ends[1]);
	while (acked < n && read(ends[0], &c, 1) == 1)
		acked++;
	(void)nanosleep(&moment, NULL);
	(void)kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(ends[0], &c, 1) == 1)
		acked++;
	(void)close(ends[0]);
	return acked;
}

/* Is this in the entry of a row? */
static int is_in_row(const struct ramet_session *s, uint32_t row, const char *text)
{
	struct ramet_bytes entry = entry_of(s, row);

	return memmem(entry.ptr, entry.len, text, strlen(text)) != NULL;
}

/* Where nothing is appended behind an unfinished line, that is repaired first. */
static struct ramet_session *repaired(struct ramet_session *s, const char *path)
{
	struct ramet_repair done;

	if (!(home->has & HAS_TAIL_REFUSED))
		return s;
	ramet_session_close(s);
	must(ramet_repair(path, NULL, &done, &why));
	ramet_repair_release(&done);
	return open_again(path);
}

static void killed_writers(void)
{
	const char *asked = getenv("RAMET_CONTRACT_KILLS");
	unsigned kills = asked ? (unsigned)strtoul(asked, NULL, 10) : 5, i, j, acked;
	struct ramet_session *s = made_with_talk();
	const char *path = path_of(s);
	char text[32];

	for (i = 0; i < kills; i++) {
		uint32_t before = count(s);

		ramet_session_close(s);
		acked = kill_after(path, 1 + i % 7);
		s = open_again(path);
		assert_in_range(count(s), before + acked, before + acked + 1);
		for (j = 0; j < acked; j++) {
			(void)snprintf(text, sizeof(text), "\"w0-%03u.\"", j);
			assert_true(is_in_row(s, before + j, text));
		}
		assert_int_equal(times_in(s, "\"three\""), 1);
		s = repaired(s, path);
		(void)say(s, A("goes on"));
		reopens_same(s);
	}
	ramet_session_close(s);
}

static const struct contract_case cases[] = {
	{ "two processes", HAS_PATH, 0, two_processes },
	{ "a held lock", HAS_PATH, 0, a_held_lock },
	{ "writers that are killed", HAS_PATH, 0, killed_writers },
	{ NULL, 0, 0, NULL }
};

int main(void)
{
	return run_cases(cases);
}
