/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The information store under the embedded server: one directory on disk with
 * users.db (directory of users) and one SQLite database a mailbox.  What is
 * inside them is said in doc/formats/mailbox-db.md; nothing of SQLite shows
 * here.
 *
 *     mx_store ── users.db              who there is            dir.h
 *        │
 *        └─ cache of open mailboxes (bounded), each with its own lock
 *              │
 *           mx_mbox   one logon's view of a mailbox              mbox.h
 *              ├─ mx_obj  store object, folder, message, attachment
 *              │          (properties of all: obj.h; folder.h; message.h)
 *              ├─ mx_strm stream on one property                 obj.h
 *              └─ mx_tbl  hierarchy, contents, attachment table  table.h
 *
 * Threads.  mx_store and the functions on it may be used from any thread.  An
 * mx_mbox, and each mx_obj, mx_strm and mx_tbl under it, is used by one thread
 * at a time; different ones, also of the same mailbox, by different threads at
 * once.  Inside, each mailbox has one lock; no lock spans two mailboxes, so a
 * slow mailbox stops nobody else.
 *
 * Durability.  When a function that changes something returns 0, the change is
 * on disk: it survives kill -9 and power failure (WAL, synchronous=FULL).
 * Changes to message and attachment objects are kept with the object until
 * mx_msg_save().  A full disk is -ENOSPC and changes nothing.
 *
 * Results.  0; a negative errno when the world failed; a positive value of
 * enum mx_answer when the store answers no.  mx_store_ec() turns either into
 * the ReturnValue of a ROP.  Negative ones in use: -ENOMEM; -ENOSPC; -EIO and
 * -EUCLEAN (this mailbox's database is damaged, others go on; the text is in
 * the log); -EBUSY (locked by another process); -EINVAL (our caller's bug).
 */
#ifndef MX_STORE_STORE_H
#define MX_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mx_arena;
struct mx_store;

/*
 * The store's answers.  [MS-OXCDATA] 2.4 has the codes that mx_store_ec()
 * gives for them, named in the comments.
 */
enum mx_answer {
	MX_ANS_NOT_FOUND = 1,    /* ecNotFound 0x8004010F */
	MX_ANS_NOT_SUPPORTED,    /* ecNotSupported 0x80040102 */
	MX_ANS_ACCESS_DENIED,    /* ecAccessDenied 0x80070005 */
	MX_ANS_INVALID_PARAM,    /* ecInvalidParam 0x80070057 */
	MX_ANS_DUPLICATE_NAME,   /* ecDuplicateName 0x80040604 */
	MX_ANS_OBJECT_MODIFIED,  /* ecObjectModified 0x80040109 */
	MX_ANS_OBJECT_DELETED,   /* ecObjectDeleted 0x8004010A */
	MX_ANS_READ_ONLY,        /* ecError 0x80004005: opened read-only */
	MX_ANS_NULL_OBJECT,      /* ecNullObject 0x4B9: wrong kind of object */
	MX_ANS_TOO_BIG,          /* ecTooBig 0x80040305 */
	MX_ANS_TOO_COMPLEX,      /* ecTooComplex 0x80040117 */
	MX_ANS_BAD_VALUE,        /* ecBadValue 0x80040301 */
	MX_ANS_MAX_ATTACH,       /* ecMaxAttachmentExceeded 0x4DB */
	MX_ANS_NO_RECIPIENTS,    /* ecNoRecipients 0x80040607 */
	MX_ANS_SUBMITTED,        /* ecSubmitted 0x80040608 */
	MX_ANS_UNABLE_TO_ABORT,  /* ecUnableToAbort 0x80040114 */
	MX_ANS_NOT_IN_QUEUE,     /* ecNotInQueue 0x80040601 */
	MX_ANS_UNKNOWN_CODEPAGE, /* ecUnknownCodePage 0x3EF */
	MX_ANS_BAD_COLUMN,       /* ecNotSupported for a column or sort key */
	MX_ANS_NO_COLUMNS,       /* ecNullObject: SetColumns comes first */
	MX_ANS_INVALID_BOOKMARK, /* ecInvalidBookmark 0x80040405 */
	MX_ANS_STREAM_SEEK,      /* StreamSeekError 0x80030019 */
	MX_ANS_STREAM_FULL,      /* ecTooBig: past the stream's maximum */
	MX_ANS_FOLDER_CYCLE,     /* ecRootFolder/ecError: onto itself */
	MX_ANS_UNKNOWN_USER,     /* ecUnknownUser 0x3EB */
	MX_ANS_BAD_PASSWORD,     /* ecLoginPerm 0x3F2 */
	MX_ANS_EXISTS,           /* a user of that name, DN or SID exists */
	MX_ANS_QUOTA,            /* ecQuotaExceeded 0x4D9 */
	MX_ANS_UNCONFIGURED,     /* ecUnconfigured 0x8004011C */
};

/* The ROP ReturnValue for a result of this library: 0 for 0, the codes above,
 * and for errnos: -ENOMEM ecMAPIOOM 0x8007000E, -ENOSPC OutOfDisk 0x8004010D…
 * (the whole list stands in answer.c); anything else ecError. */
uint32_t mx_store_ec(int result);

/* A result in a few words, for logs and messages; never NULL. */
const char *mx_store_strerror(int result);

/* ---- Limits of the store; beyond them MX_ANS_TOO_BIG and the like. ---- */

/* One property value (a body, an attachment's data). */
#define MX_STORE_MAX_VALUE (256u << 20)
/* All values of one message with its attachments and what is nested in it. */
#define MX_STORE_MAX_MESSAGE (512u << 20)
/* Recipients of one message, attachments of one message. */
#define MX_STORE_MAX_RECIPS 20000
#define MX_STORE_MAX_ATTACH 10000
/* Messages in messages. */
#define MX_STORE_MAX_EMBED 16
/* Folders below one another. */
#define MX_STORE_MAX_DEPTH 64
/* Bytes of a folder name or comment (UTF-8). */
#define MX_STORE_MAX_NAME 1024
/* Values longer than this are kept apart and read only when asked for; up to
 * this size they travel with their object. */
#define MX_STORE_INLINE 2048

/* ---- Events: what changed, after it is on disk. ---- */

/* Bits as NotificationType in [MS-OXCNOTIF] 2.2.1.1. */
enum mx_event_type {
	MX_EV_NEW_MAIL = 0x0002,
	MX_EV_CREATED = 0x0004,
	MX_EV_DELETED = 0x0008,
	MX_EV_MODIFIED = 0x0010,
	MX_EV_MOVED = 0x0020,
	MX_EV_COPIED = 0x0040,
	MX_EV_SEARCH_DONE = 0x0080,
};

/*
 * One change.  A folder event has mid 0.  Ids are as on the wire (u64 whose
 * low 16 bits are the replica id).  Tables: whoever shows a contents table of
 * `fid` (or the hierarchy it is part of) asks mx_tbl_changes() what became of
 * his rows; the store raises no separate event for them.
 */
struct mx_event {
	enum mx_event_type type;
	uint64_t seq;           /* counts up by 1 per mailbox since it opened */
	const uint8_t *mailbox; /* 16 bytes: mailbox guid, borrowed */
	uint64_t fid;           /* the folder, or the message's folder */
	uint64_t mid;           /* 0: the event is about the folder itself */
	uint64_t parent_fid;    /* of a folder event: its parent */
	uint64_t old_fid;       /* moved and copied: where from */
	uint64_t old_mid;
	uint64_t old_parent_fid;
	bool assoc;         /* the message is folder associated (FAI) */
	bool unicode_class; /* message_class below is set */
	bool counts;        /* total and unread are set (folder events) */
	uint32_t total, unread;
	uint32_t flags;            /* new mail: PR_MESSAGE_FLAGS */
	const char *message_class; /* new mail; borrowed during the call */
	const uint32_t *tags;      /* modified: what changed; NULL: anything */
	size_t n_tags;
};

/*
 * Told of every change of any mailbox, in order per mailbox (seq), on the
 * thread that made it, after commit and before the changing call returns.  No
 * mailbox lock is held, but a per-mailbox ordering lock is: the hook only
 * puts the event into queues and wakes people, never calls the store.
 */
typedef void mx_event_fn(void *arg, const struct mx_event *ev);

struct mx_store_conf {
	unsigned max_open;     /* connections to mailboxes; 0: 256 */
	unsigned hash_cost;    /* of new passwords: crypt(5), yescrypt, 1 to 11;
				* 0: the library's.  Low is for passwords that
				* cannot be guessed anyway. */
	const char *org;       /* for new DNs; NULL: "Mapiary" */
	mx_event_fn *on_event; /* may be NULL */
	void *event_arg;
	const char *vfs;   /* tests: name of an SQLite VFS; else NULL */
	unsigned retry_ms; /* until a delivery that failed is tried again, the
			    * first time; 0: 20000 */
	/* Only the directory of users, of a store that exists, also while a
	 * server has it: for looking and for grants (dir.h).  Nothing else may
	 * be asked of such a store. */
	bool users_only;
};

/*
 * Opens (makes, when missing) the store in `dir`, which becomes ours alone: a
 * lock file keeps a second process out (-EBUSY).  Hands over what Submit left
 * undelivered before a crash.  conf may be NULL and is copied; its strings
 * too.  Returns 0 with *ret to be closed; -EBUSY; -ENOSPC; -EUCLEAN when
 * users.db is damaged; -ENOENT with users_only; other errnos of the file
 * system.
 */
int mx_store_open(const char *dir, const struct mx_store_conf *conf,
		  struct mx_store **ret);

/* Closes; every mx_mbox must be closed before.  NULL is fine. */
void mx_store_close(struct mx_store *st);
void mx_store_close_auto(struct mx_store **st);

/* Offers again what could not be delivered before (a recipient's disk was full)
 * and is due; for a timer of the server, every retry_ms.  Any thread. */
int mx_store_deliver(struct mx_store *st);

/* Closes mailboxes nobody uses now (idle memory, tests); any thread. */
void mx_store_trim(struct mx_store *st);

#endif
