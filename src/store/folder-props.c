/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of folders and of the mailbox itself: rows in memory, and what is
 * computed from them.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "store/dir.h"
#include "store/entry.h"
#include "store/give.h"
#include "store/obj-private.h"
#include "store/sql.h"
#include "store/tags.h"

void mx_frow_auto(struct mx_frow *f)
{
	free(f->name);
	free(f->class);
	mx_bag_fini(&f->bag);
}

static int dup_column(sqlite3_stmt *st, int i, char **ret)
{
	const char *s = (const char *)sqlite3_column_text(st, i);

	*ret = s ? strdup(s) : NULL;
	return s && !*ret ? -ENOMEM : 0;
}

int mx_folder_load(struct mx_mdb *db, int64_t fid, struct mx_frow *f)
{
	int64_t *const numbers[] = {
		&f->parent,   &f->special, &f->type,       &f->deleted,
		&f->cn,       NULL,        NULL,           &f->created,
		&f->modified, &f->total,   &f->unread,     &f->assoc,
		&f->gone,     &f->size,    &f->subfolders,
	};
	MX_STMT st = NULL;
	int r = mx_db_query(&db->db, &st, SQL_FOLDER_GET, "i", fid);

	if (r != 1)
		return r ? r : MX_ANS_NOT_FOUND;
	f->id = fid;
	for (int i = 0; i < (int)MX_ARRAY_SIZE(numbers); i++)
		if (numbers[i])
			*numbers[i] = sqlite3_column_int64(st, i);
	if (sqlite3_column_type(st, 1) == SQLITE_NULL)
		f->special = -1;
	r = dup_column(st, 5, &f->name);
	if (!r)
		r = dup_column(st, 6, &f->class);
	if (!r)
		r = mx_bag_unpack(&f->bag, db, sqlite3_column_blob(st, 15),
				  (size_t)sqlite3_column_bytes(st, 15));
	return r ? r : f->name ? 0 : -EUCLEAN;
}

static int release_old(struct mx_mdb *db, int stmt, const char *types,
		       int64_t id)
{
	MX_STMT st = NULL;
	int r = mx_db_query(&db->db, &st, stmt, types, id);

	if (r == 1)
		r = mx_pack_release(db, sqlite3_column_blob(st, 0),
				    (size_t)sqlite3_column_bytes(st, 0));
	return r;
}

int mx_folder_write(struct mx_mdb *db, struct mx_frow *f)
{
	MX_AUTO(mx_buf_auto) struct mx_buf out = {0};
	int r = mx_bag_pack(&f->bag, db, NULL, &out);

	if (!r)
		r = release_old(db, SQL_FOLDER_PROPS, "i", f->id);
	if (!r)
		r = mx_mdb_new_cn(db, &f->cn);
	f->modified = (int64_t)mx_filetime_now().t;
	if (!r)
		r = mx_db_do(&db->db, SQL_FOLDER_SET_PROPS, "ittiib", f->id,
			     f->name, f->class, f->cn, f->modified,
			     out.p ? out.p : (uint8_t *)"", (int)out.len);
	return r;
}

int mx_store_load_bag(struct mx_mdb *db, struct mx_bag *ret)
{
	MX_STMT st = NULL;
	int r = mx_db_query(&db->db, &st, SQL_MAILBOX_PROPS, "");

	if (r != 1)
		return r ? r : -EUCLEAN;
	return mx_bag_unpack(ret, db, sqlite3_column_blob(st, 0),
			     (size_t)sqlite3_column_bytes(st, 0));
}

int mx_store_write_bag(struct mx_mdb *db, const struct mx_bag *bag)
{
	MX_AUTO(mx_buf_auto) struct mx_buf out = {0};
	int r = mx_bag_pack(bag, db, NULL, &out);

	if (!r)
		r = release_old(db, SQL_MAILBOX_PROPS, "", 0);
	if (!r)
		r = mx_db_do(&db->db, SQL_MAILBOX_SET_PROPS, "b",
			     out.p ? out.p : (uint8_t *)"", (int)out.len);
	return r;
}

/* ---- Computed ---- */

const uint32_t mx_folder_computed_tags[] = {
	T_ENTRYID,
	T_RECORD_KEY,
	T_INSTANCE_KEY,
	T_STORE_ENTRYID,
	T_STORE_RECORD_KEY,
	T_MAPPING_SIGNATURE,
	T_PARENT_ENTRYID,
	T_OBJECT_TYPE,
	T_ACCESS,
	T_ACCESS_LEVEL,
	T_RIGHTS,
	T_DISPLAY_NAME,
	T_CONTAINER_CLASS,
	T_FOLDER_TYPE,
	T_CONTENT_COUNT,
	T_CONTENT_UNREAD,
	T_ASSOC_CONTENT_COUNT,
	T_SUBFOLDERS,
	T_FOLDER_CHILD_COUNT,
	T_DELETED_COUNT_TOTAL,
	T_MESSAGE_SIZE,
	T_MESSAGE_SIZE_EX,
	T_CREATION_TIME,
	T_LAST_MODIFICATION_TIME,
	T_HIER_REV,
	T_LOCAL_COMMIT_TIME_MAX,
	T_SOURCE_KEY,
	T_PARENT_SOURCE_KEY,
	T_CHANGE_KEY,
	T_PREDECESSOR_CHANGE_LIST,
	T_CN,
	T_FID,
	T_PARENT_FID,
	T_HAS_RULES,
	T_DEPTH,
	T_IPM_APPOINTMENT_ENTRYID,
	T_IPM_CONTACT_ENTRYID,
	T_IPM_JOURNAL_ENTRYID,
	T_IPM_NOTE_ENTRYID,
	T_IPM_TASK_ENTRYID,
	T_IPM_DRAFTS_ENTRYID,
	0,
};

const uint32_t mx_store_computed_tags[] = {
	T_ENTRYID,
	T_RECORD_KEY,
	T_STORE_ENTRYID,
	T_STORE_RECORD_KEY,
	T_MAPPING_SIGNATURE,
	T_OBJECT_TYPE,
	T_ACCESS,
	T_ACCESS_LEVEL,
	T_DISPLAY_NAME,
	T_MESSAGE_SIZE,
	T_MESSAGE_SIZE_EX,
	T_CREATION_TIME,
	T_STORE_SUPPORT_MASK,
	T_VALID_FOLDER_MASK,
	T_IPM_SUBTREE_ENTRYID,
	T_IPM_OUTBOX_ENTRYID,
	T_IPM_WASTEBASKET_ENTRYID,
	T_IPM_SENTMAIL_ENTRYID,
	T_VIEWS_ENTRYID,
	T_COMMON_VIEWS_ENTRYID,
	T_FINDER_ENTRYID,
	T_USER_ENTRYID,
	T_USER_NAME,
	T_MAILBOX_OWNER_ENTRYID,
	T_MAILBOX_OWNER_NAME,
	T_CODE_PAGE_ID,
	T_LOCALE_ID,
	T_SORT_LOCALE_ID,
	0,
};

/* Entry ids of standard folders, by the property that names them.  The IPM
 * ones stand on the root and the Inbox.  [MS-OXOSFLD] 2.2.3. */
static const struct {
	uint32_t tag;
	enum mx_special folder;
	bool on_folder;
} links[] = {
	{T_IPM_SUBTREE_ENTRYID, MX_FLD_IPM, false},
	{T_IPM_OUTBOX_ENTRYID, MX_FLD_OUTBOX, false},
	{T_IPM_WASTEBASKET_ENTRYID, MX_FLD_DELETED, false},
	{T_IPM_SENTMAIL_ENTRYID, MX_FLD_SENT, false},
	{T_VIEWS_ENTRYID, MX_FLD_VIEWS, false},
	{T_COMMON_VIEWS_ENTRYID, MX_FLD_COMMON_VIEWS, false},
	{T_FINDER_ENTRYID, MX_FLD_SEARCH, false},
	{T_IPM_APPOINTMENT_ENTRYID, MX_FLD_CALENDAR, true},
	{T_IPM_CONTACT_ENTRYID, MX_FLD_CONTACTS, true},
	{T_IPM_JOURNAL_ENTRYID, MX_FLD_JOURNAL, true},
	{T_IPM_NOTE_ENTRYID, MX_FLD_NOTES, true},
	{T_IPM_TASK_ENTRYID, MX_FLD_TASKS, true},
	{T_IPM_DRAFTS_ENTRYID, MX_FLD_DRAFTS, true},
};

static int give_link(struct mx_mdb *db, uint16_t id, bool on_folder,
		     struct mx_arena *a, struct mx_propval *ret)
{
	for (size_t i = 0; i < MX_ARRAY_SIZE(links); i++)
		if (MX_PROP_ID(links[i].tag) == id &&
		    links[i].on_folder == on_folder)
			return give_bin(
				mx_eid_folder(db, db->fid[links[i].folder], a),
				links[i].tag, ret);
	return 0;
}

static const struct mx_bin none = {0, NULL};

static struct mx_bin guid_bin(const struct mx_guid *g, struct mx_arena *a)
{
	const uint8_t *p = mx_arena_dup(a, g->b, 16);

	return p ? (struct mx_bin){16, p} : none;
}

/* What folder and store have alike. */
static int common(struct mx_mbox *mb, uint32_t tag, struct mx_arena *a,
		  struct mx_propval *ret)
{
	switch (MX_PROP_ID(tag)) {
	case MX_PROP_ID(T_STORE_ENTRYID):
		return give_bin(mx_eid_store(mb->owner_dn, a), T_STORE_ENTRYID,
				ret);
	case MX_PROP_ID(T_STORE_RECORD_KEY):
		return give_bin(guid_bin(&mb->db->guid, a), T_STORE_RECORD_KEY,
				ret);
	case MX_PROP_ID(T_MAPPING_SIGNATURE):
		return give_bin(guid_bin(&mb->db->guid, a), T_MAPPING_SIGNATURE,
				ret);
	case MX_PROP_ID(T_ACCESS_LEVEL):
		return give_i4(mb->may_write, T_ACCESS_LEVEL, ret);
	default:
		return 0;
	}
}

/* The keys that say which folder it is. */
static int keys(struct mx_mdb *db, const struct mx_frow *f, uint32_t tag,
		struct mx_arena *a, struct mx_propval *ret)
{
	/* The root is its own parent.  [MS-OXCFOLD] 2.2.2.2.1.7 */
	int64_t parent = f->parent ? f->parent : f->id;

	switch (MX_PROP_ID(tag)) {
	case MX_PROP_ID(T_ENTRYID):
		return give_bin(mx_eid_folder(db, f->id, a), T_ENTRYID, ret);
	case MX_PROP_ID(T_RECORD_KEY):
		return give_bin(mx_eid_folder(db, f->id, a), T_RECORD_KEY, ret);
	case MX_PROP_ID(T_INSTANCE_KEY):
		return give_bin(mx_instance_key(f->id, 0, 0, a), T_INSTANCE_KEY,
				ret);
	case MX_PROP_ID(T_PARENT_ENTRYID):
		return give_bin(mx_eid_folder(db, parent, a), T_PARENT_ENTRYID,
				ret);
	case MX_PROP_ID(T_SOURCE_KEY):
		return give_bin(mx_xid(db, f->id, a), T_SOURCE_KEY, ret);
	case MX_PROP_ID(T_PARENT_SOURCE_KEY):
		return give_bin(mx_xid(db, parent, a), T_PARENT_SOURCE_KEY,
				ret);
	case MX_PROP_ID(T_CHANGE_KEY):
		return give_bin(mx_xid(db, f->cn, a), T_CHANGE_KEY, ret);
	case MX_PROP_ID(T_PREDECESSOR_CHANGE_LIST):
		return give_bin(mx_pcl(db, f->cn, a), T_PREDECESSOR_CHANGE_LIST,
				ret);
	case MX_PROP_ID(T_CN):
		return give_i8((int64_t)mx_mdb_id(f->cn), T_CN, ret);
	case MX_PROP_ID(T_FID):
		return give_i8((int64_t)mx_mdb_id(f->id), T_FID, ret);
	case MX_PROP_ID(T_PARENT_FID):
		return give_i8((int64_t)mx_mdb_id(parent), T_PARENT_FID, ret);
	default:
		return 0;
	}
}

int mx_frow_computed(struct mx_mbox *mb, const struct mx_frow *f, uint32_t tag,
		     struct mx_arena *a, struct mx_propval *ret)
{
	bool rw = mb->may_write;
	int r;

	switch (MX_PROP_ID(tag)) {
	case MX_PROP_ID(T_DISPLAY_NAME):
		return give_str(f->name, T_DISPLAY_NAME, a, ret);
	case MX_PROP_ID(T_CONTAINER_CLASS):
		return f->class ? give_str(f->class, T_CONTAINER_CLASS, a, ret)
				: 0;
	case MX_PROP_ID(T_OBJECT_TYPE):
		return give_i4(3, T_OBJECT_TYPE, ret); /* MAPI_FOLDER */
	case MX_PROP_ID(T_ACCESS): /* modify 1 read 2 delete 4 hierarchy 8
				      contents 0x10 associated 0x20 */
		return give_i4(rw ? 0x3f : 2, T_ACCESS, ret);
	case MX_PROP_ID(T_RIGHTS): /* [MS-OXCPERM] 2.2.7 */
		return give_i4(rw ? 0x7fb : 0x401, T_RIGHTS, ret);
	case MX_PROP_ID(T_FOLDER_TYPE):
		return give_i4(f->type, T_FOLDER_TYPE, ret);
	case MX_PROP_ID(T_CONTENT_COUNT):
		return give_i4(f->total, T_CONTENT_COUNT, ret);
	case MX_PROP_ID(T_CONTENT_UNREAD):
		return give_i4(f->unread, T_CONTENT_UNREAD, ret);
	case MX_PROP_ID(T_ASSOC_CONTENT_COUNT):
		return give_i4(f->assoc, T_ASSOC_CONTENT_COUNT, ret);
	case MX_PROP_ID(T_SUBFOLDERS):
		return give_bool(f->subfolders > 0, T_SUBFOLDERS, ret);
	case MX_PROP_ID(T_FOLDER_CHILD_COUNT):
		return give_i4(f->subfolders, T_FOLDER_CHILD_COUNT, ret);
	case MX_PROP_ID(T_DELETED_COUNT_TOTAL):
		return give_i4(f->gone, T_DELETED_COUNT_TOTAL, ret);
	case MX_PROP_ID(T_MESSAGE_SIZE):
		if (MX_PROP_TYPE(tag) == MX_PT_I8)
			return give_i8(f->size, T_MESSAGE_SIZE_EX, ret);
		return give_i4(f->size, T_MESSAGE_SIZE, ret);
	case MX_PROP_ID(T_CREATION_TIME):
		return give_i8(f->created, T_CREATION_TIME, ret);
	case MX_PROP_ID(T_LAST_MODIFICATION_TIME):
		return give_i8(f->modified, T_LAST_MODIFICATION_TIME, ret);
	case MX_PROP_ID(T_HIER_REV):
		return give_i8(f->modified, T_HIER_REV, ret);
	case MX_PROP_ID(T_LOCAL_COMMIT_TIME_MAX):
		return give_i8(f->modified, T_LOCAL_COMMIT_TIME_MAX, ret);
	case MX_PROP_ID(T_HAS_RULES):
		return give_bool(false, T_HAS_RULES, ret);
	default:
		break;
	}
	r = keys(mb->db, f, tag, a, ret);
	if (!r)
		r = common(mb, tag, a, ret);
	if (!r && (f->special == MX_FLD_ROOT || f->special == MX_FLD_INBOX))
		r = give_link(mb->db, MX_PROP_ID(tag), true, a, ret);
	return r;
}

static int store_size(struct mx_mdb *db, int64_t *ret)
{
	int r = mx_db_get_int(&db->db, ret, SQL_MAILBOX_SIZE, "");

	return r == 1 ? 0 : r ? r : -EUCLEAN;
}

int mx_store_computed(struct mx_obj *o, uint32_t tag, struct mx_arena *a,
		      struct mx_propval *ret)
{
	struct mx_mbox *mb = o->mb;
	int64_t size;
	int r;

	switch (MX_PROP_ID(tag)) {
	case MX_PROP_ID(T_ENTRYID):
		return give_bin(mx_eid_store(mb->owner_dn, a), T_ENTRYID, ret);
	case MX_PROP_ID(T_RECORD_KEY):
		return give_bin(guid_bin(&o->db->guid, a), T_RECORD_KEY, ret);
	case MX_PROP_ID(T_OBJECT_TYPE):
		return give_i4(1, T_OBJECT_TYPE, ret); /* MAPI_STORE */
	case MX_PROP_ID(T_ACCESS):
		return give_i4(mb->may_write ? 0x1f : 2, T_ACCESS, ret);
	case MX_PROP_ID(T_DISPLAY_NAME):
		return give_str(mb->owner_display, T_DISPLAY_NAME, a, ret);
	case MX_PROP_ID(T_MESSAGE_SIZE):
		r = store_size(o->db, &size);
		if (r)
			return r;
		if (MX_PROP_TYPE(tag) == MX_PT_I8)
			return give_i8(size, T_MESSAGE_SIZE_EX, ret);
		return give_i4(size, T_MESSAGE_SIZE, ret);
	case MX_PROP_ID(T_CREATION_TIME):
		return give_i8(o->db->created, T_CREATION_TIME, ret);
	case MX_PROP_ID(T_STORE_SUPPORT_MASK):
		/* entry ids unique, modify, create, attachments, submit,
		 * notify, store unicode, HTML, associated contents */
		return give_i4(0x00051e7d, T_STORE_SUPPORT_MASK, ret);
	case MX_PROP_ID(T_VALID_FOLDER_MASK):
		return give_i4(0x7f, T_VALID_FOLDER_MASK, ret);
	case MX_PROP_ID(T_USER_ENTRYID):
		return give_bin(mx_eid_user(mb->user_dn, a), T_USER_ENTRYID,
				ret);
	case MX_PROP_ID(T_USER_NAME):
		return give_str(mb->user_display, T_USER_NAME, a, ret);
	case MX_PROP_ID(T_MAILBOX_OWNER_ENTRYID):
		return give_bin(mx_eid_user(mb->owner_dn, a),
				T_MAILBOX_OWNER_ENTRYID, ret);
	case MX_PROP_ID(T_MAILBOX_OWNER_NAME):
		return give_str(mb->owner_display, T_MAILBOX_OWNER_NAME, a,
				ret);
	case MX_PROP_ID(T_CODE_PAGE_ID):
		return give_i4(mb->codepage, T_CODE_PAGE_ID, ret);
	case MX_PROP_ID(T_LOCALE_ID):
		return give_i4(mb->lcid, T_LOCALE_ID, ret);
	case MX_PROP_ID(T_SORT_LOCALE_ID):
		return give_i4(mb->lcid, T_SORT_LOCALE_ID, ret);
	default:
		break;
	}
	r = common(mb, tag, a, ret);
	return r ? r : give_link(o->db, MX_PROP_ID(tag), false, a, ret);
}
