/*
 * cli/cmd_path.c - ramet path: one branch, from its root to its leaf.
 */
#include "cli/cli.h"
#include "cli/entryline.h"
#include "cli/resolve.h"

static int print_json(struct out *o, const struct ramet_session *s, uint32_t leaf,
		      struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = ramet_report_path(s, leaf, &text, err);

	if (r == 0) {
		out_json(o, ramet_buf_bytes(&text));
		out_newline(o);
	}
	ramet_buf_release(&text);
	return r;
}

static int print_lines(struct out *o, const struct ramet_session *s, uint32_t leaf,
		       struct ramet_error *err)
{
	struct ramet_path path = RAMET_PATH_INIT;
	int r = 0;

	if (leaf != RAMET_NONE)
		r = ramet_tree_path(ramet_session_tree(s), leaf, &path, err);
	for (uint32_t i = 0; i < path.n && r == 0 && !out_broken(o); i++)
		r = entry_add_line(o, s, path.rows[i], err);
	ramet_path_release(&path);
	return r;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_session *s;
	uint32_t leaf;
	int r = resolve_session(cli, &s, err);

	if (r < 0)
		return r;
	r = resolve_leaf(cli, s, &leaf, err);
	if (r == 0 && args_has(&cli->args, "json"))
		r = print_json(&cli->out, s, leaf, err);
	else if (r == 0)
		r = print_lines(&cli->out, s, leaf, err);
	ramet_session_close(s);
	return r;
}

static const struct opt opts[] = {
	{ "leaf", 'l', "ID", "where the branch ends: an id, the prefix of one, or null" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_path = {
	.name = "path", .args = "[S]", .help = "one branch from its root to its leaf",
	.more = "With --json an array of ids.\n"
		"\n"
		"Examples:\n"
		"  ramet path @last\n"
		"  ramet path s.jsonl --leaf 3f2a --json\n",
	.opts = opts, .min_words = 0, .max_words = 1, .run = run,
};
