/*
 * seal.c, seal_check.c: what was sealed and changed since is found and named, whatever was done to
 * it; what was only appended, copied or sealed by somebody else is not called damage.
 */
#include "ops/seal_priv.h"
#include "store/faulty.h"
#include "store/temp_dir.h"
#include "store/written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sign.h"
#include "model/tree.h"

#define FIVE                                                                                       \
	HEAD MESSAGE("a1", "null", U("one")) MESSAGE("a2", "'a1'", A("two"))                       \
	MESSAGE("a3", "'a2'", U("three")) MESSAGE("a4", "'a3'", A("four"))                         \
	MESSAGE("a5", "'a4'", U("five"))
#define LINES_MAX 400

static char *dir;
static const char *path;
static struct ramet_sealed done;

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
	(void)scarce_stop();
	temp_dir_remove(dir);
	return 0;
}

/* ---- judging ---- */

static struct rameti_seal_sum sum;

/* One line of a file, without its newline. */
static struct ramet_bytes next_line(struct ramet_bytes *rest)
{
	const char *end = memchr(rest->ptr, '\n', rest->len);
	struct ramet_bytes line = { rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len };
	size_t used = line.len + (end != NULL);

	rest->ptr += used;
	rest->len -= used;
	return line;
}

static int is_seal(struct ramet_bytes line)
{
	const char *name = "\"customType\":\"ramet.seal\"";

	return line.len && line.ptr[0] == '{' && memmem(line.ptr, line.len, name, strlen(name));
}

static int check_all(struct rameti_seal_check *c, struct ramet_bytes text,
		     struct ramet_findings *f)
{
	struct ramet_bytes rest = text, line = next_line(&rest);
	uint64_t number = 2, offset;
	int r = rameti_seal_check_header(c, line, NULL);

	for (; !r && rest.len; number++) {
		offset = (uint64_t)(rest.ptr - text.ptr);
		line = next_line(&rest);
		r = rameti_seal_check_line(c, line, number, offset, is_seal(line), f, NULL);
	}
	return r;
}

/* "LINE TEXT; LINE TEXT": the findings of these bytes. Valid until the next call. */
static const char *judged(struct ramet_bytes text, const uint8_t *key)
{
	static char told[8192];
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	struct rameti_seal_check *c;
	size_t len = 0;
	uint32_t i;

	must(rameti_seal_check_new(&c, key, &why));
	must(check_all(c, text, &f));
	rameti_seal_check_sum(c, &sum);
	rameti_seal_check_free(c);
	told[0] = '\0';
	for (i = 0; i < f.n; i++) {
		assert_string_equal(f.items[i].code, "seal");
		if (f.items[i].severity != RAMET_DAMAGE)
			len += (size_t)snprintf(told + len, sizeof(told) - len, "(%s) ",
						ramet_severity_name(f.items[i].severity));
		len += (size_t)snprintf(told + len, sizeof(told) - len, "%u %.*s%s",
					(unsigned)f.items[i].line, RAMET_FMT(f.items[i].text),
					i + 1 < f.n ? "; " : "");
		assert_true(len < sizeof(told));
	}
	ramet_findings_release(&f);
	return told;
}
#define assert_judged(text) assert_string_equal(judged(bytes_of(path), NULL), text)
#define assert_sum(seals, sealed, unsealed)                                                        \
	(assert_int_equal(sum.n_seals, seals), assert_int_equal(sum.n_sealed, sealed),             \
	 assert_int_equal(sum.n_unsealed, unsealed))

static void seal_with(const char *key)
{
	struct ramet_seal_opts opts = { key };
	struct ramet_session *s = opened(path);

	must(ramet_session_seal(s, &opts, &done, &why));
	assert_reopens_same(s);
	ramet_session_close(s);
}
#define seal() seal_with(NULL)

/* ---- files as lists of lines ---- */

static struct ramet_bytes list[LINES_MAX];
static size_t n_list;

static void read_list(void)
{
	struct ramet_bytes rest = bytes_of(path);

	for (n_list = 0; rest.len; n_list++)
		list[n_list] = next_line(&rest);
}

static void remove_line(size_t number, size_t n)
{
	memmove(list + number - 1, list + number - 1 + n,
		(n_list - number + 1 - n) * sizeof(*list));
	n_list -= n;
}

static void put_in(size_t number, const char *text)
{
	memmove(list + number, list + number - 1, (n_list - number + 1) * sizeof(*list));
	list[number - 1] = ramet_bytes_of(text);
	n_list++;
}

static void write_list(void)
{
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	size_t i;

	for (i = 0; i < n_list; i++) {
		ramet_buf_add(&b, list[i]);
		ramet_buf_add_char(&b, '\n');
	}
	put_bytes(path, ramet_buf_bytes(&b));
	ramet_buf_release(&b);
}

/* All that read_list has read. */
static struct ramet_bytes whole(void)
{
	const struct ramet_bytes *last = &list[n_list - 1];
	struct ramet_bytes text = { list[0].ptr, 0 };

	text.len = (size_t)(last->ptr + last->len + 1 - text.ptr);
	return text;
}

/* The first place of `what` in the file becomes `with`, which is as long. */
static void change(const char *what, const char *with)
{
	struct ramet_bytes text = bytes_of(path);
	char *copy = malloc(text.len), *at;

	assert_int_equal(strlen(what), strlen(with));
	assert_non_null(copy);
	memcpy(copy, text.ptr, text.len);
	at = memmem(copy, text.len, what, strlen(what));
	assert_non_null(at);
	memcpy(at, with, strlen(with));
	put_bytes(path, (struct ramet_bytes){ copy, text.len });
	free(copy);
}

/* ---- sealing ---- */

static void seal__covers_all_lines(void **state)
{
	(void)state;
	put(path, FIVE);
	seal();
	assert_int_equal(done.n_seals, 1);
	assert_int_equal(done.n_lines, 5);
	assert_int_equal(done.up_to, 5);
	assert_int_equal(done.offset, strlen(FIVE));
	assert_int_equal(done.is_signed, 0);
	assert_judged("");
	assert_sum(1, 5, 0);
	assert_int_equal(sum.n_signed, 0);
}

/* The example of docs/format/seal.md. */
static void seal__has_exactly_this_content(void **state)
{
	(void)state;
	put(path, HEAD MESSAGE("a1", "null", U("one")));
	seal();
	assert_file(path, "%s%s", dq(HEAD MESSAGE("a1", "null", U("one"))),
		    dq("{'type':'custom','customType':'ramet.seal','data':{'version':1,"
		       "'session':'s1',"
		       "'header':"
		       "'bb47732c1dbd8d08ce0120b2f63bb4a1b55f27dba880de7310e697a36984959d',"
		       "'count':1,'upTo':{'lines':1,'offset':217},"
		       "'head':"
		       "'96fec8e23433acfd90b03c9706b5de9815fa5156dfd13dd788a3288282f12b3a',"
		       "'hashes':'4efb540b'},'id':'<id>','parentId':'a1','timestamp':'<now>'}\n"));
}

static void seal__counts_damaged_and_blank_lines(void **state)
{
	(void)state;
	put(path, HEAD "\n" MESSAGE("a1", "null", U("one")) "not JSON\n{'a':1}{'b':2}\n\r\n");
	seal();
	assert_int_equal(done.up_to, 5);
	assert_judged("");
	change("not", "Not");
	assert_judged("4 this line was changed after the sealing (seal in line 7)");
}

static void seal__covers_a_last_line_without_newline(void **state)
{
	(void)state;
	put(path, HEAD MESSAGE("a1", "null", U("one")) "{'type':'mess");
	seal();
	assert_int_equal(done.up_to, 2);
	assert_judged("");
	assert_sum(1, 2, 0);
	seal();
	assert_int_equal(done.n_seals, 0);
}

static void seal__goes_on_behind_the_last_one(void **state)
{
	(void)state;
	put(path, FIVE);
	seal();
	seal();
	assert_int_equal(done.n_seals, 0);
	assert_int_equal(done.up_to, 5);
	add_to(path, MESSAGE("b1", "'a5'", A("six")));
	assert_judged("");
	assert_sum(1, 5, 1);
	seal();
	assert_int_equal(done.n_lines, 2);
	assert_int_equal(done.up_to, 7);
	assert_judged("");
	assert_sum(2, 7, 0);
	assert_int_equal(strlen(done.head), 64);
}

static void seal__covers_many_lines_with_several_seals(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	unsigned i;

	(void)state;
	ramet_buf_add(&b, js(HEAD));
	for (i = 0; i < 120000; i++)
		ramet_buf_addf(&b,
			       "{\"type\":\"x\",\"id\":\"%u\",\"parentId\":null,"
			       "\"timestamp\":\"2026-03-01T10:00:01.000Z\"}\n",
			       i);
	put_bytes(path, ramet_buf_bytes(&b));
	ramet_buf_release(&b);
	seal();
	assert_int_equal(done.n_seals, 3);
	assert_int_equal(done.n_lines, 120000);
	assert_judged("");
	assert_sum(3, 120000, 0);
	seal();
	assert_int_equal(done.n_seals, 0);
	change("\"id\":\"60000\"", "\"id\":\"xxxxx\"");
	assert_judged("60002 this line was changed after the sealing (seal in line 120003)");
}

static void seal__of_an_empty_session_is_nothing(void **state)
{
	(void)state;
	put(path, HEAD);
	seal();
	assert_int_equal(done.n_seals, 0);
	assert_file(path, "%s", dq(HEAD));
	add_to(path, MESSAGE("a1", "null", U("one")));
	seal();
	assert_int_equal(done.n_lines, 1);
	assert_judged("");
}

static void seal__covers_what_is_known_and_says_so(void **state)
{
	struct ramet_session *s;

	(void)state;
	put(path, FIVE);
	s = opened(path);
	add_to(path, MESSAGE("b1", "'a5'", A("six")));
	must(ramet_session_seal(s, NULL, &done, &why));
	assert_int_equal(done.up_to, 6);
	ramet_session_close(s);
	assert_judged("");
}

static void append_other(void *user)
{
	(void)user;
	add_to(path, MESSAGE("b1", "'a5'", A("six")));
}

static void seal__leaves_lines_that_come_meanwhile_to_the_next_one(void **state)
{
	struct faults f = { .kind = FAULT_FLOCK, .n = 1, .meanwhile = append_other };
	struct ramet_session *s;

	(void)state;
	put(path, FIVE);
	s = opened(path);
	faults_start(&f);
	must(ramet_session_seal(s, NULL, &done, &why));
	assert_true(faults_stop());
	ramet_session_close(s);
	assert_int_equal(done.up_to, 5);
	assert_judged("");
	assert_sum(1, 5, 1);
	seal();
	assert_judged("");
	assert_sum(2, 7, 0);
}

static void seal__refuses_what_is_in_no_file(void **state)
{
	struct ramet_session *s;

	(void)state;
	must(ramet_session_open_bytes(&s, js(FIVE), NULL, &why));
	refused(ramet_session_seal(s, NULL, &done, &why), RAMET_EINVAL);
	ramet_session_close(s);
	s = created(dir);
	refused(ramet_session_seal(s, NULL, &done, &why), RAMET_EINVAL);
	ramet_session_close(s);
}

static void seal__refuses_version_1(void **state)
{
	struct ramet_session *s;

	(void)state;
	put(path, HEAD_OF("") LINE("message", "x", "null", ",'message':" U("one")));
	s = opened(path);
	refused(ramet_session_seal(s, NULL, &done, &why), RAMET_EVERSION);
	ramet_session_close(s);
}

static void seal__refuses_when_sealed_lines_were_moved(void **state)
{
	struct ramet_session *s;

	(void)state;
	put(path, FIVE);
	seal();
	read_list();
	remove_line(3, 1);
	write_list();
	add_to(path, MESSAGE("b1", "'a5'", A("six")));
	s = opened(path);
	refused(ramet_session_seal(s, NULL, &done, &why), RAMET_EFORMAT);
	ramet_session_close(s);
}

/* A later seal never vouches for a line that an earlier one covers. */
static void seal__leaves_a_broken_one_broken(void **state)
{
	(void)state;
	put(path, FIVE);
	seal();
	change("three", "THREE");
	add_to(path, MESSAGE("b1", "'a5'", A("six")));
	seal();
	assert_judged("4 this line was changed after the sealing (seal in line 7)");
	change("six", "SIX");
	assert_judged("4 this line was changed after the sealing (seal in line 7); "
		      "8 this line was changed after the sealing (seal in line 9)");
}

/* ---- what breaks one ---- */

static void sealed_twice(void)
{
	put(path, FIVE);
	seal();
	add_to(path, MESSAGE("b1", "'a5'", A("six")) MESSAGE("b2", "'b1'", A("seven")));
	seal();
	assert_judged("");
	read_list();
}

static void check__names_a_changed_line(void **state)
{
	static const char *const what[] = { "one", "two", "three", "four", "five", "six" };
	static const char *const with[] = { "onE", "twO", "threE", "fouR", "fivE", "siX" };
	char text[128];
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++) {
		sealed_twice();
		change(what[i], with[i]);
		(void)snprintf(text, sizeof(text),
			       "%zu this line was changed after the sealing (seal in line %d)",
			       i < 5 ? i + 2 : 8, i < 5 ? 7 : 10);
		assert_judged(text);
		assert_sum(2, 8, 0);
	}
}

static void check__names_where_lines_are_missing(void **state)
{
	size_t i;
	char text[160];

	(void)state;
	for (i = 2; i <= 6; i++) {
		sealed_twice();
		remove_line(i, 1);
		write_list();
		(void)snprintf(text, sizeof(text),
			       "%zu a line that was sealed is missing before this one "
			       "(seal in line 6)", i);
		assert_judged(text);
	}
	sealed_twice();
	remove_line(3, 3);
	write_list();
	assert_judged("3 3 lines that were sealed are missing before this one (seal in line 4)");
	sealed_twice();
	remove_line(2, 5);
	write_list();
	assert_judged("2 5 lines that were sealed are missing before this one (seal in line 2)");
}

static void check__names_what_was_put_in(void **state)
{
	char text[160];
	size_t i;

	(void)state;
	for (i = 2; i <= 6; i++) {
		sealed_twice();
		put_in(i, "{}");
		write_list();
		(void)snprintf(text, sizeof(text),
			       "%zu this line was put in after the sealing (seal in line 8)", i);
		assert_judged(text);
	}
	sealed_twice();
	put_in(4, "x");
	put_in(4, "");
	write_list();
	assert_judged("4 2 lines, from this one on, were put in after the sealing "
		      "(seal in line 9)");
}

static void check__names_swapped_lines(void **state)
{
	struct ramet_bytes two;

	(void)state;
	sealed_twice();
	two = list[2];
	list[2] = list[3];
	list[3] = two;
	write_list();
	assert_judged("3 this line and the next one changed places after the sealing "
		      "(seal in line 7)");
}

static void check__tells_each_of_several_changes(void **state)
{
	(void)state;
	sealed_twice();
	remove_line(3, 1);
	write_list();
	change("five", "FIVE");
	assert_judged("3 a line that was sealed is missing before this one (seal in line 6); "
		      "5 this line was changed after the sealing (seal in line 6)");
}

static void check__tells_at_most_20_of_a_seal(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1 << 20);
	const char *told;
	unsigned i;

	(void)state;
	ramet_buf_add(&b, js(HEAD));
	for (i = 0; i < 50; i++)
		ramet_buf_addf(&b, "line %u\n", i);
	put_bytes(path, ramet_buf_bytes(&b));
	seal();
	read_list();
	for (i = 1; i <= 50; i++)
		list[i] = ramet_bytes_of("other");
	write_list();
	told = judged(bytes_of(path), NULL);
	assert_non_null(strstr(told, "21 this line was changed"));
	assert_null(strstr(told, "22 this line"));
	assert_non_null(strstr(told, "52 30 more differences before this seal"));
	ramet_buf_release(&b);
}

static void check__misses_a_seal_that_is_gone(void **state)
{
	(void)state;
	sealed_twice();
	remove_line(7, 1);
	write_list();
	assert_judged("7 a line that was sealed is missing before this one (seal in line 9)");
	/* the last one leaves no trace: its lines are as if never sealed */
	sealed_twice();
	remove_line(10, 1);
	write_list();
	assert_judged("");
	assert_sum(1, 5, 2);
}

static void check__finds_a_cut_before_the_seal(void **state)
{
	(void)state;
	sealed_twice();
	n_list = 9;
	write_list();
	assert_judged("");
	assert_sum(1, 5, 2);
}

/* Every byte of the first seal's data, one after the other, made another one. */
static void check__finds_any_change_of_a_seal(void **state)
{
	struct ramet_bytes text;
	size_t i, from, to;
	char *copy;

	(void)state;
	sealed_twice();
	text = whole();
	copy = malloc(text.len);
	assert_non_null(copy);
	memcpy(copy, text.ptr, text.len);
	/* in the last one, which no other covers */
	from = (size_t)(strstr(list[9].ptr, "\"header\"") - text.ptr);
	to = (size_t)(strstr(list[9].ptr, "},\"id\"") - text.ptr);
	assert_true(to > from && to < text.len);
	for (i = from; i < to; i++) {
		char was = copy[i];

		copy[i] = was == '1' ? '2' : '1';
		if (!*judged((struct ramet_bytes){ copy, text.len }, NULL))
			fail_msg("byte %zu: nothing said", i - from);
		copy[i] = was;
	}
	free(copy);
}

static void check__finds_any_change_of_a_sealed_byte(void **state)
{
	struct ramet_bytes text;
	size_t i, end;
	char *copy;

	(void)state;
	sealed_twice();
	text = whole();
	end = (size_t)(list[9].ptr - text.ptr);
	copy = malloc(text.len);
	assert_non_null(copy);
	memcpy(copy, text.ptr, text.len);
	for (i = 0; i < end; i++) {
		copy[i] ^= 1;
		if (!*judged((struct ramet_bytes){ copy, text.len }, NULL))
			fail_msg("byte %zu: nothing said", i);
		copy[i] ^= 1;
	}
	free(copy);
}

static void check__tells_a_seal_that_cannot_be_read(void **state)
{
	(void)state;
	put(path, FIVE);
	seal();
	change("\"count\":5", "\"count\":x");
	assert_judged("7 this seal cannot be read: it was changed");
	assert_sum(0, 0, 6);
	change("\"count\":x", "\"count\":4");
	assert_judged("7 this seal cannot be read: it was changed");
	change("\"version\":1", "\"version\":2");
	assert_judged("(warning) 7 this seal has a form that is not known here");
}

static void check__tells_a_wrong_number_of_lines(void **state)
{
	(void)state;
	put(path, FIVE);
	seal();
	add_to(path, MESSAGE("b1", "'a5'", A("six")));
	change("{\"lines\":5", "{\"lines\":6");
	assert_judged("7 this seal was changed: its number of lines is wrong");
}

static void check__tells_a_wrong_offset(void **state)
{
	(void)state;
	put(path, "\xef\xbb\xbf" FIVE);
	seal();
	assert_judged("");
	put_bytes(path, (struct ramet_bytes){ bytes_of(path).ptr + 3, bytes_of(path).len - 3 });
	assert_judged("(warning) 7 the lines are as they were sealed, but do not stand where they "
		      "stood");
}

/* Two programs that sealed the same lines at once. */
static void check__takes_two_seals_over_the_same_lines(void **state)
{
	struct ramet_bytes text;
	char *early;
	size_t len;

	(void)state;
	put(path, FIVE);
	seal();
	text = rest_after(bytes_of(path), js(FIVE));
	len = text.len;
	early = malloc(len);
	assert_non_null(early);
	memcpy(early, text.ptr, len);
	/* the other one's covers a line more, and comes first; then the same again */
	put(path, FIVE MESSAGE("b1", "'a5'", A("six")));
	seal();
	read_list();
	list[n_list++] = (struct ramet_bytes){ early, len - 1 };
	list[n_list++] = list[7];
	write_list();
	assert_judged("");
	assert_sum(3, 6, 0);
	seal();
	assert_int_equal(done.n_seals, 0);
	add_to(path, MESSAGE("b2", "'b1'", U("seven")));
	seal();
	assert_judged("");
	assert_sum(4, 10, 0);
	change("five", "FIVE");
	judged(bytes_of(path), NULL);
	assert_sum(4, 10, 0);
	free(early);
}

/* ---- other headers ---- */

static void check__knows_copied_seals(void **state)
{
	struct ramet_fork_opts opts = { .dir = dir, .id = "copy" };
	struct ramet_session *s, *copy;

	(void)state;
	put(path, FIVE);
	seal();
	s = opened(path);
	must(ramet_fork(&copy, s, &opts, &why));
	assert_string_equal(judged(bytes_of(ramet_session_path(copy)), NULL),
			    "(info) 7 a seal of another session, copied: it says nothing here");
	assert_sum(0, 0, 6);
	assert_int_equal(sum.n_copied, 1);
	must(ramet_session_seal(copy, NULL, &done, &why));
	assert_int_equal(done.up_to, 6);
	judged(bytes_of(ramet_session_path(copy)), NULL);
	assert_sum(1, 6, 0);
	ramet_session_close(copy);
	opts.id = "branch";
	must(ramet_fork_branch(&copy, s, ramet_session_leaf(s), &opts, &why));
	judged(bytes_of(ramet_session_path(copy)), NULL);
	assert_sum(0, 0, 6);
	assert_int_equal(sum.n_copied, 1);
	ramet_session_close(copy);
	ramet_session_close(s);
}

static void check__tells_a_changed_header(void **state)
{
	(void)state;
	put(path, FIVE);
	seal();
	change("\"cwd\":\"/w\"", "\"cwd\":\"/x\"");
	assert_judged("(warning) 7 the header is not the one that was sealed: it was changed, or "
		      "the session migrated or exported since; this seal says nothing here");
	assert_sum(0, 0, 6);
	assert_int_equal(sum.n_copied, 1);
}

/* ---- signatures ---- */

static const char *new_key(const char *name, uint8_t key[32])
{
	static char names[4][TEMP_PATH + 8];
	static unsigned at;
	char *file = names[at++ % 4];

	(void)snprintf(file, TEMP_PATH, "%s/%s", dir, name);
	must(ramet_seal_key_new(file, &why));
	strncat(file, ".pub", 5);
	must(ramet_seal_key_read(file, key, &why));
	file[strlen(file) - 4] = '\0';
	return file;
}

static void sign__holds_for_its_key_only(void **state)
{
	const char *file;
	uint8_t key[32], other[32];

	(void)state;
	file = new_key("k", key);
	(void)new_key("other", other);
	put(path, FIVE);
	seal_with(file);
	assert_int_equal(done.is_signed, 1);
	assert_judged("");
	assert_int_equal(sum.n_signed, 1);
	assert_string_equal(judged(bytes_of(path), key), "");
	assert_int_equal(sum.n_signed, 1);
	assert_sum(1, 5, 0);
	assert_string_equal(judged(bytes_of(path), other),
			    "7 this seal is signed with another key");
	assert_int_equal(sum.n_signed, 0);
	assert_sum(1, 0, 5);
	seal_with(file);
	assert_int_equal(done.n_seals, 0);
}

static void sign__covers_what_was_sealed_without(void **state)
{
	const char *file;
	uint8_t key[32];

	(void)state;
	file = new_key("k", key);
	put(path, FIVE);
	seal();
	assert_string_equal(judged(bytes_of(path), key), "");
	assert_sum(1, 0, 5);
	seal_with(file);
	assert_int_equal(done.n_lines, 1);
	assert_string_equal(judged(bytes_of(path), key), "");
	assert_int_equal(sum.n_signed, 1);
	assert_sum(2, 6, 0);
}

static void sign__finds_any_change_of_a_signature(void **state)
{
	const char *file;
	uint8_t key[32];
	struct ramet_bytes text;
	size_t i, from, to;
	char *copy;

	(void)state;
	file = new_key("k", key);
	put(path, FIVE);
	seal_with(file);
	text = bytes_of(path);
	copy = malloc(text.len);
	assert_non_null(copy);
	memcpy(copy, text.ptr, text.len);
	from = (size_t)(strstr(text.ptr, "\"key\"") - text.ptr);
	to = (size_t)(strstr(text.ptr, ",\"hashes\"") - text.ptr);
	for (i = from; i < to; i++) {
		char was = copy[i];

		copy[i] = was == '1' ? '2' : '1';
		if (!*judged((struct ramet_bytes){ copy, text.len }, i % 2 ? key : NULL))
			fail_msg("byte %zu: nothing said", i - from);
		copy[i] = was;
	}
	free(copy);
}

static void sign__refuses_what_is_no_private_key(void **state)
{
	static const char not_der[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n"
				      "-----END PRIVATE KEY-----\n";
	static const char *const bad[] = { "", "x", not_der };
	struct ramet_seal_opts opts;
	struct ramet_session *s;
	uint8_t key[32];
	size_t i;

	(void)state;
	put(path, FIVE);
	s = opened(path);
	opts.key = temp_path(dir, "none");
	refused(ramet_session_seal(s, &opts, &done, &why), RAMET_ENOTFOUND);
	(void)new_key("k", key);
	opts.key = temp_path(dir, "k.pub");
	refused(ramet_session_seal(s, &opts, &done, &why), RAMET_EFORMAT);
	for (i = 0; i < 3; i++) {
		put(temp_path(dir, "bad"), bad[i]);
		opts.key = temp_path(dir, "bad");
		refused(ramet_session_seal(s, &opts, &done, &why), RAMET_EFORMAT);
	}
	refused(ramet_seal_key_read(temp_path(dir, "k"), key, &why), RAMET_EFORMAT);
	ramet_session_close(s);
	assert_file(path, "%s", dq(FIVE));
}

/* The first test of RFC 8032, section 7.1. */
static void sign__is_ed25519(void **state)
{
	static const uint8_t seed[32] = {
		0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a,
		0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32,
		0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60
	};
	static const uint8_t begins[4] = { 0xe5, 0x56, 0x43, 0x00 };
	static const uint8_t public[4] = { 0xd7, 0x5a, 0x98, 0x01 };
	struct rameti_signer *s;
	uint8_t key[32], signature[64];

	(void)state;
	must(rameti_signer_new(&s, &why));
	must(rameti_sign_public(s, seed, key, &why));
	assert_memory_equal(key, public, 4);
	must(rameti_sign(s, seed, ramet_bytes_of(""), signature, &why));
	assert_memory_equal(signature, begins, 4);
	assert_int_equal(rameti_sign_check(s, key, ramet_bytes_of(""), signature, &why), 1);
	assert_int_equal(rameti_sign_check(s, key, ramet_bytes_of("x"), signature, &why), 0);
	rameti_signer_free(s);
}

/* ---- keys ---- */

static void key_new__makes_two_files(void **state)
{
	uint8_t key[32];
	const char *file = new_key("k", key);

	(void)state;
	assert_string_equal(names_in(dir), "k k.pub");
	assert_int_equal(mode_of(file), 0600);
	assert_int_equal(mode_of(temp_path(dir, "k.pub")), 0644);
}

static void key_new__overwrites_nothing(void **state)
{
	const char *file = temp_path(dir, "k");

	(void)state;
	put(temp_path(dir, "k.pub"), "x");
	refused(ramet_seal_key_new(file, &why), RAMET_ECONFLICT);
	assert_string_equal(names_in(dir), "k.pub");
	assert_int_equal(unlink(temp_path(dir, "k.pub")), 0);
	put(file, "x");
	refused(ramet_seal_key_new(file, &why), RAMET_ECONFLICT);
	assert_string_equal(names_in(dir), "k");
	refused(ramet_seal_key_new(temp_path(dir, "no/k"), &why), RAMET_ENOTFOUND);
}

static void key_new__survives_every_failing_call(void **state)
{
	struct faults f = { .sys = EIO };
	const char *file = temp_path(dir, "k");
	int r, reached = 1;

	(void)state;
	for (f.kind = 0; f.kind < FAULT_KINDS; f.kind++)
		for (f.n = 1, reached = 1; reached && f.n < 50; f.n++) {
			faults_start(&f);
			r = ramet_seal_key_new(file, &why);
			reached = faults_stop();
			assert_int_equal(faults_open_fds(), 0);
			if (r == 0 || r == RAMET_EUNKNOWN)
				assert_true(exists(temp_path(dir, "k.pub")));
			if (r == 0)
				assert_true(exists(file));
			else if (r != RAMET_EUNKNOWN)
				assert_false(exists(file));
			(void)unlink(file);
			(void)unlink(temp_path(dir, "k.pub"));
		}
}

/* ---- what fails ---- */

static void seal__survives_every_failing_call(void **state)
{
	struct faults f = { .sys = EIO, .hasty = 1 };
	struct ramet_seal_opts opts;
	struct ramet_session *s;
	uint8_t key[32];
	int r, reached;
	unsigned n_failed = 0;

	(void)state;
	opts.key = new_key("k", key);
	for (f.kind = 0; f.kind < FAULT_KINDS; f.kind++)
		for (f.n = 1, reached = 1; reached && f.n < 60; f.n++) {
			put(path, FIVE);
			s = opened(path);
			faults_start(&f);
			r = ramet_session_seal(s, &opts, &done, &why);
			reached = faults_stop();
			ramet_session_close(s);
			n_failed += r < 0;
			if (r == 0)
				assert_string_equal(judged(bytes_of(path), key), "");
			(void)rest_after(bytes_of(path), js(FIVE));
			assert_judged("");
		}
	assert_true(n_failed > 10);
}

static void seal__survives_no_memory(void **state)
{
	struct ramet_seal_opts opts;
	struct ramet_session *s;
	uint8_t key[32];
	unsigned n;
	int r = -1;

	(void)state;
	opts.key = new_key("k", key);
	for (n = 1; r; n++) {
		put(path, FIVE);
		s = opened(path);
		scarce_start(n);
		r = ramet_session_seal(s, &opts, &done, &why);
		(void)scarce_stop();
		ramet_session_close(s);
		assert_true(r == 0 || r == RAMET_ENOMEM);
		assert_true(n < 1000);
		assert_judged("");
	}
}

static void check__survives_no_memory(void **state)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	struct rameti_seal_check *c = NULL;
	struct ramet_bytes text;
	uint8_t key[32];
	unsigned n;
	int r = -1;

	(void)state;
	(void)new_key("k", key);
	put(path, FIVE);
	seal_with(temp_path(dir, "k"));
	change("three", "THREE");
	text = bytes_of(path);
	for (n = 1; r; n++) {
		scarce_start(n);
		r = rameti_seal_check_new(&c, key, NULL);
		if (!r)
			r = check_all(c, text, &f);
		(void)scarce_stop();
		assert_true(r == 0 || r == RAMET_ENOMEM);
		assert_true(n < 1000);
		rameti_seal_check_free(c);
		c = NULL;
		ramet_findings_release(&f);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

/* The same entries in another file, as after a repair or a migration. */
static void put_another(void *user)
{
	char other[TEMP_PATH];

	(void)user;
	(void)snprintf(other, sizeof(other), "%s/other", dir);
	put(other, FIVE "\n\n");
	assert_int_equal(rename(other, path), 0);
}

static void seal__is_not_put_on_a_file_that_took_its_place(void **state)
{
	struct ramet_session *s;
	unsigned n;
	int reached = 1, r;

	(void)state;
	for (n = 1; reached; n++) {
		const struct faults f = { .kind = FAULT_ANY, .n = n, .meanwhile = put_another };

		put(path, FIVE);
		s = opened(path);
		faults_start(&f);
		r = ramet_session_seal(s, NULL, &done, &why);
		reached = faults_stop();
		ramet_session_close(s);
		if (r == RAMET_ECONFLICT && reached)
			assert_file(path, "%s", FIVE "\n\n");
		else
			assert_int_equal(r, 0);
		if (exists(path) && r == 0) {
			struct ramet_verdict v = { 0 };

			must(ramet_verify(path, NULL, &v, &why));
			assert_int_equal(v.intact, 1);
			ramet_verdict_release(&v);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(seal__covers_all_lines),
		TEST(seal__is_not_put_on_a_file_that_took_its_place),
		TEST(seal__has_exactly_this_content),
		TEST(seal__counts_damaged_and_blank_lines),
		TEST(seal__covers_a_last_line_without_newline),
		TEST(seal__goes_on_behind_the_last_one),
		TEST(seal__covers_many_lines_with_several_seals),
		TEST(seal__of_an_empty_session_is_nothing),
		TEST(seal__covers_what_is_known_and_says_so),
		TEST(seal__leaves_lines_that_come_meanwhile_to_the_next_one),
		TEST(seal__refuses_what_is_in_no_file),
		TEST(seal__refuses_version_1),
		TEST(seal__refuses_when_sealed_lines_were_moved),
		TEST(seal__leaves_a_broken_one_broken),
		TEST(check__names_a_changed_line),
		TEST(check__names_where_lines_are_missing),
		TEST(check__names_what_was_put_in),
		TEST(check__names_swapped_lines),
		TEST(check__tells_each_of_several_changes),
		TEST(check__tells_at_most_20_of_a_seal),
		TEST(check__misses_a_seal_that_is_gone),
		TEST(check__finds_a_cut_before_the_seal),
		TEST(check__finds_any_change_of_a_seal),
		TEST(check__finds_any_change_of_a_sealed_byte),
		TEST(check__tells_a_seal_that_cannot_be_read),
		TEST(check__tells_a_wrong_number_of_lines),
		TEST(check__tells_a_wrong_offset),
		TEST(check__takes_two_seals_over_the_same_lines),
		TEST(check__knows_copied_seals),
		TEST(check__tells_a_changed_header),
		TEST(sign__holds_for_its_key_only),
		TEST(sign__covers_what_was_sealed_without),
		TEST(sign__finds_any_change_of_a_signature),
		TEST(sign__refuses_what_is_no_private_key),
		TEST(sign__is_ed25519),
		TEST(key_new__makes_two_files),
		TEST(key_new__overwrites_nothing),
		TEST(key_new__survives_every_failing_call),
		TEST(seal__survives_every_failing_call),
		TEST(seal__survives_no_memory),
		TEST(check__survives_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
