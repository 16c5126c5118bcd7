/*
 * test_yoi_ours.c - entries that records of yoi's carry as texts: each has the id and the parent of
 * its row, however its text says them, and every other byte as it stands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ramet/store.h"

#define START "{\"kind\":\"segment_start\",\"ts\":1,\"session_id\":\"s1\",\"history\":[]}\n"
#define USER                                                                                       \
	"{\"kind\":\"user_input\",\"ts\":2,\"segments\":[{\"kind\":\"text\",\"content\":\"t\"}]"
#define CARRIER                                                                                    \
	"{\"kind\":\"extension\",\"ts\":3,\"domain\":\"ramet.entry\",\"payload\":{\"entry\":"
#define REST ",\"customType\":\"c\",\"data\":[1, 2]}"

static struct ramet_buf text = RAMET_BUF_INIT(1u << 20), entry = RAMET_BUF_INIT(1u << 20);

/* Rows: that of the start, one before, and what is asked for, whose record this is. In it @ and #
 * stand for the texts of the two entries. */
static struct ramet_session *session_of(const char *record, const char *at, const char *hash)
{
	const struct ramet_open_opts opts = { .format = "yoi" };
	struct ramet_session *s = NULL;

	ramet_buf_reset(&text);
	ramet_buf_add_str(&text, START USER ",\"ramet\":\"{\\\"id\\\":\\\"before\\\"}\"}\n");
	for (; *record; record++)
		if (*record == '@' || *record == '#')
			ramet_buf_add_json_string(&text,
						  ramet_bytes_of(*record == '@' ? at : hash));
		else
			ramet_buf_add_char(&text, *record);
	ramet_buf_add_char(&text, '\n');
	assert_int_equal(ramet_session_open_bytes(&s, ramet_buf_bytes(&text), &opts, NULL), 0);
	return s;
}

static struct ramet_session *session_with(const char *carried, int in_payload)
{
	return session_of(in_payload ? CARRIER "@}}" : USER ",\"ramet\":@}", carried, NULL);
}

static const char *last_entry(struct ramet_session *s)
{
	const struct ramet_tree *t = ramet_session_tree(s);
	struct ramet_buf scratch = RAMET_BUF_INIT(1u << 20);
	struct ramet_bytes json;

	assert_int_equal(ramet_tree_entry(t, ramet_tree_count(t) - 1, &scratch, &json, NULL), 0);
	ramet_buf_reset(&entry);
	ramet_buf_add(&entry, json);
	ramet_buf_release(&scratch);
	return entry.ptr;
}

static void carried__entry_has_the_id_and_parent_of_its_row(void **state)
{
	static const struct {
		const char *carried, *told; /* NULL: as it is carried */
	} cases[] = {
		{ "{\"type\":\"custom\",\"id\":\"e1\",\"parentId\":\"before\"" REST, NULL },
		/* another parent: that of the chain counts */
		{ "{\"type\":\"custom\",\"id\":\"e1\",\"parentId\":\"x\"" REST,
		  "{\"type\":\"custom\",\"id\":\"e1\",\"parentId\":\"before\"" REST },
		{ "{\"type\":\"custom\",\"id\":\"e1\",\"parentId\":null" REST,
		  "{\"type\":\"custom\",\"id\":\"e1\",\"parentId\":\"before\"" REST },
		{ "{\"type\":\"custom\",\"id\":\"e1\",\"parentId\":\"before2\"" REST,
		  "{\"type\":\"custom\",\"id\":\"e1\",\"parentId\":\"before\"" REST },
		/* in another place, and with white space */
		{ "{\"id\":\"e1\",\"type\":\"custom\",\"parentId\":\"before\"" REST, NULL },
		{ "{\"type\":\"custom\",\"id\":\"e1\", \"parentId\":\"before\"" REST, NULL },
		{ "{\"type\": \"custom\",\"id\":\"e1\",\"parentId\":\"before\"" REST, NULL },
		/* twice: the last one counts */
		{ "{\"type\":\"custom\",\"id\":\"e1\",\"parentId\":\"before\",\"parentId\":\"x\""
		  REST,
		  "{\"type\":\"custom\",\"id\":\"e1\",\"parentId\":\"before\",\"parentId\":"
		  "\"before\"" REST },
		{ "{\"type\":\"custom\",\"id\":\"e0\",\"parentId\":\"before\",\"id\":\"e1\"" REST,
		  NULL },
		/* an escape in the id */
		{ "{\"type\":\"custom\",\"id\":\"\\u00651\",\"parentId\":\"before\"" REST,
		  "{\"type\":\"custom\",\"id\":\"e1\",\"parentId\":\"before\"" REST },
	};
	struct ramet_session *s;
	size_t i;
	int in_payload;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (in_payload = 0; in_payload < 2; in_payload++) {
			s = session_with(cases[i].carried, in_payload);
			assert_string_equal(last_entry(s), cases[i].told ? cases[i].told :
									   cases[i].carried);
			ramet_session_close(s);
		}
}

static void carried__text_that_is_no_entry_tells_nothing(void **state)
{
	static const char *const texts[] = {
		"{\"type\":\"custom\",\"id\":\"e1\",\"parentId\":\"before\",",
		"{\"type\":\"custom\",\"id\":\"e1\",\"parentId\":\"before\"}}",
		"{\"type\":\"custom\"", "[]", "{\"type\":\"", "x",
	};
	struct ramet_session *s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		s = session_with(texts[i], 0);
		assert_non_null(strstr(last_entry(s), "\"role\":\"user\""));
		ramet_session_close(s);
	}
}

/* Wherever else the same words stand in the line. */
static void carried__entry_is_that_of_the_record(void **state)
{
#define ENTRY(said)                                                                                \
	"{\"type\":\"custom\",\"id\":\"e1\",\"parentId\":\"before\",\"data\":\"" said "\"}"
	static const char *const records[] = {
		USER ",\"ramet\":@}",
		USER ",\"ramet\":@,\"z\":\"y\"}",
		USER ", \"ramet\": @ }",
		USER ",\"ramet\":#,\"ramet\":@}",
		USER ",\"x\":{\"q\":1,\"ramet\":#},\"ramet\":@}",
		USER ",\"ramet\":@,\"x\":{\"q\":1,\"ramet\":#}}",
		USER ",\"ramet\":@,\"x\":{\"q\":1,\"payload\":{\"entry\":#}}}",
		USER ",\"payload\":{\"entry\":#},\"ramet\":@}",
		USER ",\"ramet\":@,\"payload\":{\"entry\":#}}",
		USER ",\"x\":\",\\\"ramet\\\":\\\"\",\"ramet\":@}",
		CARRIER "@}}",
		CARRIER "@,\"z\":\"y\"}}",
		CARRIER "@},\"ramet\":#}",
		CARRIER "@},\"z\":{\"q\":1,\"ramet\":#}}",
		CARRIER "@},\"z\":{\"q\":1,\"payload\":{\"entry\":#}}}",
		CARRIER "#},\"payload\":{\"entry\":@}}",
	};
	struct ramet_session *s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		s = session_of(records[i], ENTRY("this"), ENTRY("another"));
		assert_string_equal(last_entry(s), ENTRY("this"));
		ramet_session_close(s);
	}
}

static int release(void **state)
{
	(void)state;
	ramet_buf_release(&text);
	ramet_buf_release(&entry);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carried__entry_has_the_id_and_parent_of_its_row),
		cmocka_unit_test(carried__text_that_is_no_entry_tells_nothing),
		cmocka_unit_test(carried__entry_is_that_of_the_record),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
