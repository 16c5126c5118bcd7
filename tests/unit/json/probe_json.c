/*
 * probe_json.c - what this library makes of JSON, for the differential test.
 *
 * Reads lines on stdin, each one text, and prints for each the value as JSON, written anew from the
 * parsed document, or "error". "disagree" if the scan and the tape are not of one mind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/scan.h"

static void write_value(struct ramet_json_writer *w, const struct ramet_json *v,
			struct ramet_buf *text)
{
	switch (v->kind) {
	case RAMET_JSON_NULL:
		ramet_json_add_null(w);
		break;
	case RAMET_JSON_FALSE:
	case RAMET_JSON_TRUE:
		ramet_json_add_bool(w, v->kind == RAMET_JSON_TRUE);
		break;
	case RAMET_JSON_NUMBER:
		ramet_json_add_double(w, ramet_json_number(v));
		break;
	default:
		ramet_buf_reset(text);
		ramet_json_text(v, text);
		ramet_json_add_text(w, ramet_buf_bytes(text));
	}
}

/* By hand, because a key may hold a NUL. */
static void write_key(struct ramet_json_writer *w, const struct ramet_json *key,
		      struct ramet_buf *text)
{
	if (w->need_comma)
		ramet_buf_add_char(w->out, ',');
	w->need_comma = w->after_key = 1;
	ramet_buf_reset(text);
	ramet_json_text(key, text);
	ramet_buf_add_json_string(w->out, ramet_buf_bytes(text));
	ramet_buf_add_char(w->out, ':');
}

struct open {
	const struct ramet_json *node, *next;    /* next: the child to write, NULL at the end */
	int is_key;
};

static void write_children(struct ramet_json_writer *w, const struct ramet_json *root,
			   struct ramet_buf *text, struct open *stack)
{
	struct open *top = stack;

	*top = (struct open){ root, ramet_json_next(root, NULL), 1 };
	root->kind == RAMET_JSON_OBJECT ? ramet_json_open_object(w) : ramet_json_open_array(w);
	while (top >= stack) {
		const struct ramet_json *v = top->next;
		int object = top->node->kind == RAMET_JSON_OBJECT;

		if (!v) {
			object ? ramet_json_close_object(w) : ramet_json_close_array(w);
			top--;
			continue;
		}
		top->next = ramet_json_next(top->node, v);
		if (object && top->is_key) {
			write_key(w, v, text);
			top->is_key = 0;
			continue;
		}
		top->is_key = 1;
		if (v->kind < RAMET_JSON_ARRAY) {
			write_value(w, v, text);
			continue;
		}
		v->kind == RAMET_JSON_OBJECT ? ramet_json_open_object(w) : ramet_json_open_array(w);
		*++top = (struct open){ v, ramet_json_next(v, NULL), 1 };
	}
}

int main(void)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf out = RAMET_BUF_INIT((size_t)1 << 30),
			 text = RAMET_BUF_INIT((size_t)1 << 30);
	struct rameti_scanner *scanner = NULL;
	struct rameti_line sl;
	struct open *stack = ramet_alloc(sizeof(*stack) * (RAMET_JSON_DEPTH_MAX + 1));
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	if (!stack || rameti_scanner_new(&scanner, NULL, 0, 0, NULL) < 0)
		return 3;
	while ((len = getline(&line, &cap, stdin)) > 0) {
		struct ramet_json_writer w;
		struct ramet_bytes t = { line, (size_t)len - 1 };
		int ok = ramet_json_parse(&doc, t, 0, NULL) == 0;
		const struct ramet_json *root = ramet_json_root(&doc);

		(void)rameti_scan_line(scanner, t, &sl, NULL);
		if (ok != (sl.kind == RAMETI_LINE_OBJECT || sl.kind == RAMETI_LINE_VALUE)) {
			(void)puts("disagree");
			continue;
		}
		if (!ok) {
			(void)puts("error");
			continue;
		}
		ramet_buf_reset(&out);
		ramet_json_writer_init(&w, &out);
		if (root->kind < RAMET_JSON_ARRAY)
			write_value(&w, root, &text);
		else
			write_children(&w, root, &text, stack);
		(void)fwrite(out.ptr, 1, out.len, stdout);
		(void)putchar('\n');
	}
	rameti_scanner_free(scanner);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&out);
	ramet_buf_release(&text);
	ramet_free(stack);
	free(line);
	return 0;
}
