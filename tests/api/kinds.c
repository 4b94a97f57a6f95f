/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "kinds.h"

#include <stdio.h>
#include <stdlib.h>

#include "hive.h"

#define AS(T, k, kind) ((T *)(void *)(k)->v[kind])

static void put(struct kinds *k, enum kind i, const void *p)
{
	k->v[i] = (LPUNKNOWN)(void *)(uintptr_t)p;
}

static void open_message(struct kinds *k, LPMAPIFOLDER f)
{
	SPropValue v = {PR_SUBJECT_A, 0, {.lpszA = (LPSTR) "changed"}};
	SPropValue method = {PR_ATTACH_METHOD, 0, {.l = ATTACH_EMBEDDED_MSG}};
	LPMESSAGE m = hive_message(f, "one"), inner = NULL;
	LPSTREAM in = NULL, out = NULL;
	LPMAPITABLE t = NULL;
	LPATTACH a = NULL;
	ULONG num = 0;

	put(k, KIND_MESSAGE, m);
	must_ok(IMessage_CreateAttach(m, NULL, 0, &num, &a));
	must_ok(IAttach_SetProps(a, 1, &method, NULL));
	must_ok(IAttach_OpenProperty(a, PR_ATTACH_DATA_OBJ, &IID_IMessage, 0,
				     MAPI_CREATE | MAPI_MODIFY,
				     (LPUNKNOWN *)(void *)&inner));
	must_ok(IMessage_SetProps(inner, 1, &v, NULL));
	must_ok(IMessage_SaveChanges(inner, KEEP_OPEN_READWRITE));
	must_ok(IAttach_SaveChanges(a, KEEP_OPEN_READWRITE));
	put(k, KIND_ATTACHMENT, a);
	put(k, KIND_EMBEDDED, inner);
	must_ok(IMessage_OpenProperty(m, PR_BODY_A, &IID_IStream, STGM_WRITE,
				      MAPI_CREATE | MAPI_MODIFY,
				      (LPUNKNOWN *)(void *)&out));
	must_ok(IStream_Write(out, "held back", 9, NULL));
	must_ok(IStream_Commit(out, 0));
	must_ok(IMessage_SaveChanges(m, KEEP_OPEN_READWRITE));
	must_ok(IStream_Write(out, "and more", 8, NULL));
	put(k, KIND_WRITING, out);
	must_ok(IMessage_OpenProperty(m, PR_SUBJECT_A, &IID_IStream, STGM_READ,
				      0, (LPUNKNOWN *)(void *)&in));
	put(k, KIND_STREAM, in);
	must_ok(IMessage_GetRecipientTable(m, 0, &t));
	put(k, KIND_RECIPIENTS, t);
	must_ok(IMessage_GetAttachmentTable(m, 0, &t));
	put(k, KIND_ATTACHMENTS, t);
	must_ok(IMessage_SetProps(m, 1, &v, NULL));
}

void kinds_open(struct kinds *k, LPMAPISESSION s, LPNOTIFCALLBACK fn,
		LPVOID arg)
{
	SizedSPropTagArray(1, cols) = {1, {PR_SUBJECT}};
	LPMAPIADVISESINK sink = NULL;
	LPMAPITABLE t = NULL;
	LPADRBOOK ab = NULL;
	LPSRowSet rows = NULL;
	LPMAPIFOLDER f;
	LPMDB mdb;

	*k = (struct kinds){0};
	put(k, KIND_SESSION, s);
	must_ok(IMAPISession_GetMsgStoresTable(s, 0, &t));
	put(k, KIND_STORES, t);
	must_ok(IMAPISession_OpenAddressBook(s, 0, NULL, AB_NO_DIALOG, &ab));
	put(k, KIND_ADDRBOOK, ab);
	mdb = hive_store(s);
	put(k, KIND_STORE, mdb);
	f = hive_inbox(mdb);
	put(k, KIND_FOLDER, f);
	must_ok(HrAllocAdviseSink(fn, arg, &sink));
	put(k, KIND_SINK, sink);
	must_ok(IMsgStore_Advise(mdb, 0, NULL, fnevObjectCreated, sink,
				 &k->of_store));
	must_ok(IMAPIFolder_GetHierarchyTable(f, 0, &t));
	put(k, KIND_HIERARCHY, t);
	must_ok(IMAPIFolder_GetContentsTable(f, 0, &t));
	put(k, KIND_CONTENTS, t);
	must_ok(IMAPITable_SetColumns(t, (LPSPropTagArray)&cols, 0));
	must_ok(IMAPITable_QueryRows(t, 10, 0, &rows));
	FreeProws(rows);
	must_ok(IMAPITable_Advise(t, fnevTableModified, sink, &k->of_table));
	open_message(k, f);
}

void kinds_release(struct kinds *k, unsigned n)
{
	uint32_t x = n * UINT32_C(2654435761) + 1;

	for (unsigned left = N_KINDS; left; left--) {
		unsigned i;

		x = x * UINT32_C(1664525) + UINT32_C(1013904223);
		i = (x >> 16) % left;
		if (k->v[i])
			k->v[i]->lpVtbl->Release(k->v[i]);
		k->v[i] = k->v[left - 1];
		k->v[left - 1] = NULL;
	}
}

#define expect(call)                                                           \
	do {                                                                   \
		HRESULT hr_ = (call);                                          \
		if (hr_ != want) {                                             \
			fprintf(stderr,                                        \
				"0x%08x instead of 0x%08x: ", (unsigned)hr_,   \
				(unsigned)want);                               \
			hive_die(__FILE__, __LINE__, #call);                   \
		}                                                              \
	} while (0)

static void expect_table(LPMAPITABLE t, HRESULT want)
{
	SizedSPropTagArray(1, cols) = {1, {PR_SUBJECT}};
	LPSRowSet rows = NULL;
	LPSPropTagArray tags = NULL;
	ULONG n = 0, m = 0, type = 0, status = 0;

	expect(IMAPITable_QueryRows(t, 1, 0, &rows));
	expect(IMAPITable_GetRowCount(t, 0, &n));
	expect(IMAPITable_SetColumns(t, (LPSPropTagArray)&cols, 0));
	expect(IMAPITable_QueryColumns(t, 0, &tags));
	expect(IMAPITable_SeekRow(t, BOOKMARK_BEGINNING, 0, NULL));
	expect(IMAPITable_QueryPosition(t, &n, &m, &type));
	expect(IMAPITable_GetStatus(t, &status, &type));
	expect(IMAPITable_Abort(t));
}

static void expect_stream(LPSTREAM s, HRESULT want)
{
	const LARGE_INTEGER zero = {.QuadPart = 0};
	char buf[4];
	STATSTG st;

	expect(IStream_Read(s, buf, 1, NULL));
	expect(IStream_Write(s, "x", 1, NULL));
	expect(IStream_Seek(s, zero, STREAM_SEEK_SET, NULL));
	expect(IStream_Commit(s, 0));
	expect(IStream_Stat(s, &st, STATFLAG_NONAME));
}

static void expect_props(LPMAPIPROP p, HRESULT want)
{
	SizedSPropTagArray(1, tags) = {1, {PR_SUBJECT}};
	SPropValue v = {PR_SUBJECT_A, 0, {.lpszA = (LPSTR) "no"}};
	LPSPropTagArray list = NULL;
	LPSPropValue got = NULL;
	ULONG n = 0;

	expect(IMAPIProp_GetProps(p, (LPSPropTagArray)&tags, 0, &n, &got));
	expect(IMAPIProp_GetPropList(p, 0, &list));
	expect(IMAPIProp_SetProps(p, 1, &v, NULL));
	expect(IMAPIProp_DeleteProps(p, (LPSPropTagArray)&tags, NULL));
	expect(IMAPIProp_SaveChanges(p, KEEP_OPEN_READWRITE));
}

static void expect_containers(struct kinds *k, HRESULT want)
{
	LPMAPISESSION s = AS(IMAPISession, k, KIND_SESSION);
	LPMDB mdb = AS(IMsgStore, k, KIND_STORE);
	LPMAPIFOLDER f = AS(IMAPIFolder, k, KIND_FOLDER);
	LPADRBOOK ab = AS(IAddrBook, k, KIND_ADDRBOOK);
	LPUNKNOWN u = NULL;
	LPENTRYID eid = NULL;
	LPMESSAGE m = NULL;
	LPMAPITABLE t = NULL;
	LPMDB mdb2 = NULL;
	ULONG n = 0, type = 0;

	expect(IMAPISession_OpenMsgStore(s, 0, 0, NULL, NULL, 0, &mdb2));
	expect(IMAPISession_OpenEntry(s, 0, NULL, NULL, 0, &type, &u));
	expect(IMAPISession_GetMsgStoresTable(s, 0, &t));
	expect(IMAPISession_QueryIdentity(s, &n, &eid));
	expect(IMAPISession_CompareEntryIDs(s, 0, NULL, 0, NULL, 0, &n));
	expect(IMAPISession_Logoff(s, 0, 0, 0));
	expect(IMsgStore_OpenEntry(mdb, 0, NULL, NULL, 0, &type, &u));
	expect(IMsgStore_GetReceiveFolder(mdb, NULL, 0, &n, &eid, NULL));
	expect(IMsgStore_Advise(mdb, 0, NULL, fnevNewMail,
				AS(IMAPIAdviseSink, k, KIND_SINK),
				&k->of_store));
	expect(IMAPIFolder_CreateMessage(f, NULL, 0, &m));
	expect(IMAPIFolder_GetContentsTable(f, 0, &t));
	expect(IMAPIFolder_OpenEntry(f, 0, NULL, NULL, 0, &type, &u));
	expect(IAddrBook_CompareEntryIDs(ab, 0, NULL, 0, NULL, 0, &n));
	expect_props((LPMAPIPROP)mdb, want);
	expect_props((LPMAPIPROP)f, want);
}

void kinds_expect(struct kinds *k, HRESULT want)
{
	LPMESSAGE m = AS(IMessage, k, KIND_MESSAGE);
	LPATTACH a = NULL;
	ULONG n = 0;

	expect_containers(k, want);
	expect_table(AS(IMAPITable, k, KIND_HIERARCHY), want);
	expect_table(AS(IMAPITable, k, KIND_CONTENTS), want);
	expect_table(AS(IMAPITable, k, KIND_ATTACHMENTS), want);
	expect_props((LPMAPIPROP)m, want);
	expect(IMessage_CreateAttach(m, NULL, 0, &n, &a));
	expect(IMessage_SubmitMessage(m, 0));
	expect_props(AS(IMAPIProp, k, KIND_ATTACHMENT), want);
	expect_props(AS(IMAPIProp, k, KIND_EMBEDDED), want);
	expect_stream(AS(IStream, k, KIND_STREAM), want);
	expect_stream(AS(IStream, k, KIND_WRITING), want);
}
