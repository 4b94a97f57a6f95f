/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per-thread credentials are changed with raw system calls on threads made for
 * it; that needs root, as the demo and CI have.
 */
#include "identity/creds.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

#define USER 54321

static void need_root(void)
{
	if (geteuid() != 0)
		mx_test_skip("needs root to change a thread's user id");
}

/* Runs fn on a thread of its own, so that what it does to its credentials ends
 * with it. */
static void on_thread(void *(*fn)(void *), void *arg)
{
	pthread_t id;

	assert_int_equal(pthread_create(&id, NULL, fn, arg), 0);
	assert_int_equal(pthread_join(id, NULL), 0);
}

static void become(uid_t real, uid_t effective, uid_t saved)
{
	if (syscall(SYS_setresuid, real, effective, saved))
		abort();
}

static void *read_own(void *p)
{
	struct mx_creds *c = p;

	return (void *)(intptr_t)mx_creds_thread(c);
}

static void test_the_process_is_its_first_thread(void **state)
{
	MX_AUTO(mx_creds_auto) struct mx_creds a = MX_CREDS_INIT;
	MX_AUTO(mx_creds_auto) struct mx_creds b = MX_CREDS_INIT;
	MX_AUTO(mx_creds_auto) struct mx_creds c = MX_CREDS_INIT;

	assert_int_equal(mx_creds_process(&a), 0);
	assert_int_equal(mx_creds_thread(&b), 0);
	assert_true(mx_creds_equal(&a, &b));
	on_thread(read_own, &c);
	assert_true(mx_creds_equal(&a, &c));
}

struct seen {
	struct mx_creds process, thread, helper;
	uid_t uid, thread_uid;
	int err;
};

static void *look_from_user(void *p)
{
	struct seen *s = p;

	become(-1, USER, -1);
	s->err = mx_creds_process(&s->process);
	if (!s->err)
		s->err = mx_creds_thread(&s->thread);
	if (!s->err)
		s->err = mx_creds_process_uid(&s->uid);
	s->thread_uid = mx_creds_thread_uid(0);
	return NULL;
}

static void seen_fini(struct seen *s)
{
	mx_creds_fini(&s->process);
	mx_creds_fini(&s->thread);
	mx_creds_fini(&s->helper);
}

static void test_a_thread_of_another_user_sees_the_process(void **state)
{
	MX_AUTO(seen_fini) struct seen s = {0};

	need_root();
	on_thread(look_from_user, &s);
	assert_int_equal(s.err, 0);
	assert_int_equal(s.process.euid, 0);
	assert_int_equal(s.thread.euid, USER);
	assert_int_equal(s.uid, 0);
	assert_int_equal(s.thread_uid, USER);
}

static void *set_fsuid(void *p)
{
	syscall(SYS_setfsuid, USER);
	*(uid_t *)p = mx_creds_thread_uid(0);
	return NULL;
}

/* nfs-ganesha changes only the file system user id. */
static void test_a_file_system_user_id_counts(void **state)
{
	uid_t uid = 0;

	need_root();
	on_thread(set_fsuid, &uid);
	assert_int_equal(uid, USER);
}

static void *start_from_user(void *p)
{
	struct seen *s = p;
	gid_t group = 777;
	pthread_t id;

	if (syscall(SYS_setgroups, 1, &group) ||
	    syscall(SYS_setresgid, -1, USER, -1))
		abort();
	become(-1, USER, -1);
	s->err = mx_thread_start("helper", read_own, &s->helper, &id);
	if (!s->err)
		pthread_join(id, NULL);
	if (!s->err)
		s->err = mx_creds_thread(&s->thread);
	return NULL;
}

/* Issue: helper threads have the process's credentials, never their
 * creator's. */
static void test_helpers_get_the_process_credentials(void **state)
{
	MX_AUTO(mx_creds_auto) struct mx_creds process = MX_CREDS_INIT;
	MX_AUTO(seen_fini) struct seen s = {0};

	need_root();
	assert_int_equal(mx_creds_process(&process), 0);
	on_thread(start_from_user, &s);
	assert_int_equal(s.err, 0);
	assert_true(mx_creds_equal(&process, &s.helper));
	assert_int_equal(s.thread.euid, USER); /* the creator keeps its own */
}

static void *touch_flag(void *p)
{
	*(int *)p = 1;
	return NULL;
}

static void *start_after_giving_up(void *p)
{
	int *r = p;
	pthread_t id;

	become(USER, USER, USER);
	r[0] = mx_thread_start("helper", touch_flag, &r[1], &id);
	return NULL;
}

/* A creator that cannot pass the credentials on starts nothing at all. */
static void test_no_helper_runs_with_wrong_credentials(void **state)
{
	int r[2] = {0, 0};

	need_root();
	on_thread(start_after_giving_up, r);
	assert_int_equal(r[0], -EPERM);
	assert_int_equal(r[1], 0);
}

static void *look_at_mask(void *p)
{
	sigset_t now;
	char name[16] = "";

	pthread_sigmask(SIG_SETMASK, NULL, &now);
	pthread_getname_np(pthread_self(), name, sizeof(name));
	*(bool *)p = sigismember(&now, SIGTERM) && sigismember(&now, SIGUSR1) &&
		     !strcmp(name, "a-rather-long-n");
	return NULL;
}

static void test_helpers_take_no_signals_and_are_named(void **state)
{
	pthread_t id;
	bool ok = false;
	sigset_t now;

	assert_int_equal(mx_thread_start("a-rather-long-name", look_at_mask,
					 &ok, &id),
			 0);
	assert_int_equal(pthread_join(id, NULL), 0);
	assert_true(ok);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	assert_false(sigismember(&now, SIGTERM)); /* the creator's stays */
}

static int own_uid(void *arg)
{
	*(uid_t *)arg = geteuid();
	return 17;
}

static void *call_from_user(void *p)
{
	uid_t *uid = p;

	become(-1, USER, -1);
	return mx_creds_call(own_uid, uid) == 17 && geteuid() == USER ? p
								      : NULL;
}

static void test_calls_run_under_the_process_credentials(void **state)
{
	uid_t uid = 99;

	need_root();
	assert_int_equal(mx_creds_call(own_uid, &uid), 17);
	assert_int_equal(uid, 0);
	uid = 99;
	on_thread(call_from_user, &uid);
	assert_int_equal(uid, 0);
}

/* A child that changed its user is asked anew, not remembered. */
static void test_a_forked_child_captures_anew(void **state)
{
	uid_t uid;
	pid_t pid;
	int st;

	need_root();
	assert_int_equal(mx_creds_process_uid(&uid), 0);
	pid = fork();
	if (pid == 0) {
		if (setresuid(USER, USER, USER) || mx_creds_process_uid(&uid))
			_exit(2);
		_exit(uid == USER ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
}

MX_TEST_MAIN(MX_TEST(test_the_process_is_its_first_thread),
	     MX_TEST(test_a_thread_of_another_user_sees_the_process),
	     MX_TEST(test_a_file_system_user_id_counts),
	     MX_TEST(test_helpers_get_the_process_credentials),
	     MX_TEST(test_no_helper_runs_with_wrong_credentials),
	     MX_TEST(test_helpers_take_no_signals_and_are_named),
	     MX_TEST(test_calls_run_under_the_process_credentials),
	     MX_TEST(test_a_forked_child_captures_anew))
