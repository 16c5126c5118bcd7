/*
 * store/load.c - the exact scan: a source cut into blocks, lines that start in a block into its
 * batch (by several threads when the source is large), batches into the reader in file order.
 *
 * A line belongs to the block it starts in, however far it goes. Memory: one block and one batch
 * a thread, a few finished batches, and the longest line (at most max_line). Blocks are small
 * enough to stay in a processor's own cache between reading and scanning.
 */
#include "store/load.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"

#define BLOCK (256u << 10)
#define PARALLEL_MIN (2u << 20)                  /* below this, threads cost more than they give */
#define THREADS_MAX 8u
#define RING 16u                                 /* batches under way or waiting to be fed */
#define ROWS_RESERVED_MAX (1u << 22)             /* beyond, grow as the rows come */
#define TAIL_WAIT_NS 20000000L

/* What one thread needs to scan blocks. */
struct scan {
	const struct rameti_codec *codec;
	const struct rameti_source *source;
	struct rameti_scanner *scanner;
	size_t max_line;
	uint64_t end;                            /* of the source */
	char *text;                              /* holds bytes [at, at + len) of the source */
	uint64_t at;
	size_t len, cap;
};

static int scan_init(struct scan *s, const struct rameti_codec *codec,
		     const struct rameti_source *source, uint64_t end, size_t max_line,
		     struct ramet_error *err)
{
	memset(s, 0, sizeof(*s));
	s->codec = codec;
	s->source = source;
	s->max_line = max_line < BLOCK ? BLOCK : max_line;
	s->end = end;
	return rameti_scanner_new(&s->scanner, codec->wants, codec->n_wants, 0, err);
}

static void scan_release(struct scan *s)
{
	rameti_scanner_free(s->scanner);
	ramet_free(s->text);
}

/* Hold bytes [at, to) of the source, keeping what is there already when at did not change. */
static int scan_hold(struct scan *s, uint64_t at, uint64_t to, struct ramet_error *err)
{
	size_t want = (size_t)(to - at), have = at == s->at ? s->len : 0;
	char *text;
	int r;

	if (want <= have)
		return 0;
	if (want > s->cap) {
		text = ramet_realloc(s->text, want);
		if (!text)
			return rameti_fail_nomem(err);
		s->text = text;
		s->cap = want;
	}
	r = rameti_source_read(s->source, s->text + have, want - have, at + have, err);
	s->at = at;
	s->len = r < 0 ? 0 : want;
	return r;
}

/* The end of a line that is longer than we keep: *to is where its newline or the end is. */
static int skip_long_line(struct scan *s, uint64_t from, uint64_t *to, int *terminated,
			  struct ramet_error *err)
{
	struct ramet_bytes piece;
	int r;

	for (;; from += piece.len) {
		uint64_t stop = s->end - from < BLOCK ? s->end : from + BLOCK;

		s->len = 0;
		r = scan_hold(s, from, stop, err);
		if (r < 0)
			return r;
		piece.ptr = s->text;
		piece.len = (size_t)(stop - from);
		*to = from + rameti_scan_newline(piece);
		*terminated = *to < stop;
		if (*terminated || stop == s->end)
			return 0;
	}
}

/* Make the line that starts at `from` whole in s->text (from s->at on), or find it too long. */
static int hold_line(struct scan *s, uint64_t from, int *too_long, struct ramet_error *err)
{
	size_t size = BLOCK, seen = 0;
	struct ramet_bytes piece;
	int r;

	/* move what is there of it to the front */
	if (from > s->at) {
		s->len -= (size_t)(from - s->at);
		memmove(s->text, s->text + (from - s->at), s->len);
		s->at = from;
	}
	*too_long = 0;
	for (;; size = size > s->max_line / 2 ? s->max_line + 1 : size * 2) {
		uint64_t stop = s->end - from < size ? s->end : from + size;

		r = scan_hold(s, from, stop, err);
		if (r < 0)
			return r;
		piece.ptr = s->text + seen;
		piece.len = s->len - seen;
		seen += rameti_scan_newline(piece);
		*too_long = seen > s->max_line;
		if (*too_long || seen < s->len || stop == s->end)
			return 0;
	}
}

/* The lines wholly inside text, which ends with a newline or at the source's end. */
static int scan_lines(struct scan *s, struct ramet_bytes text, uint64_t offset,
		      struct rameti_batch *b, struct ramet_error *err)
{
	uint32_t len;
	int r, terminated;

	while (text.len) {
		r = rameti_batch_line(b, s->codec, s->scanner, text, offset, &len, &terminated);
		if (r < 0)
			return rameti_fail_nomem(err);
		len += (uint32_t)terminated;
		text.ptr += len;
		text.len -= len;
		offset += len;
	}
	return 0;
}

static int scan_last_line(struct scan *s, uint64_t from, struct rameti_batch *b,
			  struct ramet_error *err)
{
	struct ramet_bytes text;
	int too_long, terminated, r = hold_line(s, from, &too_long, err);
	uint64_t to;
	uint32_t len;

	if (r < 0)
		return r;
	if (too_long) {
		r = skip_long_line(s, from, &to, &terminated, err);
		if (!r && rameti_batch_too_long(b, from, to - from, terminated) < 0)
			r = rameti_fail_nomem(err);
		return r;
	}
	text.ptr = s->text;
	text.len = s->len;
	return rameti_batch_line(b, s->codec, s->scanner, text, from, &len, &terminated) < 0 ?
		rameti_fail_nomem(err) : 0;
}

static int skip_bom(struct ramet_bytes *text, struct rameti_batch *b, struct ramet_error *err)
{
	struct rameti_odd odd;

	if (text->len < 3 || memcmp(text->ptr, "\xef\xbb\xbf", 3))
		return 0;
	memset(&odd, 0, sizeof(odd));
	odd.kind = RAMETI_ODD_BOM;
	text->ptr += 3;
	text->len -= 3;
	return rameti_batch_odd(b, &odd) < 0 ? rameti_fail_nomem(err) : 0;
}

/* All lines that start in [from, to). */
static int scan_block(struct scan *s, uint64_t from, uint64_t to, struct rameti_batch *b,
		      struct ramet_error *err)
{
	uint64_t base = from ? from - 1 : 0;
	struct ramet_bytes text;
	const char *last;
	size_t skip;
	int r;

	rameti_batch_reset(b);
	s->len = 0;
	r = scan_hold(s, base, to, err);
	if (r < 0)
		return r;
	text.ptr = s->text;
	text.len = s->len;
	if (from) {
		skip = rameti_scan_newline(text);
		if (skip + 1 >= text.len)
			return 0;
		text.ptr += skip + 1;
		text.len -= skip + 1;
	} else {
		r = skip_bom(&text, b, err);
	}
	if (r < 0 || !text.len)
		return r;
	last = memrchr(text.ptr, '\n', text.len);
	skip = to == s->end ? text.len : last ? (size_t)(last + 1 - text.ptr) : 0;
	base += (uint64_t)(text.ptr - s->text);
	r = scan_lines(s, (struct ramet_bytes){ text.ptr, skip }, base, b, err);
	if (!r && skip < text.len)
		r = scan_last_line(s, base + skip, b, err);
	return r;
}

static uint64_t block_end(uint64_t from, uint64_t end)
{
	return end - from <= BLOCK ? end : from + BLOCK;
}

/* The last line, which starts in this block, has no end: perhaps it is being written just now.
 * Look once more, a little later; what was added meanwhile then belongs to this block too. */
static int look_again(struct scan *s, struct rameti_source *source, uint64_t from,
		      struct rameti_batch *b, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(source->file.env);
	struct timespec wait = { 0, TAIL_WAIT_NS };
	uint64_t size;
	int r;

	if (!b->tail_open || source->file.fd < 0 ||
	    (!b->tail_is_row &&
	     (!b->n_odd || b->odd[b->n_odd - 1].kind == RAMETI_ODD_BLANK)))
		return 0;
	env->nanosleep(env->user, &wait);
	r = rameti_source_size(source, &size, err);
	if (r < 0 || size <= source->size)
		return r;
	source->size = s->end = size;
	return scan_block(s, from, size, b, err);
}

static int load_alone(struct rameti_reader *r, struct rameti_source *source, uint64_t from,
		      size_t max_line, struct ramet_error *err)
{
	struct rameti_batch b;
	struct scan s;
	uint64_t to;
	int e = scan_init(&s, r->codec, source, source->size, max_line, err);

	rameti_batch_init(&b);
	for (; !e && from < s.end; from = to) {
		uint64_t size = source->size;

		to = block_end(from, s.end);
		e = scan_block(&s, from, to, &b, err);
		if (!e)
			e = look_again(&s, source, from, &b, err);
		if (source->size > size)
			to = source->size;
		if (!e)
			e = rameti_reader_feed(r, &b, err);
	}
	rameti_batch_release(&b);
	scan_release(&s);
	return e;
}

/* ---- several threads ---- */

/* The thread that feeds the reader scans blocks too while it waits for the next one in order. */
struct crew {
	pthread_mutex_t lock;
	pthread_cond_t done, room;
	const struct rameti_codec *codec;
	const struct rameti_source *source;
	size_t max_line;
	uint64_t end;                            /* of the source when the work was handed out */
	uint64_t n_blocks, next, fed;            /* blocks in all, handed out, fed to the reader */
	int stop, waiting, idle;                 /* waiting: the feeder; idle: how many workers */
	struct slot {
		struct rameti_batch batch;
		struct ramet_error err;
		int status, ready;
	} ring[RING];
};

static int has_work(const struct crew *c)
{
	return c->next < c->n_blocks && c->next < c->fed + RING;
}

/* The next block to scan, or n_blocks when there is nothing left to do. */
static uint64_t take_block(struct crew *c)
{
	uint64_t k = c->n_blocks;

	pthread_mutex_lock(&c->lock);
	while (!c->stop && c->next < c->n_blocks && !has_work(c)) {
		c->idle++;
		pthread_cond_wait(&c->room, &c->lock);
		c->idle--;
	}
	if (!c->stop && c->next < c->n_blocks)
		k = c->next++;
	pthread_mutex_unlock(&c->lock);
	return k;
}

/* Scan block k into its slot; start is how making the scan went. */
static void do_block(struct crew *c, struct scan *s, uint64_t k, int start)
{
	struct slot *slot = &c->ring[k % RING];
	int e = start;

	if (!start)
		e = scan_block(s, k * BLOCK, block_end(k * BLOCK, c->end), &slot->batch,
			       &slot->err);
	else
		rameti_fail_nomem(&slot->err);
	pthread_mutex_lock(&c->lock);
	slot->status = e;
	slot->ready = 1;
	if (c->waiting && k == c->fed)
		pthread_cond_signal(&c->done);
	pthread_mutex_unlock(&c->lock);
}

static void *work(void *arg)
{
	struct crew *c = arg;
	struct scan s;
	int start = scan_init(&s, c->codec, c->source, c->end, c->max_line, NULL);
	uint64_t k;

	while ((k = take_block(c)) < c->n_blocks)
		do_block(c, &s, k, start);
	scan_release(&s);
	return NULL;
}

/* Until block k is scanned, scan others. */
static void await_block(struct crew *c, struct scan *s, uint64_t k)
{
	pthread_mutex_lock(&c->lock);
	while (!c->ring[k % RING].ready) {
		if (has_work(c)) {
			uint64_t other = c->next++;

			pthread_mutex_unlock(&c->lock);
			do_block(c, s, other, 0);
			pthread_mutex_lock(&c->lock);
		} else {
			c->waiting = 1;
			pthread_cond_wait(&c->done, &c->lock);
			c->waiting = 0;
		}
	}
	pthread_mutex_unlock(&c->lock);
}

static void free_slot(struct crew *c, uint64_t k)
{
	pthread_mutex_lock(&c->lock);
	c->ring[k % RING].ready = 0;
	c->fed = k + 1;
	if (c->idle)
		pthread_cond_broadcast(&c->room);
	pthread_mutex_unlock(&c->lock);
}

/* From the rows of the first block, how many there will be; lines are much alike in one session. */
static void reserve_rows(struct rameti_reader *r, const struct rameti_batch *first,
			 uint64_t n_blocks)
{
	uint64_t rows = (uint64_t)first->n * n_blocks;

	if (rows <= ROWS_RESERVED_MAX)
		rameti_tree_reserve(r->tree, (uint32_t)rows);
}

static int feed_blocks(struct crew *c, struct rameti_reader *r, struct rameti_source *source,
		       struct ramet_error *err)
{
	struct scan s;
	uint64_t k;
	int e = scan_init(&s, c->codec, source, c->end, c->max_line, err);

	for (k = 0; !e && k < c->n_blocks; k++) {
		struct slot *slot = &c->ring[k % RING];

		await_block(c, &s, k);
		e = slot->status;
		if (e < 0 && err)
			*err = slot->err;
		if (!e)
			e = look_again(&s, source, k * BLOCK, &slot->batch, err);
		if (!e && k == 0)
			reserve_rows(r, &slot->batch, c->n_blocks);
		if (!e)
			e = rameti_reader_feed(r, &slot->batch, err);
		free_slot(c, k);
	}
	scan_release(&s);
	return e;
}

static void crew_stop(struct crew *c, const pthread_t *ids, unsigned n)
{
	unsigned i;

	pthread_mutex_lock(&c->lock);
	c->stop = 1;
	pthread_cond_broadcast(&c->room);
	pthread_mutex_unlock(&c->lock);
	for (i = 0; i < n; i++)
		pthread_join(ids[i], NULL);
	for (i = 0; i < RING; i++)
		rameti_batch_release(&c->ring[i].batch);
	pthread_cond_destroy(&c->room);
	pthread_cond_destroy(&c->done);
	pthread_mutex_destroy(&c->lock);
	ramet_free(c);
}

static int load_together(struct rameti_reader *r, struct rameti_source *source, size_t max_line,
			 unsigned threads, struct ramet_error *err)
{
	pthread_t ids[THREADS_MAX];
	struct crew *c = ramet_calloc(1, sizeof(*c));
	unsigned i, n = 0;
	int e;

	if (!c)
		return rameti_fail_nomem(err);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->done, NULL);
	pthread_cond_init(&c->room, NULL);
	c->codec = r->codec;
	c->source = source;
	c->max_line = max_line;
	c->end = source->size;
	c->n_blocks = (c->end + BLOCK - 1) / BLOCK;
	for (i = 0; i < RING; i++)
		rameti_batch_init(&c->ring[i].batch);
	while (n + 1 < threads && !pthread_create(&ids[n], NULL, work, c))
		n++;
	e = feed_blocks(c, r, source, err);
	crew_stop(c, ids, n);
	return e;
}

int rameti_load(struct rameti_reader *r, struct rameti_source *source, size_t max_line,
		unsigned threads, struct ramet_error *err)
{
	long cpus = threads;
	int e;

	if (!source->size && r->codec->begin)
		return rameti_reader_finish(r, err);         /* a session without records */
	if (!source->size)
		return rameti_fail(err, RAMET_EFORMAT, "not a session: the file is empty");
	if (source->size < PARALLEL_MIN)
		cpus = 1;
	else if (!cpus)
		cpus = sysconf(_SC_NPROCESSORS_ONLN);
	threads = cpus < 1 ? 1 : cpus > (long)THREADS_MAX ? THREADS_MAX : (unsigned)cpus;
	if (threads > 1)
		e = load_together(r, source, max_line, threads, err);
	else
		e = load_alone(r, source, 0, max_line, err);
	return e < 0 ? e : rameti_reader_finish(r, err);
}

int rameti_load_more(struct rameti_reader *r, struct rameti_source *source, uint64_t size,
		     size_t max_line, struct ramet_error *err)
{
	uint64_t from = source->size;
	int e;

	source->size = size;
	e = load_alone(r, source, from, max_line, err);
	return e < 0 ? e : rameti_reader_finish(r, err);
}
