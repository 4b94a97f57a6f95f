/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request itself: its references, its way from the connection's thread to a
 * worker and back, its timer, and the chunks of a long answer.  What MHD calls is
 * in http.c.
 */
#include "server/http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "server/ctx.h"
#include "server/throttle.h"
#include "server/wait.h"

void mx_req_fail(struct mx_req *req, enum mx_code code, const char *fmt, ...)
{
	va_list ap;

	req->reply.code = (int)code;
	va_start(ap, fmt);
	vsnprintf(req->reply.text, sizeof(req->reply.text), fmt, ap);
	va_end(ap);
}

/* ---- Suspended and resumed ---- */

static void resume_locked(struct mx_req *req)
{
	if (!req->suspended || req->gone)
		return;
	req->suspended = false;
	MHD_resume_connection(req->conn);
}

static void suspend_locked(struct mx_req *req)
{
	req->suspended = true;
	MHD_suspend_connection(req->conn);
}

/* Counts req among those that a stop waits for; false when stopping. */
static bool work_begin(struct mx_server *srv)
{
	bool ok;

	mx_mutex_lock(&srv->reqs_lock);
	ok = !srv->stopping;
	srv->n_working += ok;
	mx_mutex_unlock(&srv->reqs_lock);
	return ok;
}

static void work_end(struct mx_server *srv)
{
	mx_mutex_lock(&srv->reqs_lock);
	if (--srv->n_working == 0)
		mx_cond_broadcast(&srv->reqs_idle);
	mx_mutex_unlock(&srv->reqs_lock);
}

/* ---- The timer ---- */

/* The next moment something is due: a PENDING, or the end of the wait. */
static mx_mono next_tick(struct mx_req *req)
{
	mx_mono at = mx_mono_in_ms(req->srv->p.pending_ms);

	return req->is_wait ? mx_mono_min(at, req->wait_until) : at;
}

/* Arms the request's timer, or moves it; it has a reference of its own. */
static void arm_locked(struct mx_req *req, mx_mono at)
{
	mx_req_ref(req);
	if (!mx_timer_set(req->srv->timers, &req->timer, at))
		atomic_fetch_sub(&req->refs, 1);
}

static void on_timer(struct mx_timer *t)
{
	struct mx_req *req = MX_CONTAINER_OF(t, struct mx_req, timer);
	bool expired = false, done;

	mx_mutex_lock(&req->lock);
	done = req->finished || req->gone;
	if (!done && req->is_wait && mx_mono_passed(req->wait_until)) {
		expired = true;
	} else if (!done) {
		if (req->streaming)
			req->pendings++;
		req->streaming = req->path != MX_PATH_AUTODISCOVER;
		if (req->streaming)
			resume_locked(req);
		/* Under the lock: who sets `finished` then finds it armed. */
		if (!mx_timer_set(req->srv->timers, t, next_tick(req)))
			done = true;
	}
	mx_mutex_unlock(&req->lock);
	if (expired)
		mx_wait_expire(req->ctx, req);
	if (expired || done)
		mx_req_unref(req);
}

/* ---- Life ---- */

struct mx_req *mx_req_new(struct mx_server *srv, struct MHD_Connection *conn)
{
	struct mx_req *req = calloc(1, sizeof(*req));

	if (!req)
		return NULL;
	req->srv = srv;
	req->conn = conn;
	atomic_init(&req->refs, 1);
	mx_mutex_init(&req->lock);
	req->start = mx_mono_now();
	req->start_unix = (int64_t)time(NULL);
	req->timer.fn = on_timer;
	req->reply.status = 200;
	return req;
}

struct mx_req *mx_req_ref(struct mx_req *req)
{
	atomic_fetch_add_explicit(&req->refs, 1, memory_order_relaxed);
	return req;
}

void mx_req_unref(struct mx_req *req)
{
	if (atomic_fetch_sub(&req->refs, 1) != 1)
		return;
	if (req->authorization)
		explicit_bzero((char *)(uintptr_t)req->authorization,
			       strlen(req->authorization));
	mx_ident_unref(req->who);
	mx_ctx_unref(req->ctx);
	mx_buf_fini(&req->body);
	mx_buf_fini(&req->reply.body);
	mx_buf_fini(&req->chunk);
	mx_arena_fini(&req->arena);
	mx_mutex_fini(&req->lock);
	free(req);
}

/* ---- To a worker and back ---- */

bool mx_req_submit(struct mx_req *req, enum mx_job_kind kind,
		   void (*fn)(struct mx_job *))
{
	if (!work_begin(req->srv))
		return false;
	req->job.fn = fn;
	mx_req_ref(req);
	mx_mutex_lock(&req->lock);
	if (kind == MX_JOB_WORK)
		arm_locked(req, mx_mono_in_ms(req->srv->p.grace_ms));
	suspend_locked(req);
	mx_mutex_unlock(&req->lock);
	mx_pool_submit(req->srv->pool, kind, &req->job);
	return true;
}

void mx_req_go_on(struct mx_req *req)
{
	struct mx_server *srv = req->srv;

	mx_mutex_lock(&req->lock);
	resume_locked(req);
	mx_mutex_unlock(&req->lock);
	mx_req_unref(req);
	work_end(srv);
}

bool mx_req_ready(struct mx_req *req)
{
	bool ready;

	mx_mutex_lock(&req->lock);
	ready = req->finished || req->streaming;
	if (!ready)
		suspend_locked(req);
	mx_mutex_unlock(&req->lock);
	return ready;
}

/* Nobody knows the cookie of a context whose Connect was not answered to the end:
 * it would count among the user's until it expires. */
static void end_unknown(struct mx_req *req)
{
	if (req->ctx && req->type && !strcmp(req->type, "Connect"))
		mx_ctx_kill(req->ctx, MX_CODE_CONTEXT_NOT_FOUND);
}

void mx_req_finish(struct mx_req *req)
{
	struct mx_server *srv = req->srv;
	bool gone;

	/* Before the answer leaves: it may bring the next request. */
	mx_throttle_leave(req);
	mx_mutex_lock(&req->lock);
	req->finished = true;
	gone = req->gone;
	resume_locked(req);
	mx_mutex_unlock(&req->lock);
	if (gone)
		end_unknown(req);
	if (mx_timer_cancel(srv->timers, &req->timer))
		mx_req_unref(req);
	mx_req_unref(req);
	work_end(srv);
}

void mx_req_stream(struct mx_req *req)
{
	mx_mutex_lock(&req->lock);
	if (!req->finished && !req->streaming) {
		req->streaming = true;
		resume_locked(req);
		arm_locked(req, next_tick(req));
	}
	mx_mutex_unlock(&req->lock);
}

bool mx_req_is_dead(struct mx_req *req)
{
	bool dead;
	ssize_t n;
	char c;

	mx_mutex_lock(&req->lock);
	dead = req->gone;
	if (!dead) {
		n = recv(req->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
		dead = !n || (n < 0 && errno != EAGAIN && errno != EINTR);
	}
	mx_mutex_unlock(&req->lock);
	return dead;
}

bool mx_req_gone(struct mx_req *req, bool complete)
{
	bool settled, parked, unknown;

	mx_mutex_lock(&req->lock);
	req->gone = true;
	parked = req->is_wait && !req->finished;
	settled = req->finished || parked || !req->submitted;
	unknown = req->finished && !complete;
	mx_mutex_unlock(&req->lock);
	if (unknown)
		end_unknown(req);
	if (parked)
		mx_wait_forget(req->ctx, req);
	if (mx_timer_cancel(req->srv->timers, &req->timer))
		mx_req_unref(req);
	return settled;
}

/* ---- Chunks ---- */

ssize_t mx_req_read(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct mx_req *req = arg;
	size_t n;

	mx_mutex_lock(&req->lock);
	if (!req->began)
		mx_buf_puts(&req->chunk, "PROCESSING\r\n");
	req->began = true;
	for (; req->pendings; req->pendings--)
		mx_buf_puts(&req->chunk, "PENDING\r\n");
	if (req->finished && !req->ended) {
		mx_reply_tail(req, &req->chunk);
		req->ended = true;
	}
	n = req->chunk.len - req->chunk_pos;
	if (!n && !req->ended)
		suspend_locked(req);
	mx_mutex_unlock(&req->lock);
	if (req->chunk.err)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (!n)
		return req->ended ? MHD_CONTENT_READER_END_OF_STREAM : 0;
	n = n < max ? n : max;
	memcpy(buf, req->chunk.p + req->chunk_pos, n);
	req->chunk_pos += n;
	req->n_out += n;
	if (req->chunk_pos == req->chunk.len) {
		mx_buf_reset(&req->chunk);
		req->chunk_pos = 0;
	}
	return (ssize_t)n;
}
