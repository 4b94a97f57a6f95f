/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Connection records: budgets, cookies, pollers, health.  Who waits:
 * test-conn-wait.c. */
#include <errno.h>
#include <string.h>

#include "connlist/test-conn.h"

static void test_budget_is_per_user_server_and_kind(void **state)
{
	struct mx_reg *reg = tc_open(16, 2, 0);
	struct mx_clist *a = tu_join(reg, 1), *b = tu_join(reg, 2);
	struct mx_conn *k[6] = {NULL}, *no = NULL;

	assert_int_equal(tc_try(a, TC_SERVER, &k[0]), 0);
	assert_int_equal(tc_try(a, TC_SERVER, &k[1]), 0);
	assert_int_equal(tc_try(a, TC_SERVER, &no), -EDQUOT);
	assert_int_equal(tc_try(a, "other:443", &k[2]), 0);
	assert_int_equal(tc_try_kind(a, TC_SERVER, MX_CONN_ADDRESS_BOOK, &k[3]),
			 0);
	assert_int_equal(tc_try(b, TC_SERVER, &k[4]), 0);
	mx_conn_close(k[0], MX_CONN_ENDED);
	assert_int_equal(tc_try(a, TC_SERVER, &k[0]), 0);
	for (int i = 0; i < 5; i++)
		mx_conn_close(k[i], MX_CONN_ENDED);
	mx_clist_leave(a);
	mx_clist_leave(b);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_no_place_says_why(void **state)
{
	struct mx_reg *reg = tc_open(16, 1, 0);
	struct mx_clist *a = tu_join(reg, 7);
	struct mx_conn_params p = {.server = TC_SERVER,
				   .deadline = mx_mono_in_ms(1)};
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_conn *k = NULL, *no = NULL;
	int err;

	assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
	err = mx_conn_open(a, &p, &no, &f);
	assert_true(err == -ETIMEDOUT || err == -EDQUOT);
	assert_string_equal(f.user, "user7");
	assert_string_equal(f.server, TC_SERVER);
	assert_non_null(strstr(f.text, "1 of 1 sessions"));
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(a);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* A connection keeps its list; handles may be given back in any order. */
static void test_a_connection_holds_its_list(void **state)
{
	struct mx_reg *reg = tc_open(16, 2, 0);
	struct mx_clist *a = tu_join(reg, 1), *again;
	struct mx_conn *k = NULL;
	uint64_t gen = mx_clist_generation(a);

	assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
	mx_clist_leave(a);
	assert_true(mx_conn_valid(k));
	again = tu_join(reg, 1);
	assert_int_equal(mx_clist_generation(again), gen);
	mx_clist_leave(again);
	mx_conn_close(k, MX_CONN_ENDED);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_server_names_are_bounded(void **state)
{
	struct mx_reg *reg = tc_open(4, 4, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k = NULL;
	char name[MX_CONN_SERVER_MAX + 2];

	memset(name, 'n', sizeof(name));
	name[MX_CONN_SERVER_MAX + 1] = '\0';
	assert_int_equal(tc_try(a, name, &k), -EINVAL);
	assert_int_equal(tc_try(a, "", &k), -EINVAL);
	name[MX_CONN_SERVER_MAX] = '\0';
	assert_int_equal(tc_try(a, name, &k), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(a);
	mx_reg_close(reg);
}

/* B17: a session left behind is taken over, with what ends it at the server,
 * and counts until then. */
static void test_b17_left_sessions_are_taken_over(void **state)
{
	struct mx_reg *reg = tc_open(16, 1, 0);
	struct mx_clist *a = tu_join(reg, 1), *b = tu_join(reg, 2);
	struct mx_conn *k = NULL, *other = NULL;
	char got[300];

	assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
	assert_int_equal(mx_conn_set_cookies(k, "MapiContext=1; x=2"), 0);
	mx_conn_close(k, MX_CONN_LEFT);
	mx_clist_leave(a);
	assert_int_equal(tc_try(b, TC_SERVER, &other), 0);
	assert_int_equal(mx_conn_cookies(other, got, sizeof(got)), 0);
	a = tu_join(reg, 1);
	assert_int_equal(tc_try_kind(a, TC_SERVER, MX_CONN_ADDRESS_BOOK, &k),
			 0);
	assert_int_equal(mx_conn_cookies(k, got, sizeof(got)), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
	assert_int_equal(mx_conn_cookies(k, got, sizeof(got)), 18);
	assert_string_equal(got, "MapiContext=1; x=2");
	mx_conn_close(k, MX_CONN_ENDED);
	mx_conn_close(other, MX_CONN_ENDED);
	mx_clist_leave(a);
	mx_clist_leave(b);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_orphans_end_when_the_server_has_forgotten(void **state)
{
	struct mx_reg *reg = tc_open(16, 1, -1), *keep;
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k = NULL;

	keep = tu_attach(); /* keeps orphans, the first does not */
	mx_clist_leave(a);
	a = tu_join(keep, 1);
	assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
	assert_int_equal(mx_conn_set_cookies(k, "c=1"), 0);
	mx_conn_close(k, MX_CONN_LEFT);
	mx_clist_leave(a);
	assert_int_equal(tu_claims(keep->map.conn_claims, 16), 1);
	mx_reg_tick(reg);
	mx_reg_close(keep);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_cookies_are_replaced_and_bounded(void **state)
{
	struct mx_reg *reg = tc_open(4, 4, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k = NULL;
	char big[MX_CONN_COOKIES_MAX + 2], got[MX_CONN_COOKIES_MAX + 1];

	memset(big, 'c', sizeof(big));
	big[MX_CONN_COOKIES_MAX + 1] = '\0';
	assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
	assert_int_equal(mx_conn_cookies(k, got, sizeof(got)), 0);
	assert_int_equal(mx_conn_set_cookies(k, "one"), 0);
	assert_int_equal(mx_conn_set_cookies(k, big), -E2BIG);
	assert_int_equal(mx_conn_cookies(k, got, sizeof(got)), 0);
	big[MX_CONN_COOKIES_MAX] = '\0';
	assert_int_equal(mx_conn_set_cookies(k, big), 0);
	assert_int_equal(mx_conn_cookies(k, got, sizeof(got)),
			 MX_CONN_COOKIES_MAX);
	assert_int_equal(mx_conn_cookies(k, got, sizeof(got) - 1), 0);
	assert_int_equal(mx_conn_set_cookies(k, ""), 0);
	assert_int_equal(mx_conn_cookies(k, got, sizeof(got)), 0);
	mx_conn_close(k, MX_CONN_LEFT); /* nothing to take over: freed */
	mx_clist_leave(a);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* B16: the logons of a session are bounded. */
static void test_b16_logons_are_bounded(void **state)
{
	struct mx_reg *reg = tc_open(4, 4, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k = NULL;

	assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(mx_conn_logon_acquire(k), 0);
	assert_int_equal(mx_conn_logon_acquire(k), -EDQUOT);
	mx_conn_logon_release(k);
	assert_int_equal(mx_conn_logons(k), 2);
	assert_int_equal(mx_conn_logon_acquire(k), 0);
	for (int i = 0; i < 5; i++)
		mx_conn_logon_release(k);
	assert_int_equal(mx_conn_logons(k), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(a);
	mx_reg_close(reg);
}

static void test_pollers_move_as_the_picture_says(void **state)
{
	static const char legal[5][6] = {"-S--D", "--PTD", "---TD", "----D",
					 "-S--D"};
	struct mx_reg *reg = tc_open(4, 4, 0);
	struct mx_clist *a = tu_join(reg, 1);

	for (int from = 0; from < 5; from++)
		for (int to = 0; to < 5; to++) {
			struct mx_conn *k = NULL;
			bool ok = legal[from][to] != '-';

			assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
			if (from && from < 4)
				mx_conn_set_poller(k, MX_POLLER_STARTING);
			if (from > 1)
				mx_conn_set_poller(k, (enum mx_poller)from);
			assert_int_equal(mx_conn_poller(k), from);
			assert_int_equal(mx_conn_set_poller(k,
							    (enum mx_poller)to),
					 ok ? 0 : -EINVAL);
			assert_int_equal(mx_conn_poller(k), ok ? to : from);
			mx_conn_close(k, MX_CONN_ENDED);
		}
	mx_clist_leave(a);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_back_off_is_of_one_user_and_outlives_the_list(void **state)
{
	struct mx_reg *reg = tc_open(8, 4, 0);
	struct mx_clist *a = tu_join(reg, 1), *b = tu_join(reg, 2);
	struct mx_conn_params p = {.server = TC_SERVER};
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_conn *k = NULL, *no = NULL, *other = NULL;

	assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
	assert_true(mx_mono_passed(mx_conn_ready_at(k)));
	mx_conn_report(k, MX_HEALTH_BACKOFF, 3000000, 429);
	assert_false(mx_mono_passed(mx_conn_ready_at(k)));
	mx_conn_report(k, MX_HEALTH_OK, 0, 0); /* was under way before */
	assert_false(mx_mono_passed(mx_conn_ready_at(k)));
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(a);
	a = tu_join(reg, 1);
	assert_int_equal(mx_conn_open(a, &p, &no, &f), -EAGAIN);
	assert_non_null(strstr(f.text, "asked this user to wait"));
	assert_int_equal(tc_try(b, TC_SERVER, &other), 0);
	assert_int_equal(tc_try(a, "elsewhere:1", &k), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_conn_close(other, MX_CONN_ENDED);
	mx_clist_leave(a);
	mx_clist_leave(b);
	mx_reg_close(reg);
}

static void test_a_full_server_lowers_the_budget(void **state)
{
	struct mx_reg *reg = tc_open(16, 10, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k[4] = {NULL}, *no = NULL;

	for (int i = 0; i < 4; i++)
		assert_int_equal(tc_try(a, TC_SERVER, &k[i]), 0);
	mx_conn_report(k[3], MX_HEALTH_FULL, 3000000, 0x4df);
	mx_conn_close(k[3], MX_CONN_ENDED); /* it never came to be */
	assert_int_equal(tc_try(a, TC_SERVER, &no), -EDQUOT);
	mx_conn_close(k[2], MX_CONN_ENDED);
	assert_int_equal(tc_try(a, TC_SERVER, &k[2]), 0);
	for (int i = 0; i < 3; i++)
		mx_conn_close(k[i], MX_CONN_ENDED);
	mx_clist_leave(a);
	mx_reg_close(reg);
}

MX_TEST_MAIN(MX_TEST(test_budget_is_per_user_server_and_kind),
	     MX_TEST(test_no_place_says_why),
	     MX_TEST(test_a_connection_holds_its_list),
	     MX_TEST(test_server_names_are_bounded),
	     MX_TEST(test_b17_left_sessions_are_taken_over),
	     MX_TEST(test_orphans_end_when_the_server_has_forgotten),
	     MX_TEST(test_cookies_are_replaced_and_bounded),
	     MX_TEST(test_b16_logons_are_bounded),
	     MX_TEST(test_pollers_move_as_the_picture_says),
	     MX_TEST(test_back_off_is_of_one_user_and_outlives_the_list),
	     MX_TEST(test_a_full_server_lowers_the_budget))
