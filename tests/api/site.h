/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server in this process with users "u0" to "u3", its log, and the segment that
 * its clients share, looked at from outside: they are other processes (kid.h).
 */
#ifndef MX_TESTS_API_SITE_H
#define MX_TESTS_API_SITE_H

#include <stdbool.h>

#include "base/lock.h"
#include "server/server.h"

/* One finished Connect or Execute. */
struct site_entry {
	char user[8];
	bool refused;
};

struct site {
	struct mx_server *srv;
	char segment[300];
	struct mx_mutex lock;
	struct site_entry log[4096];
	unsigned n;
};

/* Each gets a segment of its own, of which MAPIARY_SEGMENT tells kids that start
 * from then on. */
struct site *site_new(const struct mx_server_params *limits);
/* Stops the server; its log stays. */
void site_stop(struct site *t);
void site_free(struct site *t);

/* Requests of user "uN" that the server refused; all of them when it has been
 * stopped: a line is written after its answer has left. */
unsigned site_refused(struct site *t, unsigned user);
/* Session contexts on the server. */
unsigned site_contexts(struct site *t);
/* Waits until n sessions wait for their place in a budget. */
void site_await_waiting(struct site *t, unsigned n);

#endif
