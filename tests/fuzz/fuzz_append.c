/*
 * fuzz_append.c - any appends to a session in memory, made of the bytes of the input.
 *
 * Byte 0 picks the session to start from, byte 1 how random the ids are and whether the session is
 * forked into a file at the end; then operations, each a byte and what it needs; in some of them
 * memory runs short. A call that fails changes nothing; one that succeeds adds exactly its entries
 * where they belong; what is written out at the end reads back the same. Time and randomness are
 * the same in every run.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "json/scan.h"
#include "ramet.h"

#define OUT_MAX (256u << 20)
#define OPS_MAX 64
#define BATCH_MAX 4
#define UNTOUCHED '?'

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* ---- the sessions to start from; ' stands for " ---- */

#define HEADER(version) "{'type':'session','version':" version ",'id':'s','timestamp':" TIME \
	",'cwd':'/w'}\n"
#define TIME "'2026-01-02T03:04:05.006Z'"
#define LINE(type, id, parent, more) "{'type':'" type "','id':" id ",'parentId':" parent \
	",'timestamp':" TIME more "}\n"
#define USER(id, parent) LINE("message", id, parent, ",'message':{'role':'user','content':'hi'}")
#define ANSWER(id, parent) LINE("message", id, parent, ",'message':{'role':'assistant'," \
	"'content':[{'type':'text','text':'ho'}],'provider':'p','model':'m','usage':{'input':1}}")

static const char *const bases[] = {
	"",
	HEADER("3") LINE("message", "'s0'", "null", ",'message':{'role':'system','content':'x'}")
		USER("'a1'", "'s0'") ANSWER("'b2'", "'a1'") USER("'c3'", "'b2'")
		USER("'d4'", "'b2'") LINE("label", "'e5'", "'d4'", ",'targetId':'a1','label':'L'")
		LINE("custom_message", "'f6'", "'e5'",
		     ",'customType':'t','content':'c','display':true"),
	HEADER("2") USER("'a1'", "null")
		LINE("message", "'b2'", "'a1'", ",'message':{'role':'hookMessage','content':'h'}")
		LINE("compaction", "'c3'", "'b2'",
		     ",'summary':'S','firstKeptEntryId':'b2','tokensBefore':9"),
	/* odd: repeated and missing ids, an orphan, a loop; the last one cannot have children */
	HEADER("3") USER("'a1'", "'a1'") USER("'b2'", "'none'") USER("'c3'", "'b2'")
		ANSWER("'b2'", "'c3'") USER("null", "'b2'"),
	/* without a header */
	USER("'a1'", "null") ANSWER("'b2'", "'a1'"),
};
#define N_BASES (sizeof(bases) / sizeof(*bases))

/* JSON that the input may name by number, so that not all of it must be guessed. */
static const char *const snippets[] = {
	"null",
	"{}",
	"[ ]",
	"'text'",
	"-0",
	"{ 'role' : 'user' , 'content' : 'a  b' }",
	"{'role':'user','content':[{'type':'text','text':'x'}],'timestamp':1}",
	"{'role':'assistant','content':[],'stopReason':'toolUse'}",
	"{'role':'toolResult','toolCallId':'t','toolName':'n','content':[]}",
	"{'role':'system','content':'sys',\n\t'timestamp': 5}",
	"{'role':'custom','customType':'c','content':'x','display':false}",
	"{'role':'\\ud800','content':1}",
	"{'content':'new'}",
	"{'content':[{'type':'text','text':'new'}]}",
	"{'type':'label','targetId':'a1','label':'x'}",
	"{'type':'label','targetId':'b2'}",
	"{'type':'session_info','name':'n'}",
	"{'type':'context_edit','targetId':'a1','replacement':null}",
	"{'type':'context_edit','targetId':'b2','replacement':{'content':'y'}}",
	"{'type':'compaction','summary':'s','firstKeptEntryId':'a1','tokensBefore':1}",
	"{'type':'branch_summary','fromId':'a1','summary':'s'}",
	"{'type':'custom','customType':'ramet.leaf'}",
	"{'type':'message','message':{'role':'user','content':'x'}}",
	"{'type':'unknown','x':{'y':[1,2,{'z':null}]}}",
	"{'type':'usage','kind':'k','provider':'p','model':'m','usage':{'input':1}}",
	"{'type':'model_change','provider':'p','modelId':'m'}",
	"{'type':'thinking_level_change','thinkingLevel':'high'}",
	"{'x':1,'type':'\\u0063ustom','customType':'c','type':'label','targetId':'a1'}",
	/* members twice, in disguise, or where others look for something else */
	"{'role':'user','content':'x','role':'assistant','timestamp':1,'timestamp':2}",
	"{'r\\u006fle':'user','content':'x'}",
	"{'role':'us\\u0065r','content':[],'message':{'role':'system'}}",
	"{'content':[{'role':'assistant','type':'x'}],'type':'y','id':'z','role':'odd'}",
	"{'type':'message','message':{'role':'user','content':'x'},'m\\u0065ssage':{'role':'y'}}",
	"{'type':'unknown','message':{'role':'user','content':''}}",
	"{'message':{'role':'user'},'type':'custom','customType':'c'}",
	"{'type':'custom','customType':'c','\\u0069d':'a1'}",
};
#define N_SNIPPETS (sizeof(snippets) / sizeof(*snippets))

static void add_quoted(struct ramet_buf *b, const char *text)
{
	for (; *text; text++)
		ramet_buf_add_char(b, *text == '\'' ? '"' : *text);
}

/* ---- the world ---- */

static struct rameti_env env;
static uint64_t random_state;
static uint8_t random_mask;                      /* few bits: ids that are taken come often */
static char dir[] = "/tmp/ramet-fuzz-append-XXXXXX";

static ssize_t fixed_random(void *user, void *to, size_t len)
{
	uint8_t *at = to;
	size_t i;

	(void)user;
	for (i = 0; i < len; i++) {
		random_state = random_state * 6364136223846793005u + 1442695040888963407u;
		at[i] = (uint8_t)(random_state >> 56) & random_mask;
	}
	return (ssize_t)len;
}

static int fixed_clock(void *user, clockid_t clock, struct timespec *ts)
{
	(void)user, (void)clock;
	ts->tv_sec = 1767323045;
	ts->tv_nsec = 6000000;
	return 0;
}

static unsigned fail_in;                         /* the n-th allocation from here; 0: none */

static void *scarce_realloc(void *user, void *ptr, size_t size)
{
	(void)user;
	return fail_in && --fail_in == 0 ? NULL : realloc(ptr, size);
}

static void plain_free(void *user, void *ptr)
{
	(void)user;
	free(ptr);
}

static void remove_dir(void)
{
	(void)rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct ramet_allocator scarce = { scarce_realloc, plain_free, NULL };

	(void)argc, (void)argv;
	ramet_set_allocator(&scarce);
	env = *rameti_env_posix();
	env.getrandom = fixed_random;
	env.clock_gettime = fixed_clock;
	rameti_env_use(&env);
	if (!mkdtemp(dir))
		abort();
	atexit(remove_dir);
	return 0;
}

/* ---- the input ---- */

struct input {
	const uint8_t *ptr;
	size_t len;
	struct ramet_buf json[BATCH_MAX];        /* what was made of it for one call */
};

static uint8_t take(struct input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->ptr++;
}

/* A length byte, then so many bytes; 255: none is given. */
static struct ramet_bytes take_text(struct input *in)
{
	struct ramet_bytes text = { NULL, 0 };
	size_t len = take(in);

	if (len == 255)
		return text;
	text.len = len < in->len ? len : in->len;
	text.ptr = text.len ? (const char *)in->ptr : "";
	in->ptr += text.len;
	in->len -= text.len;
	return text;
}

/* A snippet, a message with a text of the input, the input itself, or nothing. */
static struct ramet_bytes take_json(struct input *in, int slot)
{
	static const char *const roles[] = { "user", "assistant", "toolResult", "system" };
	const struct ramet_bytes none = { NULL, 0 };
	struct ramet_buf *b = &in->json[slot];
	uint8_t what = take(in);

	ramet_buf_reset(b);
	if (what < 0x80) {
		add_quoted(b, snippets[what % N_SNIPPETS]);
	} else if (what < 0xc0) {
		ramet_buf_addf(b, "{\"role\": \"%s\", \"content\":\n", roles[what & 3]);
		ramet_buf_add_json_string(b, take_text(in));
		ramet_buf_add_str(b, " }");
	} else if (what < 0xf0) {
		ramet_buf_add(b, take_text(in));
	} else {
		return none;
	}
	return ramet_buf_bytes(b);
}

static uint32_t take_row(struct input *in, const struct ramet_session *s)
{
	uint8_t at = take(in);
	uint32_t n = ramet_tree_count(ramet_session_tree(s));

	if (at == 255)
		return RAMET_NONE;
	return at == 254 ? n : at == 253 ? RAMET_NONE - 1 : n ? at % n : 0;
}

/* ---- operations ---- */

struct step {
	struct ramet_session *s;
	struct ramet_error err;
	char ids[BATCH_MAX][RAMET_ID_SIZE];
	uint32_t before, leaf;                   /* entries and leaf before the call */
	uint32_t added;                          /* by success */
	uint32_t from;                           /* what the first of them hangs from */
	int short_of_memory;                     /* an allocation failed in the call */
};

static int append_messages(struct step *p, struct input *in)
{
	struct ramet_bytes messages[BATCH_MAX];
	uint32_t n = take(in) % (BATCH_MAX + 1), i;

	for (i = 0; i < n; i++)
		messages[i] = take_json(in, (int)i);
	p->added = n;
	return ramet_session_append_messages(p->s, messages, n, p->ids, &p->err);
}

static int append_message(struct step *p, struct input *in)
{
	return ramet_session_append_message(p->s, take_json(in, 0), p->ids[0], &p->err);
}

static int append_usage(struct step *p, struct input *in)
{
	struct ramet_usage_entry u;

	u.kind = take_text(in);
	u.provider = take_text(in);
	u.model = take_text(in);
	u.note = take_text(in);
	u.usage = take_json(in, 0);
	return ramet_session_append_usage(p->s, &u, p->ids[0], &p->err);
}

static void take_summary(struct input *in, struct ramet_summary *c)
{
	memset(c, 0, sizeof(*c));
	c->summary = take_text(in);
	c->details = take_json(in, 0);
	c->usage = take_json(in, 1);
	c->from_hook = take(in) % 3 - 1;
}

static int append_compaction(struct step *p, struct input *in)
{
	const struct ramet_tree *t = ramet_session_tree(p->s);
	struct ramet_summary c;
	uint32_t kept = take_row(in, p->s);

	take_summary(in, &c);
	c.tokens_before = (double)take(in) * 1e18 / 7;
	if (kept < ramet_tree_count(t))
		c.first_kept = ramet_tree_id(t, kept);
	else if (kept != RAMET_NONE)
		c.first_kept = take_text(in);
	return ramet_session_append_compaction(p->s, &c, p->ids[0], &p->err);
}

static int branch_with_summary(struct step *p, struct input *in)
{
	struct ramet_summary b;

	p->from = take_row(in, p->s);
	take_summary(in, &b);
	return ramet_session_branch_with_summary(p->s, p->from, &b, p->ids[0], &p->err);
}

static int append_custom(struct step *p, struct input *in)
{
	struct ramet_bytes type = take_text(in);

	return ramet_session_append_custom(p->s, type, take_json(in, 0), p->ids[0], &p->err);
}

static int append_custom_message(struct step *p, struct input *in)
{
	struct ramet_custom_message m;

	m.custom_type = take_text(in);
	m.content = take_json(in, 0);
	m.details = take_json(in, 1);
	m.display = take(in) & 1;
	return ramet_session_append_custom_message(p->s, &m, p->ids[0], &p->err);
}

static int append_label(struct step *p, struct input *in)
{
	uint32_t target = take_row(in, p->s);

	return ramet_session_append_label(p->s, target, take_text(in), p->ids[0], &p->err);
}

static int append_edit(struct step *p, struct input *in)
{
	uint32_t target = take_row(in, p->s);

	return ramet_session_append_context_edit(p->s, target, take_json(in, 0), p->ids[0],
						 &p->err);
}

static int append_name(struct step *p, struct input *in)
{
	return ramet_session_append_name(p->s, take_text(in), p->ids[0], &p->err);
}

static int append_entry(struct step *p, struct input *in)
{
	return ramet_session_append_entry(p->s, take_json(in, 0), p->ids[0], &p->err);
}

static int append_level(struct step *p, struct input *in)
{
	return ramet_session_append_thinking_level(p->s, take_text(in), p->ids[0], &p->err);
}

static int append_model(struct step *p, struct input *in)
{
	struct ramet_bytes provider = take_text(in);

	return ramet_session_append_model(p->s, provider, take_text(in), p->ids[0], &p->err);
}

static int append_leaf(struct step *p, struct input *in)
{
	(void)in;
	return ramet_session_append_leaf(p->s, p->ids[0], &p->err);
}

static int branch(struct step *p, struct input *in)
{
	uint32_t row = take_row(in, p->s);
	int r = ramet_session_branch(p->s, row, &p->err);

	p->added = 0;
	if (r == 0)
		p->leaf = row;
	return r;
}

static int (*const operations[])(struct step *p, struct input *in) = {
	append_message, append_messages, append_entry, append_label,	  append_edit,
	append_name,	append_custom,	 append_usage, append_compaction, branch_with_summary,
	append_level,	append_model,	 append_leaf,  branch,		  append_custom_message,
};
#define N_OPERATIONS (sizeof(operations) / sizeof(*operations))

/* ---- what must hold ---- */

static int can_have_children(const struct ramet_tree *t, uint32_t row)
{
	return !(ramet_tree_row(t, row)->flags & (RAMET_ROW_NO_ID | RAMET_ROW_SHADOWED));
}

static void check_failed(const struct step *p, int r)
{
	uint32_t i;

	assert(r == RAMET_EINVAL || r == RAMET_EJSON || r == RAMET_ENOTFOUND ||
	       r == RAMET_ELIMIT || (r == RAMET_ENOMEM && p->short_of_memory));
	assert(p->err.code == r && *p->err.text);
	assert(ramet_tree_count(ramet_session_tree(p->s)) == p->before);
	assert(ramet_session_leaf(p->s) == p->leaf);
	for (i = 0; i < BATCH_MAX; i++)
		assert(p->ids[i][0] == UNTOUCHED);
}

static void check_added(const struct step *p)
{
	const struct ramet_tree *t = ramet_session_tree(p->s);
	uint32_t i, from = p->from;

	while (from != RAMET_NONE && !can_have_children(t, from))
		from = from ? from - 1 : RAMET_NONE;
	assert(ramet_tree_count(t) == p->before + p->added);
	assert(ramet_session_leaf(p->s) == (p->added ? p->before + p->added - 1 : p->leaf));
	for (i = 0; i < p->added; i++) {
		uint32_t row = p->before + i;
		struct ramet_bytes id = ramet_bytes_of(p->ids[i]);

		assert(ramet_bytes_eq(ramet_tree_id(t, row), id));
		assert(ramet_tree_find(t, id) == row);
		assert(ramet_tree_row(t, row)->parent == (i ? row - 1 : from));
		assert(ramet_tree_row(t, row)->time_ms == 1767323045006);
	}
	for (; i < BATCH_MAX; i++)
		assert(p->ids[i][0] == UNTOUCHED);
}

/* The message in the last entry is the one given, token by token. */
static void check_message(const struct step *p, const struct input *in)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(OUT_MAX), want = RAMET_BUF_INIT(OUT_MAX);
	struct ramet_json_doc given = RAMET_JSON_DOC_INIT, stored = RAMET_JSON_DOC_INIT;
	struct ramet_bytes json;
	int r = ramet_tree_entry(ramet_session_tree(p->s), p->before, &scratch, &json, NULL);

	assert(r == 0);
	r = ramet_json_parse(&stored, json, RAMET_JSON_STRICT, NULL);
	assert(r == 0);
	r = ramet_json_parse(&given, ramet_buf_bytes(&in->json[0]), RAMET_JSON_STRICT, NULL);
	assert(r == 0);
	rameti_json_add_compact(&want, ramet_json_root(&given));
	assert(ramet_bytes_eq(
		ramet_json_raw(ramet_json_get(ramet_json_root(&stored), "message")),
		ramet_buf_bytes(&want)));
	ramet_json_doc_release(&given);
	ramet_json_doc_release(&stored);
	ramet_buf_release(&want);
	ramet_buf_release(&scratch);
}

static void step(struct ramet_session *s, struct input *in)
{
	struct step p = { .s = s, .added = 1 };
	uint8_t first = take(in);
	size_t what = (first & 0x7f) % N_OPERATIONS;
	unsigned limit = first & 0x80 ? take(in) : 0;
	int r;

	memset(p.ids, UNTOUCHED, sizeof(p.ids));
	p.before = ramet_tree_count(ramet_session_tree(s));
	p.leaf = p.from = ramet_session_leaf(s);
	fail_in = limit;
	r = operations[what](&p, in);
	p.short_of_memory = limit && !fail_in;
	fail_in = 0;
	if (r < 0) {
		check_failed(&p, r);
		return;
	}
	assert(r == 0);
	check_added(&p);
	if (operations[what] == append_message)
		check_message(&p, in);
}

/* ---- written out and read again ---- */

static void add_report(const struct ramet_session *s, struct ramet_buf *out)
{
	uint32_t next = 0;
	int r = ramet_report_entries(s, 0, OUT_MAX, out, &next, NULL);

	assert(r == 0 && next == RAMET_NONE);
}

static void add_context(const struct ramet_session *s, uint32_t leaf, struct ramet_buf *out)
{
	struct ramet_context *c;
	int r = ramet_context_new(&c, ramet_session_tree(s), leaf, NULL);

	assert(r == 0);
	r = ramet_context_write(c, out, NULL);
	assert(r == 0);
	r = ramet_context_write_llm(c, out, NULL);
	assert(r == 0);
	ramet_context_free(c);
}

static void check_undamaged(const struct ramet_session *s)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	uint32_t i;
	int r = ramet_session_check(s, &f, NULL);

	assert(r == 0);
	for (i = 0; i < f.n; i++)
		assert(f.items[i].severity < RAMET_DAMAGE);
	ramet_findings_release(&f);
}

/* What a line alone says. */
static int same_line(const struct ramet_row *x, const struct ramet_row *y)
{
	return x->length == y->length && x->crc32c == y->crc32c && x->id_at == y->id_at &&
	       x->id_hash == y->id_hash && x->parent_hash == y->parent_hash;
}

/* Rows, texts and contexts of b, which was read from what a wrote; the first n_base rows were not
 * written by us and may have changed their version. */
static void check_same(const struct ramet_session *a, const struct ramet_session *b,
		       uint32_t n_base)
{
	const struct ramet_tree *t = ramet_session_tree(a), *u = ramet_session_tree(b);
	struct ramet_buf of_a = RAMET_BUF_INIT(OUT_MAX), of_b = RAMET_BUF_INIT(OUT_MAX);
	uint32_t i, n = ramet_tree_count(t);

	assert(ramet_tree_count(u) == n);
	assert(ramet_session_leaf(b) == (n ? n - 1 : RAMET_NONE));
	for (i = 0; i < n; i++) {
		const struct ramet_row *x = ramet_tree_row(t, i), *y = ramet_tree_row(u, i);

		assert(ramet_bytes_eq(ramet_tree_id(t, i), ramet_tree_id(u, i)));
		assert(x->parent == y->parent && x->depth == y->depth && x->type == y->type);
		assert(x->role == y->role && x->flags == y->flags && x->time_ms == y->time_ms);
		assert(i < n_base || same_line(x, y));
		assert(x->compaction == y->compaction && x->model == y->model);
		assert(x->level == y->level && x->edit == y->edit);
	}
	add_report(a, &of_a);
	add_report(b, &of_b);
	add_context(a, ramet_session_leaf(a), &of_a);
	add_context(b, ramet_session_leaf(a), &of_b);
	assert(ramet_bytes_eq(ramet_buf_bytes(&of_a), ramet_buf_bytes(&of_b)));
	ramet_buf_release(&of_a);
	ramet_buf_release(&of_b);
	check_undamaged(b);
}

static void read_back(const struct ramet_session *s, uint32_t n_base)
{
	struct ramet_buf out = RAMET_BUF_INIT(OUT_MAX);
	struct ramet_session *again;
	int r;

	add_quoted(&out, HEADER("3"));
	add_report(s, &out);
	r = ramet_session_open_bytes(&again, ramet_buf_bytes(&out), NULL, NULL);
	assert(r == 0);
	check_same(s, again, n_base);
	ramet_session_close(again);
	ramet_buf_release(&out);
}

static void read_fork(struct ramet_session *s, uint32_t n_base)
{
	struct ramet_fork_opts opts = { .cwd = "/w", .dir = dir, .level = RAMET_LEVEL_NONE };
	struct ramet_session *fork, *again;
	int r = ramet_fork(&fork, s, &opts, NULL);

	assert(r == 0 && ramet_session_stored(fork));
	check_same(s, fork, n_base);
	r = ramet_session_open(&again, ramet_session_path(fork), NULL, NULL);
	assert(r == 0);
	check_same(s, again, n_base);
	r = unlink(ramet_session_path(fork));
	assert(r == 0);
	ramet_session_close(again);
	ramet_session_close(fork);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len, { RAMET_BUF_INIT(1 << 20), RAMET_BUF_INIT(1 << 20),
					 RAMET_BUF_INIT(1 << 20), RAMET_BUF_INIT(1 << 20) } };
	struct ramet_buf base = RAMET_BUF_INIT(1 << 20);
	struct ramet_session *s;
	uint32_t n_base;
	uint8_t how;
	int i, r;

	add_quoted(&base, bases[take(&in) % N_BASES]);
	how = take(&in);
	random_state = 1;
	random_mask = how & 1 ? 0x01 : how & 2 ? 0 : 0xff;
	r = ramet_session_create_memory(&s, "/w", ramet_buf_bytes(&base), NULL, NULL);
	assert(r == 0);
	n_base = ramet_tree_count(ramet_session_tree(s));
	for (i = 0; in.len && i < OPS_MAX; i++)
		step(s, &in);
	check_undamaged(s);
	read_back(s, n_base);
	if (how & 4)
		read_fork(s, n_base);
	ramet_session_close(s);
	for (i = 0; i < BATCH_MAX; i++)
		ramet_buf_release(&in.json[i]);
	ramet_buf_release(&base);
	return 0;
}
