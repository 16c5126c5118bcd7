/*
 * store/index.c - index files: written whole by rename, proved before use, dropped in doubt.
 *
 * The format is docs/format/index.md. The head is checked as a whole, arrays page by page when they
 * are touched (model/tree_image.c). The session and its directory are never written here; what is
 * written is the cache only.
 */
#include "store/index.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/newfile.h"
#include "base/pack.h"
#include "store/index_cap.h"

#define MAGIC "ramet-index\n"
#define FORMAT 1u
#define HEAD_LEN ((size_t)RAMETI_PAGE)
#define PROOF_LEN 4096u                          /* of the file's first and last covered bytes */
#define RACY_NS 2000000000                       /* clocks of file systems are this coarse */
#define SUMS_MAX ((size_t)256 << 20)
#define META_MAX ((size_t)256 << 20)
#define PATH_LEN_MAX ((size_t)1 << 20)
/* A tail of this size is scanned faster than anybody notices; beyond, the index is written anew
 * when it has also grown by a sixteenth. */
#define TAIL_MIN ((uint64_t)1 << 20)

/* Rows are mapped as they are: a host that lays them out otherwise must not take them. */
_Static_assert(sizeof(struct ramet_row) == 64, "rows have 64 bytes");
static const uint32_t host = 0x01020304;

/* Where a piece of the index file is. */
struct piece {
	uint64_t at, len;
};

/* The head, unpacked. */
struct head {
	uint32_t order;
	uint64_t dev, ino;
	int64_t mtime_s, mtime_ns, ctime_s, ctime_ns;
	uint64_t covered;
	uint32_t racy, has_talk, first_crc, last_crc;
	uint32_t n, n_ids;
	uint64_t extra_lines, seed;
	struct piece parts[RAMETI_TREE_PARTS], sums, meta;
	uint32_t sums_crc, meta_crc;
};

/* ---- the cache directory ---- */

int rameti_index_dir(struct ramet_buf *out, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	const char *dir = env->getenv(env->user, "XDG_CACHE_HOME");
	const char *home = env->getenv(env->user, "HOME");

	if (dir && *dir == '/')
		ramet_buf_add_str(out, dir);
	else if (home && *home == '/')
		ramet_buf_addf(out, "%s/.cache", home);
	else
		return rameti_fail(err, RAMET_ENOTFOUND, "no cache directory: HOME is not set");
	ramet_buf_add_str(out, "/ramet/index");
	return ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}

int rameti_index_path(const struct stat *st, struct ramet_buf *out, struct ramet_error *err)
{
	int r = rameti_index_dir(out, err);

	ramet_buf_addf(out, "/%llx-%llx.idx", (unsigned long long)st->st_dev,
		       (unsigned long long)st->st_ino);
	if (!r && ramet_buf_status(out) < 0)
		r = rameti_fail_nomem(err);
	return r;
}

/* ---- the head ---- */

static void pack_piece(struct ramet_buf *b, struct piece p)
{
	rameti_pack_u64(b, p.at);
	rameti_pack_u64(b, p.len);
}

static void pack_head(const struct head *h, struct ramet_buf *b)
{
	int i;

	ramet_buf_add_str(b, MAGIC);
	rameti_pack_u32(b, FORMAT);
	ramet_buf_add(b, (struct ramet_bytes){ (const char *)&host, sizeof(host) });
	rameti_pack_u64(b, h->dev);
	rameti_pack_u64(b, h->ino);
	rameti_pack_u64(b, (uint64_t)h->mtime_s);
	rameti_pack_u64(b, (uint64_t)h->mtime_ns);
	rameti_pack_u64(b, (uint64_t)h->ctime_s);
	rameti_pack_u64(b, (uint64_t)h->ctime_ns);
	rameti_pack_u64(b, h->covered);
	rameti_pack_u32(b, h->racy);
	rameti_pack_u32(b, h->has_talk);
	rameti_pack_u32(b, h->first_crc);
	rameti_pack_u32(b, h->last_crc);
	rameti_pack_u32(b, h->n);
	rameti_pack_u32(b, h->n_ids);
	rameti_pack_u64(b, h->extra_lines);
	rameti_pack_u64(b, h->seed);
	for (i = 0; i < RAMETI_TREE_PARTS; i++)
		pack_piece(b, h->parts[i]);
	pack_piece(b, h->sums);
	pack_piece(b, h->meta);
	rameti_pack_u32(b, h->sums_crc);
	rameti_pack_u32(b, h->meta_crc);
	rameti_pack_u32(b, rameti_crc32c(0, b->ptr, b->len));
	while (b->len < HEAD_LEN && !ramet_buf_status(b))
		ramet_buf_add_char(b, '\0');
}

static struct piece unpack_piece(struct rameti_unpack *u)
{
	struct piece p;

	p.at = rameti_unpack_u64(u);
	p.len = rameti_unpack_u64(u);
	return p;
}

/* 1, or 0 for what is not an index of this host and format. */
static int unpack_head(struct head *h, struct ramet_bytes text)
{
	const size_t magic = sizeof(MAGIC) - 1;
	struct rameti_unpack u = { text, 0 };
	size_t used;
	int i;

	if (text.len < HEAD_LEN || memcmp(text.ptr, MAGIC, magic))
		return 0;
	u.left.ptr += magic;
	u.left.len -= magic;
	if (rameti_unpack_u32(&u) != FORMAT || memcmp(u.left.ptr, &host, sizeof(host)))
		return 0;
	u.left.ptr += sizeof(host);
	u.left.len -= sizeof(host);
	h->dev = rameti_unpack_u64(&u);
	h->ino = rameti_unpack_u64(&u);
	h->mtime_s = (int64_t)rameti_unpack_u64(&u);
	h->mtime_ns = (int64_t)rameti_unpack_u64(&u);
	h->ctime_s = (int64_t)rameti_unpack_u64(&u);
	h->ctime_ns = (int64_t)rameti_unpack_u64(&u);
	h->covered = rameti_unpack_u64(&u);
	h->racy = rameti_unpack_u32(&u);
	h->has_talk = rameti_unpack_u32(&u);
	h->first_crc = rameti_unpack_u32(&u);
	h->last_crc = rameti_unpack_u32(&u);
	h->n = rameti_unpack_u32(&u);
	h->n_ids = rameti_unpack_u32(&u);
	h->extra_lines = rameti_unpack_u64(&u);
	h->seed = rameti_unpack_u64(&u);
	for (i = 0; i < RAMETI_TREE_PARTS; i++)
		h->parts[i] = unpack_piece(&u);
	h->sums = unpack_piece(&u);
	h->meta = unpack_piece(&u);
	h->sums_crc = rameti_unpack_u32(&u);
	h->meta_crc = rameti_unpack_u32(&u);
	used = text.len - u.left.len;
	return rameti_unpack_u32(&u) == rameti_crc32c(0, text.ptr, used) && !u.bad;
}

/* ---- does it hold for this file? ---- */

/* Checksum of up to PROOF_LEN bytes of the file that begin (or end) at `at`. */
static int proof_crc(const struct ramet_session *s, uint64_t at, uint64_t covered, uint32_t *crc)
{
	char text[PROOF_LEN];
	size_t len = covered < sizeof(text) ? (size_t)covered : sizeof(text);

	if (rameti_file_read_at(&s->source.file, text, len, at, NULL) != (int64_t)len)
		return -1;
	*crc = rameti_crc32c(0, text, len);
	return 0;
}

static uint64_t last_proof(uint64_t covered)
{
	return covered < PROOF_LEN ? 0 : covered - PROOF_LEN;
}

static int same_times(const struct head *h, const struct stat *st)
{
	return h->mtime_s == st->st_mtim.tv_sec && h->mtime_ns == st->st_mtim.tv_nsec &&
	       h->ctime_s == st->st_ctim.tv_sec && h->ctime_ns == st->st_ctim.tv_nsec;
}

/* NULL when the file is the one that was indexed and still begins with what is covered. */
static const char *objection(const struct ramet_session *s, const struct head *h,
			     const struct stat *st)
{
	uint32_t first, last;

	if (h->dev != (uint64_t)st->st_dev || h->ino != (uint64_t)st->st_ino || !h->covered)
		return "it is of another file";
	if (h->covered > (uint64_t)st->st_size)
		return "the session is shorter than what it covers";
	if (h->covered == (uint64_t)st->st_size && h->racy)
		return "the session had just been written to";
	if (h->covered == (uint64_t)st->st_size && !same_times(h, st))
		return "the session was changed";
	if (proof_crc(s, 0, h->covered, &first) < 0 ||
	    proof_crc(s, last_proof(h->covered), h->covered, &last) < 0)
		return "the session cannot be read";
	return first == h->first_crc && last == h->last_crc ? NULL : "the session was changed";
}

/* ---- loading ---- */

static int read_piece(const struct rameti_file *f, struct piece p, size_t max, uint32_t crc,
		      struct ramet_buf *out)
{
	if (p.len > max || ramet_buf_reserve(out, (size_t)p.len) < 0 ||
	    rameti_file_read_at(f, out->ptr, (size_t)p.len, p.at, NULL) != (int64_t)p.len)
		return -1;
	out->len = (size_t)p.len;
	return rameti_crc32c(0, out->ptr, out->len) == crc ? 0 : -1;
}

/* How many pages of sums the parts need; 0 when a part does not fit into the file. */
static int parts_fit(const struct head *h, uint64_t size)
{
	uint64_t pages = 0;
	int i;

	for (i = 0; i < RAMETI_TREE_PARTS; i++) {
		const struct piece *p = &h->parts[i];

		if (p->at % RAMETI_PAGE || p->at > size || p->len > size - p->at)
			return 0;
		pages += (p->len + RAMETI_PAGE - 1) / RAMETI_PAGE;
	}
	return h->sums.len == pages * sizeof(uint32_t) && h->sums.at <= size &&
	       h->meta.at <= size;
}

static int map_parts(const struct rameti_file *f, const struct head *h,
		     struct rameti_tree_image *image, struct rameti_mapping *maps)
{
	int i, r = 0;

	memset(image, 0, sizeof(*image));
	image->n = h->n;
	image->n_ids = h->n_ids;
	image->extra_lines = h->extra_lines;
	image->seed = h->seed;
	for (i = 0; !r && i < RAMETI_TREE_PARTS; i++) {
		size_t len = (size_t)h->parts[i].len;

		image->len[i] = len;
		r = rameti_mapping_new(&maps[i], f, h->parts[i].at, len, len / 8 + (64u << 10),
				       NULL);
	}
	return r;
}

/* The tree of the index, or NULL. */
static struct ramet_tree *load_tree(struct ramet_session *s, const struct rameti_file *f,
				    const struct head *h)
{
	struct rameti_mapping maps[RAMETI_TREE_PARTS] = { RAMETI_MAPPING_INIT };
	struct ramet_buf sums = RAMET_BUF_INIT(SUMS_MAX + 1);
	struct rameti_tree_image image;
	struct ramet_tree *t = NULL;
	int i, r = map_parts(f, h, &image, maps);

	if (!r)
		r = read_piece(f, h->sums, SUMS_MAX, h->sums_crc, &sums);
	if (!r)
		(void)rameti_tree_from_image(&t, &image, maps, (const uint32_t *)(void *)sums.ptr,
					     rameti_session_entry, s, NULL);
	for (i = 0; i < RAMETI_TREE_PARTS; i++)
		rameti_mapping_release(&maps[i]);
	ramet_buf_release(&sums);
	return t;
}

/* NULL: fine, in *h. */
static const char *load_head(const struct rameti_file *f, struct head *h)
{
	char text[HEAD_LEN];
	struct stat own;

	if (rameti_file_read_at(f, text, sizeof(text), 0, NULL) != (int64_t)sizeof(text) ||
	    !unpack_head(h, (struct ramet_bytes){ text, sizeof(text) }))
		return "it is damaged, or of another version or machine";
	if (rameti_file_stat(f, &own, NULL) < 0 || !parts_fit(h, (uint64_t)own.st_size))
		return "it is cut off";
	return NULL;
}

/* NULL: s->reader is there. */
static const char *load_from(struct ramet_session *s, const struct rameti_file *f,
			     const struct stat *st, struct head *h)
{
	struct ramet_buf meta = RAMET_BUF_INIT(META_MAX + 1);
	const char *why = load_head(f, h);
	struct ramet_tree *t = NULL;
	int r = 0;

	if (!why)
		why = objection(s, h, st);
	if (why)
		return why;
	if (!read_piece(f, h->meta, META_MAX, h->meta_crc, &meta))
		t = load_tree(s, f, h);
	if (t)
		r = !rameti_reader_unpack(&s->reader, s->codec, t, ramet_buf_bytes(&meta),
					  NULL);
	ramet_buf_release(&meta);
	if (!r)
		return "it is damaged";
	s->source.size = s->indexed = h->covered;
	s->has_talk = h->has_talk != 0;
	return NULL;
}

/* With a limit of its own a handle may find other things than the next one. */
static int has_usual_limits(const struct ramet_session *s)
{
	return rameti_session_max_line(s) == RAMET_JSON_LEN_MAX;
}

int rameti_index_load(struct ramet_session *s, const struct stat *st)
{
	struct rameti_file f = { s->source.file.env, -1 };
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct head h;
	int r = 0;

	if ((uint64_t)st->st_size >= RAMETI_INDEX_FILE_MIN && has_usual_limits(s) &&
	    rameti_index_path(st, &path, NULL) == 0 &&
	    rameti_file_open(&f, path.ptr, RAMETI_FILE_READ, NULL) == 0)
		r = !load_from(s, &f, st, &h);
	(void)rameti_file_close(&f);                         /* mappings stay */
	ramet_buf_release(&path);
	return r;
}

int rameti_index_examine(struct ramet_session *s, const struct stat *st,
			 struct rameti_index_facts *facts, struct ramet_error *err)
{
	struct rameti_file f = { s->source.file.env, -1 };
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct rameti_tree_image image;
	struct head h = { .covered = 0 };
	struct stat own;
	int r = rameti_index_path(st, &path, err);

	if (!r)
		r = rameti_file_open(&f, path.ptr, RAMETI_FILE_READ, err);
	if (!r)
		r = rameti_file_stat(&f, &own, err);
	if (!r) {
		facts->size = (uint64_t)own.st_size;
		facts->why = load_from(s, &f, st, &h);
		facts->covered = h.covered;
		facts->n_entries = h.n;
	}
	if (!r && !facts->why) {
		rameti_tree_image(s->reader.tree, &image);           /* which proves all of it */
		facts->why = rameti_tree_broken(s->reader.tree) ? "it is damaged" : NULL;
	}
	(void)rameti_file_close(&f);                         /* nothing was written to it */
	ramet_buf_release(&path);
	return r;
}

/* ---- saving ---- */

int rameti_index_due(const struct ramet_session *s)
{
	uint64_t fresh = s->source.size - s->indexed;

	return !s->stale && !s->index_doubt && has_usual_limits(s) &&
	       s->source.size >= RAMETI_INDEX_FILE_MIN && s->log.tail_len &&
	       s->log.tail[s->log.tail_len - 1] == '\n' &&
	       (!s->indexed || (fresh >= TAIL_MIN && fresh >= s->indexed / 16));
}

static int same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Could the file change again, or did it since it was read, without its times telling? */
static int is_racy(const struct ramet_session *s, const struct stat *st, struct timespec now)
{
	struct timespec last = st->st_mtim;

	if (st->st_ctim.tv_sec > last.tv_sec)
		last = st->st_ctim;
	return !same_time(st->st_mtim, s->log.mtime) || !same_time(st->st_ctim, s->log.ctime) ||
	       (now.tv_sec - last.tv_sec) * 1000000000LL + (now.tv_nsec - last.tv_nsec) < RACY_NS;
}

static int describe(const struct ramet_session *s, const struct stat *st, struct head *h)
{
	const struct rameti_env *env = rameti_env_or_default(s->source.file.env);
	struct timespec now;

	memset(h, 0, sizeof(*h));
	if (st->st_dev != s->log.dev || st->st_ino != s->log.ino ||
	    env->clock_gettime(env->user, CLOCK_REALTIME, &now) < 0)
		return -1;
	h->dev = (uint64_t)st->st_dev;
	h->ino = (uint64_t)st->st_ino;
	h->mtime_s = st->st_mtim.tv_sec;
	h->mtime_ns = st->st_mtim.tv_nsec;
	h->ctime_s = st->st_ctim.tv_sec;
	h->ctime_ns = st->st_ctim.tv_nsec;
	h->racy = (uint32_t)is_racy(s, st, now);
	h->covered = s->source.size;
	h->has_talk = (uint32_t)s->has_talk;
	return proof_crc(s, 0, h->covered, &h->first_crc) < 0 ||
			       proof_crc(s, last_proof(h->covered), h->covered, &h->last_crc) < 0 ?
		       -1 :
		       0;
}

static void place(struct piece *p, uint64_t len, uint64_t *end)
{
	p->at = *end;
	p->len = len;
	*end += (len + RAMETI_PAGE - 1) / RAMETI_PAGE * RAMETI_PAGE;
}

/* Checksums of all pages of the parts. */
static void add_sums(const struct rameti_tree_image *image, struct ramet_buf *sums)
{
	size_t at, len;
	int i;

	for (i = 0; i < RAMETI_TREE_PARTS; i++)
		for (at = 0; at < image->len[i]; at += len) {
			uint32_t crc;

			len = image->len[i] - at < RAMETI_PAGE ? image->len[i] - at : RAMETI_PAGE;
			crc = rameti_crc32c(0, (const char *)image->ptr[i] + at, len);
			ramet_buf_add(sums, (struct ramet_bytes){ (char *)&crc, sizeof(crc) });
		}
}

static int write_padded(struct rameti_newfile *n, const void *ptr, size_t len,
			struct ramet_error *err)
{
	static const char zeros[RAMETI_PAGE];
	size_t more = (RAMETI_PAGE - len % RAMETI_PAGE) % RAMETI_PAGE;
	int r = rameti_newfile_write(n, (struct ramet_bytes){ len ? ptr : "", len }, err);

	return r < 0 ? r : rameti_newfile_write(n, (struct ramet_bytes){ zeros, more }, err);
}

static int write_all(struct rameti_newfile *n, const struct ramet_session *s, struct head *h,
		     struct ramet_error *err)
{
	struct ramet_buf head = RAMET_BUF_INIT(HEAD_LEN), sums = RAMET_BUF_INIT(SUMS_MAX);
	struct ramet_buf meta = RAMET_BUF_INIT(META_MAX);
	struct rameti_tree_image image;
	uint64_t end = HEAD_LEN;
	int i, r = 0;

	rameti_tree_image(s->reader.tree, &image);
	add_sums(&image, &sums);
	rameti_reader_pack(&s->reader, &meta);
	h->n = image.n;
	h->n_ids = image.n_ids;
	h->extra_lines = image.extra_lines;
	h->seed = image.seed;
	for (i = 0; i < RAMETI_TREE_PARTS; i++)
		place(&h->parts[i], image.len[i], &end);
	place(&h->sums, sums.len, &end);
	place(&h->meta, meta.len, &end);
	h->sums_crc = rameti_crc32c(0, sums.ptr ? sums.ptr : "", sums.len);
	h->meta_crc = rameti_crc32c(0, meta.ptr ? meta.ptr : "", meta.len);
	pack_head(h, &head);
	if (rameti_tree_broken(s->reader.tree))
		r = rameti_tree_fail_broken(err);
	else if (ramet_buf_status(&sums) == RAMET_ELIMIT || ramet_buf_status(&meta) == RAMET_ELIMIT)
		r = rameti_fail(err, RAMET_ELIMIT, "too much for an index");
	else if (ramet_buf_status(&head) < 0 || ramet_buf_status(&sums) < 0 ||
		 ramet_buf_status(&meta) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		r = write_padded(n, head.ptr, head.len, err);
	for (i = 0; !r && i < RAMETI_TREE_PARTS; i++)
		r = write_padded(n, image.ptr[i], image.len[i], err);
	if (!r)
		r = write_padded(n, sums.ptr, sums.len, err);
	if (!r)
		r = write_padded(n, meta.ptr, meta.len, err);
	ramet_buf_release(&head);
	ramet_buf_release(&sums);
	ramet_buf_release(&meta);
	return r;
}

int rameti_index_write(struct ramet_session *s, struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX), dir = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct stat st;
	struct head h;
	int r = rameti_file_stat(&s->source.file, &st, err);

	if (!r)
		r = rameti_index_path(&st, &path, err);
	if (!r) {
		rameti_path_dir(path.ptr, &dir);
		r = ramet_buf_status(&dir) < 0 ? rameti_fail_nomem(err) :
						 rameti_dir_make(NULL, dir.ptr, 0, err);
	}
	if (!r && describe(s, &st, &h) < 0)
		r = rameti_fail(err, RAMET_ECONFLICT, "the file is being changed");
	if (!r)
		r = rameti_newfile_open(&n, path.ptr, 0600, err);
	if (!r)
		r = write_all(&n, s, &h, err);
	/* synced, though its checksums would tell: no torn one is met after a power cut */
	if (!r)
		r = rameti_newfile_commit(&n, RAMETI_NEWFILE_REPLACE | RAMETI_NEWFILE_SYNC, err);
	rameti_newfile_abort(&n);
	if (!r)
		rameti_index_cap(dir.ptr, rameti_path_base(path.ptr), RAMETI_INDEX_CAP);
	ramet_buf_release(&path);
	ramet_buf_release(&dir);
	return r;
}

static void drop(const struct ramet_session *s)
{
	const struct rameti_env *env = rameti_env_default();
	struct ramet_buf path = RAMET_BUF_INIT(PATH_LEN_MAX);
	struct stat st = { .st_dev = s->log.dev, .st_ino = s->log.ino };

	if (rameti_index_path(&st, &path, NULL) == 0)
		(void)env->unlink(env->user, path.ptr);      /* at worst it is found wrong again */
	ramet_buf_release(&path);
}

void rameti_index_save(struct ramet_session *s)
{
	if (s->indexed && (s->index_doubt || rameti_tree_broken(s->reader.tree)))
		drop(s);
	else if (rameti_index_due(s) && !rameti_index_write(s, NULL))      /* only a cache */
		s->indexed = s->source.size;
}
