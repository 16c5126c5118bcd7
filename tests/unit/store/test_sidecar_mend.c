/*
 * sidecar_status.c, _state.c, _recover.c, _rebuild.c, _install.c: what a sidecar is taken for, what
 * is made anew in it, and what is of worth in one that goes.
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

#define AB SIDECAR_HEAD ROOT("a") KID("b", "a")
#define STATE "s.v2/source-state.json"
#define MANIFEST "s.v2/manifest.json"
#define INDEX "s.v2/index/offsets.jsonl"
#define SEGMENT(n) "s.v2/segments/000000000000000" #n ".seg"

static struct rameti_sc_place place;
static struct ramet_sidecar_report done;

static void given(const char *text, uint64_t limit)
{
	sidecar_fresh_dir();
	sidecar_given(text, limit);
	must(rameti_sc_place_init(&place, sc_path, &why));
	memset(&done, 0, sizeof(done));
}

static void copy_file(const char *from, const char *to)
{
	put_bytes(in(to), bytes_of(in(from)));
}

static struct ramet_sidecar_check checked(int compare)
{
	struct ramet_sidecar_check c;

	must(rameti_sc_judge(&place, compare, &c, &why));
	return c;
}

/* ---- what it is taken for ---- */

static void no_manifest(void) { (void)unlink(in(MANIFEST)); }
static void no_index(void) { (void)unlink(in(INDEX)); }
static void no_segments(void) { (void)rename(in("s.v2/segments"), in("away")); }
static void no_state(void) { (void)unlink(in(STATE)); }
static void no_state_nor_index(void) { no_state(), no_index(); }
static void torn_manifest(void) { add_to(in(MANIFEST), "}"); }
static void manifest_of_v2(struct rameti_sc_manifest *m)
{
	memcpy(m->source_format, "native_v2", 10);
}
static void native(void) { sidecar_remanifest(manifest_of_v2); }
static void file_for_dir(void) { (void)rmdir(in("s.v2/tmp")), put(in("s.v2/tmp"), "x"); }
static void link_for_dir(void) { (void)rmdir(in("s.v2/tmp")), (void)!symlink("/", in("s.v2/tmp")); }
static void same_again(void) { put(sc_path, AB); }
static void other_bytes(void) { put(sc_path, SIDECAR_HEAD ROOT("a") KID("c", "a")); }
static void longer(void) { add_to(sc_path, KID("c", "a")); }
static void broken_session(void) { add_to(sc_path, "{"); }
static void broken_unsure(void) { no_state(), broken_session(); }
static void other_unsure(void) { no_state(), other_bytes(); }
static void empty_state(void) { put(in(STATE), ""); }
static void dirty(void) { must(rameti_sidecar_mark_dirty(NULL, sc_path, &why)); }
static void huge_state(void)
{
	char text[SC_STATE_MAX + 2];

	memset(text, ' ', sizeof(text));
	put_bytes(in(STATE), (struct ramet_bytes){ text, sizeof(text) });
}
static void other_payloads(void)
{
	static const struct told told[] = { { .id = "a" }, { .id = "b", .parent = "a" }, { 0 } };

	sidecar_tells(told);
}
static void other_ids(void)
{
	static const struct told told[] = { { .id = "b" }, { .id = "a" }, { 0 } };

	sidecar_tells(told);
}
static void other_count(void)
{
	static const struct told told[] = { { .id = "a" }, { 0 } };

	sidecar_tells(told);
}

static void status__says_what_it_is(void **state)
{
	enum { UNMIGRATED, PARTIAL, CORRUPT, STALE, MIGRATED };
	static const struct {
		void (*change)(void);
		int state, verified, index, count, chain; /* the last three: of verify */
	} cases[] = {
		{ same_again, MIGRATED, MIGRATED, 1, 1, 1 },
		{ no_manifest, CORRUPT, CORRUPT, 1, 1, 1 },
		{ no_index, PARTIAL, PARTIAL, 0, 0, 0 },
		{ no_segments, PARTIAL, PARTIAL, 0, 0, 0 },
		{ no_state, MIGRATED, MIGRATED, 1, 1, 1 },
		{ no_state_nor_index, PARTIAL, PARTIAL, 0, 0, 0 },
		{ torn_manifest, CORRUPT, CORRUPT, 0, 0, 0 },
		{ native, CORRUPT, CORRUPT, 0, 1, 1 },
		{ file_for_dir, CORRUPT, CORRUPT, 0, 0, 0 },
		{ link_for_dir, CORRUPT, CORRUPT, 0, 0, 0 },
		{ other_bytes, STALE, STALE, 1, 0, 0 },
		{ longer, STALE, STALE, 1, 0, 0 },
		{ broken_session, STALE, STALE, 1, 0, 0 },
		{ broken_unsure, CORRUPT, CORRUPT, 1, 0, 0 },
		{ other_unsure, STALE, STALE, 1, 0, 0 },
		{ empty_state, STALE, STALE, 1, 1, 1 },
		{ huge_state, STALE, STALE, 1, 1, 1 },
		{ dirty, STALE, STALE, 1, 1, 1 },
		{ other_payloads, CORRUPT, CORRUPT, 1, 1, 0 },
		{ other_ids, CORRUPT, CORRUPT, 1, 0, 0 },
		{ other_count, CORRUPT, CORRUPT, 1, 0, 0 },
	};
	char before[SC_HEX], after[SC_HEX];
	struct ramet_sidecar_check c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		given(AB, 0);
		cases[i].change();
		sidecar_whole(before);
		c = checked(0);
		if (c.state != cases[i].state)
			fail_msg("case %zu is %d: %s", i, c.state, c.why.text);
		c = checked(1);
		if (c.state != cases[i].verified || c.index_consistent != cases[i].index ||
		    c.entry_count_match != cases[i].count || c.hash_chain_match != cases[i].chain)
			fail_msg("case %zu verified is %d, %d %d %d: %s", i, c.state,
				 c.index_consistent, c.entry_count_match, c.hash_chain_match,
				 c.why.text);
		assert_true(c.state == MIGRATED || c.state == PARTIAL || c.why.code < 0);
		sidecar_whole(after);
		assert_string_equal(before, after);
	}
}

static void verify__of_a_session_without_one_reads_the_session(void **state)
{
	struct ramet_sidecar_check c;

	(void)state;
	put(sc_path, AB);
	must(ramet_sidecar_verify(sc_path, &c, &why));
	assert_int_equal(c.state, RAMET_SIDECAR_UNMIGRATED);
	assert_int_equal(c.n_jsonl, 2);
	assert_int_equal(c.why.code, 0);
	put(sc_path, "{}\n");
	must(ramet_sidecar_verify(sc_path, &c, &why));
	assert_int_equal(c.state, RAMET_SIDECAR_UNMIGRATED);
	assert_int_equal(c.why.code, RAMET_EFORMAT);
	refused(ramet_sidecar_status(in("none.jsonl"), &c, &why), RAMET_ENOTFOUND);
}

static void empty__session_needs_no_index(void **state)
{
	(void)state;
	given(SIDECAR_HEAD, 0);
	assert_int_equal(checked(0).state, RAMET_SIDECAR_MIGRATED);
	no_state();
	broken_session();
	assert_int_equal(checked(0).state, RAMET_SIDECAR_PARTIAL);
}

static void fresh__may_be_asked_for_alone(void **state)
{
	struct stat now;
	int fresh;

	(void)state;
	given(AB, 0);
	assert_int_equal(lstat(sc_path, &now), 0);
	must(rameti_sc_fresh(&place, sc_store, &now, &fresh, NULL, NULL, &why));
	assert_int_equal(fresh, SC_FRESH);
	other_bytes();
	assert_int_equal(lstat(sc_path, &now), 0);
	must(rameti_sc_fresh(&place, sc_store, &now, &fresh, NULL, NULL, &why));
	assert_int_equal(fresh, SC_STALE);
}

/* ---- marking ---- */

static void mark_dirty__is_of_the_sidecar_beside(void **state)
{
	char far[SC_PATH + 10];

	(void)state;
	given(AB, 0);
	memset(far, 'x', sizeof(far) - 1);
	far[sizeof(far) - 1] = '\0';
	must(rameti_sidecar_mark_dirty(NULL, far, &why));
	must(rameti_sidecar_mark_dirty(NULL, in(".hidden"), &why));
	assert_int_equal(checked(0).state, RAMET_SIDECAR_MIGRATED);
	assert_int_equal(rename(in("s.v2"), in("plain.v2")), 0);
	must(rameti_sidecar_mark_dirty(NULL, in("plain"), &why));
	assert_int_equal(rename(in("plain.v2"), in("s.v2")), 0);
	assert_int_equal(checked(0).state, RAMET_SIDECAR_STALE);
	put(in(STATE), "what nobody believes");
	must(rameti_sidecar_mark_dirty(NULL, sc_path, &why));
	assert_file(in(STATE), "what nobody believes");
}

static void mark_dirty__fails_unless_it_is_as_good_as_done(void **state)
{
	struct faults f = { .kind = FAULT_ANY, .sys = EIO };
	int r, reached, as_good = 0;
	unsigned n = 0;

	(void)state;
	do {
		given(AB, 0);
		f.n = ++n;
		faults_start(&f);
		r = rameti_sidecar_mark_dirty(NULL, sc_path, n % 2 ? &why : NULL);
		reached = faults_stop();
		assert_true(r == 0 || r == RAMET_EIO);
		as_good += reached && !r;
		if (!r)
			assert_int_equal(checked(0).state, RAMET_SIDECAR_STALE);
	} while (reached);
	assert_true(as_good > 0);
	n = 0;
	do {
		given(AB, 0);
		scarce_start(++n);
		r = rameti_sidecar_mark_dirty(NULL, sc_path, n % 2 ? &why : NULL);
		reached = scarce_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
	} while (reached);
}

/* ---- the index made anew ---- */

static int rebuilt(void)
{
	return rameti_sc_rebuild(rameti_env_default(), sc_store, &done, &why);
}

static void rebuild__makes_the_same_index(void **state)
{
	char before[SC_HEX], after[SC_HEX];

	(void)state;
	given(AB KID("c", "b"), 450);
	assert_true(exists(in(SEGMENT(3))));
	sidecar_whole(before);
	no_index();
	must(rebuilt());
	assert_int_equal(done.changed, 1);
	assert_int_equal(done.n_kept, 0);
	sidecar_whole(after);
	assert_string_equal(before, after);
	no_index();
	must(rameti_sc_rebuild(rameti_env_default(), sc_store, NULL, &why));
	sidecar_whole(after);
	assert_string_equal(before, after);
}

static void rebuild__cuts_behind_what_belongs(void **state)
{
	struct ramet_bytes all;
	char text[4096];
	int report;

	(void)state;
	for (report = 0; report < 2; report++) {
		struct ramet_sidecar_report *to = report ? &done : NULL;

		given(AB KID("c", "b"), 450);        /* torn at the end of the last */
		add_to(in(SEGMENT(3)), "{'torn");
		must(rameti_sc_rebuild(rameti_env_default(), sc_store, to, &why));
		assert_true(exists(in(SEGMENT(3) ".bak")));
		assert_int_equal(checked(0).state, RAMET_SIDECAR_MIGRATED);
		/* a segment that says another number goes whole, and what stands behind it */
		given(AB KID("c", "b"), 450);
		copy_file(SEGMENT(1), SEGMENT(2));
		must(rameti_sc_rebuild(rameti_env_default(), sc_store, to, &why));
		assert_string_equal(names_in(in("s.v2/segments")),
				    "0000000000000001.seg 0000000000000002.seg.bak "
				    "0000000000000003.seg.bak");
		assert_int_equal(done.n_kept, report ? 2 : 0);
		/* one that is missing */
		given(AB KID("c", "b"), 450);
		assert_int_equal(unlink(in(SEGMENT(2))), 0);
		must(rameti_sc_rebuild(rameti_env_default(), sc_store, to, &why));
		assert_false(exists(in(SEGMENT(3))));
		/* one without a newline at its end gets it */
		given(AB, 0);
		all = bytes_of(in(SEGMENT(1)));
		memcpy(text, all.ptr, all.len);
		put_bytes(in(SEGMENT(1)), (struct ramet_bytes){ text, all.len - 1 });
		must(rameti_sc_rebuild(rameti_env_default(), sc_store, to, &why));
		assert_int_equal(checked(0).state, RAMET_SIDECAR_MIGRATED);
		/* a frame twice: the second is of another place */
		given(AB, 0);
		add_to(in(SEGMENT(1)), text);
		must(rameti_sc_rebuild(rameti_env_default(), sc_store, to, &why));
		assert_int_equal(checked(0).state, RAMET_SIDECAR_MIGRATED);
		/* nothing in it: no index either */
		given(AB, 0);
		put(in(SEGMENT(1)), "");
		must(rameti_sc_rebuild(rameti_env_default(), sc_store, to, &why));
		assert_string_equal(names_in(in("s.v2/index")), "offsets.jsonl.bak");
		must(rameti_sc_rebuild(rameti_env_default(), sc_store, to, &why));
	}
}

static void rebuild__changes_nothing_where_garbage_is_in_the_middle(void **state)
{
	char before[SC_HEX], after[SC_HEX];

	(void)state;
	given(AB, 0);
	add_to(in(SEGMENT(1)), "garbage\nmore");
	sidecar_whole(before);
	refused(rebuilt(), RAMET_EFORMAT);
	sidecar_whole(after);
	assert_string_equal(before, after);
	no_segments();
	refused(rebuilt(), RAMET_EFORMAT);
	link_for_dir();
	refused(rebuilt(), RAMET_EFORMAT);
	refused(rameti_sc_rebuild(rameti_env_default(), in("none"), NULL, &why), RAMET_ENOTFOUND);
}

static void set_aside__finds_a_free_name_or_says_so(void **state)
{
	struct faults f = { .kind = FAULT_RENAME_NEW, .n = 1, .for_ever = 1, .sys = EEXIST };
	struct ramet_sidecar_report *report = &done;

	(void)state;
	given(AB, 0);
	put(in("x"), "1");
	must(rameti_sc_set_aside(rameti_env_default(), in("x"), 1, report, &why));
	must(rameti_sc_set_aside(rameti_env_default(), in("x"), 0, report, &why));
	assert_false(exists(in("x")));
	assert_file(in("x.bak"), "1");
	assert_file(in("x.bak.1"), "1");
	assert_int_equal(done.n_kept, 2);
	assert_string_equal(done.kept, in("x.bak.1"));
	put(in("x"), "2");
	faults_start(&f);
	refused(rameti_sc_set_aside(rameti_env_default(), in("x"), 0, NULL, &why), RAMET_EIO);
	(void)faults_stop();
	assert_file(in("x"), "2");
}

static void kept__of_a_long_name_is_its_end(void **state)
{
	char name[RAMET_ERROR_PATH + 20];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	memcpy(name + sizeof(name) - 4, "end", 4);
	memset(&done, 0, sizeof(done));
	rameti_sc_note_kept(&done, name);
	rameti_sc_note_kept(NULL, name);
	assert_int_equal(done.n_kept, 1);
	assert_int_equal(strlen(done.kept), sizeof(done.kept) - 1);
	assert_string_equal(done.kept + sizeof(done.kept) - 4, "end");
}

/* ---- what is of worth ---- */

static int is_redundant(void)
{
	struct rameti_sc_source source;
	int r;

	rameti_sc_source_init(&source);
	must(rameti_sc_source_read(&source, &place, NULL, NULL, &why));
	r = rameti_sc_redundant(rameti_env_default(), sc_store, &source);
	rameti_sc_source_release(&source);
	return r;
}

static void redundant__is_what_only_a_sidecar_needs(void **state)
{
	static const struct {
		const char *name;
		int redundant;
	} cases[] = {
		{ "s.v2/.keep", 1 },		      { "s.v2/store.mutation.lock", 1 },
		{ "s.v2/.manifest.json.tmp1", 1 },    { "s.v2/.source-state.json.x", 1 },
		{ "s.v2/notes.txt", 0 },	      { "s.v2/index/.keep", 1 },
		{ "s.v2/index/offsets.jsonl.bak", 1 }, { "s.v2/index/.offsets.jsonl.x", 1 },
		{ "s.v2/index/other", 0 },	      { "s.v2/migrations/ledger.jsonl", 1 },
		{ "s.v2/migrations/.ledger.jsonl.x", 1 }, { "s.v2/migrations/other", 0 },
		{ "s.v2/tmp/manifest.json.tmp", 1 },  { "s.v2/tmp/offsets.rebuild.tmp", 1 },
		{ "s.v2/tmp/offsets.rollback.stage", 1 }, { "s.v2/tmp/rollback.intent.json", 0 },
		{ "s.v2/checkpoints/0000000000000001.json", 0 }, { "s.v2/segments/other", 0 },
		{ "s.v2/segments/.keep", 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		given(AB, 0);
		put(in(cases[i].name), "x\n");
		if (is_redundant() != cases[i].redundant)
			fail_msg("%s", cases[i].name);
	}
	given(AB, 0);
	copy_file(SEGMENT(1), "s.v2/segments/0000000000000001.seg.bak");
	assert_true(is_redundant());
	other_bytes();
	assert_false(is_redundant());
	assert_int_equal(mkdir(in("s.v2/segments/dir"), 0700), 0);
	assert_false(is_redundant());
	link_for_dir();
	assert_false(is_redundant());
	assert_false(rameti_sc_redundant(rameti_env_default(), sc_store, NULL));
}

static void remove__stops_at_what_is_unknown(void **state)
{
	struct faults f = { .kind = FAULT_UNLINK, .n = 1, .sys = ENOENT };

	(void)state;
	given(AB, 0);
	assert_int_equal(mkdir(in("s.v2/more"), 0700), 0);
	assert_int_not_equal(rameti_sc_remove(rameti_env_default(), sc_store, &why), 0);
	assert_true(exists(in("s.v2/more")));
	given(AB, 0);
	assert_int_equal(mkdir(in("s.v2/tmp/more"), 0700), 0);
	assert_int_not_equal(rameti_sc_remove(rameti_env_default(), sc_store, &why), 0);
	link_for_dir();
	given(AB, 0);
	must(rameti_sc_dispose(&place, sc_store, NULL, NULL, &why)); /* kept, not removed */
	assert_int_equal(checked(0).n_leftovers, 1);
	given(AB, 0);
	faults_start(&f);                            /* said to be gone: not a failure yet */
	assert_int_not_equal(rameti_sc_remove(rameti_env_default(), sc_store, &why), 0);
	assert_true(faults_stop());
	must(rameti_sc_remove(rameti_env_default(), sc_store, &why));
	assert_false(exists(sc_store));
}

/* ---- beside it ---- */

static void leftovers__have_their_names(void **state)
{
	static const char *const names[] = {
		"s.v2.staging.0123456789abcdef0123456789abcdef",
		"s.v2.kept.0123456789abcdef0123456789abcdef",
		"s.v2.kept.0123",
		"s.v2.other.0123456789abcdef0123456789abcdef",
		"s.v2x",
		"t.v2.kept.0123456789abcdef0123456789abcdef",
	};
	struct rameti_sc_leftovers l;
	char name[80];
	unsigned n;
	int reached;

	(void)state;
	given(AB, 0);
	for (n = 0; n < 6; n++)
		assert_int_equal(mkdir(in(names[n]), 0700), 0);
	assert_int_equal(checked(0).n_leftovers, 2);
	for (n = 0; n < 40; n++) {
		(void)snprintf(name, sizeof(name), "s.v2.gone.%032u", n);
		assert_int_equal(mkdir(in(name), 0700), 0);
	}
	n = 0;
	do {
		int r;

		scarce_start(++n);
		r = rameti_sc_leftovers(&l, &place, &why);
		reached = scarce_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
		if (!r)
			assert_int_equal(l.n, 42);
		rameti_sc_leftovers_release(&l);
	} while (reached);
	memcpy(place.dir, "/none.v2", 9);
	must(rameti_sc_leftovers(&l, &place, &why));
	assert_int_equal(l.n, 0);
	rameti_sc_leftovers_release(&l);
	memcpy(place.dir, "none.v2", 8);
	must(rameti_sc_leftovers(&l, &place, &why));
	assert_int_equal(l.n, 0);
	rameti_sc_leftovers_release(&l);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sidecar_make_dir, sidecar_drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(status__says_what_it_is),
		TEST(verify__of_a_session_without_one_reads_the_session),
		TEST(empty__session_needs_no_index),
		TEST(fresh__may_be_asked_for_alone),
		TEST(mark_dirty__is_of_the_sidecar_beside),
		TEST(mark_dirty__fails_unless_it_is_as_good_as_done),
		TEST(rebuild__makes_the_same_index),
		TEST(rebuild__cuts_behind_what_belongs),
		TEST(rebuild__changes_nothing_where_garbage_is_in_the_middle),
		TEST(set_aside__finds_a_free_name_or_says_so),
		TEST(kept__of_a_long_name_is_its_end),
		TEST(redundant__is_what_only_a_sidecar_needs),
		TEST(remove__stops_at_what_is_unknown),
		TEST(leftovers__have_their_names),
	};

	return cmocka_run_group_tests_name("sidecar_mend", tests, NULL, NULL);
}
