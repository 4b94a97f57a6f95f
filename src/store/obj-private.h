/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects inside.  Public functions take the mailbox's lock; everything declared
 * here expects it to be held (but mx_obj_new).
 *
 * A message handle owns a whole copy of its content: properties, recipients,
 * attachments with what is nested in them (struct mx_msg); an attachment handle
 * owns a copy of one attachment, an embedded message's handle a copy of that
 * message.  Saving puts the copy into the parent handle, or on disk.  Large
 * values are shared (bytes.h), so copies are cheap.
 */
#ifndef MX_STORE_OBJ_PRIVATE_H
#define MX_STORE_OBJ_PRIVATE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "store/bag.h"
#include "store/mdb.h"
#include "store/obj.h"

struct mx_msg;

struct mx_rcp {
	uint32_t row;
	uint8_t type;
	struct mx_bag bag;
};

struct mx_att {
	uint32_t num;
	struct mx_bag bag;
	struct mx_msg *child; /* the embedded message, or NULL */
};

/* Content of a message. */
struct mx_msg {
	struct mx_bag bag;
	struct mx_rcp *rcps; /* by row */
	size_t n_rcps;
	struct mx_att **atts; /* by num */
	size_t n_atts;
	uint32_t next_num;
	/* Of a top-level message on disk: */
	int64_t id; /* 0: never saved */
	int64_t fid, cn, deleted;
	bool assoc;
};

struct mx_msg *mx_msg_new(void);
void mx_msg_free(struct mx_msg *m); /* NULL is fine */
void mx_msg_auto(struct mx_msg **m);
int mx_msg_clone(const struct mx_msg *m, struct mx_msg **ret);
int mx_msg_detach(struct mx_msg *m, const char *dir); /* bag.h */
uint64_t mx_msg_size(const struct mx_msg *m);
/* Displays, flags and what else follows from the rest. */
int mx_msg_refresh(struct mx_msg *m);
struct mx_att *mx_att_new(void);
void mx_att_free(struct mx_att *att);
int mx_att_clone(const struct mx_att *att, struct mx_att **ret);
struct mx_att *mx_msg_att(const struct mx_msg *m, uint32_t num,
			  size_t *ret_index);
/* Adds or replaces by num; takes att over on success. */
int mx_msg_put_att(struct mx_msg *m, struct mx_att *att);
void mx_msg_remove_att(struct mx_msg *m, size_t index);

/* msg-disk.c: a message's rows.  Load: 0, MX_ANS_NOT_FOUND, errno. */
int mx_msg_load(struct mx_mdb *db, int64_t id, struct mx_msg **ret);
/* The same without recipients and attachments: for single properties. */
int mx_msg_load_light(struct mx_mdb *db, int64_t id, struct mx_msg **ret);
/* The parts under an id without a row in messages (embedded, in transit). */
int mx_msg_load_parts(struct mx_mdb *db, int64_t id, unsigned depth,
		      struct mx_msg **ret);
/* Inserts or replaces by m->id (which must be set) in m->fid with m->cn. */
int mx_msg_write(struct mx_mdb *db, struct mx_msg *m);
int mx_msg_write_parts(struct mx_mdb *db, const struct mx_msg *m, int64_t id,
		       unsigned depth);
/* Deletes rows, large values, what is nested. */
int mx_msg_erase(struct mx_mdb *db, int64_t id);
int mx_msg_erase_parts(struct mx_mdb *db, int64_t id, unsigned depth);

struct mx_obj {
	atomic_uint refs;
	enum mx_obj_kind kind;
	struct mx_mbox *mb;
	struct mx_mdb *db;
	struct mx_obj *parent; /* attachment: message; embedded: attachment */
	bool closed;           /* by its user; children keep it */
	bool read_only;
	bool dirty;
	bool saved_read_only; /* by a save without KeepOpenReadWrite */
	uint32_t cp;          /* code page of PT_STRING8 */
	int64_t fid;
	struct mx_msg *msg; /* messages */
	struct mx_att *att; /* attachments */
};

/* A handle; refs 1, the parent referenced.  NULL without memory. */
struct mx_obj *mx_obj_new(struct mx_mbox *mb, enum mx_obj_kind kind,
			  struct mx_obj *parent);
struct mx_obj *mx_obj_ref(struct mx_obj *o);
/* Lock held. */
void mx_obj_unref(struct mx_obj *o);

/* The bag of a message or attachment; NULL for other kinds. */
struct mx_bag *mx_obj_bag(struct mx_obj *o);

/* One property of any object: 0 with *ret (PT_ERROR when missing), errno. */
int mx_obj_value(struct mx_obj *o, uint32_t tag, size_t max, bool want_unicode,
		 struct mx_arena *a, struct mx_propval *ret);

/* mx_obj_get under the lock. */
int mx_obj_get_locked(struct mx_obj *o, const uint32_t *tags, size_t n,
		      size_t max_value, bool want_unicode, struct mx_arena *a,
		      struct mx_propval *ret_vals, bool *ret_all);

/* Puts a whole value (text as UTF-8) under tag, as setting it would: into the
 * object, or on disk for a folder or the store. */
int mx_obj_put_bytes(struct mx_obj *o, uint32_t tag, struct mx_bytes *b);

/*
 * Computed properties, by kind: 1 with *ret when this object computes tag, 0
 * when it does not, errno.  Text is PT_UNICODE; the caller fits types.
 */
int mx_store_computed(struct mx_obj *o, uint32_t tag, struct mx_arena *a,
		      struct mx_propval *ret);
int mx_folder_computed(struct mx_obj *o, uint32_t tag, struct mx_arena *a,
		       struct mx_propval *ret);
int mx_msg_computed(struct mx_obj *o, uint32_t tag, struct mx_arena *a,
		    struct mx_propval *ret);
int mx_att_computed(struct mx_obj *o, uint32_t tag, struct mx_arena *a,
		    struct mx_propval *ret);
/* Their tags, ended by 0. */
extern const uint32_t mx_store_computed_tags[], mx_folder_computed_tags[],
	mx_msg_computed_tags[], mx_att_computed_tags[];

/* Properties of folders and of the store: their packed rows. */
struct mx_frow {
	int64_t id, parent, special, type, deleted, cn, created, modified;
	int64_t total, unread, assoc, gone, size, subfolders;
	char *name, *class;
	struct mx_bag bag;
};
void mx_frow_auto(struct mx_frow *f);
int mx_folder_load(struct mx_mdb *db, int64_t fid, struct mx_frow *ret);
/* The same for reading only, from memory when nothing was written since: *ret is
 * borrowed, until the next call, from there or from `own`, which is the
 * caller's (zeroed before, mx_frow_auto after). */
int mx_folder_peek(struct mx_mdb *db, int64_t fid, struct mx_frow *own,
		   const struct mx_frow **ret);
int mx_folder_write(struct mx_mdb *db, struct mx_frow *f);
/* The value of a folder row; as mx_folder_computed. */
int mx_frow_computed(struct mx_mbox *mb, const struct mx_frow *f, uint32_t tag,
		     struct mx_arena *a, struct mx_propval *ret);
int mx_store_load_bag(struct mx_mdb *db, struct mx_bag *ret);
int mx_store_write_bag(struct mx_mdb *db, const struct mx_bag *bag);

/* Sets one property of a message, minding subjects and flags.  As mx_bag_set,
 * or MX_ANS_ACCESS_DENIED for what only the store sets. */
int mx_msg_set_prop(struct mx_msg *m, const struct mx_propval *v, uint32_t cp);
bool mx_msg_delete_prop(struct mx_msg *m, uint16_t id);
/* Start and length (bytes) of the normalized subject within the subject. */
size_t mx_msg_prefix_len(const struct mx_msg *m);

/* A body from another form; 1 with *ret when it could be made. */
int mx_body_convert(const struct mx_bag *bag, uint32_t tag, struct mx_arena *a,
		    struct mx_propval *ret);

int mx_receive_folder(struct mx_mdb *db, const char *message_class,
		      struct mx_arena *a, int64_t *ret_fid,
		      const char **ret_class);

#endif
