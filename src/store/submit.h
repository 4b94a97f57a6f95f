/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hand-over of submitted messages.
 *
 *   sender's mailbox                       recipient's mailbox
 *   ────────────────                       ───────────────────
 *   one transaction:
 *     sender's copy in Sent Items
 *     message in transit (parts only)
 *     a row in outq per recipient, each
 *     with a random token
 *   ── Submit is acknowledged here ──
 *   read the message in transit ────────►  one transaction:
 *                                            token known? then nothing
 *                                            message, token
 *   one transaction:               ◄──────  committed
 *     outq row deleted; with the last one
 *     the message in transit
 *
 * No two mailboxes are locked at once.  A crash anywhere leaves the outq row;
 * the next run offers the message again and the token says whether it arrived.
 * users.db names the mailboxes that may have rows in outq, so that opening the
 * store need not open them all.
 */
#ifndef MX_STORE_SUBMIT_H
#define MX_STORE_SUBMIT_H

#include <stdint.h>

struct mx_arena;
struct mx_mdb;
struct mx_mbox;
struct mx_msg;
struct mx_store;

/* Opens every mailbox that users.db says has things to send, and sends. */
int mx_submit_resume(struct mx_store *st);

/* Before a mailbox closes: takes the mark away when nothing is queued. */
void mx_submit_unmark(struct mx_mdb *db);

/* Makes the mark, durably, before anything is queued.  Lock held. */
int mx_submit_mark(struct mx_mdb *db);

/* Sends what is queued and due.  No lock held. */
int mx_submit_pump(struct mx_mdb *db);

/* Queues m (written as a message in transit) to recipient index `recip` with
 * that address.  In a transaction.  *msg_id 0: writes m first and sets it. */
int mx_submit_queue(struct mx_mdb *db, const struct mx_msg *m, int64_t *msg_id,
		    int64_t sent, const char *address, int64_t recip);

/* report.c: a non-delivery report about recipient `recip` of m, into the Inbox
 * of the sender's mailbox db.  In a transaction. */
int mx_report_ndr(struct mx_mdb *db, const struct mx_msg *m, int64_t recip,
		  const char *address, const char *reason);

/* deliver.c: m, free of its mailbox, as new mail of user (from the directory by
 * his mailbox).  In a transaction of db. */
struct mx_user;
int mx_deliver(struct mx_mdb *db, struct mx_msg *m, const struct mx_user *to,
	       int64_t recip);

#endif
