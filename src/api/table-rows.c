/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the server's tables: asked for, as many as were wanted, and told. */
#include <errno.h>

#include "api/eid.h"
#include "api/store.h"
#include "api/table-private.h"

/* Where a QueryRows ended. */
#define ORIGIN_BEGINNING 0
#define ORIGIN_END 2

/* Rows gathered over several requests. */
struct rows {
	SRowSet *set;
	ULONG cap;
};

static SRow *rows_room(struct rows *r, ULONG more)
{
	ULONG n = r->set ? r->set->cRows : 0;
	SRowSet *set;
	ULONG cap;

	if (!r->set || n + more > r->cap) {
		cap = n + more > 2 * r->cap ? n + more : 2 * r->cap;
		set = mx_api_alloc(CbNewSRowSet((size_t)cap));
		if (!set)
			return NULL;
		if (r->set)
			memcpy(set, r->set, CbNewSRowSet((size_t)n));
		MAPIFreeBuffer(r->set);
		r->set = set;
		r->cap = cap;
	}
	return r->set->aRow + n;
}

static int add_rows(struct mx_do *d, struct mx_table *t,
		    const struct mx_query_rows_res *res, struct rows *out)
{
	MX_AUTO(mx_arena_auto) struct mx_arena scratch = MX_ARENA_INIT;
	SRow *row = rows_room(out, res->n_row_data);
	struct mx_eid_base base = {0};
	int err;

	if (!row)
		return -ENOMEM;
	for (uint32_t i = 0; i < res->n_row_data; i++, row++) {
		if (res->row_data[i].n != t->cols->n_wire)
			return mx_fault_set(&d->fault, MX_LAYER_LOCAL, 0,
					    -EPROTO,
					    "a row has %u of %u columns",
					    res->row_data[i].n,
					    t->cols->n_wire);
		err = mx_columns_row(t->cols, mx_obj_store(&t->obj), t->kind,
				     &scratch, res->row_data[i].vals, &d->call,
				     &base, row);
		if (err)
			return err;
		out->set->cRows++;
		mx_arena_reset(&scratch);
	}
	return 0;
}

/* One request; *ret_end when the table's end (or beginning) was reached. */
static int query(struct mx_do *d, struct mx_table *t, LONG want, ULONG flags,
		 struct rows *out, bool *ret_end)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_QUERY_ROWS};
	uint32_t n = (uint32_t)(want < 0 ? -(int64_t)want : want);
	uint32_t before = out->set ? out->set->cRows : 0;
	const struct mx_query_rows_res *last;
	struct mx_op *op;
	int err;

	mx_batch_init(&b);
	req.query_rows.forward_read = want >= 0;
	req.query_rows.row_count = (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX);
	req.query_rows.query_rows_flags = flags & TBL_NOADVANCE ? 1 : 0;
	/* More rows than fit one buffer come packed in several. */
	b.chain = n > 20;
	if (b.chain)
		req.query_rows.query_rows_flags |= 2;
	op = mx_batch_add(&b, t->obj.so, &req);
	err = mx_batch_run(&b, &d->call);
	if (!err)
		err = mx_op_fault(op, &d->fault);
	if (err)
		return err;
	err = add_rows(d, t, &op->res->query_rows, out);
	last = &op->res->query_rows;
	for (uint32_t i = 0; !err && i < op->n_more; i++) {
		last = &op->more[i]->query_rows;
		err = add_rows(d, t, last, out);
	}
	*ret_end = !err && (out->set->cRows == before ||
			    last->origin == (want >= 0 ? ORIGIN_END
						       : ORIGIN_BEGINNING));
	return err;
}

HRESULT mx_table_query_rows(IMAPITable *p, LONG want, ULONG flags,
			    LPSRowSet *ret)
{
	struct mx_table *t = mx_table_of(p);
	struct rows out = {0};
	uint32_t n = (uint32_t)(want < 0 ? -(int64_t)want : want);
	bool end = false;
	struct mx_do d;
	HRESULT hr = mx_table_enter(&d, t);
	int err = 0;

	if (FAILED(hr))
		return hr;
	if (!ret || !want)
		return mx_table_leave_hr(&d, t, MAPI_E_INVALID_PARAMETER,
					 "QueryRows");
	if (flags & ~TBL_NOADVANCE)
		return mx_table_leave_hr(&d, t, MAPI_E_UNKNOWN_FLAGS,
					 "QueryRows");
	*ret = NULL;
	while (!err && !end && (!out.set || out.set->cRows < n)) {
		LONG left = (LONG)(n - (out.set ? out.set->cRows : 0));

		err = query(&d, t, want < 0 ? -left : left, flags, &out, &end);
		if (flags & TBL_NOADVANCE)
			end = true;
	}
	if (err)
		FreeProws(out.set);
	else
		*ret = out.set;
	return mx_table_leave(&d, t, err);
}

int mx_table_row(struct mx_obj *o, const struct mx_proprow *row,
		 const struct mx_call *call, SRow *ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena scratch = MX_ARENA_INIT;
	struct mx_table *t = (struct mx_table *)(void *)o;
	struct mx_do d = {.obj = o, .call = *call};
	int err = mx_turn_begin(&d, o);

	if (err)
		return err;
	if (row->n != t->cols->n_wire)
		err = -ESTALE;
	for (uint32_t i = 0; !err && i < row->n; i++)
		if (MX_PROP_ID(row->vals[i].tag) !=
		    MX_PROP_ID(t->cols->wire[i]))
			err = -ESTALE;
	if (!err)
		err = mx_columns_row(t->cols, mx_obj_store(o), t->kind,
				     &scratch, row->vals, call, NULL, ret);
	mx_turn_end(o);
	return err;
}
