/*
 * cli/registry.c - the table of commands, in the order in which help shows them.
 */
#include "cli/cli.h"

extern const struct cmd cmd_list, cmd_info, cmd_tree, cmd_entries, cmd_path, cmd_context,
	cmd_branches, cmd_stats, cmd_help;
extern const struct cmd cmd_new, cmd_append, cmd_branch, cmd_fork, cmd_label, cmd_name, cmd_migrate;
extern const struct cmd cmd_show, cmd_export, cmd_delete, cmd_index;
extern const struct cmd cmd_verify, cmd_repair;
extern const struct cmd cmd_seal, cmd_tail, cmd_compact;
extern const struct cmd cmd_sidecar, cmd_convert, cmd_import, cmd_trace, cmd_events, cmd_prune;

static const struct cmd *const commands[] = {
	&cmd_list,
	&cmd_info,
	&cmd_tree,
	&cmd_entries,
	&cmd_path,
	&cmd_tail,
	&cmd_show,
	&cmd_context,
	&cmd_branches,
	&cmd_stats,
	&cmd_new,
	&cmd_append,
	&cmd_branch,
	&cmd_fork,
	&cmd_label,
	&cmd_name,
	&cmd_compact,
	&cmd_convert,
	&cmd_import,
	&cmd_migrate,
	&cmd_verify,
	&cmd_repair,
	&cmd_seal,
	&cmd_export,
	&cmd_delete,
	&cmd_prune,
	&cmd_events,
	&cmd_trace,
	&cmd_index,
	&cmd_sidecar,
	&cmd_help,
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

const struct cmd *registry_get(size_t n)
{
	return n < N_COMMANDS ? commands[n] : NULL;
}

const struct cmd *registry_find(struct ramet_bytes name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (ramet_bytes_is(name, commands[i]->name))
			return commands[i];
	return NULL;
}

const char *registry_nearest(struct ramet_bytes word)
{
	const char *best = NULL;
	unsigned best_distance = 3;

	for (size_t i = 0; i < N_COMMANDS; i++) {
		struct ramet_bytes name = ramet_bytes_of(commands[i]->name);
		unsigned distance = options_distance(word, name);

		if (distance < best_distance && distance < name.len) {
			best_distance = distance;
			best = commands[i]->name;
		}
	}
	return best;
}
