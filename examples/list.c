/*
 * list.c - a session picker: list what is there, ask for a number, print the path.
 *
 * Listing reads every file once, several at a time. Ctrl-C stops it.
 *
 *     cc list.c $(pkg-config --cflags --libs ramet) -o list
 *     ./list [DIRECTORY]                            without: the sessions in your home directory
 */
#include <ramet.h>
#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t stop;

static void on_interrupt(int number)
{
	(void)number;
	stop = 1;
}

/* Called after each file. What is not 0 cancels: the call then fails with RAMET_ECANCELED. */
static int progress(void *user, uint64_t loaded, uint64_t total,
		    const struct ramet_session_info *partial, uint64_t n_partial)
{
	(void)user, (void)partial, (void)n_partial;
	fprintf(stderr, "\r%llu of %llu%s", (unsigned long long)loaded, (unsigned long long)total,
		loaded == total ? "\n" : "");
	return stop;
}

static void pick(const struct ramet_list *list)
{
	const struct ramet_session_info *s;
	unsigned long i, n;

	for (i = 0; i < list->n; i++) {
		s = &list->items[i];
		printf("%3lu  %4llu messages  %.*s\n", i + 1, (unsigned long long)s->message_count,
		       RAMET_FMT(s->name.ptr ? s->name : s->first_message));
	}
	if (scanf("%lu", &n) == 1 && n >= 1 && n <= list->n)
		printf("%s\n", list->items[n - 1].path.ptr);
}

int main(int argc, char **argv)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_list_opts opts = { 0 };
	struct ramet_store *store = NULL;
	struct ramet_error err = { 0 };
	int r;

	signal(SIGINT, on_interrupt);
	opts.progress = progress;
	r = ramet_store_open(&store, argc > 1 ? argv[1] : NULL, NULL, &err);
	if (r == 0)
		r = ramet_store_list(store, &opts, &list, &err);
	if (r == 0)
		pick(&list);
	else {
		ramet_error_print(&err, text, sizeof(text));
		fprintf(stderr, "list: %s\n", text);
	}
	ramet_list_release(&list);
	ramet_store_close(store);
	return r < 0;
}
