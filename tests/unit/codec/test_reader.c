/*
 * test_reader.c - lines to a reader and back to the current version's entries: what is odd, what
 * old versions meant, and memory that runs out anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"
#include "codec/codec.h"
#include "failing.h"

#define TEXT_MAX (1u << 20)
#define HEAD_OF(version) "{'type':'session'" version ",'id':'s1','cwd':'/w'}\n"
#define LINE(id, parent) "{'type':'message','id':" id ",'parentId':" parent "}\n"

/* ---- a text and its reader ---- */

static struct rameti_reader r;
static struct ramet_buf text;                    /* with " for ' */

static int no_entry(void *user, uint32_t row, struct ramet_buf *scratch, struct ramet_bytes *json,
		    struct ramet_error *err)
{
	(void)user, (void)row, (void)scratch, (void)json;
	return rameti_fail(err, RAMET_EIO, "nothing is read here");
}

static int scan_all(struct rameti_batch *b, struct rameti_scanner *scanner)
{
	struct ramet_bytes left = ramet_buf_bytes(&text);
	uint64_t offset = 0;
	uint32_t len;
	int terminated, e = 0;

	while (!e && left.len) {
		e = rameti_batch_line(b, &rameti_codec_pi, scanner, left, offset, &len,
				      &terminated);
		if (e < 0)
			break;
		len += (uint32_t)terminated;
		left.ptr += len;
		left.len -= len;
		offset += len;
	}
	return e;
}

/* What read gives has to be released also when it failed. */
static int read_again(struct ramet_error *err)
{
	struct rameti_scanner *scanner = NULL;
	struct rameti_batch batch;
	int e;

	rameti_batch_init(&batch);
	e = rameti_reader_init(&r, &rameti_codec_pi, 7, no_entry, NULL, err);
	if (!e)
		e = rameti_scanner_new(&scanner, rameti_codec_pi.wants, rameti_codec_pi.n_wants, 0,
				       err);
	if (!e)
		e = scan_all(&batch, scanner);
	if (!e)
		e = rameti_reader_make_room(&r, &batch, err);
	if (!e)
		e = rameti_reader_feed(&r, &batch, err);
	if (!e)
		e = rameti_reader_finish(&r, err);
	rameti_scanner_free(scanner);
	rameti_batch_release(&batch);
	return e;
}

static int read_text(const char *quoted, struct ramet_error *err)
{
	ramet_buf_init(&text, TEXT_MAX);
	ramet_buf_add_str(&text, quoted);
	for (char *p = text.ptr; (p = strchr(p, '\'')) != NULL;)
		*p = '"';
	return read_again(err);
}

static void release(void)
{
	rameti_reader_release(&r);
	ramet_buf_release(&text);
}

static void has_finding(const char *code, uint64_t line)
{
	uint32_t i;

	for (i = 0; i < r.findings.n; i++)
		if (!strcmp(r.findings.items[i].code, code) && r.findings.items[i].line == line)
			return;
	fail_msg("no finding %s of line %u", code, (unsigned)line);
}

/* ---- formats ---- */

static void codec__is_found_by_name_and_by_its_first_bytes(void **state)
{
	(void)state;
	assert_string_equal(ramet_codec_name(0), "pi");
	assert_string_equal(ramet_codec_name(1), "pirust");
	assert_string_equal(ramet_codec_name(2), "ggcode");
	assert_string_equal(ramet_codec_name(3), "yoi");
	assert_null(ramet_codec_name(4));
	assert_ptr_equal(rameti_codec_find("pi"), &rameti_codec_pi);
	assert_null(rameti_codec_find("none"));
	assert_string_equal(ramet_codec_sniff(ramet_bytes_of("\n{")), "pi");
	assert_string_equal(ramet_codec_sniff(ramet_bytes_of("\xef\xbb\xbf{\"type\"")), "pi");
	assert_null(ramet_codec_sniff(ramet_bytes_of("SQLite format 3")));
	assert_null(ramet_codec_sniff(ramet_bytes_of("")));
}

/* ---- lines that are no entries ---- */

#define TEN "0123456789"

static void reader__names_what_is_odd(void **state)
{
	(void)state;
	assert_int_equal(read_text("no\n" HEAD_OF(",'version':3")
				   "'" TEN TEN TEN TEN TEN TEN TEN "'\n"     /* 2: long */
				   "{'a':1}5\n"                          /* 3: then no object */
				   "{'a':1}{'b':1}\n"                    /* 4 */
				   "{'a':1 \n"                           /* 5: ends too early */
				   "{'type':'x','id':'a','parentId':null}\r\n" /* 6 */
				   "{'type':'message','id':'b','parentId':'a','id':'b'}\r\n"
				   "\n\n", NULL), 0);
	has_finding("malformed", 1);
	has_finding("malformed", 3);
	has_finding("malformed", 4);
	has_finding("glued", 5);
	has_finding("malformed", 6);
	has_finding("crlf", 7);
	has_finding("unknown-type", 7);
	has_finding("duplicate-key", 8);
	has_finding("blank-line", 9);
	assert_int_equal(ramet_tree_count(r.tree), 2);
	assert_int_equal(r.n_lines, 10);
	release();
}

static void reader__needs_a_header_first(void **state)
{
	static const char *const others[] = {
		"", "\n\n", "7\n" HEAD_OF(""), LINE("'a'", "null"), "{'torn",
		"{'type':'session'}\n",
		"{'type':'session','id':7}\n", "{'type':'session','id':null}",
	};
	struct ramet_error err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(*others); i++) {
		assert_int_equal(read_text(others[i], &err), RAMET_EFORMAT);
		assert_int_equal(strncmp(err.text, "not a session: ", 15), 0);
		release();
		assert_int_equal(read_text(others[i], NULL), RAMET_EFORMAT);
		release();
	}
}

static void reader__shows_a_header_with_bad_utf8(void **state)
{
	(void)state;
	assert_int_equal(read_text("{'type':'session','version':3,'id':'\xff'}\n", NULL), 0);
	has_finding("bad-utf8", 1);
	release();
}

/* An empty stretch behind the last newline is no line; blanks are one. */
static void reader__counts_the_lines_there_are(void **state)
{
	struct rameti_odd empty = { .kind = RAMETI_ODD_BLANK };
	struct rameti_batch b;

	(void)state;
	assert_int_equal(read_text(HEAD_OF(",'version':3") "  ", NULL), 0);
	assert_int_equal(r.n_lines, 2);
	has_finding("blank-line", 2);
	rameti_batch_init(&b);
	assert_int_equal(rameti_batch_odd(&b, &empty), 0);
	r.n_blank = 0;
	assert_int_equal(rameti_reader_feed(&r, &b, NULL), 0);
	assert_int_equal(r.n_blank, 0);
	rameti_batch_release(&b);
	release();
}

/* ---- versions ---- */

static double version_of(const char *version)
{
	char head[200];
	double found;

	(void)snprintf(head, sizeof(head), "{'type':'session','version':%s,'id':'s'}\n", version);
	assert_int_equal(read_text(head, NULL), 0);
	found = r.header.version;
	release();
	return found;
}

static void header__version_is_compared_as_javascript_does(void **state)
{
	(void)state;
	assert_true(version_of("null") == 1);
	assert_true(version_of("true") == 1);
	assert_true(version_of("false") == 0);
	assert_true(version_of("2") == 2);
	assert_true(version_of("4.5") == 4.5);
	assert_true(version_of("''") == 0);
	assert_true(version_of("'2'") == 2);
	assert_true(version_of("'two'") == 3);
	assert_true(version_of("[1]") == 3);
	assert_true(version_of("{}") == 3);
}

/* The entry of a row as the current version has it; valid until the next call. */
static const char *entry_of(uint32_t row)
{
	static struct ramet_buf scratch = RAMET_BUF_INIT(TEXT_MAX);
	static char held[400];
	const struct ramet_row *facts = ramet_tree_row(r.tree, row);
	struct ramet_bytes line = { text.ptr + facts->offset, facts->length }, json;

	assert_int_equal(r.codec->entry(&r, row, line, &scratch, &json, NULL), 0);
	assert_true(json.len < sizeof(held));
	memcpy(held, json.ptr, json.len);
	held[json.len] = '\0';
	ramet_buf_release(&scratch);
	return held;
}

#define COMPACTION(index) "{'type':'compaction','firstKeptEntryIndex':" index "}\n"

static void entry__of_version_1_points_only_at_what_is_there(void **state)
{
	char first[60];
	uint32_t row;

	(void)state;
	assert_int_equal(read_text(HEAD_OF("") "{'type':'message','message':{'role':'user'}}\n"
				   COMPACTION("-1") COMPACTION("0.5") COMPACTION("1e10")
				   COMPACTION("0") COMPACTION("99") COMPACTION("8")
				   COMPACTION("'1'") COMPACTION("1"), NULL), 0);
	(void)snprintf(first, sizeof(first), "\"firstKeptEntryId\":\"%.*s\"",
		       RAMET_FMT(ramet_tree_id(r.tree, 0)));
	for (row = 1; row < 8; row++)
		assert_null(strstr(entry_of(row), "firstKeptEntryId"));
	assert_non_null(strstr(entry_of(7), "\"firstKeptEntryIndex\":\"1\""));
	assert_non_null(strstr(entry_of(8), first));
	assert_null(strstr(entry_of(8), "firstKeptEntryIndex"));
	assert_non_null(strstr(entry_of(0), "\"parentId\":null"));
	release();
}

static void entry__of_version_2_has_the_new_role(void **state)
{
	(void)state;
	assert_int_equal(read_text(HEAD_OF(",'version':2")
		"{'type':'message','id':'a','parentId':null,'message':{'role':'hookMessage'}}\n"
		"{'type':'message','id':'b','parentId':'a','message':{'role':'custom'}}\n", NULL),
		0);
	assert_non_null(strstr(entry_of(0), "\"message\":{\"role\":\"custom\"}"));
	assert_non_null(strstr(entry_of(1), "\"message\":{\"role\":\"custom\"}"));
	release();
}

/* ---- memory ---- */

static const char *const texts[] = {
	HEAD_OF(",'version':3") LINE("'a'", "null")
	"{'type':'x','id':'b','parentId':'a','id':'b'}\r\n"
	"{'type':'message','id':'c','parentId':'a','message':{'role':'user','content':'\xff'}}\n"
	"\n7\n0\nbad\n{'a':1}{'b':1}\n" HEAD_OF("") LINE("'d'", "'later'") "{'torn",
	HEAD_OF("") "{'type':'message'}\n{'type':'compaction','firstKeptEntryIndex':1}\n"
	"{'type':'message','message':{'role':'hookMessage'}}",
	"no\n{'type':'session','version':3,'id':'\xff'}\n" LINE("'a'", "null"),
};
#define N_TEXTS (sizeof(texts) / sizeof(*texts))

static void reader__survives_every_failing_allocation(void **state)
{
	struct ramet_error err;
	uint32_t found;
	unsigned n, reached;
	size_t i;
	int e;

	(void)state;
	for (i = 0; i < N_TEXTS; i++) {
		assert_int_equal(read_text(texts[i], NULL), 0);
		found = r.findings.n;
		rameti_reader_release(&r);
		for (n = 1, reached = 1; reached; n++) {
			failing_memory_start(n);
			err.code = 0;
			e = read_again(&err);
			assert_true(e == 0 || e == RAMET_ENOMEM);
			/* a finding for which there is no memory is counted */
			if (!e)
				assert_int_equal(r.findings.n + r.findings.n_dropped, found);
			rameti_reader_release(&r);
			reached = (unsigned)failing_memory_stop();
			assert_true(reached || !e);
		}
		assert_true(n > 10);
		ramet_buf_release(&text);
	}
}

static void entry__survives_every_failing_allocation(void **state)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_error err;
	struct ramet_bytes line, json;
	unsigned n, reached;
	uint32_t row;
	int e;

	(void)state;
	assert_int_equal(read_text(texts[1], NULL), 0);
	for (row = 0; row < ramet_tree_count(r.tree); row++) {
		line.ptr = text.ptr + ramet_tree_row(r.tree, row)->offset;
		line.len = ramet_tree_row(r.tree, row)->length;
		for (n = 1, reached = 1; reached; n++) {
			json.ptr = NULL;
			failing_memory_start(n);
			e = r.codec->entry(&r, row, line, &scratch, &json, &err);
			ramet_buf_release(&scratch);
			reached = (unsigned)failing_memory_stop();
			assert_int_equal(e, reached ? RAMET_ENOMEM : 0);
			assert_int_equal(json.ptr != NULL, !reached);
			if (e)
				assert_int_equal(err.code, e);
		}
		assert_true(n > 3);
	}
	release();
}

static void reader_pack__survives_every_failing_allocation(void **state)
{
	struct ramet_buf packed = RAMET_BUF_INIT(TEXT_MAX);
	struct rameti_reader copy;
	struct ramet_tree *tree;
	struct ramet_error err;
	unsigned n, reached;
	size_t i;
	int e;

	(void)state;
	for (i = 0; i < N_TEXTS; i++) {
		assert_int_equal(read_text(texts[i], NULL), 0);
		rameti_reader_pack(&r, &packed);
		assert_int_equal(ramet_buf_status(&packed), 0);
		for (n = 1, reached = 1; reached; n++) {
			failing_memory_start(n);
			e = rameti_tree_new(&tree, 7, no_entry, NULL, &err);
			if (!e)
				e = rameti_reader_unpack(&copy, &rameti_codec_pi, tree,
							 ramet_buf_bytes(&packed), &err);
			if (!e)
				rameti_reader_release(&copy);
			reached = (unsigned)failing_memory_stop();
			assert_int_equal(e, reached ? RAMET_ENOMEM : 0);
		}
		assert_true(n > 5);
		ramet_buf_release(&packed);
		release();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codec__is_found_by_name_and_by_its_first_bytes),
		cmocka_unit_test(reader__names_what_is_odd),
		cmocka_unit_test(reader__needs_a_header_first),
		cmocka_unit_test(reader__shows_a_header_with_bad_utf8),
		cmocka_unit_test(reader__counts_the_lines_there_are),
		cmocka_unit_test(header__version_is_compared_as_javascript_does),
		cmocka_unit_test(entry__of_version_1_points_only_at_what_is_there),
		cmocka_unit_test(entry__of_version_2_has_the_new_role),
		cmocka_unit_test(reader__survives_every_failing_allocation),
		cmocka_unit_test(entry__survives_every_failing_allocation),
		cmocka_unit_test(reader_pack__survives_every_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
