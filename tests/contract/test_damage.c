/*
 * test_damage.c - what every home promises about sessions that are not as they should be: what is
 * sound stays readable, what is not understood stays byte for byte, reading writes nothing, and a
 * tool's own index is never believed over the sessions.
 */
#include "homes.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ramet/pirust.h"

/* ---- a last line that was cut ---- */

/* Leaves the file so many bytes shorter; all of it as it was. */
static struct ramet_bytes cut_by(const char *path, size_t n)
{
	struct ramet_bytes all = bytes_of(path);

	assert_true(all.len > n);
	put_bytes(path, (struct ramet_bytes){ all.ptr, all.len - n });
	return all;
}

/* What an append left of the old bytes: all of them, or all but the unfinished line. */
static void assert_kept(const char *path, struct ramet_bytes torn)
{
	struct ramet_bytes now = bytes_of(path);
	const char *end = memrchr(torn.ptr, '\n', torn.len);

	if (home->has & HAS_TAIL_CUT)
		torn.len = (size_t)(end - torn.ptr) + 1;
	(void)rest_after(now, torn);
}

static void append_behind_torn(const char *path, size_t cut)
{
	struct ramet_session *s;
	struct ramet_bytes torn, state;

	(void)cut_by(path, cut);
	torn = bytes_of(path);
	s = open_again(path);
	assert_int_equal(times_in(s, "\"one\""), 1);
	assert_int_equal(times_in(s, "\"two\""), 1);
	state = whole(s);
	if (home->has & HAS_TAIL_REFUSED) {
		refused(ramet_session_append_message(s, js(A("four")), NULL, &why), RAMET_EFORMAT);
		assert_bytes_equal(state, whole(s));
		assert_bytes_equal(torn, bytes_of(path));
	} else {
		(void)say(s, A("four"));
		(void)say(s, U("five"));
		assert_kept(path, torn);
		assert_int_equal(times_in(s, "\"one\""), 1);
		assert_int_equal(times_in(s, "\"two\""), 1);
		assert_int_equal(times_in(s, "\"four\""), 1);
		assert_int_equal(times_in(s, "\"five\""), 1);
		reopens_same(s);
	}
	ramet_session_close(s);
}

static void torn_tail(void)
{
	static const size_t cuts[] = { 1, 2, 3, 20, 60 };
	size_t i;

	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct ramet_session *s = made_with_talk();
		const char *path = path_of(s);

		ramet_session_close(s);
		append_behind_torn(path, cuts[i]);
	}
}

/* ---- lines in the middle ---- */

static void rubbish_between(void)
{
	struct ramet_session *s = made_with_talk();
	const char *path = path_of(s);
	struct ramet_bytes before;
	uint32_t n = count(s);

	ramet_session_close(s);
	add_to(path, "rubbish \x01 {'type'\n{'a':\n[1,2]\nnull\n\n");
	before = bytes_of(path);
	s = open_again(path);
	assert_in_range(count(s), n, n + 4);
	assert_int_equal(times_in(s, "\"three\""), 1);
	assert_true(ramet_session_findings(s)->n > 0);
	if (home->has & HAS_TAIL_REFUSED) {
		ramet_session_close(s);
		return;
	}
	(void)say(s, A("four"));
	(void)rest_after(bytes_of(path), before);
	reopens_same(s);
	ramet_session_close(s);
}

/* ---- what is not known ---- */

static void unknown_records(void)
{
	struct ramet_session *s = made_with_talk();
	const char *path = path_of(s);
	struct ramet_bytes before;

	ramet_session_close(s);
	add_to(path, home->unknown);
	add_to(path, "\n");
	before = bytes_of(path);
	s = open_again(path);
	assert_int_equal(times_in(s, "newer"), 1);
	(void)say(s, A("four"));
	must(ramet_session_append_name(s, raw("a name"), NULL, &why));
	must(ramet_session_append_custom(s, raw("x"), js("{}"), NULL, &why));
	(void)say(s, U("five"));
	(void)rest_after(bytes_of(path), before);
	assert_int_equal(times_in(s, "newer"), 1);
	reopens_same(s);
	ramet_session_close(s);
}

/* The last line again with a member more, in front of its end. */
static void add_odd_member(const char *path)
{
	struct ramet_bytes all = bytes_of(path);
	const char *last = (const char *)memrchr(all.ptr, '\n', all.len - 1) + 1;
	struct ramet_buf line = RAMET_BUF_INIT(1u << 20);

	ramet_buf_add(&line, (struct ramet_bytes){ all.ptr, (size_t)(last - all.ptr) });
	ramet_buf_add(&line, (struct ramet_bytes){ last, all.len - 2 - (size_t)(last - all.ptr) });
	ramet_buf_add_str(&line, ",\"odd member\":[1.50,\"\\u0041\",{\"b\":null,\"a\":1E2}]}\n");
	put_bytes(path, ramet_buf_bytes(&line));
	ramet_buf_release(&line);
}

static void unknown_members(void)
{
	struct ramet_session *s = made_with_talk();
	const char *path = path_of(s);
	struct ramet_bytes before;

	ramet_session_close(s);
	add_odd_member(path);
	before = bytes_of(path);
	s = open_again(path);
	assert_int_equal(times_in(s, "\"three\""), 1);
	(void)say(s, A("four"));
	(void)rest_after(bytes_of(path), before);
	reopens_same(s);
	ramet_session_close(s);
}

/* ---- nothing may be written ---- */

static int take_writing(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)at;
	return chmod(path, type == FTW_DP || type == FTW_D ? 0500 : 0400) < 0 ||
	       (getuid() == 0 && chown(path, 65534, 65534) < 0);
}

static int give_writing(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)at;
	return chmod(path, type == FTW_DP || type == FTW_D ? 0700 : 0600) < 0;
}

static void read_only(void *user)
{
	const struct ramet_open_opts opts = { .lock_ms = 100 };
	struct ramet_session *s = NULL;
	struct ramet_buf id = RAMET_BUF_INIT(64);
	struct ramet_bytes before, state;
	struct ramet_verdict v;
	int r;

	if (getuid() == 0 && setuid(65534) < 0)
		_exit(2);
	memset(&v, 0, sizeof(v));
	before = disk();
	must(ramet_session_open(&s, user, &opts, &why));
	state = whole(s);
	assert_int_equal(times_in(s, "\"three\""), 1);
	assert_int_equal(listed(user), 1);
	must(ramet_session_refresh(s, &why));
	must(ramet_verify(user, NULL, &v, &why));
	ramet_verdict_release(&v);
	r = ramet_session_append_message(s, js(A("four")), NULL, &why);
	assert_true(r == RAMET_EIO || r == RAMET_ECONFLICT);
	assert_true(*why.text != '\0' && why.code == r);
	assert_bytes_equal(state, whole(s));
	ramet_session_close(s);
	assert_bytes_equal(before, disk());
	ramet_buf_release(&id);
}

static void nothing_may_be_written(void)
{
	struct ramet_session *s = made_with_talk();
	const char *path = path_of(s);
	pid_t child;

	ramet_session_close(s);
	assert_int_equal(nftw(home_dir, take_writing, 16, FTW_PHYS | FTW_DEPTH), 0);
	child = in_child(read_only, (char *)path);
	wait_for(child);
	assert_int_equal(nftw(home_dir, give_writing, 16, FTW_PHYS), 0);
	s = open_again(path);
	(void)say(s, A("four"));
	reopens_same(s);
	ramet_session_close(s);
}

static void reading_writes_nothing(void)
{
	struct ramet_session *s = made_with_talk();
	const char *path = path_of(s);
	struct ramet_bytes before;
	struct ramet_verdict v;

	memset(&v, 0, sizeof(v));
	ramet_session_close(s);
	before = disk();
	s = open_again(path);
	(void)whole(s);
	must(ramet_session_refresh(s, &why));
	must(ramet_verify(path, NULL, &v, &why));
	ramet_verdict_release(&v);
	assert_int_equal(listed(path), 1);
	ramet_session_close(s);
	assert_bytes_equal(before, disk());
}

/* ---- zero bytes, half a file, flipped bytes ---- */

/* Reading what is there works or says why not; it writes nothing. */
static void survives(const char *path)
{
	const struct ramet_open_opts opts = { .lock_ms = 100 };
	struct ramet_bytes before = disk();
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_session *s = NULL;
	struct ramet_store *st = NULL;
	struct ramet_verdict v;

	memset(&v, 0, sizeof(v));
	memset(&why, 0, sizeof(why));
	if (ramet_session_open(&s, path, &opts, &why) < 0)
		assert_true(*why.text && why.code < 0 && why.code != RAMET_ENOMEM);
	else
		(void)count(s);
	ramet_session_close(s);
	if (ramet_verify(path, NULL, &v, &why) < 0)
		assert_true(*why.text != '\0');
	ramet_verdict_release(&v);
	if (ramet_store_open(&st, store_url(), NULL, &why) == 0 &&
	    ramet_store_list(st, NULL, &list, &why) < 0)
		assert_true(*why.text != '\0');
	ramet_list_release(&list);
	ramet_store_close(st);
	assert_bytes_equal(before, disk());
}

static void zero_bytes(void)
{
	struct ramet_session *s = made_with_talk();
	const char *path = path_of(s), *kept = NULL;

	if (!home->file) {
		struct ramet_session *other = made_with_talk();

		kept = path_of(other);
		ramet_session_close(other);
	}
	ramet_session_close(s);
	put_bytes(file_of(path), raw(""));
	survives(path);
	if (kept)
		assert_int_equal(listed(kept), 1);
}

static void flipped_bytes(void)
{
	struct ramet_session *s = made_with_talk();
	const char *path = path_of(s), *file = file_of(path);
	struct ramet_bytes all;
	struct ramet_buf sound = RAMET_BUF_INIT(1u << 24);
	size_t i, step;

	ramet_session_close(s);
	ramet_buf_add(&sound, bytes_of(file));
	all = ramet_buf_bytes(&sound);
	step = all.len / 20 + 1;
	for (i = 0; i < all.len; i += step) {
		sound.ptr[i] ^= 0x5a;
		put_bytes(file, all);
		survives(path);
		sound.ptr[i] ^= 0x5a;
		put_bytes(file, (struct ramet_bytes){ all.ptr, i });
		survives(path);
	}
	put_bytes(file, all);
	s = open_again(path);
	assert_int_equal(times_in(s, "\"three\""), 1);
	(void)say(s, A("four"));
	reopens_same(s);
	ramet_session_close(s);
	ramet_buf_release(&sound);
}

/* ---- an index that lies ---- */

static const char *const lies[] = {
	"", "rubbish", "[", "{}", "null", "[null,null]", "[{}]", "\"x\"",
	"[{'id':'../../etc/passwd','title':'out','msg_count':7}]",
	"[{'id':'nobody','title':'gone','updated_at':'2030-01-01T00:00:00Z','msg_count':99}]",
	"[{'id':5,'title':[],'created_at':{}}]",
};
#define N_LIES (sizeof(lies) / sizeof(lies[0]))

/* The session is there, is told as its file tells it, and takes entries. */
static void holds_on(const char *path, struct ramet_bytes state)
{
	struct ramet_session *s = open_again(path);

	assert_bytes_equal(state, whole(s));
	assert_int_equal(listed(path), 1);
	assert_int_equal(listed("../../etc/passwd"), 0);
	ramet_session_close(s);
}

static void lie(const char *index, struct ramet_bytes text)
{
	struct ramet_session *s = made_with_talk();
	const char *path = path_of(s);
	struct ramet_bytes state = whole(s);

	ramet_session_close(s);
	put_bytes(index, text);
	holds_on(path, state);
	assert_bytes_equal(text, bytes_of(index));
	s = open_again(path);
	(void)say(s, A("four"));
	must(ramet_session_append_name(s, raw("a name"), NULL, &why));
	reopens_same(s);
	state = whole(s);
	ramet_session_close(s);
	holds_on(path, state);
	must(ramet_session_remove(path, &why));
	assert_int_equal(listed(path), 0);
}

static void lying_index(void)
{
	static const char *const names[] = { "index.json", "session-index.sqlite" };
	const char *index = temp_path(home_dir, names[!strcmp(home->format, "pirust")]);
	char path[TEMP_PATH], *huge;
	size_t i;

	(void)snprintf(path, sizeof(path), "%s", index);
	for (i = 0; i < N_LIES; i++)
		lie(path, js(lies[i]));
	huge = test_malloc(3u << 20);
	memset(huge, '[', 3u << 20);
	lie(path, (struct ramet_bytes){ huge, 3u << 20 });
	test_free(huge);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	lie(temp_path(path, "in"), raw("x"));
}

/* Every so many bytes of a file another one, and the file cut there: path holds on. */
static void damage_file(const char *file, const char *path, struct ramet_bytes state)
{
	struct ramet_buf sound = RAMET_BUF_INIT(1u << 24);
	struct ramet_bytes all;
	size_t i;

	ramet_buf_add(&sound, bytes_of(file));
	all = ramet_buf_bytes(&sound);
	for (i = 0; i < all.len; i += all.len / 6 + 1) {
		sound.ptr[i] ^= 0x5a;
		put_bytes(file, all);
		sound.ptr[i] ^= 0x5a;
		holds_on(path, state);
		put_bytes(file, (struct ramet_bytes){ all.ptr, i });
		holds_on(path, state);
	}
	ramet_buf_release(&sound);
}

static void damaged_index(void)
{
	int pirust = !strcmp(home->format, "pirust");
	struct ramet_bytes state;
	struct ramet_session *s;
	char index[TEMP_PATH];
	const char *path;

	(void)snprintf(index, sizeof(index), "%s/%s", home_dir,
		       pirust ? "session-index.sqlite" : "index.json");
	if (!pirust)
		put(index, "[]\n");             /* one is kept in step where there is one */
	s = made_with_talk();
	path = path_of(s);
	state = whole(s);
	ramet_session_close(s);
	if (pirust)
		must(ramet_pirust_index_refresh(home_dir, NULL, &why));
	else
		assert_true(bytes_of(index).len > 10);
	damage_file(index, path, state);
	s = open_again(path);
	(void)say(s, A("four"));
	reopens_same(s);
	ramet_session_close(s);
}

/* ---- a sidecar ---- */

static char sidecar_files[32][TEMP_PATH];
static size_t n_sidecar_files;

static int note_sidecar(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)at;
	if (type == FTW_F && strstr(path, ".v2/") && n_sidecar_files < 32)
		(void)snprintf(sidecar_files[n_sidecar_files++], TEMP_PATH, "%s", path);
	return 0;
}

static void damaged_sidecar(void)
{
	struct ramet_session *s = made_with_talk();
	const char *path = path_of(s);
	struct ramet_bytes state = whole(s);
	size_t i;

	ramet_session_close(s);
	must(ramet_sidecar_create(path, NULL, NULL, &why));
	n_sidecar_files = 0;
	assert_int_equal(nftw(home_dir, note_sidecar, 16, FTW_PHYS), 0);
	assert_true(n_sidecar_files > 2);
	for (i = 0; i < n_sidecar_files; i++)
		damage_file(sidecar_files[i], path, state);
	s = open_again(path);
	(void)say(s, A("four"));
	reopens_same(s);
	ramet_session_close(s);
}

static const struct contract_case cases[] = {
	{ "append behind a torn line", HAS_LINES, 0, torn_tail },
	{ "rubbish between lines", HAS_LINES, 0, rubbish_between },
	{ "unknown records stay", HAS_LINES, HAS_TAIL_REFUSED, unknown_records },
	{ "unknown members stay", HAS_LINES, HAS_TAIL_REFUSED, unknown_members },
	{ "reading writes nothing", HAS_PATH, 0, reading_writes_nothing },
	{ "nothing may be written", HAS_PATH, 0, nothing_may_be_written },
	{ "a file of zero bytes", HAS_PATH, 0, zero_bytes },
	{ "half a file, flipped bytes", HAS_PATH, 0, flipped_bytes },
	{ "an index that lies", HAS_INDEX, 0, lying_index },
	{ "a damaged index", HAS_INDEX, 0, damaged_index },
	{ "a damaged sidecar", HAS_SIDECAR, 0, damaged_sidecar },
	{ NULL, 0, 0, NULL }
};

int main(void)
{
	return run_cases(cases);
}
