/*
 * codec/ggcode_glance.c - entries of message records in the form their original writes them.
 *
 * What ggcode_show.c makes of a parsed record is made of its text, value by value as it stands
 * there. Only what needs no look at the rest of the record is done: blocks of the usual types with
 * no members but their own, each at most once, nothing between the parts of a value. All else is
 * left to ggcode_show.c (0), and so is what was added to the buffer by then.
 */
#include "codec/ggcode_priv.h"

#include <string.h>

#include "base/add.h"
#include "codec/ggcode_cursor.h"

/* Members of blocks. */
enum { TEXT, MIME, DATA, NAME, ID, INPUT, OUTPUT, ERROR, THOUGHT, SIGNATURE, HIDDEN, N_MEMBERS };
#define BIT(member) (1u << (member))

struct block {
	struct ramet_bytes type, of[N_MEMBERS];
	unsigned has; /* bits of those that are there */
};

static int read_member(struct rameti_gg_cursor *c, struct block *b)
{
	const char *from;
	int i, ok;

	if (AT(c, "\"text\":"))
		i = TEXT;
	else if (AT(c, "\"tool_name\":"))
		i = NAME;
	else if (AT(c, "\"tool_id\":"))
		i = ID;
	else if (AT(c, "\"input\":"))
		i = INPUT;
	else if (AT(c, "\"output\":"))
		i = OUTPUT;
	else if (AT(c, "\"is_error\":"))
		i = ERROR;
	else if (AT(c, "\"reasoning_content\":"))
		i = THOUGHT;
	else if (AT(c, "\"thinking_signature\":"))
		i = SIGNATURE;
	else if (AT(c, "\"thinking_data\":"))
		i = HIDDEN;
	else if (AT(c, "\"image_mime\":"))
		i = MIME;
	else if (AT(c, "\"image_data\":"))
		i = DATA;
	else
		return 0;
	from = c->p;
	if (i == INPUT)
		ok = !AT(c, "null") && rameti_gg_any(c);
	else
		ok = i == ERROR ? rameti_gg_truth(c) : rameti_gg_any_string(c);
	if (!ok || b->has & BIT(i))
		return 0;
	b->has |= BIT(i);
	b->of[i] = (struct ramet_bytes){ from, (size_t)(c->p - from) };
	return 1;
}

static int read_block(struct rameti_gg_cursor *c, struct block *b)
{
	b->has = 0;
	if (!AT(c, "{\"type\":") || !rameti_gg_plain(c, &b->type))
		return 0;
	while (AT(c, ","))
		if (!read_member(c, b))
			return 0;
	return AT(c, "}");
}

/* ---- showing ---- */

static void add(struct ramet_buf *out, const struct block *b, int member)
{
	if (b->has & BIT(member))
		ramet_buf_add(out, b->of[member]);
	else
		ADD(out, "\"\"");
}

static int has_only(const struct block *b, unsigned members)
{
	return !(b->has & ~members);
}

static int show_call(struct ramet_buf *out, const struct block *b)
{
	ADD(out, "{\"type\":\"toolCall\",\"id\":");
	add(out, b, ID);
	ADD(out, ",\"name\":");
	add(out, b, NAME);
	ADD(out, ",\"arguments\":");
	if (b->has & BIT(INPUT))
		ramet_buf_add(out, b->of[INPUT]);
	else
		ADD(out, "{}");
	ADD(out, "}");
	return has_only(b, BIT(ID) | BIT(NAME) | BIT(INPUT));
}

static int show_thought(struct ramet_buf *out, const struct block *b, int sign)
{
	ADD(out, "{\"type\":\"thinking\",\"thinking\":");
	add(out, b, THOUGHT);
	if (b->has & BIT(sign)) {
		ADD(out, ",\"thinkingSignature\":");
		ramet_buf_add(out, b->of[sign]);
	}
	if (sign == HIDDEN)
		ADD(out, ",\"redacted\":true");
	ADD(out, "}");
	return has_only(b, BIT(THOUGHT) | BIT(sign));
}

static int show_block(struct ramet_buf *out, const struct block *b)
{
	if (ramet_bytes_is(b->type, "text")) {
		ADD(out, "{\"type\":\"text\",\"text\":");
		add(out, b, TEXT);
		ADD(out, "}");
		return has_only(b, BIT(TEXT));
	}
	if (ramet_bytes_is(b->type, "tool_use"))
		return show_call(out, b);
	if (ramet_bytes_is(b->type, "thinking"))
		return show_thought(out, b, SIGNATURE);
	if (ramet_bytes_is(b->type, "redacted_thinking"))
		return show_thought(out, b, HIDDEN);
	if (!ramet_bytes_is(b->type, "image"))
		return 0;
	ADD(out, "{\"type\":\"image\",\"data\":");
	add(out, b, DATA);
	ADD(out, ",\"mimeType\":");
	add(out, b, MIME);
	ADD(out, "}");
	return has_only(b, BIT(DATA) | BIT(MIME));
}

static int show_result(struct ramet_buf *out, const struct block *b)
{
	ADD(out, "{\"role\":\"toolResult\",\"toolCallId\":");
	add(out, b, ID);
	ADD(out, ",\"toolName\":");
	add(out, b, NAME);
	ADD(out, ",\"content\":[");
	if (b->has & BIT(OUTPUT) && b->of[OUTPUT].len > 2) {
		ADD(out, "{\"type\":\"text\",\"text\":");
		ramet_buf_add(out, b->of[OUTPUT]);
		ADD(out, "}");
	}
	ADD(out, "],\"isError\":");
	if (b->has & BIT(ERROR))
		ramet_buf_add(out, b->of[ERROR]);
	else
		ADD(out, "false");
	return has_only(b, BIT(ID) | BIT(NAME) | BIT(OUTPUT) | BIT(ERROR));
}

/* ---- messages ---- */

/* What is made of a message: all of an assistant's, one of the parts of a user's. */
struct telling {
	struct ramet_buf *out;
	uint32_t part;
	int user;
	int calls; /* a block calls a tool */
	int open; /* its content is not closed yet */
};

static int tell_block(struct telling *t, const struct block *b)
{
	if (t->open)
		ADD(t->out, ",");
	else if (t->user)
		ADD(t->out, "{\"role\":\"user\",\"content\":[");
	else
		ADD(t->out, "{\"role\":\"assistant\",\"content\":[");
	t->open = 1;
	return show_block(t->out, b);
}

/* From behind the list's bracket to its end. A user's tool results are parts of their own, and so
 * is what stands between them. */
static int tell_blocks(struct rameti_gg_cursor *c, struct telling *t)
{
	int result, before = 1;
	uint32_t next = 0; /* the part behind the one that is read */
	struct block b;

	do {
		if (!read_block(c, &b))
			return 0;
		result = t->user && ramet_bytes_is(b.type, "tool_result");
		t->calls |= ramet_bytes_is(b.type, "tool_use");
		next += result || before;
		before = result;
		if (next == t->part + 1 && !(result ? show_result(t->out, &b) : tell_block(t, &b)))
			return 0;
	} while (AT(c, ","));
	if (t->open)
		ADD(t->out, "]");
	return next > t->part && AT(c, "]");
}

/* The members behind the content, none of which means anything to ggcode. tells_api: one of them is
 * pi's api. */
static int rest_of(struct rameti_gg_cursor *c, struct ramet_bytes *rest, int *tells_api)
{
	static const char *const names[] = { "id", "role", "content", "timestamp", NULL };
	struct rameti_gg_cursor key;

	rest->ptr = c->p;
	while (AT(c, ",")) {
		key = *c;
		*tells_api |= AT(&key, "\"api\":");
		if (!rameti_gg_foreign(c, names))
			return 0;
	}
	rest->len = (size_t)(c->p - rest->ptr);
	return AT(c, "}");
}

/* From behind its brace to its end. */
static int tell_message(struct rameti_gg_cursor *c, struct telling *t,
			const struct rameti_reader *r)
{
	struct ramet_bytes rest;
	int tells_api = 0;

	if (AT(c, "\"id\":") && (!rameti_gg_any_string(c) || !AT(c, ",")))
		return 0;
	t->user = AT(c, "\"role\":\"user\"");
	if ((!t->user && !AT(c, "\"role\":\"assistant\"")) || !AT(c, ",\"content\":[") ||
	    !tell_blocks(c, t) || !rest_of(c, &rest, &tells_api))
		return 0;
	if (!t->user && !tells_api)
		rameti_gg_show_made(t->out, ramet_buf_bytes(&r->kept), t->calls);
	if (!t->part)
		ramet_buf_add(t->out, rest);
	return 1;
}

int rameti_gg_glance(const struct rameti_reader *r, uint32_t row, struct ramet_bytes line,
		     struct ramet_buf *out)
{
	const struct ramet_row *is = ramet_tree_row(r->tree, row);
	struct rameti_gg_cursor c = { line.ptr, line.ptr + line.len, 0 };
	struct telling t = { .out = out };

	if (is->type != RAMET_ENTRY_MESSAGE || is->flags & RAMET_ROW_BAD_UTF8 ||
	    !AT(&c, "{\"type\":\"message\"") || !rameti_gg_filler(&c) || !AT(&c, ",\"message\":{"))
		return 0;
	t.part = rameti_reader_piece(r, row);
	rameti_piece_begin(r, row, "message", out);
	ADD(out, ",\"message\":");
	if (!tell_message(&c, &t, r) || (AT(&c, ",\"timestamp\":") && !rameti_gg_any_string(&c)) ||
	    !AT(&c, "}") || c.p != c.end || c.loose)
		return 0;
	rameti_gg_show_end(out, is->time_ms);
	ADD(out, "}");
	return 1;
}
