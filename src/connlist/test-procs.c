/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several processes at once: sharing, dying, crowds.
 */
#include <errno.h>
#include <sched.h>
#include <time.h>

#include "base/rand.h"
#include "connlist/test-kids.h"

/* --- Sharing ------------------------------------------------------------ */

static void test_two_processes_share_lists_and_budgets(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid kid = kid_start(holder);
	struct mx_conn *k = NULL, *no = NULL;
	struct mx_clist *cl;

	assert_true(hears(kid.fd, 'r'));
	cl = tu_join(reg, 1);
	assert_int_equal(tu_claims(reg->map.list_claims, 64), 1);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &k), 0);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &no), -EDQUOT);
	says(kid.fd, 'q');
	assert_int_equal(kid_wait(&kid), 0);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &no), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_conn_close(no, MX_CONN_ENDED);
	mx_clist_leave(cl);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* Promise 6, and B17: the dead one's session is handed to the next. */
static void test_a_killed_process_leaves_nothing_but_its_session(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid kid = kid_start(holder);
	struct mx_conn *k = NULL;
	struct mx_clist *cl;
	char cookies[64];

	assert_true(hears(kid.fd, 'r'));
	assert_int_equal(procs_in_use(reg), 2);
	kid_kill(&kid);
	mx_reg_tick(reg);
	assert_int_equal(procs_in_use(reg), 1);
	cl = tu_join(reg, 1);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &k), 0);
	assert_int_equal(mx_conn_cookies(k, cookies, sizeof(cookies)), 15);
	assert_string_equal(cookies, "MapiContext=kid");
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* B17: killed a hundred times while connected, never out of places. */
static void test_b17_a_hundred_kills_do_not_exhaust_the_budget(void **state)
{
	struct mx_reg *reg = fresh();

	for (int i = 0; i < 100; i++) {
		struct kid kid = kid_start(holder);

		assert_true(hears(kid.fd, 'r'));
		kid_kill(&kid);
		mx_reg_tick(reg);
		assert_true(tu_claims(reg->map.conn_claims, 256) <= 1);
	}
	mx_reg_close(reg);
}

/* Promise 3: a wait for the poller of a process that dies ends, with no
 * deadline to help. */
static void test_waiting_for_a_dead_process_ends(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid kid = kid_start(holder);
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_clist *cl;

	assert_true(hears(kid.fd, 'r'));
	cl = tu_join(reg, 1);
	assert_int_equal(mx_clist_wait_done(cl, MX_SCOPE_PROCESS, MX_MONO_NEVER,
					    NULL, NULL, NULL),
			 0);
	assert_int_equal(mx_clist_wait_done(cl, MX_SCOPE_EVERYONE, (mx_mono){0},
					    NULL, NULL, &f),
			 -ETIMEDOUT);
	assert_int_equal(kill(kid.pid, SIGKILL), 0);
	assert_int_equal(mx_clist_wait_done(cl, MX_SCOPE_EVERYONE,
					    MX_MONO_NEVER, NULL, NULL, NULL),
			 0);
	kid_wait(&kid);
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

/* A waiter gets the place of a process that dies, with no deadline to help. */
static void test_a_place_held_by_the_dead_is_given_on(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid a = kid_start(holder), b = kid_start(holder);
	struct mx_conn *k = NULL;
	struct mx_clist *cl;

	assert_true(hears(a.fd, 'r'));
	assert_true(hears(b.fd, 'r'));
	cl = tu_join(reg, 1);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &k), -EDQUOT);
	assert_int_equal(kill(a.pid, SIGKILL), 0);
	assert_int_equal(open_conn(cl, MX_MONO_NEVER, &k), 0);
	kid_wait(&a);
	says(b.fd, 'q');
	assert_int_equal(kid_wait(&b), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

static int joiner(int fd)
{
	struct mx_reg *reg = NULL;

	if (!hears(fd, 'g') || attach(&reg))
		return 1;
	for (uint32_t i = 0; i < 200; i++) {
		struct mx_sid sid = mx_sid_unix(i % 7);
		struct mx_clist *cl = NULL;
		struct mx_conn *k = NULL;

		if (mx_clist_join(reg, &sid, "", &cl, NULL) ||
		    open_conn(cl, MX_MONO_NEVER, &k))
			return 2;
		mx_conn_close(k, MX_CONN_ENDED);
		mx_clist_leave(cl);
	}
	mx_reg_close(reg);
	return 0;
}

/* Issue: at least 50 processes at once. */
static void test_sixty_processes_at_once(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid kid[60];

	for (int i = 0; i < 60; i++)
		kid[i] = kid_start(joiner);
	for (int i = 0; i < 60; i++)
		says(kid[i].fd, 'g');
	for (int i = 0; i < 60; i++)
		assert_int_equal(kid_wait(&kid[i]), 0);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static int attach_only(int fd)
{
	struct mx_reg *reg = NULL;
	int err;

	if (!hears(fd, 'g'))
		return 1;
	err = attach(&reg);
	says(fd, err ? 'f' : 'r');
	hears(fd, 'q');
	return err ? 3 : 0;
}

/* Nobody made the file: of twenty who try at once all end up on one. */
static void test_creating_at_once_makes_one_segment(void **state)
{
	struct kid kid[20];
	struct mx_reg *reg = NULL;

	unlink(tu_path());
	for (int i = 0; i < 20; i++)
		kid[i] = kid_start(attach_only);
	for (int i = 0; i < 20; i++)
		says(kid[i].fd, 'g');
	for (int i = 0; i < 20; i++)
		assert_true(hears(kid[i].fd, 'r'));
	assert_int_equal(attach(&reg), 0);
	assert_int_equal(procs_in_use(reg), 21);
	for (int i = 0; i < 20; i++)
		kid_kill(&kid[i]);
	mx_reg_tick(reg);
	assert_int_equal(procs_in_use(reg), 1);
	mx_reg_close(reg);
}

/* --- One bucket --------------------------------------------------------- */

#define EQUALS 1000

static struct mx_sid equal_sid[EQUALS];
static uint32_t equal_slot[EQUALS];
static uint64_t equal_gen[EQUALS];

/* The list's SID as it stands in the segment is the one asked for. */
static bool right_list(struct mx_reg *reg, const struct mx_clist *cl,
		       uint32_t i)
{
	const struct shm_list *l = &reg->map.lists[mx_clist_slot(cl)];
	uint64_t raw[SHM_SID_WORDS];
	struct mx_sid got;

	shm_get_bytes(raw, l->sid, SHM_SID_WORDS);
	return mx_clist_valid(cl) &&
	       !mx_sid_unpack(raw, shm_get32(&l->sid_len), &got) &&
	       mx_sid_equal(&got, &equal_sid[i]);
}

#define HOLDS 16

/* Joins and leaves at random; every list it gets is that of the SID it asked
 * for, and (`held`) the one its parent holds. */
static int mixes(int fd, bool held)
{
	struct mx_prng r = {(uint64_t)getpid()};
	struct mx_clist *cl[HOLDS] = {NULL};
	struct mx_reg *reg = NULL;

	if (attach(&reg) || !hears(fd, 'g'))
		return 1;
	for (int step = 0; step < 1500; step++) {
		uint32_t i = mx_prng_below(&r, EQUALS), h = (uint32_t)step;

		h %= HOLDS;
		mx_clist_leave(cl[h]);
		cl[h] = NULL;
		if (mx_clist_join(reg, &equal_sid[i], "", &cl[h], NULL))
			return 2;
		if (!right_list(reg, cl[h], i))
			return 3;
		if (held && (mx_clist_slot(cl[h]) != equal_slot[i] ||
			     mx_clist_generation(cl[h]) != equal_gen[i]))
			return 4;
	}
	for (int h = 0; h < HOLDS; h++)
		mx_clist_leave(cl[h]);
	mx_reg_close(reg);
	return 0;
}

static int mixes_held(int fd)
{
	return mixes(fd, true);
}

static int mixes_free(int fd)
{
	return mixes(fd, false);
}

static void mix_from_two_processes(int (*fn)(int))
{
	struct kid a = kid_start(fn), b = kid_start(fn);

	says(a.fd, 'g');
	says(b.fd, 'g');
	assert_int_equal(kid_wait(&a), 0);
	assert_int_equal(kid_wait(&b), 0);
}

/* Promise 2: a thousand users with one CRC, joined and left by two processes at
 * once: everybody gets his own list, with a thousand in the chain and while the
 * lists come and go. */
static void test_a_thousand_equal_crcs_from_two_processes(void **state)
{
	struct mx_reg *reg = tu_open(EQUALS, 8, 64);
	static struct mx_clist *cl[EQUALS];

	for (uint32_t i = 0; i < EQUALS; i++) {
		tu_colliding_sid(i, &equal_sid[i]);
		assert_int_equal(mx_sid_crc(&equal_sid[i]),
				 mx_sid_crc(&equal_sid[0]));
		assert_int_equal(
			mx_clist_join(reg, &equal_sid[i], "", &cl[i], NULL), 0);
		equal_slot[i] = mx_clist_slot(cl[i]);
		equal_gen[i] = mx_clist_generation(cl[i]);
	}
	mix_from_two_processes(mixes_held);
	for (uint32_t i = 0; i < EQUALS; i++)
		assert_true(right_list(reg, cl[i], i));
	for (uint32_t i = 0; i < EQUALS; i++)
		mx_clist_leave(cl[i]);
	tu_assert_empty(reg);
	mix_from_two_processes(mixes_free);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* --- Fifty, killed one after another ------------------------------------ */

#define CROWD 50
#define CROWD_USERS 7
#define REPAIR_PROMISE_NS ((uint64_t)(10 * MX_NS_PER_S)) /* 1 s, times 10 */

static bool told(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) != -1;
}

static int one_turn(struct mx_reg *reg, struct mx_prng *r)
{
	struct mx_sid sid = mx_sid_unix(mx_prng_below(r, CROWD_USERS));
	struct mx_clist *cl = NULL;
	struct mx_conn *k = NULL;

	if (mx_clist_join(reg, &sid, "crowd", &cl, NULL) ||
	    open_conn(cl, MX_MONO_NEVER, &k) ||
	    mx_conn_set_cookies(k, "MapiContext=crowd") ||
	    mx_conn_logon_acquire(k) ||
	    mx_conn_set_poller(k, MX_POLLER_STARTING))
		return 1;
	mx_conn_close(k, mx_prng_below(r, 8) ? MX_CONN_ENDED : MX_CONN_LEFT);
	mx_clist_leave(cl);
	return 0;
}

/* Works, and beats as often as programs do, until told to end. */
static int crowd_worker(int fd)
{
	struct mx_prng r = {(uint64_t)getpid()};
	struct mx_reg *reg = NULL;
	uint64_t beat = 0;

	if (attach(&reg))
		return 1;
	says(fd, 'r');
	while (!told(fd)) {
		if (one_turn(reg, &r))
			return 2;
		if (now_ns() - beat > 500u * (uint64_t)MX_NS_PER_MS) {
			mx_reg_tick(reg);
			beat = now_ns();
		}
		sched_yield();
	}
	mx_reg_close(reg);
	return 0;
}

static uint32_t slot_of(struct mx_reg *reg, pid_t pid)
{
	for (uint32_t i = 0; i < reg->map.n_procs; i++)
		if (shm_get32(&reg->map.procs[i].state) != SHM_PROC_FREE &&
		    shm_get32(&reg->map.procs[i].pid) == (uint32_t)pid)
			return i;
	return NO_INDEX;
}

/* Until the survivors have cleaned up after it; how long that took. */
static uint64_t repaired_after(struct mx_reg *reg, uint32_t slot)
{
	const struct timespec step = {.tv_nsec = MX_NS_PER_MS};
	uint64_t from = now_ns();

	while (shm_get32(&reg->map.procs[slot].state) != SHM_PROC_FREE)
		nanosleep(&step, NULL);
	return now_ns() - from;
}

/* Both places of each user can be had, cookies of the dead with them, and no
 * more than that. */
static void every_budget_is_whole(struct mx_reg *reg)
{
	for (uint32_t user = 0; user < CROWD_USERS; user++) {
		struct mx_clist *cl = tu_join(reg, user);
		struct mx_conn *k[2] = {NULL}, *no = NULL;

		assert_int_equal(open_conn(cl, (mx_mono){0}, &k[0]), 0);
		assert_int_equal(open_conn(cl, (mx_mono){0}, &k[1]), 0);
		assert_int_equal(open_conn(cl, (mx_mono){0}, &no), -EDQUOT);
		mx_conn_close(k[0], MX_CONN_ENDED);
		mx_conn_close(k[1], MX_CONN_ENDED);
		mx_clist_leave(cl);
	}
}

/* Fifty at work, every other killed where it happens to be, one after another:
 * the others go on, and they, not we, repair what it left, within a second. */
static void test_fifty_processes_killed_one_after_another(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid kid[CROWD];
	uint64_t most = 0;

	for (int i = 0; i < CROWD; i++)
		kid[i] = kid_start(crowd_worker);
	for (int i = 0; i < CROWD; i++)
		assert_true(hears(kid[i].fd, 'r'));
	assert_int_equal(procs_in_use(reg), CROWD + 1);
	for (int i = 0; i < CROWD; i += 2) {
		uint32_t slot = slot_of(reg, kid[i].pid);
		uint64_t took;

		assert_true(slot < reg->map.n_procs);
		kid_kill(&kid[i]);
		took = repaired_after(reg, slot);
		assert_true(took < REPAIR_PROMISE_NS);
		most = took > most ? took : most;
	}
	assert_int_equal(procs_in_use(reg), CROWD / 2 + 1);
	for (int i = 1; i < CROWD; i += 2)
		says(kid[i].fd, 'q');
	for (int i = 1; i < CROWD; i += 2)
		assert_int_equal(kid_wait(&kid[i]), 0);
	print_message("repaired after %.2f s at most\n", (double)most / 1e9);
	assert_int_equal(procs_in_use(reg), 1);
	every_budget_is_whole(reg);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

MX_TEST_MAIN(MX_TEST(test_two_processes_share_lists_and_budgets),
	     MX_TEST(test_a_killed_process_leaves_nothing_but_its_session),
	     MX_TEST(test_b17_a_hundred_kills_do_not_exhaust_the_budget),
	     MX_TEST(test_waiting_for_a_dead_process_ends),
	     MX_TEST(test_a_place_held_by_the_dead_is_given_on),
	     MX_TEST(test_sixty_processes_at_once),
	     MX_TEST(test_creating_at_once_makes_one_segment),
	     MX_TEST(test_a_thousand_equal_crcs_from_two_processes),
	     MX_TEST_IN(test_fifty_processes_killed_one_after_another, 240))
