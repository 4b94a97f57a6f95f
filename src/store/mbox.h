/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One logon's view of a mailbox: who acts, with which rights and code page, on
 * which mailbox.  Ids: what [MS-OXCDATA] 2.2.1 calls FID and MID, as the u64
 * the wire carries little-endian: low 16 bits replica id, then the 6 bytes of
 * GLOBCNT in big-endian order.  Our own replica id is MX_STORE_REPLID.
 * One thread at a time per mx_mbox.
 */
#ifndef MX_STORE_MBOX_H
#define MX_STORE_MBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

struct mx_mbox;
struct mx_obj;
struct mx_propname;

#define MX_STORE_REPLID 1

/* The 13 folders of a private RopLogon response, in its order.  [MS-OXCROPS]
 * 2.2.3.1.2, [MS-OXCSTOR] 2.2.1.1.3. */
enum mx_special {
	MX_FLD_ROOT,
	MX_FLD_DEFERRED,
	MX_FLD_SPOOLER,
	MX_FLD_IPM,
	MX_FLD_INBOX,
	MX_FLD_OUTBOX,
	MX_FLD_SENT,
	MX_FLD_DELETED,
	MX_FLD_COMMON_VIEWS,
	MX_FLD_SCHEDULE,
	MX_FLD_SEARCH,
	MX_FLD_VIEWS,
	MX_FLD_SHORTCUTS,
	MX_FLD_LOGON_COUNT,
	/* Below IPM, not in the logon response. */
	MX_FLD_DRAFTS = MX_FLD_LOGON_COUNT,
	MX_FLD_CALENDAR,
	MX_FLD_CONTACTS,
	MX_FLD_NOTES,
	MX_FLD_TASKS,
	MX_FLD_JOURNAL,
	MX_FLD_COUNT,
};

struct mx_mbox_conf {
	uint8_t mailbox[16]; /* whose: guid from the directory */
	uint32_t user;       /* who acts: mx_user.id */
	uint32_t codepage;   /* of PT_STRING8; 0: 65001 (UTF-8) */
	uint32_t lcid;       /* of PR_MESSAGE_LOCALE_ID; 0: 0x409 */
};

/* What RopLogon and others tell about a mailbox.  Constant while it is open. */
struct mx_mbox_info {
	uint8_t mailbox[16];        /* MailboxGuid */
	uint8_t replguid[16];       /* of MX_STORE_REPLID */
	uint64_t fid[MX_FLD_COUNT]; /* by enum mx_special */
	unsigned rights;            /* MX_GRANT_… of who acts */
	bool is_owner;
	uint64_t gwart_time; /* FILETIME of the mailbox's making */
	const char *owner_dn, *owner_display; /* borrowed from the mbox */
	uint32_t codepage;
};

/*
 * Opens.  Waits at most 10 s for a place among the open mailboxes.
 * Returns 0 with *ret to be closed; MX_ANS_UNKNOWN_USER (no such mailbox or
 * user); MX_ANS_ACCESS_DENIED; MX_ANS_UNKNOWN_CODEPAGE; -EUCLEAN damaged (only
 * this mailbox); -ENFILE all places are in use; errno.
 */
int mx_mbox_open(struct mx_store *st, const struct mx_mbox_conf *conf,
		 struct mx_mbox **ret);

/* Closes the view.  Objects, streams and tables under it must be closed first;
 * NULL is fine.  What was not saved is gone. */
void mx_mbox_close(struct mx_mbox *mb);
void mx_mbox_close_auto(struct mx_mbox **mb);

/*
 * For a thread that must not wait: takes the mailbox when nobody has it, so that
 * calls of this thread on it, and on what is in it, do not wait for others until
 * mx_mbox_done.  Only for reads, of one mailbox at a time, and briefly: everyone
 * else waits meanwhile.  False: somebody is at work in it.
 */
bool mx_mbox_try(struct mx_mbox *mb);
void mx_mbox_done(struct mx_mbox *mb);
/* Whether two views are of one mailbox. */
bool mx_mbox_same(const struct mx_mbox *a, const struct mx_mbox *b);

const struct mx_mbox_info *mx_mbox_info(const struct mx_mbox *mb);

/* The mailbox ("Logon") object, for properties.  To be closed. */
int mx_mbox_obj(struct mx_mbox *mb, struct mx_obj **ret);

/* FID/MID and the long form: replica GUID and 6-byte GLOBCNT.  An unknown GUID
 * gets a replica id of its own, kept for ever.  [MS-OXCSTOR] 3.2.5.8, 3.2.5.9.
 * 0; MX_ANS_NOT_FOUND for an unknown replica id; errno. */
int mx_mbox_long_from_id(struct mx_mbox *mb, uint64_t id, uint8_t ret_guid[16],
			 uint8_t ret_globcnt[6]);
int mx_mbox_id_from_long(struct mx_mbox *mb, const uint8_t guid[16],
			 const uint8_t globcnt[6], uint64_t *ret_id);

/* Folder or message by its entry id (PR_ENTRYID as this store makes it, or any
 * [MS-OXCDATA] 2.2.4.1 / 2.2.4.2 of this mailbox).  *ret_mid is 0 for a folder. */
int mx_mbox_id_from_entryid(struct mx_mbox *mb, const void *eid, size_t len,
			    uint64_t *ret_fid, uint64_t *ret_mid);

/* Receive folder of a message class: the longest prefix set.  *ret_class from
 * the arena ("" for the default).  [MS-OXCSTOR] 3.2.5.2.
 * 0; MX_ANS_INVALID_PARAM for a malformed class (over 255, not ASCII, dots). */
int mx_mbox_receive_folder(struct mx_mbox *mb, const char *message_class,
			   struct mx_arena *a, uint64_t *ret_fid,
			   const char **ret_class);

/*
 * Named properties.  ids (n of them) are filled in with 0x8000 and up; 0 where
 * a name is unknown and create is false, or there is no room (0x7FFE names a mailbox).
 * Names of PS_MAPI map to their own id.  With n == 0: all names there are; ids
 * then come from the arena.  [MS-OXCPRPT] 3.2.5.10.
 * *ret_missing (may be NULL): how many ids are 0 (ecWarnWithErrors 0x40380).
 */
int mx_mbox_ids_from_names(struct mx_mbox *mb, const struct mx_propname *names,
			   size_t n, bool create, uint16_t *ids,
			   size_t *ret_missing);
/* The reverse; an id without a name gives kind 0xFF.  From the arena. */
int mx_mbox_names_from_ids(struct mx_mbox *mb, const uint16_t *ids, size_t n,
			   struct mx_arena *a, struct mx_propname **ret);
/* Every name of the mailbox, ids and names from the arena. */
int mx_mbox_all_names(struct mx_mbox *mb, struct mx_arena *a,
		      uint16_t **ret_ids, struct mx_propname **ret_names,
		      size_t *ret_n);

/* Checks the database file (PRAGMA quick_check and our own invariants): 0 when
 * sound; -EUCLEAN with the first fault in *ret_text. */
int mx_mbox_check(struct mx_mbox *mb, struct mx_arena *a,
		  const char **ret_text);

#endif
