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
 * handles (spare.c); a channel that has not been used for a while closes its
 * connections (idle.c).
 */
#ifndef MX_NET_CHANNEL_PRIVATE_H
#define MX_NET_CHANNEL_PRIVATE_H

#include <assert.h>
#include <curl/curl.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/lines.h"
#include "base/list.h"
#include "net/channel.h"
#include "net/target.h"

struct mx_serial;

/* Who may touch what is the exchange's:
 *
 *   FREE ──take──► BUSY ──give──► FREE
 *    └─idle.c──► CLOSING ──► FREE      under its lock, for a moment */
enum mx_channel_state {
	MX_CHANNEL_FREE,
	MX_CHANNEL_BUSY,
	MX_CHANNEL_CLOSING,
};

/* Its first cache line is all that an exchange touches of it. */
struct mx_channel {
	atomic_uint refs;
	unsigned generation; /* of the process that made it */
	const struct mx_target *to;
	struct mx_userctx *user;

	atomic_uint state; /* enum mx_channel_state; guards what follows */
	bool lone;      /* this exchange has no share, its connection no next */
	bool was_quick; /* the last one was answered soon */
	bool thrifty;
	CURLSH *share;  /* made by the first exchange */
	char *resolved; /* CURLOPT_RESOLVE line; NULL: ask the resolver */
	_Atomic int64_t idle_since_ns;
	struct mx_serial *auth_queue; /* the engine's, for slow credentials */

	/* Not for an exchange. */
	struct mx_list idle_link; /* idle.c's, under its lock; while share */
} __attribute__((aligned(MX_LINE)));

static_assert(offsetof(struct mx_channel, idle_link) == MX_LINE, "one line");

/* Takes the channel for one exchange: 0, -EBUSY, -ECHILD, -ENOMEM. */
int mx_channel_take(struct mx_channel *ch);
void mx_channel_give(struct mx_channel *ch);

/* idle.c: all channels with connections.  Enter and leave with the channel
 * taken; enter may close another's. */
void mx_idle_setup(void);
void mx_idle_enter(struct mx_channel *ch);
void mx_idle_leave(struct mx_channel *ch);
/* Until no channel is CLOSING that was. */
void mx_idle_wait(void);
/* Descriptors are wanted: closes some.  False when there was none to close. */
bool mx_idle_need(void);

/* spare.c: the easy handle of an exchange that ended well, for the next one, of
 * whichever channel; it has the URL and the options of a target, and nothing
 * else.  easy NULL: there is none for these options, make one. */
struct mx_spare {
	CURL *easy;
	const struct mx_target *of; /* a reference that goes with it */
};
void mx_spare_setup(void);
struct mx_spare mx_spare_take(const struct mx_target *t);
void mx_spare_put(struct mx_spare s);
/* Frees them all. */
void mx_spare_trim(void);

#endif
