/*
 * ops/yoi_find.c - which sessions and segments of yoi's a directory holds, and where they are.
 *
 * Names alone decide, as in the original: *.jsonl whose stem is a UUID, and directories named so.
 * Nothing is opened but a worker's session.json. Ids are compared as they stand; names that are no
 * ids never become paths.
 */
#include "ops/yoi_priv.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define IDS_MAX 0x7ffffffu
#define JSON_MAX (1u << 20)

int rameti_yoi_is_id(const char *text)
{
	size_t i, len = strlen(text);

	if (len != RAMET_YOI_ID_SIZE - 1)
		return 0;
	for (i = 0; i < len; i++) {
		int hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (hyphen ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i]))
			return 0;
	}
	return 1;
}

/* ---- a worker's directory ---- */

static int read_manifest(const char *path, char id[RAMET_YOI_ID_SIZE], struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(JSON_MAX);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_bytes session = { NULL, 0 };
	int r = rameti_file_open(&f, path, RAMETI_FILE_READ, err);

	if (r < 0)
		return r;
	r = rameti_file_read_all(&f, &text, err);
	(void)rameti_file_close(&f); /* read only */
	if (!r && !ramet_json_parse(&doc, ramet_buf_bytes(&text), 0, NULL))
		session = ramet_json_plain(ramet_json_get(ramet_json_root(&doc), "session_id"));
	if (!r && session.len == RAMET_YOI_ID_SIZE - 1) {
		memcpy(id, session.ptr, session.len);
		id[session.len] = '\0';
	}
	if (!r && !rameti_yoi_is_id(id))
		r = rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
				   "does not say which session it is");
	ramet_json_doc_release(&doc);
	ramet_buf_release(&text);
	return r;
}

int rameti_yoi_worker_session(const char *dir, char id[RAMET_YOI_ID_SIZE], int *is_worker,
			      struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_YOI_PATH_MAX);
	int r;

	*id = '\0';
	*is_worker = 0;
	ramet_buf_addf(&path, "%s/session/session.json", dir);
	if (ramet_buf_status(&path) < 0)
		r = rameti_fail_nomem(err);
	else
		r = read_manifest(path.ptr, id, err);
	ramet_buf_release(&path);
	if (r == RAMET_ENOTFOUND)
		return 0;
	*is_worker = !r;
	return r;
}

/* ---- ids in a directory ---- */

struct ids {
	char (*items)[RAMET_YOI_ID_SIZE];
	uint32_t n, cap;
	int files, dirs;
};

static int newest_first(const void *a, const void *b)
{
	return -strcasecmp(a, b);
}

static int keep_id(struct ids *ids, const char *name, size_t len)
{
	char id[RAMET_YOI_ID_SIZE];

	if (len != RAMET_YOI_ID_SIZE - 1)
		return 0;
	memcpy(id, name, len);
	id[len] = '\0';
	if (!rameti_yoi_is_id(id))
		return 0;
	if (rameti_grow((void **)&ids->items, &ids->cap, ids->n, sizeof(*ids->items), IDS_MAX) < 0)
		return RAMET_ENOMEM;
	memcpy(ids->items[ids->n++], id, sizeof(id));
	return 0;
}

static int see_name(void *user, const char *name, unsigned char type)
{
	struct ids *ids = user;
	size_t len = strlen(name);

	if (ids->files && type != DT_DIR && len > 6 && !strcmp(name + len - 6, ".jsonl"))
		return keep_id(ids, name, len - 6);
	if (ids->dirs && type != DT_REG)
		return keep_id(ids, name, len);
	return 0;
}

static int collect(struct ids *ids, const char *dir, struct ramet_error *err)
{
	int r = rameti_dir_each(NULL, dir, see_name, ids, err);

	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	if (!r && ids->n)
		qsort(ids->items, ids->n, sizeof(*ids->items), newest_first);
	return r;
}

static int tell(const struct ids *ids, ramet_yoi_id_fn *fn, void *user)
{
	uint32_t i;
	int r = 0;

	for (i = 0; !r && i < ids->n; i++)
		if (!i || strcasecmp(ids->items[i], ids->items[i - 1]) != 0)
			r = fn(user, ids->items[i]);
	return r;
}

int ramet_yoi_list_sessions(const char *dir, int shape, ramet_yoi_id_fn *fn, void *user,
			    struct ramet_error *err)
{
	struct ids ids = { .files = shape != 2, .dirs = shape != 1 };
	char owner[RAMET_YOI_ID_SIZE];
	int worker, r = rameti_yoi_worker_session(dir, owner, &worker, err);

	if (r < 0)
		return r;
	if (worker)
		return fn(user, owner);
	r = collect(&ids, dir, err);
	if (!r)
		r = tell(&ids, fn, user);
	ramet_free(ids.items);
	return r;
}

/* The directory that holds a session's segments, appended. */
static int segments_dir(const char *dir, const char *session, struct ramet_buf *path,
			struct ramet_error *err)
{
	char owner[RAMET_YOI_ID_SIZE];
	int worker, r = rameti_yoi_worker_session(dir, owner, &worker, err);

	if (r < 0)
		return r;
	if (!rameti_yoi_is_id(session))
		return rameti_fail(err, RAMET_EINVAL, "not a UUID: %.40s", session);
	if (worker && strcasecmp(session, owner) != 0)
		return rameti_fail_at(err, RAMET_ENOTFOUND, dir, 0, RAMET_NO_OFFSET,
				      "this worker owns session %s", owner);
	if (worker)
		ramet_buf_addf(path, "%s/session/segments", dir);
	else
		ramet_buf_addf(path, "%s/%s", dir, session);
	return ramet_buf_status(path) < 0 ? rameti_fail_nomem(err) : 0;
}

int ramet_yoi_list_segments(const char *dir, const char *session, ramet_yoi_id_fn *fn, void *user,
			    struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_YOI_PATH_MAX);
	struct ids ids = { .files = 1 };
	int r = segments_dir(dir, session, &path, err);

	if (!r)
		r = collect(&ids, path.ptr, err);
	if (!r)
		r = tell(&ids, fn, user);
	ramet_free(ids.items);
	ramet_buf_release(&path);
	return r;
}

/* ---- one of them ---- */

struct wanted {
	const char *dir, *segment;
	char session[RAMET_YOI_ID_SIZE];
	struct ramet_error *err;
};

static int is_there(const char *path)
{
	struct stat st;

	return !rameti_path_stat(NULL, path, &st, NULL) && S_ISREG(st.st_mode);
}

/* 1: this session has it. */
static int has_segment(void *user, const char *session)
{
	struct wanted *w = user;
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_YOI_PATH_MAX);
	int r = segments_dir(w->dir, session, &path, w->err);

	if (!r) {
		ramet_buf_addf(&path, "/%s.jsonl", w->segment);
		r = ramet_buf_status(&path) < 0 ? rameti_fail_nomem(w->err) : is_there(path.ptr);
	}
	if (r > 0)
		memcpy(w->session, session, RAMET_YOI_ID_SIZE);
	ramet_buf_release(&path);
	return r;
}

int ramet_yoi_find_segment(const char *dir, const char *segment, char session[RAMET_YOI_ID_SIZE],
			   struct ramet_error *err)
{
	struct wanted w = { .dir = dir, .segment = segment, .err = err };
	int r;

	if (!rameti_yoi_is_id(segment))
		return rameti_fail(err, RAMET_EINVAL, "not a UUID: %.40s", segment);
	r = ramet_yoi_list_sessions(dir, 2, has_segment, &w, err);
	if (!r)
		return rameti_fail_at(err, RAMET_ENOTFOUND, dir, 0, RAMET_NO_OFFSET,
				      "no session has segment %s", segment);
	if (r > 0)
		memcpy(session, w.session, RAMET_YOI_ID_SIZE);
	return r < 0 ? r : 0;
}

static int take_first(void *user, const char *id)
{
	memcpy(user, id, RAMET_YOI_ID_SIZE);
	return 1;
}

int ramet_yoi_find(const char *dir, const char *session, const char *segment,
		   struct ramet_buf *path, struct ramet_error *err)
{
	struct ramet_buf p = RAMET_BUF_INIT(RAMETI_YOI_PATH_MAX);
	char newest[RAMET_YOI_ID_SIZE] = "";
	int r = 0;

	if (!rameti_yoi_is_id(session) || (segment && *segment && !rameti_yoi_is_id(segment)))
		return rameti_fail(err, RAMET_EINVAL, "not a UUID");
	ramet_buf_addf(&p, "%s/%s.jsonl", dir, session);
	if (ramet_buf_status(&p) < 0)
		r = rameti_fail_nomem(err);
	if (!r && ((segment && *segment) || !is_there(p.ptr))) {
		if (!segment || !*segment)
			r = ramet_yoi_list_segments(dir, session, take_first, newest, err);
		segment = *newest ? newest : segment;
		ramet_buf_reset(&p);
		if (r >= 0)
			r = segments_dir(dir, session, &p, err);
		ramet_buf_addf(&p, "/%s.jsonl", segment ? segment : "");
		if (!r && ramet_buf_status(&p) < 0)
			r = rameti_fail_nomem(err);
		if (!r && !is_there(p.ptr))
			r = rameti_fail_at(err, RAMET_ENOTFOUND, p.ptr, 0, RAMET_NO_OFFSET,
					   "no such log");
	}
	if (!r) {
		ramet_buf_add(path, ramet_buf_bytes(&p));
		r = ramet_buf_status(path) < 0 ? rameti_fail_nomem(err) : 0;
	}
	ramet_buf_release(&p);
	return r;
}
