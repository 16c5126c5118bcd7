/*
 * bench/make_session.c - writes a session of a given size, fast and always the same.
 *
 *     make_session OUT ENTRIES BYTES CONTEXT [SEED]
 *
 * Turns of user, assistant with a tool call, tool result; side branches, labels, model changes
 * and compactions as agents write them; code-like texts with escapes, some not ASCII; tool
 * results of very uneven size, so that the file comes to about BYTES. The last compaction is
 * placed so that the context at the leaf has exactly CONTEXT messages.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t rng;

static uint64_t next(void)
{
	uint64_t z = rng += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t below(uint64_t n)
{
	return next() % n;
}

static const char *const words[] = {
	"parser", "the",    "queue",  "stale", "lock",	 "of",	   "index",  "buffer",
	"and",	  "retry",  "branch", "in",    "leaf",	 "token",  "a",	     "cache",
	"is",	  "schema", "worker", "to",    "offset", "commit", "reader", "when",
	"writer", "fails",  "Größe",  "数据",  "naïve",	 "ошибка", "✓",	     "snapshot",
};
static const char *const lines[] = {
	"\\tif (err != nil) {\\n\\t\\treturn fmt.Errorf(\\\"open %s: %w\\\", path, err)\\n\\t}\\n",
	"    const next = await this.queue.take({ timeout: 500 });\\n",
	"/home/dev/project/src/index/cursor.ts:118:\\treturn this.rows[this.at];\\n",
	"\\u001b[32m+\\u001b[0m\\tassert_int_equal(ramet_len(&b), 42);\\n",
	"  { \\\"name\\\": \\\"cursor\\\", \\\"lag\\\": 12.5, \\\"tags\\\": [\\\"a\\\"] },\\n",
	"#define LIMIT_OF(x) (sizeof(x) / sizeof((x)[0]))\\n",
	"2025-11-03T10:22:41.553Z INFO  worker 3: 1204 rows, 0 skipped\\n",
};
#define N(v) (sizeof(v) / sizeof((v)[0]))

struct out {
	FILE *f;
	uint64_t bytes, entries, ms;
	char leaf[16];
	uint64_t call;                           /* the last tool call */
};

static void put(struct out *o, const char *text)
{
	size_t n = strlen(text);

	fwrite(text, 1, n, o->f);
	o->bytes += n;
}

static void put_words(struct out *o, uint64_t n)
{
	while (n--) {
		put(o, words[below(N(words))]);
		put(o, n % 12 ? " " : ". ");
	}
}

static void put_code(struct out *o, uint64_t bytes)
{
	uint64_t end = o->bytes + bytes;

	do
		put(o, lines[below(N(lines))]);
	while (o->bytes < end);
}

static void put_time(struct out *o)
{
	char text[64];
	uint64_t s;

	o->ms += 400 + below(9000);
	s = o->ms / 1000;
	snprintf(text, sizeof(text),
		 "2025-%02" PRIu64 "-%02" PRIu64 "T%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64
		 ".%03" PRIu64 "Z",
		 1 + s / 2419200 % 12, 1 + s / 86400 % 28, s / 3600 % 24, s / 60 % 60, s % 60,
		 o->ms % 1000);
	put(o, text);
}

/* {"type":"T","id":"..","parentId":..,"timestamp":".." */
static void head(struct out *o, const char *type)
{
	char text[128], id[16];

	snprintf(id, sizeof(id), "%08" PRIx64, (o->entries * 0x9e3779b1u + 77) & 0xffffffffu);
	snprintf(text, sizeof(text),
		 "{\"type\":\"%s\",\"id\":\"%s\",\"parentId\":%s%s%s,\"timestamp\":\"", type, id,
		 o->leaf[0] ? "\"" : "", o->leaf[0] ? o->leaf : "null", o->leaf[0] ? "\"" : "");
	put(o, text);
	put_time(o);
	put(o, "\"");
	memcpy(o->leaf, id, sizeof(id));
	o->entries++;
}

static void end_message(struct out *o)
{
	char text[64];

	snprintf(text, sizeof(text), ",\"timestamp\":%" PRIu64 "}}\n", 1735689600000u + o->ms);
	put(o, text);
}

static void user(struct out *o)
{
	head(o, "message");
	put(o, ",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"");
	put_words(o, 8 + below(60));
	put(o, "\"}]");
	end_message(o);
}

static void assistant(struct out *o)
{
	char text[400];
	uint64_t in = below(90000), n = below(3000);

	head(o, "message");
	put(o, ",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
	       "\"thinking\":\"");
	put_words(o, 10 + below(40));
	put(o, "\",\"thinkingSignature\":\"");
	snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "\"},", next(),
		 next(), next());
	put(o, text);
	o->call = next();
	snprintf(text, sizeof(text),
		 "{\"type\":\"toolCall\",\"id\":\"call_%016" PRIx64
		 "\",\"name\":\"edit\",\"arguments\":"
		 "{\"path\":\"src/%s.ts\",\"newText\":\"",
		 o->call, words[below(26)]);
	put(o, text);
	put_code(o, 60 + below(200));
	snprintf(text, sizeof(text),
		 "\"}}],\"api\":\"messages\",\"provider\":\"anthropic\",\"model\":\"model-4\","
		 "\"usage\":{"
		 "\"input\":%" PRIu64 ",\"output\":%" PRIu64 ",\"cacheRead\":%" PRIu64
		 ",\"cacheWrite\":0,\"totalTokens\":%" PRIu64 ",\"cost\":{\"input\":0.%05" PRIu64
		 ",\"output\":0.01,\"cacheRead\":0,\"cacheWrite\":0,\"total\":0.%05" PRIu64
		 "}},\"stopReason\":\"toolUse\"",
		 in, n, in / 2, in + n, in % 99999, n % 99999);
	put(o, text);
	end_message(o);
}

static void tool_result(struct out *o, uint64_t bytes)
{
	char text[160];

	head(o, "message");
	snprintf(text, sizeof(text),
		 ",\"message\":{\"role\":\"toolResult\",\"toolCallId\":\"call_%016" PRIx64
		 "\",\"toolName\":\"edit\",\"content\":[{\"type\":\"text\",\"text\":\"",
		 o->call);
	put(o, text);
	put_code(o, bytes);
	put(o, "\"}],\"isError\":false");
	end_message(o);
}

static void compaction(struct out *o)
{
	char kept[16];
	char text[64];

	memcpy(kept, o->leaf, sizeof(kept));
	head(o, "compaction");
	put(o, ",\"summary\":\"");
	put_words(o, 300);
	snprintf(text, sizeof(text), "\",\"firstKeptEntryId\":\"%s\",\"tokensBefore\":150000}\n",
		 kept);
	put(o, text);
}

static void small(struct out *o, uint64_t which)
{
	if (which == 0) {
		head(o, "model_change");
		put(o, ",\"provider\":\"anthropic\",\"modelId\":\"model-4\"}\n");
	} else if (which == 1) {
		head(o, "thinking_level_change");
		put(o, ",\"thinkingLevel\":\"high\"}\n");
	} else {
		head(o, "session_info");
		put(o, ",\"name\":\"work on the cursor\"}\n");
	}
}

/* What is left to write is shared among the tool results still to come; one in forty is a large
 * one. */
static uint64_t result_size(const struct out *o, uint64_t entries, uint64_t bytes)
{
	uint64_t left = bytes > o->bytes ? bytes - o->bytes : 0,
		 results = (entries - o->entries) / 3 + 1;
	uint64_t mean = left / results, fixed = 1300;

	mean = mean > fixed ? mean - fixed : 64;
	return below(40) ? 32 + below(mean ? mean : 1) : mean * 21;
}

int main(int argc, char **argv)
{
	struct out o = { NULL, 0, 0, 0, "", 0 };
	uint64_t entries, bytes, context, turn = 0;
	char fork[16] = "";

	if (argc < 5) {
		fputs("usage: make_session OUT ENTRIES BYTES CONTEXT [SEED]\n", stderr);
		return 2;
	}
	entries = strtoull(argv[2], NULL, 10);
	bytes = strtoull(argv[3], NULL, 10);
	context = strtoull(argv[4], NULL, 10);
	rng = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
	o.f = fopen(argv[1], "w");
	if (!o.f) {
		perror(argv[1]);
		return 1;
	}
	put(&o, "{\"type\":\"session\",\"version\":3,\"id\":\"bench\",\"timestamp\":\"2025-01-"
		"01T00:00:00.000Z\",\"cwd\":"
		"\"/home/dev/project\"}\n");
	small(&o, 0);
	small(&o, 1);
	while (o.entries < entries) {
		/* the last compaction keeps one message and context - 2 follow it */
		int last = o.entries + context == entries + 1;

		if (last || (o.entries + context + 400 < entries && o.entries % 1500 == 1499)) {
			compaction(&o);
		} else if (turn % 3 == 1) {
			assistant(&o);
		} else if (turn % 3 == 0) {
			if (turn % 90 == 0)
				memcpy(fork, o.leaf, sizeof(fork));
			if (turn % 90 == 30 && o.entries + context + 400 < entries)
				memcpy(o.leaf, fork, sizeof(fork));
			user(&o);
		} else {
			tool_result(&o, result_size(&o, entries, bytes));
			if (below(200) == 0 && o.entries + context + 8 < entries)
				small(&o, below(3));
		}
		turn++;
	}
	if (fclose(o.f)) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
