/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Arena, buffer, clock and fault: the promises their headers make. */
#include "base/arena.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/list.h"
#include "base/test.h"

static void test_arena_gives_aligned_distinct_memory(void **state)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	char *last = NULL;

	(void)state;
	for (size_t n = 0; n < 5000; n++) {
		char *p = mx_arena_alloc(&a, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		assert_ptr_not_equal(p, last);
		memset(p, (int)n, n);
		last = p;
	}
}

static void test_arena_budget_and_overflow_give_null(void **state)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {.budget = 64};

	(void)state;
	assert_non_null(mx_arena_alloc(&a, 48));
	assert_non_null(mx_arena_alloc(&a, 1));
	assert_null(mx_arena_alloc(&a, 1));
	assert_null(mx_arena_calloc(&a, SIZE_MAX / 2, 4));
	assert_null(mx_arena_alloc(&a, SIZE_MAX));
	mx_arena_reset(&a);
	assert_non_null(mx_arena_alloc(&a, 64));
}

static void test_arena_printf_and_strndup(void **state)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;

	(void)state;
	assert_string_equal(mx_arena_printf(&a, "%s-%d", "x", 7), "x-7");
	assert_string_equal(mx_arena_strndup(&a, "abcdef", 3), "abc");
	assert_string_equal(mx_arena_strndup(&a, "ab", 9), "ab");
}

static void test_buf_error_sticks(void **state)
{
	MX_AUTO(mx_buf_auto) struct mx_buf b = {.max = 4};

	(void)state;
	assert_int_equal(mx_buf_put(&b, "abc", 3), 0);
	assert_int_equal(mx_buf_put(&b, "de", 2), -EMSGSIZE);
	assert_int_equal(mx_buf_put(&b, "d", 1), -EMSGSIZE);
	assert_string_equal(mx_buf_str(&b), "");
	mx_buf_reset(&b);
	assert_int_equal(mx_buf_printf(&b, "%d", 42), 0);
	assert_string_equal(mx_buf_str(&b), "42");
}

static void test_deadlines_saturate(void **state)
{
	(void)state;
	assert_int_equal(mx_mono_in_ms(-1).ns, INT64_MAX);
	assert_int_equal(mx_mono_in_ms(INT64_MAX).ns, INT64_MAX);
	assert_false(mx_mono_passed(MX_MONO_NEVER));
	assert_true(mx_mono_passed(mx_mono_now()));
	assert_int_equal(mx_mono_left_ms(MX_MONO_NEVER), INT64_MAX);
	assert_int_equal(mx_mono_left_ms((mx_mono){1}), 0);
}

static void test_filetime_epoch(void **state)
{
	(void)state;
	/* [MS-DTYP] 2.3.3: 1970 is 116444736000000000 after 1601. */
	assert_true(mx_filetime_from_unix(0, 0).t == 116444736000000000u);
	assert_int_equal(mx_filetime_to_unix(mx_filetime_from_unix(-5, 0)), -5);
	assert_int_equal(
		mx_filetime_to_unix(mx_filetime_from_unix(-5, 999999900)), -5);
}

static void test_fault_line_names_all(void **state)
{
	struct mx_fault f = MX_FAULT_INIT;
	char line[512];

	(void)state;
	mx_fault_who(&f, "ann", "127.0.0.1:80");
	mx_fault_op(&f, "Connect");
	assert_int_equal(mx_fault_set(&f, MX_LAYER_MAPIHTTP, 10, -ESTALE,
				      "context not found"),
			 -ESTALE);
	mx_fault_format(&f, line, sizeof(line));
	assert_string_equal(line, "user ann at 127.0.0.1:80: Connect: "
				  "X-ResponseCode 10: context not found");
	assert_int_equal(mx_fault_set(NULL, MX_LAYER_LOCAL, 1, -EIO, "x"),
			 -EIO);
}

static void test_list_order_and_double_unlink(void **state)
{
	struct mx_list head, a, b;

	(void)state;
	mx_list_init(&head);
	assert_null(mx_list_pop(&head));
	mx_list_push_tail(&head, &a);
	mx_list_push_head(&head, &b);
	assert_ptr_equal(head.next, &b);
	mx_list_unlink(&b);
	mx_list_unlink(&b);
	assert_ptr_equal(mx_list_pop(&head), &a);
	assert_true(mx_list_empty(&head));
}

MX_TEST_MAIN(MX_TEST(test_arena_gives_aligned_distinct_memory),
	     MX_TEST(test_arena_budget_and_overflow_give_null),
	     MX_TEST(test_arena_printf_and_strndup),
	     MX_TEST(test_buf_error_sticks), MX_TEST(test_deadlines_saturate),
	     MX_TEST(test_filetime_epoch), MX_TEST(test_fault_line_names_all),
	     MX_TEST(test_list_order_and_double_unlink))
