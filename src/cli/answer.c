/*
 * cli/answer.c - ids, paths and small JSON objects, as commands that write answer with.
 */
#include "cli/answer.h"

#include "base/error.h"

static void add_object(struct cli *cli, const char *key, struct ramet_bytes text)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;

	ramet_json_writer_init(&w, &json);
	ramet_json_open_object(&w);
	ramet_json_key(&w, key);
	ramet_json_add_text(&w, text);
	ramet_json_close_object(&w);
	out_json(&cli->out, ramet_buf_bytes(&json));
	out_newline(&cli->out);
	ramet_buf_release(&json);
}

void answer_text(struct cli *cli, const char *key, struct ramet_bytes text)
{
	if (args_has(&cli->args, "json")) {
		add_object(cli, key, text);
		return;
	}
	out_safe(&cli->out, text, TEXT_ALL);
	out_newline(&cli->out);
}

void answer_id(struct cli *cli, struct ramet_bytes id)
{
	answer_text(cli, "id", id);
}

void answer_path(struct cli *cli, const char *path)
{
	if (cli->out.terminal)
		text_add_path(&cli->out.buf, ramet_bytes_of(path), TEXT_ALL);
	else
		out_str(&cli->out, path);
	out_newline(&cli->out);
}

int answer_json(struct cli *cli, const struct ramet_buf *json, struct ramet_error *err)
{
	if (ramet_buf_status(json) < 0)
		return rameti_fail_nomem(err);
	out_json(&cli->out, ramet_buf_bytes(json));
	out_newline(&cli->out);
	return 0;
}

void answer_add_text(struct ramet_json_writer *w, const char *key, struct ramet_bytes text)
{
	if (!text.ptr)
		return;
	ramet_json_key(w, key);
	ramet_json_add_text(w, text);
}

void answer_add_path(struct ramet_json_writer *w, const char *key, const char *path)
{
	if (path && *path)
		answer_add_text(w, key, ramet_bytes_of(path));
}

void answer_add_row(struct ramet_json_writer *w, const char *key, const struct ramet_session *s,
		    uint32_t row)
{
	const struct ramet_tree *t = ramet_session_tree(s);

	ramet_json_key(w, key);
	if (row == RAMET_NONE || ramet_tree_row(t, row)->flags & RAMET_ROW_NO_ID)
		ramet_json_add_null(w);
	else
		ramet_json_add_text(w, ramet_tree_id(t, row));
}
