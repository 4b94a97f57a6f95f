/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that was restarted knows none of the session's objects: they open
 * themselves again, and what was not saved is said to be lost.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/lock.h"
#include "gate.h"
#include "world.h"

struct scene {
	struct world *w;
	LPMAPISESSION s;
	LPMDB mdb;
	LPMAPIFOLDER inbox;
};

static void scene_init(struct scene *sc)
{
	struct world_opts opts = {.n_users = 1, .gate = true};

	sc->w = world_new_with(&opts);
	sc->s = world_logon(sc->w, 0);
	sc->mdb = world_store(sc->s, 0);
	sc->inbox = world_inbox(sc->mdb, 0);
}

static void scene_fini(struct scene *sc)
{
	IMAPIFolder_Release(sc->inbox);
	IMsgStore_Release(sc->mdb);
	IMAPISession_Release(sc->s);
	world_free(sc->w);
}

static ULONG reconnects(struct scene *sc)
{
	MAPIARY_SESSION_INFO info = {.cbSize = sizeof(info)};

	ok(MapiaryGetSessionInfo(sc->s, &info));
	return info.cReconnects;
}

static void put(struct scene *sc, const char *subject)
{
	LPMESSAGE m = put_message(sc->inbox, subject, "body");

	IMessage_Release(m);
}

/* The next row's subject. */
static void next_is(LPMAPITABLE t, const char *want)
{
	LPSRowSet rows = NULL;

	ok(IMAPITable_QueryRows(t, 1, 0, &rows));
	assert_int_equal(rows->cRows, want ? 1 : 0);
	if (want)
		assert_string_equal(rows->aRow[0].lpProps[0].Value.lpszA, want);
	FreeProws(rows);
}

static void test_table_goes_on_where_it_was(void **state)
{
	SizedSPropTagArray(1, cols) = {1, {PR_SUBJECT_A}};
	SizedSSortOrderSet(1, order) = {
		1, 0, 0, {{PR_SUBJECT_A, TABLE_SORT_DESCEND}}};
	SPropValue not_e = {PR_SUBJECT_A, 0, {.lpszA = (LPSTR) "e"}};
	SRestriction r = {.rt = RES_PROPERTY};
	LPMAPITABLE t = NULL;
	struct scene sc;

	scene_init(&sc);
	for (const char *p = "bdace"; *p; p++)
		put(&sc, (char[]){*p, 0});
	r.res.resProperty.relop = RELOP_NE;
	r.res.resProperty.ulPropTag = PR_SUBJECT_A;
	r.res.resProperty.lpProp = &not_e;
	ok(IMAPIFolder_GetContentsTable(sc.inbox, 0, &t));
	ok(IMAPITable_SetColumns(t, (LPSPropTagArray)(void *)&cols, 0));
	ok(IMAPITable_Restrict(t, &r, 0));
	ok(IMAPITable_SortTable(t, (LPSSortOrderSet)(void *)&order, 0));
	next_is(t, "d");
	next_is(t, "c");
	world_restart(sc.w);
	next_is(t, "b");
	world_restart(sc.w);
	next_is(t, "a");
	next_is(t, NULL);
	assert_int_equal(reconnects(&sc), 2);
	IMAPITable_Release(t);
	scene_fini(&sc);
}

static void test_folders_messages_and_streams_open_again(void **state)
{
	LPSTREAM st = NULL;
	struct scene sc;
	LPMESSAGE m;
	char in[5] = "";
	ULONG got;
	char *text;

	scene_init(&sc);
	m = put_message(sc.inbox, "kept", "body");
	text = get_text((LPMAPIPROP)m, PR_SUBJECT);
	MAPIFreeBuffer(text);
	ok(IMessage_OpenProperty(m, PR_SEARCH_KEY, &IID_IStream, 0, 0,
				 (LPUNKNOWN *)(void *)&st));
	ok(IStream_Read(st, in, 2, &got));
	world_restart(sc.w);
	text = get_text((LPMAPIPROP)m, PR_SUBJECT);
	assert_string_equal(text, "kept");
	MAPIFreeBuffer(text);
	/* and it can be changed and saved as before */
	set_text((LPMAPIPROP)m, PR_SUBJECT, "changed");
	ok(IMessage_SaveChanges(m, KEEP_OPEN_READWRITE));
	world_restart(sc.w);
	put(&sc, "another");
	text = get_text((LPMAPIPROP)m, PR_SUBJECT);
	assert_string_equal(text, "changed");
	MAPIFreeBuffer(text);
	ok(IStream_Read(st, in, 2, &got));
	assert_int_equal(reconnects(&sc), 2);
	IStream_Release(st);
	IMessage_Release(m);
	scene_fini(&sc);
}

static void lost(LPMESSAGE m)
{
	LPMAPIERROR err = NULL;

	assert_int_equal(IMessage_SaveChanges(m, KEEP_OPEN_READWRITE),
			 MAPI_E_INVALID_OBJECT);
	ok(IMessage_GetLastError(m, MAPI_E_INVALID_OBJECT, 0, &err));
	assert_non_null(err);
	if (!strstr((char *)err->lpszError, "saved") ||
	    !strstr((char *)err->lpszError, "u0"))
		fail_msg("not clear: %s", (char *)err->lpszError);
	MAPIFreeBuffer(err);
}

static void test_unsaved_changes_are_lost_with_a_clear_error(void **state)
{
	struct scene sc;
	LPMESSAGE m, fresh = NULL;
	LPSPropValue eid = NULL;
	LPMESSAGE again = NULL;
	ULONG type;
	char *text;

	scene_init(&sc);
	m = put_message(sc.inbox, "saved", "body");
	ok(HrGetOneProp((LPMAPIPROP)m, PR_ENTRYID, &eid));
	set_text((LPMAPIPROP)m, PR_SUBJECT, "never saved");
	/* asked, so that the change is surely the server's by now */
	text = get_text((LPMAPIPROP)m, PR_SUBJECT);
	assert_string_equal(text, "never saved");
	MAPIFreeBuffer(text);
	ok(IMAPIFolder_CreateMessage(sc.inbox, NULL, 0, &fresh));
	set_text((LPMAPIPROP)fresh, PR_SUBJECT, "never saved");
	text = get_text((LPMAPIPROP)fresh, PR_SUBJECT);
	MAPIFreeBuffer(text);
	world_restart(sc.w);
	lost(m);
	lost(fresh);
	lost(m); /* and it stays lost */

	/* what had been saved is there, and nothing else */
	ok(IMsgStore_OpenEntry(sc.mdb, eid->Value.bin.cb,
			       (LPENTRYID)(void *)eid->Value.bin.lpb, NULL, 0,
			       &type, (LPUNKNOWN *)(void *)&again));
	text = get_text((LPMAPIPROP)again, PR_SUBJECT);
	assert_string_equal(text, "saved");
	MAPIFreeBuffer(text);
	assert_int_equal(row_count(sc.inbox), 1);
	MAPIFreeBuffer(eid);
	IMessage_Release(again);
	IMessage_Release(fresh);
	IMessage_Release(m);
	scene_fini(&sc);
}

/* Nobody calls: the session notices by itself and hears of mail again. */
struct ear {
	struct mx_mutex lock;
	struct mx_cond heard;
	unsigned n_new, n_missed;
};

static LONG hear(void *arg, ULONG n, LPNOTIFICATION notifs)
{
	struct ear *e = arg;

	mx_mutex_lock(&e->lock);
	for (ULONG i = 0; i < n; i++) {
		e->n_new += notifs[i].ulEventType == fnevObjectCreated;
		e->n_missed += notifs[i].ulEventType == fnevCriticalError &&
			       notifs[i].info.err.scode == MAPI_E_NETWORK_ERROR;
	}
	mx_cond_broadcast(&e->heard);
	mx_mutex_unlock(&e->lock);
	return S_OK;
}

static void test_subscriptions_are_made_again(void **state)
{
	struct ear ear = {.lock = MX_MUTEX_INIT};
	LPMAPIADVISESINK sink = NULL;
	struct mx_server_stats st;
	ULONG_PTR conn = 0;
	struct scene sc;

	mx_cond_init(&ear.heard);
	scene_init(&sc);
	ok(HrAllocAdviseSink(hear, &ear, &sink));
	ok(IMsgStore_Advise(sc.mdb, 0, NULL, fnevObjectCreated, sink, &conn));
	world_restart(sc.w);
	/* What came about meanwhile nobody can know: it is said. */
	mx_mutex_lock(&ear.lock);
	while (!ear.n_missed)
		mx_cond_wait(&ear.heard, &ear.lock, mx_mono_in_ms(1000));
	mx_mutex_unlock(&ear.lock);
	/* parked at the new server: it knows the subscription */
	do {
		sched_yield();
		mx_server_stats(world_server(sc.w), &st);
	} while (!st.parked);
	put(&sc, "after");
	mx_mutex_lock(&ear.lock);
	while (!ear.n_new)
		mx_cond_wait(&ear.heard, &ear.lock, mx_mono_in_ms(1000));
	mx_mutex_unlock(&ear.lock);
	ok(IMsgStore_Unadvise(sc.mdb, conn));
	IMAPIAdviseSink_Release(sink);
	scene_fini(&sc);
	mx_cond_fini(&ear.heard);
}

MX_TEST_MAIN(MX_TEST(test_table_goes_on_where_it_was),
	     MX_TEST(test_folders_messages_and_streams_open_again),
	     MX_TEST(test_unsaved_changes_are_lost_with_a_clear_error),
	     MX_TEST(test_subscriptions_are_made_again))
