/*
 * check.c: what the tree shows to be odd is named, once, with its line and id.
 */
#include "small_tree.h"

/* "code@id" of each finding, by blanks, in the order given. */
static void assert_findings(const char *entries, const char *expected)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	struct ramet_buf out = RAMET_BUF_INIT(1u << 20);
	struct small_tree s;
	uint32_t i;

	small_tree_init(&s, entries);
	assert_int_equal(ramet_tree_check(s.tree, &f, NULL), 0);
	for (i = 0; i < f.n; i++) {
		ramet_buf_addf(&out, "%s%s@%.*s", i ? " " : "", f.items[i].code,
			       RAMET_FMT(f.items[i].id));
		assert_true(f.items[i].severity >= RAMET_INFO);
		assert_true(f.items[i].line >= 1 && f.items[i].line <= s.n_lines);
		assert_true(f.items[i].text.len > 0);
	}
	assert_string_equal(out.ptr ? out.ptr : "", expected);
	ramet_buf_release(&out);
	ramet_findings_release(&f);
	small_tree_release(&s);
}

#define SOUND USER("a", "null", "x") USER("b", "'a'", "y")

static void check__has_nothing_to_say_about_a_sound_tree(void **state)
{
	(void)state;
	assert_findings("", "");
	assert_findings(SOUND EDIT("e", "'b'", "a", "null") EDIT("f", "'e'", "a", "{'content':'x'}")
			EDIT("g", "'f'", "a", "{'content':[]}") COMPACTION("k", "'g'", "a", "")
			COMPACTION("m", "'k'", "m", "")
			ENTRY("label", "l", "'m'", "00", ",'targetId':'a','label':'x'")
			ENTRY("compaction", "n", "'l'", "00", ""), "");
}

static void check__names_repeated_ids_lost_parents_and_loops(void **state)
{
	(void)state;
	assert_findings(SOUND USER("a", "null", "z"), "duplicate-id@a");
	assert_findings(SOUND USER("c", "'gone'", "z"), "orphan@c");
	assert_findings(SOUND USER("c", "'d'", "z") USER("d", "'c'", "z"), "loop@c");
	assert_findings(USER("c", "'c'", "z"), "loop@c");
}

static void check__names_times_that_do_not_parse(void **state)
{
	(void)state;
	assert_findings(SOUND "{'type':'x','id':'c','timestamp':'soon'}\n{'type':'x','id':'d'}",
			"bad-time@c bad-time@d");
	assert_findings("{'type':'x'}", "bad-time@");
}

static void check__names_what_points_at_nothing(void **state)
{
	(void)state;
	assert_findings(SOUND ENTRY("label", "l", "'b'", "00", ",'targetId':'gone','label':'x'"),
			"dangling-target@l");
	assert_findings(SOUND ENTRY("label", "l", "'b'", "00", ",'label':'x'"),
			"dangling-target@l");
	assert_findings(SOUND EDIT("e", "'b'", "gone", "null"), "dangling-target@e");
	assert_findings(SOUND COMPACTION("k", "'b'", "gone", ""), "dangling-target@k");
}

static void check__names_edits_without_a_usable_replacement(void **state)
{
	(void)state;
	assert_findings(SOUND ENTRY("context_edit", "e", "'b'", "00", ",'targetId':'a'"),
			"bad-edit@e");
	assert_findings(SOUND EDIT("e", "'b'", "a", "{}") EDIT("f", "'e'", "a", "'text'")
			EDIT("g", "'f'", "a", "{'content':7}"), "bad-edit@e bad-edit@f bad-edit@g");
	assert_findings(SOUND EDIT("e", "'b'", "gone", "7"), "bad-edit@e dangling-target@e");
}

static void check__survives_hostile_entries(void **state)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct small_tree s;

	(void)state;
	hostile_entries(&text);
	small_tree_init_bytes(&s, ramet_buf_bytes(&text));
	assert_int_equal(ramet_tree_check(s.tree, &f, NULL), 0);
	assert_true(f.n > 10);
	ramet_findings_release(&f);
	ramet_buf_release(&text);
	small_tree_release(&s);
}

static void check__counts_what_is_beyond_the_limit(void **state)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct small_tree s;
	uint32_t i;

	(void)state;
	for (i = 0; i < RAMET_FINDINGS_MAX + 5; i++)
		ramet_buf_addf(&text, "{\"type\":\"x\",\"id\":\"%u\"}\n", (unsigned)i);
	small_tree_init_bytes(&s, ramet_buf_bytes(&text));
	assert_int_equal(ramet_tree_check(s.tree, &f, NULL), 0);
	assert_int_equal(f.n, RAMET_FINDINGS_MAX);
	assert_int_equal(f.n_dropped, 5);
	ramet_findings_release(&f);
	ramet_buf_release(&text);
	small_tree_release(&s);
}

static int all_findings(struct small_tree *s, struct ramet_error *err)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	int r = ramet_tree_check(s->tree, &f, err);

	ramet_findings_release(&f);
	return r;
}

static void check__survives_the_lack_of_memory(void **state)
{
	(void)state;
	assert_survives_no_memory(SOUND EDIT("e", "'b'", "gone", "7")
				  COMPACTION("k", "'e'", "gone", "") USER("c", "'nobody'", "x"),
				  all_findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check__has_nothing_to_say_about_a_sound_tree),
		cmocka_unit_test(check__names_repeated_ids_lost_parents_and_loops),
		cmocka_unit_test(check__names_times_that_do_not_parse),
		cmocka_unit_test(check__names_what_points_at_nothing),
		cmocka_unit_test(check__names_edits_without_a_usable_replacement),
		cmocka_unit_test(check__survives_hostile_entries),
		cmocka_unit_test(check__counts_what_is_beyond_the_limit),
		cmocka_unit_test(check__survives_the_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
