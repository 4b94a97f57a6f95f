/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that share a segment: process and thread ids mean nothing. */
#include <errno.h>
#include <sched.h>

#include "connlist/test-kids.h"

/* Runs fn as process 1 of a PID namespace of its own. */
static int as_pid_one(int fd, int (*fn)(int fd))
{
	pid_t pid;
	int st;

	if (tu_unshare(CLONE_NEWPID))
		return 77;
	pid = tu_fork();
	if (pid == 0) {
		_exit(getpid() == 1 && gettid() == 1 ? fn(fd) : 5);
	}
	if (pid < 0 || waitpid(pid, &st, 0) != pid)
		return 6;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 7;
}

static int told_to_end(int fd)
{
	return hears(fd, 'q') ? 0 : 1;
}

static int only_tries(int fd)
{
	return as_pid_one(fd, told_to_end);
}

static void need_namespaces(void)
{
	struct kid kid = kid_start(only_tries);
	int st;

	says(kid.fd, 'q');
	st = kid_wait(&kid);
	if (WIFEXITED(st) && WEXITSTATUS(st) == 77)
		mx_test_skip("needs PID namespaces, by root or by users");
	assert_int_equal(st, 0);
}

static int holder_of_conn_in_namespace(int fd)
{
	return as_pid_one(fd, holder);
}

/* Both have process and thread id 1. */
static void test_equal_pids_in_two_namespaces(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid a, b;
	struct mx_conn *k = NULL;
	struct mx_clist *cl;

	need_namespaces();
	a = kid_start(holder_of_conn_in_namespace);
	b = kid_start(holder_of_conn_in_namespace);
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

/* --- Lock and waiter with one thread id --------------------------------- */

static uint32_t bucket_of_user(struct mx_reg *reg, uint32_t user)
{
	struct mx_sid sid = mx_sid_unix(user);

	return bucket_of(&reg->map, mx_sid_crc(&sid));
}

static int holds_the_lock(int fd)
{
	struct mx_reg *reg = NULL;

	if (attach(&reg) || bucket_lock(reg, bucket_of_user(reg, 1), NULL))
		return 1;
	says(fd, 'l');
	if (!hears(fd, 'u'))
		return 2;
	bucket_unlock(reg, bucket_of_user(reg, 1));
	mx_reg_close(reg);
	return 0;
}

/* Waits for it as long as it takes. */
static int waits_for_the_lock(int fd)
{
	struct mx_reg *reg = NULL;
	int err;

	if (attach(&reg))
		return 1;
	says(fd, 'w');
	do
		err = bucket_lock(reg, bucket_of_user(reg, 1), NULL);
	while (err == -EBUSY);
	if (err)
		return 2;
	says(fd, 'l');
	hears(fd, 'q');
	bucket_unlock(reg, bucket_of_user(reg, 1));
	mx_reg_close(reg);
	return 0;
}

static int holder_in_namespace(int fd)
{
	return as_pid_one(fd, holds_the_lock);
}

static int waiter_in_namespace(int fd)
{
	return as_pid_one(fd, waits_for_the_lock);
}

/* glibc's robust mutexes fail this: the lock names its owner by thread id, here 1
 * on both sides, so a waiter that is killed frees what the other holds. */
static void test_a_killed_waiter_frees_no_lock_of_its_namesake(void **state)
{
	struct mx_reg *reg = fresh();
	const struct shm_bucket *b = &reg->map.buckets[bucket_of_user(reg, 1)];
	struct kid holder_kid, dies, lives;
	uint32_t owner;

	need_namespaces();
	holder_kid = kid_start(holder_in_namespace);
	assert_true(hears(holder_kid.fd, 'l'));
	owner = shm_get32(&b->lock) & ~SHM_LOCK_WAITERS;
	assert_true(owner != 0);
	dies = kid_start(waiter_in_namespace);
	lives = kid_start(waiter_in_namespace);
	assert_true(hears(dies.fd, 'w'));
	assert_true(hears(lives.fd, 'w'));
	while (!(shm_get32(&b->lock) & SHM_LOCK_WAITERS))
		sched_yield();
	kid_kill(&dies);
	/* The dead waiter is cleaned up after; the lock is still its owner's, and
	 * who asks is told so. */
	while (procs_in_use(reg) != 3)
		mx_reg_tick(reg);
	assert_int_equal(shm_get32(&b->lock) & ~SHM_LOCK_WAITERS, owner);
	assert_int_equal(bucket_lock_within(reg, bucket_of_user(reg, 1), 1,
					    NULL),
			 -EBUSY);
	says(holder_kid.fd, 'u');
	assert_true(hears(lives.fd, 'l'));
	assert_int_equal(kid_wait(&holder_kid), 0);
	says(lives.fd, 'q');
	assert_int_equal(kid_wait(&lives), 0);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

MX_TEST_MAIN(MX_TEST(test_equal_pids_in_two_namespaces),
	     MX_TEST(test_a_killed_waiter_frees_no_lock_of_its_namesake))
