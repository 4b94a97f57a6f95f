/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a channel is inside net.  The connections live in a libcurl share
 * object of the channel's own; multi handles come and go with each exchange and
 * keep nothing, and so do easy handles, but that channels in use keep theirs for
 * the next time (spare.c).  So an idle channel costs its share and its sockets,
 * and no transfer ever searches through other users' connections.
 */
#ifndef MX_NET_CHANNEL_PRIVATE_H
#define MX_NET_CHANNEL_PRIVATE_H

#include <curl/curl.h>
#include <stdatomic.h>

#include "base/list.h"
#include "net/channel.h"
#include "net/opts.h"

struct mx_serial;

struct mx_channel {
	atomic_uint refs;
	unsigned generation; /* of the process that made it */
	char *url, *server;
	char *host; /* to resolve: the server's or the proxy's; no brackets */
	unsigned port;
	bool is_literal; /* host is an address or localhost: nothing to resolve */
	bool is_loopback;
	bool is_https;
	struct mx_userctx *user;
	struct mx_net_opts opts; /* its strings are owned */

	/* Held from begin to end of an exchange; guards what follows. */
	atomic_flag busy;
	CURLSH *share;  /* made by the first exchange */
	char *resolved; /* CURLOPT_RESOLVE line; NULL: ask the resolver */
	struct mx_serial *auth_queue; /* the engine's, for slow credentials */

	/* Under the lock of spare.c. */
	CURL *spare;
	struct mx_list spare_link;
};

/* Takes the channel for one exchange: 0, -EBUSY, -ECHILD, -ENOMEM. */
int mx_channel_take(struct mx_channel *ch);
void mx_channel_give(struct mx_channel *ch);

/* spare.c: the easy handle of an exchange that ended well, for the next one of
 * the same channel; NULL when there is none. */
void mx_spare_setup(void);
CURL *mx_spare_take(struct mx_channel *ch);
void mx_spare_put(struct mx_channel *ch, CURL *easy);
void mx_spare_drop(struct mx_channel *ch);

#endif
