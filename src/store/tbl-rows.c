/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of rows.  A contents table has one statement for its columns, made
 * when they are set, and steps it once a row over a span of the view
 * (tbl-scan.c): hot columns are handed out as
 * SQLite holds them.  Columns that need an object (bodies, PR_ACCESS …) load
 * the message's properties for the row.
 */
#include <errno.h>
#include <string.h>

#include "store/entry.h"
#include "store/folder-private.h"
#include "store/sql.h"
#include "store/tags.h"
#include "store/tbl-private.h"
#include "store/text.h"

/* The first columns of every statement. */
enum { C_ID, C_FOLDER, C_CN, C_FLAGS, C_ASSOC, C_SUBJECT, C_PREFIX, C_FIXED };
#define FIXED "id, folder, cn, flags, assoc, subject, prefix"

static const uint32_t fast_tags[] = {
	T_MID,         T_INST_ID,      T_FID,
	T_PARENT_FID,  T_INSTANCE_NUM, T_ENTRYID,
	T_RECORD_KEY,  T_INSTANCE_KEY, T_PARENT_ENTRYID,
	T_OBJECT_TYPE, T_ROW_TYPE,     T_HASATTACH,
	T_READ,        T_ASSOCIATED,   T_NORMALIZED_SUBJECT,
	T_SOURCE_KEY,  T_CHANGE_KEY,   T_CN,
};

static bool in_list(const uint32_t *tags, size_t n, uint32_t tag)
{
	for (size_t i = 0; i < n && tags[i]; i++)
		if (MX_PROP_ID(tags[i]) == MX_PROP_ID(tag))
			return true;
	return false;
}

/* ---- Planning ---- */

static void plan_column(struct mx_tbl *t, struct mx_col *c, struct mx_buf *sql,
			int *next)
{
	uint16_t type = MX_PROP_TYPE(c->tag);
	const struct mx_hot_column *hot = mx_hot_find(MX_PROP_ID(c->tag));

	c->narrow = type == MX_PT_STRING8;
	if (t->kind != MX_TBL_CONTENTS || (type & MX_MV_INSTANCE)) {
		c->how = MX_COL_SLOW;
	} else if (hot && mx_type_fits(MX_PROP_TYPE(hot->tag), type) &&
		   type != MX_PT_UNSPECIFIED) {
		c->how = MX_COL_HOT;
		c->n = (*next)++;
		mx_buf_puts(sql, ", ");
		mx_buf_puts(sql, hot->sql);
	} else if (in_list(fast_tags, MX_ARRAY_SIZE(fast_tags), c->tag)) {
		c->how = MX_COL_FAST;
	} else if (in_list(mx_msg_computed_tags, SIZE_MAX, c->tag)) {
		c->how = MX_COL_SLOW;
	} else {
		c->how = MX_COL_COLD;
		c->n = 1;
	}
	t->slow |= c->how == MX_COL_SLOW;
}

void mx_tbl_unplan(struct mx_tbl *t)
{
	if (t->fetch)
		t->db->n_plans--;
	sqlite3_finalize(t->fetch);
	free(t->cols);
	t->fetch = NULL;
	t->span.n = t->n_given = 0;
	t->cols = NULL;
	t->n_cols = 0;
	t->slow = false;
	t->mvi = 0;
}

int mx_tbl_plan(struct mx_tbl *t, const uint32_t *tags, size_t n)
{
	MX_AUTO(mx_buf_auto) struct mx_buf sql = {0};
	bool cold = false;
	int next = C_FIXED, rc;

	mx_tbl_unplan(t);
	t->cols = calloc(n, sizeof(*t->cols));
	if (!t->cols)
		return -ENOMEM;
	t->n_cols = n;
	mx_buf_puts(&sql, "SELECT " FIXED);
	for (size_t i = 0; i < n; i++) {
		t->cols[i].tag = tags[i];
		plan_column(t, &t->cols[i], &sql, &next);
		cold |= t->cols[i].how == MX_COL_COLD;
		if (MX_PROP_TYPE(tags[i]) & MX_MV_INSTANCE)
			t->mvi = tags[i];
	}
	if (t->kind != MX_TBL_CONTENTS)
		return 0;
	/* The packed properties come last, when some column needs them. */
	mx_buf_puts(&sql, cold ? ", props" : "");
	mx_buf_puts(
		&sql,
		" FROM mx_rows(?1) CROSS JOIN messages ON messages.id = row_id");
	mx_buf_puts(&sql, cold ? " CROSS JOIN msgdata USING (id)" : "");
	if (sql.err)
		return sql.err;
	for (size_t i = 0; i < n; i++)
		if (t->cols[i].how == MX_COL_COLD)
			t->cols[i].n = next;
	rc = sqlite3_prepare_v3(t->db->db.h, mx_buf_str(&sql), -1,
				SQLITE_PREPARE_PERSISTENT, &t->fetch, NULL);
	/* It holds the connection: such a mailbox does not rest. */
	if (t->fetch)
		t->db->n_plans++;
	return mx_db_err(&t->db->db, rc);
}

/* ---- Objects behind rows ---- */

int mx_tbl_object(struct mx_tbl *t, int64_t id, bool parts, struct mx_obj *o)
{
	int r = 0;

	*o = (struct mx_obj){.mb = t->mb, .db = t->db, .cp = t->mb->codepage};
	o->read_only = !t->mb->may_write;
	switch (t->kind) {
	case MX_TBL_HIERARCHY:
		o->kind = MX_OBJ_FOLDER;
		o->fid = id;
		break;
	case MX_TBL_CONTENTS:
		o->kind = MX_OBJ_MESSAGE;
		o->fid = t->o->fid;
		r = parts ? mx_msg_load(t->db, id, &o->msg)
			  : mx_msg_load_light(t->db, id, &o->msg);
		break;
	case MX_TBL_ATTACHS:
		o->kind = MX_OBJ_ATTACH;
		o->cp = t->o->cp;
		o->att = mx_msg_att(t->o->msg, (uint32_t)id, NULL);
		r = o->att ? 0 : MX_ANS_NOT_FOUND;
		break;
	}
	return r;
}

void mx_tbl_object_done(struct mx_obj *o)
{
	mx_msg_free(o->msg); /* an attachment is its message's */
	o->msg = NULL;
}

/* The value of instance `inst` of a multiple one.  [MS-OXCTABL] 2.2.2.2.1 */
static struct mx_propval instance(const struct mx_propval *v, uint32_t tag,
				  uint32_t inst)
{
	uint16_t type = mx_col_type(tag);
	struct mx_propval out = {.tag = MX_PROP_RETYPE(tag, type)};
	const struct mx_mv *mv = &v->v.mv;

	if (MX_PROP_TYPE(v->tag) == MX_PT_ERROR || !inst || inst > mv->n)
		return mx_val_error(tag, MX_EC_NOT_FOUND);
	switch (type) {
	case MX_PT_I2:
		out.v.i2 = mv->i2[inst - 1];
		break;
	case MX_PT_LONG:
	case MX_PT_R4:
		out.v.i4 = mv->i4[inst - 1];
		break;
	case MX_PT_STRING8:
	case MX_PT_UNICODE:
		out.v.str = mv->str[inst - 1];
		break;
	case MX_PT_CLSID:
		out.v.guid = mv->guid[inst - 1];
		break;
	case MX_PT_BINARY:
		out.v.bin = mv->bin[inst - 1];
		break;
	default:
		out.v.i8 = mv->i8[inst - 1];
		break;
	}
	return out;
}

/* One value through an object: long ones are only read as far as wanted. */
static int slow_value(struct mx_obj *o, const struct mx_vrow *row, uint32_t tag,
		      size_t max, struct mx_arena *a, struct mx_propval *ret)
{
	struct mx_bag *bag = mx_obj_bag(o);
	const struct mx_ent *e = bag ? mx_bag_find(bag, MX_PROP_ID(tag)) : NULL;
	uint32_t plain = tag;
	int r;

	if (MX_PROP_TYPE(tag) & MX_MV_INSTANCE)
		plain &= ~(uint32_t)MX_MV_INSTANCE;
	if (e && e->big && plain == tag)
		return mx_ent_part(e, tag, max, o->cp, a, ret);
	r = mx_obj_value(o, plain, 0, true, a, ret);
	if (!r && plain != tag)
		*ret = instance(ret, tag, row->inst);
	return r ? r : mx_val_cut(ret, max, a);
}

static int depth_or_value(struct mx_tbl *t, const struct mx_vrow *row,
			  struct mx_obj *o, uint32_t tag, size_t max,
			  struct mx_arena *a, struct mx_propval *ret)
{
	if (t->kind == MX_TBL_HIERARCHY && tag == T_DEPTH) {
		ret->tag = T_DEPTH;
		ret->v.i4 = (int32_t)row->depth;
		return 0;
	}
	if (t->kind == MX_TBL_CONTENTS && tag == T_INSTANCE_NUM) {
		ret->tag = T_INSTANCE_NUM;
		ret->v.i4 = (int32_t)row->inst;
		return 0;
	}
	return slow_value(o, row, tag, max, a, ret);
}

static int slow_row(struct mx_tbl *t, const struct mx_vrow *row, size_t max,
		    struct mx_arena *a, struct mx_propval *vals)
{
	struct mx_obj o;
	int r = mx_tbl_object(t, row->id, false, &o);

	if (r)
		return r;
	/* A folder's row is loaded once for all columns. */
	if (t->kind == MX_TBL_HIERARCHY) {
		uint32_t *tags = mx_arena_newv(a, uint32_t, t->n_cols);

		for (size_t i = 0; tags && i < t->n_cols; i++)
			tags[i] = t->cols[i].tag;
		r = tags ? mx_obj_get_locked(&o, tags, t->n_cols, 0, true, a,
					     vals, NULL)
			 : -ENOMEM;
		for (size_t i = 0; !r && i < t->n_cols; i++)
			r = tags[i] == T_DEPTH
				    ? depth_or_value(t, row, &o, tags[i], max,
						     a, &vals[i])
				    : mx_val_cut(&vals[i], max, a);
	} else {
		for (size_t i = 0; !r && i < t->n_cols; i++)
			r = depth_or_value(t, row, &o, t->cols[i].tag, max, a,
					   &vals[i]);
		/* Values point into the message, which goes. */
		for (size_t i = 0; !r && i < t->n_cols; i++)
			r = mx_propval_copy(a, &vals[i], &vals[i]);
	}
	mx_tbl_object_done(&o);
	return r;
}

/* ---- The fast way ---- */

static int text_out(struct mx_tbl *t, const struct mx_col *c, const char *s,
		    size_t n, size_t max, struct mx_arena *a,
		    struct mx_propval *ret)
{
	ret->tag = MX_PROP_RETYPE(c->tag,
				  c->narrow ? MX_PT_STRING8 : MX_PT_UNICODE);
	if (c->narrow && t->mb->codepage != 65001) {
		s = mx_text_to_cp(t->mb->codepage, s, n, a, &n);
		if (!s)
			return -ENOMEM;
	}
	ret->v.str = s;
	return 2 * (n + 1) <= max ? 0 : mx_val_cut(ret, max, a);
}

static int hot_value(struct mx_tbl *t, const struct mx_col *c, size_t max,
		     struct mx_arena *a, struct mx_propval *ret)
{
	sqlite3_stmt *st = t->fetch;
	const char *s;

	if (sqlite3_column_type(st, c->n) == SQLITE_NULL) {
		*ret = mx_val_error(c->tag, MX_EC_NOT_FOUND);
		return 0;
	}
	ret->tag = c->tag;
	switch (MX_PROP_TYPE(c->tag)) {
	case MX_PT_LONG:
		ret->v.i4 = (int32_t)sqlite3_column_int64(st, c->n);
		return 0;
	case MX_PT_SYSTIME:
		ret->v.i8 = sqlite3_column_int64(st, c->n);
		return 0;
	default:
		s = (const char *)sqlite3_column_text(st, c->n);
		if (!s)
			return -ENOMEM;
		return text_out(t, c, s, (size_t)sqlite3_column_bytes(st, c->n),
				max, a, ret);
	}
}

static int give_bin(struct mx_bin b, struct mx_propval *ret)
{
	ret->v.bin = b;
	return b.p ? 0 : -ENOMEM;
}

static int fast_value(struct mx_tbl *t, const struct mx_col *c,
		      const struct mx_vrow *row, size_t max, struct mx_arena *a,
		      struct mx_propval *ret)
{
	sqlite3_stmt *st = t->fetch;
	int64_t fid = sqlite3_column_int64(st, C_FOLDER);
	int64_t flags = sqlite3_column_int64(st, C_FLAGS);
	size_t n, skip;
	const char *s;

	ret->tag = c->tag;
	switch (c->tag) {
	case T_MID:
	case T_INST_ID:
		ret->v.i8 = (int64_t)mx_mdb_id(row->id);
		return 0;
	case T_FID:
	case T_PARENT_FID:
		ret->v.i8 = (int64_t)mx_mdb_id(fid);
		return 0;
	case T_CN:
		ret->v.i8 = (int64_t)mx_mdb_id(sqlite3_column_int64(st, C_CN));
		return 0;
	case T_INSTANCE_NUM:
		ret->v.i4 = (int32_t)row->inst;
		return 0;
	case T_OBJECT_TYPE:
		ret->v.i4 = 5; /* MAPI_MESSAGE */
		return 0;
	case T_ROW_TYPE:
		ret->v.i4 = 1; /* TBL_LEAF_ROW */
		return 0;
	case T_HASATTACH:
		ret->v.b = flags & MF_HASATTACH;
		return 0;
	case T_READ:
		ret->v.b = flags & MF_READ;
		return 0;
	case T_ASSOCIATED:
		ret->v.b = sqlite3_column_int(st, C_ASSOC) != 0;
		return 0;
	case T_ENTRYID:
	case T_RECORD_KEY:
		return give_bin(mx_eid_message(t->db, fid, row->id, a), ret);
	case T_INSTANCE_KEY:
		return give_bin(mx_instance_key(fid, row->id, row->inst, a),
				ret);
	case T_PARENT_ENTRYID:
		return give_bin(mx_eid_folder(t->db, fid, a), ret);
	case T_SOURCE_KEY:
		return give_bin(mx_xid(t->db, row->id, a), ret);
	case T_CHANGE_KEY:
		return give_bin(
			mx_xid(t->db, sqlite3_column_int64(st, C_CN), a), ret);
	default:
		break;
	}
	s = (const char *)sqlite3_column_text(st, C_SUBJECT);
	if (MX_PROP_ID(c->tag) != MX_PROP_ID(T_NORMALIZED_SUBJECT) || !s ||
	    !mx_type_fits(MX_PT_UNICODE, MX_PROP_TYPE(c->tag))) {
		*ret = mx_val_error(c->tag, MX_EC_NOT_FOUND);
		return 0;
	}
	n = (size_t)sqlite3_column_bytes(st, C_SUBJECT);
	skip = (size_t)sqlite3_column_int64(st, C_PREFIX);
	skip = skip <= n ? skip : 0;
	return text_out(t, c, s + skip, n - skip, max, a, ret);
}

static int cold_value(struct mx_tbl *t, const struct mx_col *c, size_t max,
		      struct mx_arena *a, struct mx_propval *ret)
{
	const void *p = sqlite3_column_blob(t->fetch, c->n);
	size_t n = (size_t)sqlite3_column_bytes(t->fetch, c->n);
	MX_AUTO(mx_bytes_auto) struct mx_bytes *big = NULL;
	struct mx_ent e;
	int64_t blob;
	uint64_t size;
	int r;

	if (!p || !mx_pack_find(p, n, MX_PROP_ID(c->tag), &e, &blob, &size)) {
		*ret = mx_val_error(c->tag, MX_EC_NOT_FOUND);
		return 0;
	}
	if (blob) {
		r = mx_bytes_from_blob(t->db, blob, size, &big);
		if (r)
			return r;
		e.big = big;
	}
	return mx_ent_part(&e, c->tag, max, t->mb->codepage, a, ret);
}

void mx_tbl_expect(struct mx_tbl *t, const struct mx_vrow *rows, uint32_t n)
{
	if (!t->fetch)
		return;
	sqlite3_reset(t->fetch);
	t->span = (struct mx_span){rows, n};
	t->n_given = 0;
	if (mx_span_bind(t->fetch, 1, &t->span) != SQLITE_OK)
		t->span.n = 0;
}

/* Brings the statement to the row: 0; MX_ANS_NOT_FOUND; errno. */
static int step_to(struct mx_tbl *t, const struct mx_vrow *row)
{
	int r;

	if (t->n_given >= t->span.n || &t->span.rows[t->n_given] != row)
		mx_tbl_expect(t, row, 1);
	r = t->span.n ? mx_db_step(&t->db->db, t->fetch) : -ENOMEM;
	if (r < 0)
		return r;
	t->n_given++;
	/* A row that is not there is passed over. */
	if (r && sqlite3_column_int64(t->fetch, C_ID) == row->id)
		return 0;
	mx_tbl_values_done(t);
	return MX_ANS_NOT_FOUND;
}

int mx_tbl_values(struct mx_tbl *t, const struct mx_vrow *row, size_t max,
		  struct mx_arena *a, struct mx_propval *vals)
{
	int r;

	if (t->slow || t->kind != MX_TBL_CONTENTS)
		return slow_row(t, row, max, a, vals);
	r = step_to(t, row);
	if (r)
		return r;
	for (size_t i = 0; !r && i < t->n_cols; i++) {
		const struct mx_col *c = &t->cols[i];

		r = c->how == MX_COL_HOT ? hot_value(t, c, max, a, &vals[i])
		    : c->how == MX_COL_FAST
			    ? fast_value(t, c, row, max, a, &vals[i])
			    : cold_value(t, c, max, a, &vals[i]);
	}
	return r;
}

void mx_tbl_values_done(struct mx_tbl *t)
{
	if (t->fetch)
		sqlite3_reset(t->fetch);
	t->span.n = t->n_given = 0;
}
