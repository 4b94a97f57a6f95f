/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that asks a user to wait is obeyed by all processes of the account,
 * for that user alone.
 */
#include "kid.h"

/* A pause that nobody is meant to sit out. */
#define LONG_MS 1000000

/* B19.  One process is told, all processes of the account keep to it, for that
 * user; the others, and he on the other side of it, go on. */
static void pause_case(enum mx_refusal how)
{
	struct site *t = site_new(&(struct mx_server_params){0});
	struct kid a = kid_ready(t, NULL), b = kid_ready(t, NULL);

	kid_ok(&a, "open 0 100000\n");
	kid_ok(&b, "open 0 100000\n");
	kid_ok(&b, "open 1 100000\n");
	mx_server_throttle(t->srv, 1, how, LONG_MS); /* u0 has id 1 */
	assert_int_equal(kid_does(&a, "ask 100000\n"), MAPI_E_BUSY);
	/* In the other process nothing is even sent */
	kid_ok(&b, "ask 100000\n"); /* u1 */
	kid_ok(&b, "close\n");
	assert_int_equal(kid_does(&b, "ask 100000\n"), MAPI_E_BUSY); /* u0 */
	kid_says(&b, "pause");
	assert_int_equal(kid_does(&b, "open 0 100000\n"), MAPI_E_BUSY);
	kid_says(&b, "asked this user to wait");
	kid_ok(&b, "open 1 100000\n");
	kid_end(&a);
	kid_end(&b);
	site_stop(t);
	assert_int_equal(site_refused(t, 0), 1);
	assert_int_equal(site_refused(t, 1), 0);
	site_free(t);
}

static void test_429_pauses_that_user_in_all_processes(void **state)
{
	pause_case(MX_REFUSE_429);
}

static void test_503_pauses_that_user_in_all_processes(void **state)
{
	pause_case(MX_REFUSE_503);
}

/* MS-OXCROPS R4512, R4514, R4515, R4541. */
static void test_rop_backoff_pauses_that_user_in_all_processes(void **state)
{
	pause_case(MX_REFUSE_BACKOFF);
}

/* A user for each kind.  False when a pause was over before it was met. */
static bool pauses_end(void)
{
	static const enum mx_refusal how[] = {MX_REFUSE_429, MX_REFUSE_503,
					      MX_REFUSE_BACKOFF};
	static const char *const open[] = {"open 0 100000\n", "open 1 100000\n",
					   "open 2 100000\n"};
	struct site *t = site_new(&(struct mx_server_params){0});
	struct kid k[3];
	bool met = true;

	for (unsigned i = 0; i < 3; i++) {
		k[i] = kid_ready(t, NULL);
		kid_ok(&k[i], open[i]);
	}
	for (unsigned i = 0; i < 3; i++) {
		mx_server_throttle(t->srv, i + 1, how[i], 1000);
		kid_tell(&k[i], "ask 100000\n");
	}
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(kid_hear(&k[i]), S_OK);
		kid_ok(&k[i], open[i]);
		kid_end(&k[i]);
	}
	site_stop(t);
	for (unsigned i = 0; i < 3; i++)
		met = met && site_refused(t, i) > 0;
	site_free(t);
	return met;
}

/* When the pause is over, what waited goes through; nothing is lost. */
static void test_what_a_pause_holds_up_goes_on_after_it(void **state)
{
	while (!pauses_end())
		;
}

/* Natural ones: more than so many a second, and one at a time for all. */
static void test_a_rate_is_kept_to(void **state)
{
	struct site *t = site_new(&(struct mx_server_params){.max_rate = 4});
	struct kid a = kid_ready(t, NULL);

	kid_ok(&a, "open 0 100000\n");
	for (int i = 0; i < 6; i++)
		kid_ok(&a, "ask 100000\n");
	kid_end(&a);
	site_stop(t);
	assert_true(site_refused(t, 0) > 0);
	site_free(t);
}

int main(int argc, char **argv)
{
	static const struct mx_test tests[] = {
		MX_TEST(test_429_pauses_that_user_in_all_processes),
		MX_TEST(test_503_pauses_that_user_in_all_processes),
		MX_TEST(test_rop_backoff_pauses_that_user_in_all_processes),
		MX_TEST(test_what_a_pause_holds_up_goes_on_after_it),
		MX_TEST(test_a_rate_is_kept_to),
	};

	return kid_or_tests(tests, MX_ARRAY_SIZE(tests), argc, argv);
}
