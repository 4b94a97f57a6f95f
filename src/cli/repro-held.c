/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenario on our lists.  A cycle: a thread impersonates a user, logs on,
 * opens his message store and inbox, registers for what is made there, makes a
 * message, is told of it by the list's poller, and releases everything.  Many
 * threads do so for many users at once, so that lists come and go next to each
 * other all the time.
 *
 * What ends by a deadline while the server answers has hung: the wait for the
 * notification (60 s), a call (60 s, the watch in demo-work.c), and the end of
 * the library (30 s).
 */
#include "cli/repro.h"

#include <edkmdb.h>
#include <errno.h>
#include <mapiutil.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

/* What a sink has heard.  One a cycle, kept to the end: when Unadvise has
 * returned no callback starts, but one may still be running. */
struct ear {
	pthread_mutex_t lock;
	pthread_cond_t heard;
	unsigned n;
};

static LONG STDAPICALLTYPE hear(LPVOID arg, ULONG n, LPNOTIFICATION list)
{
	struct ear *e = arg;

	(void)list;
	pthread_mutex_lock(&e->lock);
	e->n += n;
	pthread_cond_signal(&e->heard);
	pthread_mutex_unlock(&e->lock);
	return 0;
}

static bool listen_for_it(struct ear *e, unsigned seconds)
{
	const struct timespec end =
		mx_mono_timespec(mx_mono_in_ms(seconds * 1000));
	int err = 0;
	bool heard;

	pthread_mutex_lock(&e->lock);
	while (!e->n && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&e->heard, &e->lock, &end);
	heard = e->n != 0;
	pthread_mutex_unlock(&e->lock);
	return heard;
}

static void ear_init(struct ear *e)
{
	pthread_condattr_t a;

	*e = (struct ear){0};
	pthread_mutex_init(&e->lock, NULL);
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&e->heard, &a);
	pthread_condattr_destroy(&a);
}

static void ear_fini(struct ear *e)
{
	pthread_cond_destroy(&e->heard);
	pthread_mutex_destroy(&e->lock);
}

static bool make_message(struct demo_side *s)
{
	SPropValue v = {.ulPropTag = PR_SUBJECT_W,
			.Value.lpszW = (LPWSTR)L"repro"};
	LPMESSAGE msg = NULL;
	HRESULT hr;

	demo_step(s->w, "make a message");
	hr = IMAPIFolder_CreateMessage(s->inbox, NULL, 0, &msg);
	if (!FAILED(hr))
		hr = IMessage_SetProps(msg, 1, &v, NULL);
	if (!FAILED(hr))
		hr = IMessage_SaveChanges(msg, 0);
	if (msg)
		demo_hold(s, msg);
	return demo_ok(s->w, s->u, hr);
}

static bool heard_in_time(struct demo_side *s, struct ear *e)
{
	struct demo *d = s->w->d;

	demo_step(s->w, "wait for the notification");
	if (listen_for_it(e, d->opt.wait_s - 1))
		return true;
	if (demo_server_answers(s->u)) {
		atomic_fetch_add(&d->hung, 1);
		demo_say(d,
			 "hung: user %s: no notification, and the server "
			 "answers",
			 s->u->name);
	} else {
		demo_error(d, s->u, "the server stopped answering");
	}
	return false;
}

static bool be_told(struct demo_side *s, struct ear *e)
{
	LPMAPIADVISESINK sink = NULL;
	ULONG_PTR conn = 0;
	HRESULT hr;
	bool ok;

	demo_step(s->w, "advise");
	hr = HrAllocAdviseSink(hear, e, &sink);
	if (!FAILED(hr))
		hr = IMsgStore_Advise(s->store, 0, NULL, fnevObjectCreated,
				      sink, &conn);
	UlRelease(sink);
	if (!demo_ok(s->w, s->u, hr))
		return false;
	ok = make_message(s) && heard_in_time(s, e);
	demo_step(s->w, "unadvise");
	return demo_ok(s->w, s->u, IMsgStore_Unadvise(s->store, conn)) && ok;
}

static void cycle(struct demo_worker *w, unsigned no)
{
	struct repro *r =
		(struct repro *)((char *)w->d - offsetof(struct repro, d));
	struct demo_user *u = &w->d->users[no % r->n_users];
	struct mx_prng rnd = {no};
	struct demo_side s;

	if (demo_side_open(&s, w, u) && demo_open_inbox(&s))
		be_told(&s, &r->ears[no]);
	demo_side_close(&s, &rnd);
}

int repro_held(struct repro *r)
{
	r->ears = calloc(r->cycles, sizeof(*r->ears));
	if (!r->ears)
		return mx_cli_fail("repro", "out of memory") * -1;
	for (unsigned i = 0; i < r->cycles; i++)
		ear_init(&r->ears[i]);
	demo_run(&r->d, DEMO_ROUNDS, r->cycles, cycle);
	return 0;
}

void repro_held_end(struct repro *r)
{
	for (unsigned i = 0; r->ears && i < r->cycles; i++)
		ear_fini(&r->ears[i]);
	free(r->ears);
}
