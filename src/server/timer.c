/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "server/timer.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/lock.h"

#define SLOTS 2048u
#define TICK_NS (10 * MX_NS_PER_MS)

/* A timer sits in the slot of its tick; one that is more than a turn away is
 * met and left there once a turn. */
struct mx_timers {
	pthread_t thread;
	struct mx_mutex lock;
	struct mx_cond cond;
	struct mx_list slots[SLOTS];
	int64_t tick; /* all slots before it were served */
	int64_t wake; /* the tick the thread sleeps for */
	size_t armed;
	bool quit;
};

static int64_t tick_of(mx_mono t)
{
	return t.ns / TICK_NS + (t.ns % TICK_NS != 0);
}

static bool is_armed(const struct mx_timer *t)
{
	return t->node.next && t->node.next != &t->node;
}

/* Moves what is due into `due`.  Under the lock. */
static void collect(struct mx_timers *ts, struct mx_list *due)
{
	mx_mono now = mx_mono_now();
	int64_t last = now.ns / TICK_NS;
	int64_t n = last - ts->tick + 1;

	if (n > (int64_t)SLOTS)
		n = SLOTS;
	for (int64_t i = 0; i < n; i++) {
		struct mx_list *slot = &ts->slots[(last - i) % SLOTS];

		MX_LIST_FOR_EACH_SAFE(it, slot) {
			struct mx_timer *t =
				MX_CONTAINER_OF(it, struct mx_timer, node);

			if (t->at.ns > now.ns)
				continue;
			mx_list_unlink(it);
			mx_list_push_tail(due, it);
		}
	}
	ts->tick = last;
}

/* The next tick with a timer in its slot, at most a turn ahead. */
static int64_t next_tick(struct mx_timers *ts)
{
	for (int64_t i = 1; i < (int64_t)SLOTS; i++)
		if (!mx_list_empty(&ts->slots[(ts->tick + i) % SLOTS]))
			return ts->tick + i;
	return ts->tick + SLOTS;
}

static void fire(struct mx_timers *ts, struct mx_list *due)
{
	struct mx_list *n;

	/* Each is taken under the lock, so that a cancel finds either an armed
	 * timer or one that has fired. */
	while ((n = mx_list_pop(due))) {
		struct mx_timer *t = MX_CONTAINER_OF(n, struct mx_timer, node);

		ts->armed--;
		mx_mutex_unlock(&ts->lock);
		t->fn(t);
		mx_mutex_lock(&ts->lock);
	}
}

static void *run(void *arg)
{
	struct mx_timers *ts = arg;
	struct mx_list due;

	mx_list_init(&due);
	mx_mutex_lock(&ts->lock);
	while (!ts->quit) {
		collect(ts, &due);
		fire(ts, &due);
		if (ts->quit)
			break;
		ts->wake = ts->armed ? next_tick(ts) : INT64_MAX;
		mx_cond_wait(&ts->cond, &ts->lock,
			     ts->armed ? (mx_mono){ts->wake * TICK_NS}
				       : MX_MONO_NEVER);
		ts->wake = 0;
	}
	mx_mutex_unlock(&ts->lock);
	return NULL;
}

int mx_timers_new(struct mx_timers **ret)
{
	struct mx_timers *ts = calloc(1, sizeof(*ts));
	int err;

	if (!ts)
		return -ENOMEM;
	for (size_t i = 0; i < SLOTS; i++)
		mx_list_init(&ts->slots[i]);
	ts->tick = mx_mono_now().ns / TICK_NS;
	mx_mutex_init(&ts->lock);
	mx_cond_init(&ts->cond);
	err = pthread_create(&ts->thread, NULL, run, ts);
	if (err) {
		mx_cond_fini(&ts->cond);
		mx_mutex_fini(&ts->lock);
		free(ts);
		return -err;
	}
	*ret = ts;
	return 0;
}

void mx_timers_free(struct mx_timers *ts)
{
	if (!ts)
		return;
	mx_mutex_lock(&ts->lock);
	ts->quit = true;
	mx_cond_signal(&ts->cond);
	mx_mutex_unlock(&ts->lock);
	pthread_join(ts->thread, NULL);
	mx_cond_fini(&ts->cond);
	mx_mutex_fini(&ts->lock);
	free(ts);
}

bool mx_timer_set(struct mx_timers *ts, struct mx_timer *t, mx_mono at)
{
	int64_t tick = tick_of(at);
	bool fresh;

	mx_mutex_lock(&ts->lock);
	fresh = !is_armed(t);
	if (fresh) {
		mx_list_init(&t->node);
		ts->armed++;
	} else {
		mx_list_unlink(&t->node);
	}
	if (tick <= ts->tick)
		tick = ts->tick + 1;
	t->at = at;
	mx_list_push_tail(&ts->slots[tick % SLOTS], &t->node);
	if (tick < ts->wake)
		mx_cond_signal(&ts->cond);
	mx_mutex_unlock(&ts->lock);
	return fresh;
}

bool mx_timer_cancel(struct mx_timers *ts, struct mx_timer *t)
{
	bool armed;

	mx_mutex_lock(&ts->lock);
	armed = is_armed(t);
	if (armed) {
		mx_list_unlink(&t->node);
		ts->armed--;
	}
	mx_mutex_unlock(&ts->lock);
	return armed;
}
