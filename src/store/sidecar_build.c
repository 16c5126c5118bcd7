/*
 * store/sidecar_build.c - a new sidecar from a JSONL, in a directory that nobody takes for one.
 *
 * Each file appears whole and durable. The directory is only of use when this returned 0; until
 * then its place is a .staging name. Refuses what the original refuses: sessions whose id is no
 * UUID, frames larger than a segment, and lines that are no entries.
 */
#include "store/sidecar_priv.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/newfile.h"

struct building {
	const struct rameti_env *env;
	const char *dir;                         /* NULL: only look whether it can be done */
	uint64_t limit;
	struct rameti_newfile segment, index;
	struct rameti_sc_facts facts;
	struct rameti_sc_row row;                /* of the last frame; segment 0: none yet */
	struct ramet_buf record, text;
};

static int make_dirs(const struct rameti_env *env, const char *dir, struct ramet_error *err)
{
	char path[SC_PATH];
	int r = rameti_dir_make(env, dir, 1, err), i;

	for (i = 0; !r && rameti_sc_dirs[i]; i++) {
		r = rameti_sc_join(path, dir, rameti_sc_dirs[i], err);
		if (!r)
			r = rameti_dir_make(env, path, 0, err);
	}
	/* a path inside: so that the directory itself is synced */
	return r < 0 ? r : rameti_dir_sync(env, path, err);
}

static int end_file(struct rameti_newfile *n, struct ramet_error *err)
{
	int r = n->path ? rameti_newfile_commit(n, RAMETI_NEWFILE_SYNC, err) : 0;

	rameti_newfile_abort(n);
	return r;
}

static int begin_segment(struct building *b, struct ramet_error *err)
{
	char path[SC_PATH];
	int r = end_file(&b->segment, err);

	b->row.segment_seq++;
	b->row.frame_seq = 0;
	b->row.offset = b->row.len = 0;
	if (r < 0 || !b->dir)
		return r;
	r = rameti_sc_segment_path(path, b->dir, b->row.segment_seq, err);
	b->segment.file.env = b->env;
	return r < 0 ? r : rameti_newfile_open(&b->segment, path, 0600, err);
}

static int begin_index(struct building *b, struct ramet_error *err)
{
	char path[SC_PATH];
	int r;

	if (!b->dir || b->index.path)
		return 0;
	r = rameti_sc_join(path, b->dir, "index/offsets.jsonl", err);
	b->index.file.env = b->env;
	return r < 0 ? r : rameti_newfile_open(&b->index, path, 0600, err);
}

static int write_record(struct building *b, struct ramet_error *err)
{
	int r = begin_index(b, err);

	b->row.len = b->record.len;
	b->row.crc32c = rameti_crc32c(0, b->record.ptr, b->record.len);
	ramet_buf_reset(&b->text);
	rameti_sc_row_add(&b->text, &b->row);
	if (!r)
		r = rameti_sc_status(&b->text, err);
	if (!r && b->dir)
		r = rameti_newfile_write(&b->segment, ramet_buf_bytes(&b->record), err);
	if (!r && b->dir)
		r = rameti_newfile_write(&b->index, ramet_buf_bytes(&b->text), err);
	return r;
}

static int make_record(struct building *b, struct rameti_sc_frame *f, struct ramet_error *err)
{
	f->segment_seq = b->row.segment_seq;
	f->frame_seq = b->row.frame_seq;
	f->entry_seq = b->row.entry_seq;
	ramet_buf_reset(&b->record);
	rameti_sc_frame_add(&b->record, f);
	return rameti_sc_status(&b->record, err);
}

static int on_entry(void *user, const struct rameti_sc_frame *entry, struct ramet_error *err)
{
	struct building *b = user;
	struct rameti_sc_frame f = *entry;
	uint64_t end = b->row.offset + b->row.len;
	char now[32];
	int r = 0;

	rameti_time_format(rameti_now_ms(b->env), now);
	f.time = ramet_bytes_of(now);
	if (!b->row.segment_seq)
		r = begin_segment(b, err);
	b->row.entry_seq++;
	b->row.frame_seq++;
	b->row.offset = end;
	memcpy(b->row.id, f.id.ptr, f.id.len);
	b->row.id[f.id.len] = '\0';
	if (!r)
		r = make_record(b, &f, err);
	if (!r && end && end + b->record.len > b->limit) {
		r = begin_segment(b, err);
		b->row.frame_seq = 1;
		if (!r)
			r = make_record(b, &f, err);
	}
	if (!r && b->record.len > b->limit)                  /* which is below SC_LINE_MAX */
		r = rameti_fail(err, RAMET_ELIMIT, "entry is too large for a segment");
	if (!r)
		r = write_record(b, err);
	if (!r)
		rameti_sc_facts_add(&b->facts, &b->row, &f);
	return r;
}

static int write_manifest(struct building *b, const struct rameti_sc_source *s,
			  struct ramet_error *err)
{
	struct rameti_sc_manifest m;

	memset(&m, 0, sizeof(m));
	m.facts = b->facts;
	m.facts.n_branches = s->n_branches;
	memcpy(m.session_id, s->header.id, sizeof(m.session_id));
	memcpy(m.source_format, "jsonl_v3", 9);
	rameti_time_format(rameti_now_ms(b->env), m.created);
	memcpy(m.updated, m.created, sizeof(m.updated));
	return rameti_sc_manifest_write(b->env, b->dir, &m, err);
}

static int build(struct building *b, const struct rameti_sc_place *p, struct rameti_sc_source *s,
		 struct ramet_error *err)
{
	int r = b->dir ? make_dirs(b->env, b->dir, err) : 0;

	if (!r)
		r = rameti_sc_source_read(s, p, on_entry, b, err);
	if (!r && !rameti_sc_uuid_ok(ramet_bytes_of(s->header.id)))
		r = rameti_fail_at(err, RAMET_EFORMAT, p->jsonl, 1, RAMET_NO_OFFSET,
				   "session id is no UUID, which the original refuses");
	if (!r)
		r = end_file(&b->segment, err);
	if (!r)
		r = end_file(&b->index, err);
	if (r < 0 || !b->dir)
		return r;
	r = write_manifest(b, s, err);
	if (!r)
		r = rameti_sc_source_unchanged(s, p, err);
	return r < 0 ? r : rameti_sc_state_write(b->env, b->dir, &s->print, err);
}

int rameti_sc_build(const struct rameti_sc_place *p, const char *dir, uint64_t segment_limit,
		    struct rameti_sc_source *source, struct ramet_error *err)
{
	struct building b;
	int r;

	memset(&b, 0, sizeof(b));
	b.env = p->env;
	b.dir = dir;
	b.limit = segment_limit && segment_limit < SC_SEGMENT_MAX ? segment_limit : SC_SEGMENT_MAX;
	b.segment = b.index = (struct rameti_newfile)RAMETI_NEWFILE_INIT;
	ramet_buf_init(&b.record, SC_LINE_MAX + 1024);
	ramet_buf_init(&b.text, SC_ROW_MAX);
	rameti_sc_facts_init(&b.facts);
	r = build(&b, p, source, err);
	rameti_newfile_abort(&b.segment);
	rameti_newfile_abort(&b.index);
	ramet_buf_release(&b.record);
	ramet_buf_release(&b.text);
	return r;
}
