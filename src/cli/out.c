/*
 * cli/out.c - standard output, the pager, and the one line on standard error.
 *
 * Invariants: a style that is on is ended before its line is; nothing is written once a write has
 * failed; the pager is started at most once, after a screenful, and always waited for. A reader
 * that closes its end early is no error to tell anybody. The terminal is asked for its size only,
 * its modes are never changed.
 */
#include "cli/out.h"

#include "base/env.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/pager.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FLUSH_AT (64u << 10)
#define HELD_MAX (1u << 20)                      /* a screen is smaller */
#define DEFAULT_WIDTH 100
#define WIDTH_MAX 10000

static const char *const sequences[] = {
	[STYLE_NONE] = "\033[0m", [STYLE_DIM] = "\033[2m", [STYLE_BOLD] = "\033[1m",
	[STYLE_USER] = "\033[1;32m", [STYLE_ASSISTANT] = "\033[36m", [STYLE_TOOL] = "\033[33m",
	[STYLE_SYSTEM] = "\033[35m", [STYLE_SUMMARY] = "\033[1;35m", [STYLE_LABEL] = "\033[1;33m",
	[STYLE_LEAF] = "\033[1;31m", [STYLE_WARNING] = "\033[33m", [STYLE_DAMAGE] = "\033[1;31m",
};

static const char *get_env(const char *name)
{
	const struct rameti_env *env = rameti_env_default();

	return env->getenv(env->user, name);
}

static int want_colour(const struct out *o, const struct args *a, int *colour,
		       struct ramet_error *err)
{
	const char *when = args_get(a, "color"), *no_color = get_env("NO_COLOR");
	const char *term = get_env("TERM");

	if (when && !strcmp(when, "always"))
		*colour = 1;
	else if (when && !strcmp(when, "never"))
		*colour = 0;
	else if (when && strcmp(when, "auto"))
		return rameti_fail(err, CLI_USAGE,
				   "option --color wants auto, always or never, not \"%.40s\"",
				   when);
	else
		*colour =
			o->terminal && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
	return 0;
}

static void ask_size(struct out *o)
{
	struct winsize size;

	o->width = DEFAULT_WIDTH;
	if (!o->terminal || ioctl(o->fd, TIOCGWINSZ, &size) < 0)
		return;
	if (size.ws_col > 0)
		o->width = size.ws_col;
	o->rows = size.ws_row;
}

int out_open(struct out *o, const struct args *a, struct ramet_error *err)
{
	uint64_t width;
	int r;

	memset(o, 0, sizeof(*o));
	ramet_buf_init(&o->buf, CLI_TEXT_MAX);
	ramet_buf_init(&o->hint, CLI_TEXT_MAX);
	o->fd = STDOUT_FILENO;
	o->terminal = isatty(o->fd);
	ask_size(o);
	width = o->width;
	r = args_number(a, "width", WIDTH_MAX, &width, err);
	if (r == 0)
		r = want_colour(o, a, &o->colour, err);
	o->width = (size_t)width;
	if (o->terminal && o->rows > 0 && !args_has(a, "no-pager"))
		o->pager_text = pager_choose(get_env("PAGER"), get_env("PATH"));
	o->may_page = o->pager_text != NULL;
	return r;
}

int out_take_back(struct out *o)
{
	if (o->begun || o->pager)
		return 0;
	ramet_buf_reset(&o->buf);
	return 1;
}

int out_ready(const struct out *o, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();

	if (env->write(env->user, o->fd, "", 0) < 0)
		return rameti_fail_sys(err, errno, NULL, "cannot write to standard output");
	return 0;
}

int out_broken(const struct out *o)
{
	return o->sys != 0;
}

/* A descriptor that somebody made non-blocking is waited for. */
static void write_all(struct out *o, struct ramet_bytes b)
{
	const struct rameti_env *env = rameti_env_default();

	while (b.len && !o->sys) {
		ssize_t n = env->write(env->user, o->fd, b.ptr, b.len);

		if (n >= 0) {
			o->begun |= n > 0;
			b.ptr += n;
			b.len -= (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd p = { o->fd, POLLOUT, 0 };

			(void)poll(&p, 1, -1);
		} else if (errno != EINTR) {
			o->sys = errno;
		}
	}
}

static void flush(struct out *o)
{
	write_all(o, ramet_buf_bytes(&o->buf));
	ramet_buf_reset(&o->buf);
}

/* Rows that the held text takes, about: enough to know whether it fits the screen. */
static int fits_screen(const struct out *o)
{
	size_t rows = 1, line = 0;

	if (o->buf.len > HELD_MAX)
		return 0;
	for (size_t i = 0; i < o->buf.len && rows < o->rows; i++) {
		line++;
		if (o->buf.ptr[i] == '\n' || (o->width && line > 4 * o->width)) {
			rows++;
			line = 0;
		}
	}
	return rows < o->rows;
}

static void pass_on(struct out *o)
{
	if (o->may_page && fits_screen(o))
		return;
	if (o->may_page) {
		o->may_page = 0;
		o->pager = pager_start(o->pager_text, &o->fd);
	}
	if (o->buf.len >= FLUSH_AT || o->pager)
		flush(o);
}

static int close_result(struct out *o, int lost, struct ramet_error *err)
{
	if (lost)
		return rameti_fail_nomem(err);
	if (!o->sys || (o->sys == EPIPE && o->pager))
		return 0;
	if (o->sys == EPIPE) {
		rameti_fail(err, RAMET_ECANCELED, "the reader of standard output went away");
		if (err)
			err->sys = EPIPE;
		return RAMET_ECANCELED;
	}
	return rameti_fail_sys(err, o->sys, NULL, "cannot write to standard output");
}

int out_close(struct out *o, struct ramet_error *err)
{
	int r, lost = ramet_buf_status(&o->buf) < 0;

	if (o->terminal && o->hint.len && !lost) {
		out_style(o, STYLE_DIM);
		ramet_buf_add(&o->buf, ramet_buf_bytes(&o->hint));
		out_style(o, STYLE_NONE);
		out_newline(o);
	}
	flush(o);
	r = close_result(o, lost, err);
	if (o->pager)
		pager_wait(o->pager, o->fd);
	ramet_buf_release(&o->buf);
	ramet_buf_release(&o->hint);
	return r;
}

void out_str(struct out *o, const char *text)
{
	ramet_buf_add_str(&o->buf, text);
}

void out_style(struct out *o, enum style style)
{
	if (o->colour)
		ramet_buf_add_str(&o->buf, sequences[style]);
}

void out_styled(struct out *o, enum style style, const char *text)
{
	if (style != STYLE_NONE)
		out_style(o, style);
	out_str(o, text);
	if (style != STYLE_NONE)
		out_style(o, STYLE_NONE);
}

size_t out_safe(struct out *o, struct ramet_bytes text, size_t max_cells)
{
	return text_add_line(&o->buf, text, max_cells);
}

void out_flush(struct out *o)
{
	flush(o);
}

void out_newline(struct out *o)
{
	while (o->buf.len && o->buf.ptr[o->buf.len - 1] == ' ')
		ramet_buf_truncate(&o->buf, o->buf.len - 1);
	ramet_buf_add_char(&o->buf, '\n');
	if (o->may_page || o->pager || o->buf.len >= FLUSH_AT)
		pass_on(o);
}

void out_json(struct out *o, struct ramet_bytes json)
{
	if (o->terminal)
		text_add_json(&o->buf, json);
	else
		ramet_buf_add(&o->buf, json);
	pass_on(o);
}

size_t out_room(const struct out *o, size_t used, size_t least)
{
	if (!o->width)
		return TEXT_ALL;
	return o->width > used + least ? o->width - used : least;
}

void out_complain(const char *text)
{
	const struct rameti_env *env = rameti_env_default();
	struct ramet_buf line = RAMET_BUF_INIT(64u << 10);
	struct ramet_bytes left;

	ramet_buf_add_str(&line, "ramet: ");
	text_add_line(&line, ramet_bytes_of(text), TEXT_ALL);
	ramet_buf_add_char(&line, '\n');
	left = ramet_buf_bytes(&line);
	while (left.len) {
		ssize_t n = env->write(env->user, STDERR_FILENO, left.ptr, left.len);

		if (n <= 0)
			break;
		left.ptr += n;
		left.len -= (size_t)n;
	}
	ramet_buf_release(&line);
}
