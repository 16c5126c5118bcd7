/*
 * test_index_admin.c - what can be asked of indexes, done with them, and how much room they take.
 */
#include "indexed.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/index_cap.h"

static const char *status(void)
{
	static char text[512];
	struct ramet_index_info info;
	struct ramet_buf path = RAMET_BUF_INIT(TEMP_PATH);

	must(ramet_index_status(indexed_session(), &info, &path, &why));
	assert_int_equal(info.session_size, bytes_of(indexed_session()).len);
	if (info.present) {
		assert_string_equal(path.ptr, indexed_file(indexed_session()));
		assert_int_equal(info.size, bytes_of(path.ptr).len);
	} else {
		assert_int_equal(info.size + info.covered + info.n_entries, 0);
		assert_null(info.why);
	}
	(void)snprintf(text, sizeof(text), "%s, %u entries, %s", info.present ? "there" : "none",
		       (unsigned)info.n_entries, info.why ? info.why : "fine");
	ramet_buf_release(&path);
	return text;
}

static void index_admin__says_whether_it_holds(void **state)
{
	const char *file;
	struct stat st;

	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	assert_string_equal(status(), "none, 0 entries, fine");
	make_index(indexed_session());
	assert_string_equal(status(), "there, 102 entries, fine");
	add_to(indexed_session(), MESSAGE("y1", "'z2'", U("more")));
	assert_string_equal(status(), "there, 102 entries, fine");
	assert_int_equal(truncate(indexed_session(), 270000), 0);
	assert_string_equal(status(),
			    "there, 102 entries, the session is shorter than what it covers");
	make_shape(indexed_session(), &shapes[0]);
	assert_string_equal(status(), "there, 102 entries, the session was changed");
	make_index(indexed_session());
	file = indexed_file(indexed_session());
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(truncate(file, st.st_size - 4096), 0);
	assert_string_equal(status(), "there, 102 entries, it is damaged");
	assert_int_equal(truncate(file, 8192), 0);
	assert_string_equal(status(), "there, 102 entries, it is cut off");
	assert_int_equal(truncate(file, 100), 0);
	assert_string_equal(status(),
			    "there, 0 entries, it is damaged, or of another version or machine");
	indexed_clock(0);
	assert_int_equal(unlink(file), 0);
	make_shape(indexed_session(), &shapes[0]);
	make_index(indexed_session());
	assert_string_equal(status(), "there, 102 entries, the session had just been written to");
}

static void index_admin__finds_damage_anywhere(void **state)
{
	struct ramet_bytes all;
	char path[TEMP_PATH];
	size_t at;

	(void)state;
	make_shape(indexed_session(), &shapes[11]);
	make_index(indexed_session());
	(void)snprintf(path, sizeof(path), "%s", indexed_file(indexed_session()));
	all = bytes_of(path);
	for (at = 4096; at < all.len; at += 4096) {
		((char *)(uintptr_t)all.ptr)[at] ^= 1;
		put_bytes(path, all);
		assert_non_null(strstr(status(), "it is damaged"));
		((char *)(uintptr_t)all.ptr)[at] ^= 1;
	}
}

static void index_admin__rebuilds(void **state)
{
	(void)state;
	make_shape(indexed_session(), &shapes[0]);
	assert_int_equal(must(ramet_index_rebuild(indexed_session(), &why)), 1);
	assert_opens_from_index(indexed_session());
	add_to(indexed_session(), MESSAGE("y1", "'z2'", U("more")));
	assert_int_equal(must(ramet_index_rebuild(indexed_session(), &why)), 1);
	assert_string_equal(status(), "there, 103 entries, fine");
	/* what needs none loses it */
	add_to(indexed_session(), "torn");
	assert_int_equal(must(ramet_index_rebuild(indexed_session(), &why)), 0);
	assert_string_equal(status(), "none, 0 entries, fine");
	put(indexed_session(), HEAD);
	assert_int_equal(must(ramet_index_rebuild(indexed_session(), &why)), 0);
	put(indexed_session(), "no session");
	refused(ramet_index_rebuild(indexed_session(), &why), RAMET_EFORMAT);
}

static void index_admin__counts_and_clears(void **state)
{
	const char *other = temp_path(indexed_dir, "s/other.jsonl");
	struct ramet_buf dir = RAMET_BUF_INIT(TEMP_PATH);
	struct ramet_index_total t;

	(void)state;
	must(ramet_index_count(&t, &dir, &why));
	assert_int_equal(t.n + t.size, 0);
	assert_int_equal(t.limit, RAMETI_INDEX_CAP);
	assert_string_equal(dir.ptr, indexed_cache());
	must(ramet_index_clear(NULL, &t, &why));
	assert_int_equal(t.n, 0);
	make_shape(indexed_session(), &shapes[0]);
	make_shape(other, &shapes[1]);
	must(ramet_index_clear(other, &t, &why));
	assert_int_equal(t.n, 0);
	make_index(indexed_session());
	make_index(other);
	put(temp_path(indexed_cache(), "notes.idx"), "mine");
	must(ramet_index_count(&t, NULL, &why));
	assert_int_equal(t.n, 2);
	must(ramet_index_clear(other, &t, &why));
	assert_int_equal(t.n, 1);
	assert_string_equal(indexed_file(other), "");
	make_index(other);
	must(ramet_index_clear(NULL, &t, &why));
	assert_int_equal(t.n, 2);
	assert_true(t.size > 2 * 4096);
	assert_string_equal(names_in(indexed_cache()), "notes.idx");
	ramet_buf_release(&dir);
}

static void index_admin__says_what_is_not_there(void **state)
{
	struct ramet_index_info info;
	struct ramet_index_total t;

	(void)state;
	refused(ramet_index_status(indexed_session(), &info, NULL, &why), RAMET_ENOTFOUND);
	refused(ramet_index_rebuild(indexed_session(), &why), RAMET_ENOTFOUND);
	refused(ramet_index_clear(indexed_session(), NULL, &why), RAMET_ENOTFOUND);
	refused(ramet_index_status(indexed_dir, &info, NULL, &why), RAMET_EFORMAT);
	make_shape(indexed_session(), &shapes[0]);
	assert_int_equal(unsetenv("HOME"), 0);
	assert_int_equal(setenv("XDG_CACHE_HOME", "", 1), 0);
	refused(ramet_index_status(indexed_session(), &info, NULL, &why), RAMET_ENOTFOUND);
	refused(ramet_index_rebuild(indexed_session(), &why), RAMET_ENOTFOUND);
	refused(ramet_index_clear(indexed_session(), NULL, &why), RAMET_ENOTFOUND);
	refused(ramet_index_clear(NULL, NULL, &why), RAMET_ENOTFOUND);
	refused(ramet_index_count(&t, NULL, &why), RAMET_ENOTFOUND);
}

/* ---- the cap ---- */

static void index_cap__knows_its_names(void **state)
{
	(void)state;
	assert_true(rameti_index_is_name("fe00-12ab.idx"));
	assert_true(rameti_index_is_name("0-0.idx"));
	assert_false(rameti_index_is_name("notes.idx"));
	assert_false(rameti_index_is_name("-1.idx"));
	assert_false(rameti_index_is_name("1-.idx"));
	assert_false(rameti_index_is_name("1-2.idx.tmp"));
	assert_false(rameti_index_is_name("1-2-3.idx"));
	assert_false(rameti_index_is_name("FE-1.idx"));
	assert_false(rameti_index_is_name(".idx"));
	assert_false(rameti_index_is_name(""));
}

static void index_cap__removes_the_oldest(void **state)
{
	static char text[1000];
	char name[64];
	long i;

	(void)state;
	memset(text, 'x', sizeof(text));
	for (i = 0; i < 10; i++) {
		(void)snprintf(name, sizeof(name), "c/ramet/index/1-%lx.idx", i);
		temp_file(indexed_dir, name, text, sizeof(text), 1000 + i * 7 % 10, i);
	}
	temp_file(indexed_dir, "c/ramet/index/notes.idx", text, sizeof(text), 1, 0);
	temp_file(indexed_dir, "c/ramet/index/1-1.idx.old", text, sizeof(text), 1, 0);
	rameti_index_cap(indexed_cache(), "1-0.idx", 10000);
	assert_string_equal(names_in(indexed_cache()),
			    "1-0.idx 1-1.idx 1-1.idx.old 1-2.idx 1-3.idx 1-4.idx 1-5.idx 1-6.idx "
			    "1-7.idx 1-8.idx 1-9.idx notes.idx");
	/* in order of age: 0 3 6 9 2 5 8 1 4 7, of which 0 is kept */
	rameti_index_cap(indexed_cache(), "1-0.idx", 6999);
	assert_string_equal(names_in(indexed_cache()),
			    "1-0.idx 1-1.idx 1-1.idx.old 1-4.idx 1-5.idx 1-7.idx 1-8.idx "
			    "notes.idx");
	rameti_index_cap(indexed_cache(), "1-0.idx", 0);
	assert_string_equal(names_in(indexed_cache()), "1-0.idx 1-1.idx.old notes.idx");
	rameti_index_cap(temp_path(indexed_dir, "nowhere"), "", 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, indexed_setup, indexed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(index_admin__says_whether_it_holds),
		CASE(index_admin__finds_damage_anywhere),
		CASE(index_admin__rebuilds),
		CASE(index_admin__counts_and_clears),
		CASE(index_admin__says_what_is_not_there),
		CASE(index_cap__knows_its_names),
		CASE(index_cap__removes_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
