/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging on, opening the store and releasing, again and again, at once and on
 * several threads: threads, descriptors, mappings, heap, places in the registry
 * and sessions on the server are after the last cycle as after the first ones.
 * (B2, B22 to B25, B28)
 *
 * With MX_SOAK in the environment from 1,000 to 100,000 cycles, else from 300 to
 * 2,000.  Each look is taken at rest: the threads have ended, the server has
 * been told, nothing is queued.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <mapiutil.h>

#include "base/clock.h"
#include "hive.h"

#define N_THREADS 4
#define N_USERS 16
#define FLAT_BYTES (64 * 1024)
#define SOME_MULTIS 8

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

struct look {
	unsigned threads, fds, sockets, mappings, conns, live;
	size_t heap;
};

static atomic_uint done, target;

static unsigned first_look(void)
{
	return getenv("MX_SOAK") ? 1000 : SANITIZED ? 50 : 300;
}

static unsigned last_look(void)
{
	return getenv("MX_SOAK") ? 100000 : SANITIZED ? 200 : 2000;
}

static void cycle(struct hive *h, unsigned n)
{
	/* A user context of its own each time (B25). */
	LPMAPISESSION s = hive_logon(h, n % N_USERS);
	LPMDB mdb = NULL;

	if (n % 4) /* else: nothing between logon and release */
		mdb = hive_store(s);
	if (n % 4 == 1) { /* parent first (B27) */
		IMAPISession_Release(s);
		IMsgStore_Release(mdb);
		return;
	}
	if (n % 4 == 2) {
		LPMAPIFOLDER f = hive_inbox(mdb);

		IMsgStore_Release(mdb);
		IMAPIFolder_Release(f);
		mdb = NULL;
	}
	if (mdb)
		IMsgStore_Release(mdb);
	IMAPISession_Release(s);
}

static void *run_cycles(void *arg)
{
	unsigned n;

	while ((n = atomic_fetch_add(&done, 1)) < atomic_load(&target))
		cycle(arg, n);
	return NULL;
}

static void cycles_up_to(struct hive *h, unsigned n)
{
	pthread_t id[N_THREADS];

	atomic_store(&target, n);
	for (unsigned i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&id[i], NULL, run_cycles, h),
				 0);
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(id[i], NULL);
	atomic_store(&done, n);
}

/* As many ends at once as there can be, so that all that is kept for such a
 * moment is there before the first look. */
static void burst(struct hive *h)
{
	static LPMAPISESSION s[N_USERS * 30];

	for (unsigned i = 0; i < MX_ARRAY_SIZE(s); i++)
		s[i] = hive_logon(h, i % N_USERS);
	hive_stop(h);
	for (unsigned i = 0; i < MX_ARRAY_SIZE(s); i++)
		IMAPISession_Release(s[i]);
	hive_go_on(h);
	hive_wait_contexts(h, 0);
}

static size_t heap_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void look(struct hive *h, struct look *ret)
{
	/* The server was told of every end, and the engine has heard back. */
	hive_wait_contexts(h, 0);
	do
		hive_registry(&ret->live, &ret->conns);
	while (ret->conns);
	ret->threads = hive_threads();
	ret->fds = hive_fds(&ret->sockets);
	ret->mappings = hive_mappings();
	ret->heap = heap_in_use();
	printf("# %u threads, %u descriptors (%u sockets), %u mappings, "
	       "%zu bytes of heap\n",
	       ret->threads, ret->fds, ret->sockets, ret->mappings, ret->heap);
}

static void compare(const struct look *a, const struct look *b)
{
	assert_int_equal(b->live, a->live);
	assert_int_equal(b->threads, a->threads);
	/* Of libcurl's multi handles as many are kept as were once used at the
	 * same time. */
	assert_in_range(b->fds, 0, a->fds + SOME_MULTIS);
	if (SANITIZED)
		return;
	/* Arenas of malloc come and go with threads. */
	assert_in_range(b->mappings, 0, a->mappings + 2 * N_THREADS);
	assert_in_range(b->heap, 0, a->heap + FLAT_BYTES);
}

static void test_logon_and_release_leave_nothing_behind(void **state)
{
	struct hive *h = hive_new(N_USERS);
	struct look a, b;

	must_ok(MAPIInitialize(NULL));
	if (getenv("MX_SOAK"))
		burst(h);
	cycles_up_to(h, first_look());
	look(h, &a);
	cycles_up_to(h, last_look());
	look(h, &b);
	compare(&a, &b);
	MAPIUninitialize();
	hive_free(h);
}

static void init_and_end(struct hive *h)
{
	LPMAPISESSION s;

	must_ok(MAPIInitialize(NULL));
	s = hive_logon(h, 0);
	IMAPISession_Release(s);
	MAPIUninitialize();
}

static void test_initialize_and_uninitialize_leave_nothing_behind(void **state)
{
	struct hive *h = hive_new(1);
	unsigned n = last_look() / 20;
	struct look a, b;

	for (unsigned i = 0; i < n / 4; i++)
		init_and_end(h);
	look(h, &a);
	assert_int_equal(a.live, 0);
	for (unsigned i = 0; i < n; i++)
		init_and_end(h);
	look(h, &b);
	compare(&a, &b);
	hive_free(h);
}

static LONG STDAPICALLTYPE ignore(LPVOID arg, ULONG n, LPNOTIFICATION v)
{
	return 0;
}

/* B22: threads do not grow with users: beside the program's own (here one, and
 * the test's watchdog) there are as many as are promised for any number. */
static void test_users_who_wait_for_news_add_no_threads(void **state)
{
	enum { N = 60 };
	struct hive *h = hive_new(N);
	unsigned before = hive_threads(), few, many;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	LPMAPISESSION s[N];
	LPMDB mdb[N];

	must_ok(MAPIInitialize(NULL));
	for (unsigned i = 0; i < N; i++) {
		LPMAPIADVISESINK sink = NULL;
		ULONG_PTR conn = 0;

		s[i] = hive_logon(h, i);
		mdb[i] = hive_store(s[i]);
		must_ok(HrAllocAdviseSink(ignore, NULL, &sink));
		must_ok(IMsgStore_Advise(mdb[i], 0, NULL, fnevObjectCreated,
					 sink, &conn));
		IMAPIAdviseSink_Release(sink);
		if (i == 1)
			few = hive_threads();
	}
	many = hive_threads();
	assert_in_range(few, before, before + (unsigned)cores + 2);
	assert_in_range(many, before, before + (unsigned)cores + 2);
	for (unsigned i = 0; i < N; i++) {
		IMsgStore_Release(mdb[i]);
		IMAPISession_Release(s[i]);
	}
	MAPIUninitialize();
	hive_free(h);
}

/* A server that is stopped in the middle of it all, and goes on: what ended
 * meanwhile is told it when it is back. */
static void
test_what_ends_while_the_server_is_stopped_leaves_nothing(void **state)
{
	enum { N = 16 };
	struct hive *h = hive_new(N_USERS);
	LPMAPISESSION s[N];
	LPMDB mdb[N];
	unsigned live, conns;

	must_ok(MAPIInitialize(NULL));
	for (unsigned i = 0; i < N; i++) {
		s[i] = hive_logon(h, i);
		mdb[i] = hive_store(s[i]);
	}
	hive_stop(h);
	for (unsigned i = 0; i < N; i++) {
		IMAPISession_Release(s[i]);
		IMsgStore_Release(mdb[i]);
	}
	hive_go_on(h);
	hive_wait_contexts(h, 0);
	do
		hive_registry(&live, &conns);
	while (conns);
	MAPIUninitialize();
	hive_free(h);
}

MX_TEST_MAIN(MX_TEST_IN(test_logon_and_release_leave_nothing_behind, 1500),
	     MX_TEST_IN(test_initialize_and_uninitialize_leave_nothing_behind,
			600),
	     MX_TEST(test_users_who_wait_for_news_add_no_threads),
	     MX_TEST(test_what_ends_while_the_server_is_stopped_leaves_nothing))
