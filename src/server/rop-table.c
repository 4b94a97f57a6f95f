/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* ROPs on tables, and what tables tell of their changes.  [MS-OXCTABL],
 * [MS-OXCNOTIF] 3.1.4.3 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "server/exec.h"
#include "server/rop.h"
#include "store/table.h"

#define TBL_ASYNC 0x01
#define TBLSTAT_COMPLETE 0x00

/* QueryRowsFlags */
#define NO_ADVANCE 0x01
#define PACKED_BUFFERS 0x02
/* FindRowFlags */
#define FIND_BACKWARD 0x01

#define BOOKMARK_CUSTOM 3

/* Notifications of one table at a time; more become one TableChanged. */
#define MAX_CHANGES 64u

uint32_t mx_do_set_columns(struct mx_rop *r)
{
	const struct mx_set_columns_req *q = &r->req->set_columns;
	uint32_t ec;

	if (q->set_columns_flags & ~TBL_ASYNC)
		return MX_EC_INVALID_PARAM;
	for (uint32_t i = 0; i < q->property_tags.n; i++) /* R435 */
		if (MX_PROP_TYPE(q->property_tags.p[i]) == MX_PT_UNSPECIFIED ||
		    MX_PROP_TYPE(q->property_tags.p[i]) == MX_PT_ERROR)
			return MX_EC_INVALID_PARAM;
	ec = mx_store_ec(mx_tbl_columns(r->in->tbl, q->property_tags.p,
					q->property_tags.n));
	if (!ec &&
	    mx_sobj_set_cols(r->in, q->property_tags.p, q->property_tags.n) < 0)
		return MX_EC_NO_MEMORY;
	r->res.set_columns.table_status = TBLSTAT_COMPLETE;
	return ec;
}

uint32_t mx_do_sort(struct mx_rop *r)
{
	const struct mx_sort_table_req *q = &r->req->sort_table;
	struct mx_sort *keys;

	if (q->sort_table_flags & ~TBL_ASYNC)
		return MX_EC_INVALID_PARAM;
	/* Categories are not there; nor are the tables that do not sort. */
	if (q->category_count || q->expanded_count ||
	    r->in->table != MX_TABLE_CONTENTS)
		return MX_EC_NOT_SUPPORTED;
	keys = mx_arena_newv(r->arena, struct mx_sort, q->n_sort_orders);
	if (!keys)
		return MX_EC_NO_MEMORY;
	for (uint32_t i = 0; i < q->n_sort_orders; i++) {
		if (q->sort_orders[i].order > 1)
			return q->sort_orders[i].order == 4
				       ? MX_EC_NOT_SUPPORTED
				       : MX_EC_INVALID_PARAM;
		keys[i] = (struct mx_sort){q->sort_orders[i].tag,
					   q->sort_orders[i].order == 1};
	}
	return mx_store_ec(mx_tbl_sort(r->in->tbl, keys, q->n_sort_orders));
}

uint32_t mx_do_restrict(struct mx_rop *r)
{
	const struct mx_restrict_req *q = &r->req->restrict_;

	if (q->restrict_flags & ~TBL_ASYNC)
		return MX_EC_INVALID_PARAM;
	if (r->in->table == MX_TABLE_ATTACH)
		return MX_EC_NOT_SUPPORTED;
	return mx_store_ec(mx_tbl_restrict(r->in->tbl, q->restriction_data));
}

/* Rows go straight into the output buffer. */
struct sink {
	struct mx_wr *wr;
	bool full;
};

static int put_row(void *arg, const struct mx_propval *vals, size_t n)
{
	struct sink *s = arg;
	size_t begin = s->wr->len;
	struct mx_proprow row = {.n = (uint32_t)n,
				 .vals = (struct mx_propval *)(uintptr_t)vals};

	mx_proprow_encode(s->wr, &row);
	if (s->wr->len <= s->wr->cap)
		return 0;
	s->wr->len = begin;
	s->full = true;
	return 1;
}

uint32_t mx_do_query_rows(struct mx_rop *r)
{
	const struct mx_query_rows_req *q = &r->req->query_rows;
	struct mx_query how = {
		.max_rows = r->chain ? r->left : q->row_count,
		.backward = !q->forward_read,
		.no_advance = q->query_rows_flags & NO_ADVANCE,
	};
	struct mx_wr *wr = &r->exec->wr;
	struct sink s = {.wr = wr};
	size_t begin = wr->len;
	enum mx_origin origin;
	uint32_t n, ec;

	if (q->query_rows_flags & ~(NO_ADVANCE | PACKED_BUFFERS))
		return MX_EC_INVALID_PARAM;
	mx_wr_u8(wr, MX_ROP_QUERY_ROWS);
	mx_wr_u8(wr, r->res.hindex);
	mx_wr_u32(wr, MX_EC_OK);
	mx_wr_u8(wr, 0); /* Origin and RowCount are known at the end */
	mx_wr_u16(wr, 0);
	wr->cols = r->in->cols.p;
	ec = mx_store_ec(
		mx_tbl_query(r->in->tbl, &how, put_row, &s, &n, &origin));
	wr->cols = NULL;
	if (ec)
		return ec;
	r->in->viewed = true;
	if (!n && s.full) {
		/* Alone in the buffer it never fits; R466. */
		if (!begin && !r->chain)
			return MX_EC_BUFFER_TOO_SMALL;
		r->too_small = true;
		return MX_EC_OK;
	}
	if (wr->len <= wr->cap) {
		wr->p[begin + 6] = (uint8_t)origin;
		mx_wr_patch_u16(wr, begin + 7, n);
	}
	r->raw = true;
	r->left = how.max_rows - n;
	r->again = s.full && r->left && !how.no_advance;
	return MX_EC_OK;
}

uint32_t mx_do_query_position(struct mx_rop *r)
{
	struct mx_query_position_res *a = &r->res.query_position;

	r->in->viewed = true;
	return mx_store_ec(
		mx_tbl_position(r->in->tbl, &a->numerator, &a->denominator));
}

uint32_t mx_do_seek_row(struct mx_rop *r)
{
	const struct mx_seek_row_req *q = &r->req->seek_row;
	struct mx_seek_row_res *a = &r->res.seek_row;
	uint32_t ec;

	if (q->origin >= BOOKMARK_CUSTOM)
		return MX_EC_INVALID_PARAM;
	r->in->viewed = true;
	ec = mx_store_ec(mx_tbl_seek(r->in->tbl, (enum mx_origin)q->origin,
				     q->row_count, &a->rows_sought,
				     &a->has_sought_less));
	if (!ec && !q->want_row_moved_count) {
		a->has_sought_less = false;
		a->rows_sought = 0;
	}
	return ec;
}

/* The found row, kept until the answer is encoded. */
struct keep {
	struct mx_rop *r;
	int err;
};

static int keep_row(void *arg, const struct mx_propval *vals, size_t n)
{
	struct keep *k = arg;
	struct mx_proprow *row = &k->r->res.find_row.row_data;

	row->n = (uint32_t)n;
	row->vals = mx_arena_newv(k->r->arena, struct mx_propval, n);
	k->err = row->vals ? 0 : -ENOMEM;
	for (size_t i = 0; i < n && !k->err; i++)
		k->err = mx_propval_copy(k->r->arena, &vals[i], &row->vals[i]);
	return k->err;
}

uint32_t mx_do_find_row(struct mx_rop *r)
{
	const struct mx_find_row_req *q = &r->req->find_row;
	struct mx_find_row_res *a = &r->res.find_row;
	struct mx_find f = {
		.restriction = q->restriction_data,
		.origin = (enum mx_origin)q->origin,
		.backward = q->find_row_flags & FIND_BACKWARD,
	};
	struct keep k = {.r = r};
	uint32_t ec;

	if ((q->find_row_flags & ~FIND_BACKWARD) ||
	    q->origin > BOOKMARK_CUSTOM || !q->restriction_data)
		return MX_EC_INVALID_PARAM;
	/* No ROP that makes bookmarks is offered, so none can be right. */
	if (q->origin == BOOKMARK_CUSTOM)
		return MX_EC_INVALID_BOOKMARK;
	if (r->in->table == MX_TABLE_ATTACH)
		return MX_EC_NOT_SUPPORTED;
	r->in->viewed = true;
	ec = mx_store_ec(mx_tbl_find(r->in->tbl, &f, keep_row, &k,
				     &a->row_no_longer_visible));
	if (ec)
		return ec;
	a->has_row_data = a->row_data.vals != NULL;
	r->cols = r->in->cols.p;
	return MX_EC_OK;
}

/* ---- Notifications ---- */

static void fill_row(struct mx_notification_data *d,
		     const struct mx_row_change *c)
{
	d->table_row_folder_id = c->row.fid;
	d->table_row_message_id = c->row.mid;
	d->table_row_instance = c->row.instance;
	d->insert_after_table_row_folder_id = c->prior.fid;
	d->insert_after_table_row_id = c->prior.mid;
	d->insert_after_table_row_instance = c->prior.instance;
}

static void encode_row(struct mx_wr *wr, const struct mx_sobj *so,
		       const struct mx_row_change *c)
{
	struct mx_proprow row = {
		.n = (uint32_t)c->n_vals,
		.vals = (struct mx_propval *)(uintptr_t)c->vals};

	wr->cols = so->cols.p;
	mx_proprow_encode(wr, &row);
}

static struct mx_note *note_of(const struct mx_sobj *so,
			       const struct mx_row_change *c)
{
	bool has_row = c->what == MX_ROW_ADDED || c->what == MX_ROW_MODIFIED;
	struct mx_wr wr = {0};
	struct mx_note *n;

	if (has_row)
		encode_row(&wr, so, c);
	if (wr.len > UINT16_MAX)
		return NULL;
	n = calloc(1, sizeof(*n) + wr.len);
	if (!n)
		return NULL;
	n->handle = so->handle;
	n->logon_id = so->logon_id;
	n->data.notification_flags = 0x0100;
	if (so->table == MX_TABLE_CONTENTS)
		n->data.notification_flags |= 0x8000;
	n->data.table_event_type = (uint16_t)c->what;
	fill_row(&n->data, c);
	if (has_row) {
		mx_wr_init(&wr, n + 1, wr.len);
		encode_row(&wr, so, c);
		n->data.table_row_data = (struct mx_bin){
			(uint32_t)wr.len, (const uint8_t *)(n + 1)};
	}
	return n;
}

static void push(struct mx_ctx *ctx, struct mx_note *n)
{
	mx_mutex_lock(&ctx->lock);
	mx_list_push_tail(&ctx->notes, &n->node);
	ctx->n_notes++;
	mx_mutex_unlock(&ctx->lock);
}

static void collect_one(struct mx_exec *x, const struct mx_sobj *so)
{
	static const struct mx_row_change reread = {.what = MX_ROW_CHANGED};
	struct mx_row_change *c = NULL;
	size_t n = 0;
	struct mx_note *note;

	if (!so->viewed || !so->cols.n ||
	    mx_tbl_changes(so->tbl, MAX_CHANGES, x->arena, &c, &n) != 0)
		return;
	for (size_t i = 0; i < n; i++) {
		note = note_of(so, &c[i]);
		if (!note) /* too long, or no memory: read it again */
			note = note_of(so, &reread);
		if (note)
			push(x->ctx, note);
	}
}

void mx_tables_collect(struct mx_exec *x)
{
	struct mx_objects *os = &x->ctx->objects;

	if (!mx_tables_dirty_take(x->ctx))
		return;
	for (uint32_t i = 0; i < os->n_slots; i++) {
		struct mx_sobj *so = os->slots[i];

		if (so && so->tbl && so->watch &&
		    mx_watch_dirty_take(x->ctx, so->watch))
			collect_one(x, so);
	}
}
