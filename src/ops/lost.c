/*
 * ops/lost.c - the .lost file: a JSON object a line for each stretch of bytes that repair took out,
 * {"line","offset","code","text"} or, where the bytes are no valid UTF-8, "base64" in place of
 * "text".
 *
 * Together with the new file and the plan it gives the original back. A stretch of any length is
 * written in pieces. A file that is there already is never added to or written over.
 */
#include "ops/lost_priv.h"

#include "base/error.h"
#include "base/newfile.h"

#define TEXT_MAX (1u << 20)                      /* longer stretches are always base64 */
#define PIECE (48u << 10)                        /* a multiple of three */
#define NAMES_MAX 1000u

static void add_base64(struct ramet_buf *out, struct ramet_bytes bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char four[4];
	size_t i, k;

	for (i = 0; i < bytes.len; i += 3) {
		size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
		uint32_t bits = 0;

		for (k = 0; k < 3; k++)
			bits = bits << 8 | (k < n ? (uint8_t)bytes.ptr[i + k] : 0);
		for (k = 0; k < 4; k++)
			four[k] = k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=';
		ramet_buf_add(out, (struct ramet_bytes){ four, 4 });
	}
}

static int read_exactly(const struct rameti_file *f, struct ramet_buf *to, size_t len, uint64_t at,
			struct ramet_error *err)
{
	int64_t n;

	ramet_buf_reset(to);
	if (ramet_buf_reserve(to, len) < 0)
		return rameti_fail_nomem(err);
	n = rameti_file_read_at(f, to->ptr, len, at, err);
	if (n < 0)
		return (int)n;
	if ((size_t)n < len)
		return rameti_fail_at(err, RAMET_EIO, NULL, 0, at,
				      "the file became shorter while it was read");
	to->len = len;
	return 0;
}

static int write_line(struct rameti_newfile *n, struct ramet_buf *line, struct ramet_error *err)
{
	int r = ramet_buf_status(line) < 0 ? rameti_fail_nomem(err) :
					     rameti_newfile_write(n, ramet_buf_bytes(line), err);

	ramet_buf_reset(line);
	return r;
}

static int write_stretch(struct rameti_newfile *n, const struct rameti_file *f,
			 const struct ramet_repair_action *a, struct ramet_buf *bytes,
			 struct ramet_buf *line, struct ramet_error *err)
{
	uint64_t at = a->offset, end = a->offset + a->length;
	int r = 0;

	ramet_buf_addf(line, "{\"line\":%llu,\"offset\":%llu,\"code\":\"%s\",",
		       (unsigned long long)a->line, (unsigned long long)a->offset, a->code);
	if (a->length <= TEXT_MAX) {
		r = read_exactly(f, bytes, (size_t)a->length, at, err);
		if (!r && rameti_utf8_valid(ramet_buf_bytes(bytes))) {
			ramet_buf_add_str(line, "\"text\":");
			ramet_buf_add_json_string(line, ramet_buf_bytes(bytes));
			ramet_buf_add_str(line, "}\n");
			return write_line(n, line, err);
		}
	}
	ramet_buf_add_str(line, "\"base64\":\"");
	while (!r && at < end) {
		size_t len = end - at < PIECE ? (size_t)(end - at) : PIECE;

		r = read_exactly(f, bytes, len, at, err);
		if (!r)
			add_base64(line, ramet_buf_bytes(bytes));
		if (!r)
			r = write_line(n, line, err);
		at += len;
	}
	ramet_buf_add_str(line, "\"}\n");
	return r < 0 ? r : write_line(n, line, err);
}

static int write_as(const char *path, const struct rameti_plan *plan,
		    const struct rameti_original *old, struct ramet_error *err)
{
	struct rameti_newfile n = RAMETI_NEWFILE_INIT;
	struct ramet_buf bytes = RAMET_BUF_INIT(SIZE_MAX / 2), line = RAMET_BUF_INIT(SIZE_MAX / 2);
	uint32_t i;
	int r = rameti_newfile_open(&n, path, old->st.st_mode & 07777, err);

	for (i = 0; !r && i < plan->n; i++)
		if (plan->actions[i].kind == RAMET_REPAIR_DROP)
			r = write_stretch(&n, &old->file, &plan->actions[i], &bytes, &line, err);
	if (!r)
		r = rameti_newfile_commit(&n, RAMETI_NEWFILE_SYNC, err);
	rameti_newfile_abort(&n);
	ramet_buf_release(&bytes);
	ramet_buf_release(&line);
	return r;
}

int rameti_lost_write(struct ramet_buf *where, const struct rameti_plan *plan,
		      const struct rameti_original *old, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(old->file.env);
	unsigned attempt;
	int r = RAMET_ECONFLICT;

	for (attempt = 1; r == RAMET_ECONFLICT && attempt < NAMES_MAX; attempt++) {
		ramet_buf_reset(where);
		ramet_buf_addf(where, "%s.lost", old->path.ptr);
		if (attempt > 1)
			ramet_buf_addf(where, ".%u", attempt);
		if (ramet_buf_status(where) < 0)
			return rameti_fail_nomem(err);
		r = write_as(where->ptr, plan, old, err);
	}
	if (r == RAMET_EUNKNOWN) {                   /* the name is there, and not durable */
		(void)env->unlink(env->user, where->ptr);
		r = err ? (err->code = RAMET_EIO) : RAMET_EIO;
	}
	if (r < 0)
		ramet_buf_reset(where);
	return r;
}
