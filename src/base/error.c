/*
 * base/error.c - filling and printing struct ramet_error.
 *
 * Every fill writes all fields, so nothing of an earlier error shows through. The texts are one
 * line: control characters become '?'. What is too long is cut at a whole UTF-8 character: text
 * loses its end, a path its beginning. Nothing here allocates, so "out of memory" can be said.
 */
#include "base/error.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Drop the beginning of a character whose end was cut off. */
static void trim_cut_end(char *text, size_t len)
{
	size_t at = len, behind = 0;
	unsigned char lead;
	size_t want;

	while (at > 0 && behind < 3 && is_continuation(text[at - 1])) {
		at--;
		behind++;
	}
	if (at == 0)
		return;
	lead = (unsigned char)text[at - 1];
	want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
	if (behind < want)
		text[at - 1] = '\0';
}

static void make_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static void put_text(struct ramet_error *err, const char *fmt, va_list args) RAMET_PRINTF(2, 0);
static void put_text(struct ramet_error *err, const char *fmt, va_list args)
{
	int len = vsnprintf(err->text, sizeof(err->text), fmt, args);

	if (len < 0)
		err->text[0] = '\0';
	else if ((size_t)len >= sizeof(err->text))
		trim_cut_end(err->text, sizeof(err->text) - 1);
	make_one_line(err->text);
}

static void put_path(struct ramet_error *err, const char *path)
{
	size_t len = path ? strlen(path) : 0;

	if (len >= sizeof(err->path)) {
		path += len - (sizeof(err->path) - 1);
		len = sizeof(err->path) - 1;
		while (len && is_continuation(*path)) {
			path++;
			len--;
		}
	}
	if (len)
		memcpy(err->path, path, len);
	err->path[len] = '\0';
}

static void put_place(struct ramet_error *err, int code, int sys, uint64_t line, uint64_t offset)
{
	err->code = code;
	err->sys = sys;
	err->line = line;
	err->offset = offset;
	err->path[0] = '\0';
}

int rameti_fail(struct ramet_error *err, int code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return code;
	put_place(err, code, 0, 0, RAMET_NO_OFFSET);
	va_start(args, fmt);
	put_text(err, fmt, args);
	va_end(args);
	return code;
}

int rameti_fail_at(struct ramet_error *err, int code, const char *path, uint64_t line,
		   uint64_t offset, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return code;
	put_place(err, code, 0, line, offset);
	va_start(args, fmt);
	put_text(err, fmt, args);
	va_end(args);
	put_path(err, path);
	return code;
}

int rameti_fail_sys(struct ramet_error *err, int sys, const char *path, const char *what)
{
	char space[128], lower[128];
	const char *text;
	int code = RAMET_EIO;

	if (sys == ENOENT || sys == ENOTDIR)
		code = RAMET_ENOTFOUND;
	else if (sys == ENOMEM)
		code = RAMET_ENOMEM;
	text = strerror_r(sys, space, sizeof(space));
	(void)snprintf(lower, sizeof(lower), "%s", text);
	if (islower((unsigned char)lower[1]))
		lower[0] = (char)tolower((unsigned char)lower[0]);
	(void)rameti_fail_at(err, code, path, 0, RAMET_NO_OFFSET, "%s: %s", what, lower);
	if (err)
		err->sys = sys;
	return code;
}

int rameti_fail_nomem(struct ramet_error *err)
{
	return rameti_fail(err, RAMET_ENOMEM, "out of memory");
}

void rameti_error_set_path(struct ramet_error *err, const char *path)
{
	if (err && !err->path[0])
		put_path(err, path);
}

const char *ramet_version(void)
{
	return RAMET_VERSION;
}

const char *ramet_code_name(int code)
{
	switch (code) {
	case RAMET_OK: return "OK";
	case RAMET_ENOMEM: return "ENOMEM";
	case RAMET_EINVAL: return "EINVAL";
	case RAMET_EIO: return "EIO";
	case RAMET_ENOTFOUND: return "ENOTFOUND";
	case RAMET_EFORMAT: return "EFORMAT";
	case RAMET_ELIMIT: return "ELIMIT";
	case RAMET_EVERSION: return "EVERSION";
	case RAMET_ECONFLICT: return "ECONFLICT";
	case RAMET_EAMBIGUOUS: return "EAMBIGUOUS";
	case RAMET_ECANCELED: return "ECANCELED";
	case RAMET_EUNKNOWN: return "EUNKNOWN";
	case RAMET_EJSON: return "EJSON";
	default: return "E?";
	}
}

void ramet_error_print(const struct ramet_error *err, char *out, size_t out_len)
{
	char place[32] = "", offset[48] = "";
	int len;

	if (!out_len)
		return;
	if (err->line)
		(void)snprintf(place, sizeof(place), "%s%" PRIu64, err->path[0] ? ":" : "line ",
			       err->line);
	if (err->offset != RAMET_NO_OFFSET)
		(void)snprintf(offset, sizeof(offset), " (offset %" PRIu64 ")", err->offset);
	len = snprintf(out, out_len, "%s%s%s%s%s", err->path, place,
		       err->path[0] || err->line ? ": " : "",
		       err->text[0] ? err->text : ramet_code_name(err->code), offset);
	if (len < 0)
		out[0] = '\0';
	else if ((size_t)len >= out_len)
		trim_cut_end(out, out_len - 1);
	make_one_line(out);
}
