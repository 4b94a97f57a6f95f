/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has properties: the mailbox itself, folders, messages (also embedded
 * ones) and attachments; and streams on single properties.
 *
 * On store and folder objects each change is at once on disk.  Messages and
 * attachments collect changes in memory (large values in unlinked files next
 * to the database) until mx_msg_save; other handles do not see them.  A message
 * is read as a snapshot when it is opened: what others save later does not show
 * until it is opened again (mx_msg_reload).
 *
 * A property id has one value per object.  Strings are kept as UTF-8 and given
 * out as PT_UNICODE or PT_STRING8 (in the message's, else the logon's code
 * page), whichever the tag asks for; likewise their multiple forms.  A tag of
 * type PT_UNSPECIFIED (0) gives the type that is set.  Other types must match:
 * PT_ERROR with ecNotFound stands in for what is missing or differs.
 *
 * One thread at a time per object.
 */
#ifndef MX_STORE_OBJ_H
#define MX_STORE_OBJ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mx_arena;
struct mx_mbox;
struct mx_obj;
struct mx_propval;
struct mx_strm;
struct mx_propproblem; /* wire/types.h; [MS-OXCDATA] 2.7 */

enum mx_obj_kind {
	MX_OBJ_STORE,
	MX_OBJ_FOLDER,
	MX_OBJ_MESSAGE, /* also embedded */
	MX_OBJ_ATTACH,
};

enum mx_obj_kind mx_obj_kind(const struct mx_obj *o);
struct mx_mbox *mx_obj_mbox(const struct mx_obj *o);

/* A handle's folder id: its own for a folder, its folder's for a message (0
 * when embedded) and an attachment; of the root for the store. */
uint64_t mx_obj_fid(const struct mx_obj *o);
/* Message id; 0 for a message never saved, an embedded one, and other kinds. */
uint64_t mx_obj_mid(const struct mx_obj *o);

/*
 * Closes a handle; unsaved changes are dropped.  A message and its attachment
 * handles may be closed in any order: a child keeps what it needs, but once the
 * parent handle is closed nothing can be saved through the child any more
 * (MX_ANS_OBJECT_DELETED).  NULL is fine.
 */
void mx_obj_close(struct mx_obj *o);
void mx_obj_close_auto(struct mx_obj **o);

/*
 * The values of n tags, in order, into ret_vals[0..n) (caller's array); what
 * they point to lives in the arena.  A value that is not there, or longer than
 * max_value bytes (0: no limit; as encoded on the wire), has type PT_ERROR:
 * 0x8004010F not found, 0x8007000E too big (open a stream).  PT_UNSPECIFIED
 * strings come as PT_UNICODE or (want_unicode false) PT_STRING8.
 * *ret_all (may be NULL): no value is PT_ERROR.  0; errno.
 */
int mx_obj_get(struct mx_obj *o, const uint32_t *tags, size_t n,
	       size_t max_value, bool want_unicode, struct mx_arena *a,
	       struct mx_propval *ret_vals, bool *ret_all);

/* Every property, computed ones too.  [MS-OXCPRPT] 3.2.5.2. */
int mx_obj_get_all(struct mx_obj *o, size_t max_value, bool want_unicode,
		   struct mx_arena *a, struct mx_propval **ret_vals,
		   size_t *ret_n);

/* The tags of the same.  Strings as PT_UNICODE.  [MS-OXCPRPT] 3.2.5.3. */
int mx_obj_list(struct mx_obj *o, struct mx_arena *a, uint32_t **ret_tags,
		size_t *ret_n);

/*
 * Sets values; each that cannot be set becomes a problem: read-only and
 * computed ones 0x80070005, PT_ERROR/PT_NULL/unknown types 0x80070057, too long
 * 0x80040305, text that is no text in the code page 0x80040301.  *ret_problems
 * from the arena (NULL when none).
 * 0; MX_ANS_ACCESS_DENIED (the logon may not write here: nothing was set);
 * MX_ANS_OBJECT_DELETED; errno.  [MS-OXCPRPT] 3.2.5.4.
 */
int mx_obj_set(struct mx_obj *o, const struct mx_propval *vals, size_t n,
	       struct mx_arena *a, struct mx_propproblem **ret_problems,
	       size_t *ret_n_problems);

/* Deletes; a property that is not there is no problem.  [MS-OXCPRPT] 3.2.5.5. */
int mx_obj_delete(struct mx_obj *o, const uint32_t *tags, size_t n,
		  struct mx_arena *a, struct mx_propproblem **ret_problems,
		  size_t *ret_n_problems);

/* ---- Streams: [MS-OXCPRPT] 2.2.14 ff.  Types PT_BINARY, PT_STRING8, PT_UNICODE
 * (bytes are UTF-16LE, no terminator) and PT_OBJECT (PR_ATTACH_DATA_OBJ). ---- */

enum mx_strm_mode {
	MX_STRM_READ = 0,
	MX_STRM_WRITE = 1, /* read and write what is there */
	MX_STRM_CREATE =
		2, /* as write; empty when it is missing, and emptied */
};

/* Opens.  A writing stream works on a spooled copy; commit puts that into the
 * object (on disk for a folder or store, with the message for others).  It
 * keeps its object alive.  0 with *ret to be closed and *ret_size in bytes;
 * MX_ANS_NOT_FOUND; MX_ANS_NOT_SUPPORTED (type); MX_ANS_ACCESS_DENIED
 * (read-only object or property); errno. */
int mx_strm_open(struct mx_obj *o, uint32_t tag, enum mx_strm_mode mode,
		 struct mx_strm **ret, uint64_t *ret_size);

/* Reads up to n bytes at the seek pointer and moves it; *ret_n 0 at the end. */
int mx_strm_read(struct mx_strm *s, void *buf, size_t n, size_t *ret_n);

/* Writes at the seek pointer, grows as needed, moves it.  MX_ANS_STREAM_FULL over
 * MX_STORE_MAX_VALUE with nothing written; MX_ANS_ACCESS_DENIED when opened to
 * read; -ENOSPC. */
int mx_strm_write(struct mx_strm *s, const void *p, size_t n);

/* origin 0 begin, 1 current, 2 end; offset is signed.  MX_ANS_STREAM_SEEK when
 * it would leave 0..2^31-1; MX_ANS_INVALID_PARAM for another origin. */
int mx_strm_seek(struct mx_strm *s, int origin, int64_t offset,
		 uint64_t *ret_pos);

int mx_strm_set_size(struct mx_strm *s, uint64_t size); /* zeros when growing */
uint64_t mx_strm_size(const struct mx_strm *s);
int mx_strm_commit(struct mx_strm *s);

/* Closes.  On a folder or store what was not committed is dropped; on messages and
 * attachments too, unless commit_on_close: RopRelease of a Message's stream
 * commits it, [MS-OXCPRPT] 3.2.5.  NULL is fine. */
int mx_strm_close(struct mx_strm *s, bool commit_on_close);

#endif
