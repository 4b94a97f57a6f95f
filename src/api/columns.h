/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table's columns on both sides.  Programs ask for entry ids and instance
 * keys; the server has FID, MID and instance ids.  A column set says, for each
 * of the program's columns, which wire column has it or how it is made.
 */
#ifndef MX_API_COLUMNS_H
#define MX_API_COLUMNS_H

#include "api/convert.h"
#include "api/table.h"

struct mx_eid_base;

struct mx_columns {
	ULONG n;
	ULONG *want;   /* as the program said */
	int32_t *from; /* index into wire, or -1: made here */
	ULONG n_wire;
	uint32_t *wire;
	int32_t fid, mid, parent_fid, inst, num; /* index into wire, or -1 */
};

/* Makes the set; 0, -ENOMEM.  Freed by mx_columns_free. */
int mx_columns_new(enum mx_table_kind kind, const ULONG *tags, ULONG n,
		   struct mx_columns **ret);
void mx_columns_free(struct mx_columns *c);

/* The columns a table starts with. */
const ULONG *mx_columns_default(enum mx_table_kind kind, ULONG *ret_n);

/* One row for the program as one MAPI buffer; vals are the wire's, c->n_wire of
 * them.  base (may be NULL) serves all rows of an answer.  0, -ENOMEM, the errors
 * of session.h. */
int mx_columns_row(const struct mx_columns *c, struct mx_store *st,
		   enum mx_table_kind kind, struct mx_arena *scratch,
		   const struct mx_propval *vals, const struct mx_call *call,
		   struct mx_eid_base *base, SRow *ret);

#endif
