/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server objects of one session context: what ROPs call by handle.
 * [MS-OXCROPS] 3.2.1.
 *
 * A handle is slot | generation << 20, so that one that was released is not
 * mistaken for its slot's next user; it is never 0xFFFFFFFF.  Objects live
 * until RopRelease, or until their logon goes.  Only who is busy in the
 * context comes here.
 */
#ifndef MX_SERVER_OBJECT_H
#define MX_SERVER_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/event.h"

struct mx_ctx;
struct mx_mbox;
struct mx_obj;
struct mx_strm;
struct mx_tbl;

/* Bits, so that a ROP can name the kinds it works on. */
enum mx_skind {
	MX_S_LOGON = 0x01,
	MX_S_FOLDER = 0x02,
	MX_S_MESSAGE = 0x04,
	MX_S_ATTACH = 0x08,
	MX_S_TABLE = 0x10,
	MX_S_STREAM = 0x20,
	MX_S_WATCH = 0x40,
	MX_S_PROPS = 0x0f, /* all that have properties */
	MX_S_ANY = 0xff,
};

enum mx_table_kind {
	MX_TABLE_HIERARCHY,
	MX_TABLE_CONTENTS,
	MX_TABLE_ATTACH,
};

struct mx_sobj {
	enum mx_skind kind;
	uint32_t handle;
	uint8_t logon_id;
	struct mx_mbox *mbox; /* of its logon; the logon object owns it */
	struct mx_obj *obj;   /* logon, folder, message, attachment */
	struct mx_tbl *tbl;
	struct mx_strm *strm;
	struct mx_watch *watch; /* subscription; table with notifications */

	enum mx_table_kind table;
	struct mx_tags cols; /* table: columns; message: those of its
			      * recipient rows.  Owned */
	bool viewed;         /* table: rows were asked for */
	bool commit;         /* stream: release commits what was written */
};

struct mx_objects {
	struct mx_ctx *ctx;
	struct mx_sobj **slots;
	uint16_t *gens;
	uint32_t n_slots, n_used;
	uint32_t n_kind[8];   /* by the bit of enum mx_skind */
	uint32_t next;        /* where to look for a free slot */
	uint32_t logons[256]; /* handle of the logon object, or 0xffffffff */
};

void mx_objects_init(struct mx_objects *os, struct mx_ctx *ctx);
void mx_objects_fini(struct mx_objects *os);

/* A new object of that kind on a logon, without what it is about.
 * 0; -EDQUOT too many; -ENOMEM. */
int mx_objects_add(struct mx_objects *os, enum mx_skind kind, uint8_t logon_id,
		   struct mx_sobj **ret);

/* NULL when there is none of that handle. */
struct mx_sobj *mx_objects_get(struct mx_objects *os, uint32_t handle);

/* The logon object, NULL when nobody is logged on by that id. */
struct mx_sobj *mx_objects_logon(struct mx_objects *os, uint8_t logon_id);

/* Releases one; a logon takes all its objects with it. */
void mx_objects_release(struct mx_objects *os, struct mx_sobj *so);

/* Replaces so->cols.  0; -ENOMEM. */
int mx_sobj_set_cols(struct mx_sobj *so, const uint32_t *tags, size_t n);

#endif
