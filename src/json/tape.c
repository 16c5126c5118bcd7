/*
 * tape.c - ramet_json_parse: the walk over an index's positions with every value written down.
 *
 * Nodes go into one array in document order. While a container is open its node's span holds the
 * number of the container around it, and n how many of its parts were complete when a container
 * inside it was opened: so depth costs no memory of its own. A window's positions are at most as
 * many as its nodes, so room is made once per window. A text that is refused is looked at again by
 * explain.c for the place.
 */
#include "ramet/json.h"

#include "base/error.h"
#include "json/walk_priv.h"

#define NO_PARENT UINT32_MAX

/* What a document keeps between parses. */
struct scratch {
	struct rameti_index ix;
	uint64_t words[RAMETI_DEPTH_WORDS];
};

struct builder {
	struct ramet_json_doc *doc;
	struct rameti_index *ix;
	const char *end;
	int result; /* why building stopped, if it is not the text's fault */
};

/* Room for every node the window may yield. */
static int make_room(struct builder *b, uint32_t n)
{
	struct ramet_json_doc *doc = b->doc;
	uint64_t want = (uint64_t)n + (uint64_t)(b->ix->stop - b->ix->pos) + 1,
		 cap = doc->cap_nodes;
	struct ramet_json *nodes;

	if (want <= cap)
		return 1;
	if (!cap)
		cap = b->ix->len / 24 + 16;
	while (cap < want)
		cap *= 2;
	nodes = cap < UINT32_MAX ? ramet_realloc(doc->nodes, (size_t)cap * sizeof(*nodes)) : NULL;
	if (!nodes) {
		b->result = RAMET_ENOMEM;
		return 0;
	}
	doc->nodes = nodes;
	doc->cap_nodes = (uint32_t)cap;
	return 1;
}

static __attribute__((noinline)) int more(struct builder *b, uint32_t n)
{
	return rameti_index_more_text(b->ix) && make_room(b, n);
}

/* The next position; leaves with 0 if there is none. */
#define TAKE(p)                                                                \
	do {                                                                   \
		if (RAMETI_UNLIKELY(cur == ix->stop)) {                        \
			if (!more(b, n))                                       \
				return 0;                                      \
			cur = ix->pos;                                         \
			nodes = b->doc->nodes;                                 \
		}                                                              \
		(p) = *cur++;                                                  \
	} while (0)

WALK_INLINE void put(struct ramet_json *node, const char *ptr, uint32_t len, uint8_t kind,
		     uint8_t flags)
{
	*node = (struct ramet_json){ ptr, len, 1, 0, kind, flags, 0 };
}

WALK_INLINE uint8_t escape_flag(const struct rameti_index *ix, uint32_t open, uint32_t close)
{
	return rameti_index_has_escape(ix, open, close) ? RAMET_JSON_HAS_ESCAPE : 0;
}

/* The whole text; 1 if it is one value. */
static int build(struct builder *b)
{
	struct rameti_index *ix = b->ix;
	struct ramet_json *nodes = b->doc->nodes;
	const uint32_t *cur = ix->stop;
	const char *t = ix->text, *scalar_end;
	uint32_t n = 0, parent = NO_PARENT, count = 0, depth = 0, p, q;
	uint8_t kind;
	char c;

	TAKE(p);
value:
	c = t[p];
	if (c == '"') {
		TAKE(q);
		put(&nodes[n++], t + p, q + 1 - p, RAMET_JSON_STRING, escape_flag(ix, p, q));
		goto after;
	}
	if (c != '{' && c != '[') {
		scalar_end = rameti_scalar_end(t + p, b->end, &kind);
		if (!scalar_end)
			return 0;
		put(&nodes[n++], t + p, (uint32_t)(scalar_end - t) - p, kind, 0);
		goto after;
	}
	if (RAMETI_UNLIKELY(depth >= RAMET_JSON_DEPTH_MAX))
		return 0;
	if (parent != NO_PARENT)
		nodes[parent].n = count;
	put(&nodes[n], t + p, 0, c == '{' ? RAMET_JSON_OBJECT : RAMET_JSON_ARRAY, 0);
	nodes[n].span = parent;
	parent = n++;
	count = 0;
	depth++;
	TAKE(p);
	if (c == '[') {
		if (t[p] == ']')
			goto close;
		goto value;
	}
	if (t[p] == '}')
		goto close;
key:
	if (t[p] != '"')
		return 0;
	TAKE(q);
	put(&nodes[n++], t + p, q + 1 - p, RAMET_JSON_STRING, escape_flag(ix, p, q));
	TAKE(p);
	if (t[p] != ':')
		return 0;
	TAKE(p);
	goto value;
after:
	if (parent == NO_PARENT)
		goto end;
	count++;
	TAKE(p);
	if (t[p] == ',') {
		TAKE(p);
		if (nodes[parent].kind == RAMET_JSON_OBJECT)
			goto key;
		goto value;
	}
	if (t[p] != (nodes[parent].kind == RAMET_JSON_OBJECT ? '}' : ']'))
		return 0;
close:
	q = parent;
	parent = nodes[q].span;
	nodes[q].len = (uint32_t)(t + p + 1 - nodes[q].ptr);
	nodes[q].span = n - q;
	nodes[q].n = count;
	depth--;
	count = parent == NO_PARENT ? 0 : nodes[parent].n;
	goto after;
end:
	b->doc->n_nodes = n;
	return cur == ix->stop && !more(b, n) && !b->result && !ix->bad;
}

static struct scratch *scratch_of(struct ramet_json_doc *doc)
{
	if (!doc->stack) {
		doc->stack = ramet_alloc(sizeof(struct scratch));
		if (!doc->stack)
			return NULL;
		doc->cap_stack = sizeof(struct scratch);
		((struct scratch *)doc->stack)->ix.level = rameti_index_level(0);
	}
	return doc->stack;
}

static int fail_text(struct ramet_error *err, int code, uint64_t offset, const char *what)
{
	return rameti_fail_at(err, code, NULL, 0, offset, "%s", what);
}

static int explain(struct scratch *x, struct ramet_error *err)
{
	uint32_t at;

	switch (rameti_json_explain(x->ix.text, x->ix.len, x->words, &at)) {
	case RAMETI_TROUBLE_DEPTH:
		return fail_text(err, RAMET_ELIMIT, at, "json nested too deep");
	case RAMETI_TROUBLE_UNFINISHED:
		return fail_text(err, RAMET_EJSON, at, "json ends inside a value");
	case RAMETI_TROUBLE_MORE:
		return fail_text(err, RAMET_EJSON, at, "something behind the json value");
	default:
		return fail_text(err, RAMET_EJSON, at, "not json");
	}
}

/* Invalid UTF-8 is somewhere: refuse it, or mark the strings that have it and the root. */
static int handle_bad_utf8(struct ramet_json_doc *doc, struct scratch *x, unsigned flags,
			   struct ramet_error *err)
{
	struct ramet_bytes rest = { x->ix.text, x->ix.len };
	size_t char_len = 0;
	uint32_t i;

	if (flags & RAMET_JSON_STRICT) {
		while (rest.len && !rameti_utf8_bad_len(rest, &char_len)) {
			rest.ptr += char_len;
			rest.len -= char_len;
		}
		doc->n_nodes = 0;
		return fail_text(err, RAMET_EJSON, (uint64_t)(rest.ptr - x->ix.text),
				 "invalid utf-8");
	}
	for (i = 0; i < doc->n_nodes; i++)
		if (doc->nodes[i].kind == RAMET_JSON_STRING &&
		    !rameti_utf8_valid(ramet_json_raw(&doc->nodes[i])))
			doc->nodes[i].flags |= RAMET_JSON_BAD_UTF8;
	doc->nodes[0].flags |= RAMET_JSON_BAD_UTF8;
	return 0;
}

int ramet_json_parse(struct ramet_json_doc *doc, struct ramet_bytes text, unsigned flags,
		     struct ramet_error *err)
{
	struct scratch *x = scratch_of(doc);
	struct builder b = { doc, NULL, NULL, 0 };

	doc->n_nodes = 0;
	if (!x)
		return rameti_fail_nomem(err);
	if (text.len > RAMET_JSON_LEN_MAX)
		return fail_text(err, RAMET_ELIMIT, RAMET_JSON_LEN_MAX, "json text too long");
	if (!text.ptr)
		text.ptr = "";
	rameti_index_start(&x->ix, text.ptr, (uint32_t)text.len);
	b.ix = &x->ix;
	b.end = text.ptr + text.len;
	if (!build(&b)) {
		doc->n_nodes = 0;
		return b.result ? rameti_fail_nomem(err) : explain(x, err);
	}
	return rameti_index_bad_utf8(&x->ix) ? handle_bad_utf8(doc, x, flags, err) : 0;
}

void ramet_json_doc_release(struct ramet_json_doc *doc)
{
	const struct ramet_json_doc empty = RAMET_JSON_DOC_INIT;

	ramet_free(doc->nodes);
	ramet_free(doc->stack);
	*doc = empty;
}

const struct ramet_json *ramet_json_root(const struct ramet_json_doc *doc)
{
	return doc && doc->n_nodes ? doc->nodes : NULL;
}
