/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Eight servers with a user each, in one process: what those of four servers
 * notice when the other four go wrong in four different ways.
 *
 *   bench-isolation.c  servers, blocks, figures
 *   isolation-user.c   what the users do
 *   gate.c             how servers go wrong
 *   netns.c            where names are never answered
 */
#ifndef MX_CLI_ISOLATION_H
#define MX_CLI_ISOLATION_H

#include <mapiary.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "cli/bench.h"

enum {
	ISO_GOOD = 4, /* users 0 … 3: measured, their servers are always well */
	ISO_SERVERS = 8,
};

/* Of the last user's server, which nobody can log on to. */
enum iso_never {
	ISO_NEVER_NAME, /* its name is not answered */
	ISO_NEVER_TCP,
	ISO_NEVER_TLS,
	ISO_N_NEVER,
};

/* Latencies in ns, of one kind, in one state of the world. */
struct iso_times {
	int64_t *v;
	size_t n, cap;
};

enum iso_kind {
	ISO_CALL, /* a round trip on the caller's thread */
	ISO_NEWS, /* from a change to its notification, through the engine */
	ISO_N_KINDS,
};

struct iso_user {
	struct iso *iso;
	unsigned no;
	const struct demo_user *who;
	const char *url; /* when all is well */
	LPMAPIARYUSER ctx;
	LPMAPISESSION ses;
	LPMDB store;
	LPMAPIFOLDER inbox;
	LPMAPIADVISESINK sink;
	ULONG_PTR conn;

	pthread_t thread;
	_Atomic ULONG_PTR token;
	atomic_uint done, failed; /* operations in this block */
	unsigned tries;           /* names that were asked for */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned news; /* under lock */

	struct iso_times times[2][ISO_N_KINDS]; /* [is something wrong] */
};

struct iso {
	unsigned ops; /* of a measured user in a block */
	uint16_t silent_port, unanswered_port;
	struct iso_user users[ISO_SERVERS];
	struct gates *gates;

	/* Written between blocks. */
	bool wrong;
	enum iso_never never;
	atomic_bool stop; /* the other four: enough */
};

/* Opens the user's session, store, inbox and subscription where all is well.
 * False with a message. */
bool iso_user_open(struct iso_user *u);
/* Lets go of everything; needs no server. */
void iso_user_close(struct iso_user *u);

/* Threads of a block; the argument is the user.  A measured one ends after
 * iso->ops operations; NULL, or u itself after an error (printed). */
void *iso_measured(void *user);
void *iso_other(void *user);

#endif
