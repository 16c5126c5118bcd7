/*
 * cli/configured.c - lines of the file ramet/stores that are passed over, told.
 *
 * The library reads the file (store/store.c) and leaves out what it cannot open, so that a disk
 * that is not mounted stops nobody. Whoever lists everything should hear of it: a word that is
 * wrong would hide sessions for ever. Changes nothing, fails never.
 */
#include "cli/configured.h"
#include "cli/cli.h"
#include "cli/place.h"
#include "cli/resolve.h"

#include "base/env.h"
#include "base/error.h"
#include "base/file.h"

#include <string.h>

static void add_path(struct ramet_buf *path)
{
	const struct rameti_env *env = rameti_env_default();
	const char *config = env->getenv(env->user, "XDG_CONFIG_HOME");
	const char *home = env->getenv(env->user, "HOME");

	if (config && config[0] == '/')
		ramet_buf_addf(path, "%s/ramet/stores", config);
	else if (home && *home)
		ramet_buf_addf(path, "%s/.config/ramet/stores", home);
}

/* Is it said where it is, wherever somebody stands? */
static int is_full(const char *place)
{
	if (place_is_tool(place))
		return 1;
	if (resolve_is_url(place))
		place = strchr(place, ':') + 1;
	return *place == '/';
}

static int look_at(const char *place, struct ramet_error *why)
{
	struct ramet_store *st = NULL;
	int r = place_check_store(place, why);

	if (!r && !is_full(place))
		r = rameti_fail(why, RAMET_EINVAL, "not a path in full");
	if (!r)
		r = ramet_store_open(&st, place, NULL, why);
	ramet_store_close(st);
	return r;
}

static void look_at_line(const char *path, uint64_t number, const char *place)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];
	struct ramet_error why = { .offset = RAMET_NO_OFFSET }, err;

	if (look_at(place, &why) == 0)
		return;
	(void)rameti_fail_at(&err, why.code, path, number, RAMET_NO_OFFSET,
			     "\"%.200s\": %s", place, why.text);
	ramet_error_print(&err, text, sizeof(text));
	out_complain(text);
}

void configured_complain(void)
{
	struct ramet_buf path = RAMET_BUF_INIT(CLI_TEXT_MAX), text = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct rameti_file f = RAMETI_FILE_INIT;
	uint64_t number = 1;
	char *line, *next;

	add_path(&path);
	if (path.len && !rameti_file_open(&f, path.ptr, RAMETI_FILE_READ, NULL))
		(void)rameti_file_read_all(&f, &text, NULL);
	ramet_buf_add_char(&text, '\n');
	if (ramet_buf_status(&text) < 0)
		ramet_buf_reset(&text);
	for (line = text.ptr; line && (next = strchr(line, '\n')); line = next + 1, number++) {
		*next = '\0';
		if (*line && *line != '#')
			look_at_line(path.ptr, number, line);
	}
	(void)rameti_file_close(&f);             /* read only */
	ramet_buf_release(&path);
	ramet_buf_release(&text);
}
