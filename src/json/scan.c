/*
 * scan.c - the exact scan of one line: the walk over an index's positions, and the wanted members.
 *
 * The walk is three small machines: members of the top object, members of an object inside it, and
 * a value nobody wants anything of. All of them only say yes or no; a no is explained by explain.c
 * from the start of the line, so that bad lines cost twice and good ones nothing. Nothing is found
 * in a bad line. It never allocates after rameti_scanner_new.
 */
#include "json/scan.h"

#include "base/error.h"
#include "json/walk_priv.h"

#define SLOTS 64u

/* A want, with its first eight bytes at hand for one comparison. */
struct key {
	const char *ptr;
	uint32_t len;
	int parent;
	uint64_t head, mask;
	uint8_t next;                            /* want + 1 in the same slot, 0: none */
	uint8_t is_parent;
};

struct rameti_scanner {
	size_t n_wants;
	struct key keys[RAMETI_SCAN_WANTS_MAX];
	uint8_t slots[1 + RAMETI_SCAN_WANTS_MAX][SLOTS];         /* want + 1; [0]: the top level */
	struct rameti_found *found;              /* of the line at work */
	const char *end;                         /* of what may be read */
	struct rameti_index ix;
	uint64_t words[RAMETI_DEPTH_WORDS];
	char text[];                             /* of the keys */
};

static uint32_t slot_of(const char *key, uint32_t len)
{
	return (len * 5 + (unsigned char)key[0]) % SLOTS;
}

/* ---- wanted keys ---- */

/* Is key (raw, without quotes, no escapes) the want's? s->end bounds what may be read. */
WALK_INLINE int key_is(const struct rameti_scanner *s, const struct key *k, const char *key,
		       uint32_t len)
{
	uint64_t head;

	if (k->len != len)
		return 0;
	if (RAMETI_UNLIKELY(s->end - key < 8))
		return !memcmp(k->ptr, key, len);
	memcpy(&head, key, 8);
	return (head & k->mask) == k->head && (len <= 8 || !memcmp(k->ptr + 8, key + 8, len - 8));
}

/* A key with escapes: compare decoded. */
static __attribute__((noinline)) int match_escaped(const struct rameti_scanner *s, int parent,
						   struct ramet_bytes raw)
{
	size_t i;

	for (i = 0; i < s->n_wants; i++)
		if (s->keys[i].parent == parent &&
		    rameti_json_raw_is(raw, (struct ramet_bytes){ s->keys[i].ptr, s->keys[i].len }))
			return (int)i;
	return -1;
}

/* Which want has the parent (-1: top) and this key, from its opening to its closing quote? */
WALK_INLINE int match(const struct rameti_scanner *s, int parent, uint32_t open, uint32_t close)
{
	const char *key = s->ix.text + open + 1;
	uint32_t len = close - open - 1;
	unsigned w;

	for (w = s->slots[parent + 1][slot_of(key, len)]; w; w = s->keys[w - 1].next)
		if (key_is(s, &s->keys[w - 1], key, len))
			return (int)w - 1;
	if (RAMETI_UNLIKELY(rameti_index_has_escape(&s->ix, open, close)))
		return match_escaped(s, parent, (struct ramet_bytes){ key - 1, len + 2 });
	return -1;
}

static void forget_children(struct rameti_scanner *s, int parent)
{
	size_t i;

	for (i = 0; i < s->n_wants; i++)
		if (s->keys[i].parent == parent)
			memset(&s->found[i], 0, sizeof(s->found[i]));
}

WALK_INLINE void forget_all(struct rameti_scanner *s)
{
	size_t i;

	for (i = 0; i < s->n_wants; i++) /* found may be NULL when nothing is wanted */
		s->found[i] = (struct rameti_found){ 0, 0, 0, 0, 0 };
}

WALK_INLINE void note(struct rameti_scanner *s, int want, uint32_t at, uint32_t end, uint8_t kind,
		      uint8_t flags)
{
	uint16_t seen;

	if (want < 0)
		return;
	seen = s->found[want].seen;
	s->found[want] = (struct rameti_found){ at, end - at, kind, flags,
						(uint16_t)(seen + (seen < UINT16_MAX)) };
}

/* ---- the walk ---- */

/* The next position, or leave with NULL. */
#define TAKE(p)                                                                \
	do {                                                                   \
		if (RAMETI_UNLIKELY(cur == s->ix.stop)) {                      \
			if (!rameti_index_more_line(&s->ix))                   \
				return NULL;                                   \
			cur = s->ix.pos;                                       \
		}                                                              \
		(p) = *cur++;                                                  \
	} while (0)

/* Behind the opening bracket at `open` of a container at depth `depth`: to behind its closing one,
 * which is then the position before the one returned. NULL: not JSON. */
static const uint32_t *skip_container(struct rameti_scanner *s, const uint32_t *cur, uint32_t open,
				      uint32_t depth)
{
	const char *t = s->ix.text;
	struct rameti_bitstack stack = { 0, depth - 1, s->words };
	uint32_t p, q;
	uint8_t kind;
	char c = t[open];

open:
	if (!rameti_bitstack_push(&stack, c == '{'))
		return NULL;
	if (c == '[') {
		TAKE(p);
		c = t[p];
		if (c == ']')
			goto close;
		goto value;
	}
	TAKE(p);
	c = t[p];
	if (c == '}')
		goto close;
key:
	if (c != '"')
		return NULL;
	if (RAMETI_LIKELY(s->ix.stop - cur >= 3)) {      /* the common case in one step */
		p = cur[1];
		q = cur[2];
		cur += 3;
	} else {
		TAKE(p);                                 /* its closing quote */
		TAKE(p);
		TAKE(q);
	}
	if (t[p] != ':')
		return NULL;
	p = q;
	c = t[p];
value:
	if (c == '"')
		TAKE(p);
	else if (c == '{' || c == '[')
		goto open;
	else if (!rameti_scalar_end(t + p, s->end, &kind))
		return NULL;
after:
	TAKE(p);
	c = t[p];
	if (c == ',') {
		TAKE(p);
		c = t[p];
		if (stack.bits & 1)
			goto key;
		goto value;
	}
	if (c != (stack.bits & 1 ? '}' : ']'))
		return NULL;
close:
	rameti_bitstack_pop(&stack);
	if (stack.depth >= depth)
		goto after;
	return cur;
}

static const uint32_t *inner_members(struct rameti_scanner *s, const uint32_t *cur, int parent);

/* The value at p, wanted as `want` (-1: by nobody), in an object at depth 1 (inner 0) or 2. */
WALK_INLINE const uint32_t *member_value(struct rameti_scanner *s, const uint32_t *cur, uint32_t p,
					 int want, const int inner)
{
	const char *t = s->ix.text, *end;
	uint32_t q;
	uint8_t kind;

	if (t[p] == '"') {
		TAKE(q);
		if (want >= 0)
			note(s, want, p, q + 1, RAMET_JSON_STRING,
			     rameti_index_has_escape(&s->ix, p, q) ? RAMET_JSON_HAS_ESCAPE : 0);
		return cur;
	}
	if (t[p] != '{' && t[p] != '[') {
		end = rameti_scalar_end(t + p, s->end, &kind);
		if (!end)
			return NULL;
		note(s, want, p, (uint32_t)(end - t), kind, 0);
		return cur;
	}
	if (!inner && want >= 0 && s->keys[want].is_parent && t[p] == '{')
		cur = inner_members(s, cur, want);
	else
		cur = skip_container(s, cur, p, inner ? 3 : 2);
	if (cur)
		note(s, want, p, cur[-1] + 1, t[p] == '{' ? RAMET_JSON_OBJECT : RAMET_JSON_ARRAY,
		     0);
	return cur;
}

/* Behind an opening brace: to behind its closing one. */
WALK_INLINE const uint32_t *members(struct rameti_scanner *s, const uint32_t *cur, int parent,
				    const int inner)
{
	const char *t = s->ix.text;
	uint32_t open, close, p;
	int want;

	TAKE(open);
	if (t[open] == '}')
		return cur;
	for (;;) {
		if (t[open] != '"')
			return NULL;
		TAKE(close);
		want = match(s, parent, open, close);
		TAKE(p);
		if (t[p] != ':')
			return NULL;
		TAKE(p);
		if (!inner && want >= 0 && s->keys[want].is_parent)
			forget_children(s, want);
		cur = member_value(s, cur, p, want, inner);
		if (!cur)
			return NULL;
		TAKE(p);
		if (t[p] == '}')
			return cur;
		if (t[p] != ',')
			return NULL;
		TAKE(open);
	}
}

static const uint32_t *inner_members(struct rameti_scanner *s, const uint32_t *cur, int parent)
{
	return members(s, cur, parent, 1);
}

/* The line's one value; NULL if it is not JSON. */
static const uint32_t *root_value(struct rameti_scanner *s, const uint32_t *cur, uint8_t *line_kind)
{
	const char *t = s->ix.text;
	uint32_t p;
	uint8_t kind;

	TAKE(p);
	*line_kind = t[p] == '{' ? RAMETI_LINE_OBJECT : RAMETI_LINE_VALUE;
	if (t[p] == '{')
		return members(s, cur, -1, 0);
	if (t[p] == '[')
		return skip_container(s, cur, p, 1);
	if (t[p] == '"') {
		TAKE(p);
		return cur;
	}
	return rameti_scalar_end(t + p, s->end, &kind) ? cur : NULL;
}

/* ---- the line ---- */

/* Not an object or value: blank, or bad and why. */
static void explain_line(struct rameti_scanner *s, struct ramet_bytes text,
			 struct rameti_line *line)
{
	line->len = (uint32_t)rameti_scan_newline(text);
	line->terminated = line->len < text.len;
	line->bad_utf8 = 0;
	line->error_at = 0;
	line->trouble = RAMETI_TROUBLE_NONE;
	forget_all(s);
	if (rameti_json_is_blank(text.ptr, line->len)) {
		line->kind = RAMETI_LINE_BLANK;
		return;
	}
	line->kind = RAMETI_LINE_BAD;
	line->trouble =
		(uint8_t)rameti_json_explain(text.ptr, line->len, s->words, &line->error_at);
	if (memchr(text.ptr, 0, line->len))
		line->trouble = RAMETI_TROUBLE_NUL;
}

int rameti_scan_line(struct rameti_scanner *s, struct ramet_bytes text, struct rameti_line *line,
		     struct rameti_found *found)
{
	const uint32_t *cur;
	uint8_t kind;

	if (text.len > RAMETI_INDEX_LEN_MAX)
		text.len = RAMETI_INDEX_LEN_MAX;
	if (!text.ptr)
		text.ptr = "";
	s->found = found;
	s->end = text.ptr + text.len;
	forget_all(s);
	rameti_index_start(&s->ix, text.ptr, (uint32_t)text.len);
	cur = root_value(s, s->ix.stop, &kind);
	if (!cur || cur != s->ix.stop || rameti_index_more_line(&s->ix) || s->ix.bad) {
		explain_line(s, text, line);
		return 0;
	}
	line->len = s->ix.end;
	line->kind = kind;
	line->trouble = RAMETI_TROUBLE_NONE;
	line->terminated = s->ix.end < text.len;
	line->bad_utf8 = (uint8_t)rameti_index_bad_utf8(&s->ix);
	line->error_at = 0;
	return 0;
}

/* ---- making one ---- */

static int check_wants(const struct rameti_want *wants, size_t n, struct ramet_error *err)
{
	size_t i, j;

	if (n > RAMETI_SCAN_WANTS_MAX)
		return rameti_fail(err, RAMET_EINVAL, "%zu wanted members, at most %d", n,
				   RAMETI_SCAN_WANTS_MAX);
	for (i = 0; i < n; i++) {
		if (wants[i].parent >= (int)i ||
		    (wants[i].parent >= 0 && wants[wants[i].parent].parent >= 0))
			return rameti_fail(err, RAMET_EINVAL,
					   "wanted member %zu has no such parent", i);
		for (j = 0; j < i; j++)
			if ((wants[i].parent < 0 ? -1 : wants[i].parent) ==
				    (wants[j].parent < 0 ? -1 : wants[j].parent) &&
			    ramet_bytes_eq(wants[i].key, wants[j].key))
				return rameti_fail(err, RAMET_EINVAL,
						   "wanted member %zu is there twice", i);
	}
	return 0;
}

static void add_want(struct rameti_scanner *s, size_t i, const struct rameti_want *want, char *text)
{
	struct key *k = &s->keys[i];
	uint8_t *slot;
	char head[8] = { 0 }, mask[8] = { 0 };
	size_t head_len = want->key.len < 8 ? want->key.len : 8;

	k->ptr = text;
	k->len = (uint32_t)want->key.len;
	k->parent = want->parent < 0 ? -1 : want->parent;
	if (k->parent >= 0)
		s->keys[k->parent].is_parent = 1;
	if (want->key.len)
		memcpy(text, want->key.ptr, want->key.len);
	memcpy(head, text, head_len);
	memset(mask, 0xff, head_len);
	memcpy(&k->head, head, 8);
	memcpy(&k->mask, mask, 8);
	if (want->key.len && memchr(text, '\\', want->key.len))
		return; /* always written as an escape: match_escaped */
	text[k->len] = '"'; /* the slot of "" looks at its closing quote */
	slot = &s->slots[k->parent + 1][slot_of(text, k->len)];
	k->next = *slot;
	*slot = (uint8_t)(i + 1);
}

int rameti_scanner_new(struct rameti_scanner **out, const struct rameti_want *wants, size_t n_wants,
		       int simd, struct ramet_error *err)
{
	const struct rameti_index_level *level = rameti_index_level(simd);
	struct rameti_scanner *s;
	size_t i, len = 0;
	int r;

	if (!level)
		return rameti_fail(err, RAMET_EINVAL, "this machine has no scanner number %d",
				   simd);
	r = check_wants(wants, n_wants, err);
	if (r < 0)
		return r;
	for (i = 0; i < n_wants; i++)
		len += wants[i].key.len + 1;
	s = ramet_alloc(sizeof(*s) + len);
	if (!s)
		return rameti_fail_nomem(err);
	s->n_wants = n_wants;
	memset(s->keys, 0, sizeof(s->keys));
	memset(s->slots, 0, sizeof(s->slots));
	s->ix.level = level;
	for (i = 0, len = 0; i < n_wants; i++) {
		add_want(s, i, &wants[i], s->text + len);
		len += wants[i].key.len + 1;
	}
	*out = s;
	return 0;
}

void rameti_scanner_free(struct rameti_scanner *s)
{
	ramet_free(s);
}
