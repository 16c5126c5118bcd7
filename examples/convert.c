/*
 * convert.c - write a session in another format, and say what that format has no words for.
 *
 * The source is not changed. First a dry run, which writes nothing and finds out the same.
 *
 *     cc convert.c $(pkg-config --cflags --libs ramet) -o convert
 *     ./convert SESSION FORMAT [PLACE]
 */
#include <ramet.h>
#include <stdio.h>

static int fail(const struct ramet_error *err)
{
	char text[RAMET_ERROR_TEXT + RAMET_ERROR_PATH + 64];

	ramet_error_print(err, text, sizeof(text));
	fprintf(stderr, "convert: %s\n", text);
	return 1;
}

/* The report need not be initialised. It is released whether the call failed or not. */
static int convert(struct ramet_session *s, const struct ramet_convert_opts *opts,
		   struct ramet_error *err)
{
	struct ramet_convert_report report;
	uint32_t i;
	int r = ramet_convert(s, opts, &report, err);

	if (r == 0 && opts->dry) {
		printf("%llu of %llu entries in words of %s\n", (unsigned long long)report.said,
		       (unsigned long long)report.entries, opts->to);
		for (i = 0; i < report.n_kinds; i++)
			if (report.kinds[i].carried)
				printf("  carried: %llu %s\n",
				       (unsigned long long)report.kinds[i].carried,
				       report.kinds[i].kind);
	}
	if (r == 0 && !opts->dry)
		printf("%s\n", report.path.ptr);       /* empty after a dry run */
	ramet_convert_report_release(&report);
	return r;
}

int main(int argc, char **argv)
{
	struct ramet_convert_opts opts = { 0 };
	struct ramet_session *s = NULL;
	struct ramet_error err = { 0 };
	int r;

	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: convert SESSION FORMAT [PLACE]\n");
		return 2;
	}
	opts.to = argv[2];
	opts.place = argv[3];                    /* NULL: where the format's own program looks */
	opts.dry = 1;
	r = ramet_session_open(&s, argv[1], NULL, &err);
	if (r == 0)
		r = convert(s, &opts, &err);
	opts.dry = 0;
	if (r == 0)
		r = convert(s, &opts, &err);
	ramet_session_close(s);
	return r < 0 ? fail(&err) : 0;
}
