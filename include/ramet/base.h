/*
 * ramet/base.h - what every other header needs: results, errors, bytes, buffers, memory.
 *
 * Calls return 0 (or a count) on success and a negative RAMET_E... on failure. On failure the
 * outputs are untouched and *err, when given, says what happened where.
 */
#ifndef RAMET_BASE_H
#define RAMET_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define RAMET_API __attribute__((visibility("default")))
#define RAMET_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define RAMET_API
#define RAMET_PRINTF(fmt, args)
#endif

#define RAMET_VERSION "0.1.0"
#define RAMET_NONE UINT32_MAX                    /* "no row" */
#define RAMET_NO_OFFSET UINT64_MAX

#ifdef __cplusplus
extern "C" {
#endif

enum ramet_code {
	RAMET_OK = 0,
	RAMET_ENOMEM = -1, /* out of memory */
	RAMET_EINVAL = -2, /* an argument makes no sense */
	RAMET_EIO = -3, /* the operating system said no; see err->sys */
	RAMET_ENOTFOUND = -4, /* no such session, entry or file */
	RAMET_EFORMAT = -5, /* not a session, or not what it claims to be */
	RAMET_ELIMIT = -6, /* a limit was reached (depth, size, count) */
	RAMET_EVERSION = -7, /* a format version that this call cannot work on */
	RAMET_ECONFLICT = -8, /* somebody else changed it first */
	RAMET_EAMBIGUOUS = -9, /* an id prefix that fits more than one */
	RAMET_ECANCELED = -10, /* the caller's cancel callback said stop */
	RAMET_EUNKNOWN = -11, /* outcome unknown (a failed fsync) */
	RAMET_EJSON = -12 /* not JSON */
};

#define RAMET_ERROR_TEXT 256
#define RAMET_ERROR_PATH 1024

/* An error as data. text is one line, lower case, no full stop, without path and place. */
struct ramet_error {
	int code;                                /* RAMET_E... */
	int sys;                                 /* errno, 0 when it does not apply */
	uint64_t line;                           /* 1-based, 0: none */
	uint64_t offset;                         /* bytes from the start, RAMET_NO_OFFSET: none */
	char text[RAMET_ERROR_TEXT];
	char path[RAMET_ERROR_PATH];             /* "" none; a longer one keeps its end */
};

/* Borrowed bytes; not NUL-terminated. ptr may be NULL only when len is 0. */
struct ramet_bytes {
	const char *ptr;
	size_t len;
};
#define RAMET_FMT(b) (int)(b).len, (b).ptr       /* for "%.*s" */

/* A growing buffer: always NUL-terminated once it holds anything, has a hard limit, remembers
 * its first failure (so append freely and ask ramet_buf_status once). */
struct ramet_buf {
	char *ptr;
	size_t len, cap, max;
	int status;
};
#define RAMET_BUF_INIT(max_len) { NULL, 0, 0, (max_len), 0 }

/* Every allocation of the library goes through these. Set before the first other call, from one
 * thread; NULL restores the C library's. realloc(user, NULL, n) allocates, free(user, NULL) is
 * fine. */
struct ramet_allocator {
	void *(*realloc)(void *user, void *ptr, size_t size);
	void (*free)(void *user, void *ptr);
	void *user;
};
RAMET_API void ramet_set_allocator(const struct ramet_allocator *a);
RAMET_API void *ramet_alloc(size_t size);                    /* NULL when out of memory */
RAMET_API void *ramet_calloc(size_t n, size_t size);
RAMET_API void *ramet_realloc(void *ptr, size_t size);
RAMET_API void ramet_free(void *ptr);

RAMET_API const char *ramet_version(void);
RAMET_API const char *ramet_code_name(int code);             /* "ENOTFOUND" */

/* One line for people: "PATH:LINE: TEXT (offset N)" with the parts that are known. */
RAMET_API void ramet_error_print(const struct ramet_error *err, char *out, size_t out_len);

RAMET_API struct ramet_bytes ramet_bytes_of(const char *text);   /* borrows a C string */
RAMET_API int ramet_bytes_eq(struct ramet_bytes a, struct ramet_bytes b);
RAMET_API int ramet_bytes_is(struct ramet_bytes a, const char *text);

RAMET_API void ramet_buf_init(struct ramet_buf *b, size_t max_len);
RAMET_API void ramet_buf_add(struct ramet_buf *b, struct ramet_bytes bytes);
RAMET_API void ramet_buf_add_str(struct ramet_buf *b, const char *text);
RAMET_API void ramet_buf_add_char(struct ramet_buf *b, char c);
RAMET_API void ramet_buf_addf(struct ramet_buf *b, const char *fmt, ...) RAMET_PRINTF(2, 3);
RAMET_API int ramet_buf_reserve(struct ramet_buf *b, size_t more);  /* 0, or the sticky failure */
RAMET_API struct ramet_bytes ramet_buf_bytes(const struct ramet_buf *b);
RAMET_API int ramet_buf_status(const struct ramet_buf *b);
RAMET_API void ramet_buf_reset(struct ramet_buf *b); /* empty again, keeps memory, clears status */
RAMET_API void ramet_buf_truncate(struct ramet_buf *b, size_t len);
RAMET_API char *ramet_buf_detach(struct ramet_buf *b,
				 size_t *len); /* the caller frees with ramet_free */
RAMET_API void ramet_buf_release(struct ramet_buf *b);       /* usable again afterwards */

#ifdef __cplusplus
}
#endif
#endif
