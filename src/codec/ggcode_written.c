/*
 * codec/ggcode_written.c - what an encoder knows of the entries before the next one: those that it
 * wrote and those of lines that it goes on behind, in order, each with what it is; what a file had
 * before is in the encoder's reader.
 *
 * Nothing is ever taken out. Of many lines only the first and the last are told: what stands
 * between them is unknown, and nothing is concluded across it.
 */
#include "codec/ggcode_priv.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "json/scan.h"
#include "model/tree.h"

/* Places: rows of the reader, then items; or one of these. */
#define AT_END (SIZE_MAX - 1)
#define NOT_KNOWN SIZE_MAX

/* In e->text; its id is in e->ids. */
struct item {
	uint64_t id_at;
	uint32_t id_len, what;
};

void rameti_gg_log_id(struct rameti_encoder *e, struct ramet_bytes id, int what)
{
	const struct item i = { e->ids.len, (uint32_t)id.len, (uint32_t)what };

	ramet_buf_add(&e->text, (struct ramet_bytes){ (const char *)&i, sizeof(i) });
	ramet_buf_add(&e->ids, id);
}

int rameti_gg_apart(struct rameti_encoder *e, struct ramet_bytes entry, struct ramet_buf *out,
		    struct rameti_apart *is)
{
	size_t from = out->len;
	struct item i;

	if (!rameti_encoder_apart(e, entry, out, is))
		return 0;
	if (e->text.len == sizeof(i) && e->ids.len == is->id.len) {
		memcpy(&i, e->text.ptr, sizeof(i));
		is->note = i.what;
		return 1;
	}
	ramet_buf_truncate(out, from);
	return 0;
}

void rameti_gg_join(struct rameti_encoder *e, const struct rameti_apart *is)
{
	rameti_gg_log_id(e, is->id, (int)is->note);
}

static size_t n_items(const struct rameti_encoder *e)
{
	return ramet_buf_status(&e->ids) < 0 ? 0 : e->text.len / sizeof(struct item);
}

static struct item item_at(const struct rameti_encoder *e, size_t at)
{
	struct item i;

	memcpy(&i, e->text.ptr + at * sizeof(i), sizeof(i));
	return i;
}

static struct ramet_bytes id_of(const struct rameti_encoder *e, size_t at)
{
	struct item i = item_at(e, at);

	return (struct ramet_bytes){ e->ids.ptr + i.id_at, i.id_len };
}

/* The first item of this id; NOT_KNOWN. Most entries are never asked for: the map learns of them
 * when one is. */
static size_t find_item(struct rameti_encoder *e, struct ramet_bytes id)
{
	struct ramet_bytes fresh;
	uint32_t at, seed;
	size_t n = n_items(e);
	int r = 0;

	if (!e->n_places && rameti_random(NULL, &seed, sizeof(seed), NULL) == 0)
		rameti_map_init(&e->places, seed);
	for (; !r && e->n_places < n; e->n_places++) {
		fresh = id_of(e, e->n_places);
		if (fresh.len)
			r = rameti_map_add(&e->places, fresh, (uint32_t)e->n_places);
	}
	if (r < 0)
		e->text.status = RAMET_ENOMEM;       /* the caller asks */
	return !r && id.len && rameti_map_get(&e->places, id, &at) ? at : NOT_KNOWN;
}

static int has_unknown(const struct rameti_encoder *e)
{
	return e->count[RAMETI_GG_GAP] != 0;
}

/* ---- the message before ---- */

/* The last message before an item, or before the end, as far as it is known. */
static struct ramet_bytes written_before(const struct rameti_encoder *e, size_t at)
{
	const struct ramet_bytes none = { NULL, 0 };
	uint32_t what = at < n_items(e) ? item_at(e, at).what : 0;

	while (at && (what & RAMETI_GG_SAME_RECORD))
		what = item_at(e, --at).what;
	while (at--) {
		what = item_at(e, at).what;
		if (what & RAMETI_GG_UNKNOWN)
			return none;
		if ((what & RAMETI_GG_AS_MESSAGE) && !(what & RAMETI_GG_SAME_RECORD))
			return id_of(e, at);
	}
	return none;
}

/* 1: this encoder knows it; *before: the message before it, or before the end. */
static int find_written(struct rameti_encoder *e, struct ramet_bytes id, struct ramet_bytes *before)
{
	size_t at = find_item(e, id);

	*before = (struct ramet_bytes){ NULL, 0 };
	if (at != NOT_KNOWN)
		*before = written_before(e, at);
	else if (!has_unknown(e))            /* else it may be one of those that are not known */
		*before = written_before(e, n_items(e));
	return at != NOT_KNOWN;
}

/* The last message in the file before a row that begins a record. */
static struct ramet_bytes message_before(const struct rameti_reader *r, uint32_t row)
{
	const struct ramet_row *facts;

	while (row--) {
		facts = ramet_tree_row(r->tree, row);
		if (facts->type != RAMET_ENTRY_MESSAGE)
			continue;
		return ramet_tree_id(r->tree, row - rameti_reader_piece(r, row));
	}
	return (struct ramet_bytes){ NULL, 0 };
}

int rameti_gg_find_id(struct rameti_encoder *e, struct ramet_bytes id, struct ramet_bytes *before)
{
	const struct rameti_reader *r = e->reader;
	uint32_t row = r && id.len ? ramet_tree_find(r->tree, id) : RAMET_NONE;
	int found;

	if (row != RAMET_NONE) {
		*before = message_before(r, row - rameti_reader_piece(r, row));
		return 1;
	}
	found = find_written(e, id, before);
	if (!before->ptr && r)
		*before = message_before(r, ramet_tree_count(r->tree));
	return found;
}

/* ---- what a checkpoint keeps ---- */

static size_t n_rows(const struct rameti_encoder *e)
{
	return e->reader ? ramet_tree_count(e->reader->tree) : 0;
}

/* Where the entry of this id is. AT_END: nowhere yet; NOT_KNOWN. */
static size_t place_of(struct rameti_encoder *e, struct ramet_bytes id)
{
	uint32_t row = e->reader && id.len ? ramet_tree_find(e->reader->tree, id) : RAMET_NONE;
	size_t at;

	if (row != RAMET_NONE)
		return row;
	at = find_item(e, id);
	if (at != NOT_KNOWN)
		return n_rows(e) + at;
	return has_unknown(e) ? NOT_KNOWN : AT_END;
}

static int is_spoken(const struct ramet_row *row)
{
	return row->type == RAMET_ENTRY_MESSAGE || row->type == RAMET_ENTRY_CUSTOM_MESSAGE ||
	       row->type == RAMET_ENTRY_BRANCH_SUMMARY;
}

/* The first entry from there on that a context may begin with. behind: not in the record there. */
static size_t spoken_from(const struct rameti_encoder *e, size_t from, int behind)
{
	size_t at = from, n = n_rows(e), end = n + n_items(e);
	const struct ramet_row *row;
	uint64_t there;
	uint32_t what;

	if (from >= AT_END)
		return from;
	there = at < n ? ramet_tree_row(e->reader->tree, (uint32_t)at)->offset : 0;
	for (; at < n; at++) {
		row = ramet_tree_row(e->reader->tree, (uint32_t)at);
		if (is_spoken(row) && !(behind && row->offset == there))
			return at;
	}
	for (; at < end; at++) {
		what = item_at(e, at - n).what;
		if (behind && at > from && from >= n && !(what & RAMETI_GG_SAME_RECORD))
			behind = 0;
		if (what & RAMETI_GG_UNKNOWN)
			return NOT_KNOWN;
		if ((what & RAMETI_GG_SPOKEN) && !(behind && from >= n))
			return at;
	}
	return AT_END;
}

static struct ramet_bytes id_at(const struct rameti_encoder *e, size_t place)
{
	size_t n = n_rows(e);

	return place < n ? ramet_tree_id(e->reader->tree, (uint32_t)place) : id_of(e, place - n);
}

struct ramet_bytes rameti_gg_unsaid_kept(struct rameti_encoder *e, struct ramet_bytes summary,
					 struct ramet_bytes last, struct ramet_bytes kept)
{
	const struct ramet_bytes none = { NULL, 0 };
	size_t want = spoken_from(e, place_of(e, kept), 0);

	if (want != NOT_KNOWN &&
	    want == spoken_from(e, place_of(e, last.len ? last : summary), 1))
		return none;
	return want < AT_END ? id_at(e, want) : kept;
}

/* ---- behind lines of the format itself ---- */

static void log_entries(struct rameti_encoder *e, const struct rameti_batch *b)
{
	struct ramet_bytes id = ramet_buf_bytes(&b->ids);
	uint32_t i;
	int what;

	for (i = 0; i < b->n; i++, id.ptr += id.len) {
		id.len = b->id_len[i];
		what = is_spoken(&b->rows[i]) ? RAMETI_GG_SPOKEN : 0;
		if (b->rows[i].type == RAMET_ENTRY_MESSAGE)
			what |= RAMETI_GG_AS_MESSAGE;
		if (i && b->rows[i].offset == b->rows[i - 1].offset)
			what |= RAMETI_GG_SAME_RECORD;
		rameti_gg_log_id(e, id, what);
	}
}

/* The last meta record among the lines that a reader would be told of, all of which are sound. */
static int keep_last_meta(struct rameti_encoder *e, const struct rameti_batch *b)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_bytes line;
	uint32_t i = b->n_odd;
	int r = 0, found = 0;

	while (!r && !found && i--) {
		if (b->odd[i].kind != RAMETI_ODD_NOTE)
			continue;
		line = (struct ramet_bytes){ b->text.ptr + b->odd[i].text_at, b->odd[i].text_len };
		r = ramet_json_parse(&doc, line, 0, NULL);
		found = !r && rameti_gg_type_of(ramet_json_root(&doc)) == RAMETI_GG_META;
	}
	if (found) {
		ramet_buf_reset(&e->scratch);
		ramet_buf_add(&e->scratch, line);
	}
	ramet_json_doc_release(&doc);
	return r;
}

static int log_lines(struct rameti_encoder *e, struct ramet_bytes text, struct ramet_error *err)
{
	struct rameti_scanner *scanner = NULL;
	struct rameti_batch b;
	uint64_t offset = 1;
	uint32_t len;
	int terminated, r;

	rameti_batch_init(&b);
	r = rameti_scanner_new(&scanner, e->codec->wants, e->codec->n_wants, 0, err);
	while (!r && text.len) {
		r = rameti_batch_line(&b, e->codec, scanner, text, offset, &len, &terminated);
		len += (uint32_t)terminated;
		offset += len;
		text.ptr += len;
		text.len -= len;
	}
	if (!r) {
		log_entries(e, &b);
		r = keep_last_meta(e, &b);
	}
	if (r < 0 || ramet_buf_status(&e->text) < 0 || ramet_buf_status(&e->ids) < 0 ||
	    ramet_buf_status(&e->scratch) < 0)
		r = rameti_fail_nomem(err);
	rameti_batch_release(&b);
	rameti_scanner_free(scanner);
	return r;
}

/* last: the first lines, each with its end, then the last one, without. */
int rameti_gg_resume(struct rameti_encoder *e, const struct rameti_reader *r,
		     struct ramet_bytes last, struct ramet_error *err)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct ramet_bytes fresh, tail = last;
	const char *end;
	int x;

	if (r || !last.len)
		return 0;                                /* the reader knows it all */
	end = memrchr(last.ptr, '\n', last.len);
	tail.ptr = end ? end + 1 : last.ptr;
	tail.len -= (size_t)(tail.ptr - last.ptr);
	fresh.ptr = last.ptr + e->count[RAMETI_GG_SEEN];
	fresh.len = (size_t)(tail.ptr - fresh.ptr);
	e->count[RAMETI_GG_SEEN] += fresh.len;
	x = log_lines(e, fresh, err);
	/* is the last one of the first ones the last one of all? */
	if (x < 0 ||
	    (fresh.len > tail.len && !memcmp(tail.ptr - tail.len - 1, tail.ptr, tail.len)))
		return x;
	e->count[RAMETI_GG_GAP] = 1;
	rameti_gg_log_id(e, none, RAMETI_GG_UNKNOWN);
	return log_lines(e, tail, err);
}
