/*
 * codec/yoi_pieces.c - which entries a record of yoi's makes.
 *
 * A record is walked piece by piece, the same way when rows are made and when one of them is
 * translated (yoi_show.c). Nothing is refused: what has an unknown shape is one piece, as it is.
 */
#include "codec/yoi.h"

#include <string.h>

static const struct ramet_json *list_of(const struct ramet_json *object, const char *key)
{
	const struct ramet_json *v = ramet_json_get(object, key);

	return ramet_json_kind(v) == RAMET_JSON_ARRAY ? v : NULL;
}

/* ---- walking ---- */

void rameti_yoi_record_init(struct rameti_yoi_record *rec, const struct ramet_json *object)
{
	const struct ramet_json *kind = ramet_json_get(object, "kind");

	memset(rec, 0, sizeof(*rec));
	rec->object = object;
	rec->hashed = ramet_json_get(object, "hash") != NULL;
	if (ramet_json_kind(kind) == RAMET_JSON_STRING)
		rec->kind = rameti_yoi_kind_of(ramet_json_raw(kind));
	switch (rec->kind) {
	case RAMETI_YOI_SESSION_START:
	case RAMETI_YOI_SEGMENT_START:
	case RAMETI_YOI_A_START:
	case RAMETI_YOI_A_USER_INPUT:
		rec->list = list_of(object, "history");
		break;
	case RAMETI_YOI_ASSISTANT_ITEMS:
	case RAMETI_YOI_TOOL_RESULTS:
	case RAMETI_YOI_HOOK_ITEMS:
	case RAMETI_YOI_SYSTEM_ITEMS:
		rec->list = list_of(object, "items");
		break;
	default:
		break;
	}
}

/* Items of a list are all looked at as their kind says. */
static int is_list(const struct rameti_yoi_record *rec)
{
	if (rec->kind == RAMETI_YOI_A_USER_INPUT)
		return rec->list && rec->list->n;
	return rec->list || rameti_yoi_is_start(rec->kind);
}

static void as_custom(struct rameti_yoi_piece *piece, int what)
{
	piece->what = what;
	piece->type = RAMET_ENTRY_CUSTOM;
	piece->role = RAMET_ROLE_NONE;
}

static void as_message(struct rameti_yoi_piece *piece, int what, int role)
{
	piece->what = what;
	piece->type = RAMET_ENTRY_MESSAGE;
	piece->role = role;
}

static void as_item(struct rameti_yoi_piece *piece, int item)
{
	static const uint8_t roles[] = {
		[RAMETI_YOI_ITEM_USER] = RAMET_ROLE_USER,
		[RAMETI_YOI_ITEM_ASSISTANT] = RAMET_ROLE_ASSISTANT,
		[RAMETI_YOI_ITEM_SYSTEM] = RAMET_ROLE_SYSTEM,
		[RAMETI_YOI_ITEM_CALL] = RAMET_ROLE_ASSISTANT,
		[RAMETI_YOI_ITEM_RESULT] = RAMET_ROLE_TOOL_RESULT,
		[RAMETI_YOI_ITEM_REASONING] = RAMET_ROLE_ASSISTANT,
	};

	if (item == RAMETI_YOI_ITEM_OTHER)
		as_custom(piece, RAMETI_YOI_P_RAW_ITEM);
	else if (rameti_yoi_is_assistant(item))
		as_message(piece, RAMETI_YOI_P_ASSISTANT, RAMET_ROLE_ASSISTANT);
	else
		as_message(piece, RAMETI_YOI_P_ITEM, roles[item]);
}

void rameti_yoi_single(int kind, int item, struct rameti_yoi_piece *piece)
{
	switch (kind) {
	case RAMETI_YOI_USER_INPUT:
	case RAMETI_YOI_A_USER_INPUT:
		as_message(piece, RAMETI_YOI_P_INPUT, RAMET_ROLE_USER);
		break;
	case RAMETI_YOI_ASSISTANT_ITEM:
	case RAMETI_YOI_TOOL_RESULT:
	case RAMETI_YOI_A_ASSISTANT_ITEM:
	case RAMETI_YOI_A_TOOL_RESULT:
		as_item(piece, item);
		if (piece->what == RAMETI_YOI_P_RAW_ITEM)
			piece->what = RAMETI_YOI_P_RAW;
		break;
	case RAMETI_YOI_SYSTEM_ITEM:
	case RAMETI_YOI_A_SYSTEM_ITEM:
		as_message(piece, RAMETI_YOI_P_NOTE, RAMET_ROLE_SYSTEM);
		break;
	case RAMETI_YOI_LLM_USAGE:
		as_custom(piece, RAMETI_YOI_P_RECORD);
		piece->type = RAMET_ENTRY_USAGE;
		break;
	case RAMETI_YOI_INVOKE:
	case RAMETI_YOI_TURN_END:
	case RAMETI_YOI_RUN_COMPLETED:
	case RAMETI_YOI_RUN_ERRORED:
	case RAMETI_YOI_RUN_OUTCOME:
	case RAMETI_YOI_ABANDONED:
	case RAMETI_YOI_CONFIG_CHANGED:
	case RAMETI_YOI_EXTENSION:
		as_custom(piece, RAMETI_YOI_P_RECORD);
		break;
	default:
		as_custom(piece, RAMETI_YOI_P_RAW);
	}
	piece->n = 1;
}

const struct ramet_json *rameti_yoi_single_item(const struct rameti_yoi_record *rec)
{
	const struct ramet_json *item = ramet_json_get(rec->object, "item");

	if (!item && rec->kind >= RAMETI_YOI_A_START)
		item = ramet_json_get(rec->object, "entry");
	return item ? rameti_yoi_unwrap(item) : NULL;
}

/* The next element of the list, a run of an assistant's items as one. */
static int next_item(struct rameti_yoi_record *rec, struct rameti_yoi_piece *piece)
{
	const struct ramet_json *v = rec->list ? ramet_json_next(rec->list, rec->at) : NULL;
	int item;

	if (!v)
		return 0;
	rec->at = v;
	item = rameti_yoi_item_of(rameti_yoi_unwrap(v));
	piece->item = v;
	piece->n = 1;
	if (rec->kind == RAMETI_YOI_SYSTEM_ITEMS && item == RAMETI_YOI_ITEM_OTHER) {
		as_message(piece, RAMETI_YOI_P_NOTE, RAMET_ROLE_SYSTEM);
		return 1;
	}
	as_item(piece, item);
	while (rameti_yoi_is_assistant(item) && (v = ramet_json_next(rec->list, v)) != NULL &&
	       rameti_yoi_is_assistant(rameti_yoi_item_of(rameti_yoi_unwrap(v)))) {
		rec->at = v;
		piece->n++;
	}
	return 1;
}

int rameti_yoi_record_next(struct rameti_yoi_record *rec, struct rameti_yoi_piece *piece)
{
	memset(piece, 0, sizeof(*piece));
	if (!is_list(rec)) {
		if (rec->stage++)
			return 0;
		piece->item = rameti_yoi_single_item(rec);
		rameti_yoi_single(rec->kind, rameti_yoi_item_of(piece->item), piece);
		return 1;
	}
	if (rameti_yoi_is_start(rec->kind) && rec->stage < 2) {
		if (!rec->stage++) {
			as_custom(piece, RAMETI_YOI_P_START);
			return 1;
		}
		if (ramet_json_kind(ramet_json_get(rec->object, "system_prompt")) ==
		    RAMET_JSON_STRING) {
			rec->stage = 2;
			as_message(piece, RAMETI_YOI_P_PROMPT, RAMET_ROLE_SYSTEM);
			return 1;
		}
	}
	rec->stage = 2;
	return next_item(rec, piece);
}
