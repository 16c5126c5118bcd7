/*
 * scenes.h - an operation while memory or the system fails it, at every place where it can.
 *
 * A scene is a directory with files in it and something that is done there. It promises: what fails
 * says so, leaves the files as they were, no memory behind and nothing open; and what is done in
 * spite of a failing allocation gives all of its answer.
 */
#ifndef TESTS_STORE_SCENES_H
#define TESTS_STORE_SCENES_H

#include <stddef.h>
#include "ramet/base.h"

struct scene {
	const char *name;
	void (*given)(void); /* makes all files below scene_dir, which is empty */
	int (*run)(struct ramet_error *err);
	int code; /* when nothing fails */
	int steps; /* it is more than one change: a failure may leave the first of them */
	/* what cannot be read is left out of its answer; 2: also what there is no memory to know */
	int partial;
};
extern char *scene_dir;
const char *scene_path(const char *name); /* as temp_path */
/* A file in scene_dir: ' stands for ", as everywhere in these tests. */
void scene_file(const char *name, const char *text);

/* From run: a part of its answer. */
void scene_says(const char *format, ...) RAMET_PRINTF(1, 2);
void scene_says_bytes(struct ramet_bytes text);
/* What it said in the last run that was not disturbed. */
const char *scene_said(void);

/* One by one each allocation fails; each system call, with this error (also: is interrupted). */
void scenes_without_memory(const struct scene *scenes, size_t n);
void scenes_without_calls(const struct scene *scenes, size_t n, const int *errors, size_t n_errors);

/* All names, modes and bytes below a directory but those of locks; free it. */
char *scene_picture(const char *dir);

/* setup and teardown of each test */
int scene_setup(void **state);
int scene_teardown(void **state);

#endif
