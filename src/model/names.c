/*
 * model/names.c - entry types and roles by name.
 */
#include "ramet/model.h"

#include <string.h>

static const char *const type_names[] = {
	[RAMET_ENTRY_OTHER] = "",
	[RAMET_ENTRY_MESSAGE] = "message",
	[RAMET_ENTRY_MODEL_CHANGE] = "model_change",
	[RAMET_ENTRY_THINKING_LEVEL_CHANGE] = "thinking_level_change",
	[RAMET_ENTRY_USAGE] = "usage",
	[RAMET_ENTRY_COMPACTION] = "compaction",
	[RAMET_ENTRY_BRANCH_SUMMARY] = "branch_summary",
	[RAMET_ENTRY_CUSTOM] = "custom",
	[RAMET_ENTRY_CUSTOM_MESSAGE] = "custom_message",
	[RAMET_ENTRY_CONTEXT_EDIT] = "context_edit",
	[RAMET_ENTRY_LABEL] = "label",
	[RAMET_ENTRY_SESSION_INFO] = "session_info",
	[RAMET_ENTRY_HEADER] = "session",
};

static const char *const role_names[] = {
	[RAMET_ROLE_NONE] = "",
	[RAMET_ROLE_SYSTEM] = "system",
	[RAMET_ROLE_USER] = "user",
	[RAMET_ROLE_ASSISTANT] = "assistant",
	[RAMET_ROLE_TOOL_RESULT] = "toolResult",
	[RAMET_ROLE_BASH_EXECUTION] = "bashExecution",
	[RAMET_ROLE_CUSTOM] = "custom",
	[RAMET_ROLE_HOOK_MESSAGE] = "hookMessage",
	[RAMET_ROLE_BRANCH_SUMMARY] = "branchSummary",
	[RAMET_ROLE_COMPACTION_SUMMARY] = "compactionSummary",
	[RAMET_ROLE_OTHER] = "",
};

#define N_NAMES(v) (int)(sizeof(v) / sizeof((v)[0]))

/* The first name that fits from 1 on, or 0. */
static int index_of(const char *const *names, int n, struct ramet_bytes name)
{
	int i;

	for (i = 1; name.len && i < n; i++)
		if (names[i][0] == *name.ptr && ramet_bytes_is(name, names[i]))
			return i;
	return 0;
}

const char *ramet_entry_type_name(int type)
{
	return type >= 0 && type < N_NAMES(type_names) ? type_names[type] : "";
}

const char *ramet_role_name(int role)
{
	return role >= 0 && role < N_NAMES(role_names) ? role_names[role] : "";
}

int ramet_entry_type_of(struct ramet_bytes name)
{
	return index_of(type_names, N_NAMES(type_names), name);
}

int ramet_role_of(struct ramet_bytes name)
{
	int role = index_of(role_names, N_NAMES(role_names), name);

	return role ? role : RAMET_ROLE_OTHER;
}
