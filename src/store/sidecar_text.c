/*
 * store/sidecar_text.c - small pieces of JSON and their rules: ids, times, hashes, chains.
 *
 * Known members may stand in any order and beside unknown ones, as version 0.1.8 reads them; one
 * that stands twice is refused, since two readers could take two different values. Numbers are
 * plain digits below 2^63.
 */
#include "store/sidecar_priv.h"

#include <string.h>

#include "base/error.h"

int rameti_sc_status(const struct ramet_buf *b, struct ramet_error *err)
{
	int status = ramet_buf_status(b);

	if (!status)
		return 0;
	if (status == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	return rameti_fail(err, RAMET_ELIMIT, "text longer than %zu bytes", b->max);
}

int rameti_sc_fields(const struct ramet_json *object, struct rameti_sc_field *f, size_t n,
		     struct ramet_error *err)
{
	const struct ramet_json *v = NULL;
	size_t i;

	for (i = 0; i < n; i++)
		f[i].value = NULL;
	if (ramet_json_kind(object) != RAMET_JSON_OBJECT)
		return rameti_fail(err, RAMET_EFORMAT, "not a JSON object");
	while ((v = ramet_json_next(object, v))) {
		const struct ramet_json *key = v;

		v = ramet_json_next(object, v);
		for (i = 0; i < n && !ramet_json_text_is(key, f[i].key); i++)
			;
		if (i < n && f[i].value)
			return rameti_fail(err, RAMET_EFORMAT, "has %s twice", f[i].key);
		if (i < n)
			f[i].value = v;
	}
	return 0;
}

int rameti_sc_u64(const struct ramet_json *v, uint64_t *out)
{
	struct ramet_bytes raw = ramet_json_raw(v);
	uint64_t n = 0;
	size_t i;

	if (ramet_json_kind(v) != RAMET_JSON_NUMBER || raw.len > 18)
		return 0;
	for (i = 0; i < raw.len; i++) {
		if (raw.ptr[i] < '0' || raw.ptr[i] > '9')
			return 0;
		n = n * 10 + (uint64_t)(raw.ptr[i] - '0');
	}
	*out = n;
	return 1;
}

int rameti_sc_text(const struct ramet_json *v, char *out, size_t room)
{
	struct ramet_buf text = RAMET_BUF_INIT(room);
	struct ramet_bytes plain = ramet_json_plain(v);
	int ok = ramet_json_kind(v) == RAMET_JSON_STRING;

	if (ok && plain.ptr) {                       /* no memory is needed */
		if (plain.len >= room)
			return 0;
		memcpy(out, plain.ptr, plain.len);
		out[plain.len] = '\0';
		return 1;
	}
	if (ok)
		ramet_json_text(v, &text);
	ok = ok && !ramet_buf_status(&text) && text.len < room;
	if (ok && text.len && memchr(text.ptr, 0, text.len))
		ok = 0;
	if (ok && text.len)
		memcpy(out, text.ptr, text.len);
	if (ok)
		out[text.len] = '\0';
	ramet_buf_release(&text);
	return ok;
}

int rameti_sc_hex64(const struct ramet_json *v, char out[SC_HEX])
{
	struct ramet_bytes text = ramet_json_plain(v);
	size_t i;

	if (text.len != 64)
		return 0;
	for (i = 0; i < 64; i++)
		if (!memchr("0123456789abcdef", text.ptr[i], 16))
			return 0;
	memcpy(out, text.ptr, 64);
	out[64] = '\0';
	return 1;
}

static int is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int all_of(struct ramet_bytes text, const char *more)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (!is_alnum(text.ptr[i]) && (!text.ptr[i] || !strchr(more, text.ptr[i])))
			return 0;
	return 1;
}

int rameti_sc_id_ok(struct ramet_bytes id)
{
	return id.len > 0 && id.len < SC_ID && all_of(id, "_-");
}

int rameti_sc_correlation_ok(struct ramet_bytes text)
{
	return text.len >= 8 && text.len <= 128 && all_of(text, "._:-");
}

/* text has this shape: 0 a digit, x a hexadecimal digit, others themselves. */
static int has_shape(struct ramet_bytes text, const char *shape)
{
	size_t i, len = strlen(shape);

	if (text.len < len)
		return 0;
	for (i = 0; i < len; i++) {
		char c = text.ptr[i];
		int digit = c >= '0' && c <= '9';
		int hex = digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

		if (shape[i] == '0' ? !digit : shape[i] == 'x' ? !hex : c != shape[i])
			return 0;
	}
	return 1;
}

int rameti_sc_uuid_ok(struct ramet_bytes text)
{
	return text.len == 36 && has_shape(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
}

int rameti_sc_time_ok(struct ramet_bytes text)
{
	size_t at = 19;

	if (!has_shape(text, "0000-00-00T00:00:00") || text.len >= SC_TIME)
		return 0;
	if (at < text.len && text.ptr[at] == '.') {
		size_t from = ++at;

		while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
			at++;
		if (at == from)
			return 0;
	}
	text.ptr += at;
	text.len -= at;
	if (text.len == 1)
		return *text.ptr == 'Z' || *text.ptr == 'z';
	return text.len == 6 && (has_shape(text, "+00:00") || has_shape(text, "-00:00"));
}

int rameti_sc_type(struct ramet_bytes type)
{
	static const char *const names[] = { "message", "model_change", "thinking_level_change",
					     "compaction", "branch_summary", "label",
					     "session_info", "custom" };
	int i;

	for (i = 0; i < 8; i++)
		if (ramet_bytes_is(type, names[i]))
			return i;
	return -1;
}

/* ---- hashes ---- */

void rameti_sc_sha(struct ramet_bytes bytes, char out[SC_HEX])
{
	uint8_t hash[32] = { 0 };

	(void)rameti_sha256(&bytes, 1, hash);                /* cannot fail without a heap */
	rameti_hex(hash, sizeof(hash), out);
}

void rameti_sc_chain_start(char chain[SC_HEX])
{
	memset(chain, '0', SC_HEX - 1);
	chain[SC_HEX - 1] = '\0';
}

void rameti_sc_chain(char chain[SC_HEX], const char sha[SC_HEX])
{
	struct ramet_bytes pieces[2] = { { chain, 64 }, { sha, 64 } };
	uint8_t hash[32] = { 0 };

	(void)rameti_sha256(pieces, 2, hash);
	rameti_hex(hash, sizeof(hash), chain);
}

/* ---- layout ---- */

static void new_line(struct ramet_buf *out, unsigned depth)
{
	ramet_buf_add_char(out, '\n');
	while (depth--)
		ramet_buf_add_str(out, "  ");
}

void rameti_sc_pretty(struct ramet_buf *out, struct ramet_bytes compact)
{
	unsigned depth = 0;
	int text = 0;
	size_t i;

	for (i = 0; i < compact.len; i++) {
		char c = compact.ptr[i];

		if (text) {
			ramet_buf_add_char(out, c);
			if (c == '\\' && i + 1 < compact.len)
				ramet_buf_add_char(out, compact.ptr[++i]);
			text = c != '"';
			continue;
		}
		text = c == '"';
		if (c == '}')
			new_line(out, --depth);
		ramet_buf_add_char(out, c);
		if (c == ':')
			ramet_buf_add_char(out, ' ');
		else if (c == ',' || c == '{')
			new_line(out, depth += c == '{');
	}
}
