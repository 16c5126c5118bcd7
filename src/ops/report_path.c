/*
 * ops/report_path.c - the ids from root to leaf.
 */
#include "ops/report_priv.h"

#include "model/tree.h"

int ramet_report_path(const struct ramet_session *s, uint32_t leaf, struct ramet_buf *out,
		      struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_path path = RAMET_PATH_INIT;
	struct ramet_json_writer w;
	size_t start = out->len;
	uint32_t i;
	int r = ramet_tree_path(t, leaf, &path, err);

	ramet_json_writer_init(&w, out);
	ramet_json_open_array(&w);
	for (i = 0; !r && i < path.n; i++)
		rameti_write_id(&w, t, path.rows[i]);
	ramet_json_close_array(&w);
	ramet_path_release(&path);
	r = rameti_tree_answer(ramet_session_tree(s), r, err);
	return rameti_report_end(out, start, r, err);
}
