/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message handles: open, create, save, read state.
 */
#include "store/message.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/rand.h"
#include "store/entry.h"
#include "store/folder-private.h"
#include "store/sql.h"
#include "store/tags.h"
#include "store/text.h"

#define CP_LOGON 0x0fff

static int codepage(struct mx_mbox *mb, uint16_t cp, uint32_t *ret)
{
	if (cp == CP_LOGON || cp == 0) {
		*ret = mb->codepage;
		return 0;
	}
	/* UTF-16 as a "code page" means: no bytes will be asked for. */
	*ret = cp == 1200 ? 65001 : cp;
	return mx_text_codepage_known(*ret) ? 0 : MX_ANS_UNKNOWN_CODEPAGE;
}

int mx_msg_where(struct mx_mdb *db, int64_t mid, struct mx_msg_where *ret)
{
	MX_STMT st = NULL;
	int r = mx_db_query(&db->db, &st, SQL_MSG_WHERE, "i", mid);

	if (r != 1)
		return r ? r : MX_ANS_NOT_FOUND;
	ret->id = mid;
	ret->fid = sqlite3_column_int64(st, 0);
	ret->assoc = sqlite3_column_int(st, 1) != 0;
	ret->deleted = sqlite3_column_int64(st, 2);
	ret->cn = sqlite3_column_int64(st, 3);
	ret->flags = (int32_t)sqlite3_column_int64(st, 4);
	return 0;
}

/* ---- Opening and making ---- */

static int open_locked(struct mx_mbox *mb, int64_t fid, int64_t mid,
		       unsigned mode, uint32_t cp, struct mx_obj **ret)
{
	MX_AUTO(mx_msg_auto) struct mx_msg *m = NULL;
	struct mx_obj *o;
	int r;

	if ((mode & MX_MSG_BEST_ACCESS) == MX_MSG_READ_WRITE && !mb->may_write)
		return MX_ANS_ACCESS_DENIED;
	r = mid ? mx_msg_load(mb->db, mid, &m) : MX_ANS_NOT_FOUND;
	if (r)
		return r;
	if ((fid && m->fid != fid) ||
	    (m->deleted && !(mode & MX_MSG_SOFT_DELETED)))
		return MX_ANS_NOT_FOUND;
	if (!(mode & MX_MSG_SOFT_DELETED)) {
		r = mx_folder_live(mb->db, m->fid);
		if (r)
			return r;
	}
	o = mx_obj_new(mb, MX_OBJ_MESSAGE, NULL);
	if (!o)
		return -ENOMEM;
	o->cp = cp;
	o->fid = m->fid;
	o->read_only = !mb->may_write ||
		       (mode & MX_MSG_BEST_ACCESS) == MX_MSG_READ_ONLY;
	o->msg = MX_STEAL(m);
	*ret = o;
	return 0;
}

int mx_msg_open(struct mx_mbox *mb, uint64_t fid, uint64_t mid, unsigned mode,
		uint16_t cp, struct mx_obj **ret)
{
	uint32_t page;
	int r = codepage(mb, cp, &page);

	if (r)
		return r;
	if (fid && !mx_mdb_counter(fid))
		return MX_ANS_NOT_FOUND;
	mx_mdb_lock(mb->db);
	r = open_locked(mb, mx_mdb_counter(fid), mx_mdb_counter(mid), mode,
			page, ret);
	mx_mdb_unlock(mb->db);
	return r;
}

/* [MS-OXCMSG] 3.2.5.2: what a new message has before anything is set. */
static int initial(struct mx_mbox *mb, struct mx_msg *m, uint32_t cp)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_bag *b = &m->bag;
	int64_t now = (int64_t)mx_filetime_now().t;
	struct mx_bin who = mx_eid_user(mb->user_dn, &a);
	uint8_t key[16];
	int r = mx_random(key, sizeof(key));

	if (!who.p)
		return -ENOMEM;
	if (r)
		return r;
	r |= mx_bag_set_i4(b, T_IMPORTANCE, 1);
	r |= mx_bag_set_str(b, T_MESSAGE_CLASS, "IPM.Note");
	r |= mx_bag_set_i4(b, T_SENSITIVITY, 0);
	r |= mx_bag_set_i4(b, T_MESSAGE_FLAGS,
			   MF_UNSENT | MF_READ | MF_EVERREAD);
	r |= mx_bag_set_i4(b, T_TRUST_SENDER, 1);
	r |= mx_bag_set_i8(b, T_CREATION_TIME, now);
	r |= mx_bag_set_i8(b, T_LAST_MODIFICATION_TIME, now);
	r |= mx_bag_set_bin(b, T_SEARCH_KEY, key, sizeof(key));
	r |= mx_bag_set_i4(b, T_MESSAGE_LOCALE_ID, (int32_t)mb->lcid);
	r |= mx_bag_set_i4(b, T_LOCALE_ID, (int32_t)mb->lcid);
	r |= mx_bag_set_i4(b, T_MESSAGE_CODEPAGE, (int32_t)cp);
	r |= mx_bag_set_str(b, T_CREATOR_NAME, mb->user_display);
	r |= mx_bag_set_bin(b, T_CREATOR_ENTRYID, who.p, who.n);
	r |= mx_bag_set_str(b, T_LAST_MODIFIER_NAME, mb->user_display);
	r |= mx_bag_set_bin(b, T_LAST_MODIFIER_ENTRYID, who.p, who.n);
	return r ? -ENOMEM : mx_msg_refresh(m);
}

static int new_message(struct mx_mbox *mb, struct mx_obj *parent, int64_t fid,
		       bool assoc, uint32_t cp, struct mx_obj **ret)
{
	MX_AUTO(mx_msg_auto) struct mx_msg *m = mx_msg_new();
	struct mx_obj *o;
	int r;

	if (!m)
		return -ENOMEM;
	m->fid = fid;
	m->assoc = assoc;
	r = initial(mb, m, cp);
	if (r)
		return r;
	o = mx_obj_new(mb, MX_OBJ_MESSAGE, parent);
	if (!o)
		return -ENOMEM;
	o->cp = cp;
	o->fid = fid;
	o->msg = MX_STEAL(m);
	o->dirty = true;
	*ret = o;
	return 0;
}

int mx_msg_create(struct mx_mbox *mb, uint64_t fid, bool assoc, uint16_t cp,
		  struct mx_obj **ret)
{
	uint32_t page;
	int r = codepage(mb, cp, &page);

	if (r)
		return r;
	if (!mb->may_write)
		return MX_ANS_ACCESS_DENIED;
	mx_mdb_lock(mb->db);
	r = mx_folder_live(mb->db, mx_mdb_counter(fid));
	if (!r)
		r = new_message(mb, NULL, mx_mdb_counter(fid), assoc, page,
				ret);
	mx_mdb_unlock(mb->db);
	return r;
}

/* How deep an attachment handle is: 1 in a message on disk. */
static unsigned depth_of(const struct mx_obj *o)
{
	unsigned n = 0;

	for (; o; o = o->parent)
		n += o->kind == MX_OBJ_ATTACH;
	return n;
}

static int open_embedded_locked(struct mx_obj *att, unsigned mode, uint32_t cp,
				struct mx_obj **ret)
{
	struct mx_msg *copy;
	struct mx_obj *o;
	int r;

	if (depth_of(att) > MX_STORE_MAX_EMBED)
		return MX_ANS_TOO_COMPLEX;
	if (!att->att->child) {
		if (!(mode & MX_MSG_CREATE) || mode == MX_MSG_BEST_ACCESS)
			return MX_ANS_NOT_FOUND;
		return att->read_only
			       ? MX_ANS_ACCESS_DENIED
			       : new_message(att->mb, att, 0, false, cp, ret);
	}
	if (mode != MX_MSG_READ_ONLY && mode != MX_MSG_BEST_ACCESS &&
	    att->read_only)
		return MX_ANS_ACCESS_DENIED;
	r = mx_msg_clone(att->att->child, &copy);
	if (r)
		return r;
	o = mx_obj_new(att->mb, MX_OBJ_MESSAGE, att);
	if (!o) {
		mx_msg_free(copy);
		return -ENOMEM;
	}
	o->cp = cp;
	o->msg = copy;
	o->read_only = att->read_only || mode == MX_MSG_READ_ONLY;
	*ret = o;
	return 0;
}

int mx_msg_open_embedded(struct mx_obj *attach, unsigned mode, uint16_t cp,
			 struct mx_obj **ret, uint64_t *ret_mid)
{
	uint32_t page;
	int r;

	if (attach->kind != MX_OBJ_ATTACH)
		return MX_ANS_NULL_OBJECT;
	r = codepage(attach->mb, cp, &page);
	if (r)
		return r;
	mx_mdb_lock(attach->db);
	r = open_embedded_locked(attach, mode & MX_MSG_BEST_ACCESS, page, ret);
	mx_mdb_unlock(attach->db);
	if (!r && ret_mid)
		*ret_mid = mx_mdb_id((int64_t)attach->att->num + 1);
	return r;
}

/* ---- Head ---- */

int mx_msg_head(struct mx_obj *msg, struct mx_arena *a, struct mx_msg_head *ret)
{
	const struct mx_bag *b = &msg->msg->bag;
	const char *s;

	if (msg->kind != MX_OBJ_MESSAGE)
		return MX_ANS_NULL_OBJECT;
	s = mx_bag_str(b, T_SUBJECT, "") + mx_msg_prefix_len(msg->msg);
	ret->has_named = b->n && MX_PROP_ID(b->e[b->n - 1].tag) >= 0x8000;
	ret->n_recips = (uint32_t)msg->msg->n_rcps;
	ret->subject_prefix =
		mx_arena_strdup(a, mx_bag_str(b, T_SUBJECT_PREFIX, ""));
	ret->normalized_subject = mx_arena_strdup(a, s);
	return ret->subject_prefix && ret->normalized_subject ? 0 : -ENOMEM;
}

/* ---- Saving ---- */

static int stamp(struct mx_obj *o)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_bag *b = &o->msg->bag;
	struct mx_bin who = mx_eid_user(o->mb->user_dn, &a);
	int64_t now = (int64_t)mx_filetime_now().t;
	int32_t flags = mx_bag_i4(b, T_MESSAGE_FLAGS, 0);
	int r = who.p ? 0 : -ENOMEM;

	/* [MS-OXCMSG] 2.2.1.6 mfUnmodified: until the second save. */
	flags = o->msg->id ? flags & ~MF_UNMODIFIED : flags | MF_UNMODIFIED;
	if (mx_bag_bool(b, T_READ_RECEIPT_REQUESTED))
		flags |= o->msg->id ? 0 : MF_NOTIFYREAD | MF_NOTIFYUNREAD;
	if (!r)
		r = mx_bag_set_i4(b, T_MESSAGE_FLAGS, flags);
	if (!r)
		r = mx_bag_set_i8(b, T_LAST_MODIFICATION_TIME, now);
	if (!r)
		r = mx_bag_set_i8(b, T_LOCAL_COMMIT_TIME, now);
	if (!r)
		r = mx_bag_set_str(b, T_LAST_MODIFIER_NAME,
				   o->mb->user_display);
	if (!r)
		r = mx_bag_set_bin(b, T_LAST_MODIFIER_ENTRYID, who.p, who.n);
	return r ? r : mx_msg_refresh(o->msg);
}

static int raise_saved(struct mx_mdb *db, const struct mx_msg *m, bool created)
{
	struct mx_event ev = {
		.type = created ? MX_EV_CREATED : MX_EV_MODIFIED,
		.fid = mx_mdb_id(m->fid),
		.mid = mx_mdb_id(m->id),
		.parent_fid = mx_mdb_id(m->fid),
		.assoc = m->assoc,
	};

	mx_mdb_touch(db, m->fid, m->id, false);
	return mx_mdb_raise(db, &ev);
}

/* Whether what is on disk is what the handle was made from. */
static int check_conflict(struct mx_obj *o, bool force)
{
	struct mx_msg_where w;
	int r;

	if (!o->msg->id)
		return mx_folder_live(o->db, o->msg->fid) == MX_ANS_NOT_FOUND
			       ? MX_ANS_OBJECT_DELETED
			       : 0;
	r = mx_msg_where(o->db, o->msg->id, &w);
	if (r)
		return r == MX_ANS_NOT_FOUND ? MX_ANS_OBJECT_DELETED : r;
	if (w.deleted && !o->msg->deleted)
		return MX_ANS_OBJECT_DELETED;
	/* A move is not a change: the message is saved where it is now. */
	o->msg->fid = w.fid;
	if (w.cn != o->msg->cn && !force)
		return MX_ANS_OBJECT_MODIFIED;
	/* The read state is not part of what a save writes. */
	if (w.cn == o->msg->cn) {
		int32_t f = mx_bag_i4(&o->msg->bag, T_MESSAGE_FLAGS, 0);
		int32_t mask = MF_READ | MF_EVERREAD | MF_NOTIFYREAD |
			       MF_NOTIFYUNREAD;

		return mx_bag_set_i4(&o->msg->bag, T_MESSAGE_FLAGS,
				     (f & ~mask) | (w.flags & mask));
	}
	return 0;
}

/* Writes the message inside a transaction that the caller commits. */
int mx_msg_save_in(struct mx_obj *o, bool force)
{
	struct mx_msg *m = o->msg;
	bool created = !m->id;
	int64_t cn = 0;
	int r = check_conflict(o, force);

	if (!r)
		r = stamp(o);
	if (!r && created)
		r = mx_mdb_new_id(o->db, &m->id);
	if (!r)
		r = mx_mdb_new_cn(o->db, &cn);
	if (!r) {
		m->cn = cn;
		r = mx_msg_write(o->db, m);
	}
	if (!r)
		r = raise_saved(o->db, m, created);
	if (!r)
		r = mx_mdb_raise_counts(o->db, m->fid);
	return r;
}

static int save_top(struct mx_obj *o, bool force)
{
	int64_t old_id = o->msg->id, old_cn = o->msg->cn;
	struct mx_msg *fresh;
	int r;

	{
		MX_MTXN(txn);

		r = mx_mtxn_begin(&txn, o->db);
		if (!r)
			r = mx_msg_save_in(o, force);
		if (!r)
			r = mx_mtxn_commit(&txn);
	}
	if (r) { /* as it was: the save can be tried again */
		o->msg->id = old_id;
		o->msg->cn = old_cn;
		return r;
	}
	/* From now on large values are rows, not spooled copies. */
	if (!mx_msg_load(o->db, o->msg->id, &fresh)) {
		mx_msg_free(o->msg);
		o->msg = fresh;
	}
	o->fid = o->msg->fid;
	return 0;
}

static int save_embedded(struct mx_obj *o)
{
	struct mx_obj *att = o->parent;
	struct mx_msg *copy;
	int r;

	if (att->closed)
		return MX_ANS_OBJECT_DELETED;
	r = stamp(o);
	if (!r)
		r = mx_msg_clone(o->msg, &copy);
	if (r)
		return r;
	mx_msg_free(att->att->child);
	att->att->child = copy;
	att->dirty = true;
	return 0;
}

int mx_msg_save(struct mx_obj *msg, unsigned flags, uint64_t *ret_mid)
{
	int r;

	if (msg->kind != MX_OBJ_MESSAGE)
		return MX_ANS_NOT_SUPPORTED;
	if (!msg->mb->may_write)
		return MX_ANS_ACCESS_DENIED;
	if (msg->read_only)
		return MX_ANS_READ_ONLY;
	mx_mdb_lock(msg->db);
	r = msg->parent ? save_embedded(msg)
			: save_top(msg, flags & MX_SAVE_FORCE);
	if (!r) {
		msg->dirty = false;
		msg->read_only =
			!(flags & (MX_SAVE_READ_WRITE | MX_SAVE_FORCE));
		if (ret_mid)
			*ret_mid = mx_mdb_id(msg->msg->id);
	}
	mx_mdb_unlock(msg->db);
	return r;
}

int mx_msg_reload(struct mx_obj *msg)
{
	struct mx_msg *fresh = NULL;
	int r;

	if (msg->kind != MX_OBJ_MESSAGE || msg->parent || !msg->msg->id)
		return MX_ANS_NULL_OBJECT;
	mx_mdb_lock(msg->db);
	r = mx_msg_load(msg->db, msg->msg->id, &fresh);
	if (!r) {
		mx_msg_free(msg->msg);
		msg->msg = fresh;
		msg->dirty = false;
	}
	mx_mdb_unlock(msg->db);
	return r == MX_ANS_NOT_FOUND ? MX_ANS_OBJECT_DELETED : r;
}

/* ---- Read state ---- */

static int set_read_locked(struct mx_obj *o, unsigned flags, bool *ret_changed)
{
	struct mx_msg_where w;
	MX_MTXN(txn);
	int r = mx_msg_where(o->db, o->msg->id, &w);

	if (r)
		return r == MX_ANS_NOT_FOUND ? MX_ANS_OBJECT_DELETED : r;
	r = mx_mtxn_begin(&txn, o->db);
	if (!r)
		r = mx_msg_mark(o->mb, &w, flags, ret_changed);
	if (!r)
		r = mx_mtxn_commit(&txn);
	if (r)
		return r;
	r = mx_msg_where(o->db, o->msg->id, &w);
	return r ? r : mx_bag_set_i4(&o->msg->bag, T_MESSAGE_FLAGS, w.flags);
}

int mx_msg_set_read(struct mx_obj *msg, unsigned flags, bool *ret_changed)
{
	bool changed = false;
	int r;

	if (msg->kind != MX_OBJ_MESSAGE)
		return MX_ANS_NULL_OBJECT;
	if (!mx_read_flags_ok(flags))
		return MX_ANS_INVALID_PARAM;
	if (!msg->mb->may_write)
		return MX_ANS_ACCESS_DENIED;
	if (msg->parent || !msg->msg->id)
		return MX_ANS_NOT_SUPPORTED;
	mx_mdb_lock(msg->db);
	r = set_read_locked(msg, flags, &changed);
	mx_mdb_unlock(msg->db);
	if (!r && ret_changed)
		*ret_changed = changed;
	mx_reports_send(msg->mb);
	return r;
}
