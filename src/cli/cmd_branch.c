/*
 * cli/cmd_branch.c - ramet branch: go on from another entry, with a summary of what is left if
 * somebody wrote one.
 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/resolve.h"
#include "cli/summary.h"

#include "base/error.h"

#define TOKENS_MAX 1000000000000u

static int print(struct cli *cli, const struct ramet_session *s, uint32_t leaf, const char *id,
		 struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	int r;

	if (!args_has(&cli->args, "json")) {
		answer_id(cli, ramet_bytes_of(id));
		return 0;
	}
	ramet_json_writer_init(&w, &json);
	ramet_json_open_object(&w);
	answer_add_text(&w, "id", ramet_bytes_of(id));
	answer_add_row(&w, "leaf", s, leaf);
	ramet_json_close_object(&w);
	r = answer_json(cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

/* ---- a summary of what is left behind ---- */

static int print_plan(struct cli *cli, const struct ramet_session *s,
		      const struct ramet_branch_summary_plan *p, struct ramet_error *err)
{
	struct out *o = &cli->out;
	int r = summary_entry(o, "leave", s, p->from, err);

	if (r == 0)
		r = summary_entry(o, "go to", s, p->target, err);
	if (r == 0)
		r = summary_entry(o, "common", s, p->ancestor, err);
	if (r < 0)
		return r;
	summary_entries(o, "left", p->n_rows);
	summary_messages(o, "summarize", p->n_messages, p->tokens);
	summary_paths(o, "read", p->read_files, p->n_read_files);
	summary_paths(o, "modified", p->modified_files, p->n_modified_files);
	return 0;
}

static int print_text(struct cli *cli, const struct ramet_branch_summary_plan *p,
		      struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = ramet_branch_summary_text(p, &text, err);

	if (r == 0 && text.len)
		r = summary_print(&cli->out, &text, err);
	ramet_buf_release(&text);
	return r;
}

static int print_json(struct cli *cli, const struct ramet_session *s,
		      const struct ramet_branch_summary_plan *p, struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = ramet_report_branch_summary(s, p, args_has(&cli->args, "text"), &json, err);

	if (r == 0)
		r = answer_json(cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

static int show(struct cli *cli, const struct ramet_session *s,
		const struct ramet_branch_summary_plan *p, struct ramet_error *err)
{
	if (args_has(&cli->args, "json"))
		return print_json(cli, s, p, err);
	if (args_has(&cli->args, "text"))
		return print_text(cli, p, err);
	return print_plan(cli, s, p, err);
}

static int apply(struct cli *cli, struct ramet_session *s,
		 const struct ramet_branch_summary_plan *p, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX);
	struct ramet_written_summary summary = { .no_files = args_has(&cli->args, "no-files") };
	char id[RAMET_ID_SIZE];
	int r = out_ready(&cli->out, err);

	if (r == 0)
		r = summary_read(args_get(&cli->args, "summary"), &text, err);
	summary.text = ramet_buf_bytes(&text);
	if (r == 0)
		r = ramet_branch_summary_apply(s, p, &summary, id, err);
	if (r == 0)
		r = print(cli, s, p->target, id, err);
	ramet_buf_release(&text);
	return r;
}

static int summarize(struct cli *cli, struct ramet_session *s, uint32_t target,
		     struct ramet_error *err)
{
	int is_plan = args_has(&cli->args, "plan");
	struct ramet_branch_summary_opts opts = { 0 };
	struct ramet_branch_summary_plan plan;
	uint32_t leaf;
	int r = args_number(&cli->args, "max-tokens", TOKENS_MAX, &opts.max_tokens, err);

	if (r == 0)
		r = resolve_leaf(cli, s, &leaf, err);
	if (r == 0 && !is_plan)
		r = summary_expect(cli, s, err);
	if (r == 0)
		r = ramet_branch_summary_plan(s, leaf, target, &opts, &plan, err);
	if (r < 0)
		return r;
	r = is_plan ? show(cli, s, &plan, err) : apply(cli, s, &plan, err);
	ramet_branch_summary_plan_release(&plan);
	return r;
}

/* ---- moving the leaf ---- */

static int move(struct cli *cli, struct ramet_session *s, uint32_t leaf, struct ramet_error *err)
{
	char id[RAMET_ID_SIZE];
	int r = ramet_session_branch(s, leaf, err);

	if (r == 0)
		r = ramet_session_append_leaf(s, id, err);
	return r < 0 ? r : print(cli, s, leaf, id, err);
}

static int check_options(const struct args *a, struct ramet_error *err)
{
	static const char *const what[] = { "plan", "summary", NULL };
	int which = args_one_of(a, what, err);

	if (which == CLI_USAGE)
		return which;
	if (which != 0 && (args_has(a, "text") || args_has(a, "leaf")))
		return rameti_fail(err, CLI_USAGE, "options --text and --leaf go with --plan");
	if (which != 1 && (args_has(a, "expect") || args_has(a, "no-files")))
		return rameti_fail(err, CLI_USAGE,
				   "options --expect and --no-files go with --summary");
	if (which < 0 && args_has(a, "max-tokens"))
		return rameti_fail(err, CLI_USAGE, "option --max-tokens goes with --plan or "
						   "--summary");
	return 0;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	const struct args *a = &cli->args;
	struct ramet_session *s;
	uint32_t target;
	int r = check_options(a, err);

	if (r == 0)
		r = summary_open(cli, args_get(a, "summary"), &s, err);
	if (r < 0)
		return r;
	r = resolve_entry(s, a->words[1], &target, err);
	if (r == 0 && (args_has(a, "plan") || args_has(a, "summary")))
		r = summarize(cli, s, target, err);
	else if (r == 0)
		r = move(cli, s, target, err);
	ramet_session_close(s);
	return r;
}

static const struct opt opts[] = {
	{ "plan", 0, NULL, "only say what is left behind, to be summarised" },
	{ "text", 0, NULL, "with --plan: what a summariser should read" },
	{ "summary", 0, "FILE", "with this text as a summary of what is left; - reads it" },
	{ "max-tokens", 0, "N", "summarise about so much, the newest (default: all)" },
	{ "leaf", 'l', "ID", "with --plan: as if this entry, or null, were the leaf" },
	{ "expect", 0, "ID", "with --summary: only if this entry is the leaf now" },
	{ "no-files", 0, NULL, "with --summary: no lists of files behind it" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_branch = {
	.name = "branch", .args = "S ID|null", .help = "go on from another entry",
	.more = "The leaf moves to the entry, and the next one hangs from there; what was there\n"
		"stays as a branch. null is the place before the first entry. Prints the id of\n"
		"the entry that keeps this; with --json {\"id\",\"leaf\"}. With --summary that\n"
		"entry is a summary of what is left; --plan --text is what its writer should\n"
		"read. --plan --json prints {\"leafId\",\"targetId\",\"ancestorId\",\"entries\",\n"
		"\"messages\",\"tokens\",\"readFiles\",\"modifiedFiles\",\"text\"}.\n"
		"\n"
		"Examples:\n"
		"  ramet branch @last 3f2a\n"
		"  ramet branch s.jsonl null\n"
		"  ramet branch @last 3f2a --plan --text | my-summariser > summary.md\n"
		"  ramet branch @last 3f2a --summary summary.md\n",
	.opts = opts, .min_words = 2, .max_words = 2, .run = run,
};
