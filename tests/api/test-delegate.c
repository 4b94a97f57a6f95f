/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Working in the mailbox of somebody else: entry ids made by
 * IExchangeManageStore, rights that the server checks, and many mailboxes of
 * one user at once.  The server's log is the witness of who asked.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/arena.h"
#include "store/dir.h"
#include "store/store.h"
#include "world.h"

static void grant(struct world *w, const char *owner, const char *who,
		  unsigned rights)
{
	assert_int_equal(mx_dir_grant(mx_server_store(world_server(w)), owner,
				      who, rights),
			 0);
}

static LPEXCHANGEMANAGESTORE manage_of(LPMDB mdb)
{
	LPEXCHANGEMANAGESTORE m = NULL;

	ok(IMsgStore_QueryInterface(mdb, &IID_IExchangeManageStore,
				    (LPVOID *)(void *)&m));
	return m;
}

/* OpenMsgStore of the mailbox with that DN, as a program does it. */
static HRESULT open_other(LPMAPISESSION s, LPMDB own, const char *dn,
			  ULONG flags, LPMDB *ret)
{
	LPEXCHANGEMANAGESTORE m = manage_of(own);
	LPENTRYID eid = NULL;
	ULONG n = 0;
	HRESULT hr;

	ok(IExchangeManageStore_CreateStoreEntryID(
		m, NULL, dn,
		OPENSTORE_USE_ADMIN_PRIVILEGE | OPENSTORE_TAKE_OWNERSHIP, &n,
		&eid));
	IExchangeManageStore_Release(m);
	hr = IMAPISession_OpenMsgStore(s, 0, n, eid, NULL,
				       MDB_WRITE | MDB_NO_DIALOG | flags, ret);
	MAPIFreeBuffer(eid);
	return hr;
}

static ULONG row_count(LPMAPIFOLDER f)
{
	LPMAPITABLE t = NULL;
	ULONG n = 0;

	ok(IMAPIFolder_GetContentsTable(f, 0, &t));
	ok(IMAPITable_GetRowCount(t, 0, &n));
	IMAPITable_Release(t);
	return n;
}

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

	grant(w, "u1", "u0", MX_GRANT_FULL);
	ok(open_other(s, own, world_dn(w, 1), 0, &other));
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

	assert_int_equal(open_other(s, own, world_dn(w, 1), 0, &other),
			 MAPI_E_NO_ACCESS);
	assert_null(other);
	assert_int_equal(open_other(s, own, "/o=None/cn=nobody", 0, &other),
			 MAPI_E_LOGON_FAILED);
	/* From the next logon on, without a restart; one that is there stays */
	grant(w, "u1", "u0", MX_GRANT_FULL);
	grant(w, "u2", "u1", MX_GRANT_FULL); /* not to him */
	ok(open_other(s, own, world_dn(w, 1), 0, &other));
	assert_int_equal(open_other(s, own, world_dn(w, 2), 0, &again),
			 MAPI_E_NO_ACCESS);
	grant(w, "u1", "u0", 0);
	assert_int_equal(open_other(s, own, world_dn(w, 1), 0, &again),
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

	grant(w, "u1", "u0", MX_GRANT_READ);
	ok(open_other(s, own, world_dn(w, 1), 0, &other));
	f = world_inbox(other, 0);
	assert_int_equal(row_count(f), 0);
	assert_int_equal(IMAPIFolder_CreateFolder(f, FOLDER_GENERIC,
						  (LPTSTR) "sub", NULL, NULL, 0,
						  &sub),
			 MAPI_E_NO_ACCESS);
	m = manage_of(other);
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

	grant(w, "u1", "u0", MX_GRANT_FULL);
	ok(open_other(s, own, world_dn(w, 1), 0, &other));
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
	LPEXCHANGEMANAGESTORE m = manage_of(mdb);
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
	LPEXCHANGEMANAGESTORE m = manage_of(mdb);

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
	LPEXCHANGEMANAGESTORE m = manage_of(mdb);
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
	grant(w, "u1", "u0", MX_GRANT_FULL);
	ok(open_other(s, mdb, "u1", 0, &other));
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
	LPEXCHANGEMANAGESTORE m = manage_of(mdb);
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
		grant(m->w, name, "u0", MX_GRANT_FULL);
	}
	m->s = world_logon(m->w, 0);
	m->own = world_store(m->s, 0);
}

static void many_open(struct many *m, unsigned i)
{
	char name[16];

	snprintf(name, sizeof(name), "m%u", i);
	ok(open_other(m->s, m->own, name, 0, &m->mdb[i]));
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
	assert_int_equal(open_other(m->s, m->own, "m5", 0, &extra),
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

/* A thousand databases are a thousand waits for the disk, which say nothing
 * here: in memory, where there is enough of it. */
static void stay_off_the_disk(void)
{
	struct statvfs fs;

	if (!getenv("TMPDIR") && !statvfs("/dev/shm", &fs) &&
	    (uint64_t)fs.f_bavail * fs.f_frsize > UINT64_C(1) << 30)
		setenv("TMPDIR", "/dev/shm", 1);
}

int main(int argc, char **argv)
{
	static const struct mx_test tests[] = {
		MX_TEST(test_grant_opens_the_mailbox_of_another),
		MX_TEST(test_without_a_grant_the_server_refuses),
		MX_TEST(test_read_grant_changes_nothing),
		MX_TEST(test_full_access_sends_on_behalf),
		MX_TEST(test_manage_store_is_the_store),
		MX_TEST(test_manage_store_outlives_its_store_pointer),
		MX_TEST(test_store_entry_id_has_the_specified_layout),
		MX_TEST(test_manage_store_refuses_what_it_cannot),
		MX_TEST(test_source_keys_find_their_objects),
		MX_TEST(test_too_many_open_messages_is_an_error_and_no_more),
		MX_TEST(test_logons_spread_over_session_contexts),
		MX_TEST(test_further_contexts_stay_within_the_budget),
		MX_TEST_IN(test_a_thousand_mailboxes_at_once, 240)};

	stay_off_the_disk();
	return mx_test_run(tests, MX_ARRAY_SIZE(tests), argc, argv);
}
