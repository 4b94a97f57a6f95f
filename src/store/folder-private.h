/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What folder.c and its neighbours share.  The mailbox's lock is held. */
#ifndef MX_STORE_FOLDER_PRIVATE_H
#define MX_STORE_FOLDER_PRIVATE_H

#include "base/buf.h"
#include "store/folder.h"
#include "store/obj-private.h"

/* 0 when the folder is there and not deleted; MX_ANS_NOT_FOUND. */
int mx_folder_live(struct mx_mdb *db, int64_t fid);

/* First columns (int64_t) of a statement with the folder as its parameter. */
int mx_folder_ids(struct mx_mdb *db, int stmt, int64_t fid, struct mx_buf *out);

/* Where a message is and how. */
struct mx_msg_where {
	int64_t id, fid, deleted, cn;
	int32_t flags;
	bool assoc;
};
/* message.c: saves into an open transaction; the caller commits. */
int mx_msg_save_in(struct mx_obj *o, bool force);
int mx_msg_where(struct mx_mdb *db, int64_t mid, struct mx_msg_where *ret);

/* Sets the flags of a message as read flags say; raises what follows.  In a
 * transaction.  *ret_changed: its read state differs. */
int mx_msg_mark(struct mx_mbox *mb, const struct mx_msg_where *w,
		unsigned read_flags, bool *ret_changed);
bool mx_read_flags_ok(unsigned read_flags);

/* A receipt (report.c) for a message that asked for one; in a transaction.
 * Queues it for delivery.  Non-zero only on errors. */
int mx_report_read(struct mx_mbox *mb, int64_t mid, bool read);
/* Delivers what mx_report_read queued, once the transaction is committed and
 * the lock let go.  Failures stay queued. */
void mx_reports_send(struct mx_mbox *mb);

/* Writes m as a new message of folder fid.  In a transaction of db. */
int mx_msg_insert_copy(struct mx_mdb *db, struct mx_msg *m, int64_t fid);

/* The named properties that a message has, by their ids in its mailbox. */
struct mx_namemap {
	struct mx_propname *names;
	uint16_t *ids;
	size_t n;
};
/* names.c.  Collects them from mailbox db (locked), into the arena; then gives
 * them the ids they have or get in another (locked, in a transaction). */
int mx_names_collect(struct mx_mdb *db, const struct mx_msg *m,
		     struct mx_arena *a, struct mx_namemap *ret);
int mx_names_apply(struct mx_mdb *db, struct mx_msg *m,
		   const struct mx_namemap *map);

#endif
