/*
 * test_number.c - numbers both ways: correct rounding in, JavaScript's shortest form out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include "json/number_priv.h"
#include "random_json.h"

static double parsed(const char *text)
{
	return rameti_number_parse(ramet_bytes_of(text));
}

static void check_format(double x, const char *want)
{
	char out[RAMETI_NUMBER_MAX + 1];

	out[rameti_number_format(x, out)] = 0;
	assert_string_equal(out, want);
}

static void number__parses_as_strtod_does(void **state)
{
	static const char *const texts[] = { "0",
					     "1",
					     "-12.5",
					     "1e22",
					     "1e23",
					     "9007199254740993",
					     "123456789012345678901234567890",
					     "0.1",
					     "2.2250738585072011e-308",
					     "2.2250738585072014e-308",
					     "5e-324",
					     "2.4703282292062327e-324",
					     "2.4703282292062328e-324",
					     "1.7976931348623157e308",
					     "1.7976931348623159e308",
					     "0.3e-5",
					     "8.98846567431158e307",
					     "1e-400",
					     "4.35",
					     "0.000001",
					     "1E5",
					     "1e+5",
					     "0e999999999999999999999",
					     "17976931348623158079372897140530341507993413271003782"
					     "693617377898044496829276475094664901797758"
					     "72070963302864166928879109465555478519404026306574886"
					     "715058206819089020007083836762738548458177"
					     "11531764475730270069855571366959622842914819860834936"
					     "475292719074168444365510704342711559699508"
					     "09304288017790417449779.2" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_true(parsed(texts[i]) == strtod(texts[i], NULL));
	assert_true(isinf(parsed("1e400")) && parsed("-1e400") < 0);
	assert_true(parsed("-0") == 0 && signbit(parsed("-0")));
}

static void number__digits_far_behind_decide_a_tie(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(10000);
	int i;

	(void)state;
	ramet_buf_add_str(&b, "9007199254740993.");     /* between two doubles; even is below */
	for (i = 0; i < 3000; i++)
		ramet_buf_add_char(&b, '0');
	assert_true(rameti_number_parse(ramet_buf_bytes(&b)) == 9007199254740992.0);
	ramet_buf_add_char(&b, '1');
	assert_true(rameti_number_parse(ramet_buf_bytes(&b)) == 9007199254740994.0);
	ramet_buf_release(&b);
}

static void number__formats_as_javascript_does(void **state)
{
	(void)state;
	check_format(0, "0");
	check_format(-0.0, "0");
	check_format(-1.5, "-1.5");
	check_format(1e21, "1e+21");
	check_format(123456789012345680000.0, "123456789012345680000");
	check_format(1e20, "100000000000000000000");
	check_format(9007199254740993.0, "9007199254740992");
	check_format(0.000001, "0.000001");
	check_format(1e-7, "1e-7");
	check_format(1.25e-7, "1.25e-7");
	check_format(0.1 + 0.2, "0.30000000000000004");
	check_format(5e-324, "5e-324");
	check_format(5.684341886080802e-14, "5.684341886080802e-14");    /* a power of two */
	check_format(9.5367431640625e-7, "9.5367431640625e-7");
	check_format(1.7976931348623157e308, "1.7976931348623157e+308");
	check_format(-2.2250738585072014e-308, "-2.2250738585072014e-308");
	check_format(INFINITY, "null");
	check_format(-INFINITY, "null");
	check_format(NAN, "null");
}

static void number__round_trips_random_bits_in_any_locale(void **state)
{
	static const char *const locales[] = { "C", "de_DE.UTF-8", "de_DE", "fr_FR.UTF-8",
					       "C.UTF-8" };
	char out[RAMETI_NUMBER_MAX];
	struct rng r = { 31337 };
	size_t k;
	int i;

	(void)state;
	for (k = 0; k < sizeof(locales) / sizeof(*locales); k++) {
		if (!setlocale(LC_ALL, locales[k]))
			continue;                        /* not installed here */
		for (i = 0; i < 20000; i++) {
			double x;

			(void)rng_next(&r, 2);
			memcpy(&x, &r.state, sizeof(x));
			if (isfinite(x))
				assert_true(rameti_number_parse((struct ramet_bytes){
						    out, rameti_number_format(x, out) }) == x);
		}
	}
	(void)setlocale(LC_ALL, "C");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number__parses_as_strtod_does),
		cmocka_unit_test(number__digits_far_behind_decide_a_tie),
		cmocka_unit_test(number__formats_as_javascript_does),
		cmocka_unit_test(number__round_trips_random_bits_in_any_locale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
