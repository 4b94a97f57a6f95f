/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The view of a table: which rows, in which order; keeping the cursor where it
 * was when the view is made anew; and what became of the rows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/filter.h"
#include "store/sql.h"
#include "store/tags.h"
#include "store/tbl-private.h"
#include "store/text.h"

struct view {
	struct mx_vrow *rows;
	size_t n, cap;
};

static void view_auto(struct view *v)
{
	free(v->rows);
}

static int add(struct view *v, int64_t id, uint32_t inst, uint32_t depth)
{
	struct mx_vrow *rows;

	if (v->n == v->cap) {
		v->cap = v->cap ? v->cap * 2 : 64;
		rows = reallocarray(v->rows, v->cap, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		v->rows = rows;
	}
	v->rows[v->n++] =
		(struct mx_vrow){.id = id, .inst = inst, .depth = depth};
	return 0;
}

static int collect(struct mx_tbl *t, sqlite3_stmt *st, struct view *v)
{
	bool depth = sqlite3_column_count(st) > 1;
	int r;

	while ((r = mx_db_step(&t->db->db, st)) == 1) {
		r = add(v, sqlite3_column_int64(st, 0), 0,
			depth ? (uint32_t)sqlite3_column_int64(st, 1) : 0);
		if (r)
			return r;
	}
	return r;
}

/* ---- Contents: in SQL as far as it goes ---- */

/* What stays to be done in C. */
struct rest {
	const struct mx_restrict *res[64];
	size_t n_res;
	bool sort;
};

/* A restriction is pushed down whole or, when it is an AND, in parts. */
static bool push(struct mx_tsql *q, struct mx_tbl *t,
		 const struct mx_restrict *r, struct rest *rest)
{
	size_t len = q->text.len;

	mx_buf_puts(&q->text, " AND ");
	if (mx_tsql_restrict(q, t->db, r))
		return true;
	q->text.len = len;
	if (r->type == MX_RES_AND && r->list.n < 32) {
		for (uint32_t i = 0; i < r->list.n; i++)
			if (!push(q, t, &r->list.p[i], rest))
				return false;
		return true;
	}
	if (rest->n_res == MX_ARRAY_SIZE(rest->res))
		return false;
	rest->res[rest->n_res++] = r;
	return true;
}

static const struct mx_restrict *top(const struct mx_tbl *t)
{
	return t->res && t->res->type == MX_RES_COUNT ? t->res->count.res
						      : t->res;
}

static int query_contents(struct mx_tbl *t, struct rest *rest, struct view *v)
{
	MX_AUTO(mx_tsql_auto) struct mx_tsql q = {{0}};
	MX_AUTO(mx_stmt_final_auto) sqlite3_stmt *st = NULL;
	size_t len;
	int r;

	mx_buf_puts(&q.text, "SELECT id FROM messages WHERE folder = ?1"
			     " AND assoc = ?2 AND deleted ");
	mx_buf_puts(&q.text, t->flags & MX_TBL_SOFT_DELETED ? "<> ?3" : "= ?3");
	if (top(t) && !push(&q, t, top(t), rest))
		return MX_ANS_TOO_COMPLEX;
	len = q.text.len;
	if (!mx_tsql_order(&q, t->sort, t->n_sort) || t->mvi) {
		q.text.len = len;
		rest->sort = t->n_sort > 0;
		mx_tsql_order(&q, NULL, 0);
	}
	r = mx_tsql_prepare(&q, t->db, &st);
	if (r)
		return r;
	sqlite3_bind_int64(st, 1, t->o->fid);
	sqlite3_bind_int64(st, 2, (t->flags & MX_TBL_ASSOC) != 0);
	sqlite3_bind_int64(st, 3, 0);
	return collect(t, st, v);
}

static int query_folders(struct mx_tbl *t, struct view *v)
{
	bool deep = t->flags & MX_TBL_DEPTH;
	MX_STMT st = NULL;
	int r = 0;

	st = mx_db_stmt(&t->db->db, deep ? SQL_FOLDER_TREE : SQL_FOLDER_LIST,
			&r);
	if (!st)
		return r;
	sqlite3_bind_int64(st, 1, t->o->fid);
	sqlite3_bind_int64(st, 2, (t->flags & MX_TBL_SOFT_DELETED) != 0);
	return collect(t, st, v);
}

static int list_attachments(struct mx_tbl *t, struct view *v)
{
	int r = 0;

	for (size_t i = 0; !r && i < t->o->msg->n_atts; i++)
		r = add(v, t->o->msg->atts[i]->num, 0, 0);
	return r;
}

/* ---- The rest in C ---- */

static int keep(struct mx_tbl *t, const struct rest *rest, int64_t id)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_obj o;
	bool parts = false;
	int r, hit = 1;

	for (size_t i = 0; i < rest->n_res; i++)
		parts |= mx_filter_needs_parts(rest->res[i]);
	r = mx_tbl_object(t, id, parts, &o);
	if (r)
		return r == MX_ANS_NOT_FOUND ? 0 : r;
	for (size_t i = 0; hit == 1 && i < rest->n_res; i++)
		hit = mx_filter(&o, rest->res[i], &a);
	mx_tbl_object_done(&o);
	return hit;
}

static int filter(struct mx_tbl *t, const struct rest *rest, struct view *v)
{
	size_t out = 0;

	for (size_t i = 0; rest->n_res && i < v->n; i++) {
		int hit = keep(t, rest, v->rows[i].id);

		if (hit < 0)
			return hit;
		if (hit)
			v->rows[out++] = v->rows[i];
	}
	if (rest->n_res)
		v->n = out;
	return 0;
}

/* How many instances a row has: the values of the expanded column. */
static int instances(struct mx_tbl *t, int64_t id, uint32_t *ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_propval v;
	struct mx_obj o;
	int r = mx_tbl_object(t, id, false, &o);

	*ret = 0;
	if (r)
		return r == MX_ANS_NOT_FOUND ? 0 : r;
	r = mx_obj_value(&o, t->mvi & ~(uint32_t)MX_MV_INSTANCE, 0, true, &a,
			 &v);
	if (!r && MX_PROP_TYPE(v.tag) & MX_MV_FLAG)
		*ret = v.v.mv.n;
	mx_tbl_object_done(&o);
	return r;
}

static int expand(struct mx_tbl *t, struct view *v)
{
	MX_AUTO(view_auto) struct view out = {0};
	struct view swap;
	int r = 0;

	for (size_t i = 0; !r && i < v->n; i++) {
		uint32_t n;

		r = instances(t, v->rows[i].id, &n);
		if (!r && !n)
			r = add(&out, v->rows[i].id, 0, 0);
		for (uint32_t k = 1; !r && k <= n; k++)
			r = add(&out, v->rows[i].id, k, 0);
	}
	swap = *v;
	*v = out;
	out = swap;
	return r;
}

/* A row with its values to sort by. */
struct keyed {
	struct mx_vrow row;
	struct mx_propval *vals;
	const struct mx_tbl *t;
	size_t at;
};

static int by_keys(const void *pa, const void *pb)
{
	const struct keyed *a = pa, *b = pb;

	for (size_t i = 0; i < a->t->n_sort; i++) {
		bool na = MX_PROP_TYPE(a->vals[i].tag) == MX_PT_ERROR;
		bool nb = MX_PROP_TYPE(b->vals[i].tag) == MX_PT_ERROR;
		int order = 0;

		if (na || nb)
			order = nb - na;
		else
			mx_val_compare(&a->vals[i], &b->vals[i], &order);
		if (order)
			return a->t->sort[i].descending ? -order : order;
	}
	return a->at < b->at ? -1 : a->at > b->at;
}

static int sort(struct mx_tbl *t, struct view *v)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_col *cols = t->cols;
	struct keyed *k = mx_arena_newv(&a, struct keyed, v->n);
	uint32_t tags[MX_TBL_MAX_SORT];
	struct mx_tbl plan = *t;
	int r;

	if (!k)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_sort; i++)
		tags[i] = t->sort[i].tag;
	plan.cols = NULL;
	plan.fetch = NULL;
	r = mx_tbl_plan(&plan, tags, t->n_sort);
	if (!r)
		mx_tbl_expect(&plan, v->rows, (uint32_t)v->n);
	for (size_t i = 0; !r && i < v->n; i++) {
		struct mx_propval vals[MX_TBL_MAX_SORT];

		k[i] = (struct keyed){.row = v->rows[i], .t = t, .at = i};
		k[i].vals = mx_arena_newv(&a, struct mx_propval, t->n_sort);
		r = k[i].vals ? mx_tbl_values(&plan, &v->rows[i], 510, &a, vals)
			      : -ENOMEM;
		for (size_t c = 0; !r && c < t->n_sort; c++)
			r = mx_propval_copy(&a, &vals[c], &k[i].vals[c]);
	}
	mx_tbl_unplan(&plan);
	t->cols = cols;
	if (r)
		return r;
	qsort(k, v->n, sizeof(*k), by_keys);
	for (size_t i = 0; i < v->n; i++)
		v->rows[i] = k[i].row;
	return 0;
}

static int build(struct mx_tbl *t, struct view *v)
{
	struct rest rest = {.n_res = 0};
	int r;

	if (t->kind == MX_TBL_CONTENTS) {
		r = query_contents(t, &rest, v);
	} else {
		r = t->kind == MX_TBL_HIERARCHY ? query_folders(t, v)
						: list_attachments(t, v);
		if (top(t))
			rest.res[rest.n_res++] = top(t);
		rest.sort = t->n_sort > 0;
	}
	if (!r)
		r = filter(t, &rest, v);
	if (!r && t->mvi)
		r = expand(t, v);
	if (!r && rest.sort)
		r = sort(t, v);
	if (v->n > t->max_rows)
		v->n = t->max_rows;
	return r;
}

/* ---- Rows by identity ---- */

static int by_identity(const void *pa, const void *pb)
{
	const struct mx_vrow *a = pa, *b = pb;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->inst < b->inst ? -1 : a->inst > b->inst;
}

static struct mx_vrow *sorted(const struct mx_vrow *rows, size_t n)
{
	struct mx_vrow *copy = calloc(n ? n : 1, sizeof(*copy));

	if (copy && n) {
		memcpy(copy, rows, n * sizeof(*copy));
		qsort(copy, n, sizeof(*copy), by_identity);
	}
	return copy;
}

static bool has(const struct mx_vrow *set, size_t n, const struct mx_vrow *row)
{
	return n && bsearch(row, set, n, sizeof(*set), by_identity);
}

bool mx_tbl_find_row(const struct mx_tbl *t, const struct mx_vrow *row,
		     uint32_t *ret)
{
	for (uint32_t i = 0; i < t->n_rows; i++)
		if (!by_identity(&t->rows[i], row)) {
			*ret = i;
			return true;
		}
	return false;
}

/* Where the cursor goes: before the first of the rows that followed it and is
 * still there.  At an end it stays at that end. */
static int follow(struct mx_tbl *t, const struct view *v, uint32_t *ret)
{
	MX_AUTO(mx_free_auto) struct mx_vrow *set = NULL;

	if (t->pos == 0 || t->pos >= t->n_rows) {
		*ret = t->pos ? (uint32_t)v->n : 0;
		return 0;
	}
	set = sorted(v->rows, v->n);
	if (!set)
		return -ENOMEM;
	for (uint32_t i = t->pos; i < t->n_rows; i++) {
		if (!has(set, v->n, &t->rows[i]))
			continue;
		for (size_t k = 0; k < v->n; k++)
			if (!by_identity(&v->rows[k], &t->rows[i])) {
				*ret = (uint32_t)k;
				return 0;
			}
	}
	*ret = (uint32_t)v->n;
	return 0;
}

/* ---- Keeping up ---- */

static bool concerns(const struct mx_tbl *t, const struct mx_change *c)
{
	if (t->kind == MX_TBL_HIERARCHY)
		return c->folder &&
		       (c->fid == t->o->fid || t->flags & MX_TBL_DEPTH);
	return !c->folder && c->fid == t->o->fid;
}

static bool out_of_date(const struct mx_tbl *t)
{
	const struct mx_mdb *db = t->db;

	if (!t->built || t->kind == MX_TBL_ATTACHS)
		return true;
	if (db->change_seq - t->seen > MX_CHANGE_RING)
		return true;
	for (uint64_t s = t->seen; s < db->change_seq; s++)
		if (concerns(t, &db->ring[s % MX_CHANGE_RING]))
			return true;
	return false;
}

void mx_tbl_forget(struct mx_tbl *t)
{
	free(t->rows);
	t->rows = NULL;
	t->n_rows = 0;
	t->pos = 0;
	t->built = false;
	/* What changes from now on is told against the new view. */
	free(t->told);
	t->told = NULL;
	t->n_told = 0;
	t->telling = false;
}

static int start_telling(struct mx_tbl *t)
{
	if (!(t->flags & MX_TBL_CHANGES) || t->telling)
		return 0;
	t->told = calloc(t->n_rows ? t->n_rows : 1, sizeof(*t->told));
	if (!t->told)
		return -ENOMEM;
	if (t->n_rows)
		memcpy(t->told, t->rows, t->n_rows * sizeof(*t->told));
	t->n_told = t->n_rows;
	t->told_seq = t->seen;
	t->telling = true;
	return 0;
}

int mx_tbl_refresh(struct mx_tbl *t)
{
	MX_AUTO(view_auto) struct view v = {0};
	uint64_t seq = t->db->change_seq;
	uint32_t pos = 0;
	int r;

	if (!out_of_date(t)) {
		t->seen = seq;
		return 0;
	}
	r = build(t, &v);
	if (!r && t->built)
		r = follow(t, &v, &pos);
	if (r)
		return r;
	free(t->rows);
	t->rows = v.rows;
	t->n_rows = (uint32_t)v.n;
	t->pos = pos;
	t->seen = seq;
	t->built = true;
	v.rows = NULL;
	return start_telling(t);
}

/* ---- What changed ---- */

/* Rows that the feed named since the last telling; false: it forgot some. */
static bool touched(const struct mx_tbl *t, int64_t id)
{
	const struct mx_mdb *db = t->db;

	for (uint64_t s = t->told_seq; s < t->seen; s++) {
		const struct mx_change *c = &db->ring[s % MX_CHANGE_RING];

		if (c->mid == id && concerns(t, c))
			return true;
	}
	return false;
}

struct telling {
	struct mx_tbl *t;
	struct mx_arena *a;
	struct mx_row_change *out;
	size_t n, max;
	bool too_many;
};

static struct mx_row_key key_of(const struct mx_tbl *t,
				const struct mx_vrow *row)
{
	if (t->kind == MX_TBL_CONTENTS)
		return (struct mx_row_key){.fid = mx_mdb_id(t->o->fid),
					   .mid = mx_mdb_id(row->id),
					   .instance = row->inst};
	return (struct mx_row_key){.fid = mx_mdb_id(row->id)};
}

static int tell(struct telling *l, enum mx_row_event what, uint32_t at,
		const struct mx_vrow *row)
{
	struct mx_tbl *t = l->t;
	struct mx_row_change *c;
	struct mx_propval *vals;
	int r;

	if (l->n == l->max) {
		l->too_many = true;
		return 0;
	}
	c = &l->out[l->n++];
	*c = (struct mx_row_change){.what = what, .row = key_of(t, row)};
	if (what == MX_ROW_DELETED)
		return 0;
	if (at)
		c->prior = key_of(t, &t->rows[at - 1]);
	c->vals = vals = mx_arena_newv(l->a, struct mx_propval, t->n_cols);
	c->n_vals = t->n_cols;
	r = vals ? mx_tbl_values(t, row, 510, l->a, vals) : -ENOMEM;
	for (size_t i = 0; !r && i < t->n_cols; i++)
		r = mx_propval_copy(l->a, &vals[i], &vals[i]);
	mx_tbl_values_done(t);
	return r;
}

static int tell_all(struct telling *l)
{
	struct mx_tbl *t = l->t;
	MX_AUTO(mx_free_auto) struct mx_vrow *old = sorted(t->told, t->n_told);
	MX_AUTO(mx_free_auto) struct mx_vrow *new = sorted(t->rows, t->n_rows);
	int r = old && new ? 0 : -ENOMEM;

	for (uint32_t i = 0; !r && !l->too_many && i < t->n_told; i++)
		if (!has(new, t->n_rows, &t->told[i]))
			r = tell(l, MX_ROW_DELETED, 0, &t->told[i]);
	for (uint32_t i = 0; !r && !l->too_many && i < t->n_rows; i++) {
		if (!has(old, t->n_told, &t->rows[i]))
			r = tell(l, MX_ROW_ADDED, i, &t->rows[i]);
		else if (touched(t, t->rows[i].id))
			r = tell(l, MX_ROW_MODIFIED, i, &t->rows[i]);
	}
	return r;
}

static int changes_locked(struct mx_tbl *t, size_t max, struct mx_arena *a,
			  struct mx_row_change **ret, size_t *ret_n)
{
	struct telling l = {.t = t, .a = a, .max = max ? max : 1};
	int r;

	if (!t->telling || !t->n_cols)
		return 0;
	if (t->seen == t->db->change_seq && t->told_seq == t->seen)
		return 0;
	r = mx_tbl_refresh(t);
	l.out = mx_arena_newv(a, struct mx_row_change, l.max);
	if (!r && !l.out)
		r = -ENOMEM;
	l.too_many = t->seen - t->told_seq > MX_CHANGE_RING;
	if (!r && !l.too_many)
		r = tell_all(&l);
	if (r)
		return r;
	if (l.too_many) {
		l.out[0] = (struct mx_row_change){.what = MX_ROW_CHANGED};
		l.n = 1;
	}
	free(t->told);
	t->told = NULL;
	t->telling = false;
	*ret = l.out;
	*ret_n = l.n;
	return start_telling(t);
}

int mx_tbl_changes(struct mx_tbl *t, size_t max, struct mx_arena *a,
		   struct mx_row_change **ret, size_t *ret_n)
{
	int r;

	*ret = NULL;
	*ret_n = 0;
	mx_mdb_lock(t->db);
	r = changes_locked(t, max, a, ret, ret_n);
	mx_mdb_unlock(t->db);
	return r;
}
