/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMAPITable on the server's tables.
 *
 * SetColumns and SeekRow without a count travel with the next call that needs
 * an answer; SortTable and Restrict do with TBL_BATCH or TBL_ASYNC, else they
 * go at once.  What the server refuses of a batch fails the call that carried
 * it.  Calls that read the columns take turns (a row is decoded by the columns
 * it was asked with).
 */
#include <errno.h>
#include <stdlib.h>

#include "api/eid.h"
#include "api/store.h"
#include "api/table-private.h"
#include "api/text.h"

static void table_fini(struct mx_obj *o)
{
	struct mx_table *t = (struct mx_table *)(void *)o;

	mx_advises_fini(&t->advises);
	mx_columns_free(t->cols);
}

static const IID *const table_iids[] = {&IID_IMAPITable};
static const struct mx_class table_class = {
	.name = "IMAPITable",
	.iids = table_iids,
	.n_iids = MX_ARRAY_SIZE(table_iids),
	.fini = table_fini,
};

HRESULT mx_table_enter(struct mx_do *d, struct mx_table *t)
{
	HRESULT hr = mx_do_begin(d, t);
	int err;

	if (FAILED(hr))
		return hr;
	err = mx_turn_begin(d, &t->obj);
	return err ? mx_do_end(d, err) : S_OK;
}

HRESULT mx_table_leave(struct mx_do *d, struct mx_table *t, int err)
{
	mx_turn_end(&t->obj);
	return mx_do_end(d, err);
}

HRESULT mx_table_leave_hr(struct mx_do *d, struct mx_table *t, HRESULT hr,
			  const char *why)
{
	mx_turn_end(&t->obj);
	return mx_do_end_hr(d, hr, "%s", why);
}

static int rop(struct mx_do *d, struct mx_batch *b, struct mx_table *t,
	       const struct mx_rop_req *req, const struct mx_rop_res **ret)
{
	return mx_rop_call(b, t->obj.so, req, &d->call, ret);
}

/* ---- columns ---- */

static int use_columns(struct mx_table *t, const ULONG *tags, ULONG n)
{
	struct mx_rop_req req = {.id = MX_ROP_SET_COLUMNS};
	struct mx_columns *c = NULL;
	int err = mx_columns_new(t->kind, tags, n, &c);

	if (err)
		return err;
	req.set_columns.property_tags = (struct mx_tags){c->n_wire, c->wire};
	err = mx_sobj_defer(t->obj.so, &req);
	if (err) {
		mx_columns_free(c);
		return err;
	}
	mx_columns_free(t->cols);
	t->cols = c;
	return 0;
}

static HRESULT table_set_columns(IMAPITable *p, LPSPropTagArray tags,
				 ULONG flags)
{
	struct mx_table *t = mx_table_of(p);
	struct mx_do d;
	HRESULT hr = mx_table_enter(&d, t);

	if (FAILED(hr))
		return hr;
	if (!tags || !tags->cValues || tags->cValues > 4000)
		return mx_table_leave_hr(
			&d, t, MAPI_E_INVALID_PARAMETER,
			"SetColumns without columns, or over 4000");
	if (flags & ~(TBL_ASYNC | TBL_BATCH))
		return mx_table_leave_hr(&d, t, MAPI_E_UNKNOWN_FLAGS,
					 "SetColumns");
	return mx_table_leave(&d, t,
			      use_columns(t, tags->aulPropTag, tags->cValues));
}

static HRESULT table_query_columns(IMAPITable *p, ULONG flags,
				   LPSPropTagArray *ret)
{
	struct mx_table *t = mx_table_of(p);
	LPSPropTagArray tags;
	const ULONG *more;
	ULONG n_more = 0;
	struct mx_do d;
	HRESULT hr = mx_table_enter(&d, t);

	if (FAILED(hr))
		return hr;
	if (!ret || (flags & ~TBL_ALL_COLUMNS))
		return mx_table_leave_hr(&d, t, MAPI_E_INVALID_PARAMETER,
					 "QueryColumns");
	more = mx_columns_default(t->kind, &n_more);
	tags = mx_api_alloc(CbNewSPropTagArray((size_t)t->cols->n + n_more));
	if (!tags)
		return mx_table_leave(&d, t, -ENOMEM);
	tags->cValues = t->cols->n;
	memcpy(tags->aulPropTag, t->cols->want, t->cols->n * sizeof(ULONG));
	/* All: those that are set and those that every such table has. */
	for (ULONG i = 0; (flags & TBL_ALL_COLUMNS) && i < n_more; i++) {
		bool have = false;

		for (ULONG k = 0; !have && k < t->cols->n; k++)
			have = PROP_ID(t->cols->want[k]) == PROP_ID(more[i]);
		if (!have)
			tags->aulPropTag[tags->cValues++] = more[i];
	}
	*ret = tags;
	return mx_table_leave(&d, t, 0);
}

/* ---- order and condition ---- */

/* Now, or with the next call. */
static int send_or_defer(struct mx_do *d, struct mx_table *t, ULONG flags,
			 struct mx_batch *b, const struct mx_rop_req *req)
{
	if (flags & (TBL_BATCH | TBL_ASYNC))
		return mx_sobj_defer(t->obj.so, req);
	return rop(d, b, t, req, NULL);
}

static HRESULT table_sort(IMAPITable *p, LPSSortOrderSet set, ULONG flags)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_SORT_TABLE};
	struct mx_table *t = mx_table_of(p);
	struct mx_sortorder *orders;
	ULONG n = set ? set->cSorts : 0;
	struct mx_do d;
	HRESULT hr;

	mx_batch_init(&b);
	hr = mx_table_enter(&d, t);
	if (FAILED(hr))
		return hr;
	if (flags & ~(TBL_ASYNC | TBL_BATCH))
		return mx_table_leave_hr(&d, t, MAPI_E_UNKNOWN_FLAGS,
					 "SortTable");
	if (set && (set->cCategories > n || n > 100))
		return mx_table_leave_hr(&d, t, MAPI_E_TOO_COMPLEX,
					 "SortTable");
	orders = mx_arena_newv(&b.arena, struct mx_sortorder, n + 1);
	if (!orders)
		return mx_table_leave(&d, t, -ENOMEM);
	for (ULONG i = 0; i < n; i++) {
		orders[i].tag = mx_conv_tag(set->aSort[i].ulPropTag);
		orders[i].order = (uint8_t)set->aSort[i].ulOrder;
	}
	req.sort_table.n_sort_orders = n;
	req.sort_table.sort_orders = orders;
	req.sort_table.category_count = set ? (uint16_t)set->cCategories : 0;
	req.sort_table.expanded_count = set ? (uint16_t)set->cExpanded : 0;
	return mx_table_leave(&d, t, send_or_defer(&d, t, flags, &b, &req));
}

static HRESULT table_restrict(IMAPITable *p, LPSRestriction res, ULONG flags)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_RESTRICT};
	struct mx_table *t = mx_table_of(p);
	struct mx_restrict r;
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_table_enter(&d, t);
	if (FAILED(hr))
		return hr;
	if (flags & ~(TBL_ASYNC | TBL_BATCH))
		return mx_table_leave_hr(&d, t, MAPI_E_UNKNOWN_FLAGS,
					 "Restrict");
	if (res) {
		err = mx_conv_restrict(&b.arena, res, &r);
		if (err == -E2BIG)
			return mx_table_leave_hr(&d, t, MAPI_E_TOO_COMPLEX,
						 "the restriction is too deep");
		if (err)
			return mx_table_leave(&d, t, err);
		req.restrict_.restriction_data = &r;
	}
	return mx_table_leave(&d, t, send_or_defer(&d, t, flags, &b, &req));
}

static HRESULT table_sort_order(IMAPITable *p, LPSSortOrderSet *ret)
{
	return mx_obj_unsupported(p, "QuerySortOrder");
}

/* ---- position ---- */

static HRESULT table_row_count(IMAPITable *p, ULONG flags, ULONG *ret)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_QUERY_POSITION};
	const struct mx_rop_res *res;
	struct mx_table *t = mx_table_of(p);
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, t);
	if (FAILED(hr))
		return hr;
	if (!ret)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "GetRowCount");
	err = rop(&d, &b, t, &req, &res);
	if (!err)
		*ret = res->query_position.denominator;
	return mx_do_end(&d, err);
}

static HRESULT table_position(IMAPITable *p, ULONG *row, ULONG *num, ULONG *den)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_QUERY_POSITION};
	const struct mx_rop_res *res;
	struct mx_table *t = mx_table_of(p);
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, t);
	if (FAILED(hr))
		return hr;
	err = rop(&d, &b, t, &req, &res);
	if (!err && row)
		*row = res->query_position.numerator;
	if (!err && num)
		*num = res->query_position.numerator;
	if (!err && den)
		*den = res->query_position.denominator;
	return mx_do_end(&d, err);
}

static HRESULT seek(IMAPITable *p, BOOKMARK origin, LONG n, LONG *ret)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_SEEK_ROW};
	const struct mx_rop_res *res;
	struct mx_table *t = mx_table_of(p);
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, t);
	if (FAILED(hr))
		return hr;
	if (origin > BOOKMARK_END)
		return mx_do_end_hr(&d, MAPI_E_INVALID_BOOKMARK,
				    "only beginning, current and end are "
				    "bookmarks here");
	req.seek_row.origin = (uint8_t)origin;
	req.seek_row.row_count = n;
	req.seek_row.want_row_moved_count = ret != NULL;
	if (!ret)
		return mx_do_end(&d, mx_sobj_defer(t->obj.so, &req));
	err = rop(&d, &b, t, &req, &res);
	if (!err)
		*ret = res->seek_row.rows_sought;
	return mx_do_end(&d, err);
}

static HRESULT table_seek(IMAPITable *p, BOOKMARK origin, LONG n, LONG *ret)
{
	return seek(p, origin, n, ret);
}

static HRESULT table_seek_approx(IMAPITable *p, ULONG num, ULONG den)
{
	ULONG count = 0;
	HRESULT hr;

	if (!den)
		return MAPI_E_INVALID_PARAMETER;
	hr = table_row_count(p, 0, &count);
	if (FAILED(hr))
		return hr;
	if (num >= den)
		return seek(p, BOOKMARK_END, 0, NULL);
	return seek(p, BOOKMARK_BEGINNING, (LONG)((uint64_t)count * num / den),
		    NULL);
}

static HRESULT table_find(IMAPITable *p, LPSRestriction res, BOOKMARK origin,
			  ULONG flags)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_FIND_ROW};
	struct mx_table *t = mx_table_of(p);
	struct mx_restrict r;
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_table_enter(&d, t);
	if (FAILED(hr))
		return hr;
	if (!res || origin > BOOKMARK_END || (flags & ~DIR_BACKWARD))
		return mx_table_leave_hr(&d, t,
					 res ? MAPI_E_INVALID_BOOKMARK
					     : MAPI_E_INVALID_PARAMETER,
					 "FindRow");
	err = mx_conv_restrict(&b.arena, res, &r);
	if (err == -E2BIG)
		return mx_table_leave_hr(&d, t, MAPI_E_TOO_COMPLEX,
					 "the restriction is too deep");
	if (err)
		return mx_table_leave(&d, t, err);
	req.find_row.find_row_flags = (uint8_t)flags;
	req.find_row.restriction_data = &r;
	req.find_row.origin = (uint8_t)origin;
	err = rop(&d, &b, t, &req, NULL);
	return mx_table_leave(&d, t, err);
}

/* ---- the rest ---- */

static HRESULT table_advise(IMAPITable *p, ULONG mask, LPMAPIADVISESINK sink,
			    ULONG_PTR *ret)
{
	struct mx_table *t = mx_table_of(p);

	return mx_advise_table(&t->obj, &t->advises, mask, sink, ret);
}

static HRESULT table_unadvise(IMAPITable *p, ULONG_PTR conn)
{
	struct mx_table *t = mx_table_of(p);

	return mx_unadvise(&t->obj, &t->advises, conn);
}

static HRESULT table_status(IMAPITable *p, ULONG *status, ULONG *type)
{
	HRESULT hr = mx_obj_check(p);

	if (FAILED(hr))
		return hr;
	if (!status || !type)
		return MAPI_E_INVALID_PARAMETER;
	*status = TBLSTAT_COMPLETE;
	*type = TBLTYPE_DYNAMIC;
	return S_OK;
}

static HRESULT table_create_bookmark(IMAPITable *p, BOOKMARK *ret)
{
	return mx_obj_unsupported(p, "CreateBookmark");
}

static HRESULT table_free_bookmark(IMAPITable *p, BOOKMARK bk)
{
	return bk <= BOOKMARK_END ? S_OK : MAPI_E_INVALID_BOOKMARK;
}

static HRESULT table_expand(IMAPITable *p, ULONG n, LPBYTE key, ULONG rows,
			    ULONG flags, LPSRowSet *ret, ULONG *ret_more)
{
	return mx_obj_unsupported(p, "ExpandRow");
}

static HRESULT table_collapse(IMAPITable *p, ULONG n, LPBYTE key, ULONG flags,
			      ULONG *ret)
{
	return mx_obj_unsupported(p, "CollapseRow");
}

static HRESULT table_wait(IMAPITable *p, ULONG flags, ULONG timeout,
			  ULONG *status)
{
	HRESULT hr = mx_obj_check(p);

	if (FAILED(hr))
		return hr;
	if (status)
		*status = TBLSTAT_COMPLETE;
	return S_OK;
}

static HRESULT table_get_collapse(IMAPITable *p, ULONG flags, ULONG n,
				  LPBYTE key, ULONG *ret_n, LPBYTE *ret)
{
	return mx_obj_unsupported(p, "GetCollapseState");
}

static HRESULT table_set_collapse(IMAPITable *p, ULONG flags, ULONG n,
				  LPBYTE state, BOOKMARK *ret)
{
	return mx_obj_unsupported(p, "SetCollapseState");
}

static HRESULT table_abort(IMAPITable *p)
{
	HRESULT hr = mx_obj_check(p);

	if (FAILED(hr))
		return hr;
	return S_OK; /* nothing goes on by itself */
}

static const IMAPITableVtbl table_vtbl = {
	MX_UNKNOWN_ROWS(IMAPITable),
	MX_LAST_ERROR_ROW(IMAPITable),
	table_advise,
	table_unadvise,
	table_status,
	table_set_columns,
	table_query_columns,
	table_row_count,
	table_seek,
	table_seek_approx,
	table_position,
	table_find,
	table_restrict,
	table_create_bookmark,
	table_free_bookmark,
	table_sort,
	table_sort_order,
	mx_table_query_rows,
	table_abort,
	table_expand,
	table_collapse,
	table_wait,
	table_get_collapse,
	table_set_collapse,
};

/* The columns it starts with: strings as flags say. */
static int start_columns(struct mx_table *t, ULONG flags)
{
	ULONG n, tags[16];
	const ULONG *def = mx_columns_default(t->kind, &n);

	for (ULONG i = 0; i < n; i++)
		tags[i] = PROP_TYPE(def[i]) == PT_STRING8 &&
					  (flags & MAPI_UNICODE)
				  ? CHANGE_PROP_TYPE(def[i], PT_UNICODE)
				  : def[i];
	return use_columns(t, tags, n);
}

HRESULT mx_table_open(struct mx_obj *parent, enum mx_table_kind kind,
		      const struct mx_rop_req *open, bool deferred, ULONG flags,
		      LPMAPITABLE *ret)
{
	MX_AUTO(mx_sobj_auto) struct mx_sobj *so = NULL;
	struct mx_table *t;
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, parent);
	int err;

	if (FAILED(hr))
		return hr;
	*ret = NULL;
	err = mx_do_sobj(&d, parent->so, open, deferred, &so);
	if (err)
		return mx_do_end(&d, err);
	t = calloc(1, sizeof(*t));
	if (!t)
		return mx_do_end(&d, -ENOMEM);
	t->kind = kind;
	mx_advises_init(&t->advises);
	mx_obj_init(&t->obj, &table_vtbl, &table_class, parent, parent->session,
		    MX_STEAL(so));
	err = start_columns(t, flags);
	if (err) {
		mx_obj_release(&t->obj);
		return mx_do_end(&d, err);
	}
	*ret = (LPMAPITABLE)(void *)t;
	return mx_do_end(&d, 0);
}
