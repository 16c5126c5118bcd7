/*
 * procs_full.c - a disk that is really full, on a small file system of its own.
 *
 * Each verb is tried with 0, 1, 2... free pages, so that every part of it meets the end of the
 * disk. What fails says ENOSPC, leaves no half of a session behind and its source untouched; when
 * there is room again the same handle goes on, and nothing acknowledged is missing.
 */
#include "procs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u
#define PAGES 12u                                /* free, at most */

struct scene {
	char dir[PROCS_PATH], path[PROCS_PATH], new_dir[PROCS_PATH], ballast[PROCS_PATH];
	const char *ramet;
	struct tolds told;
	struct ramet_buf before, now;
	unsigned pages, failed, stored;
};

/* ---- the disk ---- */

/* Fill it, but for so many pages. */
static void fill_disk(const struct scene *c)
{
	static const char page[PAGE];
	int fd = open(c->ballast, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	off_t len = 0;

	if (fd < 0)
		give_up(c->ballast);
	while (write(fd, page, PAGE) == (ssize_t)PAGE)
		len += PAGE;
	len -= (off_t)(c->pages * PAGE);
	if (len < 0 || ftruncate(fd, len) < 0)
		give_up("the disk is too small");
	(void)close(fd);
}

static void free_disk(const struct scene *c)
{
	(void)unlink(c->ballast);
}

/* The answer of a call on the full disk: fine, or a word for it. */
static int judge(struct scene *c, int r, const struct ramet_error *err, const char *what)
{
	if (r >= 0) {
		c->stored++;
		return 1;
	}
	c->failed++;
	if (r != RAMET_EIO || err->sys != ENOSPC)
		fault("%s, %u free pages: %s, errno %d: %s", what, c->pages, ramet_code_name(r),
		      err->sys, err->text);
	return 0;
}

static void must(int r, const struct ramet_error *err, const char *what)
{
	if (r < 0)
		fault("%s, with room again: %s: %s", what, ramet_code_name(r), err->text);
}

static void take_picture(struct scene *c)
{
	ramet_buf_reset(&c->before);
	if (read_text(c->path, &c->before) < 0)
		give_up(c->path);
}

static void source_is_untouched(struct scene *c, const char *what)
{
	ramet_buf_reset(&c->now);
	if (read_text(c->path, &c->now) < 0 ||
	    !ramet_bytes_eq(ramet_buf_bytes(&c->before), ramet_buf_bytes(&c->now)))
		fault("%s, %u free pages: the source was changed", what, c->pages);
}

/* Only these names are in a directory; every other one is something left behind. */
static void nothing_left(const struct scene *c, const char *dir, unsigned n, const char *what)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned have = 0;

	while (d && (e = readdir(d)))
		have += e->d_name[0] != '.' || (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."));
	if (d)
		(void)closedir(d);
	if (have != n)
		fault("%s, %u free pages: %u files in %s, not %u", what, c->pages, have, dir, n);
}

/* ---- appending ---- */

static void remember(struct scene *c, int r, const char *id, const struct mark *m)
{
	struct told one = { r < 0 ? TOLD_FAILED : TOLD_STORED, "", *m };

	(void)snprintf(one.id, sizeof(one.id), "%.39s", r < 0 ? "" : id);
	tolds_add(&c->told, &one);
}

static int say_marked(struct scene *c, struct ramet_session *s, struct mark *m,
		      struct ramet_error *err)
{
	char id[RAMET_ID_SIZE] = "";
	int r = say(s, m, id, err);

	remember(c, r, id, m);
	m->n++;
	return r;
}

static void append_scene(struct scene *c, uint32_t size, int level)
{
	struct rules rules = { .told = &c->told, .only_told = 1, .spoiled = 1 };
	struct ramet_error err = { .code = 0 };
	struct mark m = { 5, 0, size };
	struct ramet_session *s;
	unsigned i;

	put_session(c->path, 3, 1, 2, 300, &c->told);
	s = open_session(c->path, level, (int)(c->pages & 1));
	if (!s)
		return;
	fill_disk(c);
	for (i = 0; i < 200 && judge(c, say_marked(c, s, &m, &err), &err, "append"); i++)
		;
	(void)judge(c, say_marked(c, s, &m, &err), &err, "append");
	check_file(c->path, &rules, NULL);
	free_disk(c);
	must(say_marked(c, s, &m, &err), &err, "append");
	must(ramet_session_sync(s, &err), &err, "sync");
	ramet_session_close(s);
	check_file(c->path, &rules, NULL);
}

static void append_200(struct scene *c)
{
	append_scene(c, 200, RAMET_LEVEL_EACH);
}

static void append_20k(struct scene *c)
{
	append_scene(c, 20000, RAMET_LEVEL_NONE);
}

static void append_many(struct scene *c)
{
	enum { N = 4 };
	struct rules rules = { .told = &c->told, .only_told = 1, .spoiled = 1 };
	struct ramet_error err = { .code = 0 };
	struct ramet_bytes texts[N];
	struct ramet_buf bufs[N];
	char ids[N][RAMET_ID_SIZE];
	struct ramet_session *s;
	unsigned i, round;
	int r;

	put_session(c->path, 3, 1, 2, 300, &c->told);
	s = open_session(c->path, RAMET_LEVEL_TURN, 1);
	fill_disk(c);
	for (round = 0; s && round < 4; round++) {
		struct mark m = { 5, round * N, 4000 };

		if (round == 3)
			free_disk(c);
		for (i = 0; i < N; i++, m.n++) {
			ramet_buf_init(&bufs[i], SIZE_MAX / 2);
			mark_message(&m, &bufs[i]);
			texts[i] = ramet_buf_bytes(&bufs[i]);
		}
		r = ramet_session_append_messages(s, texts, N, ids, &err);
		if (round < 3)
			(void)judge(c, r, &err, "append_messages");
		else
			must(r, &err, "append_messages");
		for (i = 0, m.n -= N; i < N; i++, m.n++) {
			remember(c, r, ids[i], &m);
			ramet_buf_release(&bufs[i]);
		}
		check_file(c->path, &rules, NULL);
	}
	ramet_session_close(s);
}

/* ---- new sessions ---- */

static void first_write(struct scene *c)
{
	const struct ramet_create_opts opts = { .dir = c->new_dir };
	struct rules rules = { .told = &c->told, .only_told = 1, .spoiled = 1 };
	struct ramet_error err = { .code = 0 };
	struct mark m = { 5, 0, 9000 };
	struct ramet_session *s;
	char one[PROCS_PATH];
	int r, stored;

	fill_disk(c);
	r = ramet_session_create(&s, "/w", &opts, &err);
	if (r < 0) {
		fault("create: %s", err.text);
		return;
	}
	stored = judge(c, say_marked(c, s, &m, &err), &err, "first write");
	nothing_left(c, c->new_dir, (unsigned)stored, "first write");
	if (stored && count_sessions(c->new_dir, one))
		check_file(one, &rules, NULL);
	free_disk(c);
	must(say_marked(c, s, &m, &err), &err, "first write");
	ramet_session_close(s);
	if (count_sessions(c->new_dir, one) == 1)
		check_file(one, &rules, NULL);
	else
		fault("first write, %u free pages: no session file afterwards", c->pages);
}

static void fork_scene(struct scene *c, int branch)
{
	const struct ramet_fork_opts opts = { .dir = c->new_dir };
	const char *what = branch ? "fork_branch" : "fork";
	struct rules rules = { .told = &c->told, .only_told = 1 };
	struct ramet_error err = { .code = 0 };
	struct ramet_session *s, *made = NULL;
	char one[PROCS_PATH];
	int r, round, stored;

	put_session(c->path, 3, 1, 30, 700, &c->told);
	take_picture(c);
	s = open_session(c->path, RAMET_LEVEL_EACH, (int)(c->pages & 1));
	fill_disk(c);
	for (round = 0; s && round < 2; round++) {
		r = branch ? ramet_fork_branch(&made, s, ramet_session_leaf(s), &opts, &err) :
			     ramet_fork(&made, s, &opts, &err);
		stored = round ? r == 0 : judge(c, r, &err, what);
		if (round)
			must(r, &err, what);
		nothing_left(c, c->new_dir, (unsigned)stored, what);
		source_is_untouched(c, what);
		if (stored && count_sessions(c->new_dir, one)) {
			check_file(one, &rules, NULL);
			ramet_session_close(made);
			(void)unlink(one);
		}
		free_disk(c);
	}
	ramet_session_close(s);
}

static void fork_all(struct scene *c)
{
	fork_scene(c, 0);
}

static void fork_branch(struct scene *c)
{
	fork_scene(c, 1);
}

/* ---- verbs that write a file anew ---- */

static void is_version_3(const struct scene *c, uint32_t n)
{
	struct ramet_session *s = open_session(c->path, RAMET_LEVEL_NONE, 1);

	if (s && (ramet_session_header(s)->version < 3 ||
		  ramet_tree_count(ramet_session_tree(s)) != n || ramet_session_findings(s)->n))
		fault("migrate, %u free pages: not a whole session of version 3", c->pages);
	ramet_session_close(s);
}

static void migrate(struct scene *c)
{
	struct ramet_migration done;
	struct ramet_error err = { .code = 0 };
	int r;

	put_session(c->path, 1, 1, 30, 700, NULL);
	take_picture(c);
	fill_disk(c);
	r = ramet_migrate(c->path, 0, &done, &err);
	if (!judge(c, r, &err, "migrate")) {
		source_is_untouched(c, "migrate");
		nothing_left(c, c->dir, 3, "migrate");       /* the source, ballast, new_dir */
		free_disk(c);
		must(ramet_migrate(c->path, 0, &done, &err), &err, "migrate");
	}
	is_version_3(c, 30);
	free_disk(c);
}

/* Exit status; what it says goes nowhere. */
static int run(const struct scene *c, const char *verb, const char *option)
{
	pid_t child;
	int status = -1;

	(void)fflush(stdout);
	child = fork();
	if (!child) {
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(126);
		execl(c->ramet, c->ramet, verb, option, c->path, (char *)NULL);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		fault("ramet %s ended with status %x", verb, (unsigned)status);
	return WEXITSTATUS(status);
}

static void damage(const struct scene *c)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);

	if (read_text(c->path, &text) < 0 || text.len < 5000)
		give_up(c->path);
	memset(text.ptr + text.len / 2, '!', 900);           /* in the middle, and a torn tail */
	ramet_buf_truncate(&text, text.len - 100);
	write_text(c->path, ramet_buf_bytes(&text));
	ramet_buf_release(&text);
}

static void repair(struct scene *c)
{
	struct ramet_verdict v;
	struct ramet_error err = { .code = 0 };

	put_session(c->path, 3, 1, 30, 700, NULL);
	damage(c);
	take_picture(c);
	fill_disk(c);
	if (run(c, "repair", "--salvage")) {
		c->failed++;
		source_is_untouched(c, "repair");
		nothing_left(c, c->dir, 3, "repair");
	} else {
		c->stored++;
	}
	free_disk(c);
	if (ramet_verify(c->path, NULL, &v, &err) < 0)
		fault("verify: %s", err.text);
	else
		ramet_verdict_release(&v);
	/* done, or there is room now; again there is nothing to do */
	if (run(c, "repair", "--salvage"))
		fault("repair, %u free pages: not possible with room", c->pages);
	if (ramet_verify(c->path, NULL, &v, &err) < 0 || !v.intact)
		fault("repair, %u free pages: the result is not intact", c->pages);
	else
		ramet_verdict_release(&v);
}

/* ---- all of it ---- */

static const struct {
	const char *name;
	void (*run)(struct scene *c);
} scenes[] = { { "append 200 B", append_200 },   { "append 20 kB", append_20k },
	       { "append_messages", append_many }, { "first write", first_write },
	       { "fork", fork_all },               { "fork_branch", fork_branch },
	       { "migrate", migrate },             { "repair", repair } };

static void play(unsigned which, struct scene *c, const char *dir)
{
	(void)snprintf(c->dir, sizeof(c->dir), "%s", path_in(dir, "disk"));
	(void)snprintf(c->path, sizeof(c->path), "%s", path_in(c->dir, "session.jsonl"));
	(void)snprintf(c->new_dir, sizeof(c->new_dir), "%s", path_in(c->dir, "new"));
	(void)snprintf(c->ballast, sizeof(c->ballast), "%s", path_in(c->dir, "ballast"));
	make_dir(c->dir);
	make_dir(c->new_dir);
	/* every other time the index cannot be written either */
	(void)setenv("XDG_CACHE_HOME", c->pages & 1 ? "/nonexistent" : path_in(dir, "cache"), 1);
	scenes[which].run(c);
	tolds_release(&c->told);
	remove_all(c->dir);
	remove_all(path_in(dir, "cache"));
}

void procs_full(const char *dir, const char *ramet)
{
	struct scene c;
	unsigned i;
	char what[64];

	memset(&c, 0, sizeof(c));
	c.ramet = ramet;
	ramet_buf_init(&c.before, SIZE_MAX / 2);
	ramet_buf_init(&c.now, SIZE_MAX / 2);
	for (i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
		(void)snprintf(c.path, sizeof(c.path), "repair");
		if (scenes[i].run == repair && run(&c, "help", "--")) {
			printf("skip  full disk: repair: there is no such command\n");
			continue;
		}
		c.failed = c.stored = 0;
		for (c.pages = 0; c.pages <= PAGES; c.pages++)
			play(i, &c, dir);
		(void)snprintf(what, sizeof(what), "full disk: %s", scenes[i].name);
		if (!c.failed)
			fault("%s: the disk was never full", what);
		row(what, "0 to %u free pages: %u calls failed, %u went through", PAGES, c.failed,
		    c.stored);
	}
	ramet_buf_release(&c.before);
	ramet_buf_release(&c.now);
}
