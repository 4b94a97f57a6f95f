/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscriptions, and what is handed to them.  The wait itself is in park.c.
 *
 * An event is copied as bytes when it comes in (on an engine thread, or within
 * somebody's call) and decoded on the callback thread.  A queue that grows past
 * its limit collapses into one "missed".
 */
#include "session/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "session/session-private.h"

struct mx_sub {
	struct mx_list link; /* ctx->subs; s->lock */
	atomic_uint refs;    /* the owner's, and one a queued event */
	struct mx_session *s;
	struct mx_ctx *ctx;    /* reference, until cancelled */
	struct mx_sobj *o;     /* the registration, or the table */
	bool registered, lost; /* s->lock */
	uint32_t epoch;        /* last one it was told of; s->lock */
	struct mx_serial *q;
	mx_notify_fn *fn;
	void *arg;
	void (*free_arg)(void *arg);
	atomic_bool cancelled, overflowed;
	atomic_uint queued;
};

struct event {
	struct mx_sub *sub; /* reference */
	enum mx_event_kind kind;
	uint32_t code;
	uint32_t n_cols;
	uint32_t *cols; /* owned */
	size_t n;
	uint8_t raw[];
};

static _Thread_local bool on_callback;

bool mx_notify_on_callback(void)
{
	return on_callback;
}

static void sub_unref(struct mx_sub *sub)
{
	if (atomic_fetch_sub(&sub->refs, 1) != 1)
		return;
	mx_serial_unref(sub->q);
	if (sub->free_arg)
		sub->free_arg(sub->arg);
	free(sub);
}

/* --- Delivering --------------------------------------------------------- */

/* Shutdown tells of one that does not return, also when all else of its session
 * is gone by then. */
static void call(struct mx_sub *sub, const struct mx_event *ev)
{
	struct mx_session *s = sub->s;
	struct mx_callback cb = {
		.s = s,
		.since = mx_mono_now(),
		.tid = gettid(),
	};
	int shown = mx_clist_callback_begin(s->list);

	atomic_fetch_add(&s->core, 1);
	mx_mutex_lock(&s->c->lock);
	mx_list_push_tail(&s->c->callbacks, &cb.link);
	mx_mutex_unlock(&s->c->lock);
	on_callback = true;
	sub->fn(sub->arg, ev);
	on_callback = false;
	mx_clist_callback_end(s->list, shown);
	mx_mutex_lock(&s->c->lock);
	mx_list_unlink(&cb.link);
	mx_mutex_unlock(&s->c->lock);
	mx_session_core_put(s);
}

static void deliver(struct mx_sub *sub, const struct event *e)
{
	MX_AUTO(mx_arena_auto) struct mx_arena arena = MX_ARENA_INIT;
	struct mx_event ev = {.kind = e->kind, .code = e->code};
	struct mx_notification_data data = {0};
	struct mx_proprow row = {0};
	struct mx_rd rd;

	if (e->kind != MX_EVENT_NOTIFY) {
		call(sub, &ev);
		return;
	}
	arena.budget = e->n * MX_MAX_DECODE_RATIO + 4096;
	mx_rd_init(&rd, e->raw, e->n, &arena);
	mx_notification_data_decode(&rd, &data);
	if (rd.err) { /* it could be read once: no memory */
		ev.kind = MX_EVENT_MISSED;
		call(sub, &ev);
		return;
	}
	ev.data = &data;
	if (data.table_row_data.n && e->n_cols) {
		mx_rd_init(&rd, data.table_row_data.p, data.table_row_data.n,
			   &arena);
		rd.cols = e->cols;
		rd.n_cols = e->n_cols;
		mx_proprow_decode(&rd, &row);
		if (!rd.err)
			ev.row = &row;
	}
	call(sub, &ev);
}

static void on_event(void *arg, bool run)
{
	struct event *e = arg;
	struct mx_sub *sub = e->sub;

	atomic_fetch_sub(&sub->queued, 1);
	if (e->kind == MX_EVENT_MISSED)
		atomic_store(&sub->overflowed, false);
	if (run && !atomic_load(&sub->cancelled) &&
	    !atomic_load(&sub->s->off)) {
		atomic_fetch_add(&sub->s->notified, 1);
		deliver(sub, e);
	}
	free(e->cols);
	free(e);
	sub_unref(sub);
}

/* Takes over the caller's reference of sub. */
static void post(struct mx_sub *sub, struct event *e)
{
	if (!e) {
		sub_unref(sub);
		return;
	}
	e->sub = sub;
	atomic_fetch_add(&sub->queued, 1);
	if (!mx_serial_post(sub->q, on_event, e))
		return;
	atomic_fetch_sub(&sub->queued, 1);
	free(e->cols);
	free(e);
	sub_unref(sub);
}

static struct event *plain_event(enum mx_event_kind kind, uint32_t code)
{
	struct event *e = calloc(1, sizeof(*e));

	if (e) {
		e->kind = kind;
		e->code = code;
	}
	return e;
}

/* With the columns that the table has now; s->lock. */
static struct event *data_event_locked(const struct mx_sub *sub,
				       const uint8_t *raw, size_t n) MX_LOCKED
{
	struct event *e = calloc(1, sizeof(*e) + n);
	const struct mx_sobj *o = sub->o;

	if (!e)
		return NULL;
	e->kind = MX_EVENT_NOTIFY;
	e->n = n;
	memcpy(e->raw, raw, n);
	if (o->kind != MX_SOBJ_TABLE || !o->n_cols)
		return e;
	e->cols = malloc(o->n_cols * sizeof(*e->cols));
	if (e->cols) {
		memcpy(e->cols, o->cols, o->n_cols * sizeof(*e->cols));
		e->n_cols = o->n_cols;
	}
	return e;
}

void mx_notify_dispatch(struct mx_ctx *ctx, uint32_t handle, uint8_t logon_id,
			const uint8_t *raw, size_t n)
{
	struct mx_sub *to = NULL;
	struct event *e = NULL;

	mx_mutex_lock(&ctx->s->lock);
	MX_LIST_FOR_EACH(it, &ctx->subs) {
		struct mx_sub *sub = MX_CONTAINER_OF(it, struct mx_sub, link);

		if (sub->o->handle != handle || sub->o->epoch != ctx->epoch ||
		    sub->o->logon->id != logon_id)
			continue;
		to = sub;
		atomic_fetch_add(&to->refs, 1);
		if (atomic_load(&to->queued) < MX_MAX_SUB_EVENTS)
			e = data_event_locked(to, raw, n);
		break;
	}
	mx_mutex_unlock(&ctx->s->lock);
	if (!to)
		return;
	if (!e && !atomic_exchange(&to->overflowed, true))
		e = plain_event(MX_EVENT_MISSED, 0);
	post(to, e);
}

/* Tells every subscription of the context, one after the other: the lock is not
 * held while posting. */
void mx_notify_missed(struct mx_ctx *ctx)
{
	struct mx_sub *subs[16];
	unsigned n, skip = 0;

	do {
		unsigned i = 0;

		n = 0;
		mx_mutex_lock(&ctx->s->lock);
		MX_LIST_FOR_EACH(it, &ctx->subs) {
			if (i++ < skip || n == MX_ARRAY_SIZE(subs))
				continue;
			subs[n] = MX_CONTAINER_OF(it, struct mx_sub, link);
			atomic_fetch_add(&subs[n++]->refs, 1);
		}
		mx_mutex_unlock(&ctx->s->lock);
		for (i = 0; i < n; i++)
			post(subs[i], plain_event(MX_EVENT_MISSED, 0));
		skip += n;
	} while (n == MX_ARRAY_SIZE(subs));
}

/* --- After a lost context ----------------------------------------------- */

static bool stale_locked(const struct mx_ctx *ctx,
			 const struct mx_sub *sub) MX_LOCKED
{
	return sub->registered && !sub->lost &&
	       (ctx->state == MX_CTX_LOST || sub->epoch != ctx->epoch);
}

bool mx_notify_stale_locked(struct mx_ctx *ctx) MX_LOCKED
{
	MX_LIST_FOR_EACH(it, &ctx->subs)
		if (stale_locked(ctx, MX_CONTAINER_OF(it, struct mx_sub, link)))
			return true;
	return false;
}

static bool can_come_back(const struct mx_sobj *o)
{
	for (; o; o = o->parent)
		if (mx_sobj_why_lost(o))
			return false;
	return true;
}

void mx_notify_recover(struct mx_ctx *ctx, struct mx_batch *b)
{
	mx_mutex_lock(&ctx->s->lock);
	MX_LIST_FOR_EACH(it, &ctx->subs) {
		struct mx_sub *sub = MX_CONTAINER_OF(it, struct mx_sub, link);

		if (stale_locked(ctx, sub) &&
		    (mx_sobj_live(sub->o) || can_come_back(sub->o)))
			mx_batch_open(b, sub->o);
	}
	mx_mutex_unlock(&ctx->s->lock);
}

static const struct mx_op *op_of(struct mx_batch *b, const struct mx_sub *sub)
{
	MX_LIST_FOR_EACH(it, &b->ops) {
		struct mx_op *op = MX_CONTAINER_OF(it, struct mx_op, link);

		if (op->obj == sub->o)
			return op;
	}
	return NULL;
}

/* What is to be told to one subscription that was stale; NULL: nothing. */
static struct event *outcome_locked(struct mx_ctx *ctx, struct mx_batch *b,
				    struct mx_sub *sub) MX_LOCKED
{
	const struct mx_op *op = op_of(b, sub);

	if (op && op->answered && !op->code && mx_sobj_live(sub->o)) {
		sub->epoch = ctx->epoch;
		return plain_event(MX_EVENT_MISSED, 0);
	}
	if (op && !(op->answered && op->code))
		return NULL; /* lost again; another try follows */
	if (!op && can_come_back(sub->o))
		return NULL; /* came after this try was made */
	sub->lost = true;
	return plain_event(MX_EVENT_LOST, op ? op->code : 0);
}

void mx_notify_recovered(struct mx_ctx *ctx, struct mx_batch *b, int err)
{
	struct mx_sub *to;
	struct event *e;

	while (!err) {
		to = NULL;
		e = NULL;
		mx_mutex_lock(&ctx->s->lock);
		MX_LIST_FOR_EACH(it, &ctx->subs) {
			struct mx_sub *sub =
				MX_CONTAINER_OF(it, struct mx_sub, link);

			if (!stale_locked(ctx, sub))
				continue;
			e = outcome_locked(ctx, b, sub);
			if (!e)
				continue;
			to = sub;
			atomic_fetch_add(&to->refs, 1);
			break;
		}
		mx_mutex_unlock(&ctx->s->lock);
		if (!to)
			return;
		post(to, e);
	}
}

/* --- Making and ending -------------------------------------------------- */

static int make_object(const struct mx_sub_params *p, struct mx_sobj **ret)
{
	struct mx_rop_req req = {.id = MX_ROP_REGISTER_NOTIFICATION};

	if (p->table) {
		if (mx_sobj_kind(p->table) != MX_SOBJ_TABLE)
			return -EINVAL;
		*ret = mx_sobj_ref(p->table);
		return 0;
	}
	if (!p->logon)
		return -EINVAL;
	req.register_notification.notification_types = p->types;
	req.register_notification.want_whole_store = p->whole_store;
	req.register_notification.folder_id = p->fid;
	req.register_notification.message_id = p->mid;
	return mx_sobj_make(mx_logon_sobj(p->logon), &req, ret);
}

static int sub_alloc(const struct mx_sub_params *p, struct mx_sub **ret)
{
	struct mx_sub *sub = calloc(1, sizeof(*sub));
	int err;

	if (!sub)
		return -ENOMEM;
	err = make_object(p, &sub->o);
	if (!err)
		err = mx_serial_new(sub->o->logon->s->server, &sub->q);
	if (err) {
		mx_sobj_unref(sub->o);
		free(sub);
		return err;
	}
	atomic_init(&sub->refs, 1);
	mx_list_init(&sub->link);
	sub->s = sub->o->logon->s;
	sub->fn = p->fn;
	sub->arg = p->arg;
	*ret = sub;
	return 0;
}

/* Listed before it is registered: the first event may come with the answer. */
static int list_sub(struct mx_sub *sub)
{
	struct mx_session *s = sub->s;
	int err = 0;

	mx_mutex_lock(&s->lock);
	sub->ctx = sub->o->logon->ctx;
	if (!sub->ctx || sub->ctx->state == MX_CTX_ENDING) {
		sub->ctx = NULL;
		err = -ESHUTDOWN;
	} else {
		mx_sctx_ref(sub->ctx);
		mx_list_push_tail(&sub->ctx->subs, &sub->link);
	}
	mx_mutex_unlock(&s->lock);
	return err;
}

static int register_sub(struct mx_sub *sub, const struct mx_call *call)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_op *op;
	int err;

	mx_batch_init(&b);
	op = mx_batch_open(&b, sub->o);
	err = mx_batch_run(&b, call);
	if (!err)
		err = mx_op_fault(op, call ? call->fault : NULL);
	if (err)
		return err;
	mx_mutex_lock(&sub->s->lock);
	sub->registered = true;
	/* Lost since then: the background finds it stale. */
	sub->epoch = sub->o->epoch;
	sub->ctx->n_subs++;
	mx_mutex_unlock(&sub->s->lock);
	mx_sctx_poke(sub->ctx);
	return 0;
}

int mx_sub_new(const struct mx_sub_params *params, const struct mx_call *call,
	       struct mx_sub **ret)
{
	struct mx_sub *sub;
	int err = sub_alloc(params, &sub);

	if (err)
		return err;
	err = mx_session_usable(sub->s, call ? call->fault : NULL);
	if (!err && !mx_logon_info(sub->o->logon))
		err = mx_logon_open(sub->o->logon, call);
	if (!err)
		err = list_sub(sub);
	if (!err)
		err = register_sub(sub, call);
	if (err) {
		mx_sub_cancel(sub);
		return err;
	}
	/* From here on the argument is ours to free. */
	sub->free_arg = params->free_arg;
	*ret = sub;
	return 0;
}

void mx_sub_cancel(struct mx_sub *sub)
{
	struct mx_ctx *ctx;

	if (!sub || mx_client_forked(sub->s->c))
		return;
	atomic_store(&sub->cancelled, true);
	mx_mutex_lock(&sub->s->lock);
	ctx = MX_STEAL(sub->ctx);
	mx_list_unlink(&sub->link);
	if (ctx && sub->registered)
		ctx->n_subs--;
	mx_mutex_unlock(&sub->s->lock);
	mx_serial_close(sub->q);
	if (ctx) {
		mx_sctx_poke(ctx);
		mx_sctx_unref(ctx);
	}
	mx_sobj_unref(sub->o);
	sub_unref(sub);
}
