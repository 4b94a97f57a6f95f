/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry ids.  [MS-OXCDATA] 2.2.4, 2.2.5.
 * Borrowed strings point into the input; encoders append to a buffer.
 */
#ifndef MX_WIRE_ENTRYID_H
#define MX_WIRE_ENTRYID_H

#include "base/buf.h"
#include "wire/types.h"

#define MX_FOLDER_ENTRYID_SIZE 46
#define MX_MESSAGE_ENTRYID_SIZE 70

/* StoreObjectType.  [MS-OXCDATA] 2.2.4 */
enum mx_store_object {
	MX_SO_PRIVATE_FOLDER = 0x0001,
	MX_SO_PUBLIC_FOLDER = 0x0003,
	MX_SO_PRIVATE_MESSAGE = 0x0007,
	MX_SO_PUBLIC_MESSAGE = 0x0009,
};

/* A folder's or a message's entry id; `folder` is the message's folder too. */
struct mx_objid {
	struct mx_guid provider; /* private: the MailboxGuid of RopLogon */
	uint16_t type;           /* enum mx_store_object */
	struct mx_ltid folder;
	struct mx_ltid message; /* messages only */
};

/* The whole input must be one; flags must be zero.  0 or -EBADMSG. */
int mx_objid_decode(struct mx_bin in, struct mx_objid *ret);

/* Writes 46 or 70 bytes by type into out; the size. */
size_t mx_objid_encode(const struct mx_objid *id,
		       uint8_t out[MX_MESSAGE_ENTRYID_SIZE]);

static inline bool mx_objid_is_message(const struct mx_objid *id)
{
	return id->type == MX_SO_PRIVATE_MESSAGE ||
	       id->type == MX_SO_PUBLIC_MESSAGE;
}

/* A mailbox store.  [MS-OXCDATA] 2.2.4.3 */
struct mx_storeid {
	const char *server; /* ServerShortname */
	const char *mailbox_dn;
};

int mx_storeid_decode(struct mx_bin in, struct mx_arena *a,
		      struct mx_storeid *ret);
int mx_storeid_encode(struct mx_buf *out, const struct mx_storeid *id);

/* An address book entry.  [MS-OXCDATA] 2.2.5.2 */
struct mx_abid {
	uint32_t type; /* 0 user, 1 distribution list, … */
	const char *dn;
};

int mx_abid_decode(struct mx_bin in, struct mx_arena *a, struct mx_abid *ret);
int mx_abid_encode(struct mx_buf *out, const struct mx_abid *id);

/* A one-off recipient.  [MS-OXCDATA] 2.2.5.1.  The flags word is read as a
 * little-endian u16 and compared with mapidefs.h: MAPI_ONE_OFF_NO_RICH_INFO
 * 0x0001, MAPI_ONE_OFF_UNICODE 0x8000 (the published masks disagree). */
#define MX_ONE_OFF_NO_RICH_INFO 0x0001
#define MX_ONE_OFF_UNICODE 0x8000

struct mx_oneoff {
	uint16_t flags;
	const char *name, *addrtype, *address; /* UTF-8; 8-bit: as sent */
};

int mx_oneoff_decode(struct mx_bin in, struct mx_arena *a,
		     struct mx_oneoff *ret);
int mx_oneoff_encode(struct mx_buf *out, const struct mx_oneoff *id);

/* Providers, as they stand in an entry id's bytes 4 to 19. */
extern const struct mx_guid mx_provider_store;   /* muidStoreWrap */
extern const struct mx_guid mx_provider_mailbox; /* wrapped, private */
extern const struct mx_guid mx_provider_public;  /* wrapped, public */
extern const struct mx_guid mx_provider_ab;      /* address book */
extern const struct mx_guid mx_provider_oneoff;

/* The provider of an entry id; NULL when it is too short for one. */
const struct mx_guid *mx_entryid_provider(struct mx_bin in);

#endif
