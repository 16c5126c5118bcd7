/*
 * ops/yoi_verify.c - is a hashed log of yoi's what was written? Over its stored bytes.
 *
 * Every line is read as JSON, and the hash of each record compared with SHA-256 over the hash it
 * names and the text that stands behind it: nothing is printed anew. A link that does not lead to
 * the record before is a branch when it leads to one further up (two writers), else a break.
 * Nothing is written; one record says nothing about the next.
 */
#include "ramet/yoi.h"

#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/lines.h"
#include "base/map.h"
#include "base/mem.h"
#include "codec/yoi.h"
#include "model/tree.h"

#define RECORDS_MAX 0x7fffffffu
#define HEAD_LEN (1u << 20)

enum { HASH, PREV, KIND, N_WANTS };
#define KEY(text)                                                                                  \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
static const struct rameti_want wants[N_WANTS] = {
	[HASH] = { -1, KEY("hash") },
	[PREV] = { -1, KEY("prev_hash") },
	[KIND] = { -1, KEY("kind") },
};

/* A record that was seen. */
struct seen {
	uint8_t hash[32];
	uint8_t has_child;
};

struct check {
	struct ramet_yoi_verdict v;
	struct rameti_scanner *scanner;
	struct ramet_findings *findings;
	struct seen *seen;
	uint32_t n, cap;
	char last_hex[65]; /* of the record before */
	struct rameti_map places; /* hash -> place in seen, once it is needed */
	int mapped;
	uint64_t n_after_bad; /* faults behind the first bad record */
	uint64_t bad_record;
	uint64_t line;
};

/* ---- findings ---- */

/* Something is wrong with the present record, or line. */
static int note_bad(struct check *c, uint64_t offset)
{
	uint64_t record = c->v.n_records;

	if (!c->v.bad_line) {
		c->v.bad_line = c->line;
		c->v.bad_offset = offset;
		c->bad_record = record;
	} else if (record != c->bad_record) {
		c->n_after_bad++;
	}
	return 0;
}

static int tell(struct check *c, int severity, const char *code, uint64_t offset, const char *text)
{
	const struct ramet_bytes none = { NULL, 0 };

	(void)note_bad(c, offset);
	if (!c->findings)
		return 0;
	return rameti_finding_add(c->findings, severity, code, c->line, offset, none, "%s", text);
}

/* ---- links ---- */

static struct ramet_bytes key_of(const uint8_t hash[32])
{
	struct ramet_bytes key = { (const char *)hash, 32 };

	return key;
}

/* From the first broken link on all hashes have to be found. */
static int map_seen(struct check *c)
{
	uint32_t i;
	int r = 0;

	for (i = 0; !r && !c->mapped && i < c->n; i++)
		r = rameti_map_set(&c->places, key_of(c->seen[i].hash), i);
	c->mapped = !r;
	return r;
}

static int check_link(struct check *c, const struct rameti_yoi_link *link, uint64_t offset)
{
	uint32_t at;
	int follows = c->n ? link->has_prev && !memcmp(link->prev, c->seen[c->n - 1].hash, 32)
			   : !link->has_prev;

	if (follows) {
		if (c->n)
			c->seen[c->n - 1].has_child = 1;
		return 0;
	}
	if (map_seen(c) < 0)
		return RAMET_ENOMEM;
	c->v.n_broken++;
	if (!link->has_prev || !rameti_map_get(&c->places, key_of(link->prev), &at))
		return tell(c, RAMET_DAMAGE, "chain", offset,
			    link->has_prev ? "follows a record that is not there"
					   : "begins a chain of its own");
	c->seen[at].has_child = 1;
	c->v.n_branches++;
	return tell(c, RAMET_WARNING, "chain", offset,
		    "follows an earlier record: several programs wrote");
}

static int keep(struct check *c, const uint8_t hash[32])
{
	if (rameti_grow((void **)&c->seen, &c->cap, c->n, sizeof(*c->seen), RECORDS_MAX) < 0)
		return RAMET_ENOMEM;
	memcpy(c->seen[c->n].hash, hash, 32);
	c->seen[c->n].has_child = 0;
	if (c->mapped && rameti_map_set(&c->places, key_of(hash), c->n) < 0)
		return RAMET_ENOMEM;
	c->n++;
	return 0;
}

/* SHA-256 of what was before, a brace, and the rest of the line. */
static int hash_is_right(const struct rameti_yoi_link *link)
{
	struct ramet_bytes pieces[3] = { { (const char *)link->prev, 32 }, { "{", 1 }, link->rest };
	uint8_t hash[32];

	if (rameti_sha256(pieces, 3, hash) < 0)
		return RAMET_ENOMEM;
	return !memcmp(hash, link->hash, 32);
}

static int hash_found(struct ramet_bytes text, const struct rameti_found *f, uint8_t out[32])
{
	struct ramet_bytes hex = { text.ptr + f->at + 1, f->len - 2 };

	return f->kind == RAMET_JSON_STRING && rameti_yoi_unhex(hex, out);
}

/* A record in another shape than the original's: its links count, its hash cannot be right. */
static int loose_link(struct ramet_bytes text, const struct rameti_found *found,
		      struct rameti_yoi_link *link)
{
	memset(link, 0, sizeof(*link));
	link->has_prev = hash_found(text, &found[PREV], link->prev);
	return hash_found(text, &found[HASH], link->hash);
}

static int keep_good(struct check *c, const uint8_t hash[32], const char *hex)
{
	if (c->n)
		c->seen[c->n - 1].has_child = 1;
	memcpy(c->last_hex, hex, 64);
	return keep(c, hash);
}

/* Nearly all records: in the original's own shape, behind the record before, with the right hash.
 * 1: it is; 0: it has to be looked at closely. */
static int is_usual(struct check *c, struct ramet_bytes text)
{
	static const char first[] = "{\"hash\":\"", second[] = "\",\"prev_hash\":\"";
	const size_t at = sizeof(first) - 1, prev = at + 64 + sizeof(second) - 1;
	struct ramet_bytes rest = { text.ptr + prev + 66, text.len - prev - 66 };
	struct ramet_bytes pieces[2];
	char before[33], hex[65];
	uint8_t hash[32];

	if (!c->n || text.len < prev + 67 || memcmp(text.ptr, first, at) != 0 ||
	    memcmp(text.ptr + at + 64, second, sizeof(second) - 1) != 0 ||
	    memcmp(text.ptr + prev, c->last_hex, 64) != 0 ||
	    memcmp(text.ptr + prev + 64, "\",", 2) != 0 || text.ptr[text.len - 1] == '\r')
		return 0;
	memcpy(before, c->seen[c->n - 1].hash, 32);
	before[32] = '{';
	pieces[0] = (struct ramet_bytes){ before, sizeof(before) };
	pieces[1] = rest;
	if (rameti_sha256(pieces, 2, hash) < 0)
		return RAMET_ENOMEM;
	rameti_hex(hash, 32, hex);
	if (memcmp(hex, text.ptr + at, 64) != 0)
		return 0;
	return keep_good(c, hash, hex) < 0 ? RAMET_ENOMEM : 1;
}

static int check_record(struct check *c, struct ramet_bytes text, const struct rameti_found *found,
			uint64_t offset)
{
	struct rameti_yoi_link link;
	int r;

	c->v.n_records++;
	if (!c->v.hashed)
		return 0;
	r = is_usual(c, text);
	if (r)
		return r < 0 ? r : 0;
	if (rameti_yoi_link_of(text, &link)) {
		r = hash_is_right(&link);
	} else if (loose_link(text, found, &link)) {
		r = 0;
	} else {
		c->v.n_unhashed++;
		return tell(c, RAMET_DAMAGE, "hash", offset, "the record has no hash");
	}
	if (r < 0)
		return r;
	if (!r) {
		c->v.n_wrong++;
		r = tell(c, RAMET_DAMAGE, "hash", offset,
			 "the record is not what its hash was made of");
	} else {
		r = 0;
	}
	if (!r)
		r = check_link(c, &link, offset);
	rameti_hex(link.hash, 32, c->last_hex);
	return r < 0 ? r : keep(c, link.hash);
}

/* ---- lines ---- */

static int bad_line(struct check *c, uint64_t offset)
{
	c->v.n_bad_json++;
	return tell(c, RAMET_DAMAGE, "malformed", offset, "not valid JSON");
}

/* A line that may hold several values. */
static int check_line(struct check *c, const struct rameti_lines_item *item)
{
	struct ramet_bytes text = item->text, one;
	struct rameti_found found[N_WANTS];
	struct rameti_line l;
	uint64_t at = item->offset;
	int part = 0, r = 0;

	if (item->too_long)
		return bad_line(c, at);
	for (; !r && text.len; part++) {
		r = rameti_scan_line(c->scanner, text, &l, found);
		if (r < 0 || l.kind == RAMETI_LINE_BLANK)
			return r;
		one = text;
		if (l.kind == RAMETI_LINE_BAD && l.trouble == RAMETI_TROUBLE_MORE && l.error_at &&
		    l.error_at < text.len) {
			one.len = l.error_at;
			r = rameti_scan_line(c->scanner, one, &l, found);
			if (r < 0)
				return r;
		}
		if (part)
			c->v.n_glued++;
		if (part == 1)
			r = tell(c, RAMET_DAMAGE, "glued", at, "another record begins here");
		if (r < 0)
			return r;
		if (l.kind != RAMETI_LINE_OBJECT || l.bad_utf8 || !found[KIND].kind)
			return bad_line(c, at);
		r = check_record(c, one, found, at);
		text.ptr += one.len;
		text.len -= one.len;
		at += one.len;
	}
	return r;
}

/* A last line without its end counts where the newline does not commit, if it is one. */
static int check_tail(struct check *c, const struct rameti_lines_item *item)
{
	struct rameti_found found[N_WANTS];
	struct rameti_line l;
	int r = rameti_scan_line(c->scanner, item->text, &l, found);

	if (r < 0 || l.kind == RAMETI_LINE_BLANK)
		return r;
	if (c->v.hashed && l.kind == RAMETI_LINE_OBJECT && !item->too_long)
		return check_line(c, item);
	c->v.torn = item->len;
	return tell(c, c->v.hashed ? RAMET_DAMAGE : RAMET_WARNING, "torn-tail", item->offset,
		    "the last line is unfinished");
}

static int check_lines(struct check *c, struct rameti_lines *lines, struct ramet_error *err)
{
	struct rameti_lines_item item;
	int r, more;

	while ((more = rameti_lines_next(lines, &item, err)) > 0) {
		c->line++;
		if (c->line == 1 && item.text.len >= 3 &&
		    !memcmp(item.text.ptr, "\xef\xbb\xbf", 3)) {
			item.text.ptr += 3;
			item.text.len -= 3;
			item.offset += 3;
			if (tell(c, RAMET_WARNING, "bom", 0, "a byte order mark") < 0)
				return rameti_fail_nomem(err);
		}
		r = item.terminated ? check_line(c, &item) : check_tail(c, &item);
		if (r < 0)
			return rameti_fail_nomem(err);
	}
	return more;
}

static int sniff(const struct rameti_file *file, uint64_t size, int *gen, struct ramet_error *err)
{
	struct ramet_buf head = RAMET_BUF_INIT(HEAD_LEN + 1);
	size_t len = size < HEAD_LEN ? (size_t)size : HEAD_LEN;
	int64_t n;

	if (ramet_buf_reserve(&head, len + 1) < 0)
		return rameti_fail_nomem(err);
	n = rameti_file_read_at(file, head.ptr, len, 0, err);
	if (n >= 0)
		*gen = rameti_yoi_sniff_gen((struct ramet_bytes){ head.ptr, (size_t)n });
	ramet_buf_release(&head);
	if (n >= 0 && *gen < 0)
		return rameti_fail_nomem(err);
	return n < 0 ? (int)n : 0;
}

static void conclude(struct check *c)
{
	struct ramet_yoi_verdict *v = &c->v;
	uint32_t i;

	for (i = 0; i < c->n; i++)
		v->n_chains += !c->seen[i].has_child;
	v->intact = !v->bad_line;
	v->relinks = v->bad_line && !c->n_after_bad;
	if (c->n)
		rameti_hex(c->seen[c->n - 1].hash, 32, v->head);
}

static int check_file(const struct rameti_file *file, uint64_t size, struct ramet_yoi_verdict *v,
		      struct ramet_findings *f, struct ramet_error *err)
{
	struct check c = { .findings = f };
	struct rameti_lines lines;
	int r = sniff(file, size, &c.v.generation, err);

	if (r < 0)
		return r;
	c.v.bad_offset = RAMET_NO_OFFSET;
	c.v.hashed = c.v.generation && c.v.generation < RAMETI_YOI_BRIDGE;
	rameti_map_init(&c.places, 1);
	r = rameti_scanner_new(&c.scanner, wants, N_WANTS, 0, err);
	if (!r)
		r = rameti_lines_open(&lines, file, 0, size, RAMET_JSON_LEN_MAX, err);
	if (!r) {
		r = check_lines(&c, &lines, err);
		rameti_lines_close(&lines);
	}
	if (!r) {
		conclude(&c);
		*v = c.v;
	}
	rameti_scanner_free(c.scanner);
	rameti_map_release(&c.places);
	ramet_free(c.seen);
	return r;
}

int ramet_yoi_verify(const char *path, struct ramet_yoi_verdict *v, struct ramet_findings *findings,
		     struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct stat st;
	int r = rameti_file_open(&f, path, RAMETI_FILE_READ, err);

	if (r < 0)
		return r;
	r = rameti_file_stat(&f, &st, err);
	if (!r)
		r = check_file(&f, (uint64_t)st.st_size, v, findings, err);
	if (r < 0)
		rameti_error_set_path(err, path);
	(void)rameti_file_close(&f); /* read only */
	return r;
}
