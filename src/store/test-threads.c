/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads in many mailboxes: everything sent arrives once, events come in
 * order, nobody waits for ever. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "store/testlib.h"

#define THREADS 4
#define USERS (2 * THREADS + 4)
#define ROUNDS 12

struct shared {
	char dir[600];
	struct mx_store *st;
	struct mx_user users[USERS];
	atomic_uint sent[USERS], failed;
	atomic_uint new_mail[USERS];
	atomic_uint out_of_order;
	uint64_t seq[USERS]; /* each under its mailbox's ordering lock */
};

struct worker {
	struct shared *s;
	uint64_t seed;
};

static void on_event(void *arg, const struct mx_event *ev)
{
	struct shared *s = arg;

	for (int i = 0; i < USERS; i++) {
		if (memcmp(s->users[i].mailbox, ev->mailbox, 16) != 0)
			continue;
		/* a mailbox that was closed meanwhile counts from 1 again */
		if (ev->seq != s->seq[i] + 1 && ev->seq != 1)
			s->out_of_order++;
		s->seq[i] = ev->seq;
		s->new_mail[i] += ev->type == MX_EV_NEW_MAIL;
	}
}

static int skip_row(void *arg, const struct mx_propval *vals, size_t n)
{
	return 0;
}

static int look_around(struct mx_mbox *mb)
{
	struct mx_obj *f = NULL;
	struct mx_query q = {.max_rows = 20};
	uint32_t tags[] = {T_MID, T_SUBJECT, T_BODY}, n;
	struct mx_sort key = {.tag = T_SUBJECT};
	struct mx_tbl *tbl = NULL;
	enum mx_origin o;
	int r = mx_folder_open(mb, mx_mbox_info(mb)->fid[MX_FLD_INBOX], 0, &f);

	if (!r)
		r = mx_tbl_contents(f, MX_TBL_CHANGES, &tbl, NULL);
	if (!r)
		r = mx_tbl_sort(tbl, &key, 1);
	if (!r)
		r = mx_tbl_columns(tbl, tags, 3);
	if (!r)
		r = mx_tbl_query(tbl, &q, skip_row, NULL, &n, &o);
	mx_tbl_close(tbl);
	mx_obj_close(f);
	return r;
}

static int send_one(struct shared *s, struct mx_mbox *mb, unsigned to)
{
	struct mx_propval vals[] = {
		{.tag = T_ADDRTYPE, .v.str = "EX"},
		{.tag = T_EMAIL_ADDRESS, .v.str = s->users[to].dn},
		{.tag = T_DISPLAY_NAME, .v.str = s->users[to].display},
	};
	struct mx_recip rcp = {.type = 1, .vals = vals, .n_vals = 3};
	struct mx_obj *m = NULL;
	int r = mx_msg_create(mb, mx_mbox_info(mb)->fid[MX_FLD_OUTBOX], false,
			      0x0fff, &m);

	if (!r)
		r = mx_msg_recips_modify(m, &rcp, 1);
	if (!r)
		r = mx_msg_submit(m, 0);
	if (!r)
		s->sent[to]++;
	mx_obj_close(m);
	return r;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct shared *s = w->s;
	struct mx_prng p = {w->seed};

	for (int i = 0; i < ROUNDS; i++) {
		unsigned me = mx_prng_below(&p, USERS);
		struct mx_mbox_conf conf = {.user = s->users[me].id};
		struct mx_mbox *mb = NULL;
		int r;

		memcpy(conf.mailbox, s->users[me].mailbox, 16);
		r = mx_mbox_open(s->st, &conf, &mb);
		if (!r)
			r = send_one(s, mb, mx_prng_below(&p, USERS));
		if (!r)
			r = look_around(mb);
		mx_mbox_close(mb);
		s->failed += r != 0;
	}
	return NULL;
}

static void test_what_threads_send_arrives_once_and_in_order(void **state)
{
	/* Fewer places than mailboxes: they are opened and closed all along.
	 * Enough for a sender and a recipient each thread: with fewer, a
	 * delivery may find all in use, and is tried again 20 s later. */
	struct mx_store_conf conf = {.max_open = 2 * THREADS,
				     .on_event = on_event};
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct shared *s = calloc(1, sizeof(*s));
	struct worker w[THREADS];
	pthread_t tid[THREADS];

	assert_non_null(s);
	conf.event_arg = s;
	snprintf(s->dir, sizeof(s->dir), "%s/threads", mx_test_dir());
	ok(mx_store_open(s->dir, &conf, &s->st));
	for (int i = 0; i < USERS; i++) {
		struct mx_user u = {.name = mx_arena_printf(&a, "u%d", i)};

		ok(mx_dir_add(s->st, &u, NULL, &a, &s->users[i]));
	}
	for (int i = 0; i < THREADS; i++) {
		w[i] = (struct worker){s, (uint64_t)i + 1};
		ok(pthread_create(&tid[i], NULL, run, &w[i]));
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(tid[i], NULL);
	assert_int_equal(s->failed, 0);
	assert_int_equal(s->out_of_order, 0);
	ok(mx_store_deliver(s->st)); /* nothing may be left, nothing doubled */
	for (int i = 0; i < USERS; i++) {
		struct mx_mbox_conf mc = {.user = s->users[i].id};
		struct mx_mbox *mb = NULL;
		const char *text = NULL;

		memcpy(mc.mailbox, s->users[i].mailbox, 16);
		ok(mx_mbox_open(s->st, &mc, &mb));
		assert_int_equal(tl_count(mb, MX_FLD_INBOX), s->sent[i]);
		assert_int_equal(s->new_mail[i], s->sent[i]);
		ok(mx_mbox_check(mb, &a, &text));
		mx_mbox_close(mb);
	}
	mx_store_close(s->st);
	free(s);
}

/* ---- Taking a mailbox without waiting ---- */

static void *try_it(void *arg)
{
	struct mx_mbox *mb = arg;
	bool got = mx_mbox_try(mb);

	if (got)
		mx_mbox_done(mb);
	return got ? mb : NULL;
}

static bool another_can_take(struct mx_mbox *mb)
{
	pthread_t tid;
	void *got;

	ok(pthread_create(&tid, NULL, try_it, mb));
	pthread_join(tid, &got);
	return got != NULL;
}

/* A thread that must not wait is told so, and who holds the mailbox reads on. */
static void test_a_mailbox_is_taken_without_waiting(void **state)
{
	struct tl *t = tl_open();
	struct mx_mbox *again = tl_mbox(t, &t->anna, &t->anna);
	struct mx_obj *inbox = tl_folder(t->ma, MX_FLD_INBOX);

	assert_true(mx_mbox_same(t->ma, again));
	assert_false(mx_mbox_same(t->ma, t->mb));
	assert_true(another_can_take(t->ma));
	assert_true(mx_mbox_try(t->ma));
	assert_false(another_can_take(again));
	assert_true(another_can_take(t->mb));
	assert_string_equal(tl_str(t, inbox, T_DISPLAY_NAME), "Inbox");
	assert_false(another_can_take(t->ma));
	mx_mbox_done(t->ma);
	assert_true(another_can_take(t->ma));
	mx_obj_close(inbox);
	mx_mbox_close(again);
	tl_close(t);
}

MX_TEST_MAIN(MX_TEST_IN(test_what_threads_send_arrives_once_and_in_order, 120),
	     MX_TEST(test_a_mailbox_is_taken_without_waiting))
