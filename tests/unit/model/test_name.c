/*
 * name.c: the session's name is the last session_info, trimmed as JavaScript trims; entry times are
 * read as JavaScript's Date reads them.
 */
#include "small_tree.h"

#define NAME(id, parent, more) ENTRY("session_info", id, parent, "03", more)

static void assert_name(const char *entries, const char *expected)
{
	struct ramet_buf out = RAMET_BUF_INIT(1u << 20);
	struct small_tree s;

	small_tree_init(&s, entries);
	ramet_buf_add_str(&out, "<");
	assert_int_equal(ramet_tree_name(s.tree, &out, NULL), *expected ? 1 : 0);
	assert_string_equal(out.ptr + 1, expected);
	ramet_buf_release(&out);
	small_tree_release(&s);
}

static void name__is_the_last_one_on_any_branch(void **state)
{
	(void)state;
	assert_name("", "");
	assert_name(USER("a", "null", "x"), "");
	assert_name(NAME("n1", "null", ",'name':'one'") NAME("n2", "null", ",'name':'two'")
		    USER("a", "'n1'", "x"), "two");
}

static void name__is_cleared_by_an_empty_or_missing_one(void **state)
{
	(void)state;
	assert_name(NAME("n1", "null", ",'name':'one'") NAME("n2", "'n1'", ",'name':''"), "");
	assert_name(NAME("n1", "null", ",'name':'one'") NAME("n2", "'n1'", ""), "");
	assert_name(NAME("n1", "null", ",'name':'one'") NAME("n2", "'n1'", ",'name':' \\t\\n'"),
		    "");
	assert_name(NAME("n1", "null", ",'name':'one'") NAME("n2", "'n1'", ",'name':null"), "");
}

static void name__that_is_no_text_says_nothing(void **state)
{
	(void)state;
	assert_name(NAME("n1", "null", ",'name':'one'") NAME("n2", "'n1'", ",'name':[1]"), "one");
	assert_name(NAME("n1", "null", ",'name':''") NAME("n2", "'n1'", ",'name':5"), "");
	assert_name(NAME("n1", "null", ",'name':false"), "");
}

static void name__is_trimmed_at_both_ends_only(void **state)
{
	(void)state;
	assert_name(NAME("n1", "null", ",'name':' \\u000b\\u00a0\\u2003 a  "
				       "b\\ufeff\\u2028\\u3000\\r'"),
		    "a  b");
	/* these look like white space but are none */
	assert_name(NAME("n1", "null", ",'name':'\\u200ba\\u0085'"), "\xe2\x80\x8b" "a\xc2\x85");
	assert_name(NAME("n1", "null", ",'name':'\\u1680\\u205f\\u202fx\\u2000'"), "x");
	/* a character that ends in the bytes of a space */
	assert_name(NAME("n1", "null", ",'name':'\\u00e2\\u0420'"), "\xc3\xa2\xd0\xa0");
}

static int get_name(struct small_tree *s, struct ramet_error *err)
{
	struct ramet_buf out = RAMET_BUF_INIT(1u << 20);
	int r = ramet_tree_name(s->tree, &out, err);

	ramet_buf_release(&out);
	return r < 0 ? r : 0;
}

static void name__survives_the_lack_of_memory(void **state)
{
	(void)state;
	assert_survives_no_memory(NAME("n1", "null", ",'name':' a name '"), get_name);
}

static int64_t time_of(const char *json)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int64_t ms;

	assert_int_equal(ramet_json_parse(&doc, ramet_bytes_of(json), 0, NULL), 0);
	ms = rameti_entry_time(ramet_json_root(&doc));
	ramet_json_doc_release(&doc);
	return ms;
}

static void entry_time__reads_texts_and_numbers(void **state)
{
	(void)state;
	assert_int_equal(time_of("\"2026-03-02T10:00:00.123Z\""), 1772445600123);
	assert_int_equal(time_of("\"2026-03-02T10:00:00\\u002b02:00\""), 1772438400000);
	assert_int_equal(time_of("1772442000000"), 1772442000000);
	assert_int_equal(time_of("1.9"), 1);
	assert_int_equal(time_of("-1.9"), -1);
	assert_int_equal(time_of("8.64e15"), 8640000000000000);
	assert_int_equal(time_of("null"), 0);
	assert_int_equal(time_of("false"), 0);
	assert_int_equal(time_of("true"), 1);
}

static void entry_time__answers_none_for_everything_else(void **state)
{
	(void)state;
	assert_true(rameti_entry_time(NULL) == RAMET_TIME_NONE);
	assert_true(time_of("\"\"") == RAMET_TIME_NONE);
	assert_true(time_of("\"garbage\"") == RAMET_TIME_NONE);
	assert_true(time_of("\"\\ud800\"") == RAMET_TIME_NONE);
	assert_true(time_of("8.64000000000001e15") == RAMET_TIME_NONE);
	assert_true(time_of("-1e400") == RAMET_TIME_NONE);
	assert_true(time_of("{}") == RAMET_TIME_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name__is_the_last_one_on_any_branch),
		cmocka_unit_test(name__is_cleared_by_an_empty_or_missing_one),
		cmocka_unit_test(name__that_is_no_text_says_nothing),
		cmocka_unit_test(name__is_trimmed_at_both_ends_only),
		cmocka_unit_test(name__survives_the_lack_of_memory),
		cmocka_unit_test(entry_time__reads_texts_and_numbers),
		cmocka_unit_test(entry_time__answers_none_for_everything_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
