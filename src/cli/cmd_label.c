/*
 * cli/cmd_label.c - ramet label: an entry's label, shown or set.
 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/resolve.h"

#include "base/error.h"

static int show(struct cli *cli, const struct ramet_session *s, uint32_t row,
		struct ramet_error *err)
{
	struct ramet_labels labels = RAMET_LABELS_INIT;
	const struct ramet_label *label = NULL;
	int r = ramet_tree_labels(ramet_session_tree(s), &labels, err);

	if (r == 0)
		label = ramet_labels_find(&labels, row);
	if (label)
		answer_text(cli, "label", label->text);
	ramet_labels_release(&labels);
	return r < 0 || label ? r : EXIT_NO;
}

static int set(struct cli *cli, struct ramet_session *s, uint32_t row, struct ramet_error *err)
{
	struct ramet_bytes text = ramet_bytes_of(cli->args.words[2]);
	char id[RAMET_ID_SIZE];
	int r;

	if (!text.len)
		text.ptr = NULL;
	r = ramet_session_append_label(s, row, text, id, err);
	if (r == 0)
		answer_id(cli, ramet_bytes_of(id));
	return r;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	const struct args *a = &cli->args;
	struct ramet_session *s;
	uint32_t row;
	int r = resolve_session_with(cli, NULL, &s, err);

	if (r < 0)
		return r;
	r = ramet_tree_resolve(ramet_session_tree(s), ramet_bytes_of(a->words[1]), &row, err);
	if (r == 0)
		r = a->n_words < 3 ? show(cli, s, row, err) : set(cli, s, row, err);
	ramet_session_close(s);
	return r;
}

const struct cmd cmd_label = {
	.name = "label", .args = "S ENTRY [TEXT]", .help = "show or set the label of an entry",
	.more = "Without TEXT prints the label that is set; exit code 1 if there is none. An\n"
		"empty TEXT clears it. Setting prints the id of the label's own entry, which\n"
		"becomes the leaf. With --json {\"label\"} or {\"id\"}.\n"
		"\n"
		"Examples:\n"
		"  ramet label @last 3f2a \"ready to merge\"\n"
		"  ramet label @last 3f2a\n",
	.opts = NULL, .min_words = 2, .max_words = 3, .run = run,
};
