/*
 * cli/cmd_stats.c - ramet stats: messages, tokens and cost of a whole session.
 */
#include "cli/age.h"
#include "cli/cli.h"
#include "cli/resolve.h"

#include <string.h>

#define NAME_CELLS 18
#define FIGURE_CELLS 15
#define KEY_CELLS 40

static int print_json(struct out *o, const struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = ramet_report_stats(s, &text, err);

	if (r == 0) {
		out_json(o, ramet_buf_bytes(&text));
		out_newline(o);
	}
	ramet_buf_release(&text);
	return r;
}

static void add_figure(struct out *o, double n, size_t cells, int money)
{
	struct ramet_buf text = RAMET_BUF_INIT(256);

	if (money)
		age_add_cost(&text, n);
	else
		age_add_count(&text, n);
	text_add_cell(&o->buf, ramet_buf_bytes(&text), cells, 1);
	ramet_buf_release(&text);
}

static void print_head(struct out *o, const char *text)
{
	out_styled(o, STYLE_BOLD, text);
	out_newline(o);
}

static void print_figure(struct out *o, const char *name, double n, int money)
{
	out_str(o, "  ");
	text_add_cell(&o->buf, ramet_bytes_of(name), NAME_CELLS, 0);
	add_figure(o, n, FIGURE_CELLS, money);
	out_newline(o);
}

/* The key's column is as wide as the longest key, if the line has room for that. */
static size_t key_cells(const struct out *o, const struct ramet_stats *t)
{
	size_t widest = NAME_CELLS, most = out_room(o, 2 + 2 * (FIGURE_CELLS + 1), NAME_CELLS);

	for (uint32_t i = 0; i < t->n_breakdown; i++) {
		size_t cells = text_cells(t->breakdown[i].key);

		if (cells > widest)
			widest = cells;
	}
	return widest < most ? widest : most;
}

static void print_breakdown(struct out *o, const struct ramet_stats *t)
{
	size_t cells = key_cells(o, t);

	if (!t->n_breakdown)
		return;
	out_newline(o);
	out_style(o, STYLE_BOLD);
	text_add_cell(&o->buf, ramet_bytes_of("Where it went"), cells + 2, 0);
	out_style(o, STYLE_NONE);
	out_style(o, STYLE_DIM);
	text_add_cell(&o->buf, ramet_bytes_of("tokens"), FIGURE_CELLS, 1);
	text_add_cell(&o->buf, ramet_bytes_of("cost"), FIGURE_CELLS, 1);
	out_style(o, STYLE_NONE);
	out_newline(o);
	for (uint32_t i = 0; i < t->n_breakdown && !out_broken(o); i++) {
		out_str(o, "  ");
		text_add_cell(&o->buf, t->breakdown[i].key, cells, 0);
		add_figure(o, t->breakdown[i].tokens, FIGURE_CELLS, 0);
		add_figure(o, t->breakdown[i].cost, FIGURE_CELLS, 1);
		out_newline(o);
	}
}

static void print_stats(struct out *o, const struct ramet_stats *t)
{
	print_head(o, "Messages");
	print_figure(o, "user", (double)t->user_messages, 0);
	print_figure(o, "assistant", (double)t->assistant_messages, 0);
	print_figure(o, "tool calls", (double)t->tool_calls, 0);
	print_figure(o, "tool results", (double)t->tool_results, 0);
	print_figure(o, "all", (double)t->total_messages, 0);
	out_newline(o);
	print_head(o, "Tokens");
	print_figure(o, "input", t->input, 0);
	print_figure(o, "output", t->output, 0);
	print_figure(o, "read from cache", t->cache_read, 0);
	print_figure(o, "written to cache", t->cache_write, 0);
	print_figure(o, "all", t->total, 0);
	out_newline(o);
	print_head(o, "Cost");
	print_figure(o, "all", t->cost, 1);
	print_breakdown(o, t);
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_session *s;
	struct ramet_stats *totals;
	int r = resolve_session(cli, &s, err);

	if (r < 0)
		return r;
	if (args_has(&cli->args, "json")) {
		r = print_json(&cli->out, s, err);
	} else {
		r = ramet_stats_new(&totals, ramet_session_tree(s), err);
		if (r == 0) {
			print_stats(&cli->out, totals);
			ramet_stats_free(totals);
		}
	}
	ramet_session_close(s);
	return r;
}

const struct cmd cmd_stats = {
	.name = "stats", .args = "[S]", .help = "messages, tokens and cost",
	.more = "Counted over the whole file, all branches.\n"
		"\n"
		"Examples:\n"
		"  ramet stats @last\n"
		"  ramet stats s.jsonl --json | jq .cost\n",
	.opts = NULL, .min_words = 0, .max_words = 1, .run = run,
};
