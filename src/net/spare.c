/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What channels keep between two exchanges, and for how long.
 *
 * Connections (the share object): until the channel has been idle for a while,
 * so that a user who does nothing costs no second connection beside his parked
 * one; at most so many in the process, the one used longest ago goes first.
 * Closing under somebody's hands cannot happen: a channel is in the lists only
 * while no exchange has it, and who takes either the channel or its connections
 * does so under the lock.
 *
 * Easy handles: to make one and to set its options costs more than all else on
 * the client's side of a round trip, so a channel keeps its own as long as it
 * keeps connections: HELD_MAX users who work cost what one costs.  Of the others
 * those that were used last keep theirs; when all of these are taken, a
 * channel that has none gets the oldest, and nothing of its options:
 * curl_easy_reset() first.  While it waits here it has no share, so no
 * connection, and nothing of a request.
 */
#include <stddef.h>
#include <sys/resource.h>

#include "base/list.h"
#include "base/lock.h"
#include "net/channel-private.h"
#include "net/fork.h"

#define SPARES_MAX 64
/* Of those that come and go with connections: what is freed between what stays
 * is not given back to the system, and idle users are to be small. */
#define HELD_MAX 1024
/* A TLS connection is dearer, in memory and to make again. */
#define IDLE_PLAIN_MS 20000
#define IDLE_TLS_MS 60000
/* Closed at one go by the engine, which has other things to do. */
#define CLOSE_MAX 256
/* Without a descriptor for a new connection, so many old ones go. */
#define CLOSE_IN_NEED 64

enum kind {
	PLAIN,
	TLS,
	N_KINDS,
};

static struct {
	struct mx_mutex lock;
	/* Of channels with an easy handle and no connections, last used last. */
	struct mx_list lru;
	size_t n, n_held;             /* in lru; with connections */
	struct mx_list idle[N_KINDS]; /* with connections, last used last */
	size_t n_idle, max_idle;
} spares = {
	.lock = MX_MUTEX_INIT,
	.lru = {&spares.lru, &spares.lru},
	.idle = {{&spares.idle[PLAIN], &spares.idle[PLAIN]},
		 {&spares.idle[TLS], &spares.idle[TLS]}},
};

/* The parent's are leaked, as everything of libcurl's is. */
static void after_fork(void)
{
	mx_mutex_init(&spares.lock);
	mx_list_init(&spares.lru);
	for (int k = 0; k < N_KINDS; k++)
		mx_list_init(&spares.idle[k]);
	spares.n = spares.n_held = spares.n_idle = 0;
}

/* --- Under the lock ----------------------------------------------------- */

static CURL *take_easy(struct mx_channel *ch)
{
	CURL *e = ch->spare;

	if (e && ch->spare_is_loose) {
		mx_list_unlink(&ch->spare_link);
		spares.n--;
	} else if (e) {
		spares.n_held--;
	}
	ch->spare_is_loose = false;
	ch->spare = NULL;
	return e;
}

static CURL *take_oldest_easy(void)
{
	return take_easy(MX_CONTAINER_OF(spares.lru.next, struct mx_channel,
					 spare_link));
}

/* The channel's handle is no longer held by its connections; one too many is
 * returned. */
static CURL *loosen_easy(struct mx_channel *ch)
{
	if (!ch->spare || ch->spare_is_loose)
		return NULL;
	spares.n_held--;
	ch->spare_is_loose = true;
	mx_list_push_tail(&spares.lru, &ch->spare_link);
	return ++spares.n > SPARES_MAX ? take_oldest_easy() : NULL;
}

static void unlink_idle(struct mx_channel *ch)
{
	if (!ch->is_idle)
		return;
	mx_list_unlink(&ch->idle_link);
	ch->is_idle = false;
	spares.n_idle--;
}

/* What is freed outside the lock. */
struct old {
	CURLSH *share;
	CURL *easy;
};

static struct old take_share(struct mx_channel *ch)
{
	struct old old = {.share = ch->share};

	unlink_idle(ch);
	ch->share = NULL;
	old.easy = loosen_easy(ch);
	return old;
}

static struct mx_channel *oldest_idle(enum kind k)
{
	return mx_list_empty(&spares.idle[k])
		       ? NULL
		       : MX_CONTAINER_OF(spares.idle[k].next, struct mx_channel,
					 idle_link);
}

/* Of both kinds. */
static struct mx_channel *oldest(void)
{
	struct mx_channel *a = oldest_idle(PLAIN), *b = oldest_idle(TLS);

	if (!a || !b)
		return a ? a : b;
	return a->idle_since.ns < b->idle_since.ns ? a : b;
}

/* --- Connections -------------------------------------------------------- */

static void close_old(struct old old)
{
	if (old.easy)
		curl_easy_cleanup(old.easy);
	if (old.share)
		curl_share_cleanup(old.share);
}

void mx_idle_end(struct mx_channel *ch)
{
	mx_mutex_lock(&spares.lock);
	unlink_idle(ch);
	mx_mutex_unlock(&spares.lock);
}

/* As many as leave descriptors for the parked connections and the program. */
static size_t max_idle_locked(void) MX_LOCKED
{
	struct rlimit rl;

	if (!spares.max_idle) {
		spares.max_idle = 65536;
		if (!getrlimit(RLIMIT_NOFILE, &rl) && rl.rlim_cur < UINT32_MAX)
			spares.max_idle = (size_t)rl.rlim_cur / 4 * 3 + 1;
	}
	return spares.max_idle;
}

void mx_idle_begin(struct mx_channel *ch)
{
	struct old old = {0};

	if (!ch->share)
		return;
	mx_mutex_lock(&spares.lock);
	ch->idle_since = mx_mono_now();
	ch->is_idle = true;
	mx_list_push_tail(&spares.idle[ch->is_https ? TLS : PLAIN],
			  &ch->idle_link);
	if (++spares.n_idle > max_idle_locked())
		old = take_share(oldest());
	mx_mutex_unlock(&spares.lock);
	close_old(old);
}

bool mx_idle_close(struct mx_channel *ch)
{
	struct old old = {0};
	bool idle;

	mx_mutex_lock(&spares.lock);
	idle = ch->is_idle;
	if (idle) {
		old.easy = take_easy(ch);
		old.share = take_share(ch).share;
	}
	mx_mutex_unlock(&spares.lock);
	close_old(old);
	return idle;
}

static struct old take_older(enum kind k, int64_t than_ns)
{
	struct mx_channel *ch;
	struct old old = {0};

	mx_mutex_lock(&spares.lock);
	ch = oldest_idle(k);
	if (ch && ch->idle_since.ns <= than_ns)
		old = take_share(ch);
	mx_mutex_unlock(&spares.lock);
	return old;
}

void mx_net_close_idle(mx_mono now)
{
	static const int64_t ms[N_KINDS] = {IDLE_PLAIN_MS, IDLE_TLS_MS};
	struct old old;

	for (int k = 0, n = 0; k < N_KINDS; k++)
		while (n++ < CLOSE_MAX &&
		       (old = take_older(k, now.ns - ms[k] * MX_NS_PER_MS))
			       .share)
			close_old(old);
}

bool mx_idle_need(void)
{
	struct old old[CLOSE_IN_NEED];
	struct mx_channel *ch;
	size_t n = 0;

	mx_mutex_lock(&spares.lock);
	while (n < CLOSE_IN_NEED && (ch = oldest()))
		old[n++] = take_share(ch);
	mx_mutex_unlock(&spares.lock);
	for (size_t i = 0; i < n; i++)
		close_old(old[i]);
	return n > 0;
}

/* --- Easy handles ------------------------------------------------------- */

CURL *mx_spare_take(struct mx_channel *ch, bool *ret_blank)
{
	bool other = false;
	CURL *e;

	mx_mutex_lock(&spares.lock);
	e = take_easy(ch);
	if (!e && spares.n == SPARES_MAX) {
		other = true;
		e = take_oldest_easy();
	}
	mx_mutex_unlock(&spares.lock);
	if (other)
		curl_easy_reset(e);
	*ret_blank = other;
	return e;
}

void mx_spare_put(struct mx_channel *ch, CURL *easy)
{
	CURL *old;

	mx_mutex_lock(&spares.lock);
	old = take_easy(ch);
	ch->spare = easy;
	spares.n_held++;
	if (!ch->share || spares.n_held > HELD_MAX)
		old = loosen_easy(ch);
	mx_mutex_unlock(&spares.lock);
	if (old)
		curl_easy_cleanup(old);
}

void mx_spare_setup(void)
{
	mx_net_on_fork(after_fork);
}

void mx_spare_drop(struct mx_channel *ch)
{
	CURL *e;

	mx_mutex_lock(&spares.lock);
	e = take_easy(ch);
	mx_mutex_unlock(&spares.lock);
	if (e)
		curl_easy_cleanup(e);
}
