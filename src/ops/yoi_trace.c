/*
 * ops/yoi_trace.c - the traces that stand beside yoi's logs.
 *
 * A trace is a list of what the model's stream and the program did, for people to look at: nothing
 * is replayed from it. Two shapes of a line are read; one that is neither is given as it stands.
 */
#include "ops/yoi_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/lines.h"

#define LINE_MAX_LEN (64u << 20)
#define LOCK_MS 5000u

int ramet_yoi_trace_path(const char *log, struct ramet_buf *path, struct ramet_error *err)
{
	struct ramet_bytes stem = ramet_bytes_of(log);

	if (stem.len > 6 && !strcmp(log + stem.len - 6, ".jsonl"))
		stem.len -= 6;
	ramet_buf_add(path, stem);
	ramet_buf_add_str(path, ".trace.jsonl");
	return ramet_buf_status(path) < 0 ? rameti_fail_nomem(err) : 0;
}

/* ---- reading ---- */

struct reading {
	ramet_yoi_trace_fn *fn;
	void *user;
	struct ramet_json_doc doc;
	struct ramet_buf label;
};

static struct ramet_bytes raw_member(const struct ramet_json *o, const char *key)
{
	const struct ramet_json *v = ramet_json_get(o, key);
	struct ramet_bytes none = { NULL, 0 };

	return v ? ramet_json_raw(v) : none;
}

static void fill(struct reading *rd, struct ramet_yoi_trace *t, const struct ramet_json *o)
{
	const struct ramet_json *label = ramet_json_get(o, "label");

	(void)rameti_yoi_u64(ramet_json_get(o, "ts"), &t->ts);
	(void)rameti_yoi_u64(ramet_json_get(o, "turn"), &t->turn);
	t->has_llm_call = rameti_yoi_u64(ramet_json_get(o, "llm_call"), &t->llm_call);
	t->event = raw_member(o, "event");
	t->data = raw_member(o, "data");
	if (ramet_json_kind(label) != RAMET_JSON_STRING)
		return;
	ramet_buf_reset(&rd->label);
	ramet_json_text(label, &rd->label);
	t->label = ramet_buf_bytes(&rd->label);
	if (!t->label.ptr)
		t->label.ptr = "";
}

static int give(struct reading *rd, struct ramet_bytes line, uint64_t number,
		struct ramet_error *err)
{
	struct ramet_yoi_trace t = { .line = number, .raw = line };
	int r;

	if (!rameti_utf8_trim(line).len)
		return 0;
	r = ramet_json_parse(&rd->doc, line, 0, NULL);
	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	if (!r)
		fill(rd, &t, ramet_json_root(&rd->doc));
	if (ramet_buf_status(&rd->label) < 0)
		return rameti_fail_nomem(err);
	return rd->fn(rd->user, &t);
}

int ramet_yoi_trace_read(const char *path, ramet_yoi_trace_fn *fn, void *user,
			 struct ramet_error *err)
{
	struct reading rd = { .fn = fn, .user = user, .doc = RAMET_JSON_DOC_INIT };
	struct rameti_file f = RAMETI_FILE_INIT;
	struct rameti_lines_item item;
	struct rameti_lines lines;
	uint64_t number = 0;
	struct stat st;
	int r = rameti_file_open(&f, path, RAMETI_FILE_READ, err);

	if (r < 0)
		return r;
	ramet_buf_init(&rd.label, LINE_MAX_LEN);
	r = rameti_file_stat(&f, &st, err);
	if (!r)
		r = rameti_lines_open(&lines, &f, 0, (uint64_t)st.st_size, LINE_MAX_LEN, err);
	if (!r) {
		int more;

		while (!r && (more = rameti_lines_next(&lines, &item, err)) > 0)
			r = give(&rd, item.text, ++number, err);
		if (!r && more < 0)
			r = more;
		rameti_lines_close(&lines);
	}
	ramet_json_doc_release(&rd.doc);
	ramet_buf_release(&rd.label);
	(void)rameti_file_close(&f); /* read only */
	return r;
}

/* ---- writing ---- */

static int add_json(struct ramet_buf *out, struct ramet_bytes json, int sort,
		    struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r = ramet_json_parse(&doc, json, RAMET_JSON_STRICT, err);

	if (!r && !sort)
		rameti_json_add_compact(out, ramet_json_root(&doc));
	else if (!r && rameti_yoi_add_value(out, ramet_json_root(&doc), RAMETI_YOI_FLOATS_NEW))
		r = rameti_fail(err, RAMET_EINVAL,
				"nested too deeply, or a number beyond the range");
	ramet_json_doc_release(&doc);
	return r;
}

static int is_null(struct ramet_bytes json)
{
	return !json.len || ramet_bytes_is(rameti_utf8_trim(json), "null");
}

static int add_line(struct ramet_buf *out, int generation, const struct ramet_yoi_trace *t,
		    struct ramet_error *err)
{
	int old = generation && generation < RAMET_YOI_BRIDGE, r = 0;

	if (!t->event.len == !t->label.ptr || (old && !t->event.len))
		return rameti_fail(err, RAMET_EINVAL, "a trace is either an event or has a label");
	ramet_buf_addf(out, "{\"ts\":%llu,\"turn\":%llu",
		       (unsigned long long)(t->ts ? t->ts : rameti_yoi_now()),
		       (unsigned long long)t->turn);
	if (!old && t->has_llm_call)
		ramet_buf_addf(out, ",\"llm_call\":%llu", (unsigned long long)t->llm_call);
	if (t->event.len) {
		ramet_buf_add_str(out,
				  old ? ",\"event\":" : ",\"kind\":\"stream_event\",\"event\":");
		r = add_json(out, t->event, 0, err);
	} else {
		ramet_buf_add_str(out, ",\"kind\":\"lifecycle\"");
		rameti_yoi_add_key(out, "label", t->label);
		if (!is_null(t->data)) {
			ramet_buf_add_str(out, ",\"data\":");
			r = add_json(out, t->data, 1, err);
		}
	}
	ramet_buf_add_str(out, "}\n");
	return r ? r : ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}

static int open_trace(struct rameti_file *f, const char *path, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(f->env);
	const int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd;

	do
		fd = env->open(env->user, path, flags, 0600);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return rameti_fail_sys(err, errno, path, "cannot open");
	(void)env->close(env->user, fd);
	return rameti_file_open(f, path, RAMETI_FILE_APPEND, err);
}

/* Behind a line that another left unfinished, ours begins with its newline. */
static int ends_open(const struct rameti_file *f, struct ramet_error *err)
{
	struct stat st;
	char last = '\n';
	int64_t n;
	int r = rameti_file_stat(f, &st, err);

	if (r < 0 || !st.st_size)
		return r;
	n = rameti_file_read_at(f, &last, 1, (uint64_t)st.st_size - 1, err);
	return n < 0 ? (int)n : last != '\n';
}

int ramet_yoi_trace_append(const char *path, int generation, const struct ramet_yoi_trace *t,
			   struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf b = RAMET_BUF_INIT(LINE_MAX_LEN);
	struct ramet_bytes line;
	uint64_t done = 0;
	int r;

	ramet_buf_add_char(&b, '\n');
	r = add_line(&b, generation, t, err);
	if (!r)
		r = open_trace(&f, path, err);
	if (!r)
		r = rameti_file_lock(&f, LOCK_MS, err);
	if (!r)
		r = ends_open(&f, err);
	if (r >= 0) {
		line = ramet_buf_bytes(&b);
		line.ptr += !r;
		line.len -= (size_t)!r;
		r = rameti_file_append(&f, line, &done, err);
		if (!r && done < line.len)
			r = rameti_fail(err, RAMET_EIO, "a short write");
		rameti_file_unlock(&f);
	}
	if (f.fd >= 0)
		(void)rameti_file_close(&f);
	if (r < 0)
		rameti_error_set_path(err, path);
	ramet_buf_release(&b);
	return r;
}
