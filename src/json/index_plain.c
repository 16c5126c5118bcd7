/*
 * index_plain.c - the index step in plain C, eight bytes at a time, for every machine.
 *
 * It is the twin the vector versions are tested against, and what other processors run.
 */
#include "json/index_masks.h"

#define KERNEL_TARGET

struct block {
	uint64_t w[8]; /* the first byte lowest, whatever the machine's order */
};

struct constants {
	int none;
};

static inline void constants_init(struct constants *k)
{
	k->none = 0;
}

#define ONES UINT64_C(0x0101010101010101)
#define LOW7 UINT64_C(0x7f7f7f7f7f7f7f7f)
#define TOPS UINT64_C(0x8080808080808080)

static void block_load(struct block *b, const char *p)
{
	int i;

	memcpy(b->w, p, 64);
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		for (i = 0; i < 8; i++)
			b->w[i] = __builtin_bswap64(b->w[i]);
}

/* The top bit of every byte that is zero; exact. */
static inline uint64_t zero_bytes(uint64_t w)
{
	return ~(((w & LOW7) + LOW7) | w) & TOPS;
}

static inline uint64_t equal_bytes(uint64_t w, unsigned char c)
{
	return zero_bytes(w ^ (ONES * c));
}

/* Eight top bits to eight low bits. */
static inline uint64_t gather(uint64_t tops)
{
	return ((tops >> 7) * UINT64_C(0x0102040810204080)) >> 56;
}

static void block_classify(const struct block *b, const struct constants *k, struct masks *m)
{
	int i;

	(void)k;
	memset(m, 0, sizeof(*m));
	for (i = 0; i < 8; i++) {
		uint64_t w = b->w[i], folded = w | ONES * 0x20;
		uint64_t op = equal_bytes(folded, '{') | equal_bytes(folded, '}') |
			      equal_bytes(w, ':') | equal_bytes(w, ',');
		uint64_t control = zero_bytes(w & (ONES * 0xe0));
		uint64_t space = equal_bytes(w, ' ');

		if (control)
			space |= equal_bytes(w, '\t') | equal_bytes(w, '\n') | equal_bytes(w, '\r');
		m->quote |= gather(equal_bytes(w, '"')) << (8 * i);
		m->backslash |= gather(equal_bytes(w, '\\')) << (8 * i);
		m->op |= gather(op) << (8 * i);
		m->space |= gather(space) << (8 * i);
		m->control |= gather(control) << (8 * i);
		m->high |= gather(w & TOPS) << (8 * i);
	}
}

static uint64_t block_newlines(const struct block *b)
{
	uint64_t bits = 0;
	int i;

	for (i = 0; i < 8; i++)
		bits |= gather(equal_bytes(b->w[i], '\n')) << (8 * i);
	return bits;
}

static inline uint64_t block_prefix_xor(uint64_t bits)
{
	bits ^= bits << 1;
	bits ^= bits << 2;
	bits ^= bits << 4;
	bits ^= bits << 8;
	bits ^= bits << 16;
	return bits ^ (bits << 32);
}

static inline unsigned char byte_at(const struct block *b, int i)
{
	return (unsigned char)(b->w[i >> 3] >> (8 * (i & 7)));
}

static inline uint64_t block_escapes(const struct block *b, const struct constants *k,
				     const struct masks *m, uint64_t escaped, uint64_t *unicode)
{
	uint64_t left = escaped & ~(m->quote | m->backslash), bad = 0;

	(void)k;
	*unicode = 0;
	for (; left; left &= left - 1) {
		unsigned char c = byte_at(b, __builtin_ctzll(left));

		if (c == 'u')
			*unicode |= left & (0 - left);
		else if (!c || !strchr("/bfnrt", c))
			bad |= left & (0 - left);
	}
	return bad;
}

static inline uint32_t *block_flatten(const struct constants *k, uint32_t *out, uint32_t at,
				      uint64_t bits)
{
	(void)k;
	for (; bits; bits &= bits - 1)
		*out++ = at + (uint32_t)__builtin_ctzll(bits);
	return out;
}

static inline void block_check_utf8(struct rameti_index *ix, const char *p, uint64_t valid,
				    uint32_t at)
{
	(void)ix, (void)p, (void)valid, (void)at; /* checked over the whole line at its end */
}

#include "json/index_kernel.h"

static void fill_line(struct rameti_index *ix)
{
	kernel_fill(ix, 1);
}

static void fill_text(struct rameti_index *ix)
{
	kernel_fill(ix, 0);
}

const struct rameti_index_level *rameti_index_plain(void)
{
	static const struct rameti_index_level level = {
		"plain", fill_line, fill_text, rameti_utf8_valid_plain, 0
	};

	return &level;
}
