/*
 * repair.c: what cannot be read goes to a file of its own, entries keep every byte, the original
 * stays, and the result is intact. Nothing is lost, whatever the damage and whatever fails.
 */
#include "store/faulty.h"
#include "store/temp_dir.h"
#include "store/written.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ops/whole_priv.h"

#define ONE MESSAGE("u1", "null", U("one"))
#define TWO MESSAGE("a1", "'u1'", A("two"))
#define TWO_BARE                                                                                   \
	"{'type':'message','id':'a1','parentId':'u1','timestamp':'2026-03-01T10:00:01.000Z',"      \
	"'message':" A("two") "}"
#define THREE MESSAGE("u2", "'a1'", U("three"))
#define GLUED HEAD ONE TWO_BARE THREE
#define GOOD HEAD ONE TWO THREE

static char *dir;
static const char *path;
static struct ramet_repair done;
static const struct ramet_repair_opts salvage = { .salvage = 1 };

/* The real calls, but for waiting and syncing. */
static struct rameti_env quick;

static int no_sleep(void *user, const struct timespec *ts)
{
	(void)user;
	(void)ts;
	return 0;
}

static int no_sync(void *user, int fd)
{
	(void)user;
	(void)fd;
	return 0;
}

static int make_dir(void **state)
{
	static char text[TEMP_PATH];

	(void)state;
	dir = temp_dir_new();
	(void)snprintf(text, sizeof(text), "%s/s.jsonl", dir);
	path = text;
	memset(&done, 0, sizeof(done));
	quick = *rameti_env_posix();
	quick.nanosleep = no_sleep;
	quick.fsync = quick.fdatasync = no_sync;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	rameti_env_use(NULL);
	ramet_repair_release(&done);
	temp_dir_remove(dir);
	return 0;
}

/* Repair, whatever was told before. */
static int repair(const struct ramet_repair_opts *opts)
{
	ramet_repair_release(&done);
	memset(&done, 0, sizeof(done));
	memset(&why, 0, sizeof(why));
	return ramet_repair(path, opts, &done, &why);
}

static void clear_dir(void)
{
	temp_dir_remove(dir);
	dir = temp_dir_new();
	(void)snprintf((char *)(uintptr_t)path, TEMP_PATH, "%s/s.jsonl", dir);
}

/* ---- what must hold after every repair ---- */

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = strchr(digits, c);

	return c && p ? (int)(p - digits) : -1;
}

static void add_decoded(struct ramet_buf *out, const struct ramet_json *v)
{
	struct ramet_bytes raw = ramet_json_raw(v);
	uint32_t bits = 0;
	size_t i;
	int n = 0;

	for (i = 1; i + 1 < raw.len; i++) {
		int digit = base64_digit(raw.ptr[i]);

		if (digit < 0)
			continue;
		bits = bits << 6 | (uint32_t)digit;
		n += 6;
		if (n >= 8) {
			n -= 8;
			ramet_buf_add_char(out, (char)(bits >> n & 0xff));
		}
	}
}

/* The next record of the .lost file says that these bytes stood there. */
static void assert_lost(struct ramet_bytes *lost, const struct ramet_repair_action *a,
			struct ramet_bytes bytes)
{
	const char *end = memchr(lost->ptr, '\n', lost->len);
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf text = RAMET_BUF_INIT(1u << 24);
	const struct ramet_json *root;
	struct ramet_bytes line = { lost->ptr, 0 };

	assert_non_null(end);
	line.len = (size_t)(end - lost->ptr);
	must(ramet_json_parse(&doc, line, RAMET_JSON_STRICT, &why));
	root = ramet_json_root(&doc);
	assert_true(ramet_json_number(ramet_json_get(root, "line")) == (double)a->line);
	assert_true(ramet_json_number(ramet_json_get(root, "offset")) == (double)a->offset);
	assert_true(ramet_json_text_is(ramet_json_get(root, "code"), a->code));
	ramet_json_text(ramet_json_get(root, "text"), &text);
	if (ramet_json_get(root, "base64"))
		add_decoded(&text, ramet_json_get(root, "base64"));
	assert_true(ramet_bytes_eq(ramet_buf_bytes(&text), bytes));
	lost->ptr = end + 1;
	lost->len -= line.len + 1;
	ramet_buf_release(&text);
	ramet_json_doc_release(&doc);
}

static struct ramet_bytes part(struct ramet_bytes text, uint64_t from, uint64_t len)
{
	assert_true(from + len <= text.len);
	text.ptr += from;
	text.len = (size_t)len;
	return text;
}

/* The new file, the .lost file and the plan together are the original. */
static void assert_rebuilds(struct ramet_bytes before)
{
	struct ramet_bytes now = bytes_of(path), lost = { "", 0 };
	uint64_t at = 0, new_at = 0, n_lost = 0;
	uint32_t i;

	if (done.lost[0])
		lost = bytes_of(done.lost);
	for (i = 0; i < done.n_actions; i++) {
		const struct ramet_repair_action *a = &done.actions[i];

		assert_true(a->offset >= at);
		assert_true(ramet_bytes_eq(part(before, at, a->offset - at),
					   part(now, new_at, a->offset - at)));
		new_at += a->offset - at;
		at = a->offset + a->length;
		if (a->kind == RAMET_REPAIR_DROP) {
			assert_lost(&lost, a, part(before, a->offset, a->length));
			n_lost += a->length;
			continue;
		}
		assert_int_equal(a->length, 0);
		while (a->kind == RAMET_REPAIR_HEADER && now.ptr[new_at] != '\n')
			new_at++;
		assert_int_equal(now.ptr[new_at], '\n');
		new_at++;
	}
	assert_true(ramet_bytes_eq(part(before, at, before.len - at),
				   part(now, new_at, now.len - new_at)));
	assert_int_equal(lost.len, 0);
	assert_int_equal(n_lost, done.n_lost);
	assert_true(!done.n_lost == !done.lost[0]);
}

/* Every entry that was readable is, with equal bytes, in the same order. */
static void assert_keeps_entries(struct ramet_bytes before)
{
	char *old_path = strdup(temp_path(dir, "before"));
	struct rameti_whole w;
	struct ramet_session *s = opened(path);
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_bytes now = bytes_of(path);
	uint32_t i, k = 0;

	put_bytes(old_path, before);
	must(rameti_whole_open(&w, old_path, RAMET_JSON_LEN_MAX, 1, &why));
	for (i = 0; i < ramet_tree_count(w.reader.tree); i++) {
		const struct ramet_row *row = ramet_tree_row(w.reader.tree, i);
		struct ramet_bytes line = part(before, row->offset, row->length);

		for (; k < ramet_tree_count(t); k++) {
			const struct ramet_row *other = ramet_tree_row(t, k);

			if (ramet_bytes_eq(line, part(now, other->offset, other->length)))
				break;
		}
		assert_true(k++ < ramet_tree_count(t));
	}
	rameti_whole_close(&w);
	ramet_session_close(s);
	assert_int_equal(unlink(old_path), 0);
	free(old_path);
}

/* No damage is left but invalid UTF-8 inside texts, which stays. */
static void assert_intact(void)
{
	struct ramet_verdict v;
	uint32_t i;
	int odd = 0;

	must(ramet_verify(path, NULL, &v, &why));
	for (i = 0; i < v.findings.n; i++) {
		if (strcmp(v.findings.items[i].code, "bad-utf8") == 0)
			odd = 1;
		else if (v.findings.items[i].severity == RAMET_DAMAGE)
			fail_msg("line %d: %s", (int)v.findings.items[i].line,
				 v.findings.items[i].code);
	}
	assert_true(v.intact || odd);
	ramet_verdict_release(&v);
}

/* Make this file and repair it: all that is promised holds. */
static void check_repair(struct ramet_bytes text)
{
	char *before = malloc(text.len + 1);
	struct ramet_bytes old = { before, text.len };

	assert_non_null(before);
	memcpy(before, text.ptr, text.len);
	put_bytes(path, old);
	must(repair(&salvage));
	if (done.n_actions) {
		assert_int_equal(done.done, 1);
		assert_true(ramet_bytes_eq(bytes_of(done.kept), old));
		assert_rebuilds(old);
	} else {
		assert_true(ramet_bytes_eq(bytes_of(path), old));
		assert_string_equal(done.kept, "");
	}
	assert_keeps_entries(old);
	assert_intact();
	if (done.kept[0])
		assert_int_equal(unlink(done.kept), 0);
	if (done.lost[0])
		assert_int_equal(unlink(done.lost), 0);
	must(repair(NULL));
	assert_int_equal(done.n_actions, 0);
	assert_string_equal(names_in(dir), "s.jsonl");
	free(before);
}

/* ---- kinds of damage ---- */

/* Without leave to salvage this file becomes that one; lost: the dropped bytes one behind the
 * other. */
static void becomes(const char *text, const char *expected, uint64_t n_lost)
{
	put(path, text);
	must(repair(NULL));
	if (!done.done)
		fail_msg("not repaired: %s", text);
	assert_int_equal(done.n_refused, 0);
	assert_file(path, "%s", expected);
	assert_int_equal(done.n_lost, n_lost);
	assert_file(done.kept, "%s", text);
	clear_dir();
	check_repair(js(text));
	clear_dir();
}

static void repair__takes_the_end_without_leave(void **state)
{
	(void)state;
	becomes(HEAD ONE "{'type':'mess", HEAD ONE, 13);
	becomes(HEAD ONE TWO_BARE, HEAD ONE TWO, 0);
	becomes(HEAD ONE TWO_BARE "{'type':'mess", HEAD ONE TWO, 13);
	becomes(HEAD ONE "7", HEAD ONE, 1);
	becomes(HEAD ONE "{'type':'mess" TWO_BARE, HEAD ONE TWO, 13);
	becomes(HEAD "x", HEAD, 1);
}

static void repair__parts_glued_values(void **state)
{
	(void)state;
	becomes(GLUED, GOOD, 0);
	becomes(HEAD "{}{} {}\n", HEAD "{}\n{} \n{}\n", 0);
	becomes("{'type':'session','version':3,'id':'s'}" ONE,
		"{'type':'session','version':3,'id':'s'}\n" ONE, 0);
}

static void repair__takes_a_mark_and_own_lines(void **state)
{
	(void)state;
	becomes("\xef\xbb\xbf" GOOD, GOOD, 3);
	becomes(HEAD ONE "#'type':'message','id' \n" TWO, HEAD ONE TWO, 24);
	becomes(HEAD ONE "#", HEAD ONE, 1);
}

static void repair__takes_nul_bytes(void **state)
{
	static const char zeros[8];
	struct ramet_buf b = RAMET_BUF_INIT(1u << 16);
	const struct ramet_bytes nul = { zeros, 8 };

	(void)state;
	ramet_buf_add(&b, js(HEAD ONE));
	ramet_buf_add(&b, nul);
	put_bytes(path, ramet_buf_bytes(&b));
	must(repair(NULL));
	assert_file(path, HEAD ONE);
	assert_int_equal(done.n_lost, 8);
	clear_dir();
	ramet_buf_add(&b, js(TWO_BARE));
	ramet_buf_add(&b, nul);
	ramet_buf_add_str(&b, "\n");
	ramet_buf_add(&b, nul);
	ramet_buf_add(&b, js("\n" THREE));
	check_repair(ramet_buf_bytes(&b));
	put_bytes(path, ramet_buf_bytes(&b));
	must(repair(NULL));
	assert_file(path, GOOD);
	assert_int_equal(done.n_lost, 8 * 3 + 1);
	ramet_buf_release(&b);
}

/* A hole in a text is not closed: what stood there is gone. */
static void repair__never_joins_over_a_hole(void **state)
{
	char text[] = HEAD "{\"type\":\"message\",\"id\":\"u1\",\"message\":\"abcdef\"}\n";
	const size_t len = sizeof(text) - 1;
	struct ramet_bytes bytes = { text, len };
	char *hole = strstr(text, "cd");

	(void)state;
	memset(hole, 0, 2);
	for (hole = text; hole < text + strlen(HEAD); hole++)
		*hole = *hole == '\'' ? '"' : *hole;
	put_bytes(path, bytes);
	must(repair(NULL));
	assert_int_equal(done.done, 0);
	assert_int_equal(done.n_refused, 2);
	check_repair(bytes);
	must(repair(&salvage));
	assert_file(path, HEAD);
}

static void refuses(const char *text, const char *expected)
{
	struct stat st, now;

	put(path, text);
	assert_int_equal(stat(path, &st), 0);
	must(repair(NULL));
	assert_int_equal(done.done, 0);
	assert_true(done.n_refused > 0);
	assert_string_equal(done.kept, "");
	assert_int_equal(stat(path, &now), 0);
	assert_memory_equal(&st.st_mtim, &now.st_mtim, sizeof(st.st_mtim));
	assert_memory_equal(&st.st_ctim, &now.st_ctim, sizeof(st.st_ctim));
	assert_true(st.st_ino == now.st_ino);
	assert_string_equal(names_in(dir), "s.jsonl");
	must(repair(&salvage));
	assert_int_equal(done.done, 1);
	assert_file(path, "%s", expected);
	clear_dir();
	check_repair(js(text));
	clear_dir();
}

static void repair__the_middle_needs_leave(void **state)
{
	(void)state;
	refuses(HEAD ONE "oops\n" TWO, HEAD ONE TWO);
	refuses(HEAD ONE "7\nnull\n" TWO, HEAD ONE TWO);
	refuses(HEAD ONE "{'type':'message','message':{'role'" TWO THREE, GOOD);
	refuses(HEAD ONE "oops " TWO, HEAD ONE TWO);
	refuses(HEAD ONE TWO_BARE "}\n" THREE, GOOD);
	/* the inside of a torn entry is no entry */
	refuses(HEAD ONE "'content':[{'type':'text','text':'x'}\n", HEAD ONE);
	refuses(HEAD ONE "x{'type':'text','text':'x'}\n", HEAD ONE);
}

static void repair__makes_a_header(void **state)
{
	static const char made[] = "{'type':'session','version':3,'id':'s',"
				   "'timestamp':'2026-03-01T10:00:01.000Z'}\n";
	static const char v1[] = "{'type':'message','timestamp':'2026-03-01T10:00:01.000Z'}\n";
	char expected[1024];

	(void)state;
	(void)snprintf(expected, sizeof(expected), "%s%s", made, ONE TWO);
	refuses(ONE TWO, expected);
	refuses("'type':'session','id':'x'}\n" ONE TWO, expected);
	refuses("{'type':'session'}\n" ONE TWO, expected);
	refuses("1\n" HEAD ONE, HEAD ONE);
	(void)snprintf(expected, sizeof(expected), "%s%s",
		       "{'type':'session','id':'s','timestamp':'2026-03-01T10:00:01.000Z'}\n", v1);
	refuses(v1, expected);
	put(path, "{'type':'mine','id':'x','parentId':null}\n");
	must(repair(&salvage));
	assert_file(path, "%s", "{'type':'session','version':3,'id':'s','timestamp':'<now>'}\n"
				"{'type':'mine','id':'x','parentId':null}\n");
}

/* Nothing is changed, and nothing stands beside it. */
static void is_no_session(struct ramet_bytes text)
{
	char *copy = malloc(text.len + 1);

	assert_non_null(copy);
	memcpy(copy, text.ptr, text.len);
	put_bytes(path, (struct ramet_bytes){ copy, text.len });
	assert_int_equal(repair(&salvage), RAMET_EFORMAT);
	assert_non_null(strstr(why.text, "nothing to salvage"));
	assert_true(ramet_bytes_eq(bytes_of(path), (struct ramet_bytes){ copy, text.len }));
	assert_string_equal(done.kept, "");
	free(copy);
}

static void repair__makes_no_session_of_anything_else(void **state)
{
	static const char *const texts[] = {
		"", "garbage\n", "{}\n", "{'a':1}\n[1]\n", "{'type':'x'}\n",
		"{'type':1,'id':'x'}\n", "{'type':'x','id':'x'}\n", "{'type':'session'}\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		is_no_session(js(texts[i]));
}

static void repair__names_a_header_after_the_file(void **state)
{
	char name[TEMP_PATH];

	(void)state;
	(void)snprintf(name, sizeof(name), "%s/2026-03-01T10-00-00-000Z_0199-ab.jsonl", dir);
	path = name;
	put(path, ONE);
	must(repair(&salvage));
	assert_file(path, "{'type':'session','version':3,'id':'0199-ab',"
			  "'timestamp':'2026-03-01T10:00:01.000Z'}\n" ONE);
}

static void repair__leaves_what_reads(void **state)
{
	static const char *const fine[] = {
		GOOD, HEAD, HEAD "\n  \n" ONE "\n",
		HEAD ONE HEAD, /* another header */
		HEAD MESSAGE("x", "'gone'", U("orphan")),
		HEAD MESSAGE("x", "'y'", U("1")) MESSAGE("y", "'x'", U("2")),
		HEAD MESSAGE("x", "null", U("\xff")),
		"{'type':'session','id':'v1'}\n{'type':'message'}\r\n",
	};
	struct stat st, now;
	unsigned i;
	int dry;

	(void)state;
	for (i = 0; i < 2 * sizeof(fine) / sizeof(*fine); i++) {
		struct ramet_repair_opts opts = { .salvage = 1 };

		dry = (int)(i % 2);
		opts.dry_run = dry;
		put(path, fine[i / 2]);
		assert_int_equal(chmod(path, 0400), 0);
		assert_int_equal(stat(path, &st), 0);
		must(repair(&opts));
		assert_int_equal(done.n_actions, 0);
		assert_int_equal(done.done, 0);
		assert_int_equal(stat(path, &now), 0);
		assert_memory_equal(&st.st_mtim, &now.st_mtim, sizeof(st.st_mtim));
		assert_string_equal(names_in(dir), "s.jsonl");
		assert_int_equal(unlink(path), 0);
	}
}

static void repair__a_dry_run_tells_and_writes_nothing(void **state)
{
	const struct ramet_repair_opts dry = { .dry_run = 1, .salvage = 1 };
	struct ramet_buf json = RAMET_BUF_INIT(1u << 16);

	(void)state;
	put(path, GLUED "oops\n");
	must(repair(&dry));
	assert_int_equal(done.done, 0);
	assert_int_equal(done.n_refused, 0);
	must(ramet_report_repair(&done, NULL, &json, &why));
	assert_text(ramet_buf_bytes(&json),
		    "{'repaired':false,'refused':false,'actions':[{'action':'newline',"
		    "'code':'glued','line':3,'offset':%zu,'salvage':false},"
		    "{'action':'drop','code':'malformed',"
		    "'line':4,'offset':%zu,'bytes':5,'salvage':true}],'lostBytes':5,'carried':0}",
		    strlen(HEAD ONE TWO_BARE), strlen(GLUED));
	assert_file(path, GLUED "oops\n");
	assert_string_equal(names_in(dir), "s.jsonl");
	ramet_buf_release(&json);
}

static void repair__writes_nothing_over(void **state)
{
	(void)state;
	put(temp_path(dir, "s.jsonl.damaged"), "mine");
	put(temp_path(dir, "s.jsonl.lost"), "mine too");
	put(path, HEAD "x");
	must(repair(NULL));
	assert_string_equal(done.kept, temp_path(dir, "s.jsonl.damaged.2"));
	assert_string_equal(done.lost, temp_path(dir, "s.jsonl.lost.2"));
	assert_file(temp_path(dir, "s.jsonl.damaged"), "mine");
	assert_file(temp_path(dir, "s.jsonl.lost"), "mine too");
	assert_file(done.kept, HEAD "x");
	assert_file(done.lost, "{'line':2,'offset':%zu,'code':'torn-tail','text':'x'}\n",
		    strlen(HEAD));
}

static void repair__keeps_mode_and_link(void **state)
{
	const char *link = temp_path(dir, "links/to.jsonl");
	struct stat st;

	(void)state;
	put(path, HEAD ONE "x");
	assert_int_equal(chmod(path, 0640), 0);
	temp_mkdir(dir, "links");
	assert_int_equal(symlink("../s.jsonl", link), 0);
	must(ramet_repair(link, NULL, &done, &why));
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_file(path, HEAD ONE);
	assert_int_equal(mode_of(path), 0640);
	assert_int_equal(mode_of(done.kept), 0640);
	assert_int_equal(mode_of(done.lost), 0640);
	assert_file(done.kept, HEAD ONE "x");
}

static void repair__refuses_what_is_no_file(void **state)
{
	(void)state;
	assert_int_equal(repair(NULL), RAMET_ENOTFOUND);
	path = dir;
	assert_int_equal(repair(NULL), RAMET_EFORMAT);
}

static void repair__a_line_over_the_limit_goes_in_pieces(void **state)
{
	struct ramet_repair_opts opts = { .salvage = 1, .max_line = 256u << 10 };
	struct ramet_buf b = RAMET_BUF_INIT(1u << 24);
	size_t i;

	(void)state;
	ramet_buf_add(&b, js(HEAD ONE));
	for (i = 0; i < 2000000; i++)
		ramet_buf_add_char(&b, (char)(i % 251 + 1 + (i % 251 >= 9)));
	ramet_buf_add(&b, js("\n" TWO));
	put_bytes(path, ramet_buf_bytes(&b));
	must(repair(&opts));
	assert_file(path, HEAD ONE TWO);
	assert_rebuilds(ramet_buf_bytes(&b));
	ramet_buf_release(&b);
}

/* Many small values on one line, and many that look like the start of an entry, take no time that
 * grows with their square. */
static void repair__long_lines_are_quick(void **state)
{
	struct ramet_buf b = RAMET_BUF_INIT(1u << 25);
	unsigned i;

	(void)state;
	rameti_env_use(&quick);
	ramet_buf_add(&b, js(HEAD));
	for (i = 0; i < 100000; i++)
		ramet_buf_add_str(&b, "{}");
	ramet_buf_add_str(&b, "\n");
	for (i = 0; i < 100000; i++)
		ramet_buf_add_str(&b, "{\"type\":\"message\",\"a\":[");
	ramet_buf_add_str(&b, "\n");
	put_bytes(path, ramet_buf_bytes(&b));
	must(repair(&salvage));
	assert_int_equal(done.n_actions, 100000);
	ramet_buf_release(&b);
}

/* ---- every byte ---- */

static const char small[] = HEAD ONE TWO MESSAGE("t", "'a1'", U("\xc3\xa9 {\\'x\\':[1,-2.5e3]}"))
	LINE("label", "l", "'t'", ",'targetId':'u1','label':null");

static void repair__any_cut(void **state)
{
	struct ramet_bytes text = js(small);
	size_t len;

	(void)state;
	rameti_env_use(&quick);
	for (len = 0; text.ptr[len] != '\n'; len++)
		is_no_session((struct ramet_bytes){ js(small).ptr, len });
	for (; len < text.len; len++)
		check_repair((struct ramet_bytes){ js(small).ptr, len });
}

static void repair__any_bit(void **state)
{
	size_t at, len = strlen(small);
	char *text = malloc(len);
	unsigned bit;

	(void)state;
	rameti_env_use(&quick);
	assert_non_null(text);
	for (at = 0; at < len; at++) {
		for (bit = 0; bit < 8; bit++) {
			memcpy(text, js(small).ptr, len);
			text[at] = (char)(text[at] ^ 1 << bit);
			check_repair((struct ramet_bytes){ text, len });
		}
	}
	free(text);
}

/* Runs of zeros, lost newlines and doubled pieces, anywhere. */
static void repair__any_hole_or_copy(void **state)
{
	size_t at, len = strlen(small), n;
	char *text = malloc(2 * len);

	(void)state;
	rameti_env_use(&quick);
	assert_non_null(text);
	for (at = 0; at < len; at += 3) {
		n = len - at < 40 ? len - at : 40;
		memcpy(text, js(small).ptr, len);
		memset(text + at, 0, n);
		check_repair((struct ramet_bytes){ text, len });
		memcpy(text, js(small).ptr, len);
		memmove(text + at, text + at + n, len - at - n);
		check_repair((struct ramet_bytes){ text, len - n });
		memcpy(text, js(small).ptr, len);
		memcpy(text + len, js(small).ptr + at, len - at);
		check_repair((struct ramet_bytes){ text, 2 * len - at });
	}
	free(text);
}

/* ---- others, and faults ---- */

static int lockless_fd;

static void append_lockless(void *user)
{
	const char *line = dq(MESSAGE("b1", "'u1'", A("theirs")));

	(void)user;
	assert_int_equal(write(lockless_fd, line, strlen(line)), strlen(line));
}

static int has_theirs(const char *file)
{
	return exists(file) && strstr(bytes_of(file).ptr, "theirs") != NULL;
}

static void repair__carries_over_what_is_appended_meanwhile(void **state)
{
	struct faults f = { .kind = FAULT_ANY, .meanwhile = append_lockless };
	int more = 1, r;

	(void)state;
	for (f.n = 1; more; f.n++) {
		assert_true(f.n < 500);
		clear_dir();
		put(path, GLUED);
		lockless_fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
		assert_true(lockless_fd >= 0);
		faults_start(&f);
		r = repair(NULL);
		more = faults_stop();
		must(r);
		if (more && !has_theirs(path))
			/* the last calls come too late: then it is in the original */
			assert_true(has_theirs(done.kept));
		else if (more)
			assert_file(path, GOOD MESSAGE("b1", "'u1'", A("theirs")));
		else
			assert_file(path, GOOD);
		assert_int_equal(close(lockless_fd), 0);
	}
}

#define HURT HEAD ONE "oops\n" TWO_BARE THREE

static int repair_under(const struct faults *f)
{
	struct ramet_bytes text;
	int r, more, is_new;

	clear_dir();
	put(path, HURT);
	faults_start(f);
	r = repair(&salvage);
	more = faults_stop();
	text = bytes_of(path);
	is_new = ramet_bytes_is(text, dq(GOOD));
	if (!is_new && !ramet_bytes_is(text, dq(HURT)))
		fail_msg("%s %u: neither old nor new:\n%s", fault_name(f->kind), f->n, text.ptr);
	assert_true(r == 0 || (more && why.code == r && *why.text));
	assert_true(r == 0 ? is_new : !is_new || r == RAMET_EUNKNOWN);
	if (is_new) {
		assert_string_equal(names_in(dir), "s.jsonl s.jsonl.damaged s.jsonl.lost");
		assert_file(temp_path(dir, "s.jsonl.damaged"), HURT);
	} else if (f->kind != FAULT_UNLINK && f->kind != FAULT_ANY &&
		   strcmp(names_in(dir), "s.jsonl") != 0) {
		fail_msg("%s %u: left behind: %s", fault_name(f->kind), f->n, names_in(dir));
	}
	if (faults_open_fds())
		fail_msg("%s %u: descriptors stay open", fault_name(f->kind), f->n);
	must(repair(&salvage));
	assert_file(path, GOOD);
	return more;
}

static void repair__old_or_new_whatever_fails(void **state)
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
				if (!repair_under(&f))
					break;
			}
}

static void repair__old_or_new_after_a_short_write(void **state)
{
	struct faults f = { .kind = FAULT_WRITE, .sys = ENOSPC };

	(void)state;
	for (f.n = 1; f.n <= 2; f.n++)
		for (f.cut = 1; f.cut < 400; f.cut += 13)
			(void)repair_under(&f);
	f.n = 1;
	f.for_ever = 1;
	(void)repair_under(&f);
}

static void repair__old_or_new_whichever_allocation_fails(void **state)
{
	unsigned n;
	int r, more = 1;

	(void)state;
	for (n = 1; more; n++) {
		assert_true(n < 1000);
		clear_dir();
		put(path, HURT);
		ramet_repair_release(&done);
		memset(&done, 0, sizeof(done));
		scarce_start(n);
		r = ramet_repair(path, &salvage, &done, &why);
		more = scarce_stop();
		assert_true(r == 0 || r == RAMET_ENOMEM || r == RAMET_EUNKNOWN);
		assert_true(r == 0 || why.code == r);
		if (r == RAMET_ENOMEM) {
			assert_file(path, HURT);
			assert_string_equal(names_in(dir), "s.jsonl");
		} else {
			assert_file(path, GOOD);
		}
	}
}

static void repair__interruptions_cost_nothing(void **state)
{
	const struct faults f = { .interrupt = 1 };

	(void)state;
	(void)repair_under(&f);
	assert_file(path, GOOD);
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, drop_dir)
	const struct CMUnitTest tests[] = {
		IN_DIR(repair__takes_the_end_without_leave),
		IN_DIR(repair__parts_glued_values),
		IN_DIR(repair__takes_a_mark_and_own_lines),
		IN_DIR(repair__takes_nul_bytes),
		IN_DIR(repair__never_joins_over_a_hole),
		IN_DIR(repair__the_middle_needs_leave),
		IN_DIR(repair__makes_a_header),
		IN_DIR(repair__makes_no_session_of_anything_else),
		IN_DIR(repair__names_a_header_after_the_file),
		IN_DIR(repair__leaves_what_reads),
		IN_DIR(repair__a_dry_run_tells_and_writes_nothing),
		IN_DIR(repair__writes_nothing_over),
		IN_DIR(repair__keeps_mode_and_link),
		IN_DIR(repair__refuses_what_is_no_file),
		IN_DIR(repair__a_line_over_the_limit_goes_in_pieces),
		IN_DIR(repair__long_lines_are_quick),
		IN_DIR(repair__any_cut),
		IN_DIR(repair__any_bit),
		IN_DIR(repair__any_hole_or_copy),
		IN_DIR(repair__carries_over_what_is_appended_meanwhile),
		IN_DIR(repair__old_or_new_whatever_fails),
		IN_DIR(repair__old_or_new_after_a_short_write),
		IN_DIR(repair__old_or_new_whichever_allocation_fails),
		IN_DIR(repair__interruptions_cost_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
