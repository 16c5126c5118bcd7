/*
 * test_ckptmgr_damage.c - states of the snapshot manager and entries for them with one thing wrong:
 * what is not refused is told in lines that give the same session again, and what is appended is
 * there when the state is read anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "codec/ckptmgr.h"
#include "codec/codec.h"
#include "damaged.h"
#include "failing.h"

#define TEXT_MAX (1u << 22)
#define SESSION                                                                                    \
	"{'ID':'s','CreatedAt':'2026-01-01T00:00:00.000000001Z','UpdatedAt':"                      \
	"'2026-01-01T00:00:01Z','Messages':[{'role':'user','content':'x'},{'role':'assistant',"    \
	"'content':'t','tool_calls':[{'id':'c','type':'function','function':{'name':'n',"          \
	"'arguments':'{\\\"a\\\":1}'}}]},{'role':'tool','content':'r','tool_call_id':'c'},"        \
	"{'role':'user','content':[{'type':'text','text':'a'},{'type':'image_url','image_url':"    \
	"{'url':'data:image/png;base64,QQ=='}}]}],'UserTurns':2,'Checkpoints':{'k':[{'role':"      \
	"'user','content':'x'}],'l':[{}],'ramet.raw':[{'at':1,'entry':'{\\\"type\\\":"             \
	"\\\"label\\\",\\\"id\\\":\\\"e\\\"}'},{'at':0,'checkpoint':'l','id':'own','timestamp':"   \
	"'2026-01-01T00:00:00.000Z'},{'at':1,'message':'0123abcd','id':'i','timestamp':'t'},"      \
	"{'at':1,'entry':'{\\\"id\\\":\\\"f\\\"}'}]},"                                             \
	"'FileCheckpoints':{'k':{'a':null},'z':{}},'More':{'x':[1]}}"

#define FULL "{'sessions':{'s':" SESSION "},'fork_counters':{'s':3},'other':[ 1 ]}"
#define WITH_HEADER                                                                                \
	"{'sessions':{'s':{'CreatedAt':'2026-01-01T00:00:00Z','Messages':[{'role':'user',"         \
	"'content':'x'}],'Checkpoints':{'ramet.raw':[{'at':0,'header':'{\\\"type\\\":"             \
	"\\\"session\\\",\\\"id\\\":\\\"h\\\"}'},{'at':0,'entry':'{\\\"type\\\":"              \
	"\\\"message\\\","                                                                         \
	"\\\"id\\\":\\\"g\\\",\\\"message\\\":{}}','message':'01'}]}}}}"
#define BARE                                                                                       \
	"{'sessions':{'s':{'created_at':'2026-01-01T00:00:00Z','MESSAGES':null,'Checkpoints':"     \
	"null,'FileCheckpoints':null,'UserTurns':null}},'fork_counters':null}"
static const char *const states[] = { FULL, WITH_HEADER, BARE, "{'sessions':{'s':null}}" };
#define N_STATES (sizeof(states) / sizeof(states[0]))

#define BEGIN(type, id) "{'type':'" type "','id':'" id "','parentId':null," TIME
#define TIME "'timestamp':'2026-01-01T00:00:02.000Z',"
static const char *const entries[] = {
	BEGIN("message", "n1") "'message':{'role':'user','content':'y','timestamp':5}}",
	BEGIN("message", "n2") "'message':{'role':'assistant','content':[{'type':'text','text':"
			       "'t'},{'type':'toolCall','id':'c','name':'n','arguments':{'a':1}}],"
			       "'ramet.message':'{}'}}",
	BEGIN("message", "n3") "'message':{'role':'user','content':[{'type':'image','data':'QQ==',"
			       "'mimeType':'image/png'},{'type':'text','text':'z'}]}}",
	BEGIN("message", "n4") "'message':{'role':'toolResult','toolCallId':'c','toolName':'n',"
			       "'content':[{'type':'text','text':'r'}],'isError':false}}",
	BEGIN("custom", "n5") "'customType':'ramet.checkpoint','data':{'format':'ckptmgr','key':"
			      "'new','messages':2,'files':{'a':{'b':1}}}}",
	BEGIN("custom", "n6") "'customType':'ramet.checkpoint','data':{'format':'ckptmgr','key':"
			      "'k','messages':[{'role':'user'}]}}",
	BEGIN("custom", "n7") "'customType':'ramet.config','data':{'format':'ckptmgr','session':"
			      "{'CreatedAt':'2026-01-01T00:00:00Z','UserTurns':7,'More':1}}}",
	BEGIN("label", "n8") "'targetId':'m0','label':'l'}",
};
#define N_ENTRIES (sizeof(entries) / sizeof(entries[0]))

static struct ramet_buf lines = RAMET_BUF_INIT(TEXT_MAX), again = RAMET_BUF_INIT(TEXT_MAX),
			made = RAMET_BUF_INIT(TEXT_MAX), id = RAMET_BUF_INIT(TEXT_MAX),
			whole = RAMET_BUF_INIT(TEXT_MAX);
static struct ramet_json_doc doc;
static struct ramet_error err;

/* Lines of JSON, the first a header, each behind the one before it; how many. */
static unsigned is_chain(struct ramet_bytes text)
{
	struct ramet_buf prev = RAMET_BUF_INIT(TEXT_MAX), own = RAMET_BUF_INIT(TEXT_MAX);
	const struct ramet_json *o;
	struct ramet_bytes line;
	unsigned n = 0;

	while (text.len) {
		line.ptr = text.ptr;
		line.len = rameti_scan_newline(text);
		assert_true(line.len < text.len);
		text.ptr += line.len + 1;
		text.len -= line.len + 1;
		if (ramet_json_parse(&doc, line, 0, &err) < 0)
			fail_msg("%s: %.*s", err.text, RAMET_FMT(line));
		o = ramet_json_root(&doc);
		assert_int_equal(ramet_json_text_is(ramet_json_get(o, "type"), "session"), n == 0);
		ramet_buf_reset(&own);
		ramet_json_text(ramet_json_get(o, "parentId"), &own);
		if (n > 1 && !ramet_bytes_eq(ramet_buf_bytes(&own), ramet_buf_bytes(&prev)))
			fail_msg("not behind %.*s: %.*s", RAMET_FMT(ramet_buf_bytes(&prev)),
				 RAMET_FMT(line));
		ramet_buf_reset(&prev);
		ramet_json_text(ramet_json_get(o, "id"), &prev);
		n++;
	}
	ramet_buf_release(&prev);
	ramet_buf_release(&own);
	return n;
}

/* The session "s" of a state as lines; 0: there is none, or what is there is refused. */
static unsigned tell(struct ramet_bytes state, struct ramet_buf *out)
{
	struct rameti_ckpt c = RAMETI_CKPT_INIT;
	struct rameti_ckpt_session s;
	int r = rameti_ckpt_parse(&c, state, &err);

	ramet_buf_reset(out);
	if (!r)
		r = rameti_ckpt_find(&c, ramet_bytes_of("s"), &s, &err);
	if (r > 0)
		r = rameti_ckpt_entries(&s, ramet_bytes_of("s"), out, NULL, &err) < 0 ?
			    RAMET_EINVAL : 1;
	assert_true(r >= 0 || r == RAMET_EFORMAT);
	rameti_ckpt_release(&c);
	return r > 0 ? is_chain(ramet_buf_bytes(out)) : 0;
}

/* ---- there and back ---- */

/* Without the line of what the session is: what is missing there is filled in. */
static void drop_config(struct ramet_buf *b)
{
	static const char begin[] = "{\"type\":\"custom\",\"customType\":\"ramet.config\"";
	char *at = b->len ? strstr(b->ptr, begin) : NULL;
	char *end = at ? strchr(at, '\n') : NULL;

	if (!end)
		return;
	memmove(at, end + 1, (size_t)(b->ptr + b->len - end - 1));
	ramet_buf_truncate(b, b->len - (size_t)(end + 1 - at));
}

/* What is no object is no message: in the place of it an empty one comes back. Of members that are
 * there twice the original keeps one. */
static int is_odd(struct ramet_bytes state)
{
	struct rameti_ckpt c = RAMETI_CKPT_INIT;
	struct rameti_ckpt_session s;
	const struct ramet_json *v = NULL, *key = NULL, *value;
	struct ramet_buf name = RAMET_BUF_INIT(TEXT_MAX);
	int odd = 0;

	assert_int_equal(rameti_ckpt_parse(&c, state, &err), 0);
	assert_int_equal(rameti_ckpt_find(&c, ramet_bytes_of("s"), &s, &err), 1);
	while (ramet_json_kind(s.messages) == RAMET_JSON_ARRAY &&
	       (v = ramet_json_next(s.messages, v)) != NULL)
		odd |= ramet_json_kind(v) != RAMET_JSON_OBJECT;
	while ((key = ramet_json_next(s.value, key)) != NULL) {
		value = ramet_json_next(s.value, key);
		ramet_buf_reset(&name);
		ramet_json_text(key, &name);
		odd |= name.len && rameti_ckpt_member(s.value, name.ptr) != value;
		key = value;
	}
	ramet_buf_release(&name);
	rameti_ckpt_release(&c);
	return odd;
}

static void gives_the_same_again(void *user, struct ramet_bytes state)
{
	struct rameti_ckpt empty = RAMETI_CKPT_INIT;
	struct ramet_bytes none = { NULL, 0 };

	(void)user;
	/* how a text is spelt does not always come back */
	if (!tell(state, &lines) || is_odd(state) || memmem(state.ptr, state.len, "\\u", 2) ||
	    memchr(state.ptr, '\xff', state.len))
		return;
	ramet_buf_reset(&id);
	ramet_buf_reset(&made);
	ramet_buf_reset(&whole);
	if (rameti_ckpt_new_session(ramet_buf_bytes(&lines), 5, &id, &made, &err) < 0)
		fail_msg("%s: %.*s", err.text, RAMET_FMT(ramet_buf_bytes(&lines)));
	assert_true(ramet_bytes_is(ramet_buf_bytes(&id), "s"));
	assert_int_equal(rameti_ckpt_parse(&empty, none, &err), 0);
	assert_int_equal(rameti_ckpt_write(&empty, ramet_buf_bytes(&id), ramet_buf_bytes(&made),
					   none, 0, &whole, &err), 0);
	rameti_ckpt_release(&empty);
	(void)tell(ramet_buf_bytes(&whole), &again);
	drop_config(&lines);
	drop_config(&again);
	if (!ramet_bytes_eq(ramet_buf_bytes(&lines), ramet_buf_bytes(&again)))
		fail_msg("of %.*s:\n%.*scame back as\n%.*s", RAMET_FMT(state),
			 RAMET_FMT(ramet_buf_bytes(&lines)), RAMET_FMT(ramet_buf_bytes(&again)));
}

static void state__gives_the_same_lines_again(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_STATES; i++)
		(void)damaged_legal(ramet_bytes_of(damaged_quoted(states[i])), gives_the_same_again,
				    NULL);
}

static void is_told_or_refused(void *user, struct ramet_bytes state)
{
	(void)user;
	(void)tell(state, &lines);
}

static void state__is_told_or_refused(void **state)
{
	(void)state;
	(void)damaged_each(ramet_bytes_of(damaged_quoted(states[0])), is_told_or_refused, NULL);
}

/* ---- appending ---- */

static int append(const char *state, struct ramet_bytes line, struct ramet_buf *out)
{
	struct rameti_ckpt c = RAMETI_CKPT_INIT;
	struct rameti_ckpt_change change = { .updated_ns = 7 };
	struct rameti_ckpt_session s;
	struct ramet_bytes none = { NULL, 0 };
	struct ramet_buf text[4];
	int i, r = rameti_ckpt_parse(&c, ramet_bytes_of(state), &err);

	for (i = 0; i < 4; i++)
		ramet_buf_init(&text[i], TEXT_MAX);
	ramet_buf_reset(&made);
	ramet_buf_reset(out);
	if (!r)
		r = rameti_ckpt_find(&c, ramet_bytes_of("s"), &s, &err) < 0 ? RAMET_EINVAL : 0;
	if (!r)
		r = rameti_ckpt_append(&s, line, &change, text, &err);
	if (!r)
		rameti_ckpt_add_session(&made, &s, ramet_bytes_of("s"), &change);
	if (!r)
		r = ramet_buf_status(&made);
	if (!r)
		r = rameti_ckpt_write(&c, ramet_bytes_of("s"), ramet_buf_bytes(&made), none, 0, out,
				      &err);
	for (i = 0; i < 4; i++)
		ramet_buf_release(&text[i]);
	rameti_ckpt_release(&c);
	return r;
}

static void is_there_afterwards(void *user, struct ramet_bytes entry)
{
	const char *state = user;
	const struct ramet_json *o;
	unsigned before = tell(ramet_bytes_of(state), &lines), after;
	int lost;

	if (append(state, entry, &whole) < 0)
		fail_msg("%s: %.*s", err.text, RAMET_FMT(entry));
	after = tell(ramet_buf_bytes(&whole), &again);
	assert_int_equal(ramet_json_parse(&doc, entry, 0, NULL), 0);
	o = ramet_json_root(&doc);
	/* a header is no entry, nor is what has no id or stands beside others of its key */
	lost = ramet_json_text_is(ramet_json_get(o, "type"), "session") ||
	       ramet_json_kind(ramet_json_get(o, "id")) != RAMET_JSON_STRING;
	if (!lost && after < before + (ramet_json_text_is(ramet_json_get(o, "type"), "message")))
		fail_msg("%u lines, then %u: %.*s", before, after, RAMET_FMT(entry));
}

static void append__keeps_whatever_comes(void **state)
{
	char text[8192];
	size_t i;

	(void)state;
	(void)snprintf(text, sizeof(text), "%s", damaged_quoted(states[0]));
	for (i = 0; i < N_ENTRIES; i++)
		assert_true(damaged_legal(ramet_bytes_of(damaged_quoted(entries[i])),
					  is_there_afterwards, text) > 50);
	for (i = 0; i < N_ENTRIES; i++)
		(void)damaged_legal(ramet_bytes_of(damaged_quoted(entries[i])), is_there_afterwards,
				    (void *)(uintptr_t)"");
}

static void append__refuses_what_is_no_entry(void **state)
{
	(void)state;
	assert_int_equal(append("{}", ramet_bytes_of("{cut\n"), &whole), RAMET_EFORMAT);
	assert_int_equal(append("{}", ramet_bytes_of("\n\n"), &whole), 0);
}

/* Messages of pi's in the state's words and back. */
static void comes_back_or_is_told(void *user, struct ramet_bytes entry)
{
	const struct ramet_json *m;
	int r;

	(void)user;
	assert_int_equal(ramet_json_parse(&doc, entry, 0, NULL), 0);
	m = ramet_json_get(ramet_json_root(&doc), "message");
	ramet_buf_reset(&made);
	ramet_buf_reset(&again);
	r = rameti_ckpt_from_pi(m, &made);
	assert_true(r == 0 || r == 1);
	assert_int_equal(rameti_ckpt_says(entry) == RAMETI_SAID,
			 !r && ramet_json_text_is(ramet_json_get(ramet_json_root(&doc), "type"),
						  "message"));
	if (r)
		return;
	assert_int_equal(ramet_json_parse(&doc, ramet_buf_bytes(&made), 0, NULL), 0);
	assert_int_equal(rameti_ckpt_to_pi(ramet_json_root(&doc), NULL, &again), 0);
	assert_int_equal(ramet_json_parse(&doc, ramet_buf_bytes(&again), 0, NULL), 0);
	ramet_buf_reset(&whole);
	assert_int_equal(rameti_ckpt_from_pi(ramet_json_root(&doc), &whole), 0);
	if (!ramet_bytes_eq(ramet_buf_bytes(&made), ramet_buf_bytes(&whole)))
		fail_msg("%s came back as %s", made.ptr, whole.ptr);
}

static void message__comes_back_or_is_told(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		(void)damaged_legal(ramet_bytes_of(damaged_quoted(entries[i])),
				    comes_back_or_is_told, NULL);
}

/* ---- memory ---- */

static void memory__may_run_out_anywhere(void **state)
{
	struct ramet_buf all = RAMET_BUF_INIT(TEXT_MAX), out = all;
	char text[8192];
	unsigned n;
	int r, reached = 1;
	size_t i;

	(void)state;
	(void)snprintf(text, sizeof(text), "%s", damaged_quoted(states[0]));
	for (i = 0; i < N_ENTRIES; i++) {
		ramet_buf_add_str(&all, damaged_quoted(entries[i]));
		ramet_buf_add_char(&all, '\n');
	}
	for (n = 1; reached; n++) {
		ramet_buf_release(&made);
		failing_memory_start(n);
		r = append(text, ramet_buf_bytes(&all), &out);
		ramet_buf_release(&out);
		ramet_buf_release(&made);
		reached = failing_memory_stop();
		if (r != (reached ? RAMET_ENOMEM : 0))
			fail_msg("%d at allocation %u", r, n);
	}
	ramet_buf_release(&all);
	assert_true(n > 50);
}

static int release(void **state)
{
	(void)state;
	ramet_buf_release(&lines);
	ramet_buf_release(&again);
	ramet_buf_release(&made);
	ramet_buf_release(&id);
	ramet_buf_release(&whole);
	ramet_json_doc_release(&doc);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state__gives_the_same_lines_again),
		cmocka_unit_test(state__is_told_or_refused),
		cmocka_unit_test(append__keeps_whatever_comes),
		cmocka_unit_test(append__refuses_what_is_no_entry),
		cmocka_unit_test(message__comes_back_or_is_told),
		cmocka_unit_test(memory__may_run_out_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
