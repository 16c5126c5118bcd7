/*
 * cli/cmd_delete.c - ramet delete: sessions into the desktop's trash, or away for good.
 *
 * Every word is looked up before anything happens, so that a wrong one changes nothing. What cannot
 * be brought back is done on a yes only: an answer at the terminal, or --yes.
 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/pick.h"
#include "cli/resolve.h"

#include "base/env.h"
#include "base/error.h"

#include <unistd.h>

#define WORDS_MAX 100000

/* A session to delete: its path, and what its name begins with. */
struct session {
	struct ramet_buf path, name;
};

static int refuse_link(const char *path, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	struct stat st;

	if (env->lstat(env->user, path, &st) < 0 || !S_ISLNK(st.st_mode))
		return 0;
	return rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
			      "is a symbolic link; neither it nor its target is touched");
}

static int look_up(const struct cli *cli, const char *word, struct session *s,
		   struct ramet_error *err)
{
	struct ramet_list one = RAMET_LIST_INIT;
	int r = resolve_path(cli, word, &s->path, err);

	if (r == 0 && !resolve_is_url(s->path.ptr))
		r = refuse_link(s->path.ptr, err);
	if (r == 0)
		r = ramet_session_info_read(s->path.ptr, 0, &one, err);
	if (r == 0 && one.items[0].name.ptr)
		ramet_buf_add(&s->name, one.items[0].name);
	ramet_list_release(&one);
	return r;
}

/* ---- asking ---- */

static int can_ask(const struct cli *cli)
{
	return cli->out.terminal && isatty(STDIN_FILENO);
}

/* "delete Parser work (~/x.jsonl) for good? [y/N] "; 1 yes, 0 no. */
static int ask(struct cli *cli, const struct session *s)
{
	struct ramet_buf answer = RAMET_BUF_INIT(4096);
	struct out *o = &cli->out;
	int yes;

	out_str(o, "delete ");
	if (s->name.len) {
		out_safe(o, ramet_buf_bytes(&s->name), 60);
		out_str(o, " (");
	}
	(void)resolve_add_path(&o->buf, ramet_buf_bytes(&s->path), TEXT_ALL);
	out_str(o, s->name.len ? ") for good? [y/N] " : " for good? [y/N] ");
	out_flush(o);
	if (!pick_read_answer(&answer))
		out_newline(o);
	yes = ramet_bytes_is(ramet_buf_bytes(&answer), "y") ||
	      ramet_bytes_is(ramet_buf_bytes(&answer), "yes");
	ramet_buf_release(&answer);
	return yes;
}

/* ---- saying what was done ---- */

/* moved_to NULL: it is gone. */
static int tell_json(struct cli *cli, const struct session *s, const char *moved_to,
		     struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	int r;

	ramet_json_writer_init(&w, &json);
	ramet_json_open_object(&w);
	answer_add_path(&w, "path", s->path.ptr);
	ramet_json_key(&w, "movedTo");
	if (moved_to)
		ramet_json_add_text(&w, ramet_bytes_of(moved_to));
	else
		ramet_json_add_null(&w);
	ramet_json_close_object(&w);
	r = answer_json(cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

static int tell(struct cli *cli, const struct session *s, const char *moved_to,
		struct ramet_error *err)
{
	struct out *o = &cli->out;

	if (args_has(&cli->args, "json"))
		return tell_json(cli, s, moved_to, err);
	(void)resolve_add_path(&o->buf, ramet_buf_bytes(&s->path), TEXT_ALL);
	out_str(o, moved_to ? " → " : " deleted");
	if (moved_to)
		(void)resolve_add_path(&o->buf, ramet_bytes_of(moved_to), TEXT_ALL);
	out_newline(o);
	return 0;
}

/* ---- deleting ---- */

/* EXIT_NO when the answer was no. */
static int delete_for_good(struct cli *cli, const struct session *s, struct ramet_error *err)
{
	int r;

	if (!args_has(&cli->args, "yes") && !ask(cli, s))
		return EXIT_NO;
	r = ramet_session_remove(s->path.ptr, err);
	return r < 0 ? r : tell(cli, s, NULL, err);
}

static int delete_session(struct cli *cli, const struct session *s, struct ramet_error *err)
{
	struct ramet_buf where = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_error why = { .offset = RAMET_NO_OFFSET };
	int r;

	if (args_has(&cli->args, "permanently"))
		return delete_for_good(cli, s, err);
	if (resolve_is_url(s->path.ptr))
		return rameti_fail_at(err, RAMET_EINVAL, s->path.ptr, 0, RAMET_NO_OFFSET,
				      "there is no trash for a part of a file; "
				      "--permanently deletes it for good");
	r = ramet_session_trash(s->path.ptr, &where, &why);
	if (r == 0)
		r = tell(cli, s, where.ptr, err);
	else if (r != RAMET_ENOTFOUND || why.sys)        /* a file that is gone has an errno */
		*err = why;
	else if (args_has(&cli->args, "yes") || can_ask(cli))
		r = delete_for_good(cli, s, err);
	else
		r = rameti_fail_at(err, r, s->path.ptr, 0, RAMET_NO_OFFSET,
				   "there is no trash on its file system; "
				   "--yes deletes it for good");
	ramet_buf_release(&where);
	return r;
}

static int delete_all(struct cli *cli, struct session *all, size_t n, struct ramet_error *err)
{
	int r = 0, refused = 0;

	for (size_t i = 0; i < n && r >= 0; i++)
		r = look_up(cli, cli->args.words[i], &all[i], err);
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = delete_session(cli, &all[i], err);
		refused |= r == EXIT_NO;
	}
	return r < 0 ? r : refused ? EXIT_NO : EXIT_FINE;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	const struct args *a = &cli->args;
	struct session *all;
	int r;

	if (args_has(a, "permanently") && !args_has(a, "yes") && !can_ask(cli))
		return rameti_fail(err, CLI_USAGE,
				   "--permanently asks at a terminal; without one give --yes");
	all = ramet_calloc(a->n_words, sizeof(*all));
	if (!all)
		return rameti_fail_nomem(err);
	for (size_t i = 0; i < a->n_words; i++) {
		ramet_buf_init(&all[i].path, CLI_TEXT_MAX);
		ramet_buf_init(&all[i].name, CLI_TEXT_MAX);
	}
	r = delete_all(cli, all, a->n_words, err);
	for (size_t i = 0; i < a->n_words; i++) {
		ramet_buf_release(&all[i].path);
		ramet_buf_release(&all[i].name);
	}
	ramet_free(all);
	return r;
}

static const struct opt opts[] = {
	{ "permanently", 0, NULL, "for good, not into the trash" },
	{ "yes", 'y', NULL, "do not ask" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_delete = {
	.name = "delete", .args = "S...", .help = "move sessions to the trash",
	.more = "Prints where each session went. Where there is no trash, and with\n"
		"--permanently, it asks before it deletes for good; without a terminal it refuses\n"
		"unless --yes is given. Links are not followed. With --json an object a line:\n"
		"{\"path\",\"movedTo\"}.\n"
		"\n"
		"Examples:\n"
		"  ramet delete 019c9d02\n"
		"  ramet delete old.jsonl older.jsonl --permanently --yes\n",
	.opts = opts, .min_words = 1, .max_words = WORDS_MAX, .run = run,
};
