/*
 * ops/seal_check.c - seals checked while somebody reads a session's lines in file order.
 *
 * Kept are the hashes of the lines since the seal before last, 48 bytes each, so memory grows
 * with what is not sealed. Lines are counted as the seals count them, from 1 behind the header.
 * Behind a seal that does not hold the count and the chain go on as that seal has them: damage
 * stays where it is, and later seals are judged by their own lines.
 */
#include "ops/seal_priv.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/tree.h"
#include "ops/seal_align_priv.h"
#include "ops/seal_data_priv.h"

#define LINES_FIRST 256

/* A place in the chain: so many lines, and the head there. */
struct place {
	uint64_t lines;
	uint8_t head[RAMETI_SEAL_HASH];
};

struct rameti_seal_check {
	int has_key, have_header, told_copied;
	uint8_t key[RAMETI_SIGN_KEY];
	uint8_t header[RAMETI_SEAL_HASH];
	struct ramet_buf session;                /* the id in the header, as JSON */
	struct rameti_seal_line *lines;          /* from base on */
	size_t first, n, cap;                    /* lines[first, n) count */
	struct place base, done;                 /* done: up to where the last seal goes */
	uint64_t n_lines;                        /* behind the header */
	uint64_t moved; /* so much further on than sealed stand the lines, modulo 2^64 */
	struct rameti_seal_sum sum;
	struct ramet_json_doc doc;
	struct ramet_buf text;
	struct rameti_signer *signer;
	/* the line just given */
	uint64_t number, offset;
	struct ramet_findings *findings;
};

int rameti_seal_check_new(struct rameti_seal_check **out, const uint8_t *key,
			  struct ramet_error *err)
{
	struct rameti_seal_check *c = ramet_calloc(1, sizeof(*c));

	if (!c)
		return rameti_fail_nomem(err);
	ramet_buf_init(&c->session, RAMET_JSON_LEN_MAX);
	ramet_buf_init(&c->text, RAMET_JSON_LEN_MAX);
	c->cap = LINES_FIRST;
	c->lines = ramet_alloc(c->cap * sizeof(*c->lines));
	if (!c->lines) {
		ramet_free(c);
		return rameti_fail_nomem(err);
	}
	c->has_key = key != NULL;
	if (key)
		memcpy(c->key, key, sizeof(c->key));
	*out = c;
	return 0;
}

void rameti_seal_check_free(struct rameti_seal_check *c)
{
	if (!c)
		return;
	ramet_free(c->lines);
	ramet_json_doc_release(&c->doc);
	ramet_buf_release(&c->session);
	ramet_buf_release(&c->text);
	rameti_signer_free(c->signer);
	ramet_free(c);
}

void rameti_seal_check_sum(const struct rameti_seal_check *c, struct rameti_seal_sum *sum)
{
	*sum = c->sum;
}

/* The raw id of a header; nothing when it does not parse. */
static int note_session(struct rameti_seal_check *c, struct ramet_bytes line,
			struct ramet_error *err)
{
	int r;

	r = ramet_json_parse(&c->doc, line, 0, err);
	if (r == RAMET_ENOMEM)
		return r;
	ramet_buf_reset(&c->session);
	if (!r)
		ramet_buf_add(&c->session,
			      ramet_json_raw(ramet_json_get(ramet_json_root(&c->doc), "id")));
	return ramet_buf_status(&c->session) < 0 ? rameti_fail_nomem(err) : 0;
}

int rameti_seal_check_header(struct rameti_seal_check *c, struct ramet_bytes line,
			     struct ramet_error *err)
{
	line = rameti_seal_header(line);
	if (rameti_seal_hash(line, c->header) < 0)
		return rameti_fail_nomem(err);
	c->have_header = 1;
	memcpy(c->base.head, c->header, sizeof(c->header));
	c->done = c->base;
	return note_session(c, line, err);
}

/* ---- lines kept ---- */

static struct rameti_seal_line *line_at(const struct rameti_seal_check *c, uint64_t lines)
{
	return c->lines + c->first + (lines - c->base.lines);
}

/* How many lines there are, as the seals count. */
static uint64_t here(const struct rameti_seal_check *c)
{
	return c->base.lines + (c->n - c->first);
}

static int keep_line(struct rameti_seal_check *c, const uint8_t hash[RAMETI_SEAL_HASH], int is_seal,
		     struct ramet_error *err)
{
	struct rameti_seal_line *grown;
	size_t cap;

	if (c->n == c->cap && c->first > c->cap / 2) {
		memmove(c->lines, c->lines + c->first, (c->n - c->first) * sizeof(*c->lines));
		c->n -= c->first;
		c->first = 0;
	} else if (c->n == c->cap) {
		cap = rameti_mul(c->cap, 2);
		grown = ramet_realloc(c->lines, rameti_mul(cap, sizeof(*grown)));
		if (!grown)
			return rameti_fail_nomem(err);
		c->lines = grown;
		c->cap = cap;
	}
	memcpy(c->lines[c->n].hash, hash, RAMETI_SEAL_HASH);
	c->lines[c->n].offset = c->offset;
	c->lines[c->n].number = (uint32_t)c->number;
	c->lines[c->n++].is_seal = is_seal;
	c->n_lines++;
	c->sum.n_unsealed += !is_seal;
	return 0;
}

static void drop_before(struct rameti_seal_check *c, const struct place *place)
{
	c->first += (size_t)(place->lines - c->base.lines);
	c->base = *place;
}

/* So many lines are under a seal. */
static void count_sealed(struct rameti_seal_check *c, uint64_t lines)
{
	uint64_t i;

	if (lines < c->base.lines || lines > here(c) ||
	    c->n_lines - (here(c) - lines) <= c->sum.n_sealed)
		return;
	c->sum.n_sealed = c->n_lines - (here(c) - lines);
	c->sum.n_unsealed = 0;
	for (i = lines; i < here(c); i++)
		c->sum.n_unsealed += !line_at(c, i)->is_seal;
}

/* The head at so many lines: at base or behind it, no further than here. */
static int head_at(const struct rameti_seal_check *c, uint64_t lines, struct place *place)
{
	int r = 0;

	*place = lines >= c->done.lines ? c->done : c->base;
	for (; !r && place->lines < lines; place->lines++)
		r = rameti_seal_link(place->head, line_at(c, place->lines)->hash);
	return r;
}

/* ---- what does not hold ---- */

static int tell(struct rameti_seal_check *c, int severity, const char *text)
{
	const struct ramet_bytes no_id = { NULL, 0 };

	return rameti_finding_add(c->findings, severity, "seal", c->number, c->offset, no_id, "%s",
				  text);
}

/* Do the short hashes say what the lines from `from` on have? */
static int same_hashes(const struct rameti_seal_check *c, const struct rameti_seal *seal,
		       uint64_t from)
{
	uint8_t hash[RAMETI_SEAL_SHORT];
	uint64_t i = from < c->base.lines ? c->base.lines - from : 0;

	for (; i < seal->count; i++) {
		(void)rameti_seal_unhex(seal->hashes.ptr + 8 * i, sizeof(hash), hash);
		if (memcmp(line_at(c, from + i)->hash, hash, sizeof(hash)))
			return 0;
	}
	return 1;
}

/* The seal does not fit: name the lines, and go on behind them as it says. */
static int tell_lines(struct rameti_seal_check *c, const struct rameti_seal *seal, uint64_t from)
{
	struct rameti_seal_alignment a = { .seal_line = c->number, .seal_offset = c->offset };
	uint64_t start = from < here(c) ? from : here(c);
	int r;

	a.lines = line_at(c, start);
	a.n_lines = (size_t)(here(c) - start);
	r = rameti_seal_align(&a, seal, c->findings);
	if (r < 0)
		return r;
	c->first = (size_t)(a.lines - c->lines) + a.end;
	c->moved = (c->first < c->n ? c->lines[c->first].offset : c->offset) - seal->offset;
	c->base.lines = seal->up_to;
	memcpy(c->base.head, seal->head, sizeof(seal->head));
	c->done = c->base;
	return 0;
}

/* The chain says no. Is it the seal that was changed, or what it covers? */
static int misfit(struct rameti_seal_check *c, const struct rameti_seal *seal)
{
	uint64_t from = seal->up_to - seal->count, moved = c->done.lines + seal->count;
	struct place at;
	int r;

	if (from != c->done.lines && moved <= here(c)) {
		r = head_at(c, moved, &at);
		if (r < 0)
			return r;
		if (!memcmp(at.head, seal->head, sizeof(at.head)))
			return tell(c, RAMET_DAMAGE,
				    "this seal was changed: its number of lines is wrong");
	}
	if (from < c->base.lines)
		return tell(c, RAMET_DAMAGE, "this seal does not fit the lines before it");
	if (seal->up_to <= here(c) && same_hashes(c, seal, from))
		return tell(c, RAMET_DAMAGE,
			    "this seal does not fit the lines before it, though none shows a "
			    "difference: it was changed, or they were with care");
	return tell_lines(c, seal, from);
}

/* ---- seals ---- */

/* 1 when the signature holds, by the key that is asked for; what else is found out is told. */
static int check_signature(struct rameti_seal_check *c, const struct rameti_seal *seal,
			   struct ramet_error *err)
{
	int r;

	if (!seal->is_signed)
		return 0;
	if (c->has_key && memcmp(c->key, seal->key, sizeof(c->key)))
		return tell(c, RAMET_DAMAGE, "this seal is signed with another key");
	r = c->signer ? 0 : rameti_signer_new(&c->signer, err);
	ramet_buf_reset(&c->text);
	rameti_seal_text(seal, &c->text);
	if (!r && ramet_buf_status(&c->text) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		r = rameti_sign_check(c->signer, seal->key, ramet_buf_bytes(&c->text),
				      seal->signature, err);
	if (r)
		return r;
	return tell(c, RAMET_DAMAGE, "the signature of this seal does not hold");
}

/* The chain fits, up to a place that is not before the last seal's. */
static void advance(struct rameti_seal_check *c, const struct place *at)
{
	struct place done = c->done;

	drop_before(c, &done);
	c->done = *at;
}

static int check_lines(struct rameti_seal_check *c, const struct rameti_seal *seal)
{
	uint64_t from = seal->up_to - seal->count;
	struct place at;
	int r, same;

	if (seal->up_to < c->base.lines)
		return tell(c, RAMET_WARNING,
			    "this seal stands behind two that cover more: it was not checked");
	if (seal->up_to > here(c))
		return misfit(c, seal);
	r = head_at(c, seal->up_to, &at);
	if (r < 0)
		return r;
	if (memcmp(at.head, seal->head, sizeof(at.head)))
		return misfit(c, seal);
	same = same_hashes(c, seal, from);
	if (same && seal->up_to == here(c) && seal->offset + c->moved != c->offset) {
		c->moved = c->offset - seal->offset;
		r = tell(c, RAMET_WARNING,
			 "the lines are as they were sealed, but do not stand where they stood");
	}
	if (!same)
		r = tell(c, RAMET_DAMAGE, "this seal was changed: its hashes of lines are wrong");
	if (!r && seal->up_to > c->done.lines)
		advance(c, &at);
	return r;
}

static int copied(struct rameti_seal_check *c, const struct rameti_seal *seal)
{
	c->sum.n_copied++;
	if (seal->session.len && ramet_bytes_eq(seal->session, ramet_buf_bytes(&c->session)))
		return tell(c, RAMET_WARNING,
			    "the header is not the one that was sealed: it was changed, or the "
			    "session migrated or exported since; this seal says nothing here");
	if (c->told_copied++)
		return 0;
	return tell(c, RAMET_INFO, "a seal of another session, copied: it says nothing here");
}

/* 1 it is a seal of this session, 0 not. */
static int check_seal(struct rameti_seal_check *c, struct ramet_bytes line, struct ramet_error *err)
{
	struct rameti_seal seal;
	const char *why;
	int r = ramet_json_parse(&c->doc, line, 0, err), good;

	if (r == RAMET_ENOMEM)
		return r;
	if (!r)
		r = rameti_seal_parse(&seal, ramet_json_get(ramet_json_root(&c->doc), "data"),
				      &why);
	if (r == RAMET_EVERSION)
		return tell(c, RAMET_WARNING, "this seal has a form that is not known here");
	if (r < 0)
		return tell(c, RAMET_DAMAGE, "this seal cannot be read: it was changed");
	if (memcmp(seal.header, c->header, sizeof(c->header)))
		return copied(c, &seal);
	c->sum.n_seals++;
	good = check_signature(c, &seal, err);
	if (good < 0)
		return good;
	c->sum.n_signed += (uint64_t)good;
	r = check_lines(c, &seal);
	if (r < 0)
		return r;
	if (good || !c->has_key)
		count_sealed(c, seal.up_to);
	return 1;
}

int rameti_seal_check_hash(struct rameti_seal_check *c, const uint8_t *hash,
			   struct ramet_bytes seal, uint64_t number, uint64_t offset,
			   struct ramet_findings *f, struct ramet_error *err)
{
	int r = 0;

	c->number = number;
	c->offset = offset;
	c->findings = f;
	if (seal.ptr && c->have_header)
		r = check_seal(c, seal, err);
	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	return r < 0 ? r : keep_line(c, hash, r, err);
}

int rameti_seal_check_line(struct rameti_seal_check *c, struct ramet_bytes line, uint64_t number,
			   uint64_t offset, int is_seal, struct ramet_findings *f,
			   struct ramet_error *err)
{
	struct ramet_bytes none = { NULL, 0 };
	uint8_t hash[RAMETI_SEAL_HASH];

	if (rameti_seal_hash(line, hash) < 0)
		return rameti_fail_nomem(err);
	return rameti_seal_check_hash(c, hash, is_seal ? line : none, number, offset, f, err);
}
