/*
 * probe_sqlite.c - databases of sessions, for run_sqlite.py.
 *
 *     make FILE        a session of standard input (JSONL) into sqlite:FILE
 *     append FILE ID   lines of standard input behind it
 *     text FILE ID     the session as JSONL
 *     list FILE        id, message count, name, first message: a line each, tabs between
 *     check FILE       what is wrong with it; nothing when it is sound
 *     pirust-make FILE, pirust-append FILE, pirust-text FILE: the same for NAME.sqlite
 *     index-refresh DIR, index-list DIR: the session index of pi_agent_rust
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ramet.h"
#include "ramet/pirust.h"
#include "store/home_pirust_sqlite.h"
#include "store/home_sqlite.h"

static struct ramet_error err;

static int read_input(struct ramet_buf *b)
{
	ssize_t n;

	do {
		if (ramet_buf_reserve(b, 65536) < 0)
			return RAMET_ENOMEM;
		n = read(STDIN_FILENO, b->ptr + b->len, 65536);
		b->len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	return n < 0 ? RAMET_EIO : 0;
}

static void print(const struct ramet_buf *b)
{
	(void)fwrite(b->ptr ? b->ptr : "", 1, b->len, stdout);
}

static int print_info(void *user, const struct ramet_session_info *i)
{
	(void)user;
	(void)printf("%.*s\t%d\t%.*s\t%.*s\n", RAMET_FMT(i->id), (int)i->message_count,
		     RAMET_FMT(i->name), RAMET_FMT(i->first_message));
	return 0;
}

static int print_row(void *user, const struct ramet_pirust_index_row *i)
{
	(void)user;
	(void)printf("%.*s\t%.*s\t%.*s\t%d\t%.*s\t%lld\t%llu\n", RAMET_FMT(i->path),
		     RAMET_FMT(i->id), RAMET_FMT(i->cwd), (int)i->message_count,
		     RAMET_FMT(i->name), (long long)i->last_modified_ms,
		     (unsigned long long)i->size);
	return 0;
}

static int run_home(const char *verb, const char *file, const char *id, struct ramet_buf *b)
{
	struct rameti_sqlite_opts opts = { !strcmp(verb, "make"), RAMET_LEVEL_EACH, 0 };
	struct rameti_sqlite_end end;
	struct rameti_sqlite *h;
	int r = rameti_sqlite_open(&h, file, &opts, &err);

	if (r < 0)
		return r;
	if (!strcmp(verb, "make")) {
		r = rameti_sqlite_create(h, ramet_buf_bytes(b), &end, &err);
	} else if (!strcmp(verb, "list")) {
		r = rameti_sqlite_list(h, 0, print_info, NULL, &err);
	} else if (!strcmp(verb, "check")) {
		r = rameti_sqlite_check(h, b, &err);
		print(b);
	} else {
		struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);

		r = rameti_sqlite_load(h, ramet_bytes_of(id), &text, &end, NULL, &err);
		if (!r && !strcmp(verb, "append"))
			r = rameti_sqlite_append(h, &end, ramet_buf_bytes(b), 1, &err);
		else if (!r)
			print(&text);
		ramet_buf_release(&text);
	}
	rameti_sqlite_close(h);
	return r;
}

static int run_pirust(const char *verb, const char *file, struct ramet_buf *b)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_pirust_sqlite *h;
	int r;

	if (!strcmp(verb, "pirust-make"))
		return rameti_pirust_sqlite_create(file, ramet_buf_bytes(b), 1, &err);
	r = rameti_pirust_sqlite_open(&h, file, NULL, &err);
	if (r < 0)
		return r;
	r = rameti_pirust_sqlite_load(h, &text, &err);
	if (!r && !strcmp(verb, "pirust-append"))
		r = rameti_pirust_sqlite_append(h, ramet_buf_bytes(b), 1, &err);
	else if (!r)
		print(&text);
	ramet_buf_release(&text);
	rameti_pirust_sqlite_close(h);
	return r;
}

int main(int argc, char **argv)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH];
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = 0;

	if (argc < 3)
		return 2;
	if (strstr(argv[1], "make") || strstr(argv[1], "append"))
		r = read_input(&b);
	if (r < 0)
		return 2;
	if (!strcmp(argv[1], "index-refresh"))
		r = ramet_pirust_index_refresh(argv[2], NULL, &err);
	else if (!strcmp(argv[1], "index-list"))
		r = ramet_pirust_index_list(argv[2], NULL, print_row, NULL, &err);
	else if (!strncmp(argv[1], "pirust-", 7))
		r = run_pirust(argv[1], argv[2], &b);
	else
		r = run_home(argv[1], argv[2], argc > 3 ? argv[3] : "", &b);
	if (r < 0) {
		ramet_error_print(&err, text, sizeof(text));
		(void)fprintf(stderr, "%s %s\n", ramet_code_name(r), text);
	}
	ramet_buf_release(&b);
	return r < 0;
}
