/*
 * index_admin.c, index_cap.c: looking after indexes while calls and allocations fail. An index is
 * only a cache: what cannot be removed is told or left, and the session is never touched.
 */
#include "faulty.h"
#include "indexed.h"
#include "temp_dir.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "store/index_cap.h"

/* ---- what is asked and done ---- */

static int ask_status(struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(TEMP_PATH);
	struct ramet_index_info info;
	int r = ramet_index_status(indexed_session(), &info, &path, err);

	ramet_buf_release(&path);
	return r < 0 ? r : ramet_index_status(indexed_session(), &info, NULL, err);
}

static int ask_count(struct ramet_error *err)
{
	struct ramet_buf dir = RAMET_BUF_INIT(TEMP_PATH);
	struct ramet_index_total total;
	int r = ramet_index_count(&total, &dir, err);

	ramet_buf_release(&dir);
	return r;
}

static int rebuild(struct ramet_error *err)
{
	int r = ramet_index_rebuild(indexed_session(), err);

	return r < 0 ? r : 0;
}

static int clear_one(struct ramet_error *err)
{
	return ramet_index_clear(indexed_session(), NULL, err);
}

static int clear_all(struct ramet_error *err)
{
	struct ramet_index_total removed;

	return ramet_index_clear(NULL, &removed, err);
}

static int (*const acts[])(struct ramet_error *err) = { ask_status, ask_count, rebuild, clear_one,
							clear_all };
#define N_ACTS (sizeof(acts) / sizeof(*acts))

static void index_admin__survives_every_failing_allocation(void **state)
{
	struct ramet_error err;
	unsigned n, reached;
	size_t i;
	int r;

	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	for (i = 0; i < N_ACTS; i++)
		for (n = 1, reached = 1; reached; n++) {
			make_index(indexed_session());
			memset(&err, 0, sizeof(err));
			scarce_start(n);
			r = acts[i](&err);
			reached = (unsigned)scarce_stop();
			assert_true(r == 0 || (reached && r == RAMET_ENOMEM && err.code == r));
		}
	make_index(indexed_session());
	assert_opens_from_index(indexed_session());
}

static void index_admin__survives_every_failing_call(void **state)
{
	static const int errors[] = { EIO, EACCES, ENOSPC };
	struct faults f = { .kind = FAULT_ANY };
	struct ramet_error err;
	size_t i, e;
	int r, reached;

	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	for (i = 0; i < N_ACTS; i++)
		for (e = 0; e < 3; e++)
			for (f.n = 1, reached = 1; reached; f.n++) {
				make_index(indexed_session());
				memset(&err, 0, sizeof(err));
				f.sys = errors[e];
				faults_start(&f);
				/* every second time nobody listens */
				r = acts[i](f.n % 2 ? &err : NULL);
				assert_int_equal(faults_open_fds(), 0);
				reached = faults_stop();
				rameti_env_use(indexed_env());
				assert_true(r == 0 || reached);
				assert_true(r == 0 || f.n % 2 == 0 || err.code == r);
			}
	make_index(indexed_session());
	assert_opens_from_index(indexed_session());
}

static void index_clear__tells_what_it_cannot_remove(void **state)
{
	struct faults f = { .kind = FAULT_UNLINK, .n = 1, .sys = EACCES };
	struct ramet_index_total removed = { 7, 7, 7 };

	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	make_index(indexed_session());
	faults_start(&f);
	refused(ramet_index_clear(NULL, &removed, &why), RAMET_EIO);
	(void)faults_stop();
	assert_int_equal(removed.n, 7);
	assert_int_equal(why.sys, EACCES);
	/* somebody was quicker */
	f.sys = ENOENT;
	faults_start(&f);
	must(ramet_index_clear(NULL, &removed, &why));
	(void)faults_stop();
	assert_int_equal(removed.n, 0);
}

/* Four indexes of 1000 bytes, one second apart, the last two in the same second. */
static void make_four(void)
{
	static const char text[1000];
	int i;

	for (i = 0; i < 4; i++) {
		char name[60];

		(void)snprintf(name, sizeof(name), "c/ramet/index/1-%d.idx", i);
		temp_file(indexed_dir, name, text, sizeof(text), i < 3 ? 1000 + i : 1002,
			  i < 3 ? 0 : 5);
	}
}

static void index_cap__removes_the_oldest_and_what_it_can(void **state)
{
	struct faults f = { .kind = FAULT_UNLINK, .n = 1, .sys = EACCES };
	char name[200];

	(void)state;
	make_four();
	rameti_index_cap(indexed_cache(), "none", 3000);
	assert_string_equal(names_in(indexed_cache()), "1-1.idx 1-2.idx 1-3.idx");
	/* the next one goes instead of one that cannot be removed */
	make_four();
	faults_start(&f);
	rameti_index_cap(indexed_cache(), "1-1.idx", 3000);
	assert_int_equal(faults_stop(), 1);
	assert_string_equal(names_in(indexed_cache()), "1-0.idx 1-1.idx 1-3.idx");
	/* what cannot be looked at does not count, nor what no index is called */
	make_four();
	memset(name, '1', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memcpy(name, "c/ramet/index/", 14);
	temp_file(indexed_dir, name, name, 100, 5, 0);
	f.kind = FAULT_STAT;
	f.sys = EIO;
	faults_start(&f);
	rameti_index_cap(indexed_cache(), "none", 3000);
	assert_int_equal(faults_stop(), 1);
	assert_true(exists(temp_path(indexed_dir, "c/ramet/index/1-0.idx")));
}

static void index_cap__without_memory_removes_less(void **state)
{
	unsigned n, reached;

	(void)state;
	for (n = 1, reached = 1; reached; n++) {
		make_four();
		scarce_start(n);
		rameti_index_cap(indexed_cache(), "1-3.idx", 0);
		reached = (unsigned)scarce_stop();
		assert_true(exists(temp_path(indexed_dir, "c/ramet/index/1-3.idx")));
	}
	assert_string_equal(names_in(indexed_cache()), "1-3.idx");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, indexed_setup, indexed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(index_admin__survives_every_failing_allocation),
		CASE(index_admin__survives_every_failing_call),
		CASE(index_clear__tells_what_it_cannot_remove),
		CASE(index_cap__removes_the_oldest_and_what_it_can),
		CASE(index_cap__without_memory_removes_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
