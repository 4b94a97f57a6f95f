/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders: open, create, delete, count.
 */
#include "store/folder.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "store/folder-private.h"
#include "store/sql.h"
#include "store/tags.h"

/* ---- Opening ---- */

static int open_locked(struct mx_mbox *mb, int64_t fid, unsigned flags,
		       struct mx_obj **ret)
{
	MX_AUTO(mx_frow_auto) struct mx_frow f = {0};
	struct mx_obj *o;
	int r = fid ? mx_folder_load(mb->db, fid, &f) : MX_ANS_NOT_FOUND;

	if (r)
		return r;
	if (f.deleted && !(flags & MX_OPEN_SOFT_DELETED))
		return MX_ANS_NOT_FOUND;
	o = mx_obj_new(mb, MX_OBJ_FOLDER, NULL);
	if (!o)
		return -ENOMEM;
	o->fid = fid;
	*ret = o;
	return 0;
}

int mx_folder_open(struct mx_mbox *mb, uint64_t fid, unsigned flags,
		   struct mx_obj **ret)
{
	int r;

	mx_mdb_lock(mb->db);
	r = open_locked(mb, mx_mdb_counter(fid), flags, ret);
	mx_mdb_unlock(mb->db);
	return r;
}

int mx_folder_live(struct mx_mdb *db, int64_t fid)
{
	int64_t n;
	int r = mx_db_get_int(&db->db, &n, SQL_FOLDER_COUNTS, "i", fid);

	return r == 1 ? 0 : r ? r : MX_ANS_NOT_FOUND;
}

/* ---- Creating ---- */

static int insert(struct mx_obj *parent, const struct mx_folder_new *how,
		  int64_t *ret_fid)
{
	MX_AUTO(mx_bag_auto) struct mx_bag bag = {0};
	MX_AUTO(mx_buf_auto) struct mx_buf out = {0};
	int64_t fid, cn, now = (int64_t)mx_filetime_now().t;
	struct mx_event ev = {.type = MX_EV_CREATED};
	struct mx_mdb *db = parent->db;
	MX_MTXN(txn);
	int r = mx_mtxn_begin(&txn, db);

	if (!r)
		r = mx_mdb_new_id(db, &fid);
	if (!r)
		r = mx_mdb_new_cn(db, &cn);
	if (!r && how->comment)
		r = mx_bag_set_str(&bag, T_COMMENT, how->comment);
	if (!r)
		r = mx_bag_pack(&bag, db, NULL, &out);
	if (r)
		return r;
	{
		MX_STMT st = mx_db_stmt(&db->db, SQL_FOLDER_INSERT, &r);

		if (!st)
			return r;
		sqlite3_bind_int64(st, 1, fid);
		sqlite3_bind_int64(st, 2, parent->fid);
		sqlite3_bind_int64(st, 4, MX_FOLDER_GENERIC);
		sqlite3_bind_int64(st, 5, cn);
		sqlite3_bind_text(st, 6, how->name, -1, SQLITE_STATIC);
		sqlite3_bind_int64(st, 8, now);
		sqlite3_bind_blob(st, 9, out.p ? out.p : (uint8_t *)"",
				  (int)out.len, SQLITE_STATIC);
		r = mx_db_run(&db->db, st);
	}
	ev.fid = mx_mdb_id(fid);
	ev.parent_fid = mx_mdb_id(parent->fid);
	if (!r)
		r = mx_mdb_raise(db, &ev);
	if (!r)
		r = mx_mdb_raise_counts(db, parent->fid);
	mx_mdb_touch(db, parent->fid, fid, true);
	if (!r)
		r = mx_mtxn_commit(&txn);
	if (!r)
		*ret_fid = fid;
	return r;
}

static int create_locked(struct mx_obj *parent, const struct mx_folder_new *how,
			 struct mx_obj **ret, bool *ret_existed)
{
	struct mx_mdb *db = parent->db;
	int64_t fid, depth;
	int r;

	r = mx_folder_live(db, parent->fid);
	if (r)
		return r;
	r = mx_db_get_int(&db->db, &fid, SQL_FOLDER_BY_NAME, "it", parent->fid,
			  how->name);
	if (r < 0)
		return r;
	*ret_existed = r == 1;
	if (r == 1)
		return how->open_existing ? open_locked(parent->mb, fid, 0, ret)
					  : MX_ANS_DUPLICATE_NAME;
	if (!parent->mb->may_write)
		return MX_ANS_ACCESS_DENIED;
	r = mx_db_get_int(&db->db, &depth, SQL_FOLDER_DEPTH, "i", parent->fid);
	if (r != 1)
		return r ? r : -EUCLEAN;
	if (depth >= MX_STORE_MAX_DEPTH)
		return MX_ANS_TOO_COMPLEX;
	r = insert(parent, how, &fid);
	return r ? r : open_locked(parent->mb, fid, 0, ret);
}

int mx_folder_create(struct mx_obj *parent, const struct mx_folder_new *how,
		     struct mx_obj **ret, bool *ret_existed)
{
	bool existed = false;
	int r;

	if (parent->kind != MX_OBJ_FOLDER)
		return MX_ANS_NOT_SUPPORTED;
	if (how->type == MX_FOLDER_SEARCH)
		return MX_ANS_NOT_SUPPORTED;
	if (how->type != MX_FOLDER_GENERIC || !how->name || !*how->name ||
	    strlen(how->name) > MX_STORE_MAX_NAME ||
	    (how->comment && strlen(how->comment) > MX_STORE_MAX_NAME))
		return MX_ANS_INVALID_PARAM;
	mx_mdb_lock(parent->db);
	r = create_locked(parent, how, ret, &existed);
	mx_mdb_unlock(parent->db);
	if (!r && ret_existed)
		*ret_existed = existed;
	return r;
}

/* ---- Deleting ---- */

/* First columns of a query by folder, in an arena. */
int mx_folder_ids(struct mx_mdb *db, int stmt, int64_t fid, struct mx_buf *out)
{
	MX_STMT st = NULL;
	int r;

	for (r = mx_db_query(&db->db, &st, stmt, "i", fid); r == 1;
	     r = mx_db_step(&db->db, st)) {
		int64_t id = sqlite3_column_int64(st, 0);

		r = mx_buf_put(out, &id, sizeof(id));
		if (r)
			return r;
	}
	return r;
}

static int erase_messages(struct mx_mdb *db, int64_t fid)
{
	MX_AUTO(mx_buf_auto) struct mx_buf ids = {0};
	const int64_t *id;
	int r = mx_folder_ids(db, SQL_FOLDER_MESSAGES, fid, &ids);

	id = (const int64_t *)(const void *)ids.p;
	for (size_t i = 0; !r && i < ids.len / sizeof(*id); i++)
		r = mx_msg_erase(db, id[i]);
	return r;
}

static int raise_deleted(struct mx_mdb *db, int64_t fid, int64_t parent)
{
	struct mx_event ev = {.type = MX_EV_DELETED,
			      .fid = mx_mdb_id(fid),
			      .parent_fid = mx_mdb_id(parent)};

	mx_mdb_touch(db, parent, fid, true);
	return mx_mdb_raise(db, &ev);
}

/* The folder and all below, deepest first.  Depth is bounded at creation. */
static int delete_tree(struct mx_mdb *db, int64_t fid, int64_t parent,
		       bool hard, unsigned depth)
{
	MX_AUTO(mx_buf_auto) struct mx_buf ids = {0};
	int64_t cn, now = (int64_t)mx_filetime_now().t;
	const int64_t *id;
	int r;

	if (depth > MX_STORE_MAX_DEPTH + 1)
		return -EUCLEAN;
	r = mx_folder_ids(db,
			  hard ? SQL_FOLDER_CHILDREN_ANY : SQL_FOLDER_CHILDREN,
			  fid, &ids);
	id = (const int64_t *)(const void *)ids.p;
	for (size_t i = 0; !r && i < ids.len / sizeof(*id); i++)
		r = delete_tree(db, id[i], fid, hard, depth + 1);
	if (!r && hard)
		r = erase_messages(db, fid);
	if (!r && hard) {
		MX_AUTO(mx_frow_auto) struct mx_frow f = {0};

		/* Its large values go with it. */
		r = mx_folder_load(db, fid, &f);
		mx_bag_fini(&f.bag);
		if (!r)
			r = mx_folder_write(db, &f);
		if (!r)
			r = mx_db_do(&db->db, SQL_FOLDER_HARD_DELETE, "i", fid);
	} else if (!r) {
		r = mx_mdb_new_cn(db, &cn);
		if (!r)
			r = mx_db_do(&db->db, SQL_FOLDER_SOFT_DELETE, "iii",
				     fid, now, cn);
	}
	return r ? r : raise_deleted(db, fid, parent);
}

static int delete_locked(struct mx_obj *parent, int64_t fid, unsigned flags,
			 bool *ret_partial)
{
	MX_AUTO(mx_frow_auto) struct mx_frow f = {0};
	struct mx_mdb *db = parent->db;
	MX_MTXN(txn);
	int r = mx_folder_load(db, fid, &f);

	if (r)
		return r;
	if (f.special == MX_FLD_ROOT)
		return MX_ANS_NOT_SUPPORTED;
	if (f.parent != parent->fid || (f.deleted && !(flags & MX_DEL_HARD)))
		return MX_ANS_NOT_FOUND;
	if (f.special >= 0 || !parent->mb->may_write)
		return MX_ANS_ACCESS_DENIED;
	if ((f.total + f.assoc && !(flags & MX_DEL_MESSAGES)) ||
	    (f.subfolders && !(flags & MX_DEL_FOLDERS))) {
		*ret_partial = true;
		return 0;
	}
	r = mx_mtxn_begin(&txn, db);
	if (!r)
		r = delete_tree(db, fid, parent->fid, flags & MX_DEL_HARD, 0);
	if (!r)
		r = mx_mdb_raise_counts(db, parent->fid);
	return r ? r : mx_mtxn_commit(&txn);
}

int mx_folder_delete(struct mx_obj *parent, uint64_t fid, unsigned flags,
		     bool *ret_partial)
{
	bool partial = false;
	int r;

	if (parent->kind != MX_OBJ_FOLDER)
		return MX_ANS_NOT_SUPPORTED;
	if (flags & ~(unsigned)(MX_DEL_MESSAGES | MX_DEL_FOLDERS | MX_DEL_HARD))
		return MX_ANS_INVALID_PARAM;
	mx_mdb_lock(parent->db);
	r = delete_locked(parent, mx_mdb_counter(fid), flags, &partial);
	mx_mdb_unlock(parent->db);
	if (!r)
		*ret_partial = partial;
	return r;
}

/* ---- Counts ---- */

int mx_folder_counts(struct mx_obj *folder, struct mx_folder_counts *ret)
{
	struct mx_mdb *db = folder->db;
	int r;

	mx_mdb_lock(db);
	{
		MX_STMT st = NULL;

		r = mx_db_query(&db->db, &st, SQL_FOLDER_COUNTS, "i",
				folder->fid);
		if (r == 1) {
			ret->total = (uint32_t)sqlite3_column_int64(st, 0);
			ret->unread = (uint32_t)sqlite3_column_int64(st, 1);
			ret->assoc = (uint32_t)sqlite3_column_int64(st, 2);
			ret->subfolders = (uint32_t)sqlite3_column_int64(st, 3);
			r = 0;
		} else if (!r) {
			r = MX_ANS_OBJECT_DELETED;
		}
	}
	mx_mdb_unlock(db);
	return r;
}

bool mx_folder_has_rules(struct mx_obj *folder)
{
	return false; /* no rules are kept: ModifyRules is not supported */
}
