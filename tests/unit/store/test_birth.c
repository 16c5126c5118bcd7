/*
 * birth.c: sessions made of lines that are there already, in a file that appears whole or in
 * memory; each line is an entry, or nothing comes of it. And ids for entries that have none.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/birth.h"

#define TALK HEAD MESSAGE("u1", "null", U("one")) MESSAGE("a1", "'u1'", A("two"))

static char *dir;
static struct ramet_session *s, *copy;
static struct rameti_birth birth;

static int make_dir(void **state)
{
	static const struct rameti_birth unborn = RAMETI_BIRTH_INIT;

	(void)state;
	dir = temp_dir_new();
	s = copy = NULL;
	birth = unborn;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)scarce_stop();
	rameti_birth_abort(&birth);
	ramet_session_close(s);
	ramet_session_close(copy);
	temp_dir_remove(dir);
	return 0;
}

static void given(const char *text)
{
	put(temp_path(dir, "s.jsonl"), text);
	s = opened(temp_path(dir, "s.jsonl"));
}

static int begin(enum rameti_birth_place place)
{
	const struct ramet_create_opts opts = { .id = "s2", .dir = temp_path(dir, "to") };

	return rameti_birth_begin(&birth, place, "/w", &opts, &why);
}

/* Add the rows of s, each line with n bytes less in front. */
static int add_rows(size_t n)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_buf scratch = RAMET_BUF_INIT(1u << 20);
	struct ramet_bytes line;
	uint32_t row;
	int r = 0;

	for (row = 0; !r && row < ramet_tree_count(t); row++) {
		r = ramet_tree_entry(t, row, &scratch, &line, &why);
		if (r < 0)
			break;
		line.ptr += n;
		line.len -= n;
		r = rameti_birth_row(&birth, t, row, line, &why);
	}
	ramet_buf_release(&scratch);
	return r;
}

static void same_entries(void)
{
	uint32_t row;

	assert_int_equal(ramet_tree_count(ramet_session_tree(copy)), 2);
	for (row = 0; row < 2; row++)
		assert_string_equal(entry_of(copy, row).ptr, entry_of(s, row).ptr);
	assert_string_equal(leaf_id(copy), "a1");
}

static void birth__takes_rows_over_in_every_place(void **state)
{
	int place;

	(void)state;
	given(TALK);
	for (place = RAMETI_BIRTH_FILE; place <= RAMETI_BIRTH_MEMORY; place++) {
		must(begin((enum rameti_birth_place)place));
		must(add_rows(0));
		must(rameti_birth_end(&birth, &copy, &why));
		same_entries();
		assert_int_equal(ramet_session_stored(copy), place == RAMETI_BIRTH_FILE);
		if (place == RAMETI_BIRTH_FILE)
			assert_reopens_same(copy);
		assert_int_equal(!ramet_session_path(copy), place == RAMETI_BIRTH_MEMORY);
		ramet_session_close(copy);
		copy = NULL;
	}
}

/* A line that is not as its row says is looked at again. */
static void birth__of_a_row_with_another_line_reads_the_line(void **state)
{
	(void)state;
	given(HEAD "  {'type':'message','id':'u1','parentId':null,'message':" U("one") "}\n"
	      "  {'type':'message','id':'a1','parentId':'u1','message':" A("two") "}\n");
	must(begin(RAMETI_BIRTH_FILE));
	must(add_rows(2));
	must(rameti_birth_end(&birth, &copy, &why));
	assert_int_equal(ramet_tree_row(ramet_session_tree(copy), 1)->length,
			 ramet_tree_row(ramet_session_tree(s), 1)->length - 2);
	assert_reopens_same(copy);
	assert_string_equal(entry_of(copy, 0).ptr, entry_of(s, 0).ptr + 2);
}

static void birth__refuses_lines_that_are_no_entry(void **state)
{
	static const char *const lines[] = { "[]", "{", "", "{'type':'session','id':'x'}", "{}{}" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		must(begin(RAMETI_BIRTH_FILE));
		refused(rameti_birth_line(&birth, js(lines[i]), &why), RAMET_EINVAL);
		rameti_birth_abort(&birth);
		assert_string_equal(names_in(temp_path(dir, "to")), "");
	}
}

static int bear(int place, struct ramet_bytes last)
{
	int r = begin((enum rameti_birth_place)place);

	if (!r)
		r = add_rows(0);
	if (!r)
		r = rameti_birth_line(&birth, last, &why);
	return r ? r : rameti_birth_end(&birth, &copy, &why);
}

static void birth__survives_every_failing_allocation(void **state)
{
	struct ramet_bytes last;
	unsigned n, reached;
	int place, r;

	(void)state;
	given(TALK);
	for (place = RAMETI_BIRTH_FILE; place <= RAMETI_BIRTH_MEMORY; place++)
		for (n = 1, reached = 1; reached; n++) {
			last = js("{'type':'custom','id':'c','parentId':'a1'}");
			memset(&why, 0, sizeof(why));
			scarce_start(n);
			r = bear(place, last);
			reached = (unsigned)scarce_stop();
			assert_true(r == 0 || (reached && r == RAMET_ENOMEM && why.code == r));
			rameti_birth_abort(&birth);
			assert_int_equal(!copy, r < 0);
			if (r < 0 && exists(temp_path(dir, "to")))
				assert_string_equal(names_in(temp_path(dir, "to")), "");
			if (!r && place == RAMETI_BIRTH_FILE) {
				assert_reopens_same(copy);
				assert_int_equal(remove(ramet_session_path(copy)), 0);
			}
			ramet_session_close(copy);
			copy = NULL;
		}
	assert_true(n > 10);
}

/* A session kept in memory grows over any first guess. */
static void birth__in_memory_tells_when_it_cannot_grow(void **state)
{
	struct ramet_buf line = RAMET_BUF_INIT(4u << 20);
	struct ramet_bytes text;
	unsigned n, reached;
	int r;

	(void)state;
	ramet_buf_addf(&line, "{'type':'custom','id':'c','parentId':null,'x':'%*d'}", 1 << 20, 7);
	assert_int_equal(ramet_buf_status(&line), 0);
	for (n = 1, reached = 1; reached; n++) {
		must(begin(RAMETI_BIRTH_MEMORY));
		text = js(line.ptr);
		memset(&why, 0, sizeof(why));
		scarce_start(n);
		r = rameti_birth_line(&birth, text, &why);
		reached = (unsigned)scarce_stop();
		assert_true(r == 0 || (reached && r == RAMET_ENOMEM && why.code == r));
		rameti_birth_abort(&birth);
	}
	ramet_buf_release(&line);
}

static void pin__is_for_the_file_that_is_open(void **state)
{
	struct stat st, other;

	(void)state;
	given(TALK);
	assert_int_equal(stat(temp_path(dir, "s.jsonl"), &st), 0);
	assert_int_equal(rameti_session_pin(s, &st), 0);
	assert_int_equal(rameti_session_pin(s, NULL), 0);
	other = st;
	other.st_ino++;
	assert_int_equal(rameti_session_pin(s, &other), RAMET_ECONFLICT);
	other = st;
	other.st_dev++;
	assert_int_equal(rameti_session_pin(s, &other), RAMET_ECONFLICT);
	assert_int_equal(rameti_session_size(s), st.st_size);
}

static void id_maker__steps_over_ids_that_are_there(void **state)
{
	struct rameti_id_maker m;
	char id[RAMET_ID_SIZE];

	(void)state;
	given(HEAD "{'type':'custom','id':'00000007','parentId':null}\n"
	      "{'type':'custom','id':'9e3779b8','parentId':null}\n");
	rameti_id_start(&m, 7);
	must(rameti_id_next(&m, ramet_session_tree(s), id, &why));
	assert_string_equal(id, "3c6ef369");
	must(rameti_id_next(&m, ramet_session_tree(s), id, &why));
	assert_string_equal(id, "daa66d1a");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(birth__takes_rows_over_in_every_place),
		CASE(birth__of_a_row_with_another_line_reads_the_line),
		CASE(birth__refuses_lines_that_are_no_entry),
		CASE(birth__survives_every_failing_allocation),
		CASE(birth__in_memory_tells_when_it_cannot_grow),
		CASE(pin__is_for_the_file_that_is_open),
		CASE(id_maker__steps_over_ids_that_are_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
