/*
 * Damage by the thousand, in memory: cut a session at every byte, or flip one bit at many places,
 * and ask everything of what is left. Says which rows of the undamaged session are not there any
 * more; run_damage.py judges whether that is right. A crash or a sanitizer's word ends the process.
 *
 *     probe_damage cut|flip FILE STEP     a line per try: [offset, error or null, rows, [missing]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ramet.h"

#define OUT_MAX ((size_t)1 << 30)

static struct ramet_buf sink = RAMET_BUF_INIT(OUT_MAX);

/* Every reading call, at the leaf; the answers do not matter here. */
static void exercise(const struct ramet_session *s)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	struct ramet_context *c = NULL;
	uint64_t tokens = 0;
	uint32_t next = 0;

	ramet_buf_reset(&sink);
	ramet_report_info(s, &sink, NULL);
	ramet_report_entries(s, 0, 4096, &sink, &next, NULL);
	ramet_report_tree(s, &sink, NULL);
	ramet_report_branches(s, &sink, NULL);
	ramet_report_stats(s, &sink, NULL);
	ramet_report_fork_messages(s, &sink, NULL);
	ramet_export_jsonl(s, ramet_tree_leaf(t), 0, &sink, NULL);
	if (ramet_session_check(s, &f, NULL) == 0)
		ramet_report_findings(&f, &sink, NULL);
	ramet_findings_release(&f);
	if (ramet_context_new(&c, t, ramet_tree_leaf(t), NULL) < 0)
		return;
	ramet_context_write(c, &sink, NULL);
	ramet_context_write_projection(c, &sink, NULL);
	ramet_context_write_llm(c, &sink, NULL);
	ramet_context_write_system(c, &sink, NULL, NULL);
	ramet_context_tokens(c, &tokens, NULL);
	ramet_context_free(c);
}

/* Made ids count the entries before them, so they may change. */
static int row_same(const struct ramet_row *a, const struct ramet_row *b)
{
	return a->offset == b->offset && a->length == b->length && a->crc32c == b->crc32c &&
	       a->type == b->type && (a->id_at == 0 || a->id_hash == b->id_hash);
}

/* The rows of whole that part has no equal of; both are in file order. */
static void print_missing(const struct ramet_tree *whole, const struct ramet_tree *part)
{
	uint32_t at = 0, n = ramet_tree_count(part);
	const char *comma = "";

	putchar('[');
	for (uint32_t i = 0; i < ramet_tree_count(whole); i++) {
		const struct ramet_row *row = ramet_tree_row(whole, i);

		while (at < n && ramet_tree_row(part, at)->offset < row->offset)
			at++;
		if (at < n && row_same(ramet_tree_row(part, at), row))
			continue;
		printf("%s%u", comma, i);
		comma = ",";
	}
	putchar(']');
}

static void try_one(const struct ramet_tree *whole, struct ramet_bytes text, size_t where)
{
	struct ramet_session *s = NULL;
	struct ramet_error err;
	int r = ramet_session_open_bytes(&s, text, NULL, &err);

	if (r < 0) {
		printf("[%zu,\"%s\",0,[]]\n", where, ramet_code_name(r));
		return;
	}
	exercise(s);
	printf("[%zu,null,%u,", where, ramet_tree_count(ramet_session_tree(s)));
	print_missing(whole, ramet_session_tree(s));
	puts("]");
	ramet_session_close(s);
}

static int read_file(const char *path, struct ramet_buf *out)
{
	char block[65536];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return -1;
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		ramet_buf_add(out, (struct ramet_bytes){ block, n });
	fclose(f);
	return ramet_buf_status(out);
}

static void run(const struct ramet_tree *whole, struct ramet_buf *text, int flip, size_t step)
{
	for (size_t i = 0; i < text->len; i += step) {
		struct ramet_bytes all = ramet_buf_bytes(text);

		if (!flip) {
			try_one(whole, (struct ramet_bytes){ all.ptr, i }, i);
			continue;
		}
		char bit = (char)(1 << (i * 7 / step % 8));

		text->ptr[i] ^= bit;
		try_one(whole, all, i);
		text->ptr[i] ^= bit;
	}
}

int main(int argc, char **argv)
{
	struct ramet_buf text = RAMET_BUF_INIT(OUT_MAX);
	struct ramet_session *s = NULL;
	struct ramet_error err;
	size_t step;

	if (argc != 4)
		return 2;
	step = strtoull(argv[3], NULL, 10);
	if (step == 0 || read_file(argv[2], &text) < 0 ||
	    ramet_session_open_bytes(&s, ramet_buf_bytes(&text), NULL, &err) < 0)
		return 2;
	run(ramet_session_tree(s), &text, strcmp(argv[1], "flip") == 0, step);
	ramet_session_close(s);
	ramet_buf_release(&text);
	ramet_buf_release(&sink);
	return 0;
}
