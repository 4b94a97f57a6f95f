/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Property values and entry ids from UTF-8. */
#include "mime/proplist.h"

#include <string.h>
#include <wchar.h>

#include "base/test.h"

static struct mx_arena arena;

static struct mx_props fresh(void)
{
	mx_arena_fini(&arena);
	return (struct mx_props){.a = &arena};
}

static void test_text_becomes_wide(void **state)
{
	struct mx_props p = fresh();

	mx_props_text(&p, PR_SUBJECT_W, "a\xf0\x9f\x90\x9dü");
	assert_false(p.oom);
	assert_int_equal(p.n, 1);
	assert_int_equal(wcscmp(p.v[0].Value.lpszW, L"a\U0001f41dü"), 0);
}

static void test_absent_text_is_left_out(void **state)
{
	struct mx_props p = fresh();

	mx_props_text(&p, PR_SUBJECT_W, NULL);
	assert_int_equal(p.n, 0);
	assert_false(p.oom);
}

static void test_too_many_values_stick(void **state)
{
	struct mx_props p = fresh();

	for (int i = 0; i < MX_PROPS_MAX; i++)
		mx_props_long(&p, PR_IMPORTANCE, i);
	assert_false(p.oom);
	mx_props_long(&p, PR_IMPORTANCE, 0);
	assert_true(p.oom);
	assert_int_equal(p.n, MX_PROPS_MAX);
}

static void test_search_key_is_upper_case_with_its_nul(void **state)
{
	struct mx_props p = fresh();

	mx_props_search_key(&p, PR_SEARCH_KEY, "SMTP", "Ann@x.test");
	assert_int_equal(p.v[0].Value.bin.cb, 16);
	assert_memory_equal(p.v[0].Value.bin.lpb, "SMTP:ANN@X.TEST", 16);
}

/* [MS-OXCDATA] 2.2.5.1: flags, provider, version, flags, three UTF-16
 * strings. */
static void test_one_off_entry_id_has_the_documented_layout(void **state)
{
	static const uint8_t want[] = {
		0,    0,    0,    0,    0x81, 0x2b, 0x1f, 0xa4, 0xbe, 0xa3,
		0x10, 0x19, 0x9d, 0x6e, 0x00, 0xdd, 0x01, 0x0f, 0x54, 0x02,
		0x00, 0x00, 0x01, 0x90, 'A',  0,    0,    0,    'S',  0,
		'M',  0,    'T',  0,    'P',  0,    0,    0,    'a',  0,
		'@',  0,    'b',  0,    0,    0,
	};
	struct mx_props p = fresh();

	mx_props_one_off(&p, PR_ENTRYID, "A", "SMTP", "a@b");
	assert_int_equal(p.v[0].Value.bin.cb, sizeof(want));
	assert_memory_equal(p.v[0].Value.bin.lpb, want, sizeof(want));
}

/* [MS-OXCDATA] 2.2.5.2: flags, provider, version 1, type, DN with its NUL. */
static void test_directory_entry_id_has_the_documented_layout(void **state)
{
	struct mx_props p = fresh();
	const uint8_t *id;

	mx_props_directory_id(&p, PR_ENTRYID, "/o=x/cn=y");
	id = p.v[0].Value.bin.lpb;
	assert_int_equal(p.v[0].Value.bin.cb, 28 + 10);
	assert_memory_equal(id + 4, "\xdc\xa7\x40\xc8\xc0\x42\x10\x1a", 8);
	assert_memory_equal(id + 20, "\1\0\0\0\0\0\0\0", 8);
	assert_string_equal(id + 28, "/o=x/cn=y");
}

static void test_out_of_memory_sticks(void **state)
{
	struct mx_arena small = {.budget = 8};
	struct mx_props p = {.a = &small};

	mx_props_text(&p, PR_SUBJECT_W, "much longer than that");
	assert_true(p.oom);
	p.oom = false;
	mx_props_one_off(&p, PR_ENTRYID, "A", "SMTP", "a@b");
	assert_true(p.oom);
	mx_arena_fini(&small);
}

MX_TEST_MAIN(MX_TEST(test_text_becomes_wide),
	     MX_TEST(test_absent_text_is_left_out),
	     MX_TEST(test_too_many_values_stick),
	     MX_TEST(test_search_key_is_upper_case_with_its_nul),
	     MX_TEST(test_one_off_entry_id_has_the_documented_layout),
	     MX_TEST(test_directory_entry_id_has_the_documented_layout),
	     MX_TEST(test_out_of_memory_sticks))
