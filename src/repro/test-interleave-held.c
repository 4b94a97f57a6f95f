/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our lists, the real code of src/connlist, in every order: connect, poller and
 * release of users A and B, split at every access to the segment, every lock,
 * wait and wake, with no deadline and no time-out.  Nothing may hang, nothing
 * may be left behind.
 *
 * Around connlist stands what the session does: its lock is held for each call
 * on a connection (doc/locks.md); the release asks the poller to end, waits for
 * the list's completion (the hardest a caller can do: our IMsgStore::Release
 * does not wait), closes and leaves.
 */
#include "repro/test-held.h"

static void test_one_user_in_every_order(void **state)
{
	struct explore_result r;
	struct explore_params p;

	begin(&p, 2);
	p.n_threads = 2;
	run("one user", &p, &r);
	assert_int_equal(r.hung, 0);
	assert_true(r.states > 500 && r.finals > 0);
	mx_reg_close(reg);
}

/* The poller's exit path, taken at any of its points. */
static void test_poller_cancelled_at_any_point_signals(void **state)
{
	struct explore_result r;
	struct explore_params p;

	begin(&p, 2);
	p.n_threads = 2;
	may_abort = true;
	run("one user, poller cancelled at any point", &p, &r);
	assert_int_equal(r.hung, 0);
	mx_reg_close(reg);
}

/* With deadlines off a lost signal shows: the search would find it. */
static void test_lost_signal_is_found(void **state)
{
	struct explore_result r;
	struct explore_params p;

	begin(&p, 2);
	p.n_threads = 2;
	p.lose_wake = lose_done;
	run("one user, completion's wake lost", &p, &r);
	assert_true(r.hung > 0);
	mx_reg_close(reg);
}

/* ---- two processes, one dies ---- */

static void test_two_processes_in_every_order(void **state)
{
	struct explore_result r;
	struct explore_params p;

	begin_two(&p, 1);
	run("two processes", &p, &r);
	assert_int_equal(r.hung, 0);
	mx_reg_close(other);
	mx_reg_close(reg);
}

/* Killed at any step, also inside the bucket's lock: the look after its life
 * ends the wait, and what it left half made is finished. */
static void test_poller_killed_at_any_step_holds_nobody_up(void **state)
{
	struct explore_result r;
	struct explore_params p;

	only_plain();
	begin_two(&p, 1);
	may_die(&p);
	run("two processes, the poller's killed at any step", &p, &r);
	assert_int_equal(r.hung, 0);
	assert_true(r.deaths > 100);
	mx_reg_close(other);
	mx_reg_close(reg);
}

/* ---- two users ---- */

static void test_two_users_in_every_order(void **state)
{
	struct explore_result r;
	struct explore_params p;

	only_plain();
	begin(&p, 2);
	run("two users", &p, &r);
	assert_int_equal(r.hung, 0);
	assert_true(r.finals > 1);
	mx_reg_close(reg);
}

/* ---- what the search leaves out ---- */

/* The same program searched in two ways ends in the same states. */
static void same_ends(const char *what, struct explore_params *p)
{
	struct explore_result all, few;

	run(what, p, &few);
	p->reduce = p->collapse = false;
	run("the same, nothing left out", p, &all);
	assert_true(few.states < all.states);
	assert_true(few.ends > 0);
	assert_int_equal(few.ends, all.ends);
	assert_int_equal(few.hung_ends, all.hung_ends);
	assert_true(few.ends_sum == all.ends_sum);
}

static void test_reduced_search_finds_the_same_ends(void **state)
{
	struct explore_params p;

	for (int whole = 0; whole < 2; whole++) {
		begin(&p, 1);
		p.n_threads = 2;
		p.whole_locks = whole;
		may_abort = true;
		same_ends("one user, poller cancelled", &p);
		mx_reg_close(reg);
		begin(&p, 1);
		p.n_threads = 2;
		p.whole_locks = whole;
		p.lose_wake = lose_done;
		same_ends("one user, completion's wake lost", &p);
		mx_reg_close(reg);
	}
}

/* Beside a death; what threads have read is left out in both. */
static void test_reduced_search_of_a_death_finds_the_same_ends(void **state)
{
	struct explore_result all, few;
	struct explore_params p;

	only_plain();
	begin_two(&p, 1);
	may_die(&p);
	run("two processes, the poller's killed", &p, &few);
	p.reduce = false;
	run("the same, no order left out", &p, &all);
	assert_true(few.states < all.states);
	assert_int_equal(few.ends, all.ends);
	assert_true(few.ends_sum == all.ends_sum);
	mx_reg_close(other);
	mx_reg_close(reg);
}

MX_TEST_MAIN(MX_TEST(test_one_user_in_every_order),
	     MX_TEST(test_poller_cancelled_at_any_point_signals),
	     MX_TEST(test_lost_signal_is_found),
	     MX_TEST(test_two_processes_in_every_order),
	     MX_TEST_IN(test_poller_killed_at_any_step_holds_nobody_up, 240),
	     MX_TEST_IN(test_two_users_in_every_order, 280),
	     MX_TEST(test_reduced_search_finds_the_same_ends),
	     MX_TEST_IN(test_reduced_search_of_a_death_finds_the_same_ends,
			240))
