/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many users in one process, on two threads that impersonate one while they use
 * the session of another.  The server's log is the witness.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/lock.h"
#include "world.h"

#define N_USERS 50
#define MAX_ENTRIES 20000

struct entry {
	uint64_t connection, context;
	unsigned port;
	char user[16];
	bool wait, connect;
};

struct witness {
	struct mx_mutex lock;
	struct entry *log;
	size_t n;
};

static void on_access(void *arg, const struct mx_access *a)
{
	struct witness *wit = arg;
	struct entry *e;

	mx_mutex_lock(&wit->lock);
	if (wit->n < MAX_ENTRIES) {
		e = &wit->log[wit->n++];
		e->connection = a->connection;
		e->context = a->context;
		e->port = a->peer_port;
		e->wait = !strcmp(a->type, "NotificationWait");
		e->connect = !strcmp(a->type, "Connect");
		snprintf(e->user, sizeof(e->user), "%s", a->user);
	}
	mx_mutex_unlock(&wit->lock);
}

struct crowd {
	struct world *w;
	struct mx_mutex lock;
	struct mx_cond met;
	unsigned n_waiting, round;
	LPMAPISESSION s[N_USERS];
	LPMDB mdb[N_USERS];
	LPMAPIFOLDER inbox[N_USERS];
	atomic_uint n_heard[N_USERS];
};

struct worker {
	struct crowd *c;
	unsigned first; /* 0 or 1: which users are his at first */
};

/* Both threads are here before either goes on. */
static void meet(struct crowd *c)
{
	unsigned round;

	mx_mutex_lock(&c->lock);
	round = c->round;
	if (++c->n_waiting == 2) {
		c->n_waiting = 0;
		c->round++;
		mx_cond_broadcast(&c->met);
	}
	while (c->round == round)
		mx_cond_wait(&c->met, &c->lock, mx_mono_in_ms(1000));
	mx_mutex_unlock(&c->lock);
}

static LONG hear(void *arg, ULONG n, LPNOTIFICATION notifs)
{
	atomic_fetch_add((atomic_uint *)arg, n);
	return S_OK;
}

/* As the thread's user, with another one on the stack in between. */
static void log_on(struct crowd *c, unsigned i)
{
	LPMAPIADVISESINK sink = NULL;
	MAPIARY_CONFIG config;
	ULONG_PTR conn = 0;

	world_config(c->w, i, &config);
	ok(MapiaryImpersonate(world_user(c->w, i)));
	ok(MapiaryImpersonate(world_user(c->w, (i + 13) % N_USERS)));
	ok(MapiaryRevert());
	ok(MapiaryLogon(NULL, &config, 0, &c->s[i]));
	ok(MapiaryRevert());
	ok(MapiaryImpersonate(world_user(c->w, (i + 29) % N_USERS)));
	c->mdb[i] = world_store(c->s[i], 0);
	c->inbox[i] = world_inbox(c->mdb[i], 0);
	ok(HrAllocAdviseSink(hear, &c->n_heard[i], &sink));
	ok(IMsgStore_Advise(c->mdb[i], 0, NULL, fnevObjectCreated, sink,
			    &conn));
	IMAPIAdviseSink_Release(sink);
	ok(MapiaryRevert());
	assert_int_equal(MapiaryRevert(), MAPI_E_NOT_FOUND);
}

static void write_own(struct crowd *c, unsigned i)
{
	LPMESSAGE m;
	char name[16];

	snprintf(name, sizeof(name), "u%u", i);
	ok(MapiaryImpersonate(world_user(c->w, (i + 1) % N_USERS)));
	m = put_message(c->inbox[i], name, "body");
	IMessage_Release(m);
	ok(MapiaryRevert());
}

/* One message, and it is this user's. */
static void read_own(struct crowd *c, unsigned i)
{
	SizedSPropTagArray(1, cols) = {1, {PR_SUBJECT_A}};
	LPMAPITABLE t = NULL;
	LPSRowSet rows = NULL;
	char name[16];

	snprintf(name, sizeof(name), "u%u", i);
	ok(MapiaryImpersonate(world_user(c->w, (i + 7) % N_USERS)));
	ok(IMAPIFolder_GetContentsTable(c->inbox[i], 0, &t));
	ok(IMAPITable_SetColumns(t, (LPSPropTagArray)(void *)&cols, 0));
	ok(IMAPITable_QueryRows(t, 10, 0, &rows));
	assert_int_equal(rows->cRows, 1);
	assert_string_equal(rows->aRow[0].lpProps[0].Value.lpszA, name);
	FreeProws(rows);
	IMAPITable_Release(t);
	ok(MapiaryRevert());
}

static void let_go(struct crowd *c, unsigned i)
{
	ok(MapiaryImpersonate(world_user(c->w, (i + 3) % N_USERS)));
	IMAPISession_Release(c->s[i]);
	IMAPIFolder_Release(c->inbox[i]);
	IMsgStore_Release(c->mdb[i]);
	ok(MapiaryRevert());
}

static void *work(void *arg)
{
	struct worker *me = arg;
	struct crowd *c = me->c;

	for (unsigned i = me->first; i < N_USERS; i += 2)
		log_on(c, i);
	meet(c);
	/* what the other thread opened */
	for (unsigned i = !me->first; i < N_USERS; i += 2)
		write_own(c, i);
	meet(c);
	for (unsigned i = me->first; i < N_USERS; i += 2)
		read_own(c, i);
	meet(c);
	for (unsigned i = 0; i < N_USERS; i += 2) {
		unsigned j = (i + me->first + 21) % N_USERS;

		let_go(c, j - j % 2 + me->first);
	}
	return NULL;
}

static unsigned number(const struct entry *e)
{
	unsigned i = N_USERS;

	if (sscanf(e->user, "u%u", &i) != 1 || i >= N_USERS)
		fail_msg("a request of nobody: %s", e->user);
	return i;
}

/* B15, and the issue's: a TCP connection never serves two user contexts. */
static void check_connections(const struct witness *wit)
{
	for (size_t i = 0; i < wit->n; i++) {
		const struct entry *a = &wit->log[i];

		for (size_t j = 0; j < i; j++) {
			const struct entry *b = &wit->log[j];

			if (a->connection == b->connection &&
			    (strcmp(a->user, b->user) || a->port != b->port))
				fail_msg("port %u serves %s and %s", a->port,
					 a->user, b->user);
			if (a->context && a->context == b->context &&
			    strcmp(a->user, b->user))
				fail_msg("%s in the context of %s", a->user,
					 b->user);
		}
	}
}

static void check_everyone(const struct witness *wit)
{
	bool waited[N_USERS] = {0}, connected[N_USERS] = {0};

	for (size_t i = 0; i < wit->n; i++) {
		waited[number(&wit->log[i])] |= wit->log[i].wait;
		connected[number(&wit->log[i])] |= wit->log[i].connect;
	}
	for (unsigned i = 0; i < N_USERS; i++) {
		assert_true(connected[i]);
		assert_true(waited[i]);
	}
}

static void test_no_connection_ever_serves_two_users(void **state)
{
	struct witness wit = {.lock = MX_MUTEX_INIT};
	struct world_opts opts = {
		.n_users = N_USERS, .on_access = on_access, .arg = &wit};
	struct crowd *c = calloc(1, sizeof(*c));
	struct worker workers[2] = {{c, 0}, {c, 1}};
	struct mx_server_stats st;
	pthread_t thread;

	wit.log = calloc(MAX_ENTRIES, sizeof(*wit.log));
	c->w = world_new_with(&opts);
	mx_mutex_init(&c->lock);
	mx_cond_init(&c->met);
	assert_int_equal(pthread_create(&thread, NULL, work, &workers[1]), 0);
	work(&workers[0]);
	pthread_join(thread, NULL);
	world_uninitialize(c->w);
	/* Disconnect ends each wait: then it is in the log */
	do {
		sched_yield();
		mx_server_stats(world_server(c->w), &st);
	} while (st.parked);
	world_free(c->w);
	assert_in_range(wit.n, N_USERS * 5, MAX_ENTRIES - 1);
	check_connections(&wit);
	check_everyone(&wit);
	mx_cond_fini(&c->met);
	free(wit.log);
	free(c);
}

MX_TEST_MAIN(MX_TEST_IN(test_no_connection_ever_serves_two_users, 120))
