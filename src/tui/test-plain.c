/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from shared memory cannot do anything to a terminal. */
#include "tui/plain.h"

#include <string.h>

#include "base/test.h"
#include "base/utf.h"

static const char *plain(const char *s)
{
	static char buf[256];

	return mx_plain(buf, sizeof(buf), s);
}

static void test_ordinary_names_stay(void **state)
{
	mx_plain_set_utf8(true);
	assert_string_equal(plain("anna@example.com"), "anna@example.com");
	assert_string_equal(plain("J\u00fcrgen \u5f20\u4f1f"),
			    "J\u00fcrgen \u5f20\u4f1f");
}

static void test_escape_sequences_are_words(void **state)
{
	mx_plain_set_utf8(true);
	assert_string_equal(plain("a\x1b[2Jb"), "a\ufffd[2Jb");
	assert_string_equal(plain("\x1b]0;title\x07"), "\ufffd]0;title\ufffd");
	/* CSI as one character of C1, in UTF-8 and as a bare byte. */
	assert_string_equal(plain("\xc2\x9b"
				  "31m"),
			    "\ufffd31m");
	assert_string_equal(plain("\x9b"
				  "31m"),
			    "\ufffd31m");
	assert_string_equal(plain("a\nb\rc\td\x7f"),
			    "a\ufffdb\ufffdc\ufffdd\ufffd");
}

static void test_what_hides_or_turns_text_is_shown(void **state)
{
	mx_plain_set_utf8(true);
	assert_string_equal(plain("a\u202e"
				  "b\u2066c\u200bd\ufeff\u00ad"),
			    "a\ufffd"
			    "b\ufffdc\ufffdd\ufffd\ufffd");
	/* A lone surrogate in WTF-8. */
	assert_string_equal(plain("\xed\xa0\x80"), "\ufffd");
}

/* No byte below 0x20, no DEL, no C1, whatever goes in. */
static void test_no_bytes_make_control_characters(void **state)
{
	uint32_t x = 1;

	for (int utf8 = 0; utf8 < 2; utf8++) {
		mx_plain_set_utf8(utf8);
		for (int i = 0; i < 20000; i++) {
			char in[24], out[200];
			size_t n = 0, left;

			for (; n < sizeof(in) - 1; n++) {
				x = x * 1664525u + 1013904223u;
				in[n] = (char)(x >> 24);
				if (!in[n])
					break;
			}
			in[n] = '\0';
			mx_plain_fit(out, sizeof(out), in, x >> 8 & 31);
			left = strlen(out);
			for (const char *p = out; left;) {
				uint32_t cp;
				size_t took = mx_utf8_next(p, left, &cp);

				assert_true(mx_plain_safe(cp) || cp == 0xfffd);
				assert_true(utf8 || cp < 0x7f);
				p += took;
				left -= took;
			}
		}
	}
	mx_plain_set_utf8(true);
}

static void test_ascii_terminals_get_ascii(void **state)
{
	mx_plain_set_utf8(false);
	assert_string_equal(plain("J\u00fcrgen \u5f20"), "J?rgen ?");
	mx_plain_set_utf8(true);
}

static void test_columns_are_counted_as_terminals_do(void **state)
{
	char buf[64];

	mx_plain_set_utf8(true);
	assert_int_equal(mx_plain_width("abc"), 3);
	assert_int_equal(mx_plain_width("\u5f20\u4f1f"), 4);
	assert_int_equal(mx_plain_width("e\u0301"), 1);
	assert_int_equal(mx_plain_fit(buf, sizeof(buf), "abc", 3), 3);
	assert_string_equal(buf, "abc");
	assert_int_equal(mx_plain_fit(buf, sizeof(buf), "abcd", 3), 3);
	assert_string_equal(buf, "ab\u2026");
	/* A wide character is not cut in half. */
	assert_int_equal(mx_plain_fit(buf, sizeof(buf), "\u5f20\u4f1f", 3), 3);
	assert_string_equal(buf, "\u5f20\u2026");
	assert_int_equal(mx_plain_fit(buf, sizeof(buf), "\u5f20\u4f1f", 2), 1);
	assert_string_equal(buf, "\u2026");
	assert_int_equal(mx_plain_fit(buf, sizeof(buf), "abc", 0), 0);
	assert_string_equal(buf, "");
}

/* A letter with a hundred accents would climb over other rows. */
static void test_marks_do_not_pile_up(void **state)
{
	char in[220] = "e", out[256];

	mx_plain_set_utf8(true);
	for (int i = 0; i < 100; i++)
		strcat(in, "\u0301");
	mx_plain_fit(out, sizeof(out), in, 10);
	assert_string_equal(out, "e\u0301\u0301");
	mx_plain_fit(out, sizeof(out), "\u0301x", 10);
	assert_string_equal(out, "x");
}

static void test_a_small_buffer_holds_whole_characters(void **state)
{
	char buf[4];

	mx_plain_set_utf8(true);
	assert_string_equal(mx_plain(buf, sizeof(buf), "\u00e9\u00e9"),
			    "\u00e9");
	assert_string_equal(mx_plain(buf, 1, "abc"), "");
}

MX_TEST_MAIN(MX_TEST(test_ordinary_names_stay),
	     MX_TEST(test_escape_sequences_are_words),
	     MX_TEST(test_what_hides_or_turns_text_is_shown),
	     MX_TEST(test_no_bytes_make_control_characters),
	     MX_TEST(test_ascii_terminals_get_ascii),
	     MX_TEST(test_columns_are_counted_as_terminals_do),
	     MX_TEST(test_marks_do_not_pile_up),
	     MX_TEST(test_a_small_buffer_holds_whole_characters))
