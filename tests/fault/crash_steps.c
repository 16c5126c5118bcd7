/*
 * crash_steps.c - the steps of workloads, through the public calls.
 *
 * Each step knows what its level promises once it has returned: that goes into the oracle with
 * the number of operations done by then. In this run nothing fails, but for one step's sync.
 */
#include "crash_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the oracle of a step ---- */

static void hold_line(struct crash_work *w, int handle, struct ramet_bytes json)
{
	struct crash_line *l;

	w->lines = crash_grow(w->lines, &w->cap_lines, w->n_lines + 1, sizeof(*w->lines));
	l = &w->lines[w->n_lines++];
	l->text = calloc(1, json.len + 1);
	if (!l->text)
		abort();
	memcpy(l->text, json.ptr, json.len);
	l->len = json.len;
	l->handle = handle;
}

/* All that this handle had acknowledged survives from now on. */
static void promise_held(struct crash_work *w, int handle)
{
	size_t i, left = 0;

	for (i = 0; i < w->n_lines; i++) {
		struct crash_line l = w->lines[i];

		if (l.handle != handle) {
			w->lines[left++] = l;
			continue;
		}
		(void)crash_promise(&w->oracle, w->path, l.text, l.len, w->run->n_ops);
		free(l.text);
	}
	w->n_lines = left;
}

/* The entry of this id is acknowledged. */
static int acknowledged(struct crash_work *w, int handle, const char *id, int ends_turn,
			struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(w->s[handle]);
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes json;
	uint32_t row = ramet_tree_find(t, ramet_bytes_of(id));
	int level = w->levels[handle];
	int r = ramet_tree_entry(t, row, &scratch, &json, err);

	if (!r)
		hold_line(w, handle, json);
	ramet_buf_release(&scratch);
	if (!r && ramet_session_stored(w->s[handle]) &&
	    (level == RAMET_LEVEL_EACH || (level == RAMET_LEVEL_TURN && ends_turn)))
		promise_held(w, handle);
	return r;
}

/* A file that appeared as a whole in this step. */
static void appeared(struct crash_work *w, const char *path, const char *before, size_t before_len,
		     int level)
{
	if (level != RAMET_LEVEL_NONE)
		(void)crash_change(&w->oracle, path, before, before_len, w->run, w->begun);
	else
		crash_know_path(&w->oracle, path);
}

/* ---- handles ---- */

static int have(struct crash_work *w, int handle, struct ramet_error *err)
{
	struct ramet_open_opts opts = { .create = 1, .level = w->levels[handle] };

	return w->s[handle] ? 0 : ramet_session_open(&w->s[handle], w->path, &opts, err);
}

/* Make sure of the handle and run an append with it; afterwards see whether the file is new. */
static int append_by(struct crash_work *w, int handle, int ends_turn,
		     int (*append)(struct crash_work *w, struct ramet_session *s, char *id,
				   struct ramet_error *err),
		     struct ramet_error *err)
{
	unsigned node = crash_find(w->start, w->path);
	int stored, r = have(w, handle, err);
	char id[RAMET_ID_SIZE];

	if (r < 0)
		return r;
	stored = ramet_session_stored(w->s[handle]);
	r = append(w, w->s[handle], id, err);
	if (r < 0)
		return r;
	if (!stored && ramet_session_stored(w->s[handle]))
		appeared(w, w->path, node ? "" : NULL, 0, w->levels[handle]);
	return acknowledged(w, handle, id, ends_turn, err);
}

static struct ramet_bytes next_text(struct crash_work *w, const char *format, char *to, size_t len)
{
	int n = snprintf(to, len, format, ++w->n_texts);

	return (struct ramet_bytes){ to, (size_t)n };
}

static int put_user(struct crash_work *w, struct ramet_session *s, char *id,
		    struct ramet_error *err)
{
	char text[128];

	return ramet_session_append_message(
		s, next_text(w, CRASH_USER("text %u"), text, sizeof(text)), id, err);
}

static int put_assistant(struct crash_work *w, struct ramet_session *s, char *id,
			 struct ramet_error *err)
{
	char text[128];

	return ramet_session_append_message(
		s, next_text(w, CRASH_ASSISTANT("answer %u"), text, sizeof(text)), id, err);
}

static int put_large(struct crash_work *w, struct ramet_session *s, char *id,
		     struct ramet_error *err)
{
	char text[6000], filler[5000];

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	(void)snprintf(text, sizeof(text), CRASH_USER("large %u %s"), ++w->n_texts, filler);
	return ramet_session_append_message(s, ramet_bytes_of(text), id, err);
}

static int put_label(struct crash_work *w, struct ramet_session *s, char *id,
		     struct ramet_error *err)
{
	uint32_t leaf = ramet_session_leaf(s);
	char text[32];

	if (leaf == RAMET_NONE)
		return put_user(w, s, id, err);
	return ramet_session_append_label(s, leaf, next_text(w, "mark %u", text, sizeof(text)), id,
					  err);
}

static int put_summary(struct crash_work *w, struct ramet_session *s, char *id,
		       struct ramet_error *err)
{
	struct ramet_summary b = { .tokens_before = 0 };
	char text[32];

	b.summary = next_text(w, "what was left %u", text, sizeof(text));
	return ramet_session_branch_with_summary(
		s, ramet_tree_count(ramet_session_tree(s)) ? 0 : RAMET_NONE, &b, id, err);
}

static int step_user(struct crash_work *w, struct ramet_error *err)
{
	return append_by(w, 0, 0, put_user, err);
}

static int step_assistant(struct crash_work *w, struct ramet_error *err)
{
	return append_by(w, 0, 1, put_assistant, err);
}

static int step_large(struct crash_work *w, struct ramet_error *err)
{
	return append_by(w, 0, 0, put_large, err);
}

static int step_other(struct crash_work *w, struct ramet_error *err)
{
	return append_by(w, 1, 0, put_user, err);
}

static int step_label(struct crash_work *w, struct ramet_error *err)
{
	return append_by(w, 0, 0, put_label, err);
}

static int step_summary(struct crash_work *w, struct ramet_error *err)
{
	return append_by(w, 0, 0, put_summary, err);
}

static int step_many(struct crash_work *w, struct ramet_error *err)
{
	unsigned node = crash_find(w->start, w->path);
	struct ramet_bytes messages[3];
	char texts[3][128], ids[3][RAMET_ID_SIZE];
	int i, stored, r = have(w, 0, err);

	if (r < 0)
		return r;
	messages[0] = next_text(w, CRASH_USER("first %u"), texts[0], sizeof(texts[0]));
	messages[1] = next_text(w, CRASH_ASSISTANT("second %u"), texts[1], sizeof(texts[1]));
	messages[2] = next_text(w, CRASH_USER("third %u"), texts[2], sizeof(texts[2]));
	stored = ramet_session_stored(w->s[0]);
	r = ramet_session_append_messages(w->s[0], messages, 3, ids, err);
	if (!r && !stored)
		appeared(w, w->path, node ? "" : NULL, 0, w->levels[0]);
	for (i = 0; !r && i < 3; i++)
		r = acknowledged(w, 0, ids[i], 1, err);
	return r;
}

static int step_write(struct crash_work *w, struct ramet_error *err)
{
	unsigned node = crash_find(w->start, w->path);
	int stored, r = have(w, 0, err);

	if (r < 0)
		return r;
	stored = ramet_session_stored(w->s[0]);
	r = ramet_session_write(w->s[0], err);
	if (!r && !stored)
		appeared(w, w->path, node ? "" : NULL, 0, w->levels[0]);
	return r;
}

static int sync_of(struct crash_work *w, int handle, struct ramet_error *err)
{
	int r = w->s[handle] ? ramet_session_sync(w->s[handle], err) : 0;

	if (!r && w->s[handle] && ramet_session_stored(w->s[handle]))
		promise_held(w, handle);
	return r;
}

static int step_sync(struct crash_work *w, struct ramet_error *err)
{
	return sync_of(w, 0, err);
}

static int step_sync_other(struct crash_work *w, struct ramet_error *err)
{
	return sync_of(w, 1, err);
}

void crash_forget(struct crash_work *w, int handle)
{
	size_t i, left = 0;

	for (i = 0; i < w->n_lines; i++)
		if (w->lines[i].handle == handle)
			free(w->lines[i].text);
		else
			w->lines[left++] = w->lines[i];
	w->n_lines = left;
	ramet_session_close(w->s[handle]);
	w->s[handle] = NULL;
}

/* Closing syncs nothing: what was not promised by then never is. */
static int step_reopen(struct crash_work *w, struct ramet_error *err)
{
	crash_forget(w, 0);
	return have(w, 0, err);
}

/* Time goes by. */
static int step_wait(struct crash_work *w, struct ramet_error *err)
{
	(void)err;
	w->run->now_ns += INT64_C(10) * 1000000000;
	return 0;
}

static int step_create(struct crash_work *w, struct ramet_error *err)
{
	char id[32];
	struct ramet_create_opts opts = { .id = id, .dir = CRASH_DIR, .write_now = 1,
					  .level = w->levels[0] };
	struct ramet_session *s = NULL;
	int r;

	(void)snprintf(id, sizeof(id), "made-%u", ++w->n_texts);
	r = ramet_session_create(&s, "/w", &opts, err);
	if (!r)
		appeared(w, ramet_session_path(s), NULL, 0, w->levels[0]);
	ramet_session_close(s);
	return r;
}

/* pi's rule, in a directory of its own that is not there: the file comes with the message. */
static int step_first(struct crash_work *w, struct ramet_error *err)
{
	char id[32], dir[64];
	struct ramet_create_opts opts = { .id = id, .dir = dir, .level = w->levels[0] };
	char path[sizeof(w->path)], entry[RAMET_ID_SIZE];
	int r;

	(void)snprintf(id, sizeof(id), "first-%u", ++w->n_texts);
	(void)snprintf(dir, sizeof(dir), "/home/u/made/%s", id);
	(void)snprintf(path, sizeof(path), "%s", w->path);
	r = ramet_session_create(&w->s[2], "/w", &opts, err);
	if (!r)
		r = ramet_session_append_model(w->s[2], ramet_bytes_of("p"), ramet_bytes_of("m"),
					       entry, err);
	if (!r)
		r = put_user(w, w->s[2], entry, err);
	if (!r) {
		(void)snprintf(w->path, sizeof(w->path), "%s", ramet_session_path(w->s[2]));
		appeared(w, w->path, NULL, 0, w->levels[2]);
		r = acknowledged(w, 2, entry, 0, err);
	}
	if (!r && w->levels[2] == RAMET_LEVEL_NONE)
		r = sync_of(w, 2, err);
	crash_forget(w, 2);
	(void)snprintf(w->path, sizeof(w->path), "%s", path);
	return r;
}

static int fork_into(struct crash_work *w, int branch, struct ramet_error *err)
{
	struct ramet_fork_opts opts = { .cwd = "/w", .dir = CRASH_DIR, .level = w->levels[0] };
	struct ramet_session *out = NULL;
	int r = have(w, 0, err);

	if (r < 0 || !ramet_session_stored(w->s[0]) || ramet_session_leaf(w->s[0]) == RAMET_NONE)
		return r;
	if (branch)
		r = ramet_fork_branch(&out, w->s[0], ramet_session_leaf(w->s[0]), &opts, err);
	else
		r = ramet_fork(&out, w->s[0], &opts, err);
	if (!r && ramet_session_stored(out))
		appeared(w, ramet_session_path(out), NULL, 0, w->levels[0]);
	ramet_session_close(out);
	return r;
}

static int step_fork(struct crash_work *w, struct ramet_error *err)
{
	return fork_into(w, 0, err);
}

static int step_fork_branch(struct crash_work *w, struct ramet_error *err)
{
	return fork_into(w, 1, err);
}

/* The bytes of the file now, which the caller frees. */
static char *bytes_now(const struct crash_work *w, size_t *len)
{
	const struct crash_node *n = &w->run->nodes[crash_find(w->run, w->path)];
	char *bytes = calloc(1, n->len + 1);

	if (!bytes)
		abort();
	memcpy(bytes, n->data, n->len);
	*len = n->len;
	return bytes;
}

/* The file was replaced, and is kept under another name. */
static void replaced(struct crash_work *w, const char *before, size_t len, const char *kept)
{
	int loose = w->levels[0] == RAMET_LEVEL_NONE;

	crash_change(&w->oracle, w->path, before, len, w->run, w->begun)->loose = loose;
	crash_change(&w->oracle, kept, NULL, 0, w->run, w->begun)->loose = loose;
}

static int step_migrate(struct crash_work *w, struct ramet_error *err)
{
	struct ramet_migration done;
	size_t len;
	char *before = bytes_now(w, &len);
	int r;

	crash_forget(w, 0);
	r = ramet_migrate(w->path, 0, &done, err);
	if (!r && *done.kept)
		replaced(w, before, len, done.kept);
	free(before);
	return r;
}

/* A torn tail goes, garbage goes; what was there stays under another name. */
static int step_repair(struct crash_work *w, struct ramet_error *err)
{
	struct ramet_repair_opts opts = { .salvage = 1 };
	struct ramet_repair done = { .done = 0 };
	size_t len;
	char *before = bytes_now(w, &len);
	int r;

	crash_forget(w, 0);
	r = ramet_repair(w->path, &opts, &done, err);
	if (!r && done.done) {
		replaced(w, before, len, done.kept);
		if (*done.lost)
			appeared(w, done.lost, NULL, 0, RAMET_LEVEL_EACH);
	}
	if (!r)
		ramet_repair_release(&done);
	free(before);
	return r;
}

/* All entries of the session are in its file for good. */
static int promise_all(struct crash_work *w, int handle, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(w->s[handle]);
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes json;
	uint32_t row;
	int r = 0;

	for (row = 0; !r && row < ramet_tree_count(t); row++) {
		r = ramet_tree_entry(t, row, &scratch, &json, err);
		if (!r)
			hold_line(w, handle, json);
	}
	ramet_buf_release(&scratch);
	promise_held(w, handle);
	return r;
}

/* A sync fails: the outcome is unknown; the handle recovers, and then all it shows is safe. */
static int step_doubt(struct crash_work *w, struct ramet_error *err)
{
	char id[RAMET_ID_SIZE];
	int r = have(w, 0, err);

	if (r < 0 || !ramet_session_stored(w->s[0]) || w->levels[0] != RAMET_LEVEL_EACH)
		return r;
	w->run->fail_syncs = 1;
	r = put_user(w, w->s[0], id, err);
	if (r != RAMET_EUNKNOWN)
		return RAMET_EUNKNOWN;
	r = ramet_session_recover(w->s[0], err);
	return r < 0 ? r : promise_all(w, 0, err);
}

/* What was promised for the path holds until now only. */
static void end_promises(struct crash_work *w, const char *alt)
{
	struct crash_oracle *o = &w->oracle;
	size_t i;

	for (i = 0; i < o->n_promises; i++) {
		if (strcmp(o->promises[i].path, w->path))
			continue;
		if (!alt)
			o->promises[i].until = w->begun;
		else
			o->promises[i].alt = strdup(alt);
	}
	for (i = 0; i < o->n_changes; i++)
		if (!strcmp(o->changes[i].path, w->path))
			o->changes[i].until = w->begun;
	w->gone = 1;
}

static int stored_now(struct crash_work *w)
{
	return crash_find(w->run, w->path) != CRASH_NONE;
}

static int step_remove(struct crash_work *w, struct ramet_error *err)
{
	int r;

	if (!stored_now(w))
		return 0;
	r = ramet_session_remove(w->path, err);
	if (!r)
		end_promises(w, NULL);
	return r;
}

static int step_trash(struct crash_work *w, struct ramet_error *err)
{
	struct ramet_buf where = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	if (!stored_now(w))
		return 0;
	r = ramet_session_trash(w->path, &where, err);
	if (!r) {
		end_promises(w, where.ptr);
		crash_know_path(&w->oracle, where.ptr);
	}
	ramet_buf_release(&where);
	return r;
}

const struct crash_step crash_steps[] = {
	{ "user", step_user },       { "assistant", step_assistant },
	{ "many", step_many },       { "other", step_other },
	{ "label", step_label },     { "summary", step_summary },
	{ "sync", step_sync },       { "reopen", step_reopen },
	{ "write", step_write },     { "create", step_create },
	{ "first", step_first },     { "fork", step_fork },
	{ "fork_branch", step_fork_branch },
	/* only in workloads made for them */
	{ "large", step_large },     { "sync_other", step_sync_other },
	{ "migrate", step_migrate }, { "remove", step_remove },
	{ "trash", step_trash },     { "repair", step_repair },
	{ "doubt", step_doubt },     { "wait", step_wait },
};
const unsigned crash_n_steps = sizeof(crash_steps) / sizeof(crash_steps[0]);
const unsigned crash_n_common = 13;

unsigned crash_step_of(const char *name)
{
	unsigned i;

	for (i = 0; i < crash_n_steps; i++)
		if (!strcmp(crash_steps[i].name, name))
			return i;
	abort();
}
