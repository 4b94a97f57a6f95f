/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders: open, create, delete; and what is done to many messages of one
 * folder at once.  [MS-OXCFOLD].  Every function here is one transaction: on
 * disk when it returns 0.  A `partial` out-parameter is the PartialCompletion
 * field: some of it was not done (missing messages, no rights); what could be
 * done is done.
 */
#ifndef MX_STORE_FOLDER_H
#define MX_STORE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mx_mbox;
struct mx_obj;

/* OpenModeFlags.  [MS-OXCFOLD] 2.2.1.1.1. */
#define MX_OPEN_SOFT_DELETED 0x04

/* Opens folder fid.  0 with *ret to be closed; MX_ANS_NOT_FOUND (also soft
 * deleted without the flag). */
int mx_folder_open(struct mx_mbox *mb, uint64_t fid, unsigned flags,
		   struct mx_obj **ret);

#define MX_FOLDER_GENERIC 1
#define MX_FOLDER_SEARCH 2

struct mx_folder_new {
	uint8_t type;        /* MX_FOLDER_GENERIC; search: not supported yet */
	const char *name;    /* UTF-8, not empty */
	const char *comment; /* or NULL */
	bool open_existing;
};

/* Creates a folder in `parent`, or opens the one of that name.  0 with *ret to
 * be closed, *ret_existed; MX_ANS_DUPLICATE_NAME; MX_ANS_INVALID_PARAM (type, empty
 * name); MX_ANS_NOT_SUPPORTED (search folder, or parent is no folder);
 * MX_ANS_ACCESS_DENIED; MX_ANS_NOT_FOUND (parent gone).  [MS-OXCFOLD] 3.2.5.2. */
int mx_folder_create(struct mx_obj *parent, const struct mx_folder_new *how,
		     struct mx_obj **ret, bool *ret_existed);

/* DeleteFolderFlags.  [MS-OXCFOLD] 2.2.1.3.1. */
#define MX_DEL_MESSAGES 0x01
#define MX_DEL_FOLDERS 0x04
#define MX_DEL_HARD 0x10

/* Deletes subfolder fid of parent.  0 with *ret_partial (not empty and not told
 * to: nothing is deleted); MX_ANS_NOT_FOUND; MX_ANS_INVALID_PARAM (other bits);
 * MX_ANS_ACCESS_DENIED (a special folder); MX_ANS_NOT_SUPPORTED (the root).
 * Without MX_DEL_HARD it is soft deleted: MX_OPEN_SOFT_DELETED still opens it. */
int mx_folder_delete(struct mx_obj *parent, uint64_t fid, unsigned flags,
		     bool *ret_partial);

/* Deletes messages of this folder by MID; hard: beyond recovery.  With
 * notify_unread a non-read report goes to who asked for one. */
int mx_folder_delete_msgs(struct mx_obj *folder, const uint64_t *mids, size_t n,
			  bool hard, bool notify_unread, bool *ret_partial);

/* Moves or copies messages of src to dst (may be the same, may be in another
 * mailbox of the same store; across mailboxes each message is copied durably,
 * then deleted, so a crash between may leave both, never none).  Copies and
 * moves get new MIDs.  0; MX_ANS_ACCESS_DENIED; MX_ANS_NOT_FOUND (dst gone). */
int mx_folder_move_copy(struct mx_obj *src, struct mx_obj *dst,
			const uint64_t *mids, size_t n, bool copy,
			bool *ret_partial);

/* ReadFlags of RopSetReadFlags / RopSetMessageReadFlag.  [MS-OXCMSG] 2.2.3.10.1;
 * rfDefault 0 marks read and sends the receipt that was asked for. */
#define MX_RF_SUPPRESS_RECEIPT 0x01
#define MX_RF_CLEAR_READ 0x04
#define MX_RF_GENERATE_RECEIPT_ONLY 0x10
#define MX_RF_CLEAR_NOTIFY_READ 0x20
#define MX_RF_CLEAR_NOTIFY_UNREAD 0x40

/* Sets the read state of messages; n == 0: of every message in the folder.
 * 0; MX_ANS_INVALID_PARAM for a combination of flags that is none. */
int mx_folder_set_read(struct mx_obj *folder, const uint64_t *mids, size_t n,
		       unsigned flags, bool *ret_partial);

/* Counts as the properties have them. */
struct mx_folder_counts {
	uint32_t total, unread, assoc, subfolders;
};
int mx_folder_counts(struct mx_obj *folder, struct mx_folder_counts *ret);

/* HasRules of RopOpenFolder. */
bool mx_folder_has_rules(struct mx_obj *folder);

#endif
