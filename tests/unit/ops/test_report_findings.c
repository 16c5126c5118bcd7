/* Tests of ops/report_findings.c. */
#include "given.h"

#include <string.h>

static int check(const struct ramet_session *s, struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	int r = ramet_session_check(s, &f, err);

	if (!r)
		r = ramet_report_findings(&f, out, err);
	ramet_findings_release(&f);
	return r;
}

#define DAMAGED                                                                                    \
	HEADER USER("a", "null", "01:00.000", "x") "garbage\n" USER(                               \
		"b", "'gone'", "02:00.000", "x") USER("a", "null", "03:00.000", "y\xff")           \
		ENTRY("label", "l", "'a'", "04:00.000",                                            \
		      ",'targetId':'nobody','label':'x'") "[1]\n" USER("loop", "'loop'",           \
								       "05:00.000", "x") "{'torn"

static void findings__of_a_clean_session_are_none(void **state)
{
	(void)state;
	assert_report(check, HEADER USER("a", "null", "01:00.000", "x"), "[]");
}

/* Lines of the reader's and the tree's findings, in order and each once. */
static void findings__come_in_line_order(void **state)
{
	struct ramet_session *s = given(DAMAGED);
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	uint32_t i, j;

	(void)state;
	assert_int_equal(ramet_session_check(s, &f, NULL), 0);
	assert_true(f.n > ramet_session_findings(s)->n);
	for (i = 1; i < f.n; i++)
		assert_true(f.items[i - 1].line <= f.items[i].line);
	for (i = 0; i < f.n; i++)
		for (j = i + 1; j < f.n; j++)
			assert_false(f.items[i].line == f.items[j].line &&
				     !strcmp(f.items[i].code, f.items[j].code));
	ramet_findings_release(&f);
	ramet_session_close(s);
}

static void findings__name_each_kind(void **state)
{
	static const char *const expected[] = {
		"'code':'malformed','line':3",
		"'code':'orphan','line':4",
		"'code':'duplicate-id'",
		"'code':'bad-utf8','line':5",
		"'code':'dangling-target','line':6",
		"'code':'malformed','line':7",
		"'code':'loop','line':8",
		"'code':'torn-tail','line':9",
	};
	struct ramet_session *s = given(DAMAGED);
	struct ramet_buf out = RAMET_BUF_INIT(1u << 20);
	size_t i;

	(void)state;
	assert_int_equal(check(s, &out, NULL), 0);
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		if (!strstr(out.ptr, quoted(expected[i])))
			fail_msg("no %s in %s", expected[i], out.ptr);
	ramet_buf_release(&out);
	ramet_session_close(s);
}

static void findings__are_written_with_what_is_known(void **state)
{
	struct ramet_finding items[] = {
		{ RAMET_DAMAGE, "malformed", 3, 100, { NULL, 0 }, { "not \"JSON\"", 10 } },
		{ RAMET_INFO, "bom", 0, RAMET_NO_OFFSET, { "", 0 }, { "x", 1 } },
	};
	struct ramet_findings f = { items, 2, 2, 0, NULL };
	struct ramet_buf out = RAMET_BUF_INIT(1000);

	(void)state;
	assert_int_equal(ramet_report_findings(&f, &out, NULL), 0);
	assert_string_equal(out.ptr,
			    quoted("[{'severity':'damage','code':'malformed','line':3,'offset':100,"
				   "'text':'not \\\"JSON\\\"'},"
				   "{'severity':'info','code':'bom','id':'','text':'x'}]"));
	f.n = 0;
	f.n_dropped = 12;
	ramet_buf_reset(&out);
	assert_int_equal(ramet_report_findings(&f, &out, NULL), 0);
	assert_string_equal(out.ptr, quoted("[{'severity':'warning','code':'more-findings','text':'"
					    "12 more are not listed'}]"));
	ramet_buf_release(&out);
}

static void findings__beyond_the_limit_are_counted(void **state)
{
	struct ramet_buf text = RAMET_BUF_INIT(1u << 24);
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	struct ramet_session *s;
	int i;

	(void)state;
	ramet_buf_add_str(&text, HEADER);
	for (i = 0; i < 8000; i++)
		ramet_buf_addf(&text,
			       "garbage\n{'type':'custom','id':'%d','parentId':'gone%d',"
			       "'timestamp':'2026-03-01T10:00:00Z'}\n",
			       i, i);
	s = given(text.ptr);
	assert_int_equal(ramet_session_check(s, &f, NULL), 0);
	assert_int_equal(f.n, RAMET_FINDINGS_MAX);
	assert_int_equal(f.n + f.n_dropped, 16000);
	for (i = 1; i < (int)f.n; i++)
		assert_true(f.items[i - 1].line <= f.items[i].line);
	ramet_findings_release(&f);
	ramet_session_close(s);
	ramet_buf_release(&text);
}

static void findings__survive_no_memory(void **state)
{
	(void)state;
	assert_survives_no_memory(check, DAMAGED);
	assert_keeps_limit(check, DAMAGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(findings__of_a_clean_session_are_none),
		cmocka_unit_test(findings__come_in_line_order),
		cmocka_unit_test(findings__name_each_kind),
		cmocka_unit_test(findings__are_written_with_what_is_known),
		cmocka_unit_test(findings__beyond_the_limit_are_counted),
		cmocka_unit_test(findings__survive_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
