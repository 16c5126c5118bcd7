/*
 * store/layout_ggcode_search.c - searching the sessions of a directory as ggcode does.
 *
 * The first text block of a message that has the query is a hit; newest first over all sessions.
 * Compared is the decoded text, character by character in lower case, so that quotes are found and
 * places are those of the text as it stands. Snippets are cut between characters. Tool calls, their
 * output and reasoning are not searched, as there.
 */
#include "store/layout_ggcode_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "json/scan.h"

#define SNIPPET 200
#define HITS_MAX 0x7fffffffu

struct search {
	struct rameti_arena texts;
	struct ramet_ggcode_hit *items;
	uint32_t n, cap;
	struct ramet_bytes query; /* in lower case */
	struct ramet_bytes session_id, title;
	struct ramet_buf text;
	struct rameti_map ids; /* of the messages of this session */
};

/* ---- lower case ---- */

static uint32_t lower(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9 && c != 0x3a2) ||
	    (c >= 0x410 && c <= 0x42f))
		return c + 32;
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if ((c >= 0x100 && c <= 0x12f) || (c >= 0x132 && c <= 0x137) ||
	    (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x481) ||
	    (c >= 0x48a && c <= 0x4bf) || (c >= 0x4d0 && c <= 0x52f) ||
	    (c >= 0x1e00 && c <= 0x1e95) || (c >= 0x1ea0 && c <= 0x1eff))
		return c | 1;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return c + (c & 1);
	if (c == 0x23a)
		return 0x2c65;
	return c >= 0xff21 && c <= 0xff3a ? c + 32 : c;
}

/* The character at the start, in lower case; *len its bytes. A byte that is none is itself. */
static uint32_t char_at(struct ramet_bytes text, size_t *len)
{
	const unsigned char *p = (const unsigned char *)text.ptr;
	size_t i, n = 1;
	uint32_t c;

	*len = 1;
	if (*p < 0x80)
		return lower(*p);
	if (rameti_utf8_bad_len(text, &n))
		return 0x110000u + *p;
	c = *p & (0x7fu >> n);
	for (i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3fu);
	*len = n;
	return lower(c);
}

static struct ramet_bytes behind(struct ramet_bytes text, size_t n)
{
	return (struct ramet_bytes){ text.ptr + n, text.len - n };
}

/* How many bytes of text the query covers at its start; 0: it is not there. */
static size_t match_len(struct ramet_bytes text, struct ramet_bytes query)
{
	struct ramet_bytes left = text;
	size_t n, m;

	while (query.len) {
		if (!left.len || char_at(left, &n) != char_at(query, &m))
			return 0;
		left = behind(left, n);
		query = behind(query, m);
	}
	return text.len - left.len;
}

static size_t find(struct ramet_bytes text, struct ramet_bytes query, size_t *len)
{
	struct ramet_bytes left = text;
	size_t n;

	for (; left.len; left = behind(left, n)) {
		*len = match_len(left, query);
		if (*len)
			return text.len - left.len;
		(void)char_at(left, &n);
	}
	return SIZE_MAX;
}

/* ---- hits ---- */

static int is_inside(struct ramet_bytes text, size_t at)
{
	return at < text.len && ((unsigned char)text.ptr[at] & 0xc0) == 0x80;
}

static void add_snippet(struct ramet_buf *out, struct ramet_bytes text, size_t at, size_t len)
{
	size_t half = len < SNIPPET ? (SNIPPET - len) / 2 : 0;
	size_t from = at > half ? at - half : 0, i;
	size_t to = text.len - at - len > half ? at + len + half : text.len;
	struct ramet_bytes part;

	while (is_inside(text, from))
		from++;
	while (is_inside(text, to))
		to--;
	part = rameti_gg_trim((struct ramet_bytes){ text.ptr + from, to - from });
	if (from)
		ramet_buf_add_str(out, "...");
	for (i = 0; i < part.len; i++)
		if (part.ptr[i] != '\r')
			ramet_buf_add_char(out, part.ptr[i] == '\n' ? ' ' : part.ptr[i]);
	if (to < text.len)
		ramet_buf_add_str(out, "...");
}

static int add_hit(struct search *s, const struct ramet_json *record, size_t at, size_t len)
{
	const struct ramet_json *time = rameti_gg_get(record, "timestamp");
	struct ramet_buf snippet = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_gg_time t;
	struct ramet_ggcode_hit *h;
	int r = rameti_grow((void **)&s->items, &s->cap, s->n, sizeof(*s->items), HITS_MAX);

	if (r < 0)
		return r;
	h = &s->items[s->n];
	memset(h, 0, sizeof(*h));
	h->session_id = s->session_id;
	h->title = s->title;
	rameti_gg_time_of(time, &t);
	h->time_ms = rameti_gg_time_ms(&t);
	add_snippet(&snippet, ramet_buf_bytes(&s->text), at, len);
	r = ramet_buf_status(&snippet) < 0
		    ? RAMET_ENOMEM
		    : rameti_gg_keep(&s->texts, ramet_buf_bytes(&snippet), &h->snippet);
	if (!r)
		r = rameti_gg_keep_text(&s->texts, time, &h->timestamp);
	if (!r)
		r = rameti_gg_keep_text(&s->texts,
					rameti_gg_get(rameti_gg_get(record, "message"), "role"),
					&h->role);
	s->n += !r;
	ramet_buf_release(&snippet);
	return r;
}

/* Told twice by its id: the first counts. 1, 0, ENOMEM. */
static int is_again(struct search *s, const struct ramet_json *message)
{
	struct ramet_bytes id;

	ramet_buf_reset(&s->text);
	ramet_json_text(rameti_gg_get(message, "id"), &s->text);
	id = ramet_buf_bytes(&s->text);
	if (!id.len)
		return ramet_buf_status(&s->text);
	if (rameti_map_get(&s->ids, id, NULL))
		return 1;
	return rameti_map_set(&s->ids, id, 0);
}

static int look(void *user, struct ramet_bytes line, const struct ramet_json *record)
{
	const struct ramet_json *message = rameti_gg_get(record, "message"), *block = NULL,
				*content;
	struct search *s = user;
	size_t at, len;
	int r;

	(void)line;
	if (!ramet_json_text_is(rameti_gg_get(record, "type"), "message") || !message)
		return 0;
	r = is_again(s, message);
	if (r)
		return r < 0 ? r : 0;
	content = rameti_gg_get(message, "content");
	while ((block = ramet_json_next(content, block)) != NULL) {
		if (!ramet_json_text_is(rameti_gg_get(block, "type"), "text"))
			continue;
		ramet_buf_reset(&s->text);
		ramet_json_text(rameti_gg_get(block, "text"), &s->text);
		at = find(ramet_buf_bytes(&s->text), s->query, &len);
		if (at != SIZE_MAX)
			return add_hit(s, record, at, len);
	}
	return ramet_buf_status(&s->text);
}

static int newer(const void *a, const void *b)
{
	const struct ramet_ggcode_hit *x = a, *y = b;
	int d;

	if (x->time_ms != y->time_ms)
		return x->time_ms < y->time_ms ? 1 : -1;
	d = strcmp(x->session_id.ptr, y->session_id.ptr);
	return d ? -d : (x->snippet.ptr < y->snippet.ptr) - (x->snippet.ptr > y->snippet.ptr);
}

static int search_session(struct search *s, const char *dir, const struct ramet_ggcode_item *item,
			  struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	int r;

	ramet_buf_add_str(&path, dir);
	ramet_buf_add_char(&path, '/');
	ramet_buf_add(&path, item->id);
	ramet_buf_add_str(&path, ".jsonl");
	r = rameti_gg_done(&path, err);
	if (!r)
		r = rameti_gg_keep(&s->texts, item->id, &s->session_id);
	if (!r)
		r = rameti_gg_keep(&s->texts, item->title, &s->title);
	rameti_map_init(&s->ids, 0x67677365);
	if (!r)
		r = rameti_gg_walk(NULL, path.ptr, look, s, NULL, err);
	rameti_map_release(&s->ids);
	ramet_buf_release(&path);
	/* it vanished meanwhile */
	return r == RAMET_ENOTFOUND ? 0 : r;
}

static int search_all(struct search *s, const char *dir, struct ramet_error *err)
{
	struct ramet_ggcode_list list = RAMET_GGCODE_LIST_INIT;
	int r = ramet_ggcode_list(dir, NULL, &list, err);
	uint32_t i;

	for (i = 0; !r && i < list.n; i++)
		r = search_session(s, dir, &list.items[i], err);
	ramet_ggcode_list_release(&list);
	return r == RAMET_ENOMEM ? rameti_fail_nomem(err) : r;
}

int ramet_ggcode_search(const char *dir, struct ramet_bytes query, uint32_t max,
			struct ramet_ggcode_hits *hits, struct ramet_error *err)
{
	struct search s = { .texts = RAMETI_ARENA_INIT(RAMETI_GG_TEXTS_MAX),
			    .query = rameti_gg_trim(query),
			    .text = RAMET_BUF_INIT(SIZE_MAX / 2) };
	struct rameti_arena *texts = ramet_alloc(sizeof(*texts));
	int r = 0;

	if (!texts)
		return rameti_fail_nomem(err);
	if (s.query.len)
		r = search_all(&s, dir, err);
	ramet_buf_release(&s.text);
	if (r < 0) {
		rameti_arena_release(&s.texts);
		ramet_free(s.items);
		ramet_free(texts);
		return r;
	}
	if (s.n)
		qsort(s.items, s.n, sizeof(*s.items), newer);
	*texts = s.texts;
	hits->items = s.items;
	hits->n = max && s.n > max ? max : s.n;
	hits->priv = texts;
	return 0;
}

void ramet_ggcode_hits_release(struct ramet_ggcode_hits *hits)
{
	if (hits->priv)
		rameti_arena_release(hits->priv);
	ramet_free(hits->priv);
	ramet_free(hits->items);
	memset(hits, 0, sizeof(*hits));
}
