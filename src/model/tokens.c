/*
 * model/tokens.c - how large a context is, in tokens: what the last answer reported, or an
 * estimate of four characters (UTF-16 units) a token. The same arithmetic as pi's, so that both
 * agree when to compact.
 */
#include "model/tokens.h"

#include "base/error.h"
#include "json/scan.h"
#include "model/context_priv.h"

#define IMAGE_CHARS 4800u

/* A string with its quotes, escaped as JSON.stringify escapes it. */
static uint64_t string_chars(struct rameti_counting *n, const struct ramet_json *v)
{
	ramet_buf_reset(&n->text);
	ramet_buf_reset(&n->quoted);
	ramet_json_text(v, &n->text);
	ramet_buf_add_json_string(&n->quoted, ramet_buf_bytes(&n->text));
	n->failed |= ramet_buf_status(&n->text) < 0 || ramet_buf_status(&n->quoted) < 0;
	return rameti_utf16_len(ramet_buf_bytes(&n->quoted));
}

/* Characters of a value as JSON.stringify would write it. */
static uint64_t json_chars(struct rameti_counting *n, const struct ramet_json *v)
{
	struct ramet_json_writer w;
	uint64_t chars = 0;
	uint32_t i;

	for (i = 0; v && i < v->span; i++) {
		const struct ramet_json *x = v + i;

		ramet_buf_reset(&n->text);
		ramet_json_writer_init(&w, &n->text);
		switch (x->kind) {
		case RAMET_JSON_ARRAY:
			chars += 2 + (x->n ? x->n - 1 : 0);
			break;
		case RAMET_JSON_OBJECT:
			chars += 2 + (x->n ? 2 * x->n - 1 : 0);
			break;
		case RAMET_JSON_STRING:
			chars += string_chars(n, x);
			break;
		case RAMET_JSON_NUMBER:
			ramet_json_add_double(&w, ramet_json_number(x));
			n->failed |= ramet_buf_status(&n->text) < 0;
			chars += n->text.len;
			break;
		default:
			chars += x->len;
		}
	}
	return chars;
}

static uint64_t text_chars(struct rameti_counting *n, const struct ramet_json *v)
{
	ramet_buf_reset(&n->text);
	ramet_json_text(v, &n->text);
	n->failed |= ramet_buf_status(&n->text) < 0;
	return rameti_utf16_len(ramet_buf_bytes(&n->text));
}

/* The blocks that count differ: an answer's thinking and calls, everybody else's images. */
static uint64_t block_chars(struct rameti_counting *n, const struct ramet_json *block,
			    int is_answer)
{
	const struct ramet_json *type = ramet_json_get(block, "type");

	if (ramet_json_text_is(type, "text"))
		return text_chars(n, ramet_json_get(block, "text"));
	if (!is_answer)
		return ramet_json_text_is(type, "image") ? IMAGE_CHARS : 0;
	if (ramet_json_text_is(type, "thinking"))
		return text_chars(n, ramet_json_get(block, "thinking"));
	if (ramet_json_text_is(type, "toolCall"))
		return text_chars(n, ramet_json_get(block, "name")) +
		       json_chars(n, ramet_json_get(block, "arguments"));
	return 0;
}

static uint64_t content_chars(struct rameti_counting *n, const struct ramet_json *content,
			      int is_answer)
{
	const struct ramet_json *block;
	uint64_t chars = 0;

	if (ramet_json_kind(content) == RAMET_JSON_STRING)
		return is_answer ? 0 : text_chars(n, content);
	for (block = NULL; ramet_json_kind(content) == RAMET_JSON_ARRAY &&
			   (block = ramet_json_next(content, block));)
		chars += block_chars(n, block, is_answer);
	return chars;
}

static uint64_t system_chars(struct rameti_counting *n, const struct ramet_json *m)
{
	const struct ramet_json *sections = ramet_json_get(m, "sections"), *v = NULL;
	uint64_t chars = content_chars(n, ramet_json_get(m, "content"), 0);
	int is_value = 0;

	for (; ramet_json_kind(sections) == RAMET_JSON_OBJECT && (v = ramet_json_next(sections, v));
	     is_value = !is_value)
		if (is_value)
			chars += text_chars(n, v);
	return chars + json_chars(n, ramet_json_get(m, "toolsAdded"));
}

static uint64_t message_tokens(struct rameti_counting *n, const struct ramet_json *m, int role)
{
	uint64_t chars;

	switch (role) {
	case RAMET_ROLE_SYSTEM:
		chars = system_chars(n, m);
		break;
	case RAMET_ROLE_BASH_EXECUTION:
		chars = text_chars(n, ramet_json_get(m, "command")) +
			text_chars(n, ramet_json_get(m, "output"));
		break;
	case RAMET_ROLE_BRANCH_SUMMARY:
	case RAMET_ROLE_COMPACTION_SUMMARY:
		chars = text_chars(n, ramet_json_get(m, "summary"));
		break;
	case RAMET_ROLE_USER:
	case RAMET_ROLE_ASSISTANT:
	case RAMET_ROLE_TOOL_RESULT:
	case RAMET_ROLE_CUSTOM:
		chars = content_chars(n, ramet_json_get(m, "content"),
				      role == RAMET_ROLE_ASSISTANT);
		break;
	default:
		chars = 0;
	}
	return (chars + 3) / 4;
}

static double member(const struct ramet_json *usage, const char *key)
{
	return ramet_json_number(ramet_json_get(usage, key));
}

/* What an answer says was used; 0 if it failed or says nothing. */
static double used(const struct ramet_json *m)
{
	const struct ramet_json *reason = ramet_json_get(m, "stopReason"),
				*usage = ramet_json_get(m, "usage");
	double total = member(usage, "totalTokens");

	if (ramet_json_text_is(reason, "aborted") || ramet_json_text_is(reason, "error"))
		return 0;
	if (total == 0)
		total = member(usage, "input") + member(usage, "output") +
			member(usage, "cacheRead") + member(usage, "cacheWrite");
	return total > 0 && total < 9e15 ? total : 0;
}

/* Does the entry stand later on the path than the last edit and the last compaction? */
static int is_fresh(const struct ramet_context *c, uint32_t row)
{
	const struct ramet_row *leaf = ramet_tree_row(c->tree, c->leaf),
			       *r = ramet_tree_row(c->tree, row);

	return (leaf->edit == RAMET_NONE ||
		ramet_tree_row(c->tree, leaf->edit)->depth < r->depth) &&
	       (leaf->compaction == RAMET_NONE ||
		ramet_tree_row(c->tree, leaf->compaction)->depth < r->depth);
}

void rameti_counting_release(struct rameti_counting *n)
{
	ramet_json_doc_release(&n->doc);
	ramet_buf_release(&n->text);
	ramet_buf_release(&n->quoted);
}

int rameti_tokens_add(struct rameti_counting *n, struct ramet_bytes message, int role,
		      uint64_t *tokens, struct ramet_error *err)
{
	uint64_t more;
	int r = ramet_json_parse(&n->doc, message, 0, err);

	if (r < 0)
		return r;
	n->failed = 0;
	more = message_tokens(n, ramet_json_root(&n->doc), role);
	if (n->failed)
		return rameti_fail_nomem(err);
	*tokens += more;
	return 0;
}

/* Estimate of messages from `from` on, system messages only if asked for. */
static int estimate(const struct ramet_context *c, struct rameti_counting *n, uint32_t from,
		    int with_system, uint64_t *tokens, struct ramet_error *err)
{
	uint32_t i;
	int r = 0;

	for (i = from; !r && i < c->n_messages; i++)
		if (with_system || c->messages[i].role != RAMET_ROLE_SYSTEM)
			r = rameti_tokens_add(n, c->messages[i].json, c->messages[i].role, tokens,
					      err);
	return r;
}

static int estimate_system(const struct ramet_context *c, struct rameti_counting *n,
			   uint64_t *tokens, struct ramet_error *err)
{
	struct ramet_buf message = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = ramet_context_write_system(c, &message, NULL, err);

	if (!r)
		r = rameti_tokens_add(n, ramet_buf_bytes(&message), RAMET_ROLE_SYSTEM, tokens, err);
	ramet_buf_release(&message);
	return r;
}

/* The last answer with usable figures: its place + 1 and its figure; 0: none. */
static int last_answer(const struct ramet_context *c, struct rameti_counting *n, uint32_t *after,
		       double *figure, struct ramet_error *err)
{
	uint32_t i;
	int r = 0;

	*after = 0;
	for (i = c->n_messages; !r && !*after && i > 0; i--) {
		if (c->messages[i - 1].role != RAMET_ROLE_ASSISTANT)
			continue;
		r = ramet_json_parse(&n->doc, c->messages[i - 1].json, 0, err);
		*figure = r < 0 ? 0 : used(ramet_json_root(&n->doc));
		if (*figure > 0)
			*after = i;
	}
	return r;
}

int ramet_context_tokens(const struct ramet_context *c, uint64_t *tokens, struct ramet_error *err)
{
	struct rameti_counting n = RAMETI_COUNTING_INIT;
	double figure = 0;
	uint32_t after;
	uint64_t sum = 0;
	int r = last_answer(c, &n, &after, &figure, err);

	if (!r && after && is_fresh(c, c->messages[after - 1].row)) {
		sum = (uint64_t)figure;
		r = estimate(c, &n, after, 1, &sum, err);
	} else if (!r) {
		r = estimate_system(c, &n, &sum, err);
		if (!r)
			r = estimate(c, &n, 0, 0, &sum, err);
	}
	rameti_counting_release(&n);
	if (!r)
		*tokens = sum;
	return r;
}
