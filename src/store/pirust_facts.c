/*
 * store/pirust_facts.c - what pi_agent_rust's own lists say about a session, from its lines.
 *
 * Its rules: every entry of type message counts, whatever its role; the last name that was given
 * stays, and an entry without one does not take it away; lines that do not parse are left out.
 */
#include "store/pirust_facts.h"

#include <string.h>

#include "base/error.h"

#define KEY(text) { text, sizeof(text) - 1 }

enum { TYPE, ID, TIMESTAMP, CWD, NAME, N };
static const struct rameti_want wants[N] = {
	[TYPE] = { -1, KEY("type") },
	[ID] = { -1, KEY("id") },
	[TIMESTAMP] = { -1, KEY("timestamp") },
	[CWD] = { -1, KEY("cwd") },
	[NAME] = { -1, KEY("name") },
};

int rameti_pirust_facts_init(struct rameti_pirust_facts *f, struct ramet_error *err)
{
	memset(f, 0, sizeof(*f));
	ramet_buf_init(&f->id, SIZE_MAX / 2);
	ramet_buf_init(&f->cwd, SIZE_MAX / 2);
	ramet_buf_init(&f->timestamp, SIZE_MAX / 2);
	ramet_buf_init(&f->name, SIZE_MAX / 2);
	ramet_buf_init(&f->entry_id, SIZE_MAX / 2);
	return rameti_scanner_new(&f->scanner, wants, N, 0, err);
}

void rameti_pirust_facts_release(struct rameti_pirust_facts *f)
{
	rameti_scanner_free(f->scanner);
	f->scanner = NULL;
	ramet_buf_release(&f->id);
	ramet_buf_release(&f->cwd);
	ramet_buf_release(&f->timestamp);
	ramet_buf_release(&f->name);
	ramet_buf_release(&f->entry_id);
}

void rameti_pirust_facts_begin(struct rameti_pirust_facts *f)
{
	ramet_buf_reset(&f->id);
	ramet_buf_reset(&f->cwd);
	ramet_buf_reset(&f->timestamp);
	ramet_buf_reset(&f->name);
	ramet_buf_reset(&f->entry_id);
	f->n_messages = 0;
	f->has_header = f->has_name = 0;
}

/* The raw value; empty if it is no text. */
static struct ramet_bytes text_of(struct ramet_bytes line, const struct rameti_found *f)
{
	struct ramet_bytes raw = { line.ptr + f->at, f->kind == RAMET_JSON_STRING ? f->len : 0 };

	return raw;
}

static int type_is(struct ramet_bytes line, const struct rameti_found *found, const char *type)
{
	struct ramet_bytes raw = text_of(line, &found[TYPE]);

	return raw.len && rameti_json_raw_is(raw, ramet_bytes_of(type));
}

static void decode(struct ramet_bytes line, const struct rameti_found *f, struct ramet_buf *out)
{
	struct ramet_bytes raw = text_of(line, f);

	ramet_buf_reset(out);
	if (raw.len)
		rameti_json_decode(raw, out);
}

int rameti_pirust_facts_header(struct rameti_pirust_facts *f, struct ramet_bytes line,
			       struct ramet_error *err)
{
	struct rameti_found found[N];
	struct rameti_line l;

	f->has_header = 0;
	if (rameti_scan_line(f->scanner, line, &l, found) < 0)
		return rameti_fail_nomem(err);
	if (l.kind != RAMETI_LINE_OBJECT || !type_is(line, found, "session") ||
	    found[ID].kind != RAMET_JSON_STRING)
		return 0;
	decode(line, &found[ID], &f->id);
	decode(line, &found[CWD], &f->cwd);
	decode(line, &found[TIMESTAMP], &f->timestamp);
	f->has_header = 1;
	if (ramet_buf_status(&f->id) < 0 || ramet_buf_status(&f->cwd) < 0 ||
	    ramet_buf_status(&f->timestamp) < 0)
		return rameti_fail_nomem(err);
	return 0;
}

int rameti_pirust_facts_line(struct rameti_pirust_facts *f, struct ramet_bytes line,
			     struct ramet_error *err)
{
	struct rameti_found found[N];
	struct rameti_line l;

	if (rameti_scan_line(f->scanner, line, &l, found) < 0)
		return rameti_fail_nomem(err);
	ramet_buf_reset(&f->entry_id);
	if (l.kind != RAMETI_LINE_OBJECT)
		return 0;
	ramet_buf_add(&f->entry_id, text_of(line, &found[ID]));
	f->n_messages += (uint64_t)type_is(line, found, "message");
	if (found[NAME].kind == RAMET_JSON_STRING && type_is(line, found, "session_info")) {
		decode(line, &found[NAME], &f->name);
		f->has_name = 1;
	}
	return ramet_buf_status(&f->entry_id) < 0 || ramet_buf_status(&f->name) < 0 ?
		       rameti_fail_nomem(err) : 0;
}
