/*
 * store/sidecar_scan.c - a whole sidecar, read and compared: with itself and with the JSONL.
 *
 * Changes nothing. It stops at the first thing that does not agree; what was counted up to there
 * stays in the facts.
 */
#include "store/sidecar_priv.h"

#include <string.h>

#include "base/error.h"

struct strays {
	const char *dir;
	uint64_t n_segments;
	struct ramet_error *err;
};

static int on_segment(void *user, const char *name, unsigned char type)
{
	struct strays *s = user;
	uint64_t number = rameti_sc_segment_number(name);

	(void)type;
	if (!number || number <= s->n_segments)
		return 0;
	return rameti_fail_at(s->err, RAMET_EFORMAT, s->dir, 0, RAMET_NO_OFFSET,
			      "segment %llu is not in the index", (unsigned long long)number);
}

int rameti_sc_no_strays(const struct rameti_env *env, const char *dir, uint64_t n_segments,
			struct ramet_error *err)
{
	char path[SC_PATH];
	struct strays s = { path, n_segments, err };
	int r = rameti_sc_join(path, dir, "segments", err);

	if (!r)
		r = rameti_dir_each(env, path, on_segment, &s, err);
	if (r == RAMET_ENOTFOUND)
		return rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
				      "there is no such directory");
	return r;
}

static void compare(struct rameti_sc_scan *s, const struct rameti_sc_frame *f)
{
	const struct rameti_sc_source *src = s->source;
	uint64_t at = s->facts.n_entries - 1;
	uint32_t row;
	char sha[SC_HEX];

	if (!src || at >= src->n)
		return;
	if (s->n_same_ids == at && rameti_map_get(&src->graph.ids, f->id, &row) && row == at)
		s->n_same_ids++;
	rameti_hex(src->shas[at], 32, sha);
	if (s->n_same_shas == at && !strcmp(sha, f->sha))
		s->n_same_shas++;
}

static int one(struct rameti_sc_scan *s, struct rameti_sc_frames *frames,
	       struct rameti_sc_graph *graph, const struct rameti_sc_row *row,
	       struct ramet_error *err)
{
	struct rameti_sc_frame f;
	int r = 0;

	if (frames->segment && frames->segment != row->segment_seq)
		r = rameti_sc_frames_covered(frames, s->facts.last_size, err);
	if (!r)
		r = rameti_sc_frames_get(frames, row, &f, err);
	if (!r && graph) {
		r = rameti_sc_graph_add(graph, f.id, f.parent, err);
		if (r < 0)
			rameti_error_set_path(err, frames->path);
	}
	if (r < 0)
		return r;
	rameti_sc_facts_add(&s->facts, row, &f);
	compare(s, &f);
	s->last = *row;
	return 0;
}

static int walk(struct rameti_sc_scan *s, const struct rameti_env *env, const char *dir,
		uint64_t until, struct rameti_sc_graph *graph, struct ramet_error *err)
{
	struct rameti_sc_frames frames;
	struct rameti_sc_index index;
	struct rameti_sc_row row;
	int r = rameti_sc_index_open(&index, env, dir, err);

	if (r < 0)
		return r;
	s->index_missing = index.missing;
	rameti_sc_frames_init(&frames, env, dir);
	while (s->facts.n_entries < until && (r = rameti_sc_index_next(&index, &row, err)) > 0) {
		r = one(s, &frames, graph, &row, err);
		if (r < 0)
			break;
	}
	if (r >= 0 && until == UINT64_MAX)
		r = rameti_sc_frames_covered(&frames, s->facts.last_size, err);
	rameti_sc_frames_release(&frames);
	rameti_sc_index_close(&index);
	return r < 0 ? r : 0;
}

static void init(struct rameti_sc_scan *s)
{
	const struct rameti_sc_source *source = s->source;
	int skip = s->skip_manifest;

	memset(s, 0, sizeof(*s));
	s->source = source;
	s->skip_manifest = skip;
	rameti_sc_facts_init(&s->facts);
}

int rameti_sc_scan_until(struct rameti_sc_scan *s, const struct rameti_env *env, const char *dir,
			 uint64_t until, struct ramet_error *err)
{
	int r;

	init(s);
	r = rameti_sc_check_dirs(env, dir, err);
	if (!r)
		r = walk(s, env, dir, until, NULL, err);
	if (!r && s->facts.n_entries < until)
		r = rameti_fail_at(err, RAMET_EFORMAT, dir, 0, RAMET_NO_OFFSET,
				   "index has only %llu entries",
				   (unsigned long long)s->facts.n_entries);
	return r;
}

static int check_manifest(struct rameti_sc_scan *s, const struct rameti_env *env, const char *dir,
			  struct ramet_error *err)
{
	struct ramet_error why;
	int r = rameti_sc_manifest_read(env, dir, &s->manifest, &why);

	if (r == RAMET_ENOTFOUND)
		return 0;                                    /* as version 0.1.8 leaves it */
	s->has_manifest = 1;
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	r = rameti_sc_manifest_matches(&s->manifest, &s->facts, err);
	if (r < 0)
		rameti_error_set_path(err, dir);
	return r;
}

int rameti_sc_scan(struct rameti_sc_scan *s, const struct rameti_env *env, const char *dir,
		   struct ramet_error *err)
{
	struct rameti_sc_graph graph;
	int r;

	init(s);
	r = rameti_sc_check_dirs(env, dir, err);
	if (r < 0)
		return r;
	rameti_sc_graph_init(&graph);
	r = walk(s, env, dir, UINT64_MAX, &graph, err);
	if (!r) {
		r = rameti_sc_graph_finish(&graph, &s->facts.n_branches, err);
		if (r < 0)
			rameti_error_set_path(err, dir);
	}
	rameti_sc_graph_release(&graph);
	if (!r)
		r = rameti_sc_no_strays(env, dir, s->facts.n_segments, err);
	return r < 0 || s->skip_manifest ? r : check_manifest(s, env, dir, err);
}
