/*
 * store/index_cap.c - the cache of indexes stays below a size: the oldest go first.
 *
 * An index that is removed while somebody has it mapped stays there for him. Only files with the
 * name of an index are ever removed.
 */
#include "store/index_cap.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#define FILES_MAX 100000u
#define SUFFIX ".idx"
#define HEX "0123456789abcdef"

struct file {
	struct timespec mtime;
	uint64_t size;
	char name[64];
};
struct files {
	const char *dir;
	struct file *items;
	uint32_t n, cap;
	uint64_t total;
};

int rameti_index_is_name(const char *name)
{
	size_t dev = strspn(name, HEX), ino = name[dev] == '-' ? strspn(name + dev + 1, HEX) : 0;

	return dev && ino && !strcmp(name + dev + 1 + ino, SUFFIX);
}

static void path_of(const struct files *f, const char *name, struct ramet_buf *path)
{
	ramet_buf_reset(path);
	ramet_buf_addf(path, "%s/%s", f->dir, name);
}

static int note(void *user, const char *name, unsigned char type)
{
	struct ramet_buf path = RAMET_BUF_INIT((size_t)1 << 20);
	size_t len = strlen(name);
	struct files *f = user;
	struct stat st;

	(void)type;
	if (len >= sizeof(f->items->name) || !rameti_index_is_name(name))
		return 0;
	path_of(f, name, &path);
	if (!ramet_buf_status(&path) && rameti_path_stat(NULL, path.ptr, &st, NULL) == 0 &&
	    rameti_grow((void **)&f->items, &f->cap, f->n, sizeof(*f->items), FILES_MAX) == 0) {
		struct file *item = &f->items[f->n++];

		item->mtime = st.st_mtim;
		item->size = (uint64_t)st.st_size;
		memcpy(item->name, name, len + 1);
		f->total += item->size;
	}
	ramet_buf_release(&path);
	return 0;
}

static int oldest_first(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (x->mtime.tv_sec != y->mtime.tv_sec)
		return x->mtime.tv_sec < y->mtime.tv_sec ? -1 : 1;
	return (x->mtime.tv_nsec > y->mtime.tv_nsec) - (x->mtime.tv_nsec < y->mtime.tv_nsec);
}

void rameti_index_cap(const char *dir, const char *keep, uint64_t cap)
{
	const struct rameti_env *env = rameti_env_default();
	struct ramet_buf path = RAMET_BUF_INIT((size_t)1 << 20);
	struct files f = { .dir = dir };
	uint32_t i;

	(void)rameti_dir_each(NULL, dir, note, &f, NULL);
	if (f.total > cap)
		qsort(f.items, f.n, sizeof(*f.items), oldest_first);
	for (i = 0; f.total > cap && i < f.n; i++) {
		if (!strcmp(f.items[i].name, keep))
			continue;
		path_of(&f, f.items[i].name, &path);
		if (!ramet_buf_status(&path) && env->unlink(env->user, path.ptr) == 0)
			f.total -= f.items[i].size;
	}
	ramet_buf_release(&path);
	ramet_free(f.items);
}
