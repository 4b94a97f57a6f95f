/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread of timers for the whole server: a wheel of lists, so that setting
 * and cancelling cost the same with ten thousand parked waits as with one.
 *
 * An armed timer owns a reference to whatever it belongs to.  It ends either by
 * firing (fn then owns that reference) or by a cancel that returns true (the
 * caller does); exactly one of both happens.  fn runs on the timer thread with
 * no lock held and must not block.
 */
#ifndef MX_SERVER_TIMER_H
#define MX_SERVER_TIMER_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/list.h"

struct mx_timers;

struct mx_timer {
	struct mx_list node; /* zeroed memory is a timer that is not armed */
	mx_mono at;
	void (*fn)(struct mx_timer *t);
};

/* 0 or -errno. */
int mx_timers_new(struct mx_timers **ret);

/* Ends the thread; timers still armed never fire.  NULL is fine. */
void mx_timers_free(struct mx_timers *ts);

/* Arms t, or moves it when it is armed.  Returns true when it was not armed,
 * so that the caller's new reference is used.  Any thread. */
bool mx_timer_set(struct mx_timers *ts, struct mx_timer *t, mx_mono at);

/* True when it was armed and now will not fire. */
bool mx_timer_cancel(struct mx_timers *ts, struct mx_timer *t);

#endif
