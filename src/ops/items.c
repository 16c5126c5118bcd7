/*
 * ops/items.c - tool calls, tool results and seals of a session, by several threads.
 *
 * Only messages of the assistant, tool results and custom entries are read again, and of a tool
 * result as pi writes it only the beginning. Names that verifying looks for are found as they are
 * usually written, without escapes. Rows are cut into stretches, one a thread; their items are put
 * one behind the other, so that all are in file order.
 */
#include "ops/whole_priv.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "base/mem.h"

#define WINDOW (128u << 10)
#define HEAD_LEN 768u
#define THREADS_MAX 8u
#define PARALLEL_MIN (2u << 20)
#define ITEMS_MAX 0x7fffffffu

enum { MESSAGE, TOOL_CALL_ID, CUSTOM_TYPE, N_WANTS };
#define KEY(text) { text, sizeof(text) - 1 }
static const struct rameti_want wants[N_WANTS] = {
	[MESSAGE] = { -1, KEY("message") },
	[TOOL_CALL_ID] = { MESSAGE, KEY("toolCallId") },
	[CUSTOM_TYPE] = { -1, KEY("customType") },
};

struct worker {
	const struct rameti_whole *w;
	uint32_t from, to;                       /* rows */
	struct rameti_items items;
	struct ramet_error err;
	int status;
	pthread_t thread;
	int started;
	/* holds source bytes [at, at + len) */
	char *window;
	uint64_t at;
	size_t len, cap;
	struct rameti_scanner *scanner;
	struct ramet_json_doc doc;
};

/* The first `need` bytes of the row's line, in the window. */
static int hold(struct worker *k, const struct ramet_row *row, size_t need,
		struct ramet_bytes *line)
{
	uint64_t end = k->w->source.size;
	size_t len = need < WINDOW ? WINDOW : need;
	char *fresh;
	int r;

	if (row->offset < k->at || row->offset + need > k->at + k->len) {
		if (len > end - row->offset)
			len = (size_t)(end - row->offset);
		if (len > k->cap) {
			fresh = ramet_realloc(k->window, len);
			if (!fresh)
				return rameti_fail_nomem(&k->err);
			k->window = fresh;
			k->cap = len;
		}
		k->len = 0;
		r = rameti_source_read(&k->w->source, k->window, len, row->offset, &k->err);
		if (r < 0)
			return r;
		k->at = row->offset;
		k->len = len;
	}
	line->ptr = k->window + (row->offset - k->at);
	line->len = need;
	return 0;
}

static int add_item(struct worker *k, const struct rameti_item *item)
{
	struct rameti_items *v = &k->items;

	if (ramet_buf_status(&v->ids) < 0 ||
	    rameti_grow((void **)&v->items, &v->cap, v->n, sizeof(*v->items), ITEMS_MAX) < 0)
		return rameti_fail_nomem(&k->err);
	v->items[v->n] = *item;
	v->items[v->n++].id_len = (uint32_t)(v->ids.len - item->id_at);
	return 0;
}

static struct rameti_item new_item(const struct worker *k, uint32_t row, int kind)
{
	struct rameti_item item = { .row = row, .kind = (uint8_t)kind,
				    .id_at = k->items.ids.len };

	return item;
}

/* Where the value of this text begins, or NULL. */
static const char *behind(struct ramet_bytes text, const char *what)
{
	size_t len = strlen(what);
	const char *p = text.len ? memmem(text.ptr, text.len, what, len) : NULL;

	return p ? p + len : NULL;
}

/* The id of a tool result, in the order of members in which pi writes them. */
static int plain_result_id(struct ramet_bytes head, struct ramet_bytes *id)
{
	const char *p = behind(head, "\"message\":{\"role\":\"toolResult\",\"toolCallId\":\"");
	const char *end = p ? memchr(p, '"', head.len - (size_t)(p - head.ptr)) : NULL;

	if (!end || memchr(p, '\\', (size_t)(end - p)))
		return 0;
	id->ptr = p;
	id->len = (size_t)(end - p);
	return 1;
}

/* Members of a line that is an object. */
static int scan(struct worker *k, struct ramet_bytes line, struct rameti_found *found)
{
	struct rameti_line l;

	if (rameti_scan_line(k->scanner, line, &l, found) < 0)
		return rameti_fail_nomem(&k->err);
	return 0;
}

static int look_at_result(struct worker *k, uint32_t row)
{
	const struct ramet_row *at = ramet_tree_row(k->w->reader.tree, row);
	struct rameti_item item = new_item(k, row, RAMETI_ITEM_RESULT);
	struct rameti_found found[N_WANTS];
	struct ramet_bytes line, id;
	int r = hold(k, at, at->length < HEAD_LEN ? at->length : HEAD_LEN, &line);

	if (r < 0)
		return r;
	if (plain_result_id(line, &id) && !(at->flags & RAMET_ROW_BAD_UTF8)) {
		ramet_buf_add(&k->items.ids, id);
		return add_item(k, &item);
	}
	r = hold(k, at, at->length, &line);
	if (!r)
		r = scan(k, line, found);
	if (r < 0 || found[TOOL_CALL_ID].kind != RAMET_JSON_STRING)
		return r;
	id.ptr = line.ptr + found[TOOL_CALL_ID].at;
	id.len = found[TOOL_CALL_ID].len;
	rameti_json_decode(id, &k->items.ids);
	return add_item(k, &item);
}

static int look_at_calls(struct worker *k, uint32_t row)
{
	const struct ramet_row *at = ramet_tree_row(k->w->reader.tree, row);
	const struct ramet_json *message, *content, *stop, *v = NULL;
	struct ramet_bytes line;
	struct rameti_item item;
	int r = hold(k, at, at->length, &line);

	if (r < 0 || !behind(line, "\"toolCall\""))
		return r;
	r = ramet_json_parse(&k->doc, line, 0, &k->err);
	if (r < 0)
		return r;
	message = ramet_json_get(ramet_json_root(&k->doc), "message");
	content = ramet_json_get(message, "content");
	stop = ramet_json_get(message, "stopReason");
	if (ramet_json_kind(content) != RAMET_JSON_ARRAY)
		return 0;
	while (!r && (v = ramet_json_next(content, v)) != NULL) {
		const struct ramet_json *id = ramet_json_get(v, "id");

		if (!ramet_json_text_is(ramet_json_get(v, "type"), "toolCall") ||
		    ramet_json_kind(id) != RAMET_JSON_STRING)
			continue;
		item = new_item(k, row, RAMETI_ITEM_CALL);
		item.broken_off = ramet_json_text_is(stop, "aborted") ||
				  ramet_json_text_is(stop, "error");
		ramet_json_text(id, &k->items.ids);
		r = add_item(k, &item);
	}
	return r;
}

static int look_at_custom(struct worker *k, uint32_t row)
{
	static const char name[] = "ramet.seal";
	const struct ramet_row *at = ramet_tree_row(k->w->reader.tree, row);
	struct rameti_item item = new_item(k, row, RAMETI_ITEM_SEAL);
	struct rameti_found found[N_WANTS];
	struct ramet_bytes line, type;
	int r = hold(k, at, at->length, &line);

	if (r < 0 || !behind(line, name))
		return r;
	r = scan(k, line, found);
	type.ptr = line.ptr + found[CUSTOM_TYPE].at;
	type.len = found[CUSTOM_TYPE].len;
	if (r < 0 || found[CUSTOM_TYPE].kind != RAMET_JSON_STRING ||
	    !rameti_json_raw_is(type, ramet_bytes_of(name)))
		return r;
	return add_item(k, &item);
}

static void *work(void *arg)
{
	struct worker *k = arg;
	uint32_t row;

	k->status = rameti_scanner_new(&k->scanner, wants, N_WANTS, 0, &k->err);
	for (row = k->from; !k->status && row < k->to; row++) {
		const struct ramet_row *at = ramet_tree_row(k->w->reader.tree, row);

		if (at->type == RAMET_ENTRY_CUSTOM)
			k->status = look_at_custom(k, row);
		else if (at->role == RAMET_ROLE_TOOL_RESULT)
			k->status = look_at_result(k, row);
		else if (at->role == RAMET_ROLE_ASSISTANT)
			k->status = look_at_calls(k, row);
	}
	rameti_scanner_free(k->scanner);
	ramet_json_doc_release(&k->doc);
	ramet_free(k->window);
	return NULL;
}

static unsigned n_threads(const struct rameti_whole *w, unsigned wanted)
{
	long n = wanted;

	if (w->source.size < PARALLEL_MIN)
		return 1;
	if (!n)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > (long)THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

/* The first row of the part'th of n stretches of about equal bytes. */
static uint32_t cut_at(const struct rameti_whole *w, unsigned part, unsigned n)
{
	const struct ramet_tree *t = w->reader.tree;
	uint64_t offset = w->source.size / n * part;
	uint32_t low = 0, high = ramet_tree_count(t);

	if (part == n)
		return high;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (ramet_tree_row(t, mid)->offset < offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int take_over(struct rameti_items *all, const struct rameti_items *part)
{
	struct rameti_items *v = all;
	uint64_t base = v->ids.len;
	uint32_t i;

	ramet_buf_add(&v->ids, ramet_buf_bytes(&part->ids));
	if (ramet_buf_status(&v->ids) < 0)
		return RAMET_ENOMEM;
	for (i = 0; i < part->n; i++) {
		if (rameti_grow((void **)&v->items, &v->cap, v->n, sizeof(*v->items), ITEMS_MAX))
			return RAMET_ENOMEM;
		v->items[v->n] = part->items[i];
		v->items[v->n++].id_at += base;
	}
	return 0;
}

int rameti_items_gather(const struct rameti_whole *w, unsigned threads, struct rameti_items *items,
			struct ramet_error *err)
{
	static const struct rameti_items none = RAMETI_ITEMS_INIT;
	unsigned i, n = n_threads(w, threads);
	struct worker *k = ramet_calloc(n, sizeof(*k));
	int r = 0;

	if (!k)
		return rameti_fail_nomem(err);
	for (i = 0; i < n; i++) {
		k[i].w = w;
		k[i].from = cut_at(w, i, n);
		k[i].to = cut_at(w, i + 1, n);
		k[i].items = none;
		k[i].started = i && !pthread_create(&k[i].thread, NULL, work, &k[i]);
	}
	for (i = 0; i < n; i++) {
		if (k[i].started)
			pthread_join(k[i].thread, NULL);
		else
			work(&k[i]);
		if (!r && k[i].status < 0) {
			r = k[i].status;
			if (err)
				*err = k[i].err;
		}
		if (!r && take_over(items, &k[i].items) < 0)
			r = rameti_fail_nomem(err);
		rameti_items_release(&k[i].items);
	}
	ramet_free(k);
	return r;
}

void rameti_items_release(struct rameti_items *items)
{
	ramet_free(items->items);
	items->items = NULL;
	items->n = items->cap = 0;
	ramet_buf_release(&items->ids);
}
