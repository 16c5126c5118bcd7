/*
 * cli/cli.h - what a subcommand is, and what it runs with.
 *
 * A command is one `const struct cmd` at the foot of its own file and one line in registry.c. It
 * parses nothing by hand, calls ramet.h and prints through struct out; it never exits and never
 * writes to standard error: main.c reports the error that run hands back.
 */
#ifndef RAMETI_CLI_CLI_H
#define RAMETI_CLI_CLI_H

#include "cli/options.h"
#include "cli/out.h"

enum cli_exit { EXIT_FINE = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_FAILED = 3 };

/* Beside the RAMET_E... codes: the command line makes no sense (exit code 2). */
#define CLI_USAGE (-100)
/* As large as an output may grow in memory. */
#define CLI_TEXT_MAX (SIZE_MAX / 2)

struct cmd;
struct cli {
	struct args args;
	struct out out;
	const struct cmd *cmd;
};

struct cmd {
	const char *name;
	const char *args;                        /* of the usage line, without options */
	const char *help;                        /* one line */
	const char *more;                        /* a paragraph, then examples, or NULL */
	const struct opt *opts;                  /* beside the common ones; may be NULL */
	size_t min_words, max_words;             /* without the command's name */
	int reads_input;                         /* standard input: it cannot be run twice */
	/* 0 fine, 1 the answer is no, negative an error. */
	int (*run)(struct cli *cli, struct ramet_error *err);
};

/* registry.c: the n-th command (NULL past the last); by name (or NULL); the name nearest to a word,
 * or NULL when none is near. */
const struct cmd *registry_get(size_t n);
const struct cmd *registry_find(struct ramet_bytes name);
const char *registry_nearest(struct ramet_bytes word);

/* cmd_help.c, for main.c: ramet CMD --help, and --version. */
void help_command(struct out *out, const struct cmd *cmd);
void help_version(struct out *out);

#endif
