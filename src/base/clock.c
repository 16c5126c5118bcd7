/*
 * base/clock.c - the present time and random bytes, both through env.h.
 *
 * A clock that fails gives RAMETI_TIME_NONE, never a made-up time. There is no fallback for random
 * bytes: without them no id is made.
 */
#include "base/clock.h"

#include <errno.h>

#include "base/error.h"

int64_t rameti_now_ms(const struct rameti_env *env)
{
	struct timespec ts;

	env = rameti_env_or_default(env);
	if (env->clock_gettime(env->user, CLOCK_REALTIME, &ts) < 0)
		return RAMETI_TIME_NONE;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int rameti_random(const struct rameti_env *env, void *to, size_t len, struct ramet_error *err)
{
	size_t done = 0;
	ssize_t n;

	env = rameti_env_or_default(env);
	while (done < len) {
		n = env->getrandom(env->user, (char *)to + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return rameti_fail_sys(err, n < 0 ? errno : EIO, NULL,
					       "cannot get random bytes");
		done += (size_t)n;
	}
	return 0;
}
