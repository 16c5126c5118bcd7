/*
 * base/sign.c - Ed25519 through libcrypto, which is opened at the first use.
 *
 * Linking these calls into the command would bring all of libcrypto with them, and four tenths
 * more time to start. Everything happens in a library context of its own: the host program's
 * configuration, providers and error queue are left alone. Private keys are wiped from memory that
 * we own. A key behind a passphrase is refused: nothing here asks anybody anything.
 */
#include "base/sign.h"

#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#define ALGORITHM "ED25519"
#define PEM_MAX (64u << 10)
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define LIBRARY "libcrypto.so." TEXT(OPENSSL_SHLIB_VERSION)

/* What is called in libcrypto. */
#define CALLS(X)                                                                                   \
	X(OSSL_LIB_CTX_new)                                                                        \
	X(OSSL_LIB_CTX_free)                                                                       \
	X(ERR_set_mark)                                                                            \
	X(ERR_pop_to_mark)                                                                         \
	X(EVP_PKEY_new_raw_private_key_ex)                                                         \
	X(EVP_PKEY_new_raw_public_key_ex)                                                          \
	X(EVP_PKEY_get_raw_private_key)                                                            \
	X(EVP_PKEY_get_raw_public_key)                                                             \
	X(EVP_PKEY_is_a)                                                                           \
	X(EVP_PKEY_free)                                                                           \
	X(EVP_MD_CTX_new)                                                                          \
	X(EVP_MD_CTX_free)                                                                         \
	X(EVP_DigestSignInit_ex)                                                                   \
	X(EVP_DigestSign)                                                                          \
	X(EVP_DigestVerifyInit_ex)                                                                 \
	X(EVP_DigestVerify)                                                                        \
	X(BIO_new)                                                                                 \
	X(BIO_new_mem_buf)                                                                         \
	X(BIO_s_mem)                                                                               \
	X(BIO_s_secmem)                                                                            \
	X(BIO_ctrl)                                                                                \
	X(BIO_free)                                                                                \
	X(PEM_write_bio_PKCS8PrivateKey)                                                           \
	X(PEM_write_bio_PUBKEY)                                                                    \
	X(PEM_read_bio_PrivateKey_ex)                                                              \
	X(PEM_read_bio_PUBKEY_ex)

struct rameti_signer {
	void *library;
	OSSL_LIB_CTX *lib;
#define POINTER(name) __typeof__(name) *name;
	CALLS(POINTER)
#undef POINTER
};

static int find_calls(struct rameti_signer *s)
{
	void *p;

	s->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!s->library)
		return 0;
#define FIND(name)                                                                                 \
	p = dlsym(s->library, #name);                                                              \
	if (!p)                                                                                    \
		return 0;                                                                          \
	memcpy(&s->name, &p, sizeof(p));
	CALLS(FIND)
#undef FIND
	return 1;
}

int rameti_signer_new(struct rameti_signer **out, struct ramet_error *err)
{
	struct rameti_signer *s = ramet_calloc(1, sizeof(*s));
	int found;

	if (!s)
		return rameti_fail_nomem(err);
	found = find_calls(s);
	s->lib = found ? s->OSSL_LIB_CTX_new() : NULL;
	if (!s->lib) {
		rameti_signer_free(s);
		return found ? rameti_fail_nomem(err) :
			       rameti_fail(err, RAMET_EIO, "signatures need %s, which is not here",
					   LIBRARY);
	}
	*out = s;
	return 0;
}

void rameti_signer_free(struct rameti_signer *s)
{
	if (!s)
		return;
	if (s->lib)
		s->OSSL_LIB_CTX_free(s->lib);
	if (s->library)
		(void)dlclose(s->library);           /* stays loaded, as its own state wants it */
	ramet_free(s);
}

void rameti_sign_wipe(void *secret, size_t len)
{
	explicit_bzero(secret, len);
}

int rameti_sign_seed(const struct rameti_env *env, uint8_t seed[RAMETI_SIGN_SEED],
		     struct ramet_error *err)
{
	return rameti_random(env, seed, RAMETI_SIGN_SEED, err);
}

static int fail(const char *what, struct ramet_error *err)
{
	return rameti_fail(err, RAMET_EIO, "libcrypto cannot %s with Ed25519", what);
}

static EVP_PKEY *private_key(const struct rameti_signer *s, const uint8_t *seed)
{
	return s->EVP_PKEY_new_raw_private_key_ex(s->lib, ALGORITHM, NULL, seed, RAMETI_SIGN_SEED);
}

static EVP_PKEY *public_key(const struct rameti_signer *s, const uint8_t *key)
{
	return s->EVP_PKEY_new_raw_public_key_ex(s->lib, ALGORITHM, NULL, key, RAMETI_SIGN_KEY);
}

int rameti_sign_public(const struct rameti_signer *s, const uint8_t seed[RAMETI_SIGN_SEED],
		       uint8_t key[RAMETI_SIGN_KEY], struct ramet_error *err)
{
	size_t len = RAMETI_SIGN_KEY;
	EVP_PKEY *k;
	int ok;

	s->ERR_set_mark();
	k = private_key(s, seed);
	ok = k && s->EVP_PKEY_get_raw_public_key(k, key, &len) == 1;
	s->EVP_PKEY_free(k);
	s->ERR_pop_to_mark();
	return ok ? 0 : fail("make a key", err);
}

int rameti_sign(const struct rameti_signer *s, const uint8_t seed[RAMETI_SIGN_SEED],
		struct ramet_bytes text, uint8_t signature[RAMETI_SIGN_LEN],
		struct ramet_error *err)
{
	size_t len = RAMETI_SIGN_LEN;
	EVP_MD_CTX *c;
	EVP_PKEY *k;
	int ok;

	s->ERR_set_mark();
	k = private_key(s, seed);
	c = s->EVP_MD_CTX_new();
	ok = k && c && s->EVP_DigestSignInit_ex(c, NULL, NULL, s->lib, NULL, k, NULL) == 1 &&
	     s->EVP_DigestSign(c, signature, &len, (const unsigned char *)text.ptr, text.len) == 1;
	s->EVP_MD_CTX_free(c);
	s->EVP_PKEY_free(k);
	s->ERR_pop_to_mark();
	return ok ? 0 : fail("sign", err);
}

int rameti_sign_check(const struct rameti_signer *s, const uint8_t key[RAMETI_SIGN_KEY],
		      struct ramet_bytes text, const uint8_t signature[RAMETI_SIGN_LEN],
		      struct ramet_error *err)
{
	int ready, r = -1;
	EVP_MD_CTX *c;
	EVP_PKEY *k;

	s->ERR_set_mark();
	k = public_key(s, key);
	c = s->EVP_MD_CTX_new();
	ready = k && c && s->EVP_DigestVerifyInit_ex(c, NULL, NULL, s->lib, NULL, k, NULL) == 1;
	if (ready)
		r = s->EVP_DigestVerify(c, signature, RAMETI_SIGN_LEN,
					(const unsigned char *)text.ptr, text.len);
	s->EVP_MD_CTX_free(c);
	s->EVP_PKEY_free(k);
	s->ERR_pop_to_mark();
	return ready ? r == 1 : fail("check a signature", err);
}

/* ---- keys as text ---- */

/* What was written to b, appended to out. */
static int take_text(const struct rameti_signer *s, BIO *b, int written, struct ramet_buf *out,
		     struct ramet_error *err)
{
	char *text = NULL;
	long len = written ? s->BIO_ctrl(b, BIO_CTRL_INFO, 0, &text) : 0;

	if (len <= 0)
		return fail("write a key", err);
	ramet_buf_add(out, (struct ramet_bytes){ text, (size_t)len });
	return ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}

int rameti_sign_write_private(const struct rameti_signer *s,
			      const uint8_t seed[RAMETI_SIGN_SEED], struct ramet_buf *out,
			      struct ramet_error *err)
{
	EVP_PKEY *k;
	BIO *b;
	int r, ok;

	s->ERR_set_mark();
	k = private_key(s, seed);
	b = s->BIO_new(s->BIO_s_secmem());
	ok = k && b && s->PEM_write_bio_PKCS8PrivateKey(b, k, NULL, NULL, 0, NULL, NULL);
	r = take_text(s, b, ok, out, err);
	s->BIO_free(b);
	s->EVP_PKEY_free(k);
	s->ERR_pop_to_mark();
	return r;
}

int rameti_sign_write_public(const struct rameti_signer *s, const uint8_t key[RAMETI_SIGN_KEY],
			     struct ramet_buf *out, struct ramet_error *err)
{
	EVP_PKEY *k;
	BIO *b;
	int r;

	s->ERR_set_mark();
	k = public_key(s, key);
	b = s->BIO_new(s->BIO_s_mem());
	r = take_text(s, b, k && b && s->PEM_write_bio_PUBKEY(b, k), out, err);
	s->BIO_free(b);
	s->EVP_PKEY_free(k);
	s->ERR_pop_to_mark();
	return r;
}

static int no_passphrase(char *to, int len, int writing, void *user)
{
	(void)to;
	(void)len;
	(void)writing;
	(void)user;
	return -1;
}

static int read_file(const char *path, struct ramet_buf *text, struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	int r = rameti_file_open(&f, path, RAMETI_FILE_READ, err);

	if (!r)
		r = rameti_file_read_all(&f, text, err);
	(void)rameti_file_close(&f);                         /* read only: nothing to lose */
	return r;
}

/* The key in PEM text; NULL when there is none that can be read. */
static EVP_PKEY *parse(const struct rameti_signer *s, struct ramet_bytes text, int private)
{
	BIO *b = s->BIO_new_mem_buf(text.ptr, (int)text.len);
	EVP_PKEY *k = NULL;

	if (b && private)
		k = s->PEM_read_bio_PrivateKey_ex(b, NULL, no_passphrase, NULL, s->lib, NULL);
	else if (b)
		k = s->PEM_read_bio_PUBKEY_ex(b, NULL, no_passphrase, NULL, s->lib, NULL);
	s->BIO_free(b);
	return k;
}

static int read_key(const struct rameti_signer *s, const char *path, int private, uint8_t out[32],
		    struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(PEM_MAX);
	size_t len = RAMETI_SIGN_SEED;
	EVP_PKEY *k = NULL;
	uint8_t raw[RAMETI_SIGN_SEED];
	int ok = 0, r = read_file(path, &text, err);

	if (r < 0 && r != RAMET_ELIMIT)
		goto out;
	s->ERR_set_mark();
	if (!r && text.len)
		k = parse(s, ramet_buf_bytes(&text), private);
	if (k && s->EVP_PKEY_is_a(k, ALGORITHM))
		ok = private ? s->EVP_PKEY_get_raw_private_key(k, raw, &len) :
			       s->EVP_PKEY_get_raw_public_key(k, raw, &len);
	s->EVP_PKEY_free(k);
	s->ERR_pop_to_mark();
	if (ok == 1)
		memcpy(out, raw, sizeof(raw));
	r = ok == 1 ? 0 :
		      rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
				     "no %s Ed25519 key in PEM form without a passphrase",
				     private ? "private" : "public");
	rameti_sign_wipe(raw, sizeof(raw));
out:
	if (text.ptr)
		rameti_sign_wipe(text.ptr, text.cap);
	ramet_buf_release(&text);
	return r;
}

int rameti_sign_read_private(const struct rameti_signer *s, const char *path,
			     uint8_t seed[RAMETI_SIGN_SEED], struct ramet_error *err)
{
	return read_key(s, path, 1, seed, err);
}

int rameti_sign_read_public(const struct rameti_signer *s, const char *path,
			    uint8_t key[RAMETI_SIGN_KEY], struct ramet_error *err)
{
	return read_key(s, path, 0, key, err);
}
