/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IAttach, and the methods of IMessage that make and find attachments.
 */
#include <errno.h>
#include <stdlib.h>

#include "api/message.h"
#include "api/prop.h"
#include "api/strm.h"
#include "api/table.h"

struct attach {
	struct mx_obj obj;
};

static const uint32_t attach_own[] = {
	PR_OBJECT_TYPE,
	PR_STORE_ENTRYID,
	PR_STORE_SUPPORT_MASK,
};

static HRESULT attach_open_property(struct mx_obj *o, ULONG tag, LPCIID iid,
				    ULONG options, ULONG flags, LPUNKNOWN *ret)
{
	struct mx_obj *m = NULL;
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, o);
	int err;

	if (FAILED(hr))
		return hr;
	if (PROP_ID(tag) != PROP_ID(PR_ATTACH_DATA_OBJ) ||
	    !IsEqualGUID(iid, &IID_IMessage))
		return mx_do_end_unsupported(
			&d, "OpenProperty with this interface");
	err = mx_strm_flush_all(&d, o);
	if (!err)
		err = mx_message_embedded(&d, o, flags, &m);
	if (!err)
		*ret = (LPUNKNOWN)(void *)m;
	return mx_do_end(&d, err);
}

static const IAttachVtbl attach_vtbl = {
	MX_PROP_ROWS(IAttach, mx_message_save),
};

static const IID *const attach_iids[] = {&IID_IAttachment, &IID_IMAPIProp};
static const struct mx_class attach_class = {
	.name = "IAttach",
	.type = MAPI_ATTACH,
	.iids = attach_iids,
	.n_iids = MX_ARRAY_SIZE(attach_iids),
	.own_tags = attach_own,
	.n_own_tags = MX_ARRAY_SIZE(attach_own),
	.own = mx_prop_own_common,
	.open_property = attach_open_property,
};

/* Opens by `req` now, unless deferred. */
static int attach_new(struct mx_do *d, struct mx_obj *msg,
		      const struct mx_rop_req *req, bool deferred,
		      struct attach **ret)
{
	MX_AUTO(mx_sobj_auto) struct mx_sobj *so = NULL;
	struct attach *a;
	int err = mx_do_sobj(d, msg->so, req, deferred, &so);

	if (err)
		return err;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	mx_obj_init(&a->obj, &attach_vtbl, &attach_class, msg, msg->session,
		    MX_STEAL(so));
	*ret = a;
	return 0;
}

/* ---- methods of IMessage ---- */

HRESULT mx_message_attach_table(IMessage *p, ULONG flags, LPMAPITABLE *ret)
{
	struct mx_rop_req req = {.id = MX_ROP_GET_ATTACHMENT_TABLE};

	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	if (flags & ~(MAPI_UNICODE | MAPI_DEFERRED_ERRORS))
		return MAPI_E_UNKNOWN_FLAGS;
	req.get_attachment_table.table_flags = 0x40; /* Unicode */
	return mx_table_open(MX_OBJ(p), MX_TABLE_ATTACHMENTS, &req, true, flags,
			     ret);
}

HRESULT mx_message_open_attach(IMessage *p, ULONG num, LPCIID iid, ULONG flags,
			       LPATTACH *ret)
{
	struct mx_rop_req req = {.id = MX_ROP_OPEN_ATTACHMENT};
	struct attach *a = NULL;
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, p);
	int err;

	if (FAILED(hr))
		return hr;
	if (!ret)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER, "OpenAttach");
	*ret = NULL;
	if (flags & ~(MAPI_MODIFY | MAPI_DEFERRED_ERRORS | MAPI_BEST_ACCESS))
		return mx_do_end_hr(&d, MAPI_E_UNKNOWN_FLAGS, "OpenAttach");
	if (!mx_obj_answers(&attach_class, iid))
		return mx_do_end_hr(&d, MAPI_E_INTERFACE_NOT_SUPPORTED,
				    "an attachment is an IAttach");
	req.open_attachment.attachment_id = num;
	req.open_attachment.open_attachment_flags = flags & MAPI_MODIFY ? 1
						    : flags & MAPI_BEST_ACCESS
							    ? 3
							    : 0;
	err = attach_new(&d, MX_OBJ(p), &req, flags & MAPI_DEFERRED_ERRORS, &a);
	if (!err)
		*ret = (LPATTACH)(void *)a;
	return mx_do_end(&d, err);
}

/* Never deferred: the caller wants its number. */
HRESULT mx_message_create_attach(IMessage *p, LPCIID iid, ULONG flags,
				 ULONG *ret_num, LPATTACH *ret)
{
	struct mx_rop_req req = {.id = MX_ROP_CREATE_ATTACHMENT};
	struct attach *a = NULL;
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, p);
	int err;

	if (FAILED(hr))
		return hr;
	if (!ret || !ret_num || (flags & ~MAPI_DEFERRED_ERRORS))
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "CreateAttach");
	*ret = NULL;
	if (!mx_obj_answers(&attach_class, iid))
		return mx_do_end_hr(&d, MAPI_E_INTERFACE_NOT_SUPPORTED,
				    "an attachment is an IAttach");
	err = attach_new(&d, MX_OBJ(p), &req, false, &a);
	if (!err) {
		*ret_num = mx_sobj_attach_num(a->obj.so);
		*ret = (LPATTACH)(void *)a;
	}
	return mx_do_end(&d, err);
}

HRESULT mx_message_delete_attach(IMessage *p, ULONG num, ULONG_PTR ui,
				 LPMAPIPROGRESS progress, ULONG flags)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_DELETE_ATTACHMENT};
	struct mx_do d;
	HRESULT hr;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, p);
	if (FAILED(hr))
		return hr;
	req.delete_attachment.attachment_id = num;
	return mx_do_end(&d,
			 mx_rop_call(&b, MX_OBJ(p)->so, &req, &d.call, NULL));
}
