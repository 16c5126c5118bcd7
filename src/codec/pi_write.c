/*
 * codec/pi_write.c - lines as pi writes them: its member order, no white space.
 *
 * Most entries begin with type, id, parentId and timestamp; custom entries and custom messages
 * carry their own members in between. See docs/format/pi.md.
 */
#include "codec/codec.h"

#include <string.h>

#include "base/add.h"
#include "base/clock.h"
#include "codec/pi_priv.h"

/* A value was just written: it began at `from`. */
static void note(struct rameti_found *f, const struct ramet_buf *out, size_t line, size_t from,
		 int kind)
{
	f->at = (uint32_t)(from - line);
	f->len = (uint32_t)(out->len - from);
	f->kind = (uint8_t)kind;
	f->seen = 1;
}

/* Behind its key. */
static void add_text(struct ramet_buf *out, size_t line, struct ramet_bytes text,
		     struct rameti_found *f)
{
	size_t from = out->len;

	ramet_buf_add_json_string(out, text);
	note(f, out, line, from, RAMET_JSON_STRING);
	if (f->len != text.len + 2)
		f->flags |= RAMET_JSON_HAS_ESCAPE;
}

static void add_place(const struct rameti_draft *d, struct ramet_buf *out, size_t line,
		      struct rameti_found *found)
{
	size_t from;

	ADD(out, ",\"id\":");
	add_text(out, line, d->id, &found[RAMETI_PI_ID]);
	ADD(out, ",\"parentId\":");
	if (d->parent.ptr)
		add_text(out, line, d->parent, &found[RAMETI_PI_PARENT]);
	else
		ADD(out, "null");
	if (!d->timestamp.len)
		return;
	ADD(out, ",\"timestamp\":");
	from = out->len;
	ramet_buf_add(out, d->timestamp);
	note(&found[RAMETI_PI_TIMESTAMP], out, line, from, RAMET_JSON_STRING);
}

void rameti_draft_add_members(const struct rameti_draft *d, struct ramet_buf *out)
{
	struct ramet_bytes before = d->members, behind = d->members;

	if (!d->insert.ptr) {
		ramet_buf_add(out, d->members);
		return;
	}
	before.len = d->insert_at;
	behind.ptr += d->insert_at;
	behind.len -= d->insert_at;
	ramet_buf_add(out, before);
	ramet_buf_add(out, d->insert);
	ramet_buf_add(out, behind);
}

/* The members of a message entry are {"message":{...}} and nothing else. */
static void add_members(const struct rameti_draft *d, struct ramet_buf *out, size_t line,
			struct rameti_found *found)
{
	static const char key[] = "\"message\":";
	size_t from, message;

	if (*d->members.ptr == '{')
		ADD(out, ",\"message\":");
	else
		ADD(out, ",");
	from = out->len;
	message = *d->members.ptr == '{' ? from : from + sizeof(key) - 1;
	rameti_draft_add_members(d, out);
	if (!d->role.len)
		return;
	note(&found[RAMETI_PI_MESSAGE], out, line, message, RAMET_JSON_OBJECT);
	found[RAMETI_PI_ROLE].at = (uint32_t)(from - line + (size_t)(d->role.ptr - d->members.ptr));
	found[RAMETI_PI_ROLE].len = (uint32_t)d->role.len;
	found[RAMETI_PI_ROLE].kind = RAMET_JSON_STRING;
	found[RAMETI_PI_ROLE].seen = 1;
	if (memchr(d->role.ptr, '\\', d->role.len))
		found[RAMETI_PI_ROLE].flags = RAMET_JSON_HAS_ESCAPE;
}

int rameti_pi_write_entry(const struct rameti_draft *d, struct ramet_buf *out,
			  struct rameti_found *found)
{
	int type = ramet_entry_type_of(d->type);
	int own_first = type == RAMET_ENTRY_CUSTOM || type == RAMET_ENTRY_CUSTOM_MESSAGE;
	struct rameti_found unused[RAMETI_PI_WANTS];
	size_t line = out->len;

	found = found ? found : unused;
	memset(found, 0, RAMETI_PI_WANTS * sizeof(*found));
	ADD(out, "{\"type\":");
	add_text(out, line, d->type, &found[RAMETI_PI_TYPE]);
	if (!own_first)
		add_place(d, out, line, found);
	if (d->members.len)
		add_members(d, out, line, found);
	if (own_first)
		add_place(d, out, line, found);
	ramet_buf_add_char(out, '}');
	return d->role.len > 0;
}

void rameti_pi_write_header(const struct rameti_draft_header *h, struct ramet_buf *out)
{
	char time[32];

	rameti_time_format(h->time_ms, time);
	ADD(out, "{\"type\":\"session\",\"version\":3,\"id\":");
	ramet_buf_add_json_string(out, h->id);
	ramet_buf_addf(out, ",\"timestamp\":\"%s\"", time);
	if (h->cwd.ptr) {
		ADD(out, ",\"cwd\":");
		ramet_buf_add_json_string(out, h->cwd);
	}
	if (h->parent_session.ptr) {
		ADD(out, ",\"parentSession\":");
		ramet_buf_add_json_string(out, h->parent_session);
	}
	ramet_buf_add_char(out, '}');
}
