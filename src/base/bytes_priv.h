/*
 * base/bytes_priv.h - numbers out of bytes, little-endian on every machine.
 */
#ifndef RAMETI_BASE_BYTES_PRIV_H
#define RAMETI_BASE_BYTES_PRIV_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t rameti_load_le32(const void *from)
{
	const uint8_t *p = from;

	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t rameti_load_le64(const void *from)
{
	const uint8_t *p = from;

	return rameti_load_le32(p) | (uint64_t)rameti_load_le32(p + 4) << 32;
}

/* The last rest bytes (1..7) of the len bytes at from, filled up with zero bytes. */
static inline uint64_t rameti_load_le_rest(const void *from, size_t len, size_t rest)
{
	const uint8_t *p = from;
	uint64_t word = 0;

	if (len >= 8)
		return rameti_load_le64(p + len - 8) >> (64 - 8 * rest);
	while (rest--)
		word = word << 8 | p[rest];
	return word;
}

#endif
