/*
 * sidecar_source.c, _undo.c, _names.c: lines of odd shapes become entries with ids of their own,
 * what changes while it is read makes no sidecar that is believed, and a rollback that was begun is
 * finished.
 */
#include "faulty.h"
#include "sidecared.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INTENT "s.v2/tmp/rollback.intent.json"
#define BARE "{'type':'session_info','timestamp':'t','name':'n'}\n"

static struct ramet_sidecar_report done;

/* ---- ids ---- */

static void ids__are_made_and_all_different(void **state)
{
	const struct ramet_sidecar_open_opts o = { .mode = RAMET_SIDECAR_FULL };
	struct ramet_sidecar_entry e;
	struct ramet_sidecar *s;
	char last[4][SC_ID] = { "", "", "", "" };
	unsigned i, n = 0;

	(void)state;
	put(sc_path, SIDECAR_HEAD);
	for (i = 0; i < 104; i++)
		add_to(sc_path, BARE);
	must(ramet_sidecar_migrate(sc_path, NULL, &done, &why));
	assert_int_equal(done.n_ids_made, 104);
	must(ramet_sidecar_open(&s, sc_path, &o, &why));
	while (ramet_sidecar_next(s, &e, &why) > 0) {
		assert_true(rameti_sc_id_ok(e.id));
		(void)snprintf(last[n++ % 4], SC_ID, "%.*s", RAMET_FMT(e.id));
	}
	ramet_sidecar_close(s);
	assert_int_equal(n, 104);
	/* a hundred hashes were tried: then they are numbered */
	for (i = 0; i < 4; i++) {
		assert_int_equal(strlen(last[i]), 10);
		assert_memory_equal(last[i], last[0], 9);
		assert_int_equal(last[i][9], '0' + (int)i);
	}
	assert_int_equal(sidecar_state(), RAMET_SIDECAR_MIGRATED);
}

static void ids__stand_behind_the_type_or_in_front(void **state)
{
	static const struct {
		const char *line, *before, *behind; /* of the id */
	} cases[] = {
		{ BARE, "{'type':'session_info','id':'", "','timestamp':'t','name':'n'}" },
		{ "{'timestamp':'t','type':'session_info'}\n", "{'id':'",
		  "','timestamp':'t','type':'session_info'}" },
		{ "{'\\u0074ype':'session_info','timestamp':'t'}\n", "{'id':'",
		  "','\\u0074ype':'session_info','timestamp':'t'}" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct ramet_sidecar_open_opts o = { .mode = RAMET_SIDECAR_TAIL, .tail = 1 };
		struct ramet_sidecar_entry e;
		struct ramet_sidecar *s;
		char text[256];

		sidecar_fresh_dir();
		put(sc_path, SIDECAR_HEAD);
		add_to(sc_path, cases[i].line);
		must(ramet_sidecar_migrate(sc_path, NULL, NULL, &why));
		must(ramet_sidecar_open(&s, sc_path, &o, &why));
		assert_int_equal(ramet_sidecar_next(s, &e, &why), 1);
		(void)snprintf(text, sizeof(text), "%s%.*s%s", dq(cases[i].before), RAMET_FMT(e.id),
			       dq(cases[i].behind));
		assert_text(e.payload, "%s", text);
		ramet_sidecar_close(s);
	}
}

static void lines__that_are_no_entries_are_refused(void **state)
{
	static const char *const lines[] = {
		"{'type':'session_info','id':'a','parentId':'../b','timestamp':'t'}\n",
		"{'type':'session_info','id':'a','parentId':7,'timestamp':'t'}\n",
		"{'type':'session_info','id':'a','timestamp':7}\n",
		"{'type':'session_info','id':'a'}\n",
		"{'type':'session_info','id':null,'timestamp':'t'}\n",
		"[]\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		put(sc_path, SIDECAR_HEAD);
		add_to(sc_path, lines[i]);
		refused(ramet_sidecar_migrate(sc_path, NULL, NULL, &why), RAMET_EFORMAT);
		assert_int_equal(why.line, 2);
		assert_int_equal(ramet_sidecar_migrate(sc_path, NULL, NULL, NULL), RAMET_EFORMAT);
		assert_false(exists(sc_store));
	}
}

/* Even where nobody asks whether it is stale, a session has a header. */
static void header__of_the_session_must_be_there(void **state)
{
	const struct ramet_sidecar_open_opts o = { .even_stale = 1 };
	struct ramet_sidecar *s;
	size_t len = (1 << 20) + 100;
	char *longest = malloc(len);

	(void)state;
	assert_non_null(longest);
	sidecar_given(SIDECAR_HEAD ROOT("a"), 0);
	put(sc_path, "");
	refused(ramet_sidecar_open(&s, sc_path, &o, &why), RAMET_EFORMAT);
	memset(longest, ' ', len);
	memcpy(longest, "{\"type\":\"session\"", 17);
	put_bytes(sc_path, (struct ramet_bytes){ longest, len });
	refused(ramet_sidecar_open(&s, sc_path, &o, &why), RAMET_EFORMAT);
	free(longest);
}

/* ---- changes meanwhile ---- */

static void go_on(void *user)
{
	(void)user;
	add_to(sc_path, KID("n", "a"));
}

static void go_away(void *user)
{
	(void)user;
	(void)unlink(sc_path);
}

static int do_migrate(struct ramet_error *err)
{
	return ramet_sidecar_migrate(sc_path, NULL, NULL, err);
}

static int do_recover(struct ramet_error *err)
{
	struct ramet_sidecar_opts o = { .migrate = 1 };

	return ramet_sidecar_recover(sc_path, &o, NULL, err);
}

static int do_verify(struct ramet_error *err)
{
	struct ramet_sidecar_check c;

	return ramet_sidecar_verify(sc_path, &c, err);
}

/* Whatever changes, and whenever: no sidecar is taken for one of a session that it is not of. */
static void changes__meanwhile_are_noticed(void **state)
{
	static int (*const runs[])(struct ramet_error *err) = { do_migrate, do_recover, do_verify };
	static void (*const others[])(void *user) = { go_on, go_away };
	size_t i, k;

	(void)state;
	for (i = 0; i < 3; i++)
		for (k = 0; k < 2; k++) {
			struct faults f = { .kind = FAULT_ANY, .meanwhile = others[k] };
			int conflicts = 0, r, reached;

			do {
				struct ramet_sidecar_check c;

				sidecar_fresh_dir();
				if (i == 2)
					sidecar_given(SIDECAR_HEAD ROOT("a"), 0);
				put(sc_path, SIDECAR_HEAD ROOT("a"));
				f.n++;
				faults_start(&f);
				r = runs[i](&why);
				assert_int_equal(faults_open_fds(), 0);
				reached = faults_stop();
				conflicts += r < 0;
				if (!exists(sc_path))
					continue;
				must(ramet_sidecar_verify(sc_path, &c, &why));
				if (c.state == RAMET_SIDECAR_MIGRATED)
					assert_true(c.n_entries == c.n_jsonl);
			} while (reached);
			assert_int_equal(r, 0);
			assert_true(conflicts > 0 || i == 2);
		}
}

/* ---- a rollback that was begun ---- */

static void set_checkpoint(uint64_t n)
{
	struct ramet_buf text = RAMET_BUF_INIT(1 << 16);
	struct rameti_sc_checkpoint c = { .seq = 1, .head_seq = n, .reason = "manual",
					  .at = "2026-03-01T10:00:00Z" };
	struct rameti_sc_scan s = { .source = NULL };

	must(rameti_sc_scan_until(&s, rameti_env_posix(), sc_store, n, &why));
	memcpy(c.chain, s.facts.chain, sizeof(c.chain));
	memcpy(c.head_id, s.facts.head_id, sizeof(c.head_id));
	rameti_sc_checkpoint_add(&text, &c);
	put_bytes(in("s.v2/checkpoints/0000000000000001.json"), ramet_buf_bytes(&text));
	ramet_buf_release(&text);
}

/* All is done but taking the intent away; without: what is missing then. */
static void begun(const char *without)
{
	struct faults f = { .kind = FAULT_RENAME, .n = 1, .sys = EIO };
	unsigned n = 0;

	do {
		sidecar_fresh_dir();
		sidecar_given(SIDECAR_HEAD ROOT("a") KID("b", "a") KID("c", "b"), 0);
		set_checkpoint(2);
		if (without)
			assert_int_equal(unlink(in(without)), 0);
		f.n = ++n;
		faults_start(&f);
		(void)ramet_sidecar_rollback_to(sc_path, 1, NULL, NULL, &why);
		(void)faults_stop();
		assert_true(n < 100);
	} while (!exists(in(INTENT)));
}

static void intent__is_finished_by_the_next_that_writes(void **state)
{
	static const char *const missing[] = { NULL, "s.v2/manifest.json" };
	struct rameti_sc_scan s;
	uint64_t seq = 0;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		begun(missing[i]);
		must(ramet_sidecar_checkpoint(sc_path, "manual", NULL, &seq, &why));
		assert_int_equal(seq, 2);
		assert_false(exists(in(INTENT)));
		memset(&s, 0, sizeof(s));
		must(rameti_sc_scan(&s, rameti_env_posix(), sc_store, &why));
		assert_int_equal(s.facts.n_entries, 2);
	}
	begun(NULL);
	assert_int_equal(unlink(in("s.v2/checkpoints/0000000000000001.json")), 0);
	assert_int_equal(rmdir(in("s.v2/checkpoints")), 0);
	assert_int_equal(rameti_sc_undo_finish(rameti_env_default(), sc_store, NULL, &why), 1);
	assert_int_equal(rameti_sc_undo_finish(rameti_env_default(), sc_store, NULL, &why), 0);
}

static void intent__that_fails_to_be_finished_stays(void **state)
{
	unsigned n = 0;
	int r, reached;

	(void)state;
	begun(NULL);
	do {
		scarce_start(++n);
		r = rameti_sc_undo_finish(rameti_env_default(), sc_store, NULL,
					  n % 2 ? &why : NULL);
		reached = scarce_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 1);
		if (!exists(in(INTENT)))             /* only its directory was not synced */
			begun(NULL);
	} while (reached);
	assert_int_equal(r, 1);
}

/* ---- names and locks ---- */

static void place__has_a_name_for_each(void **state)
{
	struct rameti_sc_place p;
	char far[SC_PATH + 10], text[TEMP_PATH];

	(void)state;
	must(rameti_sc_place_init(&p, in("plain"), &why));
	assert_string_equal(p.dir, in("plain.v2"));
	must(rameti_sc_place_init(&p, in(".hidden"), &why));
	assert_string_equal(p.dir, in(".hidden.v2"));
	must(rameti_sc_place_init(&p, in("a.b.jsonl"), &why));
	assert_string_equal(p.dir, in("a.b.v2"));
	(void)snprintf(text, sizeof(text), "%s/", sc_dir);
	must(rameti_sc_place_init(&p, text, &why));
	assert_string_equal(p.dir, in("session.v2"));
	memset(far, 'x', sizeof(far) - 1);
	far[sizeof(far) - 1] = '\0';
	refused(rameti_sc_place_init(&p, far, &why), RAMET_ELIMIT);
}

static void lock__is_a_file(void **state)
{
	struct faults f = { .interrupt = 1 };
	char before[SC_HEX];

	(void)state;
	sidecar_given(SIDECAR_HEAD ROOT("a"), 0);
	must(ramet_sidecar_checkpoint(sc_path, "manual", NULL, NULL, &why));
	assert_int_equal(unlink(in("s.v2/store.mutation.lock")), 0);
	assert_int_equal(mkfifo(in("s.v2/store.mutation.lock"), 0600), 0);
	sidecar_whole(before);
	refused(ramet_sidecar_checkpoint(sc_path, "manual", NULL, NULL, &why), RAMET_EFORMAT);
	assert_int_equal(unlink(in("s.v2/store.mutation.lock")), 0);
	assert_int_equal(symlink("x", in("s.v2/store.mutation.lock")), 0);
	assert_int_not_equal(ramet_sidecar_checkpoint(sc_path, "manual", NULL, NULL, &why), 0);
	assert_false(exists(in("s.v2/x")));
	assert_int_equal(unlink(in("s.v2/store.mutation.lock")), 0);
	faults_start(&f);
	must(ramet_sidecar_checkpoint(sc_path, "manual", NULL, NULL, &why));
	(void)faults_stop();
	assert_int_equal(sidecar_state(), RAMET_SIDECAR_MIGRATED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sidecar_make_dir, sidecar_drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ids__are_made_and_all_different),
		TEST(ids__stand_behind_the_type_or_in_front),
		TEST(lines__that_are_no_entries_are_refused),
		TEST(header__of_the_session_must_be_there),
		TEST(changes__meanwhile_are_noticed),
		TEST(intent__is_finished_by_the_next_that_writes),
		TEST(intent__that_fails_to_be_finished_stays),
		TEST(place__has_a_name_for_each),
		TEST(lock__is_a_file),
	};

	return cmocka_run_group_tests_name("sidecar_source", tests, NULL, NULL);
}
