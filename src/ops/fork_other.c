/*
 * ops/fork_other.c - forks of sessions that are not files of pi's: in the same format, where the
 * format's own program finds them.
 *
 * Entries are told anew, each record naming the new session; a home of many keeps the fork in the
 * same file. What a path does not say of its labels follows at its end. The source is only read;
 * the new session appears when all of it is there.
 */
#include "ops/fork_priv.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/carry.h"
#include "codec/ggcode.h"
#include "model/tree.h"
#include "ops/peek_priv.h"
#include "store/birth.h"
#include "store/records.h"
#include "store/target.h"

#define CONFIG_TYPE "ramet.config"               /* of the fields of a session of ggcode */

int rameti_fork_is_other(const struct ramet_session *source)
{
	return ramet_session_path(source) &&
	       (rameti_session_home(source) || rameti_session_codec(source) != &rameti_codec_pi);
}

/* Is the source where its tool keeps sessions? Then forks go there as well. */
static int is_at_home(const struct ramet_session *source, const char *format)
{
	const struct rameti_layout *l = rameti_layout_of(format);
	struct ramet_buf root = RAMET_BUF_INIT(SIZE_MAX / 2);
	const char *path = rameti_session_abs_path(source);
	int yes = l->root && path && !l->root(&root, NULL) && root.len &&
		  !strncmp(path, root.ptr, root.len) && path[root.len] == '/';

	ramet_buf_release(&root);
	return yes;
}

/* In the source's own directory, named as the format's program names its files. */
static void add_file_beside(const struct ramet_session *source,
			    const struct rameti_draft_header *h, struct ramet_buf *place)
{
	const struct rameti_layout *l = rameti_layout_of(ramet_session_format(source));

	ramet_buf_add_str(place, ramet_session_dir(source));
	ramet_buf_add_char(place, '/');
	if (l->new_name) {
		(void)l->new_name(h->id, h->time_ms, place); /* place remembers a failure */
		return;
	}
	ramet_buf_add(place, h->id);
	ramet_buf_add_str(place, ".jsonl");
}

/* Where the fork goes; empty: where the tool keeps its sessions. */
static int find_place(const struct ramet_session *source, const struct ramet_fork_opts *opts,
		      const struct rameti_draft_header *h, struct ramet_buf *place,
		      struct ramet_error *err)
{
	const struct rameti_home *home = rameti_session_home(source);
	const char *dir = opts && opts->dir ? opts->dir : NULL, *own = ramet_session_dir(source);

	if (dir && own && !strcmp(dir, own))
		dir = NULL;                              /* beside the source */
	if (home && home->scheme)
		ramet_buf_add_str(place, rameti_session_home_file(source));
	else if (home)                           /* one session a file */
		ramet_buf_addf(place, "%s/%.*s%s", dir ? dir : own, RAMET_FMT(h->id), home->ext);
	else if (dir)
		ramet_buf_add_str(place, dir);
	else if (!is_at_home(source, ramet_session_format(source)))
		add_file_beside(source, h, place);
	return ramet_buf_status(place) < 0 ? rameti_fail_nomem(err) : 0;
}

/* ---- entries, told anew ---- */

struct copying {
	const struct ramet_tree *tree;
	const struct rameti_draft_header *header; /* of the fork */
	struct rameti_target *to;
	struct ramet_path path;                  /* what is copied, unless it is all */
	struct ramet_buf scratch, edited, value;
	struct ramet_json_doc doc;
	struct rameti_peek peek;
};

static int edit(struct copying *c, struct ramet_bytes *json, const struct ramet_json *object,
		const struct ramet_json_edit *edits, size_t n, struct ramet_error *err)
{
	int r;

	ramet_buf_reset(&c->edited);
	r = ramet_json_edit(&c->edited, *json, object, edits, n, err);
	*json = ramet_buf_bytes(&c->edited);
	return r;
}

/* Is this ggcode's record of a session's fields? */
static const struct ramet_json *meta_of(const struct ramet_json *entry)
{
	const struct ramet_json *data = ramet_json_get(entry, "data"),
				*record = ramet_json_get(data, "record");

	return ramet_json_text_is(ramet_json_get(entry, "customType"), CONFIG_TYPE) &&
			       ramet_json_text_is(ramet_json_get(data, "format"), "ggcode") &&
			       ramet_json_text_is(ramet_json_get(record, "type"), "meta") ?
		       record :
		       NULL;
}

/* Does the source start with one? Then the fork, which has it too, needs no other. */
static int starts_itself(const struct ramet_session *source, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(source);
	const struct ramet_row *first = ramet_tree_row(t, 0);
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_bytes json;
	int r;

	if (rameti_session_codec(source) != &rameti_codec_ggcode || !first ||
	    first->type != RAMET_ENTRY_CUSTOM)
		return 0;
	r = ramet_tree_entry(t, 0, &scratch, &json, err);
	if (!r)
		r = ramet_json_parse(&doc, json, 0, err);
	if (!r)
		r = meta_of(ramet_json_root(&doc)) != NULL;
	ramet_json_doc_release(&doc);
	ramet_buf_release(&scratch);
	return r;
}

/* The last such record counts: it says where and when of the fork. */
static int own_meta(struct copying *c, struct ramet_bytes *json, const struct ramet_json *record,
		    struct ramet_error *err)
{
	struct ramet_buf time = RAMET_BUF_INIT(128);
	struct ramet_json_edit edits[2];
	int r;

	rameti_gg_add_time(&time, c->header->time_ms);
	ramet_buf_reset(&c->value);
	ramet_buf_add_json_string(&c->value, c->header->cwd);
	edits[0] = (struct ramet_json_edit){ ramet_bytes_of("created_at"), ramet_buf_bytes(&time) };
	edits[1] = (struct ramet_json_edit){ ramet_bytes_of("workspace"),
					     ramet_buf_bytes(&c->value) };
	r = ramet_buf_status(&time) < 0 || ramet_buf_status(&c->value) < 0 ?
		    rameti_fail_nomem(err) :
		    edit(c, json, record, edits, c->header->cwd.len ? 2 : 1, err);
	ramet_buf_release(&time);
	return r;
}

/* What an entry says of the session it stands in is not said of the fork. Lines that a conversion
 * carried belong to the session they were carried into: here they stand for nothing, and what it
 * tells goes back as it is told here. */
static int disown(struct copying *c, struct ramet_bytes *json, struct ramet_error *err)
{
	const struct ramet_json_edit no_row = { { "row", 3 }, ramet_bytes_of("null") };
	const struct ramet_json *entry, *data, *meta;
	int r = 0;

	if (!memmem(json->ptr, json->len, RAMETI_RAW_TYPE, strlen(RAMETI_RAW_TYPE)) &&
	    !memmem(json->ptr, json->len, CONFIG_TYPE, strlen(CONFIG_TYPE)))
		return 0;
	r = ramet_json_parse(&c->doc, *json, 0, err);
	if (r < 0)
		return r;
	entry = ramet_json_root(&c->doc);
	data = ramet_json_get(entry, "data");
	meta = meta_of(entry);
	if (ramet_json_kind(ramet_json_get(data, "header")) == RAMET_JSON_TRUE)
		return edit(c, json, data, &no_row, 1, err);
	return meta && c->to->codec == &rameti_codec_ggcode ? own_meta(c, json, meta, err) : 0;
}

static int tell(struct copying *c, struct ramet_bytes json, struct ramet_error *err)
{
	int r = rameti_target_entry(c->to, json, err);

	if (r == RAMETI_UNSAID)
		return rameti_fail(err, RAMET_EINVAL, "the format has no place for an entry");
	return r < 0 ? r : 0;
}

static int copy_row(struct copying *c, uint32_t row, struct ramet_error *err)
{
	struct ramet_bytes json;
	int r = ramet_tree_entry(c->tree, row, &c->scratch, &json, err);

	if (r < 0)
		return r;
	json = rameti_json_trimmed(json);
	if (ramet_tree_row(c->tree, row)->type == RAMET_ENTRY_CUSTOM)
		r = disown(c, &json, err);
	return r < 0 ? r : tell(c, json, err);
}

/* ---- the labels now set on a path ---- */

#define KEY(text) { text, sizeof(text) - 1 }
enum { TARGET, LABEL, N_WANTS };
static const struct rameti_want wants[N_WANTS] = {
	[TARGET] = { -1, KEY("targetId") },
	[LABEL] = { -1, KEY("label") },
};

/* Of an entry of the path, the label entry that counts, and the one on the path that would;
 * RAMET_NONE: there is none. */
struct labelled {
	uint32_t now, told;
};

static int on_path(const struct copying *c, uint32_t row)
{
	uint32_t depth = row == RAMET_NONE ? c->path.n : ramet_tree_row(c->tree, row)->depth;

	return depth < c->path.n && c->path.rows[depth] == row;
}

static int find_labels(struct copying *c, struct labelled *found, struct ramet_error *err)
{
	uint32_t i, n, target;
	const uint32_t *rows = rameti_tree_label_rows(c->tree, &n);
	struct ramet_json id;
	int r = 0;

	for (i = 0; i < c->path.n; i++)
		found[i].now = found[i].told = RAMET_NONE;
	for (i = 0; !r && i < n; i++) {
		r = rameti_peek_read(&c->peek, rows[i], err);
		id = rameti_peek_get(&c->peek, TARGET);
		if (r < 0 || id.kind != RAMET_JSON_STRING)
			continue;
		ramet_buf_reset(&c->value);
		ramet_json_text(&id, &c->value);
		if (ramet_buf_status(&c->value) < 0)
			return rameti_fail_nomem(err);
		target = ramet_tree_find(c->tree, ramet_buf_bytes(&c->value));
		if (!on_path(c, target))
			continue;
		target = ramet_tree_row(c->tree, target)->depth;
		found[target].now = rows[i];
		if (on_path(c, rows[i]))
			found[target].told = rows[i];
	}
	return r;
}

/* The label entry read last, under the entry before. */
static int add_label(struct copying *c, uint32_t before, struct ramet_error *err)
{
	struct ramet_json_edit parent = { KEY("parentId"), { NULL, 0 } };
	struct ramet_bytes json = c->peek.json;
	int r = ramet_json_parse(&c->doc, json, 0, err);

	ramet_buf_reset(&c->value);
	ramet_buf_add_json_string(&c->value, ramet_tree_id(c->tree, before));
	parent.value = ramet_buf_bytes(&c->value);
	if (!r && ramet_buf_status(&c->value) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		r = edit(c, &json, ramet_json_root(&c->doc), &parent, 1, err);
	return r < 0 ? r : tell(c, json, err);
}

/* Those that no entry of the path sets follow at its end, with their ids and times; so does one
 * that clears what the path sets. */
static int add_labels(struct copying *c, struct ramet_error *err)
{
	struct labelled *found;
	uint32_t i, n, before;
	struct ramet_json text;
	int r;

	(void)rameti_tree_label_rows(c->tree, &n);
	if (!n || !c->path.n)
		return 0;
	found = ramet_alloc(rameti_mul(c->path.n, sizeof(*found)));
	r = !found ? rameti_fail_nomem(err) :
		     rameti_peek_open(&c->peek, c->tree, wants, N_WANTS, err);
	if (!r)
		r = find_labels(c, found, err);
	before = c->path.rows[c->path.n - 1];
	for (i = 0; !r && i < c->path.n; i++) {
		if (found[i].now == found[i].told)
			continue;
		r = rameti_peek_read(&c->peek, found[i].now, err);
		text = rameti_peek_get(&c->peek, LABEL);
		if (r < 0 || (found[i].told == RAMET_NONE &&
			      (text.kind != RAMET_JSON_STRING || text.len <= 2)))
			continue;
		r = add_label(c, before, err);
		before = found[i].now;
	}
	ramet_free(found);
	return r;
}

static int copy(struct rameti_target *t, const struct ramet_session *source,
		const struct rameti_draft_header *h, uint32_t leaf, int all,
		struct ramet_error *err)
{
	struct copying c = { .tree = ramet_session_tree(source), .header = h, .to = t,
			     .path = RAMET_PATH_INIT, .scratch = RAMET_BUF_INIT(SIZE_MAX / 2),
			     .edited = RAMET_BUF_INIT(SIZE_MAX / 2),
			     .value = RAMET_BUF_INIT(SIZE_MAX / 2), .doc = RAMET_JSON_DOC_INIT,
			     .peek = RAMETI_PEEK_INIT };
	uint32_t i, n = all ? ramet_tree_count(c.tree) : 0;
	int r = 0;

	if (!all && leaf != RAMET_NONE) {
		r = ramet_tree_path(c.tree, leaf, &c.path, err);
		n = c.path.n;
	}
	for (i = 0; !r && i < n; i++)
		r = copy_row(&c, all ? i : c.path.rows[i], err);
	if (!r && !all)
		r = add_labels(&c, err);
	ramet_path_release(&c.path);
	rameti_peek_close(&c.peek);
	ramet_json_doc_release(&c.doc);
	ramet_buf_release(&c.scratch);
	ramet_buf_release(&c.edited);
	ramet_buf_release(&c.value);
	return r;
}

static int choose_id(const char *format, const struct ramet_fork_opts *opts, struct ramet_buf *id,
		     struct ramet_error *err)
{
	if (!opts || !opts->id)
		return rameti_format_new_id(format, id, err);
	ramet_buf_add_str(id, opts->id);
	if (!rameti_format_takes_id(format, ramet_buf_bytes(id)))
		return rameti_fail(err, RAMET_EINVAL,
				   "\"%.60s\" cannot be the id of a session of the format %s",
				   opts->id, format);
	return ramet_buf_status(id) < 0 ? rameti_fail_nomem(err) : 0;
}

int rameti_fork_other(struct ramet_session **out, struct ramet_session *source, uint32_t leaf,
		      int all, const struct ramet_fork_opts *opts, struct ramet_error *err)
{
	const struct ramet_bytes none = { NULL, 0 };
	const char *parent = rameti_session_abs_path(source);
	struct ramet_buf id = RAMET_BUF_INIT(4096), place = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_buf path = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_target_opts where = { .format = ramet_session_format(source) };
	struct rameti_draft_header h = { .cwd = ramet_session_cwd(source, none) };
	struct ramet_open_opts open = { .level = opts ? opts->level : 0 };
	struct rameti_target t = { .file = RAMETI_NEWFILE_INIT };
	int r = choose_id(where.format, opts, &id, err);

	h.id = ramet_buf_bytes(&id);
	h.time_ms = rameti_now_ms(NULL);
	if (!r)
		r = find_place(source, opts, &h, &place, err);
	if (parent)
		h.parent_session = ramet_bytes_of(parent);
	if (opts && opts->cwd)
		h.cwd = ramet_bytes_of(opts->cwd);
	where.place = place.len ? place.ptr : NULL;
	where.sync = !opts || opts->level != RAMET_LEVEL_NONE;
	if (!r && opts && opts->dir && where.place && !rameti_session_home(source) &&
	    !strcmp(opts->dir, where.place))
		r = rameti_dir_make(NULL, place.ptr, 1, err);
	if (!r && (all || leaf != RAMET_NONE)) {
		r = starts_itself(source, err);
		where.as_stored = r > 0;
		r = r < 0 ? r : 0;
	}
	if (!r)
		r = rameti_target_begin(&t, &where, &h, none, err);
	if (!r)
		r = copy(&t, source, &h, leaf, all, err);
	if (!r)
		r = rameti_target_end(&t, &path, err);
	if (r < 0)
		rameti_target_give_up(&t);
	else
		open.format = t.home ? NULL : t.codec->name;
	if (!r)
		r = ramet_session_open(out, path.ptr, &open, err);
	rameti_target_release(&t);
	ramet_buf_release(&id);
	ramet_buf_release(&place);
	ramet_buf_release(&path);
	return r;
}
