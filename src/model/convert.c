/*
 * model/convert.c - a context written down: as it is, by source entry, and converted for the model.
 *
 * Messages pass as stored bytes; only bash runs, custom messages and summaries are made into user
 * messages. The wrapping sentences are pi's, because models are used to them.
 */
#include "model/context_priv.h"

#include "base/error.h"

int ramet_context_write(const struct ramet_context *c, struct ramet_buf *out,
			struct ramet_error *err)
{
	struct ramet_json_writer w;
	size_t before = out->len;
	uint32_t i;

	ramet_json_writer_init(&w, out);
	ramet_json_open_object(&w);
	ramet_json_key(&w, "messages");
	ramet_json_open_array(&w);
	for (i = 0; i < c->n_messages; i++)
		ramet_json_add_raw(&w, c->messages[i].json);
	ramet_json_close_array(&w);
	if (c->thinking_level.ptr) {
		ramet_json_key(&w, "thinkingLevel");
		ramet_json_add_raw(&w, c->thinking_level);
	}
	ramet_json_key(&w, "model");
	if (c->has_model) {
		ramet_json_open_object(&w);
		if (c->provider.ptr) {
			ramet_json_key(&w, "provider");
			ramet_json_add_raw(&w, c->provider);
		}
		if (c->model_id.ptr) {
			ramet_json_key(&w, "modelId");
			ramet_json_add_raw(&w, c->model_id);
		}
		ramet_json_close_object(&w);
	} else {
		ramet_json_add_null(&w);
	}
	ramet_json_close_object(&w);
	return rameti_context_written(out, before, 0, err);
}

/* The stored type, also one we do not know. */
static int add_type(struct ramet_json_writer *w, const struct ramet_context *c, uint32_t row,
		    struct rameti_context_work *work, struct ramet_error *err)
{
	const char *name = ramet_entry_type_name(ramet_tree_row(c->tree, row)->type);
	const struct ramet_json *e, *type;
	int r;

	if (*name) {
		ramet_json_key(w, "type");
		ramet_json_add_cstr(w, name);
		return 0;
	}
	r = rameti_context_parse(work, row, &e, err);
	type = r < 0 ? NULL : ramet_json_get(e, "type");
	if (type) {
		ramet_json_key(w, "type");
		ramet_json_add_raw(w, ramet_json_raw(type));
	}
	return r;
}

static int write_selected(struct ramet_json_writer *w, const struct ramet_context *c,
			  const struct ramet_selected *s, struct rameti_context_work *work,
			  struct ramet_error *err)
{
	uint32_t i;
	int r;

	ramet_json_open_object(w);
	ramet_json_key(w, "sourceId");
	if (ramet_tree_row(c->tree, s->row)->flags & RAMET_ROW_NO_ID)
		ramet_json_add_null(w);
	else
		ramet_json_add_text(w, ramet_tree_id(c->tree, s->row));
	r = add_type(w, c, s->row, work, err);
	ramet_json_key(w, "messages");
	ramet_json_open_array(w);
	for (i = s->first; i < s->first + s->n; i++)
		ramet_json_add_raw(w, c->messages[i].json);
	ramet_json_close_array(w);
	ramet_json_close_object(w);
	return r;
}

int ramet_context_write_projection(const struct ramet_context *c, struct ramet_buf *out,
				   struct ramet_error *err)
{
	struct rameti_context_work work = RAMETI_CONTEXT_WORK_INIT;
	struct ramet_context view = *c;
	struct ramet_json_writer w;
	size_t before = out->len;
	uint32_t i;
	int r = 0;

	work.c = &view;
	ramet_json_writer_init(&w, out);
	ramet_json_open_array(&w);
	for (i = 0; !r && i < c->n_selected; i++)
		r = write_selected(&w, c, &c->selected[i], &work, err);
	ramet_json_close_array(&w);
	ramet_buf_release(&work.scratch);
	ramet_json_doc_release(&work.doc);
	return rameti_context_written(out, before, r, err);
}

/* ---- conversion for the model ---- */

/* A text, or a number or truth value where a text should stand; nothing for the rest. */
static void add_scalar(struct ramet_buf *text, const struct ramet_json *v)
{
	struct ramet_json_writer w;

	switch (ramet_json_kind(v)) {
	case RAMET_JSON_STRING:
		ramet_json_text(v, text);
		break;
	case RAMET_JSON_NUMBER:
		ramet_json_writer_init(&w, text);
		ramet_json_add_double(&w, ramet_json_number(v));
		break;
	case RAMET_JSON_TRUE:
	case RAMET_JSON_FALSE:
		ramet_buf_add(text, ramet_json_raw(v));
		break;
	default:
		break;
	}
}

static void bash_text(const struct ramet_json *m, struct ramet_buf *text)
{
	const struct ramet_json *code = ramet_json_get(m, "exitCode"),
				*path = ramet_json_get(m, "fullOutputPath");

	ramet_buf_add_str(text, "Ran `");
	add_scalar(text, ramet_json_get(m, "command"));
	ramet_buf_add_str(text, "`\n");
	if (ramet_json_truthy(ramet_json_get(m, "output"))) {
		ramet_buf_add_str(text, "```\n");
		add_scalar(text, ramet_json_get(m, "output"));
		ramet_buf_add_str(text, "\n```");
	} else {
		ramet_buf_add_str(text, "(no output)");
	}
	if (ramet_json_truthy(ramet_json_get(m, "cancelled"))) {
		ramet_buf_add_str(text, "\n\n(command cancelled)");
	} else if (ramet_json_truthy(code)) {
		ramet_buf_add_str(text, "\n\nCommand exited with code ");
		add_scalar(text, code);
	}
	if (ramet_json_truthy(ramet_json_get(m, "truncated")) && ramet_json_truthy(path)) {
		ramet_buf_add_str(text, "\n\n[Output truncated. Full output: ");
		add_scalar(text, path);
		ramet_buf_add_char(text, ']');
	}
}

static void summary_text(const struct ramet_json *m, int role, struct ramet_buf *text)
{
	int branch = role == RAMET_ROLE_BRANCH_SUMMARY;

	ramet_buf_add_str(text, branch ? "The following is a summary of a branch that this "
					 "conversation came back from:\n\n<summary>\n"
				       : "The conversation history before this point was compacted "
					 "into the following summary:\n\n<summary>\n");
	add_scalar(text, ramet_json_get(m, "summary"));
	ramet_buf_add_str(text, branch ? "</summary>" : "\n</summary>");
}

void rameti_message_retold(const struct ramet_json *m, int role, struct ramet_buf *text)
{
	if (role == RAMET_ROLE_BASH_EXECUTION)
		bash_text(m, text);
	else
		summary_text(m, role, text);
}

static void add_text_block(struct ramet_json_writer *w, struct ramet_bytes text)
{
	ramet_json_open_array(w);
	ramet_json_open_object(w);
	ramet_json_key(w, "type");
	ramet_json_add_cstr(w, "text");
	ramet_json_key(w, "text");
	ramet_json_add_text(w, text);
	ramet_json_close_object(w);
	ramet_json_close_array(w);
}

static void add_user(struct ramet_json_writer *w, const struct ramet_json *m, int role,
		     struct ramet_buf *text)
{
	const struct ramet_json *content = ramet_json_get(m, "content"),
				*time = ramet_json_get(m, "timestamp");

	ramet_buf_reset(text);
	ramet_json_open_object(w);
	ramet_json_key(w, "role");
	ramet_json_add_cstr(w, "user");
	if (role != RAMET_ROLE_CUSTOM || ramet_json_kind(content) == RAMET_JSON_STRING) {
		if (role == RAMET_ROLE_CUSTOM)
			ramet_json_text(content, text);
		else
			rameti_message_retold(m, role, text);
		ramet_json_key(w, "content");
		add_text_block(w, ramet_buf_bytes(text));
	} else if (content) {
		ramet_json_key(w, "content");
		ramet_json_add_raw(w, ramet_json_raw(content));
	}
	if (time) {
		ramet_json_key(w, "timestamp");
		ramet_json_add_raw(w, ramet_json_raw(time));
	}
	ramet_json_close_object(w);
}

static int convert(struct ramet_json_writer *w, const struct ramet_message *message,
		   struct ramet_json_doc *doc, struct ramet_buf *text, struct ramet_error *err)
{
	const struct ramet_json *m;
	int r;

	switch (message->role) {
	case RAMET_ROLE_SYSTEM:
	case RAMET_ROLE_USER:
	case RAMET_ROLE_ASSISTANT:
	case RAMET_ROLE_TOOL_RESULT:
		ramet_json_add_raw(w, message->json);
		return 0;
	case RAMET_ROLE_BASH_EXECUTION:
	case RAMET_ROLE_CUSTOM:
	case RAMET_ROLE_BRANCH_SUMMARY:
	case RAMET_ROLE_COMPACTION_SUMMARY:
		r = ramet_json_parse(doc, message->json, 0, err);
		m = ramet_json_root(doc);
		if (r < 0 || (message->role == RAMET_ROLE_BASH_EXECUTION &&
			      ramet_json_truthy(ramet_json_get(m, "excludeFromContext"))))
			return r;
		add_user(w, m, message->role, text);
		return ramet_buf_status(text) < 0 ? rameti_fail_nomem(err) : 0;
	default:
		return 0;
	}
}

int ramet_context_write_llm(const struct ramet_context *c, struct ramet_buf *out,
			    struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_json_writer w;
	size_t before = out->len;
	uint32_t i;
	int r = 0;

	ramet_json_writer_init(&w, out);
	ramet_json_open_array(&w);
	for (i = 0; !r && i < c->n_messages; i++)
		r = convert(&w, &c->messages[i], &doc, &text, err);
	ramet_json_close_array(&w);
	ramet_buf_release(&text);
	ramet_json_doc_release(&doc);
	return rameti_context_written(out, before, r, err);
}
