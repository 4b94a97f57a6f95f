/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A channel: the TCP connections of one user context to one endpoint URL.  It
 * owns its connection cache, so what libcurl keeps open for one user is never
 * there to be found by the next.  A session has two: one for Execute and kin,
 * one for NotificationWait; each runs one exchange at a time, on whatever
 * thread: mx_exchange() on the caller's, mx_engine_submit() on the engine's.
 */
#ifndef MX_NET_CHANNEL_H
#define MX_NET_CHANNEL_H

#include <stdbool.h>

#include "base/lock.h"
#include "base/clock.h"
#include "base/fault.h"
#include "identity/userctx.h"

struct mx_channel;
struct mx_net_opts;

/* A channel with one reference; holds a reference of user, copies url and opts
 * (NULL: MX_NET_OPTS_INIT).  No I/O.  0, or with the fault saying why
 *   -EINVAL  not an http:// or https:// URL with a host, or one that carries
 *            a user name
 *   -EPERM   http:// beyond loopback without opts->allow_plain
 *   -ENOMEM */
int mx_channel_new(const char *url, struct mx_userctx *user,
		   const struct mx_net_opts *opts, struct mx_channel **ret,
		   struct mx_fault *fault);

/* Any thread; NULL is fine.  An exchange in flight holds a reference of its
 * own.  The last unref closes the connections; it never waits. */
struct mx_channel *mx_channel_ref(struct mx_channel *ch);
void mx_channel_unref(struct mx_channel *ch) MX_UNLOCKED;

static inline void mx_channel_auto(struct mx_channel **ch)
{
	mx_channel_unref(*ch);
}

/* For a channel that does little but wait, before its first exchange: without
 * TLS and proxy it keeps no connection for the next exchange, which saves 9 KiB,
 * unless the last one was answered within 10 s. */
void mx_channel_set_thrifty(struct mx_channel *ch);

/* Closes the idle connections now, e.g. of a channel that will not be used for
 * a while.  0, -EBUSY when an exchange is in flight, -ECHILD. */
int mx_channel_close_idle(struct mx_channel *ch) MX_UNLOCKED;

/* Closes connections that no exchange has used for 20 s (TLS: 60 s), of all
 * channels, a few hundred at most; called now and then.  Never waits. */
void mx_net_close_idle(mx_mono now) MX_UNLOCKED;

/* Borrowed from the channel. */
const char *mx_channel_server(const struct mx_channel *ch); /* "host:port" */
const char *mx_channel_url(const struct mx_channel *ch);
struct mx_userctx *mx_channel_user(const struct mx_channel *ch);

/* "host:port" of a URL, lower case, the scheme's port when it names none; IPv6
 * hosts stand in brackets.  0, -EINVAL, -ENOMEM; *ret is the caller's. */
int mx_url_server(const char *url, char **ret);

/* True when the URL's host is localhost, 127.0.0.0/8 or ::1 by its text. */
bool mx_url_is_loopback(const char *url);

#endif
