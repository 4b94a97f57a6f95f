/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/sid.h"

#include <errno.h>
#include <string.h>

#include "base/rand.h"
#include "base/test.h"

static struct mx_sid parsed(const char *text)
{
	struct mx_sid sid;

	assert_int_equal(mx_sid_parse(text, &sid), 0);
	return sid;
}

static void test_text_goes_round(void **state)
{
	static const char *const texts[] = {
		"S-1-0-0",
		"S-1-5-18",
		"S-1-5-32-544",
		"S-1-22-1-1000",
		"S-1-22-1-4294967295",
		"S-1-5-21-3623811015-3361044348-30300820-1013",
		"S-1-4294967295-1",
		"S-1-0x000100000000-1",
		"S-1-0xFFFFFFFFFFFF-4294967295",
		"S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15",
	};
	char buf[MX_SID_MAX_STR];

	for (size_t i = 0; i < MX_ARRAY_SIZE(texts); i++) {
		struct mx_sid sid = parsed(texts[i]);

		assert_string_equal(mx_sid_format(&sid, buf), texts[i]);
	}
}

/* The longest text there can be fits the buffer that the header promises. */
static void test_longest_text_fits(void **state)
{
	struct mx_sid sid = {.authority = 0xffffffffffff, .n_subs = 15};
	char buf[MX_SID_MAX_STR];
	struct mx_sid back;

	memset(sid.sub, 0xff, sizeof(sid.sub));
	mx_sid_format(&sid, buf);
	assert_int_equal(strlen(buf), strlen("S-1-0x") + 12 + 15 * 11);
	assert_true(strlen(buf) < MX_SID_MAX_STR);
	assert_int_equal(mx_sid_parse(buf, &back), 0);
	assert_true(mx_sid_equal(&sid, &back));
}

static void test_malformed_text_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"S",
		"S-",
		"S-1",
		"S-1-",
		"S-1-5",
		"S-1-5-",
		"S-2-5-21",
		"S-1-5--1",
		"S-1-5-+1",
		"S-1-5- 1",
		" S-1-5-1",
		"S-1-5-1 ",
		"S-1-5-1-",
		"S-1-5-4294967296",
		"S-1-5-99999999999999999999",
		"S-1-281474976710656-1",
		"S-1-0x1-1",
		"S-1-0x00010000000g-1",
		"S-1-5-0x1",
		"S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
		"s1-5-1",
		"S-1-5-1\n",
	};
	struct mx_sid sid = mx_sid_unix(7);

	for (size_t i = 0; i < MX_ARRAY_SIZE(texts); i++)
		assert_int_equal(mx_sid_parse(texts[i], &sid), -EINVAL);
	assert_int_equal(sid.sub[1], 7); /* unchanged */
}

/* [MS-DTYP] 2.4.2.2: the well-known local administrators' group. */
static void test_binary_form_is_the_specified_one(void **state)
{
	static const uint8_t admins[] = {1,    2, 0, 0, 0,    0, 0, 5,
					 0x20, 0, 0, 0, 0x20, 2, 0, 0};
	struct mx_sid sid = parsed("S-1-5-32-544"), back;
	uint8_t buf[MX_SID_MAX_BYTES];

	assert_int_equal(mx_sid_pack(&sid, buf), sizeof(admins));
	assert_memory_equal(buf, admins, sizeof(admins));
	assert_int_equal(mx_sid_unpack(admins, sizeof(admins), &back), 0);
	assert_true(mx_sid_equal(&sid, &back));
}

static void test_every_truncation_and_extension_is_refused(void **state)
{
	struct mx_sid sid = parsed("S-1-5-21-1-2-3-500"), back;
	uint8_t buf[MX_SID_MAX_BYTES + 4] = {0};
	size_t n = mx_sid_pack(&sid, buf);

	for (size_t i = 0; i <= sizeof(buf); i++)
		assert_int_equal(mx_sid_unpack(buf, i, &back),
				 i == n ? 0 : -EBADMSG);
	buf[0] = 2;
	assert_int_equal(mx_sid_unpack(buf, n, &back), -EBADMSG);
	buf[0] = 1;
	buf[1] = 0;
	assert_int_equal(mx_sid_unpack(buf, 8, &back), -EBADMSG);
	buf[1] = 16;
	assert_int_equal(mx_sid_unpack(buf, 72, &back), -EBADMSG);
}

static void test_invalid_sids_have_no_form(void **state)
{
	struct mx_sid none = MX_SID_NONE;
	struct mx_sid many = {.authority = 5, .n_subs = 16};
	uint8_t buf[MX_SID_MAX_BYTES];
	char text[MX_SID_MAX_STR];

	assert_int_equal(mx_sid_pack(&none, buf), 0);
	assert_int_equal(mx_sid_pack(&many, buf), 0);
	assert_int_equal(mx_sid_crc(&none), 0);
	assert_string_equal(mx_sid_format(&many, text), "(no SID)");
	assert_false(mx_sid_valid(&none));
}

static void test_order_is_total(void **state)
{
	static const char *const sorted[] = {
		"S-1-1-0",      "S-1-5-18",       "S-1-5-32",   "S-1-5-32-544",
		"S-1-5-32-545", "S-1-5-32-545-1", "S-1-22-1-0",
	};

	for (size_t i = 0; i < MX_ARRAY_SIZE(sorted); i++)
		for (size_t j = 0; j < MX_ARRAY_SIZE(sorted); j++) {
			struct mx_sid a = parsed(sorted[i]);
			struct mx_sid b = parsed(sorted[j]);
			int c = mx_sid_compare(&a, &b);

			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
			assert_int_equal(mx_sid_equal(&a, &b), i == j);
		}
}

/* What stands behind the count is not part of the SID. */
static void test_entries_past_the_count_do_not_matter(void **state)
{
	struct mx_sid a = parsed("S-1-5-18"), b = a;

	b.sub[5] = 99;
	assert_true(mx_sid_equal(&a, &b));
	assert_int_equal(mx_sid_crc(&a), mx_sid_crc(&b));
}

static void test_unix_users_have_sambas_sids(void **state)
{
	struct mx_sid sid = mx_sid_unix(1000), other = parsed("S-1-22-2-1000");
	char buf[MX_SID_MAX_STR];
	uid_t uid = 0;

	assert_string_equal(mx_sid_format(&sid, buf), "S-1-22-1-1000");
	assert_true(mx_sid_is_unix(&sid, &uid));
	assert_int_equal(uid, 1000);
	assert_false(mx_sid_is_unix(&other, &uid)); /* a group */
}

static void test_random_sids_differ_and_keep_the_rid(void **state)
{
	struct mx_sid a, b, c;

	assert_int_equal(mx_sid_random(500, &a), 0);
	assert_int_equal(mx_sid_random(500, &b), 0);
	assert_false(mx_sid_equal(&a, &b));
	assert_int_equal(a.sub[4], 500);
	assert_int_equal(mx_sid_with_rid(&a, 501, &c), 0);
	assert_int_equal(c.sub[4], 501);
	assert_memory_equal(a.sub, c.sub, 4 * sizeof(a.sub[0]));
}

/* Any bytes either are refused or go round to themselves. */
static void test_random_bytes_go_round_or_are_refused(void **state)
{
	struct mx_prng r = {1};
	uint8_t in[MX_SID_MAX_BYTES], out[MX_SID_MAX_BYTES];
	struct mx_sid sid, back;
	char text[MX_SID_MAX_STR];

	for (int i = 0; i < 20000; i++) {
		size_t n = mx_prng_below(&r, sizeof(in) + 1);

		for (size_t j = 0; j < n; j++)
			in[j] = (uint8_t)mx_prng_next(&r);
		if (n >= 2 && i % 2) {
			in[0] = 1;
			in[1] = (uint8_t)((n - 8) / 4);
		}
		if (mx_sid_unpack(in, n, &sid))
			continue;
		assert_int_equal(mx_sid_pack(&sid, out), n);
		assert_memory_equal(in, out, n);
		mx_sid_format(&sid, text);
		assert_int_equal(mx_sid_parse(text, &back), 0);
		assert_true(mx_sid_equal(&sid, &back));
	}
}

MX_TEST_MAIN(MX_TEST(test_text_goes_round), MX_TEST(test_longest_text_fits),
	     MX_TEST(test_malformed_text_is_refused),
	     MX_TEST(test_binary_form_is_the_specified_one),
	     MX_TEST(test_every_truncation_and_extension_is_refused),
	     MX_TEST(test_invalid_sids_have_no_form),
	     MX_TEST(test_order_is_total),
	     MX_TEST(test_entries_past_the_count_do_not_matter),
	     MX_TEST(test_unix_users_have_sambas_sids),
	     MX_TEST(test_random_sids_differ_and_keep_the_rid),
	     MX_TEST(test_random_bytes_go_round_or_are_refused))
