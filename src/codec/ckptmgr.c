/*
 * codec/ckptmgr.c - states of the snapshot manager: finding sessions in one, and a state with a
 * session changed.
 *
 * Names of the original's own members are found in any case. What is damaged in one session does
 * not hide the others; a state that is no JSON, or has no map of sessions, is refused as a whole.
 */
#include "codec/ckptmgr.h"

#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/error.h"

#define KEY(text) { text, sizeof(text) - 1 }
#define NS_PER_MS 1000000

static int is_map(const struct ramet_json *v)
{
	int kind = ramet_json_kind(v);

	return kind == RAMET_JSON_NONE || kind == RAMET_JSON_NULL || kind == RAMET_JSON_OBJECT;
}

int rameti_ckpt_parse(struct rameti_ckpt *c, struct ramet_bytes text, struct ramet_error *err)
{
	struct ramet_error why;
	int r;

	c->root = c->sessions = c->counters = NULL;
	if (!text.len)
		return 0;
	memset(&why, 0, sizeof(why));
	r = ramet_json_parse(&c->doc, text, 0, &why);
	if (r == RAMET_ENOMEM)
		return rameti_fail_nomem(err);
	if (r < 0)
		return rameti_fail_at(err, RAMET_EFORMAT, NULL, 0, why.offset,
				      "not a state file: not valid JSON from here");
	c->root = ramet_json_root(&c->doc);
	c->sessions = rameti_ckpt_member(c->root, "sessions");
	c->counters = rameti_ckpt_member(c->root, "fork_counters");
	if (!is_map(c->root) || !is_map(c->sessions) || !is_map(c->counters))
		return rameti_fail(err, RAMET_EFORMAT, "not a state file: no map of sessions");
	return 0;
}

void rameti_ckpt_release(struct rameti_ckpt *c)
{
	ramet_json_doc_release(&c->doc);
}

/* ---- sessions ---- */

static int is_digits(const struct ramet_json *v)
{
	struct ramet_bytes raw = ramet_json_raw(v);
	size_t i;

	for (i = 0; i < raw.len; i++)
		if (raw.ptr[i] < '0' || raw.ptr[i] > '9')
			return 0;
	return raw.len > 0 && raw.len < 19;
}

uint64_t rameti_ckpt_turns(const struct rameti_ckpt_session *s)
{
	struct ramet_bytes raw = ramet_json_raw(s->turns);
	uint64_t n = 0;

	if (!is_digits(s->turns))
		return 0;
	for (; raw.len; raw.ptr++, raw.len--)
		n = n * 10 + (uint64_t)(*raw.ptr - '0');
	return n;
}

static int is_list(const struct ramet_json *v)
{
	int kind = ramet_json_kind(v);

	return kind == RAMET_JSON_NONE || kind == RAMET_JSON_NULL || kind == RAMET_JSON_ARRAY;
}

static int fail_member(struct ramet_bytes id, const char *name, struct ramet_error *err)
{
	return rameti_fail(err, RAMET_EFORMAT, "session \"%.*s\": its %s has the wrong type",
			   (int)(id.len < 60 ? id.len : 60), id.ptr ? id.ptr : "", name);
}

int rameti_ckpt_view(const struct ramet_json *value, struct ramet_bytes id,
		     struct rameti_ckpt_session *s, struct ramet_error *err)
{
	memset(s, 0, sizeof(*s));
	if (!is_map(value))
		return fail_member(id, "value", err);
	s->value = value;
	s->created = rameti_ckpt_member(value, "CreatedAt");
	s->updated = rameti_ckpt_member(value, "UpdatedAt");
	s->messages = rameti_ckpt_member(value, "Messages");
	s->turns = rameti_ckpt_member(value, "UserTurns");
	s->checkpoints = rameti_ckpt_member(value, "Checkpoints");
	s->files = rameti_ckpt_member(value, "FileCheckpoints");
	if (!is_list(s->messages))
		return fail_member(id, "list of messages", err);
	if (!is_map(s->checkpoints) || !is_map(s->files))
		return fail_member(id, "map of checkpoints", err);
	if (s->turns && ramet_json_kind(s->turns) != RAMET_JSON_NULL && !is_digits(s->turns))
		return fail_member(id, "number of turns", err);
	return 0;
}

int rameti_ckpt_find(const struct rameti_ckpt *c, struct ramet_bytes id,
		     struct rameti_ckpt_session *s, struct ramet_error *err)
{
	const struct ramet_json *value = rameti_ckpt_get(c->sessions, id);
	int r;

	if (!value) {
		memset(s, 0, sizeof(*s));
		return 0;
	}
	r = rameti_ckpt_view(value, id, s, err);
	return r < 0 ? r : 1;
}

/* ---- times ---- */

int64_t rameti_ckpt_time_ns(const struct ramet_json *v)
{
	struct ramet_bytes text = ramet_json_plain(v);
	int64_t ms = text.len ? rameti_time_parse(text) : RAMETI_TIME_NONE, ns = 0;
	const char *dot = text.len ? memchr(text.ptr, '.', text.len) : NULL;
	size_t i, digits = 0;

	/* the zero time of the original, and what nanoseconds cannot tell, is none */
	if (ms == RAMETI_TIME_NONE || ms < -9000000000000 || ms > 9000000000000)
		return INT64_MIN;
	for (i = dot ? (size_t)(dot - text.ptr) + 1 : text.len; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9' || digits == 9)
			break;
		if (digits++ >= 3)
			ns = ns * 10 + (text.ptr[i] - '0');
	}
	for (; digits > 3 && digits < 9; digits++)
		ns *= 10;
	return ms * NS_PER_MS + ns;
}

void rameti_ckpt_add_time(struct ramet_buf *out, int64_t ns)
{
	int64_t s = ns / 1000000000, part = ns % 1000000000;
	char time[32], fraction[16];
	size_t len;

	if (part < 0) {
		part += 1000000000;
		s--;
	}
	rameti_time_format(s * 1000, time);
	time[strcspn(time, ".")] = '\0';
	(void)snprintf(fraction, sizeof(fraction), ".%09lld", (long long)part);
	for (len = 10; len && (fraction[len - 1] == '0' || fraction[len - 1] == '.'); len--)
		if (fraction[len - 1] == '.') {
			len--;
			break;
		}
	fraction[len] = '\0';
	ramet_buf_addf(out, "\"%s%sZ\"", time, fraction);
}

/* ---- writing ---- */

static struct ramet_bytes given_or(struct ramet_bytes given, const char *none)
{
	return given.ptr ? given : ramet_bytes_of(none);
}

static void add_new_session(struct ramet_buf *out, struct ramet_bytes id,
			    const struct rameti_ckpt_change *c)
{
	const struct {
		const char *key;
		struct ramet_bytes value;
	} members[] = { { "Messages", given_or(c->messages, "null") },
			{ "UserTurns", given_or(c->turns, "0") },
			{ "Checkpoints", given_or(c->checkpoints, "{}") },
			{ "FileCheckpoints", given_or(c->files, "{}") } };
	size_t i;

	ramet_buf_add_char(out, '{');
	rameti_ckpt_newline(out, RAMETI_CKPT_MEMBER_DEPTH);
	ramet_buf_add_str(out, "\"ID\": ");
	rameti_ckpt_add_string(out, id);
	ramet_buf_add_char(out, ',');
	rameti_ckpt_newline(out, RAMETI_CKPT_MEMBER_DEPTH);
	ramet_buf_add_str(out, "\"CreatedAt\": ");
	rameti_ckpt_add_time(out, c->created_ns);
	ramet_buf_add_char(out, ',');
	rameti_ckpt_newline(out, RAMETI_CKPT_MEMBER_DEPTH);
	ramet_buf_add_str(out, "\"UpdatedAt\": ");
	rameti_ckpt_add_time(out, c->updated_ns);
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		ramet_buf_add_char(out, ',');
		rameti_ckpt_newline(out, RAMETI_CKPT_MEMBER_DEPTH);
		ramet_buf_addf(out, "\"%s\": ", members[i].key);
		ramet_buf_add(out, members[i].value);
	}
	ramet_buf_add(out, c->more);
	rameti_ckpt_newline(out, RAMETI_CKPT_SESSION_DEPTH);
	ramet_buf_add_char(out, '}');
}

void rameti_ckpt_add_session(struct ramet_buf *out, const struct rameti_ckpt_session *s,
			     struct ramet_bytes id, const struct rameti_ckpt_change *c)
{
	struct rameti_ckpt_edit edits[5], all[5] = {
		{ KEY("UpdatedAt"), { NULL, 0 } }, { KEY("Messages"), c->messages },
		{ KEY("UserTurns"), c->turns },	   { KEY("Checkpoints"), c->checkpoints },
		{ KEY("FileCheckpoints"), c->files },
	};
	struct ramet_buf time = RAMET_BUF_INIT(64);
	size_t i, n = 0;

	if (ramet_json_kind(s->value) != RAMET_JSON_OBJECT) {
		add_new_session(out, id, c);
		return;
	}
	rameti_ckpt_add_time(&time, c->updated_ns);
	all[0].value = ramet_buf_bytes(&time);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].value.ptr)
			edits[n++] = all[i];
	rameti_ckpt_add_object(out, s->value, RAMETI_CKPT_SESSION_DEPTH, edits, n,
			       RAMETI_CKPT_RECORD);
	if (ramet_buf_status(&time) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_release(&time);
}

int rameti_ckpt_write(const struct rameti_ckpt *c, struct ramet_bytes id,
		      struct ramet_bytes session, struct ramet_bytes counter_of, uint64_t counter,
		      struct ramet_buf *out, struct ramet_error *err)
{
	struct ramet_buf sessions = RAMET_BUF_INIT(SIZE_MAX / 2),
			 counters = RAMET_BUF_INIT(SIZE_MAX / 2);
	char digits[32];
	struct rameti_ckpt_edit one = { id, session }, count = { counter_of, { digits, 0 } },
				edits[2] = { { KEY("sessions"), { NULL, 0 } },
					     { KEY("fork_counters"), { NULL, 0 } } };

	count.value.len =
		(size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)counter);
	rameti_ckpt_add_object(&sessions, c->sessions, 1, &one, id.ptr ? 1 : 0, RAMETI_CKPT_MAP);
	rameti_ckpt_add_object(&counters, c->counters, 1, &count, counter ? 1 : 0, RAMETI_CKPT_MAP);
	edits[0].value = ramet_buf_bytes(&sessions);
	edits[1].value = ramet_buf_bytes(&counters);
	/* a map that is not changed stays as it is, white space too */
	if (!counter && ramet_json_kind(c->counters) == RAMET_JSON_OBJECT)
		edits[1].value = ramet_json_raw(c->counters);
	if (!id.ptr && ramet_json_kind(c->sessions) == RAMET_JSON_OBJECT)
		edits[0].value = ramet_json_raw(c->sessions);
	rameti_ckpt_add_object(out, c->root, 0, edits, 2, RAMETI_CKPT_RECORD);
	if (ramet_buf_status(&sessions) < 0 || ramet_buf_status(&counters) < 0)
		out->status = RAMET_ENOMEM;
	ramet_buf_release(&sessions);
	ramet_buf_release(&counters);
	return ramet_buf_status(out) < 0 ? rameti_fail_nomem(err) : 0;
}
