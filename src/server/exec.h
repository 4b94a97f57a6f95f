/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Execute: a buffer of ROPs in, one or more buffers of answers out.
 * [MS-OXCROPS] 3.2.5, [MS-OXCRPC] 3.1.4.2.1.
 */
#ifndef MX_SERVER_EXEC_H
#define MX_SERVER_EXEC_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "server/ctx.h"
#include "wire/bodies.h"
#include "wire/rops.h"

struct mx_exec {
	struct mx_ctx *ctx;
	struct mx_arena *arena;
	struct mx_wr wr;   /* ROP answers of the buffer being made; its cap
			      * is what the present ROP may use */
	size_t cap;        /* of the whole buffer */
	uint32_t *handles; /* the table, changed by the ROPs */
	uint32_t n_handles;
	bool light;          /* on a thread that must not wait */
	unsigned backoff_ms; /* the answer is RopBackoff; 0: it is not */
};

/* Does what req asks and fills *res; its RopBuffer lives in out.  Only who is
 * busy in ctx.  Never fails: what goes wrong is in res->error_code.
 * backoff_ms, when not 0: only the RopReleases in front are done, and RopBackoff
 * says how long to wait with the rest. */
void mx_execute(struct mx_ctx *ctx, const struct mx_execute_req *req,
		unsigned backoff_ms, struct mx_arena *arena, struct mx_buf *out,
		struct mx_execute_res *res);

/* The same on a thread that must not wait, when it can be done so: a few ROPs that
 * only read what is open, of one mailbox that nobody is at work in.  False: it
 * was not begun. */
bool mx_execute_light(struct mx_ctx *ctx, const struct mx_execute_req *req,
		      struct mx_arena *arena, struct mx_buf *out,
		      struct mx_execute_res *res);
/* Whether that is worth a try, by the first bytes of an Execute's body. */
bool mx_execute_looks_light(const uint8_t *body, size_t n);

/* How the last ROP of a request goes on in a further buffer. */
struct mx_chain {
	bool allowed;  /* this ROP may */
	bool again;    /* in: it goes on; out: there is more */
	uint32_t left; /* of its RowCount or ByteCount */
};

/* dispatch.c: does one ROP and encodes its answer into x->wr.
 * 0; the bytes that the buffer would need when the answer does not fit (nothing
 * was written, and what the ROP made is undone); -EINVAL: our bug. */
ssize_t mx_dispatch(struct mx_exec *x, const struct mx_rop_req *req,
		    struct mx_chain *chain);

/* Bytes kept free for a ROP's answer before it may run. */
size_t mx_rop_least(const struct mx_rop_req *req);

/* Whether the id is a ROP of [MS-OXCROPS], known here or not. */
bool mx_rop_defined(uint8_t id);

#endif
