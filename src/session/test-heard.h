/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A subscriber for tests: notes what it hears, can hang, and act from inside. */
#ifndef MX_SESSION_TEST_HEARD_H
#define MX_SESSION_TEST_HEARD_H

#include "session/test-util.h"

/* What a sink has heard. */
struct heard {
	struct mx_mutex lock;
	struct mx_cond cond;
	unsigned n_notify, n_missed, n_lost, n_freed;
	uint64_t mids[400];
	bool hold, in_callback, cancelled, bad;
	struct mx_sub *sub;     /* to cancel from inside */
	struct mx_sobj *obj;    /* to release from inside */
	struct mx_logon *logon; /* to call on from inside */
	int inner_err;
};

static inline void heard_init(struct heard *h)
{
	memset(h, 0, sizeof(*h));
	mx_mutex_init(&h->lock);
	mx_cond_init(&h->cond);
}

static inline void inner_work(struct heard *h)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req q = tu_get_props();
	struct mx_sub *sub;
	struct mx_sobj *obj;

	mx_mutex_lock(&h->lock);
	sub = MX_STEAL(h->sub);
	obj = MX_STEAL(h->obj);
	mx_mutex_unlock(&h->lock);
	mx_batch_init(&b);
	if (h->logon)
		h->inner_err = mx_rop_call(&b, mx_logon_sobj(h->logon), &q,
					   NULL, NULL);
	mx_batch_reset(&b);
	mx_sobj_unref(obj);
	mx_sub_cancel(sub);
}

static inline void on_event(void *arg, const struct mx_event *ev)
{
	struct heard *h = arg;

	mx_assert_unlocked();
	mx_mutex_lock(&h->lock);
	if (h->cancelled || h->in_callback)
		h->bad = true; /* after cancel, or two at a time */
	h->in_callback = true;
	if (ev->kind == MX_EVENT_NOTIFY && h->n_notify < 400)
		h->mids[h->n_notify] = ev->data->message_id;
	h->n_notify += ev->kind == MX_EVENT_NOTIFY;
	h->n_missed += ev->kind == MX_EVENT_MISSED;
	h->n_lost += ev->kind == MX_EVENT_LOST;
	mx_cond_broadcast(&h->cond);
	while (h->hold)
		mx_cond_wait(&h->cond, &h->lock, MX_MONO_NEVER);
	mx_mutex_unlock(&h->lock);
	inner_work(h);
	mx_mutex_lock(&h->lock);
	h->in_callback = false;
	mx_cond_broadcast(&h->cond);
	mx_mutex_unlock(&h->lock);
}

static inline void on_free(void *arg)
{
	struct heard *h = arg;

	mx_mutex_lock(&h->lock);
	h->n_freed++;
	mx_cond_broadcast(&h->cond);
	mx_mutex_unlock(&h->lock);
}

#define WAIT_FOR(h, what)                                                      \
	do {                                                                   \
		mx_mutex_lock(&(h)->lock);                                     \
		while (!(what))                                                \
			mx_cond_wait(&(h)->cond, &(h)->lock, MX_MONO_NEVER);   \
		mx_mutex_unlock(&(h)->lock);                                   \
	} while (0)

static inline int try_subscribe(struct tu *t, struct mx_logon *l,
				struct heard *h, struct mx_sub **ret)
{
	const struct mx_sub_params p = {
		.logon = l,
		.types = 0x0002,
		.whole_store = true,
		.fn = on_event,
		.arg = h,
		.free_arg = on_free,
	};

	return mx_sub_new(&p, &t->call, ret);
}

static inline struct mx_sub *subscribe(struct tu *t, struct mx_logon *l,
				       struct heard *h)
{
	struct mx_sub *sub = NULL;

	assert_int_equal(try_subscribe(t, l, h, &sub), 0);
	return sub;
}

#endif
