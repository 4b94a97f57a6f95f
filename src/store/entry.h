/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry ids, source keys, change keys: the binary names of things, made of a
 * mailbox's GUIDs and counters.  [MS-OXCDATA] 2.2.4, [MS-OXCFXICS] 2.2.1.
 * All are made in an arena; `p` is NULL without memory.
 */
#ifndef MX_STORE_ENTRY_H
#define MX_STORE_ENTRY_H

#include "base/arena.h"
#include "store/mdb.h"
#include "wire/types.h"

struct mx_bin mx_eid_folder(struct mx_mdb *db, int64_t fid, struct mx_arena *a);
struct mx_bin mx_eid_message(struct mx_mdb *db, int64_t fid, int64_t mid,
			     struct mx_arena *a);
/* Counters out of an entry id of this mailbox; *ret_mid 0 for a folder.
 * False: malformed or another mailbox's. */
bool mx_eid_parse(struct mx_mdb *db, const void *p, size_t n, int64_t *ret_fid,
		  int64_t *ret_mid);
/* StoreObject entry id of a mailbox. */
struct mx_bin mx_eid_store(const char *dn, struct mx_arena *a);
/* Permanent address book entry id of a DN; PR_SEARCH_KEY "TYPE:ADDRESS". */
struct mx_bin mx_eid_user(const char *dn, struct mx_arena *a);
struct mx_bin mx_search_key(const char *type, const char *address,
			    struct mx_arena *a);
/* The DN in an address book entry id, borrowed; NULL when it is none. */
const char *mx_eid_user_dn(struct mx_bin eid);
/* GUID and counter: source key, change key; the same as a list (PCL). */
struct mx_bin mx_xid(struct mx_mdb *db, int64_t counter, struct mx_arena *a);
struct mx_bin mx_pcl(struct mx_mdb *db, int64_t cn, struct mx_arena *a);
/* Of a row of a table. */
struct mx_bin mx_instance_key(int64_t fid, int64_t mid, uint32_t instance,
			      struct mx_arena *a);

#endif
