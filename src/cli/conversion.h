/*
 * cli/conversion.h - what convert, import and export --format share.
 */
#ifndef RAMETI_CLI_CONVERSION_H
#define RAMETI_CLI_CONVERSION_H

#include "ramet.h"
#include "cli/cli.h"

/* Convert, and say what became of the entries, or with --json the report as an object. */
int conversion_run(struct cli *cli, struct ramet_session *s, const struct ramet_convert_opts *opts,
		   struct ramet_error *err);

#endif
