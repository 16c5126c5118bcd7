/*
 * cli/cmd_fork.c - ramet fork: a new session from an old one, whole or up to an entry.
 *
 * At a user message the new session ends before it and its text is handed back to be edited.
 * Without --into it lies beside the source, with --cwd where new sessions of that directory lie.
 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/place.h"
#include "cli/resolve.h"

#include "base/error.h"

#include <string.h>

#define TEXT_CELLS 200

struct fork {
	struct cli *cli;
	struct ramet_session *source;
	uint32_t entry;                          /* RAMET_NONE: all branches */
	struct ramet_fork_plan plan;
	struct ramet_buf cwd, dir; /* of the new session */
	struct ramet_fork_opts opts;             /* borrows from both */
	struct rameti_file hold;                 /* on where it goes, if an id was given */
};

/* The first line of the text that is left out, safe. */
static void add_left_out(const struct fork *f, struct ramet_buf *out)
{
	struct ramet_bytes text = ramet_buf_bytes(&f->plan.text);
	size_t n = 0;

	while (n < text.len && text.ptr[n] != '\n')
		n++;
	text.len = n;
	text_add_line(out, text, TEXT_CELLS);
}

static void add_text_member(const struct fork *f, struct ramet_json_writer *w)
{
	if (!f->plan.has_text)
		return;
	ramet_json_key(w, "text");
	ramet_json_add_text(w, ramet_buf_bytes(&f->plan.text));
}

/* ---- the plan ---- */

static int plan_json(const struct fork *f, struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	int r;

	ramet_json_writer_init(&w, &json);
	ramet_json_open_object(&w);
	answer_add_row(&w, "leafId", f->source, f->plan.leaf);
	ramet_json_key(&w, "entries");
	ramet_json_add_int(&w, f->plan.n_entries);
	add_text_member(f, &w);
	ramet_json_close_object(&w);
	r = answer_json(f->cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

static int print_plan(const struct fork *f, struct ramet_error *err)
{
	struct out *o = &f->cli->out;

	if (args_has(&f->cli->args, "json"))
		return plan_json(f, err);
	ramet_buf_addf(&o->buf, "entries   %lu", (unsigned long)f->plan.n_entries);
	out_newline(o);
	out_str(o, "leaf      ");
	if (f->plan.leaf == RAMET_NONE)
		out_str(o, "none");
	else
		out_safe(o, ramet_tree_id(ramet_session_tree(f->source), f->plan.leaf), TEXT_ALL);
	out_newline(o);
	if (f->plan.has_text) {
		out_str(o, "left out  ");
		add_left_out(f, &o->buf);
		out_newline(o);
	}
	return 0;
}

static int plan_at(struct fork *f, int keep, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(f->source);
	struct ramet_path path = RAMET_PATH_INIT;
	int r;

	if (!keep)
		return ramet_fork_plan(f->source, f->entry, &f->plan, err);
	r = ramet_tree_path(t, f->entry, &path, err);
	f->plan.leaf = f->entry;
	f->plan.n_entries = path.n;
	ramet_path_release(&path);
	return r;
}

static int make_plan(struct fork *f, struct ramet_error *err)
{
	const struct args *a = &f->cli->args;
	const struct ramet_tree *t = ramet_session_tree(f->source);
	int keep = args_has(a, "keep"), r;

	if (a->n_words < 2) {
		f->plan.leaf = ramet_session_leaf(f->source);
		f->plan.n_entries = ramet_tree_count(t);
		return 0;
	}
	r = ramet_tree_resolve(t, ramet_bytes_of(a->words[1]), &f->entry, err);
	return r < 0 ? r : plan_at(f, keep, err);
}

/* ---- the new session ---- */

static int make_empty(const struct fork *f, struct ramet_session **out, struct ramet_error *err)
{
	const char *source = ramet_session_path(f->source), *hash = strrchr(source, '#');
	struct ramet_create_opts opts = {
		.id = f->opts.id, .parent_session = source,
		.dir = f->opts.dir, .write_now = 1,
		.format = ramet_session_format(f->source),
	};
	struct ramet_buf file = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r;

	if (hash && resolve_is_url(source)) {
		ramet_buf_add(&file, (struct ramet_bytes){ source, (size_t)(hash - source) });
		opts.dir = file.ptr;
	}
	r = ramet_session_create(out, f->cwd.ptr, &opts, err);
	ramet_buf_release(&file);
	return r;
}

static int make(const struct fork *f, struct ramet_session **out, struct ramet_error *err)
{
	int r;

	if (f->entry == RAMET_NONE)
		return ramet_fork(out, f->source, &f->opts, err);
	if (f->plan.leaf == RAMET_NONE)
		return make_empty(f, out, err);
	r = ramet_fork_branch(out, f->source, f->plan.leaf, &f->opts, err);
	if (r < 0)
		return r;
	r = ramet_session_write(*out, err);
	if (r < 0)
		ramet_session_close(*out);
	return r;
}

static int made_json(const struct fork *f, const struct ramet_session *made,
		     struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	int r;

	ramet_json_writer_init(&w, &json);
	ramet_json_open_object(&w);
	answer_add_path(&w, "path", ramet_session_path(made));
	answer_add_text(&w, "id", ramet_session_header(made)->id);
	answer_add_text(&w, "parentSession", ramet_session_header(made)->parent_session);
	answer_add_row(&w, "leafId", made, ramet_session_leaf(made));
	add_text_member(f, &w);
	ramet_json_close_object(&w);
	r = answer_json(f->cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

static int print_made(const struct fork *f, const struct ramet_session *made,
		      struct ramet_error *err)
{
	struct ramet_buf told = RAMET_BUF_INIT(CLI_TEXT_MAX);

	if (args_has(&f->cli->args, "json"))
		return made_json(f, made, err);
	answer_path(f->cli, ramet_session_path(made));
	if (f->plan.has_text) {
		out_flush(&f->cli->out);
		ramet_buf_add_str(&told, "left out, to be edited: ");
		add_left_out(f, &told);
		if (ramet_buf_status(&told) == 0)
			out_complain(told.ptr);
		ramet_buf_release(&told);
	}
	return 0;
}

static int write_fork(struct fork *f, struct ramet_error *err)
{
	struct ramet_session *made;
	int r = make(f, &made, err);

	if (r < 0)
		return place_given_id(r, f->opts.id, err);
	r = print_made(f, made, err);
	ramet_session_close(made);
	return r;
}

/* ---- where to ---- */

static int choose_place(struct fork *f, struct ramet_error *err)
{
	const struct args *a = &f->cli->args;
	const char *into = args_get(a, "into"), *cwd = args_get(a, "cwd");
	struct ramet_bytes own = ramet_session_cwd(f->source, ramet_bytes_of("."));
	const char *format = ramet_session_format(f->source);
	int r = 0, own_tool = into && !strcmp(into, format);

	if (place_is_tool(into) && strcmp(into, "pi") != 0 && !own_tool)
		return rameti_fail(err, CLI_USAGE,
				   "a fork has its source's format, %s: ramet import --into %s "
				   "converts", format, into);
	if (own_tool && strcmp(into, "pi") != 0)
		into = NULL;
	if (cwd || ramet_bytes_is(own, "."))
		r = resolve_directory(cwd ? cwd : ".", &f->cwd, err);
	else
		ramet_buf_add(&f->cwd, own);
	if (r == 0 && ramet_buf_status(&f->cwd) < 0)
		r = rameti_fail_nomem(err);
	if (r == 0 && (into || cwd))
		r = resolve_store_dir(into, f->cwd.ptr, &f->dir, err);
	f->opts.cwd = cwd ? f->cwd.ptr : NULL;
	f->opts.dir = f->dir.ptr ? f->dir.ptr : ramet_session_dir(f->source);
	/* another format's place depends on no working directory, and is no directory of pi's */
	if (strcmp(format, "pi") != 0 && (!into || !strcmp(into, "pi")))
		f->opts.dir = ramet_session_dir(f->source);
	f->opts.id = args_get(a, "id");
	if (resolve_is_url(ramet_session_path(f->source)))
		return r; /* its home knows which ids it has */
	return r < 0 ? r : resolve_free_id(f->opts.dir, f->opts.id, &f->hold, err);
}

static int run_opened(struct fork *f, struct ramet_error *err)
{
	int r = make_plan(f, err);

	if (r < 0)
		return r;
	if (args_has(&f->cli->args, "plan"))
		r = print_plan(f, err);
	else if ((r = choose_place(f, err)) == 0)
		r = write_fork(f, err);
	ramet_fork_plan_release(&f->plan);
	return r;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	const struct ramet_open_opts how = { .no_cache = args_has(&cli->args, "no-cache") };
	struct fork f = { .cli = cli, .entry = RAMET_NONE, .hold = RAMETI_FILE_INIT };
	struct ramet_buf path = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r;

	if (args_has(&cli->args, "keep") && cli->args.n_words < 2)
		return rameti_fail(err, CLI_USAGE, "option --keep wants an entry");
	ramet_buf_init(&f.plan.text, CLI_TEXT_MAX);
	ramet_buf_init(&f.cwd, CLI_TEXT_MAX);
	ramet_buf_init(&f.dir, CLI_TEXT_MAX);
	r = out_ready(&cli->out, err);
	if (r == 0)
		r = resolve_path(cli, cli->args.words[0], &path, err);
	if (r == 0)
		r = ramet_session_open(&f.source, path.ptr, &how, err);
	if (r == 0)
		r = run_opened(&f, err);
	ramet_session_close(f.source);
	(void)rameti_file_close(&f.hold);        /* a directory */
	ramet_buf_release(&f.cwd);
	ramet_buf_release(&f.dir);
	ramet_buf_release(&path);
	return r;
}

static const struct opt opts[] = {
	{ "into", 0, "ST", "where it goes: a directory, or pi (default: beside S)" },
	{ "cwd", 0, "D", "its working directory (default: that of S)" },
	{ "id", 0, "I", "its id (default: a new one)" },
	{ "keep", 0, NULL, "keep ENTRY also when it is a user message" },
	{ "plan", 0, NULL, "only say what it would hold" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_fork = {
	.name = "fork", .args = "S [ENTRY]", .help = "a new session from an old one",
	.more = "Without ENTRY all branches are copied; with ENTRY the path to it. At a user\n"
		"message the new session ends before it, and its text is told, to be edited and\n"
		"sent again. With --cwd and no --into it goes where new sessions of D go.\n"
		"Prints its path; with --json\n"
		"{\"path\",\"id\",\"parentSession\",\"leafId\",\"text\"}, with --plan --json\n"
		"{\"leafId\",\"entries\",\"text\"}.\n"
		"\n"
		"Examples:\n"
		"  ramet fork @last 3f2a\n"
		"  ramet fork s.jsonl --into ~/experiments\n"
		"  ramet fork @last 3f2a --plan\n",
	.opts = opts, .min_words = 1, .max_words = 2, .run = run,
};
