/*
 * cli/cmd_export.c - ramet export: one branch of a session in another form.
 *
 * A file appears whole or not at all, and never in place of the session itself. This version knows
 * one form, the JSON lines of a session.
 */
#include "cli/age.h"
#include "cli/cli.h"
#include "cli/resolve.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/newfile.h"

#include <string.h>

#define FILE_MODE 0600                           /* as private as a session is */

/* What an existing file at that path is to us. */
static int check_target(const char *path, const struct ramet_session *s, struct ramet_error *err)
{
	struct stat target, source;

	if (rameti_path_stat(NULL, path, &target, NULL) < 0)
		return 0;                        /* what is wrong with it shows when writing */
	if (!S_ISREG(target.st_mode))
		return rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
				      S_ISDIR(target.st_mode) ? "is a directory"
							      : "is not a regular file");
	if (rameti_path_stat(NULL, ramet_session_path(s), &source, NULL) == 0 &&
	    source.st_dev == target.st_dev && source.st_ino == target.st_ino)
		return rameti_fail_at(err, RAMET_ECONFLICT, path, 0, RAMET_NO_OFFSET,
				      "is the session itself");
	return 0;
}

static int write_file(struct cli *cli, const char *path, struct ramet_bytes text,
		      struct ramet_error *err)
{
	struct rameti_newfile file = RAMETI_NEWFILE_INIT;
	int force = args_has(&cli->args, "force");
	int r = rameti_newfile_open(&file, path, FILE_MODE, err);

	if (r == 0)
		r = rameti_newfile_write(&file, text, err);
	if (r == 0)
		r = rameti_newfile_commit(
			&file, RAMETI_NEWFILE_SYNC | (force ? RAMETI_NEWFILE_REPLACE : 0), err);
	rameti_newfile_abort(&file);
	if (r == RAMET_ECONFLICT && !force)
		return rameti_fail_at(err, r, path, 0, RAMET_NO_OFFSET,
				      "exists already (--force replaces it)");
	return r;
}

static int export(struct cli *cli, const struct ramet_session *s, const char *path,
		  struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(CLI_TEXT_MAX);
	uint32_t leaf;
	int r = resolve_leaf(cli, s, &leaf, err);

	if (r == 0 && path)
		r = check_target(path, s, err);
	if (r == 0)
		r = ramet_export_jsonl(s, leaf, rameti_now_ms(NULL), &text, err);
	if (r == 0 && path)
		r = write_file(cli, path, ramet_buf_bytes(&text), err);
	else if (r == 0)
		out_json(&cli->out, ramet_buf_bytes(&text));
	if (r == 0 && path) {
		age_add_size(&cli->out.hint, text.len);
		ramet_buf_add_str(&cli->out.hint, " in ");
		(void)resolve_add_path(&cli->out.hint, ramet_bytes_of(path), TEXT_ALL);
	}
	ramet_buf_release(&text);
	return r;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	const char *path = args_get(&cli->args, "output");
	struct ramet_session *s;
	int r;

	if (args_has(&cli->args, "json"))
		return rameti_fail(err, CLI_USAGE, "there is no --json here: --jsonl is JSON");
	if (!args_has(&cli->args, "jsonl"))
		return rameti_fail(err, CLI_USAGE,
				   "which form? this version knows --jsonl, and no other");
	if (path && !*path)
		return rameti_fail(err, CLI_USAGE, "the name of the file is empty");
	if (path && !strcmp(path, "-"))
		path = NULL;
	if (args_has(&cli->args, "force") && !path)
		return rameti_fail(err, CLI_USAGE, "option --force wants --output F");
	r = resolve_session(cli, &s, err);
	if (r < 0)
		return r;
	r = export(cli, s, path, err);
	ramet_session_close(s);
	return r;
}

static const struct opt opts[] = {
	{ "jsonl", 0, NULL, "a session of its own: a header, then an entry a line" },
	{ "leaf", 'l', "ID", "where the branch ends: an id, the prefix of one, or null" },
	{ "output", 'o', "F", "into this file, which must not exist" },
	{ "force", 'f', NULL, "replace the file if it exists" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_export = {
	.name = "export", .args = "[S]", .help = "one branch as a file of its own",
	.more = "The path to the leaf, or to --leaf, on standard output or in a file. What\n"
		"--jsonl writes is a session that pi opens, too.\n"
		"\n"
		"Examples:\n"
		"  ramet export @last --jsonl -o branch.jsonl\n"
		"  ramet export s.jsonl --jsonl --leaf 3f2a | wc -l\n",
	.opts = opts, .min_words = 0, .max_words = 1, .run = run,
};
