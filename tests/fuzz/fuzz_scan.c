/*
 * fuzz_scan.c - lines of any bytes: every version of the scan says what the slow twin says, and
 * what it found lies inside the line. The first byte of the input shifts the text in memory.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "json/index_priv.h"

#define WANT(parent, name) { (parent), { (name), sizeof(name) - 1 } }
static const struct rameti_want wants[] = {
	WANT(-1, "type"), WANT(-1, "id"), WANT(-1, "message"), WANT(2, "role"), WANT(2, "content"),
	WANT(-1, ""), WANT(-1, "a\\")
};
enum { N_WANTS = sizeof(wants) / sizeof(*wants), LEVELS = 5 };

static struct rameti_scanner *scanners[LEVELS];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int i;

	(void)argc, (void)argv;
	for (i = 1; i < LEVELS; i++)
		if (rameti_scanner_new(&scanners[i], wants, N_WANTS, i, NULL) < 0)
			scanners[i] = NULL;
	return 0;
}

static void check_line(struct ramet_bytes text, const struct rameti_line *line,
		       const struct rameti_found *found)
{
	static uint64_t words[RAMETI_DEPTH_WORDS];
	uint32_t at;
	int i, trouble, good = line->kind == RAMETI_LINE_OBJECT || line->kind == RAMETI_LINE_VALUE;

	assert(line->len == rameti_scan_newline(text));
	trouble = (int)rameti_json_explain(text.ptr, line->len, words, &at);
	assert(good == (trouble == RAMETI_TROUBLE_NONE));
	assert((line->kind == RAMETI_LINE_BLANK) == rameti_json_is_blank(text.ptr, line->len));
	assert(good || line->kind == RAMETI_LINE_BLANK || (line->trouble && line->error_at == at));
	assert(!good || line->bad_utf8 == !rameti_utf8_valid_plain(text.ptr, line->len));
	for (i = 0; i < N_WANTS; i++)
		assert((uint64_t)found[i].at + found[i].len <= line->len &&
		       (good || !found[i].kind));
}

static void check_text(struct ramet_bytes text)
{
	struct rameti_found found[2][N_WANTS];
	struct rameti_line line[2];
	int i;

	for (i = 1; i < LEVELS; i++) {
		if (!scanners[i])
			continue;
		assert(rameti_scan_line(scanners[i], text, &line[i > 1], found[i > 1]) == 0);
		check_line(text, &line[i > 1], found[i > 1]);
		assert(line[i > 1].kind == line[0].kind && line[i > 1].trouble == line[0].trouble);
		assert(!memcmp(found[i > 1], found[0], sizeof(found[0])));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ramet_bytes text, type;
	size_t shift = len ? data[0] & 63 : 0;
	char *copy;

	if (!len)
		return 0;
	copy = ramet_alloc(shift + len);
	assert(copy);
	memset(copy, '"', shift + 1);
	memcpy(copy + shift, data + 1, len - 1);
	text = (struct ramet_bytes){ copy + shift, len - 1 };
	check_text(text);
	(void)rameti_scan_head_type(text, &type);
	(void)rameti_utf16_len(text);
	ramet_free(copy);
	return 0;
}
