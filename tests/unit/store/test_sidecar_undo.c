/*
 * sidecar_undo.c, _checkpoint.c, _migrate.c, _recover.c, _beside.c: going back to a
 * checkpoint, rehearsals, and every call failing at any point.
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

#define ABC SIDECAR_HEAD ROOT("a") KID("b", "a") KID("c", "b")
#define INTENT "s.v2/tmp/rollback.intent.json"
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CHECKPOINT(seq, head, id, chain)                                                           \
	"{'schema':'pi.session_store_v2.checkpoint.v1','checkpointSeq':" seq                       \
	",'at':'2026-03-01T10:00:00Z','headEntrySeq':" head ",'headEntryId':'" id                  \
	"','chainHash':'" chain "','reason':'manual'}"

static struct ramet_sidecar_report done;

/* A checkpoint of this number at the n-th entry of the store. */
static void set_checkpoint(uint64_t seq, uint64_t n)
{
	struct ramet_buf text = RAMET_BUF_INIT(1 << 16);
	struct rameti_sc_checkpoint c = { .seq = seq, .head_seq = n, .reason = "manual",
					  .at = "2026-03-01T10:00:00Z" };
	struct rameti_sc_scan s = { .source = NULL };
	char name[64];

	must(rameti_sc_scan_until(&s, rameti_env_posix(), sc_store, n, &why));
	memcpy(c.chain, s.facts.chain, sizeof(c.chain));
	memcpy(c.head_id, s.facts.head_id, sizeof(c.head_id));
	rameti_sc_checkpoint_add(&text, &c);
	(void)snprintf(name, sizeof(name), "s.v2/checkpoints/%016u.json", (unsigned)seq);
	put_bytes(in(name), ramet_buf_bytes(&text));
	ramet_buf_release(&text);
}

/* "headEntryId": "a" becomes "b". */
static struct ramet_bytes changed_head(struct ramet_bytes text)
{
	char *at = strstr((char *)text.ptr, "\"headEntryId\": \"a\"");

	assert_non_null(at);
	at[strlen("\"headEntryId\": \"")] = 'b';
	return text;
}

static void given(uint64_t limit)
{
	sidecar_fresh_dir();
	sidecar_given(ABC, limit);
	memset(&done, 0, sizeof(done));
}

static void assert_untouched_by_refusal(int r, int code, const char before[SC_HEX])
{
	char after[SC_HEX];

	assert_int_equal(r, code);
	(void)unlink(in("s.v2/store.mutation.lock"));
	sidecar_whole(after);
	assert_string_equal(before, after);
}

static void whole_without_lock(char out[SC_HEX])
{
	(void)unlink(in("s.v2/store.mutation.lock"));
	sidecar_whole(out);
}

/* ---- checkpoints ---- */

static void checkpoints__are_numbered_in_order(void **state)
{
	uint64_t *seqs = NULL, seq = 0;
	struct ramet_sidecar_opts o = { .lock_ms = 100 };
	uint32_t n = 0;

	(void)state;
	given(0);
	set_checkpoint(2, 1);
	set_checkpoint(7, 3);
	set_checkpoint(1, 1);
	set_checkpoint(3, 2);
	put(in("s.v2/checkpoints/000000000000000-.json"), "{}");
	put(in("s.v2/checkpoints/notes"), "{}");
	must(rameti_sc_checkpoints(rameti_env_posix(), sc_store, &seqs, &n, &why));
	assert_int_equal(n, 4);
	assert_true(seqs[0] == 1 && seqs[1] == 2 && seqs[2] == 3 && seqs[3] == 7);
	ramet_free(seqs);
	must(ramet_sidecar_checkpoint(sc_path, "periodic", &o, &seq, &why));
	assert_int_equal(seq, 8);
	put(in("s.v2/checkpoints/0000000000000009.json"), CHECKPOINT("9", "4", "d", HASH));
	refused(ramet_sidecar_checkpoint(sc_path, "manual", NULL, &seq, &why), RAMET_EFORMAT);
	assert_int_equal(seq, 8);
}

static void rollback_to__refuses_what_is_not_its_checkpoint(void **state)
{
	static const char *const texts[] = {
		CHECKPOINT("2", "1", "a", HASH),     /* another number */
		CHECKPOINT("1", "1", "a", HASH),     /* another chain */
		CHECKPOINT("1", "9", "a", HASH),     /* more entries than there are */
		CHECKPOINT("1", "0", "", HASH),
		"{}",
		"",
	};
	char before[SC_HEX];
	size_t i;

	(void)state;
	given(0);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put(in("s.v2/checkpoints/0000000000000001.json"), texts[i]);
		whole_without_lock(before);
		assert_untouched_by_refusal(
			ramet_sidecar_rollback_to(sc_path, 1, NULL, NULL, &why), RAMET_EFORMAT,
			before);
	}
	set_checkpoint(1, 1);
	put_bytes(in("s.v2/checkpoints/0000000000000001.json"),
		  changed_head(bytes_of(in("s.v2/checkpoints/0000000000000001.json"))));
	whole_without_lock(before);
	assert_untouched_by_refusal(ramet_sidecar_rollback_to(sc_path, 1, NULL, NULL, &why),
				    RAMET_EFORMAT, before);
}

static void rollback_to__cuts_the_last_segment(void **state)
{
	static const uint64_t limits[] = { 0, 450 };
	struct ramet_sidecar_opts o = { .correlation_id = "of-the-test" };
	struct ramet_sidecar_opts dry = { .dry_run = 1, .correlation_id = "of-the-test" };
	struct rameti_sc_scan s;
	char before[SC_HEX], after[SC_HEX];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		given(limits[i]);
		set_checkpoint(1, 2);
		set_checkpoint(2, 3);
		sidecar_whole(before);
		must(ramet_sidecar_rollback_to(sc_path, 1, &dry, &done, &why));
		sidecar_whole(after);
		assert_string_equal(before, after);
		assert_int_equal(done.changed, 1);
		assert_int_equal(done.n_entries, 2);
		must(ramet_sidecar_rollback_to(sc_path, 1, i ? &o : NULL, i ? &done : NULL, &why));
		assert_false(exists(in(INTENT)));
		assert_true(exists(in("s.v2/checkpoints/0000000000000002.json.bak")));
		assert_int_equal(sidecar_state(), RAMET_SIDECAR_STALE);
		memset(&s, 0, sizeof(s));
		must(rameti_sc_scan(&s, rameti_env_posix(), sc_store, &why));
		assert_int_equal(s.facts.n_entries, 2);
		assert_true(s.has_manifest);
		if (i)
			assert_non_null(strstr(bytes_of(in("s.v2/migrations/ledger.jsonl")).ptr,
					       "\"correlationId\":\"of-the-test\""));
	}
	given(0);                                    /* without a manifest none is made */
	set_checkpoint(1, 2);
	assert_int_equal(unlink(in("s.v2/manifest.json")), 0);
	must(ramet_sidecar_rollback_to(sc_path, 1, NULL, NULL, &why));
	assert_false(exists(in("s.v2/manifest.json")));
	o.correlation_id = "a b";
	refused(ramet_sidecar_rollback_to(sc_path, 1, &o, NULL, &why), RAMET_EINVAL);
	refused(ramet_sidecar_rollback_to(in("none.jsonl"), 1, &dry, NULL, &why), RAMET_ENOTFOUND);
}

/* ---- intents ---- */

#define INTENT_TEXT                                                                                \
	"{'schema':'pi.session_store_v2.rollback_intent.v1','checkpoint':"                         \
	CHECKPOINT("1", "2", "b", HASH)                                                            \
	",'migrationId':'" SIDECAR_UUID "','correlationId':'ramet-test'"                           \
	",'retainedIndexSha256':'" HASH                                                            \
	"','retainedIndexBytes':7,'manifest':{'sessionId':'" SIDECAR_UUID                          \
	"','sourceFormat':'jsonl_v3','createdAt':'2026-03-01T10:00:00Z'}}\n"

static int finish_with(const char *text)
{
	put(in(INTENT), text);
	memset(&why, 0, sizeof(why));
	return rameti_sc_undo_finish(rameti_env_default(), sc_store, NULL, &why);
}

static void intent__is_refused_after_any_change(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{ "intent.v1", "intent.v2" },
		{ "checkpoint.v1", "checkpoint.v2" },
		{ "'checkpoint':{", "'checkpoint':7,'was':{" },
		{ "'migrationId':'", "'migrationId':'x" },
		{ "'migrationId':'", "'migrationId':7,'was':'" },
		{ "'ramet-test'", "'short'" },
		{ "'ramet-test'", "null" },
		{ "'retainedIndexSha256':'0", "'retainedIndexSha256':'" },
		{ "'retainedIndexBytes':7", "'retainedIndexBytes':-7" },
		{ "'sessionId':'", "'sessionId':7,'was':'" },
		{ "'sessionId':'", "'sessionId':'../" },
		{ "'jsonl_v3'", "3" },
		{ "'jsonl_v3'", "'a/b'" },
		{ "'createdAt':'2026", "'createdAt':'MMXX" },
		{ "'createdAt':'2026", "'createdAt':0,'was':'" },
		{ "{'schema'", "'schema'" },
	};
	char good[4096], before[SC_HEX];
	size_t i;

	(void)state;
	given(0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *at;

		(void)snprintf(good, sizeof(good), "%s", dq(INTENT_TEXT));
		at = strstr(good, dq(cases[i].from));
		assert_non_null(at);
		put(in(INTENT), "");
		(void)snprintf(good + (at - good), sizeof(good) - (size_t)(at - good), "%s%s",
			       dq(cases[i].to),
			       strstr(dq(INTENT_TEXT), dq(cases[i].from)) + strlen(cases[i].from));
		put(in(INTENT), good);
		sidecar_whole(before);
		assert_untouched_by_refusal(finish_with(good), RAMET_EFORMAT, before);
		if (!strstr(why.path, "rollback.intent.json"))
			fail_msg("%s: %s", cases[i].to, why.text);
		assert_int_equal(rameti_sc_undo_finish(rameti_env_default(), sc_store, NULL, NULL),
				 RAMET_EFORMAT);
	}
	/* good as it is, but the index that it names is nowhere */
	assert_int_equal(finish_with(INTENT_TEXT), RAMET_EFORMAT);
	assert_non_null(strstr(why.path, "stage"));
	assert_int_equal(unlink(in(INTENT)), 0);
	must(rameti_sc_undo_finish(rameti_env_default(), sc_store, NULL, &why));
}

/* The index is that of the intent, the frames are not its checkpoint's. */
static void intent__of_other_frames_is_refused(void **state)
{
	struct ramet_bytes index;
	char text[4096], sha[SC_HEX];
	const char *good = dq(INTENT_TEXT);

	(void)state;
	given(0);
	index = bytes_of(in("s.v2/index/offsets.jsonl"));
	rameti_sc_sha(index, sha);
	(void)snprintf(text, sizeof(text), "%.*s%s\",\"retainedIndexBytes\":%zu%s",
		       (int)(strstr(good, "Sha256\":\"") + 9 - good), good, sha, index.len,
		       strstr(good, ",\"manifest\""));
	assert_int_equal(finish_with(text), RAMET_EFORMAT);
	assert_true(exists(in(INTENT)));
	must(ramet_sidecar_recover(sc_path, NULL, &done, &why));
	assert_true(exists(in(INTENT ".bak")));
	assert_int_equal(sidecar_state(), RAMET_SIDECAR_MIGRATED);
}

/* ---- rehearsals ---- */

static void dry_runs__say_what_would_be_done(void **state)
{
	struct ramet_sidecar_opts o = { .dry_run = 1 }, make = { .dry_run = 1, .migrate = 1 };
	char before[SC_HEX], after[SC_HEX];
	int turn;

	(void)state;
	put(sc_path, ABC);
	must(ramet_sidecar_recover(sc_path, &o, &done, &why));
	assert_int_equal(done.changed, 0);
	must(ramet_sidecar_recover(sc_path, &make, &done, &why));
	assert_int_equal(done.changed, 1);
	must(ramet_sidecar_migrate(sc_path, &o, &done, &why));
	assert_int_equal(done.n_entries, 3);
	must(ramet_sidecar_rollback(sc_path, &o, &done, &why));
	assert_int_equal(done.changed, 0);
	assert_string_equal(names_in(sc_dir), "s.jsonl");
	for (turn = 0; turn < 4; turn++) {
		given(0);
		if (turn == 1)                       /* an entry that only the sidecar has */
			put(sc_path, SIDECAR_HEAD ROOT("a"));
		if (turn == 2)
			put(sc_path, "what cannot be read");
		if (turn == 3)
			assert_int_equal(mkdir(in("s.v2.gone.0123456789abcdef0123456789abcdef"),
					       0700), 0);
		sidecar_whole(before);
		must(ramet_sidecar_recover(sc_path, &o, &done, &why));
		assert_int_equal(done.changed, turn > 0);
		assert_int_equal(done.state, turn % 3 ? RAMET_SIDECAR_STALE :
							RAMET_SIDECAR_MIGRATED);
		must(ramet_sidecar_rollback(sc_path, &o, &done, &why));
		assert_int_equal(done.n_removed, turn % 3 == 0);
		assert_int_equal(done.n_kept, turn % 3 != 0);
		sidecar_whole(after);
		assert_string_equal(before, after);
	}
	refused(ramet_sidecar_recover(in("none.jsonl"), &o, &done, &why), RAMET_ENOTFOUND);
	o.correlation_id = "good.enough";
	o.segment_limit = UINT64_MAX;
	must(ramet_sidecar_create(sc_path, &(struct ramet_sidecar_opts){ 0 }, &done, &why));
	must(ramet_sidecar_migrate(sc_path, &o, &done, &why));
}

/* ---- what recover does with each ---- */

static void two_lines_of_one_id(void)
{
	put(sc_path, SIDECAR_HEAD ROOT("a") ROOT("a"));
}
static void no_session_id(void)
{
	put(sc_path, "{'type':'session','version':3,'id':'s1','timestamp':'t','cwd':'/'}\n"
		     ROOT("a") KID("b", "a") KID("c", "b"));
}
static void a_file(void)
{
	must(ramet_sidecar_rollback(sc_path, NULL, NULL, &why));
	put(in("s.v2"), "x");
}
static void a_file_in_it(void) { (void)rmdir(in("s.v2/tmp")), put(in("s.v2/tmp"), "x"); }
static void garbage_inside(void) { add_to(in("s.v2/segments/0000000000000001.seg"), "x\ny\n"); }
static void moved_away(void)
{
	assert_int_equal(rename(in("s.v2"), in("s.v2.backup.0123456789abcdef0123456789abcdef")), 0);
}
static void gone_aside(void)
{
	assert_int_equal(rename(in("s.v2"), in("s.v2.gone.0123456789abcdef0123456789abcdef")), 0);
}
static void one_less(void)
{
	static const struct told told[] = { { .id = "a" }, { .id = "b", .parent = "a" }, { 0 } };

	sidecar_tells(told);
}
static void one_more(void) { put(sc_path, SIDECAR_HEAD ROOT("a") KID("b", "a")); }

static void recover__mends_or_puts_away(void **state)
{
	static const struct {
		void (*damage)(void);
		int plain, made;                 /* state after recover; with migrate */
	} cases[] = {
		{ two_lines_of_one_id, RAMET_SIDECAR_UNMIGRATED, RAMET_EFORMAT },
		{ no_session_id, RAMET_EFORMAT, RAMET_EFORMAT },
		{ a_file, RAMET_SIDECAR_UNMIGRATED, RAMET_SIDECAR_MIGRATED },
		{ a_file_in_it, RAMET_SIDECAR_UNMIGRATED, RAMET_SIDECAR_MIGRATED },
		{ garbage_inside, RAMET_SIDECAR_UNMIGRATED, RAMET_SIDECAR_MIGRATED },
		{ moved_away, RAMET_SIDECAR_MIGRATED, RAMET_SIDECAR_MIGRATED },
		{ gone_aside, RAMET_SIDECAR_UNMIGRATED, RAMET_SIDECAR_MIGRATED },
		{ one_less, RAMET_SIDECAR_UNMIGRATED, RAMET_SIDECAR_MIGRATED },
		{ one_more, RAMET_SIDECAR_UNMIGRATED, RAMET_SIDECAR_MIGRATED },
	};
	struct ramet_sidecar_opts o = { .migrate = 1 };
	size_t i;
	int turn;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (turn = 0; turn < 2; turn++) {
			int expected = turn ? cases[i].made : cases[i].plain, r;

			given(0);
			cases[i].damage();
			memset(&why, 0, sizeof(why));
			r = ramet_sidecar_recover(sc_path, turn ? &o : NULL, &done, &why);
			if (r < 0 ? r != expected : done.state != expected)
				fail_msg("case %zu, %d: %d, %d %s", i, turn, r, done.state,
					 why.text);
			if (!r)
				assert_int_equal(sidecar_state(), expected);
		}
}

/* ---- beside it ---- */

static int count_dir(void *user, const char *name)
{
	unsigned *n = user;

	(void)name;
	return ++*n == 3 ? 7 : 0;
}

static void each__gives_what_belongs_to_the_session(void **state)
{
	char far[SC_PATH + 10], blob[80] = "s.jsonl.blobs/";
	unsigned n = 0;

	(void)state;
	given(0);
	assert_int_equal(mkdir(in("s.v2.gone.0123456789abcdef0123456789abcdef"), 0700), 0);
	put(in("s.v2.kept.0123456789abcdef0123456789abcdef"), "a file");
	assert_int_equal(mkdir(in("s.jsonl.blobs"), 0700), 0);
	(void)snprintf(blob + 14, sizeof(blob) - 14, "%s", HASH);
	put(in(blob), "x");
	put(in("s.jsonl.blobs/.pending-1"), "x");
	assert_int_equal(rameti_sidecar_each(sc_path, count_dir, &n, &why), 7);
	put(in("s.jsonl.blobs/.pending-1"), "x");
	put(in("s.jsonl.blobs/short"), "x");
	n = 0;
	must(rameti_sidecar_each(sc_path, count_dir, &n, &why));
	assert_int_equal(n, 2);
	assert_int_equal(unlink(in("s.jsonl.blobs/short")), 0);
	blob[14] = 'X';
	put(in(blob), "x");                          /* 64, not all hexadecimal */
	n = 0;
	must(rameti_sidecar_each(sc_path, count_dir, &n, &why));
	assert_int_equal(n, 2);
	n = 2;
	assert_int_equal(rameti_sidecar_each(sc_path, count_dir, &n, &why), 7);
	n = 0;
	assert_int_equal(mkdir(in("t.v2"), 0700), 0);
	must(rameti_sidecar_each(in("t.jsonl"), count_dir, &n, &why));
	must(rameti_sidecar_each(in("s.sqlite"), count_dir, &n, &why));
	must(rameti_sidecar_each("x", count_dir, &n, &why));
	memset(far, 'x', sizeof(far) - 1);
	memcpy(far + sizeof(far) - 7, ".jsonl", 7);
	must(rameti_sidecar_each(far, count_dir, &n, &why));
	assert_int_equal(n, 0);
	assert_int_equal(mkdir(in("s.v2/index/dir"), 0700), 0);
	refused(rameti_sidecar_remove(sc_store, &why), RAMET_EFORMAT);
	assert_true(exists(in("s.v2/manifest.json")));
	assert_int_equal(rmdir(in("s.v2/index/dir")), 0);
	assert_int_equal(rmdir(in("s.v2/tmp")), 0);
	must(rameti_sidecar_remove(sc_store, &why));
	assert_false(exists(sc_store));
}

/* ---- what fails ---- */

static int do_back(struct ramet_error *e)
{
	return ramet_sidecar_rollback_to(sc_path, 1, NULL, &done, e);
}
static int do_make(struct ramet_error *e)
{
	struct ramet_sidecar_opts o = { .segment_limit = 450, .migrate = 1 };

	return ramet_sidecar_recover(sc_path, &o, &done, e);
}
static int do_rehearse(struct ramet_error *e)
{
	struct ramet_sidecar_opts o = { .dry_run = 1 };
	int r = ramet_sidecar_recover(sc_path, &o, &done, e);

	if (!r)
		r = ramet_sidecar_rollback(sc_path, &o, &done, e);
	return r ? r : ramet_sidecar_migrate(sc_path, &o, &done, e);
}
static int do_look(struct ramet_error *e)
{
	struct ramet_sidecar_check c;
	unsigned n = 4;
	int r = ramet_sidecar_verify(sc_path, &c, e);

	return r ? r : rameti_sidecar_each(sc_path, count_dir, &n, e);
}
static int do_remove(struct ramet_error *e) { return rameti_sidecar_remove(sc_store, e); }
static int do_rebuild(struct ramet_error *e)
{
	return rameti_sc_rebuild(rameti_env_default(), sc_store, NULL, e);
}

static void have_two(void) { given(0), set_checkpoint(1, 2), set_checkpoint(2, 3); }
static void have_late_parent(void)
{
	given(0);
	put(sc_path, SIDECAR_HEAD KID("b", "a") ROOT("a")
		     "{'type':'session_info','timestamp':'t','name':'no id'}\n");
}
static void have_moved(void) { given(450), moved_away(); }
static void have_gone(void) { given(0), gone_aside(), put(in("s.v2"), "x"); }
static void have_touched(void) { given(0), put(sc_path, ABC), set_checkpoint(1, 3); }
static void have_unended(void)
{
	struct ramet_bytes all;

	given(0);
	all = bytes_of(in("s.v2/segments/0000000000000001.seg"));
	assert_int_equal(truncate(in("s.v2/segments/0000000000000001.seg"), (off_t)all.len - 1), 0);
}
static void have_empty_segment(void)
{
	given(0);
	put(in("s.v2/segments/0000000000000001.seg"), "");
}

static const struct scene {
	const char *name;
	void (*given)(void);
	int (*run)(struct ramet_error *err);
	int looks, own;                          /* changes nothing; the state after is not asked */
} scenes[] = {
	{ "rollback into a segment", have_two, do_back, 0, 0 },
	{ "recover makes several segments", have_late_parent, do_make, 0, 0 },
	{ "recover one that was moved away", have_moved, do_make, 0, 0 },
	{ "recover where a file is", have_gone, do_make, 0, 0 },
	{ "rehearse", have_touched, do_rehearse, 1, 0 },
	{ "look", have_touched, do_look, 1, 0 },
	{ "remove", have_two, do_remove, 0, 1 },
	{ "rebuild an unended segment", have_unended, do_rebuild, 0, 0 },
	{ "rebuild an empty one", have_empty_segment, do_rebuild, 0, 0 },
};

static void check_after(const struct scene *scene, const char *what, unsigned n, int r)
{
	struct ramet_sidecar_opts o = { .migrate = 1 };

	if (r < 0 && !why.text[0])
		fail_msg("%s, %s %u: %d without a text", scene->name, what, n, r);
	if (scene->own)
		return;
	r = ramet_sidecar_recover(sc_path, &o, &done, &why);
	if (r || sidecar_state() != RAMET_SIDECAR_MIGRATED)
		fail_msg("%s, %s %u: recover says %d %s", scene->name, what, n, r, why.text);
}

static void run_scene(const struct scene *scene, int memory)
{
	struct faults f = { .kind = FAULT_ANY, .sys = EIO, .hasty = 1 };
	char before[SC_HEX], after[SC_HEX];
	int r, reached;

	do {
		scene->given();
		sidecar_whole(before);
		memset(&why, 0, sizeof(why));
		f.n++;
		if (memory)
			scarce_start(f.n);
		else
			faults_start(&f);
		r = scene->run(&why);
		assert_true(memory || !faults_open_fds());
		reached = memory ? scarce_stop() : faults_stop();
		if (!reached && r)
			fail_msg("%s: %d %s", scene->name, r, why.text);
		sidecar_whole(after);
		if (scene->looks)
			assert_string_equal(before, after);
		check_after(scene, memory ? "allocation" : "call", f.n, r);
		assert_true(f.n < 1000);
	} while (reached);
}

static void calls__that_fail_can_be_recovered_from(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		run_scene(&scenes[i], 0);
}

static void memory__that_is_short_can_be_recovered_from(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		run_scene(&scenes[i], 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sidecar_make_dir, sidecar_drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(checkpoints__are_numbered_in_order),
		TEST(rollback_to__refuses_what_is_not_its_checkpoint),
		TEST(rollback_to__cuts_the_last_segment),
		TEST(intent__is_refused_after_any_change),
		TEST(intent__of_other_frames_is_refused),
		TEST(dry_runs__say_what_would_be_done),
		TEST(recover__mends_or_puts_away),
		TEST(each__gives_what_belongs_to_the_session),
		TEST(calls__that_fail_can_be_recovered_from),
		TEST(memory__that_is_short_can_be_recovered_from),
	};

	return cmocka_run_group_tests_name("sidecar_undo", tests, NULL, NULL);
}
