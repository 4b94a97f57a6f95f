/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements by name.  Their texts: sql-mbox.c and sql-users.c.
 */
#ifndef MX_STORE_SQL_H
#define MX_STORE_SQL_H

#include "store/db.h"

enum {
	SQL_MAILBOX_INSERT,
	SQL_MAILBOX_GET,
	SQL_MAILBOX_PROPS,
	SQL_MAILBOX_SET_PROPS,
	SQL_MAILBOX_SET_KEY_VERSION,
	SQL_MAILBOX_SIZE,
	SQL_NEW_ID,
	SQL_NEW_CN,
	SQL_BLOB_INSERT,
	SQL_BLOB_REF,
	SQL_BLOB_UNREF,
	SQL_BLOB_DELETE_UNUSED,
	SQL_BLOB_SWEEP,
	SQL_REPLICA_BY_ID,
	SQL_REPLICA_BY_GUID,
	SQL_REPLICA_INSERT,
	SQL_NAME_BY_NAME,
	SQL_NAME_BY_ID,
	SQL_NAME_INSERT,
	SQL_NAME_ALL,
	SQL_FOLDER_INSERT,
	SQL_FOLDER_GET,
	SQL_FOLDER_SPECIALS,
	SQL_FOLDER_BY_NAME,
	SQL_FOLDER_SET_PROPS,
	SQL_FOLDER_PROPS,
	SQL_FOLDER_COUNTS,
	SQL_FOLDER_SOFT_DELETE,
	SQL_FOLDER_HARD_DELETE,
	SQL_FOLDER_TOUCH,
	SQL_FOLDER_CHILDREN,
	SQL_FOLDER_CHILDREN_ANY,
	SQL_FOLDER_MESSAGES,
	SQL_FOLDER_DEPTH,
	SQL_FOLDER_LIST,
	SQL_FOLDER_TREE,
	SQL_RECEIVE_INSERT,
	SQL_RECEIVE_GET,
	SQL_MSG_WHERE,
	SQL_MSG_GET,
	SQL_MSG_PUT,
	SQL_MSG_SET_FLAGS,
	SQL_MSG_SOFT_DELETE,
	SQL_MSG_HARD_DELETE,
	SQL_MSG_IN_FOLDER,
	SQL_MSGDATA_GET,
	SQL_MSGDATA_PUT,
	SQL_MSGDATA_DELETE,
	SQL_RECIP_LIST,
	SQL_RECIP_PUT,
	SQL_RECIP_DELETE_ALL,
	SQL_ATT_LIST,
	SQL_ATT_PUT,
	SQL_ATT_DELETE_ALL,
	SQL_ATT_COUNT,
	SQL_OUTQ_INSERT,
	SQL_OUTQ_NEXT,
	SQL_OUTQ_RETRY,
	SQL_OUTQ_DELETE,
	SQL_OUTQ_OF_MSG,
	SQL_OUTQ_COUNT,
	SQL_OUTQ_OF_SENT,
	SQL_DELIVERED_GET,
	SQL_DELIVERED_PUT,
	SQL_DELIVERED_PURGE,
	SQL_CHECK_QUICK,
	SQL_CHECK_FOLDERS,
	SQL_CHECK_COUNTS,
	SQL_CHECK_MESSAGES,
	SQL_CHECK_PARTS,
	SQL_CHECK_BLOBS,
	SQL_CHECK_QUEUE,
	SQL_MBOX_COUNT,
};

enum {
	SQL_STORE_INSERT,
	SQL_STORE_GET,
	SQL_NEW_RID,
	SQL_USER_INSERT,
	SQL_USER_DELETE,
	SQL_USER_BY_ID,
	SQL_USER_BY_NAME,
	SQL_USER_BY_DN,
	SQL_USER_BY_SMTP,
	SQL_USER_BY_SID,
	SQL_USER_BY_MAILBOX,
	SQL_USER_LIST,
	SQL_USER_HASH,
	SQL_USER_SET_HASH,
	SQL_USER_SET_DISABLED,
	SQL_GRANT_PUT,
	SQL_GRANT_DELETE,
	SQL_GRANT_DELETE_USER,
	SQL_GRANT_GET,
	SQL_GRANT_LIST,
	SQL_SENDING_PUT,
	SQL_SENDING_DELETE,
	SQL_SENDING_LIST,
	SQL_USERS_COUNT,
};

extern const char *const mx_sql_mbox[];
extern const char *const mx_sql_users[];
extern const struct mx_schema mx_schema_mbox, mx_schema_users;

/*
 * The hot properties of a message: columns of `messages`, in the order in which
 * SQL_MSG_GET and SQL_MSG_PUT have them.  X(name, column, tag); the type in the
 * tag says how it is stored: text, or an integer (PT_LONG, PT_SYSTIME).
 */
#define MX_HOT_COLUMNS(X)                                                      \
	X(FLAGS, "flags", T_MESSAGE_FLAGS)                                     \
	X(SIZE, "size", T_MESSAGE_SIZE)                                        \
	X(CLASS, "class", T_MESSAGE_CLASS)                                     \
	X(SUBJECT, "subject", T_SUBJECT)                                       \
	X(SENDER, "sender", T_SENDER_NAME)                                     \
	X(SENDER_ADDR, "sender_addr", T_SENDER_EMAIL)                          \
	X(REPR, "repr", T_SENT_REPRESENTING_NAME)                              \
	X(REPR_ADDR, "repr_addr", T_SENT_REPRESENTING_EMAIL)                   \
	X(TO, "to_", T_DISPLAY_TO)                                             \
	X(CC, "cc", T_DISPLAY_CC)                                              \
	X(RECEIVED, "received", T_MESSAGE_DELIVERY_TIME)                       \
	X(SUBMITTED, "submitted", T_CLIENT_SUBMIT_TIME)                        \
	X(CREATED, "created", T_CREATION_TIME)                                 \
	X(MODIFIED, "modified", T_LAST_MODIFICATION_TIME)                      \
	X(IMPORTANCE, "importance", T_IMPORTANCE)                              \
	X(SENSITIVITY, "sensitivity", T_SENSITIVITY)                           \
	X(PRIORITY, "priority", T_PRIORITY)                                    \
	X(ICON, "icon", T_ICON_INDEX)                                          \
	X(FLAG_STATUS, "flag_status", T_FLAG_STATUS)                           \
	X(STATUS, "status", T_MESSAGE_STATUS)                                  \
	X(TOPIC, "topic", T_CONVERSATION_TOPIC)                                \
	X(INTERNET_ID, "internet_id", T_INTERNET_MESSAGE_ID)

enum mx_hot {
#define X(name, column, tag) MX_HOT_##name,
	MX_HOT_COLUMNS(X)
#undef X
		MX_HOT_COUNT,
};

struct mx_hot_column {
	const char *sql; /* name of the column */
	uint32_t tag;
};
extern const struct mx_hot_column mx_hot_columns[MX_HOT_COUNT];

/* The hot column of a property id, or NULL. */
const struct mx_hot_column *mx_hot_find(uint16_t id);

#endif
