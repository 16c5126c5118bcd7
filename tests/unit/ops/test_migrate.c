/*
 * migrate.c: an old file becomes one of the current version in one step; the original stays beside
 * it under a name no tool takes for a session. Nothing is lost, whoever writes meanwhile and
 * whatever fails.
 */
#include "store/faulty.h"
#include "store/temp_dir.h"
#include "store/written.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PLAIN(type, more) "{'type':'" type "','timestamp':'2026-03-01T10:00:01.000Z'" more "}\n"
#define V1                                                                                         \
	HEAD_OF("")                                                                                \
	PLAIN("message", ",'message':" U("one"))                                                   \
	PLAIN("message", ",'message':{'role':'hookMessage','content':'x'}")                        \
	PLAIN("compaction", ",'summary':'s','firstKeptEntryIndex':2,'tokensBefore':1")             \
		PLAIN("message", ",'message':" A("two"))
#define V2                                                                                         \
	HEAD_OF(",'version':2")                                                                    \
	MESSAGE("u1", "null", U("one"))                                                            \
	MESSAGE("h", "'u1'", "{'role':'hookMessage','content':'x'}")
#define V2_AS_3                                                                                    \
	HEAD MESSAGE("u1", "null", U("one")) MESSAGE("h", "'u1'", "{'role':'custom','content':'x'}")

static char *dir;
static const char *path;
static struct ramet_migration done;

static int make_dir(void **state)
{
	static char text[TEMP_PATH];

	(void)state;
	dir = temp_dir_new();
	(void)snprintf(text, sizeof(text), "%s/s.jsonl", dir);
	path = text;
	memset(&done, 0, sizeof(done));
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	temp_dir_remove(dir);
	return 0;
}

static int ends_like_a_session(const char *name)
{
	size_t len = strlen(name);

	return len > 6 && strcmp(name + len - 6, ".jsonl") == 0;
}

/* The original is beside it, whole, and nothing else is there. */
static void original_is_kept(const char *text)
{
	char names[TEMP_PATH];
	const char *base = strrchr(done.kept, '/');

	assert_non_null(base);
	assert_memory_equal(done.kept, dir, strlen(dir));
	assert_false(ends_like_a_session(done.kept));
	assert_file(done.kept, "%s", text);
	(void)snprintf(names, sizeof(names), "s.jsonl %s", base + 1);
	assert_string_equal(names_in(dir), names);
}

static void migrate__version_1(void **state)
{
	struct ramet_buf expected = RAMET_BUF_INIT(1u << 20);
	struct ramet_session *s;
	uint32_t i;

	(void)state;
	put(path, V1);
	s = opened(path);
	ramet_buf_add(&expected, ramet_session_header(s)->json);
	for (i = 0; i < 4; i++) {
		ramet_buf_add_char(&expected, '\n');
		ramet_buf_add(&expected, entry_of(s, i));
	}
	ramet_buf_add_char(&expected, '\n');
	ramet_session_close(s);
	must(ramet_migrate(path, 0, &done, &why));
	assert_file(path, "%s", expected.ptr);
	assert_file(path,
		    "{'type':'session','id':'s1','timestamp':'2026-03-01T10:00:00.000Z','cwd':'/w',"
		    "'version':3}\n"
		    "{'type':'message','timestamp':'2026-03-01T10:00:01.000Z','message':%s,"
		    "'id':'<id>','parentId':null}\n"
		    "{'type':'message','timestamp':'2026-03-01T10:00:01.000Z','message':"
		    "{'role':'custom','content':'x'},'id':'<id>','parentId':'<id>'}\n"
		    "{'type':'compaction','timestamp':'2026-03-01T10:00:01.000Z','summary':'s',"
		    "'tokensBefore':1,'id':'<id>','parentId':'<id>','firstKeptEntryId':'<id>'}\n"
		    "{'type':'message','timestamp':'2026-03-01T10:00:01.000Z','message':%s,"
		    "'id':'<id>','parentId':'<id>'}\n",
		    U("one"), A("two"));
	assert_true(done.from == 1 && done.to == 3);
	assert_int_equal(done.n_entries, 4);
	assert_int_equal(done.n_dropped, 0);
	assert_int_equal(done.n_carried, 0);
	original_is_kept(V1);
	s = opened(path);
	must(ramet_session_append_message(s, js(U("more")), NULL, &why));
	assert_reopens_same(s);
	ramet_session_close(s);
	ramet_buf_release(&expected);
}

static void migrate__version_2(void **state)
{
	(void)state;
	put(path, V2);
	must(ramet_migrate(path, 0, &done, &why));
	assert_file(path, V2_AS_3);
	assert_true(done.from == 2 && done.to == 3);
	assert_int_equal(done.n_entries, 2);
	original_is_kept(V2);
}

static void migrate__twice_keeps_both_originals(void **state)
{
	char first[RAMET_ERROR_PATH];

	(void)state;
	put(path, V2);
	must(ramet_migrate(path, 0, &done, &why));
	memcpy(first, done.kept, sizeof(first));
	put(path, V1);
	must(ramet_migrate(path, 0, &done, &why));
	assert_string_not_equal(first, done.kept);
	assert_file(first, V2);
	assert_file(done.kept, V1);
}

static void migrate__leaves_bad_lines_in_the_original(void **state)
{
	static const char text[] = "garbage\n" HEAD_OF(",'version':2") "{'type':\n\n" MESSAGE(
		"u1", "null", U("one")) "7\n" MESSAGE("a1", "'u1'", A("two")) "{'type':'mess";

	(void)state;
	put(path, text);
	must(ramet_migrate(path, 0, &done, &why));
	assert_file(path, HEAD MESSAGE("u1", "null", U("one")) MESSAGE("a1", "'u1'", A("two")));
	assert_int_equal(done.n_entries, 2);
	assert_int_equal(done.n_dropped, 4);
	original_is_kept(text);
}

static void same_file(const struct stat *before, const char *text)
{
	struct stat after;

	assert_int_equal(stat(path, &after), 0);
	assert_true(before->st_ino == after.st_ino);
	assert_memory_equal(&before->st_mtim, &after.st_mtim, sizeof(after.st_mtim));
	assert_memory_equal(&before->st_ctim, &after.st_ctim, sizeof(after.st_ctim));
	assert_file(path, "%s", text);
	assert_string_equal(names_in(dir), "s.jsonl");
	assert_string_equal(done.kept, "");
}

static void migrate__a_dry_run_writes_nothing(void **state)
{
	struct stat before;

	(void)state;
	put(path, V1);
	assert_int_equal(stat(path, &before), 0);
	must(ramet_migrate(path, 1, &done, &why));
	assert_true(done.from == 1 && done.to == 3);
	assert_int_equal(done.n_entries, 4);
	same_file(&before, V1);
}

static void migrate__version_3_is_nothing_to_do(void **state)
{
	struct stat before;
	int dry;

	(void)state;
	put(path, V2_AS_3 "torn");
	assert_int_equal(stat(path, &before), 0);
	for (dry = 0; dry < 2; dry++) {
		must(ramet_migrate(path, dry, &done, &why));
		assert_true(done.from == 3 && done.to == 3);
		same_file(&before, V2_AS_3 "torn");
	}
}

static void migrate__leaves_later_versions_alone(void **state)
{
	static const char text[] = HEAD_OF(",'version':99") MESSAGE("u1", "null", U("one"));
	struct stat before;

	(void)state;
	put(path, text);
	assert_int_equal(stat(path, &before), 0);
	(void)ramet_migrate(path, 0, &done, &why);
	same_file(&before, text);
}

static void migrate__keeps_the_mode(void **state)
{
	static const mode_t modes[] = { 0600, 0640, 0644, 0660, 0400 };
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		(void)unlink(path);
		put(path, V2);
		assert_int_equal(chmod(path, modes[i]), 0);
		must(ramet_migrate(path, 0, &done, &why));
		assert_int_equal(mode_of(path), modes[i]);
		assert_int_equal(mode_of(done.kept), modes[i]);
		assert_file(path, V2_AS_3);
	}
}

static void migrate__keeps_a_symbolic_link(void **state)
{
	const char *link = temp_path(dir, "links/to.jsonl");
	struct stat st;

	(void)state;
	put(path, V2);
	temp_mkdir(dir, "links");
	assert_int_equal(symlink("../s.jsonl", link), 0);
	must(ramet_migrate(link, 0, &done, &why));
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_file(path, V2_AS_3);
	assert_file(link, V2_AS_3);
	assert_file(done.kept, V2);
	assert_false(ends_like_a_session(done.kept));
}

static void migrate__refuses_what_is_no_session(void **state)
{
	static const char *const bad[] = { "", "\n", "garbage\n", "{'type':'message'}\n" };
	unsigned i;

	(void)state;
	refused(ramet_migrate(path, 0, &done, &why), RAMET_ENOTFOUND);
	refused(ramet_migrate(dir, 0, &done, &why), RAMET_EFORMAT);
	for (i = 0; i < 4; i++) {
		put(path, bad[i]);
		refused(ramet_migrate(path, 0, &done, &why), RAMET_EFORMAT);
		assert_file(path, "%s", bad[i]);
		assert_string_equal(names_in(dir), "s.jsonl");
	}
}

/* ---- others ---- */

static void hold_for_a_while(int ready)
{
	const struct timespec while_ms = { 0, 300000000 };
	int fd = open(path, O_RDWR | O_APPEND);
	const char *line = dq(MESSAGE("b1", "'h'", A("theirs")));

	if (fd < 0 || flock(fd, LOCK_EX) < 0 || write(ready, "x", 1) != 1)
		_exit(1);
	(void)nanosleep(&while_ms, NULL);
	_exit(write(fd, line, strlen(line)) != (ssize_t)strlen(line));
}

static void migrate__waits_for_a_writer(void **state)
{
	int ready[2], status;
	pid_t pid;
	char c;

	(void)state;
	put(path, V2);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0)
		hold_for_a_while(ready[1]);
	assert_true(pid > 0);
	assert_int_equal(read(ready[0], &c, 1), 1);
	must(ramet_migrate(path, 0, &done, &why));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_file(path, V2_AS_3 MESSAGE("b1", "'h'", A("theirs")));
	assert_int_equal(close(ready[0]), 0);
	assert_int_equal(close(ready[1]), 0);
}

/* A writer that takes no lock and holds the file open: it appends before some system call. */
static int lockless_fd;

static void append_lockless(void *user)
{
	const char *line = dq(MESSAGE("b1", "'h'", A("theirs")));

	(void)user;
	assert_int_equal(write(lockless_fd, line, strlen(line)), strlen(line));
}

static int has_theirs(const char *file)
{
	return exists(file) && strstr(bytes_of(file).ptr, "theirs") != NULL;
}

static void migrate__carries_over_what_is_appended_meanwhile(void **state)
{
	static const char carried[] = V2_AS_3 MESSAGE("b1", "'h'", A("theirs"));
	struct faults f = { .kind = FAULT_ANY, .meanwhile = append_lockless };
	unsigned n, lost = 0;
	int more = 1;

	(void)state;
	for (n = 1; more; n++) {
		assert_true(n < 500);
		put(path, V2);
		lockless_fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
		assert_true(lockless_fd >= 0);
		f.n = n;
		faults_start(&f);
		must(ramet_migrate(path, 0, &done, &why));
		more = faults_stop();
		if (more && !has_theirs(path)) {
			/* the last calls come too late: then it is in the original */
			assert_true(has_theirs(done.kept));
			assert_file(path, V2_AS_3);
			lost++;
		} else if (more) {
			assert_file(path, "%s", carried);
		}
		assert_int_equal(close(lockless_fd), 0);
		assert_int_equal(unlink(done.kept), 0);
		assert_string_equal(names_in(dir), "s.jsonl");
	}
	assert_true(lost < 12);
}

static void migrate__says_what_it_carried(void **state)
{
	const size_t len = strlen(MESSAGE("b1", "'h'", A("theirs")));
	struct faults f = { .n = 1, .meanwhile = append_lockless };
	static const int kinds[] = { FAULT_RENAME, FAULT_LINKAT };
	unsigned i, carried = 0;

	(void)state;
	for (i = 0; i < 2; i++) {
		put(path, V2);
		lockless_fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
		f.kind = kinds[i];
		faults_start(&f);
		must(ramet_migrate(path, 0, &done, &why));
		if (faults_stop()) {
			assert_int_equal(done.n_carried, len);
			assert_true(has_theirs(path));
			carried++;
		}
		assert_int_equal(close(lockless_fd), 0);
	}
	assert_true(carried >= 1);
}

static void migrate__an_open_handle_goes_on_in_the_new_file(void **state)
{
	struct ramet_session *s;

	(void)state;
	put(path, V2);
	s = opened(path);
	must(ramet_migrate(path, 0, &done, &why));
	must(ramet_session_append_message(s, js(A("mine")), NULL, &why));
	assert_text(rest_after(bytes_of(path), js(V2_AS_3)),
		    "{'type':'message','id':'<id>','parentId':'h','timestamp':'<now>',"
		    "'message':%s}\n",
		    A("mine"));
	assert_reopens_same(s);
	assert_file(done.kept, V2);
	ramet_session_close(s);
}

/* ---- faults ---- */

static void is_old_or_new(int r, const struct faults *f)
{
	struct ramet_bytes text = bytes_of(path);
	int is_new = ramet_bytes_is(text, dq(V2_AS_3));

	if (!is_new && !ramet_bytes_is(text, dq(V2)))
		fail_msg("%s %u: neither old nor new:\n%s", fault_name(f->kind), f->n, text.ptr);
	if (r == 0)
		assert_true(is_new);
	if (is_new && r < 0)
		assert_int_equal(r, RAMET_EUNKNOWN);
	if (is_new)
		original_is_kept(V2);
	else if (f->kind != FAULT_UNLINK && strcmp(names_in(dir), "s.jsonl") != 0)
		fail_msg("%s %u: left behind: %s", fault_name(f->kind), f->n, names_in(dir));
}

/* Where the original was kept, when the call failed and did not say. */
static void find_kept(void)
{
	const char *names = names_in(dir), *blank = strchr(names, ' ');

	if (!*done.kept && blank && strncmp(names, "s.jsonl ", 8) == 0)
		(void)snprintf(done.kept, sizeof(done.kept), "%s/%s", dir, blank + 1);
}

static int migrate_under(const struct faults *f)
{
	int r, more;

	temp_dir_remove(dir);
	(void)make_dir(NULL);
	put(path, V2);
	faults_start(f);
	r = ramet_migrate(path, 0, &done, &why);
	more = faults_stop();
	assert_true(r == 0 || (more && why.code == r && *why.text));
	find_kept();
	is_old_or_new(r, f);
	if (faults_open_fds())
		fail_msg("%s %u: descriptors stay open", fault_name(f->kind), f->n);
	memset(&done, 0, sizeof(done));
	must(ramet_migrate(path, 0, &done, &why));
	assert_file(path, V2_AS_3);
	return more;
}

static void migrate__old_or_new_whatever_fails(void **state)
{
	static const int errors[] = { EIO, ENOSPC };
	struct faults f = { 0 };
	unsigned e;

	(void)state;
	for (e = 0; e < 8; e++)
		for (f.kind = 0; f.kind < FAULT_KINDS; f.kind++)
			for (f.n = 1;; f.n++) {
				f.sys = errors[e % 2];
				f.for_ever = e / 2 % 2;
				f.poor = e / 4;
				assert_true(f.n < 500);
				if (!migrate_under(&f))
					break;
			}
}

static void migrate__old_or_new_after_a_short_write(void **state)
{
	struct faults f = { .kind = FAULT_WRITE, .n = 1, .sys = ENOSPC };

	(void)state;
	for (f.cut = 1; f.cut < 300; f.cut += 13)
		(void)migrate_under(&f);
	f.for_ever = 1;
	(void)migrate_under(&f);
}

static void migrate__old_or_new_whichever_allocation_fails(void **state)
{
	unsigned n;
	int r, more;

	(void)state;
	for (n = 1, more = 1; more; n++) {
		assert_true(n < 1000);
		temp_dir_remove(dir);
		(void)make_dir(NULL);
		put(path, V2);
		scarce_start(n);
		r = ramet_migrate(path, 0, &done, &why);
		more = scarce_stop();
		assert_true(r == 0 || r == RAMET_ENOMEM || r == RAMET_EUNKNOWN);
		assert_true(r == 0 || why.code == r);
		if (r == RAMET_ENOMEM) {
			assert_file(path, V2);
			assert_string_equal(names_in(dir), "s.jsonl");
			continue;
		}
		assert_file(path, V2_AS_3);
		find_kept();
		original_is_kept(V2);
	}
}

/* Where files cannot have two names, the original is kept as a copy, and none is written over. */
static void migrate__keeps_a_copy_where_there_are_no_links(void **state)
{
	const struct faults f = {
		.kind = FAULT_LINKAT, .n = 1, .for_ever = 1, .sys = EPERM, .poor = 1
	};
	char first[RAMET_ERROR_PATH];

	(void)state;
	put(path, V2);
	faults_start(&f);
	must(ramet_migrate(path, 0, &done, &why));
	(void)faults_stop();
	assert_file(path, V2_AS_3);
	original_is_kept(V2);
	memcpy(first, done.kept, sizeof(first));
	put(path, V1);
	faults_start(&f);
	(void)ramet_migrate(path, 0, &done, &why);
	(void)faults_stop();
	assert_file(first, V2);
}

static void migrate__interruptions_cost_nothing(void **state)
{
	const struct faults f = { .interrupt = 1 };

	(void)state;
	put(path, V2);
	faults_start(&f);
	must(ramet_migrate(path, 0, &done, &why));
	(void)faults_stop();
	assert_file(path, V2_AS_3);
	original_is_kept(V2);
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, drop_dir)
	const struct CMUnitTest tests[] = {
		IN_DIR(migrate__version_1),
		IN_DIR(migrate__version_2),
		IN_DIR(migrate__twice_keeps_both_originals),
		IN_DIR(migrate__leaves_bad_lines_in_the_original),
		IN_DIR(migrate__a_dry_run_writes_nothing),
		IN_DIR(migrate__version_3_is_nothing_to_do),
		IN_DIR(migrate__leaves_later_versions_alone),
		IN_DIR(migrate__keeps_the_mode),
		IN_DIR(migrate__keeps_a_symbolic_link),
		IN_DIR(migrate__refuses_what_is_no_session),
		IN_DIR(migrate__waits_for_a_writer),
		IN_DIR(migrate__carries_over_what_is_appended_meanwhile),
		IN_DIR(migrate__says_what_it_carried),
		IN_DIR(migrate__an_open_handle_goes_on_in_the_new_file),
		IN_DIR(migrate__old_or_new_whatever_fails),
		IN_DIR(migrate__old_or_new_after_a_short_write),
		IN_DIR(migrate__old_or_new_whichever_allocation_fails),
		IN_DIR(migrate__keeps_a_copy_where_there_are_no_links),
		IN_DIR(migrate__interruptions_cost_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
