/*
 * points_world.c - what a scenario works with: files, handles, marks, and the ledger of answers.
 */
#include "points.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- files that are there at the start ---- */

static void put_line(char *line, size_t size, int version, unsigned i, const char *mark)
{
	const char *role = i % 2 ? "user" : "assistant";
	char ids[64] = "", parent[16] = "null";

	if (i > 1)
		(void)snprintf(parent, sizeof(parent), "\"g%03u\"", i - 1);
	if (version > 1)
		(void)snprintf(ids, sizeof(ids), "\"id\":\"g%03u\",\"parentId\":%s,", i, parent);
	(void)snprintf(line, size,
		       "{\"type\":\"message\",%s\"timestamp\":\"2026-03-01T10:00:%02u.000Z\","
		       "\"message\":{\"role\":\"%s\",\"content\":[{\"type\":\"text\","
		       "\"text\":\"%s\"}]}}\n",
		       ids, i % 60, role, mark);
}

static void write_file(const char *path, struct ramet_bytes text)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(text.ptr, 1, text.len, f) != text.len || fclose(f)) {
		perror(path);
		exit(2);
	}
}

void world_put(struct world *w, const char *path, int version, unsigned n, const char *tail)
{
	struct ramet_buf *b = &w->given;
	char line[512], text[24] = "";
	unsigned i;

	ramet_buf_reset(b);
	if (version > 1)
		(void)snprintf(text, sizeof(text), "\"version\":%d,", version);
	ramet_buf_addf(b,
		       "{\"type\":\"session\",%s\"id\":\"s1\","
		       "\"timestamp\":\"2026-03-01T10:00:00.000Z\",\"cwd\":\"/w\"}\n",
		       text);
	if (w->filler)
		ramet_buf_addf(b,
			       "{\"type\":\"custom\",\"id\":\"filler\",\"parentId\":null,"
			       "\"timestamp\":\"2026-03-01T10:00:00.000Z\",\"customType\":\"c\","
			       "\"data\":\"%0*d\"}\n",
			       (int)w->filler, 1);
	for (i = 1; i <= n; i++) {
		struct record *rec = world_mark(w, path);

		if (version > 1)
			(void)snprintf(rec->id, sizeof(rec->id), "g%03u", i);
		put_line(line, sizeof(line), version, i, rec->mark);
		ramet_buf_add_str(b, line);
		rec->told = TOLD_STORED;
	}
	ramet_buf_add_str(b, tail);
	w->torn = *tail != '\0';
	w->tail_at = w->torn ? b->len : 0;
	write_file(path, ramet_buf_bytes(b));
}

/* ---- handles ---- */

struct held *world_hold(struct world *w, struct ramet_session *s)
{
	unsigned i;

	for (i = 0; i < HELD_MAX - 1 && w->held[i].s; i++)
		;
	w->held[i] = (struct held){ .s = s };
	return &w->held[i];
}

void world_drop(struct world *w, struct held *h)
{
	(void)w;
	ramet_session_close(h->s);
	h->s = NULL;
}

/* ---- the ledger ---- */

struct record *world_mark(struct world *w, const char *path)
{
	struct ledger *l = w->ledger;
	struct record *rec;

	if (l->n == RECORDS_MAX) {
		(void)fprintf(stderr, "too many records in a scenario\n");
		exit(2);
	}
	rec = &l->items[l->n++];
	memset(rec, 0, sizeof(*rec));
	(void)snprintf(rec->path, sizeof(rec->path), "%s", path ? path : "");
	(void)snprintf(rec->mark, sizeof(rec->mark), "m%05u.", ++l->n_marks);
	return rec;
}

static void note_failure(struct world *w, struct held *h, int r)
{
	struct ledger *l = w->ledger;

	if (!l->failed++)
		(void)snprintf(l->first, sizeof(l->first), "%s: %.200s", ramet_code_name(r),
			       w->why.text);
	l->unknown += r == RAMET_EUNKNOWN;
	if (h) {
		h->failed++;
		h->unknown += r == RAMET_EUNKNOWN;
	}
	if (w->why.code != r || !*w->why.text || strchr(w->why.text, '\n'))
		check_fail(w, "an error that says nothing: %s, %s: %s", ramet_code_name(r),
			   ramet_code_name(w->why.code), w->why.text);
}

int world_said(struct world *w, struct held *h, int r)
{
	if (r < 0)
		note_failure(w, h, r);
	memset(&w->why, 0, sizeof(w->why));
	return r;
}

/* What was in memory until now is in the file as well. */
static void now_stored(struct ledger *l, const char *path)
{
	unsigned i;

	for (i = 0; i < l->n; i++)
		if (l->items[i].told == TOLD_MEMORY && !strcmp(l->items[i].path, path))
			l->items[i].told = TOLD_STORED;
}

void world_told(struct world *w, struct held *h, struct record *first, size_t n, int r)
{
	int stored = !h || ramet_session_stored(h->s);
	size_t i;

	for (i = 0; i < n; i++)
		first[i].told = r == RAMET_EUNKNOWN ? TOLD_UNKNOWN
				: r < 0		    ? TOLD_FAILED
				: stored	    ? TOLD_STORED
						    : TOLD_MEMORY;
	if (!r && stored)
		now_stored(w->ledger, first->path);
	(void)world_said(w, h, r);
}

/* ---- appending ---- */

struct ramet_bytes world_message(const char *role, const char *mark)
{
	static char text[32][160];
	static unsigned turn;
	char *to = text[turn++ % 32];

	(void)snprintf(to, sizeof(text[0]),
		       "{\"role\":\"%s\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}", role,
		       mark);
	return ramet_bytes_of(to);
}

int world_say(struct world *w, struct held *h, const char *role)
{
	struct record *rec = world_mark(w, ramet_session_path(h->s));
	int r = ramet_session_append_message(h->s, world_message(role, rec->mark), rec->id,
					     &w->why);

	world_told(w, h, rec, 1, r);
	return r;
}

/* ---- another program ---- */

/* A line as the format's own program writes one. */
static void foreign_line(const struct world *w, struct record *rec, char *line, size_t size)
{
	static const char pi[] = "{\"type\":\"message\",\"id\":\"%s\",\"parentId\":%s,"
				 "\"timestamp\":\"2026-03-01T11:00:00.000Z\",\"message\":"
				 "{\"role\":\"user\",\"content\":\"%s\"}}\n";
	static const char ggcode[] = "{\"type\":\"message\",\"message\":{\"id\":\"%s\","
				     "\"role\":\"user\",\"content\":[{\"type\":\"text\","
				     "\"text\":\"%s\"}]},\"timestamp\":"
				     "\"2026-03-01T11:00:00Z\"}\n";
	static const char yoi[] = "{\"kind\":\"assistant_item\",\"ts\":1772362800000,\"item\":"
				  "{\"kind\":\"message\",\"role\":\"assistant\",\"content\":"
				  "[{\"kind\":\"text\",\"text\":\"%s\"}]}}\n";
	const char *format = w->to ? NULL : w->format; /* what is converted is pi's */

	(void)snprintf(rec->id, sizeof(rec->id), "f%05u", w->ledger->n_marks);
	if (format && !strcmp(format, "yoi")) {
		*rec->id = '\0';
		(void)snprintf(line, size, yoi, rec->mark);
	} else if (format && !strcmp(format, "ggcode")) {
		(void)snprintf(line, size, ggcode, rec->id, rec->mark);
	} else {
		(void)snprintf(line, size, pi, rec->id, w->to ? "\"g006\"" : "null", rec->mark);
	}
}

void world_others(struct world *w, int torn)
{
	struct record *rec;
	char line[512];
	off_t size;
	size_t len;
	int fd = *w->path ? open(w->path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	rec = world_mark(w, w->path);
	rec->foreign = 1;
	foreign_line(w, rec, line, sizeof(line));
	size = lseek(fd, 0, SEEK_END);
	if (!size)
		w->headless = 1;
	/* what such a program glues to half a line of its own kind is lost to all readers */
	rec->told = torn				  ? TOLD_FAILED
		    : !size || (size_t)size == w->tail_at ? TOLD_UNKNOWN
							  : TOLD_STORED;
	len = strlen(line) / (torn ? 2 : 1);
	w->tail_at = torn ? (size_t)size + len : 0;
	if (w->rewritten)
		*rec->id = '\0'; /* of version 1: ids are made anew */
	if (write(fd, line, len) != (ssize_t)len || close(fd) < 0) {
		perror(w->path);
		exit(2);
	}
}
