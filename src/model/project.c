/*
 * model/project.c - selected entries to messages: what each contributes, with context edits
 * applied.
 *
 * A message is the stored bytes wherever nothing changes. An edit counts only if its own entry is
 * selected; of several for one target the last counts; one without a usable replacement is no
 * edit.
 */
#include "model/context_priv.h"

#include "base/error.h"
#include "base/map.h"

#define MESSAGES_MAX 0x7fffffffu

/* The edits in force: the target's row number (as map key) to the row of the edit. */
struct edits {
	struct rameti_map map;
};

static struct ramet_bytes row_key(const uint32_t *row)
{
	struct ramet_bytes key = { (const char *)row, sizeof(*row) };

	return key;
}

/* Is this a replacement pi could have meant: null, or with a text or blocks as content? The others
 * are bad-edit findings (check.c). */
static int usable(const struct ramet_json *replacement)
{
	int content = ramet_json_kind(ramet_json_get(replacement, "content"));

	return ramet_json_kind(replacement) == RAMET_JSON_NULL || content == RAMET_JSON_STRING ||
	       content == RAMET_JSON_ARRAY;
}

static int note_edit(struct rameti_context_work *w, struct edits *e, uint32_t row,
		     struct ramet_error *err)
{
	struct ramet_buf id = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *entry;
	uint32_t target;
	int r = rameti_context_parse(w, row, &entry, err);

	if (r < 0)
		return r;
	if (!usable(ramet_json_get(entry, "replacement")) ||
	    ramet_json_kind(ramet_json_get(entry, "targetId")) != RAMET_JSON_STRING)
		return 0;
	ramet_json_text(ramet_json_get(entry, "targetId"), &id);
	target = ramet_tree_find(w->c->tree, ramet_buf_bytes(&id));
	if (ramet_buf_status(&id) < 0 ||
	    (target != RAMET_NONE && rameti_map_set(&e->map, row_key(&target), row) < 0))
		r = rameti_fail_nomem(err);
	ramet_buf_release(&id);
	return r;
}

static int note_edits(struct rameti_context_work *w, struct edits *e, struct ramet_error *err)
{
	const struct ramet_context *c = w->c;
	uint32_t i;
	int r = 0;

	/* none at or above the leaf: nothing to look for */
	if (ramet_tree_row(c->tree, c->leaf)->edit == RAMET_NONE)
		return 0;
	for (i = 0; !r && i < c->n_selected; i++)
		if (ramet_tree_row(c->tree, c->selected[i].row)->type == RAMET_ENTRY_CONTEXT_EDIT)
			r = note_edit(w, e, c->selected[i].row, err);
	return r;
}

static int add_message(struct rameti_context_work *w, struct ramet_selected *s,
		       struct ramet_bytes json, int role, struct ramet_error *err)
{
	struct ramet_context *c = w->c;
	struct ramet_message *m;
	struct ramet_bytes kept = rameti_arena_dup(w->arena, json);

	if (!kept.ptr || rameti_grow((void **)&c->messages, &w->cap_messages, c->n_messages,
				     sizeof(*m), MESSAGES_MAX) < 0)
		return rameti_fail_nomem(err);
	if (!s->n)
		s->first = c->n_messages;
	s->n++;
	m = &c->messages[c->n_messages++];
	m->json = kept;
	m->row = s->row;
	m->role = (uint8_t)role;
	return 0;
}

/* ---- building messages ---- */

static void add_member(struct ramet_json_writer *b, const char *key, const struct ramet_json *v)
{
	if (!v)
		return;
	ramet_json_key(b, key);
	ramet_json_add_raw(b, ramet_json_raw(v));
}

static void add_time(struct ramet_json_writer *b, const struct ramet_row *row)
{
	ramet_json_key(b, "timestamp");
	if (row->time_ms == RAMET_TIME_NONE)
		ramet_json_add_null(b);
	else
		ramet_json_add_int(b, row->time_ms);
}

static int is_nothing(const struct ramet_json *v)
{
	int kind = ramet_json_kind(v);

	return kind == RAMET_JSON_NONE || kind == RAMET_JSON_NULL;
}

static void build_custom(struct ramet_json_writer *b, const struct ramet_json *e,
			 const struct ramet_row *row)
{
	const struct ramet_json *content = ramet_json_get(e, "content");

	add_member(b, "customType", ramet_json_get(e, "customType"));
	ramet_json_key(b, "content");
	ramet_json_add_raw(b, is_nothing(content) ? ramet_bytes_of("[]") : ramet_json_raw(content));
	add_member(b, "display", ramet_json_get(e, "display"));
	add_member(b, "details", ramet_json_get(e, "details"));
	add_time(b, row);
}

static void build_branch_summary(struct ramet_json_writer *b, const struct ramet_json *e,
				 const struct ramet_row *row)
{
	add_member(b, "summary", ramet_json_get(e, "summary"));
	add_member(b, "fromId", ramet_json_get(e, "fromId"));
	add_time(b, row);
}

static void build_compaction(struct ramet_json_writer *b, const struct ramet_json *e,
			     const struct ramet_row *row)
{
	add_member(b, "summary", ramet_json_get(e, "summary"));
	add_member(b, "tokensBefore", ramet_json_get(e, "tokensBefore"));
	add_time(b, row);
}

static int add_built(struct rameti_context_work *w, struct ramet_selected *s,
		     const struct ramet_json *e, int role,
		     void (*fill)(struct ramet_json_writer *, const struct ramet_json *,
				  const struct ramet_row *),
		     struct ramet_error *err)
{
	struct ramet_buf out = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_writer b;
	int r;

	ramet_json_writer_init(&b, &out);
	ramet_json_open_object(&b);
	ramet_json_key(&b, "role");
	ramet_json_add_cstr(&b, ramet_role_name(role));
	fill(&b, e, ramet_tree_row(w->c->tree, s->row));
	ramet_json_close_object(&b);
	r = ramet_buf_status(&out) < 0 ? rameti_fail_nomem(err)
				       : add_message(w, s, ramet_buf_bytes(&out), role, err);
	ramet_buf_release(&out);
	return r;
}

/* What null or missing content stands for; NULL: it stays as it is. */
static const char *empty_content(int role)
{
	switch (role) {
	case RAMET_ROLE_SYSTEM:
		return "\"\"";
	case RAMET_ROLE_USER:
	case RAMET_ROLE_ASSISTANT:
	case RAMET_ROLE_TOOL_RESULT:
		return "[]";
	default:
		return NULL;
	}
}

static int add_with_content(struct rameti_context_work *w, struct ramet_selected *s,
			    struct ramet_bytes json, const struct ramet_json *message,
			    struct ramet_bytes content, int role, struct ramet_error *err)
{
	struct ramet_json_edit edit = { { "content", 7 }, content };
	struct ramet_buf out = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = ramet_json_edit(&out, json, message, &edit, 1, err);

	if (!r && ramet_buf_status(&out) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		r = add_message(w, s, ramet_buf_bytes(&out), role, err);
	ramet_buf_release(&out);
	return r;
}

static int add_stored(struct rameti_context_work *w, struct ramet_selected *s,
		      const struct ramet_json *e, struct ramet_error *err)
{
	const struct ramet_json *message = ramet_json_get(e, "message");
	int role = ramet_tree_row(w->c->tree, s->row)->role;
	const char *empty =
		is_nothing(ramet_json_get(message, "content")) ? empty_content(role) : NULL;

	if (ramet_json_kind(message) != RAMET_JSON_OBJECT)
		return 0;
	if (!empty)
		return add_message(w, s, ramet_json_raw(message), role, err);
	return add_with_content(w, s, ramet_json_raw(message), message, ramet_bytes_of(empty), role,
				err);
}

static int add_compaction(struct rameti_context_work *w, struct ramet_selected *s,
			  const struct ramet_json *e, struct ramet_error *err)
{
	const struct ramet_json *system = ramet_json_get(e, "systemMessage");
	struct ramet_buf role = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = 0;

	if (ramet_json_kind(system) == RAMET_JSON_OBJECT && !w->all_summaries) {
		ramet_json_text(ramet_json_get(system, "role"), &role);
		r = ramet_buf_status(&role) < 0
			    ? rameti_fail_nomem(err)
			    : add_message(w, s, ramet_json_raw(system),
					  ramet_role_of(ramet_buf_bytes(&role)), err);
		ramet_buf_release(&role);
	}
	return r < 0 ? r : add_built(w, s, e, RAMET_ROLE_COMPACTION_SUMMARY, build_compaction, err);
}

/* The messages an entry gives before edits. */
static int add_entry(struct rameti_context_work *w, struct ramet_selected *s, int leads,
		     struct ramet_error *err)
{
	const struct ramet_json *e;
	int type = ramet_tree_row(w->c->tree, s->row)->type, r;

	if (type != RAMET_ENTRY_MESSAGE && type != RAMET_ENTRY_CUSTOM_MESSAGE &&
	    type != RAMET_ENTRY_BRANCH_SUMMARY && !(type == RAMET_ENTRY_COMPACTION && leads))
		return 0;
	r = rameti_context_parse(w, s->row, &e, err);
	if (r < 0)
		return r;
	switch (type) {
	case RAMET_ENTRY_MESSAGE:
		return add_stored(w, s, e, err);
	case RAMET_ENTRY_CUSTOM_MESSAGE:
		return add_built(w, s, e, RAMET_ROLE_CUSTOM, build_custom, err);
	case RAMET_ENTRY_BRANCH_SUMMARY:
		return ramet_json_truthy(ramet_json_get(e, "summary"))
			       ? add_built(w, s, e, RAMET_ROLE_BRANCH_SUMMARY, build_branch_summary,
					   err)
			       : 0;
	default:
		return add_compaction(w, s, e, err);
	}
}

/* ---- edits ---- */

static int editable(int role)
{
	return role == RAMET_ROLE_USER || role == RAMET_ROLE_ASSISTANT ||
	       role == RAMET_ROLE_TOOL_RESULT || role == RAMET_ROLE_CUSTOM;
}

/* A text becomes one text block where the role wants blocks. */
static void new_content(const struct ramet_json *content, int role, struct ramet_buf *out)
{
	int block = ramet_json_kind(content) == RAMET_JSON_STRING &&
		    (role == RAMET_ROLE_ASSISTANT || role == RAMET_ROLE_TOOL_RESULT);

	if (block)
		ramet_buf_add_str(out, "[{\"type\":\"text\",\"text\":");
	ramet_buf_add(out, ramet_json_raw(content));
	if (block)
		ramet_buf_add_str(out, "}]");
}

static int edit_message(struct rameti_context_work *w, struct ramet_message *m,
			const struct ramet_json *content, struct ramet_error *err)
{
	struct ramet_buf value = RAMET_BUF_INIT(SIZE_MAX / 2), out = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_json_edit edit = { { "content", 7 }, { NULL, 0 } };
	int r = ramet_json_parse(&doc, m->json, 0, err);

	if (content) {
		new_content(content, m->role, &value);
		edit.value = ramet_buf_bytes(&value);
	}
	if (!r && ramet_buf_status(&value) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		r = ramet_json_edit(&out, m->json, ramet_json_root(&doc), &edit, 1, err);
	if (!r) {
		m->json = rameti_arena_dup(w->arena, ramet_buf_bytes(&out));
		if (ramet_buf_status(&out) < 0 || !m->json.ptr)
			r = rameti_fail_nomem(err);
	}
	ramet_buf_release(&value);
	ramet_buf_release(&out);
	ramet_json_doc_release(&doc);
	return r;
}

static int apply_edit(struct rameti_context_work *w, struct ramet_selected *s, uint32_t edit,
		      struct ramet_error *err)
{
	const struct ramet_json *e, *content;
	uint32_t i;
	int r = rameti_context_parse(w, edit, &e, err);

	content = r < 0 ? NULL : ramet_json_get(ramet_json_get(e, "replacement"), "content");
	for (i = s->first; !r && i < s->first + s->n; i++)
		if (editable(w->c->messages[i].role))
			r = edit_message(w, &w->c->messages[i], content, err);
	return r;
}

static int is_omitted(struct rameti_context_work *w, uint32_t edit, int *omitted,
		      struct ramet_error *err)
{
	const struct ramet_json *e;
	int r = rameti_context_parse(w, edit, &e, err);

	if (!r)
		*omitted = ramet_json_kind(ramet_json_get(e, "replacement")) == RAMET_JSON_NULL;
	return r;
}

static int project_one(struct rameti_context_work *w, const struct edits *e, uint32_t at,
		       struct ramet_error *err)
{
	struct ramet_selected *s = &w->c->selected[at];
	uint32_t edit;
	int r = 0, omitted = 0,
	    edited = e->map.n_live && rameti_map_get(&e->map, row_key(&s->row), &edit);

	s->first = w->c->n_messages;
	if (edited)
		r = is_omitted(w, edit, &omitted, err);
	if (r < 0 || omitted)
		return r;
	r = add_entry(w, s, at == 0 || w->all_summaries, err);
	if (!r && edited && s->n)
		r = apply_edit(w, s, edit, err);
	return r;
}

int rameti_context_project(struct rameti_context_work *w, struct ramet_error *err)
{
	struct edits e;
	uint32_t i;
	int r;

	rameti_map_init(&e.map, 0);
	r = note_edits(w, &e, err);
	for (i = 0; !r && i < w->c->n_selected; i++)
		r = project_one(w, &e, i, err);
	rameti_map_release(&e.map);
	return r;
}
