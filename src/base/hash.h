/*
 * base/hash.h - CRC-32C (hardware where there is some, with a portable twin) and SHA-256.
 */
#ifndef RAMETI_BASE_HASH_H
#define RAMETI_BASE_HASH_H

#include "ramet/base.h"

/* CRC-32C (Castagnoli, reflected, start and final xor ~0): crc32c("123456789") == 0xe3069283.
 * Continue with the previous result as seed; 0 starts. Fast on 1 kB lines too (several streams). */
uint32_t rameti_crc32c(uint32_t seed, const void *data, size_t len);
uint32_t rameti_crc32c_portable(uint32_t seed, const void *data, size_t len);

/* SHA-256 of the pieces one after the other, through libcrypto. 0 or RAMET_ENOMEM. */
int rameti_sha256(const struct ramet_bytes *pieces, size_t n, uint8_t out[32]);
/* The same in parts: begin, add any number of times, end. RAMET_ENOMEM from end alone. */
struct rameti_sha256_run {
	uint64_t state[16];
};
void rameti_sha256_begin(struct rameti_sha256_run *run);
void rameti_sha256_add(struct rameti_sha256_run *run, struct ramet_bytes bytes);
int rameti_sha256_end(struct rameti_sha256_run *run, uint8_t out[32]);
/* 2*len lower case digits and NUL */
void rameti_hex(const uint8_t *data, size_t len, char *out);

#endif
