/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches: ROPs that travel together.
 *
 *	struct mx_batch b;
 *	struct mx_rop_req req = {.id = MX_ROP_QUERY_ROWS, …};
 *
 *	mx_batch_init(&b);
 *	mx_batch_add(&b, table, &cols);
 *	rows = mx_batch_add(&b, table, &req);
 *	err = mx_batch_run(&b, call);
 *	if (!err && rows->code == 0)
 *		… rows->res->query_rows …
 *	mx_batch_fini(&b);
 *
 * One Execute carries the whole batch, with whatever must go in front of it:
 * queued releases, RopLogon, objects not opened yet or lost with their context,
 * deferred ROPs.  What does not fit into one buffer is split over several.
 * The server's requests to slow down or to take a bigger buffer are met here.
 *
 * One batch belongs to one thread; objects in it may be in other threads'
 * batches too.  All objects of a batch are under one session; if they turn out
 * to be in different session contexts, run returns -EXDEV.
 */
#ifndef MX_SESSION_BATCH_H
#define MX_SESSION_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/arena.h"
#include "base/list.h"
#include "session/sobj.h"

/* One ROP of a batch and its answer; lives in the batch. */
struct mx_op {
	/* Results, valid after run.  answered: the server said something about
	 * this ROP, or what had to go in front of it failed (then `code` is
	 * that failure, `blame` the RopId, and res is NULL). */
	bool answered;
	uint8_t blame; /* whose code it is: req.id, or what went in front */
	uint32_t code; /* ReturnValue; 0 is success */
	const struct mx_rop_res *res; /* decoded, in the batch's arena */
	/* Further answers to this ROP that the server packed (QueryRows and
	 * ReadStream of a batch with chain set): n_more of them. */
	const struct mx_rop_res *const *more;
	uint32_t n_more;

	/* Ours. */
	struct mx_list link;
	struct mx_rop_req req;
	struct mx_sobj *obj, *second; /* references */
	uint8_t role;
	uint8_t pos; /* index in the Execute being built */
};

struct mx_batch {
	struct mx_arena arena; /* requests may be built in it too */
	/* The last ROP (QueryRows, ReadStream) may be answered in several
	 * buffers, up to max_out bytes together.  [MS-OXCRPC] 3.1.4.2.1.2.2 */
	bool chain;
	uint32_t max_out; /* bytes of one answer we accept; 0: 32 KiB, or with
			   * chain MX_MAX_ROP_OUT */
	int err;          /* first failed add: run returns it */

	/* Ours. */
	struct mx_list ops;
	unsigned n_ops;
};

/* Caller's memory, empty. */
void mx_batch_init(struct mx_batch *b);

/* Frees the answers and gives the objects back (which may queue releases). */
void mx_batch_fini(struct mx_batch *b);
static inline void mx_batch_auto(struct mx_batch *b)
{
	mx_batch_fini(b);
}

/* Empties it for another run, keeps its flags. */
void mx_batch_reset(struct mx_batch *b);

/* Adds a ROP on an object.  req is copied; what it points to is borrowed until
 * run returns.  logon_id and all handle indexes are ours to fill in.  Never
 * NULL: a failure sticks in b->err and run returns it.
 * Not for ROPs that open objects (see open) nor for Release, Logon and
 * RegisterNotification (-EINVAL). */
struct mx_op *mx_batch_add(struct mx_batch *b, struct mx_sobj *obj,
			   const struct mx_rop_req *req);

/* The same for ROPs that name a second object: MoveCopyMessages (obj: source
 * folder, second: destination folder); SaveChangesMessage and SetMessageReadFlag
 * (obj: message, second: what the response refers to, or NULL). */
struct mx_op *mx_batch_add2(struct mx_batch *b, struct mx_sobj *obj,
			    struct mx_sobj *second,
			    const struct mx_rop_req *req);

/* Opens an object made by mx_sobj_new() at this place of the batch, so that its
 * answer (RowCount, the message's header …) can be seen.  Already open: answered
 * with code 0 and res NULL, nothing is sent. */
struct mx_op *mx_batch_open(struct mx_batch *b, struct mx_sobj *obj);

/* Runs the batch.  0 when every ROP was answered, whatever the codes: look at
 * each op.  The server goes on after a ROP that failed; so what depends on it
 * fails too.  Otherwise an error of session.h; ops answered before it happened
 * have answered set.  A batch runs once; reset it for the next. */
int mx_batch_run(struct mx_batch *b, const struct mx_call *call) MX_UNLOCKED;

/* The first op with a code other than 0, in order; NULL if none. */
struct mx_op *mx_batch_failed(struct mx_batch *b);

/* Describes an op's failure: layer ROP, code, RopId, user, server; err is
 * -EREMOTEIO, which is returned.  0 when the op succeeded. */
int mx_op_fault(const struct mx_op *op, struct mx_fault *fault);

/* One ROP on one object, run at once: add, run, and mx_op_fault() into
 * call->fault when the server refused (then -EREMOTEIO).  The answer is in the
 * batch until its fini; *ret may be NULL.  b is initialised by the caller. */
int mx_rop_call(struct mx_batch *b, struct mx_sobj *obj,
		const struct mx_rop_req *req, const struct mx_call *call,
		const struct mx_rop_res **ret) MX_UNLOCKED;

#endif
