/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user's poller in a process of its own, which is killed at any step: our
 * lists, the real code of src/connlist, in every order.  The look after its life
 * ends the wait, and what it left half made is finished.
 */
#include "repro/test-held.h"

static struct mx_reg *other; /* the process that polls */

static void other_process(void *arg)
{
	struct mx_conn_params p = {.server = "s", .kind = MX_CONN_MAILBOX};
	struct side *s = arg;
	struct mx_clist *cl = NULL;
	struct mx_conn *k = NULL;

	explore_event("poller");
	if (mx_clist_join(other, &s->sid, "u", &cl, NULL))
		explore_fail("no list");
	explore_forget("joined", knows(cl, NULL));
	if (mx_conn_open(cl, &p, &k, NULL))
		explore_fail("no connection");
	explore_forget("connected", knows(cl, k));
	mx_conn_set_poller(k, MX_POLLER_STARTING);
	explore_forget("starting", knows(cl, k));
	mx_conn_set_poller(k, MX_POLLER_PARKED);
	explore_forget("parked", knows(cl, k));
	while (!shm_get32(&s->stop))
		futex_sleep(&s->stop, 0, UINT64_MAX);
	mx_conn_set_poller(k, MX_POLLER_DONE);
	explore_forget("done", knows(cl, k));
	mx_sched_unlocking(&other->map.list_claims[cl->slot]);
	mx_conn_close(k, MX_CONN_ENDED);
	explore_forget("closed", knows(cl, NULL));
	mx_clist_leave(cl);
}

/* Waits for everyone's pollers, also those of the other process. */
static void waiter(void *arg)
{
	struct side *s = arg;
	struct mx_clist *cl = NULL;

	explore_event("connect");
	if (mx_clist_join(reg, &s->sid, "u", &cl, NULL))
		explore_fail("no list");
	explore_start(s->poller);
	explore_forget("joined", knows(cl, NULL));
	explore_event("release");
	shm_put32(&s->stop, 1);
	futex_wake(&s->stop, 1);
	if (mx_clist_wait_done(cl, MX_SCOPE_EVERYONE, MX_MONO_NEVER, NULL, NULL,
			       NULL))
		explore_fail("the wait failed");
	explore_forget("done", knows(cl, NULL));
	mx_sched_unlocking(&reg->map.list_claims[cl->slot]);
	mx_clist_leave(cl);
}

/* The kernel drops a dead process's byte lock. */
static void other_dies(void *arg)
{
	(void)arg;
	segment_unlock_slot(other->fd, other->slot);
}

static void other_lives(void *arg)
{
	(void)arg;
	if (segment_lock_slot(other->fd, other->slot))
		abort();
}

/* After a death, once the survivor has done its housekeeping. */
static bool nothing_left_behind(void *arg, bool hangs)
{
	void *all = malloc(reg->map.bytes);
	bool ok;

	if (!all)
		abort();
	memcpy(all, reg->map.base, reg->map.bytes);
	(void)sweep_dead(reg);
	ok = nothing_left(arg, hangs);
	memcpy((void *)(uintptr_t)reg->map.base, all, reg->map.bytes);
	free(all);
	return ok;
}

/* This side's user: one process waits, another polls. */
static void begin_two(struct explore_params *p, uint32_t n_buckets,
		      unsigned side)
{
	struct explore_thread *t;

	begin(p, n_buckets);
	other = tu_attach();
	t = &p->threads[2 * side];
	t[0].fn = waiter;
	t[1].fn = other_process;
	p->n_threads = 2 * side + 2;
	p->mem[4] = (struct explore_mem){other, sizeof(*other)};
	p->mem[5] = (struct explore_mem){
		other->holds, other->map.n_lists * sizeof(*other->holds),
		.dies = true};
	p->n_mem = 6;
	p->alias = other->map.base;
	p->alias_of = reg->map.base;
	p->alias_n = other->map.bytes;
	p->check = nothing_left_behind;
}

/* That process dies at any step, or lives on. */
static void may_die(struct explore_params *p, unsigned poller)
{
	p->victims = 1u << poller;
	p->word = &reg->map.procs[other->slot].gen;
	p->die = other_dies;
	p->revive = other_lives;
}

/* ---- one user ---- */

static void end_two(void)
{
	mx_reg_close(other);
	mx_reg_close(reg);
}

static void test_two_processes_in_every_order(void **state)
{
	struct explore_result r;
	struct explore_params p;

	begin_two(&p, 1, 0);
	run("two processes", &p, &r);
	assert_int_equal(r.hung, 0);
	end_two();
}

/* Killed at any step, also inside the bucket's lock. */
static void test_poller_killed_at_any_step_holds_nobody_up(void **state)
{
	struct explore_result r;
	struct explore_params p;

	only_plain();
	begin_two(&p, 1, 0);
	may_die(&p, POLLER_A);
	run("two processes, the poller's killed at any step", &p, &r);
	assert_int_equal(r.hung, 0);
	assert_true(r.deaths > 100);
	end_two();
}

/* What threads have read is left out in both. */
static void test_reduced_search_of_a_death_finds_the_same_ends(void **state)
{
	struct explore_result all;
	struct explore_params p;

	only_plain();
	begin_two(&p, 1, 0);
	may_die(&p, POLLER_A);
	same_ends("two processes, the poller's killed", &p, true, &all);
	assert_int_equal(all.hung, 0);
	end_two();
}

/* ---- so it would be found ---- */

static void no_trace(void *arg)
{
	(void)arg;
}

/* The kernel keeps a dead process's byte lock: nobody sees that it is dead. */
static void test_unseen_death_is_found(void **state)
{
	struct explore_result r;
	struct explore_params p;

	only_plain();
	begin_two(&p, 1, 0);
	may_die(&p, POLLER_A);
	p.die = p.revive = no_trace;
	p.first_hang = true;
	explore(&p, &r);
	print_message("a death that nobody sees: found after %" PRIu64
		      " states\n",
		      r.states);
	assert_int_equal(r.hung, 1);
	end_two();
}

/* ---- beside another user ---- */

/* B's poller is in the process that dies; A is in the one that survives, with a
 * poller of his own. */
static void begin_beside(struct explore_params *p, uint32_t n_buckets)
{
	begin_two(p, n_buckets, 1);
	may_die(p, POLLER_B);
	p->max_states = 200000000;
}

static void nobody(void *arg)
{
	(void)arg;
}

/* A joins and leaves. */
static void only_member(struct explore_params *p)
{
	p->threads[WORKER_A].fn = member;
	p->threads[POLLER_A].fn = nobody;
	p->threads[POLLER_A].waits = false;
}

static void test_death_beside_a_member(void **state)
{
	struct explore_result r;
	struct explore_params p;

	only_plain();
	begin_beside(&p, 2);
	only_member(&p);
	run("beside a member, B's poller killed at any step", &p, &r);
	assert_int_equal(r.hung, 0);
	assert_true(r.deaths > 100);
	end_two();
}

static void test_death_beside_a_member_of_the_bucket(void **state)
{
	struct explore_result r;
	struct explore_params p;

	only_soak();
	begin_beside(&p, 1);
	only_member(&p);
	run("beside a member of its bucket, B's poller killed at any step", &p,
	    &r);
	assert_int_equal(r.hung, 0);
	assert_true(r.deaths > 100);
	end_two();
}

static void test_death_beside_another_user(void **state)
{
	struct explore_result r;
	struct explore_params p;

	only_soak();
	begin_beside(&p, 2);
	run("two users, B's poller killed at any step", &p, &r);
	assert_int_equal(r.hung, 0);
	assert_true(r.deaths > 100);
	end_two();
}

static bool lose_done_of_b(void *arg, const void *word)
{
	const struct shm_list *b = &reg->map.lists[1];

	(void)arg;
	return word == &b->done_seq;
}

/* The same search: without a death, B would wait for ever. */
static void test_lost_signal_is_found_beside_another_user(void **state)
{
	struct explore_result r;
	struct explore_params p;

	only_plain();
	begin_beside(&p, 2);
	p.lose_wake = lose_done_of_b;
	p.first_hang = true;
	explore(&p, &r);
	print_message("two users, B's completion lost: found after %" PRIu64
		      " states\n",
		      r.states);
	assert_int_equal(r.hung, 1);
	end_two();
}

MX_TEST_MAIN(MX_TEST(test_two_processes_in_every_order),
	     MX_TEST_IN(test_poller_killed_at_any_step_holds_nobody_up, 240),
	     MX_TEST_IN(test_reduced_search_of_a_death_finds_the_same_ends,
			240),
	     MX_TEST(test_unseen_death_is_found),
	     MX_TEST_IN(test_death_beside_a_member, 120),
	     MX_TEST(test_lost_signal_is_found_beside_another_user),
	     MX_TEST_IN(test_death_beside_a_member_of_the_bucket, 1200),
	     MX_TEST_IN(test_death_beside_another_user, 1800))
