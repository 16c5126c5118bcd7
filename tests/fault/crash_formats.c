/*
 * crash_formats.c - power cuts while sessions of other systems are appended to and made.
 *
 * Whatever a cut leaves: what was there and what was acknowledged before it can be read, once each;
 * the session takes another entry, and then has that as well.
 */
#include "crash_work.h"

#include <stdio.h>
#include <string.h>

#define MARKS_MAX 40u
#define SHOWN_MAX 6u

struct mark {
	char text[16];
	size_t from;                             /* promised in cuts after this operation */
};

struct cuts {
	const char *format, *name;
	int level;
	struct crash_fs *start, *run;
	struct ramet_session *s;
	char path[256];
	struct mark marks[MARKS_MAX];
	unsigned n_marks;
	size_t at;
	unsigned long images, broken;
	struct ramet_error err;
};

static void broken(struct cuts *c, const char *what, const char *more)
{
	if (c->broken++ < SHOWN_MAX)
		printf("VIOLATION %s, %s: cut after operation %zu of %zu: %s %s\n", c->format,
		       c->name, c->at, c->run->n_ops, what, more);
}

/* ---- what is done ---- */

static struct ramet_bytes message(struct cuts *c, char *to, size_t len)
{
	struct mark *m = &c->marks[c->n_marks];

	(void)snprintf(m->text, sizeof(m->text), "mark%04u.", c->n_marks);
	(void)snprintf(to, len, c->n_marks % 2 ? CRASH_ASSISTANT("%s") : CRASH_USER("%s"), m->text);
	c->n_marks++;
	return ramet_bytes_of(to);
}

static int say(struct cuts *c, unsigned n)
{
	char text[MARKS_MAX][160];
	struct ramet_bytes messages[MARKS_MAX];
	unsigned i, first = c->n_marks;
	int r;

	for (i = 0; i < n; i++)
		messages[i] = message(c, text[i], sizeof(text[i]));
	r = ramet_session_append_messages(c->s, messages, n, NULL, &c->err);
	for (i = first; i < c->n_marks; i++)
		c->marks[i].from = c->level == RAMET_LEVEL_EACH ? c->run->n_ops : SIZE_MAX;
	return r;
}

static int sync_all(struct cuts *c)
{
	int r = ramet_session_sync(c->s, &c->err);
	unsigned i;

	for (i = 0; !r && i < c->n_marks; i++)
		if (c->marks[i].from == SIZE_MAX)
			c->marks[i].from = c->run->n_ops;
	return r;
}

static int make(struct cuts *c)
{
	const char *one_file = strcmp(c->format, "ckptmgr") ? CRASH_DIR : CRASH_DIR "/s.json";
	const struct ramet_create_opts opts = { .dir = one_file, .format = c->format,
						.write_now = 1 };
	int r = ramet_session_create(&c->s, "/w", &opts, &c->err);

	if (!r)
		(void)snprintf(c->path, sizeof(c->path), "%s", ramet_session_path(c->s));
	return r;
}

/* A session of three messages, all of it durable. */
static int prepare(struct cuts *c)
{
	unsigned i;
	int r;

	c->start = crash_fs_new();
	c->run = crash_fs_new();
	(void)crash_put_dir(c->start, "/home/u");
	(void)crash_put_dir(c->start, CRASH_DIR);
	crash_fs_mount(c->start);
	r = make(c);
	for (i = 0; !r && i < 3; i++)
		r = say(c, 1);
	ramet_session_close(c->s);
	c->s = NULL;
	for (i = 0; i < c->n_marks; i++)
		c->marks[i].from = 0;
	crash_fs_copy(c->run, c->start);
	c->run->recording = 1;
	crash_fs_mount(c->run);
	return r;
}

static int work(struct cuts *c)
{
	const struct ramet_open_opts opts = { .level = c->level };
	int r = ramet_session_open(&c->s, c->path, &opts, &c->err);

	if (!r)
		r = say(c, 1);
	if (!r)
		r = say(c, 4);
	if (!r && c->level == RAMET_LEVEL_NONE)
		r = sync_all(c);
	if (!r)
		r = say(c, 1);
	ramet_session_close(c->s);
	c->s = NULL;
	return r;
}

/* ---- what is left ---- */

static unsigned times_in(const struct ramet_buf *all, const char *mark)
{
	const char *p = all->ptr;
	unsigned n = 0;

	while (p && (p = memmem(p, (size_t)(all->ptr + all->len - p), mark, strlen(mark)))) {
		n++;
		p++;
	}
	return n;
}

static int read_all(struct cuts *c, struct ramet_session *s, struct ramet_buf *all)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes json;
	uint32_t row;
	int r = 0;

	for (row = 0; !r && row < ramet_tree_count(t); row++) {
		r = ramet_tree_entry(t, row, &scratch, &json, &c->err);
		if (!r)
			ramet_buf_add(all, json);
	}
	ramet_buf_release(&scratch);
	return r;
}

/* What was promised by then; after: a mark that must be there too, or NULL. */
static int look(struct cuts *c, const char *after)
{
	struct ramet_buf all = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_session *s = NULL;
	unsigned long before = c->broken;
	unsigned i;
	int r = ramet_session_open(&s, c->path, NULL, &c->err);

	if (!r)
		r = read_all(c, s, &all);
	if (r < 0)
		broken(c, "cannot be read:", c->err.text);
	for (i = 0; !r && i < c->n_marks; i++) {
		unsigned n = times_in(&all, c->marks[i].text);

		if (!n && c->at >= c->marks[i].from)
			broken(c, "lost:", c->marks[i].text);
		if (n > 1)
			broken(c, "told twice:", c->marks[i].text);
	}
	if (!r && after && times_in(&all, after) != 1)
		broken(c, "lost:", after);
	ramet_session_close(s);
	ramet_buf_release(&all);
	return c->broken == before;
}

static void append_after(struct cuts *c)
{
	struct ramet_session *s = NULL;
	int r = ramet_session_open(&s, c->path, NULL, &c->err);

	if (!r)
		r = ramet_session_append_message(s, ramet_bytes_of(CRASH_USER("afterwards.")), NULL,
						 &c->err);
	ramet_session_close(s);
	if (r < 0)
		broken(c, "takes no more entries:", c->err.text);
	else
		(void)look(c, "afterwards.");
}

static void check_image(struct cuts *c, struct crash_fs *image)
{
	c->images++;
	crash_fs_mount(image);
	if (look(c, NULL))
		append_after(c);
	crash_fs_mount(NULL);
}

static int try_image(void *user, const struct crash_cut *cut)
{
	check_image(user, cut->image);
	return 0;
}

static void try_cuts(struct cuts *c, const struct crash_scope *scope)
{
	struct crash_fs *killed;

	for (c->at = 0; c->at <= c->run->n_ops; c->at++) {
		killed = crash_fs_new();
		crash_killed(killed, c->start, c->run, c->at);
		check_image(c, killed);
		crash_fs_free(killed);
		(void)crash_images(c->start, c->run, c->at, scope, try_image, c);
	}
}

unsigned crash_formats(const struct crash_scope *scope, const char *only, unsigned *failed)
{
	static const char *const formats[] = { "pirust", "ggcode", "yoi", "ckptmgr" };
	static const struct {
		int level;
		const char *name;
	} levels[] = { { RAMET_LEVEL_EACH, "append, each" }, { RAMET_LEVEL_NONE, "append, none" } };
	unsigned i, n = 0;

	for (i = 0; i < 8; i++) {
		struct cuts c = { .format = formats[i / 2], .name = levels[i % 2].name,
				  .level = levels[i % 2].level };

		if (only && !strstr(c.format, only))
			continue;
		if (prepare(&c) < 0 || work(&c) < 0)
			broken(&c, "refused:", c.err.text);
		crash_fs_mount(NULL);
		if (!c.broken)
			try_cuts(&c, scope);
		printf("%-8s%-26s %6u %8zu %9lu %6lu\n", c.format, c.name, c.n_marks, c.run->n_ops,
		       c.images, c.broken);
		(void)fflush(stdout);
		*failed += c.broken > 0;
		n++;
		crash_fs_free(c.start);
		crash_fs_free(c.run);
	}
	return n;
}
