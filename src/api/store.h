/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMsgStore: a mailbox.  Made by IMAPISession::OpenMsgStore.
 */
#ifndef MX_API_STORE_H
#define MX_API_STORE_H

#include "api/advise.h"
#include "api/manage.h"
#include "api/obj.h"

#define MX_STORE_SUPPORT                                                       \
	((int32_t)(STORE_ENTRYID_UNIQUE | STORE_SEARCH_OK | STORE_MODIFY_OK |  \
		   STORE_CREATE_OK | STORE_ATTACH_OK | STORE_OLE_OK |          \
		   STORE_SUBMIT_OK | STORE_NOTIFY_OK | STORE_MV_PROPS_OK |     \
		   STORE_RTF_OK | STORE_RESTRICTION_OK | STORE_SORT_OK |       \
		   STORE_HTML_OK | STORE_UNICODE_OK))

/* Message classes whose receive folders come along with RopLogon. */
#define MX_STORE_N_RECEIVE 3

struct mx_receive {
	bool known;
	uint64_t fid;
	char explicit_class[256]; /* at most 255 characters, [MS-OXCSTOR] */
};

struct mx_store {
	struct mx_obj obj;
	struct mx_logon *logon; /* a reference */
	uint8_t *eid;           /* its entry id */
	size_t eid_n;
	bool is_default; /* the session's own mailbox */
	struct mx_receive receive[MX_STORE_N_RECEIVE]; /* never changes */
	struct mx_advises advises;
	struct mx_list link; /* of the session's list, under its lock */
	struct mx_manage manage;
};

/* PR_MDB_PROVIDER: of the user's own mailbox, or of somebody else's; 16 bytes.
 */
const void *mx_store_provider(const struct mx_store *s);

/* Opens the mailbox an entry id (of a store) names.  deferred: RopLogon goes
 * out with the first use.  0 with the store in *ret; -EINVAL: not such an id;
 * the errors of session.h. */
int mx_store_new(struct mx_do *d, struct mx_obj *session, const void *eid,
		 size_t eid_n, bool deferred, uint32_t open_flags,
		 struct mx_store **ret);

/* IMsgStore::OpenEntry, also behind IMAPISession and IMAPIContainer. */
HRESULT mx_store_open_entry(struct mx_store *s, struct mx_obj *caller, ULONG n,
			    LPENTRYID eid, LPCIID iid, ULONG flags,
			    ULONG *ret_type, LPUNKNOWN *ret);

#endif
