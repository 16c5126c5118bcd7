/*
 * bench/seal_session.c - a copy of a session with seals, as `ramet seal` makes them in between.
 *
 *     seal_session IN OUT EVERY            a seal behind each EVERY lines, and one at the end
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/lines.h"
#include "ramet.h"

struct copy {
	struct rameti_file from;
	struct rameti_lines lines;
	struct ramet_session *s;
	const char *path;
	FILE *to;
};

/* The next n lines; how many there were, or negative. */
static long copy_lines(struct copy *c, long n)
{
	struct rameti_lines_item item;
	long i;
	int r = 1;

	for (i = 0; i < n && (r = rameti_lines_next(&c->lines, &item, NULL)) > 0; i++)
		if (fwrite(item.text.ptr, 1, item.text.len, c->to) != item.text.len ||
		    fputc('\n', c->to) == EOF)
			return -1;
	return r < 0 || fflush(c->to) ? -1 : i;
}

static int start(struct copy *c, const char *from)
{
	struct stat st;
	int r = rameti_file_open(&c->from, from, RAMETI_FILE_READ, NULL);

	if (!r)
		r = rameti_file_stat(&c->from, &st, NULL);
	if (!r)
		r = rameti_lines_open(&c->lines, &c->from, 0, (uint64_t)st.st_size,
				      RAMET_JSON_LEN_MAX, NULL);
	c->to = fopen(c->path, "ax");
	return !r && c->to && copy_lines(c, 1) == 1 ? 0 : -1;
}

static int seal_all(struct copy *c, long every)
{
	const struct ramet_open_opts opts = { .level = RAMET_LEVEL_NONE };
	struct ramet_sealed sealed;
	long n = every;
	int r = ramet_session_open(&c->s, c->path, &opts, NULL);

	while (!r && n == every) {
		n = copy_lines(c, every);
		r = n < 0 ? -1 : ramet_session_seal(c->s, NULL, &sealed, NULL);
	}
	ramet_session_close(c->s);
	return r;
}

int main(int argc, char **argv)
{
	struct copy c = { .from = RAMETI_FILE_INIT };
	long every = argc == 4 ? (long)strtoul(argv[3], NULL, 10) : 0;

	if (every < 1) {
		(void)fputs("usage: seal_session IN OUT EVERY\n", stderr);
		return 2;
	}
	c.path = argv[2];
	if (start(&c, argv[1]) < 0 || seal_all(&c, every) < 0 || fclose(c.to)) {
		(void)fputs("seal_session: failed\n", stderr);
		return 1;
	}
	return 0;
}
