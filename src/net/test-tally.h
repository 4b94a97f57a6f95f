/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine's tests share: outcomes, counted, and requests that give them. */
#ifndef MX_NET_TEST_TALLY_H
#define MX_NET_TEST_TALLY_H

#include "base/lock.h"
#include "base/test.h"
#include "net/engine.h"
#include "net/opts.h"
#include "net/test-peer.h"

#define LATER 20000 /* ms; a deadline no good run comes near */

struct tally {
	struct mx_mutex lock;
	struct mx_cond cond;
	unsigned done, ok, canceled, other;
	int last_err;
	enum mx_xwhy last_why;
	struct mx_fault fault;
};

void tally_init(struct tally *t);
void tally_fini(struct tally *t);
void tally_add(struct tally *t, int err, const struct mx_xresp *r,
	       const struct mx_fault *f);
/* Waits for n outcomes. */
void tally_wait(struct tally *t, unsigned n);
/* Adds the outcome of a request, of a closure; arg is the tally. */
void tally_done(void *arg, int err, struct mx_xresp *r,
		const struct mx_fault *f);
void tally_ran(void *arg, int err);

/* A channel of that user; a NotificationWait on it, for the tally. */
struct mx_channel *tally_channel(const char *url, const char *user,
				 const struct mx_net_opts *o);
struct mx_engine_req tally_request(struct mx_channel *ch, struct tally *t);
/* Gives a hold back; by LATER all must be over. */
void tally_drop(struct mx_engine_left *left);

/* A peer that reads a request and never answers. */
void tally_park(struct peer_conn *c, void *arg);

#endif
