/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMAPIClientShutdown: the end of a process that has no time to release.  Got
 * from an IMAPISession by QueryInterface.
 */
#ifndef MX_API_CLIENT_SHUTDOWN_H
#define MX_API_CLIENT_SHUTDOWN_H

#include "api/api.h"

struct mx_ses;

/* A second table of methods on a session: it shares the session's identity and
 * references, and lives in it. */
struct mx_fast_shutdown {
	const void *vtbl;
	struct mx_ses *ses;
};

void mx_fast_shutdown_init(struct mx_fast_shutdown *m, struct mx_ses *ses);

#endif
