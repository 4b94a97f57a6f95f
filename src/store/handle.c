/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles of objects: counted, a child keeps its parent.
 */
#include "store/obj-private.h"

struct mx_obj *mx_obj_new(struct mx_mbox *mb, enum mx_obj_kind kind,
			  struct mx_obj *parent)
{
	struct mx_obj *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	atomic_init(&o->refs, 1);
	o->kind = kind;
	o->mb = mb;
	o->db = mb->db;
	o->cp = mb->codepage;
	o->read_only = !mb->may_write;
	o->parent = parent ? mx_obj_ref(parent) : NULL;
	return o;
}

struct mx_obj *mx_obj_ref(struct mx_obj *o)
{
	atomic_fetch_add(&o->refs, 1);
	return o;
}

void mx_obj_unref(struct mx_obj *o)
{
	while (o && atomic_fetch_sub(&o->refs, 1) == 1) {
		struct mx_obj *parent = o->parent;

		mx_msg_free(o->msg);
		mx_att_free(o->att);
		free(o);
		o = parent;
	}
}

void mx_obj_close(struct mx_obj *o)
{
	struct mx_mdb *db;

	if (!o)
		return;
	db = o->db;
	mx_mdb_lock(db);
	o->closed = true;
	mx_obj_unref(o);
	mx_mdb_unlock(db);
}

void mx_obj_close_auto(struct mx_obj **o)
{
	mx_obj_close(*o);
}

enum mx_obj_kind mx_obj_kind(const struct mx_obj *o)
{
	return o->kind;
}

struct mx_mbox *mx_obj_mbox(const struct mx_obj *o)
{
	return o->mb;
}

uint64_t mx_obj_fid(const struct mx_obj *o)
{
	return mx_mdb_id(o->fid);
}

uint64_t mx_obj_mid(const struct mx_obj *o)
{
	return o->kind == MX_OBJ_MESSAGE && o->msg ? mx_mdb_id(o->msg->id) : 0;
}

struct mx_bag *mx_obj_bag(struct mx_obj *o)
{
	return o->kind == MX_OBJ_MESSAGE  ? &o->msg->bag
	       : o->kind == MX_OBJ_ATTACH ? &o->att->bag
					  : NULL;
}
