/*
 * cli/cmd_tail.c - ramet tail: the last entries of a session, and those that come.
 *
 * Every batch is written out before the next is waited for. A signal ends it at any time as it ends
 * any program; nothing is held back then. A reader that went away is noticed while waiting, too.
 */
#include "cli/cli.h"
#include "cli/entryline.h"
#include "cli/resolve.h"

#include "base/env.h"
#include "base/error.h"

#include <errno.h>
#include <string.h>

#define TICK_MS 1000                             /* between looks at our own reader */
#define HELD_MAX ((size_t)32 << 10)

/* One entry; after a failure nothing of it. */
static int print_row(struct cli *cli, const struct ramet_session *s, uint32_t row,
		     struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct out *o = &cli->out;
	size_t before = o->buf.len;
	uint32_t next;
	int r;

	if (args_has(&cli->args, "json")) {
		r = ramet_report_entries(s, row, 1, &text, &next, err);
		if (r == 0)
			out_json(o, ramet_buf_bytes(&text));
		ramet_buf_release(&text);
		return r;
	}
	r = entry_add_line(o, s, row, err);
	if (r < 0 && o->buf.len > before)
		ramet_buf_truncate(&o->buf, before);
	return r;
}

static int print_from(struct cli *cli, const struct ramet_session *s, uint32_t row,
		      struct ramet_error *err)
{
	uint32_t n = ramet_tree_count(ramet_session_tree(s));
	int r = 0;

	for (; row < n && r == 0 && !out_broken(&cli->out); row++)
		r = print_row(cli, s, row, err);
	return r;
}

/* ---- following ---- */

/* What happened to the file, for whoever reads standard error. */
static void complain(const struct ramet_watch *w, const struct ramet_watch_news *news)
{
	struct ramet_buf line = RAMET_BUF_INIT(64u << 10);

	ramet_buf_addf(&line, "%s: ", ramet_session_path(ramet_watch_session(w)));
	switch (news->event) {
	case RAMET_WATCH_REPLACED:
		ramet_buf_add_str(&line, "the file was replaced; going on with the new one");
		break;
	case RAMET_WATCH_CHANGED:
		ramet_buf_add_str(&line, "the file was cut or changed in place; read anew");
		break;
	case RAMET_WATCH_LOST:
		ramet_buf_addf(&line, "no session now (%s); waiting for it", news->text);
		break;
	default:
		ramet_buf_add_str(&line, "a session again; going on");
	}
	if (ramet_buf_status(&line) == 0)
		out_complain(line.ptr);
	ramet_buf_release(&line);
}

/* A file that changes under our hands is no failure: what could not be read is told again. */
static int print_news(struct cli *cli, struct ramet_watch *w, const struct ramet_watch_news *news,
		      struct ramet_error *err)
{
	const struct ramet_session *s = ramet_watch_session(w);
	int r = 0;

	if (news->event != RAMET_WATCH_GREW)
		complain(w, news);
	for (uint32_t i = 0; i < news->n && r == 0 && !out_broken(&cli->out); i++) {
		if (cli->out.buf.len > HELD_MAX)
			out_flush(&cli->out);
		r = print_row(cli, s, news->rows[i], err);
		if (r == RAMET_ECONFLICT || (r == RAMET_EIO && !err->sys))
			return ramet_watch_again(w, i, err);
	}
	return r;
}

/* A pipe or socket nobody reads any more: writing would fail. */
static void check_reader(struct out *o)
{
	const struct rameti_env *env = rameti_env_default();
	struct pollfd p = { .fd = o->fd };

	if (!o->sys && env->poll(env->user, &p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP)))
		o->sys = EPIPE;
}

static int follow(struct cli *cli, struct ramet_watch *w, struct ramet_error *err)
{
	struct ramet_watch_news news;
	int r = 0;

	while (r >= 0 && !out_broken(&cli->out)) {
		r = ramet_watch_next(w, TICK_MS, &news, err);
		if (r > 0)
			r = print_news(cli, w, &news, err);
		out_flush(&cli->out);
		check_reader(&cli->out);
	}
	return r < 0 ? r : 0;
}

/* The last ones are told first, as if they had just come. Takes s. */
static int watch(struct cli *cli, struct ramet_session *s, uint32_t from, struct ramet_error *err)
{
	struct ramet_watch_opts opts = { .from = from };
	struct ramet_watch *w;
	int r = ramet_watch_open(&w, s, &opts, err);

	if (r < 0) {
		ramet_session_close(s);
		return r;
	}
	cli->out.may_page = 0;
	r = follow(cli, w, err);
	ramet_watch_close(w);
	return r;
}

/* Only a file of its own grows where it can be seen. */
static int check_can_follow(const struct ramet_session *s, struct ramet_error *err)
{
	const char *path = ramet_session_path(s);

	if (!resolve_is_url(path))
		return 0;
	return rameti_fail_at(err, RAMET_EINVAL, path, 0, RAMET_NO_OFFSET,
			      "only a session in a file of its own can be followed");
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_session *s = NULL;
	uint64_t most = 10;
	uint32_t n, from;
	int r = args_number(&cli->args, "number", UINT32_MAX, &most, err);

	if (r == 0)
		r = resolve_session(cli, &s, err);
	if (r == 0 && args_has(&cli->args, "follow"))
		r = check_can_follow(s, err);
	if (r < 0) {
		ramet_session_close(s);
		return r;
	}
	n = ramet_tree_count(ramet_session_tree(s));
	from = most < n ? n - (uint32_t)most : 0;
	if (args_has(&cli->args, "follow"))
		return watch(cli, s, from, err);
	r = print_from(cli, s, from, err);
	ramet_session_close(s);
	return r;
}

static const struct opt opts[] = {
	{ "number", 'n', "N", "the last N entries (10)" },
	{ "follow", 'f', NULL, "wait, and show entries as they arrive" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_tail = {
	.name = "tail",
	.args = "[S]",
	.help = "the last entries, and those that come",
	.more = "Entries in the order of the file, a line each. With -f until interrupted, also\n"
		"when the file is replaced, cut, removed or made again: standard error says so,\n"
		"and no entry is shown twice. With --json the entries as ramet entries prints\n"
		"them.\n"
		"\n"
		"Examples:\n"
		"  ramet tail @last\n"
		"  ramet tail -f @last\n"
		"  ramet tail -f -n 0 s.jsonl --json | jq -r .type\n",
	.opts = opts,
	.min_words = 0,
	.max_words = 1,
	.run = run,
};
