/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* One property, all rows: helpers that only call the interfaces. */
#include "api/api.h"

HRESULT HrGetOneProp(LPMAPIPROP obj, ULONG tag, LPSPropValue *ret)
{
	SizedSPropTagArray(1, tags) = {1, {tag}};
	LPSPropValue v = NULL;
	ULONG n;
	HRESULT hr;

	if (!obj || !ret)
		return MAPI_E_INVALID_PARAMETER;
	*ret = NULL;
	hr = IMAPIProp_GetProps(obj, (LPSPropTagArray)&tags, fMapiUnicode, &n,
				&v);
	if (FAILED(hr))
		return hr;
	if (hr == MAPI_W_ERRORS_RETURNED ||
	    PROP_TYPE(v->ulPropTag) == PT_ERROR) {
		hr = PROP_TYPE(v->ulPropTag) == PT_ERROR ? v->Value.err
							 : MAPI_E_NOT_FOUND;
		MAPIFreeBuffer(v);
		return hr;
	}
	*ret = v;
	return S_OK;
}

HRESULT HrSetOneProp(LPMAPIPROP obj, LPSPropValue v)
{
	LPSPropProblemArray problems = NULL;
	HRESULT hr;

	if (!obj || !v)
		return MAPI_E_INVALID_PARAMETER;
	hr = IMAPIProp_SetProps(obj, 1, v, &problems);
	if (SUCCEEDED(hr) && problems && problems->cProblem)
		hr = problems->aProblem[0].scode;
	MAPIFreeBuffer(problems);
	return hr;
}

BOOL FPropExists(LPMAPIPROP obj, ULONG tag)
{
	LPSPropTagArray tags = NULL;
	BOOL found = FALSE;

	if (!obj || FAILED(IMAPIProp_GetPropList(obj, MAPI_UNICODE, &tags)))
		return FALSE;
	for (ULONG i = 0; !found && i < tags->cValues; i++) {
		ULONG t = tags->aulPropTag[i];

		found = t == tag || (PROP_ID(t) == PROP_ID(tag) &&
				     (PROP_TYPE(tag) == PT_UNSPECIFIED ||
				      (PROP_TYPE(tag) == PT_STRING8 &&
				       PROP_TYPE(t) == PT_UNICODE)));
	}
	MAPIFreeBuffer(tags);
	return found;
}

/* ADRLIST and SRowSet are one layout: entries of pad, count, values. */
void FreePadrlist(LPADRLIST list)
{
	for (ULONG i = 0; list && i < list->cEntries; i++)
		MAPIFreeBuffer(list->aEntries[i].rgPropVals);
	MAPIFreeBuffer(list);
}

void FreeProws(LPSRowSet rows)
{
	for (ULONG i = 0; rows && i < rows->cRows; i++)
		MAPIFreeBuffer(rows->aRow[i].lpProps);
	MAPIFreeBuffer(rows);
}

/* ---- all rows ---- */

/* Moves the rows of `part` behind those of *all. */
static HRESULT append_rows(LPSRowSet *all, LPSRowSet part)
{
	ULONG have = *all ? (*all)->cRows : 0;
	LPSRowSet sum;

	if (!have) {
		MAPIFreeBuffer(*all);
		*all = part;
		return S_OK;
	}
	sum = mx_api_alloc(CbNewSRowSet((size_t)have + part->cRows));
	if (!sum) {
		FreeProws(part);
		return MAPI_E_NOT_ENOUGH_MEMORY;
	}
	sum->cRows = have + part->cRows;
	memcpy(sum->aRow, (*all)->aRow, have * sizeof(SRow));
	memcpy(sum->aRow + have, part->aRow, part->cRows * sizeof(SRow));
	MAPIFreeBuffer(*all);
	MAPIFreeBuffer(part);
	*all = sum;
	return S_OK;
}

static HRESULT query_rest(LPMAPITABLE table, LONG max, LPSRowSet *all)
{
	LONG want = max > 0 ? max + 1 : 500;
	HRESULT hr;

	for (;;) {
		LPSRowSet part = NULL;
		ULONG n;

		hr = IMAPITable_QueryRows(table, want, 0, &part);
		if (FAILED(hr))
			return hr;
		n = part->cRows;
		hr = append_rows(all, part);
		if (FAILED(hr) || !n)
			return hr;
		if (max > 0 && (*all)->cRows > (ULONG)max)
			return MAPI_E_TABLE_TOO_BIG;
		/* Growing steps: rows already gathered are moved seldom. */
		if (max <= 0 && want < 1 << 20)
			want *= 2;
	}
}

HRESULT HrQueryAllRows(LPMAPITABLE table, LPSPropTagArray cols,
		       LPSRestriction res, LPSSortOrderSet sort, LONG max,
		       LPSRowSet *ret)
{
	LPSRowSet all = NULL;
	HRESULT hr = S_OK;

	if (!table || !ret)
		return MAPI_E_INVALID_PARAMETER;
	*ret = NULL;
	/* Batched: they travel with the first QueryRows. */
	if (cols)
		hr = IMAPITable_SetColumns(table, cols, TBL_BATCH);
	if (SUCCEEDED(hr) && res)
		hr = IMAPITable_Restrict(table, res, TBL_BATCH);
	if (SUCCEEDED(hr) && sort)
		hr = IMAPITable_SortTable(table, sort, TBL_BATCH);
	if (SUCCEEDED(hr))
		hr = IMAPITable_SeekRow(table, BOOKMARK_BEGINNING, 0, NULL);
	if (SUCCEEDED(hr))
		hr = query_rest(table, max, &all);
	if (FAILED(hr)) {
		FreeProws(all);
		return hr;
	}
	*ret = all;
	return S_OK;
}

/* ---- columns ---- */

static bool has_column(const SPropTagArray *cols, ULONG tag)
{
	for (ULONG i = 0; i < cols->cValues; i++)
		if (cols->aulPropTag[i] == tag)
			return true;
	return false;
}

HRESULT HrAddColumnsEx(LPMAPITABLE table, LPSPropTagArray add,
		       LPALLOCATEBUFFER alloc, LPFREEBUFFER dealloc,
		       void (*filter)(LPSPropTagArray))
{
	LPSPropTagArray old = NULL, cols = NULL;
	HRESULT hr;

	if (!table || !add)
		return MAPI_E_INVALID_PARAMETER;
	hr = IMAPITable_QueryColumns(table, filter ? TBL_ALL_COLUMNS : 0, &old);
	if (FAILED(hr))
		return hr;
	if (filter)
		filter(old);
	cols = mx_api_alloc(
		CbNewSPropTagArray((size_t)add->cValues + old->cValues));
	if (cols) {
		memcpy(cols, add, CbSPropTagArray(add));
		for (ULONG i = 0; i < old->cValues; i++)
			if (old->aulPropTag[i] != PR_NULL &&
			    !has_column(add, old->aulPropTag[i]))
				cols->aulPropTag[cols->cValues++] =
					old->aulPropTag[i];
		hr = IMAPITable_SetColumns(table, cols, TBL_BATCH);
	} else {
		hr = MAPI_E_NOT_ENOUGH_MEMORY;
	}
	MAPIFreeBuffer(old);
	MAPIFreeBuffer(cols);
	return hr;
}

HRESULT HrAddColumns(LPMAPITABLE table, LPSPropTagArray add,
		     LPALLOCATEBUFFER alloc, LPFREEBUFFER dealloc)
{
	return HrAddColumnsEx(table, add, alloc, dealloc, NULL);
}
