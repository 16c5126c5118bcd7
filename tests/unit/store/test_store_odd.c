/*
 * store.c, other.c, home.c, layout_yoi.c: places that are odd, named in odd ways, or half there.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "store/home.h"
#include "store/layout.h"

#define U1 "01a01180-11e8-7201-80c0-ffee00000001"
#define U2 "01A01180-11E8-7201-80C0-FFEE00000002"
#define BARE "01a0118011e8720180c0ffee00000003"
#define YOI "{'ts':1,'kind':'segment_start','session_id':'" U1 "','config':{}}\n"

static char *dir;

static const char *const vars[] = { "YOI_DATA_DIR",  "YOI_HOME",	   "INSOMNIA_DATA_DIR",
				    "INSOMNIA_HOME", "XDG_DATA_HOME",	   "XDG_CONFIG_HOME",
				    "HOME",	     "PI_CODING_AGENT_DIR" };

static void forget_places(void)
{
	size_t i;

	for (i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		(void)unsetenv(vars[i]);
}

static int begin(void **state)
{
	(void)state;
	dir = temp_dir_new();
	forget_places();
	(void)setenv("HOME", dir, 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	(void)faults_stop();
	temp_dir_remove(dir);
	return 0;
}

static const char *at(const char *name)
{
	return temp_path(dir, name);
}

static void write_at(const char *name, const char *text)
{
	const char *plain = dq(text);

	temp_file(dir, name, plain, strlen(plain), 1780000000, 0);
}

static struct ramet_store *opened_store(const char *url)
{
	const struct ramet_store_opts opts = { .cwd = "/w" };
	struct ramet_store *st = NULL;

	must(ramet_store_open(&st, url, &opts, &why));
	return st;
}

/* The ids in a place, joined by a blank, in the order of the list. */
static const char *ids_in(const char *url)
{
	const struct ramet_list_opts opts = { .threads = 1 };
	static char text[2000];
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_store *st = opened_store(url);
	size_t i, len = 0;

	must(ramet_store_list(st, &opts, &list, &why));
	text[0] = '\0';
	for (i = 0; i < list.n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s", i ? " " : "",
					RAMET_FMT(list.items[i].id));
	ramet_list_release(&list);
	ramet_store_close(st);
	return text;
}

/* ---- yoi's names and places ---- */

static void yoi__names_are_uuids(void **state)
{
	static const struct {
		const char *name;
		int file, place;
	} cases[] = {
		{ U1, 0, 1 },
		{ U1 ".jsonl", 1, 0 },
		{ U2, 0, 1 },
		{ BARE, 0, 1 },
		{ BARE ".jsonl", 1, 0 },
		{ "session", 0, 1 },
		{ "segments", 0, 1 },
		{ "sessions", 0, 0 },
		{ ".jsonl", 0, 0 },
		{ "x", 0, 0 },
		{ "", 0, 0 },
		{ "a.jsonl", 0, 0 },
		{ BARE "4.jsonl", 0, 0 },
		{ U1 ".json", 0, 0 },
		{ "01a01180-11e8-7201-80c0_ffee00000001", 0, 0 },
		{ "01a01180-11e8-7201-80c0-ffee0000000g", 0, 0 },
		{ U1 ".trace.jsonl", 0, 0 },
	};
	const struct rameti_layout *l = &rameti_layout_yoi;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(l->is_name(cases[i].name), cases[i].file);
		assert_int_equal(l->is_dir_name(cases[i].name), cases[i].place);
	}
	assert_true(l->id_valid(raw(U1)));
	assert_true(l->id_valid(raw(U2)));
	assert_false(l->id_valid(raw(BARE)));
	assert_false(l->id_valid(raw("01a01180-11e8-7201-80c0-ffee0000000x")));
	assert_false(
		l->id_valid((struct ramet_bytes){ "01a01180-11e8-7201-80c0-ffee0000000", 36 }));
}

static void root_is(const char *want)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);

	if (want) {
		must(rameti_layout_yoi.root(&b, &why));
		assert_string_equal(b.ptr, want);
	} else {
		refused(rameti_layout_yoi.root(&b, &why), RAMET_ENOTFOUND);
	}
	ramet_buf_release(&b);
}

/* The first variable that is set; of a home directory, what is there; else where it would be. */
static void yoi__root_is_the_first_that_is_set(void **state)
{
	(void)state;
	root_is(at(".local/share/yoi/sessions"));
	temp_mkdir(dir, ".insomnia/sessions");
	root_is(at(".insomnia/sessions"));
	temp_mkdir(dir, ".local/share/yoi/sessions");
	root_is(at(".local/share/yoi/sessions"));
	(void)setenv("XDG_DATA_HOME", at("xdg"), 1);
	root_is(at(".local/share/yoi/sessions"));
	write_at("xdg/yoi/sessions", "no directory");
	root_is(at(".local/share/yoi/sessions"));
	assert_int_equal(unlink(at("xdg/yoi/sessions")), 0);
	temp_mkdir(dir, "xdg/yoi/sessions");
	root_is(at("xdg/yoi/sessions"));
	(void)setenv("INSOMNIA_HOME", "/i", 1);
	root_is("/i/sessions");
	(void)setenv("INSOMNIA_DATA_DIR", "/j", 1);
	root_is("/j/sessions");
	(void)setenv("YOI_HOME", "/y", 1);
	root_is("/y/sessions");
	(void)setenv("YOI_DATA_DIR", "/d", 1);
	root_is("/d/sessions");
	(void)setenv("YOI_DATA_DIR", "", 1);
	root_is("/y/sessions");
	forget_places();
	root_is(NULL);
}

static void yoi__makes_no_session_in_a_workers_directory(void **state)
{
	const struct rameti_draft_header h = { .id = raw(U1) };
	struct ramet_buf b = RAMET_BUF_INIT(4096), small = RAMET_BUF_INIT(3);

	(void)state;
	must(rameti_layout_yoi.new_path(at("sessions"), &h, &b, &why));
	assert_string_equal(b.ptr, at("sessions/" U1 "/" U1 ".jsonl"));
	assert_true(rameti_layout_yoi.new_path(at("sessions"), &h, &small, &why) < 0);
	write_at("worker/session/session.json", "{}");
	refused(rameti_layout_yoi.new_path(at("worker"), &h, &b, &why), RAMET_ECONFLICT);
	assert_string_equal(names_in(at("worker")), "session");
	/* a place that cannot hold anything */
	assert_true(rameti_layout_yoi.new_path(at("worker/session/session.json"), &h, &b, &why) <
		    0);
	ramet_buf_release(&b);
	ramet_buf_release(&small);
}

static void yoi__directory_of_a_session_goes_when_it_is_empty(void **state)
{
	(void)state;
	temp_mkdir(dir, U1);
	temp_mkdir(dir, "plain");
	write_at(U2 "/" U2 ".jsonl", YOI);
	rameti_layout_yoi.vacated(NULL, at(U1 "/" U1 ".jsonl"));
	rameti_layout_yoi.vacated(NULL, at("plain/" U1 ".jsonl"));
	rameti_layout_yoi.vacated(NULL, at(U2 "/" U1 ".jsonl"));
	rameti_layout_yoi.vacated(NULL, U1 ".jsonl");
	assert_string_equal(names_in(dir), U2 " plain");
}

/* Sessions of all generations, and of workers; nothing else in the place is looked at. */
static void yoi__lists_sessions_of_every_generation(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	struct ramet_store *st;

	(void)state;
	(void)setenv("YOI_DATA_DIR", dir, 1);
	assert_string_equal(ids_in("yoi"), "");
	write_at("sessions/" U1 ".jsonl", YOI);
	write_at("sessions/" U2 "/" U2 ".jsonl", YOI);
	write_at("sessions/other/" U1 ".jsonl", YOI);
	write_at("sessions/" U1 ".trace.jsonl", YOI);
	write_at("sessions/" U2 "/empty.jsonl", "");
	write_at("sessions/" U2 "/.jsonl", YOI);
	assert_non_null(strstr(ids_in("yoi"), U1));
	assert_non_null(strstr(ids_in("yoi"), U2));
	st = opened_store("yoi");
	must(ramet_store_find(st, raw(U2), &b, &why));
	assert_string_equal(b.ptr, at("sessions/" U2 "/" U2 ".jsonl"));
	/* the header alone does not say where: the records are looked at */
	refused(ramet_store_find_exact(st, raw("none"), "/elsewhere", &b, &why), RAMET_ENOTFOUND);
	ramet_store_close(st);
	ramet_buf_release(&b);
}

static int become_other;

/* The file is emptied, or one of pi's takes its name. */
static void become(void *user)
{
	(void)user;
	if (become_other) {
		write_at("new", HEAD);
		assert_int_equal(rename(at("new"), at("sessions/" U1 ".jsonl")), 0);
	} else {
		assert_int_equal(truncate(at("sessions/" U1 ".jsonl"), 0), 0);
	}
}

static void find__takes_a_file_as_it_is_when_it_is_read(void **state)
{
	struct faults f = { .kind = FAULT_PREAD, .meanwhile = become };
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	struct ramet_store *st;

	(void)state;
	(void)setenv("YOI_DATA_DIR", dir, 1);
	write_at("sessions/" U2 ".jsonl", YOI);
	st = opened_store("yoi");
	for (become_other = 0; become_other < 2; become_other++)
		for (f.n = 1; f.n < 9; f.n++) {
			write_at("sessions/" U1 ".jsonl", YOI);
			ramet_buf_reset(&b);
			faults_start(&f);
			must(ramet_store_find(st, raw(U2), &b, &why));
			(void)faults_stop();
			assert_string_equal(b.ptr, at("sessions/" U2 ".jsonl"));
			write_at("sessions/" U1 ".jsonl", YOI);
			faults_start(&f);
			(void)ramet_store_find_exact(st, raw(U1), "/w", &b, &why);
			(void)faults_stop();
		}
	ramet_store_close(st);
	ramet_buf_release(&b);
}

/* ---- places ---- */

static void store__of_a_home_needs_a_file(void **state)
{
	struct ramet_store *st = NULL;
	char url[TEMP_PATH + 20];

	(void)state;
	(void)snprintf(url, sizeof(url), "ckptmgr:%s", dir);
	refused(ramet_store_open(&st, url, NULL, &why), RAMET_EFORMAT);
	(void)snprintf(url, sizeof(url), "ckptmgr:%s/none", dir);
	refused(ramet_store_open(&st, url, NULL, &why), RAMET_ENOTFOUND);
	/* a database of one session is no place */
	write_at("x.sqlite", "");
	refused(ramet_store_open(&st, at("x.sqlite"), NULL, &why), RAMET_EFORMAT);
	assert_string_equal(ids_in("pirust"), "");
}

static void store__reads_the_list_of_places(void **state)
{
	char text[2 * TEMP_PATH];
	size_t i;
	static const struct {
		const char *var, *value, *file;
		int found;
	} cases[] = {
		{ "XDG_CONFIG_HOME", "/config", "config/ramet/stores", 1 },
		{ "XDG_CONFIG_HOME", "relative", ".config/ramet/stores", 1 },
		{ "XDG_CONFIG_HOME", NULL, ".config/ramet/stores", 1 },
		{ "HOME", "", ".config/ramet/stores", 0 },
		{ "HOME", NULL, ".config/ramet/stores", 0 },
	};

	(void)state;
	temp_session(dir, "mine/a.jsonl", "mine", "/w", NULL, 3);
	(void)snprintf(text, sizeof(text), "# mine\n\n%s/mine\n%s/mine\n%s/none\n", dir, dir, dir);
	temp_file(dir, "config/ramet/stores", text, strlen(text), 1, 0);
	temp_file(dir, ".config/ramet/stores", text, strlen(text), 1, 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)setenv("HOME", dir, 1);
		(void)setenv("PI_CODING_AGENT_DIR", at("agent"), 1);
		if (!cases[i].value)
			(void)unsetenv(cases[i].var);
		else if (*cases[i].value == '/')
			(void)setenv(cases[i].var, at(cases[i].value + 1), 1);
		else
			(void)setenv(cases[i].var, cases[i].value, 1);
		assert_string_equal(ids_in(NULL), cases[i].found ? "mine" : "");
	}
}

static int stop_at_two(void *user, const char *path)
{
	(void)path;
	return ++*(int *)user == 2 ? 7 : 0;
}

static void files__stop_when_told_and_tell_what_is_unread(void **state)
{
	struct faults f = { .kind = FAULT_OPENDIR, .sys = EACCES, .n = 1 };
	struct ramet_store *st;
	int n = 0;

	(void)state;
	temp_session(dir, ".pi/agent/sessions/--a--/1.jsonl", "1", "/a", NULL, 3);
	temp_session(dir, ".pi/agent/sessions/--a--/2.jsonl", "2", "/a", NULL, 3);
	temp_session(dir, ".pi/agent/sessions/--b--/3.jsonl", "3", "/b", NULL, 3);
	temp_session(dir, ".pi/agent/sessions/--b--/4.trace.jsonl", "4", "/b", NULL, 3);
	st = opened_store("pi");
	assert_int_equal(ramet_store_files(st, stop_at_two, &n, &why), 7);
	assert_int_equal(n, 2);
	/* a directory of it that cannot be read: the rest is told first */
	for (f.n = 1; f.n < 3; f.n++) {
		n = 10;
		faults_start(&f);
		refused(ramet_store_files(st, stop_at_two, &n, &why), RAMET_EIO);
		assert_int_equal(faults_stop(), 1);
		assert_int_equal(why.sys, EACCES);
		assert_int_equal(n, f.n == 1 ? 10 : 11);
		n = 10;
		faults_start(&f);
		assert_int_equal(ramet_store_files(st, stop_at_two, &n, NULL), RAMET_EIO);
		(void)faults_stop();
	}
	n = 0;
	f.n = 2;
	faults_start(&f);
	n = 1;
	assert_int_equal(ramet_store_files(st, stop_at_two, &n, &why), 7);
	(void)faults_stop();
	ramet_store_close(st);
}

static void info__of_a_home_without_a_session_says_so(void **state)
{
	struct ramet_list one = RAMET_LIST_INIT;
	char url[TEMP_PATH + 20];

	(void)state;
	write_at("state.json", "{'sessions':{}}");
	(void)snprintf(url, sizeof(url), "ckptmgr:%s/state.json", dir);
	refused(ramet_session_info_read(url, 0, &one, &why), RAMET_EFORMAT);
	write_at("state.json", "{'sessions':{'a':{'ID':'a'},'b':{'ID':'b'}}}");
	must(ramet_session_info_read(url, 0, &one, &why));
	assert_int_equal(one.n, 1);
	ramet_list_release(&one);
}

/* A database in a directory of pi's: what a list for a working directory shows of it. */
static void list__has_databases_in_pis_directories(void **state)
{
	static const char *const cwds[] = { "/w", "/elsewhere" };
	struct ramet_list_opts opts = { .threads = 1 };
	struct ramet_create_opts create = { .format = "pirust" };
	struct ramet_session *s = NULL;
	struct ramet_store *st;
	int i, with_text;

	(void)state;
	temp_mkdir(dir, ".pi/agent/sessions/--w--");
	create.dir = at(".pi/agent/sessions/--w--/d.sqlite");
	must(ramet_session_create(&s, "/w", &create, &why));
	must(ramet_session_append_message(s, js(U("x")), NULL, &why));
	ramet_session_close(s);
	st = opened_store("pi");
	for (with_text = 0; with_text < 2; with_text++)
		for (i = 0; i < 2; i++) {
			struct ramet_list list = RAMET_LIST_INIT;

			opts.cwd = cwds[i];
			opts.with_text = with_text;
			must(ramet_store_list(st, &opts, &list, &why));
			assert_int_equal(list.n, i == 0);
			ramet_list_release(&list);
		}
	ramet_store_close(st);
}

static void home__of_a_path_takes_the_mark_behind_a_file(void **state)
{
	struct rameti_home_path where;
	char url[TEMP_PATH + 40];

	(void)state;
	write_at("a#b", "{}");
	(void)snprintf(url, sizeof(url), "ckptmgr:%s/a#b#c", dir);
	assert_int_equal(rameti_home_path(url, &where), 1);
	assert_true(ramet_bytes_is(where.id, "c"));
	(void)snprintf(url, sizeof(url), "ckptmgr:%s/a#b#c#d", dir);
	assert_int_equal(rameti_home_path(url, &where), 1);
	assert_true(ramet_bytes_is(where.id, "c#d"));
	(void)snprintf(url, sizeof(url), "ckptmgr:%s/none#b#c", dir);
	assert_int_equal(rameti_home_path(url, &where), 1);
	assert_true(ramet_bytes_is(where.id, "c"));
	assert_int_equal(rameti_home_path("ckptmgr:#c", &where), 1);
	assert_int_equal(where.file.len, 0);
	assert_int_equal(rameti_home_path("ckptmgr:x", &where), 1);
	assert_null(where.id.ptr);
	assert_int_equal(rameti_home_path("x.sqlite", &where), 1);
	assert_int_equal(rameti_home_path(".sqlite", &where), 0);
	assert_int_equal(rameti_home_path("x.jsonl", &where), 0);
	assert_null(rameti_home_at(99));
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(yoi__names_are_uuids),
		T(yoi__root_is_the_first_that_is_set),
		T(yoi__makes_no_session_in_a_workers_directory),
		T(yoi__directory_of_a_session_goes_when_it_is_empty),
		T(yoi__lists_sessions_of_every_generation),
		T(find__takes_a_file_as_it_is_when_it_is_read),
		T(store__of_a_home_needs_a_file),
		T(store__reads_the_list_of_places),
		T(files__stop_when_told_and_tell_what_is_unread),
		T(info__of_a_home_without_a_session_says_so),
		T(list__has_databases_in_pis_directories),
		T(home__of_a_path_takes_the_mark_behind_a_file),
	};

	return cmocka_run_group_tests_name("store_odd", tests, NULL, NULL);
}
