/*
 * codec/ggcode_quick.c - message records in the form their original writes them, told at a glance.
 *
 * The line is valid JSON already. It is compared with what Go's encoder writes for a message of
 * the user or the assistant: members in their order, filler as filler, blocks with members we know.
 * What differs in any way is left to the whole judgement (0), so nothing is decided here that would
 * be decided otherwise there. No value is decoded.
 */
#include "codec/ggcode_priv.h"

#include <stdio.h>
#include <string.h>

#include "codec/ggcode_cursor.h"

#define PARTS_MAX 32
#define ID_MAX 128

static int member(struct rameti_gg_cursor *c)
{
	if (AT(c, "\"text\":") || AT(c, "\"tool_name\":") || AT(c, "\"tool_id\":") ||
	    AT(c, "\"output\":") || AT(c, "\"reasoning_content\":") ||
	    AT(c, "\"thinking_signature\":") || AT(c, "\"thinking_data\":") ||
	    AT(c, "\"image_mime\":") || AT(c, "\"image_data\":"))
		return rameti_gg_any_string(c);
	if (AT(c, "\"input\":"))
		return rameti_gg_any(c);
	if (AT(c, "\"is_error\":") || AT(c, "\"cache\":"))
		return rameti_gg_truth(c);
	return 0;
}

static int block(struct rameti_gg_cursor *c, int *result)
{
	struct ramet_bytes type;

	if (!AT(c, "{\"type\":") || !rameti_gg_plain(c, &type))
		return 0;
	*result = ramet_bytes_is(type, "tool_result");
	while (AT(c, ","))
		if (!member(c))
			return 0;
	return AT(c, "}");
}

/* What entries the message makes. */
struct parts {
	uint8_t roles[PARTS_MAX];
	int n;
};

static int blocks(struct rameti_gg_cursor *c, int user, struct parts *parts)
{
	int result = 0, before = 1;

	while (!AT(c, "]")) {
		if (!block(c, &result))
			return 0;
		if (user && (result || before)) {
			if (parts->n == PARTS_MAX)
				return 0;
			parts->roles[parts->n++] = result ? RAMET_ROLE_TOOL_RESULT :
							    RAMET_ROLE_USER;
		}
		before = result;
		if (!AT(c, ",") && (c->p == c->end || *c->p != ']'))
			return 0;
	}
	return 1;
}

static int message(struct rameti_gg_cursor *c, struct ramet_bytes *id, struct parts *parts)
{
	int user;

	if (AT(c, "\"id\":") && (!rameti_gg_string(c, id) || !AT(c, ",")))
		return 0;
	if (AT(c, "\"role\":\"user\""))
		user = 1;
	else if (AT(c, "\"role\":\"assistant\""))
		user = 0;
	else
		return 0;
	if (!AT(c, ",\"content\":[") || !blocks(c, user, parts))
		return 0;
	while (AT(c, ","))
		if (!rameti_gg_foreign(c, rameti_gg_message_keys))
			return 0;
	if (!parts->n)
		parts->roles[parts->n++] = user ? RAMET_ROLE_USER : RAMET_ROLE_ASSISTANT;
	return AT(c, "}");
}

static int record(struct rameti_gg_cursor *c, struct ramet_bytes *id, int64_t *ms,
		  struct parts *parts)
{
	struct rameti_gg_time t;
	struct ramet_bytes time;

	if (!AT(c, "{\"type\":\"message\"") || !rameti_gg_filler(c))
		return 0;
	if (!AT(c, ",\"message\":{") || !message(c, id, parts))
		return 0;
	*ms = RAMET_TIME_NONE;
	if (AT(c, ",\"timestamp\":")) {
		if (!rameti_gg_string(c, &time) || !rameti_gg_time_parse(time, &t))
			return 0;
		*ms = rameti_gg_time_ms(&t);
	}
	return AT(c, "}") && c->p == c->end;
}

/* ---- entries that a record carries ---- */

/* Over an object from behind its brace to its end. None of its keys is one of names; but the last
 * of them may be there once, and is a text then: *text. */
static int others(struct rameti_gg_cursor *c, const char *const *names, struct ramet_bytes *text)
{
	struct ramet_bytes key;
	size_t i;

	do {
		if (!rameti_gg_plain(c, &key) || !AT(c, ":"))
			return 0;
		for (i = 0; names[i] && !ramet_bytes_is(key, names[i]); i++)
			;
		if (names[i] && (!text || text->ptr || names[i + 1]))
			return 0;
		if (names[i] ? !rameti_gg_plain(c, text) : !rameti_gg_any(c))
			return 0;
	} while (AT(c, ","));
	return AT(c, "}");
}

/* As rameti_carried_row tells it; the entry in the form pi writes. */
static int carried(struct rameti_gg_cursor *c, struct ramet_row *row, struct ramet_bytes *id)
{
	static const char *const common[] = { "type", "id", "timestamp", "message", NULL };
	static const char *const roles[] = { "role", NULL };
	struct ramet_json time = { .kind = RAMET_JSON_STRING, .span = 1 };
	struct ramet_bytes type, text, role = { NULL, 0 };

	if (!AT(c, "{\"type\":") || !rameti_gg_plain(c, &type) || !AT(c, ",\"id\":") ||
	    !rameti_gg_plain(c, id) || !AT(c, ",\"parentId\":") || !rameti_gg_any(c) ||
	    !AT(c, ",\"timestamp\":"))
		return 0;
	time.ptr = c->p;
	if (!rameti_gg_plain(c, &text))
		return 0;
	time.len = (uint32_t)(c->p - time.ptr);
	row->type = (uint8_t)ramet_entry_type_of(type);
	if (row->type == RAMET_ENTRY_HEADER)
		return 0;
	row->time_ms = rameti_entry_time(&time);
	if (row->type == RAMET_ENTRY_MESSAGE &&
	    (!AT(c, ",\"message\":{") || !others(c, roles, &role) || !role.ptr))
		return 0;
	if (role.ptr)
		row->role = (uint8_t)ramet_role_of(role);
	return AT(c, ",") ? others(c, common, NULL) : AT(c, "}");
}

static int carrier(struct rameti_batch *b, struct rameti_gg_cursor c)
{
	struct ramet_bytes time, id;
	struct rameti_gg_time t;
	struct ramet_row row;
	int e;

	memset(&row, 0, sizeof(row));
	if (!AT(&c, "{\"type\":\"" RAMETI_GG_CARRIER "\"") || !rameti_gg_filler(&c))
		return 0;
	if (AT(&c, ",\"timestamp\":") &&
	    (!rameti_gg_string(&c, &time) || !rameti_gg_time_parse(time, &t)))
		return 0;
	if (!AT(&c, ",\"entry\":") || !carried(&c, &row, &id) || !AT(&c, "}") || c.p != c.end)
		return 0;
	e = rameti_batch_piece(b, &row, id);
	return e < 0 ? e : 1;
}

int rameti_gg_quick(struct rameti_batch *b, struct ramet_bytes line)
{
	struct rameti_gg_cursor c = { line.ptr, line.ptr + line.len, 0 };
	struct ramet_bytes id = { NULL, 0 };
	struct parts parts;
	struct ramet_row row;
	char name[ID_MAX + 16];
	int i, e = 0;

	parts.n = 0;
	memset(&row, 0, sizeof(row));
	if (b->line_row.flags & RAMET_ROW_BAD_UTF8)
		return 0;
	e = carrier(b, c);
	if (e)
		return e;
	if (!record(&c, &id, &row.time_ms, &parts) || (id.len && memchr(id.ptr, '\\', id.len)) ||
	    (parts.n > 1 && id.len > ID_MAX))
		return 0;
	row.type = RAMET_ENTRY_MESSAGE;
	for (i = 0; !e && i < parts.n; i++) {
		struct ramet_bytes own = id;

		if (i && id.len) {
			own.len = (size_t)snprintf(name, sizeof(name), "%.*s--%d",
						   RAMET_FMT(id), i);
			own.ptr = name;
		}
		row.role = parts.roles[i];
		e = rameti_batch_piece(b, &row, own);
	}
	return e < 0 ? e : 1;
}
