/*
 * cli/cmd_prune.c - ramet prune: sessions that nobody touched for long, into the trash.
 *
 * Without --yes it only says which. A session is old when it was last talked in before the day, and
 * its file last written before it. One that ggcode has open is left alone.
 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/resolve.h"

#include "base/clock.h"
#include "base/error.h"

#include <string.h>

enum fate { WOULD, MOVED, IN_USE, FAILED };

static int is_old(const struct ramet_session_info *info, int64_t before_ms)
{
	return (info->modified_ms == RAMET_TIME_NONE || info->modified_ms < before_ms) &&
	       info->mtime_ms < before_ms;
}

/* Does another program have it open? */
static int in_use(const struct ramet_session_info *info)
{
	struct ramet_buf dir = RAMET_BUF_INIT(CLI_TEXT_MAX);
	const char *end = strrchr(info->path.ptr, '/');
	int64_t holder;
	int held = 0;

	if (!end || strcmp(info->format, "ggcode") != 0)
		return 0;
	ramet_buf_add(&dir, (struct ramet_bytes){ info->path.ptr, (size_t)(end - info->path.ptr) });
	if (ramet_buf_status(&dir) == 0)
		held = ramet_ggcode_lock_ask(dir.ptr, info->id, &holder, NULL) == 1;
	ramet_buf_release(&dir);
	return held;
}

static int tell(struct cli *cli, const struct ramet_session_info *info, enum fate fate,
		const char *where, struct ramet_error *err)
{
	static const char *const words[] = { "would go", "moved", "in use", "failed" };
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	struct out *o = &cli->out;
	int r = 0;

	if (args_has(&cli->args, "json")) {
		ramet_json_writer_init(&w, &json);
		ramet_json_open_object(&w);
		answer_add_path(&w, "path", info->path.ptr);
		ramet_json_key(&w, "result");
		ramet_json_add_cstr(&w, words[fate]);
		if (fate == MOVED)
			answer_add_path(&w, "movedTo", where);
		ramet_json_close_object(&w);
		r = answer_json(cli, &json, err);
	} else {
		ramet_buf_addf(&o->buf, "%-8s ", words[fate]);
		(void)resolve_add_path(&o->buf, info->path, TEXT_ALL);
		out_newline(o);
	}
	ramet_buf_release(&json);
	return r;
}

/* How many old sessions there are, how many of them are in use, and the first failure. */
struct tally {
	uint32_t n, in_use;
	int failed;
};

/* The first failure is kept, the others go on. */
static int prune_one(struct cli *cli, const struct ramet_session_info *info, struct tally *tally,
		     struct ramet_error *err)
{
	struct ramet_buf where = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_error why = { .offset = RAMET_NO_OFFSET };
	enum fate fate = in_use(info) ? IN_USE : WOULD;
	int r;

	if (fate == WOULD && args_has(&cli->args, "yes")) {
		r = ramet_session_trash(info->path.ptr, &where, &why);
		fate = r == 0 ? MOVED : r == RAMET_ECONFLICT ? IN_USE : FAILED;
		if (fate == FAILED && !tally->failed) {
			*err = why;
			tally->failed = r;
		}
	}
	tally->n++;
	tally->in_use += fate == IN_USE;
	r = tell(cli, info, fate, where.ptr, &why);
	ramet_buf_release(&where);
	return r;
}

/* "5 old sessions, 2 of them in use; --yes moves the others to the trash" */
static void sum_up(struct out *o, const struct tally *t)
{
	ramet_buf_addf(&o->buf, "%u old session%s", t->n, t->n == 1 ? "" : "s");
	if (t->in_use)
		ramet_buf_addf(&o->buf, ", %u of them in use", t->in_use);
	if (t->n > t->in_use)
		ramet_buf_addf(&o->buf, "; --yes moves %s to the trash",
			       t->in_use ? "the others" : "them");
	out_newline(o);
}

static int prune(struct cli *cli, const char *url, int64_t before_ms, struct ramet_error *err)
{
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_list_opts how = { 0 };
	struct ramet_store *st = NULL;
	struct tally tally = { .n = 0 };
	int r = ramet_store_open(&st, url, NULL, err);
	uint32_t i;

	if (!r)
		r = ramet_store_list(st, &how, &list, err);
	for (i = 0; !r && i < list.n; i++)
		if (is_old(&list.items[i], before_ms))
			r = prune_one(cli, &list.items[i], &tally, err);
	if (!r && !args_has(&cli->args, "json") && !args_has(&cli->args, "yes"))
		sum_up(&cli->out, &tally);
	ramet_list_release(&list);
	ramet_store_close(st);
	return r < 0 ? r : tally.failed;
}

/* The moment meant, RAMET_TIME_NONE for none. pi, as JavaScript, reads February 30 as March 2; a
 * slip like that must not prune more than was meant. */
static int64_t moment_of(const char *given)
{
	struct ramet_bytes day = { given, strcspn(given, "Tt ") };
	char real[32];

	rameti_time_format(rameti_time_parse(day), real);
	if (!day.len || strncmp(real, day.ptr, day.len))
		return RAMET_TIME_NONE;
	return rameti_time_parse(ramet_bytes_of(given));
}

static int run(struct cli *cli, struct ramet_error *err)
{
	const char *day = args_get(&cli->args, "before"), *url = args_get(&cli->args, "store");
	int64_t before_ms;

	if (!day)
		return rameti_fail(err, CLI_USAGE, "older than what? --before DATE");
	if (!url)
		return rameti_fail(err, CLI_USAGE, "which sessions? --store ST");
	if (resolve_is_url(url))
		return rameti_fail_at(err, RAMET_EINVAL, url, 0, RAMET_NO_OFFSET,
				      "there is no trash for a part of a file; "
				      "ramet delete --permanently deletes sessions of it");
	before_ms = moment_of(day);
	if (before_ms == RAMET_TIME_NONE)
		return rameti_fail(err, CLI_USAGE,
				   "\"%.60s\" is no date (2026-03-02, or with a time)", day);
	return prune(cli, url, before_ms, err);
}

static const struct opt opts[] = {
	{ "before", 'b', "DATE", "sessions not touched since: 2026-03-02, in UTC, or with a time" },
	{ "yes", 'y', NULL, "move them; without it, only say which" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_prune = {
	.name = "prune", .args = "--before DATE --store ST",
	.help = "move old sessions to the trash",
	.more = "Without --yes nothing is changed. A session is old when neither its last message\n"
		"nor its file is newer than DATE; one that its program has open stays. Not of\n"
		"a file of many sessions. With --json an object a line:\n"
		"{\"path\",\"result\",\"movedTo\"}; result is \"would go\", \"moved\",\n"
		"\"in use\" or \"failed\".\n"
		"\n"
		"Examples:\n"
		"  ramet prune --before 2026-01-01 --store ggcode\n"
		"  ramet prune --before 2026-01-01 --store ~/sessions --yes\n",
	.opts = opts, .min_words = 0, .max_words = 0, .run = run,
};
