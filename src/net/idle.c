/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections between two exchanges: a channel keeps them until it has been idle
 * for a while, so that a user who does nothing costs no second connection beside
 * his parked one; at most so many channels in the process, then one of those
 * used longest ago loses them.
 *
 * All channels that have a share are in a list, also while they are used: an
 * exchange only notes the time when it ends, in its own channel, and takes no
 * lock here.  Whoever looks through the list takes what is due from the head, if
 * no exchange has it (CLOSING, for the moment of taking the share out of it), and
 * puts what is not behind the others.
 */
#include <stddef.h>
#include <sys/resource.h>

#include "base/lock.h"
#include "net/channel-private.h"
#include "net/fork.h"

/* A TLS connection is dearer, in memory and to make again. */
#define IDLE_PLAIN_MS 20000
#define IDLE_TLS_MS 60000
/* Closed, and looked at, at one go by the engine, which has other things to
 * do. */
#define CLOSE_MAX 256
#define SCAN_MAX 2048
/* Looked at for one that was used long ago. */
#define CHOICE 32
/* Without a descriptor for a new connection, so many old ones go. */
#define CLOSE_IN_NEED 64

enum kind {
	PLAIN,
	TLS,
	N_KINDS,
};

static struct {
	struct mx_mutex lock;
	struct mx_list list[N_KINDS]; /* looked at last, last */
	size_t n, max;
} idle = {
	.lock = MX_MUTEX_INIT,
	.list = {{&idle.list[PLAIN], &idle.list[PLAIN]},
		 {&idle.list[TLS], &idle.list[TLS]}},
};

/* The parent's are leaked, as everything of libcurl's is. */
static void after_fork(void)
{
	mx_mutex_init(&idle.lock);
	for (int k = 0; k < N_KINDS; k++)
		mx_list_init(&idle.list[k]);
	idle.n = 0;
}

void mx_idle_setup(void)
{
	mx_net_on_fork(after_fork);
}

static struct mx_channel *channel_of(struct mx_list *link)
{
	return MX_CONTAINER_OF(link, struct mx_channel, idle_link);
}

static int64_t since_ns(const struct mx_channel *ch)
{
	return atomic_load_explicit(&ch->idle_since_ns, memory_order_relaxed);
}

static void unlink_locked(struct mx_channel *ch) MX_LOCKED
{
	mx_list_unlink(&ch->idle_link);
	idle.n--;
}

/* NULL when an exchange has the channel. */
static CURLSH *take_share_locked(struct mx_channel *ch) MX_LOCKED
{
	unsigned was = MX_CHANNEL_FREE;
	CURLSH *s;

	if (!atomic_compare_exchange_strong_explicit(
		    &ch->state, &was, MX_CHANNEL_CLOSING, memory_order_acquire,
		    memory_order_relaxed))
		return NULL;
	unlink_locked(ch);
	s = ch->share;
	ch->share = NULL;
	atomic_store_explicit(&ch->state, MX_CHANNEL_FREE,
			      memory_order_release);
	return s;
}

/* Of the first few that no exchange has, or NULL. */
static struct mx_channel *oldest_locked(void) MX_LOCKED
{
	struct mx_channel *oldest = NULL;

	for (int k = 0; k < N_KINDS; k++) {
		unsigned n = 0;

		MX_LIST_FOR_EACH(it, &idle.list[k]) {
			struct mx_channel *ch = channel_of(it);

			if (n++ == CHOICE)
				break;
			if (atomic_load(&ch->state) == MX_CHANNEL_FREE &&
			    (!oldest || since_ns(ch) < since_ns(oldest)))
				oldest = ch;
		}
	}
	return oldest;
}

static CURLSH *take_oldest_locked(void) MX_LOCKED
{
	struct mx_channel *ch = oldest_locked();

	return ch ? take_share_locked(ch) : NULL;
}

/* As many as leave descriptors for the parked connections and the program. */
static size_t max_locked(void) MX_LOCKED
{
	struct rlimit rl;

	if (!idle.max) {
		idle.max = 65536;
		if (!getrlimit(RLIMIT_NOFILE, &rl) && rl.rlim_cur < UINT32_MAX)
			idle.max = (size_t)rl.rlim_cur / 4 * 3 + 1;
	}
	return idle.max;
}

void mx_idle_enter(struct mx_channel *ch)
{
	CURLSH *old = NULL;

	mx_mutex_lock(&idle.lock);
	mx_list_push_tail(&idle.list[ch->to->is_https ? TLS : PLAIN],
			  &ch->idle_link);
	if (++idle.n > max_locked())
		old = take_oldest_locked();
	mx_mutex_unlock(&idle.lock);
	if (old)
		curl_share_cleanup(old);
}

void mx_idle_leave(struct mx_channel *ch)
{
	mx_mutex_lock(&idle.lock);
	unlink_locked(ch);
	mx_mutex_unlock(&idle.lock);
}

void mx_idle_wait(void)
{
	mx_mutex_lock(&idle.lock);
	mx_mutex_unlock(&idle.lock);
}

/* Those of a kind that have been idle since then; how many. */
static size_t take_due_locked(enum kind k, int64_t than_ns,
			      CURLSH **ret) MX_LOCKED
{
	struct mx_list *first = NULL, *it;
	size_t n = 0, seen = 0;

	while (n < CLOSE_MAX && seen++ < SCAN_MAX &&
	       (it = idle.list[k].next) != &idle.list[k] && it != first) {
		struct mx_channel *ch = channel_of(it);

		ret[n] = since_ns(ch) <= than_ns ? take_share_locked(ch) : NULL;
		if (ret[n]) {
			n++;
			continue;
		}
		mx_list_unlink(it);
		mx_list_push_tail(&idle.list[k], it);
		first = first ? first : it;
	}
	return n;
}

void mx_net_close_idle(mx_mono now)
{
	static const int64_t ms[N_KINDS] = {IDLE_PLAIN_MS, IDLE_TLS_MS};
	CURLSH *old[CLOSE_MAX];
	size_t n;

	for (int k = 0; k < N_KINDS; k++) {
		mx_mutex_lock(&idle.lock);
		n = take_due_locked((enum kind)k, now.ns - ms[k] * MX_NS_PER_MS,
				    old);
		mx_mutex_unlock(&idle.lock);
		while (n)
			curl_share_cleanup(old[--n]);
	}
}

bool mx_idle_need(void)
{
	CURLSH *old[CLOSE_IN_NEED];
	size_t n = 0, all;

	mx_mutex_lock(&idle.lock);
	while (n < CLOSE_IN_NEED && (old[n] = take_oldest_locked()))
		n++;
	mx_mutex_unlock(&idle.lock);
	all = n;
	while (n)
		curl_share_cleanup(old[--n]);
	return all > 0;
}
