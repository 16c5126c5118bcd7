/*
 * Every system call that writing makes fails, once and for ever, at every place. An append that
 * failed is neither in the tree nor readable in the file, and nothing acknowledged is harmed; a
 * file that could not be made is not there, whole or in part, and leaves no temporary one behind.
 */
#include "faulty.h"
#include "temp_dir.h"
#include "written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TALK HEAD MESSAGE("u1", "null", U("one")) MESSAGE("a1", "'u1'", A("two"))
#define MARK "FAILED-ENTRY"
#define PLACES 200 /* more calls of one kind than any call here makes */

static char *dir;
static const char *path;
static struct ramet_session *s;
static struct faults now;
static char what[128]; /* which fault, for messages */

static int make_dir(void **state)
{
	static char text[TEMP_PATH];

	(void)state;
	dir = temp_dir_new();
	(void)snprintf(text, sizeof(text), "%s/s.jsonl", dir);
	path = text;
	s = NULL;
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	ramet_session_close(s);
	temp_dir_remove(dir);
	return 0;
}

#define check(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fail_msg("%s: not so: %s (last error: %s %s)", what, #condition,           \
				 ramet_code_name(why.code), why.text);                             \
	} while (0)

static void given_talk(const char *text, int level)
{
	const struct ramet_open_opts opts = { .level = level, .lock_ms = 50 };

	ramet_session_close(s);
	s = NULL;
	put(path, text);
	must(ramet_session_open(&s, path, &opts, &why));
}

static uint32_t count(void)
{
	return ramet_tree_count(ramet_session_tree(s));
}

/* How many lines of the file can be read as entries, and is one of them the failed one? */
static uint32_t readable(int *marked)
{
	struct ramet_session *fresh = opened(path);
	uint32_t i, n = ramet_tree_count(ramet_session_tree(fresh));

	*marked = 0;
	for (i = 0; i < n; i++)
		*marked += strstr(entry_of(fresh, i).ptr, MARK) != NULL;
	ramet_session_close(fresh);
	return n;
}

/* ---- one append ---- */

typedef int append_fn(void);

static int append_one(void)
{
	return ramet_session_append_message(s, js(U(MARK)), NULL, &why);
}

static int append_three(void)
{
	struct ramet_bytes messages[3] = { js(U(MARK)), js(A(MARK)), js(U(MARK)) };

	return ramet_session_append_messages(s, messages, 3, NULL, &why);
}

static int append_summary(void)
{
	const struct ramet_summary b = { .summary = raw(MARK) };

	return ramet_session_branch_with_summary(s, 0, &b, NULL, &why);
}

/* What may be after a call that failed: all that was acknowledged, and nothing of it. */
static void nothing_of_it(const char *text, uint32_t n, uint32_t leaf, int unknown)
{
	int marked;
	uint32_t found;

	check(why.code < 0 && *why.text);
	check(count() == n);
	check(ramet_session_leaf(s) == leaf);
	(void)rest_after(bytes_of(path), raw(text));
	found = readable(&marked);
	check(unknown || (marked == 0 && found == n));
}

static void all_of_it(uint32_t n)
{
	int marked;

	check(count() > n);
	check(readable(&marked) == count());
	check((uint32_t)marked == count() - n);
	assert_reopens_same(s);
}

/* The fault is gone: the next append works, or is refused and changes nothing. */
static void goes_on(int may_refuse)
{
	struct ramet_bytes text = exists(path) ? bytes_of(path) : raw("");
	uint32_t n = count(), leaf = ramet_session_leaf(s);
	char id[RAMET_ID_SIZE];
	int r = ramet_session_append_message(s, js(A("after")), id, &why);

	check(r == 0 || may_refuse);
	if (r < 0) {
		check(why.code == r && *why.text);
		check(count() == n && ramet_session_leaf(s) == leaf);
		assert_true(ramet_bytes_eq(text, bytes_of(path)));
		return;
	}
	assert_reopens_same(s);
	(void)row_of(s, id);
	must(ramet_session_append_message(s, js(U("and on")), NULL, &why));
	assert_reopens_same(s);
}

/* Whoever opens the file next finds the acknowledged lines and can append. */
static void others_go_on(const char *text)
{
	struct ramet_session *fresh = opened(path);

	must(ramet_session_append_message(fresh, js(U("fresh")), NULL, &why));
	(void)rest_after(bytes_of(path), raw(text));
	assert_reopens_same(fresh);
	ramet_session_close(fresh);
}

static int is_sync(int kind)
{
	return kind == FAULT_FSYNC || kind == FAULT_FDATASYNC;
}

/* A sync that failed, its directory that could not be opened, a place that could not be told. */
static int may_be_unknown(void)
{
	return is_sync(now.kind) || now.kind == FAULT_OPEN || now.kind == FAULT_LSEEK;
}

/* One fault in one append; 0 when the append makes no such call any more. */
static int append_under(append_fn *append)
{
	static char text[1 << 14];
	uint32_t n = count(), leaf = ramet_session_leaf(s);
	int r, reached;

	(void)snprintf(text, sizeof(text), "%s", bytes_of(path).ptr);
	faults_start(&now);
	r = append();
	reached = faults_stop();
	if (r < 0) {
		check(reached);
		check(r != RAMET_EUNKNOWN || may_be_unknown());
		nothing_of_it(text, n, leaf, r == RAMET_EUNKNOWN);
	} else {
		all_of_it(n);
	}
	goes_on(r == RAMET_EUNKNOWN || (r < 0 && now.for_ever));
	if (r == RAMET_EUNKNOWN)
		check(ramet_session_append_message(s, js(U("x")), NULL, &why) < 0);
	others_go_on(text);
	return reached;
}

/* Each kind of call at each place. first: the fault hits the handle's first append. */
static void each_fault(append_fn *append, const char *talk, int sys, int for_ever, int first)
{
	int kind, more;
	unsigned n;

	for (kind = 0; kind < FAULT_KINDS; kind++)
		for (n = 1, more = 1; more; n++) {
			assert_true(n < PLACES);
			given_talk(talk, RAMET_LEVEL_EACH);
			if (!first)
				must(ramet_session_append_message(s, js(U("fine")), NULL, &why));
			now = (struct faults){
				.kind = kind, .n = n, .for_ever = for_ever, .sys = sys
			};
			(void)snprintf(what, sizeof(what), "%s %u%s of %s append, errno %d",
				       fault_name(kind), n, for_ever ? " and all after" : "",
				       first ? "the first" : "a later", sys);
			more = append_under(append);
		}
}

static void fault__one_call_of_a_later_append(void **state)
{
	(void)state;
	each_fault(append_one, TALK, EIO, 0, 0);
	each_fault(append_one, TALK, ENOSPC, 0, 0);
}

static void fault__one_call_of_the_first_append(void **state)
{
	(void)state;
	each_fault(append_one, TALK, EIO, 0, 1);
}

static void fault__calls_for_ever(void **state)
{
	(void)state;
	each_fault(append_one, TALK, EIO, 1, 0);
	each_fault(append_one, TALK, ENOSPC, 1, 1);
}

static void fault__one_call_of_a_batch(void **state)
{
	(void)state;
	each_fault(append_three, TALK, ENOSPC, 0, 0);
}

static void fault__one_call_of_a_branch_summary(void **state)
{
	(void)state;
	each_fault(append_summary, TALK, EIO, 0, 0);
}

static void fault__one_call_behind_a_torn_tail(void **state)
{
	(void)state;
	each_fault(append_one, TALK "{'type':'mess", EIO, 0, 1);
}

/* ---- catching up ---- */

static int append_behind_others(void)
{
	add_to(path, MESSAGE("b1", "'a1'", U("theirs")));
	return append_one();
}

/* Their entry may be known or not when ours failed; the next append puts that right. */
static void fault__one_call_while_catching_up(void **state)
{
	int kind, more, r, marked;
	unsigned n;

	(void)state;
	for (kind = 0; kind < FAULT_KINDS; kind++)
		for (n = 1, more = 1; more; n++) {
			given_talk(TALK, RAMET_LEVEL_EACH);
			must(ramet_session_append_message(s, js(U("fine")), NULL, &why));
			now = (struct faults){ .kind = kind, .n = n, .sys = EIO };
			(void)snprintf(what, sizeof(what), "catching up, %s %u", fault_name(kind),
				       n);
			faults_start(&now);
			r = append_behind_others();
			more = faults_stop();
			check(r == 0 || more);
			check(r == RAMET_EUNKNOWN || readable(&marked) == 4u + (r == 0));
			check(r == RAMET_EUNKNOWN || marked == (r == 0));
			goes_on(r == RAMET_EUNKNOWN);
			(void)row_of(s, "u1");
			if (r != RAMET_EUNKNOWN)
				(void)row_of(s, "b1");
		}
}

/* ---- a full disk and torn writes ---- */

/* A write that stops after each number of bytes, and, when more fails, all later ones too. */
static void torn_at_each_byte(append_fn *append, const char *talk, int for_ever)
{
	size_t cut, len;

	given_talk(talk, RAMET_LEVEL_EACH);
	len = bytes_of(path).len;
	must(append());
	len = bytes_of(path).len - len;
	for (cut = 1; cut < len; cut += cut < 8 || cut + 8 > len ? 1 : 5) {
		given_talk(talk, RAMET_LEVEL_EACH);
		must(ramet_session_append_message(s, js(U("fine")), NULL, &why));
		now = (struct faults){
			.kind = FAULT_WRITE, .n = 1, .for_ever = for_ever, .sys = ENOSPC, .cut = cut
		};
		(void)snprintf(what, sizeof(what), "write cut at %zu of %zu%s", cut, len,
			       for_ever ? ", and all after" : "");
		check(append_under(append));
	}
}

static void short_write__one(void **state)
{
	(void)state;
	torn_at_each_byte(append_one, TALK, 0);
}

static void short_write__batch(void **state)
{
	(void)state;
	torn_at_each_byte(append_three, TALK, 0);
}

static void short_write__the_fragment_is_a_line_of_its_own(void **state)
{
	const struct ramet_findings *f;
	struct ramet_session *fresh;

	(void)state;
	given_talk(TALK, RAMET_LEVEL_EACH);
	now = (struct faults){ .kind = FAULT_WRITE, .n = 1, .sys = ENOSPC, .cut = 40 };
	faults_start(&now);
	refused(append_one(), RAMET_EIO);
	assert_int_equal(faults_stop(), 1);
	assert_int_equal(rest_after(bytes_of(path), js(TALK)).len, 40);
	assert_int_equal(bytes_of(path).ptr[bytes_of(path).len - 1], '\n');
	fresh = opened(path);
	f = ramet_session_findings(fresh);
	assert_int_equal(f->n, 1);
	assert_string_equal(f->items[0].code, "malformed");
	ramet_session_close(fresh);
	goes_on(0);
}

static void short_write__its_end_cannot_be_mended(void **state)
{
	(void)state;
	given_talk(TALK, RAMET_LEVEL_EACH);
	now = (struct faults){
		.kind = FAULT_WRITE, .n = 1, .for_ever = 1, .sys = ENOSPC, .cut = 40
	};
	(void)snprintf(what, sizeof(what), "write cut for ever");
	check(append_under(append_one));
}

/* ---- interruptions ---- */

static void interrupt__costs_nothing(void **state)
{
	const struct ramet_create_opts opts = { .dir = temp_path(dir, "sub/deep") };

	(void)state;
	now = (struct faults){ .interrupt = 1 };
	put(path, TALK);
	faults_start(&now);
	s = opened(path);
	must(append_one());
	must(append_three());
	assert_reopens_same(s);
	ramet_session_close(s);
	s = NULL;
	must(ramet_session_create(&s, "/w", &opts, &why));
	must(append_one());
	must(append_three());
	assert_reopens_same(s);
	(void)faults_stop();
}

/* ---- levels ---- */

static void level__each_syncs_every_append(void **state)
{
	unsigned i;

	(void)state;
	given_talk(TALK, RAMET_LEVEL_EACH);
	now = (struct faults){ 0 };
	for (i = 0; i < 3; i++) {
		faults_start(&now);
		must(append_one());
		(void)faults_stop();
		assert_true(faults_file_syncs() >= 1);
	}
}

static void level__none_syncs_when_told(void **state)
{
	(void)state;
	given_talk(TALK, RAMET_LEVEL_NONE);
	now = (struct faults){ 0 };
	faults_start(&now);
	must(append_one());
	must(append_three());
	assert_int_equal(faults_file_syncs(), 0);
	must(ramet_session_sync(s, &why));
	assert_true(faults_file_syncs() >= 1);
	(void)faults_stop();
}

static void level__failed_sync_is_unknown_and_the_end(void **state)
{
	(void)state;
	given_talk(TALK, RAMET_LEVEL_NONE);
	must(ramet_session_append_message(s, js(U("fine")), NULL, &why));
	now = (struct faults){ .kind = FAULT_FDATASYNC, .n = 1, .sys = EIO };
	faults_start(&now);
	refused(ramet_session_sync(s, &why), RAMET_EUNKNOWN);
	assert_int_equal(faults_stop(), 1);
	assert_true(append_one() < 0);
	assert_true(ramet_session_sync(s, &why) < 0);
	assert_int_equal(count(), 3);
}

/* What fails before the sync of the file leaves no doubt about what is in it. */
static void level__a_directory_that_cannot_be_synced_is_an_error(void **state)
{
	int kind;

	(void)state;
	for (kind = FAULT_OPEN; kind <= FAULT_FSYNC; kind += FAULT_FSYNC - FAULT_OPEN) {
		given_talk(TALK, RAMET_LEVEL_NONE);
		must(ramet_session_append_message(s, js(U("fine")), NULL, &why));
		now = (struct faults){ .kind = kind, .n = 1, .sys = EIO };
		faults_start(&now);
		refused(ramet_session_sync(s, &why), RAMET_EIO);
		assert_int_equal(faults_stop(), 1);
		must(ramet_session_sync(s, &why));
		must(append_one());
	}
}

static unsigned syncs_of(const char *message)
{
	now = (struct faults){ 0 };
	faults_start(&now);
	must(ramet_session_append_message(s, js(message), NULL, &why));
	(void)faults_stop();
	return faults_file_syncs();
}

static void level__turn_syncs_at_the_end_of_a_turn(void **state)
{
	struct ramet_bytes batch[2] = { js("{'role':'assistant','content':[],'stopReason':'stop'}"),
					js(U("next")) };

	(void)state;
	given_talk(TALK, RAMET_LEVEL_TURN);
	must(ramet_session_sync(s, &why));
	assert_int_equal(syncs_of(U("x")), 0);
	assert_int_equal(syncs_of("{'role':'assistant','content':[],'stopReason':'toolUse'}"), 0);
	assert_true(syncs_of("{'role':'assistant','content':[],'stopReason':'stop'}") >= 1);
	assert_int_equal(syncs_of(U("x")), 0);
	/* a turn that ends in the middle of a batch */
	now = (struct faults){ 0 };
	faults_start(&now);
	must(ramet_session_append_messages(s, batch, 2, NULL, &why));
	(void)faults_stop();
	assert_true(faults_file_syncs() >= 1);
}

/* What was not yet synced is not forgotten when the file is read anew. */
static void level__none_syncs_what_it_wrote_before_reading_anew(void **state)
{
	(void)state;
	given_talk(TALK, RAMET_LEVEL_NONE);
	must(ramet_session_sync(s, &why));
	must(append_one());
	add_to(path, "{'type':'message','id':'b1',");
	(void)must(ramet_session_refresh(s, &why));
	add_to(path, "'parentId':'a1','message':" U("theirs") "}\n");
	assert_int_equal(must(ramet_session_refresh(s, &why)), 1);
	now = (struct faults){ 0 };
	faults_start(&now);
	must(ramet_session_sync(s, &why));
	(void)faults_stop();
	assert_true(faults_file_syncs() >= 1);
}

/* Nor is a doubt laid to rest by reading: the cache answers. */
static void level__doubt_outlives_a_refresh(void **state)
{
	(void)state;
	given_talk(TALK, RAMET_LEVEL_EACH);
	must(ramet_session_append_message(s, js(U("fine")), NULL, &why));
	now = (struct faults){ .kind = FAULT_FDATASYNC, .n = 1, .for_ever = 1, .sys = EIO };
	faults_start(&now);
	refused(append_one(), RAMET_EUNKNOWN);
	(void)faults_stop();
	(void)ramet_session_refresh(s, &why);
	assert_true(append_one() < 0);
	add_to(path, "{'type':'message','id':'b1',");
	(void)ramet_session_refresh(s, &why);
	add_to(path, "'parentId':'a1','message':" U("theirs") "}\n");
	(void)ramet_session_refresh(s, &why);
	assert_true(append_one() < 0);
}

/* ---- memory ---- */

static int append_edit(void)
{
	return ramet_session_append_context_edit(s, 0, js("{'content':'" MARK "'}"), NULL, &why);
}

static int append_compaction(void)
{
	const struct ramet_summary c = { .summary = raw(MARK) };

	return ramet_session_append_compaction(s, &c, NULL, &why);
}

static int append_any(void)
{
	return ramet_session_append_entry(s, js("{'type':'future','x':'" MARK "'}"), NULL, &why);
}

/* Memory runs out at the n-th allocation. 0: it does not need so many. */
static int append_without_memory(append_fn *append, unsigned n)
{
	struct ramet_bytes text = exists(path) ? bytes_of(path) : raw("");
	uint32_t before = count(), leaf = ramet_session_leaf(s);
	int r, reached;

	scarce_start(n);
	r = append();
	reached = scarce_stop();
	(void)snprintf(what, sizeof(what), "allocation %u", n);
	check(r == 0 || r == RAMET_ENOMEM || (r == RAMET_EUNKNOWN && !before));
	if (r == RAMET_EUNKNOWN)
		return reached; /* made, but its name may not survive */
	if (r == 0) {
		check(count() > before);
		return reached;
	}
	check(why.code == RAMET_ENOMEM);
	check(count() == before && ramet_session_leaf(s) == leaf);
	check(ramet_bytes_eq(text, exists(path) ? bytes_of(path) : raw("")));
	return 1;
}

static void memory__each_allocation_of_an_append(void **state)
{
	static append_fn *const appends[] = { append_one,  append_three,      append_summary,
					      append_edit, append_compaction, append_any };
	unsigned i, n, more;

	(void)state;
	for (i = 0; i < sizeof(appends) / sizeof(*appends); i++)
		for (n = 1, more = 1; more; n++) {
			assert_true(n < 1000);
			given_talk(TALK, RAMET_LEVEL_NONE);
			more = (unsigned)append_without_memory(appends[i], n);
			goes_on(0);
		}
}

static void memory__each_allocation_while_catching_up(void **state)
{
	unsigned n, more;

	(void)state;
	for (n = 1, more = 1; more; n++) {
		assert_true(n < 1000);
		given_talk(TALK, RAMET_LEVEL_NONE);
		add_to(path, MESSAGE("b1", "'a1'", U("theirs"))
				     LINE("label", "l1", "'b1'", ",'targetId':'u1','label':'x'"));
		scarce_start(n);
		if (append_one() < 0)
			check(why.code == RAMET_ENOMEM);
		more = (unsigned)scarce_stop();
		(void)snprintf(what, sizeof(what), "allocation %u of catching up", n);
		goes_on(0);
		(void)row_of(s, "b1");
	}
}

static void memory__each_allocation_of_a_new_session(void **state)
{
	unsigned n, more;

	(void)state;
	for (n = 1, more = 1; more; n++) {
		const struct ramet_create_opts opts = { .id = "s1", .dir = dir };
		int r;

		assert_true(n < 1000);
		scarce_start(n);
		r = ramet_session_create(&s, "/w", &opts, &why);
		more = (unsigned)scarce_stop();
		check(r == 0 || (r == RAMET_ENOMEM && why.code == r && !s));
		ramet_session_close(s);
		s = NULL;
	}
	for (n = 1, more = 1; more; n++) {
		assert_true(n < 1000);
		s = created(dir);
		path = ramet_session_path(s);
		more = (unsigned)append_without_memory(append_one, n);
		goes_on(why.code == RAMET_EUNKNOWN);
		ramet_session_close(s);
		s = NULL;
		temp_dir_remove(dir);
		dir = temp_dir_new();
	}
}

/* ---- creating ---- */

/* The directory and what is in it after a file that could not be made. */
static void no_file(int left_behind_is_fine)
{
	const char *deep = temp_path(dir, "sub/deep");

	if (!exists(deep) || left_behind_is_fine)
		return;
	if (*names_in(deep))
		fail_msg("%s: left behind: %s", what, names_in(deep));
}

static void create_under(int *more)
{
	const struct ramet_create_opts opts = { .id = "s1",
						.dir = temp_path(dir, "sub/deep"),
						.lock_ms = 50 };
	int r, marked;

	faults_start(&now);
	r = ramet_session_create(&s, "/w", &opts, &why);
	if (r < 0) {
		assert_null(s);
		*more = faults_stop();
		check(why.code == r && *why.text && *more);
		no_file(0);
		return;
	}
	r = ramet_session_append_message(s, js(U(MARK)), NULL, &why);
	*more = faults_stop();
	path = ramet_session_path(s);
	if (r == RAMET_EUNKNOWN) {
		check(may_be_unknown());
		check(!exists(path) || readable(&marked) <= 1);
		check(ramet_session_append_message(s, js(U("x")), NULL, &why) < 0);
		return;
	}
	if (r < 0) {
		check(*more && why.code == r && *why.text);
		check(count() == 0 && !ramet_session_stored(s));
		no_file(now.kind == FAULT_UNLINK);
	} else {
		check(count() == 1 && ramet_session_stored(s));
		check(readable(&marked) == 1 && marked == 1);
		if (now.kind != FAULT_UNLINK)
			assert_string_equal(names_in(temp_path(dir, "sub/deep")),
					    strrchr(path, '/') + 1);
	}
	goes_on(0);
}

static void each_fault_of_create(int sys, int for_ever, int poor)
{
	int kind, more;
	unsigned n;

	for (kind = 0; kind < FAULT_KINDS; kind++)
		for (n = 1, more = 1; more; n++) {
			assert_true(n < PLACES);
			now = (struct faults){
				.kind = kind, .n = n, .for_ever = for_ever, .sys = sys, .poor = poor
			};
			(void)snprintf(what, sizeof(what), "create: %s %u%s, errno %d, poor %d",
				       fault_name(kind), n, for_ever ? " and all after" : "", sys,
				       poor);
			create_under(&more);
			ramet_session_close(s);
			s = NULL;
			temp_dir_remove(dir);
			dir = temp_dir_new();
		}
}

static void create__one_call_fails(void **state)
{
	(void)state;
	each_fault_of_create(EIO, 0, 0);
	each_fault_of_create(ENOSPC, 0, 0);
}

static void create__calls_fail_for_ever(void **state)
{
	(void)state;
	each_fault_of_create(EIO, 1, 0);
}

/* Without nameless files, and without renaming that spares what is there. */
static void create__works_and_fails_on_poor_file_systems(void **state)
{
	int poor;

	(void)state;
	for (poor = 1; poor <= 2; poor++) {
		const struct ramet_create_opts opts = { .id = "s1", .dir = dir };

		now = (struct faults){ .poor = poor };
		faults_start(&now);
		must(ramet_session_create(&s, "/w", &opts, &why));
		must(append_one());
		(void)faults_stop();
		assert_string_equal(names_in(dir), strrchr(ramet_session_path(s), '/') + 1);
		assert_int_equal(mode_of(ramet_session_path(s)), 0600);
		assert_reopens_same(s);
		ramet_session_close(s);
		s = created(dir);
		put(ramet_session_path(s), "{'someone':'else'}\n");
		faults_start(&now);
		refused(append_one(), RAMET_ECONFLICT);
		(void)faults_stop();
		assert_file(ramet_session_path(s), "{'someone':'else'}\n");
		ramet_session_close(s);
		s = NULL;
		temp_dir_remove(dir);
		dir = temp_dir_new();
		each_fault_of_create(EIO, 0, poor);
		each_fault_of_create(EIO, 1, poor);
	}
}

static void create__a_short_write(void **state)
{
	size_t cut;
	int more;

	(void)state;
	for (cut = 1; cut < 200; cut += 13) {
		now = (struct faults){ .kind = FAULT_WRITE, .n = 1, .cut = cut, .sys = ENOSPC };
		(void)snprintf(what, sizeof(what), "create: write cut at %zu", cut);
		create_under(&more);
		ramet_session_close(s);
		s = NULL;
		temp_dir_remove(dir);
		dir = temp_dir_new();
	}
}

/* What file systems without nameless files, links or both say. */
static void create__errors_that_mean_another_way(void **state)
{
	static const struct {
		int kind, sys;
	} poor[] = { { FAULT_LINKAT, EPERM },	   { FAULT_LINKAT, EOPNOTSUPP },
		     { FAULT_LINKAT, ENOENT },	   { FAULT_RENAME_NEW, EINVAL },
		     { FAULT_RENAME_NEW, ENOSYS }, { FAULT_OPEN, EOPNOTSUPP },
		     { FAULT_OPEN, EISDIR } };
	unsigned i, n;
	int more;

	(void)state;
	for (i = 0; i < sizeof(poor) / sizeof(*poor); i++)
		for (n = 1, more = 1; more; n++) {
			assert_true(n < PLACES);
			now = (struct faults){ .kind = poor[i].kind, .n = n, .sys = poor[i].sys };
			(void)snprintf(what, sizeof(what), "create: %s %u, errno %d",
				       fault_name(now.kind), n, now.sys);
			create_under(&more);
			ramet_session_close(s);
			s = NULL;
			temp_dir_remove(dir);
			dir = temp_dir_new();
		}
}

static void create__descriptors_are_given_back(void **state)
{
	int kind, more;
	unsigned n;

	(void)state;
	for (kind = 0; kind < FAULT_KINDS; kind++)
		for (n = 1, more = 1; more; n++) {
			const struct ramet_create_opts opts = { .id = "s1", .dir = dir };

			now = (struct faults){ .kind = kind, .n = n, .sys = EIO };
			faults_start(&now);
			if (ramet_session_create(&s, "/w", &opts, &why) == 0) {
				(void)append_one();
				(void)append_three();
			}
			ramet_session_close(s);
			s = NULL;
			more = faults_stop();
			if (faults_open_fds())
				fail_msg("%s %u: %ld descriptors stay open", fault_name(kind), n,
					 faults_open_fds());
			temp_dir_remove(dir);
			dir = temp_dir_new();
		}
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, drop_dir)
	const struct CMUnitTest tests[] = {
		IN_DIR(fault__one_call_of_a_later_append),
		IN_DIR(fault__one_call_of_the_first_append),
		IN_DIR(fault__calls_for_ever),
		IN_DIR(fault__one_call_of_a_batch),
		IN_DIR(fault__one_call_of_a_branch_summary),
		IN_DIR(fault__one_call_behind_a_torn_tail),
		IN_DIR(fault__one_call_while_catching_up),
		IN_DIR(short_write__one),
		IN_DIR(short_write__batch),
		IN_DIR(short_write__the_fragment_is_a_line_of_its_own),
		IN_DIR(short_write__its_end_cannot_be_mended),
		IN_DIR(interrupt__costs_nothing),
		IN_DIR(level__each_syncs_every_append),
		IN_DIR(level__none_syncs_when_told),
		IN_DIR(level__failed_sync_is_unknown_and_the_end),
		IN_DIR(level__a_directory_that_cannot_be_synced_is_an_error),
		IN_DIR(level__turn_syncs_at_the_end_of_a_turn),
		IN_DIR(level__none_syncs_what_it_wrote_before_reading_anew),
		IN_DIR(level__doubt_outlives_a_refresh),
		IN_DIR(memory__each_allocation_of_an_append),
		IN_DIR(memory__each_allocation_while_catching_up),
		IN_DIR(memory__each_allocation_of_a_new_session),
		IN_DIR(create__one_call_fails),
		IN_DIR(create__calls_fail_for_ever),
		IN_DIR(create__a_short_write),
		IN_DIR(create__works_and_fails_on_poor_file_systems),
		IN_DIR(create__errors_that_mean_another_way),
		IN_DIR(create__descriptors_are_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
