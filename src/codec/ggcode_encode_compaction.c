/*
 * codec/ggcode_encode_compaction.c - a compaction as a summary message and the checkpoint that
 * names it; in the old dialect as one checkpoint with the list in it.
 */
#include "codec/ggcode_encode_priv.h"

#include "base/add.h"
#include "json/scan.h"

void rameti_gg_put_summary(struct rameti_gg_job *j, struct ramet_bytes id,
			   const struct ramet_json *summary, struct ramet_buf *out)
{
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);

	ADD(&text, RAMETI_GG_SUMMARY_MARK "\n");
	ramet_json_text(summary, &text);
	ramet_buf_reset(j->work);
	ADD(j->work, "{");
	if (!j->e->dialect)
		rameti_gg_add_id(j->work, id);
	ADD(j->work, "\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":");
	rameti_gg_add_text(j->work, ramet_buf_bytes(&text), 0);
	ADD(j->work, "}]}");
	if (out)
		(void)rameti_gg_put_message(j, RAMETI_GG_TOLD, id, (struct ramet_bytes){ NULL, 0 },
					    out);
	if (ramet_buf_status(&text) < 0)
		j->work->status = RAMET_ENOMEM;
	ramet_buf_release(&text);
}

/* What the model saw of the system then; ggcode passes over it. */
static void keep_system(struct rameti_gg_job *j, struct rameti_gg_record *g)
{
	const struct ramet_json *m = rameti_gg_job_get(j, "systemMessage");

	if (ramet_json_kind(m) != RAMET_JSON_OBJECT)
		return;
	rameti_json_add_compact(j->system, m);
	g->system_message = ramet_buf_bytes(j->system);
}

/* Version 1.3.33: the list is in the checkpoint. */
static int old_compaction(struct rameti_gg_job *j, struct ramet_buf *out)
{
	struct rameti_gg_record g = { .type = "checkpoint" };

	rameti_gg_put_summary(j, ramet_buf_bytes(j->id), rameti_gg_job_get(j, "summary"), NULL);
	ramet_buf_reset(j->more);
	ADD(j->more, "[");
	ramet_buf_add(j->more, ramet_buf_bytes(j->work));
	ADD(j->more, "]");
	g.checkpoint_messages = ramet_buf_bytes(j->more);
	g.checkpoint_tokens = rameti_gg_number(rameti_gg_job_get(j, "tokensBefore"));
	keep_system(j, &g);
	rameti_gg_put_record(j, &g, out);
	rameti_gg_log_id(j->e, ramet_buf_bytes(j->id), 0);
	return RAMETI_SAID;
}

/* Ids of summary and last message: those it came with, if they are ggcode's and still there, else
 * made from the compaction. 1: its checkpoint came before the summary, and was written so. */
static int name_messages(struct rameti_gg_job *j, struct ramet_bytes kept,
			 struct ramet_buf *summary, struct ramet_buf *last)
{
	const struct ramet_json *details = rameti_gg_job_get(j, "details");
	int ours = ramet_json_text_is(ramet_json_get(details, "format"), "ggcode");
	struct ramet_bytes before, unused;

	if (ours)
		ramet_json_text(ramet_json_get(details, "summaryId"), summary);
	ours = ours && summary->len;
	if (ours)
		ramet_json_text(ramet_json_get(details, "lastId"), last);
	(void)rameti_gg_find_id(j->e, kept, &before);
	if (!ours || (last->len && !rameti_gg_find_id(j->e, ramet_buf_bytes(last), &unused))) {
		ramet_buf_reset(last);
		ramet_buf_add(last, before);
	}
	if (!summary->len) {
		ramet_buf_add(summary, ramet_buf_bytes(j->id));
		ADD(summary, RAMETI_GG_SUMMARY_END);
	}
	return ours && ramet_json_truthy(ramet_json_get(details, "behind"));
}

int rameti_gg_put_compaction(struct rameti_gg_job *j, struct ramet_buf *out)
{
	struct ramet_buf summary = RAMET_BUF_INIT(SIZE_MAX / 2),
			 last = RAMET_BUF_INIT(SIZE_MAX / 2), kept = RAMET_BUF_INIT(SIZE_MAX / 2);
	struct rameti_gg_record g = { .type = "checkpoint" };
	struct ramet_bytes unused, first;
	int behind;

	if (rameti_gg_is_deeper(rameti_gg_job_get(j, "systemMessage"), RAMETI_GG_USUAL_SPAN))
		return rameti_gg_put_carried(j, out);
	if (j->e->dialect)
		return old_compaction(j, out);
	first = rameti_gg_text_in(rameti_gg_job_get(j, "firstKeptEntryId"), &kept);
	behind = name_messages(j, first, &summary, &last);
	if (!rameti_gg_find_id(j->e, ramet_buf_bytes(&summary), &unused))
		rameti_gg_put_summary(j, ramet_buf_bytes(&summary), rameti_gg_job_get(j, "summary"),
				      out);
	g.summary_id = ramet_buf_bytes(&summary);
	g.last_id = ramet_buf_bytes(&last);
	g.checkpoint_tokens = rameti_gg_number(rameti_gg_job_get(j, "tokensBefore"));
	g.first_kept = rameti_gg_unsaid_kept(j->e, g.summary_id, g.last_id, first);
	keep_system(j, &g);
	if (!behind)
		rameti_gg_put_record(j, &g, out);
	j->made = -1;
	rameti_gg_log_id(j->e, ramet_buf_bytes(j->id), 0);
	if (ramet_buf_status(&summary) < 0 || ramet_buf_status(&last) < 0 ||
	    ramet_buf_status(&kept) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_release(&kept);
	ramet_buf_release(&summary);
	ramet_buf_release(&last);
	return RAMETI_SAID;
}
