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
 * the client's side of a round trip, so the channels that were used last keep
 * theirs.  While it waits here it has no share, so no connection, and nothing of
 * a request.  When all of them are taken by channels that rest, a busy one gets
 * the oldest, and nothing of its options: curl_easy_reset() first.
 */
#include <stddef.h>
#include <sys/resource.h>

#include "base/list.h"
#include "base/lock.h"
#include "net/channel-private.h"
#include "net/fork.h"

#define SPARES_MAX 64
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
	struct mx_list
		lru; /* of channels with an easy handle, last used last */
	size_t n;
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
	spares.n = spares.n_idle = 0;
}

/* --- Under the lock ----------------------------------------------------- */

static CURL *take_easy(struct mx_channel *ch)
{
	CURL *e = ch->spare;

	if (e) {
		mx_list_unlink(&ch->spare_link);
		spares.n--;
	}
	ch->spare = NULL;
	return e;
}

static void unlink_idle(struct mx_channel *ch)
{
	if (!ch->is_idle)
		return;
	mx_list_unlink(&ch->idle_link);
	ch->is_idle = false;
	spares.n_idle--;
}

static CURLSH *take_share(struct mx_channel *ch)
{
	CURLSH *s = ch->share;

	unlink_idle(ch);
	ch->share = NULL;
	return s;
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

static void close_share(CURLSH *s)
{
	if (s)
		curl_share_cleanup(s);
}

void mx_idle_end(struct mx_channel *ch)
{
	mx_mutex_lock(&spares.lock);
	unlink_idle(ch);
	mx_mutex_unlock(&spares.lock);
}

/* As many as leave descriptors for the parked connections and the program. */
static size_t max_idle_locked(void)
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
	CURLSH *old = NULL;

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
	close_share(old);
}

bool mx_idle_close(struct mx_channel *ch)
{
	CURLSH *s = NULL;
	CURL *e = NULL;
	bool idle;

	mx_mutex_lock(&spares.lock);
	idle = ch->is_idle;
	if (idle) {
		s = take_share(ch);
		e = take_easy(ch);
	}
	mx_mutex_unlock(&spares.lock);
	if (e)
		curl_easy_cleanup(e);
	close_share(s);
	return idle;
}

static CURLSH *take_older(enum kind k, int64_t than_ns)
{
	struct mx_channel *ch;
	CURLSH *s = NULL;

	mx_mutex_lock(&spares.lock);
	ch = oldest_idle(k);
	if (ch && ch->idle_since.ns <= than_ns)
		s = take_share(ch);
	mx_mutex_unlock(&spares.lock);
	return s;
}

void mx_net_close_idle(mx_mono now)
{
	static const int64_t ms[N_KINDS] = {IDLE_PLAIN_MS, IDLE_TLS_MS};
	CURLSH *s;

	for (int k = 0, n = 0; k < N_KINDS; k++)
		while (n++ < CLOSE_MAX &&
		       (s = take_older(k, now.ns - ms[k] * MX_NS_PER_MS)))
			close_share(s);
}

bool mx_idle_need(void)
{
	CURLSH *s[CLOSE_IN_NEED];
	struct mx_channel *ch;
	size_t n = 0;

	mx_mutex_lock(&spares.lock);
	while (n < CLOSE_IN_NEED && (ch = oldest()))
		s[n++] = take_share(ch);
	mx_mutex_unlock(&spares.lock);
	for (size_t i = 0; i < n; i++)
		close_share(s[i]);
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
		e = take_easy(MX_CONTAINER_OF(spares.lru.next,
					      struct mx_channel, spare_link));
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
	mx_list_push_tail(&spares.lru, &ch->spare_link);
	if (++spares.n > SPARES_MAX)
		old = take_easy(MX_CONTAINER_OF(spares.lru.next,
						struct mx_channel, spare_link));
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
