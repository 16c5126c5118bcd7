/*
 * store/records_ahead.c - the stored lines of a session and their entries, made by a thread
 * of its own while the caller is busy with those before.
 *
 * There are two parts: one is filled, the other one is handed out. What fails while a part is
 * filled comes behind all that was found before it. A part is filled with lines first; what else
 * is to be made of them is made until the caller waits for it: he makes the rest himself.
 */
#include "store/records_priv.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/mem.h"

#define PART_LEN ((size_t)512 << 10)
#define ITEMS_MAX 4096u

struct span {
	size_t at, len;
	int where;                               /* of struct part's texts */
};

/* An entry, and the lines it becomes. */
struct made {
	struct span json, lines, id;             /* lines: empty: not made */
	struct rameti_apart is;                  /* is.id.ptr: not set */
};

/* A record; its texts are the part's. */
struct item {
	struct rameti_record record;             /* line.ptr and stored.ptr: not set */
	size_t stored, line;                     /* where they begin */
	size_t entries;                          /* the first of its entries; SIZE_MAX: none made */
	struct span quoted;                      /* empty: not made */
};

/* Lines as they are stored; what was made of them; what that became. */
enum { LINES, MADE, APART, N_TEXTS };

struct part {
	struct ramet_buf texts[N_TEXTS];
	struct item *items;
	struct made *entries;
	uint32_t n, cap, n_entries, cap_entries;
	int r;                                   /* what comes behind the last one; 1: more */
	struct ramet_error err;
	int full;
};

struct rameti_ahead {
	struct rameti_records *records;
	const struct rameti_ahead_job *job;
	struct ramet_buf scratch;
	struct part parts[2];
	unsigned out;                            /* the part that is handed out */
	int held;                                /* it is the caller's until it has seen all */
	uint32_t at;                             /* the next one of it */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int stop;
	atomic_int hurry;                        /* the caller waits */
};

/* ---- filling ---- */

/* The record, as it stands in the part. */
static struct rameti_record record_of(const struct part *p, const struct item *item)
{
	struct rameti_record record = item->record;

	record.stored.ptr = p->texts[LINES].ptr + item->stored;
	record.line.ptr = p->texts[LINES].ptr + item->line;
	return record;
}

static int add_record(struct part *p, const struct rameti_record *record, struct ramet_error *err)
{
	struct item *item;

	if (rameti_grow((void **)&p->items, &p->cap, p->n, sizeof(*p->items), 0x7fffffffu) < 0)
		return rameti_fail_nomem(err);
	item = &p->items[p->n];
	item->record = *record;
	item->stored = p->texts[LINES].len;
	item->line = item->stored + (size_t)(record->line.ptr - record->stored.ptr);
	item->entries = SIZE_MAX;
	item->quoted = (struct span){ 0, 0, MADE };
	ramet_buf_add(&p->texts[LINES], record->stored);
	if (ramet_buf_status(&p->texts[LINES]) < 0)
		return rameti_fail_nomem(err);
	p->n++;
	return 0;
}

static void add_lines(struct rameti_ahead *a, struct part *p)
{
	struct rameti_record record;
	int r = 0;

	p->n = 0;
	ramet_buf_reset(&p->texts[LINES]);
	do {
		p->r = rameti_records_read(a->records, &record, &p->err);
		if (p->r == 1)
			r = add_record(p, &record, &p->err);
		if (r < 0)
			p->r = r;
	} while (p->r == 1 && p->texts[LINES].len < PART_LEN && p->n < ITEMS_MAX);
}

/* ---- making ---- */

static int is_skipped(const struct rameti_ahead *a, uint32_t row)
{
	return a->job->skip && rameti_bit(a->job->skip, row);
}

/* Where a part of the record, or what was made of it, is to be found. */
static struct span place(struct part *p, const struct rameti_record *record,
			 struct ramet_bytes text)
{
	uintptr_t at = (uintptr_t)text.ptr, stored = (uintptr_t)record->stored.ptr;
	struct span s = { p->texts[MADE].len, text.len, MADE };

	if (text.len && at >= stored && at - stored < record->stored.len)
		return (struct span){ (size_t)(text.ptr - p->texts[LINES].ptr), text.len, LINES };
	ramet_buf_add(&p->texts[MADE], text);
	return s;
}

static struct ramet_bytes text_of(const struct part *p, const struct span *s)
{
	if (!s->len)
		return (struct ramet_bytes){ NULL, 0 };
	return (struct ramet_bytes){ p->texts[s->where].ptr + s->at, s->len };
}

static void add_apart(const struct rameti_ahead *a, struct part *p, struct made *e,
		      struct ramet_bytes json)
{
	struct ramet_buf *out = &p->texts[APART];
	size_t from = out->len;

	if (!a->job->apart(a->job->user, json, out, &e->is))
		return;
	e->lines = (struct span){ from, out->len - from, APART };
	e->id = (struct span){ out->len, e->is.id.len, APART };
	ramet_buf_add(out, e->is.id);
}

static int add_entry(struct rameti_ahead *a, struct part *p, const struct rameti_record *record,
		     uint32_t row)
{
	struct ramet_bytes json = { NULL, 0 };
	struct made *e;
	int r = 0;

	if (rameti_grow((void **)&p->entries, &p->cap_entries, p->n_entries, sizeof(*p->entries),
			0x7fffffffu) < 0)
		return RAMET_ENOMEM;
	if (!is_skipped(a, row))
		r = rameti_records_make(a->records, record, row, &a->scratch, &json, NULL);
	e = &p->entries[p->n_entries++];
	e->json = place(p, record, json);
	e->lines = e->id = (struct span){ 0, 0, APART };
	if (!r && json.len && a->job->apart)
		add_apart(a, p, e, json);
	return r;
}

static int make_entries(struct rameti_ahead *a, struct part *p, struct item *item)
{
	const struct rameti_record record = record_of(p, item);
	uint32_t row, first = p->n_entries;
	int r = 0;

	for (row = record.first; !r && row < record.first + record.n; row++)
		r = add_entry(a, p, &record, row);
	if (!r)
		r = ramet_buf_status(&p->texts[MADE]);
	if (!r)
		r = ramet_buf_status(&p->texts[APART]);
	if (!r)
		item->entries = first;
	return r;
}

static int quote_again(struct part *p, struct item *item)
{
	struct ramet_buf *out = &p->texts[APART];
	size_t at = out->len;

	rameti_json_add_inside(out, text_of(p, &item->quoted));
	if (ramet_buf_status(out) < 0)
		item->quoted.len = 0;
	else
		item->quoted = (struct span){ at, out->len - at, APART };
	return ramet_buf_status(out);
}

static int make_quoted(struct rameti_ahead *a, struct part *p, struct item *item)
{
	const struct rameti_record record = record_of(p, item);

	if (!rameti_record_is_valid(a->records, &record) || is_skipped(a, record.first))
		return 0;
	item->quoted = (struct span){ p->texts[MADE].len, 0, MADE };
	rameti_json_add_valid(&p->texts[MADE], record.stored);
	if (ramet_buf_status(&p->texts[MADE]) < 0)
		return ramet_buf_status(&p->texts[MADE]);
	item->quoted.len = p->texts[MADE].len - item->quoted.at;
	return a->job->makes & RAMETI_AHEAD_TWICE ? quote_again(p, item) : 0;
}

/* What fails here the caller does himself, and meets the failure. */
static void make(struct rameti_ahead *a, struct part *p)
{
	uint32_t i;
	int r = 0;

	p->n_entries = 0;
	ramet_buf_reset(&p->texts[MADE]);
	ramet_buf_reset(&p->texts[APART]);
	for (i = 0; !r && i < p->n && !atomic_load(&a->hurry); i++) {
		if (a->job->makes & RAMETI_AHEAD_ENTRIES)
			r = make_entries(a, p, &p->items[i]);
		if (!r && (a->job->makes & RAMETI_AHEAD_QUOTED))
			r = make_quoted(a, p, &p->items[i]);
	}
}

static void *run(void *user)
{
	struct rameti_ahead *a = user;
	unsigned i = 0;
	int more = 1;

	while (more) {
		pthread_mutex_lock(&a->lock);
		while (a->parts[i].full && !a->stop)
			pthread_cond_wait(&a->changed, &a->lock);
		more = !a->stop;
		pthread_mutex_unlock(&a->lock);
		if (!more)
			break;
		add_lines(a, &a->parts[i]);
		make(a, &a->parts[i]);
		more = a->parts[i].r == 1;
		pthread_mutex_lock(&a->lock);
		a->parts[i].full = 1;
		atomic_store(&a->hurry, 0);
		pthread_mutex_unlock(&a->lock);
		pthread_cond_broadcast(&a->changed);
		i = !i;
	}
	return NULL;
}

/* ---- handing out ---- */

/* Gives back the part that is held, and takes the next one as soon as it is full. */
static struct part *take_part(struct rameti_ahead *a)
{
	pthread_mutex_lock(&a->lock);
	if (a->held) {
		a->parts[a->out].full = 0;
		a->out = !a->out;
		a->at = 0;
	}
	pthread_mutex_unlock(&a->lock);
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_lock(&a->lock);
	while (!a->parts[a->out].full) {
		atomic_store(&a->hurry, 1);
		pthread_cond_wait(&a->changed, &a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	a->held = 1;
	return &a->parts[a->out];
}

int rameti_ahead_next(struct rameti_ahead *a, struct rameti_record *record, struct ramet_error *err)
{
	struct part *p = &a->parts[a->out];

	if (!a->held || (a->at == p->n && p->r == 1))
		p = take_part(a);
	if (a->at == p->n) {
		if (p->r < 0 && err)
			*err = p->err;
		return p->r;
	}
	*record = record_of(p, &p->items[a->at++]);
	return 1;
}

int rameti_ahead_entry(struct rameti_ahead *a, uint32_t row, struct ramet_bytes *json)
{
	const struct part *p = &a->parts[a->out];
	const struct item *item = &p->items[a->at - 1];

	if (item->entries == SIZE_MAX)
		return 0;
	*json = text_of(p, &p->entries[item->entries + (row - item->record.first)].json);
	return json->len > 0;
}

int rameti_ahead_apart(const struct rameti_ahead *a, uint32_t row, struct ramet_bytes *lines,
		       struct rameti_apart *is)
{
	const struct part *p = &a->parts[a->out];
	const struct item *item = &p->items[a->at - 1];
	const struct made *e;

	if (item->entries == SIZE_MAX)
		return 0;
	e = &p->entries[item->entries + (row - item->record.first)];
	*lines = text_of(p, &e->lines);
	*is = e->is;
	is->id = text_of(p, &e->id);
	return lines->len > 0;
}

int rameti_ahead_quoted(const struct rameti_ahead *a, struct ramet_bytes *json)
{
	const struct part *p = &a->parts[a->out];

	*json = text_of(p, &p->items[a->at - 1].quoted);
	return json->len > 0;
}

/* ---- beginning and end ---- */

static int start(struct rameti_ahead *a)
{
	if (pthread_mutex_init(&a->lock, NULL))
		return -1;
	if (!pthread_cond_init(&a->changed, NULL)) {
		if (!pthread_create(&a->thread, NULL, run, a))
			return 0;
		pthread_cond_destroy(&a->changed);
	}
	pthread_mutex_destroy(&a->lock);
	return -1;
}

struct rameti_ahead *rameti_ahead_start(struct rameti_records *r,
					const struct rameti_ahead_job *job)
{
	struct rameti_ahead *a = ramet_calloc(1, sizeof(*a));
	int i;

	if (!a)
		return NULL;
	a->records = r;
	a->job = job;
	ramet_buf_init(&a->scratch, SIZE_MAX / 2);
	for (i = 0; i < 2 * N_TEXTS; i++)
		ramet_buf_init(&a->parts[i / N_TEXTS].texts[i % N_TEXTS], SIZE_MAX / 2);
	if (start(a) == 0)
		return a;
	ramet_free(a);
	return NULL;
}

void rameti_ahead_end(struct rameti_ahead *a)
{
	int i, k;

	pthread_mutex_lock(&a->lock);
	a->stop = 1;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	(void)pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	for (i = 0; i < 2; i++) {
		for (k = 0; k < N_TEXTS; k++)
			ramet_buf_release(&a->parts[i].texts[k]);
		ramet_free(a->parts[i].items);
		ramet_free(a->parts[i].entries);
	}
	ramet_buf_release(&a->scratch);
	ramet_free(a);
}
