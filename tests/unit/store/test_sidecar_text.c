/*
 * sidecar_text.c, _frame.c, _index.c, _manifest.c, _state.c, _checkpoint.c, _ledger.c, _shape.c:
 * what is taken as a record of a sidecar. Each document is good as it stands and refused after any
 * one of the changes in its table; memory that is short is said, whatever the document.
 */
#include "changes.h"
#include "faulty.h"
#include "written.h"

#include <stdlib.h>

#include "store/sidecar_priv.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UUID "5b0f6c1e-0000-4000-8000-0000000000aa"
#define TIME "2026-03-01T10:00:00.000Z"

static int free_all(void **state)
{
	(void)state;
	(void)scarce_stop();
	return 0;
}

/* ---- small pieces ---- */

static const struct ramet_json *value_of(struct ramet_json_doc *doc, const char *text)
{
	must(ramet_json_parse(doc, js(text), RAMET_JSON_STRICT, &why));
	return ramet_json_root(doc);
}

static void u64__is_plain_digits(void **state)
{
	static const char *const bad[] = { "-1", "1.0", "1e2", "'1'", "null", "1234567890123456789",
					   "true" };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	uint64_t n = 7;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(rameti_sc_u64(value_of(&doc, bad[i]), &n));
	assert_false(rameti_sc_u64(NULL, &n));
	assert_int_equal(n, 7);
	assert_true(rameti_sc_u64(value_of(&doc, "123456789012345678"), &n));
	assert_true(n == 123456789012345678u);
	assert_true(rameti_sc_u64(value_of(&doc, "0"), &n));
	assert_int_equal(n, 0);
	ramet_json_doc_release(&doc);
}

static void text__fits_and_has_no_nul(void **state)
{
	static const struct {
		const char *text, *is;           /* is NULL: refused */
	} cases[] = {
		{ "'abc'", "abc" },
		{ "'abcd'", NULL },
		{ "'a\\u0062c'", "abc" },
		{ "'a\\u0062cd'", NULL },
		{ "'a\\u0062cdefghi'", NULL },
		{ "'a\\u0000'", NULL },
		{ "''", "" },
		{ "7", NULL },
		{ "null", NULL },
		{ "['a']", NULL },
	};
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	char out[4];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ramet_json *v = value_of(&doc, cases[i].text);

		memcpy(out, "old", 4);
		assert_int_equal(rameti_sc_text(v, out, sizeof(out)), cases[i].is != NULL);
		assert_string_equal(out, cases[i].is ? cases[i].is : "old");
	}
	assert_false(rameti_sc_text(NULL, out, sizeof(out)));
	ramet_json_doc_release(&doc);
}

static void names__are_of_their_alphabets(void **state)
{
	static const char *const ids[] = { "a", "Z", "09", "a_b-c" };
	static const char *const no_ids[] = { "", "a.b", "a/b", "a b", "\xc3\xa4", "a:" };
	static const char *const uuids[] = { UUID, "5B0F6C1E-0000-4000-8000-0000000000AF" };
	static const char *const no_uuids[] = { "", "5b0f6c1e",
						"5b0f6c1e-0000-4000-8000-0000000000aaa",
						"5b0f6c1e-0000-4000-8000-0000000000ag",
						"5b0f6c1e-0000-4000-8000-0000000000aG",
						"5b0f6c1e-0000-4000-8000-0000000000a/",
						"5b0f6c1e+0000-4000-8000-0000000000aa" };
	char longest[SC_ID + 1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_true(rameti_sc_id_ok(ramet_bytes_of(ids[i])));
	for (i = 0; i < sizeof(no_ids) / sizeof(no_ids[0]); i++)
		assert_false(rameti_sc_id_ok(ramet_bytes_of(no_ids[i])));
	for (i = 0; i < sizeof(uuids) / sizeof(uuids[0]); i++)
		assert_true(rameti_sc_uuid_ok(ramet_bytes_of(uuids[i])));
	for (i = 0; i < sizeof(no_uuids) / sizeof(no_uuids[0]); i++)
		assert_false(rameti_sc_uuid_ok(ramet_bytes_of(no_uuids[i])));
	memset(longest, 'a', sizeof(longest));
	assert_true(rameti_sc_id_ok((struct ramet_bytes){ longest, 128 }));
	assert_false(rameti_sc_id_ok((struct ramet_bytes){ longest, 129 }));
	assert_false(rameti_sc_id_ok((struct ramet_bytes){ "a\0b", 3 }));
	assert_true(rameti_sc_correlation_ok((struct ramet_bytes){ longest, 128 }));
	assert_false(rameti_sc_correlation_ok((struct ramet_bytes){ longest, 129 }));
	assert_false(rameti_sc_correlation_ok((struct ramet_bytes){ longest, 7 }));
	assert_true(rameti_sc_correlation_ok(ramet_bytes_of("a.b_c:d-")));
	assert_false(rameti_sc_correlation_ok(ramet_bytes_of("a.b_c:d/")));
}

static void time__is_as_rfc_3339_has_it(void **state)
{
	static const char *const good[] = { "2026-03-01T10:00:00Z", "2026-03-01T10:00:00z", TIME,
					    "2026-03-01T10:00:00+05:30",
					    "2026-03-01T10:00:00.1-00:00" };
	static const char *const bad[] = { "", "2026-03-01", "2026-03-01T10:00:00",
					   "2026-03-01T10:00:00.", "2026-03-01T10:00:00.Z",
					   "2026-03-01T10:00:00.1:", "2026-03-01T10:00:00X",
					   "2026-03-01T10:00:00+0100", "2026-03-01T10:00:00ZZ",
					   "2026-03-01T10:00:00*00:00", "2026-03-01T10:00:0/",
					   "2026-03-01T10:00:00.1/",
					   "2026-03-01T10:00:00.0000000000000000000000000000Z" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(rameti_sc_time_ok(ramet_bytes_of(good[i])));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(rameti_sc_time_ok(ramet_bytes_of(bad[i])));
}

static void pretty__leaves_texts_alone(void **state)
{
	struct ramet_buf out = RAMET_BUF_INIT(256), tight = RAMET_BUF_INIT(4);

	(void)state;
	rameti_sc_pretty(&out, js("{'a':'{\\'x\\\\','b':{'c':1,'d':':,'}}"));
	assert_text(ramet_buf_bytes(&out), "%s",
		    dq("{\n  'a': '{\\'x\\\\',\n  'b': {\n    'c': 1,\n    'd': ':,'\n  }\n}"));
	must(rameti_sc_status(&out, &why));
	ramet_buf_reset(&out);
	rameti_sc_pretty(&out, js("'torn\\"));
	assert_text(ramet_buf_bytes(&out), "\"torn\\");
	rameti_sc_pretty(&tight, js("{'a':1}"));
	refused(rameti_sc_status(&tight, &why), RAMET_ELIMIT);
	ramet_buf_release(&out);
	ramet_buf_release(&tight);
}

/* ---- frames ---- */

static void add_frame(struct ramet_buf *b, const char *parent, const char *payload)
{
	struct rameti_sc_frame f = { .segment_seq = 1, .frame_seq = 2, .entry_seq = 3 };

	f.id = ramet_bytes_of("b");
	f.parent = raw(parent);
	f.type = ramet_bytes_of("message");
	f.time = ramet_bytes_of(TIME);
	f.payload = js(payload);
	rameti_sc_sha(f.payload, f.sha);
	rameti_sc_frame_add(b, &f);
}

static int frame(struct ramet_bytes text, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct rameti_sc_frame f;
	int r = rameti_sc_frame_parse(&doc, text, &f, err);

	if (!r) {
		assert_true(ramet_bytes_is(f.id, "b"));
		assert_int_equal(f.entry_seq, 3);
	}
	ramet_json_doc_release(&doc);
	return r;
}

#define PAYLOAD "{'type':'message','id':'b','parentId':'a','message':{}}"

static void frame__is_refused_after_any_change(void **state)
{
	static const struct change changes[] = {
		{ "frame.v1'", "frame.v2'" },
		{ "'segmentSeq':1", "'segmentSeq':-1" },
		{ "'frameSeq':2", "'frameSeq':'2'" },
		{ "'entrySeq':3", "'entrySeq':3.0" },
		{ "'payloadBytes':", "'payloadBytes':null,'bytes':" },
		{ "'payloadBytes':", "'payloadBytes':1" },
		{ "'parentEntryId':'a'", "'parentEntryId':'../a'" },
		{ "'parentEntryId':'a'", "'parentEntryId':7" },
		{ "'parentEntryId':'a',", "" },
		{ "'parentEntryId':'a'", "'parentEntryId':null" },
		{ "'parentEntryId':'a'", "'parentEntryId':'c'" },
		{ "'entryId':'b'", "'entryId':''" },
		{ "'entryId':'b'", "'entryId':'c'" },
		{ "'entryType':'message'", "'entryType':'other'" },
		{ "'entryType':'message'", "'entryType':'custom'" },
		{ "'timestamp':'2026", "'timestamp':'MMXX" },
		{ "'payloadSha256':'", "'payloadSha256':'g" },
		{ "'payloadSha256':'", "'payloadSha256':'" HASH "','was':'" },
		{ "'message':{}", "'message':[]" },
		{ "{'schema'", "{'schema':'','schema'" },
		{ "'payload':{", "'payload':[{" },
		{ "}\n", "}" },
		{ "}\n", "\n" },
		{ NULL, NULL }
	};
	struct ramet_buf b = RAMET_BUF_INIT(4096);
	static char unused[1];

	(void)state;
	add_frame(&b, "a", PAYLOAD);
	refuses_each(frame, b.ptr, changes);
	says_when_memory_is_short(frame, b.ptr);
	refused(frame((struct ramet_bytes){ unused, 0 }, &why), RAMET_EFORMAT);
	refused(frame(js("[]\n"), &why), RAMET_EFORMAT);
	ramet_buf_release(&b);
}

/* The frame says a, the payload another thing; its hash is right. */
static void frame__says_what_its_payload_says(void **state)
{
	static const struct {
		const char *parent, *payload;
		int r;
	} cases[] = {
		{ "a", PAYLOAD, 0 },
		{ NULL, "{'type':'message','id':'b','parentId':null}", 0 },
		{ NULL, "{'type':'message','id':'b'}", 0 },
		{ NULL, PAYLOAD, RAMET_EFORMAT },
		{ "a", "{'type':'message','id':'b'}", RAMET_EFORMAT },
		{ "a", "{'type':'message','id':'b','parentId':'c'}", RAMET_EFORMAT },
		{ "a", "{'type':'message','id':'b','parentId':'\\u0061'}", RAMET_EFORMAT },
		{ "a", "{'type':'label','id':'b','parentId':'a'}", RAMET_EFORMAT },
		{ "a", "{'type':'message','id':'c','parentId':'a'}", RAMET_EFORMAT },
		{ "a", "{'type':'message','id':'b','id':'b','parentId':'a'}", RAMET_EFORMAT },
		{ "a", "[]", RAMET_EFORMAT },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ramet_buf b = RAMET_BUF_INIT(4096);

		add_frame(&b, cases[i].parent, cases[i].payload);
		check_result(frame(ramet_buf_bytes(&b), &why), cases[i].r, cases[i].payload,
			     __FILE__, __LINE__);
		ramet_buf_release(&b);
	}
}

static void frame__has_at_most_100_mib(void **state)
{
	size_t len = (size_t)SC_LINE_MAX + 1;
	char *text = calloc(len, 1);                 /* only the last page of it is touched */

	(void)state;
	assert_non_null(text);
	text[len - 1] = '\n';
	refused(frame((struct ramet_bytes){ text, len }, &why), RAMET_EFORMAT);
	free(text);
}

/* ---- rows ---- */

#define ROW                                                                                        \
	"{'schema':'pi.session_store_v2.offset_index.v1','entrySeq':3,'entryId':'b',"              \
	"'segmentSeq':1,'frameSeq':3,'byteOffset':20,'byteLength':10,'crc32c':'0A1B2C3D',"         \
	"'state':'active'}"

static int row(struct ramet_bytes text, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct rameti_sc_row x;
	int r = rameti_sc_row_parse(&doc, text, &x, err);

	if (!r)
		assert_int_equal(x.crc32c, 0x0a1b2c3d);
	ramet_json_doc_release(&doc);
	return r;
}

static void row__is_refused_after_any_change(void **state)
{
	static const struct change changes[] = {
		{ "index.v1", "index.v2" },
		{ "'active'", "'gone'" },
		{ "'entrySeq':3", "'entrySeq':null" },
		{ "'entrySeq':3", "'entrySeq':0" },
		{ "'segmentSeq':1", "'segmentSeq':-1" },
		{ "'segmentSeq':1", "'segmentSeq':0" },
		{ "'frameSeq':3", "'frameSeq':1e0" },
		{ "'frameSeq':3", "'frameSeq':0" },
		{ "'byteOffset':20", "'byteOffset':[]" },
		{ "'byteLength':10", "'byteLength':true" },
		{ "'byteLength':10", "'byteLength':0" },
		{ "0A1B", "0a1B" },
		{ "0A1B", "A1B" },
		{ "'0A1B2C3D'", "1" },
		{ "'entryId':'b'", "'entryId':'b b'" },
		{ "'entryId':'b'", "'entryId':2" },
		{ "{'schema'", "{'state':'active','schema'" },
		{ "{", "[" },
		{ "{", "{}{" },
		{ ROW, "[]" },
		{ NULL, NULL }
	};

	(void)state;
	refuses_each(row, ROW, changes);
	says_when_memory_is_short(row, ROW);
}

static void row__follows_without_a_gap(void **state)
{
	const struct rameti_sc_row first = { 1, 1, 1, 0, 10, 0, "a" };
	static const struct {
		struct rameti_sc_row row;
		int r, r_first;                  /* behind first; with none before it */
	} cases[] = {
		{ { 2, 1, 2, 10, 5, 0, "b" }, 0, RAMET_EFORMAT },
		{ { 2, 2, 1, 0, 5, 0, "b" }, 0, RAMET_EFORMAT },
		{ { 1, 1, 1, 0, 5, 0, "b" }, RAMET_EFORMAT, 0 },
		{ { 1, 2, 1, 0, 5, 0, "b" }, RAMET_EFORMAT, RAMET_EFORMAT },
		{ { 1, 1, 2, 0, 5, 0, "b" }, RAMET_EFORMAT, RAMET_EFORMAT },
		{ { 1, 1, 1, 1, 5, 0, "b" }, RAMET_EFORMAT, RAMET_EFORMAT },
		{ { 3, 1, 2, 10, 5, 0, "b" }, RAMET_EFORMAT, RAMET_EFORMAT },
		{ { 2, 3, 1, 0, 5, 0, "b" }, RAMET_EFORMAT, RAMET_EFORMAT },
		{ { 2, 1, 3, 10, 5, 0, "b" }, RAMET_EFORMAT, RAMET_EFORMAT },
		{ { 2, 2, 2, 0, 5, 0, "b" }, RAMET_EFORMAT, RAMET_EFORMAT },
		{ { 2, 1, 2, 11, 5, 0, "b" }, RAMET_EFORMAT, RAMET_EFORMAT },
		{ { 2, 2, 1, 10, 5, 0, "b" }, RAMET_EFORMAT, RAMET_EFORMAT },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(rameti_sc_row_follows(&first, &cases[i].row, NULL), cases[i].r);
		assert_int_equal(rameti_sc_row_follows(NULL, &cases[i].row, NULL),
				 cases[i].r_first);
	}
}

/* ---- state and checkpoint ---- */

#define STATE                                                                                      \
	"{'schema':'pi.session_store_v2.source_state.v1','state':'clean','sourceFingerprint':"     \
	"{'byteLength':5,'sha256':'" HASH "','fileIdentity':{'device':1,'inode':2,"                \
	"'changeTimeSeconds':3,'changeTimeNanoseconds':4}}}"

static int source_state(struct ramet_bytes text, struct ramet_error *err)
{
	struct rameti_sc_state s;

	return rameti_sc_state_parse(text, &s, err);
}

static void state__is_refused_after_any_change(void **state)
{
	static const struct change bad[] = {
		{ "state.v1", "state.v2" },
		{ "'clean'", "'soiled'" },
		{ "'byteLength':5", "'byteLength':'5'" },
		{ "'sha256':'0", "'sha256':'" },
		{ "'sha256':'0", "'sha256':'G" },
		{ "'device':1", "'device':-1" },
		{ "'changeTimeNanoseconds':4", "'x':4" },
		{ "'device':1", "'device':1,'device':1" },
		{ "'byteLength':5", "'byteLength':5,'byteLength':5" },
		{ "'fileIdentity':{", "'fileIdentity':1,'was':{" },
		{ "{'schema'", "{'state':'clean','schema'" },
		{ "{", "" },
		{ STATE, "7" },
		{ NULL, NULL }
	};
	static const struct change good[] = {
		{ "'clean'", "'dirty'" },
		{ "'sourceFingerprint':", "'x':" },
		{ "'fileIdentity':", "'x':" },
		{ "'fileIdentity':", "'fileIdentity':null,'x':" },
		{ "'sourceFingerprint':", "'sourceFingerprint':7,'x':" },
		{ NULL, NULL }
	};

	(void)state;
	refuses_each(source_state, STATE, bad);
	takes_each(source_state, STATE, good);
	says_when_memory_is_short(source_state, STATE);
}

static void state__is_read_as_it_was_written(void **state)
{
	struct rameti_sc_state s = { .clean = 1, .has_print = 1 }, again;
	struct ramet_buf b = RAMET_BUF_INIT(4096);

	(void)state;
	s.print.len = 5;
	memcpy(s.print.sha, HASH, SC_HEX);
	rameti_sc_state_add(&b, &s);
	must(rameti_sc_state_parse(ramet_buf_bytes(&b), &again, &why));
	assert_true(again.clean && again.has_print && !again.has_identity);
	assert_int_equal(again.print.len, 5);
	assert_string_equal(again.print.sha, HASH);
	ramet_buf_reset(&b);
	s.has_print = 0;
	rameti_sc_state_add(&b, &s);
	must(rameti_sc_state_parse(ramet_buf_bytes(&b), &again, &why));
	assert_true(again.clean && !again.has_print);
	ramet_buf_release(&b);
}

#define CHECKPOINT                                                                                 \
	"{'schema':'pi.session_store_v2.checkpoint.v1','checkpointSeq':1,'at':'" TIME "',"         \
	"'headEntrySeq':2,'headEntryId':'b','chainHash':'" HASH "','reason':'manual'}"

static int checkpoint(struct ramet_bytes text, struct ramet_error *err)
{
	struct rameti_sc_checkpoint c;

	return rameti_sc_checkpoint_parse(text, &c, err);
}

static void checkpoint__is_refused_after_any_change(void **state)
{
	static const struct change bad[] = {
		{ "checkpoint.v1", "checkpoint.v2" },
		{ "'checkpointSeq':1", "'checkpointSeq':'1'" },
		{ "'headEntrySeq':2", "'headEntrySeq':-2" },
		{ "'at':'2026", "'at':[],'was':'2026" },
		{ "'at':'2026", "'at':'MMXX" },
		{ "'headEntryId':'b'", "'headEntryId':7" },
		{ "'headEntryId':'b'", "'headEntryId':'../b'" },
		{ "'chainHash':'0", "'chainHash':'" },
		{ "'reason':'manual'", "'reason':null" },
		{ "{'schema'", "{'reason':'manual','schema'" },
		{ "{", "" },
		{ NULL, NULL }
	};
	static const struct change good[] = {
		{ "'headEntryId':'b'", "'headEntryId':''" },
		{ "{'schema'", "{'more':1,'schema'" },
		{ NULL, NULL }
	};

	(void)state;
	refuses_each(checkpoint, CHECKPOINT, bad);
	takes_each(checkpoint, CHECKPOINT, good);
	says_when_memory_is_short(checkpoint, CHECKPOINT);
}

#define TEST(name) cmocka_unit_test_teardown(name, free_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(u64__is_plain_digits),
		TEST(text__fits_and_has_no_nul),
		TEST(names__are_of_their_alphabets),
		TEST(time__is_as_rfc_3339_has_it),
		TEST(pretty__leaves_texts_alone),
		TEST(frame__is_refused_after_any_change),
		TEST(frame__says_what_its_payload_says),
		TEST(frame__has_at_most_100_mib),
		TEST(row__is_refused_after_any_change),
		TEST(row__follows_without_a_gap),
		TEST(state__is_refused_after_any_change),
		TEST(state__is_read_as_it_was_written),
		TEST(checkpoint__is_refused_after_any_change),
	};

	return cmocka_run_group_tests_name("sidecar_text", tests, NULL, NULL);
}
