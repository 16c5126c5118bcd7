/*
 * crash_fs.c - the file system in memory: names, nodes, paths, and the log of what was done.
 *
 * Names are numbers, so that copying a file system is copying arrays.
 */
#include "crash_fs_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_NS (INT64_C(1772359200) * 1000000000) /* 2026-03-01T10:00:00Z */

/* ---- memory and names ---- */

void *crash_grow(void *ptr, size_t *cap, size_t need, size_t size)
{
	size_t want = *cap ? *cap : 8;

	if (need <= *cap)
		return ptr;
	while (want < need)
		want *= 2;
	ptr = realloc(ptr, want * size);
	if (!ptr)
		abort();
	memset((char *)ptr + *cap * size, 0, (want - *cap) * size);
	*cap = want;
	return ptr;
}

static unsigned grow_unsigned(void **ptr, unsigned *cap, unsigned need, size_t size)
{
	size_t now = *cap;

	*ptr = crash_grow(*ptr, &now, need, size);
	*cap = (unsigned)now;
	return *cap;
}

/* All names of all file systems; a hash table with open addressing. */
static struct {
	char (*texts)[256];
	size_t n, cap, n_slots;
	unsigned *slots;
} names;

static size_t slot_of(const char *text, size_t len)
{
	size_t h = 14695981039346656037u, i;

	for (i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 1099511628211u;
	for (h &= names.n_slots - 1; names.slots[h]; h = (h + 1) & (names.n_slots - 1))
		if (!strncmp(names.texts[names.slots[h]], text, len) &&
		    !names.texts[names.slots[h]][len])
			break;
	return h;
}

static void more_slots(void)
{
	size_t i;

	names.n_slots = names.n_slots ? names.n_slots * 2 : 1024;
	free(names.slots);
	names.slots = calloc(names.n_slots, sizeof(*names.slots));
	if (!names.slots)
		abort();
	for (i = 1; i <= names.n; i++)
		names.slots[slot_of(names.texts[i], strlen(names.texts[i]))] = (unsigned)i;
}

unsigned crash_name_of(const char *text, size_t len)
{
	size_t slot;

	if (len > 255)
		return 0;
	if (names.n * 2 >= names.n_slots)
		more_slots();
	slot = slot_of(text, len);
	if (names.slots[slot])
		return names.slots[slot];
	names.texts = crash_grow(names.texts, &names.cap, names.n + 2, sizeof(*names.texts));
	memcpy(names.texts[++names.n], text, len);
	names.texts[names.n][len] = '\0';
	return names.slots[slot] = (unsigned)names.n;
}

const char *crash_name_text(unsigned name)
{
	return names.texts[name];
}

/* ---- nodes ---- */

void crash_node_resize(struct crash_node *n, size_t len, int fill)
{
	n->data = crash_grow(n->data, &n->cap, len, 1);
	if (len > n->len)
		memset(n->data + n->len, fill, len - n->len);
	n->len = len;
}

void crash_node_write(struct crash_node *n, size_t at, const void *from, size_t len)
{
	if (!len)
		return;
	if (at + len > n->len)
		crash_node_resize(n, at + len, 0);
	memcpy(n->data + at, from, len);
}

unsigned crash_dir_get(const struct crash_fs *fs, unsigned dir, unsigned name)
{
	const struct crash_node *d = &fs->nodes[dir];
	unsigned i;

	for (i = 0; i < d->n_names; i++)
		if (d->names[i].name == name)
			return d->names[i].node;
	return CRASH_NONE;
}

void crash_dir_set(struct crash_fs *fs, unsigned dir, unsigned name, unsigned node)
{
	struct crash_node *d = &fs->nodes[dir];
	unsigned i;

	for (i = 0; i < d->n_names && d->names[i].name != name; i++)
		;
	if (i < d->n_names)
		fs->nodes[d->names[i].node].links--;
	if (node)
		fs->nodes[node].links++;
	if (i < d->n_names && !node) {
		d->names[i] = d->names[--d->n_names];
		return;
	}
	if (!node)
		return;
	grow_unsigned((void **)&d->names, &d->cap_names, d->n_names + 1, sizeof(*d->names));
	d->names[i].name = name;
	d->names[i].node = node;
	d->n_names += i == d->n_names;
}

unsigned crash_new_node(struct crash_fs *fs, int is_dir, mode_t mode)
{
	struct crash_node *n;

	grow_unsigned((void **)&fs->nodes, &fs->cap_nodes, fs->n_nodes + 1, sizeof(*fs->nodes));
	n = &fs->nodes[fs->n_nodes];
	n->is_dir = is_dir;
	n->mode = mode;
	n->links = n->opens = 0;
	n->locked_by = 0;
	n->len = n->n_names = 0;
	n->time_ns = fs->now_ns;
	return fs->n_nodes++;
}

struct crash_fs *crash_fs_new(void)
{
	struct crash_fs *fs = calloc(1, sizeof(*fs));

	if (!fs)
		abort();
	fs->now_ns = START_NS;
	fs->random = 1;
	fs->n_nodes = CRASH_ROOT;
	(void)crash_new_node(fs, 1, 0755);
	return fs;
}

void crash_fs_free(struct crash_fs *fs)
{
	unsigned i;

	if (!fs)
		return;
	for (i = 0; i < fs->cap_nodes; i++) {
		free(fs->nodes[i].data);
		free(fs->nodes[i].names);
	}
	free(fs->nodes);
	free(fs->fds);
	free(fs->ops);
	free(fs->bytes);
	free(fs);
}

static void copy_node(struct crash_node *to, const struct crash_node *from)
{
	to->is_dir = from->is_dir;
	to->mode = from->mode;
	to->links = from->links;
	to->opens = 0;
	to->locked_by = 0;
	to->time_ns = from->time_ns;
	to->len = 0;
	crash_node_write(to, 0, from->data, from->len);
	grow_unsigned((void **)&to->names, &to->cap_names, from->n_names, sizeof(*to->names));
	if (from->n_names)
		memcpy(to->names, from->names, from->n_names * sizeof(*to->names));
	to->n_names = from->n_names;
}

void crash_fs_copy(struct crash_fs *to, const struct crash_fs *from)
{
	unsigned i;

	grow_unsigned((void **)&to->nodes, &to->cap_nodes, from->n_nodes, sizeof(*to->nodes));
	for (i = CRASH_ROOT; i < from->n_nodes; i++)
		copy_node(&to->nodes[i], &from->nodes[i]);
	to->n_nodes = from->n_nodes;
	to->n_fds = 0;
	to->n_ops = to->n_bytes = 0;
	to->recording = 0;
	to->fail_syncs = 0;
	to->random = from->random;
	to->now_ns = from->now_ns;
}

/* ---- the log ---- */

struct crash_op *crash_log(struct crash_fs *fs, enum crash_op_kind kind, unsigned node)
{
	static struct crash_op nowhere;
	struct crash_op *op;

	if (!fs->recording)
		return &nowhere;
	fs->ops = crash_grow(fs->ops, &fs->cap_ops, fs->n_ops + 1, sizeof(*fs->ops));
	op = &fs->ops[fs->n_ops++];
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->node = node;
	return op;
}

void crash_log_write(struct crash_fs *fs, unsigned node, size_t at, const void *from, size_t len)
{
	struct crash_op *op = crash_log(fs, CRASH_WRITE, node);

	if (!fs->recording)
		return;
	op->at = at;
	op->len = len;
	op->data = fs->n_bytes;
	fs->bytes = crash_grow(fs->bytes, &fs->cap_bytes, fs->n_bytes + len, 1);
	memcpy(fs->bytes + fs->n_bytes, from, len);
	fs->n_bytes += len;
}

void crash_set_name(struct crash_fs *fs, unsigned dir, unsigned name, unsigned node)
{
	struct crash_op *op = crash_log(fs, CRASH_NAME, node);

	op->dir = dir;
	op->name = name;
	op->was = crash_dir_get(fs, dir, name);
	crash_dir_set(fs, dir, name, node);
}

/* ---- paths ---- */

int crash_look_up(const struct crash_fs *fs, const char *path, struct crash_place *at)
{
	char whole[4096];
	const char *p = whole, *end;

	if (!*path || strlen(path) + sizeof(CRASH_HOME) + 1 > sizeof(whole)) {
		errno = *path ? ENAMETOOLONG : ENOENT;
		return -1;
	}
	(void)snprintf(whole, sizeof(whole), "%s%s", *path == '/' ? "" : CRASH_HOME "/", path);
	at->dir = at->node = CRASH_ROOT;
	at->name = 0;
	for (;; p = end) {
		while (*p == '/')
			p++;
		if (!*p)
			return 0;
		end = strchrnul(p, '/');
		if (!at->node || !fs->nodes[at->node].is_dir) {
			errno = at->node ? ENOTDIR : ENOENT;
			return -1;
		}
		if (end - p == 1 && *p == '.')
			continue;
		at->dir = at->node;
		at->name = crash_name_of(p, (size_t)(end - p));
		if (!at->name) {
			errno = ENAMETOOLONG;
			return -1;
		}
		at->node = crash_dir_get(fs, at->dir, at->name);
	}
}

unsigned crash_must_be(const struct crash_fs *fs, const char *path)
{
	struct crash_place at;

	if (crash_look_up(fs, path, &at) < 0)
		return CRASH_NONE;
	if (!at.node)
		errno = ENOENT;
	return at.node;
}

unsigned crash_find(const struct crash_fs *fs, const char *path)
{
	struct crash_place at;

	return crash_look_up(fs, path, &at) < 0 ? CRASH_NONE : at.node;
}

unsigned crash_put_dir(struct crash_fs *fs, const char *path)
{
	char part[4096];
	struct crash_place at = { 0, 0, CRASH_ROOT };
	size_t i, len = strlen(path);

	for (i = 1; i <= len && i < sizeof(part); i++) {
		if (i < len && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (crash_look_up(fs, part, &at) < 0)
			abort();
		if (!at.node) {
			at.node = crash_new_node(fs, 1, 0700);
			crash_dir_set(fs, at.dir, at.name, at.node);
		}
	}
	return at.node;
}

unsigned crash_put_file(struct crash_fs *fs, const char *path, const void *bytes, size_t len)
{
	struct crash_place at;

	if (crash_look_up(fs, path, &at) < 0)
		abort();
	if (!at.node) {
		at.node = crash_new_node(fs, 0, 0600);
		crash_dir_set(fs, at.dir, at.name, at.node);
	}
	crash_node_resize(&fs->nodes[at.node], 0, 0);
	crash_node_write(&fs->nodes[at.node], 0, bytes, len);
	return at.node;
}
