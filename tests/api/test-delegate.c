/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Working in the mailbox of somebody else: entry ids made by
 * IExchangeManageStore, and rights that the server checks.  The server's log is
 * the witness of who asked.
 */
#include <sched.h>
#include <stdatomic.h>

#include "store/dir.h"
#include "world.h"

/* ---- Rights ---- */

static void only_u0(void *arg, const struct mx_access *a)
{
	atomic_uint *n_others = arg;

	if (strcmp(a->user, "u0") || (a->context && a->owner != 1))
		atomic_fetch_add(n_others, 1);
}

/* MS-OXCSTOR R688, R121, R125: the logon names the other's DN, the session
 * stays the user's own. */
static void test_grant_opens_the_mailbox_of_another(void **state)
{
	atomic_uint n_others = 0;
	struct world_opts opts = {
		.n_users = 2, .on_access = only_u0, .arg = &n_others};
	struct world *w = world_new_with(&opts);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB own = world_store(s, 0), other = NULL;
	LPMAPIFOLDER inbox;
	LPSPropValue v = NULL;
	LPMESSAGE m;

	world_grant(w, "u1", "u0", MX_GRANT_FULL);
	ok(world_open_other(s, own, world_dn(w, 1), 0, &other));
	inbox = world_inbox(other, 0);
	m = put_message(inbox, "from u0", "body");
	IMessage_Release(m);
	assert_int_equal(row_count(inbox), 1);
	IMAPIFolder_Release(inbox);
	inbox = world_inbox(own, 0);
	assert_int_equal(row_count(inbox), 0); /* not his */
	IMAPIFolder_Release(inbox);

	ok(HrGetOneProp((LPMAPIPROP)other, PR_DEFAULT_STORE, &v));
	assert_false(v->Value.b);
	MAPIFreeBuffer(v);
	ok(HrGetOneProp((LPMAPIPROP)other, PR_MDB_PROVIDER, &v));
	assert_memory_equal(v->Value.bin.lpb, pbExchangeProviderDelegateGuid,
			    16);
	MAPIFreeBuffer(v);
	ok(HrGetOneProp((LPMAPIPROP)own, PR_MDB_PROVIDER, &v));
	assert_memory_equal(v->Value.bin.lpb, pbExchangeProviderPrimaryUserGuid,
			    16);
	MAPIFreeBuffer(v);
	IMsgStore_Release(other);
	IMsgStore_Release(own);
	IMAPISession_Release(s);
	world_free(w);
	assert_int_equal(n_others, 0);
}

/* MS-OXCSTOR R3905, R788: ecLoginPerm, ecUnknownUser. */
static void test_without_a_grant_the_server_refuses(void **state)
{
	struct world *w = world_new(3);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB own = world_store(s, 0), other = NULL, again = NULL;
	LPMAPIFOLDER f;

	assert_int_equal(world_open_other(s, own, world_dn(w, 1), 0, &other),
			 MAPI_E_NO_ACCESS);
	assert_null(other);
	assert_int_equal(world_open_other(s, own, "/o=None/cn=nobody", 0,
					  &other),
			 MAPI_E_LOGON_FAILED);
	/* From the next logon on, without a restart; one that is there stays */
	world_grant(w, "u1", "u0", MX_GRANT_FULL);
	world_grant(w, "u2", "u1", MX_GRANT_FULL); /* not to him */
	ok(world_open_other(s, own, world_dn(w, 1), 0, &other));
	assert_int_equal(world_open_other(s, own, world_dn(w, 2), 0, &again),
			 MAPI_E_NO_ACCESS);
	world_grant(w, "u1", "u0", 0);
	assert_int_equal(world_open_other(s, own, world_dn(w, 1), 0, &again),
			 MAPI_E_NO_ACCESS);
	f = world_inbox(other, 0);
	assert_int_equal(row_count(f), 0);
	IMAPIFolder_Release(f);
	IMsgStore_Release(other);
	IMsgStore_Release(own);
	IMAPISession_Release(s);
	world_free(w);
}

/* Read is not write: ecAccessDenied where something would change. */
static void test_read_grant_changes_nothing(void **state)
{
	struct world *w = world_new(2);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB own = world_store(s, 0), other = NULL;
	LPEXCHANGEMANAGESTORE m;
	LPMAPIFOLDER f, sub = NULL;
	ULONG rights = 0;

	world_grant(w, "u1", "u0", MX_GRANT_READ);
	ok(world_open_other(s, own, world_dn(w, 1), 0, &other));
	f = world_inbox(other, 0);
	assert_int_equal(row_count(f), 0);
	assert_int_equal(IMAPIFolder_CreateFolder(f, FOLDER_GENERIC,
						  (LPTSTR) "sub", NULL, NULL, 0,
						  &sub),
			 MAPI_E_NO_ACCESS);
	m = world_manage(other);
	ok(IExchangeManageStore_GetRights(m, 0, NULL, 0, NULL, &rights));
	assert_int_equal(rights & (frightsReadAny | frightsCreate |
				   frightsEditAny | frightsOwner),
			 frightsReadAny);
	IExchangeManageStore_Release(m);
	IMAPIFolder_Release(f);
	IMsgStore_Release(other);
	IMsgStore_Release(own);
	IMAPISession_Release(s);
	world_free(w);
}

/* Full access may send for the owner: the message says who did. */
static void test_full_access_sends_on_behalf(void **state)
{
	struct world *w = world_new(3);
	LPMAPISESSION s = world_logon(w, 0), s2 = world_logon(w, 2);
	LPMDB own = world_store(s, 0), other = NULL, mdb2;
	SizedADRLIST(1, to) = {0};
	SPropValue rcp[] = {
		{PR_DISPLAY_NAME_A, 0, {.lpszA = (LPSTR) "u2"}},
		{PR_ADDRTYPE_A, 0, {.lpszA = (LPSTR) "SMTP"}},
		{PR_EMAIL_ADDRESS_A, 0, {.lpszA = (LPSTR) "u2@mapiary.test"}},
		{PR_RECIPIENT_TYPE, 0, {.l = MAPI_TO}},
	};
	LPMAPIFOLDER out = NULL, in;
	LPMAPITABLE t = NULL;
	LPSRowSet rows = NULL;
	LPSPropValue v = NULL;
	SizedSPropTagArray(2, cols) = {
		2, {PR_SENDER_NAME_A, PR_SENT_REPRESENTING_NAME_A}};
	LPMESSAGE m;
	ULONG type = 0;

	world_grant(w, "u1", "u0", MX_GRANT_FULL);
	ok(world_open_other(s, own, world_dn(w, 1), 0, &other));
	ok(HrGetOneProp((LPMAPIPROP)other, PR_IPM_OUTBOX_ENTRYID, &v));
	ok(IMsgStore_OpenEntry(other, v->Value.bin.cb,
			       (LPENTRYID)(void *)v->Value.bin.lpb, NULL,
			       MAPI_MODIFY, &type, (LPUNKNOWN *)(void *)&out));
	MAPIFreeBuffer(v);
	m = put_message(out, "for u1", "body");
	to.cEntries = 1;
	to.aEntries[0] = (ADRENTRY){0, MX_ARRAY_SIZE(rcp), rcp};
	ok(IMessage_ModifyRecipients(m, MODRECIP_ADD, (LPADRLIST)(void *)&to));
	ok(IMessage_SubmitMessage(m, 0));
	IMessage_Release(m);
	IMAPIFolder_Release(out);

	mdb2 = world_store(s2, 0);
	in = world_inbox(mdb2, 0);
	do { /* delivery is the server's own time */
		sched_yield();
		ok(IMAPIFolder_GetContentsTable(in, 0, &t));
		ok(IMAPITable_SetColumns(t, (LPSPropTagArray)(void *)&cols, 0));
		FreeProws(rows);
		rows = NULL;
		ok(IMAPITable_QueryRows(t, 1, 0, &rows));
		IMAPITable_Release(t);
	} while (!rows->cRows);
	assert_string_equal(rows->aRow[0].lpProps[0].Value.lpszA, "u0");
	assert_string_equal(rows->aRow[0].lpProps[1].Value.lpszA, "u1");
	FreeProws(rows);
	IMAPIFolder_Release(in);
	IMsgStore_Release(mdb2);
	IMsgStore_Release(other);
	IMsgStore_Release(own);
	IMAPISession_Release(s2);
	IMAPISession_Release(s);
	world_free(w);
}

/* ---- IExchangeManageStore ---- */

static void test_manage_store_is_the_store(void **state)
{
	static const IID *const all[] = {&IID_IExchangeManageStore,
					 &IID_IExchangeManageStore2,
					 &IID_IExchangeManageStore3,
					 &IID_IExchangeManageStore4};
	struct world *w = world_new(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0), back = NULL;
	LPUNKNOWN a = NULL, b = NULL, none = NULL;

	for (size_t i = 0; i < MX_ARRAY_SIZE(all); i++) {
		LPEXCHANGEMANAGESTORE m = NULL;

		ok(IMsgStore_QueryInterface(mdb, all[i], (LPVOID *)(void *)&m));
		ok(IExchangeManageStore_QueryInterface(m, &IID_IUnknown,
						       (LPVOID *)(void *)&a));
		ok(IMsgStore_QueryInterface(mdb, &IID_IUnknown,
					    (LPVOID *)(void *)&b));
		assert_ptr_equal(a, b);
		ok(IExchangeManageStore_QueryInterface(
			m, &IID_IMsgStore, (LPVOID *)(void *)&back));
		assert_ptr_equal(back, mdb);
		UlRelease(a);
		UlRelease(b);
		IMsgStore_Release(back);
		IExchangeManageStore_AddRef(m);
		IExchangeManageStore_Release(m);
		IExchangeManageStore_Release(m);
	}
	assert_int_equal(IMsgStore_QueryInterface(mdb,
						  &IID_IExchangeManageStore5,
						  (LPVOID *)(void *)&none),
			 MAPI_E_INTERFACE_NOT_SUPPORTED);
	assert_null(none);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	world_free(w);
}

static void test_manage_store_outlives_its_store_pointer(void **state)
{
	struct world *w = world_new(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	LPEXCHANGEMANAGESTORE m = world_manage(mdb);
	ULONG rights = 0;

	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	ok(IExchangeManageStore_GetRights(m, 0, NULL, 0, NULL, &rights));
	assert_int_equal(rights & frightsOwner, frightsOwner);
	IExchangeManageStore_Release(m);
	world_free(w);
}

/* [MS-OXCDATA] 2.2.4.3: Store Object EntryID. */
static void test_store_entry_id_has_the_specified_layout(void **state)
{
	static const unsigned char head[] =
		"\0\0\0\0\x38\xa1\xbb\x10\x05\xe5\x10\x1a\xa1\xbb\x08\x00"
		"\x2b\x2a\x56\xc2\0\0EMSMDB.DLL\0\0\0\0\0\0\0\0"
		"\x1b\x55\xfa\x20\xaa\x66\x11\xcd\x9b\xc8\x00\xaa\x00\x2f"
		"\xc4\x5a\x0c\0\0\0MBX7\0/o=Org/cn=x";
	static const char *const names[] = {
		"/o=Org/ou=G/cn=Configuration/cn=Servers/cn=MBX7"
		"/cn=Microsoft Private MDB",
		"MBX7"};
	struct world *w = world_new(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	LPEXCHANGEMANAGESTORE m = world_manage(mdb);

	for (size_t i = 0; i < MX_ARRAY_SIZE(names); i++) {
		LPENTRYID eid = NULL;
		ULONG n = 0;

		ok(IExchangeManageStore_CreateStoreEntryID(
			m, names[i], "/o=Org/cn=x", 0, &n, &eid));
		assert_int_equal(n, sizeof(head));
		assert_memory_equal(eid, head, n);
		MAPIFreeBuffer(eid);
	}
	IExchangeManageStore_Release(m);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	world_free(w);
}

static void test_manage_store_refuses_what_it_cannot(void **state)
{
	struct world *w = world_new(2);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0), other = NULL;
	LPEXCHANGEMANAGESTORE m = world_manage(mdb);
	const char *const dn = world_dn(w, 1);
	LPENTRYID eid = NULL;
	LPMAPITABLE t = NULL;
	BYTE key[22] = {0};
	ULONG n = 0;

	assert_int_equal(IExchangeManageStore_CreateStoreEntryID(
				 m, NULL, dn, OPENSTORE_PUBLIC, &n, &eid),
			 MAPI_E_NO_SUPPORT);
	assert_int_equal(IExchangeManageStore_CreateStoreEntryID(
				 m, NULL, dn, 0x40000000, &n, &eid),
			 MAPI_E_UNKNOWN_FLAGS);
	assert_int_equal(IExchangeManageStore_CreateStoreEntryID(m, NULL, NULL,
								 0, &n, &eid),
			 MAPI_E_INVALID_PARAMETER);
	assert_int_equal(IExchangeManageStore_CreateStoreEntryID(m, NULL, dn, 0,
								 &n, NULL),
			 MAPI_E_INVALID_PARAMETER);
	assert_int_equal(IExchangeManageStore_EntryIDFromSourceKey(
				 m, 21, key, 0, NULL, &n, &eid),
			 MAPI_E_INVALID_PARAMETER);
	assert_int_equal(IExchangeManageStore_GetMailboxTable(m, NULL, &t, 0),
			 MAPI_E_NO_SUPPORT);
	assert_int_equal(IExchangeManageStore_GetPublicFolderTable(m, NULL, &t,
								   0),
			 MAPI_E_NO_SUPPORT);
	assert_null(t);
	assert_null(eid);
	/* The last name of a DN is enough: Connect told the rest. */
	world_grant(w, "u1", "u0", MX_GRANT_FULL);
	ok(world_open_other(s, mdb, "u1", 0, &other));
	IMsgStore_Release(other);
	IExchangeManageStore_Release(m);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	world_free(w);
}

static LPSPropValue source_key(LPMAPIPROP p)
{
	LPSPropValue v = NULL;

	ok(HrGetOneProp(p, PR_SOURCE_KEY, &v));
	return v;
}

static void test_source_keys_find_their_objects(void **state)
{
	struct world *w = world_new(1);
	LPMAPISESSION s = world_logon(w, 0);
	LPMDB mdb = world_store(s, 0);
	LPEXCHANGEMANAGESTORE m = world_manage(mdb);
	LPMAPIFOLDER inbox = world_inbox(mdb, 0);
	LPMESSAGE msg = put_message(inbox, "keyed", "body"), found = NULL;
	LPSPropValue fkey = source_key((LPMAPIPROP)inbox);
	LPSPropValue mkey = source_key((LPMAPIPROP)msg);
	LPENTRYID eid = NULL;
	ULONG n = 0, type = 0;
	char *subject;

	ok(IExchangeManageStore_EntryIDFromSourceKey(
		m, fkey->Value.bin.cb, fkey->Value.bin.lpb, mkey->Value.bin.cb,
		mkey->Value.bin.lpb, &n, &eid));
	ok(IMsgStore_OpenEntry(mdb, n, eid, NULL, 0, &type,
			       (LPUNKNOWN *)(void *)&found));
	assert_int_equal(type, MAPI_MESSAGE);
	subject = get_text((LPMAPIPROP)found, PR_SUBJECT);
	assert_string_equal(subject, "keyed");
	MAPIFreeBuffer(subject);
	MAPIFreeBuffer(eid);
	IMessage_Release(found);
	found = NULL;
	ok(IExchangeManageStore_EntryIDFromSourceKey(
		m, fkey->Value.bin.cb, fkey->Value.bin.lpb, 0, NULL, &n, &eid));
	ok(IMsgStore_OpenEntry(mdb, n, eid, NULL, 0, &type,
			       (LPUNKNOWN *)(void *)&found));
	assert_int_equal(type, MAPI_FOLDER);
	MAPIFreeBuffer(eid);
	UlRelease(found);
	MAPIFreeBuffer(fkey);
	MAPIFreeBuffer(mkey);
	IMessage_Release(msg);
	IMAPIFolder_Release(inbox);
	IExchangeManageStore_Release(m);
	IMsgStore_Release(mdb);
	IMAPISession_Release(s);
	world_free(w);
}

MX_TEST_MAIN(MX_TEST(test_grant_opens_the_mailbox_of_another),
	     MX_TEST(test_without_a_grant_the_server_refuses),
	     MX_TEST(test_read_grant_changes_nothing),
	     MX_TEST(test_full_access_sends_on_behalf),
	     MX_TEST(test_manage_store_is_the_store),
	     MX_TEST(test_manage_store_outlives_its_store_pointer),
	     MX_TEST(test_store_entry_id_has_the_specified_layout),
	     MX_TEST(test_manage_store_refuses_what_it_cannot),
	     MX_TEST(test_source_keys_find_their_objects))
