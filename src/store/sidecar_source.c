/*
 * store/sidecar_source.c - the JSONL as the original's migration reads it: strictly.
 *
 * Every line that is not blank must be an entry of the eight types, with a proper id that nobody
 * else has and a parent that is there. Entries without an id get the one that the original would
 * give them. A payload is the entry's own bytes without the white space between its tokens: nothing
 * that stands in the JSONL is lost in the sidecar.
 */
#include "store/sidecar_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "json/scan.h"

#define HEADER_MAX ((size_t)1 << 20)
#define ATTEMPTS 100u
#define SALT "pi.session.legacy-entry-id.v1"

void rameti_sc_source_init(struct rameti_sc_source *s)
{
	memset(s, 0, sizeof(*s));
	rameti_sc_graph_init(&s->graph);
	ramet_buf_init(&s->header.leaf, HEADER_MAX);
}

void rameti_sc_source_release(struct rameti_sc_source *s)
{
	rameti_sc_graph_release(&s->graph);
	ramet_buf_release(&s->header.leaf);
	ramet_free(s->shas);
	rameti_sc_source_init(s);
}

static int get_text(const struct ramet_json *v, struct ramet_buf *text)
{
	ramet_buf_reset(text);
	ramet_json_text(v, text);
	return ramet_buf_status(text) == RAMET_ENOMEM ? RAMET_ENOMEM : 0;
}

/* 1, 0, ENOMEM. */
static int not_blank(const struct ramet_json *v)
{
	struct ramet_buf text = RAMET_BUF_INIT(HEADER_MAX);
	int r = get_text(v, &text);

	if (!r)
		r = rameti_utf8_trim(ramet_buf_bytes(&text)).len > 0;
	ramet_buf_release(&text);
	return r;
}

/* "" for one that no sidecar can have. */
static void copy_id(const struct ramet_buf *text, char id[SC_ID])
{
	size_t len = text->len < SC_ID && !memchr(text->ptr, 0, text->len) ? text->len : 0;

	memcpy(id, text->ptr, len);
	id[len] = '\0';
}

int rameti_sc_header_parse(struct ramet_json_doc *doc, struct ramet_bytes line,
			   struct rameti_sc_header *h, struct ramet_error *err)
{
	static const char *const needed[] = { "id", "cwd", "timestamp" };
	const struct ramet_json *root, *leaf;
	struct ramet_error why;
	uint64_t version;
	int i, r;

	if (!rameti_utf8_trim(line).len)
		return rameti_fail(err, RAMET_EFORMAT, "empty session file");
	r = ramet_json_parse(doc, line, RAMET_JSON_STRICT, &why);
	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	root = r < 0 ? NULL : ramet_json_root(doc);
	if (!ramet_json_text_is(ramet_json_get(root, "type"), "session"))
		return rameti_fail(err, RAMET_EFORMAT, "no session header");
	if (!rameti_sc_u64(ramet_json_get(root, "version"), &version) || version != 3)
		return rameti_fail(err, RAMET_EVERSION,
				   "header without version 3, which the original refuses");
	for (i = 0; i < 3; i++) {
		r = not_blank(ramet_json_get(root, needed[i]));
		if (r <= 0)
			return r < 0 ? rameti_fail_nomem(err) :
				       rameti_fail(err, RAMET_EFORMAT,
						   "header lacks its id, time or directory");
	}
	leaf = ramet_json_get(root, "leafId");
	h->has_leaf = ramet_json_kind(leaf) == RAMET_JSON_STRING;
	r = get_text(ramet_json_get(root, "id"), &h->leaf);
	if (!r) {
		copy_id(&h->leaf, h->id);
		r = get_text(leaf, &h->leaf);
	}
	return r < 0 ? rameti_fail_nomem(err) : 0;
}

/* ---- ids ---- */

static void legacy_hash(struct ramet_bytes entry, uint32_t attempt, char out[SC_HEX])
{
	char number[4] = { (char)(attempt >> 24), (char)(attempt >> 16), (char)(attempt >> 8),
			   (char)attempt };
	struct ramet_bytes pieces[3] = { { SALT, sizeof(SALT) }, entry, { number, 4 } };
	uint8_t hash[32] = { 0 };

	(void)rameti_sha256(pieces, 3, hash);
	rameti_hex(hash, sizeof(hash), out);
	out[8] = '\0';
}

static void legacy_id(const struct rameti_sc_graph *g, struct ramet_bytes entry, char id[SC_ID])
{
	char hex[SC_HEX];
	uint32_t i;

	for (i = 0; i < ATTEMPTS; i++) {
		legacy_hash(entry, i, hex);
		(void)snprintf(id, SC_ID, "%s", hex);
		if (!rameti_map_get(&g->ids, ramet_bytes_of(id), NULL))
			return;
	}
	legacy_hash(entry, ATTEMPTS, hex);
	for (i = 0; i < UINT32_MAX; i++) {
		(void)snprintf(id, SC_ID, "%s-%x", hex, (unsigned)i);
		if (!rameti_map_get(&g->ids, ramet_bytes_of(id), NULL))
			return;
	}
}

/* ---- entries ---- */

struct reading {
	struct rameti_sc_source *s;
	int (*fn)(void *user, const struct rameti_sc_frame *entry, struct ramet_error *err);
	void *user;
	struct ramet_json_doc doc;
	struct ramet_buf text, with_id;
};

/* The entry without an id gets one: behind its type when that comes first, else in front. */
static struct ramet_bytes put_id(struct reading *d, const struct ramet_json *root, const char *id)
{
	const struct ramet_json *key = ramet_json_next(root, NULL);
	struct ramet_bytes text = ramet_buf_bytes(&d->text);
	size_t at = 1;

	if (ramet_json_text_is(key, "type") && ramet_json_raw(key).len == 6)
		at = 1 + 6 + 1 + ramet_json_raw(ramet_json_next(root, key)).len;
	ramet_buf_reset(&d->with_id);
	ramet_buf_add(&d->with_id, (struct ramet_bytes){ text.ptr, at });
	ramet_buf_addf(&d->with_id, at > 1 ? ",\"id\":\"%s\"" : "\"id\":\"%s\",", id);
	ramet_buf_add(&d->with_id, (struct ramet_bytes){ text.ptr + at, text.len - at });
	return ramet_buf_bytes(&d->with_id);
}

static int get_parent(const struct ramet_json *v, struct ramet_bytes *parent,
		      struct ramet_error *err)
{
	*parent = (struct ramet_bytes){ NULL, 0 };
	if (!v || ramet_json_kind(v) == RAMET_JSON_NULL)
		return 0;
	*parent = ramet_json_plain(v);
	return rameti_sc_id_ok(*parent) ? 0 : rameti_fail(err, RAMET_EFORMAT, "bad parent id");
}

static int keep_sha(struct rameti_sc_source *s, struct ramet_bytes payload, char hex[SC_HEX],
		    struct ramet_error *err)
{
	int r = rameti_grow((void **)&s->shas, &s->cap, s->n, sizeof(*s->shas), RAMET_NONE - 1);

	if (r < 0)
		return rameti_fail(err, r, "too many entries");
	r = rameti_sha256(&payload, 1, s->shas[s->n]);
	if (r < 0)
		return rameti_fail_nomem(err);
	rameti_hex(s->shas[s->n++], 32, hex);
	return 0;
}

static int add_entry(struct reading *d, const struct ramet_json *root, struct ramet_bytes line,
		     struct ramet_error *err)
{
	struct rameti_sc_field v[] = { { "type", NULL }, { "id", NULL }, { "parentId", NULL },
				       { "timestamp", NULL } };
	struct rameti_sc_frame e = { 0 };
	struct rameti_sc_source *s = d->s;
	char id[SC_ID];
	int r = rameti_sc_fields(root, v, 4, err);

	if (!r)
		r = rameti_sc_shape(root, err);
	if (!r && ramet_json_kind(v[3].value) != RAMET_JSON_STRING)
		r = rameti_fail(err, RAMET_EFORMAT, "entry without a time");
	if (r < 0)
		return r;
	ramet_buf_reset(&d->text);
	rameti_json_add_compact(&d->text, root);
	r = rameti_sc_status(&d->text, err);
	if (r < 0)
		return r;
	e.payload = ramet_buf_bytes(&d->text);
	s->n_compacted += e.payload.len != ramet_json_raw(root).len;
	e.type = ramet_json_plain(v[0].value);
	e.id = ramet_json_plain(v[1].value);
	if (!v[1].value) {
		legacy_id(&s->graph, e.payload, id);
		e.payload = put_id(d, root, id);
		e.id = ramet_bytes_of(id);
		s->n_ids_made++;
		r = rameti_sc_status(&d->with_id, err);
	}
	(void)line;
	if (!r && !rameti_sc_id_ok(e.id))
		r = rameti_fail(err, RAMET_EFORMAT, "bad entry id");
	if (!r)
		r = get_parent(v[2].value, &e.parent, err);
	if (!r)
		r = rameti_sc_graph_add(&s->graph, e.id, e.parent, err);
	if (!r)
		r = keep_sha(s, e.payload, e.sha, err);
	return !r && d->fn ? d->fn(d->user, &e, err) : r;
}

static int add_line(struct reading *d, const struct rameti_lines_item *item,
		    struct ramet_error *err)
{
	struct ramet_error why;
	int r;

	if (item->too_long)
		return rameti_fail(err, RAMET_EFORMAT, "line longer than 100 MiB");
	if (!rameti_utf8_trim(item->text).len)
		return 0;
	r = ramet_json_parse(&d->doc, item->text, RAMET_JSON_STRICT, &why);
	if (r < 0)
		return r == RAMET_ENOMEM ? rameti_fail_nomem(err) :
					   rameti_fail(err, RAMET_EFORMAT, "line is not JSON");
	return add_entry(d, ramet_json_root(&d->doc), item->text, err);
}

static void set_line(struct ramet_error *err, uint64_t line)
{
	if (err && !err->path[0] && err->code != RAMET_ENOMEM)
		err->line = line;
}

static int read_lines(struct reading *d, struct rameti_lines *lines, struct rameti_sha256_run *run,
		      struct ramet_error *err)
{
	struct rameti_lines_item item;
	uint64_t line = 0;
	int r;

	while ((r = rameti_lines_next(lines, &item, err)) > 0) {
		rameti_sha256_add(run, item.text);
		if (item.terminated)
			rameti_sha256_add(run, (struct ramet_bytes){ "\n", 1 });
		if (++line > 1)
			r = add_line(d, &item, err);
		else
			r = rameti_sc_header_parse(&d->doc, item.text, &d->s->header, err);
		if (r < 0) {
			set_line(err, line);
			return r;
		}
	}
	if (!r && !line)
		r = rameti_fail(err, RAMET_EFORMAT, "empty session file");
	return r;
}

static int finish(struct rameti_sc_source *s, struct rameti_sha256_run *run,
		  struct ramet_error *err)
{
	uint8_t hash[32];

	if (rameti_sha256_end(run, hash) < 0)
		return rameti_fail_nomem(err);
	rameti_hex(hash, sizeof(hash), s->print.sha);
	s->print.len = (uint64_t)s->print.st.st_size;
	return rameti_sc_graph_finish(&s->graph, &s->n_branches, err);
}

int rameti_sc_source_read(struct rameti_sc_source *s, const struct rameti_sc_place *p,
			  int (*fn)(void *user, const struct rameti_sc_frame *entry,
				    struct ramet_error *err),
			  void *user, struct ramet_error *err)
{
	struct reading d = { s, fn, user, RAMET_JSON_DOC_INIT, RAMET_BUF_INIT(SC_LINE_MAX + 1),
			     RAMET_BUF_INIT(SC_LINE_MAX + 512) };
	struct rameti_file f = { p->env, -1 };
	struct rameti_lines lines;
	struct rameti_sha256_run run;
	int r = rameti_sc_open(&f, p->jsonl, err);

	if (r < 0)
		return r;
	memset(&lines, 0, sizeof(lines));
	rameti_sha256_begin(&run);
	r = rameti_file_stat(&f, &s->print.st, err);
	if (!r)
		r = rameti_lines_open(&lines, &f, 0, (uint64_t)s->print.st.st_size,
				      (size_t)SC_LINE_MAX, err);
	if (!r)
		r = read_lines(&d, &lines, &run, err);
	if (!r)
		r = finish(s, &run, err);
	if (r < 0)
		rameti_error_set_path(err, p->jsonl);
	rameti_lines_close(&lines);
	(void)rameti_file_close(&f);                         /* read only: nothing to lose */
	ramet_json_doc_release(&d.doc);
	ramet_buf_release(&d.text);
	ramet_buf_release(&d.with_id);
	return r;
}

int rameti_sc_header_read(const struct rameti_sc_place *p, struct rameti_sc_header *h,
			  struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct rameti_file f = { p->env, -1 };
	struct rameti_lines lines;
	struct rameti_lines_item item;
	struct stat st;
	int r = rameti_sc_open(&f, p->jsonl, err);

	if (r < 0)
		return r;
	memset(&lines, 0, sizeof(lines));
	r = rameti_file_stat(&f, &st, err);
	if (!r)
		r = rameti_lines_open(&lines, &f, 0, (uint64_t)st.st_size, HEADER_MAX, err);
	if (!r)
		r = rameti_lines_next(&lines, &item, err);
	if (r >= 0)
		r = r && !item.too_long ?
			    rameti_sc_header_parse(&doc, item.text, h, err) :
			    rameti_fail(err, RAMET_EFORMAT, "no session header");
	if (r < 0)
		rameti_error_set_path(err, p->jsonl);
	rameti_lines_close(&lines);
	(void)rameti_file_close(&f);                         /* read only: nothing to lose */
	ramet_json_doc_release(&doc);
	return r;
}

int rameti_sc_source_unchanged(const struct rameti_sc_source *s, const struct rameti_sc_place *p,
			       struct ramet_error *err)
{
	struct stat now;
	int r = rameti_sc_stat(p->env, p->jsonl, &now, err);

	if (r < 0 || rameti_sc_same_file(&s->print.st, &now))
		return r;
	return rameti_fail_at(err, RAMET_ECONFLICT, p->jsonl, 0, RAMET_NO_OFFSET,
			      "was changed by another program meanwhile");
}
