/*
 * store/birth.c - sessions made of lines that are there already, and ids for those that are
 * not.
 *
 * A session that is written at once goes line by line into a file that has no name yet,
 * however long it is; one that has to wait for its first message stays in memory.
 */
#include "store/birth.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "store/session_priv.h"

#define ID_TRIES 100u

int rameti_birth_begin(struct rameti_birth *b, enum rameti_birth_place place, const char *cwd,
		       const struct ramet_create_opts *opts, struct ramet_error *err)
{
	const struct ramet_bytes nothing = { NULL, 0 };
	struct ramet_buf dir = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	b->place = place;
	if (place == RAMETI_BIRTH_MEMORY)
		return ramet_session_create_memory(&b->s, cwd, nothing, opts, err);
	r = ramet_session_create(&b->s, cwd, opts, err);
	if (r < 0 || place == RAMETI_BIRTH_LATER)
		return r;
	rameti_path_dir(b->s->path, &dir);
	if (ramet_buf_status(&dir) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		r = rameti_dir_make(NULL, dir.ptr, 1, err);  /* as rameti_session_store does */
	if (!r)
		r = rameti_newfile_open(&b->file, b->s->path, 0600, err);
	if (!r)
		r = rameti_newfile_write(&b->file, ramet_buf_bytes(&b->s->text), err);
	ramet_buf_release(&dir);
	return r;
}

/* Write a line; *at is where it begins. */
static int put(struct rameti_birth *b, struct ramet_bytes line, uint64_t *at,
	       struct ramet_error *err)
{
	int r;

	if (b->place == RAMETI_BIRTH_FILE) {
		*at = b->file.size;
		r = rameti_newfile_write(&b->file, line, err);
		return r < 0 ? r : rameti_newfile_write(&b->file, ramet_bytes_of("\n"), err);
	}
	*at = b->s->text.len;
	ramet_buf_add(&b->s->text, line);
	ramet_buf_add_char(&b->s->text, '\n');
	return ramet_buf_status(&b->s->text) < 0 ? rameti_fail_nomem(err) : 0;
}

int rameti_birth_line(struct rameti_birth *b, struct ramet_bytes line, struct ramet_error *err)
{
	struct ramet_session *s = b->s;
	uint64_t at;
	uint32_t len;
	int terminated, r = put(b, line, &at, err);

	if (!r && !s->scanner)
		r = rameti_scanner_new(&s->scanner, s->reader.codec->wants,
				       s->reader.codec->n_wants, 0, err);
	if (r < 0)
		return r;
	rameti_batch_reset(&s->batch);
	if (rameti_batch_line(&s->batch, s->reader.codec, s->scanner, line, at, &len,
			      &terminated) < 0)
		return rameti_fail_nomem(err);
	s->batch.tail_open = 0;                              /* its newline follows it */
	if (s->batch.n != 1 || s->batch.n_odd)
		return rameti_fail(err, RAMET_EINVAL, "what was copied does not make an entry");
	return rameti_reader_feed(&s->reader, &s->batch, err);
}

int rameti_birth_row(struct rameti_birth *b, const struct ramet_tree *from, uint32_t row,
		     struct ramet_bytes line, struct ramet_error *err)
{
	struct ramet_row facts = *ramet_tree_row(from, row);
	uint64_t at;
	int r;

	if (line.len != facts.length)
		return rameti_birth_line(b, line, err);
	r = put(b, line, &at, err);
	facts.offset = at;
	facts.flags &= RAMET_ROW_NO_ID | RAMET_ROW_HAS_PARENT | RAMET_ROW_BAD_UTF8;
	if (!r)
		r = rameti_tree_add(b->s->reader.tree, &facts, ramet_tree_id(from, row),
				    rameti_tree_parent_id(from, row), err);
	b->s->reader.n_lines += !r;
	return r;
}

int rameti_birth_end(struct rameti_birth *b, struct ramet_session **out, struct ramet_error *err)
{
	int sync = b->s->opts.level != RAMET_LEVEL_NONE, r;

	r = rameti_tree_settle(b->s->reader.tree, err);
	if (!r && b->place == RAMETI_BIRTH_FILE)
		r = rameti_newfile_commit(&b->file, sync ? RAMETI_NEWFILE_SYNC : 0, err);
	if (r < 0)
		return r;
	if (b->place == RAMETI_BIRTH_FILE)
		rameti_session_bind(b->s, &b->file.file, b->file.size, sync);
	rameti_session_note_rows(b->s);
	*out = b->s;
	b->s = NULL;
	return 0;
}

void rameti_birth_abort(struct rameti_birth *b)
{
	rameti_newfile_abort(&b->file);
	ramet_session_close(b->s);
	b->s = NULL;
}

void rameti_id_start(struct rameti_id_maker *m, uint32_t random)
{
	m->at = random;
	m->tries = 0;
}

static struct ramet_bytes id_of(uint32_t at, char id[RAMET_ID_SIZE])
{
	uint8_t bytes[4];
	unsigned i;

	for (i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(at >> (24 - 8 * i));
	rameti_hex(bytes, sizeof(bytes), id);
	return (struct ramet_bytes){ id, 8 };
}

/* The place where the next one is looked for is fetched meanwhile: the table may be larger than the
 * nearest cache. */
int rameti_id_next(struct rameti_id_maker *m, const struct ramet_tree *t, char id[RAMET_ID_SIZE],
		   struct ramet_error *err)
{
	char next[RAMET_ID_SIZE];
	struct ramet_bytes made;

	for (; m->tries < ID_TRIES; m->tries++) {
		made = id_of(m->at, id);
		m->at += 0x9e3779b1u;
		rameti_tree_expect(t, id_of(m->at, next));
		if (ramet_tree_find(t, made) == RAMET_NONE)
			return 0;
	}
	return rameti_uuid4(NULL, id, err);
}

const char *rameti_session_abs_path(const struct ramet_session *s)
{
	return s->abs_path;
}

uint64_t rameti_session_size(const struct ramet_session *s)
{
	return s->source.size;
}

int rameti_session_pin(struct ramet_session *s, const struct stat *st)
{
	s->pinned = st != NULL;
	return st && (st->st_dev != s->log.dev || st->st_ino != s->log.ino) ? RAMET_ECONFLICT : 0;
}
