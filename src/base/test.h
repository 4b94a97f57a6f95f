/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test harness: cmocka with a name a case, a deadline a case, and a
 * diagnosis instead of a hang.
 *
 *	static void test_claim_holds(void **state) { … }
 *
 *	MX_TEST_MAIN(MX_TEST(test_claim_holds),
 *		     MX_TEST_IN(test_slow, 120))
 *
 * Prints "ok NAME" or "not ok NAME" for each case, and "skip NAME: why" where a
 * case called mx_test_skip (a skip is counted and shown).  A case that passes
 * its deadline prints what the diagnosis hook says and ends the program with
 * status 1.  Include this instead of <cmocka.h>.  Arguments select cases by
 * substring.  Under a sanitizer deadlines are four times as long.
 */
#ifndef MX_BASE_TEST_H
#define MX_BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/auto.h"

#define MX_TEST_DEADLINE_S 60

struct mx_test {
	const char *name;
	void (*fn)(void **state);
	unsigned deadline_s;
};

/* clang-format off */
#define MX_TEST(fn) {#fn, fn, MX_TEST_DEADLINE_S}
#define MX_TEST_IN(fn, seconds) {#fn, fn, seconds}
/* clang-format on */
#define MX_TEST_MAIN(...)                                                      \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		static const struct mx_test tests[] = {__VA_ARGS__};           \
		return mx_test_run(tests, MX_ARRAY_SIZE(tests), argc, argv);   \
	}

int mx_test_run(const struct mx_test *tests, size_t n, int argc, char **argv);

/* What to print when a case hangs, before the process ends; called on the
 * watchdog's thread.  NULL: only the name of the case. */
void mx_test_diagnosis(void (*fn)(void *arg), void *arg);

/* Ends the running case as skipped, saying why (shown in the summary). */
void mx_test_skip(const char *why) __attribute__((__noreturn__));

/* A fresh directory under $TMPDIR, removed with all it holds when the program
 * ends; the pointer stays valid until then. */
const char *mx_test_dir(void);

/* Before the first mx_test_dir: that directory is in memory, where there is a
 * GiB of it and TMPDIR does not say otherwise.  For tests that make many databases:
 * what waits for the disk says nothing there. */
void mx_test_off_disk(void);

#endif
