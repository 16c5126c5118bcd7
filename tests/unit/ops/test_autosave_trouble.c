/*
 * The autosave queue in trouble: a full disk is waited out, a hanging one keeps nobody beyond the
 * deadline, what cannot be stored is handed back, exactly that. Also a test for the thread
 * sanitizer.
 */
#include "autosave_given.h"
#include "store/faulty.h"
#include "store/temp_dir.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PRODUCERS 4

/* ---- a full disk ---- */

static void full_disk__is_waited_out(void **state)
{
	struct ramet_autosave_metrics m;
	uint64_t before;
	int sys;

	(void)state;
	given_queue(1, RAMET_LEVEL_EACH);
	for (sys = 0; sys < 2; sys++) {
		disk_full = sys ? EDQUOT : ENOSPC;
		add_many(s[0], sys * 20, sys * 20 + 20);
		before = metrics().retries;
		while (metrics().retries < before + 2)       /* told once, however often */
			refused(ramet_autosave_flush(q, s[0], 30, &why), RAMET_ECONFLICT);
		assert_int_equal(how_many_told(), sys * 20);
		assert_int_equal(n_trouble, sys + 1);
		assert_int_equal(last_trouble, RAMET_EIO);
		assert_int_equal(last_trouble_sys, disk_full);
		disk_full = 0;
		must(ramet_autosave_flush(q, s[0], SOON, &why));
		told_of(0, 0, sys * 20 + 20, 0);
		file_has(s[0], 0, sys * 20 + 20);
	}
	m = metrics();
	assert_int_equal(m.failed, 0);
	assert_int_equal(m.flushes, m.flushes_ok + m.flushes_failed);
	assert_int_equal(m.retries, m.flushes_failed);
}

static void full_disk__comes_and_goes_under_load(void **state)
{
	int i;

	(void)state;
	opts.max_lines = 32;
	given_queue(SESSIONS, RAMET_LEVEL_NONE);
	for (i = 0; i < 600; i++) {
		disk_full = i / 16 % 2 ? ENOSPC : 0;
		must(add_with(s[i % SESSIONS], i / SESSIONS, RAMET_AUTOSAVE_NOWAIT, NULL, &why));
		if (i % 16 == 15 && disk_full)
			disk_full = 0;
		if (i % 16 == 15)
			must(ramet_autosave_flush(q, NULL, SOON, &why));
	}
	disk_full = 0;
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	for (i = 0; i < SESSIONS; i++)
		file_has(s[i], 0, 600 / SESSIONS);
	assert_int_equal(n_told, 600);
}

static void full_disk__a_flush_and_the_end_try_at_once(void **state)
{
	(void)state;
	opts.retry_ms = opts.retry_max_ms = 60000;
	given_queue(2, RAMET_LEVEL_EACH);
	disk_full = ENOSPC;
	must(add(s[0], 0));
	must(add(s[1], 0));
	refused(ramet_autosave_flush(q, NULL, 20, &why), RAMET_ECONFLICT);
	disk_full = 0;
	must(ramet_autosave_flush(q, s[0], SOON, &why));
	assert_int_equal(n_told, 1);
	must(ramet_autosave_stop(q, SOON, &why));
	told_of(1, 0, 1, 0);
	file_has(s[1], 0, 1);
}

static void full_disk__a_new_file_is_waited_for_too(void **state)
{
	const struct ramet_create_opts create = { .dir = dir };

	(void)state;
	given_queue(0, 0);
	must(ramet_session_create(&s[0], "/w", &create, &why));
	disk_full = ENOSPC;
	must(add(s[0], 0));
	must(add(s[0], 1));
	refused(ramet_autosave_flush(q, NULL, 30, &why), RAMET_ECONFLICT);
	assert_int_equal(ramet_session_stored(s[0]), 0);
	disk_full = 0;
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	told_of(0, 0, 2, 0);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s[0])), 2);
	assert_reopens_same(s[0]);
}

static void full_disk__what_is_left_at_the_end_is_handed_back(void **state)
{
	unsigned n;

	(void)state;
	given_queue(1, RAMET_LEVEL_EACH);
	add_many(s[0], 0, 5);
	must(ramet_autosave_flush(q, s[0], SOON, &why));
	disk_full = ENOSPC;
	add_many(s[0], 5, 15);
	refused(ramet_autosave_stop(q, 30, &why), RAMET_ECONFLICT);
	free_queue();
	n = how_many_told();
	assert_int_equal(n, 15);
	told_of(0, 0, 5, 0);
	assert_int_equal(told[5].tag, 5);
	assert_string_equal(told[5].json, dq(U("5")));
	for (n = 5; n < 15; n++) {
		assert_int_equal(told[n].tag, n);
		assert_true(told[n].code == RAMET_ECANCELED || told[n].code == RAMET_EIO);
	}
	disk_full = 0;
	file_has(s[0], 0, 5);
}

/* ---- a disk that hangs ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void hang__a_flush_keeps_its_deadline(void **state)
{
	int64_t begun;

	(void)state;
	given_queue(1, RAMET_LEVEL_EACH);
	disk_hangs = 1;
	add_many(s[0], 0, 3);
	begun = now_ms();
	refused(ramet_autosave_flush(q, NULL, 40, &why), RAMET_ECONFLICT);
	assert_true(now_ms() - begun >= 40 && now_ms() - begun < 5000);
	refused(ramet_autosave_flush(q, NULL, 0, &why), RAMET_ECONFLICT);
	assert_int_equal(metrics().waiting, 3);      /* reading them waits for nothing */
	disk_hangs = 0;
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	file_has(s[0], 0, 3);
}

static void hang__stopping_hands_back_what_is_not_in_the_file(void **state)
{
	int64_t begun;
	int i;

	(void)state;
	given_queue(1, RAMET_LEVEL_EACH);
	disk_hangs = 1;
	must(add(s[0], 0));
	wait_for(&hanging);
	add_many(s[0], 1, 11);
	begun = now_ms();
	refused(ramet_autosave_stop(q, 30, &why), RAMET_ECONFLICT);
	assert_true(now_ms() - begun < 5000);
	refused(add(s[0], 11), RAMET_ECANCELED);
	assert_int_equal(how_many_told(), 10);
	told_of(0, 1, 11, RAMET_ECANCELED);
	for (i = 0; i < 10; i++)
		assert_int_equal(told[i].tag, i + 1);
	assert_int_equal(metrics().waiting, 1);
	disk_hangs = 0;
	free_queue();
	told_of(10, 0, 1, 0);
	file_has(s[0], 0, 1);
}

static void hang__a_session_cannot_leave_while_it_is_written(void **state)
{
	(void)state;
	given_queue(2, RAMET_LEVEL_EACH);
	disk_hangs = 1;
	must(add(s[0], 0));
	wait_for(&hanging);
	add_many(s[0], 1, 4);
	must(add(s[1], 0));
	refused(ramet_autosave_leave(q, s[0], 20, &why), RAMET_ECONFLICT);
	told_of(0, 1, 4, RAMET_ECANCELED);
	refused(add(s[0], 4), RAMET_ECANCELED);
	refused(ramet_autosave_leave(q, s[1], 20, &why), RAMET_ECANCELED);
	told_of(3, 0, 1, RAMET_ECANCELED);
	ramet_session_close(s[1]);
	s[1] = NULL;
	disk_hangs = 0;
	must(ramet_autosave_leave(q, s[0], SOON, &why));
	told_of(4, 0, 1, 0);
	assert_int_equal(metrics().sessions, 0);
	must(add(s[0], 1));
	must(ramet_autosave_leave(q, s[0], SOON, &why));
	file_has(s[0], 0, 2);
}

/* ---- failures ---- */

static void failure__a_failed_sync_is_unknown_and_the_rest_comes_back(void **state)
{
	(void)state;
	given_queue(2, RAMET_LEVEL_EACH);
	must(add(s[0], 0));
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	disk_hangs = 1;
	must(add(s[0], 1));
	wait_for(&hanging);
	add_many(s[0], 2, 6);
	sync_fails = 1;
	disk_hangs = 0;
	refused(ramet_autosave_flush(q, s[0], SOON, &why), RAMET_EUNKNOWN);
	sync_fails = 0;
	told_of(0, 0, 1, 0);
	told_of(1, 1, 2, RAMET_EUNKNOWN);
	told_of(2, 2, 6, RAMET_ECANCELED);
	assert_int_equal(metrics().unknown, 1);
	assert_int_equal(metrics().failed, 5);
	refused(add(s[0], 6), RAMET_EUNKNOWN);
	must(add(s[1], 0));                          /* the other session goes on */
	must(ramet_autosave_flush(q, s[1], SOON, &why));
	file_has(s[1], 0, 1);
	refused(ramet_autosave_leave(q, s[0], SOON, &why), RAMET_EUNKNOWN);
	assert_int_equal(metrics().sessions, 0);
	must(ramet_session_recover(s[0], &why));
	add_many(s[0], 2, 6);                        /* what came back, once more */
	must(ramet_autosave_flush(q, s[0], SOON, &why));
	told_of(7, 2, 6, 0);
	assert_reopens_same(s[0]);
}

static void failure__of_an_interval_sync_is_told(void **state)
{
	(void)state;
	opts.mode = RAMET_AUTOSAVE_INTERVAL;
	opts.interval_ms = 60000;
	given_queue(1, RAMET_LEVEL_NONE);
	add_many(s[0], 0, 3);
	sync_fails = 1;
	refused(ramet_autosave_flush(q, s[0], SOON, &why), RAMET_EUNKNOWN);
	assert_int_equal(n_trouble, 1);
	assert_int_equal(last_trouble, RAMET_EUNKNOWN);
	assert_int_equal(metrics().syncs_failed, 1);
	told_of(0, 0, 3, 0);
	refused(add(s[0], 3), RAMET_EUNKNOWN);
}

static void failure__of_a_session_hands_back_all_of_it(void **state)
{
	(void)state;
	given_queue(1, RAMET_LEVEL_EACH);
	disk_hangs = 1;
	must(add(s[0], 0));
	wait_for(&hanging);
	add_many(s[0], 1, 4);
	disk_full = EIO;
	disk_hangs = 0;
	refused(ramet_autosave_flush(q, s[0], SOON, &why), RAMET_EIO);
	disk_full = 0;
	told_of(0, 0, 1, RAMET_EIO);
	told_of(1, 1, 4, RAMET_ECANCELED);
	refused(add(s[0], 5), RAMET_EIO);
	refused(ramet_autosave_leave(q, s[0], SOON, &why), RAMET_EIO);
	add_many(s[0], 0, 4);                        /* and in again */
	must(ramet_autosave_flush(q, s[0], SOON, &why));
	file_has(s[0], 0, 4);
}

static void failure__a_removed_file_is_a_conflict(void **state)
{
	(void)state;
	given_queue(1, RAMET_LEVEL_NONE);
	must(add(s[0], 0));
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	assert_int_equal(unlink(ramet_session_path(s[0])), 0);
	must(add(s[0], 1));
	refused(ramet_autosave_flush(q, NULL, SOON, &why), RAMET_ECONFLICT);
	told_of(1, 1, 2, RAMET_ECONFLICT);
}

static void content__is_refused_when_it_is_added(void **state)
{
	const struct ramet_autosave_add_opts entry = { .flags = RAMET_AUTOSAVE_ENTRY };

	(void)state;
	given_queue(1, RAMET_LEVEL_NONE);
	refused(ramet_autosave_add(q, s[0], js("{'role':'user'"), NULL, &why), RAMET_EJSON);
	assert_int_equal(why.offset, 14);
	refused(ramet_autosave_add(q, s[0], raw("{\"role\":\"\xff\"}"), NULL, &why), RAMET_EJSON);
	refused(ramet_autosave_add(q, s[0], js("[]"), NULL, &why), RAMET_EINVAL);
	refused(ramet_autosave_add(q, s[0], js("{'role':1}"), NULL, &why), RAMET_EINVAL);
	refused(ramet_autosave_add(q, s[0], js("{'role':'user','content':1}"), NULL, &why),
		RAMET_EINVAL);
	refused(ramet_autosave_add(q, s[0], js("{'role':'x','timestamp':''}"), NULL, &why),
		RAMET_EINVAL);
	refused(ramet_autosave_add(q, s[0], js("{'a':1}"), &entry, &why), RAMET_EINVAL);
	assert_int_equal(metrics().queued, 0);
	assert_int_equal(metrics().sessions, 0);
}

/* What only the session can judge is told, and blocks nobody. */
static void content__refused_later_blocks_nothing(void **state)
{
	const struct ramet_open_opts small = { .max_line = 256u << 10, .no_cache = 1 };
	const struct ramet_autosave_add_opts entry = { .flags = RAMET_AUTOSAVE_ENTRY };
	struct ramet_buf big = RAMET_BUF_INIT(1u << 20);
	int i;

	(void)state;
	opts.hold_ms = 60000;
	given_queue(1, RAMET_LEVEL_NONE);
	ramet_session_close(s[0]);
	must(ramet_session_open(&s[0], temp_path(dir, "s0.jsonl"), &small, &why));
	ramet_buf_add_str(&big, "{\"role\":\"user\",\"content\":\"");
	for (i = 0; i < 300000; i++)
		ramet_buf_add_char(&big, 'x');
	ramet_buf_add_str(&big, "\"}");
	must(add(s[0], 0));
	must(ramet_autosave_add(q, s[0], ramet_buf_bytes(&big), NULL, &why));
	must(add(s[0], 1));
	must(ramet_autosave_add(q, s[0], js("{'type':'label','targetId':'no','label':'x'}"), &entry,
				&why));
	must(add(s[0], 2));
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	ramet_buf_release(&big);
	file_has(s[0], 0, 3);
	assert_int_equal(n_told, 5);
	assert_int_equal(told[0].code, 0);
	assert_int_equal(told[1].code, RAMET_ELIMIT);
	assert_int_equal(told[2].code, 0);
	assert_int_equal(told[3].code, RAMET_ENOTFOUND);
	assert_int_equal(told[4].code, 0);
	assert_int_equal(metrics().failed, 2);
	must(add(s[0], 3));
}

/* ---- the end ---- */

static void end__free_writes_what_waits(void **state)
{
	(void)state;
	opts.hold_ms = 60000;
	given_queue(SESSIONS, RAMET_LEVEL_EACH);
	add_many(s[0], 0, 10);
	add_many(s[2], 0, 10);
	ramet_autosave_free(q, SOON);
	q = NULL;
	assert_int_equal(n_told, 20);
	file_has(s[0], 0, 10);
	file_has(s[2], 0, 10);
	ramet_autosave_free(NULL, 0);
}

static void end__leaving_writes_what_waits(void **state)
{
	(void)state;
	opts.hold_ms = 60000;
	opts.mode = RAMET_AUTOSAVE_INTERVAL;
	given_queue(2, RAMET_LEVEL_NONE);
	add_many(s[0], 0, 10);
	add_many(s[1], 0, 10);
	must(ramet_autosave_leave(q, s[0], SOON, &why));
	assert_true(n_syncs >= 1);
	file_has(s[0], 0, 10);
	assert_int_equal(metrics().waiting, 10);
	must(ramet_autosave_leave(q, s[0], 0, &why));        /* not there: fine */
	must(ramet_autosave_stop(q, SOON, &why));
	must(ramet_autosave_stop(q, SOON, &why));
	must(ramet_autosave_flush(q, NULL, SOON, &why));
}

struct adder {
	pthread_t thread;
	int number, taken;
};

static void *add_until_refused(void *user)
{
	struct adder *p = user;
	int r = 0;

	while (r >= 0) {
		r = add_with(s[p->number % SESSIONS], p->taken, 0, NULL, NULL);
		p->taken += r >= 0;
	}
	return r == RAMET_ECANCELED ? NULL : p;
}

/* All at once; each entry taken is told of once, and is in the file or was handed back. */
static void end__stopping_under_load_loses_nothing(void **state)
{
	struct adder p[PRODUCERS];
	struct ramet_autosave_metrics m;
	int tags[TOLD_MAX], i;
	unsigned n = 0, queued = 0;
	void *wrong;

	(void)state;
	opts.max_lines = 16;
	disk_slow_ms = 1;
	given_queue(SESSIONS, RAMET_LEVEL_NONE);
	for (i = 0; i < PRODUCERS; i++) {
		p[i] = (struct adder){ .number = i };
		assert_int_equal(pthread_create(&p[i].thread, NULL, add_until_refused, &p[i]), 0);
	}
	sleep_ms(20);
	(void)ramet_autosave_stop(q, 1, NULL);
	for (i = 0; i < PRODUCERS; i++) {
		assert_int_equal(pthread_join(p[i].thread, &wrong), 0);
		assert_null(wrong);
		queued += (unsigned)p[i].taken;
	}
	for (i = 0; i < 5000 && metrics().waiting; i++)
		sleep_ms(1);
	m = metrics();
	free_queue();
	assert_int_equal(m.queued, queued);
	assert_int_equal(n_told, queued);
	for (i = 0; i < SESSIONS; i++)
		n += tags_of(s[i], tags, TOLD_MAX);
	assert_int_equal(n, m.written);
	assert_int_equal(m.written + m.failed, queued);
}

/* ---- memory ---- */


/* Every allocation of new, add and the write fails in turn: an error says so, and what was taken
 * is stored or handed back. */
static void memory__each_allocation(void **state)
{
	unsigned n;
	int r, reached = 1;

	(void)state;
	given_queue(1, RAMET_LEVEL_NONE);
	free_queue();
	for (n = 1; reached; n++) {
		struct ramet_autosave_ticket *t = NULL;
		int tags[TOLD_MAX];
		unsigned before = tags_of(s[0], tags, TOLD_MAX), after;

		assert_true(n < 1000);
		n_told = 0;
		scarce_start(n);
		r = ramet_autosave_new(&q, &opts, &why);
		if (!r)
			r = add_with(s[0], (int)n, 0, &t, &why);
		if (!r)
			(void)ramet_autosave_wait(t, SOON, NULL, NULL);
		ramet_autosave_ticket_free(t);
		ramet_autosave_free(q, SOON);
		q = NULL;
		reached = scarce_stop();
		after = tags_of(s[0], tags, TOLD_MAX);
		assert_true(r == 0 || r == RAMET_ENOMEM);
		assert_int_equal(n_told, r == 0);
		assert_int_equal(after, before + (r == 0 && told[0].code == 0));
		assert_true(r < 0 || told[0].code == 0 || told[0].code == RAMET_ENOMEM);
	}
}

/* What is held is no more than the limits allow: counted in allocations that live. */
static atomic_long live, live_most;

static void *counting_realloc(void *user, void *ptr, size_t size)
{
	long now = ptr ? live : ++live, was = live_most;

	(void)user;
	while (now > was && !atomic_compare_exchange_weak(&live_most, &was, now))
		;
	return realloc(ptr, size);
}

static void counting_free(void *user, void *ptr)
{
	(void)user;
	live -= ptr != NULL;
	free(ptr);
}

static void memory__stays_bounded(void **state)
{
	static const struct ramet_allocator counting = { counting_realloc, counting_free, NULL };
	long before;

	(void)state;
	opts.max_lines = 8;
	ramet_set_allocator(&counting);
	live = 0;
	given_queue(1, RAMET_LEVEL_NONE);
	add_many(s[0], 0, 10);
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	before = live;
	live_most = live;
	add_many(s[0], 10, 2000);
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	assert_true(live_most <= before + 8 + 8 + 8);     /* waiting, being told, an append's own */
	assert_true(live <= before + 4);
	free_queue();
	ramet_set_allocator(NULL);
}

int main(void)
{
#define WITH_ALL(test) cmocka_unit_test_setup_teardown(test, make_all, drop_all)
	const struct CMUnitTest tests[] = {
		WITH_ALL(full_disk__is_waited_out),
		WITH_ALL(full_disk__comes_and_goes_under_load),
		WITH_ALL(full_disk__a_flush_and_the_end_try_at_once),
		WITH_ALL(full_disk__a_new_file_is_waited_for_too),
		WITH_ALL(full_disk__what_is_left_at_the_end_is_handed_back),
		WITH_ALL(hang__a_flush_keeps_its_deadline),
		WITH_ALL(hang__stopping_hands_back_what_is_not_in_the_file),
		WITH_ALL(hang__a_session_cannot_leave_while_it_is_written),
		WITH_ALL(failure__a_failed_sync_is_unknown_and_the_rest_comes_back),
		WITH_ALL(failure__of_an_interval_sync_is_told),
		WITH_ALL(failure__of_a_session_hands_back_all_of_it),
		WITH_ALL(failure__a_removed_file_is_a_conflict),
		WITH_ALL(content__is_refused_when_it_is_added),
		WITH_ALL(content__refused_later_blocks_nothing),
		WITH_ALL(end__free_writes_what_waits),
		WITH_ALL(end__leaving_writes_what_waits),
		WITH_ALL(end__stopping_under_load_loses_nothing),
		WITH_ALL(memory__each_allocation),
		WITH_ALL(memory__stays_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
