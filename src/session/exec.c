/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planning an Execute.  In front of each operation goes what it needs and the
 * server does not have: its logon, its parents, itself, its deferred ROPs.
 * Each ROP is added whole or not at all; where the buffer or the handle table is
 * full planning stops, and the rest goes into the next Execute, which finds
 * open what this one opened.  [MS-OXCROPS] 3.1.4.1
 */
#include <errno.h>

#include "session/exec-private.h"
#include "session/rop-info.h"
#include "wire/bodies.h"
#include "wire/rpcext.h"

/* --- Releases ----------------------------------------------------------- */

static void put_releases(struct mx_run *r)
{
	struct mx_ctx *ctx = r->ctx;
	struct mx_exec *ex = &r->ex;

	for (size_t i = 0; i < ctx->n_releases && i < MX_RELEASES_PER_EXECUTE &&
			   mx_exec_room(ex) >= 16;
	     i++) {
		const struct mx_release *rel = &ctx->releases[i];
		uint8_t *p = ex->rops + ex->n_rops;
		int slot = mx_exec_slot(ex, NULL, rel->handle);

		if (slot < 0)
			break;
		p[0] = MX_ROP_RELEASE;
		p[1] = rel->logon_id;
		p[2] = (uint8_t)slot;
		ex->n_rops += 3;
		ex->n_released++;
	}
}

/* --- Operations --------------------------------------------------------- */

static void blame(struct mx_op *op, const struct mx_sobj *o)
{
	op->answered = true;
	op->code = o->fail_code;
	op->blame = o->fail_rop;
	op->res = NULL;
}

/* The second object of a ROP.  SaveChangesAttachment names the message that the
 * attachment is in; gromox refuses it otherwise.  [MS-OXCMSG] R876 */
static struct mx_sobj *second_of(const struct mx_op *op)
{
	if (!op->second && op->req.id == MX_ROP_SAVE_CHANGES_ATTACHMENT)
		return op->obj->parent;
	return op->second;
}

static void set_indexes(struct mx_op *op)
{
	struct mx_rop_req *req = &op->req;
	struct mx_sobj *other = second_of(op);
	uint8_t in = op->obj->slot;
	uint8_t second = other ? other->slot : in;

	req->logon_id = op->obj->logon->id;
	req->hindex = in;
	switch (req->id) {
	case MX_ROP_SAVE_CHANGES_MESSAGE:
		req->hindex = second;
		req->save_changes_message.input_handle_index = in;
		break;
	case MX_ROP_SAVE_CHANGES_ATTACHMENT:
		req->hindex = second;
		req->save_changes_attachment.input_handle_index = in;
		break;
	case MX_ROP_SET_MESSAGE_READ_FLAG:
		req->hindex = second;
		req->set_message_read_flag.input_handle_index = in;
		break;
	case MX_ROP_MOVE_COPY_MESSAGES:
		req->move_copy_messages.dest_handle_index = second;
		break;
	default:
		break;
	}
}

static int put_call(struct mx_run *r, struct mx_op *op)
{
	struct mx_exec *ex = &r->ex;
	struct mx_item *it = mx_exec_item(ex);
	struct mx_wr wr;

	if (!it)
		return -ENOMEM;
	set_indexes(op);
	mx_wr_init(&wr, ex->rops + ex->n_rops, mx_exec_room(ex));
	wr.public_logon = op->obj->logon->public_store;
	mx_rop_req_encode(&wr, &op->req);
	if (wr.err)
		return wr.err;
	if (wr.len > wr.cap)
		return -ENOSPC;
	it->what = MX_ITEM_CALL;
	it->obj = op->obj;
	it->op = op;
	it->hindex = op->req.hindex;
	mx_exec_commit(ex, it, wr.len);
	return 0;
}

/* After a ROP that leaves a table somewhere: ask where, if there is room. */
static void put_note(struct mx_exec *ex, const struct mx_op *op)
{
	const struct mx_rop_req *req = &op->req;
	struct mx_item *it;
	uint8_t *p = ex->rops + ex->n_rops;

	if (req->id != MX_ROP_FIND_ROW &&
	    (req->id != MX_ROP_SEEK_ROW || req->seek_row.origin != 2))
		return;
	it = mx_exec_room(ex) >= 3 ? mx_exec_item(ex) : NULL;
	if (!it)
		return;
	p[0] = MX_ROP_QUERY_POSITION;
	p[1] = req->logon_id;
	p[2] = op->obj->slot;
	it->what = MX_ITEM_NOTE;
	it->obj = op->obj;
	it->hindex = p[2];
	mx_exec_commit(ex, it, 3);
}

/* RopSetMessageReadFlag has another layout on a public logon, and gromox reads
 * all ROPs before it runs the first: it knows only logons of earlier requests. */
static bool waits_for_logon(const struct mx_op *op)
{
	return op->req.id == MX_ROP_SET_MESSAGE_READ_FLAG &&
	       !mx_sobj_live(&op->obj->logon->o);
}

static int plan_call(struct mx_run *r, struct mx_op *op)
{
	struct mx_sobj *second = second_of(op);
	int err = mx_exec_need(r, op->obj, NULL, 0);

	if (err == MX_NEED_FAILED)
		blame(op, op->obj);
	if (err)
		return err;
	if (second) {
		err = mx_exec_need(r, second, NULL, 0);
		if (err == MX_NEED_FAILED)
			blame(op, second);
		if (err)
			return err;
	}
	err = waits_for_logon(op) ? -ENOSPC : put_call(r, op);
	if (!err)
		put_note(&r->ex, op);
	return err;
}

/* Someone else's operation, or this batch's own, may have opened it already. */
static int plan_open(struct mx_run *r, struct mx_op *op)
{
	bool open = mx_exec_has(&r->ex, op->obj) || mx_sobj_live(op->obj);
	int err = mx_exec_need(r, op->obj, op, 0);

	if (err == MX_NEED_FAILED) {
		blame(op, op->obj);
	} else if (!err && open) {
		op->answered = true;
		op->blame = op->obj->open->p[0];
	}
	return err;
}

static int plan_locked(struct mx_run *r) MX_LOCKED
{
	struct mx_exec *ex = &r->ex;
	int err = 0;

	put_releases(r);
	MX_LIST_FOR_EACH(n, &r->batch->ops) {
		struct mx_op *op = MX_CONTAINER_OF(n, struct mx_op, link);

		if (op->answered)
			continue;
		if (r->max_items && ex->n_items >= r->max_items)
			break;
		if (mx_sobj_ctx(op->obj) != r->ctx ||
		    (op->second && mx_sobj_ctx(op->second) != r->ctx))
			return -EXDEV;
		err = op->role == MX_OP_ROLE_OPEN ? plan_open(r, op)
						  : plan_call(r, op);
		if (err == MX_NEED_FAILED)
			err = 0;
		if (err)
			break;
	}
	ex->chain =
		r->batch->chain && ex->n_items &&
		(mx_rop_flags(ex->items[ex->n_items - 1].rop) & MX_ROPF_PACKS);
	if (err == -ENOSPC)
		err = ex->n_items || ex->n_released ? 0 : -EMSGSIZE;
	return err;
}

static int plan_fault(struct mx_run *r, int err)
{
	switch (err) {
	case -EMSGSIZE:
		return mx_fault_set(r->fault, MX_LAYER_LOCAL, EMSGSIZE, err,
				    "one operation does not fit into a request "
				    "of 32 KiB; larger values go by stream");
	case -EXDEV:
		return mx_fault_set(r->fault, MX_LAYER_LOCAL, EXDEV, err,
				    "the mailboxes are in different session "
				    "contexts");
	case -EINVAL:
		return mx_fault_set(r->fault, MX_LAYER_LOCAL, EINVAL, err,
				    "a value does not fit its field");
	default:
		return err;
	}
}

int mx_exec_plan(struct mx_run *r)
{
	int err = mx_exec_reset(r);

	if (err)
		return err;
	mx_mutex_lock(&r->ctx->s->lock);
	r->epoch = r->ctx->epoch;
	if (r->batch)
		err = plan_locked(r);
	else
		put_releases(r);
	mx_mutex_unlock(&r->ctx->s->lock);
	return plan_fault(r, err);
}

bool mx_exec_done(const struct mx_run *r)
{
	if (!r->batch)
		return true;
	MX_LIST_FOR_EACH(n, &r->batch->ops)
		if (!MX_CONTAINER_OF(n, struct mx_op, link)->answered)
			return false;
	return true;
}

int mx_exec_encode(struct mx_run *r)
{
	MX_AUTO(mx_buf_auto) struct mx_buf rops = MX_BUF_INIT;
	struct mx_execute_req req = {.max_rop_out = r->max_out};
	struct mx_wr size = {0}, wr;
	int err;

	req.flags = MX_EXECUTE_NO_XORMAGIC;
	if (r->ctx->s->loopback)
		req.flags |= MX_EXECUTE_NO_COMPRESSION;
	if (r->ex.chain)
		req.flags |= MX_EXECUTE_CHAIN;
	err = mx_rpcext_pack(&rops, MX_RPCEXT_LAST, r->ex.rops, r->ex.n_rops,
			     r->ex.handles, r->ex.n_handles);
	if (err)
		return err;
	req.rop_buffer = (struct mx_bin){.n = (uint32_t)rops.len, .p = rops.p};
	mx_execute_req_encode(&size, &req);
	mx_buf_reset(&r->body);
	if (!mx_buf_room(&r->body, size.len))
		return -ENOMEM;
	mx_wr_init(&wr, r->body.p, size.len);
	mx_execute_req_encode(&wr, &req);
	r->body.len = size.len;
	return mx_wr_end(&wr);
}
