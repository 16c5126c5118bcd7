/*
 * codec/yoi_text.c - JSON text as yoi prints it: its escapes, its floats, its sorted objects.
 *
 * The text of a hashed record decides its hash, so it has to be the original's to the byte, but for
 * floats that need an exponent: there its own library changed, and we write them out. Refuses
 * nothing by itself; what the original could not read again is told by rameti_yoi_add_value.
 */
#include "codec/yoi.h"

#include "base/add.h"
#include "codec/span.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 32
#define NUMBER_MAX 64

/* ---- floats ---- */

/* 0.DIGITS times ten to the power of point; no zeros at either end. */
struct decimal {
	char digits[DIGITS_MAX];
	int n, point;
};

/* From any usual notation; the radix character may be any other byte. */
static void decimal_of(struct decimal *d, const char *text)
{
	int exponent = 0, sign = 1, seen_point = 0;

	d->n = d->point = 0;
	for (; *text && *text != 'e'; text++) {
		if (*text < '0' || *text > '9') {
			seen_point |= *text != '-';
			continue;
		}
		if (!d->n && *text == '0') {
			d->point -= seen_point;
			continue;
		}
		if (d->n < DIGITS_MAX)
			d->digits[d->n++] = *text;
		d->point += !seen_point;
	}
	if (*text == 'e' && (*++text == '-' || *text == '+'))
		sign = *text++ == '-' ? -1 : 1;
	for (; *text; text++)
		exponent = exponent * 10 + (*text - '0');
	while (d->n && d->digits[d->n - 1] == '0')
		d->n--;
	d->point += sign * exponent;
}

static void add_zeros(struct ramet_buf *out, int n)
{
	while (n-- > 0)
		ramet_buf_add_char(out, '0');
}

static void add_digits(struct ramet_buf *out, const struct decimal *d, int from, int to)
{
	struct ramet_bytes part = { d->digits + from, (size_t)(to - from) };

	ramet_buf_add(out, part);
}

static void add_plain(struct ramet_buf *out, const struct decimal *d)
{
	if (d->point <= 0) {
		ADD(out, "0.");
		add_zeros(out, -d->point);
		add_digits(out, d, 0, d->n);
	} else if (d->point >= d->n) {
		add_digits(out, d, 0, d->n);
		add_zeros(out, d->point - d->n);
		ADD(out, ".0");
	} else {
		add_digits(out, d, 0, d->point);
		ramet_buf_add_char(out, '.');
		add_digits(out, d, d->point, d->n);
	}
}

static void add_exponent(struct ramet_buf *out, const struct decimal *d, int floats)
{
	int e = d->point - 1;

	add_digits(out, d, 0, 1);
	if (d->n > 1) {
		ramet_buf_add_char(out, '.');
		add_digits(out, d, 1, d->n);
	}
	ramet_buf_add_str(out, e > 0 && floats == RAMETI_YOI_FLOATS_NEW ? "e+" : "e");
	ramet_buf_addf(out, "%d", e);
}

/* Plain from 10 to the power of low up to below that of high. */
static void add_decimal(struct ramet_buf *out, const struct decimal *d, int negative, int low,
			int high, int floats)
{
	if (negative)
		ramet_buf_add_char(out, '-');
	if (!d->n)
		ADD(out, "0.0");
	else if (floats == RAMETI_YOI_FLOATS_PLAIN || (d->point > low && d->point <= high))
		add_plain(out, d);
	else
		add_exponent(out, d, floats);
}

void rameti_yoi_add_double(struct ramet_buf *out, double x, int floats)
{
	struct ramet_buf text = RAMET_BUF_INIT(NUMBER_MAX);
	struct ramet_json_writer w;
	struct decimal d;

	if (!isfinite(x)) {
		ADD(out, "null");
		return;
	}
	ramet_json_writer_init(&w, &text);
	ramet_json_add_double(&w, x);
	if (ramet_buf_status(&text) < 0)
		out->status = RAMET_ENOMEM;
	decimal_of(&d, text.len ? text.ptr : "0");
	ramet_buf_release(&text);
	add_decimal(out, &d, signbit(x) != 0, -5, 16, floats);
}

/* Is this the float that the decimal reads back as? Reading rounds twice, as the original does. */
static int reads_as(const char *text, float x)
{
	char copy[64];
	size_t i, len = strlen(text);
	struct ramet_json number = {
		.ptr = copy, .len = (uint32_t)len, .span = 1, .kind = RAMET_JSON_NUMBER
	};

	if (len >= sizeof(copy))
		return 0;
	for (i = 0; i <= len; i++)
		copy[i] = strchr("0123456789-+e", text[i]) ? text[i] : '.';
	return (float)ramet_json_number(&number) == x;
}

void rameti_yoi_add_float(struct ramet_buf *out, float x, int floats)
{
	char text[64];
	struct decimal d;
	int digits;

	if (!isfinite(x)) {
		ADD(out, "null");
		return;
	}
	for (digits = 0; digits < 9; digits++) {
		(void)snprintf(text, sizeof(text), "%.*e", digits, (double)fabsf(x));
		if (reads_as(text, fabsf(x)))
			break;
	}
	decimal_of(&d, text);
	add_decimal(out, &d, signbit(x) != 0, -6, 13, floats);
}

/* ---- texts and integers ---- */

void rameti_yoi_add_text(struct ramet_buf *out, struct ramet_bytes text)
{
	struct ramet_buf clean = RAMET_BUF_INIT(SIZE_MAX / 2);
	size_t i, from = 0;

	for (i = 0; i + 2 < text.len; i++) {
		struct ramet_bytes part = { text.ptr + from, 0 };
		const char *at = memchr(text.ptr + i, 0xed, text.len - i - 2);

		if (!at)
			break;
		i = (size_t)(at - text.ptr);
		part.len = i - from;
		if ((uint8_t)text.ptr[i + 1] < 0xa0)
			continue;
		ramet_buf_add(&clean, part);
		ADD(&clean, "\xef\xbf\xbd");
		from = i + 3;
		i += 2;
	}
	if (!from) {
		ramet_buf_add_json_string(out, text);
		return;
	}
	ramet_buf_add(&clean, (struct ramet_bytes){ text.ptr + from, text.len - from });
	if (ramet_buf_status(&clean) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_add_json_string(out, ramet_buf_bytes(&clean));
	ramet_buf_release(&clean);
}

void rameti_yoi_add_string(struct ramet_buf *out, const struct ramet_json *v)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);

	if (rameti_span_is_usual(v)) {
		ramet_buf_add(out, ramet_json_raw(v));
		return;
	}
	ramet_json_text(v, &text);
	if (ramet_buf_status(&text) < 0)
		out->status = RAMET_ENOMEM;
	rameti_yoi_add_text(out, ramet_buf_bytes(&text));
	ramet_buf_release(&text);
}

/* Digits of at most 64 bits. */
static int digits_of(struct ramet_bytes raw, uint64_t *n)
{
	size_t i;

	*n = 0;
	for (i = 0; i < raw.len; i++) {
		unsigned digit = (unsigned)(raw.ptr[i] - '0');

		if (digit > 9 || *n > (UINT64_MAX - digit) / 10)
			return 0;
		*n = *n * 10 + digit;
	}
	return raw.len > 0;
}

int rameti_yoi_u64(const struct ramet_json *v, uint64_t *n)
{
	return ramet_json_kind(v) == RAMET_JSON_NUMBER && digits_of(ramet_json_raw(v), n);
}

int rameti_yoi_i64(const struct ramet_json *v, int64_t *n)
{
	struct ramet_bytes raw = ramet_json_raw(v);
	int negative = raw.len > 1 && raw.ptr[0] == '-';
	uint64_t u;

	if (ramet_json_kind(v) != RAMET_JSON_NUMBER)
		return 0;
	raw.ptr += negative;
	raw.len -= (size_t)negative;
	if (!digits_of(raw, &u) || u > (uint64_t)INT64_MAX + (uint64_t)negative)
		return 0;
	*n = !negative ? (int64_t)u : u ? -(int64_t)(u - 1) - 1 : 0;
	return 1;
}

/* An integer as it is, anything else as a float; 1: beyond the range. */
static int add_number(struct ramet_buf *out, const struct ramet_json *v, int floats)
{
	uint64_t u;
	int64_t i;

	if (rameti_yoi_u64(v, &u) || (rameti_yoi_i64(v, &i) && i)) {
		ramet_buf_add(out, ramet_json_raw(v));
		return 0;
	}
	rameti_yoi_add_double(out, ramet_json_number(v), floats);
	return !isfinite(ramet_json_number(v));
}

/* ---- any value, members sorted ---- */

/* A member by its decoded name. */
struct member {
	struct ramet_bytes name;
	const struct ramet_json *value;
	uint32_t at;
};

/* An open container: its members sorted, or a list's items. */
struct level {
	struct member *members; /* NULL: a list */
	uint32_t n, at;
	const struct ramet_json *list, *item;
	struct ramet_buf names;
};

static int by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
	int c = len ? memcmp(x->name.ptr, y->name.ptr, len) : 0;

	if (c)
		return c;
	if (x->name.len != y->name.len)
		return x->name.len < y->name.len ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

/* Names decoded into one buffer, then sorted; of equal ones the last stays. */
static int sort_members(struct level *l, const struct ramet_json *object)
{
	const struct ramet_json *key = NULL;
	uint32_t i, n = 0;
	size_t from;

	l->members = ramet_calloc(object->n ? object->n : 1, sizeof(*l->members));
	if (!l->members)
		return RAMET_ENOMEM;
	while ((key = ramet_json_next(object, key)) != NULL) {
		const struct ramet_json *value = ramet_json_next(object, key);

		from = l->names.len;
		ramet_json_text(key, &l->names);
		l->members[n].name.len = l->names.len - from;
		l->members[n].value = value;
		l->members[n].at = n;
		n++;
		key = value;
	}
	if (ramet_buf_status(&l->names) < 0)
		return RAMET_ENOMEM;
	for (i = 0, from = 0; i < n; from += l->members[i++].name.len)
		l->members[i].name.ptr = l->names.ptr ? l->names.ptr + from : "";
	if (n)
		qsort(l->members, n, sizeof(*l->members), by_name);
	for (i = 0; i < n; i++)
		if (i + 1 == n || !ramet_bytes_eq(l->members[i].name, l->members[i + 1].name))
			l->members[l->n++] = l->members[i];
	return 0;
}

static int open_level(struct level *l, const struct ramet_json *v, struct ramet_buf *out)
{
	memset(l, 0, sizeof(*l));
	ramet_buf_init(&l->names, SIZE_MAX / 2);
	if (ramet_json_kind(v) == RAMET_JSON_OBJECT) {
		ramet_buf_add_char(out, '{');
		return sort_members(l, v);
	}
	ramet_buf_add_char(out, '[');
	l->list = v;
	return 0;
}

static void close_level(struct level *l, struct ramet_buf *out)
{
	ramet_buf_add_char(out, l->members ? '}' : ']');
	ramet_free(l->members);
	ramet_buf_release(&l->names);
}

/* The next value of a container, what stands before it written; NULL at its end. */
static const struct ramet_json *next_value(struct level *l, struct ramet_buf *out)
{
	const struct member *m;

	if (l->members && l->at == l->n)
		return NULL;
	if (!l->members) {
		l->item = ramet_json_next(l->list, l->item);
		if (l->item && l->at++)
			ramet_buf_add_char(out, ',');
		return l->item;
	}
	if (l->at)
		ramet_buf_add_char(out, ',');
	m = &l->members[l->at++];
	rameti_yoi_add_text(out, m->name);
	ramet_buf_add_char(out, ':');
	return m->value;
}

static int add_scalar(struct ramet_buf *out, const struct ramet_json *v, int floats)
{
	switch (ramet_json_kind(v)) {
	case RAMET_JSON_NUMBER:
		return add_number(out, v, floats);
	case RAMET_JSON_STRING:
		rameti_yoi_add_string(out, v);
		return 0;
	case RAMET_JSON_NONE:
		ADD(out, "null");
		return 0;
	default:
		ramet_buf_add(out, ramet_json_raw(v));
		return 0;
	}
}

int rameti_yoi_add_value(struct ramet_buf *out, const struct ramet_json *v, int floats)
{
	struct level *levels = NULL;
	uint32_t depth = 0;
	int r = 0;

	if (ramet_json_kind(v) < RAMET_JSON_ARRAY)
		return add_scalar(out, v, floats);
	levels = ramet_calloc(RAMETI_YOI_DEPTH, sizeof(*levels));
	if (!levels)
		return RAMET_ENOMEM;
	while (v || depth) {
		if (v && ramet_json_kind(v) >= RAMET_JSON_ARRAY) {
			r = depth == RAMETI_YOI_DEPTH ? 1 : open_level(&levels[depth], v, out);
			depth += depth < RAMETI_YOI_DEPTH;
		} else if (v) {
			r = add_scalar(out, v, floats);
		} else {
			close_level(&levels[--depth], out);
		}
		if (r || !depth)
			break;
		v = next_value(&levels[depth - 1], out);
	}
	while (depth)
		close_level(&levels[--depth], out);
	ramet_free(levels);
	return r ? r : ramet_buf_status(out) < 0 ? RAMET_ENOMEM : 0;
}

/* ---- a request's configuration ---- */

static void add_integer(struct ramet_buf *out, const struct ramet_json *v)
{
	int64_t n;

	if (rameti_yoi_i64(v, &n))
		ramet_buf_add(out, ramet_json_raw(v));
	else
		ADD(out, "null");
}

static void add_float_member(struct ramet_buf *out, const struct ramet_json *v, int floats)
{
	if (ramet_json_kind(v) == RAMET_JSON_NUMBER)
		rameti_yoi_add_float(out, (float)ramet_json_number(v), floats);
	else
		ADD(out, "null");
}

void rameti_yoi_add_config(struct ramet_buf *out, const struct ramet_json *config, int floats)
{
	const struct ramet_json *stop = ramet_json_get(config, "stop_sequences"), *v = NULL;
	const struct ramet_json *reasoning = ramet_json_get(config, "reasoning");
	uint32_t n = 0;

	ADD(out, "{\"max_tokens\":");
	add_integer(out, ramet_json_get(config, "max_tokens"));
	ADD(out, ",\"temperature\":");
	add_float_member(out, ramet_json_get(config, "temperature"), floats);
	ADD(out, ",\"top_p\":");
	add_float_member(out, ramet_json_get(config, "top_p"), floats);
	ADD(out, ",\"top_k\":");
	add_integer(out, ramet_json_get(config, "top_k"));
	ADD(out, ",\"stop_sequences\":[");
	while (ramet_json_kind(stop) == RAMET_JSON_ARRAY &&
	       (v = ramet_json_next(stop, v)) != NULL) {
		if (ramet_json_kind(v) != RAMET_JSON_STRING)
			continue;
		if (n++)
			ramet_buf_add_char(out, ',');
		rameti_yoi_add_string(out, v);
	}
	ADD(out, "],\"reasoning\":");
	if (ramet_json_kind(reasoning) == RAMET_JSON_STRING)
		rameti_yoi_add_string(out, reasoning);
	else
		add_integer(out, reasoning);
	ramet_buf_add_char(out, '}');
}
