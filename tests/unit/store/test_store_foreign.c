/*
 * other.c, store.c, home.c, create.c, session.c, layout_yoi.c: places with sessions of other
 * systems and of databases: what is listed, found and made there while memory or the system fails.
 */
#include "faulty.h"
#include "scenes.h"
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "ramet.h"
#include "ramet/ckptmgr.h"
#include "ramet/yoi.h"

#define S1 "01a01180-11e8-7201-80c0-ffee00000001"
#define S2 "01a01180-11e8-7201-80c0-ffee00000002"
#define GG "20260822-140000-00000000000000aa"
#define GGCODE                                                                                     \
	"{'type':'meta','session_id':'" GG "','title':'T','workspace':'/w','token_usage':"         \
	"{'input_tokens':0,'output_tokens':0,'cache_read_tokens':0,'cache_write_tokens':0},"       \
	"'created_at':'2026-08-22T14:00:00Z','updated_at':'2026-08-22T14:00:00Z'}\n"               \
	"{'type':'message','message':{'id':'q','role':'user','content':[{'type':'text','text':"    \
	"'hello'}]},'timestamp':'2026-08-22T14:00:01Z'}\n"
#define STATE                                                                                      \
	"{'sessions':{'abc':{'ID':'abc','CreatedAt':'2026-04-10T12:00:02Z','Messages':["           \
	"{'content':'hi','role':'user'}]},'abd':{'ID':'abd','Messages':null}}}"
#define PI_LINES                                                                                   \
	"{'type':'session','version':3,'id':'5b0f6c1e-0000-4000-8000-0000000000aa','timestamp':"   \
	"'2026-03-01T10:00:00.000Z','cwd':'/w','parentSession':'/p'}\n" MESSAGE("u", "null",       \
										U("hello"))

static const char *home_dir(void)
{
	return getenv("HOME");
}

static void have_nothing(void)
{
	static const char *const vars[] = { "YOI_DATA_DIR",	  "YOI_HOME",
					    "INSOMNIA_DATA_DIR",  "INSOMNIA_HOME",
					    "XDG_DATA_HOME",	  "XDG_CONFIG_HOME",
					    "PI_CODING_AGENT_DIR" };
	size_t i;

	for (i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		(void)unsetenv(vars[i]);
	(void)setenv("HOME", scene_dir, 1);
}

static void write_yoi(int generation, const char *id)
{
	struct ramet_yoi_opts o = { .generation = generation, .session_id = id, .segment_id = id };
	struct ramet_yoi_start start = { .system_prompt = raw("P") };
	struct ramet_yoi_log *log;

	must(ramet_yoi_create(&log, scene_path(".local/share/yoi/sessions"), &start, &o, &why));
	must(ramet_yoi_save_input(log,
				  generation == RAMET_YOI_G1
					  ? raw("hello")
					  : js("[{'kind':'text','content':'hello'}]"),
				  raw(NULL), &why));
	ramet_yoi_close(log);
}

static void write_sqlite(void)
{
	struct ramet_create_opts opts = { .dir = scene_path("db.sqlite"),
					  .format = "sqlite",
					  .id = "d1" };
	struct ramet_session *s = NULL;

	must(ramet_session_create(&s, "/w", &opts, &why));
	must(ramet_session_append_message(s, js(U("in a database")), NULL, &why));
	must(ramet_session_append_message(s, js(A("yes")), NULL, &why));
	ramet_session_close(s);
}

static void have_state(void)
{
	have_nothing();
	scene_file("state.json", STATE);
}

/* What a list says of its session takes more room than texts are kept in at once. */
static void have_large_state(void)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);
	int i;

	have_nothing();
	ramet_buf_add_str(&b, "{\"sessions\":{\"abc\":{\"ID\":\"abc\","
			      "\"Messages\":[{\"content\":\"");
	for (i = 0; i < 20000; i++)
		ramet_buf_add_str(&b, "large");
	ramet_buf_add_str(&b, "\",\"role\":\"user\"}]}}}");
	put_bytes(scene_path("state.json"), ramet_buf_bytes(&b));
	ramet_buf_release(&b);
}

/* Sessions of four systems in their own places, and a list of two more. */
static void have_all(void)
{
	char text[3 * TEMP_PATH];

	have_nothing();
	scene_file(".pi/agent/sessions/--w--/a.jsonl", PI_LINES);
	scene_file(".ggcode/sessions/" GG ".jsonl", GGCODE);
	write_yoi(RAMET_YOI_G1, S1);
	write_yoi(RAMET_YOI_G2, S2);
	scene_file("state.json", STATE);
	write_sqlite();
	(void)snprintf(text, sizeof(text),
		       "# more\n\nckptmgr:%s/state.json\n%s/.ggcode/sessions\n/no/such/place\n",
		       scene_dir, scene_dir);
	temp_file(scene_dir, ".config/ramet/stores", text, strlen(text), 1780000000, 0);
}

/* Those alone that no header tells of. */
static void have_few(void)
{
	have_nothing();
	scene_file(".ggcode/sessions/" GG ".jsonl", GGCODE);
	write_yoi(RAMET_YOI_G2, S2);
}

/* ---- what is done ---- */

static struct ramet_store_opts store_opts = { .cwd = "/w" };

static int with_store(const char *url, int (*fn)(struct ramet_store *st, struct ramet_error *err),
		      struct ramet_error *err)
{
	struct ramet_store *st = NULL;
	char text[2 * TEMP_PATH];
	int r;

	if (url)
		(void)snprintf(text, sizeof(text), url, scene_dir);
	r = ramet_store_open(&st, url ? text : NULL, &store_opts, err);
	if (!r)
		r = fn(st, err);
	ramet_store_close(st);
	return r;
}

static int list_in(struct ramet_store *st, const char *cwd, int with_text, struct ramet_error *err)
{
	const struct ramet_list_opts opts = { .cwd = cwd, .with_text = with_text, .threads = 1 };
	struct ramet_list list = RAMET_LIST_INIT;
	int r = ramet_store_list(st, &opts, &list, err);
	size_t i;

	for (i = 0; i < list.n; i++)
		scene_says("%s %.*s %.*s %.*s %.*s %.*s %llu\n", list.items[i].format,
			   RAMET_FMT(list.items[i].id), RAMET_FMT(list.items[i].cwd),
			   RAMET_FMT(list.items[i].name), RAMET_FMT(list.items[i].first_message),
			   RAMET_FMT(list.items[i].all_text),
			   (unsigned long long)list.items[i].message_count);
	ramet_list_release(&list);
	return r;
}

static int list_plain(struct ramet_store *st, struct ramet_error *err)
{
	return list_in(st, NULL, 0, err);
}

static int list_texts(struct ramet_store *st, struct ramet_error *err)
{
	return list_in(st, NULL, 1, err);
}

static int list_own(struct ramet_store *st, struct ramet_error *err)
{
	return list_in(st, "/w", 0, err);
}

static int say_path(void *user, const char *path)
{
	(void)user;
	scene_says("%s\n", strncmp(path, home_dir(), strlen(home_dir()))
				   ? "elsewhere"
				   : path + strlen(home_dir()));
	return 0;
}

static int files_in(struct ramet_store *st, struct ramet_error *err)
{
	return ramet_store_files(st, say_path, NULL, err);
}

static int find_it(struct ramet_store *st, const char *id, struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	int r = ramet_store_find(st, ramet_bytes_of(id), &b, err);

	if (!r)
		scene_says("%zu", b.len);
	ramet_buf_release(&b);
	return r;
}

static int find_ggcode(struct ramet_store *st, struct ramet_error *err)
{
	return find_it(st, "20260822", err);
}

static int find_yoi(struct ramet_store *st, struct ramet_error *err)
{
	return find_it(st, S2, err);
}

static int recent_in(struct ramet_store *st, struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	int r = ramet_store_recent(st, "/w", &b, err);

	ramet_buf_release(&b);
	return r;
}

#define ON_STORE(name, url, fn)                                                                    \
	static int name(struct ramet_error *err)                                                   \
	{                                                                                          \
		return with_store(url, fn, err);                                                   \
	}

ON_STORE(all_list, NULL, list_plain)
ON_STORE(all_texts, NULL, list_texts)
ON_STORE(all_own, NULL, list_own)
ON_STORE(all_files, NULL, files_in)
ON_STORE(all_find_ggcode, NULL, find_ggcode)
ON_STORE(all_find_yoi, NULL, find_yoi)
ON_STORE(all_recent, NULL, recent_in)
ON_STORE(yoi_list, "yoi", list_plain)
ON_STORE(yoi_find, "yoi", find_yoi)
ON_STORE(ggcode_own, "ggcode", list_own)
ON_STORE(state_list, "ckptmgr:%s/state.json", list_plain)
ON_STORE(state_texts, "ckptmgr:%s/state.json", list_texts)
ON_STORE(state_files, "ckptmgr:%s/state.json", files_in)
ON_STORE(state_own, "ckptmgr:%s/state.json", list_own)
ON_STORE(db_list, "sqlite:%s/db.sqlite", list_plain)
ON_STORE(db_texts, "sqlite:%s/db.sqlite", list_texts)
ON_STORE(db_own, "sqlite:%s/db.sqlite", list_own)

/* What a list says of one file. */
static int info_of(const char *format, struct ramet_error *err)
{
	struct ramet_list list = RAMET_LIST_INIT;
	char path[2 * TEMP_PATH];
	int r;

	(void)snprintf(path, sizeof(path), format, scene_dir);
	r = ramet_session_info_read(path, 0, &list, err);
	if (r == 0 && list.n)
		scene_says("%.*s %llu", RAMET_FMT(list.items[0].id),
			   (unsigned long long)list.items[0].message_count);
	ramet_list_release(&list);
	return r;
}

static int info_of_ggcode(struct ramet_error *err)
{
	return info_of("%s/.ggcode/sessions/" GG ".jsonl", err);
}

static int info_of_state(struct ramet_error *err)
{
	return info_of("ckptmgr:%s/state.json#abc", err);
}

static int info_of_db(struct ramet_error *err)
{
	return info_of("sqlite:%s/db.sqlite", err);
}

/* ---- sessions made there ---- */

static int make(const char *format, const char *dir, int without_id, struct ramet_error *err)
{
	struct ramet_create_opts opts = { .format = format };
	struct ramet_session *s = NULL;
	char path[2 * TEMP_PATH];
	int r;

	(void)without_id;
	if (dir)
		(void)snprintf(path, sizeof(path), "%s/%s", scene_dir, dir);
	opts.dir = dir ? path : NULL;
	r = ramet_session_create(&s, "/w", &opts, err);
	if (!r)
		r = ramet_session_append_message(s,
						 ramet_bytes_of("{\"role\":\"user\","
								"\"content\":\"x\"}"),
						 NULL, err);
	if (!r)
		r = ramet_session_append_message(
			s, ramet_bytes_of("{\"role\":\"assistant\",\"content\":[]}"), NULL, err);
	ramet_session_close(s);
	return r;
}

static int make_yoi(struct ramet_error *err)
{
	return make("yoi", NULL, 1, err);
}

static int make_yoi_there(struct ramet_error *err)
{
	return make("yoi", "some/where", 1, err);
}

static int make_ggcode(struct ramet_error *err)
{
	return make("ggcode", NULL, 1, err);
}

static int make_in_state(struct ramet_error *err)
{
	return make("ckptmgr", "state.json", 1, err);
}

/* One after the other: a database is no scene of these, its own library opens it. */
static const struct scene asking[] = {
	{ "all places", have_all, all_list, 0, 0, 2 },
	{ "all texts", have_few, all_texts, 0, 0, 2 },
	{ "all of a directory", have_few, all_own, 0, 0, 2 },
	{ "all files", have_all, all_files, 0, 0, 2 },
	{ "no place is there", have_nothing, all_files, 0, 0, 1 },
	{ "find ggcode's", have_few, all_find_ggcode, 0, 0, 2 },
	{ "find yoi's", have_few, all_find_yoi, 0, 0, 2 },
	{ "the most recent", have_all, all_recent, 0, 0, 2 },
	{ "yoi's list", have_few, yoi_list, 0, 0, 2 },
	{ "yoi's find", have_few, yoi_find, 0, 0, 2 },
	{ "ggcode's of a directory", have_few, ggcode_own, 0, 0, 1 },
	{ "a state's list", have_state, state_list, 0, 0, 1 },
	{ "a state's texts", have_state, state_texts, 0, 0, 1 },
	{ "a state's of a directory", have_state, state_own, 0, 0, 1 },
	{ "one of ggcode", have_few, info_of_ggcode, 0, 0, 1 },
	{ "a large state's files", have_large_state, state_files, 0, 0, 1 },
	{ "one of a state", have_state, info_of_state, 0, 0, 1 },
};

static const struct scene databases[] = {
	{ "a database's list", have_all, db_list, 0, 0, 1 },
	{ "a database's texts", have_all, db_texts, 0, 0, 1 },
	{ "a database's of a directory", have_all, db_own, 0, 0, 1 },
	{ "one of a database", have_all, info_of_db, 0, 0, 1 },
};

static const struct scene making[] = {
	{ "a new one of yoi", have_nothing, make_yoi, 0, 1, 0 },
	{ "a new one of yoi elsewhere", have_nothing, make_yoi_there, 0, 1, 0 },
	{ "a new one of ggcode", have_nothing, make_ggcode, 0, 1, 0 },
	{ "a new one in a state", have_state, make_in_state, 0, 1, 0 },
};
#define N(scenes) (sizeof(scenes) / sizeof((scenes)[0]))

static void asking__answers_whole_or_not_at_all(void **state)
{
	(void)state;
	scenes_without_memory(asking, N(asking));
	scenes_without_memory(databases, N(databases));
}

static void asking__survives_failing_calls(void **state)
{
	static const int errors[] = { EIO }, gone[] = { ENOENT };

	(void)state;
	scenes_without_calls(asking, N(asking), errors, 1);
	scenes_without_calls(asking + 3, 3, gone, 1);
}

static void making__survives_what_fails(void **state)
{
	static const int errors[] = { EIO };

	(void)state;
	scenes_without_memory(making, N(making));
	scenes_without_calls(making, N(making), errors, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(asking__answers_whole_or_not_at_all),
		T(asking__survives_failing_calls),
		T(making__survives_what_fails),
	};

	return cmocka_run_group_tests_name("store_foreign", tests, NULL, NULL);
}
