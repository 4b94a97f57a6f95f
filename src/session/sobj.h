/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server objects: what a handle on the server stands for.
 *
 * An object is made from the ROP that opens it, and nothing is sent: it is
 * opened with its first use, in the same request.  The ROP is kept, so an
 * object lost with its session context opens itself again with its next use:
 *
 *   NEW ──first use──► OPEN ──context lost──► LOST ──next use──► OPEN
 *                       │                      └─ unsaved, or no way: DEAD
 *                       └──unref──► RopRelease is queued
 *
 * What is tracked from the ROPs that pass by, so that callers need not:
 *   tables     columns, sort, restriction, position (sent again after LOST)
 *   streams    position
 *   messages   unsaved changes; the MID given by SaveChangesMessage turns a
 *              created message into one that can be opened again; recipient
 *              columns
 *   folders    the FID given by CreateFolder, likewise
 *   attachments  unsaved changes, likewise
 *
 * Any thread.  Objects are counted; a child holds its parent.
 */
#ifndef MX_SESSION_SOBJ_H
#define MX_SESSION_SOBJ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "session/session.h"

enum mx_sobj_kind {
	MX_SOBJ_LOGON,
	MX_SOBJ_FOLDER,
	MX_SOBJ_MESSAGE, /* embedded ones too */
	MX_SOBJ_ATTACHMENT,
	MX_SOBJ_TABLE,
	MX_SOBJ_STREAM,
	MX_SOBJ_SUBSCRIPTION,
};
#define MX_SOBJ_KINDS 7

/* In a sentence: "folder". */
const char *mx_sobj_kind_name(enum mx_sobj_kind kind);

struct mx_sobj;

/* A new object under `parent`, to be opened by `open`: one of OpenFolder,
 * CreateFolder, OpenMessage, CreateMessage, OpenEmbeddedMessage,
 * GetHierarchyTable, GetContentsTable, GetAttachmentTable, OpenAttachment,
 * CreateAttachment, OpenStream.  logon_id and handle indexes in it are ours to
 * fill in; everything it points to is copied.  `parent` is what the ROP takes as
 * input handle (for OpenFolder, OpenMessage: the logon or any folder).
 * 0 with one reference; -EINVAL for another ROP; -ENOMEM. */
int mx_sobj_new(struct mx_sobj *parent, const struct mx_rop_req *open,
		struct mx_sobj **ret);

struct mx_sobj *mx_sobj_ref(struct mx_sobj *o);

/* The last reference queues RopRelease, if the server knows the object.  Never
 * waits, never sends; any thread, also a callback; NULL is fine. */
void mx_sobj_unref(struct mx_sobj *o) MX_UNLOCKED;

static inline void mx_sobj_auto(struct mx_sobj **o)
{
	mx_sobj_unref(*o);
}

/* TBL_BATCH and kin: a ROP on this object (SetColumns, SortTable, Restrict,
 * SeekRow) that goes out in front of the object's next use, in the order given.
 * Copied.  If the server refuses it, the operation that carried it fails with
 * its code.  A later SetColumns, SortTable or Restrict replaces a deferred one
 * of its kind.  0, -EINVAL, -ENOMEM. */
int mx_sobj_defer(struct mx_sobj *o, const struct mx_rop_req *req);

enum mx_sobj_kind mx_sobj_kind(const struct mx_sobj *o);
struct mx_logon *mx_sobj_logon(struct mx_sobj *o); /* borrowed */
struct mx_sobj *mx_sobj_parent(struct mx_sobj *o); /* borrowed, or NULL */

/* True once the server has opened it (it may be lost by now). */
bool mx_sobj_opened(struct mx_sobj *o);

/* Unsaved changes would be lost with the session context. */
bool mx_sobj_dirty(struct mx_sobj *o);

/* Folder: its FID.  Message: the folder's FID and its MID.  Zero when not known
 * (a message not saved yet, an embedded message). */
uint64_t mx_sobj_fid(struct mx_sobj *o);
uint64_t mx_sobj_mid(struct mx_sobj *o);

/* Attachment: its number, UINT32_MAX when not known. */
uint32_t mx_sobj_attach_num(struct mx_sobj *o);

/* Table: its columns as last set, or as deferred; borrowed until the next change
 * of columns, so the caller keeps other threads from changing them. */
struct mx_tags mx_sobj_columns(struct mx_sobj *o);

#endif
