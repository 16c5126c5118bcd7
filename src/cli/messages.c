/*
 * cli/messages.c - messages as a person reads them: a heading, wrapped text, a line a call.
 *
 * What is talk is shown whole; what tools print, and what a model thinks, is cut after a few lines
 * unless everything is asked for. Blocks of unknown kinds are named, never dropped in silence.
 */
#include "cli/messages.h"

#include "cli/cli.h"
#include "cli/member.h"

#include <string.h>

#define TALK_LINES UINT32_MAX
#define OUTPUT_LINES 12
#define INDENT 2

struct printer {
	struct out *out;
	const struct messages_opts *opts;
	struct ramet_buf text, more;             /* scratch */
};

struct heading {
	const char *role, *word;
	enum style style;
};
static const struct heading headings[] = {
	{ "system", "system", STYLE_SYSTEM },
	{ "user", "user", STYLE_USER },
	{ "assistant", "assistant", STYLE_ASSISTANT },
	{ "toolResult", "tool result", STYLE_TOOL },
	{ "bashExecution", "bash", STYLE_TOOL },
	{ "custom", "custom", STYLE_SYSTEM },
	{ "hookMessage", "custom", STYLE_SYSTEM },
	{ "branchSummary", "branch summary", STYLE_SUMMARY },
	{ "compactionSummary", "compaction summary", STYLE_SUMMARY },
	{ NULL, "message", STYLE_NONE },
};

static const struct heading *heading_of(const struct ramet_json *message)
{
	const struct ramet_json *role = ramet_json_get(message, "role");
	const struct heading *h = headings;

	while (h->role && !ramet_json_text_is(role, h->role))
		h++;
	return h;
}

/* "── assistant  claude-opus-4-5" */
static void print_heading(struct printer *p, const struct ramet_json *message,
			  const struct heading *h)
{
	static const char *const details[] = { "toolName", "customType", "model" };
	struct out *o = p->out;
	size_t room = out_room(o, strlen(h->word) + 5, 8);

	out_styled(o, STYLE_DIM, "── ");
	out_styled(o, h->style, h->word);
	for (size_t i = 0; i < 3; i++) {
		struct ramet_bytes detail = member_text(message, details[i], &p->text);

		if (!detail.len)
			continue;
		out_str(o, "  ");
		out_style(o, STYLE_DIM);
		out_safe(o, detail, room);
		out_style(o, STYLE_NONE);
		break;
	}
	if (ramet_json_truthy(ramet_json_get(message, "isError")))
		out_styled(o, STYLE_DAMAGE, "  error");
	out_newline(o);
}

static uint64_t count_lines(struct ramet_bytes text)
{
	uint64_t n = text.len && text.ptr[text.len - 1] != '\n';

	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == '\n';
	return n;
}

static struct ramet_bytes trim_end(struct ramet_bytes text)
{
	while (text.len && strchr(" \t\r\n", text.ptr[text.len - 1]))
		text.len--;
	return text;
}

/* Wrapped and indented; at most so many lines. */
static void print_text(struct printer *p, struct ramet_bytes text, enum style style, uint32_t most)
{
	struct out *o = p->out;
	size_t cells = out_room(o, INDENT, 20);

	text = trim_end(text);
	for (uint32_t n = 0; text.len && (n < most || p->opts->all) && !out_broken(o); n++) {
		ramet_buf_reset(&p->more);
		text_next_line(&text, cells, &p->more);
		if (p->more.len) {
			text_add_blanks(&o->buf, INDENT);
			out_styled(o, style, p->more.ptr);
		}
		out_newline(o);
	}
	if (text.len) {
		ramet_buf_reset(&p->more);
		ramet_buf_addf(&p->more, "  … %llu more lines (--all)",
			       (unsigned long long)count_lines(text));
		out_styled(o, STYLE_DIM, p->more.ptr);
		out_newline(o);
	}
}

/* "→ write  {"path":...}" in one line, or all of it. */
static void print_call(struct printer *p, const struct ramet_json *block)
{
	struct out *o = p->out;
	struct ramet_bytes name = member_text(block, "name", &p->text);
	struct ramet_bytes arguments = ramet_json_raw(ramet_json_get(block, "arguments"));
	size_t used;

	out_str(o, "  ");
	out_style(o, STYLE_TOOL);
	out_str(o, "→ ");
	used = out_safe(o, name, 40) + 6;
	out_style(o, STYLE_NONE);
	out_str(o, "  ");
	if (!p->opts->all)
		out_safe(o, arguments, out_room(o, used, 20));
	out_newline(o);
	if (p->opts->all)
		print_text(p, arguments, STYLE_DIM, TALK_LINES);
}

static void print_block(struct printer *p, const struct ramet_json *block, uint32_t most)
{
	const struct ramet_json *type = ramet_json_get(block, "type");

	if (ramet_json_text_is(type, "text")) {
		print_text(p, member_text(block, "text", &p->text), STYLE_NONE, most);
	} else if (ramet_json_text_is(type, "thinking")) {
		print_text(p, member_text(block, "thinking", &p->text), STYLE_DIM, OUTPUT_LINES);
	} else if (ramet_json_text_is(type, "toolCall")) {
		print_call(p, block);
	} else {
		ramet_buf_add_str(&p->out->buf, "  [");
		out_safe(p->out, member_text(block, "type", &p->text), 40);
		out_str(p->out, "]");
		out_newline(p->out);
	}
}

static void print_content(struct printer *p, const struct ramet_json *content, uint32_t most)
{
	const struct ramet_json *block = NULL;

	if (ramet_json_kind(content) == RAMET_JSON_STRING) {
		ramet_buf_reset(&p->text);
		ramet_json_text(content, &p->text);
		print_text(p, ramet_buf_bytes(&p->text), STYLE_NONE, most);
	}
	if (ramet_json_kind(content) != RAMET_JSON_ARRAY)
		return;
	while ((block = ramet_json_next(content, block)) != NULL && !out_broken(p->out))
		print_block(p, block, most);
}

/* The named parts of a system message, each under its name. */
static void print_sections(struct printer *p, const struct ramet_json *sections)
{
	const struct ramet_json *v = NULL;

	if (ramet_json_kind(sections) != RAMET_JSON_OBJECT)
		return;
	while ((v = ramet_json_next(sections, v)) != NULL && !out_broken(p->out)) {
		ramet_buf_reset(&p->text);
		ramet_json_text(v, &p->text);
		ramet_buf_add_char(&p->text, ':');
		print_text(p, ramet_buf_bytes(&p->text), STYLE_BOLD, 1);
		v = ramet_json_next(sections, v);
		ramet_buf_reset(&p->text);
		ramet_json_text(v, &p->text);
		print_text(p, ramet_buf_bytes(&p->text), STYLE_NONE, OUTPUT_LINES);
	}
}

static void print_command(struct printer *p, const struct ramet_json *message)
{
	ramet_buf_reset(&p->text);
	ramet_buf_add_str(&p->text, "$ ");
	ramet_json_text(ramet_json_get(message, "command"), &p->text);
	print_text(p, ramet_buf_bytes(&p->text), STYLE_BOLD, TALK_LINES);
	print_text(p, member_text(message, "output", &p->text), STYLE_NONE, OUTPUT_LINES);
}

void messages_print(struct out *o, const struct ramet_json *message,
		    const struct messages_opts *opts)
{
	struct printer p = {
		o, opts, RAMET_BUF_INIT(CLI_TEXT_MAX), RAMET_BUF_INIT(CLI_TEXT_MAX)
	};
	const struct heading *h = heading_of(message);
	int is_output = h->style == STYLE_TOOL;

	print_heading(&p, message, h);
	print_content(&p, ramet_json_get(message, "content"),
		      is_output ? OUTPUT_LINES : TALK_LINES);
	print_sections(&p, ramet_json_get(message, "sections"));
	if (ramet_json_text_is(ramet_json_get(message, "role"), "bashExecution"))
		print_command(&p, message);
	if (h->style == STYLE_SUMMARY)
		print_text(&p, member_text(message, "summary", &p.text), STYLE_NONE, TALK_LINES);
	print_text(&p, member_text(message, "errorMessage", &p.text), STYLE_DAMAGE, OUTPUT_LINES);
	out_newline(o);
	ramet_buf_release(&p.text);
	ramet_buf_release(&p.more);
}

int messages_print_json(struct out *o, struct ramet_bytes json, const struct messages_opts *opts,
			struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r = ramet_json_parse(&doc, json, 0, err);

	if (r == 0)
		messages_print(o, ramet_json_root(&doc), opts);
	ramet_json_doc_release(&doc);
	return r;
}
