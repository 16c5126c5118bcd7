/*
 * store/sidecar_install.c - directories that take a place, leave it, or go.
 *
 * A sidecar is replaced by two renames: the old one to .backup, the new one into its place. What is
 * removed was looked at before: every frame in it is in the JSONL, and nothing else of worth is
 * there. All else is renamed to .kept. Leftovers of a crash are recognised by their names.
 */
#include "store/sidecar_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/newfile.h"

#define LEFTOVERS_MAX 4096u

void rameti_sc_note_kept(struct ramet_sidecar_report *report, const char *path)
{
	size_t len = strlen(path), room = sizeof(report->kept) - 1;

	if (!report)
		return;
	report->n_kept++;
	report->changed = 1;
	len = len > room ? len - room : 0;           /* a longer one keeps its end */
	memcpy(report->kept, path + len, strlen(path + len) + 1);
}

/* ---- is all of it elsewhere ---- */

struct looking {
	const struct rameti_env *env;
	const struct rameti_sc_source *source;
	const char *where; /* name of the directory in the sidecar; "": the sidecar itself */
	char path[SC_PATH];
	struct ramet_json_doc doc;
};

static int has_frame(struct looking *k, struct ramet_bytes record)
{
	struct rameti_sc_frame f;
	struct ramet_error why;
	char sha[SC_HEX];
	uint32_t row;

	if (rameti_sc_frame_parse(&k->doc, record, &f, &why) < 0 ||
	    !rameti_map_get(&k->source->graph.ids, f.id, &row))
		return 0;
	rameti_hex(k->source->shas[row], 32, sha);
	return !strcmp(sha, f.sha);
}

/* Every line of a segment file is a frame of the source. */
static int has_segment(struct looking *k, const char *path)
{
	struct ramet_buf record = RAMET_BUF_INIT(SC_LINE_MAX + 2);
	struct rameti_file f = { k->env, -1 };
	struct rameti_lines lines;
	struct rameti_lines_item item;
	struct stat st;
	int r, ok = 1;

	memset(&lines, 0, sizeof(lines));
	r = rameti_sc_open(&f, path, NULL);
	if (!r)
		r = rameti_file_stat(&f, &st, NULL);
	if (!r)
		r = rameti_lines_open(&lines, &f, 0, (uint64_t)st.st_size, (size_t)SC_LINE_MAX,
				      NULL);
	while (!r && ok && (r = rameti_lines_next(&lines, &item, NULL)) > 0) {
		ramet_buf_reset(&record);
		ramet_buf_add(&record, item.text);
		ramet_buf_add_char(&record, '\n');
		ok = !item.too_long && !ramet_buf_status(&record) &&
		     has_frame(k, ramet_buf_bytes(&record));
		r = 0;
	}
	rameti_lines_close(&lines);
	if (f.fd >= 0)
		(void)rameti_file_close(&f);                 /* read only: nothing to lose */
	ramet_buf_release(&record);
	return ok && r >= 0;
}

static int starts(const char *name, const char *with)
{
	return !strncmp(name, with, strlen(with));
}

/* Files that are only about the sidecar itself. */
static int is_own(const char *where, const char *name)
{
	if (!strcmp(name, ".keep"))
		return 1;
	if (!*where)
		return !strcmp(name, "manifest.json") || !strcmp(name, "source-state.json") ||
		       !strcmp(name, "store.mutation.lock") || starts(name, ".manifest.json.") ||
		       starts(name, ".source-state.json.");
	if (!strcmp(where, "index"))
		return starts(name, "offsets.jsonl") || starts(name, ".offsets.jsonl.");
	if (!strcmp(where, "migrations"))
		return !strcmp(name, "ledger.jsonl") || starts(name, ".ledger.jsonl.");
	if (!strcmp(where, "tmp"))
		return !strcmp(name, "manifest.json.tmp") || !strcmp(name, "offsets.rebuild.tmp") ||
		       !strcmp(name, "offsets.rollback.stage");
	return 0;
}

/* 1 stops the walk: something of worth. */
static int look(void *user, const char *name, unsigned char type)
{
	struct looking *k = user;
	char path[SC_PATH];
	int i;

	(void)type;
	for (i = 0; !*k->where && rameti_sc_dirs[i]; i++)
		if (!strcmp(name, rameti_sc_dirs[i]))
			return 0;
	if (is_own(k->where, name))
		return 0;
	if (strcmp(k->where, "segments") || rameti_sc_join(path, k->path, name, NULL) < 0)
		return 1;
	return !has_segment(k, path);
}

int rameti_sc_redundant(const struct rameti_env *env, const char *dir,
			const struct rameti_sc_source *source)
{
	struct looking k;
	int r, i;

	if (!source || rameti_sc_check_dirs(env, dir, NULL) < 0)
		return 0;
	memset(&k, 0, sizeof(k));
	k.env = env;
	k.source = source;
	k.where = "";
	(void)snprintf(k.path, sizeof(k.path), "%s", dir);
	r = rameti_dir_each(env, dir, look, &k, NULL);
	for (i = 0; !r && rameti_sc_dirs[i]; i++) {
		k.where = rameti_sc_dirs[i];
		r = rameti_sc_join(k.path, dir, k.where, NULL);
		if (!r)
			r = rameti_dir_each(env, k.path, look, &k, NULL);
		if (r == RAMET_ENOTFOUND)
			r = 0;
	}
	ramet_json_doc_release(&k.doc);
	return !r;
}

/* ---- removing ---- */

struct removing {
	const struct rameti_env *env;
	const char *dir;
	struct ramet_buf names;                  /* each with its NUL */
};

static int note_name(void *user, const char *name, unsigned char type)
{
	struct removing *m = user;

	(void)type;
	ramet_buf_add(&m->names, (struct ramet_bytes){ name, strlen(name) + 1 });
	return ramet_buf_status(&m->names);
}

/* The files of one directory, then the directory; another directory in it makes that fail. */
static int remove_flat(const struct rameti_env *env, const char *dir, struct ramet_error *err)
{
	struct removing m = { env, dir, RAMET_BUF_INIT(SC_DOC_MAX * 16) };
	char path[SC_PATH];
	size_t at;
	int r = rameti_dir_each(env, dir, note_name, &m, err);

	if (r == RAMET_ENOTFOUND) {
		ramet_buf_release(&m.names);
		return 0;
	}
	if (ramet_buf_status(&m.names) < 0)
		r = rameti_sc_status(&m.names, err);
	for (at = 0; !r && at < m.names.len; at += strlen(m.names.ptr + at) + 1) {
		r = rameti_sc_join(path, dir, m.names.ptr + at, err);
		if (!r && env->unlink(env->user, path) < 0 && errno != ENOENT)
			r = rameti_fail_sys(err, errno, path, "cannot remove");
	}
	if (!r && env->rmdir(env->user, dir) < 0)
		r = rameti_fail_sys(err, errno, dir, "cannot remove");
	ramet_buf_release(&m.names);
	return r;
}

int rameti_sc_remove(const struct rameti_env *env, const char *dir, struct ramet_error *err)
{
	char path[SC_PATH];
	int r = rameti_sc_check_dirs(env, dir, err), i;

	for (i = 0; !r && rameti_sc_dirs[i]; i++) {
		r = rameti_sc_join(path, dir, rameti_sc_dirs[i], err);
		if (!r)
			r = remove_flat(env, path, err);
	}
	return r < 0 ? r : remove_flat(env, dir, err);
}

static int keep(const struct rameti_sc_place *p, const char *dir,
		struct ramet_sidecar_report *report, struct ramet_error *err)
{
	char kept[SC_PATH];
	int r = rameti_sc_beside(p, "kept", kept, err);

	if (!r && p->env->rename_new(p->env->user, dir, kept) < 0)
		r = rameti_fail_sys(err, errno, dir, "cannot move aside");
	if (!r)
		r = rameti_dir_sync(p->env, dir, err);
	if (!r)
		rameti_sc_note_kept(report, kept);
	return r;
}

int rameti_sc_dispose(const struct rameti_sc_place *p, const char *dir,
		      const struct rameti_sc_source *source, struct ramet_sidecar_report *report,
		      struct ramet_error *err)
{
	int r;

	if (!rameti_sc_redundant(p->env, dir, source))
		return keep(p, dir, report, err);
	r = rameti_sc_remove(p->env, dir, err);
	if (!r)
		r = rameti_dir_sync(p->env, dir, err);
	if (!r && report) {
		report->n_removed++;
		report->changed = 1;
	}
	return r;
}

/* ---- taking the place ---- */

static int move(const struct rameti_sc_place *p, const char *from, const char *to,
		struct ramet_error *err)
{
	if (p->env->rename_new(p->env->user, from, to) < 0)
		return rameti_fail_sys(err, errno, from, "cannot rename");
	return rameti_dir_sync(p->env, to, err);
}

int rameti_sc_install(const struct rameti_sc_place *p, const char *dir,
		      const struct rameti_sc_source *source, struct ramet_sidecar_report *report,
		      struct ramet_error *err)
{
	char backup[SC_PATH];
	uint64_t n_left = 0;
	int there = rameti_sc_exists(p->env, p->dir, err), r;

	if (there <= 0)
		return there < 0 ? there : move(p, dir, p->dir, err);
	r = rameti_sc_check_dirs(p->env, p->dir, err);
	if (!r)
		r = rameti_sc_beside(p, "backup", backup, err);
	if (!r)
		r = move(p, p->dir, backup, err);
	if (r < 0)
		return r;
	r = move(p, dir, p->dir, err);
	if (r < 0) {
		(void)move(p, backup, p->dir, NULL);         /* else recover finds both */
		return r;
	}
	/* the events came along; with one that could not, the old directory is of worth */
	r = rameti_sc_ledger_carry(p->env, backup, NULL, &n_left, NULL);
	return rameti_sc_dispose(p, backup, r < 0 || n_left ? NULL : source, report, err);
}

/* ---- leftovers ---- */

struct listing {
	struct rameti_sc_leftovers *l;
	const char *base;                        /* NAME.v2 */
	char dir[SC_PATH];
	struct ramet_error *err;
};

static int on_leftover(void *user, const char *name, unsigned char type)
{
	static const char *const kinds[] = { ".staging.", ".backup.", ".gone.", ".kept." };
	struct listing *g = user;
	struct rameti_sc_leftovers *l = g->l;
	size_t len = strlen(g->base);
	uint32_t cap = l->cap;
	int kind, r;

	(void)type;
	if (strncmp(name, g->base, len))
		return 0;
	for (kind = 0; kind < 4 && !starts(name + len, kinds[kind]); kind++)
		;
	if (kind == 4 || strlen(name + len + strlen(kinds[kind])) != 32)
		return 0;
	r = rameti_grow((void **)&l->items, &l->cap, l->n, sizeof(*l->items), LEFTOVERS_MAX);
	if (!r && l->cap != cap) {
		uint8_t *more = ramet_realloc(l->kinds, l->cap);

		r = more ? 0 : RAMET_ENOMEM;
		l->kinds = more ? more : l->kinds;
	}
	if (r < 0)
		return rameti_fail(g->err, r, "too many directories beside the sidecar");
	r = rameti_sc_join(l->items[l->n], g->dir, name, g->err);
	if (!r)
		l->kinds[l->n++] = (uint8_t)kind;
	return r;
}

int rameti_sc_leftovers(struct rameti_sc_leftovers *l, const struct rameti_sc_place *p,
			struct ramet_error *err)
{
	struct listing g = { l, rameti_path_base(p->dir), "", err };
	size_t len = (size_t)(g.base - p->dir);

	memset(l, 0, sizeof(*l));
	(void)snprintf(g.dir, sizeof(g.dir), "%.*s", (int)(len > 1 ? len - 1 : len), p->dir);
	if (!len)
		(void)snprintf(g.dir, sizeof(g.dir), ".");
	return rameti_dir_each(p->env, g.dir, on_leftover, &g, err);
}

void rameti_sc_leftovers_release(struct rameti_sc_leftovers *l)
{
	ramet_free(l->items);
	ramet_free(l->kinds);
	memset(l, 0, sizeof(*l));
}
