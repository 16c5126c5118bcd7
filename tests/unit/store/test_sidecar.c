/*
 * sidecar*.c: what is written is what the format says, byte for byte; what is read is checked, and
 * no more than needed is read; what is stale or damaged is refused.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/env.h"
#include "store/sidecar_priv.h"

#define GOLDEN "tests/golden/pirust-v2/"
#define UUID_HEAD                                                                                  \
	"{'type':'session','version':3,'id':'5b0f6c1e-0000-4000-8000-0000000000aa',"               \
	"'timestamp':'2026-03-01T10:00:00.000Z','cwd':'/w'}\n"
#define ROOT(id) "{'type':'message','id':'" id "','timestamp':'t','message':" U("m") "}\n"
#define KID(id, parent)                                                                            \
	"{'type':'message','id':'" id "','parentId':'" parent                                      \
	"','timestamp':'t','message':" U("m") "}\n"

static char *dir;
static char path[TEMP_PATH];
static struct ramet_sidecar *sidecar;

static int make_dir(void **state)
{
	(void)state;
	dir = temp_dir_new();
	(void)snprintf(path, sizeof(path), "%s/s.jsonl", dir);
	sidecar = NULL;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	rameti_env_use(NULL);
	ramet_sidecar_close(sidecar);
	temp_dir_remove(dir);
	return 0;
}

static const char *in(const char *name)
{
	static char text[4][TEMP_PATH];
	static unsigned at;
	char *to = text[at++ % 4];

	(void)snprintf(to, TEMP_PATH, "%s/%s", dir, name);
	return to;
}

static void given(const char *text)
{
	put(path, text);
}

/* A chain of n entries. */
static void given_chain(unsigned n)
{
	FILE *f = fopen(path, "wb");
	unsigned i;

	assert_non_null(f);
	(void)fputs(dq(UUID_HEAD), f);
	for (i = 1; i <= n; i++) {
		char parent[40] = "";

		if (i > 1)
			(void)snprintf(parent, sizeof(parent), "\"parentId\":\"e%05u\",", i - 1);
		(void)fprintf(f,
			      "{\"type\":\"message\",\"id\":\"e%05u\",%s\"timestamp\":\"t\","
			      "\"message\":{\"role\":\"user\",\"content\":\"number %u\"}}\n",
			      i, parent, i);
	}
	assert_int_equal(fclose(f), 0);
}

static void created_with(uint64_t limit)
{
	struct ramet_sidecar_opts o = { .segment_limit = limit };

	must(ramet_sidecar_migrate(path, &o, NULL, &why));
}

static int state_now(void)
{
	struct ramet_sidecar_check c;

	must(ramet_sidecar_status(path, &c, &why));
	return c.state;
}

static void opened_as(int mode, uint64_t tail)
{
	struct ramet_sidecar_open_opts o = { .mode = mode, .tail = tail };

	ramet_sidecar_close(sidecar);
	sidecar = NULL;
	must(ramet_sidecar_open(&sidecar, path, &o, &why));
}

/* Ids of what is given, each with a blank behind it. */
static const char *ids_given(void)
{
	static char text[4096];
	struct ramet_sidecar_entry e;
	size_t len = 0;
	int r;

	text[0] = '\0';
	while ((r = ramet_sidecar_next(sidecar, &e, &why)) > 0)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s ", RAMET_FMT(e.id));
	assert_int_equal(r, 0);
	return text;
}

/* ---- what is written ---- */

/* The clock of the golden files: frames are made one, two, ... seconds after 09:10:00, the manifest
 * at 09:15:00. */
static unsigned ticks, n_frames;
static struct rameti_env golden_env;

static int golden_clock(void *user, clockid_t clock, struct timespec *ts)
{
	unsigned n;

	if (clock != CLOCK_REALTIME)
		return rameti_env_posix()->clock_gettime(user, clock, ts);
	n = ticks < n_frames ? 601 + ticks : 900;
	ticks++;
	ts->tv_sec = 1772355600 + (time_t)n;                 /* 2026-03-01T09:00:00Z */
	ts->tv_nsec = (long)(n * 37 % 1000) * 1000000;
	return 0;
}

static void assert_same_file(const char *golden, const char *name)
{
	char a[TEMP_PATH], b[TEMP_PATH];
	struct ramet_bytes ours, theirs;

	(void)snprintf(a, sizeof(a), GOLDEN "%s/session.v2/%s", golden, name);
	(void)snprintf(b, sizeof(b), "%s/s.v2/%s", dir, name);
	theirs = bytes_of(a);
	ours = bytes_of(b);
	assert_int_equal(ours.len, theirs.len);
	assert_memory_equal(ours.ptr, theirs.ptr, ours.len);
}

static void create_golden(const char *golden, unsigned frames, uint64_t limit)
{
	char from[TEMP_PATH];

	(void)snprintf(from, sizeof(from), GOLDEN "%s/session.jsonl", golden);
	put_bytes(path, bytes_of(from));
	ticks = 0;
	n_frames = frames;
	golden_env = *rameti_env_posix();
	golden_env.clock_gettime = golden_clock;
	rameti_env_use(&golden_env);
	created_with(limit);
	rameti_env_use(NULL);
}

static void create__writes_the_golden_bytes(void **state)
{
	unsigned i;

	(void)state;
	create_golden("01-all-types", 15, 0);
	assert_same_file("01-all-types", "segments/0000000000000001.seg");
	assert_same_file("01-all-types", "index/offsets.jsonl");
	assert_same_file("01-all-types", "manifest.json");
	create_golden("03-branched-leaf", 7, 0);
	assert_same_file("03-branched-leaf", "segments/0000000000000001.seg");
	assert_same_file("03-branched-leaf", "index/offsets.jsonl");
	assert_same_file("03-branched-leaf", "manifest.json");
	create_golden("04-multi-segment", 12, 2048);
	for (i = 1; i <= 6; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "segments/%016u.seg", i);
		assert_same_file("04-multi-segment", name);
	}
	assert_same_file("04-multi-segment", "index/offsets.jsonl");
	assert_same_file("04-multi-segment", "manifest.json");
	create_golden("05-empty", 0, 0);
	assert_same_file("05-empty", "manifest.json");
	assert_false(exists(in("s.v2/index/offsets.jsonl")));
}

static void create__is_private_and_leaves_nothing_beside(void **state)
{
	(void)state;
	given_chain(3);
	created_with(0);
	assert_string_equal(names_in(dir), "s.jsonl s.jsonl.lock s.v2");
	assert_string_equal(names_in(in("s.v2")), "checkpoints index manifest.json migrations "
						  "segments source-state.json tmp");
	assert_int_equal(mode_of(in("s.v2")), 0700);
	assert_int_equal(mode_of(in("s.v2/segments")), 0700);
	assert_int_equal(mode_of(in("s.v2/segments/0000000000000001.seg")), 0600);
	assert_int_equal(mode_of(in("s.v2/index/offsets.jsonl")), 0600);
	assert_int_equal(mode_of(in("s.v2/manifest.json")), 0600);
	assert_int_equal(state_now(), RAMET_SIDECAR_MIGRATED);
}

static void create__gives_ids_to_lines_without_one(void **state)
{
	struct ramet_sidecar_report done;
	struct ramet_sidecar_entry e;

	(void)state;
	/* the entry of golden case 07, whose id the original makes from its bytes */
	given(UUID_HEAD ROOT("d0000001")
	      "{'type':'message','parentId':'d0000001','timestamp':'2026-03-01T09:00:03.111Z',"
	      "'message':{'role':'user','content':'no id here','timestamp':1772355600002}}\n");
	must(ramet_sidecar_migrate(path, NULL, &done, &why));
	assert_int_equal(done.n_ids_made, 1);
	opened_as(RAMET_SIDECAR_TAIL, 1);
	assert_int_equal(ramet_sidecar_next(sidecar, &e, &why), 1);
	assert_true(ramet_bytes_is(e.id, "cbfca1be"));
	assert_memory_equal(e.payload.ptr, "{\"type\":\"message\",\"id\":\"cbfca1be\",", 34);
}

static void create__keeps_unknown_members_and_drops_white_space(void **state)
{
	struct ramet_sidecar_report done;
	struct ramet_sidecar_entry e;

	(void)state;
	given(UUID_HEAD "{'type': 'session_info', 'id':'x1', 'timestamp':'t', 'new' : [1.0, 2]}\n");
	must(ramet_sidecar_migrate(path, NULL, &done, &why));
	assert_int_equal(done.n_compacted, 1);
	opened_as(RAMET_SIDECAR_FULL, 0);
	assert_int_equal(ramet_sidecar_next(sidecar, &e, &why), 1);
	assert_text(e.payload,
		    "{\"type\":\"session_info\",\"id\":\"x1\",\"timestamp\":\"t\","
		    "\"new\":[1.0,2]}");
}

static void create__refuses_what_the_original_refuses(void **state)
{
	static const struct {
		const char *text;
		int code;
		unsigned line;
	} cases[] = {
		{ "", RAMET_EFORMAT, 0 },
		{ "\n", RAMET_EFORMAT, 1 },
		{ "{'type':'session','version':2,'id':'a','timestamp':'t','cwd':'/'}\n",
		  RAMET_EVERSION, 1 },
		{ "{'type':'session','version':3,'id':'s1','timestamp':'t','cwd':'/'}\n",
		  RAMET_EFORMAT, 1 },
		{ "{'type':'session','version':3,'id':'a','timestamp':'t','cwd':' '}\n",
		  RAMET_EFORMAT, 1 },
		{ UUID_HEAD "\n" ROOT("../x"), RAMET_EFORMAT, 3 },
		{ UUID_HEAD ROOT("a") ROOT("a"), RAMET_EFORMAT, 3 },
		{ UUID_HEAD ROOT("a") KID("b", "gone"), RAMET_EFORMAT, 0 },
		{ UUID_HEAD KID("a", "b") KID("b", "a"), RAMET_EFORMAT, 0 },
		{ UUID_HEAD KID("a", "a"), RAMET_EFORMAT, 0 },
		{ UUID_HEAD "{'type':'message','id':'a','timestamp':'t','message':{}}\n",
		  RAMET_EFORMAT, 2 },
		{ UUID_HEAD "{'type':'custom_message','id':'a','timestamp':'t'}\n", RAMET_EFORMAT,
		  2 },
		{ UUID_HEAD "{'type':'label','type':'label','id':'a','timestamp':'t'}\n",
		  RAMET_EFORMAT, 2 },
		{ UUID_HEAD "{'type':'label','id':7,'timestamp':'t','targetId':'a'}\n",
		  RAMET_EFORMAT, 2 },
		{ UUID_HEAD ROOT("a") "{'type':'session_in", RAMET_EFORMAT, 3 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		given(cases[i].text);
		refused(ramet_sidecar_migrate(path, NULL, NULL, &why), cases[i].code);
		assert_int_equal(why.line, cases[i].line);
		assert_false(exists(in("s.v2")));
		assert_string_equal(names_in(dir), "s.jsonl s.jsonl.lock");
	}
}

static void create__refuses_an_entry_larger_than_a_segment(void **state)
{
	struct ramet_sidecar_opts o = { .segment_limit = 100 };

	(void)state;
	given_chain(1);
	refused(ramet_sidecar_migrate(path, &o, NULL, &why), RAMET_ELIMIT);
	assert_string_equal(names_in(dir), "s.jsonl s.jsonl.lock");
}

static void create__waits_for_the_lock_no_longer_than_told(void **state)
{
	struct ramet_sidecar_opts o = { .lock_ms = 30 };
	int fd;

	(void)state;
	given_chain(1);
	fd = open(in("s.jsonl.lock"), O_RDWR | O_CREAT, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	refused(ramet_sidecar_migrate(path, &o, NULL, &why), RAMET_ECONFLICT);
	refused(ramet_sidecar_recover(path, &o, NULL, &why), RAMET_ECONFLICT);
	assert_int_equal(close(fd), 0);
	must(ramet_sidecar_migrate(path, &o, NULL, &why));
}

/* ---- what is read ---- */

static void open__gives_full_tail_and_path(void **state)
{
	(void)state;
	given(UUID_HEAD ROOT("a") KID("b", "a") KID("c", "a") KID("d", "c") ROOT("e")
		      KID("f", "d"));
	created_with(500);
	opened_as(RAMET_SIDECAR_FULL, 0);
	assert_int_equal(ramet_sidecar_selected(sidecar), 6);
	assert_string_equal(ids_given(), "a b c d e f ");
	opened_as(RAMET_SIDECAR_TAIL, 2);
	assert_string_equal(ids_given(), "e f ");
	opened_as(RAMET_SIDECAR_TAIL, 100);
	assert_string_equal(ids_given(), "a b c d e f ");
	opened_as(RAMET_SIDECAR_TAIL, 0);
	assert_int_equal(ramet_sidecar_mode(sidecar), RAMET_SIDECAR_ACTIVE_PATH);
	assert_string_equal(ids_given(), "a c d f ");
	opened_as(RAMET_SIDECAR_AUTO, 0);
	assert_int_equal(ramet_sidecar_mode(sidecar), RAMET_SIDECAR_FULL);
}

static void open__follows_parents_that_come_later(void **state)
{
	(void)state;
	given(UUID_HEAD KID("c", "b") KID("b", "a") ROOT("a") KID("d", "c"));
	created_with(0);
	opened_as(RAMET_SIDECAR_ACTIVE_PATH, 0);
	assert_string_equal(ids_given(), "a b c d ");
}

static void open__takes_the_leaf_it_is_given(void **state)
{
	struct ramet_sidecar_open_opts o = { .mode = RAMET_SIDECAR_ACTIVE_PATH, .leaf = "b" };

	(void)state;
	given(UUID_HEAD ROOT("a") KID("b", "a") KID("c", "a"));
	created_with(0);
	must(ramet_sidecar_open(&sidecar, path, &o, &why));
	assert_string_equal(ids_given(), "a b ");
	ramet_sidecar_close(sidecar);
	sidecar = NULL;
	o.leaf = "zz";
	refused(ramet_sidecar_open(&sidecar, path, &o, &why), RAMET_ENOTFOUND);
	o.leaf = "";
	must(ramet_sidecar_open(&sidecar, path, &o, &why));
	assert_string_equal(ids_given(), "");
}

static void open__reads_a_tail_from_the_end(void **state)
{
	const struct faults none = { .kind = FAULT_ANY };
	unsigned tail;

	(void)state;
	given_chain(5000);
	created_with(64 << 10);
	faults_start(&none);
	opened_as(RAMET_SIDECAR_TAIL, 3);
	assert_string_equal(ids_given(), "e04998 e04999 e05000 ");
	ramet_sidecar_close(sidecar);
	sidecar = NULL;
	tail = faults_calls(FAULT_PREAD);
	(void)faults_stop();
	assert_true(tail < 20);
}

static void open__knows_a_long_path(void **state)
{
	struct ramet_sidecar_entry e;
	unsigned n = 0;

	(void)state;
	given_chain(3000);
	created_with(32 << 10);
	opened_as(RAMET_SIDECAR_ACTIVE_PATH, 0);
	assert_int_equal(ramet_sidecar_selected(sidecar), 3000);
	while (ramet_sidecar_next(sidecar, &e, &why) > 0)
		assert_int_equal(e.seq, ++n);
	assert_int_equal(n, 3000);
}

static void open__refuses_one_that_is_stale(void **state)
{
	struct ramet_sidecar_open_opts o = { .mode = RAMET_SIDECAR_FULL };

	(void)state;
	given(UUID_HEAD ROOT("a"));
	refused(ramet_sidecar_open(&sidecar, path, &o, &why), RAMET_ENOTFOUND);
	created_with(0);
	add_to(path, KID("b", "a"));
	assert_int_equal(state_now(), RAMET_SIDECAR_STALE);
	refused(ramet_sidecar_open(&sidecar, path, &o, &why), RAMET_ECONFLICT);
	o.even_stale = 1;
	must(ramet_sidecar_open(&sidecar, path, &o, &why));
	assert_string_equal(ids_given(), "a ");
}

static void open__notices_a_change_of_the_session_while_reading(void **state)
{
	struct ramet_sidecar_entry e;

	(void)state;
	given(UUID_HEAD ROOT("a"));
	created_with(0);
	opened_as(RAMET_SIDECAR_FULL, 0);
	assert_int_equal(ramet_sidecar_next(sidecar, &e, &why), 1);
	add_to(path, KID("b", "a"));
	refused(ramet_sidecar_next(sidecar, &e, &why), RAMET_ECONFLICT);
}

static void open__follows_a_link_to_the_session_but_none_in_the_sidecar(void **state)
{
	char link[TEMP_PATH];

	(void)state;
	given(UUID_HEAD ROOT("a"));
	created_with(0);
	(void)snprintf(link, sizeof(link), "%s/other.jsonl", dir);
	assert_int_equal(symlink("s.jsonl", link), 0);
	must(ramet_sidecar_open(&sidecar, link, NULL, &why));
	ramet_sidecar_close(sidecar);
	sidecar = NULL;
	assert_int_equal(rename(in("s.v2/index"), in("away")), 0);
	assert_int_equal(symlink("../away", in("s.v2/index")), 0);
	refused(ramet_sidecar_open(&sidecar, path, NULL, &why), RAMET_EFORMAT);
	assert_int_equal(state_now(), RAMET_SIDECAR_CORRUPT);
	assert_int_equal(unlink(in("s.v2/index")), 0);
	assert_int_equal(rename(in("away"), in("s.v2/index")), 0);
	assert_int_equal(rename(in("s.v2/manifest.json"), in("away")), 0);
	assert_int_equal(symlink("../away", in("s.v2/manifest.json")), 0);
	refused(ramet_sidecar_open(&sidecar, path, NULL, &why), RAMET_EFORMAT);
}

/* Any one byte of any file of it changed: nothing wrong is ever given. */
static void open__never_gives_what_is_not_the_sessions(void **state)
{
	static const char *const names[] = { "s.v2/segments/0000000000000001.seg",
					     "s.v2/index/offsets.jsonl", "s.v2/manifest.json",
					     "s.v2/source-state.json" };
	struct ramet_sidecar_open_opts o = { .mode = RAMET_SIDECAR_FULL };
	struct ramet_sidecar_entry e;
	struct ramet_error err;
	size_t i, at;

	(void)state;
	given(UUID_HEAD ROOT("a") KID("b", "a"));
	created_with(0);
	for (i = 0; i < 4; i++) {
		struct ramet_bytes good = bytes_of(in(names[i]));
		char *text = malloc(good.len);

		assert_non_null(text);
		memcpy(text, good.ptr, good.len);
		for (at = 0; at < good.len; at++) {
			unsigned n = 0;
			int r;

			text[at] ^= 1;
			put_bytes(in(names[i]), (struct ramet_bytes){ text, good.len });
			text[at] ^= 1;
			r = ramet_sidecar_open(&sidecar, path, &o, &err);
			while (!r && (r = ramet_sidecar_next(sidecar, &e, &err)) > 0) {
				assert_true(ramet_bytes_is(e.id, n ? "b" : "a"));
				assert_memory_equal(e.payload.ptr, "{\"type\":\"message\",", 18);
				n++;
				r = 0;
			}
			assert_true(r < 0 || n == 2);
			ramet_sidecar_close(sidecar);
			sidecar = NULL;
		}
		put_bytes(in(names[i]), (struct ramet_bytes){ text, good.len });
		free(text);
	}
	assert_int_equal(state_now(), RAMET_SIDECAR_MIGRATED);
}

static void mode__is_read_as_the_environment_has_it(void **state)
{
	static const struct {
		const char *text;
		int mode;
		uint64_t tail;
	} good[] = {
		{ " Full ", RAMET_SIDECAR_FULL, 7 },
		{ "active", RAMET_SIDECAR_ACTIVE_PATH, 7 },
		{ "ACTIVE_PATH", RAMET_SIDECAR_ACTIVE_PATH, 7 },
		{ "active-path", RAMET_SIDECAR_ACTIVE_PATH, 7 },
		{ "tail", RAMET_SIDECAR_TAIL, 256 },
		{ "tail:0", RAMET_SIDECAR_TAIL, 0 },
		{ "TAIL:12", RAMET_SIDECAR_TAIL, 12 },
	};
	static const char *const bad[] = { "", "tail:", "tail:-1", "tail:1x", "all", "tail: 1",
					   "tail:99999999999999999999999",
					   "fullfullfullfullfullfullfullfullfull" };
	size_t i;
	int mode;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint64_t tail = 7;

		must(ramet_sidecar_mode_parse(good[i].text, &mode, &tail, &why));
		assert_int_equal(mode, good[i].mode);
		assert_int_equal(tail, good[i].tail);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t tail = 7;

		refused(ramet_sidecar_mode_parse(bad[i], &mode, &tail, &why), RAMET_EINVAL);
	}
}

static const char *wanted_mode, *wanted_lazy;
static struct rameti_env mode_env;

static const char *mode_getenv(void *user, const char *name)
{
	(void)user;
	if (!strcmp(name, "PI_SESSION_V2_OPEN_MODE"))
		return wanted_mode;
	return strcmp(name, "PI_SESSION_V2_LAZY_THRESHOLD") ? NULL : wanted_lazy;
}

static void open__asks_the_environment(void **state)
{
	static const struct {
		const char *mode, *lazy;
		int expected;
		unsigned n;
	} cases[] = {
		{ NULL, NULL, RAMET_SIDECAR_FULL, 4 },
		{ "tail:2", NULL, RAMET_SIDECAR_TAIL, 2 },
		{ "active", NULL, RAMET_SIDECAR_ACTIVE_PATH, 3 },
		{ "nonsense", NULL, RAMET_SIDECAR_FULL, 4 },
		{ NULL, "3", RAMET_SIDECAR_ACTIVE_PATH, 3 },
		{ NULL, "4", RAMET_SIDECAR_FULL, 4 },
		{ NULL, "0", RAMET_SIDECAR_FULL, 4 },
		{ NULL, "-1", RAMET_SIDECAR_FULL, 4 },
		{ "full", "1", RAMET_SIDECAR_FULL, 4 },
	};
	size_t i;

	(void)state;
	given(UUID_HEAD ROOT("a") KID("b", "a") KID("c", "a") KID("d", "c"));
	created_with(0);
	mode_env = *rameti_env_posix();
	mode_env.getenv = mode_getenv;
	rameti_env_use(&mode_env);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		wanted_mode = cases[i].mode;
		wanted_lazy = cases[i].lazy;
		opened_as(RAMET_SIDECAR_AUTO, 0);
		assert_int_equal(ramet_sidecar_mode(sidecar), cases[i].expected);
		assert_int_equal(ramet_sidecar_selected(sidecar), cases[i].n);
		assert_int_equal(ramet_sidecar_total(sidecar), 4);
	}
}

/* ---- mending ---- */

static void recover__sets_an_intent_aside_that_cannot_be_done(void **state)
{
	struct ramet_sidecar_report done;

	(void)state;
	given(UUID_HEAD ROOT("a"));
	created_with(0);
	put(in("s.v2/tmp/rollback.intent.json"), "{'schema':'another'}");
	refused(ramet_sidecar_checkpoint(path, "manual", NULL, NULL, &why), RAMET_EFORMAT);
	must(ramet_sidecar_recover(path, NULL, &done, &why));
	assert_int_equal(done.state, RAMET_SIDECAR_MIGRATED);
	assert_int_equal(done.n_kept, 1);
	assert_true(exists(in("s.v2/tmp/rollback.intent.json.bak")));
	must(ramet_sidecar_checkpoint(path, "manual", NULL, NULL, &why));
}

static void calls__refuse_arguments_that_make_no_sense(void **state)
{
	struct ramet_sidecar_opts o = { .correlation_id = "short" };

	(void)state;
	given(UUID_HEAD);
	refused(ramet_sidecar_migrate(path, &o, NULL, &why), RAMET_EINVAL);
	refused(ramet_sidecar_rollback_to(path, 1, &o, NULL, &why), RAMET_EINVAL);
	refused(ramet_sidecar_checkpoint(path, "no reason", NULL, NULL, &why), RAMET_EINVAL);
	created_with(0);
	refused(ramet_sidecar_checkpoint(path, "manual", NULL, NULL, &why), RAMET_EINVAL);
	refused(ramet_sidecar_rollback_to(path, 1, NULL, NULL, &why), RAMET_ENOTFOUND);
	assert_string_equal(ramet_sidecar_state_name(99), "unknown");
	assert_string_equal(ramet_sidecar_mode_name(99), "unknown");
}

/* ---- before an append ---- */

static void mark_dirty__costs_one_look_without_a_sidecar(void **state)
{
	const struct faults none = { .kind = FAULT_ANY };

	(void)state;
	given(UUID_HEAD);
	faults_start(&none);
	must(rameti_sidecar_mark_dirty(NULL, path, &why));
	assert_int_equal(faults_calls(FAULT_STAT), 1);
	assert_int_equal(faults_calls(FAULT_ANY), 1);
	(void)faults_stop();
}

static void mark_dirty__is_written_once(void **state)
{
	struct stat before, after;

	(void)state;
	given(UUID_HEAD ROOT("a"));
	created_with(0);
	must(rameti_sidecar_mark_dirty(NULL, path, &why));
	assert_file(in("s.v2/source-state.json"),
		    "{\"schema\":\"pi.session_store_v2.source_state.v1\",\"state\":\"dirty\"}\n");
	assert_int_equal(state_now(), RAMET_SIDECAR_STALE);
	assert_int_equal(stat(in("s.v2/source-state.json"), &before), 0);
	must(rameti_sidecar_mark_dirty(NULL, path, &why));
	assert_int_equal(stat(in("s.v2/source-state.json"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

/* ---- taking away ---- */

static void rollback__keeps_what_the_session_has_not(void **state)
{
	struct ramet_sidecar_report done;

	(void)state;
	given(UUID_HEAD ROOT("a") KID("b", "a"));
	created_with(0);
	given(UUID_HEAD ROOT("a"));
	must(ramet_sidecar_rollback(path, NULL, &done, &why));
	assert_int_equal(done.n_kept, 1);
	assert_true(exists(done.kept));
	assert_false(exists(in("s.v2")));
	assert_int_equal(state_now(), RAMET_SIDECAR_UNMIGRATED);
	must(ramet_sidecar_rollback(path, NULL, &done, &why));
	assert_int_equal(done.changed, 0);
}

static void create__replaces_one_that_has_nothing_more(void **state)
{
	struct ramet_sidecar_report done;

	(void)state;
	given(UUID_HEAD ROOT("a"));
	created_with(0);
	add_to(path, KID("b", "a"));
	must(ramet_sidecar_migrate(path, NULL, &done, &why));
	assert_int_equal(done.n_removed, 1);
	assert_string_equal(names_in(dir), "s.jsonl s.jsonl.lock s.v2");
	assert_int_equal(state_now(), RAMET_SIDECAR_MIGRATED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(create__writes_the_golden_bytes),
		TEST(create__is_private_and_leaves_nothing_beside),
		TEST(create__gives_ids_to_lines_without_one),
		TEST(create__keeps_unknown_members_and_drops_white_space),
		TEST(create__refuses_what_the_original_refuses),
		TEST(create__refuses_an_entry_larger_than_a_segment),
		TEST(create__waits_for_the_lock_no_longer_than_told),
		TEST(create__replaces_one_that_has_nothing_more),
		TEST(open__gives_full_tail_and_path),
		TEST(open__follows_parents_that_come_later),
		TEST(open__takes_the_leaf_it_is_given),
		TEST(open__reads_a_tail_from_the_end),
		TEST(open__knows_a_long_path),
		TEST(open__refuses_one_that_is_stale),
		TEST(open__notices_a_change_of_the_session_while_reading),
		TEST(open__follows_a_link_to_the_session_but_none_in_the_sidecar),
		TEST(open__never_gives_what_is_not_the_sessions),
		TEST(mode__is_read_as_the_environment_has_it),
		TEST(open__asks_the_environment),
		TEST(recover__sets_an_intent_aside_that_cannot_be_done),
		TEST(calls__refuse_arguments_that_make_no_sense),
		TEST(mark_dirty__costs_one_look_without_a_sidecar),
		TEST(mark_dirty__is_written_once),
		TEST(rollback__keeps_what_the_session_has_not),
	};

	return cmocka_run_group_tests_name("sidecar", tests, NULL, NULL);
}
