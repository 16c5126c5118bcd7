/*
 * changes.c - one change at a time in a document that is good.
 */
#include "changes.h"
#include "faulty.h"
#include "written.h"

#include <stdio.h>
#include <string.h>

#define ALLOCATIONS_MAX 200u
#define DOC 8192

struct ramet_bytes changed(const char *base, const char *from, const char *to)
{
	static char text[DOC];
	const char *at = strstr(base, from);
	size_t before = at ? (size_t)(at - base) : 0, len = strlen(base);

	if (!at)
		fail_msg("there is no %s in %s", from, base);
	assert_true(len + strlen(to) < sizeof(text));
	memcpy(text, base, before);
	memcpy(text + before, to, strlen(to));
	memcpy(text + before + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
	return ramet_bytes_of(text);
}

static void copy(char to[DOC], const char *text)
{
	assert_true(strlen(text) < DOC);
	(void)snprintf(to, DOC, "%s", dq(text));
}

void refuses_each(parse_fn *parse, const char *base, const struct change *c)
{
	char good[DOC], from[DOC], to[DOC];

	copy(good, base);
	must(parse(ramet_bytes_of(good), &why));
	for (; c->from; c++) {
		int r;

		copy(from, c->from);
		copy(to, c->to);
		memset(&why, 0, sizeof(why));
		r = parse(changed(good, from, to), &why);
		if (r != RAMET_EFORMAT || why.code != r || !why.text[0])
			fail_msg("%s for %s gives %d: %s", to, from, r, why.text);
	}
}

void takes_each(parse_fn *parse, const char *base, const struct change *c)
{
	char good[DOC], from[DOC], to[DOC];

	copy(good, base);
	for (; c->from; c++) {
		copy(from, c->from);
		copy(to, c->to);
		must(parse(changed(good, from, to), &why));
	}
}

void says_when_memory_is_short(parse_fn *parse, const char *base)
{
	char good[DOC];
	unsigned n = 0;
	int reached = 1;

	copy(good, base);
	while (reached) {
		int r;

		scarce_start(++n);
		r = parse(ramet_bytes_of(good), &why);
		reached = scarce_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
		assert_true(n < ALLOCATIONS_MAX);
	}
	assert_true(n > 1);
}
