/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Single property values: copies, sizes, finding, names. */
#include "api/prop-part.h"

/* Copies n bytes of *pp into new memory on `root` and points there. */
static SCODE copy_run(void **pp, size_t n, ALLOCATEMORE *more, void *root)
{
	void *p = NULL;
	SCODE sc;

	if (!*pp)
		return S_OK;
	if (n > UINT32_MAX)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	sc = more((ULONG)n, root, &p);
	if (FAILED(sc))
		return sc;
	if (n)
		memcpy(p, *pp, n);
	*pp = p;
	return S_OK;
}

SCODE PropCopyMore(LPSPropValue dest, LPSPropValue src, ALLOCATEMORE *more,
		   LPVOID root)
{
	SPropValue v;
	struct mx_part part;
	SCODE sc;

	if (!dest || !src || !more)
		return MAPI_E_INVALID_PARAMETER;
	v = *src;
	if (!mx_part_of(&v, &part))
		return MAPI_E_INVALID_TYPE;
	if (part.pp) {
		sc = copy_run(part.pp, part.n, more, root);
		for (ULONG i = 0; SUCCEEDED(sc) && i < part.n_items; i++) {
			void **pp;
			size_t n;

			mx_part_item(&part, i, &pp, &n);
			sc = copy_run(pp, n, more, root);
		}
		if (FAILED(sc))
			return sc;
	}
	*dest = v;
	return S_OK;
}

ULONG UlPropSize(LPSPropValue v)
{
	struct mx_part part;
	size_t n, total;

	if (!v || !mx_part_of(v, &part))
		return 0;
	if (!part.pp)
		return (ULONG)mx_part_scalar(mx_api_type(v->ulPropTag));
	if (!part.item)
		return (ULONG)part.n;
	total = 0;
	for (ULONG i = 0; i < part.n_items; i++) {
		void **pp;

		mx_part_item(&part, i, &pp, &n);
		total += n;
	}
	return (ULONG)total;
}

LPSPropValue PpropFindProp(LPSPropValue props, ULONG n, ULONG tag)
{
	bool any = PROP_TYPE(tag) == PT_UNSPECIFIED;

	if (!props)
		return NULL;
	for (ULONG i = 0; i < n; i++) {
		ULONG t = props[i].ulPropTag;

		if (t == tag || (any && PROP_ID(t) == PROP_ID(tag) &&
				 PROP_TYPE(t) != PT_ERROR))
			return &props[i];
	}
	return NULL;
}

LPSPropValue LpValFindProp(ULONG tag, ULONG n, LPSPropValue props)
{
	if (!props)
		return NULL;
	for (ULONG i = 0; i < n; i++)
		if (PROP_ID(props[i].ulPropTag) == PROP_ID(tag))
			return &props[i];
	return NULL;
}

BOOL FEqualNames(LPMAPINAMEID a, LPMAPINAMEID b)
{
	if (!a || !b || !a->lpguid || !b->lpguid || a->ulKind != b->ulKind ||
	    !IsEqualGUID(a->lpguid, b->lpguid))
		return FALSE;
	if (a->ulKind == MNID_ID)
		return a->Kind.lID == b->Kind.lID;
	if (a->ulKind != MNID_STRING || !a->Kind.lpwstrName ||
	    !b->Kind.lpwstrName)
		return FALSE;
	return wcscmp(a->Kind.lpwstrName, b->Kind.lpwstrName) == 0;
}

void GetInstance(LPSPropValue mv, LPSPropValue sv, ULONG i)
{
	ULONG type;
	union _PV *v;

	if (!mv || !sv)
		return;
	type = PROP_TYPE(mv->ulPropTag);
	if (!(type & MV_FLAG) || i >= mv->Value.MVl.cValues)
		return;
	v = &sv->Value;
	sv->ulPropTag = CHANGE_PROP_TYPE(mv->ulPropTag, type & ~MVI_FLAG);
	switch (type & ~(ULONG)MV_INSTANCE) {
	case PT_MV_I2:
		v->i = mv->Value.MVi.lpi[i];
		break;
	case PT_MV_LONG:
		v->l = mv->Value.MVl.lpl[i];
		break;
	case PT_MV_R4:
		v->flt = mv->Value.MVflt.lpflt[i];
		break;
	case PT_MV_DOUBLE:
	case PT_MV_APPTIME:
		v->dbl = mv->Value.MVdbl.lpdbl[i];
		break;
	case PT_MV_CURRENCY:
		v->cur = mv->Value.MVcur.lpcur[i];
		break;
	case PT_MV_I8:
		v->li = mv->Value.MVli.lpli[i];
		break;
	case PT_MV_SYSTIME:
		v->ft = mv->Value.MVft.lpft[i];
		break;
	case PT_MV_CLSID:
		v->lpguid = &mv->Value.MVguid.lpguid[i];
		break;
	case PT_MV_BINARY:
		v->bin = mv->Value.MVbin.lpbin[i];
		break;
	case PT_MV_STRING8:
		v->lpszA = mv->Value.MVszA.lppszA[i];
		break;
	case PT_MV_UNICODE:
		v->lpszW = mv->Value.MVszW.lppszW[i];
		break;
	default:
		sv->ulPropTag = CHANGE_PROP_TYPE(mv->ulPropTag, PT_ERROR);
		v->err = MAPI_E_INVALID_TYPE;
	}
}
