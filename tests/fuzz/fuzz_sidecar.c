/*
 * fuzz_sidecar.c - the records and documents of a V2 sidecar, and whole sidecars made of them.
 *
 * The first byte picks what the rest is: 0 a frame, 1 a row, 2 a manifest, 3 a source state, 4 a
 * checkpoint, 5 an event; what parses is written again and must parse to the same. 6 the session
 * and 7 all files of a sidecar, cut at NUL bytes (session, segment, index, manifest, state,
 * intent): every call is made, and whatever comes of it, what opens is read to its end.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <ftw.h>
#include <unistd.h>

#include "ramet.h"
#include "store/sidecar_priv.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char dir[] = "/dev/shm/ramet-fuzz-sidecar-XXXXXX";
static char path[128];

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(name);
}

static void remove_all(void)
{
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (!mkdtemp(dir)) {
		(void)snprintf(dir, sizeof(dir), "/tmp/ramet-fuzz-sc-XXXXXX");
		if (!mkdtemp(dir))
			abort();
	}
	(void)snprintf(path, sizeof(path), "%s/s.jsonl", dir);
	(void)atexit(remove_all);
	return 0;
}

/* ---- single texts ---- */

static void try_frame(struct ramet_bytes text)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT, doc2 = RAMET_JSON_DOC_INIT;
	struct ramet_buf b = RAMET_BUF_INIT(1 << 26);
	struct rameti_sc_frame f, g;

	if (rameti_sc_frame_parse(&doc, text, &f, NULL) == 0) {
		rameti_sc_frame_add(&b, &f);
		assert(rameti_sc_frame_parse(&doc2, ramet_buf_bytes(&b), &g, NULL) == 0);
		assert(ramet_bytes_eq(f.id, g.id) && ramet_bytes_eq(f.payload, g.payload));
		assert(f.entry_seq == g.entry_seq && !f.parent.ptr == !g.parent.ptr);
	}
	ramet_buf_release(&b);
	ramet_json_doc_release(&doc);
	ramet_json_doc_release(&doc2);
}

static void try_row(struct ramet_bytes text)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);
	struct rameti_sc_row r, s;

	if (rameti_sc_row_parse(&doc, text, &r, NULL) == 0) {
		rameti_sc_row_add(&b, &r);
		assert(rameti_sc_row_parse(&doc, ramet_buf_bytes(&b), &s, NULL) == 0);
		assert(r.offset == s.offset && r.len == s.len && r.crc32c == s.crc32c &&
		       !strcmp(r.id, s.id));
	}
	ramet_buf_release(&b);
	ramet_json_doc_release(&doc);
}

static void try_manifest(struct ramet_bytes text)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 22);
	struct rameti_sc_manifest m, n;

	if (rameti_sc_manifest_parse(text, &m, NULL) == 0) {
		rameti_sc_manifest_add(&b, &m);
		assert(rameti_sc_manifest_parse(ramet_buf_bytes(&b), &n, NULL) == 0);
		assert(!strcmp(m.session_id, n.session_id));
		assert(rameti_sc_manifest_matches(&m, &n.facts, NULL) == 0);
	}
	ramet_buf_release(&b);
}

static void try_state(struct ramet_bytes text)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);
	struct rameti_sc_state s, t;

	if (rameti_sc_state_parse(text, &s, NULL) == 0) {
		rameti_sc_state_add(&b, &s);
		assert(rameti_sc_state_parse(ramet_buf_bytes(&b), &t, NULL) == 0);
		assert(s.clean == t.clean && s.has_print == t.has_print);
		assert(!s.has_print || (s.print.len == t.print.len &&
					!strcmp(s.print.sha, t.print.sha)));
	}
	ramet_buf_release(&b);
}

static void try_checkpoint(struct ramet_bytes text)
{
	struct rameti_sc_checkpoint c;

	(void)rameti_sc_checkpoint_parse(text, &c, NULL);
}

static void try_event(struct ramet_bytes text)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;

	(void)rameti_sc_event_ok(&doc, text);
	ramet_json_doc_release(&doc);
}

/* ---- whole sidecars ---- */

static void write_file(const char *name, struct ramet_bytes text)
{
	char to[256];
	int fd;

	(void)snprintf(to, sizeof(to), "%s/%s", dir, name);
	fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len || close(fd) < 0)
		abort();
}

static void make_dir(const char *name)
{
	char to[256];

	(void)snprintf(to, sizeof(to), "%s/%s", dir, name);
	if (mkdir(to, 0700) < 0)
		abort();
}

/* What opens gives as many entries as it says. */
static void check_open(int mode)
{
	struct ramet_sidecar_open_opts o = { .mode = mode, .tail = 2 };
	struct ramet_sidecar_entry e;
	struct ramet_sidecar_check c;
	struct ramet_sidecar *s;
	uint64_t n = 0;
	int r = ramet_sidecar_open(&s, path, &o, NULL);

	if (r < 0)
		return;
	while ((r = ramet_sidecar_next(s, &e, NULL)) > 0)
		n++;
	assert(r < 0 || n == ramet_sidecar_selected(s));
	ramet_sidecar_close(s);
	assert(ramet_sidecar_verify(path, &c, NULL) < 0 || c.state <= RAMET_SIDECAR_MIGRATED);
}

static void try_store(struct ramet_bytes text, int with_sidecar)
{
	static const char *const names[] = { "s.jsonl", "s.v2/segments/0000000000000001.seg",
					     "s.v2/index/offsets.jsonl", "s.v2/manifest.json",
					     "s.v2/source-state.json",
					     "s.v2/tmp/rollback.intent.json" };
	static const char *const dirs[] = { "s.v2", "s.v2/segments", "s.v2/index",
					    "s.v2/checkpoints", "s.v2/migrations", "s.v2/tmp" };
	struct ramet_sidecar_opts o = { .migrate = 1 };
	struct ramet_sidecar_report done;
	size_t i;

	remove_all();
	if (mkdir(dir, 0700) < 0)
		abort();
	for (i = 0; with_sidecar && i < 6; i++)
		make_dir(dirs[i]);
	for (i = 0; i < 6 && (i == 0 || with_sidecar); i++) {
		const char *end = with_sidecar && text.len ? memchr(text.ptr, 0, text.len) : NULL;
		size_t len = end ? (size_t)(end - text.ptr) : text.len;

		if (i == 0 || len)
			write_file(names[i], (struct ramet_bytes){ text.ptr, len });
		text.ptr += end ? len + 1 : len;
		text.len -= end ? len + 1 : len;
	}
	check_open(RAMET_SIDECAR_FULL);
	check_open(RAMET_SIDECAR_TAIL);
	check_open(RAMET_SIDECAR_ACTIVE_PATH);
	(void)rameti_sidecar_mark_dirty(NULL, path, NULL);
	(void)ramet_sidecar_checkpoint(path, "manual", NULL, NULL, NULL);
	(void)ramet_sidecar_recover(path, NULL, NULL, NULL);
	if (ramet_sidecar_recover(path, &o, &done, NULL) == 0)
		assert(done.state == RAMET_SIDECAR_MIGRATED);
	check_open(RAMET_SIDECAR_FULL);
	(void)ramet_sidecar_rollback_to(path, 1, NULL, NULL, NULL);
	(void)ramet_sidecar_rollback(path, NULL, NULL, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static void (*const tries[])(struct ramet_bytes text) = { try_frame,	  try_row,
								   try_manifest,  try_state,
								   try_checkpoint, try_event };
	struct ramet_bytes text = { len ? (const char *)data + 1 : NULL, len ? len - 1 : 0 };
	unsigned kind = len ? (unsigned)data[0] % 8 : 0;

	if (kind < 6)
		tries[kind](text);
	else
		try_store(text, kind == 7);
	return 0;
}
