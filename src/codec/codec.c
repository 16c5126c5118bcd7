/*
 * codec/codec.c - the table of formats.
 */
#include "codec/codec.h"

#include <string.h>

static const struct rameti_codec *const codecs[] = {
	&rameti_codec_pi, /* asked last: it recognises whatever has an object in it */
	&rameti_codec_pirust,
	&rameti_codec_ggcode,
	&rameti_codec_yoi,
};
#define N_CODECS (sizeof(codecs) / sizeof(codecs[0]))

const char *ramet_codec_name(unsigned n)
{
	return n < N_CODECS ? codecs[n]->name : NULL;
}

const struct rameti_codec *rameti_codec_find(const char *name)
{
	size_t i;

	for (i = 0; i < N_CODECS; i++)
		if (!strcmp(codecs[i]->name, name))
			return codecs[i];
	return NULL;
}

const struct rameti_codec *rameti_codec_sniffed(struct ramet_bytes head)
{
	size_t i;

	for (i = N_CODECS; i-- > 0;)
		if (codecs[i]->sniff(head))
			return codecs[i];
	return NULL;
}

const char *ramet_codec_sniff(struct ramet_bytes head)
{
	const struct rameti_codec *c = rameti_codec_sniffed(head);

	return c ? c->name : NULL;
}
