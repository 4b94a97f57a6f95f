/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What streams hold back: sent by whoever needs it sent, at the latest by the
 * owner's SaveChanges, which is left those that were released before.
 */
#include <errno.h>

#include "api/strm-private.h"

#define WRITE_MAX 30000 /* in one WriteStream */

void mx_strm_hold(struct mx_strm *s)
{
	struct mx_obj *o = s->obj.parent;

	mx_mutex_lock(&o->lock);
	if (!s->linked) {
		mx_list_push_tail(&o->unsent, &s->unsent);
		atomic_fetch_add(&o->n_unsent, 1);
	}
	s->linked = true;
	mx_mutex_unlock(&o->lock);
}

static void mark_sent(struct mx_strm *s)
{
	struct mx_obj *o = s->obj.parent;

	mx_mutex_lock(&o->lock);
	mx_list_unlink(&s->unsent);
	atomic_fetch_sub(&o->n_unsent, s->linked);
	s->linked = false;
	mx_mutex_unlock(&o->lock);
}

ULONG mx_strm_release(IStream *p)
{
	struct mx_strm *s = mx_strm_of(p);
	struct mx_obj *owner = s->obj.parent;
	bool keep = false;
	unsigned n;

	if (mx_obj_inherited(s))
		return mx_obj_release(&s->obj);
	mx_mutex_lock(&owner->lock);
	n = atomic_fetch_sub(&s->obj.refs, 1) - 1;
	if (!n && s->linked)
		keep = s->orphan = true;
	mx_mutex_unlock(&owner->lock);
	if (keep) {
		mx_obj_release(owner);
	} else if (!n) {
		atomic_store(&s->obj.refs, 1);
		mx_obj_release(&s->obj);
	}
	return n;
}

/* Frees an orphan; its owner is alive or on its way out, never released. */
static void orphan_free(struct mx_strm *s)
{
	s->obj.parent = NULL;
	atomic_store(&s->obj.refs, 1);
	mx_obj_release(&s->obj);
}

void mx_strm_drop_all(struct mx_obj *o)
{
	struct mx_list *l;

	/* Only orphans: a stream in use would keep its owner. */
	while ((l = mx_list_pop(&o->unsent)))
		orphan_free(MX_CONTAINER_OF(l, struct mx_strm, unsent));
}

static void add_writes(struct mx_batch *b, struct mx_strm *s, const uint8_t *p,
		       size_t n)
{
	for (size_t at = 0; at < n; at += WRITE_MAX) {
		struct mx_rop_req req = {.id = MX_ROP_WRITE_STREAM};

		req.write_stream.data.p = p + at;
		req.write_stream.data.n =
			(uint32_t)(n - at < WRITE_MAX ? n - at : WRITE_MAX);
		mx_batch_add(b, s->obj.so, &req);
	}
}

void mx_strm_add_seek(struct mx_batch *b, struct mx_strm *s, uint64_t at)
{
	struct mx_rop_req req = {.id = MX_ROP_SEEK_STREAM};

	req.seek_stream.offset = (int64_t)at;
	if (s->wire != at)
		mx_batch_add(b, s->obj.so, &req);
}

int mx_strm_run(struct mx_do *d, struct mx_batch *b)
{
	int err = mx_batch_run(b, &d->call);
	struct mx_op *bad = err ? NULL : mx_batch_failed(b);

	return bad ? mx_op_fault(bad, &d->fault) : err;
}

int mx_strm_flush(struct mx_do *d, struct mx_strm *s, bool commit)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_COMMIT_STREAM};
	uint64_t end = s->wire;
	uint8_t *p;
	size_t n;
	int err;

	mx_batch_init(&b);
	if (s->text && s->changed) {
		p = mx_strm_text_wire(&b.arena, s, &n);
		if (!p)
			return -ENOMEM;
		mx_strm_add_seek(&b, s, 0);
		add_writes(&b, s, p, n);
		req.id = MX_ROP_SET_STREAM_SIZE;
		req.set_stream_size.stream_size = n;
		mx_batch_add(&b, s->obj.so, &req);
		req = (struct mx_rop_req){.id = MX_ROP_COMMIT_STREAM};
		commit = true;
		end = n;
	} else if (s->held.len) {
		mx_strm_add_seek(&b, s, s->held_at);
		add_writes(&b, s, s->held.p, s->held.len);
		end = s->held_at + s->held.len;
	} else if (!commit) {
		return 0;
	}
	if (commit)
		mx_batch_add(&b, s->obj.so, &req);
	err = mx_strm_run(d, &b);
	if (err)
		return err;
	s->wire = end;
	s->changed = false;
	mx_buf_reset(&s->held);
	mark_sent(s);
	return 0;
}

/* Takes the next stream with bytes held back, with a reference. */
static struct mx_strm *next_unsent(struct mx_obj *o)
{
	struct mx_strm *s = NULL;

	if (!atomic_load(&o->n_unsent))
		return NULL;
	mx_mutex_lock(&o->lock);
	if (!mx_list_empty(&o->unsent)) {
		s = MX_CONTAINER_OF(o->unsent.next, struct mx_strm, unsent);
		if (!s->orphan)
			atomic_fetch_add(&s->obj.refs, 1);
	}
	mx_mutex_unlock(&o->lock);
	return s;
}

int mx_strm_flush_all(struct mx_do *d, struct mx_obj *o)
{
	struct mx_strm *s;

	while ((s = next_unsent(o))) {
		bool orphan;
		int err = mx_turn_begin(d, &s->obj);

		if (!err) {
			err = mx_strm_flush(d, s, true);
			/* Sent by someone else before our turn came. */
			if (!err)
				mark_sent(s);
			mx_turn_end(&s->obj);
		}
		mx_mutex_lock(&o->lock);
		orphan = s->orphan;
		mx_mutex_unlock(&o->lock);
		if (!orphan)
			mx_strm_release((IStream *)(void *)s);
		else if (!err)
			orphan_free(s);
		if (err)
			return err;
	}
	return 0;
}
