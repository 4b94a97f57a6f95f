/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to net: one thread of the engine and its jobs.
 *
 * Everything about a job is done by its loop's thread; other threads only push
 * it onto the loop's lists, under the loop's lock, and write to its eventfd:
 * submitters (inbox), tokens that fire (attention), the callback pool when
 * credentials are ready (authenticated).
 *
 *	           ┌─ not_before ─┐
 *	NEW ──► WAITING ──► RESOLVING ──► AUTHENTICATING ──► RUNNING ──► DONE
 *	  └─────────┴─ (closures: call) ──────┴── failure, cancel ─────────┘
 *
 * DONE is entered by job_complete(), the only caller of the outcome function.
 */
#ifndef MX_NET_LOOP_H
#define MX_NET_LOOP_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/lock.h"
#include "net/curlm.h"
#include "net/engine.h"
#include "net/resolve.h"
#include "net/timers.h"
#include "net/xfer-run.h"

enum mx_loop_phase {
	MX_LOOP_RUN,   /* takes everything */
	MX_LOOP_DRAIN, /* only MX_ENGINE_DRAIN; the rest is cancelled */
	MX_LOOP_END,   /* nothing; the thread ends when it has no job */
};

/* One of a loop's multi handles, made when the others are full. */
struct mx_bunch {
	struct mx_curlm own;
	CURLM *h; /* own.m */
	struct mx_loop *loop;
	unsigned no; /* place in loop->bunches */
	unsigned n;  /* transfers */
	mx_mono due; /* what libcurl wants to be woken for */
};

struct mx_loop {
	unsigned refs; /* under lock: the engine and each auth task */
	pthread_t id;
	int epoll, wake;
	struct mx_bunch **bunches;
	atomic_uint n_bunches; /* read by other threads */
	struct mx_resolver *resolver;
	struct mx_timers timers;
	struct mx_list jobs; /* struct job.all */
	/* Called for each job as it is done; and of a drained one that the end
	 * cut off.  No lock held. */
	void (*on_done)(void);
	void (*on_left)(const char *name);

	struct mx_mutex lock; /* guards what follows, and refs */
	enum mx_loop_phase phase;
	bool closed;
	struct mx_list inbox;     /* struct job.post */
	struct mx_list attention; /* struct job.attend */
	struct mx_list authed;    /* struct auth_task.node */
	int64_t asleep_until_ns;  /* 0: awake, or has been woken */
};

struct mx_job;

/* A job from a request or a closure; NULL: no memory. */
struct mx_job *mx_job_request(const struct mx_engine_req *req);
struct mx_job *mx_job_call(mx_engine_fn *fn, void *arg, mx_mono not_before,
			   struct mx_cancel *cancel, unsigned flags);
/* One that was never posted. */
void mx_job_free(struct mx_job *j);
/* Before which it need not be looked at. */
mx_mono mx_job_due(const struct mx_job *j);

/* A loop whose thread runs.  0; -ENOMEM, -EMFILE, as mx_thread_start. */
int mx_loop_start(void (*on_done)(void), void (*on_left)(const char *name),
		  struct mx_loop **ret) MX_UNLOCKED;
/* Hands the job over; it will be completed.  One for later does not wake a loop
 * that is about to wake by itself. */
void mx_loop_post(struct mx_loop *l, struct mx_job *j);
void mx_loop_set_phase(struct mx_loop *l, enum mx_loop_phase phase);
/* After MX_LOOP_END: joins the thread and drops the engine's reference. */
void mx_loop_join(struct mx_loop *l) MX_UNLOCKED;
void mx_loop_unref(struct mx_loop *l);

/* --- Between loop.c and job.c, on the loop's thread --------------------- */

void mx_job_accept(struct mx_loop *l, struct mx_list *post,
		   enum mx_loop_phase phase) MX_UNLOCKED;
void mx_job_attend(struct mx_list *attend) MX_UNLOCKED; /* its token fired */
void mx_job_timer(struct mx_timer *t) MX_UNLOCKED;
void mx_job_transferred(CURL *easy, CURLcode rc) MX_UNLOCKED;
void mx_job_authed(struct mx_loop *l, struct mx_list *node) MX_UNLOCKED;
/* The loop goes into this phase: cancels what must not stay. */
void mx_job_phase(struct mx_loop *l, enum mx_loop_phase phase) MX_UNLOCKED;
void mx_loop_wake(struct mx_loop *l);
/* Into a multi handle with room, and out of it again.  0, -ENOMEM. */
int mx_loop_add(struct mx_loop *l, CURL *easy,
		struct mx_bunch **ret) MX_UNLOCKED;
void mx_loop_remove(struct mx_bunch *m, CURL *easy) MX_UNLOCKED;

#endif
