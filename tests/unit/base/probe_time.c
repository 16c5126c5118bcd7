/*
 * tests/unit/base/probe_time.c - lines in, milliseconds or "null" out.
 *
 * For time_differential.mjs, which holds rameti_time_parse against a JavaScript engine. With the
 * argument "format" the lines are milliseconds and the answers texts.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static void answer(const char *line, size_t len, int format)
{
	struct ramet_bytes text = { line, len };
	char out[32];
	int64_t ms;

	if (format) {
		rameti_time_format(strtoll(line, NULL, 10), out);
		puts(out);
		return;
	}
	ms = rameti_time_parse(text);
	if (ms == RAMETI_TIME_NONE)
		puts("null");
	else
		printf("%" PRId64 "\n", ms);
}

int main(int argc, char **argv)
{
	int format = argc > 1 && strcmp(argv[1], "format") == 0;
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	while ((len = getline(&line, &cap, stdin)) >= 0) {
		if (len && line[len - 1] == '\n')
			line[--len] = '\0';
		answer(line, (size_t)len, format);
	}
	free(line);
	return 0;
}
