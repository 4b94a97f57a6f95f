/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMAPIFolder.
 *
 * Its tables are opened by their first use, so a table, its columns and its
 * first rows are one round trip.
 */
#include <errno.h>
#include <stdlib.h>

#include "api/eid.h"
#include "api/folder.h"
#include "api/message.h"
#include "api/prop.h"
#include "api/store.h"
#include "api/table.h"
#include "api/text.h"

struct folder {
	struct mx_obj obj;
};

/* TableFlags.  [MS-OXCFOLD] 2.2.1.13.1, 2.2.1.14.1 */
enum {
	TF_ASSOCIATED = 0x02,
	TF_DEPTH = 0x04,
	TF_DEFERRED = 0x08,
	TF_SOFT_DELETES = 0x20,
	TF_UNICODE = 0x40,
};

static const uint32_t folder_own[] = {
	PR_ENTRYID,           PR_RECORD_KEY,         PR_STORE_ENTRYID,
	PR_OBJECT_TYPE,       PR_MDB_PROVIDER,       PR_STORE_RECORD_KEY,
	PR_MAPPING_SIGNATURE, PR_STORE_SUPPORT_MASK,
};

static int folder_get_own(struct mx_do *d, struct mx_obj *o, struct mx_arena *a,
			  uint32_t tag, struct mx_propval *ret)
{
	if (tag == PR_ENTRYID || tag == PR_RECORD_KEY)
		return mx_prop_own_eid(d, o, a, tag, mx_sobj_fid(o->so), 0,
				       ret);
	return mx_prop_own_common(d, o, a, tag, ret);
}

static struct mx_logon *logon_of(void *p)
{
	return mx_obj_store(MX_OBJ(p))->logon;
}

/* ---- tables ---- */

static HRESULT folder_contents(IMAPIFolder *p, ULONG flags, LPMAPITABLE *ret)
{
	struct mx_rop_req req = {.id = MX_ROP_GET_CONTENTS_TABLE};

	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	if (flags & ~(MAPI_UNICODE | MAPI_DEFERRED_ERRORS | MAPI_ASSOCIATED |
		      SHOW_SOFT_DELETES))
		return MAPI_E_UNKNOWN_FLAGS;
	req.get_contents_table.table_flags =
		(uint8_t)(TF_UNICODE |
			  (flags & MAPI_ASSOCIATED ? TF_ASSOCIATED : 0) |
			  (flags & SHOW_SOFT_DELETES ? TF_SOFT_DELETES : 0));
	return mx_table_open(MX_OBJ(p), MX_TABLE_CONTENTS, &req, true, flags,
			     ret);
}

static HRESULT folder_hierarchy(IMAPIFolder *p, ULONG flags, LPMAPITABLE *ret)
{
	struct mx_rop_req req = {.id = MX_ROP_GET_HIERARCHY_TABLE};

	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	if (flags & ~(MAPI_UNICODE | MAPI_DEFERRED_ERRORS | CONVENIENT_DEPTH |
		      SHOW_SOFT_DELETES))
		return MAPI_E_UNKNOWN_FLAGS;
	req.get_hierarchy_table.table_flags =
		(uint8_t)(TF_UNICODE |
			  (flags & CONVENIENT_DEPTH ? TF_DEPTH : 0) |
			  (flags & SHOW_SOFT_DELETES ? TF_SOFT_DELETES : 0));
	return mx_table_open(MX_OBJ(p), MX_TABLE_HIERARCHY, &req, true, flags,
			     ret);
}

static HRESULT folder_open_property(struct mx_obj *o, ULONG tag, LPCIID iid,
				    ULONG options, ULONG flags, LPUNKNOWN *ret)
{
	IMAPIFolder *p = (IMAPIFolder *)(void *)o;
	LPMAPITABLE *table = (LPMAPITABLE *)(void *)ret;

	if (!IsEqualGUID(iid, &IID_IMAPITable))
		return mx_obj_unsupported(o,
					  "OpenProperty with this interface");
	switch (PROP_ID(tag)) {
	case PROP_ID(PR_CONTAINER_CONTENTS):
		return folder_contents(p, options & MAPI_UNICODE, table);
	case PROP_ID(PR_FOLDER_ASSOCIATED_CONTENTS):
		return folder_contents(
			p, (options & MAPI_UNICODE) | MAPI_ASSOCIATED, table);
	case PROP_ID(PR_CONTAINER_HIERARCHY):
		return folder_hierarchy(p, options & MAPI_UNICODE, table);
	default:
		return mx_obj_unsupported(o, "OpenProperty of this table");
	}
}

static HRESULT folder_open_entry(IMAPIFolder *p, ULONG n, LPENTRYID eid,
				 LPCIID iid, ULONG flags, ULONG *ret_type,
				 LPUNKNOWN *ret)
{
	return mx_store_open_entry(mx_obj_store(MX_OBJ(p)), MX_OBJ(p), n, eid,
				   iid, flags, ret_type, ret);
}

/* ---- messages ---- */

static HRESULT folder_create_message(IMAPIFolder *p, LPCIID iid, ULONG flags,
				     LPMESSAGE *ret)
{
	struct mx_obj *m = NULL;
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, p);
	int err;

	if (FAILED(hr))
		return hr;
	if (!ret || (flags & ~(MAPI_DEFERRED_ERRORS | MAPI_ASSOCIATED)))
		return mx_do_end_hr(&d,
				    ret ? MAPI_E_UNKNOWN_FLAGS
					: MAPI_E_INVALID_PARAMETER,
				    "CreateMessage");
	*ret = NULL;
	err = mx_message_create(&d, MX_OBJ(p), flags & MAPI_ASSOCIATED, &m);
	if (!err)
		*ret = (LPMESSAGE)(void *)m;
	return mx_do_end(&d, err);
}

/* Messages in one ROP: their ids have to fit into 32 KiB. */
#define MAX_MIDS 4000u

/* The MIDs of a list of entry ids.  S_OK, or how the call has ended. */
static HRESULT read_mids(struct mx_do *d, struct mx_arena *a, IMAPIFolder *p,
			 const ENTRYLIST *list, uint64_t **ret)
{
	uint64_t *mids = mx_arena_newv(a, uint64_t, list->cValues + 1);
	uint64_t fid;
	int err = mids ? 0 : -ENOMEM;

	for (ULONG i = 0; !err && i < list->cValues; i++) {
		err = mx_eid_read(logon_of(p), list->lpbin[i].lpb,
				  list->lpbin[i].cb, &d->call, &fid, &mids[i]);
		if (!err && !mids[i])
			err = -EINVAL;
	}
	if (err == -EINVAL)
		return mx_do_end_hr(d, MAPI_E_INVALID_ENTRYID,
				    "not a message of this store");
	if (err)
		return mx_do_end(d, err);
	*ret = mids;
	return S_OK;
}

/* The partial completion of an answered op; 0 when it was refused plainly. */
static HRESULT end_partial(struct mx_do *d, int err, bool partial)
{
	if (err)
		return mx_do_end(d, err);
	return mx_do_end_hr(d, partial ? MAPI_W_PARTIAL_COMPLETION : S_OK,
			    "partial completion");
}

static HRESULT folder_copy_messages(IMAPIFolder *p, LPENTRYLIST list,
				    LPCIID iid, LPVOID dest, ULONG_PTR ui,
				    LPMAPIPROGRESS progress, ULONG flags)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_MOVE_COPY_MESSAGES};
	struct mx_obj *to = MX_OBJ(dest);
	struct mx_op *op;
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, p);
	if (FAILED(hr))
		return hr;
	if (!list || !dest || list->cValues > MAX_MIDS ||
	    (iid && !IsEqualGUID(iid, &IID_IMAPIFolder)))
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "CopyMessages to a folder, up to %u",
				    MAX_MIDS);
	if (flags & ~(MESSAGE_MOVE | MESSAGE_DIALOG | MAPI_DECLINE_OK))
		return mx_do_end_hr(&d, MAPI_E_UNKNOWN_FLAGS, "CopyMessages");
	/* Another session's folder is not on this connection. */
	if (to->vtbl != MX_OBJ(p)->vtbl || to->session != MX_OBJ(p)->session)
		return mx_do_end_unsupported(&d,
					     "CopyMessages between sessions");
	hr = read_mids(&d, &b.arena, p, list,
		       &req.move_copy_messages.message_ids);
	if (FAILED(hr))
		return hr;
	req.move_copy_messages.n_message_ids = list->cValues;
	req.move_copy_messages.want_copy = !(flags & MESSAGE_MOVE);
	op = mx_batch_add2(&b, MX_OBJ(p)->so, to->so, &req);
	err = mx_batch_run(&b, &d.call);
	if (!err)
		err = mx_op_fault(op, &d.fault);
	return end_partial(
		&d, err,
		!err && op->res->move_copy_messages.partial_completion);
}

static HRESULT folder_delete_messages(IMAPIFolder *p, LPENTRYLIST list,
				      ULONG_PTR ui, LPMAPIPROGRESS progress,
				      ULONG flags)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_DELETE_MESSAGES};
	const struct mx_rop_res *res = NULL;
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, p);
	if (FAILED(hr))
		return hr;
	if (!list || list->cValues > MAX_MIDS)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "DeleteMessages, up to %u", MAX_MIDS);
	if (flags & DELETE_HARD_DELETE)
		return mx_do_end_unsupported(&d, "DELETE_HARD_DELETE");
	if (flags & ~MESSAGE_DIALOG)
		return mx_do_end_hr(&d, MAPI_E_UNKNOWN_FLAGS, "DeleteMessages");
	hr = read_mids(&d, &b.arena, p, list, &req.delete_messages.message_ids);
	if (FAILED(hr))
		return hr;
	req.delete_messages.n_message_ids = list->cValues;
	req.delete_messages.notify_non_read = true;
	err = mx_rop_call(&b, MX_OBJ(p)->so, &req, &d.call, &res);
	return end_partial(&d, err,
			   !err && res->delete_messages.partial_completion);
}

static HRESULT folder_read_flags(IMAPIFolder *p, LPENTRYLIST list, ULONG_PTR ui,
				 LPMAPIPROGRESS progress, ULONG flags)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_SET_READ_FLAGS};
	const struct mx_rop_res *res = NULL;
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, p);
	if (FAILED(hr))
		return hr;
	if (flags & ~(MX_READ_FLAGS | MESSAGE_DIALOG | MAPI_DEFERRED_ERRORS))
		return mx_do_end_hr(&d, MAPI_E_UNKNOWN_FLAGS, "SetReadFlags");
	if (list && list->cValues > MAX_MIDS)
		return mx_do_end_hr(&d, MAPI_E_TOO_BIG, "up to %u messages",
				    MAX_MIDS);
	/* No list: every message of the folder. */
	if (list)
		hr = read_mids(&d, &b.arena, p, list,
			       &req.set_read_flags.message_ids);
	if (FAILED(hr))
		return hr;
	req.set_read_flags.n_message_ids = list ? list->cValues : 0;
	req.set_read_flags.read_flags = (uint8_t)(flags & MX_READ_FLAGS);
	err = mx_rop_call(&b, MX_OBJ(p)->so, &req, &d.call, &res);
	return end_partial(&d, err,
			   !err && res->set_read_flags.partial_completion);
}

/* ---- folders ---- */

static int folder_new(struct mx_obj *parent, struct mx_sobj *so,
		      struct mx_obj **ret);

static HRESULT folder_create_folder(IMAPIFolder *p, ULONG type, LPTSTR name,
				    LPTSTR comment, LPCIID iid, ULONG flags,
				    LPMAPIFOLDER *ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	MX_AUTO(mx_sobj_auto) struct mx_sobj *so = NULL;
	struct mx_rop_req req = {.id = MX_ROP_CREATE_FOLDER};
	struct mx_obj *f = NULL;
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, p);
	int err = 0;

	if (FAILED(hr))
		return hr;
	if (!ret || !name)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "CreateFolder without a name or result");
	*ret = NULL;
	if (flags & ~(OPEN_IF_EXISTS | MAPI_DEFERRED_ERRORS | MAPI_UNICODE))
		return mx_do_end_hr(&d, MAPI_E_UNKNOWN_FLAGS, "CreateFolder");
	req.create_folder.folder_type = (uint8_t)type;
	req.create_folder.use_unicode_strings = true;
	req.create_folder.open_existing = flags & OPEN_IF_EXISTS;
	req.create_folder.display_name = mx_text_in(&a, name, flags, &err);
	req.create_folder.comment = mx_text_in(&a, comment, flags, &err);
	if (!err)
		err = mx_do_sobj(&d, MX_OBJ(p)->so, &req, false, &so);
	if (!err)
		err = folder_new(&mx_obj_store(MX_OBJ(p))->obj, MX_STEAL(so),
				 &f);
	if (!err)
		*ret = (LPMAPIFOLDER)(void *)f;
	return mx_do_end(&d, err);
}

static HRESULT folder_delete_folder(IMAPIFolder *p, ULONG n, LPENTRYID eid,
				    ULONG_PTR ui, LPMAPIPROGRESS progress,
				    ULONG flags)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_DELETE_FOLDER};
	const struct mx_rop_res *res = NULL;
	uint64_t mid = 0;
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, p);
	if (FAILED(hr))
		return hr;
	if (flags &
	    ~(DEL_MESSAGES | FOLDER_DIALOG | DEL_FOLDERS | DELETE_HARD_DELETE))
		return mx_do_end_hr(&d, MAPI_E_UNKNOWN_FLAGS, "DeleteFolder");
	err = mx_eid_read(logon_of(p), eid, n, &d.call,
			  &req.delete_folder.folder_id, &mid);
	if (err == -EINVAL || (!err && mid))
		return mx_do_end_hr(&d, MAPI_E_INVALID_ENTRYID,
				    "not a folder of this store");
	if (err)
		return mx_do_end(&d, err);
	req.delete_folder.delete_folder_flags =
		(uint8_t)(flags &
			  (DEL_MESSAGES | DEL_FOLDERS | DELETE_HARD_DELETE));
	err = mx_rop_call(&b, MX_OBJ(p)->so, &req, &d.call, &res);
	return end_partial(&d, err,
			   !err && res->delete_folder.partial_completion);
}

/* ---- not offered ---- */

static HRESULT folder_set_search(IMAPIFolder *p, LPSRestriction res,
				 LPENTRYLIST list, ULONG flags)
{
	return mx_obj_unsupported(p, "SetSearchCriteria");
}

static HRESULT folder_get_search(IMAPIFolder *p, ULONG flags,
				 LPSRestriction *res, LPENTRYLIST *list,
				 ULONG *state)
{
	return mx_obj_unsupported(p, "GetSearchCriteria");
}

static HRESULT folder_copy_folder(IMAPIFolder *p, ULONG n, LPENTRYID eid,
				  LPCIID iid, LPVOID dest, LPTSTR name,
				  ULONG_PTR ui, LPMAPIPROGRESS progress,
				  ULONG flags)
{
	return mx_obj_unsupported(p, "CopyFolder");
}

static HRESULT folder_get_status(IMAPIFolder *p, ULONG n, LPENTRYID eid,
				 ULONG flags, ULONG *ret)
{
	return mx_obj_unsupported(p, "GetMessageStatus");
}

static HRESULT folder_set_status(IMAPIFolder *p, ULONG n, LPENTRYID eid,
				 ULONG status, ULONG mask, ULONG *ret)
{
	return mx_obj_unsupported(p, "SetMessageStatus");
}

static HRESULT folder_save_sort(IMAPIFolder *p, LPSSortOrderSet set,
				ULONG flags)
{
	return mx_obj_unsupported(p, "SaveContentsSort");
}

static HRESULT folder_empty(IMAPIFolder *p, ULONG_PTR ui,
			    LPMAPIPROGRESS progress, ULONG flags)
{
	return mx_obj_unsupported(p, "EmptyFolder");
}

static const IMAPIFolderVtbl folder_vtbl = {
	MX_PROP_ROWS(IMAPIFolder, mx_prop_save_nothing),
	folder_contents,
	folder_hierarchy,
	folder_open_entry,
	folder_set_search,
	folder_get_search,
	folder_create_message,
	folder_copy_messages,
	folder_delete_messages,
	folder_create_folder,
	folder_copy_folder,
	folder_delete_folder,
	folder_read_flags,
	folder_get_status,
	folder_set_status,
	folder_save_sort,
	folder_empty,
};

static const IID *const folder_iids[] = {&IID_IMAPIFolder, &IID_IMAPIContainer,
					 &IID_IMAPIProp};
static const struct mx_class folder_class = {
	.name = "IMAPIFolder",
	.type = MAPI_FOLDER,
	.iids = folder_iids,
	.n_iids = MX_ARRAY_SIZE(folder_iids),
	.own_tags = folder_own,
	.n_own_tags = MX_ARRAY_SIZE(folder_own),
	.own = folder_get_own,
	.open_property = folder_open_property,
};

/* Takes over so. */
static int folder_new(struct mx_obj *parent, struct mx_sobj *so,
		      struct mx_obj **ret)
{
	struct folder *f = calloc(1, sizeof(*f));

	if (!f) {
		mx_sobj_unref(so);
		return -ENOMEM;
	}
	mx_obj_init(&f->obj, &folder_vtbl, &folder_class, parent,
		    parent->session, so);
	*ret = &f->obj;
	return 0;
}

int mx_api_folder_open(struct mx_do *d, struct mx_obj *parent, uint64_t fid,
		       ULONG flags, struct mx_obj **ret)
{
	MX_AUTO(mx_sobj_auto) struct mx_sobj *so = NULL;
	struct mx_rop_req req = {.id = MX_ROP_OPEN_FOLDER};
	struct mx_store *st = mx_obj_store(parent);
	int err;

	req.open_folder.folder_id = fid;
	req.open_folder.open_mode_flags = flags & SHOW_SOFT_DELETES ? 4 : 0;
	err = mx_do_sobj(d, st->obj.so, &req, flags & MAPI_DEFERRED_ERRORS,
			 &so);
	return err ? err : folder_new(&st->obj, MX_STEAL(so), ret);
}
