/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "server/throttle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "server/http.h"

#define BUCKETS 1024u
/* How long a user is asked to wait who has too much at once. */
#define BUSY_MS 250
/* … and everybody, when the server has. */
#define FULL_MS 1000

/* What is known of a user; made when first needed, kept. */
struct user {
	struct mx_list node;
	uint32_t id;
	unsigned active; /* admitted requests */
	double tokens;   /* requests he may make now */
	mx_mono filled;  /* when tokens were counted */
	mx_mono until;   /* mx_server_throttle */
	enum mx_refusal how;
};

struct mx_throttles {
	struct mx_server *srv;
	_Atomic bool any; /* there is something to look at */
	struct mx_mutex lock;
	struct mx_list users[BUCKETS];
	unsigned active;
};

int mx_throttles_new(struct mx_server *srv, struct mx_throttles **ret)
{
	struct mx_throttles *ts = calloc(1, sizeof(*ts));
	const struct mx_server_params *p = &srv->p;

	if (!ts)
		return -ENOMEM;
	ts->srv = srv;
	mx_mutex_init(&ts->lock);
	for (size_t i = 0; i < BUCKETS; i++)
		mx_list_init(&ts->users[i]);
	atomic_init(&ts->any, p->max_rate || p->max_active || p->max_running);
	*ret = ts;
	return 0;
}

void mx_throttles_free(struct mx_throttles *ts)
{
	if (!ts)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct mx_list *it;

		while ((it = mx_list_pop(&ts->users[i])))
			free(MX_CONTAINER_OF(it, struct user, node));
	}
	mx_mutex_fini(&ts->lock);
	free(ts);
}

/* NULL when out of memory: then nothing is held against him. */
static struct user *user_of(struct mx_throttles *ts, uint32_t id)
	MX_HOLDS(&ts->lock)
{
	struct mx_list *bucket = &ts->users[id % BUCKETS];
	struct user *u;

	MX_LIST_FOR_EACH(it, bucket) {
		u = MX_CONTAINER_OF(it, struct user, node);
		if (u->id == id)
			return u;
	}
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->id = id;
	u->tokens = ts->srv->p.max_rate;
	u->filled = mx_mono_now();
	mx_list_push_tail(bucket, &u->node);
	return u;
}

/* ---- The rules ---- */

struct verdict {
	unsigned status;     /* 429, 503, or 0 */
	unsigned backoff_ms; /* RopBackoff, or 0 */
	int64_t wait_ms;     /* Retry-After */
	const char *why;
};

/* A second's worth may come at once; 0 when there is a token, and takes it. */
static int64_t rate_wait_ms(struct user *u, unsigned rate)
{
	mx_mono now = mx_mono_now();

	u->tokens += (double)(now.ns - u->filled.ns) / 1e9 * rate;
	u->filled = now;
	if (u->tokens > rate)
		u->tokens = rate;
	if (u->tokens < 1)
		return 1 + (int64_t)((1 - u->tokens) * 1000 / rate);
	u->tokens -= 1;
	return 0;
}

static void by_order(const struct user *u, struct verdict *v)
{
	int64_t left = mx_mono_left_ms(u->until);

	if (left <= 0)
		return;
	v->wait_ms = left;
	v->why = "The administrator has slowed this user down";
	switch (u->how) {
	case MX_REFUSE_429:
		v->status = 429;
		break;
	case MX_REFUSE_503:
		v->status = 503;
		break;
	case MX_REFUSE_BACKOFF:
		v->backoff_ms = (unsigned)left;
		break;
	}
}

static void judge(struct mx_throttles *ts, struct user *u, struct verdict *v)
	MX_HOLDS(&ts->lock)
{
	const struct mx_server_params *p = &ts->srv->p;

	by_order(u, v);
	if (v->status || v->backoff_ms)
		return;
	if (p->max_running && ts->active >= p->max_running) {
		*v = (struct verdict){503, 0, FULL_MS, "The server is busy"};
		return;
	}
	if (p->max_rate)
		v->wait_ms = rate_wait_ms(u, p->max_rate);
	if (v->wait_ms) {
		v->status = 429;
		v->why = "Too many requests of this user";
		return;
	}
	if (p->max_active && u->active >= p->max_active)
		v->backoff_ms = BUSY_MS;
}

static bool is_counted(const struct mx_req *req)
{
	return req->path == MX_PATH_EMSMDB && req->type &&
	       (!strcmp(req->type, "Execute") || !strcmp(req->type, "Connect"));
}

bool mx_throttle_admit(struct mx_req *req)
{
	struct mx_throttles *ts = req->srv->throttles;
	struct verdict v = {0};
	struct user *u;

	if (!atomic_load_explicit(&ts->any, memory_order_relaxed) ||
	    !is_counted(req))
		return true;
	mx_mutex_lock(&ts->lock);
	u = user_of(ts, req->who->id);
	if (u)
		judge(ts, u, &v);
	if (u && !v.status) {
		u->active++;
		ts->active++;
		req->admitted = true;
	}
	mx_mutex_unlock(&ts->lock);
	req->backoff_ms = v.backoff_ms;
	if (!v.status)
		return true;
	req->reply.status = v.status;
	req->reply.retry_after_ms = v.wait_ms;
	mx_req_fail(req, MX_CODE_UNKNOWN_FAILURE, "%s", v.why);
	return false;
}

void mx_throttle_leave(struct mx_req *req)
{
	struct mx_throttles *ts = req->srv->throttles;
	struct user *u;

	if (!req->admitted)
		return;
	req->admitted = false;
	mx_mutex_lock(&ts->lock);
	u = user_of(ts, req->who->id);
	if (u)
		u->active--;
	ts->active--;
	mx_mutex_unlock(&ts->lock);
}

/* ---- From outside ---- */

void mx_server_throttle(struct mx_server *srv, uint32_t user,
			enum mx_refusal how, unsigned ms)
{
	struct mx_throttles *ts = srv->throttles;
	struct user *u;

	mx_mutex_lock(&ts->lock);
	u = user_of(ts, user);
	if (u) {
		u->how = how;
		u->until = mx_mono_in_ms(ms);
	}
	mx_mutex_unlock(&ts->lock);
	atomic_store(&ts->any, true);
}
