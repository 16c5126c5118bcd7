/*
 * store/layout_ggcode_export.c - a session in ggcode's Markdown, with its exact structure.
 *
 * The whole transcript, also of what a checkpoint summed up: the original exports its 24-hour
 * window without saying so. Images, reasoning and unknown blocks are left out as there.
 */
#include "store/layout_ggcode_priv.h"

#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "json/scan.h"

struct export
{
	const struct ramet_ggcode_markdown_opts *opts;
	struct ramet_buf *out;
	struct ramet_buf text;
	struct rameti_map ids;
};

/* RFC 3339 to the second, in the zone it was written in. */
static void add_time(struct ramet_buf *out, struct ramet_bytes written, int64_t ms)
{
	struct ramet_buf made = RAMET_BUF_INIT(128);
	size_t n;

	if (!written.len) {
		rameti_gg_add_time(&made, ms);
		if (ramet_buf_status(&made) < 0) {
			out->status = RAMET_ENOMEM;
			return;
		}
		written = ramet_buf_bytes(&made);
		written.ptr++;
		written.len -= 2;
	}
	n = written.len < 19 ? written.len : 19;
	ramet_buf_add(out, (struct ramet_bytes){ written.ptr, n });
	if (n < written.len && written.ptr[n] == '.')
		for (n++; n < written.len && written.ptr[n] >= '0' && written.ptr[n] <= '9';)
			n++;
	ramet_buf_add(out, (struct ramet_bytes){ written.ptr + n, written.len - n });
	ramet_buf_release(&made);
}

static void add_head(const struct export *x, const struct ramet_ggcode_info *f)
{
	const struct ramet_ggcode_markdown_opts *o = x->opts;
	int64_t ms = f->created_ms != RAMET_TIME_NONE ? f->created_ms : f->last_message_ms;
	struct ramet_buf *out = x->out;
	struct ramet_bytes updated = f->updated_at.len ? f->updated_at : f->created_at;

	ramet_buf_addf(out, "# %.*s\n\n**Session:** %.*s\n**Created:** ", RAMET_FMT(f->title),
		       RAMET_FMT(f->id));
	add_time(out, f->created_at, ms);
	ramet_buf_add_str(out, "\n**Updated:** ");
	add_time(out, updated, f->last_message_ms != RAMET_TIME_NONE ? f->last_message_ms : ms);
	ramet_buf_add_str(out, "\n");
	if (f->vendor.len) {
		ramet_buf_add_str(out, "**Vendor:** ");
		ramet_buf_add(out,
			      o && o->vendor_name ? ramet_bytes_of(o->vendor_name) : f->vendor);
		if (f->endpoint.len) {
			ramet_buf_add_str(out, " / ");
			ramet_buf_add(out, o && o->endpoint_name ? ramet_bytes_of(o->endpoint_name)
								 : f->endpoint);
		}
		if (f->model.len)
			ramet_buf_addf(out, " / %.*s", RAMET_FMT(f->model));
		ramet_buf_add_str(out, "\n");
	}
	ramet_buf_addf(out, "**Messages:** %llu\n\n---\n\n", (unsigned long long)f->message_count);
}

/* Three, or one more than the longest run inside. */
static void add_fence(const struct export *x, struct ramet_bytes inside)
{
	size_t i, run = 0, most = 2;

	for (i = 0; x->opts && x->opts->long_fences && i < inside.len; i++) {
		run = inside.ptr[i] == '`' ? run + 1 : 0;
		most = run > most ? run : most;
	}
	for (i = 0; i <= most; i++)
		ramet_buf_add_char(x->out, '`');
}

static struct ramet_bytes text_of(struct export *x, const struct ramet_json *v)
{
	ramet_buf_reset(&x->text);
	ramet_json_text(v, &x->text);
	if (ramet_buf_status(&x->text) < 0)
		x->out->status = RAMET_ENOMEM;
	return ramet_buf_bytes(&x->text);
}

static void add_call(struct export *x, const struct ramet_json *block)
{
	const struct ramet_json *input = rameti_gg_get(block, "input");
	struct ramet_bytes name = text_of(x, rameti_gg_get(block, "tool_name"));

	ramet_buf_addf(x->out, "**Tool Call:** `%.*s`\n", RAMET_FMT(name));
	if (input) {
		add_fence(x, ramet_json_raw(input));
		ramet_buf_add_str(x->out, "json\n");
		rameti_json_add_compact(x->out, input);
		ramet_buf_add_str(x->out, "\n");
		add_fence(x, ramet_json_raw(input));
		ramet_buf_add_str(x->out, "\n");
	}
	ramet_buf_add_str(x->out, "\n");
}

static void add_result(struct export *x, const struct ramet_json *block)
{
	int is_error = ramet_json_truthy(rameti_gg_get(block, "is_error"));
	struct ramet_bytes output = text_of(x, rameti_gg_get(block, "output"));

	ramet_buf_addf(x->out, "**Tool Result** (error=%s):\n", is_error ? "true" : "false");
	add_fence(x, output);
	ramet_buf_add_str(x->out, "\n");
	ramet_buf_add(x->out, output);
	ramet_buf_add_str(x->out, "\n");
	add_fence(x, output);
	ramet_buf_add_str(x->out, "\n\n");
}

static void add_block(struct export *x, const struct ramet_json *block)
{
	const struct ramet_json *type = rameti_gg_get(block, "type");

	if (ramet_json_text_is(type, "text")) {
		ramet_buf_add(x->out, text_of(x, rameti_gg_get(block, "text")));
		ramet_buf_add_str(x->out, "\n\n");
	} else if (ramet_json_text_is(type, "tool_use")) {
		add_call(x, block);
	} else if (ramet_json_text_is(type, "tool_result")) {
		add_result(x, block);
	}
}

static void add_heading(struct export *x, const struct ramet_json *role)
{
	static const char *const roles[][2] = { { "user", "User" },
						{ "assistant", "Assistant" },
						{ "system", "System" } };
	size_t i;

	ramet_buf_add_str(x->out, "## ");
	for (i = 0; i < 3 && !ramet_json_text_is(role, roles[i][0]); i++)
		;
	ramet_buf_add(x->out, i < 3 ? ramet_bytes_of(roles[i][1]) : text_of(x, role));
	ramet_buf_add_str(x->out, "\n\n");
}

static int add_message(void *user, struct ramet_bytes line, const struct ramet_json *record)
{
	const struct ramet_json *message = rameti_gg_get(record, "message"), *block = NULL,
				*content;
	struct export *x = user;
	struct ramet_bytes id;

	(void)line;
	if (!ramet_json_text_is(rameti_gg_get(record, "type"), "message") || !message)
		return 0;
	id = text_of(x, rameti_gg_get(message, "id"));
	if (id.len && rameti_map_get(&x->ids, id, NULL))
		return 0;
	if (id.len && rameti_map_set(&x->ids, id, 0) < 0)
		return RAMET_ENOMEM;
	add_heading(x, rameti_gg_get(message, "role"));
	content = rameti_gg_get(message, "content");
	while ((block = ramet_json_next(content, block)) != NULL)
		add_block(x, block);
	ramet_buf_add_str(x->out, "---\n\n");
	return ramet_buf_status(x->out) == RAMET_ENOMEM ? RAMET_ENOMEM : 0;
}

int ramet_ggcode_export_markdown(const char *path, const struct ramet_ggcode_markdown_opts *opts,
				 struct ramet_buf *out, struct ramet_error *err)
{
	struct export x = { .opts = opts, .out = out, .text = RAMET_BUF_INIT(SIZE_MAX / 2) };
	struct ramet_ggcode_info info;
	size_t before = out->len;
	int r = ramet_ggcode_info_read(path, &info, err);

	if (r < 0)
		return r;
	rameti_map_init(&x.ids, 0x67676d64);
	add_head(&x, &info);
	r = rameti_gg_walk(NULL, path, add_message, &x, NULL, err);
	if (r == RAMET_ENOMEM)
		rameti_fail_nomem(err);
	if (!r)
		r = rameti_gg_done(out, err);
	if (r < 0)
		ramet_buf_truncate(out, before);
	rameti_map_release(&x.ids);
	ramet_buf_release(&x.text);
	ramet_ggcode_info_release(&info);
	return r;
}
