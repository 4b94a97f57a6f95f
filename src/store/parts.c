/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recipients and attachments of message handles.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/entry.h"
#include "store/message.h"
#include "store/obj-private.h"
#include "store/tags.h"

/* ---- Recipients ---- */

static int copy_out(const struct mx_obj *o, const struct mx_rcp *rcp,
		    struct mx_arena *a, struct mx_recip *ret)
{
	struct mx_propval *vals =
		mx_arena_newv(a, struct mx_propval, rcp->bag.n + 4);
	const char *type, *addr;
	size_t n = 0;

	if (!vals)
		return -ENOMEM;
	for (size_t i = 0; i < rcp->bag.n; i++) {
		struct mx_propval v;
		int r = mx_ent_value(&rcp->bag.e[i], rcp->bag.e[i].tag, 0,
				     o->cp, true, a, &v);

		if (!r)
			r = mx_propval_copy(a, &v, &vals[n++]);
		if (r)
			return r;
	}
	type = mx_bag_str(&rcp->bag, T_ADDRTYPE, "");
	addr = mx_bag_str(&rcp->bag, T_EMAIL_ADDRESS, "");
	if (*addr && !mx_bag_find(&rcp->bag, MX_PROP_ID(T_SEARCH_KEY))) {
		vals[n].tag = T_SEARCH_KEY;
		vals[n].v.bin = mx_search_key(type, addr, a);
		if (!vals[n++].v.bin.p)
			return -ENOMEM;
	}
	if (*addr && !strcmp(type, "EX") &&
	    !mx_bag_find(&rcp->bag, MX_PROP_ID(T_ENTRYID))) {
		vals[n].tag = T_ENTRYID;
		vals[n].v.bin = mx_eid_user(addr, a);
		if (!vals[n++].v.bin.p)
			return -ENOMEM;
	}
	if (*addr && !strcmp(type, "SMTP") &&
	    !mx_bag_find(&rcp->bag, MX_PROP_ID(T_SMTP_ADDRESS))) {
		vals[n].tag = T_SMTP_ADDRESS;
		vals[n].v.str = mx_arena_strdup(a, addr);
		if (!vals[n++].v.str)
			return -ENOMEM;
	}
	if (!mx_bag_find(&rcp->bag, MX_PROP_ID(T_OBJECT_TYPE)))
		vals[n++] = (struct mx_propval){.tag = T_OBJECT_TYPE,
						.v.i4 = 6}; /* MAPI_MAILUSER */
	*ret = (struct mx_recip){.row_id = rcp->row,
				 .type = rcp->type,
				 .vals = vals,
				 .n_vals = n};
	return 0;
}

static int recips_locked(struct mx_obj *o, uint32_t first, size_t max,
			 struct mx_arena *a, struct mx_recip **ret,
			 size_t *ret_n)
{
	const struct mx_msg *m = o->msg;
	struct mx_recip *list;
	size_t from = 0, n;
	int r = 0;

	while (from < m->n_rcps && m->rcps[from].row < first)
		from++;
	n = m->n_rcps - from;
	if (max && n > max)
		n = max;
	list = mx_arena_newv(a, struct mx_recip, n);
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; !r && i < n; i++)
		r = copy_out(o, &m->rcps[from + i], a, &list[i]);
	if (r)
		return r;
	*ret = list;
	*ret_n = n;
	return 0;
}

int mx_msg_recips(struct mx_obj *msg, uint32_t first, size_t max,
		  struct mx_arena *a, struct mx_recip **ret, size_t *ret_n)
{
	int r;

	if (msg->kind != MX_OBJ_MESSAGE)
		return MX_ANS_NULL_OBJECT;
	mx_mdb_lock(msg->db);
	r = recips_locked(msg, first, max, a, ret, ret_n);
	mx_mdb_unlock(msg->db);
	return r;
}

static int may_change(const struct mx_obj *msg)
{
	if (msg->kind != MX_OBJ_MESSAGE)
		return MX_ANS_NULL_OBJECT;
	return msg->read_only ? MX_ANS_READ_ONLY : 0;
}

static void remove_rcp(struct mx_msg *m, size_t i)
{
	mx_bag_fini(&m->rcps[i].bag);
	m->n_rcps--;
	memmove(&m->rcps[i], &m->rcps[i + 1],
		(m->n_rcps - i) * sizeof(*m->rcps));
}

static int put_rcp(struct mx_obj *o, const struct mx_recip *r)
{
	MX_AUTO(mx_bag_auto) struct mx_bag bag = {0};
	struct mx_msg *m = o->msg;
	struct mx_rcp *rcps;
	size_t i = 0;
	int err = 0;

	for (size_t k = 0; !err && k < r->n_vals; k++)
		if (MX_PROP_TYPE(r->vals[k].tag) != MX_PT_ERROR &&
		    MX_PROP_TYPE(r->vals[k].tag) != MX_PT_NULL &&
		    MX_PROP_ID(r->vals[k].tag) != MX_PROP_ID(T_ROWID) &&
		    MX_PROP_ID(r->vals[k].tag) != MX_PROP_ID(T_RECIPIENT_TYPE))
			err = mx_bag_set(&bag, &r->vals[k], o->cp);
	if (err)
		return err;
	while (i < m->n_rcps && m->rcps[i].row < r->row_id)
		i++;
	if (i < m->n_rcps && m->rcps[i].row == r->row_id) {
		mx_bag_fini(&m->rcps[i].bag);
	} else {
		if (m->n_rcps >= MX_STORE_MAX_RECIPS)
			return MX_ANS_TOO_BIG;
		rcps = reallocarray(m->rcps, m->n_rcps + 1, sizeof(*rcps));
		if (!rcps)
			return -ENOMEM;
		m->rcps = rcps;
		memmove(&rcps[i + 1], &rcps[i],
			(m->n_rcps - i) * sizeof(*rcps));
		m->n_rcps++;
	}
	m->rcps[i] =
		(struct mx_rcp){.row = r->row_id, .type = r->type, .bag = bag};
	mx_bag_init(&bag);
	return 0;
}

static int modify_locked(struct mx_obj *o, const struct mx_recip *r, size_t n)
{
	struct mx_msg *m = o->msg;
	int err = 0;

	for (size_t k = 0; !err && k < n; k++) {
		if (r[k].n_vals || r[k].type) {
			err = put_rcp(o, &r[k]);
			continue;
		}
		for (size_t i = 0; i < m->n_rcps; i++)
			if (m->rcps[i].row == r[k].row_id) {
				remove_rcp(m, i);
				break;
			}
	}
	o->dirty = true;
	return err ? err : mx_msg_refresh(m);
}

int mx_msg_recips_modify(struct mx_obj *msg, const struct mx_recip *r, size_t n)
{
	int err = may_change(msg);

	if (err)
		return err;
	mx_mdb_lock(msg->db);
	err = modify_locked(msg, r, n);
	mx_mdb_unlock(msg->db);
	return err;
}

int mx_msg_recips_clear(struct mx_obj *msg)
{
	int r = may_change(msg);

	if (r)
		return r;
	mx_mdb_lock(msg->db);
	while (msg->msg->n_rcps)
		remove_rcp(msg->msg, msg->msg->n_rcps - 1);
	msg->dirty = true;
	r = mx_msg_refresh(msg->msg);
	mx_mdb_unlock(msg->db);
	return r;
}

/* ---- Attachments ---- */

static int handle_for(struct mx_obj *msg, struct mx_att *att, bool read_only,
		      struct mx_obj **ret)
{
	struct mx_obj *o = mx_obj_new(msg->mb, MX_OBJ_ATTACH, msg);

	if (!o) {
		mx_att_free(att);
		return -ENOMEM;
	}
	o->att = att;
	o->cp = msg->cp;
	o->fid = msg->fid;
	o->read_only = msg->read_only || read_only;
	*ret = o;
	return 0;
}

/* [MS-OXCMSG] 3.2.5.13 */
static int create_locked(struct mx_obj *msg, struct mx_obj **ret)
{
	int64_t now = (int64_t)mx_filetime_now().t;
	struct mx_att *att;
	int r;

	if (msg->msg->n_atts >= MX_STORE_MAX_ATTACH)
		return MX_ANS_MAX_ATTACH;
	att = mx_att_new();
	if (!att)
		return -ENOMEM;
	att->num = msg->msg->next_num++;
	r = mx_bag_set_i4(&att->bag, T_RENDERING_POSITION, -1);
	if (!r)
		r = mx_bag_set_i8(&att->bag, T_CREATION_TIME, now);
	if (!r)
		r = mx_bag_set_i8(&att->bag, T_LAST_MODIFICATION_TIME, now);
	if (r) {
		mx_att_free(att);
		return r;
	}
	r = handle_for(msg, att, false, ret);
	if (!r)
		(*ret)->dirty = true;
	return r;
}

int mx_att_create(struct mx_obj *msg, uint32_t *ret_num, struct mx_obj **ret)
{
	int r = may_change(msg);

	if (r)
		return r;
	mx_mdb_lock(msg->db);
	r = create_locked(msg, ret);
	mx_mdb_unlock(msg->db);
	if (!r)
		*ret_num = (*ret)->att->num;
	return r;
}

int mx_att_open(struct mx_obj *msg, uint32_t num, unsigned mode,
		struct mx_obj **ret)
{
	const struct mx_att *att;
	struct mx_att *copy;
	int r;

	if (msg->kind != MX_OBJ_MESSAGE)
		return MX_ANS_NULL_OBJECT;
	mx_mdb_lock(msg->db);
	att = mx_msg_att(msg->msg, num, NULL);
	r = att ? mx_att_clone(att, &copy) : MX_ANS_NOT_FOUND;
	if (!r)
		r = handle_for(msg, copy, mode == MX_MSG_READ_ONLY, ret);
	mx_mdb_unlock(msg->db);
	return r;
}

int mx_att_delete(struct mx_obj *msg, uint32_t num)
{
	size_t i;
	int r = may_change(msg);

	if (r)
		return r;
	mx_mdb_lock(msg->db);
	if (mx_msg_att(msg->msg, num, &i)) {
		mx_msg_remove_att(msg->msg, i);
		msg->dirty = true;
		r = mx_msg_refresh(msg->msg);
	} else {
		r = MX_ANS_NOT_FOUND;
	}
	mx_mdb_unlock(msg->db);
	return r;
}

static int save_att(struct mx_obj *att)
{
	struct mx_obj *msg = att->parent;
	struct mx_att *copy;
	int r;

	if (msg->closed)
		return MX_ANS_OBJECT_DELETED;
	r = mx_bag_set_i8(&att->att->bag, T_LAST_MODIFICATION_TIME,
			  (int64_t)mx_filetime_now().t);
	if (!r)
		r = mx_att_clone(att->att, &copy);
	if (r)
		return r;
	r = mx_msg_put_att(msg->msg, copy);
	if (r) {
		mx_att_free(copy);
		return r;
	}
	msg->dirty = true;
	att->dirty = false;
	return mx_msg_refresh(msg->msg);
}

int mx_att_save(struct mx_obj *att, unsigned flags)
{
	int r;

	if (att->kind != MX_OBJ_ATTACH)
		return MX_ANS_NOT_SUPPORTED;
	if (att->read_only)
		return MX_ANS_READ_ONLY;
	mx_mdb_lock(att->db);
	r = save_att(att);
	if (!r)
		att->read_only =
			!(flags & (MX_SAVE_READ_WRITE | MX_SAVE_FORCE));
	mx_mdb_unlock(att->db);
	return r;
}

uint32_t mx_att_num(const struct mx_obj *att)
{
	return att->kind == MX_OBJ_ATTACH ? att->att->num : 0;
}
