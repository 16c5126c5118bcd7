/*
 * base/hash.c - SHA-256, hexadecimal digits, and the stored hash of entry ids.
 *
 * SHA-256 comes from libcrypto through its plain functions: they need neither a context on the
 * heap nor the provider machinery, which would double the time the command takes to start.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.h"

#include <openssl/sha.h>

#include "base/bytes_priv.h"
#include "base/map.h"

int rameti_sha256(const struct ramet_bytes *pieces, size_t n, uint8_t out[32])
{
	SHA256_CTX ctx;
	size_t i;
	int ok;

	ok = SHA256_Init(&ctx);
	for (i = 0; i < n && ok; i++)
		ok = SHA256_Update(&ctx, pieces[i].ptr, pieces[i].len);
	return ok && SHA256_Final(out, &ctx) ? 0 : RAMET_ENOMEM;
}

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct rameti_sha256_run), "room for the state");

void rameti_sha256_begin(struct rameti_sha256_run *run)
{
	(void)SHA256_Init((SHA256_CTX *)(void *)run->state);
}

void rameti_sha256_add(struct rameti_sha256_run *run, struct ramet_bytes bytes)
{
	(void)SHA256_Update((SHA256_CTX *)(void *)run->state, bytes.ptr, bytes.len);
}

int rameti_sha256_end(struct rameti_sha256_run *run, uint8_t out[32])
{
	return SHA256_Final(out, (SHA256_CTX *)(void *)run->state) ? 0 : RAMET_ENOMEM;
}

void rameti_hex(const uint8_t *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		*out++ = digits[data[i] >> 4];
		*out++ = digits[data[i] & 15];
	}
	*out = '\0';
}

/*
 * The hash of an id, fixed for ever because rows hold it:
 *
 *     h = 0x9e3779b97f4a7c15 * (len + 1)
 *     for each 8 bytes of the id, the last ones filled up with zero bytes,
 *     read as a little-endian number w (none for an empty id):
 *             h = (h ^ w) * 0xff51afd7ed558ccd;  h = h ^ (h >> 32)
 *     h = h * 0xc4ceb9fe1a85ec53
 *     the hash is the upper 32 bits of h
 *
 * all modulo 2^64. It guards against accidents, not against chosen collisions: a hit is always
 * confirmed on the bytes, and tables that hold foreign keys use rameti_map.
 */
uint32_t rameti_id_hash(struct ramet_bytes id)
{
	const char *p = id.ptr;
	size_t len = id.len;
	uint64_t h = 0x9e3779b97f4a7c15u * ((uint64_t)len + 1);

	for (; len >= 8; len -= 8, p += 8) {
		h = (h ^ rameti_load_le64(p)) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	if (len) {
		h = (h ^ rameti_load_le_rest(id.ptr, id.len, len)) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	return (uint32_t)(h * 0xc4ceb9fe1a85ec53u >> 32);
}
