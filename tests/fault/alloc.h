/*
 * alloc.h - one public call, and what it works on, while memory runs out.
 */
#ifndef TESTS_FAULT_ALLOC_H
#define TESTS_FAULT_ALLOC_H

#include "ramet/ops.h"
#include "ramet/yoi.h"

#define STAGE_PATH 256

/* What calls put out besides bytes; all zero at first, and still so after a failure. */
struct outs {
	struct ramet_session *session;
	struct ramet_store *store;
	struct ramet_context *context;
	struct ramet_stats *stats;
	struct ramet_path path;
	struct ramet_nodes nodes;
	struct ramet_labels labels;
	struct ramet_list list;
	struct ramet_findings findings;
	struct ramet_fork_plan plan;
	struct ramet_compact_plan compact;
	struct ramet_branch_summary_plan leave;
	struct ramet_migration migration;
	struct ramet_verdict verdict;
	struct ramet_repair repair;
	struct ramet_sealed sealed;
	struct ramet_autosave *queue;
	struct ramet_watch *watch;
	unsigned char key[32];
	uint32_t row;
	uint64_t n;
	char ids[3][RAMET_ID_SIZE];
	void *piece;
};

/* Made anew for each try. */
struct stage {
	char dir[64], path[STAGE_PATH], odd_path[STAGE_PATH], old_path[STAGE_PATH];
	char new_path[STAGE_PATH], key_path[STAGE_PATH], pub_path[STAGE_PATH], new_key[STAGE_PATH];
	char large_path[STAGE_PATH];
	struct ramet_session *s, *odd, *old, *fresh, *mem, *doubtful, *watched;
	const struct ramet_tree *tree;           /* of s */
	struct ramet_context *context;           /* of s, at its leaf */
	struct ramet_store *store;
	struct ramet_list list;                  /* of it */
	struct ramet_findings found;             /* of odd */
	struct ramet_verdict verdict;            /* of odd */
	struct ramet_repair plan;                /* of odd */
	struct ramet_compact_plan compact;       /* of s */
	struct ramet_branch_summary_plan leave;  /* of s */
	struct ramet_autosave *queue;            /* holds an entry for s, if asked for */
	struct ramet_watch *watch;               /* there is news */
	/* of other systems */
	char gg_dir[STAGE_PATH], gg_path[STAGE_PATH], yoi_dir[STAGE_PATH], yoi_path[STAGE_PATH];
	char trace_path[STAGE_PATH], hashed_path[STAGE_PATH], pr_path[STAGE_PATH];
	struct ramet_session *gg;
	struct ramet_yoi_log *yoi;
	struct ramet_json_doc doc;               /* of json */
	struct ramet_json_writer writer;         /* to out */
	struct ramet_buf out, other;
	struct outs outs;
	struct ramet_error err;
};

enum alloc_flags {
	/* appends its output piece by piece: what is there may grow, and the failure sticks */
	ALLOC_PIECEMEAL = 1,
	ALLOC_VARIES = 2,                        /* no two answers are alike */
	ALLOC_SILENT = 4,                        /* has no error to fill */
	ALLOC_ONCE = 8,                          /* having succeeded, it cannot be done again */
	ALLOC_CHANGES = 16,                      /* the call's own preparation changes something */
	ALLOC_QUEUE = 32,                        /* there is a queue with an entry in it */
	/* a thread works for the call: what it could not do is told as any error, and stays so */
	ALLOC_THREAD = 64,
	ALLOC_KEYS = 128,                        /* there are keys */
	ALLOC_LARGE = 256,                       /* there is a large session, with an index */
	ALLOC_WATCH = 512, /* there is a watch (closing one takes its time) */
	ALLOC_SYSTEMS = 1024                     /* there are sessions of other systems */
};
struct alloc_call {
	const char *name;
	int (*call)(struct stage *st);
	unsigned flags;
};
/* Ends with a NULL name. */
extern const struct alloc_call alloc_base[], alloc_model[], alloc_store[], alloc_writes[],
	alloc_ops[], alloc_systems[];

#define STAGE_SEGMENT "0198aaaa-0000-7000-8000-000000000001"
#define STAGE_CONFIG                                                                               \
	"{\"max_tokens\":5,\"temperature\":null,\"top_p\":null,\"top_k\":null,"                    \
	"\"stop_sequences\":[],\"reasoning\":null}"

/* A call of the table is `ROW(name, flags)`; its function `CALL(name, what it does)`. */
#define CALL(name, ...)                                                                            \
	static int call_##name(struct stage *st)                                                   \
	{                                                                                          \
		return (__VA_ARGS__);                                                              \
	}
#define ROW(name, flags) { "ramet_" #name, call_##name, (flags) }
#define ERR (&st->err)
#define TEXT(text) ramet_bytes_of(text)

void stage_init(struct stage *st, unsigned flags);
/* What was put out, as a text. */
void stage_outs(const struct stage *st, struct ramet_buf *to);
/* Lets go of what was put out: as if nothing had been called. */
void stage_forget(struct stage *st);
/* The sessions of the stage and the bytes of its files. */
void stage_state(const struct stage *st, struct ramet_buf *to);
void stage_release(struct stage *st);

#endif
