/*
 * compact.c - a long conversation made short: what is to be summarised, and storing the summary.
 *
 * Who writes the summary is your agent's business: here it is the command line. About 20 000
 * tokens of the newest messages stay as they are.
 *
 *     cc compact.c $(pkg-config --cflags --libs ramet) -o compact
 *     ./compact SESSION.jsonl                      what a summariser should read
 *     ./compact SESSION.jsonl "what was said"      stores it
 */
#include <ramet.h>
#include <stdio.h>

static int fail(const struct ramet_error *err)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];

	ramet_error_print(err, text, sizeof(text));
	fprintf(stderr, "compact: %s\n", text);
	return 1;
}

static int print_text(const struct ramet_compact_plan *plan, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(64 << 20);
	int r = ramet_compact_text(plan, &text, err);

	if (r == 0)
		printf("%s\n", text.ptr);
	ramet_buf_release(&text);
	return r;
}

/* Refused if the conversation went on since the plan was made. */
static int store(struct ramet_session *s, const struct ramet_compact_plan *plan, const char *text,
		 struct ramet_error *err)
{
	struct ramet_written_summary summary = { 0 };
	char id[RAMET_ID_SIZE];
	int r;

	summary.text = ramet_bytes_of(text);
	r = ramet_compact_apply(s, plan, &summary, id, err);
	if (r == 0)
		printf("%s\n", id);
	return r;
}

int main(int argc, char **argv)
{
	struct ramet_error err = { 0 };
	struct ramet_session *s = NULL;
	struct ramet_compact_plan plan;
	int r;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: compact SESSION [SUMMARY]\n");
		return 2;
	}
	r = ramet_session_open(&s, argv[1], NULL, &err);
	if (r == 0)
		r = ramet_compact_plan(s, ramet_session_leaf(s), NULL, &plan, &err);
	if (r == 0) {
		if (plan.first_kept == RAMET_NONE)
			printf("%s\n", plan.why);
		else
			r = argc == 2 ? print_text(&plan, &err) : store(s, &plan, argv[2], &err);
		ramet_compact_plan_release(&plan);
	}
	ramet_session_close(s);
	return r < 0 ? fail(&err) : 0;
}
