/*
 * procs_lockless.c - a writer without a lock (pi's way: open with append, one write per line)
 * beside ramet, whose own writes fail.
 *
 * They fail because the file may not get longer (RLIMIT_FSIZE), or because the disk is full now
 * and then; either way the system really stores a part of a line. A second process of ours has no
 * limit. None of the other program's lines may be lost, all that we acknowledged is there, and
 * nothing that failed can be read as an entry.
 */
#include "procs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OURS 3u                                  /* the process with limits; 4: the one without */
#define OTHER 9u
#define OTHER_LINES 400u
#define LINES_LEAST 60u
#define LINES_MOST 3000u

struct shared {
	int stop;                                /* the other program is done */
	unsigned reopened, conflicts, unknown;
};

static struct shared *shared;
static int on_full_disk;

/* ---- the other program ---- */

/* A full disk stored a part of it: that program ends the line when it can. */
static void end_part(int fd)
{
	while (write(fd, "\n", 1) != 1)
		pause_us(500);
}

static int put_line(int fd, const struct ramet_buf *line)
{
	ssize_t n = write(fd, line->ptr, line->len);

	if (n == (ssize_t)line->len)
		return 1;
	if (!on_full_disk)
		give_up("the other writer");
	if (n > 0)
		end_part(fd);
	return n == (ssize_t)line->len - 1;          /* only its end was missing */
}

static void be_other(const char *path, int to)
{
	struct ramet_buf line = RAMET_BUF_INIT(SIZE_MAX / 2);
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	struct mark m = { OTHER, 0, 0 };
	char id[RAMET_ID_SIZE];

	if (fd < 0)
		give_up(path);
	for (; m.n < OTHER_LINES; m.n++) {
		m.size = chance(10) ? 200 + chance(3000) : 20000 + chance(on_full_disk ? 1 : 60000);
		(void)snprintf(id, sizeof(id), "x%07x", m.n);
		ramet_buf_reset(&line);
		ramet_buf_addf(&line, "{\"type\":\"message\",\"id\":\"%s\",\"parentId\":null,"
				      "\"timestamp\":\"2026-03-01T10:00:00.000Z\",\"message\":",
			       id);
		mark_message(&m, &line);
		ramet_buf_add_str(&line, "}\n");
		if (put_line(fd, &line))
			tell(to, TOLD_STORED, id, &m);
		pause_us(chance(400));
	}
	(void)close(fd);
	_exit(0);
}

/* ---- ours ---- */

/* How long the file may be during the next append: often in the middle of the line. */
static void choose_limit(const char *path, uint32_t size)
{
	struct stat st;

	if (chance(2) || stat(path, &st) < 0)
		limit_files(0);
	else
		limit_files((uint64_t)st.st_size + 1 + chance(size + size / 4));
}

static struct ramet_session *open_anew(struct ramet_session *s, const char *path)
{
	ramet_session_close(s);
	s = open_session(path, RAMET_LEVEL_NONE, 1);
	if (!s)
		_exit(3);
	return s;
}

static void be_ours(const char *path, unsigned w, int to)
{
	struct ramet_session *s = open_anew(NULL, path);
	struct ramet_error err = { .code = 0 };
	struct mark m = { w, 0, 0 };
	char id[RAMET_ID_SIZE];
	int r;

	for (; m.n < LINES_MOST; m.n++) {
		if (__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE) && m.n >= LINES_LEAST)
			break;
		m.size = chance(10) ? 200 + chance(3000) : 20000 + chance(on_full_disk ? 1 : 60000);
		if (w == OURS && !on_full_disk)
			choose_limit(path, m.size);
		r = say(s, &m, id, &err);
		limit_files(0);
		tell(to, r < 0 ? TOLD_FAILED : TOLD_STORED, r < 0 ? NULL : id, &m);
		shared->conflicts += r == RAMET_ECONFLICT;
		shared->unknown += r == RAMET_EUNKNOWN;
		if (r < 0 && strstr(err.text, "open the session anew")) {
			shared->reopened++;
			s = open_anew(s, path);
		}
		pause_us(chance(300));
	}
	ramet_session_close(s);
	_exit(0);
}

/* ---- the parent ---- */

static pid_t start(int *from, int *to)
{
	int ends[2];
	pid_t child;

	if (pipe(ends) < 0)
		give_up("pipe");
	(void)fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
	(void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	*from = ends[0];
	*to = ends[1];
	(void)fflush(stdout);
	child = fork();
	if (child < 0)
		give_up("fork");
	chance_seed((uint64_t)getpid());
	if (child)
		(void)close(ends[1]);
	return child;
}

static void run_command(char **command, const char *path)
{
	char *args[8] = { NULL };
	unsigned i;

	for (i = 0; command[i] && i < 6; i++)
		args[i] = command[i];
	args[i] = (char *)(uintptr_t)path;
	if (!freopen("/dev/null", "w", stdout))
		give_up("/dev/null");
	(void)execv(args[0], args);
	give_up(args[0]);
}

static void await(pid_t pid, const char *who)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		give_up("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fault("%s ended with status %x", who, (unsigned)status);
}

static int has_ended(pid_t child)
{
	siginfo_t ended = { .si_pid = 0 };

	return waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       ended.si_pid == child;
}

/* Something that lies on the disk and goes again, until a process has ended. */
static void come_and_go(const char *path, pid_t until)
{
	static char block[4096];
	int fd = -1;

	while (!has_ended(until)) {
		if (fd >= 0) {
			(void)close(fd);
			(void)unlink(path);
			fd = -1;
		} else {
			fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
			while (fd >= 0 && write(fd, block, sizeof(block)) > 0)
				;
		}
		pause_us(500 + chance(8000));
	}
	if (fd >= 0)
		(void)close(fd);
	(void)unlink(path);
}

struct totals {
	uint64_t other, stored, failed, others, spoiled, blanks, parts;
};

static void add_up(struct totals *sum, const struct tolds *told, const struct counts *c)
{
	size_t i;

	for (i = 0; i < told->n; i++) {
		if (told->items[i].kind == TOLD_FAILED)
			sum->failed++;
		else if (told->items[i].mark.w == OTHER)
			sum->other++;
		else
			sum->stored++;
	}
	sum->others += c->others;
	sum->spoiled += c->spoiled;
	sum->blanks += c->blanks;
	sum->parts += c->parts;
}

/* One race; the file stays when there is a command, for those who know its lines. */
static void race(const char *path, const char *ballast, char **command, struct totals *sum)
{
	struct tolds told = { NULL, 0, 0 };
	struct rules rules = { .told = &told, .spoiled = 1, .blanks = 1, .others = command != NULL,
			       .only_told = 1, .parts = on_full_disk ? OTHER_LINES : 0 };
	struct counts counts = { .bytes = 0 };
	int from[3], to;
	pid_t ours[2], other;
	unsigned i;

	put_session(path, 3, 1, 1, 300, &told);
	shared->stop = 0;
	for (i = 0; i < 2; i++) {
		ours[i] = start(&from[i], &to);
		if (!ours[i])
			be_ours(path, OURS + i, to);
	}
	other = start(&from[2], &to);
	if (!other && command)
		run_command(command, path);
	if (!other)
		be_other(path, to);
	if (ballast)
		come_and_go(ballast, other);
	await(other, "the other writer");
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < 2; i++)
		await(ours[i], "our writer");
	for (i = 0; i < 3; i++) {
		hear_all(from[i], &told);
		(void)close(from[i]);
	}
	check_file(path, &rules, &counts);
	add_up(sum, &told, &counts);
	tolds_release(&told);
}

static void report(const char *what, unsigned rounds, const struct totals *t)
{
	if (shared->unknown)
		fault("%u answers were EUNKNOWN", shared->unknown);
	row(what,
	    "%3u races, %5llu lines of its, %5llu of ours, %4llu failed (%u conflicts, "
	    "%u reopened); %llu spoiled, %llu blank",
	    rounds, (unsigned long long)(t->other + t->others), (unsigned long long)t->stored,
	    (unsigned long long)t->failed, shared->conflicts, shared->reopened,
	    (unsigned long long)t->spoiled, (unsigned long long)t->blanks);
	(void)munmap(shared, sizeof(*shared));
}

void procs_lockless(const char *dir, unsigned rounds, char **command)
{
	struct totals sum = { .other = 0 };
	char name[64];
	unsigned i;

	shared = share(sizeof(*shared));
	for (i = 0; i < rounds && !faults_so_far(); i++) {
		(void)snprintf(name, sizeof(name), "race%u.jsonl", i);
		race(path_in(dir, name), NULL, command, &sum);
		if (!command && !faults_so_far())
			(void)unlink(path_in(dir, name));
	}
	if (!sum.failed || !sum.spoiled)
		fault("no write failed halfway");
	report(command ? "pi beside it, our writes fail" : "lockless writer, our writes fail", i,
	       &sum);
}

void procs_full_lockless(const char *dir, unsigned rounds)
{
	struct totals sum = { .other = 0 };
	char path[PROCS_PATH], ballast[PROCS_PATH];
	unsigned i;

	shared = share(sizeof(*shared));
	on_full_disk = 1;
	(void)snprintf(path, sizeof(path), "%s", path_in(dir, "race.jsonl"));
	(void)snprintf(ballast, sizeof(ballast), "%s", path_in(dir, "ballast"));
	for (i = 0; i < rounds && !faults_so_far(); i++) {
		race(path, ballast, NULL, &sum);
		if (!faults_so_far())
			(void)unlink(path);
	}
	if (!sum.failed)
		fault("the disk was never full");
	on_full_disk = 0;
	report("lockless writer, disk full at times", i, &sum);
}
