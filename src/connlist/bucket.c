/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bucket lock: one futex word that holds its owner's process slot and
 * generation, never a thread id.
 *
 *   lock    0 → tag by compare-and-swap; else mark it (WAITERS), sleep at most
 *           100 ms, ask whether the owner lives; dead: tag → own tag, then
 *           sweep the bucket before anything else happens under the lock.
 *   unlock  → 0, wake one sleeper if marked; then look at `todo`.
 *   release (bucket_sweep_soon) never waits: it sets `todo` and tries the lock.
 *           Either it gets it, or the holder sees `todo` after letting go.
 *
 * A woken sleeper that dies before it locks loses a wake-up for the others; the
 * 100 ms bound that.
 *
 * The clang lock analysis cannot see this lock; never two buckets at a time.
 */
#include "connlist/registry-private.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef MX_SHM_SCHED /* spinning is only faster than sleeping */
#define SPINS 1
#else
#define SPINS 100
#endif

void (*mx_shm_step)(void);

void futex_wake(const uint32_t *word, int n)
{
	syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0);
}

/* FUTEX_WAIT_BITSET has an absolute, monotonic time-out. */
bool futex_sleep(const uint32_t *word, uint32_t v, uint64_t until_ns)
{
	const struct timespec t =
		mx_mono_timespec((mx_mono){(int64_t)until_ns});

	return syscall(SYS_futex, word, FUTEX_WAIT_BITSET, v, &t, NULL,
		       FUTEX_BITSET_MATCH_ANY) &&
	       errno == ETIMEDOUT;
}

bool tag_alive(struct mx_reg *reg, uint32_t tag)
{
	uint32_t slot = SHM_TAG_SLOT(tag);

	if (tag == reg->tag)
		return true;
	if (slot >= reg->map.n_procs || slot == reg->slot)
		return false;
	if ((shm_get64(&reg->map.procs[slot].gen) & SHM_TAG_GEN_MASK) !=
	    SHM_TAG_GEN(tag))
		return false;
	return segment_slot_locked(reg->fd, slot);
}

static int busy_fault(struct mx_reg *reg, uint32_t tag, struct mx_fault *f)
{
	uint32_t slot = SHM_TAG_SLOT(tag);
	const struct shm_proc *p;
	uint64_t now, moved;
	char name[32];

	if (slot >= reg->map.n_procs)
		return reg_damaged(f, "a lock names no process");
	p = &reg->map.procs[slot];
	shm_get_text(name, p->name, 4);
	now = now_ns();
	moved = shm_get64(&p->beat_ns);
	if (!moved)
		moved = shm_get64(&p->attached_ns);
	return reg_fault(
		f, -EBUSY,
		"process %u (%s) has held a lock of %s for longer "
		"than %.1f s and last moved %.1f s ago; is it stopped?",
		shm_get32(&p->pid), name, reg->path,
		(double)LOCK_PATIENCE_NS / 1e9,
		now > moved ? (double)(now - moved) / 1e9 : 0.0);
}

static void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* The owner is dead and the word is ours: finish its work first.  When that
 * cannot be done the lock stays with the dead, and says so to everybody. */
static int recover(struct mx_reg *reg, uint32_t bucket, uint32_t dead)
{
	const struct shm_bucket *b = &reg->map.buckets[bucket];
	int err = sweep_bucket_locked(reg, bucket, true);

	if (err)
		shm_swap32(&b->lock, dead);
	return err;
}

/* One look at a word that somebody else holds.  0: it is ours; -EAGAIN: not
 * yet; -EBADMSG. */
static int take_from_dead(struct mx_reg *reg, uint32_t bucket, uint32_t word,
			  bool *ret_mine)
{
	const struct shm_bucket *b = &reg->map.buckets[bucket];
	uint32_t owner = word & ~SHM_LOCK_WAITERS;

	*ret_mine = false;
	if (tag_alive(reg, owner))
		return 0;
	if (!shm_cas32(&b->lock, word, reg->tag | SHM_LOCK_WAITERS))
		return 0;
	*ret_mine = true;
	return recover(reg, bucket, owner);
}

/* One sleep; what of it counts as waiting for this holder.  A wake-up begins a
 * new count, a signal does not. */
static int64_t sleep_once(const uint32_t *lock, uint32_t word, int64_t slept,
			  int64_t most)
{
	uint64_t before = now_ns();
	int64_t took;

	errno = 0;
	if (futex_sleep(lock, word, before + (uint64_t)most))
		return slept + most;
	if (errno != EINTR)
		return 0;
	took = (int64_t)(now_ns() - before);
	return slept + (took < most ? took : most);
}

/* Patience is counted in sleeps that nobody ended, so a process that was itself
 * stopped for a while does not blame another. */
static int lock_slowly(struct mx_reg *reg, uint32_t bucket, int64_t patience_ns,
		       struct mx_fault *f)
{
	const struct shm_bucket *b = &reg->map.buckets[bucket];
	int64_t slept = 0, left;
	bool mine;
	int err;

	for (;;) {
		uint32_t word;

		mx_sched_forget((uint64_t)slept + 1);
		word = shm_get32(&b->lock);
		/* Others may sleep: keep the mark. */
		if (!word &&
		    shm_cas32(&b->lock, 0, reg->tag | SHM_LOCK_WAITERS))
			return 0;
		if (!word)
			continue;
		err = take_from_dead(reg, bucket, word, &mine);
		if (err)
			return reg_damaged(f, "a dead process's change cannot "
					      "be finished");
		if (mine)
			return 0;
		left = patience_ns - slept;
		if (left <= 0)
			return busy_fault(reg, word & ~SHM_LOCK_WAITERS, f);
		if (!(word & SHM_LOCK_WAITERS) &&
		    !shm_cas32(&b->lock, word, word | SHM_LOCK_WAITERS))
			continue;
		slept = sleep_once(&b->lock, word | SHM_LOCK_WAITERS, slept,
				   left < PROBE_NS ? left : PROBE_NS);
	}
}

static bool lock_quickly(struct mx_reg *reg, const struct shm_bucket *b)
{
	for (int i = 0; i < SPINS; i++) {
		if (!shm_get32(&b->lock) && shm_cas32(&b->lock, 0, reg->tag))
			return true;
		pause_cpu();
	}
	return false;
}

/* For those who watch: the deterministic scheduler, promise 5. */
static void note_locked(const struct shm_bucket *b)
{
	mx_sched_locked(&b->lock);
	mx_count_lock(1);
}

int bucket_lock_within(struct mx_reg *reg, uint32_t bucket, int64_t patience_ns,
		       struct mx_fault *f)
{
	const struct shm_bucket *b = &reg->map.buckets[bucket];
	int err = 0;

	mx_sched_mark();
	if (!lock_quickly(reg, b))
		err = lock_slowly(reg, bucket, patience_ns, f);
	mx_sched_forget((uint64_t)-err);
	if (!err)
		note_locked(b);
	return err;
}

int bucket_lock(struct mx_reg *reg, uint32_t bucket, struct mx_fault *f)
{
	return bucket_lock_within(reg, bucket, LOCK_PATIENCE_NS, f);
}

int bucket_trylock(struct mx_reg *reg, uint32_t bucket)
{
	const struct shm_bucket *b = &reg->map.buckets[bucket];
	uint32_t word;
	bool mine;
	int err;

	if (shm_cas32(&b->lock, 0, reg->tag)) {
		note_locked(b);
		return 0;
	}
	word = shm_get32(&b->lock);
	if (!word)
		return -EAGAIN;
	err = take_from_dead(reg, bucket, word, &mine);
	if (!err && mine)
		note_locked(b);
	return err ? err : mine ? 0 : -EAGAIN;
}

static void let_go(struct mx_reg *reg, uint32_t bucket)
{
	const struct shm_bucket *b = &reg->map.buckets[bucket];

	mx_sched_unlocking(&b->lock);
	mx_count_lock(-1);
	if (shm_swap32(&b->lock, 0) & SHM_LOCK_WAITERS)
		futex_wake(&b->lock, 1);
}

/* Others may leave more to do meanwhile: they then find the lock free or see
 * it held by somebody who looks again. */
static void do_todo(struct mx_reg *reg, uint32_t bucket)
{
	const struct shm_bucket *b = &reg->map.buckets[bucket];

	while (shm_get32(&b->todo)) {
		if (bucket_trylock(reg, bucket))
			return;
		shm_swap32(&b->todo, 0);
		/* Damage shows to whoever locks it for itself. */
		(void)sweep_bucket_locked(reg, bucket, false);
		let_go(reg, bucket);
	}
}

void bucket_unlock(struct mx_reg *reg, uint32_t bucket)
{
	let_go(reg, bucket);
	do_todo(reg, bucket);
}

void bucket_sweep_soon(struct mx_reg *reg, uint32_t bucket)
{
	shm_swap32(&reg->map.buckets[bucket].todo, 1);
	do_todo(reg, bucket);
}
