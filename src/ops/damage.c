/*
 * ops/damage.c - looks at every line of a session file and plans what has to go and to come.
 *
 * Entries are never changed, only what stands around them. Lines that read as they are stay,
 * odd as they may be: blank lines, other headers, orphans, invalid UTF-8 inside a text. What is
 * dropped is whole lines, or the parts of a line that are no object. Damage at the end, NUL
 * bytes, glued values and lines that ramet itself gave up (they begin with #) need no leave;
 * anything else does. In files of other systems' records, what is a record, and whether one at the
 * end counts without its newline, is for the codec to say; they have no header to be made.
 */
#include "ops/damage_priv.h"

#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/lines.h"
#include "base/mem.h"

#define ACTIONS_MAX (1u << 24)

enum { TYPE, ID, PARENT, TIMESTAMP, MESSAGE, ROLE, N_WANTS };
#define KEY(text) { text, sizeof(text) - 1 }
static const struct rameti_want wants[N_WANTS] = {
	[TYPE] = { -1, KEY("type") },		[ID] = { -1, KEY("id") },
	[PARENT] = { -1, KEY("parentId") },
	[TIMESTAMP] = { -1, KEY("timestamp") }, [MESSAGE] = { -1, KEY("message") },
	[ROLE] = { MESSAGE, KEY("role") },
};

int rameti_plan_add(struct rameti_plan *p, int kind, const char *code, int salvage, uint64_t offset,
		    uint64_t length)
{
	struct ramet_repair_action a = { .kind = (uint8_t)kind, .salvage = (uint8_t)salvage,
					 .code = code, .line = p->line, .offset = offset,
					 .length = length };
	int r = rameti_grow((void **)&p->actions, &p->cap, p->n, sizeof(a), ACTIONS_MAX);

	if (r < 0)
		return r;
	p->actions[p->n++] = a;
	p->n_salvage += (uint32_t)!!salvage;
	p->n_lost += kind == RAMET_REPAIR_DROP ? length : 0;
	return 0;
}

static int drop(struct rameti_plan *p, const char *code, int salvage, uint64_t offset,
		uint64_t length)
{
	return rameti_plan_add(p, RAMET_REPAIR_DROP, code, salvage, offset, length);
}

static int text_is(struct ramet_bytes line, const struct rameti_found *f, const char *text)
{
	struct ramet_bytes raw = { line.ptr + f->at, f->len };

	return f->kind == RAMET_JSON_STRING && rameti_json_raw_is(raw, ramet_bytes_of(text));
}

/* Of a type that pi has, or linked as entries are: what tells a session from any other JSON. */
static int is_entry(struct ramet_bytes line, const struct rameti_found *found)
{
	struct ramet_buf type = RAMET_BUF_INIT(256);
	struct ramet_bytes raw = { line.ptr + found[TYPE].at, found[TYPE].len };
	int known;

	if (found[TYPE].kind != RAMET_JSON_STRING)
		return 0;
	rameti_json_decode(raw, &type);
	known = ramet_entry_type_of(ramet_buf_bytes(&type)) != RAMET_ENTRY_OTHER;
	ramet_buf_release(&type);
	return known || (found[ID].kind == RAMET_JSON_STRING &&
			 found[PARENT].kind != RAMET_JSON_NONE);
}

static void note_entry(struct rameti_plan *p, struct ramet_bytes line,
		       const struct rameti_found *found)
{
	struct ramet_buf text = RAMET_BUF_INIT(256);
	struct ramet_bytes raw = { line.ptr + found[TIMESTAMP].at, found[TIMESTAMP].len };

	p->n_records += is_entry(line, found);
	p->has_ids |= found[ID].kind == RAMET_JSON_STRING;
	p->has_hooks |= text_is(line, &found[ROLE], "hookMessage");
	if (p->first_ms != RAMET_TIME_NONE || found[TIMESTAMP].kind != RAMET_JSON_STRING)
		return;
	rameti_json_decode(raw, &text);
	p->first_ms = rameti_time_parse(ramet_buf_bytes(&text));
	ramet_buf_release(&text);
}

/* Does this object make a record of a format with pieces? What it makes is of no interest. */
static int see_record(struct rameti_plan *p, struct ramet_bytes object, uint64_t offset,
		      int terminated, const struct rameti_found *found, int *stays)
{
	struct rameti_batch *b = &p->batch;
	int r;

	rameti_batch_reset(b);
	memset(&b->line_row, 0, sizeof(b->line_row));
	b->line_row.offset = offset;
	b->line_row.length = (uint32_t)object.len;
	b->line_first = 0;
	b->line_terminated = (uint8_t)!!terminated;
	r = p->codec->pieces(b, object, found);
	*stays = !r;
	p->n_records += !r;
	return r < 0 ? r : 0;
}

int rameti_plan_see(struct rameti_plan *p, struct ramet_bytes object, uint64_t offset,
		    int terminated, int *stays)
{
	struct rameti_found found[RAMETI_SCAN_WANTS_MAX];
	struct rameti_line l;

	*stays = 1;
	if (rameti_scan_line(p->scanner, object, &l, found) < 0)
		return RAMET_ENOMEM;
	if (p->codec->pieces)
		return see_record(p, object, offset, terminated, found, stays);
	if (!text_is(object, &found[TYPE], "session")) {
		note_entry(p, object, found);
		if (p->header_state == RAMETI_HEADER_NONE)
			p->header_state = RAMETI_HEADER_LATE;
	} else if (p->header_state == RAMETI_HEADER_NONE) {
		*stays = found[ID].kind == RAMET_JSON_STRING;
		p->n_records += *stays;
		if (*stays)
			p->header_state = RAMETI_HEADER_GOOD;
	}
	return 0;
}

int rameti_plan_reject(struct rameti_plan *p, uint64_t offset, uint64_t length, int terminated)
{
	if (!p->codec->pieces)
		return drop(p, "no-header", 1, offset, length);
	p->tail_cut |= !terminated;
	return drop(p, terminated ? "malformed" : "torn-tail", terminated, offset, length);
}

static int see_line(struct rameti_plan *p, const struct rameti_lines_item *item,
		    struct ramet_bytes text, uint64_t offset)
{
	struct rameti_found found[RAMETI_SCAN_WANTS_MAX];
	uint64_t whole = text.len + (item->terminated ? 1 : 0);
	struct rameti_line l;
	int stays, r = rameti_scan_line(p->scanner, text, &l, found);

	if (r < 0 || l.kind == RAMETI_LINE_BLANK)
		return r;
	if (l.kind == RAMETI_LINE_VALUE)
		return drop(p, "malformed", item->terminated, offset, whole);
	if (l.kind == RAMETI_LINE_BAD) {
		p->tail_cut |= !item->terminated;
		if (text.ptr[0] == '#')
			return drop(p, "malformed", 0, offset, whole);
		return rameti_plan_part(p, text, offset, item->terminated);
	}
	r = rameti_plan_see(p, text, offset, item->terminated, &stays);
	if (!r && !stays)
		return rameti_plan_reject(p, offset, whole, item->terminated);
	if (!r && !item->terminated)
		r = rameti_plan_add(p, RAMET_REPAIR_NEWLINE, "no-newline", 0, offset + text.len, 0);
	return r;
}

static int see_item(struct rameti_plan *p, const struct rameti_lines_item *item)
{
	struct ramet_bytes text = item->text;
	uint64_t offset = item->offset;
	int r = 0;

	p->line++;
	if (item->too_long)
		return drop(p, "malformed", 1, offset, item->len + (item->terminated ? 1 : 0));
	if (!offset && text.len >= 3 && !memcmp(text.ptr, "\xef\xbb\xbf", 3)) {
		r = drop(p, "bom", 0, 0, 3);
		text.ptr += 3;
		text.len -= 3;
		offset = 3;
	}
	return r < 0 || !text.len ? r : see_line(p, item, text, offset);
}

/* A header has to be made: that comes first. */
static int ask_for_header(struct rameti_plan *p)
{
	struct ramet_repair_action first;
	int r;

	p->line = 1;
	r = rameti_plan_add(p, RAMET_REPAIR_HEADER, "no-header", 1, 0, 0);
	if (r < 0)
		return r;
	first = p->actions[p->n - 1];
	memmove(p->actions + 1, p->actions, (p->n - 1) * sizeof(first));
	p->actions[0] = first;
	return 0;
}

static int look(struct rameti_plan *p, struct rameti_lines *lines, struct ramet_error *err)
{
	struct rameti_lines_item item;
	int r;

	while ((r = rameti_lines_next(lines, &item, err)) > 0) {
		r = see_item(p, &item);
		if (r < 0)
			break;
		p->size = item.offset + item.len + (item.terminated ? 1 : 0);
	}
	if (!r && p->header_state != RAMETI_HEADER_GOOD)
		r = ask_for_header(p);
	if (r == RAMET_ELIMIT)
		return rameti_fail(err, r, "too much damage to make a plan for it");
	return r == RAMET_ENOMEM ? rameti_fail_nomem(err) : r;
}

int rameti_plan_make(struct rameti_plan *p, const struct rameti_codec *codec,
		     const struct rameti_file *f, uint64_t size, size_t max_line,
		     struct ramet_error *err)
{
	struct rameti_lines lines;
	int r;

	memset(p, 0, sizeof(*p));
	rameti_batch_init(&p->batch);
	p->codec = codec;
	p->header_state = codec->pieces ? RAMETI_HEADER_GOOD : RAMETI_HEADER_NONE;
	ramet_buf_init(&p->header, 1u << 20);
	p->first_ms = RAMET_TIME_NONE;
	r = rameti_scanner_new(&p->scanner, codec->pieces ? codec->wants : wants,
			       codec->pieces ? codec->n_wants : N_WANTS, 0, err);
	if (r < 0)
		return r;
	r = rameti_lines_open(&lines, f, 0, size, max_line, err);
	if (r < 0)
		return r;
	r = look(p, &lines, err);
	rameti_lines_close(&lines);
	return r;
}

void rameti_plan_release(struct rameti_plan *p)
{
	rameti_scanner_free(p->scanner);
	p->scanner = NULL;
	ramet_free(p->actions);
	p->actions = NULL;
	p->n = p->cap = 0;
	rameti_batch_release(&p->batch);
	ramet_buf_release(&p->header);
}

/* ---- a header ---- */

/* The id in pi's file names, TIME_ID.jsonl; else what stands before .jsonl; else a new one. */
static int add_id(struct ramet_buf *out, const char *path, struct ramet_error *err)
{
	struct ramet_bytes name = ramet_bytes_of(rameti_path_base(path)), id;
	struct rameti_uuid7 fresh = { 0, 0, 0 };
	const char *line;
	char uuid[37];
	int r;

	if (name.len > 6 && !memcmp(name.ptr + name.len - 6, ".jsonl", 6))
		name.len -= 6;
	line = name.len ? memchr(name.ptr, '_', name.len) : NULL;
	id = name;
	if (line && line > name.ptr && name.ptr[0] >= '0' && name.ptr[0] <= '9') {
		id.ptr = line + 1;
		id.len = name.len - (size_t)(line + 1 - name.ptr);
	}
	if (!ramet_session_id_valid(id)) {
		r = rameti_uuid7(&fresh, NULL, uuid, err);
		if (r < 0)
			return r;
		id = ramet_bytes_of(uuid);
	}
	ramet_buf_add_json_string(out, id);
	return 0;
}

int rameti_plan_header(struct rameti_plan *p, const char *path, int64_t mtime_ms,
		       struct ramet_error *err)
{
	struct ramet_buf *out = &p->header;
	char time[32];
	int r;

	if (p->header_state == RAMETI_HEADER_GOOD)
		return 0;
	ramet_buf_add_str(out, "{\"type\":\"session\"");
	if (p->has_ids || p->header_state == RAMETI_HEADER_NONE)
		ramet_buf_addf(out, ",\"version\":%d", p->has_hooks ? 2 : 3);
	ramet_buf_add_str(out, ",\"id\":");
	r = add_id(out, path, err);
	if (r < 0)
		return r;
	rameti_time_format(p->first_ms != RAMET_TIME_NONE ? p->first_ms : mtime_ms, time);
	ramet_buf_addf(out, ",\"timestamp\":\"%s\"}", time);
	return ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}
