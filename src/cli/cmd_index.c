/*
 * cli/cmd_index.c - ramet index: what the cache knows of sessions; making it anew, removing it.
 */
#include "cli/age.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/resolve.h"

#include "base/error.h"

#include <string.h>

#define WORDS_MAX 100000

static void add_count(struct ramet_json_writer *w, const char *key, uint64_t n)
{
	ramet_json_key(w, key);
	ramet_json_add_int(w, (int64_t)n);
}

static void add_size(struct out *o, uint64_t bytes)
{
	age_add_size(&o->buf, bytes);
}

static int wants_json(const struct cli *cli)
{
	return args_has(&cli->args, "json");
}

/* ---- status ---- */

static int status_json(struct cli *cli, const char *session, const struct ramet_index_info *info,
		       const char *index, struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	int r;

	ramet_json_writer_init(&w, &json);
	ramet_json_open_object(&w);
	answer_add_path(&w, "path", session);
	answer_add_path(&w, "index", index);
	ramet_json_key(&w, "present");
	ramet_json_add_bool(&w, info->present);
	ramet_json_key(&w, "holds");
	ramet_json_add_bool(&w, info->present && !info->why);
	answer_add_path(&w, "why", info->why);
	add_count(&w, "size", info->size);
	add_count(&w, "covered", info->covered);
	add_count(&w, "sessionSize", info->session_size);
	add_count(&w, "entries", info->n_entries);
	ramet_json_close_object(&w);
	r = answer_json(cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

static void print_status(struct cli *cli, const char *session, const struct ramet_index_info *info,
			 const char *index)
{
	struct out *o = &cli->out;

	(void)resolve_add_path(&o->buf, ramet_bytes_of(session), TEXT_ALL);
	out_newline(o);
	if (!info->present) {
		out_str(o, "  no index");
		out_newline(o);
		return;
	}
	out_str(o, "  index   ");
	(void)resolve_add_path(&o->buf, ramet_bytes_of(index), TEXT_ALL);
	out_newline(o);
	out_str(o, "  size    ");
	add_size(o, info->size);
	out_newline(o);
	out_str(o, "  covers  ");
	add_size(o, info->covered);
	out_str(o, " of ");
	add_size(o, info->session_size);
	ramet_buf_addf(&o->buf, ", %u %s", (unsigned)info->n_entries,
		       info->n_entries == 1 ? "entry" : "entries");
	out_newline(o);
	out_str(o, info->why ? "  holds   no: " : "  holds   yes");
	out_str(o, info->why ? info->why : "");
	out_newline(o);
}

/* EXIT_NO when there is an index that does not hold. */
static int status_of(struct cli *cli, const char *session, struct ramet_error *err)
{
	struct ramet_buf index = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_index_info info;
	int r = ramet_index_status(session, &info, &index, err);

	if (!r && wants_json(cli))
		r = status_json(cli, session, &info, index.ptr, err);
	else if (!r)
		print_status(cli, session, &info, index.ptr);
	if (!r)
		r = info.why ? EXIT_NO : EXIT_FINE;
	ramet_buf_release(&index);
	return r;
}

static int count_json(struct cli *cli, const struct ramet_index_total *t, const char *dir,
		      struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	int r;

	ramet_json_writer_init(&w, &json);
	ramet_json_open_object(&w);
	answer_add_path(&w, "directory", dir);
	add_count(&w, "indexes", t->n);
	add_count(&w, "size", t->size);
	add_count(&w, "limit", t->limit);
	ramet_json_close_object(&w);
	r = answer_json(cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

static void add_total(struct out *o, const struct ramet_index_total *t)
{
	ramet_buf_addf(&o->buf, "%llu %s", (unsigned long long)t->n,
		       t->n == 1 ? "index" : "indexes");
	if (t->n) {
		out_str(o, ", ");
		add_size(o, t->size);
	}
}

static int status_of_all(struct cli *cli, struct ramet_error *err)
{
	struct ramet_buf dir = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_index_total total;
	struct out *o = &cli->out;
	int r = ramet_index_count(&total, &dir, err);

	if (!r && wants_json(cli)) {
		r = count_json(cli, &total, dir.ptr, err);
	} else if (!r) {
		add_total(o, &total);
		out_str(o, " in ");
		(void)resolve_add_path(&o->buf, ramet_buf_bytes(&dir), TEXT_ALL);
		out_newline(o);
	}
	ramet_buf_release(&dir);
	return r;
}

/* ---- rebuild, clear ---- */

static int rebuild_of(struct cli *cli, const char *session, struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	struct out *o = &cli->out;
	int built = ramet_index_rebuild(session, err), r = built < 0 ? built : 0;

	if (!r && wants_json(cli)) {
		ramet_json_writer_init(&w, &json);
		ramet_json_open_object(&w);
		answer_add_path(&w, "path", session);
		ramet_json_key(&w, "built");
		ramet_json_add_bool(&w, built);
		ramet_json_close_object(&w);
		r = answer_json(cli, &json, err);
	} else if (!r) {
		(void)resolve_add_path(&o->buf, ramet_bytes_of(session), TEXT_ALL);
		out_str(o, built ? ": index written" : ": no index needed");
		out_newline(o);
	}
	ramet_buf_release(&json);
	return r;
}

static int tell_cleared(struct cli *cli, const struct ramet_index_total *t, struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	int r = 0;

	if (wants_json(cli)) {
		ramet_json_writer_init(&w, &json);
		ramet_json_open_object(&w);
		add_count(&w, "removed", t->n);
		add_count(&w, "size", t->size);
		ramet_json_close_object(&w);
		r = answer_json(cli, &json, err);
	} else {
		add_total(&cli->out, t);
		out_str(&cli->out, " removed");
		out_newline(&cli->out);
	}
	ramet_buf_release(&json);
	return r;
}

static struct ramet_index_total sum(struct ramet_index_total a, struct ramet_index_total b)
{
	a.n += b.n;
	a.size += b.size;
	return a;
}

/* ---- words ---- */

enum action { STATUS, REBUILD, CLEAR, ACTIONS };
static const char *const action_names[ACTIONS] = { "status", "rebuild", "clear" };

static int act(struct cli *cli, enum action action, const char *session,
	       struct ramet_index_total *cleared, struct ramet_error *err)
{
	struct ramet_index_total one = { .n = 0 };
	int r;

	if (action == STATUS)
		return status_of(cli, session, err);
	if (action == REBUILD)
		return rebuild_of(cli, session, err);
	r = ramet_index_clear(session, &one, err);
	*cleared = sum(*cleared, one);
	return r;
}

static int act_on_words(struct cli *cli, enum action action, struct ramet_error *err)
{
	struct ramet_index_total cleared = { .n = 0 };
	struct ramet_buf path = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = 0, no = 0;

	for (size_t i = 1; i < cli->args.n_words && r >= 0 && !out_broken(&cli->out); i++) {
		ramet_buf_reset(&path);
		r = resolve_file(cli, cli->args.words[i], "an index", &path, err);
		if (r == 0)
			r = act(cli, action, path.ptr, &cleared, err);
		no |= r == EXIT_NO;
	}
	if (r >= 0 && action == CLEAR)
		r = tell_cleared(cli, &cleared, err);
	ramet_buf_release(&path);
	return r < 0 ? r : no ? EXIT_NO : EXIT_FINE;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_index_total cleared = { .n = 0 };
	const char *word = cli->args.words[0];
	int r, action = 0;

	while (action < ACTIONS && strcmp(word, action_names[action]) != 0)
		action++;
	if (action == ACTIONS)
		return rameti_fail(err, CLI_USAGE,
				   "index takes status, rebuild or clear, not %.60s", word);
	if (cli->args.n_words > 1)
		return act_on_words(cli, (enum action)action, err);
	if (action == STATUS)
		return status_of_all(cli, err);
	if (action == REBUILD)
		return rameti_fail(err, CLI_USAGE, "index rebuild needs a session");
	r = ramet_index_clear(NULL, &cleared, err);
	return r < 0 ? r : tell_cleared(cli, &cleared, err);
}

const struct cmd cmd_index = {
	.name = "index", .args = "status|rebuild|clear [S...]",
	.help = "what the cache knows of sessions",
	.more = "Large sessions open quickly because an index in the cache says what is where.\n"
		"It is made and kept up to date by itself, proves what it covers, and can be\n"
		"removed at any time. status checks all of it; without a session it counts all\n"
		"indexes. clear without a session removes all. Small sessions have none. With\n"
		"--json an object a line: {\"path\",\"index\",\"present\",\"holds\",\"why\",\n"
		"\"size\",\"covered\",\"sessionSize\",\"entries\"}, of all {\"directory\",\n"
		"\"indexes\",\"size\",\"limit\"}; rebuild {\"path\",\"built\"}; clear\n"
		"{\"removed\",\"size\"}.\n"
		"\n"
		"Examples:\n"
		"  ramet index status\n"
		"  ramet index status @last\n"
		"  ramet index clear\n",
	.opts = NULL, .min_words = 1, .max_words = WORDS_MAX, .run = run,
};
