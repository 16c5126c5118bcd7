/*
 * ops/seal.c - a session's lines sealed: their hashes in an entry at its end.
 *
 * Only the lines behind the last seal are read, from the file and as they stand there. The chain
 * goes on from that seal's head, so a line changed under an earlier seal is never vouched for by
 * a later one. What others append meanwhile is for the next seal: each says how far it goes.
 */
#include "ops/seal_data_priv.h"
#include "ramet/ops.h"

#include <string.h>

#include "base/error.h"
#include "store/records.h"
#include "base/hash.h"
#include "base/lines.h"
#include "base/newfile.h"
#include "store/birth.h"

struct sealing {
	struct ramet_session *s;
	struct rameti_file file;
	struct stat st;
	uint64_t size;                           /* seal up to here */
	struct rameti_seal now;                  /* the last seal, then the one being made */
	struct ramet_buf session, hashes, scratch;
	struct ramet_json_doc doc;
	uint64_t n_own;                          /* our seals among the lines still to seal */
	int has_last;
	struct rameti_signer *signer;            /* NULL: no signature */
	uint8_t seed[RAMETI_SIGN_SEED], key[RAMETI_SIGN_KEY];
	struct ramet_sealed done;
};

static int fail(const struct sealing *g, int code, const char *text, struct ramet_error *err)
{
	return rameti_fail_at(err, code, ramet_session_path(g->s), 0, RAMET_NO_OFFSET, "%s", text);
}

/* ---- where the last seal stands ---- */

/* The header's line as it is in the file: its hash, and the id in it. */
static int read_header(struct sealing *g, struct ramet_error *err)
{
	const struct ramet_header *h = ramet_session_header(g->s);
	const struct ramet_json *id;
	struct ramet_bytes line;
	int64_t n;
	int r;

	ramet_buf_reset(&g->scratch);
	if (ramet_buf_reserve(&g->scratch, (size_t)h->length) < 0)
		return rameti_fail_nomem(err);
	n = rameti_file_read_at(&g->file, g->scratch.ptr, (size_t)h->length, h->offset, err);
	if (n < 0)
		return (int)n;
	if ((uint64_t)n < h->length)
		return fail(g, RAMET_ECONFLICT, "another program cut the file shorter", err);
	line.ptr = g->scratch.ptr;
	line.len = (size_t)n;
	line = rameti_seal_header(line);
	if (rameti_seal_hash(line, g->now.header) < 0)
		return rameti_fail_nomem(err);
	memcpy(g->now.head, g->now.header, sizeof(g->now.head));
	g->now.offset = h->offset + h->length + 1;
	r = ramet_json_parse(&g->doc, line, RAMET_JSON_STRICT, err);
	if (r == RAMET_ENOMEM)
		return r;
	id = r < 0 ? NULL : ramet_json_get(ramet_json_root(&g->doc), "id");
	if (ramet_json_kind(id) == RAMET_JSON_STRING)
		ramet_buf_add(&g->session, ramet_json_raw(id));
	return ramet_buf_status(&g->session) < 0 ? rameti_fail_nomem(err) : 0;
}

/* 1 when this row is a seal of this session, 0 when it is something else. */
static int get_seal(struct sealing *g, uint32_t row, struct rameti_seal *seal,
		    struct ramet_error *err)
{
	const struct ramet_json *entry;
	struct ramet_bytes json;
	const char *why;
	int r = ramet_tree_entry(ramet_session_tree(g->s), row, &g->scratch, &json, err);

	if (r < 0 || !memmem(json.ptr, json.len, RAMETI_SEAL_TYPE, strlen(RAMETI_SEAL_TYPE)))
		return r;
	r = ramet_json_parse(&g->doc, json, 0, err);
	if (r < 0)
		return r;
	entry = ramet_json_root(&g->doc);
	if (!ramet_json_text_is(ramet_json_get(entry, "customType"), RAMETI_SEAL_TYPE) ||
	    rameti_seal_parse(seal, ramet_json_get(entry, "data"), &why) < 0)
		return 0;
	return !memcmp(seal->header, g->now.header, sizeof(seal->header));
}

/* Go on behind this seal. */
static void take_last(struct sealing *g, const struct rameti_seal *seal)
{
	const struct ramet_bytes none = { NULL, 0 };

	g->now = *seal;
	g->now.session = g->now.hashes = none;
	g->has_last = 1;
}

/* Our seals at the end of the file, from the last one back to where it ends. */
static int find_last(struct sealing *g, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(g->s);
	struct rameti_seal seal;
	uint32_t row;
	int r;

	for (row = ramet_tree_count(t); row-- > 0;) {
		const struct ramet_row *facts = ramet_tree_row(t, row);

		if (g->has_last && facts->offset < g->now.offset)
			break;
		if (facts->type != RAMET_ENTRY_CUSTOM)
			continue;
		r = get_seal(g, row, &seal, err);
		if (r < 0)
			return r;
		if (r && !g->has_last)
			take_last(g, &seal);
		g->n_own += (uint64_t)r;
	}
	return 0;
}

/* Does a line begin where the last seal says that the next one does? */
static int check_place(struct sealing *g, struct ramet_error *err)
{
	char before = 0;
	int64_t n;

	if (!g->has_last)
		return 0;
	if (g->now.offset && g->now.offset <= g->size) {
		n = rameti_file_read_at(&g->file, &before, 1, g->now.offset - 1, err);
		if (n < 0)
			return (int)n;
	}
	if (before == '\n')
		return 0;
	return fail(g, RAMET_EFORMAT,
		    "the lines under the last seal are not where they were: see ramet verify", err);
}

/* ---- sealing ---- */

static int sign(struct sealing *g, struct ramet_error *err)
{
	int r;

	g->now.is_signed = g->signer != NULL;
	if (!g->signer)
		return 0;
	memcpy(g->now.key, g->key, sizeof(g->key));
	ramet_buf_reset(&g->scratch);
	rameti_seal_text(&g->now, &g->scratch);
	r = ramet_buf_status(&g->scratch) < 0 ? rameti_fail_nomem(err) : 0;
	if (!r)
		r = rameti_sign(g->signer, g->seed, ramet_buf_bytes(&g->scratch), g->now.signature,
				err);
	return r;
}

/* The file that was read must be the one that is appended to. */
static int check_file(const struct sealing *g, struct ramet_error *err)
{
	struct stat st;
	int r = rameti_path_stat(NULL, rameti_session_abs_path(g->s), &st, err);

	if (r < 0)
		return r;
	if (st.st_dev != g->st.st_dev || st.st_ino != g->st.st_ino)
		return fail(g, RAMET_ECONFLICT, "another program replaced the file", err);
	return 0;
}

/* An entry over the lines that are gathered. */
static int append_seal(struct sealing *g, struct ramet_error *err)
{
	const struct ramet_bytes none = { NULL, 0 };
	int r = sign(g, err);

	if (!r)
		r = check_file(g, err);
	if (r < 0)
		return r;
	g->now.session = ramet_buf_bytes(&g->session);
	g->now.hashes = ramet_buf_bytes(&g->hashes);
	ramet_buf_reset(&g->scratch);
	rameti_seal_write(&g->now, &g->scratch);
	if (ramet_buf_status(&g->hashes) < 0 || ramet_buf_status(&g->scratch) < 0)
		return rameti_fail_nomem(err);
	r = ramet_session_append_custom(g->s, ramet_bytes_of(RAMETI_SEAL_TYPE),
					ramet_buf_bytes(&g->scratch), g->done.id, err);
	if (r < 0)
		return r;
	g->done.n_seals++;
	g->done.n_lines += g->now.count;
	g->now.count = 0;
	g->now.session = g->now.hashes = none;
	ramet_buf_reset(&g->hashes);
	return 0;
}

static int take_line(struct sealing *g, const struct rameti_lines_item *line,
		     struct ramet_error *err)
{
	char text[2 * RAMETI_SEAL_SHORT + 1];
	uint8_t hash[RAMETI_SEAL_HASH];

	if (line->too_long)
		return rameti_fail_at(err, RAMET_ELIMIT, ramet_session_path(g->s), 0, line->offset,
				      "a line of more than %u bytes cannot be sealed",
				      (unsigned)RAMET_JSON_LEN_MAX);
	if (rameti_seal_hash(line->text, hash) < 0 || rameti_seal_link(g->now.head, hash) < 0)
		return rameti_fail_nomem(err);
	rameti_hex(hash, RAMETI_SEAL_SHORT, text);
	ramet_buf_add_str(&g->hashes, text);
	g->now.count++;
	g->now.up_to++;
	g->now.offset = line->offset + line->len + 1;
	return g->now.count == RAMETI_SEAL_LINES_MAX ? append_seal(g, err) : 0;
}

/* How many lines are still to seal, up to one more than our own seals among them. */
static int count_lines(const struct sealing *g, uint64_t *n, struct ramet_error *err)
{
	struct rameti_lines_item line;
	struct rameti_lines lines;
	int r = rameti_lines_open(&lines, &g->file, g->now.offset, g->size, RAMET_JSON_LEN_MAX,
				  err);

	if (r < 0)
		return r;
	for (*n = 0; *n <= g->n_own; ++*n) {
		r = rameti_lines_next(&lines, &line, err);
		if (r <= 0)
			break;
	}
	rameti_lines_close(&lines);
	return r < 0 ? r : 0;
}

static int seal_lines(struct sealing *g, struct ramet_error *err)
{
	struct rameti_lines_item line;
	struct rameti_lines lines;
	int r = rameti_lines_open(&lines, &g->file, g->now.offset, g->size, RAMET_JSON_LEN_MAX,
				  err);

	if (r < 0)
		return r;
	g->now.count = 0;
	while ((r = rameti_lines_next(&lines, &line, err)) > 0) {
		r = take_line(g, &line, err);
		if (r < 0)
			break;
	}
	rameti_lines_close(&lines);
	return r == 0 && g->now.count ? append_seal(g, err) : r;
}

/* Is there more than our own seals, or a signature that is missing? */
static int worth_it(const struct sealing *g, struct ramet_error *err)
{
	uint64_t n;
	int r = count_lines(g, &n, err);

	if (r < 0)
		return r;
	if (n > g->n_own)
		return 1;
	return n && g->signer &&
	       (!g->now.is_signed || memcmp(g->now.key, g->key, sizeof(g->key)));
}

static int open_file(struct sealing *g, struct ramet_error *err)
{
	const char *path = rameti_session_abs_path(g->s);
	int r;

	if (!path || !ramet_session_stored(g->s))
		return rameti_fail(err, RAMET_EINVAL, "a session that is in no file has no seals");
	r = ramet_session_refresh(g->s, err);
	if (r >= 0)
		r = rameti_file_open(&g->file, path, RAMETI_FILE_READ, err);
	if (r >= 0)
		r = rameti_file_stat(&g->file, &g->st, err);
	g->size = rameti_session_size(g->s);
	if (!r && (uint64_t)g->st.st_size < g->size)
		r = fail(g, RAMET_ECONFLICT, "another program cut the file shorter", err);
	if (!r && rameti_session_pin(g->s, &g->st) < 0)
		r = fail(g, RAMET_ECONFLICT, "another program replaced the file", err);
	return r;
}

static int seal(struct sealing *g, struct ramet_error *err)
{
	int r = open_file(g, err);

	if (!r)
		r = read_header(g, err);
	if (!r)
		r = find_last(g, err);
	if (!r)
		r = check_place(g, err);
	if (!r)
		r = worth_it(g, err);
	return r > 0 ? seal_lines(g, err) : r;
}

static int read_key(struct sealing *g, const char *path, struct ramet_error *err)
{
	int r = rameti_signer_new(&g->signer, err);

	if (!r)
		r = rameti_sign_read_private(g->signer, path, g->seed, err);
	if (!r)
		r = rameti_sign_public(g->signer, g->seed, g->key, err);
	return r;
}

int ramet_session_seal(struct ramet_session *s, const struct ramet_seal_opts *opts,
		       struct ramet_sealed *done, struct ramet_error *err)
{
	struct sealing g = { .s = s, .file = RAMETI_FILE_INIT };
	int r = 0;

	ramet_buf_init(&g.session, RAMET_JSON_LEN_MAX);
	ramet_buf_init(&g.hashes, RAMET_JSON_LEN_MAX);
	ramet_buf_init(&g.scratch, RAMET_JSON_LEN_MAX);
	if (rameti_session_codec(s)->pieces || rameti_session_home(s))
		r = rameti_fail_at(err, RAMET_EINVAL, ramet_session_path(s), 0, RAMET_NO_OFFSET,
				   "seals are for files of pi's lines, not for the format %s",
				   ramet_session_format(s));
	if (!r && opts && opts->key)
		r = read_key(&g, opts->key, err);
	ramet_session_lock(s);
	if (!r)
		r = seal(&g, err);
	(void)rameti_session_pin(s, NULL);
	ramet_session_unlock(s);
	if (!r) {
		g.done.up_to = g.now.up_to;
		g.done.offset = g.now.offset;
		g.done.is_signed = g.now.is_signed;
		rameti_hex(g.now.head, sizeof(g.now.head), g.done.head);
		*done = g.done;
	}
	(void)rameti_file_close(&g.file);                    /* read only: nothing to lose */
	rameti_signer_free(g.signer);
	rameti_sign_wipe(g.seed, sizeof(g.seed));
	ramet_json_doc_release(&g.doc);
	ramet_buf_release(&g.session);
	ramet_buf_release(&g.hashes);
	ramet_buf_release(&g.scratch);
	return r;
}

/* ---- keys ---- */

struct pair {
	struct rameti_signer *signer;
	struct rameti_newfile private, public;
	uint8_t seed[RAMETI_SIGN_SEED], key[RAMETI_SIGN_KEY];
	struct ramet_buf path, text;
};

static int write_pair(struct pair *p, const char *path, struct ramet_error *err)
{
	int r = rameti_sign_write_public(p->signer, p->key, &p->text, err);

	if (!r)
		r = rameti_newfile_open(&p->public, p->path.ptr, 0644, err);
	if (!r)
		r = rameti_newfile_write(&p->public, ramet_buf_bytes(&p->text), err);
	ramet_buf_reset(&p->text);
	if (!r)
		r = rameti_sign_write_private(p->signer, p->seed, &p->text, err);
	if (!r)
		r = rameti_newfile_open(&p->private, path, 0600, err);
	if (!r)
		r = rameti_newfile_write(&p->private, ramet_buf_bytes(&p->text), err);
	return r;
}

/* Both get their names, or none does. */
static int name_pair(struct pair *p, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	int r = rameti_newfile_commit(&p->public, RAMETI_NEWFILE_SYNC, err);

	if (!r) {
		r = rameti_newfile_commit(&p->private, RAMETI_NEWFILE_SYNC, err);
		if (r < 0 && r != RAMET_EUNKNOWN)
			(void)env->unlink(env->user, p->path.ptr);   /* it was made just now */
	}
	return r;
}

int ramet_seal_key_new(const char *path, struct ramet_error *err)
{
	struct pair p = { .private = RAMETI_NEWFILE_INIT, .public = RAMETI_NEWFILE_INIT };
	int r = rameti_signer_new(&p.signer, err);

	ramet_buf_init(&p.path, SIZE_MAX / 2);
	ramet_buf_init(&p.text, SIZE_MAX / 2);
	ramet_buf_addf(&p.path, "%s.pub", path);
	if (!r && ramet_buf_status(&p.path) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		r = rameti_sign_seed(NULL, p.seed, err);
	if (!r)
		r = rameti_sign_public(p.signer, p.seed, p.key, err);
	if (!r)
		r = write_pair(&p, path, err);
	if (!r)
		r = name_pair(&p, err);
	rameti_newfile_abort(&p.public);
	rameti_newfile_abort(&p.private);
	rameti_signer_free(p.signer);
	rameti_sign_wipe(p.seed, sizeof(p.seed));
	if (p.text.ptr)
		rameti_sign_wipe(p.text.ptr, p.text.cap);
	ramet_buf_release(&p.text);
	ramet_buf_release(&p.path);
	return r;
}

int ramet_seal_key_read(const char *path, unsigned char key[32], struct ramet_error *err)
{
	struct rameti_signer *signer;
	int r = rameti_signer_new(&signer, err);

	if (r < 0)
		return r;
	r = rameti_sign_read_public(signer, path, key, err);
	rameti_signer_free(signer);
	return r;
}
