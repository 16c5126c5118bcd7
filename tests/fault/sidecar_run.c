/*
 * sidecar_run.c - a power cut after every operation of a call that writes a V2 sidecar.
 *
 *     sidecar_run [quick]
 *
 * The call runs on the file system in memory (crash_env.h). For every image that a cut may leave:
 * the session has its bytes; what opens gives its entries; what stood only in the sidecar is still
 * somewhere; and recovering with a new migration ends in a sound sidecar. When the call returned 0,
 * nothing of what it did may be missing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash_image.h"
#include "ramet.h"
#include "store/sidecar.h"

#define DIR "/home/u/s"
#define SESSION DIR "/s.jsonl"
#define HEADER                                                                                     \
	"{\"type\":\"session\",\"version\":3,\"id\":\"5b0f6c1e-0000-4000-8000-0000000000aa\","     \
	"\"timestamp\":\"2026-03-01T10:00:00.000Z\",\"cwd\":\"/w\"}\n"
#define ENTRY(id, text)                                                                            \
	"{\"type\":\"message\",\"id\":\"" id "\",\"timestamp\":\"t\","                             \
	"\"message\":{\"role\":\"user\",\"content\":\"" text "\"}}\n"
#define TALK HEADER ENTRY("a", "one") ENTRY("b", "two")
#define MORE TALK ENTRY("p", "precious")

static int migrate(void)
{
	struct ramet_sidecar_opts o = { .segment_limit = 600 };

	return ramet_sidecar_migrate(SESSION, &o, NULL, NULL);
}

static int rollback(void)
{
	return ramet_sidecar_rollback(SESSION, NULL, NULL, NULL);
}

static int recover(void)
{
	return ramet_sidecar_recover(SESSION, NULL, NULL, NULL);
}

static int checkpoint(void)
{
	return ramet_sidecar_checkpoint(SESSION, "manual", NULL, NULL, NULL);
}

static int rollback_to(void)
{
	return ramet_sidecar_rollback_to(SESSION, 1, NULL, NULL, NULL);
}

static int mark_dirty(void)
{
	return rameti_sidecar_mark_dirty(NULL, SESSION, NULL);
}

static const struct scene {
	const char *name;
	const char *before; /* the JSONL the sidecar was made from; NULL: there is none */
	int (*given)(void);
	int (*run)(void);
	int state;                               /* after the call */
	int precious;
} scenes[] = {
	{ "migrate", NULL, NULL, migrate, RAMET_SIDECAR_MIGRATED, 0 },
	{ "migrate over a stale one", HEADER ENTRY("a", "one"), NULL, migrate,
	  RAMET_SIDECAR_MIGRATED, 0 },
	{ "migrate over one with more", MORE, NULL, migrate, RAMET_SIDECAR_MIGRATED, 1 },
	{ "rollback", TALK, NULL, rollback, RAMET_SIDECAR_UNMIGRATED, 0 },
	{ "rollback of one with more", MORE, NULL, rollback, RAMET_SIDECAR_UNMIGRATED, 1 },
	{ "recover a dirty one", TALK, mark_dirty, recover, RAMET_SIDECAR_MIGRATED, 0 },
	{ "checkpoint", TALK, NULL, checkpoint, RAMET_SIDECAR_MIGRATED, 0 },
	{ "rollback to a checkpoint", TALK, checkpoint, rollback_to, RAMET_SIDECAR_STALE, 0 },
	{ "mark dirty", TALK, NULL, mark_dirty, RAMET_SIDECAR_STALE, 0 },
};

struct trial {
	const struct scene *scene;
	const struct crash_fs *start, *run;
	struct crash_fs *image;
	unsigned long images, failed;
};

static void put(struct crash_fs *fs, const char *text)
{
	unsigned node = crash_find(fs, SESSION);

	if (node == CRASH_NONE) {
		(void)crash_put_file(fs, SESSION, text, strlen(text));
		return;
	}
	crash_node_resize(&fs->nodes[node], 0, 0);
	crash_node_write(&fs->nodes[node], 0, text, strlen(text));
}

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	(void)printf("%s: %s\n", what, ramet_code_name(r));
	exit(2);
}

/* The file system before the call. */
static struct crash_fs *prepare(const struct scene *s)
{
	struct crash_fs *fs = crash_fs_new(), *start = crash_fs_new();

	(void)crash_put_dir(fs, DIR);
	put(fs, s->before ? s->before : TALK);
	crash_fs_mount(fs);
	if (s->before)
		must(migrate(), s->name);
	if (s->given)
		must(s->given(), s->name);
	crash_fs_mount(NULL);
	if (s->before && strcmp(s->before, TALK) != 0)
		put(fs, TALK);
	crash_fs_copy(start, fs);
	crash_fs_free(fs);
	return start;
}

/* Does a file that has a name below this directory hold the text? No deeper than three. */
static int holds(const struct crash_fs *fs, unsigned dir, const char *text, int deep)
{
	const struct crash_node *d = &fs->nodes[dir];

	for (unsigned i = 0; i < d->n_names; i++) {
		const struct crash_node *n = &fs->nodes[d->names[i].node];

		if (!d->names[i].node)
			continue;
		if (n->is_dir ? deep && holds(fs, d->names[i].node, text, deep - 1) :
				n->len && memmem(n->data, n->len, text, strlen(text)) != NULL)
			return 1;
	}
	return 0;
}

static int read_all(void)
{
	static const char *const ids[] = { "a", "b" };
	struct ramet_sidecar_open_opts o = { .mode = RAMET_SIDECAR_FULL };
	struct ramet_sidecar_entry e;
	struct ramet_sidecar *s;
	unsigned n = 0;
	int r = ramet_sidecar_open(&s, SESSION, &o, NULL);

	if (r < 0)
		return 1;
	while ((r = ramet_sidecar_next(s, &e, NULL)) > 0)
		if (n == 2 || !ramet_bytes_is(e.id, ids[n++]))
			break;
	ramet_sidecar_close(s);
	return r < 0 || (r == 0 && n == 2);
}

/* NULL: all is well. */
static const char *check(struct trial *t, int done)
{
	struct ramet_sidecar_opts o = { .migrate = 1 };
	struct ramet_sidecar_report report;
	struct ramet_sidecar_check c;
	unsigned node;

	if (!read_all())
		return "what opens is not the session";
	if (ramet_sidecar_status(SESSION, &c, NULL) < 0)
		return "its state cannot be told";
	if (done && c.state != t->scene->state)
		return "what was done is not durable";
	if (t->scene->precious && !holds(t->image, crash_find(t->image, DIR), "precious", 3))
		return "what only the sidecar had is lost";
	if (ramet_sidecar_recover(SESSION, &o, &report, NULL) < 0 ||
	    report.state != RAMET_SIDECAR_MIGRATED)
		return "it cannot be recovered";
	if (ramet_sidecar_verify(SESSION, &c, NULL) < 0 || c.state != RAMET_SIDECAR_MIGRATED ||
	    c.n_entries != 2 || !read_all())
		return "it is not sound after recovering";
	if (t->scene->precious && !holds(t->image, crash_find(t->image, DIR), "precious", 3))
		return "recovering lost what only the sidecar had";
	node = crash_find(t->image, SESSION);
	if (node == CRASH_NONE || t->image->nodes[node].len != strlen(TALK) ||
	    memcmp(t->image->nodes[node].data, TALK, strlen(TALK)) != 0)
		return "the session was changed";
	return NULL;
}

static int try_image(void *user, const struct crash_cut *cut)
{
	struct trial *t = user;
	const char *why;
	char text[4000];

	crash_fs_copy(t->image, cut->image);
	crash_fs_mount(t->image);
	why = check(t, cut->at == t->run->n_ops);
	crash_fs_mount(NULL);
	t->images++;
	if (!why)
		return 0;
	crash_describe(cut, text, sizeof(text));
	(void)printf("VIOLATION %s: cut after operation %zu of %zu\n  %s\n%s", t->scene->name,
		     cut->at, t->run->n_ops, why, text);
	return ++t->failed >= 3;
}

static int run_scene(const struct scene *s, const struct crash_scope *scope,
		     unsigned long *images)
{
	struct crash_fs *start = prepare(s), *run = crash_fs_new();
	struct trial t = { s, start, run, crash_fs_new(), 0, 0 };
	size_t at;
	int r = 0;

	crash_fs_copy(run, start);
	run->recording = 1;
	crash_fs_mount(run);
	must(s->run(), s->name);
	crash_fs_mount(NULL);
	run->recording = 0;
	for (at = 0; !r && at <= run->n_ops; at++)
		r = crash_images(start, run, at, scope, try_image, &t);
	(void)printf("  %s: %zu operations, %lu images, %lu violations\n", s->name, run->n_ops,
		     t.images, t.failed);
	*images += t.images;
	crash_fs_free(start);
	crash_fs_free(run);
	crash_fs_free(t.image);
	return t.failed > 0;
}

int main(int argc, char **argv)
{
	int quick = argc > 1 && !strcmp(argv[1], "quick");
	struct crash_scope scope = { .byte_step = 0,
				     .combinations = quick ? 4 : 64,
				     .samples = quick ? 4 : 64,
				     .seed = 7 };
	unsigned long images = 0;
	size_t i, failed = 0, n = sizeof(scenes) / sizeof(scenes[0]);

	for (i = 0; i < n; i++)
		failed += (size_t)run_scene(&scenes[i], &scope, &images);
	(void)printf("%lu images\n%zu passed, %zu failed\n", images, n - failed, failed);
	return failed > 0;
}
