/*
 * records.c and records_ahead.c: every stored line and its entries, in order; the same whether a
 * thread reads ahead or not.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <stdio.h>
#include <unistd.h>
#include "store/records_priv.h"

#define LINES 9000
#define ALL (RAMETI_AHEAD_ENTRIES | RAMETI_AHEAD_QUOTED)

static const struct rameti_ahead_job all = { .makes = ALL };

static char path[TEMP_PATH];
static unsigned n_quoted;

static const char gg_meta[] = "{\"type\":\"meta\",\"session_id\":\"s1\",\"title\":\"t\"}\n";
static const char gg_line[] = "{\"type\":\"message\",\"session_id\":\"s1\",\"message\":{"
			      "\"id\":\"m%d\",\"role\":\"assistant\",\"content\":["
			      "{\"type\":\"text\",\"text\":\"%0100d\"},"
			      "{\"type\":\"tool_use\",\"tool_id\":\"t\",\"tool_name\":\"ls\","
			      "\"input\":{}}]}}\n";
static const char pi_line[] = "{\"type\":\"message\",\"id\":\"%08x\",\"parentId\":null,"
			      "\"timestamp\":\"2026-03-01T10:00:01.000Z\",\"message\":{"
			      "\"role\":\"user\",\"content\":\"%0100d\"}}\n";

/* 1.5 MB and more, with lines of every kind in between. */
static void make_big(const char *format)
{
	int i, gg = !strcmp(format, "ggcode");
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	(void)fputs(gg ? gg_meta : dq(HEAD), f);
	for (i = 0; i < LINES; i++) {
		if (i % 1000 == 3)
			(void)fputs("no json\n", f);
		if (i % 1000 == 5)
			(void)fputs(" \t\n\n", f);
		if (gg)
			(void)fprintf(f, gg_line, i, i);
		else
			(void)fprintf(f, pi_line, (unsigned)i + 1, i);
	}
	(void)fputs("{\"type\":\"torn", f);
	assert_int_equal(fclose(f), 0);
}

static void add_record(struct rameti_records *records, const struct rameti_record *r, int twice,
		       struct ramet_buf *out)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(1 << 20), again = RAMET_BUF_INIT(1 << 20);
	struct ramet_bytes json, quoted;
	uint32_t row;

	if (rameti_records_quoted(records, &quoted)) {
		ramet_buf_add_json_string(&scratch, r->stored);
		if (twice) {
			ramet_buf_add_json_string(&again, ramet_buf_bytes(&scratch));
			assert_int_equal(quoted.len, again.len - 2);
			assert_memory_equal(quoted.ptr, again.ptr + 1, quoted.len);
		} else {
			assert_true(ramet_bytes_eq(ramet_buf_bytes(&scratch), quoted));
		}
		n_quoted++;
	}
	ramet_buf_addf(out, "%u %u %d %d %.*s|%.*s\n", r->first, r->n, r->is_header, r->is_before,
		       RAMET_FMT(r->stored), RAMET_FMT(r->line));
	for (row = r->first; row < r->first + r->n; row++) {
		ramet_buf_reset(&scratch);
		must(rameti_records_entry(records, r, row, &scratch, &json, &why));
		ramet_buf_addf(out, "  %.*s\n", RAMET_FMT(json));
	}
	ramet_buf_release(&scratch);
	ramet_buf_release(&again);
}

/* All of a session as text; ahead: 0 not, 1 lines, 2 entries too, 3 also as strings, but for
 * half of the rows, 4 as strings in strings. */
static void tell(struct ramet_session *s, int ahead, struct ramet_buf *out)
{
	static const unsigned makes[] = { 0, 0, RAMETI_AHEAD_ENTRIES, ALL,
					  ALL | RAMETI_AHEAD_TWICE };
	static uint8_t skip[LINES];
	const struct rameti_ahead_job job = { .makes = makes[ahead],
					      .skip = ahead >= 3 ? skip : NULL };
	struct rameti_records records;
	struct rameti_record r;
	int found, n = 0;

	memset(skip, 0xa5, sizeof(skip));
	ramet_buf_reset(out);
	must(rameti_records_open(&records, s, &why));
	if (ahead)
		rameti_records_ahead(&records, &job);
	while ((found = rameti_records_next(&records, &r, &why)) == 1) {
		if (!n++)
			(void)usleep(50000);
		add_record(&records, &r, ahead == 4, out);
	}
	assert_int_equal(found, 0);
	assert_int_equal(rameti_records_next(&records, &r, &why), 0);
	rameti_records_close(&records);
}

static void records__are_the_same_read_ahead(void **state)
{
	static const char *const formats[] = { "pi", "ggcode" };
	struct ramet_buf want = RAMET_BUF_INIT(SIZE_MAX / 2), got = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_session *s;
	int i, ahead;

	(void)state;
	for (i = 0; i < 2; i++) {
		make_big(formats[i]);
		s = opened(path);
		tell(s, 0, &want);
		assert_true(want.len > (2u << 20));
		for (ahead = 1; ahead <= 4; ahead++) {
			n_quoted = 0;
			tell(s, ahead, &got);
			/* as many as the thread had the time for */
			assert_in_range(n_quoted, ahead >= 3, ahead >= 3 ? LINES / 2 : 0);
			assert_true(ramet_bytes_eq(ramet_buf_bytes(&want), ramet_buf_bytes(&got)));
		}
		ramet_session_close(s);
	}
	ramet_buf_release(&want);
	ramet_buf_release(&got);
}

/* Lines that are passed over are counted, and all others told. */
static void records__pass_lines_over(void **state)
{
	static uint8_t pass[LINES];
	struct rameti_records records;
	struct rameti_record r;
	struct ramet_session *s;
	uint32_t i, n, rows, lines;
	int ahead, found;

	(void)state;
	make_big("pi");
	for (i = 0; i < LINES; i++)
		pass[i / 8] |= (uint8_t)((i % 700 != 0) << (i % 8));
	s = opened(path);
	for (ahead = 0; ahead < 2; ahead++) {
		must(rameti_records_open(&records, s, &why));
		rameti_records_pass(&records, pass);
		if (ahead)
			rameti_records_ahead(&records, &all);
		n = rows = lines = 0;
		while ((found = rameti_records_next(&records, &r, &why)) == 1) {
			n += r.passed + 1;
			rows += r.n;
			lines += !r.n;
			assert_true(!r.n || r.first % 700 == 0 || r.first % 1000 == 3);
		}
		assert_int_equal(found, 0);
		rameti_records_close(&records);
		/* the header and the torn one */
		assert_int_equal(lines, LINES / 1000 + 2);
		assert_int_equal(n, LINES + lines);
		assert_true(rows < LINES / 50);
	}
	ramet_session_close(s);
}

static void records__may_be_left_at_any_time(void **state)
{
	struct rameti_records records;
	struct rameti_record r;
	struct ramet_session *s;
	uint32_t n, i;

	(void)state;
	make_big("pi");
	s = opened(path);
	for (n = 0; n < 4 * LINES / 3; n += 1500) {
		must(rameti_records_open(&records, s, &why));
		rameti_records_ahead(&records, &all);
		for (i = 0; i < n && rameti_records_next(&records, &r, &why) == 1; i++)
			;
		rameti_records_close(&records);
	}
	ramet_session_close(s);
}

/* What was there before the line that is another one now is still told. */
static void records__tell_when_the_file_was_changed(void **state)
{
	struct rameti_records records;
	struct rameti_record r;
	struct ramet_session *s;
	uint32_t n[2] = { 0, 0 };
	int ahead, found;
	FILE *f;

	(void)state;
	make_big("pi");
	s = opened(path);
	f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, 1 << 20, SEEK_SET), 0);
	(void)fputc('#', f);
	assert_int_equal(fclose(f), 0);
	for (ahead = 0; ahead < 2; ahead++) {
		must(rameti_records_open(&records, s, &why));
		if (ahead)
			rameti_records_ahead(&records, &all);
		while ((found = rameti_records_next(&records, &r, &why)) == 1)
			n[ahead]++;
		assert_int_equal(found, RAMET_ECONFLICT);
		assert_non_null(strstr(why.text, "was changed while it was open"));
		rameti_records_close(&records);
	}
	assert_int_equal(n[0], n[1]);
	assert_true(n[0] > 1000);
	ramet_session_close(s);
}

/* A summary and the checkpoint that names it, over and over. */
static void make_compactions(void)
{
	static const char said[] =
		"{\"type\":\"message\",\"session_id\":\"s1\",\"message\":{\"id\":\"m%d\","
		"\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":"
		"\"[Previous conversation summary]\\n%0*d\"}]}}\n"
		"{\"type\":\"checkpoint\",\"session_id\":\"s1\","
		"\"checkpoint_summary_msg_id\":\"m%d\",\"checkpoint_tokens\":5}\n";
	FILE *f = fopen(path, "w");
	int i;

	assert_non_null(f);
	(void)fputs(gg_meta, f);
	for (i = 0; i < LINES; i++)
		(void)fprintf(f, said, i, 100 + i % 50, i, i);
	assert_int_equal(fclose(f), 0);
}

/* Entries that are made of other lines, too, while the thread makes the same or others. */
static void make_all(struct ramet_session *s, int ahead, struct ramet_buf *out)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(1 << 20);
	struct rameti_records records;
	struct rameti_record r;
	struct ramet_bytes json;
	int found, k;

	ramet_buf_reset(out);
	must(rameti_records_open(&records, s, &why));
	if (ahead)
		rameti_records_ahead(&records, &all);
	while ((found = rameti_records_next(&records, &r, &why)) == 1) {
		for (k = 0; r.n && k < 4; k++)
			must(rameti_records_make(&records, &r, r.first, &scratch, &json, &why));
		if (r.n)
			ramet_buf_addf(out, "%.*s\n", RAMET_FMT(json));
	}
	assert_int_equal(found, 0);
	rameti_records_close(&records);
	ramet_buf_release(&scratch);
}

static void records__make_entries_of_other_lines_in_two_threads(void **state)
{
	struct ramet_buf want = RAMET_BUF_INIT(SIZE_MAX / 2), got = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_session *s;

	(void)state;
	make_compactions();
	s = opened(path);
	make_all(s, 0, &want);
	assert_non_null(strstr(want.ptr, "\"type\":\"compaction\""));
	make_all(s, 1, &got);
	assert_true(ramet_bytes_eq(ramet_buf_bytes(&want), ramet_buf_bytes(&got)));
	ramet_session_close(s);
	ramet_buf_release(&want);
	ramet_buf_release(&got);
}

/* Then they are read as they are asked for, or the failure is told. */
static void records__are_read_ahead_or_not_without_memory(void **state)
{
	struct rameti_records records;
	struct rameti_record r;
	struct ramet_session *s;
	unsigned n, reached = 1;
	int found = 0;

	(void)state;
	make_big("ggcode");
	s = opened(path);
	for (n = 1; reached; n += n / 8 + 1) {
		must(rameti_records_open(&records, s, &why));
		scarce_start(n);
		rameti_records_ahead(&records, &all);
		while ((found = rameti_records_next(&records, &r, &why)) == 1)
			;
		reached = (unsigned)scarce_stop();
		assert_true(found == 0 || found == RAMET_ENOMEM);
		rameti_records_close(&records);
	}
	assert_int_equal(found, 0);
	ramet_session_close(s);
}

static int make_dir(void **state)
{
	char *dir = temp_dir_new();

	*state = dir;
	(void)snprintf(path, sizeof(path), "%s", temp_path(dir, "s.jsonl"));
	return 0;
}

static int drop_dir(void **state)
{
	temp_dir_remove(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records__are_the_same_read_ahead),
		cmocka_unit_test(records__pass_lines_over),
		cmocka_unit_test(records__may_be_left_at_any_time),
		cmocka_unit_test(records__tell_when_the_file_was_changed),
		cmocka_unit_test(records__make_entries_of_other_lines_in_two_threads),
		cmocka_unit_test(records__are_read_ahead_or_not_without_memory),
	};

	return cmocka_run_group_tests_name("records", tests, make_dir, drop_dir);
}
