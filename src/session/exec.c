/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planning an Execute.  In front of each operation goes what it needs and the
 * server does not have: its logon, its parents, itself, its deferred ROPs.
 * Each ROP is added whole or not at all; where the buffer or the handle table is
 * full planning stops, and the rest goes into the next Execute, which finds
 * open what this one opened.  [MS-OXCROPS] 3.1.4.1
 */
#include "session/exec.h"

#include <errno.h>
#include <stdlib.h>

#include "session/rop-info.h"
#include "session/run.h"
#include "wire/bodies.h"
#include "wire/rpcext.h"

/* Objects above objects: attachments and embedded messages alternate. */
#define MAX_DEPTH (4 * MX_MAX_EMBED_DEPTH)
/* Handles in one Execute: an index is one byte, 255 means none. */
#define N_SLOTS 255

enum need {
	NEED_OK = 0,
	NEED_FAILED = 1, /* the object's opening failed in this run */
};

void mx_exec_fini(struct mx_exec *ex)
{
	free(ex->items);
	free(ex->block);
	ex->items = NULL;
	ex->block = NULL;
	ex->slots = NULL;
	ex->handles = NULL;
	ex->rops = NULL;
}

/* Runs that send no Execute, and those that wait, do without. */
static int make_block(struct mx_exec *ex)
{
	const size_t slots = N_SLOTS * sizeof(*ex->slots);
	const size_t handles = N_SLOTS * sizeof(*ex->handles);
	char *p = malloc(slots + handles + MX_MAX_ROP_PAYLOAD);

	if (!p)
		return -ENOMEM;
	ex->block = p;
	ex->slots = (struct mx_sobj **)(void *)p;
	ex->handles = (uint32_t *)(void *)(p + slots);
	ex->rops = (uint8_t *)p + slots + handles;
	return 0;
}

static int exec_reset(struct mx_run *r)
{
	struct mx_exec *ex = &r->ex;

	if (!ex->block && make_block(ex))
		return -ENOMEM;
	ex->n_handles = ex->n_items = ex->n_released = 0;
	ex->n_rops = 0;
	ex->resend = true;
	ex->chain = ex->pending = ex->all_lost = false;
	ex->backoff_ms = ex->size_needed = 0;
	ex->seq = ++r->ctx->exec_seq;
	if (!ex->seq)
		ex->seq = ++r->ctx->exec_seq;
	return 0;
}

/* Bytes a ROP may still take. */
static size_t room(const struct mx_exec *ex)
{
	size_t used = 2 + ex->n_rops + 4 * (size_t)ex->n_handles;

	return used < MX_MAX_ROP_PAYLOAD ? MX_MAX_ROP_PAYLOAD - used : 0;
}

static int new_slot(struct mx_exec *ex, struct mx_sobj *o, uint32_t handle)
{
	if (ex->n_handles == N_SLOTS || room(ex) < 4)
		return -ENOSPC;
	ex->slots[ex->n_handles] = o;
	ex->handles[ex->n_handles] = handle;
	if (o) {
		o->slot = (uint8_t)ex->n_handles;
		o->slot_seq = ex->seq;
	}
	return (int)ex->n_handles++;
}

static bool has_slot(const struct mx_exec *ex, const struct mx_sobj *o)
{
	return o->slot_seq == ex->seq && o->slot < ex->n_handles &&
	       ex->slots[o->slot] == o;
}

static struct mx_item *new_item(struct mx_exec *ex)
{
	unsigned cap = ex->cap_items ? 2 * ex->cap_items : 16;
	struct mx_item *p = ex->items;

	if (ex->n_items == ex->cap_items) {
		p = realloc(ex->items, cap * sizeof(*p));
		if (!p)
			return NULL;
		ex->items = p;
		ex->cap_items = cap;
	}
	p += ex->n_items;
	*p = (struct mx_item){0};
	return p;
}

/* Makes the item part of the Execute; its bytes are in place already. */
static void commit(struct mx_exec *ex, struct mx_item *it, size_t n)
{
	it->at = (uint16_t)ex->n_rops;
	it->n = (uint16_t)n;
	it->rop = ex->rops[ex->n_rops];
	if (!mx_rop_resend(ex->rops + ex->n_rops, n))
		ex->resend = false;
	ex->n_rops += n;
	ex->n_items++;
}

/* --- Releases ----------------------------------------------------------- */

static void put_releases(struct mx_run *r)
{
	struct mx_ctx *ctx = r->ctx;
	struct mx_exec *ex = &r->ex;

	for (size_t i = 0; i < ctx->n_releases && i < MX_RELEASES_PER_EXECUTE &&
			   room(ex) >= 16;
	     i++) {
		const struct mx_release *rel = &ctx->releases[i];
		uint8_t *p = ex->rops + ex->n_rops;
		int slot = new_slot(ex, NULL, rel->handle);

		if (slot < 0)
			break;
		p[0] = MX_ROP_RELEASE;
		p[1] = rel->logon_id;
		p[2] = (uint8_t)slot;
		ex->n_rops += 3;
		ex->n_released++;
	}
}

/* --- What an object needs ----------------------------------------------- */

static const char *kind_name(const struct mx_sobj *o)
{
	static const char *const names[] = {
		[MX_SOBJ_LOGON] = "mailbox",
		[MX_SOBJ_FOLDER] = "folder",
		[MX_SOBJ_MESSAGE] = "message",
		[MX_SOBJ_ATTACHMENT] = "attachment",
		[MX_SOBJ_TABLE] = "table",
		[MX_SOBJ_STREAM] = "stream",
		[MX_SOBJ_SUBSCRIPTION] = "subscription",
	};

	return names[o->kind];
}

static int stale(struct mx_run *r, const struct mx_sobj *o, const char *why)
{
	return mx_fault_set(r->fault, MX_LAYER_LOCAL, ESTALE, -ESTALE,
			    "the %s was lost with the session context: %s",
			    kind_name(o), why);
}

const char *mx_sobj_why_lost(const struct mx_sobj *o)
{
	if (!o->opened)
		return NULL;
	if (o->dirty)
		return "it had unsaved changes";
	if (o->gone)
		return "it was submitted";
	if (!o->open || o->created)
		return "how to open it again is not known";
	return o->pos < 0 ? "its position is not known" : NULL;
}

/* May an object that was lost open itself again? */
static int may_reopen(struct mx_run *r, const struct mx_sobj *o)
{
	const char *why = mx_sobj_why_lost(o);

	return why ? stale(r, o, why) : 0;
}

static int defer_front(struct mx_sobj *o, const uint8_t *rop, size_t n)
{
	struct mx_deferred *d = calloc(1, sizeof(*d));

	if (d)
		d->rop = mx_rop_bytes_dup(rop, n);
	if (!d || !d->rop) {
		free(d);
		return -ENOMEM;
	}
	d->restore = true;
	mx_list_push_head(&o->deferred, &d->link);
	return 0;
}

static int defer_seek(struct mx_sobj *o)
{
	uint8_t rop[13] = {0};
	size_t n = 12;

	if (o->pos <= 0)
		return 0;
	if (o->kind == MX_SOBJ_TABLE) {
		rop[0] = MX_ROP_SEEK_ROW; /* origin 0, RowCount, want */
		for (int i = 0; i < 4; i++)
			rop[4 + i] = (uint8_t)(o->pos >> (8 * i));
		rop[8] = 1;
		n = 9;
	} else {
		rop[0] = MX_ROP_SEEK_STREAM;
		for (int i = 0; i < 8; i++)
			rop[4 + i] = (uint8_t)((uint64_t)o->pos >> (8 * i));
	}
	return defer_front(o, rop, n);
}

/* Queues, in front of what is deferred already, what makes a reopened object
 * what it was. */
static int restore(struct mx_sobj *o)
{
	struct mx_rop_bytes *const keep[] = {o->restr, o->sort, o->set_columns};
	int err;

	MX_LIST_FOR_EACH_SAFE(it, &o->deferred) {
		struct mx_deferred *d =
			MX_CONTAINER_OF(it, struct mx_deferred, link);

		if (!d->restore)
			continue;
		mx_list_unlink(&d->link);
		free(d->rop);
		free(d);
	}
	if (o->kind != MX_SOBJ_TABLE && o->kind != MX_SOBJ_STREAM)
		return 0;
	err = defer_seek(o);
	for (size_t i = 0; !err && i < MX_ARRAY_SIZE(keep); i++)
		if (keep[i])
			err = defer_front(o, keep[i]->p, keep[i]->n);
	return err;
}

/* Recorded bytes with this Execute's indexes. */
static int put_bytes(struct mx_exec *ex, struct mx_item *it, struct mx_sobj *o,
		     const struct mx_rop_bytes *b, int in, int out)
{
	uint8_t *p = ex->rops + ex->n_rops;

	if (room(ex) < b->n)
		return -ENOSPC;
	memcpy(p, b->p, b->n);
	p[1] = o->logon->id;
	p[2] = (uint8_t)in;
	if (out >= 0 && b->p[0] == MX_ROP_LOGON)
		p[2] = (uint8_t)out;
	else if (out >= 0)
		p[3] = (uint8_t)out;
	it->obj = o;
	it->out = (uint8_t)out;
	it->hindex = (uint8_t)(out >= 0 ? out : in);
	commit(ex, it, b->n);
	return 0;
}

static int put_deferred(struct mx_exec *ex, struct mx_sobj *o)
{
	MX_LIST_FOR_EACH(n, &o->deferred) {
		struct mx_deferred *d =
			MX_CONTAINER_OF(n, struct mx_deferred, link);
		struct mx_item *it;
		int err;

		if (d->seq == ex->seq)
			continue;
		it = new_item(ex);
		if (!it)
			return -ENOMEM;
		it->what = MX_ITEM_SETUP;
		it->def = d;
		err = put_bytes(ex, it, o, d->rop, o->slot, -1);
		if (err)
			return err;
		d->seq = ex->seq;
	}
	return 0;
}

static int need(struct mx_run *r, struct mx_sobj *o, struct mx_op *op,
		unsigned depth);

/* What the opening ROP takes as input: the parent, but folders and messages are
 * found from the logon as well, so a parent is not opened just for them. */
static struct mx_sobj *opener(const struct mx_exec *ex, struct mx_sobj *o)
{
	uint8_t rop = o->open->p[0];

	if ((rop == MX_ROP_OPEN_FOLDER || rop == MX_ROP_OPEN_MESSAGE) &&
	    !has_slot(ex, o->parent) && !mx_sobj_live(o->parent))
		return &o->logon->o;
	return o->parent;
}

static void fail_as(struct mx_run *r, struct mx_sobj *o,
		    const struct mx_sobj *why)
{
	o->fail_run = r->id;
	o->fail_code = why->fail_code;
	o->fail_rop = why->fail_rop;
}

static int put_open(struct mx_run *r, struct mx_sobj *o, struct mx_op *op,
		    unsigned depth)
{
	struct mx_exec *ex = &r->ex;
	struct mx_sobj *from = NULL;
	struct mx_item *it;
	int err, out;

	if (o->kind != MX_SOBJ_LOGON) {
		from = opener(ex, o);
		err = need(r, from, NULL, depth + 1);
		if (err == NEED_FAILED)
			fail_as(r, o, from);
		if (err)
			return err;
	}
	if (room(ex) < o->open->n + 4u)
		return -ENOSPC;
	out = new_slot(ex, o, MX_NO_HANDLE);
	if (out < 0)
		return out;
	it = new_item(ex);
	if (!it)
		return -ENOMEM;
	it->what = MX_ITEM_OPEN;
	it->from = from;
	it->op = op;
	return put_bytes(ex, it, o, o->open, from ? from->slot : out, out);
}

/* Sees to it that o has a slot: its handle, or the ROP that opens it and what
 * goes with that.  op: who wants to see the answer of the opening. */
static int need(struct mx_run *r, struct mx_sobj *o, struct mx_op *op,
		unsigned depth)
{
	struct mx_exec *ex = &r->ex;
	int err;

	if (o->fail_run == r->id)
		return NEED_FAILED;
	if (has_slot(ex, o))
		return put_deferred(ex, o);
	if (mx_sobj_live(o)) {
		err = new_slot(ex, o, o->handle);
		return err < 0 ? err : put_deferred(ex, o);
	}
	if (depth > MAX_DEPTH)
		return -ELOOP;
	err = may_reopen(r, o);
	if (!err && o->opened)
		err = restore(o);
	if (!err)
		err = put_open(r, o, op, depth);
	return err ? err : put_deferred(ex, o);
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
	struct mx_item *it = new_item(ex);
	struct mx_wr wr;

	if (!it)
		return -ENOMEM;
	set_indexes(op);
	mx_wr_init(&wr, ex->rops + ex->n_rops, room(ex));
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
	commit(ex, it, wr.len);
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
	it = room(ex) >= 3 ? new_item(ex) : NULL;
	if (!it)
		return;
	p[0] = MX_ROP_QUERY_POSITION;
	p[1] = req->logon_id;
	p[2] = op->obj->slot;
	it->what = MX_ITEM_NOTE;
	it->obj = op->obj;
	it->hindex = p[2];
	commit(ex, it, 3);
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
	int err = need(r, op->obj, NULL, 0);

	if (err == NEED_FAILED)
		blame(op, op->obj);
	if (err)
		return err;
	if (second) {
		err = need(r, second, NULL, 0);
		if (err == NEED_FAILED)
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
	bool open = has_slot(&r->ex, op->obj) || mx_sobj_live(op->obj);
	int err = need(r, op->obj, op, 0);

	if (err == NEED_FAILED) {
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
		if (err == NEED_FAILED)
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
	int err = exec_reset(r);

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
