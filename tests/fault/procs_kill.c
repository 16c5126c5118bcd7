/*
 * procs_kill.c - a writer is killed with SIGKILL at a random moment, again and again.
 *
 * Some twelve rounds work on one file, so that torn lines also come to stand in its middle; the
 * others are killed around the first write of a session and while forking. After each round the
 * parent appends, and every acknowledged entry of all rounds must be there.
 */
#include "procs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARENT 60u                               /* as a writer */
#define FIRST_ROUND 100u
#define BIG_FILE ((uint64_t)24 << 20)            /* then the next round begins a new one */
#define PIPE_BYTES (1 << 20)
#define GROWTH_US 200000u

enum work { WORK_SINGLE, WORK_BATCH, WORK_COMMAND, WORK_FIRST, WORK_FORK, WORKS };
static const char *const work_names[] = { "single appends", "append_messages", "ramet append S -",
					  "first write", "forks" };

struct figures {
	unsigned rounds, told, torn, done; /* done: before the signal came */
};
/* What one round does; the child has a copy. */
struct round {
	enum work work;
	int level, to;
	uint32_t w, size, n_max;
	int large;
	int aimed;                               /* killed as soon as the file grows */
	char path[PROCS_PATH], dir[PROCS_PATH];
	const char *ramet;
};

static struct figures figures[WORKS];
static char place[PROCS_PATH];                   /* where all of it happens */
static char file[PROCS_PATH];                    /* of the rounds that go on with one file */
static struct tolds file_told;
static unsigned file_rounds, file_kills;
static uint64_t file_bytes;

/* ---- the child ---- */

static void must(int r, const struct ramet_error *err)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "killed writer: %s: %s\n", ramet_code_name(r), err->text);
	_exit(3);
}

static void append_singly(const struct round *d, struct ramet_session *s, uint32_t n)
{
	char id[RAMET_ID_SIZE];
	struct ramet_error err;

	for (; n < d->n_max; n++) {
		struct mark m = { d->w, n, 200 + chance(d->size) };

		if (d->large)
			m.size = d->size + chance(5000);
		must(say(s, &m, id, &err), &err);
		if (ramet_session_stored(s))
			tell(d->to, TOLD_STORED, id, &m);
	}
}

static void append_batches(const struct round *d, struct ramet_session *s)
{
	enum { MOST = 8 };
	struct ramet_buf texts[MOST];
	struct ramet_bytes bytes[MOST];
	struct mark marks[MOST];
	char ids[MOST][RAMET_ID_SIZE];
	struct ramet_error err;
	uint32_t n, i, count;

	for (i = 0; i < MOST; i++)
		ramet_buf_init(&texts[i], SIZE_MAX / 2);
	for (n = 0; n < d->n_max; n += count) {
		count = 2 + chance(MOST - 1);
		for (i = 0; i < count; i++) {
			marks[i] = (struct mark){ d->w, n + i, 200 + chance(d->size) };
			ramet_buf_reset(&texts[i]);
			mark_message(&marks[i], &texts[i]);
			bytes[i] = ramet_buf_bytes(&texts[i]);
		}
		must(ramet_session_append_messages(s, bytes, count, ids, &err), &err);
		for (i = 0; i < count; i++)
			tell(d->to, TOLD_STORED, ids[i], &marks[i]);
	}
}

static void write_first(const struct round *d)
{
	const struct ramet_create_opts make = { .dir = d->dir, .level = d->level };
	const struct ramet_open_opts open = { .create = 1, .level = d->level, .no_cache = 1 };
	struct ramet_session *s;
	struct ramet_error err;

	/* two in three get their name from the library; the last has a file of zero bytes */
	must(d->w % 3 ? ramet_session_create(&s, "/w", &make, &err) :
			ramet_session_open(&s, d->path, &open, &err),
	     &err);
	tell(d->to, TOLD_READY, NULL, NULL);
	append_singly(d, s, 0);
}

/* What is to be forked: every entry of it; then they go on. */
static void fork_it(const struct round *d)
{
	const struct ramet_fork_opts opts = { .dir = d->dir, .level = d->level };
	struct ramet_session *s = open_session(d->path, d->level, 1), *made;
	struct mark m = { d->w, 0, 1000 };
	struct ramet_error err;
	char id[RAMET_ID_SIZE];

	if (!s)
		_exit(3);
	tell(d->to, TOLD_READY, NULL, NULL);
	for (;; m.n++) {
		must(d->w & 1 ? ramet_fork(&made, s, &opts, &err) :
				ramet_fork_branch(&made, s, ramet_session_leaf(s), &opts, &err),
		     &err);
		must(say(made, &m, id, &err), &err);
		tell(d->to, TOLD_STORED, id, &m);
		ramet_session_close(made);
	}
}

static void work(const struct round *d)
{
	struct ramet_session *s;

	if (d->work == WORK_FIRST) {
		write_first(d);
	} else if (d->work == WORK_FORK) {
		fork_it(d);
	} else {
		s = open_session(d->path, d->level, d->w & 1);
		if (!s)
			_exit(3);
		tell(d->to, TOLD_READY, NULL, NULL);
		if (d->work == WORK_SINGLE)
			append_singly(d, s, 0);
		else
			append_batches(d, s);
		ramet_session_close(s);
	}
	_exit(0);
}

/* ---- the command: its ids are the lines it prints ---- */

static void run_command(const struct round *d)
{
	static const char *const levels[] = { "each", "turn", "none" };
	int in = open(path_in(place, "input"), O_RDONLY);

	if (in < 0 || dup2(in, 0) < 0 || dup2(d->to, 1) < 0)
		give_up("input");
	execl(d->ramet, d->ramet, "append", "--level", levels[d->level], d->path, "-",
	      (char *)NULL);
	give_up(d->ramet);
}

static void put_input(const struct round *d)
{
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct mark m = { d->w, 0, d->size };

	for (; m.n < d->n_max; m.n++) {
		mark_message(&m, &b);
		ramet_buf_add_char(&b, '\n');
	}
	write_text(path_in(place, "input"), ramet_buf_bytes(&b));
	ramet_buf_release(&b);
}

static void hear_ids(int from, const struct round *d, struct tolds *t)
{
	struct told one = { TOLD_STORED, "", { d->w, 0, d->size } };
	struct ramet_buf b = RAMET_BUF_INIT((size_t)1 << 24);
	char part[4096];
	const char *at, *stop;
	ssize_t n;

	while ((n = read(from, part, sizeof(part))) > 0)
		ramet_buf_add(&b, (struct ramet_bytes){ part, (size_t)n });
	for (at = b.ptr; at && (stop = strchr(at, '\n')); at = stop + 1, one.mark.n++) {
		(void)snprintf(one.id, sizeof(one.id), "%.*s", (int)(stop - at), at);
		tolds_add(t, &one);
	}
	ramet_buf_release(&b);
}

/* ---- the parent ---- */

/* From a microsecond to 16 ms (64 ms where a line takes long), short times more often. */
static uint32_t moment(const struct round *d)
{
	int long_work = d->large || d->work == WORK_COMMAND || d->work == WORK_FORK;
	uint32_t scale = 1u << chance(long_work ? 17 : 15);

	return scale / 2 + chance(scale);
}

/* The file is growing: a long line is on its way. */
static void await_growth(const struct round *d)
{
	uint64_t until = now_us() + GROWTH_US;
	struct stat before, now;

	if (stat(d->path, &before) < 0)
		return;
	do
		now = before;
	while (stat(d->path, &now) == 0 && now.st_size == before.st_size && now_us() < until);
}

/* Start it, kill it, hear what it was told. */
static void let_die(struct round *d, struct tolds *told)
{
	struct told ready;
	int ends[2], status = 0;
	pid_t child;

	if (pipe(ends) < 0)
		give_up("pipe");
	(void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
	d->to = ends[1];
	(void)fflush(stdout);
	child = fork();
	if (child < 0)
		give_up("fork");
	if (!child) {
		(void)close(ends[0]);
		if (d->work == WORK_COMMAND)
			run_command(d);
		work(d);
	}
	(void)close(ends[1]);
	if (d->work != WORK_COMMAND && read(ends[0], &ready, sizeof(ready)) <= 0)
		fault("w%u: the writer did not begin", d->w);
	if (d->aimed)
		await_growth(d);
	else
		pause_us(moment(d));
	(void)kill(child, SIGKILL);
	if (d->work == WORK_COMMAND)
		hear_ids(ends[0], d, told);
	else
		hear_all(ends[0], told);
	(void)close(ends[0]);
	if (waitpid(child, &status, 0) != child)
		give_up("waitpid");
	if (WIFEXITED(status) && WEXITSTATUS(status))
		fault("w%u: the writer ended with %d", d->w, WEXITSTATUS(status));
	figures[d->work].done += WIFEXITED(status);
}

/* The next append works, and everything is there. */
static void go_on(const struct round *d, const char *path, struct tolds *told, unsigned kills,
		  struct counts *counts)
{
	struct rules rules = { .told = told, .parts = kills, .index = d->w % 4 == 0 };
	struct ramet_session *s = open_session(path, RAMET_LEVEL_NONE, d->w & 2);
	struct told one = { TOLD_STORED, "", { PARENT, d->w, 300 } };
	struct ramet_error err = { .code = 0 };
	int r;

	if (!s)
		return;
	r = say(s, &one.mark, one.id, &err);
	if (r < 0)
		fault("%s: the append after it: %s: %s", path, ramet_code_name(r), err.text);
	else
		tolds_add(told, &one);
	ramet_session_close(s);
	check_file(path, &rules, counts);
}

static void round_on_file(struct round *d)
{
	struct counts counts = { .bytes = 0 };
	unsigned before = (unsigned)file_told.n, parts;
	static unsigned parts_before;

	if (!file_rounds || file_rounds >= 12 || file_bytes > BIG_FILE) {
		tolds_release(&file_told);
		put_session(file, 3, 1, 1, 300, &file_told);
		file_rounds = file_kills = before = parts_before = 0;
	}
	(void)snprintf(d->path, sizeof(d->path), "%s", file);
	if (d->work == WORK_COMMAND)
		put_input(d);
	let_die(d, &file_told);
	figures[d->work].told += (unsigned)file_told.n - before;
	go_on(d, file, &file_told, ++file_kills, &counts);
	parts = counts.parts;
	figures[d->work].torn += parts - parts_before;
	parts_before = parts;
	file_bytes = counts.bytes;
	file_rounds++;
}

static void round_of_first(struct round *d)
{
	struct tolds told = { NULL, 0, 0 };
	struct counts counts = { .bytes = 0 };
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	char one[PROCS_PATH];
	unsigned n;

	if (d->w % 9 == 0)
		write_text(d->path, (struct ramet_bytes){ "", 0 });
	let_die(d, &told);
	n = count_sessions(d->dir, one);
	if (n > 1)
		fault("w%u: %u session files", d->w, n);
	if (n && read_text(one, &text) == 0 && !text.len && d->w % 9)
		fault("w%u: a session file of zero bytes", d->w);
	if (!n && told.n)
		fault("w%u: %zu acknowledged entries and no file", d->w, told.n);
	figures[d->work].told += (unsigned)told.n;
	go_on(d, n ? one : d->path, &told, 1, &counts);
	figures[d->work].torn += counts.parts;
	ramet_buf_release(&text);
	tolds_release(&told);
}

/* Each fork has all entries of its source, or is not there. */
static unsigned check_forks(const struct round *d, const struct tolds *given)
{
	struct rules rules = { .told = given, .parts = 1, .chain = CHAIN_ALL };
	char one[PROCS_PATH];
	unsigned n = 0;

	while (count_sessions(d->dir, one)) {
		check_file(one, &rules, NULL);
		(void)unlink(one);
		n++;
	}
	return n;
}

static void round_of_fork(struct round *d)
{
	struct ramet_buf before = RAMET_BUF_INIT(SIZE_MAX / 2), after = before;
	struct tolds given = { NULL, 0, 0 }, told = given;
	unsigned n;

	put_session(d->path, 3, 2, 1 + chance(20), d->size, &given);
	if (read_text(d->path, &before) < 0)
		give_up(d->path);
	let_die(d, &told);
	if (read_text(d->path, &after) < 0 ||
	    !ramet_bytes_eq(ramet_buf_bytes(&before), ramet_buf_bytes(&after)))
		fault("w%u: the source of the fork was changed", d->w);
	(void)unlink(d->path);
	n = check_forks(d, &given);
	if (n < told.n)
		fault("w%u: %zu forks acknowledged, %u are there", d->w, told.n, n);
	figures[d->work].told += (unsigned)told.n;
	ramet_buf_release(&before);
	ramet_buf_release(&after);
	tolds_release(&given);
	tolds_release(&told);
}

static enum work choose_work(const char *ramet)
{
	uint32_t kind = chance(100);

	if (kind < 12)
		return ramet ? WORK_COMMAND : WORK_SINGLE;
	if (kind < 52)
		return WORK_SINGLE;
	return kind < 72 ? WORK_BATCH : kind < 88 ? WORK_FIRST : WORK_FORK;
}

static void one_round(unsigned i, const char *ramet)
{
	struct round d = { .w = FIRST_ROUND + i, .ramet = ramet };

	d.work = choose_work(ramet);
	d.level = (int)chance(3);
	d.aimed = d.work == WORK_SINGLE && chance(5) < 2;
	d.size = d.aimed ? 3000000 + chance(1000000) : chance_size();
	d.large = d.size >= 64000;
	d.n_max = d.large ? 1 + (6u << 20) / d.size : 2000;
	if (d.work == WORK_FORK && d.large)
		d.size /= 16;
	if (d.work == WORK_COMMAND)
		d.n_max = 1 + (d.large ? 8u << 20 : 1u << 20) / d.size;
	(void)snprintf(d.dir, sizeof(d.dir), "%s", path_in(place, "new"));
	make_dir(d.dir);
	(void)snprintf(d.path, sizeof(d.path), "%s",
		       d.work == WORK_FORK ? path_in(place, "source.jsonl") :
					     path_in(d.dir, "one.jsonl"));
	if (d.work == WORK_FIRST)
		round_of_first(&d);
	else if (d.work == WORK_FORK)
		round_of_fork(&d);
	else
		round_on_file(&d);
	figures[d.work].rounds++;
	if (!faults_so_far())
		remove_all(d.dir);
}

void procs_kill(const char *dir, unsigned rounds, const char *ramet)
{
	unsigned i, w, failed = 0, before;
	uint64_t start = now_us();

	(void)snprintf(place, sizeof(place), "%s", dir);
	(void)snprintf(file, sizeof(file), "%s", path_in(dir, "session.jsonl"));
	for (i = 0; i < rounds && failed < 5; i++) {
		before = faults_so_far();
		one_round(i, ramet);
		failed += faults_so_far() != before;
	}
	cases(i - failed, failed);
	for (w = 0; w < WORKS; w++)
		if (figures[w].rounds)
			row(work_names[w],
			    "%5u kills, %6u acknowledged, %4u torn lines, %3u too late",
			    figures[w].rounds, figures[w].told, figures[w].torn, figures[w].done);
	row("kill -9", "%u rounds, %u failed, %.0f a second", i, failed,
	    (double)i * 1e6 / (double)(now_us() - start + 1));
	tolds_release(&file_told);
}
