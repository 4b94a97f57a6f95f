/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* IMessage, IAttach. */
#ifndef MX_API_MESSAGE_H
#define MX_API_MESSAGE_H

#include "api/obj.h"

#define MX_CODE_PAGE_LOGON 0x0fff

/* What SetReadFlag and SetReadFlags take. */
#define MX_READ_FLAGS                                                          \
	(SUPPRESS_RECEIPT | CLEAR_READ_FLAG | GENERATE_RECEIPT_ONLY |          \
	 CLEAR_RN_PENDING | CLEAR_NRN_PENDING)

struct mx_message {
	struct mx_obj obj;
	bool embedded;
	bool associated;
	uint32_t next_row; /* recipient row id to give next; obj.lock */
	bool rows_known;   /* next_row is right */
};

/* Opens a message; deferred as folders.  0 with *ret. */
int mx_message_open(struct mx_do *d, struct mx_obj *parent, uint64_t fid,
		    uint64_t mid, ULONG flags, struct mx_obj **ret);

/* A new message in a folder; nothing is sent until it is used. */
int mx_message_create(struct mx_do *d, struct mx_obj *folder, bool associated,
		      struct mx_obj **ret);

/* The message in an attachment: opened, or made (MAPI_CREATE). */
int mx_message_embedded(struct mx_do *d, struct mx_obj *attach, ULONG flags,
			struct mx_obj **ret);

/* SaveChanges of messages and attachments. */
HRESULT mx_message_save(struct mx_obj *o, ULONG flags);

/* message-recips.c: GetRecipientTable, ModifyRecipients. */
HRESULT mx_message_recipients(IMessage *p, ULONG flags, LPMAPITABLE *ret);
HRESULT mx_message_modify_recipients(IMessage *p, ULONG flags, LPADRLIST mods);

/* attach.c: the attachments of a message. */
HRESULT mx_message_attach_table(IMessage *p, ULONG flags, LPMAPITABLE *ret);
HRESULT mx_message_open_attach(IMessage *p, ULONG num, LPCIID iid, ULONG flags,
			       LPATTACH *ret);
HRESULT mx_message_create_attach(IMessage *p, LPCIID iid, ULONG flags,
				 ULONG *ret_num, LPATTACH *ret);
HRESULT mx_message_delete_attach(IMessage *p, ULONG num, ULONG_PTR ui,
				 LPMAPIPROGRESS progress, ULONG flags);

#endif
