/*
 * alloc_stage.c - what the calls work on: sessions in files, odd ones, old ones, new ones, and one
 * in memory; a store over them; and a directory of its own for each try.
 */
#include "alloc.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../unit/store/temp_dir.h"
#include "base/env.h"
#include "whole.h"

#define BUF_MAX ((size_t)1 << 24)

/* In these ' stands for ". */
#define HEAD(version, id)                                                                          \
	"{'type':'session'" version ",'id':'" id "','timestamp':'2026-03-01T10:00:00.000Z',"       \
	"'cwd':'/w'}\n"
#define LINE(type, id, parent, more)                                                               \
	"{'type':'" type "','id':'" id "','parentId':" parent                                      \
	",'timestamp':'2026-03-01T10:00:01.000Z'," more "}\n"
#define TALK                                                                                       \
	LINE("message", "a0", "null",                                                              \
	     "'message':{'role':'system','content':'x','sections':{'b':'B','a':'A'},'toolsAdded':" \
	     "["                                                                                   \
	     "{'name':'bash','description':'d'}]}")                                                \
	LINE("message", "a1", "'a0'", "'message':{'role':'user','content':'one \\u00e4'}")         \
	LINE("message", "a2", "'a1'",                                                              \
	     "'message':{'role':'assistant','provider':'p','model':'m','content':["                \
	     "{'type':'text','text':'two'},{'type':'toolCall','id':'t1','name':'bash',"            \
	     "'arguments':{'command':'ls'}}],'usage':{'input':5,'output':7,'cacheRead':1,"         \
	     "'cacheWrite':0,'totalTokens':13,'cost':{'total':0.25}},'stopReason':'toolUse'}")     \
	LINE("message", "a3", "'a2'",                                                              \
	     "'message':{'role':'toolResult','toolCallId':'t1','toolName':'bash','content':["      \
	     "{'type':'text','text':'three'}],'isError':false}")                                   \
	LINE("model_change", "a4", "'a3'", "'provider':'p','modelId':'m'")                         \
	LINE("thinking_level_change", "a5", "'a4'", "'thinkingLevel':'high'")                      \
	LINE("custom", "a6", "'a5'", "'customType':'c','data':{'x':1}")                            \
	LINE("custom_message", "a7", "'a6'", "'customType':'c','content':'seven','display':true")  \
	LINE("label", "a8", "'a7'", "'targetId':'a1','label':'start'")                             \
	LINE("session_info", "a9", "'a8'", "'name':'  named  '")                                   \
	LINE("message", "b1", "'a2'", "'message':{'role':'user','content':'a branch'}")            \
	LINE("compaction", "c1", "'a9'",                                                           \
	     "'summary':'so far','firstKeptEntryId':'a3','tokensBefore':10")                       \
	LINE("message", "c2", "'c1'", "'message':{'role':'user','content':'go on'}")               \
	LINE("context_edit", "c3", "'c2'", "'targetId':'c2','replacement':{'content':'went on'}")  \
	LINE("message", "c4", "'c3'",                                                              \
	     "'message':{'role':'assistant','content':[{'type':'text','text':'done'}]}")
#define ODD                                                                                        \
	LINE("message", "a1", "'gone'", "'message':{'role':'user','content':'one'}")               \
	LINE("message", "a1", "'l1'", "'message':{'role':'user','content':'again'}")               \
	"no entry\n" LINE("message", "l1", "'a1'", "'message':{'role':'user','content':'loop'}")   \
		LINE("label", "l2", "'l1'", "'targetId':'nowhere','label':'x'") "{'type':'mess"

static void must(int ok, const char *what)
{
	if (!ok) {
		(void)fprintf(stderr, "cannot make the stage: %s\n", what);
		exit(2);
	}
}

static void put(const char *dir, const char *name, char path[STAGE_PATH], const char *text)
{
	static char quoted[1 << 14];
	char *p;

	(void)snprintf(quoted, sizeof(quoted), "%s", text);
	for (p = quoted; (p = strchr(p, '\'')) != NULL; p++)
		*p = '"';
	(void)snprintf(path, STAGE_PATH, "%s/%s", dir, name);
	temp_file(dir, name, quoted, strlen(quoted), 1000000, 0);
}

static void make_dir(struct stage *st)
{
	static const char *const places[] = { "/dev/shm", "/tmp" };
	int i, made = 0;

	for (i = 0; i < 2 && !made; i++) {
		(void)snprintf(st->dir, sizeof(st->dir), "%s/ramet-alloc-XXXXXX", places[i]);
		made = mkdtemp(st->dir) != NULL;
	}
	must(made, "directory");
	(void)setenv("HOME", st->dir, 1);
	(void)setenv("PI_CODING_AGENT_DIR", st->dir, 1);
	(void)setenv("XDG_CACHE_HOME", temp_path(st->dir, "cache"), 1);
	(void)setenv("XDG_DATA_HOME", temp_path(st->dir, "data"), 1);
}

static void make_files(struct stage *st)
{
	char ignored[STAGE_PATH];

	put(st->dir, "sessions/--w--/s.jsonl", st->path, HEAD(",'version':3", "s1") TALK);
	put(st->dir, "odd.jsonl", st->odd_path, HEAD(",'version':3", "odd") ODD);
	put(st->dir, "old.jsonl", st->old_path,
	    HEAD("", "old") "{'type':'message','timestamp':'2026-03-01T10:00:01.000Z','message':"
			    "{'role':'user','content':'old'}}\n");
	put(st->dir, "sessions/--w--/t.jsonl", ignored, HEAD(",'version':3", "t1"));
	(void)snprintf(st->new_path, sizeof(st->new_path), "%s/new", st->dir);
	(void)snprintf(st->key_path, sizeof(st->key_path), "%s/key.pem", st->dir);
	(void)snprintf(st->pub_path, sizeof(st->pub_path), "%s/key.pem.pub", st->dir);
	(void)snprintf(st->new_key, sizeof(st->new_key), "%s/new.pem", st->dir);
}

static void make_values(struct stage *st)
{
	static const char json[] = "{\"a\":[1,2,{\"b\":\"x\\ny\"}],\"c\":\"\xc3\xa4\",\"d\":1e3}";
	const struct ramet_create_opts in_memory = { .id = "mem" };
	const struct ramet_create_opts later = { .id = "later", .dir = st->new_path };
	const struct ramet_bytes nothing = { NULL, 0 };

	must(!ramet_session_create_memory(&st->mem, "/w", nothing, &in_memory, ERR), "memory");
	must(!ramet_session_append_message(st->mem, TEXT("{\"role\":\"user\",\"content\":\"x\"}"),
					   NULL, ERR),
	     "message in memory");
	must(!ramet_session_create(&st->fresh, "/w", &later, ERR), "new session");
	st->tree = ramet_session_tree(st->s);
	must(!ramet_context_new(&st->context, st->tree, ramet_session_leaf(st->s), ERR), "context");
	must(!ramet_store_open(&st->store, "pi", NULL, ERR), "store");
	must(!ramet_store_list(st->store, NULL, &st->list, ERR), "list");
	must(!ramet_session_check(st->odd, &st->found, ERR), "findings");
	must(!ramet_json_parse(&st->doc, TEXT(json), 0, ERR), "json");
}

/* A session of which nobody knows whether its last entry is stored. */
static int fails_to_sync(void *user, int fd)
{
	(void)user;
	(void)fd;
	errno = EIO;
	return -1;
}

static void make_doubt(struct stage *st)
{
	const struct rameti_env *now = rameti_env_default();
	struct rameti_env env = *now;
	struct ramet_error why;

	env.fdatasync = fails_to_sync;
	must(!ramet_session_append_leaf(st->doubtful, NULL, ERR), "append");
	rameti_env_use(&env);
	must(ramet_session_sync(st->doubtful, &why) == RAMET_EUNKNOWN, "doubt");
	rameti_env_use(now);
}

static void make_watch(struct stage *st)
{
	char path[STAGE_PATH];
	struct ramet_session *s = NULL;
	FILE *f;

	put(st->dir, "grows.jsonl", path, HEAD(",'version':3", "grows") TALK);
	must(!ramet_session_open(&s, path, NULL, ERR), st->err.text);
	must(!ramet_watch_open(&st->watch, s, NULL, ERR), st->err.text);
	f = fopen(path, "ab");
	must(f && fputs("{\"type\":\"custom\",\"id\":\"z1\",\"parentId\":\"a1\"}\n", f) >= 0 &&
		     !fclose(f),
	     path);
}

static void make_queue(struct stage *st)
{
	const struct ramet_autosave_opts opts = { .hold_ms = 1u << 30 };

	must(!ramet_autosave_new(&st->queue, &opts, ERR), "queue");
	must(!ramet_autosave_add(st->queue, st->s, TEXT("{\"role\":\"user\",\"content\":\"x\"}"),
				 NULL, ERR),
	     "add");
}

static void make_verdicts(struct stage *st)
{
	const struct ramet_repair_opts dry = { .dry_run = 1, .salvage = 1 };

	must(!ramet_verify(st->odd_path, NULL, &st->verdict, ERR), "verdict");
	must(!ramet_repair(st->odd_path, &dry, &st->plan, ERR), "plan");
}

static void make_plans(struct stage *st)
{
	const struct ramet_compact_opts little = { .keep_tokens = 1 };
	uint32_t leaf = ramet_session_leaf(st->s);

	must(!ramet_compact_plan(st->s, leaf, &little, &st->compact, ERR), "compaction");
	must(st->compact.first_kept != RAMET_NONE, "something to compact");
	must(!ramet_branch_summary_plan(st->s, leaf, 2, NULL, &st->leave, ERR), "summary");
	must(st->leave.n_messages > 0, "something to leave");
}

/* Large enough to have an index. */
static void make_large(struct stage *st)
{
	static char text[512u << 10];
	size_t len = 0;
	unsigned i;

	len += (size_t)snprintf(
		text, sizeof(text),
		"{\"type\":\"session\",\"version\":3,\"id\":\"large\",\"timestamp\":"
		"\"2026-03-01T10:00:00.000Z\",\"cwd\":\"/w\"}\n");
	for (i = 0; i < 100; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"{\"type\":\"custom\",\"id\":\"i%u\",\"parentId\":null,"
					"\"customType\":\"c\",\"data\":\"%04000u\"}\n",
					i, i);
	(void)snprintf(st->large_path, sizeof(st->large_path), "%s/large", st->dir);
	temp_file(st->dir, "large", text, len, 1000000, 0);
	must(ramet_index_rebuild(st->large_path, ERR) == 1, "index");
}

static void put_hashed(struct stage *st)
{
	static const char records[] =
		"{\"kind\":\"session_start\",\"ts\":1,\"system_prompt\":null,"
		"\"config\":" STAGE_CONFIG ",\"history\":[]}\n"
		"{\"kind\":\"turn_end\",\"ts\":2,\"turn_count\":1}\n";
	struct ramet_buf text = RAMET_BUF_INIT(BUF_MAX);

	must(!ramet_yoi_build_chain(TEXT(records), &text, ERR), st->err.text);
	(void)snprintf(st->hashed_path, STAGE_PATH, "%s/yoi/h.jsonl", st->dir);
	temp_file(st->dir, "yoi/h.jsonl", text.ptr, text.len, 1000000, 0);
	ramet_buf_release(&text);
}

/* Sessions of the other systems, two of them open. */
static void make_systems(struct stage *st)
{
	const struct ramet_open_opts opts = { .level = RAMET_LEVEL_NONE, .lock_ms = 50 };
	const struct ramet_yoi_opts yoi = { .level = RAMET_LEVEL_NONE, .lock_ms = 50 };

	put(st->dir, "gg/20260901-101500-00a1b2c3d4e5f607.jsonl", st->gg_path,
	    "{'type':'meta','session_id':'20260901-101500-00a1b2c3d4e5f607','title':'Sort',"
	    "'workspace':'/w','created_at':'2026-09-01T10:15:00Z',"
	    "'updated_at':'2026-09-01T10:15:00Z','timestamp':'0001-01-01T00:00:00Z'}\n"
	    "{'type':'message','message':{'id':'m1','role':'user','content':[{'type':'text',"
	    "'text':'Sort the list'}]},'timestamp':'2026-09-01T10:15:04.5Z'}\n");
	put(st->dir, "yoi/" STAGE_SEGMENT "/" STAGE_SEGMENT ".jsonl", st->yoi_path,
	    "{'kind':'segment_start','ts':1,'session_id':'" STAGE_SEGMENT
	    "','system_prompt':null,'config':{'max_tokens':null,'temperature':null,'top_p':null,"
	    "'top_k':null,'stop_sequences':[],'reasoning':null},'history':[]}\n"
	    "{'kind':'user_input','ts':2,'segments':[{'kind':'text','content':'x'}]}\n");
	put(st->dir, "yoi/" STAGE_SEGMENT "/" STAGE_SEGMENT ".trace.jsonl", st->trace_path, "");
	put_hashed(st);
	put(st->dir, "pr/x.jsonl", st->pr_path,
	    HEAD(",'version':3", STAGE_SEGMENT)
		    LINE("message", "a1", "null",
			 "'message':{'role':'user','content':'one','timestamp':1}"));
	(void)snprintf(st->gg_dir, sizeof(st->gg_dir), "%s/gg", st->dir);
	(void)snprintf(st->yoi_dir, sizeof(st->yoi_dir), "%s/yoi", st->dir);
	must(!ramet_session_open(&st->gg, st->gg_path, &opts, ERR), st->err.text);
	must(!ramet_yoi_open(&st->yoi, st->yoi_path, &yoi, ERR), st->err.text);
}

void stage_init(struct stage *st, unsigned flags)
{
	const struct ramet_open_opts opts = { .level = RAMET_LEVEL_NONE, .lock_ms = 50 };

	char doubt_path[STAGE_PATH];

	memset(st, 0, sizeof(*st));
	ramet_buf_init(&st->out, BUF_MAX);
	ramet_buf_init(&st->other, BUF_MAX);
	ramet_json_writer_init(&st->writer, &st->out);
	make_dir(st);
	make_files(st);
	put(st->dir, "doubt.jsonl", doubt_path, HEAD(",'version':3", "doubt") TALK);
	must(!ramet_session_open(&st->s, st->path, &opts, ERR), st->err.text);
	must(!ramet_session_open(&st->odd, st->odd_path, &opts, ERR), st->err.text);
	must(!ramet_session_open(&st->old, st->old_path, &opts, ERR), st->err.text);
	must(!ramet_session_open(&st->doubtful, doubt_path, &opts, ERR), st->err.text);
	must(!ramet_session_open(&st->watched, st->path, &opts, ERR), st->err.text);
	make_values(st);
	make_verdicts(st);
	make_plans(st);
	make_doubt(st);
	if (flags & ALLOC_WATCH)
		make_watch(st);
	if (flags & ALLOC_QUEUE)
		make_queue(st);
	if (flags & ALLOC_KEYS)
		must(!ramet_seal_key_new(st->key_path, ERR), st->err.text);
	if (flags & ALLOC_LARGE)
		make_large(st);
	if (flags & ALLOC_SYSTEMS)
		make_systems(st);
}

/* ---- what came out ---- */

void stage_outs(const struct stage *st, struct ramet_buf *to)
{
	const struct outs *o = &st->outs;

	ramet_buf_add(to, ramet_buf_bytes(&st->out));
	ramet_buf_add(to, ramet_buf_bytes(&st->other));
	ramet_buf_addf(to, " %u %llu %u %u %u %llu %u %u", o->row, (unsigned long long)o->n,
		       o->path.n, o->nodes.n, o->labels.n, (unsigned long long)o->list.n,
		       o->findings.n, o->plan.n_entries);
	ramet_buf_addf(to, " %u %u %u %llu %d", o->verdict.n_entries, o->verdict.findings.n,
		       o->repair.n_actions, (unsigned long long)o->sealed.n_lines,
		       o->queue != NULL);
	ramet_buf_addf(to, " %d %d %d", o->session != NULL, o->store != NULL, o->piece != NULL);
	ramet_buf_addf(to, " %u %u %u", o->compact.n_messages, o->leave.n_rows,
		       o->leave.n_messages);
	if (o->session)
		ramet_buf_addf(to, " %u entries", ramet_tree_count(ramet_session_tree(o->session)));
	if (o->context)
		ramet_buf_addf(to, " %u messages", o->context->n_messages);
	if (o->stats)
		ramet_buf_addf(to, " %g", o->stats->cost);
}

void stage_forget(struct stage *st)
{
	struct outs *o = &st->outs;

	ramet_session_close(o->session);
	ramet_store_close(o->store);
	ramet_context_free(o->context);
	ramet_stats_free(o->stats);
	ramet_path_release(&o->path);
	ramet_nodes_release(&o->nodes);
	ramet_labels_release(&o->labels);
	ramet_list_release(&o->list);
	ramet_findings_release(&o->findings);
	ramet_fork_plan_release(&o->plan);
	ramet_compact_plan_release(&o->compact);
	ramet_branch_summary_plan_release(&o->leave);
	ramet_verdict_release(&o->verdict);
	ramet_repair_release(&o->repair);
	if (o->queue)
		ramet_autosave_free(o->queue, 1000);
	ramet_watch_close(o->watch);
	ramet_free(o->piece);
	memset(o, 0, sizeof(*o));
	ramet_buf_release(&st->out);
	ramet_buf_release(&st->other);
	ramet_json_writer_init(&st->writer, &st->out);
	memset(&st->err, 0, sizeof(st->err));
}

/* ---- what is there ---- */

static void add_file(const char *path, struct ramet_buf *to)
{
	char part[4096];
	FILE *f = fopen(path, "rb");
	size_t n;

	ramet_buf_addf(to, "%s: ", path);
	while (f && (n = fread(part, 1, sizeof(part), f)) > 0)
		ramet_buf_add(to, (struct ramet_bytes){ part, n });
	if (f)
		(void)fclose(f);
}

static void add_dir(const char *dir, struct ramet_buf *to)
{
	struct dirent **items;
	char path[2 * STAGE_PATH];
	struct stat st;
	int i, n = scandir(dir, &items, NULL, alphasort);

	for (i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, items[i]->d_name);
		/* locks are made to be taken */
		if (!stat(path, &st) && S_ISREG(st.st_mode) && !strstr(path, "lock"))
			add_file(path, to);
		free(items[i]);
	}
	if (n >= 0)
		free(items);
}

void stage_state(const struct stage *st, struct ramet_buf *to)
{
	const struct ramet_session *all[] = { st->s, st->odd, st->old, st->fresh, st->mem };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		must(whole_state(all[i], to, NULL) >= 0, "whole state");
		ramet_buf_addf(to, " leaf %u, stored %d\n", ramet_session_leaf(all[i]),
			       ramet_session_stored(all[i]));
	}
	add_dir(st->dir, to);
	add_dir(st->new_path, to);
	add_dir(temp_path(st->dir, "sessions/--w--"), to);
	add_dir(temp_path(st->dir, "gg"), to);
	add_dir(temp_path(st->dir, "yoi/" STAGE_SEGMENT), to);
	add_dir(temp_path(st->dir, "pr"), to);
}

void stage_release(struct stage *st)
{
	stage_forget(st);
	if (st->queue)
		ramet_autosave_free(st->queue, 1000);
	ramet_watch_close(st->watch);
	ramet_verdict_release(&st->verdict);
	ramet_repair_release(&st->plan);
	ramet_compact_plan_release(&st->compact);
	ramet_branch_summary_plan_release(&st->leave);
	ramet_session_close(st->doubtful);
	ramet_session_close(st->gg);
	ramet_yoi_close(st->yoi);
	ramet_session_close(st->watched);
	ramet_session_close(st->s);
	ramet_session_close(st->odd);
	ramet_session_close(st->old);
	ramet_session_close(st->fresh);
	ramet_session_close(st->mem);
	ramet_context_free(st->context);
	ramet_store_close(st->store);
	ramet_list_release(&st->list);
	ramet_findings_release(&st->found);
	ramet_json_doc_release(&st->doc);
	temp_dir_remove(strdup(st->dir));
}
