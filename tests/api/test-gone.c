/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server is gone, or there and silent: nothing that lets go waits for it.
 * Deadlines of calls are set beyond that of the case, so waiting for the server
 * anywhere would be seen.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "gate.h"
#include "world.h"

#define N_KINDS 4
#define N_ORDERS 24

/* Session, store, folder, message. */
struct set {
	LPUNKNOWN what[N_KINDS];
};

static struct world *world_behind_gate(unsigned n)
{
	struct world_opts opts = {.n_users = n, .gate = true};
	struct world *w = world_new_with(&opts);

	/* reached by nothing in these cases unless it waits for the server */
	ok(MapiarySetDeadlines(NULL, 3600000, 3600000));
	return w;
}

static void end(struct world *w)
{
	/* the server is still gone while the client ends */
	ok(MapiarySetShutdownDeadline(200));
	world_uninitialize(w);
	ok(MapiarySetShutdownDeadline(5000));
	ok(MapiarySetDeadlines(NULL, 60000, 600000));
	gate_set(world_gate(w), GATE_OPEN);
	world_free(w);
}

/* Every other message has changes that are not saved. */
static void open_set(struct world *w, unsigned i, struct set *ret)
{
	LPMAPISESSION s = world_logon(w, i);
	LPMDB mdb = world_store(s, 0);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);
	LPMESSAGE m = put_message(inbox, "one", "body");

	if (i % 2)
		set_text((LPMAPIPROP)m, PR_SUBJECT, "two");
	ret->what[0] = (LPUNKNOWN)(void *)s;
	ret->what[1] = (LPUNKNOWN)(void *)mdb;
	ret->what[2] = (LPUNKNOWN)(void *)inbox;
	ret->what[3] = (LPUNKNOWN)(void *)m;
}

/* The n-th order of four. */
static void release_in_order(struct set *set, unsigned n)
{
	for (unsigned left = N_KINDS; left; left--) {
		unsigned i = n % left;

		n /= left;
		set->what[i]->lpVtbl->Release(set->what[i]);
		set->what[i] = set->what[left - 1];
	}
}

/* B5, B27, B33a, B38 */
static void release_all_orders(enum gate_mode mode)
{
	struct world *w = world_behind_gate(N_ORDERS);
	struct set sets[N_ORDERS];

	for (unsigned i = 0; i < N_ORDERS; i++)
		open_set(w, i, &sets[i]);
	gate_set(world_gate(w), mode);
	for (unsigned i = 0; i < N_ORDERS; i++)
		release_in_order(&sets[i], i);
	end(w);
}

static void test_release_in_any_order_waits_for_no_silent_server(void **state)
{
	release_all_orders(GATE_SILENT);
}

static void test_release_in_any_order_waits_for_no_lost_server(void **state)
{
	release_all_orders(GATE_CUT);
}

struct blocked {
	LPMAPIFOLDER folder;
	HRESULT hr;
};

static void *block(void *arg)
{
	struct blocked *b = arg;
	LPSPropValue v = NULL;

	b->hr = HrGetOneProp((LPMAPIPROP)b->folder, PR_DISPLAY_NAME, &v);
	MAPIFreeBuffer(v);
	return NULL;
}

/* 50 objects held, a call in flight, and nobody answers. */
static void test_uninitialize_ends_in_time_at_a_silent_server(void **state)
{
	enum { N = 50, DEADLINE_MS = 1000 };
	struct world *w = world_behind_gate(2);
	LPMAPISESSION s = world_logon(w, 0), s1 = world_logon(w, 1);
	LPMDB mdb = world_store(s, 0), mdb1 = world_store(s1, 0);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);
	struct blocked b = {.folder = world_inbox(mdb1, 0)};
	LPMESSAGE m[N];
	LPSPropValue v = NULL;
	pthread_t thread;
	mx_mono begin;

	for (unsigned i = 0; i < N; i++)
		m[i] = put_message(inbox, "one", "body");
	gate_set(world_gate(w), GATE_SILENT);
	assert_int_equal(pthread_create(&thread, NULL, block, &b), 0);
	gate_wait_swallowed(world_gate(w), "Execute", 1);
	ok(MapiarySetShutdownDeadline(DEADLINE_MS));
	begin = mx_mono_now();
	world_uninitialize(w);
	/* the promise, ten times */
	assert_true((mx_mono_now().ns - begin.ns) / MX_NS_PER_MS <
		    10 * DEADLINE_MS);
	pthread_join(thread, NULL);
	assert_int_equal(b.hr, MAPI_E_NOT_INITIALIZED);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(HrGetOneProp((LPMAPIPROP)m[i], PR_SUBJECT, &v),
				 MAPI_E_NOT_INITIALIZED);
		assert_int_equal(IMessage_Release(m[i]), 0);
	}
	IMAPIFolder_Release(b.folder);
	IMAPIFolder_Release(inbox);
	IMsgStore_Release(mdb);
	IMsgStore_Release(mdb1);
	IMAPISession_Release(s);
	IMAPISession_Release(s1);
	end(w);
}

MX_TEST_MAIN(MX_TEST_IN(test_release_in_any_order_waits_for_no_silent_server,
			120),
	     MX_TEST_IN(test_release_in_any_order_waits_for_no_lost_server,
			120),
	     MX_TEST(test_uninitialize_ends_in_time_at_a_silent_server))
