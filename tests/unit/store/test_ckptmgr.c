/*
 * test_ckptmgr.c - the snapshot manager's calls against the golden state files, byte for byte; what
 * others do to the file meanwhile; and what is never written over.
 */
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/env.h"
#include "failing.h"
#include "ramet/ckptmgr.h"

#define TOLD "{\"role\":\"user\",\"content\":\"a < b && c > d \\u2028 \xc3\xa9 \\\"q\\\" \\\\\"}"

static char *dir;
static char path[TEMP_PATH];
static struct ramet_ckptmgr *m;
static struct rameti_env env;
static int64_t now_ns;

/* Each reading is 1.234567 s later, as when the golden files were made. */
static int tick(void *user, clockid_t clock, struct timespec *ts)
{
	(void)user, (void)clock;
	now_ns += 1234567000;
	ts->tv_sec = (time_t)(now_ns / 1000000000);
	ts->tv_nsec = (long)(now_ns % 1000000000);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	dir = temp_dir_new();
	(void)snprintf(path, sizeof(path), "%s/deep/er/state.json", dir);
	env = *rameti_env_posix();
	env.clock_gettime = tick;
	now_ns = (int64_t)1775822400 * 1000000000 + 5000000;
	rameti_env_use(&env);
	m = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	ramet_ckptmgr_close(m);
	rameti_env_use(NULL);
	temp_dir_remove(dir);
	return 0;
}

static const char *golden(const char *name)
{
	static char text[TEMP_PATH];
	const char *source = getenv("RAMET_SOURCE");

	(void)snprintf(text, sizeof(text), "%s/tests/golden/ckptmgr/%s", source ? source : ".",
		       name);
	return text;
}

static void state_is(const char *name)
{
	struct ramet_bytes want = bytes_of(golden(name)), have = bytes_of(path);

	assert_string_equal(have.ptr, want.ptr);
	assert_int_equal(have.len, want.len);
}

static void reopen(void)
{
	ramet_ckptmgr_close(m);
	m = NULL;
	must(ramet_ckptmgr_open(&m, path, NULL, &why));
}

/* ---- the golden files ---- */

static void make_golden(int until)
{
	struct ramet_buf id = RAMET_BUF_INIT(1000);

	must(ramet_ckptmgr_open(&m, path, NULL, &why));
	must(ramet_ckptmgr_get_or_create(m, raw(""), NULL, NULL, &why));
	if (until < 2)
		return;
	must(ramet_ckptmgr_set_state(m, raw("abc"),
				     raw("[{\"role\":\"system\",\"content\":\"be "
					 "brief\"}," TOLD "]"),
				     1, &why));
	must(ramet_ckptmgr_snapshot(m, raw("abc"), raw("abc-u1"), &why));
	if (until < 3)
		return;
	must(ramet_ckptmgr_set_state(
		m, raw("abc"),
		raw("[{\"role\":\"system\",\"content\":\"be "
		    "brief\"},{\"role\":\"user\",\"content\":"
		    "\"hello\"},{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":"
		    "\"c1\",\"type\":\"function\",\"function\":{\"name\":\"ls\",\"arguments\":"
		    "\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"x.txt\","
		    "\"z\":null,\"n\":9007199254740993,\"g\":0.1,\"f\":1e+21,\"b\":true}]"),
		2, &why));
	must(ramet_ckptmgr_new_fork_id(m, raw("abc"), &id, &why));
	assert_string_equal(id.ptr, "abc#fork-1");
	must(ramet_ckptmgr_clone(m, raw("abc"), ramet_buf_bytes(&id), 0, &why));
	ramet_buf_release(&id);
	if (until < 4)
		return;
	must(ramet_ckptmgr_new_fork_id(m, raw("abc"), &id, &why));
	must(ramet_ckptmgr_new_fork_id(m, raw(""), &id, &why));
	assert_string_equal(id.ptr, "abc#fork-2default#fork-1");
	ramet_buf_release(&id);
	must(ramet_ckptmgr_rewind(m, raw("abc"), raw("abc-u1"), &why));
	if (until < 5)
		return;
	reopen();
	must(ramet_ckptmgr_set_state(m, raw("default"), raw("[]"), 0, &why));
}

static void golden__states_are_made_byte_for_byte(void **state)
{
	static const char *const names[] = { "01-default-created.json", "02-snapshot.json",
					     "03-clone.json", "04-rewound.json" };
	int i;

	for (i = 1; i <= 4; i++) {
		make_golden(i);
		state_is(names[i - 1]);
		if (i < 4) {
			(void)end(state);
			(void)begin(state);
		}
	}
	assert_int_equal(mode_of(path), 0600);
}

static void golden__numbers_keep_their_text(void **state)
{
	struct ramet_buf want = RAMET_BUF_INIT(100000);
	struct ramet_bytes theirs = bytes_of(golden("05-reloaded-and-touched.json"));
	const char *number;

	(void)state;
	make_golden(5);
	/* the original has made ...992 of it */
	number = strstr(theirs.ptr, "9007199254740992");
	ramet_buf_add(&want, (struct ramet_bytes){ theirs.ptr, (size_t)(number - theirs.ptr) });
	ramet_buf_add_str(&want, "9007199254740993");
	ramet_buf_add_str(&want, number + 16);
	assert_string_equal(bytes_of(path).ptr, want.ptr);
	ramet_buf_release(&want);
}

static void golden__list_is_newest_first(void **state)
{
	struct ramet_ckptmgr_list list = RAMET_CKPTMGR_LIST_INIT;

	(void)state;
	make_golden(4);
	must(ramet_ckptmgr_list(m, &list, &why));
	assert_int_equal(list.n, 3);
	assert_true(ramet_bytes_is(list.items[0].id, "abc"));
	assert_true(ramet_bytes_is(list.items[1].id, "abc#fork-1"));
	assert_true(ramet_bytes_is(list.items[2].id, "default"));
	assert_int_equal(list.items[0].user_turns, 2);
	assert_int_equal(list.items[0].updated_ns, (int64_t)1775822408 * 1000000000 + 646969000);
	assert_true(ramet_bytes_is(list.items[2].messages, "null"));
	ramet_ckptmgr_list_release(&list);
}

static int count_file(void *user, const struct ramet_ckptmgr_file *file)
{
	unsigned *n = user;

	if (ramet_bytes_is(file->path, "bin.dat"))
		assert_memory_equal(file->content.ptr, "\0\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdok",
				    12);
	if (ramet_bytes_is(file->path, "dir/deep/b.txt"))
		assert_true(ramet_bytes_is(file->content, "<b>&\n"));
	++*n;
	return 0;
}

static void golden__file_checkpoints_stay(void **state)
{
	struct ramet_bytes theirs = bytes_of(golden("files-2-state.json"));
	unsigned n = 0;

	(void)state;
	must(ramet_ckptmgr_open(&m, golden("files-2-state.json"), NULL, &why));
	must(ramet_ckptmgr_get_files(m, raw("s"), raw("s-u1"), count_file, &n, &why));
	assert_int_equal(n, 9);
	refused(ramet_ckptmgr_get_files(m, raw("s"), raw("s-u2"), count_file, &n, &why),
		RAMET_ENOTFOUND);
	(void)snprintf(path, sizeof(path), "%s/s.json", dir);
	put_bytes(path, theirs);
	reopen();
	must(ramet_ckptmgr_get_or_create(m, raw("s2"), NULL, NULL, &why));
	must(ramet_ckptmgr_remove(m, raw("s2"), &why));
	assert_string_equal(bytes_of(path).ptr, theirs.ptr);
}

/* ---- bytes ---- */

#define ODD                                                                                        \
	"{ \"Sessions\":{\"b\":{\"id\":\"b\",\"createdat\":\"2026-01-01T00:00:00Z\","              \
	"\"MESSAGES\":[{\"content\":\"\xff\xfe\\u00e9\",\"n\":1e400,\"role\":\"user\"}],"          \
	"\"userturns\":1,\"later\":{\"x\" : [ 1 ]},\"FileCheckpoints\":{\"k\":{\"\xe9.txt\":"      \
	"\"\xff\\u0000\"}}}},\"future\" : [ 7 ] }"

static void bytes__what_is_not_changed_stays(void **state)
{
	struct ramet_ckptmgr_session s = RAMET_CKPTMGR_SESSION_INIT;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/s.json", dir);
	put(path, "");
	put_bytes(path, raw(ODD));
	reopen();
	must(ramet_ckptmgr_snapshot(m, raw("b"), raw("b-u1"), &why));
	must(ramet_ckptmgr_get_or_create(m, raw("a"), NULL, NULL, &why));
	must(ramet_ckptmgr_clone(m, raw("b"), raw("c"), 0, &why));
	must(ramet_ckptmgr_get(m, raw("c"), &s, &why));
	assert_non_null(strstr(bytes_of(path).ptr, "\"\xff\xfe\\u00e9\",\"n\":1e400"));
	assert_non_null(strstr(bytes_of(path).ptr, "\"content\": \"\xff\xfe\\u00e9\",\n"));
	assert_non_null(strstr(bytes_of(path).ptr, "\"future\": [ 7 ]"));
	assert_non_null(memmem(s.json.ptr, s.json.len, "\"later\": {\"x\" : [ 1 ]}", 22));
	assert_non_null(memmem(s.file_checkpoints.ptr, s.file_checkpoints.len,
			       "\"\xe9.txt\":\"\xff\\u0000\"", 17));
	assert_int_equal(s.user_turns, 1);
	ramet_ckptmgr_session_release(&s);
}

static int same_file(void *user, const struct ramet_ckptmgr_file *file)
{
	const struct ramet_ckptmgr_file **next = user, *want = (*next)++;

	assert_true(ramet_bytes_eq(file->path, want->path));
	assert_true(ramet_bytes_eq(file->content, want->content));
	assert_int_equal(!file->content.ptr, !want->content.ptr);
	return 0;
}

static void bytes__files_come_back_exactly(void **state)
{
	char all[256];
	const struct ramet_ckptmgr_file files[] = { { raw("\xe9"), { all, sizeof(all) } },
						    { raw("a"), { NULL, 0 } },
						    { raw("a<b"), raw("") } },
					sorted[] = { files[1], files[2], files[0] }, *next = sorted;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	must(ramet_ckptmgr_open(&m, path, NULL, &why));
	refused(ramet_ckptmgr_put_files(m, raw("s"), raw("k"), files, 3, &why), RAMET_ENOTFOUND);
	assert_string_equal(why.text, "no checkpoint");
	must(ramet_ckptmgr_get_or_create(m, raw("s"), NULL, NULL, &why));
	must(ramet_ckptmgr_put_files(m, raw("s"), raw("k"), files, 3, &why));
	reopen();
	must(ramet_ckptmgr_get_files(m, raw("s"), raw("k"), same_file, &next, &why));
	assert_ptr_equal(next, sorted + 3);
}

/* ---- refusals ---- */

static void refusals__change_nothing(void **state)
{
	struct ramet_ckptmgr_session s = RAMET_CKPTMGR_SESSION_INIT;

	(void)state;
	make_golden(3);
	refused(ramet_ckptmgr_get(m, raw("nobody"), &s, &why), RAMET_ENOTFOUND);
	refused(ramet_ckptmgr_snapshot(m, raw("nobody"), raw("k"), &why), RAMET_ENOTFOUND);
	refused(ramet_ckptmgr_snapshot(m, raw(""), raw("k"), &why), RAMET_ENOTFOUND);
	refused(ramet_ckptmgr_snapshot(m, raw("abc"), raw(""), &why), RAMET_EINVAL);
	refused(ramet_ckptmgr_snapshot(m, raw("abc"), raw("ramet.raw"), &why), RAMET_EINVAL);
	refused(ramet_ckptmgr_rewind(m, raw("abc"), raw("abc-u9"), &why), RAMET_ENOTFOUND);
	assert_string_equal(why.text, "no checkpoint");
	refused(ramet_ckptmgr_clone(m, raw("abc"), raw("default"), 0, &why), RAMET_ECONFLICT);
	refused(ramet_ckptmgr_clone(m, raw("abc"), raw(""), 0, &why), RAMET_EINVAL);
	refused(ramet_ckptmgr_clone(m, raw("nobody"), raw("x"), 0, &why), RAMET_ENOTFOUND);
	refused(ramet_ckptmgr_remove(m, raw("nobody"), &why), RAMET_ENOTFOUND);
	refused(ramet_ckptmgr_set_state(m, raw("abc"), raw("[1]"), 0, &why), RAMET_EINVAL);
	refused(ramet_ckptmgr_set_state(m, raw("abc"), raw("{}"), 0, &why), RAMET_EINVAL);
	refused(ramet_ckptmgr_set_state(m, raw("abc"), raw("["), 0, &why), RAMET_EJSON);
	state_is("03-clone.json");
	must(ramet_ckptmgr_clone(m, raw("abc"), raw("default"), 1, &why));
}

static void damage__is_never_written_over(void **state)
{
	static const char *const texts[] = { "{\"sessions\":{\"a\":", "[]", "{\"sessions\":[]}",
					     " ", "{\"fork_counters\":7}" };
	size_t i;

	(void)state;
	must(ramet_ckptmgr_open(&m, path, NULL, &why));
	must(ramet_ckptmgr_get_or_create(m, raw("a"), NULL, NULL, &why));
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put(path, texts[i]);
		refused(ramet_ckptmgr_set_state(m, raw("a"), raw("[]"), 0, &why), RAMET_EFORMAT);
		refused(ramet_ckptmgr_list(m, &(struct ramet_ckptmgr_list){ NULL, 0 }, &why),
			RAMET_EFORMAT);
		assert_string_equal(bytes_of(path).ptr, texts[i]);
	}
}

static void damage__of_one_session_leaves_the_others(void **state)
{
	struct ramet_ckptmgr_session s = RAMET_CKPTMGR_SESSION_INIT;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/s.json", dir);
	put(path, "{\"sessions\":{\"bad\":{\"Messages\":7},\"good\":null}}");
	reopen();
	refused(ramet_ckptmgr_get(m, raw("bad"), &s, &why), RAMET_EFORMAT);
	refused(ramet_ckptmgr_snapshot(m, raw("bad"), raw("k"), &why), RAMET_EFORMAT);
	must(ramet_ckptmgr_set_state(m, raw("good"), raw("[]"), 1, &why));
	assert_non_null(strstr(bytes_of(path).ptr, "\"bad\": {\"Messages\":7}"));
	must(ramet_ckptmgr_get(m, raw("good"), &s, &why));
	assert_int_equal(s.user_turns, 1);
	ramet_ckptmgr_session_release(&s);
}

/* ---- others ---- */

static void others__their_sessions_stay(void **state)
{
	struct ramet_ckptmgr *other = NULL;
	struct ramet_ckptmgr_list list = RAMET_CKPTMGR_LIST_INIT;

	(void)state;
	must(ramet_ckptmgr_open(&m, path, NULL, &why));
	must(ramet_ckptmgr_open(&other, path, NULL, &why));
	must(ramet_ckptmgr_get_or_create(m, raw("a"), NULL, NULL, &why));
	must(ramet_ckptmgr_get_or_create(other, raw("b"), NULL, NULL, &why));
	must(ramet_ckptmgr_set_state(m, raw("a"), raw("[]"), 3, &why));
	must(ramet_ckptmgr_list(other, &list, &why));
	assert_int_equal(list.n, 2);
	ramet_ckptmgr_list_release(&list);
	ramet_ckptmgr_close(other);
}

static void others__draw_other_fork_ids(void **state)
{
	enum { PROCESSES = 4, EACH = 25 };
	struct ramet_buf id = RAMET_BUF_INIT(1000);
	int i, k, status;

	(void)state;
	rameti_env_use(NULL);
	for (i = 0; i < PROCESSES; i++)
		if (!fork()) {
			struct ramet_ckptmgr *mine = NULL;
			int r = ramet_ckptmgr_open(&mine, path, NULL, NULL);

			for (k = 0; k < EACH && !r; k++) {
				ramet_buf_reset(&id);
				r = ramet_ckptmgr_new_fork_id(mine, raw("x"), &id, NULL);
				if (!r)
					r = ramet_ckptmgr_get_or_create(mine, ramet_buf_bytes(&id),
									NULL, &status, NULL);
				r = r ? r : !status;
			}
			_exit(r ? 1 : 0);
		}
	for (i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	ramet_buf_reset(&id);
	must(ramet_ckptmgr_open(&m, path, NULL, &why));
	must(ramet_ckptmgr_new_fork_id(m, raw("x"), &id, &why));
	assert_string_equal(id.ptr, "x#fork-101");
	ramet_buf_release(&id);
}

static void others__lock_is_waited_for(void **state)
{
	const struct ramet_ckptmgr_opts opts = { .lock_ms = 50 };
	int fd;

	(void)state;
	must(ramet_ckptmgr_open(&m, path, &opts, &why));
	must(ramet_ckptmgr_get_or_create(m, raw("a"), NULL, NULL, &why));
	fd = open(path, O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	refused(ramet_ckptmgr_set_state(m, raw("a"), raw("[]"), 0, &why), RAMET_ECONFLICT);
	(void)close(fd);
	must(ramet_ckptmgr_set_state(m, raw("a"), raw("[]"), 0, &why));
}

static void file__keeps_its_mode_and_a_link_to_it(void **state)
{
	char link[TEMP_PATH];
	struct stat st;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/s.json", dir);
	(void)snprintf(link, sizeof(link), "%s/link.json", dir);
	put(path, "");
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(symlink("s.json", link), 0);
	must(ramet_ckptmgr_open(&m, link, NULL, &why));
	must(ramet_ckptmgr_get_or_create(m, raw("a"), NULL, NULL, &why));
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(mode_of(path), 0644);
	assert_true(bytes_of(path).len > 0);
}

static void memory__has_no_file(void **state)
{
	struct ramet_buf text = RAMET_BUF_INIT(10000);

	(void)state;
	must(ramet_ckptmgr_open(&m, "  ", NULL, &why));
	must(ramet_ckptmgr_get_or_create(m, raw(""), NULL, NULL, &why));
	must(ramet_ckptmgr_get_or_create(m, raw(""), NULL, NULL, &why));
	must(ramet_ckptmgr_state(m, &text, &why));
	assert_string_equal(text.ptr, bytes_of(golden("01-default-created.json")).ptr);
	ramet_buf_release(&text);
}

/* ---- faults ---- */

static int do_all(void)
{
	struct ramet_ckptmgr *mine = NULL;
	struct ramet_ckptmgr_list list = RAMET_CKPTMGR_LIST_INIT;
	struct ramet_buf id = RAMET_BUF_INIT(1000);
	int r = ramet_ckptmgr_open(&mine, path, NULL, &why);

	if (!r)
		r = ramet_ckptmgr_set_state(mine, raw("b"), raw("[{\"role\":\"user\"}]"), 1, &why);
	if (!r)
		r = ramet_ckptmgr_snapshot(mine, raw("b"), raw("k"), &why);
	if (!r)
		r = ramet_ckptmgr_rewind(mine, raw("b"), raw("k"), &why);
	if (!r)
		r = ramet_ckptmgr_new_fork_id(mine, raw("b"), &id, &why);
	if (!r)
		r = ramet_ckptmgr_clone(mine, raw("b"), ramet_buf_bytes(&id), 0, &why);
	if (!r)
		r = ramet_ckptmgr_list(mine, &list, &why);
	ramet_ckptmgr_list_release(&list);
	ramet_ckptmgr_close(mine);
	ramet_buf_release(&id);
	return r;
}

/* Whatever failed: a whole state, with session "a" as it was. */
static void assert_sound(void)
{
	struct ramet_ckptmgr_session s = RAMET_CKPTMGR_SESSION_INIT;

	reopen();
	must(ramet_ckptmgr_get(m, raw("a"), &s, &why));
	assert_int_equal(s.user_turns, 7);
	ramet_ckptmgr_session_release(&s);
	ramet_ckptmgr_close(m);
	m = NULL;
}

static void start_with_a(void)
{
	(void)snprintf(path, sizeof(path), "%s/s.json", dir);
	(void)unlink(path);
	reopen();
	must(ramet_ckptmgr_set_state(m, raw("a"), raw("[]"), 7, &why));
	ramet_ckptmgr_close(m);
	m = NULL;
}

static void faults__of_memory_leave_a_whole_state(void **state)
{
	unsigned n;
	int r, reached;

	(void)state;
	for (n = 1;; n++) {
		start_with_a();
		failing_memory_start(n);
		r = do_all();
		reached = failing_memory_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
		assert_sound();
		if (!reached)
			break;
	}
}

static void faults__of_the_system_leave_a_whole_state(void **state)
{
	struct failing_env failing;
	unsigned n;
	int r;

	(void)state;
	for (n = 1;; n++) {
		rameti_env_use(NULL);
		start_with_a();
		failing_env_init(&failing, n, EIO);
		rameti_env_use(&failing.env);
		r = do_all();
		rameti_env_use(NULL);
		assert_int_equal(failing.open_fds, 0);
		assert_sound();
		if (failing.calls < n)
			break;
		(void)r;
	}
	assert_true(n > 50);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(golden__states_are_made_byte_for_byte),
		T(golden__numbers_keep_their_text),
		T(golden__list_is_newest_first),
		T(golden__file_checkpoints_stay),
		T(bytes__what_is_not_changed_stays),
		T(bytes__files_come_back_exactly),
		T(refusals__change_nothing),
		T(damage__is_never_written_over),
		T(damage__of_one_session_leaves_the_others),
		T(others__their_sessions_stay),
		T(others__draw_other_fork_ids),
		T(others__lock_is_waited_for),
		T(file__keeps_its_mode_and_a_link_to_it),
		T(memory__has_no_file),
		T(faults__of_memory_leave_a_whole_state),
		T(faults__of_the_system_leave_a_whole_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
