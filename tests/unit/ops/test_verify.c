/*
 * verify.c: whether a file is intact and whether it is complete, also one that opening refuses; and
 * which tool calls were never answered.
 */
#include "store/faulty.h"
#include "store/temp_dir.h"
#include "store/written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/sql.h"
#include "store/home_sqlite.h"

#define ONE MESSAGE("u1", "null", U("one"))
#define TWO MESSAGE("a1", "'u1'", A("two"))
#define CALLS(id, parent, stop, ...)                                                               \
	MESSAGE(id, parent,                                                                        \
		"{'role':'assistant','content':[" __VA_ARGS__ "],'stopReason':'" stop "'}")
#define CALL(id) "{'type':'toolCall','id':'" id "','name':'bash','arguments':{}}"
#define RESULT(id, parent, call)                                                                   \
	MESSAGE(id, parent, "{'role':'toolResult','toolCallId':'" call "','content':[]}")

static char *dir;
static const char *path;

static int make_dir(void **state)
{
	static char text[TEMP_PATH];

	(void)state;
	dir = temp_dir_new();
	(void)snprintf(text, sizeof(text), "%s/s.jsonl", dir);
	path = text;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	temp_dir_remove(dir);
	return 0;
}

/* A file of these bytes is judged so; findings: "SEVERITY CODE LINE", joined by ", ". */
static void judged_bytes(struct ramet_bytes text, int intact, int complete, const char *findings)
{
	struct ramet_buf told = RAMET_BUF_INIT(1u << 16);
	struct ramet_verdict v;
	uint32_t i;

	put_bytes(path, text);
	must(ramet_verify(path, NULL, &v, &why));
	for (i = 0; i < v.findings.n; i++)
		ramet_buf_addf(&told, "%s%s %s %d", i ? ", " : "",
			       ramet_severity_name(v.findings.items[i].severity),
			       v.findings.items[i].code, (int)v.findings.items[i].line);
	assert_string_equal(told.len ? told.ptr : "", findings);
	assert_int_equal(v.intact, intact);
	assert_int_equal(v.complete, complete);
	ramet_verdict_release(&v);
	ramet_buf_release(&told);
	assert_true(ramet_bytes_eq(bytes_of(path), text));
}

static void judged(const char *text, int intact, int complete, const char *findings)
{
	judged_bytes(js(text), intact, complete, findings);
}

static void verify__a_sound_session(void **state)
{
	(void)state;
	judged(HEAD, 1, 1, "");
	judged(HEAD ONE TWO, 1, 1, "");
	judged(HEAD ONE "\n" TWO, 1, 1, "info blank-line 3");
	judged("{'type':'session','id':'v1'}\n{'type':'message','timestamp':'2026-03-01'}\n", 1, 1,
	       "");
}

static void verify__damage_is_not_intact(void **state)
{
	static const char nul[] = "\n";
	struct ramet_buf b = RAMET_BUF_INIT(1u << 16);

	(void)state;
	judged(HEAD ONE "oops\n" TWO, 0, 0, "damage malformed 3");
	judged(HEAD ONE "7\n", 0, 0, "damage malformed 3");
	judged(HEAD ONE "{'type':", 0, 0, "damage torn-tail 3");
	judged(HEAD "{}{}\n", 0, 1, "damage glued 2");
	judged("\xef\xbb\xbf" HEAD, 0, 1, "warning bom 1");
	judged(HEAD MESSAGE("x", "null", U("\xff")), 0, 1, "damage bad-utf8 2");
	ramet_buf_add(&b, js(HEAD));
	ramet_buf_add(&b, (struct ramet_bytes){ nul + 1, 1 });
	judged_bytes(ramet_buf_bytes(&b), 0, 0, "damage nul-run 2");
	ramet_buf_release(&b);
}

static void verify__what_is_missing_is_not_complete(void **state)
{
	(void)state;
	judged(HEAD TWO, 1, 0, "warning orphan 2");
	judged(HEAD MESSAGE("x", "'x'", U("1")), 1, 0, "warning loop 2");
	judged(HEAD ONE LINE("label", "l", "'u1'", ",'targetId':'gone','label':'x'"), 1, 0,
	       "warning dangling-target 3");
	judged(HEAD ONE LINE("compaction", "c", "'u1'",
			     ",'summary':'s','firstKeptEntryId':'gone','tokensBefore':1"),
	       1, 0, "warning dangling-target 3");
}

static void verify__what_opening_refuses(void **state)
{
	(void)state;
	judged("", 0, 0, "damage no-header 1");
	judged("\n\n", 0, 0, "info blank-line 1, damage no-header 1");
	judged("garbage", 0, 0, "damage torn-tail 1, damage no-header 1");
	judged(ONE TWO, 0, 0, "damage no-header 1");
	judged(ONE "oops\n", 0, 0, "damage no-header 1, damage malformed 2");
	judged("{'type':'session'}\n" ONE, 0, 0, "damage no-header 1");
	judged("x\n[]\n" HEAD, 0, 0,
	       "damage malformed 1, damage malformed 2, damage no-header 2, "
	       "warning second-header 3");
	assert_int_equal(ramet_verify(temp_path(dir, "none"), NULL, &(struct ramet_verdict){ 0 },
				      &why),
			 RAMET_ENOTFOUND);
	assert_int_equal(ramet_verify(dir, NULL, &(struct ramet_verdict){ 0 }, &why),
			 RAMET_EFORMAT);
}

static void verify__oddities_change_no_answer(void **state)
{
	(void)state;
	judged(HEAD ONE HEAD, 1, 1, "warning second-header 3");
	judged(HEAD ONE MESSAGE("u1", "null", U("again")), 1, 1, "warning duplicate-id 2");
	judged(HEAD LINE("new", "n", "null", ""), 1, 1, "info unknown-type 2");
}

/* Many oddities do not hide damage; more than are looked at leave both questions open. */
static void verify__floods_hide_nothing(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1u << 24);
	struct ramet_verdict v;
	unsigned i;

	(void)state;
	ramet_buf_add(&b, js(HEAD));
	for (i = 0; i < RAMET_FINDINGS_MAX; i++)
		ramet_buf_addf(&b, "{\"type\":\"new\",\"id\":\"%u\",\"timestamp\":0}\n", i);
	put_bytes(path, ramet_buf_bytes(&b));
	must(ramet_verify(path, NULL, &v, &why));
	assert_true(v.intact && v.complete);
	assert_int_equal(v.findings.n, RAMET_FINDINGS_MAX);
	ramet_verdict_release(&v);
	ramet_buf_add_str(&b, "oops\n");
	put_bytes(path, ramet_buf_bytes(&b));
	must(ramet_verify(path, NULL, &v, &why));
	assert_false(v.intact || v.complete);
	ramet_verdict_release(&v);
	ramet_buf_release(&b);
}

static void verify__unanswered_calls(void **state)
{
	(void)state;
	judged(HEAD CALLS("a", "null", "toolUse", CALL("c1") "," CALL("c2"))
	       RESULT("r2", "'a'", "c2") RESULT("r1", "'r2'", "c1"), 1, 1, "");
	judged(HEAD CALLS("a", "null", "toolUse", CALL("c1")), 1, 1, "info unanswered-call 2");
	judged(HEAD CALLS("a", "null", "toolUse", CALL("c1") "," CALL("c2"))
	       RESULT("r2", "'a'", "c2"), 1, 1, "info unanswered-call 2");
	judged(HEAD CALLS("a", "null", "toolUse", CALL("c1")) MESSAGE("u", "'a'", U("go on")), 1, 1,
	       "warning unanswered-call 2");
	judged(HEAD CALLS("a", "null", "aborted", CALL("c1")) MESSAGE("u", "'a'", U("go on")), 1, 1,
	       "info unanswered-call 2");
	/* on another branch is not below */
	judged(HEAD ONE CALLS("a", "'u1'", "toolUse", CALL("c1")) RESULT("r", "'u1'", "c1"), 1, 1,
	       "info unanswered-call 3");
	/* any branch below will do */
	judged(HEAD CALLS("a", "null", "toolUse", CALL("c1")) MESSAGE("u", "'a'", U("x"))
	       RESULT("r", "'a'", "c1"), 1, 1, "");
	/* written in another way */
	judged(HEAD CALLS("a", "null", "toolUse", CALL("c\\u00311"))
	       MESSAGE("r", "'a'", "{ 'toolCallId' : 'c\\u0031\\u0031' , 'role':'toolResult'}"),
	       1, 1, "");
}

/* The result stands far below its call, the same id is used again and again. */
static void verify__finds_far_answers(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1u << 24);
	unsigned i;

	(void)state;
	ramet_buf_add(&b, js(HEAD CALLS("0", "null", "toolUse", CALL("c") "," CALL("d"))));
	for (i = 1; i < 3000; i++) {
		ramet_buf_add(&b, js("{'type':'message','timestamp':'2026-03-01','message':"));
		ramet_buf_add(&b, js(i % 100 ? U("x") : "{'role':'assistant','content':[" CALL("c")
									 "]}"));
		ramet_buf_addf(&b, ",\"id\":\"%u\",\"parentId\":\"%u\"}\n", i, i - 1);
	}
	ramet_buf_add(&b, js(RESULT("r", "'2999'", "c")));
	judged_bytes(ramet_buf_bytes(&b), 1, 1, "warning unanswered-call 2");
	ramet_buf_release(&b);
}

/* More than one thread gives the same. */
static void verify__large_files(void **state)
{
	const struct ramet_verify_opts one = { .threads = 1 }, many = { .threads = 5 };
	struct ramet_buf b = RAMET_BUF_INIT(1u << 26), text[2];
	struct ramet_verdict v;
	char more[3000];
	unsigned i;

	(void)state;
	memset(more, 'x', sizeof(more));
	ramet_buf_add(&b, js(HEAD));
	for (i = 0; i < 2000; i++) {
		ramet_buf_addf(&b, "{\"type\":\"message\",\"id\":\"%ua\",\"parentId\":%s%ur\",", i,
			       i ? "\"" : "\"none", i - 1);
		ramet_buf_add(&b, js("'message':{'role':'assistant','content':["));
		ramet_buf_addf(&b, "{\"type\":\"toolCall\",\"id\":\"call%u\"}]},\"x\":\"%.*s\"}\n",
			       i, (int)(i % sizeof(more)), more);
		ramet_buf_addf(&b, "{\"type\":\"message\",\"id\":\"%ur\",\"parentId\":\"%ua\",", i,
			       i);
		ramet_buf_addf(&b,
			       "\"message\":{\"role\":\"toolResult\",\"toolCallId\":\"call%u\","
			       "\"content\":\"%.*s\"}}\n",
			       i % 500 == 7 ? 0 : i, (int)(i % sizeof(more)), more);
	}
	put_bytes(path, ramet_buf_bytes(&b));
	for (i = 0; i < 2; i++) {
		ramet_buf_init(&text[i], 1u << 26);
		must(ramet_verify(path, i ? &many : &one, &v, &why));
		must(ramet_report_verdict(&v, NULL, &text[i], &why));
		ramet_verdict_release(&v);
	}
	assert_string_equal(text[0].ptr, text[1].ptr);
	assert_non_null(strstr(text[0].ptr, "tool call call1507 has no result"));
	for (i = 0; i < 2; i++)
		ramet_buf_release(&text[i]);
	ramet_buf_release(&b);
}

static void verify__reports_json(void **state)
{
	struct ramet_buf json = RAMET_BUF_INIT(1u << 16);
	struct ramet_verdict v;

	(void)state;
	put(path, HEAD TWO);
	must(ramet_verify(path, NULL, &v, &why));
	must(ramet_report_verdict(&v, "p", &json, &why));
	assert_text(ramet_buf_bytes(&json),
		    "{'path':'p','intact':true,'complete':false,'findings':[{'severity':'warning',"
		    "'code':'orphan','line':2,'offset':%zu,'id':'a1',"
		    "'text':'the parent does not exist; the entry is a root'}]}",
		    strlen(HEAD));
	ramet_verdict_release(&v);
	ramet_buf_release(&json);
}

static void verify__seals(void **state)
{
	struct ramet_session *s;
	struct ramet_sealed sealed;
	struct ramet_verdict v;
	struct ramet_bytes text;
	char *cut;

	(void)state;
	put(path, HEAD ONE TWO MESSAGE("u2", "'a1'", U("three")));
	s = opened(path);
	must(ramet_session_seal(s, NULL, &sealed, &why));
	ramet_session_close(s);
	must(ramet_verify(path, NULL, &v, &why));
	assert_true(v.intact && v.complete);
	assert_int_equal(v.n_seals, 1);
	assert_int_equal(v.n_sealed, 3);
	assert_int_equal(v.findings.n, 0);
	ramet_verdict_release(&v);
	/* a line goes that nothing else would miss: the leaf's label */
	text = bytes_of(path);
	cut = strstr((char *)(uintptr_t)text.ptr, "two");
	assert_non_null(cut);
	*cut = 'T';
	put_bytes(path, text);
	must(ramet_verify(path, NULL, &v, &why));
	assert_false(v.intact);
	assert_true(v.complete);
	assert_string_equal(v.findings.items[0].code, "seal");
	assert_int_equal(v.findings.items[0].line, 3);
	ramet_verdict_release(&v);
	put(path, HEAD ONE TWO LINE("label", "l", "'a1'", ",'targetId':'a1','label':'x'"));
	s = opened(path);
	must(ramet_session_branch(s, row_of(s, "a1"), &why));
	must(ramet_session_seal(s, NULL, &sealed, &why));
	ramet_session_close(s);
	text = bytes_of(path);
	cut = strstr((char *)(uintptr_t)text.ptr, "{\"type\":\"label\"");
	assert_non_null(cut);
	memmove(cut, strchr(cut, '\n') + 1, strlen(strchr(cut, '\n')));
	text.len = strlen(text.ptr);
	put_bytes(path, text);
	must(ramet_verify(path, NULL, &v, &why));
	assert_false(v.intact);
	assert_false(v.complete);
	ramet_verdict_release(&v);
}

static void verify__a_key_asks_for_a_signature(void **state)
{
	char *key_path = strdup(temp_path(dir, "k")), *public = strdup(temp_path(dir, "k.pub"));
	struct ramet_seal_opts how = { 0 };
	struct ramet_verify_opts opts = { 0 };
	struct ramet_sealed sealed;
	struct ramet_session *s;
	struct ramet_verdict v;
	unsigned char key[32];
	unsigned i;

	(void)state;
	must(ramet_seal_key_new(key_path, &why));
	must(ramet_seal_key_read(public, key, &why));
	opts.key = key;
	put(path, HEAD ONE);
	for (i = 0; i < 3; i++) {                    /* no seal, one unsigned, one signed */
		must(ramet_verify(path, &opts, &v, &why));
		assert_int_equal(v.intact, i == 2);
		assert_true(v.complete);
		assert_int_equal(v.findings.n, i < 2);
		assert_int_equal(v.n_signed, i == 2);
		ramet_verdict_release(&v);
		how.key = i ? key_path : NULL;
		s = opened(path);
		must(ramet_session_seal(s, &how, &sealed, &why));
		ramet_session_close(s);
	}
	free(key_path);
	free(public);
}

/* ---- faults ---- */

#define ALL                                                                                        \
	"x\n" CALLS("a", "null", "toolUse", CALL("c1")) MESSAGE("u", "'a'", U("go on"))            \
	LINE("label", "l", "'u'", ",'targetId':'u','label':'x'")

static void verify__survives_failing_calls(void **state)
{
	struct ramet_verdict v;
	struct faults f = { .sys = EIO };
	int r, more;

	(void)state;
	put(path, ALL);
	for (f.kind = 0; f.kind < FAULT_KINDS; f.kind++) {
		for (f.n = 1, more = 1; more; f.n++) {
			faults_start(&f);
			memset(&why, 0, sizeof(why));
			r = ramet_verify(path, NULL, &v, &why);
			more = faults_stop();
			assert_true(r == 0 || (more && why.code == r && *why.text));
			if (faults_open_fds())
				fail_msg("%s %u: descriptors stay open", fault_name(f.kind), f.n);
			if (r == 0)
				ramet_verdict_release(&v);
		}
	}
	assert_file(path, ALL);
}

static void verify__survives_failing_allocations(void **state)
{
	struct ramet_verdict v;
	unsigned n;
	int r, more = 1;

	(void)state;
	put(path, ALL);
	for (n = 1; more; n++) {
		assert_true(n < 1000);
		scarce_start(n);
		r = ramet_verify(path, NULL, &v, &why);
		more = scarce_stop();
		assert_true(r == 0 || (r == RAMET_ENOMEM && why.code == r));
		if (r == 0)
			ramet_verdict_release(&v);
	}
}

/* ---- databases ---- */

static int findings_of(const char *url, const char *code, int *intact)
{
	struct ramet_verdict v;
	uint32_t i;
	int n = 0;

	must(ramet_verify(url, NULL, &v, &why));
	for (i = 0; i < v.findings.n; i++)
		n += !strcmp(v.findings.items[i].code, code);
	*intact = v.intact;
	ramet_verdict_release(&v);
	return n;
}

static void verify__asks_a_database_whether_it_holds_together(void **state)
{
	const struct rameti_sqlite_opts opts = { .create = 1 };
	char file[TEMP_PATH], url[TEMP_PATH + 16];
	struct rameti_sqlite_end end;
	struct rameti_sqlite *h;
	struct rameti_sql *db;
	int intact;

	(void)state;
	(void)snprintf(file, sizeof(file), "%s/s.db", dir);
	must(rameti_sqlite_open(&h, file, &opts, &why));
	must(rameti_sqlite_create(h, js(HEAD ONE TWO), &end, &why));
	must(rameti_sqlite_create(h, js("{'type':'session','version':3,'id':'s2','timestamp':"
					"'2026-03-01T10:00:00.000Z','cwd':'/w'}\n" ONE),
				  &end, &why));
	rameti_sqlite_close(h);
	(void)snprintf(url, sizeof(url), "sqlite:%s", file);
	assert_int_equal(findings_of(url, "home", &intact), 0);
	assert_int_equal(intact, 1);
	must(rameti_sql_open(&db, file, RAMETI_SQL_CREATE, 1000, &why));
	must(rameti_sql_exec(db, "UPDATE state SET message_count=7; "
				 "DELETE FROM entries WHERE session=1 AND seq=1", &why));
	rameti_sql_close(db);
	assert_int_equal(findings_of(url, "home", &intact), 2);
	assert_int_equal(intact, 0);
	/* of one session: what it is, and its database */
	(void)snprintf(url, sizeof(url), "sqlite:%s#s1", file);
	assert_int_equal(findings_of(url, "chain", &intact), 1);
	assert_int_equal(findings_of(url, "home", &intact), 2);
	(void)snprintf(url, sizeof(url), "sqlite:%s#s9", file);
	{
		struct ramet_verdict v;

		refused(ramet_verify(url, NULL, &v, &why), RAMET_ENOTFOUND);
	}
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, drop_dir)
	const struct CMUnitTest tests[] = {
		IN_DIR(verify__asks_a_database_whether_it_holds_together),
		IN_DIR(verify__a_sound_session),
		IN_DIR(verify__damage_is_not_intact),
		IN_DIR(verify__what_is_missing_is_not_complete),
		IN_DIR(verify__what_opening_refuses),
		IN_DIR(verify__oddities_change_no_answer),
		IN_DIR(verify__floods_hide_nothing),
		IN_DIR(verify__unanswered_calls),
		IN_DIR(verify__finds_far_answers),
		IN_DIR(verify__large_files),
		IN_DIR(verify__reports_json),
		IN_DIR(verify__seals),
		IN_DIR(verify__a_key_asks_for_a_signature),
		IN_DIR(verify__survives_failing_calls),
		IN_DIR(verify__survives_failing_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
