/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On whose behalf a thread works, as a program sees it: impersonation, kernel
 * credentials, the process's own context.  Threads take on other kernel
 * credentials by the raw system call, which needs root, as CI has.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "world.h"

#define UNIX_USER 54321u
#define UNIX_SID "S-1-22-1-54321"

static void need_root(void)
{
	if (geteuid() != 0)
		mx_test_skip("needs root to change a thread's user id");
}

static void on_thread(void *(*fn)(void *), void *arg)
{
	pthread_t id;

	assert_int_equal(pthread_create(&id, NULL, fn, arg), 0);
	assert_int_equal(pthread_join(id, NULL), 0);
}

/* Logs on as whoever the thread is. */
static HRESULT logon_as_i_am(struct world *w, unsigned mailbox, ULONG flags,
			     LPMAPISESSION *ret)
{
	MAPIARY_CONFIG c;

	world_config(w, mailbox, &c);
	c.ulFlags |= flags;
	return MapiaryLogon(NULL, &c, 0, ret);
}

static void assert_session_of(LPMAPISESSION s, LPMAPIARYUSER user)
{
	MAPIARY_SESSION_INFO info = {.cbSize = sizeof(info)};

	ok(MapiaryGetSessionInfo(s, &info));
	assert_string_equal(info.szSid, MapiaryUserSid(user));
}

static void use(LPMAPISESSION s)
{
	LPMDB mdb = world_store(s, 0);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);

	IMAPIFolder_Release(inbox);
	IMsgStore_Release(mdb);
}

/* --- Impersonation ------------------------------------------------------ */

static void test_impersonation_nests(void **state)
{
	struct world *w = world_new(3);
	LPMAPISESSION s[3];

	for (unsigned i = 0; i < 3; i++)
		ok(MapiaryImpersonate(world_user(w, i)));
	for (unsigned i = 3; i-- > 0;) {
		ok(logon_as_i_am(w, i, 0, &s[i]));
		assert_session_of(s[i], world_user(w, i));
		ok(MapiaryRevert());
	}
	assert_int_equal(MapiaryRevert(), MAPI_E_NOT_FOUND);
	for (unsigned i = 0; i < 3; i++)
		IMAPISession_Release(s[i]);
	world_free(w);
}

struct use_job {
	struct world *w;
	LPMAPISESSION s;
};

static void *use_as_another(void *arg)
{
	struct use_job *job = arg;

	ok(MapiaryImpersonate(world_user(job->w, 1)));
	use(job->s);
	ok(MapiaryRevert());
	return NULL;
}

static struct {
	pthread_mutex_t lock;
	unsigned seen, wrong;
	uint64_t context; /* of the session looked at; 0: none yet */
	uint64_t owner;
} server_log = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Every session context has one owner, whoever's thread sends. */
static void on_access(void *arg, const struct mx_access *a)
{
	pthread_mutex_lock(&server_log.lock);
	if (a->context && !server_log.context) {
		server_log.context = a->context;
		server_log.owner = a->owner;
	}
	if (a->context == server_log.context) {
		server_log.seen++;
		server_log.wrong += a->owner != server_log.owner ||
				    a->status != 200 || a->code > 0;
	}
	pthread_mutex_unlock(&server_log.lock);
}

/* A session keeps the user it was logged on as: after the revert, on a thread
 * that is somebody else, on one that is nobody. */
static void test_contexts_survive_in_sessions_after_revert(void **state)
{
	struct world *w = world_new_with(
		&(struct world_opts){.n_users = 2, .on_access = on_access});
	struct use_job job = {.w = w};

	ok(MapiaryImpersonate(world_user(w, 0)));
	ok(logon_as_i_am(w, 0, 0, &job.s));
	ok(MapiaryRevert());
	use(job.s);
	on_thread(use_as_another, &job);
	assert_session_of(job.s, world_user(w, 0));
	ok(MapiaryImpersonate(world_user(w, 1)));
	use(job.s);
	ok(MapiaryRevert());
	IMAPISession_Release(job.s);
	world_free(w);
	assert_true(server_log.seen > 3);
	assert_int_equal(server_log.wrong, 0);
}

/* --- Threads that say nothing ------------------------------------------- */

static void test_b47_a_silent_thread_gets_what_is_configured(void **state)
{
	struct world *w = world_new(1);
	LPMAPISESSION s = NULL;

	assert_int_equal(logon_as_i_am(w, 0, 0, &s), MAPI_E_UNCONFIGURED);
	assert_non_null(strstr(MapiaryLastErrorText(), "acts for nobody"));
	ok(MapiarySetProcessUser(world_user(w, 0)));
	assert_int_equal(logon_as_i_am(w, 0, MAPIARY_EXPLICIT_USER, &s),
			 MAPI_E_UNCONFIGURED);
	assert_null(s);
	ok(logon_as_i_am(w, 0, 0, &s));
	assert_session_of(s, world_user(w, 0));
	IMAPISession_Release(s);
	ok(MapiarySetProcessUser(NULL));
	assert_int_equal(logon_as_i_am(w, 0, 0, &s), MAPI_E_UNCONFIGURED);
	world_free(w);
}

/* --- Kernel credentials ------------------------------------------------- */

struct unix_job {
	struct world *w;
	LPMAPISESSION s;
	HRESULT hr;
	char error[600];
};

static void *logon_as_unix_user(void *arg)
{
	struct unix_job *job = arg;

	if (syscall(SYS_setresuid, -1, UNIX_USER, -1))
		abort();
	job->s = NULL;
	job->hr = logon_as_i_am(job->w, 0, 0, &job->s);
	snprintf(job->error, sizeof(job->error), "%s", MapiaryLastErrorText());
	return NULL;
}

/* Without a word from the program it is that Unix user, who has nothing here to
 * prove it by; never the process's context, which could log on. */
static void test_another_kernel_user_acts_for_himself(void **state)
{
	struct unix_job job = {0};

	need_root();
	job.w = world_new(1);
	ok(MapiarySetProcessUser(world_user(job.w, 0)));
	on_thread(logon_as_unix_user, &job);
	assert_int_equal(job.hr, MAPI_E_LOGON_FAILED);
	assert_null(job.s);
	if (!strstr(job.error, UNIX_SID))
		fail_msg("%s", job.error);
	ok(MapiarySetProcessUser(NULL));
	world_free(job.w);
}

static LPMAPIARYUSER unix_user_of(struct world *w)
{
	MAPIARY_USER_PARAMS who = {.cbSize = sizeof(who),
				   .lpszSid = UNIX_SID,
				   .lpszLogin = "u0",
				   .lpszPassword = "secret-0"};
	LPMAPIARYUSER user = NULL;

	ok(MapiaryCreateUser(&who, &user));
	return user;
}

static void test_another_kernel_user_is_the_one_registered(void **state)
{
	struct unix_job job = {0};
	LPMAPIARYUSER user;

	need_root();
	job.w = world_new(2);
	user = unix_user_of(job.w);
	ok(MapiarySetProcessUser(world_user(job.w, 1)));
	ok(MapiaryRegisterUnixUser(UNIX_USER, user));
	on_thread(logon_as_unix_user, &job);
	if (job.hr != S_OK)
		fail_msg("%s", job.error);
	assert_session_of(job.s, user);
	use(job.s);
	IMAPISession_Release(job.s);
	ok(MapiaryRegisterUnixUser(UNIX_USER, NULL));
	ok(MapiarySetProcessUser(NULL));
	MapiaryUserRelease(user);
	world_free(job.w);
}

struct asked {
	struct world *w;
	ULONG uid, calls;
	HRESULT hr;
};

static HRESULT STDAPICALLTYPE find_user(LPVOID context, ULONG uid,
					LPMAPIARYUSER *ret)
{
	struct asked *a = context;

	a->uid = uid;
	a->calls++;
	if (FAILED(a->hr))
		return a->hr;
	*ret = unix_user_of(a->w);
	return S_OK;
}

static void test_the_program_is_asked_for_kernel_users(void **state)
{
	struct unix_job job = {0};
	struct asked a = {.hr = S_OK};
	MAPIARY_SESSION_INFO info = {.cbSize = sizeof(info)};

	need_root();
	a.w = job.w = world_new(1);
	ok(MapiarySetUnixUserSource(find_user, &a));
	on_thread(logon_as_unix_user, &job);
	if (job.hr != S_OK)
		fail_msg("%s", job.error);
	assert_int_equal(a.uid, UNIX_USER);
	assert_int_equal(a.calls, 1);
	ok(MapiaryGetSessionInfo(job.s, &info));
	assert_string_equal(info.szSid, UNIX_SID);
	use(job.s);
	IMAPISession_Release(job.s);

	a.hr = MAPI_E_NO_ACCESS;
	on_thread(logon_as_unix_user, &job);
	assert_int_equal(job.hr, MAPI_E_NO_ACCESS);
	assert_non_null(strstr(job.error, "Unix user 54321"));
	ok(MapiarySetUnixUserSource(NULL, NULL));
	world_free(job.w);
}

/* --- The first call from an impersonating thread ------------------------ */

/* "Uid:" of one thread is the process's, all four. */
static bool is_roots(const char *tid)
{
	char path[300], line[256];
	unsigned u[4] = {1, 1, 1, 1};
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", tid);
	f = fopen(path, "re");
	if (!f)
		return true; /* ended meanwhile */
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Uid: %u %u %u %u", &u[0], &u[1], &u[2],
			   &u[3]) == 4)
			break;
	fclose(f);
	return !(u[0] | u[1] | u[2] | u[3]);
}

/* How many threads there are beside the calling one; all have to be root's. */
static unsigned roots_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || atoi(e->d_name) == gettid())
			continue;
		if (!is_roots(e->d_name))
			fail_msg("thread %s has other credentials than the "
				 "process",
				 e->d_name);
		n++;
	}
	closedir(d);
	return n;
}

static LONG STDAPICALLTYPE count_events(LPVOID context, ULONG n,
					LPNOTIFICATION v)
{
	__atomic_add_fetch((unsigned *)context, n, __ATOMIC_RELAXED);
	return 0;
}

struct first_job {
	struct world *w;
	unsigned before, after, events;
};

/* All there is to start: the registry, the engine, the callbacks' pool. */
static void *first_calls(void *arg)
{
	struct first_job *job = arg;
	LPMAPIADVISESINK sink = NULL;
	LPMAPISESSION s = NULL;
	LPMAPIFOLDER inbox;
	ULONG_PTR key = 0;
	LPMESSAGE m;
	LPMDB mdb;

	if (syscall(SYS_setresuid, -1, UNIX_USER, -1))
		abort();
	ok(MAPIInitialize(NULL));
	s = world_logon(job->w, 0);
	mdb = world_store(s, 0);
	inbox = world_inbox(mdb, 0);
	ok(HrAllocAdviseSink(count_events, &job->events, &sink));
	ok(IMsgStore_Advise(mdb, 0, NULL, fnevObjectCreated, sink, &key));
	m = put_message(inbox, "subject", "body");
	while (!__atomic_load_n(&job->events, __ATOMIC_RELAXED))
		sched_yield();
	job->after = roots_threads();
	ok(IMsgStore_Unadvise(mdb, key));
	IMAPIAdviseSink_Release(sink);
	IMessage_Release(m);
	IMAPIFolder_Release(inbox);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	MAPIUninitialize();
	return NULL;
}

/* The segment is the process's user's, and no helper thread ever has its
 * creator's credentials. */
static void test_first_call_of_an_impersonating_thread(void **state)
{
	struct first_job job = {0};
	struct stat st;

	need_root();
	job.w = world_new(1);
	world_uninitialize(job.w);
	unlink(getenv("MAPIARY_SEGMENT"));
	job.before = roots_threads();
	on_thread(first_calls, &job);
	assert_true(job.after > job.before);
	assert_int_equal(stat(getenv("MAPIARY_SEGMENT"), &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	world_free(job.w);
}

/* First of all, while nothing has been started yet. */
MX_TEST_MAIN(MX_TEST(test_first_call_of_an_impersonating_thread),
	     MX_TEST(test_impersonation_nests),
	     MX_TEST(test_contexts_survive_in_sessions_after_revert),
	     MX_TEST(test_b47_a_silent_thread_gets_what_is_configured),
	     MX_TEST(test_another_kernel_user_acts_for_himself),
	     MX_TEST(test_another_kernel_user_is_the_one_registered),
	     MX_TEST(test_the_program_is_asked_for_kernel_users))
