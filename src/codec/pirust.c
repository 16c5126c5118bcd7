/*
 * codec/pirust.c - the session format of pi_agent_rust: pi's lines in its own dialect.
 *
 * See docs/format/pirust.md. Reading is pi's, with a few members more; entries that its types
 * cannot say are carried in custom entries and handed out as they were. Unknown members stay where
 * they are. Writing is pirust_write.c.
 */
#include "codec/pirust_priv.h"

#include <string.h>
#include "base/error.h"
#include "codec/carry.h"

#define KEY(text) { text, sizeof(text) - 1 }
#define SNIFF_LINES 16

static const struct rameti_want wants[RAMETI_PIRUST_WANTS] = {
	[RAMETI_PI_TYPE] = { -1, KEY("type") },
	[RAMETI_PI_ID] = { -1, KEY("id") },
	[RAMETI_PI_PARENT] = { -1, KEY("parentId") },
	[RAMETI_PI_TIMESTAMP] = { -1, KEY("timestamp") },
	[RAMETI_PI_MESSAGE] = { -1, KEY("message") },
	[RAMETI_PI_ROLE] = { RAMETI_PI_MESSAGE, KEY("role") },
	[RAMETI_PIRUST_CUSTOM_TYPE] = { -1, KEY("customType") },
};

/* ---- is it one? ---- */

static int has_own_member(const struct ramet_json *header)
{
	static const char *const own[] = { "branchedFrom",	"leafId",
					   "provider",		"modelId",
					   "thinkingLevel",	"fallbackProvider",
					   "fallbackModelId",	"fallbackThinkingLevel" };
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (ramet_json_get(header, own[i]))
			return 1;
	return 0;
}

static int is_header(const struct ramet_json *o)
{
	return ramet_json_text_is(ramet_json_get(o, "type"), "session") &&
	       ramet_json_number(ramet_json_get(o, "version")) == 3;
}

/* An entry that this dialect does not have, or that only pi writes so. */
static int is_pis(const struct ramet_json *o)
{
	const struct ramet_json *type = ramet_json_get(o, "type"),
				*parent = ramet_json_get(o, "parentId");

	return ramet_json_text_is(type, "custom_message") || ramet_json_text_is(type, "usage") ||
	       ramet_json_text_is(type, "context_edit") ||
	       ramet_json_kind(parent) == RAMET_JSON_NULL;
}

/* The start of an entry whose end is not there: a root as this dialect writes it? */
static int starts_like_root(struct ramet_bytes text)
{
	static const char start[] = "{\"type\":\"", time[] = "\",\"timestamp\":\"";
	const char *end = memmem(text.ptr, text.len < 512 ? text.len : 512, time, sizeof(time) - 1);
	size_t len = end ? (size_t)(end - text.ptr) : 0;

	return len > sizeof(start) && !memcmp(text.ptr, start, sizeof(start) - 1) &&
	       memmem(text.ptr, len, "\"id\":\"", 6) && !memmem(text.ptr, len, "\"parentId\"", 10);
}

/* What the lines behind the header say: 1 this dialect's, -1 pi's, 0 nothing. The first entry of
 * pi's has a parentId, so that its files are known at once. */
static int judge(struct ramet_json_doc *doc, struct ramet_bytes text, int own)
{
	struct ramet_bytes line;
	const struct ramet_json *o;
	int n, found = 0;

	for (n = 0; n < SNIFF_LINES && text.len; n++) {
		line.ptr = text.ptr;
		line.len = rameti_scan_newline(text);
		if (line.len == text.len)
			return found ? found : starts_like_root(line);
		text.ptr += line.len + 1;
		text.len -= line.len + 1;
		if (!line.len || ramet_json_parse(doc, line, 0, NULL) < 0)
			continue;
		o = ramet_json_root(doc);
		if (is_pis(o))
			return -1;
		if (ramet_json_get(o, "id") && !ramet_json_get(o, "parentId"))
			found = 1;
		if (!found && !own)
			return -1;
	}
	return found;
}

static int pirust_sniff(struct ramet_bytes head)
{
	static const char start[] = "{\"type\":\"session\"";
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_bytes line = head;
	int own, said = -1;

	/* as the original writes it; whatever stands otherwise is doubtful, and pi's then */
	if (head.len < sizeof(start) - 1 || memcmp(head.ptr, start, sizeof(start) - 1))
		return 0;
	line.len = rameti_scan_newline(head);
	if (!ramet_json_parse(&doc, line, 0, NULL) && is_header(ramet_json_root(&doc))) {
		own = has_own_member(ramet_json_root(&doc));
		if (line.len < head.len)
			line.len++;
		head.ptr += line.len;
		head.len -= line.len;
		said = judge(&doc, head, own);
		said = said ? said : own;
	}
	ramet_json_doc_release(&doc);
	return said > 0;
}

/* ---- entries that are carried ---- */

/* The carried entry of a custom one, decoded into text and parsed; NULL: it carries none. */
static const struct ramet_json *carried(const struct ramet_json *o, struct ramet_buf *text,
					struct ramet_json_doc *doc)
{
	const struct ramet_json *entry =
		ramet_json_get(ramet_json_get(o, "data"), "entry");

	if (ramet_json_kind(entry) != RAMET_JSON_STRING ||
	    !ramet_json_text_is(ramet_json_get(o, "customType"), RAMETI_PIRUST_ENTRY))
		return NULL;
	ramet_json_text(entry, text);
	if (ramet_buf_status(text) < 0)
		return NULL;
	switch (ramet_json_parse(doc, ramet_buf_bytes(text), 0, NULL)) {
	case 0:
		break;
	case RAMET_ENOMEM:
		text->status = RAMET_ENOMEM;
		/* fall through */
	default:
		return NULL;
	}
	entry = ramet_json_root(doc);
	if (ramet_json_text_is(ramet_json_get(entry, "type"), "session"))
		return NULL;
	return ramet_json_kind(entry) == RAMET_JSON_OBJECT ? entry : NULL;
}

/* Type, role and time of the entry that a line carries, if it does. */
static void carried_facts(struct ramet_bytes line, struct ramet_row *row, struct ramet_buf *ids)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT, inner = RAMET_JSON_DOC_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX),
			 id = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX);
	const struct ramet_json *entry = NULL;
	struct ramet_row facts = *row;
	int e = ramet_json_parse(&doc, line, 0, NULL);

	if (!e)
		entry = carried(ramet_json_root(&doc), &text, &inner);
	if (entry && !rameti_carried_row(entry, &facts, &id))
		*row = facts;
	if (e == RAMET_ENOMEM || ramet_buf_status(&text) == RAMET_ENOMEM)
		ids->status = RAMET_ENOMEM;
	ramet_buf_release(&text);
	ramet_buf_release(&id);
	ramet_json_doc_release(&doc);
	ramet_json_doc_release(&inner);
}

static int pirust_facts(struct ramet_bytes line, const struct rameti_found *found,
			struct ramet_row *row, struct ramet_buf *ids, uint32_t *id_len,
			uint32_t *parent_len)
{
	static const char name[] = "\"" RAMETI_PIRUST_ENTRY "\"";
	const struct rameti_found *f = &found[RAMETI_PIRUST_CUSTOM_TYPE];

	if (rameti_codec_pi.facts(line, found, row, ids, id_len, parent_len))
		return 1;
	if (row->type == RAMET_ENTRY_CUSTOM && f->kind == RAMET_JSON_STRING &&
	    f->len == sizeof(name) - 1 && !memcmp(line.ptr + f->at, name, f->len))
		carried_facts(line, row, ids);
	return 0;
}

/* The carried entry, with id and parent as the line has them. */
static int unpack_entry(const struct ramet_json *o, const struct ramet_json *entry,
			struct ramet_buf *out, struct ramet_error *err)
{
	const struct ramet_json *id = ramet_json_get(o, "id"),
				*parent = ramet_json_get(o, "parentId");
	struct ramet_json_edit edits[2] = { { KEY("id"), { NULL, 0 } },
					    { KEY("parentId"), KEY("null") } };

	if (id)
		edits[0].value = ramet_json_raw(id);
	if (parent)
		edits[1].value = ramet_json_raw(parent);
	return ramet_json_edit(out, ramet_json_raw(entry), entry, edits, 2, err);
}

/* The line with the message that was meant. */
static int unpack_message(struct ramet_bytes line, const struct ramet_json *o,
			  struct ramet_bytes message, struct ramet_buf *out,
			  struct ramet_error *err)
{
	struct ramet_json_edit edit = { KEY("message"), message };

	return ramet_json_edit(out, line, o, &edit, 1, err);
}

/* What the line says, if it says it by another one: 1 and *out is filled, 0 it does not. */
static int unpack(struct ramet_bytes line, struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT, inner = RAMET_JSON_DOC_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX);
	const struct ramet_json *o, *entry, *meant;
	int r = ramet_json_parse(&doc, line, 0, err);

	o = ramet_json_root(&doc);
	entry = r < 0 ? NULL : carried(o, &text, &inner);
	meant = ramet_json_get(ramet_json_get(o, "message"), RAMETI_PIRUST_MESSAGE);
	ramet_buf_reset(out);
	if (entry) {
		r = unpack_entry(o, entry, out, err);
		r = r < 0 ? r : 1;
	} else if (!r && ramet_json_kind(meant) == RAMET_JSON_STRING) {
		ramet_json_text(meant, &text);
		r = ramet_json_parse(&inner, ramet_buf_bytes(&text), 0, NULL);
		if (!r && ramet_json_kind(ramet_json_root(&inner)) == RAMET_JSON_OBJECT)
			r = unpack_message(line, o, ramet_buf_bytes(&text), out, err) < 0 ?
				    RAMET_ENOMEM :
				    1;
		r = r == RAMET_ENOMEM || r > 0 ? r : 0;
	}
	if (ramet_buf_status(&text) < 0 || ramet_buf_status(out) < 0 || r == RAMET_ENOMEM)
		r = rameti_fail_nomem(err);
	ramet_buf_release(&text);
	ramet_json_doc_release(&doc);
	ramet_json_doc_release(&inner);
	return r;
}

/* Is there a name of ours in it? A dot is what is rare in it. */
static int names_ours(struct ramet_bytes line)
{
	static const char mark[] = "\"ramet";
	const size_t len = sizeof(mark) - 1;
	const char *p = line.ptr, *end = line.ptr + line.len;

	while ((p = memchr(p, '.', (size_t)(end - p))) != NULL) {
		if ((size_t)(p - line.ptr) >= len && !memcmp(p - len, mark, len))
			return 1;
		p++;
	}
	return 0;
}

static int pirust_entry(const struct rameti_reader *r, uint32_t row, struct ramet_bytes line,
			struct ramet_buf *scratch, struct ramet_bytes *json,
			struct ramet_error *err)
{
	int e;

	if (!names_ours(line))
		return rameti_codec_pi.entry(r, row, line, scratch, json, err);
	e = unpack(line, scratch, err);
	if (e < 0)
		return e;
	if (!e)
		return rameti_codec_pi.entry(r, row, line, scratch, json, err);
	*json = ramet_buf_bytes(scratch);
	return 0;
}

/* ---- header ---- */

/* Texts at the end of header_text, which may move then: what points into it goes along. */
static int add_header_text(struct rameti_reader *r, const struct ramet_json *v,
			   struct ramet_bytes *to, struct ramet_error *err)
{
	struct ramet_header *h = &r->header;
	struct ramet_bytes *const texts[] = { &h->json, &h->id, &h->cwd, &h->timestamp };
	const char *old = r->header_text.ptr;
	size_t i, at[4], from = r->header_text.len;

	for (i = 0; i < 4; i++)
		at[i] = texts[i]->ptr ? (size_t)(texts[i]->ptr - old) : 0;
	ramet_json_text(v, &r->header_text);
	if (ramet_buf_status(&r->header_text) < 0)
		return rameti_fail_nomem(err);
	for (i = 0; i < 4; i++)
		if (texts[i]->ptr)
			texts[i]->ptr = r->header_text.ptr + at[i];
	to->ptr = r->header_text.ptr + from;
	to->len = r->header_text.len - from;
	return 0;
}

static int pirust_header(struct rameti_reader *r, struct ramet_bytes line, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *o, *from, *leaf;
	int e = rameti_codec_pi.header(r, line, err);

	if (e < 0)
		return e;
	e = ramet_json_parse(&doc, line, 0, err);
	o = ramet_json_root(&doc);
	from = ramet_json_get(o, "branchedFrom");
	leaf = ramet_json_get(o, "leafId");
	if (!e && ramet_json_kind(from) == RAMET_JSON_STRING)
		e = add_header_text(r, from, &r->header.parent_session, err);
	if (!e && ramet_json_kind(leaf) == RAMET_JSON_STRING) {
		ramet_buf_reset(&r->leaf_id);
		ramet_json_text(leaf, &r->leaf_id);
		r->has_leaf_id = 1;
		if (ramet_buf_status(&r->leaf_id) < 0)
			e = rameti_fail_nomem(err);
	}
	ramet_json_doc_release(&doc);
	return e;
}

const struct rameti_codec rameti_codec_pirust = {
	.name = "pirust",
	.sniff = pirust_sniff,
	.wants = wants,
	.n_wants = RAMETI_PIRUST_WANTS,
	.facts = pirust_facts,
	.header = pirust_header,
	.entry = pirust_entry,
	.from_entry = 1,
	.write_entry = rameti_pirust_write_entry,
	.carry = rameti_pirust_carry,
	.write_header = rameti_pirust_write_header,
};
