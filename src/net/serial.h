/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The callback pool: the program's code (advise sinks) runs here, never on an
 * engine thread.  Work is posted to serial queues; a queue's work runs in order
 * and one at a time.  Queues of one group (server) together hold at most half
 * of the pool's threads, so that sinks which wait for one dead server leave
 * room for the others.  A callback may do everything: MAPI calls, close its own
 * queue, post.  Threads: max(2, min(4, cores / 2)), started when needed; one
 * more where there is work that requests wait for.
 */
#ifndef MX_NET_SERIAL_H
#define MX_NET_SERIAL_H

#include <stdbool.h>

struct mx_serial;

/* A queue in the group of that name (copied), with one reference.  Needs a hold
 * of the engine to run anything.  0, -ENOMEM. */
int mx_serial_new(const char *group, struct mx_serial **ret);
/* The same for work that a request in flight waits for (credentials): callbacks
 * that hold all the threads they may, and wait for that request, do not hold it
 * up. */
int mx_serial_new_awaited(const char *group, struct mx_serial **ret);
struct mx_serial *mx_serial_ref(struct mx_serial *q);
/* The last unref closes it as mx_serial_close does. */
void mx_serial_unref(struct mx_serial *q);

/* run: true: do the work; false: it will not run (the queue was closed or the
 * engine stopped), free what arg holds.  Called exactly once. */
typedef void mx_serial_fn(void *arg, bool run);

/* Appends work; never waits.  0; else fn will not be called: -ESHUTDOWN (closed,
 * or nobody holds the engine), -EAGAIN (no thread can be started), -ENOMEM. */
int mx_serial_post(struct mx_serial *q, mx_serial_fn *fn, void *arg);

/* After this returns no work of this queue starts.  Work that runs on another
 * thread at this moment may finish: true is returned then.  What was queued is
 * called with run = false, on this thread, before this returns.  Never waits;
 * may be called from the queue's own work, which does not count. */
bool mx_serial_close(struct mx_serial *q);

#endif
