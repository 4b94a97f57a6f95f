/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to one job, step by step.  All of it on the loop's thread but
 * for the two functions that say so.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "net/credentials.h"
#include "net/loop.h"
#include "net/serial.h"

enum state {
	NEW,
	WAITING,
	RESOLVING,
	AUTHENTICATING,
	RUNNING,
	DONE,
};

/* Credentials that need the program or the KDC are made on the callback pool.
 * The task outlives its job when that is cancelled: job is NULL then. */
struct auth_task {
	struct mx_list node; /* in loop->authed */
	struct mx_loop *loop;
	struct mx_job *job; /* the loop's thread only */
	struct mx_channel *ch;
	struct mx_secret header;
	struct mx_fault fault;
	int err;
};

struct mx_job {
	struct mx_list post;   /* in loop->inbox */
	struct mx_list all;    /* in loop->jobs */
	struct mx_list attend; /* in loop->attention, or linked to itself */
	struct mx_loop *loop;
	struct mx_timer timer;
	struct mx_waker waker;
	struct mx_cancel *cancel;
	mx_mono not_before;
	unsigned flags;
	enum state state;

	mx_engine_fn *fn; /* a closure, or */
	void *fn_arg;
	struct request *r; /* a request */
};

static_assert(offsetof(struct mx_job, post) == 0, "mx_loop_post counts on it");

struct request {
	struct mx_engine_req req;
	struct mx_xfer x;
	struct mx_xresp resp;
	struct mx_fault fault;
	struct mx_resolver_ask ask;
	struct auth_task *auth;
	bool taken;
	struct mx_bunch *bunch; /* it is in, or NULL */
};

static void start(struct mx_job *j);

/* --- Making ------------------------------------------------------------- */

static struct mx_job *job_new(mx_mono not_before, struct mx_cancel *cancel,
			      unsigned flags)
{
	struct mx_job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	mx_list_init(&j->post);
	mx_list_init(&j->all);
	mx_list_init(&j->attend);
	j->not_before = not_before;
	j->cancel = cancel;
	j->flags = flags;
	return j;
}

struct mx_job *mx_job_request(const struct mx_engine_req *req)
{
	struct mx_job *j = job_new(req->not_before, req->x.cancel, req->flags);
	struct request *r = j ? calloc(1, sizeof(*r)) : NULL;

	if (!r) {
		free(j);
		return NULL;
	}
	r->req = *req;
	mx_channel_ref(req->ch);
	r->resp = MX_XRESP_INIT;
	r->fault = MX_FAULT_INIT;
	mx_list_init(&r->ask.node);
	j->r = r;
	return j;
}

struct mx_job *mx_job_call(mx_engine_fn *fn, void *arg, mx_mono not_before,
			   struct mx_cancel *cancel, unsigned flags)
{
	struct mx_job *j = job_new(not_before, cancel, flags);

	if (!j)
		return NULL;
	j->fn = fn;
	j->fn_arg = arg;
	return j;
}

void mx_job_free(struct mx_job *j)
{
	if (j->r) {
		mx_xresp_fini(&j->r->resp);
		mx_channel_unref(j->r->req.ch);
		free(j->r);
	}
	free(j);
}

mx_mono mx_job_due(const struct mx_job *j)
{
	return j->not_before;
}

/* --- The one exit ------------------------------------------------------- */

static void leave_bunch(struct request *r)
{
	if (r->bunch)
		mx_loop_remove(r->bunch, r->x.easy);
	r->bunch = NULL;
}

static void release_request(struct mx_job *j, int err)
{
	mx_resolver_drop(&j->r->ask);
	if (j->r->auth)
		j->r->auth->job = NULL;
	leave_bunch(j->r);
	if (j->r->taken) {
		if (!err)
			mx_xfer_keep(&j->r->x);
		mx_xfer_fini(&j->r->x);
		mx_channel_give(j->r->req.ch);
	}
	j->r->taken = false;
}

/* After this nobody but the caller knows the job. */
static void detach(struct mx_job *j)
{
	struct mx_loop *l = j->loop;

	mx_cancel_detach(j->cancel, &j->waker);
	mx_mutex_lock(&l->lock);
	mx_list_unlink(&j->attend);
	mx_mutex_unlock(&l->lock);
	mx_timers_remove(&l->timers, &j->timer);
	mx_list_unlink(&j->all);
}

static void complete(struct mx_job *j, int err)
{
	struct mx_loop *l = j->loop;

	j->state = DONE;
	detach(j);
	if (j->fn) {
		j->fn(j->fn_arg, err);
	} else {
		release_request(j, err);
		j->r->req.done(j->r->req.arg, err, &j->r->resp, &j->r->fault);
	}
	mx_job_free(j);
	l->on_done();
}

/* Completes a job that is given up, wherever it stands. */
static void give_up(struct mx_job *j, enum mx_xwhy why)
{
	int err;

	if (j->fn) {
		complete(j, -ECANCELED);
		return;
	}
	if (j->state == RUNNING) {
		leave_bunch(j->r);
		err = mx_xfer_finish(&j->r->x, why, CURLE_OK);
	} else if (j->state == RESOLVING && why != MX_XWHY_CANCELED) {
		err = mx_xfer_resolve_failed(&j->r->x, -ETIMEDOUT,
					     "the name servers do not answer");
	} else if (j->state == AUTHENTICATING && why != MX_XWHY_CANCELED) {
		err = mx_xfer_fail(&j->r->x, why, -ETIMEDOUT,
				   "the program or the KDC did not give "
				   "credentials in time");
	} else {
		j->r->x.resp = &j->r->resp;
		j->r->x.fault = &j->r->fault;
		err = mx_xfer_fail(&j->r->x, MX_XWHY_CANCELED, -ECANCELED,
				   "cancelled by the program");
	}
	complete(j, err);
}

/* --- A request's steps -------------------------------------------------- */

static void send_it(struct mx_job *j, const char *auth)
{
	int err = mx_xfer_prepare(&j->r->x, auth);

	if (!err)
		err = mx_timers_set(&j->loop->timers, &j->timer,
				    mx_xfer_due(&j->r->x));
	if (!err)
		err = mx_loop_add(j->loop, j->r->x.easy, &j->r->bunch);
	if (err) {
		complete(j, mx_xfer_fail(&j->r->x, MX_XWHY_LOCAL, err,
					 err == -EINVAL
						 ? "a header value with a line "
						   "end in it"
						 : "out of memory"));
		return;
	}
	curl_easy_setopt(j->r->x.easy, CURLOPT_PRIVATE, j);
	j->state = RUNNING;
}

static void auth_free(struct auth_task *t)
{
	mx_secret_fini(&t->header);
	mx_channel_unref(t->ch);
	mx_loop_unref(t->loop);
	free(t);
}

/* On the callback pool, or where that is closed. */
static void auth_run(void *arg, bool run)
{
	struct auth_task *t = arg;
	struct mx_loop *l = t->loop;
	bool closed;

	t->err = run ? mx_auth_header(mx_channel_user(t->ch),
				      mx_channel_server(t->ch), &t->header,
				      &t->fault)
		     : -ECANCELED;
	mx_mutex_lock(&l->lock);
	closed = l->closed;
	if (!closed)
		mx_list_push_tail(&l->authed, &t->node);
	mx_mutex_unlock(&l->lock);
	if (closed)
		auth_free(t);
	else
		mx_loop_wake(l);
}

void mx_job_authed(struct mx_loop *l, struct mx_list *node)
{
	struct auth_task *t = MX_CONTAINER_OF(node, struct auth_task, node);
	struct mx_job *j = t->job;

	(void)l;
	if (j) {
		j->r->auth = NULL;
		if (!t->err) {
			j->r->x.last = mx_mono_now();
			send_it(j, t->header.p);
		} else if (t->err == -ECANCELED && !t->fault.text[0]) {
			give_up(j, MX_XWHY_CANCELED);
		} else {
			mx_fault_set(&j->r->fault, t->fault.layer,
				     t->fault.code, t->err, "%s",
				     t->fault.text);
			complete(j, mx_xfer_fail(&j->r->x, MX_XWHY_CREDS,
						 t->err, NULL));
		}
	}
	auth_free(t);
}

static int ask_pool(struct mx_job *j)
{
	struct mx_channel *ch = j->r->req.ch;
	struct auth_task *t;
	int err = 0;

	if (!ch->auth_queue)
		err = mx_serial_new_awaited(ch->to->server, &ch->auth_queue);
	if (!err)
		err = mx_timers_set(&j->loop->timers, &j->timer,
				    mx_xfer_due(&j->r->x));
	t = err ? NULL : calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	mx_list_init(&t->node);
	t->job = j;
	t->loop = j->loop;
	t->ch = mx_channel_ref(ch);
	mx_mutex_lock(&t->loop->lock);
	t->loop->refs++;
	mx_mutex_unlock(&t->loop->lock);
	j->r->auth = t;
	j->state = AUTHENTICATING;
	err = mx_serial_post(ch->auth_queue, auth_run, t);
	if (err) {
		j->r->auth = NULL;
		auth_free(t);
	}
	return err;
}

static void authenticate(struct mx_job *j)
{
	MX_AUTO(mx_secret_auto) struct mx_secret h = MX_SECRET_INIT;
	struct mx_channel *ch = j->r->req.ch;
	int err;

	if (mx_userctx_secret_at_hand(ch->user)) {
		err = mx_auth_header(ch->user, ch->to->server, &h,
				     &j->r->fault);
		if (!err)
			send_it(j, h.p);
		else
			complete(j, mx_xfer_fail(&j->r->x, MX_XWHY_CREDS, err,
						 NULL));
		return;
	}
	err = ask_pool(j);
	if (err)
		complete(j, mx_xfer_fail(&j->r->x, MX_XWHY_LOCAL, err,
					 "the callback pool takes no work"));
}

static void on_resolved(void *arg, int err, const char *addrs, const char *why)
{
	struct mx_job *j = arg;

	if (!err)
		err = mx_xfer_set_addrs(&j->r->x, addrs);
	if (err) {
		complete(j, mx_xfer_resolve_failed(&j->r->x, err, why));
		return;
	}
	j->r->x.last = mx_mono_now();
	authenticate(j);
}

static void resolve(struct mx_job *j)
{
	int err = mx_xfer_needs_resolve(&j->r->x);

	if (!err) {
		authenticate(j);
		return;
	}
	if (err > 0) {
		j->state = RESOLVING;
		mx_xfer_set_phase(&j->r->x, MX_XPHASE_RESOLVE);
		j->r->ask.done = on_resolved;
		j->r->ask.arg = j;
		err = mx_timers_set(&j->loop->timers, &j->timer,
				    mx_xfer_due(&j->r->x));
		if (!err)
			err = mx_resolver_ask(j->loop->resolver,
					      j->r->req.ch->to->host,
					      &j->r->ask);
	}
	/* On success the job may be gone already. */
	if (err)
		complete(j, mx_xfer_fail(&j->r->x, MX_XWHY_LOCAL, err,
					 "out of memory"));
}

static void start(struct mx_job *j)
{
	int err;

	mx_timers_remove(&j->loop->timers, &j->timer);
	if (j->fn) {
		complete(j, 0);
		return;
	}
	mx_xfer_init(&j->r->x, j->r->req.ch, &j->r->req.x, NULL, &j->r->resp,
		     &j->r->fault);
	err = mx_channel_take(j->r->req.ch);
	if (err) {
		complete(j, mx_xfer_take_failed(&j->r->x, err));
		return;
	}
	j->r->taken = true;
	resolve(j);
}

/* --- What the loop tells ------------------------------------------------ */

/* Under the token's lock, on any thread. */
static void on_token(void *arg)
{
	struct mx_job *j = arg;
	struct mx_loop *l = j->loop;

	mx_mutex_lock(&l->lock);
	mx_list_unlink(&j->attend);
	mx_list_push_tail(&l->attention, &j->attend);
	mx_mutex_unlock(&l->lock);
	mx_loop_wake(l);
}

static bool may_stay(const struct mx_job *j, enum mx_loop_phase phase)
{
	return phase == MX_LOOP_RUN ||
	       (phase == MX_LOOP_DRAIN && (j->flags & MX_ENGINE_DRAIN));
}

void mx_job_accept(struct mx_loop *l, struct mx_list *post,
		   enum mx_loop_phase phase)
{
	struct mx_job *j = MX_CONTAINER_OF(post, struct mx_job, post);
	int err;

	j->loop = l;
	j->waker = (struct mx_waker){.wake = on_token, .arg = j};
	mx_list_push_tail(&l->jobs, &j->all);
	if (!j->fn) {
		mx_fault_who(&j->r->fault,
			     mx_userctx_display(mx_channel_user(j->r->req.ch)),
			     mx_channel_server(j->r->req.ch));
		mx_fault_op(&j->r->fault, j->r->req.x.type);
	}
	err = mx_cancel_attach(j->cancel, &j->waker);
	if (err || !may_stay(j, phase)) {
		give_up(j, MX_XWHY_CANCELED);
		return;
	}
	/* While the engine drains nobody waits for a later time. */
	if (phase == MX_LOOP_RUN && !mx_mono_passed(j->not_before) &&
	    !mx_timers_set(&l->timers, &j->timer, j->not_before))
		j->state = WAITING;
	else
		start(j);
}

void mx_job_attend(struct mx_list *attend)
{
	give_up(MX_CONTAINER_OF(attend, struct mx_job, attend),
		MX_XWHY_CANCELED);
}

void mx_job_timer(struct mx_timer *t)
{
	struct mx_job *j = MX_CONTAINER_OF(t, struct mx_job, timer);
	enum mx_xwhy over;

	if (j->state == WAITING) {
		start(j);
		return;
	}
	over = mx_xfer_overdue(&j->r->x);
	if (over == MX_XWHY_OK)
		mx_timers_set(&j->loop->timers, t, mx_xfer_due(&j->r->x));
	else
		give_up(j, over);
}

void mx_job_transferred(CURL *easy, CURLcode rc)
{
	struct mx_job *j = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &j);
	leave_bunch(j->r);
	complete(j, mx_xfer_finish(&j->r->x, MX_XWHY_OK, rc));
}

static void tell_left(struct mx_job *j)
{
	char name[MX_ENGINE_LEFT_BYTES];

	if (j->fn || !(j->flags & MX_ENGINE_DRAIN))
		return;
	snprintf(name, sizeof(name), "%s for %s at %s", j->r->fault.op,
		 j->r->fault.user, j->r->fault.server);
	j->loop->on_left(name);
}

/* A completion may complete others (by dropping a queue's reference), so the
 * walk starts anew after each. */
void mx_job_phase(struct mx_loop *l, enum mx_loop_phase phase)
{
	struct mx_job *j, *found;

	do {
		found = NULL;
		MX_LIST_FOR_EACH(it, &l->jobs) {
			j = MX_CONTAINER_OF(it, struct mx_job, all);
			if (!may_stay(j, phase)) {
				found = j;
				break;
			}
			if (j->state == WAITING)
				mx_timers_set(&l->timers, &j->timer,
					      (mx_mono){0});
		}
		if (found && phase == MX_LOOP_END)
			tell_left(found);
		if (found)
			give_up(found, MX_XWHY_CANCELED);
	} while (found);
}
