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

static uint32_t lock_index(const void *lock)
{
	uint32_t i;

	for (i = 0; i < ex.n_locks; i++)
		if (ex.lock_at[i] == lock)
			return i;
	if (i == MAX_LOCKS)
		abort();
	ex.lock_at[ex.n_locks++] = lock;
	return i;
}

static uint16_t lock_bit(const void *lock)
{
	return (uint16_t)(1u << lock_index(lock));
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
	const int cur = ex.run.cur;

	if (cur == NOBODY)
		return;
	lock = ex.word_at[word_of(lock, 4)];
	got_lock(cur, word_of(lock, 4));
	if (ex.p->claim && ex.p->claim(ex.p->arg, lock) == lock) {
		ex.run.owner[lock_index(lock)] =
			(uint8_t)(ex.p->threads[cur].side + 1);
		ex.side_locks |= lock_bit(lock);
	}
}

/* ---- claims ---- */

static bool under_guard(uint16_t held)
{
	for (uint32_t i = 0; i < ex.n_locks; i++)
		if (held >> i & 1 &&
		    (uintptr_t)ex.lock_at[i] - (uintptr_t)ex.p->guards <
			    ex.p->guards_n)
			return true;
	return false;
}

uint16_t held_at(int who, uint32_t word)
{
	uint16_t held = ex.run.actor[who].held;
	const void *claim;
	uint32_t i;

	if (!ex.p->claim || who == KILLER || !under_guard(held))
		return held;
	claim = ex.p->claim(ex.p->arg, ex.word_at[word]);
	if (!claim || claim == ex.word_at[word])
		return held;
	i = lock_index(claim);
	if (ex.run.owner[i] == ex.p->threads[who].side + 1)
		held |= (uint16_t)(1u << i);
	return held;
}

void lock_freed(uint32_t word)
{
	const void *at = ex.word_at[word];
	uint32_t i;

	for (i = 0; i < ex.n_locks && ex.lock_at[i] != at; i++)
		;
	if (i == ex.n_locks || !ex.run.owner[i])
		return;
	ex.run.owner[i] = 0;
	for (int k = 0; k < EXPLORE_THREADS; k++)
		ex.run.actor[k].held &= (uint16_t) ~(1u << i);
	if (!under_guard(ex.run.stored_held) && !(ex.run.stored_held >> i & 1))
		explore_fail("a record is freed without its lock");
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
	else if (a->op.kind == OP_LOCK)
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

/* Who takes a lock from the dead sweeps first, and has it then. */
int __real_sweep_bucket_locked(struct mx_reg *reg, uint32_t bucket, bool probe);
int __wrap_sweep_bucket_locked(struct mx_reg *reg, uint32_t bucket, bool probe);

int __wrap_sweep_bucket_locked(struct mx_reg *reg, uint32_t bucket, bool probe)
{
	const void *lock = &reg->map.buckets[bucket].lock;
	uint16_t *held, bit, before;
	int err;

	if (ex.run.cur == NOBODY)
		return __real_sweep_bucket_locked(reg, bucket, probe);
	held = &ex.run.actor[ex.run.cur].held;
	before = *held;
	bit = lock_bit(ex.word_at[word_of(lock, 4)]);
	if (!(before & bit))
		got_lock(ex.run.cur, word_of(lock, 4));
	err = __real_sweep_bucket_locked(reg, bucket, probe);
	*held &= before | (uint16_t)~bit;
	return err;
}
