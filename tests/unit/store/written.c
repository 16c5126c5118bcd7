/*
 * written.c - session files of a test: made, compared whole, and compared with a fresh reading.
 */
#include "written.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

struct ramet_error why;

int check_result(int r, int expected, const char *call, const char *file, int line)
{
	if (expected == 0 ? r < 0 : r != expected) {
		print_error("%s: %s: %s\n", call, ramet_code_name(r), why.text);
		_fail(file, line);
	}
	if (expected < 0 && (why.code != expected || !*why.text || strchr(why.text, '\n'))) {
		print_error("%s: error says %s: %s\n", call, ramet_code_name(why.code), why.text);
		_fail(file, line);
	}
	return r;
}

/* ---- texts ---- */

static struct ramet_buf *kept_text(struct ramet_buf *bufs, unsigned n, unsigned *turn)
{
	struct ramet_buf *b = &bufs[(*turn)++ % n];

	b->max = SIZE_MAX / 2;
	ramet_buf_reset(b);
	ramet_buf_add_char(b, ' ');
	ramet_buf_truncate(b, 0);
	return b;
}

static const char *to_quotes(struct ramet_buf *b)
{
	char *p;

	for (p = b->ptr; (p = strchr(p, '\'')) != NULL; p++)
		*p = '"';
	assert_int_equal(ramet_buf_status(b), 0);
	return b->ptr;
}

const char *dq(const char *text)
{
	static struct ramet_buf bufs[32];
	static unsigned turn;
	struct ramet_buf *b = kept_text(bufs, 32, &turn);

	ramet_buf_add_str(b, text);
	return to_quotes(b);
}

struct ramet_bytes js(const char *text)
{
	return ramet_bytes_of(dq(text));
}

struct ramet_bytes raw(const char *text)
{
	const struct ramet_bytes none = { NULL, 0 };

	return text ? ramet_bytes_of(text) : none;
}

/* ---- files ---- */

struct ramet_bytes bytes_of(const char *path)
{
	static struct ramet_buf bufs[8];
	static unsigned turn;
	struct ramet_buf *b = kept_text(bufs, 8, &turn);
	char part[4096];
	size_t n;
	FILE *f = fopen(path, "rb");

	if (!f)
		fail_msg("no file %s", path);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		ramet_buf_add(b, (struct ramet_bytes){ part, n });
	assert_int_equal(fclose(f), 0);
	assert_int_equal(ramet_buf_status(b), 0);
	return ramet_buf_bytes(b);
}

static void write_all(const char *path, const char *mode, struct ramet_bytes text)
{
	FILE *f = fopen(path, mode);

	if (!f)
		fail_msg("cannot write %s", path);
	assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
	assert_int_equal(fclose(f), 0);
}

void put_bytes(const char *path, struct ramet_bytes text)
{
	write_all(path, "wb", text);
}

void put(const char *path, const char *text)
{
	write_all(path, "wb", js(text));
}

void add_to(const char *path, const char *text)
{
	write_all(path, "ab", js(text));
}

int exists(const char *path)
{
	return access(path, F_OK) == 0;
}

unsigned mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (unsigned)st.st_mode & 07777;
}

const char *names_in(const char *dir)
{
	static char names[1 << 14];
	struct dirent **items;
	size_t len = 0;
	int i, n = scandir(dir, &items, NULL, alphasort);

	assert_true(n >= 0);
	names[0] = '\0';
	for (i = 0; i < n; i++) {
		if (strcmp(items[i]->d_name, ".") != 0 && strcmp(items[i]->d_name, "..") != 0)
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
						len ? " " : "", items[i]->d_name);
		assert_true(len < sizeof(names));
		free(items[i]);
	}
	free(items);
	return names;
}

/* ---- a text with marks ---- */

struct match {
	const char *at; /* in the actual text */
	size_t left;
	int64_t now;
};

static int match_now(struct match *m)
{
	int64_t now = rameti_now_ms(NULL);
	char again[32];

	if (m->left < 24)
		return 0;
	m->now = rameti_time_parse((struct ramet_bytes){ m->at, 24 });
	rameti_time_format(m->now, again);
	if (memcmp(again, m->at, 24) != 0 || m->now > now || m->now < now - 60000)
		return 0;
	m->at += 24;
	m->left -= 24;
	return 1;
}

static int match_text(struct match *m, const char *text)
{
	size_t len = strlen(text);

	if (m->left < len || memcmp(m->at, text, len) != 0)
		return 0;
	m->at += len;
	m->left -= len;
	return 1;
}

static int match_shape(struct match *m, const char *shape)
{
	for (; *shape; shape++, m->at++, m->left--) {
		if (!m->left)
			return 0;
		if (*shape == 'x'
			    ? !isdigit((unsigned char)*m->at) && (*m->at < 'a' || *m->at > 'f')
			    : *shape != *m->at)
			return 0;
	}
	return 1;
}

static int match_ms(struct match *m)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", (long long)m->now);
	return match_text(m, text);
}

static int match_mark(struct match *m, const char **mark)
{
	static const char *const names[] = { "<now>", "<ms>", "<id>", "<uuid>" };
	unsigned i;

	for (i = 0; i < 4; i++)
		if (strncmp(*mark, names[i], strlen(names[i])) == 0)
			break;
	if (i == 4)
		return -1;
	*mark += strlen(names[i]);
	switch (i) {
	case 0:
		return match_now(m);
	case 1:
		return match_ms(m);
	case 2:
		return match_shape(m, "xxxxxxxx");
	default:
		return match_shape(m, "xxxxxxxx-xxxx-7xxx-xxxx-xxxxxxxxxxxx");
	}
}

static int matches(struct ramet_bytes actual, const char *text)
{
	struct match m = { actual.ptr, actual.len, 0 };
	int r;

	while (*text) {
		r = *text == '<' ? match_mark(&m, &text) : -1;
		if (r == 0)
			return 0;
		if (r > 0)
			continue;
		if (!m.left || *m.at != *text)
			return 0;
		m.at++, m.left--, text++;
	}
	return m.left == 0;
}

void assert_text(struct ramet_bytes actual, const char *format, ...)
{
	static struct ramet_buf b;
	static char text[1 << 16];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	assert_true(n >= 0 && (size_t)n < sizeof(text));
	b.max = SIZE_MAX / 2;
	ramet_buf_reset(&b);
	ramet_buf_add_str(&b, text);
	ramet_buf_add_char(&b, '\0');
	if (!matches(actual, to_quotes(&b)))
		fail_msg("expected:\n%s\nactual:\n%.*s", b.ptr, RAMET_FMT(actual));
}

struct ramet_bytes rest_after(struct ramet_bytes text, struct ramet_bytes prefix)
{
	if (text.len < prefix.len || memcmp(text.ptr, prefix.ptr, prefix.len) != 0)
		fail_msg("expected first:\n%.*s\nactual:\n%.*s", RAMET_FMT(prefix),
			 RAMET_FMT(text));
	text.ptr += prefix.len;
	text.len -= prefix.len;
	return text;
}

/* ---- sessions ---- */

struct ramet_session *opened(const char *path)
{
	struct ramet_session *s = NULL;

	must(ramet_session_open(&s, path, NULL, &why));
	return s;
}

struct ramet_session *created(const char *dir)
{
	struct ramet_create_opts opts = { .id = "s1", .dir = dir };
	struct ramet_session *s = NULL;

	must(ramet_session_create(&s, "/w", &opts, &why));
	return s;
}

uint32_t row_of(const struct ramet_session *s, const char *id)
{
	uint32_t row = ramet_tree_find(ramet_session_tree(s), ramet_bytes_of(id));

	if (row == RAMET_NONE)
		fail_msg("no entry %s", id);
	return row;
}

const char *leaf_id(const struct ramet_session *s)
{
	static char id[256];
	uint32_t leaf = ramet_session_leaf(s);

	id[0] = '\0';
	if (leaf != RAMET_NONE)
		(void)snprintf(id, sizeof(id), "%.*s",
			       RAMET_FMT(ramet_tree_id(ramet_session_tree(s), leaf)));
	return id;
}

struct ramet_bytes entry_of(const struct ramet_session *s, uint32_t row)
{
	static struct ramet_buf bufs[8];
	static unsigned turn;
	struct ramet_buf *b = kept_text(bufs, 8, &turn), scratch = RAMET_BUF_INIT(1u << 30);
	struct ramet_bytes json;

	must(ramet_tree_entry(ramet_session_tree(s), row, &scratch, &json, &why));
	ramet_buf_add(b, json);
	ramet_buf_release(&scratch);
	return ramet_buf_bytes(b);
}

/* ---- states ---- */

static void same_rows(const struct ramet_tree *a, const struct ramet_tree *b)
{
	struct ramet_buf p = RAMET_BUF_INIT(1u << 30), q = RAMET_BUF_INIT(1u << 30);
	struct ramet_bytes one, two;
	uint32_t i;

	assert_int_equal(ramet_tree_count(a), ramet_tree_count(b));
	for (i = 0; i < ramet_tree_count(a); i++) {
		assert_memory_equal(ramet_tree_row(a, i), ramet_tree_row(b, i),
				    sizeof(struct ramet_row));
		assert_true(ramet_bytes_eq(ramet_tree_id(a, i), ramet_tree_id(b, i)));
		assert_int_equal(ramet_tree_find(a, ramet_tree_id(a, i)),
				 ramet_tree_find(b, ramet_tree_id(b, i)));
		must(ramet_tree_entry(a, i, &p, &one, &why));
		must(ramet_tree_entry(b, i, &q, &two, &why));
		assert_true(ramet_bytes_eq(one, two));
	}
	ramet_buf_release(&p);
	ramet_buf_release(&q);
}

static void same_tree(const struct ramet_tree *a, const struct ramet_tree *b)
{
	struct ramet_nodes x = RAMET_NODES_INIT, y = RAMET_NODES_INIT;

	must(ramet_tree_preorder(a, &x, &why));
	must(ramet_tree_preorder(b, &y, &why));
	assert_int_equal(x.n, y.n);
	if (x.n)
		assert_memory_equal(x.items, y.items, x.n * sizeof(*x.items));
	ramet_nodes_release(&x);
	ramet_nodes_release(&y);
}

static void same_labels(const struct ramet_tree *a, const struct ramet_tree *b)
{
	struct ramet_labels x = RAMET_LABELS_INIT, y = RAMET_LABELS_INIT;
	uint32_t i;

	must(ramet_tree_labels(a, &x, &why));
	must(ramet_tree_labels(b, &y, &why));
	assert_int_equal(x.n, y.n);
	for (i = 0; i < x.n; i++) {
		assert_true(ramet_bytes_eq(x.items[i].target, y.items[i].target));
		assert_true(ramet_bytes_eq(x.items[i].text, y.items[i].text));
		assert_true(ramet_bytes_eq(x.items[i].timestamp, y.items[i].timestamp));
		assert_int_equal(x.items[i].row, y.items[i].row);
		assert_int_equal(x.items[i].target_row, y.items[i].target_row);
	}
	ramet_labels_release(&x);
	ramet_labels_release(&y);
}

static void same_name(const struct ramet_tree *a, const struct ramet_tree *b)
{
	struct ramet_buf p = RAMET_BUF_INIT(1u << 30), q = RAMET_BUF_INIT(1u << 30);

	assert_int_equal(must(ramet_tree_name(a, &p, &why)), must(ramet_tree_name(b, &q, &why)));
	assert_true(ramet_bytes_eq(ramet_buf_bytes(&p), ramet_buf_bytes(&q)));
	ramet_buf_release(&p);
	ramet_buf_release(&q);
}

static void add_context(const struct ramet_tree *t, uint32_t leaf, struct ramet_buf *out)
{
	struct ramet_context *c = NULL;

	must(ramet_context_new(&c, t, leaf, &why));
	must(ramet_context_write(c, out, &why));
	ramet_context_free(c);
}

static void same_contexts(const struct ramet_tree *a, const struct ramet_tree *b)
{
	struct ramet_buf p = RAMET_BUF_INIT(1u << 30), q = RAMET_BUF_INIT(1u << 30);
	uint32_t i, step = 1 + ramet_tree_count(a) / 64;

	for (i = ramet_tree_count(a); i > 0; i = i > step ? i - step : 0) {
		ramet_buf_reset(&p);
		ramet_buf_reset(&q);
		add_context(a, i - 1, &p);
		add_context(b, i - 1, &q);
		assert_true(ramet_bytes_eq(ramet_buf_bytes(&p), ramet_buf_bytes(&q)));
	}
	ramet_buf_release(&p);
	ramet_buf_release(&q);
}

void assert_same_state(const struct ramet_session *a, const struct ramet_session *b)
{
	const struct ramet_tree *x = ramet_session_tree(a), *y = ramet_session_tree(b);

	assert_true(ramet_bytes_eq(ramet_session_header(a)->json, ramet_session_header(b)->json));
	same_rows(x, y);
	same_tree(x, y);
	same_labels(x, y);
	same_name(x, y);
	same_contexts(x, y);
}

void assert_reopens_same_but_leaf(const struct ramet_session *s)
{
	struct ramet_session *fresh = opened(ramet_session_path(s));

	assert_same_state(s, fresh);
	ramet_session_close(fresh);
}

void assert_reopens_same(const struct ramet_session *s)
{
	assert_reopens_same_but_leaf(s);
	assert_int_equal(ramet_session_leaf(s), ramet_tree_count(ramet_session_tree(s)) - 1);
}
