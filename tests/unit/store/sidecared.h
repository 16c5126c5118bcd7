/*
 * sidecared.h - a session file of a test with a sidecar beside it: the library's own, or one that
 * says anything at all and has the right hashes for it.
 */
#ifndef TESTS_STORE_SIDECARED_H
#define TESTS_STORE_SIDECARED_H

#include "store/sidecar_priv.h"
#include "temp_dir.h"

#define SIDECAR_UUID "5b0f6c1e-0000-4000-8000-0000000000aa"
#define SIDECAR_HEAD_OF(more)                                                                      \
	"{'type':'session','version':3,'id':'" SIDECAR_UUID                                        \
	"','timestamp':'2026-03-01T10:00:00.000Z','cwd':'/w'" more "}\n"
#define SIDECAR_HEAD SIDECAR_HEAD_OF("")
#define ROOT(id)                                                                                   \
	"{'type':'message','id':'" id                                                              \
	"','timestamp':'t','message':{'role':'user','content':'m'}}\n"
#define KID(id, parent)                                                                            \
	"{'type':'message','id':'" id "','parentId':'" parent                                      \
	"','timestamp':'t','message':{'role':'user','content':'m'}}\n"

/* Setup and teardown of a test: a directory in memory if there is such a place. After the test all
 * system calls are real again. */
extern char *sc_dir, sc_path[TEMP_PATH];         /* sc_path: SC_DIR/s.jsonl, not there yet */
extern char sc_store[TEMP_PATH + 16];            /* SC_DIR/s.v2 */
int sidecar_make_dir(void **state);
int sidecar_drop_dir(void **state);
void sidecar_fresh_dir(void);                    /* another one, empty */
const char *in(const char *name);                /* in sc_dir; valid until the next but 7 */

/* The session with this text and a sidecar of it. */
void sidecar_given(const char *text, uint64_t segment_limit);
int sidecar_state(void);

/* What a sidecar says of one entry; id NULL: the end of a list. */
struct told {
	const char *id, *parent;
	const char *record;                      /* else the whole frame with its newline */
	uint64_t segment;                        /* 0: as the one before */
};
/* The sidecar says this, whatever the session says: segments, index and manifest agree; the state
 * file stays as it is. */
void sidecar_tells(const struct told *told);
/* The manifest as it is, after a change, with the right hash. */
void sidecar_remanifest(void (*change)(struct rameti_sc_manifest *m));
/* One hash over the names, kinds and bytes of all below sc_dir. */
void sidecar_whole(char out[SC_HEX]);

#endif
