/*
 * ops/autosave_names.c - words for the queue's modes and triggers, other agents' words for the
 * modes, and what the environment says. Words nobody knows change nothing.
 */
#include "base/env.h"
#include "ramet/ops.h"

#include <string.h>

#define WORD_MAX 16
#define MAX_PENDING 1000000u

static const struct word {
	const char *name;
	int mode;
} words[] = {
	{ "each", RAMET_AUTOSAVE_EACH },	 { "strict", RAMET_AUTOSAVE_EACH },
	{ "interval", RAMET_AUTOSAVE_INTERVAL }, { "balanced", RAMET_AUTOSAVE_INTERVAL },
	{ "none", RAMET_AUTOSAVE_NONE },	 { "throughput", RAMET_AUTOSAVE_NONE },
};

static int is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct ramet_bytes trimmed(struct ramet_bytes text)
{
	for (; text.len && is_blank(*text.ptr); text.ptr++, text.len--)
		;
	for (; text.len && is_blank(text.ptr[text.len - 1]); text.len--)
		;
	return text;
}

int ramet_autosave_mode_find(struct ramet_bytes name, int *mode)
{
	char low[WORD_MAX];
	size_t i;

	name = trimmed(name);
	if (name.len >= sizeof(low))
		return RAMET_EINVAL;
	for (i = 0; i < name.len; i++)
		low[i] = (char)(name.ptr[i] | (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? 32 : 0));
	low[i] = '\0';
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i].name, low)) {
			*mode = words[i].mode;
			return 0;
		}
	return RAMET_EINVAL;
}

const char *ramet_autosave_mode_name(int mode)
{
	static const char *const names[] = { "each", "interval", "none" };

	return mode >= 0 && mode <= RAMET_AUTOSAVE_NONE ? names[mode] : NULL;
}

const char *ramet_autosave_trigger_name(int trigger)
{
	static const char *const names[] = { "never",	  "at once",  "manual",	 "periodic",
					     "threshold", "turn end", "shutdown" };

	return trigger >= 0 && trigger <= RAMET_AUTOSAVE_SHUTDOWN ? names[trigger] : NULL;
}

/* 1 to MAX_PENDING; 0 for anything else. */
static uint32_t positive(struct ramet_bytes text)
{
	uint32_t n = 0;

	for (text = trimmed(text); text.len; text.ptr++, text.len--) {
		if (*text.ptr < '0' || *text.ptr > '9')
			return 0;
		n = n * 10 + (uint32_t)(*text.ptr - '0');
		if (n > MAX_PENDING)
			return 0;
	}
	return n;
}

void ramet_autosave_opts_env(struct ramet_autosave_opts *opts)
{
	const struct rameti_env *env = rameti_env_default();
	const char *mode = env->getenv(env->user, "PI_SESSION_DURABILITY_MODE");
	const char *most = env->getenv(env->user, "PI_SESSION_AUTOSAVE_MAX_PENDING");
	uint32_t n = most ? positive(ramet_bytes_of(most)) : 0;

	if (mode)
		(void)ramet_autosave_mode_find(ramet_bytes_of(mode), &opts->mode);
	if (n)
		opts->max_lines = n;
}
