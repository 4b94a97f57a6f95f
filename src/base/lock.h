/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mutex that knows the rules.  No lock is held across I/O (promise 5):
 *   - clang's thread-safety analysis knows who takes, needs and must not have
 *     one; src/base/lint-locks runs it over the client in every `make check`
 *   - debug builds (MX_DEBUG_LOCKS, all sanitizer builds) count what the thread
 *     holds, so that mx_assert_unlocked() stops the program before I/O
 */
#ifndef MX_BASE_LOCK_H
#define MX_BASE_LOCK_H

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/clock.h"

/* Says which lock of the same struct guards a field.  For people: Debian 12's
 * clang cannot parse guarded_by on a later or sibling member in C. */
#define MX_GUARDED(x)

/* Annotations of functions:
 *   MX_HOLDS(m)  called with m held
 *   MX_LOCKED    called with some lock held; its name ends in _locked
 *   MX_UNLOCKED  does I/O, runs the program's code or waits for others: called
 *                with none */
#ifdef __clang__
#define MX_CAPABILITY __attribute__((capability("mutex")))
#define MX_HOLDS(x) __attribute__((requires_capability(x, mx_any_lock)))
#define MX_LOCKED __attribute__((requires_capability(mx_any_lock)))
#define MX_UNLOCKED __attribute__((locks_excluded(mx_any_lock)))
#define MX_ACQUIRES(x) __attribute__((acquire_capability(x, mx_any_lock)))
#define MX_RELEASES(x) __attribute__((release_capability(x, mx_any_lock)))
#define MX_TRY_ACQUIRES(x)                                                     \
	__attribute__((try_acquire_capability(true, x, mx_any_lock)))
#define MX_ACQUIRES_INNER(x) MX_LOCKED __attribute__((acquire_capability(x)))
#define MX_RELEASES_INNER(x) MX_LOCKED __attribute__((release_capability(x)))
#define MX_NO_LOCK_ANALYSIS __attribute__((no_thread_safety_analysis))
#else
#define MX_CAPABILITY
#define MX_HOLDS(x)
#define MX_LOCKED
#define MX_UNLOCKED
#define MX_ACQUIRES(x)
#define MX_RELEASES(x)
#define MX_TRY_ACQUIRES(x)
#define MX_ACQUIRES_INNER(x)
#define MX_RELEASES_INNER(x)
#define MX_NO_LOCK_ANALYSIS
#endif

/* For the analysis alone: what every thread has that holds any lock. */
struct MX_CAPABILITY mx_any_lock {
	char nothing;
};
extern struct mx_any_lock mx_any_lock;

struct MX_CAPABILITY mx_mutex {
	pthread_mutex_t m;
};

/* clang-format off */
#define MX_MUTEX_INIT {PTHREAD_MUTEX_INITIALIZER}
/* clang-format on */

/* How many locks this thread holds; 0 always without MX_DEBUG_LOCKS. */
extern _Thread_local int mx_locks_held;

/* For a lock that is no mx_mutex: one more, or -1. */
static inline void mx_count_lock(int n)
{
#ifdef MX_DEBUG_LOCKS
	mx_locks_held += n;
#endif
}

void mx_mutex_init(struct mx_mutex *m);
void mx_mutex_fini(struct mx_mutex *m);
void mx_mutex_lock(struct mx_mutex *m) MX_ACQUIRES(m);
void mx_mutex_unlock(struct mx_mutex *m) MX_RELEASES(m);
/* Takes it when nobody has it; never waits.  True: it is held. */
bool mx_mutex_try(struct mx_mutex *m) MX_TRY_ACQUIRES(m);
/* The same under another lock, in the order of doc/locks.md. */
void mx_mutex_lock_inner(struct mx_mutex *m) MX_ACQUIRES_INNER(m);
void mx_mutex_unlock_inner(struct mx_mutex *m) MX_RELEASES_INNER(m);

/* A condition variable on the monotonic clock. */
struct mx_cond {
	pthread_cond_t c;
};

void mx_cond_init(struct mx_cond *c);
void mx_cond_fini(struct mx_cond *c);
void mx_cond_signal(struct mx_cond *c);
void mx_cond_broadcast(struct mx_cond *c);

/* Waits for a signal or the deadline; 0 or -ETIMEDOUT.  m is held on return.
 * Wakes may be spurious: callers loop on their condition. */
int mx_cond_wait(struct mx_cond *c, struct mx_mutex *m, mx_mono deadline)
	MX_HOLDS(m);

/* Before I/O, SQL or a callback: promise 5, no lock is held across I/O. */
static inline void mx_assert_unlocked(void)
{
	assert(mx_locks_held == 0);
}

#endif
