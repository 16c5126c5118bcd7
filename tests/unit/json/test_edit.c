/*
 * test_edit.c - edits by span: what was asked, and no other byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include "ramet/json.h"

#define SET(name, text) { { (name), sizeof(name) - 1 }, { (text), sizeof(text) - 1 } }
#define REMOVE(name) { { (name), sizeof(name) - 1 }, { NULL, 0 } }

/* The edits applied to the root, or to its member `inside`. */
static void check(const char *text, const char *inside, const struct ramet_json_edit *edits,
		  size_t n, const char *want)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	const struct ramet_json *object;

	assert_int_equal(ramet_json_parse(&doc, ramet_bytes_of(text), 0, NULL), 0);
	object = ramet_json_root(&doc);
	if (inside)
		object = ramet_json_get(object, inside);
	assert_int_equal(ramet_json_edit(&b, ramet_bytes_of(text), object, edits, n, NULL), 0);
	assert_string_equal(b.ptr, want);
	assert_int_equal(ramet_json_parse(&doc, ramet_buf_bytes(&b), 0, NULL), 0);
	ramet_buf_release(&b);
	ramet_json_doc_release(&doc);
}

static void edit__replaces_in_place(void **state)
{
	const struct ramet_json_edit e[] = { SET("a", "[1]") };

	(void)state;
	check(" { \"a\" : 1 , \"b\":2 }\n", NULL, e, 1, " { \"a\" : [1] , \"b\":2 }\n");
	check("{\"\\u0061\":{\"a\":1}}", NULL, e, 1, "{\"\\u0061\":[1]}");
	check("{\"a\":1,\"a\":2,\"b\":3}", NULL, e, 1, "{\"a\":1,\"a\":[1],\"b\":3}");
	check("{\"x\":{\"a\":1},\"a\":2}", "x", e, 1, "{\"x\":{\"a\":[1]},\"a\":2}");
	check("{\"a\":1}", NULL, NULL, 0, "{\"a\":1}");
}

static void edit__adds_at_the_end(void **state)
{
	const struct ramet_json_edit e[] = { SET("n\"", "1"), SET("m", "2"), SET("n\"", "3") };

	(void)state;
	check("{}", NULL, e, 3, "{\"m\":2,\"n\\\"\":3}");
	check("{ }", NULL, e, 1, "{\"n\\\"\":1 }");
	check("{\"a\":1 }", NULL, e, 2, "{\"a\":1,\"n\\\"\":1,\"m\":2 }");
}

static void edit__removes_all_of_a_key(void **state)
{
	const struct ramet_json_edit a[] = { REMOVE("a") };
	const struct ramet_json_edit ab[] = { REMOVE("a"), REMOVE("b") };
	const struct ramet_json_edit swap[] = { REMOVE("a"), SET("z", "0") };

	(void)state;
	check("{\"a\":1}", NULL, a, 1, "{}");
	check("{ \"a\":1 }", NULL, a, 1, "{ }");
	check("{\"a\":1, \"b\":2}", NULL, a, 1, "{\"b\":2}");
	check("{\"b\":2, \"a\":1}", NULL, a, 1, "{\"b\":2}");
	check("{\"a\":1,\"b\":2,\"a\":3,\"c\":4,\"a\":5}", NULL, a, 1, "{\"b\":2,\"c\":4}");
	check("{\"a\":1,\"b\":2,\"a\":3}", NULL, ab, 2, "{}");
	check("{\"a\":1,\"b\":2,\"c\":[3]}", NULL, ab, 2, "{\"c\":[3]}");
	check("{\"c\":[3],\"a\":1,\"b\":2}", NULL, ab, 2, "{\"c\":[3]}");
	check("{\"a\":1}", NULL, swap, 2, "{\"z\":0}");
	check("{\"b\":2,\"a\":1}", NULL, swap, 2, "{\"b\":2,\"z\":0}");
	check("{\"b\":2}", NULL, a, 1, "{\"b\":2}");
}

static void edit__wants_an_object_of_the_text(void **state)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	struct ramet_error err;

	(void)state;
	assert_int_equal(ramet_json_parse(&doc, ramet_bytes_of("[{}]"), 0, NULL), 0);
	assert_int_equal(ramet_json_edit(&b, ramet_bytes_of("[{}]"), NULL, NULL, 0, &err),
			 RAMET_EINVAL);
	assert_int_equal(
		ramet_json_edit(&b, ramet_bytes_of("other"), ramet_json_root(&doc), NULL, 0, &err),
		RAMET_EINVAL);
	ramet_buf_release(&b);
	ramet_json_doc_release(&doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edit__replaces_in_place),
		cmocka_unit_test(edit__adds_at_the_end),
		cmocka_unit_test(edit__removes_all_of_a_key),
		cmocka_unit_test(edit__wants_an_object_of_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
