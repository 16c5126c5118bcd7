/*
 * ops/chain.c - what the chain of hashes in a log of yoi's says, for whoever tells of its file.
 *
 * Only what is about hashes: lines that are none are found by those who read the file anyway.
 */
#include "ops/chain_priv.h"

#include <string.h>

#include "base/error.h"
#include "model/tree.h"
#include "ramet/yoi.h"

int rameti_chain_findings(const char *path, struct ramet_findings *out, struct ramet_error *err)
{
	struct ramet_findings all = RAMET_FINDINGS_INIT;
	struct ramet_yoi_verdict v;
	uint32_t i;
	int r = ramet_yoi_verify(path, &v, &all, err);

	for (i = 0; !r && i < all.n; i++) {
		const struct ramet_finding *f = &all.items[i];

		if ((!strcmp(f->code, "hash") || !strcmp(f->code, "chain")) &&
		    rameti_finding_copy(out, f) < 0)
			r = rameti_fail_nomem(err);
	}
	ramet_findings_release(&all);
	return r;
}
