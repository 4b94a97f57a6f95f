/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Restrictions on rows in memory. */
#include "api/memtable.h"
#include "api/text.h"
#include "base/limits.h"

static bool is_string(ULONG type)
{
	return type == PT_STRING8 || type == PT_UNICODE;
}

const SPropValue *mx_memtable_find(const SRow *row, ULONG tag)
{
	ULONG want = mx_api_type(tag);

	for (ULONG i = 0; i < row->cValues; i++) {
		const SPropValue *v = &row->lpProps[i];
		ULONG type = mx_api_type(v->ulPropTag);

		if (PROP_ID(v->ulPropTag) != PROP_ID(tag) || type == PT_ERROR)
			continue;
		if (want == PT_UNSPECIFIED || type == want ||
		    (is_string(type) && is_string(want)))
			return v;
	}
	return NULL;
}

/* Compares a row's value with one of the same type, or of the other string
 * type. */
static bool compare(const SPropValue *v, ULONG relop, const SPropValue *with)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	SPropValue x = *v, y = *with;

	if (PROP_TYPE(x.ulPropTag) == PT_STRING8 &&
	    PROP_TYPE(y.ulPropTag) == PT_UNICODE) {
		x.Value.lpszW = mx_text_widen(&a, x.Value.lpszA);
		x.ulPropTag = CHANGE_PROP_TYPE(x.ulPropTag, PT_UNICODE);
	} else if (PROP_TYPE(x.ulPropTag) == PT_UNICODE &&
		   PROP_TYPE(y.ulPropTag) == PT_STRING8) {
		y.Value.lpszW = mx_text_widen(&a, y.Value.lpszA);
		y.ulPropTag = CHANGE_PROP_TYPE(y.ulPropTag, PT_UNICODE);
	}
	return FPropCompareProp(&x, relop, &y);
}

static bool compare_size(LONG a, ULONG relop, LONG b)
{
	SPropValue x = {PROP_TAG(PT_LONG, 1), 0, {.l = a}};
	SPropValue y = {PROP_TAG(PT_LONG, 1), 0, {.l = b}};

	return FPropCompareProp(&x, relop, &y);
}

static bool match(const SRow *row, const SRestriction *r, unsigned depth);

static bool match_list(const SRow *row, ULONG n, const SRestriction *r,
		       bool all, unsigned depth)
{
	for (ULONG i = 0; i < n; i++)
		if (match(row, &r[i], depth + 1) != all)
			return !all;
	return all;
}

static bool match(const SRow *row, const SRestriction *r, unsigned depth)
{
	const SPropValue *v, *w;

	if (!r || depth > MX_MAX_RESTRICT_DEPTH)
		return false;
	switch (r->rt) {
	case RES_AND:
		return match_list(row, r->res.resAnd.cRes, r->res.resAnd.lpRes,
				  true, depth);
	case RES_OR:
		return match_list(row, r->res.resOr.cRes, r->res.resOr.lpRes,
				  false, depth);
	case RES_NOT:
		return !match(row, r->res.resNot.lpRes, depth + 1);
	case RES_CONTENT:
		v = mx_memtable_find(row, r->res.resContent.ulPropTag);
		return v && FPropContainsProp((LPSPropValue)v,
					      r->res.resContent.lpProp,
					      r->res.resContent.ulFuzzyLevel);
	case RES_PROPERTY:
		v = mx_memtable_find(row, r->res.resProperty.ulPropTag);
		return v && r->res.resProperty.lpProp &&
		       compare(v, r->res.resProperty.relop,
			       r->res.resProperty.lpProp);
	case RES_COMPAREPROPS:
		v = mx_memtable_find(row, r->res.resCompareProps.ulPropTag1);
		w = mx_memtable_find(row, r->res.resCompareProps.ulPropTag2);
		return v && w && compare(v, r->res.resCompareProps.relop, w);
	case RES_BITMASK:
		v = mx_memtable_find(row, r->res.resBitMask.ulPropTag);
		return v && PROP_TYPE(v->ulPropTag) == PT_LONG &&
		       !(v->Value.ul & r->res.resBitMask.ulMask) ==
			       (r->res.resBitMask.relBMR == BMR_EQZ);
	case RES_SIZE:
		v = mx_memtable_find(row, r->res.resSize.ulPropTag);
		return v && compare_size((LONG)UlPropSize((LPSPropValue)v),
					 r->res.resSize.relop,
					 (LONG)r->res.resSize.cb);
	case RES_EXIST:
		return mx_memtable_find(row, r->res.resExist.ulPropTag);
	case RES_COMMENT:
		return !r->res.resComment.lpRes ||
		       match(row, r->res.resComment.lpRes, depth + 1);
	default:
		return false;
	}
}

bool mx_memtable_match(const SRow *row, const SRestriction *res)
{
	return !res || match(row, res, 1);
}
