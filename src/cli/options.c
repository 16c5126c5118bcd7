/*
 * cli/options.c - reads argv into words and options.
 *
 * The command's name is found first, since it decides which options there are; an option that
 * stands before it is looked up in the tables of all commands, only to learn whether the next word
 * is its value. Refuses an unknown option (and names the nearest), a value where none belongs, and
 * a missing one. Abbreviations are not taken: a script must not change its meaning when an option
 * is added.
 */
#include "cli/options.h"

#include "cli/cli.h"
#include "base/error.h"

#include <assert.h>
#include <string.h>

const struct opt options_common[] = {
	{ "json", 0, NULL, "print JSON, as documented and promised" },
	{ "store", 0, "ST", "a directory, sqlite:FILE, ckptmgr:FILE, or pi, pirust, ggcode, yoi" },
	{ "no-cache", 0, NULL, "read the session files only, no cache" },
	{ "color", 0, "WHEN", "auto (the default: on a terminal), always, never" },
	{ "width", 0, "N", "columns to print; 0: no limit (default: the terminal's, else 100)" },
	{ "no-pager", 0, NULL, "do not start $PAGER" },
	{ "help", 'h', NULL, "say how the command is used" },
	{ "version", 'V', NULL, "print the version" },
	{ NULL, 0, NULL, NULL },
};

static const struct opt *find_name(const struct opt *table, struct ramet_bytes name)
{
	for (; table && table->name; table++)
		if (ramet_bytes_is(name, table->name))
			return table;
	return NULL;
}

static const struct opt *find_letter(const struct opt *table, char letter)
{
	for (; table && table->name; table++)
		if (letter && table->letter == letter)
			return table;
	return NULL;
}

/* The part of "--name=value" or "name" before the equals sign. */
static struct ramet_bytes name_of(const char *text)
{
	struct ramet_bytes name = { text, strcspn(text, "=") };

	return name;
}

static int is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

/* Does this option of some command take the next word of argv as its value? */
static int takes_next(const char *word)
{
	const struct opt *o = NULL;

	if (word[1] == '-' && strchr(word, '='))
		return 0;
	for (size_t i = 0; !o; i++) {
		const struct cmd *cmd = registry_get(i);
		const struct opt *table = cmd ? cmd->opts : options_common;

		if (word[1] == '-')
			o = find_name(table, name_of(word + 2));
		else
			o = find_letter(table, word[1]);
		if (!cmd)
			break;
	}
	return o && o->arg && (word[1] == '-' || word[2] == '\0');
}

int args_command_at(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--"))
			return i + 1 < argc ? i + 1 : 0;
		if (!is_option(argv[i]))
			return i;
		if (takes_next(argv[i]))
			i++;
	}
	return 0;
}

/* Fewest single-letter changes, by rows of the usual table; words are cut at 31 letters. */
unsigned options_distance(struct ramet_bytes a, struct ramet_bytes b)
{
	unsigned row[32], far = 4;

	if (a.len > 31 || b.len > 31 || a.len > b.len + far || b.len > a.len + far)
		return far;
	for (unsigned j = 0; j <= b.len; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			unsigned best = corner + (a.ptr[i - 1] != b.ptr[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b.len] < far ? row[b.len] : far;
}

static const char *nearest(const struct args *a, struct ramet_bytes name)
{
	const char *best = NULL;
	unsigned best_distance = 3;

	for (int t = 0; t < 2; t++) {
		for (const struct opt *o = a->tables[t]; o && o->name; o++) {
			unsigned distance = options_distance(name, ramet_bytes_of(o->name));

			if (distance < best_distance && distance < strlen(o->name)) {
				best_distance = distance;
				best = o->name;
			}
		}
	}
	return best;
}

static int unknown(const struct args *a, const char *word, struct ramet_error *err)
{
	const char *near = word[1] == '-' ? nearest(a, name_of(word + 2)) : NULL;
	struct ramet_bytes shown = name_of(word);

	if (shown.len > 40)
		shown.len = 40;
	if (near)
		return rameti_fail(err, CLI_USAGE, "unknown option %.*s (did you mean --%s?)",
				   RAMET_FMT(shown), near);
	return rameti_fail(err, CLI_USAGE, "unknown option %.*s", RAMET_FMT(shown));
}

static void add_given(struct args *a, const struct opt *o, const char *value)
{
	a->given[a->n_given].opt = o;
	a->given[a->n_given++].value = value;
}

/* One --option at argv[*i]; moves *i onto its value when that is the next word. */
static int parse_long(struct args *a, int argc, char **argv, int *i, struct ramet_error *err)
{
	const char *word = argv[*i], *equals = strchr(word, '=');
	const struct opt *o = find_name(a->tables[0], name_of(word + 2));

	if (!o)
		o = find_name(a->tables[1], name_of(word + 2));
	if (!o)
		return unknown(a, word, err);
	if (!o->arg && equals)
		return rameti_fail(err, CLI_USAGE, "option --%s takes no value", o->name);
	if (o->arg && !equals && *i + 1 >= argc)
		return rameti_fail(err, CLI_USAGE, "option --%s wants a value: %s", o->name,
				   o->arg);
	if (!o->arg)
		add_given(a, o, "");
	else
		add_given(a, o, equals ? equals + 1 : argv[++*i]);
	return 0;
}

/* One or more letters behind one dash; the last may take a value. */
static int parse_letters(struct args *a, int argc, char **argv, int *i, struct ramet_error *err)
{
	for (const char *at = argv[*i] + 1; *at; at++) {
		const struct opt *o = find_letter(a->tables[0], *at);

		if (!o)
			o = find_letter(a->tables[1], *at);
		if (!o)
			return unknown(a, argv[*i], err);
		if (!o->arg) {
			add_given(a, o, "");
			continue;
		}
		if (!at[1] && *i + 1 >= argc)
			return rameti_fail(err, CLI_USAGE, "option -%c wants a value: %s", *at,
					   o->arg);
		add_given(a, o, at[1] ? at + 1 : argv[++*i]);
		break;
	}
	return 0;
}

/* Every letter of an argument may be an option: all of argv's bytes bound their number. */
static int make_room(struct args *a, int argc, char **argv, struct ramet_error *err)
{
	size_t letters = 1;

	for (int i = 1; i < argc; i++)
		letters += argv[i][0] == '-' && argv[i][1] != '-' ? strlen(argv[i]) : 1;
	a->words = ramet_calloc((size_t)argc + 1, sizeof(*a->words));
	a->given = ramet_calloc(letters, sizeof(*a->given));
	return a->words && a->given ? 0 : rameti_fail_nomem(err);
}

int args_parse(struct args *a, int argc, char **argv, int command, const struct opt *opts,
	       struct ramet_error *err)
{
	int only_words = 0;
	int r = make_room(a, argc, argv, err);

	a->tables[0] = opts;
	a->tables[1] = options_common;
	for (int i = 1; i < argc && r == 0; i++) {
		if (i == command)
			continue;
		if (only_words || !is_option(argv[i]))
			a->words[a->n_words++] = argv[i];
		else if (!strcmp(argv[i], "--"))
			only_words = 1;
		else if (argv[i][1] == '-')
			r = parse_long(a, argc, argv, &i, err);
		else
			r = parse_letters(a, argc, argv, &i, err);
	}
	return r;
}

void args_release(struct args *a)
{
	ramet_free(a->words);
	ramet_free(a->given);
	memset(a, 0, sizeof(*a));
}

const char *args_get(const struct args *a, const char *name)
{
	struct ramet_bytes wanted = ramet_bytes_of(name);

	assert(find_name(a->tables[0], wanted) || find_name(a->tables[1], wanted) || !a->tables[1]);
	for (size_t i = a->n_given; i-- > 0;)
		if (!strcmp(a->given[i].opt->name, name))
			return a->given[i].value;
	return NULL;
}

int args_has(const struct args *a, const char *name)
{
	return args_get(a, name) != NULL;
}

int args_number(const struct args *a, const char *name, uint64_t max, uint64_t *n,
		struct ramet_error *err)
{
	const char *text = args_get(a, name);
	uint64_t value = 0;

	if (!text)
		return 0;
	for (const char *at = text; *at; at++) {
		if (*at < '0' || *at > '9' || value > (max - (uint64_t)(*at - '0')) / 10)
			return rameti_fail(err, CLI_USAGE,
					   "option --%s wants a number up to %llu, not \"%.40s\"",
					   name, (unsigned long long)max, text);
		value = value * 10 + (uint64_t)(*at - '0');
	}
	if (!*text)
		return rameti_fail(err, CLI_USAGE, "option --%s wants a number", name);
	*n = value;
	return 0;
}

int args_one_of(const struct args *a, const char *const *names, struct ramet_error *err)
{
	int found = -1;

	for (int i = 0; names[i]; i++) {
		if (!args_has(a, names[i]))
			continue;
		if (found >= 0)
			return rameti_fail(err, CLI_USAGE,
					   "options --%s and --%s exclude each other", names[found],
					   names[i]);
		found = i;
	}
	return found;
}
