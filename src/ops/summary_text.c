/*
 * ops/summary_text.c - the texts of summaries: what a summariser reads, and what is stored.
 *
 * The tags and the lists of files are pi's, because models are used to them, and because pi reads
 * the lists of the last summary when it makes the next one.
 */
#include "ops/summary_priv.h"

#include "base/error.h"
#include "json/scan.h"

static void begin_block(const char *name, size_t start, struct ramet_buf *out)
{
	ramet_buf_addf(out, "%s<%s>\n", out->len > start ? "\n\n" : "", name);
}

int rameti_summary_block(const char *name, const struct ramet_message *messages, uint32_t n,
			 size_t start, struct ramet_buf *out,
			 struct ramet_error *err)
{
	size_t before = out->len, inside;
	int r;

	begin_block(name, start, out);
	inside = out->len;
	r = rameti_conversation_add(messages, n, out, err);
	if (r < 0 || out->len == inside)
		ramet_buf_truncate(out, before);
	else
		ramet_buf_addf(out, "\n</%s>", name);
	return r;
}

void rameti_summary_text_block(const char *name, struct ramet_bytes text, size_t start,
			       struct ramet_buf *out)
{
	if (!text.len)
		return;
	begin_block(name, start, out);
	ramet_buf_add(out, text);
	ramet_buf_addf(out, "\n</%s>", name);
}

static void add_paths(const char *name, const struct ramet_bytes *paths, uint32_t n,
		      struct ramet_buf *out)
{
	uint32_t i;

	if (!n)
		return;
	ramet_buf_addf(out, "\n\n<%s>\n", name);
	for (i = 0; i < n; i++) {
		ramet_buf_add(out, paths[i]);
		ramet_buf_add_char(out, '\n');
	}
	ramet_buf_addf(out, "</%s>", name);
}

int rameti_summary_compose(const char *head, const struct ramet_written_summary *w,
			   const struct rameti_file_lists *l, struct ramet_buf *out,
			   struct ramet_error *err)
{
	struct ramet_bytes text = rameti_utf8_trim(w->text);

	if (!text.len)
		return rameti_fail(err, RAMET_EINVAL, "the summary is empty");
	ramet_buf_add_str(out, head);
	ramet_buf_add(out, text);
	if (!w->no_files) {
		add_paths("read-files", l->read, l->n_read, out);
		add_paths("modified-files", l->modified, l->n_modified, out);
	}
	return ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}

static void write_paths(const char *key, const struct ramet_bytes *paths, uint32_t n,
			struct ramet_json_writer *w)
{
	uint32_t i;

	ramet_json_key(w, key);
	ramet_json_open_array(w);
	for (i = 0; i < n; i++)
		ramet_json_add_text(w, paths[i]);
	ramet_json_close_array(w);
}

void rameti_summary_members(const struct rameti_file_lists *l, struct ramet_json_writer *w)
{
	write_paths("readFiles", l->read, l->n_read, w);
	write_paths("modifiedFiles", l->modified, l->n_modified, w);
}

void rameti_summary_details(const struct rameti_file_lists *l, struct ramet_buf *out)
{
	struct ramet_json_writer w;

	ramet_json_writer_init(&w, out);
	ramet_json_open_object(&w);
	rameti_summary_members(l, &w);
	ramet_json_close_object(&w);
}
