/*
 * cli/cmd_export.c - ramet export: one branch of a session in another form.
 *
 * A file appears whole or not at all, and never in place of the session itself. As a session of
 * another format it is converted (see ramet convert).
 */
#include "cli/age.h"
#include "cli/cli.h"
#include "cli/conversion.h"
#include "cli/place.h"
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

/* Where the pieces go. */
struct target {
	struct cli *cli;
	struct rameti_newfile *file;             /* NULL: standard output */
	uint64_t size;
};

static int write_piece(void *user, struct ramet_bytes bytes, struct ramet_error *err)
{
	struct target *t = user;

	t->size += bytes.len;
	if (t->file)
		return rameti_newfile_write(t->file, bytes, err);
	out_json(&t->cli->out, bytes);
	if (out_broken(&t->cli->out))
		return rameti_fail(err, RAMET_ECANCELED, "nobody reads the output");
	return 0;
}

static int exists(int r, const char *path, int force, struct ramet_error *err)
{
	if (r != RAMET_ECONFLICT || force)
		return r;
	return rameti_fail_at(err, r, path, 0, RAMET_NO_OFFSET,
			      "exists already (--force replaces it)");
}

/* As ggcode does when the session is its own, and all of it is wanted. */
static int write_markdown(struct target *t, const struct ramet_session *s, uint32_t leaf,
			  struct ramet_error *err)
{
	const struct ramet_ggcode_markdown_opts how = { .long_fences = 1 };
	struct ramet_buf text = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int whole = leaf == ramet_session_leaf(s) && !strcmp(ramet_session_format(s), "ggcode");
	int r;

	if (whole)
		r = ramet_ggcode_export_markdown(ramet_session_path(s), &how, &text, err);
	else
		r = ramet_export_md(s, leaf, &text, err);
	if (!r)
		r = write_piece(t, ramet_buf_bytes(&text), err);
	ramet_buf_release(&text);
	return r;
}

static int write_form(struct target *t, const struct ramet_session *s, uint32_t leaf,
		      struct ramet_error *err)
{
	if (args_has(&t->cli->args, "md"))
		return write_markdown(t, s, leaf, err);
	return ramet_export_jsonl_to(s, leaf, rameti_now_ms(NULL), write_piece, t, err);
}

static int write_file(struct target *t, const struct ramet_session *s, uint32_t leaf,
		      const char *path, struct ramet_error *err)
{
	struct rameti_newfile file = RAMETI_NEWFILE_INIT;
	int force = args_has(&t->cli->args, "force");
	unsigned how = RAMETI_NEWFILE_SYNC | (force ? RAMETI_NEWFILE_REPLACE : 0);
	int r = exists(rameti_newfile_open(&file, path, FILE_MODE, err), path, force, err);

	t->file = &file;
	if (r == 0)
		r = write_form(t, s, leaf, err);
	if (r == 0)
		r = exists(rameti_newfile_commit(&file, how, err), path, force, err);
	rameti_newfile_abort(&file);
	return r;
}

static int export(struct cli *cli, const struct ramet_session *s, const char *path,
		  struct ramet_error *err)
{
	struct target t = { cli, NULL, 0 };
	uint32_t leaf;
	int r = resolve_leaf(cli, s, &leaf, err);

	if (r == 0 && path)
		r = check_target(path, s, err);
	if (r == 0 && path)
		r = write_file(&t, s, leaf, path, err);
	else if (r == 0)
		r = write_form(&t, s, leaf, err);
	if (r == 0 && path) {
		age_add_size(&cli->out.hint, t.size);
		ramet_buf_add_str(&cli->out.hint, " in ");
		(void)resolve_add_path(&cli->out.hint, ramet_bytes_of(path), TEXT_ALL);
	}
	return r;
}

static int export_session(struct cli *cli, struct ramet_session *s, const char *path,
			  struct ramet_error *err)
{
	struct ramet_convert_opts opts = { .to = args_get(&cli->args, "format"),
					   .place = path,
					   .one_branch = args_has(&cli->args, "leaf") };
	int r = resolve_leaf(cli, s, &opts.leaf, err);

	return r < 0 ? r : conversion_run(cli, s, &opts, err);
}

/* Into a tool's own directory goes only what somebody imports. */
static int check_place(const struct args *a, struct ramet_error *err)
{
	const char *format = args_get(a, "format"), *place = args_get(a, "output");
	int r = place_check_format(format, err);

	if (r == 0 && (!place || !strcmp(place, "-")))
		return rameti_fail(err, CLI_USAGE,
				   "where to? --format %s wants --output PLACE (ramet import puts "
				   "a session into a tool's own store)", format);
	return r < 0 ? r : place_check_target(format, place, err);
}

static int check_form(const struct args *a, struct ramet_error *err)
{
	int n = args_has(a, "jsonl") + args_has(a, "md") + args_has(a, "format");

	if (n != 1)
		return rameti_fail(err, CLI_USAGE, "which form? --jsonl, --md or --format F");
	if (args_has(a, "json") && !args_has(a, "format"))
		return rameti_fail(err, CLI_USAGE, "there is no --json here: --jsonl is JSON");
	if (args_has(a, "force") && args_has(a, "format"))
		return rameti_fail(err, CLI_USAGE, "--format never replaces a file");
	return args_has(a, "format") ? check_place(a, err) :
				       place_check_file(args_get(a, "output"), err);
}

static int run(struct cli *cli, struct ramet_error *err)
{
	const char *path = args_get(&cli->args, "output");
	struct ramet_session *s;
	int r;

	r = check_form(&cli->args, err);
	if (r < 0)
		return r;
	if (path && !*path)
		return rameti_fail(err, CLI_USAGE, "the name of the file is empty");
	if (path && !strcmp(path, "-"))
		path = NULL;
	if (args_has(&cli->args, "force") && !path)
		return rameti_fail(err, CLI_USAGE, "option --force wants --output F");
	r = resolve_session(cli, &s, err);
	if (r < 0)
		return r;
	if (args_has(&cli->args, "format"))
		r = export_session(cli, s, path, err);
	else
		r = export(cli, s, path, err);
	ramet_session_close(s);
	return r;
}

static const struct opt opts[] = {
	{ "jsonl", 0, NULL, "a session of its own: a header, then an entry a line" },
	{ "md", 0, NULL, "Markdown, as ggcode writes it" },
	{ "format", 0, "F", "a session of this format: pi, pirust, ggcode, yoi, ckptmgr, sqlite" },
	{ "leaf", 'l', "ID", "where the branch ends: an id, the prefix of one, or null" },
	{ "output", 'o', "F", "into this file, which must not exist; --format wants one" },
	{ "force", 'f', NULL, "replace the file if it exists" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_export = {
	.name = "export", .args = "[S]", .help = "one branch as a file of its own",
	.more = "The path to the leaf, or to --leaf, on standard output or in a file. What\n"
		"--jsonl writes is a session that pi opens, too. --format converts, all branches\n"
		"unless --leaf is given; it wants --output, a new file, a directory or a file of\n"
		"many (ramet import puts a session into a tool's own store), and with --json the\n"
		"report of ramet convert is printed.\n"
		"\n"
		"Examples:\n"
		"  ramet export @last --jsonl -o branch.jsonl\n"
		"  ramet export @last --md -o talk.md\n"
		"  ramet export @last --format yoi -o handover\n"
		"  ramet export s.jsonl --jsonl --leaf 3f2a | wc -l\n",
	.opts = opts, .min_words = 0, .max_words = 1, .run = run,
};
