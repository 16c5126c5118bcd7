/*
 * ops/seal_lines.c - the hashes of a file's lines, in file order, by several threads.
 *
 * The file is cut into blocks; a line belongs to the block it starts in, however far it goes.
 * Whoever is free takes the next block, and so does the caller while its turn has not come; at
 * most RING blocks are under way. Memory: a block a thread, the hashes of RING blocks, and the
 * longest line (at most max_line). A file that ends early ends there.
 */
#include "ops/seal_lines_priv.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/lines.h"
#include "base/mem.h"

#define BLOCK (256u << 10)
#define SPARE (16u << 10) /* behind a block: most often its last line ends there */
#define PARALLEL_MIN (2u << 20)
#define THREADS_MAX 8u
#define RING 8u
#define LINES_MAX (BLOCK + 1u)

/* The lines that start in one block. */
struct slot {
	struct rameti_hashed_line *lines;
	uint32_t n, cap;
	int status, ready;
	struct ramet_error err;
};

struct rameti_seal_lines {
	const struct rameti_file *file;
	uint64_t size, n_blocks;
	size_t max_line;
	pthread_t threads[THREADS_MAX];
	unsigned n_threads;
	char *text;                              /* the caller's own block */
	uint32_t at;                             /* in the slot of block `given` */
	pthread_mutex_t lock;
	pthread_cond_t done, room;
	/* under the lock: */
	uint64_t taken, given; /* blocks before these were begun, handed out */
	int stop;
	struct slot ring[RING];
};

/* ---- one block ---- */

static int add_line(struct slot *s, struct ramet_bytes text, uint64_t offset)
{
	int r = rameti_grow((void **)&s->lines, &s->cap, s->n, sizeof(*s->lines), LINES_MAX);
	struct rameti_hashed_line *line = &s->lines[s->n];

	if (r < 0 || rameti_seal_hash(text, line->hash) < 0)
		return rameti_fail_nomem(&s->err);
	line->offset = offset;
	line->len = text.len;
	s->n++;
	return 0;
}

/* A line that goes on behind what is at hand. */
static int add_long_line(const struct rameti_seal_lines *l, struct slot *s, uint64_t offset)
{
	struct rameti_lines lines;
	struct rameti_lines_item item;
	int r = rameti_lines_open(&lines, l->file, offset, l->size, l->max_line, &s->err);

	if (r < 0)
		return r;
	r = rameti_lines_next(&lines, &item, &s->err);
	if (r > 0)
		r = add_line(s, item.text, offset);
	rameti_lines_close(&lines);
	return r;
}

/* The lines that start in text, of which the first byte stands at `base`; those before `to`. */
static int add_lines(const struct rameti_seal_lines *l, struct slot *s, struct ramet_bytes text,
		     uint64_t base, uint64_t to)
{
	const char *at = text.ptr, *stop = text.ptr + text.len, *newline;
	struct ramet_bytes line;
	int r = 0;

	while (!r && at < stop && base + (uint64_t)(at - text.ptr) < to) {
		newline = memchr(at, '\n', (size_t)(stop - at));
		if (!newline)
			return add_long_line(l, s, base + (uint64_t)(at - text.ptr));
		line.ptr = at;
		line.len = (size_t)(newline - at);
		if (line.len > l->max_line)
			line.len = 0;
		r = add_line(s, line, base + (uint64_t)(at - text.ptr));
		at = newline + 1;
	}
	return r;
}

/* text has room for BLOCK + SPARE + 1 bytes. */
static int read_block(const struct rameti_seal_lines *l, struct slot *s, uint64_t block, char *text)
{
	uint64_t from = block * BLOCK, to = from + BLOCK, end = to + SPARE;
	uint64_t base = from ? from - 1 : 0;
	struct ramet_bytes rest = { text, 0 };
	const char *newline;
	int64_t n;

	s->n = 0;
	if (to > l->size)
		to = l->size;
	if (end > l->size)
		end = l->size;
	n = rameti_file_read_at(l->file, text, (size_t)(end - base), base, &s->err);
	if (n < 0)
		return (int)n;
	rest.len = (size_t)n;
	if (from) {
		/* the first line that starts here is behind a newline, perhaps the byte before */
		newline = memchr(text, '\n', rest.len);
		if (!newline)
			return 0;
		rest.len -= (size_t)(newline + 1 - text);
		rest.ptr = newline + 1;
	}
	return add_lines(l, s, rest, base + (uint64_t)(rest.ptr - text), to);
}

/* ---- threads ---- */

/* The next block, with the lock held; n_blocks: there is none, or no room for one. */
static uint64_t take_block(struct rameti_seal_lines *l)
{
	if (l->stop || l->taken == l->n_blocks || l->taken >= l->given + RING)
		return l->n_blocks;
	return l->taken++;
}

/* Called with the lock held, and returns so. */
static void do_block(struct rameti_seal_lines *l, uint64_t block, char *text)
{
	struct slot *s = &l->ring[block % RING];

	pthread_mutex_unlock(&l->lock);
	s->status = read_block(l, s, block, text);
	pthread_mutex_lock(&l->lock);
	s->ready = 1;
	pthread_cond_signal(&l->done);               /* only the caller waits for it */
}

static void *work(void *arg)
{
	struct rameti_seal_lines *l = arg;
	char *text = ramet_alloc(BLOCK + SPARE + 1);
	uint64_t block;

	pthread_mutex_lock(&l->lock);
	while (text && !l->stop && l->taken < l->n_blocks) {
		block = take_block(l);
		if (block < l->n_blocks)
			do_block(l, block, text);
		else
			pthread_cond_wait(&l->room, &l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	ramet_free(text);                            /* without memory the caller does it all */
	return NULL;
}

/* Until the next block to hand out is ready. */
static void wait_for_slot(struct rameti_seal_lines *l, struct slot *s)
{
	uint64_t block;

	pthread_mutex_lock(&l->lock);
	while (!s->ready) {
		block = take_block(l);
		if (block < l->n_blocks)
			do_block(l, block, l->text);
		else
			pthread_cond_wait(&l->done, &l->lock);
	}
	pthread_mutex_unlock(&l->lock);
}

static void give_back(struct rameti_seal_lines *l, struct slot *s)
{
	pthread_mutex_lock(&l->lock);
	s->ready = 0;
	l->given++;
	l->at = 0;
	pthread_cond_signal(&l->room);
	pthread_mutex_unlock(&l->lock);
}

/* ---- for the caller ---- */

static unsigned threads_for(uint64_t size, unsigned wanted)
{
	long n = wanted;

	if (size < PARALLEL_MIN)
		return 1;
	if (!n)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > (long)THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

int rameti_seal_lines_new(struct rameti_seal_lines **out, const struct rameti_file *f,
			  uint64_t size, size_t max_line, unsigned threads,
			  struct ramet_error *err)
{
	struct rameti_seal_lines *l = ramet_calloc(1, sizeof(*l));

	if (l)
		l->text = ramet_alloc(BLOCK + SPARE + 1);
	if (!l || !l->text) {
		ramet_free(l);
		return rameti_fail_nomem(err);
	}
	l->file = f;
	l->size = size;
	l->n_blocks = size / BLOCK + (size % BLOCK != 0);
	l->max_line = max_line;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->done, NULL);
	pthread_cond_init(&l->room, NULL);
	/* the caller is one of them */
	threads = threads_for(size, threads);
	while (l->n_threads + 1 < threads &&
	       !pthread_create(&l->threads[l->n_threads], NULL, work, l))
		l->n_threads++;
	*out = l;
	return 0;
}

int rameti_seal_lines_next(struct rameti_seal_lines *l, struct rameti_hashed_line *line,
			   struct ramet_error *err)
{
	/* only the caller changes `given`, so reading it needs no lock */
	while (l->given < l->n_blocks) {
		struct slot *s = &l->ring[l->given % RING];

		if (!l->at)
			wait_for_slot(l, s);
		if (s->status < 0) {
			if (err)
				*err = s->err;
			return s->status;
		}
		if (l->at < s->n) {
			*line = s->lines[l->at++];
			return 1;
		}
		give_back(l, s);
	}
	return 0;
}

void rameti_seal_lines_free(struct rameti_seal_lines *l)
{
	unsigned i;

	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->stop = 1;
	pthread_cond_broadcast(&l->room);
	pthread_mutex_unlock(&l->lock);
	for (i = 0; i < l->n_threads; i++)
		pthread_join(l->threads[i], NULL);
	for (i = 0; i < RING; i++)
		ramet_free(l->ring[i].lines);
	pthread_cond_destroy(&l->room);
	pthread_cond_destroy(&l->done);
	pthread_mutex_destroy(&l->lock);
	ramet_free(l->text);
	ramet_free(l);
}
