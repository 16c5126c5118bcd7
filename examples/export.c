/*
 * export.c - a branch as a session of its own, while somebody may be writing to it.
 *
 * A view is a second handle on what is there now: appends to the first one, from any thread, do
 * not wait for it and do not change it. The text comes in pieces.
 *
 *     cc export.c $(pkg-config --cflags --libs ramet) -o export
 *     ./export SESSION.jsonl > branch.jsonl
 */
#include <ramet.h>
#include <stdio.h>
#include <time.h>

static int to_stdout(void *user, struct ramet_bytes bytes, struct ramet_error *err)
{
	(void)user;
	if (fwrite(bytes.ptr, 1, bytes.len, stdout) == bytes.len)
		return 0;
	snprintf(err->text, sizeof(err->text), "cannot write to standard output");
	return RAMET_EIO;
}

static int export_now(struct ramet_session *s, struct ramet_error *err)
{
	struct ramet_session *view;
	int r = ramet_session_view(&view, s, err);

	if (r < 0)
		return r;
	r = ramet_export_jsonl_to(view, ramet_session_leaf(view), (int64_t)time(NULL) * 1000,
				  to_stdout, NULL, err);
	ramet_session_close(view);
	return r;
}

int main(int argc, char **argv)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];
	struct ramet_error err = { 0 };
	struct ramet_session *s = NULL;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: export SESSION\n");
		return 2;
	}
	r = ramet_session_open(&s, argv[1], NULL, &err);
	if (r == 0)
		r = export_now(s, &err);
	ramet_session_close(s);
	if (r < 0) {
		ramet_error_print(&err, text, sizeof(text));
		fprintf(stderr, "export: %s\n", text);
	}
	return r < 0;
}
