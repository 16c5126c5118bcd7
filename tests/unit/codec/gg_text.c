/*
 * gg_text.c - a session of ggcode's that is a text.
 */
#include "gg_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct ramet_buf gg_text = RAMET_BUF_INIT(TEXT_MAX);

struct ramet_session *gg_open(void)
{
	struct ramet_open_opts opts = { .format = "ggcode" };
	struct ramet_session *s = NULL;
	struct ramet_error err;

	if (ramet_session_open_bytes(&s, ramet_buf_bytes(&gg_text), &opts, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

const char *gg_entry(const struct ramet_session *s, const char *id)
{
	static struct ramet_buf scratch = RAMET_BUF_INIT(TEXT_MAX);
	const struct ramet_tree *t = ramet_session_tree(s);
	uint32_t row = ramet_tree_find(t, ramet_bytes_of(id));
	struct ramet_bytes json;

	if (row == RAMET_NONE)
		return "";
	assert_int_equal(ramet_tree_entry(t, row, &scratch, &json, NULL), 0);
	return json.ptr;
}

void gg_encode(struct rameti_encoder *e, const char *const *entries, size_t n)
{
	struct ramet_error err;
	size_t i;

	for (i = 0; i < n; i++)
		if (rameti_codec_ggcode.encode(e, ramet_bytes_of(entries[i]), &gg_text, &err) < 0)
			fail_msg("%s: %s", entries[i], err.text);
}

void gg_write(const char *const *entries, size_t n, int dialect)
{
	struct ramet_bytes none = { NULL, 0 };
	struct rameti_encoder e;

	ramet_buf_reset(&gg_text);
	assert_int_equal(rameti_encoder_init(&e, &rameti_codec_ggcode, NULL, none, NULL), 0);
	e.dialect = dialect;
	ramet_buf_add_str(&e.id, "s1");
	gg_encode(&e, entries, n);
	rameti_encoder_release(&e);
}
