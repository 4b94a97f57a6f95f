/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parked wait: one NotificationWait for a session context that has
 * subscriptions, on the engine, beside whatever else the context does, under
 * the context's own user (it is the channel's).  [MS-OXCMAPIHTTP] 3.1.5.5
 *
 *   none ──park──► in flight ──answer, failure, cancel──► none
 *                                 └─ event: fetch first, park again after it
 *
 * The one exit is on_done; it sets the poller DONE whatever happened.
 */
#include <errno.h>
#include <stdlib.h>

#include "session/run.h"
#include "session/session-private.h"
#include "wire/bodies.h"

/* A server answers within five minutes, [MS-OXCMAPIHTTP] 3.2.2; gromox never,
 * unless something happens.  Then we end it, and park another. */
#define PARK_MS 330000
/* A wait refreshes its context as a keep-alive does, and the next one comes when
 * the server ends it.  So that those of a crowd that was connected at once are
 * not all parked in the same second for ever after, each connection ends one of
 * its waits itself, at a place of its own within this time. */
#define SPREAD_MS 270000
#define SHORTEST_MS 1000

struct mx_parked {
	struct mx_ctx *ctx; /* reference */
	uint32_t epoch;
	int64_t ms; /* then we end it */
	bool to_place;
	char request_id[MX_REQUEST_ID_SIZE], client_info[MX_REQUEST_ID_SIZE];
	char *cookies;
	struct mx_cancel token;
};

static atomic_uint n_places;

static void parked_free(struct mx_parked *p)
{
	mx_cancel_fini(&p->token);
	free(p->cookies);
	free(p);
}

/* Moves the poller by legal steps; s->lock keeps the record alive. */
static void poller_locked(struct mx_ctx *ctx, enum mx_poller to) MX_LOCKED
{
	if (ctx->conn)
		mx_conn_set_poller(ctx->conn, to);
}

static bool wanted_locked(const struct mx_ctx *ctx) MX_LOCKED
{
	return ctx->state == MX_CTX_OPEN && ctx->n_subs &&
	       !atomic_load(&ctx->s->off);
}

static void on_phase(void *arg, enum mx_xphase phase)
{
	struct mx_parked *p = arg;
	struct mx_ctx *ctx = p->ctx;

	mx_mutex_lock(&ctx->s->lock);
	if (ctx->conn)
		mx_conn_op_waiting(ctx->conn, MX_OP_PARKED,
				   mx_xphase_name(phase));
	if (phase == MX_XPHASE_PENDING && ctx->conn &&
	    mx_conn_poller(ctx->conn) == MX_POLLER_STARTING)
		poller_locked(ctx, MX_POLLER_PARKED);
	mx_mutex_unlock(&ctx->s->lock);
}

/* What the body says: 0, and whether events wait; else it is a failure. */
static int read_answer(const struct mx_xresp *resp, bool *ret_events)
{
	MX_AUTO(mx_arena_auto) struct mx_arena arena = MX_ARENA_INIT;
	struct mx_notification_wait_res res = {0};
	struct mx_rd in;

	arena.budget = 4096;
	mx_rd_init(&in, resp->body.p, resp->body.len, &arena);
	mx_notification_wait_res_decode(&in, &res);
	if (mx_rd_end(&in))
		return -EBADMSG;
	if (res.status_code || res.error_code)
		return -EREMOTEIO;
	*ret_events = res.event_pending & 1;
	return 0;
}

static void ended_locked(struct mx_ctx *ctx, struct mx_parked *p, int err,
			 const struct mx_xresp *resp,
			 const struct mx_fault *fault) MX_LOCKED
{
	const struct mx_op_result result = {
		.err = err,
		.code = fault ? fault->code : 0,
		.bytes_out = resp->bytes_out,
		.bytes_in = resp->bytes_in,
		.round_trips = 1,
	};

	ctx->parked = NULL;
	if (p->to_place && p->epoch == ctx->park_epoch &&
	    mx_mono_passed(ctx->park_place))
		ctx->park_place = (mx_mono){0};
	if (ctx->conn)
		mx_conn_op_end(ctx->conn, MX_OP_PARKED, &result);
	poller_locked(ctx, MX_POLLER_DONE);
	if (mx_sctx_forgotten(err, resp))
		mx_sctx_lost_locked(ctx, p->epoch);
	if (!err)
		ctx->last_answer = mx_mono_now();
	if (!err || err == -ECANCELED || mx_sctx_forgotten(err, resp))
		ctx->park_failures = 0;
	else if (ctx->park_failures < 100)
		ctx->park_failures++;
}

static void on_park_time(void *arg, int err)
{
	struct mx_ctx *ctx = arg;

	mx_mutex_lock(&ctx->s->lock);
	ctx->park_timer = false;
	mx_mutex_unlock(&ctx->s->lock);
	if (!err)
		mx_notify_park(ctx);
	mx_sctx_unref(ctx);
}

static void on_done(void *arg, int err, struct mx_xresp *resp,
		    const struct mx_fault *fault)
{
	struct mx_parked *p = arg;
	struct mx_ctx *ctx = p->ctx;
	bool events = false;

	if (!err)
		err = read_answer(resp, &events);
	else if (resp->why == MX_XWHY_OVERALL &&
		 (resp->n_pending || p->to_place))
		err = 0; /* it was alive all the time: no event */
	atomic_fetch_add(&ctx->s->bytes_out, resp->bytes_out);
	atomic_fetch_add(&ctx->s->bytes_in, resp->bytes_in);
	atomic_fetch_add(&ctx->s->head_out, resp->head_out);
	atomic_fetch_add(&ctx->s->head_in, resp->head_in);
	mx_mutex_lock(&ctx->s->lock);
	ended_locked(ctx, p, err, resp, err ? fault : NULL);
	if (events)
		ctx->fetch_wanted = true;
	mx_mutex_unlock(&ctx->s->lock);
	parked_free(p);
	mx_sctx_poke(ctx);
	mx_sctx_unref(ctx);
}

/* How long the next wait may last: to the place of this connection, once. */
static void set_end_locked(struct mx_ctx *ctx, struct mx_parked *p) MX_LOCKED
{
	int64_t left;

	if (ctx->park_epoch != ctx->epoch) {
		ctx->park_epoch = ctx->epoch;
		ctx->park_place = mx_engine_beat_after(
			mx_mono_now(), atomic_fetch_add(&n_places, 1) + 1,
			SPREAD_MS);
	}
	p->ms = PARK_MS;
	p->to_place = ctx->park_place.ns != 0;
	if (!p->to_place)
		return;
	if (mx_mono_passed(ctx->park_place)) /* nothing was waited for then */
		ctx->park_place = mx_engine_next_beat(ctx->park_place,
						      mx_mono_now(), SPREAD_MS);
	left = mx_mono_left_ms(ctx->park_place) + 1;
	p->ms = left < SHORTEST_MS ? SHORTEST_MS : left;
}

/* Fills and lists one; NULL: no memory, which a timer tries again. */
static struct mx_parked *park_locked(struct mx_ctx *ctx) MX_LOCKED
{
	struct mx_parked *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	mx_cancel_init(&p->token);
	p->ctx = ctx;
	p->epoch = ctx->epoch;
	p->cookies = mx_cookies_text(&ctx->cookies);
	if (!p->cookies) {
		parked_free(p);
		return NULL;
	}
	mx_sctx_ref(ctx);
	set_end_locked(ctx, p);
	ctx->parked = p;
	if (ctx->conn)
		mx_conn_op_begin(ctx->conn, MX_OP_PARKED, "NotificationWait",
				 "send", mx_mono_in_ms(p->ms));
	poller_locked(ctx, MX_POLLER_STARTING);
	return p;
}

/* Nobody waits for this one: a short deadline of the session's calls must not
 * cut it off between two of the server's signs of life. */
static int64_t idle_ms(struct mx_session *s)
{
	int64_t ms = atomic_load(&s->idle_ms);

	return ms > MX_NET_IDLE_MS ? ms : MX_NET_IDLE_MS;
}

static int submit(struct mx_ctx *ctx, struct mx_parked *p)
{
	/* Flags, AuxiliaryBufferSize.  [MS-OXCMAPIHTTP] 2.2.4.4.1 */
	static const uint8_t body[8];
	struct mx_client *c = ctx->s->c;
	struct mx_engine_req req = {
		.x =
			{
				.type = "NotificationWait",
				.body = body,
				.body_len = sizeof(body),
				.request_id = p->request_id,
				.client_info = p->client_info,
				.cookies = p->cookies,
				.idle_ms = idle_ms(ctx->s),
				.overall_ms = p->ms,
				.cancel = &p->token,
				.phase = on_phase,
				.phase_arg = p,
			},
		.done = on_done,
		.arg = p,
	};
	int err = 0;

	mx_sctx_request_id(ctx, p->request_id);
	mx_sctx_client_info(ctx, p->client_info);
	if (!ctx->park_ch) {
		err = mx_channel_new(ctx->s->url, ctx->s->user, &ctx->s->opts,
				     &ctx->park_ch, NULL);
		if (!err)
			mx_channel_set_thrifty(ctx->park_ch);
	}
	if (err)
		return err;
	req.ch = ctx->park_ch;
	atomic_fetch_add(&ctx->s->round_trips, 1);
	return c->t->submit(c->t_arg, &req);
}

static void try_later(struct mx_ctx *ctx, int64_t ms)
{
	int err;

	mx_mutex_lock(&ctx->s->lock);
	mx_sctx_ref(ctx);
	mx_mutex_unlock(&ctx->s->lock);
	err = mx_engine_call(on_park_time, ctx, mx_mono_in_ms(ms), &ctx->bg, 0);
	if (err)
		on_park_time(ctx, err);
}

void mx_notify_park(struct mx_ctx *ctx)
{
	struct mx_parked *p = NULL;
	struct mx_xresp none = MX_XRESP_INIT;
	int64_t wait_ms = 0;
	bool later = false;

	mx_mutex_lock(&ctx->s->lock);
	if (ctx->parked && !wanted_locked(ctx)) {
		poller_locked(ctx, MX_POLLER_STOPPING);
		mx_cancel_fire(&ctx->parked->token);
	} else if (!ctx->parked && !ctx->park_timer && !ctx->fetch_wanted &&
		   !ctx->fetch_running && wanted_locked(ctx)) {
		wait_ms = mx_backoff_ms(ctx->park_failures > ctx->fetch_failures
						? ctx->park_failures
						: ctx->fetch_failures);
		ctx->park_failures = 0;
		ctx->fetch_failures = 0;
		if (!wait_ms)
			p = park_locked(ctx);
		later = !p;
		ctx->park_timer = later;
	}
	mx_mutex_unlock(&ctx->s->lock);
	if (later)
		try_later(ctx, wait_ms ? wait_ms : 1000);
	if (!p || !submit(ctx, p))
		return;
	/* The engine stops, or has no thread: end it as any other. */
	mx_mutex_lock(&ctx->s->lock);
	ended_locked(ctx, p, -ECANCELED, &none, NULL);
	mx_mutex_unlock(&ctx->s->lock);
	parked_free(p);
	mx_sctx_unref(ctx);
}
