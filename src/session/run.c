/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens in a turn, step by step; the drivers are in call.c and
 * background.c.
 *
 * When an answer is lost the session context is lost too (the next sequence
 * cookie was in it, and what the server opened is not known): the context is
 * connected again with its old cookies, and only if everything in the request
 * may happen twice is it sent again.  [MS-OXCMAPIHTTP] 3.1.7.1, 3.1.7.2
 */
#include "session/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/rop-info.h"

/* [MS-OXCRPC] 3.1.4.2: room for two full payloads. */
#define DEFAULT_ROP_OUT 0x10008
#define MAX_LOST 2
#define MAX_RESENT 2
/* X-ResponseCode 15: the server still works on something of this context. */
#define CODE_INVALID_SEQUENCE 15
#define MAX_BUSY 10

int mx_run_init(struct mx_run *r, enum mx_run_kind kind, struct mx_ctx *ctx,
		struct mx_batch *b, struct mx_fault *fault)
{
	struct mx_session *s = ctx->s;

	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->batch = b;
	r->fault = fault;
	r->id = atomic_fetch_add(&s->run_ids, 1) + 1;
	if (!r->id) /* 0 is nobody's */
		r->id = atomic_fetch_add(&s->run_ids, 1) + 1;
	r->max_out = DEFAULT_ROP_OUT;
	if (b && b->chain)
		r->max_out = MX_MAX_ROP_OUT;
	if (b && b->max_out)
		r->max_out = b->max_out;
	mx_buf_init(&r->body);
	mx_cancel_init(&r->token);
	mx_lines_prefetch(ctx->ch, MX_LINE);
	mx_mutex_lock(&s->lock);
	mx_sctx_ref(ctx);
	r->ctx = ctx;
	if (ctx->conn)
		mx_conn_prefetch(ctx->conn);
	mx_mutex_unlock(&s->lock);
	*fault = MX_FAULT_INIT;
	return 0;
}

void mx_run_blame(struct mx_run *r)
{
	struct mx_session *s = r->ctx->s;

	mx_fault_who(r->fault, mx_userctx_display(s->user), s->server);
}

void mx_run_fini(struct mx_run *r)
{
	mx_exec_fini(&r->ex);
	mx_buf_fini(&r->body);
	free(r->cookies);
	mx_cancel_fini(&r->token);
	mx_sctx_unref(r->ctx);
}

/* --- Next --------------------------------------------------------------- */

static enum mx_run_step done(struct mx_run *r, int result)
{
	r->result = result;
	return MX_STEP_DONE;
}

static const char *type_of(const struct mx_run *r, enum mx_sctx_state state)
{
	if (r->kind == MX_RUN_PING)
		return "PING";
	if (r->kind == MX_RUN_DISCONNECT)
		return "Disconnect";
	return state == MX_CTX_OPEN ? "Execute" : "Connect";
}

/* Fills x for what is in body. */
static enum mx_run_step send(struct mx_run *r, const char *type)
{
	struct mx_ctx *ctx = r->ctx;

	mx_sctx_request_id(ctx, r->request_id);
	mx_sctx_client_info(ctx, r->client_info);
	free(r->cookies);
	mx_mutex_lock(&ctx->s->lock);
	r->cookies = mx_cookies_text(&ctx->cookies);
	mx_mutex_unlock(&ctx->s->lock);
	if (!r->cookies)
		return done(r, -ENOMEM);
	r->x = (struct mx_xreq){
		.type = type,
		.body = r->body.p,
		.body_len = r->body.len,
		.request_id = r->request_id,
		.client_info = r->client_info,
		.cookies = r->cookies,
		.cancel = &r->token,
		.idle_ms = atomic_load(&ctx->s->idle_ms),
		.overall_ms = mx_mono_left_ms(r->deadline),
	};
	if (r->x.overall_ms < 1)
		r->x.overall_ms = 1;
	if (r->background)
		r->x.idle_ms = r->x.overall_ms;
	r->sent_any = true;
	return MX_STEP_EXCHANGE;
}

static enum mx_run_step next_connect(struct mx_run *r)
{
	int err = 0;

	r->epoch = r->ctx->epoch;
	if (!r->ctx->conn) {
		if (r->background)
			return done(r, -EAGAIN);
		err = mx_connect_place(r);
	}
	if (!err)
		err = mx_connect_build(r);
	return err ? done(r, err) : send(r, "Connect");
}

static enum mx_run_step next_execute(struct mx_run *r)
{
	bool fetch = r->kind == MX_RUN_FETCH;
	int err;

	if (r->kind == MX_RUN_CONNECT || (fetch && r->sent_any))
		return done(r, 0);
	if (r->batch && mx_exec_done(r))
		return done(r, 0);
	err = mx_exec_plan(r);
	if (err)
		return done(r, err);
	/* What was to be opened is open, what depends on a failure failed. */
	if (r->batch && mx_exec_done(r) && !r->ex.n_items)
		return done(r, 0);
	if (!r->ex.n_items && !r->ex.n_released && !fetch)
		return done(r, r->batch ? -EPROTO : 0);
	err = mx_exec_encode(r);
	return err ? done(r, err) : send(r, "Execute");
}

static enum mx_run_step next_disconnect(struct mx_run *r)
{
	/* AuxiliaryBufferSize alone.  [MS-OXCMAPIHTTP] 2.2.4.3.1 */
	static const uint8_t none[4];

	/* Without a cookie the server cannot know whom we mean. */
	if (r->sent_any || r->result || !r->ctx->conn || !r->ctx->cookies.n)
		return done(r, r->result);
	mx_buf_reset(&r->body);
	if (mx_buf_put(&r->body, none, sizeof(none)))
		return done(r, -ENOMEM);
	return send(r, "Disconnect");
}

static enum mx_run_step next_ping(struct mx_run *r)
{
	if (r->sent_any)
		return done(r, r->result);
	mx_buf_reset(&r->body);
	return send(r, "PING");
}

/* A pause that the server asked for, if it is not over. */
static bool must_wait(struct mx_run *r)
{
	mx_mono ready = r->ctx->not_before;

	if (r->ctx->conn) {
		mx_mono all = mx_conn_ready_at(r->ctx->conn);

		if (all.ns > ready.ns)
			ready = all;
	}
	if (ready.ns <= mx_mono_now().ns)
		return false;
	r->until = ready;
	return true;
}

static enum mx_run_step pause_or_give_up(struct mx_run *r)
{
	if (r->until.ns < r->deadline.ns)
		return MX_STEP_PAUSE;
	return done(r, mx_fault_set(r->fault, MX_LAYER_LOCAL, EAGAIN, -EAGAIN,
				    "the server asked for a pause of %lld ms, "
				    "which is longer than the call may take",
				    (long long)mx_mono_left_ms(r->until)));
}

int mx_run_interrupted(struct mx_run *r)
{
	int err = 0;

	if (!r->background)
		err = mx_session_usable(r->ctx->s, r->fault);
	if (!err && mx_cancel_fired(&r->token))
		err = mx_fault_set(r->fault, MX_LAYER_LOCAL, ECANCELED,
				   -ECANCELED, "the call was cancelled");
	if (!err && mx_mono_passed(r->deadline))
		err = mx_fault_set(r->fault, MX_LAYER_LOCAL, ETIMEDOUT,
				   -ETIMEDOUT, "the call's deadline is over");
	return err;
}

enum mx_run_step mx_run_next(struct mx_run *r)
{
	enum mx_sctx_state state;
	int err;

	if (r->kind == MX_RUN_DISCONNECT)
		return next_disconnect(r);
	if (r->result)
		return MX_STEP_DONE;
	mx_mutex_lock(&r->ctx->s->lock);
	state = r->ctx->state;
	mx_mutex_unlock(&r->ctx->s->lock);
	if (state == MX_CTX_ENDING)
		return done(r, -ESHUTDOWN);
	if (mx_exec_done(r) && r->batch && state == MX_CTX_OPEN)
		return done(r, 0);
	mx_fault_op(r->fault, type_of(r, state));
	err = mx_run_interrupted(r);
	if (err)
		return done(r, err);
	if (state != MX_CTX_OPEN && r->background && r->kind != MX_RUN_RECOVER)
		return done(r, -ESTALE); /* nothing to tell, nothing to ask */
	if (must_wait(r))
		return pause_or_give_up(r);
	if (state != MX_CTX_OPEN)
		return next_connect(r);
	return r->kind == MX_RUN_PING ? next_ping(r) : next_execute(r);
}

/* --- Answer ------------------------------------------------------------- */

static void lose(struct mx_run *r)
{
	mx_mutex_lock(&r->ctx->s->lock);
	mx_sctx_lost_locked(r->ctx, r->epoch);
	mx_mutex_unlock(&r->ctx->s->lock);
}

static void pause_for(struct mx_run *r, int64_t ms, uint32_t code, bool tell)
{
	r->ctx->not_before = mx_mono_in_ms(ms);
	if (tell && r->ctx->conn)
		mx_conn_report(r->ctx->conn, MX_HEALTH_BACKOFF, ms, code);
}

/* Everything in the request may have happened, or not. */
static int lost_answer(struct mx_run *r, int err, const struct mx_xresp *resp)
{
	bool again = resp->why == MX_XWHY_CUT && r->n_resent < MAX_RESENT;

	lose(r);
	if (again && r->ex.resend) {
		r->n_resent++;
		return 0;
	}
	if (resp->why == MX_XWHY_CUT && !r->ex.resend)
		return mx_fault_set(r->fault, MX_LAYER_TRANSPORT,
				    r->fault->code, -ENETRESET,
				    "the connection was lost before the answer "
				    "came; whether the operation took effect "
				    "is not known");
	return err;
}

static int busy(struct mx_run *r, int err)
{
	if (++r->n_busy > MAX_BUSY) {
		r->n_busy = 0;
		if (++r->n_lost > MAX_LOST)
			return err;
		lose(r);
		return 0;
	}
	pause_for(r, 20 * (int64_t)r->n_busy, CODE_INVALID_SEQUENCE, false);
	return 0;
}

bool mx_sctx_forgotten(int err, const struct mx_xresp *resp)
{
	if (resp->why != MX_XWHY_CODE)
		return false;
	switch (resp->response_code) {
	case 2: /* unknown or expired cookie; [MS-OXCMAPIHTTP]: verb */
	case 4: /* another user's cookie; header */
	case 7: /* not the latest sequence cookie; missing header */
		return true;
	default:
		return err == -ESTALE;
	}
}

/* An Execute that failed below its body.  0: go on. */
static int execute_failed(struct mx_run *r, int err,
			  const struct mx_xresp *resp)
{
	switch (resp->why) {
	case MX_XWHY_CODE:
		if (mx_sctx_forgotten(err, resp)) { /* not executed */
			lose(r);
			return ++r->n_lost > MAX_LOST ? err : 0;
		}
		if (resp->response_code == CODE_INVALID_SEQUENCE)
			return busy(r, err);
		return err;
	case MX_XWHY_HTTP:
		if (err == -EAGAIN) {
			pause_for(r,
				  resp->retry_after_ms > 0
					  ? resp->retry_after_ms
					  : 1000,
				  (uint32_t)resp->http_status, true);
			return 0;
		}
		if (resp->http_status >= 500)
			lose(r);
		return err;
	case MX_XWHY_CUT:
		if (!resp->maybe_sent)
			return ++r->n_resent > MAX_RESENT ? err : 0;
		return lost_answer(r, err, resp);
	default:
		return resp->maybe_sent ? lost_answer(r, err, resp) : err;
	}
}

/* Only questions to objects that are open, whose answers do not depend on what
 * was asked before. */
static bool changes_nothing(const struct mx_exec *ex)
{
	for (unsigned i = 0; i < ex->n_items; i++)
		if (ex->items[i].what != MX_ITEM_CALL ||
		    ex->items[i].rop == MX_ROP_FIND_ROW ||
		    mx_rop_flags(ex->items[i].rop) !=
			    (MX_ROPF_CALL | MX_ROPF_RESEND))
			return false;
	return true;
}

/* gromox has no RopBufferTooSmall: it carries out what it can, then refuses the
 * whole Execute with ErrorCode 0x47D.  As with a lost answer, what it opened and
 * moved is not known, so the context is connected again; but questions leave it
 * and unsaved changes alone.  Fewer ROPs may fit. */
static int ask_less(struct mx_run *r)
{
	unsigned n = r->ex.n_items;

	if (!changes_nothing(&r->ex))
		lose(r);
	if (r->max_items == 1 || (n < 2 && r->max_out >= MX_MAX_ROP_OUT))
		return mx_fault_set(r->fault, MX_LAYER_EMSMDB, 0x47d, -EMSGSIZE,
				    "the answer does not fit into the largest "
				    "buffer");
	if (!r->ex.resend)
		return mx_fault_set(r->fault, MX_LAYER_EMSMDB, 0x47d,
				    -ENETRESET,
				    "the answers were too large for one "
				    "buffer; whether the operations took "
				    "effect is not known");
	r->max_out = MX_MAX_ROP_OUT;
	r->max_items = n > 1 ? n / 2 : 1;
	return 0;
}

/* What an Execute's body asks of us besides. */
static int after_execute(struct mx_run *r)
{
	if (r->ex.pending) {
		mx_mutex_lock(&r->ctx->s->lock);
		r->ctx->fetch_wanted = true;
		mx_mutex_unlock(&r->ctx->s->lock);
	}
	if (r->ex.backoff_ms)
		pause_for(r, r->ex.backoff_ms, MX_ROP_BACKOFF, true);
	if (r->ex.all_lost)
		return ask_less(r);
	if (!r->ex.size_needed)
		return 0;
	/* Answered in part: the rest may have the whole buffer next time. */
	if (r->ex.n_items && r->ex.items[0].answered &&
	    r->ex.size_needed <= r->max_out)
		return 0;
	if (r->max_out >= MX_MAX_ROP_OUT)
		return mx_fault_set(r->fault, MX_LAYER_ROP,
				    MX_ROP_BUFFER_TOO_SMALL, -EMSGSIZE,
				    "the answer does not fit into the largest "
				    "buffer");
	r->max_out = r->ex.size_needed > r->max_out ? r->ex.size_needed
						    : MX_MAX_ROP_OUT;
	return 0;
}

static int execute_answer(struct mx_run *r, int err, struct mx_xresp *resp)
{
	if (err)
		return execute_failed(r, err, resp);
	r->n_busy = 0;
	err = mx_exec_answer(r, resp->body.p, resp->body.len);
	if (!err)
		return after_execute(r);
	/* What the server did cannot be told from such an answer. */
	if (err == -EBADMSG || err == -EPROTO || err == -ENOMEM)
		lose(r);
	return err;
}

static void note_answer(struct mx_run *r, int err, struct mx_xresp *resp)
{
	struct mx_ctx *ctx = r->ctx;
	struct mx_session *s = ctx->s;
	char *text = NULL;

	atomic_fetch_add(&s->bytes_out, resp->bytes_out);
	atomic_fetch_add(&s->bytes_in, resp->bytes_in);
	atomic_fetch_add(&s->head_out, resp->head_out);
	atomic_fetch_add(&s->head_in, resp->head_in);
	mx_mutex_lock(&s->lock);
	if (resp->set_cookies.n) {
		mx_cookies_merge(&ctx->cookies, &resp->set_cookies);
		text = mx_cookies_text(&ctx->cookies);
	}
	if (resp->expiration_ms > 0)
		ctx->expiration_ms = resp->expiration_ms;
	if (!err)
		ctx->last_answer = mx_mono_now();
	mx_mutex_unlock(&s->lock);
	if (text && ctx->conn)
		mx_conn_set_cookies(ctx->conn, text);
	free(text);
}

void mx_run_answer(struct mx_run *r, int err, struct mx_xresp *resp)
{
	const char *type = r->x.type;

	note_answer(r, err, resp);
	if (!strcmp(type, "Connect"))
		r->result = mx_connect_answer(r, err, resp);
	else if (!strcmp(type, "Execute"))
		r->result = execute_answer(r, err, resp);
	else
		r->result = err;
	if (r->kind == MX_RUN_PING && mx_sctx_forgotten(err, resp))
		lose(r);
}

/* --- Around an exchange -------------------------------------------------- */

static void on_phase(void *arg, enum mx_xphase phase)
{
	struct mx_ctx *ctx = arg;

	if (ctx->conn)
		mx_conn_op_waiting(ctx->conn, MX_OP_CALL,
				   mx_xphase_name(phase));
}

void mx_run_begin(struct mx_run *r)
{
	atomic_fetch_add(&r->ctx->s->round_trips, 1);
	r->x.phase = on_phase;
	r->x.phase_arg = r->ctx;
	if (r->ctx->conn)
		mx_conn_op_begin(r->ctx->conn, MX_OP_CALL, r->x.type, "send",
				 r->deadline);
}

void mx_run_end(struct mx_run *r, int err, const struct mx_xresp *resp)
{
	const struct mx_op_result result = {
		.err = err,
		.code = r->fault->code,
		.bytes_out = resp->bytes_out,
		.bytes_in = resp->bytes_in,
		.round_trips = 1,
	};

	if (r->ctx->conn)
		mx_conn_op_end(r->ctx->conn, MX_OP_CALL, &result);
}
