/*
 * cli/cmd_branch.c - ramet branch: go on from another entry.
 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/resolve.h"

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

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_session *s;
	char id[RAMET_ID_SIZE];
	uint32_t leaf;
	int r = resolve_session_with(cli, NULL, &s, err);

	if (r < 0)
		return r;
	r = resolve_entry(s, cli->args.words[1], &leaf, err);
	if (r == 0)
		r = ramet_session_branch(s, leaf, err);
	if (r == 0)
		r = ramet_session_append_leaf(s, id, err);
	if (r == 0)
		r = print(cli, s, leaf, id, err);
	ramet_session_close(s);
	return r;
}

const struct cmd cmd_branch = {
	.name = "branch", .args = "S ID|null", .help = "go on from another entry",
	.more = "The leaf moves to the entry, and the next one hangs from there; what was there\n"
		"stays as a branch. null is the place before the first entry. Prints the id of\n"
		"the entry that keeps this; with --json {\"id\",\"leaf\"}.\n"
		"\n"
		"Examples:\n"
		"  ramet branch @last 3f2a\n"
		"  ramet branch s.jsonl null\n",
	.opts = NULL, .min_words = 2, .max_words = 2, .run = run,
};
