/*
 * ops/yoi_state.c - replaying a log of yoi's: everything its records say together.
 *
 * Two readings of one log: tolerant (every record that can be read counts, the others are counted)
 * and strict (as the original: one bad record, and nothing is restored). Neither writes.
 */
#include "ops/yoi_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"

#define TEXT_MAX (SIZE_MAX / 2)

static void state_init(struct ramet_yoi_state *s)
{
	memset(s, 0, sizeof(*s));
	ramet_buf_init(&s->session_id, TEXT_MAX);
	ramet_buf_init(&s->system_prompt, TEXT_MAX);
	ramet_buf_init(&s->config, TEXT_MAX);
	ramet_buf_init(&s->history, TEXT_MAX);
	ramet_buf_init(&s->usage, TEXT_MAX);
	ramet_buf_init(&s->extensions, TEXT_MAX);
	ramet_buf_init(&s->user_segments, TEXT_MAX);
	ramet_buf_init(&s->pod_scope, TEXT_MAX);
}

void ramet_yoi_state_release(struct ramet_yoi_state *s)
{
	ramet_buf_release(&s->session_id);
	ramet_buf_release(&s->system_prompt);
	ramet_buf_release(&s->config);
	ramet_buf_release(&s->history);
	ramet_buf_release(&s->usage);
	ramet_buf_release(&s->extensions);
	ramet_buf_release(&s->user_segments);
	ramet_buf_release(&s->pod_scope);
}

static int state_status(const struct ramet_yoi_state *s)
{
	return ramet_buf_status(&s->session_id) < 0 || ramet_buf_status(&s->system_prompt) < 0 ||
	       ramet_buf_status(&s->config) < 0 || ramet_buf_status(&s->history) < 0 ||
	       ramet_buf_status(&s->usage) < 0 || ramet_buf_status(&s->extensions) < 0 ||
	       ramet_buf_status(&s->user_segments) < 0 || ramet_buf_status(&s->pod_scope) < 0;
}

/* ---- one record ---- */

/* Lists are kept without their closing bracket until the end. */
static void next_in(struct ramet_buf *list)
{
	ramet_buf_add_char(list, list->len ? ',' : '[');
}

static void close_list(struct ramet_buf *list)
{
	ramet_buf_add_str(list, list->len ? "]" : "[]");
}

static void add_item(struct ramet_yoi_state *s, const struct ramet_json *item)
{
	if (rameti_yoi_item_of(item) == RAMETI_YOI_ITEM_OTHER)
		return;
	next_in(&s->history);
	rameti_yoi_add_item(&s->history, item, s->generation);
	s->n_history++;
}

static void add_items(struct ramet_yoi_state *s, const struct ramet_json *list)
{
	const struct ramet_json *v = NULL;

	while (ramet_json_kind(list) == RAMET_JSON_ARRAY && (v = ramet_json_next(list, v)) != NULL)
		add_item(s, rameti_yoi_unwrap(v));
}

static void add_made(struct ramet_yoi_state *s, const char *role, struct ramet_buf *text)
{
	next_in(&s->history);
	if (ramet_buf_status(text) < 0)
		s->history.status = RAMET_ENOMEM;
	rameti_yoi_add_message(&s->history, role, ramet_buf_bytes(text), s->generation);
	ramet_buf_release(text);
	s->n_history++;
}

static void add_note(struct ramet_yoi_state *s, const struct ramet_json *item, int hashed)
{
	struct ramet_buf text = RAMET_BUF_INIT(TEXT_MAX);

	if (rameti_yoi_item_of(item) != RAMETI_YOI_ITEM_OTHER) {
		add_item(s, item);
		return;
	}
	rameti_yoi_system_text(&text, item, hashed);
	add_made(s, "system", &text);
}

/* A list of permissions: {"target","permission","recursive"}. */
static int is_rules(const struct ramet_json *list)
{
	const struct ramet_json *v = NULL, *p, *r;

	if (ramet_json_kind(list) != RAMET_JSON_ARRAY)
		return 0;
	while ((v = ramet_json_next(list, v)) != NULL) {
		p = ramet_json_get(v, "permission");
		r = ramet_json_get(v, "recursive");
		if (ramet_json_kind(ramet_json_get(v, "target")) != RAMET_JSON_STRING ||
		    (!ramet_json_text_is(p, "read") && !ramet_json_text_is(p, "write")) ||
		    (ramet_json_kind(r) != RAMET_JSON_TRUE &&
		     ramet_json_kind(r) != RAMET_JSON_FALSE))
			return 0;
	}
	return 1;
}

static void add_extension(struct ramet_yoi_state *s, const struct ramet_json *o)
{
	const struct ramet_json *domain = ramet_json_get(o, "domain");
	const struct ramet_json *payload = ramet_json_get(o, "payload");
	int floats = rameti_yoi_floats_of(s->generation);
	size_t before = s->extensions.len;

	next_in(&s->extensions);
	ramet_buf_add_str(&s->extensions, "{\"domain\":");
	rameti_yoi_add_string(&s->extensions, domain);
	ramet_buf_add_str(&s->extensions, ",\"payload\":");
	if (rameti_yoi_add_value(&s->extensions, payload, floats) > 0) {
		ramet_buf_truncate(&s->extensions, before);
		return;
	}
	ramet_buf_add_char(&s->extensions, '}');
	if (!ramet_json_text_is(domain, "pod.scope") || s->generation > RAMETI_YOI_G1D ||
	    !is_rules(ramet_json_get(payload, "allow")) ||
	    !is_rules(ramet_json_get(payload, "deny")))
		return;
	ramet_buf_reset(&s->pod_scope);
	(void)rameti_yoi_add_value(&s->pod_scope, payload, floats);
}

/* Segments as they read: of one whose kind is unknown nothing is kept. */
static void add_segments(struct ramet_yoi_state *s, const struct ramet_json *list, int hashed)
{
	static const char *const known[] = { "text", "paste", "file_ref", NULL };
	static const char *const old[] = { "knowledge_ref", "workflow_invoke", NULL };
	static const char *const new[] = { "flow", NULL };
	const struct ramet_json *v = NULL;
	uint32_t n = 0;

	next_in(&s->user_segments);
	ramet_buf_add_char(&s->user_segments, '[');
	while ((v = ramet_json_next(list, v)) != NULL) {
		const struct ramet_json *kind = ramet_json_get(v, "kind");
		const char *const *name;
		int found = 0;

		for (name = known; *name; name++)
			found |= ramet_json_text_is(kind, *name);
		for (name = hashed ? old : new; *name; name++)
			found |= ramet_json_text_is(kind, *name);
		if (n++)
			ramet_buf_add_char(&s->user_segments, ',');
		if (found)
			rameti_json_add_compact(&s->user_segments, v);
		else
			ramet_buf_add_str(&s->user_segments, "{\"kind\":\"unknown\"}");
	}
	ramet_buf_add_char(&s->user_segments, ']');
}

static void add_input(struct ramet_yoi_state *s, const struct rameti_yoi_record *rec)
{
	const struct ramet_json *segments = ramet_json_get(rec->object, "segments"), *x = NULL;
	const struct ramet_json *more = ramet_json_get(rec->object, "extensions");
	struct ramet_buf text = RAMET_BUF_INIT(TEXT_MAX);

	if (ramet_json_kind(segments) != RAMET_JSON_ARRAY) {
		add_item(s, ramet_json_get(rec->object, "item"));
		return;
	}
	rameti_yoi_join_segments(&text, segments, rec->hashed);
	add_made(s, "user", &text);
	add_segments(s, segments, rec->hashed);
	while (ramet_json_kind(more) == RAMET_JSON_ARRAY && (x = ramet_json_next(more, x)) != NULL)
		add_extension(s, x);
}

static void add_usage(struct ramet_yoi_state *s, const struct ramet_json *o)
{
	static const char *const keys[] = { "history_len", "input_total_tokens",
					    "cache_read_tokens", "cache_write_tokens",
					    "output_tokens" };
	size_t i;

	next_in(&s->usage);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		uint64_t n = 0;

		(void)rameti_yoi_u64(ramet_json_get(o, keys[i]), &n);
		ramet_buf_addf(&s->usage, "%s\"%s\":%llu", i ? "," : "{", keys[i],
			       (unsigned long long)n);
	}
	ramet_buf_add_char(&s->usage, '}');
}

static void set_config(struct ramet_yoi_state *s, const struct ramet_json *o)
{
	const struct ramet_json *config = ramet_json_get(o, "config");

	ramet_buf_reset(&s->config);
	if (ramet_json_kind(config) == RAMET_JSON_OBJECT)
		rameti_yoi_add_config(&s->config, config, rameti_yoi_floats_of(s->generation));
}

static void restart(struct ramet_yoi_state *s, const struct ramet_json *o)
{
	const struct ramet_json *prompt = ramet_json_get(o, "system_prompt");

	s->has_prompt = ramet_json_kind(prompt) == RAMET_JSON_STRING;
	ramet_buf_reset(&s->system_prompt);
	ramet_json_text(prompt, &s->system_prompt);
	ramet_buf_reset(&s->session_id);
	ramet_json_text(ramet_json_get(o, "session_id"), &s->session_id);
	ramet_buf_reset(&s->history);
	ramet_buf_reset(&s->user_segments);
	s->n_history = 0;
	set_config(s, o);
	add_items(s, ramet_json_get(o, "history"));
}

static const struct ramet_json *item_of(const struct ramet_json *o)
{
	const struct ramet_json *item = ramet_json_get(o, "item");

	return rameti_yoi_unwrap(item ? item : ramet_json_get(o, "entry"));
}

static void set_interrupted(struct ramet_yoi_state *s, const struct ramet_json *o)
{
	s->interrupted = ramet_json_kind(ramet_json_get(o, "interrupted")) == RAMET_JSON_TRUE;
}

static void apply(struct ramet_yoi_state *s, const struct rameti_yoi_record *rec)
{
	const struct ramet_json *o = rec->object, *v = NULL;
	const struct ramet_json *list = ramet_json_get(o, "items");

	switch (rec->kind) {
	case RAMETI_YOI_SESSION_START:
	case RAMETI_YOI_SEGMENT_START:
	case RAMETI_YOI_A_START:
		restart(s, o);
		break;
	case RAMETI_YOI_USER_INPUT:
		add_input(s, rec);
		break;
	case RAMETI_YOI_A_USER_INPUT:
		add_items(s, ramet_json_get(o, "history"));
		if (ramet_json_kind(ramet_json_get(o, "segments")) == RAMET_JSON_ARRAY)
			add_segments(s, ramet_json_get(o, "segments"), 0);
		break;
	case RAMETI_YOI_ASSISTANT_ITEMS:
	case RAMETI_YOI_TOOL_RESULTS:
	case RAMETI_YOI_HOOK_ITEMS:
		add_items(s, list);
		break;
	case RAMETI_YOI_SYSTEM_ITEMS:
		while (ramet_json_kind(list) == RAMET_JSON_ARRAY &&
		       (v = ramet_json_next(list, v)) != NULL)
			add_note(s, v, rec->hashed);
		break;
	case RAMETI_YOI_ASSISTANT_ITEM:
	case RAMETI_YOI_TOOL_RESULT:
	case RAMETI_YOI_A_ASSISTANT_ITEM:
	case RAMETI_YOI_A_TOOL_RESULT:
		add_item(s, item_of(o));
		break;
	case RAMETI_YOI_SYSTEM_ITEM:
	case RAMETI_YOI_A_SYSTEM_ITEM:
		add_note(s, item_of(o), rec->hashed);
		break;
	case RAMETI_YOI_INVOKE:
		/* hashed generations knew the record, but drew nothing from it */
		s->interrupted |= s->generation >= RAMETI_YOI_G2;
		break;
	case RAMETI_YOI_TURN_END:
		(void)rameti_yoi_u64(ramet_json_get(o, "turn_count"), &s->turn_count);
		break;
	case RAMETI_YOI_RUN_COMPLETED:
	case RAMETI_YOI_RUN_ERRORED:
	case RAMETI_YOI_RUN_OUTCOME:
		set_interrupted(s, o);
		break;
	case RAMETI_YOI_ABANDONED:
		s->interrupted = 0;
		break;
	case RAMETI_YOI_CONFIG_CHANGED:
		set_config(s, o);
		break;
	case RAMETI_YOI_LLM_USAGE:
		add_usage(s, o);
		break;
	case RAMETI_YOI_EXTENSION:
		add_extension(s, o);
		break;
	default:
		break;
	}
}

/* ---- a log ---- */

static int fail_strict(struct ramet_error *err, const char *path, uint64_t line, const char *text)
{
	return rameti_fail_at(err, RAMET_EFORMAT, path, line, RAMET_NO_OFFSET, "%s", text);
}

/* Is the present line one that the original reads? */
static int check_strict(const struct rameti_yoi_walk *w, int gen, const char *path,
			struct ramet_error *err)
{
	char why[160];

	if (!w->object)
		return fail_strict(err, path, w->number, w->why.text);
	if (rameti_yoi_strict(w->object, gen, why, sizeof(why)))
		return fail_strict(err, path, w->number, why);
	return 0;
}

static void note_hash(struct ramet_yoi_state *s, const struct ramet_json *o)
{
	struct rameti_yoi_link link;

	s->head_hash[0] = '\0';
	if (s->generation < RAMETI_YOI_BRIDGE && rameti_yoi_link_loose(o, &link))
		rameti_hex(link.hash, 32, s->head_hash);
}

/* Where to stop: -1 not yet, 0 before this record, 1 behind it. */
static int is_end(const struct ramet_yoi_state *s, const struct rameti_yoi_record *rec,
		  const struct ramet_yoi_restore_opts *o)
{
	uint64_t n = 0;

	if (o->n_records && s->n_records >= o->n_records)
		return 0;
	if (o->by_turn && !o->at_turn && !rameti_yoi_is_start(rec->kind))
		return 0;
	if (o->by_turn && o->at_turn && rec->kind == RAMETI_YOI_TURN_END &&
	    rameti_yoi_u64(ramet_json_get(rec->object, "turn_count"), &n) && n == o->at_turn)
		return 1;
	return -1;
}

static int is_record(const struct rameti_yoi_walk *w)
{
	return w->object && ramet_json_kind(ramet_json_get(w->object, "kind")) == RAMET_JSON_STRING;
}

static int replay(struct ramet_yoi_state *s, struct rameti_yoi_walk *w, const char *path,
		  const struct ramet_yoi_restore_opts *o, struct ramet_error *err)
{
	struct rameti_yoi_record rec;
	int r, end = -1, asked = o->at_hash || (o->by_turn && o->at_turn);

	while (end < 0 && (r = rameti_yoi_walk_next(w, err)) != 0) {
		if (r > 0 && w->strict)
			r = check_strict(w, s->generation, path, err);
		if (r < 0)
			return r;
		if (!is_record(w)) {
			s->n_skipped++;
			continue;
		}
		rameti_yoi_record_init(&rec, w->object);
		end = is_end(s, &rec, o);
		if (!end)
			break;
		apply(s, &rec);
		s->n_records++;
		note_hash(s, w->object);
		if (o->at_hash && *s->head_hash && !strcasecmp(o->at_hash, s->head_hash))
			end = 1;
		if (state_status(s))
			return rameti_fail_nomem(err);
	}
	if (end < 0 && (asked || o->n_records > s->n_records))
		return rameti_fail_at(err, RAMET_ENOTFOUND, path, 0, RAMET_NO_OFFSET,
				      "the log has no such %s",
				      o->at_hash   ? "hash"
				      : o->by_turn ? "turn"
						   : "record");
	return 0;
}

/* An old reader takes a file as one text. */
static int check_text(const struct rameti_yoi_text *t, int gen, const char *path,
		      struct ramet_error *err)
{
	struct ramet_bytes all = { t->text.ptr, t->counted };

	if (gen < RAMETI_YOI_BRIDGE && all.len && !rameti_utf8_valid(all))
		return fail_strict(err, path, 0, "invalid UTF-8");
	return 0;
}

int ramet_yoi_restore(struct ramet_yoi_state *state, const char *path,
		      const struct ramet_yoi_restore_opts *opts, struct ramet_error *err)
{
	static const struct ramet_yoi_restore_opts none;
	struct ramet_yoi_state s;
	struct rameti_yoi_text t;
	struct rameti_yoi_walk w;
	int r;

	opts = opts ? opts : &none;
	r = rameti_yoi_load(&t, path, opts->generation, err);
	if (r < 0)
		return r;
	state_init(&s);
	s.generation = t.gen ? t.gen : RAMETI_YOI_G2;
	s.torn = t.text.len - t.counted;
	if (opts->strict)
		r = check_text(&t, s.generation, path, err);
	rameti_yoi_walk_init(&w, (struct ramet_bytes){ t.text.ptr, t.counted }, opts->strict);
	if (!r)
		r = replay(&s, &w, path, opts, err);
	rameti_yoi_walk_release(&w);
	rameti_yoi_unload(&t);
	close_list(&s.history);
	close_list(&s.usage);
	close_list(&s.extensions);
	close_list(&s.user_segments);
	if (!r && state_status(&s))
		r = rameti_fail_nomem(err);
	if (r < 0)
		ramet_yoi_state_release(&s);
	else
		*state = s;
	return r;
}

int ramet_yoi_head_hash(const char *path, struct ramet_buf *out, struct ramet_error *err)
{
	struct rameti_yoi_text t;
	struct rameti_yoi_walk w;
	struct rameti_yoi_link link;
	struct ramet_bytes line = { NULL, 0 }, left;
	char hex[RAMET_YOI_HASH_SIZE];
	uint64_t number = 0, at = 0;
	int r = rameti_yoi_load(&t, path, RAMETI_YOI_G1, err);

	if (r < 0)
		return r;
	for (left = ramet_buf_bytes(&t.text); left.len;) {
		struct ramet_bytes one = { left.ptr, rameti_scan_newline(left) };
		size_t step = one.len + (one.len < left.len);

		at++;
		if (rameti_utf8_trim(one).len) {
			line = one;
			number = at;
		}
		left.ptr += step;
		left.len -= step;
	}
	r = check_text(&t, RAMETI_YOI_G1, path, err);
	rameti_yoi_walk_init(&w, line, 1);
	if (!r && line.len)
		r = rameti_yoi_walk_next(&w, err);
	w.number = number;
	if (r > 0)
		r = check_strict(&w, RAMETI_YOI_G1, path, err);
	if (!r && line.len && rameti_yoi_link_loose(w.object, &link)) {
		rameti_hex(link.hash, 32, hex);
		ramet_buf_add_str(out, hex);
	}
	rameti_yoi_walk_release(&w);
	rameti_yoi_unload(&t);
	return r ? r : ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}

/* ---- as text ---- */

static void add_raw(struct ramet_buf *out, const char *key, const struct ramet_buf *json)
{
	ramet_buf_addf(out, ",\"%s\":", key);
	ramet_buf_add_json_raw(out, json->len ? ramet_buf_bytes(json) : ramet_bytes_of("null"));
}

int ramet_yoi_state_write(const struct ramet_yoi_state *s, struct ramet_buf *out,
			  struct ramet_error *err)
{
	size_t before = out->len;

	ramet_buf_addf(out, "{\"generation\":\"%s\"", ramet_yoi_generation_name(s->generation));
	if (s->session_id.len) {
		ramet_buf_add_str(out, ",\"session_id\":");
		ramet_buf_add_json_string(out, ramet_buf_bytes(&s->session_id));
	}
	ramet_buf_add_str(out, ",\"system_prompt\":");
	if (s->has_prompt)
		ramet_buf_add_json_string(out, ramet_buf_bytes(&s->system_prompt));
	else
		ramet_buf_add_str(out, "null");
	add_raw(out, "config", &s->config);
	add_raw(out, "history", &s->history);
	ramet_buf_addf(out, ",\"turn_count\":%llu,\"last_run_interrupted\":%s,",
		       (unsigned long long)s->turn_count, s->interrupted ? "true" : "false");
	if (*s->head_hash)
		ramet_buf_addf(out, "\"head_hash\":\"%s\"", s->head_hash);
	else
		ramet_buf_add_str(out, "\"head_hash\":null");
	ramet_buf_addf(out, ",\"entries_count\":%llu", (unsigned long long)s->n_records);
	add_raw(out, "usage_history", &s->usage);
	add_raw(out, "extensions", &s->extensions);
	add_raw(out, "user_segments", &s->user_segments);
	if (s->pod_scope.len)
		add_raw(out, "pod_scope", &s->pod_scope);
	ramet_buf_addf(out, ",\"skipped\":%llu,\"torn\":%llu}", (unsigned long long)s->n_skipped,
		       (unsigned long long)s->torn);
	if (ramet_buf_status(out) < 0) {
		ramet_buf_truncate(out, before);
		return rameti_fail_nomem(err);
	}
	return 0;
}
