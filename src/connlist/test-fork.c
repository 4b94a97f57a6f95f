/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A forked child holds nothing of its parent's and keeps nothing alive. */
#include <errno.h>
#include <pthread.h>

#include "connlist/test-kids.h"

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
	pid = fork(); /* it outlives its parent */
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
		pid_t pid = tu_fork();

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

MX_TEST_MAIN(MX_TEST(test_a_forked_child_keeps_no_slot_alive),
	     MX_TEST(test_a_forked_child_can_attach_itself),
	     MX_TEST(test_forks_while_attaching))
