/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the modules of the server share.
 *
 * Locks, outermost first; nothing is called under one but what is named here:
 *   ctxs.lock       the table of session contexts          (ctx.c)
 *   event shard     who watches a mailbox                   (event.c)
 *     ctx.lock      a context's queue and its parked wait   (ctx.h)
 *       req.lock    whether a connection is suspended       (req.c)
 *         MHD_resume_connection, the timers' and the pool's lock
 *   throttles.lock  what users ask for; nothing under it  (throttle.c)
 */
#ifndef MX_SERVER_PRIVATE_H
#define MX_SERVER_PRIVATE_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/lock.h"
#include "server/auth.h"
#include "server/pool.h"
#include "server/server.h"
#include "server/timer.h"

struct mx_ctxs;
struct mx_deliveries;
struct mx_events;
struct mx_store;
struct mx_throttles;

struct mx_server {
	struct mx_server_params p; /* strings owned, zeros replaced */
	struct mx_store *store;
	struct mx_auth *auth;
	struct mx_pool *pool;
	struct mx_timers *timers;
	struct mx_ctxs *ctxs;
	struct mx_events *events;
	struct mx_deliveries *deliveries;
	struct mx_throttles *throttles;
	struct MHD_Daemon *mhd;
	char *cert, *key; /* PEM texts for MHD */
	uint16_t port;
	char url[128];
	FILE *log;
	struct mx_mutex log_lock;
	_Atomic bool stopping;
	_Atomic uint64_t n_requests, n_connections;
	_Atomic unsigned n_parked, n_objects;

	struct mx_mutex reqs_lock; /* for the requests in progress */
	struct mx_cond reqs_idle;
	unsigned n_reqs;    /* known to MHD */
	unsigned n_working; /* given to workers or parked, not finished */
};

/* access.c */
int mx_access_open(struct mx_server *srv, struct mx_fault *f);
/* Whether anybody reads what mx_access_write writes. */
bool mx_access_wanted(const struct mx_server *srv);
void mx_access_write(struct mx_server *srv, const struct mx_access *a);
void mx_access_close(struct mx_server *srv);

/* listen.c: the socket, bound and listening; *f says what is wrong. */
int mx_listen(struct mx_server *srv, struct mx_fault *f, int *ret_fd);
int mx_tls_load(struct mx_server *srv, struct mx_fault *f);

#endif
