/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that are stopped (SIGSTOP): they hold others up for a second at
 * most, and are named.
 */
#include <errno.h>
#include <sched.h>

#include "connlist/test-kids.h"

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

MX_TEST_MAIN(MX_TEST(test_a_stopped_process_is_named),
	     MX_TEST(test_a_stopped_waiter_is_passed_by))
