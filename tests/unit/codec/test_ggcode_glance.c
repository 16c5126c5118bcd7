/*
 * test_ggcode_glance.c - an entry that is made of its line at a glance is the one that looking at
 * all of the record makes.
 *
 * A space behind the first brace changes nothing a record says, and no line with one is taken at a
 * glance; so each line is read with it and without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "codec/ggcode_priv.h"
#include "damaged.h"
#include "gg_text.h"
#include "store/session_priv.h"

#define USER "{'type':'message','session_id':'s1','message':{'id':'m','role':'user','content':["
#define SAYS "{'type':'message','message':{'id':'m','role':'assistant','content':["
#define TIME ",'timestamp':'2026-08-22T14:00:07.25+08:00'}"
#define MADE ",'api':'a','usage':{'x':1,'y':[2]},'stopReason':'stop'}"

static unsigned n_glanced;

/* Every entry of a session that is a meta record and this line. */
static void read_entries(struct ramet_bytes line, struct ramet_buf *out)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_bytes json;
	struct ramet_session *s;
	uint32_t row;

	ramet_buf_reset(out);
	ramet_buf_reset(&gg_text);
	ramet_buf_add_str(&gg_text, "{\"type\":\"meta\",\"session_id\":\"s1\",\"vendor\":\"v\","
				    "\"model\":\"m\"}\n");
	ramet_buf_add(&gg_text, line);
	ramet_buf_add_str(&gg_text, "\n");
	s = gg_open();
	for (row = 3; row < ramet_tree_count(ramet_session_tree(s)); row++) {
		n_glanced += (unsigned)rameti_gg_glance(&s->reader, row, line, &scratch);
		assert_int_equal(
			ramet_tree_entry(ramet_session_tree(s), row, &scratch, &json, NULL), 0);
		ramet_buf_addf(out, "%.*s\n", RAMET_FMT(json));
	}
	ramet_session_close(s);
	ramet_buf_release(&scratch);
}

/* How many entries were made at a glance. */
static unsigned check(struct ramet_bytes line)
{
	struct ramet_buf loose = RAMET_BUF_INIT(TEXT_MAX), want = RAMET_BUF_INIT(TEXT_MAX),
			 got = RAMET_BUF_INIT(TEXT_MAX);
	unsigned n;

	ramet_buf_add_str(&loose, "{ ");
	ramet_buf_add(&loose, (struct ramet_bytes){ line.ptr + 1, line.len - 1 });
	n_glanced = 0;
	read_entries(ramet_buf_bytes(&loose), &want);
	assert_int_equal(n_glanced, 0);
	read_entries(line, &got);
	n = n_glanced;
	/* a record that is shown as it is keeps its space */
	if (n || !strstr(want.ptr ? want.ptr : "", RAMETI_RAW_TYPE))
		assert_string_equal(got.ptr ? got.ptr : "", want.ptr ? want.ptr : "");
	ramet_buf_release(&loose);
	ramet_buf_release(&want);
	ramet_buf_release(&got);
	return n;
}

static void glance__makes_the_entries_that_a_closer_look_makes(void **state)
{
	static const struct {
		const char *line;
		unsigned n;                      /* entries made at a glance */
	} cases[] = {
		{ USER "{'type':'text','text':'a\\n\\u00e9'}]}" TIME, 1 },
		{ USER "{'type':'text'},{'type':'text','text':''}],'mine':{'a':[1]}}}", 1 },
		{ USER "{'type':'image','image_mime':'i/p','image_data':'AA=='}]}" TIME, 1 },
		{ USER "{'type':'image'}]}}", 1 },
		{ USER "{'type':'tool_result','tool_name':'n','tool_id':'i','output':'o'},"
		       "{'type':'text','text':'b'},{'type':'text','text':'c'},"
		       "{'type':'tool_result','is_error':true},{'type':'tool_result',"
		       "'is_error':false,'output':''}],'extra':1}" TIME, 4 },
		{ USER "{'type':'text','text':'b'},{'type':'tool_result'}]}" TIME, 2 },
		{ SAYS "{'type':'thinking','reasoning_content':'r','thinking_signature':'s'},"
		       "{'type':'redacted_thinking','thinking_data':'d'},{'type':'thinking'},"
		       "{'type':'tool_use','tool_name':'n','tool_id':'i','input':{'a':[{}]}},"
		       "{'type':'tool_use'}]" MADE TIME, 1 },
		{ SAYS "{'type':'text','text':'t'}]}}", 1 },
		{ SAYS "{'type':'tool_use'}]}" TIME, 1 },
		{ "{'type':'message','message':{'role':'user','content':[{'type':'text'}]}}", 1 },
		/* at these one has to look closer */
		{ USER "]}" TIME, 0 },
		{ USER "{'type':'text','text':null}]}" TIME, 0 },
		{ USER "{'type':'text','text':'a','text':'b'}]}" TIME, 0 },
		{ USER "{'type':'text','tool_id':'a'}]}" TIME, 0 },
		{ USER "{'type':'text','TEXT':'a'}]}" TIME, 0 },
		{ USER "{'type':'te\\u0078t','text':'a'}]}" TIME, 0 },
		{ USER "{'type':'text'},{'type':'tool_resul\\u0074'},{'type':'text'}]}" TIME, 0 },
		{ USER "{'type':'text'},{'type':'tool_resul\\u0074'},{'type':'tool_result'},"
		       "{'type':'text'}]}" TIME, 0 },
		{ USER "{'type':'other','text':'a'}]}" TIME, 0 },
		{ USER "{'type':'image','text':'a'}]}" TIME, 0 },
		{ USER "{'type':'text','text':'a','mine':1}]}" TIME, 0 },
		{ USER "{'type':'tool_result','output':'o','text':'t'}]}" TIME, 0 },
		{ USER "{'type':'tool_result','output':'o','images':[]}]}" TIME, 0 },
		{ USER "{'type':'text'}],'timestamp':7}" TIME, 0 },
		{ USER "{'type':'text'}],'Role':'assistant'}" TIME, 0 },
		{ USER "{'type':'text'}],'rol\\u0065':'assistant'}" TIME, 0 },
		{ USER "{'type':'text'}],'mine':[1, 2]}" TIME, 0 },
		{ USER "{'type':'text'}],'mine' : 1}" TIME, 0 },
		{ USER "{'type':'text'}]},'timestamp':'2026-08-22T14:00:07Z','title':'x'}", 0 },
		{ SAYS "{'type':'tool_use','input':null}]" MADE TIME, 0 },
		{ SAYS "{'type':'tool_use','input':{'a': 1}}]" MADE TIME, 0 },
		{ SAYS "{'type':'tool_use','cache':true}]" MADE TIME, 0 },
		{ SAYS "{'type':'thinking','thinking_data':'d'}]" MADE TIME, 0 },
		{ SAYS "{'type':'redacted_thinking','thinking_signature':'d'}]" MADE TIME, 0 },
		{ SAYS "{'type':'tool_result'}]" MADE TIME, 0 },
		{ SAYS "'text']" MADE TIME, 0 },
		{ "{'type':'message','message':{'role':'system','content':[{'type':'text'}]}}", 0 },
		{ "{'type':'usage','usage_entry':{}}", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned n = check(ramet_bytes_of(damaged_quoted(cases[i].line)));

		if (n != cases[i].n)
			fail_msg("%s: %u entries at a glance", cases[i].line, n);
	}
}

static void check_damaged(void *user, struct ramet_bytes line)
{
	if (line.len && *line.ptr == '{' && !memchr(line.ptr, '\n', line.len))
		*(unsigned *)user += check(line);
}

static void glance__is_never_taken_in(void **state)
{
	static const char *const lines[] = {
		USER "{'type':'text','text':'b'},{'type':'tool_result','output':'o'}],'x':1}" TIME,
		SAYS "{'type':'tool_use','input':{'a':1}}]" MADE TIME,
	};
	unsigned n;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		n = 0;
		assert_true(damaged_legal(ramet_bytes_of(damaged_quoted(lines[i])), check_damaged,
					 &n) > 50);
		assert_true(n > 10);
	}
}

static int release(void **state)
{
	(void)state;
	ramet_buf_release(&gg_text);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(glance__makes_the_entries_that_a_closer_look_makes),
		cmocka_unit_test(glance__is_never_taken_in),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
