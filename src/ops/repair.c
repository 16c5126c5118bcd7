/*
 * ops/repair.c - a session file made anew without what cannot be read, in one step.
 *
 * First a plan (damage.c), then, if it may be carried out: the dropped bytes go to a file of their
 * own, the original gets a second name, a new file takes its place. All of it survives a power
 * cut before the old name changes hands. Entries keep every byte; what another program appends
 * meanwhile is carried over as it is. When anything fails, the file is as it was and nothing
 * stands beside it but a lock of the file's own system. In files of other systems a record is what
 * their codec takes for one; hashes in records stay as they are, so a broken chain stays broken.
 */
#include "ops/chain_priv.h"
#include "ops/damage_priv.h"
#include "ops/lost_priv.h"
#include "ops/original_priv.h"
#include "ops/report_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "base/error.h"
#include "base/newfile.h"
#include "codec/begins.h"
#include "store/home.h"
#include "store/layout.h"

#define BLOCK (256u << 10)
#define HEAD_LEN 65536u
#define LOCK_WAIT_MS 5000
#define TAIL_WAIT_NS 20000000L
#define LOOKS_MAX 10                             /* at a file that grows while it is looked at */

struct repairing {
	const char *path;
	const struct rameti_layout *layout;
	const struct rameti_codec *codec;
	struct ramet_repair_opts opts;
	struct rameti_plan plan;
	struct rameti_file lock;                 /* of layouts that have one of their own */
	struct rameti_original old;
	struct rameti_newfile file;
	struct ramet_buf block, lost;            /* lost: the path of that file */
};

/* ---- what kind of file it is ---- */

/* Also where no line is whole, and a failure is told. */
static int look_closer(const char *path, const struct rameti_codec **codec, struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(HEAD_LEN + 1);
	struct ramet_bytes head = { NULL, 0 };
	int64_t n = 0;
	int r = rameti_file_open(&f, path, RAMETI_FILE_READ, err);

	if (!r && ramet_buf_reserve(&text, HEAD_LEN) < 0)
		r = rameti_fail_nomem(err);
	if (!r)
		n = rameti_file_read_at(&f, text.ptr, HEAD_LEN, 0, err);
	r = n < 0 ? (int)n : r;
	if (!r) {
		head.ptr = text.ptr;
		head.len = (size_t)n;
		*codec = rameti_codec_sniffed(head);
		if (!*codec || *codec == &rameti_codec_pi)
			*codec = rameti_record_format(head);
		if (!*codec)
			r = rameti_home_foreign(head, path, err);
	}
	(void)rameti_file_close(&f);                 /* read only */
	ramet_buf_release(&text);
	return r;
}

static int find_format(const char *path, const struct rameti_layout **layout,
		       struct ramet_error *err)
{
	const struct rameti_codec *codec = NULL;
	struct rameti_home_path home;
	int r;

	if (rameti_home_path(path, &home))
		return rameti_fail_at(err, RAMET_EFORMAT, path, 0, RAMET_NO_OFFSET,
				      "is no file of lines: there is nothing to repair here");
	r = rameti_layout_of_file(layout, path, err);
	if (r < 0 || *layout != &rameti_layout_pi)
		return r;
	r = look_closer(path, &codec, err);
	if (!r && codec)
		*layout = rameti_layout_of(codec->name);
	return r;
}

/* ---- looking ---- */

static int plan_once(struct repairing *p, const struct rameti_file *f, struct stat *st,
		     struct ramet_error *err)
{
	size_t max_line = p->opts.max_line ? (size_t)p->opts.max_line : RAMET_JSON_LEN_MAX;
	int64_t mtime_ms;
	int r = rameti_file_stat(f, st, err);

	rameti_plan_release(&p->plan);
	if (!r)
		r = rameti_plan_make(&p->plan, p->codec, f, (uint64_t)st->st_size, max_line,
				     err);
	mtime_ms = r < 0 ? 0 : (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
	return r < 0 ? r : rameti_plan_header(&p->plan, p->path, mtime_ms, err);
}

/* Without a record nobody could tell what the file was. */
static int check_records(const struct repairing *p, struct ramet_error *err)
{
	if (p->plan.n_records || !p->plan.n)
		return 0;
	if (!p->codec->pieces)
		return rameti_fail_at(err, RAMET_EFORMAT, p->path, 0, RAMET_NO_OFFSET,
				      "is no session: not one whole entry is in it, there is "
				      "nothing to salvage");
	return rameti_fail_at(err, RAMET_EFORMAT, p->path, 0, RAMET_NO_OFFSET,
			      "no record of the format %s in it is whole: nothing was changed",
			      p->codec->name);
}

/* A last line that is cut off may be being written just now: look once more a little later. */
static int make_plan(struct repairing *p, const struct rameti_file *f, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(f->env);
	struct timespec wait = { 0, TAIL_WAIT_NS };
	struct stat before, after;
	int r, looks;

	for (looks = 0; looks < LOOKS_MAX; looks++) {
		r = plan_once(p, f, &before, err);
		if (r < 0 || !p->plan.tail_cut)
			return r;
		env->nanosleep(env->user, &wait);
		r = rameti_file_stat(f, &after, err);
		if (r < 0 || after.st_size == before.st_size)
			return r;
	}
	return 0;
}

/* Without a lock, and without the right to write. */
static int look(struct repairing *p, struct ramet_error *err)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	int r = rameti_file_open(&f, p->path, RAMETI_FILE_READ, err);

	if (!r)
		r = make_plan(p, &f, err);
	if (!r)
		r = check_records(p, err);
	(void)rameti_file_close(&f);                 /* read only: nothing to lose */
	return r;
}

static int is_refused(const struct repairing *p)
{
	return p->plan.n_salvage && !p->opts.salvage;
}

/* ---- writing ---- */

static int copy_range(struct repairing *p, uint64_t from, uint64_t to, struct ramet_error *err)
{
	struct ramet_bytes bytes;
	int64_t n;
	int r = 0;

	for (; !r && from < to; from += (uint64_t)n) {
		size_t len = to - from < BLOCK ? (size_t)(to - from) : BLOCK;

		n = rameti_file_read_at(&p->old.file, p->block.ptr, len, from, err);
		if (n < 0)
			return (int)n;
		if (!n)
			return rameti_fail_at(err, RAMET_EIO, p->path, 0, from,
					      "the file became shorter while it was read");
		bytes.ptr = p->block.ptr;
		bytes.len = (size_t)n;
		r = rameti_newfile_write(&p->file, bytes, err);
	}
	return r;
}

static int write_new(struct repairing *p, struct ramet_error *err)
{
	const struct rameti_plan *plan = &p->plan;
	uint64_t at = 0;
	uint32_t i;
	int r = rameti_newfile_open(&p->file, p->old.path.ptr, p->old.st.st_mode & 07777, err);

	if (!r && ramet_buf_reserve(&p->block, BLOCK) < 0)
		r = rameti_fail_nomem(err);
	for (i = 0; !r && i < plan->n; i++) {
		const struct ramet_repair_action *a = &plan->actions[i];

		r = copy_range(p, at, a->offset, err);
		at = a->offset + a->length;
		if (!r && a->kind == RAMET_REPAIR_HEADER)
			r = rameti_newfile_write(&p->file, ramet_buf_bytes(&plan->header), err);
		if (!r && a->kind != RAMET_REPAIR_DROP)
			r = rameti_newfile_write(&p->file, ramet_bytes_of("\n"), err);
	}
	return r < 0 ? r : copy_range(p, at, plan->size, err);
}

static void take_path(char to[RAMET_ERROR_PATH], const struct ramet_buf *path)
{
	if (path->len && path->len < RAMET_ERROR_PATH)
		memcpy(to, path->ptr, path->len + 1);
}

static int replace(struct repairing *p, struct ramet_repair *result, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	int r = 0, kept = 0;

	if (p->plan.n_lost)
		r = rameti_lost_write(&p->lost, &p->plan, &p->old, err);
	if (!r)
		r = write_new(p, err);
	if (!r) {
		r = rameti_original_keep(&p->old, "damaged", err);
		kept = !r;
	}
	if (!r)
		r = rameti_newfile_commit_over(&p->file, &p->old.file, p->plan.size,
					       &result->n_carried, err);
	if (r == RAMET_EUNKNOWN)
		return r;
	if (r < 0 && kept)
		rameti_original_unkeep(&p->old);
	if (r < 0 && p->lost.len)
		(void)env->unlink(env->user, p->lost.ptr);   /* the original has them all */
	if (r < 0)
		return r;
	take_path(result->kept, &p->old.kept);
	take_path(result->lost, &p->lost);
	result->done = 1;
	return 0;
}

/* The lock that appends of this layout take, where it is not the session itself. */
static int take_lock(struct repairing *p, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_or_default(p->lock.env);
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW;
	struct ramet_buf path = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	if (!p->layout->lock_suffix)
		return 0;
	p->lock.env = env;
	r = rameti_path_follow(NULL, p->path, &path, err);
	ramet_buf_add_str(&path, p->layout->lock_suffix);
	if (!r && ramet_buf_status(&path) < 0)
		r = rameti_fail_nomem(err);
	if (!r) {
		do
			p->lock.fd = env->open(env->user, path.ptr, flags, 0600);
		while (p->lock.fd < 0 && errno == EINTR);
	}
	if (!r && p->lock.fd < 0)
		r = rameti_fail_sys(err, errno, path.ptr, "cannot open the lock");
	if (!r)
		r = rameti_file_lock(&p->lock, LOCK_WAIT_MS, err);
	ramet_buf_release(&path);
	return r;
}

static int carry_out(struct repairing *p, struct ramet_repair *result, struct ramet_error *err)
{
	const struct rameti_layout *layout = p->layout;
	int r = take_lock(p, err);

	if (!r)
		r = rameti_original_hold(&p->old, p->path, err);
	if (!r)
		r = find_format(p->path, &layout, err);
	if (!r && layout != p->layout)
		r = rameti_fail(err, RAMET_ECONFLICT, "its format is not what it was just now");
	if (!r)
		r = make_plan(p, &p->old.file, err);
	if (!r)
		r = check_records(p, err);
	if (!r && p->plan.n && !is_refused(p))
		r = replace(p, result, err);
	return r;
}

int ramet_repair(const char *path, const struct ramet_repair_opts *opts,
		 struct ramet_repair *result, struct ramet_error *err)
{
	static const struct repairing none = { .lock = RAMETI_FILE_INIT,
					       .old = RAMETI_ORIGINAL_INIT,
					       .file = RAMETI_NEWFILE_INIT,
					       .block = RAMET_BUF_INIT(SIZE_MAX / 2),
					       .lost = RAMET_BUF_INIT(SIZE_MAX / 2) };
	struct repairing p = none;
	struct ramet_repair done;
	int r;

	memset(&done, 0, sizeof(done));
	p.path = path;
	if (opts)
		p.opts = *opts;
	r = find_format(path, &p.layout, err);
	p.codec = r < 0 ? NULL : rameti_codec_find(p.layout->format);
	if (!p.codec)
		p.codec = &rameti_codec_pi;
	if (!r)
		r = look(&p, err);
	if (!r && p.plan.n && !is_refused(&p) && !p.opts.dry_run)
		r = carry_out(&p, &done, err);
	/* a file that was repaired is, whatever looking at it once more says */
	if (!r && p.codec == &rameti_codec_yoi)
		r = rameti_chain_findings(path, &done.findings, done.done ? NULL : err);
	r = done.done && r < 0 && r != RAMET_EUNKNOWN ? 0 : r;
	if (!r) {
		done.actions = p.plan.actions;
		done.n_actions = p.plan.n;
		done.n_refused = is_refused(&p) ? p.plan.n_salvage : 0;
		done.n_lost = p.plan.n_lost;
		p.plan.actions = NULL;
		*result = done;
	} else {
		ramet_findings_release(&done.findings);
		rameti_error_set_path(err, path);
	}
	rameti_newfile_abort(&p.file);
	rameti_original_release(&p.old);
	(void)rameti_file_close(&p.lock);
	rameti_plan_release(&p.plan);
	ramet_buf_release(&p.block);
	ramet_buf_release(&p.lost);
	return r;
}

void ramet_repair_release(struct ramet_repair *result)
{
	ramet_findings_release(&result->findings);
	ramet_free(result->actions);
	result->actions = NULL;
	result->n_actions = 0;
}

/* ---- telling ---- */

static void add_int(struct ramet_json_writer *w, const char *key, uint64_t n)
{
	ramet_json_key(w, key);
	ramet_json_add_int(w, (int64_t)n);
}

static void add_bool(struct ramet_json_writer *w, const char *key, int b)
{
	ramet_json_key(w, key);
	ramet_json_add_bool(w, b);
}

static void write_action(struct ramet_json_writer *w, const struct ramet_repair_action *a)
{
	static const char *const names[] = { "drop", "newline", "header" };

	ramet_json_open_object(w);
	rameti_write_member(w, "action", ramet_bytes_of(names[a->kind]));
	rameti_write_member(w, "code", ramet_bytes_of(a->code));
	add_int(w, "line", a->line);
	add_int(w, "offset", a->offset);
	if (a->kind == RAMET_REPAIR_DROP)
		add_int(w, "bytes", a->length);
	add_bool(w, "salvage", a->salvage);
	ramet_json_close_object(w);
}

int ramet_report_repair(const struct ramet_repair *result, const char *path, struct ramet_buf *out,
			struct ramet_error *err)
{
	struct ramet_json_writer w;
	size_t start = out->len;
	uint32_t i;

	ramet_json_writer_init(&w, out);
	ramet_json_open_object(&w);
	if (path)
		rameti_write_member(&w, "path", ramet_bytes_of(path));
	add_bool(&w, "repaired", result->done);
	add_bool(&w, "refused", result->n_refused != 0);
	ramet_json_key(&w, "actions");
	ramet_json_open_array(&w);
	for (i = 0; i < result->n_actions; i++)
		write_action(&w, &result->actions[i]);
	ramet_json_close_array(&w);
	if (result->findings.n) {
		ramet_json_key(&w, "findings");
		rameti_write_findings(&w, &result->findings);
	}
	add_int(&w, "lostBytes", result->n_lost);
	add_int(&w, "carried", result->n_carried);
	if (result->kept[0])
		rameti_write_member(&w, "kept", ramet_bytes_of(result->kept));
	if (result->lost[0])
		rameti_write_member(&w, "lost", ramet_bytes_of(result->lost));
	ramet_json_close_object(&w);
	return rameti_report_end(out, start, 0, err);
}
