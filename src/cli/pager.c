/*
 * cli/pager.c - the pager: $PAGER through the shell, as other tools start it, else less -FRX.
 *
 * While it runs, the keyboard's interrupt is its own: less stops reading on it, and ramet notices
 * by the closed pipe. A pager that cannot be started is no error: the text goes to the terminal.
 */
#include "cli/pager.h"

#include "base/env.h"
#include "ramet/base.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int in_path(const char *name, const char *path)
{
	const struct rameti_env *env = rameti_env_default();
	struct ramet_buf file = RAMET_BUF_INIT(1u << 20);
	struct stat st;
	int found = 0;

	while (path && *path && !found) {
		size_t n = strcspn(path, ":");

		ramet_buf_reset(&file);
		ramet_buf_addf(&file, "%.*s/%s", (int)n, path, name);
		found = n > 0 && ramet_buf_status(&file) == 0 &&
			env->stat(env->user, file.ptr, &st) == 0 && (st.st_mode & S_IXUSR);
		path += n + (path[n] == ':');
	}
	ramet_buf_release(&file);
	return found;
}

const char *pager_choose(const char *pager, const char *path)
{
	if (pager)
		return *pager && strcmp(pager, "cat") ? pager : NULL;
	return in_path("less", path) ? "less" : NULL;
}

/* less shows colours only when told to; whoever has set LESS knows better. */
static pid_t spawn(const char *pager, int read_end)
{
	const char *words[] = { "sh", "-c", pager, NULL };
	const char *less[] = { "less", "-FRX", NULL };
	int plain = !strcmp(pager, "less");
	const char **argv = plain ? less : words;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t usual;
	pid_t pid = 0;

	if (posix_spawn_file_actions_init(&actions))
		return 0;
	if (posix_spawnattr_init(&attr))
		goto out;
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGXFSZ);
	posix_spawnattr_setsigdefault(&attr, &usual);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	if (posix_spawn_file_actions_adddup2(&actions, read_end, STDIN_FILENO) ||
	    posix_spawnp(&pid, plain ? "less" : "/bin/sh", &actions, &attr,
			 (char *const *)(uintptr_t)argv, environ))
		pid = 0;
	(void)posix_spawnattr_destroy(&attr);
out:
	(void)posix_spawn_file_actions_destroy(&actions);
	return pid;
}

pid_t pager_start(const char *pager, int *fd)
{
	const struct rameti_env *env = rameti_env_default();
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return 0;
	pid = spawn(pager, ends[0]);
	(void)env->close(env->user, ends[0]);
	if (!pid) {
		(void)env->close(env->user, ends[1]);
		return 0;
	}
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	*fd = ends[1];
	return pid;
}

void pager_wait(pid_t pager, int fd)
{
	const struct rameti_env *env = rameti_env_default();

	(void)env->close(env->user, fd);
	while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
}
