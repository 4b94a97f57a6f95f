/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program may set about the way servers are spoken to.
 */
#ifndef MX_NET_OPTS_H
#define MX_NET_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

#define MX_NET_IDLE_MS 60000
#define MX_NET_OVERALL_MS 600000

/* How to speak to servers.  Plain data; whoever takes one copies it, strings
 * and all.  Start from MX_NET_OPTS_INIT; a number that is 0 is its default, times
 * below 0 are never. */
struct mx_net_opts {
	int64_t idle_ms;     /* since the last byte or PENDING; 60 s */
	int64_t overall_ms;  /* of one exchange; 10 minutes */
	const char *ca_file; /* PEM bundle; NULL: the system's */
	bool tls_no_verify;  /* for laboratories */
	bool allow_plain;    /* credentials over http:// beyond loopback */
	const char *proxy;   /* URL; NULL: none.  http_proxy is not read */
	const char *app;     /* X-ClientApplication; NULL: ours */
	size_t max_body;     /* of an answer; MX_MAX_HTTP_BODY */
	size_t max_headers;  /* of an answer; MX_MAX_HTTP_HEADERS */
};

#define MX_NET_OPTS_INIT                                                       \
	((struct mx_net_opts){.idle_ms = MX_NET_IDLE_MS,                       \
			      .overall_ms = MX_NET_OVERALL_MS,                 \
			      .max_body = MX_MAX_HTTP_BODY,                    \
			      .max_headers = MX_MAX_HTTP_HEADERS})

#endif
