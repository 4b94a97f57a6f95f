/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cancelling another thread's call.  Each thread has one record with a cancel
 * token; MapiaryCancelThread finds it by number and fires the token if the
 * thread is inside a call.  The outermost call takes the token back.
 *
 * The list's lock is held while a token fires: firing only writes to wake-up
 * descriptors and takes leaf locks.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/lib.h"
#include "base/buf.h"
#include "base/list.h"
#include "net/cancel.h"

struct mx_thread {
	struct mx_list link;
	ULONG_PTR token;
	unsigned depth; /* calls this thread is in */
	pid_t tid;      /* the kernel's number, for people */
	mx_mono since;  /* when the outermost call began */
	struct mx_cancel cancel;
};

static struct mx_mutex threads_lock = MX_MUTEX_INIT;
static struct mx_list threads MX_GUARDED(&threads_lock) = {&threads, &threads};
static ULONG_PTR next_token MX_GUARDED(&threads_lock) = 1;

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static bool key_ok;

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

struct mx_thread *mx_thread_enter(void)
{
	struct mx_thread *t = thread_here();

	if (!t)
		return NULL;
	mx_mutex_lock(&threads_lock);
	if (!t->depth++) {
		mx_cancel_reset(&t->cancel);
		t->since = mx_mono_now();
	}
	mx_mutex_unlock(&threads_lock);
	return t;
}

void mx_thread_leave(struct mx_thread *t)
{
	if (!t)
		return;
	mx_mutex_lock(&threads_lock);
	t->depth--;
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

void mx_thread_describe(struct mx_buf *out)
{
	mx_mono now = mx_mono_now();

	mx_mutex_lock(&threads_lock);
	MX_LIST_FOR_EACH(l, &threads) {
		struct mx_thread *t =
			MX_CONTAINER_OF(l, struct mx_thread, link);

		if (t->depth)
			mx_buf_printf(out, "thread %d in a call for %lld ms\n",
				      (int)t->tid,
				      (long long)((now.ns - t->since.ns) /
						  MX_NS_PER_MS));
	}
	mx_mutex_unlock(&threads_lock);
}
