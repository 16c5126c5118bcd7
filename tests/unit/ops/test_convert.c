/*
 * convert.c: there and back through every format; a conversion under failing memory and failing
 * system calls is there as a whole, or nothing of it is; the source never changes.
 */
#include "failing.h"
#include "store/faulty.h"
#include "store/temp_dir.h"
#include "store/written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TALK                                                                                       \
	HEAD MESSAGE("u1", "null", U("one")) MESSAGE("a1", "'u1'", A("two"))                       \
		MESSAGE("u2", "'u1'", U("three")) "not json\n"                                     \
		LINE("custom", "c1", "'u2'", ",'customType':'x','data':{'n':1e400}")

static const char *const formats[] = { "pi", "pirust", "ggcode", "yoi", "ckptmgr", "sqlite" };
#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

static char *dir;
static char source[TEMP_PATH], there[TEMP_PATH], back[TEMP_PATH];

static int make_dir(void **state)
{
	(void)state;
	dir = temp_dir_new();
	setenv("HOME", dir, 1);
	setenv("XDG_CACHE_HOME", temp_path(dir, "cache"), 1);
	temp_mkdir(dir, "t");
	(void)snprintf(source, sizeof(source), "%s/s.jsonl", dir);
	(void)snprintf(there, sizeof(there), "%s/t/there", dir);
	(void)snprintf(back, sizeof(back), "%s/t/back.jsonl", dir);
	put(source, dq(TALK));
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	(void)scarce_stop();
	temp_dir_remove(dir);
	return 0;
}

/* Open and convert; where it is now into url (TEMP_PATH bytes). */
static int convert(const char *from, const char *to, const char *place, char *url,
		   struct ramet_error *err)
{
	struct ramet_convert_opts opts = { .to = to, .place = place };
	struct ramet_open_opts how = { .no_cache = 1, .threads = 1 };
	struct ramet_convert_report report;
	struct ramet_session *s = NULL;
	int r = ramet_session_open(&s, from, &how, err);

	if (r < 0)
		return r;
	r = ramet_convert(s, &opts, &report, err);
	if (!r)
		(void)snprintf(url, TEMP_PATH, "%s", report.path.ptr);
	ramet_convert_report_release(&report);
	ramet_session_close(s);
	return r;
}

static void convert__comes_back_byte_for_byte(void **state)
{
	char url[TEMP_PATH], end[TEMP_PATH];
	size_t i;

	(void)state;
	for (i = 1; i < N_FORMATS; i++) {
		must(convert(source, formats[i], there, url, &why));
		must(convert(url, "pi", back, end, &why));
		assert_file(back, "%s", dq(TALK));
		(void)unlink(back);
		(void)unlink(there);
	}
}

static void convert__tells_what_became_of_entries(void **state)
{
	struct ramet_convert_opts opts = { .to = "ggcode", .dry = 1 };
	struct ramet_session *s = opened(source);
	struct ramet_convert_report report;

	(void)state;
	must(ramet_convert(s, &opts, &report, &why));
	assert_int_equal(report.entries, 4);
	assert_int_equal(report.said + report.carried + report.left_out, 4);
	assert_int_equal(report.off_branch, 1);
	assert_int_equal(report.path.len, 0);
	ramet_convert_report_release(&report);
	opts.to = "nothing";
	refused(ramet_convert(s, &opts, &report, &why), RAMET_EINVAL);
	ramet_convert_report_release(&report);
	ramet_session_close(s);
	assert_string_equal(names_in(temp_path(dir, "t")), "");
}

static void convert__keeps_what_is_there(void **state)
{
	char url[TEMP_PATH];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		put(there, "mine\n");
		refused(convert(source, formats[i], there, url, &why), RAMET_ECONFLICT);
		assert_file(there, "mine\n");
	}
	must(convert(source, "sqlite", back, url, &why));
	refused(convert(source, "sqlite", back, url, &why), RAMET_ECONFLICT);
}

/* ---- a file that is changed while it is read ---- */

#define NOISE "xxxxxxx\n"

static struct {
	unsigned n, at; /* reads of its start so far, and before which of them it is changed */
} change;

/* A line that is none becomes many. */
static ssize_t changing_pread(void *user, int fd, void *to, size_t len, off_t at)
{
	static const char many[] = "x\nx\nx\nx\n";
	FILE *f;

	if (at == 0 && len > 16 && ++change.n == change.at) {
		f = fopen(source, "r+");
		assert_non_null(f);
		assert_int_equal(fseek(f, (long)strlen(dq(HEAD)), SEEK_SET), 0);
		assert_int_equal(fwrite(many, 1, sizeof(many) - 1, f), sizeof(many) - 1);
		assert_int_equal(fclose(f), 0);
	}
	return rameti_env_posix()->pread(user, fd, to, len, at);
}

/* What the second reading finds elsewhere than the first did is not carried as something else. */
static void convert__tells_when_the_file_was_changed(void **state)
{
	struct rameti_env env = *rameti_env_posix();
	struct ramet_convert_opts opts = { .to = "pirust", .place = there };
	struct ramet_open_opts how = { .no_cache = 1, .threads = 1 };
	struct ramet_convert_report report;
	struct ramet_session *s;
	unsigned told = 0;
	int r;

	(void)state;
	assert_int_equal(strlen(NOISE), 8);
	env.pread = changing_pread;
	for (change.at = 1, change.n = 1; change.n >= change.at; change.at++) {
		put(source, dq(HEAD NOISE MESSAGE("u1", "null", U("one"))
			       MESSAGE("u2", "'u1'", U("two")) "no json\n"));
		(void)unlink(there);
		rameti_env_use(&env);
		must(ramet_session_open(&s, source, &how, &why));
		change.n = 0;
		r = ramet_convert(s, &opts, &report, &why);
		ramet_convert_report_release(&report);
		ramet_session_close(s);
		rameti_env_use(NULL);
		if (r == RAMET_ECONFLICT)
			told++;
		else
			assert_int_equal(r, 0);
		assert_int_equal(access(there, F_OK), r ? -1 : 0);
	}
	assert_true(told > 0);
}

/* The new session is not there, or whole; the source is as it was. */
static void assert_whole(const char *to, int r)
{
	char url[TEMP_PATH + 16], end[TEMP_PATH];

	assert_file(source, "%s", dq(TALK));
	if (!exists(there)) {
		assert_true(r < 0);
		return;
	}
	(void)snprintf(url, sizeof(url), "%s%s",
		       !strcmp(to, "sqlite") ? "sqlite:" : !strcmp(to, "ckptmgr") ? "ckptmgr:" : "",
		       there);
	(void)unlink(back);
	if (convert(url, "pi", back, end, NULL) == 0)
		assert_file(back, "%s", dq(TALK));
	else
		assert_true(r < 0 && strchr(url, ':'));      /* a database without sessions yet */
	(void)unlink(back);
}

static void forget(void)
{
	static const char *const more[] = { "there-wal", "there-shm", "there-journal",
					    "there.lock" };
	size_t i;

	(void)unlink(there);
	for (i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		(void)unlink(temp_path(temp_path(dir, "t"), more[i]));
}

static void convert__leaves_nothing_half_made(void **state)
{
	struct faults f = { .kind = FAULT_ANY, .sys = EIO, .hasty = 1 };
	struct ramet_error err;
	char url[TEMP_PATH];
	size_t i;
	int r, reached;

	(void)state;
	for (i = 0; i < N_FORMATS; i++) {
		for (f.n = 1, reached = 1; reached; f.n++) {
			assert_true(f.n < 5000);
			forget();
			faults_start(&f);
			r = convert(source, formats[i], there, url, &err);
			reached = faults_stop();
			assert_int_equal(faults_open_fds(), 0);
			assert_whole(formats[i], r);
		}
		assert_int_equal(r, 0);
	}
}

static void convert__survives_each_failing_allocation(void **state)
{
	struct ramet_error err;
	char url[TEMP_PATH];
	unsigned n;
	size_t i;
	int r, reached;

	(void)state;
	for (i = 0; i < N_FORMATS; i++) {
		for (n = 1, reached = 1; reached; n++) {
			assert_true(n < 20000);
			forget();
			scarce_start(n);
			r = convert(source, formats[i], there, url, &err);
			reached = scarce_stop();
			if (reached && r < 0)
				assert_int_equal(r, RAMET_ENOMEM);
			assert_whole(formats[i], r);
		}
		assert_int_equal(r, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(convert__comes_back_byte_for_byte, make_dir,
						drop_dir),
		cmocka_unit_test_setup_teardown(convert__tells_what_became_of_entries, make_dir,
						drop_dir),
		cmocka_unit_test_setup_teardown(convert__keeps_what_is_there, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(convert__tells_when_the_file_was_changed, make_dir,
						drop_dir),
		cmocka_unit_test_setup_teardown(convert__leaves_nothing_half_made, make_dir,
						drop_dir),
		cmocka_unit_test_setup_teardown(convert__survives_each_failing_allocation, make_dir,
						drop_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
