/*
 * ops/report_findings.c - all that is odd about a session, in line order, each thing once.
 *
 * The reader reports lines, the tree reports entries; what both saw is told in the reader's words.
 * Findings about the file as a whole come first. Lists are bounded by RAMET_FINDINGS_MAX each.
 */
#include "ops/report_priv.h"

#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "base/mem.h"
#include "model/tree.h"

#define LOOK_BACK 64u                            /* so many on one line are compared */

/* Two sorted stretches, from at[0] and from at[1] to at[2], become one in spare; equal lines keep
 * their order. */
static void merge_by_line(const struct ramet_findings *f, const uint32_t *order, uint32_t *spare,
			  const uint32_t at[3])
{
	const struct ramet_finding *v = f->items;
	uint32_t i = at[0], j = at[1], k;

	for (k = at[0]; k < at[2]; k++)
		if (j >= at[2] || (i < at[1] && v[order[i]].line <= v[order[j]].line))
			spare[k] = order[i++];
		else
			spare[k] = order[j++];
}

/* Numbers of f's items sorted by line: a merge sort from below. */
static void sort_by_line(const struct ramet_findings *f, uint32_t *order, uint32_t *spare)
{
	uint32_t width, i, at[3];

	for (i = 0; i < f->n; i++)
		order[i] = i;
	for (width = 1; width < f->n; width *= 2) {
		for (at[0] = 0; at[0] < f->n; at[0] = at[2]) {
			at[1] = f->n - at[0] < width ? f->n : at[0] + width;
			at[2] = f->n - at[1] < width ? f->n : at[1] + width;
			merge_by_line(f, order, spare, at);
		}
		memcpy(order, spare, f->n * sizeof(*order));
	}
}

static int same(const struct ramet_finding *a, const struct ramet_finding *b, int by_line)
{
	if (a->line != b->line || strcmp(a->code, b->code))
		return 0;
	if (by_line && a->line)
		return 1;
	return a->offset == b->offset && ramet_bytes_eq(a->id, b->id) &&
	       ramet_bytes_eq(a->text, b->text);
}

/* One of the two lists in line order. */
struct sorted {
	const struct ramet_findings *from;
	uint32_t *order, at;
};

static const struct ramet_finding *sorted_get(const struct sorted *s)
{
	return s->at < s->from->n ? &s->from->items[s->order[s->at]] : NULL;
}

/* Already among the first findings of the same line? The reader's come before the tree's there: for
 * a finding of the tree, n_reader says how many. */
static int told(const struct ramet_findings *all, uint32_t line_start, uint32_t n_reader,
		const struct ramet_finding *f)
{
	uint32_t i;

	for (i = line_start; i < all->n && i - line_start < LOOK_BACK; i++)
		if (same(&all->items[i], f, i - line_start < n_reader))
			return 1;
	return 0;
}

static int add(struct ramet_findings *all, const struct ramet_finding *f)
{
	return rameti_finding_add(all, f->severity, f->code, f->line, f->offset, f->id, "%.*s",
				  RAMET_FMT(f->text));
}

static int merge(struct sorted *reader, struct sorted *tree, struct ramet_findings *all)
{
	const struct ramet_finding *f, *b;
	uint32_t line_start = 0, n_reader = 0;
	int r = 0, by_reader;

	while (!r) {
		f = sorted_get(reader);
		b = sorted_get(tree);
		by_reader = f && (!b || f->line <= b->line);
		if (!by_reader)
			f = b;
		if (!f)
			break;
		if (all->n && all->items[all->n - 1].line != f->line) {
			line_start = all->n;
			n_reader = 0;
		}
		if (!told(all, line_start, by_reader ? 0 : n_reader, f)) {
			r = add(all, f);
			n_reader += (uint32_t)by_reader;
		}
		(by_reader ? reader : tree)->at++;
	}
	return r;
}

int rameti_findings_join(const struct ramet_findings *reader, const struct ramet_findings *tree,
			 struct ramet_findings *out, struct ramet_error *err)
{
	struct ramet_findings all = RAMET_FINDINGS_INIT;
	struct sorted a = { reader, NULL, 0 }, b = { tree, NULL, 0 };
	size_t most = (size_t)(reader->n > tree->n ? reader->n : tree->n) + 1;
	uint32_t *spare = ramet_alloc(rameti_mul(most, sizeof(*spare)));
	int r = RAMET_ENOMEM;

	a.order = ramet_alloc(rameti_mul(most, sizeof(*a.order)));
	b.order = ramet_alloc(rameti_mul(most, sizeof(*b.order)));
	if (a.order && b.order && spare) {
		sort_by_line(a.from, a.order, spare);
		sort_by_line(b.from, b.order, spare);
		r = merge(&a, &b, &all);
	}
	if (r < 0) {
		r = rameti_fail_nomem(err);
		ramet_findings_release(&all);
	} else {
		all.n_dropped += reader->n_dropped + tree->n_dropped;
		ramet_findings_release(out);
		*out = all;
	}
	ramet_free(a.order);
	ramet_free(b.order);
	ramet_free(spare);
	return r;
}

int ramet_session_check(const struct ramet_session *s, struct ramet_findings *f,
			struct ramet_error *err)
{
	struct ramet_findings tree = RAMET_FINDINGS_INIT;
	int r = ramet_tree_check(ramet_session_tree(s), &tree, err);

	if (!r)
		r = rameti_findings_join(ramet_session_findings(s), &tree, f, err);
	ramet_findings_release(&tree);
	return r;
}

static void write_finding(struct ramet_json_writer *w, const struct ramet_finding *f)
{
	ramet_json_open_object(w);
	rameti_write_member(w, "severity", ramet_bytes_of(ramet_severity_name(f->severity)));
	rameti_write_member(w, "code", ramet_bytes_of(f->code));
	if (f->line) {
		ramet_json_key(w, "line");
		ramet_json_add_int(w, (int64_t)f->line);
	}
	if (f->offset != RAMET_NO_OFFSET) {
		ramet_json_key(w, "offset");
		ramet_json_add_int(w, (int64_t)f->offset);
	}
	rameti_write_member(w, "id", f->id);
	rameti_write_member(w, "text", f->text);
	ramet_json_close_object(w);
}

void rameti_write_findings(struct ramet_json_writer *w, const struct ramet_findings *f)
{
	struct ramet_finding more = {
		.severity = RAMET_WARNING, .code = "more-findings", .offset = RAMET_NO_OFFSET
	};
	char text[64];
	uint32_t i;

	ramet_json_open_array(w);
	for (i = 0; i < f->n; i++)
		write_finding(w, &f->items[i]);
	if (f->n_dropped) {
		snprintf(text, sizeof(text), "%llu more are not listed",
			 (unsigned long long)f->n_dropped);
		more.text = ramet_bytes_of(text);
		write_finding(w, &more);
	}
	ramet_json_close_array(w);
}

int ramet_report_findings(const struct ramet_findings *f, struct ramet_buf *out,
			  struct ramet_error *err)
{
	struct ramet_json_writer w;
	size_t start = out->len;

	ramet_json_writer_init(&w, out);
	rameti_write_findings(&w, f);
	return rameti_report_end(out, start, 0, err);
}
