/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/metatag.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/test.h"
#include "net/cookies.h"

static const char whole[] = "PROCESSING\r\nPENDING\r\nPENDING\r\nDONE\r\n"
			    "X-ElapsedTime: 5\r\nX-ResponseCode:0 \r\n\r\n"
			    "body\r\nDONE\r\n";
#define WHOLE_LEN (sizeof(whole) - 1)
#define BODY_AT (WHOLE_LEN - 12)

/* Events as text: pieces of the body run together, as they must. */
static int note(void *arg, enum mx_metatag_event ev, const char *name,
		const char *value, const uint8_t *data, size_t n)
{
	struct mx_buf *b = arg;

	switch (ev) {
	case MX_METATAG_EV_PROCESSING:
		return mx_buf_puts(b, "processing;");
	case MX_METATAG_EV_PENDING:
		return mx_buf_puts(b, "pending;");
	case MX_METATAG_EV_DONE:
		return mx_buf_puts(b, "done;");
	case MX_METATAG_EV_HEADER:
		return mx_buf_printf(b, "%s=%s;", name, value);
	case MX_METATAG_EV_BODY:
		assert_true(n > 0);
		return mx_buf_put(b, data, n);
	}
	return -EPROTO;
}

static int feed(struct mx_metatag *m, struct mx_buf *b, const void *p, size_t n)
{
	const struct mx_metatag_ops ops = {note, b};

	return mx_metatag_feed(m, p, n, &ops);
}

static const char expect[] = "processing;pending;pending;done;X-ElapsedTime=5;"
			     "X-ResponseCode=0;body\r\nDONE\r\n";

/* [MS-OXCMAPIHTTP] R1130-R1136. */
static void test_every_split_gives_the_same_events(void **state)
{
	struct mx_metatag m;

	for (size_t cut = 0; cut <= WHOLE_LEN; cut++) {
		MX_AUTO(mx_buf_auto) struct mx_buf b = MX_BUF_INIT;

		mx_metatag_init(&m);
		assert_int_equal(feed(&m, &b, whole, cut), 0);
		assert_int_equal(feed(&m, &b, whole + cut, WHOLE_LEN - cut), 0);
		assert_string_equal(mx_buf_str(&b), expect);
		assert_true(mx_metatag_complete(&m));
	}
}

static void test_one_byte_at_a_time(void **state)
{
	MX_AUTO(mx_buf_auto) struct mx_buf b = MX_BUF_INIT;
	struct mx_metatag m;

	mx_metatag_init(&m);
	for (size_t i = 0; i < WHOLE_LEN; i++)
		assert_int_equal(feed(&m, &b, whole + i, 1), 0);
	assert_string_equal(mx_buf_str(&b), expect);
}

static void test_every_truncation_is_incomplete_up_to_the_body(void **state)
{
	struct mx_metatag m;

	for (size_t n = 0; n <= WHOLE_LEN; n++) {
		MX_AUTO(mx_buf_auto) struct mx_buf b = MX_BUF_INIT;
		MX_AUTO(mx_free_auto) char *exact = malloc(n ? n : 1);

		memcpy(exact, whole, n);
		mx_metatag_init(&m);
		assert_int_equal(feed(&m, &b, exact, n), 0);
		assert_int_equal(mx_metatag_complete(&m), n >= BODY_AT);
	}
}

static int try(const char *s)
{
	MX_AUTO(mx_buf_auto) struct mx_buf b = MX_BUF_INIT;
	struct mx_metatag m;
	int err;

	mx_metatag_init(&m);
	err = feed(&m, &b, s, strlen(s));
	/* An error sticks. */
	if (err)
		assert_int_equal(feed(&m, &b, "DONE\r\n\r\n", 8), err);
	return err;
}

static void test_what_is_no_meta_tag_is_refused(void **state)
{
	assert_int_equal(try("<html>"), -EBADMSG);
	assert_int_equal(try("\r\n"), -EBADMSG);
	assert_int_equal(try("PENDINGS\r\n"), -EBADMSG);
	assert_int_equal(try("DONE \r\n"), -EBADMSG);
	assert_int_equal(try("PENDING\rPENDING"), -EBADMSG);
	assert_int_equal(try("PENDING\r\n\r\n"), -EBADMSG);
	assert_int_equal(try("PENDING\n\n"), -EBADMSG);
	assert_int_equal(try("PROCESSINGDONE\r\n"), -EBADMSG);
	assert_int_equal(try("DONE\r\nno colon\r\n"), -EBADMSG);
	assert_int_equal(try("DONE\r\n: no name\r\n"), -EBADMSG);
	assert_int_equal(try("DONE\r\nA B: x\r\n"), -EBADMSG);
	assert_int_equal(try("DONE\r\nA: \x01\r\n"), -EBADMSG);
}

/* What gromox 3.10 sends for a NotificationWait of 90 s. */
static void test_pending_without_line_end_counts_at_once(void **state)
{
	static const char tags[] = "PROCESSING\r\nPENDINGPENDING\r\nPENDING"
				   "PROCESSING\r\nDONE\r\nA: b\r\n\r\nx";
	static const char want[] = "processing;pending;pending;pending;"
				   "processing;done;A=b;x";

	for (size_t cut = 0; cut < sizeof(tags); cut++) {
		MX_AUTO(mx_buf_auto) struct mx_buf b = MX_BUF_INIT;
		struct mx_metatag m;

		mx_metatag_init(&m);
		assert_int_equal(feed(&m, &b, tags, cut), 0);
		if (cut == 19)
			assert_string_equal(mx_buf_str(&b),
					    "processing;pending;");
		assert_int_equal(
			feed(&m, &b, tags + cut, sizeof(tags) - 1 - cut), 0);
		assert_string_equal(mx_buf_str(&b), want);
	}
}

static void test_done_alone_and_a_lone_lf_are_taken(void **state)
{
	assert_int_equal(try("DONE\r\n\r\n"), 0);
	assert_int_equal(try("PROCESSING\nDONE\n\nbody"), 0);
}

static void test_lines_and_headers_are_bounded(void **state)
{
	MX_AUTO(mx_buf_auto) struct mx_buf b = MX_BUF_INIT;

	mx_buf_puts(&b, "DONE\r\nA: ");
	for (int i = 0; i < MX_METATAG_LINE_MAX; i++)
		mx_buf_puts(&b, "x");
	assert_int_equal(try(mx_buf_str(&b)), -EMSGSIZE);
	mx_buf_reset(&b);
	mx_buf_puts(&b, "DONE\r\n");
	for (int i = 0; i < MX_METATAG_HEADERS_MAX / 4; i++)
		mx_buf_puts(&b, "A: x\r\n");
	assert_int_equal(try(mx_buf_str(&b)), -EMSGSIZE);
}

static int stop_at_done(void *arg, enum mx_metatag_event ev, const char *name,
			const char *value, const uint8_t *data, size_t n)
{
	return ev == MX_METATAG_EV_DONE ? -ENOSPC : 0;
}

static void test_an_error_of_the_event_function_ends_it(void **state)
{
	const struct mx_metatag_ops ops = {stop_at_done, NULL};
	struct mx_metatag m;

	mx_metatag_init(&m);
	assert_int_equal(mx_metatag_feed(&m, whole, WHOLE_LEN, &ops), -ENOSPC);
	assert_int_equal(mx_metatag_feed(&m, whole, WHOLE_LEN, &ops), -ENOSPC);
}

/* --- Cookies ------------------------------------------------------------ */

static int set(struct mx_cookies *c, const char *s)
{
	return mx_cookies_set_header(c, s, strlen(s));
}

/* [MS-OXCMAPIHTTP] R68-R75. */
static void test_the_latest_value_of_a_cookie_counts(void **state)
{
	MX_AUTO(mx_cookies_auto) struct mx_cookies a = MX_COOKIES_INIT;
	MX_AUTO(mx_cookies_auto) struct mx_cookies b = MX_COOKIES_INIT;
	MX_AUTO(mx_free_auto) char *text = NULL;

	assert_int_equal(set(&a, "sid=1; path=/; HttpOnly"), 0);
	assert_int_equal(set(&a, "seq = x=y "), 0);
	assert_int_equal(set(&a, "gone=1"), 0);
	assert_int_equal(set(&b, "sid=2"), 0);
	assert_int_equal(set(&b, "gone=1; Max-Age=0"), 0);
	assert_int_equal(set(&b, "never="), 0);
	assert_int_equal(mx_cookies_merge(&a, &b), 0);
	text = mx_cookies_text(&a);
	assert_string_equal(text, "sid=2; seq=x=y");
	assert_string_equal(mx_cookies_get(&a, "sid"), "2");
	assert_null(mx_cookies_get(&a, "gone"));
}

static void test_cookie_text_comes_back(void **state)
{
	MX_AUTO(mx_cookies_auto) struct mx_cookies a = MX_COOKIES_INIT;
	MX_AUTO(mx_free_auto) char *text = NULL;

	assert_int_equal(mx_cookies_parse(&a, "a=1; b=2;c=3; "), 0);
	text = mx_cookies_text(&a);
	assert_string_equal(text, "a=1; b=2; c=3");
	assert_int_equal(mx_cookies_parse(&a, ""), 0);
	assert_int_equal(a.n, 3);
}

/* Also beyond the room that needs no memory, and back. */
static void test_a_cookie_may_grow_and_shrink_between_others(void **state)
{
	MX_AUTO(mx_cookies_auto) struct mx_cookies a = MX_COOKIES_INIT;
	static const size_t sizes[] = {1, 9, 3, 300, 2, 4000, 80, 1};
	char line[4100], want[4200];

	assert_int_equal(mx_cookies_parse(&a, "x=1; seq=0; y=2"), 0);
	for (size_t i = 0; i < MX_ARRAY_SIZE(sizes); i++) {
		MX_AUTO(mx_cookies_auto) struct mx_cookies b = MX_COOKIES_INIT;
		MX_AUTO(mx_free_auto) char *text = NULL;

		snprintf(line, sizeof(line), "seq=%0*d", (int)sizes[i], 7);
		snprintf(want, sizeof(want), "x=1; %s; y=2", line);
		assert_int_equal(set(&b, line), 0);
		assert_int_equal(mx_cookies_merge(&a, &b), 0);
		text = mx_cookies_text(&a);
		assert_string_equal(text, want);
		assert_int_equal(a.n, 3);
	}
	assert_int_equal(set(&a, "seq="), 0);
	assert_null(mx_cookies_get(&a, "seq"));
	assert_string_equal(mx_cookies_get(&a, "y"), "2");
}

static void test_bad_and_too_many_cookies_change_nothing(void **state)
{
	MX_AUTO(mx_cookies_auto) struct mx_cookies a = MX_COOKIES_INIT;
	MX_AUTO(mx_free_auto) char *big = calloc(1, MX_MAX_COOKIE_BYTES + 8);
	char one[32];

	assert_int_equal(set(&a, "novalue"), -EBADMSG);
	assert_int_equal(set(&a, "=x"), -EBADMSG);
	assert_int_equal(set(&a, ""), -EBADMSG);
	assert_int_equal(set(&a, "a=b\rX-Evil: 1"), -EBADMSG);
	memset(big, 'x', MX_MAX_COOKIE_BYTES + 2);
	big[1] = '=';
	assert_int_equal(set(&a, big), -E2BIG);
	assert_int_equal(a.n, 0);
	for (int i = 0; i < MX_MAX_COOKIES; i++) {
		snprintf(one, sizeof(one), "n%d=1", i);
		assert_int_equal(set(&a, one), 0);
	}
	assert_int_equal(set(&a, "more=1"), -E2BIG);
	assert_int_equal(a.n, MX_MAX_COOKIES);
}

MX_TEST_MAIN(MX_TEST(test_every_split_gives_the_same_events),
	     MX_TEST(test_one_byte_at_a_time),
	     MX_TEST(test_every_truncation_is_incomplete_up_to_the_body),
	     MX_TEST(test_what_is_no_meta_tag_is_refused),
	     MX_TEST(test_pending_without_line_end_counts_at_once),
	     MX_TEST(test_done_alone_and_a_lone_lf_are_taken),
	     MX_TEST(test_lines_and_headers_are_bounded),
	     MX_TEST(test_an_error_of_the_event_function_ends_it),
	     MX_TEST(test_the_latest_value_of_a_cookie_counts),
	     MX_TEST(test_cookie_text_comes_back),
	     MX_TEST(test_a_cookie_may_grow_and_shrink_between_others),
	     MX_TEST(test_bad_and_too_many_cookies_change_nothing))
