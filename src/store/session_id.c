/*
 * store/session_id.c - which session ids a caller may choose.
 *
 * Letters and digits of ASCII, with - _ . between them. Ids that are read from files are never
 * checked: any text is one.
 */
#include "ramet/store.h"

#include <string.h>

static int is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

int ramet_session_id_valid(struct ramet_bytes id)
{
	size_t i;

	if (!id.len || !is_alnum(id.ptr[0]) || !is_alnum(id.ptr[id.len - 1]))
		return 0;
	for (i = 1; i + 1 < id.len; i++)
		if (!is_alnum(id.ptr[i]) && !memchr("-_.", id.ptr[i], 3))
			return 0;
	return 1;
}
