/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lock.h"

#include <errno.h>

_Thread_local int mx_locks_held;

void mx_mutex_init(struct mx_mutex *m)
{
	pthread_mutex_init(&m->m, NULL);
}

void mx_mutex_fini(struct mx_mutex *m)
{
	pthread_mutex_destroy(&m->m);
}

void mx_mutex_lock(struct mx_mutex *m) MX_NO_LOCK_ANALYSIS
{
	int r = pthread_mutex_lock(&m->m);

	assert(r == 0);
	(void)r;
	mx_count_lock(1);
}

bool mx_mutex_try(struct mx_mutex *m) MX_NO_LOCK_ANALYSIS
{
	if (pthread_mutex_trylock(&m->m))
		return false;
	mx_count_lock(1);
	return true;
}

void mx_mutex_unlock(struct mx_mutex *m) MX_NO_LOCK_ANALYSIS
{
	int r;

	mx_count_lock(-1);
	r = pthread_mutex_unlock(&m->m);
	assert(r == 0);
	(void)r;
}

void mx_mutex_lock_inner(struct mx_mutex *m) MX_NO_LOCK_ANALYSIS
{
	mx_mutex_lock(m);
}

void mx_mutex_unlock_inner(struct mx_mutex *m) MX_NO_LOCK_ANALYSIS
{
	mx_mutex_unlock(m);
}

void mx_cond_init(struct mx_cond *c)
{
	pthread_condattr_t a;

	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&c->c, &a);
	pthread_condattr_destroy(&a);
}

void mx_cond_fini(struct mx_cond *c)
{
	pthread_cond_destroy(&c->c);
}

void mx_cond_signal(struct mx_cond *c)
{
	pthread_cond_signal(&c->c);
}

void mx_cond_broadcast(struct mx_cond *c)
{
	pthread_cond_broadcast(&c->c);
}

int mx_cond_wait(struct mx_cond *c, struct mx_mutex *m,
		 mx_mono deadline) MX_NO_LOCK_ANALYSIS
{
	struct timespec ts = mx_mono_timespec(deadline);
	int r;

	mx_count_lock(-1);
	if (deadline.ns == INT64_MAX)
		r = pthread_cond_wait(&c->c, &m->m);
	else
		r = pthread_cond_timedwait(&c->c, &m->m, &ts);
	mx_count_lock(1);
	return r == ETIMEDOUT ? -ETIMEDOUT : 0;
}
