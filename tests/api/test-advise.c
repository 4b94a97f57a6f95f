/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advise on tables: what happens to rows is told, row by row.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/lock.h"
#include "world.h"

/* The events of one subscription: the last of each kind, and its row. */
struct ear {
	struct mx_mutex lock;
	struct mx_cond heard;
	unsigned n[TABLE_RELOAD + 1];
	char subject[TABLE_RELOAD + 1][32];
	unsigned n_all;
};

static void take_row(struct ear *e, const TABLE_NOTIFICATION *t)
{
	if (t->ulTableEvent > TABLE_RELOAD)
		return;
	for (ULONG i = 0; i < t->row.cValues; i++)
		if (t->row.lpProps[i].ulPropTag == PR_SUBJECT_A)
			snprintf(e->subject[t->ulTableEvent],
				 sizeof(e->subject[0]), "%s",
				 t->row.lpProps[i].Value.lpszA);
	e->n[t->ulTableEvent]++;
	e->n_all++;
}

static LONG hear(void *arg, ULONG n, LPNOTIFICATION notifs)
{
	struct ear *e = arg;

	mx_mutex_lock(&e->lock);
	for (ULONG i = 0; i < n; i++)
		if (notifs[i].ulEventType == fnevTableModified)
			take_row(e, &notifs[i].info.tab);
	mx_cond_broadcast(&e->heard);
	mx_mutex_unlock(&e->lock);
	return S_OK;
}

/* Until one of this kind has come, then forgets it. */
static void await(struct ear *e, ULONG kind, const char *subject)
{
	mx_mutex_lock(&e->lock);
	while (!e->n[kind])
		mx_cond_wait(&e->heard, &e->lock, mx_mono_in_ms(1000));
	e->n[kind] = 0;
	mx_mutex_unlock(&e->lock);
	if (subject)
		assert_string_equal(e->subject[kind], subject);
}

static void delete_message(LPMAPIFOLDER inbox, LPMESSAGE m)
{
	LPSPropValue eid = NULL;
	ENTRYLIST list = {1, NULL};

	ok(HrGetOneProp((LPMAPIPROP)m, PR_ENTRYID, &eid));
	IMessage_Release(m);
	list.lpbin = &eid->Value.bin;
	ok(IMAPIFolder_DeleteMessages(inbox, &list, 0, NULL, 0));
	MAPIFreeBuffer(eid);
}

static void test_table_tells_of_rows_added_modified_deleted(void **state)
{
	SizedSPropTagArray(1, cols) = {1, {PR_SUBJECT_A}};
	struct world *w = world_new(1);
	LPMAPISESSION s = world_logon(w, 0), other = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0), theirs = world_store(other, 0);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);
	LPMAPIFOLDER same = world_inbox(theirs, 0);
	struct ear ear = {.lock = MX_MUTEX_INIT};
	LPMAPIADVISESINK sink = NULL;
	LPMAPITABLE t = NULL;
	LPSRowSet rows = NULL;
	ULONG_PTR conn = 0;
	unsigned seen;
	LPMESSAGE m;

	mx_cond_init(&ear.heard);
	ok(HrAllocAdviseSink(hear, &ear, &sink));
	ok(IMAPIFolder_GetContentsTable(inbox, 0, &t));
	ok(IMAPITable_SetColumns(t, (LPSPropTagArray)(void *)&cols, 0));
	ok(IMAPITable_QueryRows(t, 10, 0, &rows));
	FreeProws(rows);
	ok(IMAPITable_Advise(t, fnevTableModified, sink, &conn));

	/* by another session, so that no call of ours brings the news */
	m = put_message(same, "one", "body");
	await(&ear, TABLE_ROW_ADDED, "one");
	set_text((LPMAPIPROP)m, PR_SUBJECT, "two");
	ok(IMessage_SaveChanges(m, KEEP_OPEN_READWRITE));
	await(&ear, TABLE_ROW_MODIFIED, "two");
	delete_message(same, m);
	await(&ear, TABLE_ROW_DELETED, NULL);

	/* B11: after Unadvise nothing comes, whatever happens */
	ok(IMAPITable_Unadvise(t, conn));
	do {
		/* one that was running may still hold it */
		sched_yield();
		IMAPIAdviseSink_AddRef(sink);
	} while (IMAPIAdviseSink_Release(sink) > 1);
	mx_mutex_lock(&ear.lock);
	seen = ear.n_all;
	mx_mutex_unlock(&ear.lock);
	m = put_message(same, "three", "body");
	IMessage_Release(m);
	ok(IMAPITable_SeekRow(t, BOOKMARK_BEGINNING, 0, NULL));
	ok(IMAPITable_QueryRows(t, 10, 0, &rows));
	assert_int_equal(rows->cRows, 1);
	FreeProws(rows);
	assert_int_equal(IMAPIAdviseSink_Release(sink), 0);
	assert_int_equal(ear.n_all, seen);

	IMAPITable_Release(t);
	IMAPIFolder_Release(inbox);
	IMAPIFolder_Release(same);
	IMsgStore_Release(mdb);
	IMsgStore_Release(theirs);
	IMAPISession_Release(s);
	IMAPISession_Release(other);
	world_free(w);
	mx_cond_fini(&ear.heard);
}

MX_TEST_MAIN(MX_TEST(test_table_tells_of_rows_added_modified_deleted))
