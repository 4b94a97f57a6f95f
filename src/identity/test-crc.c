/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/crc.h"

#include "base/test.h"

static void test_crc_is_the_usual_crc32(void **state)
{
	uint32_t half = mx_crc32(0, "12345", 5);

	assert_int_equal(mx_crc32(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(mx_crc32_plain(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(mx_crc32(half, "6789", 4), 0xcbf43926);
	assert_int_equal(mx_crc32(0, "", 0), 0);
	/* S-1-5-18, which is whole words. */
	assert_int_equal(mx_crc32(0, "\1\1\0\0\0\0\0\5\22\0\0\0", 12),
			 0x130e45a4);
}

/* Whole words and the bytes behind them, at every length and both ways, after
 * every kind of beginning. */
static void test_crc_is_the_same_in_one_go_and_byte_by_byte(void **state)
{
	uint32_t seed = 1;
	uint8_t bytes[101];

	for (unsigned round = 0; round < 100; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 1664525u + 1013904223u;
			bytes[i] = (uint8_t)(seed >> 24);
		}
		for (size_t n = 0; n <= sizeof(bytes); n++) {
			const uint8_t *p = bytes + round % 2;
			size_t len = n - (n && round % 2);
			uint32_t crc = seed;

			for (size_t i = 0; i < len; i++)
				crc = mx_crc32_plain(crc, p + i, 1);
			assert_int_equal(mx_crc32(seed, p, len), crc);
			assert_int_equal(mx_crc32_plain(seed, p, len), crc);
		}
	}
}

MX_TEST_MAIN(MX_TEST(test_crc_is_the_usual_crc32),
	     MX_TEST(test_crc_is_the_same_in_one_go_and_byte_by_byte))
