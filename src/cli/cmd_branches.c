/*
 * cli/cmd_branches.c - ramet branches: where a conversation went, an end each.
 *
 * The table is drawn from the JSON that --json prints, so both always say the same.
 */
#include "cli/age.h"
#include "cli/cli.h"
#include "cli/entryline.h"
#include "cli/member.h"
#include "cli/resolve.h"

#include "base/clock.h"

#define LABEL_CELLS 24

struct table {
	struct out *out;
	struct ramet_buf text, figure;           /* scratch */
	int64_t now_ms;
};

static void add_number(struct table *t, const struct ramet_json *branch, const char *key,
		       size_t cells)
{
	ramet_buf_reset(&t->figure);
	age_add_count(&t->figure, ramet_json_number(ramet_json_get(branch, key)));
	text_add_cell(&t->out->buf, ramet_buf_bytes(&t->figure), cells, 1);
	out_str(t->out, "  ");
}

/* What a branch is known by: its label, then its own first message. */
static void add_title(struct table *t, const struct ramet_json *branch, size_t room)
{
	struct ramet_bytes label = member_text(branch, "label", &t->text);
	size_t cells = 0;

	if (label.len) {
		out_style(t->out, STYLE_LABEL);
		out_str(t->out, "[");
		cells = room / 2 < LABEL_CELLS ? room / 2 : LABEL_CELLS;
		cells = 3 + out_safe(t->out, label, cells);
		out_str(t->out, "]");
		out_style(t->out, STYLE_NONE);
		out_str(t->out, " ");
	}
	out_safe(t->out, member_text(branch, "firstMessage", &t->text),
		 room > cells + 8 ? room - cells : 8);
}

static void print_branch(struct table *t, const struct ramet_json *branch)
{
	struct out *o = t->out;
	int current = ramet_json_truthy(ramet_json_get(branch, "current"));
	size_t used = 2 + 4 + 2 + 7 + 2 + 7 + 2 + 2 * (ENTRY_ID_CELLS + 2);

	out_styled(o, current ? STYLE_LEAF : STYLE_DIM, current ? "● " : "○ ");
	ramet_buf_reset(&t->figure);
	age_add(&t->figure, t->now_ms, member_time(branch, "modified", &t->text));
	text_add_cell(&o->buf, ramet_buf_bytes(&t->figure), 4, 1);
	out_str(o, "  ");
	add_number(t, branch, "entries", 7);
	add_number(t, branch, "messages", 7);
	entry_add_id(o, member_text(branch, "leaf", &t->text), ENTRY_ID_CELLS);
	out_str(o, "  ");
	entry_add_id(o, member_text(branch, "forkedAt", &t->text), ENTRY_ID_CELLS);
	out_str(o, "  ");
	add_title(t, branch, out_room(o, used, 8));
	out_newline(o);
}

static int print_table(struct out *o, struct ramet_bytes json, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct table t = {
		o, RAMET_BUF_INIT(CLI_TEXT_MAX), RAMET_BUF_INIT(CLI_TEXT_MAX), rameti_now_ms(NULL)
	};
	const struct ramet_json *branch = NULL;
	int r = ramet_json_parse(&doc, json, 0, err);

	if (r == 0 && ramet_json_count(ramet_json_root(&doc))) {
		out_styled(o, STYLE_DIM, "   AGE  ENTRIES     MSGS  LEAF      FORK AT   BRANCH");
		out_newline(o);
		while ((branch = ramet_json_next(ramet_json_root(&doc), branch)) != NULL &&
		       !out_broken(o))
			print_branch(&t, branch);
		ramet_buf_add_str(&o->hint, "● is current; ramet path S --leaf LEAF shows one");
	}
	ramet_buf_release(&t.text);
	ramet_buf_release(&t.figure);
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
	r = ramet_report_branches(s, &json, err);
	if (r == 0 && args_has(&cli->args, "json")) {
		out_json(&cli->out, ramet_buf_bytes(&json));
		out_newline(&cli->out);
	} else if (r == 0) {
		r = print_table(&cli->out, ramet_buf_bytes(&json), err);
	}
	ramet_buf_release(&json);
	ramet_session_close(s);
	return r;
}

const struct cmd cmd_branches = {
	.name = "branches",
	.args = "[S]",
	.help = "where the conversation went, newest first",
	.more = "A branch ends at an entry without children. It is known by its label and by the\n"
		"first message behind the fork that made it.\n"
		"\n"
		"Examples:\n"
		"  ramet branches @last\n"
		"  ramet branches s.jsonl --json | jq -r '.[].leaf'\n",
	.opts = NULL,
	.min_words = 0,
	.max_words = 1,
	.run = run,
};
