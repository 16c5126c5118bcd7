/*
 * ops/convert_plan.c - before a conversion: which lines of the target's format the source carries,
 * and which of its entries lie on the branch that is told.
 *
 * A carried line that does not fit the rows it says it stands for is an entry like any other.
 */
#include "ops/convert_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/carry.h"

/* Not told, and nothing instead. */
static void set_gone(struct rameti_convert_plan *p, uint32_t row)
{
	rameti_bit_set(p->skip, row);
	rameti_bit_set(p->gone, row);
	p->n_gone++;
}

/* A row that some conversion began with. */
static void set_began(struct rameti_convert_plan *p, uint32_t row, int needless)
{
	if (!needless && !rameti_bit(p->skip, row))
		rameti_bit_set(p->began, row);
	set_gone(p, row);
}

/* A number of rows, or UINT32_MAX. */
static uint32_t row_number(const struct ramet_json *v)
{
	double x = ramet_json_kind(v) == RAMET_JSON_NUMBER ? ramet_json_number(v) : -1;

	return x >= 0 && x < 4294967295.0 && x == (double)(uint32_t)x ? (uint32_t)x : UINT32_MAX;
}

/* Is a text that of an object, as far as its first byte tells? */
static int is_object(const struct ramet_json *v)
{
	struct ramet_bytes text = ramet_json_raw(v);

	return ramet_json_kind(v) == RAMET_JSON_STRING && text.len > 2 && text.ptr[1] == '{';
}

static const struct rameti_codec *codec_named(const struct ramet_json *v)
{
	static const struct rameti_codec *const codecs[] = { &rameti_codec_pi, &rameti_codec_pirust,
							     &rameti_codec_ggcode,
							     &rameti_codec_yoi };
	size_t i;

	for (i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
		if (ramet_json_text_is(v, codecs[i]->name))
			return codecs[i];
	return NULL;
}

/* Do the numbers of the lines carried behind this header still fit? Not in a fork, nor where rows
 * came or went: it tells the row it had, and the session it was in. */
static int still_fits(const struct ramet_json *data, uint32_t row, const struct ramet_session *s,
		      struct ramet_buf *id)
{
	const struct ramet_json *session = ramet_json_get(data, "session");
	const struct ramet_json *at = ramet_json_get(data, "row");

	ramet_buf_reset(id);
	if (session)
		ramet_json_text(session, id);
	return (!at || row_number(at) == row) &&
	       (!session || ramet_bytes_eq(ramet_buf_bytes(id), ramet_session_header(s)->id));
}

/* Does a line belong to another branch than the one that is told, in a target that has no place for
 * branches? What stands before the branch's first entry is no other branch: the target itself began
 * anew there. Nor is it when the branch goes on behind what was carried. header: the row of that of
 * these lines. */
static int is_off(const struct rameti_convert_plan *p, const struct rameti_cover *c,
		  uint32_t header)
{
	uint32_t row = c->n ? c->at : c->at - 1;

	if (p->linear)
		return c->n && rameti_bit(p->off, c->at);
	if (c->header || (!c->n && !c->at))
		return 0;
	return (rameti_bit(p->off, header) || rameti_bit(p->off, c->row)) &&
	       row > p->root && rameti_bit(p->off, row);
}

/* Does this entry carry a line? */
static int is_cover(const struct ramet_json *entry, uint32_t row, struct rameti_cover *c)
{
	const struct ramet_json *data = ramet_json_get(entry, "data");

	if (!ramet_json_text_is(ramet_json_get(entry, "customType"), RAMETI_RAW_TYPE) ||
	    (ramet_json_kind(ramet_json_get(data, "record")) != RAMET_JSON_STRING &&
	     ramet_json_kind(ramet_json_get(data, "hex")) != RAMET_JSON_STRING))
		return 0;
	c->at = row_number(ramet_json_get(data, "at"));
	c->n = row_number(ramet_json_get(data, "entries"));
	c->row = row;
	c->header = ramet_json_kind(ramet_json_get(data, "header")) == RAMET_JSON_TRUE;
	c->torn = ramet_json_kind(ramet_json_get(data, "torn")) == RAMET_JSON_TRUE;
	return c->at <= row && c->n <= row - c->at;
}

static int add_other(struct rameti_convert_plan *p, const struct rameti_cover *c,
		     struct ramet_error *err)
{
	if (rameti_grow((void **)&p->others, &p->cap_others, p->n_others, sizeof(*p->others),
			0x7fffffffu) < 0)
		return rameti_fail_nomem(err);
	p->others[p->n_others++] = *c;
	return 0;
}

static int add_cover(struct rameti_convert_plan *p, const struct rameti_cover *c,
		     struct ramet_error *err)
{
	uint32_t row;

	for (row = c->at; row < c->at + c->n; row++)
		if (rameti_bit(p->skip, row))
			return add_other(p, c, err);     /* something else stands for it */
	if (rameti_grow((void **)&p->covers, &p->cap_covers, p->n_covers, sizeof(*p->covers),
			0x7fffffffu) < 0)
		return rameti_fail_nomem(err);
	p->covers[p->n_covers++] = *c;
	for (row = c->at; row < c->at + c->n; row++)
		rameti_bit_set(p->skip, row);
	set_gone(p, c->row);
	return 0;
}

static int find_covers(struct rameti_convert_plan *p, const struct ramet_session *s, const char *to,
		       struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2), id = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *data;
	struct ramet_bytes json;
	struct rameti_cover c;
	uint32_t row, header = 0;
	int r = 0, fits = 1;

	for (row = 0; !r && row < p->n; row++) {
		if (ramet_tree_row(t, row)->type != RAMET_ENTRY_CUSTOM)
			continue;
		r = ramet_tree_entry(t, row, &scratch, &json, err);
		if (!r)
			r = ramet_json_parse(&doc, json, 0, err);
		if (r || !is_cover(ramet_json_root(&doc), row, &c))
			continue;
		data = ramet_json_get(ramet_json_root(&doc), "data");
		rameti_bit_set(p->carriers, row);
		if (c.header) {
			fits = still_fits(data, row, s, &id);
			header = row;
		}
		c.stale = !fits;
		c.codec = codec_named(ramet_json_get(data, "format"));
		c.object = is_object(ramet_json_get(data, "record"));
		r = fits && ramet_json_text_is(ramet_json_get(data, "format"), to) &&
				    (c.n || c.header || !p->linear) && !c.torn &&
						    !is_off(p, &c, header)
			    ? add_cover(p, &c, err)
			    : add_other(p, &c, err);
	}
	if (!r && ramet_buf_status(&id) < 0)
		r = rameti_fail_nomem(err);
	ramet_buf_release(&id);
	ramet_buf_release(&scratch);
	ramet_json_doc_release(&doc);
	return r;
}

/* Is a carried line of another format of no use any more: do lines of the target's format stand for
 * all that it stands for? What was there before they were carried away comes back with them. */
static int is_needless(const struct rameti_convert_plan *p, const struct rameti_cover *c)
{
	uint32_t row;

	if (!p->n_covers || c->row < p->covers[0].row || c->torn || c->stale)
		return 0;
	if (c->header)
		return 1;
	for (row = c->at; row < c->at + c->n; row++)
		if (!rameti_bit(p->skip, row))
			return 0;
	if (c->n)
		return 1;
	if (p->linear && c->codec && !c->codec->pieces)
		return 0;                                /* a line that is no entry stays carried */
	return c->object && ((c->at && rameti_bit(p->skip, c->at - 1)) ||
			     rameti_bit(p->skip, c->at));
}

/* What a conversion to that other format began with is nobody's. */
#define START_ROWS_MAX 4u

static int begins(const struct rameti_cover *c)
{
	return c->header && !c->stale && !c->at && c->n <= START_ROWS_MAX;
}

static void sort_others(struct rameti_convert_plan *p, int lean)
{
	uint32_t i, row, n = 0;

	for (i = 0; i < p->n_others; i++) {
		struct rameti_cover *c = &p->others[i];

		c->needless = lean || is_needless(p, c);
		if (c->header && c->needless && p->n_covers && c->codec && !c->codec->pieces)
			p->by = c->codec;
	}
	for (i = 0; i < p->n_others; i++) {
		const struct rameti_cover *c = &p->others[i];

		for (row = 0; begins(c) && row < c->n; row++)
			set_began(p, row, c->needless);
		if (c->needless)
			set_gone(p, c->row);
		else
			p->others[n++] = *c;
	}
	p->n_others = n;
}

static int by_place(const void *a, const void *b)
{
	const struct rameti_cover *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static int find_branch(struct rameti_convert_plan *p, const struct ramet_session *s, uint32_t leaf,
		       struct ramet_error *err)
{
	struct ramet_path path = RAMET_PATH_INIT;
	uint32_t i;
	int r = ramet_tree_path(ramet_session_tree(s), leaf, &path, err);

	if (!r && !(p->off = ramet_calloc(rameti_bits_size(p->n), 1)))
		r = rameti_fail_nomem(err);
	if (!r)
		memset(p->off, 0xff, rameti_bits_size(p->n));
	for (i = 0; !r && i < path.n; i++)
		rameti_bit_clear(p->off, path.rows[i]);
	p->root = path.n ? path.rows[0] : 0;
	if (!r && path.n == p->n) {              /* all are on it */
		ramet_free(p->off);
		p->off = NULL;
	}
	ramet_path_release(&path);
	return r;
}

static void find_unmade(struct rameti_convert_plan *p)
{
	size_t i;

	for (i = 0; i < rameti_bits_size(p->n); i++)
		p->unmade[i] = p->skip[i] | (p->off ? p->off[i] : 0);
}

int rameti_convert_plan(struct rameti_convert_plan *p, struct ramet_session *s, const char *to,
			uint32_t leaf, int lean, int linear, struct ramet_error *err)
{
	int r = 0;

	memset(p, 0, sizeof(*p));
	p->linear = linear;
	p->n = ramet_tree_count(ramet_session_tree(s));
	p->skip = ramet_calloc(rameti_bits_size(p->n), 1);
	p->carriers = ramet_calloc(rameti_bits_size(p->n), 1);
	p->gone = ramet_calloc(rameti_bits_size(p->n), 1);
	p->began = ramet_calloc(rameti_bits_size(p->n), 1);
	p->unmade = ramet_calloc(rameti_bits_size(p->n), 1);
	if (!p->skip || !p->carriers || !p->gone || !p->began || !p->unmade)
		return rameti_fail_nomem(err);
	if (leaf != RAMET_NONE)
		r = find_branch(p, s, leaf, err);
	if (!r)
		r = find_covers(p, s, to, err);
	if (!r)
		sort_others(p, lean);
	if (!r)
		find_unmade(p);
	if (!r && p->n_covers)
		qsort(p->covers, p->n_covers, sizeof(*p->covers), by_place);
	return r;
}

void rameti_convert_plan_release(struct rameti_convert_plan *p)
{
	ramet_free(p->covers);
	ramet_free(p->others);
	ramet_free(p->skip);
	ramet_free(p->carriers);
	ramet_free(p->gone);
	ramet_free(p->began);
	ramet_free(p->off);
	ramet_free(p->unmade);
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

static void add_unhex(struct ramet_bytes hex, struct ramet_buf *out)
{
	size_t i;

	for (i = 0; i + 1 < hex.len; i += 2)
		ramet_buf_add_char(out, (char)(digit(hex.ptr[i]) << 4 | digit(hex.ptr[i + 1])));
}

int rameti_convert_record(const struct ramet_session *s, uint32_t row, struct ramet_json_doc *doc,
			  struct ramet_buf *scratch, struct ramet_buf *out,
			  struct ramet_error *err)
{
	const struct ramet_json *data;
	struct ramet_bytes json;
	int r = ramet_tree_entry(ramet_session_tree(s), row, scratch, &json, err);

	if (!r)
		r = ramet_json_parse(doc, json, 0, err);
	if (r < 0)
		return r;
	data = ramet_json_get(ramet_json_root(doc), "data");
	ramet_buf_reset(out);
	if (ramet_json_get(data, "record"))
		ramet_json_text(ramet_json_get(data, "record"), out);
	else
		add_unhex(ramet_json_plain(ramet_json_get(data, "hex")), out);
	return ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}
