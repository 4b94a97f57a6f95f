/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the answer of an Execute.  Responses come in the order of the
 * requests, none for RopRelease; between and after them the server may say
 * RopNotify, RopPending, RopBackoff and RopBufferTooSmall.  [MS-OXCROPS] 3.1.5
 *
 * Decoding is done without a lock; what each answer changes, under it.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "session/rop-info.h"
#include "session/run.h"
#include "wire/bodies.h"
#include "wire/rpcext.h"

/* A server too busy for ROPs says so in StatusCode or ErrorCode. */
#define RPC_S_SERVER_TOO_BUSY 0x6bb
#define EC_SERVER_BUSY 0x973
#define EC_BUFFER_TOO_SMALL 0x47d
#define BUSY_PAUSE_MS 1000

struct reading {
	struct mx_run *r;
	struct mx_arena *arena;
	struct mx_ropbuf buf;
	unsigned next;     /* item whose answer comes next */
	unsigned n_unread; /* notifications that could not be read */
};

static int proto(struct mx_run *r, const char *what)
{
	return mx_fault_set(r->fault, MX_LAYER_LOCAL, EPROTO, -EPROTO,
			    "the answer to Execute makes no sense: %s", what);
}

/* --- One answer --------------------------------------------------------- */

/* The first reason counts: what failed because of it only says "no object". */
static void fail_locked(struct mx_run *r, struct mx_item *it,
			uint32_t code) MX_LOCKED
{
	struct mx_sobj *o = it->obj, *from = it->from;

	if (o->fail_run == r->id)
		return;
	o->fail_run = r->id;
	o->fail_code = code;
	o->fail_rop = it->rop;
	if (from && from->fail_run == r->id) {
		o->fail_code = from->fail_code;
		o->fail_rop = from->fail_rop;
	}
}

static void logged_on_locked(struct mx_run *r, struct mx_logon *l,
			     const struct mx_logon_res *res) MX_LOCKED
{
	struct mx_ctx *ctx = r->ctx;

	if (!l->counted && ctx->conn)
		l->counted = !mx_conn_logon_acquire(ctx->conn);
	if (l->have_info)
		return;
	memcpy(l->info.folder_ids, res->folder_ids, sizeof(res->folder_ids));
	l->info.response_flags = res->response_flags;
	l->info.mailbox_guid = res->mailbox_guid;
	l->info.repl_id = res->repl_id;
	l->info.repl_guid = res->repl_guid;
	l->info.per_user_guid = res->per_user_guid;
	l->info.store_state = res->store_state;
	l->have_info = true;
}

static int opened_locked(struct reading *rd, struct mx_item *it,
			 const struct mx_rop_res *res) MX_LOCKED
{
	struct mx_sobj *o = it->obj;

	if (res->return_value) {
		fail_locked(rd->r, it, res->return_value);
		return 0;
	}
	if (it->out >= rd->buf.n_handles ||
	    rd->buf.handles[it->out] == MX_NO_HANDLE)
		return proto(rd->r, "an opened object has no handle");
	o->handle = rd->buf.handles[it->out];
	o->epoch = rd->r->epoch;
	if (o->kind == MX_SOBJ_LOGON)
		logged_on_locked(rd->r, o->logon, &res->logon);
	mx_track_opened(o, res);
	return 0;
}

static void drop_deferred_locked(struct mx_item *it) MX_LOCKED
{
	mx_list_unlink(&it->def->link);
	free(it->def->rop);
	free(it->def);
	it->def = NULL;
}

static void blame(struct mx_op *op, const struct mx_sobj *o)
{
	op->code = o->fail_code;
	op->blame = o->fail_rop;
	op->res = NULL;
}

static int apply(struct reading *rd, struct mx_item *it,
		 const struct mx_rop_res *res)
{
	struct mx_run *r = rd->r;
	struct mx_sobj *o = it->obj;
	const uint8_t *rop = r->ex.rops + it->at;
	int err = 0;

	mx_mutex_lock(&r->ctx->s->lock);
	if (it->what == MX_ITEM_OPEN)
		err = opened_locked(rd, it, res);
	else
		mx_track_answer(o, rop, it->n, res);
	if (it->what == MX_ITEM_SETUP && res->return_value)
		fail_locked(r, it, res->return_value);
	if (it->def)
		drop_deferred_locked(it);
	if (it->op) {
		it->op->answered = true;
		it->op->code = res->return_value;
		it->op->blame = it->rop;
		it->op->res = res;
		/* What stood in front of it failed: that is the reason. */
		if (o->fail_run == r->id)
			blame(it->op, o);
		else if (it->op->second && it->op->second->fail_run == r->id)
			blame(it->op, it->op->second);
	}
	it->answered = true;
	mx_mutex_unlock(&r->ctx->s->lock);
	return err;
}

/* The columns of rows in the answer, which the bytes do not tell. */
static void set_columns(struct reading *rd, struct mx_rd *in,
			const struct mx_item *it)
{
	if (it->rop == MX_ROP_GET_PROPERTIES_SPECIFIC && it->op) {
		in->cols = it->op->req.get_properties_specific.property_tags.p;
		in->n_cols =
			it->op->req.get_properties_specific.property_tags.n;
		return;
	}
	/* Only the turn's holder changes them, and that is us. */
	in->cols = it->obj->cols;
	in->n_cols = it->obj->n_cols;
}

static bool has_rows(uint8_t rop)
{
	return rop == MX_ROP_QUERY_ROWS || rop == MX_ROP_FIND_ROW ||
	       rop == MX_ROP_READ_RECIPIENTS;
}

/* next: whose answer comes after this one, or NULL. */
static int decode_item(struct reading *rd, struct mx_rd *in, struct mx_item *it,
		       const struct mx_item *next,
		       const struct mx_rop_res **ret)
{
	struct mx_rop_res *res = mx_arena_new(rd->arena, struct mx_rop_res);

	if (!res || (it->obj->no_cols && has_rows(it->rop)))
		return -ENOMEM;
	set_columns(rd, in, it);
	in->public_logon = it->obj->logon->public_store;
	in->lax = true;
	in->next_rop = next ? next->rop : 0;
	in->next_hindex = next ? next->hindex : 0;
	mx_rop_res_decode(in, res);
	if (in->err)
		return in->err;
	if (res->id != it->rop)
		return proto(rd->r, "ROPs are answered out of order");
	*ret = res;
	return 0;
}

/* --- Extras ------------------------------------------------------------- */

static void backoff(struct mx_run *r, const struct mx_backoff_res *b)
{
	uint32_t ms = b->duration;

	for (uint32_t i = 0; i < b->n_backoff_rop_data; i++)
		if (b->backoff_rop_data[i].duration > ms)
			ms = b->backoff_rop_data[i].duration;
	r->ex.backoff_ms = ms ? ms : BUSY_PAUSE_MS;
}

static bool is_extra(uint8_t id)
{
	return id == MX_ROP_NOTIFY || id == MX_ROP_PENDING ||
	       id == MX_ROP_BACKOFF || id == MX_ROP_BUFFER_TOO_SMALL;
}

static int read_extra(struct reading *rd, struct mx_rd *in)
{
	const uint8_t *start = in->p;
	struct mx_rop_res res = {0};

	mx_rop_res_decode(in, &res);
	if (in->err) {
		rd->n_unread++;
		return in->err;
	}
	switch (res.id) {
	case MX_ROP_NOTIFY:
		/* RopId, NotificationHandle, LogonId, then the data. */
		mx_notify_dispatch(rd->r->ctx, res.notify.notification_handle,
				   res.notify.logon_id, start + 6,
				   (size_t)(in->p - start) - 6);
		break;
	case MX_ROP_PENDING:
		rd->r->ex.pending = true;
		break;
	case MX_ROP_BACKOFF:
		backoff(rd->r, &res.backoff);
		break;
	default:
		rd->r->ex.size_needed = res.buffer_too_small.size_needed;
		if (!rd->r->ex.size_needed)
			rd->r->ex.size_needed = 1;
		break;
	}
	return 0;
}

/* --- Buffers ------------------------------------------------------------ */

static int read_first(struct reading *rd)
{
	struct mx_exec *ex = &rd->r->ex;
	struct mx_rd in;

	mx_rd_init(&in, rd->buf.rops.p, rd->buf.rops.n, rd->arena);
	while (mx_rd_left(&in) && mx_rd_ok(&in)) {
		const struct mx_rop_res *res;
		int err;

		if (is_extra(*in.p)) {
			err = read_extra(rd, &in);
			/* Nothing after it can be read; what was asked may
			 * have been answered all the same. */
			if (err && rd->next == ex->n_items)
				break;
		} else if (rd->next == ex->n_items) {
			err = proto(rd->r, "more answers than questions");
		} else {
			struct mx_item *it = &ex->items[rd->next++];
			bool last = rd->next == ex->n_items;

			err = decode_item(rd, &in, it, last ? NULL : it + 1,
					  &res);
			if (!err)
				err = apply(rd, it, res);
		}
		if (err)
			return err;
	}
	return 0;
}

/* A packed buffer: one more answer to the last ROP. */
static int read_packed(struct reading *rd, struct mx_item *last)
{
	struct mx_op *op = last->op;
	const struct mx_rop_res *res = NULL, **more;
	struct mx_rd in;
	int err = 0;

	mx_rd_init(&in, rd->buf.rops.p, rd->buf.rops.n, rd->arena);
	while (mx_rd_left(&in) && !err) {
		if (is_extra(*in.p)) {
			if (read_extra(rd, &in))
				break;
			continue;
		}
		err = decode_item(rd, &in, last, NULL, &res);
		if (err || res->return_value)
			break;
		more = mx_arena_alloc(rd->arena,
				      (op->n_more + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		if (op->n_more)
			memcpy(more, op->more, op->n_more * sizeof(*more));
		more[op->n_more] = res;
		mx_mutex_lock(&rd->r->ctx->s->lock);
		mx_track_answer(last->obj, rd->r->ex.rops + last->at, last->n,
				res);
		mx_mutex_unlock(&rd->r->ctx->s->lock);
		op->more = more;
		op->n_more++;
	}
	return err;
}

static int read_buffers(struct reading *rd, struct mx_bin rops)
{
	struct mx_exec *ex = &rd->r->ex;
	struct mx_item *last = ex->n_items ? &ex->items[ex->n_items - 1] : NULL;
	bool end = false;
	struct mx_rd in;
	int err = 0;

	mx_rd_init(&in, rops.p, rops.n, rd->arena);
	for (unsigned i = 0; !end && !err; i++) {
		if (i == MX_MAX_ROP_CHAIN)
			return proto(rd->r, "too many chained buffers");
		mx_rpcext_next(&in, &rd->buf, &end);
		if (in.err)
			return in.err;
		if (i == 0)
			err = read_first(rd);
		else if (ex->chain && last && last->op && last->answered)
			err = read_packed(rd, last);
		else
			err = proto(rd->r, "buffers nobody asked for");
	}
	return err;
}

/* --- The body ----------------------------------------------------------- */

/* The first releases of the queue have been sent and taken. */
static void released(struct mx_run *r)
{
	struct mx_ctx *ctx = r->ctx;
	size_t n = r->ex.n_released;

	mx_mutex_lock(&ctx->s->lock);
	if (ctx->epoch == r->epoch && n <= ctx->n_releases) {
		for (size_t i = 0; i < n; i++) {
			const struct mx_release *rel = &ctx->releases[i];

			if (rel->logon)
				mx_sctx_free_id_locked(ctx, rel->logon_id);
		}
		ctx->n_releases -= n;
		if (n) /* else there may be no array */
			memmove(ctx->releases, ctx->releases + n,
				ctx->n_releases * sizeof(*ctx->releases));
	}
	mx_mutex_unlock(&ctx->s->lock);
	r->ex.n_released = 0;
}

static int refused(struct mx_run *r, const struct mx_execute_res *res)
{
	uint32_t code = res->status_code ? res->status_code : res->error_code;

	if (code == RPC_S_SERVER_TOO_BUSY || code == EC_SERVER_BUSY) {
		r->ex.backoff_ms = BUSY_PAUSE_MS;
		return 0;
	}
	if (code == EC_BUFFER_TOO_SMALL) {
		released(r); /* they stand in front */
		r->ex.all_lost = true;
		return 0;
	}
	return mx_fault_set(r->fault, MX_LAYER_EMSMDB, code, -EREMOTEIO,
			    "the server refused the request");
}

static int all_answered(struct mx_run *r)
{
	for (unsigned i = 0; i < r->ex.n_items; i++)
		if (!r->ex.items[i].answered && !r->ex.backoff_ms &&
		    !r->ex.size_needed)
			return proto(r, "a ROP is not answered");
	return 0;
}

static int read_body(struct reading *rd, const void *body, size_t n)
{
	struct mx_execute_res res = {0};
	struct mx_run *r = rd->r;
	struct mx_rd in;
	int err;

	body = mx_arena_dup(rd->arena, body, n);
	if (!body)
		return -ENOMEM;
	mx_rd_init(&in, body, n, rd->arena);
	mx_execute_res_decode(&in, &res);
	if (in.err)
		return in.err;
	if (res.status_code || res.error_code)
		return refused(r, &res);
	released(r);
	err = res.rop_buffer.n ? read_buffers(rd, res.rop_buffer) : 0;
	if (!err)
		err = all_answered(r);
	if (rd->n_unread) {
		mx_log(MX_LOG_WARN, "session",
		       "%s at %s: a notification could not be read",
		       mx_userctx_display(r->ctx->s->user), r->ctx->s->server);
		mx_notify_missed(r->ctx);
	}
	return err;
}

int mx_exec_answer(struct mx_run *r, const void *body, size_t n)
{
	MX_AUTO(mx_arena_auto) struct mx_arena own = MX_ARENA_INIT;
	struct reading rd = {
		.r = r,
		.arena = r->batch ? &r->batch->arena : &own,
	};
	size_t was = rd.arena->budget;
	int err;

	rd.arena->budget =
		rd.arena->total + n * MX_MAX_DECODE_RATIO + (64u << 10);
	err = read_body(&rd, body, n);
	rd.arena->budget = was;
	if (err == -EBADMSG || err == -EOPNOTSUPP) {
		err = -EBADMSG;
		mx_fault_set(r->fault, MX_LAYER_LOCAL, EBADMSG, err,
			     "the answer to Execute cannot be read");
	}
	return err;
}
