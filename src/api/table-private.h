/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A table of the server, for its parts: table.c, table-rows.c. */
#ifndef MX_API_TABLE_PRIVATE_H
#define MX_API_TABLE_PRIVATE_H

#include "api/advise.h"
#include "api/columns.h"
#include "api/table.h"

struct mx_table {
	struct mx_obj obj;
	enum mx_table_kind kind;
	struct mx_columns *cols; /* changed by who has the turn */
	struct mx_advises advises;
};

static inline struct mx_table *mx_table_of(IMAPITable *t)
{
	return (struct mx_table *)(void *)t;
}

/* Begins a call and takes the turn; a failure ends the call. */
HRESULT mx_table_enter(struct mx_do *d, struct mx_table *t);
/* Gives the turn back and ends the call. */
HRESULT mx_table_leave(struct mx_do *d, struct mx_table *t, int err);
HRESULT mx_table_leave_hr(struct mx_do *d, struct mx_table *t, HRESULT hr,
			  const char *why);

/* table-rows.c: QueryRows. */
HRESULT mx_table_query_rows(IMAPITable *p, LONG want, ULONG flags,
			    LPSRowSet *ret);

#endif
