/*
 * base/uuid.c - UUIDs of version 4 (random) and 7 (time, counter, random), RFC 9562.
 *
 * Version 7 here: 48 bits of milliseconds, then, over the bits that version and variant leave free,
 * a 41-bit counter that starts at random and grows by one per id, then 33 random bits. Within one
 * generator the text of an id always sorts behind the one before, whatever the clock does.
 */
#include "base/clock.h"

#include <string.h>

#include "base/error.h"
#include "base/hash.h"

#define COUNTER_MASK ((UINT64_C(1) << 41) - 1)

/* Set version and variant, write xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx. */
static void put_text(uint8_t raw[16], uint8_t version, char out[37])
{
	raw[6] = (uint8_t)((raw[6] & 0x0f) | version << 4);
	raw[8] = (uint8_t)((raw[8] & 0x3f) | 0x80);
	rameti_hex(raw, 4, out);
	rameti_hex(raw + 4, 2, out + 9);
	rameti_hex(raw + 6, 2, out + 14);
	rameti_hex(raw + 8, 2, out + 19);
	rameti_hex(raw + 10, 6, out + 24);
	out[8] = out[13] = out[18] = out[23] = '-';
}

int rameti_uuid4(const struct rameti_env *env, char out[37], struct ramet_error *err)
{
	uint8_t raw[16];
	int r;

	r = rameti_random(env, raw, sizeof(raw), err);
	if (r == 0)
		put_text(raw, 4, out);
	return r;
}

static uint64_t counter_of(const uint8_t random[6])
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < 6; i++)
		value = value << 8 | random[i];
	return value & COUNTER_MASK;
}

int rameti_uuid7(struct rameti_uuid7 *g, const struct rameti_env *env, char out[37],
		 struct ramet_error *err)
{
	int64_t now = rameti_now_ms(env);
	uint8_t raw[16], random[16];
	uint64_t counter;
	size_t i;
	int r;

	if (now < 0 || now >= INT64_C(1) << 48)
		return rameti_fail(err, RAMET_EIO, "the clock gives no usable time");
	r = rameti_random(env, random, sizeof(random), err);
	if (r < 0)
		return r;
	counter = g->started ? (g->counter + 1) & COUNTER_MASK : counter_of(random);
	if (g->started && now <= g->last_ms)
		now = g->last_ms + (counter == 0);
	for (i = 0; i < 6; i++)
		raw[i] = (uint8_t)((uint64_t)now >> (40 - 8 * i));
	raw[6] = (uint8_t)(counter >> 37 & 0x0f);
	raw[7] = (uint8_t)(counter >> 29);
	raw[8] = (uint8_t)(counter >> 23 & 0x3f);
	raw[9] = (uint8_t)(counter >> 15);
	raw[10] = (uint8_t)(counter >> 7);
	raw[11] = (uint8_t)((counter & 0x7f) << 1 | (random[11] & 1));
	memcpy(raw + 12, random + 12, 4);
	g->last_ms = now;
	g->counter = counter;
	g->started = 1;
	put_text(raw, 7, out);
	return 0;
}
