/*
 * cli/conversion.c - a session converted, and what became of it told.
 */
#include "cli/conversion.h"

#include "cli/answer.h"
#include "cli/place.h"

#include "base/error.h"

#include <string.h>

static void add_counts(struct ramet_json_writer *w, uint64_t said, uint64_t carried, uint64_t out)
{
	ramet_json_key(w, "said");
	ramet_json_add_int(w, (int64_t)said);
	ramet_json_key(w, "carried");
	ramet_json_add_int(w, (int64_t)carried);
	ramet_json_key(w, "leftOut");
	ramet_json_add_int(w, (int64_t)out);
}

static void add_kinds(struct ramet_json_writer *w, const struct ramet_convert_report *report)
{
	uint32_t i;

	ramet_json_key(w, "kinds");
	ramet_json_open_array(w);
	for (i = 0; i < report->n_kinds; i++) {
		const struct ramet_convert_kind *k = &report->kinds[i];

		ramet_json_open_object(w);
		ramet_json_key(w, "kind");
		ramet_json_add_cstr(w, k->kind);
		add_counts(w, k->said, k->carried, k->left_out);
		ramet_json_close_object(w);
	}
	ramet_json_close_array(w);
}

static int print_json(struct cli *cli, const char *from, const struct ramet_convert_opts *opts,
		      const struct ramet_convert_report *report, struct ramet_error *err)
{
	struct ramet_buf json = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_json_writer w;
	int r;

	ramet_json_writer_init(&w, &json);
	ramet_json_open_object(&w);
	ramet_json_key(&w, "from");
	ramet_json_add_cstr(&w, from);
	ramet_json_key(&w, "to");
	ramet_json_add_cstr(&w, opts->to);
	if (report->path.len)
		answer_add_path(&w, "path", report->path.ptr);
	ramet_json_key(&w, "id");
	ramet_json_add_text(&w, ramet_buf_bytes(&report->id));
	ramet_json_key(&w, "entries");
	ramet_json_add_int(&w, (int64_t)report->entries);
	add_counts(&w, report->said, report->carried, report->left_out);
	ramet_json_key(&w, "damaged");
	ramet_json_add_int(&w, (int64_t)report->damaged);
	ramet_json_key(&w, "offBranch");
	ramet_json_add_int(&w, (int64_t)report->off_branch);
	ramet_json_key(&w, "restored");
	ramet_json_add_int(&w, (int64_t)report->restored);
	ramet_json_key(&w, "lines");
	ramet_json_add_int(&w, (int64_t)report->lines);
	ramet_json_key(&w, "bytes");
	ramet_json_add_int(&w, (int64_t)report->bytes);
	add_kinds(&w, report);
	ramet_json_key(&w, "dryRun");
	ramet_json_add_bool(&w, opts->dry);
	ramet_json_close_object(&w);
	r = answer_json(cli, &json, err);
	ramet_buf_release(&json);
	return r;
}

static void print_kind(struct out *o, const struct ramet_convert_kind *k)
{
	if (k->carried)
		ramet_buf_addf(&o->buf, "  %-26s %llu carried\n", k->kind,
			       (unsigned long long)k->carried);
	if (k->left_out)
		ramet_buf_addf(&o->buf, "  %-26s %llu left out\n", k->kind,
			       (unsigned long long)k->left_out);
}

/* They are among those carried or left out above. */
static void print_off_branch(struct out *o, const struct ramet_convert_opts *opts,
			     const struct ramet_convert_report *report)
{
	int one = report->off_branch == 1, out = opts->lean || opts->one_branch;

	ramet_buf_addf(&o->buf, "%llu %s not on the branch; %s\n",
		       (unsigned long long)report->off_branch, one ? "entry is" : "entries are",
		       out ? "left out" : one ? "carried along as a line" :
						"carried along as lines");
}

static void print_damaged(struct out *o, const struct ramet_convert_opts *opts,
			  const struct ramet_convert_report *report)
{
	int one = report->damaged == 1;

	ramet_buf_addf(&o->buf, "%llu damaged line%s %s; ramet verify tells where\n",
		       (unsigned long long)report->damaged, one ? "" : "s",
		       opts->lean ? (one ? "is left out" : "are left out") :
		       one	  ? "goes along as it is" :
				    "go along as they are");
}

/* What the target does not say in its own way, then what was done. */
static void print(struct cli *cli, const char *from, const struct ramet_convert_opts *opts,
		  const struct ramet_convert_report *report)
{
	const char *to = opts->to;
	int dry = opts->dry;
	struct out *o = &cli->out;
	uint32_t i;

	ramet_buf_addf(&o->buf, "%s %llu %s from %s to %s", dry ? "would convert" : "converted",
		       (unsigned long long)report->entries,
		       report->entries == 1 ? "entry" : "entries", from, to);
	if (report->restored)
		ramet_buf_addf(&o->buf, "; %llu stored lines as they were",
			       (unsigned long long)report->restored);
	out_newline(o);
	if (report->carried || report->left_out) {
		ramet_buf_addf(&o->buf, "%s has no words for:\n", to);
		for (i = 0; i < report->n_kinds; i++)
			print_kind(o, &report->kinds[i]);
	}
	if (report->off_branch)
		print_off_branch(o, opts, report);
	if (report->damaged)
		print_damaged(o, opts, report);
	if (report->lines)
		ramet_buf_addf(&o->buf, "%llu stored line%s %s carried along for the way back\n",
			       (unsigned long long)report->lines, report->lines == 1 ? "" : "s",
			       dry ? "would be" : report->lines == 1 ? "is" : "are");
	if (!dry) {
		text_add_path(&o->buf, ramet_buf_bytes(&report->path), TEXT_ALL);
		out_newline(o);
	}
}

/* The path to null: a session of the same header and nothing else. */
static int convert_none(const struct ramet_session *s, struct ramet_convert_opts opts,
			struct ramet_convert_report *report, struct ramet_error *err)
{
	struct ramet_buf text = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_session *none = NULL;
	int r;

	ramet_buf_add(&text, ramet_session_header(s)->json);
	ramet_buf_add_char(&text, '\n');
	r = ramet_buf_status(&text) < 0 ? rameti_fail_nomem(err) :
	    ramet_session_open_bytes(&none, ramet_buf_bytes(&text), NULL, err);
	opts.one_branch = 0;
	if (!r)
		r = ramet_convert(none, &opts, report, err);
	ramet_session_close(none);
	ramet_buf_release(&text);
	return r;
}

int conversion_run(struct cli *cli, struct ramet_session *s, const struct ramet_convert_opts *opts,
		   struct ramet_error *err)
{
	struct ramet_convert_report report;
	int r;

	memset(&report, 0, sizeof(report));
	if (opts->one_branch && opts->leaf == RAMET_NONE)
		r = convert_none(s, *opts, &report, err);
	else
		r = ramet_convert(s, opts, &report, err);

	if (!r && args_has(&cli->args, "json"))
		r = print_json(cli, ramet_session_format(s), opts, &report, err);
	else if (!r)
		print(cli, ramet_session_format(s), opts, &report);
	ramet_convert_report_release(&report);
	return place_given_id(r, opts->id, err);
}
