/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "session/batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "session/rop-info.h"
#include "session/run.h"
#include "session/session-private.h"

/* What add returns when it fails, so that callers need not look each time. */
static struct mx_op *failed_op(struct mx_batch *b, int err)
{
	static _Thread_local struct mx_op nowhere;

	if (!b->err)
		b->err = err;
	nowhere = (struct mx_op){0};
	return &nowhere;
}

void mx_batch_init(struct mx_batch *b)
{
	*b = (struct mx_batch){0};
	mx_list_init(&b->ops);
}

static void drop_ops(struct mx_batch *b)
{
	MX_LIST_FOR_EACH(it, &b->ops) {
		struct mx_op *op = MX_CONTAINER_OF(it, struct mx_op, link);

		mx_sobj_unref(op->obj);
		mx_sobj_unref(op->second);
	}
	mx_list_init(&b->ops);
	b->n_ops = 0;
	b->err = 0;
}

void mx_batch_fini(struct mx_batch *b)
{
	drop_ops(b);
	mx_arena_fini(&b->arena);
}

void mx_batch_reset(struct mx_batch *b)
{
	drop_ops(b);
	mx_arena_reset(&b->arena);
}

static struct mx_op *add(struct mx_batch *b, struct mx_sobj *obj,
			 struct mx_sobj *second, enum mx_op_role role)
{
	struct mx_op *op;

	if (b->n_ops >= MX_MAX_ROPS)
		return failed_op(b, -E2BIG);
	op = mx_arena_new(&b->arena, struct mx_op);
	if (!op)
		return failed_op(b, -ENOMEM);
	op->role = role;
	op->obj = mx_sobj_ref(obj);
	op->second = second ? mx_sobj_ref(second) : NULL;
	mx_list_push_tail(&b->ops, &op->link);
	b->n_ops++;
	return op;
}

struct mx_op *mx_batch_add2(struct mx_batch *b, struct mx_sobj *obj,
			    struct mx_sobj *second,
			    const struct mx_rop_req *req)
{
	bool two = req->id == MX_ROP_MOVE_COPY_MESSAGES ||
		   (mx_rop_flags(req->id) & MX_ROPF_RESPONSE);
	struct mx_op *op;

	if (!(mx_rop_flags(req->id) & MX_ROPF_CALL) || (second && !two) ||
	    (req->id == MX_ROP_MOVE_COPY_MESSAGES && !second))
		return failed_op(b, -EINVAL);
	op = add(b, obj, second, MX_OP_ROLE_CALL);
	op->req = *req;
	/* Where a seek ends is how its table is found again. */
	if (req->id == MX_ROP_SEEK_ROW)
		op->req.seek_row.want_row_moved_count = true;
	return op;
}

struct mx_op *mx_batch_add(struct mx_batch *b, struct mx_sobj *obj,
			   const struct mx_rop_req *req)
{
	return mx_batch_add2(b, obj, NULL, req);
}

struct mx_op *mx_batch_open(struct mx_batch *b, struct mx_sobj *obj)
{
	return add(b, obj, NULL, MX_OP_ROLE_OPEN);
}

struct mx_op *mx_batch_failed(struct mx_batch *b)
{
	MX_LIST_FOR_EACH(it, &b->ops) {
		struct mx_op *op = MX_CONTAINER_OF(it, struct mx_op, link);

		if (op->answered && op->code)
			return op;
	}
	return NULL;
}

int mx_op_fault(const struct mx_op *op, struct mx_fault *fault)
{
	struct mx_session *s;

	if (!op->answered || !op->code)
		return 0;
	if (!fault)
		return -EREMOTEIO;
	s = op->obj->logon->s;
	*fault = MX_FAULT_INIT;
	mx_fault_who(fault, mx_userctx_display(s->user), s->server);
	snprintf(fault->op, sizeof(fault->op), "Rop%s", mx_rop_name(op->blame));
	fault->rop_id = op->blame;
	return mx_fault_set(fault, MX_LAYER_ROP, op->code, -EREMOTEIO,
			    "the server refused the operation");
}

int mx_rop_call(struct mx_batch *b, struct mx_sobj *obj,
		const struct mx_rop_req *req, const struct mx_call *call,
		const struct mx_rop_res **ret)
{
	struct mx_op *op = mx_batch_add(b, obj, req);
	int err = mx_batch_run(b, call);

	if (!err)
		err = mx_op_fault(op, call ? call->fault : NULL);
	if (!err && ret)
		*ret = op->res;
	return err;
}
