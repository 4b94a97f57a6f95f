/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/rand.h"
#include "server/event.h"
#include "server/wait.h"

#define BUCKETS 4096u
#define USER_BUCKETS 1024u

struct mx_ctxs {
	struct mx_server *srv;
	struct mx_mutex lock;
	struct mx_cond gone;
	struct mx_list by_cookie[BUCKETS];
	struct mx_list by_user[USER_BUCKETS];
	uint64_t serial;
	unsigned n_live; /* in the lists */
	unsigned n_all;  /* not freed yet */
	bool closed;
};

int mx_ctxs_new(struct mx_server *srv, struct mx_ctxs **ret)
{
	struct mx_ctxs *cs = calloc(1, sizeof(*cs));

	if (!cs)
		return -ENOMEM;
	cs->srv = srv;
	mx_mutex_init(&cs->lock);
	mx_cond_init(&cs->gone);
	for (size_t i = 0; i < BUCKETS; i++)
		mx_list_init(&cs->by_cookie[i]);
	for (size_t i = 0; i < USER_BUCKETS; i++)
		mx_list_init(&cs->by_user[i]);
	*ret = cs;
	return 0;
}

void mx_ctxs_free(struct mx_ctxs *cs)
{
	if (!cs)
		return;
	mx_mutex_lock(&cs->lock);
	while (cs->n_all)
		mx_cond_wait(&cs->gone, &cs->lock, MX_MONO_NEVER);
	mx_mutex_unlock(&cs->lock);
	mx_cond_fini(&cs->gone);
	mx_mutex_fini(&cs->lock);
	free(cs);
}

unsigned mx_ctxs_count(struct mx_ctxs *cs)
{
	unsigned n;

	mx_mutex_lock(&cs->lock);
	n = cs->n_live;
	mx_mutex_unlock(&cs->lock);
	return n;
}

static struct mx_list *cookie_bucket(struct mx_ctxs *cs, const char *cookie)
{
	uint32_t h = 0;

	for (int i = 0; i < 8; i++)
		h = h * 31 + (uint8_t)cookie[i];
	return &cs->by_cookie[h % BUCKETS];
}

static struct mx_list *user_bucket(struct mx_ctxs *cs, uint32_t user)
{
	return &cs->by_user[user % USER_BUCKETS];
}

static unsigned count_of(struct mx_ctxs *cs, uint32_t user)
{
	unsigned n = 0;

	MX_LIST_FOR_EACH(it, user_bucket(cs, user))
		n += MX_CONTAINER_OF(it, struct mx_ctx, user_node)->owner->id ==
		     user;
	return n;
}

/* ---- Life and death ---- */

static void do_free(struct mx_job *job)
{
	struct mx_ctx *ctx = MX_CONTAINER_OF(job, struct mx_ctx, free_job);
	struct mx_ctxs *cs = ctx->srv->ctxs;

	mx_objects_fini(&ctx->objects);
	mx_notes_clear(ctx);
	mx_mutex_fini(&ctx->lock);
	mx_ident_unref(ctx->owner);
	free(ctx->dn_prefix);
	free(ctx);
	mx_mutex_lock(&cs->lock);
	if (--cs->n_all == 0)
		mx_cond_broadcast(&cs->gone);
	mx_mutex_unlock(&cs->lock);
}

struct mx_ctx *mx_ctx_ref(struct mx_ctx *ctx)
{
	atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
	return ctx;
}

void mx_ctx_unref(struct mx_ctx *ctx)
{
	if (!ctx || atomic_fetch_sub(&ctx->refs, 1) != 1)
		return;
	/* Closing objects may touch the disk: never on a socket's thread. */
	ctx->free_job.fn = do_free;
	mx_pool_submit(ctx->srv->pool, MX_JOB_WORK, &ctx->free_job);
}

static void on_idle(struct mx_timer *t)
{
	struct mx_ctx *ctx = MX_CONTAINER_OF(t, struct mx_ctx, idle_timer);
	struct mx_ctxs *cs = ctx->srv->ctxs;
	bool parked, expired, rearmed;
	mx_mono at;

	mx_mutex_lock(&ctx->lock);
	parked = ctx->parked != NULL;
	mx_mutex_unlock(&ctx->lock);
	mx_mutex_lock(&cs->lock);
	if (ctx->busy || parked)
		mx_ctx_touch(ctx);
	at.ns = atomic_load(&ctx->idle_ns);
	expired = mx_mono_passed(at);
	/* Under the lock, so that a kill finds the timer armed or never. */
	rearmed = !expired && !ctx->dead &&
		  mx_timer_set(ctx->srv->timers, t, at);
	mx_mutex_unlock(&cs->lock);
	if (expired)
		mx_ctx_kill(ctx, 10);
	if (!rearmed) /* else the reference goes on with the timer */
		mx_ctx_unref(ctx);
}

static int make_cookie(char cookie[MX_COOKIE_STRLEN + 1])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t raw[MX_COOKIE_STRLEN / 2];
	int r = mx_random(raw, sizeof(raw));

	for (size_t i = 0; i < sizeof(raw); i++) {
		cookie[2 * i] = hex[raw[i] >> 4];
		cookie[2 * i + 1] = hex[raw[i] & 15];
	}
	cookie[MX_COOKIE_STRLEN] = '\0';
	return r;
}

/* Puts a new context into the table.  -EDQUOT, -ESHUTDOWN. */
static int enroll(struct mx_ctxs *cs, struct mx_ctx *ctx)
{
	int r = 0;

	mx_mutex_lock(&cs->lock);
	if (cs->closed)
		r = -ESHUTDOWN;
	else if (count_of(cs, ctx->owner->id) >= cs->srv->p.max_contexts)
		r = -EDQUOT;
	if (!r) {
		ctx->serial = ++cs->serial;
		mx_ctx_touch(ctx);
		mx_list_push_tail(cookie_bucket(cs, ctx->cookie), &ctx->node);
		mx_list_push_tail(user_bucket(cs, ctx->owner->id),
				  &ctx->user_node);
		cs->n_live++;
		cs->n_all++;
		atomic_fetch_add(&ctx->refs, 2); /* the table's, the timer's */
		mx_timer_set(cs->srv->timers, &ctx->idle_timer,
			     (mx_mono){ctx->idle_ns});
	}
	mx_mutex_unlock(&cs->lock);
	return r;
}

int mx_ctx_new(struct mx_server *srv, struct mx_ident *who, struct mx_ctx **ret)
{
	struct mx_ctx *ctx = calloc(1, sizeof(*ctx));
	int r;

	if (!ctx)
		return -ENOMEM;
	r = make_cookie(ctx->cookie);
	ctx->srv = srv;
	ctx->owner = mx_ident_ref(who);
	atomic_init(&ctx->refs, 1);
	mx_mutex_init(&ctx->lock);
	mx_list_init(&ctx->notes);
	mx_list_init(&ctx->node);
	mx_list_init(&ctx->user_node);
	mx_objects_init(&ctx->objects, ctx);
	ctx->idle_timer.fn = on_idle;
	ctx->busy = true;
	if (!r)
		r = enroll(srv->ctxs, ctx);
	if (r < 0) {
		mx_mutex_fini(&ctx->lock);
		mx_ident_unref(ctx->owner);
		free(ctx);
		return r;
	}
	*ret = ctx;
	return 0;
}

int mx_ctx_find(struct mx_server *srv, const char *cookie,
		const struct mx_ident *who, struct mx_ctx **ret)
{
	struct mx_ctxs *cs = srv->ctxs;
	int r = -ENOENT;

	mx_mutex_lock(&cs->lock);
	MX_LIST_FOR_EACH(it, cookie_bucket(cs, cookie)) {
		struct mx_ctx *ctx = MX_CONTAINER_OF(it, struct mx_ctx, node);

		if (strcmp(ctx->cookie, cookie) || ctx->owner->id != who->id)
			continue;
		*ret = mx_ctx_ref(ctx);
		r = 0;
		break;
	}
	mx_mutex_unlock(&cs->lock);
	return r;
}

int mx_ctx_enter(struct mx_ctx *ctx)
{
	struct mx_ctxs *cs = ctx->srv->ctxs;
	int r = 0;

	mx_mutex_lock(&cs->lock);
	if (ctx->dead)
		r = -ENOENT;
	else if (ctx->busy)
		r = -EBUSY;
	else
		ctx->busy = true;
	mx_mutex_unlock(&cs->lock);
	return r;
}

void mx_ctx_leave(struct mx_ctx *ctx)
{
	struct mx_ctxs *cs = ctx->srv->ctxs;

	mx_mutex_lock(&cs->lock);
	ctx->busy = false;
	mx_ctx_touch(ctx);
	mx_mutex_unlock(&cs->lock);
}

void mx_ctx_touch(struct mx_ctx *ctx)
{
	atomic_store(&ctx->idle_ns, mx_mono_in_ms(ctx->srv->p.idle_ms).ns);
}

void mx_ctx_kill(struct mx_ctx *ctx, int code)
{
	struct mx_ctxs *cs = ctx->srv->ctxs;
	bool mine;

	mx_mutex_lock(&cs->lock);
	mine = !ctx->dead;
	ctx->dead = true;
	if (mine) {
		mx_list_unlink(&ctx->node);
		mx_list_unlink(&ctx->user_node);
		cs->n_live--;
	}
	mx_mutex_unlock(&cs->lock);
	if (!mine)
		return;
	mx_wait_kill(ctx, code);
	if (mx_timer_cancel(ctx->srv->timers, &ctx->idle_timer))
		mx_ctx_unref(ctx);
	mx_ctx_unref(ctx); /* the table's */
}

/* Any live context, referenced; NULL when there is none. */
static struct mx_ctx *first_of(struct mx_ctxs *cs, size_t *bucket)
{
	struct mx_ctx *ctx = NULL;

	mx_mutex_lock(&cs->lock);
	cs->closed = true;
	while (*bucket < BUCKETS && mx_list_empty(&cs->by_cookie[*bucket]))
		++*bucket;
	if (*bucket < BUCKETS)
		ctx = mx_ctx_ref(MX_CONTAINER_OF(cs->by_cookie[*bucket].next,
						 struct mx_ctx, node));
	mx_mutex_unlock(&cs->lock);
	return ctx;
}

void mx_ctxs_kill(struct mx_ctxs *cs, int code)
{
	struct mx_ctx *ctx;
	size_t bucket = 0;

	while ((ctx = first_of(cs, &bucket))) {
		mx_ctx_kill(ctx, code);
		mx_ctx_unref(ctx);
	}
}
