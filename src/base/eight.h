/*
 * base/eight.h - eight bytes of a text at a time.
 */
#ifndef RAMETI_BASE_EIGHT_H
#define RAMETI_BASE_EIGHT_H

#include <stdint.h>
#include <string.h>

#define RAMETI_EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t rameti_eight(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/* The high bit of each byte that a JSON string cannot have as it is: a control character, a
 * quotation mark, a backslash. Where the first byte is the lowest the first bit that is set is
 * right; what a borrow sets besides lies behind it. 0: there is none. */
static inline uint64_t rameti_eight_unplain(uint64_t w)
{
	uint64_t quote = w ^ RAMETI_EIGHT('"'), slash = w ^ RAMETI_EIGHT('\\');

	return (((w - RAMETI_EIGHT(0x20)) & ~w) | ((quote - RAMETI_EIGHT(1)) & ~quote) |
		((slash - RAMETI_EIGHT(1)) & ~slash)) &
	       RAMETI_EIGHT(0x80);
}

#endif
