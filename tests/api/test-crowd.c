/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A crowd of users in one process.  Who they were is asked of the server's
 * access log.  `make soak` has a thousand of them, as promised.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mapiutil.h>

#include "base/lock.h"
#include "world.h"

#define CROWD 60 /* in make check */
#define UNIX_USER 65534

struct entry {
	uint64_t connection, context, owner;
	char user[16], type[24];
	bool after; /* the first user had gone */
};

struct witness {
	struct mx_mutex lock;
	struct entry *log;
	size_t n, max;
	bool first_is_gone;
};

static void on_access(void *arg, const struct mx_access *a)
{
	struct witness *wit = arg;
	struct entry *e;

	mx_mutex_lock(&wit->lock);
	if (wit->n < wit->max) {
		e = &wit->log[wit->n++];
		e->connection = a->connection;
		e->context = a->context;
		e->owner = a->owner;
		e->after = wit->first_is_gone;
		snprintf(e->user, sizeof(e->user), "%s", a->user);
		snprintf(e->type, sizeof(e->type), "%s", a->type);
	}
	mx_mutex_unlock(&wit->lock);
}

struct one {
	LPMAPISESSION s;
	LPMDB mdb;
	LPMAPIFOLDER inbox;
	ULONG_PTR key;
	atomic_uint heard;
};

struct crowd {
	struct world *w;
	unsigned n;
	struct one *u;
};

static LONG STDAPICALLTYPE hear(LPVOID context, ULONG n, LPNOTIFICATION v)
{
	atomic_fetch_add((atomic_uint *)context, n);
	return 0;
}

static void come(struct crowd *c, unsigned i)
{
	LPMAPIADVISESINK sink = NULL;
	struct one *u = &c->u[i];

	u->s = world_logon(c->w, i);
	u->mdb = world_store(u->s, 0);
	u->inbox = world_inbox(u->mdb, 0);
	ok(HrAllocAdviseSink(hear, &u->heard, &sink));
	ok(IMsgStore_Advise(u->mdb, 0, NULL, fnevObjectCreated, sink, &u->key));
	IMAPIAdviseSink_Release(sink);
}

static void go(struct one *u)
{
	IMAPIFolder_Release(u->inbox);
	IMsgStore_Release(u->mdb);
	IMAPISession_Release(u->s);
}

static void *come_first(void *arg)
{
	struct crowd *c = arg;

	if (!getuid() && syscall(SYS_setresuid, -1, UNIX_USER, -1))
		abort();
	ok(MapiaryImpersonate(world_user(c->w, 1)));
	ok(MapiaryImpersonate(world_user(c->w, 0)));
	come(c, 0);
	ok(MapiaryRevert());
	ok(MapiaryRevert());
	return NULL;
}

/* Everyone else gets a message, by somebody else's thread stack, and hears. */
static void everyone_hears(struct crowd *c)
{
	ok(MapiaryImpersonate(world_user(c->w, c->n / 2)));
	for (unsigned i = 1; i < c->n; i++)
		UlRelease(put_message(c->u[i].inbox, "subject", "body"));
	ok(MapiaryRevert());
	for (unsigned i = 1; i < c->n; i++)
		while (!atomic_load(&c->u[i].heard))
			sched_yield();
}

static unsigned number(const struct entry *e)
{
	return (unsigned)strtoul(e->user + 1, NULL, 10);
}

static void check_log(const struct witness *wit, unsigned n)
{
	unsigned *waits = calloc(n, sizeof(*waits));
	uint64_t *owner = calloc(n, sizeof(*owner));
	unsigned *of_conn = calloc(wit->max, sizeof(*of_conn));
	size_t anonymous = 0;

	assert_in_range(wit->n, 5 * n, wit->max - 1);
	for (size_t i = 0; i < wit->n; i++) {
		const struct entry *e = &wit->log[i];
		unsigned u = number(e);

		if (!strcmp(e->user, "-")) {
			anonymous++;
			continue;
		}
		assert_true(u < n);
		/* The context's owner is who authenticated this request. */
		if (e->owner && !owner[u])
			owner[u] = e->owner;
		if (e->owner && owner[u] != e->owner)
			fail_msg("%s by %s in another's context", e->type,
				 e->user);
		if (e->connection < wit->max) {
			unsigned *c = &of_conn[e->connection];

			if (*c && *c != u + 1)
				fail_msg("one connection for u%u and u%u",
					 *c - 1, u);
			*c = u + 1;
		}
		waits[u] += e->after && !strcmp(e->type, "NotificationWait");
	}
	assert_int_equal(anonymous, 0);
	for (unsigned i = 1; i < n; i++) {
		assert_true(waits[i] > 0);
		for (unsigned k = 0; i < 50 && k < i; k++)
			assert_true(owner[i] != owner[k]);
	}
	free(waits);
	free(owner);
	free(of_conn);
}

/* B15.  The engine is started by a thread with another kernel user, which
 * impersonates two users; both it and the user it acts for go; everybody's
 * background requests are his own, before and after. */
static void test_B15_everyones_background_requests_are_his_own(void **state)
{
	struct crowd c = {.n = getenv("MX_SOAK") ? 1000 : CROWD};
	struct witness wit = {.lock = MX_MUTEX_INIT, .max = 40 * c.n + 1000};
	struct world_opts opts = {
		.n_users = c.n, .on_access = on_access, .arg = &wit};
	struct mx_server_stats st;
	pthread_t first;

	opts.server.hash_cost = 1;
	wit.log = calloc(wit.max, sizeof(*wit.log));
	c.u = calloc(c.n, sizeof(*c.u));
	c.w = world_new_with(&opts);
	assert_int_equal(pthread_create(&first, NULL, come_first, &c), 0);
	pthread_join(first, NULL);
	for (unsigned i = 1; i < c.n; i++)
		come(&c, i);
	go(&c.u[0]);
	MapiaryUserRelease(world_user(c.w, 0));
	world_forget_user(c.w, 0);
	mx_mutex_lock(&wit.lock);
	wit.first_is_gone = true;
	mx_mutex_unlock(&wit.lock);
	everyone_hears(&c);
	for (unsigned i = 1; i < c.n; i++)
		go(&c.u[i]);
	world_uninitialize(c.w);
	/* Disconnect ends each wait: then it is in the log. */
	do {
		sched_yield();
		mx_server_stats(world_server(c.w), &st);
	} while (st.parked);
	world_free(c.w);
	check_log(&wit, c.n);
	free(wit.log);
	free(c.u);
}

/* --- B11: what a callback may do ---------------------------------------- */

struct last_act {
	struct one u;
	LPMAPIFOLDER sub;
	atomic_uint done;
	HRESULT create, unadvise;
};

/* Calls MAPI, ends its own subscription, and releases everything there is, its
 * own session last. */
static LONG STDAPICALLTYPE act(LPVOID context, ULONG n, LPNOTIFICATION v)
{
	struct last_act *a = context;

	if (atomic_load(&a->done))
		abort(); /* a callback that started after Unadvise */
	a->create = IMAPIFolder_CreateFolder(a->u.inbox, FOLDER_GENERIC,
					     (LPTSTR) "by a callback", NULL,
					     NULL, 0, &a->sub);
	a->unadvise = IMsgStore_Unadvise(a->u.mdb, a->u.key);
	if (a->sub)
		IMAPIFolder_Release(a->sub);
	IMAPISession_Logoff(a->u.s, 0, 0, 0);
	go(&a->u);
	atomic_store(&a->done, 1);
	return 0;
}

static void test_B11_a_callback_releases_its_own_session(void **state)
{
	struct world *w = world_new(2);
	static struct last_act a;
	LPMAPIADVISESINK sink = NULL;
	struct mx_server_stats st;
	LPMAPISESSION s2;
	LPMAPIFOLDER in2;
	LPMDB m2;

	a.u.s = world_logon(w, 0);
	a.u.mdb = world_store(a.u.s, 0);
	a.u.inbox = world_inbox(a.u.mdb, MAPI_MODIFY);
	ok(HrAllocAdviseSink(act, &a, &sink));
	ok(IMsgStore_Advise(a.u.mdb, 0, NULL, fnevObjectCreated, sink,
			    &a.u.key));
	IMAPIAdviseSink_Release(sink);
	/* Another session of the same mailbox makes what is told of. */
	s2 = world_logon(w, 0);
	m2 = world_store(s2, 0);
	in2 = world_inbox(m2, MAPI_MODIFY);
	for (int i = 0; i < 5; i++)
		UlRelease(put_message(in2, "subject", "body"));
	while (!atomic_load(&a.done))
		sched_yield();
	assert_int_equal(a.create, S_OK);
	assert_int_equal(a.unadvise, S_OK);
	IMAPIFolder_Release(in2);
	IMsgStore_Release(m2);
	IMAPISession_Release(s2);
	world_uninitialize(w);
	do {
		sched_yield();
		mx_server_stats(world_server(w), &st);
	} while (st.parked);
	world_free(w);
}

MX_TEST_MAIN(MX_TEST_IN(test_B15_everyones_background_requests_are_his_own,
			600),
	     MX_TEST(test_B11_a_callback_releases_its_own_session))
