/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMAPITable over rows in memory: the stores table, recipients, ITableData's
 * views.  A snapshot: nothing changes it but its own calls.
 */
#ifndef MX_API_MEMTABLE_H
#define MX_API_MEMTABLE_H

#include "api/api.h"

/* Takes over rows (also when it fails).  cols: the columns it starts with;
 * flags: MAPI_UNICODE decides which of the string types they have.  Rows hold
 * any of both; a column of the other string type is converted.  keep: released
 * with the table (its parent), or NULL; a reference is taken. */
HRESULT mx_memtable_new(SRowSet *rows, const ULONG *cols, ULONG n, ULONG flags,
			LPUNKNOWN keep, LPMAPITABLE *ret);

/* Whether a row meets a restriction; unknown kinds are never met.  Depth is
 * bounded. */
bool mx_memtable_match(const SRow *row, const SRestriction *res);

/* The value of a column in a row: by id, either string type; NULL if none. */
const SPropValue *mx_memtable_find(const SRow *row, ULONG tag);

#endif
