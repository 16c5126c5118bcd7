/*
 * base/map.h - a hash map from bytes to a 32-bit number, open addressing, keyed by a seed against
 * chosen collisions. Keys are copied into the map's own arena. Keeps insertion order for walking.
 */
#ifndef RAMETI_BASE_MAP_H
#define RAMETI_BASE_MAP_H

#include "base/mem.h"

struct rameti_map_item {
	struct ramet_bytes key;
	uint32_t value, hash;
	uint8_t live;                            /* 0: removed */
};
struct rameti_map_slot {
	uint32_t item, hash;                     /* item number + 1, 0 empty */
};
struct rameti_map {
	struct rameti_map_item *items;           /* in insertion order; skip those not live */
	uint32_t n_items, cap_items, n_live;
	struct rameti_map_slot *slots;
	uint32_t n_slots;
	uint32_t seed;
	struct rameti_arena keys;
};
void rameti_map_init(struct rameti_map *m, uint32_t seed);
void rameti_map_release(struct rameti_map *m);
/* 1 and *value (may be NULL) when there, else 0. */
int rameti_map_get(const struct rameti_map *m, struct ramet_bytes key, uint32_t *value);
/* Sets; an existing key keeps its place. 0 or RAMET_ENOMEM / RAMET_ELIMIT. */
int rameti_map_set(struct rameti_map *m, struct ramet_bytes key, uint32_t value);
/* Sets a key that is not there; one that is there keeps its value. As above. */
int rameti_map_add(struct rameti_map *m, struct ramet_bytes key, uint32_t value);
/* Removes: set again later, the key goes to the end. 1 if it was there. */
int rameti_map_remove(struct rameti_map *m, struct ramet_bytes key);
/* Walk live items in order: *i starts at 0; NULL at the end. */
const struct rameti_map_item *rameti_map_next(const struct rameti_map *m, uint32_t *i);

/* The hash of an entry id: 32 bits, the same on every machine and for ever (it is stored in
 * rows). */
uint32_t rameti_id_hash(struct ramet_bytes id);

#endif
