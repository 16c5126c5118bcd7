/*
 * codec/ckptmgr_entries.c - a session of a state as lines of pi's: a chain of entries.
 *
 * Messages become message entries, checkpoints custom entries `ramet.checkpoint`: one that holds
 * just the messages before it stands behind them, any other in front. The checkpoint `ramet.raw` is
 * no checkpoint: its items say what id and time an entry has, and carry entries no message can
 * say. An item that names a message which is no longer there is passed over.
 */
#include "codec/ckptmgr_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "json/scan.h"

/* A carried item by its place. */
struct placed {
	uint32_t at, order;
	const struct ramet_json *item;
};
/* A checkpoint that no item places; at is UINT32_MAX for one that stands in front. */
struct loose {
	uint32_t at;
	const struct ramet_json *key;
};

struct making {
	const struct rameti_ckpt_session *s;
	struct ramet_bytes id;
	struct ramet_buf *out;
	struct placed *items;                    /* the carried ones, by place */
	uint32_t n_items, item;                  /* item: the first that is not passed yet */
	struct loose *loose;
	uint32_t n_loose;
	uint32_t *sums, n;                       /* of messages */
	char created[40];                        /* in quotes */
	struct ramet_buf prev, members, text;
	int has_prev;
	struct ramet_json_doc doc;
	struct ramet_error *err;
};

/* ---- lines ---- */

static struct ramet_bytes prev_of(const struct making *m)
{
	struct ramet_bytes none = { NULL, 0 }, id = ramet_buf_bytes(&m->prev);

	if (!m->has_prev)
		return none;
	return id.ptr ? id : ramet_bytes_of("");
}

/* The line just written has this id. */
static int end_line(struct making *m, struct ramet_bytes id)
{
	ramet_buf_add_char(m->out, '\n');
	ramet_buf_reset(&m->prev);
	ramet_buf_add(&m->prev, id);
	m->has_prev = 1;
	if (ramet_buf_status(m->out) < 0 || ramet_buf_status(&m->prev) < 0)
		return rameti_fail_nomem(m->err);
	return 0;
}

/* A custom entry with m->members as its data. */
static int add_custom(struct making *m, const char *type, struct ramet_bytes id,
		      struct ramet_bytes time)
{
	struct ramet_buf members = RAMET_BUF_INIT(SIZE_MAX / 2), own = RAMET_BUF_INIT(4096);
	struct rameti_draft d = { .type = ramet_bytes_of("custom"), .parent = prev_of(m),
				  .timestamp = time };
	int r = 0;

	ramet_buf_add(&own, id);
	d.id = own.len ? ramet_buf_bytes(&own) : ramet_bytes_of("");
	ramet_buf_addf(&members, "\"customType\":\"%s\",\"data\":", type);
	ramet_buf_add(&members, ramet_buf_bytes(&m->members));
	d.members = ramet_buf_bytes(&members);
	if (ramet_buf_status(&members) < 0 || ramet_buf_status(&own) < 0)
		r = rameti_fail_nomem(m->err);
	if (!r) {
		rameti_pi_write_entry(&d, m->out, NULL);
		r = end_line(m, d.id);
	}
	ramet_buf_release(&members);
	ramet_buf_release(&own);
	return r;
}

static struct ramet_bytes created_of(const struct making *m)
{
	return ramet_bytes_of(m->created);
}

/* ---- the items of the carried ---- */

static const struct ramet_json *text_in(const struct ramet_json *item, const char *key)
{
	const struct ramet_json *v = ramet_json_get(item, key);

	return ramet_json_kind(v) == RAMET_JSON_STRING ? v : NULL;
}

static int by_place(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static int place_items(struct making *m)
{
	const struct ramet_json *items =
		rameti_ckpt_get(m->s->checkpoints, ramet_bytes_of(RAMETI_CKPT_RAW));
	const struct ramet_json *item = NULL, *at;

	if (ramet_json_kind(items) != RAMET_JSON_ARRAY)
		return 0;
	m->items = ramet_calloc((size_t)items->n + 1, sizeof(*m->items));
	if (!m->items)
		return rameti_fail_nomem(m->err);
	for (item = ramet_json_next(items, NULL); item; item = ramet_json_next(items, item)) {
		at = ramet_json_get(item, "at");
		m->items[m->n_items].at = UINT32_MAX;
		if (ramet_json_kind(at) == RAMET_JSON_NUMBER && ramet_json_number(at) >= 0 &&
		    ramet_json_number(at) < UINT32_MAX)
			m->items[m->n_items].at = (uint32_t)ramet_json_number(at);
		m->items[m->n_items].order = m->n_items;
		m->items[m->n_items++].item = item;
	}
	qsort(m->items, m->n_items, sizeof(*m->items), by_place);
	return 0;
}

/* The item that stands for the i-th message. */
static const struct ramet_json *item_of(const struct making *m, uint32_t i)
{
	uint32_t k;
	char sum[16];

	(void)snprintf(sum, sizeof(sum), "%08x", (unsigned)m->sums[i]);
	for (k = m->item; k < m->n_items && m->items[k].at == i; k++)
		if (ramet_json_text_is(ramet_json_get(m->items[k].item, "message"), sum))
			return m->items[k].item;
	return NULL;
}

/* The carried entry as a line; 1: it is none. */
static int add_entry(struct making *m, const struct ramet_json *item)
{
	struct ramet_json_edit edit = { { "parentId", 8 }, { NULL, 0 } };
	struct ramet_buf id = RAMET_BUF_INIT(1u << 20), parent = RAMET_BUF_INIT(1u << 20);
	const struct ramet_json *text = text_in(item, "entry"), *o, *own;
	int r;

	if (!text)
		return 1;
	ramet_buf_reset(&m->text);
	rameti_ckpt_decode(ramet_json_raw(text), &m->text);
	if (ramet_buf_status(&m->text) < 0)
		return rameti_fail_nomem(m->err);
	r = ramet_json_parse(&m->doc, ramet_buf_bytes(&m->text), 0, NULL);
	o = ramet_json_root(&m->doc);
	own = r < 0 ? NULL : ramet_json_get(o, "id");
	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(m->err);
	if (ramet_json_kind(own) != RAMET_JSON_STRING || memchr(m->text.ptr, '\n', m->text.len))
		return 1;
	rameti_ckpt_decode(ramet_json_raw(own), &id);
	if (m->has_prev)
		ramet_buf_add_json_string(&parent, prev_of(m));
	else
		ramet_buf_add_str(&parent, "null");
	edit.value = ramet_buf_bytes(&parent);
	r = ramet_json_edit(m->out, ramet_buf_bytes(&m->text), o, &edit, 1, m->err);
	if (!r && (ramet_buf_status(&id) < 0 || ramet_buf_status(&parent) < 0))
		r = rameti_fail_nomem(m->err);
	if (!r)
		r = end_line(m, ramet_buf_bytes(&id));
	ramet_buf_release(&id);
	ramet_buf_release(&parent);
	return r;
}

/* ---- checkpoints ---- */

/* Messages of a checkpoint: how many of the session's, or all of them. */
static int add_messages(struct making *m, const struct ramet_json *list, int is_prefix, uint32_t n)
{
	if (!list)
		return 0;
	ramet_buf_add_str(&m->members, ",\"messages\":");
	if (is_prefix)
		ramet_buf_addf(&m->members, "%u", (unsigned)n);
	else
		rameti_json_add_compact(&m->members, list);
	return 0;
}

static int add_checkpoint(struct making *m, const struct ramet_json *key, struct ramet_bytes name,
			  int is_prefix, uint32_t n, const struct ramet_json *item)
{
	const struct ramet_json *files = rameti_ckpt_get(m->s->files, name),
				*given = text_in(item, "id"), *time = text_in(item, "timestamp");
	struct ramet_buf id = RAMET_BUF_INIT(1u << 20);
	char made[10];
	int r;

	ramet_buf_reset(&m->members);
	ramet_buf_add_str(&m->members, "{\"format\":\"" RAMETI_CKPT_FORMAT "\",\"key\":");
	ramet_buf_add(&m->members, ramet_json_raw(key));
	add_messages(m, rameti_ckpt_get(m->s->checkpoints, name), is_prefix, n);
	if (files) {
		ramet_buf_add_str(&m->members, ",\"files\":");
		rameti_json_add_compact(&m->members, files);
	}
	ramet_buf_add_char(&m->members, '}');
	rameti_ckpt_checkpoint_id(name, made);
	if (given)
		rameti_ckpt_decode(ramet_json_raw(given), &id);
	r = ramet_buf_status(&id) < 0 || ramet_buf_status(&m->members) < 0 ?
		    rameti_fail_nomem(m->err) :
		    0;
	if (!r)
		r = add_custom(m, RAMETI_CKPT_CHECKPOINT_TYPE,
			       given ? ramet_buf_bytes(&id) : ramet_bytes_of(made),
			       time ? ramet_json_raw(time) : created_of(m));
	ramet_buf_release(&id);
	return r;
}

/* Does an item say where a checkpoint's entry stands? */
static int is_placed(const struct making *m, const struct ramet_json *key)
{
	const struct ramet_json *v;
	uint32_t i;

	for (i = 0; i < m->n_items; i++) {
		v = text_in(m->items[i].item, "checkpoint");
		if (v && ramet_bytes_eq(ramet_json_raw(v), ramet_json_raw(key)))
			return 1;
	}
	return 0;
}

/* Where a checkpoint stands that no item places. files: those with messages were told before. */
static int add_loose(struct making *m, const struct ramet_json *key, int files)
{
	struct ramet_buf name = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *list;
	uint32_t n = 0;
	int is = 0;

	rameti_ckpt_decode(ramet_json_raw(key), &name);
	list = rameti_ckpt_get(m->s->checkpoints, ramet_buf_bytes(&name));
	if (ramet_buf_status(&name) < 0)
		is = RAMET_ENOMEM;
	else if (!ramet_bytes_is(ramet_buf_bytes(&name), RAMETI_CKPT_RAW) && !(files && list) &&
		 !is_placed(m, key)) {
		is = rameti_ckpt_is_prefix(list, m->sums, m->n, &n);
		m->loose[m->n_loose].key = key;
		m->loose[m->n_loose++].at = is > 0 ? n : UINT32_MAX;
	}
	ramet_buf_release(&name);
	return is < 0 ? rameti_fail_nomem(m->err) : 0;
}

static int place_loose(struct making *m)
{
	const struct ramet_json *maps[2] = { m->s->checkpoints, m->s->files }, *key;
	int i, r = 0;

	m->loose = ramet_calloc((size_t)ramet_json_count(maps[0]) + ramet_json_count(maps[1]) + 1,
				sizeof(*m->loose));
	if (!m->loose)
		return rameti_fail_nomem(m->err);
	for (i = 0; i < 2; i++) {
		if (ramet_json_kind(maps[i]) != RAMET_JSON_OBJECT)
			continue;
		for (key = ramet_json_next(maps[i], NULL); !r && key;
		     key = ramet_json_next(maps[i], ramet_json_next(maps[i], key)))
			r = add_loose(m, key, i);
	}
	return r;
}

static int add_loose_at(struct making *m, uint32_t at)
{
	struct ramet_buf name = RAMET_BUF_INIT(SIZE_MAX / 2);
	uint32_t i;
	int r = 0;

	for (i = 0; !r && i < m->n_loose; i++) {
		if (m->loose[i].at != at)
			continue;
		ramet_buf_reset(&name);
		rameti_ckpt_decode(ramet_json_raw(m->loose[i].key), &name);
		if (ramet_buf_status(&name) < 0)
			r = rameti_fail_nomem(m->err);
		else
			r = add_checkpoint(m, m->loose[i].key, ramet_buf_bytes(&name),
					   at != UINT32_MAX, at, NULL);
	}
	ramet_buf_release(&name);
	return r;
}

/* A checkpoint at the place that an item says; 1: it is gone. */
static int add_placed(struct making *m, const struct ramet_json *item)
{
	const struct ramet_json *key = text_in(item, "checkpoint"), *list;
	struct ramet_buf name = RAMET_BUF_INIT(SIZE_MAX / 2);
	uint32_t n = 0;
	int is, r = 1;

	if (!key)
		return 1;
	rameti_ckpt_decode(ramet_json_raw(key), &name);
	list = rameti_ckpt_get(m->s->checkpoints, ramet_buf_bytes(&name));
	is = rameti_ckpt_is_prefix(list, m->sums, m->n, &n);
	if (is < 0 || ramet_buf_status(&name) < 0)
		r = rameti_fail_nomem(m->err);
	else if (list || rameti_ckpt_get(m->s->files, ramet_buf_bytes(&name)))
		r = add_checkpoint(m, key, ramet_buf_bytes(&name), is, n, item);
	ramet_buf_release(&name);
	return r;
}

/* ---- messages ---- */

/* Entries that stand before the i-th message. */
static int add_items_at(struct making *m, uint32_t i)
{
	const struct ramet_json *item;
	uint32_t k;
	int r = 0;

	while (m->item < m->n_items && m->items[m->item].at < i)
		m->item++;
	for (k = m->item; r >= 0 && k < m->n_items && m->items[k].at == i; k++) {
		item = m->items[k].item;
		if (ramet_json_get(item, "message"))
			continue;
		r = add_placed(m, item);
		if (r == 1)
			r = add_entry(m, item);
	}
	return r < 0 ? r : 0;
}

static int add_message(struct making *m, const struct ramet_json *v, uint32_t i,
		       const struct ramet_json *calls)
{
	const struct ramet_json *item = item_of(m, i), *given = text_in(item, "id"),
				*time = text_in(item, "timestamp");
	struct ramet_buf id = RAMET_BUF_INIT(1u << 20);
	int r = item ? add_entry(m, item) : 1;

	if (r <= 0)
		return r;
	if (given)
		rameti_ckpt_decode(ramet_json_raw(given), &id);
	else
		ramet_buf_addf(&id, "m%u", (unsigned)i);
	if (ramet_buf_status(&id) < 0 ||
	    rameti_ckpt_message_line(v, calls, id.len ? ramet_buf_bytes(&id) : ramet_bytes_of(""),
				     prev_of(m),
				     time ? ramet_json_raw(time) : created_of(m), m->out) < 0)
		r = rameti_fail_nomem(m->err);
	else
		r = end_line(m, ramet_buf_bytes(&id));
	ramet_buf_release(&id);
	return r;
}

static int add_chain(struct making *m)
{
	const struct ramet_json *v = NULL, *calls = NULL;
	uint32_t i = 0;
	int r = add_loose_at(m, UINT32_MAX);

	if (ramet_json_kind(m->s->messages) == RAMET_JSON_ARRAY)
		v = ramet_json_next(m->s->messages, NULL);
	for (; !r; i++) {
		r = add_items_at(m, i);
		if (!r)
			r = add_loose_at(m, i);
		if (r < 0 || !v)
			break;
		r = add_message(m, v, i, calls);
		if (ramet_json_get(v, "tool_calls"))
			calls = v;
		v = ramet_json_next(m->s->messages, v);
	}
	return r;
}

/* ---- the head ---- */

static int add_header(struct making *m)
{
	struct rameti_draft_header h = { .id = m->id };
	int64_t ns = rameti_ckpt_time_ns(m->s->created);

	h.time_ms = ns == INT64_MIN ? 0 : ns / 1000000;
	rameti_pi_write_header(&h, m->out);
	ramet_buf_add_char(m->out, '\n');
	return 0;
}

/* The header that came with the session; 1: none did. */
static int add_given_header(struct making *m)
{
	struct ramet_json_edit edit = { { "id", 2 }, { NULL, 0 } };
	struct ramet_buf id = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *item;
	uint32_t i = 0;
	int r;

	while (i < m->n_items && !text_in(m->items[i].item, "header"))
		i++;
	if (i == m->n_items)
		return 1;
	item = m->items[i].item;
	ramet_buf_reset(&m->text);
	rameti_ckpt_decode(ramet_json_raw(text_in(item, "header")), &m->text);
	ramet_buf_add_json_string(&id, m->id);
	edit.value = ramet_buf_bytes(&id);
	if (ramet_buf_status(&m->text) < 0 || ramet_buf_status(&id) < 0)
		r = rameti_fail_nomem(m->err);
	else
		r = ramet_json_parse(&m->doc, ramet_buf_bytes(&m->text), 0, NULL);
	if (!r && !memchr(m->text.ptr, '\n', m->text.len) &&
	    ramet_json_text_is(ramet_json_get(ramet_json_root(&m->doc), "type"), "session"))
		r = ramet_json_edit(m->out, ramet_buf_bytes(&m->text), ramet_json_root(&m->doc),
				    &edit, 1, m->err);
	else if (r != RAMET_ENOMEM)
		r = 1;
	if (!r)
		ramet_buf_add_char(m->out, '\n');
	ramet_buf_release(&id);
	return r;
}

/* What the session is beside its messages and checkpoints; that these are null, too. */
static int add_config(struct making *m)
{
	static const char *const told[] = { "ID", "Messages", "Checkpoints", "FileCheckpoints" };
	const struct ramet_json *o = m->s->value, *key = NULL, *value;
	size_t i;
	int n = 0;

	ramet_buf_reset(&m->members);
	ramet_buf_add_str(&m->members, "{\"format\":\"" RAMETI_CKPT_FORMAT "\",\"session\":{");
	if (ramet_json_kind(o) == RAMET_JSON_OBJECT)
		key = ramet_json_next(o, NULL);
	for (; key; key = ramet_json_next(o, value)) {
		value = ramet_json_next(o, key);
		for (i = 0; i < 4 && rameti_ckpt_member(o, told[i]) != value; i++)
			;
		if (i < 4 && (!i || ramet_json_kind(value) != RAMET_JSON_NULL))
			continue;
		if (n++)
			ramet_buf_add_char(&m->members, ',');
		ramet_buf_add(&m->members, ramet_json_raw(key));
		ramet_buf_add_char(&m->members, ':');
		rameti_json_add_compact(&m->members, value);
	}
	ramet_buf_add_str(&m->members, "}}");
	if (ramet_buf_status(&m->members) < 0)
		return rameti_fail_nomem(m->err);
	return add_custom(m, RAMETI_CKPT_CONFIG_TYPE, ramet_bytes_of(RAMETI_CKPT_CONFIG_ID),
			  created_of(m));
}

static int sum_all(struct making *m)
{
	const struct ramet_json *list = m->s->messages, *v = NULL;

	if (ramet_json_kind(list) == RAMET_JSON_ARRAY)
		v = ramet_json_next(list, NULL);
	m->sums = ramet_calloc(v ? list->n : 1, sizeof(*m->sums));
	if (!m->sums)
		return rameti_fail_nomem(m->err);
	for (; v; v = ramet_json_next(list, v))
		if (rameti_ckpt_sum(v, &m->sums[m->n++]) < 0)
			return rameti_fail_nomem(m->err);
	return 0;
}

int rameti_ckpt_entries(const struct rameti_ckpt_session *s, struct ramet_bytes id,
			struct ramet_buf *out, size_t *rest, struct ramet_error *err)
{
	struct making m = { .s = s, .id = id, .out = out, .doc = RAMET_JSON_DOC_INIT, .err = err };
	int64_t ns = rameti_ckpt_time_ns(s->created);
	int r;

	ramet_buf_init(&m.prev, SIZE_MAX / 2);
	ramet_buf_init(&m.members, SIZE_MAX / 2);
	ramet_buf_init(&m.text, SIZE_MAX / 2);
	m.created[0] = '"';
	rameti_time_format(ns == INT64_MIN ? 0 : ns / 1000000, m.created + 1);
	m.created[strlen(m.created) + 1] = '\0';
	m.created[strlen(m.created)] = '"';
	r = place_items(&m);
	if (!r)
		r = sum_all(&m);
	if (!r)
		r = place_loose(&m);
	if (!r)
		r = add_given_header(&m);
	if (r == 1) {
		r = add_header(&m);
		if (!r)
			r = add_config(&m);
	}
	if (rest)
		*rest = out->len;
	if (!r)
		r = add_chain(&m);
	if (!r && ramet_buf_status(out) < 0)
		r = rameti_fail_nomem(err);
	if (r == RAMET_ENOMEM)
		(void)rameti_fail_nomem(err);
	ramet_buf_release(&m.prev);
	ramet_buf_release(&m.members);
	ramet_buf_release(&m.text);
	ramet_json_doc_release(&m.doc);
	ramet_free(m.items);
	ramet_free(m.loose);
	ramet_free(m.sums);
	return r;
}
