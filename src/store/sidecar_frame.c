/*
 * store/sidecar_frame.c - segment frames: one entry in one checked JSON line.
 *
 * A frame is only ever given out when its row's checksum, its place, its ids, the length and the
 * SHA-256 of its payload and the payload's own id, parent and type all agree.
 */
#include "store/sidecar_priv.h"

#include <string.h>

#include "base/error.h"

#define SCHEMA "pi.session_store_v2.segment_frame.v1"
#define HINT 1024u                               /* bytes in which a frame's parent stands */

void rameti_sc_frame_add(struct ramet_buf *b, const struct rameti_sc_frame *f)
{
	ramet_buf_addf(b,
		       "{\"schema\":\"" SCHEMA "\",\"segmentSeq\":%llu,\"frameSeq\":%llu,"
		       "\"entrySeq\":%llu,\"entryId\":\"%.*s\"",
		       (unsigned long long)f->segment_seq, (unsigned long long)f->frame_seq,
		       (unsigned long long)f->entry_seq, RAMET_FMT(f->id));
	if (f->parent.ptr)
		ramet_buf_addf(b, ",\"parentEntryId\":\"%.*s\"", RAMET_FMT(f->parent));
	ramet_buf_addf(b,
		       ",\"entryType\":\"%.*s\",\"timestamp\":\"%.*s\",\"payloadSha256\":\"%s\","
		       "\"payloadBytes\":%zu,\"payload\":",
		       RAMET_FMT(f->type), RAMET_FMT(f->time), f->sha, f->payload.len);
	ramet_buf_add(b, f->payload);
	ramet_buf_add_str(b, "}\n");
}

static int bad(struct ramet_error *err, const char *what)
{
	return rameti_fail(err, RAMET_EFORMAT, "frame %s", what);
}

enum { SCHEMA_AT, SEGMENT, FRAME, ENTRY, ID, PARENT, TYPE, TIME, SHA, BYTES, PAYLOAD, N_FIELDS };

/* The payload says the same as the frame around it. */
static int check_payload(const struct ramet_json *payload, const struct rameti_sc_frame *f,
			 struct ramet_error *err)
{
	struct rameti_sc_field p[] = { { "type", NULL }, { "id", NULL }, { "parentId", NULL } };
	char sha[SC_HEX];
	int r = rameti_sc_fields(payload, p, 3, err);

	if (r < 0)
		return r;
	if (ramet_json_kind(p[2].value) == RAMET_JSON_NULL)
		p[2].value = NULL;
	if (!ramet_bytes_eq(ramet_json_plain(p[0].value), f->type) ||
	    !ramet_bytes_eq(ramet_json_plain(p[1].value), f->id))
		return bad(err, "and payload are of different entries");
	if (!f->parent.ptr != !p[2].value ||
	    (f->parent.ptr && !ramet_bytes_eq(ramet_json_plain(p[2].value), f->parent)))
		return bad(err, "and payload have different parents");
	rameti_sc_sha(f->payload, sha);
	return strcmp(sha, f->sha) ? bad(err, "has a payload with another SHA-256") : 0;
}

static int fill(struct rameti_sc_frame *f, const struct rameti_sc_field *v, struct ramet_error *err)
{
	uint64_t bytes;

	if (!ramet_json_text_is(v[SCHEMA_AT].value, SCHEMA))
		return bad(err, "has an unknown schema");
	if (!rameti_sc_u64(v[SEGMENT].value, &f->segment_seq) ||
	    !rameti_sc_u64(v[FRAME].value, &f->frame_seq) ||
	    !rameti_sc_u64(v[ENTRY].value, &f->entry_seq) ||
	    !rameti_sc_u64(v[BYTES].value, &bytes))
		return bad(err, "lacks a number");
	f->id = ramet_json_plain(v[ID].value);
	f->type = ramet_json_plain(v[TYPE].value);
	f->time = ramet_json_plain(v[TIME].value);
	f->parent = ramet_json_plain(v[PARENT].value);
	if (!v[PARENT].value || ramet_json_kind(v[PARENT].value) == RAMET_JSON_NULL)
		f->parent = (struct ramet_bytes){ NULL, 0 };
	else if (!rameti_sc_id_ok(f->parent))
		return bad(err, "has a parent that is no id");
	if (!rameti_sc_id_ok(f->id) || rameti_sc_type(f->type) < 0 || !rameti_sc_time_ok(f->time))
		return bad(err, "has a bad id, type or time");
	f->payload = ramet_json_raw(v[PAYLOAD].value);
	if (!rameti_sc_hex64(v[SHA].value, f->sha) || bytes != f->payload.len)
		return bad(err, "has a payload of another length, or no hash of it");
	return check_payload(v[PAYLOAD].value, f, err);
}

int rameti_sc_frame_parse(struct ramet_json_doc *doc, struct ramet_bytes record,
			  struct rameti_sc_frame *f, struct ramet_error *err)
{
	struct rameti_sc_field v[N_FIELDS] = {
		[SCHEMA_AT] = { "schema", NULL },   [SEGMENT] = { "segmentSeq", NULL },
		[FRAME] = { "frameSeq", NULL },     [ENTRY] = { "entrySeq", NULL },
		[ID] = { "entryId", NULL },         [PARENT] = { "parentEntryId", NULL },
		[TYPE] = { "entryType", NULL },     [TIME] = { "timestamp", NULL },
		[SHA] = { "payloadSha256", NULL },  [BYTES] = { "payloadBytes", NULL },
		[PAYLOAD] = { "payload", NULL },
	};
	struct ramet_error why;
	int r;

	if (!record.len || record.ptr[record.len - 1] != '\n')
		return bad(err, "does not end in a newline");
	if (record.len > SC_LINE_MAX)
		return bad(err, "is longer than 100 MiB");
	record.len--;
	r = ramet_json_parse(doc, record, RAMET_JSON_STRICT, &why);
	if (r < 0)
		return r == RAMET_ENOMEM ? rameti_fail_nomem(err) : bad(err, "is not JSON");
	r = rameti_sc_fields(ramet_json_root(doc), v, N_FIELDS, err);
	return r < 0 ? r : fill(f, v, err);
}

/* ---- reading by row ---- */

void rameti_sc_frames_init(struct rameti_sc_frames *r, const struct rameti_env *env,
			   const char *dir)
{
	memset(r, 0, sizeof(*r));
	r->env = env;
	r->dir = dir;
	r->file.fd = -1;
	ramet_buf_init(&r->record, SC_LINE_MAX + 1);
}

static void leave(struct rameti_sc_frames *r)
{
	if (r->file.fd >= 0)
		(void)rameti_file_close(&r->file);           /* read only: nothing to lose */
	r->segment = 0;
}

void rameti_sc_frames_release(struct rameti_sc_frames *r)
{
	leave(r);
	ramet_buf_release(&r->record);
	ramet_json_doc_release(&r->doc);
}

int rameti_sc_frames_enter(struct rameti_sc_frames *r, uint64_t segment, struct ramet_error *err)
{
	struct stat st;
	int e;

	if (r->segment == segment)
		return 0;
	leave(r);
	r->file.env = r->env;
	e = rameti_sc_segment_path(r->path, r->dir, segment, err);
	if (!e)
		e = rameti_sc_open(&r->file, r->path, err);
	if (e == RAMET_ENOTFOUND)
		return rameti_fail_at(err, RAMET_EFORMAT, r->path, 0, RAMET_NO_OFFSET,
				      "segment is missing");
	if (!e)
		e = rameti_file_stat(&r->file, &st, err);
	if (e < 0) {
		leave(r);
		return e;
	}
	r->segment = segment;
	r->size = (uint64_t)st.st_size;
	return 0;
}

/* len bytes at a place of the open segment into record. */
static int load(struct rameti_sc_frames *r, uint64_t at, size_t len, struct ramet_error *err)
{
	int64_t got;

	ramet_buf_reset(&r->record);
	if (ramet_buf_reserve(&r->record, len) < 0)
		return rameti_fail_nomem(err);
	got = rameti_file_read_at(&r->file, r->record.ptr, len, at, err);
	if (got < 0)
		return (int)got;
	r->record.len = (size_t)got;
	r->record.ptr[got] = '\0';
	return (size_t)got == len ? 0 : bad(err, "reaches beyond its segment");
}

static int enter_for(struct rameti_sc_frames *r, const struct rameti_sc_row *row,
		     struct ramet_error *err)
{
	int e = rameti_sc_frames_enter(r, row->segment_seq, err);

	if (e < 0)
		return e;
	if (row->offset > r->size || row->len > r->size - row->offset || row->len > SC_LINE_MAX)
		return rameti_fail_at(err, RAMET_EFORMAT, r->path, 0, row->offset,
				      "frame reaches beyond its segment");
	return 0;
}

static int agrees(const struct rameti_sc_row *row, const struct rameti_sc_frame *f,
		  struct ramet_error *err)
{
	if (f->segment_seq != row->segment_seq || f->frame_seq != row->frame_seq ||
	    f->entry_seq != row->entry_seq || !ramet_bytes_is(f->id, row->id))
		return bad(err, "is not the one that the index says");
	return 0;
}

static void set_place(struct ramet_error *err, const char *path, uint64_t offset)
{
	if (!err || err->path[0])
		return;
	rameti_error_set_path(err, path);
	err->offset = offset;
}

int rameti_sc_frames_get(struct rameti_sc_frames *r, const struct rameti_sc_row *row,
			 struct rameti_sc_frame *f, struct ramet_error *err)
{
	int e = enter_for(r, row, err);

	if (!e)
		e = load(r, row->offset, (size_t)row->len, err);
	if (!e && rameti_crc32c(0, r->record.ptr, r->record.len) != row->crc32c)
		e = bad(err, "has another CRC-32C than the index says");
	if (!e)
		e = rameti_sc_frame_parse(&r->doc, ramet_buf_bytes(&r->record), f, err);
	if (!e)
		e = agrees(row, f, err);
	if (e == RAMET_EFORMAT)
		set_place(err, r->path, row->offset);
	return e;
}

int rameti_sc_frames_covered(const struct rameti_sc_frames *r, uint64_t end,
			     struct ramet_error *err)
{
	if (!r->segment || r->size == end)
		return 0;
	return rameti_fail_at(err, RAMET_EFORMAT, r->path, 0, end,
			      "segment does not end where its last frame does");
}

/* As every writer begins a frame: what stands between "entryId" and "entryType". 1 found. */
static int hint_parent(struct ramet_bytes head, const char *id, char parent[SC_ID])
{
	static const char key[] = ",\"parentEntryId\":\"", type[] = ",\"entryType\":\"";
	struct ramet_buf b = RAMET_BUF_INIT(256);
	const char *at, *end;
	size_t len = 0;

	ramet_buf_addf(&b, "\"entryId\":\"%s\"", id);
	at = b.ptr ? memmem(head.ptr, head.len, b.ptr, b.len) : NULL;
	if (at)
		at += b.len;
	ramet_buf_release(&b);
	if (!at)
		return 0;
	end = head.ptr + head.len;
	parent[0] = '\0';
	if ((size_t)(end - at) > sizeof(type) && !memcmp(at, type, sizeof(type) - 1))
		return 1;
	if ((size_t)(end - at) <= sizeof(key) || memcmp(at, key, sizeof(key) - 1))
		return 0;
	at += sizeof(key) - 1;
	while (at + len < end && at[len] != '"')
		len++;
	if (at + len == end || !rameti_sc_id_ok((struct ramet_bytes){ at, len }))
		return 0;
	memcpy(parent, at, len);
	parent[len] = '\0';
	return 1;
}

int rameti_sc_frames_parent(struct rameti_sc_frames *r, const struct rameti_sc_row *row,
			    char parent[SC_ID], struct ramet_error *err)
{
	size_t len = row->len < HINT ? (size_t)row->len : HINT;
	struct rameti_sc_frame f;
	int e = enter_for(r, row, err);

	if (!e)
		e = load(r, row->offset, len, err);
	if (!e && hint_parent(ramet_buf_bytes(&r->record), row->id, parent))
		return 0;
	if (!e)
		e = rameti_sc_frames_get(r, row, &f, err);
	if (e < 0)
		return e;
	if (f.parent.len)
		memcpy(parent, f.parent.ptr, f.parent.len);
	parent[f.parent.len] = '\0';
	return 0;
}
