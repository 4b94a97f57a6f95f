/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queues with work wait in one line; a thread takes the first whose group does
 * not hold half of the threads already, runs one piece of work, and puts the
 * queue back at the end.  One lock guards queues, groups and pool; it is never
 * held while work runs.
 *
 * A callback may wait for a turn whose holder waits for credentials.  So those
 * have a spare thread besides, which takes nothing else.
 *
 * A pool lives from open to close.  A thread that does not come back from the
 * program's code keeps its pool alive (refs) and finds it stopped when it does.
 */
#include "net/serial.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/list.h"
#include "base/lock.h"
#include "identity/creds.h"
#include "net/fork.h"
#include "net/serial-private.h"

#define POOL_MAX 4
#define SPARE POOL_MAX /* its place among the threads */

struct work {
	struct mx_list node;
	mx_serial_fn *fn;
	void *arg;
};

struct group {
	struct mx_list node;
	unsigned refs;    /* queues */
	unsigned running; /* threads, but for the spare one */
	char name[];
};

struct mx_serial {
	unsigned refs;
	unsigned generation;
	struct group *group;
	struct mx_list work;
	struct mx_list ready; /* in S.ready, S.running, or linked to itself */
	bool closed, running, awaited;
	pthread_t runner; /* valid while running */
};

struct pool;

struct thread {
	struct pool *pool;
	pthread_t id;
	bool starting; /* its creator has not stored id yet */
	enum { UNUSED, ALIVE, ENDED } state;
};

struct pool {
	unsigned refs; /* the opener and each thread */
	bool stop;
	unsigned max;                  /* threads, without the spare one */
	unsigned n_threads, n_running; /* with it */
	unsigned n_idle;               /* without */
	struct thread threads[POOL_MAX + 1];
};

static struct {
	struct mx_mutex lock;
	struct mx_cond cond; /* work, or the end of some */
	bool init;
	struct pool *pool; /* NULL: closed */
	struct mx_list ready, running, groups;
} S = {.lock = MX_MUTEX_INIT};

static void init_locked(void) MX_LOCKED
{
	if (S.init)
		return;
	mx_cond_init(&S.cond);
	mx_list_init(&S.ready);
	mx_list_init(&S.running);
	mx_list_init(&S.groups);
	S.init = true;
}

/* The parent's queues and groups are leaked; its pool has no thread here. */
static void after_fork(void)
{
	static struct pool *inherited; /* kept in sight of leak checkers */

	inherited = S.pool ? S.pool : inherited;
	memset(&S, 0, sizeof(S));
	mx_mutex_init(&S.lock);
}

/* --- Queues ------------------------------------------------------------- */

static struct group *group_get_locked(const char *name) MX_LOCKED
{
	size_t n = strlen(name) + 1;
	struct group *g;

	MX_LIST_FOR_EACH(it, &S.groups) {
		g = MX_CONTAINER_OF(it, struct group, node);
		if (!strcmp(g->name, name)) {
			g->refs++;
			return g;
		}
	}
	g = calloc(1, sizeof(*g) + n);
	if (!g)
		return NULL;
	memcpy(g->name, name, n);
	g->refs = 1;
	mx_list_push_tail(&S.groups, &g->node);
	return g;
}

static void group_put_locked(struct group *g) MX_LOCKED
{
	if (--g->refs)
		return;
	mx_list_unlink(&g->node);
	free(g);
}

static int queue_new(const char *group, bool awaited, struct mx_serial **ret)
{
	struct mx_serial *q;

	if (mx_net_setup())
		return -ENOMEM;
	mx_net_on_fork(after_fork);
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->refs = 1;
	q->awaited = awaited;
	q->generation = mx_net_generation();
	mx_list_init(&q->work);
	mx_list_init(&q->ready);
	mx_mutex_lock(&S.lock);
	init_locked();
	q->group = group_get_locked(group);
	mx_mutex_unlock(&S.lock);
	if (!q->group) {
		free(q);
		return -ENOMEM;
	}
	*ret = q;
	return 0;
}

int mx_serial_new(const char *group, struct mx_serial **ret)
{
	return queue_new(group, false, ret);
}

int mx_serial_new_awaited(const char *group, struct mx_serial **ret)
{
	return queue_new(group, true, ret);
}

struct mx_serial *mx_serial_ref(struct mx_serial *q)
{
	mx_mutex_lock(&S.lock);
	q->refs++;
	mx_mutex_unlock(&S.lock);
	return q;
}

static void unref_locked(struct mx_serial *q) MX_LOCKED
{
	if (--q->refs)
		return;
	if (q->generation == mx_net_generation())
		group_put_locked(q->group);
	free(q);
}

void mx_serial_unref(struct mx_serial *q)
{
	bool last;

	if (!q)
		return;
	mx_mutex_lock(&S.lock);
	/* The thread that runs its work holds a reference too. */
	last = q->refs == 1 + (unsigned)q->running;
	mx_mutex_unlock(&S.lock);
	if (last)
		mx_serial_close(q);
	mx_mutex_lock(&S.lock);
	unref_locked(q);
	mx_mutex_unlock(&S.lock);
}

/* Calls what was never run. */
static void refuse_all(struct mx_list *work)
{
	struct mx_list *it;

	while ((it = mx_list_pop(work))) {
		struct work *w = MX_CONTAINER_OF(it, struct work, node);

		w->fn(w->arg, false);
		free(w);
	}
}

static void take_all(struct mx_list *from, struct mx_list *to)
{
	struct mx_list *it;

	while ((it = mx_list_pop(from)))
		mx_list_push_tail(to, it);
}

bool mx_serial_close(struct mx_serial *q)
{
	struct mx_list work;
	bool elsewhere;

	if (q->generation != mx_net_generation())
		return false;
	mx_list_init(&work);
	mx_mutex_lock(&S.lock);
	q->closed = true;
	take_all(&q->work, &work);
	mx_list_unlink(&q->ready);
	elsewhere = q->running && !pthread_equal(q->runner, pthread_self());
	mx_cond_broadcast(&S.cond);
	mx_mutex_unlock(&S.lock);
	refuse_all(&work);
	return elsewhere;
}

/* --- Threads ------------------------------------------------------------ */

static unsigned group_max(const struct pool *p)
{
	return p->max / 2 ? p->max / 2 : 1;
}

/* The first queue whose group has room; for the spare thread, which runs one
 * piece at a time, the first that is awaited. */
static struct mx_serial *next_locked(struct pool *p, bool spare) MX_LOCKED
{
	MX_LIST_FOR_EACH(it, &S.ready) {
		struct mx_serial *q =
			MX_CONTAINER_OF(it, struct mx_serial, ready);

		if (spare ? q->awaited : q->group->running < group_max(p)) {
			mx_list_unlink(&q->ready);
			return q;
		}
	}
	return NULL;
}

static void run_one_locked(struct pool *p, struct mx_serial *q, bool spare)
	MX_HOLDS(&S.lock)
{
	struct mx_list *it = mx_list_pop(&q->work);
	struct work *w = MX_CONTAINER_OF(it, struct work, node);

	q->refs++;
	mx_list_push_tail(&S.running, &q->ready);
	q->running = true;
	q->runner = pthread_self();
	q->group->running += !spare;
	p->n_running++;
	mx_mutex_unlock(&S.lock);
	mx_assert_unlocked();
	w->fn(w->arg, true);
	free(w);
	mx_mutex_lock(&S.lock);
	p->n_running--;
	q->group->running -= !spare;
	q->running = false;
	mx_list_unlink(&q->ready);
	if (!mx_list_empty(&q->work))
		mx_list_push_tail(&S.ready, &q->ready);
	unref_locked(q);
	mx_cond_broadcast(&S.cond);
}

static void pool_put_locked(struct pool *p) MX_LOCKED
{
	if (!--p->refs)
		free(p);
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;
	struct pool *p = t->pool;
	const bool spare = t == &p->threads[SPARE];
	struct mx_serial *q;

	mx_mutex_lock(&S.lock);
	while (!p->stop) {
		q = next_locked(p, spare);
		if (q) {
			run_one_locked(p, q, spare);
			continue;
		}
		p->n_idle += !spare;
		mx_cond_wait(&S.cond, &S.lock, MX_MONO_NEVER);
		p->n_idle -= !spare;
	}
	t->state = ENDED;
	p->n_threads--;
	mx_cond_broadcast(&S.cond);
	pool_put_locked(p);
	mx_mutex_unlock(&S.lock);
	return NULL;
}

static struct thread *slot_locked(struct pool *p) MX_LOCKED
{
	for (unsigned i = 0; i < p->max; i++)
		if (p->threads[i].state == UNUSED)
			return &p->threads[i];
	return NULL;
}

/* One that takes whatever there is. */
static bool any_alive(const struct pool *p)
{
	for (unsigned i = 0; i < p->max; i++)
		if (p->threads[i].state == ALIVE)
			return true;
	return false;
}

/* Drops the lock while it starts; the reference of ours keeps the pool. */
static int start_locked(struct pool *p, struct thread *t) MX_HOLDS(&S.lock)
{
	pthread_t id;
	int err;

	t->pool = p;
	t->state = ALIVE;
	t->starting = true;
	p->n_threads++;
	p->refs += 2;
	mx_mutex_unlock(&S.lock);
	err = mx_thread_start("mx-callback", thread_main, t, &id);
	mx_mutex_lock(&S.lock);
	t->starting = false;
	if (err) {
		t->state = UNUSED;
		p->n_threads--;
		err = any_alive(p) ? 0 : err;
		pool_put_locked(p);
	} else {
		t->id = id;
	}
	mx_cond_broadcast(&S.cond);
	pool_put_locked(p);
	return err;
}

/* One more thread if that helps, and once the spare one, without which the work
 * is done, too, if later. */
static int grow_locked(struct pool *p, bool awaited) MX_HOLDS(&S.lock)
{
	struct thread *t = p->n_idle ? NULL : slot_locked(p);
	int err = 0;

	p->refs++;
	if (t)
		err = start_locked(p, t);
	if (!err && awaited && !p->stop && p->threads[SPARE].state == UNUSED)
		err = start_locked(p, &p->threads[SPARE]);
	pool_put_locked(p);
	return err;
}

/* Takes w back when no thread will ever run it: 0 when it is too late. */
static int take_back_locked(struct mx_serial *q, struct work *w,
			    int err) MX_LOCKED
{
	MX_LIST_FOR_EACH(it, &q->work) {
		if (it != &w->node)
			continue;
		mx_list_unlink(&w->node);
		if (mx_list_empty(&q->work) && !q->running)
			mx_list_unlink(&q->ready);
		free(w);
		return err;
	}
	return 0;
}

static int post_locked(struct mx_serial *q, struct work *w) MX_HOLDS(&S.lock)
{
	struct pool *p = S.pool;
	int err;

	if (!p || p->stop || q->closed) {
		free(w);
		return -ESHUTDOWN;
	}
	mx_list_push_tail(&q->work, &w->node);
	if (!q->running && q->ready.next == &q->ready)
		mx_list_push_tail(&S.ready, &q->ready);
	mx_cond_broadcast(&S.cond);
	err = grow_locked(p, q->awaited);
	return err ? take_back_locked(q, w, err) : 0;
}

int mx_serial_post(struct mx_serial *q, mx_serial_fn *fn, void *arg)
{
	struct work *w;
	int err;

	if (q->generation != mx_net_generation())
		return -ESHUTDOWN;
	w = malloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	*w = (struct work){.fn = fn, .arg = arg};
	mx_mutex_lock(&S.lock);
	err = post_locked(q, w);
	mx_mutex_unlock(&S.lock);
	return err;
}

/* --- The pool ----------------------------------------------------------- */

int mx_pool_open(void)
{
	struct pool *p = calloc(1, sizeof(*p));
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (!p)
		return -ENOMEM;
	mx_net_on_fork(after_fork);
	p->refs = 1;
	p->max = cores >= 8 ? POOL_MAX : cores >= 6 ? 3 : 2;
	mx_mutex_lock(&S.lock);
	init_locked();
	S.pool = p;
	mx_mutex_unlock(&S.lock);
	return 0;
}

int mx_pool_wait_idle(mx_mono deadline)
{
	int err = 0;

	mx_mutex_lock(&S.lock);
	while (!err && S.pool &&
	       (S.pool->n_running || !mx_list_empty(&S.ready)))
		err = mx_cond_wait(&S.cond, &S.lock, deadline);
	mx_mutex_unlock(&S.lock);
	return err;
}

/* Everything queued anywhere; called with run = false by the caller. */
static void take_queued_locked(struct mx_list *work) MX_LOCKED
{
	struct mx_list *it;

	while ((it = mx_list_pop(&S.ready)))
		take_all(&MX_CONTAINER_OF(it, struct mx_serial, ready)->work,
			 work);
	MX_LIST_FOR_EACH(q, &S.running)
		take_all(&MX_CONTAINER_OF(q, struct mx_serial, ready)->work,
			 work);
}

static bool any_starting(const struct pool *p)
{
	for (unsigned i = 0; i <= SPARE; i++)
		if (p->threads[i].starting)
			return true;
	return false;
}

/* Idle threads end at once; one that is being started is waited for. */
static void wait_ended_locked(struct pool *p) MX_HOLDS(&S.lock)
{
	while (p->n_threads > p->n_running || any_starting(p))
		mx_cond_wait(&S.cond, &S.lock, MX_MONO_NEVER);
}

unsigned mx_pool_close(void)
{
	struct thread ended[POOL_MAX + 1];
	struct mx_list work;
	unsigned n = 0, left;
	struct pool *p;

	mx_list_init(&work);
	mx_mutex_lock(&S.lock);
	p = S.pool;
	S.pool = NULL;
	if (!p) {
		mx_mutex_unlock(&S.lock);
		return 0;
	}
	p->stop = true;
	take_queued_locked(&work);
	mx_cond_broadcast(&S.cond);
	wait_ended_locked(p);
	for (unsigned i = 0; i <= SPARE; i++) {
		if (p->threads[i].state == ENDED)
			ended[n++] = p->threads[i];
		else if (p->threads[i].state == ALIVE)
			pthread_detach(p->threads[i].id);
	}
	left = p->n_running;
	pool_put_locked(p);
	mx_mutex_unlock(&S.lock);
	while (n)
		pthread_join(ended[--n].id, NULL);
	refuse_all(&work);
	return left;
}

unsigned mx_pool_threads(void)
{
	unsigned n;

	mx_mutex_lock(&S.lock);
	n = S.pool ? S.pool->n_threads : 0;
	mx_mutex_unlock(&S.lock);
	return n;
}
