/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of exchanges share: one request, sent by ann. */
#ifndef MX_NET_TEST_ASK_H
#define MX_NET_TEST_ASK_H

#include "base/fault.h"
#include "base/test.h"
#include "net/exchange.h"
#include "net/opts.h"
#include "net/test-peer.h"

#define ID "{11111111-2222-3333-4444-555555555555}:1"

/* An Execute with that body, which stays borrowed. */
struct mx_xreq ask_request(const char *body);

/* One exchange on a fresh channel, which leaves no descriptor behind; the caller
 * looks at r and f.  At a URL, or at a peer that runs fn. */
int ask_url(const char *url, const struct mx_net_opts *opts,
	    const struct mx_xreq *q, struct mx_xresp *r, struct mx_fault *f);
int ask_peer(peer_fn *fn, void *arg, const struct mx_net_opts *opts,
	     struct mx_xresp *r, struct mx_fault *f);

/* The fault names user, server and operation, and no secret. */
void ask_fault(const struct mx_fault *f, enum mx_layer layer, int err);

/* A peer that says arg[0], after a request, and no more; NULL: not even reads. */
void ask_silent(struct peer_conn *c, void *arg);

#endif
