/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session contexts: their lives, the places of logons in them, and the queue of
 * releases.  What goes on in the background is in poke.c.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/run.h"
#include "session/session-private.h"

static int ctx_alloc(struct mx_session *s, struct mx_ctx **ret)
{
	struct mx_ctx *ctx = mx_lines_calloc(sizeof(*ctx));
	struct mx_guid guid;
	int err;

	if (!ctx)
		return -ENOMEM;
	err = mx_guid_random(&guid);
	if (err) {
		free(ctx);
		return err;
	}
	mx_guid_format(&guid, ctx->guid);
	/* One instance, one number a context.  [MS-OXCMAPIHTTP] R2042-R2045 */
	ctx->number = atomic_fetch_add(&s->c->n_ctx_ever, 1) + 1;
	ctx->s = s;
	ctx->refs = 1;
	ctx->epoch = 1;
	ctx->limit = s->c->max_logons;
	mx_list_init(&ctx->link);
	mx_list_init(&ctx->waiting);
	mx_list_init(&ctx->subs);
	mx_cancel_init(&ctx->bg);
	*ret = ctx;
	return 0;
}

/* Memory only: the server side has ended. */
static void ctx_free(struct mx_ctx *ctx)
{
	struct mx_session *s = ctx->s;

	assert(mx_list_empty(&ctx->waiting));
	mx_channel_unref(ctx->ch);
	mx_channel_unref(ctx->park_ch);
	free(ctx->last_job);
	mx_cookies_fini(&ctx->cookies);
	mx_cancel_fini(&ctx->bg);
	free(ctx->releases);
	if (!ctx->ended)
		mx_client_count_ctx(s->c, -1);
	free(ctx);
	mx_session_core_put(s);
}

int mx_sctx_new(struct mx_session *s, struct mx_ctx **ret,
		struct mx_fault *fault)
{
	struct mx_ctx *ctx;
	int err = ctx_alloc(s, &ctx);

	if (err)
		return err;
	ctx->last_job = mx_background_alloc();
	err = ctx->last_job ? mx_channel_new(s->url, s->user, &s->opts,
					     &ctx->ch, fault)
			    : -ENOMEM;
	if (err) {
		free(ctx->last_job);
		mx_cancel_fini(&ctx->bg);
		free(ctx);
		return err;
	}
	atomic_fetch_add(&s->core, 1);
	mx_client_count_ctx(s->c, 1);
	*ret = ctx;
	return 0;
}

void mx_sctx_ref(struct mx_ctx *ctx)
{
	ctx->refs++;
}

void mx_sctx_unref(struct mx_ctx *ctx)
{
	bool last;

	mx_mutex_lock(&ctx->s->lock);
	assert(ctx->refs > 0);
	last = --ctx->refs == 0;
	mx_mutex_unlock(&ctx->s->lock);
	if (last)
		ctx_free(ctx);
}

/* "{GUID}:n", for each request. */
static void put_id(char buf[MX_REQUEST_ID_SIZE], const char *guid, uint32_t n)
{
	char digits[10], *to = buf;
	unsigned k = 0;

	*to++ = '{';
	to = mempcpy(to, guid, MX_GUID_STRLEN);
	*to++ = '}';
	*to++ = ':';
	do
		digits[k++] = (char)('0' + n % 10);
	while (n /= 10);
	while (k)
		*to++ = digits[--k];
	*to = '\0';
}

static_assert(MX_REQUEST_ID_SIZE >= MX_GUID_STRLEN + 3 + 10 + 1, "{GUID}:n");

void mx_sctx_request_id(struct mx_ctx *ctx, char buf[MX_REQUEST_ID_SIZE])
{
	uint32_t n;

	mx_mutex_lock(&ctx->s->lock);
	n = ++ctx->counter;
	mx_mutex_unlock(&ctx->s->lock);
	put_id(buf, ctx->guid, n);
}

void mx_sctx_client_info(const struct mx_ctx *ctx, char buf[MX_REQUEST_ID_SIZE])
{
	put_id(buf, ctx->s->c->guid, ctx->number);
}

/* --- Places of logons --------------------------------------------------- */

static int take_id_locked(struct mx_ctx *ctx) MX_LOCKED
{
	for (unsigned id = 0; id < MX_MAX_LOGON_IDS; id++) {
		uint32_t bit = UINT32_C(1) << (id % 32);

		if (ctx->logon_ids[id / 32] & bit)
			continue;
		ctx->logon_ids[id / 32] |= bit;
		return (int)id;
	}
	return -ENOSPC;
}

void mx_sctx_free_id_locked(struct mx_ctx *ctx, uint8_t id) MX_LOCKED
{
	ctx->logon_ids[id / 32] &= ~(UINT32_C(1) << (id % 32));
}

/* In the first context that has room; `fresh` is added when none has. */
static bool place_locked(struct mx_logon *l, struct mx_ctx **fresh) MX_LOCKED
{
	struct mx_session *s = l->s;

	if (l->ctx)
		return true;
	if (*fresh) {
		mx_list_push_tail(&s->ctxs, &(*fresh)->link);
		s->n_ctxs++;
		*fresh = NULL;
	}
	MX_LIST_FOR_EACH(it, &s->ctxs) {
		struct mx_ctx *ctx = MX_CONTAINER_OF(it, struct mx_ctx, link);
		int id;

		if (ctx->state == MX_CTX_ENDING || ctx->n_logons >= ctx->limit)
			continue;
		id = take_id_locked(ctx);
		if (id < 0)
			continue;
		l->id = (uint8_t)id;
		l->ctx = ctx;
		ctx->n_logons++;
		mx_sctx_ref(ctx);
		return true;
	}
	return false;
}

int mx_sctx_place(struct mx_logon *l, struct mx_fault *fault)
{
	struct mx_session *s = l->s;
	struct mx_ctx *fresh = NULL;
	bool placed;
	int err;

	mx_mutex_lock(&s->lock);
	placed = place_locked(l, &fresh);
	mx_mutex_unlock(&s->lock);
	if (placed)
		return 0;
	err = mx_sctx_new(s, &fresh, fault);
	if (err)
		return err;
	mx_mutex_lock(&s->lock);
	if (atomic_load(&s->off))
		err = -ESHUTDOWN;
	else
		place_locked(l, &fresh);
	mx_mutex_unlock(&s->lock);
	if (fresh)
		mx_sctx_ended(fresh, MX_CONN_ENDED);
	return err;
}

struct mx_ctx *mx_sctx_unplace_locked(struct mx_logon *l) MX_LOCKED
{
	struct mx_ctx *ctx = l->ctx;

	mx_sctx_free_id_locked(ctx, l->id);
	ctx->n_logons--;
	l->ctx = NULL;
	return ctx;
}

/* --- Releases and loss -------------------------------------------------- */

void mx_sctx_release_locked(struct mx_ctx *ctx, struct mx_release r) MX_LOCKED
{
	size_t cap = ctx->cap_releases ? 2 * ctx->cap_releases : 16;
	struct mx_release *p = ctx->releases;

	if (ctx->n_releases == ctx->cap_releases) {
		p = realloc(p, cap * sizeof(*p));
		if (!p) { /* goes with the session context */
			ctx->lost_releases++;
			return;
		}
		ctx->releases = p;
		ctx->cap_releases = cap;
	}
	ctx->releases[ctx->n_releases++] = r;
}

void mx_sctx_lost_locked(struct mx_ctx *ctx, uint32_t epoch) MX_LOCKED
{
	if (ctx->state != MX_CTX_OPEN || ctx->epoch != epoch)
		return;
	ctx->state = MX_CTX_LOST;
	ctx->epoch++;
	for (size_t i = 0; i < ctx->n_releases; i++)
		if (ctx->releases[i].logon)
			mx_sctx_free_id_locked(ctx, ctx->releases[i].logon_id);
	ctx->n_releases = 0;
}

/* --- The end ------------------------------------------------------------ */

void mx_sctx_ended(struct mx_ctx *ctx, enum mx_conn_end how)
{
	struct mx_conn *conn;

	mx_mutex_lock(&ctx->s->lock);
	conn = ctx->conn;
	ctx->conn = NULL;
	mx_list_unlink(&ctx->link);
	mx_mutex_unlock(&ctx->s->lock);
	mx_conn_close(conn, how);
	/* Shutdown waits for servers, not for the program: a logon that it
	 * still holds keeps this memory, no longer the count. */
	ctx->ended = true;
	mx_client_count_ctx(ctx->s->c, -1);
	mx_sctx_unref(ctx); /* the session's */
}

/* Disconnect takes its turn behind whatever is going on, also behind a Connect
 * that is not answered yet, and then closes the record. */
void mx_sctx_end(struct mx_ctx *ctx, bool if_unused)
{
	struct mx_session *s = ctx->s;
	bool there;

	mx_mutex_lock(&s->lock);
	there = ctx->state != MX_CTX_ENDING &&
		!(if_unused && (ctx->n_logons || ctx->busy));
	if (there) {
		ctx->state = MX_CTX_ENDING;
		ctx->ending = mx_mono_now();
		mx_list_unlink(&ctx->link);
		mx_list_push_tail(&s->ending, &ctx->link);
		s->n_ctxs--;
	}
	mx_mutex_unlock(&s->lock);
	if (!there)
		return;
	mx_cancel_fire(&ctx->bg);
	mx_notify_park(ctx); /* ends it */
	mx_background(ctx, MX_RUN_DISCONNECT);
}
