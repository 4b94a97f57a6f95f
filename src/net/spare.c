/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Easy handles between two exchanges.  To make one and to set its options costs
 * more than all else on the client's side of a round trip; so does to fetch
 * one from memory that was last used ten thousand users ago, its dozens of small
 * blocks with it.  So they belong to nobody: whoever comes next takes the one
 * that was used last and is still in the cache.  As many are kept as exchanges
 * run at a time.
 *
 * What goes with them is the URL and the options (struct mx_target), which do
 * not say for whom.  Connections and TLS sessions are the share's, which is the
 * channel's; headers, body and callbacks' arguments are the request's.  There are
 * no cookies and no authentication in libcurl's sense.
 */
#include <string.h>

#include "base/lock.h"
#include "net/channel-private.h"
#include "net/fork.h"

#define SPARES_MAX 64

static struct {
	struct mx_mutex lock;          /* guards all of it */
	struct mx_spare v[SPARES_MAX]; /* used last, last */
	size_t n;
} spares = {.lock = MX_MUTEX_INIT};

/* The parent's are leaked, as everything of libcurl's is. */
static void after_fork(void)
{
	mx_mutex_init(&spares.lock);
	spares.n = 0;
}

void mx_spare_setup(void)
{
	mx_net_on_fork(after_fork);
}

static void spare_free(struct mx_spare s)
{
	if (s.easy)
		curl_easy_cleanup(s.easy);
	mx_target_unref(s.of);
}

static struct mx_spare remove_locked(size_t i) MX_LOCKED
{
	struct mx_spare s = spares.v[i];

	spares.n--;
	memmove(&spares.v[i], &spares.v[i + 1],
		(spares.n - i) * sizeof(spares.v[0]));
	return s;
}

static struct mx_spare find_locked(const struct mx_target *t) MX_LOCKED
{
	for (size_t i = spares.n; i-- > 0;)
		if (spares.v[i].of == t)
			return remove_locked(i);
	for (size_t i = spares.n; i-- > 0;)
		if (mx_target_same_options(spares.v[i].of, t))
			return remove_locked(i);
	return (struct mx_spare){NULL, NULL};
}

struct mx_spare mx_spare_take(const struct mx_target *t)
{
	struct mx_spare s;

	mx_mutex_lock(&spares.lock);
	s = find_locked(t);
	mx_mutex_unlock(&spares.lock);
	return s;
}

void mx_spare_put(struct mx_spare s)
{
	struct mx_spare old = {NULL, NULL};

	mx_mutex_lock(&spares.lock);
	if (spares.n == SPARES_MAX)
		old = remove_locked(0);
	spares.v[spares.n++] = s;
	mx_mutex_unlock(&spares.lock);
	spare_free(old);
}

void mx_spare_trim(void)
{
	struct mx_spare v[SPARES_MAX];
	size_t n;

	mx_mutex_lock(&spares.lock);
	n = spares.n;
	memcpy(v, spares.v, sizeof(v));
	spares.n = 0;
	mx_mutex_unlock(&spares.lock);
	while (n)
		spare_free(v[--n]);
}
