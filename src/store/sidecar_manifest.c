/*
 * store/sidecar_manifest.c - the manifest: what a sidecar should be, under a hash of its own.
 *
 * The hash is over the compact form in the documented order; the file has line breaks. Members we
 * do not know are passed over, and the hash is over those we know. A manifest that does not name
 * the documented files, or in which an invariant is not true, is refused.
 */
#include "store/sidecar_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define SCHEMA "pi.session_store_v2.manifest.v1"
#define FILES_AT ",\"indexPath\":\"index/offsets.jsonl\",\"checkpointDir\":\"checkpoints/\","      \
		 "\"migrationLedgerPath\":\"migrations/ledger.jsonl\"}"
#define INVARIANTS                                                                                 \
	"{\"parentLinksClosed\":true,\"monotonicEntrySeq\":true,\"monotonicSegmentSeq\":true,"     \
	"\"indexWithinSegmentBounds\":true,\"branchHeadsIndexed\":true,"                           \
	"\"checkpointsMonotonic\":true,\"hashChainValid\":true}"

void rameti_sc_facts_init(struct rameti_sc_facts *f)
{
	memset(f, 0, sizeof(*f));
	rameti_sc_chain_start(f->chain);
}

void rameti_sc_facts_add(struct rameti_sc_facts *f, const struct rameti_sc_row *row,
			 const struct rameti_sc_frame *frame)
{
	int type = rameti_sc_type(frame->type);

	f->n_entries++;
	f->n_messages += type == SC_MESSAGE;
	f->n_compactions += type == SC_COMPACTION;
	f->n_segments += row->segment_seq != f->head_segment;
	f->head_segment = row->segment_seq;
	f->last_size = row->offset + row->len;
	f->bytes += row->len;
	f->last_crc = row->crc32c;
	memcpy(f->head_id, row->id, sizeof(f->head_id));
	rameti_sc_chain(f->chain, frame->sha);
}

static void add_compact(struct ramet_buf *b, const struct rameti_sc_manifest *m, const char *hash)
{
	const struct rameti_sc_facts *f = &m->facts;

	ramet_buf_addf(b,
		       "{\"schema\":\"" SCHEMA "\",\"storeVersion\":2,\"sessionId\":\"%s\","
		       "\"sourceFormat\":\"%s\",\"createdAt\":\"%s\",\"updatedAt\":\"%s\",",
		       m->session_id, m->source_format, m->created, m->updated);
	ramet_buf_addf(b, "\"head\":{\"segmentSeq\":%llu,\"entrySeq\":%llu,\"entryId\":\"%s\"},",
		       (unsigned long long)f->head_segment, (unsigned long long)f->n_entries,
		       f->head_id);
	ramet_buf_addf(b,
		       "\"counters\":{\"entriesTotal\":%llu,\"messagesTotal\":%llu,"
		       "\"branchesTotal\":%llu,\"compactionsTotal\":%llu,\"bytesTotal\":%llu},",
		       (unsigned long long)f->n_entries, (unsigned long long)f->n_messages,
		       (unsigned long long)f->n_branches, (unsigned long long)f->n_compactions,
		       (unsigned long long)f->bytes);
	ramet_buf_addf(b, "\"files\":{\"segmentDir\":\"segments/\",\"segmentCount\":%llu" FILES_AT,
		       (unsigned long long)f->n_segments);
	ramet_buf_addf(b,
		       ",\"integrity\":{\"chainHash\":\"%s\",\"manifestHash\":\"%s\","
		       "\"lastCrc32c\":\"%08X\"},\"invariants\":" INVARIANTS "}",
		       f->chain, hash, (unsigned)f->last_crc);
}

static void add_hashed(struct ramet_buf *b, const struct rameti_sc_manifest *m, char hash[SC_HEX])
{
	add_compact(b, m, "");
	rameti_sc_sha(ramet_buf_bytes(b), hash);
	ramet_buf_truncate(b, 0);
	add_compact(b, m, hash);
}

void rameti_sc_manifest_add(struct ramet_buf *out, const struct rameti_sc_manifest *m)
{
	struct ramet_buf b = RAMET_BUF_INIT(SC_DOC_MAX);
	char hash[SC_HEX];

	add_hashed(&b, m, hash);
	rameti_sc_pretty(out, ramet_buf_bytes(&b));
	if (ramet_buf_status(&b) < 0 && !out->status)
		out->status = ramet_buf_status(&b);
	ramet_buf_release(&b);
}

/* ---- reading ---- */

static int bad(struct ramet_error *err, const char *what)
{
	return rameti_fail(err, RAMET_EFORMAT, "manifest %s", what);
}

static int get_head(const struct ramet_json *v, struct rameti_sc_facts *f, struct ramet_error *err)
{
	struct rameti_sc_field h[] = { { "segmentSeq", NULL },
				       { "entrySeq", NULL },
				       { "entryId", NULL } };
	int r = rameti_sc_fields(v, h, 3, err);

	if (r < 0)
		return r;
	if (!rameti_sc_u64(h[0].value, &f->head_segment) ||
	    !rameti_sc_u64(h[1].value, &f->n_entries) ||
	    !rameti_sc_text(h[2].value, f->head_id, sizeof(f->head_id)))
		return bad(err, "has a bad head");
	if (f->head_id[0] && !rameti_sc_id_ok(ramet_bytes_of(f->head_id)))
		return bad(err, "has a bad head");
	return 0;
}

static int get_counters(const struct ramet_json *v, struct rameti_sc_facts *f,
			struct ramet_error *err)
{
	struct rameti_sc_field c[] = { { "entriesTotal", NULL },
				       { "messagesTotal", NULL },
				       { "branchesTotal", NULL },
				       { "compactionsTotal", NULL },
				       { "bytesTotal", NULL } };
	uint64_t entries;
	int r = rameti_sc_fields(v, c, 5, err);

	if (r < 0)
		return r;
	if (!rameti_sc_u64(c[0].value, &entries) || !rameti_sc_u64(c[1].value, &f->n_messages) ||
	    !rameti_sc_u64(c[2].value, &f->n_branches) ||
	    !rameti_sc_u64(c[3].value, &f->n_compactions) || !rameti_sc_u64(c[4].value, &f->bytes))
		return bad(err, "lacks a counter");
	if (entries != f->n_entries || f->n_messages > entries || f->n_branches > entries ||
	    f->n_compactions > entries)
		return bad(err, "has counters that cannot be");
	return 0;
}

static int get_files(const struct ramet_json *v, struct rameti_sc_facts *f, struct ramet_error *err)
{
	struct rameti_sc_field p[] = { { "segmentDir", NULL },
				       { "segmentCount", NULL },
				       { "indexPath", NULL },
				       { "checkpointDir", NULL },
				       { "migrationLedgerPath", NULL } };
	int r = rameti_sc_fields(v, p, 5, err);

	if (r < 0)
		return r;
	if (!rameti_sc_u64(p[1].value, &f->n_segments))
		return bad(err, "lacks the number of segments");
	if (!ramet_json_text_is(p[0].value, "segments/") ||
	    !ramet_json_text_is(p[2].value, "index/offsets.jsonl") ||
	    !ramet_json_text_is(p[3].value, "checkpoints/") ||
	    !ramet_json_text_is(p[4].value, "migrations/ledger.jsonl"))
		return bad(err, "names other files");
	return 0;
}

static int get_invariants(const struct ramet_json *v, struct ramet_error *err)
{
	static const char *const names[] = {
		"parentLinksClosed",	    "monotonicEntrySeq",  "monotonicSegmentSeq",
		"indexWithinSegmentBounds", "branchHeadsIndexed", "checkpointsMonotonic",
		"hashChainValid"
	};
	size_t i;

	for (i = 0; i < 7; i++)
		if (ramet_json_kind(ramet_json_get(v, names[i])) != RAMET_JSON_TRUE)
			return bad(err, "has an invariant that is not true");
	return 0;
}

static int get_integrity(const struct ramet_json *v, struct rameti_sc_facts *f, char hash[SC_HEX],
			 struct ramet_error *err)
{
	struct rameti_sc_field p[] = { { "chainHash", NULL },
				       { "manifestHash", NULL },
				       { "lastCrc32c", NULL } };
	char crc[9], again[12];
	unsigned long n = 0;
	size_t i;
	int r = rameti_sc_fields(v, p, 3, err);

	if (r < 0)
		return r;
	if (!rameti_sc_hex64(p[0].value, f->chain) || !rameti_sc_hex64(p[1].value, hash) ||
	    !rameti_sc_text(p[2].value, crc, sizeof(crc)))
		return bad(err, "lacks a hash");
	for (i = 0; crc[i]; i++)
		n = n << 4 |
		    (unsigned long)(crc[i] >= 'A' ? crc[i] - 'A' + 10 : crc[i] - '0');
	f->last_crc = (uint32_t)n;
	(void)snprintf(again, sizeof(again), "%08X", (unsigned)f->last_crc);
	return strcmp(crc, again) ? bad(err, "has a bad checksum") : 0;
}

enum { SCHEMA_AT, VERSION, SESSION, SOURCE, CREATED, UPDATED, HEAD, COUNTERS, FILES, INTEGRITY,
       INVARIANTS_AT, N_FIELDS };

static int get_top(const struct rameti_sc_field *v, struct rameti_sc_manifest *m,
		   struct ramet_error *err)
{
	uint64_t version;

	if (!ramet_json_text_is(v[SCHEMA_AT].value, SCHEMA) ||
	    !rameti_sc_u64(v[VERSION].value, &version) || version != 2)
		return bad(err, "has an unknown schema or version");
	if (!rameti_sc_text(v[SESSION].value, m->session_id, sizeof(m->session_id)) ||
	    !rameti_sc_id_ok(ramet_bytes_of(m->session_id)))
		return bad(err, "has a bad session id");
	if (!rameti_sc_text(v[SOURCE].value, m->source_format, sizeof(m->source_format)) ||
	    (strcmp(m->source_format, "jsonl_v3") && strcmp(m->source_format, "sqlite_v1") &&
	     strcmp(m->source_format, "native_v2")))
		return bad(err, "has an unknown source format");
	if (!rameti_sc_text(v[CREATED].value, m->created, sizeof(m->created)) ||
	    !rameti_sc_text(v[UPDATED].value, m->updated, sizeof(m->updated)) ||
	    !rameti_sc_time_ok(ramet_bytes_of(m->created)) ||
	    !rameti_sc_time_ok(ramet_bytes_of(m->updated)))
		return bad(err, "has a bad time");
	return 0;
}

static int get_all(const struct ramet_json *root, struct rameti_sc_manifest *m, char hash[SC_HEX],
		   struct ramet_error *err)
{
	struct rameti_sc_field v[N_FIELDS] = {
		[SCHEMA_AT] = { "schema", NULL },	 [VERSION] = { "storeVersion", NULL },
		[SESSION] = { "sessionId", NULL },	 [SOURCE] = { "sourceFormat", NULL },
		[CREATED] = { "createdAt", NULL },	 [UPDATED] = { "updatedAt", NULL },
		[HEAD] = { "head", NULL },		 [COUNTERS] = { "counters", NULL },
		[FILES] = { "files", NULL },		 [INTEGRITY] = { "integrity", NULL },
		[INVARIANTS_AT] = { "invariants", NULL },
	};
	int r = rameti_sc_fields(root, v, N_FIELDS, err);

	if (!r)
		r = get_top(v, m, err);
	if (!r)
		r = get_head(v[HEAD].value, &m->facts, err);
	if (!r)
		r = get_counters(v[COUNTERS].value, &m->facts, err);
	if (!r)
		r = get_files(v[FILES].value, &m->facts, err);
	if (!r)
		r = get_invariants(v[INVARIANTS_AT].value, err);
	return r < 0 ? r : get_integrity(v[INTEGRITY].value, &m->facts, hash, err);
}

int rameti_sc_manifest_parse(struct ramet_bytes text, struct rameti_sc_manifest *m,
			     struct ramet_error *err)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf b = RAMET_BUF_INIT(SC_DOC_MAX);
	char hash[SC_HEX], should[SC_HEX];
	struct ramet_error why;
	int r;

	memset(m, 0, sizeof(*m));
	r = ramet_json_parse(&doc, text, RAMET_JSON_STRICT, &why);
	if (r < 0)
		r = r == RAMET_ENOMEM ? rameti_fail_nomem(err) : bad(err, "is not JSON");
	if (!r)
		r = get_all(ramet_json_root(&doc), m, hash, err);
	if (!r) {
		add_hashed(&b, m, should);
		r = rameti_sc_status(&b, err);
	}
	if (!r && strcmp(hash, should))
		r = bad(err, "has another hash than it should");
	ramet_buf_release(&b);
	ramet_json_doc_release(&doc);
	return r;
}

int rameti_sc_manifest_read(const struct rameti_env *env, const char *dir,
			    struct rameti_sc_manifest *m, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(SC_DOC_MAX + 1);
	char path[SC_PATH];
	int r = rameti_sc_join(path, dir, "manifest.json", err);

	if (!r)
		r = rameti_sc_read_small(env, path, SC_DOC_MAX, &text, err);
	if (!r)
		r = rameti_sc_manifest_parse(ramet_buf_bytes(&text), m, err);
	if (r == RAMET_EFORMAT)
		rameti_error_set_path(err, path);
	ramet_buf_release(&text);
	return r;
}

int rameti_sc_manifest_write(const struct rameti_env *env, const char *dir,
			     const struct rameti_sc_manifest *m, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(SC_DOC_MAX + 1);
	char path[SC_PATH];
	int r = rameti_sc_join(path, dir, "manifest.json", err);

	rameti_sc_manifest_add(&text, m);
	if (!r)
		r = rameti_sc_status(&text, err);
	if (!r)
		r = rameti_sc_put(env, path, ramet_buf_bytes(&text), 1, err);
	ramet_buf_release(&text);
	return r;
}

int rameti_sc_manifest_matches(const struct rameti_sc_manifest *m, const struct rameti_sc_facts *f,
			       struct ramet_error *err)
{
	const struct rameti_sc_facts *s = &m->facts;

	if (s->n_entries != f->n_entries || s->head_segment != f->head_segment ||
	    s->n_segments != f->n_segments || strcmp(s->head_id, f->head_id))
		return bad(err, "has another head than the index");
	if (s->n_messages != f->n_messages || s->n_branches != f->n_branches ||
	    s->n_compactions != f->n_compactions || s->bytes != f->bytes)
		return bad(err, "has counters that differ from the frames");
	if (strcmp(s->chain, f->chain) || s->last_crc != f->last_crc)
		return bad(err, "has another chain hash than the frames");
	return 0;
}
