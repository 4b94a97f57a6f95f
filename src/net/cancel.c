/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/cancel.h"

#include <assert.h>
#include <errno.h>

void mx_cancel_init(struct mx_cancel *c)
{
	mx_mutex_init(&c->lock);
	c->set = false;
	mx_list_init(&c->wakers);
}

void mx_cancel_fini(struct mx_cancel *c)
{
	assert(mx_list_empty(&c->wakers));
	mx_mutex_fini(&c->lock);
}

void mx_cancel_fire(struct mx_cancel *c)
{
	mx_mutex_lock(&c->lock);
	if (!c->set) {
		c->set = true;
		MX_LIST_FOR_EACH(it, &c->wakers) {
			struct mx_waker *w =
				MX_CONTAINER_OF(it, struct mx_waker, node);

			w->wake(w->arg);
		}
	}
	mx_mutex_unlock(&c->lock);
}

bool mx_cancel_fired(struct mx_cancel *c)
{
	bool set;

	if (!c)
		return false;
	mx_mutex_lock(&c->lock);
	set = c->set;
	mx_mutex_unlock(&c->lock);
	return set;
}

void mx_cancel_reset(struct mx_cancel *c)
{
	mx_mutex_lock(&c->lock);
	assert(mx_list_empty(&c->wakers));
	c->set = false;
	mx_mutex_unlock(&c->lock);
}

int mx_cancel_attach(struct mx_cancel *c, struct mx_waker *w)
{
	int err = 0;

	mx_list_init(&w->node);
	if (!c)
		return 0;
	mx_mutex_lock(&c->lock);
	if (c->set)
		err = -ECANCELED;
	else
		mx_list_push_tail(&c->wakers, &w->node);
	mx_mutex_unlock(&c->lock);
	return err;
}

void mx_cancel_detach(struct mx_cancel *c, struct mx_waker *w)
{
	if (!c)
		return;
	mx_mutex_lock(&c->lock);
	mx_list_unlink(&w->node);
	mx_mutex_unlock(&c->lock);
}
