/*
 * store/messages.c - appending messages, one or many, and entries given as a whole.
 *
 * A message must be an object with a role; the roles that pi lists must have content it can
 * list, since one message without would make pi leave the whole session out. Unknown roles
 * and members are stored as they are.
 */
#include "store/messages.h"

#include <string.h>
#include "base/error.h"
#include "store/entries_priv.h"

#define ENTRY_LEN 160                            /* of a line, beside its message; only a guess */
#define RESERVE_MAX ((size_t)1 << 20)
#define PLAIN_NODES_MAX (RAMET_JSON_DEPTH_MAX / 2)

/* ---- messages ---- */

/* What is asked of a message, found in one walk; of equal members the last. */
struct parts {
	const struct ramet_json *role, *content, *time, *stop;
	unsigned n_roles;
};

static int key_is(const struct ramet_json *key, const char *name, size_t len)
{
	if (key->flags)
		return ramet_json_text_is(key, name);
	return key->len == len + 2 && !memcmp(key->ptr + 1, name, len);
}

#define KEY_IS(key, name) key_is(key, name, sizeof(name) - 1)

static struct parts parts_of(const struct ramet_json *o)
{
	const struct ramet_json *key, *end = o + o->span;
	struct parts p = { NULL, NULL, NULL, NULL, 0 };

	for (key = o + 1; key < end; key += 1 + key[1].span) {
		if (KEY_IS(key, "role")) {
			p.role = key + 1;
			p.n_roles++;
		} else if (KEY_IS(key, "content")) {
			p.content = key + 1;
		} else if (KEY_IS(key, "timestamp")) {
			p.time = key + 1;
		} else if (KEY_IS(key, "stopReason")) {
			p.stop = key + 1;
		}
	}
	return p;
}

static int fail_member(const char *member, struct ramet_error *err)
{
	return rameti_fail(err, RAMET_EINVAL, "the message's %s has the wrong type", member);
}

static int get_role(const struct ramet_json *name, int *role, struct ramet_error *err)
{
	struct ramet_bytes plain = ramet_json_plain(name);
	struct ramet_buf text = RAMET_BUF_INIT(256);
	int status;

	if (plain.ptr) {
		*role = ramet_role_of(plain);
		return 0;
	}
	ramet_json_text(name, &text);
	status = ramet_buf_status(&text);
	*role = status < 0 ? RAMET_ROLE_OTHER : ramet_role_of(ramet_buf_bytes(&text));
	ramet_buf_release(&text);
	return status == RAMET_ENOMEM ? rameti_fail_nomem(err) : 0;
}

static int check_parts(const struct parts *p, int *role, struct ramet_error *err)
{
	int content = ramet_json_kind(p->content), time = ramet_json_kind(p->time), r;

	if (ramet_json_kind(p->role) != RAMET_JSON_STRING)
		return rameti_fail(err, RAMET_EINVAL, "the message has no role");
	r = get_role(p->role, role, err);
	if (r < 0)
		return r;
	if (time != RAMET_JSON_NONE && time != RAMET_JSON_NUMBER)
		return fail_member("timestamp", err);
	switch (*role) {
	case RAMET_ROLE_SYSTEM:
	case RAMET_ROLE_USER:
	case RAMET_ROLE_ASSISTANT:
	case RAMET_ROLE_TOOL_RESULT:
	case RAMET_ROLE_CUSTOM:
		if (content == RAMET_JSON_NONE)
			return rameti_fail(err, RAMET_EINVAL, "the message has no content");
		if (content != RAMET_JSON_STRING && content != RAMET_JSON_ARRAY)
			return fail_member("content", err);
		break;
	default:
		break;
	}
	return 0;
}

static int ends_turn(const struct parts *p, int role)
{
	return role == RAMET_ROLE_ASSISTANT && !ramet_json_text_is(p->stop, "toolUse");
}

int rameti_message_check(const struct ramet_json *o, int *role, struct ramet_error *err)
{
	struct parts p = { NULL, NULL, NULL, NULL, 0 };

	if (ramet_json_kind(o) == RAMET_JSON_OBJECT)
		p = parts_of(o);
	return check_parts(&p, role, err);
}

int rameti_message_ends_turn(const struct ramet_json *o, int role)
{
	const struct parts p = { .stop = ramet_json_get(o, "stopReason") };

	return ends_turn(&p, role);
}

int rameti_entry_ends_turn(const struct ramet_json *o)
{
	const struct ramet_json *message = ramet_json_get(o, "message");
	const struct ramet_json *type = ramet_json_get(o, "type");
	int role = ramet_json_text_is(ramet_json_get(message, "role"), "assistant") ?
			   RAMET_ROLE_ASSISTANT :
			   RAMET_ROLE_NONE;

	if (ramet_json_text_is(type, "custom"))
		return ramet_json_text_is(ramet_json_get(o, "customType"), "ramet.turn_end");
	return ramet_json_text_is(type, "message") && rameti_message_ends_turn(message, role);
}

/* Where the role stands in the members, when a reader could find nothing else in it: no second
 * role, no nesting near the limit. */
static void note_role(const struct ramet_session *s, struct rameti_piece *piece,
		      const struct parts *p, size_t role_at)
{
	if (p->n_roles != 1 || s->doc.n_nodes >= PLAIN_NODES_MAX)
		return;
	piece->role_at = role_at;
	piece->role_len = p->role->len;
}

/* Could these bytes move before they are written? */
static int may_move(const struct ramet_session *s, struct ramet_bytes bytes)
{
	uintptr_t at = (uintptr_t)bytes.ptr, text = (uintptr_t)s->text.ptr;

	return at >= text && at - text <= s->text.cap;
}

/* A copy without white space, at the end of s->members; only its length counts yet, since the
 * buffer may still move. */
static int add_copy(struct ramet_session *s, const struct parts *p, struct rameti_piece *piece,
		    struct ramet_error *err)
{
	const struct ramet_json *o = ramet_json_root(&s->doc);
	struct ramet_buf *b = &s->members;
	size_t start = b->len, shift;

	ramet_buf_add_str(b, "\"message\":");
	shift = b->len - start;
	rameti_json_add_compact(b, o);
	note_role(s, piece, p, shift + rameti_json_compact_at(o, p->role));
	if (ramet_buf_status(b) == RAMET_ELIMIT)
		return rameti_fail(err, RAMET_ELIMIT, "more than %u bytes at once",
				   (unsigned)RAMET_JSON_LEN_MAX);
	if (ramet_buf_status(b) < 0)
		return rameti_fail_nomem(err);
	piece->members.len = b->len - start;
	return 0;
}

/* The members of a message entry: the message as it was given, or as add_copy has it. */
static int add_message(struct ramet_session *s, struct ramet_bytes message,
		       struct rameti_piece *piece, struct ramet_error *err)
{
	int role, r = rameti_given_json(s, message, "message", RAMETI_IS_OBJECT, err);
	const struct ramet_json *o = ramet_json_root(&s->doc);
	struct parts p;

	if (r < 0)
		return r;
	p = parts_of(o);
	r = check_parts(&p, &role, err);
	if (r < 0)
		return r;
	piece->type = (struct ramet_bytes){ "message", 7 };
	piece->ends_turn = ends_turn(&p, role);
	if (!rameti_json_is_compact(o) || may_move(s, message))
		return add_copy(s, &p, piece, err);
	piece->members = ramet_json_raw(o);
	note_role(s, piece, &p, (size_t)(p.role->ptr - o->ptr));
	return 0;
}

static int append_messages(struct ramet_session *s, const struct ramet_bytes *messages, size_t n,
			   struct rameti_piece *pieces, struct ramet_error *err)
{
	const char *at;
	size_t i, len = 0;
	int r = 0;

	for (i = 0; i < n; i++)
		len += messages[i].len + ENTRY_LEN;
	len += len / 4;                              /* the next ones may be a little longer */
	ramet_buf_reset(&s->members);
	(void)ramet_buf_reserve(&s->lines, len < RESERVE_MAX ? len : RESERVE_MAX);
	for (i = 0; !r && i < n; i++)
		r = add_message(s, messages[i], &pieces[i], err);
	if (r < 0)
		return r;
	for (at = s->members.ptr, i = 0; i < n; i++) {
		if (pieces[i].members.ptr)
			continue;
		pieces[i].members.ptr = at;
		at += pieces[i].members.len;
	}
	return rameti_session_append(s, pieces, n, err);
}

int ramet_session_append_messages(struct ramet_session *s, const struct ramet_bytes *messages,
				  size_t n, char (*ids)[RAMET_ID_SIZE], struct ramet_error *err)
{
	struct rameti_piece *pieces = ramet_calloc(n + !n, sizeof(*pieces));
	size_t i;
	int r;

	if (!pieces)
		return rameti_fail_nomem(err);
	ramet_session_lock(s);
	r = append_messages(s, messages, n, pieces, err);
	ramet_session_unlock(s);
	for (i = 0; !r && ids && i < n; i++)
		memcpy(ids[i], pieces[i].id, RAMET_ID_SIZE);
	ramet_free(pieces);
	return r;
}

int ramet_session_append_message(struct ramet_session *s, struct ramet_bytes message, char *id,
				 struct ramet_error *err)
{
	struct rameti_piece piece;
	int r;

	memset(&piece, 0, sizeof(piece));
	ramet_session_lock(s);
	r = append_messages(s, &message, 1, &piece, err);
	ramet_session_unlock(s);
	if (!r && id)
		memcpy(id, piece.id, RAMET_ID_SIZE);
	return r;
}

/* ---- whole entries ---- */

/* What a member of a known type must be; required ones must be there. */
static const struct rule {
	uint8_t type, required;
	const char *key;
	unsigned kinds;
} rules[] = {
	{ RAMET_ENTRY_MESSAGE, 1, "message", RAMETI_IS_OBJECT },
	{ RAMET_ENTRY_MODEL_CHANGE, 1, "provider", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_MODEL_CHANGE, 1, "modelId", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_THINKING_LEVEL_CHANGE, 1, "thinkingLevel", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_USAGE, 1, "kind", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_USAGE, 1, "provider", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_USAGE, 1, "model", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_USAGE, 1, "usage", RAMETI_IS_OBJECT },
	{ RAMET_ENTRY_USAGE, 0, "note", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_COMPACTION, 1, "summary", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_COMPACTION, 1, "firstKeptEntryId", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_COMPACTION, 1, "tokensBefore", RAMETI_IS_NUMBER },
	{ RAMET_ENTRY_COMPACTION, 0, "usage", RAMETI_IS_OBJECT },
	{ RAMET_ENTRY_COMPACTION, 0, "fromHook", RAMETI_IS_BOOL },
	{ RAMET_ENTRY_COMPACTION, 0, "systemMessage", RAMETI_IS_OBJECT },
	{ RAMET_ENTRY_BRANCH_SUMMARY, 1, "fromId", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_BRANCH_SUMMARY, 1, "summary", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_BRANCH_SUMMARY, 0, "usage", RAMETI_IS_OBJECT },
	{ RAMET_ENTRY_BRANCH_SUMMARY, 0, "fromHook", RAMETI_IS_BOOL },
	{ RAMET_ENTRY_CUSTOM, 1, "customType", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_CUSTOM_MESSAGE, 1, "customType", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_CUSTOM_MESSAGE, 1, "content", RAMETI_IS_TEXT | RAMETI_IS_LIST },
	{ RAMET_ENTRY_CUSTOM_MESSAGE, 1, "display", RAMETI_IS_BOOL },
	{ RAMET_ENTRY_CONTEXT_EDIT, 1, "targetId", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_CONTEXT_EDIT, 1, "replacement", RAMETI_IS_NULL | RAMETI_IS_OBJECT },
	{ RAMET_ENTRY_LABEL, 1, "targetId", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_LABEL, 0, "label", RAMETI_IS_TEXT },
	{ RAMET_ENTRY_SESSION_INFO, 0, "name", RAMETI_IS_TEXT },
};

static int check_rules(const struct ramet_json *o, int type, struct ramet_error *err)
{
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *rule = &rules[i];
		int kind = ramet_json_kind(ramet_json_get(o, rule->key));

		if (rule->type != type)
			continue;
		if (kind == RAMET_JSON_NONE && rule->required)
			return rameti_fail(err, RAMET_EINVAL, "an entry of type %s needs %s",
					   ramet_entry_type_name(type), rule->key);
		if (kind != RAMET_JSON_NONE && !(rule->kinds & 1u << kind))
			return rameti_fail(err, RAMET_EINVAL, "the entry's %s has the wrong type",
					   rule->key);
	}
	return 0;
}

/* The row that targetId names. */
static int find_target(struct ramet_session *s, const struct ramet_json *o, uint32_t *row,
		       struct ramet_error *err)
{
	struct ramet_buf id = RAMET_BUF_INIT(1u << 20);
	int status;

	ramet_json_text(ramet_json_get(o, "targetId"), &id);
	status = ramet_buf_status(&id);
	*row = status < 0 ? RAMET_NONE : ramet_tree_find(s->reader.tree, ramet_buf_bytes(&id));
	ramet_buf_release(&id);
	if (status == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	if (*row == RAMET_NONE)
		return rameti_fail(err, RAMET_ENOTFOUND, "no such entry");
	return 0;
}

/* Members that are made here, and the type, which goes elsewhere. */
static int is_made(const struct ramet_json *key)
{
	return ramet_json_text_is(key, "id") || ramet_json_text_is(key, "parentId") ||
	       ramet_json_text_is(key, "timestamp");
}

/* All members but the type, in the order given. */
static int add_members(struct ramet_session *s, const struct ramet_json *o, struct ramet_error *err)
{
	struct ramet_buf *b = &s->members;
	const struct ramet_json *key, *value;

	for (key = ramet_json_next(o, NULL); key; key = ramet_json_next(o, value)) {
		value = ramet_json_next(o, key);
		if (is_made(key))
			return rameti_fail(err, RAMET_EINVAL,
					   "id, parentId and timestamp are made here");
		if (ramet_json_text_is(key, "type"))
			continue;
		if (b->len)
			ramet_buf_add_char(b, ',');
		ramet_buf_add(b, ramet_json_raw(key));
		ramet_buf_add_char(b, ':');
		rameti_json_add_compact(b, value);
	}
	return ramet_buf_status(b) < 0 ? rameti_fail_nomem(err) : 0;
}

/* A context edit has checks of its own, and its text may have to become a block. */
static int append_edit(struct ramet_session *s, const struct ramet_json *o, char *id,
		       struct ramet_error *err)
{
	struct ramet_buf copy = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX);
	uint32_t target;
	int r = find_target(s, o, &target, err);

	if (r == RAMET_ENOMEM)
		return r;
	if (r == RAMET_ENOTFOUND)
		target = RAMET_NONE - 1;                     /* reported after a bad replacement */
	ramet_buf_add(&copy, ramet_json_raw(ramet_json_get(o, "replacement")));
	if (ramet_buf_status(&copy) < 0)
		r = rameti_fail_nomem(err);
	else
		r = ramet_session_append_context_edit(s, target, ramet_buf_bytes(&copy), id, err);
	ramet_buf_release(&copy);
	return r;
}

/* What the entry says its type is: a name that cannot be had whole is none. */
static int get_type(const struct ramet_json *o, struct ramet_buf *name, struct ramet_error *err)
{
	const struct ramet_json *type = ramet_json_get(o, "type");

	if (ramet_json_kind(type) != RAMET_JSON_STRING)
		return rameti_fail(err, RAMET_EINVAL, "the entry has no type");
	ramet_json_text(type, name);
	if (ramet_buf_status(name) == RAMET_ELIMIT)
		return rameti_fail(err, RAMET_ELIMIT, "the entry's type is too long");
	return ramet_buf_status(name) < 0 ? rameti_fail_nomem(err) : 0;
}

static int append_entry(struct ramet_session *s, struct ramet_bytes entry, char *id,
			struct ramet_error *err)
{
	struct ramet_buf name = RAMET_BUF_INIT(1u << 20);
	const struct ramet_json *o;
	struct rameti_piece piece;
	uint32_t target;
	int role = 0, type, r = rameti_given_json(s, entry, "entry", RAMETI_IS_OBJECT, err);

	if (r < 0)
		return r;
	o = ramet_json_root(&s->doc);
	r = get_type(o, &name, err);
	type = ramet_entry_type_of(ramet_buf_bytes(&name));
	memset(&piece, 0, sizeof(piece));
	piece.type = ramet_buf_bytes(&name);
	ramet_buf_reset(&s->members);
	if (!r && type == RAMET_ENTRY_HEADER)
		r = rameti_fail(err, RAMET_EINVAL, "a header is no entry");
	else if (!r)
		r = check_rules(o, type, err);
	if (!r && type == RAMET_ENTRY_MESSAGE)
		r = rameti_message_check(ramet_json_get(o, "message"), &role, err);
	if (!r && type == RAMET_ENTRY_LABEL)
		r = find_target(s, o, &target, err);
	if (!r)
		r = add_members(s, o, err);
	piece.members = ramet_buf_bytes(&s->members);
	piece.ends_turn = rameti_entry_ends_turn(o);
	if (!r && type == RAMET_ENTRY_CONTEXT_EDIT)
		r = append_edit(s, o, id, err);
	else if (!r)
		r = rameti_append_one(s, &piece, id, err);
	ramet_buf_release(&name);
	return r;
}

int ramet_session_append_entry(struct ramet_session *s, struct ramet_bytes entry, char *id,
			       struct ramet_error *err)
{
	int r;

	ramet_session_lock(s);
	r = append_entry(s, entry, id, err);
	ramet_session_unlock(s);
	return r;
}
