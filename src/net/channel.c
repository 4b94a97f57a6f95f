/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/channel.h"

#include <errno.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/lines.h"
#include "base/lock.h"
#include "net/channel-private.h"
#include "net/fork.h"
#include "net/serial.h"

/* FREE to BUSY.  0, -EBUSY, -ECHILD. */
static int occupy(struct mx_channel *ch)
{
	unsigned was;

	if (ch->generation != mx_net_generation())
		return -ECHILD;
	for (;;) {
		was = MX_CHANNEL_FREE;
		if (atomic_compare_exchange_strong_explicit(
			    &ch->state, &was, MX_CHANNEL_BUSY,
			    memory_order_acquire, memory_order_relaxed))
			return 0;
		if (was == MX_CHANNEL_BUSY)
			return -EBUSY;
		mx_idle_wait();
	}
}

static void drop_share(struct mx_channel *ch)
{
	CURLSH *s = ch->share;

	if (!s)
		return;
	mx_idle_leave(ch);
	ch->share = NULL;
	curl_share_cleanup(s);
}

static void channel_free(struct mx_channel *ch)
{
	if (ch->generation == mx_net_generation()) {
		mx_assert_unlocked();
		occupy(ch);
		drop_share(ch);
		mx_serial_unref(ch->auth_queue);
		mx_target_unref(ch->to);
	}
	mx_userctx_unref(ch->user);
	free(ch->resolved);
	free(ch);
}

struct mx_channel *mx_channel_ref(struct mx_channel *ch)
{
	atomic_fetch_add_explicit(&ch->refs, 1, memory_order_relaxed);
	return ch;
}

void mx_channel_unref(struct mx_channel *ch)
{
	if (ch &&
	    atomic_fetch_sub_explicit(&ch->refs, 1, memory_order_acq_rel) == 1)
		channel_free(ch);
}

int mx_channel_new(const char *url, struct mx_userctx *user,
		   const struct mx_net_opts *opts, struct mx_channel **ret,
		   struct mx_fault *fault)
{
	MX_AUTO(mx_channel_auto) struct mx_channel *ch = NULL;
	int err = mx_net_setup();

	if (!err) {
		mx_spare_setup();
		mx_idle_setup();
		/* What an exchange reads of it is in as few lines as can be. */
		ch = mx_lines_calloc(sizeof(*ch));
		err = ch ? 0 : -ENOMEM;
	}
	if (!err) {
		ch->generation = mx_net_generation();
		atomic_init(&ch->refs, 1);
		mx_list_init(&ch->idle_link);
		err = mx_target_get(url, opts, mx_userctx_display(user),
				    &ch->to, fault);
	}
	if (err == -ENOMEM)
		mx_fault_set(fault, MX_LAYER_LOCAL, ENOMEM, err,
			     "out of memory");
	if (err)
		return err;
	ch->user = mx_userctx_ref(user);
	*ret = MX_STEAL(ch);
	return 0;
}

static CURLSH *share_new(bool tls)
{
	CURLSH *s = curl_share_init();

	/* No lock functions: whoever has the channel is alone. */
	if (s &&
	    (curl_share_setopt(s, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) ||
	     (tls && curl_share_setopt(s, CURLSHOPT_SHARE,
				       CURL_LOCK_DATA_SSL_SESSION)))) {
		curl_share_cleanup(s);
		s = NULL;
	}
	return s;
}

/* What libcurl reads of a share, its connection cache among it. */
#define SHARE_HOT 192

int mx_channel_take(struct mx_channel *ch)
{
	int err = occupy(ch);

	if (err)
		return err;
	mx_userctx_prefetch(ch->user);
	mx_lines_prefetch(ch->share, SHARE_HOT);
	ch->lone = ch->thrifty && !ch->was_quick;
	if (ch->lone) {
		drop_share(ch);
		return 0;
	}
	if (ch->share)
		return 0;
	ch->share = share_new(ch->to->is_https);
	if (ch->share) {
		mx_idle_enter(ch);
		return 0;
	}
	mx_channel_give(ch);
	return -ENOMEM;
}

void mx_channel_give(struct mx_channel *ch)
{
	atomic_store_explicit(&ch->idle_since_ns, mx_mono_now().ns,
			      memory_order_relaxed);
	atomic_store_explicit(&ch->state, MX_CHANNEL_FREE,
			      memory_order_release);
}

void mx_channel_set_thrifty(struct mx_channel *ch)
{
	const char *proxy = ch->to->opts.proxy;

	ch->thrifty = !ch->to->is_https && !(proxy && *proxy);
}

int mx_channel_close_idle(struct mx_channel *ch)
{
	int err = occupy(ch);

	if (err)
		return err;
	drop_share(ch);
	mx_channel_give(ch);
	return 0;
}

const char *mx_channel_server(const struct mx_channel *ch)
{
	return ch->to->server;
}

const char *mx_channel_url(const struct mx_channel *ch)
{
	return ch->to->url;
}

struct mx_userctx *mx_channel_user(const struct mx_channel *ch)
{
	return ch->user;
}
