/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, UTF-16LE and wchar_t: nothing is lost on the way, nothing overrun. */
#include "base/utf.h"

#include <string.h>

#include "base/test.h"

static void test_every_utf16_unit_survives(void **state)
{
	(void)state;
	for (uint32_t u = 0; u < 0x10000; u++) {
		unsigned char in[2] = {(unsigned char)u,
				       (unsigned char)(u >> 8)};
		unsigned char out[4];
		char mid[8];
		size_t n = mx_utf8_from_utf16le(in, 2, mid, sizeof(mid));

		assert_in_range(n, 1, 3);
		assert_int_equal(mx_utf16le_from_utf8(mid, n, out, 4), 2);
		assert_memory_equal(in, out, 2);
	}
}

static void test_pairs_become_four_bytes(void **state)
{
	unsigned char pair[4] = {0x3d, 0xd8, 0x00, 0xde}; /* U+1F600 */
	char mid[8];
	unsigned char back[4];

	(void)state;
	assert_int_equal(mx_utf8_from_utf16le(pair, 4, mid, 8), 4);
	assert_memory_equal(mid, "\xf0\x9f\x98\x80", 4);
	assert_int_equal(mx_utf16le_from_utf8(mid, 4, back, 4), 4);
	assert_memory_equal(pair, back, 4);
}

static void test_short_output_is_not_overrun(void **state)
{
	unsigned char in[8] = {'a', 0, 0xac, 0x20, 'b', 0, 'c', 0};
	char out[8];

	(void)state;
	for (size_t cap = 0; cap < 6; cap++) {
		memset(out, '#', sizeof(out));
		assert_int_equal(mx_utf8_from_utf16le(in, 8, out, cap), 6);
		for (size_t i = cap; i < sizeof(out); i++)
			assert_int_equal(out[i], '#');
	}
}

static void test_bad_utf8_becomes_replacements(void **state)
{
	static const char *const bad[] = {"\x80", "\xc0\x80", "\xff",
					  "\xf5\x80\x80\x80", "\xe0\x80\x80"};
	wchar_t w[8];

	(void)state;
	for (size_t i = 0; i < MX_ARRAY_SIZE(bad); i++) {
		size_t n = strlen(bad[i]);

		assert_false(mx_utf8_valid(bad[i], n));
		assert_int_equal(mx_wchar_from_utf8(bad[i], n, w, 8), n);
		assert_int_equal(w[0], 0xfffd);
	}
	assert_true(mx_utf8_valid("gr\xc3\xbc\xc3\x9f", 6));
}

static void test_wchar_round_trip(void **state)
{
	const char *s = "a\xe2\x82\xac\xf0\x9f\x98\x80\xed\xa0\xbd";
	wchar_t w[8];
	char back[16];
	size_t n = mx_wchar_from_utf8(s, strlen(s), w, 8);

	(void)state;
	assert_int_equal(n, 4);
	assert_int_equal(w[3], 0xd83d);
	assert_int_equal(mx_utf8_from_wchar(w, n, back, 16), strlen(s));
	assert_memory_equal(back, s, strlen(s));
}

/* Text that is taken eight characters at a time where it is ASCII: an "e acute" at
 * each place of each length, none at last, and every size of output. */
static void test_ascii_runs_end_where_they_must(void **state)
{
	char utf8[64], back[64];
	unsigned char utf16[128], cut[128];
	wchar_t wide[64];

	(void)state;
	for (size_t n = 0; n < 40; n++)
		for (size_t at = 0; at <= n; at++) {
			size_t n8 = 0, n16 = 0;

			for (size_t i = 0; i < n; i++) {
				utf16[n16++] =
					i == at ? 0xe9
						: (unsigned char)('a' + i % 26);
				utf16[n16++] = 0;
				if (i == at)
					utf8[n8++] = '\xc3';
				utf8[n8++] = i == at ? '\xa9'
						     : (char)('a' + i % 26);
			}
			assert_int_equal(
				mx_utf8_from_utf16le(utf16, n16, NULL, 0), n8);
			assert_int_equal(
				mx_utf8_from_utf16le(utf16, n16, back, n8), n8);
			assert_memory_equal(back, utf8, n8);
			assert_int_equal(mx_wchar_from_utf8(utf8, n8, NULL, 0),
					 n);
			assert_int_equal(mx_wchar_from_utf8(utf8, n8, wide, n),
					 n);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(wide[i], utf16[2 * i]);
			for (size_t cap = 0; cap <= n16; cap++) {
				memset(cut, 0xaa, sizeof(cut));
				assert_int_equal(mx_utf16le_from_utf8(utf8, n8,
								      cut, cap),
						 n16);
				assert_memory_equal(cut, utf16, cap & ~1u);
				assert_int_equal(cut[cap], 0xaa);
			}
		}
}

MX_TEST_MAIN(MX_TEST(test_every_utf16_unit_survives),
	     MX_TEST(test_pairs_become_four_bytes),
	     MX_TEST(test_short_output_is_not_overrun),
	     MX_TEST(test_bad_utf8_becomes_replacements),
	     MX_TEST(test_wchar_round_trip),
	     MX_TEST(test_ascii_runs_end_where_they_must))
