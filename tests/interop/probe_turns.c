/*
 * The writing calls of the library, driven from outside: a JSON command a line on stdin, a JSON
 * answer a line on stdout, sessions kept open in between under small numbers. What turns.mjs plays
 * against the published pi. Public header only, no rule of its own.
 *
 *     {"do":"open","h":0,"path":...}   {"do":"message","h":0,"message":{...}}
 *
 * Entries are named by id; one that is unknown becomes a row that the library must refuse. An
 * error is an answer too: {"error":{"code","text"}}. Only what is no command at all ends with 2.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ramet.h"

#define OUT_MAX ((size_t)1 << 32)
#define N_SESSIONS 16
#define N_TEXTS 8
#define N_BATCH 64

struct turns {
	struct ramet_session *sessions[N_SESSIONS];
	struct ramet_json_doc doc;
	const struct ramet_json *command;
	struct ramet_buf texts[N_TEXTS];         /* decoded texts of the present command */
	unsigned n_texts;
	struct ramet_buf out, part, scratch;
	struct ramet_json_writer w;
	char id[RAMET_ID_SIZE];
};

/* ---- members of a command ---- */

static const struct ramet_json *member(const struct turns *t, const char *key)
{
	return ramet_json_get(t->command, key);
}

/* JSON as it stands there; missing if it does not. */
static struct ramet_bytes raw_of(const struct turns *t, const char *key)
{
	const struct ramet_json *v = member(t, key);

	return v ? ramet_json_raw(v) : (struct ramet_bytes){ NULL, 0 };
}

/* A text, decoded; missing if it is none. */
static struct ramet_bytes text_of(struct turns *t, const char *key)
{
	const struct ramet_json *v = member(t, key);
	struct ramet_buf *b;

	if (ramet_json_kind(v) != RAMET_JSON_STRING || t->n_texts == N_TEXTS)
		return (struct ramet_bytes){ NULL, 0 };
	b = &t->texts[t->n_texts++];
	ramet_json_text(v, b);
	return b->len ? ramet_buf_bytes(b) : ramet_bytes_of("");
}

static const char *name_of(struct turns *t, const char *key)
{
	return text_of(t, key).ptr;
}

static int number_of(const struct turns *t, const char *key)
{
	return (int)ramet_json_number(member(t, key));
}

static struct ramet_session **session_of(struct turns *t, const char *key)
{
	return &t->sessions[(unsigned)number_of(t, key) % N_SESSIONS];
}

static uint32_t row_of(const struct ramet_session *s, const struct ramet_json *v)
{
	struct ramet_buf id = RAMET_BUF_INIT(OUT_MAX);
	uint32_t row;

	ramet_json_text(v, &id);
	row = ramet_tree_find(ramet_session_tree(s), ramet_buf_bytes(&id));
	ramet_buf_release(&id);
	return row;
}

/* Where null stands for "before the first entry", an unknown id must not become that. */
static int target_of(struct turns *t, const struct ramet_session *s, uint32_t *row,
		     struct ramet_error *err)
{
	const struct ramet_json *v = member(t, "target");

	*row = RAMET_NONE;
	if (ramet_json_kind(v) == RAMET_JSON_NULL)
		return 0;
	*row = row_of(s, v);
	if (*row != RAMET_NONE)
		return 0;
	err->code = RAMET_ENOTFOUND;
	snprintf(err->text, sizeof(err->text), "unknown entry");
	return err->code;
}

/* ---- sessions ---- */

static int do_create(struct turns *t, struct ramet_session **s, struct ramet_error *err)
{
	struct ramet_create_opts opts = {
		.id = name_of(t, "id"), .parent_session = name_of(t, "parentSession"),
		.dir = name_of(t, "dir"), .write_now = number_of(t, "writeNow"),
		.level = number_of(t, "level"),
	};

	return ramet_session_create(s, name_of(t, "cwd"), &opts, err);
}

static int do_memory(struct turns *t, struct ramet_session **s, struct ramet_error *err)
{
	struct ramet_create_opts opts = { .id = name_of(t, "id") };

	return ramet_session_create_memory(s, name_of(t, "cwd"), text_of(t, "entries"), &opts, err);
}

static int do_open(struct turns *t, struct ramet_session **s, struct ramet_error *err)
{
	struct ramet_open_opts opts = {
		.create = number_of(t, "create"), .cwd = name_of(t, "cwd"),
		.dir = name_of(t, "dir"), .level = number_of(t, "level"),
	};

	return ramet_session_open(s, name_of(t, "path"), &opts, err);
}

static int do_continue(struct turns *t, struct ramet_session **s, struct ramet_error *err)
{
	struct ramet_create_opts opts = { .level = number_of(t, "level") };

	opts.dir = name_of(t, "dir");
	return ramet_session_continue(s, name_of(t, "cwd"), &opts, err);
}

static int do_fork(struct turns *t, struct ramet_session **s, struct ramet_error *err)
{
	struct ramet_fork_opts opts = {
		.cwd = name_of(t, "cwd"), .dir = name_of(t, "dir"), .id = name_of(t, "id"),
		.level = number_of(t, "level"),
	};

	return ramet_fork(s, *session_of(t, "from"), &opts, err);
}

static int do_fork_branch(struct turns *t, struct ramet_session **s, struct ramet_error *err)
{
	struct ramet_session *source = *session_of(t, "from");
	struct ramet_fork_opts opts = { .dir = name_of(t, "dir"), .level = number_of(t, "level") };
	uint32_t leaf;
	int r = target_of(t, source, &leaf, err);

	return r < 0 ? r : ramet_fork_branch(s, source, leaf, &opts, err);
}

/* ---- appends ---- */

static int do_message(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	return ramet_session_append_message(s, raw_of(t, "message"), t->id, err);
}

static int do_messages(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	const struct ramet_json *list = member(t, "messages"), *v = NULL;
	struct ramet_bytes messages[N_BATCH];
	char ids[N_BATCH][RAMET_ID_SIZE];
	size_t n = 0;
	int r;

	while (n < N_BATCH && (v = ramet_json_next(list, v)))
		messages[n++] = ramet_json_raw(v);
	r = ramet_session_append_messages(s, messages, n, ids, err);
	if (r == 0 && n)
		memcpy(t->id, ids[n - 1], RAMET_ID_SIZE);
	return r;
}

static int do_thinking(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	return ramet_session_append_thinking_level(s, text_of(t, "level"), t->id, err);
}

static int do_model(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_bytes provider = text_of(t, "provider"), model = text_of(t, "modelId");

	return ramet_session_append_model(s, provider, model, t->id, err);
}

static int do_usage(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_usage_entry u = {
		.kind = text_of(t, "kind"), .provider = text_of(t, "provider"),
		.model = text_of(t, "model"), .note = text_of(t, "note"),
		.usage = raw_of(t, "usage"),
	};

	return ramet_session_append_usage(s, &u, t->id, err);
}

static struct ramet_summary summary_of(struct turns *t)
{
	return (struct ramet_summary){
		.summary = text_of(t, "summary"), .details = raw_of(t, "details"),
		.usage = raw_of(t, "usage"), .from_hook = number_of(t, "fromHook"),
		.first_kept = text_of(t, "firstKept"),
		.tokens_before = ramet_json_number(member(t, "tokensBefore")),
	};
}

static int do_compaction(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_summary c = summary_of(t);

	return ramet_session_append_compaction(s, &c, t->id, err);
}

static int do_branch_summary(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_summary b = summary_of(t);
	uint32_t row;
	int r = target_of(t, s, &row, err);

	return r < 0 ? r : ramet_session_branch_with_summary(s, row, &b, t->id, err);
}

static int do_custom(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	return ramet_session_append_custom(s, text_of(t, "customType"), raw_of(t, "data"), t->id,
					   err);
}

static int do_custom_message(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_custom_message m = {
		.custom_type = text_of(t, "customType"), .content = raw_of(t, "content"),
		.details = raw_of(t, "details"),
		.display = ramet_json_kind(member(t, "display")) == RAMET_JSON_TRUE,
	};

	return ramet_session_append_custom_message(s, &m, t->id, err);
}

static int do_name(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	return ramet_session_append_name(s, text_of(t, "name"), t->id, err);
}

static int do_label(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	uint32_t row = row_of(s, member(t, "target"));

	return ramet_session_append_label(s, row, text_of(t, "label"), t->id, err);
}

static int do_edit(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	uint32_t row = row_of(s, member(t, "target"));

	return ramet_session_append_context_edit(s, row, raw_of(t, "replacement"), t->id, err);
}

static int do_leaf(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	return ramet_session_append_leaf(s, t->id, err);
}

static int do_entry(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	return ramet_session_append_entry(s, raw_of(t, "entry"), t->id, err);
}

/* ---- what writes no entry ---- */

static int do_branch(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	uint32_t row;
	int r = target_of(t, s, &row, err);

	return r < 0 ? r : ramet_session_branch(s, row, err);
}

static int do_refresh(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	(void)t;
	return ramet_session_refresh(s, err);
}

static int do_close(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	(void)err;
	*session_of(t, "h") = NULL;
	ramet_session_close(s);
	return 0;
}

/* ---- answers ---- */

static void write_error(struct turns *t, const struct ramet_error *err)
{
	ramet_json_key(&t->w, "error");
	ramet_json_open_object(&t->w);
	ramet_json_key(&t->w, "code");
	ramet_json_add_cstr(&t->w, ramet_code_name(err->code));
	ramet_json_key(&t->w, "text");
	ramet_json_add_cstr(&t->w, err->text);
	ramet_json_close_object(&t->w);
}

/* A member that the library wrote into part, or its error. */
static void write_part(struct turns *t, const char *key, int r, const struct ramet_error *err)
{
	ramet_json_key(&t->w, key);
	if (r < 0) {
		ramet_json_open_object(&t->w);
		write_error(t, err);
		ramet_json_close_object(&t->w);
	} else {
		ramet_json_add_raw(&t->w, ramet_buf_bytes(&t->part));
	}
	ramet_buf_reset(&t->part);
}

static void write_id(struct turns *t, const struct ramet_tree *tree, uint32_t row)
{
	if (row == RAMET_NONE)
		ramet_json_add_null(&t->w);
	else
		ramet_json_add_text(&t->w, ramet_tree_id(tree, row));
}

/* Where a session stands after a command. */
static void write_where(struct turns *t, const struct ramet_session *s)
{
	const struct ramet_tree *tree = ramet_session_tree(s);

	ramet_json_key(&t->w, "leaf");
	write_id(t, tree, ramet_session_leaf(s));
	ramet_json_key(&t->w, "last");
	write_id(t, tree, ramet_tree_leaf(tree));
	ramet_json_key(&t->w, "count");
	ramet_json_add_int(&t->w, ramet_tree_count(tree));
	ramet_json_key(&t->w, "stored");
	ramet_json_add_bool(&t->w, ramet_session_stored(s));
	ramet_json_key(&t->w, "path");
	ramet_json_add_cstr(&t->w, ramet_session_path(s));
	ramet_json_key(&t->w, "cwd");
	ramet_json_add_text(&t->w, ramet_session_cwd(s, ramet_bytes_of("")));
}

static void write_entries(struct turns *t, const struct ramet_tree *tree)
{
	struct ramet_error err;

	ramet_json_key(&t->w, "entries");
	ramet_json_open_array(&t->w);
	for (uint32_t i = 0; i < ramet_tree_count(tree); i++) {
		struct ramet_bytes json;

		if (ramet_tree_entry(tree, i, &t->scratch, &json, &err) < 0)
			ramet_json_add_cstr(&t->w, err.text);
		else
			ramet_json_add_raw(&t->w, json);
	}
	ramet_json_close_array(&t->w);
}

static void write_path(struct turns *t, const struct ramet_tree *tree, uint32_t leaf)
{
	struct ramet_path path = RAMET_PATH_INIT;

	ramet_json_key(&t->w, "path");
	ramet_json_open_array(&t->w);
	(void)ramet_tree_path(tree, leaf, &path, NULL);
	for (uint32_t i = 0; i < path.n; i++)
		write_id(t, tree, path.rows[i]);
	ramet_json_close_array(&t->w);
	ramet_path_release(&path);
}

static void write_view(struct turns *t, const struct ramet_tree *tree, uint32_t leaf)
{
	struct ramet_context *c = NULL;
	struct ramet_error err;
	int r;

	ramet_json_open_object(&t->w);
	write_path(t, tree, leaf);
	r = ramet_context_new(&c, tree, leaf, &err);
	if (r < 0) {
		write_error(t, &err);
	} else {
		ramet_json_key(&t->w, "selected");
		ramet_json_open_array(&t->w);
		for (uint32_t i = 0; i < c->n_selected; i++)
			write_id(t, tree, c->selected[i].row);
		ramet_json_close_array(&t->w);
		r = ramet_context_write(c, &t->part, &err);
		write_part(t, "context", r, &err);
		r = ramet_context_write_projection(c, &t->part, &err);
		write_part(t, "projection", r, &err);
		ramet_context_free(c);
	}
	ramet_json_close_object(&t->w);
}

static void write_name(struct turns *t, const struct ramet_tree *tree)
{
	int r = ramet_tree_name(tree, &t->part, NULL);

	ramet_json_key(&t->w, "name");
	if (r == 1)
		ramet_json_add_text(&t->w, ramet_buf_bytes(&t->part));
	else
		ramet_json_add_null(&t->w);
	ramet_buf_reset(&t->part);
}

static void write_labels(struct turns *t, const struct ramet_tree *tree)
{
	struct ramet_labels labels = RAMET_LABELS_INIT;

	ramet_json_key(&t->w, "labels");
	ramet_json_open_array(&t->w);
	(void)ramet_tree_labels(tree, &labels, NULL);        /* none, when it fails: that shows */
	for (uint32_t i = 0; i < labels.n; i++) {
		ramet_json_open_array(&t->w);
		ramet_json_add_text(&t->w, labels.items[i].target);
		ramet_json_add_text(&t->w, labels.items[i].text);
		ramet_json_close_array(&t->w);
	}
	ramet_json_close_array(&t->w);
	ramet_labels_release(&labels);
}

/* Everything about a session; contexts at the leaves asked for (null: before the first entry). */
static int do_state(struct turns *t, struct ramet_session *s, struct ramet_error *err)
{
	const struct ramet_tree *tree = ramet_session_tree(s);
	const struct ramet_json *leaves = member(t, "leaves"), *v = NULL;
	int r;

	ramet_json_key(&t->w, "header");
	ramet_json_add_raw(&t->w, ramet_session_header(s)->json);
	write_entries(t, tree);
	write_name(t, tree);
	write_labels(t, tree);
	r = ramet_report_tree(s, &t->part, err);
	write_part(t, "tree", r, err);
	ramet_json_key(&t->w, "findings");
	ramet_json_add_int(&t->w, ramet_session_findings(s)->n);
	ramet_json_key(&t->w, "views");
	ramet_json_open_array(&t->w);
	while ((v = ramet_json_next(leaves, v)))
		write_view(t, tree, row_of(s, v));
	ramet_json_close_array(&t->w);
	return 0;
}

/* ---- the loop ---- */

struct maker {
	const char *name;
	int (*run)(struct turns *t, struct ramet_session **out, struct ramet_error *err);
};
static const struct maker makers[] = {
	{ "create", do_create }, { "memory", do_memory }, { "open", do_open },
	{ "continue", do_continue }, { "fork", do_fork }, { "forkBranch", do_fork_branch },
};

struct verb {
	const char *name;
	int (*run)(struct turns *t, struct ramet_session *s, struct ramet_error *err);
};
static const struct verb verbs[] = {
	{ "message", do_message }, { "messages", do_messages }, { "thinking", do_thinking },
	{ "model", do_model }, { "usage", do_usage }, { "compaction", do_compaction },
	{ "branchSummary", do_branch_summary }, { "custom", do_custom },
	{ "customMessage", do_custom_message }, { "name", do_name }, { "label", do_label },
	{ "edit", do_edit }, { "leaf", do_leaf }, { "entry", do_entry }, { "branch", do_branch },
	{ "refresh", do_refresh }, { "state", do_state }, { "close", do_close },
};

static int run_maker(struct turns *t, const struct maker *m, struct ramet_session **slot,
		     struct ramet_error *err)
{
	struct ramet_session *s = NULL;
	int r = m->run(t, &s, err);

	if (r < 0)
		return r;
	ramet_session_close(*slot);
	*slot = s;
	return r;
}

/* 1: no such command. */
static int dispatch(struct turns *t, struct ramet_session **slot, struct ramet_error *err)
{
	const struct ramet_json *name = member(t, "do");

	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		if (ramet_json_text_is(name, makers[i].name))
			return run_maker(t, &makers[i], slot, err);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (*slot && ramet_json_text_is(name, verbs[i].name))
			return verbs[i].run(t, *slot, err);
	fputs("probe_turns: no such command, or no session\n", stderr);
	exit(2);
}

static void answer(struct turns *t, struct ramet_session **slot)
{
	struct ramet_error err;
	int r;

	memset(&err, 0, sizeof(err));
	t->id[0] = '\0';
	ramet_json_open_object(&t->w);
	r = dispatch(t, slot, &err);
	if (r < 0 && err.code != r)
		snprintf(err.text, sizeof(err.text), "error without a code");
	if (r < 0)
		write_error(t, &err);
	ramet_json_key(&t->w, "result");
	ramet_json_add_int(&t->w, r);
	if (t->id[0]) {
		ramet_json_key(&t->w, "id");
		ramet_json_add_cstr(&t->w, t->id);
	}
	if (*slot)
		write_where(t, *slot);
	ramet_json_close_object(&t->w);
}

static int run_line(struct turns *t, struct ramet_bytes line)
{
	struct ramet_session **slot;

	if (ramet_json_parse(&t->doc, line, 0, NULL) < 0)
		return 2;
	t->command = ramet_json_root(&t->doc);
	slot = session_of(t, "h");
	for (unsigned i = 0; i < N_TEXTS; i++)
		ramet_buf_reset(&t->texts[i]);
	t->n_texts = 0;
	ramet_buf_reset(&t->out);
	ramet_json_writer_init(&t->w, &t->out);
	answer(t, slot);
	if (ramet_buf_status(&t->out) < 0)
		return 2;
	fwrite(t->out.ptr, 1, t->out.len, stdout);
	putchar('\n');
	return fflush(stdout) ? 2 : 0;
}

static void init(struct turns *t)
{
	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < N_TEXTS; i++)
		ramet_buf_init(&t->texts[i], OUT_MAX);
	ramet_buf_init(&t->out, OUT_MAX);
	ramet_buf_init(&t->part, OUT_MAX);
	ramet_buf_init(&t->scratch, OUT_MAX);
}

static void release(struct turns *t)
{
	for (unsigned i = 0; i < N_SESSIONS; i++)
		ramet_session_close(t->sessions[i]);
	for (unsigned i = 0; i < N_TEXTS; i++)
		ramet_buf_release(&t->texts[i]);
	ramet_buf_release(&t->out);
	ramet_buf_release(&t->part);
	ramet_buf_release(&t->scratch);
	ramet_json_doc_release(&t->doc);
}

int main(void)
{
	struct turns t;
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int r = 0;

	init(&t);
	while (r == 0 && (len = getline(&line, &cap, stdin)) > 0)
		r = run_line(&t, (struct ramet_bytes){ line, (size_t)len });
	(free)(line);
	release(&t);
	return r;
}
