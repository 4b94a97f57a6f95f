/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables inside.  The view (rows) is made when a table is first looked at and
 * made anew when the mailbox's change feed names its folder; see table.h for
 * what that means to a reader.  The mailbox's lock is held everywhere.
 *
 *   table.c      opening, columns, sort, restriction, cursor, bookmarks
 *   tbl-view.c   the list of rows in order, and what changed in it
 *   tbl-rows.c   values of rows
 *   tbl-scan.c   rows of the view as a table to SQL
 *   tbl-sql.c    conditions and orders as SQL, where they can be
 */
#ifndef MX_STORE_TBL_PRIVATE_H
#define MX_STORE_TBL_PRIVATE_H

#include "base/buf.h"
#include "store/obj-private.h"
#include "store/table.h"
#include "wire/restrict.h"

enum mx_tbl_kind { MX_TBL_HIERARCHY, MX_TBL_CONTENTS, MX_TBL_ATTACHS };

#define MX_TBL_MAX_SORT 16
#define MX_TBL_MAX_MARKS 256

/* A row: counter of the message or folder, or attachment number. */
struct mx_vrow {
	int64_t id;
	uint32_t inst;  /* multivalue instance, from 1; 0: none */
	uint32_t depth; /* hierarchy */
};

/* Neighbours in a view. */
struct mx_span {
	const struct mx_vrow *rows;
	uint32_t n;
};

struct mx_mark {
	bool used;
	struct mx_vrow row;
	uint32_t pos; /* where it was, for when it is gone */
};

/* How a column is read. */
enum mx_col_how {
	MX_COL_HOT,  /* column `n` of the statement */
	MX_COL_FAST, /* computed from ids and hot columns */
	MX_COL_COLD, /* out of the packed properties */
	MX_COL_SLOW, /* through an object */
};
struct mx_col {
	uint32_t tag; /* as asked for */
	enum mx_col_how how;
	int n;       /* column of the statement */
	bool narrow; /* PT_STRING8 */
};

struct mx_tbl {
	enum mx_tbl_kind kind;
	struct mx_obj *o; /* the folder or message */
	struct mx_mbox *mb;
	struct mx_mdb *db;
	unsigned flags;

	struct mx_col *cols;
	size_t n_cols;
	uint32_t mvi; /* the column that is expanded into instances, or 0 */
	bool slow;    /* some column needs an object */
	sqlite3_stmt *fetch;
	/* What fetch is bound to, and how many of them it has given; 0 of 0: it
	 * is reset. */
	struct mx_span span;
	uint32_t n_given;

	struct mx_sort sort[MX_TBL_MAX_SORT];
	size_t n_sort;
	struct mx_arena res_arena;
	struct mx_restrict *res; /* in res_arena, or NULL */
	uint32_t max_rows;       /* of a COUNT restriction; else UINT32_MAX */

	bool built;
	uint64_t seen; /* change_seq that the view is up to */
	struct mx_vrow *rows;
	uint32_t n_rows;
	uint32_t pos;
	struct mx_mark *marks;

	/* What mx_tbl_changes told last. */
	bool telling;
	uint64_t told_seq;
	struct mx_vrow *told;
	uint32_t n_told;
};

/* tbl-view.c: makes the view, or makes it anew when it is out of date. */
int mx_tbl_refresh(struct mx_tbl *t);
/* Forgets it: sort, restriction or instances changed. */
void mx_tbl_forget(struct mx_tbl *t);
/* Index of a row in the view; false when it is not there. */
bool mx_tbl_find_row(const struct mx_tbl *t, const struct mx_vrow *row,
		     uint32_t *ret);

/* tbl-rows.c.  Plans the columns. */
int mx_tbl_plan(struct mx_tbl *t, const uint32_t *tags, size_t n);
void mx_tbl_unplan(struct mx_tbl *t);
/* Says which rows will be asked for now, in this order; less work for each.
 * What is asked for out of order is given all the same. */
void mx_tbl_expect(struct mx_tbl *t, const struct mx_vrow *rows, uint32_t n);
/* Values of a row by the plan, borrowed until the next call (statement and
 * arena are reused). */
int mx_tbl_values(struct mx_tbl *t, const struct mx_vrow *row, size_t max_value,
		  struct mx_arena *a, struct mx_propval *vals);
void mx_tbl_values_done(struct mx_tbl *t);
/* The object behind a row, for slow columns, restrictions and sort keys: a
 * handle on the stack that mx_tbl_object_done empties.  0; MX_ANS_NOT_FOUND. */
int mx_tbl_object(struct mx_tbl *t, int64_t id, bool parts, struct mx_obj *o);
void mx_tbl_object_done(struct mx_obj *o);

/* tbl-scan.c.  Makes mx_rows known to a connection; binds parameter i to a span,
 * which stays where it is until the statement is reset.  SQLite's codes. */
int mx_span_register(struct sqlite3 *h);
int mx_span_bind(sqlite3_stmt *st, int i, struct mx_span *span);

/* tbl-sql.c.  A statement on messages whose text is composed of fixed fragments
 * with every value bound. */
struct mx_tsql {
	struct mx_buf text;
	const struct mx_restrict *bind[64]; /* whose value parameter i+4 is */
	uint8_t what[64];                   /* which of its values */
	int n_binds;
};
void mx_tsql_auto(struct mx_tsql *q);
/* Appends r as a condition; false (and nothing appended) when some of it cannot
 * be said in SQL. */
bool mx_tsql_restrict(struct mx_tsql *q, struct mx_mdb *db,
		      const struct mx_restrict *r);
/* Appends an order; false when a key is no column. */
bool mx_tsql_order(struct mx_tsql *q, const struct mx_sort *keys, size_t n);
/* Prepares and binds: parameters 1 to 3 are the caller's. */
int mx_tsql_prepare(struct mx_tsql *q, struct mx_mdb *db, sqlite3_stmt **ret);

#endif
