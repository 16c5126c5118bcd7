/*
 * test_map.c - the hash map, held against a plain list.
 */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "failing.h"

#define N_KEYS 200

static void map__set_get_remove(void **state)
{
	struct rameti_map m;
	uint32_t value = 7, i = 0;

	(void)state;
	rameti_map_init(&m, 1);
	assert_int_equal(rameti_map_get(&m, ramet_bytes_of("a"), &value), 0);
	assert_int_equal(rameti_map_remove(&m, ramet_bytes_of("a")), 0);
	assert_null(rameti_map_next(&m, &i));
	assert_int_equal(value, 7);
	assert_int_equal(rameti_map_set(&m, ramet_bytes_of("a"), 1), 0);
	assert_int_equal(rameti_map_set(&m, ramet_bytes_of(""), 2), 0);
	assert_int_equal(rameti_map_set(&m, ramet_bytes_of("a"), 3), 0);
	assert_int_equal(m.n_live, 2);
	assert_int_equal(rameti_map_get(&m, ramet_bytes_of("a"), &value), 1);
	assert_int_equal(value, 3);
	assert_int_equal(rameti_map_get(&m, ramet_bytes_of(""), NULL), 1);
	assert_int_equal(rameti_map_remove(&m, ramet_bytes_of("a")), 1);
	assert_int_equal(rameti_map_get(&m, ramet_bytes_of("a"), &value), 0);
	assert_int_equal(m.n_live, 1);
	rameti_map_release(&m);
}

static void map__adds_what_is_not_there(void **state)
{
	struct rameti_map m;
	uint32_t value = 0, i = 0;

	(void)state;
	rameti_map_init(&m, 1);
	assert_int_equal(rameti_map_add(&m, ramet_bytes_of("a"), 1), 0);
	assert_int_equal(rameti_map_add(&m, ramet_bytes_of("b"), 2), 0);
	assert_int_equal(rameti_map_add(&m, ramet_bytes_of("a"), 3), 0);
	assert_int_equal(m.n_live, 2);
	assert_int_equal(rameti_map_get(&m, ramet_bytes_of("a"), &value), 1);
	assert_int_equal(value, 1);
	assert_int_equal(rameti_map_remove(&m, ramet_bytes_of("a")), 1);
	assert_int_equal(rameti_map_add(&m, ramet_bytes_of("a"), 4), 0);
	assert_int_equal(rameti_map_next(&m, &i)->value, 2);
	assert_int_equal(rameti_map_next(&m, &i)->value, 4);
	assert_null(rameti_map_next(&m, &i));
	rameti_map_release(&m);
}

static void map__keys_are_copied_and_may_hold_zero_bytes(void **state)
{
	char key[4] = { 'a', 0, 'b', 'x' };
	struct ramet_bytes bytes = { key, 3 };
	struct rameti_map m;
	uint32_t i = 0;

	(void)state;
	rameti_map_init(&m, 2);
	rameti_map_set(&m, bytes, 1);
	key[2] = 'c';
	assert_int_equal(rameti_map_get(&m, bytes, NULL), 0);
	key[2] = 'b';
	assert_int_equal(rameti_map_get(&m, bytes, NULL), 1);
	assert_int_equal(rameti_map_next(&m, &i)->key.len, 3);
	rameti_map_release(&m);
}

/* What the map should hold: number k is key k, in the order of the list. */
struct model {
	uint32_t keys[N_KEYS], values[N_KEYS], n;
};

static void model_remove(struct model *d, uint32_t key)
{
	uint32_t i;

	for (i = 0; i < d->n && d->keys[i] != key; i++)
		;
	if (i == d->n)
		return;
	d->n--;
	memmove(d->keys + i, d->keys + i + 1, (d->n - i) * sizeof(*d->keys));
	memmove(d->values + i, d->values + i + 1, (d->n - i) * sizeof(*d->values));
}

static void model_set(struct model *d, uint32_t key, uint32_t value)
{
	uint32_t i;

	for (i = 0; i < d->n && d->keys[i] != key; i++)
		;
	if (i == d->n)
		d->keys[d->n++] = key;
	d->values[i] = value;
}

static void check(const struct rameti_map *m, const struct model *d)
{
	const struct rameti_map_item *item;
	uint32_t i = 0, k;
	char name[40];

	assert_int_equal(m->n_live, d->n);
	for (k = 0; k < d->n; k++) {
		item = rameti_map_next(m, &i);
		snprintf(name, sizeof(name), "key-%u-of-some-length", d->keys[k]);
		assert_true(ramet_bytes_is(item->key, name));
		assert_int_equal(item->value, d->values[k]);
		assert_true(rameti_map_get(m, item->key, NULL));
	}
	assert_null(rameti_map_next(m, &i));
}

static void map__keeps_order_under_random_changes(void **state)
{
	struct model d = { { 0 }, { 0 }, 0 };
	uint64_t random = 88172645463325252u;
	struct rameti_map m;
	uint32_t step, key;
	char name[40];

	(void)state;
	rameti_map_init(&m, 3);
	for (step = 0; step < 20000; step++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		key = (uint32_t)(random >> 20) % (step < 10000 ? N_KEYS : 8);
		snprintf(name, sizeof(name), "key-%u-of-some-length", key);
		if (random % 5 < 2) {
			rameti_map_remove(&m, ramet_bytes_of(name));
			model_remove(&d, key);
		} else {
			assert_int_equal(rameti_map_set(&m, ramet_bytes_of(name), step), 0);
			model_set(&d, key, step);
		}
		if (step % 100 == 0)
			check(&m, &d);
	}
	check(&m, &d);
	assert_true(m.n_items < 4 * N_KEYS);
	assert_true(m.keys.used < 4 * N_KEYS * 48);
	rameti_map_release(&m);
}

static void map__the_seed_changes_the_hashes(void **state)
{
	struct rameti_map a, b;
	uint32_t i = 0, k = 0, same = 0, n;
	char name[8];

	(void)state;
	rameti_map_init(&a, 1);
	rameti_map_init(&b, 2);
	for (n = 0; n < 1000; n++) {
		snprintf(name, sizeof(name), "%u", n);
		rameti_map_set(&a, ramet_bytes_of(name), n);
		rameti_map_set(&b, ramet_bytes_of(name), n);
	}
	for (n = 0; n < 1000; n++)
		same += rameti_map_next(&a, &i)->hash == rameti_map_next(&b, &k)->hash;
	assert_true(same < 3);
	rameti_map_release(&a);
	rameti_map_release(&b);
}

/* A failed change changes nothing, and works when tried again. */
static void map__survives_every_failing_allocation(void **state)
{
	struct model d;
	struct rameti_map m;
	unsigned n = 0, failed;
	char name[40];
	uint32_t i;

	(void)state;
	do {
		failing_memory_start(++n);
		rameti_map_init(&m, 9);
		d.n = 0;
		for (i = 0; i < N_KEYS; i++) {
			snprintf(name, sizeof(name), "key-%u-of-some-length", i);
			while (rameti_map_set(&m, ramet_bytes_of(name), i) < 0)
				check(&m, &d);
			model_set(&d, i, i);
			if (i % 8 == 0)
				continue;
			assert_int_equal(rameti_map_remove(&m, ramet_bytes_of(name)), 1);
			model_remove(&d, i);
		}
		check(&m, &d);
		rameti_map_release(&m);
		failed = (unsigned)failing_memory_stop();
	} while (failed);
	assert_true(n > 5);
}

static void id_hash__is_what_it_was(void **state)
{
	static const struct { const char *id; uint32_t hash; } fixed[] = {
		{ "", 0x90f8749f },
		{ "a", 0x2913c8d7 },
		{ "1a2b3c4d", 0xc6eadb3d },
		{ "1a2b3c4", 0x0a3b0dfb },
		{ "1a2b3c4d5", 0x8382ca12 },
		{ "019c2f4e-8d11-7a3b-9c55-0123456789ab", 0x371d2511 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		assert_int_equal(rameti_id_hash(ramet_bytes_of(fixed[i].id)), fixed[i].hash);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Counting ids are the worst likely case: about n^2 / 2^33 collisions are chance. */
static void id_hash__spreads_counting_ids(void **state)
{
	static uint32_t hashes[200000];
	uint32_t i, n = 200000, same = 0, low[256] = { 0 };
	char id[40];

	(void)state;
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), i % 2 ? "%08x" : "00000000-0000-7000-8000-%012x", i);
		hashes[i] = rameti_id_hash(ramet_bytes_of(id));
		low[hashes[i] & 0xff]++;
	}
	qsort(hashes, n, sizeof(*hashes), compare);
	for (i = 1; i < n; i++)
		same += hashes[i] == hashes[i - 1];
	assert_true(same < 20);
	for (i = 0; i < 256; i++)
		assert_true(low[i] > n / 256 * 8 / 10 && low[i] < n / 256 * 12 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map__set_get_remove),
		cmocka_unit_test(map__adds_what_is_not_there),
		cmocka_unit_test(map__keys_are_copied_and_may_hold_zero_bytes),
		cmocka_unit_test(map__keeps_order_under_random_changes),
		cmocka_unit_test(map__the_seed_changes_the_hashes),
		cmocka_unit_test(map__survives_every_failing_allocation),
		cmocka_unit_test(id_hash__is_what_it_was),
		cmocka_unit_test(id_hash__spreads_counting_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
