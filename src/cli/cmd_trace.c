/*
 * cli/cmd_trace.c - ramet trace: the stream of a session's model, as yoi records it beside the log.
 *
 * The trace of NAME.jsonl is NAME.trace.jsonl. Only yoi has them: beside any other session none is
 * read or made. It is for looking at: nothing in a session depends on it.
 */
#include "cli/cli.h"
#include "cli/resolve.h"

#include "base/clock.h"
#include "base/error.h"

#include <string.h>

static void print_text(struct out *o, const struct ramet_yoi_trace *t)
{
	char time[40];

	rameti_time_format((int64_t)t->ts, time);
	ramet_buf_addf(&o->buf, "%s turn %llu", time, (unsigned long long)t->turn);
	if (t->has_llm_call)
		ramet_buf_addf(&o->buf, " call %llu", (unsigned long long)t->llm_call);
	out_str(o, " ");
	if (t->label.ptr) {
		out_safe(o, t->label, TEXT_ALL);
		out_str(o, " ");
		out_safe(o, t->data, TEXT_ALL);
	} else {
		out_safe(o, t->event.ptr ? t->event : t->raw, TEXT_ALL);
	}
	out_newline(o);
}

static int print_line(void *user, const struct ramet_yoi_trace *t)
{
	struct cli *cli = user;

	if (args_has(&cli->args, "json") && (t->event.ptr || t->label.ptr)) {
		out_json(&cli->out, t->raw);
		out_newline(&cli->out);
	} else if (!args_has(&cli->args, "json")) {
		print_text(&cli->out, t);
	}
	return out_broken(&cli->out);
}

/* ---- adding a line ---- */

#define WHOLE_MAX 9007199254740991.0             /* whole numbers that are exact */

/* Into *to, and 1; 0 without such a member. What cannot be stored as it is given is refused. */
static int number_of(const struct ramet_json *line, const char *key, uint64_t least, uint64_t *to,
		     struct ramet_error *err)
{
	const struct ramet_json *v = ramet_json_get(line, key);
	double x = ramet_json_kind(v) == RAMET_JSON_NUMBER ? ramet_json_number(v) : -1;

	if (!v)
		return 0;
	if (!(x >= (double)least && x <= WHOLE_MAX) || (double)(uint64_t)x != x)
		return rameti_fail(err, RAMET_EINVAL, "\"%s\" is a whole number from %u to 2^53-1",
				   key, (unsigned)least);
	*to = (uint64_t)x;
	return 1;
}

static int check_members(const struct ramet_json *line, struct ramet_error *err)
{
	static const char *const known[] = { "ts",    "turn",  "llm_call", "kind",
					     "event", "label", "data",	   NULL };
	const struct ramet_json *m = NULL;
	int i;

	while ((m = ramet_json_next(line, m)) != NULL) {
		for (i = 0; known[i] && !ramet_json_text_is(m, known[i]); i++)
			;
		m = ramet_json_next(line, m);    /* its value */
		if (!known[i])
			return rameti_fail(err, RAMET_EINVAL,
					   "a line of a trace has no other member than ts, turn, "
					   "llm_call, event, label and data");
	}
	return 0;
}

/* The kind is said by what else there is; one that is given must agree. */
static int check_kind(const struct ramet_json *line, int is_event, struct ramet_error *err)
{
	const struct ramet_json *kind = ramet_json_get(line, "kind");

	if (is_event && ramet_json_get(line, "data"))
		return rameti_fail(err, RAMET_EINVAL, "only a \"label\" has \"data\"");
	if (kind && !ramet_json_text_is(kind, is_event ? "stream_event" : "lifecycle"))
		return rameti_fail(err, RAMET_EINVAL, "the \"kind\" of an event is stream_event, "
						      "of a label lifecycle");
	return 0;
}

static int read_numbers(const struct ramet_json *line, struct ramet_yoi_trace *t,
			struct ramet_error *err)
{
	int r = number_of(line, "turn", 0, &t->turn, err);

	if (r == 0)
		return rameti_fail(err, RAMET_EINVAL, "a line of a trace has a \"turn\"");
	if (r > 0)
		r = number_of(line, "ts", 1, &t->ts, err);
	if (r >= 0)
		r = number_of(line, "llm_call", 0, &t->llm_call, err);
	t->has_llm_call = r > 0;
	return r < 0 ? r : 0;
}

/* {"turn":N,"llm_call":N,"event":{...}}, or "label":TEXT and "data" in place of the event. */
static int read_line(const struct ramet_json *line, struct ramet_buf *label,
		     struct ramet_yoi_trace *t, struct ramet_error *err)
{
	const struct ramet_json *event = ramet_json_get(line, "event"),
				*text = ramet_json_get(line, "label"),
				*data = ramet_json_get(line, "data");
	int r = ramet_json_kind(line) == RAMET_JSON_OBJECT ? 0 : RAMET_EINVAL;

	if (r < 0)
		return rameti_fail(err, r, "a line of a trace is a JSON object");
	if (!event == !text)
		return rameti_fail(err, RAMET_EINVAL,
				   "a line of a trace has an \"event\" or a \"label\"");
	if (text && ramet_json_kind(text) != RAMET_JSON_STRING)
		return rameti_fail(err, RAMET_EINVAL, "the \"label\" is a text");
	r = check_members(line, err);
	if (!r)
		r = check_kind(line, event != NULL, err);
	if (!r)
		r = read_numbers(line, t, err);
	if (event)
		t->event = ramet_json_raw(event);
	if (data)
		t->data = ramet_json_raw(data);
	if (text) {
		ramet_json_text(text, label);
		t->label = ramet_buf_bytes(label);
		if (!t->label.ptr)
			t->label.ptr = "";
	}
	return !r && ramet_buf_status(label) < 0 ? rameti_fail_nomem(err) : r;
}

static int append(const char *session, const char *trace, const char *given,
		  struct ramet_error *err)
{
	struct ramet_buf label = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_yoi_trace t = { .ts = 0 };
	int generation = RAMET_YOI_ANY;
	int r = ramet_json_parse(&doc, ramet_bytes_of(given), RAMET_JSON_STRICT, err);

	if (!r)
		r = read_line(ramet_json_root(&doc), &label, &t, err);
	(void)ramet_yoi_generation(session, &generation, NULL);
	if (!r && t.has_llm_call && generation && generation < RAMET_YOI_BRIDGE)
		r = rameti_fail(err, RAMET_EINVAL, "this generation of yoi has no \"llm_call\"");
	if (!r)
		r = ramet_yoi_trace_append(trace, generation, &t, err);
	ramet_buf_release(&label);
	ramet_json_doc_release(&doc);
	return r;
}

static int check_yoi(const char *path, struct ramet_error *err)
{
	const struct ramet_open_opts how = { .no_cache = 1 };
	struct ramet_session *s = NULL;
	int r = ramet_session_open(&s, path, &how, err);

	if (r == 0 && strcmp(ramet_session_format(s), "yoi") != 0)
		r = rameti_fail_at(err, RAMET_EINVAL, path, 0, RAMET_NO_OFFSET,
				   "traces are yoi's, and this is a session of the format %s",
				   ramet_session_format(s));
	ramet_session_close(s);
	return r;
}

/* What reading it returned; that there is none is said so. */
static int no_trace(int r, const char *trace, struct ramet_error *err)
{
	if (r != RAMET_ENOTFOUND)
		return r;
	return rameti_fail_at(err, r, trace, 0, RAMET_NO_OFFSET,
			      "there is no trace of this session");
}

static int run(struct cli *cli, struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(CLI_TEXT_MAX), trace = RAMET_BUF_INIT(CLI_TEXT_MAX);
	const char *given = args_get(&cli->args, "append");
	int r = resolve_path(cli, cli->args.words[0], &path, err);

	if (!r && resolve_is_url(path.ptr))
		r = rameti_fail(err, RAMET_EINVAL, "a session in a file of many has no trace: "
						   "only yoi's have");
	if (!r)
		r = check_yoi(path.ptr, err);
	if (!r)
		r = ramet_yoi_trace_path(path.ptr, &trace, err);
	if (!r && given)
		r = append(path.ptr, trace.ptr, given, err);
	else if (!r)
		r = no_trace(ramet_yoi_trace_read(trace.ptr, print_line, cli, err), trace.ptr, err);
	ramet_buf_release(&path);
	ramet_buf_release(&trace);
	return r > 0 ? 0 : r;
}

static const struct opt opts[] = {
	{ "append", 'a', "JSON", "add a line: an object with turn, and event or label" },
	{ NULL, 0, NULL, NULL },
};

const struct cmd cmd_trace = {
	.name = "trace", .args = "S", .help = "what yoi recorded of the model's stream",
	.more = "The trace of NAME.jsonl is NAME.trace.jsonl beside it; only sessions of yoi have\n"
		"one. A line has a time, a\n"
		"turn, and an event of the model's stream or a step with a label. With --json\n"
		"the lines as they are stored, without those that are none.\n"
		"\n"
		"Examples:\n"
		"  ramet trace @last --store yoi\n"
		"  ramet trace log.jsonl --append '{\"turn\":2,\"label\":\"retry\"}'\n",
	.opts = opts, .min_words = 1, .max_words = 1, .run = run,
};
