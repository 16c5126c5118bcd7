/*
 * test_tape.c - parsed texts: nodes, getters, limits; against the slow twin on random text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include "json/index_priv.h"
#include "random_json.h"

static struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
static uint64_t words[RAMETI_DEPTH_WORDS];

static const struct ramet_json *parse(const char *text)
{
	assert_int_equal(ramet_json_parse(&doc, ramet_bytes_of(text), 0, NULL), 0);
	return ramet_json_root(&doc);
}

static int release_doc(void **state)
{
	(void)state;
	ramet_json_doc_release(&doc);
	return 0;
}

/* Every node lies inside the text and inside its container; spans and counts add up. */
static void check_nodes(struct ramet_bytes text)
{
	uint32_t i;

	for (i = 0; i < doc.n_nodes; i++) {
		const struct ramet_json *v = &doc.nodes[i], *child;
		uint32_t n = 0, span = 1;

		assert_true(v->ptr >= text.ptr && v->ptr + v->len <= text.ptr + text.len &&
			    v->len > 0);
		assert_true(v->span >= 1 && i + v->span <= doc.n_nodes);
		for (child = ramet_json_next(v, NULL); child; child = ramet_json_next(v, child)) {
			assert_true(child->ptr > v->ptr &&
				    child->ptr + child->len < v->ptr + v->len);
			span += child->span;
			n++;
		}
		assert_int_equal(span, v->span);
		assert_int_equal(ramet_json_count(v), v->kind == RAMET_JSON_OBJECT ? n / 2 : n);
		if (v->kind == RAMET_JSON_STRING)
			assert_int_equal(v->flags & RAMET_JSON_HAS_ESCAPE,
					 !!memchr(v->ptr, '\\', v->len));
	}
	assert_int_equal(doc.nodes[0].span, doc.n_nodes);
}

static void check_text(struct ramet_bytes text)
{
	struct ramet_error err = { 0 };
	uint32_t at = 0;
	int trouble, r;

	r = ramet_json_parse(&doc, text, 0, &err);
	trouble = (int)rameti_json_explain(text.ptr, (uint32_t)text.len, words, &at);
	assert_int_equal(r == 0, trouble == 0);
	if (r < 0) {
		assert_int_equal(err.offset, at);
		assert_int_equal(r, err.code);
		assert_null(ramet_json_root(&doc));
		return;
	}
	check_nodes(text);
	assert_int_equal(!!(ramet_json_root(&doc)->flags & RAMET_JSON_BAD_UTF8),
			 !rameti_utf8_valid(text));
	r = ramet_json_parse(&doc, text, RAMET_JSON_STRICT, &err);
	assert_int_equal(r == 0, rameti_utf8_valid(text));
}

static void tape__agrees_with_the_twin_on_random_text(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);
	struct rng r = { 991 };
	int i;

	(void)state;
	for (i = 0; i < 40000; i++) {
		char *copy;

		ramet_buf_reset(&b);
		random_value(&r, &b, 1);
		if (rng_next(&r, 2))
			damage(&r, &b);
		copy = ramet_alloc(b.len + 1);           /* exact, so that reading beyond shows */
		memcpy(copy + 1, b.ptr, b.len);
		check_text((struct ramet_bytes){ copy + 1, b.len });
		ramet_free(copy);
	}
	ramet_buf_release(&b);
}

static void tape__large_texts_cross_windows(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 24);
	struct rng r = { 17 };
	int i, n;

	(void)state;
	for (i = 0; i < 20; i++) {
		ramet_buf_reset(&b);
		ramet_buf_add_str(&b, "[{\"a\":[");
		for (n = 0; n < 2000; n++) {
			random_value(&r, &b, 1);
			ramet_buf_add_char(&b, ',');
		}
		ramet_buf_add_str(&b, "1]}]");
		check_text(ramet_buf_bytes(&b));
		damage(&r, &b);
		check_text(ramet_buf_bytes(&b));
	}
	ramet_buf_release(&b);
}

static void value__getters_answer_nothing_for_wrong_kinds(void **state)
{
	const struct ramet_json *v = parse("[1,\"a\"]");

	(void)state;
	assert_null(ramet_json_get(NULL, "a"));
	assert_null(ramet_json_get(v, "a"));
	assert_null(ramet_json_next(v + 1, NULL));
	assert_null(ramet_json_next(NULL, NULL));
	assert_int_equal(ramet_json_kind(NULL), RAMET_JSON_NONE);
	assert_int_equal(ramet_json_count(v + 1), 0);
	assert_int_equal(ramet_json_plain(v).len, 0);
	assert_int_equal(ramet_json_raw(NULL).len, 0);
	assert_true(ramet_json_number(v + 2) == 0);
	assert_int_equal(ramet_json_text_is(v, "a"), 0);
	assert_int_equal(ramet_json_truthy(NULL), 0);
}

static void value__get_takes_the_last_of_equal_keys(void **state)
{
	const struct ramet_json *v = parse("{\"a\":1,\"b\":{\"a\":9},\"\\u0061\":2,\"c\":3}");

	(void)state;
	assert_true(ramet_json_number(ramet_json_get(v, "a")) == 2);
	assert_true(ramet_json_number(ramet_json_get(ramet_json_get(v, "b"), "a")) == 9);
	assert_int_equal(ramet_json_count(v), 4);
	v = parse("{\"\xff\":1}");
	assert_true(ramet_json_number(ramet_json_get(v, "\xef\xbf\xbd")) == 1);
	v = parse("{\"\":{}}");
	assert_non_null(ramet_json_get(v, ""));
}

static void value__text_is_decoded_or_borrowed(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1000);
	const struct ramet_json *v = parse("[\"plain\",\"\\ud83d\\ude00\\ud800x\",\"\xc3(\",\"\"]"),
				*s;

	(void)state;
	s = ramet_json_next(v, NULL);
	assert_true(ramet_bytes_is(ramet_json_plain(s), "plain"));
	s = ramet_json_next(v, s);
	assert_int_equal(ramet_json_plain(s).len, 0);
	ramet_json_text(s, &b);
	assert_string_equal(b.ptr, "\xf0\x9f\x98\x80\xed\xa0\x80x");
	assert_int_equal(ramet_json_text_is(s, "\xf0\x9f\x98\x80\xed\xa0\x80x"), 1);
	s = ramet_json_next(v, s);
	assert_int_equal(ramet_json_plain(s).len, 0);
	assert_int_equal(ramet_json_text_is(s, "\xef\xbf\xbd("), 1);
	s = ramet_json_next(v, s);
	assert_int_equal(ramet_json_text_is(s, ""), 1);
	assert_null(ramet_json_next(v, s));
	ramet_buf_release(&b);
}

static void value__truth_is_javascripts(void **state)
{
	const struct ramet_json *v = parse(
					"[0,-0,0e5,1e-400,\"\",null,false, 1,\"0\",true,[],{},-1]"),
				*x;
	int i = 0;

	(void)state;
	for (x = ramet_json_next(v, NULL); x; x = ramet_json_next(v, x), i++)
		assert_int_equal(ramet_json_truthy(x), i >= 7);
}

static void tape__depth_has_a_limit(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);
	struct ramet_error err;
	uint32_t i, depth;

	(void)state;
	for (depth = RAMET_JSON_DEPTH_MAX; depth <= RAMET_JSON_DEPTH_MAX + 1; depth++) {
		ramet_buf_reset(&b);
		for (i = 0; i < depth; i++)
			ramet_buf_add_char(&b, '[');
		for (i = 0; i < depth; i++)
			ramet_buf_add_char(&b, ']');
		assert_int_equal(ramet_json_parse(&doc, ramet_buf_bytes(&b), 0, &err),
				 depth > RAMET_JSON_DEPTH_MAX ? RAMET_ELIMIT : 0);
	}
	assert_int_equal(err.offset, RAMET_JSON_DEPTH_MAX);
	ramet_buf_release(&b);
}

static void tape__length_has_a_limit(void **state)
{
	struct ramet_bytes text = { "1", (size_t)RAMET_JSON_LEN_MAX + 1 };

	(void)state;
	assert_int_equal(ramet_json_parse(&doc, text, 0, NULL), RAMET_ELIMIT);      /* not read */
	assert_int_equal(ramet_json_parse(&doc, (struct ramet_bytes){ NULL, 0 }, 0, NULL),
			 RAMET_EJSON);
}

/* Every allocation failing in turn: ENOMEM, nothing lost, and it works afterwards. */
static int allowed;

static void *failing_realloc(void *user, void *ptr, size_t size)
{
	(void)user;
	return allowed-- > 0 ? realloc(ptr, size) : NULL;
}

static void plain_free(void *user, void *ptr)
{
	(void)user;
	free(ptr);
}

static void tape__survives_failing_allocations(void **state)
{
	const struct ramet_allocator failing = { failing_realloc, plain_free, NULL };
	struct ramet_json_doc d = RAMET_JSON_DOC_INIT;
	char text[4001];
	int n, r = RAMET_ENOMEM;

	(void)state;
	memset(text, '[', 2000);
	memset(text + 2000, ']', 2000);
	text[4000] = 0;
	ramet_set_allocator(&failing);
	for (n = 0; r == RAMET_ENOMEM; n++) {
		allowed = n;
		ramet_json_doc_release(&d);
		r = ramet_json_parse(&d, ramet_bytes_of(text), 0, NULL);
		assert_int_equal(ramet_json_root(&d) != NULL, r == 0);
	}
	assert_int_equal(r, 0);
	assert_true(n >= 3);
	ramet_json_doc_release(&d);
	ramet_set_allocator(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tape__agrees_with_the_twin_on_random_text),
		cmocka_unit_test(tape__large_texts_cross_windows),
		cmocka_unit_test(value__getters_answer_nothing_for_wrong_kinds),
		cmocka_unit_test(value__get_takes_the_last_of_equal_keys),
		cmocka_unit_test(value__text_is_decoded_or_borrowed),
		cmocka_unit_test(value__truth_is_javascripts),
		cmocka_unit_test(tape__depth_has_a_limit),
		cmocka_unit_test(tape__length_has_a_limit),
		cmocka_unit_test(tape__survives_failing_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, release_doc);
}
