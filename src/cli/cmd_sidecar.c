/*
 * cli/cmd_sidecar.c - ramet sidecar: the V2 sidecar that pi_agent_rust keeps beside a session.
 */
#include "cli/age.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/resolve.h"

#include "base/error.h"

#include <string.h>

#define TAIL_LINES 10u

static int wants_json(const struct cli *cli)
{
	return args_has(&cli->args, "json");
}

static void add_count(struct ramet_json_writer *w, const char *key, uint64_t n)
{
	ramet_json_key(w, key);
	ramet_json_add_int(w, (int64_t)n);
}

static void add_bool(struct ramet_json_writer *w, const char *key, int b)
{
	ramet_json_key(w, key);
	ramet_json_add_bool(w, b);
}

static void add_answers(struct ramet_json_writer *w, int entries, int chain, int index)
{
	add_bool(w, "entryCountMatch", entries);
	add_bool(w, "hashChainMatch", chain);
	add_bool(w, "indexConsistent", index);
}

/* ---- status, verify ---- */

static void add_check(struct ramet_json_writer *w, const struct ramet_sidecar_check *c,
		      const char *why)
{
	answer_add_path(w, "state", ramet_sidecar_state_name(c->state));
	answer_add_path(w, "why", why);
	add_count(w, "entries", c->n_entries);
	add_count(w, "messages", c->n_messages);
	add_count(w, "segments", c->n_segments);
	add_count(w, "checkpoints", c->n_checkpoints);
	add_count(w, "bytes", c->bytes);
	answer_add_path(w, "chainHash", c->chain_hash);
	add_bool(w, "manifest", c->has_manifest);
	add_bool(w, "sourceState", c->has_source_state);
	add_count(w, "leftovers", c->n_leftovers);
}

static int check_json(struct cli *cli, const char *path, const struct ramet_sidecar_check *c,
		      const char *why, int verify, struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	int r;

	ramet_json_writer_init(&w, &json);
	ramet_json_open_object(&w);
	answer_add_path(&w, "path", path);
	add_check(&w, c, why);
	if (verify) {
		add_count(&w, "jsonlEntries", c->n_jsonl);
		add_answers(&w, c->entry_count_match, c->hash_chain_match, c->index_consistent);
	}
	ramet_json_close_object(&w);
	r = answer_json(cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

static void print_check(struct cli *cli, const char *path, const struct ramet_sidecar_check *c,
			const char *why)
{
	struct out *o = &cli->out;
	int sound = c->state == RAMET_SIDECAR_MIGRATED || c->state == RAMET_SIDECAR_UNMIGRATED;

	out_styled(o, sound ? STYLE_NONE : STYLE_WARNING, ramet_sidecar_state_name(c->state));
	out_str(o, ": ");
	(void)resolve_add_path(&o->buf, ramet_bytes_of(path), TEXT_ALL);
	if (c->state != RAMET_SIDECAR_UNMIGRATED)
		ramet_buf_addf(&o->buf, " (%llu %s, %llu %s)", (unsigned long long)c->n_entries,
			       c->n_entries == 1 ? "entry" : "entries",
			       (unsigned long long)c->n_segments,
			       c->n_segments == 1 ? "segment" : "segments");
	out_newline(o);
	if (*why) {
		out_str(o, "  ");
		out_safe(o, ramet_bytes_of(why), TEXT_ALL);
		out_newline(o);
	}
	if (c->n_leftovers) {
		ramet_buf_addf(&o->buf, "  %u more beside it, unfinished or moved aside",
			       (unsigned)c->n_leftovers);
		out_newline(o);
	}
}

static int check(struct cli *cli, const char *path, int verify, struct ramet_error *err)
{
	char why[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64] = "";
	struct ramet_sidecar_check c;
	int r = verify ? ramet_sidecar_verify(path, &c, err) : ramet_sidecar_status(path, &c, err);

	if (r < 0)
		return r;
	if (c.why.code)
		ramet_error_print(&c.why, why, sizeof(why));
	if (wants_json(cli))
		r = check_json(cli, path, &c, why, verify, err);
	else
		print_check(cli, path, &c, why);
	if (r < 0 || c.state == RAMET_SIDECAR_MIGRATED)
		return r;
	return !verify && c.state == RAMET_SIDECAR_UNMIGRATED ? EXIT_FINE : EXIT_NO;
}

static int status(struct cli *cli, const char *path, struct ramet_error *err)
{
	return check(cli, path, 0, err);
}

static int verify(struct cli *cli, const char *path, struct ramet_error *err)
{
	return check(cli, path, 1, err);
}

/* ---- create, recover, rollback ---- */

static int report_json(struct cli *cli, const char *path, const struct ramet_sidecar_report *done,
		       struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	int r;

	ramet_json_writer_init(&w, &json);
	ramet_json_open_object(&w);
	answer_add_path(&w, "path", path);
	answer_add_path(&w, "state", ramet_sidecar_state_name(done->state));
	add_bool(&w, "changed", done->changed);
	add_count(&w, "entries", done->n_entries);
	add_count(&w, "segments", done->n_segments);
	add_count(&w, "bytes", done->bytes);
	add_count(&w, "compacted", done->n_compacted);
	add_count(&w, "idsMade", done->n_ids_made);
	add_answers(&w, done->entry_count_match, done->hash_chain_match, done->index_consistent);
	answer_add_path(&w, "migrationId", done->migration_id);
	add_count(&w, "removed", done->n_removed);
	add_count(&w, "movedAside", done->n_kept);
	answer_add_path(&w, "kept", done->kept);
	add_bool(&w, "dryRun", args_has(&cli->args, "dry-run"));
	ramet_json_close_object(&w);
	r = answer_json(cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

static void print_report(struct cli *cli, const struct ramet_sidecar_report *done)
{
	int dry = args_has(&cli->args, "dry-run");
	struct out *o = &cli->out;

	if (!done->changed)
		out_str(o, "nothing to do: ");
	else if (dry)
		out_str(o, !strcmp(cli->args.words[0], "recover") ?
				   "something would be done; it is " :
				   "would be ");
	out_str(o, ramet_sidecar_state_name(done->state));
	if (done->state == RAMET_SIDECAR_MIGRATED)
		ramet_buf_addf(&o->buf, ", %llu %s", (unsigned long long)done->n_entries,
			       done->n_entries == 1 ? "entry" : "entries");
	out_newline(o);
	if (done->n_compacted) {
		ramet_buf_addf(&o->buf, "  %llu %s had white space that the frames leave out",
			       (unsigned long long)done->n_compacted,
			       done->n_compacted == 1 ? "line" : "lines");
		out_newline(o);
	}
	if (done->kept[0]) {
		out_str(o, "  moved aside: ");
		text_add_path(&o->buf, ramet_bytes_of(done->kept), TEXT_ALL);
		out_newline(o);
	}
}

static int tell(struct cli *cli, const char *path, const struct ramet_sidecar_report *done,
		struct ramet_error *err)
{
	if (wants_json(cli))
		return report_json(cli, path, done, err);
	print_report(cli, done);
	return 0;
}

static struct ramet_sidecar_opts opts_of(const struct cli *cli)
{
	struct ramet_sidecar_opts o;

	memset(&o, 0, sizeof(o));
	o.dry_run = args_has(&cli->args, "dry-run");
	o.migrate = args_has(&cli->args, "migrate");
	return o;
}

static int create(struct cli *cli, const char *path, struct ramet_error *err)
{
	struct ramet_sidecar_opts o = opts_of(cli);
	struct ramet_sidecar_report done;
	int r = ramet_sidecar_migrate(path, &o, &done, err);

	return r < 0 ? r : tell(cli, path, &done, err);
}

static int recover(struct cli *cli, const char *path, struct ramet_error *err)
{
	struct ramet_sidecar_opts o = opts_of(cli);
	struct ramet_sidecar_report done;
	int r = ramet_sidecar_recover(path, &o, &done, err);

	return r < 0 ? r : tell(cli, path, &done, err);
}

static int rollback(struct cli *cli, const char *path, struct ramet_error *err)
{
	struct ramet_sidecar_opts o = opts_of(cli);
	struct ramet_sidecar_report done;
	uint64_t to = 0;
	int r = args_number(&cli->args, "to", INT64_MAX, &to, err);

	if (!r)
		r = args_has(&cli->args, "to") ?
			    ramet_sidecar_rollback_to(path, to, &o, &done, err) :
			    ramet_sidecar_rollback(path, &o, &done, err);
	return r < 0 ? r : tell(cli, path, &done, err);
}

static int checkpoint(struct cli *cli, const char *path, struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	uint64_t seq;
	int r = ramet_sidecar_checkpoint(path, "manual", NULL, &seq, err);

	if (!r && wants_json(cli)) {
		ramet_json_writer_init(&w, &json);
		ramet_json_open_object(&w);
		answer_add_path(&w, "path", path);
		add_count(&w, "checkpoint", seq);
		ramet_json_close_object(&w);
		r = answer_json(cli, &json, err);
	} else if (!r) {
		ramet_buf_addf(&cli->out.buf, "checkpoint %llu", (unsigned long long)seq);
		out_newline(&cli->out);
	}
	ramet_buf_release(&json);
	return r;
}

/* ---- tail ---- */

static int print_entries(struct cli *cli, struct ramet_sidecar *s, struct ramet_error *err)
{
	struct ramet_buf line = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_sidecar_entry e;
	int r = 0;

	while (!out_broken(&cli->out) && (r = ramet_sidecar_next(s, &e, err)) > 0) {
		ramet_buf_reset(&line);
		ramet_buf_add(&line, e.payload);
		ramet_buf_add_char(&line, '\n');
		if (ramet_buf_status(&line) < 0) {
			r = rameti_fail_nomem(err);
			break;
		}
		out_json(&cli->out, ramet_buf_bytes(&line));
	}
	ramet_buf_release(&line);
	return r < 0 ? r : 0;
}

static int tail(struct cli *cli, const char *path, struct ramet_error *err)
{
	struct ramet_sidecar_open_opts o;
	const char *mode = args_get(&cli->args, "mode");
	struct ramet_sidecar *s;
	int r = 0;

	memset(&o, 0, sizeof(o));
	o.mode = RAMET_SIDECAR_TAIL;
	o.tail = TAIL_LINES;
	if (mode && ramet_sidecar_mode_parse(mode, &o.mode, &o.tail, err) < 0)
		return rameti_fail(err, CLI_USAGE,
				   "--mode is full, active, tail or tail:N, not %.60s", mode);
	if (o.mode != RAMET_SIDECAR_TAIL && args_has(&cli->args, "number"))
		return rameti_fail(err, CLI_USAGE, "--mode %s prints all of it: no -n", mode);
	r = args_number(&cli->args, "number", INT64_MAX, &o.tail, err);
	if (!r)
		r = ramet_sidecar_open(&s, path, &o, err);
	if (r < 0)
		return r;
	r = print_entries(cli, s, err);
	ramet_sidecar_close(s);
	return r;
}

/* ---- words ---- */

static const struct action {
	const char *name;
	int (*run)(struct cli *cli, const char *path, struct ramet_error *err);
} actions[] = {
	{ "create", create },	{ "status", status },	      { "verify", verify },
	{ "tail", tail },	{ "checkpoint", checkpoint }, { "rollback", rollback },
	{ "recover", recover }, { NULL, NULL },
};

/* Records of ggcode and yoi are not of pi_agent_rust's kind. A file that is not there, or says
 * nothing, is for the action to judge. */
static int check_kind(const char *path, struct ramet_error *err)
{
	const char *format = resolve_format(path);

	if (!format || (strcmp(format, "ggcode") != 0 && strcmp(format, "yoi") != 0))
		return 0;
	return rameti_fail_at(err, RAMET_EINVAL, path, 0, RAMET_NO_OFFSET,
			      "sidecars are for files of pi's lines, not for the format %s",
			      format);
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(CLI_TEXT_MAX);
	const char *word = cli->args.words[0];
	const struct action *a = actions;
	int r;

	while (a->name && strcmp(word, a->name) != 0)
		a++;
	if (!a->name)
		return rameti_fail(err, CLI_USAGE,
				   "sidecar takes create, status, verify, tail, checkpoint, "
				   "rollback or recover, not %.60s",
				   word);
	r = resolve_file(cli, cli->args.words[1], "a sidecar", &path, err);
	if (!r)
		r = check_kind(path.ptr, err);
	if (!r)
		r = a->run(cli, path.ptr, err);
	ramet_buf_release(&path);
	return r;
}

static const struct opt opts[] = {
	{ "dry-run", 0, NULL, "create, rollback, recover: change nothing" },
	{ "migrate", 0, NULL, "recover: make a new one where none can be kept" },
	{ "to", 0, "N", "rollback: cut back to this checkpoint" },
	{ "number", 'n', "N", "tail: so many entries (default 10), not of full or active" },
	{ "mode", 0, "MODE", "tail: full, active, tail or tail:N" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_sidecar = {
	.name = "sidecar", .args = "create|status|verify|tail|checkpoint|rollback|recover S",
	.help = "the V2 sidecar that pi_agent_rust keeps beside a session",
	.more = "NAME.v2 holds checked copies of the entries of NAME.jsonl, so that the end of\n"
		"a long session opens at once. The JSONL remains the session. status and verify\n"
		"answer with exit code 1 when the sidecar is not to be used. tail prints\n"
		"entries from it, a JSON object a line. rollback removes it when the JSONL has\n"
		"all of it, else it is moved aside.\n"
		"\n"
		"Examples:\n"
		"  ramet sidecar create s.jsonl --dry-run\n"
		"  ramet sidecar verify s.jsonl --json\n"
		"  ramet sidecar tail s.jsonl -n 3\n",
	.opts = opts, .min_words = 2, .max_words = 2, .run = run,
};
