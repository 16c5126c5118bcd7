/*
 * cli/summary.c - plans of summaries on the screen, and summaries that come back.
 */
#include "cli/summary.h"

#include "base/error.h"
#include "cli/entryline.h"
#include "cli/feed.h"
#include "cli/resolve.h"

#include <string.h>

#define TEXT_AT (SUMMARY_HEAD_CELLS + ENTRY_ID_CELLS + ENTRY_WORD_CELLS + 4)

void summary_head(struct out *o, const char *head)
{
	size_t n = strlen(head);

	out_str(o, head);
	text_add_blanks(&o->buf, n < SUMMARY_HEAD_CELLS ? SUMMARY_HEAD_CELLS - n : 1);
}

static void add_count(struct out *o, uint64_t n, const char *what)
{
	ramet_buf_addf(&o->buf, "%llu %s%s", (unsigned long long)n, what, n == 1 ? "" : "s");
}

void summary_tokens(struct out *o, const char *head, const char *about, uint64_t tokens)
{
	summary_head(o, head);
	out_str(o, about);
	add_count(o, tokens, "token");
	out_newline(o);
}

void summary_messages(struct out *o, const char *head, uint64_t n, uint64_t tokens)
{
	summary_head(o, head);
	add_count(o, n, "message");
	out_str(o, ", about ");
	add_count(o, tokens, "token");
	out_newline(o);
}

void summary_entries(struct out *o, const char *head, uint32_t n)
{
	summary_head(o, head);
	ramet_buf_addf(&o->buf, "%lu %s", (unsigned long)n, n == 1 ? "entry" : "entries");
	out_newline(o);
}

int summary_entry(struct out *o, const char *head, const struct ramet_session *s, uint32_t row,
		  struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	int r;

	summary_head(o, head);
	if (row == RAMET_NONE) {
		out_str(o, "none");
		out_newline(o);
		return 0;
	}
	entry_add_id(o, ramet_tree_id(t, row), ENTRY_ID_CELLS);
	out_str(o, "  ");
	entry_add_word(o, ramet_tree_row(t, row));
	r = entry_add_text(o, s, row, out_room(o, TEXT_AT, 20), err);
	out_newline(o);
	return r;
}

void summary_paths(struct out *o, const char *head, const struct ramet_bytes *paths, uint32_t n)
{
	for (uint32_t i = 0; i < n && !out_broken(o); i++) {
		summary_head(o, i ? "" : head);
		text_add_path(&o->buf, paths[i], TEXT_ALL);
		out_newline(o);
	}
}

int summary_print(struct out *o, const struct ramet_buf *text, struct ramet_error *err)
{
	struct ramet_bytes rest = ramet_buf_bytes(text);

	if (ramet_buf_status(text) < 0)
		return rameti_fail_nomem(err);
	if (!o->terminal) {
		ramet_buf_add(&o->buf, rest);
		ramet_buf_add_char(&o->buf, '\n');
		return 0;
	}
	while (rest.len && !out_broken(o)) {
		text_next_line(&rest, TEXT_ALL, &o->buf);
		out_newline(o);
	}
	return 0;
}

int summary_open(struct cli *cli, const char *file, struct ramet_session **out,
		 struct ramet_error *err)
{
	const struct ramet_open_opts how = { .no_cache = file && feed_reads_once(file) };

	return resolve_session_with(cli, &how, out, err);
}

int summary_expect(struct cli *cli, struct ramet_session *s, struct ramet_error *err)
{
	const char *expected = args_get(&cli->args, "expect");
	const char *path = ramet_session_path(s);
	uint32_t row;
	int r;

	ramet_session_on_conflict(s, RAMET_CONFLICT_REFUSE);
	if (!expected)
		return 0;
	r = resolve_entry(s, expected, &row, err);
	if (r < 0 || row == ramet_session_leaf(s))
		return r;
	return rameti_fail_at(err, RAMET_ECONFLICT, path ? path : "", 0, RAMET_NO_OFFSET,
			      "the leaf is not %.60s any more", expected);
}

int summary_read(const char *file, struct ramet_buf *text, struct ramet_error *err)
{
	int r = feed_text(file, text, err);

	return r < 0 ? r : 0;
}
