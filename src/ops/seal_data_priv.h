/*
 * ops/seal_data_priv.h - the data of a `ramet.seal` entry, and the chain it holds the head of.
 */
#ifndef RAMETI_OPS_SEAL_DATA_PRIV_H
#define RAMETI_OPS_SEAL_DATA_PRIV_H

#include "base/sign.h"
#include "ramet/json.h"

#define RAMETI_SEAL_TYPE "ramet.seal"
#define RAMETI_SEAL_HASH 32
#define RAMETI_SEAL_SHORT 4                      /* bytes of a line's hash that a seal keeps */
#define RAMETI_SEAL_LINES_MAX 50000u             /* that one seal is made over */

struct rameti_seal {
	struct ramet_bytes session;              /* the header's id, as JSON */
	uint8_t header[RAMETI_SEAL_HASH];
	uint8_t head[RAMETI_SEAL_HASH];
	uint64_t count;                          /* lines that it covers: the last of up_to */
	uint64_t up_to, offset; /* lines behind the header; where the next one begins */
	struct ramet_bytes hashes;               /* hexadecimal digits, count times 8 */
	int is_signed;
	uint8_t key[RAMETI_SIGN_KEY], signature[RAMETI_SIGN_LEN];
};

/* The data of an entry; texts are borrowed. 0; or EFORMAT, and *why says what is wrong; or EVERSION
 * for one of a later version. */
int rameti_seal_parse(struct rameti_seal *seal, const struct ramet_json *data, const char **why);
/* The data as JSON, appended; the buffer remembers a failure. */
void rameti_seal_write(const struct rameti_seal *seal, struct ramet_buf *out);
/* What the signature is over, appended. */
void rameti_seal_text(const struct rameti_seal *seal, struct ramet_buf *out);

/* Head 0 is the hash of the header's line, head n that of head n-1 and the hash of line n. ENOMEM
 * when libcrypto fails. */
int rameti_seal_hash(struct ramet_bytes line, uint8_t hash[RAMETI_SEAL_HASH]);
/* The header's line without a byte order mark in front. */
struct ramet_bytes rameti_seal_header(struct ramet_bytes line);
int rameti_seal_link(uint8_t head[RAMETI_SEAL_HASH], const uint8_t hash[RAMETI_SEAL_HASH]);

/* len bytes from 2 * len lower case digits; 0 when a digit is none. */
int rameti_seal_unhex(const char *digits, size_t len, uint8_t *out);

#endif
