/*
 * codec/pi_list.c - what a list says about one session file of pi, from its lines.
 *
 * The rules are those of pi's list, except where pi leaves out or miscounts what opens well; the
 * differences are in docs/format/pi.md. Every line that can matter is scanned whole, so that a line
 * which does not parse does not count. The one short cut: a line that starts as pi writes an entry
 * of a type no list looks at is skipped unread; a second "type" further on in such a line, which no
 * JSON writer makes, is not seen.
 */
#include "codec/pi_list.h"

#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "model/tree.h"

#define DATE_MAX_MS 8.64e15
#define KEEP_MAX ((size_t)1 << 20)               /* buffers larger than this are not kept */
#define DIGITS_MAX 15                            /* so many fit a double exactly */
#define KEY(text) { text, sizeof(text) - 1 }

enum { H_TYPE, H_ID, H_TIMESTAMP, H_CWD, H_PARENT, H_N };
static const struct rameti_want header_wants[H_N] = {
	[H_TYPE] = { -1, KEY("type") },
	[H_ID] = { -1, KEY("id") },
	[H_TIMESTAMP] = { -1, KEY("timestamp") },
	[H_CWD] = { -1, KEY("cwd") },
	[H_PARENT] = { -1, KEY("parentSession") },
};

enum { TYPE, TIMESTAMP, NAME, MESSAGE, ROLE, TIME, CONTENT, N };
static const struct rameti_want line_wants[N] = {
	[TYPE] = { -1, KEY("type") },
	[TIMESTAMP] = { -1, KEY("timestamp") },
	[NAME] = { -1, KEY("name") },
	[MESSAGE] = { -1, KEY("message") },
	[ROLE] = { MESSAGE, KEY("role") },
	[TIME] = { MESSAGE, KEY("timestamp") },
	[CONTENT] = { MESSAGE, KEY("content") },
};

int rameti_pi_list_init(struct rameti_pi_list *l, int with_text, struct ramet_error *err)
{
	int r;

	memset(l, 0, sizeof(*l));
	l->with_text = with_text;
	ramet_buf_init(&l->id, SIZE_MAX / 2);
	ramet_buf_init(&l->cwd, SIZE_MAX / 2);
	ramet_buf_init(&l->parent_session, SIZE_MAX / 2);
	ramet_buf_init(&l->name, SIZE_MAX / 2);
	ramet_buf_init(&l->first_message, SIZE_MAX / 2);
	ramet_buf_init(&l->all_text, SIZE_MAX / 2);
	ramet_buf_init(&l->text, SIZE_MAX / 2);
	r = rameti_scanner_new(&l->header_scanner, header_wants, H_N, 0, err);
	if (!r)
		r = rameti_scanner_new(&l->line_scanner, line_wants, N, 0, err);
	if (r < 0)
		rameti_pi_list_release(l);
	else
		rameti_pi_list_begin(l);
	return r;
}

void rameti_pi_list_release(struct rameti_pi_list *l)
{
	rameti_scanner_free(l->header_scanner);
	rameti_scanner_free(l->line_scanner);
	l->header_scanner = l->line_scanner = NULL;
	ramet_json_doc_release(&l->doc);
	ramet_buf_release(&l->id);
	ramet_buf_release(&l->cwd);
	ramet_buf_release(&l->parent_session);
	ramet_buf_release(&l->name);
	ramet_buf_release(&l->first_message);
	ramet_buf_release(&l->all_text);
	ramet_buf_release(&l->text);
}

static void forget(struct ramet_buf *b)
{
	if (b->cap > KEEP_MAX)
		ramet_buf_release(b);
	else
		ramet_buf_reset(b);
}

void rameti_pi_list_begin(struct rameti_pi_list *l)
{
	forget(&l->id);
	forget(&l->cwd);
	forget(&l->parent_session);
	forget(&l->name);
	forget(&l->first_message);
	forget(&l->all_text);
	forget(&l->text);
	if (l->doc.cap_nodes > KEEP_MAX / sizeof(*l->doc.nodes))
		ramet_json_doc_release(&l->doc);
	l->state = RAMETI_PI_LIST_LOOKING;
	l->all_full = 0;
	l->started = l->has_cwd = l->has_parent_session = 0;
	l->created_ms = l->header_ms = RAMET_TIME_NONE;
	l->message_count = 0;
	l->talk_ms = 0;
}

/* ---- values that a scan found ---- */

static struct ramet_json value_of(struct ramet_bytes line, const struct rameti_found *f)
{
	struct ramet_json v;

	memset(&v, 0, sizeof(v));
	v.ptr = line.ptr + f->at;
	v.len = f->len;
	v.kind = f->kind;
	v.flags = f->flags;
	v.span = 1;
	return v;
}

static struct ramet_bytes raw_of(struct ramet_bytes line, const struct rameti_found *f)
{
	struct ramet_bytes raw = { line.ptr + f->at, f->len };

	return raw;
}

/* Is it this text? The raw form is compared first: nearly always that decides. */
static int is_text(struct ramet_bytes line, const struct rameti_found *f, struct ramet_bytes text)
{
	if (f->kind != RAMET_JSON_STRING)
		return 0;
	if (!(f->flags & RAMET_JSON_HAS_ESCAPE))
		return f->len == text.len + 2 && !memcmp(line.ptr + f->at + 1, text.ptr, text.len);
	return rameti_json_raw_is(raw_of(line, f), text);
}
#define IS_TEXT(line, f, text) is_text(line, f, (struct ramet_bytes)KEY(text))

static void decode(struct ramet_bytes line, const struct rameti_found *f, struct ramet_buf *out)
{
	ramet_buf_reset(out);
	if (f->kind == RAMET_JSON_STRING)
		rameti_json_decode(raw_of(line, f), out);
}

static int64_t entry_time(struct ramet_bytes line, const struct rameti_found *f)
{
	struct ramet_json v = value_of(line, f);

	return f->kind == RAMET_JSON_NONE ? RAMET_TIME_NONE : rameti_entry_time(&v);
}

static double number_of(struct ramet_bytes line, const struct rameti_found *f)
{
	struct ramet_json v = value_of(line, f);
	uint64_t x = 0;
	uint32_t i;

	for (i = 0; i < v.len && v.ptr[i] >= '0' && v.ptr[i] <= '9'; i++)
		x = x * 10 + (uint64_t)(v.ptr[i] - '0');
	return i == v.len && i <= DIGITS_MAX ? (double)x : ramet_json_number(&v);
}

/* ---- the header ---- */

static void take_header(struct rameti_pi_list *l, struct ramet_bytes line,
			const struct rameti_found *found)
{
	if (!IS_TEXT(line, &found[H_TYPE], "session") || found[H_ID].kind != RAMET_JSON_STRING) {
		l->state = RAMETI_PI_LIST_OTHER;
		return;
	}
	decode(line, &found[H_ID], &l->id);
	decode(line, &found[H_CWD], &l->cwd);
	decode(line, &found[H_PARENT], &l->parent_session);
	l->has_cwd = found[H_CWD].kind == RAMET_JSON_STRING;
	l->has_parent_session = found[H_PARENT].kind == RAMET_JSON_STRING;
	l->created_ms = entry_time(line, &found[H_TIMESTAMP]);
	/* only a text stands in for a missing message time */
	if (found[H_TIMESTAMP].kind == RAMET_JSON_STRING)
		l->header_ms = l->created_ms;
	l->state = RAMETI_PI_LIST_SESSION;
}

/* A value that is no object decides too, unless it is false to JavaScript (pi skips those). */
static int take_value(struct rameti_pi_list *l, struct ramet_bytes line, struct ramet_error *err)
{
	int r = ramet_json_parse(&l->doc, line, 0, NULL);

	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	if (r < 0 || ramet_json_truthy(ramet_json_root(&l->doc)))
		l->state = RAMETI_PI_LIST_OTHER;
	return 0;
}

static size_t bom_len(const struct rameti_pi_list *l, struct ramet_bytes text)
{
	return !l->started && text.len >= 3 && !memcmp(text.ptr, "\xef\xbb\xbf", 3) ? 3 : 0;
}

int rameti_pi_list_header(struct rameti_pi_list *l, struct ramet_bytes text, size_t *used,
			  struct ramet_error *err)
{
	struct rameti_found found[H_N];
	struct rameti_line line;
	struct ramet_bytes rest;
	size_t at = bom_len(l, text);
	int r = 0;

	l->started |= text.len > 0;
	while (!r && at < text.len && l->state == RAMETI_PI_LIST_LOOKING) {
		rest.ptr = text.ptr + at;
		rest.len = text.len - at;
		if (rameti_scan_line(l->header_scanner, rest, &line, found) < 0)
			return rameti_fail_nomem(err);
		at += (size_t)line.len + line.terminated;
		rest.len = line.len;
		if (line.kind == RAMETI_LINE_OBJECT)
			take_header(l, rest, found);
		else if (line.kind == RAMETI_LINE_VALUE)
			r = take_value(l, rest, err);
	}
	if (!r && (ramet_buf_status(&l->id) < 0 || ramet_buf_status(&l->cwd) < 0 ||
		   ramet_buf_status(&l->parent_session) < 0))
		r = rameti_fail_nomem(err);
	if (!r)
		*used = at;
	return r;
}

/* ---- names ---- */

/* The last name counts; none clears it. One that is no text is not a name at all. */
static void take_name(struct rameti_pi_list *l, struct ramet_bytes line,
		      const struct rameti_found *f)
{
	if (f->kind == RAMET_JSON_NONE || f->kind == RAMET_JSON_NULL)
		ramet_buf_reset(&l->name);
	if (f->kind != RAMET_JSON_STRING)
		return;
	decode(line, f, &l->text);
	ramet_buf_reset(&l->name);
	if (ramet_buf_status(&l->text) == RAMET_ENOMEM)
		l->name.status = RAMET_ENOMEM;
	if (l->text.len)
		ramet_buf_add(&l->name, rameti_utf8_trim(ramet_buf_bytes(&l->text)));
}

/* ---- messages ---- */

/* Append text, as much of it as the limit lets in; 1 if that was not all. */
static int add_bounded(struct ramet_buf *b, struct ramet_bytes text)
{
	size_t room = RAMETI_PI_LIST_TEXT_MAX - b->len;
	int cut = text.len > room;

	if (cut)
		for (text.len = room; text.len && (text.ptr[text.len] & 0xc0) == 0x80;)
			text.len--;
	ramet_buf_add(b, text);
	return cut;
}

static void add_blocks(const struct ramet_json *blocks, struct ramet_buf *out)
{
	const struct ramet_json *block;
	int n = 0;

	for (block = NULL; (block = ramet_json_next(blocks, block)) != NULL;) {
		if (!ramet_json_text_is(ramet_json_get(block, "type"), "text"))
			continue;
		if (n++)
			ramet_buf_add_char(out, ' ');
		ramet_json_text(ramet_json_get(block, "text"), out);
	}
}

/* The text of a message's content into l->text: a text, or text blocks joined by one blank. */
static int read_text(struct rameti_pi_list *l, struct ramet_bytes line,
		     const struct rameti_found *f, struct ramet_error *err)
{
	int r;

	decode(line, f, &l->text);
	if (f->kind == RAMET_JSON_ARRAY) {
		r = ramet_json_parse(&l->doc, raw_of(line, f), 0, NULL);
		if (r == RAMET_ENOMEM)
			return rameti_fail_nomem(err);
		if (!r)
			add_blocks(ramet_json_root(&l->doc), &l->text);
	}
	return ramet_buf_status(&l->text) < 0 ? rameti_fail_nomem(err) : 0;
}

static int take_text(struct rameti_pi_list *l, struct ramet_bytes line,
		     const struct rameti_found *found, int is_user, struct ramet_error *err)
{
	int wants_first = is_user && !l->first_message.len;
	int wants_all = l->with_text && !l->all_full;
	int r;

	if (!wants_first && !wants_all)
		return 0;
	r = read_text(l, line, &found[CONTENT], err);
	if (r < 0 || !l->text.len)
		return r;
	if (wants_first)
		(void)add_bounded(&l->first_message, ramet_buf_bytes(&l->text));
	if (wants_all && l->all_text.len)
		l->all_full = add_bounded(&l->all_text, ramet_bytes_of(" "));
	if (wants_all && !l->all_full)
		l->all_full = add_bounded(&l->all_text, ramet_buf_bytes(&l->text));
	return 0;
}

/* Only what the user and the assistant said has a time and a text here, and only with content. */
static int take_message(struct rameti_pi_list *l, struct ramet_bytes line,
			const struct rameti_found *found, struct ramet_error *err)
{
	int is_user = IS_TEXT(line, &found[ROLE], "user");
	int64_t entry_ms;
	double ms = 0;

	l->message_count++;
	if (found[CONTENT].kind == RAMET_JSON_NONE ||
	    (!is_user && !IS_TEXT(line, &found[ROLE], "assistant")))
		return 0;
	if (found[TIME].kind == RAMET_JSON_NUMBER) {
		ms = number_of(line, &found[TIME]);
	} else {
		entry_ms = entry_time(line, &found[TIMESTAMP]);
		if (entry_ms != RAMET_TIME_NONE)
			ms = (double)entry_ms;
	}
	if (ms > l->talk_ms)
		l->talk_ms = ms;
	return take_text(l, line, found, is_user, err);
}

static int take_line(struct rameti_pi_list *l, struct ramet_bytes line,
		     const struct rameti_found *found, struct ramet_error *err)
{
	if (IS_TEXT(line, &found[TYPE], "message"))
		return take_message(l, line, found, err);
	if (IS_TEXT(line, &found[TYPE], "session_info"))
		take_name(l, line, &found[NAME]);
	return 0;
}

/* Does the line start as an entry of a type that no list looks at? */
static int is_idle(struct ramet_bytes text)
{
	struct ramet_bytes type;

	return rameti_scan_head_type(text, &type) && !ramet_bytes_is(type, "message") &&
	       !ramet_bytes_is(type, "session_info") && !memchr(type.ptr, '\\', type.len);
}

int rameti_pi_list_lines(struct rameti_pi_list *l, struct ramet_bytes text, struct ramet_error *err)
{
	struct rameti_found found[N];
	struct rameti_line line;
	size_t len;
	int r = 0;

	for (; !r && text.len; text.ptr += len, text.len -= len) {
		if (is_idle(text)) {
			len = rameti_scan_newline(text);
			len += len < text.len;
			continue;
		}
		if (rameti_scan_line(l->line_scanner, text, &line, found) < 0)
			return rameti_fail_nomem(err);
		len = (size_t)line.len + line.terminated;
		if (line.kind == RAMETI_LINE_OBJECT)
			r = take_line(l, text, found, err);
	}
	if (!r && (ramet_buf_status(&l->name) < 0 || ramet_buf_status(&l->first_message) < 0 ||
		   ramet_buf_status(&l->all_text) < 0))
		r = rameti_fail_nomem(err);
	return r;
}

int64_t rameti_pi_list_modified(const struct rameti_pi_list *l, int64_t mtime_ms)
{
	if (l->talk_ms > 0)
		return l->talk_ms <= DATE_MAX_MS ? (int64_t)l->talk_ms : RAMET_TIME_NONE;
	return l->header_ms != RAMET_TIME_NONE ? l->header_ms : mtime_ms;
}
