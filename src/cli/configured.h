/*
 * cli/configured.h - the places that somebody wrote into the file ramet/stores.
 */
#ifndef RAMETI_CLI_CONFIGURED_H
#define RAMETI_CLI_CONFIGURED_H

/* A line on standard error for each of its lines that names no place, or one that cannot be opened:
 * the library passes over them. Nothing without the file. */
void configured_complain(void);

#endif
