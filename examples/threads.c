/*
 * threads.c - one session, several threads.
 *
 * Every call that appends takes the session's own lock, so a single append needs nothing else.
 * What belongs together, and reading while others append, goes between ramet_session_lock and
 * ramet_session_unlock.
 *
 *     cc threads.c $(pkg-config --cflags --libs ramet) -pthread -o threads
 *     ./threads DIRECTORY                           where the new session goes
 */
#include <pthread.h>
#include <ramet.h>
#include <stdio.h>

#define THREADS 4
#define ROUNDS 25

struct worker {
	pthread_t thread;
	struct ramet_session *session;
	int number, result;
	struct ramet_error err;
};

static int say(struct worker *w, const char *role, int round)
{
	char json[128];

	snprintf(json, sizeof(json), "{\"role\":\"%s\",\"content\":\"thread %d, round %d\"}", role,
		 w->number, round);
	return ramet_session_append_message(w->session, ramet_bytes_of(json), NULL, &w->err);
}

/* An answer must follow its own question: both under one lock. */
static void *work(void *user)
{
	struct worker *w = (struct worker *)user;
	int i;

	for (i = 0; i < ROUNDS && w->result == 0; i++) {
		ramet_session_lock(w->session);
		w->result = say(w, "user", i);
		if (w->result == 0)
			w->result = say(w, "assistant", i);
		ramet_session_unlock(w->session);
	}
	return NULL;
}

/* The first failure, as data in *err. */
static int run(struct ramet_session *s, struct ramet_error *err)
{
	struct worker workers[THREADS] = { { 0 } };
	int i, started = 0, r = 0;

	for (; started < THREADS; started++) {
		workers[started].session = s;
		workers[started].number = started;
		if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0)
			break;
	}
	if (started < THREADS) {
		snprintf(err->text, sizeof(err->text), "cannot start thread %d", started);
		r = RAMET_EIO;
	}
	for (i = 0; i < started; i++) {
		pthread_join(workers[i].thread, NULL);
		if (workers[i].result < 0 && r == 0) {
			r = workers[i].result;
			*err = workers[i].err;
		}
	}
	if (r == 0)
		printf("%d threads, %u entries\n", started,
		       (unsigned)ramet_tree_count(ramet_session_tree(s)));
	return r;
}

int main(int argc, char **argv)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];
	struct ramet_create_opts opts = { 0 };
	struct ramet_session *s = NULL;
	struct ramet_error err = { 0 };
	int r;

	opts.dir = argc > 1 ? argv[1] : ".";
	opts.level = RAMET_LEVEL_TURN;           /* one sync for each answer, not for each line */
	r = ramet_session_create(&s, NULL, &opts, &err);
	if (r == 0)
		r = run(s, &err);
	if (r == 0)
		printf("%s\n", ramet_session_path(s));
	else {
		ramet_error_print(&err, text, sizeof(text));
		fprintf(stderr, "threads: %s\n", text);
	}
	ramet_session_close(s);
	return r < 0;
}
