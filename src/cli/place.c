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

/* The prefix that a word has, or NULL. */
static const char *prefix_of(const char *word)
{
	for (size_t i = 0; word && i < N_HOMES; i++)
		if (!strncmp(word, schemes[i], strlen(schemes[i])))
			return schemes[i];
	return NULL;
}

/* A prefix, or a format without a place of its own, with no file behind it. */
static int check_file_named(const char *word, struct ramet_error *err)
{
	const char *prefix = prefix_of(word);

	if (!prefix && word)
		prefix = place_scheme(word);
	if (prefix && strlen(word) <= strlen(prefix))
		return rameti_fail(err, CLI_USAGE, "which file? %sFILE", prefix);
	return 0;
}

int place_check_store(const char *word, struct ramet_error *err)
{
	int r = check_file_named(word, err);

	return r < 0 ? r : place_check(word, err);
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
	const char *prefix = prefix_of(place), *scheme = place_scheme(format);
	int r = place_check_format(format, err);

	if (!r && place && !*place)
		r = rameti_fail(err, CLI_USAGE, "the name of the place is empty");
	if (!r && scheme && !place)
		r = rameti_fail(err, CLI_USAGE, "which file? The format %s has no usual place",
				format);
	if (!r && prefix && scheme != prefix)
		r = rameti_fail(err, CLI_USAGE,
				"\"%.60s\" is no place for a session of the format %s", place,
				format);
	if (!r && prefix)
		r = check_file_named(place, err);
	return r < 0 ? r : place_check(place, err);
}

int place_check_file(const char *word, struct ramet_error *err)
{
	if (prefix_of(word))
		return rameti_fail(err, CLI_USAGE,
				   "\"%.60s\" is a file of many sessions: only --format, ramet "
				   "convert and ramet import put one there", word);
	return place_check(word, err);
}

/* What an id of a session of this format may be. */
static const char *id_rule(const char *format)
{
	if (!strcmp(format, "yoi"))
		return "a UUID";
	if (!strcmp(format, "ggcode"))
		return "letters and digits, with - and _, no - first";
	return "letters and digits, with - _ . between them";
}

int place_given_id(int r, const char *id, struct ramet_error *err)
{
	static const char of[] = " of the format ";
	const char *format;
	struct ramet_error was;

	if (r != RAMET_EINVAL || !id || !strstr(err->text, "cannot be the id of"))
		return r;
	was = *err;
	format = strstr(was.text, of);
	if (format)
		return rameti_fail(err, CLI_USAGE, "%.180s: %s", was.text,
				   id_rule(format + strlen(of)));
	err->code = CLI_USAGE;
	return CLI_USAGE;
}
