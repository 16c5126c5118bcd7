/*
 * ckptmgr.c, ckptmgr_file.c, ckptmgr_list.c, home_ckptmgr.c: states that are odd, damaged or
 * changed by others in the middle of a call.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ramet/ckptmgr.h"
#include "store/home.h"

#define AT(time) "'CreatedAt':'2026-04-10T12:00:0" time "Z'"
#define ONE(id, rest) "'" id "':{'ID':'" id "'," AT("2") ",'Messages':[]" rest "}"
#define LONG20 "aaaaaaaaaaaaaaaaaaaa"
#define LONG LONG20 LONG20 LONG20 LONG20 LONG20

static const struct rameti_home *home = &rameti_home_ckptmgr;
static char *dir;
static char path[TEMP_PATH];
static struct ramet_ckptmgr *m;

static int begin(void **state)
{
	(void)state;
	dir = temp_dir_new();
	(void)snprintf(path, sizeof(path), "%s/state.json", dir);
	m = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	(void)faults_stop();
	ramet_ckptmgr_close(m);
	temp_dir_remove(dir);
	return 0;
}

/* A manager on a state of these sessions and counters. */
static void with_state(const char *sessions, const char *counters)
{
	char text[8192];

	(void)snprintf(text, sizeof(text), "{'sessions':{%s},'fork_counters':%s}", sessions,
		       counters);
	put(path, text);
	ramet_ckptmgr_close(m);
	m = NULL;
	must(ramet_ckptmgr_open(&m, path, NULL, &why));
}

static int has(const char *text)
{
	return strstr(bytes_of(path).ptr, dq(text)) != NULL;
}

/* ---- the manager ---- */

static void open__syncs_new_files_if_told(void **state)
{
	const struct faults none = { .kind = FAULT_ANY };
	struct ramet_ckptmgr_opts opts = { .no_sync = 0 };
	int no_sync;

	(void)state;
	for (no_sync = 0; no_sync < 2; no_sync++) {
		opts.no_sync = no_sync;
		(void)unlink(path);
		faults_start(&none);
		must(ramet_ckptmgr_open(&m, path, &opts, &why));
		must(ramet_ckptmgr_get_or_create(m, raw("a"), NULL, NULL, &why));
		assert_int_equal(faults_file_syncs() != 0, !no_sync);
		(void)faults_stop();
		ramet_ckptmgr_close(m);
	}
	m = NULL;
}

static void get_or_create__tells_only_what_is_asked(void **state)
{
	struct ramet_ckptmgr_session s = RAMET_CKPTMGR_SESSION_INIT;
	int created = -1;

	(void)state;
	with_state("", "{}");
	must(ramet_ckptmgr_get_or_create(m, raw("a"), &s, NULL, &why));
	assert_true(ramet_bytes_is(s.id, "a"));
	ramet_ckptmgr_session_release(&s);
	must(ramet_ckptmgr_get_or_create(m, raw("a"), NULL, &created, &why));
	assert_int_equal(created, 0);
	with_state("'a':5", "{}");
	refused(ramet_ckptmgr_get_or_create(m, raw("a"), &s, &created, &why), RAMET_EFORMAT);
	assert_int_equal(created, 0);
	assert_null(s.priv);
}

/* A session that is damaged is refused by each call, and stays as it is. */
static void calls__refuse_a_damaged_session(void **state)
{
	struct ramet_ckptmgr_list list = RAMET_CKPTMGR_LIST_INIT;
	const struct ramet_ckptmgr_file file = { raw("f"), raw("x") };
	struct ramet_bytes a = raw("a"), k = raw("k");
	char *before;

	(void)state;
	with_state("'a':{'ID':'a','Messages':7}", "{}");
	before = strdup(bytes_of(path).ptr);
	refused(ramet_ckptmgr_set_state(m, a, raw("[]"), 0, &why), RAMET_EFORMAT);
	refused(ramet_ckptmgr_snapshot(m, a, k, &why), RAMET_EFORMAT);
	refused(ramet_ckptmgr_rewind(m, a, k, &why), RAMET_EFORMAT);
	refused(ramet_ckptmgr_put_files(m, a, k, &file, 1, &why), RAMET_EFORMAT);
	refused(ramet_ckptmgr_get_files(m, a, k, NULL, NULL, &why), RAMET_EFORMAT);
	refused(ramet_ckptmgr_clone(m, a, raw("b"), 0, &why), RAMET_EFORMAT);
	refused(ramet_ckptmgr_list(m, &list, &why), RAMET_EFORMAT);
	assert_string_equal(bytes_of(path).ptr, before);
	free(before);
}

static void set_state__refuses_what_is_no_list_or_too_many_turns(void **state)
{
	(void)state;
	with_state(ONE("a", ""), "{}");
	refused(ramet_ckptmgr_set_state(m, raw("a"), raw("[]"), UINT64_MAX, &why), RAMET_EINVAL);
	refused(ramet_ckptmgr_set_state(m, raw("a"), raw("[1]"), UINT64_MAX, &why), RAMET_EINVAL);
	refused(ramet_ckptmgr_set_state(m, raw("a"), raw("{}"), 0, &why), RAMET_EINVAL);
	refused(ramet_ckptmgr_set_state(m, raw("a"), raw("[}"), 0, &why), RAMET_EJSON);
	must(ramet_ckptmgr_set_state(m, raw("a"), raw("[]"), 999999999999999999u, &why));
	assert_true(has("'UserTurns': 999999999999999999"));
}

static void snapshot__of_no_messages_is_an_empty_list(void **state)
{
	(void)state;
	with_state("'a':{'ID':'a'," AT("2") ",'Messages':null}", "{}");
	must(ramet_ckptmgr_snapshot(m, raw("a"), raw("k"), &why));
	assert_true(has("'k': []"));
	refused(ramet_ckptmgr_snapshot(m, raw("a"), raw(""), &why), RAMET_EINVAL);
	refused(ramet_ckptmgr_snapshot(m, raw("a"), raw("ramet.raw"), &why), RAMET_EINVAL);
	refused(ramet_ckptmgr_rewind(m, raw("a"), raw(""), &why), RAMET_EINVAL);
	refused(ramet_ckptmgr_rewind(m, raw("a"), raw("x"), &why), RAMET_ENOTFOUND);
	must(ramet_ckptmgr_rewind(m, raw("a"), raw("k"), &why));
	assert_true(has("'Messages': []"));
}

static void files__are_sorted_by_their_whole_path(void **state)
{
	const struct ramet_ckptmgr_file files[] = {
		{ raw("ab"), raw("1") }, { raw("a"), raw("2") },  { raw(""), raw("3") },
		{ raw("b"), raw("4") },	 { raw("ab"), raw("5") }, { raw("abc"), { NULL, 0 } },
	};

	(void)state;
	with_state(ONE("a", ""), "{}");
	must(ramet_ckptmgr_put_files(m, raw("a"), raw("k"), files, 6, &why));
	assert_true(has("'': '3',\n"));
	assert_true(strstr(bytes_of(path).ptr, "\"\": \"3\"") <
		    strstr(bytes_of(path).ptr, "\"a\": \"2\""));
	assert_true(strstr(bytes_of(path).ptr, "\"a\": \"2\"") <
		    strstr(bytes_of(path).ptr, "\"ab\": \"1\""));
	assert_true(strstr(bytes_of(path).ptr, "\"abc\": null") <
		    strstr(bytes_of(path).ptr, "\"b\": \"4\""));
	must(ramet_ckptmgr_put_files(m, raw("a"), raw("k"), NULL, 0, &why));
	assert_true(has("'k': {}"));
	refused(ramet_ckptmgr_put_files(m, raw("a"), raw(""), files, 1, &why), RAMET_EINVAL);
	refused(ramet_ckptmgr_put_files(m, raw("none"), raw("k"), files, 1, &why), RAMET_ENOTFOUND);
}

static int take_file(void *user, const struct ramet_ckptmgr_file *file)
{
	(void)file;
	++*(int *)user;
	return 0;
}

static void files__that_are_no_texts_are_refused(void **state)
{
	int n = 0;

	(void)state;
	with_state(ONE("a", ",'FileCheckpoints':{'k':{'x':'1','y':null,'z':3},'l':[]}"), "{}");
	refused(ramet_ckptmgr_get_files(m, raw("a"), raw("k"), take_file, &n, &why), RAMET_EFORMAT);
	assert_int_equal(n, 2);
	refused(ramet_ckptmgr_get_files(m, raw("a"), raw("l"), take_file, &n, &why),
		RAMET_ENOTFOUND);
	refused(ramet_ckptmgr_get_files(m, raw(NULL), raw("k"), take_file, &n, &why),
		RAMET_ENOTFOUND);
}

static void clone__names_what_is_there_and_copies_what_is_missing(void **state)
{
	(void)state;
	with_state("'a':{'ID':'a','Messages':null,'Checkpoints':null}," ONE(LONG, ""), "{}");
	refused(ramet_ckptmgr_clone(m, raw("a"), raw(LONG), 0, &why), RAMET_ECONFLICT);
	assert_non_null(strstr(why.text, "\"" LONG20 LONG20 LONG20 LONG20 "\""));
	refused(ramet_ckptmgr_clone(m, raw(""), raw("b"), 0, &why), RAMET_EINVAL);
	refused(ramet_ckptmgr_clone(m, raw("a"), raw(""), 0, &why), RAMET_EINVAL);
	must(ramet_ckptmgr_clone(m, raw("a"), raw(LONG), 1, &why));
	must(ramet_ckptmgr_clone(m, raw("a"), raw("b"), 0, &why));
	assert_true(has("'ID': 'b',\n"));
	refused(ramet_ckptmgr_remove(m, raw("x" LONG), &why), RAMET_ENOTFOUND);
	assert_string_equal(why.text,
			    "no session \"x" LONG20 LONG20 LONG20 "aaaaaaaaaaaaaaaaaaa\"");
}

static void fork_id__needs_a_counter_that_is_a_number(void **state)
{
	static const char *const bases[] = { "a", "b", "c", "d" };
	struct ramet_buf id = RAMET_BUF_INIT(1000);
	size_t i;

	(void)state;
	with_state(ONE("d#fork-3", "") "," ONE("d#fork-4", ""),
		   "{'a':null,'b':0,'c':0.0,'d':2,'x':'1','y':-1}");
	for (i = 0; i < 4; i++)
		if (i != 2)
			must(ramet_ckptmgr_new_fork_id(m, raw(bases[i]), &id, &why));
	assert_string_equal(id.ptr, "a#fork-1b#fork-1d#fork-5");
	refused(ramet_ckptmgr_new_fork_id(m, raw("x"), &id, &why), RAMET_EFORMAT);
	refused(ramet_ckptmgr_new_fork_id(m, raw("y"), &id, &why), RAMET_EFORMAT);
	ramet_buf_release(&id);
}

/* A number is only drawn when it can be told. */
static void fork_id__without_room_is_not_drawn(void **state)
{
	struct ramet_buf id = RAMET_BUF_INIT(4);

	(void)state;
	with_state("", "{'a':7}");
	refused(ramet_ckptmgr_new_fork_id(m, raw("a"), &id, &why), RAMET_ELIMIT);
	assert_true(has("{'a':7}"));
	ramet_buf_release(&id);
}

static void list__sorts_by_update_then_id(void **state)
{
	static const char *const order[] = { "z", "a", "ab", "b" };
	struct ramet_ckptmgr_list list = RAMET_CKPTMGR_LIST_INIT;
	uint32_t i;

	(void)state;
	/* of equal keys the last one is the session */
	with_state("'z':{}," ONE("b", "") "," ONE("ab", "") "," ONE("a", "") ",'z':{'ID':'z'," AT(
			   "9") "}",
		   "{}");
	must(ramet_ckptmgr_list(m, &list, &why));
	assert_int_equal(list.n, 4);
	for (i = 0; i < 4; i++)
		assert_true(ramet_bytes_is(list.items[i].id, order[i]));
	ramet_ckptmgr_list_release(&list);
	put(path, "{'sessions':null}");
	must(ramet_ckptmgr_list(m, &list, &why));
	assert_int_equal(list.n, 0);
	ramet_ckptmgr_list_release(&list);
}

/* ---- others, in the middle of a call ---- */

enum deed { WRITE_LONGER, WRITE_SAME_SIZE, TOUCH, KEEP_MTIME, REPLACE, REMOVE, SPOIL };
static enum deed deed;
static unsigned times_done;

static void do_it(void *user)
{
	struct timespec back[2];
	struct stat st;

	(void)user;
	times_done++;
	assert_int_equal(stat(path, &st), 0);
	if (deed == REMOVE) {
		assert_int_equal(unlink(path), 0);
	} else if (deed == REPLACE) {
		put(temp_path(dir, "new.json"), "{'sessions':{'theirs':{}}}");
		assert_int_equal(rename(temp_path(dir, "new.json"), path), 0);
	} else if (deed == WRITE_LONGER) {
		put(path, "{'sessions':{'theirs':{'ID':'theirs'}},'fork_counters':{},'more':1}");
	} else if (deed == TOUCH) {
		back[0] = back[1] = st.st_mtim;
		back[1].tv_sec -= 100;
		assert_int_equal(utimensat(AT_FDCWD, path, back, 0), 0);
	} else if (deed == SPOIL) {
		put(path, "{'sessions':{'half");
	} else {
		put(path, "{'sessions':{'theirs':{}},'fork_counters':{}}");
		back[0] = back[1] = st.st_mtim;
		if (deed == KEEP_MTIME)
			assert_int_equal(utimensat(AT_FDCWD, path, back, 0), 0);
	}
}

/* A manager keeps the table it was opened with: open it under that of the faults. */
static void start_faults(const struct faults *f)
{
	const struct faults none = { .kind = FAULT_ANY };

	ramet_ckptmgr_close(m);
	m = NULL;
	faults_start(&none);
	must(ramet_ckptmgr_open(&m, path, NULL, &why));
	faults_start(f);
}

/* Whatever others do to the file while it is changed, theirs and ours are both there. */
static void others__in_the_middle_lose_nothing(void **state)
{
	static const enum deed deeds[] = { WRITE_LONGER, WRITE_SAME_SIZE, TOUCH,
					   KEEP_MTIME,	 REPLACE,	  REMOVE };
	static const int kinds[] = { FAULT_FLOCK, FAULT_FSTAT, FAULT_PREAD, FAULT_STAT };
	struct faults f = { .meanwhile = do_it, .hasty = 1 };
	size_t d, k;

	(void)state;
	for (d = 0; d < sizeof(deeds) / sizeof(deeds[0]); d++)
		for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			for (f.n = 1; f.n < 4; f.n++) {
				with_state("'taller':{}", "{}");
				deed = deeds[d];
				f.kind = kinds[k];
				start_faults(&f);
				must(ramet_ckptmgr_set_state(m, raw("ours"), raw("[]"), 0, &why));
				if (faults_stop() && deed != REMOVE && deed != TOUCH)
					assert_true(has("theirs"));
				assert_true(has("'ours'"));
			}
}

static void others__that_never_rest_are_told(void **state)
{
	struct faults f = {
		.kind = FAULT_PREAD, .n = 1, .for_ever = 1, .meanwhile = do_it, .hasty = 1
	};

	(void)state;
	with_state("", "{}");
	deed = REPLACE;
	times_done = 0;
	start_faults(&f);
	refused(ramet_ckptmgr_set_state(m, raw("ours"), raw("[]"), 0, &why), RAMET_ECONFLICT);
	(void)faults_stop();
	assert_true(times_done >= 64);
	assert_file(path, "%s", dq("{'sessions':{'theirs':{}}}"));
	assert_string_equal(names_in(dir), "state.json");
}

/* Half a text may be one that is just being written; one that stays so is never written over. */
static void others__that_write_half_a_state_stop_the_change(void **state)
{
	struct faults f = { .kind = FAULT_PREAD, .n = 1, .meanwhile = do_it, .hasty = 1 };

	(void)state;
	with_state("", "{}");
	deed = SPOIL;
	start_faults(&f);
	refused(ramet_ckptmgr_set_state(m, raw("ours"), raw("[]"), 0, &why), RAMET_EFORMAT);
	(void)faults_stop();
	assert_file(path, "%s", dq("{'sessions':{'half"));
}

/* Somebody makes the file first. */
static void make_first(void *user)
{
	(void)user;
	if (exists(path))
		return;
	times_done++;
	put(path, "{'sessions':{'theirs':{}}}");
}

static void others__that_make_the_file_first_are_met(void **state)
{
	struct faults f = { .kind = FAULT_ANY, .meanwhile = make_first, .hasty = 1 };
	int reached;

	(void)state;
	for (f.n = 1, reached = 1; reached; f.n++) {
		(void)unlink(path);
		times_done = 0;
		faults_start(&f);
		must(ramet_ckptmgr_open(&m, path, NULL, &why));
		must(ramet_ckptmgr_set_state(m, raw("ours"), raw("[]"), 0, &why));
		reached = faults_stop();
		ramet_ckptmgr_close(m);
		m = NULL;
		assert_true(has("'ours'"));
		assert_int_equal(has("theirs"), (int)times_done);
	}
}

/* ---- as a home of sessions ---- */

static void home__knows_a_state_by_its_start(void **state)
{
	static const char *const yes[] = { "{\"sessions\":", " \n\t\r{ \r\n\t\"sessions\":",
					   "{\"fork_counters\":" };
	static const char *const no[] = { "",
					  " ",
					  "{",
					  "[",
					  "{ ",
					  "{\"s\"",
					  "x{\"sessions\":",
					  "{x\"sessions\":",
					  "{\"sessions\"" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(home->sniff(raw(yes[i])));
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(home->sniff(raw(no[i])));
	assert_false(home->sniff((struct ramet_bytes){ "\0{\"sessions\":", 13 }));
	assert_false(home->sniff((struct ramet_bytes){ "{\0\"sessions\":", 13 }));
}

static void home__finds_by_the_start_of_an_id(void **state)
{
	void *open = NULL;

	(void)state;
	with_state("'abc':{}," ONE("abc", "") "," ONE("x", ""), "{}");
	must(home->open(&open, path, raw("ab"), NULL, &why));
	home->close(open);
	refused(home->open(&open, path, raw("abcd"), NULL, &why), RAMET_ENOTFOUND);
	refused(home->open(&open, path, raw(NULL), NULL, &why), RAMET_EAMBIGUOUS);
	refused(home->open(&open, temp_path(dir, "none"), raw(NULL), NULL, &why), RAMET_ENOTFOUND);
	home->close(NULL);
}

#define TOLD(id) "{'content':'" id "','role':'user'}"
#define WITH(messages) "'a':{'ID':'a'," AT("2") ",'Messages':[" messages "]}"

/* What others make of a session that is open: grown is more, anything else a conflict. */
static void home__tells_growth_from_another_past(void **state)
{
	static const struct {
		const char *first, *then;
		int more, append; /* what they answer */
	} cases[] = {
		{ "", TOLD("1"), 1, RAMET_ECONFLICT },
		{ "", "", 0, 0 },
		{ TOLD("1"), TOLD("1"), 0, 0 },
		{ TOLD("1"), TOLD("1") "," TOLD("2"), 1, RAMET_ECONFLICT },
		{ TOLD("1"), "", RAMET_ECONFLICT, RAMET_ECONFLICT },
		{ TOLD("1"), TOLD("2"), RAMET_ECONFLICT, RAMET_ECONFLICT },
		{ TOLD("1") "," TOLD("2"), TOLD("1"), RAMET_ECONFLICT, RAMET_ECONFLICT },
	};
	struct ramet_buf text = RAMET_BUF_INIT(1 << 16);
	char sessions[1000];
	void *open = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int append;

		for (append = 0; append < 2; append++) {
			int r, want = append ? cases[i].append : cases[i].more;

			(void)snprintf(sessions, sizeof(sessions), WITH("%s"), cases[i].first);
			with_state(sessions, "{}");
			ramet_buf_reset(&text);
			must(home->open(&open, path, raw("a"), NULL, &why));
			must(home->load(open, &text, &why));
			(void)snprintf(sessions, sizeof(sessions), WITH("%s"), cases[i].then);
			with_state(sessions, "{}");
			r = append ? home->append(open, js(MESSAGE("x", "null", U("y"))), 1, 1,
						  &why)
				   : home->more(open, &text, &why);
			home->close(open);
			if (r != want)
				fail_msg("case %u, append %d: %d", (unsigned)i, append, r);
		}
	}
	ramet_buf_release(&text);
}

static int take_info(void *user, const struct ramet_session_info *info)
{
	struct ramet_buf *b = user;

	ramet_buf_addf(b, "%.*s %.*s %.*s %lld %lld\n", RAMET_FMT(info->id), RAMET_FMT(info->cwd),
		       RAMET_FMT(info->parent_session), (long long)info->modified_ms,
		       (long long)info->mtime_ms);
	return ramet_buf_status(b);
}

static void home__lists_what_sessions_carry(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(10000);

	(void)state;
	must(home->create(
		path,
		js("{'type':'session','version':3,'id':'n','timestamp':"
		   "'2026-03-01T10:00:00.000Z','cwd':'/w','parentSession':'/p.jsonl'}\n" MESSAGE(
			   "u", "null", U("x"))),
		0, &why));
	must(ramet_ckptmgr_open(&m, path, NULL, &why));
	must(home->each(path, 0, take_info, &b, &why));
	assert_non_null(strstr(b.ptr, "n /w /p.jsonl "));
	ramet_buf_reset(&b);
	/* one that is damaged is left out, one without times has none */
	with_state("'bad':4,'t':{'ID':'t'}", "{}");
	must(home->each(path, 0, take_info, &b, &why));
	assert_int_equal(strncmp(b.ptr, "t   ", 4), 0);
	assert_non_null(strstr(b.ptr, " 0\n"));
	ramet_buf_release(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(open__syncs_new_files_if_told),
		T(get_or_create__tells_only_what_is_asked),
		T(calls__refuse_a_damaged_session),
		T(set_state__refuses_what_is_no_list_or_too_many_turns),
		T(snapshot__of_no_messages_is_an_empty_list),
		T(files__are_sorted_by_their_whole_path),
		T(files__that_are_no_texts_are_refused),
		T(clone__names_what_is_there_and_copies_what_is_missing),
		T(fork_id__needs_a_counter_that_is_a_number),
		T(fork_id__without_room_is_not_drawn),
		T(list__sorts_by_update_then_id),
		T(others__in_the_middle_lose_nothing),
		T(others__that_never_rest_are_told),
		T(others__that_write_half_a_state_stop_the_change),
		T(others__that_make_the_file_first_are_met),
		T(home__knows_a_state_by_its_start),
		T(home__finds_by_the_start_of_an_id),
		T(home__tells_growth_from_another_past),
		T(home__lists_what_sessions_carry),
	};

	return cmocka_run_group_tests_name("ckptmgr_odd", tests, NULL, NULL);
}
