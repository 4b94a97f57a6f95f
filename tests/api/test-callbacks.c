/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callbacks that do not return: whom they hold up, and what `mapiary doctor`
 * says of them from outside.  (B11, promise 7)
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mapiutil.h>

#include "base/clock.h"
#include "world.h"

static struct {
	sem_t in, out;
	atomic_uint inside, most, heard, elsewhere;
} H;

static void begin(void)
{
	memset(&H, 0, sizeof(H));
	sem_init(&H.in, 0, 0);
	sem_init(&H.out, 0, 0);
}

/* The pool's threads have a name, and they alone. */
static void check_thread(void)
{
	char name[16] = "";

	pthread_getname_np(pthread_self(), name, sizeof(name));
	if (strcmp(name, "mx-callback"))
		atomic_fetch_add(&H.elsewhere, 1);
}

static LONG STDAPICALLTYPE stay(LPVOID arg, ULONG n, LPNOTIFICATION v)
{
	unsigned now = atomic_fetch_add(&H.inside, 1) + 1;
	unsigned most = atomic_load(&H.most);

	check_thread();
	while (now > most && !atomic_compare_exchange_weak(&H.most, &most, now))
		;
	sem_post(&H.in);
	while (sem_wait(&H.out))
		;
	atomic_fetch_sub(&H.inside, 1);
	return 0;
}

static LONG STDAPICALLTYPE hear(LPVOID arg, ULONG n, LPNOTIFICATION v)
{
	check_thread();
	atomic_fetch_add(&H.heard, n);
	return 0;
}

struct user {
	LPMAPISESSION s;
	LPMDB mdb;
	LPMAPIFOLDER inbox;
};

static void come(struct world *w, unsigned i, LPCSTR url, LPNOTIFCALLBACK fn,
		 struct user *ret)
{
	LPMAPIADVISESINK sink = NULL;
	ULONG_PTR key = 0;
	MAPIARY_CONFIG c;

	world_config(w, i, &c);
	c.lpszUrl = url ? url : c.lpszUrl;
	ret->s = NULL;
	ok(MapiaryLogon(world_user(w, i), &c, 0, &ret->s));
	ret->mdb = world_store(ret->s, 0);
	ret->inbox = world_inbox(ret->mdb, 0);
	ok(HrAllocAdviseSink(fn, NULL, &sink));
	ok(IMsgStore_Advise(ret->mdb, 0, NULL, fnevObjectCreated, sink, &key));
	IMAPIAdviseSink_Release(sink);
}

static void go(struct user *u)
{
	IMAPIFolder_Release(u->inbox);
	IMsgStore_Release(u->mdb);
	IMAPISession_Release(u->s);
}

static void happen(struct user *u)
{
	UlRelease(put_message(u->inbox, "subject", "body"));
}

static void wait_in(void)
{
	while (sem_wait(&H.in))
		;
}

/* Of 2, 3 or 4 threads. */
static unsigned half_of_pool(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) >= 8 ? 2 : 1;
}

/* The gate and what is behind it are two servers to the client.  All sinks of
 * the one hang; those of the other are called all the same, one by one. */
static void test_hanging_sinks_hold_half_of_the_pool_at_most(void **state)
{
	enum { N = 6, NEWS = 20 };
	struct world_opts opts = {.n_users = N + 1, .gate = true};
	struct world *w = world_new_with(&opts);
	struct user u[N + 1];

	begin();
	for (unsigned i = 0; i < N; i++)
		come(w, i, NULL, stay, &u[i]);
	come(w, N, mx_server_url(world_server(w)), hear, &u[N]);
	for (unsigned i = 0; i < N; i++)
		happen(&u[i]);
	wait_in();
	for (unsigned i = 1; i <= NEWS; i++) {
		happen(&u[N]);
		while (atomic_load(&H.heard) < i)
			sched_yield();
		assert_in_range(atomic_load(&H.inside), 1, half_of_pool());
	}
	for (unsigned i = 0; i < N; i++)
		sem_post(&H.out);
	for (unsigned i = 1; i < N; i++)
		wait_in();
	assert_in_range(H.most, 1, half_of_pool());
	assert_int_equal(H.elsewhere, 0);
	for (unsigned i = 0; i <= N; i++)
		go(&u[i]);
	world_free(w);
}

/* --- The doctor --------------------------------------------------------- */

/* Runs `mapiary doctor ARGS`; its exit status, and its output. */
static int doctor(const char *args, char *out, size_t n)
{
	char cmd[600];
	size_t len;
	FILE *p;
	int st;

	snprintf(cmd, sizeof(cmd), "exec '%s' doctor %s", getenv("MAPIARY"),
		 args);
	p = popen(cmd, "re");
	assert_non_null(p);
	len = fread(out, 1, n - 1, p);
	out[len] = '\0';
	st = pclose(p);
	assert_true(WIFEXITED(st));
	return WEXITSTATUS(st);
}

static void contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

/* Slow first, and no more than that; when it has taken six times as long, stuck.
 * Said is for whom, in which process and thread, and whose fault it is. */
static void test_doctor_names_a_callback_that_does_not_return(void **state)
{
	const struct timespec pause = {.tv_nsec = 50 * MX_NS_PER_MS};
	char out[16384], want[64];
	struct world *w;
	struct user u;
	int status;

	if (!getenv("MAPIARY"))
		mx_test_skip("needs the mapiary command");
	begin();
	w = world_new(1);
	come(w, 0, NULL, stay, &u);
	assert_int_equal(doctor("--slow 1", out, sizeof(out)), 0);
	assert_null(strstr(out, "callback"));
	happen(&u);
	wait_in();
	while (!(status = doctor("--slow 1 --json", out, sizeof(out))))
		nanosleep(&pause, NULL);
	assert_int_equal(status, 1);
	contains(out, "\"callback\"");
	contains(out, "\"error\"");
	contains(out, "\"u0\"");
	contains(out, "the program: its advise sink in process");
	snprintf(want, sizeof(want), "\"pid\": %d,", (int)getpid());
	contains(out, want);
	/* With more patience it is slow, and in order. */
	assert_int_equal(doctor("--slow 3", out, sizeof(out)), 0);
	contains(out, "warning: a callback for u0 (");
	contains(out, "has not returned for ");
	contains(out, "    whose: the program");
	contains(out, "    do: look what that thread does");
	sem_post(&H.out);
	do
		assert_int_equal(doctor("--slow 3", out, sizeof(out)), 0);
	while (strstr(out, "callback"));
	go(&u);
	world_free(w);
}

MX_TEST_MAIN(MX_TEST(test_hanging_sinks_hold_half_of_the_pool_at_most),
	     MX_TEST_IN(test_doctor_names_a_callback_that_does_not_return, 120))
