/*
 * cli/cmd_repair.c - ramet repair: a session file without damage, nothing of it thrown away.
 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/resolve.h"

#include "base/error.h"
#include "ramet/yoi.h"

#include <string.h>

#define ACTIONS_SHOWN 20

static int print_json(struct cli *cli, const char *path, const struct ramet_repair *done,
		      struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = ramet_report_repair(done, path, &json, err);

	if (!r)
		r = answer_json(cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

static const char *why(const struct ramet_repair_action *a)
{
	static const char *const texts[][2] = {
		{ "bom", "the byte order mark goes" },
		{ "nul-run", "NUL bytes, or what they cut off, go" },
		{ "torn-tail", "the line that is cut off goes" },
		{ "glued", "two values on one line are parted" },
		{ "no-newline", "the last line gets its end" },
	};

	if (a->kind == RAMET_REPAIR_HEADER)
		return "a header is made";
	if (!strcmp(a->code, "no-header"))
		return "a header that cannot be used goes";
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(a->code, texts[i][0]))
			return texts[i][1];
	return "what is no entry goes";
}

/* "  line 12      offset 4711      80 bytes   malformed    text" */
static void print_action(struct out *o, const struct ramet_repair_action *a, int done)
{
	struct ramet_buf b = RAMET_BUF_INIT(256);

	out_str(o, "  ");
	ramet_buf_addf(&b, "line %llu", (unsigned long long)a->line);
	text_add_cell(&o->buf, ramet_buf_bytes(&b), 13, 0);
	ramet_buf_reset(&b);
	ramet_buf_addf(&b, "offset %llu", (unsigned long long)a->offset);
	text_add_cell(&o->buf, ramet_buf_bytes(&b), 19, 0);
	ramet_buf_reset(&b);
	if (a->kind == RAMET_REPAIR_DROP)
		ramet_buf_addf(&b, "%llu byte%s", (unsigned long long)a->length,
			       a->length == 1 ? "" : "s");
	text_add_cell(&o->buf, ramet_buf_bytes(&b), 14, 0);
	text_add_cell(&o->buf, ramet_bytes_of(a->code), 12, 0);
	out_str(o, why(a));
	if (a->salvage && !done)
		out_styled(o, STYLE_WARNING, " (--salvage)");
	out_newline(o);
	ramet_buf_release(&b);
}

static void print_plan(struct out *o, const struct ramet_repair *done, int all)
{
	uint32_t shown = 0;

	for (; shown < done->n_actions && !out_broken(o); shown++) {
		if (!all && done->n_actions > ACTIONS_SHOWN && shown == ACTIONS_SHOWN - 1)
			break;
		print_action(o, &done->actions[shown], done->done);
	}
	if (shown == done->n_actions)
		return;
	ramet_buf_addf(&o->buf, "  … %u more (--all)", (unsigned)(done->n_actions - shown));
	out_newline(o);
}

static void print_file(struct out *o, const char *text, const char *path)
{
	if (!*path)
		return;
	out_str(o, text);
	text_add_path(&o->buf, ramet_bytes_of(path), TEXT_ALL);
	out_newline(o);
}

static int is_yoi(const char *path)
{
	const char *format = resolve_format(path);

	return format && !strcmp(format, "yoi");
}

/* Records are never hashed again. */
static void print_chain(struct out *o, const char *path)
{
	struct ramet_yoi_verdict v;

	if (!is_yoi(path) || ramet_yoi_verify(path, &v, NULL, NULL) < 0 || !v.hashed)
		return;
	if (v.n_unhashed || v.n_wrong || v.n_broken) {
		out_str(o, "the chain of hashes is broken, and stays so: ramet verify says where");
		out_newline(o);
	}
}

static void print(struct cli *cli, const struct ramet_repair *done)
{
	struct out *o = &cli->out;
	uint32_t n = done->n_actions;

	if (!n) {
		out_str(o, "nothing to do: there is no damage that could be repaired");
		out_newline(o);
		return;
	}
	ramet_buf_addf(&o->buf, "%s %u place%s%s", done->done ? "repaired" : "would repair",
		       (unsigned)n, n == 1 ? "" : "s",
		       done->n_refused ? ", if it were asked to salvage" : "");
	out_newline(o);
	print_plan(o, done, args_has(&cli->args, "all"));
	print_file(o, "the original is kept as ", done->kept);
	print_file(o, "what went is in ", done->lost);
	if (done->n_carried) {
		ramet_buf_addf(&o->buf, "%llu bytes that another program appended came along",
			       (unsigned long long)done->n_carried);
		out_newline(o);
	}
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_repair_opts opts = { .dry_run = args_has(&cli->args, "dry-run"),
					  .salvage = args_has(&cli->args, "salvage") };
	struct ramet_buf path = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_repair done;
	int r = resolve_path(cli, cli->args.words[0], &path, err);

	memset(&done, 0, sizeof(done));
	if (!r)
		r = ramet_repair(path.ptr, &opts, &done, err);
	if (!r && args_has(&cli->args, "json"))
		r = print_json(cli, path.ptr, &done, err);
	else if (!r)
		print(cli, &done);
	if (!r && !args_has(&cli->args, "json") && (done.done || !done.n_actions))
		print_chain(&cli->out, path.ptr);
	if (!r && done.n_refused && !opts.dry_run)
		r = rameti_fail_at(err, RAMET_EFORMAT, path.ptr, 0, RAMET_NO_OFFSET,
				   "nothing was changed: damage in the middle and a missing header "
				   "need --salvage");
	ramet_repair_release(&done);
	ramet_buf_release(&path);
	return r;
}

static const struct opt opts[] = {
	{ "dry-run", 0, NULL, "only say what would happen" },
	{ "salvage", 0, NULL, "also where the damage is in the middle" },
	{ "all", 'a', NULL, "list every place" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_repair = {
	.name = "repair", .args = "S", .help = "take out of a session what cannot be read",
	.more = "A new file takes the place of the old one in one step. The original stays\n"
		"beside it as NAME.damaged, every byte that was taken out is in NAME.lost.\n"
		"Lines run together are parted, a torn last line goes, entries keep every byte,\n"
		"in the formats of other systems records do: none is hashed anew.\n"
		"With --json\n"
		"{\"path\",\"repaired\",\"refused\",\"actions\",\"findings\",\"lostBytes\",\n"
		"\"carried\",\"kept\",\"lost\"}.\n"
		"\n"
		"Examples:\n"
		"  ramet repair s.jsonl --dry-run\n"
		"  ramet repair s.jsonl --salvage\n",
	.opts = opts, .min_words = 1, .max_words = 1, .run = run,
};
