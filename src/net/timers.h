/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to net: a binary heap of times, earliest first.  A timer knows its
 * place, so that it can be taken out or moved.  Not thread safe.
 */
#ifndef MX_NET_TIMERS_H
#define MX_NET_TIMERS_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"

struct mx_timer {
	mx_mono due;
	size_t at; /* place in the heap + 1; 0: not in it */
};

struct mx_timers {
	struct mx_timer **v; /* owned */
	size_t n, cap;
};

static inline void mx_timers_put_(struct mx_timers *h, size_t i,
				  struct mx_timer *t)
{
	h->v[i] = t;
	t->at = i + 1;
}

static inline void mx_timers_up_(struct mx_timers *h, size_t i)
{
	struct mx_timer *t = h->v[i];

	for (; i && t->due.ns < h->v[(i - 1) / 2]->due.ns; i = (i - 1) / 2)
		mx_timers_put_(h, i, h->v[(i - 1) / 2]);
	mx_timers_put_(h, i, t);
}

static inline void mx_timers_down_(struct mx_timers *h, size_t i)
{
	struct mx_timer *t = h->v[i];
	size_t c;

	for (; (c = 2 * i + 1) < h->n; i = c) {
		if (c + 1 < h->n && h->v[c + 1]->due.ns < h->v[c]->due.ns)
			c++;
		if (t->due.ns <= h->v[c]->due.ns)
			break;
		mx_timers_put_(h, i, h->v[c]);
	}
	mx_timers_put_(h, i, t);
}

static inline void mx_timers_remove(struct mx_timers *h, struct mx_timer *t)
{
	size_t i = t->at - 1;
	struct mx_timer *last;

	if (!t->at)
		return;
	t->at = 0;
	last = h->v[--h->n];
	if (last == t)
		return;
	mx_timers_put_(h, i, last);
	mx_timers_up_(h, i);
	mx_timers_down_(h, last->at - 1);
}

/* Enters t or moves it.  0; -ENOMEM, possible only when it is not in yet. */
static inline int mx_timers_set(struct mx_timers *h, struct mx_timer *t,
				mx_mono due)
{
	mx_timers_remove(h, t);
	if (h->n == h->cap) {
		size_t cap = h->cap ? 2 * h->cap : 64;
		struct mx_timer **v = realloc(h->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		h->v = v;
		h->cap = cap;
	}
	t->due = due;
	mx_timers_put_(h, h->n++, t);
	mx_timers_up_(h, h->n - 1);
	return 0;
}

/* The earliest, NULL when there is none. */
static inline struct mx_timer *mx_timers_first(const struct mx_timers *h)
{
	return h->n ? h->v[0] : NULL;
}

static inline void mx_timers_fini(struct mx_timers *h)
{
	free(h->v);
	*h = (struct mx_timers){0};
}

#endif
