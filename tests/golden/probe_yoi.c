/*
 * probe_yoi.c - yoi's own calls for the golden runner: one call, one answer as JSON or lines.
 *
 *     restore FILE [strict] [gen=G] [hash=H] [turn=N] [n=N]       head FILE      verify FILE
 *     chain < RECORDS     hash PREV < JSON     floats < LINES     encode FILE GEN
 *     sessions DIR [SHAPE]     segments DIR SESSION     session DIR SEGMENT     find DIR SESSION
 *     fork-hash|fork-turn DIR SOURCE AT [seed]     compact DIR SOURCE START [seed]
 *     create DIR START GEN [SESSION] [SEGMENT]     ensure FILE START < anything (waits for its end)
 *     save FILE < STEPS (an array a line: ["turn_end",1], ["delta",[...]], ...)
 *     truncate FILE N     rewind FILE INPUT EXPECTED
 *     trace FILE GEN TO (reads, writes again)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/yoi.h"
#include "ramet.h"

static struct ramet_error err;
static char **args;
static int n_args;

static const char *arg(int i)
{
	return i < n_args ? args[i] : "";
}

/* The text behind KEY= among the arguments, or NULL. */
static const char *option(const char *key)
{
	size_t len = strlen(key);
	int i;

	for (i = 0; i < n_args; i++)
		if (!strncmp(args[i], key, len) && (!args[i][len] || args[i][len] == '='))
			return args[i][len] ? args[i] + len + 1 : "";
	return NULL;
}

static uint64_t number(const char *text)
{
	uint64_t n = 0;

	for (; text && *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (uint64_t)(*text - '0');
	return n;
}

static int generation(const char *name)
{
	int g;

	for (g = RAMET_YOI_G0; g <= RAMET_YOI_G3; g++)
		if (name && !strcmp(name, ramet_yoi_generation_name(g)))
			return g;
	return 0;
}

static void read_all(FILE *f, struct ramet_buf *b)
{
	char block[65536];
	size_t n;

	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		ramet_buf_add(b, (struct ramet_bytes){ block, n });
}

static int fail(int r)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);

	ramet_buf_add_json_string(&b, ramet_bytes_of(err.text));
	printf("{\"error\":\"%s\",\"line\":%" PRIu64 ",\"text\":%s}\n", ramet_code_name(r),
	       err.line, b.ptr);
	ramet_buf_release(&b);
	return 0;
}

static int print(struct ramet_buf *b)
{
	fwrite(b->ptr, 1, b->len, stdout);
	putchar('\n');
	ramet_buf_release(b);
	return 0;
}

static int cmd_restore(void)
{
	struct ramet_yoi_restore_opts o = { .strict = option("strict") != NULL,
					    .generation = generation(option("gen")),
					    .at_hash = option("hash"),
					    .by_turn = option("turn") != NULL,
					    .at_turn = number(option("turn")),
					    .n_records = number(option("n")) };
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_yoi_state s;
	int r = ramet_yoi_restore(&s, arg(0), &o, &err);

	if (r < 0)
		return fail(r);
	r = ramet_yoi_state_write(&s, &b, &err);
	ramet_yoi_state_release(&s);
	return r < 0 ? fail(r) : print(&b);
}

static int cmd_head(void)
{
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = ramet_yoi_head_hash(arg(0), &b, &err);

	if (r < 0)
		return fail(r);
	printf(b.len ? "{\"head\":\"%s\"}\n" : "{\"head\":null}\n", b.ptr);
	ramet_buf_release(&b);
	return 0;
}

static int cmd_verify(void)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	struct ramet_yoi_verdict v;
	uint32_t i;
	int r = ramet_yoi_verify(arg(0), &v, &f, &err);

	if (r < 0)
		return fail(r);
	printf("{\"generation\":\"%s\",\"intact\":%s,\"records\":%" PRIu64 ",\"badJson\":%" PRIu64
	       ",\"unhashed\":%" PRIu64 ",\"wrong\":%" PRIu64 ",\"broken\":%" PRIu64
	       ",\"glued\":%" PRIu64 ",\"branches\":%" PRIu64 ",\"torn\":%" PRIu64
	       ",\"badLine\":%" PRIu64 ",\"relinks\":%s,\"chains\":%" PRIu64
	       ",\"head\":\"%s\",\"codes\":[",
	       ramet_yoi_generation_name(v.generation), v.intact ? "true" : "false", v.n_records,
	       v.n_bad_json, v.n_unhashed, v.n_wrong, v.n_broken, v.n_glued, v.n_branches, v.torn,
	       v.bad_line, v.relinks ? "true" : "false", v.n_chains, v.head);
	for (i = 0; i < f.n; i++)
		printf("%s\"%s\"", i ? "," : "", f.items[i].code);
	printf("]}\n");
	ramet_findings_release(&f);
	return 0;
}

static int cmd_chain(void)
{
	struct ramet_buf in = RAMET_BUF_INIT(SIZE_MAX / 2), out = in;
	int r;

	read_all(stdin, &in);
	r = ramet_yoi_build_chain(ramet_buf_bytes(&in), &out, &err);
	ramet_buf_release(&in);
	if (r < 0)
		return fail(r);
	fwrite(out.ptr, 1, out.len, stdout);
	ramet_buf_release(&out);
	return 0;
}

static int cmd_hash(void)
{
	struct ramet_buf in = RAMET_BUF_INIT(SIZE_MAX / 2);
	char hash[RAMET_YOI_HASH_SIZE];
	int r;

	read_all(stdin, &in);
	r = ramet_yoi_hash(arg(0), ramet_buf_bytes(&in), hash, &err);
	ramet_buf_release(&in);
	if (r < 0)
		return fail(r);
	puts(hash);
	return 0;
}

/* f64 TEXT or f32 TEXT a line: old, new and plain form. */
static int cmd_floats(void)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);
	char line[256];
	int floats;

	while (fgets(line, sizeof(line), stdin)) {
		double x = strtod(line + 4, NULL);

		for (floats = RAMETI_YOI_FLOATS_OLD; floats <= RAMETI_YOI_FLOATS_PLAIN; floats++) {
			ramet_buf_reset(&b);
			if (line[1] == '6')
				rameti_yoi_add_double(&b, x, floats);
			else
				rameti_yoi_add_float(&b, (float)x, floats);
			printf("%s%s", floats ? "\t" : "", b.ptr);
		}
		putchar('\n');
	}
	ramet_buf_release(&b);
	return 0;
}

/* All entries of a log, written again as records of a generation. */
static int cmd_encode(void)
{
	struct rameti_encoder e;
	struct ramet_buf out = RAMET_BUF_INIT(SIZE_MAX / 2), scratch = out;
	struct ramet_bytes none = { NULL, 0 }, json;
	struct ramet_open_opts opts = { .no_cache = 1, .format = "yoi" };
	struct ramet_session *s;
	uint32_t i;
	int r = ramet_session_open(&s, arg(0), &opts, &err);

	if (r < 0)
		return fail(r);
	r = rameti_encoder_init(&e, &rameti_codec_yoi, NULL, none, &err);
	e.dialect = generation(arg(1));
	for (i = 0; r >= 0 && i < ramet_tree_count(ramet_session_tree(s)); i++) {
		r = ramet_tree_entry(ramet_session_tree(s), i, &scratch, &json, &err);
		if (r >= 0)
			r = e.codec->encode(&e, json, &out, &err);
	}
	rameti_encoder_release(&e);
	ramet_session_close(s);
	ramet_buf_release(&scratch);
	if (r < 0)
		return fail(r);
	fwrite(out.ptr, 1, out.len, stdout);
	ramet_buf_release(&out);
	return 0;
}

/* ---- finding ---- */

static int put_id(void *user, const char *id)
{
	(void)user;
	puts(id);
	return 0;
}

static int cmd_find(const char *what)
{
	struct ramet_buf path = RAMET_BUF_INIT(1 << 20);
	char id[RAMET_YOI_ID_SIZE] = "";
	int r;

	if (!strcmp(what, "sessions")) {
		r = ramet_yoi_list_sessions(arg(0), (int)number(arg(1)), put_id, NULL, &err);
	} else if (!strcmp(what, "segments")) {
		r = ramet_yoi_list_segments(arg(0), arg(1), put_id, NULL, &err);
	} else if (!strcmp(what, "session")) {
		r = ramet_yoi_find_segment(arg(0), arg(1), id, &err);
		if (!r)
			puts(id);
	} else {
		r = ramet_yoi_find(arg(0), arg(1), arg(2), &path, &err);
		if (!r)
			puts(path.ptr);
	}
	ramet_buf_release(&path);
	return r < 0 ? fail(r) : 0;
}

/* ---- writing ---- */

static struct ramet_bytes raw_of(const struct ramet_json *v)
{
	struct ramet_bytes none = { NULL, 0 };

	return v ? ramet_json_raw(v) : none;
}

/* {"system_prompt":text|null,"config":...,"history":[...]}; the document has to stay. */
static void start_of(struct ramet_json_doc *doc, const char *json, struct ramet_yoi_start *start)
{
	memset(start, 0, sizeof(*start));
	if (ramet_json_parse(doc, ramet_bytes_of(json), 0, &err) < 0)
		return;
	start->system_prompt =
		ramet_json_plain(ramet_json_get(ramet_json_root(doc), "system_prompt"));
	start->config = raw_of(ramet_json_get(ramet_json_root(doc), "config"));
	start->history = raw_of(ramet_json_get(ramet_json_root(doc), "history"));
}

static int told(int r, struct ramet_yoi_log *log)
{
	if (r < 0) {
		ramet_yoi_close(log);
		return fail(r);
	}
	printf("{\"path\":\"%s\",\"session\":\"%s\",\"segment\":\"%s\",\"head\":\"%s\","
	       "\"records\":%" PRIu64 "}\n",
	       ramet_yoi_path(log), ramet_yoi_session_id(log), ramet_yoi_segment_id(log),
	       ramet_yoi_head(log), ramet_yoi_records(log));
	ramet_yoi_close(log);
	return 0;
}

static int cmd_make(const char *what)
{
	struct ramet_yoi_opts o = { .seed_only = !strcmp(arg(3), "seed") };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_yoi_log *log = NULL;
	struct ramet_yoi_start start;
	int r;

	start_of(&doc, !strcmp(what, "create") ? arg(1) : arg(2), &start);
	if (!strcmp(what, "fork-hash")) {
		r = ramet_yoi_fork_at_hash(&log, arg(0), arg(1), arg(2), &o, &err);
	} else if (!strcmp(what, "fork-turn")) {
		r = ramet_yoi_fork_at_turn(&log, arg(0), arg(1), number(arg(2)), &o, &err);
	} else if (!strcmp(what, "compact")) {
		r = ramet_yoi_create_compacted(&log, arg(0), arg(1), &start, &o, &err);
	} else {
		o.generation = generation(arg(2));
		o.session_id = *arg(3) ? arg(3) : NULL;
		o.segment_id = *arg(4) ? arg(4) : NULL;
		r = ramet_yoi_create(&log, arg(0), &start, &o, &err);
	}
	r = told(r, log);
	ramet_json_doc_release(&doc);
	return r;
}

static int cmd_ensure(void)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf in = RAMET_BUF_INIT(1 << 20);
	struct ramet_yoi_start start;
	struct ramet_yoi_log *log;
	int forked, r = ramet_yoi_open(&log, arg(0), NULL, &err);

	if (r < 0)
		return fail(r);
	printf("open\n");
	fflush(stdout);
	read_all(stdin, &in);
	start_of(&doc, arg(1), &start);
	r = ramet_yoi_ensure_head(log, &start, &forked, &err);
	if (r < 0) {
		ramet_buf_release(&in);
		ramet_json_doc_release(&doc);
		return told(r, log);
	}
	printf("%d\n", forked);
	ramet_json_doc_release(&doc);
	ramet_buf_release(&in);
	return told(0, log);
}

static int is(const struct ramet_json *v, const char *text)
{
	return ramet_json_text_is(v, text);
}

static uint64_t count_of(const struct ramet_json *o, const char *key)
{
	return (uint64_t)ramet_json_number(ramet_json_get(o, key));
}

/* One step: its name, then what the call takes. */
static int step(struct ramet_yoi_log *log, const struct ramet_json *list)
{
	const struct ramet_json *name = ramet_json_next(list, NULL);
	const struct ramet_json *a = name ? ramet_json_next(list, name) : NULL;
	const struct ramet_json *b = a ? ramet_json_next(list, a) : NULL;
	struct ramet_bytes text = ramet_json_plain(b);
	char result[64];

	if (is(name, "delta"))
		return ramet_yoi_save_delta(log, raw_of(a), &err);
	if (is(name, "turn_end"))
		return ramet_yoi_save_turn_end(log, (uint64_t)ramet_json_number(a), &err);
	if (is(name, "config"))
		return ramet_yoi_save_config(log, raw_of(a), &err);
	if (is(name, "extension"))
		return ramet_yoi_save_extension(log, ramet_json_plain(a), raw_of(b), &err);
	if (is(name, "record"))
		return ramet_yoi_save_record(log, raw_of(a), &err);
	if (is(name, "input"))
		return ramet_yoi_save_input(log, raw_of(a), raw_of(b), &err);
	if (is(name, "errored"))
		return ramet_yoi_save_run_errored(log, ramet_json_truthy(a), text, &err);
	if (is(name, "usage")) {
		struct ramet_yoi_usage u = { count_of(a, "history_len"),
					     count_of(a, "input_total_tokens"),
					     count_of(a, "cache_read_tokens"),
					     count_of(a, "cache_write_tokens"),
					     count_of(a, "output_tokens") };

		return ramet_yoi_save_usage(log, &u, &err);
	}
	snprintf(result, sizeof(result), "%.*s", RAMET_FMT(text));
	return ramet_yoi_save_run_completed(log, ramet_json_truthy(a), result, &err);
}

static int cmd_save(void)
{
	struct ramet_yoi_opts o = { .follow = option("follow") != NULL };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf in = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes left;
	struct ramet_yoi_log *log;
	int r = ramet_yoi_open(&log, arg(0), &o, &err);

	if (r < 0)
		return fail(r);
	read_all(stdin, &in);
	for (left = ramet_buf_bytes(&in); r >= 0 && left.len;) {
		struct ramet_bytes one = { left.ptr, rameti_scan_newline(left) };

		left.ptr += one.len + 1;
		left.len -= one.len + 1;
		r = ramet_json_parse(&doc, one, 0, &err);
		if (!r)
			r = step(log, ramet_json_root(&doc));
	}
	ramet_json_doc_release(&doc);
	ramet_buf_release(&in);
	return told(r, log);
}

static int cmd_cut(const char *what)
{
	struct ramet_buf kept = RAMET_BUF_INIT(1 << 20);
	struct ramet_yoi_log *log;
	int r = ramet_yoi_open(&log, arg(0), NULL, &err);

	if (r < 0)
		return fail(r);
	if (!strcmp(what, "truncate"))
		r = ramet_yoi_truncate(log, number(arg(1)), &kept, &err);
	else
		r = ramet_yoi_rewind(log, number(arg(1)), number(arg(2)), &kept, &err);
	if (r == 0)
		printf("%s\n", kept.len ? kept.ptr : "");
	ramet_buf_release(&kept);
	return told(r, log);
}

/* ---- traces ---- */

static int again(void *user, const struct ramet_yoi_trace *t)
{
	return ramet_yoi_trace_append(arg(2), *(int *)user, t, &err);
}

static int cmd_trace(void)
{
	int gen = generation(arg(1));
	int r = ramet_yoi_trace_read(arg(0), again, &gen, &err);

	return r < 0 ? fail(r) : 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	args = argv + 2;
	n_args = argc - 2;
	if (!strcmp(what, "restore"))
		return cmd_restore();
	if (!strcmp(what, "head"))
		return cmd_head();
	if (!strcmp(what, "verify"))
		return cmd_verify();
	if (!strcmp(what, "chain"))
		return cmd_chain();
	if (!strcmp(what, "hash"))
		return cmd_hash();
	if (!strcmp(what, "floats"))
		return cmd_floats();
	if (!strcmp(what, "encode"))
		return cmd_encode();
	if (!strcmp(what, "ensure"))
		return cmd_ensure();
	if (!strcmp(what, "save"))
		return cmd_save();
	if (!strcmp(what, "trace"))
		return cmd_trace();
	if (!strcmp(what, "truncate") || !strcmp(what, "rewind"))
		return cmd_cut(what);
	if (!strcmp(what, "create") || !strcmp(what, "compact") || !strncmp(what, "fork-", 5))
		return cmd_make(what);
	if (!strncmp(what, "se", 2) || !strcmp(what, "find"))
		return cmd_find(what);
	fprintf(stderr, "probe_yoi: what?\n");
	return 2;
}
