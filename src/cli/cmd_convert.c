/*
 * cli/cmd_convert.c - ramet convert: a session of one format as one of another.
 */
#include "cli/cli.h"
#include "cli/conversion.h"
#include "cli/place.h"
#include "cli/resolve.h"

#include "base/error.h"

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_convert_opts opts = { .to = args_get(&cli->args, "to"),
					   .place = args_get(&cli->args, "output"),
					   .id = args_get(&cli->args, "id"),
					   .lean = args_has(&cli->args, "lean"),
					   .one_branch = args_has(&cli->args, "leaf"),
					   .dry = args_has(&cli->args, "dry-run") };
	struct ramet_session *s = NULL;
	int r = opts.to ? 0 : rameti_fail(err, CLI_USAGE, "which format? --to FORMAT");

	if (!r)
		r = place_check_target(opts.to, opts.place, err);
	if (!r)
		r = resolve_session(cli, &s, err);
	if (!r)
		r = resolve_leaf(cli, s, &opts.leaf, err);
	if (!r)
		r = conversion_run(cli, s, &opts, err);
	ramet_session_close(s);
	return r;
}

static const struct opt opts[] = {
	{ "to", 't', "FORMAT", "pi, pirust, ggcode, yoi, ckptmgr or sqlite" },
	{ "output", 'o', "PLACE", "a new file, a directory, or a file of many sessions" },
	{ "id", 0, "ID", "for the new session; else that of the old one" },
	{ "leaf", 0, "ID", "only the path to this entry; null: no entry" },
	{ "lean", 0, NULL, "without the stored lines that lead back" },
	{ "dry-run", 0, NULL, "only say what would be carried or left out" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_convert = {
	.name = "convert", .args = "S --to FORMAT", .help = "write a session in another format",
	.more = "The new session goes where the format's own program keeps its sessions, or to\n"
		"PLACE. What the format has no words for is carried in records that its program\n"
		"passes over, and so are the stored lines: converted back, the session is the\n"
		"same again, byte for byte. The old session stays as it is.\n"
		"With --json\n"
		"{\"from\",\"to\",\"path\",\"id\",\"entries\",\"said\",\"carried\",\"leftOut\",\n"
		"\"damaged\",\"offBranch\",\"restored\",\"lines\",\"bytes\",\n"
		"\"kinds\":[{\"kind\",\"said\",\"carried\",\"leftOut\"}],\"dryRun\"}.\n"
		"\n"
		"Examples:\n"
		"  ramet convert @last --to ggcode --dry-run\n"
		"  ramet convert old.jsonl --to sqlite -o all.db\n",
	.opts = opts, .min_words = 1, .max_words = 1, .run = run,
};
