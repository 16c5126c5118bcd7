/*
 * ops/excerpt.c - the one line that people see for an entry.
 *
 * Every text goes through oneline.c, so nothing in a session can move the cursor or turn the line
 * around. Members that are missing or of a wrong kind leave their place empty.
 */
#include "ops/oneline_priv.h"
#include "ops/report_priv.h"

#include "base/error.h"

#define ARGUMENT_MAX 60u                         /* bytes of a tool call's argument */

struct excerpt {
	struct rameti_oneline line;
	struct ramet_buf text;                   /* one decoded text at a time */
	const struct ramet_json *entry, *message;
	int status;                              /* the first failure of text */
};

/* The text just decoded goes into a line; 1 if there is any. */
static int add_decoded(struct excerpt *x, struct rameti_oneline *l)
{
	if (ramet_buf_status(&x->text) < 0) {
		x->status = ramet_buf_status(&x->text);
		x->line.full = 1;
		return 0;
	}
	rameti_oneline_add(l, ramet_buf_bytes(&x->text));
	return x->text.len > 0;
}

/* The decoded text of v if it is one; 1 if it is not empty. */
static int add(struct excerpt *x, const struct ramet_json *v)
{
	if (x->line.full || ramet_json_kind(v) != RAMET_JSON_STRING)
		return 0;
	ramet_buf_reset(&x->text);
	ramet_json_text(v, &x->text);
	return add_decoded(x, &x->line);
}

static void say(struct excerpt *x, const char *text)
{
	rameti_oneline_add_str(&x->line, text);
}

static int add_member(struct excerpt *x, const struct ramet_json *object, const char *key)
{
	return add(x, ramet_json_get(object, key));
}

/* The member key of all blocks of one type, blanks between them. 1 if there was any text. */
static int add_blocks(struct excerpt *x, const struct ramet_json *content, const char *type,
		      const char *key)
{
	const struct ramet_json *b = NULL;
	int any = 0;

	if (ramet_json_kind(content) != RAMET_JSON_ARRAY)
		return 0;
	while (!x->line.full && (b = ramet_json_next(content, b)) != NULL) {
		if (!ramet_json_text_is(ramet_json_get(b, "type"), type))
			continue;
		x->line.blank = 1;
		any |= add_member(x, b, key);
	}
	return any;
}

static int add_content(struct excerpt *x, const struct ramet_json *content)
{
	const struct ramet_json *b = NULL;

	if (add(x, content) || add_blocks(x, content, "text", "text"))
		return 1;
	if (ramet_json_kind(content) != RAMET_JSON_ARRAY)
		return 0;
	while ((b = ramet_json_next(content, b)) != NULL)
		if (ramet_json_text_is(ramet_json_get(b, "type"), "image")) {
			say(x, "[image]");
			return 1;
		}
	return 0;
}

/* ---- tool calls ---- */

/* The argument that tells most about a call: a well-known one, else the first that is a text. */
static const struct ramet_json *telling_argument(const struct ramet_json *arguments)
{
	static const char *const names[] = {
		"command", "pattern", "query", "path", "file_path", "filePath", "url"
	};
	const struct ramet_json *v, *key = NULL;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		v = ramet_json_get(arguments, names[i]);
		if (ramet_json_kind(v) == RAMET_JSON_STRING)
			return v;
	}
	if (ramet_json_kind(arguments) != RAMET_JSON_OBJECT)
		return arguments;
	while ((key = ramet_json_next(arguments, key)) != NULL) {
		v = key = ramet_json_next(arguments, key);
		if (ramet_json_kind(v) == RAMET_JSON_STRING)
			return v;
	}
	return ramet_json_count(arguments) ? arguments : NULL;
}

static void add_argument(struct excerpt *x, const struct ramet_json *v)
{
	struct ramet_buf shown = RAMET_BUF_INIT(ARGUMENT_MAX);
	struct rameti_oneline l;

	rameti_oneline_init(&l, &shown, ARGUMENT_MAX);
	ramet_buf_reset(&x->text);
	if (ramet_json_kind(v) == RAMET_JSON_STRING)
		ramet_json_text(v, &x->text);
	else if (v)
		ramet_buf_add(&x->text, ramet_json_raw(v));
	add_decoded(x, &l);
	if (!x->status)
		x->status = ramet_buf_status(&shown);
	rameti_oneline_add(&x->line, ramet_buf_bytes(&shown));
	if (l.full)
		say(x, "\xe2\x80\xa6");
	ramet_buf_release(&shown);
}

static int add_calls(struct excerpt *x, const struct ramet_json *content)
{
	const struct ramet_json *b = NULL;
	int any = 0;

	if (ramet_json_kind(content) != RAMET_JSON_ARRAY)
		return 0;
	while (!x->line.full && (b = ramet_json_next(content, b)) != NULL) {
		if (!ramet_json_text_is(ramet_json_get(b, "type"), "toolCall"))
			continue;
		say(x, any++ ? " \xe2\x86\x92 " : "\xe2\x86\x92 ");
		add_member(x, b, "name");
		say(x, "(");
		add_argument(x, telling_argument(ramet_json_get(b, "arguments")));
		say(x, ")");
	}
	return any;
}

/* ---- messages ---- */

static void add_assistant(struct excerpt *x)
{
	const struct ramet_json *content = ramet_json_get(x->message, "content");

	if (add(x, content) || add_blocks(x, content, "text", "text") || add_calls(x, content) ||
	    add_member(x, x->message, "errorMessage") ||
	    add_blocks(x, content, "thinking", "thinking"))
		return;
	if (!ramet_json_text_is(ramet_json_get(x->message, "stopReason"), "stop"))
		add_member(x, x->message, "stopReason");
}

static void add_system(struct excerpt *x)
{
	const struct ramet_json *sections = ramet_json_get(x->message, "sections"), *v = NULL;

	if (add_content(x, ramet_json_get(x->message, "content")))
		return;
	if (ramet_json_kind(sections) != RAMET_JSON_OBJECT)
		return;
	while (!x->line.full && (v = ramet_json_next(sections, v)) != NULL) {
		x->line.blank = 1;
		v = ramet_json_next(sections, v);
		add(x, v);
	}
}

static void add_message(struct excerpt *x, int role)
{
	const struct ramet_json *content = ramet_json_get(x->message, "content");

	switch (role) {
	case RAMET_ROLE_ASSISTANT:
		add_assistant(x);
		break;
	case RAMET_ROLE_SYSTEM:
		add_system(x);
		break;
	case RAMET_ROLE_TOOL_RESULT:
		if (add_member(x, x->message, "toolName"))
			say(x, ": ");
		add_content(x, content);
		break;
	case RAMET_ROLE_BASH_EXECUTION:
		say(x, "$ ");
		add_member(x, x->message, "command");
		break;
	case RAMET_ROLE_BRANCH_SUMMARY:
	case RAMET_ROLE_COMPACTION_SUMMARY:
		add_member(x, x->message, "summary");
		break;
	default:
		if (!add_content(x, content))
			add_member(x, x->message, "customType");
	}
}

/* ---- other entries ---- */

static void add_pair(struct excerpt *x, const char *first, const char *second)
{
	if (add_member(x, x->entry, first) && ramet_json_get(x->entry, second))
		say(x, "/");
	add_member(x, x->entry, second);
}

static void add_label(struct excerpt *x)
{
	const struct ramet_json *label = ramet_json_get(x->entry, "label");

	say(x, "label on ");
	add_member(x, x->entry, "targetId");
	if (ramet_json_kind(label) != RAMET_JSON_STRING || ramet_json_text_is(label, "")) {
		say(x, " cleared");
		return;
	}
	say(x, ": ");
	add(x, label);
}

static void add_edit(struct excerpt *x)
{
	const struct ramet_json *replacement = ramet_json_get(x->entry, "replacement");
	int omit = ramet_json_kind(replacement) == RAMET_JSON_NULL;

	say(x, omit ? "omit " : "replace ");
	add_member(x, x->entry, "targetId");
	if (!omit) {
		say(x, ": ");
		add_content(x, ramet_json_get(replacement, "content"));
	}
}

static void add_entry(struct excerpt *x, const struct ramet_row *row)
{
	switch (row->type) {
	case RAMET_ENTRY_MESSAGE:
		add_message(x, row->role);
		break;
	case RAMET_ENTRY_MODEL_CHANGE:
		add_pair(x, "provider", "modelId");
		break;
	case RAMET_ENTRY_THINKING_LEVEL_CHANGE:
		add_member(x, x->entry, "thinkingLevel");
		break;
	case RAMET_ENTRY_USAGE:
		if (add_member(x, x->entry, "kind"))
			say(x, " ");
		add_pair(x, "provider", "model");
		break;
	case RAMET_ENTRY_COMPACTION:
	case RAMET_ENTRY_BRANCH_SUMMARY:
		add_member(x, x->entry, "summary");
		break;
	case RAMET_ENTRY_CUSTOM_MESSAGE:
		if (!add_content(x, ramet_json_get(x->entry, "content")))
			add_member(x, x->entry, "customType");
		break;
	case RAMET_ENTRY_CUSTOM:
		add_member(x, x->entry, "customType");
		break;
	case RAMET_ENTRY_CONTEXT_EDIT:
		add_edit(x);
		break;
	case RAMET_ENTRY_LABEL:
		add_label(x);
		break;
	case RAMET_ENTRY_SESSION_INFO:
		if (!add_member(x, x->entry, "name"))
			say(x, "no name");
		break;
	default:
		add_member(x, x->entry, "type");
	}
}

int ramet_entry_excerpt(const struct ramet_session *s, uint32_t row, size_t max_len,
			struct ramet_buf *out, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct excerpt x = { .text = RAMET_BUF_INIT(SIZE_MAX / 2) };
	struct ramet_bytes json;
	size_t start = out->len;
	int r;

	r = ramet_tree_entry(t, row, &scratch, &json, err);
	if (!r)
		r = ramet_json_parse(&doc, json, 0, err);
	if (!r) {
		x.entry = ramet_json_root(&doc);
		x.message = ramet_json_get(x.entry, "message");
		rameti_oneline_init(&x.line, out, max_len);
		add_entry(&x, ramet_tree_row(t, row));
		if (x.status < 0)
			r = rameti_fail_nomem(err);
	}
	ramet_buf_release(&x.text);
	ramet_buf_release(&scratch);
	ramet_json_doc_release(&doc);
	return rameti_report_end(out, start, r, err);
}
