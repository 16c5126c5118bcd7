/*
 * store/sidecar_index.c - the offset index: one JSON line per frame, read from either end.
 *
 * From the front every row must follow the one before it without a gap. From the end rows come as
 * they are, and whoever takes them checks that they follow.
 */
#include "store/sidecar_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define SCHEMA "pi.session_store_v2.offset_index.v1"
#define STEP ((size_t)64 << 10)
#define BLOCK (STEP + SC_ROW_MAX + 2)

void rameti_sc_row_add(struct ramet_buf *b, const struct rameti_sc_row *row)
{
	ramet_buf_addf(b,
		       "{\"schema\":\"" SCHEMA "\",\"entrySeq\":%llu,\"entryId\":\"%s\","
		       "\"segmentSeq\":%llu,\"frameSeq\":%llu,\"byteOffset\":%llu,"
		       "\"byteLength\":%llu,\"crc32c\":\"%08X\",\"state\":\"active\"}\n",
		       (unsigned long long)row->entry_seq, row->id,
		       (unsigned long long)row->segment_seq, (unsigned long long)row->frame_seq,
		       (unsigned long long)row->offset, (unsigned long long)row->len,
		       (unsigned)row->crc32c);
}

static int bad(struct ramet_error *err, const char *what)
{
	return rameti_fail(err, RAMET_EFORMAT, "index row %s", what);
}

static int crc_of(const struct ramet_json *v, uint32_t *crc)
{
	struct ramet_bytes text = ramet_json_plain(v);
	uint32_t n = 0;
	size_t i;

	if (text.len != 8)
		return 0;
	for (i = 0; i < 8; i++) {
		static const char digits[] = "0123456789ABCDEF";
		const char *d = memchr(digits, text.ptr[i], 16);

		if (!d)
			return 0;
		n = n << 4 | (uint32_t)(d - digits);
	}
	*crc = n;
	return 1;
}

enum { SCHEMA_AT, ENTRY, ID, SEGMENT, FRAME, OFFSET, LENGTH, CRC, STATE, N_FIELDS };

int rameti_sc_row_parse(struct ramet_json_doc *doc, struct ramet_bytes line,
			struct rameti_sc_row *row, struct ramet_error *err)
{
	struct rameti_sc_field v[N_FIELDS] = {
		[SCHEMA_AT] = { "schema", NULL },  [ENTRY] = { "entrySeq", NULL },
		[ID] = { "entryId", NULL },        [SEGMENT] = { "segmentSeq", NULL },
		[FRAME] = { "frameSeq", NULL },    [OFFSET] = { "byteOffset", NULL },
		[LENGTH] = { "byteLength", NULL }, [CRC] = { "crc32c", NULL },
		[STATE] = { "state", NULL },
	};
	struct ramet_error why;
	int r = ramet_json_parse(doc, line, RAMET_JSON_STRICT, &why);

	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	if (r < 0)
		return bad(err, "is not JSON");
	r = rameti_sc_fields(ramet_json_root(doc), v, N_FIELDS, err);
	if (r < 0)
		return r;
	if (!ramet_json_text_is(v[SCHEMA_AT].value, SCHEMA) ||
	    !ramet_json_text_is(v[STATE].value, "active"))
		return bad(err, "has an unknown schema or state");
	if (!rameti_sc_u64(v[ENTRY].value, &row->entry_seq) ||
	    !rameti_sc_u64(v[SEGMENT].value, &row->segment_seq) ||
	    !rameti_sc_u64(v[FRAME].value, &row->frame_seq) ||
	    !rameti_sc_u64(v[OFFSET].value, &row->offset) ||
	    !rameti_sc_u64(v[LENGTH].value, &row->len) || !crc_of(v[CRC].value, &row->crc32c))
		return bad(err, "lacks a number");
	if (!rameti_sc_text(v[ID].value, row->id, sizeof(row->id)) ||
	    !rameti_sc_id_ok(ramet_bytes_of(row->id)))
		return bad(err, "has a bad id");
	if (!row->entry_seq || !row->segment_seq || !row->frame_seq || !row->len)
		return bad(err, "has a zero where numbers begin with one");
	return 0;
}

int rameti_sc_row_follows(const struct rameti_sc_row *prev, const struct rameti_sc_row *row,
			  struct ramet_error *err)
{
	uint64_t entry = prev ? prev->entry_seq + 1 : 1;
	int same = prev && row->segment_seq == prev->segment_seq;
	uint64_t segment = !prev ? 1 : same ? prev->segment_seq : prev->segment_seq + 1;

	if (row->entry_seq == entry && row->segment_seq == segment &&
	    row->frame_seq == (same ? prev->frame_seq + 1 : 1) &&
	    row->offset == (same ? prev->offset + prev->len : 0))
		return 0;
	return bad(err, "does not follow the one before it");
}

/* ---- from the end ---- */

int rameti_sc_back_open(struct rameti_sc_back *b, const struct rameti_env *env, const char *dir,
			struct ramet_error *err)
{
	struct stat st;
	int r;

	memset(b, 0, sizeof(*b));
	b->file.env = env;
	b->file.fd = -1;
	r = rameti_sc_join(b->path, dir, "index/offsets.jsonl", err);
	if (!r)
		r = rameti_sc_open(&b->file, b->path, err);
	if (!r)
		r = rameti_file_stat(&b->file, &st, err);
	b->block = r < 0 ? NULL : ramet_alloc(BLOCK);
	if (!r && !b->block)
		r = rameti_fail_nomem(err);
	if (!r)
		b->at = (uint64_t)st.st_size;
	if (r < 0)
		rameti_sc_back_close(b);
	return r;
}

void rameti_sc_back_close(struct rameti_sc_back *b)
{
	if (b->file.fd >= 0)
		(void)rameti_file_close(&b->file);           /* read only: nothing to lose */
	b->file.fd = -1;
	ramet_free(b->block);
	b->block = NULL;
	ramet_json_doc_release(&b->doc);
}

/* More bytes in front of those in the block. */
static int back_load(struct rameti_sc_back *b, struct ramet_error *err)
{
	size_t len = b->at < STEP ? (size_t)b->at : STEP;
	int64_t got;

	memmove(b->block + len, b->block, b->n);
	got = rameti_file_read_at(&b->file, b->block, len, b->at - len, err);
	if (got < 0)
		return (int)got;
	if ((size_t)got != len)
		return rameti_fail(err, RAMET_ECONFLICT, "index became shorter meanwhile");
	b->at -= len;
	b->n += len;
	return 0;
}

/* Where the last line of the block begins; n: not in the block. */
static size_t last_line(const struct rameti_sc_back *b)
{
	const char *end = b->n > 1 ? memrchr(b->block, '\n', b->n - 1) : NULL;

	if (end)
		return (size_t)(end - b->block) + 1;
	return b->at || !b->n ? b->n : 0;
}

static int back_line(struct rameti_sc_back *b, struct ramet_bytes *line, struct ramet_error *err)
{
	size_t from;
	int r = 0;

	while ((from = last_line(b)) == b->n && b->at) {
		if (b->n > SC_ROW_MAX)
			return bad(err, "is too long");
		r = back_load(b, err);
		if (r < 0)
			return r;
	}
	if (!b->n)
		return 0;
	if (b->block[b->n - 1] != '\n')
		return bad(err, "is torn");
	*line = (struct ramet_bytes){ b->block + from, b->n - 1 - from };
	if (line->len > SC_ROW_MAX)
		return bad(err, "is too long");
	b->n = from;
	return 1;
}

int rameti_sc_back_next(struct rameti_sc_back *b, struct rameti_sc_row *row,
			struct ramet_error *err)
{
	struct ramet_bytes line;
	int r = back_line(b, &line, err), e = 0;

	if (r > 0)
		e = rameti_sc_row_parse(&b->doc, line, row, err);
	r = e < 0 ? e : r;
	if (r < 0 && r != RAMET_ENOMEM)
		rameti_error_set_path(err, b->path);
	return r;
}

/* ---- from the front ---- */

int rameti_sc_index_open(struct rameti_sc_index *x, const struct rameti_env *env, const char *dir,
			 struct ramet_error *err)
{
	struct stat st;
	int r;

	memset(x, 0, sizeof(*x));
	x->file.env = env;
	x->file.fd = -1;
	r = rameti_sc_join(x->path, dir, "index/offsets.jsonl", err);
	if (!r)
		r = rameti_sc_open(&x->file, x->path, err);
	x->missing = r == RAMET_ENOTFOUND;
	if (x->missing)
		return 0;
	if (!r)
		r = rameti_file_stat(&x->file, &st, err);
	if (!r)
		r = rameti_lines_open(&x->lines, &x->file, 0, (uint64_t)st.st_size, SC_ROW_MAX,
				      err);
	if (r < 0)
		rameti_sc_index_close(x);
	return r;
}

void rameti_sc_index_close(struct rameti_sc_index *x)
{
	rameti_lines_close(&x->lines);
	if (x->file.fd >= 0)
		(void)rameti_file_close(&x->file);           /* read only: nothing to lose */
	x->file.fd = -1;
	ramet_json_doc_release(&x->doc);
}

int rameti_sc_index_next(struct rameti_sc_index *x, struct rameti_sc_row *row,
			 struct ramet_error *err)
{
	struct rameti_lines_item item;
	int r = x->missing ? 0 : rameti_lines_next(&x->lines, &item, err);

	if (r <= 0)
		return r;
	if (item.too_long || !item.terminated)
		r = bad(err, item.too_long ? "is too long" : "is torn");
	else
		r = rameti_sc_row_parse(&x->doc, item.text, row, err);
	if (!r)
		r = rameti_sc_row_follows(x->n ? &x->prev : NULL, row, err);
	if (r < 0 && r != RAMET_ENOMEM && err) {
		rameti_error_set_path(err, x->path);
		err->line = x->n + 1;
	}
	if (r < 0)
		return r;
	x->prev = *row;
	x->n++;
	return 1;
}
