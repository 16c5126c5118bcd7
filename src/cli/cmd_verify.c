/*
 * cli/cmd_verify.c - ramet verify: is a session intact, and is it complete?
 *
 * Works on files, not on listings: what a listing leaves out as no session is what this is for.
 */
#include "cli/age.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/place.h"
#include "cli/resolve.h"

#include "base/error.h"
#include "base/file.h"

#include <string.h>

#define FINDINGS_SHOWN 20

/* Paths of sessions, in the order in which they are told. */
struct paths {
	char **items;
	size_t n, cap;
};

struct verifying {
	struct cli *cli;
	struct ramet_verify_opts opts;
	int all_well;
};

static int paths_add(struct paths *p, struct ramet_bytes path, struct ramet_error *err)
{
	size_t cap = p->cap ? p->cap * 2 : 16;
	char **items = p->items, *copy;

	if (p->n == p->cap)
		items = ramet_realloc(p->items, cap * sizeof(*items));
	if (!items)
		return rameti_fail_nomem(err);
	if (p->n == p->cap)
		p->cap = cap;
	p->items = items;
	copy = ramet_alloc(path.len + 1);
	if (!copy)
		return rameti_fail_nomem(err);
	memcpy(copy, path.ptr, path.len);
	copy[path.len] = '\0';
	p->items[p->n++] = copy;
	return 0;
}

static void paths_release(struct paths *p)
{
	for (size_t i = 0; i < p->n; i++)
		ramet_free(p->items[i]);
	ramet_free(p->items);
}

/* ---- words ---- */

struct adding {
	struct paths *paths;
	struct ramet_error *err;
};

/* What stands in a directory under a session's name and is no file is none. */
static int on_path(void *user, const char *path)
{
	struct adding *a = user;
	struct stat st;

	if (!rameti_path_stat(NULL, path, &st, NULL) && !S_ISREG(st.st_mode))
		return 0;
	return paths_add(a->paths, ramet_bytes_of(path), a->err);
}

/* All sessions of a directory, a tool or a file of many, damaged ones too. */
static int add_store(struct paths *p, const char *word, struct ramet_error *err)
{
	struct adding a = { p, err };
	struct ramet_store *st = NULL;
	int r = ramet_store_open(&st, word, NULL, err);

	if (r < 0)
		return r;
	r = ramet_store_files(st, on_path, &a, err);
	ramet_store_close(st);
	return r;
}

static int is_store(const char *word)
{
	struct stat st;

	if (place_is_tool(word) || resolve_is_url(word))
		return !strchr(word, '#');
	return rameti_path_stat(NULL, word, &st, NULL) == 0 && S_ISDIR(st.st_mode);
}

static int add_word(struct paths *p, const struct cli *cli, const char *word,
		    struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = place_check_store(word, err);

	if (!r && is_store(word))
		return add_store(p, word, err);
	if (!r)
		r = resolve_path(cli, word, &path, err);
	if (!r)
		r = paths_add(p, ramet_buf_bytes(&path), err);
	ramet_buf_release(&path);
	return r;
}

/* ---- telling ---- */

static enum style severity_style(int severity)
{
	if (severity == RAMET_DAMAGE)
		return STYLE_DAMAGE;
	return severity == RAMET_WARNING ? STYLE_WARNING : STYLE_DIM;
}

/* "  damage   line 12      malformed        text" */
static void print_finding(struct out *o, const struct ramet_finding *f)
{
	struct ramet_buf line = RAMET_BUF_INIT(256);

	out_str(o, "  ");
	out_style(o, severity_style(f->severity));
	text_add_cell(&o->buf, ramet_bytes_of(ramet_severity_name(f->severity)), 9, 0);
	out_style(o, STYLE_NONE);
	if (f->line)
		ramet_buf_addf(&line, "line %llu", (unsigned long long)f->line);
	text_add_cell(&o->buf, ramet_buf_bytes(&line), 13, 0);
	text_add_cell(&o->buf, ramet_bytes_of(f->code), 17, 0);
	out_safe(o, f->text, out_room(o, 2 + 9 + 13 + 17, 20));
	out_newline(o);
	ramet_buf_release(&line);
}

static void print_findings(struct out *o, const struct ramet_findings *f, int all)
{
	uint64_t n = f->n + f->n_dropped, shown = 0;

	for (uint32_t i = 0; i < f->n && !out_broken(o); i++, shown++) {
		if (!all && n > FINDINGS_SHOWN && shown == FINDINGS_SHOWN - 1)
			break;
		print_finding(o, &f->items[i]);
	}
	if (shown == n)
		return;
	ramet_buf_addf(&o->buf, "  … %llu more%s", (unsigned long long)(n - shown),
		       all ? "" : " (--all)");
	out_newline(o);
}

static void print_seals(struct out *o, const struct ramet_verdict *v)
{
	if (!v->n_seals && !v->n_copied)
		return;
	ramet_buf_addf(&o->buf, "; %llu seal%s", (unsigned long long)v->n_seals,
		       v->n_seals == 1 ? "" : "s");
	if (v->n_signed)
		ramet_buf_addf(&o->buf, ", %llu signed", (unsigned long long)v->n_signed);
	if (v->n_copied)
		ramet_buf_addf(&o->buf, ", %llu copied", (unsigned long long)v->n_copied);
	if (v->n_seals)
		ramet_buf_addf(&o->buf, ", %llu line%s behind", (unsigned long long)v->n_unsealed,
			       v->n_unsealed == 1 ? "" : "s");
}

/* "intact, complete: PATH (12 entries)" */
static void print(struct verifying *p, const char *path, const struct ramet_verdict *v)
{
	struct out *o = &p->cli->out;

	out_styled(o, v->intact ? STYLE_NONE : STYLE_DAMAGE, v->intact ? "intact" : "DAMAGED");
	out_str(o, ", ");
	out_styled(o, v->complete ? STYLE_NONE : STYLE_WARNING,
		   v->complete ? "complete" : "INCOMPLETE");
	out_str(o, ": ");
	resolve_add_path(&o->buf, ramet_bytes_of(path), TEXT_ALL);
	ramet_buf_addf(&o->buf, " (%u %s", (unsigned)v->n_entries,
		       v->n_entries == 1 ? "entry" : "entries");
	print_seals(o, v);
	out_str(o, ")");
	out_newline(o);
	print_findings(o, &v->findings, args_has(&p->cli->args, "all"));
}

static int print_json(struct verifying *p, const char *path, const struct ramet_verdict *v,
		      struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = ramet_report_verdict(v, path, &json, err);

	if (!r)
		r = answer_json(p->cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

/* Of several sessions, one that cannot be read does not keep the others from being judged. */
static int verify_one(struct verifying *p, const char *path, struct ramet_error *err)
{
	struct ramet_verdict v;
	int r;

	memset(&v, 0, sizeof(v));
	r = ramet_verify(path, &p->opts, &v, err);
	if (r < 0)
		return r;
	p->all_well &= v.intact && v.complete;
	if (args_has(&p->cli->args, "json"))
		r = print_json(p, path, &v, err);
	else
		print(p, path, &v);
	ramet_verdict_release(&v);
	return r;
}

static int verify_all(struct verifying *p, const struct paths *paths, struct ramet_error *err)
{
	struct ramet_error first;
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];
	int r = 0, failed = 0;

	for (size_t i = 0; i < paths->n && !out_broken(&p->cli->out); i++) {
		r = verify_one(p, paths->items[i], err);
		if (r == 0)
			continue;
		if (failed) {
			ramet_error_print(err, text, sizeof(text));
			out_complain(text);
			continue;
		}
		failed = r;
		first = *err;
	}
	if (failed)
		*err = first;
	return failed ? failed : p->all_well ? 0 : EXIT_NO;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct verifying p = { .cli = cli, .all_well = 1 };
	struct paths paths = { NULL, 0, 0 };
	const char *key_path = args_get(&cli->args, "key");
	unsigned char key[32];
	int r = key_path ? ramet_seal_key_read(key_path, key, err) : 0;

	if (key_path)
		p.opts.key = key;
	for (size_t i = 0; !r && i < cli->args.n_words; i++)
		r = add_word(&paths, cli, cli->args.words[i], err);
	if (!r && !paths.n)
		r = rameti_fail(err, RAMET_ENOTFOUND, "no session in %.200s", cli->args.words[0]);
	if (!r)
		r = verify_all(&p, &paths, err);
	paths_release(&paths);
	return r;
}

static const struct opt opts[] = {
	{ "key", 0, "FILE", "the public key that signed seals must be of" },
	{ "all", 'a', NULL, "list every finding" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_verify = {
	.name = "verify", .args = "S...", .help = "is it intact, is it complete? (exit code 1: no)",
	.more = "Reads every byte of the file itself. A directory, sqlite:FILE, ckptmgr:FILE or a\n"
		"tool's name (pi, pirust, ggcode, yoi) stands for each session in it.\n"
		"With --json an object a line,\n"
		"{\"path\",\"intact\",\"complete\",\"findings\",\"seals\"}.\n"
		"\n"
		"Examples:\n"
		"  ramet verify @last\n"
		"  ramet verify pi --json | jq -r 'select(.intact and .complete | not).path'\n",
	.opts = opts, .min_words = 1, .max_words = SIZE_MAX, .run = run,
};
