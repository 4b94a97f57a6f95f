/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known failures of the old runtime that no other test is about;
 * doc/known-failures.md has all of them.
 */
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gate.h"
#include "store/dir.h"
#include "store/mdb.h"
#include "store/store.h"
#include "world.h"

static LONG hear(void *arg, ULONG n, LPNOTIFICATION notifs)
{
	(void)notifs;
	if (arg)
		atomic_fetch_add((atomic_uint *)arg, n);
	return S_OK;
}

static ULONG_PTR advise(LPMDB mdb)
{
	LPMAPIADVISESINK sink = NULL;
	ULONG_PTR conn = 0;

	ok(HrAllocAdviseSink(hear, NULL, &sink));
	ok(IMsgStore_Advise(mdb, 0, NULL, fnevNewMail, sink, &conn));
	IMAPIAdviseSink_Release(sink);
	return conn;
}

/* ---- B1: hang at shutdown ---- */

struct weather {
	struct gate *gate;
	atomic_bool end;
};

/* The server falls silent and comes back, all the time. */
static void *change(void *arg)
{
	const struct timespec pause = {.tv_nsec = 7 * MX_NS_PER_MS};
	struct weather *w = arg;

	while (!atomic_load(&w->end)) {
		gate_set(w->gate, GATE_SILENT);
		nanosleep(&pause, NULL);
		gate_set(w->gate, GATE_OPEN);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static int64_t cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

static void one_life(struct world *w)
{
	enum { DEADLINE_MS = 200 };
	LPMAPISESSION s = NULL;
	LPMDB mdb = NULL;
	MAPIARY_CONFIG c;
	mx_mono begin;

	ok(MAPIInitialize(NULL));
	ok(MapiarySetShutdownDeadline(DEADLINE_MS));
	world_config(w, 0, &c);
	c.ulIdleDeadline = 300;
	/* May fail: the server may be silent just now. */
	if (!FAILED(MapiaryLogon(world_user(w, 0), &c, 0, &s)) &&
	    !FAILED(IMAPISession_OpenMsgStore(s, 0, 0, NULL, NULL, MDB_WRITE,
					      &mdb))) {
		LPMAPIADVISESINK sink = NULL;
		ULONG_PTR conn = 0;

		ok(HrAllocAdviseSink(hear, NULL, &sink));
		IMsgStore_Advise(mdb, 0, NULL, fnevNewMail, sink, &conn);
		IMAPIAdviseSink_Release(sink);
	}
	begin = mx_mono_now();
	MAPIUninitialize();
	/* the promise, ten times */
	assert_true((mx_mono_now().ns - begin.ns) / MX_NS_PER_MS <
		    10 * DEADLINE_MS);
	UlRelease(mdb);
	UlRelease(s);
}

static void test_B1_shutdown_again_and_again_beside_notifications(void **state)
{
	enum { LIVES = 40 };
	struct world *w = world_new_with(
		&(struct world_opts){.n_users = 1, .gate = true});
	struct weather weather = {.gate = world_gate(w)};
	pthread_t thread;

	world_uninitialize(w);
	pthread_create(&thread, NULL, change, &weather);
	for (int i = 0; i < LIVES; i++)
		one_life(w);
	atomic_store(&weather.end, true);
	pthread_join(thread, NULL);
	world_free(w);
}

/* The old one burned a processor while it waited for ever. */
static void test_B1_waiting_for_the_end_costs_no_cpu(void **state)
{
	enum { WAIT_MS = 2000 };
	struct world *w = world_new_with(
		&(struct world_opts){.n_users = 1, .gate = true});
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	mx_mono begin = mx_mono_now();
	int64_t before;

	advise(mdb);
	gate_set(world_gate(w), GATE_SILENT);
	ok(MapiarySetShutdownDeadline(WAIT_MS));
	before = cpu_ms();
	world_uninitialize(w);
	before = cpu_ms() - before;
	if ((mx_mono_now().ns - begin.ns) / MX_NS_PER_MS < WAIT_MS / 2)
		assert_true(before < WAIT_MS / 2); /* nothing to wait for */
	else
		assert_true(before < WAIT_MS / 4);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	world_free(w);
}

/* ---- B4, B21: many threads open and release ---- */

struct crowd {
	struct world *w;
	LPMAPISESSION s; /* NULL: each time another */
	int times;
};

static void *open_and_release(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < c->times; i++) {
		LPMAPISESSION s = c->s ? c->s : world_logon(c->w, 0);
		LPMDB mdb = world_store(s, 0);
		LPMAPIFOLDER inbox = world_inbox(mdb, 0);

		/* the store first: B27 */
		IMsgStore_Release(mdb);
		IMAPIFolder_Release(inbox);
		if (!c->s)
			IMAPISession_Release(s);
	}
	return NULL;
}

static void run_crowd(struct crowd *c, int n)
{
	pthread_t threads[32];

	for (int i = 0; i < n; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						open_and_release, c),
				 0);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

/* ThreadSanitizer sees the order of locks here. */
static void test_B4_32_threads_open_and_release_stores(void **state)
{
	struct world *w = world_new(1);
	struct crowd c = {.w = w, .s = world_logon(w, 0), .times = 6};

	run_crowd(&c, 32);
	IMAPISession_Release(c.s);
	world_free(w);
}

/* The last release of a user meets his first connect: three threads, mostly
 * one or none of them logged on. */
static void test_B21_last_release_meets_first_connect(void **state)
{
	struct world *w = world_new(1);
	struct crowd c = {.w = w, .times = 60};

	run_crowd(&c, 3);
	world_free(w);
}

/* ---- B30: Advise fails after 7,800 calls, of all programs together ---- */

static void test_B30_subscriptions_share_no_limit(void **state)
{
	enum { USERS = 4, EACH = 2500 };
	struct world *w = world_new_with(&(struct world_opts){
		.n_users = USERS, .server = {.max_objects = EACH + 10}});
	LPMAPISESSION s[USERS];
	LPMDB mdb[USERS];

	for (unsigned i = 0; i < USERS; i++) {
		s[i] = world_logon(w, i);
		mdb[i] = world_store(s[i], 0);
		for (unsigned k = 0; k < EACH; k++)
			assert_int_not_equal(advise(mdb[i]), 0);
	}
	for (unsigned i = 0; i < USERS; i++) {
		IMsgStore_Release(mdb[i]);
		IMAPISession_Release(s[i]);
	}
	world_free(w);
}

/* ---- B48 to B50: names ---- */

static void test_B48_profile_names_may_be_anything(void **state)
{
	struct world *w = world_new(1);
	char longest[301];
	const char *names[] = {"/o=Org/cn=Recipients/cn=ann", "..", "a\\b:c*?",
			       "\xc3\xa4\xc3\xb6\xc3\xbc \xe6\x97\xa5",
			       longest};
	MAPIARY_CONFIG c;

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	world_config(w, 0, &c);
	ok(MapiaryImpersonate(world_user(w, 0)));
	for (size_t i = 0; i < MX_ARRAY_SIZE(names); i++) {
		LPMAPISESSION s = NULL;

		ok(MapiaryDefineProfile(names[i], &c));
		ok(MAPILogonEx(0, (LPTSTR)names[i], NULL,
			       MAPI_EXTENDED | MAPI_NEW_SESSION |
				       MAPI_EXPLICIT_PROFILE | MAPI_NO_MAIL,
			       &s));
		IMAPISession_Release(s);
		ok(MapiaryDefineProfile(names[i], NULL));
	}
	ok(MapiaryRevert());
	world_free(w);
}

/* ---- B54: no public folders, no logon ---- */

static void test_B54_a_server_without_public_folders(void **state)
{
	SizedSPropTagArray(1, cols) = {1, {PR_MDB_PROVIDER}};
	struct world *w = world_new(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMAPITABLE t = NULL;
	LPSRowSet rows = NULL;

	ok(IMAPISession_GetMsgStoresTable(s, 0, &t));
	ok(HrQueryAllRows(t, (LPSPropTagArray)(void *)&cols, NULL, NULL, 0,
			  &rows));
	assert_int_equal(rows->cRows, 1); /* the mailbox alone */
	FreeProws(rows);
	IMAPITable_Release(t);
	IMAPISession_Release(s);
	world_free(w);
}

/* ---- B55: the process belongs to the program ---- */

struct process {
	char cwd[512], locale[256], tz[64];
	mode_t umask;
	sigset_t blocked;
	struct sigaction actions[32];
	struct rlimit limits[RLIM_NLIMITS];
};

static void look(struct process *p)
{
	const char *tz = getenv("TZ");

	memset(p, 0, sizeof(*p));
	assert_non_null(getcwd(p->cwd, sizeof(p->cwd)));
	snprintf(p->locale, sizeof(p->locale), "%s", setlocale(LC_ALL, NULL));
	snprintf(p->tz, sizeof(p->tz), "%s", tz ? tz : "-");
	p->umask = umask(0);
	umask(p->umask);
	pthread_sigmask(SIG_SETMASK, NULL, &p->blocked);
	for (int i = 1; i < 32; i++)
		sigaction(i, NULL, &p->actions[i]);
	for (int i = 0; i < RLIM_NLIMITS; i++)
		getrlimit((__rlimit_resource_t)i, &p->limits[i]);
}

static void assert_same(const struct process *a, const struct process *b)
{
	assert_string_equal(a->cwd, b->cwd);
	assert_string_equal(a->locale, b->locale);
	assert_string_equal(a->tz, b->tz);
	assert_int_equal(a->umask, b->umask);
	for (int i = 1; i < 32; i++) {
		assert_int_equal(sigismember(&a->blocked, i),
				 sigismember(&b->blocked, i));
		assert_ptr_equal(a->actions[i].sa_handler,
				 b->actions[i].sa_handler);
		assert_int_equal(a->actions[i].sa_flags,
				 b->actions[i].sa_flags);
	}
	assert_memory_equal(a->limits, b->limits, sizeof(a->limits));
}

static void test_B55_the_process_is_left_as_it_was(void **state)
{
	struct world *w = world_new(1);
	struct process before, during, after;
	LPMAPISESSION s;
	LPMDB mdb;

	world_uninitialize(w);
	look(&before);
	ok(MAPIInitialize(NULL));
	s = world_logon(w, 0);
	mdb = world_store(s, 0);
	advise(mdb);
	look(&during);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	MAPIUninitialize();
	look(&after);
	assert_same(&before, &during);
	assert_same(&before, &after);
	world_free(w);
}

/* ---- B57: looking creates folders ---- */

/* Grows whenever anything is committed to the mailbox by somebody else. */
static int data_version(sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	int v;

	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA data_version", -1, &st,
					    NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return v;
}

static sqlite3 *open_database(struct world *w)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	struct mx_store *st = mx_server_store(world_server(w));
	sqlite3 *db = NULL;
	struct mx_user u;
	struct mx_guid g;
	char path[600];

	assert_int_equal(mx_dir_by_name(st, "u0", &a, &u), 0);
	memcpy(g.b, u.mailbox, sizeof(g.b));
	mx_store_path(st, &g, path, sizeof(path));
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL),
			 SQLITE_OK);
	return db;
}

static void read_all(LPMAPIFOLDER inbox)
{
	LPMAPITABLE t = NULL;
	LPSRowSet rows = NULL;

	ok(IMAPIFolder_GetContentsTable(inbox, 0, &t));
	ok(HrQueryAllRows(t, NULL, NULL, NULL, 0, &rows));
	assert_int_equal(rows->cRows, 1);
	FreeProws(rows);
	IMAPITable_Release(t);
	ok(IMAPIFolder_GetHierarchyTable(inbox, CONVENIENT_DEPTH, &t));
	ok(HrQueryAllRows(t, NULL, NULL, NULL, 0, &rows));
	FreeProws(rows);
	IMAPITable_Release(t);
}

static void test_B57_looking_writes_nothing(void **state)
{
	struct world *w = world_new(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);
	LPMESSAGE m = put_message(inbox, "one", "body");
	sqlite3 *db = open_database(w);
	int before = data_version(db);

	UlRelease(m);
	UlRelease(inbox);
	UlRelease(mdb);
	UlRelease(s);
	s = world_logon(w, 0);
	mdb = world_store(s, 0);
	inbox = world_inbox(mdb, 0);
	advise(mdb);
	read_all(inbox);
	UlRelease(inbox);
	UlRelease(mdb);
	UlRelease(s);
	world_uninitialize(w); /* all of it has arrived at the server */
	assert_int_equal(data_version(db), before);
	/* which a change would not let pass */
	ok(MAPIInitialize(NULL));
	s = world_logon(w, 0);
	mdb = world_store(s, 0);
	inbox = world_inbox(mdb, 0);
	UlRelease(put_message(inbox, "two", "body"));
	assert_int_not_equal(data_version(db), before);
	UlRelease(inbox);
	UlRelease(mdb);
	UlRelease(s);
	MAPIUninitialize();
	sqlite3_close(db);
	world_free(w);
}

/* ---- B74: text loses its line ends ---- */

static void test_B74_text_keeps_its_line_ends(void **state)
{
	static const char text[] = "one\r\ntwo\n\nthree\r\n\r\n";
	struct world *w = world_new(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);
	LPMESSAGE m = put_message(inbox, "ends", text), again = NULL;
	LPSPropValue eid = NULL;
	ULONG type;
	char *got;

	ok(HrGetOneProp((LPMAPIPROP)m, PR_ENTRYID, &eid));
	IMessage_Release(m);
	ok(IMsgStore_OpenEntry(mdb, eid->Value.bin.cb,
			       (LPENTRYID)(void *)eid->Value.bin.lpb, NULL, 0,
			       &type, (LPUNKNOWN *)(void *)&again));
	got = get_text((LPMAPIPROP)again, PR_BODY);
	assert_string_equal(got, text);
	MAPIFreeBuffer(got);
	MAPIFreeBuffer(eid);
	IMessage_Release(again);
	IMAPIFolder_Release(inbox);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	world_free(w);
}

MX_TEST_MAIN(MX_TEST_IN(test_B1_shutdown_again_and_again_beside_notifications,
			120),
	     MX_TEST(test_B1_waiting_for_the_end_costs_no_cpu),
	     MX_TEST_IN(test_B4_32_threads_open_and_release_stores, 120),
	     MX_TEST_IN(test_B21_last_release_meets_first_connect, 120),
	     MX_TEST_IN(test_B30_subscriptions_share_no_limit, 120),
	     MX_TEST(test_B48_profile_names_may_be_anything),
	     MX_TEST(test_B54_a_server_without_public_folders),
	     MX_TEST(test_B55_the_process_is_left_as_it_was),
	     MX_TEST(test_B57_looking_writes_nothing),
	     MX_TEST(test_B74_text_keeps_its_line_ends))
