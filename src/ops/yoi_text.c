/*
 * ops/yoi_text.c - a log of yoi's in memory, and its records one by one.
 *
 * Tolerant walking parts values that stand glued in one line and goes on behind what is no record;
 * strict walking takes lines as they are. Reads regular files up to 512 MiB; writes nothing.
 */
#include "ops/yoi_priv.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"

#define TRIES_MAX 64 /* how often the next record is looked for in one damaged line */

int rameti_yoi_load(struct rameti_yoi_text *t, const char *path, int gen, struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_bytes all;
	int r;

	ramet_buf_init(&t->text, RAMET_JSON_LEN_MAX);
	t->gen = 0;
	t->counted = 0;
	r = rameti_file_open(&f, path, RAMETI_FILE_READ, err);
	if (r < 0)
		return r;
	r = rameti_file_read_all(&f, &t->text, err);
	(void)rameti_file_close(&f); /* read only: nothing to lose */
	if (r < 0) {
		rameti_error_set_path(err, path);
		ramet_buf_release(&t->text);
		return r;
	}
	all = ramet_buf_bytes(&t->text);
	t->gen = gen ? gen : rameti_yoi_sniff_gen(all);
	if (t->gen < 0) {
		ramet_buf_release(&t->text);
		return rameti_fail_nomem(err);
	}
	while (t->gen >= RAMETI_YOI_BRIDGE && all.len && all.ptr[all.len - 1] != '\n')
		all.len--;
	t->counted = all.len;
	return 0;
}

void rameti_yoi_unload(struct rameti_yoi_text *t)
{
	ramet_buf_release(&t->text);
}

/* ---- walking ---- */

void rameti_yoi_walk_init(struct rameti_yoi_walk *w, struct ramet_bytes text, int strict)
{
	memset(w, 0, sizeof(*w));
	w->text = text.ptr;
	w->strict = strict;
	if (!strict && text.len >= 3 && !memcmp(text.ptr, "\xef\xbb\xbf", 3)) {
		text.ptr += 3;
		text.len -= 3;
	}
	w->left = text;
}

void rameti_yoi_walk_release(struct rameti_yoi_walk *w)
{
	ramet_json_doc_release(&w->doc);
}

static void take(struct rameti_yoi_walk *w, size_t len)
{
	w->raw.ptr = w->line.ptr;
	w->raw.len = len;
	w->line.ptr += len;
	w->line.len -= len;
}

/* The value in text: an object; 0: it is none, and w->why says why. */
static int parse(struct rameti_yoi_walk *w, struct ramet_bytes text)
{
	int r = ramet_json_parse(&w->doc, text, w->strict ? RAMET_JSON_STRICT : 0, &w->why);

	w->object = r < 0 ? NULL : ramet_json_root(&w->doc);
	if (w->object && ramet_json_kind(w->object) != RAMET_JSON_OBJECT) {
		w->object = NULL;
		(void)rameti_fail(&w->why, RAMET_EFORMAT, "not an object");
	}
	return r == RAMET_ENOMEM ? r : w->object != NULL;
}

/* Where the next record may begin, behind the first byte; text.len: nowhere. */
static size_t next_start(struct ramet_bytes text)
{
	static const char *const starts[] = { "{\"hash\":\"", "{\"kind\":\"" };
	size_t best = text.len, i;

	for (i = 0; text.len > 1 && i < 2; i++) {
		const char *p = memmem(text.ptr + 1, text.len - 1, starts[i], strlen(starts[i]));

		if (p && (size_t)(p - text.ptr) < best)
			best = (size_t)(p - text.ptr);
	}
	return best;
}

/* What is left of a line that is not one value: its first value, or what is none. */
static int next_part(struct rameti_yoi_walk *w, struct ramet_error *err)
{
	struct ramet_bytes line = w->line, first = w->line;
	size_t behind = w->why.offset == RAMET_NO_OFFSET ? 0 : (size_t)w->why.offset;
	int r = 0, tries;

	if (behind > 0 && behind < line.len) {
		first.len = behind;
		r = parse(w, first);
	}
	if (r < 0)
		return rameti_fail_nomem(err);
	if (r > 0) {
		take(w, behind);
		return 1;
	}
	for (tries = 0; tries < TRIES_MAX; tries++) {
		size_t at = next_start(line);

		line.ptr += at;
		line.len -= at;
		if (!line.len)
			break;
		r = parse(w, line);
		if (!r && w->why.offset != RAMET_NO_OFFSET && w->why.offset < line.len) {
			first.ptr = line.ptr;
			first.len = (size_t)w->why.offset;
			r = parse(w, first);
		}
		if (r < 0)
			return rameti_fail_nomem(err);
		if (r > 0)
			break;
	}
	take(w, tries < TRIES_MAX ? (size_t)(line.ptr - w->line.ptr) : w->line.len);
	w->object = NULL;
	return 1;
}

int rameti_yoi_walk_next(struct rameti_yoi_walk *w, struct ramet_error *err)
{
	int r;

	w->part++;
	while (!rameti_utf8_trim(w->line).len) {
		if (!w->left.len)
			return 0;
		w->line.ptr = w->left.ptr;
		w->line.len = rameti_scan_newline(w->left);
		w->left.ptr += w->line.len;
		w->left.len -= w->line.len;
		if (w->left.len) {
			w->left.ptr++;
			w->left.len--;
		}
		w->number++;
		w->part = 0;
	}
	r = parse(w, w->line);
	if (r < 0)
		return rameti_fail_nomem(err);
	if (!r && !w->strict)
		return next_part(w, err);
	take(w, w->line.len);
	return 1;
}

/* ---- small things ---- */

const char *ramet_yoi_generation_name(int generation)
{
	static const char *const names[] = { "",    "G0",     "G1", "G1b", "G1c",
					     "G1d", "bridge", "G2", "G3" };

	return generation < 0 || generation > RAMET_YOI_G3 ? "" : names[generation];
}

#define HEAD_LEN (1u << 20)

int ramet_yoi_generation(const char *path, int *generation, struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf head = RAMET_BUF_INIT(HEAD_LEN + 1);
	int64_t n = 0;
	int r = rameti_file_open(&f, path, RAMETI_FILE_READ, err);

	if (r < 0)
		return r;
	if (ramet_buf_reserve(&head, HEAD_LEN) < 0)
		r = rameti_fail_nomem(err);
	if (!r) {
		n = rameti_file_read_at(&f, head.ptr, HEAD_LEN, 0, err);
		r = n < 0 ? (int)n : 0;
	}
	if (!r) {
		int gen = rameti_yoi_sniff_gen((struct ramet_bytes){ head.ptr, (size_t)n });

		if (gen < 0)
			r = rameti_fail_nomem(err);
		else
			*generation = gen;
	}
	ramet_buf_release(&head);
	(void)rameti_file_close(&f);
	rameti_error_set_path(r < 0 ? err : NULL, path);
	return r;
}

int ramet_yoi_new_id(char out[RAMET_YOI_ID_SIZE], struct ramet_error *err)
{
	static _Thread_local struct rameti_uuid7 generator;

	return rameti_uuid7(&generator, NULL, out, err);
}

uint64_t rameti_yoi_now(void)
{
	int64_t ms = rameti_now_ms(NULL);

	return ms > 0 ? (uint64_t)ms : 0;
}
