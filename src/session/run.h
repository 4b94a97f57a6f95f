/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: one turn on a session context, and what is said to the server in it.
 * The same steps serve a caller's batch, on its thread, and the background's
 * work, on the engine:
 *
 *   take the turn ──► next ──EXCHANGE──► answer ──┐
 *                      ▲ └──PAUSE (until)         │
 *                      └──────────────────────────┘
 *                     next ──DONE──► give the turn, poke
 *
 * next and answer do no I/O; the drivers do (call.c for callers, background.c for
 * the engine).
 */
#ifndef MX_SESSION_RUN_H
#define MX_SESSION_RUN_H

#include "base/lock.h"
#include "session/exec.h"
#include "session/session-private.h"

enum mx_op_role {
	MX_OP_ROLE_CALL,
	MX_OP_ROLE_OPEN,
};

enum mx_run_kind {
	MX_RUN_BATCH,   /* a caller's batch */
	MX_RUN_CONNECT, /* a caller wants the context connected */
	MX_RUN_FLUSH,   /* queued releases */
	MX_RUN_FETCH,   /* an Execute without ROPs, for RopNotify */
	MX_RUN_RECOVER, /* connect again, register subscriptions again */
	MX_RUN_PING,
	MX_RUN_DISCONNECT,
};

enum mx_run_step {
	MX_STEP_EXCHANGE, /* x is to be sent */
	MX_STEP_PAUSE,    /* until `until` */
	MX_STEP_DONE,     /* result */
};

struct mx_run {
	enum mx_run_kind kind;
	struct mx_ctx *ctx; /* reference */
	struct mx_batch *batch;
	uint32_t id;
	mx_mono deadline;
	struct mx_fault
		*fault; /* never NULL; for whom: in the end, if at all */
	int result;
	bool background, sent_any;
	unsigned n_lost, n_resent, n_busy;
	uint32_t max_out;   /* grows when the server says so */
	unsigned max_items; /* of one Execute; shrinks likewise; 0: no limit */

	/* The exchange at hand. */
	struct mx_xreq x;
	uint32_t epoch; /* it belongs to */
	struct mx_buf body;
	char request_id[MX_REQUEST_ID_SIZE], client_info[MX_REQUEST_ID_SIZE];
	char *cookies;
	mx_mono until;
	struct mx_exec ex;

	struct mx_cancel token;
};

int mx_run_init(struct mx_run *r, enum mx_run_kind kind, struct mx_ctx *ctx,
		struct mx_batch *b, struct mx_fault *fault);
void mx_run_fini(struct mx_run *r);
/* Writes user and server into the fault of a run that has failed. */
void mx_run_blame(struct mx_run *r);

/* By the holder of the turn, no lock held. */
enum mx_run_step mx_run_next(struct mx_run *r) MX_UNLOCKED;
void mx_run_answer(struct mx_run *r, int err,
		   struct mx_xresp *resp) MX_UNLOCKED;

/* -ESHUTDOWN, -ECANCELED, -ETIMEDOUT with the fault; 0: go on. */
int mx_run_interrupted(struct mx_run *r);
/* Around every exchange: counters and the connection's record. */
void mx_run_begin(struct mx_run *r);
void mx_run_end(struct mx_run *r, int err, const struct mx_xresp *resp);

/* The server says that it does not know the session context, or not any more in
 * this state: nothing has been carried out, connect again.  By the codes of the
 * specification (6, 10, 13: -ESTALE), and by those that gromox gives instead,
 * which mean a malformed request there and never come once Connect was taken. */
bool mx_sctx_forgotten(int err, const struct mx_xresp *resp);

/* Connects a context that has no connection yet, as a caller. */
int mx_run_connect(struct mx_ctx *ctx, const struct mx_call *call) MX_UNLOCKED;

/* --- Connect (connect.c) ------------------------------------------------ */

/* Takes a place in the user's budget; blocks, callers only. */
int mx_connect_place(struct mx_run *r) MX_UNLOCKED;
int mx_connect_build(struct mx_run *r);
/* 0; -EAGAIN: call next again; else the run's result. */
int mx_connect_answer(struct mx_run *r, int err,
		      struct mx_xresp *resp) MX_UNLOCKED;

/* --- Background (background.c) ------------------------------------------ */

/* Starts a run on the engine; the turn is taken in order.  Never waits. */
int mx_background(struct mx_ctx *ctx, enum mx_run_kind kind) MX_UNLOCKED;
/* Memory for one, to free(). */
void *mx_background_alloc(void);

/* 250 ms, 500 ms … 64 s: how long to wait after so many failures. */
int64_t mx_backoff_ms(unsigned failures);

#endif
