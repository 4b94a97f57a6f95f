/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects' lives: made of a recorded ROP, counted, released by hand-over.  What
 * the server's answers change in them is in track.c, when they are opened is in
 * exec-need.c.
 */
#include "session/sobj.h"

#include <errno.h>
#include <stdlib.h>

#include "session/rop-info.h"
#include "session/session-private.h"

const char *mx_sobj_kind_name(enum mx_sobj_kind kind)
{
	static const char *const names[MX_SOBJ_KINDS] = {
		[MX_SOBJ_LOGON] = "mailbox",
		[MX_SOBJ_FOLDER] = "folder",
		[MX_SOBJ_MESSAGE] = "message",
		[MX_SOBJ_ATTACHMENT] = "attachment",
		[MX_SOBJ_TABLE] = "table",
		[MX_SOBJ_STREAM] = "stream",
		[MX_SOBJ_SUBSCRIPTION] = "subscription",
	};

	return names[kind];
}

struct mx_rop_bytes *mx_rop_bytes_dup(const uint8_t *p, size_t n)
{
	struct mx_rop_bytes *b;

	if (n > UINT16_MAX)
		return NULL;
	b = malloc(sizeof(*b) + n);
	if (!b)
		return NULL;
	b->n = (uint16_t)n;
	memcpy(b->p, p, n);
	return b;
}

struct mx_rop_bytes *mx_rop_record(const struct mx_rop_req *req, int *ret_err)
{
	struct mx_wr size = {0}, wr;
	struct mx_rop_bytes *b;

	mx_rop_req_encode(&size, req);
	*ret_err = size.err;
	if (!size.err && size.len > MX_MAX_ROP_PAYLOAD)
		*ret_err = -EMSGSIZE;
	if (*ret_err)
		return NULL;
	b = malloc(sizeof(*b) + size.len);
	if (!b) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	b->n = (uint16_t)size.len;
	mx_wr_init(&wr, b->p, size.len);
	mx_rop_req_encode(&wr, req);
	return b;
}

void mx_sobj_init(struct mx_sobj *o, enum mx_sobj_kind kind)
{
	atomic_init(&o->refs, 1);
	o->kind = (uint8_t)kind;
	o->attach_num = UINT32_MAX;
	mx_list_init(&o->deferred);
}

static void deferred_free(struct mx_deferred *d)
{
	free(d->rop);
	free(d);
}

void mx_sobj_fini(struct mx_sobj *o)
{
	struct mx_list *it;

	while ((it = mx_list_pop(&o->deferred)))
		deferred_free(MX_CONTAINER_OF(it, struct mx_deferred, link));
	free(o->open);
	free(o->cols);
	free(o->set_columns);
	free(o->sort);
	free(o->restr);
}

/* The kind of object a ROP opens; -1 for one that opens none. */
static int kind_of(uint8_t rop)
{
	switch (rop) {
	case MX_ROP_OPEN_FOLDER:
	case MX_ROP_CREATE_FOLDER:
		return MX_SOBJ_FOLDER;
	case MX_ROP_OPEN_MESSAGE:
	case MX_ROP_CREATE_MESSAGE:
	case MX_ROP_OPEN_EMBEDDED_MESSAGE:
		return MX_SOBJ_MESSAGE;
	case MX_ROP_GET_HIERARCHY_TABLE:
	case MX_ROP_GET_CONTENTS_TABLE:
	case MX_ROP_GET_ATTACHMENT_TABLE:
		return MX_SOBJ_TABLE;
	case MX_ROP_OPEN_ATTACHMENT:
	case MX_ROP_CREATE_ATTACHMENT:
		return MX_SOBJ_ATTACHMENT;
	case MX_ROP_OPEN_STREAM:
		return MX_SOBJ_STREAM;
	case MX_ROP_REGISTER_NOTIFICATION:
		return MX_SOBJ_SUBSCRIPTION;
	default:
		return -1;
	}
}

static void note_ids(struct mx_sobj *o, const struct mx_rop_req *open)
{
	switch (open->id) {
	case MX_ROP_OPEN_FOLDER:
		o->fid = open->open_folder.folder_id;
		break;
	case MX_ROP_OPEN_MESSAGE:
		o->fid = open->open_message.folder_id;
		o->mid = open->open_message.message_id;
		break;
	case MX_ROP_CREATE_MESSAGE:
		o->fid = open->create_message.folder_id;
		break;
	case MX_ROP_OPEN_ATTACHMENT:
		o->attach_num = open->open_attachment.attachment_id;
		break;
	default:
		break;
	}
}

int mx_sobj_make(struct mx_sobj *parent, const struct mx_rop_req *open,
		 struct mx_sobj **ret)
{
	int kind = kind_of(open->id), err;
	struct mx_session *s = parent->logon->s;
	struct mx_sobj *o;

	if (kind < 0)
		return -EINVAL;
	o = mx_lines_calloc(sizeof(*o));
	if (!o)
		return -ENOMEM;
	mx_sobj_init(o, (enum mx_sobj_kind)kind);
	o->open = mx_rop_record(open, &err);
	if (!o->open) {
		free(o);
		return err;
	}
	note_ids(o, open);
	o->parent = mx_sobj_ref(parent);
	o->logon = parent->logon;
	atomic_fetch_add(&s->n_objects, 1);
	atomic_fetch_add(&s->n_kind[kind], 1);
	atomic_fetch_add(&s->c->n_objects, 1);
	*ret = o;
	return 0;
}

int mx_sobj_new(struct mx_sobj *parent, const struct mx_rop_req *open,
		struct mx_sobj **ret)
{
	int err = mx_session_usable(parent->logon->s, NULL);

	if (err)
		return err;
	if (open->id == MX_ROP_REGISTER_NOTIFICATION)
		return -EINVAL;
	return mx_sobj_make(parent, open, ret);
}

struct mx_sobj *mx_sobj_ref(struct mx_sobj *o)
{
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

/* The last reference of one object is gone.  Returns its parent, whose
 * reference is the caller's to give up: a loop, not a recursion. */
static struct mx_sobj *destroy(struct mx_sobj *o)
{
	struct mx_sobj *parent = o->parent;
	struct mx_session *s = o->logon->s;
	struct mx_ctx *poke = NULL;

	mx_mutex_lock(&s->lock);
	if (mx_sobj_live(o)) {
		poke = mx_sobj_ctx(o);
		mx_sctx_ref(poke);
		mx_sctx_release_locked(poke, (struct mx_release){
						     .handle = o->handle,
						     .logon_id = o->logon->id,
					     });
	}
	mx_mutex_unlock(&s->lock);
	if (poke) {
		mx_sctx_poke(poke);
		mx_sctx_unref(poke);
	}
	atomic_fetch_sub(&s->n_objects, 1);
	atomic_fetch_sub(&s->n_kind[o->kind], 1);
	atomic_fetch_sub(&s->c->n_objects, 1);
	mx_sobj_fini(o);
	free(o);
	return parent;
}

void mx_sobj_unref(struct mx_sobj *o)
{
	while (o) {
		if (mx_client_forked(o->logon->s->c))
			return;
		if (atomic_fetch_sub_explicit(&o->refs, 1,
					      memory_order_acq_rel) != 1)
			return;
		if (o->kind == MX_SOBJ_LOGON) {
			mx_logon_destroy(o->logon);
			return;
		}
		o = destroy(o);
	}
}

/* Drops deferred ROPs that a later one of the same kind makes void. */
static void supersede_locked(struct mx_sobj *o, uint8_t id) MX_LOCKED
{
	if (id != MX_ROP_SET_COLUMNS && id != MX_ROP_SORT_TABLE &&
	    id != MX_ROP_RESTRICT)
		return;
	MX_LIST_FOR_EACH_SAFE(it, &o->deferred) {
		struct mx_deferred *d =
			MX_CONTAINER_OF(it, struct mx_deferred, link);

		/* One that is on its way stays until it is answered. */
		if (d->rop->p[0] != id || d->seq)
			continue;
		mx_list_unlink(&d->link);
		deferred_free(d);
	}
}

int mx_sobj_defer(struct mx_sobj *o, const struct mx_rop_req *req)
{
	struct mx_session *s = o->logon->s;
	int err = mx_session_usable(s, NULL);
	struct mx_deferred *d;

	if (err)
		return err;
	if (!(mx_rop_flags(req->id) & MX_ROPF_DEFER))
		return -EINVAL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->rop = mx_rop_record(req, &err);
	if (!d->rop) {
		free(d);
		return err;
	}
	mx_mutex_lock(&s->lock);
	supersede_locked(o, req->id);
	mx_list_push_tail(&o->deferred, &d->link);
	mx_mutex_unlock(&s->lock);
	return 0;
}

enum mx_sobj_kind mx_sobj_kind(const struct mx_sobj *o)
{
	return (enum mx_sobj_kind)o->kind;
}

struct mx_logon *mx_sobj_logon(struct mx_sobj *o)
{
	return o->logon;
}

struct mx_sobj *mx_sobj_parent(struct mx_sobj *o)
{
	return o->parent;
}

/* Reads one field under the session's lock. */
#define READ_FIELD(o, field)                                                   \
	__extension__({                                                        \
		__typeof__((o)->field) v_;                                     \
		mx_mutex_lock(&(o)->logon->s->lock);                           \
		v_ = (o)->field;                                               \
		mx_mutex_unlock(&(o)->logon->s->lock);                         \
		v_;                                                            \
	})

bool mx_sobj_opened(struct mx_sobj *o)
{
	return READ_FIELD(o, opened);
}

bool mx_sobj_dirty(struct mx_sobj *o)
{
	return READ_FIELD(o, dirty);
}

uint64_t mx_sobj_fid(struct mx_sobj *o)
{
	return READ_FIELD(o, fid);
}

uint64_t mx_sobj_mid(struct mx_sobj *o)
{
	return READ_FIELD(o, mid);
}

uint32_t mx_sobj_attach_num(struct mx_sobj *o)
{
	return READ_FIELD(o, attach_num);
}

struct mx_tags mx_sobj_columns(struct mx_sobj *o)
{
	struct mx_tags t;

	mx_mutex_lock(&o->logon->s->lock);
	t = (struct mx_tags){.n = o->n_cols, .p = o->cols};
	mx_mutex_unlock(&o->logon->s->lock);
	return t;
}
