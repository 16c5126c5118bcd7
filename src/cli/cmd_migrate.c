/*
 * cli/cmd_migrate.c - ramet migrate: a session file in the current version of its format.
 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/resolve.h"

#include "base/error.h"

#include <string.h>

static int print_json(struct cli *cli, const char *path, const struct ramet_migration *m,
		      struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	int r;

	ramet_json_writer_init(&w, &json);
	ramet_json_open_object(&w);
	answer_add_path(&w, "path", path);
	ramet_json_key(&w, "from");
	ramet_json_add_double(&w, m->from);
	ramet_json_key(&w, "to");
	ramet_json_add_double(&w, m->to);
	ramet_json_key(&w, "entries");
	ramet_json_add_int(&w, m->n_entries);
	ramet_json_key(&w, "dropped");
	ramet_json_add_int(&w, (int64_t)m->n_dropped);
	ramet_json_key(&w, "carried");
	ramet_json_add_int(&w, (int64_t)m->n_carried);
	answer_add_path(&w, "kept", m->kept);
	ramet_json_key(&w, "dryRun");
	ramet_json_add_bool(&w, args_has(&cli->args, "dry-run"));
	ramet_json_close_object(&w);
	r = answer_json(cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

/* "12 entries" */
static void add_count(struct out *o, uint64_t n, const char *one, const char *more)
{
	ramet_buf_addf(&o->buf, "%llu %s", (unsigned long long)n, n == 1 ? one : more);
}

static void print_kept(struct out *o, const struct ramet_migration *m)
{
	out_str(o, "the original is kept as ");
	text_add_path(&o->buf, ramet_bytes_of(m->kept), TEXT_ALL);
	if (m->n_carried) {
		out_str(o, "; ");
		add_count(o, m->n_carried, "byte", "bytes");
		out_str(o, " that another program appended meanwhile came along");
	}
	out_newline(o);
}

/* The format of a session that has no version, or NULL. */
static const char *without_version(const char *path)
{
	static const char *const formats[] = { "ggcode", "yoi", "ckptmgr", "sqlite" };
	const struct ramet_open_opts how = { .no_cache = 1 };
	struct ramet_session *s = NULL;
	const char *format = NULL;

	if (ramet_session_open(&s, path, &how, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(ramet_session_format(s), formats[i]))
			format = formats[i];
	ramet_session_close(s);
	return format;
}

static void print(struct cli *cli, const struct ramet_migration *m, const char *format)
{
	int dry = args_has(&cli->args, "dry-run");
	struct out *o = &cli->out;

	if (m->from == m->to && format) {
		ramet_buf_addf(&o->buf, "nothing to do: only pi's files have versions, and this is "
			       "a session of the format %s", format);
		out_newline(o);
		return;
	}
	if (m->from == m->to) {
		ramet_buf_addf(&o->buf, "nothing to do: it is version %g already", m->to);
		out_newline(o);
		return;
	}
	ramet_buf_addf(&o->buf, "%s from version %g to %g: ", dry ? "would go" : "went", m->from,
		       m->to);
	add_count(o, m->n_entries, "entry", "entries");
	if (m->n_dropped) {
		out_str(o, "; ");
		add_count(o, m->n_dropped, "line that is no entry stays",
			  "lines that are no entry stay");
		out_str(o, " in the original");
	}
	out_newline(o);
	if (m->kept[0])
		print_kept(o, m);
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_migration done;
	int r = resolve_path(cli, cli->args.words[0], &path, err);

	memset(&done, 0, sizeof(done));
	if (r == 0)
		r = ramet_migrate(path.ptr, args_has(&cli->args, "dry-run"), &done, err);
	if (r == 0 && args_has(&cli->args, "json"))
		r = print_json(cli, path.ptr, &done, err);
	else if (r == 0)
		print(cli, &done, done.from == done.to ? without_version(path.ptr) : NULL);
	ramet_buf_release(&path);
	return r;
}

static const struct opt opts[] = {
	{ "dry-run", 0, NULL, "only say what would happen" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_migrate = {
	.name = "migrate", .args = "S", .help = "rewrite a session in the current version",
	.more = "Only pi's files have versions, and those of pi_agent_rust, always the current\n"
		"one. Reading needs no migration, appending only one from version 1. The new\n"
		"file takes the place of the old one in one step; the original stays beside it.\n"
		"With --json\n"
		"{\"path\",\"from\",\"to\",\"entries\",\"dropped\",\"carried\",\"kept\",\n"
		"\"dryRun\"}.\n"
		"\n"
		"Examples:\n"
		"  ramet migrate old.jsonl --dry-run\n"
		"  ramet migrate old.jsonl\n",
	.opts = opts, .min_words = 1, .max_words = 1, .run = run,
};
