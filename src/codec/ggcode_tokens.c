/*
 * codec/ggcode_tokens.c - token counts: ggcode's members and pi's; usage records.
 *
 * ggcode has no costs: those of pi stand beside its members, where it passes over them.
 */
#include "codec/ggcode_priv.h"

#include "base/add.h"
#include "json/scan.h"

static double given_count(const struct ramet_json *usage, const char *key)
{
	return ramet_json_number(rameti_gg_get(usage, key));
}

void rameti_gg_show_tokens(struct ramet_buf *out, const struct ramet_json *u)
{
	static const char *const names[][2] = { { "input", "input_tokens" },
						{ "output", "output_tokens" },
						{ "cacheRead", "cache_read_tokens" },
						{ "cacheWrite", "cache_write_tokens" } };
	static const char *const known[] = { "input_tokens",
					     "output_tokens",
					     "cache_read_tokens",
					     "cache_write_tokens",
					     "cost",
					     "totalTokens",
					     NULL };
	double sum = 0;
	size_t i;

	ADD(out, "{");
	for (i = 0; i < 4; i++) {
		sum += given_count(u, names[i][1]);
		ramet_buf_addf(out, "\"%s\":%.0f,", names[i][0], given_count(u, names[i][1]));
	}
	if (ramet_json_get(u, "totalTokens"))
		sum = ramet_json_number(ramet_json_get(u, "totalTokens"));
	ramet_buf_addf(out, "\"totalTokens\":%.0f,\"cost\":", sum);
	if (ramet_json_get(u, "cost"))
		rameti_json_add_compact(out, ramet_json_get(u, "cost"));
	else
		ADD(out, "{\"input\":0,\"output\":0,\"cacheRead\":0,\"cacheWrite\":0,\"total\":0}");
	rameti_gg_add_others(out, u, known);
	ADD(out, "}");
}

static const char *const zero_cost =
	"{\"input\":0,\"output\":0,\"cacheRead\":0,\"cacheWrite\":0,\"total\":0}";

struct ramet_bytes rameti_gg_number(const struct ramet_json *v)
{
	struct ramet_bytes raw = ramet_json_raw(v);

	if (ramet_json_kind(v) != RAMET_JSON_NUMBER || ramet_bytes_is(raw, "0") || raw.len > 18)
		return (struct ramet_bytes){ NULL, 0 };
	for (size_t i = 0; i < raw.len; i++)
		if (raw.ptr[i] == '.' || raw.ptr[i] == 'e' || raw.ptr[i] == 'E')
			return (struct ramet_bytes){ NULL, 0 };
	return raw;
}

/* A count: whole, not negative. */
int64_t rameti_gg_count_of(const struct ramet_json *u, const char *key)
{
	double x = ramet_json_number(ramet_json_get(u, key));

	return x >= 0 && x < 9e15 ? (int64_t)x : 0;
}

void rameti_gg_add_tokens(struct ramet_buf *out, const struct ramet_json *u)
{
	static const char *const names[4][2] = { { "input_tokens", "input" },
						 { "output_tokens", "output" },
						 { "cache_read_tokens", "cacheRead" },
						 { "cache_write_tokens", "cacheWrite" } };
	static const char *const known[] = {
		"input",       "output", "cacheRead",		"cacheWrite",
		"totalTokens", "cost",	 "prompt_tokens_total", NULL
	};
	const struct ramet_json *cost = ramet_json_get(u, "cost");
	int64_t sum = 0;
	size_t i;

	ADD(out, "{");
	for (i = 0; i < 4; i++) {
		sum += rameti_gg_count_of(u, names[i][1]);
		ramet_buf_addf(out, "%s\"%s\":%lld", i ? "," : "", names[i][0],
			       (long long)rameti_gg_count_of(u, names[i][1]));
	}
	if (rameti_gg_count_of(u, "prompt_tokens_total"))
		ramet_buf_addf(out, ",\"prompt_tokens_total\":%lld",
			       (long long)rameti_gg_count_of(u, "prompt_tokens_total"));
	if (ramet_json_get(u, "totalTokens") && rameti_gg_count_of(u, "totalTokens") != sum)
		ramet_buf_addf(out, ",\"totalTokens\":%lld",
			       (long long)rameti_gg_count_of(u, "totalTokens"));
	if (cost && !ramet_bytes_is(ramet_json_raw(cost), zero_cost)) {
		ADD(out, ",\"cost\":");
		rameti_json_add_compact(out, cost);
	}
	rameti_gg_add_others(out, u, known);
	ADD(out, "}");
}

static void add_given(struct ramet_buf *out, const char *key, const struct ramet_json *v)
{
	if (ramet_json_kind(v) != RAMET_JSON_STRING || v->len <= 2)
		return;
	rameti_gg_add_key(out, key);
	rameti_gg_add_string(out, v);
}

void rameti_gg_add_usage(struct ramet_buf *out, const struct ramet_json *entry,
			 struct ramet_bytes time, uint64_t turn)
{
	static const char *const known[] = { "type",	   "id",       "parentId", "timestamp",
					     "kind",	   "model",    "provider", "usage",
					     "turn_index", "endpoint", NULL };

	ramet_buf_add_str(out, "{\"timestamp\":");
	ramet_buf_add(out, time);
	ramet_buf_addf(out, ",\"turn_index\":%llu", (unsigned long long)turn);
	add_given(out, "model", ramet_json_get(entry, "model"));
	add_given(out, "vendor", ramet_json_get(entry, "provider"));
	add_given(out, "endpoint", ramet_json_get(entry, "endpoint"));
	add_given(out, "source", ramet_json_get(entry, "kind"));
	rameti_gg_add_key(out, "usage");
	rameti_gg_add_tokens(out, ramet_json_get(entry, "usage"));
	rameti_gg_add_others(out, entry, known);
	ramet_buf_add_char(out, '}');
}
