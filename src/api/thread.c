/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cancelling another thread's call.  Each thread has one record with a cancel
 * token; MapiaryCancelThread finds it by number and fires the token if the
 * thread is inside a call.  The outermost call takes the token back.
 *
 * The list's lock is held while a token fires: firing only writes to wake-up
 * descriptors and takes leaf locks.  It is held over fork; the child's list has
 * the thread that forked.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/lib.h"
#include "base/fork.h"
#include "base/list.h"
#include "net/cancel.h"

struct mx_thread {
	struct mx_list link;
	ULONG_PTR token;
	unsigned depth; /* calls this thread is in */
	pid_t tid;      /* the kernel's number, for people */
	mx_mono since;  /* when the outermost call began */
	/* What it is on; alive as long as the call is, for the caller holds a
	 * reference. */
	struct mx_obj *obj;
	struct mx_cancel cancel;
};

static struct mx_mutex threads_lock = MX_MUTEX_INIT;
static struct mx_list threads MX_GUARDED(&threads_lock) = {&threads, &threads};
static ULONG_PTR next_token MX_GUARDED(&threads_lock) = 1;
static struct mx_cond threads_out; /* someone left, and is waited for */
static unsigned n_waiting MX_GUARDED(&threads_lock);

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static bool key_ok;

/* The one thread of a child; its call goes on if it forked inside one. */
static void in_child(void)
{
	struct mx_thread *t = key_ok ? pthread_getspecific(key) : NULL;

	mx_list_init(&threads);
	mx_cond_init(&threads_out);
	n_waiting = 0;
	if (!t)
		return;
	mx_list_push_tail(&threads, &t->link);
	t->tid = gettid();
	mx_mutex_init(&t->cancel.lock);
}

__attribute__((__constructor__)) static void on_load(void)
{
	mx_cond_init(&threads_out);
	mx_fork_hold(&threads_lock);
	mx_fork_child(in_child);
}

static void thread_free(void *p)
{
	struct mx_thread *t = p;

	mx_mutex_lock(&threads_lock);
	mx_list_unlink(&t->link);
	mx_mutex_unlock(&threads_lock);
	mx_cancel_fini(&t->cancel);
	free(t);
}

static void key_make(void)
{
	key_ok = !pthread_key_create(&key, thread_free);
}

static struct mx_thread *thread_here(void)
{
	struct mx_thread *t;

	pthread_once(&key_once, key_make);
	if (!key_ok)
		return NULL;
	t = pthread_getspecific(key);
	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	mx_cancel_init(&t->cancel);
	t->tid = gettid();
	if (pthread_setspecific(key, t)) {
		mx_cancel_fini(&t->cancel);
		free(t);
		return NULL;
	}
	mx_mutex_lock(&threads_lock);
	t->token = next_token++;
	mx_list_push_tail(&threads, &t->link);
	mx_mutex_unlock(&threads_lock);
	return t;
}

struct mx_thread *mx_thread_enter(struct mx_obj *obj)
{
	struct mx_thread *t = thread_here();

	if (!t)
		return NULL;
	mx_mutex_lock(&threads_lock);
	if (!t->depth++) {
		mx_cancel_reset(&t->cancel);
		t->since = mx_mono_now();
		t->obj = obj;
	}
	mx_mutex_unlock(&threads_lock);
	return t;
}

void mx_thread_leave(struct mx_thread *t)
{
	if (!t)
		return;
	mx_mutex_lock(&threads_lock);
	if (!--t->depth && n_waiting)
		mx_cond_broadcast(&threads_out);
	mx_mutex_unlock(&threads_lock);
}

struct mx_cancel *mx_thread_cancel(struct mx_thread *t)
{
	return t ? &t->cancel : NULL;
}

ULONG_PTR MapiaryThreadToken(void)
{
	struct mx_thread *t = thread_here();

	return t ? t->token : 0;
}

HRESULT MapiaryCancelThread(ULONG_PTR token)
{
	HRESULT hr = MAPI_E_NOT_FOUND;

	mx_mutex_lock(&threads_lock);
	MX_LIST_FOR_EACH(l, &threads) {
		struct mx_thread *t =
			MX_CONTAINER_OF(l, struct mx_thread, link);

		if (t->token != token || !t->depth)
			continue;
		mx_cancel_fire(&t->cancel);
		hr = S_OK;
		break;
	}
	mx_mutex_unlock(&threads_lock);
	return hr;
}

/* A thread's record without making one. */
static struct mx_thread *self(void)
{
	return key_ok ? pthread_getspecific(key) : NULL;
}

static void describe(const struct mx_thread *t, struct mx_thread_call *ret)
{
	struct mx_session *s = t->obj ? t->obj->session : NULL;

	*ret = (struct mx_thread_call){
		.tid = t->tid,
		.what = t->obj ? t->obj->cls->name : "MAPI",
		.since_ms = (mx_mono_now().ns - t->since.ns) / MX_NS_PER_MS,
	};
	if (!s)
		return;
	snprintf(ret->user, sizeof(ret->user), "%s",
		 mx_userctx_display(mx_session_user(s)));
	snprintf(ret->sid, sizeof(ret->sid), "%s",
		 mx_userctx_sid_text(mx_session_user(s)));
	snprintf(ret->server, sizeof(ret->server), "%s", mx_session_server(s));
}

size_t mx_thread_calls(struct mx_thread_call *v, size_t n, bool others)
{
	const struct mx_thread *me = others ? self() : NULL;
	size_t found = 0;

	mx_mutex_lock(&threads_lock);
	MX_LIST_FOR_EACH(l, &threads) {
		struct mx_thread *t =
			MX_CONTAINER_OF(l, struct mx_thread, link);

		if (!t->depth || t == me)
			continue;
		if (found < n)
			describe(t, &v[found]);
		found++;
	}
	mx_mutex_unlock(&threads_lock);
	return found;
}

void mx_thread_cancel_others(void)
{
	const struct mx_thread *me = self();

	mx_mutex_lock(&threads_lock);
	MX_LIST_FOR_EACH(l, &threads) {
		struct mx_thread *t =
			MX_CONTAINER_OF(l, struct mx_thread, link);

		if (t->depth && t != me)
			mx_cancel_fire(&t->cancel);
	}
	mx_mutex_unlock(&threads_lock);
}

static bool others_locked(const struct mx_thread *me) MX_LOCKED
{
	MX_LIST_FOR_EACH(l, &threads) {
		struct mx_thread *t =
			MX_CONTAINER_OF(l, struct mx_thread, link);

		if (t->depth && t != me)
			return true;
	}
	return false;
}

int mx_thread_wait_others(mx_mono deadline)
{
	const struct mx_thread *me = self();
	int err = 0;

	mx_mutex_lock(&threads_lock);
	n_waiting++;
	while (!err && others_locked(me))
		err = mx_cond_wait(&threads_out, &threads_lock, deadline);
	n_waiting--;
	mx_mutex_unlock(&threads_lock);
	return err;
}
