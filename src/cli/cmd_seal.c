/*
 * cli/cmd_seal.c - ramet seal: hashes of a session's lines, in an entry at its end; new keys.
 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/resolve.h"

#include "base/error.h"

static int print_json(struct cli *cli, const struct ramet_sealed *d, struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	int r;

	ramet_json_writer_init(&w, &json);
	ramet_json_open_object(&w);
	if (*d->id)
		answer_add_text(&w, "id", ramet_bytes_of(d->id));
	ramet_json_key(&w, "seals");
	ramet_json_add_int(&w, (int64_t)d->n_seals);
	ramet_json_key(&w, "lines");
	ramet_json_add_int(&w, (int64_t)d->n_lines);
	ramet_json_key(&w, "upTo");
	ramet_json_open_object(&w);
	ramet_json_key(&w, "lines");
	ramet_json_add_int(&w, (int64_t)d->up_to);
	ramet_json_key(&w, "offset");
	ramet_json_add_int(&w, (int64_t)d->offset);
	ramet_json_close_object(&w);
	answer_add_text(&w, "head", ramet_bytes_of(d->head));
	ramet_json_key(&w, "signed");
	ramet_json_add_bool(&w, d->is_signed);
	ramet_json_close_object(&w);
	r = answer_json(cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

static void print(struct cli *cli, const struct ramet_sealed *d)
{
	struct out *o = &cli->out;

	if (!d->n_seals) {
		out_str(o, "nothing new to seal");
	} else {
		ramet_buf_addf(&o->buf, "sealed %llu %s", (unsigned long long)d->n_lines,
			       d->n_lines == 1 ? "line" : "lines");
		if (d->n_seals > 1)
			ramet_buf_addf(&o->buf, " with %llu seals", (unsigned long long)d->n_seals);
		if (d->is_signed)
			out_str(o, ", signed");
	}
	out_newline(o);
	ramet_buf_addf(&o->buf, "head %s", d->head);
	out_newline(o);
}

static int new_key(struct cli *cli, const char *path, struct ramet_error *err)
{
	struct ramet_buf public = RAMET_BUF_INIT(CLI_TEXT_MAX), json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	int r;

	if (cli->args.n_words || args_has(&cli->args, "sign"))
		return rameti_fail(err, CLI_USAGE, "--new-key goes alone");
	r = ramet_seal_key_new(path, err);
	if (r < 0)
		return r;
	ramet_buf_addf(&public, "%s.pub", path);
	if (args_has(&cli->args, "json")) {
		ramet_json_writer_init(&w, &json);
		ramet_json_open_object(&w);
		answer_add_path(&w, "key", path);
		answer_add_text(&w, "public", ramet_buf_bytes(&public));
		ramet_json_close_object(&w);
		r = answer_json(cli, &json, err);
	} else if (public.ptr) {
		answer_path(cli, path);
		answer_path(cli, public.ptr);
	}
	ramet_buf_release(&public);
	ramet_buf_release(&json);
	return r;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	const char *path = args_get(&cli->args, "new-key");
	struct ramet_seal_opts opts = { args_get(&cli->args, "sign") };
	struct ramet_sealed done;
	struct ramet_session *s;
	int r;

	if (path)
		return new_key(cli, path, err);
	if (!cli->args.n_words)
		return rameti_fail(err, CLI_USAGE, "which session? give a path, an id or @last");
	r = resolve_session_with(cli, NULL, &s, err);
	if (r < 0)
		return r;
	r = ramet_session_seal(s, &opts, &done, err);
	if (!r && args_has(&cli->args, "json"))
		r = print_json(cli, &done, err);
	else if (!r)
		print(cli, &done);
	ramet_session_close(s);
	return r;
}

static const struct opt opts[] = {
	{ "sign", 0, "KEY.pem", "sign with this Ed25519 private key" },
	{ "new-key", 0, "FILE", "make a key pair: FILE and FILE.pub" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_seal = {
	.name = "seal", .args = "S", .help = "seal a session, so that verify finds any change",
	.more = "Appends an entry with hashes of the lines that no seal covers yet; ramet verify\n"
		"then names each line that was changed, removed or put in since. Without a\n"
		"signature this finds accidents only: who can write the file can seal it anew.\n"
		"Keep the head that is printed somewhere else to prove more. --new-key FILE\n"
		"makes a key pair and takes no session. With --json\n"
		"{\"id\",\"seals\",\"lines\",\"upTo\":{\"lines\",\"offset\"},\"head\",\n"
		"\"signed\"}, or {\"key\",\"public\"}.\n"
		"\n"
		"Examples:\n"
		"  ramet seal @last\n"
		"  ramet seal --new-key ~/.keys/ramet.pem\n"
		"  ramet seal @last --sign ~/.keys/ramet.pem\n",
	.opts = opts, .min_words = 0, .max_words = 1, .run = run,
};
