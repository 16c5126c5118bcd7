/*
 * cli/main.c - the ramet command: finds the subcommand, runs it, reports its error, exits.
 *
 * The only place that writes an error and the only one that leaves the program. Exit codes: 0 fine,
 * 1 the answer is no, 2 wrong usage, 3 failure. Nothing is loaded that --version does not need.
 */
#include "cli/cli.h"
#include "cli/place.h"

#include "base/env.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int unknown_command(const char *word, struct ramet_error *err)
{
	const char *near = registry_nearest(ramet_bytes_of(word));

	if (near)
		return rameti_fail(err, CLI_USAGE, "unknown command \"%.40s\" (did you mean %s?)",
				   word, near);
	return rameti_fail(err, CLI_USAGE, "unknown command \"%.40s\"", word);
}

static int check_words(const struct cli *cli, struct ramet_error *err)
{
	const struct args *a = &cli->args;

	if (a->n_words > cli->cmd->max_words)
		return rameti_fail(err, CLI_USAGE, "one word too many: \"%.60s\"",
				   a->words[cli->cmd->max_words]);
	if (a->n_words < cli->cmd->min_words)
		return rameti_fail(err, CLI_USAGE, "too few words: %s", cli->cmd->args);
	return 0;
}

/* An index that was found damaged is gone by now: without it the command says what it would have
 * said, unless something was said already. */
static int run_command(struct cli *cli, struct ramet_error *err)
{
	int r = cli->cmd->run(cli, err);

	if (r != RAMET_ECONFLICT || !strstr(err->text, "the index of the session was damaged") ||
	    cli->cmd->reads_input || !out_take_back(&cli->out))
		return r;
	*err = (struct ramet_error){ .offset = RAMET_NO_OFFSET };
	return cli->cmd->run(cli, err);
}

/* What is asked for beside a command: help and version go before everything else. */
static int run(struct cli *cli, struct ramet_error *err)
{
	int r;

	if (args_has(&cli->args, "version")) {
		help_version(&cli->out);
		return 0;
	}
	if (args_has(&cli->args, "help")) {
		help_command(&cli->out, cli->cmd);
		return 0;
	}
	if (!cli->cmd) {
		help_command(&cli->out, NULL);
		return EXIT_USAGE;
	}
	r = check_words(cli, err);
	if (r == 0)
		r = place_check_store(args_get(&cli->args, "store"), err);
	return r < 0 ? r : run_command(cli, err);
}

static int parse_and_run(struct cli *cli, int argc, char **argv, struct ramet_error *err)
{
	struct ramet_error close_err;
	int command = args_command_at(argc, argv), r, closed;

	if (command)
		cli->cmd = registry_find(ramet_bytes_of(argv[command]));
	if (command && !cli->cmd)
		return unknown_command(argv[command], err);
	r = args_parse(&cli->args, argc, argv, command, cli->cmd ? cli->cmd->opts : NULL, err);
	if (r < 0)
		return r;
	r = out_open(&cli->out, &cli->args, err);
	if (r == 0)
		r = run(cli, err);
	closed = out_close(&cli->out, &close_err);
	if (closed < 0 && (r >= 0 || out_broken(&cli->out))) {
		*err = close_err;
		return closed;
	}
	return r;
}

/* One line; behind wrong usage, where to read more. A reader that went away knows. */
static void report(const struct cli *cli, int r, const struct ramet_error *err)
{
	struct ramet_buf line = RAMET_BUF_INIT(8192);
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];

	if (r == RAMET_ECANCELED && err->sys == EPIPE)
		return;
	ramet_error_print(err, text, sizeof(text));
	ramet_buf_add_str(&line, text);
	if (r == CLI_USAGE)
		ramet_buf_addf(&line, "; see ramet %s%s--help", cli->cmd ? cli->cmd->name : "",
			       cli->cmd ? " " : "");
	out_complain(line.ptr ? line.ptr : text);
	ramet_buf_release(&line);
}

/* A descriptor below 3 that is closed would be given to the next file opened, and an answer or an
 * error would go into a session. It is taken, for the wrong direction: using it fails as before. */
static int take_standard_descriptors(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };
	const struct rameti_env *env = rameti_env_default();
	struct stat st;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (env->fstat(env->user, fd, &st) == 0 || errno != EBADF)
			continue;
		if (env->open(env->user, "/dev/null", modes[fd], 0) != fd)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct cli cli = { .args = ARGS_INIT };
	struct ramet_error err = { .offset = RAMET_NO_OFFSET };
	int r;

	if (take_standard_descriptors() < 0)
		return EXIT_FAILED;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	r = parse_and_run(&cli, argc, argv, &err);
	if (r < 0)
		report(&cli, r, &err);
	args_release(&cli.args);
	if (r >= 0)
		return r;
	return r == CLI_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
