/*
 * store/sidecar_ledger.c - the migration events of a sidecar, one JSON line each.
 *
 * A line is added by replacing the file, so a crash leaves it with the line or without. Lines that
 * the later original would refuse (version 0.1.8 wrote other phases) are kept where they are but
 * never carried into a ledger of our making.
 */
#include "store/sidecar_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

#define SCHEMA "pi.session_store_v2.migration_event.v1"
#define LEDGER_MAX ((size_t)16 << 20)

static int one_of(const struct ramet_json *v, const char *const *names)
{
	for (; *names; names++)
		if (ramet_json_text_is(v, *names))
			return 1;
	return 0;
}

static int is_text(const struct ramet_json *v)
{
	return ramet_json_kind(v) == RAMET_JSON_STRING;
}

enum { SCHEMA_AT, ID, PHASE, AT, SOURCE, TARGET, SOURCE_F, TARGET_F, CHECK, OUTCOME, CLASS, CORR,
       N_FIELDS };

static int values_ok(const struct rameti_sc_field *v)
{
	static const char *const phases[] = { "planned",	"staging_copy", "integrity_check",
					      "cutover_commit", "rollback",	"completed",
					      "failed",		NULL };
	static const char *const outcomes[] = { "ok", "recoverable_error", "fatal_error", NULL };
	static const char *const classes[] = { "integrity_mismatch", "index_corruption",
					       "io_failure", "atomicity_violation", NULL };
	static const char *const formats[] = { "jsonl_v3", "sqlite_v1", "native_v2", NULL };

	return ramet_json_text_is(v[SCHEMA_AT].value, SCHEMA) &&
	       rameti_sc_uuid_ok(ramet_json_plain(v[ID].value)) &&
	       one_of(v[PHASE].value, phases) && one_of(v[OUTCOME].value, outcomes) &&
	       one_of(v[SOURCE_F].value, formats) && one_of(v[TARGET_F].value, formats) &&
	       (!v[CLASS].value || one_of(v[CLASS].value, classes)) && is_text(v[SOURCE].value) &&
	       is_text(v[TARGET].value) && rameti_sc_time_ok(ramet_json_plain(v[AT].value)) &&
	       ramet_json_kind(v[CHECK].value) == RAMET_JSON_OBJECT &&
	       rameti_sc_correlation_ok(ramet_json_plain(v[CORR].value));
}

int rameti_sc_event_ok(struct ramet_json_doc *doc, struct ramet_bytes line)
{
	struct rameti_sc_field v[N_FIELDS] = {
		[SCHEMA_AT] = { "schema", NULL },      [ID] = { "migrationId", NULL },
		[PHASE] = { "phase", NULL },	       [AT] = { "at", NULL },
		[SOURCE] = { "sourcePath", NULL },     [TARGET] = { "targetPath", NULL },
		[SOURCE_F] = { "sourceFormat", NULL }, [TARGET_F] = { "targetFormat", NULL },
		[CHECK] = { "verification", NULL },    [OUTCOME] = { "outcome", NULL },
		[CLASS] = { "errorClass", NULL },      [CORR] = { "correlationId", NULL },
	};
	const struct ramet_json *root;
	struct ramet_error why;
	size_t i, known = 0;

	if (ramet_json_parse(doc, line, RAMET_JSON_STRICT, &why) < 0)
		return 0;
	root = ramet_json_root(doc);
	if (rameti_sc_fields(root, v, N_FIELDS, &why) < 0)
		return 0;
	for (i = 0; i < N_FIELDS; i++)
		known += v[i].value != NULL;
	return known == ramet_json_count(root) && values_ok(v);
}

static void add_bool(struct ramet_json_writer *w, const char *key, int value)
{
	ramet_json_key(w, key);
	ramet_json_add_bool(w, value);
}

static void add_text(struct ramet_json_writer *w, const char *key, const char *value)
{
	ramet_json_key(w, key);
	ramet_json_add_cstr(w, value);
}

static void event_add(struct ramet_buf *b, const struct rameti_sc_event *e, const char *now,
		      const char *correlation)
{
	struct ramet_json_writer w;

	ramet_json_writer_init(&w, b);
	ramet_json_open_object(&w);
	add_text(&w, "schema", SCHEMA);
	add_text(&w, "migrationId", e->id);
	add_text(&w, "phase", e->phase);
	add_text(&w, "at", now);
	add_text(&w, "sourcePath", e->source);
	add_text(&w, "targetPath", e->target);
	add_text(&w, "sourceFormat", e->source_format);
	add_text(&w, "targetFormat", e->target_format);
	ramet_json_key(&w, "verification");
	ramet_json_open_object(&w);
	add_bool(&w, "entryCountMatch", e->entry_count_match);
	add_bool(&w, "hashChainMatch", e->hash_chain_match);
	add_bool(&w, "indexConsistent", e->index_consistent);
	ramet_json_close_object(&w);
	add_text(&w, "outcome", "ok");
	add_text(&w, "correlationId", correlation);
	ramet_json_close_object(&w);
	ramet_buf_add_char(b, '\n');
}

static int ledger_path(char path[SC_PATH], const char *dir, struct ramet_error *err)
{
	return rameti_sc_join(path, dir, "migrations/ledger.jsonl", err);
}

static int read_ledger(const struct rameti_env *env, const char *path, struct ramet_buf *text,
		       struct ramet_error *err)
{
	int r = rameti_sc_read_small(env, path, LEDGER_MAX, text, err);

	if (r == RAMET_ENOTFOUND)
		r = 0;
	if (!r && text->len && text->ptr[text->len - 1] != '\n')
		ramet_buf_add_char(text, '\n');              /* a torn line stays one line */
	return r;
}

/* Is there a line with this migration id? */
static int has_event(const struct ramet_buf *text, const char *id)
{
	char want[64];

	(void)snprintf(want, sizeof(want), "\"migrationId\":\"%s\"", id);
	return text->len && memmem(text->ptr, text->len, want, strlen(want)) != NULL;
}

int rameti_sc_ledger_record(const struct rameti_env *env, const char *dir,
			    struct rameti_sc_event *e, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(LEDGER_MAX + (1 << 16));
	char path[SC_PATH], made[64] = "", now[32];
	int r = ledger_path(path, dir, err);

	if (!r && !e->id[0])
		r = rameti_uuid4(env, e->id, err);
	if (!r && !e->correlation) {
		memcpy(made, "ramet-", 6);
		r = rameti_uuid4(env, made + 6, err);
	}
	if (!r)
		r = read_ledger(env, path, &text, err);
	if (!r && !has_event(&text, e->id)) {
		rameti_time_format(rameti_now_ms(env), now);
		event_add(&text, e, now, e->correlation ? e->correlation : made);
		r = rameti_sc_status(&text, err);
		if (!r)
			r = rameti_sc_put(env, path, ramet_buf_bytes(&text), 1, err);
	}
	ramet_buf_release(&text);
	return r;
}

int rameti_sc_ledger_carry(const struct rameti_env *env, const char *from, const char *to,
			   uint64_t *n_left, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(LEDGER_MAX + 1);
	struct ramet_buf good = RAMET_BUF_INIT(LEDGER_MAX + 1);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	char path[SC_PATH];
	const char *at, *end;
	int r = ledger_path(path, from, err);

	*n_left = 0;
	if (!r)
		r = read_ledger(env, path, &text, err);
	at = text.ptr;
	end = at ? at + text.len : at;
	while (!r && at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		struct ramet_bytes line = { at, (size_t)(stop - at) };

		at = stop + 1;
		if (!rameti_sc_event_ok(&doc, line)) {
			*n_left += line.len > 0;
			continue;
		}
		ramet_buf_add(&good, line);
		ramet_buf_add_char(&good, '\n');
	}
	if (!r)
		r = rameti_sc_status(&good, err);
	if (!r && to)
		r = ledger_path(path, to, err);
	if (!r && to && good.len)
		r = rameti_sc_put(env, path, ramet_buf_bytes(&good), 1, err);
	ramet_buf_release(&text);
	ramet_buf_release(&good);
	ramet_json_doc_release(&doc);
	return r;
}
