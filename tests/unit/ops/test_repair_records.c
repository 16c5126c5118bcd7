/*
 * repair.c, damage.c, parts.c on files of other systems' records, and codec/begins.c: the codec
 * says what is a record, no header is made, records keep every byte, whatever fails.
 */
#include "codec/begins.h"
#include "store/faulty.h"
#include "store/temp_dir.h"
#include "store/written.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define GG(id)                                                                                     \
	"{'type':'message','session_id':'x','message':{'id':'" id "','role':'user',"               \
	"'content':[{'type':'text','text':'t'}]},'timestamp':'2026-08-01T10:00:01Z'}"
#define GG_GOOD GG("a1") "\n" GG("a2") "\n"

#define START                                                                                      \
	"{'kind':'segment_start','ts':1,'session_id':'019dbd75-b0a0-7164-80c0-ffee00000064',"      \
	"'system_prompt':null,'config':{},'history':[]}"
#define TURN(n) "{'kind':'turn_end','ts':2,'turn_count':" n "}"
#define G2_GOOD START "\n" TURN("1") "\n"

#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LINK(prev, kind) "{'hash':'" DIGITS "','prev_hash':" prev ",'kind':" kind "}"
#define G1_START                                                                                   \
	LINK("null", "'session_start','ts':1,'system_prompt':null,'config':{},'history':[]")
#define G1_TURN LINK("'" DIGITS "'", "'turn_end','ts':2,'turn_count':1")
#define G1_GOOD G1_START "\n" G1_TURN "\n"

static char *dir;
static const char *path;
static struct ramet_repair done;
static const struct ramet_repair_opts salvage = { .salvage = 1 };

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
	rameti_env_use(NULL);
	ramet_repair_release(&done);
	temp_dir_remove(dir);
	return 0;
}

static void clear_dir(void)
{
	temp_dir_remove(dir);
	dir = temp_dir_new();
	(void)snprintf((char *)(uintptr_t)path, TEMP_PATH, "%s/s.jsonl", dir);
}

static int repair(const struct ramet_repair_opts *opts)
{
	ramet_repair_release(&done);
	memset(&done, 0, sizeof(done));
	memset(&why, 0, sizeof(why));
	return ramet_repair(path, opts, &done, &why);
}

/* This file becomes that one, the original stays, and then there is nothing to do. */
static void becomes_with(const struct ramet_repair_opts *opts, struct ramet_bytes text,
			 const char *expected)
{
	put_bytes(path, text);
	must(repair(opts));
	if (!done.done)
		fail_msg("not repaired: %.*s", (int)text.len, text.ptr);
	assert_file(path, "%s", expected);
	assert_true(ramet_bytes_eq(bytes_of(done.kept), text));
	must(repair(&salvage));
	assert_int_equal(done.n_actions, 0);
	clear_dir();
}

static void becomes(const char *text, const char *expected)
{
	becomes_with(NULL, js(text), expected);
}

static void needs_leave(const char *text, const char *expected)
{
	put(path, text);
	must(repair(NULL));
	assert_int_equal(done.done, 0);
	assert_true(done.n_refused > 0);
	assert_file(path, "%s", text);
	assert_string_equal(names_in(dir), "s.jsonl");
	becomes_with(&salvage, js(text), expected);
}

static void stays(const char *text)
{
	put(path, text);
	must(repair(&salvage));
	assert_int_equal(done.n_actions, 0);
	assert_file(path, "%s", text);
	assert_string_equal(names_in(dir), "s.jsonl");
	clear_dir();
}

/* ---- ggcode ---- */

static void repair__ggcode_keeps_what_reads(void **state)
{
	(void)state;
	stays(GG_GOOD);
	stays(GG_GOOD "\n  \n{}\n{'type':'of a later version','x':1}\n");
	stays(GG("a1") "\r\n" GG("a2") "\r\n");
}

static void repair__ggcode_takes_the_end_without_leave(void **state)
{
	(void)state;
	becomes(GG_GOOD "{'type':'mess", GG_GOOD);
	becomes(GG("a1") "\n" GG("a2"), GG_GOOD);
	becomes(GG("a1") GG("a2") "\n", GG_GOOD);
	becomes("\xef\xbb\xbf" GG_GOOD, GG_GOOD);
	becomes(GG_GOOD "#'type'\n", GG_GOOD);
	becomes(GG_GOOD "{'type':'message','message':{'id'" GG("a3"), GG_GOOD GG("a3") "\n");
}

static void repair__ggcode_takes_the_middle_with_leave(void **state)
{
	(void)state;
	needs_leave(GG("a1") "\noops\n" GG("a2") "\n", GG_GOOD);
	needs_leave(GG("a1") "\n[]\n7\nnull\n" GG("a2") "\n", GG_GOOD);
	/* the original passes it over too */
	needs_leave(GG("a1") "\n{'type':'message','message':7}\n" GG("a2") "\n", GG_GOOD);
	needs_leave(GG("a1") "\n{'type':'message','message':{'id'" GG("a2") "\n", GG_GOOD);
	/* the inside of a torn record is no record */
	needs_leave(GG_GOOD "x{'type':'text','text':'x'}\n", GG_GOOD);
	needs_leave(GG_GOOD "x{'type':'message','id':'a9','message':{}}\n", GG_GOOD);
}

static void repair__ggcode_takes_nul_bytes(void **state)
{
	static const char zeros[4];
	const struct ramet_bytes nul = { zeros, 4 };
	struct ramet_buf b = RAMET_BUF_INIT(1u << 16);

	(void)state;
	ramet_buf_add(&b, js(GG("a1") "\n"));
	ramet_buf_add(&b, nul);
	ramet_buf_add(&b, js(GG("a2") "\n"));
	ramet_buf_add(&b, nul);
	becomes_with(NULL, ramet_buf_bytes(&b), GG_GOOD);
	ramet_buf_release(&b);
}

/* ---- yoi ---- */

static void repair__yoi_counts_what_has_its_newline(void **state)
{
	(void)state;
	stays(G2_GOOD);
	becomes(G2_GOOD TURN("2"), G2_GOOD);
	becomes(G2_GOOD "{'kind'", G2_GOOD);
	becomes(G2_GOOD TURN("2") TURN("3"), G2_GOOD);
	becomes(G2_GOOD TURN("2") "{'kind'", G2_GOOD);
	becomes(START TURN("1") "\n" TURN("2") "\n", G2_GOOD TURN("2") "\n");
	needs_leave(START "\n{'kind':'turn_end','t" TURN("1") "\n", G2_GOOD);
	needs_leave(G2_GOOD "{'no':'kind'}\n" TURN("2") "\n", G2_GOOD TURN("2") "\n");
}

/* Hashes are never made anew: that its chain is broken is told, in a plan too. */
static void repair__yoi_tells_a_broken_chain(void **state)
{
	const struct ramet_repair_opts dry = { .dry_run = 1 };
	struct ramet_buf json = RAMET_BUF_INIT(1 << 16);

	(void)state;
	put(path, G1_GOOD "{'hash':");
	must(repair(&dry));
	assert_true(done.findings.n > 0);
	assert_string_equal(done.findings.items[0].code, "hash");
	must(ramet_report_repair(&done, path, &json, &why));
	assert_non_null(strstr(json.ptr, "\"findings\":[{\"severity\":\"damage\","));
	must(repair(NULL));
	assert_int_equal(done.done, 1);
	assert_true(done.findings.n > 0);
	put(path, G2_GOOD);
	must(repair(NULL));
	assert_int_equal(done.findings.n, 0);
	ramet_buf_reset(&json);
	must(ramet_report_repair(&done, path, &json, &why));
	assert_null(strstr(json.ptr, "findings"));
	ramet_buf_release(&json);
}

static void repair__yoi_keeps_hashes(void **state)
{
	struct ramet_verdict v;

	(void)state;
	stays(G1_GOOD);
	becomes(G1_START "\n" G1_TURN, G1_GOOD);
	becomes(G1_START G1_TURN "\n", G1_GOOD);
	becomes(G1_START G1_TURN, G1_GOOD);
	becomes(G1_GOOD "{'hash':'01", G1_GOOD);
	/* in a hashed file only hashed records count without their newline */
	becomes(G1_GOOD TURN("2"), G1_GOOD);
	needs_leave(G1_START "\noops\n" G1_TURN "\n", G1_GOOD);
	put(path, G1_GOOD "{");
	must(repair(NULL));
	must(ramet_verify(path, NULL, &v, &why));
	assert_false(v.intact);
	ramet_verdict_release(&v);
}

static void repair__needs_a_record(void **state)
{
	static const char *const texts[] = { START, "{'kind':'turn_end','ts':2,'turn_co" };
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		put(path, texts[i]);
		assert_int_equal(repair(&salvage), RAMET_EFORMAT);
		assert_file(path, "%s", texts[i]);
		assert_string_equal(names_in(dir), "s.jsonl");
	}
}

/* ---- locks, failures ---- */

static void repair__waits_for_the_lock_of_the_layout(void **state)
{
	struct faults f = { .kind = FAULT_ANY, .hasty = 1 };
	const char *name;
	int fd;

	(void)state;
	put(path, GG_GOOD "{");
	name = temp_path(dir, "s.jsonl.flock");
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	faults_start(&f);
	assert_int_equal(repair(NULL), RAMET_ECONFLICT);
	(void)faults_stop();
	assert_file(path, GG_GOOD "{");
	assert_string_equal(names_in(dir), "s.jsonl s.jsonl.flock");
	assert_int_equal(close(fd), 0);
	must(repair(NULL));
	assert_file(path, GG_GOOD);
}

#define HURT GG("a1") GG("a2") "\noops\n{'type':'mess"

/* 1 while there was something to fail. */
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
	is_new = ramet_bytes_is(text, dq(GG_GOOD));
	if (!is_new && !ramet_bytes_is(text, dq(HURT)))
		fail_msg("%s %u: neither old nor new:\n%s", fault_name(f->kind), f->n, text.ptr);
	assert_true(r == 0 ? is_new : !is_new || r == RAMET_EUNKNOWN);
	if (is_new)
		assert_string_equal(names_in(dir), "s.jsonl s.jsonl.damaged s.jsonl.flock "
						   "s.jsonl.lost");
	if (faults_open_fds())
		fail_msg("%s %u: descriptors stay open", fault_name(f->kind), f->n);
	must(repair(&salvage));
	assert_file(path, GG_GOOD);
	return more;
}

static void repair__records_old_or_new_whatever_fails(void **state)
{
	struct faults f = { .sys = EIO };

	(void)state;
	for (f.kind = 0; f.kind < FAULT_KINDS; f.kind++)
		for (f.n = 1;; f.n++) {
			assert_true(f.n < 500);
			if (!repair_under(&f))
				break;
		}
}

static void repair__records_old_or_new_whichever_allocation_fails(void **state)
{
	unsigned n;
	int r, more = 1;

	(void)state;
	for (n = 1; more; n++) {
		assert_true(n < 1000);
		clear_dir();
		put(path, HURT);
		scarce_start(n);
		r = repair(&salvage);
		more = scarce_stop();
		if (r < 0) {
			assert_int_equal(why.code, r);
			assert_file(path, HURT);
		} else {
			assert_file(path, GG_GOOD);
		}
	}
}

/* ---- where records begin ---- */

static void begins__takes_what_programs_write(void **state)
{
	(void)state;
	assert_true(rameti_record_begins(&rameti_codec_pi, js("{'type':'message','id'")));
	assert_false(rameti_record_begins(&rameti_codec_pi, js("{'type':'text','text'")));
	assert_true(rameti_record_begins(&rameti_codec_pirust, js("{'type':'message'")));
	assert_true(rameti_record_begins(&rameti_codec_ggcode, js(GG("a"))));
	assert_true(rameti_record_begins(&rameti_codec_ggcode, js("{'type':'meta','title'")));
	assert_false(rameti_record_begins(&rameti_codec_ggcode, js("{'type':'message','id':'a'")));
	assert_false(rameti_record_begins(&rameti_codec_ggcode, js("{'type':'message'}")));
	assert_false(rameti_record_begins(&rameti_codec_ggcode, js("{'type':'mess")));
	assert_true(rameti_record_begins(&rameti_codec_yoi, js(G1_START)));
	assert_true(rameti_record_begins(&rameti_codec_yoi, js(TURN("1"))));
	assert_false(rameti_record_begins(&rameti_codec_yoi, js("{'hash':'01','prev_hash':null")));
	assert_false(rameti_record_begins(&rameti_codec_yoi, js("{'kind':'tool_result','id'")));
	assert_false(rameti_record_begins(&rameti_codec_yoi, js("{'kind':'message','ts':1")));
	assert_false(rameti_record_begins(&rameti_codec_yoi, js("{'kind':'")));
	assert_false(rameti_record_begins(&rameti_codec_yoi, js("{'type':'x'")));
}

static const char *format_of(const char *text)
{
	const struct rameti_codec *codec = rameti_record_format(js(text));

	return codec ? codec->name : "none";
}

static void begins__tells_a_format_by_the_start_of_lines(void **state)
{
	(void)state;
	assert_string_equal(format_of(GG("a1") GG("a2")), "ggcode");
	assert_string_equal(format_of("\xef\xbb\xbf" GG("a1") "x"), "ggcode");
	assert_string_equal(format_of("\nx\n" START TURN("1") "\n"), "yoi");
	assert_string_equal(format_of(G1_START G1_TURN), "yoi");
	assert_string_equal(format_of(HEAD GG("a1")), "none");
	assert_string_equal(format_of(MESSAGE("u1", "null", U("x"))), "none");
	assert_string_equal(format_of("{'type':'message','message':{}}"), "none");
	assert_string_equal(format_of(""), "none");
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, drop_dir)
	const struct CMUnitTest tests[] = {
		IN_DIR(repair__ggcode_keeps_what_reads),
		IN_DIR(repair__ggcode_takes_the_end_without_leave),
		IN_DIR(repair__ggcode_takes_the_middle_with_leave),
		IN_DIR(repair__ggcode_takes_nul_bytes),
		IN_DIR(repair__yoi_counts_what_has_its_newline),
		IN_DIR(repair__yoi_tells_a_broken_chain),
		IN_DIR(repair__yoi_keeps_hashes),
		IN_DIR(repair__needs_a_record),
		IN_DIR(repair__waits_for_the_lock_of_the_layout),
		IN_DIR(repair__records_old_or_new_whatever_fails),
		IN_DIR(repair__records_old_or_new_whichever_allocation_fails),
		cmocka_unit_test(begins__takes_what_programs_write),
		cmocka_unit_test(begins__tells_a_format_by_the_start_of_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
