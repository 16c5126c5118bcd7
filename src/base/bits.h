/*
 * base/bits.h - a bit for each row, in bytes.
 */
#ifndef RAMETI_BASE_BITS_H
#define RAMETI_BASE_BITS_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes n of them take. */
static inline size_t rameti_bits_size(uint32_t n)
{
	return (size_t)n / 8 + 1;
}

/* No bits at all are none that is set. */
static inline int rameti_bit(const uint8_t *bits, uint32_t at)
{
	return bits && (bits[at / 8] >> at % 8 & 1);
}

static inline void rameti_bit_set(uint8_t *bits, uint32_t at)
{
	bits[at / 8] |= (uint8_t)(1u << at % 8);
}

static inline void rameti_bit_clear(uint8_t *bits, uint32_t at)
{
	bits[at / 8] &= (uint8_t)~(1u << at % 8);
}

#endif
