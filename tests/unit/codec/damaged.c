/*
 * damaged.c - everything that can be wrong with a line of JSON, one thing at a time.
 */
#include "damaged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"
#include "base/pack.h"
#include "failing.h"

#define TEXT_MAX (1u << 22)

const char *damaged_quoted(const char *text)
{
	static char quoted[65536];
	size_t i;

	assert_true(strlen(text) < sizeof(quoted));
	for (i = 0; text[i]; i++)
		quoted[i] = text[i] == '\'' ? '"' : text[i];
	quoted[i] = '\0';
	return quoted;
}

/* ---- lines ---- */

struct maker {
	struct ramet_bytes line;
	struct ramet_buf out;
	void (*fn)(void *user, struct ramet_bytes line);
	void *user;
	int only_json;
	struct ramet_json_doc doc;               /* of a variant */
	unsigned n;
};

static void give(struct maker *m)
{
	assert_int_equal(ramet_buf_status(&m->out), 0);
	if (m->only_json && ramet_json_parse(&m->doc, ramet_buf_bytes(&m->out), 0, NULL) < 0)
		return;
	m->n++;
	m->fn(m->user, ramet_buf_bytes(&m->out));
}

/* The line with the bytes from..to replaced by a, b and c. */
static void splice(struct maker *m, const char *from, const char *to, struct ramet_bytes a,
		   struct ramet_bytes b, const char *c)
{
	const char *start = m->line.ptr, *end = start + m->line.len;

	ramet_buf_reset(&m->out);
	ramet_buf_add(&m->out, (struct ramet_bytes){ start, (size_t)(from - start) });
	ramet_buf_add(&m->out, a);
	ramet_buf_add(&m->out, b);
	ramet_buf_add_str(&m->out, c);
	ramet_buf_add(&m->out, (struct ramet_bytes){ to, (size_t)(end - to) });
	give(m);
}

static const char *const others[] = {
	"null",
	"true",
	"false",
	"0",
	"-1",
	"7",
	"1.5",
	"1e999",
	"1e-7",
	"18446744073709551616",
	"9223372036854775808",
	"-9223372036854775809",
	"\"\"",
	"\"x\"",
	"\"\\u0061\\ud800\"",
	"\"a\\nb\\u0000\"",
	"\"\\ud83d\\ude00<\"",
	"\"\xff\xe2\x80\xa8\xe2\x82\xac\"",
	"[]",
	"{}",
	"[1,null,\"x\",{},[]]",
	"{\"a\":1}",
	"{\"type\":\"text\",\"text\":\"q\"}",
	"[{\"type\":\"text\",\"text\":\"q\"},{\"kind\":\"text\",\"text\":\"r\"}]",
	"\"{}\"",
	"\"{\\\"id\\\":\\\"z\\\"}\"",
	"\"{\\\"type\\\":\\\"label\\\",\\\"id\\\":\\\"y\\\"}\"",
	"\"{cut\"",
	"\"2026-08-22T14:00:07.250+01:00\"",
	"\"0123abcd0123abcd0123abcd0123abcd\"",
	"\"tool_result\"",
	"\"assistant\"",
	"\"session\"",
};
#define N_OTHERS (sizeof(others) / sizeof(others[0]))

static void replace_value(struct maker *m, const struct ramet_json *v)
{
	const struct ramet_bytes none = { NULL, 0 };
	const char *end = v->ptr + v->len;
	size_t i;

	for (i = 0; i < N_OTHERS; i++)
		splice(m, v->ptr, end, none, none, others[i]);
	splice(m, end, end, none, none, " ");
	if (v->kind == RAMET_JSON_STRING) {
		splice(m, end - 1, end - 1, none, none, "\\n");
		splice(m, end - 1, end - 1, none, none, "\xff");
		splice(m, v->ptr + 1, v->ptr + 1, none, none, "Z");
	}
}

static void replace_member(struct maker *m, const struct ramet_json *key,
			   const struct ramet_json *v, int is_last)
{
	const struct ramet_bytes none = { NULL, 0 };
	const char *end = v->ptr + v->len, *from = key->ptr;
	struct ramet_bytes whole = { from, (size_t)(end - from) };
	struct ramet_bytes name = { from, (size_t)key->len };
	char escaped[8] = "\\u0000";

	replace_value(m, v);
	splice(m, from, is_last ? end : end + 1, none, none, is_last ? "\"k\":1" : "");
	splice(m, from, from, whole, none, ",");
	splice(m, end, end, (struct ramet_bytes){ ",", 1 }, name, ":null");
	splice(m, from, from, name, none, ":\"first\",");
	splice(m, from, from, name, none, ":\"first\",\"other\":1,");
	splice(m, from, from, none, none, "\"\":{\"\":[]},\"\\u00e9\":\"}\",");
	if (key->len < 3)
		return;
	splice(m, from + 1, from + 2, none, none, "X");
	escaped[4] = "0123456789abcdef"[from[1] >> 4 & 7];
	escaped[5] = "0123456789abcdef"[from[1] & 15];
	splice(m, from + 1, from + 2, none, none, escaped);
	if (from[1] >= 'a' && from[1] <= 'z')
		splice(m, from + 1, from + 2, (struct ramet_bytes){ (char[]){ from[1] - 32 }, 1 },
		       none, "");
}

static void replace_inside(struct maker *m, const struct ramet_json *v)
{
	const struct ramet_json *item = NULL, *value;
	uint32_t n = 0;

	while ((item = ramet_json_next(v, item)) != NULL) {
		if (v->kind == RAMET_JSON_ARRAY) {
			replace_value(m, item);
			continue;
		}
		value = ramet_json_next(v, item);
		replace_member(m, item, value, ++n == ramet_json_count(v));
		item = value;
	}
}

static void replace_bytes(struct maker *m)
{
	static const char bytes[] = "\"\\{}],:0x \x01\xed";
	const struct ramet_bytes none = { NULL, 0 };
	char one[2] = "";
	size_t i;

	for (i = 0; i < m->line.len; i++) {
		ramet_buf_reset(&m->out);
		ramet_buf_add(&m->out, (struct ramet_bytes){ m->line.ptr, i });
		if (i)
			give(m);
		one[0] = bytes[i % (sizeof(bytes) - 1)];
		splice(m, m->line.ptr + i, m->line.ptr + i + 1, none, none, one);
	}
}

static unsigned each(struct ramet_bytes line, void (*fn)(void *, struct ramet_bytes), void *user,
		     int only_json)
{
	struct maker m = { line, RAMET_BUF_INIT(TEXT_MAX), fn, user, only_json,
			   RAMET_JSON_DOC_INIT, 0 };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	uint32_t i;

	assert_int_equal(ramet_json_parse(&doc, line, 0, NULL), 0);
	ramet_buf_add(&m.out, line);
	give(&m);
	if (!only_json)
		replace_bytes(&m);
	for (i = 0; i < doc.n_nodes; i++)
		if (ramet_json_kind(&doc.nodes[i]) >= RAMET_JSON_ARRAY)
			replace_inside(&m, &doc.nodes[i]);
	ramet_json_doc_release(&doc);
	ramet_json_doc_release(&m.doc);
	ramet_buf_release(&m.out);
	return m.n;
}

unsigned damaged_each(struct ramet_bytes line, void (*fn)(void *user, struct ramet_bytes line),
		      void *user)
{
	return each(line, fn, user, 0);
}

unsigned damaged_legal(struct ramet_bytes line, void (*fn)(void *user, struct ramet_bytes line),
		       void *user)
{
	return each(line, fn, user, 1);
}

/* ---- what has to hold of any text ---- */

static struct ramet_session *opened(const char *format, struct ramet_bytes text)
{
	struct ramet_open_opts opts = { .format = format, .threads = 1 };
	struct ramet_session *s = NULL;
	struct ramet_error err;
	int r = ramet_session_open_bytes(&s, text, &opts, &err);

	if (r < 0 && r != RAMET_EFORMAT)
		fail_msg("%s: %.*s", err.text, RAMET_FMT(text));
	return s;
}

static int is_damage(const char *code)
{
	return strcmp(code, "unknown-type") != 0 && strcmp(code, "duplicate-key") != 0 &&
	       strcmp(code, "duplicate-id") != 0 && strcmp(code, "missing-id") != 0 &&
	       strcmp(code, "dangling-target") != 0 && strcmp(code, "bad-utf8") != 0;
}

static void has_no_damage(const struct ramet_session *s, struct ramet_bytes text)
{
	const struct ramet_findings *f = ramet_session_findings(s);
	uint32_t i;

	for (i = 0; i < f->n; i++)
		if (f->items[i].severity > RAMET_INFO && is_damage(f->items[i].code))
			fail_msg("%s: %.*s", f->items[i].code, RAMET_FMT(text));
}

/* An entry of a row: an object with its id. */
static struct ramet_bytes entry_of(const struct ramet_tree *t, uint32_t row, int has_id,
				   struct ramet_json_doc *doc, struct ramet_buf *scratch)
{
	struct ramet_buf id = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_error err;
	struct ramet_bytes json;

	if (ramet_tree_entry(t, row, scratch, &json, &err) < 0)
		fail_msg("%s", err.text);
	if (ramet_json_parse(doc, json, 0, &err) < 0)
		fail_msg("%s: %.*s", err.text, RAMET_FMT(json));
	assert_int_equal(ramet_json_kind(ramet_json_root(doc)), RAMET_JSON_OBJECT);
	if (has_id) {
		ramet_json_text(ramet_json_get(ramet_json_root(doc), "id"), &id);
		if (!ramet_bytes_eq(ramet_buf_bytes(&id), ramet_tree_id(t, row)))
			fail_msg("not %.*s: %.*s", RAMET_FMT(ramet_tree_id(t, row)),
				 RAMET_FMT(json));
	}
	ramet_buf_release(&id);
	return json;
}

/* What was just written, read alone: it makes what the encoder says it makes. */
static void is_made(const struct rameti_encoder *e, struct ramet_bytes entry,
		    struct ramet_bytes line)
{
	struct ramet_session *s;
	const struct ramet_tree *t;

	if (e->made < 0)
		return;
	s = opened(e->codec->name, line);
	assert_non_null(s);
	t = ramet_session_tree(s);
	if (ramet_tree_count(t) != (uint32_t)e->made ||
	    (e->made && e->entry_id.len &&
	     !ramet_bytes_eq(ramet_tree_id(t, 0), ramet_buf_bytes(&e->entry_id))))
		fail_msg("%d entries said of %.*s: %.*s", e->made, RAMET_FMT(entry),
			 RAMET_FMT(line));
	ramet_session_close(s);
}

/* Entries one after the other as records, what they have to be read as again. */
struct again {
	struct rameti_encoder e;
	struct ramet_buf text, carried;          /* carried: ids */
	struct ramet_json_doc doc;
};

static void again_init(struct again *a, const char *format)
{
	const struct ramet_bytes none = { NULL, 0 };

	ramet_buf_init(&a->text, TEXT_MAX);
	ramet_buf_init(&a->carried, TEXT_MAX);
	memset(&a->doc, 0, sizeof(a->doc));
	assert_int_equal(rameti_encoder_init(&a->e, rameti_codec_find(format), NULL, none, NULL),
			 0);
}

/* A header is no entry. */
static int is_header(struct again *a, struct ramet_bytes entry)
{
	assert_int_equal(ramet_json_parse(&a->doc, entry, 0, NULL), 0);
	return ramet_json_text_is(ramet_json_get(ramet_json_root(&a->doc), "type"), "session");
}

static int again_add(struct again *a, struct ramet_bytes entry)
{
	size_t from = a->text.len;
	struct ramet_buf id = RAMET_BUF_INIT(TEXT_MAX);
	const struct ramet_json *type;
	struct ramet_error err;
	int said;

	if (is_header(a, entry))
		return RAMETI_UNSAID;
	said = a->e.codec->encode(&a->e, entry, &a->text, &err);
	if (said < 0)
		fail_msg("%s: %.*s", err.text, RAMET_FMT(entry));
	if (a->text.len > from) {
		assert_int_equal(a->text.ptr[a->text.len - 1], '\n');
		is_made(&a->e, entry,
			(struct ramet_bytes){ a->text.ptr + from, a->text.len - from });
	}
	type = ramet_json_get(ramet_json_root(&a->doc), "type");
	if (said == RAMETI_CARRIED && ramet_json_kind(type) == RAMET_JSON_STRING) {
		ramet_json_text(ramet_json_get(ramet_json_root(&a->doc), "id"), &id);
		rameti_pack_bytes(&a->carried, ramet_buf_bytes(&id));
		ramet_buf_release(&id);
	}
	return said;
}

static int has_bad_utf8(struct ramet_bytes id)
{
	return memchr(id.ptr, '\xed', id.len) || memchr(id.ptr, '\xff', id.len);
}

static void again_end(struct again *a)
{
	struct rameti_unpack u = { ramet_buf_bytes(&a->carried), 0 };
	struct ramet_bytes id;
	struct ramet_session *s = opened(a->e.codec->name, ramet_buf_bytes(&a->text));

	if (a->text.len) {
		assert_non_null(s);
		has_no_damage(s, ramet_buf_bytes(&a->text));
	}
	while (u.left.len) {
		id = rameti_unpack_bytes(&u);
		assert_false(u.bad);
		if (id.len && !has_bad_utf8(id) &&
		    ramet_tree_find(ramet_session_tree(s), id) == RAMET_NONE)
			fail_msg("no %.*s in %.*s", RAMET_FMT(id),
				 RAMET_FMT(ramet_buf_bytes(&a->text)));
	}
	ramet_session_close(s);
	rameti_encoder_release(&a->e);
	ramet_buf_release(&a->text);
	ramet_buf_release(&a->carried);
	ramet_json_doc_release(&a->doc);
}

int damaged_check(const char *format, struct ramet_bytes text)
{
	const struct rameti_codec *codec = rameti_codec_find(format);
	struct ramet_session *s = opened(format, text);
	struct ramet_buf scratch = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_bytes entry;
	struct again a;
	uint32_t row, n;

	if (!s)
		return -1;
	n = ramet_tree_count(ramet_session_tree(s));
	if (codec->encode)
		again_init(&a, format);
	for (row = 0; row < n; row++) {
		entry = entry_of(ramet_session_tree(s), row, codec->encode != NULL, &doc, &scratch);
		if (codec->encode)
			again_add(&a, entry);
	}
	if (codec->encode)
		again_end(&a);
	ramet_session_close(s);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&scratch);
	return (int)n;
}

int damaged_encode(const char *format, int dialect, struct ramet_bytes entry)
{
	struct again a;
	int said;

	again_init(&a, format);
	a.e.dialect = dialect;
	said = again_add(&a, entry);
	again_end(&a);
	return said;
}

/* ---- memory ---- */

/* sum: of the entries, and of the records if they are to be the same exactly */
static int all_ways(const char *format, struct ramet_bytes text, int exactly, uint32_t *sum)
{
	const struct rameti_codec *codec = rameti_codec_find(format);
	struct ramet_open_opts opts = { .format = format, .threads = 1 };
	struct ramet_buf scratch = RAMET_BUF_INIT(TEXT_MAX), out = scratch;
	struct ramet_session *s = NULL;
	struct ramet_bytes json, none = { NULL, 0 };
	struct rameti_encoder e;
	uint32_t row;
	int failed = 0, r = ramet_session_open_bytes(&s, text, &opts, NULL);

	if (r < 0)
		return r;
	if (codec->encode)
		failed = rameti_encoder_init(&e, codec, NULL, none, NULL);
	/* an entry that failed is asked for again: it is there then */
	for (row = 0; row < ramet_tree_count(ramet_session_tree(s)); row++) {
		r = ramet_tree_entry(ramet_session_tree(s), row, &scratch, &json, NULL);
		if (r < 0) {
			failed = r;
			assert_int_equal(ramet_tree_entry(ramet_session_tree(s), row, &scratch,
							  &json, NULL), 0);
		}
		*sum = rameti_crc32c(*sum, json.ptr, json.len);
		if (codec->encode && !failed)
			r = codec->encode(&e, json, &out, NULL);
		failed = r < 0 ? r : failed;
	}
	if (exactly && out.ptr)
		*sum = rameti_crc32c(*sum, out.ptr, out.len);
	if (codec->encode)
		rameti_encoder_release(&e);
	ramet_session_close(s);
	ramet_buf_release(&scratch);
	ramet_buf_release(&out);
	return failed;
}

void damaged_memory(const char *format, const char *text, int exactly)
{
	uint32_t whole = 0, sum;
	unsigned n;
	int r, reached = 1;

	assert_int_equal(all_ways(format, ramet_bytes_of(text), exactly, &whole), 0);
	for (n = 1; reached; n++) {
		failing_memory_start(n);
		sum = 0;
		r = all_ways(format, ramet_bytes_of(text), exactly, &sum);
		reached = failing_memory_stop();
		if (r && r != RAMET_ENOMEM)
			fail_msg("%d at allocation %u", r, n);
		if (!r && sum != whole)
			fail_msg("another result at allocation %u", n);
	}
	assert_true(n > 10);
}
