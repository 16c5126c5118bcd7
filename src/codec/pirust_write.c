/*
 * codec/pirust_write.c - lines as pi_agent_rust writes them: its eight types, its member order.
 *
 * A root has no parentId. Whatever the original would skip is carried in a custom entry as text,
 * which it keeps; a message that it would skip stays a message (pirust_fit.c).
 */
#include "codec/pirust_priv.h"

#include "base/add.h"
#include "codec/span.h"

#include <string.h>

#define F RAMETI_PIRUST_FIELD
static const struct rameti_pirust_shape entries[] = {
	{ "message", { F("message", RAMETI_PIRUST_MESSAGE_OBJECT, 0) } },
	{ "model_change",
	  { F("provider", RAMETI_PIRUST_TEXT, 0), F("modelId", RAMETI_PIRUST_TEXT, 0) } },
	{ "thinking_level_change", { F("thinkingLevel", RAMETI_PIRUST_TEXT, 0) } },
	{ "compaction",
	  { F("summary", RAMETI_PIRUST_TEXT, 0),
	    F("firstKeptEntryId", RAMETI_PIRUST_TEXT, 0),
	    F("tokensBefore", RAMETI_PIRUST_U64, 0),
	    F("details", RAMETI_PIRUST_ANY, 1),
	    F("fromHook", RAMETI_PIRUST_BOOL, 1) } },
	{ "branch_summary",
	  { F("fromId", RAMETI_PIRUST_TEXT, 0),
	    F("summary", RAMETI_PIRUST_TEXT, 0),
	    F("details", RAMETI_PIRUST_ANY, 1),
	    F("fromHook", RAMETI_PIRUST_BOOL, 1) } },
	{ "label", { F("targetId", RAMETI_PIRUST_TEXT, 0), F("label", RAMETI_PIRUST_TEXT, 1) } },
	{ "session_info", { F("name", RAMETI_PIRUST_TEXT, 1) } },
	{ "custom",
	  { F("customType", RAMETI_PIRUST_TEXT, 0), F("data", RAMETI_PIRUST_ANY, 1) } },
};
#define N_ENTRIES (sizeof(entries) / sizeof(entries[0]))

/* One entry on its way out. */
struct writing {
	const struct rameti_draft *d;
	const struct ramet_json *entry; /* with its own members; others may stand there too */
	struct ramet_buf text; /* where entry is, when it had to be parsed */
	struct ramet_json_doc doc;
	const struct rameti_pirust_shape *shape;
};

static void add_place(const struct rameti_draft *d, const char *type, struct ramet_bytes time,
		      struct ramet_buf *out)
{
	ADD(out, "{\"type\":\"");
	ramet_buf_add_str(out, type);
	ADD(out, "\",\"id\":");
	ramet_buf_add_json_string(out, d->id);
	if (d->parent.ptr) {
		ADD(out, ",\"parentId\":");
		ramet_buf_add_json_string(out, d->parent);
	}
	ADD(out, ",\"timestamp\":");
	ramet_buf_add(out, time);
}

/* ---- as it is ---- */

/* A member that is not told as one of the shape's, nor by add_place. */
static int is_extra(const struct writing *w, const struct ramet_json *key)
{
	const struct rameti_pirust_field *f;

	for (f = w->shape->fields; f->key; f++)
		if (rameti_pirust_is_key(key, f))
			return 0;
	return w->entry != w->d->entry || !rameti_span_is_common(key);
}

static void add_extra(const struct writing *w, struct ramet_buf *out)
{
	const struct ramet_json *key, *end = w->entry + w->entry->span;

	for (key = w->entry + 1; key < end; key += 1 + key[1].span)
		if (is_extra(w, key))
			rameti_span_add_member(out, key);
}

/* The shape's members in its order, then the others as they stand. */
static void add_plain(const struct writing *w, struct ramet_buf *out)
{
	const struct ramet_json *key, *end = w->entry + w->entry->span;
	const struct rameti_pirust_field *f;

	add_place(w->d, w->shape->name, w->d->timestamp, out);
	for (f = w->shape->fields; f->key; f++)
		for (key = w->entry + 1; key < end; key += 1 + key[1].span)
			if (rameti_pirust_is_key(key, f))
				rameti_span_add_member(out, key);
	add_extra(w, out);
	ramet_buf_add_char(out, '}');
}

/* ---- said otherwise ---- */

static int add_fitted(const struct writing *w, struct ramet_buf *out)
{
	const struct ramet_json *message = ramet_json_get(w->entry, "message");
	size_t before = out->len;

	if (ramet_json_kind(message) != RAMET_JSON_OBJECT)
		return 1;
	add_place(w->d, "message", w->d->timestamp, out);
	ADD(out, ",\"message\":");
	if (!rameti_pirust_fit_message(message, out)) {
		add_extra(w, out);
		ramet_buf_add_char(out, '}');
		return 0;
	}
	ramet_buf_truncate(out, before);
	return 1;
}

static void add_carrier(const struct writing *w, int has_time, struct ramet_buf *out)
{
	static const char no_time[] = "\"1970-01-01T00:00:00.000Z\"";
	struct ramet_buf entry = RAMET_BUF_INIT(SIZE_MAX / 2), own = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_draft d = *w->d;

	if (!d.members.len && d.entry) {
		rameti_span_add_own_members(&own, d.entry);
		d.members = ramet_buf_bytes(&own);
	}
	rameti_pi_write_entry(&d, &entry, NULL);
	add_place(w->d, "custom", has_time ? w->d->timestamp : ramet_bytes_of(no_time), out);
	ADD(out, ",\"customType\":\"" RAMETI_PIRUST_ENTRY "\",\"data\":{\"entry\":");
	ramet_buf_add_json_string(out, ramet_buf_bytes(&entry));
	ADD(out, "}}");
	if (ramet_buf_status(&entry) < 0 || ramet_buf_status(&own) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_release(&entry);
	ramet_buf_release(&own);
}

/* ---- which way ---- */

static const struct rameti_pirust_shape *shape_of(struct ramet_bytes type)
{
	size_t i;

	for (i = 0; i < N_ENTRIES; i++)
		if (ramet_bytes_is(type, entries[i].name))
			return &entries[i];
	return NULL;
}

/* The members in an object, parsed. The entry serves when all of it is valid UTF-8. */
static int view_members(struct writing *w)
{
	struct ramet_bytes m = w->d->members;
	int e;

	if (w->d->entry && !(w->d->entry->flags & RAMET_JSON_BAD_UTF8)) {
		w->entry = w->d->entry;
		return 0;
	}
	if (m.len && *m.ptr == '{')
		ADD(&w->text, "{\"message\":");
	else
		ramet_buf_add_char(&w->text, '{');
	ramet_buf_add(&w->text, m);
	ramet_buf_add_char(&w->text, '}');
	if (ramet_buf_status(&w->text) < 0)
		return RAMET_ENOMEM;
	e = ramet_json_parse(&w->doc, ramet_buf_bytes(&w->text), 0, NULL);
	w->entry = ramet_json_root(&w->doc);
	return e;
}

/* A text that the original takes, or nothing at all of members that it looks for. */
static int is_time(struct ramet_bytes raw)
{
	return raw.len >= 2 && *raw.ptr == '"' && !memchr(raw.ptr, '\\', raw.len);
}

/* A custom entry that would be taken for a carrier. */
static int looks_carried(const struct writing *w)
{
	return !strcmp(w->shape->name, "custom") &&
	       ramet_json_text_is(ramet_json_get(w->entry, "customType"),
				  RAMETI_PIRUST_ENTRY);
}

int rameti_pirust_write_entry(const struct rameti_draft *d, struct ramet_buf *out,
			      struct rameti_found *found)
{
	struct writing w = { d, NULL, RAMET_BUF_INIT(SIZE_MAX / 2), RAMET_JSON_DOC_INIT, NULL };
	int has_time = is_time(d->timestamp), e = view_members(&w), tame;

	(void)found;
	w.shape = shape_of(d->type);
	tame = !e && w.shape && has_time &&
	       !(w.entry->flags & RAMET_JSON_BAD_UTF8) &&
	       rameti_pirust_tame(w.entry, w.entry == d->entry);
	if (e == RAMET_ENOMEM)
		out->status = RAMET_ENOMEM;
	else if (tame && rameti_pirust_fits(w.entry, w.shape->fields) &&
		 !looks_carried(&w))
		add_plain(&w, out);
	else if (!tame || w.shape != entries || add_fitted(&w, out))
		add_carrier(&w, has_time, out);
	ramet_buf_release(&w.text);
	ramet_json_doc_release(&w.doc);
	return 0;
}

/* Its members are what the original reads, in its order. */
int rameti_pirust_carry(struct rameti_encoder *e, const struct rameti_draft *d, int64_t ms,
			struct ramet_buf *scratch, struct ramet_buf *out)
{
	(void)e;
	(void)ms;
	(void)scratch;
	add_place(d, "custom", d->timestamp, out);
	ramet_buf_add_char(out, ',');
	rameti_draft_add_members(d, out);
	ADD(out, "}\n");
	return 0;
}

void rameti_pirust_write_header(const struct rameti_draft_header *h, struct ramet_buf *out)
{
	struct rameti_draft_header plain = *h;

	/* the original refuses a header without a working directory */
	if (!plain.cwd.len)
		plain.cwd = ramet_bytes_of("/");
	plain.parent_session.ptr = NULL;
	rameti_pi_write_header(&plain, out);
	if (!h->parent_session.ptr || !out->len)
		return;
	ramet_buf_truncate(out, out->len - 1);
	ADD(out, ",\"branchedFrom\":");
	ramet_buf_add_json_string(out, h->parent_session);
	ramet_buf_add_char(out, '}');
}
