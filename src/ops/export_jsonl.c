/*
 * ops/export_jsonl.c - the path to a leaf as a session of its own.
 *
 * A new header with the same id, then the entries as they are stored, each hung under the one
 * before it. Only parentId is touched, and only where it says something else; every other byte
 * stays, invalid UTF-8 too, since what comes out is a session file and not a report. It is handed
 * over in pieces of about 64 kB; no memory is needed for the whole.
 */
#include "ops/report_priv.h"

#include "base/clock.h"
#include "base/error.h"
#include "model/tree.h"

#define PIECE ((size_t)64 << 10)

#define KEY(text) { text, sizeof(text) - 1 }

enum { ID, PARENT, N_WANTS };
static const struct rameti_want wants[N_WANTS] = {
	[ID] = { -1, KEY("id") },
	[PARENT] = { -1, KEY("parentId") },
};

struct export {
	struct rameti_peek peek;
	struct ramet_json_doc doc;
	struct ramet_buf prev;                   /* raw id of the entry before, or null */
	struct ramet_buf out;                    /* not yet handed over */
	ramet_write_fn *write;
	void *user;
};

static void write_header(const struct ramet_session *s, int64_t now_ms, struct ramet_buf *out)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct ramet_bytes cwd = ramet_session_cwd(s, none);
	struct ramet_json_writer w;

	ramet_json_writer_init(&w, out);
	ramet_json_open_object(&w);
	rameti_write_member(&w, "type", ramet_bytes_of("session"));
	ramet_json_key(&w, "version");
	ramet_json_add_int(&w, 3);
	rameti_write_member(&w, "id", ramet_session_header(s)->id);
	ramet_json_key(&w, "timestamp");
	rameti_write_time(&w, now_ms);
	if (cwd.len)
		rameti_write_member(&w, "cwd", cwd);
	ramet_json_close_object(&w);
	ramet_buf_add_char(out, '\n');
}

static int write_chained(struct export *x, struct ramet_error *err)
{
	struct ramet_json parent = rameti_peek_get(&x->peek, PARENT);
	struct ramet_json_edit edit = { KEY("parentId"), ramet_buf_bytes(&x->prev) };
	int r;

	if (parent.kind != RAMET_JSON_NONE && ramet_bytes_eq(ramet_json_raw(&parent), edit.value)) {
		ramet_buf_add(&x->out, x->peek.json);
		return 0;
	}
	r = ramet_json_parse(&x->doc, x->peek.json, 0, err);
	if (r < 0)
		return r;
	return ramet_json_edit(&x->out, x->peek.json, ramet_json_root(&x->doc), &edit, 1, err);
}

static int export_entry(struct export *x, uint32_t row, struct ramet_error *err)
{
	struct ramet_json id;
	int r = rameti_peek_read(&x->peek, row, err);

	if (!r)
		r = write_chained(x, err);
	if (r < 0)
		return r;
	ramet_buf_add_char(&x->out, '\n');
	id = rameti_peek_get(&x->peek, ID);
	ramet_buf_reset(&x->prev);
	ramet_buf_add(&x->prev, ramet_json_raw(&id));
	return ramet_buf_status(&x->prev) < 0 ? rameti_fail_nomem(err) : 0;
}

/* Hand over what there is, if it is at least `least`. */
static int pass_on(struct export *x, size_t least, struct ramet_error *err)
{
	int r = 0;

	if (ramet_buf_status(&x->out) < 0)
		return rameti_fail_nomem(err);
	if (x->out.len >= least && x->out.len) {
		r = x->write(x->user, ramet_buf_bytes(&x->out), err);
		ramet_buf_reset(&x->out);
	}
	return r < 0 ? r : 0;
}

static int export_path(struct export *x, const struct ramet_path *path, struct ramet_error *err)
{
	uint32_t i;
	int r = 0;

	ramet_buf_add_str(&x->prev, "null");
	if (ramet_buf_status(&x->prev) < 0)
		r = rameti_fail_nomem(err);
	for (i = 0; !r && i < path->n; i++) {
		r = export_entry(x, path->rows[i], err);
		if (!r)
			r = pass_on(x, PIECE, err);
	}
	return r < 0 ? r : pass_on(x, 0, err);
}

int ramet_export_jsonl_to(const struct ramet_session *s, uint32_t leaf, int64_t now_ms,
			  ramet_write_fn *write, void *user, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct export x = {
		RAMETI_PEEK_INIT, RAMET_JSON_DOC_INIT, RAMET_BUF_INIT(SIZE_MAX / 2),
		RAMET_BUF_INIT(SIZE_MAX / 2), write, user,
	};
	struct ramet_path path = RAMET_PATH_INIT;
	int r = ramet_tree_path(t, leaf, &path, err);

	if (!r)
		r = rameti_peek_open(&x.peek, t, wants, N_WANTS, err);
	write_header(s, now_ms, &x.out);
	if (!r)
		r = export_path(&x, &path, err);
	ramet_path_release(&path);
	rameti_peek_close(&x.peek);
	ramet_json_doc_release(&x.doc);
	ramet_buf_release(&x.prev);
	ramet_buf_release(&x.out);
	return rameti_tree_answer(t, r, err);
}

static int add_to_buffer(void *user, struct ramet_bytes bytes, struct ramet_error *err)
{
	struct ramet_buf *out = user;

	(void)err;                               /* the end of the report says what went wrong */
	ramet_buf_add(out, bytes);
	return ramet_buf_status(out);
}

int ramet_export_jsonl(const struct ramet_session *s, uint32_t leaf, int64_t now_ms,
		       struct ramet_buf *out, struct ramet_error *err)
{
	size_t start = out->len;
	int r = ramet_export_jsonl_to(s, leaf, now_ms, add_to_buffer, out, err);

	if (r < 0 && ramet_buf_status(out) < 0)
		r = 0;                           /* told below, as with every report */
	return rameti_report_end(out, start, r, err);
}
