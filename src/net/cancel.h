/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token that ends waits from another thread: flag and wake-up in one.  One
 * token may be given to any number of requests and jobs at once.  It belongs
 * to whoever made it and must outlive every request it was given to (their
 * completion, not their submission).  Any thread.
 */
#ifndef MX_NET_CANCEL_H
#define MX_NET_CANCEL_H

#include <stdbool.h>

#include "base/list.h"
#include "base/lock.h"

struct mx_cancel {
	struct mx_mutex lock; /* guards the rest */
	bool set;
	struct mx_list wakers; /* struct mx_waker.node */
};

void mx_cancel_init(struct mx_cancel *c);
/* Nothing may be waiting on it any more. */
void mx_cancel_fini(struct mx_cancel *c);

/* Sets the flag, for good, and wakes everyone; a second call does nothing.
 * Never blocks on I/O; not to be called with locks of net held. */
void mx_cancel_fire(struct mx_cancel *c);

/* True after mx_cancel_fire; NULL is never cancelled. */
bool mx_cancel_fired(struct mx_cancel *c);

/* Takes the flag back, for a token that its owner uses again; nothing may be
 * waiting on it. */
void mx_cancel_reset(struct mx_cancel *c);

/* For those who wait (inside net).  wake() runs under the token's lock: it may
 * only write to a wake-up descriptor or flag and take leaf locks. */
struct mx_waker {
	struct mx_list node;
	void (*wake)(void *arg);
	void *arg;
};

/* From now on fire wakes w.  -ECANCELED if it already fired (w is not linked);
 * 0 also when c is NULL. */
int mx_cancel_attach(struct mx_cancel *c, struct mx_waker *w);
/* After this wake() neither runs nor will; harmless when never attached to a
 * token (c NULL, or attach failed). */
void mx_cancel_detach(struct mx_cancel *c, struct mx_waker *w);

#endif
