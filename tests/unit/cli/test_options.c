/* Tests of cli/options.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "cli/cli.h"

static const struct opt opts[] = {
	{ "leaf", 'l', "ID", "" },
	{ "number", 'n', "N", "" },
	{ "all", 'a', NULL, "" },
	{ "text", 't', NULL, "" },
	{ NULL, 0, NULL, NULL },
};

static int parse(struct args *a, struct ramet_error *err, const char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	memset(a, 0, sizeof(*a));
	return args_parse(a, argc, (char **)(uintptr_t)argv, 1, opts, err);
}
#define ARGV(...) (const char *[]){ "ramet", "cmd", __VA_ARGS__, NULL }

static void options__stand_anywhere_in_every_form(void **state)
{
	struct ramet_error err;
	struct args a;

	(void)state;
	assert_int_equal(parse(&a, &err, ARGV("x", "--leaf=1", "y", "-n", "3", "-at", "z")), 0);
	assert_int_equal(a.n_words, 3);
	assert_string_equal(a.words[1], "y");
	assert_string_equal(args_get(&a, "leaf"), "1");
	assert_string_equal(args_get(&a, "number"), "3");
	assert_true(args_has(&a, "all") && args_has(&a, "text"));
	assert_false(args_has(&a, "json"));
	args_release(&a);
	assert_int_equal(parse(&a, &err, ARGV("-n5", "--leaf", "--all", "-", "--json")), 0);
	assert_string_equal(args_get(&a, "number"), "5");
	assert_string_equal(args_get(&a, "leaf"), "--all");
	assert_string_equal(a.words[0], "-");
	assert_true(args_has(&a, "json"));
	args_release(&a);
}

static void options__end_at_two_dashes(void **state)
{
	struct ramet_error err;
	struct args a;

	(void)state;
	assert_int_equal(parse(&a, &err, ARGV("--all", "--", "--text", "--")), 0);
	assert_int_equal(a.n_words, 2);
	assert_false(args_has(&a, "text"));
	args_release(&a);
}

static void options__last_one_counts(void **state)
{
	struct ramet_error err;
	struct args a;

	(void)state;
	assert_int_equal(parse(&a, &err, ARGV("--leaf", "a", "--leaf=")), 0);
	assert_string_equal(args_get(&a, "leaf"), "");
	args_release(&a);
}

static void assert_refused(const char **argv, const char *text)
{
	struct ramet_error err;
	struct args a;

	assert_int_equal(parse(&a, &err, argv), CLI_USAGE);
	assert_string_equal(err.text, text);
	args_release(&a);
}

static void options__refuse_what_is_unknown(void **state)
{
	(void)state;
	assert_refused(ARGV("--laef=3"), "unknown option --laef (did you mean --leaf?)");
	assert_refused(ARGV("--jsn"), "unknown option --jsn (did you mean --json?)");
	assert_refused(ARGV("--quite-different"), "unknown option --quite-different");
	assert_refused(ARGV("-ax"), "unknown option -ax");
	assert_refused(ARGV("--all=1"), "option --all takes no value");
	assert_refused(ARGV("--leaf"), "option --leaf wants a value: ID");
	assert_refused(ARGV("-l"), "option -l wants a value: ID");
}

static void options__numbers_are_checked(void **state)
{
	static const char *const bad[] = { "", "x", "1x", "-1", "101", "18446744073709551616" };
	struct ramet_error err;
	struct args a;
	uint64_t n = 7;

	(void)state;
	assert_int_equal(parse(&a, &err, ARGV("-n", "100")), 0);
	assert_int_equal(args_number(&a, "number", 100, &n, &err), 0);
	assert_int_equal(n, 100);
	args_release(&a);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(&a, &err, ARGV("-n", bad[i])), 0);
		assert_int_equal(args_number(&a, "number", 100, &n, &err), CLI_USAGE);
		args_release(&a);
	}
	assert_int_equal(n, 100);
}

static void options__that_exclude_each_other(void **state)
{
	static const char *const names[] = { "all", "text", NULL };
	struct ramet_error err;
	struct args a;

	(void)state;
	assert_int_equal(parse(&a, &err, ARGV("--text")), 0);
	assert_int_equal(args_one_of(&a, names, &err), 1);
	args_release(&a);
	assert_int_equal(parse(&a, &err, ARGV("--text", "--all")), 0);
	assert_int_equal(args_one_of(&a, names, &err), CLI_USAGE);
	args_release(&a);
	assert_int_equal(parse(&a, &err, ARGV("x")), 0);
	assert_int_equal(args_one_of(&a, names, &err), -1);
	args_release(&a);
}

static int command_at(const char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return args_command_at(argc, (char **)(uintptr_t)argv);
}
#define AT(...) command_at((const char *[]){ "ramet", __VA_ARGS__, NULL })

static void options__before_the_command_do_not_hide_it(void **state)
{
	(void)state;
	assert_int_equal(AT("list"), 1);
	assert_int_equal(AT("--json", "list"), 2);
	assert_int_equal(AT("--store", "pi", "list"), 3);
	assert_int_equal(AT("--store=pi", "list"), 2);
	assert_int_equal(AT("-n", "3", "list"), 3);
	assert_int_equal(AT("-n3", "list"), 2);
	assert_int_equal(AT("--", "list"), 2);
	assert_int_equal(AT("--json", "--"), 0);
	assert_int_equal(AT("--version"), 0);
}

static void options__distance_counts_changes(void **state)
{
	(void)state;
	assert_int_equal(options_distance(ramet_bytes_of("list"), ramet_bytes_of("list")), 0);
	assert_int_equal(options_distance(ramet_bytes_of("lst"), ramet_bytes_of("list")), 1);
	assert_int_equal(options_distance(ramet_bytes_of("tere"), ramet_bytes_of("tree")), 2);
	assert_int_equal(options_distance(ramet_bytes_of(""), ramet_bytes_of("tree")), 4);
	assert_int_equal(options_distance(ramet_bytes_of("abcdefgh"), ramet_bytes_of("tree")), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options__stand_anywhere_in_every_form),
		cmocka_unit_test(options__end_at_two_dashes),
		cmocka_unit_test(options__last_one_counts),
		cmocka_unit_test(options__refuse_what_is_unknown),
		cmocka_unit_test(options__numbers_are_checked),
		cmocka_unit_test(options__that_exclude_each_other),
		cmocka_unit_test(options__before_the_command_do_not_hide_it),
		cmocka_unit_test(options__distance_counts_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
