/*
 * whole.c - all of a session as one text.
 *
 * The rows go in as the bytes they are; everything else as the reports have it, so that whatever
 * a caller can see of a session makes a difference here.
 */
#include "whole.h"

#include <string.h>

#define CONTEXTS_MAX 24u

int whole_entries(const struct ramet_session *s, struct ramet_buf *out, struct ramet_error *err)
{
	uint32_t row = 0;
	int r = 0;

	while (!r && row != RAMET_NONE && row < ramet_tree_count(ramet_session_tree(s)))
		r = ramet_report_entries(s, row, 1u << 20, out, &row, err);
	return r < 0 ? r : ramet_buf_status(out);
}

static void add_rows(const struct ramet_tree *t, struct ramet_buf *out)
{
	uint32_t i, n = ramet_tree_count(t);

	for (i = 0; i < n; i++) {
		const char *row = (const char *)ramet_tree_row(t, i);

		ramet_buf_add(out, (struct ramet_bytes){ row, sizeof(struct ramet_row) });
		ramet_buf_add(out, ramet_tree_id(t, i));
		ramet_buf_addf(out, " %u\n", ramet_tree_find(t, ramet_tree_id(t, i)));
	}
}

static int add_labels(const struct ramet_tree *t, struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_labels labels = RAMET_LABELS_INIT;
	int r = ramet_tree_labels(t, &labels, err);
	uint32_t i;

	for (i = 0; !r && i < labels.n; i++)
		ramet_buf_addf(out, "%.*s %.*s %u\n", RAMET_FMT(labels.items[i].target),
			       RAMET_FMT(labels.items[i].text), labels.items[i].row);
	ramet_labels_release(&labels);
	return r;
}

static int add_contexts(const struct ramet_tree *t, struct ramet_buf *out, struct ramet_error *err)
{
	uint32_t n = ramet_tree_count(t), step = 1 + n / CONTEXTS_MAX, i;
	int r = 0;

	for (i = n; !r && i > 0; i = i > step ? i - step : 0) {
		struct ramet_context *c = NULL;

		r = ramet_context_new(&c, t, i - 1, err);
		if (!r)
			r = ramet_context_write(c, out, err);
		ramet_context_free(c);
	}
	return r;
}

int whole_state(const struct ramet_session *s, struct ramet_buf *out, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	int r;

	ramet_buf_add(out, ramet_session_header(s)->json);
	add_rows(t, out);
	r = whole_entries(s, out, err);
	if (!r)
		r = ramet_report_tree(s, out, err);
	if (!r)
		r = add_labels(t, out, err);
	if (!r)
		r = ramet_tree_name(t, out, err);
	if (r >= 0)
		r = add_contexts(t, out, err);
	return r < 0 ? r : ramet_buf_status(out);
}

int whole_differs(const struct ramet_session *a, const struct ramet_session *b)
{
	struct ramet_buf p = RAMET_BUF_INIT(1u << 30), q = RAMET_BUF_INIT(1u << 30);
	int r = whole_state(a, &p, NULL) < 0 || whole_state(b, &q, NULL) < 0 ? -1 : 0;

	if (!r)
		r = !ramet_bytes_eq(ramet_buf_bytes(&p), ramet_buf_bytes(&q));
	ramet_buf_release(&p);
	ramet_buf_release(&q);
	return r;
}
