/*
 * cli/cmd_info.c - ramet info: a session on one card, with what is odd about it.
 *
 * The card is drawn from the JSON that --json prints, so both always say the same.
 */
#include "cli/age.h"
#include "cli/cli.h"
#include "cli/member.h"
#include "cli/resolve.h"

#include "base/clock.h"
#include "base/file.h"

#include <string.h>

#define NAME_CELLS 10
#define FINDINGS_SHOWN 20

struct card {
	struct out *out;
	const struct ramet_session *session;
	const struct ramet_json *info;
	struct ramet_buf text, line;             /* scratch; the value being made */
	int all;
};

/* "  name      value" of what stands in c->line. */
static void print_line(struct card *c, const char *name)
{
	struct out *o = c->out;

	out_str(o, "  ");
	out_style(o, STYLE_DIM);
	text_add_cell(&o->buf, ramet_bytes_of(name), NAME_CELLS, 0);
	out_style(o, STYLE_NONE);
	out_safe(o, ramet_buf_bytes(&c->line), out_room(o, NAME_CELLS + 2, 10));
	out_newline(o);
	ramet_buf_reset(&c->line);
}

static void print_path(struct card *c, const char *name, struct ramet_bytes path)
{
	struct out *o = c->out;

	if (!path.len)
		return;
	out_str(o, "  ");
	out_style(o, STYLE_DIM);
	text_add_cell(&o->buf, ramet_bytes_of(name), NAME_CELLS, 0);
	out_style(o, STYLE_NONE);
	resolve_add_path(&o->buf, path, TEXT_ALL);
	out_newline(o);
}

static void print_time(struct card *c, const char *name, const char *key)
{
	int64_t time_ms = member_time(c->info, key, &c->text);

	age_add_date(&c->line, time_ms);
	if (time_ms != RAMET_TIME_NONE) {
		ramet_buf_add_str(&c->line, "  (");
		age_add(&c->line, rameti_now_ms(NULL), time_ms);
		ramet_buf_add_char(&c->line, ')');
	}
	print_line(c, name);
}

/* The session's name, else what its first user message says. */
static int print_title(struct card *c, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(c->session);
	struct ramet_bytes name = member_text(c->info, "name", &c->text);
	uint32_t n = ramet_tree_count(t), i = 0;
	int r = 0;

	out_style(c->out, STYLE_BOLD);
	if (name.len) {
		out_safe(c->out, name, out_room(c->out, 0, 20));
	} else {
		while (i < n && ramet_tree_row(t, i)->role != RAMET_ROLE_USER)
			i++;
		ramet_buf_reset(&c->text);
		if (i < n)
			r = ramet_entry_excerpt(c->session, i, 4096, &c->text, err);
		out_safe(c->out,
			 c->text.len ? ramet_buf_bytes(&c->text) : ramet_bytes_of("(no messages)"),
			 out_room(c->out, 0, 20));
	}
	out_style(c->out, STYLE_NONE);
	out_newline(c->out);
	return r;
}

static void print_size(struct card *c)
{
	const char *path = ramet_session_path(c->session);
	struct stat st;

	if (!path || rameti_path_stat(NULL, path, &st, NULL) < 0)
		return;
	age_add_size(&c->line, (uint64_t)st.st_size);
	print_line(c, "size");
}

static void print_facts(struct card *c)
{
	const struct ramet_header *h = ramet_session_header(c->session);
	struct ramet_bytes leaf;

	print_path(c, "file", member_text(c->info, "path", &c->text));
	ramet_buf_add_str(&c->line, ramet_session_format(c->session));
	if (!strncmp(ramet_session_format(c->session), "pi", 2))
		ramet_buf_addf(&c->line, ", version %g", h->version);
	print_line(c, "format");
	ramet_buf_add(&c->line, h->id);
	print_line(c, "id");
	print_path(c, "project", h->cwd);
	print_path(c, "parent", h->parent_session);
	print_time(c, "created", "created");
	print_time(c, "modified", "modified");
	print_size(c);
	age_add_count(&c->line, ramet_json_number(ramet_json_get(c->info, "entries")));
	ramet_buf_add_str(&c->line, ", ");
	age_add_count(&c->line, ramet_json_number(ramet_json_get(c->info, "messageCount")));
	ramet_buf_add_str(&c->line, " of them messages");
	print_line(c, "entries");
	leaf = member_text(c->info, "leafId", &c->text);
	if (leaf.len) {
		ramet_buf_add(&c->line, leaf);
		print_line(c, "leaf");
	}
}

static enum style severity_style(const struct ramet_json *finding)
{
	const struct ramet_json *severity = ramet_json_get(finding, "severity");

	if (ramet_json_text_is(severity, "damage"))
		return STYLE_DAMAGE;
	return ramet_json_text_is(severity, "warning") ? STYLE_WARNING : STYLE_DIM;
}

/* "    damage   line 12      malformed       text" */
static void print_finding(struct card *c, const struct ramet_json *finding)
{
	struct out *o = c->out;

	out_str(o, "    ");
	out_style(o, severity_style(finding));
	text_add_cell(&o->buf, member_text(finding, "severity", &c->text), 9, 0);
	out_style(o, STYLE_NONE);
	if (ramet_json_get(finding, "line"))
		ramet_buf_addf(&c->line, "line %.0f",
			       ramet_json_number(ramet_json_get(finding, "line")));
	text_add_cell(&o->buf, ramet_buf_bytes(&c->line), 13, 0);
	ramet_buf_reset(&c->line);
	text_add_cell(&o->buf, member_text(finding, "code", &c->text), 17, 0);
	out_safe(o, member_text(finding, "text", &c->text), out_room(o, 4 + 9 + 13 + 17, 20));
	out_newline(o);
}

/* "7 (6 damage, 1 info)" */
static void print_totals(struct card *c, const struct ramet_json *list)
{
	const struct ramet_json *v = NULL;
	uint32_t n[RAMET_DAMAGE + 1] = { 0 };
	const char *before = " (";

	while ((v = ramet_json_next(list, v)) != NULL)
		for (int s = RAMET_INFO; s <= RAMET_DAMAGE; s++)
			n[s] += ramet_json_text_is(ramet_json_get(v, "severity"),
						   ramet_severity_name(s)) != 0;
	ramet_buf_addf(&c->line, "%u", (unsigned)ramet_json_count(list));
	for (int s = RAMET_DAMAGE; s >= RAMET_INFO; s--) {
		if (!n[s])
			continue;
		ramet_buf_addf(&c->line, "%s%u %s", before, (unsigned)n[s], ramet_severity_name(s));
		before = ", ";
	}
	ramet_buf_add_char(&c->line, ')');
	print_line(c, "findings");
}

static void print_findings(struct card *c)
{
	const struct ramet_json *list = ramet_json_get(c->info, "findings"), *v = NULL;
	uint32_t n = ramet_json_count(list), shown = 0;

	if (n == 0)
		return;
	print_totals(c, list);
	while ((v = ramet_json_next(list, v)) != NULL && !out_broken(c->out)) {
		if (!c->all && n > FINDINGS_SHOWN && shown == FINDINGS_SHOWN - 1)
			break;
		print_finding(c, v);
		shown++;
	}
	if (shown < n) {
		ramet_buf_addf(&c->line, "    … %u more (--all)", (unsigned)(n - shown));
		ramet_buf_add(&c->out->buf, ramet_buf_bytes(&c->line));
		out_newline(c->out);
	}
}

static int print_card(struct cli *cli, const struct ramet_session *s, struct ramet_bytes json,
		      struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct card c = {
		.out = &cli->out, .session = s, .text = RAMET_BUF_INIT(CLI_TEXT_MAX),
		.line = RAMET_BUF_INIT(CLI_TEXT_MAX), .all = args_has(&cli->args, "all"),
	};
	int r = ramet_json_parse(&doc, json, 0, err);

	if (r == 0) {
		c.info = ramet_json_root(&doc);
		r = print_title(&c, err);
	}
	if (r == 0) {
		print_facts(&c);
		print_findings(&c);
	}
	ramet_buf_release(&c.text);
	ramet_buf_release(&c.line);
	ramet_json_doc_release(&doc);
	return r;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_session *s;
	int r = resolve_session(cli, &s, err);

	if (r < 0)
		return r;
	r = ramet_report_info(s, &json, err);
	if (r == 0 && args_has(&cli->args, "json")) {
		out_json(&cli->out, ramet_buf_bytes(&json));
		out_newline(&cli->out);
	} else if (r == 0) {
		r = print_card(cli, s, ramet_buf_bytes(&json), err);
	}
	ramet_buf_release(&json);
	ramet_session_close(s);
	return r;
}

static const struct opt opts[] = {
	{ "all", 'a', NULL, "list every finding" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_info = {
	.name = "info",
	.args = "[S]",
	.help = "one session: where, when, how large, what is odd",
	.more = "A finding says what is odd in the file, where, and how bad: info, warning or\n"
		"damage.\n"
		"\n"
		"Examples:\n"
		"  ramet info @last\n"
		"  ramet info s.jsonl --json | jq .findings\n",
	.opts = opts,
	.min_words = 0,
	.max_words = 1,
	.run = run,
};
