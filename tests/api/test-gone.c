/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server is gone, or there and silent: nothing that lets go waits for it.
 * Deadlines of calls are set beyond that of the case, so waiting for the server
 * anywhere would be seen.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "gate.h"
#include "kinds.h"
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

/* ---- every kind of object ---- */

static LONG STDAPICALLTYPE ignore(LPVOID arg, ULONG n, LPNOTIFICATION v)
{
	return 0;
}

static void *release_on_a_thread(void *arg)
{
	static atomic_uint order;

	kinds_release(arg, atomic_fetch_add(&order, 1));
	return NULL;
}

/* B5, B27, B33a, B38: sets of every kind of object, in as many orders as there
 * are sets, each let go by a thread that made none of them. */
static void release_every_kind(enum gate_mode mode)
{
	enum { N = 12 };
	struct world *w = world_behind_gate(N);
	static struct kinds sets[N];
	pthread_t id[N];

	for (unsigned i = 0; i < N; i++)
		kinds_open(&sets[i], world_logon(w, i), ignore, NULL);
	gate_set(world_gate(w), mode);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(pthread_create(&id[i], NULL,
						release_on_a_thread, &sets[i]),
				 0);
	for (unsigned i = 0; i < N; i++)
		pthread_join(id[i], NULL);
	end(w);
}

static void test_every_kind_is_released_at_a_silent_server(void **state)
{
	release_every_kind(GATE_SILENT);
}

static void test_every_kind_is_released_at_a_lost_server(void **state)
{
	release_every_kind(GATE_CUT);
}

/* After MAPIUninitialize too: the last references go whenever they go. */
static void test_every_kind_is_released_after_the_end(void **state)
{
	struct world *w = world_behind_gate(1);
	struct kinds k;

	kinds_open(&k, world_logon(w, 0), ignore, NULL);
	world_uninitialize(w);
	kinds_expect(&k, MAPI_E_NOT_INITIALIZED);
	kinds_release(&k, 5);
	end(w);
}

struct dropper {
	struct kinds *k;
	struct gate *gate;
	sem_t done;
};

/* The server falls silent while the callback runs, which lets go of everything:
 * also of what it is called for. */
static LONG STDAPICALLTYPE drop_all(LPVOID arg, ULONG n, LPNOTIFICATION v)
{
	struct dropper *d = arg;

	if (!d->k)
		return 0;
	gate_set(d->gate, GATE_SILENT);
	kinds_release(d->k, 7);
	d->k = NULL;
	sem_post(&d->done);
	return 0;
}

static void test_a_callback_releases_every_kind(void **state)
{
	struct world *w = world_behind_gate(1);
	struct dropper d = {NULL};
	LPMAPIADVISESINK sink = NULL;
	ULONG_PTR conn = 0;
	struct kinds k;
	LPMESSAGE m;

	sem_init(&d.done, 0, 0);
	d.gate = world_gate(w);
	kinds_open(&k, world_logon(w, 0), ignore, NULL);
	ok(HrAllocAdviseSink(drop_all, &d, &sink));
	ok(IMsgStore_Advise((LPMDB)(void *)k.v[KIND_STORE], 0, NULL,
			    fnevObjectCreated, sink, &conn));
	IMAPIAdviseSink_Release(sink);
	d.k = &k;
	m = put_message((LPMAPIFOLDER)(void *)k.v[KIND_FOLDER], "ring", "it");
	while (sem_wait(&d.done))
		;
	IMessage_Release(m);
	end(w);
}

struct ender {
	struct world *w;
	sem_t done;
};

static LONG STDAPICALLTYPE end_here(LPVOID arg, ULONG n, LPNOTIFICATION v)
{
	struct ender *e = arg;

	world_uninitialize(e->w);
	sem_post(&e->done);
	return 0;
}

/* It does not wait for the callback that it is called from. */
static void test_a_callback_may_uninitialize(void **state)
{
	struct world *w = world_behind_gate(1);
	LPMAPIADVISESINK sink = NULL;
	static struct ender e;
	ULONG_PTR conn = 0;
	struct kinds k;
	LPMESSAGE m;

	e.w = w;
	sem_init(&e.done, 0, 0);
	kinds_open(&k, world_logon(w, 0), ignore, NULL);
	ok(HrAllocAdviseSink(end_here, &e, &sink));
	ok(IMsgStore_Advise((LPMDB)(void *)k.v[KIND_STORE], 0, NULL,
			    fnevObjectCreated, sink, &conn));
	IMAPIAdviseSink_Release(sink);
	/* The call itself may be cut off by what it sets in motion. */
	if (IMAPIFolder_CreateMessage((LPMAPIFOLDER)(void *)k.v[KIND_FOLDER],
				      NULL, 0, &m) == S_OK) {
		IMessage_SaveChanges(m, 0);
		IMessage_Release(m);
	}
	while (sem_wait(&e.done))
		;
	kinds_expect(&k, MAPI_E_NOT_INITIALIZED);
	kinds_release(&k, 11);
	end(w);
}

/* ---- what MAPIUninitialize says ---- */

struct told {
	unsigned n[5], objects;
	char user[64], server[64], what[256], text[512];
	ULONGLONG since;
};

static void STDAPICALLTYPE on_left(LPVOID arg, const MAPIARY_LEFT *left)
{
	struct told *t = arg;

	assert_int_equal(left->cbSize, sizeof(*left));
	assert_in_range(left->ulKind, 1, 4);
	t->n[left->ulKind]++;
	t->objects += left->cObjects;
	snprintf(t->user, sizeof(t->user), "%s", left->lpszUser);
	snprintf(t->server, sizeof(t->server), "%s", left->lpszServer);
	snprintf(t->what, sizeof(t->what), "%s", left->lpszWhat);
	snprintf(t->text, sizeof(t->text), "%s", left->lpszText);
	t->since = left->ullSince;
}

static void test_uninitialize_reports_nothing_when_all_is_released(void **state)
{
	struct world *w = world_behind_gate(1);
	struct told t = {{0}};
	struct kinds k;

	ok(MapiarySetShutdownReport(on_left, &t));
	kinds_open(&k, world_logon(w, 0), ignore, NULL);
	kinds_release(&k, 9);
	world_uninitialize(w);
	assert_int_equal(t.n[1] + t.n[2] + t.n[3] + t.n[4], 0);
	ok(MapiarySetShutdownReport(NULL, NULL));
	end(w);
}

/* Promise 4: who, for whom, what, since when. */
static void test_uninitialize_reports_what_the_program_holds(void **state)
{
	struct world *w = world_behind_gate(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);
	LPMESSAGE m = put_message(inbox, "one", "body");
	struct told t = {{0}};

	ok(MapiarySetShutdownReport(on_left, &t));
	world_uninitialize(w);
	assert_int_equal(t.n[MAPIARY_LEFT_SESSION], 1);
	assert_int_equal(t.n[MAPIARY_LEFT_CONNECTION], 0);
	assert_int_equal(t.objects, 3);
	assert_string_equal(t.user, "u0");
	assert_non_null(strstr(t.server, "127.0.0.1:"));
	assert_string_equal(t.what, "1 store, 1 folder, 1 message");
	assert_non_null(strstr(t.text, "u0 at 127.0.0.1:"));
	assert_non_null(strstr(t.text, "1 store, 1 folder, 1 message"));
	IMessage_Release(m);
	IMAPIFolder_Release(inbox);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	ok(MapiarySetShutdownReport(NULL, NULL));
	end(w);
}

/* What nobody set: five seconds, which a server may take to answer, and not
 * more than (ten times) that. */
static void test_uninitialize_has_five_seconds_when_nothing_is_set(void **state)
{
	struct world *w = world_behind_gate(1);
	LPMAPISESSION s = world_logon(w, 0);
	struct told t = {{0}};
	mx_mono begin;
	int64_t ms;

	ok(MapiarySetShutdownReport(on_left, &t));
	gate_set(world_gate(w), GATE_SILENT);
	IMAPISession_Release(s);
	begin = mx_mono_now();
	world_uninitialize(w);
	ms = (mx_mono_now().ns - begin.ns) / MX_NS_PER_MS;
	assert_in_range(ms, 3000, 50000);
	assert_int_equal(t.n[MAPIARY_LEFT_CONNECTION], 1);
	ok(MapiarySetShutdownReport(NULL, NULL));
	end(w);
}

static void test_uninitialize_reports_a_server_that_was_not_told(void **state)
{
	struct world *w = world_behind_gate(2);
	LPMAPISESSION s = world_logon(w, 0), s1 = world_logon(w, 1);
	struct told t = {{0}};

	ok(MapiarySetShutdownReport(on_left, &t));
	ok(MapiarySetShutdownDeadline(400));
	gate_set(world_gate(w), GATE_SILENT);
	IMAPISession_Release(s);
	IMAPISession_Release(s1);
	world_uninitialize(w);
	assert_int_equal(t.n[MAPIARY_LEFT_SESSION], 0);
	assert_int_equal(t.n[MAPIARY_LEFT_CONNECTION], 2);
	assert_non_null(strstr(t.what, "Disconnect"));
	ok(MapiarySetShutdownReport(NULL, NULL));
	end(w);
}

struct stuck {
	sem_t in, out;
};

static LONG STDAPICALLTYPE stay(LPVOID arg, ULONG n, LPNOTIFICATION v)
{
	struct stuck *st = arg;

	sem_post(&st->in);
	while (sem_wait(&st->out))
		;
	return 0;
}

/* A callback that does not return does not hold MAPIUninitialize up. */
static void test_uninitialize_reports_a_callback_that_stays(void **state)
{
	struct world *w = world_behind_gate(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);
	LPMAPIADVISESINK sink = NULL;
	static struct stuck st;
	struct told t = {{0}};
	ULONG_PTR conn = 0;
	LPMESSAGE m;

	sem_init(&st.in, 0, 0);
	sem_init(&st.out, 0, 0);
	ok(HrAllocAdviseSink(stay, &st, &sink));
	ok(IMsgStore_Advise(mdb, 0, NULL, fnevObjectCreated, sink, &conn));
	IMAPIAdviseSink_Release(sink);
	m = put_message(inbox, "one", "body");
	while (sem_wait(&st.in))
		;
	IMessage_Release(m);
	IMAPIFolder_Release(inbox);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	ok(MapiarySetShutdownReport(on_left, &t));
	ok(MapiarySetShutdownDeadline(300));
	world_uninitialize(w);
	assert_int_equal(t.n[MAPIARY_LEFT_CALLBACK], 1);
	sem_post(&st.out);
	ok(MapiarySetShutdownReport(NULL, NULL));
	end(w);
}

/* First of all: the other cases set deadlines. */
MX_TEST_MAIN(MX_TEST(test_uninitialize_has_five_seconds_when_nothing_is_set),
	     MX_TEST_IN(test_release_in_any_order_waits_for_no_silent_server,
			120),
	     MX_TEST_IN(test_release_in_any_order_waits_for_no_lost_server,
			120),
	     MX_TEST(test_uninitialize_ends_in_time_at_a_silent_server),
	     MX_TEST(test_every_kind_is_released_at_a_silent_server),
	     MX_TEST(test_every_kind_is_released_at_a_lost_server),
	     MX_TEST(test_every_kind_is_released_after_the_end),
	     MX_TEST(test_a_callback_releases_every_kind),
	     MX_TEST(test_a_callback_may_uninitialize),
	     MX_TEST(test_uninitialize_reports_nothing_when_all_is_released),
	     MX_TEST(test_uninitialize_reports_what_the_program_holds),
	     MX_TEST(test_uninitialize_reports_a_server_that_was_not_told),
	     MX_TEST(test_uninitialize_reports_a_callback_that_stays))
