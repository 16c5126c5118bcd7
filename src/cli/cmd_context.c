/*
 * cli/cmd_context.c - ramet context: what the model sees at a leaf, in five forms.
 */
#include "cli/age.h"
#include "cli/cli.h"
#include "cli/entryline.h"
#include "cli/messages.h"
#include "cli/resolve.h"

#include <stdio.h>
#include <string.h>

/* A form: its option, how it prints JSON, how it prints for people. */
struct form {
	const char *option;                      /* NULL: the plain context */
	int (*write)(const struct ramet_context *c, struct ramet_buf *out, struct ramet_error *err);
	int (*print)(struct cli *cli, const struct ramet_session *s, const struct ramet_context *c,
		     struct ramet_error *err);
};

/* ---- JSON beyond what the library has a writer for ---- */

static int write_tokens(const struct ramet_context *c, struct ramet_buf *out,
			struct ramet_error *err)
{
	uint64_t tokens;
	int r = ramet_context_tokens(c, &tokens, err);

	if (r == 0)
		ramet_buf_addf(out, "{\"tokens\":%llu}", (unsigned long long)tokens);
	return r;
}

static int write_system(const struct ramet_context *c, struct ramet_buf *out,
			struct ramet_error *err)
{
	return ramet_context_write_system(c, out, NULL, err);
}

/* ---- for people ---- */

static int print_end(struct cli *cli, const struct ramet_context *c, struct ramet_error *err)
{
	struct ramet_buf *hint = &cli->out.hint;
	uint64_t tokens;
	int r = ramet_context_tokens(c, &tokens, err);

	if (r < 0)
		return r;
	age_add_count(hint, (double)c->n_messages);
	ramet_buf_add_str(hint, c->n_messages == 1 ? " message, about " : " messages, about ");
	age_add_count(hint, (double)tokens);
	ramet_buf_add_str(hint, " tokens");
	return 0;
}

static int print_plain(struct cli *cli, const struct ramet_session *s,
		       const struct ramet_context *c, struct ramet_error *err)
{
	struct messages_opts how = { .all = args_has(&cli->args, "all") };
	int r = 0;

	(void)s;
	for (uint32_t i = 0; i < c->n_messages && r == 0 && !out_broken(&cli->out); i++)
		r = messages_print_json(&cli->out, c->messages[i].json, &how, err);
	return r == 0 ? print_end(cli, c, err) : r;
}

/* A line for each entry that is in the context, in the order of the context. */
static int print_projection(struct cli *cli, const struct ramet_session *s,
			    const struct ramet_context *c, struct ramet_error *err)
{
	int r = 0;

	for (uint32_t i = 0; i < c->n_selected && r == 0 && !out_broken(&cli->out); i++)
		r = entry_add_line(&cli->out, s, c->selected[i].row, err);
	return r == 0 ? print_end(cli, c, err) : r;
}

static int print_llm(struct cli *cli, const struct ramet_session *s, const struct ramet_context *c,
		     struct ramet_error *err)
{
	struct messages_opts how = { .all = args_has(&cli->args, "all") };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	const struct ramet_json *message = NULL;
	int r = ramet_context_write_llm(c, &json, err);

	(void)s;
	if (r == 0)
		r = ramet_json_parse(&doc, ramet_buf_bytes(&json), 0, err);
	while (r == 0 && !out_broken(&cli->out) &&
	       (message = ramet_json_next(ramet_json_root(&doc), message)) != NULL)
		messages_print(&cli->out, message, &how);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&json);
	return r;
}

/* The prompt as one text, whole lines, not wrapped. */
static int print_system(struct cli *cli, const struct ramet_session *s,
			const struct ramet_context *c, struct ramet_error *err)
{
	struct ramet_buf message = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_buf prompt = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = ramet_context_write_system(c, &message, &prompt, err);
	struct ramet_bytes rest = ramet_buf_bytes(&prompt);

	(void)s;
	while (r == 0 && rest.len && !out_broken(&cli->out)) {
		text_next_line(&rest, TEXT_ALL, &cli->out.buf);
		out_newline(&cli->out);
	}
	ramet_buf_release(&message);
	ramet_buf_release(&prompt);
	return r;
}

static int print_tokens(struct cli *cli, const struct ramet_session *s,
			const struct ramet_context *c, struct ramet_error *err)
{
	uint64_t tokens;
	char text[32];
	int r = ramet_context_tokens(c, &tokens, err);

	(void)s;
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)tokens);
	out_str(&cli->out, text);
	out_newline(&cli->out);
	return 0;
}

static const char *const form_options[] = { "projection", "llm", "system", "tokens", NULL };
static const struct form forms[] = {
	{ "projection", ramet_context_write_projection, print_projection },
	{ "llm", ramet_context_write_llm, print_llm },
	{ "system", write_system, print_system },
	{ "tokens", write_tokens, print_tokens },
};
static const struct form plain = { NULL, ramet_context_write, print_plain };

static int print_json(struct out *o, const struct ramet_context *c, const struct form *form,
		      struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = form->write(c, &text, err);

	if (r == 0) {
		out_json(o, ramet_buf_bytes(&text));
		out_newline(o);
	}
	ramet_buf_release(&text);
	return r;
}

static int print_form(struct cli *cli, const struct ramet_session *s, const struct form *form,
		      struct ramet_error *err)
{
	struct ramet_context *c;
	uint32_t leaf;
	int r = resolve_leaf(cli, s, &leaf, err);

	if (r == 0)
		r = ramet_context_new(&c, ramet_session_tree(s), leaf, err);
	if (r < 0)
		return r;
	if (args_has(&cli->args, "json"))
		r = print_json(&cli->out, c, form, err);
	else
		r = form->print(cli, s, c, err);
	ramet_context_free(c);
	return r;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	int which = args_one_of(&cli->args, form_options, err), r;
	struct ramet_session *s;

	if (which < -1)
		return which;
	r = resolve_session(cli, &s, err);
	if (r < 0)
		return r;
	r = print_form(cli, s, which < 0 ? &plain : &forms[which], err);
	ramet_session_close(s);
	return r;
}

static const struct opt opts[] = {
	{ "leaf", 'l', "ID", "at this entry: an id, the prefix of one, or null" },
	{ "projection", 0, NULL, "which entries are in it" },
	{ "llm", 0, NULL, "the messages as they go to the model" },
	{ "system", 0, NULL, "the system prompt as replayed" },
	{ "tokens", 0, NULL, "about how many tokens it has" },
	{ "all", 'a', NULL, "tool output and thinking in full" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_context = {
	.name = "context",
	.args = "[S]",
	.help = "what the model sees at a leaf",
	.more = "Without --leaf at the session's leaf. With --json as documented: the context,\n"
		"its projection, an array of messages, the system message, or {\"tokens\":N}.\n"
		"\n"
		"Examples:\n"
		"  ramet context @last\n"
		"  ramet context s.jsonl --leaf 3f2a --llm --json\n"
		"  ramet context @last --tokens\n",
	.opts = opts,
	.min_words = 0,
	.max_words = 1,
	.run = run,
};
