/*
 * Any bytes as a line: every instruction set gives the same verdict and the same members, the
 * verdict is the tape's, and what was found lies inside the line.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json/scan.h"

#define N_WANTS 4
#define LEVELS 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct rameti_want wants[N_WANTS] = {
	{ -1, { "id", 2 } },
	{ -1, { "message", 7 } },
	{ 1, { "role", 4 } },
	{ 1, { "content", 7 } },
};
static struct rameti_scanner *scanners[LEVELS];

static void must(int ok)
{
	if (!ok)
		abort();
}

static void make_scanners(void)
{
	int i;

	for (i = 0; i < LEVELS; i++)
		if (!scanners[i] && rameti_scanner_new(&scanners[i], wants, N_WANTS, i, NULL) < 0)
			scanners[i] = NULL;
	must(scanners[0] != NULL);
}

static void same_line(const struct rameti_line *a, const struct rameti_line *b)
{
	must(a->len == b->len && a->kind == b->kind && a->trouble == b->trouble);
	must(a->terminated == b->terminated && a->error_at == b->error_at);
	must(a->kind == RAMETI_LINE_BAD || a->bad_utf8 == b->bad_utf8);
}

/* A line that is one value parses, to the same kind; one that is not does not. */
static void same_as_tape(struct ramet_bytes text, const struct rameti_line *line)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_bytes own = { text.ptr, line->len };
	int r = ramet_json_parse(&doc, own, 0, NULL);
	int kind = r < 0 ? RAMET_JSON_NONE : ramet_json_kind(ramet_json_root(&doc));

	must((r == 0) == (line->kind == RAMETI_LINE_OBJECT || line->kind == RAMETI_LINE_VALUE));
	must((kind == RAMET_JSON_OBJECT) == (line->kind == RAMETI_LINE_OBJECT));
	ramet_json_doc_release(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ramet_bytes text = { (const char *)data, len };
	struct rameti_found first[N_WANTS], found[N_WANTS];
	struct rameti_line line, other;
	int i, k;

	make_scanners();
	must(rameti_scan_line(scanners[0], text, &line, first) == 0);
	must(line.len <= len && line.terminated == (line.len < len));
	for (k = 0; k < N_WANTS; k++)
		must(first[k].at + (uint64_t)first[k].len <= line.len);
	for (i = 1; i < LEVELS; i++) {
		if (!scanners[i])
			continue;
		must(rameti_scan_line(scanners[i], text, &other, found) == 0);
		same_line(&line, &other);
		must(line.kind != RAMETI_LINE_OBJECT || !memcmp(first, found, sizeof(found)));
	}
	must(rameti_scan_newline(text) == line.len);
	same_as_tape(text, &line);
	return 0;
}
