/*
 * ops/forget.c - taking away what stands for a session beside its file, and sessions that have no
 * file of their own.
 */
#include "ops/forget_priv.h"

#include "base/error.h"

void rameti_forget_tell(const struct rameti_layout *layout, const char *path)
{
	if (layout->removed)
		(void)layout->removed(NULL, path, NULL);
}

struct removing {
	const struct rameti_layout *layout;
	struct ramet_error *err;
};

static int remove_side(void *user, const char *side)
{
	const struct removing *m = user;

	return m->layout->remove_side(side, m->err);
}

int rameti_forget_sides(const struct rameti_layout *layout, const char *path,
			struct ramet_error *err)
{
	struct removing m = { layout, err };

	return layout->sides ? layout->sides(path, remove_side, &m, err) : 0;
}

int rameti_forget_in_home(const struct rameti_home_path *home, struct ramet_error *err)
{
	struct ramet_buf file = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r;

	ramet_buf_add(&file, home->file);
	r = ramet_buf_status(&file) < 0 ? rameti_fail_nomem(err) :
					  home->home->remove(file.ptr, home->id, err);
	ramet_buf_release(&file);
	return r;
}
