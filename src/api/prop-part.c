/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/prop-part.h"

size_t mx_part_scalar(ULONG type)
{
	switch (type) {
	case PT_I2:
	case PT_BOOLEAN:
		return 2;
	case PT_LONG:
	case PT_R4:
	case PT_ERROR:
		return 4;
	case PT_DOUBLE:
	case PT_CURRENCY:
	case PT_APPTIME:
	case PT_I8:
	case PT_SYSTIME:
		return 8;
	default:
		return 0;
	}
}

/* Bytes of one value of an array of plain values; 0 for other types. */
static size_t array_width(ULONG type)
{
	return type == PT_MV_CLSID ? sizeof(GUID)
				   : mx_part_scalar(type & ~(ULONG)MV_FLAG);
}

static bool array_of(SPropValue *v, ULONG type, struct mx_part *ret)
{
	size_t width = array_width(type);

	/* Every SFooArray is a count and a pointer. */
	ret->pp = (void **)&v->Value.MVl.lpl;
	ret->n_items = v->Value.MVl.cValues;
	switch (type) {
	case PT_MV_STRING8:
		ret->item = PT_STRING8;
		width = sizeof(LPSTR);
		break;
	case PT_MV_UNICODE:
		ret->item = PT_UNICODE;
		width = sizeof(LPWSTR);
		break;
	case PT_MV_BINARY:
		ret->item = PT_BINARY;
		width = sizeof(SBinary);
		break;
	default:
		if (!width)
			return false;
	}
	ret->n = ret->n_items * width;
	if (!ret->item)
		ret->n_items = 0;
	return true;
}

bool mx_part_of(SPropValue *v, struct mx_part *ret)
{
	ULONG type = PROP_TYPE(v->ulPropTag);

	*ret = (struct mx_part){0};
	/* An instance of a multi-valued column holds one value. */
	if ((type & MVI_FLAG) == MVI_FLAG)
		type &= ~(ULONG)MVI_FLAG;
	switch (type) {
	case PT_UNSPECIFIED:
	case PT_NULL:
	case PT_OBJECT:
	case PT_PTR:
		return true;
	case PT_STRING8:
		ret->pp = (void **)&v->Value.lpszA;
		ret->n = v->Value.lpszA ? strlen(v->Value.lpszA) + 1 : 0;
		return true;
	case PT_UNICODE:
		ret->pp = (void **)&v->Value.lpszW;
		ret->n = v->Value.lpszW
				 ? (wcslen(v->Value.lpszW) + 1) * sizeof(WCHAR)
				 : 0;
		return true;
	case PT_BINARY:
	case PT_SVREID:
		ret->pp = (void **)&v->Value.bin.lpb;
		ret->n = v->Value.bin.cb;
		return true;
	case PT_CLSID:
		ret->pp = (void **)&v->Value.lpguid;
		ret->n = v->Value.lpguid ? sizeof(GUID) : 0;
		return true;
	default:
		if (mx_part_scalar(type))
			return true;
		return (type & MV_FLAG) && array_of(v, type, ret);
	}
}

void mx_part_item(const struct mx_part *p, ULONG i, void ***ret_pp,
		  size_t *ret_n)
{
	if (p->item == PT_STRING8) {
		LPSTR *s = (LPSTR *)*p->pp + i;

		*ret_pp = (void **)s;
		*ret_n = *s ? strlen(*s) + 1 : 0;
	} else if (p->item == PT_UNICODE) {
		LPWSTR *s = (LPWSTR *)*p->pp + i;

		*ret_pp = (void **)s;
		*ret_n = *s ? (wcslen(*s) + 1) * sizeof(WCHAR) : 0;
	} else {
		SBinary *b = (SBinary *)*p->pp + i;

		*ret_pp = (void **)&b->lpb;
		*ret_n = b->cb;
	}
}
