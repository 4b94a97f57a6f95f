/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/log.h"
#include "server/exec.h"
#include "server/rop.h"
#include "store/mbox.h"
#include "wire/rpcext.h"

/* RopPending: id and SessionIndex; room for it is always kept. */
#define PENDING_SIZE 3u
/* A payload below this is not worth compressing. */
#define COMPRESS_FROM 1024u
/* What must be left for one more chained buffer.  [MS-OXCRPC] R968 */
#define CHAIN_ROWS 0x8000u
#define CHAIN_STREAM 0x2000u

/* What a thread that must not wait takes on at a time. */
#define LIGHT_ROPS 16u
#define LIGHT_BODY 2048u

/* The request, taken apart before anything is done. */
struct batch {
	struct mx_ropbuf buf;
	uint32_t n;
	struct mx_rop_req *reqs;
	const uint8_t **begin; /* where each starts in buf */
	bool unsupported;      /* after them comes one that we do not have */
	uint8_t bad_id, bad_index;
};

static int decode_rops(struct batch *b, struct mx_rd *in)
{
	struct mx_rop_req req;
	size_t max = b->buf.rops.n / 3 + 1;
	struct mx_rd rd = *in;

	max = max < MX_MAX_ROPS ? max : MX_MAX_ROPS;
	rd.p = b->buf.rops.p;
	rd.end = rd.p + b->buf.rops.n;
	b->reqs = mx_arena_newv(rd.arena, struct mx_rop_req, max);
	b->begin = mx_arena_newv(rd.arena, const uint8_t *, max + 1);
	if (!b->reqs || !b->begin)
		return -ENOMEM;
	while (mx_rd_left(&rd) && b->n < max) {
		b->begin[b->n] = rd.p;
		mx_rop_req_decode(&rd, &req);
		if (rd.err == -EOPNOTSUPP && mx_rop_defined(req.id)) {
			b->unsupported = true;
			b->bad_id = req.id;
			b->bad_index = req.hindex;
			return 0;
		}
		if (rd.err)
			return rd.err == -ENOMEM ? -ENOMEM : -EBADMSG;
		b->reqs[b->n++] = req;
	}
	b->begin[b->n] = rd.end;
	return mx_rd_left(&rd) ? -EBADMSG : 0;
}

static int decode(struct batch *b, struct mx_bin in, struct mx_arena *arena)
{
	struct mx_rd rd;
	bool last;

	arena->budget = (size_t)MX_MAX_DECODE_RATIO * in.n + 8192;
	mx_rd_init(&rd, in.p, in.n, arena);
	mx_rpcext_next(&rd, &b->buf, &last);
	/* Packed requests are for ROPs that we do not offer. */
	if (mx_rd_end(&rd) < 0 || !last)
		return rd.err == -ENOMEM ? -ENOMEM : -EBADMSG;
	return decode_rops(b, &rd);
}

/* Prepares an output buffer of at most `room` bytes, header included.
 * False when not even an empty answer fits. */
static bool open_buffer(struct mx_exec *x, size_t room)
{
	size_t fixed = 2 + 4 * (size_t)x->n_handles + PENDING_SIZE;

	room = room > MX_RPCEXT_HEADER ? room - MX_RPCEXT_HEADER : 0;
	if (room > MX_MAX_ROP_PAYLOAD)
		room = MX_MAX_ROP_PAYLOAD;
	if (room < fixed)
		return false;
	x->cap = room - fixed;
	x->wr.cap = x->cap;
	x->wr.len = 0;
	return true;
}

static int close_buffer(struct mx_exec *x, unsigned execute_flags,
			struct mx_buf *out, size_t *ret_header)
{
	unsigned flags = 0;

	if (!(execute_flags & MX_EXECUTE_NO_COMPRESSION) &&
	    x->wr.len >= COMPRESS_FROM)
		flags |= MX_RPCEXT_COMPRESSED;
	if (!(execute_flags & MX_EXECUTE_NO_XORMAGIC))
		flags |= MX_RPCEXT_XORMAGIC;
	*ret_header = out->len;
	return mx_rpcext_pack(out, flags, x->wr.p, x->wr.len, x->handles,
			      x->n_handles);
}

static void put_too_small(struct mx_exec *x, const struct batch *b, uint32_t i,
			  size_t need)
{
	size_t rest = (size_t)(b->buf.rops.p + b->buf.rops.n - b->begin[i]);

	need += 5 + 4 * (size_t)x->n_handles;
	x->wr.cap = x->cap + PENDING_SIZE;
	mx_wr_u8(&x->wr, MX_ROP_BUFFER_TOO_SMALL);
	mx_wr_u16(&x->wr, (uint16_t)(need < 0xffff ? need : 0xffff));
	if (rest > x->wr.cap - x->wr.len)
		rest = x->wr.cap - x->wr.len;
	mx_wr_bytes(&x->wr, b->begin[i], rest);
}

static void put_unsupported(struct mx_exec *x, const struct batch *b)
{
	mx_wr_u8(&x->wr, b->bad_id);
	mx_wr_u8(&x->wr, b->bad_index);
	mx_wr_u32(&x->wr, MX_EC_NOT_SUPPORTED);
}

/* In place of the answer to the first ROP that is not done; all of its logon
 * are delayed.  [MS-OXCROPS] 2.2.15.2, R4541, R4544 */
static void put_backoff(struct mx_exec *x, uint8_t logon_id)
{
	struct mx_rop_res res = {.id = MX_ROP_BACKOFF};
	size_t begin = x->wr.len;

	res.backoff.logon_id = logon_id;
	res.backoff.duration = x->backoff_ms;
	mx_rop_res_encode(&x->wr, &res);
	if (x->wr.len > x->wr.cap)
		x->wr.len = begin;
}

/* Does the ROPs in order.  *ret_ec is the ErrorCode when the whole fails.
 * Returns false when an answer did not fit, so that nothing may follow. */
static bool run_batch(struct mx_exec *x, const struct batch *b,
		      struct mx_chain *chain, uint32_t *ret_ec)
{
	size_t later = b->unsupported ? 6 : 0;

	for (uint32_t i = 0; i < b->n; i++)
		later += mx_rop_least(&b->reqs[i]);
	for (uint32_t i = 0; i < b->n; i++) {
		size_t least = mx_rop_least(&b->reqs[i]);
		ssize_t need = (ssize_t)(x->wr.len + least);

		if (x->backoff_ms && b->reqs[i].id != MX_ROP_RELEASE) {
			x->wr.cap = x->cap;
			put_backoff(x, b->reqs[i].logon_id);
			return false;
		}
		later -= least;
		x->wr.cap = x->cap > later ? x->cap - later : 0;
		if (x->wr.len + least > x->wr.cap && later)
			x->wr.cap = x->cap;
		if (x->wr.len + least <= x->wr.cap) {
			*chain = (struct mx_chain){.allowed = i + 1 == b->n};
			need = mx_dispatch(x, &b->reqs[i], chain);
		}
		if (need < 0) {
			*ret_ec = MX_EC_ERROR;
			return false;
		}
		if (need > 0) {
			*chain = (struct mx_chain){0};
			if (!i && need > MX_MAX_ROP_PAYLOAD)
				*ret_ec = MX_EC_BUFFER_TOO_SMALL;
			else
				put_too_small(x, b, i, (size_t)need);
			return false;
		}
	}
	x->wr.cap = x->cap;
	if (b->unsupported)
		put_unsupported(x, b);
	return true;
}

/* RopNotify for what is queued, RopPending when not all of it fits. */
static void put_notes(struct mx_exec *x)
{
	struct mx_note *n;

	x->wr.cap = x->cap;
	while ((n = mx_note_take(x->ctx))) {
		struct mx_rop_res res = {.id = MX_ROP_NOTIFY};
		size_t begin = x->wr.len;

		res.notify.notification_handle = n->handle;
		res.notify.logon_id = n->logon_id;
		res.notify.notification_data = n->data;
		mx_rop_res_encode(&x->wr, &res);
		if (x->wr.len > x->wr.cap) {
			x->wr.len = begin;
			mx_note_put_back(x->ctx, n);
			x->wr.cap = x->cap + PENDING_SIZE;
			mx_wr_u8(&x->wr, MX_ROP_PENDING);
			mx_wr_u16(&x->wr, 0);
			return;
		}
		free(n);
	}
}

static bool goes_on(const struct mx_exec *x, const struct batch *b,
		    const struct mx_chain *chain, unsigned flags, size_t left,
		    unsigned n_buffers)
{
	uint8_t id = b->n ? b->reqs[b->n - 1].id : 0;

	if (!(flags & MX_EXECUTE_CHAIN) || !chain->again || b->unsupported ||
	    n_buffers >= MX_MAX_ROP_CHAIN)
		return false;
	return left >= (id == MX_ROP_QUERY_ROWS ? CHAIN_ROWS : CHAIN_STREAM);
}

/* One more buffer with the last ROP's next answer.  False: there is none. */
static bool run_again(struct mx_exec *x, const struct batch *b,
		      struct mx_chain *chain, size_t left)
{
	if (!open_buffer(x, left))
		return false;
	return mx_dispatch(x, &b->reqs[b->n - 1], chain) == 0;
}

static uint32_t run(struct mx_exec *x, const struct batch *b,
		    const struct mx_execute_req *req, size_t max,
		    struct mx_buf *out)
{
	struct mx_chain chain = {0};
	unsigned n_buffers = 0;
	uint32_t ec = MX_EC_OK;
	size_t header;
	bool clean;

	if (!open_buffer(x, max))
		return MX_EC_BUFFER_TOO_SMALL;
	clean = run_batch(x, b, &chain, &ec);
	if (ec)
		return ec;
	for (;;) {
		bool more = goes_on(x, b, &chain, req->flags, max - out->len,
				    n_buffers + 1);

		if (clean && !more) {
			/* Tables may be in any mailbox: next time. */
			if (!x->light)
				mx_tables_collect(x);
			put_notes(x);
		}
		if (close_buffer(x, req->flags, out, &header) < 0)
			return MX_EC_NO_MEMORY;
		n_buffers++;
		if (!more ||
		    !goes_on(x, b, &chain, req->flags, max - out->len,
			     n_buffers) ||
		    !run_again(x, b, &chain, max - out->len))
			break;
	}
	out->p[header + 2] |= MX_RPCEXT_LAST;
	return MX_EC_OK;
}

/* ---- Without waiting ---- */

/* A body may have to be made out of another one, which takes its time. */
static bool has_body(const struct mx_tags *tags)
{
	for (uint32_t i = 0; i < tags->n; i++)
		switch (MX_PROP_ID(tags->p[i])) {
		case 0x1000: /* PR_BODY */
		case 0x1009: /* PR_RTF_COMPRESSED */
		case 0x1013: /* PR_HTML */
			return true;
		}
	return false;
}

/* ROPs that read what the mailbox has at hand, and no more than an answer's worth
 * of it.  Tables are not among them: a view may have to be made. */
static bool is_light(const struct mx_rop_req *req, const struct mx_sobj *in)
{
	switch (req->id) {
	case MX_ROP_GET_PROPERTIES_SPECIFIC:
		return !has_body(&req->get_properties_specific.property_tags);
	case MX_ROP_OPEN_FOLDER:
	case MX_ROP_GET_PROPERTIES_LIST:
	case MX_ROP_GET_STREAM_SIZE:
		return true;
	case MX_ROP_RELEASE:
		return !in || in->kind == MX_S_FOLDER ||
		       in->kind == MX_S_MESSAGE || in->kind == MX_S_ATTACH;
	default:
		return false;
	}
}

/* The one mailbox that the batch is about; NULL when it is for a worker. */
static struct mx_mbox *light_mbox(struct mx_ctx *ctx, const struct batch *b)
{
	struct mx_mbox *mb = NULL;
	struct mx_sobj *so;
	bool dirty;

	mx_mutex_lock(&ctx->lock);
	dirty = ctx->tables_dirty;
	mx_mutex_unlock(&ctx->lock);
	if (dirty || b->unsupported || b->n > LIGHT_ROPS)
		return NULL;
	for (uint32_t i = 0; i < b->buf.n_handles; i++) {
		so = mx_objects_get(&ctx->objects, b->buf.handles[i]);
		if (so && mb && so->mbox && !mx_mbox_same(mb, so->mbox))
			return NULL;
		if (so && so->mbox)
			mb = so->mbox;
	}
	for (uint32_t i = 0; i < b->n; i++) {
		uint8_t in = b->reqs[i].hindex;

		so = in < b->buf.n_handles
			     ? mx_objects_get(&ctx->objects, b->buf.handles[in])
			     : NULL;
		if (!is_light(&b->reqs[i], so))
			return NULL;
	}
	return mb;
}

bool mx_execute_looks_light(const uint8_t *body, size_t n)
{
	static const size_t flags = 8 + 2, first = 8 + MX_RPCEXT_HEADER + 2;
	struct mx_rop_req req = {0};

	if (n <= first || n > LIGHT_BODY ||
	    body[flags] & (MX_RPCEXT_COMPRESSED | MX_RPCEXT_XORMAGIC))
		return false;
	req.id = body[first];
	return is_light(&req, NULL);
}

/* ---- The whole ---- */

static bool execute(struct mx_ctx *ctx, const struct mx_execute_req *req,
		    struct mx_arena *arena, struct mx_buf *out,
		    struct mx_execute_res *res, bool light, unsigned backoff_ms)
{
	MX_AUTO(mx_arena_auto) struct mx_arena in = MX_ARENA_INIT;
	MX_AUTO(mx_free_auto) uint8_t *room = NULL;
	size_t max = req->max_rop_out;
	struct mx_exec x = {.ctx = ctx,
			    .arena = arena,
			    .light = light,
			    .backoff_ms = backoff_ms};
	struct mx_mbox *mb = NULL;
	struct batch b = {0};
	int r;

	*res = (struct mx_execute_res){0};
	if (max > MX_MAX_ROP_OUT)
		max = MX_MAX_ROP_OUT;
	if (max < MX_RPCEXT_HEADER) {
		res->error_code = MX_EC_RPC_FAILED;
		return true;
	}
	r = decode(&b, req->rop_buffer, &in);
	if (r < 0) {
		res->error_code = r == -ENOMEM ? MX_EC_NO_MEMORY
					       : MX_EC_RPC_FORMAT;
		return true;
	}
	room = malloc(MX_MAX_ROP_PAYLOAD);
	x.n_handles = b.buf.n_handles;
	x.handles = mx_arena_dup(arena, b.buf.handles, 4 * b.buf.n_handles);
	mx_wr_init(&x.wr, room, 0);
	if (!room || !x.handles) {
		res->error_code = MX_EC_NO_MEMORY;
		return true;
	}
	if (light) {
		mb = light_mbox(ctx, &b);
		if (!mb || !mx_mbox_try(mb))
			return false;
	}
	res->error_code = run(&x, &b, req, max, out);
	if (mb)
		mx_mbox_done(mb);
	if (res->error_code)
		mx_buf_reset(out);
	res->rop_buffer = (struct mx_bin){(uint32_t)out->len, out->p};
	return true;
}

void mx_execute(struct mx_ctx *ctx, const struct mx_execute_req *req,
		unsigned backoff_ms, struct mx_arena *arena, struct mx_buf *out,
		struct mx_execute_res *res)
{
	execute(ctx, req, arena, out, res, false, backoff_ms);
}

bool mx_execute_light(struct mx_ctx *ctx, const struct mx_execute_req *req,
		      struct mx_arena *arena, struct mx_buf *out,
		      struct mx_execute_res *res)
{
	return execute(ctx, req, arena, out, res, true, 0);
}
