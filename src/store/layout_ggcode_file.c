/*
 * store/layout_ggcode_file.c - what a session file of ggcode says as a whole.
 *
 * One pass over all lines, none skipped for its length or its age; lines that are no records are
 * counted. The last meta record counts, each of its members by the original's rules. Messages told
 * twice by id count once; without an id each counts, since equal content is no proof.
 */
#include "store/layout_ggcode_priv.h"

#include <string.h>

#include "base/error.h"
#include "base/lines.h"
#include "base/map.h"
#include "json/scan.h"

int rameti_gg_keep(struct rameti_arena *a, struct ramet_bytes text, struct ramet_bytes *to)
{
	struct ramet_bytes copy = rameti_arena_dup(a, text);

	if (!copy.ptr)
		return RAMET_ENOMEM;
	*to = copy;
	return 0;
}

int rameti_gg_keep_text(struct rameti_arena *a, const struct ramet_json *v, struct ramet_bytes *to)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	ramet_json_text(v, &text);
	r = ramet_buf_status(&text) < 0 ? RAMET_ENOMEM
					: rameti_gg_keep(a, ramet_buf_bytes(&text), to);
	ramet_buf_release(&text);
	return r;
}

/* ---- walking ---- */

static struct ramet_bytes trimmed(struct ramet_bytes line)
{
	return rameti_gg_trim(line);
}

static int walk_lines(struct rameti_lines *lines,
		      int (*fn)(void *, struct ramet_bytes, const struct ramet_json *), void *user,
		      uint64_t *skipped, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	const struct ramet_json *root;
	struct rameti_lines_item item;
	struct ramet_bytes line;
	int r;

	while ((r = rameti_lines_next(lines, &item, err)) == 1) {
		line = trimmed(item.text);
		if (!line.len && !item.too_long)
			continue;
		r = item.too_long ? RAMET_EJSON : ramet_json_parse(&doc, line, 0, NULL);
		root = r ? NULL : ramet_json_root(&doc);
		if (r == RAMET_ENOMEM) {
			rameti_fail_nomem(err);
			break;
		}
		if (root && root->kind == RAMET_JSON_NULL)
			continue;
		if (!root || !rameti_gg_record_fits(root)) {
			++*skipped;
			continue;
		}
		r = fn(user, line, root);
		if (r)
			break;
	}
	ramet_json_doc_release(&doc);
	return r;
}

int rameti_gg_walk(const struct rameti_env *env, const char *path,
		   int (*fn)(void *user, struct ramet_bytes line, const struct ramet_json *record),
		   void *user, uint64_t *skipped, struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct rameti_lines lines;
	struct stat st;
	uint64_t unused = 0;
	int r;

	f.env = env;
	r = rameti_file_open(&f, path, RAMETI_FILE_READ, err);
	if (r < 0)
		return r;
	r = rameti_file_stat(&f, &st, err);
	if (!r)
		r = rameti_lines_open(&lines, &f, 0, (uint64_t)st.st_size, RAMET_JSON_LEN_MAX, err);
	if (!r) {
		r = walk_lines(&lines, fn, user, skipped ? skipped : &unused, err);
		rameti_lines_close(&lines);
	}
	(void)rameti_file_close(&f);
	if (r < 0)
		rameti_error_set_path(err, path);
	return r;
}

/* ---- gathering ---- */

struct gathered {
	struct ramet_ggcode_info *info;
	struct rameti_arena texts;
	struct rameti_map ids, keys; /* of messages; of endpoints */
	uint32_t cap_endpoints;
};

static int64_t number_of(const struct ramet_json *v)
{
	double x = ramet_json_number(v);

	return x > -9e15 && x < 9e15 ? (int64_t)x : 0;
}

static void tokens_of(const struct ramet_json *u, struct ramet_ggcode_tokens *t)
{
	t->input = number_of(rameti_gg_get(u, "input_tokens"));
	t->output = number_of(rameti_gg_get(u, "output_tokens"));
	t->cache_read = number_of(rameti_gg_get(u, "cache_read_tokens"));
	t->cache_write = number_of(rameti_gg_get(u, "cache_write_tokens"));
	t->prompt_total = number_of(rameti_gg_get(u, "prompt_tokens_total"));
}

static void add_tokens(struct ramet_ggcode_tokens *to, const struct ramet_ggcode_tokens *t)
{
	to->input += t->input;
	to->output += t->output;
	to->cache_read += t->cache_read;
	to->cache_write += t->cache_write;
	to->prompt_total += t->prompt_total;
}

/* A time as it is written, and what it says. */
static int keep_time(struct gathered *g, const struct ramet_json *v, struct ramet_bytes *text,
		     int64_t *ms)
{
	struct rameti_gg_time t;

	rameti_gg_time_of(v, &t);
	*ms = rameti_gg_time_ms(&t);
	*text = (struct ramet_bytes){ "", 0 };
	return *ms != RAMET_TIME_NONE ? rameti_gg_keep_text(&g->texts, v, text) : 0;
}

/* Members that a later record leaves alone when it has none of them. */
static int keep_given(struct gathered *g, const struct ramet_json *v, struct ramet_bytes *to)
{
	return v && v->len > 2 ? rameti_gg_keep_text(&g->texts, v, to) : 0;
}

static int gather_meta(struct gathered *g, const struct ramet_json *o)
{
	static const char *const keys[5] = { "title", "preview", "vendor", "endpoint", "model" };
	struct ramet_ggcode_info *f = g->info;
	struct ramet_bytes *const to[5] = { &f->title, &f->preview, &f->vendor, &f->endpoint,
					    &f->model };
	const struct ramet_json *v;
	int i, r = 0;

	for (i = 0; !r && i < 5; i++)
		r = rameti_gg_keep_text(&g->texts, rameti_gg_get(o, keys[i]), to[i]);
	if (!r)
		r = keep_given(g, rameti_gg_get(o, "workspace"), &f->workspace);
	if (!r)
		r = keep_given(g, rameti_gg_get(o, "permission_mode"), &f->permission_mode);
	if (!r)
		r = keep_time(g, rameti_gg_get(o, "created_at"), &f->created_at, &f->created_ms);
	if (!r)
		r = keep_time(g, rameti_gg_get(o, "updated_at"), &f->updated_at, &f->updated_ms);
	tokens_of(rameti_gg_get(o, "token_usage"), &f->usage);
	f->tunnel_events_complete = ramet_json_truthy(rameti_gg_get(o, "tunnel_events_complete"));
	v = rameti_gg_get(o, "sidebar_visible");
	if (v)
		f->sidebar_visible = v->kind == RAMET_JSON_TRUE;
	if (number_of(rameti_gg_get(o, "context_window")))
		f->context_window = number_of(rameti_gg_get(o, "context_window"));
	if (number_of(rameti_gg_get(o, "max_tokens")))
		f->max_tokens = number_of(rameti_gg_get(o, "max_tokens"));
	f->has_meta = 1;
	return r;
}

/* Has this message been told? 1, 0, ENOMEM. */
static int is_again(struct gathered *g, const struct ramet_json *message)
{
	struct ramet_buf id = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	ramet_json_text(rameti_gg_get(message, "id"), &id);
	r = ramet_buf_status(&id) < 0 ? RAMET_ENOMEM : 0;
	if (!r && id.len && rameti_map_get(&g->ids, ramet_buf_bytes(&id), NULL))
		r = 1;
	else if (!r && id.len)
		r = rameti_map_set(&g->ids, ramet_buf_bytes(&id), 0);
	ramet_buf_release(&id);
	return r;
}

/* The first text of a message that is more than white space. */
static int words_of(struct gathered *g, const struct ramet_json *message, struct ramet_bytes *words)
{
	const struct ramet_json *content = rameti_gg_get(message, "content"), *block = NULL;
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes found = { NULL, 0 };
	int r = 0;

	while (!found.len && (block = ramet_json_next(content, block)) != NULL) {
		if (!ramet_json_text_is(rameti_gg_get(block, "type"), "text"))
			continue;
		ramet_buf_reset(&text);
		ramet_json_text(rameti_gg_get(block, "text"), &text);
		found = rameti_gg_trim(ramet_buf_bytes(&text));
	}
	if (ramet_buf_status(&text) < 0)
		r = RAMET_ENOMEM;
	else if (found.len)
		r = rameti_gg_keep(&g->texts, found, words);
	ramet_buf_release(&text);
	return r;
}

static int gather_message(struct gathered *g, const struct ramet_json *o)
{
	const struct ramet_json *message = rameti_gg_get(o, "message");
	struct ramet_bytes words = { NULL, 0 };
	struct rameti_gg_time t;
	int r = is_again(g, message);

	if (r)
		return r < 0 ? r : 0;
	g->info->message_count++;
	rameti_gg_time_of(rameti_gg_get(o, "timestamp"), &t);
	if (rameti_gg_time_ms(&t) != RAMET_TIME_NONE)
		g->info->last_message_ms = rameti_gg_time_ms(&t);
	if (!ramet_json_text_is(rameti_gg_get(message, "role"), "user"))
		return 0;
	r = words_of(g, message, &words);
	if (r || !words.len)
		return r;
	if (!g->info->user_interaction++)
		g->info->first_text = words;
	g->info->last_text = words;
	return 0;
}

static int endpoint_of(struct gathered *g, const struct ramet_json *o,
		       struct ramet_ggcode_endpoint **found)
{
	struct ramet_buf vendor = RAMET_BUF_INIT(SIZE_MAX / 2),
			 endpoint = RAMET_BUF_INIT(SIZE_MAX / 2),
			 key = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_ggcode_info *f = g->info;
	uint32_t n = f->n_endpoints;
	int r;

	ramet_json_text(rameti_gg_get(o, "vendor"), &vendor);
	ramet_json_text(rameti_gg_get(o, "endpoint"), &endpoint);
	r = ramet_buf_status(&vendor) < 0 || ramet_buf_status(&endpoint) < 0 ? RAMET_ENOMEM
			: ramet_ggcode_endpoint_key(ramet_buf_bytes(&vendor),
						    ramet_buf_bytes(&endpoint), &key);
	if (!r && !rameti_map_get(&g->keys, ramet_buf_bytes(&key), &n)) {
		r = rameti_grow((void **)&f->endpoints, &g->cap_endpoints, n, sizeof(*f->endpoints),
				0x7fffffff);
		if (!r)
			r = rameti_map_set(&g->keys, ramet_buf_bytes(&key), n);
		if (!r) {
			memset(&f->endpoints[n], 0, sizeof(*f->endpoints));
			r = rameti_gg_keep(&g->texts, ramet_buf_bytes(&key), &f->endpoints[n].key);
			f->n_endpoints += !r;
		}
	}
	if (!r)
		*found = &f->endpoints[n];
	ramet_buf_release(&vendor);
	ramet_buf_release(&endpoint);
	ramet_buf_release(&key);
	return r;
}

static int gather_call(struct gathered *g, const struct ramet_json *o, int is_usage)
{
	struct ramet_ggcode_endpoint *e = NULL;
	struct ramet_ggcode_tokens t;
	int64_t turn = number_of(rameti_gg_get(o, "turn_index"));
	int r = o ? endpoint_of(g, o, &e) : 0;

	if (r || !o)
		return r;
	if (turn > g->info->last_turn_index)
		g->info->last_turn_index = turn;
	e->n_usage += is_usage != 0;
	e->n_metrics += !is_usage;
	if (is_usage) {
		tokens_of(rameti_gg_get(o, "usage"), &t);
		add_tokens(&e->usage, &t);
	}
	return 0;
}

static int gather(void *user, struct ramet_bytes line, const struct ramet_json *o)
{
	const struct ramet_json *type = rameti_gg_get(o, "type");
	struct gathered *g = user;

	(void)line;
	if (ramet_json_text_is(type, "message"))
		return rameti_gg_get(o, "message") ? gather_message(g, o) : 0;
	if (ramet_json_text_is(type, "meta"))
		return gather_meta(g, o);
	if (ramet_json_text_is(type, "usage"))
		return gather_call(g, rameti_gg_get(o, "usage_entry"), 1);
	if (ramet_json_text_is(type, "metric"))
		return gather_call(g, rameti_gg_get(o, "metric_event"), 0);
	if (ramet_json_text_is(type, "tunnel_event"))
		g->info->n_tunnel_events++;
	else if (ramet_json_text_is(type, "cost") && rameti_gg_get(o, "cost"))
		return rameti_gg_keep(&g->texts, ramet_json_raw(rameti_gg_get(o, "cost")),
				      &g->info->cost);
	return 0;
}

int ramet_ggcode_info_read(const char *path, struct ramet_ggcode_info *info,
			   struct ramet_error *err)
{
	const struct ramet_bytes none = { "", 0 };
	struct gathered g = { .info = info, .texts = RAMETI_ARENA_INIT(RAMETI_GG_TEXTS_MAX) };
	int r;

	memset(info, 0, sizeof(*info));
	info->title = info->preview = info->workspace = info->vendor = info->endpoint =
		info->model = info->permission_mode = info->created_at = info->updated_at =
			info->cost = info->first_text = info->last_text = none;
	info->created_ms = info->updated_ms = info->last_message_ms = RAMET_TIME_NONE;
	info->sidebar_visible = -1;
	rameti_map_init(&g.ids, 0x67676964);
	rameti_map_init(&g.keys, 0x67676b65);
	r = rameti_gg_keep(&g.texts, rameti_gg_id_of(path), &info->id);
	if (!r)
		r = rameti_gg_walk(NULL, path, gather, &g, &info->n_skipped, err);
	if (r == RAMET_ENOMEM)
		rameti_fail_nomem(err);
	rameti_map_release(&g.ids);
	rameti_map_release(&g.keys);
	info->user_interaction = info->user_interaction != 0;
	info->priv = r ? NULL : ramet_alloc(sizeof(g.texts));
	if (!r && !info->priv)
		r = rameti_fail_nomem(err);
	if (r < 0) {
		rameti_arena_release(&g.texts);
		ramet_free(info->endpoints);
		memset(info, 0, sizeof(*info));
		return r;
	}
	memcpy(info->priv, &g.texts, sizeof(g.texts));
	return 0;
}

void ramet_ggcode_info_release(struct ramet_ggcode_info *info)
{
	if (info->priv)
		rameti_arena_release(info->priv);
	ramet_free(info->priv);
	ramet_free(info->endpoints);
	memset(info, 0, sizeof(*info));
}
