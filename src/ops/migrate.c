/*
 * ops/migrate.c - a session file rewritten in the current version, in one step.
 *
 * The new file is written beside the old one and takes its name when it is complete; the old
 * one keeps its bytes under another name. Nobody ever sees half of it. Lines that are no
 * entry stay in the old file only; what another program appends meanwhile is carried over as
 * it is.
 */
#include "ops/original_priv.h"
#include "ops/report_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/newfile.h"
#include "store/birth.h"

#define CURRENT 3

struct migrating {
	struct ramet_session *s;
	struct rameti_original old;
	struct rameti_newfile file;
};

/* Lines that are in the file, and in no entry. */
static uint64_t dropped_lines(const struct ramet_session *s)
{
	static const char *const codes[] = { "malformed", "torn-tail", "glued", "nul-run",
					     "second-header" };
	const struct ramet_findings *f = ramet_session_findings(s);
	uint64_t n = f->n_dropped;
	uint32_t i;
	size_t k;

	for (i = 0; i < f->n; i++)
		for (k = 0; k < sizeof(codes) / sizeof(codes[0]); k++)
			n += !strcmp(f->items[i].code, codes[k]);
	return n;
}

static int write_current(struct migrating *m, struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(m->s);
	struct ramet_buf scratch = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct ramet_bytes json = rameti_json_trimmed(ramet_session_header(m->s)->json);
	uint32_t row, n = ramet_tree_count(t);
	int r = rameti_newfile_open(&m->file, m->old.path.ptr, m->old.st.st_mode & 07777, err);

	for (row = 0; !r; row++) {
		r = rameti_newfile_write(&m->file, json, err);
		if (!r)
			r = rameti_newfile_write(&m->file, ramet_bytes_of("\n"), err);
		if (r < 0 || row == n)
			break;
		r = ramet_tree_entry(t, row, &scratch, &json, err);
		json = r < 0 ? json : rameti_json_trimmed(json);
	}
	ramet_buf_release(&scratch);
	return r;
}

static int migrate(struct migrating *m, const char *path, struct ramet_migration *done,
		   struct ramet_error *err)
{
	char suffix[16];
	int r = rameti_original_hold(&m->old, path, err);

	if (!r)
		r = ramet_session_refresh(m->s, err);
	if (r >= 0)
		r = write_current(m, err);
	if (!r) {
		(void)snprintf(suffix, sizeof(suffix), "v%.4g", done->from);
		r = rameti_original_keep(&m->old, suffix, err);
	}
	if (r < 0) {
		rameti_error_set_path(err, path);
		return r;
	}
	done->n_entries = ramet_tree_count(ramet_session_tree(m->s));
	r = rameti_newfile_commit_over(&m->file, &m->old.file, rameti_session_size(m->s),
				       &done->n_carried, err);
	if (r < 0 && r != RAMET_EUNKNOWN)
		rameti_original_unkeep(&m->old);
	else if (m->old.kept.len < sizeof(done->kept))
		memcpy(done->kept, m->old.kept.ptr, m->old.kept.len + 1);
	return r;
}

int ramet_migrate(const char *path, int dry_run, struct ramet_migration *done,
		  struct ramet_error *err)
{
	struct migrating m = { .old = RAMETI_ORIGINAL_INIT, .file = RAMETI_NEWFILE_INIT };
	struct ramet_migration result = { .to = CURRENT };
	int r = ramet_session_open(&m.s, path, NULL, err);

	if (r < 0)
		return r;
	result.from = ramet_session_header(m.s)->version;
	result.n_entries = ramet_tree_count(ramet_session_tree(m.s));
	if (result.from >= CURRENT) {
		result.to = result.from;
	} else {
		result.n_dropped = dropped_lines(m.s);
		if (!dry_run)
			r = migrate(&m, path, &result, err);
	}
	rameti_newfile_abort(&m.file);
	rameti_original_release(&m.old);
	ramet_session_close(m.s);
	if (!r)
		*done = result;
	return r;
}
