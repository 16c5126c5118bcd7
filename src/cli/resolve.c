/*
 * cli/resolve.c - words of the command line to sessions and entries.
 *
 * A word that looks like a path (a slash in it, or .jsonl at its end) or names a regular file is a
 * path; everything else is an id. A word that is neither gets the error of the thing it names: a
 * directory of that name is called a directory. Refuses to guess between two candidates.
 */
#include "cli/resolve.h"

#include "base/env.h"
#include "base/error.h"
#include "base/file.h"
#include "base/newfile.h"
#include "cli/pick.h"
#include "cli/place.h"
#include "ramet/codec.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define HEAD_LEN ((size_t)64 << 10)

#define HOLD_MS 10000u                           /* that is to scan a directory, a few times */

const char *resolve_format(const char *path)
{
	struct rameti_file f = RAMETI_FILE_INIT;
	struct ramet_buf head = RAMET_BUF_INIT(HEAD_LEN + 1);
	const char *format = NULL;
	int64_t n = -1;

	if (!ramet_buf_reserve(&head, HEAD_LEN) &&
	    !rameti_file_open(&f, path, RAMETI_FILE_READ, NULL))
		n = rameti_file_read_at(&f, head.ptr, HEAD_LEN, 0, NULL);
	if (n > 0)
		format = ramet_codec_sniff((struct ramet_bytes){ head.ptr, (size_t)n });
	(void)rameti_file_close(&f);             /* read only */
	ramet_buf_release(&head);
	return format;
}

const char *resolve_home(void)
{
	const struct rameti_env *env = rameti_env_default();
	const char *home = env->getenv(env->user, "HOME");

	return home && home[0] == '/' && home[1] ? home : "";
}

size_t resolve_add_path(struct ramet_buf *out, struct ramet_bytes path, size_t cells)
{
	struct ramet_buf shown = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_bytes home = ramet_bytes_of(resolve_home());

	if (home.len && path.len >= home.len && !memcmp(path.ptr, home.ptr, home.len) &&
	    (path.len == home.len || path.ptr[home.len] == '/')) {
		ramet_buf_add_char(&shown, '~');
		path.ptr += home.len;
		path.len -= home.len;
	}
	ramet_buf_add(&shown, path);
	cells = text_add_path(out, ramet_buf_bytes(&shown), cells);
	ramet_buf_release(&shown);
	return cells;
}

int resolve_directory(const char *given, struct ramet_buf *out, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	char here[4096];

	if (!env->getcwd(env->user, here, sizeof(here)))
		return rameti_fail(err, RAMET_EIO, "the working directory is gone");
	return rameti_path_normalize(ramet_bytes_of(given), here, resolve_home(), out, err);
}

/* ---- sessions ---- */

static int ends_in_jsonl(const char *word)
{
	size_t len = strlen(word);

	return len > 6 && !strcmp(word + len - 6, ".jsonl");
}

/* 1 a path, 0 an id, and in *exists whether something of that name is there. */
static int is_path(const char *word, int *exists)
{
	struct stat st;

	*exists = rameti_path_stat(NULL, word, &st, NULL) == 0;
	if (strchr(word, '/') || ends_in_jsonl(word) || !strcmp(word, ".") || !strcmp(word, ".."))
		return 1;
	return *exists && S_ISREG(st.st_mode);
}

/* The newest session of a store, of one directory unless cwd is NULL. */
static int find_newest(const char *url, const struct ramet_store_opts *opts, const char *cwd,
		       struct ramet_buf *path, struct ramet_error *err)
{
	struct ramet_list_opts how = { .cwd = cwd };
	struct ramet_list list = RAMET_LIST_INIT;
	struct ramet_store *st;
	int r = ramet_store_open(&st, url, opts, err);

	if (r < 0)
		return r;
	r = ramet_store_list(st, &how, &list, err);
	if (r == 0 && list.n)
		ramet_buf_add(path, list.items[0].path);
	else if (r == 0)
		r = RAMET_ENOTFOUND;
	ramet_list_release(&list);
	ramet_store_close(st);
	return r;
}

/* Of --store; else of the directory that the environment names, as far as sessions there are of the
 * current directory; else of pi's directory for the current one. */
static int find_last(const struct cli *cli, struct ramet_buf *path, struct ramet_error *err)
{
	const char *url = args_get(&cli->args, "store");
	struct ramet_store_opts here = { .this_project = 1 };
	struct ramet_buf dir = RAMET_BUF_INIT(CLI_TEXT_MAX), cwd = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = url ? 0 : ramet_pi_session_dir_override(&dir, err);

	if (url)
		r = find_newest(url, NULL, NULL, path, err);
	else if (r == 0)
		r = find_newest("pi", &here, NULL, path, err);
	else if (r > 0 && (r = resolve_directory(".", &cwd, err)) == 0)
		r = find_newest(dir.ptr, NULL, cwd.ptr, path, err);
	if (r == RAMET_ENOTFOUND && url)
		rameti_fail(err, r, "no session in %.200s", url);
	else if (r == RAMET_ENOTFOUND)
		rameti_fail(err, r, "no session of this directory (ramet list shows all)");
	ramet_buf_release(&dir);
	ramet_buf_release(&cwd);
	return r;
}

static int find_in(const char *url, const char *word, struct ramet_buf *path,
		   struct ramet_error *err)
{
	struct ramet_store *st;
	int r = ramet_store_open(&st, url, NULL, err);

	if (r < 0)
		return r;
	r = ramet_store_find(st, ramet_bytes_of(word), path, err);
	ramet_store_close(st);
	if (r == RAMET_ENOTFOUND)
		rameti_fail(err, r, "no session \"%.100s\"", word);
	return r;
}

/* In --store, else in the home directory, then where the environment says. */
static int find_id(const struct cli *cli, const char *word, struct ramet_buf *path,
		   struct ramet_error *err)
{
	const char *url = args_get(&cli->args, "store");
	struct ramet_buf dir = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r = find_in(url, word, path, err);

	if (r == RAMET_ENOTFOUND && !url && ramet_pi_session_dir_override(&dir, NULL) > 0) {
		r = find_in(dir.ptr, word, path, err);
		if (r == RAMET_ENOTFOUND)                /* the directory need not be there yet */
			rameti_fail(err, r, "no session \"%.100s\"", word);
	}
	ramet_buf_release(&dir);
	return r;
}

int resolve_is_url(const char *word)
{
	return !strncmp(word, "sqlite:", 7) || !strncmp(word, "ckptmgr:", 8);
}

static int find_word(const struct cli *cli, const char *word, struct ramet_buf *path,
		     struct ramet_error *err)
{
	int exists, r;

	if (!*word)
		return rameti_fail(err, CLI_USAGE, "the session's name is empty");
	if (!strcmp(word, "@last"))
		return find_last(cli, path, err);
	if (word[0] == '@')
		return rameti_fail(err, CLI_USAGE, "unknown word \"%.40s\" (only @last is known)",
				   word);
	if (!strncmp(word, "postgres:", 9) || !strncmp(word, "postgresql:", 11))
		return rameti_fail(err, RAMET_EVERSION,
				   "\"%.100s\": this version knows no PostgreSQL", word);
	if (resolve_is_url(word)) {
		ramet_buf_add_str(path, word);
		return 0;
	}
	r = place_check(word, err);
	if (r < 0)
		return r;
	r = is_path(word, &exists) ? 0 : find_id(cli, word, path, err);
	if (path->len == 0 && (r == 0 || (r == RAMET_ENOTFOUND && exists))) {
		ramet_buf_add_str(path, word);
		r = 0;
	}
	return r;
}

int resolve_session(struct cli *cli, struct ramet_session **out, struct ramet_error *err)
{
	const struct ramet_open_opts how = { .no_cache = args_has(&cli->args, "no-cache") };
	struct ramet_buf path = RAMET_BUF_INIT(CLI_TEXT_MAX);
	int r;

	if (cli->args.n_words)
		r = find_word(cli, cli->args.words[0], &path, err);
	else if (cli->out.terminal && isatty(STDIN_FILENO))
		r = pick_session(cli, &path, err);
	else
		r = rameti_fail(err, CLI_USAGE, "which session? give a path, an id or @last");
	if (r == 0 && ramet_buf_status(&path) < 0)
		r = rameti_fail_nomem(err);
	if (r == 0)
		r = ramet_session_open(out, path.ptr, &how, err);
	ramet_buf_release(&path);
	return r;
}

int resolve_session_with(struct cli *cli, const struct ramet_open_opts *opts,
			 struct ramet_session **out, struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(CLI_TEXT_MAX);
	const char *word = cli->args.words[0];
	struct ramet_open_opts how = { 0 };
	int r = out_ready(&cli->out, err);

	if (r == 0)
		r = find_word(cli, word, &path, err);
	if (opts)
		how = *opts;
	how.no_cache |= args_has(&cli->args, "no-cache");
	if (resolve_is_url(word) || (!strchr(word, '/') && !ends_in_jsonl(word)))
		how.create = 0;
	if (r == 0 && ramet_buf_status(&path) < 0)
		r = rameti_fail_nomem(err);
	if (r == 0)
		r = ramet_session_open(out, path.ptr, &how, err);
	ramet_buf_release(&path);
	return r;
}

/* The directories of a path are not resolved as text: a symbolic link may be among them. */
int resolve_path(const struct cli *cli, const char *word, struct ramet_buf *path,
		 struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	struct ramet_buf found = RAMET_BUF_INIT(CLI_TEXT_MAX);
	char here[4096] = "";
	int r = find_word(cli, word, &found, err);
	const char *at = r == 0 && found.ptr ? found.ptr : "";

	if (r == 0 && resolve_is_url(at)) {
		ramet_buf_add_str(path, at);
		ramet_buf_release(&found);
		return ramet_buf_status(path) < 0 ? rameti_fail_nomem(err) : 0;
	}
	if (r == 0 && at[0] != '/' && !env->getcwd(env->user, here, sizeof(here)))
		r = rameti_fail(err, RAMET_EIO, "the working directory is gone");
	while (at[0] == '.' && at[1] == '/')
		at += 2;
	if (r == 0 && at[0] != '/')
		ramet_buf_addf(path, "%s/", here[1] ? here : "");
	if (r == 0)
		ramet_buf_add_str(path, at);
	if (r == 0 && (ramet_buf_status(&found) < 0 || ramet_buf_status(path) < 0))
		r = rameti_fail_nomem(err);
	ramet_buf_release(&found);
	return r;
}

int resolve_file(const struct cli *cli, const char *word, const char *what, struct ramet_buf *path,
		 struct ramet_error *err)
{
	int r = resolve_path(cli, word, path, err);

	if (r == 0 && resolve_is_url(path->ptr))
		r = rameti_fail_at(err, RAMET_EINVAL, path->ptr, 0, RAMET_NO_OFFSET,
				   "is in a file of many sessions: only a session in a file of its "
				   "own has %s", what);
	return r;
}

int resolve_store_dir(const char *store, const char *cwd, struct ramet_buf *dir,
		      struct ramet_error *err)
{
	int r;

	if (store && !*store)
		return rameti_fail(err, CLI_USAGE, "the store's name is empty");
	r = place_check_store(store, err);
	if (r < 0)
		return r;
	if (store && strcmp(store, "pi") != 0) {
		if (resolve_is_url(store) || !strncmp(store, "postgres:", 9))
			return rameti_fail(err, RAMET_EINVAL,
					   "\"%.100s\" is no directory: ramet new --format sqlite "
					   "and ramet convert put sessions there", store);
		return resolve_directory(store, dir, err);
	}
	r = store ? 0 : ramet_pi_session_dir_override(dir, err);
	if (r == 0)
		r = ramet_pi_session_dir(ramet_bytes_of(cwd), dir, err);
	return r < 0 ? r : 0;
}

/* Names of files have the time in them, so that two of one id would not meet: whoever gives an id
 * looks and creates under a lock on the directory. Where there is none to be had, without. */
static int hold_dir(const char *dir, struct rameti_file *hold, struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();
	int r = rameti_dir_make(NULL, dir, 1, err);

	if (r < 0)
		return r;
	hold->fd = env->open(env->user, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY, 0);
	r = hold->fd < 0 ? 0 : rameti_file_lock(hold, HOLD_MS, err);
	return r == RAMET_ECONFLICT ? r : 0;
}

int resolve_free_id(const char *dir, const char *id, struct rameti_file *hold,
		    struct ramet_error *err)
{
	struct ramet_buf path = RAMET_BUF_INIT(CLI_TEXT_MAX);
	struct ramet_store *st = NULL;
	int r;

	if (!id)
		return 0;
	if (!ramet_session_id_valid(ramet_bytes_of(id)))
		return rameti_fail(err, CLI_USAGE,
				   "\"%.60s\" cannot be the id of a session: letters and digits, "
				   "with - _ . between them", id);
	r = hold_dir(dir, hold, err);
	if (r == 0)
		r = ramet_store_open(&st, dir, NULL, err);
	if (r == 0)
		r = ramet_store_find_exact(st, ramet_bytes_of(id), NULL, &path, err);
	ramet_store_close(st);
	if (r == 0)
		r = rameti_fail_at(err, RAMET_ECONFLICT, path.ptr, 0, RAMET_NO_OFFSET,
				   "this session has the id %.60s already", id);
	else if (r == RAMET_ENOTFOUND)
		r = 0;
	ramet_buf_release(&path);
	return r;
}

/* ---- entries ---- */

int resolve_entry(const struct ramet_session *s, const char *word, uint32_t *row,
		  struct ramet_error *err)
{
	if (strcmp(word, "null") != 0)
		return ramet_tree_resolve(ramet_session_tree(s), ramet_bytes_of(word), row, err);
	*row = RAMET_NONE;
	return 0;
}

int resolve_leaf(const struct cli *cli, const struct ramet_session *s, uint32_t *leaf,
		 struct ramet_error *err)
{
	const char *word = args_get(&cli->args, "leaf");

	if (word)
		return resolve_entry(s, word, leaf, err);
	*leaf = ramet_session_leaf(s);
	return 0;
}
