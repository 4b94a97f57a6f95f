/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detaching while other threads give holds back.  A leaver is no call that the
 * registry counts; what keeps it from clearing a bit that by then is another
 * process's, or from touching what is unmapped, is the hold's own state.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>

#include "connlist/clist.h"
#include "connlist/registry-private.h"
#include "connlist/test-util.h"

static struct {
	pthread_t leaver;
	sem_t inside, go_on;
} halt;

/* Before the leaver's first store. */
static void halt_leaver(void)
{
	static __thread bool once;

	if (once || !pthread_equal(pthread_self(), halt.leaver))
		return;
	once = true;
	sem_post(&halt.inside);
	while (sem_wait(&halt.go_on))
		;
}

static void *leave(void *arg)
{
	halt.leaver = pthread_self();
	mx_clist_leave(arg);
	return NULL;
}

static void *close_reg(void *arg)
{
	mx_reg_close(arg);
	return NULL;
}

static bool is_gone(const struct mx_reg *reg)
{
	return __atomic_load_n(&reg->gone, __ATOMIC_ACQUIRE);
}

static bool is_member(const struct mx_reg *reg, const struct mx_clist *cl)
{
	const struct shm_list *l = &reg->map.lists[mx_clist_slot(cl)];

	return shm_get64(&l->members[SHM_MEMBER_WORD(reg->slot)]) &
	       SHM_MEMBER_BIT(reg->slot);
}

/* Promise 3: a hold is given back for whom it was taken, or not at all. */
static void test_detaching_waits_for_who_is_just_leaving(void **state)
{
	const struct timespec a_while = {.tv_nsec = 50 * MX_NS_PER_MS};
	struct mx_reg *keeper = tu_open(4, 4, 0), *reg = tu_attach();
	const struct shm_proc *p = &keeper->map.procs[reg->slot];
	struct mx_clist *kept = tu_join(keeper, 1), *cl = tu_join(reg, 1);
	const struct shm_list *l = &keeper->map.lists[mx_clist_slot(kept)];
	uint32_t slot = reg->slot;
	uint64_t gen = shm_get64(&p->gen);
	pthread_t leaver, closer;

	sem_init(&halt.inside, 0, 0);
	sem_init(&halt.go_on, 0, 0);
	mx_shm_step = halt_leaver;
	assert_int_equal(pthread_create(&leaver, NULL, leave, cl), 0);
	while (sem_wait(&halt.inside))
		;
	assert_int_equal(pthread_create(&closer, NULL, close_reg, reg), 0);
	while (!is_gone(reg))
		sched_yield();
	nanosleep(&a_while, NULL);
	/* However long it takes: nothing of it is undone yet. */
	assert_int_equal(shm_get64(&p->gen), gen);
	assert_true(segment_slot_locked(keeper->fd, slot));
	sem_post(&halt.go_on);
	pthread_join(leaver, NULL);
	pthread_join(closer, NULL);
	mx_shm_step = NULL;
	assert_false(shm_get64(&l->members[SHM_MEMBER_WORD(slot)]) &
		     SHM_MEMBER_BIT(slot));
	mx_clist_leave(kept);
	tu_assert_empty(keeper);
	mx_reg_close(keeper);
}

/* A hold that outlives its attachment clears nobody's bit. */
static void test_a_late_leaver_leaves_the_next_owners_bit(void **state)
{
	struct mx_reg *keeper = tu_open(4, 4, 0), *reg = tu_attach(), *next;
	struct mx_clist *kept = tu_join(keeper, 1), *late = tu_join(reg, 1);
	uint32_t slot = reg->slot;
	struct mx_clist *cl;

	mx_reg_close(reg);
	next = tu_attach();
	assert_int_equal(next->slot, slot);
	cl = tu_join(next, 1);
	mx_clist_leave(late);
	assert_true(is_member(next, cl));
	mx_clist_leave(cl);
	mx_reg_close(next);
	mx_clist_leave(kept);
	tu_assert_empty(keeper);
	mx_reg_close(keeper);
}

#define LEAVERS 4
#define ROUNDS 200

static void *leave_some(void *arg)
{
	struct mx_clist **cl = arg;

	for (int i = 0; i < 4; i++)
		mx_clist_leave(cl[i]);
	return NULL;
}

static void test_leaving_and_detaching_race(void **state)
{
	struct mx_reg *keeper = tu_open(4, 4, 0);
	struct mx_clist *kept = tu_join(keeper, 0), *cl[LEAVERS][4], *own;
	pthread_t id[LEAVERS];

	for (int round = 0; round < ROUNDS; round++) {
		struct mx_reg *reg = tu_attach(), *next;

		for (uint32_t i = 0; i < LEAVERS; i++)
			for (uint32_t j = 0; j < 4; j++)
				cl[i][j] = tu_join(reg, (i + j) % 3);
		for (int i = 0; i < LEAVERS; i++)
			assert_int_equal(pthread_create(&id[i], NULL,
							leave_some, cl[i]),
					 0);
		mx_reg_close(reg);
		next = tu_attach();
		own = tu_join(next, 0);
		for (int i = 0; i < LEAVERS; i++)
			pthread_join(id[i], NULL);
		assert_true(is_member(next, own));
		assert_true(is_member(keeper, kept));
		mx_reg_close(next);
		mx_clist_leave(own);
	}
	mx_clist_leave(kept);
	tu_assert_empty(keeper);
	mx_reg_close(keeper);
}

MX_TEST_MAIN(MX_TEST(test_detaching_waits_for_who_is_just_leaving),
	     MX_TEST(test_a_late_leaver_leaves_the_next_owners_bit),
	     MX_TEST(test_leaving_and_detaching_race))
