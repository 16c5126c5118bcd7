/*
 * cli/cmd_name.c - ramet name: a session's name, shown or set.
 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/resolve.h"

static int show(struct cli *cli, const struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_buf name = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = ramet_tree_name(ramet_session_tree(s), &name, err);

	if (r > 0)
		answer_text(cli, "name", ramet_buf_bytes(&name));
	ramet_buf_release(&name);
	if (r < 0)
		return r;
	return r > 0 ? 0 : EXIT_NO;
}

static int set(struct cli *cli, struct ramet_session *s, struct ramet_error *err)
{
	char id[RAMET_ID_SIZE];
	int r = ramet_session_append_name(s, ramet_bytes_of(cli->args.words[1]), id, err);

	if (r == 0)
		answer_id(cli, ramet_bytes_of(id));
	return r;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_session *s;
	int r = resolve_session_with(cli, NULL, &s, err);

	if (r < 0)
		return r;
	r = cli->args.n_words < 2 ? show(cli, s, err) : set(cli, s, err);
	ramet_session_close(s);
	return r;
}

const struct cmd cmd_name = {
	.name = "name", .args = "S [TEXT]", .help = "show or set the name of a session",
	.more = "Without TEXT prints the name; exit code 1 if there is none. An empty TEXT\n"
		"clears it. Setting prints the id of the new entry. With --json {\"name\"} or\n"
		"{\"id\"}.\n"
		"\n"
		"Examples:\n"
		"  ramet name @last \"Cart total with vouchers\"\n"
		"  ramet name @last\n",
	.opts = NULL, .min_words = 1, .max_words = 2, .run = run,
};
