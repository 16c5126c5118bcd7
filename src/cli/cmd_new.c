/*
 * cli/cmd_new.c - ramet new: a session with a header and nothing else.
 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/place.h"
#include "cli/resolve.h"

#include "base/error.h"

#include <string.h>

static int print(struct cli *cli, const struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	int r;

	if (!args_has(&cli->args, "json")) {
		answer_path(cli, ramet_session_path(s));
		return 0;
	}
	ramet_json_writer_init(&w, &json);
	ramet_json_open_object(&w);
	answer_add_path(&w, "path", ramet_session_path(s));
	answer_add_text(&w, "id", ramet_session_header(s)->id);
	ramet_json_close_object(&w);
	r = answer_json(cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

static int create(struct cli *cli, const char *cwd, struct ramet_create_opts *opts,
		  struct ramet_error *err)
{
	struct ramet_session *s;
	int r = ramet_session_create(&s, cwd, opts, err);

	if (r < 0)
		return place_given_id(r, opts->id, err);
	r = print(cli, s, err);
	ramet_session_close(s);
	return r;
}

/* With a format, --store is a place of that format as it is given; a tool: its own. */
static int find_dir(const struct cli *cli, const char *format, const char *cwd,
		    struct ramet_buf *dir, struct ramet_error *err)
{
	const char *store = args_get(&cli->args, "store");
	int r;

	if (!format)
		return resolve_store_dir(store, cwd, dir, err);
	if (place_is_tool(store) && strcmp(store, format) != 0)
		return rameti_fail(err, CLI_USAGE, "the store of %s takes no session of the "
				   "format %s", store, format);
	r = place_check_target(format, store, err);
	if (!r && store && !place_is_tool(store))
		ramet_buf_add_str(dir, store);
	return r;
}

/* --format, else that of the store; NULL: pi's, wherever it goes. */
static int find_format(const struct args *a, const char **format, struct ramet_error *err)
{
	const char *store = args_get(a, "store");

	*format = args_get(a, "format");
	if (*format)
		return place_check_format(*format, err);
	if (place_is_tool(store) && strcmp(store, "pi") != 0)
		*format = store;
	else if (store && !strncmp(store, "sqlite:", 7))
		*format = "sqlite";
	else if (store && !strncmp(store, "ckptmgr:", 8))
		*format = "ckptmgr";
	return 0;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	const char *given = args_get(&cli->args, "cwd");
	const char *parent = args_get(&cli->args, "parent-session");
	struct ramet_buf cwd = RAMET_BUF_INIT(CLI_TEXT_MAX), dir = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_buf from = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct rameti_file hold = RAMETI_FILE_INIT;
	struct ramet_create_opts opts = { .id = args_get(&cli->args, "id"),
					  .write_now = 1 };
	int r = out_ready(&cli->out, err);

	if (r == 0)
		r = find_format(&cli->args, &opts.format, err);
	if (r == 0)
		r = resolve_directory(given ? given : ".", &cwd, err);
	if (r == 0)
		r = find_dir(cli, opts.format, cwd.ptr, &dir, err);
	if (r == 0 && parent)
		r = resolve_path(cli, parent, &from, err);
	if (r == 0 && !opts.format)
		r = resolve_free_id(dir.ptr, opts.id, &hold, err);
	opts.dir = dir.ptr;
	opts.parent_session = from.ptr;
	if (r == 0)
		r = create(cli, cwd.ptr, &opts, err);
	(void)rameti_file_close(&hold);          /* a directory */
	ramet_buf_release(&cwd);
	ramet_buf_release(&dir);
	ramet_buf_release(&from);
	return r;
}

static const struct opt opts[] = {
	{ "cwd", 0, "D", "the working directory of the session (default: this one)" },
	{ "format", 0, "F", "pi (the default), pirust, ggcode, yoi, ckptmgr or sqlite" },
	{ "id", 0, "I", "its id (default: a new one)" },
	{ "parent-session", 0, "S", "the session it came from" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_new = {
	.name = "new", .args = "", .help = "begin a session, and print its path",
	.more = "The file is made at once and holds the header only. --store says where: a\n"
		"directory (made if missing), sqlite:FILE, ckptmgr:FILE, or a tool's name. pi is\n"
		"the default: pi's directory of the working directory. A tool or a file of many\n"
		"says the format, too. With --json {\"path\",\"id\"}.\n"
		"\n"
		"Examples:\n"
		"  s=$(ramet new)\n"
		"  ramet new --store sessions --id first --cwd ~/shop\n",
	.opts = opts, .min_words = 0, .max_words = 0, .run = run,
};
