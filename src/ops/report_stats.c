/*
 * ops/report_stats.c - counts, tokens and cost over the whole file.
 */
#include "ops/report_priv.h"

static void write_int(struct ramet_json_writer *w, const char *key, uint64_t n)
{
	ramet_json_key(w, key);
	ramet_json_add_int(w, (int64_t)n);
}

static void write_double(struct ramet_json_writer *w, const char *key, double x)
{
	ramet_json_key(w, key);
	ramet_json_add_double(w, x);
}

static void write_breakdown(struct ramet_json_writer *w, const struct ramet_stats *st)
{
	uint32_t i;

	ramet_json_key(w, "breakdown");
	ramet_json_open_array(w);
	for (i = 0; i < st->n_breakdown; i++) {
		ramet_json_open_object(w);
		ramet_json_key(w, "key");
		ramet_json_add_text(w, st->breakdown[i].key);
		write_double(w, "cost", st->breakdown[i].cost);
		write_double(w, "tokens", st->breakdown[i].tokens);
		ramet_json_close_object(w);
	}
	ramet_json_close_array(w);
}

static void write_stats(struct ramet_json_writer *w, const struct ramet_stats *st)
{
	ramet_json_open_object(w);
	write_int(w, "userMessages", st->user_messages);
	write_int(w, "assistantMessages", st->assistant_messages);
	write_int(w, "toolCalls", st->tool_calls);
	write_int(w, "toolResults", st->tool_results);
	write_int(w, "totalMessages", st->total_messages);
	ramet_json_key(w, "tokens");
	ramet_json_open_object(w);
	write_double(w, "input", st->input);
	write_double(w, "output", st->output);
	write_double(w, "cacheRead", st->cache_read);
	write_double(w, "cacheWrite", st->cache_write);
	write_double(w, "total", st->total);
	ramet_json_close_object(w);
	write_double(w, "cost", st->cost);
	write_breakdown(w, st);
	ramet_json_close_object(w);
}

int ramet_report_stats(const struct ramet_session *s, struct ramet_buf *out,
		       struct ramet_error *err)
{
	struct ramet_stats *st = NULL;
	struct ramet_json_writer w;
	size_t start = out->len;
	int r = ramet_stats_new(&st, ramet_session_tree(s), err);

	if (!r) {
		ramet_json_writer_init(&w, out);
		write_stats(&w, st);
	}
	ramet_stats_free(st);
	return rameti_report_end(out, start, r, err);
}
