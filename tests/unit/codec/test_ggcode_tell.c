/*
 * test_ggcode_tell.c - an entry that is told as ggcode's at a glance becomes the record that
 * parsing it makes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "codec/ggcode_priv.h"
#include "damaged.h"

#define TEXT_MAX (1u << 20)
#define TIME "'timestamp':'2026-03-01T10:00:01.250Z'"
#define ENTRY "{'type':'message','id':'e','parentId':null," TIME ",'message':{"
#define USER ENTRY "'role':'user','content':"
#define SAYS ENTRY "'role':'assistant','content':["
#define RESULT ENTRY "'role':'toolResult','toolCallId':'c','toolName':'n','content':"
#define MADE ",'api':'a','usage':{'x':1.5,'y':[2]},'stopReason':'stop','timestamp':7}}"

static struct ramet_buf told = RAMET_BUF_INIT(TEXT_MAX), rest = RAMET_BUF_INIT(TEXT_MAX);

/* What is written of an entry, and what the encoder knows of it then. */
static void encode(struct ramet_bytes entry, int from_codec, struct ramet_buf *out)
{
	struct ramet_bytes none = { NULL, 0 };
	struct rameti_encoder e;
	int r;

	assert_int_equal(rameti_encoder_init(&e, &rameti_codec_ggcode, NULL, none, NULL), 0);
	e.from_codec = from_codec;
	ramet_buf_add_str(&e.id, "s1");
	ramet_buf_reset(out);
	r = rameti_codec_ggcode.encode(&e, entry, out, NULL);
	ramet_buf_addf(out, "%d %d\n", r, e.made);
	ramet_buf_add(out, ramet_buf_bytes(&e.entry_id));
	ramet_buf_add(out, ramet_buf_bytes(&e.text));
	ramet_buf_add(out, ramet_buf_bytes(&e.ids));
	rameti_encoder_release(&e);
}

/* Was it told at a glance? */
static int check(struct ramet_bytes entry)
{
	struct ramet_buf want = RAMET_BUF_INIT(TEXT_MAX), got = RAMET_BUF_INIT(TEXT_MAX);
	struct ramet_bytes id;
	int64_t ms;

	encode(entry, 0, &want);
	encode(entry, 1, &got);
	assert_true(ramet_bytes_eq(ramet_buf_bytes(&got), ramet_buf_bytes(&want)));
	ramet_buf_release(&want);
	ramet_buf_release(&got);
	ramet_buf_reset(&told);
	ramet_buf_reset(&rest);
	return rameti_gg_tell(entry, &id, &ms, &told, &rest);
}

static void tell__writes_what_parsing_writes(void **state)
{
	static const struct {
		const char *entry;
		int at_a_glance;
	} cases[] = {
		{ USER "[{'type':'text','text':'a\\n<&>\\u0041\\u2028\xe2\x80\xa8\xc3\xa9'}]}}",
		  1 },
		{ USER "'text','mine':{'a':[1]},'timestamp':5}}", 1 },
		{ USER "''}}", 1 },
		{ USER "[{'type':'text'},{'type':'image','data':'AA==','mimeType':'i/p'}]}}", 1 },
		{ SAYS "{'type':'thinking','thinking':'t','thinkingSignature':'s'},{'type':"
		       "'toolCall','id':'c','name':'n','arguments':{'a':[{}],'b':null}},"
		       "{'type':'toolCall','arguments':{}},{'type':'thinking','thinking':''}]" MADE,
		  1 },
		{ RESULT "[{'type':'text','text':'o'}],'isError':false,'timestamp':7}}", 1 },
		{ RESULT "[{'type':'text','text':'o'}],'isError':true,'details':{'a':1},'id':3}}",
		  1 },
		{ RESULT "[{'type':'text','text':'o'}],'isError':true,'isError':false}}", 1 },
		{ ENTRY "'role':'user','mine':1,'content':'x','other':2}}", 1 },
		{ "{'type':'message','id':'','parentId':'p'," TIME ",'message':{'role':'user',"
		  "'content':'x'}}", 1 },
		/* at these one has to look closer */
		{ "{'type':'message','id':'e','parentId':null,'message':{'role':'user',"
		  "'content':'x'}}", 0 },
		{ "{'type':'message','id':'e','parentId':null,'timestamp':'never','message':{"
		  "'role':'user','content':'x'}}", 0 },
		{ "{'type':'message','id':'\\u0065'," TIME ",'message':{'role':'user','content':"
		  "'x'}}", 0 },
		{ USER "'x'},'more':1}", 0 },
		{ USER "'x','content':'y'}}", 0 },
		{ USER "'x','role':'assistant'}}", 0 },
		{ USER "'x','ID':'y'}}", 0 },
		{ USER "'x','Timestamp':'y'}}", 0 },
		{ USER "'x','\\u0069d':'y'}}", 0 },
		{ USER "'x','api':'ggcode'}}", 0 },
		{ USER "'x','api':'ggcod\\u0065'}}", 0 },
		{ USER "'x','mine':[1, 2]}}", 0 },
		{ USER "'\xff'}}", 0 },
		{ USER "[]}}", 0 },
		{ USER "null}}", 0 },
		{ USER "['x']}}", 0 },
		{ USER "[{'type':'other'}]}}", 0 },
		{ USER "[{'type':'tex\\u0074','text':'x'}]}}", 0 },
		{ USER "[{'type':'text','text':'x','text':'y'}]}}", 0 },
		{ USER "[{'type':'text','text':'x','mine':'y'}]}}", 0 },
		{ USER "[{'type':'text','text':7}]}}", 0 },
		{ USER "[{'type':'text','id':'x'}]}}", 0 },
		{ SAYS "{'type':'thinking','thinking':'t','redacted':true}]" MADE, 0 },
		{ SAYS "{'type':'toolCall','arguments':null}]" MADE, 0 },
		{ SAYS "{'type':'toolCall','arguments':{'a': 1}}]" MADE, 0 },
		{ SAYS "{'type':'image','text':'x'}]" MADE, 0 },
		{ RESULT "'o'}}", 0 },
		{ RESULT "[]}}", 0 },
		{ RESULT "[{'type':'text','text':''}]}}", 0 },
		{ RESULT "[{'type':'text','text':'a'},{'type':'text','text':'b'}]}}", 0 },
		{ RESULT "[{'type':'text','text':'o'}],'content':[]}}", 0 },
		{ RESULT "[{'type':'text','text':'o'}],'isError':1}}", 0 },
		{ RESULT "[{'type':'text','text':'o'}],'toolName':'m'}}", 0 },
		{ RESULT "[{'type':'text','text':'o'}],'Tool_Name':'m'}}", 0 },
		{ RESULT "[{'type':'text','text':'o'}],'cache':true}}", 0 },
		{ RESULT "[{'type':'text','text':'o'}],'role':'user'}}", 0 },
		{ ENTRY "'role':'toolResult','toolCallId':'c'}}", 0 },
		{ ENTRY "'role':'user'}}", 0 },
		{ ENTRY "'role':'system','content':'x'}}", 0 },
		{ ENTRY "'content':'x','role':'user'}}", 0 },
		{ "{'type':'label','id':'e','parentId':null," TIME "}", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (check(ramet_bytes_of(damaged_quoted(cases[i].entry))) != cases[i].at_a_glance)
			fail_msg("%s: %d", cases[i].entry, !cases[i].at_a_glance);
}

static void check_damaged(void *user, struct ramet_bytes entry)
{
	*(unsigned *)user += (unsigned)check(entry);
}

static void tell__is_never_taken_in(void **state)
{
	static const char *const entries[] = {
		USER "[{'type':'text','text':'x'}],'mine':1}}",
		SAYS "{'type':'toolCall','id':'c','name':'n','arguments':{'a':1}}]" MADE,
		RESULT "[{'type':'text','text':'o'}],'isError':true,'details':{'a':1}}}",
	};
	unsigned n;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		n = 0;
		assert_true(damaged_legal(ramet_bytes_of(damaged_quoted(entries[i])), check_damaged,
					  &n) > 50);
		assert_true(n > 5);
	}
}

static int release(void **state)
{
	(void)state;
	ramet_buf_release(&told);
	ramet_buf_release(&rest);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tell__writes_what_parsing_writes),
		cmocka_unit_test(tell__is_never_taken_in),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
