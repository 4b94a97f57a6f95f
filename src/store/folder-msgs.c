/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done to many messages of a folder: delete, move, copy, mark read.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "store/folder-private.h"
#include "store/sql.h"
#include "store/tags.h"

static int check_folder(struct mx_obj *folder)
{
	if (folder->kind != MX_OBJ_FOLDER)
		return MX_ANS_NULL_OBJECT;
	return folder->mb->may_write ? 0 : MX_ANS_ACCESS_DENIED;
}

/* The message `mid` of folder fid that is not soft deleted: 1; 0 not there. */
static int find_in(struct mx_mdb *db, int64_t fid, uint64_t mid,
		   struct mx_msg_where *w)
{
	int r = mx_mdb_counter(mid) ? mx_msg_where(db, mx_mdb_counter(mid), w)
				    : MX_ANS_NOT_FOUND;

	if (r == MX_ANS_NOT_FOUND)
		return 0;
	return r ? r : w->fid == fid;
}

static int raise(struct mx_mdb *db, enum mx_event_type type, int64_t fid,
		 int64_t mid, int64_t old_fid, int64_t old_mid, bool assoc)
{
	struct mx_event ev = {.type = type,
			      .fid = mx_mdb_id(fid),
			      .mid = mx_mdb_id(mid),
			      .parent_fid = mx_mdb_id(fid),
			      .old_fid = mx_mdb_id(old_fid),
			      .old_mid = mx_mdb_id(old_mid),
			      .old_parent_fid = mx_mdb_id(old_fid),
			      .assoc = assoc};

	mx_mdb_touch(db, fid, mid, false);
	if (old_fid)
		mx_mdb_touch(db, old_fid, old_mid, false);
	return mx_mdb_raise(db, &ev);
}

/* ---- Deleting ---- */

static int delete_one(struct mx_mdb *db, const struct mx_msg_where *w,
		      bool hard)
{
	int64_t cn;
	int r;

	if (hard) {
		r = mx_msg_erase(db, w->id);
	} else {
		r = mx_mdb_new_cn(db, &cn);
		if (!r)
			r = mx_db_do(&db->db, SQL_MSG_SOFT_DELETE, "iii", w->id,
				     (int64_t)mx_filetime_now().t, cn);
	}
	return r ? r : raise(db, MX_EV_DELETED, w->fid, w->id, 0, 0, w->assoc);
}

static int delete_locked(struct mx_obj *f, const uint64_t *mids, size_t n,
			 bool hard, bool notify, bool *ret_partial)
{
	MX_MTXN(txn);
	int r = mx_mtxn_begin(&txn, f->db);

	for (size_t i = 0; !r && i < n; i++) {
		struct mx_msg_where w;

		r = find_in(f->db, f->fid, mids[i], &w);
		if (r < 0)
			return r;
		/* Hard also takes what is soft deleted; soft once is enough. */
		if (!r || (w.deleted && !hard)) {
			*ret_partial = true;
			r = 0;
			continue;
		}
		r = notify && !w.deleted && (w.flags & MF_NOTIFYUNREAD) &&
				    !(w.flags & MF_READ)
			    ? mx_report_read(f->mb, w.id, false)
			    : 0;
		if (!r)
			r = delete_one(f->db, &w, hard);
	}
	if (!r)
		r = mx_mdb_raise_counts(f->db, f->fid);
	return r ? r : mx_mtxn_commit(&txn);
}

int mx_folder_delete_msgs(struct mx_obj *folder, const uint64_t *mids, size_t n,
			  bool hard, bool notify_unread, bool *ret_partial)
{
	bool partial = false;
	int r = check_folder(folder);

	if (r)
		return r;
	mx_mdb_lock(folder->db);
	r = delete_locked(folder, mids, n, hard, notify_unread, &partial);
	mx_mdb_unlock(folder->db);
	if (!r)
		*ret_partial = partial;
	mx_reports_send(folder->mb);
	return r;
}

/* ---- Moving and copying ---- */

/* Into folder fid of db as a new message.  In a transaction. */
int mx_msg_insert_copy(struct mx_mdb *db, struct mx_msg *m, int64_t fid)
{
	int r;

	m->fid = fid;
	m->deleted = 0;
	r = mx_mdb_new_id(db, &m->id);
	if (!r)
		r = mx_mdb_new_cn(db, &m->cn);
	return r ? r : mx_msg_write(db, m);
}

static int copy_within(struct mx_obj *src, struct mx_obj *dst,
		       const struct mx_msg_where *w, bool copy)
{
	MX_AUTO(mx_msg_auto) struct mx_msg *m = NULL;
	struct mx_mdb *db = src->db;
	int r = mx_msg_load(db, w->id, &m);

	if (!r)
		r = mx_msg_insert_copy(db, m, dst->fid);
	if (!r)
		r = raise(db, copy ? MX_EV_COPIED : MX_EV_MOVED, dst->fid,
			  m->id, src->fid, w->id, w->assoc);
	return r || copy ? r : mx_msg_erase(db, w->id);
}

static int within(struct mx_obj *src, struct mx_obj *dst, const uint64_t *mids,
		  size_t n, bool copy, bool *ret_partial)
{
	MX_MTXN(txn);
	int r = mx_folder_live(dst->db, dst->fid);

	if (!r)
		r = mx_mtxn_begin(&txn, src->db);
	for (size_t i = 0; !r && i < n; i++) {
		struct mx_msg_where w;

		r = find_in(src->db, src->fid, mids[i], &w);
		if (r == 1 && !w.deleted) {
			r = copy_within(src, dst, &w, copy);
		} else if (r >= 0) {
			*ret_partial = true;
			r = 0;
		}
	}
	if (!r)
		r = mx_mdb_raise_counts(src->db, dst->fid);
	if (!r && !copy)
		r = mx_mdb_raise_counts(src->db, src->fid);
	return r ? r : mx_mtxn_commit(&txn);
}

/* Reads a message free of its mailbox: 1; 0 not there. */
static int take_out(struct mx_obj *src, uint64_t mid, struct mx_msg_where *w,
		    struct mx_arena *a, struct mx_namemap *ret_names,
		    struct mx_msg **ret)
{
	int r = find_in(src->db, src->fid, mid, w);

	if (r != 1 || w->deleted)
		return r < 0 ? r : 0;
	r = mx_msg_load(src->db, w->id, ret);
	if (!r)
		r = mx_msg_detach(*ret, mx_store_dir(src->db->st));
	if (!r)
		r = mx_names_collect(src->db, *ret, a, ret_names);
	return r ? r : 1;
}

static int put_in(struct mx_obj *dst, struct mx_msg *m,
		  const struct mx_namemap *names)
{
	MX_MTXN(txn);
	int r = mx_folder_live(dst->db, dst->fid);

	if (!r)
		r = mx_mtxn_begin(&txn, dst->db);
	if (!r)
		r = mx_names_apply(dst->db, m, names);
	if (!r)
		r = mx_msg_insert_copy(dst->db, m, dst->fid);
	if (!r)
		r = raise(dst->db, MX_EV_CREATED, dst->fid, m->id, 0, 0,
			  m->assoc);
	if (!r)
		r = mx_mdb_raise_counts(dst->db, dst->fid);
	return r ? r : mx_mtxn_commit(&txn);
}

/* One message from mailbox to mailbox, never both locked.  Named properties
 * get the other mailbox's ids.  1 done, 0 not there. */
static int across(struct mx_obj *src, struct mx_obj *dst, uint64_t mid,
		  bool copy)
{
	MX_AUTO(mx_msg_auto) struct mx_msg *m = NULL;
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_namemap names;
	struct mx_msg_where w;
	bool partial;
	int r;

	mx_mdb_lock(src->db);
	r = take_out(src, mid, &w, &a, &names, &m);
	mx_mdb_unlock(src->db);
	if (r != 1)
		return r;
	mx_mdb_lock(dst->db);
	r = put_in(dst, m, &names);
	mx_mdb_unlock(dst->db);
	if (!r && !copy) {
		mx_mdb_lock(src->db);
		r = delete_locked(src, &mid, 1, true, false, &partial);
		mx_mdb_unlock(src->db);
	}
	return r ? r : 1;
}

int mx_folder_move_copy(struct mx_obj *src, struct mx_obj *dst,
			const uint64_t *mids, size_t n, bool copy,
			bool *ret_partial)
{
	bool partial = false;
	int r = check_folder(dst);

	if (!r && src->kind != MX_OBJ_FOLDER)
		r = MX_ANS_NULL_OBJECT;
	if (!r && !copy)
		r = check_folder(src);
	if (r)
		return r;
	if (src->db == dst->db) {
		mx_mdb_lock(src->db);
		r = within(src, dst, mids, n, copy, &partial);
		mx_mdb_unlock(src->db);
	} else {
		for (size_t i = 0; r >= 0 && i < n; i++) {
			r = across(src, dst, mids[i], copy);
			partial |= r != 1;
		}
		r = r < 0 ? r : 0;
	}
	if (!r)
		*ret_partial = partial;
	return r;
}

/* ---- Read state ---- */

bool mx_read_flags_ok(unsigned f)
{
	/* [MS-OXCMSG] 2.2.3.10.1: 0x0A is ignored, and these exclude one
	 * another. */
	f &= ~0x0au;
	if (f &
	    ~(unsigned)(MX_RF_SUPPRESS_RECEIPT | MX_RF_CLEAR_READ |
			MX_RF_GENERATE_RECEIPT_ONLY | MX_RF_CLEAR_NOTIFY_READ |
			MX_RF_CLEAR_NOTIFY_UNREAD))
		return false;
	return !((f & MX_RF_SUPPRESS_RECEIPT) &&
		 (f & (MX_RF_CLEAR_READ | MX_RF_GENERATE_RECEIPT_ONLY)) &&
		 (f & MX_RF_CLEAR_READ) == 0);
}

int mx_msg_mark(struct mx_mbox *mb, const struct mx_msg_where *w, unsigned f,
		bool *ret_changed)
{
	struct mx_mdb *db = mb->db;
	struct mx_event ev = {.type = MX_EV_MODIFIED,
			      .fid = mx_mdb_id(w->fid),
			      .mid = mx_mdb_id(w->id),
			      .parent_fid = mx_mdb_id(w->fid),
			      .assoc = w->assoc};
	static const uint32_t tags[] = {T_MESSAGE_FLAGS};
	int32_t flags = w->flags;
	int r = 0;

	if (f & MX_RF_CLEAR_READ)
		flags &= ~(MF_READ | MF_EVERREAD);
	else if (!(f & (MX_RF_GENERATE_RECEIPT_ONLY | MX_RF_CLEAR_NOTIFY_READ |
			MX_RF_CLEAR_NOTIFY_UNREAD)) ||
		 (f & MX_RF_SUPPRESS_RECEIPT))
		flags |= MF_READ | MF_EVERREAD;
	/* A pending receipt is sent once, or taken back. */
	if ((w->flags & MF_NOTIFYREAD) &&
	    !(f & (MX_RF_SUPPRESS_RECEIPT | MX_RF_CLEAR_READ |
		   MX_RF_CLEAR_NOTIFY_READ | MX_RF_CLEAR_NOTIFY_UNREAD))) {
		r = mx_report_read(mb, w->id, true);
		flags &= ~(MF_NOTIFYREAD | MF_NOTIFYUNREAD);
	}
	if (f & MX_RF_SUPPRESS_RECEIPT)
		flags &= ~(MF_NOTIFYREAD | MF_NOTIFYUNREAD);
	if (f & MX_RF_CLEAR_NOTIFY_READ)
		flags &= ~MF_NOTIFYREAD;
	if (f & MX_RF_CLEAR_NOTIFY_UNREAD)
		flags &= ~MF_NOTIFYUNREAD;
	*ret_changed = (flags ^ w->flags) & MF_READ;
	if (r || flags == w->flags)
		return r;
	r = mx_db_do(&db->db, SQL_MSG_SET_FLAGS, "ii", w->id, (int64_t)flags);
	ev.tags = tags;
	ev.n_tags = 1;
	mx_mdb_touch(db, w->fid, w->id, false);
	if (!r)
		r = mx_mdb_raise(db, &ev);
	if (!r && *ret_changed)
		r = mx_mdb_raise_counts(db, w->fid);
	return r;
}

static int set_read_locked(struct mx_obj *f, const uint64_t *mids, size_t n,
			   unsigned flags, bool *ret_partial)
{
	MX_AUTO(mx_buf_auto) struct mx_buf all = {0};
	MX_MTXN(txn);
	int r = mx_mtxn_begin(&txn, f->db);

	if (!r && !n) {
		int64_t *ids;

		r = mx_folder_ids(f->db, SQL_FOLDER_MESSAGES, f->fid, &all);
		ids = (int64_t *)(void *)all.p;
		n = all.len / sizeof(*ids);
		for (size_t i = 0; i < n; i++)
			ids[i] = (int64_t)mx_mdb_id(ids[i]);
		mids = (const uint64_t *)(const void *)all.p;
	}
	for (size_t i = 0; !r && i < n; i++) {
		struct mx_msg_where w;
		bool changed;

		r = find_in(f->db, f->fid, mids[i], &w);
		if (r == 1 && (!w.deleted || all.len)) {
			r = w.deleted ? 0
				      : mx_msg_mark(f->mb, &w, flags, &changed);
		} else if (r >= 0) {
			*ret_partial = true;
			r = 0;
		}
	}
	return r ? r : mx_mtxn_commit(&txn);
}

int mx_folder_set_read(struct mx_obj *folder, const uint64_t *mids, size_t n,
		       unsigned flags, bool *ret_partial)
{
	bool partial = false;
	int r = check_folder(folder);

	if (r)
		return r;
	if (!mx_read_flags_ok(flags))
		return MX_ANS_INVALID_PARAM;
	mx_mdb_lock(folder->db);
	r = set_read_locked(folder, mids, n, flags, &partial);
	mx_mdb_unlock(folder->db);
	if (!r)
		*ret_partial = partial;
	mx_reports_send(folder->mb);
	return r;
}
