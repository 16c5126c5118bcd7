/*
 * sidecared.c - sidecars that say anything at all, with the right hashes for it.
 */
#include "sidecared.h"
#include "faulty.h"
#include "written.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *sc_dir, sc_path[TEMP_PATH], sc_store[TEMP_PATH + 16];

static void new_dir(void)
{
	char name[] = "/dev/shm/ramet-sidecar-XXXXXX";

	sc_dir = mkdtemp(name) ? strdup(name) : temp_dir_new();
	assert_non_null(sc_dir);
	(void)snprintf(sc_path, sizeof(sc_path), "%s/s.jsonl", sc_dir);
	(void)snprintf(sc_store, sizeof(sc_store), "%s/s.v2", sc_dir);
}

int sidecar_make_dir(void **state)
{
	(void)state;
	new_dir();
	return 0;
}

int sidecar_drop_dir(void **state)
{
	(void)state;
	(void)faults_stop();
	(void)scarce_stop();
	rameti_env_use(NULL);
	temp_dir_remove(sc_dir);
	return 0;
}

void sidecar_fresh_dir(void)
{
	temp_dir_remove(sc_dir);
	new_dir();
}

const char *in(const char *name)
{
	static char text[8][TEMP_PATH + 64];
	static unsigned at;
	char *to = text[at++ % 8];

	(void)snprintf(to, sizeof(text[0]), "%s/%s", sc_dir, name);
	return to;
}

void sidecar_given(const char *text, uint64_t segment_limit)
{
	struct ramet_sidecar_opts o = { .segment_limit = segment_limit };

	put(sc_path, text);
	must(ramet_sidecar_migrate(sc_path, &o, NULL, &why));
}

int sidecar_state(void)
{
	struct ramet_sidecar_check c;

	must(ramet_sidecar_status(sc_path, &c, &why));
	return c.state;
}

/* ---- what it says ---- */

struct telling {
	struct rameti_sc_facts facts;
	struct rameti_sc_row row;
	struct ramet_buf index, segment;
};

static void end_segment(struct telling *t)
{
	char name[SC_PATH];

	if (!t->row.segment_seq)
		return;
	must(rameti_sc_segment_path(name, sc_store, t->row.segment_seq, &why));
	put_bytes(name, ramet_buf_bytes(&t->segment));
	ramet_buf_reset(&t->segment);
}

static void make_record(const struct told *e, const struct rameti_sc_row *row, struct ramet_buf *b,
			struct rameti_sc_frame *f)
{
	static char payload[256];

	(void)snprintf(payload, sizeof(payload), "{\"type\":\"message\",\"id\":\"%s\"%s%s%s}",
		       e->id, e->parent ? ",\"parentId\":\"" : "", e->parent ? e->parent : "",
		       e->parent ? "\"" : "");
	*f = (struct rameti_sc_frame){ row->segment_seq, row->frame_seq, row->entry_seq,
				       ramet_bytes_of(e->id), raw(e->parent),
				       ramet_bytes_of("message"),
				       ramet_bytes_of("2026-03-01T10:00:00.000Z"),
				       ramet_bytes_of(payload), "" };
	rameti_sc_sha(f->payload, f->sha);
	ramet_buf_reset(b);
	if (e->record)
		ramet_buf_add_str(b, dq(e->record));
	else
		rameti_sc_frame_add(b, f);
}

static void tell(struct telling *t, const struct told *e)
{
	struct ramet_buf record = RAMET_BUF_INIT(1 << 16);
	struct rameti_sc_frame f;
	uint64_t segment = e->segment ? e->segment : t->row.segment_seq + !t->row.segment_seq;

	if (segment != t->row.segment_seq) {
		end_segment(t);
		t->row.segment_seq = segment;
		t->row.frame_seq = t->row.offset = t->row.len = 0;
	}
	t->row.entry_seq++;
	t->row.frame_seq++;
	t->row.offset += t->row.len;
	(void)snprintf(t->row.id, sizeof(t->row.id), "%s", e->id);
	make_record(e, &t->row, &record, &f);
	t->row.len = record.len;
	t->row.crc32c = rameti_crc32c(0, record.ptr, record.len);
	ramet_buf_add(&t->segment, ramet_buf_bytes(&record));
	rameti_sc_row_add(&t->index, &t->row);
	rameti_sc_facts_add(&t->facts, &t->row, &f);
	ramet_buf_release(&record);
}

void sidecar_tells(const struct told *told)
{
	struct telling t = { .index = RAMET_BUF_INIT(1 << 20), .segment = RAMET_BUF_INIT(1 << 20) };
	struct rameti_sc_manifest m;

	must(rameti_sc_manifest_read(rameti_env_posix(), sc_store, &m, &why));
	rameti_sc_facts_init(&t.facts);
	for (; told->id; told++)
		tell(&t, told);
	end_segment(&t);
	put_bytes(in("s.v2/index/offsets.jsonl"), ramet_buf_bytes(&t.index));
	m.facts = t.facts;
	must(rameti_sc_manifest_write(rameti_env_posix(), sc_store, &m, &why));
	ramet_buf_release(&t.index);
	ramet_buf_release(&t.segment);
}

void sidecar_remanifest(void (*change)(struct rameti_sc_manifest *m))
{
	struct rameti_sc_manifest m;

	must(rameti_sc_manifest_read(rameti_env_posix(), sc_store, &m, &why));
	change(&m);
	must(rameti_sc_manifest_write(rameti_env_posix(), sc_store, &m, &why));
}

/* ---- all of it ---- */

static void add_tree(struct rameti_sha256_run *run, const char *where)
{
	struct dirent **names;
	int i, n = scandir(where, &names, NULL, alphasort);

	assert_true(n >= 0);
	for (i = 0; i < n; i++) {
		char path[TEMP_PATH + 256];
		struct stat st;

		(void)snprintf(path, sizeof(path), "%s/%s", where, names[i]->d_name);
		assert_int_equal(lstat(path, &st), 0);
		rameti_sha256_add(run, ramet_bytes_of(path));
		rameti_sha256_add(run, (struct ramet_bytes){ (char *)&st.st_mode,
							     sizeof(st.st_mode) });
		if (S_ISREG(st.st_mode))
			rameti_sha256_add(run, bytes_of(path));
		else if (S_ISDIR(st.st_mode) && names[i]->d_name[0] != '.')
			add_tree(run, path);
		free(names[i]);
	}
	free(names);
}

void sidecar_whole(char out[SC_HEX])
{
	struct rameti_sha256_run run;
	uint8_t hash[32];

	rameti_sha256_begin(&run);
	add_tree(&run, sc_dir);
	assert_int_equal(rameti_sha256_end(&run, hash), 0);
	rameti_hex(hash, sizeof(hash), out);
}
