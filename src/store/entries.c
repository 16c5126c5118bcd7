/*
 * store/entries.c - the appends people call: what is given is checked, and becomes the
 * members of an entry in pi's order.
 *
 * JSON that is given must be one value of the right kind; it is stored token by token.
 * Nothing is written here, and nothing is moved before all checks have passed.
 * docs/format/pi.md says what each type carries.
 */
#include "store/entries_priv.h"

#include <string.h>
#include "base/clock.h"
#include "base/error.h"

/* ---- what is given ---- */

/* Why it is refused: the text is looked at again, so that nothing need be kept ready. */
static int fail_given(struct ramet_session *s, struct ramet_bytes json, const char *what,
		      struct ramet_error *err)
{
	struct ramet_error why = { .offset = RAMET_NO_OFFSET };
	int r = ramet_json_parse(&s->doc, json, RAMET_JSON_STRICT, &why);

	if (r == RAMET_EJSON)
		return rameti_fail_at(err, r, NULL, 0, why.offset, "the %s: %s", what, why.text);
	if (r < 0 && err)
		*err = why;
	return r;
}

int rameti_given_json(struct ramet_session *s, struct ramet_bytes json, const char *what,
		      unsigned kinds, struct ramet_error *err)
{
	int r = ramet_json_parse(&s->doc, json, RAMET_JSON_STRICT, NULL);

	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	if (r < 0)
		return fail_given(s, json, what, err);
	if (!(kinds & 1u << ramet_json_kind(ramet_json_root(&s->doc))))
		return rameti_fail(err, RAMET_EINVAL, "the %s has the wrong type", what);
	return 0;
}

void rameti_members_begin(struct rameti_members *m, struct ramet_session *s)
{
	m->s = s;
	m->start = s->members.len;
	m->status = 0;
	ramet_json_writer_init(&m->w, &s->members);
	ramet_json_open_object(&m->w);
}

/* Valid UTF-8, but for surrogates, which texts of JavaScript may hold one by one. */
static int is_text(struct ramet_bytes text)
{
	size_t len;

	if (rameti_utf8_valid(text))
		return 1;
	for (; text.len; text.ptr += len, text.len -= len) {
		if (text.len >= 3 && (unsigned char)text.ptr[0] == 0xed &&
		    (unsigned char)text.ptr[1] >= 0xa0 && (unsigned char)text.ptr[1] < 0xc0 &&
		    (unsigned char)text.ptr[2] >= 0x80 && (unsigned char)text.ptr[2] < 0xc0)
			len = 3;
		else if (rameti_utf8_bad_len(text, &len))
			return 0;
	}
	return 1;
}

void rameti_members_text(struct rameti_members *m, const char *key, struct ramet_bytes text,
			 struct ramet_error *err)
{
	if (!text.ptr || m->status < 0)
		return;
	if (!is_text(text)) {
		m->status = rameti_fail(err, RAMET_EINVAL, "the %s is not valid UTF-8", key);
		return;
	}
	ramet_json_key(&m->w, key);
	ramet_json_add_text(&m->w, text);
}

void rameti_members_json(struct rameti_members *m, const char *key, struct ramet_bytes json,
			 unsigned kinds, struct ramet_error *err)
{
	if (!json.ptr || m->status < 0)
		return;
	m->status = rameti_given_json(m->s, json, key, kinds, err);
	if (m->status < 0)
		return;
	ramet_json_key(&m->w, key);
	ramet_json_add_raw(&m->w, (struct ramet_bytes){ "", 0 });
	rameti_json_add_compact(&m->s->members, ramet_json_root(&m->s->doc));
}

int rameti_members_end(struct rameti_members *m, struct rameti_piece *piece,
		       struct ramet_error *err)
{
	const struct ramet_buf *b = &m->s->members;

	ramet_json_close_object(&m->w);
	if (m->status < 0)
		return m->status;
	if (ramet_buf_status(b) == RAMET_ELIMIT)
		return rameti_fail(err, RAMET_ELIMIT, "more than %u bytes",
				   (unsigned)RAMET_JSON_LEN_MAX);
	if (ramet_buf_status(b) < 0)
		return rameti_fail_nomem(err);
	piece->members.ptr = b->ptr + m->start + 1;
	piece->members.len = b->len - m->start - 2;
	return 0;
}

int rameti_append_one(struct ramet_session *s, struct rameti_piece *piece, char *id,
		      struct ramet_error *err)
{
	int r = rameti_session_append(s, piece, 1, err);

	if (!r && id)
		memcpy(id, piece->id, RAMET_ID_SIZE);
	return r;
}

void rameti_entry_start(struct ramet_session *s, struct rameti_piece *piece, const char *type)
{
	memset(piece, 0, sizeof(*piece));
	piece->type = ramet_bytes_of(type);
	ramet_session_lock(s);
	ramet_buf_reset(&s->members);
}

/* Close the members, append, unlock. */
static int finish(struct rameti_members *m, struct rameti_piece *piece, char *id,
		  struct ramet_error *err)
{
	struct ramet_session *s = m->s;
	int r = rameti_members_end(m, piece, err);

	if (!r)
		r = rameti_append_one(s, piece, id, err);
	ramet_session_unlock(s);
	return r;
}

/* ---- the simple ones ---- */

int ramet_session_append_thinking_level(struct ramet_session *s, struct ramet_bytes level, char *id,
					struct ramet_error *err)
{
	struct rameti_members m;
	struct rameti_piece piece;

	rameti_entry_start(s, &piece, "thinking_level_change");
	rameti_members_begin(&m, s);
	rameti_members_text(&m, "thinkingLevel", level, err);
	return finish(&m, &piece, id, err);
}

int ramet_session_append_model(struct ramet_session *s, struct ramet_bytes provider,
			       struct ramet_bytes model_id, char *id, struct ramet_error *err)
{
	struct rameti_members m;
	struct rameti_piece piece;

	rameti_entry_start(s, &piece, "model_change");
	rameti_members_begin(&m, s);
	rameti_members_text(&m, "provider", provider, err);
	rameti_members_text(&m, "modelId", model_id, err);
	return finish(&m, &piece, id, err);
}

int ramet_session_append_usage(struct ramet_session *s, const struct ramet_usage_entry *u, char *id,
			       struct ramet_error *err)
{
	struct rameti_members m;
	struct rameti_piece piece;

	rameti_entry_start(s, &piece, "usage");
	rameti_members_begin(&m, s);
	rameti_members_text(&m, "kind", u->kind, err);
	rameti_members_text(&m, "provider", u->provider, err);
	rameti_members_text(&m, "model", u->model, err);
	rameti_members_json(&m, "usage", u->usage, RAMETI_IS_OBJECT, err);
	if (u->note.len)
		rameti_members_text(&m, "note", u->note, err);
	return finish(&m, &piece, id, err);
}

int ramet_session_append_custom(struct ramet_session *s, struct ramet_bytes custom_type,
				struct ramet_bytes data, char *id, struct ramet_error *err)
{
	struct rameti_members m;
	struct rameti_piece piece;

	rameti_entry_start(s, &piece, "custom");
	rameti_members_begin(&m, s);
	rameti_members_text(&m, "customType", custom_type, err);
	rameti_members_json(&m, "data", data, RAMETI_IS_ANY, err);
	piece.ends_turn = ramet_bytes_is(custom_type, "ramet.turn_end");
	return finish(&m, &piece, id, err);
}

int ramet_session_append_leaf(struct ramet_session *s, char *id, struct ramet_error *err)
{
	const struct ramet_bytes none = { NULL, 0 };

	return ramet_session_append_custom(s, ramet_bytes_of("ramet.leaf"), none, id, err);
}

int ramet_session_append_custom_message(struct ramet_session *s,
					const struct ramet_custom_message *c, char *id,
					struct ramet_error *err)
{
	struct rameti_members m;
	struct rameti_piece piece;

	rameti_entry_start(s, &piece, "custom_message");
	rameti_members_begin(&m, s);
	rameti_members_text(&m, "customType", c->custom_type, err);
	if (!c->content.ptr)
		m.status = rameti_fail(err, RAMET_EINVAL, "a custom message needs content");
	rameti_members_json(&m, "content", c->content, RAMETI_IS_TEXT | RAMETI_IS_LIST, err);
	ramet_json_key(&m.w, "display");
	ramet_json_add_bool(&m.w, c->display);
	rameti_members_json(&m, "details", c->details, RAMETI_IS_ANY, err);
	return finish(&m, &piece, id, err);
}

/* Runs of line breaks become one blank. */
static void add_one_line(struct ramet_buf *b, struct ramet_bytes text)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		int breaks = text.ptr[i] == '\n' || text.ptr[i] == '\r';

		if (!breaks)
			ramet_buf_add_char(b, text.ptr[i]);
		else if (!i || (text.ptr[i - 1] != '\n' && text.ptr[i - 1] != '\r'))
			ramet_buf_add_char(b, ' ');
	}
}

int ramet_session_append_name(struct ramet_session *s, struct ramet_bytes name, char *id,
			      struct ramet_error *err)
{
	struct ramet_buf line = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX);
	struct rameti_members m;
	struct rameti_piece piece;
	int r;

	add_one_line(&line, name);
	rameti_entry_start(s, &piece, "session_info");
	rameti_members_begin(&m, s);
	if (ramet_buf_status(&line) < 0)
		m.status = rameti_fail_nomem(err);
	name = line.len ? rameti_utf8_trim(ramet_buf_bytes(&line)) : ramet_bytes_of("");
	rameti_members_text(&m, "name", name, err);
	r = finish(&m, &piece, id, err);
	ramet_buf_release(&line);
	return r;
}

/* ---- those that point at another entry ---- */

int rameti_can_have_children(const struct ramet_session *s, uint32_t row)
{
	const struct ramet_row *r = ramet_tree_row(s->reader.tree, row);

	return r && !(r->flags & (RAMET_ROW_NO_ID | RAMET_ROW_SHADOWED));
}

static int fail_target(const struct ramet_session *s, uint32_t row, struct ramet_error *err)
{
	if (ramet_tree_row(s->reader.tree, row))
		return rameti_fail(err, RAMET_EINVAL, "nothing can refer to that entry");
	return rameti_fail(err, RAMET_ENOTFOUND, "no such entry");
}

int ramet_session_branch(struct ramet_session *s, uint32_t row, struct ramet_error *err)
{
	int r = 0;

	ramet_session_lock(s);
	if (row == RAMET_NONE || rameti_can_have_children(s, row))
		s->leaf = row;
	else
		r = fail_target(s, row, err);
	ramet_session_unlock(s);
	return r;
}

int ramet_session_append_label(struct ramet_session *s, uint32_t target, struct ramet_bytes label,
			       char *id, struct ramet_error *err)
{
	struct rameti_members m;
	struct rameti_piece piece;

	rameti_entry_start(s, &piece, "label");
	rameti_members_begin(&m, s);
	if (rameti_can_have_children(s, target))
		rameti_members_text(&m, "targetId", ramet_tree_id(s->reader.tree, target), err);
	else
		m.status = fail_target(s, target, err);
	rameti_members_text(&m, "label", label, err);
	return finish(&m, &piece, id, err);
}

static int on_path(const struct ramet_session *s, uint32_t target)
{
	const struct ramet_tree *t = s->reader.tree;
	uint32_t depth = ramet_tree_row(t, target)->depth, row = s->leaf;

	while (row != RAMET_NONE && ramet_tree_row(t, row)->depth > depth)
		row = ramet_tree_row(t, row)->parent;
	return row == target;
}

/* Entries whose content a context edit may replace. */
static int shows_content(const struct ramet_row *row)
{
	return row->type == RAMET_ENTRY_CUSTOM_MESSAGE || row->role == RAMET_ROLE_USER ||
	       row->role == RAMET_ROLE_ASSISTANT || row->role == RAMET_ROLE_TOOL_RESULT;
}

static int check_edit(struct ramet_session *s, uint32_t target, struct ramet_bytes replacement,
		      struct ramet_error *err)
{
	const struct ramet_json *content;
	int r;

	if (!replacement.ptr)
		return rameti_fail(err, RAMET_EINVAL, "a context edit needs a replacement");
	r = rameti_given_json(s, replacement, "replacement", RAMETI_IS_ANY, err);
	if (r < 0)
		return r;
	content = ramet_json_get(ramet_json_root(&s->doc), "content");
	if (ramet_json_kind(ramet_json_root(&s->doc)) != RAMET_JSON_NULL &&
	    ramet_json_kind(content) != RAMET_JSON_STRING &&
	    ramet_json_kind(content) != RAMET_JSON_ARRAY)
		return rameti_fail(err, RAMET_EINVAL,
				   "a replacement is null, or an object with text or blocks as "
				   "content");
	if (!rameti_can_have_children(s, target))
		return fail_target(s, target, err);
	if (!on_path(s, target))
		return rameti_fail(err, RAMET_EINVAL, "the entry is not on the path to the leaf");
	if (!shows_content(ramet_tree_row(s->reader.tree, target)))
		return rameti_fail(err, RAMET_EINVAL, "the entry has no content to edit");
	return 0;
}

/* Answers and tool results have blocks: a text becomes one. */
static void add_replacement(struct rameti_members *m, int role)
{
	const struct ramet_json *root = ramet_json_root(&m->s->doc);
	const struct ramet_json *content = ramet_json_get(root, "content");
	struct ramet_buf *b = &m->s->members;

	ramet_json_key(&m->w, "replacement");
	ramet_json_add_raw(&m->w, (struct ramet_bytes){ "", 0 });
	if (ramet_json_kind(content) == RAMET_JSON_STRING &&
	    (role == RAMET_ROLE_ASSISTANT || role == RAMET_ROLE_TOOL_RESULT)) {
		ramet_buf_add_str(b, "{\"content\":[{\"type\":\"text\",\"text\":");
		ramet_buf_add(b, ramet_json_raw(content));
		ramet_buf_add_str(b, "}]}");
	} else {
		rameti_json_add_compact(b, root);
	}
}

int ramet_session_append_context_edit(struct ramet_session *s, uint32_t target,
				      struct ramet_bytes replacement, char *id,
				      struct ramet_error *err)
{
	struct rameti_members m;
	struct rameti_piece piece;

	rameti_entry_start(s, &piece, "context_edit");
	rameti_members_begin(&m, s);
	m.status = check_edit(s, target, replacement, err);
	if (!m.status) {
		rameti_members_text(&m, "targetId", ramet_tree_id(s->reader.tree, target), err);
		add_replacement(&m, ramet_tree_row(s->reader.tree, target)->role);
	}
	return finish(&m, &piece, id, err);
}

/* ---- summaries ---- */

static void add_hook(struct rameti_members *m, int from_hook)
{
	if (!from_hook)
		return;
	ramet_json_key(&m->w, "fromHook");
	ramet_json_add_bool(&m->w, from_hook > 0);
}

/* The system message that the present context replays to, with this time. */
static int add_system(struct rameti_members *m, int64_t time_ms, struct ramet_error *err)
{
	struct ramet_session *s = m->s;
	struct ramet_buf message = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX);
	struct ramet_context *c = NULL;
	struct ramet_json_edit edit = { { "timestamp", 9 }, { NULL, 0 } };
	char number[32];
	struct ramet_buf time = RAMET_BUF_INIT(sizeof(number));
	int r = ramet_context_new(&c, s->reader.tree, s->leaf, err);

	if (!r)
		r = ramet_context_write_system(c, &message, NULL, err);
	ramet_buf_addf(&time, "%lld", (long long)time_ms);
	edit.value = ramet_buf_bytes(&time);
	if (!r && (ramet_buf_status(&message) < 0 || ramet_buf_status(&time) < 0))
		r = rameti_fail_nomem(err);
	if (!r)
		r = ramet_json_parse(&s->doc, ramet_buf_bytes(&message), 0, err);
	if (!r && ramet_json_kind(ramet_json_root(&s->doc)) == RAMET_JSON_OBJECT) {
		ramet_json_key(&m->w, "systemMessage");
		ramet_json_add_raw(&m->w, (struct ramet_bytes){ "", 0 });
		r = ramet_json_edit(&s->members, ramet_buf_bytes(&message),
				    ramet_json_root(&s->doc), &edit, 1, err);
	}
	ramet_context_free(c);
	ramet_buf_release(&time);
	ramet_buf_release(&message);
	return r;
}

/* A time for the entry that is known before it is written. */
static int preset_time(struct rameti_piece *piece, char text[40], int64_t *time_ms,
		       struct ramet_error *err)
{
	size_t len;

	*time_ms = rameti_now_ms(NULL);
	if (*time_ms == RAMETI_TIME_NONE)
		return rameti_fail(err, RAMET_EIO, "the clock gives no usable time");
	text[0] = '"';
	rameti_time_format(*time_ms, text + 1);
	len = strlen(text);
	text[len++] = '"';
	piece->timestamp = (struct ramet_bytes){ text, len };
	return 0;
}

int ramet_session_append_compaction(struct ramet_session *s, const struct ramet_summary *c,
				    char *id, struct ramet_error *err)
{
	struct ramet_bytes first_kept = c->first_kept;
	struct rameti_members m;
	struct rameti_piece piece;
	char time[40];
	int64_t time_ms = 0;

	rameti_entry_start(s, &piece, "compaction");
	rameti_members_begin(&m, s);
	m.status = preset_time(&piece, time, &time_ms, err);
	if (!m.status && !first_kept.ptr) {
		m.status = rameti_session_make_id(s, piece.id, err);
		first_kept = ramet_bytes_of(piece.id);
	}
	rameti_members_text(&m, "summary", c->summary, err);
	rameti_members_text(&m, "firstKeptEntryId", first_kept, err);
	ramet_json_key(&m.w, "tokensBefore");
	ramet_json_add_double(&m.w, c->tokens_before);
	rameti_members_json(&m, "details", c->details, RAMETI_IS_ANY, err);
	rameti_members_json(&m, "usage", c->usage, RAMETI_IS_OBJECT, err);
	add_hook(&m, c->from_hook);
	if (!m.status)
		m.status = add_system(&m, time_ms, err);
	return finish(&m, &piece, id, err);
}

/* The row that has this id now: the file may have been read anew meanwhile. */
static uint32_t row_with(const struct ramet_session *s, const struct ramet_buf *id, uint32_t was)
{
	const struct ramet_tree *t = s->reader.tree;

	if (was == RAMET_NONE || ramet_buf_status(id) < 0 ||
	    ramet_bytes_eq(ramet_tree_id(t, was), ramet_buf_bytes(id)))
		return was;
	return ramet_tree_find(t, ramet_buf_bytes(id));
}

int ramet_session_branch_with_summary(struct ramet_session *s, uint32_t target,
				      const struct ramet_summary *b, char *id,
				      struct ramet_error *err)
{
	struct ramet_buf left_id = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX);
	struct rameti_members m;
	struct rameti_piece piece;
	uint32_t left;
	int r;

	ramet_session_lock(s);
	rameti_entry_start(s, &piece, "branch_summary");
	left = s->leaf;
	ramet_buf_add(&left_id, left == RAMET_NONE ? ramet_bytes_of("root") :
						     ramet_tree_id(s->reader.tree, left));
	rameti_members_begin(&m, s);
	if (ramet_buf_status(&left_id) < 0)
		m.status = rameti_fail_nomem(err);
	else if (target != RAMET_NONE && !rameti_can_have_children(s, target))
		m.status = fail_target(s, target, err);
	rameti_members_text(&m, "fromId", ramet_buf_bytes(&left_id), err);
	rameti_members_text(&m, "summary", b->summary, err);
	rameti_members_json(&m, "details", b->details, RAMETI_IS_ANY, err);
	rameti_members_json(&m, "usage", b->usage, RAMETI_IS_OBJECT, err);
	add_hook(&m, b->from_hook);
	if (!m.status)
		s->leaf = target;
	r = finish(&m, &piece, id, err);
	if (r < 0)
		s->leaf = row_with(s, &left_id, left);
	ramet_session_unlock(s);
	ramet_buf_release(&left_id);
	return r;
}
