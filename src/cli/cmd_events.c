/*
 * cli/cmd_events.c - ramet events: what passed through a session's tunnel to another screen.
 *
 * Such an event is a custom entry `ramet.tunnel_event` in every format; in ggcode's files it is a
 * record of its own kind.
 */
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/resolve.h"

#include "base/error.h"

#include <string.h>

#define TYPE "ramet.tunnel_event"

static int print_event(struct cli *cli, const struct ramet_session *s, uint32_t row,
		       struct ramet_buf *scratch, struct ramet_json_doc *doc,
		       struct ramet_error *err)
{
	const struct ramet_json *root, *data;
	struct ramet_bytes json;
	int r = ramet_tree_entry(ramet_session_tree(s), row, scratch, &json, err);

	if (!r)
		r = ramet_json_parse(doc, json, 0, err);
	if (r < 0)
		return r;
	root = ramet_json_root(doc);
	data = ramet_json_get(root, "data");
	if (!ramet_json_text_is(ramet_json_get(root, "customType"), TYPE) || !data)
		return 0;
	if (args_has(&cli->args, "json"))
		out_json(&cli->out, ramet_json_raw(data));
	else
		out_safe(&cli->out, ramet_json_raw(data), TEXT_ALL);
	out_newline(&cli->out);
	return 0;
}

static int print_all(struct cli *cli, const struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(CLI_TEXT_MAX);
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	uint32_t row;
	int r = 0;

	for (row = 0; !r && row < ramet_tree_count(t) && !out_broken(&cli->out); row++)
		if (ramet_tree_row(t, row)->type == RAMET_ENTRY_CUSTOM)
			r = print_event(cli, s, row, &scratch, &doc, err);
	ramet_buf_release(&scratch);
	ramet_json_doc_release(&doc);
	return r;
}

static int append(struct cli *cli, struct ramet_session *s, const char *event,
		  struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_bytes json = ramet_bytes_of(event);
	char id[RAMET_ID_SIZE];
	int r = ramet_json_parse(&doc, json, 0, err);

	if (!r && ramet_json_kind(ramet_json_root(&doc)) != RAMET_JSON_OBJECT)
		r = rameti_fail(err, RAMET_EINVAL, "an event is a JSON object");
	ramet_json_doc_release(&doc);
	if (r < 0)
		return r;
	if (!strcmp(ramet_session_format(s), "ggcode")) {
		r = ramet_ggcode_append_tunnel_event(s, json, err);
		if (!r)
			answer_id(cli, ramet_tree_id(ramet_session_tree(s), ramet_session_leaf(s)));
		return r;
	}
	r = ramet_session_append_custom(s, ramet_bytes_of(TYPE), json, id, err);
	if (!r)
		answer_id(cli, ramet_bytes_of(id));
	return r;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	const char *event = args_get(&cli->args, "append");
	struct ramet_session *s = NULL;
	int r = event ? resolve_session_with(cli, NULL, &s, err) : resolve_session(cli, &s, err);

	if (!r)
		r = event ? append(cli, s, event, err) : print_all(cli, s, err);
	ramet_session_close(s);
	return r;
}

static const struct opt opts[] = {
	{ "append", 'a', "JSON", "add this event, and print its id" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_events = {
	.name = "events", .args = "S", .help = "the tunnel events of a session",
	.more = "Events that ggcode shares with other screens, an object a line, in the order in\n"
		"which they were stored; in other formats they are custom entries of the type\n"
		"" TYPE ". With --append and --json {\"id\"}.\n"
		"\n"
		"Examples:\n"
		"  ramet events @last --store ggcode\n"
		"  ramet events s.jsonl --append '{\"event_id\":\"e1\",\"type\":\"text\"}'\n",
	.opts = opts, .min_words = 1, .max_words = 1, .run = run,
};
