/*
 * codec/pi_write.c - lines as pi writes them: its member order, no white space.
 *
 * Most entries begin with type, id, parentId and timestamp; custom entries and custom
 * messages carry their own members in between. See docs/format/pi.md.
 */
#include "codec/codec.h"

#include "base/clock.h"

static void add_member(struct ramet_buf *out, const char *key, struct ramet_bytes raw)
{
	ramet_buf_add_str(out, key);
	ramet_buf_add(out, raw);
}

static void add_place(const struct rameti_draft *d, struct ramet_buf *out)
{
	ramet_buf_add_str(out, ",\"id\":");
	ramet_buf_add_json_string(out, d->id);
	ramet_buf_add_str(out, ",\"parentId\":");
	if (d->parent.ptr)
		ramet_buf_add_json_string(out, d->parent);
	else
		ramet_buf_add_str(out, "null");
	if (d->timestamp.len)
		add_member(out, ",\"timestamp\":", d->timestamp);
}

void rameti_pi_write_entry(const struct rameti_draft *d, struct ramet_buf *out)
{
	int own_first = ramet_bytes_is(d->type, "custom") ||
			ramet_bytes_is(d->type, "custom_message");

	ramet_buf_add_str(out, "{\"type\":");
	ramet_buf_add_json_string(out, d->type);
	if (!own_first)
		add_place(d, out);
	if (d->members.len)
		add_member(out, ",", d->members);
	if (own_first)
		add_place(d, out);
	ramet_buf_add_char(out, '}');
}

void rameti_pi_write_header(const struct rameti_draft_header *h, struct ramet_buf *out)
{
	char time[32];

	rameti_time_format(h->time_ms, time);
	ramet_buf_add_str(out, "{\"type\":\"session\",\"version\":3,\"id\":");
	ramet_buf_add_json_string(out, h->id);
	ramet_buf_addf(out, ",\"timestamp\":\"%s\"", time);
	if (h->cwd.ptr) {
		ramet_buf_add_str(out, ",\"cwd\":");
		ramet_buf_add_json_string(out, h->cwd);
	}
	if (h->parent_session.ptr) {
		ramet_buf_add_str(out, ",\"parentSession\":");
		ramet_buf_add_json_string(out, h->parent_session);
	}
	ramet_buf_add_char(out, '}');
}
