/*
 * cli/options.h - the command line as data: words, and options with their values.
 *
 * Options may stand anywhere, also before the command: --name, --name=value, --name value, -x,
 * -x value, -xvalue; a lone -- ends them, a lone - is a word. A repeated option: the last counts.
 */
#ifndef RAMETI_CLI_OPTIONS_H
#define RAMETI_CLI_OPTIONS_H

#include "ramet/base.h"

struct opt {
	const char *name;                        /* without dashes; NULL ends a table */
	char letter;                             /* 0: none */
	const char *arg;                         /* what its value is called; NULL: takes none */
	const char *help;
};
/* What every command takes. */
extern const struct opt options_common[];

struct args_given {
	const struct opt *opt;
	const char *value;                       /* "" for an option without value */
};
struct args {
	const char **words;                      /* without the command's; borrowed from argv */
	size_t n_words;
	struct args_given *given;
	size_t n_given;
	const struct opt *tables[2];             /* the command's (may be NULL), the common ones */
};
#define ARGS_INIT { NULL, 0, NULL, 0, { NULL, NULL } }

/* Index in argv of the command's name: the first word that is no option's value; 0: none. */
int args_command_at(int argc, char **argv);
/* Read all of argv but the word at `command`. CLI_USAGE, ENOMEM. Release a in any case. */
int args_parse(struct args *a, int argc, char **argv, int command, const struct opt *opts,
	       struct ramet_error *err);
void args_release(struct args *a);

/* The value of an option of this command ("" for a flag that is given), or NULL. An option that is
 * in no table is the caller's bug. */
const char *args_get(const struct args *a, const char *name);
int args_has(const struct args *a, const char *name);
/* A whole number of at most max; absent: *n untouched. CLI_USAGE. */
int args_number(const struct args *a, const char *name, uint64_t max, uint64_t *n,
		struct ramet_error *err);
/* At most one of these (names end with NULL): its number, or -1 for none, or CLI_USAGE. */
int args_one_of(const struct args *a, const char *const *names, struct ramet_error *err);

/* How many letters must change, come or go to make a into b; more than 3 is told as 4. */
unsigned options_distance(struct ramet_bytes a, struct ramet_bytes b);

#endif
