/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named properties.  The mapping is the mailbox's, so any object of a store
 * asks its logon.
 */
#include <errno.h>

#include "api/prop.h"
#include "api/store.h"
#include "api/text.h"

static int name_in(struct mx_arena *a, const MAPINAMEID *n,
		   struct mx_propname *ret)
{
	if (!n || !n->lpguid)
		return -EINVAL;
	memcpy(&ret->guid, n->lpguid, sizeof(ret->guid));
	if (n->ulKind == MNID_ID) {
		ret->kind = MX_KIND_LID;
		ret->lid = (uint32_t)n->Kind.lID;
		return 0;
	}
	if (n->ulKind != MNID_STRING || !n->Kind.lpwstrName)
		return -EINVAL;
	ret->kind = MX_KIND_NAME;
	ret->name = mx_text_narrow(a, n->Kind.lpwstrName);
	return ret->name ? 0 : -ENOMEM;
}

static int ask_ids(struct mx_do *d, struct mx_obj *o, struct mx_batch *b,
		   ULONG n, LPMAPINAMEID *names, ULONG flags,
		   const struct mx_get_property_ids_from_names_res **ret)
{
	struct mx_rop_req req = {.id = MX_ROP_GET_PROPERTY_IDS_FROM_NAMES};
	struct mx_propname *p =
		mx_arena_newv(&b->arena, struct mx_propname, n + 1);
	const struct mx_rop_res *res;
	int err = p ? 0 : -ENOMEM;

	for (ULONG i = 0; !err && i < n; i++)
		err = name_in(&b->arena, names[i], &p[i]);
	if (err)
		return err;
	req.get_property_ids_from_names.flags = flags & MAPI_CREATE ? 2 : 0;
	req.get_property_ids_from_names.n_property_names = n;
	req.get_property_ids_from_names.property_names = p;
	err = mx_rop_call(b, mx_logon_sobj(mx_obj_store(o)->logon), &req,
			  &d->call, &res);
	if (err)
		return err;
	*ret = &res->get_property_ids_from_names;
	if ((*ret)->n_property_ids != n)
		return mx_fault_set(&d->fault, MX_LAYER_LOCAL, 0, -EPROTO,
				    "the server answered %u of %u names",
				    (*ret)->n_property_ids, n);
	return 0;
}

HRESULT mx_prop_ids(struct mx_obj *o, ULONG n, LPMAPINAMEID *names, ULONG flags,
		    LPSPropTagArray *ret)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	const struct mx_get_property_ids_from_names_res *res;
	SPropTagArray *tags;
	bool all = true;
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, o);
	if (FAILED(hr))
		return hr;
	if (!ret || (flags & ~MAPI_CREATE))
		return mx_do_end_hr(&d,
				    ret ? MAPI_E_UNKNOWN_FLAGS
					: MAPI_E_INVALID_PARAMETER,
				    "GetIDsFromNames");
	*ret = NULL;
	if (!n || !names)
		return mx_do_end_unsupported(&d,
					     "GetIDsFromNames of all names");
	if (n > UINT16_MAX)
		return mx_do_end_hr(&d, MAPI_E_TOO_BIG, "%u names", n);
	err = ask_ids(&d, o, &b, n, names, flags, &res);
	if (err)
		return mx_do_end(&d, err);
	tags = mx_api_alloc(CbNewSPropTagArray((size_t)n));
	if (!tags)
		return mx_do_end(&d, -ENOMEM);
	tags->cValues = n;
	for (ULONG i = 0; i < n; i++) {
		bool known = res->property_ids[i] != 0;

		tags->aulPropTag[i] =
			PROP_TAG(known ? PT_UNSPECIFIED : PT_ERROR,
				 res->property_ids[i]);
		all &= known;
	}
	*ret = tags;
	return mx_do_end_hr(&d, all ? S_OK : MAPI_W_ERRORS_RETURNED, "names");
}

HRESULT mx_prop_names(struct mx_obj *o, LPSPropTagArray *tags, LPGUID set,
		      ULONG flags, ULONG *ret_n, LPMAPINAMEID **ret)
{
	return mx_obj_unsupported(o, "GetNamesFromIDs");
}
