/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offers again, every p.retry_ms, what could not be delivered when it was sent:
 * the recipient's disk was full, all places for open mailboxes were in use.
 */
#ifndef MX_SERVER_DELIVER_H
#define MX_SERVER_DELIVER_H

struct mx_deliveries;
struct mx_server;

/* 0 or -ENOMEM; timers, pool and store of srv are there already. */
int mx_deliveries_new(struct mx_server *srv, struct mx_deliveries **ret);

/* Returns when none runs nor will; before the pool goes.  NULL is fine. */
void mx_deliveries_free(struct mx_deliveries *d);

#endif
