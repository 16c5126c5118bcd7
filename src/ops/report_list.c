/*
 * ops/report_list.c - what a list says about one session.
 */
#include "ops/report_priv.h"

int ramet_report_list_item(const struct ramet_session_info *info, struct ramet_buf *out,
			   struct ramet_error *err)
{
	struct ramet_json_writer w;
	size_t start = out->len;

	ramet_json_writer_init(&w, out);
	ramet_json_open_object(&w);
	rameti_write_member(&w, "path", info->path);
	rameti_write_member(&w, "id", info->id);
	rameti_write_member(&w, "cwd", info->cwd);
	rameti_write_member(&w, "name", info->name);
	rameti_write_member(&w, "parentSessionPath", info->parent_session);
	ramet_json_key(&w, "created");
	rameti_write_time(&w, info->created_ms);
	ramet_json_key(&w, "modified");
	rameti_write_time(&w, info->modified_ms);
	ramet_json_key(&w, "messageCount");
	ramet_json_add_int(&w, (int64_t)info->message_count);
	rameti_write_member(&w, "firstMessage", info->first_message);
	if (info->format)
		rameti_write_member(&w, "format", ramet_bytes_of(info->format));
	rameti_write_member(&w, "allMessagesText", info->all_text);
	ramet_json_close_object(&w);
	return rameti_report_end(out, start, 0, err);
}
