/*
 * cli/feed.c - reads values, tells messages from entries, stores them, prints their ids.
 *
 * Invariants: an id is printed only when its entry is in the file, and before the next line is
 * waited for, so that a program can talk to us line by line; messages that are already waiting are
 * stored with one write. Refuses a line over the limit of JSON texts. A last line without a newline
 * counts.
 */
#include "cli/feed.h"

#include "base/clock.h"
#include "base/env.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CHUNK ((size_t)64 << 10)
#define LINE_MAX_LEN ((size_t)RAMET_JSON_LEN_MAX)
#define BATCH_MAX 256
#define BATCH_TEXT ((size_t)1 << 20)
#define AGAIN_MAX 8
#define GGCODE_LINE_MAX ((size_t)10 << 20)       /* with its end; ggcode reads no longer one */

/* Where a value stands on standard input; line 0: it comes from the command line. */
struct place {
	uint64_t line, offset;
};
struct message {
	size_t at, len;                          /* in texts */
	struct place place;
};
struct feed {
	struct cli *cli;
	const struct feed_to *to;
	struct ramet_json_doc doc;
	struct ramet_buf texts;                  /* messages to be stored, one behind the other */
	struct message batch[BATCH_MAX];
	size_t n;
	struct place next;                       /* of the next line */
	int n_again;
};

/* What is wrong with a value is said with its place; what is wrong with the session is not. */
static int fail_at(int r, const struct place *place, struct ramet_error *err)
{
	int of_value = r == RAMET_EJSON || r == RAMET_EINVAL || r == RAMET_ELIMIT ||
		       r == RAMET_ENOTFOUND;

	if (!of_value || !place->line)
		return r;
	if (err->offset != RAMET_NO_OFFSET)
		err->offset += place->offset;
	err->line = place->line;
	err->path[0] = '\0';
	rameti_error_set_path(err, "standard input");
	return r;
}

/* Stored, but: "line 3: ..." */
static void complain(const struct place *place, const char *what)
{
	struct ramet_buf text = RAMET_BUF_INIT(4096);

	if (place->line)
		ramet_buf_addf(&text, "line %llu: ", (unsigned long long)place->line);
	ramet_buf_add_str(&text, what);
	if (ramet_buf_status(&text) == 0)
		out_complain(text.ptr);
	ramet_buf_release(&text);
}

/* ggcode gives up a whole session with a line that is too long for it. */
static void check_length(const struct feed *f, const char *id, const struct place *place)
{
	const struct ramet_session *s = *f->to->session;
	const struct ramet_tree *t = ramet_session_tree(s);
	uint32_t row;

	if (strcmp(ramet_session_format(s), "ggcode") != 0)
		return;
	row = ramet_tree_find(t, ramet_bytes_of(id));
	if (row != RAMET_NONE && ramet_tree_row(t, row)->length >= GGCODE_LINE_MAX)
		complain(place, "stored, but ggcode reads no line of more than 10 MiB, and no "
				"session with one");
}

/* An entry may be in memory only as yet: a new session waits for a message. Here it does not. */
static int print_stored(struct feed *f, const char *id, const struct place *place,
			struct ramet_error *err)
{
	struct ramet_session *s = *f->to->session;
	int r = ramet_session_stored(s) ? 0 : ramet_session_write(s, err);

	if (r == 0) {
		answer_id(f->cli, ramet_bytes_of(id));
		check_length(f, id, place);
	}
	return r;
}

/* Was a new session not stored because somebody else made the file meanwhile? Then it is opened: 1;
 * nothing of it was printed yet. 0 no; negative: that failed. */
static int lost_race(struct feed *f, int r, struct ramet_error *err)
{
	if (r != RAMET_ECONFLICT || ramet_session_stored(*f->to->session) || !f->to->open_again ||
	    f->n_again++ == AGAIN_MAX)
		return 0;
	r = f->to->open_again(f->to->user, err);
	return r < 0 ? r : 1;
}

/* ---- messages ---- */

static int store_one_by_one(struct feed *f, const struct ramet_bytes *messages,
			    struct ramet_error *err)
{
	char id[RAMET_ID_SIZE];
	int r = 0;

	for (size_t i = 0; i < f->n && r == 0; i++) {
		r = ramet_session_append_message(*f->to->session, messages[i], id, err);
		if (r < 0)
			return fail_at(r, &f->batch[i].place, err);
		r = print_stored(f, id, &f->batch[i].place, err);
	}
	return r;
}

/* With one write; when one of them is refused, those before it still are to be stored. */
static int store_all(struct feed *f, const struct ramet_bytes *messages, struct ramet_error *err)
{
	char ids[BATCH_MAX][RAMET_ID_SIZE];
	int r = ramet_session_append_messages(*f->to->session, messages, f->n, ids, err);

	if (r == RAMET_EINVAL || r == RAMET_EJSON || r == RAMET_ELIMIT)
		return store_one_by_one(f, messages, err);
	for (size_t i = 0; i < f->n && r == 0; i++)
		r = print_stored(f, ids[i], &f->batch[i].place, err);
	return r;
}

static int store_batch(struct feed *f, struct ramet_error *err)
{
	struct ramet_bytes messages[BATCH_MAX];
	int r = 0, again;

	if (ramet_buf_status(&f->texts) < 0)
		return rameti_fail_nomem(err);
	for (size_t i = 0; i < f->n; i++) {
		messages[i].ptr = f->texts.ptr + f->batch[i].at;
		messages[i].len = f->batch[i].len;
	}
	for (again = f->n > 0; again > 0;) {
		r = store_all(f, messages, err);
		again = lost_race(f, r, err);
		r = again < 0 ? again : r;
	}
	f->n = 0;
	ramet_buf_reset(&f->texts);
	return r;
}

/* pi shows it, and tells no model of it. */
static void check_role(const struct feed *f, const struct ramet_json *message)
{
	if (ramet_json_text_is(ramet_json_get(message, "role"), ""))
		complain(&f->next, "the role is empty: no model is told of this message");
}

static int add_message(struct feed *f, struct ramet_bytes text, struct ramet_error *err)
{
	const struct ramet_json *message = ramet_json_root(&f->doc);
	struct ramet_buf now = RAMET_BUF_INIT(32);
	struct message *m = &f->batch[f->n++];
	int r = 0;

	m->at = f->texts.len;
	m->place = f->next;
	if (ramet_json_get(message, "timestamp")) {
		ramet_buf_add(&f->texts, text);
	} else {
		struct ramet_json_edit edit = { .key = ramet_bytes_of("timestamp") };

		ramet_buf_addf(&now, "%lld", (long long)rameti_now_ms(NULL));
		edit.value = ramet_buf_bytes(&now);
		r = ramet_json_edit(&f->texts, text, message, &edit, 1, err);
	}
	m->len = f->texts.len - m->at;
	ramet_buf_release(&now);
	check_role(f, message);
	if (r == 0 && (f->n == BATCH_MAX || f->texts.len >= BATCH_TEXT))
		r = store_batch(f, err);
	return r;
}

/* ---- any value ---- */

/* Nothing is kept from before a compaction whose first kept entry is not there; pi does not ask. */
static void check_entry(struct feed *f)
{
	const struct ramet_json *entry = ramet_json_root(&f->doc);
	const struct ramet_json *first = ramet_json_get(entry, "firstKeptEntryId");
	struct ramet_buf id = RAMET_BUF_INIT(CLI_TEXT_MAX);

	if (ramet_json_text_is(ramet_json_get(entry, "type"), "message"))
		check_role(f, ramet_json_get(entry, "message"));
	if (!ramet_json_text_is(ramet_json_get(entry, "type"), "compaction") ||
	    ramet_json_kind(first) != RAMET_JSON_STRING)
		return;
	ramet_json_text(first, &id);
	if (ramet_buf_status(&id) == 0 &&
	    ramet_tree_find(ramet_session_tree(*f->to->session), ramet_buf_bytes(&id)) ==
		    RAMET_NONE)
		complain(&f->next, "no entry has the id in firstKeptEntryId: nothing from before "
				   "the compaction is kept");
	ramet_buf_release(&id);
}

static int store_entry(struct feed *f, struct ramet_bytes text, struct ramet_error *err)
{
	char id[RAMET_ID_SIZE];
	int r = store_batch(f, err), again = r == 0;

	while (again > 0) {
		r = ramet_session_append_entry(*f->to->session, text, id, err);
		r = r < 0 ? fail_at(r, &f->next, err) : print_stored(f, id, &f->next, err);
		again = lost_race(f, r, err);
		r = again < 0 ? again : r;
	}
	if (r == 0)
		check_entry(f);
	return r;
}

/* A value is refused only after those before it are stored, whose failure is told first. */
static int refuse(struct feed *f, int code, const char *text, struct ramet_error *err)
{
	int r = store_batch(f, err);

	if (r < 0)
		return r;
	return fail_at(rameti_fail(err, code, "%s", text), &f->next, err);
}

static int take_value(struct feed *f, struct ramet_bytes text, struct ramet_error *err)
{
	const struct ramet_json *value;
	struct ramet_error parse_err;
	int r = ramet_json_parse(&f->doc, text, RAMET_JSON_STRICT, &parse_err);

	if (r < 0) {
		r = store_batch(f, err);
		if (r == 0) {
			*err = parse_err;
			r = fail_at(parse_err.code, &f->next, err);
		}
		return r;
	}
	value = ramet_json_root(&f->doc);
	if (ramet_json_kind(ramet_json_get(value, "role")) == RAMET_JSON_STRING)
		return add_message(f, text, err);
	if (ramet_json_kind(ramet_json_get(value, "type")) == RAMET_JSON_STRING)
		return store_entry(f, text, err);
	if (ramet_json_kind(value) != RAMET_JSON_OBJECT)
		return refuse(f, RAMET_EINVAL, "a message or an entry is a JSON object", err);
	return refuse(f, RAMET_EINVAL,
		      "neither a message (a text \"role\") nor an entry (a text \"type\")", err);
}

static void feed_release(struct feed *f)
{
	ramet_json_doc_release(&f->doc);
	ramet_buf_release(&f->texts);
}

int feed_one(struct cli *cli, const struct feed_to *to, struct ramet_bytes json,
	     struct ramet_error *err)
{
	struct feed f = { .cli = cli, .to = to, .texts = RAMET_BUF_INIT(CLI_TEXT_MAX) };
	int r = take_value(&f, json, err);

	if (r == 0)
		r = store_batch(&f, err);
	feed_release(&f);
	return r;
}

/* ---- standard input ---- */

/* What is there, or wait until something is: 1 more, 0 the end. */
static int read_more(int fd, const char *name, struct ramet_buf *input, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();

	if (ramet_buf_reserve(input, CHUNK) < 0)
		return rameti_fail_nomem(err);
	for (;;) {
		ssize_t n = env->read(env->user, fd, input->ptr + input->len, CHUNK);

		if (n >= 0) {
			input->len += (size_t)n;
			input->ptr[input->len] = '\0';
			return n > 0;
		}
		if (errno == EAGAIN) {
			struct pollfd p = { fd, POLLIN, 0 };

			(void)poll(&p, 1, -1);
		} else if (errno != EINTR) {
			return rameti_fail_sys(err, errno, name, "cannot read");
		}
	}
}

static int is_blank(struct ramet_bytes line)
{
	size_t i = 0;

	while (i < line.len && memchr(" \t\r", line.ptr[i], 3))
		i++;
	return i == line.len;
}

static int take_line(struct feed *f, struct ramet_bytes line, struct ramet_error *err)
{
	int r = 0;

	f->next.line++;
	if (line.len > LINE_MAX_LEN)
		r = refuse(f, RAMET_ELIMIT, "the line is longer than 512 MiB", err);
	else if (!is_blank(line))
		r = take_value(f, line, err);
	f->next.offset += line.len + 1;
	return r;
}

/* All whole lines of input; a part of one stays in it. *seen: bytes known to hold no newline. */
static int take_lines(struct feed *f, struct ramet_buf *input, size_t *seen,
		      struct ramet_error *err)
{
	const char *at = input->ptr, *end = at + input->len, *newline;
	int r = 0;

	while (r == 0 && !out_broken(&f->cli->out) &&
	       (newline = memchr(at + *seen, '\n', (size_t)(end - at) - *seen)) != NULL) {
		r = take_line(f, (struct ramet_bytes){ at, (size_t)(newline - at) }, err);
		at = newline + 1;
		*seen = 0;
	}
	*seen = (size_t)(end - at);
	if (at != input->ptr)
		memmove(input->ptr, at, *seen);
	ramet_buf_truncate(input, *seen);
	if (r == 0)
		r = store_batch(f, err);
	if (r == 0 && *seen > LINE_MAX_LEN)
		r = take_line(f, ramet_buf_bytes(input), err);
	return r;
}

int feed_input(struct cli *cli, const struct feed_to *to, struct ramet_error *err)
{
	struct ramet_buf input = RAMET_BUF_INIT(LINE_MAX_LEN + 2 * CHUNK);
	struct feed f = { .cli = cli, .to = to, .texts = RAMET_BUF_INIT(CLI_TEXT_MAX) };
	size_t seen = 0;
	int r;

	while ((r = read_more(STDIN_FILENO, "standard input", &input, err)) > 0 &&
	       !out_broken(&cli->out)) {
		r = take_lines(&f, &input, &seen, err);
		out_flush(&cli->out);
		if (r < 0)
			break;
	}
	if (r == 0 && input.len)
		r = take_line(&f, ramet_buf_bytes(&input), err);
	if (r == 0)
		r = store_batch(&f, err);
	ramet_buf_release(&input);
	feed_release(&f);
	return r < 0 ? r : 0;
}

static int is_pipe(const char *file)
{
	struct stat st;

	return rameti_path_stat(NULL, file, &st, NULL) == 0 && S_ISFIFO(st.st_mode);
}

int feed_reads_once(const char *file)
{
	return !strcmp(file, "-") || is_pipe(file);
}

/* What a program writes into it, however long that takes: as with standard input. */
static int pipe_text(const char *file, struct ramet_buf *text, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	int fd, r;

	do
		fd = env->open(env->user, file, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return rameti_fail_sys(err, errno, file, "cannot open");
	while ((r = read_more(fd, file, text, err)) > 0)
		;
	(void)env->close(env->user, fd);         /* read only */
	return r;
}

int feed_text(const char *file, struct ramet_buf *text, struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	int r;

	if (!strcmp(file, "-")) {
		while ((r = read_more(STDIN_FILENO, "standard input", text, err)) > 0)
			;
		return r;
	}
	if (is_pipe(file))
		return pipe_text(file, text, err);
	r = rameti_file_open(&f, file, RAMETI_FILE_READ, err);
	if (r == 0)
		r = rameti_file_read_all(&f, text, err);
	(void)rameti_file_close(&f);             /* read only: nothing to lose */
	return r;
}
