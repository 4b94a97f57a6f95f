/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMAPITable on the server's tables: contents, hierarchy, attachments.
 */
#ifndef MX_API_TABLE_H
#define MX_API_TABLE_H

#include "api/obj.h"

enum mx_table_kind {
	MX_TABLE_CONTENTS,
	MX_TABLE_HIERARCHY,
	MX_TABLE_ATTACHMENTS,
};

/* A table under `parent`, opened by `open` with its first use (or now, unless
 * deferred is set).  flags: MAPI_UNICODE for the columns it starts with. */
HRESULT mx_table_open(struct mx_obj *parent, enum mx_table_kind kind,
		      const struct mx_rop_req *open, bool deferred, ULONG flags,
		      LPMAPITABLE *ret);

/* A row that a notification brought, as a MAPI buffer, by the table's columns;
 * 0, -ESTALE when the columns have changed meanwhile, -ENOMEM. */
int mx_table_row(struct mx_obj *table, const struct mx_proprow *row,
		 const struct mx_call *call, SRow *ret);

/* The instance key of a row: PR_INSTANCE_KEY's 20 bytes. */
#define MX_INSTANCE_KEY_SIZE 20
void mx_table_instance_key(uint64_t fid, uint64_t inst_id, uint32_t num,
			   uint8_t ret[MX_INSTANCE_KEY_SIZE]);

#endif
