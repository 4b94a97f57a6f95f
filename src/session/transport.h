/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam under sessions: how a request reaches a server.  net does it over
 * HTTP; tests put a scripted peer here.
 */
#ifndef MX_SESSION_TRANSPORT_H
#define MX_SESSION_TRANSPORT_H

#include "net/engine.h"
#include "net/exchange.h"

struct mx_transport_ops {
	/* As mx_exchange(): on the caller's thread. */
	int (*exchange)(void *arg, struct mx_channel *ch,
			const struct mx_xreq *req, struct mx_xresp *ret,
			struct mx_fault *fault);
	/* As mx_engine_submit(): in the background. */
	int (*submit)(void *arg, const struct mx_engine_req *req);
};

#endif
