/*
 * ops/convert.c - a session of one format as a session of another.
 *
 * First all entries, in file order, as the target says them; then the stored lines they came from,
 * each in an entry `ramet.raw` that tells which entries it stands for. A source that carries such
 * lines of the target's own format gives them back as they were. See docs/guide/convert.md.
 */
#include "ops/convert_priv.h"
#include "ops/peek_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "model/tree.h"

#define KEY_MAX 200u

/* ---- what is told ---- */

/* Types and roles are few: the name is put together once for each pair. */
static struct ramet_convert_kind *kind_of(struct rameti_convert *c, const struct ramet_row *row)
{
	struct ramet_convert_report *report = c->report;
	uint8_t *known = &c->kinds[row->type % RAMETI_CONVERT_NAMES]
				  [row->role % RAMETI_CONVERT_NAMES];
	const char *role = ramet_role_name(row->role), *type = ramet_entry_type_name(row->type);
	struct ramet_convert_kind *kind;

	if (!*known) {
		if (report->n_kinds < RAMET_CONVERT_KINDS_MAX)
			report->n_kinds++;
		*known = (uint8_t)report->n_kinds;
		kind = &report->kinds[*known - 1];
		if (!*kind->kind)
			snprintf(kind->kind, sizeof(kind->kind), "%s%s%s", *type ? type : "other",
				 *role ? " " : "", role);
	}
	return &report->kinds[*known - 1];
}

static void tell(struct rameti_convert *c, uint32_t row, int said)
{
	struct ramet_convert_report *report = c->report;
	struct ramet_convert_kind *kind = kind_of(c, ramet_tree_row(c->tree, row));

	if (said == RAMETI_SAID) {
		kind->said++;
		report->said++;
	} else if (said == RAMETI_CARRIED) {
		kind->carried++;
		report->carried++;
	} else {
		kind->left_out++;
		report->left_out++;
	}
}

/* ---- entries ---- */

/* In a tree the entries of a chain hang from what was really written before them; where the chain
 * begins anew, so does the tree. */
static int hang(struct rameti_convert *c, uint32_t row, struct ramet_bytes *json,
		struct ramet_error *err)
{
	struct ramet_json_edit edit = { { "parentId", 8 }, ramet_bytes_of("null") };
	uint32_t parent = ramet_tree_row(c->tree, row)->parent;
	const struct ramet_json *root;
	int r;

	if (parent == c->last_row && (parent != RAMET_NONE || !c->has_last))
		return 0;                                /* it says so already */
	if (row && parent == RAMET_NONE)
		return 0;
	r = rameti_convert_last(c, &edit.value, err);
	if (!r)
		r = ramet_json_parse(&c->doc, *json, 0, err);
	if (r < 0)
		return r;
	root = ramet_json_root(&c->doc);
	if (ramet_bytes_eq(ramet_json_raw(ramet_json_get(root, "parentId")), edit.value))
		return 0;
	ramet_buf_reset(&c->entry);
	r = ramet_json_edit(&c->entry, *json, root, &edit, 1, err);
	*json = ramet_buf_bytes(&c->entry);
	return r;
}

/* In the thread that reads ahead. */
static int apart(void *user, struct ramet_bytes entry, struct ramet_buf *out,
		 struct rameti_apart *is)
{
	return rameti_target_aside_entry(user, rameti_json_trimmed(entry), out, is);
}

/* The entry json, which was made of this row: by then it may be another one. */
static int write_entry(struct rameti_convert *c, uint32_t row, struct ramet_bytes made,
		       struct ramet_bytes json, struct ramet_error *err)
{
	struct ramet_bytes lines;
	struct rameti_apart is;

	if (json.ptr == made.ptr && json.len == made.len &&
	    rameti_records_apart(&c->records, row, &lines, &is))
		return rameti_target_apart(&c->target, json, lines, &is, err);
	return rameti_target_entry(&c->target, json, err);
}

static int convert_row(struct rameti_convert *c, const struct rameti_record *record, uint32_t row,
		       struct ramet_error *err)
{
	struct ramet_bytes json, made = { NULL, 0 };
	int r = rameti_records_entry(&c->records, record, row, &c->scratch, &json, err);

	if (c->to_chain)                     /* its reader will look for this id soon */
		rameti_tree_expect(c->target.reader.tree, ramet_tree_id(c->tree, row));
	if (!r) {
		json = made = rameti_json_trimmed(json);
		r = rameti_convert_renumber(c, row, &json, err);
	}
	if (!r)
		r = rameti_convert_refs(c, row, &json, err);
	if (!r && c->from_chain && !c->to_chain)
		r = hang(c, row, &json, err);
	if (!r)
		r = write_entry(c, row, made, json, err);
	if (r < 0)
		return r;
	if (!(ramet_tree_row(c->tree, row)->flags & RAMET_ROW_NO_ID))
		rameti_convert_set_last_row(c, row);
	tell(c, row, r);
	return 0;
}

static int add_fate(struct rameti_convert *c, const struct rameti_record *record, uint32_t at,
		    int carry, struct ramet_error *err)
{
	struct rameti_convert_fate *f;

	if (rameti_grow((void **)&c->fates, &c->cap_fates, c->n_fates, sizeof(*c->fates),
			0x7fffffffu) < 0)
		return rameti_fail_nomem(err);
	f = &c->fates[c->n_fates++];
	f->at = at;
	f->n = c->target.rows - at;
	f->first = record->first;
	f->makes = record->n > 0;
	f->carry = (uint8_t)carry;
	return 0;
}

static struct ramet_bytes header_line(const struct ramet_session *s)
{
	return rameti_json_trimmed(rameti_session_header_line(s));
}

/* Asked before the target is begun, too. */
static int same_codec(const struct rameti_convert *c)
{
	return c->to == rameti_session_codec(c->s);
}

static int same_lines(const struct rameti_convert *c)
{
	return !c->opts->one_branch && !c->plan.n_covers && same_codec(c) &&
	       !(c->home && c->home->linear);
}

/* Is what was written for this record the record itself, and would be again on the way back? Then
 * nothing is lost with it. */
static int is_same(const struct rameti_convert *c, const struct rameti_record *record)
{
	const struct ramet_row *row = ramet_tree_row(c->tree, record->first);
	const struct ramet_buf *out = &c->target.out;
	size_t from = c->target.from;

	/* a home without branches has no word for a parent that is not there */
	if (c->home && c->home->linear && (row->flags & RAMET_ROW_HAS_PARENT) &&
	    row->parent == RAMET_NONE)
		return 0;
	return out->len == from + record->stored.len + 1 &&
	       !memcmp(out->ptr + from, record->stored.ptr, record->stored.len) &&
	       (same_codec(c) || rameti_target_says_parent(record->line));
}

/* Does the record carry what some other format told, and nothing of its own? */
static int is_carrier(const struct rameti_convert *c, const struct rameti_record *record)
{
	return record->n == 1 && rameti_bit(c->plan.carriers, record->first);
}

/* Does this line, which makes no entry of its own, belong to entries that stand for lines of the
 * target's format? Then it came from there as well. */
static int is_part(struct rameti_convert *c, const struct rameti_record *record,
		   struct ramet_error *err)
{
	uint32_t row = record->first;
	int r;

	if (!(row && rameti_bit(c->plan.skip, row - 1)) &&
	    !(row < c->plan.n && rameti_bit(c->plan.skip, row)))
		return 0;
	r = ramet_json_parse(&c->doc, record->line, 0, NULL);
	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	return !r && ramet_json_kind(ramet_json_root(&c->doc)) == RAMET_JSON_OBJECT;
}

/* Are entries of other branches not even carried? */
static int drops_branches(const struct rameti_convert *c)
{
	return c->opts->lean || c->opts->one_branch;
}

static int convert_record(struct rameti_convert *c, const struct rameti_record *record,
			  struct ramet_error *err)
{
	uint32_t row, at = c->target.rows, fresh = 0;
	int r = 0, left = 0;

	c->was_led = 0;
	for (row = record->first; !r && row < record->first + record->n; row++) {
		c->begins[row] = c->target.rows;
		r = rameti_convert_restore(c, row, err);
		c->ends[row] = c->target.rows;
		if (r || rameti_bit(c->plan.skip, row))
			continue;
		c->begins[row] = c->target.rows;
		if (!fresh++)
			at = c->target.rows;
		c->report->entries++;
		if (rameti_bit(c->plan.off, row)) {
			left |= drops_branches(c);
			c->report->off_branch++;
			tell(c, row, drops_branches(c) ? RAMETI_UNSAID : RAMETI_CARRIED);
			continue;
		}
		r = convert_row(c, record, row, err);
		c->ends[row] = c->target.rows;
		if (!r && record->n == 1 && is_same(c, record))
			fresh = 0;
	}
	/* the stored line tells what is left out, or names what will never be again */
	if (left || (c->was_led && c->from_chain))
		fresh = 0;
	if (r)
		return r;
	if (!record->n && !record->is_header) {
		r = is_part(c, record, err);
		if (r < 0)
			return r;
		fresh = !r;
	}
	if (record->n && rameti_bit(c->plan.began, record->first))
		fresh = 1;
	if (is_carrier(c, record) && !rameti_bit(c->plan.off, record->first))
		fresh = rameti_convert_is_lessened(c, record->first);
	if (!fresh && record->n)
		rameti_bit_set(c->stays, record->first);
	return add_fate(c, record, at, fresh && !record->is_header, err);
}

/* ---- the whole ---- */

/* In a file of many an id is no name of a file: what another such file called it can stay. */
static int is_key(const struct rameti_convert *c, struct ramet_bytes id)
{
	size_t i;

	if (c->opts->id || !c->home || !c->home->scheme || !id.len || id.len > KEY_MAX)
		return 0;
	for (i = 0; i < id.len; i++)
		if ((unsigned char)id.ptr[i] < 0x20 || id.ptr[i] == 0x7f)
			return 0;
	return 1;
}

/* The id of the new session. */
static int choose_id(struct rameti_convert *c, struct ramet_error *err)
{
	struct ramet_bytes id = ramet_session_header(c->s)->id;

	if (c->opts->id)
		id = ramet_bytes_of(c->opts->id);
	if (rameti_format_takes_id(c->opts->to, id) || is_key(c, id))
		ramet_buf_add(&c->id, id);
	else if (c->opts->id)
		return rameti_fail(err, RAMET_EINVAL,
				   "\"%.60s\" cannot be the id of a session of the format %s",
				   c->opts->id, c->opts->to);
	else
		return rameti_format_new_id(c->opts->to, &c->id, err);
	return ramet_buf_status(&c->id) < 0 ? rameti_fail_nomem(err) : 0;
}

/* The id that a carried header has: its session gets its name again. */
static int id_of_header(struct rameti_convert *c, struct ramet_error *err)
{
	int r = 0;

	ramet_buf_reset(&c->id);
	if (c->to_chain && !c->opts->id)
		ramet_buf_add(&c->id, ramet_buf_bytes(&c->record));
	else
		r = ramet_json_parse(&c->doc, ramet_buf_bytes(&c->record), 0, err);
	if (!r && !c->to_chain && !c->opts->id)
		ramet_json_text(ramet_json_get(ramet_json_root(&c->doc), "id"), &c->id);
	if (!r && !c->id.len)
		r = choose_id(c, err);
	return r;
}

/* Would a header of the source's format, made for this session, be the very one it has? */
static int can_be_made_again(struct rameti_convert *c, const struct rameti_draft_header *h)
{
	ramet_buf_reset(&c->text);
	if (rameti_session_codec(c->s)->pieces)
		return 0;                                /* it has no header line */
	rameti_session_codec(c->s)->write_header(h, &c->text);
	return ramet_bytes_eq(ramet_buf_bytes(&c->text), header_line(c->s));
}

/* Was anything appended after the lines were carried, of which that in row is the header? */
static int has_news(const struct rameti_convert *c, uint32_t row)
{
	while (++row < c->plan.n)
		if (!rameti_bit(c->plan.skip, row) &&
		    !rameti_bit(c->plan.off, row) &&
		    !rameti_bit(c->plan.carriers, row))
			return 1;
	return 0;
}

/* The carried header in record, which stood in row, as a copy that stays. Where it says which entry
 * is the leaf, that is over with the first new one. */
static int header_again(struct rameti_convert *c, uint32_t row, struct ramet_bytes *line,
			struct ramet_error *err)
{
	const struct ramet_json_edit no_leaf = { { "leafId", 6 }, { NULL, 0 } };
	const struct ramet_json *root;
	int r = ramet_json_parse(&c->doc, ramet_buf_bytes(&c->record), 0, err);

	if (r < 0)
		return r;
	root = ramet_json_root(&c->doc);
	ramet_buf_reset(&c->text);
	if (ramet_json_get(root, "leafId") && has_news(c, row))
		r = ramet_json_edit(&c->text, ramet_buf_bytes(&c->record), root, &no_leaf, 1, err);
	else
		ramet_buf_add(&c->text, ramet_buf_bytes(&c->record));
	*line = ramet_buf_bytes(&c->text);
	return r < 0 || !ramet_buf_status(&c->text) ? r : rameti_fail_nomem(err);
}

static int begin(struct rameti_convert *c, struct ramet_error *err)
{
	const struct ramet_header *from = ramet_session_header(c->s);
	const struct ramet_bytes none = { NULL, 0 };
	struct rameti_target_opts opts = { .format = c->opts->to,
					   .place = c->opts->place,
					   .sync = c->opts->level != RAMET_LEVEL_NONE,
					   .dry = c->opts->dry,
					   .memory = c->memory != NULL };
	struct rameti_draft_header h = { .cwd = ramet_session_cwd(c->s, none),
					 .parent_session = from->parent_session };
	struct ramet_bytes line = none;
	uint32_t row = 0;
	int r = rameti_convert_carried_header(c, &row, err), carried = 0;

	if (r == 1) {
		r = id_of_header(c, err);
		opts.as_stored = c->to_chain;
		if (!r && !c->opts->id && !c->to_chain)
			carried = 1;
	} else if (!r) {
		r = choose_id(c, err);
		if (same_lines(c) && ramet_bytes_eq(ramet_buf_bytes(&c->id), from->id))
			line = header_line(c->s);
		opts.as_stored = c->to_chain && same_lines(c);
		/* the header as it is stored is carried too, unless it can be made again */
		ramet_buf_add(&c->header_line, from->json);
	}
	h.id = ramet_buf_bytes(&c->id);
	h.time_ms = from->created_ms == RAMET_TIME_NONE ? 0 : from->created_ms;
	if (!r && same_codec(c) && can_be_made_again(c, &h))
		c->header_of_lines = 1;
	if (!r && (ramet_buf_status(&c->header_line) < 0 || ramet_buf_status(&c->text) < 0))
		r = rameti_fail_nomem(err);
	if (!r && carried)
		r = header_again(c, row, &line, err);
	if (!r)
		r = rameti_target_begin(&c->target, &opts, &h, line, err);
	c->start_rows = c->target.rows;
	return r;
}

static int convert_lines(struct rameti_convert *c, struct ramet_error *err)
{
	struct rameti_ahead_job job = { .skip = c->plan.unmade };
	struct rameti_target_aside aside = { .codec = NULL };
	struct rameti_record record;
	int r = rameti_records_open(&c->records, c->s, err), copy = same_lines(c);

	if (!copy) {
		job.makes = RAMETI_AHEAD_ENTRIES;
		if (rameti_target_aside_init(&aside, &c->target)) {
			job.apart = apart;
			job.user = &aside;
		}
	}
	if (!r)
		rameti_records_ahead(&c->records, &job);
	while (!r && (r = rameti_records_next(&c->records, &record, err)) == 1) {
		r = 0;
		if (record.is_before || (copy && record.is_header)) {
			r = add_fate(c, &record, 0, 0, err);
			continue;
		}
		if (!copy) {
			r = convert_record(c, &record, err);
			continue;
		}
		r = rameti_target_line(&c->target, record.stored, err);
		c->report->entries += record.n;
		c->report->said += record.n;
	}
	if (!r)
		r = rameti_convert_restore(c, UINT32_MAX, err);
	rameti_records_close(&c->records);
	rameti_target_aside_release(&aside);
	return r;
}

/* Lines are the same, but the id had to be another. */
static int carry_header(struct rameti_convert *c, struct ramet_error *err)
{
	uint32_t last = ramet_tree_leaf(c->tree);

	if (ramet_bytes_eq(ramet_buf_bytes(&c->id), ramet_session_header(c->s)->id))
		return 0;
	if (last != RAMET_NONE)
		rameti_convert_set_last_row(c, last);
	return rameti_convert_carry(c, err);
}

static int make_maps(struct rameti_convert *c, struct ramet_error *err)
{
	c->begins = ramet_calloc((size_t)c->plan.n + 1, sizeof(*c->begins));
	c->ends = ramet_calloc((size_t)c->plan.n + 1, sizeof(*c->ends));
	c->stays = ramet_calloc(rameti_bits_size(c->plan.n), 1);
	return c->begins && c->ends && c->stays ? 0 : rameti_fail_nomem(err);
}

static int convert(struct ramet_session *s, const struct ramet_convert_opts *opts,
		   struct ramet_convert_report *report, struct ramet_buf *memory,
		   struct ramet_error *err);

/* A session that has been of the target's format, then of one whose lines are nearly the same, goes
 * back as it came: what these two tell alike is carried only once. */
static int convert_by(struct rameti_convert *c, const struct rameti_codec *by,
		      struct ramet_error *err)
{
	const struct ramet_convert_opts first = { .to = by->name, .level = RAMET_LEVEL_NONE };
	const struct ramet_open_opts how = { .format = by->name };
	struct ramet_convert_report *report = c->report, unused;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_session *s = NULL;
	int r = convert(c->s, &first, &unused, &text, err);

	ramet_convert_report_release(&unused);
	if (!r)
		r = ramet_session_open_bytes(&s, ramet_buf_bytes(&text), &how, err);
	ramet_buf_release(&text);
	if (!r) {
		ramet_convert_report_release(report);
		r = convert(s, c->opts, report, NULL, err);
	}
	ramet_session_close(s);
	return r;
}

/* Can the source have no branches? */
static int is_linear(const struct rameti_convert *c)
{
	const struct rameti_home *home = rameti_session_home(c->s);

	return c->from_chain || (home && home->linear);
}

static int run(struct rameti_convert *c, struct ramet_error *err)
{
	uint32_t leaf = c->opts->one_branch ? c->opts->leaf : RAMET_NONE, random;
	int r = rameti_format_find(c->opts->to, &c->to, &c->home, err), linear;

	if (r < 0)
		return r;
	linear = c->to->pieces || (c->home && c->home->linear);
	c->from_chain = rameti_session_codec(c->s)->pieces != NULL;
	c->to_chain = c->to->pieces != NULL;
	if (leaf == RAMET_NONE && linear && !(c->from_chain && c->to == rameti_session_codec(c->s)))
		leaf = ramet_session_leaf(c->s);
	r = rameti_random(NULL, &random, sizeof(random), err);
	rameti_id_start(&c->ids, random);
	if (!r)
		r = rameti_convert_plan(&c->plan, c->s, c->to->name, leaf, c->opts->lean,
					c->home && c->home->linear, err);
	if (!r)
		r = make_maps(c, err);
	if (!r && c->plan.by && is_linear(c) && !c->to_chain && !c->opts->lean &&
	    !c->opts->one_branch && !c->memory)
		return convert_by(c, c->plan.by, err);
	if (!r)
		r = begin(c, err);
	if (!r)
		r = convert_lines(c, err);
	if (!r && !c->opts->lean && !same_lines(c))
		r = rameti_convert_carry(c, err);
	else if (!r && !c->opts->lean && !c->opts->id)
		r = carry_header(c, err);
	if (!r) {                                    /* may fail: nothing is there yet */
		ramet_buf_add(&c->report->id, ramet_buf_bytes(&c->target.encoder.id));
		r = ramet_buf_status(&c->report->id) < 0 ? rameti_fail_nomem(err) : 0;
	}
	if (!r)
		r = rameti_target_end(&c->target, &c->report->path, err);
	c->report->bytes = c->target.size;
	if (!r && c->memory)
		ramet_buf_add(c->memory, ramet_buf_bytes(&c->target.out));
	return r;
}

static int convert(struct ramet_session *s, const struct ramet_convert_opts *opts,
		   struct ramet_convert_report *report, struct ramet_buf *memory,
		   struct ramet_error *err)
{
	struct rameti_convert c = { .s = s,
				    .opts = opts,
				    .report = report,
				    .memory = memory,
				    .last_row = RAMET_NONE,
				    .doc = RAMET_JSON_DOC_INIT };
	struct ramet_buf *const bufs[] = { &c.scratch, &c.record, &c.entry, &c.last,	    &c.text,
					   &c.id,      &c.header_line, &c.number,
					   &c.parent,  &c.ref,	       &c.refs,	 &c.led };
	size_t i;
	int r;

	memset(report, 0, sizeof(*report));
	ramet_buf_init(&report->path, SIZE_MAX / 2);
	ramet_buf_init(&report->id, SIZE_MAX / 2);
	for (i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
		ramet_buf_init(bufs[i], SIZE_MAX / 2);
	c.target.file.file.fd = -1;
	ramet_session_lock(s);
	c.tree = ramet_session_tree(s);
	r = run(&c, err);
	ramet_session_unlock(s);
	if (r < 0)
		rameti_target_give_up(&c.target);
	rameti_target_release(&c.target);
	rameti_convert_plan_release(&c.plan);
	for (i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
		ramet_buf_release(bufs[i]);
	ramet_json_doc_release(&c.doc);
	ramet_free(c.fates);
	ramet_free(c.begins);
	ramet_free(c.ends);
	ramet_free(c.stays);
	return r;
}

int ramet_convert(struct ramet_session *s, const struct ramet_convert_opts *opts,
		  struct ramet_convert_report *report, struct ramet_error *err)
{
	const struct ramet_findings *f = ramet_session_findings(s);
	int r = convert(s, opts, report, NULL, err);
	uint32_t i;

	for (i = 0; i < f->n; i++)
		report->damaged += f->items[i].severity == RAMET_DAMAGE;
	return r;
}

void ramet_convert_report_release(struct ramet_convert_report *report)
{
	ramet_buf_release(&report->path);
	ramet_buf_release(&report->id);
}
