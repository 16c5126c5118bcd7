/*
 * codec/ggcode_encode.c - entries of pi as records of ggcode.
 *
 * What ggcode's model must see becomes messages; a compaction becomes a summary message and a
 * checkpoint that names it; titles and models become whole meta records, because the last of them
 * counts with every field. Everything else is carried in a record of a type that ggcode passes
 * over. A record that its decoder would refuse is never written.
 */
#include "codec/ggcode_encode_priv.h"

#include <string.h>

#include "base/add.h"
#include "base/error.h"
#include "json/scan.h"
#include "model/tree.h"

/* A longer record is read to see that it can be. */
#define RECORD_USUAL ((size_t)1 << 28)

void rameti_gg_put_record(const struct rameti_gg_job *j, const struct rameti_gg_record *g,
			  struct ramet_buf *out)
{
	rameti_gg_add_record(out, g, ramet_buf_bytes(&j->e->id), j->e->dialect);
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

int rameti_gg_put_carried(struct rameti_gg_job *j, struct ramet_buf *out)
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
	rameti_gg_put_record(j, &g, out);
	rameti_gg_log_id(j->e, ramet_buf_bytes(j->id), j->spoken);
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

int rameti_gg_put_message(struct rameti_gg_job *j, int told, struct ramet_bytes id,
			  struct ramet_bytes entry, struct ramet_buf *out)
{
	struct rameti_gg_record g = { .type = "message" };
	size_t from = out->len;

	g.message = ramet_buf_bytes(j->work);
	if (j->ms != RAMET_TIME_NONE)
		g.timestamp = ramet_buf_bytes(j->time);
	g.entry = entry;
	rameti_gg_put_record(j, &g, out);
	if (ramet_buf_status(out) < 0)
		return RAMETI_SAID; /* the caller asks */
	if (told == RAMETI_GG_TOLD_SURELY && out->len - from < RECORD_USUAL) {
		j->made = !entry.len || is_found_again(j->entry) ? 1 : -1;
	} else if (!keeps(out, from)) {
		return rameti_gg_put_carried(j, out);
	}
	rameti_gg_log_id(j->e, id, RAMETI_GG_AS_MESSAGE | j->spoken);
	return RAMETI_SAID;
}

static int plain_message(struct rameti_gg_job *j, struct ramet_buf *out)
{
	struct ramet_bytes id = ramet_buf_bytes(j->id), whole = { NULL, 0 };
	int told;

	ramet_buf_reset(j->work);
	if (j->e->dialect)
		id.len = 0;
	told = rameti_gg_add_message(j->work, j->common[RAMETI_GG_HAS_MESSAGE], id, j->more);
	if (!told)
		return rameti_gg_put_carried(j, out);
	if (told == RAMETI_GG_TOLD_PARTLY) {
		ramet_buf_reset(j->more);
		rameti_json_add_compact(j->more, j->entry);
		whole = ramet_buf_bytes(j->more);
	}
	return rameti_gg_put_message(j, told, ramet_buf_bytes(j->id), whole, out);
}

/* For ggcode's model a message of the user; the entry itself stands beside it. */
static int retold_message(struct rameti_gg_job *j, const struct ramet_json *m, int role,
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
		told = rameti_gg_add_message(j->work, ramet_json_root(&doc), ramet_buf_bytes(j->id),
					     j->more);
	if (!r && !told)
		r = RAMET_EINVAL;
	ramet_json_doc_release(&doc);
	ramet_buf_release(&user);
	if (r < 0)
		return r == RAMET_ENOMEM ? r : rameti_gg_put_carried(j, out);
	ramet_buf_reset(j->more);
	rameti_json_add_compact(j->more, j->entry);
	return rameti_gg_put_message(j, told, ramet_buf_bytes(j->id), ramet_buf_bytes(j->more),
				     out);
}

static int message(struct rameti_gg_job *j, struct ramet_buf *out)
{
	const struct ramet_json *m = j->common[RAMETI_GG_HAS_MESSAGE],
				*role = ramet_json_get(m, "role");

	if (ramet_json_text_is(role, "bashExecution")) {
		if (ramet_json_truthy(ramet_json_get(m, "excludeFromContext")))
			return rameti_gg_put_carried(j, out);
		return retold_message(j, m, RAMET_ROLE_BASH_EXECUTION, NULL, out);
	}
	if (ramet_json_text_is(role, "custom") || ramet_json_text_is(role, "hookMessage"))
		return retold_message(j, m, RAMET_ROLE_CUSTOM, ramet_json_get(m, "content"), out);
	/* the state of a prompt is none of ggcode's */
	if (ramet_json_text_is(role, "system") &&
	    (ramet_json_get(m, "sections") || ramet_json_get(m, "toolsAdded") ||
	     ramet_json_get(m, "toolsRemoved")))
		return rameti_gg_put_carried(j, out);
	return plain_message(j, out);
}

/* ---- the session's fields ---- */

static int last_meta(struct rameti_gg_job *j, struct rameti_gg_meta *m, struct ramet_error *err)
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
static int set_title(struct rameti_gg_job *j, struct rameti_gg_record *g)
{
	struct ramet_bytes title = rameti_gg_text_in(rameti_gg_job_get(j, "name"), j->more);
	int changed = !ramet_bytes_eq(title, g->title);

	g->title = title;
	return changed;
}

static int set_model(struct rameti_gg_job *j, struct rameti_gg_record *g, struct ramet_buf *vendor)
{
	struct ramet_bytes provider = rameti_gg_text_in(rameti_gg_job_get(j, "provider"), vendor),
			   model = rameti_gg_text_in(rameti_gg_job_get(j, "modelId"), j->more),
			   endpoint = g->endpoint;
	int changed = !ramet_bytes_eq(provider, g->vendor) || !ramet_bytes_eq(model, g->model);

	if (rameti_gg_job_get(j, "endpoint"))
		endpoint = rameti_gg_text_in(rameti_gg_job_get(j, "endpoint"), j->work);
	else if (!ramet_bytes_eq(provider, g->vendor))
		endpoint.len = 0;
	changed |= !ramet_bytes_eq(endpoint, g->endpoint);
	g->vendor = provider;
	g->model = model;
	g->endpoint = endpoint;
	return changed;
}

/* A title or a model: the session's fields anew. In a new file nothing is said twice. */
static int meta(struct rameti_gg_job *j, int is_title, struct ramet_buf *out,
		struct ramet_error *err)
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
		rameti_gg_put_record(j, &m.record, out);
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

static int usage(struct rameti_gg_job *j, struct ramet_buf *out)
{
	struct rameti_gg_record g = { .type = "usage", .payload_key = "usage_entry" };
	const struct ramet_json *turn = rameti_gg_job_get(j, "turn_index");
	size_t from = out->len;

	if (ramet_json_kind(rameti_gg_job_get(j, "usage")) == RAMET_JSON_ARRAY)
		return rameti_gg_put_carried(j, out);
	if (ramet_json_kind(turn) == RAMET_JSON_NUMBER)
		j->e->count[RAMETI_GG_TURN] = (uint64_t)rameti_gg_count_of(j->entry, "turn_index");
	ramet_buf_reset(j->work);
	rameti_gg_add_usage(j->work, j->entry, ramet_buf_bytes(j->time),
			    j->e->count[RAMETI_GG_TURN]);
	g.payload = ramet_buf_bytes(j->work);
	rameti_gg_put_record(j, &g, out);
	if (!keeps(out, from))
		return rameti_gg_put_carried(j, out);
	rameti_gg_log_id(j->e, ramet_buf_bytes(j->id), 0);
	return RAMETI_SAID;
}

/* ---- entries that came from ggcode, or are only for us ---- */

/* A record as it was. */
static int verbatim(struct rameti_gg_job *j, struct ramet_bytes record, int is_meta,
		    struct ramet_buf *out)
{
	size_t from = out->len;

	if (!record.len || *record.ptr != '{' || memchr(record.ptr, '\n', record.len) ||
	    !rameti_gg_line_fits(record, out))
		return rameti_gg_put_carried(j, out);
	ramet_buf_add(out, record);
	ADD(out, "\n");
	if (is_meta)
		rameti_gg_keep_meta(j->e, out, from);
	rameti_gg_log_id(j->e, ramet_buf_bytes(j->id), 0);
	return RAMETI_SAID;
}

/* Is the id of this message another entry's? */
static int is_taken(struct rameti_gg_job *j, const struct ramet_json *message)
{
	struct ramet_bytes id = rameti_gg_text_in(rameti_gg_get(message, "id"), j->more), unused;

	return id.len && rameti_gg_find_id(j->e, id, &unused);
}

/* A record that was no message of its own does not become one. */
static int raw(struct rameti_gg_job *j, const struct ramet_json *record, struct ramet_buf *out)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_bytes line = rameti_gg_text_in(record, j->work);
	int type = RAMETI_GG_OTHER, e = ramet_json_parse(&doc, line, 0, NULL);

	if (!e)
		type = rameti_gg_type_of(ramet_json_root(&doc));
	ramet_json_doc_release(&doc);
	if (e == RAMET_ENOMEM)
		return e;
	if (e || type == RAMETI_GG_MESSAGE || type == RAMETI_GG_CARRIED)
		return rameti_gg_put_carried(j, out);
	return verbatim(j, line, 0, out);
}

static int summary(struct rameti_gg_job *j, const struct ramet_json *data, struct ramet_buf *out)
{
	const struct ramet_json *whole = ramet_json_get(data, "message");

	if (ramet_json_kind(ramet_json_get(data, "summary")) != RAMET_JSON_STRING ||
	    is_taken(j, whole))
		return rameti_gg_put_carried(j, out);
	if (!whole) {
		rameti_gg_put_summary(j, ramet_buf_bytes(j->id), ramet_json_get(data, "summary"),
				      out);
		return RAMETI_SAID;
	}
	ramet_buf_reset(j->work);
	rameti_json_add_compact(j->work, whole);
	return rameti_gg_put_message(j, RAMETI_GG_TOLD, ramet_buf_bytes(j->id),
				     (struct ramet_bytes){ NULL, 0 }, out);
}

static int custom(struct rameti_gg_job *j, struct ramet_buf *out)
{
	const struct ramet_json *type = rameti_gg_job_get(j, "customType"),
				*data = rameti_gg_job_get(j, "data");
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
		rameti_gg_put_record(j, &g, out);
		if (keeps(out, from)) {
			rameti_gg_log_id(j->e, ramet_buf_bytes(j->id), 0);
			return RAMETI_SAID;
		}
	}
	return rameti_gg_put_carried(j, out);
}

static int encode(struct rameti_gg_job *j, struct ramet_buf *out, struct ramet_error *err)
{
	const struct ramet_json *type = j->common[RAMETI_GG_HAS_TYPE];

	if (ramet_json_text_is(type, "message"))
		return message(j, out);
	if (ramet_json_text_is(type, "custom"))
		return custom(j, out);
	if (ramet_json_text_is(type, "compaction"))
		return rameti_gg_put_compaction(j, out);
	if (ramet_json_text_is(type, "usage"))
		return usage(j, out);
	if (ramet_json_text_is(type, "session_info"))
		return meta(j, 1, out, err);
	if (ramet_json_text_is(type, "model_change"))
		return meta(j, 0, out, err);
	if (ramet_json_text_is(type, "custom_message") && rameti_gg_job_get(j, "content"))
		return retold_message(j, j->entry, RAMET_ROLE_CUSTOM,
				      rameti_gg_job_get(j, "content"), out);
	if (ramet_json_text_is(type, "branch_summary") &&
	    ramet_json_truthy(rameti_gg_job_get(j, "summary")))
		return retold_message(j, j->entry, RAMET_ROLE_BRANCH_SUMMARY, NULL, out);
	return rameti_gg_put_carried(j, out);
}

/* Records of the old dialect keep no id. */
static void tell_made(const struct rameti_gg_job *j)
{
	struct rameti_encoder *e = j->e;

	e->made = e->dialect ? -1 : j->made;
	ramet_buf_reset(&e->entry_id);
	ramet_buf_add(&e->entry_id, ramet_buf_bytes(j->id));
}

/* May what a compaction keeps begin with this entry? */
static int is_spoken(const struct ramet_json *type)
{
	return ramet_json_text_is(type, "message") || ramet_json_text_is(type, "custom_message") ||
	       ramet_json_text_is(type, "branch_summary");
}

static int look_closer(struct rameti_gg_job *j, struct ramet_bytes entry, struct ramet_buf *out,
		       struct ramet_error *err)
{
	static const struct ramet_bytes common[RAMETI_GG_N_COMMON] = {
		[RAMETI_GG_HAS_TYPE] = { "type", 4 },
		[RAMETI_GG_HAS_ID] = { "id", 2 },
		[RAMETI_GG_HAS_TIMESTAMP] = { "timestamp", 9 },
		[RAMETI_GG_HAS_MESSAGE] = { "message", 7 },
	};
	int r = ramet_json_parse(&j->e->doc, entry, 0, err);

	if (r < 0)
		return r;
	j->entry = ramet_json_root(&j->e->doc);
	if (ramet_json_kind(j->entry) != RAMET_JSON_OBJECT)
		return rameti_fail(err, RAMET_EINVAL, "an entry must be an object");
	rameti_json_pick(j->entry, common, RAMETI_GG_N_COMMON, j->common);
	ramet_json_text(j->common[RAMETI_GG_HAS_ID], j->id);
	j->ms = rameti_entry_time(j->common[RAMETI_GG_HAS_TIMESTAMP]);
	if (j->ms == RAMET_TIME_NONE)
		j->ms = rameti_entry_time(
			ramet_json_get(j->common[RAMETI_GG_HAS_MESSAGE], "timestamp"));
	j->spoken = is_spoken(j->common[RAMETI_GG_HAS_TYPE]) ? RAMETI_GG_SPOKEN : 0;
	rameti_gg_add_time(j->time, j->ms);
	return ramet_buf_status(j->time) < 0 ? RAMET_ENOMEM : encode(j, out, err);
}

static void reset(struct rameti_encoder *e)
{
	size_t i;

	for (i = 0; i < sizeof(e->work) / sizeof(e->work[0]); i++)
		ramet_buf_reset(&e->work[i]);
}

/* Most messages are in the form pi writes them. */
static int glance(struct rameti_gg_job *j, struct ramet_bytes entry, struct ramet_buf *out)
{
	struct ramet_bytes id;

	if (!j->e->from_codec || j->e->dialect ||
	    !rameti_gg_tell(entry, &id, &j->ms, j->work, j->more))
		return 0;
	ramet_buf_add(j->id, id);
	j->spoken = RAMETI_GG_SPOKEN;
	rameti_gg_add_time(j->time, j->ms);
	(void)rameti_gg_put_message(j, RAMETI_GG_TOLD_SURELY, id, (struct ramet_bytes){ NULL, 0 },
				    out);
	return 1;
}

int rameti_gg_encode(struct rameti_encoder *e, struct ramet_bytes entry, struct ramet_buf *out,
		     struct ramet_error *err)
{
	struct rameti_gg_job j = { .e = e,
				   .id = &e->work[0],
				   .work = &e->work[1],
				   .more = &e->work[2],
				   .time = &e->work[3],
				   .system = &e->work[4],
				   .made = -1 };
	size_t i;
	int r = RAMETI_SAID;

	reset(e);
	if (!glance(&j, entry, out)) {
		reset(e);
		r = look_closer(&j, entry, out, err);
		if (r < 0 && r != RAMET_ENOMEM)
			return r;
	}
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
