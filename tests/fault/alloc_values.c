/*
 * alloc_values.c - the calls on values: memory, buffers, JSON, trees, contexts, totals.
 */
#include "alloc.h"

#include <string.h>

/* A pointer that is the answer itself. */
static int piece(struct stage *st, void *p)
{
	st->outs.piece = p;
	return p ? 0 : RAMET_ENOMEM;
}

static int buf(struct stage *st)
{
	return ramet_buf_status(&st->out);
}

static const char json_text[] = "{\"a\":[1,2,{\"b\":\"x\\ny\"}],\"c\":\"\xc3\xa4\",\"d\":1e3}";

static const struct ramet_json *root(const struct stage *st)
{
	return ramet_json_root(&st->doc);
}

static const struct ramet_json *member(const struct stage *st, const char *key)
{
	return ramet_json_get(root(st), key);
}

/* ---- base ---- */

CALL(alloc, piece(st, ramet_alloc(100)))
CALL(calloc, piece(st, ramet_calloc(10, 10)))
CALL(realloc, piece(st, ramet_realloc(NULL, 100)))
CALL(buf_add, (ramet_buf_add(&st->out, TEXT(json_text)), buf(st)))
CALL(buf_add_str, (ramet_buf_add_str(&st->out, json_text), buf(st)))
CALL(buf_addf, (ramet_buf_addf(&st->out, "%300d", 7), buf(st)))
CALL(buf_reserve, ramet_buf_reserve(&st->out, 5000))

static int call_buf_add_char(struct stage *st)
{
	int i;

	for (i = 0; i < 200; i++)
		ramet_buf_add_char(&st->out, 'x');
	return buf(st);
}

static int call_buf_detach(struct stage *st)
{
	struct ramet_buf b = RAMET_BUF_INIT(1000);
	int r;

	ramet_buf_add_str(&b, "text");
	r = piece(st, ramet_buf_detach(&b, NULL));
	ramet_buf_release(&b);
	return r;
}

/* ---- JSON ---- */

CALL(json_text, (ramet_json_text(ramet_json_next(member(st, "a"), NULL), &st->out),
		 ramet_json_text(member(st, "c"), &st->out), buf(st)))
CALL(buf_add_json_string, (ramet_buf_add_json_string(&st->out, TEXT(json_text)), buf(st)))
CALL(buf_add_json_raw, (ramet_buf_add_json_raw(&st->out, TEXT(json_text)), buf(st)))

static int call_json_parse(struct stage *st)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r = ramet_json_parse(&doc, TEXT(json_text), 0, ERR);

	ramet_json_doc_release(&doc);
	return r;
}

static int call_json_edit(struct stage *st)
{
	const struct ramet_json_edit edits[] = { { TEXT("c"), TEXT("[1]") },
						 { TEXT("new"), TEXT("true") },
						 { TEXT("d"), { NULL, 0 } } };

	return ramet_json_edit(&st->out, ramet_json_raw(root(st)), root(st), edits, 3, ERR);
}

/* Everything a writer writes, many times over, so that the buffer has to grow in each of them. */
static int call_writer(struct stage *st)
{
	struct ramet_json_writer *w = &st->writer;
	int i;

	ramet_json_open_array(w);
	for (i = 0; i < 12; i++) {
		ramet_json_open_object(w);
		ramet_json_key(w, "k");
		ramet_json_add_text(w, TEXT("some text"));
		ramet_json_key_bytes(w, TEXT("l"));
		ramet_json_add_cstr(w, "more");
		ramet_json_close_object(w);
		ramet_json_add_int(w, i);
		ramet_json_add_double(w, i / 3.0);
		ramet_json_add_bool(w, i % 2);
		ramet_json_add_null(w);
		ramet_json_add_raw(w, TEXT(json_text));
	}
	ramet_json_close_array(w);
	return buf(st);
}
#define call_json_open_object call_writer
#define call_json_close_object call_writer
#define call_json_open_array call_writer
#define call_json_close_array call_writer
#define call_json_key call_writer
#define call_json_key_bytes call_writer
#define call_json_add_text call_writer
#define call_json_add_cstr call_writer
#define call_json_add_int call_writer
#define call_json_add_double call_writer
#define call_json_add_bool call_writer
#define call_json_add_null call_writer
#define call_json_add_raw call_writer

#define BUF (ALLOC_PIECEMEAL | ALLOC_SILENT)

const struct alloc_call alloc_base[] = {
	ROW(alloc, ALLOC_SILENT),
	ROW(calloc, ALLOC_SILENT),
	ROW(realloc, ALLOC_SILENT),
	ROW(buf_add, BUF),
	ROW(buf_add_str, BUF),
	ROW(buf_add_char, BUF),
	ROW(buf_addf, BUF),
	ROW(buf_reserve, BUF),
	ROW(buf_detach, BUF),
	ROW(json_parse, 0),
	ROW(json_edit, 0),
	ROW(json_text, BUF),
	ROW(buf_add_json_string, BUF),
	ROW(buf_add_json_raw, BUF),
	ROW(json_open_object, BUF),
	ROW(json_close_object, BUF),
	ROW(json_open_array, BUF),
	ROW(json_close_array, BUF),
	ROW(json_key, BUF),
	ROW(json_key_bytes, BUF),
	ROW(json_add_text, BUF),
	ROW(json_add_cstr, BUF),
	ROW(json_add_int, BUF),
	ROW(json_add_double, BUF),
	ROW(json_add_bool, BUF),
	ROW(json_add_null, BUF),
	ROW(json_add_raw, BUF),
	{ NULL, NULL, 0 }
};

/* ---- model ---- */

CALL(tree_resolve, ramet_tree_resolve(st->tree, TEXT("c4"), &st->outs.row, ERR))
CALL(tree_path, ramet_tree_path(st->tree, ramet_session_leaf(st->s), &st->outs.path, ERR))
CALL(tree_preorder, ramet_tree_preorder(st->tree, &st->outs.nodes, ERR))
CALL(tree_labels, ramet_tree_labels(st->tree, &st->outs.labels, ERR))
CALL(tree_name, ramet_tree_name(st->tree, &st->out, ERR))
CALL(tree_check, ramet_tree_check(ramet_session_tree(st->odd), &st->outs.findings, ERR))
CALL(context_new,
     ramet_context_new(&st->outs.context, st->tree, ramet_session_leaf(st->s), ERR))
CALL(context_write, ramet_context_write(st->context, &st->out, ERR))
CALL(context_write_projection, ramet_context_write_projection(st->context, &st->out, ERR))
CALL(context_write_llm, ramet_context_write_llm(st->context, &st->out, ERR))
CALL(context_write_system,
     ramet_context_write_system(st->context, &st->out, &st->other, ERR))
CALL(context_tokens, ramet_context_tokens(st->context, &st->outs.n, ERR))
CALL(stats_new, ramet_stats_new(&st->outs.stats, st->tree, ERR))

static int call_tree_entry(struct stage *st)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(1u << 24);
	struct ramet_bytes json;
	int r = ramet_tree_entry(ramet_session_tree(st->old), 0, &scratch, &json, ERR);

	st->outs.n = r < 0 ? 0 : json.len;
	ramet_buf_release(&scratch);
	return r;
}

const struct alloc_call alloc_model[] = {
	ROW(tree_entry, 0),
	ROW(tree_resolve, 0),
	ROW(tree_path, 0),
	ROW(tree_preorder, 0),
	ROW(tree_labels, 0),
	ROW(tree_name, 0),
	ROW(tree_check, 0),
	ROW(context_new, 0),
	ROW(context_write, 0),
	ROW(context_write_projection, 0),
	ROW(context_write_llm, 0),
	ROW(context_write_system, 0),
	ROW(context_tokens, 0),
	ROW(stats_new, 0),
	{ NULL, NULL, 0 }
};
