/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much a user may ask for: requests a second, requests at once, and what the
 * whole server works on at once.  Only Connect and Execute are counted: what
 * ends something is never held up.
 *
 *   over the rate          429 with Retry-After
 *   the server is full     503 with Retry-After
 *   too many of a user     RopBackoff in place of the Execute's answers, after
 *                          its RopReleases.  [MS-OXCROPS] 2.2.15.2, 3.2.4.2
 *
 * Without limits and without mx_server_throttle() a request costs one load.
 */
#ifndef MX_SERVER_THROTTLE_H
#define MX_SERVER_THROTTLE_H

#include <stdbool.h>

struct mx_req;
struct mx_server;
struct mx_throttles;

int mx_throttles_new(struct mx_server *srv, struct mx_throttles **ret);
void mx_throttles_free(struct mx_throttles *ts); /* NULL is fine */

/* An authenticated request is here.  False: req->reply refuses it.  True: it is
 * counted (req->admitted) until mx_throttle_leave(), by whoever has its answer;
 * req->backoff_ms is what an Execute is to be answered with. */
bool mx_throttle_admit(struct mx_req *req);
void mx_throttle_leave(struct mx_req *req);

#endif
