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

static void test_reduced_search_finds_the_same_ends(void **state)
{
	struct explore_result all;
	struct explore_params p;

	begin(&p, 1);
	p.n_threads = 2;
	may_abort = true;
	same_ends("one user, poller cancelled", &p, false, &all);
	mx_reg_close(reg);
	begin(&p, 1);
	p.n_threads = 2;
	p.lose_wake = lose_done;
	same_ends("one user, completion's wake lost", &p, false, &all);
	mx_reg_close(reg);
}

/* That sides own their records leaves out no end. */
static void test_owned_records_leave_out_no_end(void **state)
{
	struct explore_result few, more;
	struct explore_params p;

	only_plain();
	begin(&p, 2);
	p.threads[1] = p.threads[WORKER_B];
	p.n_threads = 2;
	p.threads[0].fn = p.threads[1].fn = caller;
	run("two users, nobody polls", &p, &few);
	owners = false;
	p.claim = NULL;
	run("the same, nobody owns a record", &p, &more);
	owners = true;
	assert_true(few.states < more.states);
	assert_true(few.ends > 1);
	assert_int_equal(few.ends, more.ends);
	assert_int_equal(more.hung, 0);
	assert_true(few.ends_sum == more.ends_sum);
	mx_reg_close(reg);
}

MX_TEST_MAIN(MX_TEST(test_one_user_in_every_order),
	     MX_TEST(test_poller_cancelled_at_any_point_signals),
	     MX_TEST(test_lost_signal_is_found),
	     MX_TEST_IN(test_two_users_in_every_order, 280),
	     MX_TEST(test_reduced_search_finds_the_same_ends),
	     MX_TEST(test_owned_records_leave_out_no_end))
