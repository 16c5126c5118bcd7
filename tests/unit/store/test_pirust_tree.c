/*
 * test_pirust_tree.c - branches of a session and those beside a path, as pi_agent_rust tells them.
 */
#include "written.h"

#include <stdio.h>
#include <stdlib.h>
#include "failing.h"
#include "ramet/pirust.h"

/* u1 -> a1 -> u2 -> a2
 *          -> u3 -> a3
 * r2 (another root) */
#define TREE                                                                                       \
	HEAD MESSAGE("u1", "null", U("  \\n ")) MESSAGE("a1", "'u1'", A("x"))                      \
		MESSAGE("u2", "'a1'", U("left")) MESSAGE("a2", "'u2'", A("y"))                     \
			MESSAGE("u3", "'a1'",                                                      \
				"{'role':'user','content':[{'type':'text','text':' right'},"       \
				"{'type':'image'},{'type':'text','text':'more '}]}")               \
				MESSAGE("a3", "'u3'", A("z"))                                      \
					LINE("label", "r2", "null", ",'targetId':'u1'")

static struct ramet_session *s;

static const struct ramet_tree *given(const char *text)
{
	ramet_session_close(s);
	s = NULL;
	must(ramet_session_open_bytes(&s, js(text), NULL, &why));
	return ramet_session_tree(s);
}

static int drop(void **state)
{
	(void)state;
	ramet_session_close(s);
	s = NULL;
	return 0;
}

static void branch_info__lists_leaves_and_branch_points(void **state)
{
	struct ramet_branch_info info = RAMET_BRANCH_INFO_INIT;
	const struct ramet_tree *t = given(TREE);

	(void)state;
	must(ramet_branch_info_get(t, 3, &info, &why));
	assert_int_equal(info.n_entries, 7);
	assert_int_equal(info.leaf, 3);
	assert_int_equal(info.n_leaves, 3);
	assert_int_equal(info.leaves[0], 3);
	assert_int_equal(info.leaves[1], 5);
	assert_int_equal(info.leaves[2], 6);
	assert_int_equal(info.n_branch_points, 1);
	assert_int_equal(info.branch_points[0], 1);
	ramet_branch_info_release(&info);
	t = given(HEAD);
	must(ramet_branch_info_get(t, RAMET_NONE, &info, &why));
	assert_int_equal(info.n_entries + info.n_leaves + info.n_branch_points, 0);
	ramet_branch_info_release(&info);
}

static void siblings__fork_nearest_to_the_leaf(void **state)
{
	struct ramet_siblings sib = RAMET_SIBLINGS_INIT;
	const struct ramet_tree *t = given(TREE);

	(void)state;
	must(ramet_siblings_get(t, 5, &sib, &why));
	assert_int_equal(sib.parent, 1);
	assert_int_equal(sib.n, 2);
	assert_int_equal(sib.items[0].root, 2);
	assert_int_equal(sib.items[0].leaf, 3);
	assert_int_equal(sib.items[0].n_messages, 4);
	assert_false(sib.items[0].current);
	assert_true(ramet_bytes_is(sib.items[0].preview, "left"));
	assert_int_equal(sib.items[1].root, 4);
	assert_int_equal(sib.items[1].leaf, 5);
	assert_true(sib.items[1].current);
	assert_true(ramet_bytes_is(sib.items[1].preview, "right\nmore"));
	ramet_siblings_release(&sib);
}

static void siblings__may_be_roots_or_none(void **state)
{
	struct ramet_siblings sib = RAMET_SIBLINGS_INIT;
	const struct ramet_tree *t = given(TREE);

	(void)state;
	must(ramet_siblings_get(t, 1, &sib, &why));
	assert_int_equal(sib.parent, RAMET_NONE);
	assert_int_equal(sib.n, 2);
	assert_int_equal(sib.items[0].leaf, 3); /* the first child each time */
	assert_true(sib.items[0].current);
	assert_true(ramet_bytes_is(sib.items[1].preview, "(empty)"));
	assert_int_equal(sib.items[1].n_messages, 0);
	ramet_siblings_release(&sib);
	t = given(HEAD MESSAGE("u1", "null", U("x")) MESSAGE("a1", "'u1'", A("x")));
	must(ramet_siblings_get(t, 1, &sib, &why));
	assert_int_equal(sib.n, 0);
	ramet_siblings_release(&sib);
	must(ramet_siblings_get(t, RAMET_NONE, &sib, &why));
	assert_int_equal(sib.n, 0);
	ramet_siblings_release(&sib);
}

static void preview__is_cut_at_sixty_characters(void **state)
{
	static const char sixty[] = "123456789012345678901234567890123456789012345678901234567890";
	struct ramet_siblings sib = RAMET_SIBLINGS_INIT;
	char text[2000];

	(void)state;
	(void)snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", HEAD,
		       "{'type':'message','id':'a','parentId':null,'message':{'role':'user',"
		       "'content':'",
		       sixty,
		       "'}}\n{'type':'message','id':'b','parentId':null,'message':{'role':'user',"
		       "'content':'\xc3\xa9",
		       sixty, "'}}\n", "");
	must(ramet_siblings_get(given(text), 0, &sib, &why));
	assert_true(ramet_bytes_is(sib.items[0].preview, sixty));
	assert_true(ramet_bytes_is(sib.items[1].preview,
				   "\xc3\xa9"
				   "12345678901234567890123456789012345678901234567890"
				   "123456..."));
	ramet_siblings_release(&sib);
}

static void new_id__is_not_in_the_tree(void **state)
{
	char id[RAMET_ID_SIZE];

	(void)state;
	must(ramet_pirust_new_id(given(TREE), id, &why));
	assert_int_equal(strspn(id, "0123456789abcdef"), 8);
	assert_int_equal(strlen(id), 8);
}

static void all__survive_any_failing_allocation(void **state)
{
	const struct ramet_tree *t = given(TREE);
	unsigned n;
	int r;

	(void)state;
	for (n = 1;; n++) {
		struct ramet_siblings sib = RAMET_SIBLINGS_INIT;
		struct ramet_branch_info info = RAMET_BRANCH_INFO_INIT;
		int reached;

		failing_memory_start(n);
		r = ramet_siblings_get(t, 5, &sib, &why);
		if (!r)
			r = ramet_branch_info_get(t, 5, &info, &why);
		ramet_siblings_release(&sib);
		ramet_branch_info_release(&info);
		reached = failing_memory_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
		if (!reached)
			break;
	}
}

#define T(f) cmocka_unit_test_teardown(f, drop)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(branch_info__lists_leaves_and_branch_points),
		T(siblings__fork_nearest_to_the_leaf),
		T(siblings__may_be_roots_or_none),
		T(preview__is_cut_at_sixty_characters),
		T(new_id__is_not_in_the_tree),
		T(all__survive_any_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
