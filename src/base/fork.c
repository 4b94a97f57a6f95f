/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fork.h"

#include <assert.h>

#define MAX_ENTRIES 16

static struct {
	struct mx_mutex lock; /* held over fork like the others, first of all */
	struct mx_mutex *locks[MAX_ENTRIES];
	void (*fns[MAX_ENTRIES])(void);
	unsigned n_locks, n_fns;
} F = {.lock = MX_MUTEX_INIT};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void before(void) MX_NO_LOCK_ANALYSIS
{
	mx_mutex_lock(&F.lock);
	for (unsigned i = 0; i < F.n_locks; i++)
		mx_mutex_lock(F.locks[i]);
}

static void give_back(void) MX_NO_LOCK_ANALYSIS
{
	for (unsigned i = F.n_locks; i; i--)
		mx_mutex_unlock(F.locks[i - 1]);
	mx_mutex_unlock(&F.lock);
}

static void in_child(void)
{
	give_back();
	for (unsigned i = 0; i < F.n_fns; i++)
		F.fns[i]();
}

static void arm(void)
{
	pthread_atfork(before, give_back, in_child);
}

void mx_fork_hold(struct mx_mutex *lock)
{
	pthread_once(&once, arm);
	mx_mutex_lock(&F.lock);
	assert(F.n_locks < MAX_ENTRIES);
	F.locks[F.n_locks++] = lock;
	mx_mutex_unlock(&F.lock);
}

void mx_fork_child(void (*fn)(void))
{
	pthread_once(&once, arm);
	mx_mutex_lock(&F.lock);
	assert(F.n_fns < MAX_ENTRIES);
	F.fns[F.n_fns++] = fn;
	mx_mutex_unlock(&F.lock);
}
