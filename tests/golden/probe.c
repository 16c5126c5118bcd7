/*
 * Everything the library says about a session or a store, as JSON: what the golden, damage and
 * interop tests compare. It uses the public header only and adds no rule of its own, so whatever
 * it prints is the library's answer.
 *
 *     probe read [--views N] [--now MS] FILE...    an object a line; FILE "-": paths on stdin
 *     probe list|progress|recent|find|resolve ...  stores; see usage()
 *     probe dirs CWD...      probe ids ID...       directory names; which ids are valid
 *
 * An error is data here, {"error":{"code",...}}, and the exit status stays 0. Only wrong usage or a
 * lack of memory ends with 2.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ramet.h"

#define OUT_MAX ((size_t)1 << 32)

struct probe {
	struct ramet_buf out, part, scratch;
	struct ramet_json_writer w;
	uint64_t max_views;                      /* 0: every entry as leaf */
	int64_t now_ms;
};

static int usage(void)
{
	fputs("usage: probe read [--views N] [--now MS] FILE...|-\n"
	      "       probe list|progress URL CWD(or -) [only-CWD(or -) [cancel-after]]\n"
	      "       probe recent URL CWD(or -) [only-CWD]\n"
	      "       probe find|resolve URL CWD(or -) ID [only-CWD]\n"
	      "       probe dirs CWD...\n"
	      "       probe ids ID...\n", stderr);
	return 2;
}

static void write_bytes_or_null(struct probe *p, const char *key, struct ramet_bytes b)
{
	ramet_json_key(&p->w, key);
	if (b.ptr)
		ramet_json_add_text(&p->w, b);
	else
		ramet_json_add_null(&p->w);
}

static void write_row_or_null(struct probe *p, uint32_t row)
{
	if (row == RAMET_NONE)
		ramet_json_add_null(&p->w);
	else
		ramet_json_add_int(&p->w, row);
}

static void write_error(struct probe *p, const struct ramet_error *err)
{
	ramet_json_key(&p->w, "error");
	ramet_json_open_object(&p->w);
	ramet_json_key(&p->w, "code");
	ramet_json_add_cstr(&p->w, ramet_code_name(err->code));
	ramet_json_key(&p->w, "text");
	ramet_json_add_cstr(&p->w, err->text);
	ramet_json_key(&p->w, "path");
	ramet_json_add_cstr(&p->w, err->path);
	ramet_json_close_object(&p->w);
}

/* A member whose value the library wrote into part; an error stands in its place. */
static void write_part(struct probe *p, const char *key, int r, const struct ramet_error *err)
{
	ramet_json_key(&p->w, key);
	if (r < 0) {
		ramet_json_open_object(&p->w);
		write_error(p, err);
		ramet_json_close_object(&p->w);
	} else {
		ramet_json_add_raw(&p->w, ramet_buf_bytes(&p->part));
	}
	ramet_buf_reset(&p->part);
}

static void write_id(struct probe *p, const struct ramet_tree *t, uint32_t row)
{
	if (row == RAMET_NONE || (ramet_tree_row(t, row)->flags & RAMET_ROW_NO_ID))
		ramet_json_add_null(&p->w);
	else
		ramet_json_add_text(&p->w, ramet_tree_id(t, row));
}

/* ---- one session ---- */

static void write_header(struct probe *p, const struct ramet_header *h)
{
	ramet_json_key(&p->w, "header");
	ramet_json_add_raw(&p->w, h->json);
	ramet_json_key(&p->w, "headerFields");
	ramet_json_open_object(&p->w);
	write_bytes_or_null(p, "id", h->id);
	write_bytes_or_null(p, "cwd", h->cwd);
	write_bytes_or_null(p, "timestamp", h->timestamp);
	write_bytes_or_null(p, "parentSession", h->parent_session);
	ramet_json_key(&p->w, "line");
	ramet_json_add_int(&p->w, (int64_t)h->line);
	ramet_json_key(&p->w, "version");
	ramet_json_add_double(&p->w, h->version);
	ramet_json_close_object(&p->w);
}

/* Rows as the tree holds them: [type, id, parent row, flags, time, depth, offset, length]. */
static void write_rows(struct probe *p, const struct ramet_tree *t)
{
	ramet_json_key(&p->w, "rows");
	ramet_json_open_array(&p->w);
	for (uint32_t i = 0; i < ramet_tree_count(t); i++) {
		const struct ramet_row *row = ramet_tree_row(t, i);

		ramet_json_open_array(&p->w);
		ramet_json_add_cstr(&p->w, ramet_entry_type_name(row->type));
		write_id(p, t, i);
		write_row_or_null(p, row->parent);
		ramet_json_add_int(&p->w, row->flags & 0xfff);
		if (row->time_ms == RAMET_TIME_NONE)
			ramet_json_add_null(&p->w);
		else
			ramet_json_add_int(&p->w, row->time_ms);
		ramet_json_add_int(&p->w, row->depth);
		ramet_json_add_int(&p->w, (int64_t)row->offset);
		ramet_json_add_int(&p->w, row->length);
		ramet_json_close_array(&p->w);
	}
	ramet_json_close_array(&p->w);
}

/* Lines of JSON that the library wrote into part, as an array; an error's text in its place. */
static void write_lines(struct probe *p, const char *key, int r, const struct ramet_error *err)
{
	const char *at = p->part.ptr ? p->part.ptr : "", *end = at + p->part.len;

	ramet_json_key(&p->w, key);
	if (r < 0) {
		ramet_json_add_cstr(&p->w, err->text);
	} else {
		ramet_json_open_array(&p->w);
		while (at < end) {
			const char *stop = memchr(at, '\n', (size_t)(end - at));

			stop = stop ? stop : end;
			ramet_json_add_raw(&p->w, (struct ramet_bytes){ at, (size_t)(stop - at) });
			at = stop + 1;
		}
		ramet_json_close_array(&p->w);
	}
	ramet_buf_reset(&p->part);
}

/* The entries twice: one by one, and as the report pages through them (must be the same). */
static void write_entries(struct probe *p, const struct ramet_session *s)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_error err;
	uint32_t from = 0;
	int r = 0;

	ramet_json_key(&p->w, "entries");
	ramet_json_open_array(&p->w);
	for (uint32_t i = 0; i < ramet_tree_count(t); i++) {
		struct ramet_bytes json;

		if (ramet_tree_entry(t, i, &p->scratch, &json, &err) < 0) {
			ramet_json_open_object(&p->w);
			write_error(p, &err);
			ramet_json_close_object(&p->w);
		} else {
			ramet_json_add_raw(&p->w, json);
		}
	}
	ramet_json_close_array(&p->w);

	while (from != RAMET_NONE && r == 0)
		r = ramet_report_entries(s, from, 1000, &p->part, &from, &err);
	write_lines(p, "entryLines", r, &err);
}

static void write_labels(struct probe *p, const struct ramet_tree *t)
{
	struct ramet_labels labels = RAMET_LABELS_INIT;

	ramet_json_key(&p->w, "labels");
	ramet_json_open_array(&p->w);
	if (ramet_tree_labels(t, &labels, NULL) == 0) {
		for (uint32_t i = 0; i < labels.n; i++) {
			const struct ramet_label *l = &labels.items[i];

			ramet_json_open_object(&p->w);
			write_bytes_or_null(p, "target", l->target);
			write_bytes_or_null(p, "text", l->text);
			if (l->timestamp.len) {
				ramet_json_key(&p->w, "timestamp");
				ramet_json_add_raw(&p->w, l->timestamp);
			}
			ramet_json_key(&p->w, "targetRow");
			write_row_or_null(p, l->target_row);
			ramet_json_close_object(&p->w);
		}
		ramet_labels_release(&labels);
	} else {
		ramet_json_add_null(&p->w);
	}
	ramet_json_close_array(&p->w);
}

static void write_list_info(struct probe *p, const char *path)
{
	struct ramet_list one = RAMET_LIST_INIT;
	struct ramet_error err;
	int r = ramet_session_info_read(path, 1, &one, &err);

	if (r == 0)
		r = ramet_report_list_item(&one.items[0], &p->part, &err);
	write_part(p, "listInfo", r, &err);
	ramet_list_release(&one);
}

static void write_path(struct probe *p, const struct ramet_tree *t, uint32_t leaf)
{
	struct ramet_path path = RAMET_PATH_INIT;
	struct ramet_error err;

	ramet_json_key(&p->w, "path");
	if (ramet_tree_path(t, leaf, &path, &err) < 0) {
		ramet_json_open_object(&p->w);
		write_error(p, &err);
		ramet_json_close_object(&p->w);
		return;
	}
	ramet_json_open_array(&p->w);
	for (uint32_t i = 0; i < path.n; i++)
		write_id(p, t, path.rows[i]);
	ramet_json_close_array(&p->w);
	ramet_path_release(&path);
}

static void write_system(struct probe *p, const struct ramet_context *c)
{
	struct ramet_buf prompt = RAMET_BUF_INIT(OUT_MAX);
	struct ramet_error err;
	int r = ramet_context_write_system(c, &p->part, &prompt, &err);

	write_part(p, "system", r, &err);
	ramet_json_key(&p->w, "prompt");
	ramet_json_add_text(&p->w, ramet_buf_bytes(&prompt));
	ramet_buf_release(&prompt);
}

static void write_context(struct probe *p, const struct ramet_tree *t, uint32_t leaf)
{
	struct ramet_context *c = NULL;
	struct ramet_error err;
	uint64_t tokens = 0;
	int r = ramet_context_new(&c, t, leaf, &err);

	if (r < 0) {
		write_error(p, &err);
		return;
	}
	ramet_json_key(&p->w, "selected");
	ramet_json_open_array(&p->w);
	for (uint32_t i = 0; i < c->n_selected; i++)
		write_id(p, t, c->selected[i].row);
	ramet_json_close_array(&p->w);
	r = ramet_context_write(c, &p->part, &err);
	write_part(p, "context", r, &err);
	r = ramet_context_write_projection(c, &p->part, &err);
	write_part(p, "projection", r, &err);
	r = ramet_context_write_llm(c, &p->part, &err);
	write_part(p, "llm", r, &err);
	write_system(p, c);
	r = ramet_context_tokens(c, &tokens, &err);
	if (r == 0)
		ramet_buf_addf(&p->part, "%" PRIu64, tokens);
	write_part(p, "tokens", r, &err);
	ramet_context_free(c);
}

static void write_view(struct probe *p, const struct ramet_session *s, uint32_t leaf)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_error err;
	int r;

	ramet_json_open_object(&p->w);
	ramet_json_key(&p->w, "leaf");
	write_id(p, t, leaf);
	ramet_json_key(&p->w, "row");
	write_row_or_null(p, leaf);
	write_path(p, t, leaf);
	r = ramet_report_path(s, leaf, &p->part, &err);
	write_part(p, "pathReport", r, &err);
	write_context(p, t, leaf);
	r = ramet_export_jsonl(s, leaf, p->now_ms, &p->part, &err);
	write_lines(p, "exported", r, &err);
	ramet_json_close_object(&p->w);
}

/* The leaf first, then no leaf, then as many other entries as were asked for, evenly spread. */
static void write_views(struct probe *p, const struct ramet_session *s)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	uint32_t n = ramet_tree_count(t), step = 1;

	if (p->max_views && n > p->max_views)
		step = (uint32_t)((n + p->max_views - 1) / p->max_views);
	ramet_json_key(&p->w, "views");
	ramet_json_open_array(&p->w);
	write_view(p, s, ramet_tree_leaf(t));
	if (n)
		write_view(p, s, RAMET_NONE);
	for (uint32_t i = 0; i + 1 < n; i += step)
		write_view(p, s, i);
	ramet_json_close_array(&p->w);
}

static void write_reports(struct probe *p, const struct ramet_session *s)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	struct ramet_error err;
	int r = ramet_report_info(s, &p->part, &err);

	write_part(p, "info", r, &err);
	r = ramet_report_tree(s, &p->part, &err);
	write_part(p, "tree", r, &err);
	r = ramet_report_branches(s, &p->part, &err);
	write_part(p, "branches", r, &err);
	r = ramet_report_stats(s, &p->part, &err);
	write_part(p, "stats", r, &err);
	r = ramet_report_fork_messages(s, &p->part, &err);
	write_part(p, "forkMessages", r, &err);
	r = ramet_session_check(s, &f, &err);
	if (r == 0)
		r = ramet_report_findings(&f, &p->part, &err);
	write_part(p, "findings", r, &err);
	ramet_findings_release(&f);
}

static void write_session(struct probe *p, const struct ramet_session *s)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	int r;

	ramet_json_key(&p->w, "format");
	ramet_json_add_cstr(&p->w, ramet_session_format(s));
	write_header(p, ramet_session_header(s));
	write_bytes_or_null(p, "cwd", ramet_session_cwd(s, ramet_bytes_of("<fallback>")));
	write_rows(p, t);
	write_entries(p, s);
	write_labels(p, t);
	ramet_json_key(&p->w, "leafId");
	write_id(p, t, ramet_tree_leaf(t));
	r = ramet_tree_name(t, &p->part, NULL);
	ramet_json_key(&p->w, "name");
	if (r == 1)
		ramet_json_add_text(&p->w, ramet_buf_bytes(&p->part));
	else
		ramet_json_add_null(&p->w);
	ramet_buf_reset(&p->part);
	write_reports(p, s);
	write_views(p, s);
}

static int flush(struct probe *p)
{
	if (ramet_buf_status(&p->out) < 0) {
		fprintf(stderr, "probe: %s\n", ramet_code_name(ramet_buf_status(&p->out)));
		return 2;
	}
	fwrite(p->out.ptr, 1, p->out.len, stdout);
	putchar('\n');
	ramet_buf_reset(&p->out);
	return fflush(stdout) ? 2 : 0;
}

static void begin(struct probe *p)
{
	ramet_json_writer_init(&p->w, &p->out);
	ramet_json_open_object(&p->w);
}

static int read_one(struct probe *p, const char *path)
{
	struct ramet_session *s = NULL;
	struct ramet_error err;

	begin(p);
	ramet_json_key(&p->w, "path");
	ramet_json_add_cstr(&p->w, path);
	if (ramet_session_open(&s, path, NULL, &err) < 0)
		write_error(p, &err);
	else
		write_session(p, s);
	write_list_info(p, path);
	ramet_session_close(s);
	ramet_json_close_object(&p->w);
	return flush(p);
}

static int read_from_stdin(struct probe *p)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int r = 0;

	while (r == 0 && (len = getline(&line, &cap, stdin)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		r = read_one(p, line);
	}
	(free)(line);
	return r;
}

static int cmd_read(struct probe *p, int argc, char **argv)
{
	int i = 0, r = 0;

	for (; i + 1 < argc && argv[i][0] == '-' && argv[i][1] == '-'; i += 2) {
		if (strcmp(argv[i], "--views") == 0)
			p->max_views = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--now") == 0)
			p->now_ms = strtoll(argv[i + 1], NULL, 10);
		else
			return usage();
	}
	if (i == argc)
		return usage();
	for (; i < argc && r == 0; i++)
		r = strcmp(argv[i], "-") == 0 ? read_from_stdin(p) : read_one(p, argv[i]);
	return r;
}

/* ---- stores ---- */

struct seen {
	struct probe *p;
	uint64_t calls, cancel_after;
};

static int on_progress(void *user, uint64_t loaded, uint64_t total,
		       const struct ramet_session_info *partial, uint64_t n_partial)
{
	struct seen *seen = user;
	struct ramet_json_writer *w = &seen->p->w;

	ramet_json_open_array(w);
	ramet_json_add_int(w, (int64_t)loaded);
	ramet_json_add_int(w, (int64_t)total);
	if (partial)
		ramet_json_add_int(w, (int64_t)n_partial);
	else
		ramet_json_add_null(w);
	ramet_json_close_array(w);
	seen->calls++;
	return seen->cancel_after && seen->calls >= seen->cancel_after;
}

static void write_items(struct probe *p, const struct ramet_list *list)
{
	struct ramet_error err;

	ramet_json_key(&p->w, "items");
	ramet_json_open_array(&p->w);
	for (uint64_t i = 0; i < list->n; i++) {
		if (ramet_report_list_item(&list->items[i], &p->part, &err) < 0)
			ramet_json_add_cstr(&p->w, err.text);
		else
			ramet_json_add_raw(&p->w, ramet_buf_bytes(&p->part));
		ramet_buf_reset(&p->part);
	}
	ramet_json_close_array(&p->w);
}

static void write_list(struct probe *p, struct ramet_store *st, const char *only,
		       const char *cancel)
{
	struct seen seen = { p, 0, cancel ? strtoull(cancel, NULL, 10) : 0 };
	struct ramet_list_opts opts = { .cwd = only, .with_text = 1,
		.progress = on_progress, .user = &seen };
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_error err;
	int r;

	ramet_json_key(&p->w, "progress");
	ramet_json_open_array(&p->w);
	r = ramet_store_list(st, &opts, &list, &err);
	ramet_json_close_array(&p->w);
	if (r < 0)
		write_error(p, &err);
	else
		write_items(p, &list);
	ramet_list_release(&list);
}

static void write_found(struct probe *p, struct ramet_store *st, const char *verb, const char *id,
			const char *only)
{
	struct ramet_error err;
	int r;

	if (strcmp(verb, "recent") == 0)
		r = ramet_store_recent(st, only, &p->part, &err);
	else if (strcmp(verb, "find") == 0)
		r = ramet_store_find_exact(st, ramet_bytes_of(id), only, &p->part, &err);
	else
		r = ramet_store_find(st, ramet_bytes_of(id), &p->part, &err);
	if (r < 0) {
		write_error(p, &err);
	} else {
		ramet_json_key(&p->w, "found");
		ramet_json_add_text(&p->w, ramet_buf_bytes(&p->part));
	}
	ramet_buf_reset(&p->part);
}

/* URL "pi" with a working directory means that directory's default place; "pi" and "-" all of
 * pi. */
static int cmd_store(struct probe *p, const char *verb, int argc, char **argv)
{
	const char *cwd = argc > 1 && strcmp(argv[1], "-") != 0 ? argv[1] : NULL;
	struct ramet_store_opts opts = { .cwd = cwd, .this_project = cwd != NULL };
	struct ramet_store *st = NULL;
	struct ramet_error err;
	int is_list = strcmp(verb, "list") == 0 || strcmp(verb, "progress") == 0;
	int by_id = strcmp(verb, "find") == 0 || strcmp(verb, "resolve") == 0;
	int next = by_id ? 3 : 2;
	const char *only = argc > next && strcmp(argv[next], "-") != 0 ? argv[next] : NULL;

	if (argc < next)
		return usage();
	begin(p);
	if (ramet_store_open(&st, argv[0], &opts, &err) < 0)
		write_error(p, &err);
	else if (is_list)
		write_list(p, st, only, argc > 3 ? argv[3] : NULL);
	else
		write_found(p, st, verb, by_id ? argv[2] : "", only);
	ramet_store_close(st);
	ramet_json_close_object(&p->w);
	return flush(p);
}

static int cmd_dirs(struct probe *p, int argc, char **argv)
{
	begin(p);
	for (int i = 0; i < argc; i++) {
		struct ramet_error err;
		int r = ramet_pi_dir_name(ramet_bytes_of(argv[i]), &p->part, &err);

		ramet_json_key(&p->w, argv[i]);
		if (r < 0)
			ramet_json_add_null(&p->w);
		else
			ramet_json_add_text(&p->w, ramet_buf_bytes(&p->part));
		ramet_buf_reset(&p->part);
	}
	ramet_json_close_object(&p->w);
	return flush(p);
}

static int cmd_ids(struct probe *p, int argc, char **argv)
{
	begin(p);
	for (int i = 0; i < argc; i++) {
		ramet_json_key(&p->w, argv[i]);
		ramet_json_add_bool(&p->w, ramet_session_id_valid(ramet_bytes_of(argv[i])));
	}
	ramet_json_close_object(&p->w);
	return flush(p);
}

int main(int argc, char **argv)
{
	struct probe p = {
		.out = RAMET_BUF_INIT(OUT_MAX),
		.part = RAMET_BUF_INIT(OUT_MAX),
		.scratch = RAMET_BUF_INIT(OUT_MAX),
	};
	int r;

	if (argc < 2)
		return usage();
	if (strcmp(argv[1], "read") == 0)
		r = cmd_read(&p, argc - 2, argv + 2);
	else if (strcmp(argv[1], "dirs") == 0)
		r = cmd_dirs(&p, argc - 2, argv + 2);
	else if (strcmp(argv[1], "ids") == 0)
		r = cmd_ids(&p, argc - 2, argv + 2);
	else if (strstr(" list progress recent find resolve ", argv[1]) && argc > 2)
		r = cmd_store(&p, argv[1], argc - 2, argv + 2);
	else
		r = usage();
	ramet_buf_release(&p.out);
	ramet_buf_release(&p.part);
	ramet_buf_release(&p.scratch);
	return r;
}
