/*
 * session.c, log.c, follow.c, create.c: what a handle does when its own clean-up fails too, when
 * others never stop, in odd places and at limits.
 */
#include "failing.h"
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TALK HEAD MESSAGE("u1", "null", U("one")) MESSAGE("a1", "'u1'", A("two"))

static char *dir;
static const char *path;
static struct ramet_session *s;

static int make_dir(void **state)
{
	static char text[TEMP_PATH];

	(void)state;
	dir = temp_dir_new();
	setenv("HOME", dir, 1);
	(void)snprintf(text, sizeof(text), "%s/s.jsonl", dir);
	path = text;
	s = NULL;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	rameti_env_use(NULL);
	(void)scarce_stop();
	ramet_session_close(s);
	temp_dir_remove(dir);
	return 0;
}

static void given(const char *text)
{
	const struct ramet_open_opts opts = { .lock_ms = 50, .no_cache = 1 };

	ramet_session_close(s);
	s = NULL;
	put(path, text);
	must(ramet_session_open(&s, path, &opts, &why));
}

static int say(const char *message)
{
	memset(&why, 0, sizeof(why));
	return ramet_session_append_message(s, js(message), NULL, &why);
}

/* ---- a write is cut off, and the file is hard to mend ---- */

enum trouble {
	NONE,
	NO_OPEN,
	NO_STAT,
	OTHER_FILE,
	OTHER_DEVICE,
	NO_WRITE,
	NOTHING_WRITTEN,
	NO_CLOSE,
	NO_PLACE,
	DEADLY, /* all before it end the handle */
	INTERRUPTED,
	BYTE_BY_BYTE
};
static struct rameti_env env;
static struct {
	enum trouble is;
	int cut_now, mending, interrupts;
} disk;

static ssize_t cut_write(void *user, int fd, const void *from, size_t len)
{
	size_t n = disk.cut_now && len > 30 ? 30 : len;

	disk.cut_now = 0;
	return rameti_env_posix()->write(user, fd, from, n);
}

static int mend_open(void *user, const char *name, int flags, mode_t mode)
{
	disk.mending = (flags & (O_ACCMODE | O_APPEND)) == O_WRONLY;
	if (!disk.mending || disk.is != NO_OPEN)
		return rameti_env_posix()->open(user, name, flags, mode);
	errno = EACCES;
	return -1;
}

static int mend_fstat(void *user, int fd, struct stat *st)
{
	int r = rameti_env_posix()->fstat(user, fd, st);

	if (!disk.mending)
		return r;
	st->st_ino += disk.is == OTHER_FILE;
	st->st_dev += disk.is == OTHER_DEVICE;
	errno = EIO;
	return disk.is == NO_STAT ? -1 : r;
}

static ssize_t mend_pwrite(void *user, int fd, const void *from, size_t len, off_t at)
{
	errno = disk.is == INTERRUPTED ? EINTR : EIO;
	if (disk.is == NO_WRITE || (disk.is == INTERRUPTED && disk.interrupts++ < 3))
		return -1;
	if (disk.is == NOTHING_WRITTEN)
		return 0;
	return rameti_env_posix()->pwrite(user, fd, from, disk.is == BYTE_BY_BYTE ? 1 : len, at);
}

static int mend_close(void *user, int fd)
{
	int r = rameti_env_posix()->close(user, fd), mended = disk.mending;

	disk.mending = 0;
	errno = EIO;
	return mended && disk.is == NO_CLOSE ? -1 : r;
}

static off_t no_place(void *user, int fd, off_t at, int whence)
{
	errno = ESPIPE;
	return disk.is == NO_PLACE ? -1 : rameti_env_posix()->lseek(user, fd, at, whence);
}

static void hard_disk(enum trouble is)
{
	env = *rameti_env_posix();
	env.write = cut_write;
	env.open = mend_open;
	env.fstat = mend_fstat;
	env.pwrite = mend_pwrite;
	env.close = mend_close;
	env.lseek = no_place;
	memset(&disk, 0, sizeof(disk));
	disk.is = is;
	rameti_env_use(&env);
}

static void log__that_cannot_be_mended_is_told_and_ended(void **state)
{
	int is;

	(void)state;
	for (is = NONE; is <= BYTE_BY_BYTE; is++) {
		int deadly = is > NONE && is < DEADLY;

		if (is == DEADLY)
			continue;
		hard_disk((enum trouble)is);
		given(TALK);
		assert_int_equal(say(U("whole")), 0);
		disk.cut_now = 1;
		assert_int_equal(say(U("cut off")), deadly ? RAMET_EUNKNOWN : RAMET_EIO);
		assert_int_equal(why.sys, deadly ? 0 : ENOSPC);
		assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 3);
		/* a handle that left something behind writes no more */
		assert_int_equal(say(U("later")), deadly ? RAMET_EIO : 0);
		if (!deadly)
			assert_reopens_same(s);
		rameti_env_use(NULL);
	}
}

/* All was written, but nobody can tell where: the file itself is asked. */
static void log__finds_what_it_wrote_without_being_told_where(void **state)
{
	(void)state;
	hard_disk(NO_PLACE);
	given(TALK);
	assert_int_equal(say(U("one")), 0);
	assert_int_equal(say(U("two")), 0);
	assert_reopens_same(s);
}

/* ---- others who never stop ---- */

static void replace(void *user)
{
	char other[TEMP_PATH];

	(void)user;
	(void)snprintf(other, sizeof(other), "%s.new", path);
	put_bytes(other, bytes_of(path));
	(void)rename(other, path);
}

static void others__who_keep_replacing_the_file_are_a_conflict(void **state)
{
	const struct faults f = { .kind = FAULT_FLOCK, .n = 1, .for_ever = 1,
				  .meanwhile = replace };

	(void)state;
	given(TALK);
	faults_start(&f);
	assert_int_equal(say(U("never")), RAMET_ECONFLICT);
	(void)faults_stop();
	assert_string_equal(why.text, "other programs keep replacing the file");
	assert_string_equal(names_in(dir), "s.jsonl");
	assert_int_equal(say(U("now")), 0);
	assert_reopens_same(s);
}

static void replaced_by(const char *text, int code)
{
	char other[TEMP_PATH];

	(void)snprintf(other, sizeof(other), "%s.new", path);
	put(other, text);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(say(U("x")), code);
}

static void others__who_put_something_else_there_are_a_conflict(void **state)
{
	char text[1000], id[200];

	(void)state;
	given(TALK);
	replaced_by("[]\n", RAMET_ECONFLICT);
	assert_string_equal(why.text, "another program replaced the file by what is no session");
	/* a leaf without an id cannot be looked for: the last entry takes its place */
	given(TALK "{'type':'message','message':" U("no id") "}\n");
	replaced_by(TALK, 0);
	assert_reopens_same(s);
	/* a long id is told, cut */
	memset(id, 'i', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	(void)snprintf(text, sizeof(text), "%s{'type':'message','id':'%s','parentId':null,"
		       "'message':" U("x") "}\n", TALK, id);
	given(text);
	replaced_by(TALK, RAMET_ECONFLICT);
	assert_non_null(strstr(why.text, "is not in it"));
}

static void look__says_why_it_cannot(void **state)
{
	struct faults f = { .kind = FAULT_STAT, .n = 1, .for_ever = 1 };

	(void)state;
	given(TALK);
	assert_int_equal(say(U("first")), 0);
	f.sys = EACCES;
	faults_start(&f);
	assert_int_equal(say(U("x")), RAMET_EIO);
	(void)faults_stop();
	assert_int_equal(why.sys, EACCES);
	f.sys = ENOTDIR;
	faults_start(&f);
	assert_int_equal(say(U("x")), RAMET_ECONFLICT);
	(void)faults_stop();
	assert_int_equal(say(U("again")), 0);
	assert_reopens_same(s);
}

/* ---- ids ---- */

/* All ids that this random number leads to are taken. */
static void ids__that_are_all_taken_give_way_to_a_long_one(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1u << 20);
	char id[RAMET_ID_SIZE];
	struct failing_env fe;
	uint32_t at;
	int i;

	(void)state;
	ramet_buf_add_str(&b, HEAD);
	for (i = 0, at = 0; i < 100; i++, at += 0x9e3779b1u)
		ramet_buf_addf(&b, "{'type':'custom','id':'%08x','parentId':null}\n", (unsigned)at);
	assert_int_equal(ramet_buf_status(&b), 0);
	given(b.ptr);
	ramet_buf_release(&b);
	failing_env_init(&fe, 0, 0);
	fe.random_byte = 0;
	rameti_env_use(&fe.env);
	must(ramet_session_append_message(s, js(U("x")), id, &why));
	rameti_env_use(NULL);
	assert_int_equal(strlen(id), 36);
	assert_reopens_same(s);
}

/* ---- limits and places ---- */

static void open__takes_any_line_limit(void **state)
{
	const struct ramet_open_opts opts = { .max_line = UINT64_MAX };

	(void)state;
	put(path, TALK);
	must(ramet_session_open(&s, path, &opts, &why));
	assert_int_equal(ramet_tree_count(ramet_session_tree(s)), 2);
}

static void entry__over_the_callers_limit_is_told(void **state)
{
	struct ramet_buf scratch = RAMET_BUF_INIT(10);
	struct ramet_bytes json;

	(void)state;
	given(TALK);
	refused(ramet_tree_entry(ramet_session_tree(s), 0, &scratch, &json, &why), RAMET_ELIMIT);
	assert_non_null(strstr(why.text, "is over the caller's limit"));
	ramet_buf_release(&scratch);
}

static char *odd_cwd(void *user, char *to, size_t len)
{
	(void)user;
	(void)snprintf(to, len, "(unreachable)/x");
	return to;
}

/* A relative path stays as it is when nobody can say where it starts. */
static void open__needs_no_working_directory(void **state)
{
	const struct faults f = { .kind = FAULT_GETCWD, .n = 1, .for_ever = 1, .sys = ENOENT };
	char here[TEMP_PATH];

	(void)state;
	put(path, TALK);
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(dir), 0);
	faults_start(&f);
	must(ramet_session_open(&s, "s.jsonl", NULL, &why));
	assert_int_equal(say(U("x")), 0);
	ramet_session_close(s);
	(void)faults_stop();
	env = *rameti_env_posix();
	env.getcwd = odd_cwd;
	rameti_env_use(&env);
	must(ramet_session_open(&s, "s.jsonl", NULL, &why));
	assert_int_equal(say(U("x")), 0);
	rameti_env_use(NULL);
	assert_string_equal(ramet_session_path(s), "s.jsonl");
	assert_int_equal(chdir(here), 0);
}

/* An error tells the path as it was given, wherever it came from. */
static void open__tells_paths_as_they_were_given(void **state)
{
	char here[TEMP_PATH];

	(void)state;
	put(path, TALK);
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(dir), 0);
	must(ramet_session_open(&s, "s.jsonl", NULL, &why));
	replaced_by("[]\n", RAMET_ECONFLICT);
	assert_string_equal(why.path, "s.jsonl");
	assert_int_equal(ramet_session_append_message(s, js(U("x")), NULL, NULL), RAMET_ECONFLICT);
	assert_int_equal(chdir(here), 0);
}

static void create__anywhere_and_without_a_cwd(void **state)
{
	const struct ramet_create_opts root = { .dir = "/", .id = "in-the-root" };

	(void)state;
	must(ramet_session_create(&s, NULL, &root, &why));
	assert_int_equal(strncmp(ramet_session_path(s), "/20", 3), 0);
	assert_int_equal(ramet_session_stored(s), 0);
	ramet_session_close(s);
	must(ramet_session_create(&s, NULL, NULL, &why));
	ramet_session_close(s);
	must(ramet_session_continue(&s, NULL, NULL, &why));
	assert_int_equal(ramet_session_stored(s), 0);
}

static void create__survives_every_failing_allocation(void **state)
{
	const struct ramet_create_opts opts = { .dir = dir, .parent_session = "/p" };
	unsigned n, reached, how;
	int r;

	(void)state;
	for (how = 0; how < 4; how++)
		for (n = 1, reached = 1; reached; n++) {
			const struct ramet_bytes entries = js("{'type':'custom'}\n");
			struct ramet_session *fresh = NULL;

			scarce_start(n);
			memset(&why, 0, sizeof(why));
			if (how == 0)
				r = ramet_session_create(&fresh, "/w", &opts, &why);
			else if (how == 1)
				r = ramet_session_create(&fresh, NULL, NULL, &why);
			else if (how == 2)
				r = ramet_session_continue(&fresh, "/w", &opts, &why);
			else
				r = ramet_session_create_memory(&fresh, "/w", entries, NULL,
								&why);
			ramet_session_close(fresh);
			reached = (unsigned)scarce_stop();
			assert_true(r == 0 || (reached && r == RAMET_ENOMEM && why.code == r));
		}
}

static void open__survives_every_failing_allocation(void **state)
{
	static const char *const texts[] = { TALK, "\xef\xbb\xbf" TALK, "\xef\xbb\xbf",
					     TALK "  ", "\xef\xbb\xbf{'torn" };
	char here[TEMP_PATH];
	unsigned n, reached;
	size_t i;
	int r;

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(dir), 0);
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		put("s.jsonl", texts[i]);
		for (n = 1, reached = 1; reached; n++) {
			struct ramet_session *fresh = NULL;

			memset(&why, 0, sizeof(why));
			scarce_start(n);
			r = ramet_session_open(&fresh, "s.jsonl", NULL, &why);
			ramet_session_close(fresh);
			reached = (unsigned)scarce_stop();
			assert_true(r == 0 || r == RAMET_EFORMAT || (reached && r == RAMET_ENOMEM));
			assert_true(r != RAMET_EFORMAT || i == 2 || i == 4);
			assert_int_equal(why.code, r);
		}
		assert_true(n > 10);
	}
	assert_int_equal(chdir(here), 0);
}

/* ---- sessions that are in no file ---- */

static void memory__has_nothing_to_write_sync_or_recover(void **state)
{
	(void)state;
	must(ramet_session_create_memory(&s, "/w", raw(""), NULL, &why));
	refused(ramet_session_write(s, &why), RAMET_EINVAL);
	must(ramet_session_sync(s, &why));
	must(ramet_session_recover(s, &why));
	assert_int_equal(ramet_session_refresh(s, &why), 0);
	assert_int_equal(say(U("x")), 0);
}

/* The first entry, without an id, can have no children: the next hangs from nothing. */
static void sync__that_fails_is_doubt_whoever_listens(void **state)
{
	struct faults f = { .kind = FAULT_FDATASYNC, .n = 1, .sys = EIO };

	(void)state;
	given(TALK);
	faults_start(&f);
	assert_int_equal(ramet_session_append_message(s, js(U("x")), NULL, NULL), RAMET_EUNKNOWN);
	(void)faults_stop();
	assert_int_equal(ramet_session_append_message(s, js(U("x")), NULL, NULL), RAMET_EUNKNOWN);
	must(ramet_session_recover(s, &why));
	assert_int_equal(say(U("y")), 0);
	assert_reopens_same(s);
}

static void remove_it(void *user)
{
	(void)user;
	(void)unlink(path);
}

/* Removed between finding that it was replaced and reading it anew. */
static void others__who_remove_what_they_replaced_are_a_conflict(void **state)
{
	const struct faults f = { .kind = FAULT_FLOCK, .n = 2, .meanwhile = remove_it };

	(void)state;
	given(TALK);
	assert_int_equal(say(U("x")), 0);
	replace(NULL);
	faults_start(&f);
	assert_int_equal(say(U("y")), RAMET_ECONFLICT);
	assert_int_equal(faults_stop(), 1);
	assert_string_equal(names_in(dir), "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(log__that_cannot_be_mended_is_told_and_ended),
		CASE(log__finds_what_it_wrote_without_being_told_where),
		CASE(others__who_keep_replacing_the_file_are_a_conflict),
		CASE(others__who_put_something_else_there_are_a_conflict),
		CASE(look__says_why_it_cannot),
		CASE(ids__that_are_all_taken_give_way_to_a_long_one),
		CASE(open__takes_any_line_limit),
		CASE(entry__over_the_callers_limit_is_told),
		CASE(open__needs_no_working_directory),
		CASE(open__tells_paths_as_they_were_given),
		CASE(create__anywhere_and_without_a_cwd),
		CASE(create__survives_every_failing_allocation),
		CASE(open__survives_every_failing_allocation),
		CASE(memory__has_nothing_to_write_sync_or_recover),
		CASE(sync__that_fails_is_doubt_whoever_listens),
		CASE(others__who_remove_what_they_replaced_are_a_conflict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
