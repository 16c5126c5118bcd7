/*
 * test_compact.c - values without the white space around their tokens, which keep their bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "json/scan.h"
#include "random_json.h"

static struct ramet_json_doc doc = RAMET_JSON_DOC_INIT, again = RAMET_JSON_DOC_INIT;

static int release_docs(void **state)
{
	(void)state;
	ramet_json_doc_release(&doc);
	ramet_json_doc_release(&again);
	return 0;
}

static const struct ramet_json *parse(struct ramet_bytes text)
{
	assert_int_equal(ramet_json_parse(&doc, text, 0, NULL), 0);
	return ramet_json_root(&doc);
}

static void check(const char *text, const char *want)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);

	ramet_buf_add_str(&b, "> ");
	rameti_json_add_compact(&b, parse(ramet_bytes_of(text)));
	assert_int_equal(ramet_buf_status(&b), 0);
	assert_string_equal(b.ptr + 2, want);
	/* what begins or ends with white space is no part of the value */
	assert_int_equal(rameti_json_is_compact(ramet_json_root(&doc)),
			 ramet_json_root(&doc)->len == b.len - 2);
	ramet_buf_release(&b);
}

static void compact__drops_white_space_of_every_kind(void **state)
{
	(void)state;
	check(" \t\r\n1 \t\r\n", "1");
	check("\n{\r\n\t\"a\" : 1 ,\n\t\"b\" : [ 1 , 2\t]\r\n}\n", "{\"a\":1,\"b\":[1,2]}");
	check("[ true , false , null , -1.5e3 , \"x\" ]", "[true,false,null,-1.5e3,\"x\"]");
	check("{ \"a\"\n:\n{ \"b\"\n:\n{ \"c\"\n:\n[\n[\n[\n1\n]\n]\n]\n}\n}\n}",
	      "{\"a\":{\"b\":{\"c\":[[[1]]]}}}");
	check("[1, 2]", "[1,2]");
	check("[\n]", "[]");
	check("{ }", "{}");
	check("[ { } , [ ] , { \"\" : { } } ]", "[{},[],{\"\":{}}]");
	check("[\"a\" ,\"b\"\n]", "[\"a\",\"b\"]");
}

static void compact__keeps_the_bytes_of_tokens(void **state)
{
	(void)state;
	check("[ 1.0 , 1E+400 , -0 , 12345678901234567890123 , 0.10 ]",
	      "[1.0,1E+400,-0,12345678901234567890123,0.10]");
	check("{ \"\\u0069d\" : \"\\/ \\u00e9\\ud800 \\n\" }",
	      "{\"\\u0069d\":\"\\/ \\u00e9\\ud800 \\n\"}");
	check("[ \" a  b \" , \"\\\" , \\\\\" , \"{ [ : ] }\" ]",
	      "[\" a  b \",\"\\\" , \\\\\",\"{ [ : ] }\"]");
	check("{ \"k\" : 1 , \"k\" : 2 , \"a b\" : \"c : d\" }",
	      "{\"k\":1,\"k\":2,\"a b\":\"c : d\"}");
	check("[ \"\xc3\xa9 \xe2\x80\xa8 \xf0\x9f\x98\x80\" ]",
	      "[\"\xc3\xa9 \xe2\x80\xa8 \xf0\x9f\x98\x80\"]");
	check("[ \"\xff \xed\xa0\x80\" ]", "[\"\xff \xed\xa0\x80\"]");
	check("\"  \"", "\"  \"");
	check("[ \"\" ]", "[\"\"]");
}

static void compact__leaves_compact_text_as_it_is(void **state)
{
	static const char *const texts[] = { "{}", "[]", "\" \"", "0", "null", "[[],{}]",
					     "{\"a\":[1,\"2 3\",{\"b\":null}],\"c\":\" , \"}" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		check(texts[i], texts[i]);
}

/* A member inside a text: what stands around it does not come along. */
static void compact__works_on_values_inside_others(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1000);
	const struct ramet_json *o = parse(ramet_bytes_of(
		"{ \"x\" : \" \" , \"a\" : { \"b\" : [ 1 , \"c d\" ] } , \"e\":\"f\" }"));

	(void)state;
	rameti_json_add_compact(&b, ramet_json_get(o, "a"));
	assert_string_equal(b.ptr, "{\"b\":[1,\"c d\"]}");
	ramet_buf_reset(&b);
	rameti_json_add_compact(&b, ramet_json_get(ramet_json_get(o, "a"), "b"));
	rameti_json_add_compact(&b, ramet_json_get(o, "e"));
	assert_string_equal(b.ptr, "[1,\"c d\"]\"f\"");
	ramet_buf_release(&b);
}

static void compact__stops_at_the_limit_of_the_buffer(void **state)
{
	struct ramet_buf tight = RAMET_BUF_INIT(6), exact = RAMET_BUF_INIT(7);
	const struct ramet_json *v = parse(ramet_bytes_of("[ 1 , 2 , 3 ]"));

	(void)state;
	rameti_json_add_compact(&tight, v);
	assert_int_equal(ramet_buf_status(&tight), RAMET_ELIMIT);
	rameti_json_add_compact(&exact, v);
	assert_int_equal(ramet_buf_status(&exact), 0);
	assert_string_equal(exact.ptr, "[1,2,3]");
	ramet_buf_release(&tight);
	ramet_buf_release(&exact);
}

static int is_container(const struct ramet_json *v)
{
	return v->kind == RAMET_JSON_OBJECT || v->kind == RAMET_JSON_ARRAY;
}

/* Node by node the same kinds, counts and, for tokens, bytes; and no byte outside of them but
 * brackets, commas and colons. */
static void check_same(const struct ramet_json_doc *a, const struct ramet_json_doc *b)
{
	size_t len = 0;
	uint32_t i;

	assert_int_equal(a->n_nodes, b->n_nodes);
	for (i = 0; i < a->n_nodes; i++) {
		const struct ramet_json *v = &a->nodes[i], *w = &b->nodes[i];

		assert_int_equal(v->kind, w->kind);
		assert_int_equal(v->n, w->n);
		assert_int_equal(v->span, w->span);
		if (!is_container(v)) {
			assert_true(ramet_bytes_eq(ramet_json_raw(v), ramet_json_raw(w)));
			len += v->len;
			continue;
		}
		/* brackets, commas between members, a colon in each */
		len += 2 + (v->n ? v->n - 1 : 0) + (v->kind == RAMET_JSON_OBJECT ? v->n : 0);
	}
	assert_int_equal(b->nodes[0].len, len);
}

/* Members of an object and the same of its copy, as compact_at tells them. */
static void check_places(const struct ramet_json *o, const struct ramet_json *copy)
{
	uint32_t i, n = o->kind == RAMET_JSON_OBJECT ? o->n : 0;
	const struct ramet_json *key = o + 1, *to = copy + 1;

	for (i = 0; i < n; i++, key += 1 + key[1].span, to += 1 + to[1].span)
		assert_int_equal(rameti_json_compact_at(o, key + 1), to[1].ptr - copy->ptr);
}

static void compact__says_the_same_in_fewer_bytes_for_any_value(void **state)
{
	struct ramet_buf text = RAMET_BUF_INIT(1 << 20), out = RAMET_BUF_INIT(1 << 20),
			 twice = RAMET_BUF_INIT(1 << 20);
	struct rng rng = { 77 };
	int i;

	(void)state;
	for (i = 0; i < 30000; i++) {
		ramet_buf_reset(&text);
		ramet_buf_reset(&out);
		ramet_buf_reset(&twice);
		random_value(&rng, &text, 1);
		rameti_json_add_compact(&out, parse(ramet_buf_bytes(&text)));
		assert_int_equal(ramet_json_parse(&again, ramet_buf_bytes(&out), 0, NULL), 0);
		check_same(&doc, &again);
		check_places(ramet_json_root(&doc), ramet_json_root(&again));
		assert_null(memchr(out.ptr, '\n', out.len));
		rameti_json_add_compact(&twice, ramet_json_root(&again));
		assert_string_equal(twice.ptr, out.ptr);
	}
	ramet_buf_release(&text);
	ramet_buf_release(&out);
	ramet_buf_release(&twice);
}

static void compact__takes_deep_values(void **state)
{
	struct ramet_buf text = RAMET_BUF_INIT(1 << 20), out = RAMET_BUF_INIT(1 << 20);
	unsigned i, depth = RAMET_JSON_DEPTH_MAX;

	(void)state;
	for (i = 0; i < depth; i++)
		ramet_buf_add_str(&text, "[ ");
	for (i = 0; i < depth; i++)
		ramet_buf_add_str(&text, "]\n");
	rameti_json_add_compact(&out, parse(ramet_buf_bytes(&text)));
	assert_int_equal(out.len, 2 * depth);
	for (i = 0; i < out.len; i++)
		assert_int_equal(out.ptr[i], i < depth ? '[' : ']');
	ramet_buf_release(&text);
	ramet_buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compact__drops_white_space_of_every_kind),
		cmocka_unit_test(compact__keeps_the_bytes_of_tokens),
		cmocka_unit_test(compact__leaves_compact_text_as_it_is),
		cmocka_unit_test(compact__works_on_values_inside_others),
		cmocka_unit_test(compact__stops_at_the_limit_of_the_buffer),
		cmocka_unit_test(compact__says_the_same_in_fewer_bytes_for_any_value),
		cmocka_unit_test(compact__takes_deep_values),
	};

	return cmocka_run_group_tests(tests, NULL, release_docs);
}
