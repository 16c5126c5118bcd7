/*
 * ops/foreign.c - files that are no session: what to say of them.
 *
 * A file of many sessions that was given without its prefix is told by its first bytes, and named
 * as it should have been.
 */
#include "ops/foreign_priv.h"

#include "base/error.h"
#include "store/home.h"

int rameti_foreign_home(struct ramet_bytes head, const char *path, struct ramet_error *err)
{
	const struct rameti_home *home;
	unsigned i;

	for (i = 0; (home = rameti_home_at(i)); i++)
		if (home->scheme && home->sniff && home->sniff(head))
			return rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
					      "is a file of many sessions: give it as %s%.120s",
					      home->scheme, path);
	return 0;
}
