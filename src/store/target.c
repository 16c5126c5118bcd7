/*
 * store/target.c - sessions of any format made of entries: where they go, and line after line.
 *
 * Lines wait in memory until there are many of them; those of a home, which takes a session as a
 * whole, until the end. What reading will make of each line is found out as it is written.
 */
#include "store/target.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "store/layout_pi.h"
#include "store/session_priv.h"

#define CHUNK ((size_t)1 << 20)
#define HEAD_LEN 65536
#define PATH_LEN_MAX ((size_t)1 << 20)

/* ---- formats by name ---- */

int rameti_format_find(const char *name, const struct rameti_codec **codec,
		       const struct rameti_home **home, struct ramet_error *err)
{
	unsigned i;

	*home = NULL;
	*codec = rameti_codec_find(name);
	if (*codec)
		return 0;
	*codec = &rameti_codec_pi;
	for (i = 0; (*home = rameti_home_at(i)); i++)
		if (!strcmp((*home)->format, name))
			return 0;
	return rameti_fail(err, RAMET_EINVAL, "no such format: %.40s", name);
}

int rameti_format_takes_id(const char *format, struct ramet_bytes id)
{
	const struct rameti_layout *l = rameti_layout_of(format);

	return l->id_valid ? l->id_valid(id) : ramet_session_id_valid(id);
}

int rameti_format_new_id(const char *format, struct ramet_buf *id, struct ramet_error *err)
{
	static struct rameti_uuid7 generator;
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	const struct rameti_layout *l = rameti_layout_of(format);
	char made[37];
	int r;

	if (l->new_id)
		return l->new_id(NULL, id, err);
	pthread_mutex_lock(&lock);
	r = rameti_uuid7(&generator, NULL, made, err);
	pthread_mutex_unlock(&lock);
	if (!r)
		ramet_buf_add_str(id, made);
	return r < 0 ? r : ramet_buf_status(id) < 0 ? rameti_fail_nomem(err) : 0;
}

/* ---- lines ---- */

/* When many lines wait they are written, while the next ones are made. */
static int make_room(struct rameti_target *t, struct ramet_error *err)
{
	int r = 0;

	if (t->out.len >= CHUNK && !t->home && !t->memory) {
		t->size += t->out.len;
		if (!t->dry)
			r = rameti_behind_write(&t->behind, &t->file, &t->out, err);
		ramet_buf_reset(&t->out);
		t->counted = 0;
	}
	t->from = t->out.len;
	return r;
}

/* A line of which it is known that it makes one entry was added to out. */
static int count_line(struct rameti_target *t, struct ramet_error *err)
{
	if (ramet_buf_status(&t->out) < 0)
		return rameti_fail_nomem(err);
	t->counted = t->out.len;
	t->rows++;
	return 0;
}

/* What was added to out: how many entries does reading find in it? Lines are whole. made: as the
 * encoder tells, or -1. */
static int count_rows(struct rameti_target *t, int made, struct ramet_error *err)
{
	struct ramet_bytes rest;
	int terminated, r = 0;
	uint32_t len;

	if (t->settled)
		return count_line(t, err);
	if (ramet_buf_status(&t->out) < 0)
		return rameti_fail_nomem(err);
	rameti_batch_reset(&t->batch);
	if (made >= 0 && t->encoder.entry_id.len) {
		if (rameti_batch_made(&t->batch, ramet_buf_bytes(&t->encoder.entry_id), made,
				      t->size + t->counted) < 0)
			return rameti_fail_nomem(err);
		t->counted = t->out.len;
	}
	while (t->counted < t->out.len) {
		rest.ptr = t->out.ptr + t->counted;
		rest.len = t->out.len - t->counted;
		if (rameti_batch_line(&t->batch, t->codec, t->scanner, rest, t->size + t->counted,
				      &len, &terminated) < 0)
			return rameti_fail_nomem(err);
		t->counted += len + (size_t)terminated;
	}
	if (t->codec->pieces)
		r = rameti_reader_feed(&t->reader, &t->batch, err);
	t->rows = t->codec->pieces ? ramet_tree_count(t->reader.tree) : t->rows + t->batch.n;
	return r;
}

/* Where an entry behind lines of the format itself goes on: what the file starts with, and its
 * last line. */
static void note_line(struct rameti_target *t, struct ramet_bytes line)
{
	if (!t->codec->resume)
		return;
	if (t->head.len < HEAD_LEN) {
		ramet_buf_add(&t->head, line);
		ramet_buf_add_char(&t->head, '\n');
	}
	ramet_buf_reset(&t->last);
	ramet_buf_add(&t->last, line);
	t->behind_line = 1;
}

static int resume(struct rameti_target *t, struct ramet_error *err)
{
	size_t len = t->head.len;
	int r;

	ramet_buf_add(&t->head, ramet_buf_bytes(&t->last));
	if (ramet_buf_status(&t->head) < 0 || ramet_buf_status(&t->last) < 0)
		return rameti_fail_nomem(err);
	r = t->codec->resume(&t->encoder, NULL, ramet_buf_bytes(&t->head), err);
	ramet_buf_truncate(&t->head, len);
	t->behind_line = 0;
	return r;
}

int rameti_target_line(struct rameti_target *t, struct ramet_bytes line, struct ramet_error *err)
{
	int r = make_room(t, err);

	if (r < 0)
		return r;
	note_line(t, line);
	ramet_buf_add(&t->out, line);
	ramet_buf_add_char(&t->out, '\n');
	return count_rows(t, -1, err);
}

/* Over this text, and on behind the next quotation mark; NULL: it is not there. */
static const char *over(const char *p, const char *end, const char *text, size_t len)
{
	if (!p || (size_t)(end - p) < len || memcmp(p, text, len))
		return NULL;
	p = memchr(p + len, '"', (size_t)(end - p) - len);
	return p ? p + 1 : NULL;
}

int rameti_target_says_parent(struct ramet_bytes entry)
{
	const char *end = entry.ptr + entry.len, *p = entry.ptr;

	p = over(p, end, "{\"type\":\"", 9);
	p = over(p, end, ",\"id\":\"", 7);
	if (p && over(p, end, ",\"parentId\":", 12))
		return 1;
	return memmem(entry.ptr, entry.len < 256 ? entry.len : 256, "\"parentId\":", 11) != NULL;
}

/* Room for an entry, behind the lines that its encoder knows of. */
static int ready(struct rameti_target *t, struct ramet_error *err)
{
	int r = make_room(t, err);

	if (!r && t->behind_line)
		r = resume(t, err);
	return r;
}

/* The entry's lines were added to out. */
static int end_entry(struct rameti_target *t, struct ramet_bytes entry, int said,
		     struct ramet_error *err)
{
	int r;

	if (t->home && t->home->says)
		said = t->home->says(entry);
	r = t->codec->pieces ? count_rows(t, t->encoder.made, err) : count_line(t, err);
	return r < 0 ? r : said;
}

int rameti_target_entry(struct rameti_target *t, struct ramet_bytes entry, struct ramet_error *err)
{
	int r = ready(t, err);

	if (r < 0)
		return r;
	if (ramet_buf_status(&t->encoder.id) < 0)
		return rameti_fail_nomem(err);
	t->encoder.made = -1;
	if (t->codec->encode) {
		r = t->codec->encode(&t->encoder, entry, &t->out, err);
	} else if (t->codec != &rameti_codec_pi || !rameti_target_says_parent(entry)) {
		r = rameti_target_draft(t->codec, &t->work, entry, &t->out, err);
	} else {
		ramet_buf_add(&t->out, entry);
		ramet_buf_add_char(&t->out, '\n');
	}
	return r < 0 ? r : end_entry(t, entry, r, err);
}

int rameti_target_apart(struct rameti_target *t, struct ramet_bytes entry, struct ramet_bytes lines,
			const struct rameti_apart *is, struct ramet_error *err)
{
	struct rameti_encoder *e = &t->encoder;
	int r = ready(t, err);

	if (r < 0)
		return r;
	if (e->dialect || ramet_buf_status(&e->id) < 0) /* then it was written for another one */
		return rameti_target_entry(t, entry, err);
	ramet_buf_add(&t->out, lines);
	e->made = is->made;
	ramet_buf_reset(&e->entry_id);
	ramet_buf_add(&e->entry_id, is->id);
	if (t->codec->join)
		t->codec->join(e, is);
	if (ramet_buf_status(&e->entry_id) < 0 || ramet_buf_status(&e->text) < 0 ||
	    ramet_buf_status(&e->ids) < 0)
		return rameti_fail_nomem(err);
	return end_entry(t, entry, is->said, err);
}

int rameti_target_carry(struct rameti_target *t, const struct rameti_draft *d, int64_t ms,
			struct ramet_error *err)
{
	struct rameti_found found[RAMETI_SCAN_WANTS_MAX];
	struct ramet_buf *scratch = &t->work.members;
	int r = ready(t, err);

	if (r < 0)
		return r;
	if (t->codec->carry) {
		ramet_buf_reset(scratch);
		r = t->codec->carry(&t->encoder, d, ms, scratch, &t->out);
		if (r < 0 || ramet_buf_status(scratch) < 0)
			return rameti_fail_nomem(err);
	} else {
		t->codec->write_entry(d, &t->out, found);
		ramet_buf_add_char(&t->out, '\n');
	}
	return count_line(t, err);
}

/* ---- beginning and end ---- */

static int open_file(struct rameti_target *t, struct ramet_error *err)
{
	struct ramet_buf dir = RAMET_BUF_INIT(PATH_LEN_MAX);
	int r;

	rameti_path_dir(t->path.ptr, &dir);
	r = ramet_buf_status(&dir) < 0 ? rameti_fail_nomem(err) :
					 rameti_dir_make(NULL, dir.ptr, 1, err);
	ramet_buf_release(&dir);
	return r < 0 ? r : rameti_newfile_open(&t->file, t->path.ptr, 0600, err);
}

static int add_start(struct rameti_target *t, const struct rameti_draft_header *header,
		     struct ramet_bytes line, struct ramet_error *err)
{
	int r = 0;

	if (t->codec->start && !t->as_stored) {
		r = t->codec->start(&t->encoder, header, &t->out, err);
		return r < 0 ? r : count_rows(t, -1, err);
	}
	if (t->codec->pieces)
		return 0;
	if (line.ptr)
		ramet_buf_add(&t->out, line);
	else
		t->codec->write_header(header, &t->out);
	ramet_buf_add_char(&t->out, '\n');
	t->counted = t->out.len;
	return ramet_buf_status(&t->out) < 0 ? rameti_fail_nomem(err) : 0;
}

/* It reads what is written, so that rows are counted as they will be. */
static int open_reader(struct rameti_target *t, const struct rameti_draft_header *header,
		       struct ramet_error *err)
{
	uint64_t seed;
	int r = rameti_random(NULL, &seed, sizeof(seed), err);

	if (!r)
		r = rameti_reader_init(&t->reader, t->codec, seed, NULL, NULL, err);
	return r < 0 ? r : t->codec->begin(&t->reader, header->id, err);
}

int rameti_target_begin(struct rameti_target *t, const struct rameti_target_opts *opts,
			const struct rameti_draft_header *header, struct ramet_bytes line,
			struct ramet_error *err)
{
	static const struct rameti_newfile no_file = RAMETI_NEWFILE_INIT;
	const struct ramet_bytes none = { NULL, 0 };
	struct rameti_home_path where;
	int r;

	memset(t, 0, sizeof(*t));
	t->file = no_file;
	ramet_buf_init(&t->path, PATH_LEN_MAX);
	ramet_buf_init(&t->out, SIZE_MAX / 2);
	ramet_buf_init(&t->behind.text, SIZE_MAX / 2);
	rameti_target_work_init(&t->work);
	ramet_buf_init(&t->head, SIZE_MAX / 2);
	ramet_buf_init(&t->last, SIZE_MAX / 2);
	rameti_batch_init(&t->batch);
	t->sync = opts->sync;
	t->dry = opts->dry;
	t->memory = opts->memory;
	t->as_stored = opts->as_stored;
	r = rameti_format_find(opts->format, &t->codec, &t->home, err);
	if (r < 0)
		return r;
	if (!t->home && opts->place && rameti_home_path(opts->place, &where) == 1 &&
	    !strcmp(where.home->format, opts->format))
		t->home = where.home; /* a database of the format, by its name */
	if (t->home && t->home->codec)
		t->codec = t->home->codec;
	t->layout = rameti_layout_of(t->codec->name);
	r = rameti_encoder_init(&t->encoder, t->codec, NULL, none, err);
	t->encoder.from_codec = 1;
	ramet_buf_add(&t->encoder.id, header->id);
	if (!r && ramet_buf_status(&t->encoder.id) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		r = rameti_scanner_new(&t->scanner, t->codec->wants, t->codec->n_wants, 0, err);
	if (!r && t->codec->pieces)
		r = open_reader(t, header, err);
	if (!r && !t->dry && !t->memory)
		r = rameti_target_find_path(t, opts, header, err);
	if (!r && !t->dry && !t->memory && !t->home)
		r = open_file(t, err);
	return r < 0 ? r : add_start(t, header, line, err);
}

static int tell_place(const struct rameti_target *t, const struct ramet_bytes *id,
		      struct ramet_buf *path, struct ramet_error *err)
{
	if (t->home && t->home->scheme)
		ramet_buf_add_str(path, t->home->scheme);
	ramet_buf_add(path, ramet_buf_bytes(&t->path));
	if (t->home && t->home->scheme) {
		ramet_buf_add_char(path, '#');
		ramet_buf_add(path, *id);
	}
	return ramet_buf_status(path) < 0 ? rameti_fail_nomem(err) : 0;
}

/* Does the tool keep a list that the new file belongs into? */
static int is_listed(const struct rameti_target *t)
{
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	int yes = t->layout->after != NULL;

	if (yes && t->layout->has_list && !ramet_buf_status(&path) &&
	    !rameti_pi_path(ramet_bytes_of(t->path.ptr), NULL, &path, NULL))
		yes = t->layout->has_list(NULL, path.ptr);
	ramet_buf_release(&path);
	return yes;
}

/* The tool's own list learns of the session. A failure there does not make it one. */
static void tell_tool(const struct rameti_target *t)
{
	struct ramet_open_opts opts = { .no_cache = 1, .format = t->codec->name };
	struct ramet_session *s = NULL;

	if (!is_listed(t) || ramet_session_open(&s, t->path.ptr, &opts, NULL) < 0)
		return;
	if (rameti_log_begin(s, NULL) == 0) {
		t->layout->after(s, 0);
		rameti_log_end(s);
	}
	ramet_session_close(s);
}

static int create_at_home(struct rameti_target *t, struct ramet_error *err)
{
	t->size = t->out.len;
	return t->home->create(t->path.ptr, ramet_buf_bytes(&t->out), t->sync, err);
}

static int commit_file(struct rameti_target *t, struct ramet_error *err)
{
	int r = rameti_behind_end(&t->behind, err);

	t->size += t->out.len;
	if (!r)
		r = rameti_newfile_write(&t->file, ramet_buf_bytes(&t->out), err);
	if (!r)
		r = rameti_newfile_commit(&t->file, t->sync ? RAMETI_NEWFILE_SYNC : 0, err);
	if (!r)
		tell_tool(t);
	return r;
}

int rameti_target_end(struct rameti_target *t, struct ramet_buf *path, struct ramet_error *err)
{
	struct ramet_bytes id = ramet_buf_bytes(&t->encoder.id);
	size_t before;
	int r;

	if (t->dry || t->memory) {
		t->size += t->out.len;
		return 0;
	}
	before = path->len;
	r = tell_place(t, &id, path, err);           /* may fail: nothing is there yet */
	if (!r)
		r = t->home ? create_at_home(t, err) : commit_file(t, err);
	if (r < 0)
		ramet_buf_truncate(path, before);
	return r;
}

void rameti_target_give_up(struct rameti_target *t)
{
	(void)rameti_behind_end(&t->behind, NULL);
	rameti_layout_give_up(t->layout, &t->file, t->path.ptr);
}

void rameti_target_release(struct rameti_target *t)
{
	rameti_behind_release(&t->behind);
	rameti_newfile_abort(&t->file);
	rameti_encoder_release(&t->encoder);
	rameti_scanner_free(t->scanner);
	rameti_batch_release(&t->batch);
	if (t->reader.codec)
		rameti_reader_release(&t->reader);
	rameti_target_work_release(&t->work);
	ramet_buf_release(&t->path);
	ramet_buf_release(&t->out);
	ramet_buf_release(&t->head);
	ramet_buf_release(&t->last);
}
