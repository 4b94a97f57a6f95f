/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turn of a session context: one request at a time, in order of arrival,
 * callers and background alike.  [MS-OXCMAPIHTTP] 3.2.5.1.
 *
 * Giving is the one exit: it hands the turn to the first waiter, wakes it, and
 * the waiter need not run for that to be true.
 */
#include <errno.h>

#include "session/session-private.h"

void mx_wait_init(struct mx_wait *w)
{
	mx_list_init(&w->link);
	mx_mutex_init(&w->m);
	mx_cond_init(&w->c);
	w->fn = NULL;
	w->granted = w->woken = false;
}

void mx_wait_fini(struct mx_wait *w)
{
	mx_cond_fini(&w->c);
	mx_mutex_fini(&w->m);
}

void mx_wait_wake(void *arg)
{
	struct mx_wait *w = arg;

	mx_mutex_lock(&w->m);
	w->woken = true;
	mx_cond_signal(&w->c);
	mx_mutex_unlock(&w->m);
}

static void grant(struct mx_wait *w)
{
	mx_mutex_lock(&w->m);
	w->granted = true;
	mx_cond_signal(&w->c);
	mx_mutex_unlock(&w->m);
}

/* Until granted, woken or the deadline; true when granted. */
static bool sleep_until(struct mx_wait *w, mx_mono deadline)
{
	bool granted;
	int err = 0;

	mx_mutex_lock(&w->m);
	while (!w->granted && !w->woken && !err)
		err = mx_cond_wait(&w->c, &w->m, deadline);
	granted = w->granted;
	mx_mutex_unlock(&w->m);
	return granted;
}

static bool take_or_queue(struct mx_ctx *ctx, struct mx_wait *w)
{
	bool now;

	mx_mutex_lock(&ctx->s->lock);
	now = !ctx->busy;
	ctx->busy = true;
	if (!now)
		mx_list_push_tail(&ctx->waiting, &w->link);
	mx_mutex_unlock(&ctx->s->lock);
	return now;
}

int mx_turn_take(struct mx_ctx *ctx, mx_mono deadline, struct mx_cancel *cancel)
{
	struct mx_waker waker = {.wake = mx_wait_wake};
	struct mx_wait w;
	int err = 0;

	mx_assert_unlocked();
	mx_wait_init(&w);
	waker.arg = &w;
	err = mx_cancel_attach(cancel, &waker);
	if (!err && !take_or_queue(ctx, &w)) {
		if (!sleep_until(&w, deadline))
			err = mx_mono_passed(deadline) ? -ETIMEDOUT
						       : -ECANCELED;
		/* Granted in between: it is ours, and we say so. */
		mx_mutex_lock(&ctx->s->lock);
		mx_list_unlink(&w.link);
		mx_mutex_lock_inner(&w.m);
		if (w.granted)
			err = 0;
		mx_mutex_unlock_inner(&w.m);
		mx_mutex_unlock(&ctx->s->lock);
	}
	mx_cancel_detach(cancel, &waker);
	mx_wait_fini(&w);
	return err;
}

bool mx_turn_take_async(struct mx_ctx *ctx, struct mx_wait *w)
{
	return take_or_queue(ctx, w);
}

void mx_turn_give(struct mx_ctx *ctx)
{
	struct mx_list *it;
	struct mx_wait *w;
	void (*fn)(void *arg) = NULL;
	void *arg = NULL;

	mx_mutex_lock(&ctx->s->lock);
	it = mx_list_pop(&ctx->waiting);
	if (!it) {
		ctx->busy = false;
	} else {
		w = MX_CONTAINER_OF(it, struct mx_wait, link);
		fn = w->fn;
		arg = w->arg;
		if (!fn)
			grant(w); /* w may be gone after this */
	}
	mx_mutex_unlock(&ctx->s->lock);
	if (fn)
		fn(arg);
}

int mx_pause(mx_mono until, struct mx_cancel *cancel)
{
	struct mx_waker waker = {.wake = mx_wait_wake};
	struct mx_wait w;
	int err;

	mx_wait_init(&w);
	waker.arg = &w;
	err = mx_cancel_attach(cancel, &waker);
	if (!err) {
		sleep_until(&w, until);
		if (!mx_mono_passed(until))
			err = -ECANCELED;
	}
	mx_cancel_detach(cancel, &waker);
	mx_wait_fini(&w);
	return err;
}
