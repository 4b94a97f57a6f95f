/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to net: where a channel goes and how, without for whom.  Ten thousand
 * users of one server have one target between them, so what is read for each
 * request is in the cache, and easy handles go from one to the next as they are.
 */
#ifndef MX_NET_TARGET_H
#define MX_NET_TARGET_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/fault.h"
#include "net/opts.h"

/* Constant while somebody holds a reference. */
struct mx_target {
	struct mx_target *next; /* in the table; under its lock, as refs is */
	unsigned refs;
	CURLU *parsed; /* url, for easy handles: only ever copied */
	char *url, *server;
	char *host; /* to resolve: the server's or the proxy's; no brackets */
	unsigned port;
	bool is_literal; /* host is an address or localhost: nothing to resolve */
	bool is_loopback;
	bool is_https;
	struct mx_net_opts opts; /* its strings are owned */
};

/* The target of this URL and these options (NULL: MX_NET_OPTS_INIT), perhaps
 * one that others have; the reference is the caller's.  The fault gets
 * server, code and text.  Any thread.  0, -EINVAL, -EPERM, -ENOMEM as
 * mx_channel_new(). */
int mx_target_get(const char *url, const struct mx_net_opts *opts,
		  const char *user, const struct mx_target **ret,
		  struct mx_fault *fault);
/* Any thread; NULL is fine.  Not of a parent process's in its child. */
const struct mx_target *mx_target_ref(const struct mx_target *t);
void mx_target_unref(const struct mx_target *t);

/* True when all that an easy handle is told of the options is equal, and the
 * scheme is: libcurl (7.88) loses the TLS sessions that a handle has made for
 * itself, if without a use, when it is given a share that has them. */
bool mx_target_same_options(const struct mx_target *a,
			    const struct mx_target *b);

#endif
