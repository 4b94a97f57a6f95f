/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ITableData: rows in memory, known by an index column, and views of them.  A
 * view is a copy of the rows as they are when it is taken.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "api/memtable.h"
#include "base/lock.h"

struct tabledata {
	ITableData t;
	atomic_uint refs;
	ULONG index; /* the index column's tag */
	ULONG *cols, n_cols;
	struct mx_mutex lock;
	SRow *rows; /* each lpProps a MAPI buffer */
	ULONG n, cap;
};

static struct tabledata *td_of(ITableData *p)
{
	return (struct tabledata *)(void *)p;
}

static HRESULT td_query(ITableData *p, REFIID iid, LPVOID *ret)
{
	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	*ret = NULL;
	if (!IsEqualGUID(iid, &IID_IUnknown) &&
	    !IsEqualGUID(iid, &IID_IMAPITableData))
		return MAPI_E_INTERFACE_NOT_SUPPORTED;
	ITableData_AddRef(p);
	*ret = p;
	return S_OK;
}

static ULONG td_add(ITableData *p)
{
	return atomic_fetch_add(&td_of(p)->refs, 1) + 1;
}

static ULONG td_release(ITableData *p)
{
	struct tabledata *t = td_of(p);
	ULONG n = atomic_fetch_sub(&t->refs, 1) - 1;

	if (n)
		return n;
	for (ULONG i = 0; i < t->n; i++)
		MAPIFreeBuffer(t->rows[i].lpProps);
	free(t->rows);
	free(t->cols);
	mx_mutex_fini(&t->lock);
	free(t);
	return 0;
}

static HRESULT copy(const SRow *from, SRow *to)
{
	*to = (SRow){0, from->cValues, NULL};
	return ScDupPropset((int)from->cValues, from->lpProps,
			    MAPIAllocateBuffer, &to->lpProps);
}

/* The row whose index column has this value; -1 if none. */
static int64_t find_locked(struct tabledata *t, const SPropValue *key) MX_LOCKED
{
	for (ULONG i = 0; i < t->n; i++) {
		const SPropValue *v = mx_memtable_find(&t->rows[i], t->index);

		if (v && FPropCompareProp((LPSPropValue)v, RELOP_EQ,
					  (LPSPropValue)key))
			return i;
	}
	return -1;
}

static HRESULT room_locked(struct tabledata *t) MX_LOCKED
{
	ULONG cap = t->cap ? t->cap * 2 : 16;
	SRow *rows;

	if (t->n < t->cap)
		return S_OK;
	rows = reallocarray(t->rows, cap, sizeof(*rows));
	if (!rows)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	t->rows = rows;
	t->cap = cap;
	return S_OK;
}

/* Replaces the row of the same index, or puts it before `at`. */
static HRESULT put_locked(struct tabledata *t, const SRow *row,
			  ULONG at) MX_LOCKED
{
	const SPropValue *key = mx_memtable_find(row, t->index);
	int64_t old;
	SRow mine;
	HRESULT hr;

	if (!key)
		return MAPI_E_MISSING_REQUIRED_COLUMN;
	hr = room_locked(t);
	if (SUCCEEDED(hr))
		hr = copy(row, &mine);
	if (FAILED(hr))
		return hr;
	old = find_locked(t, key);
	if (old >= 0) {
		MAPIFreeBuffer(t->rows[old].lpProps);
		t->rows[old] = mine;
		return S_OK;
	}
	at = at < t->n ? at : t->n;
	memmove(&t->rows[at + 1], &t->rows[at], (t->n - at) * sizeof(*t->rows));
	t->rows[at] = mine;
	t->n++;
	return S_OK;
}

static HRESULT drop_locked(struct tabledata *t, const SPropValue *key) MX_LOCKED
{
	int64_t at = key ? find_locked(t, key) : -1;

	if (at < 0)
		return MAPI_E_NOT_FOUND;
	MAPIFreeBuffer(t->rows[at].lpProps);
	memmove(&t->rows[at], &t->rows[at + 1],
		(t->n - (ULONG)at - 1) * sizeof(*t->rows));
	t->n--;
	return S_OK;
}

static HRESULT td_view(ITableData *p, LPSSortOrderSet sort,
		       CALLERRELEASE *release, ULONG_PTR data, LPMAPITABLE *ret)
{
	struct tabledata *t = td_of(p);
	HRESULT hr = S_OK;
	SRowSet *rows;

	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	if (release) /* there is no live view that could tell */
		return MAPI_E_NO_SUPPORT;
	mx_mutex_lock(&t->lock);
	rows = mx_api_alloc(CbNewSRowSet((size_t)t->n));
	if (!rows)
		hr = MAPI_E_NOT_ENOUGH_MEMORY;
	for (ULONG i = 0; SUCCEEDED(hr) && i < t->n; i++) {
		hr = copy(&t->rows[i], &rows->aRow[i]);
		if (SUCCEEDED(hr))
			rows->cRows++;
	}
	mx_mutex_unlock(&t->lock);
	if (FAILED(hr)) {
		FreeProws(rows);
		return hr;
	}
	hr = mx_memtable_new(rows, t->cols, t->n_cols, fMapiUnicode,
			     (LPUNKNOWN)(void *)p, ret);
	if (SUCCEEDED(hr) && sort)
		hr = IMAPITable_SortTable(*ret, sort, 0);
	return hr;
}

static HRESULT td_modify_row(ITableData *p, LPSRow row)
{
	struct tabledata *t = td_of(p);
	HRESULT hr;

	if (!row)
		return MAPI_E_INVALID_PARAMETER;
	mx_mutex_lock(&t->lock);
	hr = put_locked(t, row, UINT32_MAX);
	mx_mutex_unlock(&t->lock);
	return hr;
}

static HRESULT td_delete_row(ITableData *p, LPSPropValue key)
{
	struct tabledata *t = td_of(p);
	HRESULT hr;

	mx_mutex_lock(&t->lock);
	hr = drop_locked(t, key);
	mx_mutex_unlock(&t->lock);
	return hr;
}

/* A copy of a row as one buffer: the SRow, its values behind it. */
static HRESULT give_row(const SRow *row, LPSRow *ret)
{
	SRow *out = mx_api_alloc(sizeof(*out));

	if (out)
		out->lpProps =
			mx_api_more(out, row->cValues * sizeof(SPropValue));
	if (!out || !out->lpProps) {
		MAPIFreeBuffer(out);
		return MAPI_E_NOT_ENOUGH_MEMORY;
	}
	out->cValues = row->cValues;
	for (ULONG i = 0; i < row->cValues; i++)
		if (FAILED(PropCopyMore(&out->lpProps[i], &row->lpProps[i],
					MAPIAllocateMore, out))) {
			MAPIFreeBuffer(out);
			return MAPI_E_NOT_ENOUGH_MEMORY;
		}
	*ret = out;
	return S_OK;
}

static HRESULT td_query_row(ITableData *p, LPSPropValue key, LPSRow *ret,
			    ULONG *ret_at)
{
	struct tabledata *t = td_of(p);
	HRESULT hr = MAPI_E_NOT_FOUND;
	int64_t at;

	if (!key || !ret)
		return MAPI_E_INVALID_PARAMETER;
	mx_mutex_lock(&t->lock);
	at = find_locked(t, key);
	if (at >= 0) {
		hr = give_row(&t->rows[at], ret);
		if (ret_at)
			*ret_at = (ULONG)at;
	}
	mx_mutex_unlock(&t->lock);
	return hr;
}

static HRESULT td_enum_row(ITableData *p, ULONG at, LPSRow *ret)
{
	struct tabledata *t = td_of(p);
	HRESULT hr = S_OK;

	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	*ret = NULL; /* past the last: success and no row */
	mx_mutex_lock(&t->lock);
	if (at < t->n)
		hr = give_row(&t->rows[at], ret);
	mx_mutex_unlock(&t->lock);
	return hr;
}

static HRESULT td_notify(ITableData *p, ULONG flags, ULONG n, LPSPropValue vals)
{
	return S_OK; /* no view listens */
}

static HRESULT td_insert_row(ITableData *p, ULONG at, LPSRow row)
{
	struct tabledata *t = td_of(p);
	HRESULT hr;

	if (!row)
		return MAPI_E_INVALID_PARAMETER;
	mx_mutex_lock(&t->lock);
	hr = at > t->n ? MAPI_E_INVALID_PARAMETER : put_locked(t, row, at);
	mx_mutex_unlock(&t->lock);
	return hr;
}

static HRESULT td_modify_rows(ITableData *p, ULONG flags, LPSRowSet rows)
{
	struct tabledata *t = td_of(p);
	HRESULT hr = S_OK;

	if (!rows)
		return MAPI_E_INVALID_PARAMETER;
	mx_mutex_lock(&t->lock);
	for (ULONG i = 0; SUCCEEDED(hr) && i < rows->cRows; i++)
		hr = put_locked(t, &rows->aRow[i], UINT32_MAX);
	mx_mutex_unlock(&t->lock);
	return hr;
}

static HRESULT td_delete_rows(ITableData *p, ULONG flags, LPSRowSet rows,
			      ULONG *ret_n)
{
	struct tabledata *t = td_of(p);
	ULONG before;

	if (!(flags & TAD_ALL_ROWS) && !rows)
		return MAPI_E_INVALID_PARAMETER;
	mx_mutex_lock(&t->lock);
	before = t->n;
	while ((flags & TAD_ALL_ROWS) && t->n)
		MAPIFreeBuffer(t->rows[--t->n].lpProps);
	for (ULONG i = 0; !(flags & TAD_ALL_ROWS) && i < rows->cRows; i++)
		drop_locked(t, mx_memtable_find(&rows->aRow[i], t->index));
	if (ret_n)
		*ret_n = before - t->n;
	mx_mutex_unlock(&t->lock);
	return S_OK;
}

SCODE CreateTable(LPCIID iid, ALLOCATEBUFFER *alloc, ALLOCATEMORE *more,
		  FREEBUFFER *dealloc, LPVOID reserved, ULONG type, ULONG index,
		  LPSPropTagArray cols, LPTABLEDATA *ret)
{
	static const ITableDataVtbl vtbl = {
		td_query,      td_add,        td_release,     td_view,
		td_modify_row, td_delete_row, td_query_row,   td_enum_row,
		td_notify,     td_insert_row, td_modify_rows, td_delete_rows,
	};
	struct tabledata *t;

	if (!cols || !cols->cValues || !ret)
		return MAPI_E_INVALID_PARAMETER;
	if (iid && !IsEqualGUID(iid, &IID_IMAPITableData) &&
	    !IsEqualGUID(iid, &IID_IUnknown))
		return MAPI_E_INTERFACE_NOT_SUPPORTED;
	t = calloc(1, sizeof(*t));
	if (t)
		t->cols = calloc(cols->cValues, sizeof(*t->cols));
	if (!t || !t->cols) {
		free(t);
		return MAPI_E_NOT_ENOUGH_MEMORY;
	}
	memcpy(t->cols, cols->aulPropTag, cols->cValues * sizeof(*t->cols));
	t->n_cols = cols->cValues;
	t->t.lpVtbl = &vtbl;
	t->refs = 1;
	t->index = index;
	mx_mutex_init(&t->lock);
	*ret = &t->t;
	return S_OK;
}
