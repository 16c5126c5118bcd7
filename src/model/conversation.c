/*
 * model/conversation.c - messages as one text, for whoever is to summarise them.
 *
 * The form is pi's: a block for each message, [User]: or [Assistant]: before it, tool calls as
 * name(key=value), of a tool's result the first 2000 characters. Thinking, pictures and system
 * messages are left out, and so are bash runs that were kept from the model.
 */
#include "model/conversation.h"

#include "base/error.h"
#include "json/scan.h"
#include "model/context_priv.h"

#define RESULT_CHARS 2000u                       /* UTF-16 units of a tool's result */

struct telling {
	struct ramet_json_doc doc;
	struct ramet_buf text;
	struct ramet_buf *out;
	size_t start;
};

/* A block: empty lines between it and the one before. */
static void add_block(struct telling *t, const char *head)
{
	if (t->out->len > t->start)
		ramet_buf_add_str(t->out, "\n\n");
	ramet_buf_add_str(t->out, head);
	rameti_utf8_add(t->out, ramet_buf_bytes(&t->text));  /* without halves of characters */
}

/* Text blocks with sep between them, or a text as it is; how many there were. */
static uint32_t add_texts(struct telling *t, const struct ramet_json *content, const char *sep)
{
	const struct ramet_json *b = NULL;
	uint32_t n = 0;

	if (ramet_json_kind(content) == RAMET_JSON_STRING) {
		ramet_json_text(content, &t->text);
		return 1;
	}
	while (ramet_json_kind(content) == RAMET_JSON_ARRAY &&
	       (b = ramet_json_next(content, b)) != NULL) {
		if (!ramet_json_text_is(ramet_json_get(b, "type"), "text"))
			continue;
		if (n++)
			ramet_buf_add_str(&t->text, sep);
		ramet_json_text(ramet_json_get(b, "text"), &t->text);
	}
	return n;
}

static void tell_user(struct telling *t, const struct ramet_json *m)
{
	add_texts(t, ramet_json_get(m, "content"), "");
	if (t->text.len)
		add_block(t, "[User]: ");
}

/* ---- what the assistant says and calls ---- */

static void add_arguments(struct telling *t, const struct ramet_json *arguments)
{
	const struct ramet_json *v = NULL;
	uint32_t i = 0;

	if (ramet_json_kind(arguments) != RAMET_JSON_OBJECT)
		return;
	for (; (v = ramet_json_next(arguments, v)) != NULL; i++) {
		if (i % 2) {
			ramet_buf_add_char(&t->text, '=');
			rameti_json_add_compact(&t->text, v);
			continue;
		}
		if (i)
			ramet_buf_add_str(&t->text, ", ");
		ramet_json_text(v, &t->text);
	}
}

static void tell_calls(struct telling *t, const struct ramet_json *content)
{
	const struct ramet_json *b = NULL;
	uint32_t n = 0;

	ramet_buf_reset(&t->text);
	while (ramet_json_kind(content) == RAMET_JSON_ARRAY &&
	       (b = ramet_json_next(content, b)) != NULL) {
		if (!ramet_json_text_is(ramet_json_get(b, "type"), "toolCall"))
			continue;
		if (n++)
			ramet_buf_add_str(&t->text, "; ");
		ramet_json_text(ramet_json_get(b, "name"), &t->text);
		ramet_buf_add_char(&t->text, '(');
		add_arguments(t, ramet_json_get(b, "arguments"));
		ramet_buf_add_char(&t->text, ')');
	}
	if (n)
		add_block(t, "[Assistant tool calls]: ");
}

static void tell_assistant(struct telling *t, const struct ramet_json *m)
{
	const struct ramet_json *content = ramet_json_get(m, "content");

	if (add_texts(t, content, "\n"))
		add_block(t, "[Assistant]: ");
	if (ramet_buf_status(&t->text) == 0)
		tell_calls(t, content);
}

/* ---- what tools give back ---- */

/* Bytes of the longest beginning with at most max UTF-16 units that ends between characters. */
static size_t beginning(struct ramet_bytes text, size_t max)
{
	size_t at = 0, units = 0;

	while (at < text.len) {
		unsigned char c = (unsigned char)text.ptr[at];
		size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

		units += len == 4 ? 2 : 1;
		if (units > max || len > text.len - at)
			break;
		at += len;
	}
	return at;
}

static void tell_result(struct telling *t, const struct ramet_json *m)
{
	struct ramet_bytes text;
	size_t chars;

	add_texts(t, ramet_json_get(m, "content"), "");
	text = ramet_buf_bytes(&t->text);
	if (!text.len)
		return;
	chars = rameti_utf16_len(text);
	if (chars > RESULT_CHARS) {
		ramet_buf_truncate(&t->text, beginning(text, RESULT_CHARS));
		ramet_buf_addf(&t->text, "\n\n[... %zu more characters truncated]",
			       chars - RESULT_CHARS);
	}
	add_block(t, "[Tool result]: ");
}

static int tell(struct telling *t, const struct ramet_message *message, struct ramet_error *err)
{
	const struct ramet_json *m;
	int r = ramet_json_parse(&t->doc, message->json, 0, err);

	if (r < 0)
		return r;
	m = ramet_json_root(&t->doc);
	ramet_buf_reset(&t->text);
	switch (message->role) {
	case RAMET_ROLE_USER:
	case RAMET_ROLE_CUSTOM:
		tell_user(t, m);
		break;
	case RAMET_ROLE_ASSISTANT:
		tell_assistant(t, m);
		break;
	case RAMET_ROLE_TOOL_RESULT:
		tell_result(t, m);
		break;
	case RAMET_ROLE_BASH_EXECUTION:
		if (ramet_json_truthy(ramet_json_get(m, "excludeFromContext")))
			break;
		/* fall through */
	case RAMET_ROLE_BRANCH_SUMMARY:
	case RAMET_ROLE_COMPACTION_SUMMARY:
		rameti_message_retold(m, message->role, &t->text);
		add_block(t, "[User]: ");
		break;
	default:
		break;
	}
	return ramet_buf_status(&t->text) < 0 ? rameti_fail_nomem(err) : 0;
}

int rameti_conversation_add(const struct ramet_message *messages, uint32_t n,
			    struct ramet_buf *out, struct ramet_error *err)
{
	struct telling t = { RAMET_JSON_DOC_INIT, RAMET_BUF_INIT(SIZE_MAX / 2), out, out->len };
	size_t before = out->len;
	uint32_t i;
	int r = 0;

	for (i = 0; !r && i < n; i++)
		r = tell(&t, &messages[i], err);
	ramet_json_doc_release(&t.doc);
	ramet_buf_release(&t.text);
	return rameti_context_written(out, before, r, err);
}
