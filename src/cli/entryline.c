/*
 * cli/entryline.c - one entry as one line.
 *
 * What a person or the model said stands out; settings and bookkeeping are dim. The line is cut at
 * the width, never broken.
 */
#include "cli/entryline.h"

#include "cli/age.h"

#include <stdio.h>
#include <string.h>

struct look {
	const char *word;
	enum style style;
};

static const struct look types[] = {
	[RAMET_ENTRY_OTHER] = { "other", STYLE_DIM },
	[RAMET_ENTRY_MESSAGE] = { "message", STYLE_NONE },
	[RAMET_ENTRY_MODEL_CHANGE] = { "model", STYLE_DIM },
	[RAMET_ENTRY_THINKING_LEVEL_CHANGE] = { "thinking", STYLE_DIM },
	[RAMET_ENTRY_USAGE] = { "usage", STYLE_DIM },
	[RAMET_ENTRY_COMPACTION] = { "compacted", STYLE_SUMMARY },
	[RAMET_ENTRY_BRANCH_SUMMARY] = { "summary", STYLE_SUMMARY },
	[RAMET_ENTRY_CUSTOM] = { "custom", STYLE_DIM },
	[RAMET_ENTRY_CUSTOM_MESSAGE] = { "custom", STYLE_SYSTEM },
	[RAMET_ENTRY_CONTEXT_EDIT] = { "edit", STYLE_SYSTEM },
	[RAMET_ENTRY_LABEL] = { "label", STYLE_DIM },
	[RAMET_ENTRY_SESSION_INFO] = { "name", STYLE_DIM },
};

static const struct look roles[] = {
	[RAMET_ROLE_NONE] = { "message", STYLE_NONE },
	[RAMET_ROLE_SYSTEM] = { "system", STYLE_SYSTEM },
	[RAMET_ROLE_USER] = { "user", STYLE_USER },
	[RAMET_ROLE_ASSISTANT] = { "assistant", STYLE_ASSISTANT },
	[RAMET_ROLE_TOOL_RESULT] = { "tool", STYLE_TOOL },
	[RAMET_ROLE_BASH_EXECUTION] = { "bash", STYLE_TOOL },
	[RAMET_ROLE_CUSTOM] = { "custom", STYLE_SYSTEM },
	[RAMET_ROLE_HOOK_MESSAGE] = { "custom", STYLE_SYSTEM },
	[RAMET_ROLE_BRANCH_SUMMARY] = { "summary", STYLE_SUMMARY },
	[RAMET_ROLE_COMPACTION_SUMMARY] = { "compacted", STYLE_SUMMARY },
	[RAMET_ROLE_OTHER] = { "message", STYLE_NONE },
};

static struct look look_of(const struct ramet_row *row)
{
	if (row->type == RAMET_ENTRY_MESSAGE && row->role <= RAMET_ROLE_OTHER)
		return roles[row->role];
	if (row->type < sizeof(types) / sizeof(types[0]))
		return types[row->type];
	return types[RAMET_ENTRY_OTHER];
}

const char *entry_word(const struct ramet_row *row)
{
	return look_of(row).word;
}

enum style entry_style(const struct ramet_row *row)
{
	return look_of(row).style;
}

/* Cut without an ellipsis: a prefix can be typed as it stands. */
void entry_add_id(struct out *o, struct ramet_bytes id, size_t cells)
{
	size_t used, before = o->buf.len;

	if (id.len > cells)
		id.len = cells;
	out_style(o, STYLE_DIM);
	used = text_add_line(&o->buf, id.len ? id : ramet_bytes_of("-"), cells);
	out_style(o, STYLE_NONE);
	text_add_blanks(&o->buf, o->buf.len > before && used < cells ? cells - used : 0);
}

void entry_add_word(struct out *o, const struct ramet_row *row)
{
	struct look look = look_of(row);

	out_styled(o, look.style, look.word);
	text_add_blanks(&o->buf, ENTRY_WORD_CELLS + 2 - strlen(look.word));
}

/* Room in bytes for a text of so many cells: its characters have at most 4 bytes, marks aside. */
static size_t bytes_for(size_t cells)
{
	return cells < 1u << 20 ? cells * 4 + 64 : SIZE_MAX / 2;
}

int entry_add_text(struct out *o, const struct ramet_session *s, uint32_t row, size_t cells,
		   struct ramet_error *err)
{
	const struct ramet_row *facts = ramet_tree_row(ramet_session_tree(s), row);
	struct ramet_buf text = RAMET_BUF_INIT(SIZE_MAX / 2);
	int dim = entry_style(facts) == STYLE_DIM;
	int r = ramet_entry_excerpt(s, row, bytes_for(cells), &text, err);

	if (r == 0) {
		if (dim)
			out_style(o, STYLE_DIM);
		out_safe(o, ramet_buf_bytes(&text), cells);
		if (dim)
			out_style(o, STYLE_NONE);
	}
	ramet_buf_release(&text);
	return r;
}

static int digits(uint32_t n)
{
	int d = 3;

	for (n /= 1000; n; n /= 10)
		d++;
	return d;
}

int entry_add_line(struct out *o, const struct ramet_session *s, uint32_t row,
		   struct ramet_error *err)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	const struct ramet_row *facts = ramet_tree_row(t, row);
	char number[16];
	size_t used;
	int r;

	used = (size_t)snprintf(number, sizeof(number), "%*u  ", digits(ramet_tree_count(t)),
				(unsigned)row + 1);
	out_styled(o, STYLE_DIM, number);
	entry_add_id(o, ramet_tree_id(t, row), ENTRY_ID_CELLS);
	out_str(o, "  ");
	out_style(o, STYLE_DIM);
	age_add_short_date(&o->buf, facts->time_ms);
	out_style(o, STYLE_NONE);
	out_str(o, "  ");
	entry_add_word(o, facts);
	used += ENTRY_ID_CELLS + 2 + AGE_SHORT_DATE_CELLS + 2 + ENTRY_WORD_CELLS + 2;
	r = entry_add_text(o, s, row, out_room(o, used, 10), err);
	out_newline(o);
	return r;
}
