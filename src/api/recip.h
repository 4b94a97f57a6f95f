/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recipients across the API: a row of properties here, a RecipientRow on the
 * wire.  [MS-OXCDATA] 2.8.3
 */
#ifndef MX_API_RECIP_H
#define MX_API_RECIP_H

#include "api/convert.h"
#include "wire/rops.h"

/* RecipientFlags.  [MS-OXCDATA] 2.8.3.1 */
enum {
	MX_RF_TYPE = 0x0007,
	MX_RF_EMAIL = 0x0008,
	MX_RF_DISPLAY = 0x0010,
	MX_RF_TRANSMITTABLE = 0x0020,
	MX_RF_SAME = 0x0040,
	MX_RF_RESPONSIBLE = 0x0080,
	MX_RF_NO_RICH = 0x0100,
	MX_RF_UNICODE = 0x0200,
	MX_RF_SIMPLE = 0x0400,
	MX_RF_OTHER_TYPE = 0x8000,
};

/* Address types in RecipientFlags.  [MS-OXCDATA] 2.8.3.1 */
enum {
	MX_RT_NONE = 0,
	MX_RT_X500 = 1,
	MX_RT_SMTP = 3,
	MX_RT_PDL1 = 6,
	MX_RT_PDL2 = 7,
};

/* The properties of a wire row as the program sees them, in the arena.
 * dn_prefix: of Connect's answer.  0, -ENOMEM. */
int mx_recip_out(struct mx_arena *a, const struct mx_read_recipient_row *row,
		 const char *dn_prefix, struct mx_propval **ret, ULONG *ret_n);

/* Columns that every recipient of a list can carry besides what RecipientRow
 * itself says: the union over the list.  p NULL out of memory. */
struct mx_tags mx_recip_columns(struct mx_arena *a, const ADRLIST *list);

/* A caller's recipient for the wire.  0; -EINVAL without an address; -ENOMEM.
 * *ret_row_id is PR_ROWID, or UINT32_MAX when the caller gave none. */
int mx_recip_in(struct mx_arena *a, const ADRENTRY *e, struct mx_tags cols,
		struct mx_modify_recipient_row *ret, uint32_t *ret_row_id);

#endif
