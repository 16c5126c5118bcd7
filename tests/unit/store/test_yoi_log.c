/*
 * test_yoi_log.c - yoi's own logs on a disk that fails, fills up, and has other writers.
 *
 * Stands in this room for its fault tables. Cases named accident_NN are what went wrong with the
 * original's files in real use.
 */
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "faulty.h"
#include "ramet/yoi.h"
#include "temp_dir.h"

#define S1 "01a01180-11e8-7201-80c0-ffee00000001"
#define S2 "01a01180-11e8-7201-80c0-ffee00000002"

static char *dir;

static int make_dir(void **unused)
{
	(void)unused;
	dir = temp_dir_new();
	return 0;
}

static int remove_dir(void **unused)
{
	(void)unused;
	(void)faults_stop();
	temp_dir_remove(dir);
	return 0;
}

static void yoi_log__trace__is_appended_through_interruptions(void **unused)
{
	const struct ramet_yoi_trace t = { .ts = 1, .label = raw("l") };
	const struct faults f = { .interrupt = 1 };
	char path[TEMP_PATH];

	(void)unused;
	(void)snprintf(path, sizeof(path), "%s/x.trace.jsonl", dir);
	faults_start(&f);
	must(ramet_yoi_trace_append(path, 0, &t, &why));
	must(ramet_yoi_trace_append(path, 0, &t, &why));
	(void)faults_stop();
	assert_true(bytes_of(path).len > 40);
}

static struct ramet_yoi_log *made(int generation)
{
	struct ramet_yoi_opts o = { .generation = generation, .session_id = S1, .segment_id = S2 };
	struct ramet_yoi_start start = { .system_prompt = raw("P") };
	struct ramet_yoi_log *log;

	must(ramet_yoi_create(&log, dir, &start, &o, &why));
	return log;
}

static struct ramet_yoi_log *handle_on(const char *path, int follow)
{
	struct ramet_yoi_opts o = { .follow = follow };
	struct ramet_yoi_log *log;

	must(ramet_yoi_open(&log, path, &o, &why));
	return log;
}

static uint64_t records_of(const char *path, uint64_t *skipped)
{
	struct ramet_yoi_state s;
	uint64_t n;

	must(ramet_yoi_restore(&s, path, NULL, &why));
	n = s.n_records;
	if (skipped)
		*skipped = s.n_skipped;
	ramet_yoi_state_release(&s);
	return n;
}

static int is_intact(const char *path)
{
	struct ramet_yoi_verdict v;

	must(ramet_yoi_verify(path, &v, NULL, &why));
	return v.intact;
}

/* ---- torn tails and full disks ---- */

static void yoi_log__accident_01_partial_write_hides_no_other_record(void **unused)
{
	struct ramet_yoi_log *log = made(RAMET_YOI_G2);
	struct ramet_yoi_restore_opts strict = { .strict = 1 };
	struct ramet_yoi_state s;
	uint64_t skipped;

	(void)unused;
	add_to(ramet_yoi_path(log),
	       "{'kind':'run_errored','ts':1,'interrupted':true,'message':'\xe3\x81");
	add_to(ramet_yoi_path(log), "{'kind':'turn_end','ts':2,'turn_count':4}\n");
	add_to(ramet_yoi_path(log), "{'kind':'turn_end','ts':3,'turn_count':5}\n");
	assert_int_equal(records_of(ramet_yoi_path(log), &skipped), 3);
	assert_int_equal(skipped, 1);
	refused(ramet_yoi_restore(&s, ramet_yoi_path(log), &strict, &why), RAMET_EFORMAT);
	assert_int_equal(why.line, 2);
	assert_string_equal(why.path, ramet_yoi_path(log));
	ramet_yoi_close(log);
}

static void yoi_log__accident_02_full_disk_leaves_what_was(void **unused)
{
	static const int gens[] = { RAMET_YOI_G1, RAMET_YOI_G2 };
	size_t i;

	(void)unused;
	for (i = 0; i < 2; i++) {
		struct ramet_yoi_log *log = made(gens[i]);
		struct ramet_bytes before = bytes_of(ramet_yoi_path(log)), after;
		struct faults full = { .kind = FAULT_WRITE, .n = 1, .sys = ENOSPC, .cut = 9 };

		faults_start(&full);
		assert_int_equal(ramet_yoi_save_turn_end(log, 1, &why), RAMET_EIO);
		assert_true(faults_stop());
		after = bytes_of(ramet_yoi_path(log));
		assert_true(ramet_bytes_eq(before, after));
		must(ramet_yoi_save_turn_end(log, 1, &why));
		assert_int_equal(records_of(ramet_yoi_path(log), NULL), 2);
		assert_true(is_intact(ramet_yoi_path(log)));
		ramet_yoi_close(log);
	}
}

/* Is now what was before, and blanks with a line end behind? */
static int is_blank_behind(struct ramet_bytes before, struct ramet_bytes now)
{
	size_t i;

	if (now.len <= before.len || memcmp(now.ptr, before.ptr, before.len) != 0)
		return 0;
	for (i = before.len; i < now.len - 1; i++)
		if (now.ptr[i] != ' ')
			return 0;
	return now.ptr[i] == '\n';
}

/* The same through a session: a blank line stays, since yoi would refuse the file for another. */
static void yoi_log__full_disk_leaves_a_session_that_goes_on(void **unused)
{
	static const int gens[] = { RAMET_YOI_G1, RAMET_YOI_G2 };
	struct faults full = { .kind = FAULT_WRITE, .n = 1, .sys = ENOSPC, .cut = 9 };
	size_t i;

	(void)unused;
	for (i = 0; i < 2; i++) {
		struct ramet_yoi_log *log = made(gens[i]);
		struct ramet_session *s = opened(ramet_yoi_path(log));
		struct ramet_bytes before = bytes_of(ramet_yoi_path(log));

		faults_start(&full);
		refused(ramet_session_append_message(s, js(U("one")), NULL, &why), RAMET_EIO);
		assert_true(faults_stop());
		assert_true(is_blank_behind(before, bytes_of(ramet_yoi_path(log))));
		must(ramet_session_append_message(s, js(U("one")), NULL, &why));
		assert_int_equal(records_of(ramet_yoi_path(log), NULL), 2);
		assert_true(is_intact(ramet_yoi_path(log)));
		assert_reopens_same(s);
		ramet_session_close(s);
		ramet_yoi_close(log);
	}
}

static void add_a_line(void *path)
{
	add_to(path, "{'ts':5,'kind':'turn_end','turn_count':1}\n");
}

/* What another wrote meanwhile is never cut off. */
static void yoi_log__full_disk_cuts_nothing_of_others(void **unused)
{
	struct ramet_yoi_log *log = made(RAMET_YOI_G2);
	struct ramet_session *s = opened(ramet_yoi_path(log));
	struct faults full = { .kind = FAULT_WRITE, .n = 1, .sys = ENOSPC, .cut = 9 };
	struct ramet_bytes now;

	(void)unused;
	full.meanwhile = add_a_line;
	full.user = (void *)(uintptr_t)ramet_yoi_path(log);
	faults_start(&full);
	assert_true(ramet_session_append_message(s, js(U("one")), NULL, &why) < 0);
	assert_true(faults_stop());
	now = bytes_of(ramet_yoi_path(log));
	assert_non_null(strstr(now.ptr, "turn_end"));
	assert_int_equal(now.ptr[now.len - 1], '\n');
	ramet_session_close(s);
	ramet_yoi_close(log);
}

static void yoi_log__accident_03_torn_tail_does_not_swallow_the_next_record(void **unused)
{
	struct ramet_yoi_log *log = made(RAMET_YOI_G1);
	const char *path;

	(void)unused;
	add_to(ramet_yoi_path(log), "{'hash':'12");
	refused(ramet_yoi_save_turn_end(log, 1, &why), RAMET_EFORMAT);
	ramet_yoi_close(log);
	log = made(RAMET_YOI_G2);
	path = ramet_yoi_path(log);
	add_to(path, "{'kind':'tur");
	must(ramet_yoi_save_turn_end(log, 1, &why));
	assert_int_equal(records_of(path, NULL), 2);
	assert_file(temp_path(dir, S1 "/" S2 ".jsonl.torn"), "%s", dq("{'kind':'tur"));
	ramet_yoi_close(log);
}

static void yoi_log__accident_04_two_writers_never_glue(void **unused)
{
	struct ramet_yoi_log *a = made(RAMET_YOI_G1), *b = handle_on(ramet_yoi_path(a), 1);
	int i;

	(void)unused;
	must(ramet_yoi_save_turn_end(b, 1, &why));
	refused(ramet_yoi_save_turn_end(a, 2, &why), RAMET_ECONFLICT);
	ramet_yoi_close(a);
	a = handle_on(ramet_yoi_path(b), 1);
	for (i = 0; i < 20; i++) {
		must(ramet_yoi_save_turn_end(a, (uint64_t)i, &why));
		must(ramet_yoi_save_turn_end(b, (uint64_t)i, &why));
	}
	assert_true(is_intact(ramet_yoi_path(a)));
	assert_int_equal(records_of(ramet_yoi_path(a), NULL), 42);
	ramet_yoi_close(a);
	ramet_yoi_close(b);
}

static void finish_their_line(void *path)
{
	add_to(path, "n_end','ts':1,'turn_count':1}\n");
}

static void yoi_log__accident_05_line_being_written_is_not_cut_away(void **unused)
{
	struct ramet_yoi_log *log = made(RAMET_YOI_G2);
	/* the second look at the tail's file comes after the pause */
	struct faults other = {
		.kind = FAULT_FSTAT, .n = 4, .hasty = 1, .meanwhile = finish_their_line
	};

	(void)unused;
	add_to(ramet_yoi_path(log), "{'kind':'tur");
	other.user = (void *)(uintptr_t)ramet_yoi_path(log);
	faults_start(&other);
	assert_int_equal(ramet_yoi_save_turn_end(log, 2, &why), RAMET_ECONFLICT);
	assert_true(faults_stop());
	assert_int_equal(records_of(ramet_yoi_path(log), NULL), 2);
	ramet_yoi_close(log);
}

static void yoi_log__accident_06_cutting_is_all_or_nothing(void **unused)
{
	struct ramet_buf kept = RAMET_BUF_INIT(4096);
	unsigned n;
	int reached = 1, kind, i;

	(void)unused;
	for (kind = FAULT_WRITE; kind <= FAULT_LINKAT; kind++) {
		for (n = 1, reached = 1; reached; n++) {
			struct faults f = { .kind = kind, .n = n, .sys = ENOSPC };
			struct ramet_yoi_log *log = made(RAMET_YOI_G2);
			uint64_t left;
			int r;

			for (i = 0; i < 5; i++)
				must(ramet_yoi_save_turn_end(log, (uint64_t)i, &why));
			ramet_buf_reset(&kept);
			faults_start(&f);
			r = ramet_yoi_truncate(log, 2, &kept, &why);
			reached = faults_stop();
			left = records_of(ramet_yoi_path(log), NULL);
			if (r == RAMET_EUNKNOWN)
				assert_true(left == 6 || left == 2);
			else
				assert_int_equal(left, r ? 6 : 2);
			if (!r)
				assert_int_equal(records_of(kept.ptr, NULL), 4);
			ramet_yoi_close(log);
			temp_dir_remove(dir);
			dir = temp_dir_new();
		}
	}
	ramet_buf_release(&kept);
}

static void yoi_log__accident_08_synced_as_the_level_says(void **unused)
{
	struct ramet_yoi_opts none = { .level = RAMET_LEVEL_NONE };
	struct ramet_yoi_log *log = made(RAMET_YOI_G2), *lazy;
	struct faults f = { 0 };

	(void)unused;
	must(ramet_yoi_open(&lazy, ramet_yoi_path(log), &none, &why));
	faults_start(&f);
	must(ramet_yoi_save_turn_end(log, 1, &why));
	assert_int_equal(faults_file_syncs(), 1);
	faults_start(&f);
	ramet_yoi_close(lazy);
	must(ramet_yoi_open(&lazy, ramet_yoi_path(log), &none, &why));
	must(ramet_yoi_save_turn_end(lazy, 2, &why));
	assert_int_equal(faults_file_syncs(), 0);
	(void)faults_stop();
	ramet_yoi_close(log);
	ramet_yoi_close(lazy);
}

static void yoi_log__accident_09_run_without_its_end_is_interrupted(void **unused)
{
	struct ramet_yoi_log *log = made(RAMET_YOI_G2);
	struct ramet_yoi_state s;

	(void)unused;
	must(ramet_yoi_save_record(log, js("{'kind':'invoke','trigger':'user_send'}"), &why));
	must(ramet_yoi_restore(&s, ramet_yoi_path(log), NULL, &why));
	assert_true(s.interrupted);
	ramet_yoi_state_release(&s);
	ramet_yoi_close(log);
}

/* ---- integrity ---- */

static void yoi_log__accident_10_edited_and_lost_lines_are_found(void **unused)
{
	struct ramet_yoi_log *log = made(RAMET_YOI_G1);
	const char *path = ramet_yoi_path(log);
	struct ramet_yoi_verdict v;
	struct ramet_bytes all;
	char *at, *copy;
	int i;

	(void)unused;
	for (i = 1; i < 5; i++)
		must(ramet_yoi_save_turn_end(log, (uint64_t)i, &why));
	all = bytes_of(path);
	copy = strndup(all.ptr, all.len);
	at = strstr(copy, "\"turn_count\":3");
	at[13] = '7';
	put(path, copy);
	must(ramet_yoi_verify(path, &v, NULL, &why));
	assert_int_equal(v.bad_line, 4);
	assert_int_equal(v.n_wrong, 1);
	assert_true(v.relinks);
	at[13] = '3';
	/* the third line goes */
	at = strchr(strchr(copy, '\n') + 1, '\n') + 1;
	memmove(at, strchr(at, '\n') + 1, strlen(strchr(at, '\n') + 1) + 1);
	put(path, copy);
	must(ramet_yoi_verify(path, &v, NULL, &why));
	assert_int_equal(v.bad_line, 3);
	assert_int_equal(v.n_broken, 1);
	assert_int_equal(v.n_wrong, 0);
	assert_true(v.relinks);
	free(copy);
	ramet_yoi_close(log);
}

static void yoi_log__accident_11_hashed_numbers_have_no_exponent(void **unused)
{
	struct ramet_yoi_log *log = made(RAMET_YOI_G1);
	struct ramet_bytes all;

	(void)unused;
	must(ramet_yoi_save_extension(log, raw("d"), js("{'b':1e16,'a':[1e-7,-0,12]}"), &why));
	all = bytes_of(ramet_yoi_path(log));
	assert_non_null(strstr(all.ptr, dq("'payload':{'a':[0.0000001,-0.0,12],"
					   "'b':10000000000000000.0}}")));
	assert_true(is_intact(ramet_yoi_path(log)));
	refused(ramet_yoi_save_extension(log, raw("d"), js("1e999"), &why), RAMET_EINVAL);
	ramet_yoi_close(log);
}

static void yoi_log__accident_12_other_tail_of_equal_length_is_noticed(void **unused)
{
	struct ramet_yoi_log *log = made(RAMET_YOI_G2);
	struct ramet_yoi_start start = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
	const char *path = ramet_yoi_path(log);
	char *copy;
	int forked;

	(void)unused;
	must(ramet_yoi_save_record(log, js("{'kind':'turn_end','ts':5,'turn_count':1}"), &why));
	copy = strdup(bytes_of(path).ptr);
	*(strstr(copy, "\"turn_count\":1") + 13) = '2';
	put(path, copy);
	free(copy);
	refused(ramet_yoi_save_turn_end(log, 2, &why), RAMET_ECONFLICT);
	must(ramet_yoi_ensure_head(log, &start, &forked, &why));
	assert_true(forked);
	must(ramet_yoi_save_turn_end(log, 2, &why));
	ramet_yoi_close(log);
}

static void yoi_log__accident_13_fork_at_an_unknown_place_is_an_error(void **unused)
{
	struct ramet_yoi_log *log = made(RAMET_YOI_G2), *fork;

	(void)unused;
	refused(ramet_yoi_fork_at_turn(&fork, dir, ramet_yoi_path(log), 7, NULL, &why),
		RAMET_ENOTFOUND);
	refused(ramet_yoi_fork_at_hash(&fork, dir, ramet_yoi_path(log), "ab", NULL, &why),
		RAMET_EINVAL);
	ramet_yoi_close(log);
}

static void yoi_log__accident_14_fork_has_the_whole_state(void **unused)
{
	struct ramet_yoi_usage u = { 1, 2, 3, 4, 5 };
	struct ramet_yoi_log *log = made(RAMET_YOI_G1), *fork;
	struct ramet_yoi_state a, b;

	(void)unused;
	must(ramet_yoi_save_usage(log, &u, &why));
	must(ramet_yoi_save_extension(log, raw("x"), js("{'k':1}"), &why));
	must(ramet_yoi_save_turn_end(log, 3, &why));
	must(ramet_yoi_save_run_completed(log, 1, "limit_reached", &why));
	must(ramet_yoi_fork_at_hash(&fork, dir, ramet_yoi_path(log), ramet_yoi_head(log), NULL,
				    &why));
	must(ramet_yoi_restore(&a, ramet_yoi_path(log), NULL, &why));
	must(ramet_yoi_restore(&b, ramet_yoi_path(fork), NULL, &why));
	assert_int_equal(b.turn_count, 3);
	assert_true(b.interrupted);
	assert_string_equal(a.usage.ptr, b.usage.ptr);
	assert_string_equal(a.extensions.ptr, b.extensions.ptr);
	assert_string_equal(b.system_prompt.ptr, "P");
	ramet_yoi_state_release(&a);
	ramet_yoi_state_release(&b);
	ramet_yoi_close(log);
	ramet_yoi_close(fork);
}

static void yoi_log__accident_18_stale_handle_is_told(void **unused)
{
	struct ramet_yoi_log *log = made(RAMET_YOI_G2), *other = handle_on(ramet_yoi_path(log), 0);

	(void)unused;
	must(ramet_yoi_save_turn_end(other, 1, &why));
	refused(ramet_yoi_rewind(log, 0, 1, NULL, &why), RAMET_ENOTFOUND);
	refused(ramet_yoi_truncate(log, 1, NULL, &why), RAMET_ECONFLICT);
	ramet_yoi_close(log);
	ramet_yoi_close(other);
}

static int count_id(void *n, const char *id)
{
	(void)id;
	++*(int *)n;
	return 0;
}

static void yoi_log__accident_23_damaged_neighbour_hides_nobody(void **unused)
{
	struct ramet_yoi_log *log = made(RAMET_YOI_G1);
	int n = 0;

	(void)unused;
	put(temp_path(dir, S2 ".jsonl"), "garbage");
	must(ramet_yoi_list_sessions(dir, 0, count_id, &n, &why));
	assert_int_equal(n, 2);
	ramet_yoi_close(log);
}

static void yoi_log__accident_24_reading_writes_nothing(void **unused)
{
	struct ramet_yoi_log *log = made(RAMET_YOI_G2);
	struct faults f = { 0 };
	int n = 0, kind;

	(void)unused;
	add_to(ramet_yoi_path(log), "{'kind':'tur");
	faults_start(&f);
	(void)records_of(ramet_yoi_path(log), NULL);
	(void)is_intact(ramet_yoi_path(log));
	must(ramet_yoi_list_sessions(dir, 0, count_id, &n, &why));
	for (kind = FAULT_WRITE; kind <= FAULT_FTRUNCATE; kind++)
		assert_int_equal(faults_calls(kind), 0);
	assert_int_equal(faults_calls(FAULT_RENAME) + faults_calls(FAULT_UNLINK), 0);
	(void)faults_stop();
	ramet_yoi_close(log);
}

/* ---- every call that can fail ---- */

static void yoi_log__accident_25_every_failure_leaves_whole_records(void **unused)
{
	unsigned n;
	int reached = 1;

	(void)unused;
	for (n = 1; reached; n++) {
		struct faults f = { .kind = FAULT_ANY, .n = n, .sys = EIO, .hasty = 1 };
		struct ramet_yoi_log *log = made(RAMET_YOI_G1);
		uint64_t left;
		int r;

		faults_start(&f);
		r = ramet_yoi_save_turn_end(log, 1, &why);
		reached = faults_stop();
		left = records_of(ramet_yoi_path(log), NULL);
		assert_int_equal(faults_open_fds(), 0);
		assert_true(is_intact(ramet_yoi_path(log)));
		if (!r)
			assert_int_equal(left, 2);
		else if (r != RAMET_EUNKNOWN)
			assert_int_equal(left, 1);
		ramet_yoi_close(log);
		temp_dir_remove(dir);
		dir = temp_dir_new();
	}
}

static int use_all(const char *path, struct ramet_bytes items)
{
	struct ramet_yoi_opts lazy = { .level = RAMET_LEVEL_NONE };
	struct ramet_yoi_log *log = NULL, *fork = NULL;
	struct ramet_yoi_verdict v;
	struct ramet_yoi_state s;
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);
	int r = ramet_yoi_open(&log, path, &lazy, &why);

	if (!r)
		r = ramet_yoi_save_delta(log, items, &why);
	if (!r)
		r = ramet_yoi_fork_at_hash(&fork, dir, path, ramet_yoi_head(log), &lazy, &why);
	if (!r)
		r = ramet_yoi_restore(&s, path, NULL, &why);
	if (!r) {
		r = ramet_yoi_state_write(&s, &b, &why);
		ramet_yoi_state_release(&s);
	}
	if (!r)
		r = ramet_yoi_verify(path, &v, NULL, &why);
	ramet_buf_release(&b);
	ramet_yoi_close(log);
	ramet_yoi_close(fork);
	return r;
}

static void yoi_log__survives_without_memory(void **unused)
{
	struct ramet_yoi_log *log = made(RAMET_YOI_G1);
	struct ramet_bytes first = bytes_of(ramet_yoi_path(log));
	char *text = strndup(first.ptr, first.len);
	struct ramet_bytes items = raw(
		"[{\"type\":\"tool_call\",\"call_id\":\"c\",\"name\":\"n\",\"arguments\":\"{}\"}]");
	unsigned n;
	int reached = 1, r;

	(void)unused;
	for (n = 1; reached; n++) {
		put(ramet_yoi_path(log), text);
		scarce_start(n);
		r = use_all(ramet_yoi_path(log), items);
		reached = scarce_stop();
		assert_true(r == 0 || r == RAMET_ENOMEM);
		assert_true(is_intact(ramet_yoi_path(log)));
	}
	free(text);
	ramet_yoi_close(log);
}

static void yoi_log__ids_never_leave_the_directory(void **unused)
{
	struct ramet_yoi_opts o = { .session_id = "../../../../etc/0000000000000000000" };
	struct ramet_buf path = RAMET_BUF_INIT(4096);
	struct ramet_yoi_log *log;

	(void)unused;
	refused(ramet_yoi_create(&log, dir, NULL, &o, &why), RAMET_EINVAL);
	refused(ramet_yoi_find(dir, "..", NULL, &path, &why), RAMET_EINVAL);
	refused(ramet_yoi_find(dir, S1, "../x", &path, &why), RAMET_EINVAL);
	ramet_buf_release(&path);
}

#define CASE(name) cmocka_unit_test_setup_teardown(yoi_log__##name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(trace__is_appended_through_interruptions),
		CASE(accident_01_partial_write_hides_no_other_record),
		CASE(accident_02_full_disk_leaves_what_was),
		CASE(full_disk_leaves_a_session_that_goes_on),
		CASE(full_disk_cuts_nothing_of_others),
		CASE(accident_03_torn_tail_does_not_swallow_the_next_record),
		CASE(accident_04_two_writers_never_glue),
		CASE(accident_05_line_being_written_is_not_cut_away),
		CASE(accident_06_cutting_is_all_or_nothing),
		CASE(accident_08_synced_as_the_level_says),
		CASE(accident_09_run_without_its_end_is_interrupted),
		CASE(accident_10_edited_and_lost_lines_are_found),
		CASE(accident_11_hashed_numbers_have_no_exponent),
		CASE(accident_12_other_tail_of_equal_length_is_noticed),
		CASE(accident_13_fork_at_an_unknown_place_is_an_error),
		CASE(accident_14_fork_has_the_whole_state),
		CASE(accident_18_stale_handle_is_told),
		CASE(accident_23_damaged_neighbour_hides_nobody),
		CASE(accident_24_reading_writes_nothing),
		CASE(accident_25_every_failure_leaves_whole_records),
		CASE(survives_without_memory),
		CASE(ids_never_leave_the_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
