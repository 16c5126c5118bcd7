/*
 * codec/yoi_show.c - one piece of a record of yoi's as pi's entry.
 *
 * What pi has no place for stays in the entry: in a member "yoi" of the message or block it belongs
 * to, or as a custom entry. Texts and numbers keep their bytes.
 */
#include "codec/yoi.h"

#include "base/add.h"
#include "base/error.h"
#include "codec/carry.h"
#include "codec/span.h"

static struct ramet_bytes raw_of(const struct ramet_json *v)
{
	struct ramet_bytes none = { NULL, 0 };

	return v ? ramet_json_raw(v) : none;
}

static const struct ramet_json *list_of(const struct ramet_json *object, const char *key)
{
	const struct ramet_json *v = ramet_json_get(object, key);

	return ramet_json_kind(v) == RAMET_JSON_ARRAY ? v : NULL;
}

/* ---- small writers ---- */

static void add_key(struct ramet_buf *out, const char *before, const char *key)
{
	ramet_buf_add_str(out, before);
	ramet_buf_add_char(out, '"');
	ramet_buf_add_str(out, key);
	ADD(out, "\":");
}

/* ,"key":value as it stands, of a member that is there. */
static int add_member(struct ramet_buf *out, const struct ramet_json *object, const char *key,
		      int n)
{
	const struct ramet_json *v = ramet_json_get(object, key);

	if (!v)
		return n;
	add_key(out, n ? "," : "", key);
	rameti_json_add_compact(out, v);
	return n + 1;
}

/* A text as it stands. */
static void add_text(struct ramet_buf *out, const struct ramet_json *v)
{
	if (ramet_json_kind(v) == RAMET_JSON_STRING)
		ramet_buf_add_json_raw(out, ramet_json_raw(v));
	else
		ADD(out, "\"\"");
}

static void add_made_text(struct ramet_buf *out, struct ramet_buf *text)
{
	if (ramet_buf_status(text) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_add_json_string(out, ramet_buf_bytes(text));
	ramet_buf_release(text);
}

static void add_time(struct ramet_buf *out, const struct rameti_yoi_record *rec)
{
	const struct ramet_json *ts = ramet_json_get(rec->object, "ts");
	uint64_t n;

	if (rameti_yoi_u64(ts, &n)) {
		ADD(out, ",\"timestamp\":");
		ramet_buf_add(out, ramet_json_raw(ts));
	}
	ramet_buf_add_char(out, '}');
}

/* What pi has no member for: opened once, by the first that is there. */
struct extra {
	struct ramet_buf *out;
	int n;
};

static void extra_key(struct extra *x, const char *key)
{
	add_key(x->out, x->n++ ? "," : ",\"yoi\":{", key);
}

static void extra_flag(struct extra *x, const char *key, int set)
{
	if (!set)
		return;
	extra_key(x, key);
	ADD(x->out, "true");
}

static void extra_member(struct extra *x, const struct ramet_json *object, const char *key)
{
	const struct ramet_json *v = ramet_json_get(object, key);

	if (!v)
		return;
	extra_key(x, key);
	rameti_json_add_compact(x->out, v);
}

static void extra_close(struct extra *x)
{
	if (x->n)
		ramet_buf_add_char(x->out, '}');
}

/* ---- items ---- */

static int is_refusal(const struct ramet_json *part)
{
	const struct ramet_json *tag = ramet_json_get(part, "type");

	tag = tag ? tag : ramet_json_get(part, "kind");
	return ramet_json_text_is(tag, "refusal");
}

/* The parts of a message as text blocks, the first of them with what belongs to the message. */
static void add_parts(struct ramet_buf *out, const struct ramet_json *item, uint32_t *blocks,
		      int is_first, int tell)
{
	const struct ramet_json *list = list_of(item, "content"), *part = NULL;
	uint32_t n = 0;

	do {
		struct extra x = { out, 0 };
		int refusal;

		part = list ? ramet_json_next(list, part) : NULL;
		if (!part && (n || !tell))
			break;
		refusal = is_refusal(part);
		ramet_buf_add_str(out, (*blocks)++ ? ",{\"type\":\"text\",\"text\":"
						 : "{\"type\":\"text\",\"text\":");
		add_text(out, ramet_json_get(part, refusal ? "refusal" : "text"));
		extra_flag(&x, "refusal", refusal);
		extra_flag(&x, "empty", !part);
		if (!n++ && tell) {
			extra_flag(&x, "message", !is_first);
			extra_member(&x, item, "id");
			extra_member(&x, item, "status");
		}
		extra_close(&x);
		ramet_buf_add_char(out, '}');
	} while (part);
}

static void add_reasoning(struct ramet_buf *out, const struct ramet_json *item)
{
	struct extra x = { out, 0 };

	ADD(out, "{\"type\":\"thinking\",\"thinking\":");
	add_text(out, ramet_json_get(item, "text"));
	if (ramet_json_kind(ramet_json_get(item, "signature")) == RAMET_JSON_STRING) {
		ADD(out, ",\"thinkingSignature\":");
		add_text(out, ramet_json_get(item, "signature"));
	}
	extra_member(&x, item, "id");
	extra_member(&x, item, "summary");
	extra_member(&x, item, "encrypted_content");
	extra_member(&x, item, "status");
	extra_close(&x);
	ramet_buf_add_char(out, '}');
}

#define ARGUMENTS_DEPTH 64

/* Nested no deeper than we put into another object? */
static int is_shallow(struct ramet_bytes text)
{
	uint32_t depth = 0;
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (text.ptr[i] == '{' || text.ptr[i] == '[')
			depth++;
		else if ((text.ptr[i] == '}' || text.ptr[i] == ']') && depth)
			depth--;
		if (depth > ARGUMENTS_DEPTH)
			return 0;
	}
	return 1;
}

/* Arguments are a text there and an object here; 1: the object is the text, to the byte. */
static int add_arguments(struct ramet_buf *out, const struct ramet_json *v)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *o;
	size_t from = out->len;
	int same = 0, r;

	ramet_json_text(v, &text);
	r = ramet_buf_status(&text);
	if (!r)
		r = text.len && is_shallow(ramet_buf_bytes(&text)) ?
			    ramet_json_parse(&doc, ramet_buf_bytes(&text), RAMET_JSON_STRICT,
					     NULL) : 1;
	if (r == RAMET_ENOMEM)
		out->status = r;
	if (!r) {
		o = ramet_json_root(&doc);
		if (ramet_json_kind(o) == RAMET_JSON_OBJECT) {
			rameti_json_add_compact(out, o);
			same = out->len - from == text.len;
		}
	}
	if (out->len == from)
		ADD(out, "{}");
	ramet_json_doc_release(&doc);
	ramet_buf_release(&text);
	return same;
}

static void add_call(struct ramet_buf *out, const struct ramet_json *item)
{
	struct extra x = { out, 0 };

	ADD(out, "{\"type\":\"toolCall\",\"id\":");
	add_text(out, ramet_json_get(item, "call_id"));
	ADD(out, ",\"name\":");
	add_text(out, ramet_json_get(item, "name"));
	ADD(out, ",\"arguments\":");
	if (!add_arguments(out, ramet_json_get(item, "arguments")))
		extra_member(&x, item, "arguments");
	extra_member(&x, item, "id");
	extra_member(&x, item, "status");
	extra_close(&x);
	ramet_buf_add_char(out, '}');
}

#define NO_USAGE                                                                                   \
	"{\"input\":0,\"output\":0,\"cacheRead\":0,\"cacheWrite\":0,\"totalTokens\":0,"            \
	"\"cost\":{\"input\":0,\"output\":0,\"cacheRead\":0,\"cacheWrite\":0,\"total\":0}}"

static void add_assistant(struct ramet_buf *out, const struct rameti_yoi_record *rec,
			  const struct rameti_yoi_piece *piece)
{
	const struct ramet_json *v = piece->item;
	int calls = 0, after_text = 0;
	uint32_t i, blocks = 0;

	ADD(out, "\"message\":{\"role\":\"assistant\",\"content\":[");
	for (i = 0; i < piece->n; i++) {
		const struct ramet_json *item = rameti_yoi_unwrap(v);
		int what = rameti_yoi_item_of(item);

		if (what == RAMETI_YOI_ITEM_ASSISTANT) {
			add_parts(out, item, &blocks, !after_text, 1);
		} else {
			if (blocks++)
				ramet_buf_add_char(out, ',');
			if (what == RAMETI_YOI_ITEM_CALL)
				add_call(out, item);
			else
				add_reasoning(out, item);
			calls += what == RAMETI_YOI_ITEM_CALL;
		}
		after_text = what == RAMETI_YOI_ITEM_ASSISTANT;
		if (i + 1 < piece->n)
			v = ramet_json_next(rec->list, v);
	}
	ADD(out, "],\"api\":\"yoi\",\"provider\":\"yoi\",\"model\":\"unknown\","
			       "\"usage\":" NO_USAGE ",\"stopReason\":");
	ramet_buf_add_str(out, calls ? "\"toolUse\"" : "\"stop\"");
	add_time(out, rec);
}

static void add_image(struct ramet_buf *out, const struct ramet_json *image)
{
	ADD(out, ",{\"type\":\"image\",\"data\":");
	add_text(out, ramet_json_get(image, "data"));
	ADD(out, ",\"mimeType\":");
	add_text(out, ramet_json_get(image, "mime_type"));
	ramet_buf_add_char(out, '}');
}

static void add_result(struct ramet_buf *out, const struct rameti_yoi_record *rec,
		       const struct ramet_json *item)
{
	const struct ramet_json *images = list_of(item, "attachments"), *v = NULL;
	const struct ramet_json *content = ramet_json_get(item, "content");
	struct extra x = { out, 0 };
	int failed = ramet_json_kind(ramet_json_get(item, "is_error")) == RAMET_JSON_TRUE;

	ADD(out, "\"message\":{\"role\":\"toolResult\",\"toolCallId\":");
	add_text(out, ramet_json_get(item, "call_id"));
	ADD(out, ",\"toolName\":\"\",\"content\":[{\"type\":\"text\",\"text\":");
	add_text(out, ramet_json_get(item, "summary"));
	ramet_buf_add_char(out, '}');
	if (ramet_json_kind(content) == RAMET_JSON_STRING) {
		ADD(out, ",{\"type\":\"text\",\"text\":");
		add_text(out, content);
		ramet_buf_add_char(out, '}');
	}
	while (images && (v = ramet_json_next(images, v)) != NULL)
		add_image(out, v);
	ramet_buf_add_str(out, failed ? "],\"isError\":true" : "],\"isError\":false");
	extra_member(&x, item, "id");
	extra_close(&x);
	add_time(out, rec);
}

/* A message of the user or the system. */
static void add_message(struct ramet_buf *out, const struct rameti_yoi_record *rec,
			const struct ramet_json *item, int what)
{
	struct extra x = { out, 0 };
	uint32_t blocks = 0;

	ramet_buf_add_str(out, what == RAMETI_YOI_ITEM_USER
				       ? "\"message\":{\"role\":\"user\",\"content\":["
				       : "\"message\":{\"role\":\"system\",\"content\":[");
	add_parts(out, item, &blocks, 1, 0);
	ramet_buf_add_char(out, ']');
	extra_flag(&x, "item", what == RAMETI_YOI_ITEM_SYSTEM);
	extra_member(&x, item, "id");
	extra_member(&x, item, "status");
	extra_close(&x);
	add_time(out, rec);
}

static void add_item(struct ramet_buf *out, const struct rameti_yoi_record *rec,
		     const struct ramet_json *item)
{
	int what = rameti_yoi_item_of(item);

	if (what == RAMETI_YOI_ITEM_RESULT)
		add_result(out, rec, item);
	else
		add_message(out, rec, item, what);
}

/* ---- other pieces ---- */

static void add_input(struct ramet_buf *out, const struct rameti_yoi_record *rec)
{
	const struct ramet_json *item = rameti_yoi_single_item(rec), *segments;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct extra x = { out, 0 };

	segments = list_of(rec->object, "segments");
	if (!segments && item) {
		add_message(out, rec, item, RAMETI_YOI_ITEM_USER);
		return;
	}
	rameti_yoi_join_segments(&text, segments, rec->hashed);
	ADD(out, "\"message\":{\"role\":\"user\",\"content\":"
			       "[{\"type\":\"text\",\"text\":");
	add_made_text(out, &text);
	ADD(out, "}]");
	extra_member(&x, rec->object, "segments");
	extra_member(&x, rec->object, "extensions");
	extra_close(&x);
	add_time(out, rec);
}

static void add_note(struct ramet_buf *out, const struct rameti_yoi_record *rec,
		     const struct ramet_json *item)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);

	item = item ? rameti_yoi_unwrap(item) : NULL;
	rameti_yoi_system_text(&text, item, rec->hashed);
	ADD(out, "\"message\":{\"role\":\"system\",\"content\":"
			       "[{\"type\":\"text\",\"text\":");
	add_made_text(out, &text);
	ADD(out, "}]");
	if (item) {
		ADD(out, ",\"yoi\":{\"item\":");
		rameti_json_add_compact(out, item);
		ramet_buf_add_char(out, '}');
	}
	add_time(out, rec);
}

static void begin_custom(struct ramet_buf *out, const char *type)
{
	ADD(out, "\"customType\":\"");
	ramet_buf_add_str(out, type);
	ADD(out, "\",\"data\":");
}

static void add_start(struct ramet_buf *out, const struct rameti_yoi_record *rec)
{
	int n = 0;

	begin_custom(out, "ramet.config");
	ADD(out, "{\"config\":");
	if (ramet_json_get(rec->object, "config"))
		rameti_json_add_compact(out, ramet_json_get(rec->object, "config"));
	else
		ADD(out, "null");
	ADD(out, ",\"start\":{");
	n = add_member(out, rec->object, "kind", n);
	n = add_member(out, rec->object, "session_id", n);
	n = add_member(out, rec->object, "forked_from", n);
	(void)add_member(out, rec->object, "compacted_from", n);
	ADD(out, "}}");
}

static void add_prompt(struct ramet_buf *out, const struct rameti_yoi_record *rec)
{
	ADD(out, "\"message\":{\"role\":\"system\",\"content\":");
	add_text(out, ramet_json_get(rec->object, "system_prompt"));
	add_time(out, rec);
}

static uint64_t number(const struct ramet_json *object, const char *key)
{
	uint64_t n = 0;

	return rameti_yoi_u64(ramet_json_get(object, key), &n) ? n : 0;
}

static void add_count(struct ramet_buf *out, const char *key, uint64_t n)
{
	add_key(out, "", key);
	rameti_span_add_count(out, n);
	ramet_buf_add_char(out, ',');
}

static void add_usage(struct ramet_buf *out, const struct ramet_json *o)
{
	uint64_t in = number(o, "input_total_tokens"), read = number(o, "cache_read_tokens");
	uint64_t write = number(o, "cache_write_tokens"), given = number(o, "output_tokens");
	int n = 0;

	ADD(out, "\"kind\":\"llm\",\"provider\":\"yoi\",\"model\":\"unknown\","
			       "\"usage\":{");
	add_count(out, "input", in < read || in - read < write ? 0 : in - read - write);
	add_count(out, "output", given);
	add_count(out, "cacheRead", read);
	add_count(out, "cacheWrite", write);
	add_count(out, "totalTokens", in + given);
	ADD(out, "\"cost\":{\"input\":0,\"output\":0,\"cacheRead\":0,"
			       "\"cacheWrite\":0,\"total\":0}},\"yoi\":{");
	n = add_member(out, o, "history_len", n);
	(void)add_member(out, o, "input_total_tokens", n);
	ramet_buf_add_char(out, '}');
}

/* {"key":value,...} of members that are there. */
static void add_members(struct ramet_buf *out, const struct ramet_json *o, const char *const *keys,
			size_t n_keys)
{
	size_t i;
	int n = 0;

	ramet_buf_add_char(out, '{');
	for (i = 0; i < n_keys; i++)
		n = add_member(out, o, keys[i], n);
	ramet_buf_add_char(out, '}');
}

static void add_record(struct ramet_buf *out, const struct rameti_yoi_record *rec)
{
	static const char *const turn[] = { "turn_count" };
	static const char *const run[] = { "trigger", "interrupted", "result",
					   "message", "outcome",     "active_run_turn_count" };
	static const char *const config[] = { "config" };
	static const char *const extension[] = { "domain", "payload" };

	switch (rec->kind) {
	case RAMETI_YOI_LLM_USAGE:
		add_usage(out, rec->object);
		return;
	case RAMETI_YOI_TURN_END:
		begin_custom(out, "ramet.turn_end");
		add_members(out, rec->object, turn, 1);
		return;
	case RAMETI_YOI_CONFIG_CHANGED:
		begin_custom(out, "ramet.config");
		add_members(out, rec->object, config, 1);
		return;
	case RAMETI_YOI_EXTENSION:
		begin_custom(out, "ramet.extension");
		add_members(out, rec->object, extension, 2);
		return;
	case RAMETI_YOI_ABANDONED:
		begin_custom(out, "ramet.run");
		ADD(out, "{\"abandoned\":true}");
		return;
	default:
		begin_custom(out, "ramet.run");
		add_members(out, rec->object, run, sizeof(run) / sizeof(run[0]));
	}
}

static void add_raw(struct ramet_buf *out, const char *key, struct ramet_bytes text)
{
	struct ramet_buf valid = RAMET_BUF_INIT(SIZE_MAX / 2);

	begin_custom(out, RAMETI_RAW_TYPE);
	ramet_buf_addf(out, "{\"format\":\"yoi\",\"entries\":0,\"%s\":", key);
	rameti_utf8_add(&valid, text);
	add_made_text(out, &valid);
	ramet_buf_add_char(out, '}');
}

int rameti_yoi_add_members(struct ramet_buf *out, const struct rameti_yoi_record *rec,
			   const struct rameti_yoi_piece *piece, struct ramet_bytes line,
			   struct ramet_error *err)
{
	switch (piece->what) {
	case RAMETI_YOI_P_START:
		add_start(out, rec);
		break;
	case RAMETI_YOI_P_PROMPT:
		add_prompt(out, rec);
		break;
	case RAMETI_YOI_P_ASSISTANT:
		add_assistant(out, rec, piece);
		break;
	case RAMETI_YOI_P_ITEM:
		add_item(out, rec, rameti_yoi_unwrap(piece->item));
		break;
	case RAMETI_YOI_P_INPUT:
		add_input(out, rec);
		break;
	case RAMETI_YOI_P_NOTE:
		add_note(out, rec, piece->item);
		break;
	case RAMETI_YOI_P_RECORD:
		add_record(out, rec);
		break;
	case RAMETI_YOI_P_RAW_ITEM:
		add_raw(out, "item", raw_of(piece->item));
		break;
	default:
		add_raw(out, "record", line);
	}
	return ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}
