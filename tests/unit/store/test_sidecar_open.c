/*
 * sidecar_open.c: what is given of a sidecar that says odd things with the right hashes: entries of
 * one path that hangs together, or a refusal.
 */
#include "faulty.h"
#include "sidecared.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FULL RAMET_SIDECAR_FULL
#define ACTIVE RAMET_SIDECAR_ACTIVE_PATH
#define TAIL RAMET_SIDECAR_TAIL
#define STATE "s.v2/source-state.json"
#define MANIFEST "s.v2/manifest.json"

/* Ids of what is given, each with a blank behind it, in *text. 0 or the error. */
static int read_ids(const struct ramet_sidecar_open_opts *o, char text[256],
		    struct ramet_error *err)
{
	struct ramet_sidecar_entry e;
	struct ramet_sidecar *s;
	size_t len = 0;
	int r = ramet_sidecar_open(&s, sc_path, o, err);

	text[0] = '\0';
	if (r < 0)
		return r;
	while ((r = ramet_sidecar_next(s, &e, err)) > 0)
		len += (size_t)snprintf(text + len, 256 - len, "%.*s ", RAMET_FMT(e.id));
	if (!r)
		assert_int_equal(ramet_sidecar_next(s, &e, err), 0);
	ramet_sidecar_close(s);
	return r;
}

static void gives_as(const struct ramet_sidecar_open_opts *o, const char *ids)
{
	char text[256];

	must(read_ids(o, text, &why));
	assert_string_equal(text, ids);
}

static void gives(int mode, uint64_t tail, const char *leaf, const char *ids)
{
	const struct ramet_sidecar_open_opts o = { .mode = mode, .tail = tail, .leaf = leaf };

	gives_as(&o, ids);
}

static void refuses(int mode, uint64_t tail, const char *leaf, int code)
{
	const struct ramet_sidecar_open_opts o = { .mode = mode, .tail = tail, .leaf = leaf };
	char text[256];

	refused(read_ids(&o, text, &why), code);
	assert_int_equal(read_ids(&o, text, NULL), code);
}

static void refuses_always(int code)
{
	refuses(FULL, 0, NULL, code);
	refuses(ACTIVE, 0, NULL, code);
	refuses(TAIL, 1, NULL, code);
}

/* ---- what is selected ---- */

static void names__are_told(void **state)
{
	static const char *const modes[] = { "auto", "full", "active", "tail" };
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_string_equal(ramet_sidecar_mode_name(i), modes[i]);
	assert_string_equal(ramet_sidecar_mode_name(-1), "unknown");
	assert_string_equal(ramet_sidecar_mode_name(4), "unknown");
	assert_string_equal(ramet_sidecar_state_name(-1), "unknown");
	assert_string_equal(ramet_sidecar_state_name(5), "unknown");
	assert_string_equal(ramet_sidecar_state_name(RAMET_SIDECAR_STALE), "stale");
}

static void leaf__of_the_header_ends_the_path(void **state)
{
	(void)state;
	sidecar_given(SIDECAR_HEAD_OF(",'leafId':'b'") ROOT("a") KID("b", "a") KID("c", "a"), 0);
	gives(ACTIVE, 0, NULL, "a b ");
	gives(ACTIVE, 0, "c", "a c ");
	gives(TAIL, 1, NULL, "a b ");                /* a leaf that is named has a path */
	gives(TAIL, 1, "", "c ");
	gives(TAIL, 0, NULL, "a b ");
	refuses(ACTIVE, 0, "../b", RAMET_ENOTFOUND);
	refuses(ACTIVE, 0, "x", RAMET_ENOTFOUND);
}

static void leaf__of_the_header_that_is_gone_counts_as_none(void **state)
{
	(void)state;
	sidecar_given(SIDECAR_HEAD_OF(",'leafId':'gone'") ROOT("a") KID("b", "a") KID("c", "a"), 0);
	gives(ACTIVE, 0, NULL, "a c ");
	gives(TAIL, 2, NULL, "b c ");
	gives(TAIL, 0, NULL, "a c ");
	refuses(TAIL, 2, "gone", RAMET_ENOTFOUND);
	sidecar_fresh_dir();
	sidecar_given(SIDECAR_HEAD_OF(",'leafId':'no id'") ROOT("a") KID("b", "a"), 0);
	gives(ACTIVE, 0, NULL, "a b ");
	sidecar_fresh_dir();
	sidecar_given(SIDECAR_HEAD_OF(",'leafId':''") ROOT("a") KID("b", "a"), 0);
	gives(ACTIVE, 0, NULL, "");
	gives(TAIL, 1, NULL, "b ");
}

static void path__hangs_together(void **state)
{
	static const struct told loop[] = { { .id = "a", .parent = "b" },
					    { .id = "b", .parent = "a" },
					    { 0 } };
	static const struct told self[] = { { .id = "a", .parent = "a" }, { 0 } };
	static const struct told orphan[] = { { .id = "a" }, { .id = "b", .parent = "x" }, { 0 } };
	static const struct told later[] = { { .id = "a", .parent = "b" }, { .id = "b" }, { 0 } };

	(void)state;
	sidecar_given(SIDECAR_HEAD ROOT("a") KID("b", "a"), 0);
	sidecar_tells(loop);
	refuses(ACTIVE, 0, NULL, RAMET_EFORMAT);
	sidecar_tells(orphan);
	refuses(ACTIVE, 0, NULL, RAMET_EFORMAT);
	gives(ACTIVE, 0, "a", "a ");
	sidecar_tells(later);
	gives(ACTIVE, 0, "a", "b a ");
	sidecar_tells(self);
	refuses(ACTIVE, 0, NULL, RAMET_EFORMAT);
}

/* A member that the frame does not know says another parent than the frame. */
static void path__of_a_frame_that_seems_another_is_refused(void **state)
{
	static const struct told told[] = { { .id = "a" }, { .id = "b", .parent = "a" }, { 0 } };
	char hint[64], text[4096];
	struct ramet_bytes good;
	size_t first, len;
	static const struct {
		const char *hint, *leaf;
	} cases[] = {
		{ "'entryId':'b','entryType':'message'", "b" },
		{ "'entryId':'a','parentEntryId':'b','entryType':'x'", "a" },
	};
	size_t i;

	(void)state;
	sidecar_given(SIDECAR_HEAD ROOT("a") KID("b", "a"), 0);
	for (i = 0; i < 2; i++) {
		struct told odd[3] = { told[0], told[1], { 0 } };

		sidecar_tells(told);
		good = bytes_of(in("s.v2/segments/0000000000000001.seg"));
		first = (size_t)((char *)memchr(good.ptr, '\n', good.len) + 1 - good.ptr);
		len = i ? first : good.len - first;
		(void)snprintf(hint, sizeof(hint), "%s", dq(cases[i].hint));
		(void)snprintf(text, sizeof(text), "{\"x\":{%s},%.*s", hint, (int)len - 1,
			       good.ptr + (i ? 1 : first + 1));
		odd[!i].record = text;
		sidecar_tells(odd);
		gives(FULL, 0, NULL, "a b ");
		refuses(ACTIVE, 0, cases[i].leaf, RAMET_EFORMAT);
	}
}

/* ---- what is believed ---- */

static void end__of_index_segment_and_manifest_agree(void **state)
{
	static const struct told one[] = { { .id = "a" }, { 0 } };
	static const struct told three[] = { { .id = "a" }, { .id = "b" }, { .id = "c" }, { 0 } };
	static const struct told spread[] = { { .id = "a" }, { .id = "b", .segment = 2 }, { 0 } };
	struct ramet_bytes other;
	char kept[4096];

	(void)state;
	sidecar_given(SIDECAR_HEAD ROOT("a") KID("b", "a"), 0);
	sidecar_tells(three);
	other = bytes_of(in(MANIFEST));
	memcpy(kept, other.ptr, other.len);
	other.ptr = kept;
	sidecar_tells(one);
	gives(FULL, 0, NULL, "a ");
	put_bytes(in(MANIFEST), other);              /* it says three */
	refuses_always(RAMET_EFORMAT);
	sidecar_fresh_dir();
	sidecar_given(SIDECAR_HEAD ROOT("a") KID("b", "a"), 0);
	sidecar_tells(spread);
	gives(TAIL, 1, NULL, "b ");
	add_to(in("s.v2/segments/0000000000000001.seg"), "more\n");
	gives(TAIL, 1, NULL, "b ");                  /* nobody looks there */
	refuses(FULL, 0, NULL, RAMET_EFORMAT);
	add_to(in("s.v2/segments/0000000000000002.seg"), "more\n");
	refuses_always(RAMET_EFORMAT);
}

static void one_more_entry(struct rameti_sc_manifest *m) { m->facts.n_entries++; }
static void another_segment(struct rameti_sc_manifest *m) { m->facts.head_segment++; }
static void more_segments(struct rameti_sc_manifest *m) { m->facts.n_segments++; }
static void another_head(struct rameti_sc_manifest *m) { m->facts.head_id[0]++; }
static void another_crc(struct rameti_sc_manifest *m) { m->facts.last_crc++; }
static void more_bytes(struct rameti_sc_manifest *m) { m->facts.bytes++; }
static void another_session(struct rameti_sc_manifest *m) { m->session_id[0]++; }

static void manifest__is_of_this_sidecar(void **state)
{
	static void (*const changes[])(struct rameti_sc_manifest *m) = {
		one_more_entry, another_segment, more_segments, another_head, another_crc,
		another_session
	};
	struct ramet_sidecar_open_opts o = { .mode = FULL, .even_stale = 1 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		sidecar_fresh_dir();
		sidecar_given(SIDECAR_HEAD ROOT("a") KID("b", "a"), 0);
		sidecar_remanifest(changes[i]);
		refuses_always(RAMET_EFORMAT);
		assert_int_equal(sidecar_state(), RAMET_SIDECAR_CORRUPT);
	}
	gives_as(&o, "a b ");                        /* one of another session, unless told so */
	sidecar_remanifest(more_bytes);
	refuses(FULL, 0, NULL, RAMET_EFORMAT);
}

static void manifest__may_lack_only_without_a_state(void **state)
{
	struct ramet_sidecar_open_opts o = { .mode = FULL, .even_stale = 1 };

	(void)state;
	sidecar_given(SIDECAR_HEAD ROOT("a") KID("b", "a"), 0);
	assert_int_equal(unlink(in(MANIFEST)), 0);
	refuses_always(RAMET_EFORMAT);
	gives_as(&o, "a b ");
	assert_int_equal(unlink(in(STATE)), 0);
	gives(FULL, 0, NULL, "a b ");
	gives(TAIL, 1, NULL, "b ");
	put(in(MANIFEST), "{}");
	refuses_always(RAMET_EFORMAT);
}

/* Without a state file each opening compares it with the session. */
static void unsure__is_compared_with_the_session(void **state)
{
	struct ramet_sidecar_open_opts o = { .mode = FULL, .even_stale = 1 };

	(void)state;
	sidecar_given(SIDECAR_HEAD ROOT("a") KID("b", "a"), 0);
	put(in(STATE), "{'schema':'pi.session_store_v2.source_state.v1','state':'clean'}\n");
	gives(FULL, 0, NULL, "a b ");
	assert_int_equal(unlink(in(STATE)), 0);
	gives(FULL, 0, NULL, "a b ");
	add_to(sc_path, KID("c", "b"));
	refuses_always(RAMET_ECONFLICT);
	gives_as(&o, "a b ");
	put(sc_path, SIDECAR_HEAD ROOT("a") KID("b", "a"));
	gives(FULL, 0, NULL, "a b ");
	add_to(in("s.v2/segments/0000000000000001.seg"), "x");
	refuses_always(RAMET_EFORMAT);
}

static void unsure__without_segments_is_damaged(void **state)
{
	(void)state;
	sidecar_given(SIDECAR_HEAD ROOT("a") KID("b", "a"), 0);
	assert_int_equal(unlink(in(STATE)), 0);
	assert_int_equal(rename(in("s.v2/segments"), in("away")), 0);
	assert_int_equal(sidecar_state(), RAMET_SIDECAR_PARTIAL);
	refuses_always(RAMET_EFORMAT);
}

static void index__is_whole_and_in_order(void **state)
{
	static const struct told told[] = { { .id = "a" }, { .id = "b" }, { .id = "c" }, { 0 } };
	struct ramet_bytes rows;
	char text[4096];
	size_t first, second;

	(void)state;
	sidecar_given(SIDECAR_HEAD ROOT("a") KID("b", "a"), 0);
	sidecar_tells(told);
	rows = bytes_of(in("s.v2/index/offsets.jsonl"));
	first = (size_t)((char *)memchr(rows.ptr, '\n', rows.len) + 1 - rows.ptr);
	second = (size_t)((char *)memchr(rows.ptr + first, '\n', rows.len - first) + 1 - rows.ptr);
	memcpy(text, rows.ptr, rows.len);
	/* without its second row */
	memmove(text + first, text + second, rows.len - second);
	put_bytes(in("s.v2/index/offsets.jsonl"),
		  (struct ramet_bytes){ text, first + rows.len - second });
	gives(TAIL, 1, NULL, "c ");                  /* the last is sound */
	refuses(TAIL, 2, NULL, RAMET_EFORMAT);
	refuses(ACTIVE, 0, "a", RAMET_EFORMAT);
	refuses(FULL, 0, NULL, RAMET_EFORMAT);
	/* without its first */
	put_bytes(in("s.v2/index/offsets.jsonl"),
		  (struct ramet_bytes){ text + first, rows.len - second });
	refuses(TAIL, 2, NULL, RAMET_EFORMAT);
	put(in("s.v2/index/offsets.jsonl"), "");
	refuses_always(RAMET_EFORMAT);
	put(in("s.v2/index/offsets.jsonl"), "torn");
	refuses_always(RAMET_EFORMAT);
}

static void next__says_again_what_is_wrong(void **state)
{
	struct ramet_sidecar_open_opts o = { .mode = FULL };
	struct ramet_sidecar_entry e;
	struct ramet_sidecar *s;
	unsigned i;

	(void)state;
	sidecar_given(SIDECAR_HEAD ROOT("a") KID("b", "a"), 0);
	sidecar_remanifest(more_bytes);
	must(ramet_sidecar_open(&s, sc_path, &o, &why));
	for (i = 0; i < 2; i++)
		assert_int_equal(ramet_sidecar_next(s, &e, &why), 1);
	refused(ramet_sidecar_next(s, &e, &why), RAMET_EFORMAT);
	assert_int_equal(ramet_sidecar_next(s, &e, &why), 0);
	ramet_sidecar_close(s);
	ramet_sidecar_close(NULL);
}

static void empty__session_has_an_empty_sidecar(void **state)
{
	(void)state;
	sidecar_given(SIDECAR_HEAD, 0);
	gives(FULL, 0, NULL, "");
	gives(ACTIVE, 0, NULL, "");
	gives(TAIL, 5, NULL, "");
	sidecar_remanifest(another_segment);
	refuses_always(RAMET_EFORMAT);
}

/* ---- what fails ---- */

static void opening__fails_or_gives_all(void **state)
{
	static const struct {
		struct ramet_sidecar_open_opts o;
		const char *ids;
	} cases[] = {
		{ { .mode = FULL }, "c a b d " },    /* a child before its parent */
		{ { .mode = ACTIVE }, "a b d " },
		{ { .mode = ACTIVE, .leaf = "c" }, "a c " },
		{ { .mode = TAIL, .tail = 2 }, "b d " },
		{ { .mode = RAMET_SIDECAR_AUTO }, "c a b d " },
	};
	char before[SC_HEX], after[SC_HEX], text[256];
	size_t i;
	int turn;

	(void)state;
	sidecar_given(SIDECAR_HEAD KID("c", "a") ROOT("a") KID("b", "a") KID("d", "b"), 500);
	for (turn = 0; turn < 2; turn++) {
		if (turn)                            /* compared with the session each time */
			assert_int_equal(unlink(in(STATE)), 0);
		sidecar_whole(before);
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct faults f = { .kind = FAULT_ANY, .sys = EIO };
			unsigned n = 0;
			int r, reached;

			do {
				f.n = ++n;
				faults_start(&f);
				r = read_ids(&cases[i].o, text, &why);
				assert_int_equal(faults_open_fds(), 0);
				reached = faults_stop();
				if (r < 0 && r != RAMET_EIO)
					fail_msg("call %u: %d %s", n, r, why.text);
				assert_true(r < 0 || !strcmp(text, cases[i].ids));
			} while (reached);
			assert_int_equal(r, 0);
			n = 0;
			do {
				scarce_start(++n);
				r = read_ids(&cases[i].o, text, n % 2 ? &why : NULL);
				reached = scarce_stop();
				if (r < 0 && r != RAMET_ENOMEM)
					fail_msg("allocation %u: %d %s", n, r, why.text);
				assert_true(r < 0 || !strcmp(text, cases[i].ids));
			} while (reached);
			assert_int_equal(r, 0);
		}
		sidecar_whole(after);
		assert_string_equal(before, after);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sidecar_make_dir, sidecar_drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names__are_told),
		TEST(leaf__of_the_header_ends_the_path),
		TEST(leaf__of_the_header_that_is_gone_counts_as_none),
		TEST(path__hangs_together),
		TEST(path__of_a_frame_that_seems_another_is_refused),
		TEST(end__of_index_segment_and_manifest_agree),
		TEST(manifest__is_of_this_sidecar),
		TEST(manifest__may_lack_only_without_a_state),
		TEST(unsure__is_compared_with_the_session),
		TEST(unsure__without_segments_is_damaged),
		TEST(index__is_whole_and_in_order),
		TEST(next__says_again_what_is_wrong),
		TEST(empty__session_has_an_empty_sidecar),
		TEST(opening__fails_or_gives_all),
	};

	return cmocka_run_group_tests_name("sidecar_open", tests, NULL, NULL);
}
