/*
 * cli/conversion.c - a session converted, and what became of it told.
 */
#include "cli/conversion.h"

#include "cli/answer.h"
#include "cli/place.h"

#include "base/error.h"

#include <stdio.h>
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

/* ---- what the target has no words for ---- */

static struct ramet_convert_kind *find_kind(struct ramet_convert_kind *kinds, uint32_t n,
					    const struct ramet_row *row)
{
	const char *role = ramet_role_name(row->role), *type = ramet_entry_type_name(row->type);
	char name[sizeof(kinds->kind)];
	uint32_t i = 0;

	(void)snprintf(name, sizeof(name), "%s%s%s", *type ? type : "other", *role ? " " : "",
		       role);
	while (i < n && strcmp(kinds[i].kind, name) != 0)
		i++;
	return i < n ? &kinds[i] : NULL;
}

/* Take those off the branch away from `kinds`. How many that are. */
static uint64_t take_off_branch(const struct ramet_tree *t, const struct ramet_path *path,
				int left_out, struct ramet_convert_kind *kinds, uint32_t n)
{
	uint32_t row, at = 0;
	uint64_t taken = 0;

	for (row = 0; row < ramet_tree_count(t); row++) {
		struct ramet_convert_kind *k;
		uint64_t *count;

		if (at < path->n && path->rows[at] == row) {
			at++;
			continue;
		}
		k = find_kind(kinds, n, ramet_tree_row(t, row));
		count = !k ? NULL : left_out ? &k->left_out : &k->carried;
		if (count && *count) {
			--*count;
			taken++;
		}
	}
	return taken;
}

/* The kinds without the entries off the branch: these are not there for want of words. When what
 * came back as it was is among them, they cannot be told apart: all stay in. */
static void on_branch(const struct ramet_session *s, const struct ramet_convert_opts *opts,
		      const struct ramet_convert_report *report, struct ramet_convert_kind *kinds)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	uint32_t leaf = opts->one_branch ? opts->leaf : ramet_session_leaf(s);
	struct ramet_path path = RAMET_PATH_INIT;

	memcpy(kinds, report->kinds, sizeof(report->kinds));
	if (!report->off_branch || ramet_tree_path(t, leaf, &path, NULL) < 0)
		return;
	if (take_off_branch(t, &path, opts->lean || opts->one_branch, kinds, report->n_kinds) !=
	    report->off_branch)
		memcpy(kinds, report->kinds, sizeof(report->kinds));
	ramet_path_release(&path);
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

static void print_kinds(struct out *o, const char *to, const struct ramet_convert_kind *kinds,
			uint32_t n)
{
	uint32_t i;
	int any = 0;

	for (i = 0; i < n; i++)
		any |= kinds[i].carried || kinds[i].left_out;
	if (any)
		ramet_buf_addf(&o->buf, "%s has no words for:\n", to);
	for (i = 0; i < n; i++)
		print_kind(o, &kinds[i]);
}

/* ---- the report ---- */

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
static void print(struct cli *cli, const struct ramet_session *s,
		  const struct ramet_convert_opts *opts, const struct ramet_convert_report *report)
{
	struct ramet_convert_kind kinds[RAMET_CONVERT_KINDS_MAX];
	const char *to = opts->to, *from = ramet_session_format(s);
	int dry = opts->dry;
	struct out *o = &cli->out;

	on_branch(s, opts, report, kinds);
	ramet_buf_addf(&o->buf, "%s %llu %s from %s to %s", dry ? "would convert" : "converted",
		       (unsigned long long)report->entries,
		       report->entries == 1 ? "entry" : "entries", from, to);
	if (report->restored)
		ramet_buf_addf(&o->buf, "; %llu stored lines as they were",
			       (unsigned long long)report->restored);
	out_newline(o);
	print_kinds(o, to, kinds, report->n_kinds);
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

/* A session that is in its store already, and was to go there again. */
static int is_there(int r, const struct ramet_session *s, const struct ramet_convert_opts *opts,
		    struct ramet_error *err)
{
	if (r != RAMET_ECONFLICT || opts->place || opts->id ||
	    strcmp(ramet_session_format(s), opts->to) != 0)
		return r;
	return rameti_fail_at(err, r, ramet_session_path(s), 0, RAMET_NO_OFFSET,
			      "is of the format %s already, and one of this id is in its store; "
			      "another wants --id ID or a place", opts->to);
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
		print(cli, s, opts, &report);
	ramet_convert_report_release(&report);
	r = is_there(r, s, opts, err);
	return place_given_id(r, opts->id, err);
}
