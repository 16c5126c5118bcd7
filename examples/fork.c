/*
 * fork.c - copy a session into another directory, for another project, and say what came along.
 *
 * The new session has all branches, the same entry ids, an id of its own, and names the session
 * it comes from. The source is not changed.
 *
 *     cc fork.c $(pkg-config --cflags --libs ramet) -o fork
 *     ./fork SESSION.jsonl DIRECTORY WORKING-DIRECTORY
 */
#include <ramet.h>
#include <stdio.h>

static int fail(const struct ramet_error *err)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];

	ramet_error_print(err, text, sizeof(text));
	fprintf(stderr, "fork: %s\n", text);
	return 1;
}

/* Text travels as pointer and length, and may hold any byte: RAMET_FMT is for "%.*s". */
static int print_session(const struct ramet_session *s, struct ramet_error *err)
{
	const struct ramet_header *h = ramet_session_header(s);
	const struct ramet_tree *tree = ramet_session_tree(s);
	struct ramet_labels labels = RAMET_LABELS_INIT;
	struct ramet_buf name = RAMET_BUF_INIT(1 << 20);
	uint32_t i;
	int r = ramet_tree_name(tree, &name, err);

	if (r == 1)
		printf("name     %s\n", name.ptr);
	if (r >= 0)
		r = ramet_tree_labels(tree, &labels, err);
	if (r == 0) {
		printf("path     %s\n", ramet_session_path(s));
		printf("cwd      %.*s\n", RAMET_FMT(h->cwd));
		printf("parent   %.*s\n", RAMET_FMT(h->parent_session));
		printf("entries  %u\n", (unsigned)ramet_tree_count(tree));
		for (i = 0; i < labels.n; i++)
			printf("label    %.*s on %.*s\n", RAMET_FMT(labels.items[i].text),
			       RAMET_FMT(labels.items[i].target));
	}
	ramet_labels_release(&labels);
	ramet_buf_release(&name);
	return r;
}

int main(int argc, char **argv)
{
	struct ramet_session *source = NULL, *copy = NULL;
	struct ramet_fork_opts opts = { 0 };
	struct ramet_error err = { 0 };
	int r;

	if (argc != 4) {
		fprintf(stderr, "usage: fork SESSION DIRECTORY WORKING-DIRECTORY\n");
		return 2;
	}
	opts.dir = argv[2];
	opts.cwd = argv[3];
	r = ramet_session_open(&source, argv[1], NULL, &err);
	if (r == 0)
		r = ramet_fork(&copy, source, &opts, &err);
	if (r == 0)
		r = print_session(copy, &err);
	ramet_session_close(copy);
	ramet_session_close(source);
	return r < 0 ? fail(&err) : 0;
}
