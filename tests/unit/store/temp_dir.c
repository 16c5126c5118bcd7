/*
 * temp_dir.c - a directory of its own for each test.
 */
#include "temp_dir.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		abort();
	}
}

char *temp_dir_new(void)
{
	char *dir = strdup("/tmp/ramet-test-XXXXXX");

	must(dir && mkdtemp(dir), "mkdtemp");
	return dir;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void temp_dir_remove(char *dir)
{
	must(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, dir);
	free(dir);
}

const char *temp_path(const char *dir, const char *name)
{
	static char paths[8][TEMP_PATH];
	static unsigned next;
	char *path = paths[next++ % 8];

	(void)snprintf(path, TEMP_PATH, "%s/%s", dir, name);
	return path;
}

void temp_mkdir(const char *dir, const char *name)
{
	const char *whole = temp_path(dir, name);
	char path[TEMP_PATH];
	size_t i;

	for (i = strlen(dir) + 1; whole[i - 1]; i++) {
		if (whole[i] != '/' && whole[i])
			continue;
		memcpy(path, whole, i);
		path[i] = '\0';
		(void)mkdir(path, 0755);
	}
}

void temp_file(const char *dir, const char *name, const char *text, size_t len, long mtime,
	       long mtime_ns)
{
	struct timespec times[2] = { { mtime, mtime_ns }, { mtime, mtime_ns } };
	const char *path = temp_path(dir, name);
	char parent[TEMP_PATH];
	FILE *f;

	(void)snprintf(parent, sizeof(parent), "%s", name);
	if (strrchr(parent, '/')) {
		*strrchr(parent, '/') = '\0';
		temp_mkdir(dir, parent);
	}
	f = fopen(path, "wb");
	must(f && fwrite(text, 1, len, f) == len && !fclose(f), path);
	must(utimensat(AT_FDCWD, path, times, 0) == 0, path);
}

void temp_session(const char *dir, const char *name, const char *id, const char *cwd,
		  const char *lines, long mtime)
{
	static char text[1 << 16];
	int n = snprintf(text, sizeof(text),
			 "{\"type\":\"session\",\"version\":3,\"id\":\"%s\","
			 "\"timestamp\":\"2026-03-01T00:00:00.000Z\"%s%s%s}\n%s",
			 id, cwd ? ",\"cwd\":\"" : "", cwd ? cwd : "", cwd ? "\"" : "",
			 lines ? lines : "");

	must(n > 0 && (size_t)n < sizeof(text), name);
	temp_file(dir, name, text, (size_t)n, mtime, 0);
}
