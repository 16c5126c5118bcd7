/*
 * procs_writers.c - four processes append to one session while two others read along.
 *
 * Each writer has a handle of its own; one opens the session anew often, with the index, one
 * without. What the policy promises is checked too: with "append" and "refuse" the entries are
 * one line from first to last, with "branch" each writer's hang from its own last one. A reader's
 * rows must be whole after every refresh, each writer's without a gap, and nothing else may be
 * there.
 */
#include "procs.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITERS 4u
#define READERS 2u
#define PATIENCE 100u                            /* times that a lock may not be had in a row */
#define BATCH_MAX 8u

/* Of all processes, in memory that they share. */
struct shared {
	int stop;
	unsigned ready;                          /* writers that have opened it */
	unsigned busy[WRITERS], refused[WRITERS], reopened[WRITERS];
	uint64_t longest[WRITERS];               /* append, us */
	uint64_t looks[READERS], rows[READERS], tails[READERS];
	unsigned wrong[READERS];
	char why[READERS][400];
};

static struct shared *shared;

/* ---- writers ---- */

struct writer {
	const struct writers *plan;
	const char *path;
	unsigned w;
	int to;
	struct ramet_session *s;
	char last[RAMET_ID_SIZE];                /* its own last entry */
};

static void must(int r, const struct ramet_error *err, unsigned w)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "writer %u: %s: %s\n", w, ramet_code_name(r), err->text);
	_exit(3);
}

static void open_anew(struct writer *o)
{
	static const int levels[WRITERS] = { RAMET_LEVEL_EACH, RAMET_LEVEL_TURN, RAMET_LEVEL_NONE,
					     RAMET_LEVEL_NONE };
	const struct ramet_open_opts opts = { .level = levels[o->w], .no_cache = o->w == 2 };
	struct ramet_error err = { .code = 0 };
	uint32_t row;

	ramet_session_close(o->s);
	must(ramet_session_open(&o->s, o->path, &opts, &err), &err, o->w);
	ramet_session_on_conflict(o->s, o->plan->policy);
	if (*o->last && o->plan->policy == RAMET_CONFLICT_BRANCH) {
		row = ramet_tree_find(ramet_session_tree(o->s), ramet_bytes_of(o->last));
		must(ramet_session_branch(o->s, row, &err), &err, o->w);
	}
}

/* Refused, but now theirs are known. */
static void go_to_last(struct writer *o)
{
	struct ramet_error err = { .code = 0 };

	must(ramet_session_branch(o->s, ramet_tree_leaf(ramet_session_tree(o->s)), &err), &err,
	     o->w);
}

/* Until it is stored: a lock that was never free, and a refusal, say so. */
static void append(struct writer *o, const struct ramet_bytes *texts, unsigned n,
		   char (*ids)[RAMET_ID_SIZE])
{
	struct ramet_error err = { .code = 0 };
	uint64_t begun = now_us();
	unsigned tries;
	int r = RAMET_ECONFLICT;

	for (tries = 0; r == RAMET_ECONFLICT && tries < PATIENCE; tries++) {
		r = n == 1 ? ramet_session_append_message(o->s, texts[0], ids[0], &err) :
			     ramet_session_append_messages(o->s, texts, n, ids, &err);
		if (r == RAMET_ECONFLICT && !strstr(err.text, "nothing was written"))
			shared->busy[o->w]++;
		else if (r == RAMET_ECONFLICT) {
			shared->refused[o->w]++;
			tries = 0;
			go_to_last(o);
		}
	}
	must(r, &err, o->w);
	begun = now_us() - begun;
	if (begun > shared->longest[o->w])
		shared->longest[o->w] = begun;
	if (chance(8) == 0)
		pause_us(chance(300));               /* others come in between more often */
}

static void write_on(struct writer *o)
{
	struct ramet_buf texts[BATCH_MAX];
	struct ramet_bytes bytes[BATCH_MAX];
	char ids[BATCH_MAX][RAMET_ID_SIZE];
	unsigned n, i, count, every = o->plan->lines / (o->w == 1 ? 100 : 20) + 1, next = every;
	struct mark m = { o->w, 0, o->plan->size };

	for (i = 0; i < BATCH_MAX; i++)
		ramet_buf_init(&texts[i], SIZE_MAX / 2);
	for (n = 0; n < o->plan->lines; n += count) {
		count = o->w == 3 ? 1 + chance(BATCH_MAX) : 1;
		for (i = 0; i < count; i++) {
			m.n = n + i;
			ramet_buf_reset(&texts[i]);
			mark_message(&m, &texts[i]);
			bytes[i] = ramet_buf_bytes(&texts[i]);
		}
		append(o, bytes, count, ids);
		for (i = 0; i < count; i++) {
			m.n = n + i;
			tell(o->to, TOLD_STORED, ids[i], &m);
		}
		(void)snprintf(o->last, sizeof(o->last), "%s", ids[count - 1]);
		if ((o->w == 1 || o->w == 2) && n >= next) {
			next += every;
			shared->reopened[o->w]++;
			open_anew(o);
		}
	}
}

static void be_writer(const struct writers *plan, const char *path, unsigned w, int to)
{
	struct writer o = { plan, path, w, to, NULL, "" };

	chance_seed(w + 1);
	open_anew(&o);
	(void)__atomic_add_fetch(&shared->ready, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) < WRITERS)
		pause_us(50);
	write_on(&o);
	ramet_session_close(o.s);
	_exit(0);
}

/* ---- readers ---- */

struct reader {
	unsigned me;
	struct ramet_session *s;
	uint32_t row;                            /* the next one not yet looked at */
	uint32_t next[WRITERS];                  /* number of each writer's next entry */
	struct ramet_buf scratch, made;
};

static void wrong(const struct reader *o, const char *what, uint32_t row, const char *more)
{
	if (!shared->wrong[o->me]++)
		(void)snprintf(shared->why[o->me], sizeof(shared->why[o->me]),
			       "row %u: %s %.255s", row, what, more);
}

/* A row that is new: the next entry of its writer, byte for byte. */
static void read_row(struct reader *o, const struct ramet_tree *t, uint32_t row, uint32_t size)
{
	struct ramet_bytes json;
	struct ramet_error err = { .code = 0 };
	struct mark m = { 0, 0, size };
	const char *at;

	if (ramet_tree_entry(t, row, &o->scratch, &json, &err) < 0) {
		wrong(o, "cannot be read:", row, err.text);
		return;
	}
	for (m.w = 0; m.w < WRITERS; m.w++) {
		m.n = o->next[m.w];
		ramet_buf_reset(&o->made);
		ramet_buf_add_str(&o->made, "\"message\":");
		mark_message(&m, &o->made);
		ramet_buf_add_char(&o->made, '}');
		at = json.len > o->made.len ? json.ptr + json.len - o->made.len : NULL;
		if (at && !memcmp(at, o->made.ptr, o->made.len))
			break;
	}
	if (m.w == WRITERS)
		wrong(o, "is nobody's next entry", row, "");
	else
		o->next[m.w]++;
	if (ramet_tree_row(t, row)->flags &
	    (RAMET_ROW_ORPHAN | RAMET_ROW_LOOP | RAMET_ROW_SHADOWED))
		wrong(o, "has no parent, or its id twice", row, "");
}

static void look_once(struct reader *o, uint32_t size)
{
	const struct ramet_findings *f = ramet_session_findings(o->s);
	const struct ramet_tree *t = ramet_session_tree(o->s);
	uint32_t i, n = ramet_tree_count(t);

	shared->looks[o->me]++;
	if (n < o->row)
		wrong(o, "rows went away", n, "");
	for (; o->row < n; o->row++)
		read_row(o, t, o->row, size);
	for (i = 0; i < f->n; i++)
		if (!strcmp(f->items[i].code, "torn-tail") ||
		    !strcmp(f->items[i].code, "no-newline"))
			shared->tails[o->me]++;
		else
			wrong(o, "finding:", n, f->items[i].code);
	shared->rows[o->me] = o->row;
}

static void be_reader(const struct writers *plan, const char *path, unsigned me)
{
	struct reader o = { .me = me, .row = 1, .scratch = RAMET_BUF_INIT(SIZE_MAX / 2),
			    .made = RAMET_BUF_INIT(SIZE_MAX / 2) };
	struct ramet_error err = { .code = 0 };
	int last, r = 0;

	do {
		last = __atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE);
		if (me && chance(8) == 0) {
			ramet_session_close(o.s);
			o.s = NULL;
		}
		if (!o.s) {
			const struct ramet_open_opts opts = { .no_cache = (int)chance(2) };

			r = ramet_session_open(&o.s, path, &opts, &err);
		} else {
			r = ramet_session_refresh(o.s, &err);
		}
		if (r < 0)
			wrong(&o, "refresh:", o.row, err.text);
		else
			look_once(&o, plan->size);
		pause_us(chance(me ? 20000 : 500));
	} while (r >= 0 && !last);
	if (shared->tails[me] && ramet_session_findings(o.s)->n)
		wrong(&o, "the finding stayed", o.row, "");
	ramet_session_close(o.s);
	_exit(0);
}

/* ---- the parent ---- */

/* What the writers were told, until all have ended. */
static void hear_writers(const int *from, struct tolds *told)
{
	struct pollfd polls[WRITERS];
	struct told one;
	unsigned i, open = WRITERS;

	for (i = 0; i < WRITERS; i++)
		polls[i] = (struct pollfd){ from[i], POLLIN, 0 };
	while (open) {
		if (poll(polls, WRITERS, -1) < 0 && errno != EINTR)
			give_up("poll");
		for (i = 0; i < WRITERS; i++) {
			if (!polls[i].revents)
				continue;
			/* reports are shorter than what a pipe keeps in one piece */
			if (read(polls[i].fd, &one, sizeof(one)) == (ssize_t)sizeof(one)) {
				tolds_add(told, &one);
				continue;
			}
			(void)close(polls[i].fd);
			polls[i].fd = -1;
			polls[i].revents = 0;
			open--;
		}
	}
}

static pid_t start(void)
{
	pid_t child;

	(void)fflush(stdout);
	child = fork();
	if (child < 0)
		give_up("fork");
	return child;
}

static void start_writers(const struct writers *plan, const char *path, int *from, pid_t *pids)
{
	int ends[2];
	unsigned i;

	for (i = 0; i < WRITERS; i++) {
		if (pipe(ends) < 0)
			give_up("pipe");
		from[i] = ends[0];
		pids[i] = start();
		if (!pids[i])
			be_writer(plan, path, i, ends[1]);
		(void)close(ends[1]);
	}
}

static void await(pid_t pid, const char *who)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		give_up("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fault("a %s ended with status %x", who, (unsigned)status);
}

static uint64_t sum(const unsigned *of, unsigned n)
{
	uint64_t all = 0;

	while (n--)
		all += of[n];
	return all;
}

static void report(const struct writers *plan, const struct counts *c, uint64_t us)
{
	static const char *const names[] = { "branch", "append", "refuse" };
	char what[64];
	uint64_t longest = 0;
	unsigned i;

	for (i = 0; i < WRITERS; i++)
		longest = shared->longest[i] > longest ? shared->longest[i] : longest;
	for (i = 0; i < READERS; i++)
		if (shared->wrong[i])
			fault("reader %u: %u things wrong, first %s", i, shared->wrong[i],
			      shared->why[i]);
	(void)snprintf(what, sizeof(what), "4 writers x %u of %u B, %s", plan->lines, plan->size,
		       names[plan->policy]);
	row(what,
	    "%6u entries in %5.1f s, %u x another's turn, longest append %.2f s, "
	    "%llu x no lock, %llu refused, %llu reopened; %llu refreshes, %llu open tails seen",
	    c->entries, (double)us / 1e6, c->turns, (double)longest / 1e6,
	    (unsigned long long)sum(shared->busy, WRITERS),
	    (unsigned long long)sum(shared->refused, WRITERS),
	    (unsigned long long)sum(shared->reopened, WRITERS),
	    (unsigned long long)(shared->looks[0] + shared->looks[1]),
	    (unsigned long long)(shared->tails[0] + shared->tails[1]));
}

void procs_writers(const char *dir, const struct writers *plan)
{
	struct tolds told = { NULL, 0, 0 };
	struct rules rules = { .told = &told, .only_told = 1, .index = 1 };
	struct counts counts = { .bytes = 0 };
	const char *path = path_in(dir, "writers.jsonl");
	pid_t writers[WRITERS], readers[READERS];
	uint64_t begun = now_us();
	int from[WRITERS];
	unsigned i;

	shared = share(sizeof(*shared));
	rules.chain = plan->policy == RAMET_CONFLICT_BRANCH ? CHAIN_WRITER : CHAIN_ALL;
	put_session(path, 3, 9, 1, 300, &told);
	for (i = 0; i < READERS; i++) {
		readers[i] = start();
		if (!readers[i])
			be_reader(plan, path, i);
	}
	start_writers(plan, path, from, writers);
	hear_writers(from, &told);
	begun = now_us() - begun;
	for (i = 0; i < WRITERS; i++)
		await(writers[i], "writer");
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < READERS; i++)
		await(readers[i], "reader");
	check_file(path, &rules, &counts);
	for (i = 0; i < READERS; i++)
		if (shared->rows[i] != counts.entries)
			fault("reader %u knows %llu of %u entries", i,
			      (unsigned long long)shared->rows[i], counts.entries);
	report(plan, &counts, begun);
	if (!faults_so_far())
		(void)unlink(path);
	(void)munmap(shared, sizeof(*shared));
	tolds_release(&told);
}
