/*
 * store/pirust_index.h - what keeps pi_agent_rust's session index in step with its sessions.
 */
#ifndef RAMETI_STORE_PIRUST_INDEX_H
#define RAMETI_STORE_PIRUST_INDEX_H

#include "ramet/pirust.h"
#include "store/pirust_facts.h"

/* A session was written: its row, in the index of the directory two above it, where there is one.
 * Best effort: nothing is said of a failure, since a refresh finds what is missing, and nobody is
 * waited for longer than half a second. Call it without the session's own lock if you can. */
/* Is there an index that this session belongs into? */
int rameti_pirust_index_there(const char *session);
void rameti_pirust_index_note(const char *session, const struct rameti_pirust_facts *facts);
/* The same after reading the session. */
void rameti_pirust_index_renew(const char *session);
/* A session was removed. */
void rameti_pirust_index_forget(const char *session);

#endif
