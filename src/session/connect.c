/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connect: a session context on the server, in a place of the user's budget.
 * Old cookies go along, ours or those of a process that died, so that the
 * server frees what they stand for.  [MS-OXCMAPIHTTP] 3.1.5.1, 3.1.5.7
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session/run.h"
#include "wire/bodies.h"

/* How long a server that has too many sessions of a user is left alone. */
#define FULL_MS 5000
#define CONNECT_ADMIN 0x00000001u

/* [MS-OXCDATA] 2.4: session limit, connection pools, open objects. */
bool mx_sctx_too_many(uint32_t code)
{
	return code == 0x80040112 || code == 0x00000a2d || code == 0x000004de;
}

static bool is_cancelled(void *token)
{
	return mx_cancel_fired(token);
}

static struct mx_conn_params place_params(struct mx_run *r)
{
	return (struct mx_conn_params){
		.server = r->ctx->s->server,
		.kind = MX_CONN_MAILBOX,
		.deadline = r->deadline,
		.cancelled = is_cancelled,
		.arg = &r->token,
	};
}

/* A limit is not a silence of the network: what was waited for says which. */
static int place_error(struct mx_run *r, int err)
{
	if (err != -ETIMEDOUT || r->fault->layer != MX_LAYER_REGISTRY)
		return err;
	return r->fault->code == EAGAIN ? -EAGAIN : -EDQUOT;
}

/* Cookies of a session that its process left, to be sent with Connect. */
static void take_cookies_locked(struct mx_ctx *ctx,
				struct mx_conn *conn) MX_LOCKED
{
	char old[MX_CONN_COOKIES_MAX + 1];

	if (mx_conn_cookies(conn, old, sizeof(old)))
		mx_cookies_parse(&ctx->cookies, old);
}

int mx_connect_place(struct mx_run *r)
{
	const struct mx_conn_params p = place_params(r);
	struct mx_ctx *ctx = r->ctx;
	struct mx_conn *conn;
	int err;

	mx_assert_unlocked();
	err = mx_conn_open(ctx->s->list, &p, &conn, r->fault);
	if (err)
		return place_error(r, err);
	mx_mutex_lock(&ctx->s->lock);
	take_cookies_locked(ctx, conn);
	ctx->conn = conn;
	mx_mutex_unlock(&ctx->s->lock);
	if (ctx->primary)
		atomic_store(&ctx->s->near_conn, conn);
	return 0;
}

int mx_connect_build(struct mx_run *r)
{
	struct mx_session *s = r->ctx->s;
	const struct mx_connect_req req = {
		.user_dn = s->user_dn,
		.flags = s->admin ? CONNECT_ADMIN : 0,
		.default_code_page = s->code_page,
		.lcid_sort = s->lcid_sort,
		.lcid_string = s->lcid_string,
	};
	struct mx_wr size = {0}, wr;

	mx_connect_req_encode(&size, &req);
	mx_buf_reset(&r->body);
	if (!mx_buf_room(&r->body, size.len))
		return -ENOMEM;
	mx_wr_init(&wr, r->body.p, size.len);
	mx_connect_req_encode(&wr, &req);
	r->body.len = size.len;
	return mx_wr_end(&wr);
}

/* The server has no place: ours is worth nothing.  Waits in order with the others
 * of this user, where it stood; -EDQUOT when no place came free in time. */
static int full(struct mx_run *r, uint32_t code)
{
	const struct mx_conn_params p = place_params(r);
	struct mx_ctx *ctx = r->ctx;
	struct mx_conn *conn;
	int err = -EDQUOT;

	mx_mutex_lock(&ctx->s->lock);
	conn = ctx->conn;
	ctx->conn = NULL; /* nobody else's until it has a place */
	mx_cookies_clear(&ctx->cookies);
	mx_mutex_unlock(&ctx->s->lock);
	mx_conn_report(conn, MX_HEALTH_FULL, FULL_MS, code);
	if (!r->background)
		err = mx_conn_reopen(conn, &p, r->fault);
	if (err) {
		mx_conn_close(conn, MX_CONN_ENDED);
		if (err != -EDQUOT)
			return place_error(r, err);
		return mx_fault_set(r->fault, MX_LAYER_EMSMDB, code, err,
				    "the server has too many sessions of this "
				    "user");
	}
	mx_mutex_lock(&ctx->s->lock);
	take_cookies_locked(ctx, conn);
	ctx->conn = conn;
	mx_mutex_unlock(&ctx->s->lock);
	return 0;
}

static int refused(struct mx_run *r, const struct mx_connect_res *res)
{
	uint32_t code = res->status_code ? res->status_code : res->error_code;
	int err = -EREMOTEIO;

	if (mx_sctx_too_many(code))
		return full(r, code);
	if (code == 0x3eb || code == 0x3f2 || code == 0x80070005)
		err = -EACCES; /* unknown user, no right to log on, access */
	return mx_fault_set(r->fault, MX_LAYER_EMSMDB, code, err,
			    "the server refused Connect");
}

static void connected(struct mx_run *r, const struct mx_connect_res *res)
{
	struct mx_ctx *ctx = r->ctx;
	struct mx_session *s = ctx->s;

	mx_mutex_lock(&s->lock);
	if (ctx->state == MX_CTX_LOST)
		atomic_fetch_add(&s->reconnects, 1);
	if (ctx->state != MX_CTX_ENDING)
		ctx->state = MX_CTX_OPEN;
	if (!s->dn_prefix)
		s->dn_prefix = strdup(res->dn_prefix);
	if (!s->display_name)
		s->display_name = strdup(res->display_name);
	mx_mutex_unlock(&s->lock);
	mx_conn_report(ctx->conn, MX_HEALTH_OK, 0, 0);
}

/* Old cookies may be refused as such: then without them, once. */
static int failed(struct mx_run *r, int err, const struct mx_xresp *resp)
{
	struct mx_ctx *ctx = r->ctx;
	int64_t ms = resp->retry_after_ms > 0 ? resp->retry_after_ms : 1000;

	if (err == -ESTALE && r->x.cookies[0]) {
		mx_mutex_lock(&ctx->s->lock);
		mx_cookies_clear(&ctx->cookies);
		mx_mutex_unlock(&ctx->s->lock);
		return 0;
	}
	if (resp->why == MX_XWHY_HTTP && err == -EAGAIN) {
		ctx->not_before = mx_mono_in_ms(ms);
		mx_conn_report(ctx->conn, MX_HEALTH_BACKOFF, ms,
			       (uint32_t)resp->http_status);
		return 0;
	}
	/* Connect harms nobody when it is sent twice. */
	if (resp->why == MX_XWHY_CUT && !r->n_resent++)
		return 0;
	return err == -ESTALE ? -EREMOTEIO : err;
}

int mx_connect_answer(struct mx_run *r, int err, struct mx_xresp *resp)
{
	MX_AUTO(mx_arena_auto) struct mx_arena arena = MX_ARENA_INIT;
	struct mx_connect_res res = {0};
	struct mx_rd in;

	if (err)
		return failed(r, err, resp);
	arena.budget = resp->body.len * MX_MAX_DECODE_RATIO + 4096;
	mx_rd_init(&in, resp->body.p, resp->body.len, &arena);
	mx_connect_res_decode(&in, &res);
	err = mx_rd_end(&in);
	if (err == -ENOMEM)
		return err;
	if (err)
		return mx_fault_set(r->fault, MX_LAYER_LOCAL, EBADMSG, -EBADMSG,
				    "the answer to Connect cannot be read");
	if (res.status_code || res.error_code)
		return refused(r, &res);
	connected(r, &res);
	return 0;
}
