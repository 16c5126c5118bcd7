/*
 * store/entries_priv.h - what the files that make entries share.
 */
#ifndef RAMETI_STORE_ENTRIES_PRIV_H
#define RAMETI_STORE_ENTRIES_PRIV_H

#include "store/session_priv.h"

/* Sets of kinds of JSON values. */
#define RAMETI_IS_NULL (1u << RAMET_JSON_NULL)
#define RAMETI_IS_TEXT (1u << RAMET_JSON_STRING)
#define RAMETI_IS_NUMBER (1u << RAMET_JSON_NUMBER)
#define RAMETI_IS_BOOL (1u << RAMET_JSON_TRUE | 1u << RAMET_JSON_FALSE)
#define RAMETI_IS_LIST (1u << RAMET_JSON_ARRAY)
#define RAMETI_IS_OBJECT (1u << RAMET_JSON_OBJECT)
#define RAMETI_IS_OTHER (RAMETI_IS_NUMBER | RAMETI_IS_BOOL)
#define RAMETI_IS_ANY \
	(RAMETI_IS_NULL | RAMETI_IS_TEXT | RAMETI_IS_LIST | RAMETI_IS_OBJECT | RAMETI_IS_OTHER)

/* Parse JSON that was given into s->doc: one value of one of these kinds, valid UTF-8. EJSON with
 * the offset in it, EINVAL, ELIMIT, ENOMEM. */
int rameti_given_json(struct ramet_session *s, struct ramet_bytes json, const char *what,
		      unsigned kinds, struct ramet_error *err);

/* Members of an entry, made one after the other in s->members. The first failure is kept. */
struct rameti_members {
	struct ramet_session *s;
	struct ramet_json_writer w;
	size_t start;
	int status;
};
void rameti_members_begin(struct rameti_members *m, struct ramet_session *s);
/* Left out when missing (ptr NULL). Texts are UTF-8 (or WTF-8): EINVAL. */
void rameti_members_text(struct rameti_members *m, const char *key, struct ramet_bytes text,
			 struct ramet_error *err);
void rameti_members_json(struct rameti_members *m, const char *key, struct ramet_bytes json,
			 unsigned kinds, struct ramet_error *err);
int rameti_members_end(struct rameti_members *m, struct rameti_piece *piece,
		       struct ramet_error *err);

/* An empty piece of this type, an empty s->members, and the lock held. */
void rameti_entry_start(struct ramet_session *s, struct rameti_piece *piece, const char *type);
int rameti_append_one(struct ramet_session *s, struct rameti_piece *piece, char *id,
		      struct ramet_error *err);
int rameti_can_have_children(const struct ramet_session *s, uint32_t row);

#endif
