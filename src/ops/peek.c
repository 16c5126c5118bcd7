/*
 * ops/peek.c - a few members of an entry, found by the exact scanner; nothing is built.
 *
 * Entries come from the tree's callback, migrated to the current version. A carriage return before
 * the newline belongs to no entry and is left out. Nothing is kept from one entry to the next.
 */
#include "ops/peek_priv.h"

#include <string.h>
#include "base/error.h"

int rameti_peek_open(struct rameti_peek *p, const struct ramet_tree *tree,
		     const struct rameti_want *wants, size_t n_wants, struct ramet_error *err)
{
	memset(p, 0, sizeof(*p));
	p->tree = tree;
	p->n_wants = n_wants;
	ramet_buf_init(&p->scratch, SIZE_MAX / 2);
	return rameti_scanner_new(&p->scanner, wants, n_wants, 0, err);
}

void rameti_peek_close(struct rameti_peek *p)
{
	if (!p->scanner)
		return;
	rameti_scanner_free(p->scanner);
	p->scanner = NULL;
	ramet_buf_release(&p->scratch);
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct ramet_bytes rameti_json_trimmed(struct ramet_bytes json)
{
	while (json.len && is_blank(json.ptr[json.len - 1]))
		json.len--;
	while (json.len && is_blank(json.ptr[0])) {
		json.ptr++;
		json.len--;
	}
	return json;
}

int rameti_peek_read(struct rameti_peek *p, uint32_t row, struct ramet_error *err)
{
	struct rameti_line line;
	int r;

	r = ramet_tree_entry(p->tree, row, &p->scratch, &p->json, err);
	if (r < 0)
		return r;
	p->json = rameti_json_trimmed(p->json);
	memset(p->found, 0, sizeof(p->found));
	r = rameti_scan_line(p->scanner, p->json, &line, p->found);
	if (r < 0)
		return rameti_fail_nomem(err);
	if (line.kind != RAMETI_LINE_OBJECT)     /* it was one when its row was made */
		return rameti_fail(err, RAMET_EFORMAT, "entry %u is not an object", (unsigned)row);
	return 0;
}

struct ramet_json rameti_peek_get(const struct rameti_peek *p, unsigned want)
{
	const struct rameti_found *f = &p->found[want];
	struct ramet_json v;

	memset(&v, 0, sizeof(v));
	if (want >= p->n_wants || f->kind == RAMET_JSON_NONE)
		return v;
	v.ptr = p->json.ptr + f->at;
	v.len = f->len;
	v.span = 1;
	v.kind = f->kind;
	v.flags = f->flags;
	return v;
}
