/*
 * codec/ckptmgr_json.c - JSON as the snapshot manager writes it: two blanks a step, keys sorted by
 * bytes, numbers and unchanged values as they are.
 *
 * Nothing recurses: containers being written stand on a stack of their own. Strings keep bytes that
 * are not UTF-8, and unpaired surrogates as escapes.
 */
#include "codec/ckptmgr.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "json/scan.h"

#define FRAMES_MAX (RAMET_JSON_DEPTH_MAX + 1)

/* ---- strings ---- */

/* The decoded bytes of a raw string, one at a time. */
struct cursor {
	const char *p, *end;
	unsigned char held[4];                   /* of a character that was escaped */
	unsigned n_held, at;
};

static void cursor_init(struct cursor *c, struct ramet_bytes raw)
{
	memset(c, 0, sizeof(*c));
	c->p = raw.ptr + 1;
	c->end = raw.ptr + raw.len - 1;
}

static unsigned hex4(const char *p)
{
	unsigned i, n = 0;

	for (i = 0; i < 4; i++)
		n = n * 16 +
		    (unsigned)(p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
	return n;
}

static void hold(struct cursor *c, unsigned x)
{
	unsigned n = x < 0x80 ? 1 : x < 0x800 ? 2 : x < 0x10000 ? 3 : 4, i;

	for (i = n; i-- > 1; x >>= 6)
		c->held[i] = (unsigned char)(0x80 | (x & 0x3f));
	c->held[0] = (unsigned char)(n == 1 ? x : (0xf00u >> n & 0xf0u) | x);
	c->n_held = n;
	c->at = 0;
}

/* The character of the escape that begins at p. */
static void take_escape(struct cursor *c)
{
	static const char names[] = "bfnrt", meant[] = "\b\f\n\r\t";
	const char *found;
	unsigned x, low;

	if (c->p[1] != 'u') {
		found = strchr(names, c->p[1]);
		x = (unsigned char)(found ? meant[found - names] : c->p[1]);
		c->p += 2;
		hold(c, x);
		return;
	}
	x = hex4(c->p + 2);
	c->p += 6;
	if (x >= 0xd800 && x < 0xdc00 && c->end - c->p >= 6 && c->p[0] == '\\' && c->p[1] == 'u') {
		low = hex4(c->p + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			x = 0x10000 + ((x - 0xd800) << 10) + (low - 0xdc00);
			c->p += 6;
		}
	}
	hold(c, x);
}

/* The next byte, -1 at the end. */
static int next_byte(struct cursor *c)
{
	if (c->at < c->n_held)
		return c->held[c->at++];
	if (c->p >= c->end)
		return -1;
	if (*c->p != '\\')
		return (unsigned char)*c->p++;
	take_escape(c);
	return c->held[c->at++];
}

void rameti_ckpt_decode(struct ramet_bytes raw, struct ramet_buf *out)
{
	struct cursor c;
	const char *next;

	if (raw.len < 2)
		return;
	for (cursor_init(&c, raw); c.p < c.end;) {
		next = memchr(c.p, '\\', (size_t)(c.end - c.p));
		next = next ? next : c.end;
		ramet_buf_add(out, (struct ramet_bytes){ c.p, (size_t)(next - c.p) });
		c.p = next;
		if (next == c.end)
			break;
		take_escape(&c);
		ramet_buf_add(out, (struct ramet_bytes){ (const char *)c.held, c.n_held });
	}
}

/* What stands for a character that is not written as it is; its length, 0 for others. */
static size_t escaped(const unsigned char *p, size_t left, char to[8], size_t *took)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[] = "btn\0fr";
	unsigned unit = *p;

	*took = 1;
	if (unit == '"' || unit == '\\' || (unit >= 8 && unit <= 13 && unit != 11)) {
		to[0] = '\\';
		to[1] = unit < 32 ? letters[unit - 8] : (char)unit;
		return 2;
	}
	if (left >= 3 && unit == 0xe2 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8) {
		unit = 0x2028u + (p[2] & 1);
		*took = 3;
	} else if (left >= 3 && unit == 0xed && p[1] >= 0xa0 && (p[1] & 0xc0) == 0x80 &&
		   (p[2] & 0xc0) == 0x80) {
		unit = 0xd000u + ((p[1] & 0x3fu) << 6) + (p[2] & 0x3fu);
		*took = 3;
	} else if (unit >= 32 && unit != '<' && unit != '>' && unit != '&') {
		return 0;
	}
	to[0] = '\\';
	to[1] = 'u';
	to[2] = hex[unit >> 12];
	to[3] = hex[unit >> 8 & 15];
	to[4] = hex[unit >> 4 & 15];
	to[5] = hex[unit & 15];
	return 6;
}

/* So many bytes from here on are surely written as they are: no control, none of "\<>&, and not the
 * first byte of what escaped() looks at longer. */
static size_t plain(const char *p, const char *end)
{
	static const uint64_t stops[4] = {
		0xffffffffu | 1ull << '"' | 1ull << '&' | 1ull << '<' | 1ull << '>',
		1ull << ('\\' - 64), 0, 1ull << (0xe2 - 192) | 1ull << (0xed - 192)
	};
	const char *from = p;

	while (p < end && !(stops[(unsigned char)*p >> 6] >> ((unsigned char)*p & 63) & 1))
		p++;
	return (size_t)(p - from);
}

void rameti_ckpt_add_string(struct ramet_buf *out, struct ramet_bytes text)
{
	size_t i, from = 0, took, len;
	char to[8];

	ramet_buf_add_char(out, '"');
	for (i = 0; i < text.len; i += took) {
		i += plain(text.ptr + i, text.ptr + text.len);
		if (i == text.len)
			break;
		len = escaped((const unsigned char *)text.ptr + i, text.len - i, to, &took);
		if (!len)
			continue;
		ramet_buf_add(out, (struct ramet_bytes){ text.ptr + from, i - from });
		ramet_buf_add(out, (struct ramet_bytes){ to, len });
		from = i + took;
	}
	if (text.len)
		ramet_buf_add(out, (struct ramet_bytes){ text.ptr + from, text.len - from });
	ramet_buf_add_char(out, '"');
}

void rameti_ckpt_newline(struct ramet_buf *out, unsigned depth)
{
	ramet_buf_add_char(out, '\n');
	for (; depth; depth--)
		ramet_buf_add_str(out, "  ");
}

/* ---- values ---- */

struct member {
	struct ramet_bytes key;
	uint32_t order;
	const struct ramet_json *raw_key, *value;
};
/* A container being written. */
struct frame {
	const struct ramet_json *v, *at;         /* KEEP, lists: the last key or item */
	struct member *members;                  /* sorted, else NULL */
	uint32_t n, i;
};
struct writing {
	struct ramet_buf *out;
	struct frame *frames;
	uint32_t n, cap;
	unsigned depth;
	int how;
	struct rameti_arena arena;
	int status;
};

static int by_key(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	size_t len = x->key.len < y->key.len ? x->key.len : y->key.len;
	int c = len ? memcmp(x->key.ptr, y->key.ptr, len) : 0;

	if (!c && x->key.len != y->key.len)
		c = x->key.len < y->key.len ? -1 : 1;
	return c ? c : (x->order < y->order ? -1 : 1);
}

static int decoded_key(struct writing *w, const struct ramet_json *key, struct ramet_bytes *to)
{
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);

	rameti_ckpt_decode(ramet_json_raw(key), &b);
	*to = ramet_buf_status(&b) < 0 ? (struct ramet_bytes){ NULL, 0 } :
					 rameti_arena_dup(&w->arena, ramet_buf_bytes(&b));
	ramet_buf_release(&b);
	return to->ptr ? 0 : RAMET_ENOMEM;
}

/* The members of an object by key, each once: the last rules. */
static int sort_members(struct writing *w, struct frame *f)
{
	const struct ramet_json *key, *value;
	uint32_t i, n = 0;

	f->members = ramet_calloc(f->v->n, sizeof(*f->members));
	if (!f->members)
		return RAMET_ENOMEM;
	for (key = ramet_json_next(f->v, NULL); key; key = ramet_json_next(f->v, value)) {
		value = ramet_json_next(f->v, key);
		if (decoded_key(w, key, &f->members[n].key) < 0)
			return RAMET_ENOMEM;
		f->members[n].order = n;
		f->members[n].raw_key = key;
		f->members[n++].value = value;
	}
	qsort(f->members, n, sizeof(*f->members), by_key);
	for (i = 0; i < n; i++)
		if (i + 1 == n || !ramet_bytes_eq(f->members[i].key, f->members[i + 1].key))
			f->members[f->n++] = f->members[i];
	return 0;
}

static void add_text(struct writing *w, const struct ramet_json *v)
{
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes raw = ramet_json_raw(v);

	if (w->how == RAMETI_CKPT_KEEP || v->kind != RAMET_JSON_STRING ||
	    plain(raw.ptr + 1, raw.ptr + raw.len - 1) == raw.len - 2) {
		ramet_buf_add(w->out, raw);
		return;
	}
	rameti_ckpt_decode(raw, &b);
	rameti_ckpt_add_string(w->out, ramet_buf_bytes(&b));
	if (ramet_buf_status(&b) < 0)
		w->status = RAMET_ENOMEM;
	ramet_buf_release(&b);
}

static void begin_value(struct writing *w, const struct ramet_json *v)
{
	int is_object = v->kind == RAMET_JSON_OBJECT;
	struct frame *f;

	if (w->status < 0)
		return;
	if (v->kind < RAMET_JSON_ARRAY) {
		add_text(w, v);
		return;
	}
	ramet_buf_add_char(w->out, is_object ? '{' : '[');
	if (!v->n) {
		ramet_buf_add_char(w->out, is_object ? '}' : ']');
		return;
	}
	w->status = rameti_grow((void **)&w->frames, &w->cap, w->n, sizeof(*w->frames), FRAMES_MAX);
	if (w->status < 0)
		return;
	f = &w->frames[w->n++];
	memset(f, 0, sizeof(*f));
	f->v = v;
	if (is_object && w->how != RAMETI_CKPT_KEEP)
		w->status = sort_members(w, f);
}

static void break_line(struct writing *w, unsigned more)
{
	if (w->how != RAMETI_CKPT_COMPACT)
		rameti_ckpt_newline(w->out, w->depth + w->n - 1 + more);
}

/* The next value of the innermost container, its key written; NULL: it is at its end. */
static const struct ramet_json *next_value(struct writing *w)
{
	struct frame *f = &w->frames[w->n - 1];
	int is_object = f->v->kind == RAMET_JSON_OBJECT;
	const struct ramet_json *key = NULL, *value;

	if (f->members) {
		if (f->i == f->n)
			return NULL;
		key = f->members[f->i].raw_key;
		value = f->members[f->i].value;
	} else {
		value = ramet_json_next(f->v, f->at);
		if (!value)
			return NULL;
		if (is_object) {
			key = value;
			value = ramet_json_next(f->v, key);
		}
		f->at = value;
	}
	if (f->i++)
		ramet_buf_add_char(w->out, ',');
	break_line(w, 1);
	if (key) {
		add_text(w, key);
		ramet_buf_add_str(w->out, w->how == RAMETI_CKPT_COMPACT ? ":" : ": ");
	}
	return value;
}

static void end_container(struct writing *w)
{
	struct frame *f = &w->frames[w->n - 1];

	break_line(w, 0);
	ramet_buf_add_char(w->out, f->v->kind == RAMET_JSON_OBJECT ? '}' : ']');
	ramet_free(f->members);
	w->n--;
}

int rameti_ckpt_add_value(struct ramet_buf *out, const struct ramet_json *v, unsigned depth,
			  int how)
{
	struct writing w = { .out = out, .depth = depth, .how = how,
			     .arena = RAMETI_ARENA_INIT(SIZE_MAX / 2) };
	const struct ramet_json *value;

	begin_value(&w, v);
	while (!w.status && w.n) {
		value = next_value(&w);
		if (value)
			begin_value(&w, value);
		else
			end_container(&w);
	}
	while (w.n)
		ramet_free(w.frames[--w.n].members);
	ramet_free(w.frames);
	rameti_arena_release(&w.arena);
	if (w.status < 0)
		out->status = w.status;
	return ramet_buf_status(out);
}

/* ---- objects and lists with changes ---- */

static int fold(char c)
{
	return c >= 'A' && c <= 'Z' ? c | 32 : c;
}

/* Does the key stand before (negative), at (0) or behind the raw one? Without regard to case only 0
 * means something. */
static int compare(struct ramet_bytes key, struct ramet_bytes raw, int members)
{
	struct cursor c;
	size_t i;
	int x, y;

	cursor_init(&c, raw);
	for (i = 0;; i++) {
		x = i < key.len ? (unsigned char)key.ptr[i] : -1;
		y = next_byte(&c);
		if (members == RAMETI_CKPT_RECORD && x >= 0 && y >= 0) {
			x = fold((char)x);
			y = fold((char)y);
		}
		if (x != y || x < 0)
			return x - y;
	}
}

struct object {
	struct ramet_buf *out;
	unsigned depth;
	int started;
};

static void begin_member(struct object *o)
{
	ramet_buf_add_char(o->out, o->started++ ? ',' : '{');
	rameti_ckpt_newline(o->out, o->depth + 1);
}

static void add_new(struct object *o, const struct rameti_ckpt_edit *e)
{
	begin_member(o);
	rameti_ckpt_add_string(o->out, e->key);
	ramet_buf_add_str(o->out, ": ");
	ramet_buf_add(o->out, e->value);
}

/* The last value of this key behind the value `from` (NULL: of all). */
static const struct ramet_json *find(const struct ramet_json *o, const struct ramet_json *from,
				     struct ramet_bytes key, int members)
{
	const struct ramet_json *k = NULL, *value, *found = NULL;

	if (ramet_json_kind(o) == RAMET_JSON_OBJECT)
		k = ramet_json_next(o, from);
	for (; k; k = ramet_json_next(o, value)) {
		value = ramet_json_next(o, k);
		if (!compare(key, ramet_json_raw(k), members))
			found = value;
	}
	return found;
}

/* A member as it is, or as an edit has it. */
static void add_old(struct object *to, const struct ramet_json *o, const struct ramet_json *key,
		    const struct rameti_ckpt_edit *edit, int members)
{
	const struct ramet_json *value = ramet_json_next(o, key);

	/* of equal keys the last one rules, so that is the one to change */
	if (edit && (!edit->value.ptr || find(o, value, edit->key, members)))
		return;
	begin_member(to);
	ramet_buf_add(to->out, ramet_json_raw(key));
	ramet_buf_add_str(to->out, ": ");
	ramet_buf_add(to->out, edit ? edit->value : ramet_json_raw(value));
}

void rameti_ckpt_add_object(struct ramet_buf *out, const struct ramet_json *o, unsigned depth,
			    const struct rameti_ckpt_edit *edits, size_t n, int members)
{
	struct object to = { out, depth, 0 };
	const struct ramet_json *key = NULL;
	const struct rameti_ckpt_edit *edit;
	unsigned done = 0;                       /* of at most a few edits */
	size_t i;

	if (ramet_json_kind(o) == RAMET_JSON_OBJECT)
		key = ramet_json_next(o, NULL);
	for (i = 0; i < n; i++)
		if (!edits[i].value.ptr || find(o, NULL, edits[i].key, members))
			done |= 1u << i;
	for (; key; key = ramet_json_next(o, ramet_json_next(o, key))) {
		for (edit = NULL, i = 0; i < n; i++) {
			int c = compare(edits[i].key, ramet_json_raw(key), members);

			if (!c)
				edit = &edits[i];
			if (c < 0 && members == RAMETI_CKPT_MAP && !(done & 1u << i)) {
				add_new(&to, &edits[i]);
				done |= 1u << i;
			}
		}
		add_old(&to, o, key, edit, members);
	}
	for (i = 0; i < n; i++)
		if (!(done & 1u << i))
			add_new(&to, &edits[i]);
	if (to.started)
		rameti_ckpt_newline(out, depth);
	ramet_buf_add_str(out, to.started ? "}" : "{}");
}

void rameti_ckpt_add_list(struct ramet_buf *out, const struct ramet_json *list, unsigned depth,
			  struct ramet_bytes items)
{
	struct ramet_bytes raw = ramet_json_raw(list);
	size_t len = raw.len;

	if (ramet_json_kind(list) != RAMET_JSON_ARRAY || !list->n) {
		ramet_buf_add_char(out, '[');
	} else {
		for (len--; strchr(" \t\r\n", raw.ptr[len - 1]); len--)
			;
		ramet_buf_add(out, (struct ramet_bytes){ raw.ptr, len });
		if (items.len)
			ramet_buf_add_char(out, ',');
	}
	if (items.len) {
		rameti_ckpt_newline(out, depth + 1);
		ramet_buf_add(out, items);
	}
	if (items.len || (ramet_json_kind(list) == RAMET_JSON_ARRAY && list->n))
		rameti_ckpt_newline(out, depth);
	ramet_buf_add_char(out, ']');
}

/* ---- finding ---- */

const struct ramet_json *rameti_ckpt_member(const struct ramet_json *o, const char *name)
{
	return find(o, NULL, ramet_bytes_of(name), RAMETI_CKPT_RECORD);
}

const struct ramet_json *rameti_ckpt_get(const struct ramet_json *map, struct ramet_bytes key)
{
	return find(map, NULL, key, RAMETI_CKPT_MAP);
}
