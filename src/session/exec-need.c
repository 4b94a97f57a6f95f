/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an object needs to be in an Execute: its parents, the ROP that opens it,
 * and, when it was lost with its session context, what makes it what it was.
 */
#include <errno.h>
#include <stdlib.h>

#include "session/exec-private.h"
#include "wire/rpcext.h"

/* Objects above objects: attachments and embedded messages alternate. */
#define MAX_DEPTH (4 * MX_MAX_EMBED_DEPTH)

static int stale(struct mx_run *r, const struct mx_sobj *o, const char *why)
{
	return mx_fault_set(r->fault, MX_LAYER_LOCAL, ESTALE, -ESTALE,
			    "the %s was lost with the session context: %s",
			    mx_sobj_kind_name(o->kind), why);
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

	if (mx_exec_room(ex) < b->n)
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
	mx_exec_commit(ex, it, b->n);
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
		it = mx_exec_item(ex);
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

/* What the opening ROP takes as input: the parent, but folders and messages are
 * found from the logon as well, so a parent is not opened just for them. */
static struct mx_sobj *opener(const struct mx_exec *ex, struct mx_sobj *o)
{
	uint8_t rop = o->open->p[0];

	if ((rop == MX_ROP_OPEN_FOLDER || rop == MX_ROP_OPEN_MESSAGE) &&
	    !mx_exec_has(ex, o->parent) && !mx_sobj_live(o->parent))
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
		err = mx_exec_need(r, from, NULL, depth + 1);
		if (err == MX_NEED_FAILED)
			fail_as(r, o, from);
		if (err)
			return err;
	}
	if (mx_exec_room(ex) < o->open->n + 4u)
		return -ENOSPC;
	out = mx_exec_slot(ex, o, MX_NO_HANDLE);
	if (out < 0)
		return out;
	it = mx_exec_item(ex);
	if (!it)
		return -ENOMEM;
	it->what = MX_ITEM_OPEN;
	it->from = from;
	it->op = op;
	return put_bytes(ex, it, o, o->open, from ? from->slot : out, out);
}

int mx_exec_need(struct mx_run *r, struct mx_sobj *o, struct mx_op *op,
		 unsigned depth)
{
	struct mx_exec *ex = &r->ex;
	int err;

	if (o->fail_run == r->id)
		return MX_NEED_FAILED;
	if (mx_exec_has(ex, o))
		return put_deferred(ex, o);
	if (mx_sobj_live(o)) {
		err = mx_exec_slot(ex, o, o->handle);
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
