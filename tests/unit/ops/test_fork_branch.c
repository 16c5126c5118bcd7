/*
 * branch.c: one branch as a session of its own. Labels are taken out, what hung from them is linked
 * again, and those now set come back at the end with their times; the file appears as that of any
 * new session does.
 */
#include "store/faulty.h"
#include "store/temp_dir.h"
#include "store/written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AT(type, id, parent, time, more)                                                           \
	"{'type':'" type "','id':'" id "','parentId':" parent                                      \
	",'timestamp':'2026-05-05T10:00:" time "Z'" more "}\n"
#define LABEL(id, parent, time, target, text)                                                      \
	AT("label", id, parent, time, ",'targetId':'" target "','label':'" text "'")
#define NEW_LABEL(parent, time, target, text) LABEL("<id>", parent, time, target, text)
#define KEPT(first) ",'summary':'s','firstKeptEntryId':'" first "','tokensBefore':1"
#define SAY(id, parent, time, message) AT("message", id, parent, time, ",'message':" message)

/* Labels in every place: set twice, off the path, on entries that come later, at the end. */
/* An entry a line: clang-format cannot know. */
/* clang-format off */
#define TREE                                                                                       \
	HEAD                                                                                       \
	SAY("u1", "null", "01.000", U("one"))                                                      \
	LABEL("l1", "'u1'", "02.000", "u1", "start")                                               \
	LABEL("l2", "'l1'", "03.000", "u1", "start!")                                              \
	SAY("a1", "'l2'", "04.000", A("two"))                                                      \
	LABEL("l3", "'a1'", "05.000", "a1", "keep")                                                \
	SAY("u2", "'l3'", "06.000", U("three"))                                                    \
	SAY("side", "'u2'", "07.000", A("four"))                                                   \
	LABEL("l4", "'side'", "08.000", "side", "will be")                                         \
	AT("compaction", "c1", "'l4'", "09.000", KEPT("l3"))                                       \
	SAY("u3", "'c1'", "10.000", U("five"))                                                     \
	SAY("a3", "'u3'", "11.000", A("six"))                                                      \
	SAY("off", "'u2'", "12.000", A("off"))                                                     \
	LABEL("l5", "'off'", "13.000", "off", "off label")                                         \
	LABEL("l6", "'l5'", "14.000", "a3", "end")
/* clang-format on */

#define BRANCH_HEAD                                                                                \
	"{'type':'session','version':3,'id':'<uuid>','timestamp':'<now>','cwd':'/w',"              \
	"'parentSession':'%s'}\n"
#define START                                                                                      \
	BRANCH_HEAD SAY("u1", "null", "01.000", U("one")) SAY("a1", "'u1'", "04.000", A("two"))

static char *dir;
static const char *path;
static struct ramet_session *s, *copy;

static int make_dir(void **state)
{
	static char text[TEMP_PATH];

	(void)state;
	dir = temp_dir_new();
	(void)snprintf(text, sizeof(text), "%s/s.jsonl", dir);
	path = text;
	s = copy = NULL;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	ramet_session_close(s);
	ramet_session_close(copy);
	temp_dir_remove(dir);
	return 0;
}

static void given_file(const char *text)
{
	put(path, text);
	s = opened(path);
}

static void branch_at(const char *leaf)
{
	ramet_session_close(copy);
	copy = NULL;
	must(ramet_fork_branch(&copy, s, row_of(s, leaf), NULL, &why));
}

/* The new file's text; %s in it is the source's path. */
#define branch_is(leaf, text)                                                                      \
	do {                                                                                       \
		branch_at(leaf);                                                                   \
		assert_int_equal(ramet_session_stored(copy), 1);                                   \
		assert_file(ramet_session_path(copy), text, path);                                 \
		assert_reopens_same(copy);                                                         \
		assert_file(path, TREE);                                                           \
	} while (0)

/* clang-format off */
static void branch__whole(void **state)
{
	(void)state;
	given_file(TREE);
	branch_is("a3", START
		  SAY("u2", "'a1'", "06.000", U("three"))
		  SAY("side", "'u2'", "07.000", A("four"))
		  AT("compaction", "c1", "'side'", "09.000", KEPT("u2"))
		  SAY("u3", "'c1'", "10.000", U("five"))
		  SAY("a3", "'u3'", "11.000", A("six"))
		  NEW_LABEL("'a3'", "03.000", "u1", "start!")
		  NEW_LABEL("'<id>'", "05.000", "a1", "keep")
		  NEW_LABEL("'<id>'", "08.000", "side", "will be")
		  NEW_LABEL("'<id>'", "14.000", "a3", "end"));
	assert_string_equal(ramet_session_dir(copy), dir);
}

static void branch__in_the_middle(void **state)
{
	(void)state;
	given_file(TREE);
	branch_is("u2", START
		  SAY("u2", "'a1'", "06.000", U("three"))
		  NEW_LABEL("'u2'", "03.000", "u1", "start!")
		  NEW_LABEL("'<id>'", "05.000", "a1", "keep"));
}

static void branch__at_a_label(void **state)
{
	(void)state;
	given_file(TREE);
	branch_is("l3", START
		  NEW_LABEL("'a1'", "03.000", "u1", "start!")
		  NEW_LABEL("'<id>'", "05.000", "a1", "keep"));
}

static void branch__at_a_label_of_another_branch(void **state)
{
	(void)state;
	given_file(TREE);
	branch_is("l6", START
		  SAY("u2", "'a1'", "06.000", U("three"))
		  SAY("off", "'u2'", "12.000", A("off"))
		  NEW_LABEL("'off'", "03.000", "u1", "start!")
		  NEW_LABEL("'<id>'", "05.000", "a1", "keep")
		  NEW_LABEL("'<id>'", "13.000", "off", "off label"));
}

static void branch__cleared_labels_stay_away(void **state)
{
	(void)state;
	given_file(HEAD
		   SAY("u1", "null", "01.000", U("one"))
		   LABEL("l1", "'u1'", "02.000", "u1", "x")
		   SAY("a1", "'l1'", "03.000", A("two"))
		   AT("label", "l2", "'a1'", "04.000", ",'targetId':'u1'"));
	branch_at("a1");
	assert_file(ramet_session_path(copy), BRANCH_HEAD
		    SAY("u1", "null", "01.000", U("one"))
		    SAY("a1", "'u1'", "03.000", A("two")),
		    path);
	assert_string_equal(leaf_id(copy), "a1");
}

#define TALK                                                                                       \
	HEAD SAY("u1", "null", "01.000", U("one")) SAY("a1", "'u1'", "02.000", A("two"))

static void branch__labels_come_back_in_the_order_of_the_map(void **state)
{
	(void)state;
	given_file(TALK
		   LABEL("l1", "'a1'", "03.000", "u1", "first")
		   LABEL("l2", "'l1'", "04.000", "a1", "second")
		   LABEL("l3", "'l2'", "05.000", "u1", "again"));
	branch_at("a1");
	assert_file(ramet_session_path(copy), BRANCH_HEAD
		    SAY("u1", "null", "01.000", U("one"))
		    SAY("a1", "'u1'", "02.000", A("two"))
		    NEW_LABEL("'a1'", "05.000", "u1", "again")
		    NEW_LABEL("'<id>'", "04.000", "a1", "second"),
		    path);
	ramet_session_close(s);
	given_file(TALK
		   LABEL("l1", "'a1'", "03.000", "u1", "first")
		   LABEL("l2", "'l1'", "04.000", "a1", "second")
		   AT("label", "l3", "'l2'", "05.000", ",'targetId':'u1'")
		   LABEL("l4", "'l3'", "06.000", "u1", "again"));
	branch_at("a1");
	assert_file(ramet_session_path(copy), BRANCH_HEAD
		    SAY("u1", "null", "01.000", U("one"))
		    SAY("a1", "'u1'", "02.000", A("two"))
		    NEW_LABEL("'a1'", "04.000", "a1", "second")
		    NEW_LABEL("'<id>'", "06.000", "u1", "again"),
		    path);
}

static void branch__a_compaction_that_keeps_itself_stays(void **state)
{
	(void)state;
	given_file(HEAD
		   SAY("u1", "null", "01.000", U("one"))
		   LABEL("l1", "'u1'", "02.000", "u1", "x")
		   AT("compaction", "c1", "'l1'", "03.000", KEPT("c1"))
		   LABEL("l2", "'c1'", "04.000", "nowhere", "y")
		   AT("compaction", "c2", "'l2'", "05.000", KEPT("l2")));
	branch_at("c2");
	assert_file(ramet_session_path(copy), BRANCH_HEAD
		    SAY("u1", "null", "01.000", U("one"))
		    AT("compaction", "c1", "'u1'", "03.000", KEPT("c1"))
		    AT("compaction", "c2", "'c1'", "05.000", KEPT("c2"))
		    NEW_LABEL("'c2'", "02.000", "u1", "x"),
		    path);
}

#define ODD_MESSAGE                                                                                \
	"{'message':{'role':'user','n':[1.0,1e400,-0],'content':'\\u0041\\ud800'},'id':'u1',"      \
	"'type':'message','extra':{},'parentId':null,'timestamp':'2026-05-05T12:00:01+02:00'}\n"

static void branch__keeps_every_other_byte(void **state)
{
	(void)state;
	given_file(HEAD ODD_MESSAGE
		   LABEL("l1", "'u1'", "02.000", "u1", "x")
		   SAY("a1", "'l1'", "03.000", A("two")));
	branch_at("a1");
	assert_file(ramet_session_path(copy), BRANCH_HEAD ODD_MESSAGE
		    SAY("a1", "'u1'", "03.000", A("two"))
		    NEW_LABEL("'a1'", "02.000", "u1", "x"),
		    path);
}
/* clang-format on */

static void branch__new_labels_have_new_ids(void **state)
{
	uint32_t i, n;

	(void)state;
	given_file(TREE);
	branch_at("a3");
	n = ramet_tree_count(ramet_session_tree(copy));
	for (i = 7; i < n; i++) {
		const struct ramet_row *row = ramet_tree_row(ramet_session_tree(copy), i);

		assert_int_equal(row->parent, i - 1);
		assert_int_equal(row->type, RAMET_ENTRY_LABEL);
		assert_int_equal(ramet_tree_find(ramet_session_tree(copy),
						 ramet_tree_id(ramet_session_tree(copy), i)),
				 i);
	}
	assert_int_equal(ramet_session_leaf(copy), n - 1);
}

static void branch__without_conversation_is_written_later(void **state)
{
	(void)state;
	given_file(HEAD AT("model_change", "m1", "null", "01.000", ",'provider':'p','modelId':'m'")
			   LABEL("l1", "'m1'", "02.000", "m1", "x")
				   SAY("u1", "'l1'", "03.000", U("one")));
	branch_at("l1");
	assert_int_equal(ramet_session_stored(copy), 0);
	assert_string_equal(names_in(dir), "s.jsonl");
	assert_int_equal(ramet_tree_count(ramet_session_tree(copy)), 2);
	must(ramet_session_append_custom(copy, raw("x"), raw(NULL), NULL, &why));
	assert_string_equal(names_in(dir), "s.jsonl");
	must(ramet_session_append_message(copy, js(A("two")), NULL, &why));
	assert_file(ramet_session_path(copy),
		    BRANCH_HEAD AT("model_change", "m1", "null", "01.000",
				   ",'provider':'p','modelId':'m'")
			    NEW_LABEL("'m1'", "02.000", "m1",
				      "x") "{'type':'custom','customType':'x','id':'<id>','"
					   "parentId':'<id>',"
					   "'timestamp':'<now>'}\n"
					   "{'type':'message','id':'<id>','parentId':'<id>','"
					   "timestamp':'<now>',"
					   "'message':%s}\n",
		    path, A("two"));
	assert_reopens_same(copy);
}

static void branch__takes_cwd_directory_and_id(void **state)
{
	const struct ramet_fork_opts opts = { .cwd = "/else",
					      .dir = temp_path(dir, "to"),
					      .id = "mine" };

	(void)state;
	given_file(TREE);
	must(ramet_fork_branch(&copy, s, row_of(s, "u1"), &opts, &why));
	assert_file(ramet_session_path(copy),
		    "{'type':'session','version':3,'id':'mine','timestamp':'<now>','cwd':'/else',"
		    "'parentSession':'%s'}\n" SAY("u1", "null", "01.000", U("one"))
			    NEW_LABEL("'u1'", "03.000", "u1", "start!"),
		    path);
	assert_string_equal(ramet_session_dir(copy), temp_path(dir, "to"));
	assert_int_equal(mode_of(ramet_session_path(copy)), 0600);
	assert_int_equal(mode_of(temp_path(dir, "to")), 0700);
}

static void branch__goes_where_forks_of_the_source_go(void **state)
{
	const struct ramet_open_opts opts = { .dir = temp_path(dir, "to"), .cwd = "/other" };

	(void)state;
	put(path, TREE);
	must(ramet_session_open(&s, path, &opts, &why));
	branch_at("u1");
	assert_string_equal(ramet_session_dir(copy), temp_path(dir, "to"));
	assert_true(ramet_bytes_is(ramet_session_header(copy)->cwd, "/other"));
}

static void branch__of_a_session_in_memory_is_in_memory(void **state)
{
	(void)state;
	must(ramet_session_create_memory(&s, "/w", js(TREE), NULL, &why));
	branch_at("u2");
	assert_null(ramet_session_path(copy));
	assert_int_equal(ramet_session_stored(copy), 0);
	assert_int_equal(ramet_tree_count(ramet_session_tree(copy)), 5);
	assert_string_equal(names_in(dir), "");
	must(ramet_session_append_message(copy, js(A("more")), NULL, &why));
	assert_int_equal(ramet_session_leaf(copy), 5);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 14);
}

static void branch__of_version_1(void **state)
{
	(void)state;
	given_file(HEAD_OF("") "{'type':'message','message':" U(
		"one") "}\n{'type':'message',"
		       "'message':{'role':'hookMessage','content':'x'}}\n");
	must(ramet_fork_branch(&copy, s, 1, NULL, &why));
	assert_file(ramet_session_path(copy),
		    BRANCH_HEAD "{'type':'message','message':%s,'id':'<id>','parentId':null}\n"
				"{'type':'message','message':{'role':'custom','content':'x'},"
				"'id':'<id>','parentId':'<id>'}\n",
		    path, U("one"));
	must(ramet_session_append_message(copy, js(A("two")), NULL, &why));
	assert_reopens_same(copy);
}

static void branch__refuses_rows_that_are_not_there(void **state)
{
	(void)state;
	given_file(TREE);
	refused(ramet_fork_branch(&copy, s, 14, NULL, &why), RAMET_ENOTFOUND);
	refused(ramet_fork_branch(&copy, s, RAMET_NONE, NULL, &why), RAMET_ENOTFOUND);
	assert_null(copy);
	assert_string_equal(names_in(dir), "s.jsonl");
}

static void branch__of_entries_without_times(void **state)
{
	(void)state;
	given_file(HEAD "{'type':'message','id':'u1','message':" U(
		"one") "}\n"
		       "{'type':'label','id':'l1','parentId':'u1','targetId':'u1','label':'x'}\n"
		       "{'type':'message','id':'a1','parentId':'l1','message':" A("two") "}\n");
	branch_at("a1");
	assert_int_equal(ramet_tree_count(ramet_session_tree(copy)), 3);
	assert_int_equal(ramet_session_findings(copy)->n, 0);
	assert_reopens_same(copy);
}

static void branch__of_a_loop_ends(void **state)
{
	(void)state;
	given_file(HEAD SAY("x", "'y'", "01.000", U("one")) SAY("y", "'x'", "02.000", A("two")));
	branch_at("y");
	assert_file(ramet_session_path(copy),
		    BRANCH_HEAD SAY("x", "null", "01.000", U("one"))
			    SAY("y", "'x'", "02.000", A("two")),
		    path);
	assert_reopens_same(copy);
}

static void branch__of_an_orphan_starts_there(void **state)
{
	(void)state;
	given_file(HEAD SAY("u1", "'gone'", "01.000", U("one"))
			   SAY("a1", "'u1'", "02.000", A("x")));
	branch_at("a1");
	assert_file(ramet_session_path(copy),
		    BRANCH_HEAD SAY("u1", "null", "01.000", U("one"))
			    SAY("a1", "'u1'", "02.000", A("x")),
		    path);
}

static void branch__whole_or_absent_whatever_fails(void **state)
{
	struct faults f = { .sys = EIO };
	struct ramet_fork_opts opts = { .id = "mine" };
	unsigned turn = 0;
	char name[32];
	int r, more;

	(void)state;
	given_file(TREE);
	for (f.kind = 0; f.kind < FAULT_KINDS; f.kind++)
		for (f.n = 1, more = 1; more; f.n++) {
			(void)snprintf(name, sizeof(name), "to-%u/deep", turn++);
			opts.dir = temp_path(dir, name);
			faults_start(&f);
			r = ramet_fork_branch(&copy, s, row_of(s, "a3"), &opts, &why);
			more = faults_stop();
			assert_true(r == 0 || (more && why.code == r && !copy));
			assert_file(path, TREE);
			if (r == 0)
				assert_reopens_same(copy);
			else if (r != RAMET_EUNKNOWN && f.kind != FAULT_UNLINK &&
				 exists(opts.dir) && *names_in(opts.dir))
				fail_msg("%s %u: left behind: %s", fault_name(f.kind), f.n,
					 names_in(opts.dir));
			ramet_session_close(copy);
			copy = NULL;
		}
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, drop_dir)
	const struct CMUnitTest tests[] = {
		IN_DIR(branch__whole),
		IN_DIR(branch__in_the_middle),
		IN_DIR(branch__at_a_label),
		IN_DIR(branch__at_a_label_of_another_branch),
		IN_DIR(branch__new_labels_have_new_ids),
		IN_DIR(branch__cleared_labels_stay_away),
		IN_DIR(branch__labels_come_back_in_the_order_of_the_map),
		IN_DIR(branch__a_compaction_that_keeps_itself_stays),
		IN_DIR(branch__keeps_every_other_byte),
		IN_DIR(branch__without_conversation_is_written_later),
		IN_DIR(branch__takes_cwd_directory_and_id),
		IN_DIR(branch__goes_where_forks_of_the_source_go),
		IN_DIR(branch__of_a_session_in_memory_is_in_memory),
		IN_DIR(branch__of_version_1),
		IN_DIR(branch__refuses_rows_that_are_not_there),
		IN_DIR(branch__of_entries_without_times),
		IN_DIR(branch__of_a_loop_ends),
		IN_DIR(branch__of_an_orphan_starts_there),
		IN_DIR(branch__whole_or_absent_whatever_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
