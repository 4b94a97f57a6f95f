/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds which locks, and the scheduler's own.  Two threads that touch a word
 * under one lock cannot change order there.
 */
#include <stdlib.h>

#include "base/lock.h"
#include "connlist/registry-private.h"
#include "repro/explore-private.h"

static uint16_t lock_bit(const void *lock)
{
	uint32_t i;

	for (i = 0; i < ex.n_locks; i++)
		if (ex.lock_at[i] == lock)
			return (uint16_t)(1u << i);
	if (i == MAX_LOCKS)
		abort();
	ex.lock_at[ex.n_locks++] = lock;
	return (uint16_t)(1u << i);
}

static void got_lock(int who, uint32_t word)
{
	uint16_t bit = lock_bit(ex.word_at[word]);

	for (int i = 0; i < EXPLORE_THREADS; i++)
		if (ex.run.actor[i].held & bit)
			ex.broken_locks++;
	ex.run.actor[who].held |= bit;
}

void mx_sched_locked(const void *lock)
{
	if (ex.run.cur != NOBODY)
		got_lock(ex.run.cur, word_of(lock, 4));
}

void explore_hold(const void *lock)
{
	uint16_t bit = lock_bit(ex.word_at[word_of(lock, 8)]);

	ex.side_locks |= bit;
	ex.run.actor[ex.run.cur].held |= bit;
}

void mx_sched_unlocking(const void *lock)
{
	if (ex.run.cur != NOBODY)
		ex.run.actor[ex.run.cur].held &=
			(uint16_t)~lock_bit(ex.word_at[word_of(lock, 4)]);
}

void what_it_waits_for(int who, int8_t *ret_holder, uint32_t *ret_word)
{
	const struct actor *a = &ex.run.actor[who];

	*ret_holder = NOBODY;
	*ret_word = NO_WORD;
	if (a->ended || a->dead)
		return;
	if (!a->started || a->op.kind == OP_RESUME)
		*ret_word = a->op.word;
	else if (a->op.kind == OP_LOCK || a->op.kind == OP_TAKE)
		for (int8_t i = 0; i < EXPLORE_THREADS; i++)
			if (ex.run.actor[i].held & lock_bit(a->op.at))
				*ret_holder = i;
}

void explore_lock(uint32_t *m)
{
	before(OP_LOCK, m, 4, 1);
	mx_sched_locked(m);
}

void explore_unlock(uint32_t *m)
{
	mx_sched_unlocking(m);
	before(OP_UNLOCK, m, 4, 0);
}

/* ---- what the linker sends here ---- */

/* The lock of an object in the program's own memory.  The program holds another
 * one around it, so nobody ever waits: it is no step, only looked after. */
void __real_mx_mutex_lock(struct mx_mutex *m);
void __real_mx_mutex_unlock(struct mx_mutex *m);
void __wrap_mx_mutex_lock(struct mx_mutex *m);
void __wrap_mx_mutex_unlock(struct mx_mutex *m);

MX_NO_LOCK_ANALYSIS void __wrap_mx_mutex_lock(struct mx_mutex *m)
{
	uint16_t bit;

	if (ex.run.cur == NOBODY) {
		__real_mx_mutex_lock(m);
		return;
	}
	bit = lock_bit(m);
	for (int i = 0; i < EXPLORE_THREADS; i++)
		if (ex.run.actor[i].held & bit)
			abort(); /* somebody would have to wait */
	ex.run.actor[ex.run.cur].held |= bit;
}

MX_NO_LOCK_ANALYSIS void __wrap_mx_mutex_unlock(struct mx_mutex *m)
{
	if (ex.run.cur == NOBODY)
		__real_mx_mutex_unlock(m);
	else
		ex.run.actor[ex.run.cur].held &= (uint16_t)~lock_bit(m);
}

/* Waits until the bucket is free and takes it, in one step.  After a death the
 * lock may be the dead's: then the real code. */
static bool take(const uint32_t *lock, uint32_t tag)
{
	if (ex.run.killed || !before(OP_TAKE, lock, 4, tag)->result)
		return false;
	mx_sched_locked(lock);
	mx_count_lock(1);
	return true;
}

int __real_bucket_lock(struct mx_reg *reg, uint32_t bucket, struct mx_fault *f);
int __wrap_bucket_lock(struct mx_reg *reg, uint32_t bucket, struct mx_fault *f);

int __wrap_bucket_lock(struct mx_reg *reg, uint32_t bucket, struct mx_fault *f)
{
	if (ex.run.cur != NOBODY && ex.p->whole_locks &&
	    take(&reg->map.buckets[bucket].lock, reg->tag))
		return 0;
	return __real_bucket_lock(reg, bucket, f);
}
