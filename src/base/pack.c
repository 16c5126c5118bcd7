/*
 * base/pack.c - numbers and bytes, little-endian, byte by byte.
 */
#include "base/pack.h"

static void pack(struct ramet_buf *b, uint64_t n, unsigned len)
{
	for (; len; len--, n >>= 8)
		ramet_buf_add_char(b, (char)(n & 0xff));
}

void rameti_pack_u32(struct ramet_buf *b, uint32_t n)
{
	pack(b, n, 4);
}

void rameti_pack_u64(struct ramet_buf *b, uint64_t n)
{
	pack(b, n, 8);
}

void rameti_pack_bytes(struct ramet_buf *b, struct ramet_bytes bytes)
{
	rameti_pack_u64(b, bytes.len);
	ramet_buf_add(b, bytes);
}

static struct ramet_bytes take(struct rameti_unpack *u, uint64_t len)
{
	struct ramet_bytes b = { "", 0 };

	if (u->bad || len > u->left.len) {
		u->bad = 1;
		return b;
	}
	b.ptr = u->left.ptr;
	b.len = (size_t)len;
	u->left.ptr += len;
	u->left.len -= (size_t)len;
	return b;
}

static uint64_t unpack(struct rameti_unpack *u, unsigned len)
{
	struct ramet_bytes b = take(u, len);
	uint64_t n = 0;

	while (b.len)
		n = n << 8 | (unsigned char)b.ptr[--b.len];
	return n;
}

uint32_t rameti_unpack_u32(struct rameti_unpack *u)
{
	return (uint32_t)unpack(u, 4);
}

uint64_t rameti_unpack_u64(struct rameti_unpack *u)
{
	return unpack(u, 8);
}

struct ramet_bytes rameti_unpack_bytes(struct rameti_unpack *u)
{
	return take(u, rameti_unpack_u64(u));
}
