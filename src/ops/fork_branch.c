/*
 * ops/fork_branch.c - one path of a session as a session of its own.
 *
 * Label entries are taken out of the path and what hung under them is linked to what they
 * hung under; a compaction that kept from a label on keeps from the next entry on. The labels
 * now set on the path follow at the end as new entries with their old times. See
 * docs/format/pi.md.
 */
#include "ops/fork_priv.h"
#include "ops/report_priv.h"

#include "base/clock.h"
#include "base/error.h"
#include "codec/codec.h"

#define KEY(text) { text, sizeof(text) - 1 }

enum { ID, PARENT, KEPT, N_WANTS };
static const struct rameti_want wants[N_WANTS] = {
	[ID] = { -1, KEY("id") },
	[PARENT] = { -1, KEY("parentId") },
	[KEPT] = { -1, KEY("firstKeptEntryId") },
};

struct branch {
	const struct ramet_tree *tree;
	struct ramet_path path;
	struct rameti_peek peek;
	struct ramet_json_doc doc;
	struct ramet_buf prev;                   /* raw id of the entry before, or null */
	struct ramet_buf kept, line, scratch;
	int plain;
	struct rameti_birth birth;
};

static int is_label(const struct branch *b, uint32_t row)
{
	return ramet_tree_row(b->tree, row)->type == RAMET_ENTRY_LABEL;
}

/* Is this row on the path? */
static int on_path(const struct branch *b, uint32_t row)
{
	uint32_t depth = row == RAMET_NONE ? b->path.n : ramet_tree_row(b->tree, row)->depth;

	return depth < b->path.n && b->path.rows[depth] == row;
}

static int has_talk(const struct branch *b)
{
	uint32_t i;

	for (i = 0; i < b->path.n; i++)
		if (rameti_is_talk(ramet_tree_row(b->tree, b->path.rows[i])))
			return 1;
	return 0;
}

/* When a compaction keeps from a label of the path on: the id of the next entry that is none,
 * as raw JSON in b->kept; else that is empty. */
static int healed_kept(struct branch *b, struct ramet_error *err)
{
	struct ramet_json kept = rameti_peek_get(&b->peek, KEPT);
	uint32_t row, at;

	ramet_buf_reset(&b->kept);
	if (kept.kind != RAMET_JSON_STRING)
		return 0;
	ramet_json_text(&kept, &b->kept);
	row = ramet_tree_find(b->tree, ramet_buf_bytes(&b->kept));
	ramet_buf_reset(&b->kept);
	if (!on_path(b, row) || !is_label(b, row))
		return 0;
	for (at = ramet_tree_row(b->tree, row)->depth; at < b->path.n; at++)
		if (!is_label(b, b->path.rows[at]))
			break;
	if (at < b->path.n)
		ramet_buf_add_json_string(&b->kept, ramet_tree_id(b->tree, b->path.rows[at]));
	return ramet_buf_status(&b->kept) < 0 ? rameti_fail_nomem(err) : 0;
}

/* The entry that was read last, with the links it has now. */
static int add_healed(struct branch *b, struct ramet_error *err)
{
	struct ramet_json_edit edits[2] = { { KEY("parentId"), { NULL, 0 } },
					    { KEY("firstKeptEntryId"), { NULL, 0 } } };
	struct ramet_json parent = rameti_peek_get(&b->peek, PARENT);
	int r;

	edits[0].value = ramet_buf_bytes(&b->prev);
	edits[1].value = ramet_buf_bytes(&b->kept);
	if (!b->kept.len && parent.kind != RAMET_JSON_NONE &&
	    ramet_bytes_eq(ramet_json_raw(&parent), edits[0].value))
		return rameti_birth_line(&b->birth, b->peek.json, err);
	ramet_buf_reset(&b->line);
	r = ramet_json_parse(&b->doc, b->peek.json, 0, err);
	if (!r)
		r = ramet_json_edit(&b->line, b->peek.json, ramet_json_root(&b->doc), edits,
				    b->kept.len ? 2 : 1, err);
	return r < 0 ? r : rameti_birth_line(&b->birth, ramet_buf_bytes(&b->line), err);
}

/* Does this entry of the path keep its line: it hangs under the entry before it, and names no other
 * that could be a label? */
static int keeps_line(const struct branch *b, uint32_t i)
{
	const struct ramet_row *row = ramet_tree_row(b->tree, b->path.rows[i]);

	return b->plain && i > 0 && row->type != RAMET_ENTRY_COMPACTION &&
	       row->parent == b->path.rows[i - 1] && !is_label(b, b->path.rows[i - 1]);
}

static int add_same(struct branch *b, uint32_t row, struct ramet_error *err)
{
	struct ramet_bytes json;
	int r = ramet_tree_entry(b->tree, row, &b->scratch, &json, err);

	if (!r)
		r = rameti_birth_row(&b->birth, b->tree, row, json, err);
	ramet_buf_reset(&b->prev);
	ramet_buf_add_json_string(&b->prev, ramet_tree_id(b->tree, row));
	if (!r && ramet_buf_status(&b->prev) < 0)
		r = rameti_fail_nomem(err);
	return r;
}

static int add_entry(struct branch *b, uint32_t row, struct ramet_error *err)
{
	struct ramet_json id;
	int r = rameti_peek_read(&b->peek, row, err);

	ramet_buf_reset(&b->kept);
	if (!r && ramet_tree_row(b->tree, row)->type == RAMET_ENTRY_COMPACTION)
		r = healed_kept(b, err);
	if (!r)
		r = add_healed(b, err);
	if (r < 0)
		return r;
	id = rameti_peek_get(&b->peek, ID);
	ramet_buf_reset(&b->prev);
	ramet_buf_add(&b->prev, ramet_json_raw(&id));
	return ramet_buf_status(&b->prev) < 0 ? rameti_fail_nomem(err) : 0;
}

static int add_entries(struct branch *b, struct ramet_error *err)
{
	uint32_t i;
	int r = rameti_peek_open(&b->peek, b->tree, wants, N_WANTS, err);

	ramet_buf_add_str(&b->prev, "null");
	if (!r && ramet_buf_status(&b->prev) < 0)
		r = rameti_fail_nomem(err);
	for (i = 0; !r && i < b->path.n; i++)
		if (keeps_line(b, i) && !is_label(b, b->path.rows[i]))
			r = add_same(b, b->path.rows[i], err);
		else if (!is_label(b, b->path.rows[i]))
			r = add_entry(b, b->path.rows[i], err);
	return r;
}

/* ---- labels ---- */

static int add_label(struct branch *b, const struct ramet_label *label, struct ramet_bytes parent,
		     const char *id, struct ramet_error *err)
{
	struct rameti_draft d = { .parent = parent, .timestamp = label->timestamp };
	struct ramet_buf members = RAMET_BUF_INIT(RAMET_JSON_LEN_MAX);
	int r;

	ramet_buf_add_str(&members, "\"targetId\":");
	ramet_buf_add_json_string(&members, label->target);
	ramet_buf_add_str(&members, ",\"label\":");
	ramet_buf_add_json_string(&members, label->text);
	d.type = ramet_bytes_of("label");
	d.id = ramet_bytes_of(id);
	d.members = ramet_buf_bytes(&members);
	ramet_buf_reset(&b->line);
	(void)rameti_codec_pi.write_entry(&d, &b->line, NULL);
	r = ramet_buf_status(&members) < 0 || ramet_buf_status(&b->line) < 0 ?
		    rameti_fail_nomem(err) :
		    rameti_birth_line(&b->birth, ramet_buf_bytes(&b->line), err);
	ramet_buf_release(&members);
	return r;
}

/* The id of the last entry that is no label; ptr NULL: there is none. */
static struct ramet_bytes last_id(const struct branch *b)
{
	const struct ramet_bytes none = { NULL, 0 };
	uint32_t i;

	for (i = b->path.n; i--;)
		if (!is_label(b, b->path.rows[i]))
			return ramet_tree_id(b->tree, b->path.rows[i]);
	return none;
}

static int add_labels(struct branch *b, struct ramet_error *err)
{
	struct ramet_labels labels = RAMET_LABELS_INIT;
	struct ramet_bytes parent = last_id(b);
	char ids[2][RAMET_ID_SIZE];
	struct rameti_id_maker maker;
	uint32_t i, random, n = 0;
	int r = ramet_tree_labels(b->tree, &labels, err);

	if (!r)
		r = rameti_random(NULL, &random, sizeof(random), err);
	rameti_id_start(&maker, r < 0 ? 0 : random);
	for (i = 0; !r && i < labels.n; i++) {
		const struct ramet_label *label = &labels.items[i];

		if (!on_path(b, label->target_row) || is_label(b, label->target_row))
			continue;
		r = rameti_id_next(&maker, b->tree, ids[n % 2], err);
		if (!r)
			r = add_label(b, label, parent, ids[n % 2], err);
		parent = ramet_bytes_of(ids[n++ % 2]);
	}
	ramet_labels_release(&labels);
	return r;
}

/* ---- all of it ---- */

static int make(struct branch *b, const struct ramet_session *source, uint32_t leaf,
		const struct ramet_fork_opts *opts, struct ramet_error *err)
{
	const char *dir = opts && opts->dir ? opts->dir : ramet_session_dir(source);
	enum rameti_birth_place place = RAMETI_BIRTH_MEMORY;
	int r;

	if (!ramet_tree_row(b->tree, leaf))
		return rameti_fail(err, RAMET_ENOTFOUND, "no such entry");
	r = ramet_tree_path(b->tree, leaf, &b->path, err);
	if (!r && ramet_session_path(source))
		place = has_talk(b) ? RAMETI_BIRTH_FILE : RAMETI_BIRTH_LATER;
	if (!r)
		r = rameti_fork_begin(&b->birth, source, place, opts, dir, err);
	if (!r)
		r = add_entries(b, err);
	return r < 0 ? r : add_labels(b, err);
}

int ramet_fork_branch(struct ramet_session **out, struct ramet_session *source, uint32_t leaf,
		      const struct ramet_fork_opts *opts, struct ramet_error *err)
{
	struct branch b = { .path = RAMET_PATH_INIT, .peek = RAMETI_PEEK_INIT,
			    .doc = RAMET_JSON_DOC_INIT, .birth = RAMETI_BIRTH_INIT };
	int r, other;

	ramet_buf_init(&b.prev, SIZE_MAX / 2);
	ramet_buf_init(&b.kept, SIZE_MAX / 2);
	ramet_buf_init(&b.line, SIZE_MAX / 2);
	ramet_buf_init(&b.scratch, SIZE_MAX / 2);
	ramet_session_lock(source);
	b.tree = ramet_session_tree(source);
	b.plain = rameti_fork_plain(source);
	other = rameti_fork_is_other(source);
	if (!other)
		r = make(&b, source, leaf, opts, err);
	else if (!ramet_tree_row(b.tree, leaf))
		r = rameti_fail(err, RAMET_ENOTFOUND, "no such entry");
	else
		r = rameti_fork_other(out, source, leaf, 0, opts, err);
	ramet_session_unlock(source);
	if (!r && !other)
		r = rameti_birth_end(&b.birth, out, err);
	rameti_birth_abort(&b.birth);
	ramet_path_release(&b.path);
	rameti_peek_close(&b.peek);
	ramet_json_doc_release(&b.doc);
	ramet_buf_release(&b.prev);
	ramet_buf_release(&b.kept);
	ramet_buf_release(&b.line);
	ramet_buf_release(&b.scratch);
	return r;
}
