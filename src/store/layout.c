/*
 * store/layout.c - the table of layouts.
 */
#include "store/layout.h"

#include <string.h>

#include "base/file.h"
#include "store/home.h"

#define HEAD_LEN 65536

const struct rameti_layout rameti_layout_pi = { .format = "pi" };

static const struct rameti_layout *const layouts[] = {
	&rameti_layout_pi,
	&rameti_layout_ggcode,
	&rameti_layout_yoi,
	&rameti_layout_pirust,
};

const struct rameti_layout *rameti_layout_of(const char *format)
{
	size_t i;

	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (!strcmp(layouts[i]->format, format))
			return layouts[i];
	return &rameti_layout_pi;
}

const struct rameti_layout *rameti_layout_of_file(const char *path)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	const struct rameti_codec *codec = NULL;
	struct ramet_bytes head = { NULL, 0 };
	struct rameti_home_path home;
	char *text;
	int64_t n = -1;

	/* closing a descriptor of a database takes its locks from those who have it open here */
	if (rameti_home_path(path, &home))
		return &rameti_layout_pi;
	text = ramet_alloc(HEAD_LEN);

	if (text && rameti_file_open(&f, path, RAMETI_FILE_READ, NULL) == 0)
		n = rameti_file_read_at(&f, text, HEAD_LEN, 0, NULL);
	(void)rameti_file_close(&f);             /* read only */
	head.ptr = text;
	head.len = n > 0 ? (size_t)n : 0;
	if (head.len)
		codec = rameti_codec_sniffed(head);
	ramet_free(text);
	if ((!codec || codec == &rameti_codec_pi) &&
	    rameti_layout_pirust.owns_name(rameti_path_base(path)))
		codec = &rameti_codec_pirust;
	return codec ? rameti_layout_of(codec->name) : &rameti_layout_pi;
}
