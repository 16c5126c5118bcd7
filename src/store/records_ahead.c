/*
 * store/records_ahead.c - the stored lines of a session and their entries, made by a thread
 * of its own while the caller is busy with those before.
 *
 * There are two parts: one is filled, the other one is handed out. What fails while a part is
 * filled comes behind all that was found before it.
 */
#include "store/records_priv.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define PART_LEN ((size_t)256 << 10)
#define ITEMS_MAX 4096u

/* A record; its texts are in the part's bytes. */
struct item {
	struct rameti_record record;             /* line.ptr and stored.ptr: not set */
	size_t stored, line;                     /* where they begin */
	size_t entries;                          /* the first of its entries; SIZE_MAX: none made */
};

struct span {
	size_t at, len;
};

struct part {
	struct ramet_buf bytes;
	struct item *items;
	struct span *entries;
	uint32_t n, cap, n_entries, cap_entries;
	int r;                                   /* what comes behind the last one; 1: more */
	struct ramet_error err;
	int full;
};

struct rameti_ahead {
	struct rameti_records *records;
	const uint8_t *skip;
	int entries;
	struct ramet_buf scratch;
	struct part parts[2];
	unsigned out;                            /* the part that is handed out */
	uint32_t at;                             /* the next one of it */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int stop;
};

/* ---- filling ---- */

static int add_entry(struct rameti_ahead *a, struct part *p, const struct rameti_record *record,
		     uint32_t row, struct ramet_error *err)
{
	struct span *e;
	struct ramet_bytes json = { NULL, 0 };
	int r = 0;

	if (rameti_grow((void **)&p->entries, &p->cap_entries, p->n_entries, sizeof(*p->entries),
			0x7fffffffu) < 0)
		return rameti_fail_nomem(err);
	if (!(a->skip && a->skip[row / 8] >> (row % 8) & 1))
		r = rameti_records_make(a->records, record, row, &a->scratch, &json, err);
	e = &p->entries[p->n_entries++];
	e->at = p->bytes.len;
	e->len = json.len;
	ramet_buf_add(&p->bytes, json);
	return r;
}

static int add_record(struct rameti_ahead *a, struct part *p, const struct rameti_record *record,
		      struct ramet_error *err)
{
	struct item *item;
	uint32_t row;
	int r = 0;

	if (rameti_grow((void **)&p->items, &p->cap, p->n, sizeof(*p->items), 0x7fffffffu) < 0)
		return rameti_fail_nomem(err);
	item = &p->items[p->n];
	item->record = *record;
	item->stored = p->bytes.len;
	item->line = item->stored + (size_t)(record->line.ptr - record->stored.ptr);
	item->entries = a->entries ? p->n_entries : SIZE_MAX;
	ramet_buf_add(&p->bytes, record->stored);
	for (row = record->first; a->entries && !r && row < record->first + record->n; row++)
		r = add_entry(a, p, record, row, err);
	if (!r && ramet_buf_status(&p->bytes) < 0)
		r = rameti_fail_nomem(err);
	p->n += !r;
	return r;
}

static void fill(struct rameti_ahead *a, struct part *p)
{
	struct rameti_record record;
	int r = 0;

	p->n = p->n_entries = 0;
	ramet_buf_reset(&p->bytes);
	do {
		p->r = rameti_records_read(a->records, &record, &p->err);
		if (p->r == 1)
			r = add_record(a, p, &record, &p->err);
		if (r < 0)
			p->r = r;
	} while (p->r == 1 && p->bytes.len < PART_LEN && p->n < ITEMS_MAX);
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
		fill(a, &a->parts[i]);
		more = a->parts[i].r == 1;
		pthread_mutex_lock(&a->lock);
		a->parts[i].full = 1;
		pthread_cond_broadcast(&a->changed);
		pthread_mutex_unlock(&a->lock);
		i = !i;
	}
	return NULL;
}

/* ---- handing out ---- */

int rameti_ahead_next(struct rameti_ahead *a, struct rameti_record *record, struct ramet_error *err)
{
	struct part *p = &a->parts[a->out];
	const struct item *item;

	pthread_mutex_lock(&a->lock);
	if (p->full && a->at == p->n && p->r == 1) {
		p->full = 0;
		pthread_cond_broadcast(&a->changed);
		a->out = !a->out;
		a->at = 0;
		p = &a->parts[a->out];
	}
	while (!p->full)
		pthread_cond_wait(&a->changed, &a->lock);
	pthread_mutex_unlock(&a->lock);
	if (a->at == p->n) {
		if (p->r < 0 && err)
			*err = p->err;
		return p->r;
	}
	item = &p->items[a->at++];
	*record = item->record;
	record->stored.ptr = p->bytes.ptr + item->stored;
	record->line.ptr = p->bytes.ptr + item->line;
	return 1;
}

int rameti_ahead_entry(struct rameti_ahead *a, uint32_t row, struct ramet_bytes *json)
{
	const struct part *p = &a->parts[a->out];
	const struct item *item = &p->items[a->at - 1];
	const struct span *e;

	if (item->entries == SIZE_MAX)
		return 0;
	e = &p->entries[item->entries + (row - item->record.first)];
	*json = (struct ramet_bytes){ p->bytes.ptr + e->at, e->len };
	return e->len > 0;
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

struct rameti_ahead *rameti_ahead_start(struct rameti_records *r, const uint8_t *skip, int entries)
{
	struct rameti_ahead *a = ramet_calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->records = r;
	a->skip = skip;
	a->entries = entries;
	ramet_buf_init(&a->scratch, SIZE_MAX / 2);
	ramet_buf_init(&a->parts[0].bytes, SIZE_MAX / 2);
	ramet_buf_init(&a->parts[1].bytes, SIZE_MAX / 2);
	if (start(a) == 0)
		return a;
	ramet_free(a);
	return NULL;
}

void rameti_ahead_end(struct rameti_ahead *a)
{
	int i;

	pthread_mutex_lock(&a->lock);
	a->stop = 1;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	(void)pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	for (i = 0; i < 2; i++) {
		ramet_buf_release(&a->parts[i].bytes);
		ramet_free(a->parts[i].items);
		ramet_free(a->parts[i].entries);
	}
	ramet_buf_release(&a->scratch);
	ramet_free(a);
}
