/*
 * codec/pi.c - the session format of pi, versions 1 to 3 and the current generation's additions.
 *
 * See docs/format/pi.md. Old versions are migrated in memory only: an entry is handed out as the
 * current version has it, by changing the members that migration changes and no other byte.
 */
#include "codec/codec.h"

#include <math.h>
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/map.h"
#include "codec/pi_priv.h"

enum {
	TYPE = RAMETI_PI_TYPE,
	ID = RAMETI_PI_ID,
	PARENT = RAMETI_PI_PARENT,
	TIMESTAMP = RAMETI_PI_TIMESTAMP,
	MESSAGE = RAMETI_PI_MESSAGE,
	ROLE = RAMETI_PI_ROLE,
	N_WANTS = RAMETI_PI_WANTS
};

#define KEY(text) { text, sizeof(text) - 1 }
static const struct rameti_want wants[N_WANTS] = {
	[TYPE] = { -1, KEY("type") },
	[ID] = { -1, KEY("id") },
	[PARENT] = { -1, KEY("parentId") },
	[TIMESTAMP] = { -1, KEY("timestamp") },
	[MESSAGE] = { -1, KEY("message") },
	[ROLE] = { MESSAGE, KEY("role") },
};

/* ---- facts ---- */

static struct ramet_bytes raw_of(struct ramet_bytes line, const struct rameti_found *f)
{
	struct ramet_bytes raw = { line.ptr + f->at, f->len };

	return raw;
}

/* The text of a plain string found, else ptr NULL (escapes go the slow way). */
static struct ramet_bytes plain_of(struct ramet_bytes line, const struct rameti_found *f)
{
	struct ramet_bytes text = { NULL, 0 };

	if (f->kind == RAMET_JSON_STRING && !(f->flags & RAMET_JSON_HAS_ESCAPE)) {
		text.ptr = line.ptr + f->at + 1;
		text.len = f->len - 2;
	}
	return text;
}

/* ids is where there is room to decode an escaped name, and where it is told that there was
 * none. */
static int name_of(struct ramet_bytes line, const struct rameti_found *f,
		   int (*of)(struct ramet_bytes), int none, struct ramet_buf *ids)
{
	struct ramet_bytes text = plain_of(line, f);
	size_t before = ids->len;
	int found;

	if (f->kind != RAMET_JSON_STRING)
		return none;
	if (text.ptr)
		return of(text);
	rameti_json_decode(raw_of(line, f), ids);
	text.ptr = ids->ptr ? ids->ptr + before : "";
	text.len = ids->len - before;
	found = of(text);
	ramet_buf_truncate(ids, before);
	return found;
}

/* Decoded id appended to ids. */
static uint32_t add_id(struct ramet_bytes line, const struct rameti_found *f, int bad_utf8,
		       struct ramet_buf *ids)
{
	struct ramet_bytes text = plain_of(line, f);
	size_t before = ids->len;

	if (text.ptr && !bad_utf8)
		ramet_buf_add(ids, text);
	else
		rameti_json_decode(raw_of(line, f), ids);
	return (uint32_t)(ids->len - before);
}

static int is_falsy(struct ramet_bytes line, const struct rameti_found *f)
{
	struct ramet_json v;

	memset(&v, 0, sizeof(v));
	v.ptr = line.ptr + f->at;
	v.len = f->len;
	v.kind = f->kind;
	v.span = 1;
	return !ramet_json_truthy(&v);
}

static int64_t time_of(struct ramet_bytes line, const struct rameti_found *f)
{
	struct ramet_bytes text = plain_of(line, f);
	struct ramet_json v;

	if (text.ptr)
		return rameti_time_parse(text);
	memset(&v, 0, sizeof(v));
	v.ptr = line.ptr + f->at;
	v.len = f->len;
	v.kind = f->kind;
	v.flags = f->flags;
	v.span = 1;
	return rameti_entry_time(f->kind == RAMET_JSON_NONE ? NULL : &v);
}

/* A parent that is neither text nor falsy names nothing; no decoded id starts with byte 0xff. */
static uint32_t add_parent(struct ramet_bytes line, const struct rameti_found *f, int bad_utf8,
			   struct ramet_buf *ids)
{
	if (f->kind == RAMET_JSON_STRING)
		return add_id(line, f, bad_utf8, ids);
	ramet_buf_add_char(ids, (char)0xff);
	return 1;
}

static int pi_facts(struct ramet_bytes line, const struct rameti_found *found,
		    struct ramet_row *row, struct ramet_buf *ids, uint32_t *id_len,
		    uint32_t *parent_len)
{
	int bad_utf8 = !!(row->flags & RAMET_ROW_BAD_UTF8);
	const char *base;

	row->type = (uint8_t)name_of(line, &found[TYPE], ramet_entry_type_of, RAMET_ENTRY_OTHER,
				     ids);
	if (row->type == RAMET_ENTRY_HEADER)
		return 1;
	if (row->type == RAMET_ENTRY_MESSAGE)
		row->role = (uint8_t)name_of(line, &found[ROLE], ramet_role_of, RAMET_ROLE_NONE,
					     ids);
	row->time_ms = time_of(line, &found[TIMESTAMP]);
	if (found[ID].kind == RAMET_JSON_STRING) {
		*id_len = add_id(line, &found[ID], bad_utf8, ids);
		row->id_at = found[ID].at;
	} else {
		row->flags |= RAMET_ROW_NO_ID;
	}
	if (!is_falsy(line, &found[PARENT])) {
		*parent_len = add_parent(line, &found[PARENT], bad_utf8, ids);
		row->flags |= RAMET_ROW_HAS_PARENT;
	}
	if (ramet_buf_status(ids) < 0)
		return 0;
	base = ids->ptr ? ids->ptr + (ids->len - *id_len - *parent_len) : "";
	if (!(row->flags & RAMET_ROW_NO_ID))
		row->id_hash = rameti_id_hash((struct ramet_bytes){ base, *id_len });
	if (*parent_len)
		row->parent_hash =
			rameti_id_hash((struct ramet_bytes){ base + *id_len, *parent_len });
	return 0;
}

/* ---- header ---- */

/* The version as JavaScript compares it: missing and null are 1, what is no number is current. */
static double version_of(const struct ramet_json *v)
{
	struct ramet_json number;
	double x;

	switch (ramet_json_kind(v)) {
	case RAMET_JSON_NONE:
	case RAMET_JSON_NULL:
	case RAMET_JSON_TRUE:
		return 1;
	case RAMET_JSON_FALSE:
		return 0;
	case RAMET_JSON_NUMBER:
		return ramet_json_number(v);
	case RAMET_JSON_STRING:
		memset(&number, 0, sizeof(number));
		number.ptr = v->ptr + 1;
		number.len = v->len - 2;
		number.kind = RAMET_JSON_NUMBER;
		if (!number.len)
			return 0;
		if (strspn(number.ptr, "0123456789.") < number.len)
			return 3;
		x = ramet_json_number(&number);
		return x;
	default:
		return 3;
	}
}

/* Decoded text of a member, kept in header_text; its place is noted because the buffer may move. */
static void keep_text(struct rameti_reader *r, const struct ramet_json *v, size_t place[2],
		      int *have)
{
	*have = ramet_json_kind(v) == RAMET_JSON_STRING;
	place[0] = r->header_text.len;
	ramet_json_text(v, &r->header_text);
	place[1] = r->header_text.len - place[0];
}

static struct ramet_bytes kept(const struct rameti_reader *r, const size_t place[2], int have)
{
	struct ramet_bytes b = { NULL, 0 };

	if (have) {
		b.ptr = r->header_text.ptr ? r->header_text.ptr + place[0] : "";
		b.len = place[1];
	}
	return b;
}

static int keep_header(struct rameti_reader *r, struct ramet_bytes line, const struct ramet_json *o,
		       struct ramet_error *err)
{
	static const char *const keys[4] = { "id", "cwd", "timestamp", "parentSession" };
	static const char current[] = "3";
	struct ramet_json_edit edit = { KEY("version"), { current, 1 } };
	struct ramet_header *h = &r->header;
	size_t json[2], place[4][2];
	int i, have[4], e = 0;

	h->version = version_of(ramet_json_get(o, "version"));
	json[0] = r->header_text.len;
	if (h->version < 3)
		e = ramet_json_edit(&r->header_text, line, o, &edit, 1, err);
	else
		ramet_buf_add(&r->header_text, ramet_json_raw(o));
	json[1] = r->header_text.len - json[0];
	for (i = 0; i < 4; i++)
		keep_text(r, ramet_json_get(o, keys[i]), place[i], &have[i]);
	if (e < 0)
		return e;
	if (ramet_buf_status(&r->header_text) < 0)
		return rameti_fail_nomem(err);
	h->json = kept(r, json, 1);
	h->id = kept(r, place[0], have[0]);
	h->cwd = kept(r, place[1], have[1]);
	h->timestamp = kept(r, place[2], have[2]);
	h->parent_session = kept(r, place[3], have[3]);
	h->created_ms = rameti_entry_time(ramet_json_get(o, "timestamp"));
	return 0;
}

static int pi_header(struct rameti_reader *r, struct ramet_bytes line, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *root;
	int e = ramet_json_parse(&doc, line, 0, err);

	root = ramet_json_root(&doc);
	if (!e && ramet_json_kind(ramet_json_get(root, "id")) != RAMET_JSON_STRING)
		e = rameti_fail(err, RAMET_EFORMAT, "not a session: the header has no id");
	if (!e)
		e = keep_header(r, line, root, err);
	ramet_json_doc_release(&doc);
	return e;
}

static int pi_sniff(struct ramet_bytes head)
{
	static const char bom[] = "\xef\xbb\xbf";
	size_t at = head.len >= 3 && !memcmp(head.ptr, bom, 3) ? 3 : 0;

	for (; at < head.len; at++)
		if (head.ptr[at] == '{')
			return 1;
	return 0;
}

/* ---- entries of old versions ---- */

/* The row at this place of pi's list of parsed lines (the header is 0), or RAMET_NONE. */
static uint32_t listed_row(const struct rameti_reader *r, double index)
{
	uint32_t before = 0, row;

	if (!(index >= 0) || index != floor(index) || index >= 4294967295.0)
		return RAMET_NONE;
	/* listed[j] stands at place listed[j] + j */
	while (before < r->n_listed && (double)r->listed[before] + before < index)
		before++;
	if (before < r->n_listed && (double)r->listed[before] + before == index)
		return RAMET_NONE;
	row = (uint32_t)index - before;
	return row < ramet_tree_count(r->tree) ? row : RAMET_NONE;
}

static void add_quoted_id(const struct rameti_reader *r, uint32_t row, struct ramet_buf *b)
{
	ramet_buf_add_json_string(b, ramet_tree_id(r->tree, row));
}

struct migration {
	struct ramet_json_edit edits[4];
	size_t n;
	struct ramet_buf values;                 /* what the edits' values point into */
	size_t at[4];
};

static void migrate_value(struct migration *m, const char *key)
{
	m->edits[m->n].key = ramet_bytes_of(key);
	m->at[m->n++] = m->values.len;
}

static void migrate_v1(const struct rameti_reader *r, uint32_t row, const struct ramet_json *o,
		       struct migration *m)
{
	const struct ramet_row *facts = ramet_tree_row(r->tree, row);
	const struct ramet_json *index = ramet_json_get(o, "firstKeptEntryIndex");
	uint32_t kept_row;

	migrate_value(m, "id");
	add_quoted_id(r, row, &m->values);
	migrate_value(m, "parentId");
	if (facts->parent == RAMET_NONE)
		ramet_buf_add_str(&m->values, "null");
	else
		add_quoted_id(r, facts->parent, &m->values);
	if (facts->type != RAMET_ENTRY_COMPACTION || ramet_json_kind(index) != RAMET_JSON_NUMBER)
		return;
	kept_row = listed_row(r, ramet_json_number(index));
	/* an entry that lies later has no id yet when pi gets here: the member is then undefined */
	if (kept_row != RAMET_NONE && kept_row <= row) {
		migrate_value(m, "firstKeptEntryId");
		add_quoted_id(r, kept_row, &m->values);
	}
	migrate_value(m, "firstKeptEntryIndex");
	m->at[m->n - 1] = SIZE_MAX;
}

static int migrate_role(const struct ramet_json *o, struct migration *m, struct ramet_error *err)
{
	static const char custom[] = "\"custom\"";
	struct ramet_json_edit edit = { KEY("role"), { custom, sizeof(custom) - 1 } };
	const struct ramet_json *message = ramet_json_get(o, "message");

	if (!ramet_json_text_is(ramet_json_get(message, "role"), "hookMessage"))
		return 0;
	migrate_value(m, "message");
	return ramet_json_edit(&m->values, ramet_json_raw(message), message, &edit, 1, err);
}

static int apply(struct migration *m, struct ramet_bytes line, const struct ramet_json *o,
		 struct ramet_buf *scratch, struct ramet_error *err)
{
	size_t i, j, end;

	if (ramet_buf_status(&m->values) < 0)
		return rameti_fail_nomem(err);
	for (i = 0; i < m->n; i++) {
		if (m->at[i] == SIZE_MAX) {
			m->edits[i].value = (struct ramet_bytes){ NULL, 0 };
			continue;
		}
		for (end = m->values.len, j = m->n; j > i + 1; j--)
			if (m->at[j - 1] != SIZE_MAX)
				end = m->at[j - 1];
		m->edits[i].value =
			(struct ramet_bytes){ m->values.ptr + m->at[i], end - m->at[i] };
	}
	return ramet_json_edit(scratch, line, o, m->edits, m->n, err);
}

static int pi_entry(const struct rameti_reader *r, uint32_t row, struct ramet_bytes line,
		    struct ramet_buf *scratch, struct ramet_bytes *json, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct migration m;
	int e;

	if (r->header.version >= 3) {
		*json = line;
		return 0;
	}
	memset(&m, 0, sizeof(m));
	ramet_buf_init(&m.values, SIZE_MAX / 2);
	e = ramet_json_parse(&doc, line, 0, err);
	if (!e && r->header.version < 2)
		migrate_v1(r, row, ramet_json_root(&doc), &m);
	if (!e && ramet_tree_row(r->tree, row)->role == RAMET_ROLE_CUSTOM)
		e = migrate_role(ramet_json_root(&doc), &m, err);
	if (!e && m.n) {
		ramet_buf_reset(scratch);
		e = apply(&m, line, ramet_json_root(&doc), scratch, err);
		if (!e && ramet_buf_status(scratch) < 0)
			e = rameti_fail_nomem(err);
		line = ramet_buf_bytes(scratch);
	}
	if (!e)
		*json = line;
	ramet_buf_release(&m.values);
	ramet_json_doc_release(&doc);
	return e;
}

const struct rameti_codec rameti_codec_pi = {
	.name = "pi",
	.sniff = pi_sniff,
	.wants = wants,
	.n_wants = N_WANTS,
	.facts = pi_facts,
	.header = pi_header,
	.entry = pi_entry,
	.write_entry = rameti_pi_write_entry,
	.write_header = rameti_pi_write_header,
};
