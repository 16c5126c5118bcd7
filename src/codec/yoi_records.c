/*
 * codec/yoi_records.c - what a record of yoi's is made of, and the records of entries that are no
 * messages.
 *
 * Members stand in the order that yoi writes. What yoi has no record for makes none here.
 */
#include "codec/yoi_encode_priv.h"

#include "base/add.h"
#include "codec/span.h"

#define NO_CONFIG                                                                                  \
	"{\"max_tokens\":null,\"temperature\":null,\"top_p\":null,\"top_k\":null,"                 \
	"\"stop_sequences\":[],\"reasoning\":null}"

/* ---- records ---- */

void rameti_yoi_put_begin(struct rameti_yoi_work *w, const char *kind)
{
	rameti_yoi_put_raw(w, "{\"kind\":\"");
	rameti_yoi_put_raw(w, kind);
	rameti_yoi_put_raw(w, "\",\"ts\":");
	rameti_span_add_count(w->out, w->ts);
}

void rameti_yoi_put_end(struct rameti_yoi_work *w)
{
	ADD(w->out, "}\n");
	w->n++;
}

void rameti_yoi_put_key(struct rameti_yoi_work *w, const char *key, const struct ramet_json *v)
{
	rameti_yoi_put_raw(w, ",\"");
	rameti_yoi_put_raw(w, key);
	rameti_yoi_put_raw(w, "\":");
	rameti_yoi_add_string(w->out, v);
}

static void put_origin(struct rameti_yoi_work *w, const struct ramet_json *start, const char *key)
{
	const struct ramet_json *v = ramet_json_get(start, key);

	if (ramet_json_kind(v) != RAMET_JSON_OBJECT)
		return;
	rameti_yoi_put_raw(w, ",\"");
	rameti_yoi_put_raw(w, key);
	rameti_yoi_put_raw(w, "\":");
	rameti_json_add_compact(w->out, v);
}

/* A start without history. prompt NULL: none. config NULL: the last one, or all unset. */
void rameti_yoi_put_start(struct rameti_yoi_work *w, const struct ramet_bytes *prompt,
			  const struct ramet_json *config, const struct ramet_json *start)
{
	struct ramet_buf *kept = &w->e->scratch;
	struct ramet_bytes id = ramet_buf_bytes(&w->e->id);
	const struct ramet_json *session = ramet_json_get(start, "session_id");

	if (config) {
		ramet_buf_reset(kept);
		rameti_yoi_add_config(kept, config, w->floats);
		if (ramet_buf_status(kept) < 0)
			w->out->status = RAMET_ENOMEM;
	}
	rameti_yoi_put_begin(w, w->gen < RAMETI_YOI_G2 ? "session_start" : "segment_start");
	if (w->gen >= RAMETI_YOI_G2) {
		rameti_yoi_put_raw(w, ",\"session_id\":");
		if (ramet_json_kind(session) == RAMET_JSON_STRING)
			rameti_yoi_add_string(w->out, session);
		else
			rameti_yoi_add_text(w->out, id);
	}
	rameti_yoi_put_raw(w, ",\"system_prompt\":");
	if (prompt)
		rameti_yoi_add_text(w->out, *prompt);
	else
		rameti_yoi_put_raw(w, "null");
	rameti_yoi_put_raw(w, ",\"config\":");
	rameti_yoi_put_raw(w, kept->len ? kept->ptr : NO_CONFIG);
	rameti_yoi_put_raw(w, ",\"history\":[]");
	put_origin(w, start, "forked_from");
	put_origin(w, start, "compacted_from");
	rameti_yoi_put_end(w);
	w->e->count[RAMETI_YOI_FLAGS] |= prompt ? RAMETI_YOI_HAS_PROMPT : 0;
}

/* ---- what is no message ---- */

static uint64_t count(const struct ramet_json *o, const char *key)
{
	double x = ramet_json_number(ramet_json_get(o, key));
	uint64_t n;

	if (rameti_yoi_u64(ramet_json_get(o, key), &n))
		return n;
	return x > 0 && x < 9e15 ? (uint64_t)x : 0;
}

static void put_count(struct rameti_yoi_work *w, const char *key, uint64_t n)
{
	rameti_yoi_put_raw(w, ",\"");
	rameti_yoi_put_raw(w, key);
	rameti_yoi_put_raw(w, "\":");
	rameti_span_add_count(w->out, n);
}

static void put_usage(struct rameti_yoi_work *w)
{
	const struct ramet_json *u = ramet_json_get(w->entry, "usage");
	const struct ramet_json *extra = ramet_json_get(w->entry, "yoi");
	uint64_t read = count(u, "cacheRead"), write = count(u, "cacheWrite");
	uint64_t n = w->e->count[RAMETI_YOI_ITEMS], total = count(u, "input") + read + write;

	if (ramet_json_kind(u) != RAMET_JSON_OBJECT)
		return;
	if (rameti_yoi_u64(ramet_json_get(extra, "input_total_tokens"), &total))
		(void)rameti_yoi_u64(ramet_json_get(extra, "history_len"), &n);
	rameti_yoi_put_begin(w, "llm_usage");
	put_count(w, "history_len", n);
	put_count(w, "input_total_tokens", total);
	put_count(w, "cache_read_tokens", read);
	put_count(w, "cache_write_tokens", write);
	put_count(w, "output_tokens", count(u, "output"));
	rameti_yoi_put_end(w);
}

static void put_bool(struct rameti_yoi_work *w, const char *key, const struct ramet_json *v)
{
	ramet_buf_addf(w->out, ",\"%s\":%s", key, ramet_json_truthy(v) ? "true" : "false");
}

int rameti_yoi_is_one_of(const struct ramet_json *v, const char *const *names)
{
	for (; *names; names++)
		if (ramet_json_text_is(v, *names))
			return 1;
	return 0;
}

static void put_run(struct rameti_yoi_work *w, const struct ramet_json *data)
{
	static const char *const results[] = { "finished", "paused", "limit_reached", "yielded",
					       NULL };
	static const char *const triggers[] = { "user_send",	   "notify", "worker_event",
						"system_reminder", "wakeup", NULL };
	static const char *const old_triggers[] = { "user_send",       "notify", "pod_event",
						    "system_reminder", "wakeup", NULL };
	const struct ramet_json *result = ramet_json_get(data, "result");
	const struct ramet_json *message = ramet_json_get(data, "message");
	const struct ramet_json *trigger = ramet_json_get(data, "trigger");
	int new = w->gen >= RAMETI_YOI_BRIDGE;

	if (rameti_yoi_is_one_of(result, results)) {
		rameti_yoi_put_begin(w, "run_completed");
		put_bool(w, "interrupted", ramet_json_get(data, "interrupted"));
		rameti_yoi_put_key(w, "result", result);
	} else if (ramet_json_kind(message) == RAMET_JSON_STRING) {
		rameti_yoi_put_begin(w, "run_errored");
		put_bool(w, "interrupted", ramet_json_get(data, "interrupted"));
		rameti_yoi_put_key(w, "message", message);
	} else if (w->gen >= RAMETI_YOI_G1D &&
		   rameti_yoi_is_one_of(trigger, new ? triggers : old_triggers)) {
		rameti_yoi_put_begin(w, "invoke");
		rameti_yoi_put_key(w, "trigger", trigger);
	} else if (w->gen >= RAMETI_YOI_G2 &&
		   ramet_json_truthy(ramet_json_get(data, "abandoned"))) {
		rameti_yoi_put_begin(w, "paused_turn_abandoned");
	} else {
		return;
	}
	rameti_yoi_put_end(w);
}

static void put_config(struct rameti_yoi_work *w, const struct ramet_json *data)
{
	const struct ramet_json *config = ramet_json_get(data, "config");
	const struct ramet_json *start = ramet_json_get(data, "start");

	if (ramet_json_kind(config) != RAMET_JSON_OBJECT)
		return;
	if (start) {
		rameti_yoi_put_start(w, NULL, config, start);
		return;
	}
	rameti_yoi_put_begin(w, "config_changed");
	rameti_yoi_put_raw(w, ",\"config\":");
	rameti_yoi_add_config(w->out, config, w->floats);
	rameti_yoi_put_end(w);
}

static void put_extension(struct rameti_yoi_work *w, const struct ramet_json *data)
{
	const struct ramet_json *domain = ramet_json_get(data, "domain");

	if (ramet_json_kind(domain) != RAMET_JSON_STRING ||
	    ramet_json_text_is(domain, RAMETI_YOI_CARRIER))
		return;
	rameti_yoi_put_begin(w, "extension");
	rameti_yoi_put_key(w, "domain", domain);
	rameti_yoi_put_raw(w, ",\"payload\":");
	w->unsaid = rameti_yoi_add_value(w->out, ramet_json_get(data, "payload"), w->floats);
	rameti_yoi_put_end(w);
}

static void put_custom(struct rameti_yoi_work *w)
{
	const struct ramet_json *type = ramet_json_get(w->entry, "customType");
	const struct ramet_json *data = ramet_json_get(w->entry, "data");
	uint64_t n;

	if (ramet_json_text_is(type, "ramet.run")) {
		put_run(w, data);
	} else if (ramet_json_text_is(type, "ramet.config")) {
		put_config(w, data);
	} else if (ramet_json_text_is(type, "ramet.extension")) {
		put_extension(w, data);
	} else if (ramet_json_text_is(type, "ramet.turn_end") &&
		   rameti_yoi_u64(ramet_json_get(data, "turn_count"), &n)) {
		rameti_yoi_put_begin(w, "turn_end");
		put_count(w, "turn_count", n);
		rameti_yoi_put_end(w);
	}
}

void rameti_yoi_put_records(struct rameti_yoi_work *w)
{
	const struct ramet_json *type = ramet_json_get(w->entry, "type");

	if (ramet_json_text_is(type, "message"))
		rameti_yoi_put_message(w);
	else if (ramet_json_text_is(type, "usage"))
		put_usage(w);
	else if (ramet_json_text_is(type, "custom"))
		put_custom(w);
}
