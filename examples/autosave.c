/*
 * autosave.c - an agent that never waits for the disk.
 *
 * Messages go into a queue and a thread stores them, what waits together with one write. At the
 * end of a turn the agent asks that all is stored; a message that could not be stored comes back
 * through the callback, so that it is never lost silently.
 *
 *     cc autosave.c $(pkg-config --cflags --libs ramet) -o autosave
 *     ./autosave DIRECTORY                          where the new session goes
 */
#include <ramet.h>
#include <stdio.h>

#define TURNS 10
#define STEPS 8
#define WAIT_MS 5000

struct agent {
	struct ramet_autosave *queue;
	struct ramet_session *session;
	int stored, lost;                        /* the callback's until the queue is freed */
};

/* From the queue's thread: keep a message elsewhere when the session cannot take it. */
static void on_done(void *user, const struct ramet_autosave_done *d)
{
	struct agent *a = (struct agent *)user;

	if (!d->err) {
		a->stored++;
		return;
	}
	a->lost++;
	fprintf(stderr, "not stored (%s): %.*s\n", d->err->text, RAMET_FMT(d->json));
}

static int say(struct agent *a, const char *role, int turn, int step, struct ramet_error *err)
{
	char json[128];

	snprintf(json, sizeof(json),
		 "{\"role\":\"%s\",\"content\":\"turn %d, step %d\",\"stopReason\":\"%s\"}", role,
		 turn, step, step + 1 < STEPS ? "toolUse" : "stop");
	return ramet_autosave_add(a->queue, a->session, ramet_bytes_of(json), NULL, err);
}

/* One question, many steps of an answer; at the end all of it is on the disk. */
static int take_turn(struct agent *a, int turn, struct ramet_error *err)
{
	int step, r = say(a, "user", turn, 0, err);

	for (step = 0; r == 0 && step < STEPS; step++)
		r = say(a, "assistant", turn, step, err);
	if (r == 0)
		r = ramet_autosave_flush(a->queue, a->session, WAIT_MS, err);
	return r;
}

static int run(struct agent *a, struct ramet_error *err)
{
	struct ramet_autosave_metrics m;
	int turn, r = 0;

	for (turn = 0; r == 0 && turn < TURNS; turn++)
		r = take_turn(a, turn, err);
	if (r == 0)
		r = ramet_autosave_leave(a->queue, a->session, WAIT_MS, err);
	ramet_autosave_get_metrics(a->queue, &m);
	if (r == 0)
		printf("%d messages, %s writes\n%s\n", (int)m.written,
		       m.flushes < m.written ? "fewer" : "as many",
		       ramet_session_path(a->session));
	return r;
}

int main(int argc, char **argv)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];
	struct ramet_autosave_opts opts = { 0 };
	struct ramet_create_opts create = { 0 };
	struct agent a = { 0 };
	struct ramet_error err = { 0 };
	int r;

	opts.hold_ms = 200;                      /* wait for company, but not beyond a turn */
	opts.done = on_done;
	opts.user = &a;
	ramet_autosave_opts_env(&opts);          /* what the user set for other agents */
	create.dir = argc > 1 ? argv[1] : ".";
	create.write_now = 1;
	create.level = RAMET_LEVEL_NONE;         /* the queue decides when to sync */
	r = ramet_session_create(&a.session, NULL, &create, &err);
	if (r == 0)
		r = ramet_autosave_new(&a.queue, &opts, &err);
	if (r == 0)
		r = run(&a, &err);
	ramet_autosave_free(a.queue, WAIT_MS);
	if (r < 0) {
		ramet_error_print(&err, text, sizeof(text));
		fprintf(stderr, "autosave: %s\n", text);
	}
	ramet_session_close(a.session);
	return r < 0 || a.lost > 0;
}
