/*
 * cli/cmd_append.c - ramet append: messages and entries at the end of a session.
 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/feed.h"
#include "cli/resolve.h"

#include "base/error.h"

#include <string.h>

/* The value of an option among words (ending with NULL): its number; `absent` without it. */
static int one_word(const struct args *a, const char *option, const char *const *words, int absent,
		    struct ramet_error *err)
{
	const char *given = args_get(a, option);
	struct ramet_buf all = RAMET_BUF_INIT(256);

	if (!given)
		return absent;
	for (int i = 0; words[i]; i++) {
		if (!strcmp(given, words[i])) {
			ramet_buf_release(&all);
			return i;
		}
		ramet_buf_addf(&all, "%s%s", !i ? "" : words[i + 1] ? ", " : " or ", words[i]);
	}
	rameti_fail(err, CLI_USAGE, "option --%s wants %s, not \"%.40s\"", option, all.ptr, given);
	ramet_buf_release(&all);
	return CLI_USAGE;
}

/* In the order of enum ramet_level. */
static const char *const levels[] = { "each", "turn", "none", NULL };

enum on_conflict { ON_CONFLICT_BRANCH, ON_CONFLICT_REFUSE, ON_CONFLICT_FORK };
static const char *const policies[] = { "branch", "refuse", "fork", NULL };

static int conflict(const struct ramet_session *s, const char *expected, struct ramet_error *err)
{
	const char *path = ramet_session_path(s);
	uint32_t leaf = ramet_session_leaf(s);
	struct ramet_bytes id = ramet_bytes_of("null");

	if (leaf != RAMET_NONE)
		id = ramet_tree_id(ramet_session_tree(s), leaf);
	if (!id.len)
		id = ramet_bytes_of("without an id");
	if (id.len > 60)
		id.len = 60;
	return rameti_fail_at(err, RAMET_ECONFLICT, path ? path : "", 0, RAMET_NO_OFFSET,
			      "the leaf is %.*s, not %.60s", RAMET_FMT(id), expected);
}

/* A new session up to row takes the place of *s; its path is told before the ids. */
static int fork_away(struct cli *cli, struct ramet_session **s, uint32_t row,
		     struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_session *fork = NULL;
	struct ramet_json_writer w;
	int r = ramet_fork_branch(&fork, *s, row, NULL, err);

	if (!r)
		r = ramet_session_write(fork, err);
	if (r < 0) {
		ramet_session_close(fork);
		return r;
	}
	ramet_session_close(*s);
	*s = fork;
	if (!args_has(&cli->args, "json")) {
		answer_path(cli, ramet_session_path(fork));
		return 0;
	}
	ramet_json_writer_init(&w, &json);
	ramet_json_open_object(&w);
	answer_add_path(&w, "path", ramet_session_path(fork));
	ramet_json_close_object(&w);
	r = answer_json(cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

/* Also an entry that the last record says beside others: it was printed as the new one. */
static int is_leaf(const struct ramet_session *s, uint32_t row)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	uint32_t leaf = ramet_session_leaf(s);

	if (row == RAMET_NONE || leaf == RAMET_NONE)
		return row == leaf;
	return ramet_tree_row(t, row)->offset == ramet_tree_row(t, leaf)->offset;
}

/* Is the leaf where the caller thinks it is? If not, refuse, go back to that entry, or on
 * from it in a session of our own. */
static int expect_leaf(struct cli *cli, struct ramet_session **s, const char *expected, int policy,
		       struct ramet_error *err)
{
	uint32_t row;
	int r = resolve_entry(*s, expected, &row, err);

	/* what others append from now on is found out under the lock */
	if (policy != ON_CONFLICT_BRANCH)
		ramet_session_on_conflict(*s, RAMET_CONFLICT_REFUSE);
	if (r < 0 || is_leaf(*s, row))
		return r;
	if (policy == ON_CONFLICT_REFUSE)
		return conflict(*s, expected, err);
	if (policy == ON_CONFLICT_FORK)
		return fork_away(cli, s, row, err);
	return ramet_session_branch(*s, row, err);
}

static int place_leaf(struct cli *cli, struct ramet_session **where, int policy,
		      struct ramet_error *err)
{
	const char *expected = args_get(&cli->args, "expect");
	const char *parent = args_get(&cli->args, "parent");
	uint32_t row;
	int r = expected ? expect_leaf(cli, where, expected, policy, err) : 0;
	struct ramet_session *s = *where;

	if (r < 0 || !parent)
		return r;
	r = resolve_entry(s, parent, &row, err);
	return r < 0 ? r : ramet_session_branch(s, row, err);
}

struct appending {
	struct cli *cli;
	const struct ramet_open_opts *opts;
	int policy;
	struct ramet_session *s;
};

static int open_session(void *user, struct ramet_error *err)
{
	struct appending *a = user;
	int r;

	ramet_session_close(a->s);
	a->s = NULL;
	r = resolve_session_with(a->cli, a->opts, &a->s, err);
	return r < 0 ? r : place_leaf(a->cli, &a->s, a->policy, err);
}

static int append(struct cli *cli, const struct ramet_open_opts *opts, int policy,
		  struct ramet_error *err)
{
	const char *given = cli->args.words[1];
	struct appending a = { cli, opts, policy, NULL };
	const struct feed_to to = { &a.s, open_session, &a };
	int r = open_session(&a, err);

	if (r == 0 && !strcmp(given, "-"))
		r = feed_input(cli, &to, err);
	else if (r == 0)
		r = feed_one(cli, &to, ramet_bytes_of(given), err);
	ramet_session_close(a.s);
	return r;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	const struct args *a = &cli->args;
	struct ramet_open_opts opts = { .create = 1 };
	int level = one_word(a, "level", levels, RAMET_LEVEL_EACH, err), policy;

	if (level < 0)
		return level;
	policy = one_word(a, "on-conflict", policies, ON_CONFLICT_REFUSE, err);
	if (policy < 0)
		return policy;
	if (args_has(a, "on-conflict") && !args_has(a, "expect"))
		return rameti_fail(err, CLI_USAGE, "option --on-conflict wants --expect beside it");
	if (policy != ON_CONFLICT_REFUSE && args_has(a, "parent"))
		return rameti_fail(err, CLI_USAGE,
				   "options --on-conflict %s and --parent exclude each other",
				   policies[policy]);
	opts.level = level;
	return append(cli, &opts, policy, err);
}

static const struct opt opts[] = {
	{ "parent", 0, "ID", "hang it under this entry; null: before the first" },
	{ "expect", 0, "ID", "only if this entry (or null: none) is the leaf now" },
	{ "on-conflict", 0, "P", "if it is not: refuse (the default), branch off it, or fork" },
	{ "level", 0, "L", "what survives a power cut: each (the default), turn, none" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_append = {
	.name = "append", .args = "S JSON|-", .help = "add messages or entries to a session",
	.more = "JSON is an object: with a text \"role\" a message, which gets a timestamp if\n"
		"it has none; with a text \"type\" an entry of that type. - takes one on each\n"
		"line of standard input, up to the first that is refused. Prints the id of each\n"
		"as soon as it is stored; with --json {\"id\"}. A fork's path comes first, with\n"
		"--json {\"path\"}. A path that does not exist\n"
		"becomes a session.\n"
		"\n"
		"Examples:\n"
		"  ramet append s.jsonl '{\"role\":\"user\",\"content\":\"hello\"}'\n"
		"  my-agent | ramet append @last - --level turn\n",
	.opts = opts, .min_words = 2, .max_words = 2, .reads_input = 1, .run = run,
};
