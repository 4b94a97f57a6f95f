/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/filter.h"
#include "store/folder-private.h"
#include "store/sql.h"
#include "store/tags.h"
#include "store/tbl-private.h"

#define DEFAULT_MAX_VALUE 510

/* ---- Opening ---- */

static int count(struct mx_tbl *t, uint32_t *ret)
{
	MX_STMT st = NULL;
	int r;

	/* The usual contents table is counted already. */
	if (t->kind == MX_TBL_CONTENTS && !(t->flags & MX_TBL_SOFT_DELETED)) {
		r = mx_db_query(&t->db->db, &st, SQL_FOLDER_COUNTS, "i",
				t->o->fid);
		if (r != 1)
			return r ? r : MX_ANS_OBJECT_DELETED;
		*ret = (uint32_t)sqlite3_column_int64(
			st, t->flags & MX_TBL_ASSOC ? 2 : 0);
		return 0;
	}
	r = mx_tbl_refresh(t);
	*ret = t->n_rows;
	return r;
}

static int open_locked(struct mx_obj *o, enum mx_tbl_kind kind, unsigned flags,
		       struct mx_tbl **ret, uint32_t *ret_rows)
{
	struct mx_tbl *t = calloc(1, sizeof(*t));
	uint32_t rows = 0;
	int r;

	if (!t)
		return -ENOMEM;
	t->kind = kind;
	t->o = mx_obj_ref(o);
	t->mb = o->mb;
	t->db = o->db;
	t->flags = flags;
	t->max_rows = UINT32_MAX;
	/* A change between now and the first look shall be told too. */
	t->seen = t->told_seq = t->db->change_seq;
	r = count(t, &rows);
	if (r) {
		mx_obj_unref(t->o);
		free(t->rows);
		free(t->told);
		free(t);
		return r;
	}
	*ret = t;
	if (ret_rows)
		*ret_rows = rows;
	return 0;
}

static int open_table(struct mx_obj *o, enum mx_tbl_kind kind, unsigned flags,
		      struct mx_tbl **ret, uint32_t *ret_rows)
{
	int r;

	if (o->kind !=
	    (kind == MX_TBL_ATTACHS ? MX_OBJ_MESSAGE : MX_OBJ_FOLDER))
		return MX_ANS_NULL_OBJECT;
	mx_mdb_lock(o->db);
	r = open_locked(o, kind, flags, ret, ret_rows);
	mx_mdb_unlock(o->db);
	return r;
}

int mx_tbl_hierarchy(struct mx_obj *folder, unsigned flags, struct mx_tbl **ret,
		     uint32_t *ret_rows)
{
	return open_table(folder, MX_TBL_HIERARCHY, flags, ret, ret_rows);
}

int mx_tbl_contents(struct mx_obj *folder, unsigned flags, struct mx_tbl **ret,
		    uint32_t *ret_rows)
{
	return open_table(folder, MX_TBL_CONTENTS, flags, ret, ret_rows);
}

int mx_tbl_attachments(struct mx_obj *msg, unsigned flags, struct mx_tbl **ret,
		       uint32_t *ret_rows)
{
	return open_table(msg, MX_TBL_ATTACHS, flags, ret, ret_rows);
}

void mx_tbl_close(struct mx_tbl *t)
{
	struct mx_mdb *db;

	if (!t)
		return;
	db = t->db;
	mx_mdb_lock(db);
	mx_tbl_unplan(t);
	mx_tbl_forget(t);
	mx_arena_fini(&t->res_arena);
	mx_obj_unref(t->o);
	free(t->marks);
	free(t);
	mx_mdb_unlock(db);
}

void mx_tbl_close_auto(struct mx_tbl **t)
{
	mx_tbl_close(*t);
}

bool mx_tbl_watches(const struct mx_tbl *t, uint64_t fid)
{
	if (t->kind == MX_TBL_ATTACHS)
		return false;
	return (t->kind == MX_TBL_HIERARCHY && t->flags & MX_TBL_DEPTH) ||
	       fid == mx_mdb_id(t->o->fid);
}

/* ---- Columns, order, restriction ---- */

static bool type_ok(uint32_t tag)
{
	uint16_t type = mx_col_type(tag);

	type &= (uint16_t)~MX_MV_FLAG;
	switch (type) {
	case MX_PT_UNSPECIFIED:
	case MX_PT_I2:
	case MX_PT_LONG:
	case MX_PT_R4:
	case MX_PT_DOUBLE:
	case MX_PT_CURRENCY:
	case MX_PT_APPTIME:
	case MX_PT_ERROR:
	case MX_PT_BOOLEAN:
	case MX_PT_OBJECT:
	case MX_PT_I8:
	case MX_PT_STRING8:
	case MX_PT_UNICODE:
	case MX_PT_SYSTIME:
	case MX_PT_CLSID:
	case MX_PT_SVREID:
	case MX_PT_SRESTRICT:
	case MX_PT_ACTIONS:
	case MX_PT_BINARY:
		return true;
	default:
		return false;
	}
}

static void drop_marks(struct mx_tbl *t)
{
	free(t->marks);
	t->marks = NULL;
}

int mx_tbl_columns(struct mx_tbl *t, const uint32_t *tags, size_t n)
{
	uint32_t mvi = t->mvi;
	int r = n ? 0 : MX_ANS_INVALID_PARAM;

	for (size_t i = 0; !r && i < n; i++)
		if (!type_ok(tags[i]))
			r = MX_ANS_INVALID_PARAM;
	mx_mdb_lock(t->db);
	if (r)
		mx_tbl_unplan(t);
	else
		r = mx_tbl_plan(t, tags, n);
	if (mvi != t->mvi)
		mx_tbl_forget(t);
	mx_mdb_unlock(t->db);
	return r;
}

int mx_tbl_sort(struct mx_tbl *t, const struct mx_sort *keys, size_t n)
{
	if (n > MX_TBL_MAX_SORT)
		return MX_ANS_TOO_COMPLEX;
	if (t->kind != MX_TBL_CONTENTS)
		return MX_ANS_NOT_SUPPORTED;
	for (size_t i = 0; i < n; i++)
		if (!type_ok(keys[i].tag))
			return MX_ANS_INVALID_PARAM;
	mx_mdb_lock(t->db);
	if (n)
		memcpy(t->sort, keys, n * sizeof(*keys));
	t->n_sort = n;
	mx_tbl_forget(t);
	drop_marks(t);
	mx_mdb_unlock(t->db);
	return 0;
}

static int restrict_locked(struct mx_tbl *t, const struct mx_restrict *r)
{
	int err;

	mx_arena_fini(&t->res_arena);
	t->res = NULL;
	t->max_rows = UINT32_MAX;
	mx_tbl_forget(t);
	drop_marks(t);
	err = r ? mx_filter_check(r) : 0;
	if (err || !r)
		return err;
	t->res = mx_arena_new(&t->res_arena, struct mx_restrict);
	err = t->res ? mx_restrict_copy(&t->res_arena, r, t->res) : -ENOMEM;
	if (err)
		t->res = NULL;
	else if (r->type == MX_RES_COUNT)
		t->max_rows = r->count.count;
	return err;
}

int mx_tbl_restrict(struct mx_tbl *t, const struct mx_restrict *r)
{
	int err;

	if (t->kind == MX_TBL_ATTACHS && r)
		return MX_ANS_NOT_SUPPORTED;
	mx_mdb_lock(t->db);
	err = restrict_locked(t, r);
	mx_mdb_unlock(t->db);
	return err;
}

int mx_tbl_reset(struct mx_tbl *t)
{
	mx_mdb_lock(t->db);
	mx_tbl_unplan(t);
	t->n_sort = 0;
	restrict_locked(t, NULL);
	mx_mdb_unlock(t->db);
	return 0;
}

int mx_tbl_all_columns(struct mx_tbl *t, struct mx_arena *a,
		       uint32_t **ret_tags, size_t *ret_n)
{
	const uint32_t *computed =
		t->kind == MX_TBL_HIERARCHY  ? mx_folder_computed_tags
		: t->kind == MX_TBL_CONTENTS ? mx_msg_computed_tags
					     : mx_att_computed_tags;
	size_t n = 0, hot = t->kind == MX_TBL_CONTENTS ? MX_HOT_COUNT : 0;
	uint32_t *tags;

	while (computed[n])
		n++;
	tags = mx_arena_newv(a, uint32_t, n + hot);
	if (!tags)
		return -ENOMEM;
	memcpy(tags, computed, n * sizeof(*tags));
	*ret_n = n;
	for (size_t i = 0; i < hot; i++) {
		bool there = false;

		for (size_t k = 0; k < n; k++)
			there |= tags[k] == mx_hot_columns[i].tag;
		if (!there)
			tags[(*ret_n)++] = mx_hot_columns[i].tag;
	}
	*ret_tags = tags;
	return 0;
}

/* ---- Rows ---- */

static int query_locked(struct mx_tbl *t, const struct mx_query *q,
			mx_row_fn *fn, void *arg, uint32_t *ret_n,
			enum mx_origin *ret_origin)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	size_t max = q->max_value ? q->max_value : DEFAULT_MAX_VALUE;
	uint32_t first, want, n = 0;
	struct mx_propval *vals;
	MX_TXN(txn);
	int r, took = 0;

	r = mx_txn_begin_read(&txn, &t->db->db);
	if (!r)
		r = mx_tbl_refresh(t);
	vals = calloc(t->n_cols, sizeof(*vals));
	if (!r && !vals)
		r = -ENOMEM;
	first = t->pos;
	want = q->max_rows;
	if (q->backward) {
		want = want < t->pos ? want : t->pos;
		first = t->pos - want;
	} else if (want > t->n_rows - first) {
		want = t->n_rows - first;
	}
	if (!r)
		mx_tbl_expect(t, t->rows + first, want);
	while (!r && !took && n < want) {
		r = mx_tbl_values(t, &t->rows[first + n], max, &a, vals);
		if (r == MX_ANS_NOT_FOUND)
			r = -EUCLEAN; /* under our lock rows do not go */
		if (!r)
			took = fn(arg, vals, t->n_cols);
		if (took < 0)
			r = took;
		n += !r && !took;
		mx_arena_reset(&a);
	}
	mx_tbl_values_done(t);
	free(vals);
	if (r)
		return r;
	*ret_n = n;
	/* The rows taken are before `first + n`, read either way in order. */
	if (!q->no_advance)
		t->pos = q->backward ? first : first + n;
	if (q->backward)
		*ret_origin = first == 0 ? MX_ORIGIN_BEGIN : MX_ORIGIN_CURRENT;
	else
		*ret_origin = first + n >= t->n_rows ? MX_ORIGIN_END
						     : MX_ORIGIN_CURRENT;
	return mx_txn_commit(&txn);
}

int mx_tbl_query(struct mx_tbl *t, const struct mx_query *q, mx_row_fn *fn,
		 void *arg, uint32_t *ret_n, enum mx_origin *ret_origin)
{
	int r;

	if (!t->n_cols)
		return MX_ANS_NO_COLUMNS;
	mx_mdb_lock(t->db);
	r = query_locked(t, q, fn, arg, ret_n, ret_origin);
	mx_mdb_unlock(t->db);
	return r;
}

/* ---- The cursor ---- */

int mx_tbl_position(struct mx_tbl *t, uint32_t *ret_pos, uint32_t *ret_rows)
{
	int r;

	mx_mdb_lock(t->db);
	r = mx_tbl_refresh(t);
	if (!r) {
		*ret_pos = t->pos;
		*ret_rows = t->n_rows;
	}
	mx_mdb_unlock(t->db);
	return r;
}

static uint32_t start_of(const struct mx_tbl *t, enum mx_origin origin)
{
	return origin == MX_ORIGIN_BEGIN     ? 0
	       : origin == MX_ORIGIN_CURRENT ? t->pos
					     : t->n_rows;
}

static void move(struct mx_tbl *t, uint32_t from, int32_t by, int32_t *moved,
		 bool *less)
{
	int64_t to = (int64_t)from + by;

	to = to < 0 ? 0 : to > t->n_rows ? t->n_rows : to;
	*moved = (int32_t)(to - from);
	*less = *moved != by;
	t->pos = (uint32_t)to;
}

int mx_tbl_seek(struct mx_tbl *t, enum mx_origin origin, int32_t by,
		int32_t *ret_moved, bool *ret_less)
{
	int r;

	if (origin > MX_ORIGIN_END)
		return MX_ANS_INVALID_PARAM;
	mx_mdb_lock(t->db);
	r = mx_tbl_refresh(t);
	if (!r)
		move(t, start_of(t, origin), by, ret_moved, ret_less);
	mx_mdb_unlock(t->db);
	return r;
}

int mx_tbl_seek_fraction(struct mx_tbl *t, uint32_t num, uint32_t den)
{
	int r;

	if (!den)
		return MX_ANS_INVALID_PARAM;
	mx_mdb_lock(t->db);
	r = mx_tbl_refresh(t);
	if (!r)
		t->pos = num >= den
				 ? t->n_rows
				 : (uint32_t)((uint64_t)t->n_rows * num / den);
	mx_mdb_unlock(t->db);
	return r;
}

/* ---- Bookmarks ---- */

static int bookmark_locked(struct mx_tbl *t, uint32_t *ret)
{
	uint32_t i = 0;
	int r = mx_tbl_refresh(t);

	if (r)
		return r;
	if (!t->marks)
		t->marks = calloc(MX_TBL_MAX_MARKS, sizeof(*t->marks));
	if (!t->marks)
		return -ENOMEM;
	while (i < MX_TBL_MAX_MARKS && t->marks[i].used)
		i++;
	if (i == MX_TBL_MAX_MARKS)
		return MX_ANS_TOO_COMPLEX;
	t->marks[i] = (struct mx_mark){.used = true, .pos = t->pos};
	if (t->pos < t->n_rows)
		t->marks[i].row = t->rows[t->pos];
	*ret = i;
	return 0;
}

int mx_tbl_bookmark(struct mx_tbl *t, uint32_t *ret_mark)
{
	int r;

	mx_mdb_lock(t->db);
	r = bookmark_locked(t, ret_mark);
	mx_mdb_unlock(t->db);
	return r;
}

int mx_tbl_free_bookmark(struct mx_tbl *t, uint32_t mark)
{
	int r = MX_ANS_INVALID_BOOKMARK;

	mx_mdb_lock(t->db);
	if (t->marks && mark < MX_TBL_MAX_MARKS && t->marks[mark].used) {
		t->marks[mark].used = false;
		r = 0;
	}
	mx_mdb_unlock(t->db);
	return r;
}

static int mark_start(struct mx_tbl *t, uint32_t mark, uint32_t *ret,
		      bool *ret_gone)
{
	const struct mx_mark *m;

	if (!t->marks || mark >= MX_TBL_MAX_MARKS || !t->marks[mark].used)
		return MX_ANS_INVALID_BOOKMARK;
	m = &t->marks[mark];
	*ret_gone = false;
	if (!m->row.id) {
		*ret = t->n_rows;
	} else if (!mx_tbl_find_row(t, &m->row, ret)) {
		*ret_gone = true;
		*ret = m->pos < t->n_rows ? m->pos : t->n_rows;
	}
	return 0;
}

int mx_tbl_seek_bookmark(struct mx_tbl *t, uint32_t mark, int32_t by,
			 int32_t *ret_moved, bool *ret_less, bool *ret_gone)
{
	uint32_t from;
	int r;

	mx_mdb_lock(t->db);
	r = mx_tbl_refresh(t);
	if (!r)
		r = mark_start(t, mark, &from, ret_gone);
	if (!r)
		move(t, from, by, ret_moved, ret_less);
	mx_mdb_unlock(t->db);
	return r;
}

/* ---- Finding ---- */

/* A statement that answers for one message by its id, or NULL when SQL cannot
 * say the restriction. */
static int match_stmt(struct mx_tbl *t, const struct mx_restrict *r,
		      sqlite3_stmt **ret)
{
	MX_AUTO(mx_tsql_auto) struct mx_tsql q = {{0}};

	*ret = NULL;
	if (t->kind != MX_TBL_CONTENTS)
		return 0;
	mx_buf_puts(&q.text, "SELECT 1 FROM messages WHERE id = ?1 AND ");
	if (!mx_tsql_restrict(&q, t->db, r))
		return 0;
	return mx_tsql_prepare(&q, t->db, ret);
}

static int matches(struct mx_tbl *t, sqlite3_stmt *st,
		   const struct mx_vrow *row, const struct mx_restrict *res)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_obj o;
	int r;

	if (st) {
		sqlite3_reset(st);
		sqlite3_bind_int64(st, 1, row->id);
		return mx_db_step(&t->db->db, st);
	}
	r = mx_tbl_object(t, row->id, mx_filter_needs_parts(res), &o);
	if (r)
		return r < 0 ? r : 0;
	r = mx_filter(&o, res, &a);
	mx_tbl_object_done(&o);
	return r;
}

static int give_row(struct mx_tbl *t, const struct mx_vrow *row, size_t max,
		    mx_row_fn *fn, void *arg)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_propval *vals =
		mx_arena_newv(&a, struct mx_propval, t->n_cols);
	int r = vals ? mx_tbl_values(t, row, max, &a, vals) : -ENOMEM;

	if (!r)
		r = fn(arg, vals, t->n_cols);
	mx_tbl_values_done(t);
	return r > 0 ? 0 : r;
}

static int find_locked(struct mx_tbl *t, const struct mx_find *f, mx_row_fn *fn,
		       void *arg, bool *gone)
{
	MX_AUTO(mx_stmt_final_auto) sqlite3_stmt *st = NULL;
	uint32_t from;
	int64_t i;
	int r = mx_tbl_refresh(t);

	if (r)
		return r;
	from = start_of(t, f->origin);
	if (f->use_bookmark)
		r = mark_start(t, f->bookmark, &from, gone);
	if (!r)
		r = match_stmt(t, f->restriction, &st);
	if (r)
		return r;
	/* Backward the row before the start is the first to look at. */
	i = f->backward ? (int64_t)from - 1 : from;
	for (; i >= 0 && i < t->n_rows; i += f->backward ? -1 : 1) {
		r = matches(t, st, &t->rows[i], f->restriction);
		if (r < 0)
			return r;
		if (r)
			break;
	}
	if (i < 0 || i >= t->n_rows)
		return MX_ANS_NOT_FOUND;
	t->pos = (uint32_t)i;
	return give_row(t, &t->rows[i],
			f->max_value ? f->max_value : DEFAULT_MAX_VALUE, fn,
			arg);
}

int mx_tbl_find(struct mx_tbl *t, const struct mx_find *f, mx_row_fn *fn,
		void *arg, bool *ret_bookmark_gone)
{
	bool gone = false;
	int r;

	if (!t->n_cols)
		return MX_ANS_NO_COLUMNS;
	r = mx_filter_check(f->restriction);
	if (!r && f->restriction->type == MX_RES_COUNT)
		r = MX_ANS_TOO_COMPLEX;
	if (r)
		return r;
	mx_mdb_lock(t->db);
	r = find_locked(t, f, fn, arg, &gone);
	mx_mdb_unlock(t->db);
	if (!r && ret_bookmark_gone)
		*ret_bookmark_gone = gone;
	return r;
}
