/*
 * test_made.c - what an encoder tells of a record without looking at it again, against reading it:
 * how many entries it makes and under which id, and that the original takes it. Over all lines of
 * the golden files and over messages of any shape.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <ftw.h>
#include <unistd.h>

#include "codec/codec.h"
#include "codec/ggcode.h"
#include "codec/yoi.h"
#include "json/scan.h"
#include "ramet.h"

#define TEXT_MAX ((size_t)1 << 28)
#define N_MESSAGES 60000u

static struct ramet_buf out = RAMET_BUF_INIT(TEXT_MAX);
static struct rameti_encoder encoder;
static struct rameti_scanner *scanner;
static struct rameti_batch batch;
static struct ramet_json_doc doc;
static unsigned told, untold;

static void begin(const struct rameti_codec *codec, int dialect)
{
	const struct ramet_bytes none = { NULL, 0 };

	assert_int_equal(rameti_encoder_init(&encoder, codec, NULL, none, NULL), 0);
	encoder.dialect = dialect;
	ramet_buf_add_str(&encoder.id, "0197f0f0-0000-7000-8000-000000000001");
	assert_int_equal(rameti_scanner_new(&scanner, codec->wants, codec->n_wants, 0, NULL), 0);
	rameti_batch_init(&batch);
	told = untold = 0;
}

static void end(void)
{
	rameti_encoder_release(&encoder);
	rameti_scanner_free(scanner);
	rameti_batch_release(&batch);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&out);
}

/* May the original read this line? */
static int is_fine(struct ramet_bytes line)
{
	char why[160];

	if (ramet_json_parse(&doc, line, 0, NULL) < 0)
		return 0;
	if (encoder.codec == &rameti_codec_ggcode)
		return rameti_gg_record_fits(ramet_json_root(&doc));
	return !ramet_json_parse(&doc, line, RAMET_JSON_STRICT, NULL) &&
	       !rameti_yoi_strict(ramet_json_root(&doc),
				  encoder.dialect ? encoder.dialect : RAMETI_YOI_G2, why,
				  sizeof(why));
}

/* Looks at all that was written as reading does. */
static void read_lines(void)
{
	struct ramet_bytes left = ramet_buf_bytes(&out);
	uint64_t at = 4096; /* not the first line */
	int terminated;
	uint32_t len;

	rameti_batch_reset(&batch);
	while (left.len) {
		assert_int_equal(rameti_batch_line(&batch, encoder.codec, scanner, left, at, &len,
						   &terminated),
				 0);
		assert_true(terminated);
		if (!is_fine((struct ramet_bytes){ left.ptr, len }))
			fail_msg("not readable: %.*s", (int)len, left.ptr);
		left.ptr += len + 1;
		left.len -= len + 1;
		at += len + 1;
	}
}

static void check(struct ramet_bytes entry)
{
	struct ramet_bytes id;

	if (ramet_json_parse(&doc, entry, 0, NULL) < 0 ||
	    ramet_json_kind(ramet_json_root(&doc)) != RAMET_JSON_OBJECT)
		return;
	ramet_buf_reset(&out);
	encoder.made = -1;
	assert_true(encoder.codec->encode(&encoder, entry, &out, NULL) >= 0);
	read_lines();
	id = ramet_buf_bytes(&encoder.entry_id);
	if (encoder.made < 0 || !id.len) {
		untold++;
		return;
	}
	told++;
	if (encoder.made != 1 || batch.n != 1 ||
	    !ramet_bytes_eq(id, (struct ramet_bytes){ batch.ids.ptr, batch.id_len[0] }))
		fail_msg("told %d, found %u: %.*s", encoder.made, batch.n, RAMET_FMT(entry));
}

/* ---- golden files ---- */

static int check_file(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	static char text[1 << 20];
	const char *name = strrchr(path, '.');
	struct ramet_bytes line = { text, 0 };
	FILE *f;
	size_t n;

	(void)place;
	if (kind != FTW_F || !name || strcmp(name, ".jsonl") || st->st_size > (off_t)sizeof(text))
		return 0;
	f = fopen(path, "rb");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text), f);
	(void)fclose(f);
	for (; line.ptr < text + n; line.ptr += line.len + 1) {
		line.len = rameti_scan_newline(
			(struct ramet_bytes){ line.ptr, (size_t)(text + n - line.ptr) });
		check(line);
	}
	return 0;
}

static void golden(const struct rameti_codec *codec, int dialect)
{
	begin(codec, dialect);
	assert_int_equal(nftw("tests/golden", check_file, 16, FTW_PHYS), 0);
	assert_true(told + untold > 100);
	end();
}

static void ggcode__tells_what_reading_finds_in_golden_files(void **state)
{
	(void)state;
	golden(&rameti_codec_ggcode, 0);
}

static void yoi__tells_what_reading_finds_in_golden_files(void **state)
{
	(void)state;
	golden(&rameti_codec_yoi, RAMETI_YOI_G2);
	golden(&rameti_codec_yoi, RAMETI_YOI_BRIDGE);
}

/* ---- messages of any shape ---- */

static uint64_t seed;

static unsigned pick(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 20) % n;
}

#define ONE_OF(list) (list[pick(sizeof(list) / sizeof((list)[0]))])

static const char *const values[] = {
	"\"x\"", "\"\"", "7", "-1.5e3", "1e400", "null", "true", "false", "[]", "{}", "[\"a\"]",
	"{\"a\":[1,{\"b\":null}]}", "\"a\\nb\\\"\\\\\"", "\"\\u0041\\/\"", "\"\\ud800\"",
	"\"\\ud83d\\ude00\"", "\"\xe2\x80\xa8 \xe2\x82\xac\"", "\"\xff\xed\xa0\x80\"",
	"\"\\u2028\"",
	"[{\"type\":\"text\",\"text\":\"t\"}]", "{ \"a\" : 1 }",
};

static void put_value(struct ramet_buf *b)
{
	ramet_buf_add_str(b, ONE_OF(values));
}

static void put_block(struct ramet_buf *b)
{
	static const char *const types[] = {
		"\"text\"", "\"text\"", "\"thinking\"", "\"toolCall\"", "\"image\"",
		"\"tool_result\"", "\"tool_use\"", "\"strange\"", "7", "\"te\\u0078t\"",
	};
	static const char *const keys[] = {
		"text", "text", "thinking", "thinkingSignature", "id", "name", "arguments", "data",
		"mimeType", "redacted", "Text", "input", "images", "is_error", "cache", "TYPE",
		"tool_id", "output", "textSignature", "yoi", "te\\u0078t",
	};
	unsigned n = pick(4);

	ramet_buf_add_str(b, "{\"type\":");
	ramet_buf_add_str(b, ONE_OF(types));
	while (n--) {
		ramet_buf_addf(b, ",\"%s\":", ONE_OF(keys));
		put_value(b);
	}
	ramet_buf_add_char(b, '}');
}

static void put_content(struct ramet_buf *b)
{
	unsigned n = pick(4);

	if (!pick(5)) {
		put_value(b);
		return;
	}
	ramet_buf_add_char(b, '[');
	while (n) {
		put_block(b);
		if (--n)
			ramet_buf_add_char(b, ',');
	}
	ramet_buf_add_char(b, ']');
}

static void put_message(struct ramet_buf *b)
{
	static const char *const roles[] = {
		"\"user\"", "\"user\"", "\"assistant\"", "\"assistant\"", "\"toolResult\"",
		"\"toolResult\"", "\"system\"", "\"custom\"", "\"bashExecution\"", "\"tool\"", "5",
		"\"us\\u0065r\"",
	};
	static const char *const keys[] = {
		"timestamp", "api", "toolCallId", "toolName", "isError", "details", "id", "ID",
		"Role", "Content", "output", "type", "images", "yoi", "usage", "sections",
		"excludeFromContext", "content", "model",
	};
	unsigned n = pick(4);

	ramet_buf_add_str(b, "{\"role\":");
	ramet_buf_add_str(b, ONE_OF(roles));
	ramet_buf_add_str(b, ",\"content\":");
	put_content(b);
	while (n--) {
		ramet_buf_addf(b, ",\"%s\":", ONE_OF(keys));
		put_value(b);
	}
	ramet_buf_add_char(b, '}');
}

static void put_entry(struct ramet_buf *b, unsigned i)
{
	static const char *const types[] = {
		"\"message\"", "\"message\"", "\"message\"", "\"message\"", "\"message\"",
		"\"custom_message\"", "\"branch_summary\"", "\"label\"", "\"session\"", "\"odd\"",
		"5", "\"custom\"", "\"usage\"", "\"sess\\u0069on\"",
	};
	static const char *const ids[] = { "\"i%u\"", "\"i%u\"", "\"i%u\"", "\"\\u0069%u\"", "%u",
					   "\"\xff%u\"", "\"\\ud800%u\"" };
	static const char *const times[] = { "\"2026-08-22T14:00:07.250Z\"", "\"never\"", "7",
					     "\"-001000-01-01T00:00:00.000Z\"", "null" };

	ramet_buf_reset(b);
	ramet_buf_add_str(b, "{\"type\":");
	ramet_buf_add_str(b, ONE_OF(types));
	if (pick(16)) {
		ramet_buf_add_str(b, ",\"id\":");
		ramet_buf_addf(b, ONE_OF(ids), i);
	}
	ramet_buf_addf(b, ",\"parentId\":null,\"timestamp\":%s,\"message\":",
		       pick(4) ? times[0] : ONE_OF(times));
	put_message(b);
	if (!pick(4)) {
		ramet_buf_add_str(b, ",\"content\":");
		put_content(b);
	}
	ramet_buf_add_char(b, '}');
}

static void any_shape(const struct rameti_codec *codec, int dialect)
{
	struct ramet_buf entry = RAMET_BUF_INIT(TEXT_MAX);
	unsigned i;

	begin(codec, dialect);
	seed = UINT64_C(88172645463325252);
	for (i = 0; i < N_MESSAGES; i++) {
		put_entry(&entry, i);
		check(ramet_buf_bytes(&entry));
	}
	assert_true(told > N_MESSAGES / 4);
	ramet_buf_release(&entry);
	end();
}

static void ggcode__tells_what_reading_finds_in_any_message(void **state)
{
	(void)state;
	any_shape(&rameti_codec_ggcode, 0);
}

static void yoi__tells_what_reading_finds_in_any_message(void **state)
{
	(void)state;
	any_shape(&rameti_codec_yoi, RAMETI_YOI_G2);
	any_shape(&rameti_codec_yoi, RAMETI_YOI_BRIDGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ggcode__tells_what_reading_finds_in_golden_files),
		cmocka_unit_test(yoi__tells_what_reading_finds_in_golden_files),
		cmocka_unit_test(ggcode__tells_what_reading_finds_in_any_message),
		cmocka_unit_test(yoi__tells_what_reading_finds_in_any_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
