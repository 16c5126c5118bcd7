/*
 * store/sidecar_state.c - source-state.json: what the JSONL was when the sidecar was made from it.
 *
 * A state that cannot be read, is dirty, or has another fingerprint than the JSONL has now means
 * that the sidecar is stale. The original writes over the file in place; here it is replaced, so
 * that a crash leaves the old one or the new one.
 */
#include "store/sidecar_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define SCHEMA "pi.session_store_v2.source_state.v1"
#define READ_SIZE ((size_t)256 << 10)

void rameti_sc_state_add(struct ramet_buf *b, const struct rameti_sc_state *s)
{
	const struct stat *st = &s->print.st;

	ramet_buf_addf(b, "{\"schema\":\"" SCHEMA "\",\"state\":\"%s\"",
		       s->clean ? "clean" : "dirty");
	if (s->clean && s->has_print) {
		ramet_buf_addf(b,
			       ",\"sourceFingerprint\":{\"byteLength\":%llu,\"sha256\":\"%s\"",
			       (unsigned long long)s->print.len, s->print.sha);
		if (s->has_identity)
			ramet_buf_addf(b,
				       ",\"fileIdentity\":{\"device\":%llu,\"inode\":%llu,"
				       "\"changeTimeSeconds\":%lld,\"changeTimeNanoseconds\":%ld}",
				       (unsigned long long)st->st_dev,
				       (unsigned long long)st->st_ino,
				       (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
		ramet_buf_add_str(b, "}");
	}
	ramet_buf_add_str(b, "}\n");
}

static int bad(struct ramet_error *err, const char *what)
{
	return rameti_fail(err, RAMET_EFORMAT, "source state %s", what);
}

static int get_identity(const struct ramet_json *v, struct stat *st, struct ramet_error *err)
{
	struct rameti_sc_field p[] = { { "device", NULL },
				       { "inode", NULL },
				       { "changeTimeSeconds", NULL },
				       { "changeTimeNanoseconds", NULL } };
	uint64_t n[4];
	int r = rameti_sc_fields(v, p, 4, err), i;

	for (i = 0; !r && i < 4; i++)
		if (!rameti_sc_u64(p[i].value, &n[i]))
			r = bad(err, "has a bad file identity");
	if (r < 0)
		return r;
	st->st_dev = (dev_t)n[0];
	st->st_ino = (ino_t)n[1];
	st->st_ctim.tv_sec = (time_t)n[2];
	st->st_ctim.tv_nsec = (long)n[3];
	return 0;
}

static int get_print(const struct ramet_json *v, struct rameti_sc_state *s, struct ramet_error *err)
{
	struct rameti_sc_field p[] = { { "byteLength", NULL },
				       { "sha256", NULL },
				       { "fileIdentity", NULL } };
	int r = rameti_sc_fields(v, p, 3, err);

	if (r < 0)
		return r;
	if (!rameti_sc_u64(p[0].value, &s->print.len) ||
	    !rameti_sc_hex64(p[1].value, s->print.sha))
		return bad(err, "has a bad fingerprint");
	s->has_print = 1;
	if (!p[2].value || ramet_json_kind(p[2].value) == RAMET_JSON_NULL)
		return 0;
	s->has_identity = 1;
	return get_identity(p[2].value, &s->print.st, err);
}

int rameti_sc_state_parse(struct ramet_bytes text, struct rameti_sc_state *s,
			  struct ramet_error *err)
{
	struct rameti_sc_field p[] = { { "schema", NULL },
				       { "state", NULL },
				       { "sourceFingerprint", NULL } };
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_error why;
	int r;

	memset(s, 0, sizeof(*s));
	r = ramet_json_parse(&doc, text, RAMET_JSON_STRICT, &why);
	if (r < 0)
		r = r == RAMET_ENOMEM ? rameti_fail_nomem(err) : bad(err, "is not JSON");
	if (!r)
		r = rameti_sc_fields(ramet_json_root(&doc), p, 3, err);
	if (!r && !ramet_json_text_is(p[0].value, SCHEMA))
		r = bad(err, "has an unknown schema");
	if (!r) {
		s->clean = ramet_json_text_is(p[1].value, "clean");
		if (!s->clean && !ramet_json_text_is(p[1].value, "dirty"))
			r = bad(err, "is neither clean nor dirty");
	}
	if (!r && s->clean && ramet_json_kind(p[2].value) == RAMET_JSON_OBJECT)
		r = get_print(p[2].value, s, err);
	ramet_json_doc_release(&doc);
	return r;
}

int rameti_sc_state_write(const struct rameti_env *env, const char *dir,
			  const struct rameti_sc_print *print, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(SC_STATE_MAX);
	struct rameti_sc_state s;
	char path[SC_PATH];
	int r;

	memset(&s, 0, sizeof(s));
	s.clean = s.has_print = s.has_identity = print != NULL;
	if (print)
		s.print = *print;
	rameti_sc_state_add(&text, &s);
	r = rameti_sc_join(path, dir, "source-state.json", err);
	if (!r)
		r = rameti_sc_status(&text, err);
	if (!r)
		r = rameti_sc_put(env, path, ramet_buf_bytes(&text), 1, err);
	ramet_buf_release(&text);
	return r;
}

int rameti_sc_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* The JSONL's length and hash; it must have this length. */
static int hash_file(const struct rameti_sc_place *p, char sha[SC_HEX], uint64_t *len,
		     struct ramet_error *err)
{
	struct rameti_file f = { p->env, -1 };
	struct rameti_sha256_run run;
	char *block = ramet_alloc(READ_SIZE);
	uint8_t hash[32];
	int64_t got = 0;
	int r = block ? rameti_sc_open(&f, p->jsonl, err) : rameti_fail_nomem(err);

	*len = 0;
	rameti_sha256_begin(&run);
	while (!r) {
		got = rameti_file_read_at(&f, block, READ_SIZE, *len, err);
		if (got <= 0)
			break;
		rameti_sha256_add(&run, (struct ramet_bytes){ block, (size_t)got });
		*len += (uint64_t)got;
	}
	r = !r && got < 0 ? (int)got : r;
	if (!r && rameti_sha256_end(&run, hash) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		rameti_hex(hash, sizeof(hash), sha);
	if (f.fd >= 0)
		(void)rameti_file_close(&f);                 /* read only: nothing to lose */
	ramet_free(block);
	return r;
}

static void note(struct ramet_error *why, const char *text)
{
	if (why)
		(void)rameti_fail(why, RAMET_ECONFLICT, "%s", text);
}

static int compare(const struct rameti_sc_place *p, const struct rameti_sc_state *s,
		   const struct stat *now, int *fresh, struct ramet_error *why,
		   struct ramet_error *err)
{
	char sha[SC_HEX];
	uint64_t len;
	struct stat then = s->print.st;
	int r;

	*fresh = SC_STALE;
	note(why, "the JSONL is not what the sidecar was made from");
	if (s->print.len != (uint64_t)now->st_size)
		return 0;
	then.st_size = now->st_size;
	if (s->has_identity && rameti_sc_same_file(&then, now)) {
		*fresh = SC_FRESH;
		return 0;
	}
	r = hash_file(p, sha, &len, err);
	if (!r && len == s->print.len && !strcmp(sha, s->print.sha))
		*fresh = SC_FRESH;
	return r;
}

int rameti_sc_fresh(const struct rameti_sc_place *p, const char *dir, const struct stat *now,
		    int *fresh, int *has_state, struct ramet_error *why, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(SC_STATE_MAX + 1);
	struct rameti_sc_state s;
	char path[SC_PATH];
	int r = rameti_sc_join(path, dir, "source-state.json", err);

	*fresh = SC_STALE;
	if (!r)
		r = rameti_sc_read_small(p->env, path, SC_STATE_MAX, &text, err);
	if (has_state)
		*has_state = r != RAMET_ENOTFOUND;
	if (r == RAMET_ENOTFOUND) {
		*fresh = SC_UNSURE;
		r = 0;
		goto out;
	}
	if (!r)
		r = rameti_sc_state_parse(ramet_buf_bytes(&text), &s, err);
	if (r == RAMET_EFORMAT) {
		note(why, "its source state cannot be read");
		r = 0;
	} else if (!r && !s.clean) {
		note(why, "its source state is dirty");
	} else if (!r && !s.has_print) {
		*fresh = SC_UNSURE;
	} else if (!r) {
		r = compare(p, &s, now, fresh, why, err);
	}
out:
	ramet_buf_release(&text);
	return r;
}

/* ---- before an append ---- */

static int says_dirty(const struct rameti_env *env, const char *path, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(SC_STATE_MAX + 1);
	struct rameti_sc_state s;
	int r = rameti_sc_read_small(env, path, SC_STATE_MAX, &text, err);

	if (!r)
		r = rameti_sc_state_parse(ramet_buf_bytes(&text), &s, err);
	ramet_buf_release(&text);
	if (r == RAMET_EFORMAT)                              /* believed by nobody */
		return 1;
	return r < 0 ? r : !s.clean;
}

int rameti_sidecar_mark_dirty(const struct rameti_env *env, const char *path,
			      struct ramet_error *err)
{
	static const char name[] = ".v2/source-state.json";
	const char *base = rameti_path_base(path), *dot = strrchr(base, '.');
	char dir[SC_PATH], state[SC_PATH];
	size_t len = dot && dot > base ? (size_t)(dot - path) : strlen(path);
	struct ramet_error why;
	struct stat st;
	int r;

	env = rameti_env_or_default(env);
	if (len > SC_PATH - 64)
		return 0;                                    /* nothing can be beside it */
	memcpy(state, path, len);
	memcpy(state + len, name, sizeof(name));
	if (env->stat_place(env->user, state, 0, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	r = says_dirty(env, state, &why);
	if (r == RAMET_ENOTFOUND || r == 1)
		return 0;
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	(void)snprintf(dir, sizeof(dir), "%.*s.v2", (int)len, path);
	r = rameti_sc_state_write(env, dir, NULL, err);
	return r == RAMET_EUNKNOWN ? 0 : r;                  /* what is there now says it */
}
