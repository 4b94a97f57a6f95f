/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two users whose lists share a bucket, so that everything they do meets at its
 * lock, in every order.
 *
 * First the lock alone, its sleepers and what a release leaves to its holder; then
 * all of it.  The long ones run in `make soak` only.
 */
#include "repro/test-held.h"

/* ---- the lock ---- */

/* Takes the lock twice, as joining does. */
static void locker(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 2; i++) {
		explore_event("lock");
		if (bucket_lock(reg, 0, NULL))
			explore_fail("no lock");
		shm_put32(&world.n, shm_get32(&world.n) + 1);
		bucket_unlock(reg, 0);
		explore_forget("unlocked", i);
	}
}

/* Leaves something to do, as releasing does. */
static void releaser(void *arg)
{
	(void)arg;
	explore_event("release");
	bucket_sweep_soon(reg, 0);
}

static bool lock_is_free(void *arg, bool hangs)
{
	const struct shm_bucket *b = &reg->map.buckets[0];

	(void)arg;
	return hangs || (!b->lock && !b->todo && world.n == 4);
}

static void begin_lock(struct explore_params *p)
{
	begin(p, 1);
	p->threads[0] = (struct explore_thread){"locker A", locker};
	p->threads[1] = (struct explore_thread){"locker B", locker};
	p->threads[2] = (struct explore_thread){"releaser", releaser};
	p->n_threads = 3;
	p->check = lock_is_free;
}

static void test_lock_in_every_order(void **state)
{
	struct explore_result all;
	struct explore_params p;

	begin_lock(&p);
	same_ends("the bucket's lock", &p, false, &all);
	assert_int_equal(all.hung, 0);
	mx_reg_close(reg);
}

static bool lose_unlock(void *arg, const void *word)
{
	(void)arg;
	return word == &reg->map.buckets[0].lock;
}

static void test_lost_wake_of_the_lock_is_found(void **state)
{
	struct explore_result r;
	struct explore_params p;

	begin_lock(&p);
	p.lose_wake = lose_unlock;
	run("the bucket's lock, its wake lost", &p, &r);
	assert_true(r.hung > 0);
	mx_reg_close(reg);
}

/* ---- lists without connections ---- */

/* Every step, the lock's too. */
static void test_join_and_leave_in_one_bucket_in_every_order(void **state)
{
	struct explore_result all;
	struct explore_params p;

	only_plain();
	begin(&p, 1);
	p.threads[1] = p.threads[WORKER_B];
	p.n_threads = 2;
	p.threads[0].fn = p.threads[1].fn = member;
	same_ends("two users in one bucket join and leave", &p, false, &all);
	assert_int_equal(all.hung, 0);
	mx_reg_close(reg);
}

/* ---- all of it ---- */

/* Whole events only. */
static void test_two_users_in_one_bucket_events_in_every_order(void **state)
{
	struct explore_result r;
	struct explore_params p;

	begin(&p, 1);
	p.events = true;
	p.reduce = p.collapse = false;
	run("two users in one bucket, whole events", &p, &r);
	assert_int_equal(r.hung, 0);
	assert_true(r.schedules > 80);
	mx_reg_close(reg);
}

static void begin_one_bucket(struct explore_params *p)
{
	begin(p, 1);
	p->max_states = 200000000;
}

static void test_two_users_in_one_bucket_in_every_order(void **state)
{
	struct explore_result r;
	struct explore_params p;

	only_soak();
	begin_one_bucket(&p);
	run("two users in one bucket", &p, &r);
	assert_int_equal(r.hung, 0);
	assert_true(r.finals > 1);
	mx_reg_close(reg);
}

/* The same search finds a lost signal. */
static void test_lost_signal_is_found_in_one_bucket(void **state)
{
	struct explore_result r;
	struct explore_params p;

	begin_one_bucket(&p);
	p.lose_wake = lose_done;
	p.first_hang = true;
	explore(&p, &r);
	print_message("two users in one bucket, completion's wake lost: found "
		      "after %" PRIu64 " states\n",
		      r.states);
	assert_int_equal(r.hung, 1);
	mx_reg_close(reg);
}

MX_TEST_MAIN(MX_TEST(test_lock_in_every_order),
	     MX_TEST(test_lost_wake_of_the_lock_is_found),
	     MX_TEST(test_join_and_leave_in_one_bucket_in_every_order),
	     MX_TEST(test_two_users_in_one_bucket_events_in_every_order),
	     MX_TEST(test_lost_signal_is_found_in_one_bucket),
	     MX_TEST_IN(test_two_users_in_one_bucket_in_every_order, 1200))
