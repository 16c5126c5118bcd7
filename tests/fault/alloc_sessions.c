/*
 * alloc_sessions.c - the calls that open, list, find and write sessions.
 */
#include "alloc.h"

#include <stdio.h>
#include <string.h>

#define USER "{\"role\":\"user\",\"content\":\"new\"}"

static const struct ramet_open_opts open_opts = { .level = RAMET_LEVEL_NONE, .lock_ms = 50 };

static struct ramet_create_opts create_opts(const struct stage *st)
{
	const struct ramet_create_opts o = {
		.id = "made", .dir = st->new_path, .level = RAMET_LEVEL_NONE, .lock_ms = 50
	};

	return o;
}

/* ---- opening ---- */

CALL(session_open, ramet_session_open(&st->outs.session, st->path, &open_opts, ERR))
CALL(session_open_old, ramet_session_open(&st->outs.session, st->old_path, &open_opts, ERR))
CALL(session_open_odd, ramet_session_open(&st->outs.session, st->odd_path, &open_opts, ERR))

static int call_session_open_bytes(struct stage *st)
{
	static char text[1 << 14];
	FILE *f = fopen(st->path, "rb");
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;

	if (f)
		(void)fclose(f);
	return ramet_session_open_bytes(&st->outs.session, (struct ramet_bytes){ text, n }, NULL,
					ERR);
}

static int call_session_create(struct stage *st)
{
	const struct ramet_create_opts o = create_opts(st);

	return ramet_session_create(&st->outs.session, "/w", &o, ERR);
}

static int call_session_create_now(struct stage *st)
{
	struct ramet_create_opts o = create_opts(st);

	o.write_now = 1;
	o.parent_session = st->path;
	return ramet_session_create(&st->outs.session, "/w", &o, ERR);
}

static int call_session_create_memory(struct stage *st)
{
	const struct ramet_create_opts o = create_opts(st);

	return ramet_session_create_memory(&st->outs.session, "/w",
					   TEXT("{\"type\":\"custom\",\"id\":\"x\","
						"\"parentId\":null,\"customType\":\"c\"}\n"),
					   &o, ERR);
}

static int call_session_continue(struct stage *st)
{
	struct ramet_create_opts o = create_opts(st);

	o.dir = NULL;
	return ramet_session_continue(&st->outs.session, "/w", &o, ERR);
}

CALL(session_open_large, ramet_session_open(&st->outs.session, st->large_path, NULL, ERR))

/* ---- indexes ---- */

CALL(index_clear, ramet_index_clear(NULL, NULL, ERR))

static int call_index_status(struct stage *st)
{
	struct ramet_index_info info;
	int r = ramet_index_status(st->large_path, &info, &st->out, ERR);

	st->outs.row = r < 0 ? 0 : info.n_entries;
	return r;
}

static int call_index_count(struct stage *st)
{
	struct ramet_index_total total;
	int r = ramet_index_count(&total, &st->out, ERR);

	st->outs.n = r < 0 ? 0 : total.n;
	return r;
}

static int call_index_rebuild(struct stage *st)
{
	int r = ramet_index_rebuild(st->large_path, ERR);

	return r > 0 ? 0 : r;
}

/* ---- listing ---- */

static const struct ramet_list_opts list_opts = { .with_text = 1, .threads = 1 };

CALL(store_open, ramet_store_open(&st->outs.store, "pi", NULL, ERR))
CALL(store_open_dir, ramet_store_open(&st->outs.store, st->dir, NULL, ERR))
CALL(store_list, ramet_store_list(st->store, &list_opts, &st->outs.list, ERR))

/* It only counts: what it would allocate itself is none of the call's. */
static int count_path(void *user, const char *path)
{
	*(size_t *)user += strlen(path);
	return 0;
}

static int call_store_files(struct stage *st)
{
	size_t bytes = 0;
	int r = ramet_store_files(st->store, count_path, &bytes, ERR);

	return r || bytes ? r : RAMET_ENOTFOUND;
}

CALL(store_find, ramet_store_find(st->store, TEXT("s"), &st->out, ERR))
CALL(store_find_exact, ramet_store_find_exact(st->store, TEXT("s1"), "/w", &st->out, ERR))
CALL(store_recent, ramet_store_recent(st->store, "/w", &st->out, ERR))
CALL(session_info_read, ramet_session_info_read(st->path, 1, &st->outs.list, ERR))
CALL(pi_agent_dir, ramet_pi_agent_dir(&st->out, ERR))
CALL(pi_sessions_root, ramet_pi_sessions_root(&st->out, ERR))
CALL(pi_dir_name, ramet_pi_dir_name(TEXT("/a/b"), &st->out, ERR))
CALL(pi_session_dir, ramet_pi_session_dir(TEXT("/a/b"), &st->out, ERR))
CALL(pi_session_dir_override, ramet_pi_session_dir_override(&st->out, ERR))

#define VARIES ALLOC_VARIES /* paths of a fresh directory */

const struct alloc_call alloc_store[] = {
	ROW(session_open, 0),
	{ "ramet_session_open of version 1", call_session_open_old, 0 },
	{ "ramet_session_open of an odd one", call_session_open_odd, 0 },
	{ "ramet_session_open with an index", call_session_open_large, ALLOC_LARGE },
	ROW(session_open_bytes, 0),
	ROW(session_create, 0),
	{ "ramet_session_create at once", call_session_create_now, VARIES | ALLOC_ONCE },
	ROW(session_create_memory, 0),
	ROW(session_continue, 0),
	ROW(store_open, 0),
	{ "ramet_store_open of a directory", call_store_open_dir, 0 },
	ROW(store_list, 0),
	ROW(store_files, VARIES),
	ROW(store_find, VARIES),
	ROW(store_find_exact, VARIES),
	ROW(store_recent, VARIES),
	ROW(session_info_read, 0),
	ROW(index_status, ALLOC_LARGE | VARIES),
	ROW(index_count, ALLOC_LARGE | VARIES),
	ROW(index_rebuild, ALLOC_LARGE),
	ROW(index_clear, ALLOC_LARGE),
	ROW(pi_agent_dir, VARIES),
	ROW(pi_sessions_root, VARIES),
	ROW(pi_dir_name, 0),
	ROW(pi_session_dir, VARIES),
	ROW(pi_session_dir_override, 0),
	{ NULL, NULL, 0 }
};

/* ---- writing ---- */

#define ID (st->outs.ids[0])
#define OBJECT TEXT("{\"x\": [1, 2]}")

CALL(session_append_message, ramet_session_append_message(st->s, TEXT(USER), ID, ERR))
CALL(session_append_message_new, ramet_session_append_message(st->fresh, TEXT(USER), ID, ERR))
CALL(session_append_message_memory, ramet_session_append_message(st->mem, TEXT(USER), ID, ERR))
CALL(session_append_thinking_level,
     ramet_session_append_thinking_level(st->s, TEXT("low"), ID, ERR))
CALL(session_append_model, ramet_session_append_model(st->s, TEXT("p"), TEXT("n"), ID, ERR))
CALL(session_append_custom, ramet_session_append_custom(st->s, TEXT("c"), OBJECT, ID, ERR))
CALL(session_append_name, ramet_session_append_name(st->s, TEXT("a\nname"), ID, ERR))
CALL(session_append_label, ramet_session_append_label(st->s, 1, TEXT("label"), ID, ERR))
CALL(session_append_context_edit,
     ramet_session_append_context_edit(st->s, ramet_tree_count(st->tree) - 1,
				       TEXT("{\"content\":\"x\"}"), ID, ERR))
CALL(session_append_leaf, ramet_session_append_leaf(st->s, ID, ERR))
CALL(session_append_entry,
     ramet_session_append_entry(st->s, TEXT("{\"type\":\"custom\",\"customType\":\"c\"}"), ID, ERR))
CALL(session_branch, ramet_session_branch(st->s, 1, ERR))
CALL(session_write, ramet_session_write(st->fresh, ERR))
CALL(session_recover, ramet_session_recover(st->doubtful, ERR))
CALL(session_sync, ramet_session_sync(st->s, ERR))

static int call_session_append_messages(struct stage *st)
{
	struct ramet_bytes m[3] = { TEXT(USER), TEXT(USER), TEXT(USER) };

	return ramet_session_append_messages(st->s, m, 3, st->outs.ids, ERR);
}

static int call_session_append_usage(struct stage *st)
{
	const struct ramet_usage_entry u = { TEXT("k"), TEXT("p"), TEXT("m"), TEXT("n"), OBJECT };

	return ramet_session_append_usage(st->s, &u, ID, ERR);
}

static int call_session_append_compaction(struct stage *st)
{
	const struct ramet_summary c = { .summary = TEXT("so far"), .details = OBJECT };

	return ramet_session_append_compaction(st->s, &c, ID, ERR);
}

static int call_session_branch_with_summary(struct stage *st)
{
	const struct ramet_summary b = { .summary = TEXT("left"), .details = OBJECT };

	return ramet_session_branch_with_summary(st->s, 1, &b, ID, ERR);
}

static int call_session_append_custom_message(struct stage *st)
{
	const struct ramet_custom_message m = { TEXT("c"), TEXT("\"text\""), OBJECT, 1 };

	return ramet_session_append_custom_message(st->s, &m, ID, ERR);
}

/* There is something new, once. */
static int call_session_refresh(struct stage *st)
{
	FILE *f = fopen(st->path, "ab");
	int r;

	if (f && ramet_tree_find(st->tree, TEXT("theirs")) == RAMET_NONE)
		(void)fputs("{\"type\":\"custom\",\"id\":\"theirs\",\"parentId\":null}\n", f);
	if (f)
		(void)fclose(f);
	r = ramet_session_refresh(st->s, ERR);
	return r > 0 ? 0 : r;
}

#define APPENDS ALLOC_VARIES

const struct alloc_call alloc_writes[] = {
	ROW(session_append_message, APPENDS),
	{ "ramet_session_append_message, the first", call_session_append_message_new, APPENDS },
	{ "ramet_session_append_message in memory", call_session_append_message_memory, APPENDS },
	ROW(session_append_messages, APPENDS),
	ROW(session_append_thinking_level, APPENDS),
	ROW(session_append_model, APPENDS),
	ROW(session_append_usage, APPENDS),
	ROW(session_append_compaction, APPENDS),
	ROW(session_branch_with_summary, APPENDS),
	ROW(session_append_custom, APPENDS),
	ROW(session_append_custom_message, APPENDS),
	ROW(session_append_name, APPENDS),
	ROW(session_append_label, APPENDS),
	ROW(session_append_context_edit, APPENDS | ALLOC_ONCE),
	ROW(session_append_leaf, APPENDS),
	ROW(session_append_entry, APPENDS),
	ROW(session_branch, 0),
	ROW(session_write, 0),
	ROW(session_sync, 0),
	ROW(session_refresh, ALLOC_CHANGES),
	ROW(session_recover, 0),
	{ NULL, NULL, 0 }
};
