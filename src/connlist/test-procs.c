/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several processes at once: sharing, dying, crowds.
 */
#include <errno.h>

#include "connlist/test-kids.h"

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

MX_TEST_MAIN(MX_TEST(test_two_processes_share_lists_and_budgets),
	     MX_TEST(test_a_killed_process_leaves_nothing_but_its_session),
	     MX_TEST(test_b17_a_hundred_kills_do_not_exhaust_the_budget),
	     MX_TEST(test_waiting_for_a_dead_process_ends),
	     MX_TEST(test_a_place_held_by_the_dead_is_given_on),
	     MX_TEST(test_sixty_processes_at_once),
	     MX_TEST(test_creating_at_once_makes_one_segment))
