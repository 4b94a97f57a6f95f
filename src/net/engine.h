/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The poll engine: what the process does in the background, on a few threads
 * for any number of users.  NotificationWait, keep-alives, the reaper's
 * requests, and closures with a time.
 *
 *	submit ──► QUEUED ──(not_before)──► RUNNING ──► COMPLETED
 *	              └── cancel, stop, no memory ──────────┘
 *
 * COMPLETED is entered exactly once on every path and is the one place that
 * calls `done`.  Each request goes out under the user context of its channel;
 * the engine's threads have the process's credentials and never ask who they
 * are.  Threads: max(1, min(4, cores / 2)), started by the first submit.
 *
 * In a forked child the engine is not running, whatever the parent did.
 */
#ifndef MX_NET_ENGINE_H
#define MX_NET_ENGINE_H

#include <stdint.h>

#include "base/lock.h"
#include "base/clock.h"
#include "net/exchange.h"
#include "net/serial.h"

/* One more user of the engine (MAPIInitialize).  No thread starts yet.  0,
 * -ENOMEM. */
int mx_engine_hold(void) MX_UNLOCKED;

#define MX_ENGINE_LEFT_NAMES 8
#define MX_ENGINE_LEFT_BYTES 256
struct mx_engine_left {
	unsigned requests; /* cut off by the deadline, of those to be drained */
	unsigned callbacks; /* still running in the program's code */
	/* "Disconnect for X at host:port" of the first few. */
	unsigned n_names;
	char names[MX_ENGINE_LEFT_NAMES][MX_ENGINE_LEFT_BYTES];
};

/* One user less (MAPIUninitialize).  For the last one:
 *  1. requests and closures without MX_ENGINE_DRAIN complete with -ECANCELED;
 *     submitting such is refused with -ESHUTDOWN from now on;
 *  2. waits until the others and the callback pool's queue are done, at most to
 *     the deadline;
 *  3. what is left completes with -ECANCELED and is counted in *ret; threads
 *     end.  A callback that does not return keeps its thread, which ends later.
 * Not from a callback or `done`.  0; -EINVAL without a hold; ret may be NULL. */
int mx_engine_drop(mx_mono deadline, struct mx_engine_left *ret) MX_UNLOCKED;

enum mx_engine_flags {
	MX_ENGINE_DRAIN = 1, /* stop waits for it: Release, Disconnect */
};

/* The outcome of a request: err and resp as mx_exchange gives them.  resp and
 * fault are the engine's, valid during the call; take what you want out of
 * resp (mx_buf_steal).  No lock is held.  Runs on an engine thread and must not
 * block: no exchange, no wait, no program callback (post those to a serial
 * queue).  It may submit, fire tokens and unref channels. */
typedef void mx_engine_done_fn(void *arg, int err, struct mx_xresp *resp,
			       const struct mx_fault *fault);

struct mx_engine_req {
	struct mx_channel *ch; /* the engine takes its own reference */
	struct mx_xreq x;      /* strings, body and token stay the caller's and
				* must live until done is called */
	mx_mono not_before;    /* {0}: now */
	unsigned flags;
	mx_engine_done_fn *done;
	void *arg;
};

/* Hands a request over; never waits.  0: done will be called, exactly once,
 * perhaps before this returns (on another thread).  Else it will not be called:
 *   -ESHUTDOWN  the engine is stopping, or nobody holds it
 *   -EAGAIN, -EPERM  its threads cannot be started
 *   -ECHILD     the channel is a parent process's
 *   -ENOMEM
 * If an exchange is in flight on the channel already, the request completes
 * with -EBUSY. */
int mx_engine_submit(const struct mx_engine_req *req) MX_UNLOCKED;

/* A closure on an engine thread at not_before or soon after.  err is 0, or
 * -ECANCELED when the token fired or the engine stops: called exactly once in
 * any case, never from inside mx_engine_call.  Same rules as done; returns as
 * mx_engine_submit.  The token (may be NULL) must live until fn is called. */
typedef void mx_engine_fn(void *arg, int err);
int mx_engine_call(mx_engine_fn *fn, void *arg, mx_mono not_before,
		   struct mx_cancel *cancel, unsigned flags) MX_UNLOCKED;

/* When the first of a series of beats `period_ms` apart should come: between
 * now and one period from now, such that the beats of all who ask spread evenly
 * over the period, also when they all ask at once.  Add the period for the
 * following ones. */
mx_mono mx_engine_first_beat(int64_t period_ms);
/* The same for the k-th who asks, at this time. */
mx_mono mx_engine_beat_after(mx_mono now, uint32_t k, int64_t period_ms);
/* The next of a series after now: it keeps its place in the period, however
 * long it was interrupted. */
mx_mono mx_engine_next_beat(mx_mono last, mx_mono now, int64_t period_ms);

struct mx_engine_stats {
	unsigned threads;   /* of the engine, 0 when not started */
	unsigned callbacks; /* threads of the callback pool */
	unsigned multis;    /* libcurl multi handles */
	uint64_t running;   /* requests and closures not completed yet */
	uint64_t submitted, completed;
};
void mx_engine_stats(struct mx_engine_stats *ret);

#endif
