/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMessage: opening, saving, submitting.  Recipients are in message-recips.c,
 * attachments in attach.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "api/message.h"
#include "api/prop.h"
#include "api/store.h"
#include "api/strm.h"

/* OpenModeFlags.  [MS-OXCMSG] 2.2.3.1.1 */
enum {
	OPEN_READ = 0,
	OPEN_WRITE = 1,
	OPEN_CREATE = 2,
	OPEN_BEST = 3,
};

static const uint32_t message_own[] = {
	PR_ENTRYID,          PR_RECORD_KEY,        PR_PARENT_ENTRYID,
	PR_STORE_ENTRYID,    PR_OBJECT_TYPE,       PR_MDB_PROVIDER,
	PR_STORE_RECORD_KEY, PR_MAPPING_SIGNATURE, PR_STORE_SUPPORT_MASK,
};

static int message_get_own(struct mx_do *d, struct mx_obj *o,
			   struct mx_arena *a, uint32_t tag,
			   struct mx_propval *ret)
{
	uint64_t fid = mx_sobj_fid(o->so), mid = mx_sobj_mid(o->so);

	switch (tag) {
	case PR_ENTRYID:
	case PR_RECORD_KEY:
	case PR_PARENT_ENTRYID:
		if (fid && (mid || tag == PR_PARENT_ENTRYID))
			return mx_prop_own_eid(
				d, o, a, tag, fid,
				tag == PR_PARENT_ENTRYID ? 0 : mid, ret);
		/* Not saved yet, or inside an attachment: it has none. */
		*ret = (struct mx_propval){.tag = MX_PROP_RETYPE(tag,
								 MX_PT_ERROR),
					   .v.err = (uint32_t)MAPI_E_NOT_FOUND};
		return 1;
	default:
		return mx_prop_own_common(d, o, a, tag, ret);
	}
}

/* ---- saving ---- */

#define SAVE_FLAGS (KEEP_OPEN_READONLY | KEEP_OPEN_READWRITE | FORCE_SAVE)

HRESULT mx_message_save(struct mx_obj *o, ULONG flags)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_SAVE_CHANGES_MESSAGE};
	uint8_t how = (uint8_t)(flags & SAVE_FLAGS);
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, o);
	if (FAILED(hr))
		return hr;
	if (flags & ~(SAVE_FLAGS | MAPI_DEFERRED_ERRORS))
		return mx_do_end_hr(&d, MAPI_E_UNKNOWN_FLAGS, "SaveChanges");
	err = mx_strm_flush_all(&d, o);
	if (err)
		return mx_do_end(&d, err);
	/* Without a flag the object is not used again; the server keeps it
	 * open until it is released all the same. */
	if (!(flags & (KEEP_OPEN_READONLY | KEEP_OPEN_READWRITE)))
		how |= KEEP_OPEN_READONLY;
	if (o->cls->type == MAPI_ATTACH) {
		req.id = MX_ROP_SAVE_CHANGES_ATTACHMENT;
		req.save_changes_attachment.save_flags = how;
	} else {
		req.save_changes_message.save_flags = how;
	}
	return mx_do_end(&d, mx_rop_call(&b, o->so, &req, &d.call, NULL));
}

/* Saves and submits in one request. */
static HRESULT message_submit(IMessage *p, ULONG flags)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req save = {.id = MX_ROP_SAVE_CHANGES_MESSAGE};
	struct mx_rop_req submit = {.id = MX_ROP_SUBMIT_MESSAGE};
	struct mx_op *bad;
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, p);
	if (FAILED(hr))
		return hr;
	if (flags & ~FORCE_SUBMIT)
		return mx_do_end_hr(&d, MAPI_E_UNKNOWN_FLAGS, "SubmitMessage");
	if (((struct mx_message *)(void *)p)->embedded)
		return mx_do_end_unsupported(&d,
					     "SubmitMessage of an attachment");
	err = mx_strm_flush_all(&d, MX_OBJ(p));
	if (err)
		return mx_do_end(&d, err);
	save.save_changes_message.save_flags = KEEP_OPEN_READWRITE;
	mx_batch_add(&b, MX_OBJ(p)->so, &save);
	mx_batch_add(&b, MX_OBJ(p)->so, &submit);
	err = mx_batch_run(&b, &d.call);
	bad = err ? NULL : mx_batch_failed(&b);
	return mx_do_end(&d, bad ? mx_op_fault(bad, &d.fault) : err);
}

static HRESULT message_read_flag(IMessage *p, ULONG flags)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_SET_MESSAGE_READ_FLAG};
	struct mx_do d;
	HRESULT hr;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, p);
	if (FAILED(hr))
		return hr;
	if (flags & ~(MX_READ_FLAGS | MAPI_DEFERRED_ERRORS))
		return mx_do_end_hr(&d, MAPI_E_UNKNOWN_FLAGS, "SetReadFlag");
	req.set_message_read_flag.read_flags = (uint8_t)(flags & MX_READ_FLAGS);
	return mx_do_end(&d,
			 mx_rop_call(&b, MX_OBJ(p)->so, &req, &d.call, NULL));
}

static HRESULT message_open_property(struct mx_obj *o, ULONG tag, LPCIID iid,
				     ULONG options, ULONG flags, LPUNKNOWN *ret)
{
	IMessage *p = (IMessage *)(void *)o;
	LPMAPITABLE *table = (LPMAPITABLE *)(void *)ret;

	if (!IsEqualGUID(iid, &IID_IMAPITable))
		return mx_obj_unsupported(o,
					  "OpenProperty with this interface");
	switch (PROP_ID(tag)) {
	case PROP_ID(PR_MESSAGE_RECIPIENTS):
		return mx_message_recipients(p, options & MAPI_UNICODE, table);
	case PROP_ID(PR_MESSAGE_ATTACHMENTS):
		return mx_message_attach_table(p, options & MAPI_UNICODE,
					       table);
	default:
		return mx_obj_unsupported(o, "OpenProperty of this table");
	}
}

static const IMessageVtbl message_vtbl = {
	MX_PROP_ROWS(IMessage, mx_message_save),
	mx_message_attach_table,
	mx_message_open_attach,
	mx_message_create_attach,
	mx_message_delete_attach,
	mx_message_recipients,
	mx_message_modify_recipients,
	message_submit,
	message_read_flag,
};

static const IID *const message_iids[] = {&IID_IMessage, &IID_IMAPIProp};
static const struct mx_class message_class = {
	.name = "IMessage",
	.type = MAPI_MESSAGE,
	.iids = message_iids,
	.n_iids = MX_ARRAY_SIZE(message_iids),
	.own_tags = message_own,
	.n_own_tags = MX_ARRAY_SIZE(message_own),
	.own = message_get_own,
	.open_property = message_open_property,
};

/* ---- making ---- */

/* Makes the server object by `open` under `from`, now unless deferred, and the
 * message under `parent`. */
static int message_new(struct mx_do *d, struct mx_obj *parent,
		       struct mx_sobj *from, const struct mx_rop_req *open,
		       bool deferred, struct mx_message **ret)
{
	MX_AUTO(mx_sobj_auto) struct mx_sobj *so = NULL;
	struct mx_message *m;
	int err = mx_do_sobj(d, from, open, deferred, &so);

	if (err)
		return err;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	mx_obj_init(&m->obj, &message_vtbl, &message_class, parent,
		    parent->session, MX_STEAL(so));
	*ret = m;
	return 0;
}

static uint8_t open_mode(ULONG flags)
{
	if (flags & MAPI_MODIFY)
		return OPEN_WRITE;
	return flags & MAPI_BEST_ACCESS ? OPEN_BEST : OPEN_READ;
}

int mx_message_open(struct mx_do *d, struct mx_obj *parent, uint64_t fid,
		    uint64_t mid, ULONG flags, struct mx_obj **ret)
{
	struct mx_rop_req req = {.id = MX_ROP_OPEN_MESSAGE};
	struct mx_store *st = mx_obj_store(parent);
	struct mx_message *m;
	int err;

	req.open_message.code_page_id = MX_CODE_PAGE_LOGON;
	req.open_message.folder_id = fid;
	req.open_message.message_id = mid;
	req.open_message.open_mode_flags = open_mode(flags);
	err = message_new(d, &st->obj, st->obj.so, &req,
			  flags & MAPI_DEFERRED_ERRORS, &m);
	if (!err)
		*ret = &m->obj;
	return err;
}

int mx_message_create(struct mx_do *d, struct mx_obj *folder, bool associated,
		      struct mx_obj **ret)
{
	struct mx_rop_req req = {.id = MX_ROP_CREATE_MESSAGE};
	struct mx_message *m;
	uint64_t fid = mx_sobj_fid(folder->so);
	int err;

	req.create_message.code_page_id = MX_CODE_PAGE_LOGON;
	req.create_message.folder_id = fid;
	req.create_message.associated_flag = associated;
	err = message_new(d, &mx_obj_store(folder)->obj, folder->so, &req, true,
			  &m);
	if (err)
		return err;
	m->associated = associated;
	m->rows_known = true;
	*ret = &m->obj;
	return 0;
}

int mx_message_embedded(struct mx_do *d, struct mx_obj *attach, ULONG flags,
			struct mx_obj **ret)
{
	struct mx_rop_req req = {.id = MX_ROP_OPEN_EMBEDDED_MESSAGE};
	struct mx_message *m;
	int err;

	req.open_embedded_message.code_page_id = MX_CODE_PAGE_LOGON;
	req.open_embedded_message.open_mode_flags =
		flags & MAPI_CREATE   ? OPEN_CREATE
		: flags & MAPI_MODIFY ? OPEN_WRITE
				      : OPEN_READ;
	err = message_new(d, attach, attach->so, &req,
			  flags & MAPI_DEFERRED_ERRORS, &m);
	if (err)
		return err;
	m->embedded = true;
	m->rows_known = flags & MAPI_CREATE;
	*ret = &m->obj;
	return 0;
}
