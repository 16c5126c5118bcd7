/*
 * cli/cmd_import.c - ramet import: a session of any format into a store of one's own.
 *
 * The format of the new session is that of the store. The old one stays as it is.
 */
#include "cli/cli.h"
#include "cli/conversion.h"
#include "cli/resolve.h"

#include "base/error.h"
#include "base/newfile.h"

#include <string.h>

/* The format of a store, and where in it: a tool's name, a file of many, or a directory of pi's
 * sessions. */
static void find_store(const char *into, struct ramet_convert_opts *opts)
{
	static const char *const tools[] = { "pi", "pirust", "ggcode", "yoi" };
	size_t i;

	opts->to = "pi";
	for (i = 0; into && i < sizeof(tools) / sizeof(tools[0]); i++)
		if (!strcmp(into, tools[i]))
			opts->to = tools[i];
	if (!into || !strcmp(into, opts->to))
		return;
	opts->place = into;
	if (!strncmp(into, "sqlite:", 7))
		opts->to = "sqlite";
	if (!strncmp(into, "ckptmgr:", 8))
		opts->to = "ckptmgr";
}

/* A directory is made if it is missing: else its name would be that of the session. */
static int make_directory(const struct ramet_convert_opts *opts, struct ramet_error *err)
{
	if (opts->dry || !opts->place || strcmp(opts->to, "pi") != 0)
		return 0;
	return rameti_dir_make(NULL, opts->place, 1, err);
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_convert_opts opts = { .id = args_get(&cli->args, "id"),
					   .dry = args_has(&cli->args, "dry-run") };
	const struct ramet_open_opts how = { .format = args_get(&cli->args, "format") };
	struct ramet_session *s = NULL;
	int r;

	find_store(args_get(&cli->args, "into"), &opts);
	r = resolve_session_with(cli, &how, &s, err);
	if (!r)
		r = make_directory(&opts, err);
	if (!r)
		r = conversion_run(cli, s, &opts, err);
	ramet_session_close(s);
	return r;
}

static const struct opt opts[] = {
	{ "format", 0, "F", "what S is, if its first bytes do not tell" },
	{ "into", 0, "ST", "a directory, pi (the default), pirust, ggcode, yoi, sqlite:FILE, ..." },
	{ "id", 0, "ID", "for the new session; else that of the old one" },
	{ "dry-run", 0, NULL, "only say what would be carried" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_import = {
	.name = "import", .args = "S", .help = "take a session of another tool into a store",
	.more = "Writes a copy of S as a session of the store's format: pi's own directory of\n"
		"the session's working directory, or --into. Nothing is lost; what the format has\n"
		"no words for is carried. See ramet convert, whose report this prints, too.\n"
		"\n"
		"Examples:\n"
		"  ramet import ~/.ggcode/sessions/20260901-101500-00a1b2c3d4e5f607.jsonl\n"
		"  ramet import chat.jsonl --format yoi --into sqlite:all.db\n",
	.opts = opts, .min_words = 1, .max_words = 1, .run = run,
};
