/*
 * ops/seal_data.c - the data of a `ramet.seal` entry: read, written, signed text, chain.
 *
 * docs/format/seal.md is this file in words. What does not have exactly this form is refused:
 * a seal that could be read in two ways proves nothing.
 */
#include "ops/seal_data_priv.h"

#include <string.h>

#include "base/hash.h"

#define VERSION 1
#define NUMBER_LEN_MAX 15                        /* digits: exact in a double too */

/* ---- the chain ---- */

int rameti_seal_hash(struct ramet_bytes line, uint8_t hash[RAMETI_SEAL_HASH])
{
	return rameti_sha256(&line, 1, hash);
}

struct ramet_bytes rameti_seal_header(struct ramet_bytes line)
{
	if (line.len >= 3 && !memcmp(line.ptr, "\xef\xbb\xbf", 3)) {
		line.ptr += 3;
		line.len -= 3;
	}
	return line;
}

int rameti_seal_link(uint8_t head[RAMETI_SEAL_HASH], const uint8_t hash[RAMETI_SEAL_HASH])
{
	uint8_t both[2 * RAMETI_SEAL_HASH];
	struct ramet_bytes text = { (const char *)both, sizeof(both) };

	memcpy(both, head, RAMETI_SEAL_HASH);
	memcpy(both + RAMETI_SEAL_HASH, hash, RAMETI_SEAL_HASH);
	return rameti_sha256(&text, 1, head);
}

/* ---- reading ---- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int rameti_seal_unhex(const char *digits, size_t len, uint8_t *out)
{
	size_t i;

	for (i = 0; i < len; i++) {
		int high = digit(digits[2 * i]), low = digit(digits[2 * i + 1]);

		if (high < 0 || low < 0)
			return 0;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 1;
}

static int get_hex(const struct ramet_json *data, const char *key, size_t len, uint8_t *out)
{
	struct ramet_bytes text = ramet_json_plain(ramet_json_get(data, key));

	return text.len == 2 * len && rameti_seal_unhex(text.ptr, len, out);
}

static int get_number(const struct ramet_json *data, const char *key, uint64_t *n)
{
	const struct ramet_json *v = ramet_json_get(data, key);
	struct ramet_bytes text = ramet_json_raw(v);
	size_t i;

	if (ramet_json_kind(v) != RAMET_JSON_NUMBER || text.len > NUMBER_LEN_MAX)
		return 0;
	for (*n = 0, i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return 0;
		*n = *n * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	return 1;
}

static int get_hashes(const struct ramet_json *data, struct rameti_seal *seal)
{
	size_t i;

	seal->hashes = ramet_json_plain(ramet_json_get(data, "hashes"));
	if (!seal->count || seal->count > seal->up_to || seal->hashes.len / 8 != seal->count ||
	    seal->hashes.len % 8)
		return 0;
	for (i = 0; i < seal->hashes.len && digit(seal->hashes.ptr[i]) >= 0; i++)
		;
	return i == seal->hashes.len;
}

static const char *parse(struct rameti_seal *seal, const struct ramet_json *data)
{
	const struct ramet_json *up_to = ramet_json_get(data, "upTo");
	const struct ramet_json *session = ramet_json_get(data, "session");

	if (session)
		seal->session = ramet_json_raw(session);
	if (!get_hex(data, "header", sizeof(seal->header), seal->header))
		return "header";
	if (!get_number(up_to, "lines", &seal->up_to) ||
	    !get_number(up_to, "offset", &seal->offset))
		return "upTo";
	if (!get_number(data, "count", &seal->count))
		return "count";
	if (!get_hex(data, "head", sizeof(seal->head), seal->head))
		return "head";
	if (!get_hashes(data, seal))
		return "hashes";
	if (!ramet_json_get(data, "key") && !ramet_json_get(data, "signature"))
		return NULL;
	seal->is_signed = 1;
	if (!get_hex(data, "key", sizeof(seal->key), seal->key))
		return "key";
	return get_hex(data, "signature", sizeof(seal->signature), seal->signature) ? NULL :
										       "signature";
}

int rameti_seal_parse(struct rameti_seal *seal, const struct ramet_json *data, const char **why)
{
	uint64_t version;

	memset(seal, 0, sizeof(*seal));
	*why = "version";
	if (!get_number(data, "version", &version))
		return RAMET_EFORMAT;
	if (version != VERSION)
		return RAMET_EVERSION;
	*why = parse(seal, data);
	return *why ? RAMET_EFORMAT : 0;
}

/* ---- writing ---- */

static void add_hex(struct ramet_json_writer *w, const char *key, const uint8_t *bytes, size_t len)
{
	char text[2 * RAMETI_SIGN_LEN + 1];

	rameti_hex(bytes, len, text);
	ramet_json_key(w, key);
	ramet_json_add_cstr(w, text);
}

static void add_number(struct ramet_json_writer *w, const char *key, uint64_t n)
{
	ramet_json_key(w, key);
	ramet_json_add_int(w, (int64_t)n);
}

void rameti_seal_write(const struct rameti_seal *seal, struct ramet_buf *out)
{
	struct ramet_json_writer w;

	ramet_json_writer_init(&w, out);
	ramet_json_open_object(&w);
	add_number(&w, "version", VERSION);
	if (seal->session.len) {
		ramet_json_key(&w, "session");
		ramet_json_add_raw(&w, seal->session);
	}
	add_hex(&w, "header", seal->header, sizeof(seal->header));
	add_number(&w, "count", seal->count);
	ramet_json_key(&w, "upTo");
	ramet_json_open_object(&w);
	add_number(&w, "lines", seal->up_to);
	add_number(&w, "offset", seal->offset);
	ramet_json_close_object(&w);
	add_hex(&w, "head", seal->head, sizeof(seal->head));
	if (seal->is_signed) {
		add_hex(&w, "key", seal->key, sizeof(seal->key));
		add_hex(&w, "signature", seal->signature, sizeof(seal->signature));
	}
	ramet_json_key(&w, "hashes");
	ramet_json_add_text(&w, seal->hashes);
	ramet_json_close_object(&w);
}

void rameti_seal_text(const struct rameti_seal *seal, struct ramet_buf *out)
{
	char header[2 * RAMETI_SEAL_HASH + 1], head[2 * RAMETI_SEAL_HASH + 1];

	rameti_hex(seal->header, sizeof(seal->header), header);
	rameti_hex(seal->head, sizeof(seal->head), head);
	ramet_buf_addf(out, "ramet.seal 1\nheader %s\nlines %llu\nhead %s\n", header,
		       (unsigned long long)seal->up_to, head);
}
