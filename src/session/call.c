/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's driver: a run on the caller's own thread, which waits for its
 * turn, for the server and out its pauses, up to the call's deadline, and stops
 * when the call's token fires or the session is logged off.
 */
#include <errno.h>
#include <string.h>

#include "session/run.h"

static void exchange(struct mx_run *r)
{
	MX_AUTO(mx_xresp_auto) struct mx_xresp resp = MX_XRESP_INIT;
	struct mx_client *c = r->ctx->s->c;
	int err;

	mx_assert_unlocked();
	mx_run_begin(r);
	err = c->t->exchange(c->t_arg, r->ctx->ch, &r->x, &resp, r->fault);
	mx_run_end(r, err, &resp);
	mx_run_answer(r, err, &resp);
}

static void fire(void *token)
{
	mx_cancel_fire(token);
}

static int drive(struct mx_run *r)
{
	for (;;) {
		switch (mx_run_next(r)) {
		case MX_STEP_EXCHANGE:
			exchange(r);
			break;
		case MX_STEP_PAUSE:
			mx_pause(r->until, &r->token);
			break;
		case MX_STEP_DONE:
			return r->result;
		}
	}
}

static int run_turn(struct mx_run *r)
{
	int err = mx_turn_take(r->ctx, r->deadline, &r->token);

	if (err == -ETIMEDOUT)
		return mx_fault_set(r->fault, MX_LAYER_LOCAL, ETIMEDOUT, err,
				    "another call of this session took too "
				    "long");
	if (err)
		return mx_run_interrupted(r) ? mx_run_interrupted(r) : err;
	err = drive(r);
	mx_turn_give(r->ctx);
	mx_sctx_poke(r->ctx);
	return err;
}

/* The token of a run fires when the caller's does, or the session's. */
static int run_as_caller(struct mx_run *r, const struct mx_call *call)
{
	struct mx_waker mine = {.wake = fire, .arg = &r->token};
	struct mx_waker off = {.wake = fire, .arg = &r->token};
	struct mx_cancel *cancel = call ? call->cancel : NULL;
	struct mx_session *s = r->ctx->s;
	int err;

	r->deadline = call && call->deadline.ns ? call->deadline
						: mx_mono_in_ms(s->c->call_ms);
	if (mx_cancel_attach(cancel, &mine))
		mx_cancel_fire(&r->token);
	if (mx_cancel_attach(&s->off_token, &off))
		mx_cancel_fire(&r->token);
	err = run_turn(r);
	mx_cancel_detach(&s->off_token, &off);
	mx_cancel_detach(cancel, &mine);
	return err;
}

static int run(enum mx_run_kind kind, struct mx_ctx *ctx, struct mx_batch *b,
	       const struct mx_call *call)
{
	struct mx_fault fault;
	struct mx_run r;
	int err;

	mx_run_init(&r, kind, ctx, b, &fault);
	err = run_as_caller(&r, call);
	if (err)
		mx_run_blame(&r);
	/* Cut off by a logoff, not by the caller: say so. */
	if (err && !mx_cancel_fired(call ? call->cancel : NULL) &&
	    mx_session_usable(ctx->s, NULL))
		err = mx_session_usable(ctx->s, &fault);
	mx_run_fini(&r);
	if (!err || !call || !call->fault)
		return err;
	if (fault.layer == MX_LAYER_NONE)
		mx_fault_set(&fault, MX_LAYER_LOCAL, (uint32_t)-err, err, "%s",
			     strerror(-err));
	fault.err = err;
	*call->fault = fault;
	return err;
}

int mx_run_connect(struct mx_ctx *ctx, const struct mx_call *call)
{
	return run(MX_RUN_CONNECT, ctx, NULL, call);
}

/* The logons of all objects have a context; the first one's. */
static int place_all(struct mx_batch *b, struct mx_session *s,
		     struct mx_fault *fault)
{
	MX_LIST_FOR_EACH(it, &b->ops) {
		struct mx_op *op = MX_CONTAINER_OF(it, struct mx_op, link);
		int err;

		if (op->obj->logon->s != s)
			return mx_fault_set(fault, MX_LAYER_LOCAL, EXDEV,
					    -EXDEV, "objects of two sessions");
		err = mx_sctx_place(op->obj->logon, fault);
		if (!err && op->second)
			err = op->second->logon->s != s
				      ? -EXDEV
				      : mx_sctx_place(op->second->logon, fault);
		if (err)
			return err;
	}
	return 0;
}

static int run_placed(struct mx_batch *b, struct mx_session *s,
		      const struct mx_call *call)
{
	struct mx_op *first = MX_CONTAINER_OF(b->ops.next, struct mx_op, link);
	struct mx_ctx *ctx;
	int err = place_all(b, s, call ? call->fault : NULL);

	if (err)
		return err;
	mx_mutex_lock(&s->lock);
	ctx = first->obj->logon->ctx;
	mx_sctx_ref(ctx);
	mx_mutex_unlock(&s->lock);
	err = run(MX_RUN_BATCH, ctx, b, call);
	mx_sctx_unref(ctx);
	return err;
}

/* The server wants no more logons in this session context: B16.  True when the
 * refused ones have left it, so that the next try finds them another. */
static bool spread(struct mx_batch *b, struct mx_session *s)
{
	struct mx_ctx *left = NULL;
	bool any = false;

	mx_mutex_lock(&s->lock);
	MX_LIST_FOR_EACH(it, &b->ops) {
		struct mx_op *op = MX_CONTAINER_OF(it, struct mx_op, link);
		struct mx_logon *l = op->obj->logon;

		if (!op->answered || op->blame != MX_ROP_LOGON ||
		    !mx_sctx_too_many(op->code))
			continue;
		if (l->ctx && l->ctx->n_logons > 1) {
			l->ctx->limit = l->ctx->n_logons - 1;
			left = mx_sctx_unplace_locked(l);
			left->refs--; /* not the last: see mx_batch_run */
		} else if (l->ctx) {
			continue;
		}
		op->answered = false;
		any = true;
	}
	mx_mutex_unlock(&s->lock);
	return any;
}

int mx_batch_run(struct mx_batch *b, const struct mx_call *call)
{
	struct mx_fault *fault = call ? call->fault : NULL;
	struct mx_session *s;
	int err;

	if (b->err)
		return mx_fault_set(fault, MX_LAYER_LOCAL, (uint32_t)-b->err,
				    b->err, "the batch cannot be built: %s",
				    strerror(-b->err));
	if (mx_list_empty(&b->ops))
		return 0;
	s = MX_CONTAINER_OF(b->ops.next, struct mx_op, link)->obj->logon->s;
	err = mx_session_usable(s, fault);
	if (err)
		return err;
	do
		err = run_placed(b, s, call);
	while (!err && spread(b, s));
	return err;
}
