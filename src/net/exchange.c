/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exchange on the caller's thread.  Multi handles are kept in a small pool:
 * they hold no connection (those are the channel's), only a wake-up pair and
 * tables that are dear to make.
 */
#include "net/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/lock.h"
#include "net/credentials.h"
#include "net/fork.h"
#include "net/curlm.h"
#include "net/resolve.h"
#include "net/xfer-run.h"
#include "net/xfer.h"

#define POOL_MAX 16

static struct {
	struct mx_mutex lock; /* guards all of it */
	struct mx_curlm v[POOL_MAX];
	size_t n;
} pool = {.lock = MX_MUTEX_INIT};

/* The parent's are leaked: their wake-up pairs are the parent's too. */
static void pool_after_fork(void)
{
	mx_mutex_init(&pool.lock);
	pool.n = 0;
}

static int multi_get(struct mx_curlm *ret)
{
	bool got = false;

	mx_mutex_lock(&pool.lock);
	if (pool.n) {
		*ret = pool.v[--pool.n];
		got = true;
	}
	mx_mutex_unlock(&pool.lock);
	if (got)
		return 0;
	mx_net_on_fork(pool_after_fork);
	return mx_curlm_open(ret);
}

static void multi_put(struct mx_curlm *m)
{
	bool kept = false;

	mx_mutex_lock(&pool.lock);
	if (pool.n < POOL_MAX) {
		pool.v[pool.n++] = *m;
		kept = true;
	}
	mx_mutex_unlock(&pool.lock);
	if (!kept)
		mx_curlm_close(m);
}

void mx_exchange_trim(void)
{
	struct mx_curlm v[POOL_MAX];
	size_t n;

	mx_mutex_lock(&pool.lock);
	n = pool.n;
	memcpy(v, pool.v, sizeof(v));
	pool.n = 0;
	mx_mutex_unlock(&pool.lock);
	while (n)
		mx_curlm_close(&v[--n]);
	mx_spare_trim();
}

static int resolve(struct mx_xfer *x)
{
	MX_AUTO(mx_free_auto) char *addrs = NULL;
	const char *why = "the name servers do not answer";
	int err = mx_xfer_needs_resolve(x);

	if (err <= 0)
		return err ? mx_xfer_fail(x, MX_XWHY_LOCAL, err,
					  "out of memory")
			   : 0;
	mx_xfer_set_phase(x, MX_XPHASE_RESOLVE);
	err = mx_resolve_wait(x->ch->to->host, mx_xfer_due(x), x->req->cancel,
			      &addrs, &why);
	if (!err)
		err = mx_xfer_set_addrs(x, addrs);
	if (!err) {
		x->last = mx_mono_now();
		return 0;
	}
	return mx_xfer_resolve_failed(x, err, why);
}

static int prepare(struct mx_xfer *x)
{
	MX_AUTO(mx_secret_auto) struct mx_secret auth = MX_SECRET_INIT;
	int err =
		mx_auth_header(x->ch->user, x->ch->to->server, &auth, x->fault);

	if (err)
		return mx_xfer_fail(x, MX_XWHY_CREDS, err, NULL);
	err = mx_xfer_prepare(x, auth.p);
	if (err)
		return mx_xfer_fail(x, MX_XWHY_LOCAL, err,
				    err == -EINVAL ? "a header value with a "
						     "line end in it"
						   : "out of memory");
	return 0;
}

static void wake_multi(void *arg)
{
	curl_multi_wakeup(arg);
}

/* True with *ret_rc when the transfer is over. */
static bool take_message(struct mx_xfer *x, CURLM *m, CURLcode *ret_rc)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(m, &left)))
		if (msg->msg == CURLMSG_DONE) {
			*ret_rc = msg->data.result;
			mx_xfer_unshare(x);
			return true;
		}
	return false;
}

static enum mx_xwhy turn(struct mx_xfer *x, CURLM *m, CURLcode *ret_rc)
{
	enum mx_xwhy over;
	int running;
	int64_t ms;

	for (;;) {
		if (curl_multi_perform(m, &running) != CURLM_OK) {
			*ret_rc = CURLE_OUT_OF_MEMORY;
			return MX_XWHY_OK;
		}
		if (take_message(x, m, ret_rc))
			return MX_XWHY_OK;
		if (mx_cancel_fired(x->req->cancel))
			return MX_XWHY_CANCELED;
		over = mx_xfer_overdue(x);
		if (over != MX_XWHY_OK)
			return over;
		ms = mx_mono_left_ms(mx_xfer_due(x));
		curl_multi_poll(m, NULL, 0, ms > 60000 ? 60000 : (int)ms, NULL);
	}
}

static int run(struct mx_xfer *x, CURLM *m)
{
	struct mx_waker waker = {.wake = wake_multi, .arg = m};
	enum mx_xwhy aborted = MX_XWHY_CANCELED;
	CURLcode rc = CURLE_OK;

	if (curl_multi_add_handle(m, x->easy))
		return mx_xfer_fail(x, MX_XWHY_LOCAL, -ENOMEM, "out of memory");
	if (!mx_cancel_attach(x->req->cancel, &waker)) {
		aborted = turn(x, m, &rc);
		mx_cancel_detach(x->req->cancel, &waker);
	}
	curl_multi_remove_handle(m, x->easy);
	return mx_xfer_finish(x, aborted, rc);
}

int mx_xfer_run(struct mx_xfer *x)
{
	struct mx_curlm m;
	int err = resolve(x);

	if (!err)
		err = prepare(x);
	if (err)
		return err;
	err = multi_get(&m);
	if (err)
		return mx_xfer_fail(x, MX_XWHY_LOCAL, err, "out of memory");
	err = run(x, m.m);
	multi_put(&m);
	return err;
}

int mx_xfer_take_failed(struct mx_xfer *x, int err)
{
	const char *text = "out of memory";

	if (err == -EBUSY)
		text = "an exchange is in flight on this channel";
	else if (err == -ECHILD)
		text = "the channel belongs to the parent process";
	return mx_xfer_fail(x, MX_XWHY_LOCAL, err, text);
}

int mx_xfer_resolve_failed(struct mx_xfer *x, int err, const char *why)
{
	if (err == -ECANCELED)
		return mx_xfer_fail(x, MX_XWHY_CANCELED, err,
				    "cancelled by the program");
	if (err != -EHOSTUNREACH && err != -ETIMEDOUT)
		return mx_xfer_fail(x, MX_XWHY_LOCAL, err, strerror(-err));
	mx_xfer_blame(x);
	x->resp->why = MX_XWHY_RESOLVE;
	x->resp->took_ns = mx_mono_now().ns - x->start.ns;
	return mx_fault_set(x->fault, MX_LAYER_TRANSPORT,
			    CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH,
			    "cannot resolve \"%.150s\": %s", x->ch->to->host,
			    why);
}

int mx_exchange(struct mx_channel *ch, const struct mx_xreq *req,
		struct mx_xresp *ret, struct mx_fault *fault)
{
	MX_AUTO(mx_channel_auto) struct mx_channel *hold = mx_channel_ref(ch);
	struct mx_xfer x;
	int err;

	mx_assert_unlocked();
	mx_xfer_init(&x, hold, req, NULL, ret, fault);
	err = mx_channel_take(ch);
	if (err)
		return mx_xfer_take_failed(&x, err);
	err = mx_xfer_run(&x);
	if (!err)
		mx_xfer_keep(&x);
	mx_xfer_fini(&x);
	mx_channel_give(ch);
	return err;
}
