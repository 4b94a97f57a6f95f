/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Connection records: budgets, order, cookies, pollers, health; with threads. */
#include "connlist/conn.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/rand.h"
#include "connlist/test-util.h"

#define SERVER "mail.example:443"

static struct mx_reg *open_reg(uint32_t conns, uint32_t sessions,
			       int64_t orphan_ms)
{
	unlink(tu_path());
	return tu_open_with(&(struct mx_reg_params){.path = tu_path(),
						    .n_lists = 8,
						    .n_conns = conns,
						    .max_sessions = sessions,
						    .max_logons = 3,
						    .orphan_ms = orphan_ms});
}

static int try_kind(struct mx_clist *cl, const char *server,
		    enum mx_conn_kind kind, struct mx_conn **ret)
{
	struct mx_conn_params p = {.server = server, .kind = kind};

	return mx_conn_open(cl, &p, ret, NULL);
}

static int try_open(struct mx_clist *cl, const char *server,
		    struct mx_conn **ret)
{
	return try_kind(cl, server, MX_CONN_MAILBOX, ret);
}

static void test_budget_is_per_user_server_and_kind(void **state)
{
	struct mx_reg *reg = open_reg(16, 2, 0);
	struct mx_clist *a = tu_join(reg, 1), *b = tu_join(reg, 2);
	struct mx_conn *k[6] = {NULL}, *no = NULL;

	assert_int_equal(try_open(a, SERVER, &k[0]), 0);
	assert_int_equal(try_open(a, SERVER, &k[1]), 0);
	assert_int_equal(try_open(a, SERVER, &no), -EDQUOT);
	assert_int_equal(try_open(a, "other:443", &k[2]), 0);
	assert_int_equal(try_kind(a, SERVER, MX_CONN_ADDRESS_BOOK, &k[3]), 0);
	assert_int_equal(try_open(b, SERVER, &k[4]), 0);
	mx_conn_close(k[0], MX_CONN_ENDED);
	assert_int_equal(try_open(a, SERVER, &k[0]), 0);
	for (int i = 0; i < 5; i++)
		mx_conn_close(k[i], MX_CONN_ENDED);
	mx_clist_leave(a);
	mx_clist_leave(b);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_no_place_says_why(void **state)
{
	struct mx_reg *reg = open_reg(16, 1, 0);
	struct mx_clist *a = tu_join(reg, 7);
	struct mx_conn_params p = {.server = SERVER,
				   .deadline = mx_mono_in_ms(1)};
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_conn *k = NULL, *no = NULL;
	int err;

	assert_int_equal(try_open(a, SERVER, &k), 0);
	err = mx_conn_open(a, &p, &no, &f);
	assert_true(err == -ETIMEDOUT || err == -EDQUOT);
	assert_string_equal(f.user, "user7");
	assert_string_equal(f.server, SERVER);
	assert_non_null(strstr(f.text, "1 of 1 sessions"));
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(a);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* A connection keeps its list; handles may be given back in any order. */
static void test_a_connection_holds_its_list(void **state)
{
	struct mx_reg *reg = open_reg(16, 2, 0);
	struct mx_clist *a = tu_join(reg, 1), *again;
	struct mx_conn *k = NULL;
	uint64_t gen = mx_clist_generation(a);

	assert_int_equal(try_open(a, SERVER, &k), 0);
	mx_clist_leave(a);
	assert_true(mx_conn_valid(k));
	again = tu_join(reg, 1);
	assert_int_equal(mx_clist_generation(again), gen);
	mx_clist_leave(again);
	mx_conn_close(k, MX_CONN_ENDED);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_full_tables_name_the_limit(void **state)
{
	struct mx_reg *reg = open_reg(2, 30, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k[2], *no = NULL;
	struct mx_conn_params p = {.server = SERVER};
	struct mx_fault f = MX_FAULT_INIT;

	assert_int_equal(try_open(a, SERVER, &k[0]), 0);
	assert_int_equal(try_open(a, SERVER, &k[1]), 0);
	assert_int_equal(mx_conn_open(a, &p, &no, &f), -ENOSPC);
	assert_non_null(strstr(f.text, "all 2 connection records"));
	mx_conn_close(k[0], MX_CONN_ENDED);
	mx_conn_close(k[1], MX_CONN_ENDED);
	mx_clist_leave(a);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_server_names_are_bounded(void **state)
{
	struct mx_reg *reg = open_reg(4, 4, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k = NULL;
	char name[MX_CONN_SERVER_MAX + 2];

	memset(name, 'n', sizeof(name));
	name[MX_CONN_SERVER_MAX + 1] = '\0';
	assert_int_equal(try_open(a, name, &k), -EINVAL);
	assert_int_equal(try_open(a, "", &k), -EINVAL);
	name[MX_CONN_SERVER_MAX] = '\0';
	assert_int_equal(try_open(a, name, &k), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(a);
	mx_reg_close(reg);
}

/* B17: a session left behind is taken over, with what ends it at the server,
 * and counts until then. */
static void test_b17_left_sessions_are_taken_over(void **state)
{
	struct mx_reg *reg = open_reg(16, 1, 0);
	struct mx_clist *a = tu_join(reg, 1), *b = tu_join(reg, 2);
	struct mx_conn *k = NULL, *other = NULL;
	char got[300];

	assert_int_equal(try_open(a, SERVER, &k), 0);
	assert_int_equal(mx_conn_set_cookies(k, "MapiContext=1; x=2"), 0);
	mx_conn_close(k, MX_CONN_LEFT);
	mx_clist_leave(a);
	assert_int_equal(try_open(b, SERVER, &other), 0);
	assert_int_equal(mx_conn_cookies(other, got, sizeof(got)), 0);
	a = tu_join(reg, 1);
	assert_int_equal(try_kind(a, SERVER, MX_CONN_ADDRESS_BOOK, &k), 0);
	assert_int_equal(mx_conn_cookies(k, got, sizeof(got)), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	assert_int_equal(try_open(a, SERVER, &k), 0);
	assert_int_equal(mx_conn_cookies(k, got, sizeof(got)), 18);
	assert_string_equal(got, "MapiContext=1; x=2");
	mx_conn_close(k, MX_CONN_ENDED);
	mx_conn_close(other, MX_CONN_ENDED);
	mx_clist_leave(a);
	mx_clist_leave(b);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_orphans_end_when_the_server_has_forgotten(void **state)
{
	struct mx_reg *reg = open_reg(16, 1, -1), *keep;
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k = NULL;

	keep = tu_attach(); /* keeps orphans, the first does not */
	mx_clist_leave(a);
	a = tu_join(keep, 1);
	assert_int_equal(try_open(a, SERVER, &k), 0);
	assert_int_equal(mx_conn_set_cookies(k, "c=1"), 0);
	mx_conn_close(k, MX_CONN_LEFT);
	mx_clist_leave(a);
	assert_int_equal(tu_claims(keep->map.conn_claims, 16), 1);
	mx_reg_tick(reg);
	mx_reg_close(keep);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_cookies_are_replaced_and_bounded(void **state)
{
	struct mx_reg *reg = open_reg(4, 4, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k = NULL;
	char big[MX_CONN_COOKIES_MAX + 2], got[MX_CONN_COOKIES_MAX + 1];

	memset(big, 'c', sizeof(big));
	big[MX_CONN_COOKIES_MAX + 1] = '\0';
	assert_int_equal(try_open(a, SERVER, &k), 0);
	assert_int_equal(mx_conn_cookies(k, got, sizeof(got)), 0);
	assert_int_equal(mx_conn_set_cookies(k, "one"), 0);
	assert_int_equal(mx_conn_set_cookies(k, big), -E2BIG);
	assert_int_equal(mx_conn_cookies(k, got, sizeof(got)), 0);
	big[MX_CONN_COOKIES_MAX] = '\0';
	assert_int_equal(mx_conn_set_cookies(k, big), 0);
	assert_int_equal(mx_conn_cookies(k, got, sizeof(got)),
			 MX_CONN_COOKIES_MAX);
	assert_int_equal(mx_conn_cookies(k, got, sizeof(got) - 1), 0);
	assert_int_equal(mx_conn_set_cookies(k, ""), 0);
	assert_int_equal(mx_conn_cookies(k, got, sizeof(got)), 0);
	mx_conn_close(k, MX_CONN_LEFT); /* nothing to take over: freed */
	mx_clist_leave(a);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* B16: the logons of a session are bounded. */
static void test_b16_logons_are_bounded(void **state)
{
	struct mx_reg *reg = open_reg(4, 4, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k = NULL;

	assert_int_equal(try_open(a, SERVER, &k), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(mx_conn_logon_acquire(k), 0);
	assert_int_equal(mx_conn_logon_acquire(k), -EDQUOT);
	mx_conn_logon_release(k);
	assert_int_equal(mx_conn_logons(k), 2);
	assert_int_equal(mx_conn_logon_acquire(k), 0);
	for (int i = 0; i < 5; i++)
		mx_conn_logon_release(k);
	assert_int_equal(mx_conn_logons(k), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(a);
	mx_reg_close(reg);
}

static void test_pollers_move_as_the_picture_says(void **state)
{
	static const char legal[5][6] = {"-S--D", "--PTD", "---TD", "----D",
					 "-S--D"};
	struct mx_reg *reg = open_reg(4, 4, 0);
	struct mx_clist *a = tu_join(reg, 1);

	for (int from = 0; from < 5; from++)
		for (int to = 0; to < 5; to++) {
			struct mx_conn *k = NULL;
			bool ok = legal[from][to] != '-';

			assert_int_equal(try_open(a, SERVER, &k), 0);
			if (from && from < 4)
				mx_conn_set_poller(k, MX_POLLER_STARTING);
			if (from > 1)
				mx_conn_set_poller(k, (enum mx_poller)from);
			assert_int_equal(mx_conn_poller(k), from);
			assert_int_equal(mx_conn_set_poller(k,
							    (enum mx_poller)to),
					 ok ? 0 : -EINVAL);
			assert_int_equal(mx_conn_poller(k), ok ? to : from);
			mx_conn_close(k, MX_CONN_ENDED);
		}
	mx_clist_leave(a);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

static void test_back_off_is_of_one_user_and_outlives_the_list(void **state)
{
	struct mx_reg *reg = open_reg(8, 4, 0);
	struct mx_clist *a = tu_join(reg, 1), *b = tu_join(reg, 2);
	struct mx_conn_params p = {.server = SERVER};
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_conn *k = NULL, *no = NULL, *other = NULL;

	assert_int_equal(try_open(a, SERVER, &k), 0);
	assert_true(mx_mono_passed(mx_conn_ready_at(k)));
	mx_conn_report(k, MX_HEALTH_BACKOFF, 3000000, 429);
	assert_false(mx_mono_passed(mx_conn_ready_at(k)));
	mx_conn_report(k, MX_HEALTH_OK, 0, 0); /* was under way before */
	assert_false(mx_mono_passed(mx_conn_ready_at(k)));
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(a);
	a = tu_join(reg, 1);
	assert_int_equal(mx_conn_open(a, &p, &no, &f), -EAGAIN);
	assert_non_null(strstr(f.text, "asked this user to wait"));
	assert_int_equal(try_open(b, SERVER, &other), 0);
	assert_int_equal(try_open(a, "elsewhere:1", &k), 0);
	mx_conn_close(k, MX_CONN_ENDED);
	mx_conn_close(other, MX_CONN_ENDED);
	mx_clist_leave(a);
	mx_clist_leave(b);
	mx_reg_close(reg);
}

static void test_a_full_server_lowers_the_budget(void **state)
{
	struct mx_reg *reg = open_reg(16, 10, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k[4] = {NULL}, *no = NULL;

	for (int i = 0; i < 4; i++)
		assert_int_equal(try_open(a, SERVER, &k[i]), 0);
	mx_conn_report(k[3], MX_HEALTH_FULL, 3000000, 0x4df);
	mx_conn_close(k[3], MX_CONN_ENDED); /* it never came to be */
	assert_int_equal(try_open(a, SERVER, &no), -EDQUOT);
	mx_conn_close(k[2], MX_CONN_ENDED);
	assert_int_equal(try_open(a, SERVER, &k[2]), 0);
	for (int i = 0; i < 3; i++)
		mx_conn_close(k[i], MX_CONN_ENDED);
	mx_clist_leave(a);
	mx_reg_close(reg);
}

/* --- Waiting ------------------------------------------------------------ */

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
	struct mx_conn_params p = {.server = SERVER,
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
	struct mx_reg *reg = open_reg(32, 1, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct waiter w[12] = {{0}};
	struct mx_conn *k = NULL;
	unsigned turn = 0;

	assert_int_equal(try_open(a, SERVER, &k), 0);
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
	struct mx_conn_params p = {.server = SERVER, .deadline = MX_MONO_NEVER};

	mx_conn_report(r->k, MX_HEALTH_FULL, 3000000, 0x4df);
	r->err = mx_conn_reopen(r->k, &p, NULL);
	r->got = __atomic_fetch_add(r->turn, 1, __ATOMIC_SEQ_CST);
	mx_conn_close(r->k, MX_CONN_ENDED);
	return NULL;
}

static void test_a_refused_place_waits_before_who_came_later(void **state)
{
	struct mx_reg *reg = open_reg(32, 2, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct waiter late[3] = {{0}};
	struct mx_conn *k = NULL;
	unsigned turn = 0;
	struct refused r = {.turn = &turn};
	pthread_t id;

	assert_int_equal(try_open(a, SERVER, &k), 0);
	assert_int_equal(try_open(a, SERVER, &r.k), 0);
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
	struct mx_reg *reg = open_reg(16, 1, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn_params p = {.server = SERVER};
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_conn *k = NULL, *other = NULL;
	char cookies[MX_CONN_COOKIES_MAX + 1];
	bool yes = true;

	assert_int_equal(try_open(a, SERVER, &k), 0);
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
	assert_int_equal(try_open(a, "other:1", &other), 0);
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
	struct mx_reg *reg = open_reg(32, 1, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k = NULL;
	bool cancel = false;
	unsigned turn = 0;
	struct waiter w = {.cl = a, .turn = &turn, .cancel = &cancel};

	assert_int_equal(try_open(a, SERVER, &k), 0);
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
	struct mx_reg *reg = open_reg(32, 1, 0), *other = tu_attach();
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_conn *k = NULL;
	unsigned turn = 0;
	struct waiter w = {.cl = a, .turn = &turn};

	assert_int_equal(try_open(a, SERVER, &k), 0);
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
	struct mx_reg *reg = open_reg(8, 4, 0);
	struct mx_clist *a = tu_join(reg, 1);

	for (int i = 0; i < 2000; i++) {
		struct finisher f = {.close = i % 2};
		pthread_t id;

		assert_int_equal(try_open(a, SERVER, &f.conn), 0);
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
	struct mx_reg *reg = open_reg(8, 4, 0);
	struct mx_clist *a = tu_join(reg, 1);
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_conn *k = NULL;

	assert_int_equal(try_open(a, SERVER, &k), 0);
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
	struct mx_conn_params p = {.server = SERVER, .deadline = MX_MONO_NEVER};
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
	struct crowd c = {.reg = open_reg(64, 2, 0)};
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

MX_TEST_MAIN(MX_TEST(test_budget_is_per_user_server_and_kind),
	     MX_TEST(test_no_place_says_why),
	     MX_TEST(test_a_connection_holds_its_list),
	     MX_TEST(test_full_tables_name_the_limit),
	     MX_TEST(test_server_names_are_bounded),
	     MX_TEST(test_b17_left_sessions_are_taken_over),
	     MX_TEST(test_orphans_end_when_the_server_has_forgotten),
	     MX_TEST(test_cookies_are_replaced_and_bounded),
	     MX_TEST(test_b16_logons_are_bounded),
	     MX_TEST(test_pollers_move_as_the_picture_says),
	     MX_TEST(test_back_off_is_of_one_user_and_outlives_the_list),
	     MX_TEST(test_a_full_server_lowers_the_budget),
	     MX_TEST(test_waiters_go_in_order),
	     MX_TEST(test_a_refused_place_waits_before_who_came_later),
	     MX_TEST(test_reopening_ends_like_opening),
	     MX_TEST(test_waiting_can_be_cancelled),
	     MX_TEST(test_detaching_ends_a_wait),
	     MX_TEST(test_every_exit_of_a_poller_signals),
	     MX_TEST(test_an_unfinished_poller_is_named),
	     MX_TEST(test_a_crowd_never_exceeds_the_budget))
