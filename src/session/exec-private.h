/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of an Execute's planning share: its buffer, and what an object
 * needs to be in it. */
#ifndef MX_SESSION_EXEC_PRIVATE_H
#define MX_SESSION_EXEC_PRIVATE_H

#include "session/exec.h"
#include "session/run.h"

/* ---- exec-buf.c ---- */

/* Empty, for another Execute of this run; 0 or -ENOMEM. */
int mx_exec_reset(struct mx_run *r);

/* Bytes a ROP may still take. */
size_t mx_exec_room(const struct mx_exec *ex);

/* A place in the handle table, o's (may be NULL): its index; -ENOSPC. */
int mx_exec_slot(struct mx_exec *ex, struct mx_sobj *o, uint32_t handle);
bool mx_exec_has(const struct mx_exec *ex, const struct mx_sobj *o);

/* The next item, zeroed, not part of the Execute before commit; NULL: no memory.
 * Valid until the next. */
struct mx_item *mx_exec_item(struct mx_exec *ex);
/* Makes the item part of the Execute; its n bytes are in place already. */
void mx_exec_commit(struct mx_exec *ex, struct mx_item *it, size_t n);

/* ---- exec-need.c ---- */

enum mx_need {
	MX_NEED_OK = 0,
	MX_NEED_FAILED = 1, /* the object's opening failed in this run */
};

/* Sees to it that o has a slot: its handle, or the ROP that opens it and what
 * goes with that.  op: who wants to see the answer of the opening.  depth: 0.
 * enum mx_need; -ENOSPC (the rest goes into the next Execute), -ESTALE with the
 * fault, -ELOOP, -ENOMEM.  The session's lock is held. */
int mx_exec_need(struct mx_run *r, struct mx_sobj *o, struct mx_op *op,
		 unsigned depth);

#endif
