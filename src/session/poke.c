/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What should be going on in the background for a session context, and is not
 * yet: called whenever something may have changed, and by its own timers.  It
 * compares and starts; it never waits.  Every timer holds the context and ends
 * with it (ctx->bg).
 */
#include <errno.h>

#include "session/run.h"
#include "session/session-private.h"

enum todo {
	DO_FLUSH = 0x01,
	DO_FLUSH_LATER = 0x02,
	DO_FETCH = 0x04,
	DO_RECOVER = 0x08,
	DO_RECOVER_LATER = 0x10,
	DO_BEAT = 0x20,
	DO_END = 0x40,
};

/* A closure of the engine that holds the context.  s->lock not held. */
static void call_at(struct mx_ctx *ctx, mx_engine_fn *fn, mx_mono when,
		    bool *flag)
{
	int err;

	mx_mutex_lock(&ctx->s->lock);
	mx_sctx_ref(ctx);
	mx_mutex_unlock(&ctx->s->lock);
	err = mx_engine_call(fn, ctx, when, &ctx->bg, 0);
	if (!err)
		return;
	mx_mutex_lock(&ctx->s->lock);
	*flag = false;
	mx_mutex_unlock(&ctx->s->lock);
	mx_sctx_unref(ctx);
}

static void on_flush_time(void *arg, int err)
{
	struct mx_ctx *ctx = arg;
	bool now;

	mx_mutex_lock(&ctx->s->lock);
	ctx->flush_timer = false;
	now = !err && ctx->state == MX_CTX_OPEN && ctx->n_releases &&
	      !ctx->flush_running;
	if (now)
		ctx->flush_running = true;
	mx_mutex_unlock(&ctx->s->lock);
	if (now)
		mx_background(ctx, MX_RUN_FLUSH);
	mx_sctx_unref(ctx);
}

static void on_recover_time(void *arg, int err)
{
	struct mx_ctx *ctx = arg;
	bool now;

	mx_mutex_lock(&ctx->s->lock);
	ctx->recover_timer = false;
	now = !err && ctx->state != MX_CTX_ENDING &&
	      mx_notify_stale_locked(ctx) && !ctx->recover_running;
	if (now)
		ctx->recover_running = true;
	mx_mutex_unlock(&ctx->s->lock);
	if (now)
		mx_background(ctx, MX_RUN_RECOVER);
	mx_sctx_unref(ctx);
}

/* Half of what the server gives us: with a beat left out because there was an
 * answer shortly before it, the context is still refreshed in time. */
static int64_t period_ms(const struct mx_ctx *ctx)
{
	int64_t p = ctx->expiration_ms / 2;

	return p > 100 ? p : 100;
}

static bool refreshed_locked(const struct mx_ctx *ctx) MX_LOCKED
{
	int64_t age = mx_mono_now().ns - ctx->last_answer.ns;

	return ctx->busy || ctx->parked ||
	       age < period_ms(ctx) * 8 / 10 * MX_NS_PER_MS;
}

/* A context has one place in the period, for all its life: after an outage of
 * the server, or of the process, the beats are as evenly spread as before. */
static void set_beat_locked(struct mx_ctx *ctx) MX_LOCKED
{
	int64_t period = period_ms(ctx);

	if (ctx->beat_ms == period)
		ctx->next_beat = mx_engine_next_beat(ctx->next_beat,
						     mx_mono_now(), period);
	else
		ctx->next_beat = mx_engine_first_beat(period);
	ctx->beat_ms = period;
}

static void on_beat(void *arg, int err)
{
	struct mx_ctx *ctx = arg;
	bool again, ping;

	mx_mutex_lock(&ctx->s->lock);
	again = !err && ctx->state == MX_CTX_OPEN;
	ping = again && !refreshed_locked(ctx) && !ctx->ping_running;
	ctx->ping_timer = again;
	if (ping)
		ctx->ping_running = true;
	set_beat_locked(ctx);
	mx_mutex_unlock(&ctx->s->lock);
	if (again)
		call_at(ctx, on_beat, ctx->next_beat, &ctx->ping_timer);
	if (ping)
		mx_background(ctx, MX_RUN_PING);
	mx_sctx_unref(ctx);
}

static unsigned releases_todo_locked(struct mx_ctx *ctx) MX_LOCKED
{
	if (!ctx->n_releases || ctx->flush_running)
		return 0;
	if (ctx->n_releases >= MX_RELEASES_MANY && !ctx->flush_failures) {
		ctx->flush_running = true;
		return DO_FLUSH;
	}
	if (ctx->flush_timer)
		return 0;
	ctx->flush_timer = true;
	return DO_FLUSH_LATER;
}

static unsigned subs_todo_locked(struct mx_ctx *ctx) MX_LOCKED
{
	if (ctx->fetch_wanted && !ctx->fetch_running &&
	    ctx->state == MX_CTX_OPEN) {
		ctx->fetch_wanted = false;
		ctx->fetch_running = true;
		return DO_FETCH;
	}
	if (ctx->state == MX_CTX_NEW || ctx->recover_running ||
	    !mx_notify_stale_locked(ctx))
		return 0;
	if (!ctx->recover_failures) {
		ctx->recover_running = true;
		return DO_RECOVER;
	}
	if (ctx->recover_timer)
		return 0;
	ctx->recover_timer = true;
	return DO_RECOVER_LATER;
}

static unsigned todo_locked(struct mx_ctx *ctx) MX_LOCKED
{
	unsigned todo = 0;

	if (ctx->state == MX_CTX_ENDING)
		return 0;
	if (!ctx->primary && !ctx->n_logons && !ctx->busy)
		return DO_END;
	if (ctx->state == MX_CTX_OPEN)
		todo |= releases_todo_locked(ctx);
	todo |= subs_todo_locked(ctx);
	if (ctx->state == MX_CTX_OPEN && ctx->expiration_ms > 0 &&
	    !ctx->ping_timer) {
		ctx->ping_timer = true;
		set_beat_locked(ctx);
		todo |= DO_BEAT;
	}
	return todo;
}

/* At most a quarter later than asked for, and at the same moment as others': for
 * many users who are served in turn the engine wakes once. */
static mx_mono flush_time(int64_t ms)
{
	const int64_t step = ms / 4 * MX_NS_PER_MS;
	int64_t due = mx_mono_in_ms(ms).ns;

	return (mx_mono){step ? (due + step - 1) / step * step : due};
}

void mx_sctx_poke(struct mx_ctx *ctx)
{
	int64_t flush_ms, recover_ms;
	unsigned todo;

	mx_mutex_lock(&ctx->s->lock);
	todo = todo_locked(ctx);
	flush_ms = ctx->s->c->release_ms + mx_backoff_ms(ctx->flush_failures);
	recover_ms = mx_backoff_ms(ctx->recover_failures);
	mx_mutex_unlock(&ctx->s->lock);
	if (todo & DO_END) {
		mx_sctx_end(ctx, true);
		return;
	}
	if (todo & DO_FLUSH)
		mx_background(ctx, MX_RUN_FLUSH);
	if (todo & DO_FLUSH_LATER)
		call_at(ctx, on_flush_time, flush_time(flush_ms),
			&ctx->flush_timer);
	if (todo & DO_FETCH)
		mx_background(ctx, MX_RUN_FETCH);
	if (todo & DO_RECOVER)
		mx_background(ctx, MX_RUN_RECOVER);
	if (todo & DO_RECOVER_LATER)
		call_at(ctx, on_recover_time, mx_mono_in_ms(recover_ms),
			&ctx->recover_timer);
	if (todo & DO_BEAT)
		call_at(ctx, on_beat, ctx->next_beat, &ctx->ping_timer);
	mx_notify_park(ctx);
}
