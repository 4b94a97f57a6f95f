/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that end with everything open: 50 objects, an advise connection
 * with its NotificationWait, calls in progress.  However they end, they end
 * cleanly and at once, and what they leave others can free.  (B33, B38)
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "connlist/snapshot.h"
#include "hive.h"

#define N_MESSAGES 45

/* Reachable, so that nothing of it counts as lost. */
static struct {
	LPMAPISESSION session;
	LPMDB mdb;
	LPMAPIFOLDER inbox;
	LPMAPITABLE table;
	LPMESSAGE m[N_MESSAGES];
	LPMAPIADVISESINK sink;
	ULONG_PTR conn;
	sem_t heard;
	void (*on_event)(void);
} all;

static LONG STDAPICALLTYPE on_notify(LPVOID arg, ULONG n, LPNOTIFICATION v)
{
	sem_post(&all.heard);
	if (all.on_event)
		all.on_event();
	return 0;
}

static void open_all(struct hive *h)
{
	SizedSPropTagArray(1, cols) = {1, {PR_SUBJECT}};

	sem_init(&all.heard, 0, 0);
	must_ok(MAPIInitialize(NULL));
	all.session = hive_logon(h, 0);
	all.mdb = hive_store(all.session);
	all.inbox = hive_inbox(all.mdb);
	must_ok(IMAPIFolder_GetContentsTable(all.inbox, 0, &all.table));
	must_ok(IMAPITable_SetColumns(all.table, (LPSPropTagArray)&cols, 0));
	for (unsigned i = 0; i < N_MESSAGES; i++)
		all.m[i] = hive_message(all.inbox, "one");
	must_ok(HrAllocAdviseSink(on_notify, NULL, &all.sink));
	must_ok(IMsgStore_Advise(all.mdb, 0, NULL, fnevObjectCreated, all.sink,
				 &all.conn));
}

static int wait_for_ever(void)
{
	for (;;)
		pause();
	return 1;
}

/* Something happens, and is heard of: the NotificationWait works. */
static void stir(void)
{
	LPMESSAGE m = hive_message(all.inbox, "stir");

	while (sem_wait(&all.heard))
		;
	IMessage_Release(m);
}

/* What the next process of the account finds, and what it leaves. */
static int come_after(struct hive *h, void *arg)
{
	LPMAPISESSION s;

	must_ok(MAPIInitialize(NULL));
	s = hive_logon(h, 0);
	/* The dead one's context was given up with its cookies (B17). */
	must(hive_stats(h).contexts == 1);
	IMAPISession_Release(s);
	MAPIUninitialize();
	return 0;
}

static void check_after(struct hive *h)
{
	unsigned live, conns;

	hive_registry(&live, &conns);
	assert_int_equal(live, 0);
	assert_int_equal(hive_join(hive_child(h, come_after, NULL)), 0);
	hive_wait_contexts(h, 0);
	hive_registry(&live, &conns);
	assert_int_equal(live, 0);
	assert_int_equal(conns, 0);
}

static void ends_with(hive_child_fn *fn, int status)
{
	struct hive *h = hive_new(1);

	assert_int_equal(hive_join(hive_child(h, fn, NULL)), status);
	check_after(h);
	hive_free(h);
}

static int by_exit(struct hive *h, void *arg)
{
	open_all(h);
	stir();
	exit(7);
}

static void test_exit_with_50_objects_open(void **state)
{
	ends_with(by_exit, W_EXITCODE(7, 0));
}

/* exit() tells servers that answer at once: nothing has to be freed later. */
static void test_exit_disconnects_from_a_server_that_answers(void **state)
{
	struct hive *h = hive_new(1);
	unsigned live, conns;

	assert_int_equal(hive_join(hive_child(h, by_exit, NULL)),
			 W_EXITCODE(7, 0));
	assert_int_equal(hive_stats(h).contexts, 0);
	hive_registry(&live, &conns);
	assert_int_equal(live + conns, 0);
	hive_free(h);
}

static int by__exit(struct hive *h, void *arg)
{
	open_all(h);
	stir();
	_exit(7);
}

static void test__exit_with_50_objects_open(void **state)
{
	ends_with(by__exit, W_EXITCODE(7, 0));
}

static int by_sigterm(struct hive *h, void *arg)
{
	open_all(h);
	stir();
	kill(getpid(), SIGTERM);
	return wait_for_ever();
}

static void test_SIGTERM_with_50_objects_open(void **state)
{
	ends_with(by_sigterm, SIGTERM);
}

static int by_sigkill(struct hive *h, void *arg)
{
	open_all(h);
	stir();
	kill(getpid(), SIGKILL);
	return wait_for_ever();
}

static void test_SIGKILL_with_50_objects_open(void **state)
{
	ends_with(by_sigkill, SIGKILL);
}

static void exit_now(void)
{
	exit(7);
}

static int from_a_callback(struct hive *h, void *arg)
{
	open_all(h);
	all.on_event = exit_now;
	hive_message(all.inbox, "stir");
	return wait_for_ever();
}

static void test_exit_from_a_callback(void **state)
{
	ends_with(from_a_callback, W_EXITCODE(7, 0));
}

static void *read_for_ever(void *arg)
{
	for (;;) {
		LPSRowSet rows = NULL;
		HRESULT hr = IMAPITable_SeekRow(all.table, BOOKMARK_BEGINNING,
						0, NULL);

		if (hr == S_OK)
			hr = IMAPITable_QueryRows(all.table, 50, 0, &rows);
		if (hr == MAPI_E_NOT_INITIALIZED)
			break;
		must_ok(hr);
		FreeProws(rows);
		sem_post(&all.heard);
	}
	return NULL;
}

static void *write_for_ever(void *arg)
{
	SPropValue v = {PR_SUBJECT_A, 0, {.lpszA = (LPSTR) "again"}};
	HRESULT hr;

	do {
		hr = IMessage_SetProps(all.m[0], 1, &v, NULL);
		if (hr == S_OK)
			hr = IMessage_SaveChanges(all.m[0],
						  KEEP_OPEN_READWRITE);
		must(hr == S_OK || hr == MAPI_E_NOT_INITIALIZED);
	} while (hr == S_OK);
	return NULL;
}

/* Calls are under way on other threads, and notifications come. */
static int amid_calls(struct hive *h, void *arg)
{
	pthread_t id[4];

	open_all(h);
	for (unsigned i = 0; i < 4; i++)
		must(!pthread_create(&id[i], NULL,
				     i % 2 ? read_for_ever : write_for_ever,
				     NULL));
	for (unsigned i = 0; i < 20; i++)
		sem_wait(&all.heard);
	exit(7);
}

static void test_exit_while_other_threads_are_in_calls(void **state)
{
	ends_with(amid_calls, W_EXITCODE(7, 0));
}

static void *exit_here(void *arg)
{
	exit(7);
}

static int from_another_thread(struct hive *h, void *arg)
{
	pthread_t id;

	open_all(h);
	stir();
	must(!pthread_create(&id, NULL, exit_here, NULL));
	return wait_for_ever();
}

static void test_exit_from_another_thread(void **state)
{
	ends_with(from_another_thread, W_EXITCODE(7, 0));
}

static void *uninitialize(void *arg)
{
	sem_post(&all.heard);
	MAPIUninitialize();
	return NULL;
}

/* exit() cuts a MAPIUninitialize short that waits for a silent server. */
static int amid_uninitialize(struct hive *h, void *arg)
{
	pthread_t id;

	open_all(h);
	must_ok(MapiarySetShutdownDeadline(3600000));
	/* The test stops the server, and lets us go on. */
	raise(SIGSTOP);
	must(!pthread_create(&id, NULL, uninitialize, NULL));
	sem_wait(&all.heard);
	exit(7);
}

static void test_exit_cuts_an_uninitialize_short(void **state)
{
	struct hive *h = hive_new(1);
	pid_t pid;
	int status;

	pid = hive_child(h, amid_uninitialize, NULL);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	hive_stop(h);
	kill(pid, SIGCONT);
	assert_int_equal(hive_join(pid), W_EXITCODE(7, 0));
	hive_go_on(h);
	check_after(h);
	hive_free(h);
}

/* ---- who is left ---- */

static int killed_while_connected(struct hive *h, void *arg)
{
	must_ok(MAPIInitialize(NULL));
	hive_store(hive_logon(h, 1));
	kill(getpid(), SIGKILL);
	return wait_for_ever();
}

/* Process slots in use, of the living and the dead. */
static size_t slots_in_use(void)
{
	struct mx_snap snap = MX_SNAP_INIT;
	struct mx_snap_src *src;
	size_t n;

	assert_int_equal(mx_snap_open(NULL, &src, NULL), 0);
	assert_int_equal(mx_snap_take(src, &snap), 0);
	n = snap.n_procs;
	mx_snap_fini(&snap);
	mx_snap_close(src);
	return n;
}

/* A program that is logged on and calls nothing: its engine's beat alone cleans
 * up after another process, within a second (here ten times that). */
static void test_an_idle_process_cleans_up_after_a_killed_one(void **state)
{
	const struct timespec pause = {.tv_nsec = 5 * MX_NS_PER_MS};
	struct hive *h = hive_new(2);
	LPMAPISESSION s, next;
	unsigned live, conns;
	mx_mono killed;
	pid_t pid;

	must_ok(MAPIInitialize(NULL));
	s = hive_logon(h, 0);
	pid = hive_child(h, killed_while_connected, NULL);
	assert_int_equal(hive_join(pid), SIGKILL);
	killed = mx_mono_now();
	while (slots_in_use() > 1)
		nanosleep(&pause, NULL);
	assert_true(mx_mono_now().ns - killed.ns < 10 * MX_NS_PER_S);
	/* What is left is its session, for who logs that user on. */
	hive_registry(&live, &conns);
	assert_int_equal(live, 1);
	assert_int_equal(conns, 2);
	assert_int_equal(hive_stats(h).contexts, 2);
	next = hive_logon(h, 1);
	assert_int_equal(hive_stats(h).contexts, 2);
	IMAPISession_Release(next);
	IMAPISession_Release(s);
	MAPIUninitialize();
	hive_free(h);
}

/* ---- fast shutdown ---- */

static int fast(struct hive *h, void *arg)
{
	IMAPIClientShutdown *s = NULL;
	LPUNKNOWN a = NULL, b = NULL;
	LPMESSAGE m;
	ULONG n;

	open_all(h);
	must_ok(IMAPISession_QueryInterface(
		all.session, &IID_IMAPIClientShutdown, (LPVOID *)(void *)&s));
	/* One object, one identity, one count. */
	must_ok(IMAPIClientShutdown_QueryInterface(s, &IID_IUnknown,
						   (LPVOID *)(void *)&a));
	must_ok(IMAPISession_QueryInterface(all.session, &IID_IUnknown,
					    (LPVOID *)(void *)&b));
	must(a == b);
	a->lpVtbl->Release(a);
	n = b->lpVtbl->Release(b);
	must(IMAPIClientShutdown_AddRef(s) == n + 1);
	must(IMAPIClientShutdown_Release(s) == n);
	must_ok(IMAPIClientShutdown_QueryFastShutdown(s));
	must_ok(IMAPIClientShutdown_NotifyProcessShutdown(s));
	m = hive_message(all.inbox, "saved to the last");
	must_ok(IMAPIClientShutdown_DoFastShutdown(s));
	must(IMAPIClientShutdown_QueryFastShutdown(s) ==
	     MAPI_E_NOT_INITIALIZED);
	must(IMessage_SaveChanges(m, 0) == MAPI_E_NOT_INITIALIZED);
	must(MAPIInitialize(NULL) == MAPI_E_NOT_INITIALIZED);
	IMessage_Release(m);
	exit(7);
}

static void test_fast_shutdown_ends_all_sessions_at_once(void **state)
{
	ends_with(fast, W_EXITCODE(7, 0));
}

static int count_saved(struct hive *h, void *arg)
{
	LPMAPISESSION s;
	LPMAPITABLE t = NULL;
	ULONG n = 0;
	LPMDB mdb;
	LPMAPIFOLDER inbox;

	must_ok(MAPIInitialize(NULL));
	s = hive_logon(h, 0);
	mdb = hive_store(s);
	inbox = hive_inbox(mdb);
	must_ok(IMAPIFolder_GetContentsTable(inbox, 0, &t));
	must_ok(IMAPITable_GetRowCount(t, 0, &n));
	must(n == N_MESSAGES + 1);
	MAPIUninitialize();
	return 0;
}

static void test_fast_shutdown_loses_nothing_that_was_saved(void **state)
{
	struct hive *h = hive_new(1);

	assert_int_equal(hive_join(hive_child(h, fast, NULL)),
			 W_EXITCODE(7, 0));
	assert_int_equal(hive_join(hive_child(h, count_saved, NULL)), 0);
	hive_free(h);
}

/* The server is silent from the moment the program decides to end. */
static int fast_at_silence(struct hive *h, void *arg)
{
	IMAPIClientShutdown *s = NULL;

	open_all(h);
	must_ok(IMAPISession_QueryInterface(
		all.session, &IID_IMAPIClientShutdown, (LPVOID *)(void *)&s));
	raise(SIGSTOP);
	must_ok(IMAPIClientShutdown_QueryFastShutdown(s));
	must_ok(IMAPIClientShutdown_NotifyProcessShutdown(s));
	must_ok(IMAPIClientShutdown_DoFastShutdown(s));
	exit(7);
}

/* exit() at a silent server, the same way. */
static int exit_at_silence(struct hive *h, void *arg)
{
	open_all(h);
	raise(SIGSTOP);
	exit(7);
}

static void ends_at_silence(hive_child_fn *fn)
{
	struct hive *h = hive_new(1);
	pid_t pid = hive_child(h, fn, NULL);
	int status;

	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	hive_stop(h);
	kill(pid, SIGCONT);
	assert_int_equal(hive_join(pid), W_EXITCODE(7, 0));
	hive_go_on(h);
	check_after(h);
	hive_free(h);
}

static void test_fast_shutdown_waits_for_no_silent_server(void **state)
{
	ends_at_silence(fast_at_silence);
}

static void test_exit_waits_for_no_silent_server(void **state)
{
	ends_at_silence(exit_at_silence);
}

MX_TEST_MAIN(MX_TEST(test_exit_with_50_objects_open),
	     MX_TEST(test_exit_disconnects_from_a_server_that_answers),
	     MX_TEST(test__exit_with_50_objects_open),
	     MX_TEST(test_SIGTERM_with_50_objects_open),
	     MX_TEST(test_SIGKILL_with_50_objects_open),
	     MX_TEST(test_exit_from_a_callback),
	     MX_TEST(test_exit_from_another_thread),
	     MX_TEST(test_exit_while_other_threads_are_in_calls),
	     MX_TEST(test_exit_cuts_an_uninitialize_short),
	     MX_TEST(test_exit_waits_for_no_silent_server),
	     MX_TEST(test_an_idle_process_cleans_up_after_a_killed_one),
	     MX_TEST(test_fast_shutdown_ends_all_sessions_at_once),
	     MX_TEST(test_fast_shutdown_loses_nothing_that_was_saved),
	     MX_TEST(test_fast_shutdown_waits_for_no_silent_server))
