/*
 * ops/verify.c - is a session file intact, and is it complete?
 *
 * Two separate questions. *Intact*: are the bytes what was written, as far as they can say?
 * *Complete*: is there evidence that something is missing? The file itself is read, every byte of
 * it; a file that opening refuses gets a verdict too. Nothing is written. When there are more
 * findings than are looked at, neither is claimed.
 */
#include "ops/chain_priv.h"
#include "ops/report_priv.h"
#include "ops/seal_lines_priv.h"
#include "ops/seal_priv.h"
#include "ops/whole_priv.h"

#include <string.h>
#include "base/error.h"
#include "model/tree.h"
#include "store/home.h"

/* What findings mean for the two questions; those not here, or milder, mean nothing for them. */
static const struct {
	const char *code;
	int least;                               /* severity from which on it counts */
	int broken, missing;
} meanings[] = {
	{ "malformed", RAMET_DAMAGE, 1, 1 },
	{ "torn-tail", RAMET_DAMAGE, 1, 1 },
	{ "nul-run", RAMET_DAMAGE, 1, 1 },
	{ "no-header", RAMET_DAMAGE, 1, 1 },
	{ "glued", RAMET_DAMAGE, 1, 0 },
	{ "bad-utf8", RAMET_DAMAGE, 1, 0 },
	{ "bom", RAMET_WARNING, 1, 0 },
	{ "seal", RAMET_DAMAGE, 1, 0 },
	{ "hash", RAMET_DAMAGE, 1, 0 },
	{ "chain", RAMET_DAMAGE, 1, 1 },
	{ "home", RAMET_DAMAGE, 1, 0 },
	{ "orphan", RAMET_WARNING, 0, 1 },
	{ "loop", RAMET_WARNING, 0, 1 },
	{ "dangling-target", RAMET_WARNING, 0, 1 },
};

/* Lines that a seal covers and that are gone: its count does not add up. */
static int is_missing_line(const struct ramet_finding *f)
{
	return !strcmp(f->code, "seal") && f->severity == RAMET_DAMAGE &&
	       memmem(f->text.ptr, f->text.len, "missing", 7) != NULL;
}

static void judge(struct ramet_verdict *v, const struct ramet_findings *list)
{
	uint32_t i;
	size_t k;

	for (i = 0; i < list->n; i++) {
		const struct ramet_finding *f = &list->items[i];

		v->complete &= !is_missing_line(f);
		for (k = 0; k < sizeof(meanings) / sizeof(meanings[0]); k++) {
			if (strcmp(f->code, meanings[k].code) || f->severity < meanings[k].least)
				continue;
			v->intact &= !meanings[k].broken;
			v->complete &= !meanings[k].missing;
		}
	}
}

/* Why opening refuses the file. A header that cannot be used was read as a second one. */
static int tell_refusal(struct rameti_whole *w, struct ramet_findings *f)
{
	struct ramet_bytes none = { NULL, 0 };
	struct ramet_findings *said = &w->reader.findings;
	const char *text = w->why.text;
	uint32_t i, n = 0;

	if (!strncmp(text, "not a session: ", 15))
		text += 15;
	for (i = 0; i < said->n; i++)
		if (said->items[i].line != w->why.line ||
		    strcmp(said->items[i].code, "second-header") != 0)
			said->items[n++] = said->items[i];
	said->n = n;
	return rameti_finding_add(f, RAMET_DAMAGE, "no-header", w->why.line ? w->why.line : 1,
				  w->why.line ? w->why.offset : 0, none, "%s", text);
}

/* ---- seals ---- */

/* A seal's line as it stands in the file. */
static int read_seal(const struct rameti_whole *w, const struct rameti_hashed_line *line,
		     struct ramet_buf *text, struct ramet_error *err)
{
	int64_t n;

	ramet_buf_reset(text);
	if (ramet_buf_reserve(text, (size_t)line->len) < 0)
		return rameti_fail_nomem(err);
	n = rameti_file_read_at(&w->source.file, text->ptr, (size_t)line->len, line->offset, err);
	text->len = n < 0 ? 0 : (size_t)n;
	text->ptr[text->len] = '\0';
	return n < 0 ? (int)n : 0;
}

/* Where the first seal at or behind offset stands, among the items from *i on; or UINT64_MAX. */
static uint64_t next_seal(const struct rameti_whole *w, const struct rameti_items *items,
			  uint32_t *i, uint64_t offset)
{
	const struct ramet_row *row;

	for (; *i < items->n; ++*i) {
		row = ramet_tree_row(w->reader.tree, items->items[*i].row);
		if (items->items[*i].kind == RAMETI_ITEM_SEAL && row->offset >= offset)
			return row->offset;
	}
	return UINT64_MAX;
}

/* All lines behind the header, as stored. */
static int feed_lines(struct rameti_seal_check *c, const struct rameti_whole *w,
		      struct rameti_seal_lines *lines, const struct rameti_items *items,
		      struct ramet_findings *f, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_hashed_line line;
	uint64_t number = 0, next = 0;
	uint32_t i = 0;
	int r, e = 0;

	while (!e && (r = rameti_seal_lines_next(lines, &line, err)) > 0) {
		struct ramet_bytes seal = { NULL, 0 };

		if (++number <= w->reader.header.line)
			continue;
		if (next < line.offset)
			next = next_seal(w, items, &i, line.offset);
		if (next == line.offset) {
			e = read_seal(w, &line, &text, err);
			seal = ramet_buf_bytes(&text);
		}
		if (!e)
			e = rameti_seal_check_hash(c, line.hash, seal, number, line.offset, f, err);
	}
	ramet_buf_release(&text);
	return e < 0 ? e : r;
}

/* Who asks for a key is told when it signed nothing: all seals may have been taken out. */
static int tell_unsigned(struct ramet_findings *f, struct ramet_error *err)
{
	struct ramet_bytes none = { NULL, 0 };

	if (rameti_finding_add(f, RAMET_DAMAGE, "seal", 0, RAMET_NO_OFFSET, none,
			       "no seal is signed with the key that was given") < 0)
		return rameti_fail_nomem(err);
	return 0;
}

static int check_seals(const struct rameti_whole *w, const struct ramet_verify_opts *opts,
		       size_t max_line, const struct rameti_items *items, struct ramet_verdict *v,
		       struct ramet_findings *f, struct ramet_error *err)
{
	struct rameti_seal_lines *lines = NULL;
	struct rameti_seal_check *c;
	struct rameti_seal_sum sum;
	uint32_t i, n = 0;
	int r;

	for (i = 0; i < items->n; i++)
		n += items->items[i].kind == RAMETI_ITEM_SEAL;
	if (!n)
		return opts->key ? tell_unsigned(f, err) : 0;
	r = rameti_seal_check_new(&c, opts->key, err);
	if (r < 0)
		return r;
	r = rameti_seal_check_header(c, ramet_buf_bytes(&w->reader.header_raw), err);
	if (!r)
		r = rameti_seal_lines_new(&lines, &w->source.file, w->source.size, max_line,
					  opts->threads, err);
	if (!r)
		r = feed_lines(c, w, lines, items, f, err);
	rameti_seal_lines_free(lines);
	rameti_seal_check_sum(c, &sum);
	v->n_seals = sum.n_seals;
	v->n_signed = sum.n_signed;
	v->n_copied = sum.n_copied;
	v->n_sealed = sum.n_sealed;
	v->n_unsealed = sum.n_unsealed;
	rameti_seal_check_free(c);
	return r < 0 || !opts->key || sum.n_signed ? r : tell_unsigned(f, err);
}

/* ---- the verdict ---- */

/* Unanswered calls say nothing about the two questions, so they come last: what of them is only
 * counted hides no answer. */
static int check(struct rameti_whole *w, const struct ramet_verify_opts *opts,
		 size_t max_line, struct ramet_verdict *v, struct ramet_error *err)
{
	struct ramet_findings found = RAMET_FINDINGS_INIT;
	struct rameti_items items = RAMETI_ITEMS_INIT;
	const struct ramet_tree *tree = w->reader.tree;
	int r = ramet_tree_check(tree, &found, err);

	if (!r && w->refused && tell_refusal(w, &found) < 0)
		r = rameti_fail_nomem(err);
	/* items are pi's lines; in other formats there are neither seals nor calls to be seen */
	if (!r && !w->reader.codec->pieces)
		r = rameti_items_gather(w, opts->threads, &items, err);
	if (!r)
		r = check_seals(w, opts, max_line, &items, v, &found, err);
	v->intact = v->complete = !found.n_dropped && !w->reader.findings.n_dropped;
	if (!r)
		r = rameti_calls_check(tree, &items, &found, err);
	if (!r)
		r = rameti_findings_join(&w->reader.findings, &found, &v->findings, err);
	judge(v, &w->reader.findings);
	judge(v, &found);
	v->n_entries = ramet_tree_count(tree);
	rameti_items_release(&items);
	ramet_findings_release(&found);
	return r;
}

/* Logs of yoi whose records carry hashes: what their chain says. */
static int check_chain(const char *path, struct ramet_verdict *v, struct ramet_error *err)
{
	struct ramet_findings chain = RAMET_FINDINGS_INIT;
	uint32_t i;
	int r = rameti_chain_findings(path, &chain, err);

	for (i = 0; !r && i < chain.n; i++)
		if (rameti_finding_copy(&v->findings, &chain.items[i]) < 0)
			r = rameti_fail_nomem(err);
	judge(v, &chain);
	ramet_findings_release(&chain);
	return r;
}

/* What a file of many says of itself, each line a finding. */
static int check_home(const struct rameti_home_path *home, struct ramet_verdict *v,
		      struct ramet_error *err)
{
	struct ramet_buf file = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_buf report = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes none = { NULL, 0 }, left, line;
	int r = 1;

	ramet_buf_add(&file, home->file);
	if (ramet_buf_status(&file) < 0)
		r = rameti_fail_nomem(err);
	else if (home->home->check)
		r = home->home->check(file.ptr, &report, err);
	for (left = ramet_buf_bytes(&report); r >= 0 && left.len; left.len -= line.len + 1) {
		line.ptr = left.ptr;
		line.len = (size_t)((const char *)memchr(left.ptr, '\n', left.len) - left.ptr);
		left.ptr += line.len + 1;
		v->intact = 0;
		if (rameti_finding_add(&v->findings, RAMET_DAMAGE, "home", 0, RAMET_NO_OFFSET, none,
				       "%.*s", RAMET_FMT(line)) < 0)
			r = rameti_fail_nomem(err);
	}
	ramet_buf_release(&file);
	ramet_buf_release(&report);
	return r < 0 ? r : 0;
}

/* A session in a home is what its home hands out: that knows of its own damage. */
static int verify_session(const char *path, const struct ramet_verify_opts *opts,
			  struct ramet_verdict *v, struct ramet_error *err)
{
	struct ramet_open_opts how = { .max_line = opts->max_line, .threads = opts->threads };
	struct ramet_findings found = RAMET_FINDINGS_INIT;
	struct ramet_session *s = NULL;
	int r = ramet_session_open(&s, path, &how, err);

	if (r < 0)
		return r;
	r = ramet_tree_check(ramet_session_tree(s), &found, err);
	v->intact = v->complete = !found.n_dropped && !ramet_session_findings(s)->n_dropped;
	if (!r)
		r = rameti_findings_join(ramet_session_findings(s), &found, &v->findings, err);
	judge(v, ramet_session_findings(s));
	judge(v, &found);
	v->n_entries = ramet_tree_count(ramet_session_tree(s));
	if (!r && opts->key)
		r = tell_unsigned(&v->findings, err);
	ramet_findings_release(&found);
	ramet_session_close(s);
	return r;
}

/* FILE#ID: the session, and its file. FILE with several in it: the file, which looks at all. */
static int verify_in_home(const char *path, const struct rameti_home_path *home,
			  const struct ramet_verify_opts *opts, struct ramet_verdict *v,
			  struct ramet_error *err)
{
	struct ramet_error why = { 0 };
	int r = verify_session(path, opts, v, &why);

	if (r == RAMET_EAMBIGUOUS && !home->id.ptr && home->home->check) {
		v->intact = v->complete = 1;
		r = opts->key ? tell_unsigned(&v->findings, &why) : 0;
	}
	if (r < 0 && err)
		*err = why;
	return r < 0 ? r : check_home(home, v, err);
}

int ramet_verify(const char *path, const struct ramet_verify_opts *opts, struct ramet_verdict *v,
		 struct ramet_error *err)
{
	static const struct ramet_verify_opts none;
	struct ramet_verdict result;
	struct rameti_home_path home;
	struct rameti_whole w;
	size_t max_line;
	int r;

	memset(&result, 0, sizeof(result));
	opts = opts ? opts : &none;
	if (rameti_home_path(path, &home)) {
		r = verify_in_home(path, &home, opts, &result, err);
		if (r < 0)
			ramet_verdict_release(&result);
		else
			*v = result;
		return r;
	}
	max_line = opts->max_line ? (size_t)opts->max_line : RAMET_JSON_LEN_MAX;
	r = rameti_whole_open(&w, path, max_line, opts->threads, err);
	if (!r)
		r = check(&w, opts, max_line, &result, err);
	if (!r && w.reader.codec == &rameti_codec_yoi)
		r = check_chain(path, &result, err);
	if (r < 0)
		rameti_error_set_path(err, path);
	rameti_whole_close(&w);
	if (r < 0) {
		ramet_verdict_release(&result);
		return r;
	}
	*v = result;
	return 0;
}

void ramet_verdict_release(struct ramet_verdict *v)
{
	ramet_findings_release(&v->findings);
}

static void add_count(struct ramet_json_writer *w, const char *key, uint64_t n)
{
	ramet_json_key(w, key);
	ramet_json_add_int(w, (int64_t)n);
}

static void write_seals(struct ramet_json_writer *w, const struct ramet_verdict *v)
{
	ramet_json_key(w, "seals");
	ramet_json_open_object(w);
	add_count(w, "count", v->n_seals);
	add_count(w, "signed", v->n_signed);
	add_count(w, "copied", v->n_copied);
	add_count(w, "sealedLines", v->n_sealed);
	add_count(w, "unsealedLines", v->n_unsealed);
	ramet_json_close_object(w);
}

int ramet_report_verdict(const struct ramet_verdict *v, const char *path, struct ramet_buf *out,
			 struct ramet_error *err)
{
	struct ramet_json_writer w;
	size_t start = out->len;

	ramet_json_writer_init(&w, out);
	ramet_json_open_object(&w);
	if (path)
		rameti_write_member(&w, "path", ramet_bytes_of(path));
	ramet_json_key(&w, "intact");
	ramet_json_add_bool(&w, v->intact);
	ramet_json_key(&w, "complete");
	ramet_json_add_bool(&w, v->complete);
	ramet_json_key(&w, "findings");
	rameti_write_findings(&w, &v->findings);
	if (v->n_seals || v->n_copied)
		write_seals(&w, v);
	ramet_json_close_object(&w);
	return rameti_report_end(out, start, 0, err);
}
