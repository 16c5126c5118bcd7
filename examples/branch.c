/*
 * branch.c - go back to an earlier message and try another way.
 *
 * A session is a tree. Nothing is removed: the old branch stays, the new one starts with a
 * summary of what was left behind, and carries a label by which people find it again.
 *
 *     cc branch.c $(pkg-config --cflags --libs ramet) -o branch
 *     ./branch SESSION.jsonl ENTRY "what happened on the other branch" LABEL
 */
#include <ramet.h>
#include <stdio.h>

static int fail(const struct ramet_error *err)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];

	ramet_error_print(err, text, sizeof(text));
	fprintf(stderr, "branch: %s\n", text);
	return 1;
}

/* Entries are known by id outside and by row, their number in the file, inside. An id may be cut
 * short as long as it fits one entry only. */
static int turn_to(struct ramet_session *s, char **argv, struct ramet_error *err)
{
	struct ramet_summary summary = { 0 };
	uint32_t row;
	int r = ramet_tree_resolve(ramet_session_tree(s), ramet_bytes_of(argv[2]), &row, err);

	summary.summary = ramet_bytes_of(argv[3]);
	if (r == 0)
		r = ramet_session_branch_with_summary(s, row, &summary, NULL, err);
	if (r == 0)                              /* the summary is the leaf now: label it */
		r = ramet_session_append_label(s, ramet_session_leaf(s), ramet_bytes_of(argv[4]),
					       NULL, err);
	return r;
}

/* The JSON that `ramet branches --json` prints. */
static int print_branches(struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(64 << 20);
	int r = ramet_report_branches(s, &json, err);

	if (r == 0)
		printf("%s\n", json.ptr);
	ramet_buf_release(&json);
	return r;
}

int main(int argc, char **argv)
{
	struct ramet_error err = { 0 };
	struct ramet_session *s = NULL;
	int r;

	if (argc != 5) {
		fprintf(stderr, "usage: branch SESSION ENTRY SUMMARY LABEL\n");
		return 2;
	}
	r = ramet_session_open(&s, argv[1], NULL, &err);
	if (r == 0)
		r = turn_to(s, argv, &err);
	if (r == 0)
		r = print_branches(s, &err);
	ramet_session_close(s);
	return r < 0 ? fail(&err) : 0;
}
