/*
 * cli/cmd_show.c - ramet show: the conversation on one branch, as a person reads it.
 *
 * Everything on the path from the root is told in its order, also what a compaction or an edit
 * hides from the model. Talk is shown whole; what tools did is folded. One entry is in memory at a
 * time.
 */
#include "cli/age.h"
#include "cli/cli.h"
#include "cli/entryline.h"
#include "cli/messages.h"
#include "cli/resolve.h"

/* A conversation being shown. */
struct show {
	struct out *out;
	const struct ramet_session *session;
	const struct ramet_tree *tree;
	struct ramet_labels labels;
	struct ramet_json_doc doc;
	struct ramet_buf scratch, text;          /* an entry; a short text */
	struct messages_opts how;
	int after_line;                          /* a message needs an empty line before it */
};

/* Entries that read like a message, and the role they then have; NULL: they do not. */
static const struct ramet_json *message_of(const struct ramet_json *entry, int type,
					   const char **role)
{
	const struct ramet_json *message = entry;

	*role = NULL;
	if (type == RAMET_ENTRY_CUSTOM_MESSAGE)
		*role = "custom";
	else if (type == RAMET_ENTRY_COMPACTION)
		*role = "compactionSummary";
	else if (type == RAMET_ENTRY_BRANCH_SUMMARY)
		*role = "branchSummary";
	else
		message = type == RAMET_ENTRY_MESSAGE ? ramet_json_get(entry, "message") : NULL;
	return ramet_json_kind(message) == RAMET_JSON_OBJECT ? message : NULL;
}

/* What is worth saying beside the text, in s->text. */
static const char *note_of(struct show *s, const struct ramet_json *entry, int type)
{
	const struct ramet_json *tokens = ramet_json_get(entry, "tokensBefore");
	const struct ramet_json *display = ramet_json_get(entry, "display");

	if (type == RAMET_ENTRY_CUSTOM_MESSAGE && ramet_json_kind(display) == RAMET_JSON_FALSE)
		return "hidden";
	if (type != RAMET_ENTRY_COMPACTION || ramet_json_kind(tokens) != RAMET_JSON_NUMBER)
		return NULL;
	ramet_buf_reset(&s->text);
	age_add_count(&s->text, ramet_json_number(tokens));
	ramet_buf_add_str(&s->text, " tokens before");
	return s->text.ptr;
}

/* "·· model  acme/m-1  2026-03-02 09:00:05  3f2a11bc" */
static int show_line(struct show *s, uint32_t row, const struct messages_place *place,
		     struct ramet_error *err)
{
	const char *word = entry_word(ramet_tree_row(s->tree, row));
	struct out *o = s->out;
	size_t used = 5 + ramet_bytes_of(word).len + messages_place_cells(o, place);
	size_t room = out_room(o, used, 8);
	int r;

	ramet_buf_reset(&s->text);
	r = ramet_entry_excerpt(s->session, row, room < 1u << 20 ? room * 4 + 64 : SIZE_MAX / 2,
				&s->text, err);
	if (r < 0)
		return r;
	out_style(o, STYLE_DIM);
	out_str(o, "·· ");
	out_str(o, word);
	out_str(o, s->text.len ? "  " : "");
	out_safe(o, ramet_buf_bytes(&s->text), room);
	out_style(o, STYLE_NONE);
	messages_add_place(o, place);
	out_newline(o);
	s->after_line = 1;
	return 0;
}

static int show_entry(struct show *s, uint32_t row, struct ramet_error *err)
{
	const struct ramet_row *facts = ramet_tree_row(s->tree, row);
	const struct ramet_label *label = ramet_labels_find(&s->labels, row);
	struct messages_place place = { .time_ms = facts->time_ms };
	const struct ramet_json *message, *entry;
	struct ramet_bytes json;
	int r = ramet_tree_entry(s->tree, row, &s->scratch, &json, err);

	if (r == 0)
		r = ramet_json_parse(&s->doc, json, 0, err);
	if (r < 0)
		return r;
	place.id = ramet_tree_id(s->tree, row);
	if (label)
		place.label = label->text;
	entry = ramet_json_root(&s->doc);
	message = message_of(entry, facts->type, &place.role);
	if (!message)
		return show_line(s, row, &place, err);
	place.note = note_of(s, entry, facts->type);
	s->how.place = &place;
	if (s->after_line)
		out_newline(s->out);
	s->after_line = 0;
	messages_print(s->out, message, &s->how);
	return 0;
}

static int show_path(struct cli *cli, const struct ramet_session *session,
		     const struct ramet_path *path, struct ramet_error *err)
{
	struct show s = {
		.out = &cli->out, .session = session, .tree = ramet_session_tree(session),
		.labels = RAMET_LABELS_INIT, .doc = RAMET_JSON_DOC_INIT,
		.scratch = RAMET_BUF_INIT(CLI_TEXT_MAX), .text = RAMET_BUF_INIT(CLI_TEXT_MAX),
		.how = { .all = args_has(&cli->args, "all"), .brief = 1 },
	};
	int r = ramet_tree_labels(s.tree, &s.labels, err);

	s.how.thinking = s.how.all || args_has(&cli->args, "thinking");
	for (uint32_t i = 0; i < path->n && r == 0 && !out_broken(s.out); i++)
		r = show_entry(&s, path->rows[i], err);
	ramet_labels_release(&s.labels);
	ramet_json_doc_release(&s.doc);
	ramet_buf_release(&s.scratch);
	ramet_buf_release(&s.text);
	if (r == 0) {
		age_add_count(&cli->out.hint, path->n);
		ramet_buf_add_str(&cli->out.hint, path->n == 1 ? " entry" : " entries");
		ramet_buf_add_str(&cli->out.hint, s.how.all ? "" : "; --all unfolds");
	}
	return r;
}

/* As `ramet entries` prints them, an entry at a time. */
static int print_json(struct cli *cli, const struct ramet_session *s,
		      const struct ramet_path *path, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(CLI_TEXT_MAX);
	uint32_t next;
	int r = 0;

	for (uint32_t i = 0; i < path->n && r == 0 && !out_broken(&cli->out); i++) {
		ramet_buf_reset(&text);
		r = ramet_report_entries(s, path->rows[i], 1, &text, &next, err);
		if (r == 0)
			out_json(&cli->out, ramet_buf_bytes(&text));
	}
	ramet_buf_release(&text);
	return r;
}

static int run(struct cli *cli, struct ramet_error *err)
{
	static const char *const names[] = { "at", "leaf", NULL };
	int which = args_one_of(&cli->args, names, err);
	struct ramet_path path = RAMET_PATH_INIT;
	struct ramet_session *s;
	uint32_t leaf;
	int r = which < -1 ? which : resolve_session(cli, &s, err);

	if (r < 0)
		return r;
	leaf = ramet_session_leaf(s);
	if (which >= 0)
		r = resolve_entry(s, args_get(&cli->args, names[which]), &leaf, err);
	if (r == 0)
		r = ramet_tree_path(ramet_session_tree(s), leaf, &path, err);
	if (r == 0)
		r = (args_has(&cli->args, "json") ? print_json : show_path)(cli, s, &path, err);
	ramet_path_release(&path);
	ramet_session_close(s);
	return r;
}

static const struct opt opts[] = {
	{ "at", 0, "ENTRY", "up to this entry: an id, the prefix of one, or null" },
	{ "leaf", 'l', "ENTRY", "the same as --at" },
	{ "all", 'a', NULL, "tool output, tool calls and thinking in full" },
	{ "thinking", 't', NULL, "the text of thinking" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_show = {
	.name = "show", .args = "[S]", .help = "the conversation on one branch, to read",
	.more = "Everything on the path to the leaf, or to --at: also what compaction hid from\n"
		"the model (ramet context shows what it sees). With --json the entries, one a\n"
		"line.\n"
		"\n"
		"Examples:\n"
		"  ramet show @last\n"
		"  ramet show 019c9d02 --at 3f2a --thinking\n",
	.opts = opts, .min_words = 0, .max_words = 1, .run = run,
};
