/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "server/deliver.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "server/server-private.h"
#include "store/store.h"

/* Either the timer is armed or the job has been given to the pool. */
struct mx_deliveries {
	struct mx_server *srv;
	struct mx_timer timer;
	struct mx_job job;
	struct mx_mutex lock;
	struct mx_cond changed;
	bool quit, ended; /* under lock; ended: neither any more */
};

static void arm(struct mx_deliveries *d)
{
	mx_timer_set(d->srv->timers, &d->timer,
		     mx_mono_in_ms(d->srv->p.retry_ms));
}

static void work(struct mx_job *job)
{
	struct mx_deliveries *d =
		MX_CONTAINER_OF(job, struct mx_deliveries, job);
	int r = mx_store_deliver(d->srv->store);

	if (r)
		mx_log(MX_LOG_ERROR, "server",
		       "cannot offer again what waits for delivery: %s",
		       mx_store_strerror(r));
	mx_mutex_lock(&d->lock);
	if (d->quit) {
		d->ended = true;
		mx_cond_broadcast(&d->changed);
	} else {
		arm(d);
	}
	mx_mutex_unlock(&d->lock);
}

static void due(struct mx_timer *t)
{
	struct mx_deliveries *d =
		MX_CONTAINER_OF(t, struct mx_deliveries, timer);

	mx_pool_submit(d->srv->pool, MX_JOB_WORK, &d->job);
}

int mx_deliveries_new(struct mx_server *srv, struct mx_deliveries **ret)
{
	struct mx_deliveries *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->srv = srv;
	d->job.fn = work;
	d->timer.fn = due;
	mx_mutex_init(&d->lock);
	mx_cond_init(&d->changed);
	arm(d);
	*ret = d;
	return 0;
}

void mx_deliveries_free(struct mx_deliveries *d)
{
	if (!d)
		return;
	mx_mutex_lock(&d->lock);
	d->quit = true;
	if (mx_timer_cancel(d->srv->timers, &d->timer))
		d->ended = true;
	while (!d->ended)
		mx_cond_wait(&d->changed, &d->lock, MX_MONO_NEVER);
	mx_mutex_unlock(&d->lock);
	mx_cond_fini(&d->changed);
	mx_mutex_fini(&d->lock);
	free(d);
}
