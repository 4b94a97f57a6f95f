/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Flat copies of values and notifications: exact size, no way out of the block. */
#include <stdlib.h>

#include "api/api.h"
#include "base/test.h"

static LPSTR strs[] = {(LPSTR) "a", NULL, (LPSTR) "three"};
static SBinary bins[] = {{3, (LPBYTE) "xyz"}, {0, NULL}};
static LONG longs[] = {1, -2, 3};
static GUID guid = {1, 2, 3, {4, 5, 6, 7, 8, 9, 10, 11}};
static LPWSTR wides[] = {(LPWSTR)L"w\u00e4", (LPWSTR)L""};

static const SPropValue every[] = {
	{PROP_TAG(PT_I2, 1), 0, {.i = -1}},
	{PROP_TAG(PT_STRING8, 2), 0, {.lpszA = (LPSTR) "text"}},
	{PROP_TAG(PT_UNICODE, 3), 0, {.lpszW = (LPWSTR)L"wide"}},
	{PROP_TAG(PT_BINARY, 4), 0, {.bin = {5, (LPBYTE) "12345"}}},
	{PROP_TAG(PT_CLSID, 5), 0, {.lpguid = &guid}},
	{PROP_TAG(PT_MV_LONG, 6), 0, {.MVl = {3, longs}}},
	{PROP_TAG(PT_MV_STRING8, 7), 0, {.MVszA = {3, strs}}},
	{PROP_TAG(PT_MV_UNICODE, 8), 0, {.MVszW = {2, wides}}},
	{PROP_TAG(PT_MV_BINARY, 9), 0, {.MVbin = {2, bins}}},
	{PROP_TAG(PT_NULL, 10), 0, {.x = 0}},
	{PROP_TAG(PT_ERROR, 11), 0, {.err = MAPI_E_NOT_FOUND}},
	{PROP_TAG(PT_BINARY, 12), 0, {.bin = {0, NULL}}},
};
#define N ((int)MX_ARRAY_SIZE(every))

static void check(const SPropValue *v)
{
	assert_string_equal(v[1].Value.lpszA, "text");
	assert_int_equal(wcscmp(v[2].Value.lpszW, L"wide"), 0);
	assert_memory_equal(v[3].Value.bin.lpb, "12345", 5);
	assert_true(IsEqualGUID(v[4].Value.lpguid, &guid));
	assert_int_equal(v[5].Value.MVl.lpl[1], -2);
	assert_string_equal(v[6].Value.MVszA.lppszA[2], "three");
	assert_null(v[6].Value.MVszA.lppszA[1]);
	assert_int_equal(wcscmp(v[7].Value.MVszW.lppszW[0], L"w\u00e4"), 0);
	assert_memory_equal(v[8].Value.MVbin.lpbin[0].lpb, "xyz", 3);
	assert_int_equal(v[10].Value.err, MAPI_E_NOT_FOUND);
	for (int i = 0; i < N; i++)
		if (every[i].ulPropTag != PROP_TAG(PT_NULL, 10))
			assert_int_equal(
				LPropCompareProp((LPSPropValue)&every[i],
						 (LPSPropValue)&v[i]),
				0);
}

static void test_count_is_what_copy_takes(void **state)
{
	ULONG size = 0, used = 0;
	char *block;

	assert_int_equal(ScCountProps(N, (LPSPropValue)every, &size), S_OK);
	block = malloc(size); /* ASan sees one byte too many */
	assert_int_equal(ScCopyProps(N, (LPSPropValue)every, block, &used),
			 S_OK);
	assert_int_equal(size, used);
	check((SPropValue *)(void *)block);
	free(block);
}

static void test_moved_block_is_relocated_both_ways(void **state)
{
	ULONG size, n;
	char *a, *b, *c;

	ScCountProps(N, (LPSPropValue)every, &size);
	a = malloc(size);
	b = malloc(size);
	c = malloc(size);
	ScCopyProps(N, (LPSPropValue)every, a, NULL);
	/* after the move: pointers mean the old block */
	memcpy(b, a, size);
	memset(a, 0xa5, size);
	assert_int_equal(ScRelocProps(N, (LPSPropValue)(void *)b, a, b, &n),
			 S_OK);
	assert_int_equal(n, size);
	check((SPropValue *)(void *)b);
	/* before the move */
	assert_int_equal(ScRelocProps(N, (LPSPropValue)(void *)b, b, c, NULL),
			 S_OK);
	memcpy(c, b, size);
	memset(b, 0xa5, size);
	check((SPropValue *)(void *)c);
	free(a);
	free(b);
	free(c);
}

static void test_dup_is_one_buffer(void **state)
{
	LPSPropValue v;

	assert_int_equal(ScDupPropset(N, (LPSPropValue)every,
				      MAPIAllocateBuffer, &v),
			 S_OK);
	check(v);
	MAPIFreeBuffer(v);
}

static void test_unknown_type_is_refused(void **state)
{
	SPropValue v = {PROP_TAG(0x00aa, 1), 0, {.l = 0}};
	ULONG n;

	assert_int_equal(ScCountProps(1, &v, &n), MAPI_E_INVALID_PARAMETER);
	assert_int_equal(ScCountProps(-1, &v, &n), MAPI_E_INVALID_PARAMETER);
}

static void test_prop_copy_more_copies_deep(void **state)
{
	SPropValue *out;

	MAPIAllocateBuffer(sizeof(every), (void **)&out);
	for (int i = 0; i < N; i++)
		assert_int_equal(PropCopyMore(&out[i], (LPSPropValue)&every[i],
					      MAPIAllocateMore, out),
				 S_OK);
	check(out);
	assert_ptr_not_equal(out[1].Value.lpszA, every[1].Value.lpszA);
	assert_ptr_not_equal(out[8].Value.MVbin.lpbin[0].lpb, bins[0].lpb);
	MAPIFreeBuffer(out);
}

static void test_notifications_survive_copy_and_move(void **state)
{
	SPropValue row[] = {{PR_SUBJECT_W, 0, {.lpszW = (LPWSTR)L"subject"}}};
	NOTIFICATION n[3] = {{.ulEventType = fnevNewMail},
			     {.ulEventType = fnevTableModified},
			     {.ulEventType = fnevObjectMoved}};
	SizedSPropTagArray(2, tags) = {2, {PR_ENTRYID, PR_SUBJECT_W}};
	NOTIFICATION *a, *b;
	ULONG size, used;

	n[0].info.newmail.cbEntryID = 4;
	n[0].info.newmail.lpEntryID = (LPENTRYID)(void *)"abcd";
	n[0].info.newmail.ulFlags = MAPI_UNICODE;
	n[0].info.newmail.lpszMessageClass = (LPTSTR)(void *)L"IPM.Note";
	n[1].info.tab.propIndex = every[3];
	n[1].info.tab.propPrior.ulPropTag = PR_NULL;
	n[1].info.tab.row = (SRow){0, 1, row};
	n[2].info.obj.cbOldID = 3;
	n[2].info.obj.lpOldID = (LPENTRYID)(void *)"old";
	n[2].info.obj.lpPropTagArray = (LPSPropTagArray)(void *)&tags;
	assert_int_equal(ScCountNotifications(3, n, &size), S_OK);
	a = malloc(size);
	b = malloc(size);
	assert_int_equal(ScCopyNotifications(3, n, a, &used), S_OK);
	assert_int_equal(used, size);
	memcpy(b, a, size);
	assert_int_equal(ScRelocNotifications(3, b, a, b, NULL), S_OK);
	memset(a, 0xa5, size);
	assert_int_equal(
		wcscmp((wchar_t *)(void *)b[0].info.newmail.lpszMessageClass,
		       L"IPM.Note"),
		0);
	assert_memory_equal(b[0].info.newmail.lpEntryID, "abcd", 4);
	assert_int_equal(wcscmp(b[1].info.tab.row.lpProps[0].Value.lpszW,
				L"subject"),
			 0);
	assert_memory_equal(b[1].info.tab.propIndex.Value.bin.lpb, "12345", 5);
	assert_memory_equal(b[2].info.obj.lpOldID, "old", 3);
	assert_int_equal(b[2].info.obj.lpPropTagArray->aulPropTag[1],
			 PR_SUBJECT_W);
	free(a);
	free(b);
}

MX_TEST_MAIN(MX_TEST(test_count_is_what_copy_takes),
	     MX_TEST(test_moved_block_is_relocated_both_ways),
	     MX_TEST(test_dup_is_one_buffer),
	     MX_TEST(test_unknown_type_is_refused),
	     MX_TEST(test_prop_copy_more_copies_deep),
	     MX_TEST(test_notifications_survive_copy_and_move))
