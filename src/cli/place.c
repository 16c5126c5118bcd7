/*
 * cli/place.c - the words for stores, places and formats.
 *
 * Only sqlite:FILE and ckptmgr:FILE are places with a prefix. A tool's name in front of a colon is
 * refused: taken as the name of a file, it would make one where nobody looks for it.
 */
#include "cli/place.h"

#include "base/error.h"

#include <string.h>

static const char *const tools[] = { "pi", "pirust", "ggcode", "yoi" };
static const char *const homes[] = { "sqlite", "ckptmgr" };
static const char *const schemes[] = { "sqlite:", "ckptmgr:" };
#define N_TOOLS (sizeof(tools) / sizeof(tools[0]))
#define N_HOMES (sizeof(homes) / sizeof(homes[0]))

int place_is_tool(const char *word)
{
	for (size_t i = 0; word && i < N_TOOLS; i++)
		if (!strcmp(word, tools[i]))
			return 1;
	return 0;
}

const char *place_scheme(const char *format)
{
	for (size_t i = 0; i < N_HOMES; i++)
		if (!strcmp(format, homes[i]))
			return schemes[i];
	return NULL;
}

int place_check(const char *word, struct ramet_error *err)
{
	for (size_t i = 0; word && i < N_TOOLS; i++) {
		size_t len = strlen(tools[i]);

		if (!strncmp(word, tools[i], len) && word[len] == ':')
			return rameti_fail(err, CLI_USAGE,
					   "\"%.60s\" is no place: %s alone is that tool's store, "
					   "a directory or a file is given as it is, and only "
					   "sqlite:FILE and ckptmgr:FILE have a prefix",
					   word, tools[i]);
	}
	return 0;
}

int place_check_store(const char *word, struct ramet_error *err)
{
	if (word && place_scheme(word))
		return rameti_fail(err, CLI_USAGE, "which file? %sFILE", place_scheme(word));
	return place_check(word, err);
}

int place_check_format(const char *format, struct ramet_error *err)
{
	if (place_is_tool(format) || place_scheme(format))
		return 0;
	return rameti_fail(err, CLI_USAGE,
			   "no such format: %.40s (pi, pirust, ggcode, yoi, ckptmgr or sqlite)",
			   format);
}

int place_check_target(const char *format, const char *place, struct ramet_error *err)
{
	int r = place_check_format(format, err);

	if (!r && place_scheme(format) && !place)
		r = rameti_fail(err, CLI_USAGE, "which file? The format %s has no usual place",
				format);
	return r < 0 ? r : place_check(place, err);
}

int place_given_id(int r, const char *id, struct ramet_error *err)
{
	if (r != RAMET_EINVAL || !id || !strstr(err->text, "cannot be the id of"))
		return r;
	err->code = CLI_USAGE;
	return CLI_USAGE;
}
