/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advise sinks: one that calls a function, and one that carries notifications
 * over to the thread that made it.
 *
 *	library's thread ──OnNotify──> copy ──> queue of thread T ──eventfd──>
 *	T: HrDispatchNotifications ──> the original sink's OnNotify
 *
 * The queue is counted by references: T holds one until it ends (a thread key
 * drops it), each of its sinks another; a sink that outlives its thread drops
 * what it gets.  A forked child's thread has a queue of its own: the parent's
 * descriptor is the parent's (net/fork.h closes it).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "api/api.h"
#include "base/list.h"
#include "base/lock.h"
#include "net/fork.h"

static HRESULT sink_query(IMAPIAdviseSink *s, REFIID iid, void **ret)
{
	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	*ret = NULL;
	if (!IsEqualGUID(iid, &IID_IUnknown) &&
	    !IsEqualGUID(iid, &IID_IMAPIAdviseSink))
		return MAPI_E_INTERFACE_NOT_SUPPORTED;
	IMAPIAdviseSink_AddRef(s);
	*ret = s;
	return S_OK;
}

/* ---- a function ---- */

struct fn_sink {
	IMAPIAdviseSink s;
	atomic_uint refs;
	LPNOTIFCALLBACK fn;
	void *context;
};

static struct fn_sink *fn_of(IMAPIAdviseSink *s)
{
	return (struct fn_sink *)(void *)s;
}

static ULONG fn_add(IMAPIAdviseSink *s)
{
	return atomic_fetch_add(&fn_of(s)->refs, 1) + 1;
}

static ULONG fn_release(IMAPIAdviseSink *s)
{
	ULONG n = atomic_fetch_sub(&fn_of(s)->refs, 1) - 1;

	if (!n)
		free(fn_of(s));
	return n;
}

static ULONG fn_notify(IMAPIAdviseSink *s, ULONG n, LPNOTIFICATION notifs)
{
	struct fn_sink *f = fn_of(s);

	return (ULONG)f->fn(f->context, n, notifs);
}

HRESULT HrAllocAdviseSink(LPNOTIFCALLBACK fn, LPVOID context,
			  LPMAPIADVISESINK *ret)
{
	static const IMAPIAdviseSinkVtbl vtbl = {
		sink_query,
		fn_add,
		fn_release,
		fn_notify,
	};
	struct fn_sink *f;

	if (!fn || !ret)
		return MAPI_E_INVALID_PARAMETER;
	f = calloc(1, sizeof(*f));
	if (!f)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	f->s.lpVtbl = &vtbl;
	f->refs = 1;
	f->fn = fn;
	f->context = context;
	*ret = &f->s;
	return S_OK;
}

/* ---- this thread ---- */

struct queue {
	atomic_uint refs;
	struct mx_mutex lock; /* the list and `over` */
	struct mx_list items;
	bool over; /* the thread has ended */
	int fd;    /* eventfd: readable while items wait */
	unsigned generation;
};

struct item {
	struct mx_list link;
	IMAPIAdviseSink *to;
	ULONG n;
	LPNOTIFICATION notifs; /* a MAPI buffer */
};

struct thread_sink {
	IMAPIAdviseSink s;
	atomic_uint refs;
	IMAPIAdviseSink *to;
	struct queue *q;
};

static pthread_key_t queue_key;
static pthread_once_t queue_once = PTHREAD_ONCE_INIT;
static bool queue_key_ok;

static void item_free(struct item *it)
{
	IMAPIAdviseSink_Release(it->to);
	MAPIFreeBuffer(it->notifs);
	free(it);
}

static void queue_drop(struct queue *q)
{
	struct mx_list *l;

	for (;;) {
		mx_mutex_lock(&q->lock);
		l = mx_list_pop(&q->items);
		mx_mutex_unlock(&q->lock);
		if (!l)
			return;
		item_free(MX_CONTAINER_OF(l, struct item, link));
	}
}

static void queue_unref(struct queue *q)
{
	if (atomic_fetch_sub(&q->refs, 1) != 1)
		return;
	queue_drop(q);
	mx_net_fd_close(q->fd);
	mx_mutex_fini(&q->lock);
	free(q);
}

static bool inherited(const struct queue *q)
{
	return q->generation != mx_net_generation();
}

static void queue_thread_ends(void *p)
{
	struct queue *q = p;

	if (inherited(q))
		return;
	mx_mutex_lock(&q->lock);
	q->over = true;
	mx_mutex_unlock(&q->lock);
	queue_drop(q);
	queue_unref(q);
}

static void queue_key_make(void)
{
	queue_key_ok = !mx_net_setup() &&
		       !pthread_key_create(&queue_key, queue_thread_ends);
}

/* A queue that is nobody's yet; NULL out of memory or files. */
static struct queue *queue_new(void)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->refs = 1;
	q->generation = mx_net_generation();
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	mx_mutex_init(&q->lock);
	mx_list_init(&q->items);
	if (q->fd >= 0 && !mx_net_fd_add(q->fd))
		return q;
	if (q->fd >= 0)
		close(q->fd);
	mx_mutex_fini(&q->lock);
	free(q);
	return NULL;
}

/* This thread's queue, made if need be; NULL out of memory or files. */
static struct queue *queue_here(bool make)
{
	struct queue *q;

	pthread_once(&queue_once, queue_key_make);
	if (!queue_key_ok)
		return NULL;
	q = pthread_getspecific(queue_key);
	if (q && inherited(q))
		q = NULL;
	if (q || !make)
		return q;
	q = queue_new();
	if (q && pthread_setspecific(queue_key, q)) {
		queue_unref(q);
		q = NULL;
	}
	return q;
}

static struct thread_sink *ts_of(IMAPIAdviseSink *s)
{
	return (struct thread_sink *)(void *)s;
}

static ULONG ts_add(IMAPIAdviseSink *s)
{
	return atomic_fetch_add(&ts_of(s)->refs, 1) + 1;
}

static ULONG ts_release(IMAPIAdviseSink *s)
{
	struct thread_sink *t = ts_of(s);
	ULONG n = atomic_fetch_sub(&t->refs, 1) - 1;

	if (!n && !inherited(t->q)) {
		IMAPIAdviseSink_Release(t->to);
		queue_unref(t->q);
		free(t);
	}
	return n;
}

static struct item *item_new(IMAPIAdviseSink *to, ULONG n,
			     LPNOTIFICATION notifs)
{
	struct item *it = calloc(1, sizeof(*it));
	ULONG size;

	if (!it)
		return NULL;
	if (FAILED(ScCountNotifications((int)n, notifs, &size)) ||
	    !(it->notifs = mx_api_alloc(size)) ||
	    FAILED(ScCopyNotifications((int)n, notifs, it->notifs, NULL))) {
		MAPIFreeBuffer(it->notifs);
		free(it);
		return NULL;
	}
	it->n = n;
	it->to = to;
	IMAPIAdviseSink_AddRef(to);
	return it;
}

static ULONG ts_notify(IMAPIAdviseSink *s, ULONG n, LPNOTIFICATION notifs)
{
	struct thread_sink *t = ts_of(s);
	struct item *it = item_new(t->to, n, notifs);
	uint64_t one = 1;
	bool over;

	if (!it)
		return (ULONG)MAPI_E_NOT_ENOUGH_MEMORY;
	mx_mutex_lock(&t->q->lock);
	over = t->q->over;
	if (!over)
		mx_list_push_tail(&t->q->items, &it->link);
	mx_mutex_unlock(&t->q->lock);
	if (over)
		item_free(it);
	else if (write(t->q->fd, &one, sizeof(one)) < 0)
		return S_OK; /* saturated: readable anyway */
	return S_OK;
}

HRESULT HrThisThreadAdviseSink(LPMAPIADVISESINK to, LPMAPIADVISESINK *ret)
{
	static const IMAPIAdviseSinkVtbl vtbl = {
		sink_query,
		ts_add,
		ts_release,
		ts_notify,
	};
	struct thread_sink *t;
	struct queue *q;

	if (!to || !ret)
		return MAPI_E_INVALID_PARAMETER;
	q = queue_here(true);
	t = q ? calloc(1, sizeof(*t)) : NULL;
	if (!t)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	t->s.lpVtbl = &vtbl;
	t->refs = 1;
	t->to = to;
	t->q = q;
	IMAPIAdviseSink_AddRef(to);
	atomic_fetch_add(&q->refs, 1);
	*ret = &t->s;
	return S_OK;
}

HRESULT HrDispatchNotifications(ULONG flags)
{
	struct queue *q = queue_here(false);
	struct mx_list now, *l;
	uint64_t n;

	if (!q)
		return S_OK;
	/* Clear the signal first: what comes later sets it again. */
	if (read(q->fd, &n, sizeof(n)) < 0)
		n = 0;
	/* Only what is there now: a sink that causes more cannot hold us. */
	mx_list_init(&now);
	mx_mutex_lock(&q->lock);
	while ((l = mx_list_pop(&q->items)))
		mx_list_push_tail(&now, l);
	mx_mutex_unlock(&q->lock);
	while ((l = mx_list_pop(&now))) {
		struct item *it = MX_CONTAINER_OF(l, struct item, link);

		IMAPIAdviseSink_OnNotify(it->to, it->n, it->notifs);
		item_free(it);
	}
	return S_OK;
}

int MapiaryNotificationFd(void)
{
	struct queue *q = queue_here(true);

	return q ? q->fd : -1;
}
