/*
 * crash_work.c - workloads: what is there at the beginning, and the steps one after the other.
 */
#include "crash_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD(version)                                                                              \
	"{\"type\":\"session\"" version ",\"id\":\"s1\","                                          \
	"\"timestamp\":\"2026-03-01T09:00:00.000Z\",\"cwd\":\"/w\"}\n"
#define TIME "\"timestamp\":\"2026-03-01T09:00:01.000Z\""
#define LINE(id, parent, message)                                                                  \
	"{\"type\":\"message\",\"id\":\"" id "\",\"parentId\":" parent "," TIME                    \
	",\"message\":" message "}\n"
#define USER CRASH_USER
#define ASSISTANT CRASH_ASSISTANT
#define ENTRIES                                                                                    \
	LINE("00000001", "null", USER("one"))                                                      \
	LINE("00000002", "\"00000001\"", ASSISTANT("two"))                                         \
	LINE("00000003", "\"00000002\"", USER("three"))

static const char old_text[] = HEAD(",\"version\":3") ENTRIES;
static const char torn_text[] = HEAD(",\"version\":3") ENTRIES "{\"type\":\"message\",\"id\":\"00";
static const char holed_text[] = HEAD(",\"version\":3")
	LINE("00000001", "null", USER("one")) "\x01{\"type\":\"mess[}{\n"
	LINE("00000002", "\"00000001\"", ASSISTANT("two"))
	LINE("00000003", "\"00000002\"", USER("three"));
static const char v2_text[] = HEAD(",\"version\":2") ENTRIES;
static const char v1_text[] = HEAD("") "{\"type\":\"message\"," TIME ",\"message\":" USER("one")
	"}\n{\"type\":\"message\"," TIME ",\"message\":" ASSISTANT("two") "}\n";

/* ---- a workload ---- */

#define LARGE_LINES 140u

/* Some 280 kB. */
static void put_large_file(struct crash_fs *fs)
{
	static char text[LARGE_LINES * 2200];
	char filler[1900];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", HEAD(",\"version\":3"));
	unsigned i;

	memset(filler, 'y', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	for (i = 1; i <= LARGE_LINES; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					LINE("%08x", "%s%08x%s", USER("%s")), i,
					i > 1 ? "\"" : "null,\"was\":\"", i - 1, "\"", filler);
	(void)crash_put_file(fs, CRASH_PATH, text, len);
}

static void prepare(struct crash_work *w, enum crash_place place)
{
	static const struct {
		const char *text;
		size_t len;
	} texts[] = {
		[CRASH_ZERO] = { "", 0 },
		[CRASH_OLD] = { old_text, sizeof(old_text) - 1 },
		[CRASH_TORN] = { torn_text, sizeof(torn_text) - 1 },
		[CRASH_NO_END] = { old_text, sizeof(old_text) - 2 },
		[CRASH_HOLED] = { holed_text, sizeof(holed_text) - 1 },
		[CRASH_V1] = { v1_text, sizeof(v1_text) - 1 },
		[CRASH_V2] = { v2_text, sizeof(v2_text) - 1 },
	};
	size_t i;

	(void)crash_put_dir(w->start, "/home/u");
	if (place != CRASH_NO_DIR)
		(void)crash_put_dir(w->start, CRASH_DIR);
	if (place == CRASH_LARGE)
		put_large_file(w->start);
	else if (place >= CRASH_ZERO)
		(void)crash_put_file(w->start, CRASH_PATH, texts[place].text, texts[place].len);
	crash_know_path(&w->oracle, CRASH_PATH);
	/* what was there before must stay */
	for (i = 0; place >= CRASH_OLD && place <= CRASH_HOLED && i < 3; i++) {
		const char *p = strchr(old_text, '\n') + 1;
		size_t k;

		for (k = 0; k < i; k++)
			p = strchr(p, '\n') + 1;
		if (place != CRASH_NO_END || i < 2)
			(void)crash_promise(&w->oracle, CRASH_PATH, p,
					    (size_t)(strchr(p, '\n') - p), 0);
	}
}

/* Two handles had a new session for one path, and the other's file came first. */
static int was_late(const struct crash_work *w)
{
	return w->s[0] && w->s[1] &&
	       ramet_session_stored(w->s[0]) != ramet_session_stored(w->s[1]);
}

int crash_work_run(struct crash_work *w, enum crash_place place, const int levels[2],
		   const unsigned *steps, size_t n)
{
	struct ramet_error err = { .sys = 0 };
	size_t i;
	int r = 0;

	memset(w, 0, sizeof(*w));
	(void)snprintf(w->path, sizeof(w->path), "%s", CRASH_PATH);
	w->levels[0] = levels[0];
	w->levels[1] = levels[1];
	w->levels[2] = levels[0];
	w->start = crash_fs_new();
	prepare(w, place);
	w->run = crash_fs_new();
	crash_fs_copy(w->run, w->start);
	w->run->recording = 1;
	crash_fs_mount(w->run);
	for (i = 0; !r && !w->gone && i < n; i++) {
		w->begun = w->last_begun = w->run->n_ops;
		r = crash_steps[steps[i]].run(w, &err);
		if (r == RAMET_ECONFLICT && was_late(w)) {
			r = 0;
			break;
		}
		if (r < 0)
			(void)snprintf(w->failed, sizeof(w->failed), "%s refused: %s",
				       crash_steps[steps[i]].name, err.text);
	}
	crash_forget(w, 0);
	crash_forget(w, 1);
	crash_fs_mount(NULL);
	crash_oracle_finish(&w->oracle, w->start, w->run);
	return r < 0 ? -1 : 0;
}

void crash_work_release(struct crash_work *w)
{
	crash_oracle_release(&w->oracle);
	crash_fs_free(w->start);
	crash_fs_free(w->run);
	free(w->lines);
}
