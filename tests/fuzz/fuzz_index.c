/*
 * fuzz_index.c - the index file of a fixed session, changed in any way.
 *
 * The input is a list of changes to the index that belongs there: byte 0 picks the session (bit 0:
 * it has grown since, bit 1: version 1, bit 2: what is asked first) and how many bytes the file
 * loses at its end; then a place in three bytes, a length in one, and so many bytes to be put
 * there. The checksums of the head, the sums and the last piece are put right afterwards, so that
 * what lies behind them is reached. Whatever comes of it: opening goes well and nothing runs off.
 * If the head and the last piece are as they were, every call answers as after a scan, or says
 * RAMET_ECONFLICT.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/env.h"
#include "base/hash.h"
#include "ramet.h"

#define OUT_MAX (1u << 28)
#define HEAD_LEN 4096u
/* where the head has what is put right */
#define AT_SUMS 244u
#define AT_META 260u
#define AT_SUMS_CRC 276u
#define AT_META_CRC 280u
#define AT_CRC 284u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char dir[] = "/tmp/ramet-fuzz-index-XXXXXX";
static struct rameti_env env;

/* A session with its index as it should be. */
static struct world {
	char session[128], index[256];
	struct ramet_buf good, bad;
	struct ramet_buf answers[2];             /* of a scan, in either order */
} worlds[4];

static const char *fuzz_getenv(void *user, const char *name)
{
	(void)user;
	return !strcmp(name, "XDG_CACHE_HOME") ? dir : NULL;
}

static int late_clock(void *user, clockid_t clock, struct timespec *ts)
{
	int r = rameti_env_posix()->clock_gettime(user, clock, ts);

	ts->tv_sec += clock == CLOCK_REALTIME ? 3600 : 0;
	return r;
}

/* ---- files ---- */

static void write_file(const char *path, struct ramet_bytes text, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
	ssize_t n = fd < 0 ? -1 : write(fd, text.ptr, text.len);

	if (n != (ssize_t)text.len || close(fd) < 0)
		abort();
}

static void read_file(const char *path, struct ramet_buf *out)
{
	static char part[1 << 16];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		abort();
	while ((n = read(fd, part, sizeof(part))) > 0)
		ramet_buf_add(out, (struct ramet_bytes){ part, (size_t)n });
	(void)close(fd);
}

static void remove_all(void)
{
	char path[512];
	size_t i;

	for (i = 0; i < 4; i++) {
		(void)unlink(worlds[i].session);
		(void)unlink(worlds[i].index);
	}
	(void)snprintf(path, sizeof(path), "%s/ramet/index", dir);
	(void)rmdir(path);
	(void)snprintf(path, sizeof(path), "%s/ramet", dir);
	(void)rmdir(path);
	(void)rmdir(dir);
}

/* ---- sessions ---- */

static void add_line(struct ramet_buf *b, int version, unsigned i)
{
	static const char *const parents[] = { "null", "\"gone\"", "\"later\"", "\"a1\"" };
	static char text[20000];

	memset(text, 'x', sizeof(text) - 1);
	text[i % 7 ? 1500 : 15000] = '\0';
	ramet_buf_add_str(b, "{\"timestamp\":\"2026-01-02T03:04:05.006Z\",");
	if (version > 1)
		ramet_buf_addf(b, "\"id\":\"a%u\",", i % 61);
	if (version > 1 && i % 11 == 0)
		ramet_buf_addf(b, "\"parentId\":%s,", parents[i / 11 % 4]);
	else if (version > 1)
		ramet_buf_addf(b, "\"parentId\":\"a%u\",", (i - 1) % 61);
	ramet_buf_add_str(b, "\"type\":");
	if (i % 7 == 5)
		ramet_buf_addf(b, "\"label\",\"targetId\":\"a3\",\"label\":\"%.9s\"", text);
	else if (i % 7 == 6)
		ramet_buf_addf(b, "\"session_info\",\"name\":\"%.9s\"", text);
	else
		ramet_buf_addf(b, "\"message\",\"message\":{\"role\":\"%s\",\"content\":\"%s\"}",
			       i % 2 ? "user" : "assistant", text);
	ramet_buf_add_str(b, "}\n");
	if (i % 13 == 0)
		ramet_buf_add_str(b, "\nno json\n");
}

static int ask(const struct ramet_session *s, int first, struct ramet_buf *out)
{
	static int (*const asks[])(const struct ramet_session *, struct ramet_buf *,
				   struct ramet_error *) = {
		ramet_report_info, ramet_report_tree, ramet_report_branches, ramet_report_stats,
	};
	struct ramet_context *c = NULL;
	struct ramet_error e = { .code = 0 };
	uint32_t next = 0;
	int i, r = 0;

	if (first)
		r = ramet_context_new(&c, ramet_session_tree(s), ramet_session_leaf(s), &e);
	if (c)
		r = ramet_context_write(c, out, &e);
	ramet_context_free(c);
	for (i = 0; !r && i < 4; i++)
		r = asks[i](s, out, &e);
	while (!r && next != RAMET_NONE)
		r = ramet_report_entries(s, next, OUT_MAX, out, &next, &e);
	if (!r)
		r = ramet_report_path(s, ramet_session_leaf(s), out, &e);
	assert(r == 0 || e.code == r);
	return r;
}

static void make_world(struct world *w, int number)
{
	struct ramet_open_opts scan = { .no_cache = 1, .threads = 1 };
	struct ramet_buf text = RAMET_BUF_INIT(OUT_MAX);
	int version = number & 2 ? 1 : 3, r, i;
	struct ramet_session *s;
	struct stat st;

	ramet_buf_init(&w->good, OUT_MAX);
	ramet_buf_init(&w->bad, OUT_MAX);
	ramet_buf_addf(&text, "{\"type\":\"session\",%s\"id\":\"s\",\"cwd\":\"/w\"}\n",
		       version > 1 ? "\"version\":3," : "");
	for (i = 0; i < 120; i++)
		add_line(&text, version, (unsigned)i);
	(void)snprintf(w->session, sizeof(w->session), "%s/%d.jsonl", dir, number);
	write_file(w->session, ramet_buf_bytes(&text), O_TRUNC);
	r = ramet_session_open(&s, w->session, NULL, NULL);
	assert(r == 0);
	ramet_session_close(s);
	if (stat(w->session, &st) < 0)
		abort();
	(void)snprintf(w->index, sizeof(w->index), "%s/ramet/index/%llx-%llx.idx", dir,
		       (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	read_file(w->index, &w->good);
	ramet_buf_reset(&text);
	for (i = 120; number & 1 && i < 140; i++)
		add_line(&text, version, (unsigned)i);
	if (text.len)
		write_file(w->session, ramet_buf_bytes(&text), O_APPEND);
	for (i = 0; i < 2; i++) {
		ramet_buf_init(&w->answers[i], OUT_MAX);
		r = ramet_session_open(&s, w->session, &scan, NULL);
		assert(r == 0);
		r = ask(s, i, &w->answers[i]);
		assert(r == 0);
		ramet_session_close(s);
	}
	ramet_buf_release(&text);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int i;

	(void)argc, (void)argv;
	env = *rameti_env_posix();
	env.getenv = fuzz_getenv;
	env.clock_gettime = late_clock;
	rameti_env_use(&env);
	if (!mkdtemp(dir))
		abort();
	atexit(remove_all);
	for (i = 0; i < 4; i++)
		make_world(&worlds[i], i);
	return 0;
}

/* ---- changes ---- */

static uint64_t get(const char *p, int n)
{
	uint64_t x = 0;

	while (n--)
		x = x << 8 | (unsigned char)p[n];
	return x;
}

static void put_u32(char *p, uint32_t x)
{
	int i;

	for (i = 0; i < 4; i++, x >>= 8)
		p[i] = (char)(x & 0xff);
}

/* The checksum of the piece that the head names at `at`, if it is there. */
static void mend_piece(struct ramet_buf *b, unsigned at, unsigned crc_at)
{
	uint64_t from = get(b->ptr + at, 8), len = get(b->ptr + at + 8, 8);

	if (from <= b->len && len <= b->len - from)
		put_u32(b->ptr + crc_at, rameti_crc32c(0, b->ptr + from, (size_t)len));
}

static void mend(struct ramet_buf *b)
{
	if (b->len < HEAD_LEN)
		return;
	mend_piece(b, AT_SUMS, AT_SUMS_CRC);
	mend_piece(b, AT_META, AT_META_CRC);
	put_u32(b->ptr + AT_CRC, rameti_crc32c(0, b->ptr, AT_CRC));
}

static void change(struct world *w, const uint8_t *data, size_t len)
{
	ramet_buf_reset(&w->bad);
	ramet_buf_add(&w->bad, ramet_buf_bytes(&w->good));
	while (len >= 5) {
		size_t at = data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16, n = data[3];

		data += 4, len -= 4;
		n = n < len ? n : len;
		at %= w->bad.len;
		if (n > w->bad.len - at)
			n = w->bad.len - at;
		memcpy(w->bad.ptr + at, data, n);
		data += n, len -= n;
	}
}

/* Are the head and the last piece what they were? */
static int is_honest(const struct world *w)
{
	uint64_t meta = get(w->good.ptr + AT_META, 8);

	return w->bad.len == w->good.len &&
	       !memcmp(w->bad.ptr, w->good.ptr, AT_SUMS_CRC) &&
	       !memcmp(w->bad.ptr + meta, w->good.ptr + meta, w->good.len - (size_t)meta);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ramet_open_opts opts = { .threads = 1 };
	struct ramet_buf out = RAMET_BUF_INIT(OUT_MAX);
	uint8_t how = len ? data[0] : 0;
	struct world *w = &worlds[how & 3];
	struct ramet_session *s = NULL;
	int r, first = how >> 2 & 1;

	change(w, len ? data + 1 : data, len ? len - 1 : 0);
	if (how >> 3)
		ramet_buf_truncate(&w->bad, w->bad.len - (size_t)(how >> 3) * 997 % w->bad.len);
	mend(&w->bad);
	(void)unlink(w->index);                      /* nobody changes one that may be mapped */
	write_file(w->index, ramet_buf_bytes(&w->bad), O_TRUNC);
	r = ramet_session_open(&s, w->session, &opts, NULL);
	assert(r == 0);
	r = ask(s, first, &out);
	if (is_honest(w)) {
		assert(r == 0 || r == RAMET_ECONFLICT);
		assert(r < 0 || ramet_bytes_eq(ramet_buf_bytes(&out),
					       ramet_buf_bytes(&w->answers[first])));
	}
	ramet_session_close(s);
	ramet_buf_release(&out);
	return 0;
}
