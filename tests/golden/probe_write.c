/*
 * The writing calls, one at a time: what run_writing.py and the interop tests drive.
 *
 *     probe_write       one command a line on stdin, {"do":NAME, ...}; one answer a line
 *
 * A command works on the session that the last opening one left here, as a program that embeds the
 * library would. The answer is {"returned":...,"error":{...},"session":{...}}: an error is data,
 * and the session is shown as it is after the command. Only the public headers are used and no rule
 * is added, so whatever is printed is the library's answer. An id that the session does not have
 * is passed on as RAMET_NONE where the library has a word for it. The process ends with 2 when a
 * command makes no sense.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "ramet.h"

#define OUT_MAX ((size_t)1 << 30)
#define N_TEXTS 16                               /* strings that one command may decode */

struct probe {
	struct ramet_session *s;
	const struct ramet_json *cmd;
	struct ramet_json_doc doc;
	struct ramet_buf texts[N_TEXTS];
	unsigned n_texts;
	struct ramet_buf out, part, scratch;
	struct ramet_json_writer w;
	char id[RAMET_ID_SIZE];
	int has_part;                            /* part holds what the command returned, JSON */
};

/* ---- what a command says ---- */

static const struct ramet_json *member(const struct probe *p, const char *key)
{
	return ramet_json_get(p->cmd, key);
}

static int flag(const struct probe *p, const char *key)
{
	return ramet_json_kind(member(p, key)) == RAMET_JSON_TRUE;
}

/* JSON as it stands in the command; ptr NULL when it is not there. */
static struct ramet_bytes raw(const struct probe *p, const char *key)
{
	const struct ramet_json *v = member(p, key);

	return v ? ramet_json_raw(v) : (struct ramet_bytes){ NULL, 0 };
}

/* A decoded string; ptr NULL when there is none. Ends in NUL; lives until the next command. */
static struct ramet_bytes text(struct probe *p, const char *key)
{
	const struct ramet_json *v = member(p, key);
	struct ramet_buf *b;

	if (ramet_json_kind(v) != RAMET_JSON_STRING || p->n_texts == N_TEXTS)
		return (struct ramet_bytes){ NULL, 0 };
	b = &p->texts[p->n_texts++];
	ramet_buf_reset(b);
	ramet_json_text(v, b);
	return b->len ? ramet_buf_bytes(b) : (struct ramet_bytes){ "", 0 };
}

static const char *cstr(struct probe *p, const char *key)
{
	return text(p, key).ptr;
}

static uint32_t find(struct probe *p, const char *key)
{
	struct ramet_bytes id = text(p, key);

	return id.ptr ? ramet_tree_find(ramet_session_tree(p->s), id) : RAMET_NONE;
}

/* For calls to which RAMET_NONE means something else: no such entry is an error here. null, or no
 * such member, is RAMET_NONE. */
static int resolve(struct probe *p, const char *key, uint32_t *row, struct ramet_error *err)
{
	struct ramet_bytes id = text(p, key);

	*row = RAMET_NONE;
	if (!id.ptr)
		return 0;
	return ramet_tree_resolve(ramet_session_tree(p->s), id, row, err);
}

static int from_hook(const struct probe *p)
{
	const struct ramet_json *v = member(p, "fromHook");

	return v ? (ramet_json_kind(v) == RAMET_JSON_TRUE ? 1 : -1) : 0;
}

/* ---- opening: on success the session takes the place of the one before ---- */

static int become(struct probe *p, int r, struct ramet_session *s)
{
	if (r < 0)
		return r;
	ramet_session_close(p->s);
	p->s = s;
	return 0;
}

static struct ramet_create_opts create_opts(struct probe *p)
{
	return (struct ramet_create_opts){
		.id = cstr(p, "id"),
		.parent_session = cstr(p, "parentSession"),
		.dir = cstr(p, "dir"),
		.write_now = flag(p, "writeNow"),
		.level = RAMET_LEVEL_NONE,
	};
}

static struct ramet_fork_opts fork_opts(struct probe *p)
{
	return (struct ramet_fork_opts){ .cwd = cstr(p, "cwd"), .dir = cstr(p, "dir"),
		.id = cstr(p, "id"), .level = RAMET_LEVEL_NONE };
}

static int do_create(struct probe *p, struct ramet_error *err)
{
	struct ramet_create_opts opts = create_opts(p);
	struct ramet_session *s = NULL;
	int r = ramet_session_create(&s, cstr(p, "cwd"), &opts, err);

	return become(p, r, s);
}

static int do_memory(struct probe *p, struct ramet_error *err)
{
	struct ramet_create_opts opts = create_opts(p);
	struct ramet_session *s = NULL;
	int r = ramet_session_create_memory(&s, cstr(p, "cwd"), text(p, "entries"), &opts, err);

	return become(p, r, s);
}

static int do_open(struct probe *p, struct ramet_error *err)
{
	struct ramet_open_opts opts = { .create = flag(p, "create"), .cwd = cstr(p, "cwd"),
		.dir = cstr(p, "dir"), .level = RAMET_LEVEL_NONE };
	struct ramet_session *s = NULL;
	int r = ramet_session_open(&s, cstr(p, "path"), &opts, err);

	return become(p, r, s);
}

static int do_branched(struct probe *p, struct ramet_error *err)
{
	struct ramet_fork_opts opts = fork_opts(p);
	struct ramet_session *s = NULL;
	uint32_t row;
	int r = resolve(p, "at", &row, err);

	if (r == 0)
		r = ramet_fork_branch(&s, p->s, row, &opts, err);
	return become(p, r, s);
}

static int do_fork(struct probe *p, struct ramet_error *err)
{
	struct ramet_fork_opts opts = fork_opts(p);
	struct ramet_session *source = NULL, *s = NULL;
	int r = ramet_session_open(&source, cstr(p, "path"), NULL, err);

	if (r == 0)
		r = ramet_fork(&s, source, &opts, err);
	r = become(p, r, s);
	ramet_session_close(source);
	return r;
}

/* ---- appending ---- */

static int do_message(struct probe *p, struct ramet_error *err)
{
	return ramet_session_append_message(p->s, raw(p, "message"), p->id, err);
}

static int do_thinking(struct probe *p, struct ramet_error *err)
{
	return ramet_session_append_thinking_level(p->s, text(p, "level"), p->id, err);
}

static int do_model(struct probe *p, struct ramet_error *err)
{
	return ramet_session_append_model(p->s, text(p, "provider"), text(p, "modelId"), p->id,
					  err);
}

static int do_usage(struct probe *p, struct ramet_error *err)
{
	struct ramet_usage_entry u = { .kind = text(p, "kind"), .provider = text(p, "provider"),
		.model = text(p, "model"), .note = text(p, "note"), .usage = raw(p, "usage") };

	return ramet_session_append_usage(p->s, &u, p->id, err);
}

static struct ramet_summary summary(struct probe *p)
{
	return (struct ramet_summary){
		.summary = text(p, "summary"),
		.details = raw(p, "details"),
		.usage = raw(p, "usage"),
		.from_hook = from_hook(p),
		.first_kept = text(p, "firstKept"),
		.tokens_before = ramet_json_number(member(p, "tokensBefore")),
	};
}

static int do_compaction(struct probe *p, struct ramet_error *err)
{
	struct ramet_summary c = summary(p);

	return ramet_session_append_compaction(p->s, &c, p->id, err);
}

static int do_branch_with_summary(struct probe *p, struct ramet_error *err)
{
	struct ramet_summary b = summary(p);
	uint32_t row;
	int r = resolve(p, "to", &row, err);

	return r < 0 ? r : ramet_session_branch_with_summary(p->s, row, &b, p->id, err);
}

static int do_custom(struct probe *p, struct ramet_error *err)
{
	return ramet_session_append_custom(p->s, text(p, "customType"), raw(p, "data"), p->id, err);
}

static int do_custom_message(struct probe *p, struct ramet_error *err)
{
	struct ramet_custom_message m = { .custom_type = text(p, "customType"),
		.content = raw(p, "content"), .details = raw(p, "details"),
		.display = flag(p, "display") };

	return ramet_session_append_custom_message(p->s, &m, p->id, err);
}

static int do_info(struct probe *p, struct ramet_error *err)
{
	return ramet_session_append_name(p->s, text(p, "name"), p->id, err);
}

static int do_label(struct probe *p, struct ramet_error *err)
{
	return ramet_session_append_label(p->s, find(p, "target"), text(p, "label"), p->id, err);
}

static int do_context_edit(struct probe *p, struct ramet_error *err)
{
	return ramet_session_append_context_edit(p->s, find(p, "target"), raw(p, "replacement"),
						 p->id, err);
}

static int do_entry(struct probe *p, struct ramet_error *err)
{
	return ramet_session_append_entry(p->s, raw(p, "entry"), p->id, err);
}

static int do_leaf(struct probe *p, struct ramet_error *err)
{
	return ramet_session_append_leaf(p->s, p->id, err);
}

/* ---- the rest ---- */

static int do_branch(struct probe *p, struct ramet_error *err)
{
	uint32_t row;
	int r = resolve(p, "to", &row, err);

	return r < 0 ? r : ramet_session_branch(p->s, row, err);
}

static int do_write(struct probe *p, struct ramet_error *err)
{
	return ramet_session_write(p->s, err);
}

static int do_refresh(struct probe *p, struct ramet_error *err)
{
	int r = ramet_session_refresh(p->s, err);

	if (r < 0)
		return r;
	ramet_buf_addf(&p->part, "%d", r);
	p->has_part = 1;
	return 0;
}

static int do_export(struct probe *p, struct ramet_error *err)
{
	uint32_t leaf = ramet_session_leaf(p->s);
	int r = ramet_export_jsonl(p->s, leaf, (int64_t)ramet_json_number(member(p, "now")),
				   &p->scratch, err);

	if (r < 0)
		return r;
	ramet_buf_add_json_string(&p->part, ramet_buf_bytes(&p->scratch));
	p->has_part = 1;
	return 0;
}

static int do_migrate(struct probe *p, struct ramet_error *err)
{
	struct ramet_migration done;
	int r = ramet_migrate(cstr(p, "path"), flag(p, "dryRun"), &done, err);

	if (r < 0)
		return r;
	ramet_buf_add_json_string(&p->part, ramet_bytes_of(done.kept));
	p->has_part = 1;
	return 0;
}

/* From here on no file of this process grows beyond so many bytes (a full disk, as seen by the
 * writer); missing: no limit. */
static int do_file_limit(struct probe *p, struct ramet_error *err)
{
	struct rlimit limit;

	(void)err;
	if (getrlimit(RLIMIT_FSIZE, &limit) < 0)
		return RAMET_EIO;
	limit.rlim_cur = limit.rlim_max;
	if (member(p, "bytes"))
		limit.rlim_cur = (rlim_t)ramet_json_number(member(p, "bytes"));
	return setrlimit(RLIMIT_FSIZE, &limit) < 0 ? RAMET_EIO : 0;
}

static int do_look(struct probe *p, struct ramet_error *err)
{
	(void)p;
	(void)err;
	return 0;
}

static const struct command {
	const char *name;
	int needs_session;
	int (*run)(struct probe *p, struct ramet_error *err);
} commands[] = {
	{ "create", 0, do_create },
	{ "inMemory", 0, do_memory },
	{ "open", 0, do_open },
	{ "createBranchedSession", 1, do_branched },
	{ "forkFrom", 0, do_fork },
	{ "message", 1, do_message },
	{ "thinking", 1, do_thinking },
	{ "model", 1, do_model },
	{ "usage", 1, do_usage },
	{ "compaction", 1, do_compaction },
	{ "branchWithSummary", 1, do_branch_with_summary },
	{ "custom", 1, do_custom },
	{ "customMessage", 1, do_custom_message },
	{ "info", 1, do_info },
	{ "label", 1, do_label },
	{ "contextEdit", 1, do_context_edit },
	{ "entry", 1, do_entry },
	{ "leaf", 1, do_leaf },
	{ "branch", 1, do_branch },
	{ "write", 1, do_write },
	{ "refresh", 1, do_refresh },
	{ "export", 1, do_export },
	{ "migrate", 0, do_migrate },
	{ "fileLimit", 0, do_file_limit },
	{ "look", 0, do_look },
};

/* ---- what the answer says ---- */

static void add_cstr_or_null(struct probe *p, const char *key, const char *value)
{
	ramet_json_key(&p->w, key);
	if (value)
		ramet_json_add_cstr(&p->w, value);
	else
		ramet_json_add_null(&p->w);
}

static void add_error(struct probe *p, const struct ramet_error *err)
{
	ramet_json_key(&p->w, "error");
	ramet_json_open_object(&p->w);
	add_cstr_or_null(p, "code", ramet_code_name(err->code));
	add_cstr_or_null(p, "text", err->text);
	add_cstr_or_null(p, "path", err->path);
	ramet_json_close_object(&p->w);
}

/* The leaf: its id, null before the first entry, and a row that tells a leaf without id apart. */
static void add_leaf(struct probe *p)
{
	const struct ramet_tree *t = ramet_session_tree(p->s);
	uint32_t leaf = ramet_session_leaf(p->s);

	ramet_json_key(&p->w, "leafRow");
	if (leaf == RAMET_NONE)
		ramet_json_add_null(&p->w);
	else
		ramet_json_add_int(&p->w, leaf);
	ramet_json_key(&p->w, "leaf");
	if (leaf == RAMET_NONE || (ramet_tree_row(t, leaf)->flags & RAMET_ROW_NO_ID))
		ramet_json_add_null(&p->w);
	else
		ramet_json_add_text(&p->w, ramet_tree_id(t, leaf));
}

static void add_entries(struct probe *p)
{
	const struct ramet_tree *t = ramet_session_tree(p->s);
	struct ramet_bytes json;

	ramet_json_key(&p->w, "entries");
	ramet_json_open_array(&p->w);
	for (uint32_t i = 0; i < ramet_tree_count(t); i++) {
		if (ramet_tree_entry(t, i, &p->scratch, &json, NULL) < 0)
			ramet_json_add_null(&p->w);
		else
			ramet_json_add_raw(&p->w, json);
	}
	ramet_json_close_array(&p->w);
}

static void add_labels(struct probe *p)
{
	struct ramet_labels labels = RAMET_LABELS_INIT;

	ramet_json_key(&p->w, "labels");
	ramet_json_open_object(&p->w);
	if (ramet_tree_labels(ramet_session_tree(p->s), &labels, NULL) == 0)
		for (uint32_t i = 0; i < labels.n; i++) {
			if (labels.items[i].target_row == RAMET_NONE)
				continue;
			ramet_json_key_bytes(&p->w, labels.items[i].target);
			ramet_json_add_text(&p->w, labels.items[i].text);
		}
	ramet_labels_release(&labels);
	ramet_json_close_object(&p->w);
}

static void add_context(struct probe *p)
{
	struct ramet_context *c = NULL;

	ramet_buf_reset(&p->scratch);
	ramet_json_key(&p->w, "context");
	if (ramet_context_new(&c, ramet_session_tree(p->s), ramet_session_leaf(p->s), NULL) == 0 &&
	    ramet_context_write(c, &p->scratch, NULL) == 0)
		ramet_json_add_raw(&p->w, ramet_buf_bytes(&p->scratch));
	else
		ramet_json_add_null(&p->w);
	ramet_context_free(c);
}

static void add_session(struct probe *p)
{
	ramet_json_key(&p->w, "session");
	if (!p->s) {
		ramet_json_add_null(&p->w);
		return;
	}
	ramet_json_open_object(&p->w);
	add_cstr_or_null(p, "path", ramet_session_path(p->s));
	add_cstr_or_null(p, "dir", ramet_session_dir(p->s));
	ramet_json_key(&p->w, "stored");
	ramet_json_add_bool(&p->w, ramet_session_stored(p->s));
	ramet_json_key(&p->w, "cwd");
	ramet_json_add_text(&p->w, ramet_session_cwd(p->s, ramet_bytes_of("<fallback>")));
	ramet_json_key(&p->w, "header");
	ramet_json_add_raw(&p->w, ramet_session_header(p->s)->json);
	add_leaf(p);
	ramet_json_key(&p->w, "name");
	ramet_buf_reset(&p->scratch);
	if (ramet_tree_name(ramet_session_tree(p->s), &p->scratch, NULL) == 1)
		ramet_json_add_text(&p->w, ramet_buf_bytes(&p->scratch));
	else
		ramet_json_add_null(&p->w);
	add_entries(p);
	add_labels(p);
	add_context(p);
	ramet_json_close_object(&p->w);
}

static void answer(struct probe *p, int r, const struct ramet_error *err)
{
	ramet_json_writer_init(&p->w, &p->out);
	ramet_json_open_object(&p->w);
	if (r < 0) {
		add_error(p, err);
	} else if (p->has_part) {
		ramet_json_key(&p->w, "returned");
		ramet_json_add_raw(&p->w, ramet_buf_bytes(&p->part));
	} else if (p->id[0]) {
		add_cstr_or_null(p, "returned", p->id);
	}
	add_session(p);
	ramet_json_close_object(&p->w);
	fwrite(p->out.ptr, 1, p->out.len, stdout);
	putchar('\n');
	fflush(stdout);
}

/* ---- main ---- */

static const struct command *command_of(const struct probe *p)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (ramet_json_text_is(member(p, "do"), commands[i].name))
			return &commands[i];
	return NULL;
}

static int obey(struct probe *p, struct ramet_bytes line)
{
	struct ramet_error err = { 0 };
	const struct command *c;
	int r;

	p->n_texts = 0;
	p->id[0] = '\0';
	p->has_part = 0;
	ramet_buf_reset(&p->out);
	ramet_buf_reset(&p->part);
	ramet_buf_reset(&p->scratch);
	if (ramet_json_parse(&p->doc, line, 0, &err) < 0)
		return fprintf(stderr, "probe_write: %s\n", err.text), 2;
	p->cmd = ramet_json_root(&p->doc);
	c = command_of(p);
	if (!c || (c->needs_session && !p->s))
		return fprintf(stderr, "probe_write: cannot do %.*s\n", RAMET_FMT(line)), 2;
	r = c->run(p, &err);
	if (r < 0 && err.code != r)
		return fprintf(stderr, "probe_write: error %d has code %d\n", r, err.code), 2;
	answer(p, r, &err);
	return ramet_buf_status(&p->out) < 0 ? 2 : 0;
}

int main(void)
{
	struct probe p = {
		.doc = RAMET_JSON_DOC_INIT,
		.out = RAMET_BUF_INIT(OUT_MAX),
		.part = RAMET_BUF_INIT(OUT_MAX),
		.scratch = RAMET_BUF_INIT(OUT_MAX),
	};
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int r = 0;

	signal(SIGXFSZ, SIG_IGN);
	for (unsigned i = 0; i < N_TEXTS; i++)
		ramet_buf_init(&p.texts[i], OUT_MAX);
	while (r == 0 && (len = getline(&line, &cap, stdin)) > 0)
		r = obey(&p, (struct ramet_bytes){ line, (size_t)len });
	(free)(line);
	ramet_session_close(p.s);
	ramet_json_doc_release(&p.doc);
	for (unsigned i = 0; i < N_TEXTS; i++)
		ramet_buf_release(&p.texts[i]);
	ramet_buf_release(&p.out);
	ramet_buf_release(&p.part);
	ramet_buf_release(&p.scratch);
	return r;
}
