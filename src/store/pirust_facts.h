/*
 * store/pirust_facts.h - what pi_agent_rust's own lists say about a session, from its lines.
 *
 * In memory, no I/O. One object serves many sessions, one after the other.
 */
#ifndef RAMETI_STORE_PIRUST_FACTS_H
#define RAMETI_STORE_PIRUST_FACTS_H

#include "json/scan.h"
#include "ramet/codec.h"

/* Longer lines are refused by the original. */
#define RAMETI_PIRUST_LINE_MAX ((size_t)100 << 20)

struct rameti_pirust_facts {
	struct ramet_buf id, cwd, timestamp;     /* of the header */
	struct ramet_buf name;                   /* the last that was given; has_name: one was */
	struct ramet_buf entry_id;               /* raw JSON, of the last entry; empty: none */
	uint64_t n_messages;
	int has_header, has_name;
	struct rameti_scanner *scanner;          /* private */
};
int rameti_pirust_facts_init(struct rameti_pirust_facts *f, struct ramet_error *err);
void rameti_pirust_facts_release(struct rameti_pirust_facts *f);
/* Forget everything; keeps memory. */
void rameti_pirust_facts_begin(struct rameti_pirust_facts *f);
/* The header's line; has_header says afterwards if it is one. ENOMEM. */
int rameti_pirust_facts_header(struct rameti_pirust_facts *f, struct ramet_bytes line,
			       struct ramet_error *err);
/* An entry's line; what is none does not count. ENOMEM. */
int rameti_pirust_facts_line(struct rameti_pirust_facts *f, struct ramet_bytes line,
			     struct ramet_error *err);

#endif
