/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "server/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/lock.h"

struct mx_pool {
	struct mx_mutex lock;
	struct mx_cond cond;
	struct mx_list work, auth;
	unsigned n_threads, n_auth, max_auth;
	bool quit;
	pthread_t threads[];
};

/* The next job, NULL when there is none that may run now.  Under the lock. */
static struct mx_job *take(struct mx_pool *p, bool *ret_auth)
{
	struct mx_list *n = NULL;

	*ret_auth = false;
	if (p->n_auth < p->max_auth) {
		n = mx_list_pop(&p->auth);
		*ret_auth = n != NULL;
	}
	if (!n)
		n = mx_list_pop(&p->work);
	return n ? MX_CONTAINER_OF(n, struct mx_job, node) : NULL;
}

static void *run(void *arg)
{
	struct mx_pool *p = arg;
	struct mx_job *job;
	bool auth;

	mx_mutex_lock(&p->lock);
	for (;;) {
		job = take(p, &auth);
		if (!job) {
			if (p->quit && mx_list_empty(&p->auth))
				break;
			mx_cond_wait(&p->cond, &p->lock, MX_MONO_NEVER);
			continue;
		}
		p->n_auth += auth;
		mx_mutex_unlock(&p->lock);
		job->fn(job);
		mx_mutex_lock(&p->lock);
		p->n_auth -= auth;
		if (auth && (!mx_list_empty(&p->auth) || p->quit))
			mx_cond_broadcast(&p->cond);
	}
	mx_mutex_unlock(&p->lock);
	return NULL;
}

int mx_pool_new(unsigned n_threads, struct mx_pool **ret)
{
	struct mx_pool *p =
		calloc(1, sizeof(*p) + n_threads * sizeof(pthread_t));
	int err = 0;

	if (!p)
		return -ENOMEM;
	mx_mutex_init(&p->lock);
	mx_cond_init(&p->cond);
	mx_list_init(&p->work);
	mx_list_init(&p->auth);
	p->max_auth = n_threads > 1 ? n_threads / 2 : 1;
	while (p->n_threads < n_threads && !err) {
		err = pthread_create(&p->threads[p->n_threads], NULL, run, p);
		p->n_threads += !err;
	}
	if (err) {
		mx_pool_free(p);
		return -err;
	}
	*ret = p;
	return 0;
}

void mx_pool_free(struct mx_pool *p)
{
	if (!p)
		return;
	mx_mutex_lock(&p->lock);
	p->quit = true;
	mx_cond_broadcast(&p->cond);
	mx_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	mx_cond_fini(&p->cond);
	mx_mutex_fini(&p->lock);
	free(p);
}

void mx_pool_submit(struct mx_pool *p, enum mx_job_kind kind,
		    struct mx_job *job)
{
	mx_mutex_lock(&p->lock);
	mx_list_push_tail(kind == MX_JOB_AUTH ? &p->auth : &p->work,
			  &job->node);
	mx_cond_signal(&p->cond);
	mx_mutex_unlock(&p->lock);
}
