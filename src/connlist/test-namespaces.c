/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that share a segment: process and thread ids mean nothing. */
#include <errno.h>
#include <sched.h>

#include "connlist/test-kids.h"

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

MX_TEST_MAIN(MX_TEST(test_equal_pids_in_two_namespaces))
