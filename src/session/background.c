/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs on the engine: the reaper (releases, Disconnect), keep-alives, fetching
 * and registering of notifications.  Nobody waits for them.  A background run
 * takes its turn like anyone; when it is its turn, whoever gave the turn hands
 * it the word, and it submits its request and returns.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "session/run.h"

struct job {
	struct mx_run r;
	struct mx_wait turn;
	struct mx_fault fault;
	struct mx_batch batch; /* MX_RUN_RECOVER */
	struct mx_waker waker; /* on the client's reaper token */
	struct mx_client *c;
};

static void go(void *arg);

static void fire(void *token)
{
	mx_cancel_fire(token);
}

static void log_failure(struct job *j)
{
	char line[600];

	if (!j->r.result || j->r.result == -ESTALE || j->r.result == -ESHUTDOWN)
		return;
	mx_run_blame(&j->r);
	mx_fault_format(&j->fault, line, sizeof(line));
	mx_log(MX_LOG_INFO, "session", "in the background: %s", line);
}

static void count(unsigned *failures, int result)
{
	if (!result)
		*failures = 0;
	else if (*failures < 100)
		++*failures;
}

int64_t mx_backoff_ms(unsigned failures)
{
	return failures ? INT64_C(125) << (failures < 9 ? failures : 9) : 0;
}

/* The context's flags say that a new run of this kind may start. */
static void stopped_running(struct mx_ctx *ctx, enum mx_run_kind kind,
			    int result)
{
	mx_mutex_lock(&ctx->s->lock);
	switch (kind) {
	case MX_RUN_FLUSH:
		ctx->flush_running = false;
		count(&ctx->flush_failures, result);
		break;
	case MX_RUN_FETCH:
		ctx->fetch_running = false;
		count(&ctx->fetch_failures, result);
		break;
	case MX_RUN_RECOVER:
		ctx->recover_running = false;
		count(&ctx->recover_failures, result);
		break;
	case MX_RUN_PING:
		ctx->ping_running = false;
		break;
	default:
		break;
	}
	mx_mutex_unlock(&ctx->s->lock);
}

/* Everything a run leaves goes through here.  */
static void finish(struct job *j)
{
	struct mx_ctx *ctx = j->r.ctx;
	enum mx_run_kind kind = j->r.kind;
	int result = j->r.result;

	log_failure(j);
	mx_cancel_detach(&j->c->reaper, &j->waker);
	if (kind == MX_RUN_RECOVER)
		mx_notify_recovered(ctx, &j->batch, result);
	mx_mutex_lock(&ctx->s->lock);
	mx_sctx_ref(ctx);
	mx_mutex_unlock(&ctx->s->lock);
	stopped_running(ctx, kind, result);
	mx_turn_give(ctx);
	mx_run_fini(&j->r);
	mx_batch_fini(&j->batch);
	mx_wait_fini(&j->turn);
	free(j);
	if (kind == MX_RUN_DISCONNECT)
		mx_sctx_ended(ctx, result ? MX_CONN_LEFT : MX_CONN_ENDED);
	else
		mx_sctx_poke(ctx);
	mx_sctx_unref(ctx);
}

static void on_done(void *arg, int err, struct mx_xresp *resp,
		    const struct mx_fault *fault)
{
	struct job *j = arg;

	if (err && fault)
		j->fault = *fault;
	mx_run_end(&j->r, err, resp);
	mx_run_answer(&j->r, err, resp);
	go(j);
}

static void on_time(void *arg, int err)
{
	struct job *j = arg;

	if (err && !j->r.result)
		j->r.result = err;
	go(j);
}

static int submit(struct job *j)
{
	const struct mx_engine_req req = {
		.ch = j->r.ctx->ch,
		.x = j->r.x,
		.flags = MX_ENGINE_DRAIN,
		.done = on_done,
		.arg = j,
	};

	return j->c->t->submit(j->c->t_arg, &req);
}

/* One step.  After a successful submit or call the job is the engine's, and may
 * be gone. */
static bool step(struct job *j)
{
	struct mx_run *r = &j->r;
	int err;

	switch (mx_run_next(r)) {
	case MX_STEP_EXCHANGE:
		mx_run_begin(r);
		err = submit(j);
		if (err) {
			struct mx_xresp none = MX_XRESP_INIT;

			mx_run_end(r, err, &none);
		}
		break;
	case MX_STEP_PAUSE:
		err = mx_engine_call(on_time, j, r->until, &r->token, 0);
		break;
	default:
		finish(j);
		return false;
	}
	if (!err)
		return false;
	r->result = err;
	if (r->kind == MX_RUN_DISCONNECT)
		r->sent_any = true;
	return true;
}

static void go(void *arg)
{
	while (step(arg))
		;
}

void *mx_background_alloc(void)
{
	return calloc(1, sizeof(struct job));
}

int mx_background(struct mx_ctx *ctx, enum mx_run_kind kind)
{
	struct mx_client *c = ctx->s->c;
	struct job *j;

	if (kind == MX_RUN_DISCONNECT)
		j = MX_STEAL(ctx->last_job);
	else
		j = mx_background_alloc();
	if (!j) {
		stopped_running(ctx, kind, -ENOMEM);
		return -ENOMEM;
	}
	mx_batch_init(&j->batch);
	mx_wait_init(&j->turn);
	j->turn.fn = go;
	j->turn.arg = j;
	j->c = c;
	if (kind == MX_RUN_RECOVER)
		mx_notify_recover(ctx, &j->batch);
	mx_run_init(&j->r, kind, ctx, kind == MX_RUN_RECOVER ? &j->batch : NULL,
		    &j->fault);
	j->r.background = true;
	j->r.deadline = mx_mono_in_ms(c->reaper_ms);
	j->waker = (struct mx_waker){.wake = fire, .arg = &j->r.token};
	if (mx_cancel_attach(&c->reaper, &j->waker))
		mx_cancel_fire(&j->r.token);
	if (mx_turn_take_async(ctx, &j->turn))
		go(j);
	return 0;
}
