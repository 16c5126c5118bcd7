/*
 * ops/yoi_save.c - the records that yoi writes, one call each.
 *
 * Every record is put together in the original's own member order and then read again as the
 * original would: what it could not read is refused (EINVAL) before anything is written.
 */
#include "ops/yoi_priv.h"

#include <string.h>

#include "base/error.h"

#define TEXT_MAX (SIZE_MAX / 2)

/* ---- putting records together ---- */

void rameti_yoi_begin_record(struct ramet_buf *out, const char *kind, uint64_t ts)
{
	ramet_buf_addf(out, "{\"kind\":\"%s\",\"ts\":%llu", kind, (unsigned long long)ts);
}

void rameti_yoi_add_key(struct ramet_buf *out, const char *key, struct ramet_bytes text)
{
	ramet_buf_addf(out, ",\"%s\":", key);
	rameti_yoi_add_text(out, text);
}

static void end_record(struct ramet_buf *out)
{
	ramet_buf_add_str(out, "}\n");
}

void rameti_yoi_add_usage(struct ramet_buf *out, const struct ramet_yoi_usage *u, uint64_t ts)
{
	rameti_yoi_begin_record(out, "llm_usage", ts);
	ramet_buf_addf(
		out,
		",\"history_len\":%llu,\"input_total_tokens\":%llu,"
		"\"cache_read_tokens\":%llu,\"cache_write_tokens\":%llu,"
		"\"output_tokens\":%llu",
		(unsigned long long)u->history_len, (unsigned long long)u->input_total_tokens,
		(unsigned long long)u->cache_read_tokens, (unsigned long long)u->cache_write_tokens,
		(unsigned long long)u->output_tokens);
	end_record(out);
}

int rameti_yoi_check_records(struct ramet_bytes records, int gen, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	char why[160];
	int r = 0;

	while (!r && records.len) {
		struct ramet_bytes one = { records.ptr, rameti_scan_newline(records) };

		records.ptr += one.len + (one.len < records.len);
		records.len -= one.len + (one.len < records.len);
		r = ramet_json_parse(&doc, one, RAMET_JSON_STRICT, err);
		if (!r && rameti_yoi_strict_record(ramet_json_root(&doc), gen, why, sizeof(why)))
			r = rameti_fail(err, RAMET_EINVAL, "%s", why);
	}
	ramet_json_doc_release(&doc);
	return r;
}

/* ---- a start ---- */

static int parse_given(struct ramet_json_doc *doc, struct ramet_bytes json, int kind,
		       const char *what, struct ramet_error *err)
{
	int r = ramet_json_parse(doc, json, RAMET_JSON_STRICT, err);

	if (!r && ramet_json_kind(ramet_json_root(doc)) != kind)
		r = rameti_fail(err, RAMET_EINVAL, "%s must be %s", what,
				kind == RAMET_JSON_ARRAY ? "a list" : "an object");
	return r;
}

/* Items as this generation has them, without brackets. */
static int add_items(struct ramet_buf *out, const struct ramet_json *list, int gen,
		     struct ramet_error *err)
{
	const struct ramet_json *v = NULL;
	uint32_t n = 0;

	while ((v = ramet_json_next(list, v)) != NULL) {
		const struct ramet_json *item = rameti_yoi_unwrap(v);

		if (rameti_yoi_item_of(item) == RAMETI_YOI_ITEM_OTHER)
			return rameti_fail(err, RAMET_EINVAL, "item %u is of no kind we know",
					   (unsigned)n + 1);
		if (n++)
			ramet_buf_add_char(out, ',');
		rameti_yoi_add_item(out, item, gen);
	}
	return 0;
}

static int add_given_config(struct ramet_buf *out, struct ramet_bytes json, int gen,
			    struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r = json.len ? parse_given(&doc, json, RAMET_JSON_OBJECT, "a configuration", err) : 0;

	if (!r)
		rameti_yoi_add_config(out, json.len ? ramet_json_root(&doc) : NULL,
				      rameti_yoi_floats_of(gen));
	ramet_json_doc_release(&doc);
	return r;
}

static int add_history(struct ramet_buf *out, struct ramet_bytes json, int gen,
		       struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r = json.len ? parse_given(&doc, json, RAMET_JSON_ARRAY, "a history", err) : 0;

	if (!r && json.len)
		r = add_items(out, ramet_json_root(&doc), gen, err);
	ramet_json_doc_release(&doc);
	return r;
}

static void add_origin(struct ramet_buf *out, const struct rameti_yoi_origin *from)
{
	if (!from || !from->key)
		return;
	if (from->at_hash)
		ramet_buf_addf(out, ",\"%s\":{\"session_id\":\"%s\",\"at_hash\":\"%s\"}", from->key,
			       from->id, from->at_hash);
	else
		ramet_buf_addf(out, ",\"%s\":{\"segment_id\":\"%s\",\"at_turn_index\":%llu}",
			       from->key, from->id, (unsigned long long)from->at_turn);
}

int rameti_yoi_add_start(struct ramet_buf *records, const struct ramet_yoi_log *log,
			 const struct ramet_yoi_start *start, const struct rameti_yoi_origin *from,
			 struct ramet_error *err)
{
	static const struct ramet_yoi_start none;
	int segment = log->gen > RAMETI_YOI_BRIDGE, r;

	start = start ? start : &none;
	rameti_yoi_begin_record(records, segment ? "segment_start" : "session_start",
				rameti_yoi_now());
	if (segment)
		rameti_yoi_add_key(records, "session_id", ramet_bytes_of(log->session));
	if (start->system_prompt.ptr)
		rameti_yoi_add_key(records, "system_prompt", start->system_prompt);
	else
		ramet_buf_add_str(records, ",\"system_prompt\":null");
	ramet_buf_add_str(records, ",\"config\":");
	r = add_given_config(records, start->config, log->gen, err);
	ramet_buf_add_str(records, ",\"history\":[");
	if (!r)
		r = add_history(records, start->history, log->gen, err);
	ramet_buf_add_char(records, ']');
	add_origin(records, from);
	end_record(records);
	return r ? r : ramet_buf_status(records) < 0 ? rameti_fail_nomem(err) : 0;
}

/* ---- the rest of a state, as records behind a start ---- */

static int rest_usage(struct ramet_buf *out, const struct ramet_yoi_state *s, uint64_t ts,
		      struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *v = NULL;
	int r = ramet_json_parse(&doc, ramet_buf_bytes(&s->usage), 0, err);

	while (!r && (v = ramet_json_next(ramet_json_root(&doc), v)) != NULL) {
		struct ramet_yoi_usage u = { 0 };

		(void)rameti_yoi_u64(ramet_json_get(v, "history_len"), &u.history_len);
		(void)rameti_yoi_u64(ramet_json_get(v, "input_total_tokens"),
				     &u.input_total_tokens);
		(void)rameti_yoi_u64(ramet_json_get(v, "cache_read_tokens"), &u.cache_read_tokens);
		(void)rameti_yoi_u64(ramet_json_get(v, "cache_write_tokens"),
				     &u.cache_write_tokens);
		(void)rameti_yoi_u64(ramet_json_get(v, "output_tokens"), &u.output_tokens);
		rameti_yoi_add_usage(out, &u, ts);
	}
	ramet_json_doc_release(&doc);
	return r;
}

static int rest_extensions(struct ramet_buf *out, const struct ramet_yoi_state *s, uint64_t ts,
			   struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *v = NULL;
	int r = ramet_json_parse(&doc, ramet_buf_bytes(&s->extensions), 0, err);

	while (!r && (v = ramet_json_next(ramet_json_root(&doc), v)) != NULL) {
		rameti_yoi_begin_record(out, "extension", ts);
		ramet_buf_add_str(out, ",\"domain\":");
		rameti_yoi_add_string(out, ramet_json_get(v, "domain"));
		ramet_buf_add_str(out, ",\"payload\":");
		ramet_buf_add(out, ramet_json_raw(ramet_json_get(v, "payload")));
		end_record(out);
	}
	ramet_json_doc_release(&doc);
	return r;
}

int rameti_yoi_add_rest(struct ramet_buf *records, const struct ramet_yoi_state *state,
			struct ramet_error *err)
{
	uint64_t ts = rameti_yoi_now();
	int r = rest_usage(records, state, ts, err);

	if (!r)
		r = rest_extensions(records, state, ts, err);
	if (r < 0)
		return r;
	if (state->turn_count) {
		rameti_yoi_begin_record(records, "turn_end", ts);
		ramet_buf_addf(records, ",\"turn_count\":%llu",
			       (unsigned long long)state->turn_count);
		end_record(records);
	}
	if (state->interrupted) {
		rameti_yoi_begin_record(records, "run_completed", ts);
		ramet_buf_add_str(records, ",\"interrupted\":true,\"result\":\"paused\"");
		end_record(records);
	}
	return ramet_buf_status(records) < 0 ? rameti_fail_nomem(err) : 0;
}

/* ---- saving ---- */

static int append(struct ramet_yoi_log *log, struct ramet_buf *record, int r,
		  struct ramet_error *err)
{
	if (!r && ramet_buf_status(record) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		r = rameti_yoi_log_append(log, ramet_buf_bytes(record), err);
	ramet_buf_release(record);
	return r;
}

int ramet_yoi_save_turn_end(struct ramet_yoi_log *log, uint64_t turn_count, struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(TEXT_MAX);
	int r;

	rameti_yoi_begin_record(&b, "turn_end", rameti_yoi_now());
	ramet_buf_addf(&b, ",\"turn_count\":%llu", (unsigned long long)turn_count);
	end_record(&b);
	r = append(log, &b, 0, err);
	if (!r)
		log->turn_count = turn_count;
	return r;
}

static void begin_run(struct ramet_buf *b, const char *kind, int interrupted)
{
	rameti_yoi_begin_record(b, kind, rameti_yoi_now());
	ramet_buf_addf(b, ",\"interrupted\":%s", interrupted ? "true" : "false");
}

int ramet_yoi_save_run_completed(struct ramet_yoi_log *log, int interrupted, const char *result,
				 struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(TEXT_MAX);

	begin_run(&b, "run_completed", interrupted);
	rameti_yoi_add_key(&b, "result", ramet_bytes_of(result));
	end_record(&b);
	return append(log, &b, 0, err);
}

int ramet_yoi_save_run_errored(struct ramet_yoi_log *log, int interrupted,
			       struct ramet_bytes message, struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(TEXT_MAX);

	begin_run(&b, "run_errored", interrupted);
	rameti_yoi_add_key(&b, "message", message);
	end_record(&b);
	return append(log, &b, 0, err);
}

int ramet_yoi_save_usage(struct ramet_yoi_log *log, const struct ramet_yoi_usage *usage,
			 struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(TEXT_MAX);

	rameti_yoi_add_usage(&b, usage, rameti_yoi_now());
	return append(log, &b, 0, err);
}

int ramet_yoi_save_config(struct ramet_yoi_log *log, struct ramet_bytes config,
			  struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(TEXT_MAX);
	int r;

	rameti_yoi_begin_record(&b, "config_changed", rameti_yoi_now());
	ramet_buf_add_str(&b, ",\"config\":");
	r = add_given_config(&b, config, log->gen, err);
	end_record(&b);
	return append(log, &b, r, err);
}

/* Any JSON as the original prints it. */
static int add_value(struct ramet_buf *out, struct ramet_bytes json, int gen,
		     struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r = ramet_json_parse(&doc, json, RAMET_JSON_STRICT, err);

	if (!r) {
		r = rameti_yoi_add_value(out, ramet_json_root(&doc), rameti_yoi_floats_of(gen));
		if (r > 0)
			r = rameti_fail(err, RAMET_EINVAL,
					"nested too deeply, or a number beyond the range");
		else if (r < 0)
			r = rameti_fail_nomem(err);
	}
	ramet_json_doc_release(&doc);
	return r;
}

int ramet_yoi_save_extension(struct ramet_yoi_log *log, struct ramet_bytes domain,
			     struct ramet_bytes payload, struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(TEXT_MAX);
	int r;

	rameti_yoi_begin_record(&b, "extension", rameti_yoi_now());
	rameti_yoi_add_key(&b, "domain", domain);
	ramet_buf_add_str(&b, ",\"payload\":");
	r = add_value(&b, payload, log->gen, err);
	end_record(&b);
	return append(log, &b, r, err);
}

/* A list that is given as JSON, on one line. */
static int add_list(struct ramet_buf *out, struct ramet_bytes json, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r = parse_given(&doc, json, RAMET_JSON_ARRAY, "this", err);

	if (!r)
		rameti_json_add_compact(out, ramet_json_root(&doc));
	ramet_json_doc_release(&doc);
	return r;
}

int ramet_yoi_save_input(struct ramet_yoi_log *log, struct ramet_bytes segments,
			 struct ramet_bytes extensions, struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(TEXT_MAX);
	int r = 0;

	if (extensions.len && log->gen < RAMETI_YOI_G2)
		return rameti_fail(err, RAMET_EINVAL,
				   "input of this generation carries no extensions");
	rameti_yoi_begin_record(&b, "user_input", rameti_yoi_now());
	if (log->gen < RAMETI_YOI_G1C) {
		ramet_buf_add_str(&b, ",\"item\":");
		rameti_yoi_add_message(&b, "user", segments, RAMETI_YOI_G1);
	} else {
		ramet_buf_add_str(&b, ",\"segments\":");
		r = add_list(&b, segments, err);
	}
	if (!r && extensions.len) {
		ramet_buf_add_str(&b, ",\"extensions\":");
		r = add_list(&b, extensions, err);
	}
	end_record(&b);
	return append(log, &b, r, err);
}

int ramet_yoi_save_record(struct ramet_yoi_log *log, struct ramet_bytes record,
			  struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf b = RAMET_BUF_INIT(TEXT_MAX);
	const struct ramet_json *o, *kind, *key = NULL;
	int r = parse_given(&doc, record, RAMET_JSON_OBJECT, "a record", err);

	o = r ? NULL : ramet_json_root(&doc);
	kind = ramet_json_get(o, "kind");
	if (!r && (ramet_json_kind(kind) != RAMET_JSON_STRING || ramet_json_get(o, "hash") ||
		   !ramet_json_text_is(ramet_json_next(o, NULL), "kind")))
		r = rameti_fail(err, RAMET_EINVAL, "a record begins with its kind and has no hash");
	ramet_buf_add_str(&b, "{\"kind\":");
	rameti_yoi_add_string(&b, kind);
	if (!r && !ramet_json_get(o, "ts"))
		ramet_buf_addf(&b, ",\"ts\":%llu", (unsigned long long)rameti_yoi_now());
	while (!r && (key = ramet_json_next(o, key)) != NULL) {
		const struct ramet_json *value = ramet_json_next(o, key);

		if (!ramet_json_text_is(key, "kind")) {
			ramet_buf_add_char(&b, ',');
			rameti_json_add_compact(&b, key);
			ramet_buf_add_char(&b, ':');
			rameti_json_add_compact(&b, value);
		}
		key = value;
	}
	end_record(&b);
	ramet_json_doc_release(&doc);
	return append(log, &b, r, err);
}

/* ---- save_delta ---- */

enum group { G_USER, G_RESULTS, G_ASSISTANT, G_OTHER };

static enum group group_of(const struct ramet_json *item)
{
	int what = rameti_yoi_item_of(item);

	if (what == RAMETI_YOI_ITEM_USER)
		return G_USER;
	if (what == RAMETI_YOI_ITEM_RESULT)
		return G_RESULTS;
	return rameti_yoi_is_assistant(what) ? G_ASSISTANT : G_OTHER;
}

static void add_user(struct ramet_buf *b, const struct ramet_json *item, int gen, uint64_t ts)
{
	const struct ramet_json *content = ramet_json_get(item, "content"), *v = NULL;
	uint32_t n = 0;

	rameti_yoi_begin_record(b, "user_input", ts);
	if (gen < RAMETI_YOI_G1C) {
		ramet_buf_add_str(b, ",\"item\":");
		rameti_yoi_add_item(b, item, RAMETI_YOI_G1);
		end_record(b);
		return;
	}
	ramet_buf_add_str(b, ",\"segments\":[");
	while (ramet_json_kind(content) == RAMET_JSON_ARRAY &&
	       (v = ramet_json_next(content, v)) != NULL) {
		ramet_buf_add_str(b, n++ ? ",{\"kind\":\"text\",\"content\":"
					 : "{\"kind\":\"text\",\"content\":");
		rameti_yoi_add_string(b, ramet_json_get(v, "text"));
		ramet_buf_add_char(b, '}');
	}
	ramet_buf_add_char(b, ']');
	end_record(b);
}

/* A run of items of one group from *v on; *v is its last then. */
static void add_run(struct ramet_buf *b, const struct ramet_json *list, const struct ramet_json **v,
		    enum group group, int gen, uint64_t ts)
{
	static const char *const kinds[] = { [G_RESULTS] = "tool_results",
					     [G_ASSISTANT] = "assistant_items",
					     [G_OTHER] = "hook_injected_items" };
	const struct ramet_json *next;

	rameti_yoi_begin_record(b, kinds[group], ts);
	ramet_buf_add_str(b, ",\"items\":[");
	rameti_yoi_add_item(b, *v, gen);
	while (group != G_OTHER && (next = ramet_json_next(list, *v)) != NULL &&
	       group_of(next) == group) {
		ramet_buf_add_char(b, ',');
		rameti_yoi_add_item(b, next, gen);
		*v = next;
	}
	ramet_buf_add_char(b, ']');
	end_record(b);
}

static void add_single(struct ramet_buf *b, const struct ramet_json *item, enum group group,
		       int gen, uint64_t ts)
{
	rameti_yoi_begin_record(b, group == G_RESULTS ? "tool_result" : "assistant_item", ts);
	ramet_buf_add_str(b, ",\"item\":");
	rameti_yoi_add_item(b, item, gen);
	end_record(b);
}

static void add_delta(struct ramet_buf *b, const struct ramet_json *list, int gen)
{
	const struct ramet_json *v = NULL;
	uint64_t ts = rameti_yoi_now();

	while ((v = ramet_json_next(list, v)) != NULL) {
		enum group group = group_of(v);
		int hook = group == G_OTHER && gen < RAMETI_YOI_BRIDGE;

		if (group == G_USER && gen < RAMETI_YOI_BRIDGE)
			add_user(b, v, gen, ts);
		else if (group != G_USER && (gen < RAMETI_YOI_G1D || hook))
			add_run(b, list, &v, group, gen, ts);
		else if (group != G_USER)
			add_single(b, v, group, gen, ts);
	}
}

int ramet_yoi_save_delta(struct ramet_yoi_log *log, struct ramet_bytes items,
			 struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf b = RAMET_BUF_INIT(TEXT_MAX), unused = b;
	int r = parse_given(&doc, items, RAMET_JSON_ARRAY, "items", err);

	if (!r)
		r = add_items(&unused, ramet_json_root(&doc), log->gen, err);
	ramet_buf_release(&unused);
	if (!r)
		add_delta(&b, ramet_json_root(&doc), log->gen);
	r = append(log, &b, r, err);
	ramet_json_doc_release(&doc);
	return r;
}
