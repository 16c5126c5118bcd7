/*
 * scenes.c - an operation while memory or the system fails it, at every place where it can.
 */
#include "scenes.h"
#include "failing.h"
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define POINTS_MAX 20000u

char *scene_dir;

static struct {
	char text[65536];
	size_t len;
} answer, whole;

/* In memory where there is such a place: thousands of syncs are waited for otherwise. */
static void new_dir(void)
{
	char name[] = "/dev/shm/ramet-scene-XXXXXX";

	scene_dir = mkdtemp(name) ? strdup(name) : temp_dir_new();
	assert_non_null(scene_dir);
}

int scene_setup(void **state)
{
	(void)state;
	new_dir();
	return 0;
}

int scene_teardown(void **state)
{
	(void)state;
	(void)faults_stop();
	ramet_set_allocator(NULL);
	temp_dir_remove(scene_dir);
	return 0;
}

const char *scene_path(const char *name)
{
	return temp_path(scene_dir, name);
}

void scene_file(const char *name, const char *text)
{
	const char *plain = dq(text);

	temp_file(scene_dir, name, plain, strlen(plain), 1780000000, 0);
}

/* ---- what it says ---- */

void scene_says(const char *format, ...)
{
	size_t left = sizeof(answer.text) - answer.len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(answer.text + answer.len, left, format, args);
	va_end(args);
	assert_true(n >= 0 && (size_t)n < left);
	answer.len += (size_t)n;
}

void scene_says_bytes(struct ramet_bytes text)
{
	scene_says("[%.*s]", RAMET_FMT(text));
}

const char *scene_said(void)
{
	return whole.text;
}

/* ---- what there is ---- */

static int is_lock(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && !strcmp(name + n - 4, "lock");
}

static void paint(FILE *to, const char *dir);

static void paint_one(FILE *to, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return;
	(void)fprintf(to, "%s %o\n", path + strlen(scene_dir), (unsigned)st.st_mode);
	if (S_ISDIR(st.st_mode))
		paint(to, path);
	else if (S_ISREG(st.st_mode) && st.st_size) {
		struct ramet_bytes all = bytes_of(path);
		size_t i;

		for (i = 0; i < all.len; i++)
			(void)fputc(all.ptr[i] ? all.ptr[i] : 1, to);
	}
}

static void paint(FILE *to, const char *dir)
{
	struct dirent **names;
	char path[TEMP_PATH];
	int i, n = scandir(dir, &names, NULL, alphasort);

	for (i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !is_lock(name))
			paint_one(to, path);
		free(names[i]);
	}
	free(names);
}

char *scene_picture(const char *dir)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	paint(to, dir);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void make_anew(const struct scene *s)
{
	temp_dir_remove(scene_dir);
	new_dir();
	if (s->given)
		s->given();
}

static int play(const struct scene *s, struct ramet_error *err)
{
	memset(err, 0, sizeof(*err));
	answer.len = 0;
	answer.text[0] = '\0';
	return s->run(err);
}

/* Undisturbed: the answer is kept. */
static void rehearse(const struct scene *s)
{
	struct ramet_error err;
	int r;

	make_anew(s);
	r = play(s, &err);
	if (r != s->code)
		fail_msg("%s: %s: %s", s->name, ramet_code_name(r), err.text);
	memcpy(&whole, &answer, sizeof(whole));
}

/* The scene's own directory may have another name each time. */
static int is_as_before(const char *before)
{
	char *now = scene_picture(scene_dir);
	int same = !strcmp(before, now);

	free(now);
	return same;
}

/* ---- memory ---- */

/* 1 while there is such an allocation; *before: the files as they are given, NULL: make them. */
static int fail_allocation(const struct scene *s, unsigned n, char **before)
{
	struct ramet_error err;
	int r, reached;

	if (!*before) {
		make_anew(s);
		*before = scene_picture(scene_dir);
	}
	failing_memory_start(n);
	r = play(s, &err);
	reached = failing_memory_stop();
	if (r != s->code && (!reached || err.code != r || (r != RAMET_ENOMEM && s->partial < 2)))
		fail_msg("%s, allocation %u fails: %s: %s", s->name, n, ramet_code_name(r),
			 err.text);
	if (r == s->code && s->partial < 2 && strcmp(answer.text, whole.text) != 0)
		fail_msg("%s, allocation %u fails: says %s\nnot %s", s->name, n, answer.text,
			 whole.text);
	if (is_as_before(*before))
		return reached;
	if (r == RAMET_ENOMEM && s->code != RAMET_ENOMEM && !s->steps)
		fail_msg("%s, allocation %u fails: files have changed", s->name, n);
	free(*before);
	*before = NULL;
	return reached;
}

void scenes_without_memory(const struct scene *scenes, size_t n_scenes)
{
	size_t i;

	for (i = 0; i < n_scenes; i++) {
		char *before = NULL;
		unsigned n = 1;

		rehearse(&scenes[i]);
		while (fail_allocation(&scenes[i], n, &before))
			assert_true(++n < POINTS_MAX);
		free(before);
	}
}

/* ---- system calls ---- */

/* 1 while there is such a call. */
static int fail_call(const struct scene *s, const struct faults *f, char **before)
{
	struct ramet_error err;
	int r, reached;

	if (!*before) {
		make_anew(s);
		*before = scene_picture(scene_dir);
	}
	faults_start(f);
	r = play(s, &err);
	if (faults_open_fds())
		fail_msg("%s, %s %u: %ld descriptors stay open", s->name, fault_name(f->kind), f->n,
			 faults_open_fds());
	reached = faults_stop();
	if (r != s->code && (!reached || r >= 0 || err.code != r || !err.text[0]))
		fail_msg("%s, %s %u fails (%d): %s: %s", s->name, fault_name(f->kind), f->n, f->sys,
			 ramet_code_name(r), err.text);
	/* what a path no longer leads to is not there */
	if (r == s->code && !s->partial && f->sys != ENOENT && strcmp(answer.text, whole.text) != 0)
		fail_msg("%s, %s %u fails (%d): says %s\nnot %s", s->name, fault_name(f->kind),
			 f->n, f->sys, answer.text, whole.text);
	if (is_as_before(*before))
		return reached;
	if (r != s->code && r != RAMET_EUNKNOWN && !s->steps)
		fail_msg("%s, %s %u fails (%d): files have changed: %s", s->name,
			 fault_name(f->kind), f->n, f->sys, err.text);
	free(*before);
	*before = NULL;
	return reached;
}

/* Every call of a kind that may say so: only a path can lead nowhere. */
static void fail_calls(const struct scene *s, int sys, char **before)
{
	static const int all[] = { FAULT_ANY },
			 paths[] = { FAULT_OPEN,     FAULT_OPENAT, FAULT_STAT,	 FAULT_LSTAT,
				     FAULT_RENAME,   FAULT_UNLINK, FAULT_LINKAT, FAULT_MKDIR,
				     FAULT_READLINK, FAULT_OPENDIR };
	size_t i, n = sys == ENOENT ? sizeof(paths) / sizeof(paths[0]) : 1;

	for (i = 0; i < n; i++) {
		struct faults f = {
			.kind = sys == ENOENT ? paths[i] : all[i], .n = 1, .sys = sys, .hasty = 1
		};

		while (fail_call(s, &f, before))
			assert_true(++f.n < POINTS_MAX);
	}
}

void scenes_without_calls(const struct scene *scenes, size_t n_scenes, const int *errors,
			  size_t n_errors)
{
	const struct faults interrupted = { .kind = FAULT_ANY, .interrupt = 1, .hasty = 1 };
	size_t i, e;

	for (i = 0; i < n_scenes; i++) {
		char *before = NULL;

		rehearse(&scenes[i]);
		for (e = 0; e < n_errors; e++)
			fail_calls(&scenes[i], errors[e], &before);
		(void)fail_call(&scenes[i], &interrupted, &before);
		free(before);
	}
}
