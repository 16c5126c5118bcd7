/*
 * ops/modified.c - when was a session last talked in?
 *
 * The rules are pi's list rules: all branches count, renaming and labelling do not; a message
 * without a content member does not count; a time that is not above 0 is no time. Reads the user's
 * and the assistant's entries once, in file order.
 */
#include "ops/modified_priv.h"

#include "base/file.h"

#define DATE_MAX_MS 8.64e15
#define KEY(text) { text, sizeof(text) - 1 }

const struct rameti_want rameti_message_wants[RAMETI_SEEK_N] = {
	[RAMETI_SEEK_MESSAGE] = { -1, KEY("message") },
	[RAMETI_SEEK_TIME] = { RAMETI_SEEK_MESSAGE, KEY("timestamp") },
	[RAMETI_SEEK_CONTENT] = { RAMETI_SEEK_MESSAGE, KEY("content") },
};

double rameti_message_time(const struct rameti_peek *p, const struct ramet_row *row)
{
	struct ramet_json time = rameti_peek_get(p, RAMETI_SEEK_TIME);
	double ms = 0;

	if (rameti_peek_get(p, RAMETI_SEEK_CONTENT).kind == RAMET_JSON_NONE)
		return 0;
	if (time.kind == RAMET_JSON_NUMBER)
		ms = ramet_json_number(&time);
	else if (row->time_ms != RAMET_TIME_NONE)
		ms = (double)row->time_ms;
	return ms > 0 ? ms : 0;
}

int64_t rameti_date_ms(double ms)
{
	return ms >= -DATE_MAX_MS && ms <= DATE_MAX_MS ? (int64_t)ms : RAMET_TIME_NONE;
}

/* The greatest message time, 0 without one. */
static int last_talk(const struct ramet_session *s, double *last, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct rameti_peek p = RAMETI_PEEK_INIT;
	uint32_t i, n = ramet_tree_count(t);
	double ms, greatest = 0;
	int r;

	r = rameti_peek_open(&p, t, rameti_message_wants, RAMETI_SEEK_N, err);
	for (i = 0; !r && i < n; i++) {
		if (!rameti_is_talk(ramet_tree_row(t, i)))
			continue;
		r = rameti_peek_read(&p, i, err);
		ms = r ? 0 : rameti_message_time(&p, ramet_tree_row(t, i));
		greatest = ms > greatest ? ms : greatest;
	}
	rameti_peek_close(&p);
	if (!r)
		*last = greatest;
	return r;
}

static int64_t file_ms(const char *path)
{
	struct stat st;

	if (!path || rameti_path_stat(NULL, path, &st, NULL) < 0)
		return RAMET_TIME_NONE;
	return (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
}

int rameti_session_modified(const struct ramet_session *s, int64_t *ms, struct ramet_error *err)
{
	double last = 0;
	int r = last_talk(s, &last, err);

	if (r < 0)
		return r;
	if (last > 0)
		*ms = rameti_date_ms(last);
	else if (ramet_session_header(s)->created_ms != RAMET_TIME_NONE)
		*ms = ramet_session_header(s)->created_ms;
	else
		*ms = file_ms(ramet_session_path(s));
	return 0;
}
