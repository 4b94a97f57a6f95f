/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The old lists in every order: connect, poller and release of users A and B,
 * split at every access to the shared mapping, every lock, wait and signal.
 * They must hang, exactly when two lists were there at some look of a poller.
 */
#include <inttypes.h>

#include "base/test.h"
#include "connlist/put.h"
#include "repro/explore.h"
#include "repro/legacy.h"
#include "repro/test-threads.h"

#define CRC_OF_PROCESS 0x50u

struct side {
	uint32_t crc;
	unsigned poller; /* its thread */
	int list;
};

/* Restored before each run. */
static struct world {
	struct side side[2];
	uint64_t life;   /* of the poller; nobody looks at it */
	uint32_t silent; /* a poller has ended because it saw two lists */
} world;

static struct legacy_seg *seg;

static void work(void *arg, int list)
{
	(void)arg;
	explore_forget("poll", (uint64_t)list);
	explore_event("poll");
}

static void poller(void *arg)
{
	uint32_t n = 0;

	(void)arg;
	explore_event("poller");
	if (legacy_poll(seg, CRC_OF_PROCESS, work, NULL, 0, &n) ==
	    LEGACY_SILENT)
		shm_put32(&world.silent, n);
}

static void worker(void *arg)
{
	struct side *s = arg;
	bool made;

	explore_event("connect");
	s->list = legacy_connect(seg, s->crc, &made);
	if (made)
		explore_start(s->poller);
	explore_forget("connected", (uint64_t)s->list);
	explore_event("release");
	legacy_release(seg, s->list);
}

/* Luck is over exactly when a poller looks while there are two lists. */
static bool hangs_with_two(void *arg, bool hangs)
{
	(void)arg;
	return hangs == (world.silent == 2);
}

static void begin(struct explore_params *p, uint32_t crc_a, uint32_t crc_b)
{
	seg = legacy_map();
	assert_non_null(seg);
	world = (struct world){.side = {{.crc = crc_a, .poller = POLLER_A},
					{.crc = crc_b, .poller = POLLER_B}}};
	*p = (struct explore_params){
		.threads = {{"worker A", worker, &world.side[0], false, 0},
			    {"poller A", poller, NULL, true, 0},
			    {"worker B", worker, &world.side[1], false, 1},
			    {"poller B", poller, NULL, true, 1}},
		.n_threads = 4,
		.mem = {{seg, sizeof(*seg), true}, {&world, sizeof(world)}},
		.n_mem = 2,
		.check = hangs_with_two,
	};
}

static void run(const char *what, const struct explore_params *p,
		struct explore_result *ret)
{
	explore(p, ret);
	legacy_unmap(seg);
	print_message("legacy, %s: %" PRIu64 " states explored, %" PRIu64
		      " final states, %" PRIu64 " of them hang; %.6Lg "
		      "schedules, %.6Lg of them hang\n",
		      what, ret->states, ret->finals, ret->hung, ret->schedules,
		      ret->hung_schedules);
	assert_true(ret->complete);
	if (ret->wrong)
		print_error("%s\n", ret->first);
	assert_int_equal(ret->wrong, 0);
}

/* Whole events: connect, the poller's start, each of its looks, release. */
static void
test_events_in_every_order_hang_when_two_lists_are_seen(void **state)
{
	struct explore_result r;
	struct explore_params p;

	begin(&p, 0xa, 0xb);
	p.events = true;
	run("whole events", &p, &r);
	assert_true(r.schedules == 4616);
	assert_true(r.hung_schedules == 3828);
}

static void test_steps_in_every_order_hang_when_two_lists_are_seen(void **state)
{
	struct explore_result r;
	struct explore_params p;

	begin(&p, 0xa, 0xb);
	run("every step", &p, &r);
	assert_int_equal(r.states, 34735);
	assert_int_equal(r.finals, 8);
	assert_int_equal(r.hung, 4);
	assert_true(r.hung_schedules > 0 && r.hung_schedules < r.schedules);
}

/* The search that leaves out orders that cannot matter, which the test of our
 * own lists needs, finds the same ends as the one that leaves out none. */
static void test_reduced_search_finds_the_same_ends(void **state)
{
	struct explore_result r;
	struct explore_params p;

	for (int collapse = 0; collapse < 2; collapse++) {
		begin(&p, 0xa, 0xb);
		p.reduce = true;
		p.collapse = collapse;
		run("reduced", &p, &r);
		assert_true(r.states < 34735);
		assert_int_equal(r.finals, 8);
		assert_int_equal(r.hung, 4);
	}
}

/* Luck: one list is always one's own. */
static void test_one_user_never_hangs(void **state)
{
	struct explore_result r;
	struct explore_params p;

	begin(&p, 0xa, 0xb);
	p.n_threads = 2;
	run("one user", &p, &r);
	assert_int_equal(r.hung, 0);
	assert_true(r.schedules > 10);
}

static void no_trace(void *arg)
{
	(void)arg;
}

static void begin_killed(struct explore_params *p)
{
	begin(p, 0xa, 0xb);
	p->victims = 1u << POLLER_A;
	p->word = &world.life;
	p->die = p->revive = no_trace;
	p->check = NULL;
}

/* Nobody looks whether the poller lives: one user is enough. */
static void test_killed_poller_hangs_one_user(void **state)
{
	struct explore_result r, few;
	struct explore_params p;

	begin_killed(&p);
	p.n_threads = 2;
	run("one user, poller killed at any step", &p, &r);
	assert_int_equal(r.states, 5171);
	assert_int_equal(r.finals, 35);
	assert_int_equal(r.hung, 28);
	begin_killed(&p);
	p.n_threads = 2;
	p.reduce = p.collapse = true;
	run("the same, reduced", &p, &few);
	assert_true(few.states < r.states);
	assert_int_equal(few.ends, r.ends);
	assert_int_equal(few.hung_ends, r.hung_ends);
}

static void test_killed_poller_hangs_two_users(void **state)
{
	struct explore_result r;
	struct explore_params p;

	begin_killed(&p);
	p.reduce = p.collapse = true;
	run("two users, A's poller killed at any step", &p, &r);
	assert_true(r.hung > 4 && r.hung < r.finals);
}

MX_TEST_MAIN(MX_TEST(test_events_in_every_order_hang_when_two_lists_are_seen),
	     MX_TEST(test_steps_in_every_order_hang_when_two_lists_are_seen),
	     MX_TEST(test_reduced_search_finds_the_same_ends),
	     MX_TEST(test_one_user_never_hangs),
	     MX_TEST(test_killed_poller_hangs_one_user),
	     MX_TEST(test_killed_poller_hangs_two_users))
