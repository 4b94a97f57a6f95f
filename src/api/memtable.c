/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table over rows in memory.  `order` lists the rows that the restriction
 * lets through, in the sort's order; the position is an index into it.  All
 * state is under one lock; nothing here waits for anything.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "api/memtable.h"
#include "api/text.h"
#include "base/lock.h"

struct memtable {
	IMAPITable t;
	atomic_uint refs;
	LPUNKNOWN keep;
	SRowSet *rows;
	struct mx_mutex lock;
	ULONG *order, n, pos;
	ULONG *cols, n_cols;
};

static struct memtable *mt_of(IMAPITable *p)
{
	return (struct memtable *)(void *)p;
}

static HRESULT mt_query_interface(IMAPITable *p, REFIID iid, LPVOID *ret)
{
	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	*ret = NULL;
	if (!IsEqualGUID(iid, &IID_IUnknown) &&
	    !IsEqualGUID(iid, &IID_IMAPITable))
		return MAPI_E_INTERFACE_NOT_SUPPORTED;
	IMAPITable_AddRef(p);
	*ret = p;
	return S_OK;
}

static ULONG mt_add(IMAPITable *p)
{
	return atomic_fetch_add(&mt_of(p)->refs, 1) + 1;
}

static ULONG mt_release(IMAPITable *p)
{
	struct memtable *m = mt_of(p);
	ULONG n = atomic_fetch_sub(&m->refs, 1) - 1;

	if (n)
		return n;
	FreeProws(m->rows);
	UlRelease(m->keep);
	mx_mutex_fini(&m->lock);
	free(m->order);
	free(m->cols);
	free(m);
	return 0;
}

static HRESULT mt_last_error(IMAPITable *p, HRESULT hr, ULONG flags,
			     LPMAPIERROR *ret)
{
	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	*ret = NULL;
	return S_OK;
}

static HRESULT mt_advise(IMAPITable *p, ULONG mask, LPMAPIADVISESINK sink,
			 ULONG_PTR *ret)
{
	return MAPI_E_NO_SUPPORT; /* a snapshot has nothing to tell */
}

static HRESULT mt_unadvise(IMAPITable *p, ULONG_PTR conn)
{
	return MAPI_E_NO_SUPPORT;
}

static HRESULT mt_status(IMAPITable *p, ULONG *status, ULONG *type)
{
	if (!status || !type)
		return MAPI_E_INVALID_PARAMETER;
	*status = TBLSTAT_COMPLETE;
	*type = TBLTYPE_SNAPSHOT;
	return S_OK;
}

static HRESULT mt_set_columns(IMAPITable *p, LPSPropTagArray tags, ULONG flags)
{
	struct memtable *m = mt_of(p);
	ULONG *cols, *old;

	if (!tags || !tags->cValues)
		return MAPI_E_INVALID_PARAMETER;
	cols = calloc(tags->cValues, sizeof(*cols));
	if (!cols)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	memcpy(cols, tags->aulPropTag, tags->cValues * sizeof(*cols));
	mx_mutex_lock(&m->lock);
	old = m->cols;
	m->cols = cols;
	m->n_cols = tags->cValues;
	mx_mutex_unlock(&m->lock);
	free(old);
	return S_OK;
}

static bool has_id(const SPropTagArray *tags, ULONG tag)
{
	for (ULONG i = 0; i < tags->cValues; i++)
		if (PROP_ID(tags->aulPropTag[i]) == PROP_ID(tag))
			return true;
	return false;
}

static HRESULT mt_query_columns(IMAPITable *p, ULONG flags,
				LPSPropTagArray *ret)
{
	struct memtable *m = mt_of(p);
	size_t most = 0;
	LPSPropTagArray tags;

	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	for (ULONG i = 0; (flags & TBL_ALL_COLUMNS) && i < m->rows->cRows; i++)
		most += m->rows->aRow[i].cValues;
	mx_mutex_lock(&m->lock);
	tags = mx_api_alloc(CbNewSPropTagArray(most + m->n_cols));
	if (tags) {
		tags->cValues = m->n_cols;
		memcpy(tags->aulPropTag, m->cols, m->n_cols * sizeof(ULONG));
	}
	mx_mutex_unlock(&m->lock);
	if (!tags)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	for (ULONG i = 0; most && i < m->rows->cRows; i++)
		for (ULONG k = 0; k < m->rows->aRow[i].cValues; k++) {
			ULONG tag = m->rows->aRow[i].lpProps[k].ulPropTag;

			if (!has_id(tags, tag))
				tags->aulPropTag[tags->cValues++] = tag;
		}
	*ret = tags;
	return S_OK;
}

static HRESULT mt_row_count(IMAPITable *p, ULONG flags, ULONG *ret)
{
	struct memtable *m = mt_of(p);

	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	mx_mutex_lock(&m->lock);
	*ret = m->n;
	mx_mutex_unlock(&m->lock);
	return S_OK;
}

static int64_t origin_of(const struct memtable *m, BOOKMARK bk)
{
	return bk == BOOKMARK_BEGINNING ? 0
	       : bk == BOOKMARK_CURRENT ? (int64_t)m->pos
					: (int64_t)m->n;
}

static HRESULT mt_seek(IMAPITable *p, BOOKMARK origin, LONG n, LONG *ret)
{
	struct memtable *m = mt_of(p);
	int64_t from, to;

	if (origin > BOOKMARK_END)
		return MAPI_E_INVALID_BOOKMARK;
	mx_mutex_lock(&m->lock);
	from = origin_of(m, origin);
	to = from + n;
	to = to < 0 ? 0 : to > (int64_t)m->n ? (int64_t)m->n : to;
	m->pos = (ULONG)to;
	mx_mutex_unlock(&m->lock);
	if (ret)
		*ret = (LONG)(to - from);
	return S_OK;
}

static HRESULT mt_seek_approx(IMAPITable *p, ULONG num, ULONG den)
{
	struct memtable *m = mt_of(p);

	if (!den)
		return MAPI_E_INVALID_PARAMETER;
	mx_mutex_lock(&m->lock);
	m->pos = num >= den ? m->n : (ULONG)((uint64_t)m->n * num / den);
	mx_mutex_unlock(&m->lock);
	return S_OK;
}

static HRESULT mt_position(IMAPITable *p, ULONG *row, ULONG *num, ULONG *den)
{
	struct memtable *m = mt_of(p);

	mx_mutex_lock(&m->lock);
	if (row)
		*row = m->pos;
	if (num)
		*num = m->pos;
	if (den)
		*den = m->n;
	mx_mutex_unlock(&m->lock);
	return S_OK;
}

static HRESULT mt_find(IMAPITable *p, LPSRestriction res, BOOKMARK origin,
		       ULONG flags)
{
	struct memtable *m = mt_of(p);
	HRESULT hr = MAPI_E_NOT_FOUND;
	int64_t at, step = flags & DIR_BACKWARD ? -1 : 1;

	if (!res || origin > BOOKMARK_END)
		return MAPI_E_INVALID_PARAMETER;
	mx_mutex_lock(&m->lock);
	at = origin_of(m, origin);
	if (step < 0)
		at--;
	for (; at >= 0 && at < (int64_t)m->n; at += step) {
		if (!mx_memtable_match(&m->rows->aRow[m->order[at]], res))
			continue;
		m->pos = (ULONG)at;
		hr = S_OK;
		break;
	}
	mx_mutex_unlock(&m->lock);
	return hr;
}

static HRESULT mt_restrict(IMAPITable *p, LPSRestriction res, ULONG flags)
{
	struct memtable *m = mt_of(p);

	mx_mutex_lock(&m->lock);
	m->n = m->pos = 0;
	for (ULONG i = 0; i < m->rows->cRows; i++)
		if (mx_memtable_match(&m->rows->aRow[i], res))
			m->order[m->n++] = i;
	mx_mutex_unlock(&m->lock);
	return S_OK;
}

struct sorter {
	const SRowSet *rows;
	const SSortOrderSet *set;
};

static int by_order(const void *a, const void *b, void *arg)
{
	const struct sorter *s = arg;
	ULONG x = *(const ULONG *)a, y = *(const ULONG *)b;

	for (ULONG i = 0; i < s->set->cSorts; i++) {
		ULONG tag = s->set->aSort[i].ulPropTag;
		const SPropValue *v = mx_memtable_find(&s->rows->aRow[x], tag);
		const SPropValue *w = mx_memtable_find(&s->rows->aRow[y], tag);
		LONG r = LPropCompareProp((LPSPropValue)v, (LPSPropValue)w);

		if (r)
			return s->set->aSort[i].ulOrder & TABLE_SORT_DESCEND
				       ? -r
				       : r;
	}
	return x < y ? -1 : x > y; /* stable */
}

static HRESULT mt_sort(IMAPITable *p, LPSSortOrderSet set, ULONG flags)
{
	struct memtable *m = mt_of(p);
	struct sorter s = {m->rows, set};

	if (!set)
		return MAPI_E_INVALID_PARAMETER;
	if (set->cCategories)
		return MAPI_E_TOO_COMPLEX;
	mx_mutex_lock(&m->lock);
	qsort_r(m->order, m->n, sizeof(*m->order), by_order, &s);
	m->pos = 0;
	mx_mutex_unlock(&m->lock);
	return S_OK;
}

/* One row by the columns, copied. */
static HRESULT copy_row(const SRow *row, const ULONG *cols, ULONG n, SRow *ret)
{
	SPropValue *out = mx_api_alloc(n * sizeof(*out));

	if (!out)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	ret->lpProps = out;
	ret->cValues = n;
	for (ULONG i = 0; i < n; i++) {
		MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
		const SPropValue *v = mx_memtable_find(row, cols[i]);
		ULONG want = PROP_TYPE(cols[i]);
		SPropValue w;

		if (!v) {
			out[i].ulPropTag = CHANGE_PROP_TYPE(cols[i], PT_ERROR);
			out[i].Value.err = MAPI_E_NOT_FOUND;
			continue;
		}
		w = *v;
		if (want == PT_UNICODE && PROP_TYPE(w.ulPropTag) == PT_STRING8)
			w.Value.lpszW = mx_text_widen(&a, w.Value.lpszA);
		else if (want == PT_STRING8 &&
			 PROP_TYPE(w.ulPropTag) == PT_UNICODE)
			w.Value.lpszA = mx_text_narrow(&a, w.Value.lpszW);
		if (want != PT_UNSPECIFIED)
			w.ulPropTag = cols[i];
		if (FAILED(PropCopyMore(&out[i], &w, MAPIAllocateMore, out))) {
			MAPIFreeBuffer(out);
			ret->lpProps = NULL;
			return MAPI_E_NOT_ENOUGH_MEMORY;
		}
	}
	return S_OK;
}

static HRESULT mt_query_rows(IMAPITable *p, LONG want, ULONG flags,
			     LPSRowSet *ret)
{
	struct memtable *m = mt_of(p);
	HRESULT hr = S_OK;
	ULONG from, n, left;
	SRowSet *out;

	if (!ret || !want)
		return MAPI_E_INVALID_PARAMETER;
	mx_mutex_lock(&m->lock);
	n = (ULONG)(want < 0 ? -(int64_t)want : want);
	left = want < 0 ? m->pos : m->n - m->pos;
	n = n < left ? n : left;
	from = want < 0 ? m->pos - n : m->pos;
	out = mx_api_alloc(CbNewSRowSet((size_t)n));
	if (!out)
		hr = MAPI_E_NOT_ENOUGH_MEMORY;
	for (ULONG i = 0; SUCCEEDED(hr) && i < n; i++) {
		hr = copy_row(&m->rows->aRow[m->order[from + i]], m->cols,
			      m->n_cols, &out->aRow[i]);
		if (SUCCEEDED(hr))
			out->cRows++;
	}
	if (SUCCEEDED(hr) && !(flags & TBL_NOADVANCE))
		m->pos = want < 0 ? from : from + n;
	mx_mutex_unlock(&m->lock);
	if (FAILED(hr)) {
		FreeProws(out);
		return hr;
	}
	*ret = out;
	return S_OK;
}

static HRESULT mt_create_bookmark(IMAPITable *p, BOOKMARK *ret)
{
	return MAPI_E_NO_SUPPORT;
}

static HRESULT mt_free_bookmark(IMAPITable *p, BOOKMARK bk)
{
	return bk <= BOOKMARK_END ? S_OK : MAPI_E_INVALID_BOOKMARK;
}

static HRESULT mt_sort_order(IMAPITable *p, LPSSortOrderSet *ret)
{
	return MAPI_E_NO_SUPPORT;
}

static HRESULT mt_abort(IMAPITable *p)
{
	return S_OK;
}

static HRESULT mt_expand(IMAPITable *p, ULONG n, LPBYTE key, ULONG rows,
			 ULONG flags, LPSRowSet *ret, ULONG *ret_more)
{
	return MAPI_E_NO_SUPPORT;
}

static HRESULT mt_collapse(IMAPITable *p, ULONG n, LPBYTE key, ULONG flags,
			   ULONG *ret)
{
	return MAPI_E_NO_SUPPORT;
}

static HRESULT mt_wait(IMAPITable *p, ULONG flags, ULONG timeout, ULONG *status)
{
	if (status)
		*status = TBLSTAT_COMPLETE;
	return S_OK;
}

static HRESULT mt_get_collapse(IMAPITable *p, ULONG flags, ULONG n, LPBYTE key,
			       ULONG *ret_n, LPBYTE *ret)
{
	return MAPI_E_NO_SUPPORT;
}

static HRESULT mt_set_collapse(IMAPITable *p, ULONG flags, ULONG n,
			       LPBYTE state, BOOKMARK *ret)
{
	return MAPI_E_NO_SUPPORT;
}

static const IMAPITableVtbl mt_vtbl = {
	mt_query_interface, mt_add,          mt_release,    mt_last_error,
	mt_advise,          mt_unadvise,     mt_status,     mt_set_columns,
	mt_query_columns,   mt_row_count,    mt_seek,       mt_seek_approx,
	mt_position,        mt_find,         mt_restrict,   mt_create_bookmark,
	mt_free_bookmark,   mt_sort,         mt_sort_order, mt_query_rows,
	mt_abort,           mt_expand,       mt_collapse,   mt_wait,
	mt_get_collapse,    mt_set_collapse,
};

HRESULT mx_memtable_new(SRowSet *rows, const ULONG *cols, ULONG n, ULONG flags,
			LPUNKNOWN keep, LPMAPITABLE *ret)
{
	struct memtable *m = calloc(1, sizeof(*m));

	if (m) {
		m->order = calloc(rows->cRows + 1, sizeof(*m->order));
		m->cols = calloc(n + 1, sizeof(*m->cols));
	}
	if (!m || !m->order || !m->cols) {
		if (m) {
			free(m->order);
			free(m->cols);
		}
		free(m);
		FreeProws(rows);
		return MAPI_E_NOT_ENOUGH_MEMORY;
	}
	m->t.lpVtbl = &mt_vtbl;
	m->refs = 1;
	m->rows = rows;
	m->keep = keep;
	UlAddRef(keep);
	mx_mutex_init(&m->lock);
	for (ULONG i = 0; i < rows->cRows; i++)
		m->order[m->n++] = i;
	for (ULONG i = 0; i < n; i++) {
		bool text = PROP_TYPE(cols[i]) == PT_STRING8 ||
			    PROP_TYPE(cols[i]) == PT_UNICODE;

		m->cols[i] =
			text ? CHANGE_PROP_TYPE(cols[i], flags & MAPI_UNICODE
								 ? PT_UNICODE
								 : PT_STRING8)
			     : cols[i];
	}
	m->n_cols = n;
	*ret = &m->t;
	return S_OK;
}
