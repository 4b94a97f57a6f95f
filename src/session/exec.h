/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Execute: which ROPs go into it, their bytes and handle table, and what
 * its answer means.  No I/O, no clock.
 */
#ifndef MX_SESSION_EXEC_H
#define MX_SESSION_EXEC_H

#include "session/session-private.h"

enum mx_item_what {
	MX_ITEM_OPEN,  /* opens obj */
	MX_ITEM_SETUP, /* deferred, or sent again after LOST */
	MX_ITEM_CALL,  /* op's own ROP */
	MX_ITEM_NOTE,  /* ours, to know a table's position */
};

struct mx_item {
	uint8_t what, rop;
	uint8_t hindex; /* what the answer repeats */
	uint8_t out;    /* slot of the new handle */
	uint16_t at, n; /* bytes in rops */
	bool answered;
	struct mx_sobj *obj;     /* borrowed: the batch holds it or a child */
	struct mx_sobj *from;    /* OPEN: the input of its ROP */
	struct mx_op *op;        /* NULL: nobody asks */
	struct mx_deferred *def; /* SETUP of a deferred ROP */
};

struct mx_run;

struct mx_exec {
	uint32_t seq;
	bool resend; /* all that is in it may be sent twice */
	unsigned n_handles, n_items, cap_items, n_released;
	size_t n_rops;
	struct mx_item *items;  /* owned */
	void *block;            /* owned: what the next three point to */
	struct mx_sobj **slots; /* 255 */
	uint32_t *handles;      /* 255 */
	uint8_t *rops;          /* MX_MAX_ROP_PAYLOAD */

	bool chain; /* the last item may be answered in several buffers */

	/* What the answer said besides. */
	uint32_t backoff_ms;
	uint32_t size_needed;
	bool pending;
	/* The answers together were too large: none of them came, though some
	 * or all of the request has been carried out. */
	bool all_lost;
};

void mx_exec_fini(struct mx_exec *ex);

/* Chooses and encodes what goes into the next Execute, releases first.
 * 0 (n_items may be 0), -EMSGSIZE (one ROP alone is too large), -ESTALE (an
 * object is lost for good; the fault names it), -EXDEV, -ENOMEM, -EINVAL. */
int mx_exec_plan(struct mx_run *r);

/* The request body of what was planned; 0 or -ENOMEM. */
int mx_exec_encode(struct mx_run *r);

/* Takes the answer's body.  0: every item is answered, or the server says why
 * not (backoff_ms, size_needed); else -EBADMSG, -EPROTO, -EREMOTEIO, -ENOMEM
 * with the fault. */
int mx_exec_answer(struct mx_run *r, const void *body, size_t n);

/* True when a batch has nothing left to ask. */
bool mx_exec_done(const struct mx_run *r);

#endif
