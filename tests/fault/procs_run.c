/*
 * procs_run.c - the tests with real processes and threads, or one part of them.
 *
 *     procs_run quick|long|soak [DIR [RAMET]]   all parts that need nothing but a directory
 *     procs_run kill DIR ROUNDS [RAMET]         writers are killed
 *     procs_run writers DIR LINES SIZE POLICY   four on one session; branch, append or refuse
 *     procs_run threads DIR LINES
 *     procs_run lockless DIR ROUNDS [COMMAND...]  beside a writer without a lock
 *     procs_run full DIR RAMET                  DIR: a file system of 256 kB of its own
 *     procs_run full-lockless DIR ROUNDS        one of 8 MB
 *
 * Without DIR it makes one and removes it. Without RAMET, the path of the command, only the
 * library is killed. Prints a table and "N passed, N failed"; exits with 1 when something did not
 * hold. The environment's PROCS_SEED chooses other chances. run_procs.py makes the file systems.
 */
#include "procs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUNS 5u

static const struct form {
	const char *name;
	unsigned kills, threads, races, repeat;
	struct writers writers[RUNS];
} forms[] = {
	{ "quick",
	  40,
	  60,
	  2,
	  1,
	  { { 200, 200, RAMET_CONFLICT_APPEND },
	    { 200, 4000, RAMET_CONFLICT_BRANCH },
	    { 20, 20000, RAMET_CONFLICT_APPEND },
	    { 3, 300000, RAMET_CONFLICT_BRANCH },
	    { 100, 200, RAMET_CONFLICT_REFUSE } } },
	{ "long",
	  1000,
	  1000,
	  20,
	  1,
	  { { 20000, 200, RAMET_CONFLICT_APPEND },
	    { 20000, 4000, RAMET_CONFLICT_BRANCH },
	    { 2000, 20000, RAMET_CONFLICT_APPEND },
	    { 300, 300000, RAMET_CONFLICT_BRANCH },
	    { 5000, 200, RAMET_CONFLICT_REFUSE } } },
	{ "soak",
	  20000,
	  5000,
	  200,
	  3,
	  { { 20000, 200, RAMET_CONFLICT_APPEND },
	    { 20000, 4000, RAMET_CONFLICT_APPEND },
	    { 2000, 20000, RAMET_CONFLICT_BRANCH },
	    { 300, 300000, RAMET_CONFLICT_APPEND },
	    { 20000, 200, RAMET_CONFLICT_REFUSE } } },
};

static const struct form *form_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (!strcmp(forms[i].name, name))
			return &forms[i];
	return NULL;
}

static void play_all(const struct form *f, const char *dir, const char *ramet)
{
	unsigned i, k;

	/* the index is part of what is tested */
	(void)setenv("XDG_CACHE_HOME", path_in(dir, "cache"), 1);
	procs_kill(dir, f->kills, ramet);
	for (k = 0; k < f->repeat; k++)
		for (i = 0; i < RUNS; i++)
			procs_writers(dir, &f->writers[i]);
	procs_threads(dir, f->threads);
	procs_lockless(dir, f->races, NULL);
}

/* In a directory that is there, or one of its own. */
static void play_form(const struct form *f, const char *dir, const char *ramet)
{
	const char *at = getenv("TMPDIR");
	char own[PROCS_PATH];

	if (dir) {
		play_all(f, dir, ramet);
		return;
	}
	(void)snprintf(own, sizeof(own), "%s/ramet-procs-XXXXXX", at && *at ? at : "/tmp");
	if (!mkdtemp(own))
		give_up(own);
	play_all(f, own, ramet);
	if (faults_so_far())
		printf("kept: %s\n", own);
	else
		remove_all(own);
}

/* ---- one part ---- */

static unsigned number(const char *text)
{
	return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

static int policy(const char *text)
{
	return !strcmp(text, "append") ? RAMET_CONFLICT_APPEND :
	       !strcmp(text, "refuse") ? RAMET_CONFLICT_REFUSE :
					 RAMET_CONFLICT_BRANCH;
}

static int play_part(int argc, char **argv)
{
	const char *dir = argv[2];

	if (!strcmp(argv[1], "kill") && argc >= 4) {
		procs_kill(dir, number(argv[3]), argv[4]);
	} else if (!strcmp(argv[1], "writers") && argc == 6) {
		struct writers plan = { number(argv[3]), number(argv[4]), policy(argv[5]) };

		procs_writers(dir, &plan);
	} else if (!strcmp(argv[1], "threads") && argc == 4) {
		procs_threads(dir, number(argv[3]));
	} else if (!strcmp(argv[1], "lockless") && argc >= 4) {
		procs_lockless(dir, number(argv[3]), argc > 4 ? argv + 4 : NULL);
	} else if (!strcmp(argv[1], "full") && argc == 4) {
		procs_full(dir, argv[3]);
	} else if (!strcmp(argv[1], "full-lockless") && argc == 4) {
		procs_full_lockless(dir, number(argv[3]));
	} else {
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct form *form = form_of(argc > 1 ? argv[1] : "");

	(void)signal(SIGPIPE, SIG_IGN);
	chance_seed(number(getenv("PROCS_SEED")));
	if (form) {
		play_form(form, argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
	} else if (argc < 3 || play_part(argc, argv) < 0) {
		(void)fprintf(stderr, "usage: see the head of procs_run.c\n");
		return 2;
	}
	print_sum();
	return faults_so_far() ? 1 : 0;
}
