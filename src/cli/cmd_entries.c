/*
 * cli/cmd_entries.c - ramet entries: what the file holds, in file order.
 */
#include "cli/cli.h"
#include "cli/entryline.h"
#include "cli/resolve.h"

#define CHUNK (1u << 20)

/* In pieces, so that a session larger than memory can be printed. */
static int print_json(struct out *o, const struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(CLI_TEXT_MAX);
	uint32_t next = ramet_tree_count(ramet_session_tree(s)) ? 0 : RAMET_NONE;
	int r = 0;

	while (next != RAMET_NONE && r == 0 && !out_broken(o)) {
		ramet_buf_reset(&text);
		r = ramet_report_entries(s, next, CHUNK, &text, &next, err);
		if (r == 0)
			out_json(o, ramet_buf_bytes(&text));
	}
	ramet_buf_release(&text);
	return r;
}

static int print_lines(struct out *o, const struct ramet_session *s, struct ramet_error *err)
{
	uint32_t n = ramet_tree_count(ramet_session_tree(s));
	int r = 0;

	for (uint32_t i = 0; i < n && r == 0 && !out_broken(o); i++)
		r = entry_add_line(o, s, i, err);
	return r;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_session *s;
	int r = resolve_session(cli, &s, err);

	if (r < 0)
		return r;
	if (args_has(&cli->args, "json"))
		r = print_json(&cli->out, s, err);
	else
		r = print_lines(&cli->out, s, err);
	ramet_session_close(s);
	return r;
}

const struct cmd cmd_entries = {
	.name = "entries",
	.args = "[S]",
	.help = "all entries in file order, a line each",
	.more = "With --json the entries as they are stored, in the current format version, one a\n"
		"line.\n"
		"\n"
		"Examples:\n"
		"  ramet entries @last\n"
		"  ramet entries s.jsonl --json | jq -r .type | sort | uniq -c\n",
	.opts = NULL,
	.min_words = 0,
	.max_words = 1,
	.run = run,
};
