/*
 * store/layout_pi.c - where pi keeps its sessions: the agent directory, the sessions root and the
 * directory of a working directory.
 *
 * Text only, but for the environment and the process's working directory: nothing is looked up on
 * disk, no link is resolved, no directory is made. Directory names are not injective ("/a/b" and
 * "/a-b" share one): that is pi's layout.
 */
#include "store/layout_pi.h"

#include <limits.h>
#include <string.h>
#include "base/error.h"
#include "base/file.h"

#define PATH_LEN_MAX ((size_t)1 << 20)
#define KEY(text) { text, sizeof(text) - 1 }

static const char *variable(const char *name)
{
	const struct rameti_env *env = rameti_env_default();
	const char *value = env->getenv(env->user, name);

	return value && *value ? value : NULL;
}

/* Hand b over to out (or the failure to the caller). */
static int append(struct ramet_buf *out, struct ramet_buf *b, int r, struct ramet_error *err)
{
	if (!r)
		r = ramet_buf_status(b);
	if (!r)
		ramet_buf_add(out, ramet_buf_bytes(b));
	if (!r)
		r = ramet_buf_status(out);
	if (r == RAMET_ENOMEM)
		rameti_fail_nomem(err);
	else if (r == RAMET_ELIMIT)
		rameti_fail(err, r, "the path is too long");
	ramet_buf_release(b);
	return r;
}

/* ---- file:// ---- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that %XX at text[i] stands for, or -1 if it is no escape. */
static int escaped_byte(struct ramet_bytes text, size_t i)
{
	int high, low;

	if (text.ptr[i] != '%' || text.len - i < 3)
		return -1;
	high = hex_value(text.ptr[i + 1]);
	low = hex_value(text.ptr[i + 2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

int rameti_file_url_path(struct ramet_bytes text, struct ramet_buf *out, struct ramet_error *err)
{
	static const char local[] = "localhost";
	struct ramet_buf b;
	size_t i = 0;
	int byte;

	if (text.len >= sizeof(local) - 1 && !memcmp(text.ptr, local, sizeof(local) - 1))
		i = sizeof(local) - 1;
	if (i == text.len || text.ptr[i] != '/')
		return rameti_fail(err, RAMET_EINVAL, "a file URL of another host");
	ramet_buf_init(&b, PATH_LEN_MAX);
	for (; i < text.len && text.ptr[i] != '?' && text.ptr[i] != '#'; i++) {
		byte = escaped_byte(text, i);
		if (byte == '/' || byte == '\0') {
			ramet_buf_release(&b);
			return rameti_fail(err, RAMET_EINVAL, "a file URL with an escaped %s",
					   byte ? "slash" : "NUL");
		}
		ramet_buf_add_char(&b, byte < 0 ? text.ptr[i] : (char)byte);
		i += byte < 0 ? 0 : 2;
	}
	return append(out, &b, 0, err);
}

/* ---- paths ---- */

static int process_cwd(char to[PATH_MAX], struct ramet_error *err)
{
	const struct rameti_env *env = rameti_env_default();

	if (env->getcwd(env->user, to, PATH_MAX))
		return 0;
	return rameti_fail(err, RAMET_EIO, "cannot tell the working directory");
}

int rameti_pi_path(struct ramet_bytes path, const char *cwd, struct ramet_buf *out,
		   struct ramet_error *err)
{
	static const struct ramet_bytes scheme = KEY("file://");
	char here[PATH_MAX];
	struct ramet_buf url, b;
	int r = 0;

	ramet_buf_init(&url, PATH_LEN_MAX);
	ramet_buf_init(&b, PATH_LEN_MAX);
	if (path.len >= scheme.len && !memcmp(path.ptr, scheme.ptr, scheme.len)) {
		path.ptr += scheme.len;
		path.len -= scheme.len;
		r = rameti_file_url_path(path, &url, err);
		path = ramet_buf_bytes(&url);
	}
	if (!r && !cwd) {
		r = process_cwd(here, err);
		cwd = here;
	}
	if (!r)
		r = rameti_path_normalize(path, cwd, variable("HOME"), &b, err);
	ramet_buf_release(&url);
	return append(out, &b, r, err);
}

int ramet_pi_agent_dir(struct ramet_buf *out, struct ramet_error *err)
{
	const char *given = variable("PI_CODING_AGENT_DIR");

	if (given)
		return rameti_pi_path(ramet_bytes_of(given), NULL, out, err);
	if (!variable("HOME"))
		return rameti_fail(err, RAMET_ENOTFOUND, "no home directory: HOME is not set");
	return rameti_pi_path(ramet_bytes_of("~/.pi/agent"), NULL, out, err);
}

int ramet_pi_sessions_root(struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_buf b;
	int r;

	ramet_buf_init(&b, PATH_LEN_MAX);
	r = ramet_pi_agent_dir(&b, err);
	ramet_buf_add_str(&b, b.len == 1 ? "sessions" : "/sessions");
	return append(out, &b, r, err);
}

int ramet_pi_dir_name(struct ramet_bytes cwd, struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_buf path, b;
	size_t i;
	int r;

	ramet_buf_init(&path, PATH_LEN_MAX);
	ramet_buf_init(&b, PATH_LEN_MAX);
	r = rameti_pi_path(cwd, NULL, &path, err);
	ramet_buf_add_str(&b, "--");
	/* normal paths start with one slash, which goes */
	for (i = 1; i < path.len; i++)
		ramet_buf_add_char(&b, memchr("/\\:", path.ptr[i], 3) ? '-' : path.ptr[i]);
	ramet_buf_add_str(&b, "--");
	ramet_buf_release(&path);
	return append(out, &b, r, err);
}

int ramet_pi_session_dir(struct ramet_bytes cwd, struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_buf b;
	int r;

	ramet_buf_init(&b, PATH_LEN_MAX);
	r = ramet_pi_sessions_root(&b, err);
	ramet_buf_add_char(&b, '/');
	if (!r)
		r = ramet_pi_dir_name(cwd, &b, err);
	return append(out, &b, r, err);
}

int ramet_pi_session_dir_override(struct ramet_buf *out, struct ramet_error *err)
{
	const char *given = variable("PI_CODING_AGENT_SESSION_DIR");
	int r;

	if (!given)
		return 0;
	r = rameti_pi_path(ramet_bytes_of(given), NULL, out, err);
	return r < 0 ? r : 1;
}
