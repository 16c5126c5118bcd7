/*
 * test_tree_image.c - a tree as arrays in a file and back: the same tree, which goes on growing; a
 * page that is not what it was makes it broken, and nothing that can fail answers from it.
 */
#include "small_tree.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "failing.h"
#include "model/tree_priv.h"

#define PAGE 4096u
#define ALL_MAX (1u << 24)

/* A tree in a file, and what is needed to have it again. */
struct kept {
	struct rameti_tree_image image;
	uint64_t at[RAMETI_TREE_PARTS];
	uint32_t sums[4096];
	struct ramet_buf bytes;                  /* of the file */
	struct ramet_buf waiting[8];
	uint32_t n_waiting;
	char path[64];
};

static void keep(struct kept *k, const struct ramet_tree *t)
{
	static const char zeros[PAGE];
	struct ramet_bytes text;
	uint32_t n = 0;
	size_t at, len;
	int i;

	memset(k, 0, sizeof(*k));
	k->bytes.max = ALL_MAX;
	rameti_tree_image(t, &k->image);
	for (i = 0; i < RAMETI_TREE_PARTS; i++) {
		k->at[i] = k->bytes.len;
		for (at = 0; at < k->image.len[i]; at += len, n++) {
			len = k->image.len[i] - at < PAGE ? k->image.len[i] - at : PAGE;
			text.ptr = (const char *)k->image.ptr[i] + at;
			text.len = len;
			ramet_buf_add(&k->bytes, text);
			k->sums[n] = rameti_crc32c(0, text.ptr, len);
		}
		ramet_buf_add(&k->bytes, (struct ramet_bytes){ zeros, (PAGE - k->bytes.len % PAGE) %
									      PAGE });
	}
	assert_int_equal(ramet_buf_status(&k->bytes), 0);
	for (; (text = rameti_tree_waiting(t, k->n_waiting)).ptr; k->n_waiting++) {
		assert_true(k->n_waiting < 8);
		k->waiting[k->n_waiting].max = ALL_MAX;
		ramet_buf_add(&k->waiting[k->n_waiting], text);
	}
}

static void kept_release(struct kept *k)
{
	uint32_t i;

	ramet_buf_release(&k->bytes);
	for (i = 0; i < k->n_waiting; i++)
		ramet_buf_release(&k->waiting[i]);
}

/* The parts mapped with `more` bytes of room each. */
static void map(const struct kept *k, size_t more, struct rameti_mapping *maps)
{
	char path[] = "/tmp/ramet-image-XXXXXX";
	struct rameti_file f = { NULL, mkstemp(path) };
	int i;

	assert_true(f.fd >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(write(f.fd, k->bytes.len ? k->bytes.ptr : "", k->bytes.len),
			 k->bytes.len);
	for (i = 0; i < RAMETI_TREE_PARTS; i++)
		assert_int_equal(rameti_mapping_new(&maps[i], &f, k->at[i], k->image.len[i], more,
						    NULL), 0);
	assert_int_equal(rameti_file_close(&f), 0);
}

static ramet_entry_fn entry_of;
static int entry_of(void *user, uint32_t row, struct ramet_buf *scratch, struct ramet_bytes *json,
		    struct ramet_error *err)
{
	const struct small_tree *s = user;

	(void)scratch, (void)err;
	*json = row < s->n_lines ? s->lines[row] : ramet_bytes_of("{}");
	return 0;
}

static struct ramet_tree *again(const struct kept *k, struct small_tree *s, size_t more)
{
	struct rameti_mapping maps[RAMETI_TREE_PARTS];
	struct ramet_tree *t = NULL;
	uint32_t i;

	map(k, more, maps);
	assert_int_equal(rameti_tree_from_image(&t, &k->image, maps, k->sums, entry_of, s, NULL),
			 0);
	for (i = 0; i < RAMETI_TREE_PARTS; i++)
		assert_null(maps[i].base);
	for (i = 0; i < k->n_waiting; i++)
		assert_int_equal(rameti_tree_add_waiting(t, ramet_buf_bytes(&k->waiting[i]), NULL),
				 0);
	return t;
}

static void same(const struct ramet_tree *a, const struct ramet_tree *b)
{
	struct ramet_nodes x = RAMET_NODES_INIT, y = RAMET_NODES_INIT;
	uint32_t i, n, m;

	assert_int_equal(ramet_tree_count(a), ramet_tree_count(b));
	for (i = 0; i < ramet_tree_count(a); i++) {
		struct ramet_bytes id = ramet_tree_id(a, i);

		assert_memory_equal(ramet_tree_row(a, i), ramet_tree_row(b, i),
				    sizeof(struct ramet_row));
		assert_true(ramet_bytes_eq(id, ramet_tree_id(b, i)));
		assert_int_equal(ramet_tree_find(a, id), ramet_tree_find(b, id));
		assert_true(ramet_bytes_eq(rameti_tree_parent_id(a, i),
					   rameti_tree_parent_id(b, i)));
		assert_int_equal(rameti_tree_line(a, i), rameti_tree_line(b, i));
	}
	assert_int_equal(ramet_tree_preorder(a, &x, NULL), 0);
	assert_int_equal(ramet_tree_preorder(b, &y, NULL), 0);
	assert_int_equal(x.n, y.n);
	if (x.n)
		assert_memory_equal(x.items, y.items, x.n * sizeof(*x.items));
	ramet_nodes_release(&x);
	ramet_nodes_release(&y);
	(void)rameti_tree_label_rows(a, &n);
	if (n)
		assert_memory_equal(rameti_tree_label_rows(a, &n), rameti_tree_label_rows(b, &m),
				    n * sizeof(uint32_t));
	(void)rameti_tree_label_rows(b, &m);
	assert_int_equal(n, m);
	(void)rameti_tree_name_rows(a, &n);
	if (n)
		assert_memory_equal(rameti_tree_name_rows(a, &n), rameti_tree_name_rows(b, &m),
				    n * sizeof(uint32_t));
	(void)rameti_tree_name_rows(b, &m);
	assert_int_equal(n, m);
}

static const char *const trees[] = {
	"",
	USER("a1", "null", "x"),
	USER("a1", "null", "x") ANSWER("a2", "'a1'", "y") USER("a3", "'a1'", "z")
		COMPACTION("a4", "'a2'", "a1", "") EDIT("a5", "'a4'", "a2", "null"),
	USER("a1", "'gone'", "x") USER("a2", "'later'", "x") USER("a3", "'gone'", "x")
		USER("a4", "''", "x"),
	USER("a1", "'a2'", "x") USER("a2", "'a1'", "x") USER("a3", "'a3'", "x"),
	USER("a1", "null", "x") USER("a1", "'a1'", "x") USER("", "'a1'", "x")
		"{'type':'message','parentId':'a1'}\n",
	USER("a1", "null", "x") ENTRY("label", "a2", "'a1'", "01", ",'targetId':'a1','label':'L'")
		ENTRY("session_info", "a3", "'a2'", "01", ",'name':'N'")
		ENTRY("label", "a4", "'a3'", "01", ",'targetId':'a1'"),
};
#define N_TREES (sizeof(trees) / sizeof(*trees))

static void tree_image__gives_the_tree_again(void **state)
{
	struct small_tree s;
	struct ramet_tree *t, *u;
	struct kept k, l;
	size_t i;

	(void)state;
	for (i = 0; i < N_TREES; i++) {
		small_tree_init(&s, trees[i]);
		assert_int_equal(rameti_tree_skip_lines(s.tree, i, NULL), 0);
		keep(&k, s.tree);
		t = again(&k, &s, 0);
		same(t, s.tree);
		/* and once more, from the tree that is mapped */
		keep(&l, t);
		assert_true(ramet_bytes_eq(ramet_buf_bytes(&k.bytes), ramet_buf_bytes(&l.bytes)));
		u = again(&l, &s, 1);
		same(u, s.tree);
		assert_false(rameti_tree_broken(u));
		rameti_tree_free(t);
		rameti_tree_free(u);
		kept_release(&k);
		kept_release(&l);
		small_tree_release(&s);
	}
}

/* The same entries added to both. */
static void grow(struct ramet_tree *t, uint32_t n, const char *first_parent)
{
	struct ramet_row row = { .type = RAMET_ENTRY_MESSAGE, .flags = RAMET_ROW_HAS_PARENT };
	char id[16], parent[16];
	uint32_t i;

	(void)snprintf(parent, sizeof(parent), "%s", first_parent);
	for (i = 0; i < n; i++) {
		(void)snprintf(id, sizeof(id), "n%u", (unsigned)(i % 1000));
		row.offset = i;
		row.type = i % 3 ? i % 3 == 1 ? RAMET_ENTRY_LABEL : RAMET_ENTRY_SESSION_INFO :
				   RAMET_ENTRY_MESSAGE;
		if (i % 2)
			assert_int_equal(rameti_tree_skip_lines(t, i, NULL), 0);
		assert_int_equal(rameti_tree_add(t, &row, ramet_bytes_of(id),
						 ramet_bytes_of(parent), NULL), 0);
		memcpy(parent, id, sizeof(id));
	}
	assert_int_equal(rameti_tree_settle(t, NULL), 0);
}

static void tree_image__goes_on_growing(void **state)
{
	static const char *const parents[] = { "a1", "gone", "later", "a3", "", "nobody" };
	struct small_tree s;
	struct ramet_tree *t;
	struct kept k;
	size_t i, p, more;

	(void)state;
	for (i = 0; i < N_TREES; i++)
		for (p = 0; p < sizeof(parents) / sizeof(*parents); p++)
			for (more = 0; more < 100000; more = more * 9 + 4095) {
				small_tree_init(&s, trees[i]);
				keep(&k, s.tree);
				t = again(&k, &s, more);
				grow(t, 1 + (uint32_t)(more % 1300), parents[p]);
				grow(s.tree, 1 + (uint32_t)(more % 1300), parents[p]);
				same(t, s.tree);
				rameti_tree_free(t);
				kept_release(&k);
				small_tree_release(&s);
			}
}

/* An orphan of the image finds its parent; an id of it comes again. */
static void tree_image__knows_who_waits(void **state)
{
	static const char *const ids[] = { "gone", "later", "a1", "" };
	struct ramet_row row = { .type = RAMET_ENTRY_CUSTOM };
	struct small_tree s;
	struct ramet_tree *t;
	struct kept k;
	size_t i;

	(void)state;
	small_tree_init(&s, trees[3]);
	keep(&k, s.tree);
	assert_int_equal(k.n_waiting, 2);
	t = again(&k, &s, 10);
	for (i = 0; i < 4; i++) {
		assert_int_equal(rameti_tree_add(t, &row, ramet_bytes_of(ids[i]),
						 ramet_bytes_of(""), NULL), 0);
		assert_int_equal(rameti_tree_add(s.tree, &row, ramet_bytes_of(ids[i]),
						 ramet_bytes_of(""), NULL), 0);
		assert_int_equal(rameti_tree_settle(t, NULL), 0);
		assert_int_equal(rameti_tree_settle(s.tree, NULL), 0);
		same(t, s.tree);
	}
	rameti_tree_free(t);
	kept_release(&k);
	small_tree_release(&s);
}

static void tree_image__refuses_what_does_not_fit(void **state)
{
	struct rameti_mapping maps[RAMETI_TREE_PARTS];
	struct rameti_tree_image odd;
	struct ramet_tree *t = NULL;
	struct ramet_error err;
	struct small_tree s;
	struct kept k;
	int i;

	(void)state;
	small_tree_init(&s, trees[6]);
	assert_int_equal(rameti_tree_skip_lines(s.tree, 2, NULL), 0);
	keep(&k, s.tree);
	for (i = 0; i < RAMETI_TREE_PARTS + 4; i++) {
		odd = k.image;
		if (i < RAMETI_TREE_PARTS && i != RAMETI_TREE_IDS)
			odd.len[i]--;
		else if (i == RAMETI_TREE_IDS)
			odd.n_ids = odd.n + 1;
		else if (i == RAMETI_TREE_PARTS)
			odd.n++;
		else if (i == RAMETI_TREE_PARTS + 1)
			odd.n = 0x7fffffff;
		else if (i == RAMETI_TREE_PARTS + 2)
			odd.len[RAMETI_TREE_SLOTS] -= 8;
		else
			odd.len[RAMETI_TREE_SLOTS] = 4 * 8;
		map(&k, 0, maps);
		assert_int_equal(rameti_tree_from_image(&t, &odd, maps, k.sums, entry_of, &s, &err),
				 RAMET_EFORMAT);
		assert_null(t);
		assert_null(maps[0].base);
	}
	kept_release(&k);
	small_tree_release(&s);
}

/* ---- damage ---- */

/* Every call that answers from a tree and may fail. */
static int ask_entry(const struct ramet_tree *t, struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(ALL_MAX);
	struct ramet_bytes json;
	int r = ramet_tree_entry(t, 0, &b, &json, err);

	ramet_buf_release(&b);
	return r;
}

static int ask_preorder(const struct ramet_tree *t, struct ramet_error *err)
{
	struct ramet_nodes nodes = RAMET_NODES_INIT;
	int r = ramet_tree_preorder(t, &nodes, err);

	ramet_nodes_release(&nodes);
	return r;
}

static int ask_path(const struct ramet_tree *t, struct ramet_error *err)
{
	struct ramet_path path = { NULL, 0 };
	int r = ramet_tree_path(t, ramet_tree_leaf(t), &path, err);

	ramet_path_release(&path);
	return r;
}

static int ask_resolve(const struct ramet_tree *t, struct ramet_error *err)
{
	uint32_t row;
	int r = ramet_tree_resolve(t, ramet_bytes_of("n89"), &row, err);

	return r < 0 && !rameti_tree_broken(t) ? RAMET_EINVAL : r;
}

static int ask_context(const struct ramet_tree *t, struct ramet_error *err)
{
	struct ramet_context *c = NULL;
	int r = ramet_context_new(&c, t, ramet_tree_leaf(t), err);

	ramet_context_free(c);
	return r;
}

static int ask_labels(const struct ramet_tree *t, struct ramet_error *err)
{
	struct ramet_labels labels = RAMET_LABELS_INIT;
	int r = ramet_tree_labels(t, &labels, err);

	ramet_labels_release(&labels);
	return r;
}

static int ask_name(const struct ramet_tree *t, struct ramet_error *err)
{
	struct ramet_buf b = RAMET_BUF_INIT(ALL_MAX);
	int r = ramet_tree_name(t, &b, err);

	ramet_buf_release(&b);
	return r < 0 ? r : 0;
}

static int ask_stats(const struct ramet_tree *t, struct ramet_error *err)
{
	struct ramet_stats *stats = NULL;
	int r = ramet_stats_new(&stats, t, err);

	ramet_stats_free(stats);
	return r;
}

static int ask_check(const struct ramet_tree *t, struct ramet_error *err)
{
	struct ramet_findings f = RAMET_FINDINGS_INIT;
	int r = ramet_tree_check(t, &f, err);

	ramet_findings_release(&f);
	return r;
}

typedef int ask_fn(const struct ramet_tree *t, struct ramet_error *err);
static ask_fn *const asks[] = { ask_entry,  ask_preorder, ask_path,  ask_resolve, ask_context,
				ask_labels, ask_name,	  ask_stats, ask_check };
static const char *const ask_names[] = { "entry",  "preorder", "path",	"resolve", "context",
					 "labels", "name",     "stats", "check" };
#define N_ASKS (sizeof(asks) / sizeof(*asks))

/* Nobody answers from what he saw to be broken. */
static void check_answers(const struct ramet_tree *t, size_t which)
{
	struct ramet_error err = { .code = 0 };
	int r = asks[which](t, &err);

	if (rameti_tree_broken(t) ? r != RAMET_ECONFLICT || err.code != r : r < 0)
		fail_msg("%s answers %s", ask_names[which], ramet_code_name(r));
}

/* What can fail says so; what cannot does not run off. */
static void check_broken(const struct ramet_tree *t)
{
	uint32_t i;

	for (i = 0; i < ramet_tree_count(t); i++) {
		(void)ramet_tree_row(t, i);
		(void)ramet_tree_find(t, ramet_tree_id(t, i));
		(void)rameti_tree_parent_id(t, i);
		(void)rameti_tree_line(t, i);
	}
	(void)ramet_tree_find(t, ramet_bytes_of("nobody"));
	assert_int_equal(ask_preorder(t, NULL), RAMET_ECONFLICT);
	assert_true(rameti_tree_broken(t));
	for (i = 0; i < N_ASKS; i++)
		check_answers(t, i);
}

static void tree_image__says_when_it_is_broken(void **state)
{
	struct small_tree s;
	struct ramet_tree *t;
	struct kept k;
	size_t at;
	int part;

	(void)state;
	small_tree_init(&s, trees[6]);
	grow(s.tree, 900, "a4");
	keep(&k, s.tree);
	for (part = 0; part < RAMETI_TREE_PARTS; part++)
		for (at = 0; at < k.image.len[part]; at += 37) {
			k.bytes.ptr[k.at[part] + at] ^= (char)(1 << at % 8);
			t = again(&k, &s, 0);
			check_answers(t, at % N_ASKS);
			check_broken(t);
			grow(t, 40, "a1");
			check_broken(t);
			rameti_tree_free(t);
			k.bytes.ptr[k.at[part] + at] ^= (char)(1 << at % 8);
		}
	t = again(&k, &s, 0);
	same(t, s.tree);
	rameti_tree_free(t);
	kept_release(&k);
	small_tree_release(&s);
}

/* Bytes behind an array in its last page are no part of it. */
static void tree_image__minds_only_what_it_holds(void **state)
{
	struct small_tree s;
	struct ramet_tree *t;
	struct kept k;
	int part;

	(void)state;
	small_tree_init(&s, trees[2]);
	keep(&k, s.tree);
	for (part = 0; part + 1 < RAMETI_TREE_PARTS; part++)
		if (k.at[part + 1] > k.at[part])
			k.bytes.ptr[k.at[part + 1] - 1] = '#';
	t = again(&k, &s, 0);
	same(t, s.tree);
	grow(t, 600, "a1");
	grow(s.tree, 600, "a1");
	same(t, s.tree);
	rameti_tree_free(t);
	kept_release(&k);
	small_tree_release(&s);
}

/* ---- memory ---- */

static int from_image(const struct kept *k, struct small_tree *s, struct ramet_tree **t,
		      struct ramet_error *err)
{
	struct rameti_mapping maps[RAMETI_TREE_PARTS];
	int i, r;

	map(k, 0, maps);
	r = rameti_tree_from_image(t, &k->image, maps, k->sums, entry_of, s, err);
	for (i = 0; i < RAMETI_TREE_PARTS; i++)
		assert_null(maps[i].base);
	return r;
}

/* A row more, and every part leaves its mapping. */
static int one_more(struct ramet_tree *t, struct ramet_error *err)
{
	struct ramet_row row = { .type = RAMET_ENTRY_LABEL, .flags = RAMET_ROW_HAS_PARENT };
	struct ramet_bytes id = ramet_bytes_of("fresh"), parent = ramet_bytes_of("a1");
	int r;

	row.id_hash = rameti_id_hash(id);
	row.parent_hash = rameti_id_hash(parent);
	r = rameti_tree_add(t, &row, id, parent, err);
	return r < 0 ? r : rameti_tree_settle(t, err);
}

static void tree_image__survives_every_failing_allocation(void **state)
{
	struct small_tree s;
	struct ramet_error err;
	struct kept k;
	unsigned n, reached = 1;
	int r;

	(void)state;
	small_tree_init(&s, trees[6]);
	keep(&k, s.tree);
	for (n = 1; reached; n++) {
		struct ramet_tree *t = NULL;

		failing_memory_start(n);
		r = from_image(&k, &s, &t, &err);
		if (!r)
			r = rameti_tree_add_waiting(t, ramet_bytes_of("gone"), &err);
		if (!r) {
			r = one_more(t, &err);
			if (r < 0)
				assert_int_equal(ramet_tree_count(t), ramet_tree_count(s.tree));
		}
		rameti_tree_free(t);
		reached = (unsigned)failing_memory_stop();
		assert_int_equal(r, reached ? RAMET_ENOMEM : 0);
	}
	assert_true(n > 8);
	kept_release(&k);
	small_tree_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree_image__gives_the_tree_again),
		cmocka_unit_test(tree_image__goes_on_growing),
		cmocka_unit_test(tree_image__knows_who_waits),
		cmocka_unit_test(tree_image__refuses_what_does_not_fit),
		cmocka_unit_test(tree_image__says_when_it_is_broken),
		cmocka_unit_test(tree_image__minds_only_what_it_holds),
		cmocka_unit_test(tree_image__survives_every_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
