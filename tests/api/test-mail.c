/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main job's calls, object by object, against a server on a socket.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/lock.h"
#include "world.h"

static LPSRowSet inbox_rows(LPMAPIFOLDER inbox, ULONG flags)
{
	SizedSPropTagArray(4, cols) = {4,
				       {PR_ENTRYID, PR_SUBJECT_A,
					PR_MESSAGE_FLAGS, PR_MESSAGE_SIZE}};
	LPMAPITABLE t = NULL;
	LPSRowSet rows = NULL;

	ok(IMAPIFolder_GetContentsTable(inbox, flags, &t));
	ok(IMAPITable_SetColumns(t, (LPSPropTagArray)(void *)&cols,
				 flags ? TBL_BATCH : 0));
	ok(IMAPITable_QueryRows(t, 50, 0, &rows));
	IMAPITable_Release(t);
	return rows;
}

/* The targets: 4 round trips, 3 with MAPI_DEFERRED_ERRORS and
 * TBL_BATCH, from nothing to the first 50 rows. */
static void test_logon_to_first_rows_in_few_round_trips(void **state)
{
	struct world *w = world_new(1);

	for (int deferred = 0; deferred < 2; deferred++) {
		ULONG flags = deferred ? MAPI_DEFERRED_ERRORS : 0;
		LPMAPISESSION s = world_logon(w, 0);
		LPMDB mdb = world_store(s, flags);
		LPMAPIFOLDER inbox = NULL;
		LPENTRYID eid = NULL;
		ULONG n = 0, type;

		ok(IMsgStore_GetReceiveFolder(mdb, NULL, 0, &n, &eid, NULL));
		ok(IMsgStore_OpenEntry(mdb, n, eid, NULL, flags, &type,
				       (LPUNKNOWN *)(void *)&inbox));
		MAPIFreeBuffer(eid);
		FreeProws(inbox_rows(inbox, flags));
		assert_int_equal(world_trips(s), deferred ? 3 : 4);
		IMAPIFolder_Release(inbox);
		IMsgStore_Release(mdb);
		IMAPISession_Release(s);
	}
	world_free(w);
}

/* What came along with RopLogon is what the server says when it is asked. */
static void test_receive_folders_known_from_logon_are_the_servers(void **state)
{
	static const char *const classes[] = {"IPM", "ipm.note", NULL, ""};
	struct world *w = world_new(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB early = world_store(s, 0);
	LPMDB late = world_store(s, MAPI_DEFERRED_ERRORS);
	ULONG trips;

	for (size_t i = 0; i < MX_ARRAY_SIZE(classes); i++) {
		LPTSTR cls = (LPTSTR)classes[i];
		LPENTRYID known = NULL, asked = NULL;
		LPTSTR why_known = NULL, why_asked = NULL;
		ULONG n = 0, m = 0;

		trips = world_trips(s);
		ok(IMsgStore_GetReceiveFolder(early, cls, 0, &n, &known,
					      &why_known));
		assert_int_equal(world_trips(s), trips);
		ok(IMsgStore_GetReceiveFolder(late, cls, 0, &m, &asked,
					      &why_asked));
		assert_int_equal(world_trips(s), trips + 1);
		assert_int_equal(n, m);
		assert_memory_equal(known, asked, n);
		assert_string_equal((char *)why_known, (char *)why_asked);
		MAPIFreeBuffer(known);
		MAPIFreeBuffer(asked);
		MAPIFreeBuffer(why_known);
		MAPIFreeBuffer(why_asked);
	}
	ok(IMAPISession_Logoff(s, 0, 0, 0));
	{
		LPENTRYID eid = NULL;
		ULONG n = 0;

		assert_int_equal(IMsgStore_GetReceiveFolder(early, NULL, 0, &n,
							    &eid, NULL),
				 MAPI_E_END_OF_SESSION);
	}
	IMsgStore_Release(early);
	IMsgStore_Release(late);
	IMAPISession_Release(s);
	world_free(w);
}

static void test_message_comes_back_as_it_was_saved(void **state)
{
	struct world *w = world_new(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);
	LPMESSAGE m = put_message(inbox,
				  "Gr\xc3\xbc\xc3\x9f"
				  "e \xf0\x9f\x90\x9d",
				  "body\r\n");
	LPSPropValue eid = NULL;
	LPMESSAGE again = NULL;
	LPSRowSet rows;
	ULONG type;
	char *text;

	ok(HrGetOneProp((LPMAPIPROP)m, PR_ENTRYID, &eid));
	ok(IMAPISession_OpenEntry(s, eid->Value.bin.cb,
				  (LPENTRYID)(void *)eid->Value.bin.lpb,
				  &IID_IMessage, MAPI_MODIFY, &type,
				  (LPUNKNOWN *)(void *)&again));
	assert_int_equal(type, MAPI_MESSAGE);
	text = get_text((LPMAPIPROP)again, PR_SUBJECT);
	assert_string_equal(text, "Gr\xc3\xbc\xc3\x9f"
				  "e \xf0\x9f\x90\x9d");
	MAPIFreeBuffer(text);
	text = get_text((LPMAPIPROP)again, PR_BODY);
	assert_string_equal(text, "body\r\n");
	MAPIFreeBuffer(text);
	rows = inbox_rows(inbox, 0);
	assert_int_equal(rows->cRows, 1);
	/* the table's entry id is the message's */
	assert_int_equal(rows->aRow[0].lpProps[0].Value.bin.cb,
			 eid->Value.bin.cb);
	assert_memory_equal(rows->aRow[0].lpProps[0].Value.bin.lpb,
			    eid->Value.bin.lpb, eid->Value.bin.cb);
	FreeProws(rows);
	MAPIFreeBuffer(eid);
	IMessage_Release(again);
	IMessage_Release(m);
	IMAPIFolder_Release(inbox);
	IMsgStore_Release(mdb);
	ok(IMAPISession_Logoff(s, 0, 0, 0));
	IMAPISession_Release(s);
	world_free(w);
}

/* B69: a character never breaks on a chunk's border, whatever the chunks. */
static void test_text_streams_count_wide_bytes(void **state)
{
	enum { N = 50000 };
	struct world *w = world_new(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);
	LPMESSAGE m = NULL;
	LPSPropValue v = NULL;
	LPSTREAM st = NULL;
	STATSTG stat;
	static wchar_t out[N], in[N];
	ULONG got, at;

	for (int i = 0; i < N; i++)
		out[i] = i % 7 == 3   ? L'\U0001F41D'
			 : i % 5 == 1 ? L'\u00e9'
				      : L'a' + i % 26;
	ok(IMAPIFolder_CreateMessage(inbox, NULL, 0, &m));
	ok(IMessage_OpenProperty(m, PR_BODY_W, &IID_IStream, 0,
				 MAPI_CREATE | MAPI_MODIFY,
				 (LPUNKNOWN *)(void *)&st));
	/* chunks that are no multiple of a character */
	for (at = 0; at < sizeof(out); at += got) {
		ULONG k = sizeof(out) - at < 4099 ? sizeof(out) - at : 4099;

		ok(IStream_Write(st, (char *)out + at, k, &got));
	}
	/* never committed: the message's SaveChanges has to send it */
	IStream_Release(st);
	ok(IMessage_SaveChanges(m, KEEP_OPEN_READWRITE));
	assert_int_equal(HrGetOneProp((LPMAPIPROP)m, PR_BODY_W, &v),
			 MAPI_E_NOT_ENOUGH_MEMORY);
	ok(IMessage_OpenProperty(m, PR_BODY_W, &IID_IStream, 0, 0,
				 (LPUNKNOWN *)(void *)&st));
	ok(IStream_Stat(st, &stat, STATFLAG_NONAME));
	assert_int_equal(stat.cbSize.QuadPart, sizeof(out));
	for (at = 0; at < sizeof(in); at += got) {
		ok(IStream_Read(st, (char *)in + at, 1013, &got));
		if (!got)
			break;
	}
	assert_int_equal(at, sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
	IStream_Release(st);
	IMessage_Release(m);
	IMAPIFolder_Release(inbox);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	world_free(w);
}

static void fill(unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(i * 2654435761u >> 13);
}

static void test_attachments_by_stream_and_embedded(void **state)
{
	enum { SIZE = 300007 };
	struct world *w = world_new(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);
	LPMESSAGE m = NULL, inner = NULL;
	LPATTACH a = NULL, e = NULL;
	LPMAPITABLE t = NULL;
	LPSRowSet rows = NULL;
	LPSTREAM st = NULL;
	static unsigned char out[SIZE], in[SIZE];
	ULONG num, num2, got, at;
	char *text;

	fill(out, SIZE);
	ok(IMAPIFolder_CreateMessage(inbox, NULL, 0, &m));
	set_text((LPMAPIPROP)m, PR_SUBJECT, "outer");
	ok(IMessage_CreateAttach(m, NULL, 0, &num, &a));
	set_long((LPMAPIPROP)a, PR_ATTACH_METHOD, ATTACH_BY_VALUE);
	set_text((LPMAPIPROP)a, PR_ATTACH_LONG_FILENAME, "data.bin");
	ok(IAttach_OpenProperty(a, PR_ATTACH_DATA_BIN, &IID_IStream, 0,
				MAPI_CREATE | MAPI_MODIFY,
				(LPUNKNOWN *)(void *)&st));
	for (at = 0; at < SIZE; at += got)
		ok(IStream_Write(st, out + at,
				 SIZE - at < 10007 ? SIZE - at : 10007, &got));
	ok(IStream_Commit(st, 0));
	IStream_Release(st);
	ok(IAttach_SaveChanges(a, KEEP_OPEN_READWRITE));

	ok(IMessage_CreateAttach(m, NULL, 0, &num2, &e));
	assert_int_not_equal(num, num2);
	set_long((LPMAPIPROP)e, PR_ATTACH_METHOD, ATTACH_EMBEDDED_MSG);
	ok(IAttach_OpenProperty(e, PR_ATTACH_DATA_OBJ, &IID_IMessage, 0,
				MAPI_CREATE | MAPI_MODIFY,
				(LPUNKNOWN *)(void *)&inner));
	set_text((LPMAPIPROP)inner, PR_SUBJECT, "inner");
	ok(IMessage_SaveChanges(inner, 0));
	ok(IAttach_SaveChanges(e, 0));
	ok(IMessage_SaveChanges(m, KEEP_OPEN_READWRITE));
	IMessage_Release(inner);
	IAttach_Release(e);
	IAttach_Release(a);

	ok(IMessage_GetAttachmentTable(m, 0, &t));
	ok(HrQueryAllRows(t, NULL, NULL, NULL, 0, &rows));
	assert_int_equal(rows->cRows, 2);
	FreeProws(rows);
	IMAPITable_Release(t);

	ok(IMessage_OpenAttach(m, num, NULL, 0, &a));
	ok(IAttach_OpenProperty(a, PR_ATTACH_DATA_BIN, &IID_IStream, 0, 0,
				(LPUNKNOWN *)(void *)&st));
	for (at = 0; at < SIZE; at += got) {
		ok(IStream_Read(st, in + at,
				SIZE - at < 65536 ? SIZE - at : 65536, &got));
		if (!got)
			break;
	}
	assert_int_equal(at, SIZE);
	assert_memory_equal(in, out, SIZE);
	IStream_Release(st);
	IAttach_Release(a);
	ok(IMessage_OpenAttach(m, num2, NULL, 0, &e));
	ok(IAttach_OpenProperty(e, PR_ATTACH_DATA_OBJ, &IID_IMessage, 0, 0,
				(LPUNKNOWN *)(void *)&inner));
	/* parents first: a child keeps them alive (B27) */
	IMessage_Release(m);
	IAttach_Release(e);
	text = get_text((LPMAPIPROP)inner, PR_SUBJECT);
	assert_string_equal(text, "inner");
	MAPIFreeBuffer(text);
	IMAPISession_Release(s);
	IMsgStore_Release(mdb);
	IMAPIFolder_Release(inbox);
	IMessage_Release(inner);
	world_free(w);
}

struct mailbox_watch {
	struct mx_mutex lock;
	struct mx_cond seen;
	unsigned n;
	unsigned char eid[70];
};

static LONG on_mail(void *arg, ULONG n, LPNOTIFICATION notifs)
{
	struct mailbox_watch *mw = arg;

	mx_mutex_lock(&mw->lock);
	for (ULONG i = 0; i < n; i++)
		if (notifs[i].ulEventType == fnevNewMail &&
		    notifs[i].info.newmail.cbEntryID == 70) {
			memcpy(mw->eid, notifs[i].info.newmail.lpEntryID, 70);
			mw->n++;
		}
	mx_mutex_unlock(&mw->lock);
	mx_cond_signal(&mw->seen);
	return S_OK;
}

static void add_recipient(LPMESSAGE m, const char *smtp)
{
	SPropValue v[] = {
		{PR_RECIPIENT_TYPE, 0, {.l = MAPI_TO}},
		{PR_DISPLAY_NAME_A, 0, {.lpszA = (LPSTR)smtp}},
		{PR_ADDRTYPE_A, 0, {.lpszA = (LPSTR) "SMTP"}},
		{PR_EMAIL_ADDRESS_A, 0, {.lpszA = (LPSTR)smtp}},
	};
	SizedADRLIST(1, list) = {1, {{0, 4, v}}};

	ok(IMessage_ModifyRecipients(m, MODRECIP_ADD,
				     (LPADRLIST)(void *)&list));
}

static void test_submitted_mail_is_notified_read_and_moved(void **state)
{
	struct world *w = world_new(2);
	LPMAPISESSION s0 = world_logon(w, 0), s1 = world_logon(w, 1);
	LPMDB mdb0 = world_store(s0, 0), mdb1 = world_store(s1, 0);
	LPMAPIFOLDER out = world_inbox(mdb0, 0), in = world_inbox(mdb1, 0);
	struct mailbox_watch mw = {.lock = MX_MUTEX_INIT};
	LPMAPIADVISESINK sink = NULL;
	LPMAPIFOLDER trash = NULL;
	LPSPropValue v = NULL;
	LPMESSAGE m = NULL;
	LPMAPITABLE t = NULL;
	LPSRowSet rows = NULL;
	ULONG_PTR conn = 0;
	ENTRYLIST list;
	SBinary one;
	ULONG type;
	char smtp[64], *text;

	mx_cond_init(&mw.seen);
	ok(HrAllocAdviseSink(on_mail, &mw, &sink));
	ok(IMsgStore_Advise(mdb1, 0, NULL, fnevNewMail, sink, &conn));
	ok(IMAPIFolder_CreateMessage(out, NULL, 0, &m));
	set_text((LPMAPIPROP)m, PR_MESSAGE_CLASS, "IPM.Note");
	set_text((LPMAPIPROP)m, PR_SUBJECT, "hello");
	set_text((LPMAPIPROP)m, PR_BODY, "there");
	add_recipient(m, world_smtp(1, smtp));
	ok(IMessage_SubmitMessage(m, 0));
	IMessage_Release(m);

	mx_mutex_lock(&mw.lock);
	while (!mw.n)
		assert_int_equal(mx_cond_wait(&mw.seen, &mw.lock,
					      mx_mono_in_ms(50000)),
				 0);
	mx_mutex_unlock(&mw.lock);
	ok(IMsgStore_Unadvise(mdb1, conn));
	IMAPIAdviseSink_Release(sink);

	/* what the notification names is the message */
	ok(IMsgStore_OpenEntry(mdb1, 70, (LPENTRYID)(void *)mw.eid, NULL,
			       MAPI_MODIFY, &type, (LPUNKNOWN *)(void *)&m));
	text = get_text((LPMAPIPROP)m, PR_SUBJECT);
	assert_string_equal(text, "hello");
	MAPIFreeBuffer(text);
	ok(IMessage_GetRecipientTable(m, 0, &t));
	ok(HrQueryAllRows(t, NULL, NULL, NULL, 0, &rows));
	assert_int_equal(rows->cRows, 1);
	FreeProws(rows);
	IMAPITable_Release(t);
	assert_false(get_long((LPMAPIPROP)m, PR_MESSAGE_FLAGS) & MSGFLAG_READ);
	ok(IMessage_SetReadFlag(m, SUPPRESS_RECEIPT));
	IMessage_Release(m);
	rows = inbox_rows(in, 0);
	assert_int_equal(rows->cRows, 1);
	assert_true(rows->aRow[0].lpProps[2].Value.l & MSGFLAG_READ);

	/* to Deleted Items, and gone from there */
	ok(HrGetOneProp((LPMAPIPROP)mdb1, PR_IPM_WASTEBASKET_ENTRYID, &v));
	ok(IMsgStore_OpenEntry(
		mdb1, v->Value.bin.cb, (LPENTRYID)(void *)v->Value.bin.lpb,
		NULL, MAPI_MODIFY, &type, (LPUNKNOWN *)(void *)&trash));
	MAPIFreeBuffer(v);
	one = rows->aRow[0].lpProps[0].Value.bin;
	list = (ENTRYLIST){1, &one};
	ok(IMAPIFolder_CopyMessages(in, &list, NULL, trash, 0, NULL,
				    MESSAGE_MOVE));
	FreeProws(rows);
	rows = inbox_rows(in, 0);
	assert_int_equal(rows->cRows, 0);
	FreeProws(rows);
	rows = inbox_rows(trash, 0);
	assert_int_equal(rows->cRows, 1);
	one = rows->aRow[0].lpProps[0].Value.bin;
	ok(IMAPIFolder_DeleteMessages(trash, &list, 0, NULL, 0));
	FreeProws(rows);
	rows = inbox_rows(trash, 0);
	assert_int_equal(rows->cRows, 0);
	FreeProws(rows);

	IMAPIFolder_Release(trash);
	IMAPIFolder_Release(in);
	IMAPIFolder_Release(out);
	IMsgStore_Release(mdb0);
	IMsgStore_Release(mdb1);
	IMAPISession_Release(s0);
	IMAPISession_Release(s1);
	mx_cond_fini(&mw.seen);
	world_free(w);
}

/* B68: never silent loss. */
static void test_conflicting_saves_say_so(void **state)
{
	struct world *w = world_new(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);
	LPMESSAGE m = put_message(inbox, "one", "body");
	LPMESSAGE a = NULL, b = NULL;
	LPSPropValue eid = NULL;
	LPMAPIERROR err = NULL;
	ULONG type;

	ok(HrGetOneProp((LPMAPIPROP)m, PR_ENTRYID, &eid));
	IMessage_Release(m);
	ok(IMsgStore_OpenEntry(mdb, eid->Value.bin.cb,
			       (LPENTRYID)(void *)eid->Value.bin.lpb, NULL,
			       MAPI_MODIFY, &type, (LPUNKNOWN *)(void *)&a));
	ok(IMsgStore_OpenEntry(mdb, eid->Value.bin.cb,
			       (LPENTRYID)(void *)eid->Value.bin.lpb, NULL,
			       MAPI_MODIFY, &type, (LPUNKNOWN *)(void *)&b));
	set_text((LPMAPIPROP)a, PR_SUBJECT, "two");
	set_text((LPMAPIPROP)b, PR_SUBJECT, "three");
	ok(IMessage_SaveChanges(a, 0));
	assert_int_equal(IMessage_SaveChanges(b, 0), MAPI_E_OBJECT_CHANGED);
	ok(IMessage_GetLastError(b, MAPI_E_OBJECT_CHANGED, 0, &err));
	assert_non_null(err);
	assert_int_equal(err->ulLowLevelError, 0x80040109);
	assert_true(strlen(err->lpszError) > 0);
	MAPIFreeBuffer(err);
	MAPIFreeBuffer(eid);
	IMessage_Release(a);
	IMessage_Release(b);
	IMAPIFolder_Release(inbox);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	world_free(w);
}

static void test_after_uninitialize_objects_answer_and_free(void **state)
{
	struct world *w = world_new(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);
	LPMESSAGE m = put_message(inbox, "one", "body");
	LPMAPITABLE t = NULL;
	LPSRowSet rows = NULL;
	LPSPropValue v = NULL;
	ULONG n;

	ok(IMAPIFolder_GetContentsTable(inbox, 0, &t));
	world_uninitialize(w);
	assert_int_equal(IMAPITable_QueryRows(t, 1, 0, &rows),
			 MAPI_E_NOT_INITIALIZED);
	assert_int_equal(HrGetOneProp((LPMAPIPROP)m, PR_SUBJECT, &v),
			 MAPI_E_NOT_INITIALIZED);
	assert_int_equal(IMAPITable_GetRowCount(t, 0, &n),
			 MAPI_E_NOT_INITIALIZED);
	assert_int_equal(IMessage_SaveChanges(m, 0), MAPI_E_NOT_INITIALIZED);
	IMAPISession_Release(s);
	IMAPITable_Release(t);
	IMsgStore_Release(mdb);
	IMessage_Release(m);
	IMAPIFolder_Release(inbox);
	world_free(w);
}

static void test_refused_logon_names_the_user(void **state)
{
	struct world *w = world_new(1);
	MAPIARY_USER_PARAMS who = {.cbSize = sizeof(who)};
	LPMAPIARYUSER u = NULL;
	LPMAPISESSION s = NULL;
	MAPIARY_CONFIG c;

	who.lpszLogin = "u0";
	who.lpszPassword = "wrong";
	ok(MapiaryCreateUser(&who, &u));
	world_config(w, 0, &c);
	assert_int_equal(MapiaryLogon(u, &c, 0, &s), MAPI_E_LOGON_FAILED);
	assert_non_null(strstr(MapiaryLastErrorText(), "u0"));
	/* nobody to act for (B47), no such profile */
	ok(MapiaryDefineProfile("p", &c));
	assert_int_equal(MAPILogonEx(0, (LPTSTR) "p", NULL, 0, &s),
			 MAPI_E_UNCONFIGURED);
	ok(MapiaryImpersonate(world_user(w, 0)));
	assert_int_equal(MAPILogonEx(0, (LPTSTR) "q", NULL, 0, &s),
			 MAPI_E_NOT_FOUND);
	ok(MAPILogonEx(0, (LPTSTR) "p", NULL, MAPI_NEW_SESSION, &s));
	ok(MapiaryRevert());
	IMAPISession_Release(s);
	MapiaryUserRelease(u);
	MapiaryDefineProfile("p", NULL);
	world_free(w);
}

MX_TEST_MAIN(MX_TEST(test_logon_to_first_rows_in_few_round_trips),
	     MX_TEST(test_receive_folders_known_from_logon_are_the_servers),
	     MX_TEST(test_message_comes_back_as_it_was_saved),
	     MX_TEST(test_text_streams_count_wide_bytes),
	     MX_TEST(test_attachments_by_stream_and_embedded),
	     MX_TEST(test_submitted_mail_is_notified_read_and_moved),
	     MX_TEST(test_conflicting_saves_say_so),
	     MX_TEST(test_after_uninitialize_objects_answer_and_free),
	     MX_TEST(test_refused_logon_names_the_user))
