/*
 * session.c, load.c, reader.c, pi.c: a session opened from a file by one thread, by several and
 * from memory is the same session, whatever the lines; damage costs its own line only; what is
 * not a session is refused with a clear error and left alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/hash.h"
#include "model/tree.h"
#include "ramet.h"

#define HEADER                                                                                     \
	"{\"type\":\"session\",\"version\":3,\"id\":\"s\",\"timestamp\":\"2026-01-01T00:00:00."    \
	"000Z\",\"cwd\":\"/w\"}\n"
#define ENTRY(id, parent)                                                                          \
	"{\"type\":\"message\",\"id\":\"" id "\",\"parentId\":" parent                             \
	",\"timestamp\":\"2026-01-01T00:00:01.000Z\",\"message\":{\"role\":\"user\",\"content\":"  \
	"\"x\"}}\n"

static char path[] = "/tmp/ramet-test-session-XXXXXX";

static int make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int drop_path(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_file(struct ramet_bytes text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
	assert_int_equal(fclose(f), 0);
}

static struct ramet_session *open_file(unsigned threads)
{
	struct ramet_open_opts opts = { .threads = threads };
	struct ramet_session *s = NULL;
	struct ramet_error err = { 0 };

	if (ramet_session_open(&s, path, &opts, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static struct ramet_session *open_text(const char *text)
{
	struct ramet_session *s = NULL;
	struct ramet_error err = { 0 };

	if (ramet_session_open_bytes(&s, ramet_bytes_of(text), NULL, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static void same_findings(const struct ramet_findings *a, const struct ramet_findings *b)
{
	uint32_t i;

	assert_int_equal(a->n, b->n);
	for (i = 0; i < a->n; i++) {
		assert_string_equal(a->items[i].code, b->items[i].code);
		assert_int_equal(a->items[i].line, b->items[i].line);
		assert_int_equal(a->items[i].offset, b->items[i].offset);
		assert_true(ramet_bytes_eq(a->items[i].text, b->items[i].text));
	}
}

static void same_session(const struct ramet_session *a, const struct ramet_session *b)
{
	const struct ramet_tree *x = ramet_session_tree(a), *y = ramet_session_tree(b);
	struct ramet_buf p = RAMET_BUF_INIT(1u << 30), q = RAMET_BUF_INIT(1u << 30);
	struct ramet_bytes one, two;
	uint32_t i;

	assert_int_equal(ramet_tree_count(x), ramet_tree_count(y));
	for (i = 0; i < ramet_tree_count(x); i++) {
		assert_memory_equal(ramet_tree_row(x, i), ramet_tree_row(y, i),
				    sizeof(struct ramet_row));
		assert_true(ramet_bytes_eq(ramet_tree_id(x, i), ramet_tree_id(y, i)));
		assert_int_equal(rameti_tree_line(x, i), rameti_tree_line(y, i));
		assert_int_equal(ramet_tree_entry(x, i, &p, &one, NULL), 0);
		assert_int_equal(ramet_tree_entry(y, i, &q, &two, NULL), 0);
		assert_true(ramet_bytes_eq(one, two));
	}
	same_findings(ramet_session_findings(a), ramet_session_findings(b));
	assert_true(ramet_bytes_eq(ramet_session_header(a)->json, ramet_session_header(b)->json));
	ramet_buf_release(&p);
	ramet_buf_release(&q);
}

static uint32_t roll(uint64_t *rng, uint32_t n)
{
	*rng = *rng * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*rng >> 33) % n;
}

/* Lines of every size around the block size, some of them damaged. */
static void add_random_line(struct ramet_buf *b, uint64_t *rng, unsigned number)
{
	static const char *const odd[] = { "\n",
					   "   \r\n",
					   "{\"type\":\"cus\n",
					   "{}{}\n",
					   "null\n",
					   "5\n",
					   "{\"a\":\"\xff\"}\n",
					   "{}\n",
					   "{\"type\":\"session\",\"id\":\"z\"}\n",
					   "{\"type\":\"x\",\"id\":\"dup\"}\n" };
	uint32_t fill = roll(rng, 40) ? roll(rng, 3000) : roll(rng, 700000);

	if (!roll(rng, 9)) {
		ramet_buf_add_str(b, odd[roll(rng, 10)]);
		return;
	}
	ramet_buf_addf(b,
		       "{\"type\":\"message\",\"id\":\"e%u\",\"parentId\":\"e%u\",\"message\":{"
		       "\"role\":\"user\",\"content\":\"",
		       number, number - 1);
	while (fill--)
		ramet_buf_add_char(b, (char)('a' + roll(rng, 26)));
	ramet_buf_add_str(b, "\"}}\n");
}

static void load__gives_one_session_however_it_is_read(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1u << 30);
	uint64_t rng = 5;
	unsigned i, round;

	(void)state;
	for (round = 0; round < 12; round++) {
		struct ramet_session *one, *four, *memory;

		ramet_buf_reset(&b);
		ramet_buf_add_str(&b, HEADER);
		for (i = 0; b.len < (3u << 20); i++)
			add_random_line(&b, &rng, i);
		if (round % 3 == 1)
			ramet_buf_add_str(&b, "{\"type\":\"message\",\"id\":\"torn");
		else if (round % 3 == 2)
			ramet_buf_truncate(&b, b.len - 1);
		write_file(ramet_buf_bytes(&b));
		one = open_file(1);
		four = open_file(4);
		assert_int_equal(ramet_session_open_bytes(&memory, ramet_buf_bytes(&b), NULL, NULL),
				 0);
		same_session(one, four);
		same_session(one, memory);
		ramet_session_close(one);
		ramet_session_close(four);
		ramet_session_close(memory);
	}
	ramet_buf_release(&b);
}

static void load__knows_every_byte_of_every_row(void **state)
{
	static const char text[] =
		HEADER "\n" ENTRY("a", "null") "not json\n" ENTRY("b", "\"a\"") ENTRY("c", "\"b\"");
	struct ramet_session *s = open_text(text);
	const struct ramet_tree *t = ramet_session_tree(s);
	uint32_t i;

	(void)state;
	assert_int_equal(ramet_tree_count(t), 3);
	for (i = 0; i < 3; i++) {
		const struct ramet_row *r = ramet_tree_row(t, i);
		struct ramet_bytes line = { text + r->offset, r->length };

		assert_int_equal(text[r->offset], '{');
		assert_int_equal(text[r->offset + r->length], '\n');
		assert_int_equal(r->crc32c, rameti_crc32c(0, line.ptr, line.len));
		assert_int_equal(text[r->offset + r->id_at], '"');
		assert_int_equal(r->type, RAMET_ENTRY_MESSAGE);
		assert_int_equal(r->role, RAMET_ROLE_USER);
		assert_int_equal(r->time_ms, 1767225601000);
		assert_int_equal(r->parent, i ? i - 1 : RAMET_NONE);
	}
	assert_int_equal(rameti_tree_line(t, 0), 3);
	assert_int_equal(rameti_tree_line(t, 1), 5);
	assert_int_equal(ramet_session_findings(s)->n, 2);
	assert_string_equal(ramet_session_findings(s)->items[0].code, "blank-line");
	assert_string_equal(ramet_session_findings(s)->items[1].code, "malformed");
	assert_int_equal(ramet_session_findings(s)->items[1].line, 4);
	ramet_session_close(s);
}

static void expect_findings(const char *text, const char *const *codes)
{
	struct ramet_session *s = open_text(text);
	const struct ramet_findings *f = ramet_session_findings(s);
	uint32_t i;

	for (i = 0; codes[i]; i++) {
		assert_true(i < f->n);
		assert_string_equal(f->items[i].code, codes[i]);
	}
	assert_int_equal(f->n, i);
	ramet_session_close(s);
}

static void reader__names_each_kind_of_damage(void **state)
{
	static const struct {
		const char *text;
		const char *codes[4];
	} cases[] = {
		{ HEADER ENTRY("a", "null"), { NULL } },
		{ HEADER "{\"type\":\"mess", { "torn-tail" } },
		{ HEADER "{\"type\":\"mess\n" ENTRY("a", "null"), { "malformed" } },
		{ HEADER "{\"a\":1}{\"b\":2}\n", { "glued" } },
		{ HEADER "null\n5\n[]\n", { "malformed", "malformed", "malformed" } },
		{ "\xef\xbb\xbf" HEADER ENTRY("a", "null"), { "bom" } },
		{ HEADER HEADER, { "second-header" } },
		{ HEADER "{\"type\":\"label\",\"id\":\"a\",\"label\":\"\xff\"}\n", { "bad-utf8" } },
		{ HEADER "{\"type\":\"label\",\"id\":\"a\",\"id\":\"b\"}\n", { "duplicate-key" } },
		{ HEADER "{\"type\":\"from_the_future\",\"id\":\"a\"}\n", { "unknown-type" } },
		{ HEADER
		  "{\"type\":\"label\",\"id\":\"a\"}\r\n{\"type\":\"label\",\"id\":\"b\"}\r\n",
		  { "crlf" } },
		{ HEADER "{\"type\":\"label\",\"id\":\"a\"}", { "no-newline" } },
		{ "junk\n\n" HEADER, { "malformed" } },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_findings(cases[i].text, cases[i].codes);
}

static void reader__sees_nul_runs(void **state)
{
	static const char text[] = HEADER "\0\0\0\0\n" ENTRY("a", "null");
	struct ramet_bytes bytes = { text, sizeof(text) - 1 };
	struct ramet_session *s;

	(void)state;
	assert_int_equal(ramet_session_open_bytes(&s, bytes, NULL, NULL), 0);
	assert_int_equal(ramet_session_findings(s)->n, 1);
	assert_string_equal(ramet_session_findings(s)->items[0].code, "nul-run");
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 1);
	ramet_session_close(s);
}

static void refuse(const char *text, const char *message)
{
	struct ramet_session *s = (void *)1;
	struct ramet_error err = { 0 };

	assert_int_equal(ramet_session_open_bytes(&s, ramet_bytes_of(text), NULL, &err),
			 RAMET_EFORMAT);
	assert_string_equal(err.text, message);
	assert_ptr_equal(s, (void *)1);
	write_file(ramet_bytes_of(text));
	assert_int_equal(ramet_session_open(&s, path, NULL, &err), RAMET_EFORMAT);
	assert_string_equal(err.path, path);
}

static void session__refuses_what_is_none(void **state)
{
	(void)state;
	refuse("", "not a session: the file is empty");
	refuse("\n \n", "not a session: no header");
	refuse("hello world\n", "not a session: no header");
	refuse(ENTRY("a", "null"), "not a session: the first value is not a header");
	refuse("7\n" HEADER, "not a session: the first value is not a header");
	refuse("{\"type\":\"session\",\"id\":5}\n", "not a session: the header has no id");
}

static void session__refuses_other_kinds_of_files_at_once(void **state)
{
	char fifo[sizeof(path) + 8];
	struct ramet_session *s;
	struct ramet_error err = { 0 };

	(void)state;
	assert_int_equal(ramet_session_open(&s, "/nonexistent/x.jsonl", NULL, &err),
			 RAMET_ENOTFOUND);
	assert_int_equal(ramet_session_open(&s, "/tmp", NULL, &err), RAMET_EFORMAT);
	snprintf(fifo, sizeof(fifo), "%s.fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(ramet_session_open(&s, fifo, NULL, &err), RAMET_EFORMAT);
	assert_string_equal(err.path, fifo);
	unlink(fifo);
}

static void session__notices_a_change_by_others(void **state)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(4096);
	struct ramet_session *s;
	struct ramet_bytes json;
	struct ramet_error err = { 0 };

	(void)state;
	write_file(ramet_bytes_of(HEADER ENTRY("a", "null") ENTRY("b", "\"a\"")));
	s = open_file(1);
	assert_int_equal(ramet_tree_entry(ramet_session_tree(s), 1, &scratch, &json, &err), 0);
	write_file(ramet_bytes_of(HEADER ENTRY("a", "null") ENTRY("c", "\"a\"")));
	assert_int_equal(ramet_tree_entry(ramet_session_tree(s), 1, &scratch, &json, &err),
			 RAMET_ECONFLICT);
	assert_int_equal(err.line, 3);
	write_file(ramet_bytes_of(HEADER));
	assert_int_equal(ramet_tree_entry(ramet_session_tree(s), 1, &scratch, &json, &err),
			 RAMET_EIO);
	assert_string_equal(err.path, path);
	ramet_session_close(s);
	ramet_buf_release(&scratch);
}

static void session__keeps_to_the_line_limit(void **state)
{
	struct ramet_open_opts opts = { .max_line = 400, .threads = 1 };
	struct ramet_buf b = RAMET_BUF_INIT(1u << 24);
	struct ramet_session *s;
	int i;

	(void)state;
	ramet_buf_add_str(&b, HEADER "{\"type\":\"custom\",\"id\":\"long\",\"data\":\"");
	for (i = 0; i < 600000; i++)
		ramet_buf_add_char(&b, 'x');
	ramet_buf_add_str(&b, "\"}\n" ENTRY("a", "null"));
	write_file(ramet_buf_bytes(&b));
	assert_int_equal(ramet_session_open(&s, path, &opts, NULL), 0);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 1);
	assert_true(ramet_bytes_is(ramet_tree_id(ramet_session_tree(s), 0), "a"));
	assert_int_equal(ramet_session_findings(s)->n, 1);
	assert_string_equal(ramet_session_findings(s)->items[0].code, "malformed");
	assert_int_equal(ramet_session_findings(s)->items[0].line, 2);
	ramet_session_close(s);
	ramet_buf_release(&b);
}

static void expect_entry(const struct ramet_session *s, uint32_t row, const char *json)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(4096);
	struct ramet_bytes got;

	assert_int_equal(ramet_tree_entry(ramet_session_tree(s), row, &scratch, &got, NULL), 0);
	assert_int_equal(got.len, strlen(json));
	assert_memory_equal(got.ptr, json, got.len);
	ramet_buf_release(&scratch);
}

static void pi__migrates_version_1_in_memory(void **state)
{
	struct ramet_session *s =
		open_text("{\"type\":\"session\",\"id\":\"s\",\"provider\":\"p\"}\n"
			  "{\"type\":\"message\",\"id\":\"old\",\"message\":{\"role\":"
			  "\"hookMessage\",\"content\":1.0}}\n"
			  "{\"type\":\"label\",\"x\":1e3}\n"
			  "{\"type\":\"compaction\",\"firstKeptEntryIndex\":2,\"summary\":\"s\"}\n"
			  "{\"type\":\"compaction\",\"firstKeptEntryIndex\":9}\n");
	const struct ramet_tree *t = ramet_session_tree(s);
	char want[256], id[4][9];
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_int_equal(ramet_tree_id(t, (uint32_t)i).len, 8);
		snprintf(id[i], 9, "%.*s", RAMET_FMT(ramet_tree_id(t, (uint32_t)i)));
		assert_int_equal(ramet_tree_row(t, (uint32_t)i)->id_at, 0);
	}
	assert_true(ramet_bytes_is(
		ramet_session_header(s)->json,
		"{\"type\":\"session\",\"id\":\"s\",\"provider\":\"p\",\"version\":3}"));
	snprintf(want, sizeof(want),
		 "{\"type\":\"message\",\"id\":\"%s\",\"message\":{\"role\":\"custom\",\"content\":"
		 "1.0},"
		 "\"parentId\":null}",
		 id[0]);
	expect_entry(s, 0, want);
	snprintf(want, sizeof(want),
		 "{\"type\":\"label\",\"x\":1e3,\"id\":\"%s\",\"parentId\":\"%s\"}", id[1], id[0]);
	expect_entry(s, 1, want);
	snprintf(want, sizeof(want),
		 "{\"type\":\"compaction\",\"summary\":\"s\",\"id\":\"%s\",\"parentId\":\"%s\","
		 "\"firstKeptEntryId\":\"%s\"}",
		 id[2], id[1], id[1]);
	expect_entry(s, 2, want);
	snprintf(want, sizeof(want), "{\"type\":\"compaction\",\"id\":\"%s\",\"parentId\":\"%s\"}",
		 id[3], id[2]);
	expect_entry(s, 3, want);
	ramet_session_close(s);
}

static void pi__makes_ids_that_later_lines_do_not_change(void **state)
{
	struct ramet_session *a =
		open_text("{\"type\":\"session\",\"id\":\"s\"}\n{\"type\":\"label\"}\n");
	struct ramet_session *b = open_text("{\"type\":\"session\",\"id\":\"s\"}\n{\"type\":"
					    "\"label\"}\n{\"type\":\"label\"}\n");

	(void)state;
	assert_true(ramet_bytes_eq(ramet_tree_id(ramet_session_tree(a), 0),
				   ramet_tree_id(ramet_session_tree(b), 0)));
	ramet_session_close(a);
	ramet_session_close(b);
}

/* The table of ids moves as it grows; the id of the entry before must not be read where it was. */
static void pi__links_long_sessions_of_version_1(void **state)
{
	struct ramet_buf text = RAMET_BUF_INIT(1u << 30);
	const struct ramet_tree *t;
	struct ramet_session *s;
	uint32_t i;

	(void)state;
	ramet_buf_add_str(&text, "{\"type\":\"session\",\"id\":\"s\"}\n");
	for (i = 0; i < 200000; i++)
		ramet_buf_add_str(&text, "{\"type\":\"custom\"}\n");
	write_file(ramet_buf_bytes(&text));
	s = open_file(0);
	t = ramet_session_tree(s);
	assert_int_equal(ramet_tree_count(t), 200000);
	for (i = 0; i < 200000; i++)
		assert_int_equal(ramet_tree_row(t, i)->depth, i);
	ramet_session_close(s);
	ramet_buf_release(&text);
}

static void pi__compares_versions_as_javascript_does(void **state)
{
	static const struct {
		const char *version;
		double value;
	} cases[] = { { "1", 1 },   { "\"2\"", 2 }, { "2.5", 2.5 }, { "null", 1 },
		      { "99", 99 }, { "\"3\"", 3 }, { "{}", 3 } };
	char text[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ramet_session *s;

		snprintf(text, sizeof(text), "{\"type\":\"session\",\"id\":\"s\",\"version\":%s}\n",
			 cases[i].version);
		s = open_text(text);
		assert_true(ramet_session_header(s)->version == cases[i].value);
		ramet_session_close(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(load__gives_one_session_however_it_is_read),
		cmocka_unit_test(load__knows_every_byte_of_every_row),
		cmocka_unit_test(reader__names_each_kind_of_damage),
		cmocka_unit_test(reader__sees_nul_runs),
		cmocka_unit_test(session__refuses_what_is_none),
		cmocka_unit_test(session__refuses_other_kinds_of_files_at_once),
		cmocka_unit_test(session__notices_a_change_by_others),
		cmocka_unit_test(session__keeps_to_the_line_limit),
		cmocka_unit_test(pi__migrates_version_1_in_memory),
		cmocka_unit_test(pi__makes_ids_that_later_lines_do_not_change),
		cmocka_unit_test(pi__links_long_sessions_of_version_1),
		cmocka_unit_test(pi__compares_versions_as_javascript_does),
	};

	return cmocka_run_group_tests(tests, make_path, drop_path);
}
