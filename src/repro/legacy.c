/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The old algorithm.  Its faults are the point; do not repair them here:
 *   - the CRC is taken for the identity (connect, look_up)
 *   - "only one list, so it is mine" (look_up)
 *   - an end without a signal (legacy_poll)
 *   - a wait without a deadline and without a look at who should end it
 */
#include "repro/legacy.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "connlist/put.h"
#include "repro/explore.h"

/* ---- waiting and waking ---- */

static void wait_on(const uint32_t *word, uint32_t v, unsigned ms)
{
	const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	syscall(SYS_futex, word, FUTEX_WAIT, v, ms ? &t : NULL, NULL, 0);
}

static void wake(const uint32_t *word, int n)
{
	syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0);
}

/* In the old runtime a mutex of the system: for the exploration one step. */
#ifdef MX_SHM_SCHED
static void lock(const struct legacy_seg *seg)
{
	explore_lock(SHM_MUTABLE32(&seg->lock));
}

static void unlock(const struct legacy_seg *seg)
{
	explore_unlock(SHM_MUTABLE32(&seg->lock));
}
#else
static void lock(const struct legacy_seg *seg)
{
	if (shm_cas32(&seg->lock, 0, 1))
		return;
	while (shm_swap32(&seg->lock, 2))
		wait_on(&seg->lock, 2, 0);
}

static void unlock(const struct legacy_seg *seg)
{
	if (shm_swap32(&seg->lock, 0) == 2)
		wake(&seg->lock, 1);
}
#endif

/* ---- the mapping ---- */

struct legacy_seg *legacy_map(void)
{
	void *p = mmap(NULL, sizeof(struct legacy_seg), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void legacy_unmap(struct legacy_seg *seg)
{
	if (seg)
		munmap(seg, sizeof(*seg));
}

/* ---- connect ---- */

static int find(const struct legacy_seg *seg, uint32_t crc)
{
	for (int i = 0; i < LEGACY_LISTS; i++)
		if (shm_get32(&seg->list[i].used) &&
		    shm_get32(&seg->list[i].crc) == crc)
			return i;
	return -1;
}

static int make(const struct legacy_seg *seg, uint32_t crc)
{
	for (int i = 0; i < LEGACY_LISTS; i++) {
		const struct legacy_list *l = &seg->list[i];

		if (shm_get32(&l->used))
			continue;
		shm_put32(&l->crc, crc);
		shm_put32(&l->refs, 0);
		shm_put32(&l->stop, 0);
		shm_put32(&l->done, 0);
		shm_put32(&l->used, 1);
		shm_put32(&seg->n_lists, shm_get32(&seg->n_lists) + 1);
		return i;
	}
	return -1;
}

int legacy_connect(const struct legacy_seg *seg, uint32_t crc, bool *ret_made)
{
	int i;

	lock(seg);
	i = find(seg, crc);
	*ret_made = i < 0;
	if (i < 0)
		i = make(seg, crc);
	if (i >= 0)
		shm_put32(&seg->list[i].refs,
			  shm_get32(&seg->list[i].refs) + 1);
	unlock(seg);
	return i;
}

/* ---- the poller ---- */

static int only_list(const struct legacy_seg *seg)
{
	for (int i = 0; i < LEGACY_LISTS; i++)
		if (shm_get32(&seg->list[i].used))
			return i;
	return -1;
}

/* The fault's camouflage: with one list nobody looks whose it is. */
static int look_up(const struct legacy_seg *seg, uint32_t own_crc,
		   uint32_t *ret_lists)
{
	*ret_lists = shm_get32(&seg->n_lists);
	return *ret_lists == 1 ? only_list(seg) : find(seg, own_crc);
}

enum legacy_end legacy_poll(const struct legacy_seg *seg, uint32_t own_crc,
			    void (*work)(void *arg, int list), void *arg,
			    unsigned period_ms, uint32_t *ret_lists)
{
	for (;;) {
		const struct legacy_list *l;
		uint32_t stop = 0;
		int i;

		lock(seg);
		i = look_up(seg, own_crc, ret_lists);
		if (i >= 0)
			stop = shm_get32(&seg->list[i].stop);
		unlock(seg);
		if (i < 0)
			return LEGACY_SILENT;
		l = &seg->list[i];
		if (stop) {
			shm_put32(&l->done, 1);
			wake(&l->done, INT_MAX);
			return LEGACY_SIGNALLED;
		}
		work(arg, i);
		wait_on(&l->stop, 0, period_ms);
	}
}

/* ---- release ---- */

void legacy_release(const struct legacy_seg *seg, int list)
{
	const struct legacy_list *l = &seg->list[list];
	uint32_t refs;

	lock(seg);
	refs = shm_get32(&l->refs) - 1;
	shm_put32(&l->refs, refs);
	if (!refs)
		shm_put32(&l->stop, 1);
	unlock(seg);
	if (refs)
		return;
	wake(&l->stop, 1);
	while (!shm_get32(&l->done))
		wait_on(&l->done, 0, 0);
	lock(seg);
	shm_put32(&l->used, 0);
	shm_put32(&seg->n_lists, shm_get32(&seg->n_lists) - 1);
	unlock(seg);
}
