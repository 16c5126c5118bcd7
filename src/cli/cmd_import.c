/*
 * cli/cmd_import.c - ramet import: a session of any format into a store of one's own.
 *
 * The format of the new session is that of the store. The old one stays as it is.
 */
#include "cli/cli.h"
#include "cli/conversion.h"
#include "cli/place.h"
#include "cli/resolve.h"

#include "base/error.h"
#include "base/newfile.h"

#include <string.h>

/* The format of a store, and where in it: a tool's name, a file of many, or a directory of pi's
 * sessions. */
static void find_store(const char *into, struct ramet_convert_opts *opts)
{
	opts->to = place_is_tool(into) ? into : "pi";
	if (!into || place_is_tool(into))
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

/* Does a session that was read as one of this format hold a record of it? */
static int holds_some(const struct ramet_session *s)
{
	const struct ramet_tree *t = ramet_session_tree(s);

	for (uint32_t row = 0; row < ramet_tree_count(t); row++)
		if (ramet_tree_row(t, row)->type != RAMET_ENTRY_CUSTOM)
			return 1;
	return 0;
}

static int is_line_of_pi(const char *format)
{
	return !strcmp(format, "pi") || !strcmp(format, "pirust");
}

/* Nearly any line can be read as a record that is not understood: what was asked for has to agree
 * with what the file says, or, where it says nothing, something has to be understood. */
static int check_format(struct cli *cli, const struct ramet_session *s, const char *format,
			struct ramet_error *err)
{
	struct ramet_session *plain = NULL;
	const char *is = NULL, *path = ramet_session_path(s);
	int r = 0, some = is_line_of_pi(format);

	if (resolve_session_with(cli, NULL, &plain, NULL) == 0)
		is = ramet_session_format(plain);
	if (is && strcmp(is, format) != 0 && !(some && is_line_of_pi(is)))
		r = rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
				   "is a session of the format %s, not %s", is, format);
	else if (!is && !some && !holds_some(s))
		r = rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
				   "no record of the format %s is in it", format);
	ramet_session_close(plain);
	return r;
}

/* --format ckptmgr FILE is ckptmgr:FILE. */
static int name_home(struct cli *cli, const char *format, struct ramet_buf *word,
		     struct ramet_error *err)
{
	const char *scheme = place_scheme(format), *given = cli->args.words[0];

	if (resolve_is_url(given) && (!scheme || strncmp(given, scheme, strlen(scheme)) != 0))
		return rameti_fail(err, CLI_USAGE, "\"%.60s\" is not of the format %s", given,
				   format);
	if (!scheme || resolve_is_url(given))
		return 0;
	ramet_buf_addf(word, "%s%s", scheme, given);
	if (ramet_buf_status(word) < 0)
		return rameti_fail_nomem(err);
	cli->args.words[0] = word->ptr;
	return 0;
}

/* A file of many sessions that was given without its scheme. was: what opening it as a file of one
 * answered, which stays the answer for all others. */
static int open_home(struct cli *cli, int was, struct ramet_buf *word, struct ramet_session **s,
		     struct ramet_error *err)
{
	static const char *const schemes[] = { "sqlite:", "ckptmgr:" };
	const char *given = cli->args.words[0];
	struct ramet_error why = { .offset = RAMET_NO_OFFSET };
	int r = RAMET_EFORMAT;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		ramet_buf_reset(word);
		ramet_buf_addf(word, "%s%s", schemes[i], given);
		if (ramet_buf_status(word) < 0)
			return rameti_fail_nomem(err);
		cli->args.words[0] = word->ptr;
		r = resolve_session_with(cli, NULL, s, &why);
		if (r == 0)
			return 0;
		if (r != RAMET_EAMBIGUOUS)
			continue;
		*err = why;
		return r;
	}
	cli->args.words[0] = given;
	return was;
}

static int open_source(struct cli *cli, struct ramet_buf *word, struct ramet_session **s,
		       struct ramet_error *err)
{
	const char *format = args_get(&cli->args, "format");
	struct ramet_open_opts how = { .format = NULL };
	int r;

	if (!format) {
		r = resolve_session_with(cli, &how, s, err);
		return r == RAMET_EFORMAT && !resolve_is_url(cli->args.words[0]) ?
			       open_home(cli, r, word, s, err) :
			       r;
	}
	r = place_check_format(format, err);
	if (!r)
		r = name_home(cli, format, word, err);
	if (!r && !place_scheme(format))
		how.format = format;
	if (!r)
		r = resolve_session_with(cli, &how, s, err);
	return r < 0 || !how.format ? r : check_format(cli, *s, format, err);
}

static int run(struct cli *cli, struct ramet_error *err)
{
	const char *into = args_get(&cli->args, "into");
	struct ramet_convert_opts opts = { .id = args_get(&cli->args, "id"),
					   .dry = args_has(&cli->args, "dry-run") };
	struct ramet_buf word = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_session *s = NULL;
	int r = place_check_store(into, err);

	find_store(into, &opts);
	if (!r)
		r = open_source(cli, &word, &s, err);
	if (!r)
		r = make_directory(&opts, err);
	if (!r)
		r = conversion_run(cli, s, &opts, err);
	ramet_session_close(s);
	ramet_buf_release(&word);
	return r;
}

static const struct opt opts[] = {
	{ "format", 0, "F", "what S is: pi, pirust, ggcode, yoi, ckptmgr or sqlite" },
	{ "into", 0, "ST", "a directory, pi (the default), pirust, ggcode, yoi, or sqlite:FILE, "
		"ckptmgr:FILE" },
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
