/*
 * codec/yoi.c - yoi's logs, all generations: lines to rows, rows to entries.
 *
 * Reading is tolerant: every record that parses makes entries, whatever its generation, unknown
 * kinds and members too; only a record without its newline does not count where the newline commits
 * it. A start that is not the first replaces the history: its entries hang from nothing. Writing is
 * codec/yoi_encode.c. See docs/format/yoi.md.
 */
#include "codec/yoi.h"

#include <string.h>

#include "base/error.h"
#include "codec/carry.h"
#include "codec/yoi_priv.h"

enum { HASH, KIND, TS, ITEM, ITEM_TYPE, ITEM_KIND, ITEM_ROLE, OURS, DOMAIN,
       PAYLOAD, CARRIED, N_WANTS };

#define KEY(text)                                                                                  \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
static const struct rameti_want wants[N_WANTS] = {
	[HASH] = { -1, KEY("hash") },
	[KIND] = { -1, KEY("kind") },
	[TS] = { -1, KEY("ts") },
	[ITEM] = { -1, KEY("item") },
	[ITEM_TYPE] = { ITEM, KEY("type") },
	[ITEM_KIND] = { ITEM, KEY("kind") },
	[ITEM_ROLE] = { ITEM, KEY("role") },
	[OURS] = { -1, KEY(RAMETI_YOI_OURS) },
	[DOMAIN] = { -1, KEY("domain") },
	[PAYLOAD] = { -1, KEY("payload") },
	[CARRIED] = { PAYLOAD, KEY("entry") },
};

/* Lines this near the start tell the generation of a hashed file. */
#define TELLING_BYTES 65536u

static int yoi_sniff(struct ramet_bytes head)
{
	return rameti_yoi_sniff_gen(head) > 0;
}

/* ---- rows ---- */

static struct ramet_json node_of(struct ramet_bytes line, const struct rameti_found *f)
{
	struct ramet_json v = { .ptr = line.ptr + f->at,
				.len = f->len,
				.span = 1,
				.kind = f->kind,
				.flags = f->flags };

	return v;
}

static struct ramet_bytes raw_text(struct ramet_bytes line, const struct rameti_found *f)
{
	struct ramet_bytes raw = { NULL, 0 };

	if (f->kind == RAMET_JSON_STRING) {
		raw.ptr = line.ptr + f->at;
		raw.len = f->len;
	}
	return raw;
}

static int64_t time_of(const struct ramet_json *ts)
{
	uint64_t n;

	return rameti_yoi_u64(ts, &n) && n < INT64_C(8640000000000001) ? (int64_t)n
								       : RAMET_TIME_NONE;
}

static int add_piece(struct rameti_batch *b, const struct rameti_yoi_piece *piece, int64_t time_ms,
		     struct ramet_bytes id)
{
	struct ramet_row row = { .time_ms = time_ms };

	row.type = (uint8_t)piece->type;
	row.role = (uint8_t)piece->role;
	return rameti_batch_piece(b, &row, id);
}

/* Ids of the pieces of a line that has one: ID, ID--1, ...: pi_agent_rust takes no dot in an id. */
static struct ramet_bytes piece_id(struct rameti_yoi_ours *ours, struct ramet_buf *id, uint32_t n)
{
	ramet_buf_reset(id);
	if (ours->what != RAMETI_YOI_OURS_ID)
		return ramet_buf_bytes(id);
	ramet_json_text(ramet_json_get(ramet_json_root(&ours->doc), "id"), id);
	if (n && id->len)
		ramet_buf_addf(id, "--%u", (unsigned)n);
	return ramet_buf_bytes(id);
}

static int add_carried(struct rameti_batch *b, struct rameti_yoi_ours *ours, struct ramet_buf *id)
{
	struct ramet_row row = { .time_ms = RAMET_TIME_NONE };

	ramet_buf_reset(id);
	if (rameti_carried_row(ramet_json_root(&ours->doc), &row, id))
		return 0;
	return rameti_batch_piece(b, &row, ramet_buf_bytes(id));
}

/* Any record, by its parsed text. */
static int add_parsed(struct rameti_batch *b, struct ramet_bytes line, int64_t time_ms)
{
	struct ramet_buf id = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_yoi_record rec;
	struct rameti_yoi_piece piece;
	struct rameti_yoi_ours ours;
	uint32_t n = 0;
	int r = ramet_json_parse(&b->doc, line, 0, NULL);

	if (r < 0)
		return r == RAMET_ENOMEM ? r : 1;
	rameti_yoi_record_init(&rec, ramet_json_root(&b->doc));
	rameti_yoi_ours_init(&ours);
	r = rameti_yoi_ours_of(&ours, &rec);
	if (!r && ours.what == RAMETI_YOI_OURS_ENTRY)
		r = add_carried(b, &ours, &id);
	else if (!r && ours.what < RAMETI_YOI_OURS_SILENT)
		while (!r && rameti_yoi_record_next(&rec, &piece)) {
			struct ramet_bytes own = piece_id(&ours, &id, n++);

			r = ramet_buf_status(&id);
			r = r < 0 ? r : add_piece(b, &piece, time_ms, own);
		}
	if (ramet_buf_status(&id) < 0)
		r = RAMET_ENOMEM;
	rameti_yoi_ours_release(&ours);
	ramet_buf_release(&id);
	return r;
}

/* ---- entries of pi's in a text, told without parsing ---- */

enum { E_TYPE, E_ID, E_PARENT, E_TIME, E_MESSAGE, E_ROLE, N_ENTRY_WANTS };
static const struct rameti_want entry_wants[N_ENTRY_WANTS] = {
	[E_TYPE] = { -1, KEY("type") },
	[E_ID] = { -1, KEY("id") },
	[E_PARENT] = { -1, KEY("parentId") },
	[E_TIME] = { -1, KEY("timestamp") },
	[E_MESSAGE] = { -1, KEY("message") },
	[E_ROLE] = { E_MESSAGE, KEY("role") },
};

static struct ramet_bytes inside(struct ramet_bytes text, const struct rameti_found *f)
{
	struct ramet_bytes s = { text.ptr + f->at + 1, f->len - 2 };

	if (f->kind != RAMET_JSON_STRING)
		s = (struct ramet_bytes){ "", 0 };
	return s;
}

/* Does a member's value stand so far behind the end of the one before? */
static int is_next(const struct rameti_found *f, const struct rameti_found *before, uint32_t by)
{
	return f->seen == 1 && f->kind && f->at == before->at + before->len + by;
}

/* What rameti_carried_row would tell of the entry in a text. 1: the parser has to look at it. */
static int scan_entry(struct rameti_batch *b, struct ramet_bytes raw, struct ramet_row *row,
		      struct ramet_bytes *id)
{
	struct rameti_found found[N_ENTRY_WANTS];
	struct ramet_bytes text;
	struct rameti_line l;
	struct ramet_json time;
	int i, r = 0;

	ramet_buf_reset(&b->inside);
	rameti_json_decode(raw, &b->inside);
	if (!b->scanner)
		r = rameti_scanner_new(&b->scanner, entry_wants, N_ENTRY_WANTS, 0, NULL);
	if (r < 0 || ramet_buf_status(&b->inside) < 0)
		return RAMET_ENOMEM;
	text = ramet_buf_bytes(&b->inside);
	if (rameti_scan_line(b->scanner, text, &l, found) < 0)
		return RAMET_ENOMEM;
	if (l.kind != RAMETI_LINE_OBJECT || l.len != text.len || l.terminated || l.bad_utf8 ||
	    found[E_TYPE].kind != RAMET_JSON_STRING)
		return 1;
	for (i = 0; i < N_ENTRY_WANTS; i++)
		if (found[i].seen > 1 || (found[i].flags & RAMET_JSON_HAS_ESCAPE))
			return 1;
	row->type = (uint8_t)ramet_entry_type_of(inside(text, &found[E_TYPE]));
	if (row->type == RAMET_ENTRY_HEADER)
		return 1;
	if (found[E_TYPE].at == RAMETI_YOI_TYPE_AT &&
	    is_next(&found[E_ID], &found[E_TYPE], sizeof(",\"id\":") - 1) &&
	    is_next(&found[E_PARENT], &found[E_ID], sizeof(",\"parentId\":") - 1))
		row->flags |= RAMETI_YOI_PLAIN;
	if (row->type == RAMET_ENTRY_MESSAGE && found[E_ROLE].kind == RAMET_JSON_STRING)
		row->role = (uint8_t)ramet_role_of(inside(text, &found[E_ROLE]));
	time = node_of(text, &found[E_TIME]);
	row->time_ms = rameti_entry_time(&time);
	*id = inside(text, &found[E_ID]);
	return 0;
}

/* Does this text begin and end where those of our lines do? */
static int is_last(struct ramet_bytes line, const struct rameti_found *f, struct ramet_bytes mark,
		   size_t closed)
{
	size_t before = mark.len - 1; /* its quotation mark is the text's */

	return f->seen == 1 && f->at >= before && (size_t)f->at + f->len + closed == line.len &&
	       !memcmp(line.ptr + f->at - before, mark.ptr, before);
}

/* A record of ours: the entry it carries, or nothing but what was told before. 1: it has to be
 * parsed. */
static int add_ours(struct rameti_batch *b, int kind, struct ramet_bytes line,
		    const struct rameti_found *found)
{
	const struct rameti_found *f = &found[OURS];
	struct ramet_row row = { .time_ms = RAMET_TIME_NONE };
	struct ramet_bytes id;
	int r;

	if (kind == RAMETI_YOI_EXTENSION && found[DOMAIN].kind == RAMET_JSON_STRING &&
	    rameti_json_raw_is(raw_text(line, &found[DOMAIN]), ramet_bytes_of(RAMETI_YOI_CARRIER)))
		f = &found[CARRIED];
	else if (f->kind == RAMET_JSON_STRING && f->len == 2)
		return 0;
	if (f->kind != RAMET_JSON_STRING)
		return 1;
	if (f == &found[OURS] ? is_last(line, f, ramet_bytes_of(RAMETI_YOI_LAST_OWN), 1) :
				is_last(line, f, ramet_bytes_of(RAMETI_YOI_LAST_CARRIED), 2))
		row.flags |= RAMETI_YOI_LAST;
	r = scan_entry(b, raw_text(line, f), &row, &id);
	return r ? r : rameti_batch_piece(b, &row, id);
}

/* ---- records ---- */

/* Records that make one entry, which the scan knows all about. */
static int is_simple(int kind, struct ramet_bytes line, const struct rameti_found *found)
{
	if (found[OURS].kind || kind == RAMETI_YOI_UNKNOWN || kind >= RAMETI_YOI_A_START)
		return 0;
	if (kind == RAMETI_YOI_EXTENSION)
		return found[DOMAIN].kind != RAMET_JSON_STRING ||
		       !rameti_json_raw_is(raw_text(line, &found[DOMAIN]),
					   ramet_bytes_of(RAMETI_YOI_CARRIER));
	return kind == RAMETI_YOI_USER_INPUT || kind >= RAMETI_YOI_ASSISTANT_ITEM;
}

static int add_simple(struct rameti_batch *b, int kind, struct ramet_bytes line,
		      const struct rameti_found *found, int64_t time_ms)
{
	const struct ramet_bytes none = { NULL, 0 };
	const struct rameti_found *tag = &found[found[ITEM_TYPE].kind ? ITEM_TYPE : ITEM_KIND];
	struct rameti_yoi_piece piece = { 0 };
	int item = rameti_yoi_item_named(raw_text(line, tag), raw_text(line, &found[ITEM_ROLE]));

	/* an item in an item is a wrapped one */
	if (!tag->kind && found[ITEM].kind)
		return add_parsed(b, line, time_ms);
	rameti_yoi_single(kind, item, &piece);
	return add_piece(b, &piece, time_ms, none);
}

/* Does the reader have to see this line? */
static int is_telling(const struct rameti_batch *b, int kind, int hashed)
{
	if (rameti_yoi_is_start(kind) || !b->line_row.offset)
		return 1;
	return hashed && b->line_row.offset < TELLING_BYTES &&
	       (kind == RAMETI_YOI_USER_INPUT || kind == RAMETI_YOI_INVOKE ||
		kind == RAMETI_YOI_ASSISTANT_ITEMS || kind == RAMETI_YOI_ASSISTANT_ITEM ||
		kind == RAMETI_YOI_RUN_OUTCOME || kind >= RAMETI_YOI_LOCKED);
}

static int mark(struct rameti_batch *b, int kind, const struct rameti_found *found)
{
	int i, r = 0;

	if (kind == RAMETI_YOI_UNKNOWN)
		r = rameti_batch_mark(b, "unknown-type", RAMET_INFO);
	for (i = 0; !r && i < ITEM; i++)
		if (found[i].seen > 1)
			return rameti_batch_mark(b, "duplicate-key", RAMET_WARNING);
	return r;
}

static int yoi_pieces(struct rameti_batch *b, struct ramet_bytes line,
		      const struct rameti_found *found)
{
	struct ramet_json ts = node_of(line, &found[TS]);
	int hashed = found[HASH].kind != RAMET_JSON_NONE;
	int kind, r = 0;

	if (found[KIND].kind != RAMET_JSON_STRING || (!hashed && !b->line_terminated))
		return 1;
	kind = rameti_yoi_kind_of(raw_text(line, &found[KIND]));
	if (is_telling(b, kind, hashed))
		r = rameti_batch_note(b, line);
	if (!r)
		r = mark(b, kind, found);
	if (r < 0)
		return r;
	if (is_simple(kind, line, found))
		return add_simple(b, kind, line, found, time_of(&ts));
	r = add_ours(b, kind, line, found);
	if (r <= 0)
		return r;
	return add_parsed(b, line, time_of(&ts));
}

/* ---- the header ---- */

enum { GEN, HEADER_TIME }; /* reader->state */

static int yoi_begin(struct rameti_reader *r, struct ramet_bytes name, struct ramet_error *err)
{
	struct rameti_draft_header h = { .id = name, .time_ms = RAMET_TIME_NONE };

	return rameti_reader_set_header(r, &h, err);
}

/* A header with what the reader knows of it already. */
static struct rameti_draft_header known(const struct rameti_reader *r)
{
	struct rameti_draft_header h = { .id = r->header.id,
					 .cwd = r->header.cwd,
					 .parent_session = r->header.parent_session,
					 .time_ms = r->header.created_ms };

	return h;
}

/* Texts of a start that belong into a header, decoded one after the other. */
static struct ramet_bytes decoded(struct ramet_buf *texts, const struct ramet_json *v)
{
	struct ramet_bytes text = { NULL, 0 };
	size_t from = texts->len;

	if (ramet_json_kind(v) != RAMET_JSON_STRING)
		return text;
	ramet_json_text(v, texts);
	text.ptr = texts->ptr ? texts->ptr + from : "";
	text.len = texts->len - from;
	return text;
}

static const struct ramet_json *origin_of(const struct ramet_json *o)
{
	const struct ramet_json *from = ramet_json_get(o, "forked_from"), *id;

	from = from ? from : ramet_json_get(o, "compacted_from");
	id = ramet_json_get(from, "segment_id");
	return id ? id : ramet_json_get(from, "session_id");
}

static int note_start(struct rameti_reader *r, const struct rameti_yoi_record *rec,
		      struct ramet_error *err)
{
	const struct ramet_json *own = rec->object, *id, *cwd, *parent;
	struct rameti_draft_header h = known(r);
	struct ramet_buf texts = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_yoi_ours ours;
	int e;

	rameti_yoi_ours_init(&ours);
	e = rameti_yoi_ours_of(&ours, rec);
	if (ours.what == RAMETI_YOI_OURS_HEADER)
		own = ramet_json_root(&ours.doc);
	else if (ours.what < RAMETI_YOI_OURS_SILENT)
		r->prev = RAMET_NONE; /* what came before is no history of it */
	id = ramet_json_get(own, own == rec->object ? "session_id" : "id");
	cwd = ramet_json_get(own, "cwd");
	parent = own == rec->object ? origin_of(own) : ramet_json_get(own, "parentSession");
	ramet_buf_reserve(&texts, (size_t)(id ? id->len : 0) + (cwd ? cwd->len : 0) +
					  (parent ? parent->len : 0) + 1);
	if (!h.id.len)
		h.id = decoded(&texts, id);
	if (!h.cwd.ptr)
		h.cwd = decoded(&texts, own == rec->object ? NULL : cwd);
	if (!h.parent_session.ptr)
		h.parent_session = decoded(&texts, parent);
	if (!e)
		e = ramet_buf_status(&texts);
	e = e < 0 ? rameti_fail_nomem(err) : rameti_reader_set_header(r, &h, err);
	rameti_yoi_ours_release(&ours);
	ramet_buf_release(&texts);
	return e;
}

static int note_time(struct rameti_reader *r, const struct ramet_json *ts, struct ramet_error *err)
{
	struct rameti_draft_header h = known(r);

	h.time_ms = time_of(ts);
	if (r->state[HEADER_TIME] || h.time_ms == RAMET_TIME_NONE)
		return 0;
	r->state[HEADER_TIME] = 1;
	return rameti_reader_set_header(r, &h, err);
}

static int yoi_note(struct rameti_reader *r, struct ramet_bytes line, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct rameti_yoi_record rec;
	uint64_t gen;
	int e = ramet_json_parse(&doc, line, 0, err);

	if (!e) {
		rameti_yoi_record_init(&rec, ramet_json_root(&doc));
		gen = (uint64_t)rameti_yoi_gen_of(rec.object);
		if (!gen && rec.hashed)
			gen = RAMETI_YOI_G1;
		if (!r->state[GEN] || gen < RAMETI_YOI_BRIDGE || gen > r->state[GEN])
			r->state[GEN] = (uint64_t)rameti_yoi_gen_join((int)r->state[GEN], (int)gen);
		e = note_time(r, ramet_json_get(rec.object, "ts"), err);
	}
	if (!e && rameti_yoi_is_start(rec.kind))
		e = note_start(r, &rec, err);
	ramet_json_doc_release(&doc);
	return e;
}

int rameti_yoi_reader_gen(const struct rameti_reader *r)
{
	return (int)r->state[GEN];
}

/* ---- entries ---- */

static int write_piece(const struct rameti_reader *r, uint32_t row, struct rameti_yoi_record *rec,
		       struct ramet_bytes line, struct ramet_buf *out, struct ramet_error *err)
{
	uint32_t i, which = rameti_reader_piece(r, row);
	struct rameti_yoi_piece piece;
	int e;

	for (i = 0; i <= which; i++)
		if (!rameti_yoi_record_next(rec, &piece))
			return rameti_fail(err, RAMET_ECONFLICT, "the line is not what it was");
	rameti_piece_begin(r, row, ramet_entry_type_name(piece.type), out);
	ramet_buf_add_char(out, ',');
	e = rameti_yoi_add_members(out, rec, &piece, line, err);
	ramet_buf_add_char(out, '}');
	return e ? e : ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}

static int yoi_entry(const struct rameti_reader *r, uint32_t row, struct ramet_bytes line,
		     struct ramet_buf *scratch, struct ramet_bytes *json, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct rameti_yoi_record rec;
	struct rameti_yoi_ours ours;
	int e;

	if (rameti_yoi_line_as_told(r, row, line, scratch)) {
		*json = ramet_buf_bytes(scratch);
		return 0;
	}
	e = ramet_json_parse(&doc, line, 0, err);
	if (e < 0) {
		ramet_json_doc_release(&doc);
		return e;
	}
	rameti_yoi_record_init(&rec, ramet_json_root(&doc));
	rameti_yoi_ours_init(&ours);
	if (rameti_yoi_as_told(r, row, &rec, scratch))
		e = 0;
	else if (rameti_yoi_ours_of(&ours, &rec) < 0)
		e = rameti_fail_nomem(err);
	else if (ours.what == RAMETI_YOI_OURS_ENTRY)
		e = rameti_carried_entry(r, row, ramet_json_root(&ours.doc), scratch, err);
	else
		e = write_piece(r, row, &rec, line, scratch, err);
	rameti_yoi_ours_release(&ours);
	ramet_json_doc_release(&doc);
	if (!e)
		*json = ramet_buf_bytes(scratch);
	return e;
}

static int yoi_tail(const struct rameti_reader *r)
{
	return r->state[GEN] >= RAMETI_YOI_BRIDGE ? RAMETI_TAIL_CUT : RAMETI_TAIL_REFUSE;
}

const struct rameti_codec rameti_codec_yoi = {
	.name = "yoi",
	.sniff = yoi_sniff,
	.wants = wants,
	.n_wants = N_WANTS,
	.entry = yoi_entry,
	.begin = yoi_begin,
	.pieces = yoi_pieces,
	.note = yoi_note,
	.resume = rameti_yoi_resume,
	.start = rameti_yoi_start,
	.encode = rameti_yoi_encode,
	.apart = rameti_yoi_apart,
	.join = rameti_yoi_join,
	.carries_text = 1,
	.carry = rameti_yoi_carry,
	.tail = yoi_tail,
};
