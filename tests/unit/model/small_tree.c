/*
 * small_tree.c - trees over a few entries written in the test, and answers compared as whole texts.
 */
#include "small_tree.h"

#include <stdlib.h>
#include "base/map.h"

static int entry(void *user, uint32_t row, struct ramet_buf *scratch, struct ramet_bytes *json,
		 struct ramet_error *err)
{
	struct small_tree *s = user;

	if (++s->calls == s->fail_call) {
		if (err)
			err->code = RAMET_EIO;
		return RAMET_EIO;
	}
	*json = s->lines[row];
	if (s->borrowed)
		return 0;
	/* as a store that has to rebuild the entry does: the bytes before are gone */
	if (scratch->ptr)
		memset(scratch->ptr, '#', scratch->cap);
	ramet_buf_reset(scratch);
	ramet_buf_add(scratch, s->lines[row]);
	*json = ramet_buf_bytes(scratch);
	if (ramet_buf_status(scratch) < 0 && err)
		err->code = RAMET_ENOMEM;
	return ramet_buf_status(scratch);
}

static struct ramet_bytes text_of(const struct ramet_json *v, struct ramet_buf *b)
{
	ramet_buf_init(b, 1u << 20);
	ramet_json_text(v, b);
	return ramet_buf_bytes(b);
}

static void add_row(struct small_tree *s, struct ramet_bytes line)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf id, parent, text;
	const struct ramet_json *e, *role;
	struct ramet_row row;

	memset(&row, 0, sizeof(row));
	if (ramet_json_parse(&doc, line, 0, NULL) < 0)
		fail_msg("not JSON: %.*s", RAMET_FMT(line));
	e = ramet_json_root(&doc);
	row.offset = (uint64_t)(line.ptr - s->text.ptr);
	row.length = (uint32_t)line.len;
	row.type = (uint8_t)ramet_entry_type_of(text_of(ramet_json_get(e, "type"), &text));
	ramet_buf_release(&text);
	role = ramet_json_get(ramet_json_get(e, "message"), "role");
	if (row.type == RAMET_ENTRY_MESSAGE && role)
		row.role = (uint8_t)ramet_role_of(text_of(role, &text));
	if (row.type == RAMET_ENTRY_MESSAGE && role)
		ramet_buf_release(&text);
	row.time_ms = rameti_entry_time(ramet_json_get(e, "timestamp"));
	if (ramet_json_kind(ramet_json_get(e, "id")) != RAMET_JSON_STRING)
		row.flags |= RAMET_ROW_NO_ID;
	if (ramet_json_truthy(ramet_json_get(e, "parentId")))
		row.flags |= RAMET_ROW_HAS_PARENT;
	text_of(ramet_json_get(e, "id"), &id);
	text_of(ramet_json_get(e, "parentId"), &parent);
	row.id_hash = rameti_id_hash(ramet_buf_bytes(&id));
	row.parent_hash = rameti_id_hash(ramet_buf_bytes(&parent));
	assert_int_equal(rameti_tree_add(s->tree, &row, ramet_buf_bytes(&id),
					 ramet_buf_bytes(&parent), NULL), 0);
	s->lines[s->n_lines++] = line;
	ramet_buf_release(&id);
	ramet_buf_release(&parent);
	ramet_json_doc_release(&doc);
}

void small_tree_init_bytes(struct small_tree *s, struct ramet_bytes entries)
{
	struct ramet_bytes line;
	char *p, *end;
	size_t n = 1;

	memset(s, 0, sizeof(*s));
	ramet_buf_init(&s->text, SIZE_MAX / 2);
	ramet_buf_add(&s->text, entries);
	assert_int_equal(ramet_buf_status(&s->text), 0);
	assert_int_equal(rameti_tree_new(&s->tree, 7, entry, s, NULL), 0);
	for (p = s->text.ptr; p && (p = memchr(p, '\n', (size_t)(s->text.ptr + s->text.len - p)));
	     p++)
		n++;
	s->lines = ramet_calloc(n, sizeof(*s->lines));
	assert_non_null(s->lines);
	for (p = s->text.ptr; p && p < s->text.ptr + s->text.len; p = end + 1) {
		end = memchr(p, '\n', (size_t)(s->text.ptr + s->text.len - p));
		if (!end)
			end = s->text.ptr + s->text.len;
		line.ptr = p;
		line.len = (size_t)(end - p);
		if (line.len)
			add_row(s, line);
	}
	assert_int_equal(rameti_tree_settle(s->tree, NULL), 0);
}

/* A copy with " for '; the caller frees. */
static char *quoted(const char *text)
{
	char *copy = strdup(text), *p;

	assert_non_null(copy);
	for (p = copy; (p = strchr(p, '\'')) != NULL; p++)
		*p = '"';
	return copy;
}

void small_tree_init(struct small_tree *s, const char *entries)
{
	char *text = quoted(entries);

	small_tree_init_bytes(s, ramet_bytes_of(text));
	free(text);
}

void small_tree_release(struct small_tree *s)
{
	rameti_tree_free(s->tree);
	ramet_buf_release(&s->text);
	ramet_free(s->lines);
}

uint32_t small_tree_row(const struct small_tree *s, const char *id)
{
	uint32_t row;

	if (!strcmp(id, "-"))
		return RAMET_NONE;
	if (!*id)
		return ramet_tree_leaf(s->tree);
	row = ramet_tree_find(s->tree, ramet_bytes_of(id));
	if (row == RAMET_NONE)
		fail_msg("no entry %s", id);
	return row;
}

/* ---- answers ---- */

int write_message(const struct ramet_context *c, struct ramet_buf *out, struct ramet_error *err)
{
	return ramet_context_write_system(c, out, NULL, err);
}

int write_prompt(const struct ramet_context *c, struct ramet_buf *out, struct ramet_error *err)
{
	return ramet_context_write_system(c, NULL, out, err);
}

int write_tokens(const struct ramet_context *c, struct ramet_buf *out, struct ramet_error *err)
{
	uint64_t tokens = 12345;
	int r = ramet_context_tokens(c, &tokens, err);

	if (r < 0)
		assert_int_equal(tokens, 12345);
	ramet_buf_addf(out, "%llu", (unsigned long long)tokens);
	return r;
}

int write_selection(const struct ramet_context *c, struct ramet_buf *out, struct ramet_error *err)
{
	uint32_t i;

	(void)err;
	for (i = 0; i < c->n_selected; i++) {
		struct ramet_bytes id = ramet_tree_id(c->tree, c->selected[i].row);

		ramet_buf_addf(out, "%s%.*s%u", i ? " " : "", RAMET_FMT(id), c->selected[i].n);
	}
	return 0;
}

int write_messages(const struct ramet_context *c, struct ramet_buf *out, struct ramet_error *err)
{
	uint32_t i;

	(void)err;
	for (i = 0; i < c->n_messages; i++)
		ramet_buf_addf(out, "%.*s\n", RAMET_FMT(c->messages[i].json));
	return 0;
}

static void check_answer(struct small_tree *s, const char *leaf, small_tree_fn *fn,
			 const char *expected)
{
	struct ramet_buf out = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_context *c = NULL;
	struct ramet_error err = { 0 };
	char *wanted = quoted(expected);

	if (ramet_context_new(&c, s->tree, small_tree_row(s, leaf), &err) < 0 ||
	    fn(c, &out, &err) < 0)
		fail_msg("failed: %s", err.text);
	assert_int_equal(ramet_buf_status(&out), 0);
	assert_string_equal(out.ptr ? out.ptr : "", wanted);
	ramet_buf_release(&out);
	ramet_context_free(c);
	free(wanted);
}

void assert_answer_bytes(struct ramet_bytes entries, const char *leaf, small_tree_fn *fn,
			 const char *expected)
{
	struct small_tree s;

	small_tree_init_bytes(&s, entries);
	check_answer(&s, leaf, fn, expected);
	s.borrowed = 1;
	check_answer(&s, leaf, fn, expected);
	small_tree_release(&s);
}

void assert_answer(const char *entries, const char *leaf, small_tree_fn *fn, const char *expected)
{
	char *text = quoted(entries);

	assert_answer_bytes(ramet_bytes_of(text), leaf, fn, expected);
	free(text);
}

/* ---- allocations that fail ---- */

static long n_live, n_until_failure = -1;

static void *counting_realloc(void *user, void *ptr, size_t size)
{
	void *fresh;

	(void)user;
	if (n_until_failure == 0)
		return NULL;
	if (n_until_failure > 0)
		n_until_failure--;
	fresh = realloc(ptr, size);
	if (fresh && !ptr)
		n_live++;
	return fresh;
}

static void counting_free(void *user, void *ptr)
{
	(void)user;
	if (ptr)
		n_live--;
	free(ptr);
}

void assert_survives_no_memory(const char *entries, small_tree_work *work)
{
	const struct ramet_allocator counting = { counting_realloc, counting_free, NULL };
	struct small_tree s;
	long n, before;
	int r = -1;

	ramet_set_allocator(&counting);
	small_tree_init(&s, entries);
	for (n = 0; r < 0; n++) {
		struct ramet_error err = { 0 };

		before = n_live;
		n_until_failure = n;
		r = work(&s, &err);
		n_until_failure = -1;
		if (r < 0) {
			assert_int_equal(r, RAMET_ENOMEM);
			assert_int_equal(err.code, RAMET_ENOMEM);
		}
		assert_int_equal(n_live, before);
		assert_true(n < 100000);
	}
	assert_true(n > 1);
	small_tree_release(&s);
	assert_int_equal(n_live, 0);
	ramet_set_allocator(NULL);
}

/* ---- hostile entries ---- */

static const char *const members[] = {
	"message", "provider", "modelId", "model", "thinkingLevel", "usage", "summary",
	"firstKeptEntryId", "tokensBefore", "systemMessage", "fromId", "customType", "content",
	"display", "details", "targetId", "replacement", "label", "name", "timestamp",
};
static const char *const values[] = {
	"null", "true", "false", "0", "-1e400", "\"\"", "\"\\ud800\"", "[]", "[null,[{}],7]", "{}",
	"{\"content\":5,\"role\":7,\"sections\":[1],\"toolsAdded\":{\"a\":1},\"usage\":[],"
	"\"cost\":\"x\"}",
	"{\"role\":\"assistant\",\"content\":[1,null,{\"type\":5},{\"type\":\"toolCall\"},"
	"{\"type\":\"text\",\"text\":[]},{\"type\":\"thinking\"}],\"usage\":{\"input\":\"x\","
	"\"totalTokens\":1e300,\"cost\":null},\"stopReason\":{}}",
	"{\"role\":\"system\",\"content\":{},\"sections\":{\"\":1,\"1\":[],\"a\":\"x\"},"
	"\"toolsAdded\":[1,{},{\"name\":[]}],\"toolsRemoved\":[null,{\"name\":{}}]}",
	"{\"role\":\"bashExecution\",\"command\":[],\"output\":{},\"exitCode\":\"x\","
	"\"cancelled\":[],\"truncated\":1,\"fullOutputPath\":{}}",
	"{\"role\":\"user\",\"content\":{\"type\":\"text\"}}",
};
#define N(v) (sizeof(v) / sizeof((v)[0]))

static void add_nest(struct ramet_buf *out, unsigned depth)
{
	unsigned i;

	for (i = 0; i < depth; i++)
		ramet_buf_add_char(out, '[');
	for (i = 0; i < depth; i++)
		ramet_buf_add_char(out, ']');
}

void hostile_entries(struct ramet_buf *out)
{
	unsigned n = 0, type, value, m;

	for (type = RAMET_ENTRY_OTHER; type < RAMET_ENTRY_HEADER; type++)
		for (value = 0; value <= N(values); value++) {
			ramet_buf_addf(out, "{\"type\":\"%s\",\"id\":\"h%u\",\"parentId\":\"h%d\"",
				       ramet_entry_type_name((int)type), n, (int)n - 1);
			n++;
			for (m = 0; value < N(values) && m < N(members); m++)
				ramet_buf_addf(out, ",\"%s\":%s", members[m], values[value]);
			ramet_buf_add_str(out, "}\n");
		}
	ramet_buf_addf(out, "{\"type\":\"message\",\"id\":\"deep\",\"parentId\":\"h%u\","
			    "\"message\":"
			    "{\"role\":\"assistant\",\"content\":[{\"type\":\"toolCall\",\"name\":"
			    "\"x\",\"arguments\":", n - 1);
	add_nest(out, 90000);
	ramet_buf_add_str(out, "}]}}\n");
	assert_int_equal(ramet_buf_status(out), 0);
}
