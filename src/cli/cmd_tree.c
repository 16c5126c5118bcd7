/*
 * cli/cmd_tree.c - ramet tree: a session with all its branches.
 */
#include "cli/cli.h"
#include "cli/resolve.h"
#include "cli/treeview.h"

static int print_json(struct out *o, const struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = ramet_report_tree(s, &text, err);

	if (r == 0) {
		out_json(o, ramet_buf_bytes(&text));
		out_newline(o);
	}
	ramet_buf_release(&text);
	return r;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct treeview_opts how = { .all = args_has(&cli->args, "all") };
	struct ramet_session *s;
	int r = resolve_session(cli, &s, err);

	if (r < 0)
		return r;
	if (args_has(&cli->args, "json"))
		r = print_json(&cli->out, s, err);
	else
		r = treeview_print(&cli->out, s, &how, err);
	if (r == 0 && !how.all)
		ramet_buf_add_str(&cli->out.hint, "● on the path to the leaf; --all unfolds");
	ramet_session_close(s);
	return r;
}

static const struct opt opts[] = {
	{ "all", 'a', NULL, "every entry, nothing folded" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_tree = {
	.name = "tree", .args = "[S]", .help = "a session with its branches",
	.more = "The path to the leaf is drawn straight down, other branches hang off it.\n"
		"\n"
		"Examples:\n"
		"  ramet tree @last            the newest session of this directory\n"
		"  ramet tree 019c9d02 --all   every entry of it\n",
	.opts = opts, .min_words = 0, .max_words = 1, .run = run,
};
