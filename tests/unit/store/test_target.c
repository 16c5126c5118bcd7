/*
 * target.c: a session of any format made of entries and lines; that what is counted is what
 * reading finds, whether it is written or not, and what is left when that fails.
 */
#include "faulty.h"
#include "scenes.h"
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/error.h"
#include "store/target.h"

#define UUID "01a01180-11e8-7201-80c0-ffee00000001"
#define GG_ID "20260822-140000-00000000000000aa"
#define AT "2026-03-01T10:00:01.000Z"
#define ENTRY(type, id, parent, more)                                                              \
	"{\"type\":\"" type "\",\"id\":\"" id "\",\"parentId\":" parent ",\"timestamp\":\"" AT     \
	"\"," more "}"

struct kind {
	const char *format, *place, *id; /* place: a directory, but for homes */
	const char *line; /* one of the format's own lines, to stand between entries */
};

static const struct kind kinds[] = {
	{ "pi", "pi", "s1", ENTRY("custom", "l1", "null", "\"customType\":\"x\",\"data\":{}") },
	{ "pirust", "pirust", UUID,
	  ENTRY("custom", "l1", "null", "\"customType\":\"x\",\"data\":{}") },
	{ "ggcode", "ggcode", GG_ID,
	  "{\"type\":\"tunnel_event\",\"session_id\":\"" GG_ID "\",\"tunnel_event\":{}}" },
	{ "yoi", "yoi", UUID,
	  "{\"ts\":1772359201000,\"kind\":\"extension\",\"domain\":\"x\",\"payload\":{}}" },
	{ "ckptmgr", "state.json", "s1", NULL },
	{ "sqlite", "db.sqlite", "s1", NULL },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

enum mode { FILES, DRY, MEMORY, N_MODES };

struct made {
	uint32_t rows;
	uint64_t size;
	char path[2 * TEMP_PATH];
};

static const char *const entries[] = {
	ENTRY("message", "m1", "null", "\"message\":{\"role\":\"user\",\"content\":\"one\"}"),
	ENTRY("message", "m2", "\"m1\"",
	      "\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\","
	      "\"text\":\"two\"}]}"),
	ENTRY("custom", "c1", "\"m2\"", "\"customType\":\"mine\",\"data\":[1]"),
	/* a member in another place, none that says the parent near the start */
	"{\"id\":\"n1\",\"type\":\"session_info\",\"name\":\"n\",\"parentId\":\"c1\","
	"\"timestamp\":\"" AT "\"}",
	ENTRY("label", "b1", "\"n1\"", "\"targetId\":\"m1\",\"label\":\"x\""),
	"{\"type\":\"custom\"}",
};
#define N_ENTRIES (sizeof(entries) / sizeof(entries[0]))

static int add_all(struct rameti_target *t, const struct kind *k, const char *more,
		   struct ramet_error *err)
{
	struct rameti_draft d = { .type = raw("custom"), .id = raw("k1"), .parent = raw("b1") };
	size_t i;
	int r = 0;

	for (i = 0; r >= 0 && i < N_ENTRIES; i++) {
		r = rameti_target_entry(t, raw(entries[i]), err);
		if (r >= 0 && i == 1 && k->line)
			r = rameti_target_line(t, raw(k->line), err);
		if (r >= 0 && i == 2 && more)
			r = rameti_target_entry(t, raw(more), err);
	}
	if (r < 0)
		return r;
	d.members = raw("\"customType\":\"ramet.raw\",\"data\":{\"format\":\"x\",\"entries\":0,"
			"\"record\":\"y\"}");
	d.timestamp = raw("\"" AT "\"");
	t->settled = 1;
	r = rameti_target_carry(t, &d, 1772359201000, err);
	if (r >= 0 && more)
		r = rameti_target_entry(t, raw(more), err);
	return r < 0 ? r : 0;
}

/* more: an entry that is large, or NULL. */
static int make_it(const struct kind *k, enum mode mode, const char *more, struct made *made,
		   struct ramet_error *err)
{
	struct rameti_target_opts opts = { .format = k->format, .sync = 1 };
	struct rameti_draft_header h = { .time_ms = 1772359200000 };
	struct ramet_buf path = RAMET_BUF_INIT(1 << 16);
	struct rameti_target t;
	int r;

	h.id = raw(k->id);
	h.cwd = raw("/w");
	opts.place = scene_path(k->place);
	opts.dry = mode == DRY;
	opts.memory = mode == MEMORY;
	r = rameti_target_begin(&t, &opts, &h, raw(NULL), err);
	if (!r)
		r = add_all(&t, k, more, err);
	if (!r)
		r = rameti_target_end(&t, &path, err);
	made->rows = t.rows;
	made->size = t.size;
	(void)snprintf(made->path, sizeof(made->path), "%s", path.ptr ? path.ptr : "");
	rameti_target_release(&t);
	ramet_buf_release(&path);
	return r;
}

static void have_places(void)
{
	static const char *const vars[] = {
		"YOI_DATA_DIR",	 "YOI_HOME",	  "INSOMNIA_DATA_DIR",
		"INSOMNIA_HOME", "XDG_DATA_HOME", "PI_CODING_AGENT_DIR"
	};
	size_t i;

	for (i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		(void)unsetenv(vars[i]);
	(void)setenv("HOME", scene_dir, 1);
	temp_mkdir(scene_dir, "pi");
	temp_mkdir(scene_dir, "pirust");
	temp_mkdir(scene_dir, "ggcode");
	temp_mkdir(scene_dir, "yoi");
}

static uint32_t rows_in(const struct made *made, const char *format)
{
	struct ramet_open_opts opts = { .no_cache = 1 };
	struct ramet_session *s = NULL;
	uint32_t n;

	must(ramet_session_open(&s, made->path, &opts, &why));
	assert_string_equal(ramet_session_format(s), format);
	n = ramet_tree_count(ramet_session_tree(s));
	ramet_session_close(s);
	return n;
}

/* An entry of some more bytes than are kept before they are written. */
static char *large_entry(void)
{
	static const char start[] = "{\"type\":\"message\",\"id\":\"g1\",\"parentId\":\"c1\","
				    "\"timestamp\":\"" AT "\",\"message\":{\"role\":\"user\","
				    "\"content\":\"",
			  end[] = "\"}}";
	size_t len = (size_t)3 << 19;
	char *text = malloc(len + sizeof(start) + sizeof(end));

	assert_non_null(text);
	memcpy(text, start, sizeof(start) - 1);
	memset(text + sizeof(start) - 1, 'x', len);
	memcpy(text + sizeof(start) - 1 + len, end, sizeof(end));
	return text;
}

static void target__counts_what_reading_finds(void **state)
{
	char *large = large_entry();
	size_t i;
	int big;

	(void)state;
	have_places();
	for (i = 0; i < N_KINDS; i++)
		for (big = 0; big < 2; big++) {
			struct made made[N_MODES];
			struct kind k = kinds[i];
			int mode;

			if (big) {
				char *id = strdup(k.id);

				id[0] = *id == 's' ? 't' : '1'; /* another session */
				k.id = id;
				k.line = strcmp(k.format, "ggcode") ? k.line : NULL;
			}
			for (mode = N_MODES; mode-- > 0;)
				must(make_it(&k, (enum mode)mode, big ? large : NULL, &made[mode],
					     &why));
			assert_string_equal(made[DRY].path, "");
			assert_int_equal(made[FILES].rows, made[DRY].rows);
			assert_int_equal(made[FILES].rows, made[MEMORY].rows);
			if (strcmp(k.format, "yoi") != 0) /* its lines say when they are made */
				assert_int_equal(made[FILES].size, made[DRY].size);
			if (!big)
				assert_int_equal(rows_in(&made[FILES], k.format), made[FILES].rows);
			refused(make_it(&k, FILES, NULL, &made[FILES], &why), RAMET_ECONFLICT);
			if (big)
				free((void *)(uintptr_t)k.id);
		}
	free(large);
}

/* What a file of the format itself starts with is looked at as far as that is needed. */
static void target__goes_on_behind_many_lines(void **state)
{
	struct rameti_target_opts opts = { .format = "yoi", .memory = 1, .as_stored = 1 };
	struct rameti_draft_header h = { .id = raw(UUID) };
	struct ramet_buf path = RAMET_BUF_INIT(1 << 16);
	struct rameti_target t;
	char line[3000];
	int i;

	(void)state;
	have_places();
	(void)snprintf(line, sizeof(line),
		       "{\"ts\":1,\"kind\":\"extension\",\"domain\":\"x\","
		       "\"payload\":{\"y\":\"%0*d\"}}",
		       2500, 0);
	must(rameti_target_begin(&t, &opts, &h, raw(NULL), &why));
	must(rameti_target_line(&t,
				raw("{\"ts\":1,\"kind\":\"segment_start\",\"session_id\":\"" UUID
				    "\",\"config\":{}}"),
				&why));
	for (i = 0; i < 40; i++)
		must(rameti_target_line(&t, raw(line), &why));
	assert_true(rameti_target_entry(&t, raw(entries[0]), &why) >= 0);
	must(rameti_target_end(&t, &path, &why));
	assert_non_null(memmem(t.out.ptr, t.out.len, "\"one\"", 5));
	rameti_target_release(&t);
	ramet_buf_release(&path);
}

static void target__says_what_it_needs(void **state)
{
	struct rameti_target_opts opts = { .format = "ckptmgr" };
	struct rameti_draft_header h = { .id = raw("s1"), .cwd = raw("/w") };
	struct rameti_target t;
	struct made made;
	struct kind k = kinds[4];

	(void)state;
	have_places();
	refused(rameti_target_begin(&t, &opts, &h, raw(NULL), &why), RAMET_EINVAL);
	rameti_target_release(&t);
	opts.format = "nobody's";
	refused(rameti_target_begin(&t, &opts, &h, raw(NULL), &why), RAMET_EINVAL);
	rameti_target_release(&t);
	/* with its scheme, too */
	k.place = "x";
	must(make_it(&k, FILES, NULL, &made, &why));
	assert_int_equal(strncmp(made.path, "ckptmgr:/", 9), 0);
	/* where the program itself keeps them */
	opts.format = "pi";
	must(rameti_target_begin(&t, &opts, &h, raw(NULL), &why));
	assert_non_null(strstr(t.path.ptr, "/.pi/agent/sessions/--w--/"));
	rameti_target_release(&t);
	opts.format = "ggcode";
	must(rameti_target_begin(&t, &opts, &h, raw(NULL), &why));
	assert_non_null(strstr(t.path.ptr, "/.ggcode/sessions/s1.jsonl"));
	rameti_target_release(&t);
	assert_false(exists(temp_path(scene_dir, ".ggcode/sessions/s1.jsonl")));
}

static void says_parent__near_the_start(void **state)
{
	static const struct {
		const char *entry;
		int says;
	} cases[] = {
		{ "{\"type\":\"x\",\"id\":\"y\",\"parentId\":null}", 1 },
		{ "{\"type\":\"x\",\"id\":\"y\",\"parentId\":\"z\"}", 1 },
		{ "{\"type\":\"x\",\"id\":\"y\"}", 0 },
		{ "{\"type\":\"x\"}", 0 },
		{ "{\"type\":\"x", 0 },
		{ "{\"type\":\"x\",\"id\":\"y", 0 },
		{ "{\"id\":\"y\",\"parentId\":null}", 1 },
		{ "{}", 0 },
		{ "", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(rameti_target_says_parent(raw(cases[i].entry)), cases[i].says);
}

/* ---- what fails ---- */

static int make_kind(size_t i, enum mode mode, struct ramet_error *err)
{
	struct made made;
	int r = make_it(&kinds[i], mode, NULL, &made, err);

	if (!r)
		scene_says("%u", made.rows);
	return r;
}

#define MAKES(name, i, mode)                                                                       \
	static int name(struct ramet_error *err)                                                   \
	{                                                                                          \
		return make_kind(i, mode, err);                                                    \
	}

MAKES(make_pi, 0, FILES)
MAKES(make_pirust, 1, FILES)
MAKES(make_ggcode, 2, FILES)
MAKES(make_yoi, 3, FILES)
MAKES(make_ckptmgr, 4, FILES)
MAKES(make_dry, 2, DRY)
MAKES(make_in_memory, 3, MEMORY)

/* In pi's own directory. */
static int make_usual(struct ramet_error *err)
{
	struct rameti_target_opts opts = { .format = "pi" };
	struct rameti_draft_header h = { .time_ms = 1772359200000 };
	struct ramet_buf path = RAMET_BUF_INIT(1 << 16);
	struct rameti_target t;
	int r;

	h.id = raw("s1");
	h.cwd = raw("/w");
	r = rameti_target_begin(&t, &opts, &h, raw(NULL), err);
	if (!r)
		r = rameti_target_end(&t, &path, err);
	rameti_target_release(&t);
	ramet_buf_release(&path);
	return r;
}

static const struct scene scenes[] = {
	{ "pi", have_places, make_pi, 0, 0, 0 },
	{ "pirust", have_places, make_pirust, 0, 1, 0 },
	{ "ggcode", have_places, make_ggcode, 0, 0, 0 },
	{ "yoi", have_places, make_yoi, 0, 1, 0 },
	{ "ckptmgr", have_places, make_ckptmgr, 0, 0, 0 },
	{ "dry", have_places, make_dry, 0, 0, 0 },
	{ "in memory", have_places, make_in_memory, 0, 0, 0 },
	{ "where pi has them", have_places, make_usual, 0, 1, 0 },
};
#define N_SCENES (sizeof(scenes) / sizeof(scenes[0]))

static void target__without_memory_leaves_nothing(void **state)
{
	(void)state;
	scenes_without_memory(scenes, N_SCENES);
}

static void target__leaves_nothing_when_calls_fail(void **state)
{
	static const int errors[] = { EIO };

	(void)state;
	scenes_without_calls(scenes, N_SCENES, errors, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)
/* ---- entries that are written apart ---- */

static const char *const messages[] = {
	"\"role\":\"user\",\"content\":\"one\"",
	"\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image\","
	"\"data\":\"AA==\",\"mimeType\":\"image/png\"}],\"timestamp\":7",
	"\"role\":\"assistant\",\"content\":[{\"type\":\"toolCall\",\"id\":\"t\",\"name\":\"ls\","
	"\"arguments\":{}}],\"usage\":{\"input\":1,\"output\":2},\"stopReason\":\"toolUse\"",
	"\"role\":\"toolResult\",\"toolCallId\":\"t\",\"toolName\":\"ls\",\"content\":[{\"type\":"
	"\"text\",\"text\":\"x\"}],\"isError\":false",
	"\"role\":\"system\",\"content\":\"be good\"",
	"\"role\":\"system\",\"content\":\"p\",\"sections\":{\"a\":\"1\"}",
	"\"role\":\"bashExecution\",\"command\":\"ls\",\"output\":\"x\",\"exitCode\":0",
	"\"role\":\"custom\",\"customType\":\"x\",\"content\":\"y\",\"display\":true",
	"\"role\":\"user\",\"content\":7",
	"\"role\":\"assistant\",\"content\":[],\"mine\":{\"role\":[1,2]}",
	"\"no\":1",
};
#define N_MESSAGES (sizeof(messages) / sizeof(messages[0]))

static int write_both(struct rameti_target t[2], struct rameti_target_aside *a, const char *entry)
{
	struct ramet_buf lines = RAMET_BUF_INIT(1 << 20);
	struct rameti_apart is;
	int apart, said[2];

	ramet_buf_add_str(&lines, "before\n");
	apart = a ? rameti_target_aside_entry(a, raw(entry), &lines, &is) : 0;
	said[0] = rameti_target_entry(&t[0], raw(entry), &why);
	if (apart)
		said[1] = rameti_target_apart(&t[1], raw(entry),
					      raw(lines.ptr + strlen("before\n")), &is, &why);
	else
		said[1] = rameti_target_entry(&t[1], raw(entry), &why);
	assert_int_equal(said[0], said[1]);
	assert_true(apart || lines.len == strlen("before\n"));
	ramet_buf_release(&lines);
	return apart;
}

/* With what goes through its turn in between: a compaction names them, a line is gone on behind. */
static int write_many(struct rameti_target t[2], const struct kind *k,
		      struct rameti_target_aside *a)
{
	char entry[1024];
	int apart = 0, n;
	size_t i;

	for (n = 0; n < 3; n++) {
		for (i = 0; i < N_MESSAGES; i++) {
			(void)snprintf(entry, sizeof(entry),
				       "{\"type\":\"message\",\"id\":\"m%d%zu\",\"parentId\":null,"
				       "\"timestamp\":\"" AT "\",\"message\":{%s}}",
				       n, i, messages[i]);
			apart += write_both(t, a, entry);
		}
		apart += write_both(t, a, entries[2]);
		(void)snprintf(entry, sizeof(entry),
			       "{\"type\":\"compaction\",\"id\":\"c%d\",\"parentId\":\"m%d1\","
			       "\"timestamp\":\"" AT "\",\"summary\":\"s\",\"firstKeptEntryId\":"
			       "\"m%d2\",\"tokensBefore\":9}", n, n, n);
		apart += write_both(t, a, entry);
		for (i = 0; n == 1 && k->line && i < 2; i++)
			must(rameti_target_line(&t[i], raw(k->line), &why));
	}
	return apart;
}

static void target__takes_entries_that_were_written_apart(void **state)
{
	struct rameti_target_opts opts = { .memory = 1 };
	struct rameti_draft_header h = { .time_ms = 1772359200000, .cwd = raw("/w") };
	struct rameti_target_aside a;
	struct rameti_target t[2];
	int can, apart, n;
	size_t i;

	(void)state;
	have_places();
	for (i = 0; i < N_KINDS; i++) {
		opts.format = kinds[i].format;
		h.id = raw(kinds[i].id);
		for (n = 0; n < 2; n++)
			must(rameti_target_begin(&t[n], &opts, &h, raw(NULL), &why));
		can = rameti_target_aside_init(&a, &t[1]);
		apart = write_many(t, &kinds[i], can ? &a : NULL);
		/* what is pi's already goes on as it is */
		assert_int_equal(apart > 3, t[1].codec != &rameti_codec_pi);
		assert_true(ramet_bytes_eq(ramet_buf_bytes(&t[0].out), ramet_buf_bytes(&t[1].out)));
		assert_int_equal(t[0].rows, t[1].rows);
		rameti_target_aside_release(&a);
		for (n = 0; n < 2; n++)
			rameti_target_release(&t[n]);
	}
}

/* Then they wait for their turn, and nothing was added. */
static void target__writes_nothing_apart_without_memory(void **state)
{
	static const char before[] = "before\n",
			  entry[] = ENTRY("message", "m1", "null",
					  "\"message\":{\"role\":\"user\",\"content\":\"one\"}");
	struct rameti_target_opts opts = { .memory = 1 };
	struct rameti_draft_header h = { .time_ms = 1772359200000, .cwd = raw("/w") };
	struct ramet_buf lines = RAMET_BUF_INIT(1 << 20);
	struct rameti_target_aside a;
	struct rameti_target t;
	struct rameti_apart is;
	unsigned n, reached;
	size_t i, len = 0;
	int can;

	(void)state;
	have_places();
	for (i = 1; i < 4; i++) {
		opts.format = kinds[i].format;
		h.id = raw(kinds[i].id);
		must(rameti_target_begin(&t, &opts, &h, raw(NULL), &why));
		for (n = 0, reached = 1; reached || n == 1; n++) { /* 0: nothing fails */
			ramet_buf_reset(&lines);
			ramet_buf_add_str(&lines, before);
			scarce_start(n);
			can = rameti_target_aside_init(&a, &t);
			can = can && rameti_target_aside_entry(&a, raw(entry), &lines, &is);
			reached = (unsigned)scarce_stop();
			assert_true(can || reached);
			assert_memory_equal(lines.ptr, before, sizeof(before) - 1);
			len = n ? len : lines.len;
			assert_int_equal(lines.len, can ? len : sizeof(before) - 1);
			rameti_target_aside_release(&a);
		}
		assert_true(n > 3);
		rameti_target_release(&t);
		ramet_buf_release(&lines);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(target__counts_what_reading_finds),
		T(target__goes_on_behind_many_lines),
		T(target__says_what_it_needs),
		T(says_parent__near_the_start),
		T(target__without_memory_leaves_nothing),
		T(target__leaves_nothing_when_calls_fail),
		T(target__takes_entries_that_were_written_apart),
		T(target__writes_nothing_apart_without_memory),
	};

	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
