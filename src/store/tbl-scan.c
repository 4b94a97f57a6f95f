/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a view as a table that SQL can join: mx_rows(?1), bound to a struct
 * mx_span, has their ids in their order.  One statement then reads many rows;
 * to start it anew for each costs half of reading a row.
 */
#include <sqlite3.h>
#include <string.h>

#include "store/tbl-private.h"

#define SPAN_TYPE "mx_span"

enum { COL_ID, COL_SPAN };

struct cursor {
	sqlite3_vtab_cursor base;
	const struct mx_span *span;
	uint32_t at;
};

static int on_connect(sqlite3 *h, void *arg, int argc, const char *const *argv,
		      sqlite3_vtab **ret, char **ret_text)
{
	int rc = sqlite3_declare_vtab(h, "CREATE TABLE x(row_id INTEGER, "
					 "span HIDDEN)");
	sqlite3_vtab *v;

	if (rc != SQLITE_OK)
		return rc;
	v = sqlite3_malloc(sizeof(*v));
	if (!v)
		return SQLITE_NOMEM;
	memset(v, 0, sizeof(*v));
	*ret = v;
	return SQLITE_OK;
}

static int on_disconnect(sqlite3_vtab *v)
{
	sqlite3_free(v);
	return SQLITE_OK;
}

/* Only as mx_rows(span). */
static int on_best_index(sqlite3_vtab *v, sqlite3_index_info *i)
{
	for (int k = 0; k < i->nConstraint; k++) {
		if (!i->aConstraint[k].usable ||
		    i->aConstraint[k].iColumn != COL_SPAN ||
		    i->aConstraint[k].op != SQLITE_INDEX_CONSTRAINT_EQ)
			continue;
		i->aConstraintUsage[k].argvIndex = 1;
		i->aConstraintUsage[k].omit = 1;
		i->estimatedCost = 1;
		i->estimatedRows = 100;
		return SQLITE_OK;
	}
	return SQLITE_CONSTRAINT;
}

static int on_open(sqlite3_vtab *v, sqlite3_vtab_cursor **ret)
{
	struct cursor *c = sqlite3_malloc(sizeof(*c));

	if (!c)
		return SQLITE_NOMEM;
	memset(c, 0, sizeof(*c));
	*ret = &c->base;
	return SQLITE_OK;
}

static int on_close(sqlite3_vtab_cursor *p)
{
	sqlite3_free(p);
	return SQLITE_OK;
}

static struct cursor *cursor_of(sqlite3_vtab_cursor *p)
{
	return (struct cursor *)(void *)p;
}

static int on_filter(sqlite3_vtab_cursor *p, int idx, const char *idx_text,
		     int n, sqlite3_value **v)
{
	struct cursor *c = cursor_of(p);

	c->span = n == 1 ? sqlite3_value_pointer(v[0], SPAN_TYPE) : NULL;
	c->at = 0;
	return SQLITE_OK;
}

static int on_next(sqlite3_vtab_cursor *p)
{
	cursor_of(p)->at++;
	return SQLITE_OK;
}

static int on_eof(sqlite3_vtab_cursor *p)
{
	const struct cursor *c = cursor_of(p);

	return !c->span || c->at >= c->span->n;
}

static int on_column(sqlite3_vtab_cursor *p, sqlite3_context *out, int i)
{
	const struct cursor *c = cursor_of(p);

	if (i == COL_ID)
		sqlite3_result_int64(out, c->span->rows[c->at].id);
	return SQLITE_OK;
}

static int on_rowid(sqlite3_vtab_cursor *p, sqlite3_int64 *ret)
{
	*ret = cursor_of(p)->at;
	return SQLITE_OK;
}

/* Without xCreate it is there by itself and nobody can make another. */
static const sqlite3_module module = {
	.iVersion = 0,
	.xConnect = on_connect,
	.xBestIndex = on_best_index,
	.xDisconnect = on_disconnect,
	.xOpen = on_open,
	.xClose = on_close,
	.xFilter = on_filter,
	.xNext = on_next,
	.xEof = on_eof,
	.xColumn = on_column,
	.xRowid = on_rowid,
};

int mx_span_register(struct sqlite3 *h)
{
	return sqlite3_create_module(h, "mx_rows", &module, NULL);
}

int mx_span_bind(sqlite3_stmt *st, int i, struct mx_span *span)
{
	return sqlite3_bind_pointer(st, i, span, SPAN_TYPE, NULL);
}
