/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine as the process sees it: holds, start, hand-over, stop.
 *
 *	OFF ──hold──► ON ──last drop──► DRAINING ──► ENDING ──► OFF
 *
 * Threads start with the first job.  `pending` counts jobs from submit until
 * after their outcome function returned; submit refuses, under the same lock,
 * whatever the state does not take, so an accepted job always finds its loop.
 */
#include "net/engine.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "net/channel-private.h"
#include "net/fork.h"
#include "net/loop.h"
#include "net/serial-private.h"

#define LOOPS_MAX 4

enum state {
	OFF,
	ON,
	DRAINING,
	ENDING,
};

static struct {
	struct mx_mutex lock;
	struct mx_cond cond; /* state, started, pending == 0 */
	bool init;
	enum state state;
	unsigned holds;
	enum { STOPPED, STARTING, STARTED } threads;
	unsigned n_loops, next;
	struct mx_loop *loops[LOOPS_MAX];
	uint64_t pending, submitted, completed;
	struct mx_engine_left left;
} E = {.lock = MX_MUTEX_INIT};

static atomic_uint beats;

static void init_locked(void) MX_LOCKED
{
	if (!E.init)
		mx_cond_init(&E.cond);
	E.init = true;
}

/* No loop has a thread here; they are leaked, and their descriptors closed. */
static void after_fork(void)
{
	memset(&E, 0, sizeof(E));
	mx_mutex_init(&E.lock);
}

int mx_engine_hold(void)
{
	int err = mx_net_setup();

	if (err)
		return err;
	mx_net_on_fork(after_fork);
	mx_mutex_lock(&E.lock);
	init_locked();
	/* A stop that is under way ends within its own deadline. */
	while (E.state == DRAINING || E.state == ENDING)
		mx_cond_wait(&E.cond, &E.lock, MX_MONO_NEVER);
	if (E.state == OFF)
		err = mx_pool_open();
	if (!err) {
		E.state = ON;
		E.holds++;
	}
	mx_mutex_unlock(&E.lock);
	return err;
}

/* --- Start -------------------------------------------------------------- */

static void on_done(void)
{
	mx_mutex_lock(&E.lock);
	E.completed++;
	if (!--E.pending)
		mx_cond_broadcast(&E.cond);
	mx_mutex_unlock(&E.lock);
}

static void on_left(const char *name)
{
	mx_mutex_lock(&E.lock);
	E.left.requests++;
	if (E.left.n_names < MX_ENGINE_LEFT_NAMES)
		snprintf(E.left.names[E.left.n_names++],
			 sizeof(E.left.names[0]), "%s", name);
	mx_mutex_unlock(&E.lock);
}

static unsigned loops_wanted(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 4                ? 1
	       : cores >= 2 * LOOPS_MAX ? LOOPS_MAX
					: (unsigned)cores / 2;
}

/* Fewer threads than wanted will do, none will not. */
static int start_loops(struct mx_loop **loops, unsigned *ret_n)
{
	unsigned n = 0, want = loops_wanted();
	int err = 0;

	while (n < want && !err) {
		err = mx_loop_start(on_done, on_left, &loops[n]);
		n += !err;
	}
	*ret_n = n;
	return n ? 0 : err;
}

static void set_phase_locked(enum mx_loop_phase phase) MX_LOCKED
{
	for (unsigned i = 0; i < E.n_loops; i++)
		mx_loop_set_phase(E.loops[i], phase);
}

/* Starts the threads without the lock: that reads /proc. */
static int started_locked(void) MX_HOLDS(&E.lock)
{
	struct mx_loop *loops[LOOPS_MAX];
	unsigned n;
	int err;

	while (E.threads == STARTING)
		mx_cond_wait(&E.cond, &E.lock, MX_MONO_NEVER);
	if (E.threads == STARTED)
		return 0;
	E.threads = STARTING;
	mx_mutex_unlock(&E.lock);
	err = start_loops(loops, &n);
	mx_mutex_lock(&E.lock);
	memcpy(E.loops, loops, n * sizeof(*loops));
	E.n_loops = n;
	E.threads = err ? STOPPED : STARTED;
	if (E.state == DRAINING)
		set_phase_locked(MX_LOOP_DRAIN);
	mx_cond_broadcast(&E.cond);
	return err;
}

/* --- Hand-over ---------------------------------------------------------- */

static bool takes_locked(unsigned flags) MX_LOCKED
{
	return E.state == ON ||
	       (E.state == DRAINING && (flags & MX_ENGINE_DRAIN));
}

static int post(struct mx_job *j, unsigned flags)
{
	struct mx_loop *l = NULL;
	int err = -ESHUTDOWN;

	mx_mutex_lock(&E.lock);
	/* Counted before the lock is dropped, so that a stop waits for us. */
	if (takes_locked(flags)) {
		E.pending++;
		err = started_locked();
		if (!err && !takes_locked(flags))
			err = -ESHUTDOWN;
		if (err && !--E.pending)
			mx_cond_broadcast(&E.cond);
	}
	if (!err) {
		E.submitted++;
		l = E.loops[E.next++ % E.n_loops];
	}
	/* Under the lock: ENDING comes after it, and the loop is still there. */
	if (l)
		mx_loop_post(l, j);
	mx_mutex_unlock(&E.lock);
	if (err)
		mx_job_free(j);
	return err;
}

int mx_engine_submit(const struct mx_engine_req *req)
{
	struct mx_job *j;

	if (req->ch->generation != mx_net_generation())
		return -ECHILD;
	j = mx_job_request(req);
	return j ? post(j, req->flags) : -ENOMEM;
}

int mx_engine_call(mx_engine_fn *fn, void *arg, mx_mono not_before,
		   struct mx_cancel *cancel, unsigned flags)
{
	struct mx_job *j = mx_job_call(fn, arg, not_before, cancel, flags);

	return j ? post(j, flags) : -ENOMEM;
}

/* --- Stop --------------------------------------------------------------- */

/* Jobs make callbacks and callbacks make jobs: both at rest, or the end. */
static void drain_locked(mx_mono deadline) MX_HOLDS(&E.lock)
{
	int err = 0;

	while (!err) {
		while (E.pending && !err)
			err = mx_cond_wait(&E.cond, &E.lock, deadline);
		if (err)
			return;
		mx_mutex_unlock(&E.lock);
		err = mx_pool_wait_idle(deadline);
		mx_mutex_lock(&E.lock);
		if (!E.pending)
			return;
	}
}

static void stop_locked(mx_mono deadline, struct mx_engine_left *ret)
	MX_HOLDS(&E.lock)
{
	struct mx_loop *loops[LOOPS_MAX];
	unsigned n, callbacks;

	E.left = (struct mx_engine_left){0};
	E.state = DRAINING;
	while (E.threads == STARTING)
		mx_cond_wait(&E.cond, &E.lock, MX_MONO_NEVER);
	set_phase_locked(MX_LOOP_DRAIN);
	drain_locked(deadline);
	E.state = ENDING;
	while (E.threads == STARTING)
		mx_cond_wait(&E.cond, &E.lock, MX_MONO_NEVER);
	set_phase_locked(MX_LOOP_END);
	n = E.n_loops;
	memcpy(loops, E.loops, sizeof(loops));
	mx_mutex_unlock(&E.lock);
	for (unsigned i = 0; i < n; i++)
		mx_loop_join(loops[i]);
	callbacks = mx_pool_close();
	mx_exchange_trim();
	mx_mutex_lock(&E.lock);
	E.left.callbacks = callbacks;
	if (ret)
		*ret = E.left;
	E.n_loops = 0;
	E.threads = STOPPED;
	E.state = OFF;
	mx_cond_broadcast(&E.cond);
}

int mx_engine_drop(mx_mono deadline, struct mx_engine_left *ret)
{
	mx_mutex_lock(&E.lock);
	if (!E.holds) {
		mx_mutex_unlock(&E.lock);
		return -EINVAL;
	}
	if (ret)
		*ret = (struct mx_engine_left){0};
	if (!--E.holds)
		stop_locked(deadline, ret);
	mx_mutex_unlock(&E.lock);
	return 0;
}

/* --- Small things ------------------------------------------------------- */

/* Multiples of the golden ratio fill an interval evenly at every length.  The
 * interval is of the clock, not of "now": so the times at which they ask, all at
 * once or at a rate that goes with the ratio, do not matter. */
mx_mono mx_engine_beat_after(mx_mono now, uint32_t k, int64_t period_ms)
{
	const int64_t period = period_ms * MX_NS_PER_MS;
	uint64_t frac = (uint32_t)(k * UINT32_C(0x9e3779b9));
	int64_t phase =
		(int64_t)(((uint64_t)period_ms * frac) >> 32) * MX_NS_PER_MS;
	int64_t wait = (phase - now.ns % period) % period;

	return (mx_mono){now.ns + (wait < 0 ? wait + period : wait)};
}

mx_mono mx_engine_next_beat(mx_mono last, mx_mono now, int64_t period_ms)
{
	const int64_t period = period_ms * MX_NS_PER_MS;
	int64_t late = now.ns - last.ns;

	if (late < 0) /* not due yet: as it is, or sooner */
		return (mx_mono){now.ns - late % period};
	return (mx_mono){now.ns + period - late % period};
}

mx_mono mx_engine_first_beat(int64_t period_ms)
{
	return mx_engine_beat_after(mx_mono_now(),
				    atomic_fetch_add(&beats, 1) + 1, period_ms);
}

void mx_engine_stats(struct mx_engine_stats *ret)
{
	struct mx_engine_stats s = {.callbacks = mx_pool_threads()};

	mx_mutex_lock(&E.lock);
	s.threads = E.n_loops;
	for (unsigned i = 0; i < E.n_loops; i++)
		s.multis += atomic_load(&E.loops[i]->n_bunches);
	s.running = E.pending;
	s.submitted = E.submitted;
	s.completed = E.completed;
	mx_mutex_unlock(&E.lock);
	*ret = s;
}
