/*
 * ops/export_md.c - the path to a leaf as Markdown, in the structure that ggcode's export has.
 *
 * Every message on the path is there, also those that a compaction summed up: what is said, tool
 * calls, their results. Images, reasoning, settings and summaries are left out, as ggcode does. A
 * fence is longer than any in what it holds, so that nothing ends it early.
 */
#include "ramet/ggcode.h"
#include "ops/peek_priv.h"
#include "ops/report_priv.h"

#include "base/clock.h"
#include "base/error.h"
#include "json/scan.h"

#include <string.h>

struct export {
	const struct ramet_session *s;
	struct ramet_json_doc doc;
	struct ramet_buf scratch, text, body, title, provider, model;
	uint64_t n_messages;
	int64_t last_ms;
};

/* A failure stays, and is told at the end. */
static void clear(struct export *x)
{
	if (ramet_buf_status(&x->text) == 0)
		ramet_buf_reset(&x->text);
}

static struct ramet_bytes text_of(struct export *x, const struct ramet_json *v)
{
	clear(x);
	if (ramet_json_kind(v) == RAMET_JSON_STRING)
		ramet_json_text(v, &x->text);
	return ramet_buf_bytes(&x->text);
}

/* ---- blocks ---- */

static void add_fence(struct export *x, struct ramet_bytes inside)
{
	size_t i, run = 0, most = 2;

	for (i = 0; i < inside.len; i++) {
		run = inside.ptr[i] == '`' ? run + 1 : 0;
		most = run > most ? run : most;
	}
	for (i = 0; i <= most; i++)
		ramet_buf_add_char(&x->body, '`');
}

static void add_fenced(struct export *x, const char *language, struct ramet_bytes inside)
{
	add_fence(x, inside);
	ramet_buf_addf(&x->body, "%s\n", language);
	ramet_buf_add(&x->body, inside);
	ramet_buf_add_char(&x->body, '\n');
	add_fence(x, inside);
	ramet_buf_add_char(&x->body, '\n');
}

static void add_text(struct export *x, struct ramet_bytes text)
{
	if (!text.len)
		return;
	ramet_buf_add(&x->body, text);
	ramet_buf_add_str(&x->body, "\n\n");
}

static void add_call(struct export *x, const struct ramet_json *block)
{
	const struct ramet_json *arguments = ramet_json_get(block, "arguments");

	ramet_buf_add_str(&x->body, "**Tool Call:** `");
	ramet_buf_add(&x->body, text_of(x, ramet_json_get(block, "name")));
	ramet_buf_add_str(&x->body, "`\n");
	if (arguments) {
		clear(x);
		rameti_json_add_compact(&x->text, arguments);
		add_fenced(x, "json", ramet_buf_bytes(&x->text));
	}
	ramet_buf_add_char(&x->body, '\n');
}

static void add_content(struct export *x, const struct ramet_json *content)
{
	const struct ramet_json *block = NULL;

	if (ramet_json_kind(content) == RAMET_JSON_STRING)
		add_text(x, text_of(x, content));
	if (ramet_json_kind(content) != RAMET_JSON_ARRAY)
		return;
	while ((block = ramet_json_next(content, block)) != NULL) {
		const struct ramet_json *type = ramet_json_get(block, "type");

		if (ramet_json_text_is(type, "text"))
			add_text(x, text_of(x, ramet_json_get(block, "text")));
		else if (ramet_json_text_is(type, "toolCall"))
			add_call(x, block);
	}
}

static void add_result_of(struct export *x, int is_error, struct ramet_bytes output)
{
	ramet_buf_addf(&x->body, "**Tool Result** (error=%s):\n", is_error ? "true" : "false");
	add_fenced(x, "", output);
	ramet_buf_add_char(&x->body, '\n');
}

/* The texts of a result, one after the other. */
static void add_result(struct export *x, const struct ramet_json *message)
{
	const struct ramet_json *content = ramet_json_get(message, "content"), *block = NULL;

	clear(x);
	if (ramet_json_kind(content) == RAMET_JSON_STRING)
		ramet_json_text(content, &x->text);
	if (ramet_json_kind(content) == RAMET_JSON_ARRAY)
		while ((block = ramet_json_next(content, block)) != NULL)
			if (ramet_json_text_is(ramet_json_get(block, "type"), "text"))
				ramet_json_text(ramet_json_get(block, "text"), &x->text);
	add_result_of(x, ramet_json_truthy(ramet_json_get(message, "isError")),
		      ramet_buf_bytes(&x->text));
}

/* A command that the user ran. */
static void add_run(struct export *x, const struct ramet_json *message)
{
	const struct ramet_json *code = ramet_json_get(message, "exitCode");

	ramet_buf_add_str(&x->body, "**Tool Call:** `bash`\n");
	add_fenced(x, "json", ramet_json_raw(ramet_json_get(message, "command")));
	ramet_buf_add_char(&x->body, '\n');
	add_result_of(x, ramet_json_kind(code) == RAMET_JSON_NUMBER && ramet_json_number(code) != 0,
		      text_of(x, ramet_json_get(message, "output")));
}

/* ---- messages ---- */

static void add_heading(struct export *x, uint8_t role)
{
	static const struct {
		uint8_t role;
		const char *name;
	} names[] = {
		{ RAMET_ROLE_USER, "User" },
		{ RAMET_ROLE_ASSISTANT, "Assistant" },
		{ RAMET_ROLE_SYSTEM, "System" },
		{ RAMET_ROLE_TOOL_RESULT, "User" },
		{ RAMET_ROLE_BASH_EXECUTION, "User" },
	};
	const char *name = ramet_role_name(role);
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].role == role)
			name = names[i].name;
	ramet_buf_addf(&x->body, "## %s\n\n", name);
}

static void keep_text(struct ramet_buf *to, const struct ramet_json *v)
{
	if (ramet_json_kind(v) != RAMET_JSON_STRING)
		return;
	ramet_buf_reset(to);
	ramet_json_text(v, to);
}

/* Without a name the first words of the user are the title. */
static int keep_title(struct export *x, const struct ramet_json *content, struct ramet_error *err)
{
	const struct ramet_json *block = NULL;
	struct ramet_bytes text = text_of(x, content);

	if (ramet_json_kind(content) == RAMET_JSON_ARRAY)
		while (!text.len && (block = ramet_json_next(content, block)) != NULL)
			if (ramet_json_text_is(ramet_json_get(block, "type"), "text"))
				text = text_of(x, ramet_json_get(block, "text"));
	if (!text.len || x->title.len)
		return 0;
	return ramet_ggcode_title(text, &x->title) < 0 ? rameti_fail_nomem(err) : 0;
}

static int add_message(struct export *x, const struct ramet_row *row,
		       const struct ramet_json *message, struct ramet_error *err)
{
	const struct ramet_json *content = ramet_json_get(message, "content");
	int r = 0;

	x->n_messages++;
	add_heading(x, row->role);
	if (row->role == RAMET_ROLE_USER)
		r = keep_title(x, content, err);
	if (row->role == RAMET_ROLE_ASSISTANT) {
		keep_text(&x->provider, ramet_json_get(message, "provider"));
		keep_text(&x->model, ramet_json_get(message, "model"));
	}
	if (row->role == RAMET_ROLE_TOOL_RESULT)
		add_result(x, message);
	else if (row->role == RAMET_ROLE_BASH_EXECUTION)
		add_run(x, message);
	else
		add_content(x, content);
	ramet_buf_add_str(&x->body, "---\n\n");
	return r;
}

static int add_entry(struct export *x, uint32_t row, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(x->s);
	const struct ramet_row *facts = ramet_tree_row(t, row);
	struct ramet_bytes json;
	int r;

	if (facts->time_ms != RAMET_TIME_NONE)
		x->last_ms = facts->time_ms;
	if (facts->type != RAMET_ENTRY_MESSAGE && facts->type != RAMET_ENTRY_MODEL_CHANGE)
		return 0;
	r = ramet_tree_entry(t, row, &x->scratch, &json, err);
	if (!r)
		r = ramet_json_parse(&x->doc, json, 0, err);
	if (r < 0)
		return r;
	if (facts->type == RAMET_ENTRY_MESSAGE)
		return add_message(x, facts,
				   ramet_json_get(ramet_json_root(&x->doc), "message"), err);
	keep_text(&x->provider, ramet_json_get(ramet_json_root(&x->doc), "provider"));
	keep_text(&x->model, ramet_json_get(ramet_json_root(&x->doc), "modelId"));
	return 0;
}

/* ---- the head ---- */

static void add_time(struct ramet_buf *out, const char *what, int64_t ms)
{
	char text[40];

	if (ms == RAMET_TIME_NONE)
		return;
	rameti_time_format(ms, text);
	ramet_buf_addf(out, "**%s:** %.19sZ\n", what, text);
}

static int add_head(struct export *x, struct ramet_buf *out, struct ramet_error *err)
{
	const struct ramet_header *h = ramet_session_header(x->s);
	int r;

	clear(x);
	r = ramet_tree_name(ramet_session_tree(x->s), &x->text, err);
	if (r < 0)
		return r;
	ramet_buf_add_str(out, "# ");
	ramet_buf_add(out, ramet_buf_bytes(x->text.len ? &x->text : &x->title));
	ramet_buf_add_str(out, "\n\n**Session:** ");
	ramet_buf_add(out, h->id);
	ramet_buf_add_char(out, '\n');
	add_time(out, "Created", h->created_ms);
	add_time(out, "Updated", x->last_ms == RAMET_TIME_NONE ? h->created_ms : x->last_ms);
	if (x->provider.len) {
		ramet_buf_add_str(out, "**Vendor:** ");
		ramet_buf_add(out, ramet_buf_bytes(&x->provider));
		if (x->model.len)
			ramet_buf_addf(out, " / %s", x->model.ptr);
		ramet_buf_add_char(out, '\n');
	}
	ramet_buf_addf(out, "**Messages:** %llu\n\n---\n\n", (unsigned long long)x->n_messages);
	return 0;
}

int ramet_export_md(const struct ramet_session *s, uint32_t leaf, struct ramet_buf *out,
		    struct ramet_error *err)
{
	struct export x = { .s = s, .doc = RAMET_JSON_DOC_INIT, .last_ms = RAMET_TIME_NONE };
	struct ramet_buf *const bufs[] = { &x.scratch, &x.text,	    &x.body,
					   &x.title,   &x.provider, &x.model };
	struct ramet_path path = RAMET_PATH_INIT;
	size_t before = out->len;
	uint32_t i;
	int r = ramet_tree_path(ramet_session_tree(s), leaf, &path, err);

	for (i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
		ramet_buf_init(bufs[i], SIZE_MAX / 2);
	for (i = 0; !r && i < path.n; i++)
		r = add_entry(&x, path.rows[i], err);
	if (!r)
		r = add_head(&x, out, err);
	if (!r)
		ramet_buf_add(out, ramet_buf_bytes(&x.body));
	for (i = 0; !r && i < sizeof(bufs) / sizeof(bufs[0]); i++)
		if (ramet_buf_status(bufs[i]) < 0)
			r = rameti_fail_nomem(err);
	if (!r && ramet_buf_status(out) < 0)
		r = rameti_fail_nomem(err);
	if (r < 0)
		ramet_buf_truncate(out, before);
	for (i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
		ramet_buf_release(bufs[i]);
	ramet_path_release(&path);
	ramet_json_doc_release(&x.doc);
	return r;
}
