/*
 * sidecar_manifest.c, _ledger.c, _shape.c, _source.c: the manifest, the events of the ledger, and
 * the lines of the JSONL. Each is good as it stands and refused after any one change of its table.
 */
#include "changes.h"
#include "faulty.h"
#include "written.h"

#include <stdio.h>

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

/* ---- the manifest ---- */

static void make_manifest(struct rameti_sc_manifest *m)
{
	memset(m, 0, sizeof(*m));
	memcpy(m->session_id, UUID, sizeof(UUID));
	memcpy(m->source_format, "jsonl_v3", 9);
	memcpy(m->created, TIME, sizeof(TIME));
	memcpy(m->updated, TIME, sizeof(TIME));
	m->facts = (struct rameti_sc_facts){ .n_entries = 4, .n_messages = 3, .n_branches = 2,
					     .n_compactions = 1, .n_segments = 1, .bytes = 99,
					     .head_segment = 1, .last_crc = 0x1a };
	memcpy(m->facts.head_id, "d", 2);
	memcpy(m->facts.chain, HASH, SC_HEX);
}

static int manifest(struct ramet_bytes text, struct ramet_error *err)
{
	struct rameti_sc_manifest m;

	return rameti_sc_manifest_parse(text, &m, err);
}

static void manifest__is_refused_after_any_change(void **state)
{
	static const struct change changes[] = {
		{ "manifest.v1", "manifest.v2" },
		{ "'storeVersion': 2", "'storeVersion': 3" },
		{ "'storeVersion': 2", "'storeVersion': '2'" },
		{ "'sessionId': '", "'sessionId': 7, 'was': '" },
		{ "'sessionId': '", "'sessionId': '../" },
		{ "'sessionId': '5", "'sessionId': '6" },
		{ "'jsonl_v3'", "'jsonl_v4'" },
		{ "'jsonl_v3'", "3" },
		{ "'jsonl_v3'", "'sqlite_v1'" },
		{ "'jsonl_v3'", "'native_v2'" },
		{ "'createdAt': '", "'createdAt': 1, 'was': '" },
		{ "'createdAt': '2", "'createdAt': 'x" },
		{ "'updatedAt': '", "'updatedAt': 1, 'was': '" },
		{ "'updatedAt': '2", "'updatedAt': 'x" },
		{ "'segmentSeq': 1", "'segmentSeq': -1" },
		{ "'segmentSeq': 1", "'segmentSeq': 1, 'segmentSeq': 1" },
		{ "'entrySeq': 4", "'entrySeq': 4.0" },
		{ "'entrySeq': 4", "'entrySeq': 5" },
		{ "'entryId': 'd'", "'entryId': 4" },
		{ "'entryId': 'd'", "'entryId': '/'" },
		{ "'entryId': 'd'", "'entryId': ''" },
		{ "'head': {", "'head': [], 'was': {" },
		{ "'counters': {", "'counters': [], 'was': {" },
		{ "'entriesTotal': 4", "'entriesTotal': null" },
		{ "'entriesTotal': 4", "'entriesTotal': 5" },
		{ "'messagesTotal': 3", "'messagesTotal': '3'" },
		{ "'messagesTotal': 3", "'messagesTotal': 5" },
		{ "'branchesTotal': 2", "'branchesTotal': []" },
		{ "'branchesTotal': 2", "'branchesTotal': 5" },
		{ "'compactionsTotal': 1", "'compactionsTotal': true" },
		{ "'compactionsTotal': 1", "'compactionsTotal': 5" },
		{ "'bytesTotal': 99", "'bytesTotal': 9e1" },
		{ "'bytesTotal': 99", "'bytesTotal': 98" },
		{ "'files': {", "'files': [], 'was': {" },
		{ "'segmentCount': 1", "'segmentCount': '1'" },
		{ "'segments/'", "'parts/'" },
		{ "'index/offsets.jsonl'", "'index'" },
		{ "'checkpoints/'", "'../'" },
		{ "'migrations/ledger.jsonl'", "7" },
		{ "'hashChainValid': true", "'hashChainValid': false" },
		{ "'parentLinksClosed': true", "'was': true" },
		{ "'integrity': {", "'integrity': [], 'was': {" },
		{ "'chainHash': '0", "'chainHash': '" },
		{ "'chainHash': '0", "'chainHash': '1" },
		{ "'manifestHash': '", "'manifestHash': 'g" },
		{ "'lastCrc32c': '0000001A'", "'lastCrc32c': 26" },
		{ "'lastCrc32c': '0000001A'", "'lastCrc32c': '0000001a'" },
		{ "'lastCrc32c': '0000001A'", "'lastCrc32c': '1A'" },
		{ "'lastCrc32c': '0000001A'", "'lastCrc32c': '0000001B'" },
		{ "'lastCrc32c': '0000001A'", "'lastCrc32c': '00000001A'" },
		{ "{", "{'schema': 1," },
		{ "{", "" },
		{ NULL, NULL }
	};
	static const struct change more[] = {
		{ "{", "{'more': [1]," },
		{ "'head': {", "'head': {'more': 1," },
		{ NULL, NULL }
	};
	struct ramet_buf b = RAMET_BUF_INIT(SC_DOC_MAX);
	struct rameti_sc_manifest m;

	(void)state;
	make_manifest(&m);
	rameti_sc_manifest_add(&b, &m);
	refuses_each(manifest, b.ptr, changes);
	takes_each(manifest, b.ptr, more);
	says_when_memory_is_short(manifest, b.ptr);
	refused(manifest(js("[]"), &why), RAMET_EFORMAT);
	ramet_buf_release(&b);
}

static void manifest__knows_three_sources(void **state)
{
	static const char *const names[] = { "jsonl_v3", "sqlite_v1", "native_v2" };
	struct rameti_sc_manifest m, again;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct ramet_buf b = RAMET_BUF_INIT(SC_DOC_MAX);

		make_manifest(&m);
		(void)snprintf(m.source_format, sizeof(m.source_format), "%s", names[i]);
		m.facts.head_id[0] = '\0';
		rameti_sc_manifest_add(&b, &m);
		must(rameti_sc_manifest_parse(ramet_buf_bytes(&b), &again, &why));
		assert_string_equal(again.source_format, names[i]);
		must(rameti_sc_manifest_matches(&again, &m.facts, &why));
		ramet_buf_release(&b);
	}
}

static void manifest__says_where_memory_was_short(void **state)
{
	struct ramet_buf tight = RAMET_BUF_INIT(100);
	struct rameti_sc_manifest m;
	unsigned n = 0;
	int reached = 1;

	(void)state;
	make_manifest(&m);
	rameti_sc_manifest_add(&tight, &m);
	assert_int_equal(ramet_buf_status(&tight), RAMET_ELIMIT);
	ramet_buf_release(&tight);
	while (reached) {
		struct ramet_buf b = RAMET_BUF_INIT(SC_DOC_MAX);

		scarce_start(++n);
		rameti_sc_manifest_add(&b, &m);
		reached = scarce_stop();
		assert_int_equal(ramet_buf_status(&b), reached ? RAMET_ENOMEM : 0);
		ramet_buf_release(&b);
		assert_true(n < 100);
	}
	assert_true(n > 1);
}

static void manifest__matches_only_its_facts(void **state)
{
	struct rameti_sc_manifest m;
	struct rameti_sc_facts f;
	int i;

	(void)state;
	make_manifest(&m);
	for (i = 0; i < 10; i++) {
		f = m.facts;
		f.n_entries += i == 0;
		f.head_segment += i == 1;
		f.n_segments += i == 2;
		f.head_id[0] = (char)(f.head_id[0] + (i == 3));
		f.n_messages += i == 4;
		f.n_branches += i == 5;
		f.n_compactions += i == 6;
		f.bytes += i == 7;
		f.chain[0] = (char)(f.chain[0] + (i == 8));
		f.last_crc += i == 9;
		refused(rameti_sc_manifest_matches(&m, &f, &why), RAMET_EFORMAT);
	}
	f = m.facts;
	f.last_size++;                               /* not in the manifest */
	must(rameti_sc_manifest_matches(&m, &f, &why));
}

/* ---- events ---- */

#define EVENT                                                                                      \
	"{'schema':'pi.session_store_v2.migration_event.v1','migrationId':'" UUID                  \
	"','phase':'completed','at':'" TIME "','sourcePath':'/s.jsonl','targetPath':'/s.v2',"      \
	"'sourceFormat':'jsonl_v3','targetFormat':'native_v2','verification':{},'outcome':'ok',"   \
	"'correlationId':'ramet-12'}"

static int event(struct ramet_bytes text, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int ok = rameti_sc_event_ok(&doc, text);

	ramet_json_doc_release(&doc);
	if (ok)
		return 0;
	err->code = RAMET_EFORMAT;
	err->text[0] = '-';
	return RAMET_EFORMAT;
}

static void event__is_carried_only_as_the_original_reads_it(void **state)
{
	static const struct change bad[] = {
		{ "event.v1", "event.v2" },
		{ "'migrationId':'5b", "'migrationId':'5" },
		{ "'completed'", "'cutover'" },
		{ "'ok'", "'fine'" },
		{ "'jsonl_v3'", "'jsonl'" },
		{ "'native_v2'", "2" },
		{ "'outcome'", "'errorClass':'other','outcome'" },
		{ "'outcome'", "'errorClass':null,'outcome'" },
		{ "'outcome'", "'more':1,'outcome'" },
		{ "'outcome'", "'at':'" TIME "','outcome'" },
		{ "'/s.jsonl'", "1" },
		{ "'/s.v2'", "null" },
		{ "'at':'2026", "'at':'MMXX" },
		{ "{}", "[]" },
		{ "'ramet-12'", "'short'" },
		{ ",'correlationId':'ramet-12'", "" },
		{ "}", "" },
		{ EVENT, "7" },
		{ NULL, NULL }
	};
	static const struct change good[] = {
		{ "'completed'", "'planned'" },
		{ "'completed'", "'failed'" },
		{ "'ok'", "'fatal_error'" },
		{ "'jsonl_v3'", "'sqlite_v1'" },
		{ "'outcome'", "'errorClass':'io_failure','outcome'" },
		{ NULL, NULL }
	};

	(void)state;
	refuses_each(event, EVENT, bad);
	takes_each(event, EVENT, good);
}

/* ---- entries ---- */

static int shape(struct ramet_bytes text, struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r = ramet_json_parse(&doc, text, RAMET_JSON_STRICT, err);

	if (!r)
		r = rameti_sc_shape(ramet_json_root(&doc), err);
	ramet_json_doc_release(&doc);
	return r;
}

static void shape__has_what_its_type_needs(void **state)
{
	static const struct {
		const char *good;
		struct change bad[4], odd[4];
	} cases[] = {
		{ "{'type':'compaction','summary':'s','firstKeptEntryId':'a','tokensBefore':7}",
		  { { "7", "7.5" }, { "7", "7e2" }, { "7", "'7'" } },
		  { { "7}", "7,'fromHook':null}" }, { "7}", "7,'fromHook':true}" } } },
		{ "{'type':'compaction','summary':'s','firstKeptEntryId':'a','tokensBefore':7,"
		  "'fromHook':false}",
		  { { "false", "0" }, { "7", "7E2" }, { "'s'", "null" } },
		  { { "7", "-7" } } },
		{ "{'type':'branch_summary','fromId':'a','summary':'s'}",
		  { { "'fromId'", "'from'" }, { "'s'", "[]" } },
		  { { "'s'", "'s','fromHook':true" } } },
		{ "{'type':'label','targetId':'a'}",
		  { { "'a'", "null" }, { "'a'", "'a','label':1" }, { "label", "lable" } },
		  { { "'a'", "'a','label':null" }, { "'a'", "'a','label':'x'" } } },
		{ "{'type':'message','message':{'role':'toolResult','toolCallId':'c',"
		  "'toolName':'n','content':[]}}",
		  { { "[]", "''" }, { "[]", "[],'isError':0" }, { "'role'", "'rule'" } },
		  { { "[]", "[],'isError':false" } } },
		{ "{'type':'message','message':{'role':'bashExecution','command':'c','output':'o',"
		  "'exitCode':0}}",
		  { { "0", "null" }, { "bash", "Bash" }, { "'message':{", "'message':[],'x':{" } },
		  { { "0", "-1" } } },
		{ "{'type':'custom','customType':'x'}",
		  { { "'x'", "7" }, { "custom", "customs" } },
		  { { "'x'", "'x','data':7" } } },
		{ "{'type':'session_info'}", { { "info'", "info','name':7" } },
		  { { "info'", "info','name':'n'" } } },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		refuses_each(shape, cases[i].good, cases[i].bad);
		takes_each(shape, cases[i].good, cases[i].odd);
	}
}

/* ---- the header ---- */

#define HEADER "{'type':'session','version':3,'id':'s','timestamp':'t','cwd':'/','leafId':'l'}"

static int header(struct ramet_bytes text, struct ramet_error *err)
{
	struct rameti_sc_header h = { "", RAMET_BUF_INIT(1 << 20), 0 };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	int r = rameti_sc_header_parse(&doc, text, &h, err);

	ramet_json_doc_release(&doc);
	ramet_buf_release(&h.leaf);
	return r;
}

static void header__is_of_version_3_and_whole(void **state)
{
	static const struct change bad[] = {
		{ "'session'", "'message'" },
		{ "'id':'s'", "'id':' '" },
		{ "'id':'s'", "'id':7" },
		{ "'cwd':'/'", "'cwd':''" },
		{ "'timestamp':'t'", "'was':'t'" },
		{ HEADER, "\t " },
		{ HEADER, "[]" },
		{ "{", "" },
		{ NULL, NULL }
	};
	static const struct change good[] = {
		{ "'leafId':'l'", "'leafId':null" },
		{ "'id':'s'", "'id':'\\u0073'" },
		{ "'id':'s'", "'id':'a\\u0000'" },   /* no sidecar can have it */
		{ NULL, NULL }
	};

	(void)state;
	refuses_each(header, HEADER, bad);
	takes_each(header, HEADER, good);
	says_when_memory_is_short(header, "{'type':'session','version':3,'id':'\\u0073',"
					  "'timestamp':'\\u0074','cwd':'\\u002f','leafId':'l'}");
	refused(header(js("{'type':'session','version':2,'id':'s'}"), &why), RAMET_EVERSION);
	refused(header(js("{'type':'session','version':'3','id':'s'}"), &why), RAMET_EVERSION);
	refused(header(js("{'type':'session','id':'s'}"), &why), RAMET_EVERSION);
}

#define TEST(name) cmocka_unit_test_teardown(name, free_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(manifest__is_refused_after_any_change),
		TEST(manifest__knows_three_sources),
		TEST(manifest__says_where_memory_was_short),
		TEST(manifest__matches_only_its_facts),
		TEST(event__is_carried_only_as_the_original_reads_it),
		TEST(shape__has_what_its_type_needs),
		TEST(header__is_of_version_3_and_whole),
	};

	return cmocka_run_group_tests_name("sidecar_manifest", tests, NULL, NULL);
}
