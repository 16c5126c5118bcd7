/*
 * labels.c: labels are replayed in file order over all branches; the last word on a target counts.
 */
#include "small_tree.h"

#define LABEL(id, parent, target, second, more)                                                    \
	ENTRY("label", id, parent, second, ",'targetId':'" target "'" more)
#define ROOT USER("a", "null", "one") USER("b", "'a'", "two") USER("c", "'b'", "three")

/* "target=text@row" of each label, by blanks. */
static void assert_labels(const char *entries, const char *expected)
{
	struct ramet_labels labels = RAMET_LABELS_INIT;
	struct ramet_buf out = RAMET_BUF_INIT(1u << 20);
	struct small_tree s;
	uint32_t i;

	small_tree_init(&s, entries);
	assert_int_equal(ramet_tree_labels(s.tree, &labels, NULL), 0);
	for (i = 0; i < labels.n; i++) {
		const struct ramet_label *l = &labels.items[i];
		struct ramet_bytes by = ramet_tree_id(s.tree, l->row);

		ramet_buf_addf(&out, "%s%.*s=%.*s@%.*s", i ? " " : "", RAMET_FMT(l->target),
			       RAMET_FMT(l->text), RAMET_FMT(by));
		assert_int_equal(l->target_row, ramet_tree_find(s.tree, l->target));
		if (l->target_row != RAMET_NONE)
			assert_ptr_equal(ramet_labels_find(&labels, l->target_row), l);
	}
	assert_string_equal(out.ptr ? out.ptr : "", expected);
	ramet_buf_release(&out);
	ramet_labels_release(&labels);
	ramet_labels_release(&labels);
	small_tree_release(&s);
}

static void labels__keep_the_order_in_which_targets_were_first_set(void **state)
{
	(void)state;
	assert_labels("", "");
	assert_labels(ROOT, "");
	assert_labels(ROOT LABEL("l1", "'c'", "b", "01", ",'label':'x'")
		      LABEL("l2", "'l1'", "a", "02", ",'label':'y'")
		      LABEL("l3", "'l2'", "b", "03", ",'label':'z'"), "b=z@l3 a=y@l2");
}

static void labels__cleared_and_set_again_go_to_the_end(void **state)
{
	(void)state;
	assert_labels(ROOT LABEL("l1", "'c'", "b", "01", ",'label':'x'")
		      LABEL("l2", "'l1'", "a", "02", ",'label':'y'")
		      LABEL("l3", "'l2'", "b", "03", "")
		      LABEL("l4", "'l3'", "b", "04", ",'label':'again'"), "a=y@l2 b=again@l4");
	assert_labels(ROOT LABEL("l1", "'c'", "b", "01", ",'label':'x'")
		      LABEL("l2", "'l1'", "b", "02", ",'label':''")
		      LABEL("l3", "'l2'", "a", "03", ",'label':null"), "");
}

static void labels__look_at_every_branch_and_keep_spaces(void **state)
{
	(void)state;
	assert_labels(ROOT LABEL("l1", "'c'", "c", "01", ",'label':'  left '")
		      LABEL("l2", "'a'", "l1", "02", ",'label':'on a label'"),
		      "c=  left @l1 l1=on a label@l2");
}

static void labels__of_unknown_targets_are_kept_without_a_row(void **state)
{
	(void)state;
	assert_labels(ROOT LABEL("l1", "'c'", "gone", "01", ",'label':'x'"), "gone=x@l1");
}

static void labels__with_members_of_the_wrong_kind_are_skipped(void **state)
{
	(void)state;
	assert_labels(ROOT "{'type':'label','id':'l1','parentId':'c','label':'x'}\n"
		      "{'type':'label','id':'l2','parentId':'l1','targetId':['a'],'label':'x'}\n"
		      "{'type':'label','id':'l3','parentId':'l2','targetId':'a','label':{}}\n",
		      "");
}

static void labels__give_the_raw_time_of_the_entry_that_set_them(void **state)
{
	struct ramet_labels labels = RAMET_LABELS_INIT;
	struct small_tree s;

	(void)state;
	small_tree_init(&s, ROOT LABEL("l1", "'c'", "a", "01", ",'label':'x'")
			"{'type':'label','id':'l2','parentId':'l1','targetId':'b','label':'y'}\n");
	assert_int_equal(ramet_tree_labels(s.tree, &labels, NULL), 0);
	assert_int_equal(labels.n, 2);
	assert_true(ramet_bytes_is(labels.items[0].timestamp, "\"2026-03-01T10:00:01Z\""));
	assert_int_equal(labels.items[1].timestamp.len, 0);
	assert_null(ramet_labels_find(&labels, small_tree_row(&s, "c")));
	assert_null(ramet_labels_find(&labels, RAMET_NONE));
	ramet_labels_release(&labels);
	small_tree_release(&s);
}

/* Looking each row up must not cost the number of labels. */
static void labels__are_found_fast_among_many(void **state)
{
	enum { N = 40000 };
	struct ramet_labels labels = RAMET_LABELS_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_label *l;
	struct small_tree s;
	uint32_t i;

	(void)state;
	for (i = 0; i < N; i++)
		ramet_buf_addf(&text, "{\"type\":\"label\",\"id\":\"%u\",\"targetId\":\"%u\","
				      "\"label\":\"x%u\"}\n", i, (i * 7919u) % N, i);
	small_tree_init_bytes(&s, ramet_buf_bytes(&text));
	assert_int_equal(ramet_tree_labels(s.tree, &labels, NULL), 0);
	for (i = 0; i < N; i++) {
		l = ramet_labels_find(&labels, i);
		assert_non_null(l);
		assert_int_equal(l->target_row, i);
	}
	ramet_labels_release(&labels);
	small_tree_release(&s);
	ramet_buf_release(&text);
}

static int all_labels(struct small_tree *s, struct ramet_error *err)
{
	struct ramet_labels labels = RAMET_LABELS_INIT;
	int r = ramet_tree_labels(s->tree, &labels, err);

	if (r < 0)
		assert_int_equal(labels.n, 0);
	ramet_labels_release(&labels);
	return r;
}

static void labels__survive_the_lack_of_memory(void **state)
{
	(void)state;
	assert_survives_no_memory(ROOT LABEL("l1", "'c'", "a", "01", ",'label':'x'")
				  LABEL("l2", "'l1'", "b", "02", ",'label':'y'")
				  LABEL("l3", "'l2'", "b", "02", ""), all_labels);
}

static void labels__pass_up_what_the_callback_says(void **state)
{
	struct ramet_labels labels = RAMET_LABELS_INIT;
	struct small_tree s;

	(void)state;
	small_tree_init(&s, ROOT LABEL("l1", "'c'", "a", "01", ",'label':'x'"));
	s.fail_call = 1;
	assert_int_equal(ramet_tree_labels(s.tree, &labels, NULL), RAMET_EIO);
	small_tree_release(&s);
}

/* Texts so long that each needs memory of its own. */
static void labels__survive_the_lack_of_memory_for_long_texts(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1u << 20);
	char text[600];
	int i;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (i = 0; i < 3; i++)
		ramet_buf_addf(&b, "{'type':'label','id':'l%d','parentId':null,'timestamp':'%s',"
				   "'targetId':'%s%d','label':'%s'}\n", i, text, text, i, text);
	assert_int_equal(ramet_buf_status(&b), 0);
	assert_survives_no_memory(b.ptr, all_labels);
	ramet_buf_release(&b);
}

static void labels__of_no_tree_are_none(void **state)
{
	struct ramet_labels labels = RAMET_LABELS_INIT;

	(void)state;
	assert_null(ramet_labels_find(&labels, 0));
	ramet_labels_release(&labels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels__keep_the_order_in_which_targets_were_first_set),
		cmocka_unit_test(labels__cleared_and_set_again_go_to_the_end),
		cmocka_unit_test(labels__look_at_every_branch_and_keep_spaces),
		cmocka_unit_test(labels__of_unknown_targets_are_kept_without_a_row),
		cmocka_unit_test(labels__with_members_of_the_wrong_kind_are_skipped),
		cmocka_unit_test(labels__give_the_raw_time_of_the_entry_that_set_them),
		cmocka_unit_test(labels__are_found_fast_among_many),
		cmocka_unit_test(labels__survive_the_lack_of_memory),
		cmocka_unit_test(labels__pass_up_what_the_callback_says),
		cmocka_unit_test(labels__survive_the_lack_of_memory_for_long_texts),
		cmocka_unit_test(labels__of_no_tree_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
