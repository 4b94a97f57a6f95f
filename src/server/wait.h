/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NotificationWait: a request held open beside the others of its context.
 * [MS-OXCMAPIHTTP] 2.2.4.4, 3.2.5.5.  No thread waits with it: its connection
 * is suspended, and resumed for each PENDING and for the end.
 */
#ifndef MX_SERVER_WAIT_H
#define MX_SERVER_WAIT_H

struct mx_ctx;
struct mx_req;

/* Parks req in ctx, or answers it at once when something is pending.  req is
 * answered through mx_req_finish in every case but -EBUSY (one is parked
 * already).  Returns 0; -EBUSY. */
int mx_wait_park(struct mx_ctx *ctx, struct mx_req *req);

/* Something is pending in ctx: ends its parked wait with EventPending 1.
 * ctx->lock is held. */
void mx_wait_wake_locked(struct mx_ctx *ctx);

/* ctx is dead: ends its parked wait with X-ResponseCode `code`. */
void mx_wait_kill(struct mx_ctx *ctx, int code);

/* Its longest time passed; called by the request's timer.  EventPending 0. */
void mx_wait_expire(struct mx_ctx *ctx, struct mx_req *req);

/* Its connection is gone. */
void mx_wait_forget(struct mx_ctx *ctx, struct mx_req *req);

#endif
