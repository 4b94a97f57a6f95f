/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several processes at once: sharing, dying, forking, stopping, and in different
 * PID namespaces.  Children are driven over a pipe, so nothing waits for time.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connlist/conn.h"
#include "connlist/test-util.h"

#define SERVER "mail.example:443"

/* --- Children ----------------------------------------------------------- */

struct kid {
	pid_t pid;
	int fd;
};

/* Runs fn(fd) in a child; fd is one end of a socket pair. */
static struct kid kid_start(int (*fn)(int fd))
{
	struct kid k;
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv),
			 0);
	k.pid = fork();
	if (k.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when a case fails */
		close(sv[0]);
		_exit(fn(sv[1]));
	}
	assert_true(k.pid > 0);
	close(sv[1]);
	k.fd = sv[0];
	return k;
}

static bool hears(int fd, char want)
{
	char c = 0;

	return read(fd, &c, 1) == 1 && c == want;
}

static void says(int fd, char c)
{
	if (write(fd, &c, 1) != 1)
		abort();
}

static int kid_wait(struct kid *k)
{
	int st = -1;

	assert_int_equal(waitpid(k->pid, &st, 0), k->pid);
	close(k->fd);
	return st;
}

static void kid_kill(struct kid *k)
{
	assert_int_equal(kill(k->pid, SIGKILL), 0);
	kid_wait(k);
}

static int attach(struct mx_reg **ret)
{
	return mx_reg_open(&(struct mx_reg_params){.path = tu_path(),
						   .max_sessions = 2},
			   ret, NULL);
}

static int open_conn(struct mx_clist *cl, mx_mono deadline,
		     struct mx_conn **ret)
{
	struct mx_conn_params p = {.server = SERVER, .deadline = deadline};

	return mx_conn_open(cl, &p, ret, NULL);
}

/* Attaches, joins user 1, opens a session with cookies, says so, and stays
 * until told to end. */
static int holder(int fd)
{
	struct mx_sid sid = mx_sid_unix(1);
	struct mx_clist *cl = NULL;
	struct mx_conn *k = NULL;
	struct mx_reg *reg = NULL;

	if (attach(&reg) || mx_clist_join(reg, &sid, "kid", &cl, NULL) ||
	    open_conn(cl, (mx_mono){0}, &k) ||
	    mx_conn_set_cookies(k, "MapiContext=kid") ||
	    mx_conn_set_poller(k, MX_POLLER_STARTING))
		return 1;
	says(fd, 'r');
	if (!hears(fd, 'q'))
		return 2;
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	mx_reg_close(reg);
	return 0;
}

static uint32_t procs_in_use(struct mx_reg *reg)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < reg->map.n_procs; i++)
		n += shm_get32(&reg->map.procs[i].state) != SHM_PROC_FREE;
	return n;
}

static struct mx_reg *fresh(void)
{
	struct mx_reg *reg = NULL;

	unlink(tu_path());
	mx_test_diagnosis(tu_diagnose, (void *)(uintptr_t)tu_path());
	assert_int_equal(mx_reg_open(&(struct mx_reg_params){.path = tu_path(),
							     .n_lists = 64,
							     .n_conns = 256,
							     .max_sessions = 2},
				     &reg, NULL),
			 0);
	return reg;
}

/* --- Sharing ------------------------------------------------------------ */

static void test_two_processes_share_lists_and_budgets(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid kid = kid_start(holder);
	struct mx_conn *k = NULL, *no = NULL;
	struct mx_clist *cl;

	assert_true(hears(kid.fd, 'r'));
	cl = tu_join(reg, 1);
	assert_int_equal(tu_claims(reg->map.list_claims, 64), 1);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &k), 0);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &no), -EDQUOT);
	says(kid.fd, 'q');
	assert_int_equal(kid_wait(&kid), 0);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &no), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_conn_close(no, MX_CONN_ENDED);
	mx_clist_leave(cl);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* Promise 6, and B17: the dead one's session is handed to the next. */
static void test_a_killed_process_leaves_nothing_but_its_session(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid kid = kid_start(holder);
	struct mx_conn *k = NULL;
	struct mx_clist *cl;
	char cookies[64];

	assert_true(hears(kid.fd, 'r'));
	assert_int_equal(procs_in_use(reg), 2);
	kid_kill(&kid);
	mx_reg_tick(reg);
	assert_int_equal(procs_in_use(reg), 1);
	cl = tu_join(reg, 1);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &k), 0);
	assert_int_equal(mx_conn_cookies(k, cookies, sizeof(cookies)), 15);
	assert_string_equal(cookies, "MapiContext=kid");
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* B17: killed a hundred times while connected, never out of places. */
static void test_b17_a_hundred_kills_do_not_exhaust_the_budget(void **state)
{
	struct mx_reg *reg = fresh();

	for (int i = 0; i < 100; i++) {
		struct kid kid = kid_start(holder);

		assert_true(hears(kid.fd, 'r'));
		kid_kill(&kid);
		mx_reg_tick(reg);
		assert_true(tu_claims(reg->map.conn_claims, 256) <= 1);
	}
	mx_reg_close(reg);
}

/* Promise 3: a wait for the poller of a process that dies ends, with no
 * deadline to help. */
static void test_waiting_for_a_dead_process_ends(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid kid = kid_start(holder);
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_clist *cl;

	assert_true(hears(kid.fd, 'r'));
	cl = tu_join(reg, 1);
	assert_int_equal(mx_clist_wait_done(cl, MX_SCOPE_PROCESS, MX_MONO_NEVER,
					    NULL, NULL, NULL),
			 0);
	assert_int_equal(mx_clist_wait_done(cl, MX_SCOPE_EVERYONE, (mx_mono){0},
					    NULL, NULL, &f),
			 -ETIMEDOUT);
	assert_int_equal(kill(kid.pid, SIGKILL), 0);
	assert_int_equal(mx_clist_wait_done(cl, MX_SCOPE_EVERYONE,
					    MX_MONO_NEVER, NULL, NULL, NULL),
			 0);
	kid_wait(&kid);
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

/* A waiter gets the place of a process that dies, with no deadline to help. */
static void test_a_place_held_by_the_dead_is_given_on(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid a = kid_start(holder), b = kid_start(holder);
	struct mx_conn *k = NULL;
	struct mx_clist *cl;

	assert_true(hears(a.fd, 'r'));
	assert_true(hears(b.fd, 'r'));
	cl = tu_join(reg, 1);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &k), -EDQUOT);
	assert_int_equal(kill(a.pid, SIGKILL), 0);
	assert_int_equal(open_conn(cl, MX_MONO_NEVER, &k), 0);
	kid_wait(&a);
	says(b.fd, 'q');
	assert_int_equal(kid_wait(&b), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

static int joiner(int fd)
{
	struct mx_reg *reg = NULL;

	if (!hears(fd, 'g') || attach(&reg))
		return 1;
	for (uint32_t i = 0; i < 200; i++) {
		struct mx_sid sid = mx_sid_unix(i % 7);
		struct mx_clist *cl = NULL;
		struct mx_conn *k = NULL;

		if (mx_clist_join(reg, &sid, "", &cl, NULL) ||
		    open_conn(cl, MX_MONO_NEVER, &k))
			return 2;
		mx_conn_close(k, MX_CONN_ENDED);
		mx_clist_leave(cl);
	}
	mx_reg_close(reg);
	return 0;
}

/* Issue: at least 50 processes at once. */
static void test_sixty_processes_at_once(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid kid[60];

	for (int i = 0; i < 60; i++)
		kid[i] = kid_start(joiner);
	for (int i = 0; i < 60; i++)
		says(kid[i].fd, 'g');
	for (int i = 0; i < 60; i++)
		assert_int_equal(kid_wait(&kid[i]), 0);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static int attach_only(int fd)
{
	struct mx_reg *reg = NULL;
	int err;

	if (!hears(fd, 'g'))
		return 1;
	err = attach(&reg);
	says(fd, err ? 'f' : 'r');
	hears(fd, 'q');
	return err ? 3 : 0;
}

/* Nobody made the file: of twenty who try at once all end up on one. */
static void test_creating_at_once_makes_one_segment(void **state)
{
	struct kid kid[20];
	struct mx_reg *reg = NULL;

	unlink(tu_path());
	for (int i = 0; i < 20; i++)
		kid[i] = kid_start(attach_only);
	for (int i = 0; i < 20; i++)
		says(kid[i].fd, 'g');
	for (int i = 0; i < 20; i++)
		assert_true(hears(kid[i].fd, 'r'));
	assert_int_equal(attach(&reg), 0);
	assert_int_equal(procs_in_use(reg), 21);
	for (int i = 0; i < 20; i++)
		kid_kill(&kid[i]);
	mx_reg_tick(reg);
	assert_int_equal(procs_in_use(reg), 1);
	mx_reg_close(reg);
}

/* --- Fork --------------------------------------------------------------- */

/* A holder that forks a child of its own, which stays; its pid over fd. */
static int forking_holder(int fd)
{
	struct mx_sid sid = mx_sid_unix(1);
	struct mx_clist *cl = NULL;
	struct mx_conn *k = NULL;
	struct mx_reg *reg = NULL;
	pid_t pid;

	if (attach(&reg) || mx_clist_join(reg, &sid, "kid", &cl, NULL) ||
	    open_conn(cl, (mx_mono){0}, &k))
		return 1;
	pid = fork();
	if (pid == 0) {
		/* Inherited handles do nothing and do not crash. */
		if (mx_clist_valid(cl) || mx_conn_valid(k) ||
		    mx_conn_set_cookies(k, "x") != -ESTALE)
			_exit(1);
		mx_conn_close(k, MX_CONN_ENDED);
		mx_clist_leave(cl);
		mx_reg_tick(reg);
		mx_reg_close(reg);
		says(fd, 'c');
		hears(fd, 'q');
		_exit(0);
	}
	if (write(fd, &pid, sizeof(pid)) != sizeof(pid))
		return 2;
	pause();
	return 3;
}

static void test_a_forked_child_keeps_no_slot_alive(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid kid = kid_start(forking_holder);
	char buf[sizeof(pid_t) + 1];
	size_t n = 0;

	while (n <
	       sizeof(buf)) { /* the pid and the child's 'c', in any order */
		ssize_t got = read(kid.fd, buf + n, sizeof(buf) - n);

		assert_true(got > 0);
		n += (size_t)got;
	}
	/* The child has closed everything it inherited; the parent's session is
	 * still there. */
	assert_int_equal(tu_claims(reg->map.conn_claims, 256), 1);
	assert_int_equal(procs_in_use(reg), 2);
	assert_int_equal(kill(kid.pid, SIGKILL), 0);
	assert_int_equal(waitpid(kid.pid, NULL, 0), kid.pid);
	mx_reg_tick(reg);
	assert_int_equal(procs_in_use(reg), 1); /* while the child lives */
	tu_assert_empty(reg);
	says(kid.fd, 'q');
	close(kid.fd);
	mx_reg_close(reg);
}

static void test_a_forked_child_can_attach_itself(void **state)
{
	struct mx_reg *reg = fresh();
	struct mx_clist *cl = tu_join(reg, 1);
	struct kid kid = kid_start(holder);

	assert_true(hears(kid.fd, 'r'));
	assert_int_equal(procs_in_use(reg), 2);
	says(kid.fd, 'q');
	assert_int_equal(kid_wait(&kid), 0);
	assert_true(mx_clist_valid(cl));
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

static void *fork_often(void *arg)
{
	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return arg;
	}
	return NULL;
}

/* Forks while others attach and detach leave no byte lock behind. */
static void test_forks_while_attaching(void **state)
{
	struct mx_reg *reg = fresh();
	pthread_t id;
	void *bad;

	assert_int_equal(pthread_create(&id, NULL, fork_often, reg), 0);
	for (int i = 0; i < 100; i++) {
		struct mx_reg *more = NULL;

		assert_int_equal(attach(&more), 0);
		mx_reg_close(more);
	}
	assert_int_equal(pthread_join(id, &bad), 0);
	assert_null(bad);
	assert_int_equal(procs_in_use(reg), 1);
	for (uint32_t i = 0; i < reg->map.n_procs; i++)
		if (i != reg->slot)
			assert_false(segment_slot_locked(reg->fd, i));
	mx_reg_close(reg);
}

/* --- Stopped ------------------------------------------------------------ */

static void stop_here(void)
{
	raise(SIGSTOP);
}

/* Stops inside the lock of user 1's bucket. */
static int stops_inside(int fd)
{
	struct mx_reg *reg = NULL;
	struct mx_sid sid = mx_sid_unix(1);
	uint32_t bucket;

	if (attach(&reg))
		return 1;
	bucket = bucket_of(&reg->map, mx_sid_crc(&sid));
	if (bucket_lock(reg, bucket, NULL))
		return 2;
	mx_shm_step = stop_here;
	shm_put32(&reg->map.header->list_hint, 0);
	mx_shm_step = NULL;
	bucket_unlock(reg, bucket);
	says(fd, 'u');
	hears(fd, 'q');
	mx_reg_close(reg);
	return 0;
}

/* Others get a clear error that names it; who releases does not even wait; when
 * it goes on, so does everybody. */
static void test_a_stopped_process_is_named(void **state)
{
	struct mx_reg *reg = fresh();
	struct mx_clist *held = tu_join(reg, 1), *no = NULL;
	struct mx_sid sid = mx_sid_unix(1);
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_conn *k = NULL;
	char pid[32];
	struct kid kid;
	int st;

	assert_int_equal(open_conn(held, (mx_mono){0}, &k), 0);
	kid = kid_start(stops_inside);
	assert_int_equal(waitpid(kid.pid, &st, WUNTRACED), kid.pid);
	assert_true(WIFSTOPPED(st));
	assert_int_equal(mx_clist_join(reg, &sid, "", &no, &f), -EBUSY);
	snprintf(pid, sizeof(pid), "process %d", (int)kid.pid);
	assert_non_null(strstr(f.text, pid));
	mx_conn_close(k, MX_CONN_ENDED); /* leaves the work to the holder */
	mx_clist_leave(held);
	assert_int_equal(tu_claims(reg->map.list_claims, 64), 1);
	assert_int_equal(kill(kid.pid, SIGCONT), 0);
	assert_true(hears(kid.fd, 'u'));
	assert_int_equal(tu_claims(reg->map.conn_claims, 256), 0);
	assert_int_equal(tu_claims(reg->map.list_claims, 64), 0); /* done */
	says(kid.fd, 'q');
	assert_int_equal(kid_wait(&kid), 0);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* Waits in line for a place; says when it has it. */
static int in_line(int fd)
{
	struct mx_sid sid = mx_sid_unix(1);
	struct mx_clist *cl = NULL;
	struct mx_conn *k = NULL;
	struct mx_reg *reg = NULL;

	if (attach(&reg) || mx_clist_join(reg, &sid, "kid", &cl, NULL) ||
	    open_conn(cl, MX_MONO_NEVER, &k))
		return 1;
	says(fd, 'p');
	hears(fd, 'q');
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	mx_reg_close(reg);
	return 0;
}

static bool somebody_waits(struct mx_reg *reg)
{
	for (uint32_t i = 0; i < reg->map.n_conns; i++)
		if (SHM_CLAIM_STATE(shm_get64(&reg->map.conn_claims[i])) ==
		    SHM_WAITING)
			return true;
	return false;
}

/* Nobody goes before who waits, not even when there is a place, unless it was
 * called and does not move; when it moves again it is not lost. */
static void test_a_stopped_waiter_is_passed_by(void **state)
{
	struct mx_reg *reg = fresh();
	struct mx_clist *cl = tu_join(reg, 1);
	struct mx_conn *k[2] = {NULL}, *no = NULL;
	struct kid kid;
	int st;

	assert_int_equal(open_conn(cl, (mx_mono){0}, &k[0]), 0);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &k[1]), 0);
	kid = kid_start(in_line);
	while (!somebody_waits(reg))
		sched_yield();
	assert_int_equal(kill(kid.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(kid.pid, &st, WUNTRACED), kid.pid);
	mx_conn_close(k[0], MX_CONN_ENDED);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &no), -EDQUOT);
	assert_int_equal(open_conn(cl, MX_MONO_NEVER, &k[0]), 0);
	assert_int_equal(kill(kid.pid, SIGCONT), 0);
	mx_conn_close(k[0], MX_CONN_ENDED);
	assert_true(hears(kid.fd, 'p'));
	says(kid.fd, 'q');
	assert_int_equal(kid_wait(&kid), 0);
	mx_conn_close(k[1], MX_CONN_ENDED);
	mx_clist_leave(cl);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* --- PID namespaces ----------------------------------------------------- */

/* In a PID namespace of its own the grandchild has pid 1 and thread id 1, as
 * has its twin in another. */
static int in_namespace(int fd)
{
	pid_t pid;
	int st;

	if (unshare(CLONE_NEWPID))
		return 77;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(getpid() == 1 ? holder(fd) : 5);
	}
	if (pid < 0 || waitpid(pid, &st, 0) != pid)
		return 6;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 7;
}

static void test_equal_pids_in_two_namespaces(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid a, b;
	struct mx_conn *k = NULL;
	struct mx_clist *cl;

	if (geteuid() != 0)
		mx_test_skip("needs root for PID namespaces");
	a = kid_start(in_namespace);
	b = kid_start(in_namespace);
	assert_true(hears(a.fd, 'r'));
	assert_true(hears(b.fd, 'r'));
	cl = tu_join(reg, 1);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &k), -EDQUOT);
	assert_int_equal(procs_in_use(reg), 3);
	mx_reg_tick(reg);
	assert_int_equal(procs_in_use(reg), 3); /* both are seen to live */
	kid_kill(&a);                           /* and its namespace with it */
	assert_int_equal(open_conn(cl, MX_MONO_NEVER, &k), 0);
	mx_reg_tick(reg);
	assert_int_equal(procs_in_use(reg), 2); /* only one died */
	says(b.fd, 'q');
	assert_int_equal(kid_wait(&b), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* --- Credentials -------------------------------------------------------- */

static void *open_as_user(void *arg)
{
	struct mx_fault f = MX_FAULT_INIT;

	if (syscall(SYS_setresuid, -1, 54321, -1))
		return NULL;
	if (mx_reg_open(&(struct mx_reg_params){.path = tu_path()}, arg, &f))
		print_error("%s\n", f.text);
	return NULL;
}

/* The segment belongs to the process's user also when the first call comes from
 * a thread that acts for another. */
static void test_first_call_from_an_impersonating_thread(void **state)
{
	struct mx_reg *reg = NULL;
	struct stat st;
	pthread_t id;

	if (geteuid() != 0)
		mx_test_skip("needs root to change a thread's user id");
	unlink(tu_path());
	assert_int_equal(pthread_create(&id, NULL, open_as_user, &reg), 0);
	assert_int_equal(pthread_join(id, NULL), 0);
	assert_non_null(reg);
	assert_int_equal(stat(tu_path(), &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	mx_reg_close(reg);
}

MX_TEST_MAIN(MX_TEST(test_two_processes_share_lists_and_budgets),
	     MX_TEST(test_a_killed_process_leaves_nothing_but_its_session),
	     MX_TEST(test_b17_a_hundred_kills_do_not_exhaust_the_budget),
	     MX_TEST(test_waiting_for_a_dead_process_ends),
	     MX_TEST(test_a_place_held_by_the_dead_is_given_on),
	     MX_TEST(test_sixty_processes_at_once),
	     MX_TEST(test_creating_at_once_makes_one_segment),
	     MX_TEST(test_a_forked_child_keeps_no_slot_alive),
	     MX_TEST(test_a_forked_child_can_attach_itself),
	     MX_TEST(test_forks_while_attaching),
	     MX_TEST(test_a_stopped_process_is_named),
	     MX_TEST(test_a_stopped_waiter_is_passed_by),
	     MX_TEST(test_equal_pids_in_two_namespaces),
	     MX_TEST(test_first_call_from_an_impersonating_thread))
