/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between memory and their rows.  The hot properties are columns of
 * `messages`, all others are packed in `msgdata`; an embedded message has the
 * parts (msgdata, recips, attachs) under its own id, and no row in `messages`.
 *
 * Writing takes references to large values first and lets go of the old rows'
 * after, so that what stays is never deleted in between.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/obj-private.h"
#include "store/sql.h"
#include "store/tags.h"

/* A text that is kept large has its beginning in the column too, for tables
 * and restrictions. */
#define COLUMN_PART 32768

static bool in_column(const struct mx_ent *e)
{
	const struct mx_hot_column *c = mx_hot_find(MX_PROP_ID(e->tag));

	return c && c->tag == e->tag && !e->big;
}

/* ---- Loading ---- */

static int load_recips(struct mx_mdb *db, int64_t id, struct mx_msg *m)
{
	MX_STMT st = NULL;
	size_t cap = 0;
	int r;

	for (r = mx_db_query(&db->db, &st, SQL_RECIP_LIST, "i", id); r == 1;
	     r = mx_db_step(&db->db, st)) {
		struct mx_rcp *rcp;

		if (m->n_rcps == cap) {
			cap = cap ? cap * 2 : 8;
			rcp = reallocarray(m->rcps, cap, sizeof(*rcp));
			if (!rcp)
				return -ENOMEM;
			m->rcps = rcp;
		}
		rcp = &m->rcps[m->n_rcps++];
		*rcp = (struct mx_rcp){
			.row = (uint32_t)sqlite3_column_int64(st, 0),
			.type = (uint8_t)sqlite3_column_int(st, 1)};
		r = mx_bag_unpack(&rcp->bag, db, sqlite3_column_blob(st, 2),
				  (size_t)sqlite3_column_bytes(st, 2));
		if (r)
			return r;
	}
	return r;
}

static int load_att(struct mx_mdb *db, sqlite3_stmt *st, struct mx_msg *m,
		    int64_t *ret_child)
{
	struct mx_att *att = mx_att_new();
	int r;

	if (!att)
		return -ENOMEM;
	att->num = (uint32_t)sqlite3_column_int64(st, 0);
	*ret_child = sqlite3_column_int64(st, 1);
	r = mx_bag_unpack(&att->bag, db, sqlite3_column_blob(st, 2),
			  (size_t)sqlite3_column_bytes(st, 2));
	if (!r)
		r = mx_msg_put_att(m, att);
	if (r)
		mx_att_free(att);
	return r;
}

/* The list is read to its end before children are: one statement for all
 * depths. */
static int load_atts(struct mx_mdb *db, int64_t id, unsigned depth,
		     struct mx_msg *m)
{
	MX_AUTO(mx_buf_auto) struct mx_buf children = {0};
	const int64_t *child;
	int r;

	{
		MX_STMT st = NULL;
		int64_t c;

		for (r = mx_db_query(&db->db, &st, SQL_ATT_LIST, "i", id);
		     r == 1; r = mx_db_step(&db->db, st)) {
			r = load_att(db, st, m, &c);
			if (!r)
				r = mx_buf_put(&children, &c, sizeof(c));
			if (r)
				return r;
		}
	}
	child = (const int64_t *)(const void *)children.p;
	for (size_t i = 0; !r && i < m->n_atts; i++)
		if (child[i])
			r = mx_msg_load_parts(db, child[i], depth + 1,
					      &m->atts[i]->child);
	return r;
}

static int load_bag(struct mx_mdb *db, int64_t id, struct mx_bag *bag)
{
	MX_STMT st = NULL;
	int r = mx_db_query(&db->db, &st, SQL_MSGDATA_GET, "i", id);

	if (r != 1)
		return r ? r : -EUCLEAN;
	return mx_bag_unpack(bag, db, sqlite3_column_blob(st, 0),
			     (size_t)sqlite3_column_bytes(st, 0));
}

int mx_msg_load_parts(struct mx_mdb *db, int64_t id, unsigned depth,
		      struct mx_msg **ret)
{
	MX_AUTO(mx_msg_auto) struct mx_msg *m = NULL;
	int r;

	if (depth > MX_STORE_MAX_EMBED + 1)
		return -EUCLEAN;
	m = mx_msg_new();
	r = m ? load_bag(db, id, &m->bag) : -ENOMEM;
	if (!r)
		r = load_recips(db, id, m);
	if (!r)
		r = load_atts(db, id, depth, m);
	if (!r)
		*ret = MX_STEAL(m);
	return r;
}

/* A hot column of the current row into the bag, unless it is there (a large
 * text whose beginning the column has). */
static int load_column(sqlite3_stmt *st, int i, struct mx_bag *bag)
{
	uint32_t tag = mx_hot_columns[i].tag;
	int64_t n;

	if (sqlite3_column_type(st, i) == SQLITE_NULL ||
	    mx_bag_find(bag, MX_PROP_ID(tag)))
		return 0;
	switch (MX_PROP_TYPE(tag)) {
	case MX_PT_UNICODE:
		return mx_bag_set_raw(bag, tag, sqlite3_column_text(st, i),
				      (size_t)sqlite3_column_bytes(st, i) + 1);
	case MX_PT_LONG:
		n = sqlite3_column_int64(st, i);
		return mx_bag_set_i4(bag, tag,
				     n > INT32_MAX ? INT32_MAX : (int32_t)n);
	default:
		return mx_bag_set_i8(bag, tag, sqlite3_column_int64(st, i));
	}
}

static int load_row(struct mx_mdb *db, int64_t id, struct mx_msg *m)
{
	MX_STMT st = NULL;
	int r = mx_db_query(&db->db, &st, SQL_MSG_GET, "i", id);

	if (r != 1)
		return r ? r : MX_ANS_NOT_FOUND;
	m->id = id;
	m->fid = sqlite3_column_int64(st, MX_HOT_COUNT);
	m->assoc = sqlite3_column_int(st, MX_HOT_COUNT + 1) != 0;
	m->deleted = sqlite3_column_int64(st, MX_HOT_COUNT + 2);
	m->cn = sqlite3_column_int64(st, MX_HOT_COUNT + 3);
	r = mx_bag_unpack(&m->bag, db,
			  sqlite3_column_blob(st, MX_HOT_COUNT + 5),
			  (size_t)sqlite3_column_bytes(st, MX_HOT_COUNT + 5));
	for (int i = 0; !r && i < MX_HOT_COUNT; i++)
		r = load_column(st, i, &m->bag);
	return r;
}

int mx_msg_load_light(struct mx_mdb *db, int64_t id, struct mx_msg **ret)
{
	MX_AUTO(mx_msg_auto) struct mx_msg *m = mx_msg_new();
	int r = m ? load_row(db, id, m) : -ENOMEM;

	if (!r)
		*ret = MX_STEAL(m);
	return r;
}

int mx_msg_load(struct mx_mdb *db, int64_t id, struct mx_msg **ret)
{
	MX_AUTO(mx_msg_auto) struct mx_msg *m = mx_msg_new();
	MX_TXN(txn);
	int r;

	if (!m)
		return -ENOMEM;
	r = mx_txn_begin_read(&txn, &db->db);
	if (!r)
		r = load_row(db, id, m);
	if (!r)
		r = load_recips(db, id, m);
	if (!r && mx_bag_i4(&m->bag, T_MESSAGE_FLAGS, 0) & MF_HASATTACH)
		r = load_atts(db, id, 0, m);
	if (r)
		return r; /* the read transaction ends with its scope */
	r = mx_txn_commit(&txn);
	if (!r)
		*ret = MX_STEAL(m);
	return r;
}

/* ---- Erasing ---- */

static int release_all(struct mx_mdb *db, int stmt, int column, int64_t id)
{
	MX_STMT st = NULL;
	int r;

	for (r = mx_db_query(&db->db, &st, stmt, "i", id); r == 1;
	     r = mx_db_step(&db->db, st)) {
		r = mx_pack_release(db, sqlite3_column_blob(st, column),
				    (size_t)sqlite3_column_bytes(st, column));
		if (r)
			return r;
	}
	return r;
}

static int erase_children(struct mx_mdb *db, int64_t id, unsigned depth)
{
	MX_AUTO(mx_buf_auto) struct mx_buf children = {0};
	const int64_t *child;
	int r;

	{
		MX_STMT st = NULL;

		for (r = mx_db_query(&db->db, &st, SQL_ATT_LIST, "i", id);
		     r == 1; r = mx_db_step(&db->db, st)) {
			int64_t c = sqlite3_column_int64(st, 1);

			r = c ? mx_buf_put(&children, &c, sizeof(c)) : 0;
			if (r)
				return r;
		}
	}
	child = (const int64_t *)(const void *)children.p;
	for (size_t i = 0; !r && i < children.len / sizeof(*child); i++)
		r = mx_msg_erase_parts(db, child[i], depth + 1);
	return r;
}

int mx_msg_erase_parts(struct mx_mdb *db, int64_t id, unsigned depth)
{
	int r;

	if (depth > MX_STORE_MAX_EMBED + 1)
		return -EUCLEAN;
	r = erase_children(db, id, depth);
	if (!r)
		r = release_all(db, SQL_ATT_LIST, 2, id);
	if (!r)
		r = mx_db_do(&db->db, SQL_ATT_DELETE_ALL, "i", id);
	if (!r)
		r = release_all(db, SQL_RECIP_LIST, 2, id);
	if (!r)
		r = mx_db_do(&db->db, SQL_RECIP_DELETE_ALL, "i", id);
	if (!r)
		r = release_all(db, SQL_MSGDATA_GET, 0, id);
	if (!r)
		r = mx_db_do(&db->db, SQL_MSGDATA_DELETE, "i", id);
	return r;
}

int mx_msg_erase(struct mx_mdb *db, int64_t id)
{
	int r = mx_msg_erase_parts(db, id, 0);

	return r ? r : mx_db_do(&db->db, SQL_MSG_HARD_DELETE, "i", id);
}

/* ---- Writing ---- */

/* Packed parts, made (and their large values stored) before old rows go. */
struct packed {
	struct mx_buf props;
	struct mx_buf *rcps; /* as many as the message has */
	struct mx_buf *atts;
	int64_t *children; /* ids of embedded messages, 0 for none */
	size_t n_rcps, n_atts;
};

static void packed_auto(struct packed *p)
{
	mx_buf_fini(&p->props);
	for (size_t i = 0; p->rcps && i < p->n_rcps; i++)
		mx_buf_fini(&p->rcps[i]);
	for (size_t i = 0; p->atts && i < p->n_atts; i++)
		mx_buf_fini(&p->atts[i]);
	free(p->rcps);
	free(p->atts);
	free(p->children);
}

static int pack(struct mx_mdb *db, const struct mx_msg *m, bool hot,
		unsigned depth, struct packed *p)
{
	int r;

	p->n_rcps = m->n_rcps;
	p->n_atts = m->n_atts;
	p->rcps = calloc(m->n_rcps + 1, sizeof(*p->rcps));
	p->atts = calloc(m->n_atts + 1, sizeof(*p->atts));
	p->children = calloc(m->n_atts + 1, sizeof(*p->children));
	if (!p->rcps || !p->atts || !p->children)
		return -ENOMEM;
	r = mx_bag_pack(&m->bag, db, hot ? in_column : NULL, &p->props);
	for (size_t i = 0; !r && i < m->n_rcps; i++)
		r = mx_bag_pack(&m->rcps[i].bag, db, NULL, &p->rcps[i]);
	for (size_t i = 0; !r && i < m->n_atts; i++) {
		const struct mx_att *att = m->atts[i];

		r = mx_bag_pack(&att->bag, db, NULL, &p->atts[i]);
		if (r || !att->child)
			continue;
		r = mx_mdb_new_id(db, &p->children[i]);
		if (!r)
			r = mx_msg_write_parts(db, att->child, p->children[i],
					       depth + 1);
	}
	return r;
}

static int insert(struct mx_mdb *db, const struct mx_msg *m, int64_t id,
		  const struct packed *p)
{
	int r = mx_db_do(&db->db, SQL_MSGDATA_PUT, "ib", id,
			 p->props.p ? p->props.p : (const uint8_t *)"",
			 (int)p->props.len);

	for (size_t i = 0; !r && i < m->n_rcps; i++)
		r = mx_db_do(&db->db, SQL_RECIP_PUT, "iiib", id,
			     (int64_t)m->rcps[i].row, (int64_t)m->rcps[i].type,
			     p->rcps[i].p ? p->rcps[i].p : (const uint8_t *)"",
			     (int)p->rcps[i].len);
	for (size_t i = 0; !r && i < m->n_atts; i++) {
		const struct mx_att *att = m->atts[i];
		MX_STMT st = NULL;

		st = mx_db_stmt(&db->db, SQL_ATT_PUT, &r);
		if (!st)
			return r;
		sqlite3_bind_int64(st, 1, id);
		sqlite3_bind_int64(st, 2, att->num);
		if (p->children[i])
			sqlite3_bind_int64(st, 3, p->children[i]);
		sqlite3_bind_int64(st, 4, (int64_t)mx_bag_size(&att->bag));
		sqlite3_bind_blob(st, 5,
				  p->atts[i].p ? p->atts[i].p
					       : (const uint8_t *)"",
				  (int)p->atts[i].len, SQLITE_STATIC);
		r = mx_db_run(&db->db, st);
	}
	return r;
}

static int write_parts(struct mx_mdb *db, const struct mx_msg *m, int64_t id,
		       bool hot, unsigned depth)
{
	MX_AUTO(packed_auto) struct packed p = {{0}};
	int r;

	if (depth > MX_STORE_MAX_EMBED)
		return MX_ANS_TOO_COMPLEX;
	r = pack(db, m, hot, depth, &p);
	if (!r)
		r = mx_msg_erase_parts(db, id, depth);
	return r ? r : insert(db, m, id, &p);
}

int mx_msg_write_parts(struct mx_mdb *db, const struct mx_msg *m, int64_t id,
		       unsigned depth)
{
	return write_parts(db, m, id, false, depth);
}

/* The beginning of a large text, whole characters only. */
static int bind_part(sqlite3_stmt *st, int i, struct mx_bytes *big)
{
	uint64_t size = mx_bytes_size(big);
	size_t n = size < COLUMN_PART ? (size_t)size : COLUMN_PART;
	char *buf = malloc(n + 1);
	int r = buf ? mx_bytes_read(big, 0, buf, n + (n < size)) : -ENOMEM;

	if (r) {
		free(buf);
		return r;
	}
	if (n < size)
		while (n && ((unsigned char)buf[n] & 0xc0) == 0x80)
			n--;
	sqlite3_bind_text(st, i, buf, (int)n, free);
	return 0;
}

static int bind_column(sqlite3_stmt *st, int i, const struct mx_bag *bag)
{
	uint32_t tag = mx_hot_columns[i].tag;
	const struct mx_ent *e = mx_bag_find(bag, MX_PROP_ID(tag));

	if (!e || e->tag != tag)
		return 0;
	switch (MX_PROP_TYPE(tag)) {
	case MX_PT_LONG:
		sqlite3_bind_int64(st, i + 1, mx_bag_i4(bag, tag, 0));
		return 0;
	case MX_PT_SYSTIME:
		sqlite3_bind_int64(st, i + 1, mx_bag_i8(bag, tag, 0));
		return 0;
	default:
		if (e->big)
			return bind_part(st, i + 1, e->big);
		sqlite3_bind_text(st, i + 1, (const char *)e->p,
				  (int)e->len - 1, SQLITE_STATIC);
		return 0;
	}
}

int mx_msg_write(struct mx_mdb *db, struct mx_msg *m)
{
	uint64_t size = mx_msg_size(m);
	MX_STMT st = NULL;
	int r;

	if (size > MX_STORE_MAX_MESSAGE)
		return MX_ANS_TOO_BIG;
	r = mx_bag_set_i4(&m->bag, T_MESSAGE_SIZE, (int32_t)size);
	if (!r)
		r = write_parts(db, m, m->id, true, 0);
	if (r)
		return r;
	st = mx_db_stmt(&db->db, SQL_MSG_PUT, &r);
	if (!st)
		return r;
	for (int i = 0; !r && i < MX_HOT_COUNT; i++)
		r = bind_column(st, i, &m->bag);
	if (r)
		return r;
	sqlite3_bind_int64(st, MX_HOT_COUNT + 1, m->fid);
	sqlite3_bind_int64(st, MX_HOT_COUNT + 2, m->assoc);
	sqlite3_bind_int64(st, MX_HOT_COUNT + 3, m->cn);
	sqlite3_bind_int64(st, MX_HOT_COUNT + 4, (int64_t)mx_msg_prefix_len(m));
	sqlite3_bind_int64(st, MX_HOT_COUNT + 5, m->id);
	return mx_db_run(&db->db, st);
}
