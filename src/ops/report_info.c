/*
 * ops/report_info.c - one session in one object.
 *
 * Counts and times are those of listing, over all branches; the leaf is the last entry of the file.
 */
#include "ops/modified_priv.h"
#include "ops/report_priv.h"

#include "base/error.h"

static uint64_t n_messages(const struct ramet_tree *t)
{
	uint32_t i, n = ramet_tree_count(t);
	uint64_t messages = 0;

	for (i = 0; i < n; i++)
		messages += ramet_tree_row(t, i)->type == RAMET_ENTRY_MESSAGE;
	return messages;
}

/* What has to be found out before the writing starts. */
struct facts {
	struct ramet_buf name;
	int has_name;
	int64_t modified_ms;
	struct ramet_findings findings;
};

static int facts_get(const struct ramet_session *s, struct facts *f, struct ramet_error *err)
{
	int r = ramet_tree_name(ramet_session_tree(s), &f->name, err);

	if (r < 0)
		return r;
	f->has_name = r;
	r = rameti_session_modified(s, &f->modified_ms, err);
	if (r < 0)
		return r;
	return ramet_session_check(s, &f->findings, err);
}

static void write_info(const struct ramet_session *s, const struct facts *f,
		       struct ramet_json_writer *w)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	const struct ramet_header *h = ramet_session_header(s);

	ramet_json_open_object(w);
	ramet_json_key(w, "format");
	ramet_json_add_cstr(w, ramet_session_format(s));
	if (ramet_session_path(s))
		rameti_write_member(w, "path", ramet_bytes_of(ramet_session_path(s)));
	ramet_json_key(w, "header");
	ramet_json_add_raw(w, rameti_json_trimmed(h->json));
	ramet_json_key(w, "entries");
	ramet_json_add_int(w, ramet_tree_count(t));
	ramet_json_key(w, "leafId");
	rameti_write_id(w, t, ramet_session_leaf(s));
	if (f->has_name)
		rameti_write_member(w, "name", ramet_buf_bytes(&f->name));
	ramet_json_key(w, "messageCount");
	ramet_json_add_int(w, (int64_t)n_messages(t));
	ramet_json_key(w, "created");
	rameti_write_time(w, h->created_ms);
	ramet_json_key(w, "modified");
	rameti_write_time(w, f->modified_ms);
	ramet_json_key(w, "findings");
	rameti_write_findings(w, &f->findings);
	ramet_json_close_object(w);
}

int ramet_report_info(const struct ramet_session *s, struct ramet_buf *out,
		      struct ramet_error *err)
{
	struct facts f = {
		RAMET_BUF_INIT(SIZE_MAX / 2), 0, RAMET_TIME_NONE, RAMET_FINDINGS_INIT
	};
	struct ramet_json_writer w;
	size_t start = out->len;
	int r = facts_get(s, &f, err);

	if (!r) {
		ramet_json_writer_init(&w, out);
		write_info(s, &f, &w);
	}
	ramet_findings_release(&f.findings);
	ramet_buf_release(&f.name);
	r = rameti_tree_answer(ramet_session_tree(s), r, err);
	return rameti_report_end(out, start, r, err);
}
