/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "server/wait.h"

#include <errno.h>

#include "server/ctx.h"
#include "server/http.h"
#include "wire/bodies.h"

static void fill_body(struct mx_req *req, uint32_t pending)
{
	struct mx_notification_wait_res res = {.event_pending = pending};
	struct mx_wr wr = {0};
	uint8_t *p;

	mx_notification_wait_res_encode(&wr, &res);
	p = mx_buf_room(&req->reply.body, wr.len);
	if (!p)
		return;
	mx_wr_init(&wr, p, wr.len);
	mx_notification_wait_res_encode(&wr, &res);
	req->reply.body.len += wr.len;
}

static void end(struct mx_req *req, uint32_t pending)
{
	fill_body(req, pending);
	mx_ctx_touch(req->ctx);
	mx_req_finish(req);
}

/* Takes the parked request out of its context; the caller ends it. */
static struct mx_req *unpark_locked(struct mx_ctx *ctx)
{
	struct mx_req *req = ctx->parked;

	ctx->parked = NULL;
	if (req)
		atomic_fetch_sub(&ctx->srv->n_parked, 1);
	return req;
}

static bool is_pending(const struct mx_ctx *ctx)
{
	return ctx->n_notes || ctx->tables_dirty;
}

void mx_wait_wake_locked(struct mx_ctx *ctx)
{
	struct mx_req *req = unpark_locked(ctx);

	if (!req)
		return;
	end(req, 1);
}

void mx_wait_kill(struct mx_ctx *ctx, int code)
{
	struct mx_req *req;

	mx_mutex_lock(&ctx->lock);
	ctx->killed = true;
	req = unpark_locked(ctx);
	mx_mutex_unlock(&ctx->lock);
	if (!req)
		return;
	mx_req_fail(req, (enum mx_code)code, "The session context ended");
	mx_req_finish(req);
}

static bool take(struct mx_ctx *ctx, struct mx_req *req)
{
	bool mine;

	mx_mutex_lock(&ctx->lock);
	mine = ctx->parked == req;
	if (mine)
		unpark_locked(ctx);
	mx_mutex_unlock(&ctx->lock);
	return mine;
}

void mx_wait_expire(struct mx_ctx *ctx, struct mx_req *req)
{
	if (take(ctx, req))
		end(req, 0);
}

void mx_wait_forget(struct mx_ctx *ctx, struct mx_req *req)
{
	if (take(ctx, req))
		end(req, 0);
}

/* A parked request whose client went away makes room. */
static void evict_dead(struct mx_ctx *ctx)
{
	struct mx_req *old = NULL;

	mx_mutex_lock(&ctx->lock);
	if (ctx->parked && mx_req_is_dead(ctx->parked))
		old = unpark_locked(ctx);
	mx_mutex_unlock(&ctx->lock);
	if (old)
		end(old, 0);
}

int mx_wait_park(struct mx_ctx *ctx, struct mx_req *req)
{
	bool killed, pending, busy;

	evict_dead(ctx);
	mx_mutex_lock(&req->lock);
	req->wait_until = mx_mono_in_ms(ctx->srv->p.wait_ms);
	req->is_wait = true;
	mx_mutex_unlock(&req->lock);
	mx_req_ref(req); /* it may end before we have started it */
	mx_mutex_lock(&ctx->lock);
	killed = ctx->killed;
	pending = is_pending(ctx);
	busy = ctx->parked != NULL;
	if (!killed && !pending && !busy) {
		ctx->parked = req;
		atomic_fetch_add(&ctx->srv->n_parked, 1);
	}
	mx_mutex_unlock(&ctx->lock);
	if (killed) {
		mx_req_fail(req, MX_CODE_CONTEXT_NOT_FOUND,
			    "The session context ended");
		mx_req_finish(req);
	} else if (busy) {
		mx_req_unref(req);
		return -EBUSY;
	} else if (pending) {
		end(req, 1);
	} else {
		mx_req_stream(req);
	}
	mx_req_unref(req);
	return 0;
}
