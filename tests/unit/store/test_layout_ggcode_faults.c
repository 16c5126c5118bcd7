/*
 * layout_ggcode*.c: every allocation and every system call of ggcode's own calls fails once. What
 * is asked is answered whole or not at all, and sessions and index are as they were or as they
 * should be.
 */
#include "faulty.h"
#include "scenes.h"
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/error.h"
#include "ramet/ggcode.h"
#include "store/layout.h"

#define IDA "20260822-140000-00000000000000aa"
#define IDB "20260822-140000-00000000000000bb"
#define TOKENS                                                                                     \
	"'token_usage':{'input_tokens':1,'output_tokens':2,'cache_read_tokens':0,"                 \
	"'cache_write_tokens':0}"
#define TIMES "'created_at':'2026-08-22T14:00:00Z','updated_at':'2026-08-22T14:00:00Z'"
#define META(id)                                                                                   \
	"{'type':'meta','session_id':'" id "','title':'T','preview':'p','workspace':'/w',"         \
	"'vendor':'v','endpoint':'e','model':'m','permission_mode':'auto'," TOKENS "," TIMES "}\n"
#define SAID(id, role, text)                                                                       \
	"{'type':'message','message':{'id':'" id "','role':'" role "','content':[{'type':'text',"  \
	"'text':'" text "'}]},'timestamp':'2026-08-22T14:00:01Z'}\n"
#define CALL                                                                                       \
	"{'type':'message','message':{'id':'c','role':'assistant','content':[{'type':'tool_use',"  \
	"'tool_id':'t','tool_name':'ls','input':{'a':'``'}},{'type':'tool_result','tool_id':'t',"  \
	"'output':'x.txt','is_error':true}]},'timestamp':'2026-08-22T14:00:02Z'}\n"
#define USAGE                                                                                      \
	"{'type':'usage','usage_entry':{'turn_index':2,'vendor':'v','endpoint':'e','usage':{"      \
	"'input_tokens':5,'output_tokens':6}}}\n"
#define METRIC "{'type':'metric','metric_event':{'turn_index':3,'vendor':'w'}}\n"
#define REST "{'type':'tunnel_event','tunnel_event':{}}\n{'type':'cost','cost':{'usd':1}}\nnoise\n"
#define TALK SAID("q", "user", "hello there") CALL SAID("a", "assistant", "Hello back")
#define LISTED                                                                                     \
	"[\n  {\n    'id': '" IDA "',\n    'title': 'old',\n    " TIMES_OF_LIST ",\n"              \
	"    'msg_count': 1,\n    'workspace': '/w'\n  },\n"                                       \
	"  {'id':'gone','title':'g','created_at':'2026-08-22T14:00:00Z','x':[1]}\n]"
#define TIMES_OF_LIST                                                                              \
	"'created_at': '2026-08-22T14:00:00Z',\n    'updated_at': '2026-08-22T14:00:00Z'"

static void have_sessions(void)
{
	scene_file(IDA ".jsonl", META(IDA) TALK USAGE METRIC USAGE REST);
	scene_file(IDB ".jsonl", SAID("q", "user", "hello again") SAID("q", "user", "told twice"));
	scene_file("index.json", LISTED);
}

static void have_no_index(void)
{
	have_sessions();
	assert_int_equal(unlink(scene_path("index.json")), 0);
}

static void have_links(void)
{
	assert_int_equal(symlink("b/../c", scene_path("a")), 0);
	temp_mkdir(scene_dir, "b");
	temp_mkdir(scene_dir, "c/d");
}

static struct ramet_bytes a_id(void)
{
	return ramet_bytes_of(IDA);
}

/* ---- what files say ---- */

static int read_info(struct ramet_error *err)
{
	struct ramet_ggcode_info f;
	uint32_t i;
	int r = ramet_ggcode_info_read(scene_path(IDA ".jsonl"), &f, err);

	if (r < 0)
		return r;
	scene_says("%.*s %.*s %.*s %.*s %.*s %.*s %.*s %.*s %.*s %.*s %.*s %.*s", RAMET_FMT(f.id),
		   RAMET_FMT(f.title), RAMET_FMT(f.preview), RAMET_FMT(f.workspace),
		   RAMET_FMT(f.vendor), RAMET_FMT(f.endpoint), RAMET_FMT(f.model),
		   RAMET_FMT(f.permission_mode), RAMET_FMT(f.created_at), RAMET_FMT(f.updated_at),
		   RAMET_FMT(f.cost), RAMET_FMT(f.first_text));
	scene_says(" %d %llu %llu %lld", f.user_interaction, (unsigned long long)f.message_count,
		   (unsigned long long)f.n_skipped, (long long)f.last_turn_index);
	for (i = 0; i < f.n_endpoints; i++)
		scene_says(" %.*s %lld %llu", RAMET_FMT(f.endpoints[i].key),
			   (long long)f.endpoints[i].usage.input,
			   (unsigned long long)f.endpoints[i].n_metrics);
	ramet_ggcode_info_release(&f);
	return r;
}

static int list_some(const char *workspace, struct ramet_error *err)
{
	struct ramet_ggcode_list list = RAMET_GGCODE_LIST_INIT;
	int r = ramet_ggcode_list(scene_dir, workspace, &list, err);
	uint32_t i;

	for (i = 0; i < list.n; i++)
		scene_says("%.*s %.*s %.*s %.*s %lld\n", RAMET_FMT(list.items[i].id),
			   RAMET_FMT(list.items[i].title), RAMET_FMT(list.items[i].workspace),
			   RAMET_FMT(list.items[i].created_at), (long long)list.items[i].msg_count);
	ramet_ggcode_list_release(&list);
	return r;
}

static int list_all(struct ramet_error *err)
{
	return list_some(NULL, err);
}

static int list_own(struct ramet_error *err)
{
	return list_some("/w", err);
}

static int search(struct ramet_error *err)
{
	struct ramet_ggcode_hits hits = RAMET_GGCODE_HITS_INIT;
	int r = ramet_ggcode_search(scene_dir, ramet_bytes_of("HELLO"), 0, &hits, err);
	uint32_t i;

	for (i = 0; i < hits.n; i++)
		scene_says("%.*s %.*s %.*s %.*s %.*s\n", RAMET_FMT(hits.items[i].session_id),
			   RAMET_FMT(hits.items[i].title), RAMET_FMT(hits.items[i].role),
			   RAMET_FMT(hits.items[i].snippet), RAMET_FMT(hits.items[i].timestamp));
	ramet_ggcode_hits_release(&hits);
	return r;
}

static int export_one(const char *id, struct ramet_error *err)
{
	const struct ramet_ggcode_markdown_opts opts = { .long_fences = 1 };
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	int r = ramet_ggcode_export_markdown(scene_path(id), &opts, &b, err);

	scene_says_bytes(ramet_buf_bytes(&b));
	ramet_buf_release(&b);
	return r;
}

static int export_a(struct ramet_error *err)
{
	return export_one(IDA ".jsonl", err);
}

/* No record says when: the last message does. */
static int export_b(struct ramet_error *err)
{
	return export_one(IDB ".jsonl", err);
}

static int workspace(struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	int r = ramet_ggcode_workspace(ramet_bytes_of(scene_path("a//./d/../d/")), &b, err);

	if (!r)
		scene_says("%d", b.len > 4 && !strcmp(b.ptr + b.len - 4, "/c/d"));
	ramet_buf_release(&b);
	return r;
}

static int workspace_here(struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	int r = ramet_ggcode_workspace(raw(NULL), &b, err);

	scene_says_bytes(ramet_buf_bytes(&b));
	ramet_buf_release(&b);
	return r;
}

static int names(struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	int r = ramet_ggcode_dir(&b, err);

	if (!r)
		r = ramet_ggcode_path(scene_dir, a_id(), &b, err);
	if (!r)
		r = ramet_ggcode_new_id(&b, err);
	ramet_buf_release(&b);
	return r;
}

/* ---- changes ---- */

static int delete_a(struct ramet_error *err)
{
	return ramet_ggcode_delete(scene_dir, a_id(), err);
}

static int delete_gone(struct ramet_error *err)
{
	return ramet_ggcode_delete(scene_dir, ramet_bytes_of("gone"), err);
}

/* What became of each: a failure there is told of it alone. */
static int say_item(void *user, const struct ramet_ggcode_item *item, int result)
{
	struct ramet_error *err = user;

	scene_says("%.*s %s\n", RAMET_FMT(item->id), ramet_code_name(result));
	if (result < 0)
		(void)rameti_fail(err, result, "told");
	return 0;
}

static int clean(int dry, struct ramet_error *err)
{
	int r = ramet_ggcode_cleanup(scene_dir, 4000000000000, dry, say_item, err, err);

	if (r < 0 || r == 2)
		return r;
	return err->code ? err->code : rameti_fail(err, RAMET_EIO, "one was passed over");
}

static int clean_up(struct ramet_error *err)
{
	return clean(0, err);
}

static int clean_up_dry(struct ramet_error *err)
{
	return clean(1, err);
}

static int take_lock(struct ramet_error *err)
{
	struct ramet_ggcode_lock *lock = NULL, *second = NULL;
	int64_t holder = 0;
	int held = 0, r = ramet_ggcode_lock_take(&lock, scene_dir, a_id(), NULL, err);

	if (!r)
		r = held = ramet_ggcode_lock_ask(scene_dir, a_id(), &holder, err);
	if (r == 1) {
		r = ramet_ggcode_lock_take(&second, scene_dir, a_id(), NULL, err);
		if (r == RAMET_ECONFLICT)
			r = 0;
	}
	ramet_ggcode_lock_release(lock);
	ramet_ggcode_lock_release(second);
	return r;
}

static int ensure(struct ramet_error *err)
{
	const struct ramet_ggcode_fields f = { .title = ramet_bytes_of("t <1>"),
					       .workspace = ramet_bytes_of("/w") };

	return ramet_ggcode_ensure_meta(scene_dir, ramet_bytes_of("new"), &f, err);
}

static int with_session(int (*fn)(struct ramet_session *s, struct ramet_error *err),
			struct ramet_error *err)
{
	struct ramet_open_opts opts = { .no_cache = 1, .format = "ggcode", .threads = 1 };
	struct ramet_session *s = NULL;
	int r = ramet_session_open(&s, scene_path(IDA ".jsonl"), &opts, err);

	if (!r)
		r = fn(s, err);
	ramet_session_close(s);
	return r;
}

static int save_in(struct ramet_session *s, struct ramet_error *err)
{
	const struct ramet_ggcode_fields f = { .title = ramet_bytes_of("new"),
					       .cost = ramet_bytes_of("{\"usd\":2}") };

	return ramet_ggcode_save(s, &f, err);
}

static int save(struct ramet_error *err)
{
	return with_session(save_in, err);
}

static int checkpoint_in(struct ramet_session *s, struct ramet_error *err)
{
	return ramet_ggcode_append_checkpoint(s, ramet_bytes_of("sum"), ramet_bytes_of("q"), 9,
					      err);
}

static int checkpoint(struct ramet_error *err)
{
	return with_session(checkpoint_in, err);
}

static int event_in(struct ramet_session *s, struct ramet_error *err)
{
	return ramet_ggcode_append_tunnel_event(s, ramet_bytes_of("{\"type\":\"x\"}"), err);
}

static int event(struct ramet_error *err)
{
	return with_session(event_in, err);
}

static int say_in(struct ramet_session *s, struct ramet_error *err)
{
	return ramet_session_append_message(
		s, ramet_bytes_of("{\"role\":\"user\",\"content\":\"more\"}"), NULL, err);
}

static int say(struct ramet_error *err)
{
	return with_session(say_in, err);
}

static int drop_a(struct ramet_error *err)
{
	return rameti_layout_ggcode.removed(NULL, scene_path(IDA ".jsonl"), err);
}

static int new_path(struct ramet_error *err)
{
	const struct rameti_draft_header h = { .id = ramet_bytes_of("new") };
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	int r = rameti_layout_ggcode.new_path(scene_dir, &h, &b, err);

	ramet_buf_release(&b);
	return r;
}

/* ---- all of them ---- */

static const struct scene asking[] = {
	{ "info", have_sessions, read_info, 0, 0, 0 },
	{ "list", have_sessions, list_all, 0, 0, 1 },
	{ "list without an index", have_no_index, list_all, 0, 0, 1 },
	{ "list of a workspace", have_sessions, list_own, 0, 0, 1 },
	{ "search", have_sessions, search, 0, 0, 1 },
	{ "export", have_sessions, export_a, 0, 0, 0 },
	{ "export without times", have_sessions, export_b, 0, 0, 0 },
	{ "workspace", have_links, workspace, 0, 0, 1 },
	{ "workspace of the process", NULL, workspace_here, 0, 0, 1 },
	{ "names", have_sessions, names, 0, 0, 0 },
	{ "a new path", NULL, new_path, 0, 0, 0 },
	{ "the lock", have_sessions, take_lock, 0, 0, 0 },
	{ "cleanup, dry", have_sessions, clean_up_dry, 2, 0, 1 },
};

static const struct scene changing[] = {
	{ "delete", have_sessions, delete_a, 0, 1, 0 },
	{ "delete what is gone", have_sessions, delete_gone, 0, 0, 0 },
	{ "cleanup", have_sessions, clean_up, 2, 1, 1 },
	{ "ensure meta", have_sessions, ensure, 1, 0, 0 },
	{ "save", have_sessions, save, 1, 1, 0 },
	{ "checkpoint", have_sessions, checkpoint, 0, 0, 0 },
	{ "event", have_sessions, event, 0, 0, 0 },
	{ "append", have_sessions, say, 0, 0, 0 },
	{ "append without an index", have_no_index, say, 0, 0, 0 },
	{ "take out of the index", have_sessions, drop_a, 0, 0, 0 },
};
#define N(scenes) (sizeof(scenes) / sizeof((scenes)[0]))

static void asking__answers_whole_or_not_at_all(void **state)
{
	(void)state;
	scenes_without_memory(asking, N(asking));
}

static void asking__survives_failing_calls(void **state)
{
	static const int errors[] = { EIO, ENOENT };

	(void)state;
	scenes_without_calls(asking, N(asking), errors, 2);
}

static void changing__without_memory_changes_nothing(void **state)
{
	(void)state;
	scenes_without_memory(changing, N(changing));
}

static void changing__survives_failing_calls(void **state)
{
	static const int errors[] = { EIO, ENOENT };

	(void)state;
	scenes_without_calls(changing, N(changing), errors, 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(asking__answers_whole_or_not_at_all),
		T(asking__survives_failing_calls),
		T(changing__without_memory_changes_nothing),
		T(changing__survives_failing_calls),
	};

	(void)setenv("HOME", "/nonexistent", 1);
	(void)setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests_name("layout_ggcode_faults", tests, NULL, NULL);
}
