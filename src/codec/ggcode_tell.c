/*
 * codec/ggcode_tell.c - messages in the form pi writes them, told as ggcode's without being parsed.
 *
 * The entry is known to be valid JSON. What ggcode_message.c makes of the parsed message is made of
 * its text: blocks of pi's with no members but their own, each at most once, nothing between the
 * parts of a value, and beside them members that mean nothing to ggcode's decoder. All else is left
 * to ggcode_message.c (0).
 */
#include "codec/ggcode_priv.h"

#include <string.h>

#include "base/add.h"
#include "base/clock.h"
#include "codec/ggcode_cursor.h"

#define TIME_LEN_MAX 30u

/* Members of blocks and of tool results. */
enum { TEXT, THOUGHT, SIGNATURE, ID, NAME, INPUT, DATA, MIME, N_MEMBERS };
#define BIT(member) (1u << (member))

struct parts {
	struct ramet_bytes of[N_MEMBERS];
	unsigned has; /* bits of those that are there */
};

/* A string that is not empty, as Go writes it. */
static void add_string(struct ramet_buf *out, const char *front, size_t front_len,
		       struct ramet_bytes raw)
{
	struct ramet_json v = {
		.ptr = raw.ptr, .len = (uint32_t)raw.len, .span = 1, .kind = RAMET_JSON_STRING
	};

	if (raw.len <= 2)
		return;
	if (memchr(raw.ptr, '\\', raw.len))
		v.flags |= RAMET_JSON_HAS_ESCAPE;
	rameti_add_literal(out, front, front_len);
	rameti_gg_add_string(out, &v);
}
#define ADD_STRING(out, key, p, member)                                                            \
	do {                                                                                       \
		if ((p)->has & BIT(member))                                                        \
			add_string(out, ",\"" key "\":", sizeof(",\"" key "\":") - 1,              \
				   (p)->of[member]);                                               \
	} while (0)

static int keep(struct rameti_gg_cursor *c, struct parts *p, int member)
{
	const char *from = c->p;

	if (p->has & BIT(member) ||
	    (member == INPUT ? c->p == c->end || *c->p != '{' || !rameti_gg_any(c)
			     : !rameti_gg_any_string(c)))
		return 0;
	p->has |= BIT(member);
	p->of[member] = (struct ramet_bytes){ from, (size_t)(c->p - from) };
	return 1;
}

/* ---- blocks ---- */

static int read_block(struct rameti_gg_cursor *c, struct ramet_bytes *type, struct parts *p)
{
	int ok = 1;

	p->has = 0;
	if (!AT(c, "{\"type\":") || !rameti_gg_plain(c, type))
		return 0;
	while (ok && AT(c, ",")) {
		if (AT(c, "\"text\":"))
			ok = keep(c, p, TEXT);
		else if (AT(c, "\"thinking\":"))
			ok = keep(c, p, THOUGHT);
		else if (AT(c, "\"thinkingSignature\":"))
			ok = keep(c, p, SIGNATURE);
		else if (AT(c, "\"id\":"))
			ok = keep(c, p, ID);
		else if (AT(c, "\"name\":"))
			ok = keep(c, p, NAME);
		else if (AT(c, "\"arguments\":"))
			ok = keep(c, p, INPUT);
		else if (AT(c, "\"data\":"))
			ok = keep(c, p, DATA);
		else
			ok = AT(c, "\"mimeType\":") && keep(c, p, MIME);
	}
	return ok && AT(c, "}");
}

static int add_block(struct ramet_buf *out, struct ramet_bytes type, const struct parts *p)
{
	unsigned own;

	if (ramet_bytes_is(type, "text")) {
		own = BIT(TEXT);
		ADD(out, "{\"type\":\"text\"");
		ADD_STRING(out, "text", p, TEXT);
	} else if (ramet_bytes_is(type, "thinking")) {
		own = BIT(THOUGHT) | BIT(SIGNATURE);
		ADD(out, "{\"type\":\"thinking\"");
		ADD_STRING(out, "reasoning_content", p, THOUGHT);
		ADD_STRING(out, "thinking_signature", p, SIGNATURE);
	} else if (ramet_bytes_is(type, "toolCall")) {
		own = BIT(ID) | BIT(NAME) | BIT(INPUT);
		ADD(out, "{\"type\":\"tool_use\"");
		ADD_STRING(out, "tool_name", p, NAME);
		ADD_STRING(out, "tool_id", p, ID);
		if (p->has & BIT(INPUT)) {
			ADD(out, ",\"input\":");
			ramet_buf_add(out, p->of[INPUT]);
		}
	} else if (ramet_bytes_is(type, "image")) {
		own = BIT(DATA) | BIT(MIME);
		ADD(out, "{\"type\":\"image\"");
		ADD_STRING(out, "image_mime", p, MIME);
		ADD_STRING(out, "image_data", p, DATA);
	} else {
		return 0;
	}
	ADD(out, "}");
	return !(p->has & ~own);
}

/* ---- messages ---- */

struct message {
	struct ramet_buf *out, *rest; /* rest: members behind the content */
	int has_content;
	/* of a tool result; TEXT: its output */
	struct parts parts;
	int is_wrong;
};

/* The only block there is, a text that is not empty. */
static int read_output(struct rameti_gg_cursor *c, struct parts *p)
{
	return AT(c, "[{\"type\":\"text\",\"text\":") && keep(c, p, TEXT) && AT(c, "}]") &&
	       p->of[TEXT].len > 2;
}

static int add_content(struct rameti_gg_cursor *c, struct ramet_buf *out)
{
	struct ramet_bytes type;
	struct parts p = { .has = 0 };

	ADD(out, ",\"content\":[");
	if (c->p < c->end && *c->p == '"') {
		if (!keep(c, &p, TEXT))
			return 0;
		(void)add_block(out, ramet_bytes_of("text"), &p);
		ADD(out, "]");
		return 1;
	}
	if (!AT(c, "["))
		return 0;
	do {
		if (!read_block(c, &type, &p) || !add_block(out, type, &p))
			return 0;
		if (c->p < c->end && *c->p == ',')
			ADD(out, ",");
	} while (AT(c, ","));
	ADD(out, "]");
	return AT(c, "]");
}

/* One of pi's that ggcode has no place for. */
static int add_other(struct rameti_gg_cursor *c, struct message *m, const char *const *names)
{
	const char *from = c->p;
	struct rameti_gg_cursor value = *c;
	struct ramet_bytes api;

	/* what ggcode's own messages have beside them was made when they were read */
	if (AT(&value, "\"api\":") &&
	    (!rameti_gg_plain(&value, &api) || ramet_bytes_is(api, RAMETI_GG_API)))
		return 0;
	if (!rameti_gg_foreign(c, names))
		return 0;
	ramet_buf_add_char(m->rest, ',');
	ramet_buf_add(m->rest, (struct ramet_bytes){ from, (size_t)(c->p - from) });
	return 1;
}

static int read_talk(struct rameti_gg_cursor *c, struct message *m)
{
	static const char *const names[] = { "id", "role", "content", "timestamp", NULL };

	if (AT(c, "\"timestamp\":"))
		return rameti_gg_any(c);
	if (!AT(c, "\"content\":"))
		return add_other(c, m, names);
	return !m->has_content++ && add_content(c, m->out);
}

static int read_result(struct rameti_gg_cursor *c, struct message *m)
{
	/* those of the block that it stands in, too */
	static const char *const names[] = { "role",	  "content",	"type",
					     "text",	  "image_mime", "image_data",
					     "tool_name", "tool_id",	"input",
					     "output",	  "is_error",	"images",
					     "cache",	  "reasoning_content",
					     "thinking_signature", "thinking_data", NULL };

	if (AT(c, "\"toolCallId\":"))
		return keep(c, &m->parts, ID);
	if (AT(c, "\"toolName\":"))
		return keep(c, &m->parts, NAME);
	if (AT(c, "\"content\":"))
		return read_output(c, &m->parts);
	if (AT(c, "\"isError\":")) {
		m->is_wrong = AT(c, "true");
		return m->is_wrong || AT(c, "false");
	}
	return AT(c, "\"timestamp\":") ? rameti_gg_any(c) : add_other(c, m, names);
}

static void add_result(struct message *m)
{
	struct ramet_buf *out = m->out;

	ADD(out, ",\"content\":[{\"type\":\"tool_result\"");
	ADD_STRING(out, "tool_name", &m->parts, NAME);
	ADD_STRING(out, "tool_id", &m->parts, ID);
	ADD_STRING(out, "output", &m->parts, TEXT);
	if (m->is_wrong)
		ADD(out, ",\"is_error\":true");
}

static int read_members(struct rameti_gg_cursor *c, struct message *m, int result)
{
	while (AT(c, ","))
		if (!(result ? read_result(c, m) : read_talk(c, m)))
			return 0;
	if (!AT(c, "}") || !(result ? (int)(m->parts.has & BIT(TEXT)) : m->has_content))
		return 0;
	if (result)
		add_result(m);
	ramet_buf_add(m->out, ramet_buf_bytes(m->rest));
	if (result)
		ADD(m->out, "}]");
	ADD(m->out, "}");
	return 1;
}

/* From behind its brace to its end. */
static int add_message(struct rameti_gg_cursor *c, struct ramet_bytes id, struct ramet_buf *out,
		       struct ramet_buf *rest)
{
	struct message m = { .out = out, .rest = rest };
	int result = 0;

	ADD(out, "{");
	rameti_gg_add_id(out, id);
	if (AT(c, "\"role\":\"assistant\"")) {
		ADD(out, "\"role\":\"assistant\"");
	} else {
		result = AT(c, "\"role\":\"toolResult\"");
		if (!result && !AT(c, "\"role\":\"user\""))
			return 0;
		ADD(out, "\"role\":\"user\"");
	}
	return read_members(c, &m, result);
}

int rameti_gg_tell(struct ramet_bytes entry, struct ramet_bytes *id, int64_t *ms,
		   struct ramet_buf *message, struct ramet_buf *rest)
{
	struct rameti_gg_cursor c = { entry.ptr, entry.ptr + entry.len, 0 };
	struct ramet_bytes time;

	if (!AT(&c, "{\"type\":\"message\",\"id\":") || !rameti_gg_plain(&c, id) ||
	    !AT(&c, ",\"parentId\":") || !rameti_gg_any(&c) || !AT(&c, ",\"timestamp\":") ||
	    !rameti_gg_plain(&c, &time) || time.len > TIME_LEN_MAX || !AT(&c, ",\"message\":{"))
		return 0;
	*ms = rameti_time_parse(time);
	return *ms != RAMET_TIME_NONE && rameti_utf8_valid(entry) &&
	       add_message(&c, *id, message, rest) && AT(&c, "}") && c.p == c.end && !c.loose;
}
