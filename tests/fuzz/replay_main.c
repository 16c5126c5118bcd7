/*
 * replay_main.c - run a fuzz target over files instead of under libFuzzer.
 *
 * Arguments are files or directories (of files). Each file is one input; the target crashes or it
 * does not. A directory that does not exist is an empty one: a target may have no corpus yet, so
 * the empty input is always tried too.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static int n_replayed;

static int replay_file(const char *path, size_t len)
{
	/* An exact allocation, so that a sanitizer sees one byte too far. */
	uint8_t *data = realloc(NULL, len ? len : 1);
	FILE *f = fopen(path, "rb");
	int r = -1;

	if (data && f && fread(data, 1, len, f) == len) {
		(void)LLVMFuzzerTestOneInput(data, len);
		n_replayed++;
		r = 0;
	} else {
		fprintf(stderr, "cannot read %s\n", path);
	}
	if (f)
		fclose(f);
	free(data);
	return r;
}

static int replay_directory(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	struct stat st;
	char name[4096];
	int r = 0;

	while (d && (e = readdir(d))) {
		int n = snprintf(name, sizeof(name), "%s/%s", path, e->d_name);

		if (n < 0 || (size_t)n >= sizeof(name) || stat(name, &st) < 0) {
			fprintf(stderr, "cannot read %s/%s\n", path, e->d_name);
			r = -1;
		} else if (S_ISREG(st.st_mode) && replay_file(name, (size_t)st.st_size) < 0) {
			r = -1;
		}
	}
	if (d)
		closedir(d);
	return r;
}

int main(int argc, char **argv)
{
	static const uint8_t nothing[1];
	struct stat st;
	int r = 0;

	if (LLVMFuzzerInitialize)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	(void)LLVMFuzzerTestOneInput(nothing, 0);
	n_replayed++;
	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) ? replay_directory(argv[i]) < 0 :
					  replay_file(argv[i], (size_t)st.st_size) < 0)
			r = 1;
	}
	printf("%d inputs replayed\n", n_replayed);
	return r;
}
