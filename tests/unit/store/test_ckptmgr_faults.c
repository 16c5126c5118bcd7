/*
 * ckptmgr.c, ckptmgr_file.c, ckptmgr_list.c, home_ckptmgr.c: every allocation and every system call
 * fails once. The state file is then what it was, or what it should be, and nothing in between.
 */
#include "faulty.h"
#include "scenes.h"
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "ramet/ckptmgr.h"
#include "store/home.h"

#define TIMES "'CreatedAt':'2026-04-10T12:00:02.474134Z','UpdatedAt':'2026-04-10T12:00:07.5Z'"
#define TALK "[{'content':'be brief','role':'system'},{'content':'hello','role':'user'}]"
#define STATE                                                                                      \
	"{'sessions':{'abc':{'ID':'abc'," TIMES ",'Messages':" TALK ",'UserTurns':1,"              \
	"'Checkpoints':{'k':[{'content':'be brief','role':'system'}]},"                            \
	"'FileCheckpoints':{'k':{'a.txt':'one','b.txt':null}},'Extra':{'a':1.50}},"                \
	"'abd':{'ID':'abd'," TIMES ",'Messages':null,'UserTurns':0},"                              \
	"'other':{'ID':'other','CreatedAt':'2026-04-10T12:00:02Z','Messages':[]}},"                \
	"'fork_counters':{'abc':1}}"

static const struct rameti_home *home = &rameti_home_ckptmgr;

static void have_state(void)
{
	scene_file("state.json", STATE);
}

static void have_link(void)
{
	scene_file("far/state.json", STATE);
	assert_int_equal(symlink("far/state.json", scene_path("state.json")), 0);
}

/* ---- the manager's calls ---- */

static struct ramet_bytes id_of(const char *text)
{
	return ramet_bytes_of(text);
}

static int with_manager(int (*fn)(struct ramet_ckptmgr *m, struct ramet_error *err),
			struct ramet_error *err)
{
	struct ramet_ckptmgr *m = NULL;
	int r = ramet_ckptmgr_open(&m, scene_path("state.json"), NULL, err);

	if (!r)
		r = fn(m, err);
	ramet_ckptmgr_close(m);
	return r;
}

#define MANAGED(name, ...)                                                                         \
	static int name##_in(struct ramet_ckptmgr *m, struct ramet_error *err)                     \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}                                                                                          \
	static int name(struct ramet_error *err)                                                   \
	{                                                                                          \
		return with_manager(name##_in, err);                                               \
	}

static void say_session(const struct ramet_ckptmgr_session *s)
{
	scene_says("%.*s %lld %lld %llu\n", RAMET_FMT(s->id), (long long)s->created_ns,
		   (long long)s->updated_ns, (unsigned long long)s->user_turns);
	scene_says_bytes(s->messages);
	scene_says_bytes(s->checkpoints);
	scene_says_bytes(s->file_checkpoints);
	scene_says_bytes(s->json);
}

static int say_file(void *user, const struct ramet_ckptmgr_file *file)
{
	(void)user;
	scene_says_bytes(file->path);
	scene_says_bytes(file->content);
	return 0;
}

MANAGED(get_state, struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	int r = ramet_ckptmgr_state(m, &b, err); scene_says_bytes(ramet_buf_bytes(&b));
	ramet_buf_release(&b); return r;)

MANAGED(get_one, struct ramet_ckptmgr_session s = RAMET_CKPTMGR_SESSION_INIT;
	int r = ramet_ckptmgr_get(m, id_of("abc"), &s, err); say_session(&s);
	ramet_ckptmgr_session_release(&s); return r;)

static int list_in(struct ramet_ckptmgr *m, struct ramet_error *err)
{
	struct ramet_ckptmgr_list list = RAMET_CKPTMGR_LIST_INIT;
	int r = ramet_ckptmgr_list(m, &list, err);
	uint32_t i;

	for (i = 0; i < list.n; i++)
		say_session(&list.items[i]);
	ramet_ckptmgr_list_release(&list);
	return r;
}

static int list_all(struct ramet_error *err)
{
	return with_manager(list_in, err);
}

static int make_in(struct ramet_ckptmgr *m, struct ramet_error *err)
{
	struct ramet_ckptmgr_session s = RAMET_CKPTMGR_SESSION_INIT;
	int created = -1, r = ramet_ckptmgr_get_or_create(m, id_of("new"), &s, &created, err);

	if (!r)
		scene_says("%d %.*s", created, RAMET_FMT(s.messages));
	ramet_ckptmgr_session_release(&s);
	return r;
}

static int make_one(struct ramet_error *err)
{
	return with_manager(make_in, err);
}

MANAGED(set_one, return ramet_ckptmgr_set_state(m, id_of("abc"),
						ramet_bytes_of("[{\"a\":[1,{\"b\":2}]}]"), 3, err);)
MANAGED(set_new, return ramet_ckptmgr_set_state(m, id_of("new"), ramet_bytes_of("[]"), 0, err);)
MANAGED(remove_one, return ramet_ckptmgr_remove(m, id_of("abd"), err);)
MANAGED(snapshot, return ramet_ckptmgr_snapshot(m, id_of("abc"), id_of("k2"), err);)
MANAGED(rewind_one, return ramet_ckptmgr_rewind(m, id_of("abc"), id_of("k"), err);)
MANAGED(get_files,
	return ramet_ckptmgr_get_files(m, id_of("abc"), id_of("k"), say_file, NULL, err);)
MANAGED(clone_one, return ramet_ckptmgr_clone(m, id_of("abc"), id_of("copy"), 0, err);)
MANAGED(miss_one, return ramet_ckptmgr_remove(m, id_of("none"), err);)

static int put_files_in(struct ramet_ckptmgr *m, struct ramet_error *err)
{
	const struct ramet_ckptmgr_file files[3] = { { id_of("b"), id_of("two") },
						     { id_of("a"), { NULL, 0 } },
						     { id_of("ab"), id_of("") } };

	return ramet_ckptmgr_put_files(m, id_of("abc"), id_of("k3"), files, 3, err);
}

static int put_files(struct ramet_error *err)
{
	return with_manager(put_files_in, err);
}

static int fork_id_in(struct ramet_ckptmgr *m, struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(1000);
	int r = ramet_ckptmgr_new_fork_id(m, id_of("abc"), &b, err);

	scene_says_bytes(ramet_buf_bytes(&b));
	ramet_buf_release(&b);
	return r;
}

static int fork_id(struct ramet_error *err)
{
	return with_manager(fork_id_in, err);
}

/* ---- the same file as a home of sessions ---- */

static int load_it(struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(1 << 16);
	void *state = NULL;
	int r = home->open(&state, scene_path("state.json"), id_of("abc"), NULL, err);

	if (!r)
		r = home->load(state, &text, err);
	if (!r)
		scene_says_bytes(ramet_buf_bytes(&text));
	home->close(state);
	ramet_buf_release(&text);
	return r;
}

static int load_by_start(struct ramet_error *err)
{
	void *state = NULL;
	int r = home->open(&state, scene_path("state.json"), id_of("oth"), NULL, err);

	home->close(state);
	return r;
}

#define USER_LINE                                                                                  \
	"{\"type\":\"message\",\"id\":\"x1\",\"parentId\":null,"                                   \
	"\"timestamp\":\"2026-04-10T12:00:02.474Z\",\"message\":{\"role\":\"user\","               \
	"\"content\":\"more\"}}\n"
#define NAME_LINE                                                                                  \
	"{\"type\":\"session_info\",\"id\":\"x2\",\"parentId\":\"x1\","                            \
	"\"timestamp\":\"2026-04-10T12:00:02.474Z\",\"name\":\"n\"}\n"

static int append_to_it(struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(1 << 16);
	void *state = NULL;
	int r = home->open(&state, scene_path("state.json"), id_of("abc"), NULL, err);

	if (!r)
		r = home->load(state, &text, err);
	if (!r)
		r = home->append(state, ramet_bytes_of(USER_LINE NAME_LINE), 2, 1, err);
	if (!r)
		r = home->more(state, &text, err);
	home->close(state);
	ramet_buf_release(&text);
	return r;
}

/* Two handles on one session: the second reads what the first appended. */
static int follow_it(struct ramet_error *err)
{
	struct ramet_buf a = RAMET_BUF_INIT(1 << 16), b = RAMET_BUF_INIT(1 << 16);
	void *first = NULL, *second = NULL;
	int r = home->open(&first, scene_path("state.json"), id_of("abc"), NULL, err);

	if (!r)
		r = home->open(&second, scene_path("state.json"), id_of("abc"), NULL, err);
	if (!r)
		r = home->load(first, &a, err);
	if (!r)
		r = home->load(second, &b, err);
	if (!r)
		r = home->append(first, ramet_bytes_of(USER_LINE), 1, 0, err);
	if (!r)
		r = home->more(second, &b, err);
	if (r > 0) {
		scene_says("%d", memmem(b.ptr, b.len, "more", 4) != NULL);
		r = home->append(first, ramet_bytes_of(NAME_LINE), 1, 1, err);
	}
	home->close(first);
	home->close(second);
	ramet_buf_release(&a);
	ramet_buf_release(&b);
	return r;
}

/* An open session, to which others append meanwhile. */
static int session_follows(struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(1 << 16);
	struct ramet_session *s = NULL;
	char url[TEMP_PATH + 20];
	void *other = NULL;
	int r;

	(void)snprintf(url, sizeof(url), "ckptmgr:%s#abc", scene_path("state.json"));
	r = ramet_session_open(&s, url, NULL, err);
	if (!r)
		r = home->open(&other, scene_path("state.json"), id_of("abc"), NULL, err);
	if (!r)
		r = home->load(other, &text, err);
	if (!r)
		r = home->append(other, ramet_bytes_of(USER_LINE), 1, 0, err);
	home->close(other);
	ramet_buf_release(&text);
	if (!r)
		r = ramet_session_refresh(s, err);
	if (r >= 0)
		r = ramet_session_append_name(s, ramet_bytes_of("n"), NULL, err);
	if (!r)
		r = ramet_session_write(s, err);
	if (!r)
		r = ramet_session_sync(s, err);
	if (!r)
		scene_says("%u", ramet_tree_count(ramet_session_tree(s)));
	ramet_session_close(s);
	return r;
}

static int create_there(struct ramet_error *err)
{
	return home->create(scene_path("state.json"),
			    ramet_bytes_of("{\"type\":\"session\",\"version\":3,\"id\":\"made\","
					   "\"timestamp\":\"2026-03-01T10:00:00.000Z\","
					   "\"cwd\":\"/w\"}\n" USER_LINE NAME_LINE),
			    1, err);
}

static int say_info(void *user, const struct ramet_session_info *info)
{
	(void)user;
	scene_says("%.*s %llu %.*s\n", RAMET_FMT(info->id), (unsigned long long)info->message_count,
		   RAMET_FMT(info->first_message));
	return 0;
}

static int each_of_it(struct ramet_error *err)
{
	return home->each(scene_path("state.json"), 1, say_info, NULL, err);
}

static int remove_there(struct ramet_error *err)
{
	return home->remove(scene_path("state.json"), id_of("abd"), err);
}

static const struct scene scenes[] = {
	{ "state", have_state, get_state, 0, 0, 0 },
	{ "get", have_state, get_one, 0, 0, 0 },
	{ "list", have_state, list_all, 0, 0, 0 },
	{ "list of nothing", NULL, list_all, 0, 0, 0 },
	{ "get or create", have_state, make_one, 0, 1, 0 },
	{ "get or create a file", NULL, make_one, 0, 1, 0 },
	{ "set", have_state, set_one, 0, 0, 0 },
	{ "set behind a link", have_link, set_one, 0, 0, 0 },
	{ "set a new one", have_state, set_new, 0, 0, 0 },
	{ "remove", have_state, remove_one, 0, 0, 0 },
	{ "remove what is not there", have_state, miss_one, RAMET_ENOTFOUND, 0, 0 },
	{ "snapshot", have_state, snapshot, 0, 0, 0 },
	{ "rewind", have_state, rewind_one, 0, 0, 0 },
	{ "get files", have_state, get_files, 0, 0, 0 },
	{ "put files", have_state, put_files, 0, 0, 0 },
	{ "clone", have_state, clone_one, 0, 0, 0 },
	{ "fork id", have_state, fork_id, 0, 0, 0 },
	{ "fork id of nothing", NULL, fork_id, 0, 0, 0 },
	{ "load", have_state, load_it, 0, 0, 0 },
	{ "load by its start", have_state, load_by_start, 0, 0, 0 },
	{ "append", have_state, append_to_it, 0, 1, 0 },
	{ "follow", have_state, follow_it, 0, 1, 0 },
	{ "a session", have_state, session_follows, 0, 1, 0 },
	{ "create", have_state, create_there, 0, 0, 0 },
	{ "create a file", NULL, create_there, 0, 1, 0 },
	{ "each", have_state, each_of_it, 0, 0, 0 },
	{ "remove a session", have_state, remove_there, 0, 0, 0 },
};
#define N_SCENES (sizeof(scenes) / sizeof(scenes[0]))

static void memory__that_is_short_changes_nothing(void **state)
{
	(void)state;
	scenes_without_memory(scenes, N_SCENES);
}

static void calls__that_fail_change_nothing(void **state)
{
	static const int errors[] = { EIO, ENOENT };

	(void)state;
	scenes_without_calls(scenes, N_SCENES, errors, 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(memory__that_is_short_changes_nothing),
		T(calls__that_fail_change_nothing),
	};

	return cmocka_run_group_tests_name("ckptmgr_faults", tests, NULL, NULL);
}
