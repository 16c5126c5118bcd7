/*
 * test_finding.c - findings are kept up to a limit and counted beyond; names of what a row holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "failing.h"
#include "model/tree.h"

static const struct ramet_bytes none = { NULL, 0 };

static void finding__ids_are_cut_and_may_be_missing(void **state)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	char id[400];

	(void)state;
	memset(id, 'i', sizeof(id));
	assert_int_equal(rameti_finding_add(&f, RAMET_DAMAGE, "loop", 3, 70,
					    (struct ramet_bytes){ id, sizeof(id) }, "n %d", 5), 0);
	assert_int_equal(rameti_finding_add(&f, RAMET_INFO, "bom", 1, 0, none, "%s", ""), 0);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.items[0].id.len, 256);
	assert_true(ramet_bytes_is(f.items[0].text, "n 5"));
	assert_null(f.items[1].id.ptr);
	ramet_findings_release(&f);
	assert_int_equal(f.n, 0);
	ramet_findings_release(&f);
}

static void finding__beyond_the_limit_is_counted(void **state)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	struct ramet_finding copy;
	uint32_t i;

	(void)state;
	for (i = 0; i < RAMET_FINDINGS_MAX; i++)
		assert_int_equal(rameti_finding_add(&f, RAMET_INFO, "crlf", i, 0, none, "x"), 0);
	assert_int_equal(f.n_dropped, 0);
	copy = f.items[0];
	assert_int_equal(rameti_finding_add(&f, RAMET_INFO, "crlf", i, 0, none, "x"), 0);
	assert_int_equal(rameti_finding_copy(&f, &copy), 0);
	assert_int_equal(f.n, RAMET_FINDINGS_MAX);
	assert_int_equal(f.n_dropped, 2);
	ramet_findings_release(&f);
}

static void finding__survives_every_failing_allocation(void **state)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	struct ramet_finding from = { .severity = RAMET_INFO, .code = "bom" };
	unsigned n, reached = 1;
	char text[2000];
	int r;

	(void)state;
	memset(text, 't', sizeof(text));
	from.text = ramet_bytes_of("text");
	from.id = ramet_bytes_of("id");
	for (n = 1; reached; n++) {
		uint32_t i;

		failing_memory_start(n);
		for (i = 0, r = 0; !r && i < 40; i++)
			r = i % 2 ? rameti_finding_copy(&f, &from) :
				    rameti_finding_add(&f, RAMET_DAMAGE, "loop", 1, 2, from.id,
						       "%.*s", 100 + (int)i, text);
		ramet_findings_release(&f);
		reached = (unsigned)failing_memory_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
	}
	assert_true(n > 5);
}

static void names__of_what_there_is_not_are_empty(void **state)
{
	(void)state;
	assert_string_equal(ramet_severity_name(RAMET_INFO), "info");
	assert_string_equal(ramet_severity_name(RAMET_WARNING), "warning");
	assert_string_equal(ramet_severity_name(RAMET_DAMAGE), "damage");
	assert_string_equal(ramet_severity_name(77), "");
	assert_string_equal(ramet_entry_type_name(RAMET_ENTRY_MESSAGE), "message");
	assert_string_equal(ramet_entry_type_name(-1), "");
	assert_string_equal(ramet_entry_type_name(1000), "");
	assert_string_equal(ramet_role_name(RAMET_ROLE_USER), "user");
	assert_string_equal(ramet_role_name(-1), "");
	assert_string_equal(ramet_role_name(1000), "");
	assert_int_equal(ramet_entry_type_of(ramet_bytes_of("message")), RAMET_ENTRY_MESSAGE);
	assert_int_equal(ramet_entry_type_of(ramet_bytes_of("no such type")), RAMET_ENTRY_OTHER);
	assert_int_equal(ramet_role_of(ramet_bytes_of("no such role")), RAMET_ROLE_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finding__ids_are_cut_and_may_be_missing),
		cmocka_unit_test(finding__beyond_the_limit_is_counted),
		cmocka_unit_test(finding__survives_every_failing_allocation),
		cmocka_unit_test(names__of_what_there_is_not_are_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
