/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "api/addrbook.h"
#include "api/eid.h"
#include "api/text.h"
#include "wire/entryid.h"

struct addrbook {
	struct mx_obj obj; /* so is NULL: nothing on a server */
};

static HRESULT ab_create_one_off(IAddrBook *p, LPTSTR name, LPTSTR type,
				 LPTSTR address, ULONG flags, ULONG *ret_n,
				 LPENTRYID *ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	MX_AUTO(mx_buf_auto) struct mx_buf buf = MX_BUF_INIT;
	struct mx_oneoff id = {.flags = MX_ONE_OFF_UNICODE};
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, p);
	int err = 0;

	if (FAILED(hr))
		return hr;
	if (!type || !address || !ret || !ret_n)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "CreateOneOff without type or address");
	id.addrtype = mx_text_in(&a, type, flags, &err);
	id.address = mx_text_in(&a, address, flags, &err);
	id.name = name ? mx_text_in(&a, name, flags, &err) : id.address;
	if (flags & 0x00010000) /* MAPI_SEND_NO_RICH_INFO */
		id.flags |= MX_ONE_OFF_NO_RICH_INFO;
	if (!err)
		err = mx_oneoff_encode(&buf, &id);
	if (!err)
		err = mx_eid_give(buf.p, buf.len, ret_n, ret);
	return mx_do_end(&d, err);
}

static HRESULT ab_compare(IAddrBook *p, ULONG n1, LPENTRYID e1, ULONG n2,
			  LPENTRYID e2, ULONG flags, ULONG *ret)
{
	return mx_eid_compare(p, n1, e1, n2, e2, ret);
}

/* ---- needs a directory ---- */

static HRESULT ab_save(IAddrBook *p, ULONG flags)
{
	return mx_obj_unsupported(p, "SaveChanges of the address book");
}

static HRESULT ab_get(IAddrBook *p, LPSPropTagArray tags, ULONG flags, ULONG *n,
		      LPSPropValue *ret)
{
	return mx_obj_unsupported(p, "GetProps of the address book");
}

static HRESULT ab_list(IAddrBook *p, ULONG flags, LPSPropTagArray *ret)
{
	return mx_obj_unsupported(p, "GetPropList of the address book");
}

static HRESULT ab_open_prop(IAddrBook *p, ULONG tag, LPCIID iid, ULONG options,
			    ULONG flags, LPUNKNOWN *ret)
{
	return mx_obj_unsupported(p, "OpenProperty of the address book");
}

static HRESULT ab_set(IAddrBook *p, ULONG n, LPSPropValue vals,
		      LPSPropProblemArray *ret)
{
	return mx_obj_unsupported(p, "SetProps of the address book");
}

static HRESULT ab_delete(IAddrBook *p, LPSPropTagArray tags,
			 LPSPropProblemArray *ret)
{
	return mx_obj_unsupported(p, "DeleteProps of the address book");
}

static HRESULT ab_copy_to(IAddrBook *p, ULONG n, LPCIID iids,
			  LPSPropTagArray exclude, ULONG_PTR ui,
			  LPMAPIPROGRESS progress, LPCIID iid, LPVOID dest,
			  ULONG flags, LPSPropProblemArray *ret)
{
	return mx_obj_unsupported(p, "CopyTo of the address book");
}

static HRESULT ab_copy_props(IAddrBook *p, LPSPropTagArray include,
			     ULONG_PTR ui, LPMAPIPROGRESS progress, LPCIID iid,
			     LPVOID dest, ULONG flags, LPSPropProblemArray *ret)
{
	return mx_obj_unsupported(p, "CopyProps of the address book");
}

static HRESULT ab_names(IAddrBook *p, LPSPropTagArray *tags, LPGUID set,
			ULONG flags, ULONG *n, LPMAPINAMEID **ret)
{
	return mx_obj_unsupported(p, "GetNamesFromIDs of the address book");
}

static HRESULT ab_ids(IAddrBook *p, ULONG n, LPMAPINAMEID *names, ULONG flags,
		      LPSPropTagArray *ret)
{
	return mx_obj_unsupported(p, "GetIDsFromNames of the address book");
}

static HRESULT ab_open_entry(IAddrBook *p, ULONG n, LPENTRYID eid, LPCIID iid,
			     ULONG flags, ULONG *type, LPUNKNOWN *ret)
{
	return mx_obj_unsupported(p, "OpenEntry of the address book");
}

static HRESULT ab_advise(IAddrBook *p, ULONG n, LPENTRYID eid, ULONG mask,
			 LPMAPIADVISESINK sink, ULONG_PTR *ret)
{
	return mx_obj_unsupported(p, "Advise on the address book");
}

static HRESULT ab_unadvise(IAddrBook *p, ULONG_PTR conn)
{
	return mx_obj_unsupported(p, "Unadvise on the address book");
}

static HRESULT ab_new_entry(IAddrBook *p, ULONG_PTR ui, ULONG flags, ULONG n,
			    LPENTRYID container, ULONG n_tpl, LPENTRYID tpl,
			    ULONG *ret_n, LPENTRYID *ret)
{
	return mx_obj_unsupported(p, "NewEntry");
}

static HRESULT ab_resolve(IAddrBook *p, ULONG_PTR ui, ULONG flags, LPTSTR title,
			  LPADRLIST list)
{
	return mx_obj_unsupported(p, "ResolveName");
}

static HRESULT ab_address(IAddrBook *p, ULONG_PTR *ui, LPADRPARM parm,
			  LPADRLIST *list)
{
	return mx_obj_unsupported(p, "Address");
}

static HRESULT ab_details(IAddrBook *p, ULONG_PTR *ui, LPFNDISMISS dismiss,
			  LPVOID context, ULONG n, LPENTRYID eid,
			  LPFNBUTTON button, LPVOID button_context, LPTSTR text,
			  ULONG flags)
{
	return mx_obj_unsupported(p, "Details");
}

static HRESULT ab_recip_options(IAddrBook *p, ULONG_PTR ui, ULONG flags,
				LPADRENTRY entry)
{
	return mx_obj_unsupported(p, "RecipOptions");
}

static HRESULT ab_default_options(IAddrBook *p, LPTSTR type, ULONG flags,
				  ULONG *n, LPSPropValue *ret)
{
	return mx_obj_unsupported(p, "QueryDefaultRecipOpt");
}

static HRESULT ab_get_eid(IAddrBook *p, ULONG *n, LPENTRYID *ret)
{
	return mx_obj_unsupported(p, "GetPAB, GetDefaultDir");
}

static HRESULT ab_set_eid(IAddrBook *p, ULONG n, LPENTRYID eid)
{
	return mx_obj_unsupported(p, "SetPAB, SetDefaultDir");
}

static HRESULT ab_get_path(IAddrBook *p, ULONG flags, LPSRowSet *ret)
{
	return mx_obj_unsupported(p, "GetSearchPath");
}

static HRESULT ab_set_path(IAddrBook *p, ULONG flags, LPSRowSet path)
{
	return mx_obj_unsupported(p, "SetSearchPath");
}

static HRESULT ab_prepare(IAddrBook *p, ULONG flags, LPSPropTagArray tags,
			  LPADRLIST list)
{
	return mx_obj_unsupported(p, "PrepareRecips");
}

static const IAddrBookVtbl ab_vtbl = {
	MX_UNKNOWN_ROWS(IAddrBook),
	MX_LAST_ERROR_ROW(IAddrBook),
	.SaveChanges = ab_save,
	.GetProps = ab_get,
	.GetPropList = ab_list,
	.OpenProperty = ab_open_prop,
	.SetProps = ab_set,
	.DeleteProps = ab_delete,
	.CopyTo = ab_copy_to,
	.CopyProps = ab_copy_props,
	.GetNamesFromIDs = ab_names,
	.GetIDsFromNames = ab_ids,
	.OpenEntry = ab_open_entry,
	.CompareEntryIDs = ab_compare,
	.Advise = ab_advise,
	.Unadvise = ab_unadvise,
	.CreateOneOff = ab_create_one_off,
	.NewEntry = ab_new_entry,
	.ResolveName = ab_resolve,
	.Address = ab_address,
	.Details = ab_details,
	.RecipOptions = ab_recip_options,
	.QueryDefaultRecipOpt = ab_default_options,
	.GetPAB = ab_get_eid,
	.SetPAB = ab_set_eid,
	.GetDefaultDir = ab_get_eid,
	.SetDefaultDir = ab_set_eid,
	.GetSearchPath = ab_get_path,
	.SetSearchPath = ab_set_path,
	.PrepareRecips = ab_prepare,
};

static const IID *const ab_iids[] = {&IID_IAddrBook, &IID_IMAPIProp};
static const struct mx_class ab_class = {
	.name = "IAddrBook",
	.type = MAPI_ADDRBOOK,
	.iids = ab_iids,
	.n_iids = MX_ARRAY_SIZE(ab_iids),
};

HRESULT mx_addrbook_open(struct mx_obj *session, LPCIID iid, LPADRBOOK *ret)
{
	struct addrbook *ab;
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, session);

	if (FAILED(hr))
		return hr;
	if (!ret)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "OpenAddressBook");
	*ret = NULL;
	if (!mx_obj_answers(&ab_class, iid))
		return mx_do_end_hr(&d, MAPI_E_INTERFACE_NOT_SUPPORTED,
				    "the address book is an IAddrBook");
	ab = calloc(1, sizeof(*ab));
	if (!ab)
		return mx_do_end(&d, -ENOMEM);
	mx_obj_init(&ab->obj, &ab_vtbl, &ab_class, session, session->session,
		    NULL);
	*ret = (LPADRBOOK)(void *)ab;
	return mx_do_end(&d, 0);
}
