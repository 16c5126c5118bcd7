/*
 * codec/ckptmgr_parts.c - what both directions between sessions of a state and entries share.
 */
#include "codec/ckptmgr_priv.h"

#include <stdio.h>
#include "base/hash.h"

int rameti_ckpt_sum(const struct ramet_json *m, uint32_t *sum)
{
	struct ramet_buf b = RAMET_BUF_INIT(SIZE_MAX / 2);
	int r = rameti_ckpt_add_value(&b, m, 0, RAMETI_CKPT_COMPACT);

	if (!r)
		*sum = rameti_crc32c(0, b.ptr, b.len);
	ramet_buf_release(&b);
	return r;
}

int rameti_ckpt_is_prefix(const struct ramet_json *list, const uint32_t *sums, uint32_t n_sums,
			  uint32_t *n)
{
	const struct ramet_json *item = NULL;
	uint32_t i = 0, sum;

	if (ramet_json_kind(list) != RAMET_JSON_ARRAY || list->n > n_sums)
		return 0;
	for (item = ramet_json_next(list, NULL); item; item = ramet_json_next(list, item)) {
		if (rameti_ckpt_sum(item, &sum) < 0)
			return RAMET_ENOMEM;
		if (sum != sums[i++])
			return 0;
	}
	*n = i;
	return 1;
}

void rameti_ckpt_checkpoint_id(struct ramet_bytes key, char id[10])
{
	uint32_t sum = rameti_crc32c(0, key.ptr ? key.ptr : "", key.len);

	(void)snprintf(id, 10, "c%08x", (unsigned)sum);
}

const struct ramet_json *rameti_ckpt_own_data(const struct ramet_json *entry, const char *type)
{
	const struct ramet_json *data = ramet_json_get(entry, "data");

	if (!ramet_json_text_is(ramet_json_get(entry, "type"), "custom") ||
	    !ramet_json_text_is(ramet_json_get(entry, "customType"), type) ||
	    !ramet_json_text_is(ramet_json_get(data, "format"), RAMETI_CKPT_FORMAT))
		return NULL;
	return data;
}

int rameti_ckpt_message_line(const struct ramet_json *m, const struct ramet_json *calls,
			     struct ramet_bytes id, struct ramet_bytes parent,
			     struct ramet_bytes timestamp, struct ramet_buf *out)
{
	struct ramet_buf message = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_draft d = { .type = ramet_bytes_of("message"), .id = id, .parent = parent,
				  .timestamp = timestamp };
	int r = rameti_ckpt_to_pi(m, calls, &message);

	d.members = ramet_buf_bytes(&message);
	if (!r)
		rameti_pi_write_entry(&d, out, NULL);
	ramet_buf_release(&message);
	return r < 0 ? r : ramet_buf_status(out);
}

static int is_known(const struct ramet_json *key)
{
	static const char *const known[] = { "ID",	  "CreatedAt",	 "UpdatedAt", "Messages",
					     "UserTurns", "Checkpoints", "FileCheckpoints" };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (ramet_json_text_is(key, known[i]))
			return 1;
	return 0;
}

void rameti_ckpt_add_unknown(const struct ramet_json *session, struct ramet_buf *out)
{
	const struct ramet_json *key = NULL, *value;

	if (ramet_json_kind(session) == RAMET_JSON_OBJECT)
		key = ramet_json_next(session, NULL);
	for (; key; key = ramet_json_next(session, value)) {
		value = ramet_json_next(session, key);
		if (is_known(key))
			continue;
		ramet_buf_add_char(out, ',');
		rameti_ckpt_newline(out, RAMETI_CKPT_MEMBER_DEPTH);
		ramet_buf_add(out, ramet_json_raw(key));
		ramet_buf_add_str(out, ": ");
		(void)rameti_ckpt_add_value(out, value, RAMETI_CKPT_MEMBER_DEPTH, RAMETI_CKPT_KEEP);
	}
}

int rameti_ckpt_says(struct ramet_bytes entry)
{
	struct ramet_json_doc doc = RAMET_JSON_DOC_INIT;
	struct ramet_buf compact = RAMET_BUF_INIT(SIZE_MAX / 2);
	const struct ramet_json *o;
	int said = RAMETI_CARRIED;

	if (!ramet_json_parse(&doc, entry, 0, NULL)) {
		o = ramet_json_root(&doc);
		if (ramet_json_text_is(ramet_json_get(o, "type"), "message") &&
		    !rameti_ckpt_from_pi(ramet_json_get(o, "message"), &compact))
			said = RAMETI_SAID;
		if (rameti_ckpt_own_data(o, RAMETI_CKPT_CHECKPOINT_TYPE) ||
		    rameti_ckpt_own_data(o, RAMETI_CKPT_CONFIG_TYPE))
			said = RAMETI_SAID;
	}
	ramet_buf_release(&compact);
	ramet_json_doc_release(&doc);
	return said;
}
