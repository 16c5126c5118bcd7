/*
 * layout_ggcode_search.c, _title.c, _export.c, and the trimming and working directories of
 * layout_ggcode.c: what becomes of texts of every kind.
 */
#include "failing.h"
#include "temp_dir.h"
#include "written.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "ramet/ggcode.h"

static char *dir;

static int begin(void **state)
{
	(void)state;
	dir = temp_dir_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	rameti_env_use(NULL);
	temp_dir_remove(dir);
	return 0;
}

/* ---- search ---- */

/* A session with one message for each text; n seconds apart, the first at second `from`. */
static void write_session(const char *id, const char *const *texts, size_t n, unsigned from)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);
	char name[200];
	size_t i;

	for (i = 0; i < n; i++) {
		ramet_buf_add_str(&b, "{\"type\":\"message\",\"message\":{\"role\":\"user\","
				      "\"content\":[{\"type\":\"text\",\"text\":");
		ramet_buf_add_json_string(&b, ramet_bytes_of(texts[i]));
		ramet_buf_addf(&b, "}]},\"timestamp\":\"2026-08-22T14:00:%02uZ\"}\n",
			       from + (unsigned)i);
	}
	(void)snprintf(name, sizeof(name), "%s.jsonl", id);
	put_bytes(temp_path(dir, name), ramet_buf_bytes(&b));
	ramet_buf_release(&b);
}

static uint32_t hits_of(const char *query, char snippet[1000])
{
	struct ramet_ggcode_hits hits = RAMET_GGCODE_HITS_INIT;
	uint32_t n;

	must(ramet_ggcode_search(dir, ramet_bytes_of(query), 0, &hits, &why));
	n = hits.n;
	if (n && snippet)
		(void)snprintf(snippet, 1000, "%.*s", RAMET_FMT(hits.items[0].snippet));
	ramet_ggcode_hits_release(&hits);
	return n;
}

/* A character as UTF-8, between two others so that nothing is trimmed. */
static const char *utf8(uint32_t c, char out[8])
{
	int n = 0;

	out[n++] = '<';
	if (c < 0x80) {
		out[n++] = (char)c;
	} else if (c < 0x800) {
		out[n++] = (char)(0xc0 | c >> 6);
		out[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		out[n++] = (char)(0xe0 | c >> 12);
		out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		out[n++] = (char)(0x80 | (c & 0x3f));
	}
	out[n++] = '>';
	out[n] = '\0';
	return out;
}

static void search__ignores_case_of_letters_alone(void **state)
{
	static const struct {
		uint32_t upper, lower; /* equal: the character has no case */
	} pairs[] = {
		{ 'A', 'a' },	    { 'Z', 'z' },	{ '@', '@' },	    { '[', '[' },
		{ 0xa1, 0xa1 },	    { 0xc0, 0xe0 },	{ 0xde, 0xfe },	    { 0xd7, 0xd7 },
		{ 0xf7, 0xf7 },	    { 0xdf, 0xdf },	{ 0x100, 0x101 },   { 0x12e, 0x12f },
		{ 0x130, 0x130 },   { 0x132, 0x133 },	{ 0x136, 0x137 },   { 0x138, 0x138 },
		{ 0x139, 0x13a },   { 0x147, 0x148 },	{ 0x149, 0x149 },   { 0x14a, 0x14b },
		{ 0x176, 0x177 },   { 0x178, 0x178 },	{ 0x179, 0x17a },   { 0x17d, 0x17e },
		{ 0x17f, 0x17f },   { 0x23a, 0x2c65 },	{ 0x390, 0x390 },   { 0x391, 0x3b1 },
		{ 0x3a2, 0x3a2 },   { 0x3a9, 0x3c9 },	{ 0x3aa, 0x3aa },   { 0x400, 0x450 },
		{ 0x40f, 0x45f },   { 0x410, 0x430 },	{ 0x42f, 0x44f },   { 0x460, 0x461 },
		{ 0x480, 0x481 },   { 0x482, 0x482 },	{ 0x48a, 0x48b },   { 0x4be, 0x4bf },
		{ 0x4c0, 0x4c0 },   { 0x4d0, 0x4d1 },	{ 0x52e, 0x52f },   { 0x530, 0x530 },
		{ 0x1dff, 0x1dff }, { 0x1e00, 0x1e01 }, { 0x1e94, 0x1e95 }, { 0x1e96, 0x1e96 },
		{ 0x1ea0, 0x1ea1 }, { 0x1efe, 0x1eff }, { 0x1f00, 0x1f00 }, { 0xff20, 0xff20 },
		{ 0xff21, 0xff41 }, { 0xff3a, 0xff5a }, { 0xff3b, 0xff3b },
	};
	char text[8], query[8], next[8];
	const char *texts[1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		texts[0] = utf8(pairs[i].upper, text);
		write_session("s", texts, 1, 0);
		if (hits_of(utf8(pairs[i].lower, query), NULL) != 1)
			fail_msg("U+%04x is not found by U+%04x", pairs[i].upper, pairs[i].lower);
		assert_int_equal(hits_of(utf8(pairs[i].lower + 2, next), NULL), 0);
		texts[0] = utf8(pairs[i].lower, text);
		write_session("s", texts, 1, 0);
		assert_int_equal(hits_of(utf8(pairs[i].upper, query), NULL), 1);
	}
}

static void search__takes_bytes_that_are_no_text_as_they_are(void **state)
{
	struct ramet_ggcode_hits hits = RAMET_GGCODE_HITS_INIT;
	const char *texts[] = { "plain" };

	(void)state;
	write_session("s", texts, 1, 0);
	assert_int_equal(hits_of("\xff\xc3", NULL), 0);
	assert_int_equal(hits_of("  ", NULL), 0);
	assert_int_equal(hits_of("plainer", NULL), 0);
	must(ramet_ggcode_search(dir, raw("LAIN"), 1, &hits, &why));
	assert_int_equal(hits.n, 1);
	ramet_ggcode_hits_release(&hits);
}

#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10
#define X150 X50 X50 X50
#define E50                                                                                        \
	"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"         \
	"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"         \
	"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"         \
	"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"         \
	"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"

static void search__cuts_snippets_between_characters(void **state)
{
	static const struct {
		const char *text, *query, *snippet;
	} cases[] = {
		{ "one\r\ntwo", "ONE", "one two" },
		{ X150 " needle " X150, "needle",
		  "..." X50 X10 X10 X10 X10 "xxxxxx needle " X50 X10 X10 X10 X10 "xxxxxx..." },
		{ "needle " X150, "needle", "needle " X50 X10 X10 X10 X10 "xxxxxx..." },
		{ X150 " needle", "needle", "..." X50 X10 X10 X10 X10 "xxxxxx needle" },
		{ X150 X50 X10, X150 X50 X10, X150 X50 X10 },
		{ "-" X150 X50 X10 "-", X150 X50 X10, "..." X150 X50 X10 "..." },
	};
	char snippet[1000];
	const char *texts[1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		texts[0] = cases[i].text;
		write_session("s", texts, 1, 0);
		assert_int_equal(hits_of(cases[i].query, snippet), 1);
		assert_string_equal(snippet, cases[i].snippet);
	}
	/* 97 bytes on each side: a character would be cut */
	texts[0] = E50 E50 "needle" E50 E50;
	write_session("s", texts, 1, 0);
	assert_int_equal(hits_of("needle", snippet), 1);
	assert_int_equal(strlen(snippet), 3 + 96 + 6 + 96 + 3);
	assert_memory_equal(snippet, "...\xc3\xa9", 5);
}

/* Newest first; at the same time by session, then in the order they were said. */
static void search__sorts_what_it_finds(void **state)
{
	static const char *const texts[] = { "word 1", "word 2", "word 3", "word 4" };
	static const char *const order[] = { "b word 3", "a word 4", "b word 2", "a word 3",
					     "b word 1", "c word 1", "a word 2", "a word 1" };
	struct ramet_ggcode_hits hits = RAMET_GGCODE_HITS_INIT;
	char got[100];
	uint32_t i;

	(void)state;
	write_session("a", texts, 4, 0);
	write_session("b", texts, 3, 2);
	write_session("c", texts, 1, 2);
	put(temp_path(dir, "d.jsonl"), "{'type':'message'}\n{'type':'message','message':null}\n");
	must(ramet_ggcode_search(dir, raw("word"), 0, &hits, &why));
	assert_int_equal(hits.n, 8);
	for (i = 1; i < 8; i++)
		assert_true(hits.items[i - 1].time_ms >= hits.items[i].time_ms);
	for (i = 0; i < 8; i++) {
		unsigned k;

		(void)snprintf(got, sizeof(got), "%s %s", hits.items[i].session_id.ptr,
			       hits.items[i].snippet.ptr);
		for (k = 0; k < 8 && strcmp(got, order[k]) != 0; k++)
			;
		assert_true(k < 8);
	}
	ramet_ggcode_hits_release(&hits);
}

/* ---- titles ---- */

static void titles__leave_out_what_says_nothing(void **state)
{
	static const struct {
		const char *text, *title;
	} cases[] = {
		{ "", "" },
		{ "ab", "" },
		{ "abc", "abc" },
		{ "```sh\nls\n``` list files", "list files" },
		{ "``` never closed", "``` never closed" },
		{ "call `main` again", "call again" },
		{ "a ` alone", "a ` alone" },
		{ "empty `` code", "empty `` code" },
		{ "see https://a.b/c and http://d.e/f now", "see and now" },
		{ "htt://x is none", "x is none" },
		{ "# Heading", "Heading" },
		{ "### Deep heading", "Deep heading" },
		{ "$ make all", "make all" },
		{ "> quoted", "quoted" },
		{ "% prompt", "prompt" },
		{ "$HOME is set", "$HOME is set" },
		{ "$", "" },
		{ "[tag] do it", "do it" },
		{ "[never closed", "[never closed" },
		{ "**bold** and __under__ and *it* and _em_", "bold and under and it and em" },
		{ "snake_case_name stays", "snake_case_name stays" },
		{ "2 * 3 * 4 is", "2 * 3 * 4 is" },
		{ "** not bold **", "** not bold **" },
		{ "a *line\nbreak* b", "a *line" },
		{ "****", "****" },
		{ "*open only", "*open only" },
		{ "(_in_) [*x*] \"_q_\" '_r_'", "(in) [x] \"q\" 'r'" },
		{ "fix /usr/lib/x.c please", "fix x.c please" },
		{ "fix a/b/c please", "fix c please" },
		{ "fix a/b please", "fix a/b please" },
		{ "fix a/b.c please", "fix b.c please" },
		{ "fix /b please", "fix b please" },
		{ "fix dir/ please", "fix dir/ please" },
		{ "first line\nsecond", "first line" },
		{ "ab\nsecond line", "ab second line" },
		{ "\xff\xfe bytes", "\xff\xfe bytes" },
		{ "One sentence that is long enough. Another one that makes it too long for it",
		  "One sentence that is long enough" },
		{ "Really? This is a text of more than sixty characters, it ends here! Yes. No.",
		  "Really" },
		{ ". it begins with an end and is of more than sixty characters in one go, see",
		  ". it begins with an end and is of more than sixty\xe2\x80\xa6" },
		{ "a text without any end of a sentence that goes on and on for ever, or so it",
		  "a text without any end of a sentence that goes on and on\xe2\x80\xa6" },
		{ X50 X50, X50 X10 "\xe2\x80\xa6" },
		{ "short " X50 X50, "short " X50 "xxxx\xe2\x80\xa6" },
		{ "a text that is cut before the marks -- which are not kept -- !!!!!! and so on "
		  "on",
		  "a text that is cut before the marks -- which are not kept\xe2\x80\xa6" },
	};
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ramet_buf_reset(&b);
		assert_int_equal(ramet_ggcode_title(raw(cases[i].text), &b), 0);
		if (!ramet_bytes_is(ramet_buf_bytes(&b), cases[i].title))
			fail_msg("\"%s\" gives \"%.*s\" not \"%s\"", cases[i].text,
				 RAMET_FMT(ramet_buf_bytes(&b)), cases[i].title);
	}
	/* a NUL is no white space */
	ramet_buf_reset(&b);
	assert_int_equal(ramet_ggcode_title((struct ramet_bytes){ "a\0b", 3 }, &b), 0);
	assert_int_equal(b.len, 3);
	ramet_buf_release(&b);
}

static void titles__without_memory_are_told(void **state)
{
	static const char *const texts[] = { "say *this* of /a/b.c", X50 X50 X50 };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		unsigned n = 1;
		int reached = 1;

		for (; reached; n++) {
			struct ramet_buf b = RAMET_BUF_INIT(4096);
			int r;

			failing_memory_start(n);
			r = ramet_ggcode_title(ramet_bytes_of(texts[i]), &b);
			ramet_buf_release(&b);
			reached = failing_memory_stop();
			assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
		}
		assert_true(n > 3);
	}
}

static void truncate__counts_characters(void **state)
{
	static const struct {
		const char *text;
		int max;
		const char *cut;
	} cases[] = {
		{ "abcdef", 6, "abcdef" },
		{ "abcdef", 5, "ab..." },
		{ "abcdef", 4, "a..." },
		{ "abcdef", 3, "abc" },
		{ "abcdef", 0, "" },
		{ "abcdef", -1, "abcdef" },
		{ "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 4, "\xc3\xa9..." },
		{ "\xff\xff\xff", 2, "\xff\xff" },
	};
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ramet_buf_reset(&b);
		assert_int_equal(ramet_ggcode_truncate(raw(cases[i].text), cases[i].max, &b), 0);
		assert_true(ramet_bytes_is(ramet_buf_bytes(&b), cases[i].cut));
	}
	ramet_buf_release(&b);
}

/* White space is what Go calls so. */
static void endpoint_key__is_trimmed_as_go_does(void **state)
{
	static const char *const blanks[] = { " ",
					      "\t",
					      "\xc2\x85",
					      "\xc2\xa0",
					      "\xe1\x9a\x80",
					      "\xe2\x80\x8a",
					      "\xe2\x80\xa8",
					      "\xe2\x80\xaf",
					      "\xe2\x81\x9f",
					      "\xe3\x80\x80" };
	static const char *const letters[] = { "\xc2\xa1", "\xe2\x80\x8b", "\xe1\x9a\x81", "x" };
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	char text[40];
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++)
		for (k = 0; k < sizeof(letters) / sizeof(letters[0]); k++) {
			ramet_buf_reset(&b);
			(void)snprintf(text, sizeof(text), "%s%s%s%s%s", blanks[i], blanks[0],
				       letters[k], blanks[0], blanks[i]);
			must(ramet_ggcode_endpoint_key(raw(text), raw(blanks[i]), &b));
			assert_string_equal(b.ptr, letters[k]);
		}
	ramet_buf_reset(&b);
	must(ramet_ggcode_endpoint_key(raw(" "), raw("e"), &b));
	must(ramet_ggcode_endpoint_key(raw("v"), raw("e"), &b));
	assert_string_equal(b.ptr, "ev/e");
	ramet_buf_release(&b);
}

/* ---- working directories ---- */

static const char *workspace_of(const char *path)
{
	static struct ramet_buf b = RAMET_BUF_INIT(1 << 20);

	ramet_buf_reset(&b);
	must(ramet_ggcode_workspace(raw(path), &b, &why));
	ramet_buf_add_char(&b, '\0');
	return b.ptr;
}

static void workspace__has_no_links(void **state)
{
	char here[PATH_MAX], there[PATH_MAX];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	(void)snprintf(there, sizeof(there), "%s/real/sub", dir);
	temp_mkdir(dir, "real/sub");
	(void)symlink("real/./sub", temp_path(dir, "relative"));
	(void)symlink(there, temp_path(dir, "absolute"));
	(void)symlink("../real/../relative", temp_path(dir, "real/up"));
	(void)symlink("loop", temp_path(dir, "loop"));
	assert_string_equal(workspace_of(temp_path(dir, "relative")), there);
	assert_string_equal(workspace_of(temp_path(dir, "absolute/../sub/.")), there);
	assert_string_equal(workspace_of(temp_path(dir, "real//up/")), there);
	/* what is not there, or leads nowhere, is made absolute */
	assert_string_equal(workspace_of(temp_path(dir, "loop/x")), temp_path(dir, "loop/x"));
	assert_string_equal(workspace_of(temp_path(dir, "none/../x")), temp_path(dir, "x"));
	assert_string_equal(workspace_of("/"), "/");
	assert_string_equal(workspace_of("/.."), "/");
	assert_string_equal(workspace_of(""), "");
	/* relative ones that are there stay so */
	assert_int_equal(chdir(dir), 0);
	assert_string_equal(workspace_of("."), ".");
	assert_string_equal(workspace_of("real/.."), ".");
	assert_string_equal(workspace_of("relative"), "real/sub");
	assert_string_equal(workspace_of("../.."), "../..");
	assert_string_equal(workspace_of("../../tmp"), "../../tmp");
	assert_string_equal(workspace_of("real/xy"), temp_path(dir, "real/xy"));
	assert_int_equal(chdir(here), 0);
}

static void names__too_long_for_the_caller_are_told(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(3);

	(void)state;
	(void)setenv("HOME", "/home/ada", 1);
	refused(ramet_ggcode_dir(&b, &why), RAMET_ELIMIT);
	ramet_buf_release(&b);
	refused(ramet_ggcode_workspace(raw(dir), &b, &why), RAMET_ELIMIT);
	ramet_buf_release(&b);
	(void)setenv("HOME", "", 1);
	refused(ramet_ggcode_dir(&b, &why), RAMET_ENOTFOUND);
	(void)unsetenv("HOME");
	refused(ramet_ggcode_dir(&b, &why), RAMET_ENOTFOUND);
}

/* ---- export ---- */

#define META(rest)                                                                                 \
	"{'type':'meta','session_id':'s','title':'T','workspace':'/w'," rest                       \
	"'token_usage':{'input_tokens':0,'output_tokens':0,'cache_read_tokens':0,"                 \
	"'cache_write_tokens':0},'created_at':'2026-08-22T14:00:00.25+02:00',"                     \
	"'updated_at':'2026-08-22T14:00:00Z'}\n"
#define BLOCKS(blocks) "{'type':'message','message':{'role':'assistant','content':[" blocks "]}}\n"

static void export_is(const struct ramet_ggcode_markdown_opts *opts, const char *start,
		      const char *part)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);

	must(ramet_ggcode_export_markdown(temp_path(dir, "s.jsonl"), opts, &b, &why));
	if (strncmp(b.ptr, start, strlen(start)) != 0 || !strstr(b.ptr, part))
		fail_msg("%s\nhas not %s and %s", b.ptr, start, part);
	ramet_buf_release(&b);
}

static void export__names_vendors_and_fences_as_told(void **state)
{
	static const char head[] = "# T\n\n**Session:** s\n**Created:** 2026-08-22T14:00:00+02:00\n"
				   "**Updated:** 2026-08-22T14:00:00Z\n";
	struct ramet_ggcode_markdown_opts opts = { .vendor_name = NULL };
	char start[1000];

	(void)state;
	put(temp_path(dir, "s.jsonl"),
	    META("'vendor':'v','endpoint':'e','model':'m',") BLOCKS(
		    "{'type':'tool_use','tool_name':'ls','tool_id':'1'},"
		    "{'type':'tool_use','tool_name':'ls','tool_id':'1','input':{'a':'````` `'}},"
		    "{'type':'image'}"));
	(void)snprintf(start, sizeof(start), "%s**Vendor:** v / e / m\n", head);
	export_is(NULL, start, "`ls`\n\n**Tool Call:** `ls`\n```json\n{\"a\"");
	export_is(&opts, start, "`ls`\n\n**Tool Call:** `ls`\n```json\n{\"a\"");
	opts.vendor_name = "Vendor";
	opts.endpoint_name = "Endpoint";
	opts.long_fences = 1;
	(void)snprintf(start, sizeof(start), "%s**Vendor:** Vendor / Endpoint / m\n", head);
	export_is(&opts, start, "\n``````json\n{\"a\":\"````` `\"}\n``````\n");
	put(temp_path(dir, "s.jsonl"), META("'vendor':'v',"));
	(void)snprintf(start, sizeof(start), "%s**Vendor:** Vendor\n**Messages:** 0\n", head);
	export_is(&opts, start, "");
	put(temp_path(dir, "s.jsonl"), META(""));
	(void)snprintf(start, sizeof(start), "%s**Messages:** 0\n", head);
	export_is(&opts, start, "");
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(search__ignores_case_of_letters_alone),
		T(search__takes_bytes_that_are_no_text_as_they_are),
		T(search__cuts_snippets_between_characters),
		T(search__sorts_what_it_finds),
		T(titles__leave_out_what_says_nothing),
		T(titles__without_memory_are_told),
		T(truncate__counts_characters),
		T(endpoint_key__is_trimmed_as_go_does),
		T(workspace__has_no_links),
		T(names__too_long_for_the_caller_are_told),
		T(export__names_vendors_and_fences_as_told),
	};

	return cmocka_run_group_tests_name("layout_ggcode_text", tests, NULL, NULL);
}
