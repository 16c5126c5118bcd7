/*
 * store/target_apart.c - one entry of a new session as lines, without a look at those before it.
 *
 * Formats that are nearly pi's write every entry so. Of the others those entries are that their
 * codec can write apart: then a second thread does it, with an encoder of its own.
 */
#include "store/target.h"

#include <string.h>

#include "base/error.h"
#include "codec/span.h"

/* ---- formats that are nearly pi's ---- */

void rameti_target_work_init(struct rameti_target_work *w)
{
	int i;

	memset(w, 0, sizeof(*w));
	ramet_buf_init(&w->members, SIZE_MAX / 2);
	for (i = 0; i < 3; i++)
		ramet_buf_init(&w->texts[i], SIZE_MAX / 2);
}

void rameti_target_work_release(struct rameti_target_work *w)
{
	int i;

	ramet_json_doc_release(&w->doc);
	ramet_buf_release(&w->members);
	for (i = 0; i < 3; i++)
		ramet_buf_release(&w->texts[i]);
}

/* The raw text of a member, or what it holds as a decoded text: into to, NULL for what is none. */
static struct ramet_bytes decoded(const struct ramet_json *v, struct ramet_buf *to)
{
	struct ramet_bytes none = { NULL, 0 };

	ramet_buf_reset(to);
	if (ramet_json_kind(v) != RAMET_JSON_STRING)
		return none;
	ramet_json_text(v, to);
	return to->len ? ramet_buf_bytes(to) : (struct ramet_bytes){ "", 0 };
}

/* Is this a custom entry that carries another one? Its type stands near its start. */
static int is_carrier_text(struct ramet_bytes line)
{
	static const char mark[] = "\"customType\":\"ramet.entry\"";

	return memmem(line.ptr, line.len < 256 ? line.len : 256, mark, sizeof(mark) - 1) != NULL;
}

static int is_carrier(const struct ramet_buf *out, size_t from)
{
	static const char start[] = "{\"type\":\"custom\"";

	if (out->len - from < sizeof(start) || memcmp(out->ptr + from, start, sizeof(start) - 1))
		return 0;
	return is_carrier_text((struct ramet_bytes){ out->ptr + from, out->len - from });
}

int rameti_target_draft(const struct rameti_codec *codec, struct rameti_target_work *w,
			struct ramet_bytes entry, struct ramet_buf *out, struct ramet_error *err)
{
	struct rameti_found found[RAMETI_SCAN_WANTS_MAX];
	const struct ramet_json *root;
	struct rameti_draft d = { .timestamp = { NULL, 0 } };
	size_t from = out->len;
	int r = ramet_json_parse(&w->doc, entry, 0, err);

	if (r < 0)
		return r;
	root = ramet_json_root(&w->doc);
	ramet_buf_reset(&w->members);
	if (!codec->from_entry || root->flags & RAMET_JSON_BAD_UTF8)
		rameti_span_add_own_members(&w->members, root);
	d.type = decoded(ramet_json_get(root, "type"), &w->texts[0]);
	d.id = decoded(ramet_json_get(root, "id"), &w->texts[1]);
	d.parent = decoded(ramet_json_get(root, "parentId"), &w->texts[2]);
	d.members = ramet_buf_bytes(&w->members);
	d.entry = root;
	if (ramet_json_get(root, "timestamp"))
		d.timestamp = ramet_json_raw(ramet_json_get(root, "timestamp"));
	if (ramet_buf_status(&w->members) < 0 || ramet_buf_status(&w->texts[0]) < 0 ||
	    ramet_buf_status(&w->texts[1]) < 0 || ramet_buf_status(&w->texts[2]) < 0)
		return rameti_fail_nomem(err);
	codec->write_entry(&d, out, found);
	ramet_buf_add_char(out, '\n');
	return is_carrier(out, from) && !is_carrier_text(entry) ? RAMETI_CARRIED : RAMETI_SAID;
}

/* ---- beside another one ---- */

int rameti_target_aside_init(struct rameti_target_aside *a, const struct rameti_target *t)
{
	const struct ramet_bytes none = { NULL, 0 };

	memset(a, 0, sizeof(*a));
	if (t->codec == &rameti_codec_pi || (t->codec->encode && !t->codec->apart))
		return 0; /* pi's entries are lines as they are */
	a->codec = t->codec;
	rameti_target_work_init(&a->work);
	if (rameti_encoder_init(&a->encoder, t->codec, NULL, none, NULL) < 0)
		return 0;
	a->encoder.from_codec = 1;
	ramet_buf_add(&a->encoder.id, ramet_buf_bytes(&t->encoder.id));
	return !t->encoder.dialect;
}

int rameti_target_aside_entry(struct rameti_target_aside *a, struct ramet_bytes entry,
			      struct ramet_buf *out, struct rameti_apart *is)
{
	size_t from = out->len;

	if (a->codec->apart)
		return a->codec->apart(&a->encoder, entry, out, is);
	memset(is, 0, sizeof(*is));
	is->made = -1;
	is->said = rameti_target_draft(a->codec, &a->work, entry, out, NULL);
	if (is->said >= 0)
		return 1;
	ramet_buf_truncate(out, from);
	return 0;
}

void rameti_target_aside_release(struct rameti_target_aside *a)
{
	if (!a->codec)
		return;
	rameti_encoder_release(&a->encoder);
	rameti_target_work_release(&a->work);
}
