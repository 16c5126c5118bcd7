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

#define PARTS_MAX 32
#define ID_MAX 128
#define DEPTH_MAX 1000 /* with what stands around it, far from the decoder's limit */

struct cursor {
	const char *p, *end;
};

static int at(struct cursor *c, const char *text, size_t n)
{
	if ((size_t)(c->end - c->p) < n || memcmp(c->p, text, n) != 0)
		return 0;
	c->p += n;
	return 1;
}
#define AT(c, text) at(c, text, sizeof(text) - 1)

/* Over a string; its inside. */
static int string(struct cursor *c, struct ramet_bytes *inside)
{
	const char *from = c->p + 1, *q;

	if (c->p >= c->end || *c->p != '"')
		return 0;
	for (q = from; (q = memchr(q, '"', (size_t)(c->end - q))) != NULL; q++) {
		const char *back = q;

		while (back > from && back[-1] == '\\')
			back--;
		if (!((q - back) & 1))
			break;
	}
	if (!q)
		return 0;
	*inside = (struct ramet_bytes){ from, (size_t)(q - from) };
	c->p = q + 1;
	return 1;
}

static int any_string(struct cursor *c)
{
	struct ramet_bytes unused;

	return string(c, &unused);
}

/* Over a value of any kind. */
static int any(struct cursor *c)
{
	int depth = 0;

	while (c->p < c->end) {
		if (*c->p == '"') {
			if (!any_string(c))
				return 0;
		} else if (*c->p == '{' || *c->p == '[') {
			if (++depth > DEPTH_MAX)
				return 0;
			c->p++;
		} else if (*c->p == '}' || *c->p == ']') {
			if (!depth--)
				return 1;            /* of the object around it */
			c->p++;
		} else if (!depth && *c->p == ',') {
			return 1;
		} else {
			c->p++;
		}
	}
	return 0;
}

static int member(struct cursor *c)
{
	if (AT(c, "\"text\":") || AT(c, "\"tool_name\":") || AT(c, "\"tool_id\":") ||
	    AT(c, "\"output\":") || AT(c, "\"reasoning_content\":") ||
	    AT(c, "\"thinking_signature\":") || AT(c, "\"thinking_data\":") ||
	    AT(c, "\"image_mime\":") || AT(c, "\"image_data\":"))
		return any_string(c);
	if (AT(c, "\"input\":"))
		return any(c);
	if (AT(c, "\"is_error\":") || AT(c, "\"cache\":"))
		return AT(c, "true") || AT(c, "false");
	return 0;
}

static int block(struct cursor *c, int *result)
{
	struct ramet_bytes type;

	if (!AT(c, "{\"type\":") || !string(c, &type) || memchr(type.ptr, '\\', type.len))
		return 0;
	*result = ramet_bytes_is(type, "tool_result");
	while (AT(c, ","))
		if (!member(c))
			return 0;
	return AT(c, "}");
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* A member that Go passes over: its key is none of those it looks for. */
static int foreign_member(struct cursor *c)
{
	static const char *const known[] = { "id", "role", "content" };
	struct ramet_bytes key;
	size_t i, k;

	if (!string(c, &key))
		return 0;
	for (i = 0; i < key.len; i++)
		if (key.ptr[i] == '\\' || (unsigned char)key.ptr[i] >= 0x80)
			return 0;
	for (k = 0; k < 3; k++) {
		if (strlen(known[k]) != key.len)
			continue;
		for (i = 0; i < key.len && lower(key.ptr[i]) == known[k][i]; i++)
			;
		if (i == key.len)
			return 0;
	}
	return AT(c, ":") && any(c);
}

/* What entries the message makes. */
struct parts {
	uint8_t roles[PARTS_MAX];
	int n;
};

static int blocks(struct cursor *c, int user, struct parts *parts)
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

static int message(struct cursor *c, struct ramet_bytes *id, struct parts *parts)
{
	int user;

	if (AT(c, "\"id\":") && (!string(c, id) || !AT(c, ",")))
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
		if (!foreign_member(c))
			return 0;
	if (!parts->n)
		parts->roles[parts->n++] = user ? RAMET_ROLE_USER : RAMET_ROLE_ASSISTANT;
	return AT(c, "}");
}

/* What stands between a record's type and what it is about. */
static int filler(struct cursor *c)
{
	if (AT(c, ",\"session_id\":") && !any_string(c))
		return 0;
	(void)AT(c, ",\"token_usage\":{\"input_tokens\":0,\"output_tokens\":0,"
		    "\"cache_read_tokens\":0,\"cache_write_tokens\":0}");
	(void)AT(c, ",\"created_at\":\"0001-01-01T00:00:00Z\","
		    "\"updated_at\":\"0001-01-01T00:00:00Z\"");
	return 1;
}

static int record(struct cursor *c, struct ramet_bytes *id, int64_t *ms, struct parts *parts)
{
	struct rameti_gg_time t;
	struct ramet_bytes time;

	if (!AT(c, "{\"type\":\"message\"") || !filler(c))
		return 0;
	if (!AT(c, ",\"message\":{") || !message(c, id, parts))
		return 0;
	*ms = RAMET_TIME_NONE;
	if (AT(c, ",\"timestamp\":")) {
		if (!string(c, &time) || !rameti_gg_time_parse(time, &t))
			return 0;
		*ms = rameti_gg_time_ms(&t);
	}
	return AT(c, "}") && c->p == c->end;
}

/* ---- entries that a record carries ---- */

static int plain_string(struct cursor *c, struct ramet_bytes *inside)
{
	return string(c, inside) && !memchr(inside->ptr, '\\', inside->len);
}

/* Over an object from behind its brace to its end. None of its keys is one of names; but the last
 * of them may be there once, and is a text then: *text. */
static int others(struct cursor *c, const char *const *names, struct ramet_bytes *text)
{
	struct ramet_bytes key;
	size_t i;

	do {
		if (!plain_string(c, &key) || !AT(c, ":"))
			return 0;
		for (i = 0; names[i] && !ramet_bytes_is(key, names[i]); i++)
			;
		if (names[i] && (!text || text->ptr || names[i + 1]))
			return 0;
		if (names[i] ? !plain_string(c, text) : !any(c))
			return 0;
	} while (AT(c, ","));
	return AT(c, "}");
}

/* As rameti_carried_row tells it; the entry in the form pi writes. */
static int carried(struct cursor *c, struct ramet_row *row, struct ramet_bytes *id)
{
	static const char *const common[] = { "type", "id", "timestamp", "message", NULL };
	static const char *const roles[] = { "role", NULL };
	struct ramet_json time = { .kind = RAMET_JSON_STRING, .span = 1 };
	struct ramet_bytes type, text, role = { NULL, 0 };

	if (!AT(c, "{\"type\":") || !plain_string(c, &type) || !AT(c, ",\"id\":") ||
	    !plain_string(c, id) || !AT(c, ",\"parentId\":") || !any(c) ||
	    !AT(c, ",\"timestamp\":"))
		return 0;
	time.ptr = c->p;
	if (!plain_string(c, &text))
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

static int carrier(struct rameti_batch *b, struct cursor c)
{
	struct ramet_bytes time, id;
	struct rameti_gg_time t;
	struct ramet_row row;
	int e;

	memset(&row, 0, sizeof(row));
	if (!AT(&c, "{\"type\":\"" RAMETI_GG_CARRIER "\"") || !filler(&c))
		return 0;
	if (AT(&c, ",\"timestamp\":") && (!string(&c, &time) || !rameti_gg_time_parse(time, &t)))
		return 0;
	if (!AT(&c, ",\"entry\":") || !carried(&c, &row, &id) || !AT(&c, "}") || c.p != c.end)
		return 0;
	e = rameti_batch_piece(b, &row, id);
	return e < 0 ? e : 1;
}

int rameti_gg_quick(struct rameti_batch *b, struct ramet_bytes line)
{
	struct cursor c = { line.ptr, line.ptr + line.len };
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
