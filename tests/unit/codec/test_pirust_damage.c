/*
 * test_pirust_damage.c - lines of pi_agent_rust with one thing wrong: each can be read and shown;
 * and entries, however odd, of which everything comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "codec/codec.h"
#include "damaged.h"
#include "failing.h"

#define TEXT_MAX (1u << 20)
#define HEAD                                                                                       \
	"{'type':'session','version':3,'id':'s1','timestamp':'2026-03-01T09:00:00.000Z','cwd':'/'"
#define BEGIN(type) "{'type':'" type "','id':'0123abcd','parentId':'p0','timestamp':" TIME
#define TIME "'2026-03-01T09:00:01.000Z',"
#define USAGE                                                                                      \
	"'usage':{'input':1,'output':2,'cacheRead':0,'cacheWrite':0,'totalTokens':3,'cost':"       \
	"{'input':0,'output':0.5,'cacheRead':0,'cacheWrite':0,'total':-0.5e1}}"

static const char *const entries[] = {
	BEGIN("message") "'message':{'role':'user','content':[{'type':'text','text':'t',"
			 "'textSignature':'g'},{'type':'image','data':'A','mimeType':'i'}],"
			 "'timestamp':1}}",
	BEGIN("message") "'message':{'role':'assistant','content':[{'type':'thinking','thinking':"
			 "'h','thinkingSignature':'s'},{'type':'toolCall','id':'c','name':'n',"
			 "'arguments':{'a':[1]},'thoughtSignature':'z'}],'api':'','provider':'p',"
			 "'model':'m'," USAGE ",'stopReason':'stop','errorMessage':'e',"
			 "'timestamp':5}}",
	BEGIN("message") "'message':{'role':'toolResult','toolCallId':'c','toolName':'t',"
			 "'content':[{'type':'text','text':'o'}],'details':null,'isError':false,"
			 "'timestamp':5}}",
	BEGIN("message") "'message':{'role':'custom','customType':'t','content':'x','display':"
			 "true,'details':{'k':1},'timestamp':5}}",
	BEGIN("message") "'message':{'role':'bashExecution','command':'c','output':'o',"
			 "'exitCode':-2147483648,'cancelled':true,'truncated':false,"
			 "'fullOutputPath':'/p','timestamp':5,'excludeFromContext':true}}",
	BEGIN("message") "'message':{'role':'branchSummary','summary':'s','fromId':'f'}}",
	BEGIN("message") "'message':{'role':'compactionSummary','summary':'s','tokensBefore':1}}",
	BEGIN("message") "'message':{'role':'custom','customType':'t','content':[{'type':'text',"
			 "'text':'a'},{'type':'image','data':'d'}],'display':true}}",
	BEGIN("message") "'message':{'role':'user','content':'x','ramet.message':"
			 "'{\\\"role\\\":\\\"new\\\"}'}}",
	BEGIN("compaction") "'summary':'s','firstKeptEntryId':'k','tokensBefore':1,'details':{},"
			    "'fromHook':true}",
	BEGIN("branch_summary") "'fromId':'f','summary':'s','details':[1],'fromHook':false}",
	BEGIN("label") "'targetId':'t','label':'l'}",
	BEGIN("session_info") "'name':'n'}",
	BEGIN("model_change") "'provider':'p','modelId':'m'}",
	BEGIN("thinking_level_change") "'thinkingLevel':'low'}",
	BEGIN("custom") "'customType':'x','data':{'a':{'b':[1,-0,1E2]}}}",
	BEGIN("custom") "'customType':'ramet.entry','data':{'entry':'{\\\"type\\\":\\\"usage\\\","
			"\\\"id\\\":\\\"a\\\",\\\"kind\\\":\\\"k\\\"}'}}",
};
#define N_ENTRIES (sizeof(entries) / sizeof(entries[0]))

static const char header_line[] = HEAD ",'branchedFrom':'/from','leafId':'0123abcd','provider':'p',"
				       "'modelId':'m','thinkingLevel':'off'}";

static struct ramet_buf text = RAMET_BUF_INIT(TEXT_MAX), line = RAMET_BUF_INIT(TEXT_MAX),
			members = RAMET_BUF_INIT(TEXT_MAX), scratch = RAMET_BUF_INIT(TEXT_MAX);
static struct ramet_json_doc doc, shown;

/* ---- reading ---- */

static void can_be_shown(void *user, struct ramet_bytes bytes)
{
	ramet_buf_reset(&text);
	if (user)
		ramet_buf_add_str(&text, user);
	ramet_buf_add(&text, bytes);
	ramet_buf_add_char(&text, '\n');
	ramet_buf_add_str(&text, "{\"type\":\"label\",\"id\":\"last\",\"targetId\":"
				 "\"0123abcd\"}\n");
	(void)rameti_codec_sniffed(ramet_buf_bytes(&text));
	(void)damaged_check("pirust", ramet_buf_bytes(&text));
}

static void line__is_shown_whatever_is_wrong_with_it(void **state)
{
	char head[512];
	size_t i;

	(void)state;
	(void)snprintf(head, sizeof(head), "%s\n", damaged_quoted(header_line));
	for (i = 0; i < N_ENTRIES; i++)
		assert_true(damaged_each(ramet_bytes_of(damaged_quoted(entries[i])), can_be_shown,
					 head) > 100);
	(void)damaged_each(ramet_bytes_of(damaged_quoted(header_line)), can_be_shown, NULL);
}

/* ---- there and back ---- */

/* Members of an entry's own, compact, one after the other. */
static void take_members(const struct ramet_json *o)
{
	const struct ramet_json *key = NULL, *v;

	ramet_buf_reset(&members);
	while ((key = ramet_json_next(o, key)) != NULL) {
		v = ramet_json_next(o, key);
		if (!ramet_json_text_is(key, "type") && !ramet_json_text_is(key, "id") &&
		    !ramet_json_text_is(key, "parentId") && !ramet_json_text_is(key, "timestamp")) {
			if (members.len)
				ramet_buf_add_char(&members, ',');
			rameti_json_add_compact(&members, key);
			ramet_buf_add_char(&members, ':');
			rameti_json_add_compact(&members, v);
		}
		key = v;
	}
}

static void has_members_of(const struct ramet_json *want, const struct ramet_json *got)
{
	struct ramet_buf a = RAMET_BUF_INIT(TEXT_MAX), b = RAMET_BUF_INIT(TEXT_MAX);
	const struct ramet_json *key = NULL, *v, *x, *y;

	while ((key = ramet_json_next(want, key)) != NULL) {
		v = ramet_json_next(want, key);
		ramet_buf_reset(&a);
		ramet_json_text(key, &a);
		x = ramet_json_get_bytes(want, ramet_buf_bytes(&a));
		y = ramet_json_get_bytes(got, ramet_buf_bytes(&a));
		key = v;
		if (ramet_bytes_is(ramet_buf_bytes(&a), "parentId") ||
		    ramet_bytes_is(ramet_buf_bytes(&a), "id") ||
		    ramet_bytes_is(ramet_buf_bytes(&a), "type") ||
		    ramet_bytes_is(ramet_buf_bytes(&a), "timestamp"))
			continue;
		ramet_buf_reset(&a);
		ramet_buf_reset(&b);
		rameti_json_add_compact(&a, x);
		if (y)
			rameti_json_add_compact(&b, y);
		if (x->kind == RAMET_JSON_OBJECT && y && y->kind == RAMET_JSON_OBJECT &&
		    ramet_json_count(x) == ramet_json_count(y))
			continue;                /* its members may have been put in order */
		if (!ramet_bytes_eq(ramet_buf_bytes(&a), ramet_buf_bytes(&b)))
			fail_msg("%.*s came back as %.*s: %.*s", RAMET_FMT(ramet_buf_bytes(&a)),
				 RAMET_FMT(ramet_buf_bytes(&b)), RAMET_FMT(ramet_buf_bytes(&line)));
	}
	ramet_buf_release(&a);
	ramet_buf_release(&b);
}

static void comes_back(void *user, struct ramet_bytes entry)
{
	struct ramet_open_opts opts = { .format = "pirust", .threads = 1 };
	struct rameti_draft d = { .parent = ramet_bytes_of("p0") };
	struct ramet_buf type = RAMET_BUF_INIT(TEXT_MAX), id = RAMET_BUF_INIT(TEXT_MAX);
	const struct ramet_json *o;
	struct ramet_session *s = NULL;
	struct ramet_bytes json;

	assert_int_equal(ramet_json_parse(&doc, entry, 0, NULL), 0);
	o = ramet_json_root(&doc);
	ramet_json_text(ramet_json_get(o, "type"), &type);
	ramet_json_text(ramet_json_get(o, "id"), &id);
	take_members(o);
	d.type = ramet_buf_bytes(&type);
	d.id = ramet_buf_bytes(&id);
	d.members = ramet_buf_bytes(&members);
	if (ramet_json_get(o, "timestamp"))
		d.timestamp = ramet_json_raw(ramet_json_get(o, "timestamp"));
	ramet_buf_reset(&line);
	if (!type.len || !id.len || ramet_bytes_is(d.type, "session"))
		goto out;
	assert_int_equal(rameti_codec_pirust.write_entry(&d, &line, NULL), 0);
	ramet_buf_reset(&text);
	ramet_buf_add_str(&text, user);
	ramet_buf_add(&text, ramet_buf_bytes(&line));
	ramet_buf_add_char(&text, '\n');
	assert_int_equal(ramet_session_open_bytes(&s, ramet_buf_bytes(&text), &opts, NULL), 0);
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 1);
	assert_int_equal(ramet_tree_entry(ramet_session_tree(s), 0, &scratch, &json, NULL), 0);
	assert_int_equal(ramet_json_parse(&shown, json, 0, NULL), 0);
	if (!(o->flags & RAMET_JSON_BAD_UTF8))
		has_members_of(o, ramet_json_root(&shown));
	ramet_session_close(s);
out:
	ramet_buf_release(&type);
	ramet_buf_release(&id);
}

static void entry__comes_back_however_odd(void **state)
{
	char head[512];
	size_t i;

	(void)state;
	(void)snprintf(head, sizeof(head), "%s\n", damaged_quoted(HEAD "}"));
	for (i = 0; i < N_ENTRIES; i++)
		assert_true(damaged_legal(ramet_bytes_of(damaged_quoted(entries[i])), comes_back,
					  head) > 100);
}

/* Halves of pairs, and what is too deep for the original: carried, and there again. */
static void entry__comes_back_from_beyond_the_limits(void **state)
{
	static const char *const values[] = {
		"'\\ud83d\\ude00'", "'\\ud83d'",		  "'\\ude00'",	 "'\\ud83dxxxxxx'",
		"'\\ud83d\\n12345'", "'\\ud83d\\u0041xxxx'", "'\\ud83d\\ue000'", "'\\u00e9\\uFFFF'",
		"{'\\udfff':[1e999]}", "-0",			  "-1",		 "1e400",
	};
	struct ramet_buf entry = RAMET_BUF_INIT(TEXT_MAX);
	char head[512], deep[600];
	size_t i;

	(void)state;
	(void)snprintf(head, sizeof(head), "%s\n", damaged_quoted(HEAD "}"));
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		ramet_buf_reset(&entry);
		ramet_buf_addf(&entry, BEGIN("custom") "'customType':'x','data':{'a':%s}}",
			       values[i]);
		comes_back(head, ramet_bytes_of(damaged_quoted(entry.ptr)));
		ramet_buf_reset(&entry);
		ramet_buf_addf(&entry, BEGIN("message") "'message':{'role':'user','content':%s}}",
			       values[i]);
		comes_back(head, ramet_bytes_of(damaged_quoted(entry.ptr)));
	}
	for (i = 120; i < 135; i++) {
		memset(deep, '[', i);
		memset(deep + i, ']', i);
		deep[2 * i] = '\0';
		ramet_buf_reset(&entry);
		ramet_buf_addf(&entry, BEGIN("custom") "'customType':'x','data':%s}", deep);
		comes_back(head, ramet_bytes_of(damaged_quoted(entry.ptr)));
	}
	ramet_buf_release(&entry);
}

static void memory__may_run_out_anywhere(void **state)
{
	size_t i;

	(void)state;
	ramet_buf_reset(&text);
	ramet_buf_add_str(&text, damaged_quoted(header_line));
	for (i = 0; i < N_ENTRIES; i++) {
		ramet_buf_add_char(&text, '\n');
		ramet_buf_add_str(&text, damaged_quoted(entries[i]));
	}
	ramet_buf_add_char(&text, '\n');
	damaged_memory("pirust", text.ptr, 1);
}

static int release(void **state)
{
	(void)state;
	ramet_buf_release(&text);
	ramet_buf_release(&line);
	ramet_buf_release(&members);
	ramet_buf_release(&scratch);
	ramet_json_doc_release(&doc);
	ramet_json_doc_release(&shown);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line__is_shown_whatever_is_wrong_with_it),
		cmocka_unit_test(entry__comes_back_however_odd),
		cmocka_unit_test(entry__comes_back_from_beyond_the_limits),
		cmocka_unit_test(memory__may_run_out_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
