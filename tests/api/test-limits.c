/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More than a session context holds: objects, for which the server has limits,
 * and logons, which spread over further contexts as far as the budget goes.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "store/dir.h"
#include "world.h"

/* ---- Objects ---- */

/* B18: the server's limit on open messages is a clear error, hurts nothing else,
 * and what the program lets go makes room at once. */
static void test_too_many_open_messages_is_an_error_and_no_more(void **state)
{
	enum { MOST = 5 };
	struct world_opts opts = {.n_users = 1,
				  .server = {.max_messages = MOST}};
	struct world *w = world_new_with(&opts);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	LPMAPIFOLDER f = world_inbox(mdb, 0);
	LPMESSAGE m = put_message(f, "one", "body"), open[MOST + 1] = {NULL};
	LPSPropValue eid = NULL;
	LPMAPIERROR why = NULL;
	ULONG type = 0;
	HRESULT hr;

	ok(HrGetOneProp((LPMAPIPROP)m, PR_ENTRYID, &eid));
	IMessage_Release(m);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i <= MOST; i++) {
			hr = IMsgStore_OpenEntry(
				mdb, eid->Value.bin.cb,
				(LPENTRYID)(void *)eid->Value.bin.lpb, NULL, 0,
				&type, (LPUNKNOWN *)(void *)&open[i]);
			assert_int_equal(
				hr,
				i < MOST ? S_OK : MAPI_E_NOT_ENOUGH_RESOURCES);
		}
		assert_null(open[MOST]);
		ok(IMsgStore_GetLastError(mdb, MAPI_E_NOT_ENOUGH_RESOURCES, 0,
					  &why));
		assert_int_equal(why->ulLowLevelError, 0x4de);
		MAPIFreeBuffer(why);
		assert_int_equal(row_count(f), 1); /* all else works */
		for (int i = 0; i < MOST; i++)
			IMessage_Release(open[i]);
	}
	MAPIFreeBuffer(eid);
	IMAPIFolder_Release(f);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	world_free(w);
}

/* ---- Many mailboxes ---- */

/* Under a sanitizer fewer, but more than one session context holds. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MANY 301
#else
#define MANY 1001
#endif

struct many {
	struct world *w;
	LPMAPISESSION s;
	LPMDB own;
	unsigned n;
	LPMDB mdb[MANY];
};

/* Mailboxes "m1" … of users without a password, open to u0. */
static void many_init(struct many *m, unsigned n,
		      const struct mx_server_params *limits)
{
	struct world_opts opts = {.n_users = 1, .server = *limits};
	struct mx_store *st;

	*m = (struct many){.n = n};
	opts.server.max_open = n + 8;
	m->w = world_new_with(&opts);
	st = mx_server_store(world_server(m->w));
	for (unsigned i = 0; i < n; i++) {
		MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
		char name[16];

		snprintf(name, sizeof(name), "m%u", i);
		assert_int_equal(mx_dir_add(st, &(struct mx_user){.name = name},
					    NULL, &a, NULL),
				 0);
		world_grant(m->w, name, "u0", MX_GRANT_FULL);
	}
	m->s = world_logon(m->w, 0);
	m->own = world_store(m->s, 0);
}

static void many_open(struct many *m, unsigned i)
{
	char name[16];

	snprintf(name, sizeof(name), "m%u", i);
	ok(world_open_other(m->s, m->own, name, 0, &m->mdb[i]));
}

static void many_close(struct many *m, unsigned i)
{
	IMsgStore_Release(m->mdb[i]);
	m->mdb[i] = NULL;
}

static unsigned contexts(struct many *m)
{
	struct mx_server_stats st;

	mx_server_stats(world_server(m->w), &st);
	return st.contexts;
}

static void many_fini(struct many *m)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->mdb[i])
			many_close(m, i);
	IMsgStore_Release(m->own);
	IMAPISession_Release(m->s);
	world_free(m->w);
}

/* Each mailbox answers as itself. */
static void look_into(struct many *m, unsigned i)
{
	char *name = get_text((LPMAPIPROP)m->mdb[i], PR_MAILBOX_OWNER_NAME);
	char want[16];

	snprintf(want, sizeof(want), "m%u", i);
	assert_string_equal(name, want);
	MAPIFreeBuffer(name);
}

/* B16 against a server that takes few logons: what it refuses goes into another
 * session context, and what is given back is used again. */
static void test_logons_spread_over_session_contexts(void **state)
{
	enum { N = 40, PER = 8 };
	struct many *m = calloc(1, sizeof(*m));
	MAPIARY_SESSION_INFO info = {.cbSize = sizeof(info)};

	many_init(m, N, &(struct mx_server_params){.max_logons = PER});
	for (unsigned i = 0; i < N; i++)
		many_open(m, i);
	for (unsigned i = 0; i < N; i++)
		look_into(m, i);
	ok(MapiaryGetSessionInfo(m->s, &info));
	assert_int_equal(info.cLogons, N + 1);
	assert_int_equal(info.cConnections, (N + PER) / PER);
	assert_int_equal(contexts(m), (N + PER) / PER);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = round; i < N; i += 3)
			many_close(m, i);
		for (unsigned i = round; i < N; i += 3)
			many_open(m, i);
	}
	for (unsigned i = 0; i < N; i++)
		look_into(m, i);
	/* No more contexts than before, but for those on their way out. */
	ok(MapiaryGetSessionInfo(m->s, &info));
	assert_in_range(info.cConnections, (N + PER) / PER, N / PER + 3);
	for (unsigned i = 0; i < N; i++)
		many_close(m, i);
	while (contexts(m) > 1) /* the others end by themselves */
		sched_yield();
	assert_non_null(m->own);
	many_fini(m);
	free(m);
}

/* Further session contexts are taken from the budget, like any other. */
static void test_further_contexts_stay_within_the_budget(void **state)
{
	enum { SESSIONS = 2, PER = 3, ROOM = SESSIONS * PER - 1 };
	struct many *m = calloc(1, sizeof(*m));
	MAPIARY_SESSION_INFO info = {.cbSize = sizeof(info)};
	LPMDB extra = NULL;
	char want[100];

	ok(MapiarySetBudgets(SESSIONS, PER));
	many_init(m, ROOM + 1, &(struct mx_server_params){0});
	for (unsigned i = 0; i < ROOM; i++)
		many_open(m, i);
	ok(MapiaryGetSessionInfo(m->s, &info));
	assert_int_equal(info.cConnections, SESSIONS);
	ok(MapiarySetDeadlines(m->s, 0, 1000));
	assert_int_equal(world_open_other(m->s, m->own, "m5", 0, &extra),
			 MAPI_E_SESSION_LIMIT);
	snprintf(want, sizeof(want),
		 "2 of 2 sessions of this user on this "
		 "server are in use, held by process %d",
		 (int)getpid());
	assert_non_null(strstr(MapiaryLastErrorText(), want));
	assert_null(extra);
	ok(MapiarySetDeadlines(m->s, 0, 100000));
	many_close(m, 0);
	many_open(m, ROOM); /* where the other was */
	ok(MapiaryGetSessionInfo(m->s, &info));
	assert_in_range(info.cConnections, SESSIONS, SESSIONS + 1);
	for (unsigned i = 1; i <= ROOM; i++)
		look_into(m, i);
	many_fini(m);
	free(m);
	ok(MapiarySetBudgets(32, 255));
}

/* B16, by our own limit of 255 a context. */
static void test_a_thousand_mailboxes_at_once(void **state)
{
	struct many *m = calloc(1, sizeof(*m));
	unsigned n = MANY - 1;

	many_init(m, n, &(struct mx_server_params){0});
	for (unsigned i = 0; i < n; i++)
		many_open(m, i);
	assert_int_equal(contexts(m), (n + 1 + 254) / 255);
	for (unsigned i = 0; i < n; i += 97)
		look_into(m, i);
	many_fini(m);
	free(m);
}

int main(int argc, char **argv)
{
	static const struct mx_test tests[] = {
		MX_TEST(test_too_many_open_messages_is_an_error_and_no_more),
		MX_TEST(test_logons_spread_over_session_contexts),
		MX_TEST(test_further_contexts_stay_within_the_budget),
		MX_TEST_IN(test_a_thousand_mailboxes_at_once, 240)};

	mx_test_off_disk();
	return mx_test_run(tests, MX_ARRAY_SIZE(tests), argc, argv);
}
