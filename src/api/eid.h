/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry ids of a store's objects, made and read on our side: the wire speaks of
 * FID and MID, programs of PR_ENTRYID.
 */
#ifndef MX_API_EID_H
#define MX_API_EID_H

#include "api/obj.h"
#include "wire/entryid.h"

/* Reads a folder's (ret_mid 0) or message's entry id and asks the logon for the
 * ids.  0; -EINVAL: not such an entry id, or of another store; the errors of
 * session.h. */
int mx_eid_read(struct mx_logon *l, const void *p, ULONG n,
		const struct mx_call *call, uint64_t *ret_fid,
		uint64_t *ret_mid);

/* What entry ids of one logon have in common, found with the first and good for
 * all that are made in one call.  Zeroed before. */
struct mx_eid_base {
	bool have_mailbox, have_replica;
	struct mx_guid mailbox, replica;
	uint16_t replid; /* of replica */
};

/* Makes the entry id of a folder (mid 0) or message.  base may be NULL.  0 with its size in *ret_n
 * (46 or 70); the errors of session.h. */
int mx_eid_make(struct mx_logon *l, struct mx_eid_base *base, uint64_t fid,
		uint64_t mid, const struct mx_call *call,
		uint8_t ret[MX_MESSAGE_ENTRYID_SIZE], size_t *ret_n);

/* Bytes of an entry id as a MAPI buffer; 0 or -ENOMEM. */
int mx_eid_give(const void *p, size_t n, ULONG *ret_n, LPENTRYID *ret);

/* Whether two entry ids are the same bytes; and CompareEntryIDs with that. */
bool mx_eid_same(ULONG n1, const void *e1, ULONG n2, const void *e2);
HRESULT mx_eid_compare(void *obj, ULONG n1, LPENTRYID e1, ULONG n2,
		       LPENTRYID e2, ULONG *ret);

/* mx_eid_make, as a MAPI buffer. */
int mx_eid_alloc(struct mx_logon *l, uint64_t fid, uint64_t mid,
		 const struct mx_call *call, ULONG *ret_n, LPENTRYID *ret);

#endif
