/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Easy handles between two exchanges.  To make one and to set its options costs
 * more than all else on the client's side of a round trip, so the channels that
 * were used last keep theirs, so many in the process and no more.  A handle never
 * changes the channel, and with it the user; while it waits here it has no
 * share, so no connection, and nothing of a request.
 */
#include <stddef.h>

#include "base/list.h"
#include "base/lock.h"
#include "net/channel-private.h"
#include "net/fork.h"

#define SPARES_MAX 64

static struct {
	struct mx_mutex lock;
	struct mx_list lru; /* of channels, the last used last */
	size_t n;
} spares = {
	.lock = MX_MUTEX_INIT,
	.lru = {&spares.lru, &spares.lru},
};

/* The parent's are leaked, as everything of libcurl's is. */
static void after_fork(void)
{
	mx_mutex_init(&spares.lock);
	mx_list_init(&spares.lru);
	spares.n = 0;
}

/* Under the lock. */
static CURL *take(struct mx_channel *ch)
{
	CURL *e = ch->spare;

	if (e) {
		mx_list_unlink(&ch->spare_link);
		spares.n--;
	}
	ch->spare = NULL;
	return e;
}

CURL *mx_spare_take(struct mx_channel *ch)
{
	CURL *e;

	mx_mutex_lock(&spares.lock);
	e = take(ch);
	mx_mutex_unlock(&spares.lock);
	return e;
}

void mx_spare_put(struct mx_channel *ch, CURL *easy)
{
	CURL *old;

	mx_mutex_lock(&spares.lock);
	old = take(ch);
	ch->spare = easy;
	mx_list_push_tail(&spares.lru, &ch->spare_link);
	if (++spares.n > SPARES_MAX)
		old = take(MX_CONTAINER_OF(spares.lru.next, struct mx_channel,
					   spare_link));
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
	CURL *e = mx_spare_take(ch);

	if (e)
		curl_easy_cleanup(e);
}
