/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection lists: one for each user context, shared by all processes of the
 * account.  A list is found once, by full SID (the CRC picks the bucket), then
 * held: a handle is the slot and its generation, and nobody searches again.
 */
#ifndef MX_CONNLIST_CLIST_H
#define MX_CONNLIST_CLIST_H

#include <stdbool.h>
#include <stdint.h>

#include "connlist/registry.h"
#include "identity/sid.h"

/* This process's hold on a list; one for each join. */
struct mx_clist;

/* Finds the list of this SID, or makes it, and holds it.  `name` is shown to
 * people (cut at 87 bytes; a UTF-8 character is never cut); the first joiner's
 * stays.  Waits at most a second, and only for another process that is inside
 * a change of the same bucket.  0 with *ret to be left, or
 *   -EINVAL   no SID
 *   -ENOSPC   the segment's lists are all in use (the fault names the limit)
 *   -EBUSY    a stopped process holds the bucket (the fault names it)
 *   -EBADMSG  the segment is damaged
 *   -ESTALE   detached, or a forked child
 *   -ENOMEM */
int mx_clist_join(struct mx_reg *reg, const struct mx_sid *sid,
		  const char *name, struct mx_clist **ret,
		  struct mx_fault *fault);

/* Another hold on the same list, for the same process.  NULL when out of
 * memory. */
struct mx_clist *mx_clist_ref(struct mx_clist *cl);

/* Gives the hold back; never waits.  The last one of all processes frees the
 * list unless sessions of dead processes or a back-off are remembered in it.
 * NULL is fine. */
void mx_clist_leave(struct mx_clist *cl);

/* True as long as the hold is good: attached, same generation. */
bool mx_clist_valid(const struct mx_clist *cl);

/* Slot and generation, for logs and tests. */
uint32_t mx_clist_slot(const struct mx_clist *cl);
uint64_t mx_clist_generation(const struct mx_clist *cl);

/* Shows, from outside, that the program's code runs for this user in a callback
 * on the calling thread; until mx_clist_callback_end() with what this returned.
 * -1 when it cannot be shown (detached, or four run already), which end takes
 * too.  The hold must last as long.  Never waits. */
int mx_clist_callback_begin(struct mx_clist *cl);
void mx_clist_callback_end(struct mx_clist *cl, int which);

enum mx_scope {
	MX_SCOPE_PROCESS,  /* connections of this attachment */
	MX_SCOPE_EVERYONE, /* of every process */
};

/* Completion of a list: waits until no connection in it has a poller that runs
 * (conn.h: every state but IDLE and DONE).  Also ends when the processes that
 * own those pollers die.  0; -ETIMEDOUT with a fault that names what is still
 * running, since when, and in which process; -ECANCELED; -EBUSY, -EBADMSG,
 * -ESTALE as join.  `cancelled` (may be NULL) is asked at least every 100 ms. */
int mx_clist_wait_done(struct mx_clist *cl, enum mx_scope scope,
		       mx_mono deadline, bool (*cancelled)(void *), void *arg,
		       struct mx_fault *fault);

#endif
