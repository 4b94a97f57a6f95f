/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages, their recipients and attachments, and sending.  [MS-OXCMSG],
 * [MS-OXOMSG].
 *
 *      create ──► changed ──save──► clean (or closed to writing)
 *      open ──► clean ──set…──► changed ──save──► clean
 *                                  └─ someone else saved: OBJECT_MODIFIED
 *
 * An attachment's changes go into its message by mx_att_save, an embedded
 * message's into its attachment by mx_msg_save; nothing is on disk before the
 * outermost message is saved, and then all of it in one transaction.
 */
#ifndef MX_STORE_MESSAGE_H
#define MX_STORE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mx_arena;
struct mx_mbox;
struct mx_obj;
struct mx_propval;

/* OpenModeFlags of messages and attachments.  [MS-OXCMSG] 2.2.3.1.1. */
#define MX_MSG_READ_ONLY 0x00
#define MX_MSG_READ_WRITE 0x01
#define MX_MSG_CREATE 0x02 /* embedded: make it when it is missing */
#define MX_MSG_BEST_ACCESS 0x03
#define MX_MSG_SOFT_DELETED 0x04 /* may be a soft deleted one */

/* codepage 0x0FFF: the logon's.  0 with *ret to be closed; MX_ANS_NOT_FOUND
 * (no such message in that folder; fid 0: in whatever folder it is);
 * MX_ANS_ACCESS_DENIED; MX_ANS_UNKNOWN_CODEPAGE. */
int mx_msg_open(struct mx_mbox *mb, uint64_t fid, uint64_t mid, unsigned mode,
		uint16_t codepage, struct mx_obj **ret);

/* A new message for folder fid with the initial properties of [MS-OXCMSG]
 * 3.2.5.2; nothing is on disk before it is saved. */
int mx_msg_create(struct mx_mbox *mb, uint64_t fid, bool assoc,
		  uint16_t codepage, struct mx_obj **ret);

/* The message inside an attachment.  mode MX_MSG_CREATE makes one.  *ret_mid is an id
 * for the response, good for nothing else.  MX_ANS_NOT_FOUND; MX_ANS_TOO_COMPLEX
 * below MX_STORE_MAX_EMBED. */
int mx_msg_open_embedded(struct mx_obj *attach, unsigned mode,
			 uint16_t codepage, struct mx_obj **ret,
			 uint64_t *ret_mid);

/* What RopOpenMessage and RopReloadCachedInformation answer.  From the arena. */
struct mx_msg_head {
	bool has_named;             /* HasNamedProperties */
	const char *subject_prefix; /* UTF-8; "" when there is none */
	const char *normalized_subject;
	uint32_t n_recips;
};
int mx_msg_head(struct mx_obj *msg, struct mx_arena *a,
		struct mx_msg_head *ret);

/* SaveFlags.  [MS-OXCMSG] 2.2.3.3.1. */
#define MX_SAVE_READ_ONLY 0x01  /* KeepOpenReadOnly */
#define MX_SAVE_READ_WRITE 0x02 /* KeepOpenReadWrite */
#define MX_SAVE_FORCE 0x04      /* ForceSave: over others' changes */

/*
 * Saves.  flags 0 closes the message to further writing as READ_ONLY does.
 * On disk when it returns 0 (embedded: in the attachment).  *ret_mid: the
 * message's id.  MX_ANS_OBJECT_MODIFIED: another handle saved since this one
 * was opened or saved, and no force; the message keeps its changes.
 * MX_ANS_OBJECT_DELETED: deleted or its folder gone.  MX_ANS_READ_ONLY.
 * MX_ANS_TOO_BIG.  -ENOSPC: nothing changed; it can be tried again.
 */
int mx_msg_save(struct mx_obj *msg, unsigned flags, uint64_t *ret_mid);

/* Forgets changes and reads the message anew (RopReloadCachedInformation reads
 * only the head and does not need this). */
int mx_msg_reload(struct mx_obj *msg);

/* RopSetMessageReadFlag; flags as in folder.h.  At once on disk.
 * *ret_changed: the read state differs now. */
int mx_msg_set_read(struct mx_obj *msg, unsigned flags, bool *ret_changed);

/* ---- Recipients ---- */

/*
 * One recipient.  Everything a RecipientRow says ([MS-OXCDATA] 2.8.3) is a
 * property here: PR_RECIPIENT_TYPE is `type`; PR_ADDRTYPE, PR_EMAIL_ADDRESS,
 * PR_DISPLAY_NAME, PR_7BIT_DISPLAY_NAME, PR_TRANSMITABLE_DISPLAY_NAME,
 * PR_SEND_RICH_INFO, PR_RESPONSIBILITY, PR_ENTRYID … are in vals.  On the way
 * out PR_ENTRYID, PR_SEARCH_KEY, PR_SMTP_ADDRESS and PR_OBJECT_TYPE are filled
 * in where they follow from the directory.
 */
struct mx_recip {
	uint32_t row_id;
	uint8_t type; /* 1 To, 2 Cc, 3 Bcc, with the 0x10000000-style flags in
		       * the top bits of a byte as RecipientType has them */
	const struct mx_propval *vals;
	size_t n_vals;
};

/* Recipients with row_id >= first, by row_id, at most max (0: all).  From the
 * arena.  *ret_n 0: there are none (RopReadRecipients: ecNotFound). */
int mx_msg_recips(struct mx_obj *msg, uint32_t first, size_t max,
		  struct mx_arena *a, struct mx_recip **ret, size_t *ret_n);

/* Adds or replaces by row_id; n_vals 0 with type 0 deletes.  [MS-OXCMSG]
 * 3.2.5.5.  MX_ANS_TOO_BIG over MX_STORE_MAX_RECIPS; MX_ANS_READ_ONLY. */
int mx_msg_recips_modify(struct mx_obj *msg, const struct mx_recip *r,
			 size_t n);
int mx_msg_recips_clear(struct mx_obj *msg);

/* ---- Attachments ---- */

/* Makes an attachment; *ret_num is its id within the message.
 * MX_ANS_MAX_ATTACH. */
int mx_att_create(struct mx_obj *msg, uint32_t *ret_num, struct mx_obj **ret);
/* MX_ANS_NOT_FOUND. */
int mx_att_open(struct mx_obj *msg, uint32_t num, unsigned mode,
		struct mx_obj **ret);
int mx_att_delete(struct mx_obj *msg, uint32_t num);
/* Puts the attachment's changes into its message.  flags as mx_msg_save. */
int mx_att_save(struct mx_obj *att, unsigned flags);
uint32_t mx_att_num(const struct mx_obj *att);

/* ---- Sending ---- */

/*
 * Submits: saves what is unsaved, then hands over to every recipient.  When it
 * returns 0 the hand-over is on disk, in this mailbox's journal, together with
 * the sender's copy (PR_SENTMAIL_ENTRYID, PR_DELETE_AFTER_SUBMIT, default Sent
 * Items); each local recipient's copy follows at once, and after a crash when
 * the store opens: exactly one copy each.  An address that is nobody's gets the
 * sender a non-delivery report in his Inbox; so does a full or damaged
 * mailbox after its retries.
 * 0; MX_ANS_NO_RECIPIENTS; MX_ANS_ACCESS_DENIED (not allowed to send as
 * PR_SENT_REPRESENTING…); MX_ANS_SUBMITTED; what mx_msg_save answers; -ENOSPC.
 */
int mx_msg_submit(struct mx_obj *msg, unsigned flags);

/* RopAbortSubmit: local delivery is immediate, so this answers
 * MX_ANS_UNABLE_TO_ABORT for a message on its way, MX_ANS_NOT_IN_QUEUE for one
 * that is not, MX_ANS_NOT_FOUND. */
int mx_msg_abort_submit(struct mx_mbox *mb, uint64_t fid, uint64_t mid);

#endif
