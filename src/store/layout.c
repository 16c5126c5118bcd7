/*
 * store/layout.c - the table of layouts.
 */
#include "store/layout.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "store/home.h"
#include "store/sidecar.h"

#define HEAD_LEN 65536

/* pi itself has no sidecars, but pi_agent_rust makes them for pi's files as well. */
const struct rameti_layout rameti_layout_pi = {
	.format = "pi",
	.before = rameti_sidecar_mark_dirty,
	.sides = rameti_sidecar_each,
	.remove_side = rameti_sidecar_remove,
};

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

void rameti_layout_give_up(const struct rameti_layout *l, struct rameti_newfile *f,
			   const char *path)
{
	rameti_newfile_abort(f);
	if (l && l->vacated && path && *path)
		l->vacated(f->file.env, path);
}

/* The format by the first bytes, or NULL. */
static int sniff(const char *path, const struct rameti_codec **codec, struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_bytes head = { ramet_alloc(HEAD_LEN), 0 };
	int64_t n = 0;
	int r = head.ptr ? rameti_file_open(&f, path, RAMETI_FILE_READ, err) :
			   rameti_fail_nomem(err);

	if (!r)
		n = rameti_file_read_at(&f, (char *)head.ptr, HEAD_LEN, 0, err);
	r = n < 0 ? (int)n : r;
	head.len = r < 0 ? 0 : (size_t)n;
	if (head.len)
		*codec = rameti_codec_sniffed(head);
	if (r < 0)
		rameti_error_set_path(err, path);
	(void)rameti_file_close(&f);             /* read only */
	ramet_free((char *)head.ptr);
	return r;
}

int rameti_layout_of_file(const struct rameti_layout **out, const char *path,
			  struct ramet_error *err)
{
	const struct rameti_codec *codec = NULL;
	struct rameti_home_path home;
	int r;

	/* closing a descriptor of a database takes its locks from those who have it open here */
	if (rameti_home_path(path, &home)) {
		*out = &rameti_layout_pi;
		return 0;
	}
	r = sniff(path, &codec, err);
	if (r < 0)
		return r;
	if ((!codec || codec == &rameti_codec_pi) &&
	    rameti_layout_pirust.owns_name(rameti_path_base(path)))
		codec = &rameti_codec_pirust;
	*out = codec ? rameti_layout_of(codec->name) : &rameti_layout_pi;
	return 0;
}
