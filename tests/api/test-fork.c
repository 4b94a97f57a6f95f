/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork() in a running program: the child has nothing of its parent's, sends
 * nothing, and starts afresh; the parent does not notice.
 */
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hive.h"
#include "kinds.h"

#ifdef __SANITIZE_ADDRESS__
/* Its allocator may be locked in the child: no load beside the forks. */
#define N_FORKS 20
#define N_LOAD 0
#else
#define N_FORKS 200
#define N_LOAD 4
#endif

static struct kinds k;
static unsigned sockets_before;

static LONG STDAPICALLTYPE ignore(LPVOID arg, ULONG n, LPNOTIFICATION v)
{
	return 0;
}

static struct hive *begin(unsigned n_users)
{
	struct hive *h = hive_new(n_users);

	hive_fds(&sockets_before);
	must_ok(MAPIInitialize(NULL));
	return h;
}

static void save(LPMAPIFOLDER f, const char *subject)
{
	LPMESSAGE m = hive_message(f, subject);

	IMessage_Release(m);
}

/* Neither a descriptor of the segment's file nor a mapping. */
static void check_no_segment(void)
{
	const char *segment = getenv("MAPIARY_SEGMENT");
	char line[1024];
	FILE *f = fopen("/proc/self/maps", "re");

	must(f);
	while (fgets(line, sizeof(line), f))
		must(!strstr(line, segment));
	fclose(f);
	for (int fd = 0; fd < 1024; fd++) {
		char name[64];
		ssize_t n;

		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		n = readlink(name, line, sizeof(line) - 1);
		line[n < 0 ? 0 : n] = '\0';
		must(!strstr(line, segment));
	}
}

static void check_no_sockets(void)
{
	unsigned sockets;

	hive_fds(&sockets);
	must(sockets == sockets_before);
}

static int try_inherited(struct hive *h, void *arg)
{
	LPMAPIERROR e = (LPMAPIERROR)1;

	check_no_segment();
	check_no_sockets();
	kinds_expect(&k, MAPI_E_NOT_INITIALIZED);
	must_ok(IMAPISession_GetLastError((LPMAPISESSION)(void *)k.v[0],
					  MAPI_E_NOT_INITIALIZED, 0, &e));
	must(!e);
	must(IMsgStore_Unadvise((LPMDB)(void *)k.v[KIND_STORE], k.of_store) ==
	     MAPI_E_NOT_INITIALIZED);
	for (unsigned i = 0; i < N_KINDS; i++)
		must(k.v[i]->lpVtbl->AddRef(k.v[i]) ==
		     k.v[i]->lpVtbl->Release(k.v[i]) + 1);
	kinds_release(&k, 1);
	MAPIUninitialize(); /* of the parent's: nothing happens */
	must(hive_threads() == 1);
	return 0;
}

static void check_parent_works(struct hive *h)
{
	LPMAPIFOLDER f = (LPMAPIFOLDER)(void *)k.v[KIND_FOLDER];
	MAPIARY_SESSION_INFO info = {.cbSize = sizeof(info)};
	LPMESSAGE m = hive_message(f, "still here");

	IMessage_Release(m);
	must_ok(IMessage_SaveChanges((LPMESSAGE)(void *)k.v[KIND_MESSAGE],
				     KEEP_OPEN_READWRITE));
	must_ok(MapiaryGetSessionInfo((LPMAPISESSION)(void *)k.v[KIND_SESSION],
				      &info));
	/* Nobody disturbed the connection. */
	assert_int_equal(info.cReconnects, 0);
	assert_int_equal(hive_stats(h).contexts, 1);
}

static void end(struct hive *h)
{
	kinds_release(&k, 3);
	MAPIUninitialize();
	hive_wait_contexts(h, 0);
	hive_free(h);
}

static void test_child_holds_nothing_and_sends_nothing(void **state)
{
	struct hive *h = begin(1);
	uint64_t connections;

	kinds_open(&k, hive_logon(h, 0), ignore, NULL);
	connections = hive_stats(h).connections;
	assert_int_equal(hive_join(hive_child(h, try_inherited, NULL)), 0);
	/* It had no socket, and made none. */
	assert_int_equal(hive_stats(h).connections, connections);
	check_parent_works(h);
	end(h);
}

/* With work of the parent's user: reads what the parent saved, saves more. */
static int start_afresh(struct hive *h, void *arg)
{
	unsigned live, conns;
	LPMAPITABLE t = NULL;
	LPMAPISESSION s;
	LPMAPIFOLDER f;
	LPMDB mdb;
	ULONG n = 0;

	must_ok(MAPIInitialize(NULL));
	s = hive_logon(h, 0);
	mdb = hive_store(s);
	f = hive_inbox(mdb);
	must_ok(IMAPIFolder_GetContentsTable(f, 0, &t));
	must_ok(IMAPITable_GetRowCount(t, 0, &n));
	must(n > 0);
	save(f, "from the child");
	hive_registry(&live, &conns);
	must(live == 2 && conns == 2); /* the parent's and ours */
	kinds_release(&k, 2);          /* inherited, and inert */
	IMAPITable_Release(t);
	IMAPIFolder_Release(f);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	MAPIUninitialize();
	hive_registry(&live, &conns);
	must(live == 1 && conns == 1);
	return 0;
}

static void test_child_starts_afresh(void **state)
{
	struct hive *h = begin(1);

	kinds_open(&k, hive_logon(h, 0), ignore, NULL);
	assert_int_equal(hive_join(hive_child(h, start_afresh, NULL)), 0);
	check_parent_works(h);
	end(h);
}

static int exit_in_child(struct hive *h, void *arg)
{
	exit(0);
	return 1;
}

static int grandchild(struct hive *h, void *arg)
{
	return hive_join(hive_child(h, start_afresh, NULL)) == 0 ? 0 : 1;
}

static void test_child_of_a_child_and_exit_of_a_child(void **state)
{
	struct hive *h = begin(1);

	kinds_open(&k, hive_logon(h, 0), ignore, NULL);
	assert_int_equal(hive_join(hive_child(h, grandchild, NULL)), 0);
	assert_int_equal(hive_join(hive_child(h, exit_in_child, NULL)), 0);
	check_parent_works(h);
	end(h);
}

/* ---- under load ---- */

struct load {
	struct hive *h;
	unsigned user;
	atomic_bool *stop;
};

static void *work(void *arg)
{
	struct load *l = arg;
	LPMAPISESSION s = hive_logon(l->h, l->user);

	while (!atomic_load(l->stop)) {
		LPMDB mdb = hive_store(s);
		LPMAPIFOLDER f = hive_inbox(mdb);

		save(f, "load");
		IMAPIFolder_Release(f);
		IMsgStore_Release(mdb);
		if (l->user % 2) {
			IMAPISession_Release(s);
			s = hive_logon(l->h, l->user);
		}
	}
	IMAPISession_Release(s);
	return NULL;
}

static int one_of_many(struct hive *h, void *arg)
{
	unsigned i = *(unsigned *)arg;
	LPMAPISESSION s;
	LPMDB mdb;

	check_no_segment();
	check_no_sockets();
	kinds_release(&k, i);
	if (i % 8)
		return 0;
	must_ok(MAPIInitialize(NULL));
	s = hive_logon(h, 0);
	mdb = hive_store(s);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	MAPIUninitialize();
	return 0;
}

static void test_many_forks_while_all_locks_are_in_use(void **state)
{
	struct hive *h = begin(1 + N_LOAD);
	atomic_bool stop = false;
	struct load l[N_LOAD + 1];
	pthread_t id[N_LOAD + 1];

	kinds_open(&k, hive_logon(h, 0), ignore, NULL);
	for (int i = 0; i < N_LOAD; i++) {
		l[i] = (struct load){h, 1 + (unsigned)i, &stop};
		assert_int_equal(pthread_create(&id[i], NULL, work, &l[i]), 0);
	}
	for (unsigned i = 0; i < N_FORKS; i++)
		assert_int_equal(hive_join(hive_child(h, one_of_many, &i)), 0);
	atomic_store(&stop, true);
	for (int i = 0; i < N_LOAD; i++)
		pthread_join(id[i], NULL);
	hive_wait_contexts(h, 1);
	check_parent_works(h);
	end(h);
}

/* ---- from a callback ---- */

static struct {
	struct hive *h;
	sem_t done;
	unsigned rung;
	int status;
} C;

static LONG STDAPICALLTYPE fork_here(LPVOID arg, ULONG n, LPNOTIFICATION v)
{
	if (C.rung++) /* the child's own message */
		return 0;
	C.status = hive_join(hive_child(C.h, start_afresh, NULL));
	sem_post(&C.done);
	return 0;
}

static void test_fork_from_a_callback(void **state)
{
	struct hive *h = begin(1);
	LPMAPIADVISESINK sink = NULL;
	ULONG_PTR conn = 0;

	C.h = h;
	sem_init(&C.done, 0, 0);
	kinds_open(&k, hive_logon(h, 0), ignore, NULL);
	must_ok(HrAllocAdviseSink(fork_here, NULL, &sink));
	must_ok(IMsgStore_Advise((LPMDB)(void *)k.v[KIND_STORE], 0, NULL,
				 fnevObjectCreated, sink, &conn));
	save((LPMAPIFOLDER)(void *)k.v[KIND_FOLDER], "ring");
	while (sem_wait(&C.done))
		;
	assert_int_equal(C.status, 0);
	must_ok(IMsgStore_Unadvise((LPMDB)(void *)k.v[KIND_STORE], conn));
	IMAPIAdviseSink_Release(sink);
	check_parent_works(h);
	end(h);
}

/* ---- exec ---- */

/* posix_spawn runs no fork handlers: what is open there was not closed by exec.
 * Returns how many descriptors `ls` has. */
static unsigned spawn_and_count(void)
{
	char *argv[] = {(char *)"ls", (char *)"/proc/self/fd", NULL};
	char *envp[] = {NULL}, out[512];
	posix_spawn_file_actions_t act;
	unsigned lines = 0;
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_addopen(&act, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&act, fds[1], 1);
	posix_spawn_file_actions_addopen(&act, 2, "/dev/null", O_WRONLY, 0);
	assert_int_equal(posix_spawn(&pid, "/bin/ls", &act, NULL, argv, envp),
			 0);
	posix_spawn_file_actions_destroy(&act);
	close(fds[1]);
	while ((n = read(fds[0], out, sizeof(out))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += out[i] == '\n';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return lines;
}

static void test_exec_inherits_no_descriptor(void **state)
{
	unsigned before = spawn_and_count();
	struct hive *h = begin(1);

	kinds_open(&k, hive_logon(h, 0), ignore, NULL);
	assert_true(MapiaryNotificationFd() >= 0);
	assert_int_equal(spawn_and_count(), before);
	end(h);
}

MX_TEST_MAIN(MX_TEST(test_child_holds_nothing_and_sends_nothing),
	     MX_TEST(test_child_starts_afresh),
	     MX_TEST(test_child_of_a_child_and_exit_of_a_child),
	     MX_TEST_IN(test_many_forks_while_all_locks_are_in_use, 120),
	     MX_TEST(test_fork_from_a_callback),
	     MX_TEST(test_exec_inherits_no_descriptor))
