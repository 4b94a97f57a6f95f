/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets over processes, against a server that really refuses: places go in
 * order, what the server takes less of is believed, the dead leave room.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "kid.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define N_KILLS 20
#define SHORT "4000\n"
#else
#define N_KILLS 100
#define SHORT "1500\n"
#endif
/* SHORT: a deadline that is meant to be over before what is waited for, but not
 * before the wait begins. */

/* ---- Places ---- */

/* Which of the first n kids' answers comes first; none has been heard yet. */
static int first_to_answer(struct kid *k, int n)
{
	struct pollfd p[4];

	for (int i = 0; i < n; i++)
		p[i] = (struct pollfd){.fd = k[i].fd, .events = POLLIN};
	assert_true(poll(p, (nfds_t)n, -1) > 0);
	for (int i = 0; i < n; i++)
		if (p[i].revents)
			return i;
	return -1;
}

/* A place comes free: k[0] is the first of n in line.  False: it was passed by,
 * as a process is that does not move for a second; on a machine that makes it
 * stand still that says nothing. */
static bool first_gets_it(struct kid *k, int n, mx_mono since)
{
	if (first_to_answer(k, n) == 0) {
		assert_int_equal(kid_hear(&k[0]), S_OK);
		return true;
	}
	if ((mx_mono_now().ns - since.ns) / MX_NS_PER_MS < 900)
		fail_msg("a place went out of order");
	return false;
}

/* a has two places, k[0] to k[2] want one each. */
static bool take_turns(struct site *t, struct kid *a, struct kid k[3])
{
	mx_mono since;

	for (unsigned i = 0; i < 3; i++) {
		kid_tell(&k[i], "open 0 100000\n");
		site_await_waiting(t, i + 1);
	}
	assert_int_equal(site_contexts(t), 2);
	since = mx_mono_now();
	kid_ok(a, "close\n");
	if (!first_gets_it(k, 3, since))
		return false;
	site_await_waiting(t, 2);
	assert_false(kid_has_answered(&k[1]));
	since = mx_mono_now();
	kid_ok(&k[0], "close\n");
	if (!first_gets_it(k + 1, 2, since))
		return false;
	site_await_waiting(t, 1);
	assert_false(kid_has_answered(&k[2]));
	kid_kill(a); /* its place goes on, too */
	assert_int_equal(kid_hear(&k[2]), S_OK);
	return true;
}

static bool places_go_in_order(void)
{
	struct site *t = site_new(&(struct mx_server_params){0});
	struct kid a = kid_ready(t, "budget 2 0\n"), k[3];
	bool done;

	kid_ok(&a, "open 0 100000\n");
	kid_ok(&a, "open 0 100000\n");
	for (int i = 0; i < 3; i++)
		k[i] = kid_ready(t, "budget 2 0\n");
	done = take_turns(t, &a, k);
	if (!done)
		kid_kill(&a);
	for (int i = 0; i < 3; i++)
		if (done)
			kid_end(&k[i]);
		else
			kid_kill(&k[i]);
	site_stop(t);
	assert_int_equal(site_refused(t, 0), 0); /* never too many */
	site_free(t);
	return done;
}

/* The budget of the account holds over processes; places go in the order of
 * arrival, whoever gives one back. */
static void test_places_go_in_order_over_processes(void **state)
{
	while (!places_go_in_order())
		;
}

static void test_over_budget_is_an_error_that_names_the_holders(void **state)
{
	struct site *t = site_new(&(struct mx_server_params){0});
	struct kid a = kid_ready(t, "budget 2 0\n");
	struct kid b = kid_ready(t, "budget 2 0\n");
	char want[64];

	kid_ok(&a, "open 0 100000\n");
	kid_ok(&a, "open 0 100000\n");
	assert_int_equal(kid_does(&b, "open 0 " SHORT), MAPI_E_SESSION_LIMIT);
	snprintf(want, sizeof(want), "held by process %d (2)", (int)a.pid);
	kid_says(&b, want);
	kid_says(&b, "u0");
	kid_says(&b, "2 of 2 sessions");
	kid_says(&b, "127.0.0.1:");
	/* Another user, and this one once there is room */
	kid_ok(&b, "open 1 100000\n");
	kid_ok(&a, "close\n");
	kid_ok(&b, "open 0 100000\n");
	kid_end(&a);
	kid_end(&b);
	site_free(t);
}

/* B17, B19: the server's own limit, met in another process, is believed; only
 * that user waits, and a place that it gives back is taken up. */
static void test_a_refusal_slows_only_that_user(void **state)
{
	struct site *t =
		site_new(&(struct mx_server_params){.max_contexts = 2});
	struct kid a = kid_ready(t, NULL), b = kid_ready(t, NULL);
	struct kid c = kid_ready(t, NULL);
	mx_mono begin = mx_mono_now();
	int64_t s;

	kid_ok(&a, "open 0 100000\n");
	kid_ok(&a, "open 0 100000\n");
	kid_tell(&b, "open 0 100000\n");
	site_await_waiting(t, 1);
	/* A third process knows without asking. */
	assert_int_equal(kid_does(&c, "open 0 " SHORT), MAPI_E_SESSION_LIMIT);
	kid_says(&c, "wait ahead");
	kid_ok(&c, "open 1 100000\n");
	kid_ok(&c, "ask 100000\n");
	assert_false(kid_has_answered(&b));
	kid_ok(&a, "close\n");
	assert_int_equal(kid_hear(&b), S_OK);
	kid_ok(&b, "ask 100000\n");
	assert_int_equal(site_contexts(t), 3);
	kid_end(&a);
	kid_end(&b);
	kid_end(&c);
	site_stop(t);
	/* The first in line asked once, and again every five seconds. */
	s = (mx_mono_now().ns - begin.ns) / MX_NS_PER_S;
	assert_in_range(site_refused(t, 0), 1, 1 + (unsigned)s / 5);
	assert_int_equal(site_refused(t, 1), 0);
	site_free(t);
}

/* Somebody else has all of this user's sessions: none of ours could be given
 * back, so the server is asked again after a while. */
static void test_a_server_full_of_strangers_is_asked_again(void **state)
{
	struct site *t =
		site_new(&(struct mx_server_params){.max_contexts = 1});
	struct kid a = kid_ready(t, NULL), b;
	char other[320];

	kid_ok(&a, "open 0 100000\n");
	snprintf(other, sizeof(other), "%s-other", t->segment);
	setenv("MAPIARY_SEGMENT", other, 1);
	b = kid_ready(t, NULL);
	assert_int_equal(kid_does(&b, "open 0 " SHORT), MAPI_E_SESSION_LIMIT);
	kid_tell(&b, "open 0 100000\n");
	kid_ok(&a, "close\n");
	assert_int_equal(kid_hear(&b), S_OK);
	kid_end(&a);
	kid_end(&b);
	site_free(t);
}

/* ---- B17 ---- */

/* A client killed while connected leaves its session context on the server; the
 * next one sends the old cookies with Connect, and the server drops it.
 * MS-OXCMAPIHTTP R1195, R1277. */
static void test_a_killed_client_does_not_use_up_the_server(void **state)
{
	struct site *t =
		site_new(&(struct mx_server_params){.max_contexts = 4});

	for (int i = 0; i < N_KILLS; i++) {
		struct kid k = kid_ready(t, NULL);

		kid_ok(&k, "open 0 100000\n");
		if (i % 2)
			kid_ok(&k, "park\n");
		if (i % 3 == 2)
			kid_ok(&k, "open 0 100000\n");
		kid_kill(&k);
		assert_in_range(site_contexts(t), 1, 4);
	}
	site_stop(t);
	assert_int_equal(site_refused(t, 0), 0);
	site_free(t);
}

/* … all of them at once, and more than the server takes. */
static void test_many_killed_at_once_leave_room(void **state)
{
	struct site *t =
		site_new(&(struct mx_server_params){.max_contexts = 4});
	struct kid k[4];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++)
			k[i] = kid_ready(t, NULL);
		for (int i = 0; i < 4; i++)
			kid_ok(&k[i], "open 0 100000\n");
		for (int i = 0; i < 4; i++)
			kid_kill(&k[i]);
	}
	assert_int_equal(site_contexts(t), 4);
	site_stop(t);
	assert_int_equal(site_refused(t, 0), 0);
	site_free(t);
}

int main(int argc, char **argv)
{
	static const struct mx_test tests[] = {
		MX_TEST(test_places_go_in_order_over_processes),
		MX_TEST(test_over_budget_is_an_error_that_names_the_holders),
		MX_TEST(test_a_refusal_slows_only_that_user),
		MX_TEST(test_a_server_full_of_strangers_is_asked_again),
		MX_TEST_IN(test_a_killed_client_does_not_use_up_the_server,
			   120),
		MX_TEST(test_many_killed_at_once_leave_room),
	};

	return kid_or_tests(tests, MX_ARRAY_SIZE(tests), argc, argv);
}
