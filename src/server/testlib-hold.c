/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mailbox held: a thread that reads a row and does not return from it until it
 * is let go, as a long statement would.
 */
#include "server/testlib.h"

#include <string.h>

#include "store/folder.h"
#include "store/mbox.h"
#include "store/obj.h"
#include "store/table.h"

static int hold_row(void *arg, const struct mx_propval *vals, size_t n)
{
	struct th *h = arg;

	pthread_mutex_lock(&h->lock);
	h->held = true;
	pthread_cond_broadcast(&h->changed);
	while (!h->let_go)
		pthread_cond_wait(&h->changed, &h->lock);
	pthread_mutex_unlock(&h->lock);
	return 0;
}

static void *run_hold(void *arg)
{
	struct th *h = arg;
	const struct mx_user *whose = tc_user(h->c);
	struct mx_mbox_conf conf = {.user = whose->id};
	struct mx_query q = {.max_rows = 1};
	static const uint32_t tag = 0x0037001f;
	enum mx_origin origin;
	struct mx_mbox *mb;
	struct mx_obj *f;
	struct mx_tbl *t;
	uint32_t n;

	memcpy(conf.mailbox, whose->mailbox, 16);
	assert_int_equal(
		mx_mbox_open(mx_server_store(h->c->ts->srv), &conf, &mb), 0);
	assert_int_equal(mx_folder_open(mb, h->c->fid[F_INBOX], 0, &f), 0);
	assert_int_equal(mx_tbl_contents(f, 0, &t, NULL), 0);
	assert_int_equal(mx_tbl_columns(t, &tag, 1), 0);
	mx_tbl_query(t, &q, hold_row, h, &n, &origin);
	mx_tbl_close(t);
	mx_obj_close(f);
	mx_mbox_close(mb);
	return NULL;
}

void th_begin(struct th *h, struct tc *c)
{
	memset(h, 0, sizeof(*h));
	h->c = c;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->changed, NULL);
	assert_int_equal(pthread_create(&h->thread, NULL, run_hold, h), 0);
	pthread_mutex_lock(&h->lock);
	while (!h->held)
		pthread_cond_wait(&h->changed, &h->lock);
	pthread_mutex_unlock(&h->lock);
}

void th_end(struct th *h)
{
	pthread_mutex_lock(&h->lock);
	h->let_go = true;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
}
