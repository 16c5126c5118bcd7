/*
 * Print the roles of the messages a model would see at the leaf of a session.
 *
 *     cc context.c $(pkg-config --cflags --libs ramet) && ./a.out SESSION.jsonl
 */
#include <ramet.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct ramet_session *s;
	struct ramet_context *c;
	struct ramet_error err;
	uint32_t i;

	if (argc != 2 || ramet_session_open(&s, argv[1], NULL, &err) < 0)
		return 1;
	if (ramet_context_new(&c, ramet_session_tree(s), ramet_tree_leaf(ramet_session_tree(s)),
			      &err) < 0)
		return 1;
	for (i = 0; i < c->n_messages; i++)
		printf("%s: %zu bytes\n", ramet_role_name(c->messages[i].role),
		       c->messages[i].json.len);
	ramet_context_free(c);
	ramet_session_close(s);
	return 0;
}
