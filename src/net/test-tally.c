/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/test-tally.h"

#include <errno.h>
#include <string.h>

#include "net/test-user.h"

#define ID "{11111111-2222-3333-4444-555555555555}:1"

void tally_init(struct tally *t)
{
	memset(t, 0, sizeof(*t));
	mx_mutex_init(&t->lock);
	mx_cond_init(&t->cond);
}

void tally_fini(struct tally *t)
{
	mx_cond_fini(&t->cond);
	mx_mutex_fini(&t->lock);
}

void tally_add(struct tally *t, int err, const struct mx_xresp *r,
	       const struct mx_fault *f)
{
	mx_mutex_lock(&t->lock);
	t->done++;
	t->ok += err == 0;
	t->canceled += err == -ECANCELED;
	t->other += err && err != -ECANCELED;
	t->last_err = err;
	t->last_why = r ? r->why : MX_XWHY_OK;
	if (f)
		t->fault = *f;
	mx_cond_broadcast(&t->cond);
	mx_mutex_unlock(&t->lock);
}

void tally_done(void *arg, int err, struct mx_xresp *r,
		const struct mx_fault *f)
{
	if (!err && !r->body.len)
		err = -ENODATA;
	tally_add(arg, err, r, f);
}

void tally_ran(void *arg, int err)
{
	tally_add(arg, err, NULL, NULL);
}

void tally_wait(struct tally *t, unsigned n)
{
	mx_mutex_lock(&t->lock);
	while (t->done < n)
		mx_cond_wait(&t->cond, &t->lock, MX_MONO_NEVER);
	mx_mutex_unlock(&t->lock);
}

struct mx_channel *tally_channel(const char *url, const char *user,
				 const struct mx_net_opts *o)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user(user, "pw");
	struct mx_channel *ch = NULL;

	assert_int_equal(mx_channel_new(url, u, o, &ch, NULL), 0);
	return ch;
}

struct mx_engine_req tally_request(struct mx_channel *ch, struct tally *t)
{
	return (struct mx_engine_req){
		.ch = ch,
		.x = {.type = "NotificationWait",
		      .body = "hello",
		      .body_len = 5,
		      .request_id = ID},
		.done = tally_done,
		.arg = t,
	};
}

void tally_drop(struct mx_engine_left *left)
{
	assert_int_equal(mx_engine_drop(mx_mono_in_ms(LATER), left), 0);
}

void tally_park(struct peer_conn *c, void *arg)
{
	struct peer_request r;

	if (peer_read(c, &r))
		peer_wait_close(c);
}
