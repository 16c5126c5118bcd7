/*
 * codec/ckptmgr_append.c - entries of pi's become messages and checkpoints of a session.
 *
 * A message that a state can hold goes there; an item of the checkpoint `ramet.raw` beside it keeps
 * its id and time, or the whole entry where the message does not say all of it. Everything else is
 * carried there as text, which the original keeps although it reads numbers as doubles.
 */
#include "codec/ckptmgr_adding.h"

#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "json/scan.h"

#define ITEM_DEPTH 5u
#define MESSAGES_MAX 0x7fffffffu

static int nomem(struct rameti_ckpt_adding *a)
{
	return rameti_fail_nomem(a->err);
}

/* ---- what is there ---- */

static int hold(struct rameti_ckpt_adding *a, struct ramet_bytes text, uint32_t sum)
{
	if (rameti_grow((void **)&a->held, &a->cap, a->n, sizeof(*a->held), MESSAGES_MAX) < 0)
		return nomem(a);
	a->held[a->n].text = text;
	a->held[a->n++].sum = sum;
	return 0;
}

static int hold_old(struct rameti_ckpt_adding *a)
{
	const struct ramet_json *list = a->s->messages, *v = NULL;
	uint32_t sum;
	int r = 0;

	if (ramet_json_kind(list) == RAMET_JSON_ARRAY)
		v = ramet_json_next(list, NULL);
	for (; v && !r; v = ramet_json_next(list, v)) {
		r = rameti_ckpt_sum(v, &sum) < 0 ? nomem(a) : hold(a, ramet_json_raw(v), sum);
		if (ramet_json_get(v, "tool_calls"))
			a->calls = v;
	}
	a->n_old = a->n;
	return r;
}

/* ---- items ---- */

static void begin_item(struct rameti_ckpt_adding *a, struct ramet_buf *b)
{
	(void)a;
	ramet_buf_reset(b);
	ramet_buf_add_char(b, '{');
}

/* An item in one line, added as the original would write it. */
static int add_item(struct rameti_ckpt_adding *a, struct ramet_bytes item)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r = ramet_json_parse(&doc, item, 0, NULL);

	if (!r && a->items.len) {
		ramet_buf_add_char(&a->items, ',');
		rameti_ckpt_newline(&a->items, ITEM_DEPTH);
	}
	if (!r)
		r = rameti_ckpt_add_value(&a->items, ramet_json_root(&doc), ITEM_DEPTH,
					  RAMETI_CKPT_OWN);
	ramet_json_doc_release(&doc);
	return r < 0 ? nomem(a) : 0;
}

/* An entry as it is. sum: of the message that it stands for; NULL: for none. */
int rameti_ckpt_adding_carry(struct rameti_ckpt_adding *a, const char *name,
			     struct ramet_bytes line, const uint32_t *sum)
{
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	a->n_carried++;
	begin_item(a, &b);
	ramet_buf_addf(&b, "\"at\":%u,\"%s\":", (unsigned)(sum ? a->n - 1 : a->n), name);
	rameti_ckpt_add_string(&b, line);
	if (sum)
		ramet_buf_addf(&b, ",\"message\":\"%08x\"", (unsigned)*sum);
	ramet_buf_add_char(&b, '}');
	r = ramet_buf_status(&b) < 0 ? nomem(a) : add_item(a, ramet_buf_bytes(&b));
	ramet_buf_release(&b);
	return r;
}

/* Where an entry that can be made again stands, and what its id and time are. what: raw JSON. */
static int note(struct rameti_ckpt_adding *a, uint32_t at, const char *name,
		struct ramet_bytes what, const struct ramet_json *entry)
{
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	begin_item(a, &b);
	ramet_buf_addf(&b, "\"at\":%u,\"%s\":", (unsigned)at, name);
	ramet_buf_add(&b, what);
	ramet_buf_add_str(&b, ",\"id\":");
	ramet_buf_add(&b, ramet_json_raw(ramet_json_get(entry, "id")));
	ramet_buf_add_str(&b, ",\"timestamp\":");
	ramet_buf_add(&b, ramet_json_raw(ramet_json_get(entry, "timestamp")));
	ramet_buf_add_char(&b, '}');
	r = ramet_buf_status(&b) < 0 ? nomem(a) : add_item(a, ramet_buf_bytes(&b));
	ramet_buf_release(&b);
	return r;
}

/* ---- messages ---- */

static int is_text(const struct ramet_json *v)
{
	return ramet_json_kind(v) == RAMET_JSON_STRING;
}

/* Would the line be made again of this message, and its id and time? 1, 0, negative. */
static int says_all(struct rameti_ckpt_adding *a, const struct ramet_json *m,
		    const struct ramet_json *entry, struct ramet_bytes line)
{
	const struct ramet_json *id = ramet_json_get(entry, "id"),
				*parent = ramet_json_get(entry, "parentId"),
				*time = ramet_json_get(entry, "timestamp");
	struct ramet_buf again = RAMET_BUF_INIT(SIZE_MAX / 2), i = RAMET_BUF_INIT(SIZE_MAX / 2),
			 p = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes up = { NULL, 0 };
	int r = 0;

	if (!is_text(id) || !is_text(time))
		return 0;
	rameti_ckpt_decode(ramet_json_raw(id), &i);
	if (is_text(parent)) {
		rameti_ckpt_decode(ramet_json_raw(parent), &p);
		up = p.len ? ramet_buf_bytes(&p) : ramet_bytes_of("");
	}
	if (ramet_buf_status(&i) < 0 || ramet_buf_status(&p) < 0 ||
	    rameti_ckpt_message_line(m, a->calls, ramet_buf_bytes(&i), up, ramet_json_raw(time),
				     &again) < 0)
		r = nomem(a);
	else
		r = ramet_bytes_eq(ramet_buf_bytes(&again), line);
	ramet_buf_release(&again);
	ramet_buf_release(&i);
	ramet_buf_release(&p);
	return r;
}

/* A new message, in one line: into the session. */
static int take_message(struct rameti_ckpt_adding *a, struct ramet_bytes compact,
			const struct ramet_json *m)
{
	struct ramet_bytes text = rameti_arena_dup(&a->arena, compact);

	if (!text.ptr)
		return nomem(a);
	if (a->messages.len) {
		ramet_buf_add_char(&a->messages, ',');
		rameti_ckpt_newline(&a->messages, RAMETI_CKPT_MESSAGE_DEPTH);
	}
	if (rameti_ckpt_add_value(&a->messages, m, RAMETI_CKPT_MESSAGE_DEPTH, RAMETI_CKPT_OWN) < 0)
		return nomem(a);
	a->turns += (uint64_t)ramet_json_text_is(ramet_json_get(m, "role"), "user");
	return hold(a, text, rameti_crc32c(0, text.ptr, text.len));
}

static int note_calls(struct rameti_ckpt_adding *a, const struct ramet_json *m)
{
	if (!ramet_json_get(m, "tool_calls"))
		return 0;
	if (ramet_json_parse(&a->calls_doc, a->held[a->n - 1].text, 0, NULL) < 0)
		return nomem(a);
	a->calls = ramet_json_root(&a->calls_doc);
	return 0;
}

static int add_message(struct rameti_ckpt_adding *a, struct ramet_bytes line,
		       const struct ramet_json *entry)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf compact = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = rameti_ckpt_from_pi(ramet_json_get(entry, "message"), &compact), all = 0;
	uint32_t sum;
	char quoted[16];

	if (r == 1) {
		ramet_buf_release(&compact);
		return rameti_ckpt_adding_carry(a, "entry", line, NULL);
	}
	if (!r)
		r = ramet_json_parse(&doc, ramet_buf_bytes(&compact), 0, NULL);
	r = r < 0 ? nomem(a) : 0;
	if (!r)
		r = all = says_all(a, ramet_json_root(&doc), entry, line);
	if (r >= 0)
		r = take_message(a, ramet_buf_bytes(&compact), ramet_json_root(&doc));
	if (!r) {
		sum = a->held[a->n - 1].sum;
		(void)snprintf(quoted, sizeof(quoted), "\"%08x\"", (unsigned)sum);
		r = all ? note(a, a->n - 1, "message", ramet_bytes_of(quoted), entry)
			: rameti_ckpt_adding_carry(a, "entry", line, &sum);
	}
	if (!r)
		r = note_calls(a, ramet_json_root(&doc));
	ramet_json_doc_release(&doc);
	ramet_buf_release(&compact);
	return r;
}

/* ---- checkpoints ---- */

/* The list of the first n messages. */
static int first_messages(struct rameti_ckpt_adding *a, uint32_t n, struct ramet_buf *out)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	uint32_t i;
	int r = 0;

	ramet_buf_add_char(out, '[');
	for (i = 0; !r && i < n; i++) {
		if (i)
			ramet_buf_add_char(out, ',');
		rameti_ckpt_newline(out, ITEM_DEPTH);
		r = ramet_json_parse(&doc, a->held[i].text, 0, NULL);
		if (!r)
			r = rameti_ckpt_add_value(out, ramet_json_root(&doc), ITEM_DEPTH,
						  RAMETI_CKPT_KEEP);
	}
	if (n)
		rameti_ckpt_newline(out, RAMETI_CKPT_MESSAGE_DEPTH);
	ramet_buf_add_char(out, ']');
	ramet_json_doc_release(&doc);
	return r < 0 ? nomem(a) : 0;
}

/* One key of a map that is kept as text in `now` (empty: as it is in the session). */
static int set_key(struct rameti_ckpt_adding *a, struct ramet_buf *now,
		   const struct ramet_json *old, struct ramet_bytes key, struct ramet_bytes value)
{
	struct rameti_ckpt_edit edit = { key, value };
	struct ramet_buf next = RAMET_BUF_INIT(SIZE_MAX / 2);

	if (now->len) {
		if (ramet_json_parse(&a->map_doc, ramet_buf_bytes(now), 0, NULL) < 0)
			return nomem(a);
		old = ramet_json_root(&a->map_doc);
	}
	rameti_ckpt_add_object(&next, old, RAMETI_CKPT_MEMBER_DEPTH, &edit, 1, RAMETI_CKPT_MAP);
	if (ramet_buf_status(&next) < 0) {
		ramet_buf_release(&next);
		return nomem(a);
	}
	ramet_buf_release(now);
	*now = next;
	return 0;
}

/* What a map may have instead of a list of messages, or of files. */
static int is_null_member(const struct ramet_json *v)
{
	return v && v->kind == RAMET_JSON_NULL;
}

static int set_messages(struct rameti_ckpt_adding *a, const struct ramet_json *data,
			struct ramet_bytes key)
{
	const struct ramet_json *given = ramet_json_get(data, "messages");
	struct ramet_buf list = RAMET_BUF_INIT(SIZE_MAX / 2);
	double n = ramet_json_kind(given) == RAMET_JSON_NUMBER ? ramet_json_number(given) : -1;
	int r = 0;

	if (n >= 0 && n <= a->n)
		r = first_messages(a, (uint32_t)n, &list);
	else if (ramet_json_kind(given) == RAMET_JSON_ARRAY || is_null_member(given))
		r = rameti_ckpt_add_value(&list, given, RAMETI_CKPT_MESSAGE_DEPTH,
					  RAMETI_CKPT_KEEP);
	if (!r && list.len)
		r = set_key(a, &a->checkpoints, a->s->checkpoints, key, ramet_buf_bytes(&list));
	ramet_buf_release(&list);
	return r < 0 ? nomem(a) : 0;
}

static int set_files(struct rameti_ckpt_adding *a, const struct ramet_json *data,
		     struct ramet_bytes key)
{
	const struct ramet_json *given = ramet_json_get(data, "files");
	struct ramet_buf map = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = 0;

	if (ramet_json_kind(given) != RAMET_JSON_OBJECT && !is_null_member(given))
		return 0;
	r = rameti_ckpt_add_value(&map, given, RAMETI_CKPT_MESSAGE_DEPTH, RAMETI_CKPT_KEEP);
	if (!r)
		r = set_key(a, &a->files, a->s->files, key, ramet_buf_bytes(&map));
	ramet_buf_release(&map);
	return r < 0 ? nomem(a) : 0;
}

/* May the members of a checkpoint be what they are? Others would not be there again. */
static int is_list_or_count(const struct rameti_ckpt_adding *a, const struct ramet_json *v)
{
	double n = ramet_json_number(v);

	return !v || ramet_json_kind(v) == RAMET_JSON_ARRAY || is_null_member(v) ||
	       (ramet_json_kind(v) == RAMET_JSON_NUMBER && n >= 0 && n <= a->n &&
		n == (uint32_t)n);
}

static int is_object_or_none(const struct ramet_json *v)
{
	return !v || ramet_json_kind(v) == RAMET_JSON_OBJECT || is_null_member(v);
}

/* 1: it cannot be one of the session's. */
static int add_checkpoint(struct rameti_ckpt_adding *a, const struct ramet_json *entry,
			  const struct ramet_json *data)
{
	const struct ramet_json *key = ramet_json_get(data, "key"),
				*list = ramet_json_get(data, "messages");
	struct ramet_buf name = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	if (!is_text(key) || key->len <= 2 || !is_text(ramet_json_get(entry, "id")) ||
	    !is_text(ramet_json_get(entry, "timestamp")) || !is_list_or_count(a, list) ||
	    !is_object_or_none(ramet_json_get(data, "files")))
		return 1;
	rameti_ckpt_decode(ramet_json_raw(key), &name);
	r = ramet_buf_status(&name) < 0 ? nomem(a)
					: ramet_bytes_is(ramet_buf_bytes(&name), RAMETI_CKPT_RAW);
	if (!r)
		r = set_messages(a, data, ramet_buf_bytes(&name));
	if (!r)
		r = set_files(a, data, ramet_buf_bytes(&name));
	if (!r)
		r = note(a, a->n, "checkpoint", ramet_json_raw(key), entry);
	ramet_buf_release(&name);
	return r;
}

/* ---- lines ---- */

static int add_line(struct rameti_ckpt_adding *a, struct ramet_bytes line)
{
	const struct ramet_json *o, *data;
	uint64_t turns = a->turns;
	int r = ramet_json_parse(&a->doc, line, 0, NULL);

	if (r < 0)
		return r == RAMET_ENOMEM ? nomem(a)
					 : rameti_fail(a->err, RAMET_EFORMAT, "not an entry");
	o = ramet_json_root(&a->doc);
	if (ramet_json_text_is(ramet_json_get(o, "type"), "session"))
		return 0;
	data = rameti_ckpt_own_data(o, RAMETI_CKPT_CONFIG_TYPE);
	if (data && a->created && !a->has_config)
		return rameti_ckpt_adding_config(a, ramet_json_get(data, "session"));
	data = rameti_ckpt_own_data(o, RAMETI_CKPT_CHECKPOINT_TYPE);
	if (data) {
		r = add_checkpoint(a, o, data);
		if (r <= 0)
			return r;
	}
	if (!ramet_json_text_is(ramet_json_get(o, "type"), "message"))
		return rameti_ckpt_adding_carry(a, "entry", line, NULL);
	r = add_message(a, line, o);
	a->turns = a->has_turns && a->created ? turns : a->turns;
	return r;
}

int rameti_ckpt_adding_lines(struct rameti_ckpt_adding *a, struct ramet_bytes lines)
{
	struct ramet_bytes line;
	int r = 0;

	while (!r && lines.len) {
		line.ptr = lines.ptr;
		line.len = rameti_scan_newline(lines);
		lines.ptr += line.len;
		lines.len -= line.len;
		if (lines.len) {
			lines.ptr++;
			lines.len--;
		}
		if (line.len)
			r = add_line(a, line);
	}
	return r;
}

void rameti_ckpt_adding_init(struct rameti_ckpt_adding *a, const struct rameti_ckpt_session *s,
			     struct ramet_error *err)
{
	memset(a, 0, sizeof(*a));
	a->s = s;
	a->err = err;
	rameti_arena_init(&a->arena, SIZE_MAX / 2);
	ramet_buf_init(&a->messages, SIZE_MAX / 2);
	ramet_buf_init(&a->items, SIZE_MAX / 2);
	ramet_buf_init(&a->checkpoints, SIZE_MAX / 2);
	ramet_buf_init(&a->files, SIZE_MAX / 2);
	ramet_buf_init(&a->more, SIZE_MAX / 2);
	a->turns = rameti_ckpt_turns(s);
}

void rameti_ckpt_adding_release(struct rameti_ckpt_adding *a)
{
	ramet_free(a->held);
	rameti_arena_release(&a->arena);
	ramet_buf_release(&a->messages);
	ramet_buf_release(&a->items);
	ramet_buf_release(&a->checkpoints);
	ramet_buf_release(&a->files);
	ramet_buf_release(&a->more);
	ramet_json_doc_release(&a->doc);
	ramet_json_doc_release(&a->calls_doc);
	ramet_json_doc_release(&a->map_doc);
}

/* The new items, behind those that are there. */
int rameti_ckpt_adding_items(struct rameti_ckpt_adding *a)
{
	const struct ramet_bytes key = { RAMETI_CKPT_RAW, sizeof(RAMETI_CKPT_RAW) - 1 };
	struct ramet_buf list = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	if (!a->items.len)
		return 0;
	rameti_ckpt_add_list(&list, rameti_ckpt_get(a->s->checkpoints, key),
			     RAMETI_CKPT_MESSAGE_DEPTH, ramet_buf_bytes(&a->items));
	r = ramet_buf_status(&list) < 0
		    ? nomem(a)
		    : set_key(a, &a->checkpoints, a->s->checkpoints, key, ramet_buf_bytes(&list));
	ramet_buf_release(&list);
	return r;
}

static int is_null(const struct ramet_json *v)
{
	return ramet_json_kind(v) != RAMET_JSON_ARRAY;
}

/* The finished texts of the change, in text; those that stay as they are have ptr NULL. */
int rameti_ckpt_adding_finish(struct rameti_ckpt_adding *a, struct rameti_ckpt_change *change,
			      struct ramet_buf text[4])
{
	int i;

	if (a->messages.len)
		rameti_ckpt_add_list(&text[0], is_null(a->s->messages) ? NULL : a->s->messages,
				     RAMETI_CKPT_MEMBER_DEPTH, ramet_buf_bytes(&a->messages));
	ramet_buf_add(&text[1], ramet_buf_bytes(&a->checkpoints));
	ramet_buf_add(&text[2], ramet_buf_bytes(&a->files));
	if (a->turns != rameti_ckpt_turns(a->s))
		ramet_buf_addf(&text[3], "%llu", (unsigned long long)a->turns);
	for (i = 0; i < 4; i++)
		if (ramet_buf_status(&text[i]) < 0)
			return nomem(a);
	change->messages = ramet_buf_bytes(&text[0]);
	change->checkpoints = ramet_buf_bytes(&text[1]);
	change->files = ramet_buf_bytes(&text[2]);
	change->turns = ramet_buf_bytes(&text[3]);
	if (!a->messages.len)
		change->messages.ptr = NULL;
	if (!a->checkpoints.len)
		change->checkpoints.ptr = NULL;
	if (!a->files.len)
		change->files.ptr = NULL;
	if (!text[3].len)
		change->turns.ptr = NULL;
	return 0;
}

int rameti_ckpt_append(const struct rameti_ckpt_session *s, struct ramet_bytes lines,
		       struct rameti_ckpt_change *change, struct ramet_buf text[4],
		       struct ramet_error *err)
{
	struct rameti_ckpt_adding a;
	int r;

	rameti_ckpt_adding_init(&a, s, err);
	r = hold_old(&a);
	if (!r)
		r = rameti_ckpt_adding_lines(&a, lines);
	if (!r)
		r = rameti_ckpt_adding_items(&a);
	if (!r)
		r = rameti_ckpt_adding_finish(&a, change, text);
	rameti_ckpt_adding_release(&a);
	return r;
}
