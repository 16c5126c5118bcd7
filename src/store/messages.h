/*
 * store/messages.h - what makes a message, for those who ask before they append.
 */
#ifndef RAMETI_STORE_MESSAGES_H
#define RAMETI_STORE_MESSAGES_H

#include "ramet/store.h"

/* 0, or why this object is no message (EINVAL); *role as ramet_role_of has it. */
int rameti_message_check(const struct ramet_json *o, int *role, struct ramet_error *err);
/* Does an agent that said this wait for the user? */
int rameti_message_ends_turn(const struct ramet_json *o, int role);
/* The same of a whole entry: such a message, or a custom entry ramet.turn_end. */
int rameti_entry_ends_turn(const struct ramet_json *entry);

#endif
