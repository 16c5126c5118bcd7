/*
 * codec/ggcode_encode.c - entries of pi as records of ggcode.
 *
 * What ggcode's model must see becomes messages; a compaction becomes a summary message and a
 * checkpoint that names it; titles and models become whole meta records, because the last of them
 * counts with every field. Everything else is carried in a record of a type that ggcode passes
 * over. A record that its decoder would refuse is never written.
 */
#include "codec/ggcode_priv.h"

#include <string.h>

#include "base/add.h"
#include "base/error.h"
#include "json/scan.h"
#include "model/tree.h"

/* A longer record is read to see that it can be. */
#define RECORD_USUAL ((size_t)1 << 28)

/* Members that every entry is asked for. */
enum { TYPE, ID, TIMESTAMP, MESSAGE, N_COMMON };

struct job {
	struct rameti_encoder *e;
	const struct ramet_json *entry, *common[N_COMMON];
	/* the entry's id, decoded; its time, quoted; its systemMessage, compact */
	struct ramet_buf *id, *work, *more, *time, *system;
	int64_t ms;
	int made; /* how many entries are found in what was written; -1: not known */
};

static const struct ramet_json *get(const struct job *j, const char *key)
{
	return ramet_json_get(j->entry, key);
}

static struct ramet_bytes text_in(const struct ramet_json *v, struct ramet_buf *to)
{
	ramet_buf_reset(to);
	ramet_json_text(v, to);
	return ramet_buf_bytes(to);
}

static void write_record(const struct job *j, const struct rameti_gg_record *g,
			 struct ramet_buf *out)
{
	rameti_gg_add_record(out, g, ramet_buf_bytes(&j->e->id), j->e->dialect);
}

/* May what a compaction keeps begin with this entry? */
static int spoken(const struct job *j)
{
	const struct ramet_json *type = j->common[TYPE];

	return ramet_json_text_is(type, "message") || ramet_json_text_is(type, "custom_message") ||
			       ramet_json_text_is(type, "branch_summary") ?
		       RAMETI_GG_SPOKEN :
		       0;
}

/* ---- messages ---- */

/* Will this entry, carried in a record, be found there? */
static int is_found_again(const struct ramet_json *entry)
{
	const struct ramet_json *type = ramet_json_get(entry, "type");
	struct ramet_bytes name = ramet_json_plain(type);

	return name.len && name.len < 64 && ramet_entry_type_of(name) != RAMET_ENTRY_HEADER &&
	       entry->span < RAMETI_GG_USUAL_SPAN;
}

/* An entry that ggcode has no record for, as it is; too deep for its decoder: as a text. */
static int carry(struct job *j, struct ramet_buf *out)
{
	struct rameti_gg_record g = { .type = RAMETI_GG_CARRIER };

	/* what was to be said in place of it may only have failed */
	if (ramet_buf_status(j->work) < 0 || ramet_buf_status(j->more) < 0)
		out->status = RAMET_ENOMEM;
	j->made = is_found_again(j->entry) ? 1 : -1;
	ramet_buf_reset(j->work);
	rameti_json_add_compact(j->work, j->entry);
	g.entry = ramet_buf_bytes(j->work);
	if (rameti_gg_is_deeper(j->entry, RAMETI_GG_DEPTH_MAX - 1)) {
		ramet_buf_reset(j->more);
		rameti_gg_add_text(j->more, g.entry, 0);
		g.entry = ramet_buf_bytes(j->more);
	}
	write_record(j, &g, out);
	rameti_gg_log_id(j->e, ramet_buf_bytes(j->id), spoken(j));
	return RAMETI_CARRIED;
}

/* Would what stands in out from there on be read? If not, it is taken out again, unless out has
 * failed: the caller asks. */
static int keeps(struct ramet_buf *out, size_t from)
{
	struct ramet_bytes line = { out->ptr + from, out->len - from };

	if (out->status || rameti_gg_line_fits(line, out) || out->status)
		return 1;
	ramet_buf_truncate(out, from);
	return 0;
}

/* A message record around j->work, which is as `told` says (enum rameti_gg_told). */
static int write_message(struct job *j, int told, struct ramet_bytes id, struct ramet_bytes entry,
			 struct ramet_buf *out)
{
	struct rameti_gg_record g = { .type = "message" };
	size_t from = out->len;

	g.message = ramet_buf_bytes(j->work);
	if (j->ms != RAMET_TIME_NONE)
		g.timestamp = ramet_buf_bytes(j->time);
	g.entry = entry;
	write_record(j, &g, out);
	if (ramet_buf_status(out) < 0)
		return RAMETI_SAID; /* the caller asks */
	if (told == RAMETI_GG_TOLD_SURELY && out->len - from < RECORD_USUAL) {
		j->made = !entry.len || is_found_again(j->entry) ? 1 : -1;
	} else if (!keeps(out, from)) {
		return carry(j, out);
	}
	rameti_gg_log_id(j->e, id, RAMETI_GG_AS_MESSAGE | spoken(j));
	return RAMETI_SAID;
}

static int plain_message(struct job *j, struct ramet_buf *out)
{
	struct ramet_bytes id = ramet_buf_bytes(j->id), whole = { NULL, 0 };
	int told;

	ramet_buf_reset(j->work);
	if (j->e->dialect)
		id.len = 0;
	told = rameti_gg_add_message(j->work, j->common[MESSAGE], id, j->more);
	if (!told)
		return carry(j, out);
	if (told == RAMETI_GG_TOLD_PARTLY) {
		ramet_buf_reset(j->more);
		rameti_json_add_compact(j->more, j->entry);
		whole = ramet_buf_bytes(j->more);
	}
	return write_message(j, told, ramet_buf_bytes(j->id), whole, out);
}

/* For ggcode's model a message of the user; the entry itself stands beside it. */
static int retold_message(struct job *j, const struct ramet_json *m, int role,
			  const struct ramet_json *content, struct ramet_buf *out)
{
	struct ramet_buf user = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r, told = RAMETI_GG_TOLD_NOT;

	ADD(&user, "{\"role\":\"user\",\"content\":");
	if (content) {
		ramet_buf_add(&user, ramet_json_raw(content));
	} else {
		ramet_buf_reset(j->more);
		rameti_message_retold(m, role, j->more);
		ramet_buf_add_json_string(&user, ramet_buf_bytes(j->more));
	}
	ADD(&user, "}");
	ramet_buf_reset(j->work);
	r = ramet_buf_status(&user) < 0 ? RAMET_ENOMEM
					: ramet_json_parse(&doc, ramet_buf_bytes(&user), 0, NULL);
	if (!r)
		told = rameti_gg_add_message(j->work, ramet_json_root(&doc),
					     ramet_buf_bytes(j->id), j->more);
	if (!r && !told)
		r = RAMET_EINVAL;
	ramet_json_doc_release(&doc);
	ramet_buf_release(&user);
	if (r < 0)
		return r == RAMET_ENOMEM ? r : carry(j, out);
	ramet_buf_reset(j->more);
	rameti_json_add_compact(j->more, j->entry);
	return write_message(j, told, ramet_buf_bytes(j->id), ramet_buf_bytes(j->more), out);
}

static int message(struct job *j, struct ramet_buf *out)
{
	const struct ramet_json *m = j->common[MESSAGE], *role = ramet_json_get(m, "role");

	if (ramet_json_text_is(role, "bashExecution")) {
		if (ramet_json_truthy(ramet_json_get(m, "excludeFromContext")))
			return carry(j, out);
		return retold_message(j, m, RAMET_ROLE_BASH_EXECUTION, NULL, out);
	}
	if (ramet_json_text_is(role, "custom") || ramet_json_text_is(role, "hookMessage"))
		return retold_message(j, m, RAMET_ROLE_CUSTOM, ramet_json_get(m, "content"), out);
	/* the state of a prompt is none of ggcode's */
	if (ramet_json_text_is(role, "system") &&
	    (ramet_json_get(m, "sections") || ramet_json_get(m, "toolsAdded") ||
	     ramet_json_get(m, "toolsRemoved")))
		return carry(j, out);
	return plain_message(j, out);
}

/* ---- compactions ---- */

static void summary_message(struct job *j, struct ramet_bytes id, const struct ramet_json *summary,
			    struct ramet_buf *out)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);

	ADD(&text, RAMETI_GG_SUMMARY_MARK "\n");
	ramet_json_text(summary, &text);
	ramet_buf_reset(j->work);
	ADD(j->work, "{");
	if (id.len && !j->e->dialect) {
		ADD(j->work, "\"id\":");
		rameti_gg_add_text(j->work, id, 0);
		ADD(j->work, ",");
	}
	ADD(j->work, "\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":");
	rameti_gg_add_text(j->work, ramet_buf_bytes(&text), 0);
	ADD(j->work, "}]}");
	if (out)
		(void)write_message(j, RAMETI_GG_TOLD, id, (struct ramet_bytes){ NULL, 0 }, out);
	if (ramet_buf_status(&text) < 0)
		j->work->status = RAMET_ENOMEM;
	ramet_buf_release(&text);
}

/* What the model saw of the system then; ggcode passes over it. */
static void keep_system(struct job *j, struct rameti_gg_record *g)
{
	const struct ramet_json *m = get(j, "systemMessage");

	if (ramet_json_kind(m) != RAMET_JSON_OBJECT)
		return;
	rameti_json_add_compact(j->system, m);
	g->system_message = ramet_buf_bytes(j->system);
}

/* Version 1.3.33: the list is in the checkpoint. */
static int old_compaction(struct job *j, struct ramet_buf *out)
{
	struct rameti_gg_record g = { .type = "checkpoint" };

	summary_message(j, ramet_buf_bytes(j->id), get(j, "summary"), NULL);
	ramet_buf_reset(j->more);
	ADD(j->more, "[");
	ramet_buf_add(j->more, ramet_buf_bytes(j->work));
	ADD(j->more, "]");
	g.checkpoint_messages = ramet_buf_bytes(j->more);
	g.checkpoint_tokens = rameti_gg_number(get(j, "tokensBefore"));
	keep_system(j, &g);
	write_record(j, &g, out);
	rameti_gg_log_id(j->e, ramet_buf_bytes(j->id), 0);
	return RAMETI_SAID;
}

/* Ids of summary and last message: those it came with, if they are ggcode's and still there, else
 * made from the compaction. 1: its checkpoint came before the summary, and was written so. */
static int name_messages(struct job *j, struct ramet_bytes kept, struct ramet_buf *summary,
			 struct ramet_buf *last)
{
	const struct ramet_json *details = get(j, "details");
	int ours = ramet_json_text_is(ramet_json_get(details, "format"), "ggcode");
	struct ramet_bytes before, unused;

	if (ours)
		ramet_json_text(ramet_json_get(details, "summaryId"), summary);
	ours = ours && summary->len;
	if (ours)
		ramet_json_text(ramet_json_get(details, "lastId"), last);
	(void)rameti_gg_find_id(j->e, kept, &before);
	if (!ours || (last->len && !rameti_gg_find_id(j->e, ramet_buf_bytes(last), &unused))) {
		ramet_buf_reset(last);
		ramet_buf_add(last, before);
	}
	if (!summary->len) {
		ramet_buf_add(summary, ramet_buf_bytes(j->id));
		ADD(summary, RAMETI_GG_SUMMARY_END);
	}
	return ours && ramet_json_truthy(ramet_json_get(details, "behind"));
}

static int compaction(struct job *j, struct ramet_buf *out)
{
	struct ramet_buf summary = RAMET_BUF_INIT(SIZE_MAX / 2),
			 last = RAMET_BUF_INIT(SIZE_MAX / 2),
			 kept = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_gg_record g = { .type = "checkpoint" };
	struct ramet_bytes unused, first;
	int behind;

	if (rameti_gg_is_deeper(get(j, "systemMessage"), RAMETI_GG_USUAL_SPAN))
		return carry(j, out);
	if (j->e->dialect)
		return old_compaction(j, out);
	first = text_in(get(j, "firstKeptEntryId"), &kept);
	behind = name_messages(j, first, &summary, &last);
	if (!rameti_gg_find_id(j->e, ramet_buf_bytes(&summary), &unused))
		summary_message(j, ramet_buf_bytes(&summary), get(j, "summary"), out);
	g.summary_id = ramet_buf_bytes(&summary);
	g.last_id = ramet_buf_bytes(&last);
	g.checkpoint_tokens = rameti_gg_number(get(j, "tokensBefore"));
	g.first_kept = rameti_gg_unsaid_kept(j->e, g.summary_id, g.last_id, first);
	keep_system(j, &g);
	if (!behind)
		write_record(j, &g, out);
	j->made = -1;
	rameti_gg_log_id(j->e, ramet_buf_bytes(j->id), 0);
	if (ramet_buf_status(&summary) < 0 || ramet_buf_status(&last) < 0 ||
	    ramet_buf_status(&kept) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_release(&kept);
	ramet_buf_release(&summary);
	ramet_buf_release(&last);
	return RAMETI_SAID;
}

/* ---- the session's fields ---- */

static int last_meta(struct job *j, struct rameti_gg_meta *m, struct ramet_error *err)
{
	const struct rameti_reader *r = j->e->reader;
	struct ramet_bytes line = ramet_buf_bytes(&j->e->scratch);
	int e;

	if (!line.len && r)
		line = ramet_buf_bytes(&r->kept);
	e = rameti_gg_meta_init(m, line, err);
	if (!e && !line.len && r)
		m->record.workspace = r->header.cwd;
	return e;
}

/* The fields that the entry sets; 0: they are so already. */
static int set_title(struct job *j, struct rameti_gg_record *g)
{
	struct ramet_bytes title = text_in(get(j, "name"), j->more);
	int changed = !ramet_bytes_eq(title, g->title);

	g->title = title;
	return changed;
}

static int set_model(struct job *j, struct rameti_gg_record *g, struct ramet_buf *vendor)
{
	struct ramet_bytes provider = text_in(get(j, "provider"), vendor),
			   model = text_in(get(j, "modelId"), j->more), endpoint = g->endpoint;
	int changed = !ramet_bytes_eq(provider, g->vendor) || !ramet_bytes_eq(model, g->model);

	if (get(j, "endpoint"))
		endpoint = text_in(get(j, "endpoint"), j->work);
	else if (!ramet_bytes_eq(provider, g->vendor))
		endpoint.len = 0;
	changed |= !ramet_bytes_eq(endpoint, g->endpoint);
	g->vendor = provider;
	g->model = model;
	g->endpoint = endpoint;
	return changed;
}

/* A title or a model: the session's fields anew. In a new file nothing is said twice. */
static int meta(struct job *j, int is_title, struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_buf vendor = RAMET_BUF_INIT(SIZE_MAX / 2), created = RAMET_BUF_INIT(128);
	const struct rameti_reader *r = j->e->reader;
	struct rameti_gg_meta m;
	size_t from = out->len;
	int changed, e = last_meta(j, &m, err);

	if (e < 0)
		return e;
	changed = is_title ? set_title(j, &m.record) : set_model(j, &m.record, &vendor);
	if (j->ms != RAMET_TIME_NONE)
		m.record.updated_at = ramet_buf_bytes(j->time);
	if (!m.record.created_at.ptr && r && r->header.created_ms != RAMET_TIME_NONE) {
		rameti_gg_add_time(&created, r->header.created_ms);
		m.record.created_at = ramet_buf_bytes(&created);
	}
	if (changed || r) {
		write_record(j, &m.record, out);
		rameti_gg_keep_meta(j->e, out, from);
	}
	if (ramet_buf_status(&vendor) < 0 || ramet_buf_status(&created) < 0)
		out->status = RAMET_ENOMEM;
	rameti_gg_meta_release(&m);
	ramet_buf_release(&vendor);
	ramet_buf_release(&created);
	rameti_gg_log_id(j->e, ramet_buf_bytes(j->id), 0);
	return RAMETI_SAID;
}

/* ---- usage ---- */

static int usage(struct job *j, struct ramet_buf *out)
{
	struct rameti_gg_record g = { .type = "usage", .payload_key = "usage_entry" };
	const struct ramet_json *turn = get(j, "turn_index");
	size_t from = out->len;

	if (ramet_json_kind(get(j, "usage")) == RAMET_JSON_ARRAY)
		return carry(j, out);
	if (ramet_json_kind(turn) == RAMET_JSON_NUMBER)
		j->e->count[RAMETI_GG_TURN] =
			(uint64_t)rameti_gg_count_of(j->entry, "turn_index");
	ramet_buf_reset(j->work);
	rameti_gg_add_usage(j->work, j->entry, ramet_buf_bytes(j->time),
			    j->e->count[RAMETI_GG_TURN]);
	g.payload = ramet_buf_bytes(j->work);
	write_record(j, &g, out);
	if (!keeps(out, from))
		return carry(j, out);
	rameti_gg_log_id(j->e, ramet_buf_bytes(j->id), 0);
	return RAMETI_SAID;
}

/* ---- entries that came from ggcode, or are only for us ---- */

/* A record as it was. */
static int verbatim(struct job *j, struct ramet_bytes record, int is_meta, struct ramet_buf *out)
{
	size_t from = out->len;

	if (!record.len || *record.ptr != '{' || memchr(record.ptr, '\n', record.len) ||
	    !rameti_gg_line_fits(record, out))
		return carry(j, out);
	ramet_buf_add(out, record);
	ADD(out, "\n");
	if (is_meta)
		rameti_gg_keep_meta(j->e, out, from);
	rameti_gg_log_id(j->e, ramet_buf_bytes(j->id), 0);
	return RAMETI_SAID;
}

/* Is the id of this message another entry's? */
static int is_taken(struct job *j, const struct ramet_json *message)
{
	struct ramet_bytes id = text_in(rameti_gg_get(message, "id"), j->more), unused;

	return id.len && rameti_gg_find_id(j->e, id, &unused);
}

/* A record that was no message of its own does not become one. */
static int raw(struct job *j, const struct ramet_json *record, struct ramet_buf *out)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_bytes line = text_in(record, j->work);
	int type = RAMETI_GG_OTHER, e = ramet_json_parse(&doc, line, 0, NULL);

	if (!e)
		type = rameti_gg_type_of(ramet_json_root(&doc));
	ramet_json_doc_release(&doc);
	if (e == RAMET_ENOMEM)
		return e;
	if (e || type == RAMETI_GG_MESSAGE || type == RAMETI_GG_CARRIED)
		return carry(j, out);
	return verbatim(j, line, 0, out);
}

static int summary(struct job *j, const struct ramet_json *data, struct ramet_buf *out)
{
	const struct ramet_json *whole = ramet_json_get(data, "message");

	if (ramet_json_kind(ramet_json_get(data, "summary")) != RAMET_JSON_STRING ||
	    is_taken(j, whole))
		return carry(j, out);
	if (!whole) {
		summary_message(j, ramet_buf_bytes(j->id), ramet_json_get(data, "summary"), out);
		return RAMETI_SAID;
	}
	ramet_buf_reset(j->work);
	rameti_json_add_compact(j->work, whole);
	return write_message(j, RAMETI_GG_TOLD, ramet_buf_bytes(j->id),
			     (struct ramet_bytes){ NULL, 0 }, out);
}

static int custom(struct job *j, struct ramet_buf *out)
{
	const struct ramet_json *type = get(j, "customType"), *data = get(j, "data");
	const struct ramet_json *record = ramet_json_get(data, "record");
	int ours = ramet_json_text_is(ramet_json_get(data, "format"), "ggcode");
	struct rameti_gg_record g = { .type = "tunnel_event", .payload_key = "tunnel_event" };

	if (ramet_json_text_is(type, RAMETI_GG_SUMMARY))
		return summary(j, data, out);
	if (ours && ramet_json_text_is(type, RAMETI_GG_CONFIG) &&
	    ramet_json_text_is(rameti_gg_get(record, "type"), "meta")) {
		ramet_buf_reset(j->work);
		rameti_json_add_compact(j->work, record);
		/* of another session, which this is a fork of */
		rameti_gg_own_record(j->work, ramet_buf_bytes(&j->e->id));
		return verbatim(j, ramet_buf_bytes(j->work), 1, out);
	}
	if (ours && ramet_json_text_is(type, RAMETI_RAW_TYPE) &&
	    ramet_json_kind(record) == RAMET_JSON_STRING &&
	    !ramet_json_truthy(ramet_json_get(data, "entries")) && !ramet_json_get(data, "at"))
		return raw(j, record, out);
	if (ramet_json_text_is(type, RAMETI_GG_TUNNEL) &&
	    ramet_json_kind(data) == RAMET_JSON_OBJECT) {
		size_t from = out->len;

		ramet_buf_reset(j->work);
		rameti_json_add_compact(j->work, data);
		g.payload = ramet_buf_bytes(j->work);
		write_record(j, &g, out);
		if (keeps(out, from)) {
			rameti_gg_log_id(j->e, ramet_buf_bytes(j->id), 0);
			return RAMETI_SAID;
		}
	}
	return carry(j, out);
}

static int encode(struct job *j, struct ramet_buf *out, struct ramet_error *err)
{
	const struct ramet_json *type = j->common[TYPE];

	if (ramet_json_text_is(type, "message"))
		return message(j, out);
	if (ramet_json_text_is(type, "custom"))
		return custom(j, out);
	if (ramet_json_text_is(type, "compaction"))
		return compaction(j, out);
	if (ramet_json_text_is(type, "usage"))
		return usage(j, out);
	if (ramet_json_text_is(type, "session_info"))
		return meta(j, 1, out, err);
	if (ramet_json_text_is(type, "model_change"))
		return meta(j, 0, out, err);
	if (ramet_json_text_is(type, "custom_message") && get(j, "content"))
		return retold_message(j, j->entry, RAMET_ROLE_CUSTOM, get(j, "content"), out);
	if (ramet_json_text_is(type, "branch_summary") && ramet_json_truthy(get(j, "summary")))
		return retold_message(j, j->entry, RAMET_ROLE_BRANCH_SUMMARY, NULL, out);
	return carry(j, out);
}

/* Records of the old dialect keep no id. */
static void tell_made(const struct job *j)
{
	struct rameti_encoder *e = j->e;

	e->made = e->dialect ? -1 : j->made;
	ramet_buf_reset(&e->entry_id);
	ramet_buf_add(&e->entry_id, ramet_buf_bytes(j->id));
}

int rameti_gg_encode(struct rameti_encoder *e, struct ramet_bytes entry, struct ramet_buf *out,
		     struct ramet_error *err)
{
	static const struct ramet_bytes common[N_COMMON] = { [TYPE] = { "type", 4 },
							     [ID] = { "id", 2 },
							     [TIMESTAMP] = { "timestamp", 9 },
							     [MESSAGE] = { "message", 7 } };
	struct job j = { .e = e,
			 .id = &e->work[0],
			 .work = &e->work[1],
			 .more = &e->work[2],
			 .time = &e->work[3],
			 .system = &e->work[4],
			 .made = -1 };
	size_t i;
	int r = ramet_json_parse(&e->doc, entry, 0, err);

	if (r < 0)
		return r;
	for (i = 0; i < sizeof(e->work) / sizeof(e->work[0]); i++)
		ramet_buf_reset(&e->work[i]);
	j.entry = ramet_json_root(&e->doc);
	if (ramet_json_kind(j.entry) != RAMET_JSON_OBJECT)
		return rameti_fail(err, RAMET_EINVAL, "an entry must be an object");
	rameti_json_pick(j.entry, common, N_COMMON, j.common);
	ramet_json_text(j.common[ID], j.id);
	j.ms = rameti_entry_time(j.common[TIMESTAMP]);
	if (j.ms == RAMET_TIME_NONE)
		j.ms = rameti_entry_time(ramet_json_get(j.common[MESSAGE], "timestamp"));
	rameti_gg_add_time(j.time, j.ms);
	r = ramet_buf_status(j.time) < 0 ? RAMET_ENOMEM : encode(&j, out, err);
	tell_made(&j);
	for (i = 0; i < sizeof(e->work) / sizeof(e->work[0]); i++)
		if (ramet_buf_status(&e->work[i]) < 0)
			r = RAMET_ENOMEM;
	if (r == RAMET_ENOMEM || ramet_buf_status(out) < 0 || ramet_buf_status(&e->text) < 0 ||
	    ramet_buf_status(&e->ids) < 0 || ramet_buf_status(&e->scratch) < 0 ||
	    ramet_buf_status(&e->entry_id) < 0)
		r = rameti_fail_nomem(err);
	return r;
}
