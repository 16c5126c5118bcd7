/*
 * test_sign.c - Ed25519 through libcrypto: keys as text, signatures, and a libcrypto that lacks a
 * call or fails in one.
 *
 * The file tested is a part of this one, so that what it finds in libcrypto can be replaced.
 */
#include <dlfcn.h>

static void *find(void *library, const char *name);
#define dlsym find
#include "base/sign.c"
#undef dlsym

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "failing.h"
#include "scratch.h"

/* ---- libcrypto, and what of it is missing or fails ---- */

static unsigned n_found, missing;                /* from 1; 0: none */
static const char *failing;                      /* the call that fails */

static int gives_0(void)
{
	return 0;
}

static void *gives_null(void)
{
	return NULL;
}

static void *find(void *library, const char *name)
{
	int (*zero)(void) = gives_0;
	void *(*null)(void) = gives_null;
	void *p = dlsym(library, name);

	if (++n_found == missing)
		return NULL;
	if (failing && !strcmp(name, failing)) {
		if (strstr(name, "new") && strcmp(name, "EVP_DigestSignInit_ex"))
			memcpy(&p, &null, sizeof(p));
		else
			memcpy(&p, &zero, sizeof(p));
	}
	return p;
}

static struct rameti_signer *signer(const char *fails)
{
	struct rameti_signer *s = NULL;

	n_found = missing = 0;
	failing = fails;
	assert_int_equal(rameti_signer_new(&s, NULL), 0);
	failing = NULL;
	return s;
}

/* ---- a pair from RFC 8032, 7.1, test 2 ---- */

static const uint8_t seed[RAMETI_SIGN_SEED] = {
	0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda,
	0x9d, 0xb6, 0xc3, 0x46, 0xec, 0x11, 0x4e, 0x0f,
	0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab, 0xa6, 0x24,
	0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb,
};
static const uint8_t public[RAMETI_SIGN_KEY] = {
	0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a,
	0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc,
	0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c,
	0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c,
};
static const uint8_t signature[RAMETI_SIGN_LEN] = {
	0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8,
	0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64, 0x25, 0x40,
	0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f,
	0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda,
	0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e,
	0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c,
	0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a, 0xee,
	0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00,
};
static const struct ramet_bytes text = { "r", 1 };

static void sign__agrees_with_the_standard(void **state)
{
	struct rameti_signer *s = signer(NULL);
	uint8_t key[RAMETI_SIGN_KEY], made[RAMETI_SIGN_LEN];
	struct ramet_bytes other = { "s", 1 };

	(void)state;
	assert_int_equal(rameti_sign_public(s, seed, key, NULL), 0);
	assert_memory_equal(key, public, sizeof(key));
	assert_int_equal(rameti_sign(s, seed, text, made, NULL), 0);
	assert_memory_equal(made, signature, sizeof(made));
	assert_int_equal(rameti_sign_check(s, key, text, made, NULL), 1);
	assert_int_equal(rameti_sign_check(s, key, other, made, NULL), 0);
	made[0] ^= 1;
	assert_int_equal(rameti_sign_check(s, key, text, made, NULL), 0);
	assert_int_equal(rameti_sign_check(s, seed, text, signature, NULL) == 1, 0);
	rameti_signer_free(s);
	rameti_signer_free(NULL);
}

static void signer__says_when_a_call_is_missing(void **state)
{
	struct rameti_signer *s = signer(NULL);
	unsigned n, all = n_found;
	struct ramet_error err;

	(void)state;
	rameti_signer_free(s);
	s = NULL;
	assert_true(all > 20);
	for (n = 1; n <= all; n++) {
		n_found = 0;
		missing = n;
		assert_int_equal(rameti_signer_new(&s, &err), RAMET_EIO);
		assert_non_null(strstr(err.text, "signatures need libcrypto"));
		assert_null(s);
	}
	missing = 0;
	failing = "OSSL_LIB_CTX_new";
	assert_int_equal(rameti_signer_new(&s, &err), RAMET_ENOMEM);
	failing = NULL;
	failing_memory_start(1);
	assert_int_equal(rameti_signer_new(&s, &err), RAMET_ENOMEM);
	assert_int_equal(failing_memory_stop(), 1);
	assert_null(s);
}

/* Every verb with a libcrypto in which one call fails; which of them tell. */
enum verb { PUBLIC = 1, SIGN = 2, CHECK = 4, PRIVATE_TEXT = 8, PUBLIC_TEXT = 16 };

static int tells(int r, const struct ramet_error *err)
{
	if (r >= 0)
		return 0;
	assert_int_equal(r, RAMET_EIO);
	assert_int_equal(err->code, r);
	assert_non_null(strstr(err->text, "libcrypto cannot"));
	return 1;
}

static int failed_verbs(const char *call)
{
	struct rameti_signer *s = signer(call);
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	uint8_t key[RAMETI_SIGN_KEY], made[RAMETI_SIGN_LEN];
	struct ramet_error err;
	int verbs = 0;

	verbs |= tells(rameti_sign_public(s, seed, key, &err), &err) * PUBLIC;
	verbs |= tells(rameti_sign(s, seed, text, made, &err), &err) * SIGN;
	verbs |= tells(rameti_sign_check(s, public, text, signature, &err), &err) * CHECK;
	verbs |= tells(rameti_sign_write_private(s, seed, &b, &err), &err) * PRIVATE_TEXT;
	verbs |= tells(rameti_sign_write_public(s, public, &b, &err), &err) * PUBLIC_TEXT;
	ramet_buf_release(&b);
	rameti_signer_free(s);
	return verbs;
}

static void sign__says_what_libcrypto_cannot_do(void **state)
{
	(void)state;
	assert_int_equal(failed_verbs(NULL), 0);
	assert_int_equal(failed_verbs("EVP_PKEY_new_raw_private_key_ex"),
			 PUBLIC | SIGN | PRIVATE_TEXT);
	assert_int_equal(failed_verbs("EVP_PKEY_new_raw_public_key_ex"), CHECK | PUBLIC_TEXT);
	assert_int_equal(failed_verbs("EVP_PKEY_get_raw_public_key"), PUBLIC);
	assert_int_equal(failed_verbs("EVP_MD_CTX_new"), SIGN | CHECK);
	assert_int_equal(failed_verbs("EVP_DigestSignInit_ex"), SIGN);
	assert_int_equal(failed_verbs("EVP_DigestSign"), SIGN);
	assert_int_equal(failed_verbs("EVP_DigestVerifyInit_ex"), CHECK);
	assert_int_equal(failed_verbs("EVP_DigestVerify"), 0);       /* it does not match */
	assert_int_equal(failed_verbs("BIO_new"), PRIVATE_TEXT | PUBLIC_TEXT);
	assert_int_equal(failed_verbs("PEM_write_bio_PKCS8PrivateKey"), PRIVATE_TEXT);
	assert_int_equal(failed_verbs("PEM_write_bio_PUBKEY"), PUBLIC_TEXT);
	assert_int_equal(failed_verbs("BIO_ctrl"), PRIVATE_TEXT | PUBLIC_TEXT);
}

/* ---- keys in files ---- */

static void write_keys(const struct rameti_signer *s)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);

	assert_int_equal(rameti_sign_write_private(s, seed, &b, NULL), 0);
	(void)scratch_file("private", b.ptr, b.len);
	ramet_buf_reset(&b);
	assert_int_equal(rameti_sign_write_public(s, public, &b, NULL), 0);
	(void)scratch_file("public", b.ptr, b.len);
	ramet_buf_release(&b);
}

static void key__is_read_back(void **state)
{
	struct rameti_signer *s = signer(NULL);
	uint8_t key[32];

	(void)state;
	write_keys(s);
	assert_int_equal(rameti_sign_read_private(s, scratch_path("private"), key, NULL), 0);
	assert_memory_equal(key, seed, sizeof(key));
	assert_int_equal(rameti_sign_read_public(s, scratch_path("public"), key, NULL), 0);
	assert_memory_equal(key, public, sizeof(key));
	rameti_signer_free(s);
}

static void refuses(const struct rameti_signer *s, const char *name, int code)
{
	struct ramet_error err;
	uint8_t key[32] = { 7 }, before[32];

	memcpy(before, key, sizeof(key));
	assert_int_equal(rameti_sign_read_private(s, scratch_path(name), key, &err), code);
	assert_int_equal(err.code, code);
	assert_int_equal(rameti_sign_read_public(s, scratch_path(name), key, NULL), code);
	assert_memory_equal(key, before, sizeof(key));
}

static void key__nothing_else_is_taken_for_one(void **state)
{
	struct rameti_signer *s = signer(NULL);
	char large[PEM_MAX + 1];

	(void)state;
	memset(large, 'x', sizeof(large));
	(void)scratch_file("empty", "", 0);
	(void)scratch_file("no", "no key", 6);
	(void)scratch_file("large", large, sizeof(large));
	refuses(s, "empty", RAMET_EFORMAT);
	refuses(s, "no", RAMET_EFORMAT);
	refuses(s, "large", RAMET_EFORMAT);
	refuses(s, "missing", RAMET_ENOTFOUND);
	rameti_signer_free(s);
}

static void key__of_another_kind_is_refused(void **state)
{
	static const char x25519[] = "-----BEGIN PUBLIC KEY-----\n"
		"MCowBQYDK2VuAyEAhSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n"
		"-----END PUBLIC KEY-----\n";
	struct rameti_signer *s = signer(NULL);
	uint8_t key[32];

	(void)state;
	(void)scratch_file("x25519", x25519, sizeof(x25519) - 1);
	assert_int_equal(rameti_sign_read_public(s, scratch_path("x25519"), key, NULL),
			 RAMET_EFORMAT);
	rameti_signer_free(s);
	/* and when libcrypto has no memory for the text, or does not give the key */
	s = signer("BIO_new_mem_buf");
	write_keys(s);
	refuses(s, "private", RAMET_EFORMAT);
	rameti_signer_free(s);
	s = signer("EVP_PKEY_get_raw_private_key");
	assert_int_equal(rameti_sign_read_private(s, scratch_path("private"), key, NULL),
			 RAMET_EFORMAT);
	rameti_signer_free(s);
}

static void key__behind_a_passphrase_asks_nobody(void **state)
{
	const EVP_CIPHER *(*cipher)(void);
	struct rameti_signer *s = signer(NULL);
	void *p = dlsym(s->library, "EVP_aes_256_cbc");
	char *held = NULL;
	uint8_t key[32];
	EVP_PKEY *k;
	long len;
	BIO *b;

	(void)state;
	memcpy(&cipher, &p, sizeof(p));
	k = private_key(s, seed);
	b = s->BIO_new(s->BIO_s_mem());
	assert_int_equal(s->PEM_write_bio_PKCS8PrivateKey(b, k, cipher(), "secret", 6, NULL, NULL),
			 1);
	len = s->BIO_ctrl(b, BIO_CTRL_INFO, 0, &held);
	(void)scratch_file("locked", held, (size_t)len);
	s->BIO_free(b);
	s->EVP_PKEY_free(k);
	assert_int_equal(rameti_sign_read_private(s, scratch_path("locked"), key, NULL),
			 RAMET_EFORMAT);
	rameti_signer_free(s);
}

/* What of it is ours: libcrypto has memory of its own. */
static void key__survives_every_failing_allocation(void **state)
{
	struct rameti_signer *s = signer(NULL);
	struct ramet_buf b = RAMET_BUF_INIT(1 << 16);
	struct ramet_error err;
	uint8_t key[32], made[32];
	unsigned n, reached = 1;
	int r;

	(void)state;
	write_keys(s);
	for (n = 1; reached; n++) {
		failing_memory_start(n);
		r = rameti_sign_read_private(s, scratch_path("private"), key, &err);
		reached = (unsigned)failing_memory_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
	}
	failing_memory_start(1);
	assert_int_equal(rameti_sign_write_private(s, seed, &b, &err), RAMET_ENOMEM);
	assert_int_equal(failing_memory_stop(), 1);
	assert_int_equal(rameti_sign_seed(NULL, made, NULL), 0);
	rameti_sign_wipe(made, sizeof(made));
	for (n = 0; n < sizeof(made); n++)
		assert_int_equal(made[n], 0);
	ramet_buf_release(&b);
	rameti_signer_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sign__agrees_with_the_standard),
		cmocka_unit_test(signer__says_when_a_call_is_missing),
		cmocka_unit_test(sign__says_what_libcrypto_cannot_do),
		cmocka_unit_test(key__is_read_back),
		cmocka_unit_test(key__nothing_else_is_taken_for_one),
		cmocka_unit_test(key__of_another_kind_is_refused),
		cmocka_unit_test(key__behind_a_passphrase_asks_nobody),
		cmocka_unit_test(key__survives_every_failing_allocation),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
