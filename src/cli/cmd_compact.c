/*
 * cli/cmd_compact.c - ramet compact: what a compaction would summarise, and storing the summary.
 *
 * Nothing here calls a model: --plan --text is what it should read, --apply takes what it wrote.
 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/resolve.h"
#include "cli/summary.h"

#include "base/error.h"

#define KEEP_MAX 1000000000000u

static int print_plan(struct cli *cli, const struct ramet_session *s,
		      const struct ramet_compact_plan *p, struct ramet_error *err)
{
	struct out *o = &cli->out;
	int r;

	if (p->first_kept == RAMET_NONE) {
		out_str(o, p->why);
		out_newline(o);
		return 0;
	}
	r = summary_entry(o, "keep from", s, p->first_kept, err);
	if (r == 0 && p->turn != RAMET_NONE)
		r = summary_entry(o, "cuts turn", s, p->turn, err);
	if (r < 0)
		return r;
	summary_tokens(o, "context", "", p->tokens_before);
	summary_messages(o, "summarize", p->n_messages + p->n_turn_messages, p->tokens_summarized);
	summary_tokens(o, "keep", "about ", p->tokens_kept);
	if (p->previous.ptr) {
		summary_head(o, "so far");
		out_safe(o, p->previous, out_room(o, SUMMARY_HEAD_CELLS, 20));
		out_newline(o);
	}
	summary_paths(o, "read", p->read_files, p->n_read_files);
	summary_paths(o, "modified", p->modified_files, p->n_modified_files);
	return 0;
}

static int print_text(struct cli *cli, const struct ramet_compact_plan *p, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = ramet_compact_text(p, &text, err);

	if (r == 0 && p->first_kept != RAMET_NONE)
		r = summary_print(&cli->out, &text, err);
	ramet_buf_release(&text);
	return r;
}

static int print_json(struct cli *cli, const struct ramet_session *s,
		      const struct ramet_compact_plan *p, struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = ramet_report_compact_plan(s, p, args_has(&cli->args, "text"), &json, err);

	if (r == 0)
		r = answer_json(cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

/* 1: there is nothing to compact. */
static int show(struct cli *cli, const struct ramet_session *s, const struct ramet_compact_plan *p,
		struct ramet_error *err)
{
	int r;

	if (args_has(&cli->args, "json"))
		r = print_json(cli, s, p, err);
	else if (args_has(&cli->args, "text"))
		r = print_text(cli, p, err);
	else
		r = print_plan(cli, s, p, err);
	return r < 0 ? r : p->first_kept == RAMET_NONE;
}

static int apply(struct cli *cli, struct ramet_session *s, const struct ramet_compact_plan *p,
		 struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX);
	struct ramet_written_summary summary = { .no_files = args_has(&cli->args, "no-files") };
	char id[RAMET_ID_SIZE];
	int r = out_ready(&cli->out, err);

	if (r == 0)
		r = summary_read(args_get(&cli->args, "apply"), &text, err);
	summary.text = ramet_buf_bytes(&text);
	if (r == 0)
		r = ramet_compact_apply(s, p, &summary, id, err);
	if (r == 0)
		answer_id(cli, ramet_bytes_of(id));
	ramet_buf_release(&text);
	return r;
}

static int run_opened(struct cli *cli, struct ramet_session *s, struct ramet_error *err)
{
	int is_apply = args_has(&cli->args, "apply");
	struct ramet_compact_opts opts = { 0 };
	struct ramet_compact_plan plan;
	uint32_t leaf;
	int r = args_number(&cli->args, "keep-tokens", KEEP_MAX, &opts.keep_tokens, err);

	if (r == 0)
		r = resolve_leaf(cli, s, &leaf, err);
	if (r == 0 && is_apply)
		r = summary_expect(cli, s, err);
	if (r == 0)
		r = ramet_compact_plan(s, leaf, &opts, &plan, err);
	if (r < 0)
		return r;
	if (is_apply && plan.first_kept != RAMET_NONE)
		r = apply(cli, s, &plan, err);
	else
		r = show(cli, s, &plan, err);
	ramet_compact_plan_release(&plan);
	return r;
}

static int check_options(const struct args *a, struct ramet_error *err)
{
	static const char *const what[] = { "plan", "apply", NULL };
	int which = args_one_of(a, what, err);

	if (which == CLI_USAGE)
		return which;
	if (which < 0)
		return rameti_fail(err, CLI_USAGE, "what? --plan, or --apply FILE");
	if (which == 1 && (args_has(a, "text") || args_has(a, "leaf")))
		return rameti_fail(err, CLI_USAGE, "options --text and --leaf go with --plan");
	if (which == 0 && (args_has(a, "expect") || args_has(a, "no-files")))
		return rameti_fail(err, CLI_USAGE,
				   "options --expect and --no-files go with --apply");
	return 0;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_session *s;
	int r = check_options(&cli->args, err);

	if (r == 0)
		r = summary_open(cli, args_get(&cli->args, "apply"), &s, err);
	if (r < 0)
		return r;
	r = run_opened(cli, s, err);
	ramet_session_close(s);
	return r;
}

static const struct opt opts[] = {
	{ "plan", 0, NULL, "say what would be summarised, and where the cut is" },
	{ "text", 0, NULL, "with --plan: what a summariser should read" },
	{ "apply", 0, "FILE", "append a compaction with this text as its summary; - reads it" },
	{ "keep-tokens", 0, "N", "about so much stays as it is (default: 20000)" },
	{ "leaf", 'l', "ID", "with --plan: as if this entry, or null, were the leaf" },
	{ "expect", 0, "ID", "with --apply: only if this entry is the leaf now" },
	{ "no-files", 0, NULL, "with --apply: no lists of files behind the summary" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_compact = {
	.name = "compact", .args = "S", .help = "plan a compaction, and store its summary",
	.more = "The newest part of the context stays, about --keep-tokens of it, cut where pi\n"
		"would cut; the rest is what a summary replaces. No model is called: --plan\n"
		"--text is for whatever writes summaries, and --apply takes what it wrote. Give\n"
		"both the same --keep-tokens, and --apply the leafId of the plan as --expect.\n"
		"Both end with 1 when there is nothing to compact. With --json --plan prints\n"
		"{\"leafId\",\"firstKeptEntryId\",\"turnId\",\"tokensBefore\",\n"
		"\"tokensSummarized\",\"tokensKept\",\"messages\",\"turnMessages\",\n"
		"\"previousSummary\",\"readFiles\",\"modifiedFiles\",\"text\"}, --apply {\"id\"}.\n"
		"\n"
		"Examples:\n"
		"  ramet compact @last --plan\n"
		"  ramet compact @last --plan --text | my-summariser > summary.md\n"
		"  ramet compact @last --apply summary.md --expect 3f2a\n",
	.opts = opts, .min_words = 1, .max_words = 1, .run = run,
};
