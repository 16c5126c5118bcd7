/*
 * base/map.c - the hash map from bytes to a 32-bit number.
 *
 * Items stand in insertion order; slots is a table of their numbers with linear probing, a power of
 * two in size and at most three quarters full. A removed item stays in both, not live, until the
 * table is rebuilt; a key set again before that takes over the bytes kept for it. A rebuild drops
 * the removed items and their bytes, so memory follows the number of live keys.
 *
 * The hash is SipHash-1-3 under the seed, so that keys from a file cannot be chosen to collide.
 */
#include "base/map.h"

#include <string.h>

#include "base/bytes_priv.h"

#define MAP_FIRST 16
#define MAP_ITEMS_MAX (UINT32_C(3) << 29)        /* three quarters of 2^31 slots */

static uint64_t rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

static uint32_t hash_key(uint32_t seed, struct ramet_bytes key)
{
	uint64_t k0 = seed, k1 = (uint64_t)seed << 32 ^ 0x9e3779b97f4a7c15u;
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
			  k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u };
	const char *p = key.ptr;
	uint64_t last = (uint64_t)key.len << 56;
	size_t len = key.len;

	for (; len >= 8; len -= 8, p += 8)
		sip_word(v, rameti_load_le64(p));
	if (len)
		last |= rameti_load_le_rest(key.ptr, key.len, len);
	sip_word(v, last);
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

void rameti_map_init(struct rameti_map *m, uint32_t seed)
{
	memset(m, 0, sizeof(*m));
	m->seed = seed;
	rameti_arena_init(&m->keys, SIZE_MAX);
}

void rameti_map_release(struct rameti_map *m)
{
	uint32_t seed = m->seed;

	ramet_free(m->items);
	ramet_free(m->slots);
	rameti_arena_release(&m->keys);
	rameti_map_init(m, seed);
}

/* The youngest item with this key, live or not; NULL if there is none. */
static struct rameti_map_item *find(const struct rameti_map *m, struct ramet_bytes key,
				    uint32_t hash)
{
	struct rameti_map_item *item, *dead = NULL;
	uint32_t at;

	if (!m->n_slots)
		return NULL;
	for (at = hash & (m->n_slots - 1); m->slots[at].item; at = (at + 1) & (m->n_slots - 1)) {
		if (m->slots[at].hash != hash)
			continue;
		item = &m->items[m->slots[at].item - 1];
		if (!ramet_bytes_eq(item->key, key))
			continue;
		if (item->live)
			return item;
		dead = item;
	}
	return dead;
}

static void put_slot(struct rameti_map_slot *slots, uint32_t n_slots, uint32_t hash, uint32_t item)
{
	uint32_t at = hash & (n_slots - 1);

	while (slots[at].item)
		at = (at + 1) & (n_slots - 1);
	slots[at].item = item + 1;
	slots[at].hash = hash;
}

/* A new arena with the bytes of the live keys only; the items then stand without gaps. */
static int drop_removed(struct rameti_map *m)
{
	struct rameti_arena keys = RAMETI_ARENA_INIT(m->keys.max);
	struct rameti_map_item *items;
	uint32_t i, n = 0;

	items = ramet_alloc(rameti_mul(m->cap_items, sizeof(*items)));
	if (!items)
		return RAMET_ENOMEM;
	for (i = 0; i < m->n_items; i++) {
		if (!m->items[i].live)
			continue;
		items[n] = m->items[i];
		items[n].key = rameti_arena_dup(&keys, m->items[i].key);
		if (!items[n].key.ptr) {
			rameti_arena_release(&keys);
			ramet_free(items);
			return RAMET_ENOMEM;
		}
		n++;
	}
	ramet_free(m->items);
	rameti_arena_release(&m->keys);
	m->items = items;
	m->n_items = n;
	m->keys = keys;
	return 0;
}

/* Room for one more item in the slots. */
static int make_room(struct rameti_map *m)
{
	uint32_t n_slots = m->n_slots ? m->n_slots : MAP_FIRST, i;
	struct rameti_map_slot *slots;
	int compact;

	if (m->n_slots && m->n_items < m->n_slots / 4 * 3)
		return 0;
	compact = m->n_live < m->n_items / 2;
	if (m->n_slots && !compact) {
		if (m->n_items >= MAP_ITEMS_MAX)
			return RAMET_ELIMIT;
		n_slots *= 2;
	}
	slots = ramet_calloc(n_slots, sizeof(*slots));
	if (!slots)
		return RAMET_ENOMEM;
	if (compact && drop_removed(m) < 0) {
		ramet_free(slots);
		return RAMET_ENOMEM;
	}
	for (i = 0; i < m->n_items; i++)
		put_slot(slots, n_slots, m->items[i].hash, i);
	ramet_free(m->slots);
	m->slots = slots;
	m->n_slots = n_slots;
	return 0;
}

int rameti_map_get(const struct rameti_map *m, struct ramet_bytes key, uint32_t *value)
{
	const struct rameti_map_item *item = find(m, key, hash_key(m->seed, key));

	if (!item || !item->live)
		return 0;
	if (value)
		*value = item->value;
	return 1;
}

/* had: the key was there once. */
static int add(struct rameti_map *m, struct ramet_bytes key, uint32_t hash, uint32_t value, int had)
{
	struct rameti_map_item item = { { NULL, 0 }, value, hash, 1 };
	struct rameti_map_item *old;
	int r;

	r = make_room(m);
	if (r < 0)
		return r;
	r = rameti_grow((void **)&m->items, &m->cap_items, m->n_items, sizeof(item), MAP_ITEMS_MAX);
	if (r < 0)
		return r;
	old = had ? find(m, key, hash) : NULL;       /* it may have gone meanwhile */
	item.key = old ? old->key : rameti_arena_dup(&m->keys, key);
	if (!item.key.ptr)
		return RAMET_ENOMEM;
	put_slot(m->slots, m->n_slots, hash, m->n_items);
	m->items[m->n_items++] = item;
	m->n_live++;
	return 0;
}

int rameti_map_set(struct rameti_map *m, struct ramet_bytes key, uint32_t value)
{
	uint32_t hash = hash_key(m->seed, key);
	struct rameti_map_item *item = find(m, key, hash);

	if (!item || !item->live)
		return add(m, key, hash, value, item != NULL);
	item->value = value;
	return 0;
}

int rameti_map_add(struct rameti_map *m, struct ramet_bytes key, uint32_t value)
{
	uint32_t hash = hash_key(m->seed, key);
	struct rameti_map_item *item = find(m, key, hash);

	return item && item->live ? 0 : add(m, key, hash, value, item != NULL);
}

int rameti_map_remove(struct rameti_map *m, struct ramet_bytes key)
{
	struct rameti_map_item *item = find(m, key, hash_key(m->seed, key));

	if (!item || !item->live)
		return 0;
	item->live = 0;
	m->n_live--;
	return 1;
}

const struct rameti_map_item *rameti_map_next(const struct rameti_map *m, uint32_t *i)
{
	const struct rameti_map_item *item;

	while (*i < m->n_items) {
		item = &m->items[(*i)++];
		if (item->live)
			return item;
	}
	return NULL;
}
