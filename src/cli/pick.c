/*
 * cli/pick.c - a person picks a session: a numbered list, a number or some words as the answer.
 *
 * Words narrow the list to sessions in whose name, first message or directory they occur. Sessions
 * of the current directory come first when there are any. An empty line or the end of input picks
 * nothing.
 */
#include "cli/pick.h"

#include "base/env.h"
#include "base/error.h"
#include "cli/listing.h"
#include "cli/resolve.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SHOWN 20

int pick_read_answer(struct ramet_buf *answer)
{
	const struct rameti_env *env = rameti_env_default();
	char c;
	ssize_t n;

	ramet_buf_reset(answer);
	for (;;) {
		n = env->read(env->user, STDIN_FILENO, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return answer->len > 0;
		if (c == '\n')
			return 1;
		ramet_buf_add_char(answer, c);
	}
}

static int contains(struct ramet_bytes text, struct ramet_bytes word)
{
	for (size_t at = 0; at + word.len <= text.len; at++)
		if (!strncasecmp(text.ptr + at, word.ptr, word.len))
			return 1;
	return 0;
}

static int matches(const struct ramet_session_info *s, struct ramet_bytes word)
{
	return contains(s->name, word) || contains(s->first_message, word) ||
	       contains(s->cwd, word) || contains(s->id, word);
}

/* The sessions shown now: numbers into the listing. */
struct choice {
	size_t items[SHOWN], n;
};

static void choose(struct choice *c, const struct listing *l, struct ramet_bytes word)
{
	c->n = 0;
	for (size_t i = 0; i < l->n && c->n < SHOWN; i++)
		if (!word.len || matches(l->items[i], word))
			c->items[c->n++] = i;
}

static void show(struct out *o, const struct listing *l, const struct choice *c)
{
	struct listing_table table;

	listing_layout(&table, l, o, 1);
	listing_print_head(o, &table);
	for (size_t i = 0; i < c->n; i++)
		listing_print_row(o, &table, l->items[c->items[i]], i + 1);
	out_styled(o, STYLE_DIM, "a number, or words to look for: ");
	out_flush(o);
}

/* 1 and *picked, or 0 when the answer is no number that is shown. */
static int is_number(struct ramet_bytes answer, const struct choice *c, size_t *picked)
{
	size_t n = 0;

	for (size_t i = 0; i < answer.len; i++) {
		if (answer.ptr[i] < '0' || answer.ptr[i] > '9' || n > SHOWN)
			return 0;
		n = n * 10 + (size_t)(answer.ptr[i] - '0');
	}
	if (n < 1 || n > c->n)
		return 0;
	*picked = c->items[n - 1];
	return 1;
}

static int ask(struct cli *cli, const struct listing *l, size_t *picked, struct ramet_error *err)
{
	struct ramet_buf answer = RAMET_BUF_INIT(4096);
	struct choice c, found;
	int r = 0;

	choose(&c, l, (struct ramet_bytes){ NULL, 0 });
	for (;;) {
		show(&cli->out, l, &c);
		if (!pick_read_answer(&answer) || !answer.len || ramet_buf_status(&answer) < 0) {
			r = rameti_fail(err, RAMET_ECANCELED, "nothing picked");
			break;
		}
		if (is_number(ramet_buf_bytes(&answer), &c, picked))
			break;
		choose(&found, l, ramet_buf_bytes(&answer));
		if (found.n)
			c = found;
		else
			out_styled(&cli->out, STYLE_WARNING, "no such session\n");
	}
	ramet_buf_release(&answer);
	return r;
}

static int read_choices(struct listing *l, const struct cli *cli, struct ramet_error *err)
{
	const char *store = args_get(&cli->args, "store");
	struct listing_opts opts = { .places = &store, .n_places = store != NULL };
	struct ramet_buf here = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = resolve_directory(".", &here, err);

	if (r == 0) {
		opts.cwd = here.ptr;
		r = listing_read(l, &opts, err);
	}
	if (r == 0 && l->n == 0) {
		listing_release(l);
		opts.cwd = NULL;
		r = listing_read(l, &opts, err);
	}
	ramet_buf_release(&here);
	if (r == 0 && l->n == 0)
		r = rameti_fail(err, RAMET_ENOTFOUND, "no sessions to pick from");
	return r;
}

int pick_session(struct cli *cli, struct ramet_buf *path, struct ramet_error *err)
{
	struct listing l = LISTING_INIT;
	size_t picked = 0;
	int r = read_choices(&l, cli, err);

	if (r == 0)
		r = ask(cli, &l, &picked, err);
	if (r == 0)
		ramet_buf_add(path, l.items[picked]->path);
	listing_release(&l);
	return r;
}
