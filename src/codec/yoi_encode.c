/*
 * codec/yoi_encode.c - pi's entries as yoi's records.
 *
 * A record has the members that yoi gives it, in its order, then one of ours that yoi passes over:
 * "ramet", a text. It holds the entry's id, or the whole entry where reading the record again would
 * not give it; further records of the same entry have it empty. What yoi has no record for goes
 * into one of its extension records. So nothing is lost, and yoi sees all it has a word for.
 * Refuses to write G0 and G3, which are read only.
 */
#include "codec/yoi_encode_priv.h"

#include <string.h>

#include "base/add.h"
#include "base/clock.h"
#include "base/error.h"

/* Longer records are read to see that they can be. */
#define RECORDS_USUAL ((size_t)1 << 28)

/* ---- resuming ---- */

static int resume_chain(struct rameti_encoder *e, struct ramet_bytes last, struct ramet_error *err)
{
	struct rameti_yoi_link link;
	int found = rameti_yoi_link_of(last, &link);

	if (!found && !ramet_json_parse(&e->doc, last, 0, NULL))
		found = rameti_yoi_link_loose(ramet_json_root(&e->doc), &link);
	if (!found)
		return rameti_fail(err, RAMET_EFORMAT,
				   "the last line has no hash that a new record could follow");
	memcpy(e->chain, link.hash, sizeof(e->chain));
	e->has_chain = 1;
	return 0;
}

/* r NULL: nothing is known but these lines, of which the last one is the file's last. */
int rameti_yoi_resume(struct rameti_encoder *e, const struct rameti_reader *r,
		      struct ramet_bytes last, struct ramet_error *err)
{
	uint32_t i, n = r ? ramet_tree_count(r->tree) : 0;
	const char *end;
	int gen = r ? rameti_yoi_reader_gen(r) : RAMETI_YOI_NONE;

	if (!last.ptr || !last.len)
		return 0;
	if (!gen)
		gen = rameti_yoi_sniff_gen(last);
	if (gen < 0)
		return rameti_fail_nomem(err);
	if (gen == RAMETI_YOI_G0 || gen == RAMETI_YOI_G3)
		return rameti_fail(err, RAMET_EVERSION,
				   "this generation of yoi's files is only read, not written");
	while (!r && (end = memchr(last.ptr, '\n', last.len))) {
		last.len -= (size_t)(end + 1 - last.ptr);
		last.ptr = end + 1;
	}
	e->dialect = gen ? gen : RAMETI_YOI_G2;
	for (i = 0; i < n; i++)
		e->count[RAMETI_YOI_ITEMS] +=
			ramet_tree_row(r->tree, i)->type == RAMET_ENTRY_MESSAGE;
	e->count[RAMETI_YOI_FLAGS] = RAMETI_YOI_HAS_ITEMS | RAMETI_YOI_HAS_PROMPT;
	return gen < RAMETI_YOI_BRIDGE ? resume_chain(e, last, err) : 0;
}

/* ---- is the record all there is to say? ---- */

/* An entry's own members, as they stand, one after the other. */
static void own_members(const struct ramet_json *entry, struct ramet_buf *out)
{
	static const char *const common[] = { "type", "id", "parentId", "timestamp", NULL };
	const struct ramet_json *key = NULL, *value;

	while ((key = ramet_json_next(entry, key)) != NULL) {
		value = ramet_json_next(entry, key);
		if (!rameti_yoi_is_one_of(key, common)) {
			if (out->len)
				ramet_buf_add_char(out, ',');
			rameti_json_add_compact(out, key);
			ramet_buf_add_char(out, ':');
			rameti_json_add_compact(out, value);
		}
		key = value;
	}
}

static int time_is_kept(const struct rameti_yoi_work *w)
{
	char iso[32];

	rameti_time_format((int64_t)w->ts, iso);
	return ramet_json_text_is(ramet_json_get(w->entry, "timestamp"), iso);
}

/* Has the entry what reading a record of this generation always brings? If not, it is another. */
static int may_read_back(const struct rameti_yoi_work *w)
{
	const struct ramet_json *m = ramet_json_get(w->entry, "message");
	const struct ramet_json *role = ramet_json_get(m, "role");

	if (ramet_json_text_is(role, "assistant"))
		return ramet_json_text_is(ramet_json_get(m, "api"), "yoi");
	if (ramet_json_text_is(role, "toolResult"))
		return ramet_json_text_is(ramet_json_get(m, "toolName"), "");
	if (ramet_json_text_is(role, "user") && w->gen >= RAMETI_YOI_G1C)
		return ramet_json_get(m, "yoi") != NULL;
	return 1;
}

/* Does reading the record give this entry, but for its id? */
static int reads_back(const struct rameti_yoi_work *w, struct ramet_bytes record)
{
	struct ramet_buf want = RAMET_BUF_INIT(SIZE_MAX / 2), got = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct rameti_yoi_record rec;
	struct rameti_yoi_piece piece;
	int same = 0;

	if (may_read_back(w) && time_is_kept(w) && !ramet_json_parse(&doc, record, 0, NULL)) {
		rameti_yoi_record_init(&rec, ramet_json_root(&doc));
		rec.hashed = w->gen < RAMETI_YOI_BRIDGE;
		if (rameti_yoi_record_next(&rec, &piece) &&
		    !rameti_yoi_add_members(&got, &rec, &piece, record, NULL) &&
		    !rameti_yoi_record_next(&rec, &piece)) {
			own_members(w->entry, &want);
			same = !ramet_buf_status(&want) &&
			       ramet_bytes_eq(ramet_buf_bytes(&want), ramet_buf_bytes(&got));
		}
	}
	ramet_json_doc_release(&doc);
	ramet_buf_release(&want);
	ramet_buf_release(&got);
	return same;
}

/* Texts of JSON inside a text: the whole entry, or its id alone. */
static void add_entry_text(struct ramet_buf *out, const struct ramet_json *entry, int id_only)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2), valid = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *id = ramet_json_get(entry, "id");
	struct ramet_bytes raw = ramet_json_raw(entry);

	if (!id_only && rameti_json_is_compact(entry) && !(entry->flags & RAMET_JSON_BAD_UTF8)) {
		rameti_json_add_valid(out, raw);
		return;
	}
	if (id_only) {
		ADD(&text, "{\"id\":");
		ramet_buf_add(&text, ramet_json_raw(id));
		ramet_buf_add_char(&text, '}');
	} else {
		rameti_json_add_compact(&text, entry);
	}
	rameti_utf8_add(&valid, ramet_buf_bytes(&text));
	if (ramet_buf_status(&text) < 0 || ramet_buf_status(&valid) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_add_json_string(out, ramet_buf_bytes(&valid));
	ramet_buf_release(&text);
	ramet_buf_release(&valid);
}

/* Would the original read all of them? It has no words for what it could not. ENOMEM. */
static int all_readable(const struct rameti_yoi_work *w)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_bytes left = ramet_buf_bytes(w->out), one;
	char why[160];
	int ok = 1;

	while (ok > 0 && left.len) {
		one.ptr = left.ptr;
		one.len = rameti_scan_newline(left);
		left.ptr += one.len + 1;
		left.len -= one.len + 1;
		ok = ramet_json_parse(&doc, one, RAMET_JSON_STRICT, NULL);
		ok = ok == RAMET_ENOMEM ? ok
		     : ok < 0		? 0
			      : !rameti_yoi_strict_record(ramet_json_root(&doc), w->gen, why,
							  sizeof(why));
	}
	ramet_json_doc_release(&doc);
	return ok;
}

static int is_readable(const struct rameti_yoi_work *w)
{
	return w->sure && w->out->len < RECORDS_USUAL ? 1 : all_readable(w);
}

static int has_id(const struct ramet_json *entry)
{
	return ramet_json_kind(ramet_json_get(entry, "id")) == RAMET_JSON_STRING;
}

/* A record with our member behind its own; it ends in its brace. */
static void add_ours(struct rameti_yoi_work *w, struct ramet_bytes record, uint32_t n, int whole,
		     struct ramet_buf *line)
{
	if (!n && !whole && !has_id(w->entry)) {
		ramet_buf_add(line, record);
		return;
	}
	record.len--;
	ramet_buf_add(line, record);
	ADD(line, ",\"" RAMETI_YOI_OURS "\":");
	if (n)
		ADD(line, "\"\"");
	else
		add_entry_text(line, w->entry, !whole);
	ramet_buf_add_char(line, '}');
}

static void put_carrier_begin(struct rameti_yoi_work *w)
{
	rameti_yoi_put_begin(w, "extension");
	rameti_yoi_put_raw(w, ",\"domain\":\"" RAMETI_YOI_CARRIER "\",\"payload\":{\"entry\":");
}

static void carry(struct rameti_yoi_work *w)
{
	ramet_buf_reset(w->out);
	w->n = 0;
	put_carrier_begin(w);
	add_entry_text(w->out, w->entry, 0);
	rameti_yoi_put_raw(w, "}");
	rameti_yoi_put_end(w);
}

/* One record of an entry as its line. */
static int write_line(struct rameti_yoi_work *w, struct ramet_bytes record, uint32_t n,
		      struct ramet_buf *line, struct ramet_buf *out)
{
	int whole = !n && (w->n > 1 || !reads_back(w, record));

	if (w->gen >= RAMETI_YOI_BRIDGE) {
		add_ours(w, record, n, whole, out);
		ramet_buf_add_char(out, '\n');
		return ramet_buf_status(out);
	}
	ramet_buf_reset(line);
	add_ours(w, record, n, whole, line);
	if (ramet_buf_status(line) < 0)
		return ramet_buf_status(line);
	return rameti_yoi_add_line(out, ramet_buf_bytes(line), w->gen, w->e->chain,
				   &w->e->has_chain);
}

static int write_lines(struct rameti_yoi_work *w, int carried, struct ramet_buf *out)
{
	struct ramet_bytes left = ramet_buf_bytes(w->out), record;
	struct ramet_buf line = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_encoder *e = w->e;
	uint32_t n;
	int r = 0;

	for (n = 0; !r && n < w->n; n++) {
		record.ptr = left.ptr;
		record.len = rameti_scan_newline(left);
		left.ptr += record.len + 1;
		left.len -= record.len + 1;
		r = carried ? rameti_yoi_add_line(out, record, w->gen, e->chain, &e->has_chain)
			    : write_line(w, record, n, &line, out);
	}
	ramet_buf_release(&line);
	return r;
}

/* The entry is found in its first record: as a whole, or by its id with what the record says. */
static void tell_made(const struct rameti_yoi_work *w, size_t written)
{
	struct ramet_bytes type = ramet_json_plain(ramet_json_get(w->entry, "type"));
	struct rameti_encoder *e = w->e;

	ramet_buf_reset(&e->entry_id);
	ramet_json_text(ramet_json_get(w->entry, "id"), &e->entry_id);
	if (w->gen >= RAMETI_YOI_BRIDGE && written < RECORDS_USUAL && type.len && type.len < 64 &&
	    ramet_entry_type_of(type) != RAMET_ENTRY_HEADER)
		e->made = 1;
}

static void work_init(struct rameti_yoi_work *w, struct rameti_encoder *e, int64_t ms)
{
	memset(w, 0, sizeof(*w));
	w->e = e;
	w->out = &e->text;
	w->gen = e->dialect ? e->dialect : RAMETI_YOI_G2;
	w->floats = rameti_yoi_floats_of(w->gen);
	w->ts = ms > 0 ? (uint64_t)ms : 0;
	ramet_buf_reset(w->out);
}

int rameti_yoi_encode(struct rameti_encoder *e, struct ramet_bytes entry, struct ramet_buf *out,
		      struct ramet_error *err)
{
	struct rameti_yoi_work w;
	size_t from = out->len;
	int r = ramet_json_parse(&e->doc, entry, 0, err);

	if (r < 0)
		return r;
	if (ramet_json_kind(ramet_json_root(&e->doc)) != RAMET_JSON_OBJECT)
		return rameti_fail(err, RAMET_EINVAL, "an entry is an object");
	work_init(&w, e, rameti_entry_time(ramet_json_get(ramet_json_root(&e->doc), "timestamp")));
	w.entry = ramet_json_root(&e->doc);
	rameti_yoi_put_records(&w);
	if (ramet_buf_status(w.out) < 0 || w.unsaid < 0)
		return rameti_fail_nomem(err);
	r = w.unsaid || !w.n ? 0 : is_readable(&w);
	if (r < 0)
		return rameti_fail_nomem(err);
	r = !r;
	if (r)
		carry(&w);
	if (ramet_buf_status(w.out) < 0 || write_lines(&w, r, out) < 0)
		return rameti_fail_nomem(err);
	tell_made(&w, out->len - from);
	if (ramet_buf_status(&e->entry_id) < 0)
		return rameti_fail_nomem(err);
	return r ? RAMETI_CARRIED : RAMETI_SAID;
}

/* A record with a hash hangs from the one before, and what the system says may be the prompt. */
int rameti_yoi_apart(struct rameti_encoder *e, struct ramet_bytes entry, struct ramet_buf *out,
		     struct rameti_apart *is)
{
	size_t from = out->len;
	const struct ramet_json *role;

	if ((e->dialect && e->dialect < RAMETI_YOI_BRIDGE) ||
	    !rameti_encoder_apart(e, entry, out, is))
		return 0;
	is->note = e->count[RAMETI_YOI_ITEMS] << 8 | e->count[RAMETI_YOI_FLAGS];
	role = ramet_json_get(ramet_json_get(ramet_json_root(&e->doc), "message"), "role");
	if (ramet_json_text_is(role, "user") || ramet_json_text_is(role, "assistant") ||
	    ramet_json_text_is(role, "toolResult"))
		return 1;
	ramet_buf_truncate(out, from);
	return 0;
}

void rameti_yoi_join(struct rameti_encoder *e, const struct rameti_apart *is)
{
	e->count[RAMETI_YOI_ITEMS] += is->note >> 8;
	e->count[RAMETI_YOI_FLAGS] |= is->note & 0xff;
}

/* The entry as a text, into which a part of it goes that is escaped already. */
static void add_entry_around(struct ramet_buf *out, const struct rameti_draft *d,
			     struct ramet_buf *scratch)
{
	static const char start[] = "{\"type\":\"custom\",";     /* the members come first */
	struct rameti_draft bare = *d;
	struct ramet_bytes before, behind;

	bare.insert.ptr = NULL;
	(void)rameti_pi_write_entry(&bare, scratch, NULL);
	if (ramet_buf_status(scratch) < 0)
		return;
	before.ptr = scratch->ptr;
	before.len = sizeof(start) - 1 + d->insert_at;
	behind.ptr = before.ptr + before.len;
	behind.len = scratch->len - before.len;
	ramet_buf_add_char(out, '"');
	rameti_json_add_inside(out, before);
	ramet_buf_add(out, d->insert);
	rameti_json_add_inside(out, behind);
	ramet_buf_add_char(out, '"');
}

int rameti_yoi_carry(struct rameti_encoder *e, const struct rameti_draft *d, int64_t ms,
		     struct ramet_buf *scratch, struct ramet_buf *out)
{
	struct rameti_yoi_work w;
	struct ramet_bytes record;

	work_init(&w, e, ms);
	if (w.gen >= RAMETI_YOI_BRIDGE)
		w.out = out; /* nothing stands before the record in its line */
	put_carrier_begin(&w);
	if (d->within_text) {
		add_entry_around(w.out, d, scratch);
	} else {
		(void)rameti_pi_write_entry(d, scratch, NULL);
		rameti_json_add_valid(w.out, ramet_buf_bytes(scratch));
	}
	rameti_yoi_put_raw(&w, "}");
	rameti_yoi_put_end(&w);
	record = ramet_buf_bytes(w.out);
	if (ramet_buf_status(w.out) < 0)
		return RAMET_ENOMEM;
	if (w.out == out)
		return 0;
	record.len--;
	return rameti_yoi_add_line(out, record, w.gen, e->chain, &e->has_chain);
}

/* ---- the first record ---- */

int rameti_yoi_start(struct rameti_encoder *e, const struct rameti_draft_header *h,
		     struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_buf header = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_yoi_work w;
	size_t end_at;
	int r;

	work_init(&w, e, h->time_ms);
	ramet_buf_reset(&e->id);
	ramet_buf_add(&e->id, h->id);
	rameti_yoi_put_start(&w, NULL, NULL, NULL);
	end_at = w.out->len >= 2 ? w.out->len - 2 : 0;
	ramet_buf_truncate(w.out, end_at);
	ADD(w.out, ",\"" RAMETI_YOI_OURS "\":");
	rameti_pi_write_header(h, &header);
	ramet_buf_add_json_string(w.out, ramet_buf_bytes(&header));
	ramet_buf_add_char(w.out, '}');
	r = ramet_buf_status(&header) < 0 || ramet_buf_status(w.out) < 0 ||
			    ramet_buf_status(&e->id) < 0
		    ? RAMET_ENOMEM
		    : rameti_yoi_add_line(out, ramet_buf_bytes(w.out), w.gen, e->chain,
					  &e->has_chain);
	ramet_buf_release(&header);
	return r < 0 ? rameti_fail_nomem(err) : 0;
}
