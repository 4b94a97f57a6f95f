/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions and orders of contents tables as SQL over `messages`.  Only what
 * has a column is said so; each leaf is made two-valued with ifnull, since a
 * condition on a missing property is false, not unknown.
 */
#include <errno.h>
#include <string.h>

#include "store/entry.h"
#include "store/sql.h"
#include "store/tags.h"
#include "store/tbl-private.h"
#include "store/text.h"

#define FIRST_PARAM 4

/* What of a restriction a parameter takes. */
enum { BIND_VALUE, BIND_FUZZY, BIND_MASK, BIND_ID };

void mx_tsql_auto(struct mx_tsql *q)
{
	mx_buf_fini(&q->text);
}

/* An expression over columns, by property: hot ones and simple derivatives. */
struct expr {
	const char *sql;
	const char *key; /* what compares and sorts, when not sql itself */
	uint16_t type;
};

static bool expr_of(uint32_t tag, struct expr *ret)
{
	static const struct {
		uint32_t tag;
		const char *sql, *key;
	} more[] = {
		{T_NORMALIZED_SUBJECT,
		 "CAST(substr(CAST(subject AS BLOB), prefix + 1) AS TEXT)",
		 "mx_nkey(subject, prefix)"},
		{T_HASATTACH, "((flags & 16) <> 0)", NULL},
		{T_READ, "((flags & 1) <> 0)", NULL},
		{T_ASSOCIATED, "assoc", NULL},
	};
	static const struct {
		uint32_t tag;
		const char *key;
	} text_keys[] = {
#define X(name, column, tag) {tag, "mx_key(" column ")"},
		MX_HOT_COLUMNS(X)
#undef X
	};
	const struct mx_hot_column *c = mx_hot_find(MX_PROP_ID(tag));
	uint16_t type = MX_PROP_TYPE(tag);

	for (size_t i = 0; i < MX_ARRAY_SIZE(more); i++) {
		if (MX_PROP_ID(more[i].tag) != MX_PROP_ID(tag) ||
		    !mx_type_fits(MX_PROP_TYPE(more[i].tag), type))
			continue;
		*ret = (struct expr){more[i].sql, more[i].key,
				     MX_PROP_TYPE(more[i].tag)};
		return true;
	}
	if (!c || !mx_type_fits(MX_PROP_TYPE(c->tag), type))
		return false;
	*ret = (struct expr){c->sql, NULL, MX_PROP_TYPE(c->tag)};
	if (ret->type == MX_PT_UNICODE)
		ret->key = text_keys[c - mx_hot_columns].key;
	return true;
}

static bool add_bind(struct mx_tsql *q, const struct mx_restrict *r,
		     uint8_t what)
{
	if (q->n_binds == (int)MX_ARRAY_SIZE(q->bind))
		return false;
	q->bind[q->n_binds] = r;
	q->what[q->n_binds++] = what;
	/* A number of ours, not a value. */
	mx_buf_printf(&q->text, "?%d", FIRST_PARAM + q->n_binds - 1);
	return true;
}

static const char *const relops[] = {
	[MX_RELOP_LT] = " < ",  [MX_RELOP_LE] = " <= ", [MX_RELOP_GT] = " > ",
	[MX_RELOP_GE] = " >= ", [MX_RELOP_EQ] = " = ",  [MX_RELOP_NE] = " <> ",
};

/* Equality of what names a row: PR_ENTRYID, PR_MID and the like. */
static bool by_id(struct mx_tsql *q, const struct mx_restrict *r)
{
	switch (r->prop.tag) {
	case T_MID:
	case T_INST_ID:
	case T_ENTRYID:
	case T_RECORD_KEY:
	case T_INSTANCE_KEY:
		break;
	default:
		return false;
	}
	if ((r->prop.relop != MX_RELOP_EQ && r->prop.relop != MX_RELOP_NE) ||
	    r->prop.val.tag != r->prop.tag)
		return false;
	mx_buf_puts(&q->text, "(id");
	mx_buf_puts(&q->text, relops[r->prop.relop]);
	return add_bind(q, r, BIND_ID) && !mx_buf_puts(&q->text, ")");
}

static bool on_property(struct mx_tsql *q, const struct mx_restrict *r)
{
	uint16_t given = MX_PROP_TYPE(r->prop.val.tag);
	struct expr e;

	if (r->prop.relop > MX_RELOP_NE)
		return false;
	if (!expr_of(r->prop.tag, &e))
		return by_id(q, r);
	if (!mx_type_fits(e.type, given) || given == MX_PT_UNSPECIFIED)
		return false;
	mx_buf_puts(&q->text, "ifnull(");
	mx_buf_puts(&q->text, e.key ? e.key : e.sql);
	mx_buf_puts(&q->text, relops[r->prop.relop]);
	mx_buf_puts(&q->text, e.key ? "mx_key(" : "(");
	if (!add_bind(q, r, BIND_VALUE))
		return false;
	mx_buf_puts(&q->text, "), 0)");
	return true;
}

static bool on_content(struct mx_tsql *q, const struct mx_restrict *r)
{
	struct expr e;

	if (!expr_of(r->content.tag, &e) || e.type != MX_PT_UNICODE ||
	    MX_PROP_TYPE(r->content.val.tag) != MX_PT_UNICODE)
		return false;
	mx_buf_puts(&q->text, "ifnull(mx_match(");
	mx_buf_puts(&q->text, e.sql);
	mx_buf_puts(&q->text, ", ");
	if (!add_bind(q, r, BIND_VALUE))
		return false;
	mx_buf_puts(&q->text, ", ");
	if (!add_bind(q, r, BIND_FUZZY))
		return false;
	mx_buf_puts(&q->text, "), 0)");
	return true;
}

static bool on_bits(struct mx_tsql *q, const struct mx_restrict *r)
{
	struct expr e;

	if (!expr_of(r->bitmask.tag, &e) || e.type != MX_PT_LONG)
		return false;
	mx_buf_puts(&q->text, "ifnull((");
	mx_buf_puts(&q->text, e.sql);
	mx_buf_puts(&q->text, " & ");
	if (!add_bind(q, r, BIND_MASK))
		return false;
	mx_buf_puts(&q->text, r->bitmask.relop == MX_BMR_EQZ ? ") = 0, 0)"
							     : ") <> 0, 0)");
	return true;
}

static bool on_compare(struct mx_tsql *q, const struct mx_restrict *r)
{
	struct expr e1, e2;

	if (r->compare.relop > MX_RELOP_NE || !expr_of(r->compare.tag1, &e1) ||
	    !expr_of(r->compare.tag2, &e2) || e1.type != e2.type)
		return false;
	mx_buf_puts(&q->text, "ifnull(");
	mx_buf_puts(&q->text, e1.key ? e1.key : e1.sql);
	mx_buf_puts(&q->text, relops[r->compare.relop]);
	mx_buf_puts(&q->text, e2.key ? e2.key : e2.sql);
	mx_buf_puts(&q->text, ", 0)");
	return true;
}

static bool on_exist(struct mx_tsql *q, const struct mx_restrict *r)
{
	struct expr e;

	if (!expr_of(MX_PROP_RETYPE(r->exist.tag, MX_PT_UNSPECIFIED), &e))
		return false;
	mx_buf_puts(&q->text, "(");
	mx_buf_puts(&q->text, e.sql);
	mx_buf_puts(&q->text, " IS NOT NULL)");
	return true;
}

static bool say(struct mx_tsql *q, const struct mx_restrict *r);

static bool on_list(struct mx_tsql *q, const struct mx_restrict *r)
{
	bool all = r->type == MX_RES_AND;

	mx_buf_puts(&q->text, all ? "(1" : "(0");
	for (uint32_t i = 0; i < r->list.n; i++) {
		mx_buf_puts(&q->text, all ? " AND " : " OR ");
		if (!say(q, &r->list.p[i]))
			return false;
	}
	mx_buf_puts(&q->text, ")");
	return true;
}

/* Depth is bounded: mx_filter_check has seen the tree. */
static bool say(struct mx_tsql *q, const struct mx_restrict *r)
{
	switch (r->type) {
	case MX_RES_AND:
	case MX_RES_OR:
		return on_list(q, r);
	case MX_RES_NOT:
		mx_buf_puts(&q->text, "(NOT ");
		return say(q, r->sub.res) && !mx_buf_puts(&q->text, ")");
	case MX_RES_CONTENT:
		return on_content(q, r);
	case MX_RES_PROPERTY:
		return on_property(q, r);
	case MX_RES_COMPAREPROPS:
		return on_compare(q, r);
	case MX_RES_BITMASK:
		return on_bits(q, r);
	case MX_RES_EXIST:
		return on_exist(q, r);
	case MX_RES_COMMENT:
		if (r->comment.res)
			return say(q, r->comment.res);
		return !mx_buf_puts(&q->text, "1");
	default:
		return false;
	}
}

bool mx_tsql_restrict(struct mx_tsql *q, struct mx_mdb *db,
		      const struct mx_restrict *r)
{
	size_t len = q->text.len;
	int binds = q->n_binds;

	if (say(q, r))
		return true;
	q->text.len = len;
	q->n_binds = binds;
	return false;
}

bool mx_tsql_order(struct mx_tsql *q, const struct mx_sort *keys, size_t n)
{
	bool last = n && keys[n - 1].descending;

	mx_buf_puts(&q->text, " ORDER BY ");
	for (size_t i = 0; i < n; i++) {
		struct expr e;

		if (keys[i].tag == T_MID || keys[i].tag == T_INST_ID)
			e = (struct expr){"id", NULL, MX_PT_I8};
		else if (!expr_of(keys[i].tag, &e))
			return false;
		mx_buf_puts(&q->text, e.key ? e.key : e.sql);
		mx_buf_puts(&q->text, keys[i].descending ? " DESC, " : ", ");
	}
	mx_buf_puts(&q->text, last ? "id DESC" : "id");
	return true;
}

/* ---- Binding ---- */

/* The message that a value of by_id names; 0 when it names none of ours. */
static int64_t named_id(struct mx_mdb *db, const struct mx_propval *v)
{
	int64_t fid, mid;
	uint64_t id;

	switch (v->tag) {
	case T_MID:
	case T_INST_ID:
		return mx_mdb_counter((uint64_t)v->v.i8);
	case T_INSTANCE_KEY:
		if (v->v.bin.n != 20)
			return 0;
		memcpy(&id, v->v.bin.p + 8, 8);
		return mx_mdb_counter(id);
	default:
		return mx_eid_parse(db, v->v.bin.p, v->v.bin.n, &fid, &mid)
			       ? mid
			       : 0;
	}
}

static int bind_value(sqlite3_stmt *st, int i, const struct mx_propval *v)
{
	switch (MX_PROP_TYPE(v->tag)) {
	case MX_PT_UNICODE:
	case MX_PT_STRING8:
		return sqlite3_bind_text(st, i, v->v.str, -1, SQLITE_TRANSIENT);
	case MX_PT_LONG:
		return sqlite3_bind_int64(st, i, v->v.i4);
	case MX_PT_BOOLEAN:
		return sqlite3_bind_int64(st, i, v->v.b);
	default:
		return sqlite3_bind_int64(st, i, v->v.i8);
	}
}

static int bind_one(struct mx_mdb *db, sqlite3_stmt *st, int i,
		    const struct mx_restrict *r, uint8_t what)
{
	switch (what) {
	case BIND_ID:
		return sqlite3_bind_int64(st, i, named_id(db, &r->prop.val));
	case BIND_MASK:
		return sqlite3_bind_int64(st, i, r->bitmask.mask);
	case BIND_FUZZY:
		return sqlite3_bind_int64(st, i,
					  r->content.fuzzy_low |
						  (int64_t)r->content.fuzzy_high
							  << 16);
	default:
		return bind_value(st, i,
				  r->type == MX_RES_CONTENT ? &r->content.val
							    : &r->prop.val);
	}
}

int mx_tsql_prepare(struct mx_tsql *q, struct mx_mdb *db, sqlite3_stmt **ret)
{
	sqlite3_stmt *st = NULL;
	int rc;

	if (q->text.err)
		return q->text.err;
	rc = sqlite3_prepare_v2(db->db.h, mx_buf_str(&q->text), -1, &st, NULL);
	for (int i = 0; rc == SQLITE_OK && i < q->n_binds; i++)
		rc = bind_one(db, st, FIRST_PARAM + i, q->bind[i], q->what[i]);
	if (rc != SQLITE_OK) {
		sqlite3_finalize(st);
		return mx_db_err(&db->db, rc);
	}
	*ret = st;
	return 0;
}
