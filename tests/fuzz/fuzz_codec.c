/*
 * Any bytes as a session file: opening, the tree, every view at a few leaves and every report
 * must end without a crash, whatever stands in the lines.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "ramet.h"

#define OUT_MAX (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void view(const struct ramet_tree *t, uint32_t leaf, struct ramet_buf *out)
{
	struct ramet_path path = RAMET_PATH_INIT;
	struct ramet_context *c;
	uint64_t tokens;

	ramet_buf_reset(out);
	(void)ramet_tree_path(t, leaf, &path, NULL);
	ramet_path_release(&path);
	if (ramet_context_new(&c, t, leaf, NULL) < 0)
		return;
	(void)ramet_context_write(c, out, NULL);
	(void)ramet_context_write_projection(c, out, NULL);
	(void)ramet_context_write_llm(c, out, NULL);
	(void)ramet_context_write_system(c, out, out, NULL);
	(void)ramet_context_tokens(c, &tokens, NULL);
	ramet_context_free(c);
}

static void report(const struct ramet_session *s, struct ramet_buf *out)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	uint32_t row = 0, i, n = ramet_tree_count(ramet_session_tree(s));

	ramet_buf_reset(out);
	(void)ramet_session_check(s, &f, NULL);
	(void)ramet_report_findings(&f, out, NULL);
	ramet_findings_release(&f);
	(void)ramet_report_info(s, out, NULL);
	(void)ramet_report_tree(s, out, NULL);
	(void)ramet_report_branches(s, out, NULL);
	(void)ramet_report_stats(s, out, NULL);
	(void)ramet_report_fork_messages(s, out, NULL);
	if (n)
		(void)ramet_export_jsonl(s, n - 1, 0, out, NULL);
	while (row != RAMET_NONE && !ramet_report_entries(s, row, 1000, out, &row, NULL))
		;
	for (i = 0; i < n && i < 20; i++)
		(void)ramet_entry_excerpt(s, i, 80, out, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ramet_buf out = RAMET_BUF_INIT(OUT_MAX);
	struct ramet_bytes text = { (const char *)data, len };
	struct ramet_session *s;
	uint32_t i, n;

	if (ramet_session_open_bytes(&s, text, NULL, NULL) < 0)
		return 0;
	n = ramet_tree_count(ramet_session_tree(s));
	view(ramet_session_tree(s), RAMET_NONE, &out);
	view(ramet_session_tree(s), ramet_tree_leaf(ramet_session_tree(s)), &out);
	for (i = 0; i < n && i < 8; i++)
		view(ramet_session_tree(s), i, &out);
	report(s, &out);
	ramet_session_close(s);
	ramet_buf_release(&out);
	return 0;
}
