/*
 * tree.c, derive.c: a tree built row by row says the same as a plain model of the rules, whatever
 * the order of ids and parents, also with equal ids, orphans and loops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/map.h"
#include "model/tree.h"

#define MAX_ROWS 40

/* A row as the plain model sees it: ids are small numbers, -1 none. */
struct plain {
	int id, parent, type, role;
	int shadowed, orphan, loop, up;          /* up: row of the parent, -1 a root */
};

static struct ramet_bytes name(int id, char *text, size_t len)
{
	snprintf(text, len, "id-%d", id);
	return ramet_bytes_of(text);
}

static int no_entry(void *user, uint32_t row, struct ramet_buf *scratch, struct ramet_bytes *json,
		    struct ramet_error *err)
{
	(void)user, (void)row, (void)scratch, (void)json, (void)err;
	return RAMET_EINVAL;
}

static struct ramet_tree *new_tree(uint64_t seed)
{
	struct ramet_tree *t;

	assert_int_equal(rameti_tree_new(&t, seed, no_entry, NULL, NULL), 0);
	return t;
}

static void add(struct ramet_tree *t, const struct plain *p)
{
	struct ramet_row row;
	struct ramet_error err;
	char id[32], parent[32];

	memset(&row, 0, sizeof(row));
	row.type = (uint8_t)p->type;
	row.role = (uint8_t)p->role;
	row.offset = ramet_tree_count(t) * 100u;
	row.flags = (uint16_t)((p->id < 0 ? RAMET_ROW_NO_ID : 0) |
			       (p->parent < 0 ? 0 : RAMET_ROW_HAS_PARENT));
	assert_int_equal(rameti_tree_add(t, &row, name(p->id, id, sizeof(id)),
					 name(p->parent, parent, sizeof(parent)), &err), 0);
}

/* The rules, slowly. */
static void plain_derive(struct plain *v, int n)
{
	int i, j, k, at, first;

	for (i = 0; i < n; i++) {
		v[i].shadowed = v[i].orphan = v[i].loop = 0;
		v[i].up = -1;
		for (j = i + 1; v[i].id >= 0 && j < n; j++)
			v[i].shadowed |= v[j].id == v[i].id;
	}
	for (i = 0; i < n; i++) {
		for (j = 0; v[i].parent >= 0 && j < n; j++)
			if (v[j].id == v[i].parent)
				v[i].up = j;
		v[i].orphan = v[i].parent >= 0 && v[i].up < 0;
		if (v[i].shadowed)
			v[i].up = -1;
	}
	for (i = 0; i < n; i++) {
		first = i;
		for (at = v[i].up, k = 0; at >= 0 && at != i && k <= n; k++) {
			first = at < first ? at : first;
			at = v[at].up;
		}
		if (at == i && first == i) {
			v[i].up = -1;
			v[i].loop = 1;
		}
	}
}

/* Row number of the nearest row at or above i for which fits() holds. */
static uint32_t nearest(const struct plain *v, int i, int (*fits)(const struct plain *))
{
	for (; i >= 0; i = v[i].up)
		if (fits(&v[i]))
			return (uint32_t)i;
	return RAMET_NONE;
}

static int is_compaction(const struct plain *p)
{
	return p->type == RAMET_ENTRY_COMPACTION;
}

static int sets_model(const struct plain *p)
{
	return p->type == RAMET_ENTRY_MODEL_CHANGE ||
	       (p->type == RAMET_ENTRY_MESSAGE && p->role == RAMET_ROLE_ASSISTANT);
}

static int sets_level(const struct plain *p)
{
	return p->type == RAMET_ENTRY_THINKING_LEVEL_CHANGE;
}

static int is_edit(const struct plain *p)
{
	return p->type == RAMET_ENTRY_CONTEXT_EDIT;
}

static uint32_t depth_of(const struct plain *v, int i)
{
	uint32_t depth = 0;

	for (; v[i].up >= 0; i = v[i].up)
		depth++;
	return depth;
}

static void check_row(const struct ramet_tree *t, const struct plain *v, int i)
{
	const struct ramet_row *r = ramet_tree_row(t, (uint32_t)i);

	assert_int_equal(!!(r->flags & RAMET_ROW_SHADOWED), v[i].shadowed);
	assert_int_equal(r->parent, v[i].up < 0 ? RAMET_NONE : (uint32_t)v[i].up);
	assert_int_equal(!!(r->flags & RAMET_ROW_LOOP), v[i].loop);
	assert_int_equal(!!(r->flags & RAMET_ROW_ORPHAN), v[i].orphan);
	assert_int_equal(r->depth, depth_of(v, i));
	assert_int_equal(r->compaction, nearest(v, i, is_compaction));
	assert_int_equal(r->model, nearest(v, i, sets_model));
	assert_int_equal(r->level, nearest(v, i, sets_level));
	assert_int_equal(r->edit, nearest(v, i, is_edit));
}

static void check_ids(const struct ramet_tree *t, const struct plain *v, int n)
{
	char text[32];
	int i, j;
	uint32_t last;

	for (i = 0; i < n; i++) {
		struct ramet_bytes id = ramet_tree_id(t, (uint32_t)i),
				   parent = rameti_tree_parent_id(t, (uint32_t)i);

		assert_true(ramet_bytes_eq(id, v[i].id < 0 ? ramet_bytes_of("")
							   : name(v[i].id, text, sizeof(text))));
		if (v[i].parent >= 0)
			assert_true(ramet_bytes_eq(parent, name(v[i].parent, text, sizeof(text))));
		last = RAMET_NONE;
		for (j = 0; j < n; j++)
			if (v[j].id >= 0 && v[j].id == v[i].id)
				last = (uint32_t)j;
		if (v[i].id >= 0)
			assert_int_equal(ramet_tree_find(t, id), last);
	}
	assert_int_equal(ramet_tree_find(t, ramet_bytes_of("id-none")), RAMET_NONE);
}

/* Preorder lists every row that is not shadowed once, parents before children. */
static void check_preorder(const struct ramet_tree *t, const struct plain *v, int n)
{
	struct ramet_nodes nodes = RAMET_NODES_INIT;
	int seen[MAX_ROWS] = { 0 }, expected = 0, i;

	assert_int_equal(ramet_tree_preorder(t, &nodes, NULL), 0);
	for (i = 0; i < n; i++)
		expected += !v[i].shadowed;
	assert_int_equal(nodes.n, expected);
	for (i = 0; i < (int)nodes.n; i++) {
		uint32_t row = nodes.items[i].row;

		assert_int_equal(seen[row], 0);
		seen[row] = 1;
		assert_int_equal(nodes.items[i].depth, depth_of(v, (int)row));
		if (nodes.items[i].parent != RAMET_NONE)
			assert_int_equal(seen[nodes.items[i].parent], 1);
	}
	ramet_nodes_release(&nodes);
}

static uint32_t roll(uint64_t *rng, uint32_t n)
{
	*rng = *rng * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*rng >> 33) % n;
}

static void random_rows(struct plain *v, int n, uint64_t *rng)
{
	int i, ids = 1 + (int)roll(rng, (uint32_t)n * 2), wild = roll(rng, 3) == 0;

	for (i = 0; i < n; i++) {
		memset(&v[i], 0, sizeof(v[i]));
		v[i].id = roll(rng, 12) == 0 ? -1 : wild ? (int)roll(rng, (uint32_t)ids) : i;
		v[i].parent = roll(rng, 9) == 0
				      ? -1
				      : (int)roll(rng, wild ? (uint32_t)ids : (uint32_t)i + 1);
		v[i].type = (int)roll(rng, RAMET_ENTRY_HEADER);
		v[i].role = (int)roll(rng, RAMET_ROLE_OTHER + 1);
	}
}

static void tree__agrees_with_the_plain_rules(void **state)
{
	struct plain v[MAX_ROWS];
	uint64_t rng = 42;
	int round, i, n, settle_each;

	(void)state;
	for (round = 0; round < 4000; round++) {
		struct ramet_tree *t = new_tree(rng);

		n = 1 + (int)roll(&rng, MAX_ROWS);
		settle_each = roll(&rng, 2) == 0;
		random_rows(v, n, &rng);
		for (i = 0; i < n; i++) {
			add(t, &v[i]);
			if (settle_each)
				assert_int_equal(rameti_tree_settle(t, NULL), 0);
		}
		assert_int_equal(rameti_tree_settle(t, NULL), 0);
		plain_derive(v, n);
		assert_int_equal(ramet_tree_count(t), n);
		assert_int_equal(ramet_tree_leaf(t), n - 1);
		for (i = 0; i < n; i++)
			check_row(t, v, i);
		check_ids(t, v, n);
		check_preorder(t, v, n);
		rameti_tree_free(t);
	}
}

static void tree__paths_run_from_root_to_leaf(void **state)
{
	static const struct plain v[] = { { .id = 0, .parent = -1 },
					  { .id = 1, .parent = 0 },
					  { .id = 2, .parent = 0 },
					  { .id = 3, .parent = 1 } };
	struct ramet_path path = RAMET_PATH_INIT;
	struct ramet_tree *t = new_tree(7);
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		add(t, &v[i]);
	assert_int_equal(ramet_tree_path(t, 3, &path, NULL), 0);
	assert_int_equal(path.n, 3);
	assert_int_equal(path.rows[0], 0);
	assert_int_equal(path.rows[1], 1);
	assert_int_equal(path.rows[2], 3);
	assert_int_equal(ramet_tree_path(t, RAMET_NONE, &path, NULL), 0);
	assert_int_equal(path.n, 0);
	assert_int_equal(ramet_tree_path(t, 4, &path, NULL), RAMET_EINVAL);
	ramet_path_release(&path);
	rameti_tree_free(t);
}

static void tree__resolves_ids_and_unique_prefixes(void **state)
{
	static const struct plain v[] = { { .id = 1, .parent = -1 },
					  { .id = 12, .parent = 1 },
					  { .id = 130, .parent = 1 },
					  { .id = 131, .parent = 1 } };
	struct ramet_tree *t = new_tree(7);
	struct ramet_error err;
	uint32_t row = 99;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		add(t, &v[i]);
	assert_int_equal(ramet_tree_resolve(t, ramet_bytes_of("id-1"), &row, &err), 0);
	assert_int_equal(row, 0);
	assert_int_equal(ramet_tree_resolve(t, ramet_bytes_of("id-12"), &row, &err), 0);
	assert_int_equal(row, 1);
	assert_int_equal(ramet_tree_resolve(t, ramet_bytes_of("id-131"), &row, &err), 0);
	assert_int_equal(row, 3);
	assert_int_equal(ramet_tree_resolve(t, ramet_bytes_of("id-13"), &row, &err),
			 RAMET_EAMBIGUOUS);
	assert_string_equal(err.text, "entry id id-13 fits more than one: id-130, id-131");
	assert_int_equal(ramet_tree_resolve(t, ramet_bytes_of("x"), &row, &err), RAMET_ENOTFOUND);
	assert_int_equal(ramet_tree_resolve(t, ramet_bytes_of(""), &row, &err), RAMET_ENOTFOUND);
	assert_int_equal(row, 3);
	rameti_tree_free(t);
}

static void tree__knows_the_lines_of_rows(void **state)
{
	static const struct plain p = { .id = -1, .parent = -1 };
	struct ramet_tree *t = new_tree(1);

	(void)state;
	assert_int_equal(rameti_tree_skip_lines(t, 1, NULL), 0);
	assert_int_equal(rameti_tree_skip_lines(t, 2, NULL), 0);
	add(t, &p);
	add(t, &p);
	assert_int_equal(rameti_tree_skip_lines(t, 5, NULL), 0);
	add(t, &p);
	assert_int_equal(rameti_tree_line(t, 0), 4);
	assert_int_equal(rameti_tree_line(t, 1), 5);
	assert_int_equal(rameti_tree_line(t, 2), 11);
	rameti_tree_free(t);
}

static void tree__stays_linear_in_a_long_chain_with_a_loop(void **state)
{
	struct plain p = { .id = 0, .parent = 299999, .type = RAMET_ENTRY_MESSAGE };
	struct ramet_tree *t = new_tree(1);
	int i;

	(void)state;
	for (i = 0; i < 300000; i++) {
		p.id = i;
		p.parent = i ? i - 1 : 299999;
		add(t, &p);
	}
	assert_int_equal(rameti_tree_settle(t, NULL), 0);
	assert_int_equal(ramet_tree_row(t, 0)->flags & RAMET_ROW_LOOP, RAMET_ROW_LOOP);
	assert_int_equal(ramet_tree_row(t, 299999)->depth, 299999);
	rameti_tree_free(t);
}

/* ---- an allocation that fails, at every place ---- */

static int budget;

static void *failing_realloc(void *user, void *ptr, size_t size)
{
	(void)user;
	if (budget >= 0 && budget-- == 0) {
		budget = 0;
		return NULL;
	}
	return realloc(ptr, size);
}

static void plain_free(void *user, void *ptr)
{
	(void)user;
	free(ptr);
}

static int build(int n)
{
	struct ramet_tree *t = NULL;
	struct ramet_nodes nodes = RAMET_NODES_INIT;
	struct ramet_row row;
	int i, r = rameti_tree_new(&t, 3, no_entry, NULL, NULL);
	char id[32], parent[32];

	for (i = 0; !r && i < n; i++) {
		memset(&row, 0, sizeof(row));
		row.flags = RAMET_ROW_HAS_PARENT;
		r = rameti_tree_skip_lines(t, 1, NULL);
		if (!r)
			r = rameti_tree_add(t, &row, name(i % 50, id, sizeof(id)),
					    name((i * 7) % 90, parent, sizeof(parent)), NULL);
	}
	if (!r)
		r = rameti_tree_settle(t, NULL);
	if (!r)
		r = ramet_tree_preorder(t, &nodes, NULL);
	ramet_nodes_release(&nodes);
	rameti_tree_free(t);
	return r;
}

static void tree__fails_cleanly_without_memory(void **state)
{
	static const struct ramet_allocator failing = { failing_realloc, plain_free, NULL };
	int n, r = RAMET_ENOMEM;

	(void)state;
	ramet_set_allocator(&failing);
	for (n = 0; r && n < 500; n++) {
		budget = n;
		r = build(100);
		assert_true(r == 0 || r == RAMET_ENOMEM);
	}
	budget = -1;
	ramet_set_allocator(NULL);
	assert_int_equal(r, 0);
	assert_true(n > 10);
}

/* ---- room made before ---- */

/* n rows, each the child of the one before, with ids of 12 bytes and of every type. */
static int add_chain(struct ramet_tree *t, uint32_t n)
{
	struct ramet_row row;
	char id[16], parent[16];
	uint32_t i, at;
	int r = 0;

	for (i = 0; !r && i < n; i++) {
		at = ramet_tree_count(t);
		memset(&row, 0, sizeof(row));
		row.type = (uint8_t)(at % RAMET_ENTRY_HEADER);
		row.flags = at ? RAMET_ROW_HAS_PARENT : 0;
		snprintf(id, sizeof(id), "id-%09u", (unsigned)at);
		snprintf(parent, sizeof(parent), "id-%09u", (unsigned)at - 1);
		r = rameti_tree_add(t, &row, ramet_bytes_of(id), ramet_bytes_of(parent), NULL);
	}
	return r;
}

static void tree__cannot_fail_where_room_was_made(void **state)
{
	static const struct ramet_allocator failing = { failing_realloc, plain_free, NULL };
	static const uint32_t before[] = { 0, 1, 39, 40, 41, 64, 1000 };
	static const uint32_t more[] = { 1, 2, 25, 64, 65, 1000, 5000 };
	size_t i;

	(void)state;
	for (i = 0; i < 7 * 7; i++) {
		struct ramet_tree *t = new_tree(i);
		uint32_t old = before[i / 7], n = more[i % 7];

		budget = -1;
		ramet_set_allocator(&failing);
		assert_int_equal(add_chain(t, old), 0);
		assert_int_equal(rameti_tree_make_room(t, n, 12 * (size_t)n, NULL), 0);
		budget = 0;
		assert_int_equal(add_chain(t, n), 0);
		assert_int_equal(rameti_tree_settle(t, NULL), 0);
		assert_int_equal(ramet_tree_count(t), old + n);
		assert_int_equal(ramet_tree_row(t, old + n - 1)->depth, old + n - 1);
		assert_int_equal(ramet_tree_find(t, ramet_bytes_of("id-000000000")), 0);
		budget = -1;
		ramet_set_allocator(NULL);
		rameti_tree_free(t);
	}
}

static void tree__making_room_fails_and_changes_nothing(void **state)
{
	static const struct ramet_allocator failing = { failing_realloc, plain_free, NULL };
	struct ramet_tree *t = new_tree(5);
	struct ramet_error err;
	int n, r = RAMET_ENOMEM;

	(void)state;
	assert_int_equal(add_chain(t, 30), 0);
	ramet_set_allocator(&failing);
	for (n = 0; r; n++) {
		budget = n;
		r = rameti_tree_make_room(t, 100000, 1200000, &err);
		assert_true(r == 0 || (r == RAMET_ENOMEM && err.code == r));
		assert_int_equal(ramet_tree_count(t), 30);
		assert_int_equal(ramet_tree_find(t, ramet_bytes_of("id-000000029")), 29);
	}
	budget = -1;
	ramet_set_allocator(NULL);
	assert_true(n > 6);
	assert_int_equal(rameti_tree_make_room(t, UINT32_MAX, 0, &err), RAMET_ELIMIT);
	assert_int_equal(rameti_tree_make_room(t, 1, UINT32_MAX, &err), RAMET_ELIMIT);
	assert_string_equal(err.text, "too many entries or ids");
	assert_int_equal(rameti_tree_make_room(t, 0, 0, NULL), 0);
	assert_int_equal(add_chain(t, 30), 0);
	assert_int_equal(ramet_tree_count(t), 60);
	rameti_tree_free(t);
}

static int count_asks(void *user, uint32_t row, struct ramet_buf *scratch, struct ramet_bytes *json,
		      struct ramet_error *err)
{
	(void)row, (void)scratch, (void)err;
	++*(int *)user;
	*json = ramet_bytes_of("{}");
	return 0;
}

static void tree__asks_the_user_it_was_told_last(void **state)
{
	struct ramet_tree *t;
	struct ramet_bytes json;
	int first = 0, second = 0;

	(void)state;
	assert_int_equal(rameti_tree_new(&t, 1, count_asks, &first, NULL), 0);
	assert_int_equal(add_chain(t, 1), 0);
	assert_int_equal(ramet_tree_entry(t, 0, NULL, &json, NULL), 0);
	rameti_tree_set_user(t, &second);
	assert_int_equal(ramet_tree_entry(t, 0, NULL, &json, NULL), 0);
	assert_int_equal(ramet_tree_entry(t, 0, NULL, &json, NULL), 0);
	assert_int_equal(ramet_tree_entry(t, 1, NULL, &json, NULL), RAMET_EINVAL);
	assert_int_equal(first, 1);
	assert_int_equal(second, 2);
	rameti_tree_free(t);
}

/* Ids of any length are told, cut. */
static void tree__tells_long_ids_that_do_not_resolve(void **state)
{
	struct ramet_row facts = { .type = RAMET_ENTRY_MESSAGE };
	struct ramet_bytes id, none = { NULL, 0 };
	struct ramet_tree *t = NULL;
	struct ramet_error err;
	uint32_t row = 77;
	char text[100];

	(void)state;
	memset(text, 'i', sizeof(text));
	id.ptr = text;
	id.len = sizeof(text);
	assert_int_equal(rameti_tree_new(&t, 7, NULL, NULL, NULL), 0);
	assert_int_equal(ramet_tree_resolve(t, id, &row, &err), RAMET_ENOTFOUND);
	assert_int_equal(strlen(err.text), sizeof("no entry ") - 1 + 80);
	facts.id_hash = rameti_id_hash(id);
	assert_int_equal(rameti_tree_add(t, &facts, id, none, NULL), 0);
	text[99] = 'j';
	facts.id_hash = rameti_id_hash(id);
	assert_int_equal(rameti_tree_add(t, &facts, id, none, NULL), 0);
	/* an entry without an id fits nothing */
	facts.flags = RAMET_ROW_NO_ID;
	facts.id_hash = rameti_id_hash(none);
	assert_int_equal(rameti_tree_add(t, &facts, none, none, NULL), 0);
	assert_int_equal(rameti_tree_settle(t, NULL), 0);
	id.len = 60;
	assert_int_equal(ramet_tree_resolve(t, id, &row, &err), RAMET_EAMBIGUOUS);
	assert_int_equal(row, 77);
	assert_non_null(strstr(err.text, "fits more than one"));
	assert_null(ramet_tree_id(t, 3).ptr);
	assert_null(ramet_tree_id(t, RAMET_NONE).ptr);
	assert_null(rameti_tree_parent_id(t, 3).ptr);
	rameti_tree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree__agrees_with_the_plain_rules),
		cmocka_unit_test(tree__paths_run_from_root_to_leaf),
		cmocka_unit_test(tree__resolves_ids_and_unique_prefixes),
		cmocka_unit_test(tree__knows_the_lines_of_rows),
		cmocka_unit_test(tree__stays_linear_in_a_long_chain_with_a_loop),
		cmocka_unit_test(tree__fails_cleanly_without_memory),
		cmocka_unit_test(tree__cannot_fail_where_room_was_made),
		cmocka_unit_test(tree__making_room_fails_and_changes_nothing),
		cmocka_unit_test(tree__asks_the_user_it_was_told_last),
		cmocka_unit_test(tree__tells_long_ids_that_do_not_resolve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
