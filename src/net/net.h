/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MAPI over HTTP: everything between a request body and its answer.
 *
 *	opts.h          deadlines, TLS, limits
 *	cancel.h        a token that ends a wait from another thread
 *	cookies.h       a session context's cookies
 *	credentials.h   user context -> Authorization header
 *	channel.h       the TCP connections of one user context to one server
 *	exchange.h      one request and its answer, on the caller's thread
 *	metatag.h       the chunked answer's PROCESSING, PENDING, DONE (pure)
 *	engine.h        the same exchanges in the background, and timed jobs
 *	serial.h        callbacks on their own pool, in order, never starving
 *	autodiscover.h  mail address -> endpoint, DN
 *
 * What holds for all of it: a TCP connection never serves two user contexts;
 * no function blocks without a deadline; no lock is held across I/O, except
 * around writes to a wake-up descriptor, which never block; names are resolved
 * without threads (resolve.h).  In a forked child everything inherited is
 * inert: calls return -ECHILD, the parent's sockets are closed there.
 */
#ifndef MX_NET_NET_H
#define MX_NET_NET_H

#include "net/autodiscover.h"
#include "net/cancel.h"
#include "net/channel.h"
#include "net/cookies.h"
#include "net/credentials.h"
#include "net/engine.h"
#include "net/exchange.h"
#include "net/metatag.h"
#include "net/opts.h"
#include "net/serial.h"

#endif
