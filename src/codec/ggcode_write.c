/*
 * codec/ggcode_write.c - records of ggcode to the byte: its order of members, its filler.
 *
 * The original's encoder writes a fixed struct: times and the token usage stand in every record,
 * zero where they mean nothing. Dialect 1 is version 1.3.33, which had neither usage nor times of
 * messages. Values come in as raw JSON or decoded texts; nothing is judged here.
 */
#include "codec/ggcode_priv.h"

#include "base/add.h"
#include "base/error.h"
#include "json/scan.h"

#include <string.h>

#define ZERO_TIME "\"0001-01-01T00:00:00Z\""
#define NO_USAGE                                                                                   \
	"{\"input_tokens\":0,\"output_tokens\":0,\"cache_read_tokens\":0,\"cache_write_tokens\":0}"

static void add_text_behind(struct ramet_buf *out, struct ramet_bytes front,
			    struct ramet_bytes text)
{
	ramet_buf_add(out, front);
	rameti_gg_add_text(out, text, 0);
}

#define FRONT(key) ((struct ramet_bytes){ ",\"" key "\":", sizeof(key) + 3 })
/* A member, if it says anything. */
#define ADD_TEXT(out, key, text)                                                                   \
	do {                                                                                       \
		if ((text).len)                                                                    \
			add_text_behind(out, FRONT(key), text);                                    \
	} while (0)

#define ADD_RAW(out, key, raw)                                                                     \
	do {                                                                                       \
		if ((raw).ptr) {                                                                   \
			ADD(out, ",\"" key "\":");                                                 \
			ramet_buf_add(out, raw);                                                   \
		}                                                                                  \
	} while (0)
/* Never left out. */
#define ADD_TIME(out, key, raw)                                                                    \
	do {                                                                                       \
		ADD_RAW(out, key, raw);                                                            \
		if (!(raw).ptr)                                                                    \
			ADD(out, ",\"" key "\":" ZERO_TIME);                                       \
	} while (0)

static void add_front(struct ramet_buf *out, const struct rameti_gg_record *g, int dialect)
{
	static const char none[] = NO_USAGE;
	struct ramet_bytes usage = g->token_usage;

	ADD_TEXT(out, "title", g->title);
	if (!dialect)
		ADD_TEXT(out, "preview", g->preview);
	ADD_TEXT(out, "workspace", g->workspace);
	ADD_TEXT(out, "vendor", g->vendor);
	ADD_TEXT(out, "endpoint", g->endpoint);
	ADD_TEXT(out, "model", g->model);
	if (!usage.ptr && !g->created_at.ptr && !g->updated_at.ptr) {
		if (!dialect)
			ADD(out, ",\"token_usage\":" NO_USAGE);
		ADD(out, ",\"created_at\":" ZERO_TIME ",\"updated_at\":" ZERO_TIME);
		if (g->tunnel_events_complete)
			ADD(out, ",\"tunnel_events_complete\":true");
		return;
	}
	if (!usage.ptr)
		usage = (struct ramet_bytes){ none, sizeof(none) - 1 };
	if (!dialect)
		ADD_RAW(out, "token_usage", usage);
	ADD_TIME(out, "created_at", g->created_at);
	ADD_TIME(out, "updated_at", g->updated_at);
	if (g->tunnel_events_complete)
		ADD(out, ",\"tunnel_events_complete\":true");
}

void rameti_gg_add_record(struct ramet_buf *out, const struct rameti_gg_record *g,
			  struct ramet_bytes session_id, int dialect)
{
	ADD(out, "{\"type\":\"");
	ramet_buf_add_str(out, g->type);
	ADD(out, "\"");
	ADD_TEXT(out, "session_id", session_id);
	add_front(out, g, dialect);
	ADD_RAW(out, "message", g->message);
	if (!dialect)
		ADD_TIME(out, "timestamp", g->timestamp);
	if (g->payload_key) {
		rameti_gg_add_key(out, g->payload_key);
		ramet_buf_add(out, g->payload);
	}
	if (!dialect) {
		ADD_TEXT(out, "permission_mode", g->permission_mode);
		ADD_RAW(out, "sidebar_visible", g->sidebar_visible);
		ADD_RAW(out, "context_window", g->context_window);
		ADD_RAW(out, "max_tokens", g->max_tokens);
		ADD_TEXT(out, "checkpoint_summary_msg_id", g->summary_id);
		ADD_TEXT(out, "checkpoint_last_msg_id", g->last_id);
		ADD_RAW(out, "checkpoint_tokens", g->checkpoint_tokens);
	}
	ADD_RAW(out, "checkpoint_messages", g->checkpoint_messages);
	if (dialect)
		ADD_RAW(out, "checkpoint_tokens", g->checkpoint_tokens);
	ADD_TEXT(out, "firstKeptEntryId", g->first_kept);
	ADD_RAW(out, "systemMessage", g->system_message);
	ADD_RAW(out, "entry", g->entry);
	ADD(out, "}\n");
}

void rameti_gg_keep_meta(struct rameti_encoder *e, const struct ramet_buf *out, size_t from)
{
	ramet_buf_reset(&e->scratch);
	if (!out->status && out->len > from)
		ramet_buf_add(&e->scratch,
			      (struct ramet_bytes){ out->ptr + from, out->len - from - 1 });
}

/* A carrier as far as the entry, the same for all of a session. */
static struct ramet_bytes carrier_front(struct rameti_encoder *e)
{
	struct rameti_gg_record g = { .type = RAMETI_GG_CARRIER };

	if (!e->front.len) {
		rameti_gg_add_record(&e->front, &g, ramet_buf_bytes(&e->id), e->dialect);
		if (e->front.len)
			ramet_buf_truncate(&e->front, e->front.len - 2); /* its end */
		ADD(&e->front, ",\"entry\":");
	}
	return ramet_buf_bytes(&e->front);
}

int rameti_gg_carry(struct rameti_encoder *e, const struct rameti_draft *d, int64_t ms,
		    struct ramet_buf *scratch, struct ramet_buf *out)
{
	(void)ms;
	(void)scratch;
	ramet_buf_add(out, carrier_front(e));
	(void)rameti_pi_write_entry(d, out, NULL);
	ADD(out, "}\n");
	return ramet_buf_status(&e->front) < 0 || ramet_buf_status(out) < 0 ? RAMET_ENOMEM : 0;
}

/* ---- the fields of a session ---- */

struct place {
	size_t at, len;
};

static struct place keep(struct rameti_gg_meta *m, const struct ramet_json *record, const char *key)
{
	struct place p = { m->texts.len, 0 };

	ramet_json_text(rameti_gg_get(record, key), &m->texts);
	p.len = m->texts.len - p.at;
	return p;
}

static struct ramet_bytes raw_of(const struct ramet_json *record, const char *key)
{
	const struct ramet_json *v = rameti_gg_get(record, key);

	return v ? ramet_json_raw(v) : (struct ramet_bytes){ NULL, 0 };
}

static struct ramet_bytes not_zero(struct ramet_bytes number)
{
	return ramet_bytes_is(number, "0") ? (struct ramet_bytes){ NULL, 0 } : number;
}

int rameti_gg_meta_init(struct rameti_gg_meta *m, struct ramet_bytes line, struct ramet_error *err)
{
	static const char *const keys[7] = { "title",	 "preview", "workspace",      "vendor",
					     "endpoint", "model",   "permission_mode" };
	struct rameti_gg_record *g = &m->record;
	struct ramet_bytes *const texts[7] = { &g->title,	   &g->preview,	 &g->workspace,
					       &g->vendor,	   &g->endpoint, &g->model,
					       &g->permission_mode };
	const struct ramet_json *o = NULL;
	struct place places[7];
	int i, e = 0;

	memset(m, 0, sizeof(*m));
	ramet_buf_init(&m->texts, SIZE_MAX / 2);
	if (line.len)
		e = ramet_json_parse(&m->doc, line, 0, err);
	o = line.len && !e ? ramet_json_root(&m->doc) : NULL;
	for (i = 0; i < 7; i++)
		places[i] = keep(m, o, keys[i]);
	if (!e && ramet_buf_status(&m->texts) < 0)
		e = rameti_fail_nomem(err);
	for (i = 0; !e && i < 7; i++)
		*texts[i] = (struct ramet_bytes){ m->texts.ptr ? m->texts.ptr + places[i].at : "",
						  places[i].len };
	g->type = "meta";
	g->token_usage = raw_of(o, "token_usage");
	g->created_at = raw_of(o, "created_at");
	g->updated_at = raw_of(o, "updated_at");
	g->sidebar_visible = raw_of(o, "sidebar_visible");
	g->context_window = not_zero(raw_of(o, "context_window"));
	g->max_tokens = not_zero(raw_of(o, "max_tokens"));
	g->tunnel_events_complete = ramet_json_truthy(rameti_gg_get(o, "tunnel_events_complete"));
	if (e < 0)
		rameti_gg_meta_release(m);
	return e;
}

void rameti_gg_meta_release(struct rameti_gg_meta *m)
{
	ramet_json_doc_release(&m->doc);
	ramet_buf_release(&m->texts);
}

void rameti_gg_own_record(struct ramet_buf *record, struct ramet_bytes id)
{
	struct ramet_json_edit edit = { { "session_id", sizeof("session_id") - 1 }, { NULL, 0 } };
	struct ramet_buf quoted = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_buf changed = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *root;
	int r = ramet_json_parse(&doc, ramet_buf_bytes(record), 0, NULL);

	ramet_buf_add_json_string(&quoted, id);
	edit.value = ramet_buf_bytes(&quoted);
	root = r < 0 ? NULL : ramet_json_root(&doc);
	if (!ramet_buf_status(&quoted) && ramet_json_get(root, edit.key.ptr) &&
	    !ramet_bytes_eq(ramet_json_raw(ramet_json_get(root, edit.key.ptr)), edit.value))
		r = ramet_json_edit(&changed, ramet_buf_bytes(record), root, &edit, 1, NULL);
	if (!r && changed.len) {
		ramet_buf_reset(record);
		ramet_buf_add(record, ramet_buf_bytes(&changed));
	}
	if (r == RAMET_ENOMEM || ramet_buf_status(&quoted) < 0)
		record->status = RAMET_ENOMEM;
	ramet_json_doc_release(&doc);
	ramet_buf_release(&quoted);
	ramet_buf_release(&changed);
}

/* ---- a new file ---- */

/* A meta record comes first: where and when. */
int rameti_gg_start(struct rameti_encoder *e, const struct rameti_draft_header *h,
		    struct ramet_buf *out, struct ramet_error *err)
{
	struct rameti_gg_record g = { .type = "meta" };
	struct ramet_buf time = RAMET_BUF_INIT(128);
	size_t from = out->len;

	ramet_buf_reset(&e->id);
	ramet_buf_add(&e->id, h->id);
	rameti_gg_add_time(&time, h->time_ms);
	if (ramet_buf_status(&time) < 0) {
		ramet_buf_release(&time);
		return rameti_fail_nomem(err);
	}
	if (h->cwd.ptr)
		g.workspace = h->cwd;
	g.created_at = g.updated_at = ramet_buf_bytes(&time);
	rameti_gg_add_record(out, &g, ramet_buf_bytes(&e->id), e->dialect);
	rameti_gg_keep_meta(e, out, from);
	ramet_buf_release(&time);
	return ramet_buf_status(out) < 0 || ramet_buf_status(&e->id) < 0 ||
			       ramet_buf_status(&e->scratch) < 0
		       ? rameti_fail_nomem(err)
		       : 0;
}
