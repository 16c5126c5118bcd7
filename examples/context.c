/*
 * context.c - the messages a model would see at the leaf of a session.
 *
 *     cc context.c $(pkg-config --cflags --libs ramet) -o context
 *     ./context SESSION.jsonl
 */
#include <ramet.h>
#include <stdio.h>

static int print_context(const struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_context *c = NULL;
	uint32_t i;
	int r = ramet_context_new(&c, ramet_session_tree(s), ramet_session_leaf(s), err);

	for (i = 0; r == 0 && i < c->n_messages; i++)
		printf("%s: %zu bytes\n", ramet_role_name(c->messages[i].role),
		       c->messages[i].json.len);
	ramet_context_free(c);
	return r;
}

int main(int argc, char **argv)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];
	struct ramet_session *s = NULL;
	struct ramet_error err = { 0 };
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: context SESSION\n");
		return 2;
	}
	r = ramet_session_open(&s, argv[1], NULL, &err);
	if (r == 0)
		r = print_context(s, &err);
	if (r < 0) {
		ramet_error_print(&err, text, sizeof(text));
		fprintf(stderr, "context: %s\n", text);
	}
	ramet_session_close(s);
	return r < 0;
}
