/*
 * The autosave queue: entries keep their order, what waits together is written together, when and
 * how durably as asked for; a full queue makes its callers wait. Also a test for the thread
 * sanitizer.
 */
#include "autosave_given.h"
#include "store/temp_dir.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#define PRODUCERS 4
#define EACH 150

/* ---- order, coalescing ---- */

struct producer {
	pthread_t thread;
	int number, failures;
};

static void *produce(void *user)
{
	struct producer *p = user;
	int i;

	for (i = 0; i < EACH; i++)
		if (add_with(s[i % SESSIONS], p->number * EACH + i, 0, NULL, NULL) < 0)
			p->failures++;
	return NULL;
}

static void *watch(void *user)
{
	struct ramet_autosave_metrics m;
	atomic_int *stop = user;
	intptr_t wrong = 0;

	while (!*stop) {
		ramet_autosave_get_metrics(q, &m);
		wrong += m.queued != m.written + m.failed + m.waiting ||
			 m.waiting > opts.max_lines || m.high_water > opts.max_lines;
	}
	return (void *)wrong;
}

static void produce_all(void)
{
	struct producer p[PRODUCERS];
	atomic_int stop = 0;
	pthread_t watcher;
	void *wrong;
	int i;

	assert_int_equal(pthread_create(&watcher, NULL, watch, &stop), 0);
	for (i = 0; i < PRODUCERS; i++) {
		p[i].number = i;
		p[i].failures = 0;
		assert_int_equal(pthread_create(&p[i].thread, NULL, produce, &p[i]), 0);
	}
	for (i = 0; i < PRODUCERS; i++) {
		assert_int_equal(pthread_join(p[i].thread, NULL), 0);
		assert_int_equal(p[i].failures, 0);
	}
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	stop = 1;
	assert_int_equal(pthread_join(watcher, &wrong), 0);
	assert_null(wrong);
}

/* Every entry once, each producer's in its order; told of in the order of the file. */
static void all_are_there(void)
{
	int tags[TOLD_MAX], last[PRODUCERS], i, k;
	unsigned n, total = 0, at, j;

	for (i = 0; i < SESSIONS; i++) {
		n = tags_of(s[i], tags, TOLD_MAX);
		total += n;
		for (k = 0; k < PRODUCERS; k++)
			last[k] = -1;
		for (j = 0, at = 0; j < n; j++, at++) {
			assert_int_equal(tags[j] % EACH % SESSIONS, i);
			assert_true(tags[j] > last[tags[j] / EACH]);
			last[tags[j] / EACH] = tags[j];
			for (; at < n_told && told[at].session != s[i]; at++)
				;
			assert_int_equal(told[at].tag, tags[j]);
			assert_int_equal(told[at].code, 0);
			(void)row_of(s[i], told[at].id);
		}
		assert_reopens_same(s[i]);
	}
	assert_int_equal(total, PRODUCERS * EACH);
	assert_int_equal(n_told, PRODUCERS * EACH);
}

static void order__is_kept_in_each_session_under_many_producers(void **state)
{
	struct ramet_autosave_metrics m;

	(void)state;
	opts.max_lines = 16;
	given_queue(SESSIONS, RAMET_LEVEL_NONE);
	produce_all();
	all_are_there();
	m = metrics();
	assert_int_equal(m.written, PRODUCERS * EACH);
	assert_int_equal(m.waiting + m.failed + m.waiting_bytes, 0);
	assert_true(m.high_water <= 16 && m.high_water > 0);
	assert_int_equal(m.flushes, m.flushes_ok);
	assert_int_equal(m.coalesced, m.written - m.flushes);
}

static void coalescing__writes_what_waits_at_once(void **state)
{
	struct ramet_autosave_metrics m;

	(void)state;
	given_queue(1, RAMET_LEVEL_EACH);
	disk_hangs = 1;
	must(add(s[0], 0));
	wait_for(&hanging);
	add_many(s[0], 1, 101);
	assert_int_equal(metrics().waiting, 101);
	disk_hangs = 0;
	must(ramet_autosave_flush(q, s[0], SOON, &why));
	assert_int_equal(n_writes, 2);
	assert_int_equal(n_syncs, 2);
	file_has(s[0], 0, 101);
	told_of(0, 0, 101, 0);
	m = metrics();
	assert_int_equal(m.coalesced, 99);
	assert_int_equal(m.flushes, 2);
	assert_int_equal(m.last_entries, 100);
	assert_int_equal(m.high_water, 101);
	assert_int_equal(m.last_trigger, RAMET_AUTOSAVE_MANUAL);
}

static void coalescing__entries_of_other_types_keep_their_place(void **state)
{
	const struct ramet_autosave_add_opts entry = { .flags = RAMET_AUTOSAVE_ENTRY };
	struct ramet_session *fresh;

	(void)state;
	opts.hold_ms = 60000;
	given_queue(1, RAMET_LEVEL_NONE);
	must(add(s[0], 1));
	must(add(s[0], 2));
	must(ramet_autosave_add(q, s[0], js("{'type':'custom','customType':'x','data':1}"), &entry,
				&why));
	must(add(s[0], 3));
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	assert_int_equal(metrics().flushes, 3);
	assert_int_equal(n_told, 4);
	fresh = opened(ramet_session_path(s[0]));
	assert_int_equal(ramet_tree_row(ramet_session_tree(fresh), 3)->type, RAMET_ENTRY_CUSTOM);
	assert_int_equal(ramet_tree_row(ramet_session_tree(fresh), 4)->parent, 3);
	ramet_session_close(fresh);
}

/* ---- triggers and durability ---- */

static void trigger__a_held_entry_waits_for_a_reason(void **state)
{
	const struct ramet_bytes tool = js("{'role':'assistant','content':[],'stopReason':"
					   "'toolUse'}");
	const struct ramet_bytes end = js("{'role':'assistant','content':[],'stopReason':'stop'}");
	int i;

	(void)state;
	opts.hold_ms = 60000;
	opts.threshold_lines = 5;
	given_queue(1, RAMET_LEVEL_NONE);
	must(ramet_autosave_add(q, s[0], tool, NULL, &why));
	sleep_ms(20);
	assert_int_equal(metrics().waiting, 1);
	must(ramet_autosave_add(q, s[0], end, NULL, &why));
	for (i = 0; i < 5000 && how_many_told() < 2; i++)
		sleep_ms(1);
	assert_int_equal(metrics().written, 2);
	assert_int_equal(metrics().last_trigger, RAMET_AUTOSAVE_TURN_END);
	add_many(s[0], 0, 5);
	for (i = 0; i < 5000 && how_many_told() < 7; i++)
		sleep_ms(1);
	assert_int_equal(metrics().written, 7);
	assert_int_equal(metrics().last_trigger, RAMET_AUTOSAVE_THRESHOLD);
	must(add_with(s[0], 9, RAMET_AUTOSAVE_TURN_END, NULL, &why));
	for (i = 0; i < 5000 && how_many_told() < 8; i++)
		sleep_ms(1);
	assert_int_equal(metrics().last_trigger, RAMET_AUTOSAVE_TURN_END);
	must(add(s[0], 10));
	must(ramet_autosave_stop(q, SOON, &why));
	assert_int_equal(metrics().written, 9);
	assert_int_equal(metrics().last_trigger, RAMET_AUTOSAVE_SHUTDOWN);
}

/* In the middle of nothing, and with a sync when the level asks for it. */
static void trigger__an_entry_may_end_a_turn(void **state)
{
	const struct ramet_autosave_add_opts entry = { .flags = RAMET_AUTOSAVE_ENTRY };
	int i;

	(void)state;
	opts.hold_ms = 60000;
	opts.mode = RAMET_AUTOSAVE_NONE;
	given_queue(1, RAMET_LEVEL_TURN);
	must(add(s[0], 0));
	must(ramet_autosave_add(q, s[0], js("{'type':'custom','customType':'ramet.turn_end'}"),
				&entry, &why));
	for (i = 0; i < 5000 && how_many_told() < 2; i++)
		sleep_ms(1);
	assert_int_equal(metrics().written, 2);
	assert_int_equal(n_syncs, 1);
}

static void trigger__a_held_entry_goes_when_its_time_is_over(void **state)
{
	int i;

	(void)state;
	opts.hold_ms = 30;
	given_queue(1, RAMET_LEVEL_NONE);
	add_many(s[0], 0, 10);
	for (i = 0; i < 5000 && how_many_told() < 10; i++)
		sleep_ms(1);
	file_has(s[0], 0, 10);
	assert_int_equal(metrics().last_trigger, RAMET_AUTOSAVE_PERIODIC);
}

static void trigger__a_full_queue_holds_nothing(void **state)
{
	(void)state;
	opts.hold_ms = 60000;
	opts.max_lines = 4;
	opts.threshold_lines = 100;
	given_queue(2, RAMET_LEVEL_NONE);
	add_many(s[0], 0, 3);
	add_many(s[1], 0, 20);
	assert_true(metrics().blocked > 0);
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	file_has(s[0], 0, 3);
	file_has(s[1], 0, 20);
}

/* How many syncs until ten single messages were told of, and after a flush. */
static void ten_messages(int mode, int level, int *before, int *after)
{
	int i;

	opts.mode = mode;
	given_queue(1, level);
	n_syncs = 0;
	for (i = 0; i < 10; i++) {
		struct ramet_autosave_ticket *t = NULL;

		must(add_with(s[0], i, 0, &t, &why));
		must(ramet_autosave_wait(t, SOON, NULL, &why));
		ramet_autosave_ticket_free(t);
	}
	*before = n_syncs;
	must(ramet_autosave_flush(q, s[0], SOON, &why));
	*after = n_syncs;
}

static void mode__each_is_durable_when_told_whatever_the_level(void **state)
{
	int before, after;

	(void)state;
	ten_messages(RAMET_AUTOSAVE_EACH, RAMET_LEVEL_NONE, &before, &after);
	assert_int_equal(before, 10);
	assert_int_equal(after, 10);
	assert_int_equal(metrics().sessions, 0);
}

static void mode__each_syncs_once_with_the_same_level(void **state)
{
	int before, after;

	(void)state;
	ten_messages(RAMET_AUTOSAVE_EACH, RAMET_LEVEL_EACH, &before, &after);
	assert_int_equal(before, 10);
	assert_int_equal(after, 10);
}

static void mode__none_syncs_when_flushed(void **state)
{
	int before, after;

	(void)state;
	ten_messages(RAMET_AUTOSAVE_NONE, RAMET_LEVEL_NONE, &before, &after);
	assert_int_equal(before, 0);
	assert_int_equal(after, 1);
}

static void mode__interval_syncs_by_itself(void **state)
{
	int before, after, i;

	(void)state;
	opts.interval_ms = 50;
	ten_messages(RAMET_AUTOSAVE_INTERVAL, RAMET_LEVEL_NONE, &before, &after);
	assert_true(before < 10);
	n_syncs = 0;
	must(add(s[0], 10));
	wait_for(&n_syncs);
	for (i = 0; i < 5000 && metrics().sessions; i++)
		sleep_ms(1);
	assert_int_equal(metrics().sessions, 0);     /* nothing is to be remembered any more */
	assert_int_equal(n_syncs, 1);
	assert_int_equal(metrics().last_trigger, RAMET_AUTOSAVE_PERIODIC);
}

static void mode__interval_syncs_though_entries_keep_coming(void **state)
{
	int i;

	(void)state;
	opts.mode = RAMET_AUTOSAVE_INTERVAL;
	opts.interval_ms = 5;
	opts.max_lines = 4;
	disk_slow_ms = 1;
	given_queue(1, RAMET_LEVEL_NONE);
	for (i = 0; i < TOLD_MAX && n_syncs < 3; i++)
		must(add(s[0], i));
	assert_true(n_syncs >= 3);
}

static void mode__interval_syncs_at_the_end(void **state)
{
	(void)state;
	opts.mode = RAMET_AUTOSAVE_INTERVAL;
	opts.interval_ms = 60000;
	given_queue(1, RAMET_LEVEL_NONE);
	add_many(s[0], 0, 3);
	must(ramet_autosave_stop(q, SOON, &why));
	assert_true(n_syncs >= 1);
	file_has(s[0], 0, 3);
}

/* ---- back-pressure ---- */

static void pressure__a_full_queue_makes_callers_wait(void **state)
{
	struct ramet_autosave_metrics m;

	(void)state;
	opts.max_lines = 4;
	disk_slow_ms = 2;
	given_queue(1, RAMET_LEVEL_NONE);
	add_many(s[0], 0, 100);
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	file_has(s[0], 0, 100);
	m = metrics();
	assert_true(m.blocked > 0);
	assert_true(m.high_water <= 4);
	assert_int_equal(m.refused, 0);
}

static void pressure__or_refuses_at_once_when_asked_to(void **state)
{
	const struct ramet_autosave_add_opts soon = { .wait_ms = 20 };

	(void)state;
	opts.max_lines = 2;
	given_queue(1, RAMET_LEVEL_NONE);
	disk_hangs = 1;
	add_many(s[0], 0, 2);
	refused(add_with(s[0], 2, RAMET_AUTOSAVE_NOWAIT, NULL, &why), RAMET_ECONFLICT);
	refused(ramet_autosave_add(q, s[0], js(U("2")), &soon, &why), RAMET_ECONFLICT);
	assert_int_equal(metrics().refused, 2);
	assert_int_equal(metrics().queued, 2);
	disk_hangs = 0;
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	must(add_with(s[0], 2, RAMET_AUTOSAVE_NOWAIT, NULL, &why));
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	file_has(s[0], 0, 3);
}

static void pressure__bytes_count_but_one_entry_always_fits(void **state)
{
	struct ramet_buf big = RAMET_BUF_INIT(1u << 20);
	struct ramet_autosave_metrics m;
	int i;

	(void)state;
	opts.max_bytes = 5000;
	disk_slow_ms = 1;
	given_queue(1, RAMET_LEVEL_NONE);
	ramet_buf_add_str(&big, "{\"role\":\"user\",\"content\":\"7");
	for (i = 0; i < 20000; i++)
		ramet_buf_add_char(&big, ' ');
	ramet_buf_add_str(&big, "\"}");
	add_many(s[0], 0, 300);
	assert_true(metrics().high_water_bytes <= 5000);
	must(ramet_autosave_add(q, s[0], ramet_buf_bytes(&big), NULL, &why));
	must(add(s[0], 300));
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	m = metrics();
	assert_int_equal(m.written, 302);
	assert_int_equal(m.high_water_bytes, big.len);
	ramet_buf_release(&big);
}

/* ---- tickets, callbacks ---- */

static void ticket__gives_the_id_or_the_error(void **state)
{
	struct ramet_autosave_ticket *t[3] = { NULL, NULL, NULL };
	char id[RAMET_ID_SIZE];

	(void)state;
	given_queue(1, RAMET_LEVEL_EACH);
	disk_hangs = 1;
	must(add_with(s[0], 0, 0, &t[0], &why));
	wait_for(&hanging);
	must(add_with(s[0], 1, 0, &t[1], &why));
	must(add_with(s[0], 2, 0, &t[2], &why));
	refused(ramet_autosave_wait(t[0], 10, id, &why), RAMET_ECONFLICT);
	ramet_autosave_ticket_free(t[1]);            /* no longer interested */
	disk_hangs = 0;
	must(ramet_autosave_wait(t[0], SOON, id, &why));
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	assert_string_equal(id, told[0].id);
	(void)row_of(s[0], id);
	ramet_autosave_ticket_free(t[0]);
	disk_full = EIO;
	must(add_with(s[0], 3, 0, &t[0], &why));
	free_queue();
	must(ramet_autosave_wait(t[2], 0, NULL, &why));
	assert_true(ramet_autosave_wait(t[0], 0, NULL, &why) < 0);
	assert_true(why.code == RAMET_EIO || why.code == RAMET_ECANCELED);
	ramet_autosave_ticket_free(t[0]);
	ramet_autosave_ticket_free(t[2]);
	ramet_autosave_ticket_free(NULL);
}

static atomic_int again, codes;

/* Adds two more entries, and tries what it may not. */
static void add_again(void *user, const struct ramet_autosave_done *d)
{
	(void)user;
	codes += ramet_autosave_flush(q, NULL, 0, NULL) != RAMET_EINVAL;
	codes += ramet_autosave_stop(q, 0, NULL) != RAMET_EINVAL;
	codes += ramet_autosave_leave(q, d->session, 0, NULL) != RAMET_EINVAL;
	ramet_session_lock(d->session);              /* the queue holds nothing now */
	ramet_session_unlock(d->session);
	if (again-- > 0)
		codes += add_with(d->session, 5, 0, NULL, NULL) < 0;
}

static void callback__may_add_but_not_wait(void **state)
{
	int i;

	(void)state;
	again = 10;
	codes = 0;
	opts.done = add_again;
	given_queue(1, RAMET_LEVEL_NONE);
	must(add(s[0], 0));
	for (i = 0; i < 5000 && again > -1; i++)
		sleep_ms(1);
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	assert_int_equal(codes, 0);
	assert_int_equal(metrics().written, 11);
}

static atomic_int running, overlaps;

static void take_long(void *user, const struct ramet_autosave_done *d)
{
	(void)user;
	(void)d;
	overlaps += running++ > 0;
	sleep_ms(30);
	running--;
}

/* The queue's thread tells of one session, who leaves is told of another. */
static void callback__comes_alone(void **state)
{
	(void)state;
	overlaps = 0;
	opts.done = take_long;
	opts.hold_ms = 60000;
	given_queue(2, RAMET_LEVEL_NONE);
	must(add(s[1], 0));
	must(add_with(s[0], 0, RAMET_AUTOSAVE_TURN_END, NULL, &why));
	wait_for(&running);
	refused(ramet_autosave_leave(q, s[1], 0, &why), RAMET_ECANCELED);
	must(ramet_autosave_flush(q, NULL, SOON, &why));
	assert_int_equal(overlaps, 0);
	assert_int_equal(metrics().written, 1);
	assert_int_equal(metrics().failed, 1);
}

/* ---- names ---- */

static const char *const *variables;

static const char *fake_getenv(void *user, const char *name)
{
	size_t i;

	(void)user;
	for (i = 0; variables[i]; i += 2)
		if (!strcmp(variables[i], name))
			return variables[i + 1];
	return NULL;
}

static struct ramet_autosave_opts from_env(const char *mode, const char *most)
{
	const char *given_now[] = { "PI_SESSION_AUTOSAVE_MAX_PENDING", most,
				    "PI_SESSION_DURABILITY_MODE", mode, NULL };
	struct ramet_autosave_opts o = { .mode = -5, .max_lines = 7 };

	variables = given_now;
	env.getenv = fake_getenv;
	ramet_autosave_opts_env(&o);
	return o;
}

static void names__of_other_agents_are_understood(void **state)
{
	int mode = -1;

	(void)state;
	assert_int_equal(from_env("strict", "100").mode, RAMET_AUTOSAVE_EACH);
	assert_int_equal(from_env(" Balanced\t", "100").mode, RAMET_AUTOSAVE_INTERVAL);
	assert_int_equal(from_env("THROUGHPUT", "100").mode, RAMET_AUTOSAVE_NONE);
	assert_int_equal(from_env("", "100").mode, -5);
	assert_int_equal(from_env("paranoid", "100").mode, -5);
	assert_int_equal(from_env("strictstrictstrictstrict", "100").mode, -5);
	assert_int_equal(from_env(NULL, NULL).mode, -5);
	assert_int_equal(from_env(NULL, " 100 ").max_lines, 100);
	assert_int_equal(from_env(NULL, "0").max_lines, 7);
	assert_int_equal(from_env(NULL, "-1").max_lines, 7);
	assert_int_equal(from_env(NULL, "").max_lines, 7);
	assert_int_equal(from_env(NULL, "1e3").max_lines, 7);
	assert_int_equal(from_env(NULL, "1000000").max_lines, 1000000);
	assert_int_equal(from_env(NULL, "1000001").max_lines, 7);
	assert_int_equal(from_env(NULL, "99999999999999999999").max_lines, 7);
	assert_int_equal(ramet_autosave_mode_find(raw("each"), &mode), 0);
	assert_int_equal(mode, RAMET_AUTOSAVE_EACH);
	assert_int_equal(ramet_autosave_mode_find(raw("eac"), &mode), RAMET_EINVAL);
	assert_string_equal(ramet_autosave_mode_name(RAMET_AUTOSAVE_INTERVAL), "interval");
	assert_null(ramet_autosave_mode_name(3));
	assert_null(ramet_autosave_mode_name(-1));
	assert_string_equal(ramet_autosave_trigger_name(RAMET_AUTOSAVE_SHUTDOWN), "shutdown");
	assert_null(ramet_autosave_trigger_name(7));
	assert_null(ramet_autosave_trigger_name(-1));
}

static void new__refuses_a_mode_nobody_knows(void **state)
{
	(void)state;
	opts.mode = 9;
	refused(ramet_autosave_new(&q, &opts, &why), RAMET_EINVAL);
	must(ramet_autosave_new(&q, NULL, &why));
}

int main(void)
{
#define WITH_ALL(test) cmocka_unit_test_setup_teardown(test, make_all, drop_all)
	const struct CMUnitTest tests[] = {
		WITH_ALL(order__is_kept_in_each_session_under_many_producers),
		WITH_ALL(coalescing__writes_what_waits_at_once),
		WITH_ALL(coalescing__entries_of_other_types_keep_their_place),
		WITH_ALL(trigger__a_held_entry_waits_for_a_reason),
		WITH_ALL(trigger__an_entry_may_end_a_turn),
		WITH_ALL(trigger__a_held_entry_goes_when_its_time_is_over),
		WITH_ALL(trigger__a_full_queue_holds_nothing),
		WITH_ALL(mode__each_is_durable_when_told_whatever_the_level),
		WITH_ALL(mode__each_syncs_once_with_the_same_level),
		WITH_ALL(mode__none_syncs_when_flushed),
		WITH_ALL(mode__interval_syncs_by_itself),
		WITH_ALL(mode__interval_syncs_though_entries_keep_coming),
		WITH_ALL(mode__interval_syncs_at_the_end),
		WITH_ALL(pressure__a_full_queue_makes_callers_wait),
		WITH_ALL(pressure__or_refuses_at_once_when_asked_to),
		WITH_ALL(pressure__bytes_count_but_one_entry_always_fits),
		WITH_ALL(ticket__gives_the_id_or_the_error),
		WITH_ALL(callback__may_add_but_not_wait),
		WITH_ALL(callback__comes_alone),
		WITH_ALL(names__of_other_agents_are_understood),
		WITH_ALL(new__refuses_a_mode_nobody_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
