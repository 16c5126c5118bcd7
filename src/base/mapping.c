/*
 * base/mapping.c - arrays that begin in a file: a stretch of address space of which the
 * beginning is a private mapping of the file and the rest plain memory.
 *
 * Only for files of our own that are never cut or changed in place: a mapping of a file that
 * shrinks is a trap. Sessions are read, never mapped.
 */
#include "base/mapping.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/mem.h"

static size_t whole_pages(size_t len)
{
	return rameti_add(len, RAMETI_PAGE - 1) & ~(size_t)(RAMETI_PAGE - 1);
}

int rameti_mapping_new(struct rameti_mapping *m, const struct rameti_file *f, uint64_t offset,
		       size_t len, size_t more, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(f->env);
	int prot = PROT_READ | PROT_WRITE;
	size_t room = whole_pages(rameti_add(len, more));
	void *base;

	if (offset % RAMETI_PAGE || offset > INT64_MAX || room < len)
		return rameti_fail(err, RAMET_EINVAL, "a mapping that cannot be");
	if (!room)
		room = RAMETI_PAGE;
	base = env->mmap(env->user, NULL, room, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			 -1, 0);
	if (base == MAP_FAILED)
		return rameti_fail_nomem(err);
	if (len && env->mmap(env->user, base, whole_pages(len), prot,
			     MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, f->fd,
			     (off_t)offset) == MAP_FAILED) {
		int sys = errno;

		(void)env->munmap(env->user, base, room);
		return rameti_fail_sys(err, sys, NULL, "cannot map");
	}
	m->base = base;
	m->len = len;
	m->room = room;
	return 0;
}

void rameti_mapping_release(struct rameti_mapping *m)
{
	const struct rameti_env *env = rameti_env_default();

	if (m->base)
		(void)env->munmap(env->user, m->base, m->room);
	m->base = NULL;
	m->len = m->room = 0;
}
