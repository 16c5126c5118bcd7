/*
 * ggcode's own calls, for run_ggcode.py: each prints one JSON value or a text.
 *
 *     probe_ggcode info FILE | md FILE | list DIR [WORKSPACE] | search DIR QUERY MAX
 *     probe_ggcode title TEXT | truncate TEXT MAX | workspace PATH | key VENDOR ENDPOINT | valid ID
 *     probe_ggcode ensure DIR ID TITLE | save FILE TITLE | checkpoint FILE SUMMARY LAST TOKENS
 *     probe_ggcode event|metric|usage FILE JSON | delete DIR ID | cleanup DIR MS dry|real
 *     probe_ggcode hold DIR ID | ask DIR ID      hold: until standard input ends
 *     probe_ggcode records FILE DIALECT          each entry of a session as ggcode's records
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"
#include "ramet.h"
#include "ramet/ggcode.h"

static struct ramet_buf out = RAMET_BUF_INIT((size_t)1 << 30);
static struct ramet_json_writer w;
static struct ramet_error err;

static int fail(void)
{
	char line[2048];

	ramet_error_print(&err, line, sizeof(line));
	fprintf(stderr, "%s: %s\n", ramet_code_name(err.code), line);
	return 3;
}

static int print(int r)
{
	if (r < 0)
		return fail();
	fwrite(out.ptr ? out.ptr : "", 1, out.len, stdout);
	return 0;
}

static void text(const char *key, struct ramet_bytes value)
{
	ramet_json_key(&w, key);
	ramet_json_add_text(&w, value);
}

static void number(const char *key, int64_t value)
{
	ramet_json_key(&w, key);
	ramet_json_add_int(&w, value);
}

static void tokens(const char *key, const struct ramet_ggcode_tokens *t)
{
	ramet_json_key(&w, key);
	ramet_json_open_object(&w);
	number("input_tokens", t->input);
	number("output_tokens", t->output);
	number("cache_read_tokens", t->cache_read);
	number("cache_write_tokens", t->cache_write);
	if (t->prompt_total)
		number("prompt_tokens_total", t->prompt_total);
	ramet_json_close_object(&w);
}

static void endpoints(const struct ramet_ggcode_info *f)
{
	uint32_t i;

	ramet_json_key(&w, "endpoint_usage");
	ramet_json_open_object(&w);
	for (i = 0; i < f->n_endpoints; i++)
		if (f->endpoints[i].key.len && f->endpoints[i].n_usage)
			tokens(f->endpoints[i].key.ptr, &f->endpoints[i].usage);
	ramet_json_close_object(&w);
}

static int info(const char *path)
{
	struct ramet_ggcode_info f;

	if (ramet_ggcode_info_read(path, &f, &err) < 0)
		return fail();
	ramet_json_writer_init(&w, &out);
	ramet_json_open_object(&w);
	text("id", f.id);
	text("title", f.title);
	text("preview", f.preview);
	text("workspace", f.workspace);
	text("vendor", f.vendor);
	text("endpoint", f.endpoint);
	text("model", f.model);
	text("created_at", f.created_at);
	text("updated_at", f.updated_at);
	text("permission_mode", f.permission_mode);
	tokens("token_usage", &f.usage);
	ramet_json_key(&w, "sidebar_visible");
	if (f.sidebar_visible < 0)
		ramet_json_add_null(&w);
	else
		ramet_json_add_bool(&w, f.sidebar_visible);
	number("context_window", f.context_window);
	number("max_tokens", f.max_tokens);
	number("message_count", (int64_t)f.message_count);
	ramet_json_key(&w, "tunnel_events_complete");
	ramet_json_add_bool(&w, f.tunnel_events_complete);
	number("tunnel_events", (int64_t)f.n_tunnel_events);
	number("last_turn_index", f.last_turn_index);
	ramet_json_key(&w, "cost");
	ramet_json_add_raw(&w, f.cost.len ? f.cost : ramet_bytes_of("null"));
	ramet_json_key(&w, "has_user_interaction");
	ramet_json_add_bool(&w, f.user_interaction);
	number("skipped", (int64_t)f.n_skipped);
	endpoints(&f);
	ramet_json_close_object(&w);
	ramet_ggcode_info_release(&f);
	return print(0);
}

static void item(const struct ramet_ggcode_item *i)
{
	ramet_json_open_object(&w);
	text("id", i->id);
	text("created_at", i->created_at);
	text("updated_at", i->updated_at);
	text("title", i->title);
	text("workspace", i->workspace);
	text("vendor", i->vendor);
	text("endpoint", i->endpoint);
	text("model", i->model);
	number("msg_count", i->msg_count);
	number("indexed", i->indexed);
	ramet_json_close_object(&w);
}

static int list(const char *dir, const char *workspace)
{
	struct ramet_ggcode_list l = RAMET_GGCODE_LIST_INIT;
	uint32_t i;

	if (ramet_ggcode_list(dir, workspace, &l, &err) < 0)
		return fail();
	ramet_json_writer_init(&w, &out);
	ramet_json_open_array(&w);
	for (i = 0; i < l.n; i++)
		item(&l.items[i]);
	ramet_json_close_array(&w);
	ramet_ggcode_list_release(&l);
	return print(0);
}

static int search(const char *dir, const char *query, const char *max)
{
	struct ramet_ggcode_hits h = RAMET_GGCODE_HITS_INIT;
	uint32_t i;

	if (ramet_ggcode_search(dir, ramet_bytes_of(query), (uint32_t)strtoul(max, NULL, 10), &h,
				&err) < 0)
		return fail();
	ramet_json_writer_init(&w, &out);
	ramet_json_open_array(&w);
	for (i = 0; i < h.n; i++) {
		ramet_json_open_object(&w);
		text("session_id", h.items[i].session_id);
		text("title", h.items[i].title);
		text("role", h.items[i].role);
		text("snippet", h.items[i].snippet);
		text("timestamp", h.items[i].timestamp);
		ramet_json_close_object(&w);
	}
	ramet_json_close_array(&w);
	ramet_ggcode_hits_release(&h);
	return print(0);
}

static int became(void *user, const struct ramet_ggcode_item *i, int result)
{
	(void)user;
	printf("%s %s\n", i->id.ptr, result ? ramet_code_name(result) : "OK");
	return 0;
}

static int hold(const char *dir, const char *id)
{
	struct ramet_ggcode_lock *lock = NULL;
	int64_t holder = -1;
	char byte;

	if (ramet_ggcode_lock_take(&lock, dir, ramet_bytes_of(id), &holder, &err) < 0) {
		printf("held by %lld\n", (long long)holder);
		return 1;
	}
	printf("taken\n");
	fflush(stdout);
	while (fread(&byte, 1, 1, stdin) == 1)
		;
	ramet_ggcode_lock_release(lock);
	return 0;
}

/* What appends to a session. */
static int change(const char *what, char **a, int n)
{
	struct ramet_ggcode_fields fields = { 0 };
	struct ramet_session *s;
	int r;

	if (ramet_session_open(&s, a[0], NULL, &err) < 0)
		return fail();
	if (!strcmp(what, "save")) {
		fields.title = ramet_bytes_of(a[1]);
		r = ramet_ggcode_save(s, &fields, &err);
		printf("%d\n", r);
	} else if (!strcmp(what, "event")) {
		r = ramet_ggcode_append_tunnel_event(s, ramet_bytes_of(a[1]), &err);
	} else if (!strcmp(what, "metric")) {
		r = ramet_ggcode_append_metric(s, ramet_bytes_of(a[1]), &err);
	} else if (!strcmp(what, "usage")) {
		r = ramet_ggcode_append_usage(s, ramet_bytes_of(a[1]), &err);
	} else {
		r = n < 4 ? RAMET_EINVAL
			  : ramet_ggcode_append_checkpoint(s, ramet_bytes_of(a[1]),
							   ramet_bytes_of(a[2]),
							   strtoll(a[3], NULL, 10), &err);
	}
	ramet_session_close(s);
	return r < 0 ? fail() : 0;
}

/* Every entry of a session written again, in the order of the file. */
static int records(const char *path, int dialect)
{
	struct ramet_buf scratch = RAMET_BUF_INIT((size_t)1 << 30);
	struct rameti_encoder e;
	struct ramet_session *s;
	struct ramet_bytes json;
	uint32_t i;
	int r;

	if (ramet_session_open(&s, path, NULL, &err) < 0)
		return fail();
	r = rameti_encoder_init(&e, &rameti_codec_ggcode, NULL, (struct ramet_bytes){ NULL, 0 },
				&err);
	e.dialect = dialect;
	ramet_buf_add(&e.id, ramet_session_header(s)->id);
	for (i = 0; !r && i < ramet_tree_count(ramet_session_tree(s)); i++) {
		r = ramet_tree_entry(ramet_session_tree(s), i, &scratch, &json, &err);
		if (!r)
			r = rameti_codec_ggcode.encode(&e, json, &out, &err);
		if (r > 0)
			r = 0;
	}
	rameti_encoder_release(&e);
	ramet_buf_release(&scratch);
	ramet_session_close(s);
	return print(r);
}

static int one_text(const char *what, char **a, int n)
{
	struct ramet_bytes t = ramet_bytes_of(a[0]);

	if (!strcmp(what, "title"))
		return print(ramet_ggcode_title(t, &out));
	if (!strcmp(what, "truncate") && n > 1)
		return print(ramet_ggcode_truncate(t, (int)strtoll(a[1], NULL, 10), &out));
	if (!strcmp(what, "workspace"))
		return print(ramet_ggcode_workspace(t, &out, &err));
	if (!strcmp(what, "key") && n > 1)
		return print(ramet_ggcode_endpoint_key(t, ramet_bytes_of(a[1]), &out));
	printf("%d\n", ramet_ggcode_id_valid(t));
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char **a = argv + 2;
	int n = argc - 2, r;

	if (n < 1)
		return 2;
	if (!strcmp(what, "info"))
		return info(a[0]);
	if (!strcmp(what, "md"))
		return print(ramet_ggcode_export_markdown(a[0], NULL, &out, &err));
	if (!strcmp(what, "list"))
		return list(a[0], n > 1 ? a[1] : NULL);
	if (!strcmp(what, "search") && n > 2)
		return search(a[0], a[1], a[2]);
	if (!strcmp(what, "records") && n > 1)
		return records(a[0], (int)strtoll(a[1], NULL, 10));
	if (!strcmp(what, "ensure") && n > 2) {
		struct ramet_ggcode_fields f = { .title = ramet_bytes_of(a[2]) };

		r = ramet_ggcode_ensure_meta(a[0], ramet_bytes_of(a[1]), &f, &err);
		printf("%d\n", r);
		return r < 0 ? fail() : 0;
	}
	if (!strcmp(what, "delete") && n > 1)
		return print(ramet_ggcode_delete(a[0], ramet_bytes_of(a[1]), &err));
	if (!strcmp(what, "cleanup") && n > 2) {
		r = ramet_ggcode_cleanup(a[0], strtoll(a[1], NULL, 10), !strcmp(a[2], "dry"),
					 became, NULL, &err);
		return r < 0 ? fail() : 0;
	}
	if (!strcmp(what, "hold") && n > 1)
		return hold(a[0], a[1]);
	if (!strcmp(what, "ask") && n > 1) {
		r = ramet_ggcode_lock_ask(a[0], ramet_bytes_of(a[1]), NULL, &err);
		printf("%d\n", r);
		return r < 0 ? fail() : 0;
	}
	if (strchr("stwkv", *what) && strcmp(what, "save") != 0)
		return one_text(what, a, n);
	return n > 1 ? change(what, a, n) : 2;
}
