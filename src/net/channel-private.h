/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a channel is inside net.  Its connections are its own, in one of two
 * ways, and no transfer ever searches through other users' connections:
 *
 *   a libcurl share object: the connections between exchanges are there
 *   none is kept, for thrifty channels without TLS and proxy, unless they are
 *     at work: one exchange, one connection; a share costs 9 KiB
 *
 * Multi handles come and go with each exchange and keep nothing, and so do easy
 * handles, but that channels in use keep theirs for the next time; a channel
 * that has not been used for a while closes its connections (spare.c).
 */
#ifndef MX_NET_CHANNEL_PRIVATE_H
#define MX_NET_CHANNEL_PRIVATE_H

#include <curl/curl.h>
#include <stdatomic.h>

#include "base/clock.h"
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
	bool thrifty;
	struct mx_userctx *user;
	struct mx_net_opts opts; /* its strings are owned */

	/* Held from begin to end of an exchange; guards what follows. */
	atomic_flag busy;
	CURLSH *share;  /* made by the first exchange; see is_idle */
	bool lone;      /* this exchange has no share, its connection no next */
	bool was_quick; /* the last one was answered soon */
	CURLU *parsed;  /* url, for easy handles; made by the first exchange */
	char *resolved; /* CURLOPT_RESOLVE line; NULL: ask the resolver */
	struct mx_serial *auth_queue; /* the engine's, for slow credentials */

	/* Under the lock of spare.c; so is share while is_idle. */
	CURL *spare;
	bool spare_is_loose; /* in the list of those without connections */
	struct mx_list spare_link;
	struct mx_list idle_link;
	mx_mono idle_since;
	bool is_idle;
};

/* Takes the channel for one exchange: 0, -EBUSY, -ECHILD, -ENOMEM. */
int mx_channel_take(struct mx_channel *ch);
void mx_channel_give(struct mx_channel *ch);

/* spare.c: from begin to end the channel's connections may be closed by others,
 * which leaves it without a share. */
void mx_idle_begin(struct mx_channel *ch);
void mx_idle_end(struct mx_channel *ch);
/* Closes them; false when an exchange has the channel. */
bool mx_idle_close(struct mx_channel *ch);
/* Descriptors are wanted: closes some.  False when there was none to close. */
bool mx_idle_need(void);

/* The easy handle of an exchange that ended well, for the next one of the same
 * channel; or another's, *ret_blank: without any option; NULL: make one. */
void mx_spare_setup(void);
CURL *mx_spare_take(struct mx_channel *ch, bool *ret_blank);
void mx_spare_put(struct mx_channel *ch, CURL *easy);
void mx_spare_drop(struct mx_channel *ch);

#endif
