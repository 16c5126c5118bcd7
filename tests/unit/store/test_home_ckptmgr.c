/*
 * test_home_ckptmgr.c - sessions of a state file: what they read as, what appending makes
 * of the state, and that both ways lead back.
 */
#include "temp_dir.h"
#include "written.h"

#include <stdio.h>
#include <stdlib.h>
#include "ramet/ckptmgr.h"
#include "store/home.h"

#define CONFIG                                                                                     \
	"{'type':'custom','customType':'ramet.config','data':{'format':'ckptmgr','session':{"      \
	"'CreatedAt':'2026-04-10T12:00:02.474134Z','UpdatedAt':'2026-04-10T12:00:07.5Z',"          \
	"'UserTurns':1,'Extra':{'a':1.50}}},'id':'s0','parentId':null,"                            \
	"'timestamp':'2026-04-10T12:00:02.474Z'}\n"
#define AT "'timestamp':'2026-04-10T12:00:02.474Z'"

static const struct rameti_home *home = &rameti_home_ckptmgr;
static char *dir;
static char path[TEMP_PATH], url[TEMP_PATH + 100];
static struct ramet_session *s;

static int begin(void **state)
{
	(void)state;
	dir = temp_dir_new();
	(void)snprintf(path, sizeof(path), "%s/state.json", dir);
	s = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	ramet_session_close(s);
	temp_dir_remove(dir);
	return 0;
}

static const char *session_url(const char *id)
{
	(void)snprintf(url, sizeof(url), "ckptmgr:%s#%s", path, id);
	return url;
}

static const char golden_state[] =
	"{'sessions':{'abc#fork-1':{'ID':'abc#fork-1','CreatedAt':'2026-04-10T12:00:02.474134Z',"
	"'UpdatedAt':'2026-04-10T12:00:07.5Z','Messages':[{'content':'be brief','role':'system'},"
	"{'content':'a \\u003c b','role':'user'},{'content':'','role':'assistant','tool_calls':"
	"[{'function':{'arguments':'{\\'x\\':1}','name':'ls'},'id':'c1','type':'function'}]},"
	"{'content':'x.txt','role':'tool','tool_call_id':'c1'},{'n':9007199254740993,'role':'odd'}]"
	","
	"'UserTurns':1,'Checkpoints':{'k-u1':[{'content':'be brief','role':'system'},{'content':"
	"'a \\u003c b','role':'user'}],'other':[{'role':'user'}]},'FileCheckpoints':{'k-u1':{'f':"
	"null}},'Extra':{'a':1.50}}}}";

/* The state with \' as \" in a string. */
static void put_state(void)
{
	char text[4096];
	size_t i, n = 0;

	for (i = 0; golden_state[i]; i++) {
		if (golden_state[i] == '\\' && golden_state[i + 1] == '\'') {
			text[n++] = '\\';
			text[n++] = '"';
			i++;
		} else {
			text[n++] = golden_state[i] == '\'' ? '"' : golden_state[i];
		}
	}
	put_bytes(path, (struct ramet_bytes){ text, n });
}

static void load_text(const char *id, struct ramet_buf *text)
{
	void *state = NULL;

	must(home->open(&state, path, raw(id), NULL, &why));
	must(home->load(state, text, &why));
	home->close(state);
}

static void load__is_a_chain_of_entries(void **state)
{
	struct ramet_buf text = RAMET_BUF_INIT(100000);

	(void)state;
	put_state();
	load_text("abc", &text);
	assert_text(
		ramet_buf_bytes(&text), "%s",
		dq("{'type':'session','version':3,'id':'abc#fork-1'," AT "}\n" CONFIG
		   "{'type':'custom','customType':'ramet.checkpoint','data':{'format':'ckptmgr',"
		   "'key':'other','messages':[{'role':'user'}]},'id':'c<id>','parentId':'s0'," AT
		   "}\n"
		   "{'type':'message','id':'m0','parentId':'c<id>'," AT
		   ",'message':{'role':'system','content':'be brief'}}\n"
		   "{'type':'message','id':'m1','parentId':'m0'," AT
		   ",'message':{'role':'user','content':'a \\u003c b'}}\n"
		   "{'type':'custom','customType':'ramet.checkpoint','data':{'format':'ckptmgr',"
		   "'key':'k-u1','messages':2,'files':{'f':null}},'id':'c<id>','parentId':'m1'," AT
		   "}\n"
		   "{'type':'message','id':'m2','parentId':'c<id>'," AT
		   ",'message':{'role':'assistant','content':[{'type':'toolCall','id':'c1',"
		   "'name':'ls','arguments':{'x':1}}]}}\n"
		   "{'type':'message','id':'m3','parentId':'m2'," AT
		   ",'message':{'role':'toolResult','toolCallId':'c1','toolName':'ls','content':"
		   "[{'type':'text','text':'x.txt'}],'isError':false}}\n"
		   "{'type':'message','id':'m4','parentId':'m3'," AT
		   ",'message':{'role':'ramet.unknown','ramet.message':{'n':9007199254740993,"
		   "'role':'odd'}}}\n"));
	ramet_buf_release(&text);
}

/* State to entries to state: the same members, whatever else is in the file. */
static void round_trip__of_a_session(void **state)
{
	struct ramet_ckptmgr_session a = RAMET_CKPTMGR_SESSION_INIT, b = RAMET_CKPTMGR_SESSION_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(100000), again = RAMET_BUF_INIT(100000);
	struct ramet_ckptmgr *m = NULL;
	char second[TEMP_PATH];

	(void)state;
	put_state();
	(void)snprintf(second, sizeof(second), "%s/second.json", dir);
	load_text("abc#fork-1", &text);
	must(home->create(second, ramet_buf_bytes(&text), 1, &why));
	refused(home->create(second, ramet_buf_bytes(&text), 1, &why), RAMET_ECONFLICT);
	memcpy(path, second, sizeof(path));
	load_text("abc#fork-1", &again);
	assert_string_equal(text.ptr, again.ptr);
	must(ramet_ckptmgr_open(&m, second, NULL, &why));
	must(ramet_ckptmgr_get(m, raw("abc#fork-1"), &b, &why));
	assert_int_equal(b.user_turns, 1);
	assert_int_equal(b.created_ns % 1000000000, 474134000);
	assert_int_equal(b.updated_ns % 1000000000, 500000000);
	assert_non_null(
		memmem(b.json.ptr, b.json.len, "\"Extra\": {\n        \"a\": 1.50\n      }", 35));
	assert_null(strstr(b.checkpoints.ptr, "ramet.raw")); /* nothing had to be carried */
	assert_non_null(strstr(b.messages.ptr, "\"a \\u003c b\""));
	assert_non_null(strstr(b.messages.ptr, "\"n\": 9007199254740993"));
	assert_non_null(strstr(b.file_checkpoints.ptr, "\"f\": null"));
	ramet_ckptmgr_session_release(&a);
	ramet_ckptmgr_session_release(&b);
	ramet_ckptmgr_close(m);
	ramet_buf_release(&text);
	ramet_buf_release(&again);
}

/* Entries to state to entries: byte for byte. */
static void round_trip__of_entries(void **state)
{
	static const char lines[] =
		"{'type':'session','version':3,'id':'s1','timestamp':"
		"'2026-03-01T10:00:00.000Z','cwd':'/w','more':[1]}\n" MESSAGE(
			"u1", "null", U("one")) MESSAGE("a1", "'u1'", A("two"))
			LINE("model_change", "mm", "'a1'", ",'provider':'p','modelId':'m'") MESSAGE(
				"b1", "'mm'", "{'role':'bashExecution','command':'c','output':'o'}")
				MESSAGE("u2", "'b1'",
					"{'role':'user','content':[{'type':'image','data':'QQ==','"
					"mimeType':"
					"'image/png'},{'type':'text','text':'x'}],'timestamp':5}")
					MESSAGE("a2", "'u2'",
						"{'role':'assistant','content':[{'type':'thinking',"
						"'thinking':'t'},{'type':"
						"'toolCall','id':'c','name':'ls','arguments':{'a':"
						"1e400}}],'stopReason':"
						"'toolUse'}")
						MESSAGE("t1", "'a2'",
							"{'role':'toolResult','toolCallId':'c','"
							"toolName':'ls','content':[{'type':"
							"'text','text':'r'}],'isError':false}")
							LINE("label", "l1", "'t1'",
							     ",'targetId':'u1','label':'x "
							     "\\ud800'");
	struct ramet_buf again = RAMET_BUF_INIT(100000);

	(void)state;
	must(home->create(path, js(lines), 0, &why));
	load_text("s1", &again);
	assert_string_equal(again.ptr, dq(lines));
	ramet_buf_release(&again);
}

static void session__is_appended_to(void **state)
{
	struct ramet_ckptmgr *m = NULL;
	struct ramet_ckptmgr_session c = RAMET_CKPTMGR_SESSION_INIT;
	char id[RAMET_ID_SIZE];
	struct ramet_session *again = NULL;
	uint32_t row;

	(void)state;
	put_state();
	must(ramet_session_open(&s, session_url("abc#fork-1"), NULL, &why));
	assert_string_equal(ramet_session_format(s), "ckptmgr");
	must(ramet_session_append_message(s, js(U("more")), id, &why));
	must(ramet_session_append_message(s, js(A("answer")), NULL, &why));
	must(ramet_session_append_name(s, js("a name"), NULL, &why));
	must(ramet_session_open(&again, session_url("abc#fork-1"), NULL, &why));
	/* the first entry says when the session was changed last */
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 11);
	assert_int_equal(ramet_tree_count(ramet_session_tree(again)), 11);
	for (row = 1; row < 11; row++)
		assert_string_equal(entry_of(s, row).ptr, entry_of(again, row).ptr);
	ramet_session_close(again);
	must(ramet_ckptmgr_open(&m, path, NULL, &why));
	must(ramet_ckptmgr_get(m, raw("abc#fork-1"), &c, &why));
	assert_int_equal(c.user_turns, 2);
	assert_non_null(strstr(c.messages.ptr, "\"content\": \"answer\",\n"));
	assert_non_null(strstr(c.checkpoints.ptr, "\"ramet.raw\""));
	ramet_ckptmgr_session_release(&c);
	ramet_ckptmgr_close(m);
}

static void session__takes_in_what_others_append(void **state)
{
	struct ramet_session *other = NULL;
	struct ramet_ckptmgr *m = NULL;

	(void)state;
	put_state();
	must(ramet_session_open(&s, session_url("abc#fork-1"), NULL, &why));
	must(ramet_session_open(&other, session_url("abc#fork-1"), NULL, &why));
	must(ramet_session_append_message(other, js(U("theirs")), NULL, &why));
	must(ramet_session_append_message(s, js(U("mine")), NULL, &why));
	assert_int_equal(ramet_session_others(s), 1);
	ramet_session_close(other);
	/* rewound by the snapshot manager: another session now */
	must(ramet_ckptmgr_open(&m, path, NULL, &why));
	must(ramet_ckptmgr_rewind(m, raw("abc#fork-1"), raw("k-u1"), &why));
	refused(ramet_session_append_message(s, js(U("lost")), NULL, &why), RAMET_ECONFLICT);
	ramet_ckptmgr_close(m);
	ramet_session_close(s);
	s = NULL;
	must(ramet_session_open(&s, session_url("abc#fork-1"), NULL, &why));
	must(ramet_session_append_message(s, js(U("goes on")), NULL, &why));
}

static int count(void *user, const struct ramet_session_info *info)
{
	unsigned *n = user;

	assert_string_equal(info->format, "ckptmgr");
	if (ramet_bytes_is(info->id, "abc#fork-1")) {
		assert_int_equal(info->message_count, 5);
		assert_true(ramet_bytes_is(info->first_message, "a < b"));
		assert_int_equal(info->modified_ms % 1000, 500);
	}
	++*n;
	return 0;
}

static void home__lists_finds_and_removes(void **state)
{
	struct ramet_ckptmgr *m = NULL;
	void *open = NULL;
	unsigned n = 0;

	(void)state;
	refused(home->each(path, 0, count, &n, &why), RAMET_ENOTFOUND);
	put_state();
	assert_true(home->sniff(bytes_of(path)));
	assert_false(home->sniff(raw("{\"type\":\"session\"}")));
	must(ramet_ckptmgr_open(&m, path, NULL, &why));
	must(ramet_ckptmgr_get_or_create(m, raw("abd"), NULL, NULL, &why));
	ramet_ckptmgr_close(m);
	must(home->each(path, 1, count, &n, &why));
	assert_int_equal(n, 2);
	refused(home->open(&open, path, raw("ab"), NULL, &why), RAMET_EAMBIGUOUS);
	refused(home->open(&open, path, raw("x"), NULL, &why), RAMET_ENOTFOUND);
	must(home->remove(path, raw("abd"), &why));
	refused(home->remove(path, raw("abd"), &why), RAMET_ENOTFOUND);
	must(home->open(&open, path, (struct ramet_bytes){ NULL, 0 }, NULL, &why));
	home->close(open);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(load__is_a_chain_of_entries),
		T(round_trip__of_a_session),
		T(round_trip__of_entries),
		T(session__is_appended_to),
		T(session__takes_in_what_others_append),
		T(home__lists_finds_and_removes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
