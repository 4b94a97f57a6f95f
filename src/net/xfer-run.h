/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to net: turning a transfer on the caller's thread, and what that has
 * in common with the engine.
 */
#ifndef MX_NET_XFER_RUN_H
#define MX_NET_XFER_RUN_H

#include "net/xfer.h"

/* Resolves, authenticates, sends, waits, decides.  The channel is taken. */
int mx_xfer_run(struct mx_xfer *x);

/* mx_channel_take gave err. */
int mx_xfer_take_failed(struct mx_xfer *x, int err);

/* The resolver gave err. */
int mx_xfer_resolve_failed(struct mx_xfer *x, int err, const char *why);

/* Frees the kept multi handles, when the library is not used for a while. */
void mx_exchange_trim(void);

#endif
