/*
 * cli/cmd_list.c - ramet list: the sessions there are.
 */
#include "cli/cli.h"
#include "cli/configured.h"
#include "cli/listing.h"
#include "cli/place.h"
#include "cli/resolve.h"

#include "base/error.h"

static int print_json(struct out *o, const struct listing *l, size_t n, struct ramet_error *err)
{
	struct ramet_buf line = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = 0;

	for (size_t i = 0; i < n && r == 0 && !out_broken(o); i++) {
		ramet_buf_reset(&line);
		r = ramet_report_list_item(l->items[i], &line, err);
		if (r == 0) {
			out_json(o, ramet_buf_bytes(&line));
			out_newline(o);
		}
	}
	ramet_buf_release(&line);
	return r;
}

static void print_table(struct out *o, const struct listing *l, size_t n)
{
	struct listing_table table;

	if (l->n == 0) {
		ramet_buf_add_str(&o->hint, "no sessions found");
		return;
	}
	listing_layout(&table, l, o, 0);
	listing_print_head(o, &table);
	for (size_t i = 0; i < n && !out_broken(o); i++)
		listing_print_row(o, &table, l->items[i], 0);
	ramet_buf_addf(&o->hint, "%zu of %zu session%s; ramet tree ID shows one", n, l->n,
		       l->n == 1 ? "" : "s");
}

/* --here and --cwd D: an absolute directory in *dir, or nothing. */
static int wanted_directory(const struct args *a, struct ramet_buf *dir, struct ramet_error *err)
{
	static const char *const names[] = { "here", "cwd", NULL };
	int which = args_one_of(a, names, err);

	if (which < -1)
		return which;
	if (which == -1)
		return 0;
	return resolve_directory(which == 0 ? "." : args_get(a, "cwd"), dir, err);
}

static int read_sessions(struct listing *l, const struct args *a, struct ramet_error *err)
{
	struct ramet_buf dir = RAMET_BUF_INIT(CLI_TEXT_MAX);
	const char *store = args_get(a, "store");
	struct listing_opts opts = {
		.places = a->words, .n_places = a->n_words, .with_text = args_has(a, "text"),
		.complain = 1
	};
	int r = wanted_directory(a, &dir, err);

	for (size_t i = 0; !r && i < a->n_words; i++)
		r = place_check_store(a->words[i], err);
	if (store && !a->n_words) {
		opts.places = &store;
		opts.n_places = 1;
	}
	if (r == 0) {
		opts.cwd = dir.len ? dir.ptr : NULL;
		r = listing_read(l, &opts, err);
	}
	if (r == 0 && !opts.n_places)
		configured_complain();
	ramet_buf_release(&dir);
	return r;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct listing l = LISTING_INIT;
	uint64_t most = UINT64_MAX;
	int r = args_number(&cli->args, "number", UINT32_MAX, &most, err);

	if (r == 0)
		r = read_sessions(&l, &cli->args, err);
	if (r == 0) {
		size_t n = most < l.n ? (size_t)most : l.n;

		if (args_has(&cli->args, "json"))
			r = print_json(&cli->out, &l, n, err);
		else
			print_table(&cli->out, &l, n);
	}
	listing_release(&l);
	return r;
}

static const struct opt opts[] = {
	{ "here", 0, NULL, "only sessions of the current directory" },
	{ "cwd", 0, "D", "only sessions of this directory" },
	{ "number", 'n', "N", "only the newest N" },
	{ "text", 0, NULL, "with --json: also the text of all messages" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_list = {
	.name = "list",
	.args = "[ST...]",
	.help = "the sessions there are, newest first",
	.more = "A store ST is a directory of sessions, a directory of such directories, a\n"
		"session file, sqlite:FILE, ckptmgr:FILE, or a tool's name (pi, pirust, ggcode,\n"
		"yoi). Without one: all that are found in the home directory.\n"
		"\n"
		"Examples:\n"
		"  ramet list --here              sessions of this project\n"
		"  ramet list -n 5 ~/backup/pi    the newest five of a copy\n"
		"  ramet list --json | jq -r .id  for scripts: an object a line\n",
	.opts = opts,
	.min_words = 0,
	.max_words = SIZE_MAX,
	.run = run,
};
