/*
 * store/append.c - entries become lines, lines become durable, and only then rows.
 *
 * The order is: compose and check, write and sync, take into the tree. Room in the tree is made
 * before anything is written, so that what is stored is also shown. A failure before the write
 * leaves everything as it was; one after it is told as what it is.
 */
#include "store/session_priv.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "store/birth.h"

#define REPLACED_MAX 8
#define AGAIN_MAX 4
#define OVERTAKEN_MAX 1000 /* each time somebody else got an entry in */
#define TAIL_WAIT_NS 20000000L

int rameti_session_writable(const struct ramet_session *s, struct ramet_error *err)
{
	if (s->reader.header.version < 2)
		return rameti_fail_at(err, RAMET_EVERSION, s->path, 0, RAMET_NO_OFFSET,
				      "a session of version 1 is read-only: ramet migrate makes a "
				      "current one of it");
	if (s->log.doubtful)
		return rameti_fail_at(err, RAMET_EUNKNOWN, s->path, 0, RAMET_NO_OFFSET,
				      "an earlier entry may not be stored: open the session anew");
	if (s->log.dead)
		return rameti_fail_at(err, RAMET_EIO, s->path, 0, RAMET_NO_OFFSET,
				      "an earlier write was cut off: open the session anew");
	return rameti_tree_broken(s->reader.tree) ? rameti_tree_fail_broken(err) : 0;
}

static int random_bytes(struct ramet_session *s, unsigned char *to, unsigned n,
			struct ramet_error *err)
{
	int r = 0;

	if (s->n_random < n) {
		r = rameti_random(s->source.file.env, s->random, sizeof(s->random), err);
		s->n_random = r < 0 ? 0 : sizeof(s->random);
	}
	if (r < 0)
		return r;
	s->n_random -= n;
	memcpy(to, s->random + s->n_random, n);
	return 0;
}

static int start_ids(struct ramet_session *s, struct rameti_id_maker *m, struct ramet_error *err)
{
	uint32_t random;
	int r = random_bytes(s, (unsigned char *)&random, sizeof(random), err);

	rameti_id_start(m, r < 0 ? 0 : random);
	return r;
}

int rameti_session_make_id(struct ramet_session *s, char id[RAMET_ID_SIZE], struct ramet_error *err)
{
	struct rameti_id_maker m;
	int r = start_ids(s, &m, err);

	return r < 0 ? r : rameti_id_next(&m, s->reader.tree, id, err);
}

/* ---- composing ---- */

/* What an entry hangs from: the leaf, or the nearest entry before it that can have children. */
static struct ramet_bytes parent_of(const struct ramet_session *s, uint32_t row)
{
	const struct ramet_bytes none = { NULL, 0 };

	for (; row != RAMET_NONE; row = row ? row - 1 : RAMET_NONE)
		if (!(ramet_tree_row(s->reader.tree, row)->flags &
		      (RAMET_ROW_NO_ID | RAMET_ROW_SHADOWED)))
			return ramet_tree_id(s->reader.tree, row);
	return none;
}

static int give_ids(struct ramet_session *s, struct rameti_piece *pieces, size_t n,
		    struct ramet_error *err)
{
	struct rameti_id_maker m;
	int r = start_ids(s, &m, err);
	size_t i;

	for (i = 0; !r && i < n; i++)
		if (!*pieces[i].id)
			r = rameti_id_next(&m, s->reader.tree, pieces[i].id, err);
	return r;
}

/* Is the last line of the file without an end? */
static int tail_open(const struct ramet_session *s)
{
	return s->log.tail_len && s->log.tail[s->log.tail_len - 1] != '\n';
}

/* The line just composed, from `from` in s->lines on, as a reader will find it at offset. */
static int find_row(struct ramet_session *s, size_t from, uint64_t offset, int known,
		    const struct rameti_found *found, struct ramet_error *err)
{
	struct ramet_bytes line;
	size_t max = rameti_session_max_line(s);
	uint32_t len;
	int r, terminated;

	if (ramet_buf_status(&s->lines) == RAMET_ELIMIT)
		return rameti_fail(err, RAMET_ELIMIT, "more than %u bytes at once",
				   (unsigned)RAMET_JSON_LEN_MAX);
	if (ramet_buf_status(&s->lines) < 0)
		return rameti_fail_nomem(err);
	line.ptr = s->lines.ptr + from;
	line.len = s->lines.len - from;
	if (line.len - 1 > max)
		return rameti_fail(err, RAMET_ELIMIT, "an entry of more than %zu bytes", max);
	if (known) {
		line.len--;
		r = rameti_batch_written(&s->batch, s->reader.codec, line, offset, found);
	} else {
		r = rameti_batch_line(&s->batch, s->reader.codec, s->scanner, line, offset, &len,
				      &terminated);
	}
	return r < 0 ? rameti_fail_nomem(err) : 0;
}

static int add_line(struct ramet_session *s, const struct rameti_piece *piece,
		    struct rameti_draft *d, uint64_t offset, struct ramet_error *err)
{
	struct rameti_found found[RAMETI_SCAN_WANTS_MAX];
	size_t from = s->lines.len;
	int known;

	d->type = piece->type;
	d->members = piece->members;
	d->id = ramet_bytes_of(piece->id);
	d->role.ptr = piece->members.ptr + piece->role_at;
	d->role.len = piece->role_len;
	known = s->reader.codec->write_entry(d, &s->lines, found);
	ramet_buf_add_char(&s->lines, '\n');
	return find_row(s, from, offset + from, known, found, err);
}

/* ---- records of other systems ---- */

/* The lines from `from` on, as a reader will find them. */
static int find_rows(struct ramet_session *s, size_t from, uint64_t offset, struct ramet_error *err)
{
	struct ramet_bytes rest;
	uint32_t len;
	int r, terminated;

	if (ramet_buf_status(&s->lines) < 0)
		return rameti_fail_nomem(err);
	while (from < s->lines.len) {
		rest.ptr = s->lines.ptr + from;
		rest.len = s->lines.len - from;
		r = rameti_batch_line(&s->batch, s->reader.codec, s->scanner, rest, offset + from,
				      &len, &terminated);
		if (r < 0)
			return rameti_fail_nomem(err);
		if (len > rameti_session_max_line(s))
			return rameti_fail(err, RAMET_ELIMIT, "an entry of more than %zu bytes",
					   rameti_session_max_line(s));
		from += (size_t)len + (size_t)terminated;
	}
	return 0;
}

/* Of the rows from `first` on that one entry became, the one that is it: a record may say more. */
static uint32_t row_of(const struct ramet_session *s, uint32_t first, struct ramet_bytes type)
{
	uint32_t row = s->batch.n;

	while (row > first && s->batch.rows[row - 1].type != ramet_entry_type_of(type))
		row--;
	return (row > first ? row : s->batch.n) - 1;
}

static int add_records(struct ramet_session *s, struct rameti_piece *piece, struct rameti_draft *d,
		       uint64_t offset, struct ramet_error *err)
{
	size_t from = s->lines.len;
	uint32_t before = s->batch.n;
	int r;

	d->type = piece->type;
	d->members = piece->members;
	d->id = ramet_bytes_of(piece->id);
	ramet_buf_reset(&s->entry);
	rameti_pi_write_entry(d, &s->entry, NULL);
	if (ramet_buf_status(&s->entry) < 0)
		return rameti_fail_nomem(err);
	r = s->codec->encode(&s->encoder, ramet_buf_bytes(&s->entry), &s->lines, err);
	if (r < 0)
		return r;
	if (r == RAMETI_UNSAID)
		return rameti_fail(err, RAMET_EINVAL, "the format %s has no place for this entry",
				   s->codec->name);
	r = find_rows(s, from, offset, err);
	piece->batch_row = row_of(s, before, piece->type);
	return r;
}

/* Did all that was written become entries? */
static int is_sound(const struct rameti_batch *b)
{
	uint32_t i;

	for (i = 0; i < b->n_odd; i++)
		if (b->odd[i].kind < RAMETI_ODD_NOTE)
			return 0;
	return b->n > 0;
}

/* The encoder stands behind the last record. */
static int ready_encoder(struct ramet_session *s, struct ramet_error *err)
{
	uint64_t end = s->source.size + s->text.len;
	struct ramet_bytes last;
	int r;

	if (s->encoder_end == end + 1)
		return 0;
	rameti_encoder_release(&s->encoder);
	s->encoder_end = 0;
	r = rameti_log_last_line(s, &last, err);
	return r < 0 ? r : rameti_encoder_init(&s->encoder, s->codec, &s->reader, last, err);
}

/* The ids that the entries have got. */
static void tell_ids(const struct ramet_session *s, struct rameti_piece *pieces, size_t n,
		     uint32_t before)
{
	struct ramet_bytes id;
	size_t i;

	for (i = 0; i < n; i++) {
		id = ramet_tree_id(s->reader.tree, before + pieces[i].batch_row);
		if (id.len >= RAMET_ID_SIZE)
			id.len = 0;
		if (id.len)
			memcpy(pieces[i].id, id.ptr, id.len);
		pieces[i].id[id.len] = '\0';
	}
}

/* ---- all entries of one append ---- */

/* The pieces as lines that will stand at offset, behind a line end when the file's last line has
 * none; their rows; and room for those in the tree. */
static int compose(struct ramet_session *s, struct rameti_piece *pieces, size_t n, uint64_t offset,
		   struct ramet_error *err)
{
	struct rameti_draft d = { .parent = parent_of(s, s->leaf) };
	char now[40] = "\"";
	int64_t ms = rameti_now_ms(s->source.file.env);
	size_t i, len;
	int r = 0;

	if (ms == RAMETI_TIME_NONE)
		return rameti_fail(err, RAMET_EIO, "the clock gives no usable time");
	rameti_time_format(ms, now + 1);
	len = strlen(now);
	now[len++] = '"';
	if (!s->scanner)
		r = rameti_scanner_new(&s->scanner, s->reader.codec->wants,
				       s->reader.codec->n_wants, 0, err);
	ramet_buf_reset(&s->lines);
	rameti_batch_reset(&s->batch);
	if (!r && s->codec->pieces)
		r = ready_encoder(s, err);
	if (s->stored && tail_open(s))
		ramet_buf_add_char(&s->lines, '\n');
	for (i = 0; !r && i < n; i++) {
		d.timestamp = pieces[i].timestamp.ptr ? pieces[i].timestamp :
							(struct ramet_bytes){ now, len };
		if (s->codec->pieces)
			r = add_records(s, &pieces[i], &d, offset, err);
		else
			r = add_line(s, &pieces[i], &d, offset, err);
		d.parent = d.id;
	}
	if (!r && s->codec->pieces) {
		s->encoder_end = 0; /* stands behind what is not written yet */
		if (!is_sound(&s->batch))
			return rameti_fail(err, RAMET_EINVAL,
					   "what was given does not make an entry");
		return rameti_reader_make_room(&s->reader, &s->batch, err);
	}
	if (!r && s->batch.n_odd && s->batch.odd[0].trouble == RAMETI_TROUBLE_DEPTH)
		r = rameti_fail(err, RAMET_ELIMIT, "nested too deeply for an entry");
	if (!r && (s->batch.n != n || s->batch.n_odd))
		r = rameti_fail(err, RAMET_EINVAL, "what was given does not make an entry");
	return r < 0 ? r : rameti_reader_make_room(&s->reader, &s->batch, err);
}

static int holds_talk(const struct rameti_batch *b)
{
	uint32_t i;

	for (i = 0; i < b->n; i++)
		if (rameti_is_talk(&b->rows[i]))
			return 1;
	return 0;
}

/* The composed lines are stored, where the batch says: show them. */
static void take_in(struct ramet_session *s, struct rameti_piece *pieces, size_t n)
{
	uint32_t before = ramet_tree_count(s->reader.tree);

	if (rameti_reader_feed(&s->reader, &s->batch, NULL) < 0 ||
	    rameti_tree_settle(s->reader.tree, NULL) < 0)
		s->stale = ramet_tree_count(s->reader.tree) != before + s->batch.n ||
			   s->batch.n_odd;
	s->leaf = ramet_tree_count(s->reader.tree) - 1;
	if (!s->codec->pieces)
		return;
	tell_ids(s, pieces, n, before);
	s->encoder_end = s->source.size + s->text.len + 1;
}

/* ---- sessions that are in no file ---- */

/* Behind what is in memory; the file appears with it when the time has come. */
static int append_to_text(struct ramet_session *s, struct rameti_piece *pieces, size_t n,
			  struct ramet_error *err)
{
	size_t before = s->text.len;
	int r = give_ids(s, pieces, n, err);

	if (!r)
		r = compose(s, pieces, n, before, err);
	if (r < 0)
		return r;
	ramet_buf_add(&s->text, ramet_buf_bytes(&s->lines));
	r = ramet_buf_status(&s->text) < 0 ? rameti_fail_nomem(err) : 0;
	if (!r && s->path && (s->has_talk || holds_talk(&s->batch)))
		r = rameti_session_store(s, err);
	if (!r) {
		take_in(s, pieces, n);
	} else if (!s->stored) {
		s->text.status = 0;
		ramet_buf_truncate(&s->text, before);
	}
	return r;
}

/* ---- sessions in a file ---- */

/* Perhaps somebody without a lock is just writing it. */
static void wait_for_tail(const struct ramet_session *s)
{
	const struct rameti_env *env = rameti_env_or_default(s->source.file.env);

	(void)env->nanosleep(env->user, &(const struct timespec){ 0, TAIL_WAIT_NS });
}

/* Have the file that the name means now, locked, and all of it in the tree. */
static int lock_current(struct ramet_session *s, struct ramet_error *err)
{
	enum rameti_look look;
	uint64_t size = 0;
	int tries, r, waited = 0;

	for (tries = 0; tries < REPLACED_MAX; tries++) {
		r = s->stale ? rameti_session_reload(s, err) : 0;
		if (!r)
			r = rameti_log_begin(s, err);
		if (r < 0)
			return r;
		look = RAMETI_LOOK_OTHER;
		if (s->log.appending)
			r = rameti_log_look(s, &look, &size, err);
		if (!r && look == RAMETI_LOOK_SAME && (!tail_open(s) || waited++))
			return 0;
		if (!r && look == RAMETI_LOOK_SAME)
			wait_for_tail(s);
		else if (!r && look == RAMETI_LOOK_GREW)
			r = rameti_session_catch_up(s, size, err);
		else if (!r && s->pinned)
			r = rameti_fail_at(err, RAMET_ECONFLICT, s->path, 0, RAMET_NO_OFFSET,
					   "another program replaced the file; nothing was "
					   "written");
		else if (!r)
			r = rameti_session_reload(s, err);
		if (!r && look == RAMETI_LOOK_GREW && s->log.appending && !tail_open(s))
			return 0;
		rameti_log_end(s);
		if (r < 0)
			return r;
	}
	return rameti_fail_at(err, RAMET_ECONFLICT, s->path, 0, RAMET_NO_OFFSET,
			      "other programs keep replacing the file");
}

/* Somebody without a lock wrote in between, or nobody knows: the file says what is where. */
static void take_in_from_file(struct ramet_session *s, struct rameti_piece *pieces, size_t n,
			      uint64_t at)
{
	const char *id = pieces[n - 1].id;
	struct rameti_source now = s->source;
	uint64_t end = at + s->lines.len;
	uint32_t row = RAMET_NONE;

	if (at == RAMETI_LOG_SOMEWHERE && rameti_source_size(&now, &end, NULL) < 0)
		s->stale = 1;
	else if (!rameti_session_catch_up(s, end, NULL) && s->codec->pieces)
		tell_ids(s, pieces, n, ramet_tree_count(s->reader.tree) - s->batch.n);
	else if (!s->stale)
		row = ramet_tree_find(s->reader.tree, ramet_bytes_of(id));
	if (row != RAMET_NONE)
		s->leaf = row;
}

/* The lines are the end of the file now. */
static void note_written(struct ramet_session *s)
{
	struct rameti_log *log = &s->log;
	size_t len = s->lines.len < RAMETI_TAIL_LEN ? s->lines.len : RAMETI_TAIL_LEN;
	size_t keep = RAMETI_TAIL_LEN - len < log->tail_len ? RAMETI_TAIL_LEN - len : log->tail_len;

	memmove(log->tail, log->tail + log->tail_len - keep, keep);
	memcpy(log->tail + keep, s->lines.ptr + s->lines.len - len, len);
	log->tail_len = keep + len;
	s->source.size += s->lines.len;
}

static int must_sync(const struct ramet_session *s, const struct rameti_piece *pieces, size_t n)
{
	size_t i;

	for (i = 0; i < n && !pieces[i].ends_turn; i++)
		;
	return s->opts.level == RAMET_LEVEL_EACH ||
	       (s->opts.level == RAMET_LEVEL_TURN && i < n);
}

static int append_locked(struct ramet_session *s, struct rameti_piece *pieces, size_t n,
			 struct ramet_error *err)
{
	uint64_t at = 0;
	int r = give_ids(s, pieces, n, err);

	if (!r)
		r = compose(s, pieces, n, s->source.size, err);
	if (!r && rameti_tree_broken(s->reader.tree))
		r = rameti_tree_fail_broken(err);    /* then neither leaf nor ids are known */
	if (!r && must_sync(s, pieces, n))
		r = rameti_log_name(s, err);         /* may fail: nothing is written yet */
	if (!r)
		r = rameti_log_write(s, ramet_buf_bytes(&s->lines), &at, err);
	if (!r && must_sync(s, pieces, n))
		r = rameti_log_sync(s, err);
	if (r)
		return r;
	if (at != s->source.size) {
		take_in_from_file(s, pieces, n, at);
		return 0;
	}
	note_written(s);
	take_in(s, pieces, n);
	return 0;
}

static int refuse_branch(const struct ramet_session *s, struct ramet_error *err)
{
	if (!rameti_session_is_line(s) || s->leaf == ramet_tree_leaf(s->reader.tree))
		return 0;
	return rameti_fail_at(err, RAMET_EINVAL, s->path, 0, RAMET_NO_OFFSET,
			      "a session of the format %s has no branches: fork it",
			      ramet_session_format(s));
}

/* What the tool's own rules ask for before a byte is written, and for an unfinished last line. */
static int prepare(struct ramet_session *s, struct ramet_error *err)
{
	int tail = s->codec->tail ? s->codec->tail(&s->reader) : RAMETI_TAIL_END;
	int r = refuse_branch(s, err);

	if (r < 0)
		return r;
	if (tail_open(s) && tail == RAMETI_TAIL_REFUSE)
		return rameti_fail_at(err, RAMET_EFORMAT, s->path, 0, RAMET_NO_OFFSET,
				      "the last line is cut off: ramet repair first");
	r = rameti_log_announce(s, err);
	if (!r && tail_open(s) && tail == RAMETI_TAIL_CUT)
		r = rameti_log_cut_tail(s, err);
	return r;
}

/* Others appended since this handle last looked: what the policy says. was_last: the leaf was the
 * last entry then. */
static int meet_others(struct ramet_session *s, int was_last, uint64_t n, struct ramet_error *err)
{
	if (was_last && s->on_conflict == RAMET_CONFLICT_APPEND)
		s->leaf = ramet_tree_leaf(s->reader.tree);
	if (s->on_conflict != RAMET_CONFLICT_REFUSE)
		return 0;
	return rameti_fail_at(err, RAMET_ECONFLICT, s->path, 0, RAMET_NO_OFFSET,
			      "others appended %llu %s; nothing was written",
			      (unsigned long long)n, n == 1 ? "entry" : "entries");
}

static int append_to_file(struct ramet_session *s, struct rameti_piece *pieces, size_t n,
			  struct ramet_error *err)
{
	uint64_t others = s->others;
	uint32_t before;
	int was_last = s->leaf == ramet_tree_leaf(s->reader.tree), r = lock_current(s, err);

	if (r < 0)
		return r;
	if (s->others != others)
		r = meet_others(s, was_last, s->others - others, err);
	if (!r)
		r = prepare(s, err);
	before = ramet_tree_count(s->reader.tree);
	if (!r)
		r = append_locked(s, pieces, n, err);
	if (!r && s->layout->after)
		s->layout->after(s, before);
	rameti_log_end(s);
	return r;
}

/* ---- sessions in a home ---- */

static int append_once_to_home(struct ramet_session *s, struct rameti_piece *pieces, size_t n,
			       struct ramet_error *err)
{
	size_t before = s->text.len;
	int r = refuse_branch(s, err);

	if (!r)
		r = give_ids(s, pieces, n, err);
	if (!r)
		r = compose(s, pieces, n, before, err);
	if (!r && ramet_buf_reserve(&s->text, s->lines.len) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		r = s->home->append(s->home_state, ramet_buf_bytes(&s->lines), n,
				    must_sync(s, pieces, n), err);
	if (r < 0)
		return r;
	ramet_buf_add(&s->text, ramet_buf_bytes(&s->lines));
	take_in(s, pieces, n);
	return 0;
}

static int append_to_home(struct ramet_session *s, struct rameti_piece *pieces, size_t n,
			  struct ramet_error *err)
{
	int tries, was_last, more, r = RAMET_ECONFLICT;
	uint64_t others;

	for (tries = 0; r == RAMET_ECONFLICT && tries < OVERTAKEN_MAX; tries++) {
		r = append_once_to_home(s, pieces, n, err);
		if (r != RAMET_ECONFLICT)
			break;
		was_last = s->leaf == ramet_tree_leaf(s->reader.tree);
		others = s->others;
		more = rameti_session_home_more(s, err);
		if (more <= 0)
			return more < 0 ? more : r;
		if (meet_others(s, was_last, s->others - others, err) < 0)
			return RAMET_ECONFLICT;
		for (more = 0; more < (int)n; more++)
			pieces[more].id[0] = '\0';
	}
	return r;
}

int rameti_session_append(struct ramet_session *s, struct rameti_piece *pieces, size_t n,
			  struct ramet_error *err)
{
	int tries, r = rameti_session_writable(s, err);

	if (r < 0 || !n)
		return r;
	if (s->home)
		r = append_to_home(s, pieces, n, err);
	else if (!s->stored)
		r = append_to_text(s, pieces, n, err);
	else
		r = RAMETI_LOG_AGAIN;
	for (tries = 0; r == RAMETI_LOG_AGAIN && tries < AGAIN_MAX; tries++)
		r = append_to_file(s, pieces, n, err);
	if (r == RAMETI_LOG_AGAIN)
		r = RAMET_ECONFLICT;                         /* err says why */
	if (!r)
		s->has_talk |= holds_talk(&s->batch);
	rameti_error_set_path(r < 0 ? err : NULL, s->path);
	return r;
}
