/*
 * store/layout_ggcode_index.c - index.json of ggcode: one entry put in or taken out.
 *
 * Under flock on index.json.flock: read, changed where the entry stands, written beside, renamed;
 * bytes of other entries stay as they are, members we do not know too. An index that cannot be
 * parsed is never written over.
 */
#include "store/layout_ggcode_priv.h"

#include <errno.h>
#include <string.h>

#include "base/add.h"
#include "base/eight.h"
#include "base/error.h"
#include "base/newfile.h"
#include "json/scan.h"

#define LOCK_WAIT_MS 2000
#define INDEX_MAX ((size_t)RAMET_JSON_LEN_MAX)

static int path_in(const char *dir, const char *name, struct ramet_buf *path,
		   struct ramet_error *err)
{
	ramet_buf_add_str(path, dir);
	ramet_buf_add_str(path, name);
	return rameti_gg_done(path, err);
}

static int not_an_index(const char *path, struct ramet_error *err)
{
	return rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
			      "not an index of ggcode");
}

static int parse(struct ramet_buf *text, struct ramet_json_doc *doc, const struct ramet_json **root,
		 const char *path, struct ramet_error *err)
{
	const struct ramet_json *entry = NULL;
	struct ramet_bytes all = rameti_utf8_trim(ramet_buf_bytes(text));
	int r;

	*root = NULL;
	if (!all.len)
		return 0;
	r = ramet_json_parse(doc, ramet_buf_bytes(text), 0, NULL);
	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	*root = r ? NULL : ramet_json_root(doc);
	if (!r && ramet_json_kind(*root) == RAMET_JSON_NULL)
		*root = NULL;
	else if (r < 0 || ramet_json_kind(*root) != RAMET_JSON_ARRAY)
		return not_an_index(path, err);
	while (*root && (entry = ramet_json_next(*root, entry)) != NULL)
		if (entry->kind != RAMET_JSON_NULL && !rameti_gg_index_fits(entry))
			return not_an_index(path, err);
	return 0;
}

/* mode: of the file, when it is there. */
static int read_index(const struct rameti_env *env, const char *dir, struct ramet_buf *text,
		      mode_t *mode, struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	struct stat st;
	int r = path_in(dir, RAMETI_GG_INDEX, &path, err);

	f.env = env;
	if (!r)
		r = rameti_file_open(&f, path.ptr, RAMETI_FILE_READ, err);
	if (!r)
		r = rameti_file_stat(&f, &st, err);
	if (!r)
		r = rameti_file_read_all(&f, text, err);
	if (!r)
		*mode = st.st_mode & 0777;
	if (f.fd >= 0)
		(void)rameti_file_close(&f);
	ramet_buf_release(&path);
	return r == RAMET_ENOTFOUND ? 0 : r;
}

int rameti_gg_index_read(const struct rameti_env *env, const char *dir, struct ramet_buf *text,
			 struct ramet_json_doc *doc, const struct ramet_json **root,
			 struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	mode_t mode;
	int r = read_index(env, dir, text, &mode, err);

	*root = NULL;
	if (!r)
		r = path_in(dir, RAMETI_GG_INDEX, &path, err);
	if (!r)
		r = parse(text, doc, root, path.ptr, err);
	ramet_buf_release(&path);
	return r;
}

/* ---- an entry ---- */

static const char *const known[] = { "id",	   "title",	"preview",   "created_at",
				     "updated_at", "msg_count", "workspace", "vendor",
				     "endpoint",   "model",	NULL };

static void add_key(struct ramet_buf *out, const char *key)
{
	ramet_buf_addf(out, ",\n    \"%s\": ", key);
}

static void add_text(struct ramet_buf *out, const char *key, struct ramet_bytes text,
		     const struct ramet_json *old, int always)
{
	struct ramet_buf kept = RAMET_BUF_INIT(INDEX_MAX);

	if (!text.ptr) {
		ramet_json_text(rameti_gg_get(old, key), &kept);
		text = ramet_buf_bytes(&kept);
	}
	if (text.len || always) {
		add_key(out, key);
		rameti_gg_add_text(out, text, 1);
	}
	if (ramet_buf_status(&kept) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_release(&kept);
}

static void add_title(struct ramet_buf *out, const struct rameti_gg_listed *l,
		      const struct ramet_json *old)
{
	const struct ramet_json *before = rameti_gg_get(old, "title");
	int has = ramet_json_kind(before) == RAMET_JSON_STRING && before->len > 2;

	add_text(out, "title", l->title.ptr || has ? l->title : l->fallback_title, old, 1);
}

static int is_known(const struct ramet_json *key)
{
	size_t i;

	for (i = 0; known[i]; i++)
		if (rameti_gg_key_is(key, known[i]))
			return 1;
	return 0;
}

/* Members of an entry that we do not know, as they are. */
static void add_others(struct ramet_buf *out, const struct ramet_json *old)
{
	const struct ramet_json *key = NULL, *value;

	while (old && (key = ramet_json_next(old, key)) != NULL) {
		value = ramet_json_next(old, key);
		if (!is_known(key)) {
			ADD(out, ",\n    ");
			ramet_buf_add(out, ramet_json_raw(key));
			ADD(out, ": ");
			ramet_buf_add(out, ramet_json_raw(value));
		}
		key = value;
	}
}

static void add_entry(struct ramet_buf *out, const struct rameti_gg_listed *l,
		      const struct ramet_json *old)
{
	const struct ramet_json *before_at = rameti_gg_get(old, "created_at");
	struct ramet_bytes created = l->created_at;
	double before = ramet_json_number(rameti_gg_get(old, "msg_count"));
	int64_t count =
		before > (double)l->msg_count && before < 9e15 ? (int64_t)before : l->msg_count;

	ADD(out, "{\n    \"id\": ");
	rameti_gg_add_text(out, l->id, 1);
	add_title(out, l, old);
	add_text(out, "preview", l->preview, old, 0);
	add_key(out, "created_at");
	if (!created.ptr && ramet_json_kind(before_at) == RAMET_JSON_STRING)
		created = ramet_json_raw(before_at);
	ramet_buf_add(out, created.ptr ? created : l->fallback_created_at);
	add_key(out, "updated_at");
	ramet_buf_add(out, l->updated_at);
	add_key(out, "msg_count");
	ramet_buf_addf(out, "%lld", (long long)count);
	add_text(out, "workspace", l->workspace, old, 0);
	add_text(out, "vendor", l->vendor, old, 0);
	add_text(out, "endpoint", l->endpoint, old, 0);
	add_text(out, "model", l->model, old, 0);
	add_others(out, old);
	ADD(out, "\n  }");
}

/* ---- the whole ---- */

static int is_id(const struct ramet_json *entry, struct ramet_bytes id)
{
	const struct ramet_json *v = rameti_gg_get(entry, "id");

	return ramet_json_kind(v) == RAMET_JSON_STRING && rameti_json_raw_is(ramet_json_raw(v), id);
}

static void add_span(struct ramet_buf *out, const char *from, const char *to)
{
	if (to > from)
		ramet_buf_add(out, (struct ramet_bytes){ from, (size_t)(to - from) });
}

/* Without the entry, and without a comma beside it. 0: it was not there. */
static int without_entry(struct ramet_buf *out, struct ramet_bytes text,
			 const struct ramet_json *root, struct ramet_bytes id)
{
	const struct ramet_json *e = NULL, *next;
	const char *from = root->ptr, *end = text.ptr + text.len;
	int n = 0, gone = 0;

	add_span(out, text.ptr, root->ptr);
	ADD(out, "[");
	while ((e = ramet_json_next(root, e)) != NULL) {
		if (is_id(e, id)) {
			gone++;
			continue;
		}
		ramet_buf_add_str(out, n++ ? ",\n  " : "\n  ");
		ramet_buf_add(out, ramet_json_raw(e));
	}
	next = root;
	from = next->ptr + next->len;
	ramet_buf_add_str(out, n ? "\n]" : "]");
	add_span(out, from, end);
	return gone;
}

static int replace(const struct rameti_env *env, const char *path, mode_t mode,
		   const struct ramet_bytes *pieces, int n_pieces, struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	int i, r;

	n.file.env = env;
	r = rameti_newfile_open(&n, path, mode, err);
	for (i = 0; !r && i < n_pieces; i++)
		if (pieces[i].len)
			r = rameti_newfile_write(&n, pieces[i], err);
	if (!r)
		r = rameti_newfile_commit(&n, RAMETI_NEWFILE_REPLACE | RAMETI_NEWFILE_SYNC, err);
	rameti_newfile_abort(&n);
	return r;
}

struct change {
	const struct rameti_gg_listed *put; /* NULL: take out */
	struct ramet_bytes drop;
};

/* Where an entry stands in the text of an index, or where it would. */
struct place {
	struct ramet_bytes old; /* ptr NULL: it is not there */
	const char *last; /* end of the last entry; NULL: there is none */
};

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
		p++;
	return p;
}

/* Behind the string at p, or end. */
static const char *skip_string(const char *p, const char *end)
{
	const char *from = ++p, *back;

	for (; (p = memchr(p, '"', (size_t)(end - p))) != NULL; p++) {
		for (back = p; back > from && back[-1] == '\\';)
			back--;
		if (!((p - back) & 1))
			return p + 1;
	}
	return end;
}

/* Behind the value at p, as far as brackets and commas tell. */
static const char *skip_value(const char *p, const char *end)
{
	size_t depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		if (!depth && (*p == ',' || *p == ']'))
			return p;
		depth += *p == '{' || *p == '[';
		depth -= depth && (*p == '}' || *p == ']');
		p++;
	}
	return end;
}

static int at(const char **p, const char *end, const char *text, size_t n)
{
	if ((size_t)(end - *p) < n || memcmp(*p, text, n) != 0)
		return 0;
	*p += n;
	return 1;
}

/* How many of these eight bytes stand before one that a plain string cannot have. */
static unsigned n_plain(const char *p)
{
	uint64_t stop = rameti_eight_unplain(rameti_eight(p));

	return stop ? (unsigned)__builtin_ctzll(stop) / 8 : 8;
}

/* Over a string without escapes; its inside. */
static int plain_string(const char **p, const char *end, struct ramet_bytes *inside)
{
	const char *q = *p;
	unsigned n = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 8 : 0;

	if (q == end || *q != '"')
		return 0;
	for (q++; n == 8 && end - q >= 8; q += n)
		n = n_plain(q);
	for (; q < end && (unsigned char)*q >= 0x20 && *q != '"' && *q != '\\'; q++)
		;
	if (q == end || *q != '"')
		return 0;
	*inside = (struct ramet_bytes){ *p + 1, (size_t)(q - *p - 1) };
	*p = q + 1;
	return 1;
}

static int small_number(const char **p, const char *end)
{
	const char *q = *p;

	while (q < end && *q >= '0' && *q <= '9')
		q++;
	if (q == *p || q - *p > 18 || (**p == '0' && q - *p > 1))
		return 0;
	*p = q;
	return 1;
}

/* Over an entry in the very form that ggcode writes, with nothing in it to decode: what is
 * otherwise in any way is left to the parser (0). */
static int quick_entry(const char **from, const char *end, struct ramet_bytes *id)
{
#define MEMBER(key) ",\n    \"" key "\": ", sizeof(",\n    \"" key "\": ") - 1
	static const struct {
		const char *text;
		size_t len;
		char kind;
	} members[] = {
		{ MEMBER("title"), 's' },      { MEMBER("preview"), 's' },
		{ MEMBER("created_at"), 't' }, { MEMBER("updated_at"), 't' },
		{ MEMBER("msg_count"), 'n' },  { MEMBER("workspace"), 's' },
		{ MEMBER("vendor"), 's' },     { MEMBER("endpoint"), 's' },
		{ MEMBER("model"), 's' },
	};
	static const char first[] = "{\n    \"id\": ", last[] = "\n  }";
	const char *p = *from;
	struct rameti_gg_time time;
	struct ramet_bytes text;
	size_t i;

	if (!at(&p, end, first, sizeof(first) - 1) || !plain_string(&p, end, id))
		return 0;
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (!at(&p, end, members[i].text, members[i].len))
			continue;
		if (members[i].kind == 'n' ? !small_number(&p, end) : !plain_string(&p, end, &text))
			return 0;
		if (members[i].kind == 't' && !rameti_gg_time_parse(text, &time))
			return 0;
	}
	if (!at(&p, end, last, sizeof(last) - 1))
		return 0;
	*from = p;
	return 1;
}

/* Over an entry of any form. 0, 1: it is none, ENOMEM. */
static int any_entry(const char **p, const char *end, struct ramet_json_doc *doc,
		     struct ramet_bytes id, struct ramet_bytes *raw, int *is_it)
{
	const struct ramet_json *entry;
	int r;

	raw->ptr = *p;
	*p = skip_value(*p, end);
	raw->len = (size_t)(*p - raw->ptr);
	r = ramet_json_parse(doc, *raw, 0, NULL);
	if (r < 0)
		return r == RAMET_ENOMEM ? r : 1;
	entry = ramet_json_root(doc);
	*raw = ramet_json_raw(entry);
	*is_it = is_id(entry, id);
	return entry->kind != RAMET_JSON_NULL && !rameti_gg_index_fits(entry);
}

/* Read an index from behind its bracket, entry by entry, since all of it at once takes more memory
 * than a cache holds. 0, 1: it is none, ENOMEM. */
static int look_through(const char *p, const char *end, struct ramet_bytes id,
			struct ramet_json_doc *doc, struct place *place)
{
	struct ramet_bytes raw, found;
	int is_it, r;

	for (p = skip_space(p, end); place->last || p == end || *p != ']'; p++) {
		p = skip_space(p, end);
		raw.ptr = p;
		if (quick_entry(&p, end, &found)) {
			raw.len = (size_t)(p - raw.ptr);
			is_it = ramet_bytes_eq(found, id);
		} else if ((r = any_entry(&p, end, doc, id, &raw, &is_it)) != 0) {
			return r;
		}
		if (is_it && !place->old.ptr)
			place->old = raw;
		place->last = raw.ptr + raw.len;
		p = skip_space(p, end);
		if (p == end || *p != ',')
			break;
	}
	if (p < end && *p != ']')
		return 1;
	return p == end || skip_space(p + 1, end) != end;
}

/* The index with the entry in the place of its old one, or at the end: pieces of text and out. */
static int with_entry(struct ramet_buf *out, struct ramet_bytes text, struct ramet_json_doc *doc,
		      const struct place *at, const struct rameti_gg_listed *l,
		      struct ramet_bytes pieces[3])
{
	const char *from = at->old.ptr, *to = from ? from + at->old.len : NULL;

	if (!at->last) {
		ADD(out, "[\n  ");
		add_entry(out, l, NULL);
		ADD(out, "\n]");
		pieces[0] = pieces[2] = (struct ramet_bytes){ NULL, 0 };
		pieces[1] = ramet_buf_bytes(out);
		return 0;
	}
	if (!from) {
		ADD(out, ",\n  ");
		from = to = at->last;
	} else if (ramet_json_parse(doc, at->old, 0, NULL) < 0) {
		return RAMET_ENOMEM; /* it could be read before */
	}
	add_entry(out, l, at->old.ptr ? ramet_json_root(doc) : NULL);
	pieces[0] = (struct ramet_bytes){ text.ptr, (size_t)(from - text.ptr) };
	pieces[1] = ramet_buf_bytes(out);
	pieces[2] = (struct ramet_bytes){ to, (size_t)(text.ptr + text.len - to) };
	return 0;
}

static int put_in(struct ramet_buf *text, struct ramet_buf *out, struct ramet_json_doc *doc,
		  const struct rameti_gg_listed *l, const char *path, struct ramet_bytes pieces[3],
		  struct ramet_error *err)
{
	struct ramet_bytes all = ramet_buf_bytes(text);
	const char *end = all.ptr + all.len, *p = skip_space(all.ptr, end);
	struct place place = { { NULL, 0 }, NULL };
	const struct ramet_json *root;
	int r;

	if (p < end && *p == '[')
		r = look_through(p + 1, end, l->id, doc, &place);
	else
		r = parse(text, doc, &root, path, err); /* empty, or null */
	if (r > 0)
		r = not_an_index(path, err);
	if (!r)
		r = with_entry(out, all, doc, &place, l, pieces);
	return r == RAMET_ENOMEM ? rameti_fail_nomem(err) : r;
}

static int change(const struct rameti_env *env, const char *dir, const struct change *c,
		  struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(INDEX_MAX), out = RAMET_BUF_INIT(INDEX_MAX),
			 path = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *root = NULL;
	struct ramet_bytes pieces[3] = { { NULL, 0 } };
	mode_t mode = 0600;
	int wanted = 1, r = path_in(dir, RAMETI_GG_INDEX, &path, err);

	if (!r)
		r = read_index(env, dir, &text, &mode, err);
	if (!r && c->put) {
		r = put_in(&text, &out, &doc, c->put, path.ptr, pieces, err);
	} else if (!r) {
		r = parse(&text, &doc, &root, path.ptr, err);
		wanted = !r && root &&
			 without_entry(&out, ramet_buf_bytes(&text), root, c->drop);
		pieces[1] = ramet_buf_bytes(&out);
	}
	if (!r && wanted)
		r = rameti_gg_done(&out, err);
	if (!r && wanted)
		r = replace(env, path.ptr, mode, pieces, 3, err);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&text);
	ramet_buf_release(&out);
	ramet_buf_release(&path);
	return r;
}

static int change_locked(const struct rameti_env *env, const char *dir, const struct change *c,
			 struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(RAMETI_GG_PATH_MAX);
	struct rameti_file lock = RAMETI_FILE_INIT;
	int r = path_in(dir, RAMETI_GG_INDEX ".flock", &path, err);

	if (!r)
		r = rameti_gg_lock(&lock, env, path.ptr, LOCK_WAIT_MS, err);
	if (!r) {
		r = change(env, dir, c, err);
		rameti_file_unlock(&lock);
		(void)rameti_file_close(&lock);
	}
	ramet_buf_release(&path);
	return r;
}

int rameti_gg_index_put(const struct rameti_env *env, const char *dir,
			const struct rameti_gg_listed *l, struct ramet_error *err)
{
	struct change c = { .put = l };

	return change_locked(env, dir, &c, err);
}

int rameti_gg_index_drop(const struct rameti_env *env, const char *dir, struct ramet_bytes id,
			 struct ramet_error *err)
{
	struct change c = { .drop = id };

	return change_locked(env, dir, &c, err);
}
