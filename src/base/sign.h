/*
 * base/sign.h - Ed25519 through libcrypto: key pairs, keys as PEM text, signing, checking.
 */
#ifndef RAMETI_BASE_SIGN_H
#define RAMETI_BASE_SIGN_H

#include "base/env.h"

#define RAMETI_SIGN_SEED 32                      /* the private key: bytes nobody may see */
#define RAMETI_SIGN_KEY 32                       /* the public key */
#define RAMETI_SIGN_LEN 64                       /* a signature */

/* What signing needs of libcrypto, apart from what the program around us made of it: no
 * configuration file is read, and no state of the process is touched. */
struct rameti_signer;
/* ENOMEM, EIO when libcrypto has no Ed25519. */
int rameti_signer_new(struct rameti_signer **out, struct ramet_error *err);
void rameti_signer_free(struct rameti_signer *s);

/* A new private key, from the environment's random source. EIO. */
int rameti_sign_seed(const struct rameti_env *env, uint8_t seed[RAMETI_SIGN_SEED],
		     struct ramet_error *err);
/* The public key of a private one. */
int rameti_sign_public(const struct rameti_signer *s, const uint8_t seed[RAMETI_SIGN_SEED],
		       uint8_t key[RAMETI_SIGN_KEY], struct ramet_error *err);
int rameti_sign(const struct rameti_signer *s, const uint8_t seed[RAMETI_SIGN_SEED],
		struct ramet_bytes text, uint8_t signature[RAMETI_SIGN_LEN],
		struct ramet_error *err);
/* 1 it is the signature of text by key, 0 it is not, or negative. */
int rameti_sign_check(const struct rameti_signer *s, const uint8_t key[RAMETI_SIGN_KEY],
		      struct ramet_bytes text, const uint8_t signature[RAMETI_SIGN_LEN],
		      struct ramet_error *err);

/* Appended: a private key as PKCS #8, a public one as SubjectPublicKeyInfo, both as PEM. */
int rameti_sign_write_private(const struct rameti_signer *s,
			      const uint8_t seed[RAMETI_SIGN_SEED], struct ramet_buf *out,
			      struct ramet_error *err);
int rameti_sign_write_public(const struct rameti_signer *s, const uint8_t key[RAMETI_SIGN_KEY],
			     struct ramet_buf *out, struct ramet_error *err);
/* The first key in a PEM file. EFORMAT for anything else, also for a key of another kind or behind
 * a passphrase; ENOTFOUND, EIO. */
int rameti_sign_read_private(const struct rameti_signer *s, const char *path,
			     uint8_t seed[RAMETI_SIGN_SEED], struct ramet_error *err);
int rameti_sign_read_public(const struct rameti_signer *s, const char *path,
			    uint8_t key[RAMETI_SIGN_KEY], struct ramet_error *err);

/* Overwrite what nobody may see. */
void rameti_sign_wipe(void *secret, size_t len);

#endif
