/*
 * append.c - the memory of an agent's loop.
 *
 * Go on with the most recent conversation of this directory, or begin one; append what the user
 * says and what the model answers; print what the model would be sent next. Run it again and
 * the conversation is longer.
 *
 *     cc append.c $(pkg-config --cflags --libs ramet) -o append
 *     ./append "What is a ramet?" [DIRECTORY]       where sessions lie; without: where pi keeps its
 */
#include <ramet.h>
#include <stdio.h>
#include <time.h>

static int fail(const struct ramet_error *err)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];

	ramet_error_print(err, text, sizeof(text));
	fprintf(stderr, "append: %s\n", text);
	return 1;
}

/* A message as pi has it. A buffer remembers its first failure, so asking once is enough. */
static int message(struct ramet_buf *out, const char *role, const char *text)
{
	ramet_buf_addf(out, "{\"role\":\"%s\",\"content\":[{\"type\":\"text\",\"text\":", role);
	ramet_buf_add_json_string(out, ramet_bytes_of(text));
	ramet_buf_addf(out, "}],\"timestamp\":%lld}", (long long)time(NULL) * 1000);
	return ramet_buf_status(out);
}

/* Append one message. When this returns 0 the message is on the disk, power cut or not. */
static int say(struct ramet_session *s, const char *role, const char *text, struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(1 << 20);
	char id[RAMET_ID_SIZE];
	int r = message(&json, role, text);

	if (r < 0)
		snprintf(err->text, sizeof(err->text), "the message is too long");
	else
		r = ramet_session_append_message(s, ramet_buf_bytes(&json), id, err);
	if (r == 0)
		printf("%s  %s\n", id, role);
	ramet_buf_release(&json);
	return r;
}

/* What the model is sent: the messages at the leaf, converted. */
static int print_context(struct ramet_session *s, struct ramet_error *err)
{
	const struct ramet_tree *tree = ramet_session_tree(s);
	struct ramet_buf json = RAMET_BUF_INIT(64 << 20);
	struct ramet_context *context = NULL;
	int r = ramet_context_new(&context, tree, ramet_session_leaf(s), err);

	if (r == 0)
		r = ramet_context_write_llm(context, &json, err);
	if (r == 0)
		printf("%s\n", json.ptr);
	ramet_context_free(context);
	ramet_buf_release(&json);
	return r;
}

int main(int argc, char **argv)
{
	struct ramet_create_opts opts = { 0 };
	struct ramet_error err = { 0 };
	struct ramet_session *s = NULL;
	int r;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: append TEXT [DIRECTORY]\n");
		return 2;
	}
	opts.dir = argc > 2 ? argv[2] : NULL;
	r = ramet_session_continue(&s, NULL, &opts, &err);
	if (r == 0)
		r = say(s, "user", argv[1], &err);
	if (r == 0)                              /* here your model answers */
		r = say(s, "assistant", "One shoot of a clonal plant.", &err);
	if (r == 0)
		r = print_context(s, &err);
	ramet_session_close(s);
	return r < 0 ? fail(&err) : 0;
}
