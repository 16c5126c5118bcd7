/*
 * base/alloc.c - the one hook that every allocation goes through.
 *
 * The hook is the library's only global that changes; it is set before the first other call, from
 * one thread, and read-only from then on. A request for zero bytes gets a piece of its own, so
 * NULL always means "out of memory". Sizes beyond PTRDIFF_MAX are refused before any allocator
 * sees them: SIZE_MAX is how rameti_mul and rameti_add say "overflow".
 */
#include "ramet/base.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct ramet_allocator hook;              /* realloc NULL: the C library's */

void ramet_set_allocator(const struct ramet_allocator *a)
{
	static const struct ramet_allocator none;

	hook = a ? *a : none;
}

void *ramet_realloc(void *ptr, size_t size)
{
	if (size > PTRDIFF_MAX)
		return NULL;
	if (!size)
		size = 1;
	return hook.realloc ? hook.realloc(hook.user, ptr, size) : realloc(ptr, size);
}

void *ramet_alloc(size_t size)
{
	return ramet_realloc(NULL, size);
}

void *ramet_calloc(size_t n, size_t size)
{
	size_t len = rameti_mul(n, size);
	void *ptr;

	if (len > PTRDIFF_MAX)
		return NULL;
	if (!hook.realloc)
		return calloc(len ? len : 1, 1);
	ptr = ramet_alloc(len);
	if (ptr)
		memset(ptr, 0, len);
	return ptr;
}

void ramet_free(void *ptr)
{
	if (hook.free)
		hook.free(hook.user, ptr);
	else
		free(ptr);
}
