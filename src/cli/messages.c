/*
 * cli/messages.c - messages as a person reads them: a heading, wrapped text, a line a call.
 *
 * What is talk is shown whole; what tools print, and what a model thinks, is cut after a few lines
 * unless everything is asked for. Blocks of unknown kinds are named, never dropped in silence.
 */
#include "cli/messages.h"

#include "cli/age.h"
#include "cli/cli.h"
#include "cli/entryline.h"
#include "cli/member.h"

#include <string.h>

#define TALK_LINES UINT32_MAX
#define OUTPUT_LINES 12
#define BRIEF_LINES 6
#define INDENT 2
#define NARROW 80                                /* columns too few for dates */
#define DATE_CELLS 19
#define LABEL_CELLS 24

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

static const struct heading *heading_of(const struct ramet_json *message,
					const struct messages_place *place)
{
	const struct ramet_json *role = ramet_json_get(message, "role");
	const char *given = place ? place->role : NULL;
	const struct heading *h = headings;

	while (h->role && !(given ? !strcmp(given, h->role) : ramet_json_text_is(role, h->role)))
		h++;
	return h;
}

/* Lines of what a tool printed. */
static uint32_t output_lines(const struct printer *p)
{
	return p->opts->brief ? BRIEF_LINES : OUTPUT_LINES;
}

/* ---- headings ---- */

static int is_narrow(const struct out *o)
{
	return o->width && o->width < NARROW;
}

static size_t label_cells(const struct out *o, const struct messages_place *place)
{
	size_t cells = text_cells(place->label), most = is_narrow(o) ? 6 : LABEL_CELLS;

	return cells < most ? cells : most;
}

size_t messages_place_cells(const struct out *o, const struct messages_place *place)
{
	size_t cells = is_narrow(o) ? 0 : 2 + DATE_CELLS;

	if (place->id.len)
		cells += 2 + ENTRY_ID_CELLS;
	if (place->label.len)
		cells += 4 + label_cells(o, place);
	return cells;
}

void messages_add_place(struct out *o, const struct messages_place *place)
{
	struct ramet_bytes id = place->id;

	out_style(o, STYLE_DIM);
	if (!is_narrow(o)) {
		out_str(o, "  ");
		age_add_date(&o->buf, place->time_ms);
	}
	if (id.len) {
		out_str(o, "  ");
		id.len = id.len < ENTRY_ID_CELLS ? id.len : ENTRY_ID_CELLS;
		out_safe(o, id, ENTRY_ID_CELLS);
	}
	out_style(o, STYLE_NONE);
	if (place->label.len) {
		out_style(o, STYLE_LABEL);
		out_str(o, "  [");
		out_safe(o, place->label, label_cells(o, place));
		out_str(o, "]");
		out_style(o, STYLE_NONE);
	}
}

/* Cells for what stands behind the word; beside a place only what is left over. */
static size_t detail_room(const struct printer *p, const struct heading *h, int is_error)
{
	const struct messages_place *place = p->opts->place;
	size_t used = strlen(h->word) + 3 + (is_error ? 7 : 0);

	if (!place)
		return out_room(p->out, strlen(h->word) + 5, 8) + 2;
	return out_room(p->out, used + messages_place_cells(p->out, place), 0);
}

/* Two blanks and a dim text, if there is one and room for some of it. */
static void add_detail(struct out *o, struct ramet_bytes text, size_t *room)
{
	if (!text.len || *room < 6)
		return;
	out_str(o, "  ");
	out_style(o, STYLE_DIM);
	*room -= 2 + out_safe(o, text, *room - 2);
	out_style(o, STYLE_NONE);
}

/* "── assistant  claude-opus-4-5" and the place. */
static void print_heading(struct printer *p, const struct ramet_json *message,
			  const struct heading *h)
{
	static const char *const details[] = { "toolName", "customType", "model" };
	const struct messages_place *place = p->opts->place;
	int is_error = ramet_json_truthy(ramet_json_get(message, "isError"));
	size_t room = detail_room(p, h, is_error);
	struct ramet_bytes detail = { NULL, 0 };
	struct out *o = p->out;

	out_styled(o, STYLE_DIM, "── ");
	out_styled(o, h->style, h->word);
	for (size_t i = 0; i < 3 && !detail.len; i++)
		detail = member_text(message, details[i], &p->text);
	add_detail(o, detail, &room);
	if (place && place->note)
		add_detail(o, ramet_bytes_of(place->note), &room);
	if (is_error)
		out_styled(o, STYLE_DAMAGE, "  error");
	if (place)
		messages_add_place(o, place);
	out_newline(o);
}

/* ---- text ---- */

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

/* ---- a block as one line ---- */

/* The argument that tells most about a call: a well-known one, else the first that is a text. */
static const struct ramet_json *telling_argument(const struct ramet_json *arguments)
{
	static const char *const names[] = {
		"command", "pattern", "query", "path", "file_path", "filePath", "url"
	};
	const struct ramet_json *v, *key = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
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

/* Cells for a name in such a line. */
static size_t name_cells(const struct out *o)
{
	size_t room = out_room(o, 20, 8);

	return room < 40 ? room : 40;
}

/* "[bash: ls -la]" */
static void print_brief_call(struct printer *p, const struct ramet_json *block)
{
	const struct ramet_json *v = telling_argument(ramet_json_get(block, "arguments"));
	struct out *o = p->out;
	size_t used;

	out_style(o, STYLE_TOOL);
	out_str(o, "  [");
	used = 6 + out_safe(o, member_text(block, "name", &p->text), name_cells(o));
	ramet_buf_reset(&p->text);
	if (ramet_json_kind(v) == RAMET_JSON_STRING)
		ramet_json_text(v, &p->text);
	else if (v)
		ramet_buf_add(&p->text, ramet_json_raw(v));
	if (p->text.len) {
		out_str(o, ": ");
		out_safe(o, ramet_buf_bytes(&p->text), out_room(o, used, 8));
	}
	out_str(o, "]");
	out_style(o, STYLE_NONE);
	out_newline(o);
}

/* "[thinking: 512 characters]" */
static void print_brief_thinking(struct printer *p, const struct ramet_json *block)
{
	struct ramet_bytes text = member_text(block, "thinking", &p->text);
	struct out *o = p->out;
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += (text.ptr[i] & 0xc0) != 0x80;
	out_style(o, STYLE_DIM);
	out_str(o, "  [thinking: ");
	if (!n && ramet_json_truthy(ramet_json_get(block, "redacted"))) {
		out_str(o, "redacted");
	} else {
		age_add_count(&o->buf, (double)n);
		out_str(o, n == 1 ? " character" : " characters");
	}
	out_str(o, "]");
	out_style(o, STYLE_NONE);
	out_newline(o);
}

/* "[image: image/png, 34 kB]"; three bytes are four characters of Base64. */
static void print_brief_image(struct printer *p, const struct ramet_json *block)
{
	struct ramet_bytes data = ramet_json_raw(ramet_json_get(block, "data"));
	struct out *o = p->out;

	out_style(o, STYLE_DIM);
	out_str(o, "  [image: ");
	if (out_safe(o, member_text(block, "mimeType", &p->text), name_cells(o)))
		out_str(o, ", ");
	age_add_size(&o->buf, data.len > 2 ? (data.len - 2) / 4 * 3 : 0);
	out_str(o, "]");
	out_style(o, STYLE_NONE);
	out_newline(o);
}

/* 1 if it was done. */
static int print_brief(struct printer *p, const struct ramet_json *block,
		       const struct ramet_json *type)
{
	const struct messages_opts *opts = p->opts;

	if (!opts->brief)
		return 0;
	if (ramet_json_text_is(type, "image"))
		print_brief_image(p, block);
	else if (!opts->all && ramet_json_text_is(type, "toolCall"))
		print_brief_call(p, block);
	else if (!opts->all && !opts->thinking && ramet_json_text_is(type, "thinking"))
		print_brief_thinking(p, block);
	else
		return 0;
	return 1;
}

static void print_block(struct printer *p, const struct ramet_json *block, uint32_t most)
{
	const struct ramet_json *type = ramet_json_get(block, "type");

	if (print_brief(p, block, type))
		return;
	if (ramet_json_text_is(type, "text")) {
		print_text(p, member_text(block, "text", &p->text), STYLE_NONE, most);
	} else if (ramet_json_text_is(type, "thinking")) {
		print_text(p, member_text(block, "thinking", &p->text), STYLE_DIM,
			   p->opts->thinking ? TALK_LINES : OUTPUT_LINES);
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
	print_text(p, member_text(message, "output", &p->text), STYLE_NONE, output_lines(p));
}

void messages_print(struct out *o, const struct ramet_json *message,
		    const struct messages_opts *opts)
{
	struct printer p = {
		o, opts, RAMET_BUF_INIT(CLI_TEXT_MAX), RAMET_BUF_INIT(CLI_TEXT_MAX)
	};
	const struct heading *h = heading_of(message, opts->place);
	int is_output = h->style == STYLE_TOOL;

	print_heading(&p, message, h);
	print_content(&p, ramet_json_get(message, "content"),
		      is_output ? output_lines(&p) : TALK_LINES);
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
