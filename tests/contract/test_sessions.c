/*
 * test_sessions.c - what every home promises: create, append, append many, the head that is
 * expected, branch, fork, list, find, delete, open again, and ids that try to leave.
 */
#include "homes.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- create ---- */

static void create(void)
{
	struct ramet_session *s = make(NULL);

	assert_int_equal(times_in(s, "\"type\":\"message\""), 0);
	assert_string_equal(ramet_session_format(s), home->format ? home->format : "pi");
	assert_true(ramet_session_header(s)->id.len > 0);
	assert_true(ramet_bytes_is(ramet_session_cwd(s, raw("none")),
				   strcmp(home->name, "yoi-hashed") ? "/w" : "none"));
	reopens_same(s);
	ramet_session_close(s);
}

static void create_chosen(void)
{
	struct ramet_session *s = make(home->id), *again = NULL;

	assert_true(ramet_bytes_is(ramet_session_header(s)->id, home->id));
	(void)say(s, U("kept"));
	if ((home->has & HAS_PATH) && home->make(&again, home->id) == 0) {
		/* file names with a time in them do not collide */
		assert_string_not_equal(ramet_session_path(s), ramet_session_path(again));
		ramet_session_close(again);
	}
	assert_int_equal(times_in(s, "kept"), 1);
	reopens_same(s);
	ramet_session_close(s);
}

static const char *const bad_ids[] = { "../out",  "..",     ".",   "",        "a/b", "/tmp/out",
				       "a\nb",    "-",      "a\\b", "a/../../b", "#",   "a b",
				       "\xff\xfe", "..%2f" };
#define N_BAD (sizeof(bad_ids) / sizeof(bad_ids[0]))

static void ids_that_leave(void)
{
	struct ramet_session *s = made_with_talk(), *made = NULL;
	struct ramet_fork_opts opts = { .dir = NULL };
	struct ramet_bytes before = disk();
	size_t i;

	for (i = 0; i < N_BAD; i++) {
		if (home->make(&made, bad_ids[i]) == 0)
			fail_msg("%s was made of the id %s",
				 ramet_session_path(made) ? ramet_session_path(made) : "memory",
				 bad_ids[i]);
		assert_null(made);
		opts.id = bad_ids[i];
		refused(ramet_fork(&made, s, &opts, &why), RAMET_EINVAL);
		refused(ramet_fork_branch(&made, s, ramet_session_leaf(s), &opts, &why),
			RAMET_EINVAL);
	}
	assert_bytes_equal(before, disk());
	reopens_same(s);
	ramet_session_close(s);
}

static void find_by_bad_ids(void)
{
	struct ramet_session *s = made_with_talk();
	struct ramet_buf path = RAMET_BUF_INIT(4096);
	struct ramet_store *st = NULL;
	size_t i;

	put(temp_path(home_dir, "../ramet-contract-out.jsonl"), HEAD);
	must(ramet_store_open(&st, store_url(), NULL, &why));
	for (i = 0; i < N_BAD; i++) {
		if (!*bad_ids[i])
			continue;
		refused(ramet_store_find(st, raw(bad_ids[i]), &path, &why), RAMET_ENOTFOUND);
		refused(ramet_store_find_exact(st, raw(bad_ids[i]), NULL, &path, &why),
			RAMET_ENOTFOUND);
	}
	refused(ramet_store_find(st, raw("../ramet-contract-out"), &path, &why), RAMET_ENOTFOUND);
	assert_int_equal(path.len, 0);
	(void)unlink(temp_path(home_dir, "../ramet-contract-out.jsonl"));
	ramet_store_close(st);
	ramet_buf_release(&path);
	ramet_session_close(s);
}

/* ---- append ---- */

typedef int append_fn(struct ramet_session *s, char *id);

static int add_user(struct ramet_session *s, char *id)
{
	return ramet_session_append_message(s, js(U("a user \xc3\xa4")), id, &why);
}

static int add_call(struct ramet_session *s, char *id)
{
	return ramet_session_append_message(
		s,
		js("{'role':'assistant','content':[{'type':'thinking','thinking':'hm'},"
		   "{'type':'text','text':'looking'},{'type':'toolCall','id':'c1','name':'read',"
		   "'arguments':{'path':'a.c','n':[1.50,null]}}],'provider':'p','model':'m',"
		   "'stopReason':'toolUse','timestamp':1772359200000}"),
		id, &why);
}

static int add_result(struct ramet_session *s, char *id)
{
	return ramet_session_append_message(
		s,
		js("{'role':'toolResult','toolCallId':'c1','toolName':'read','content':[{'type':"
		   "'text','text':'int main'}],'isError':false,'timestamp':1772359201000}"),
		id, &why);
}

static int add_name(struct ramet_session *s, char *id)
{
	return ramet_session_append_name(s, raw("the name"), id, &why);
}

static int add_model(struct ramet_session *s, char *id)
{
	return ramet_session_append_model(s, raw("p"), raw("m2"), id, &why);
}

static int add_level(struct ramet_session *s, char *id)
{
	return ramet_session_append_thinking_level(s, raw("high"), id, &why);
}

static int add_custom(struct ramet_session *s, char *id)
{
	return ramet_session_append_custom(s, raw("my.thing"), js("{'a':[1.0,{'b':null}]}"), id,
					   &why);
}

static int add_shown(struct ramet_session *s, char *id)
{
	const struct ramet_custom_message m = { .custom_type = raw("my.note"),
						.content = js("'look here'"), .display = 1 };

	return ramet_session_append_custom_message(s, &m, id, &why);
}

static int add_label(struct ramet_session *s, char *id)
{
	return ramet_session_append_label(s, 0, raw("a label"), id, &why);
}

static int add_compaction(struct ramet_session *s, char *id)
{
	const struct ramet_summary c = { .summary = raw("so far"), .tokens_before = 1200,
					 .first_kept = ramet_tree_id(ramet_session_tree(s), 0) };

	return ramet_session_append_compaction(s, &c, id, &why);
}

static int add_strange(struct ramet_session *s, char *id)
{
	return ramet_session_append_entry(s, js("{'type':'future','deep':{'x':[1e400,'\\u0000']}}"),
					  id, &why);
}

static append_fn *const appends[] = { add_user,   add_call,  add_result, add_name,
				      add_model,  add_level, add_custom, add_shown,
				      add_label,  add_compaction, add_strange, add_user };
#define N_APPENDS (sizeof(appends) / sizeof(appends[0]))

static void append_every_kind(void)
{
	struct ramet_session *s = make(NULL), *fresh;
	char ids[N_APPENDS][RAMET_ID_SIZE];
	uint32_t before, row;
	size_t i;

	for (i = 0; i < N_APPENDS; i++) {
		before = count(s);
		must(appends[i](s, ids[i]));
		assert_true(count(s) > before);
		assert_int_equal(ramet_session_leaf(s), count(s) - 1);
		assert_true(*ids[i] != '\0');
		reopens_same(s);
	}
	if (home->has & HAS_PATH) {
		fresh = open_again(ramet_session_path(s));
		for (i = 0; i < N_APPENDS; i++) {
			row = row_of(fresh, ids[i]);
			assert_bytes_equal(entry_of(s, row_of(s, ids[i])), entry_of(fresh, row));
		}
		ramet_session_close(fresh);
	}
	ramet_session_close(s);
}

static void append_what_is_no_entry(void)
{
	struct ramet_session *s = made_with_talk();
	struct ramet_bytes before = disk(), state = whole(s);

	refused(ramet_session_append_message(s, raw("{\"role\":"), NULL, &why), RAMET_EJSON);
	refused(ramet_session_append_message(s, raw("[]"), NULL, &why), RAMET_EINVAL);
	refused(ramet_session_append_entry(s, js("{'type':'x','id':'mine'}"), NULL, &why),
		RAMET_EINVAL);
	assert_bytes_equal(before, disk());
	assert_bytes_equal(state, whole(s));
	(void)say(s, A("fine"));
	reopens_same(s);
	ramet_session_close(s);
}

static void append_many(void)
{
	const struct ramet_bytes good[3] = { js(U("m1")), js(A("m2")), js(U("m3")) };
	const struct ramet_bytes bad[3] = { js(U("n1")), raw("{\"role\":\"user\""), js(U("n3")) };
	struct ramet_session *s = made_with_talk();
	struct ramet_bytes before, state;
	char ids[3][RAMET_ID_SIZE];
	int i;

	must(ramet_session_append_messages(s, good, 3, ids, &why));
	for (i = 0; i < 3; i++)
		(void)row_of(s, ids[i]);
	assert_int_equal(times_in(s, "\"m1\"") + times_in(s, "\"m2\"") + times_in(s, "\"m3\""), 3);
	reopens_same(s);
	before = disk();
	state = whole(s);
	refused(ramet_session_append_messages(s, bad, 3, NULL, &why), RAMET_EJSON);
	must(ramet_session_append_messages(s, good, 0, NULL, &why));
	assert_bytes_equal(before, disk());
	assert_bytes_equal(state, whole(s));
	ramet_session_close(s);
}

/* ---- two handles ---- */

static void caught_up(void)
{
	struct ramet_session *a = made_with_talk(), *b = open_again(ramet_session_path(a));
	uint32_t leaf = ramet_session_leaf(b);

	assert_int_equal(must(ramet_session_refresh(b, &why)), 0);
	(void)say(a, A("four"));
	(void)say(a, U("five"));
	assert_int_equal(must(ramet_session_refresh(b, &why)), 1);
	assert_bytes_equal(whole(a), whole(b));
	assert_int_equal(ramet_session_leaf(b), home->has & HAS_BRANCHES ? leaf : count(b) - 1);
	assert_int_equal(ramet_session_others(b), 2);
	assert_int_equal(must(ramet_session_refresh(b, &why)), 0);
	(void)say(b, A("six"));
	assert_int_equal(must(ramet_session_refresh(a, &why)), 1);
	assert_bytes_equal(whole(a), whole(b));
	ramet_session_close(a);
	ramet_session_close(b);
}

static uint32_t parent_of(const struct ramet_session *s, uint32_t row)
{
	return ramet_tree_row(ramet_session_tree(s), row)->parent;
}

static void expected_head(void)
{
	struct ramet_session *a = made_with_talk(), *b = open_again(ramet_session_path(a));
	uint32_t theirs, before;

	assert_int_equal(count(a), count(b));
	ramet_session_on_conflict(b, RAMET_CONFLICT_REFUSE);
	(void)say(a, A("four"));
	theirs = count(a) - 1;
	refused(ramet_session_append_message(b, js(U("mine")), NULL, &why), RAMET_ECONFLICT);
	assert_bytes_equal(whole(a), whole(b));
	assert_int_equal(times_in(a, "mine"), 0);
	(void)say(b, U("mine"));
	assert_int_equal(parent_of(b, count(b) - 1),
			 home->has & HAS_BRANCHES ? theirs - 1 : theirs);
	reopens_same(b);

	must(ramet_session_refresh(a, &why));
	must(ramet_session_branch(a, count(a) - 1, &why));
	ramet_session_on_conflict(b, RAMET_CONFLICT_APPEND);
	(void)say(a, A("six"));
	theirs = count(a) - 1;
	(void)say(b, U("seven"));
	assert_int_equal(parent_of(b, count(b) - 1), theirs);
	reopens_same(b);

	before = count(b) - 1;
	ramet_session_on_conflict(b, RAMET_CONFLICT_BRANCH);
	must(ramet_session_refresh(a, &why));
	must(ramet_session_branch(a, count(a) - 1, &why));
	(void)say(a, A("eight"));
	theirs = count(a) - 1;
	(void)say(b, U("nine"));
	assert_int_equal(parent_of(b, count(b) - 1), home->has & HAS_BRANCHES ? before : theirs);
	reopens_same(b);
	ramet_session_close(a);
	ramet_session_close(b);
}

/* ---- branches and forks ---- */

static void branch(void)
{
	struct ramet_session *s = made_with_talk();
	struct ramet_bytes before = disk();
	uint32_t first = count(s) - 3;           /* of the talk */

	must(ramet_session_branch(s, first, &why));
	assert_bytes_equal(before, disk());
	if (!(home->has & HAS_BRANCHES)) {
		refused(ramet_session_append_message(s, js(A("other")), NULL, &why), RAMET_EINVAL);
		assert_bytes_equal(before, disk());
		assert_int_equal(count(s), first + 3);
		must(ramet_session_branch(s, first + 2, &why));
	}
	(void)say(s, A("other"));
	assert_int_equal(parent_of(s, first + 3), home->has & HAS_BRANCHES ? first : first + 2);
	reopens_same(s);
	ramet_session_close(s);
}

static void keeps_a_leaf(void)
{
	struct ramet_session *s = made_with_talk(), *fresh;

	must(ramet_session_branch(s, 1, &why));
	must(ramet_session_append_leaf(s, NULL, &why));
	if (home->has & HAS_PATH) {
		fresh = open_again(ramet_session_path(s));
		assert_bytes_equal(whole(s), whole(fresh));
		assert_int_equal(parent_of(fresh, ramet_session_leaf(fresh)), 1);
		ramet_session_close(fresh);
	}
	ramet_session_close(s);
}

/* The messages of a session, as they are told: one text. */
static void add_messages(const struct ramet_session *s, struct ramet_buf *out)
{
	struct ramet_bytes all;
	const char *p;
	uint32_t i;

	for (i = 0; i < count(s); i++) {
		all = entry_of(s, i);
		p = memmem(all.ptr, all.len, "\"message\":", 10);
		if (p)
			ramet_buf_add(out, (struct ramet_bytes){
						   p, (size_t)(all.ptr + all.len - p) });
	}
}

static void same_talk(const struct ramet_session *a, const struct ramet_session *b, unsigned lost)
{
	struct ramet_buf p = RAMET_BUF_INIT(1u << 20), q = RAMET_BUF_INIT(1u << 20);

	add_messages(a, &p);
	add_messages(b, &q);
	assert_true(q.len <= p.len && !memcmp(p.ptr, q.ptr, q.len));
	assert_int_equal(times_in(a, "\"type\":\"message\""),
			 times_in(b, "\"type\":\"message\"") + lost);
	ramet_buf_release(&p);
	ramet_buf_release(&q);
}

static void fork_all(void)
{
	struct ramet_session *s = made_with_talk(), *made = NULL;
	const char *dir = ramet_session_dir(s);
	const struct ramet_fork_opts opts = { .dir = dir };
	struct ramet_bytes state = whole(s);

	must(ramet_fork(&made, s, home->file || !dir ? NULL : &opts, &why));
	assert_bytes_equal(state, whole(s));
	same_talk(s, made, 0);
	assert_false(ramet_bytes_eq(ramet_session_header(s)->id, ramet_session_header(made)->id));
	reopens_same(s);
	reopens_same(made);
	(void)say(made, A("only here"));
	reopens_same(made);
	assert_int_equal(times_in(s, "only here"), 0);
	reopens_same(s);
	ramet_session_close(made);
	ramet_session_close(s);
}

static void fork_a_branch(void)
{
	struct ramet_session *s = made_with_talk(), *made = NULL;
	struct ramet_bytes state = whole(s);

	must(ramet_fork_branch(&made, s, ramet_session_leaf(s) - 1, NULL, &why));
	assert_bytes_equal(state, whole(s));
	same_talk(s, made, 1);
	reopens_same(made);
	(void)say(made, U("only here"));
	reopens_same(made);
	reopens_same(s);
	ramet_session_close(made);
	ramet_session_close(s);
}

/* ---- list, find, delete ---- */

static void list_and_find(void)
{
	struct ramet_session *s = made_with_talk();
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_buf path = RAMET_BUF_INIT(4096);
	struct ramet_bytes id = ramet_session_header(s)->id, before;
	struct ramet_store *st = NULL;

	must(ramet_session_append_name(s, raw("a name"), NULL, &why));
	before = disk();
	must(ramet_store_open(&st, store_url(), NULL, &why));
	must(ramet_store_list(st, NULL, &list, &why));
	assert_int_equal(list.n, 1);
	assert_true(ramet_bytes_is(list.items[0].path, ramet_session_path(s)));
	assert_true(ramet_bytes_eq(list.items[0].id, id));
	assert_true(ramet_bytes_is(list.items[0].name, "a name"));
	assert_true(ramet_bytes_is(list.items[0].first_message, "one"));
	assert_int_equal(list.items[0].message_count, 3);
	assert_string_equal(list.items[0].format, ramet_session_format(s));
	must(ramet_store_find(st, id, &path, &why));
	assert_true(ramet_bytes_is(ramet_buf_bytes(&path), ramet_session_path(s)));
	ramet_buf_reset(&path);
	must(ramet_store_find(st, (struct ramet_bytes){ id.ptr, id.len - 2 }, &path, &why));
	assert_true(ramet_bytes_is(ramet_buf_bytes(&path), ramet_session_path(s)));
	ramet_buf_reset(&path);
	must(ramet_store_recent(st, NULL, &path, &why));
	assert_true(ramet_bytes_is(ramet_buf_bytes(&path), ramet_session_path(s)));
	refused(ramet_store_find(st, raw("nobody"), &path, &why), RAMET_ENOTFOUND);
	assert_bytes_equal(before, disk());
	ramet_list_release(&list);
	ramet_store_close(st);
	ramet_buf_release(&path);
	ramet_session_close(s);
}

static void delete(void)
{
	struct ramet_session *s = made_with_talk(), *other = NULL;
	const char *path = path_of(s), *kept = NULL;

	if (!home->file || (home->has & HAS_MANY)) {
		other = made_with_talk();
		kept = path_of(other);
	}
	ramet_session_close(s);
	must(ramet_session_remove(path, &why));
	s = NULL;
	refused(ramet_session_open(&s, path, NULL, &why), RAMET_ENOTFOUND);
	refused(ramet_session_remove(path, &why), RAMET_ENOTFOUND);
	if (!other)
		return;
	assert_int_equal(listed(path), 0);
	assert_int_equal(listed(kept), 1);
	reopens_same(other);
	(void)say(other, A("goes on"));
	reopens_same(other);
	ramet_session_close(other);
}

static void append_to_what_was_deleted(void)
{
	struct ramet_session *s = made_with_talk();
	const char *path = path_of(s);
	struct ramet_session *none = NULL;
	uint32_t n = count(s);

	must(ramet_session_remove(path, &why));
	refused(ramet_session_append_message(s, js(A("late")), NULL, &why), RAMET_ECONFLICT);
	assert_int_equal(count(s), n);
	refused(ramet_session_open(&none, path, NULL, &why), RAMET_ENOTFOUND);
	ramet_session_close(s);
}

static void verified(void)
{
	struct ramet_session *s = made_with_talk();
	struct ramet_verdict v;

	memset(&v, 0, sizeof(v));
	must(ramet_verify(ramet_session_path(s), NULL, &v, &why));
	assert_int_equal(v.findings.n, 0);
	ramet_verdict_release(&v);
	ramet_session_close(s);
}

static const struct contract_case cases[] = {
	{ "create", 0, 0, create },
	{ "create with an id", 0, 0, create_chosen },
	{ "ids that try to leave", 0, 0, ids_that_leave },
	{ "finding by such ids", HAS_PATH, 0, find_by_bad_ids },
	{ "append every kind", 0, 0, append_every_kind },
	{ "append what is no entry", 0, 0, append_what_is_no_entry },
	{ "append many: all or none", 0, 0, append_many },
	{ "another handle catches up", HAS_PATH, 0, caught_up },
	{ "expected head", HAS_PATH, 0, expected_head },
	{ "branch", 0, 0, branch },
	{ "keep a leaf", HAS_BRANCHES, 0, keeps_a_leaf },
	{ "fork", 0, 0, fork_all },
	{ "fork a branch", 0, 0, fork_a_branch },
	{ "list and find", HAS_PATH, 0, list_and_find },
	{ "delete", HAS_PATH, 0, delete },
	{ "append to what was deleted", HAS_PATH, 0, append_to_what_was_deleted },
	{ "verify", HAS_PATH, 0, verified },
	{ NULL, 0, 0, NULL }
};

int main(void)
{
	return run_cases(cases);
}
