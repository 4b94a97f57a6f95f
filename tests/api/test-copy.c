/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CopyTo and CopyProps: a message with everything in it, to a message of the
 * same mailbox and to one of another user's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

#define BODY_CHARS 60000
#define DATA_BYTES 100003
#define PR_PLAIN PROP_TAG(PT_STRING8, 0x6610)

struct scene {
	struct world *w;
	LPMAPISESSION s[2];
	LPMDB mdb[2];
	LPMAPIFOLDER inbox[2];
};

static void scene_init(struct scene *sc)
{
	sc->w = world_new(2);
	for (unsigned i = 0; i < 2; i++) {
		sc->s[i] = world_logon(sc->w, i);
		sc->mdb[i] = world_store(sc->s[i], 0);
		sc->inbox[i] = world_inbox(sc->mdb[i], 0);
	}
}

static void scene_fini(struct scene *sc)
{
	for (unsigned i = 0; i < 2; i++) {
		IMAPIFolder_Release(sc->inbox[i]);
		IMsgStore_Release(sc->mdb[i]);
		IMAPISession_Release(sc->s[i]);
	}
	world_free(sc->w);
}

static void fill_text(char *p)
{
	for (unsigned i = 0; i < BODY_CHARS; i++)
		p[i] = (char)('a' + i % 23);
	p[BODY_CHARS] = '\0';
}

static void fill_data(unsigned char *p)
{
	for (unsigned i = 0; i < DATA_BYTES; i++)
		p[i] = (unsigned char)(i * 2654435761u >> 11);
}

static void add_recipients(LPMESSAGE m, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char smtp[64];
		SPropValue v[] = {
			{PR_RECIPIENT_TYPE, 0, {.l = i ? MAPI_CC : MAPI_TO}},
			{PR_DISPLAY_NAME_A, 0, {.lpszA = smtp}},
			{PR_ADDRTYPE_A, 0, {.lpszA = (LPSTR) "SMTP"}},
			{PR_EMAIL_ADDRESS_A, 0, {.lpszA = smtp}},
		};
		SizedADRLIST(1, list) = {1, {{0, 4, v}}};

		world_smtp(i, smtp);
		ok(IMessage_ModifyRecipients(m, MODRECIP_ADD,
					     (LPADRLIST)(void *)&list));
	}
}

static void add_data(LPMESSAGE m, const char *name)
{
	static unsigned char data[DATA_BYTES];
	LPSTREAM st = NULL;
	LPATTACH a = NULL;
	ULONG num, got;

	fill_data(data);
	ok(IMessage_CreateAttach(m, NULL, 0, &num, &a));
	set_long((LPMAPIPROP)a, PR_ATTACH_METHOD, ATTACH_BY_VALUE);
	set_text((LPMAPIPROP)a, PR_ATTACH_LONG_FILENAME, name);
	ok(IAttach_OpenProperty(a, PR_ATTACH_DATA_BIN, &IID_IStream, 0,
				MAPI_CREATE | MAPI_MODIFY,
				(LPUNKNOWN *)(void *)&st));
	ok(IStream_Write(st, data, DATA_BYTES, &got));
	ok(IStream_Commit(st, 0));
	IStream_Release(st);
	ok(IAttach_SaveChanges(a, 0));
	IAttach_Release(a);
}

/* A message in an attachment, with an attachment of its own. */
static void add_embedded(LPMESSAGE m)
{
	LPMESSAGE inner = NULL;
	LPATTACH a = NULL;
	ULONG num;

	ok(IMessage_CreateAttach(m, NULL, 0, &num, &a));
	set_long((LPMAPIPROP)a, PR_ATTACH_METHOD, ATTACH_EMBEDDED_MSG);
	ok(IAttach_OpenProperty(a, PR_ATTACH_DATA_OBJ, &IID_IMessage, 0,
				MAPI_CREATE | MAPI_MODIFY,
				(LPUNKNOWN *)(void *)&inner));
	set_text((LPMAPIPROP)inner, PR_SUBJECT, "inner");
	add_recipients(inner, 1);
	add_data(inner, "deep.bin");
	ok(IMessage_SaveChanges(inner, 0));
	ok(IAttach_SaveChanges(a, 0));
	IMessage_Release(inner);
	IAttach_Release(a);
}

static LPMESSAGE make_source(LPMAPIFOLDER inbox)
{
	static char body[BODY_CHARS + 1];
	LPMESSAGE m;

	fill_text(body);
	m = put_message(inbox, "outer", body);
	set_text((LPMAPIPROP)m, PR_PLAIN, "plain");
	add_recipients(m, 2);
	add_data(m, "data.bin");
	add_embedded(m);
	ok(IMessage_SaveChanges(m, KEEP_OPEN_READWRITE));
	return m;
}

static void text_is(void *p, ULONG tag, const char *want)
{
	char *text = get_text(p, tag);

	assert_string_equal(text, want);
	MAPIFreeBuffer(text);
}

static void is_missing(void *p, ULONG tag)
{
	LPSPropValue v = NULL;

	assert_int_equal(HrGetOneProp(p, tag, &v), MAPI_E_NOT_FOUND);
}

static void check_body(LPMESSAGE m)
{
	static char want[BODY_CHARS + 1];
	static wchar_t got[BODY_CHARS + 1];
	LPSTREAM st = NULL;
	ULONG n = 0;

	fill_text(want);
	ok(IMessage_OpenProperty(m, PR_BODY_W, &IID_IStream, 0, 0,
				 (LPUNKNOWN *)(void *)&st));
	ok(IStream_Read(st, got, sizeof(got), &n));
	assert_int_equal(n, BODY_CHARS * sizeof(wchar_t));
	for (unsigned i = 0; i < BODY_CHARS; i++)
		if (got[i] != (wchar_t)want[i])
			fail_msg("character %u", i);
	IStream_Release(st);
}

static ULONG count(LPMAPITABLE t)
{
	ULONG n = 0;

	ok(IMAPITable_GetRowCount(t, 0, &n));
	IMAPITable_Release(t);
	return n;
}

static ULONG n_recipients(LPMESSAGE m)
{
	LPMAPITABLE t = NULL;

	ok(IMessage_GetRecipientTable(m, 0, &t));
	return count(t);
}

static ULONG n_attachments(LPMESSAGE m)
{
	LPMAPITABLE t = NULL;

	ok(IMessage_GetAttachmentTable(m, 0, &t));
	return count(t);
}

/* The n-th attachment in the table's order. */
static LPATTACH open_nth(LPMESSAGE m, ULONG n)
{
	SizedSPropTagArray(1, cols) = {1, {PR_ATTACH_NUM}};
	LPSRowSet rows = NULL;
	LPMAPITABLE t = NULL;
	LPATTACH a = NULL;

	ok(IMessage_GetAttachmentTable(m, 0, &t));
	ok(HrQueryAllRows(t, (LPSPropTagArray)(void *)&cols, NULL, NULL, 0,
			  &rows));
	IMAPITable_Release(t);
	assert_true(rows->cRows > n);
	ok(IMessage_OpenAttach(m, rows->aRow[n].lpProps[0].Value.ul, NULL, 0,
			       &a));
	FreeProws(rows);
	return a;
}

static void check_data(LPATTACH a, const char *name)
{
	static unsigned char want[DATA_BYTES], got[DATA_BYTES + 1];
	LPSTREAM st = NULL;
	ULONG n = 0;

	text_is(a, PR_ATTACH_LONG_FILENAME, name);
	fill_data(want);
	ok(IAttach_OpenProperty(a, PR_ATTACH_DATA_BIN, &IID_IStream, 0, 0,
				(LPUNKNOWN *)(void *)&st));
	ok(IStream_Read(st, got, sizeof(got), &n));
	assert_int_equal(n, DATA_BYTES);
	assert_memory_equal(got, want, DATA_BYTES);
	IStream_Release(st);
	IAttach_Release(a);
}

static void check_all(LPMESSAGE m)
{
	LPMESSAGE inner = NULL;
	LPATTACH a;

	text_is(m, PR_SUBJECT, "outer");
	text_is(m, PR_MESSAGE_CLASS, "IPM.Note");
	text_is(m, PR_PLAIN, "plain");
	text_is(m, PR_DISPLAY_CC, "u1@mapiary.test");
	check_body(m);
	assert_int_equal(n_recipients(m), 2);
	assert_int_equal(n_attachments(m), 2);
	check_data(open_nth(m, 0), "data.bin");
	a = open_nth(m, 1);
	ok(IAttach_OpenProperty(a, PR_ATTACH_DATA_OBJ, &IID_IMessage, 0, 0,
				(LPUNKNOWN *)(void *)&inner));
	text_is(inner, PR_SUBJECT, "inner");
	assert_int_equal(n_recipients(inner), 1);
	check_data(open_nth(inner, 0), "deep.bin");
	IMessage_Release(inner);
	IAttach_Release(a);
}

static void test_copy_to_takes_everything_along(void **state)
{
	LPSPropProblemArray bad = NULL;
	LPMESSAGE from, to = NULL;
	struct scene sc;

	scene_init(&sc);
	from = make_source(sc.inbox[0]);
	for (unsigned i = 0; i < 2; i++) {
		ok(IMAPIFolder_CreateMessage(sc.inbox[i], NULL, 0, &to));
		/* what is there is replaced */
		add_data(to, "old.bin");
		add_recipients(to, 1);
		ok(IMessage_CopyTo(from, 0, NULL, NULL, 0, NULL, &IID_IMessage,
				   to, 0, &bad));
		if (bad)
			fail_msg("%u problems, the first with 0x%08x: 0x%08x",
				 bad->cProblem, bad->aProblem[0].ulPropTag,
				 (unsigned)bad->aProblem[0].scode);
		ok(IMessage_SaveChanges(to, KEEP_OPEN_READWRITE));
		check_all(to);
		IMessage_Release(to);
	}
	check_all(from);
	IMessage_Release(from);
	scene_fini(&sc);
}

static void test_what_is_excluded_or_there_stays(void **state)
{
	SizedSPropTagArray(3, not ) = {
		3, {PR_PLAIN, PR_MESSAGE_RECIPIENTS, PR_MESSAGE_ATTACHMENTS}};
	SizedSPropTagArray(2, only) = {2, {PR_PLAIN, PR_MESSAGE_RECIPIENTS}};
	SizedSPropTagArray(2, computed) = {2, {PR_PLAIN, PR_MESSAGE_SIZE}};
	LPSPropProblemArray bad = NULL;
	LPMESSAGE from, to = NULL;
	struct scene sc;

	scene_init(&sc);
	from = make_source(sc.inbox[0]);
	ok(IMAPIFolder_CreateMessage(sc.inbox[0], NULL, 0, &to));
	ok(IMessage_CopyTo(from, 0, NULL, (LPSPropTagArray)(void *)&not, 0,
			   NULL, &IID_IMessage, to, 0, NULL));
	text_is(to, PR_SUBJECT, "outer");
	is_missing(to, PR_PLAIN);
	assert_int_equal(n_recipients(to), 0);
	assert_int_equal(n_attachments(to), 0);
	IMessage_Release(to);

	ok(IMAPIFolder_CreateMessage(sc.inbox[0], NULL, 0, &to));
	ok(IMessage_CopyProps(from, (LPSPropTagArray)(void *)&only, 0, NULL,
			      &IID_IMessage, to, 0, NULL));
	text_is(to, PR_PLAIN, "plain");
	assert_int_equal(n_recipients(to), 2);
	assert_int_equal(n_attachments(to), 0);
	is_missing(to, PR_BODY);

	/* named, and not to be had: told */
	ok(IMessage_CopyProps(from, (LPSPropTagArray)(void *)&computed, 0, NULL,
			      &IID_IMessage, to, 0, &bad));
	assert_non_null(bad);
	assert_int_equal(bad->cProblem, 1);
	assert_int_equal(bad->aProblem[0].ulIndex, 1);
	assert_int_equal(bad->aProblem[0].scode, MAPI_E_COMPUTED);
	MAPIFreeBuffer(bad);

	set_text((LPMAPIPROP)to, PR_PLAIN, "mine");
	ok(IMessage_CopyTo(from, 0, NULL, NULL, 0, NULL, &IID_IMessage, to,
			   MAPI_NOREPLACE, NULL));
	text_is(to, PR_PLAIN, "mine");
	text_is(to, PR_SUBJECT, "outer");
	assert_int_equal(n_attachments(to), 2);
	IMessage_Release(to);
	IMessage_Release(from);
	scene_fini(&sc);
}

static void test_what_cannot_be_copied_is_told(void **state)
{
	MAPINAMEID name = {.lpguid = (LPGUID)&PS_PUBLIC_STRINGS,
			   .ulKind = MNID_STRING};
	LPMAPINAMEID names = &name;
	LPSPropProblemArray bad = NULL;
	LPSPropTagArray ids = NULL;
	LPMESSAGE from, to = NULL;
	struct scene sc;
	ULONG tag;

	scene_init(&sc);
	from = put_message(sc.inbox[0], "named", "body");
	name.Kind.lpwstrName = (LPWSTR)L"colour";
	ok(IMessage_GetIDsFromNames(from, 1, &names, MAPI_CREATE, &ids));
	tag = CHANGE_PROP_TYPE(ids->aulPropTag[0], PT_STRING8);
	MAPIFreeBuffer(ids);
	set_text((LPMAPIPROP)from, tag, "blue");
	/* in one mailbox a name keeps its id */
	ok(IMAPIFolder_CreateMessage(sc.inbox[0], NULL, 0, &to));
	ok(IMessage_CopyTo(from, 0, NULL, NULL, 0, NULL, NULL, to, 0, &bad));
	assert_null(bad);
	text_is(to, tag, "blue");
	IMessage_Release(to);
	/* in another it would be another name: not copied, and told */
	ok(IMAPIFolder_CreateMessage(sc.inbox[1], NULL, 0, &to));
	ok(IMessage_CopyTo(from, 0, NULL, NULL, 0, NULL, NULL, to, 0, &bad));
	assert_non_null(bad);
	assert_int_equal(bad->cProblem, 1);
	assert_int_equal(PROP_ID(bad->aProblem[0].ulPropTag), PROP_ID(tag));
	assert_int_equal(bad->aProblem[0].scode, MAPI_E_NO_SUPPORT);
	MAPIFreeBuffer(bad);
	text_is(to, PR_SUBJECT, "named");
	assert_int_equal(IMessage_CopyTo(to, 0, NULL, NULL, 0, NULL, NULL, to,
					 0, NULL),
			 MAPI_E_NO_ACCESS);
	assert_int_equal(IMessage_CopyTo(from, 0, NULL, NULL, 0, NULL, NULL, to,
					 MAPI_MOVE, NULL),
			 MAPI_E_NO_SUPPORT);
	IMessage_Release(to);
	IMessage_Release(from);
	scene_fini(&sc);
}

MX_TEST_MAIN(MX_TEST(test_copy_to_takes_everything_along),
	     MX_TEST(test_what_is_excluded_or_there_stays),
	     MX_TEST(test_what_cannot_be_copied_is_told))
