/*
 * cli/cmd_help.c - ramet help, --help and --version: made from the tables, so never out of date.
 */
#include "cli/cli.h"

#include "base/error.h"

#include <string.h>

#define OPTION_CELLS 20

static const char exit_codes[] =
	"Exit codes: 0 fine, 1 the answer is no, 2 wrong usage, 3 failure.\n";

static void print_head(struct out *o, const char *text)
{
	out_newline(o);
	out_styled(o, STYLE_BOLD, text);
	out_newline(o);
}

/* "  NAME      text" */
static void print_pair(struct out *o, const char *name, size_t cells, const char *text)
{
	out_str(o, "  ");
	text_add_cell(&o->buf, ramet_bytes_of(name), cells, 0);
	out_str(o, text);
	out_newline(o);
}

static void print_options(struct out *o, const struct opt *table)
{
	struct ramet_buf name = RAMET_BUF_INIT(256);

	for (; table && table->name; table++) {
		ramet_buf_reset(&name);
		if (table->letter)
			ramet_buf_addf(&name, "-%c, ", table->letter);
		ramet_buf_addf(&name, "--%s%s%s", table->name, table->arg ? " " : "",
			       table->arg ? table->arg : "");
		print_pair(o, name.ptr, OPTION_CELLS, table->help);
	}
	ramet_buf_release(&name);
}

static void print_text(struct out *o, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		ramet_buf_add(&o->buf, (struct ramet_bytes){ text, n });
		out_newline(o);
		text += n + (text[n] == '\n');
	}
}

static const char overview[] =
	"ramet - the sessions of AI coding agents: read, continue, branch, fork\n"
	"\n"
	"Usage: ramet COMMAND [WORDS] [OPTIONS]\n";

static const char words[] =
	"\n"
	"A session S is a path, an id, the prefix of an id, or @last (the newest of this\n"
	"directory); to read one, it may be left out at a terminal and is picked from a list.\n"
	"A store ST is a directory, pi, pirust, ggcode, yoi, sqlite:FILE or ckptmgr:FILE.\n"
	"Reading changes nothing; new, append, branch, fork, label, name, compact --apply,\n"
	"convert, import, migrate, repair, seal, export -o, delete, prune --yes, events --append,\n"
	"trace --append, index rebuild and clear, and sidecar create, checkpoint, rollback and\n"
	"recover write.\n"
	"\n"
	"Examples:\n"
	"  ramet list                     every session there is\n"
	"  ramet tree @last               the newest one of this directory\n"
	"  ramet context @last --tokens   how large its context is\n"
	"  ramet fork @last 3f2a          a new session that goes on from an entry\n"
	"  ramet help context             more about a command\n"
	"\n";

static void print_overview(struct out *o)
{
	const struct cmd *cmd;

	print_text(o, overview);
	print_head(o, "Commands");
	for (size_t i = 0; (cmd = registry_get(i)) != NULL; i++)
		print_pair(o, cmd->name, 12, cmd->help);
	print_head(o, "Options of every command");
	print_options(o, options_common);
	print_text(o, words);
	print_text(o, exit_codes);
}

void help_command(struct out *o, const struct cmd *cmd)
{
	if (!cmd) {
		print_overview(o);
		return;
	}
	out_str(o, "Usage: ramet ");
	out_styled(o, STYLE_BOLD, cmd->name);
	out_str(o, *cmd->args ? " " : "");
	out_str(o, cmd->args);
	out_str(o, " [OPTIONS]");
	out_newline(o);
	out_newline(o);
	print_pair(o, "", 0, cmd->help);
	if (cmd->opts) {
		print_head(o, "Options");
		print_options(o, cmd->opts);
	}
	print_head(o, "Options of every command");
	print_options(o, options_common);
	out_newline(o);
	print_text(o, cmd->more);
	out_newline(o);
	print_text(o, exit_codes);
}

void help_version(struct out *o)
{
	out_str(o, "ramet ");
	out_str(o, ramet_version());
	out_newline(o);
}

static int run(struct cli *cli, struct ramet_error *err)
{
	const char *word = cli->args.n_words ? cli->args.words[0] : NULL;
	const struct cmd *cmd = word ? registry_find(ramet_bytes_of(word)) : NULL;

	if (word && !cmd)
		return rameti_fail(err, CLI_USAGE, "no help on \"%.40s\": no such command", word);
	help_command(&cli->out, cmd);
	return 0;
}

const struct cmd cmd_help = {
	.name = "help", .args = "[COMMAND]", .help = "how a command is used",
	.more = "Examples:\n"
		"  ramet help\n"
		"  ramet help list\n",
	.opts = NULL, .min_words = 0, .max_words = 1, .run = run,
};
