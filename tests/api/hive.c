/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hive.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "connlist/snapshot.h"
#include "store/dir.h"

#define MAX_USERS 64

struct hello {
	char url[64];
	char dn[MAX_USERS][200];
};

struct hive {
	unsigned n;
	pid_t server;
	int talk;
	bool killed;
	struct hello hello;
};

/* ---- the server's side ---- */

static void add_user(struct mx_server *srv, unsigned i, char dn[200])
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	char name[16], password[32];
	struct mx_user row = {.name = name}, got;

	snprintf(name, sizeof(name), "u%u", i);
	snprintf(password, sizeof(password), "secret-%u", i);
	must(mx_dir_add(mx_server_store(srv), &row, password, &a, &got) == 0);
	snprintf(dn, 200, "%s", got.dn);
}

static void serve(struct hive *h, int fd, const char *dir)
{
	struct mx_server_params params = {.dir = dir};
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_server *srv;
	struct mx_server_stats st;
	struct hello *hello = &h->hello;
	char ask;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mx_server_start(&params, &f, &srv)) {
		fprintf(stderr, "server: %s\n", f.text);
		_exit(1);
	}
	for (unsigned i = 0; i < h->n; i++)
		add_user(srv, i, h->hello.dn[i]);
	snprintf(h->hello.url, sizeof(h->hello.url), "%s", mx_server_url(srv));
	must(write(fd, hello, sizeof(*hello)) == sizeof(*hello));
	while (read(fd, &ask, 1) == 1) {
		mx_server_stats(srv, &st);
		must(write(fd, &st, sizeof(st)) == sizeof(st));
	}
	mx_server_stop(srv);
	_exit(0);
}

/* ---- the test's side ---- */

void hive_die(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not so: %s (%s)\n", file, line, what,
		MapiaryLastErrorText());
	fflush(NULL);
	_exit(101);
}

static void read_all(int fd, void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t k = read(fd, (char *)p + at, n - at);

		if (k < 0 && errno == EINTR)
			continue;
		must(k > 0);
		at += (size_t)k;
	}
}

struct hive *hive_new(unsigned n_users)
{
	static int count;
	struct hive *h = calloc(1, sizeof(*h));
	char dir[300], segment[300];
	int fds[2];

	assert_non_null(h);
	assert_true(n_users <= MAX_USERS);
	snprintf(segment, sizeof(segment), "%s/segment", mx_test_dir());
	setenv("MAPIARY_SEGMENT", segment, 1);
	snprintf(dir, sizeof(dir), "%s/hive-%d", mx_test_dir(), count++);
	h->n = n_users;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	fflush(NULL);
	h->server = fork();
	assert_true(h->server >= 0);
	if (h->server == 0) {
		close(fds[0]);
		serve(h, fds[1], dir);
	}
	close(fds[1]);
	h->talk = fds[0];
	read_all(h->talk, &h->hello, sizeof(h->hello));
	return h;
}

void hive_free(struct hive *h)
{
	int status;

	close(h->talk);
	status = hive_join(h->server);
	if (!h->killed)
		assert_int_equal(status, 0);
	free(h);
}

void hive_stop(struct hive *h)
{
	int status;

	kill(h->server, SIGSTOP);
	assert_int_equal(waitpid(h->server, &status, WUNTRACED), h->server);
	assert_true(WIFSTOPPED(status));
}

void hive_go_on(struct hive *h)
{
	kill(h->server, SIGCONT);
}

void hive_kill(struct hive *h)
{
	siginfo_t info;

	h->killed = true;
	kill(h->server, SIGKILL);
	/* It is gone, and still to be joined. */
	assert_int_equal(
		waitid(P_PID, (id_t)h->server, &info, WEXITED | WNOWAIT), 0);
}

struct mx_server_stats hive_stats(struct hive *h)
{
	struct mx_server_stats st;

	must(write(h->talk, "?", 1) == 1);
	read_all(h->talk, &st, sizeof(st));
	return st;
}

void hive_wait_contexts(struct hive *h, unsigned n)
{
	const struct timespec pause = {.tv_nsec = 5 * MX_NS_PER_MS};

	/* To the case's deadline. */
	while (hive_stats(h).contexts != n)
		nanosleep(&pause, NULL);
}

LPMAPIARYUSER hive_user(struct hive *h, unsigned i)
{
	char name[16], password[32];
	MAPIARY_USER_PARAMS who = {.cbSize = sizeof(who)};
	LPMAPIARYUSER user = NULL;
	char sid[64];

	snprintf(name, sizeof(name), "u%u", i);
	snprintf(password, sizeof(password), "secret-%u", i);
	/* The same one in each process. */
	snprintf(sid, sizeof(sid), "S-1-5-21-11-22-33-%u", 1000 + i);
	who.lpszLogin = name;
	who.lpszPassword = password;
	who.lpszSid = sid;
	must_ok(MapiaryCreateUser(&who, &user));
	return user;
}

void hive_config(struct hive *h, unsigned i, MAPIARY_CONFIG *ret)
{
	*ret = (MAPIARY_CONFIG){.cbSize = sizeof(*ret)};
	ret->lpszUrl = h->hello.url;
	ret->lpszMailboxDn = h->hello.dn[i];
}

LPMAPISESSION hive_logon(struct hive *h, unsigned i)
{
	LPMAPIARYUSER user = hive_user(h, i);
	LPMAPISESSION s = NULL;
	MAPIARY_CONFIG c;

	hive_config(h, i, &c);
	must_ok(MapiaryLogon(user, &c, 0, &s));
	MapiaryUserRelease(user);
	return s;
}

LPMDB hive_store(LPMAPISESSION s)
{
	LPMDB mdb = NULL;

	must_ok(IMAPISession_OpenMsgStore(s, 0, 0, NULL, NULL,
					  MDB_WRITE | MAPI_BEST_ACCESS, &mdb));
	return mdb;
}

LPMAPIFOLDER hive_inbox(LPMDB mdb)
{
	LPMAPIFOLDER f = NULL;
	LPENTRYID eid = NULL;
	ULONG n = 0, type = 0;

	must_ok(IMsgStore_GetReceiveFolder(mdb, (LPTSTR) "IPM.Note", 0, &n,
					   &eid, NULL));
	must_ok(IMsgStore_OpenEntry(mdb, n, eid, NULL, MAPI_MODIFY, &type,
				    (LPUNKNOWN *)(void *)&f));
	MAPIFreeBuffer(eid);
	return f;
}

LPMESSAGE hive_message(LPMAPIFOLDER f, const char *subject)
{
	SPropValue v[2] = {
		{PR_MESSAGE_CLASS_A, 0, {.lpszA = (LPSTR) "IPM.Note"}},
		{PR_SUBJECT_A, 0, {.lpszA = (LPSTR)subject}},
	};
	LPMESSAGE m = NULL;

	must_ok(IMAPIFolder_CreateMessage(f, NULL, 0, &m));
	must_ok(IMessage_SetProps(m, 2, v, NULL));
	must_ok(IMessage_SaveChanges(m, KEEP_OPEN_READWRITE));
	return m;
}

/* ---- processes ---- */

pid_t hive_child(struct hive *h, hive_child_fn *fn, void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(fn(h, arg));
	}
	return pid;
}

int hive_join(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

void hive_registry(unsigned *ret_live, unsigned *ret_conns)
{
	struct mx_snap snap = MX_SNAP_INIT;
	struct mx_snap_src *src;

	*ret_live = *ret_conns = 0;
	if (mx_snap_open(NULL, &src, NULL))
		return;
	assert_int_equal(mx_snap_take(src, &snap), 0);
	for (size_t i = 0; i < snap.n_procs; i++)
		*ret_live += snap.procs[i].alive;
	*ret_conns = (unsigned)snap.n_conns;
	mx_snap_fini(&snap);
	mx_snap_close(src);
}

unsigned hive_fds(unsigned *ret_sockets)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0, sockets = 0;
	struct dirent *e;

	must(d);
	while ((e = readdir(d))) {
		struct stat st;

		if (e->d_name[0] == '.' || atoi(e->d_name) == dirfd(d))
			continue;
		n++;
		if (!fstat(atoi(e->d_name), &st) && S_ISSOCK(st.st_mode))
			sockets++;
	}
	closedir(d);
	if (ret_sockets)
		*ret_sockets = sockets;
	return n;
}

unsigned hive_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;
	struct dirent *e;

	must(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

unsigned hive_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned n = 0;
	int c;

	must(f);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}
