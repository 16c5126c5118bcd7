/*
 * gg_text.h - a session of ggcode's that is a text: entries written to it, and what reading it
 * finds.
 */
#ifndef TESTS_CODEC_GG_TEXT_H
#define TESTS_CODEC_GG_TEXT_H

#include "codec/codec.h"
#include "codec/ggcode.h"
#include "ramet.h"

#define TEXT_MAX (1u << 20)

extern struct ramet_buf gg_text;

struct ramet_session *gg_open(void);
/* The entry with this id, as text, until the next one; "" without one. */
const char *gg_entry(const struct ramet_session *s, const char *id);
/* Behind what stands in gg_text. */
void gg_encode(struct rameti_encoder *e, const char *const *entries, size_t n);
/* gg_text is a session s1 of these. dialect 1: as version 1.3.33 does. */
void gg_write(const char *const *entries, size_t n, int dialect);

#endif
