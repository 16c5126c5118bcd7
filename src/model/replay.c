/*
 * model/replay.c - system messages replayed to the one in force: texts joined, sections set and
 * removed by name, tools removed and added by name.
 */
#include "model/context_priv.h"
#include "model/tree_priv.h"

#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/map.h"
#include "json/scan.h"

#define ITEMS_MAX 0x7fffffffu

/* Named values in insertion order; the map's value is a place in values. */
struct named {
	struct rameti_map map;
	struct ramet_bytes *values;
	uint32_t n, cap;
};

struct replay {
	struct ramet_buf content, key;
	struct named sections, tools;
	struct ramet_bytes timestamp;
	int seen;
	int failed;                              /* a key could not be decoded */
};

static int named_set(struct named *v, struct ramet_bytes key, struct ramet_bytes value)
{
	uint32_t at;

	if (rameti_map_get(&v->map, key, &at)) {
		v->values[at] = value;
		return 0;
	}
	if (rameti_grow((void **)&v->values, &v->cap, v->n, sizeof(*v->values), ITEMS_MAX) < 0)
		return RAMET_ENOMEM;
	v->values[v->n] = value;
	return rameti_map_set(&v->map, key, v->n++);
}

static struct ramet_bytes decoded(struct replay *p, const struct ramet_json *v)
{
	ramet_buf_reset(&p->key);
	ramet_json_text(v, &p->key);
	p->failed |= ramet_buf_status(&p->key) < 0;
	return ramet_buf_bytes(&p->key);
}

/* Text of a content: a string, or its text blocks joined by LF. */
static void add_content(const struct ramet_json *content, struct ramet_buf *out)
{
	const struct ramet_json *block;
	int first = 1;

	ramet_json_text(content, out);
	if (ramet_json_kind(content) != RAMET_JSON_ARRAY)
		return;
	for (block = NULL; (block = ramet_json_next(content, block)) != NULL;) {
		if (!ramet_json_text_is(ramet_json_get(block, "type"), "text"))
			continue;
		if (!first)
			ramet_buf_add_char(out, '\n');
		first = 0;
		ramet_json_text(ramet_json_get(block, "text"), out);
	}
}

static void join_content(struct replay *p, const struct ramet_json *content)
{
	size_t before = p->content.len;

	if (before)
		ramet_buf_add_str(&p->content, "\n\n");
	add_content(content, &p->content);
	if (before && p->content.len == before + 2)
		ramet_buf_truncate(&p->content, before);
}

/* Set all, then remove those left null: of equal names in one message only the last counts, and it
 * does not lose the place that the name has. */
static int replay_sections(struct replay *p, const struct ramet_json *sections)
{
	const struct ramet_json *key, *value;
	uint32_t at;
	int r = 0;

	if (ramet_json_kind(sections) != RAMET_JSON_OBJECT)
		return 0;
	for (key = NULL; !r && (key = ramet_json_next(sections, key)) != NULL; key = value) {
		value = ramet_json_next(sections, key);
		r = named_set(&p->sections, decoded(p, key), ramet_json_raw(value));
	}
	for (key = NULL; !r && (key = ramet_json_next(sections, key)) != NULL; key = value) {
		value = ramet_json_next(sections, key);
		if (ramet_json_kind(value) == RAMET_JSON_NULL &&
		    rameti_map_get(&p->sections.map, decoded(p, key), &at) &&
		    p->sections.values[at].ptr[0] == 'n')
			rameti_map_remove(&p->sections.map, ramet_buf_bytes(&p->key));
	}
	return r;
}

static int replay_tools(struct replay *p, const struct ramet_json *m)
{
	const struct ramet_json *removed = ramet_json_get(m, "toolsRemoved"),
				*added = ramet_json_get(m, "toolsAdded");
	const struct ramet_json *t;
	int r = 0;

	for (t = NULL; ramet_json_kind(removed) == RAMET_JSON_ARRAY &&
		       (t = ramet_json_next(removed, t)) != NULL;)
		rameti_map_remove(&p->tools.map, decoded(p, ramet_json_get(t, "name")));
	for (t = NULL; !r && ramet_json_kind(added) == RAMET_JSON_ARRAY &&
		       (t = ramet_json_next(added, t)) != NULL;)
		r = named_set(&p->tools, decoded(p, ramet_json_get(t, "name")), ramet_json_raw(t));
	return r;
}

static int replay_message(struct replay *p, struct ramet_bytes json, struct ramet_json_doc *doc,
			  struct ramet_error *err)
{
	const struct ramet_json *m, *time;
	int r = ramet_json_parse(doc, json, 0, err);

	if (r < 0)
		return r;
	m = ramet_json_root(doc);
	time = ramet_json_get(m, "timestamp");
	if (!p->seen && time)
		p->timestamp = ramet_json_raw(time);
	p->seen = 1;
	join_content(p, ramet_json_get(m, "content"));
	if (replay_sections(p, ramet_json_get(m, "sections")) < 0 || replay_tools(p, m) < 0 ||
	    ramet_buf_status(&p->content) < 0 || p->failed)
		return rameti_fail_nomem(err);
	return 0;
}

/* JavaScript puts names that look like array indices first, in ascending order. */
static int is_index(struct ramet_bytes name, uint32_t *index)
{
	uint64_t x = 0;
	size_t i;

	if (!name.len || name.len > 10 || (name.len > 1 && name.ptr[0] == '0'))
		return 0;
	for (i = 0; i < name.len; i++) {
		if (name.ptr[i] < '0' || name.ptr[i] > '9')
			return 0;
		x = x * 10 + (uint64_t)(name.ptr[i] - '0');
	}
	*index = (uint32_t)x;
	return x < UINT32_MAX;
}

struct ranked {
	const struct rameti_map_item *item;
	uint32_t group, rank;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* Live sections in JavaScript's order; the caller frees. */
static struct ranked *ordered(const struct named *v, uint32_t *n)
{
	struct ranked *list = ramet_alloc(rameti_mul((size_t)v->map.n_live + 1, sizeof(*list)));
	const struct rameti_map_item *item;
	uint32_t at = 0;

	*n = 0;
	while (list && (item = rameti_map_next(&v->map, &at)) != NULL) {
		struct ranked *r = &list[*n];

		r->item = item;
		r->rank = *n;
		r->group = !is_index(item->key, &r->rank);
		if (r->group)
			r->rank = *n;
		++*n;
	}
	if (list)
		qsort(list, *n, sizeof(*list), by_rank);
	return list;
}

static void write_message(const struct replay *p, const struct ranked *sections, uint32_t n,
			  struct ramet_buf *out)
{
	struct ramet_json_writer w;
	const struct rameti_map_item *item;
	uint32_t i;

	ramet_json_writer_init(&w, out);
	ramet_json_open_object(&w);
	ramet_json_key(&w, "role");
	ramet_json_add_cstr(&w, "system");
	ramet_json_key(&w, "content");
	ramet_json_add_text(&w, ramet_buf_bytes(&p->content));
	if (n) {
		ramet_json_key(&w, "sections");
		ramet_json_open_object(&w);
		for (i = 0; i < n; i++) {
			ramet_json_key_bytes(&w, sections[i].item->key);
			ramet_json_add_raw(&w, p->sections.values[sections[i].item->value]);
		}
		ramet_json_close_object(&w);
	}
	if (p->tools.map.n_live) {
		ramet_json_key(&w, "toolsAdded");
		ramet_json_open_array(&w);
		for (i = 0; (item = rameti_map_next(&p->tools.map, &i)) != NULL;)
			ramet_json_add_raw(&w, p->tools.values[item->value]);
		ramet_json_close_array(&w);
	}
	if (p->timestamp.ptr) {
		ramet_json_key(&w, "timestamp");
		ramet_json_add_raw(&w, p->timestamp);
	}
	ramet_json_close_object(&w);
}

static void write_prompt(const struct replay *p, const struct ranked *sections, uint32_t n,
			 struct ramet_buf *out)
{
	size_t start = out->len, before;
	uint32_t i;

	ramet_buf_add(out, ramet_buf_bytes(&p->content));
	for (i = 0; i < n; i++) {
		struct ramet_bytes raw = p->sections.values[sections[i].item->value];

		before = out->len;
		if (raw.len <= 2 || raw.ptr[0] != '"')
			continue;
		if (before > start)
			ramet_buf_add_str(out, "\n\n");
		rameti_json_decode(raw, out);
	}
}

static int write_replay(struct replay *p, struct ramet_buf *message, struct ramet_buf *prompt,
			struct ramet_error *err)
{
	uint32_t n;
	struct ranked *sections = ordered(&p->sections, &n);

	if (!sections)
		return rameti_fail_nomem(err);
	if (message)
		write_message(p, sections, n, message);
	if (prompt)
		write_prompt(p, sections, n, prompt);
	ramet_free(sections);
	return 0;
}

int ramet_context_write_system(const struct ramet_context *c, struct ramet_buf *message,
			       struct ramet_buf *prompt, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	size_t before = message ? message->len : 0, prompt_before = prompt ? prompt->len : 0;
	struct replay p;
	uint32_t i;
	int r = 0;

	memset(&p, 0, sizeof(p));
	ramet_buf_init(&p.content, SIZE_MAX / 2);
	ramet_buf_init(&p.key, SIZE_MAX / 2);
	rameti_map_init(&p.sections.map, (uint32_t)c->tree->seed);
	rameti_map_init(&p.tools.map, (uint32_t)c->tree->seed);
	for (i = 0; !r && i < c->n_messages; i++)
		if (c->messages[i].role == RAMET_ROLE_SYSTEM)
			r = replay_message(&p, c->messages[i].json, &doc, err);
	if (!r && p.seen)
		r = write_replay(&p, message, prompt, err);
	else if (!r && message)
		ramet_buf_add_str(message, "null");
	r = rameti_context_written(message, before, r, err);
	r = rameti_context_written(prompt, prompt_before, r, err);
	r = rameti_context_written(message, before, r, err); /* both or none */
	ramet_json_doc_release(&doc);
	ramet_buf_release(&p.content);
	ramet_buf_release(&p.key);
	rameti_map_release(&p.sections.map);
	rameti_map_release(&p.tools.map);
	ramet_free(p.sections.values);
	ramet_free(p.tools.values);
	return r;
}
