/*
 * store/layout_pirust.c - pi_agent_rust's directory: names, locks, and what has to be told before a
 * session file changes.
 *
 * Before a byte is written the V2 sidecar is marked dirty, and a leafId in the header goes, since
 * it would hide what is appended: the original does both. The header is changed by putting a new
 * file in the place of the old one. Directory names are not injective ("/a/b" and "/a-b" share
 * one): that is the original's layout.
 */
#include "store/layout.h"

#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/newfile.h"
#include "ramet/pirust.h"
#include "store/layout_pi.h"
#include "store/pirust_index.h"
#include "store/session_priv.h"
#include "store/sidecar.h"

#define PATH_LEN_MAX ((size_t)1 << 20)
#define HEAD_LEN 4096u
#define HEADER_LEN_MAX ((size_t)1 << 20)
#define COPY_LEN ((size_t)1 << 20)
#define SHORT_ID 8
/* writing a row costs a hundred appends; one that was missed has another size than its file */
#define DEBOUNCE_MS 1000
enum { INDEXED_AT = 3 }; /* place in reader->state: when the index was last written */
#define KEY(text) { text, sizeof(text) - 1 }

static const char *variable(const char *name)
{
	const struct rameti_env *env = rameti_env_default();
	const char *value = env->getenv(env->user, name);

	return value && *value ? value : NULL;
}

static int status_of(const struct ramet_buf *b, struct ramet_error *err)
{
	return ramet_buf_status(b) < 0 ? rameti_fail_nomem(err) : 0;
}

/* ---- the leaf that the header names ---- */

/* The first bytes of the file: the header and its newline, or nothing if it is longer than is
 * looked at. */
static int read_header(const struct rameti_file *f, struct ramet_buf *head, struct ramet_error *err)
{
	size_t want = HEAD_LEN;
	int64_t n;

	for (;; want *= 16) {
		ramet_buf_reset(head);
		if (ramet_buf_reserve(head, want) < 0)
			return rameti_fail_nomem(err);
		n = rameti_file_read_at(f, head->ptr, want, 0, err);
		if (n < 0)
			return (int)n;
		head->len = (size_t)n;
		if (memchr(head->ptr, '\n', head->len))
			break;
		if (head->len < want || want >= HEADER_LEN_MAX) {
			head->len = 0;
			return 0;
		}
	}
	head->len = (size_t)((const char *)memchr(head->ptr, '\n', head->len) - head->ptr) + 1;
	return 0;
}

/* The header without its leafId; empty if it has none, or is no header. */
static int drop_leaf(struct ramet_bytes head, struct ramet_buf *out, struct ramet_error *err)
{
	static const char name[] = "\"leafId\"";
	struct ramet_json_edit edit = { KEY("leafId"), { NULL, 0 } };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_bytes line = { head.ptr, head.len ? head.len - 1 : 0 };
	const struct ramet_json *o;
	int r;

	if (!line.len || !memmem(line.ptr, line.len, name, sizeof(name) - 1))
		return 0;
	r = ramet_json_parse(&doc, line, 0, NULL);
	o = ramet_json_root(&doc);
	if (!r && ramet_json_get(o, "leafId"))
		r = ramet_json_edit(out, line, o, &edit, 1, err);
	if (!r && out->len)
		ramet_buf_add_char(out, '\n');
	ramet_json_doc_release(&doc);
	if (r == RAMET_ENOMEM || ramet_buf_status(out) < 0)
		return rameti_fail_nomem(err);
	return 0;
}

static int copy_rest(const struct rameti_file *from, uint64_t at, uint64_t end,
		     struct rameti_newfile *to, struct ramet_error *err)
{
	size_t len = end - at < COPY_LEN ? (size_t)(end - at) : COPY_LEN;
	struct ramet_bytes part = { ramet_alloc(len + !len), 0 };
	int64_t n;
	int r = part.ptr ? 0 : rameti_fail_nomem(err);

	while (!r && at < end) {
		len = end - at < COPY_LEN ? (size_t)(end - at) : COPY_LEN;
		n = rameti_file_read_at(from, (char *)part.ptr, len, at, err);
		part.len = n < 0 ? 0 : (size_t)n;
		if (n < (int64_t)len)
			r = n < 0 ? (int)n :
				    rameti_fail(err, RAMET_ECONFLICT, "the file is being cut");
		else
			r = rameti_newfile_write(to, part, err);
		at += part.len;
	}
	ramet_free((char *)part.ptr);
	return r;
}

/* The file with another header in front; RAMETI_LOG_AGAIN, since it is another file then. */
static int replace_header(const struct rameti_file *f, const char *path, size_t old_len,
			  struct ramet_bytes header, struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	uint64_t carried;
	struct stat st;
	int r = rameti_file_stat(f, &st, err);

	n.file.env = f->env;
	if (!r)
		r = rameti_newfile_open(&n, path, st.st_mode & 0777, err);
	if (!r)
		r = rameti_newfile_write(&n, header, err);
	if (!r)
		r = copy_rest(f, old_len, (uint64_t)st.st_size, &n, err);
	if (!r)
		r = rameti_newfile_commit_over(&n, f, (uint64_t)st.st_size, &carried, err);
	rameti_newfile_abort(&n);
	return r < 0 && r != RAMET_EUNKNOWN ? r : RAMETI_LOG_AGAIN;
}

static int forget_leaf(const struct rameti_env *env, const char *path, struct ramet_error *err)
{
	struct rameti_file f = { env, -1 };
	struct ramet_buf head = RAMET_BUF_INIT(2 * HEADER_LEN_MAX * 16),
			 header = RAMET_BUF_INIT(HEADER_LEN_MAX * 32);
	int r = rameti_file_open(&f, path, RAMETI_FILE_READ, err);

	if (!r)
		r = read_header(&f, &head, err);
	if (!r)
		r = drop_leaf(ramet_buf_bytes(&head), &header, err);
	if (!r && header.len)
		r = replace_header(&f, path, head.len, ramet_buf_bytes(&header), err);
	ramet_buf_release(&head);
	ramet_buf_release(&header);
	(void)rameti_file_close(&f);                         /* read only: nothing to lose */
	return r;
}

static int pirust_before(const struct rameti_env *env, const char *path, struct ramet_error *err)
{
	int r = rameti_sidecar_mark_dirty(env, path, err);

	return r < 0 ? r : forget_leaf(env, path, err);
}

/* ---- the session index ---- */

/* The row of the session in the index beside its folder, if there is an index. */
static void pirust_after(struct ramet_session *s, uint32_t first)
{
	const struct ramet_tree *t = s->reader.tree;
	const struct ramet_header *h = &s->reader.header;
	struct rameti_pirust_facts f;
	int64_t now = rameti_now_ms(s->source.file.env);
	int64_t before = (int64_t)s->reader.state[INDEXED_AT];
	int64_t since = now == RAMETI_TIME_NONE ? -1 : now - before;
	uint32_t row;

	for (row = first; row < ramet_tree_count(t); row++)
		if (ramet_tree_row(t, row)->type != RAMET_ENTRY_MESSAGE)
			since = -1;                      /* perhaps a name */
	if (before && since >= 0 && since < DEBOUNCE_MS)
		return;
	s->reader.state[INDEXED_AT] = now == RAMETI_TIME_NONE ? 0 : (uint64_t)now;
	if (rameti_pirust_facts_init(&f, NULL) < 0)
		return;
	rameti_pirust_facts_begin(&f);
	ramet_buf_add(&f.id, h->id);
	ramet_buf_add(&f.cwd, h->cwd);
	ramet_buf_add(&f.timestamp, h->timestamp);
	f.has_header = 1;
	f.has_name = ramet_tree_name(t, &f.name, NULL) > 0;
	for (row = 0; row < ramet_tree_count(t); row++)
		f.n_messages += ramet_tree_row(t, row)->type == RAMET_ENTRY_MESSAGE;
	if (!ramet_buf_status(&f.id) && !ramet_buf_status(&f.cwd) &&
	    !ramet_buf_status(&f.timestamp) && !ramet_buf_status(&f.name) && s->abs_path)
		rameti_pirust_index_note(s->abs_path, &f);
	rameti_pirust_facts_release(&f);
}

static int pirust_has_list(const struct rameti_env *env, const char *path)
{
	(void)env;
	return rameti_pirust_index_there(path);
}

static int pirust_removed(const struct rameti_env *env, const char *path, struct ramet_error *err)
{
	(void)env;
	(void)err;
	rameti_pirust_index_forget(path);
	return 0;
}

/* ---- names ---- */

int ramet_pirust_encode_cwd(struct ramet_bytes cwd, struct ramet_buf *out)
{
	for (; cwd.len && (*cwd.ptr == '/' || *cwd.ptr == '\\'); cwd.ptr++, cwd.len--)
		;
	ramet_buf_add_str(out, "--");
	for (; cwd.len; cwd.ptr++, cwd.len--)
		ramet_buf_add_char(out, memchr("/\\:", *cwd.ptr, 3) ? '-' : *cwd.ptr);
	ramet_buf_add_str(out, "--");
	return ramet_buf_status(out);
}

int ramet_pirust_sessions_root(struct ramet_buf *out, struct ramet_error *err)
{
	const char *given = variable("PI_SESSIONS_DIR");

	if (given)
		return rameti_pi_path(ramet_bytes_of(given), NULL, out, err);
	return ramet_pi_sessions_root(out, err);
}

static int is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* What of an id stands in a file's name: its first characters, or "session". */
static void add_short_id(struct ramet_bytes id, struct ramet_buf *out)
{
	char name[SHORT_ID + 1];
	size_t n = 0, own = 0;

	for (; id.len && n < SHORT_ID; id.ptr++, id.len--) {
		if (((unsigned char)*id.ptr & 0xc0) == 0x80)
			continue; /* inside a character */
		name[n] = is_name_char(*id.ptr) ? *id.ptr : '_';
		own += name[n++] != '_';
	}
	name[n] = '\0';
	ramet_buf_add_str(out, own ? name : "session");
}

int ramet_pirust_file_name(struct ramet_bytes id, int64_t now_ms, struct ramet_buf *out)
{
	char time[32], *p;

	rameti_time_format(now_ms, time);
	for (p = time; *p; p++)
		if (*p == ':')
			*p = '-';
	ramet_buf_addf(out, "%s_", time);
	add_short_id(id, out);
	ramet_buf_add_str(out, ".jsonl");
	return ramet_buf_status(out);
}

static int pirust_new_path(const char *dir, const struct rameti_draft_header *h,
			   struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_buf cwd = RAMET_BUF_INIT(PATH_LEN_MAX), path = RAMET_BUF_INIT(PATH_LEN_MAX);
	int r = rameti_pi_path(h->cwd.len ? h->cwd : ramet_bytes_of("."), NULL, &cwd, err);

	ramet_buf_add_str(&path, dir);
	if (strcmp(dir, "/"))
		ramet_buf_add_char(&path, '/');
	(void)ramet_pirust_encode_cwd(ramet_buf_bytes(&cwd), &path);
	if (!r)
		r = status_of(&path, err);
	if (!r)
		r = rameti_dir_make(NULL, path.ptr, 0, err);
	ramet_buf_add_char(&path, '/');
	(void)ramet_pirust_file_name(h->id, h->time_ms, &path);
	if (!r)
		r = status_of(&path, err);
	if (!r) {
		ramet_buf_add(out, ramet_buf_bytes(&path));
		r = status_of(out, err);
	}
	ramet_buf_release(&cwd);
	ramet_buf_release(&path);
	return r;
}

static int pirust_new_id(const struct rameti_env *env, struct ramet_buf *id,
			 struct ramet_error *err)
{
	char uuid[37];
	int r = rameti_uuid4(env, uuid, err);

	if (r < 0)
		return r;
	ramet_buf_add_str(id, uuid);
	return status_of(id, err);
}

static int pirust_is_name(const char *name)
{
	size_t len = strlen(name);

	return len > 6 && !strcmp(name + len - 6, ".jsonl") &&
	       strncmp(name, "session-index.", sizeof("session-index.") - 1);
}

static int pirust_is_dir_name(const char *name)
{
	size_t len = strlen(name);

	return !strstr(name, ".v2.") && !(len > 3 && !strcmp(name + len - 3, ".v2")) &&
	       strncmp(name, "session-index.", sizeof("session-index.") - 1);
}

/* 2026-11-21T11-26-08.455Z_1d80ddca.jsonl: pi has a - where this has the last dot. */
static int owns_name(const char *name)
{
	static const char form[] = "0000-00-00T00-00-00.000Z_";
	size_t i;

	for (i = 0; form[i]; i++)
		if (form[i] == '0' ? name[i] < '0' || name[i] > '9' : name[i] != form[i])
			return 0;
	return strlen(name + i) > strlen(".jsonl");
}

const struct rameti_layout rameti_layout_pirust = {
	.owns_name = owns_name,
	.format = "pirust",
	.lock_suffix = ".lock",
	.before = pirust_before,
	.after = pirust_after,
	.has_list = pirust_has_list,
	.removed = pirust_removed,
	.sides = rameti_sidecar_each,
	.remove_side = rameti_sidecar_remove,
	.root = ramet_pirust_sessions_root,
	.depth = 1,
	.is_name = pirust_is_name,
	.is_dir_name = pirust_is_dir_name,
	.new_id = pirust_new_id,
	.new_path = pirust_new_path,
	.new_name = ramet_pirust_file_name,
};

/* ---- sharing ---- */

int ramet_pirust_share_url(struct ramet_bytes gist, struct ramet_buf *out)
{
	const char *base = variable("PI_SHARE_VIEWER_URL");

	ramet_buf_add_str(out, base ? base : RAMET_PIRUST_SHARE_VIEWER_URL);
	ramet_buf_add_char(out, '#');
	ramet_buf_add(out, gist);
	return ramet_buf_status(out);
}
