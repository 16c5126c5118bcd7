/*
 * What the library plans for a compaction or a branch summary, as JSON: a line of standard input,
 * its words parted by tabs, gives a line of output.
 *
 *     compact FILE LEAF KEEP        roles of the messages and the text as well; LEAF "-": the last
 *     branch FILE FROM TO MAX       "null": before the first entry
 *     tokens FILE                   [[id, estimate]...] of entries that show messages
 *
 * An error is data here, {"error":{"code",...}}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ramet.h"

#define WORDS 5

static struct ramet_session *session;
static struct ramet_error err;
static struct ramet_json_writer w;

static uint32_t row_of(const char *word)
{
	if (!strcmp(word, "-"))
		return ramet_session_leaf(session);
	if (!strcmp(word, "null"))
		return RAMET_NONE;
	return ramet_tree_find(ramet_session_tree(session), ramet_bytes_of(word));
}

static void write_roles(const char *key, const struct ramet_message *messages, uint32_t n)
{
	ramet_json_key(&w, key);
	ramet_json_open_array(&w);
	for (uint32_t i = 0; i < n; i++)
		ramet_json_add_cstr(&w, ramet_role_name(messages[i].role));
	ramet_json_close_array(&w);
}

static int write_compact(char **word, struct ramet_buf *part)
{
	const struct ramet_compact_opts opts = { .keep_tokens = strtoull(word[3], NULL, 10) };
	struct ramet_compact_plan plan;
	int r = ramet_compact_plan(session, row_of(word[2]), &opts, &plan, &err);

	if (r < 0)
		return r;
	r = ramet_report_compact_plan(session, &plan, 1, part, &err);
	if (!r) {
		ramet_json_key(&w, "plan");
		ramet_json_add_raw(&w, ramet_buf_bytes(part));
		write_roles("roles", plan.messages, plan.n_messages);
		write_roles("turnRoles", plan.turn_messages, plan.n_turn_messages);
	}
	ramet_compact_plan_release(&plan);
	return r;
}

static int write_branch(char **word, struct ramet_buf *part)
{
	const struct ramet_branch_summary_opts opts = { .max_tokens = strtoull(word[4], NULL, 10) };
	struct ramet_branch_summary_plan plan;
	int r = ramet_branch_summary_plan(session, row_of(word[2]), row_of(word[3]), &opts, &plan,
					  &err);

	if (r < 0)
		return r;
	r = ramet_report_branch_summary(session, &plan, 1, part, &err);
	if (!r) {
		ramet_json_key(&w, "plan");
		ramet_json_add_raw(&w, ramet_buf_bytes(part));
		write_roles("roles", plan.messages, plan.n_messages);
	}
	ramet_branch_summary_plan_release(&plan);
	return r;
}

static int write_tokens(void)
{
	const struct ramet_tree *t = ramet_session_tree(session);
	struct ramet_context *c;
	int r = ramet_context_new(&c, t, ramet_session_leaf(session), &err);

	if (r < 0)
		return r;
	ramet_json_key(&w, "tokens");
	ramet_json_open_array(&w);
	for (uint32_t i = 0; !r && i < c->n_messages; i++) {
		uint64_t n = 0;

		r = ramet_message_tokens(c->messages[i].json, &n, &err);
		ramet_json_open_array(&w);
		ramet_json_add_text(&w, ramet_tree_id(t, c->messages[i].row));
		ramet_json_add_int(&w, (int64_t)n);
		ramet_json_close_array(&w);
	}
	ramet_json_close_array(&w);
	ramet_context_free(c);
	return r;
}

static int answer(char **word, int n, struct ramet_buf *part)
{
	int r = n < 2 ? RAMET_EINVAL : ramet_session_open(&session, word[1], NULL, &err);

	if (r < 0)
		return r;
	if (!strcmp(word[0], "compact") && n == 4)
		r = write_compact(word, part);
	else if (!strcmp(word[0], "branch") && n == 5)
		r = write_branch(word, part);
	else
		r = write_tokens();
	ramet_session_close(session);
	return r;
}

static void do_line(char *line)
{
	struct ramet_buf out = RAMET_BUF_INIT((size_t)1 << 32);
	struct ramet_buf part = RAMET_BUF_INIT((size_t)1 << 32);
	char *word[WORDS], *rest = line;
	int n = 0, r;

	while (n < WORDS && rest)
		word[n++] = strsep(&rest, "\t");
	memset(&err, 0, sizeof(err));
	ramet_json_writer_init(&w, &out);
	ramet_json_open_object(&w);
	r = answer(word, n, &part);
	if (r < 0) {
		ramet_json_key(&w, "error");
		ramet_json_add_cstr(&w, ramet_code_name(r));
		ramet_json_key(&w, "text");
		ramet_json_add_cstr(&w, err.text);
	}
	ramet_json_close_object(&w);
	printf("%.*s\n", RAMET_FMT(ramet_buf_bytes(&out)));
	ramet_buf_release(&out);
	ramet_buf_release(&part);
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	while ((len = getline(&line, &cap, stdin)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		do_line(line);
		fflush(stdout);
	}
	free(line);
	return 0;
}
