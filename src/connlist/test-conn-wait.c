/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for a place and for pollers, with threads: in order, to an end, never
 * above the budget.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "connlist/test-conn.h"

struct waiter {
	struct mx_clist *cl;
	struct mx_conn *conn;
	unsigned *turn; /* counts who got a place */
	unsigned got;
	bool *cancel;
	int err;
	pthread_t id;
};

static bool flag_set(void *arg)
{
	bool *p = arg;

	return p && __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void *wait_for_place(void *arg)
{
	struct waiter *w = arg;
	struct mx_conn_params p = {.server = TC_SERVER,
				   .deadline = MX_MONO_NEVER,
				   .cancelled = flag_set,
				   .arg = w->cancel};

	w->err = mx_conn_open(w->cl, &p, &w->conn, NULL);
	w->got = __atomic_fetch_add(w->turn, 1, __ATOMIC_SEQ_CST);
	if (!w->err)
		mx_conn_close(w->conn, MX_CONN_ENDED);
	return NULL;
}

static uint32_t n_waiting(struct mx_reg *reg)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < reg->map.n_conns; i++)
		n += SHM_CLAIM_STATE(shm_get64(&reg->map.conn_claims[i])) ==
		     SHM_WAITING;
	return n;
}

/* Each closes its place at once, so the next one's turn follows: in the order
 * in which they came, with no deadline to help. */
static void test_waiters_go_in_order(void **state)
{
	struct mx_reg *reg = tc_open(32, 1, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct waiter w[12] = {{0}};
	struct mx_conn *k = NULL;
	unsigned turn = 0;

	assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
	for (uint32_t i = 0; i < 12; i++) {
		w[i] = (struct waiter){.cl = a, .turn = &turn};
		assert_int_equal(pthread_create(&w[i].id, NULL, wait_for_place,
						&w[i]),
				 0);
		while (n_waiting(reg) != i + 1)
			sched_yield();
	}
	mx_conn_close(k, MX_CONN_ENDED);
	for (uint32_t i = 0; i < 12; i++) {
		assert_int_equal(pthread_join(w[i].id, NULL), 0);
		assert_int_equal(w[i].err, 0);
		assert_int_equal(w[i].got, i);
	}
	mx_clist_leave(a);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* What the server refused waits where it stood: before those who came later. */
struct refused {
	struct mx_conn *k;
	unsigned *turn, got;
	int err;
};

static void *wait_again(void *arg)
{
	struct refused *r = arg;
	struct mx_conn_params p = {.server = TC_SERVER,
				   .deadline = MX_MONO_NEVER};

	mx_conn_report(r->k, MX_HEALTH_FULL, 3000000, 0x4df);
	r->err = mx_conn_reopen(r->k, &p, NULL);
	r->got = __atomic_fetch_add(r->turn, 1, __ATOMIC_SEQ_CST);
	mx_conn_close(r->k, MX_CONN_ENDED);
	return NULL;
}

static void test_a_refused_place_waits_before_who_came_later(void **state)
{
	struct mx_reg *reg = tc_open(32, 2, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct waiter late[3] = {{0}};
	struct mx_conn *k = NULL;
	unsigned turn = 0;
	struct refused r = {.turn = &turn};
	pthread_t id;

	assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
	assert_int_equal(tc_try(a, TC_SERVER, &r.k), 0);
	assert_int_equal(mx_conn_set_cookies(r.k, "MapiContext=none"), 0);
	for (uint32_t i = 0; i < 3; i++) {
		late[i] = (struct waiter){.cl = a, .turn = &turn};
		assert_int_equal(pthread_create(&late[i].id, NULL,
						wait_for_place, &late[i]),
				 0);
		while (n_waiting(reg) != i + 1)
			sched_yield();
	}
	assert_int_equal(pthread_create(&id, NULL, wait_again, &r), 0);
	while (n_waiting(reg) != 4)
		sched_yield();
	mx_conn_close(k, MX_CONN_ENDED);
	assert_int_equal(pthread_join(id, NULL), 0);
	assert_int_equal(r.err, 0);
	assert_int_equal(r.got, 0);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(late[i].id, NULL), 0);
		assert_int_equal(late[i].got, i + 1);
	}
	mx_clist_leave(a);
	mx_reg_close(reg);
}

static void test_reopening_ends_like_opening(void **state)
{
	struct mx_reg *reg = tc_open(16, 1, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn_params p = {.server = TC_SERVER};
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_conn *k = NULL, *other = NULL;
	char cookies[MX_CONN_COOKIES_MAX + 1];
	bool yes = true;

	assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
	assert_int_equal(mx_conn_set_cookies(k, "MapiContext=none"), 0);
	assert_int_equal(mx_conn_reopen(k, &p, NULL), 0); /* there is room */
	assert_true(mx_conn_valid(k));
	assert_int_equal(mx_conn_cookies(k, cookies, sizeof(cookies)), 0);
	/* The server takes none, and none of ours could go. */
	mx_conn_report(k, MX_HEALTH_FULL, 3000000, 0x4df);
	assert_int_equal(mx_conn_reopen(k, &p, &f), -ETIMEDOUT);
	assert_int_equal(f.code, EDQUOT);
	assert_false(mx_conn_valid(k));
	mx_conn_close(k, MX_CONN_ENDED);
	assert_int_equal(tc_try(a, "other:1", &other), 0);
	mx_conn_report(other, MX_HEALTH_BACKOFF, 3000000, 429);
	p = (struct mx_conn_params){.server = "other:1",
				    .deadline = MX_MONO_NEVER,
				    .cancelled = flag_set,
				    .arg = &yes};
	assert_int_equal(mx_conn_reopen(other, &p, &f), -ECANCELED);
	mx_conn_close(other, MX_CONN_ENDED);
	mx_clist_leave(a);
	mx_reg_close(reg);
}

static void test_waiting_can_be_cancelled(void **state)
{
	struct mx_reg *reg = tc_open(32, 1, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k = NULL;
	bool cancel = false;
	unsigned turn = 0;
	struct waiter w = {.cl = a, .turn = &turn, .cancel = &cancel};

	assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
	assert_int_equal(pthread_create(&w.id, NULL, wait_for_place, &w), 0);
	while (!n_waiting(reg))
		sched_yield();
	__atomic_store_n(&cancel, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(w.id, NULL), 0);
	assert_int_equal(w.err, -ECANCELED);
	assert_int_equal(n_waiting(reg), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(a);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* MAPIUninitialize while a thread waits: it comes back, nothing stays. */
static void test_detaching_ends_a_wait(void **state)
{
	struct mx_reg *reg = tc_open(32, 1, 0), *other = tu_attach();
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k = NULL;
	unsigned turn = 0;
	struct waiter w = {.cl = a, .turn = &turn};

	assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
	assert_int_equal(pthread_create(&w.id, NULL, wait_for_place, &w), 0);
	while (!n_waiting(other))
		sched_yield();
	mx_reg_close(reg);
	assert_int_equal(pthread_join(w.id, NULL), 0);
	assert_int_equal(w.err, -ESTALE);
	assert_false(mx_conn_valid(k));
	assert_int_equal(mx_conn_set_cookies(k, "x"), -ESTALE);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(a);
	tu_assert_empty(other);
	mx_reg_close(other);
}

struct finisher {
	struct mx_conn *conn;
	bool close;
};

static void *finish_poller(void *arg)
{
	struct finisher *f = arg;

	sched_yield();
	if (f->close)
		mx_conn_close(f->conn, MX_CONN_ENDED);
	else
		mx_conn_set_poller(f->conn, MX_POLLER_DONE);
	return NULL;
}

/* Promise 3, with no deadline to hide a lost signal. */
static void test_every_exit_of_a_poller_signals(void **state)
{
	struct mx_reg *reg = tc_open(8, 4, 0);
	struct mx_clist *a = tu_join(reg, 1);

	for (int i = 0; i < 2000; i++) {
		struct finisher f = {.close = i % 2};
		pthread_t id;

		assert_int_equal(tc_try(a, TC_SERVER, &f.conn), 0);
		assert_int_equal(mx_conn_set_poller(f.conn, MX_POLLER_STARTING),
				 0);
		if (i % 3)
			mx_conn_set_poller(f.conn, MX_POLLER_PARKED);
		assert_int_equal(pthread_create(&id, NULL, finish_poller, &f),
				 0);
		assert_int_equal(
			mx_clist_wait_done(
				a, i % 5 ? MX_SCOPE_PROCESS : MX_SCOPE_EVERYONE,
				MX_MONO_NEVER, NULL, NULL, NULL),
			0);
		assert_int_equal(pthread_join(id, NULL), 0);
		if (!f.close)
			mx_conn_close(f.conn, MX_CONN_ENDED);
	}
	mx_clist_leave(a);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_an_unfinished_poller_is_named(void **state)
{
	struct mx_reg *reg = tc_open(8, 4, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_conn *k = NULL;

	assert_int_equal(tc_try(a, TC_SERVER, &k), 0);
	assert_int_equal(mx_conn_set_poller(k, MX_POLLER_STARTING), 0);
	assert_int_equal(mx_clist_wait_done(a, MX_SCOPE_PROCESS, (mx_mono){0},
					    NULL, NULL, &f),
			 -ETIMEDOUT);
	assert_non_null(strstr(f.text, "starting"));
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(a);
	mx_reg_close(reg);
}

/* --- Many threads ------------------------------------------------------- */

#define THREADS 6

struct crowd {
	struct mx_reg *reg;
	unsigned open; /* places taken now */
	unsigned most;
};

static void note_most(struct crowd *c)
{
	unsigned n = __atomic_add_fetch(&c->open, 1, __ATOMIC_SEQ_CST);
	unsigned most = __atomic_load_n(&c->most, __ATOMIC_SEQ_CST);

	while (n > most &&
	       !__atomic_compare_exchange_n(&c->most, &most, n, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

static void *crowd_work(void *arg)
{
	struct crowd *c = arg;
	struct mx_conn_params p = {.server = TC_SERVER,
				   .deadline = MX_MONO_NEVER};
	struct mx_op_result r = {.round_trips = 1, .bytes_in = 10};
	struct mx_clist *cl = tu_join(c->reg, 1);

	for (int i = 0; i < 400; i++) {
		struct mx_conn *k = NULL;

		if (mx_conn_open(cl, &p, &k, NULL))
			return c;
		note_most(c);
		mx_conn_op_begin(k, MX_OP_CALL, "Execute", "answer",
				 MX_MONO_NEVER);
		mx_conn_set_cookies(k, i % 2 ? "a" : "b");
		mx_conn_op_end(k, MX_OP_CALL, &r);
		__atomic_sub_fetch(&c->open, 1, __ATOMIC_SEQ_CST);
		mx_conn_close(k, i % 7 ? MX_CONN_ENDED : MX_CONN_LEFT);
		if (i % 32 == 0)
			mx_reg_tick(c->reg);
	}
	mx_clist_leave(cl);
	return NULL;
}

static void test_a_crowd_never_exceeds_the_budget(void **state)
{
	struct crowd c = {.reg = tc_open(64, 2, 0)};
	pthread_t id[THREADS];
	void *bad;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&id[i], NULL, crowd_work, &c),
				 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(id[i], &bad), 0);
		assert_null(bad);
	}
	assert_true(c.most <= 2);
	mx_reg_close(c.reg);
}

MX_TEST_MAIN(MX_TEST(test_waiters_go_in_order),
	     MX_TEST(test_a_refused_place_waits_before_who_came_later),
	     MX_TEST(test_reopening_ends_like_opening),
	     MX_TEST(test_waiting_can_be_cancelled),
	     MX_TEST(test_detaching_ends_a_wait),
	     MX_TEST(test_every_exit_of_a_poller_signals),
	     MX_TEST(test_an_unfinished_poller_is_named),
	     MX_TEST(test_a_crowd_never_exceeds_the_budget))
