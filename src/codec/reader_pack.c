/*
 * codec/reader_pack.c - what a reader knows beside its tree's arrays: header, counters, findings.
 *
 * Part of the index file (docs/format/index.md). What does not fit together is refused as a whole.
 */
#include "codec/codec.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pack.h"

#define LISTED_MAX 0x7fffffffu
#define CODE_MAX 64

static void pack_findings(const struct ramet_findings *f, struct ramet_buf *out)
{
	uint32_t i;

	rameti_pack_u32(out, f->n);
	rameti_pack_u64(out, f->n_dropped);
	for (i = 0; i < f->n; i++) {
		const struct ramet_finding *item = &f->items[i];

		rameti_pack_u32(out, (uint32_t)item->severity);
		rameti_pack_u64(out, item->line);
		rameti_pack_u64(out, item->offset);
		rameti_pack_bytes(out, ramet_bytes_of(item->code));
		rameti_pack_bytes(out, item->text);
		rameti_pack_u32(out, item->id.ptr != NULL);
		rameti_pack_bytes(out, item->id);
	}
}

/* A header that no line has as it is: its line as pi writes it, and what the codec remembers. */
static void pack_made_header(const struct rameti_reader *r, struct ramet_buf *out)
{
	size_t i;

	rameti_pack_bytes(out, r->header.json);
	for (i = 0; i < sizeof(r->state) / sizeof(r->state[0]); i++)
		rameti_pack_u64(out, r->state[i]);
	rameti_pack_bytes(out, ramet_buf_bytes(&r->kept));
}

void rameti_reader_pack(const struct rameti_reader *r, struct ramet_buf *out)
{
	struct ramet_bytes text;
	uint32_t i, n = 0;

	rameti_pack_bytes(out, ramet_bytes_of(r->codec->name));
	rameti_pack_bytes(out, ramet_buf_bytes(&r->header_raw));
	if (r->codec->pieces)
		pack_made_header(r, out);
	rameti_pack_u64(out, r->header.line);
	rameti_pack_u64(out, r->header.offset);
	rameti_pack_u64(out, r->header.length);
	rameti_pack_u64(out, r->n_lines);
	rameti_pack_u32(out, r->prev);
	rameti_pack_u32(out, (uint32_t)r->n_blank);
	rameti_pack_u32(out, (uint32_t)r->n_crlf);
	rameti_pack_u32(out, r->n_listed);
	for (i = 0; i < r->n_listed; i++)
		rameti_pack_u32(out, r->listed[i]);
	while (rameti_tree_waiting(r->tree, n).ptr)
		n++;
	rameti_pack_u32(out, n);
	for (i = 0; i < n; i++) {
		text = rameti_tree_waiting(r->tree, i);
		rameti_pack_bytes(out, text);
	}
	pack_findings(&r->findings, out);
}

/* ---- and back ---- */

static int unpack_made_header(struct rameti_reader *r, struct rameti_unpack *u,
			      struct ramet_error *err)
{
	int e = rameti_codec_pi.header(r, rameti_unpack_bytes(u), err);
	size_t i;

	for (i = 0; i < sizeof(r->state) / sizeof(r->state[0]); i++)
		r->state[i] = rameti_unpack_u64(u);
	ramet_buf_add(&r->kept, rameti_unpack_bytes(u));
	if (!e && ramet_buf_status(&r->kept) < 0)
		e = rameti_fail_nomem(err);
	return e;
}

static int unpack_header(struct rameti_reader *r, struct rameti_unpack *u, struct ramet_error *err)
{
	int e;

	ramet_buf_add(&r->header_raw, rameti_unpack_bytes(u));
	if (ramet_buf_status(&r->header_raw) < 0)
		return rameti_fail_nomem(err);
	if (r->codec->pieces)
		e = unpack_made_header(r, u, err);
	else
		e = r->codec->header(r, ramet_buf_bytes(&r->header_raw), err);
	r->header.line = rameti_unpack_u64(u);
	r->header.offset = rameti_unpack_u64(u);
	r->header.length = rameti_unpack_u64(u);
	r->have_header = 1;
	return e;
}

static int unpack_listed(struct rameti_reader *r, struct rameti_unpack *u, struct ramet_error *err)
{
	uint32_t n = rameti_unpack_u32(u);

	if ((uint64_t)n * 4 > u->left.len)
		u->bad = 1;
	while (!u->bad && r->n_listed < n) {
		if (rameti_grow((void **)&r->listed, &r->cap_listed, r->n_listed,
				sizeof(*r->listed), LISTED_MAX) < 0)
			return rameti_fail_nomem(err);
		r->listed[r->n_listed++] = rameti_unpack_u32(u);
	}
	return 0;
}

static int unpack_waiting(struct rameti_reader *r, struct rameti_unpack *u, struct ramet_error *err)
{
	uint32_t n = rameti_unpack_u32(u);
	int e = 0;

	for (; !e && n && !u->bad; n--)
		e = rameti_tree_add_waiting(r->tree, rameti_unpack_bytes(u), err);
	return e;
}

static int unpack_finding(struct rameti_reader *r, struct rameti_unpack *u, struct ramet_error *err)
{
	struct ramet_finding f;
	char code[CODE_MAX];
	struct ramet_bytes text;
	int has_id;

	f.severity = (int)rameti_unpack_u32(u);
	f.line = rameti_unpack_u64(u);
	f.offset = rameti_unpack_u64(u);
	text = rameti_unpack_bytes(u);
	f.text = rameti_unpack_bytes(u);
	has_id = (int)rameti_unpack_u32(u);
	f.id = rameti_unpack_bytes(u);
	if (!has_id)
		f.id.ptr = NULL;
	if (u->bad || text.len >= sizeof(code)) {
		u->bad = 1;
		return 0;
	}
	memcpy(code, text.ptr, text.len);
	code[text.len] = '\0';
	f.code = code;
	return rameti_finding_copy(&r->findings, &f) < 0 ? rameti_fail_nomem(err) : 0;
}

int rameti_reader_unpack(struct rameti_reader *r, const struct rameti_codec *codec,
			 struct ramet_tree *tree, struct ramet_bytes packed,
			 struct ramet_error *err)
{
	struct rameti_unpack u = { packed, 0 };
	uint64_t dropped;
	uint32_t n;
	int e;

	memset(r, 0, sizeof(*r));
	r->codec = codec;
	r->tree = tree;
	ramet_buf_init(&r->header_text, SIZE_MAX / 2);
	ramet_buf_init(&r->header_raw, SIZE_MAX / 2);
	ramet_buf_init(&r->noted, SIZE_MAX / 2);
	ramet_buf_init(&r->parent_id, SIZE_MAX / 2);
	ramet_buf_init(&r->leaf_id, SIZE_MAX / 2);
	ramet_buf_init(&r->kept, SIZE_MAX / 2);
	u.bad = !ramet_bytes_is(rameti_unpack_bytes(&u), codec->name);
	e = unpack_header(r, &u, err);
	r->n_lines = rameti_unpack_u64(&u);
	r->prev = rameti_unpack_u32(&u);
	r->n_blank = (int)rameti_unpack_u32(&u);
	r->n_crlf = (int)rameti_unpack_u32(&u);
	if (!e)
		e = unpack_listed(r, &u, err);
	if (!e)
		e = unpack_waiting(r, &u, err);
	n = rameti_unpack_u32(&u);
	dropped = rameti_unpack_u64(&u);
	for (; !e && n && !u.bad; n--)
		e = unpack_finding(r, &u, err);
	r->findings.n_dropped = dropped;
	if (!e && (u.bad || u.left.len))
		e = rameti_fail(err, RAMET_EFORMAT, "not an index");
	if (e < 0)
		rameti_reader_release(r);
	return e;
}
