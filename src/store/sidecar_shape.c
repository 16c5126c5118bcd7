/*
 * store/sidecar_shape.c - is this an entry that the original reads?
 *
 * One table says which members an entry of each type, and a message of each role, must have or may
 * have, and of which kind. Members beside those are fine. What lies inside blocks and usage is
 * not looked at.
 */
#include "store/sidecar_priv.h"

#include <string.h>

#include "base/error.h"

enum {
	TEXT = 1u << RAMET_JSON_STRING,
	NUMBER = 1u << RAMET_JSON_NUMBER,
	BOOL = 1u << RAMET_JSON_TRUE | 1u << RAMET_JSON_FALSE,
	LIST = 1u << RAMET_JSON_ARRAY,
	OBJECT = 1u << RAMET_JSON_OBJECT,
	MAYBE = 1u << 16                         /* or absent, or null */
};

static const struct rule {
	const char *of, *key;
	unsigned kinds;
} rules[] = {
	{ "message", "message", OBJECT },
	{ "model_change", "provider", TEXT },
	{ "model_change", "modelId", TEXT },
	{ "thinking_level_change", "thinkingLevel", TEXT },
	{ "compaction", "summary", TEXT },
	{ "compaction", "firstKeptEntryId", TEXT },
	{ "compaction", "tokensBefore", NUMBER },
	{ "compaction", "fromHook", BOOL | MAYBE },
	{ "branch_summary", "fromId", TEXT },
	{ "branch_summary", "summary", TEXT },
	{ "branch_summary", "fromHook", BOOL | MAYBE },
	{ "label", "targetId", TEXT },
	{ "label", "label", TEXT | MAYBE },
	{ "session_info", "name", TEXT | MAYBE },
	{ "custom", "customType", TEXT },
	{ NULL, NULL, 0 },
};

static const struct rule roles[] = {
	{ "user", "content", TEXT | LIST },
	{ "user", "timestamp", NUMBER | MAYBE },
	{ "assistant", "content", LIST },
	{ "assistant", "api", TEXT },
	{ "assistant", "provider", TEXT },
	{ "assistant", "model", TEXT },
	{ "assistant", "usage", OBJECT },
	{ "assistant", "stopReason", TEXT },
	{ "assistant", "timestamp", NUMBER },
	{ "toolResult", "toolCallId", TEXT },
	{ "toolResult", "toolName", TEXT },
	{ "toolResult", "content", LIST },
	{ "toolResult", "isError", BOOL | MAYBE },
	{ "custom", "customType", TEXT },
	{ "custom", "content", TEXT },
	{ "custom", "display", BOOL | MAYBE },
	{ "bashExecution", "command", TEXT },
	{ "bashExecution", "output", TEXT },
	{ "bashExecution", "exitCode", NUMBER },
	{ "branchSummary", "summary", TEXT },
	{ "branchSummary", "fromId", TEXT },
	{ "compactionSummary", "summary", TEXT },
	{ "compactionSummary", "tokensBefore", NUMBER },
	{ NULL, NULL, 0 },
};

/* Numbers that the original takes are whole. */
static int fits(const struct ramet_json *v, unsigned kinds)
{
	int kind = ramet_json_kind(v);
	struct ramet_bytes raw = ramet_json_raw(v);

	if (kind == RAMET_JSON_NONE || kind == RAMET_JSON_NULL)
		return (kinds & MAYBE) != 0;
	if (!(kinds & 1u << kind))
		return 0;
	return kind != RAMET_JSON_NUMBER ||
	       (!memchr(raw.ptr, '.', raw.len) && !memchr(raw.ptr, 'e', raw.len) &&
		!memchr(raw.ptr, 'E', raw.len));
}

/* 1 if there are rules of that name. */
static int obey(const struct ramet_json *v, const struct rule *rule, struct ramet_bytes name,
		struct ramet_error *err)
{
	int known = 0;

	for (; rule->of; rule++) {
		if (!ramet_bytes_is(name, rule->of))
			continue;
		known = 1;
		if (!fits(ramet_json_get(v, rule->key), rule->kinds))
			return rameti_fail(err, RAMET_EFORMAT,
					   "%s without a %s that the original can read", rule->of,
					   rule->key);
	}
	return known;
}

int rameti_sc_shape(const struct ramet_json *entry, struct ramet_error *err)
{
	const struct ramet_json *message = ramet_json_get(entry, "message");
	struct ramet_bytes type = ramet_json_plain(ramet_json_get(entry, "type"));
	int r = obey(entry, rules, type, err);

	if (r == 0)
		return rameti_fail(err, RAMET_EFORMAT,
				   "entry of a type that the original does not know");
	if (r < 0 || !ramet_bytes_is(type, "message"))
		return r < 0 ? r : 0;
	r = obey(message, roles, ramet_json_plain(ramet_json_get(message, "role")), err);
	if (r == 0)
		return rameti_fail(err, RAMET_EFORMAT,
				   "message of a role that the original does not know");
	return r < 0 ? r : 0;
}
