/*
 * ops/fork.c - a new session from an old one: all of it, or what a fork at an entry means.
 *
 * Entries keep their ids and, but for what a migration changes, every byte. The source is
 * only read; the new file appears when all of it is there.
 */
#include "ops/fork_priv.h"
#include "ops/modified_priv.h"
#include "ops/report_priv.h"

#include "base/error.h"

#define CWD_MAX ((size_t)1 << 20)

int rameti_fork_begin(struct rameti_birth *b, const struct ramet_session *source,
		      enum rameti_birth_place place, const struct ramet_fork_opts *opts,
		      const char *dir, struct ramet_error *err)
{
	const struct ramet_bytes none = { NULL, 0 };
	struct ramet_create_opts create = { .parent_session = rameti_session_abs_path(source),
					    .dir = dir };
	struct ramet_buf cwd = RAMET_BUF_INIT(CWD_MAX);
	int r;

	if (opts) {
		create.id = opts->id;
		create.level = opts->level;
	}
	ramet_buf_add(&cwd, ramet_session_cwd(source, none));
	if (ramet_buf_status(&cwd) < 0)
		return rameti_fail_nomem(err);
	r = rameti_birth_begin(b, place,
			       opts && opts->cwd ? opts->cwd :
			       cwd.len		 ? cwd.ptr :
						   NULL,
			       &create, err);
	ramet_buf_release(&cwd);
	return r;
}

int rameti_fork_plain(const struct ramet_session *source)
{
	return ramet_session_header(source)->version >= 3 && !ramet_session_findings(source)->n;
}

static int copy_entries(struct rameti_birth *b, const struct ramet_session *source,
			struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(source);
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes json;
	uint32_t row, n = ramet_tree_count(t);
	int r = 0, plain = rameti_fork_plain(source);

	for (row = 0; !r && row < n; row++) {
		r = ramet_tree_entry(t, row, &scratch, &json, err);
		if (!r && plain)
			r = rameti_birth_row(b, t, row, json, err);
		else if (!r)
			r = rameti_birth_line(b, rameti_json_trimmed(json), err);
	}
	ramet_buf_release(&scratch);
	return r;
}

int ramet_fork(struct ramet_session **out, struct ramet_session *source,
	       const struct ramet_fork_opts *opts, struct ramet_error *err)
{
	struct rameti_birth b = RAMETI_BIRTH_INIT;
	int r;

	ramet_session_lock(source);
	/* with what others appended; of a file that is gone, what the handle knows can still
	 * be had */
	r = ramet_session_refresh(source, err);
	if ((r >= 0 || r == RAMET_ECONFLICT) && rameti_fork_is_other(source)) {
		r = rameti_fork_other(out, source, RAMET_NONE, 1, opts, err);
		ramet_session_unlock(source);
		return r;
	}
	if (r >= 0 || r == RAMET_ECONFLICT)
		r = rameti_fork_begin(&b, source, RAMETI_BIRTH_FILE, opts, opts ? opts->dir : NULL,
				      err);
	if (!r)
		r = copy_entries(&b, source, err);
	ramet_session_unlock(source);
	if (!r)
		r = rameti_birth_end(&b, out, err);
	rameti_birth_abort(&b);
	return r;
}

/* ---- what forking at an entry means ---- */

static int read_text(const struct ramet_tree *t, uint32_t row, struct ramet_buf *text,
		     struct ramet_error *err)
{
	struct rameti_peek p = RAMETI_PEEK_INIT;
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_json content;
	int r = rameti_peek_open(&p, t, rameti_message_wants, RAMETI_SEEK_N, err);

	if (!r)
		r = rameti_peek_read(&p, row, err);
	if (!r) {
		content = rameti_peek_get(&p, RAMETI_SEEK_CONTENT);
		r = rameti_content_text(&doc, &content, "", text, err);
	}
	rameti_peek_close(&p);
	ramet_json_doc_release(&doc);
	return r;
}

int ramet_fork_plan(const struct ramet_session *s, uint32_t row, struct ramet_fork_plan *plan,
		    struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	const struct ramet_row *at = ramet_tree_row(t, row);
	struct ramet_fork_plan p = { .leaf = row, .text = RAMET_BUF_INIT(SIZE_MAX / 2) };
	int r = 0;

	if (!at)
		return rameti_fail(err, RAMET_ENOTFOUND, "no such entry");
	if (at->role == RAMET_ROLE_USER) {
		p.leaf = at->parent;
		p.has_text = 1;
		r = read_text(t, row, &p.text, err);
	}
	if (p.leaf != RAMET_NONE)
		p.n_entries = ramet_tree_row(t, p.leaf)->depth + 1;
	if (r < 0) {
		ramet_buf_release(&p.text);
		return r;
	}
	*plan = p;
	return 0;
}

void ramet_fork_plan_release(struct ramet_fork_plan *plan)
{
	ramet_buf_release(&plan->text);
}
