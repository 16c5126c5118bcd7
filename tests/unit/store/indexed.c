/*
 * indexed.c - sessions large enough for an index, compared with what a scan gives.
 */
#include "indexed.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/tree_priv.h"
#include "temp_dir.h"

char *indexed_dir;
static long clock_ahead;

static int late_clock(void *user, clockid_t clock, struct timespec *ts)
{
	int r = rameti_env_posix()->clock_gettime(user, clock, ts);

	ts->tv_sec += clock == CLOCK_REALTIME ? clock_ahead : 0;
	return r;
}

const struct rameti_env *indexed_env(void)
{
	static struct rameti_env env;

	env = *rameti_env_posix();
	env.clock_gettime = late_clock;
	return &env;
}

void indexed_clock(long ahead)
{
	clock_ahead = ahead;
}

int indexed_setup(void **state)
{
	(void)state;
	indexed_dir = temp_dir_new();
	temp_mkdir(indexed_dir, "s");
	assert_int_equal(setenv("XDG_CACHE_HOME", temp_path(indexed_dir, "c"), 1), 0);
	assert_int_equal(setenv("HOME", temp_path(indexed_dir, "h"), 1), 0);
	indexed_clock(3600);
	rameti_env_use(indexed_env());
	return 0;
}

int indexed_teardown(void **state)
{
	(void)state;
	rameti_env_use(NULL);
	temp_dir_remove(indexed_dir);
	return 0;
}

/* ---- places ---- */

const char *indexed_sessions(void)
{
	return temp_path(indexed_dir, "s");
}

const char *indexed_session(void)
{
	static char path[TEMP_PATH];

	(void)snprintf(path, sizeof(path), "%s/s/s.jsonl", indexed_dir);
	return path;
}

const char *indexed_cache(void)
{
	return temp_path(indexed_dir, "c/ramet/index");
}

const char *indexed_file(const char *session)
{
	static char path[TEMP_PATH];
	struct stat st;

	assert_int_equal(stat(session, &st), 0);
	(void)snprintf(path, sizeof(path), "%s/%llx-%llx.idx", indexed_cache(),
		       (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	return exists(path) ? path : "";
}

/* ---- sessions ---- */

#define H1 "{'type':'session','id':'s1','timestamp':'2026-03-01T10:00:00.000Z','cwd':'/w'," \
	"'provider':'p','modelId':'m','thinkingLevel':'off'}\n"
#define V1(type, more) \
	"{'type':'" type "','timestamp':'2026-03-01T10:00:01.000Z'" more "}\n"

const struct shape shapes[] = {
	{ "plain", HEAD, MESSAGE("z1", "null", U("hi")) MESSAGE("z2", "'z1'", A("ho")) },
	{ "only padding", HEAD, "" },
	{ "no talk", HEAD, LINE("custom", "z1", "null", ",'customType':'t'") },
	{ "version 2", HEAD_OF(",'version':2"), MESSAGE("z1", "null", U("hi"))
		LINE("message", "z2", "'z1'", ",'message':{'role':'hookMessage','content':'h'}") },
	{ "version 1", H1, V1("message", ",'message':" U("hi"))
		V1("compaction", ",'summary':'S','firstKeptEntryIndex':3,'tokensBefore':9") "\n"
		V1("message", ",'message':" A("ho")) "{'type':'session','id':'x'}\n"
		V1("message", ",'message':" U("again")) },
	{ "duplicates", HEAD, MESSAGE("z1", "null", U("a")) MESSAGE("z2", "'z1'", A("b"))
		MESSAGE("z1", "'z2'", U("c")) MESSAGE("z3", "'z1'", A("d"))
		MESSAGE("z3", "'z1'", A("e")) },
	{ "orphans", HEAD, MESSAGE("z1", "'gone'", U("a")) MESSAGE("z2", "'z1'", A("b"))
		MESSAGE("z3", "'later'", U("c")) MESSAGE("z4", "''", U("d"))
		MESSAGE("z5", "'gone'", U("e")) },
	{ "parents that come late", HEAD, MESSAGE("z1", "'z2'", U("a"))
		MESSAGE("z2", "null", U("b")) MESSAGE("z3", "'z1'", U("c")) },
	{ "loops", HEAD, MESSAGE("z1", "'z2'", U("a")) MESSAGE("z2", "'z1'", U("b"))
		MESSAGE("z3", "'z3'", U("c")) MESSAGE("z4", "'z2'", U("d")) },
	{ "no ids", HEAD, "{'type':'message','message':" U("a") "}\n"
		LINE("message", "", "null", ",'message':" U("b"))
		"{'type':'message','id':7,'parentId':'z9','message':" U("c") "}\n" },
	{ "findings", "\n  \nnot json\n" HEAD, "{'type':'x'}{'type':'y'}\n"
		MESSAGE("z1", "null", U("a\xff" "b")) "{'torn\n[1]\n7\n" HEAD
		LINE("message", "z2", "'z1'", ",'timestamp':'soon'") "\r\n\t\n"
		LINE("label", "z3", "'z1'", ",'targetId':'nobody','label':'L'") },
	{ "labels and names", HEAD, MESSAGE("z1", "null", U("a"))
		LINE("label", "z2", "'z1'", ",'targetId':'z1','label':'one'")
		LINE("session_info", "z3", "'z2'", ",'name':'first'")
		LINE("label", "z4", "'z3'", ",'targetId':'z1'")
		LINE("label", "z5", "'z4'", ",'targetId':'z1','label':'two'")
		LINE("session_info", "z6", "'z5'", ",'name':'second'") },
	{ "context", HEAD, MESSAGE("z1", "null", U("a"))
		LINE("model_change", "z2", "'z1'", ",'provider':'p','modelId':'m'")
		LINE("thinking_level_change", "z3", "'z2'", ",'thinkingLevel':'high'")
		MESSAGE("z4", "'z3'", A("b")) MESSAGE("z5", "'z4'", U("c"))
		LINE("compaction", "z6", "'z5'",
		     ",'summary':'S','firstKeptEntryId':'z4','tokensBefore':9")
		LINE("context_edit", "z7", "'z6'", ",'targetId':'z5','replacement':null")
		LINE("branch_summary", "z8", "'z1'", ",'fromId':'z7','summary':'B'")
		MESSAGE("z9", "'z8'", U("d")) },
	{ NULL, NULL, NULL },
};

static void add_padding(struct ramet_buf *b, int version, unsigned n, unsigned len)
{
	unsigned i, k;

	for (i = 0; i < n; i++) {
		ramet_buf_add_str(b, "{\"type\":\"message\",");
		if (version > 1 && i)
			ramet_buf_addf(b, "\"id\":\"p%u\",\"parentId\":\"p%u\",", i, i - 1);
		else if (version > 1)
			ramet_buf_add_str(b, "\"id\":\"p0\",\"parentId\":null,");
		ramet_buf_add_str(b, "\"timestamp\":\"2026-03-01T10:00:00.000Z\",");
		ramet_buf_addf(b, "\"message\":{\"role\":\"%s\",\"content\":\"%u ",
			       i % 2 ? "toolResult" : "user", i);
		for (k = 0; k < len; k++)
			ramet_buf_add_char(b, (char)('a' + (i + k * 7) % 26));
		ramet_buf_add_str(b, "\"}}\n");
	}
}

void make_session(const char *path, const struct shape *shape, unsigned n, unsigned len)
{
	struct ramet_buf b = RAMET_BUF_INIT((size_t)1 << 30);

	ramet_buf_add(&b, js(shape->header));
	add_padding(&b, strstr(shape->header, "version") ? 3 : 1, n, len);
	ramet_buf_add(&b, js(shape->lines));
	assert_int_equal(ramet_buf_status(&b), 0);
	put_bytes(path, ramet_buf_bytes(&b));
	ramet_buf_release(&b);
}

void make_shape(const char *path, const struct shape *shape)
{
	make_session(path, shape, 100, 2700);
}

void add_many(const char *path, unsigned n, unsigned first)
{
	struct ramet_buf b = RAMET_BUF_INIT((size_t)1 << 30);
	static const char *const kinds[] = { "\"label\",\"targetId\":\"p1\",\"label\":\"x\"",
					     "\"session_info\",\"name\":\"x\"",
					     "\"custom\",\"customType\":\"x\"" };
	FILE *f = fopen(path, "ab");
	unsigned i;

	assert_non_null(f);
	for (i = first; i < first + n; i++)
		ramet_buf_addf(&b, "%s{\"type\":%s,\"id\":\"m%u\",\"parentId\":\"%s%u\","
				   "\"timestamp\":\"2026-03-01T10:00:00.000Z\"}\n",
			       i % 5 ? "" : "\n", kinds[i % 3], i, i == first ? "p" : "m",
			       i == first ? 3 : i - 1);
	assert_int_equal(fwrite(b.ptr, 1, b.len, f), b.len);
	assert_int_equal(fclose(f), 0);
	ramet_buf_release(&b);
}

/* ---- reading ---- */

struct ramet_session *scanned(const char *path)
{
	const struct ramet_open_opts opts = { .no_cache = 1 };
	struct ramet_session *s = NULL;

	must(ramet_session_open(&s, path, &opts, &why));
	return s;
}

int from_index(const struct ramet_session *s)
{
	return s->reader.tree->proof != NULL;
}

static int report_findings(const struct ramet_session *s, struct ramet_buf *out,
			   struct ramet_error *err)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	int r = ramet_session_check(s, &f, err);

	if (!r)
		r = ramet_report_findings(&f, out, err);
	ramet_buf_addf(out, "%llu", (unsigned long long)f.n_dropped);
	ramet_findings_release(&f);
	return r;
}

static int report_context(const struct ramet_session *s, struct ramet_buf *out,
			  struct ramet_error *err)
{
	struct ramet_context *c = NULL;
	int r = ramet_context_new(&c, ramet_session_tree(s), ramet_session_leaf(s), err);

	if (!r)
		r = ramet_context_write(c, out, err);
	ramet_context_free(c);
	return r;
}

static int report_entries(const struct ramet_session *s, struct ramet_buf *out,
			  struct ramet_error *err)
{
	uint32_t next = 0;
	int r = 0;

	while (!r && next != RAMET_NONE)
		r = ramet_report_entries(s, next, 1 << 20, out, &next, err);
	return r;
}

static int report_labels(const struct ramet_session *s, struct ramet_buf *out,
			 struct ramet_error *err)
{
	struct ramet_labels labels = RAMET_LABELS_INIT;
	int r = ramet_tree_labels(ramet_session_tree(s), &labels, err);
	uint32_t i;

	for (i = 0; !r && i < labels.n; i++)
		ramet_buf_addf(out, "%u %.*s ", (unsigned)labels.items[i].target_row,
			       RAMET_FMT(labels.items[i].text));
	ramet_labels_release(&labels);
	return r;
}

static int report_name(const struct ramet_session *s, struct ramet_buf *out,
		       struct ramet_error *err)
{
	int r = ramet_tree_name(ramet_session_tree(s), out, err);

	return r < 0 ? r : 0;
}

static int report_path(const struct ramet_session *s, struct ramet_buf *out,
		       struct ramet_error *err)
{
	return ramet_report_path(s, ramet_session_leaf(s), out, err);
}

int report_one(const struct ramet_session *s, unsigned which, struct ramet_buf *out,
	       struct ramet_error *err)
{
	static int (*const reports[N_REPORTS])(const struct ramet_session *, struct ramet_buf *,
				      struct ramet_error *) = {
		ramet_report_info, report_path, report_context, ramet_report_tree,
		ramet_report_branches, ramet_report_stats, ramet_report_fork_messages,
		report_findings, report_entries, report_labels, report_name,
	};
	int r = reports[which](s, out, err);

	ramet_buf_add_char(out, '\n');
	return r < 0 ? r : ramet_buf_status(out);
}

int report_all(const struct ramet_session *s, struct ramet_buf *out, struct ramet_error *err)
{
	unsigned i;
	int r = 0;

	ramet_buf_addf(out, "%u ", (unsigned)ramet_session_leaf(s));
	for (i = 0; !r && i < N_REPORTS; i++)
		r = report_one(s, i, out, err);
	return r;
}

static void same_reports(const struct ramet_session *a, const struct ramet_session *b)
{
	struct ramet_buf x = RAMET_BUF_INIT((size_t)1 << 30), y = RAMET_BUF_INIT((size_t)1 << 30);

	must(report_all(a, &x, &why));
	must(report_all(b, &y, &why));
	if (!ramet_bytes_eq(ramet_buf_bytes(&x), ramet_buf_bytes(&y)))
		fail_msg("reports differ: %.2000s\n%.2000s", x.ptr, y.ptr);
	ramet_buf_release(&x);
	ramet_buf_release(&y);
}

static void same_reader(const struct rameti_reader *a, const struct rameti_reader *b)
{
	uint32_t i;

	assert_int_equal(a->n_lines, b->n_lines);
	assert_int_equal(a->prev, b->prev);
	assert_int_equal(a->n_blank, b->n_blank);
	assert_int_equal(a->n_crlf, b->n_crlf);
	assert_int_equal(a->n_listed, b->n_listed);
	if (a->n_listed)
		assert_memory_equal(a->listed, b->listed, a->n_listed * sizeof(*a->listed));
	assert_int_equal(a->header.line, b->header.line);
	assert_int_equal(a->header.offset, b->header.offset);
	assert_int_equal(a->header.length, b->header.length);
	for (i = 0; i < ramet_tree_count(a->tree); i++)
		assert_int_equal(rameti_tree_line(a->tree, i), rameti_tree_line(b->tree, i));
}

void assert_as_scanned(const struct ramet_session *s)
{
	struct ramet_session *fresh = scanned(ramet_session_path(s));

	assert_int_equal(ramet_session_leaf(s), ramet_session_leaf(fresh));
	assert_int_equal(s->has_talk, fresh->has_talk);
	assert_int_equal(s->source.size, fresh->source.size);
	same_reader(&s->reader, &fresh->reader);
	same_reports(s, fresh);
	assert_same_state(s, fresh);
	assert_false(rameti_tree_broken(s->reader.tree));
	ramet_session_close(fresh);
}

static void opens(const char *path, int indexed)
{
	struct ramet_session *s = opened(path);

	assert_int_equal(from_index(s), indexed);
	assert_as_scanned(s);
	ramet_session_close(s);
}

void assert_opens_from_index(const char *path)
{
	opens(path, 1);
}

void assert_opens_by_scan(const char *path)
{
	opens(path, 0);
}

void make_index(const char *path)
{
	ramet_session_close(opened(path));
	assert_string_not_equal(indexed_file(path), "");
}
