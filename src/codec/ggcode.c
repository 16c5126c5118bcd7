/*
 * codec/ggcode.c - the session files of ggcode, both generations: records to entries.
 *
 * See docs/format/ggcode.md. A line is a record; the history is a line of messages, so that each
 * entry hangs from the one before. Records are judged as the original's decoder judges them; what
 * it would drop is malformed. Its two ways of losing data while reading, the 24-hour window and the
 * limit of 10 MiB a line, are not copied, and nothing is ever written by reading.
 */
#include "codec/ggcode_priv.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/map.h"
#include "json/scan.h"

#define KEY(text)                                                                                  \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
enum { TYPE, N_WANTS };
static const struct rameti_want wants[N_WANTS] = {
	[TYPE] = { -1, KEY("type") },
};

/* ---- what a record is ---- */

const struct ramet_json *rameti_gg_carried(const struct ramet_json *record)
{
	const struct ramet_json *entry = ramet_json_get(record, "entry");

	if (ramet_json_kind(ramet_json_get(entry, "type")) != RAMET_JSON_STRING)
		return NULL;
	return entry;
}

int rameti_gg_carried_text(const struct ramet_json *record, struct ramet_json_doc *doc,
			   struct ramet_buf *text, const struct ramet_json **entry,
			   struct ramet_error *err)
{
	int e;

	*entry = NULL;
	ramet_json_text(ramet_json_get(record, "entry"), text);
	e = ramet_buf_status(text) < 0 ? RAMET_ENOMEM :
					 ramet_json_parse(doc, ramet_buf_bytes(text), 0, NULL);
	if (e == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	if (!e && ramet_json_kind(ramet_json_get(ramet_json_root(doc), "type")) ==
			  RAMET_JSON_STRING)
		*entry = ramet_json_root(doc);
	return 0;
}

enum rameti_gg_type rameti_gg_type_of(const struct ramet_json *record)
{
	static const struct {
		const char *name;
		enum rameti_gg_type type;
	} types[] = {
		{ "message", RAMETI_GG_MESSAGE },
		{ "meta", RAMETI_GG_META },
		{ "checkpoint", RAMETI_GG_CHECKPOINT },
		{ "usage", RAMETI_GG_USAGE },
		{ "tunnel_event", RAMETI_GG_TUNNEL_EVENT },
		{ RAMETI_GG_CARRIER, RAMETI_GG_CARRIED },
	};
	static const char *const bodies[] = {
		[RAMETI_GG_MESSAGE] = "message",
		[RAMETI_GG_USAGE] = "usage_entry",
		[RAMETI_GG_TUNNEL_EVENT] = "tunnel_event",
		[RAMETI_GG_CARRIED] = NULL,
	};
	const struct ramet_json *type = rameti_gg_get(record, "type");
	enum rameti_gg_type t = RAMETI_GG_OTHER;
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]) && t == RAMETI_GG_OTHER; i++)
		if (ramet_json_text_is(type, types[i].name))
			t = types[i].type;
	if (t == RAMETI_GG_MESSAGE || t == RAMETI_GG_CARRIED)
		if (rameti_gg_carried(record))
			return RAMETI_GG_CARRIED;
	if (t == RAMETI_GG_CARRIED &&
	    ramet_json_kind(ramet_json_get(record, "entry")) == RAMET_JSON_STRING)
		return RAMETI_GG_CARRIED_TEXT;
	if (t == RAMETI_GG_CARRIED || (bodies[t] && !rameti_gg_get(record, bodies[t])))
		return RAMETI_GG_OTHER;
	return t;
}

static int64_t ms_of(const struct ramet_json *time)
{
	struct rameti_gg_time t;

	rameti_gg_time_of(time, &t);
	return rameti_gg_time_ms(&t);
}

/* ---- pieces ---- */

static int piece(struct rameti_batch *b, int type, int role, int64_t ms, struct ramet_bytes id)
{
	struct ramet_row row;

	memset(&row, 0, sizeof(row));
	row.type = (uint8_t)type;
	row.role = (uint8_t)role;
	row.time_ms = ms;
	return rameti_batch_piece(b, &row, id);
}

static int made(struct rameti_batch *b, int type, int64_t ms)
{
	return piece(b, type, RAMET_ROLE_NONE, ms, (struct ramet_bytes){ NULL, 0 });
}

/* id of the message, then that and --1, --2 ... */
static int message_pieces(struct rameti_batch *b, struct ramet_bytes line,
			  const struct ramet_json *message, int64_t ms, int with_id)
{
	struct ramet_buf id = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_gg_part p;
	size_t len;
	unsigned n = 0;
	int e = 0;

	if (with_id)
		ramet_json_text(rameti_gg_get(message, "id"), &id);
	len = id.len;
	rameti_gg_parts(&p, message);
	/* a checkpoint may have named it already */
	if (with_id && p.type == RAMET_ENTRY_CUSTOM)
		e = rameti_batch_note(b, line);
	while (!e && rameti_gg_part_next(&p)) {
		if (len && n) {
			ramet_buf_truncate(&id, len);
			ramet_buf_addf(&id, "--%u", n);
		}
		n++;
		e = ramet_buf_status(&id) < 0 ? RAMET_ENOMEM
					      : piece(b, p.type, p.role, ms, ramet_buf_bytes(&id));
	}
	ramet_buf_release(&id);
	return e;
}

/* The id of a compaction whose summary message we named after it. */
static struct ramet_bytes compaction_id(const struct ramet_buf *summary_id)
{
	static const char end[] = RAMETI_GG_SUMMARY_END;
	struct ramet_bytes id = ramet_buf_bytes(summary_id);
	size_t n = sizeof(end) - 1;

	if (id.len > n && !memcmp(id.ptr + id.len - n, end, n))
		id.len -= n;
	else
		id.len = 0;
	return id;
}

static int checkpoint_pieces(struct rameti_batch *b, struct ramet_bytes line,
			     const struct ramet_json *record)
{
	const struct ramet_json *list = rameti_gg_get(record, "checkpoint_messages"), *m = NULL;
	struct ramet_buf id = RAMET_BUF_INIT(SIZE_MAX / 2);
	int e = rameti_batch_note(b, line);

	ramet_json_text(rameti_gg_get(record, "checkpoint_summary_msg_id"), &id);
	if (!e && ramet_buf_status(&id) < 0)
		e = RAMET_ENOMEM;
	if (!e && (id.len || ramet_json_count(list)))
		e = piece(b, RAMET_ENTRY_COMPACTION, RAMET_ROLE_NONE, RAMET_TIME_NONE,
			  compaction_id(&id));
	else if (!e)
		e = made(b, RAMET_ENTRY_CUSTOM, RAMET_TIME_NONE);
	while (!e && !id.len && (m = rameti_gg_listed_next(list, m)) != NULL)
		e = message_pieces(b, line, m, RAMET_TIME_NONE, 0);
	ramet_buf_release(&id);
	return e;
}

static int is_text(const struct ramet_json *v)
{
	return ramet_json_kind(v) == RAMET_JSON_STRING && v->len > 2;
}

static int meta_pieces(struct rameti_batch *b, struct ramet_bytes line,
		       const struct ramet_json *record)
{
	int64_t ms = ms_of(rameti_gg_get(record, "updated_at"));
	int e = rameti_batch_note(b, line);

	if (!e)
		e = made(b, RAMET_ENTRY_CUSTOM, ms);
	if (!e &&
	    (is_text(rameti_gg_get(record, "vendor")) || is_text(rameti_gg_get(record, "model"))))
		e = made(b, RAMET_ENTRY_MODEL_CHANGE, ms);
	return e ? e : made(b, RAMET_ENTRY_SESSION_INFO, ms);
}

static int carried_piece(struct rameti_batch *b, const struct ramet_json *entry)
{
	struct ramet_buf id = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_row row;
	int e;

	memset(&row, 0, sizeof(row));
	e = rameti_carried_row(entry, &row, &id);
	if (!e && ramet_buf_status(&id) < 0)
		e = RAMET_ENOMEM;
	if (!e)
		e = rameti_batch_piece(b, &row, ramet_buf_bytes(&id));
	ramet_buf_release(&id);
	return e;
}

static int text_piece(struct rameti_batch *b, const struct ramet_json *record)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *entry;
	int e = rameti_gg_carried_text(record, &doc, &text, &entry, NULL);

	if (!e)
		e = entry ? carried_piece(b, entry)
			  : made(b, RAMET_ENTRY_CUSTOM, RAMET_TIME_NONE);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&text);
	return e;
}

static int pieces_of(struct rameti_batch *b, struct ramet_bytes line,
		     const struct ramet_json *record)
{
	int64_t ms;

	switch (rameti_gg_type_of(record)) {
	case RAMETI_GG_MESSAGE:
		return message_pieces(b, line, rameti_gg_get(record, "message"),
				      ms_of(rameti_gg_get(record, "timestamp")), 1);
	case RAMETI_GG_META:
		return meta_pieces(b, line, record);
	case RAMETI_GG_CHECKPOINT:
		return checkpoint_pieces(b, line, record);
	case RAMETI_GG_USAGE:
		ms = ms_of(rameti_gg_get(rameti_gg_get(record, "usage_entry"), "timestamp"));
		return made(b, RAMET_ENTRY_USAGE, ms);
	case RAMETI_GG_CARRIED:
		return carried_piece(b, rameti_gg_carried(record));
	case RAMETI_GG_CARRIED_TEXT:
		return text_piece(b, record);
	default:
		ms = ms_of(rameti_gg_get(rameti_gg_get(record, "metric_event"), "timestamp"));
		return ramet_json_count(record) ? made(b, RAMET_ENTRY_CUSTOM, ms) : 0;
	}
}

static int gg_pieces(struct rameti_batch *b, struct ramet_bytes line,
		     const struct rameti_found *found)
{
	int e;

	(void)found;
	/* the first line may have to say which session this is */
	e = b->line_row.offset ? 0 : rameti_batch_note(b, line);
	if (!e)
		e = rameti_gg_quick(b, line);
	if (e)
		return e < 0 ? e : 0;
	e = ramet_json_parse(&b->doc, line, 0, NULL);
	if (e < 0)
		return e == RAMET_ENOMEM ? e : 1;
	if (!rameti_gg_record_fits(ramet_json_root(&b->doc)))
		return 1;
	return pieces_of(b, line, ramet_json_root(&b->doc));
}

/* ---- the header ---- */

/* 20260901-101500-...: local time. */
static int64_t time_of_id(struct ramet_bytes id)
{
	char text[] = "YYYY-MM-DDThh:mm:ss";
	static const unsigned char to[14] = { 0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18 };
	size_t i, n = 0;

	if (id.len < 16 || id.ptr[8] != '-' || id.ptr[15] != '-')
		return RAMET_TIME_NONE;
	for (i = 0; i < 15; i++) {
		if (i == 8)
			continue;
		if (id.ptr[i] < '0' || id.ptr[i] > '9')
			return RAMET_TIME_NONE;
		text[to[n++]] = id.ptr[i];
	}
	return rameti_time_parse(ramet_bytes_of(text));
}

static int gg_begin(struct rameti_reader *r, struct ramet_bytes name, struct ramet_error *err)
{
	struct rameti_draft_header h = { .id = name, .time_ms = time_of_id(name) };

	if (!name.ptr)
		h.id.ptr = "";
	return rameti_reader_set_header(r, &h, err);
}

/* Members of a record into the header; a member that says nothing leaves it as it is. */
static int improve(struct rameti_reader *r, const struct ramet_json *record, int is_meta,
		   struct ramet_error *err)
{
	struct rameti_draft_header h = { .id = r->header.id, .cwd = r->header.cwd };
	struct ramet_buf id = RAMET_BUF_INIT(SIZE_MAX / 2), cwd = RAMET_BUF_INIT(SIZE_MAX / 2);
	int64_t ms = ms_of(rameti_gg_get(record, "created_at"));
	int e;

	h.time_ms = is_meta && ms != RAMET_TIME_NONE ? ms : r->header.created_ms;
	if (!h.id.len)
		ramet_json_text(rameti_gg_get(record, "session_id"), &id);
	if (is_meta)
		ramet_json_text(rameti_gg_get(record, "workspace"), &cwd);
	if (id.len)
		h.id = ramet_buf_bytes(&id);
	if (cwd.len)
		h.cwd = ramet_buf_bytes(&cwd);
	if (!r->header.id.len && id.len && h.time_ms == RAMET_TIME_NONE)
		h.time_ms = time_of_id(h.id);
	e = ramet_buf_status(&id) < 0 || ramet_buf_status(&cwd) < 0
		    ? rameti_fail_nomem(err)
		    : rameti_reader_set_header(r, &h, err);
	ramet_buf_release(&id);
	ramet_buf_release(&cwd);
	return e;
}

/* Is there an entry with this id? 1, 0, ENOMEM. *hash: never 0. */
static int find_named(const struct rameti_reader *r, const struct ramet_json *id, uint64_t *hash)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	int found;

	ramet_json_text(id, &text);
	found = ramet_tree_find(r->tree, ramet_buf_bytes(&text)) != RAMET_NONE && text.len;
	*hash = (uint64_t)rameti_id_hash(ramet_buf_bytes(&text)) | UINT64_C(1) << 32;
	if (ramet_buf_status(&text) < 0)
		found = RAMET_ENOMEM;
	ramet_buf_release(&text);
	return found;
}

static int find_dangling(struct rameti_reader *r, const char *text, struct ramet_error *err)
{
	int e = rameti_finding_add(&r->findings, RAMET_WARNING, "dangling-target",
				   rameti_tree_line(r->tree, ramet_tree_count(r->tree)),
				   r->noted_at, (struct ramet_bytes){ NULL, 0 }, "%s", text);

	r->state[RAMETI_GG_ALARM] = r->findings.n;
	return e < 0 ? rameti_fail_nomem(err) : 0;
}

/* Does it make a compaction? If its summary is still to come, that will. */
static int note_checkpoint(struct rameti_reader *r, const struct ramet_json *record,
			   struct ramet_error *err)
{
	const struct ramet_json *id = rameti_gg_get(record, "checkpoint_summary_msg_id");
	const struct ramet_json *last = rameti_gg_get(record, "checkpoint_last_msg_id");
	const char *text = NULL;
	uint64_t hash, unused;
	int there = is_text(id) ? find_named(r, id, &hash) : 1;
	int behind = there == 1 && is_text(id) && is_text(last) ? find_named(r, last, &unused) : 1;

	if (there < 0 || behind < 0)
		return rameti_fail_nomem(err);
	r->state[RAMETI_GG_USABLE] = (uint64_t)there;
	r->state[RAMETI_GG_AWAITED] = there ? 0 : hash;
	if (!there)
		text = "a checkpoint names a summary that is not there; it was ignored";
	else if (!behind)
		text = "a checkpoint's last message is not there; all before its summary counts "
		       "as summed up";
	return text ? find_dangling(r, text, err) : 0;
}

/* A summary that the checkpoint before it named, as ggcode's own migration leaves them. */
static int note_summary(struct rameti_reader *r, const struct ramet_json *message,
			struct ramet_error *err)
{
	const struct ramet_json *id = rameti_gg_get(message, "id");
	uint64_t hash = 0;
	int there = is_text(id) ? find_named(r, id, &hash) : 1;

	if (there < 0)
		return rameti_fail_nomem(err);
	r->state[RAMETI_GG_USABLE] = !there && hash == r->state[RAMETI_GG_AWAITED];
	if (!r->state[RAMETI_GG_USABLE])
		return 0;
	r->state[RAMETI_GG_AWAITED] = 0;
	if (r->findings.n && r->state[RAMETI_GG_ALARM] == r->findings.n)
		r->findings.n--;
	return 0;
}

static int gg_note(struct rameti_reader *r, struct ramet_bytes line, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *record;
	enum rameti_gg_type type;
	int e = ramet_json_parse(&doc, line, 0, err);

	record = ramet_json_root(&doc);
	type = e ? RAMETI_GG_OTHER : rameti_gg_type_of(record);
	if (!e && type == RAMETI_GG_META) {
		ramet_buf_reset(&r->kept);
		ramet_buf_add(&r->kept, line);
		e = ramet_buf_status(&r->kept) < 0 ? rameti_fail_nomem(err) : 0;
	}
	if (!e && (type == RAMETI_GG_META || !r->header.id.len))
		e = improve(r, record, type == RAMETI_GG_META, err);
	if (!e && type == RAMETI_GG_CHECKPOINT)
		e = note_checkpoint(r, record, err);
	if (!e && type == RAMETI_GG_MESSAGE)
		e = note_summary(r, rameti_gg_get(record, "message"), err);
	ramet_json_doc_release(&doc);
	return e;
}

/* Records without a time of their own have that of the entry before. */
static void gg_adjust(struct rameti_reader *r, struct ramet_bytes line, struct ramet_row *row)
{
	(void)line;
	if (row->type == RAMET_ENTRY_COMPACTION && !r->state[RAMETI_GG_USABLE])
		row->type = RAMET_ENTRY_CUSTOM;
	else if (row->type == RAMET_ENTRY_CUSTOM && row->role == RAMET_ROLE_SYSTEM &&
		 r->state[RAMETI_GG_USABLE])
		row->type = RAMET_ENTRY_COMPACTION;
	if (row->time_ms == RAMET_TIME_NONE && row->type != RAMET_ENTRY_MESSAGE &&
	    r->prev != RAMET_NONE)
		row->time_ms = ramet_tree_row(r->tree, r->prev)->time_ms;
}

/* ---- recognising ---- */

/* 1 ggcode's, 0 another's, -1 it does not say. */
static int looks(const struct ramet_json *record)
{
	static const char *const types[] = { "message", "meta",		"checkpoint", "usage",
					     "metric",	"tunnel_event", "cost",	      NULL };
	const struct ramet_json *type = rameti_gg_get(record, "type");
	int i;

	for (i = 0; types[i] && !ramet_json_text_is(type, types[i]); i++)
		;
	if (!types[i] && type)
		return rameti_gg_get(record, "session_id") && rameti_gg_get(record, "created_at");
	if (!types[i])
		return -1;
	if (ramet_json_get(record, "parentId") || ramet_json_get(record, "id"))
		return 0;
	/* a message that knows its own time is pi's, of version 1 */
	if (ramet_json_get(ramet_json_get(record, "message"), "timestamp"))
		return 0;
	return rameti_gg_get(record, "session_id") || rameti_gg_get(record, types[i]) ||
			       rameti_gg_get(record, "token_usage") ||
			       rameti_gg_get(record, "created_at")
		       ? 1
		       : -1;
}

static int starts_with(struct ramet_bytes line, const char *text)
{
	size_t n = strlen(text);

	return line.len >= n && !memcmp(line.ptr, text, n);
}

/* A line that goes on beyond what we have: only its beginning tells. */
static int looks_cut(struct ramet_bytes line)
{
	return starts_with(line, "{\"type\":\"message\",\"session_id\":\"") ||
	       starts_with(line, "{\"type\":\"checkpoint\",\"session_id\":\"") ||
	       starts_with(line, "{\"type\":\"message\",\"message\":{\"id\":\"");
}

static int gg_sniff(struct ramet_bytes head)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int said = -1, lines;

	if (starts_with(head, "\xef\xbb\xbf")) {
		head.ptr += 3;
		head.len -= 3;
	}
	for (lines = 0; said < 0 && lines < 32 && head.len; lines++) {
		size_t n = rameti_scan_newline(head);
		struct ramet_bytes line = { head.ptr, n };

		if (n && *line.ptr == '{') {
			if (!ramet_json_parse(&doc, line, 0, NULL))
				said = looks(ramet_json_root(&doc));
			else if (n == head.len)
				said = looks_cut(line);
		}
		n += n < head.len;
		head.ptr += n;
		head.len -= n;
	}
	ramet_json_doc_release(&doc);
	return said == 1;
}

const struct rameti_codec rameti_codec_ggcode = {
	.name = "ggcode",
	.sniff = gg_sniff,
	.wants = wants,
	.n_wants = N_WANTS,
	.entry = rameti_gg_entry,
	.write_entry = rameti_pi_write_entry,
	.write_header = rameti_pi_write_header,
	.begin = gg_begin,
	.pieces = gg_pieces,
	.may_lack_time = 1,
	.note = gg_note,
	.adjust = gg_adjust,
	.resume = rameti_gg_resume,
	.start = rameti_gg_start,
	.encode = rameti_gg_encode,
	.apart = rameti_gg_apart,
	.join = rameti_gg_join,
	.carry = rameti_gg_carry,
};
