/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Tables in memory: ITableData, its views, restrictions, HrQueryAllRows. */
#include "api/memtable.h"
#include "base/test.h"

static LPTABLEDATA people(void)
{
	static const char *const names[] = {"Cleo", "anna", "Bo", "Anna-Lena"};
	SizedSPropTagArray(3, cols) = {
		3, {PR_ROWID, PR_DISPLAY_NAME_A, PR_MESSAGE_SIZE}};
	LPTABLEDATA t = NULL;

	assert_int_equal(CreateTable(&IID_IMAPITableData, NULL, NULL, NULL,
				     NULL, TBLTYPE_DYNAMIC, PR_ROWID,
				     (LPSPropTagArray)(void *)&cols, &t),
			 S_OK);
	for (LONG i = 0; i < 4; i++) {
		SPropValue v[] = {
			{PR_ROWID, 0, {.l = i}},
			{PR_DISPLAY_NAME_A, 0, {.lpszA = (LPSTR)names[i]}},
			{PR_MESSAGE_SIZE, 0, {.l = 100 - i}},
		};
		SRow row = {0, 3, v};

		assert_int_equal(MAPI_CALL(t, HrModifyRow, &row), S_OK);
	}
	return t;
}

static LPMAPITABLE view(LPTABLEDATA t)
{
	LPMAPITABLE v = NULL;

	assert_int_equal(MAPI_CALL(t, HrGetView, NULL, NULL, 0, &v), S_OK);
	return v;
}

static void test_rows_are_replaced_by_index(void **state)
{
	LPTABLEDATA t = people();
	SPropValue v[] = {{PR_ROWID, 0, {.l = 2}},
			  {PR_DISPLAY_NAME_A, 0, {.lpszA = (LPSTR) "new"}}};
	SRow row = {0, 2, v}, bad = {0, 1, v + 1}, *got;
	ULONG at;

	assert_int_equal(MAPI_CALL(t, HrModifyRow, &row), S_OK);
	assert_int_equal(MAPI_CALL(t, HrModifyRow, &bad),
			 MAPI_E_MISSING_REQUIRED_COLUMN);
	assert_int_equal(MAPI_CALL(t, HrQueryRow, v, &got, &at), S_OK);
	assert_int_equal(at, 2);
	assert_string_equal(got->lpProps[1].Value.lpszA, "new");
	MAPIFreeBuffer(got);
	assert_int_equal(MAPI_CALL(t, HrDeleteRow, v), S_OK);
	assert_int_equal(MAPI_CALL(t, HrDeleteRow, v), MAPI_E_NOT_FOUND);
	assert_int_equal(MAPI_CALL(t, HrEnumRow, 3, &got), S_OK);
	assert_null(got);
	assert_int_equal(MAPI_CALL0(t, Release), 0);
}

static void test_view_sorts_restricts_and_pages(void **state)
{
	LPTABLEDATA t = people();
	LPMAPITABLE v = view(t);
	SPropValue want = {PR_DISPLAY_NAME_W, 0, {.lpszW = (LPWSTR)L"ANNA"}};
	SRestriction res = {.rt = RES_CONTENT};
	SizedSSortOrderSet(1, sort) = {
		1, 0, 0, {{PR_MESSAGE_SIZE, TABLE_SORT_ASCEND}}};
	LPSRowSet rows;
	ULONG n;
	LONG moved;

	/* the view outlives what it was taken of */
	MAPI_CALL0(t, Release);
	res.res.resContent.ulFuzzyLevel = FL_PREFIX | FL_IGNORECASE;
	res.res.resContent.ulPropTag = PR_DISPLAY_NAME_W;
	res.res.resContent.lpProp = &want;
	assert_int_equal(IMAPITable_Restrict(v, &res, 0), S_OK);
	assert_int_equal(IMAPITable_SortTable(v, (LPSSortOrderSet)(void *)&sort,
					      0),
			 S_OK);
	assert_int_equal(IMAPITable_GetRowCount(v, 0, &n), S_OK);
	assert_int_equal(n, 2);
	assert_int_equal(IMAPITable_QueryRows(v, 1, 0, &rows), S_OK);
	assert_int_equal(rows->cRows, 1);
	assert_string_equal(rows->aRow[0].lpProps[1].Value.lpszA, "Anna-Lena");
	FreeProws(rows);
	assert_int_equal(IMAPITable_SeekRow(v, BOOKMARK_END, -5, &moved), S_OK);
	assert_int_equal(moved, -2);
	assert_int_equal(IMAPITable_FindRow(v, &res, BOOKMARK_CURRENT, 0),
			 S_OK);
	assert_int_equal(IMAPITable_Restrict(v, NULL, 0), S_OK);
	IMAPITable_GetRowCount(v, 0, &n);
	assert_int_equal(n, 4);
	IMAPITable_Release(v);
}

static void test_query_all_rows_sets_and_limits(void **state)
{
	LPTABLEDATA t = people();
	LPMAPITABLE v = view(t);
	SizedSPropTagArray(2, cols) = {2, {PR_DISPLAY_NAME_W, PR_BODY_W}};
	LPSRowSet rows;

	assert_int_equal(HrQueryAllRows(v, (LPSPropTagArray)(void *)&cols, NULL,
					NULL, 0, &rows),
			 S_OK);
	assert_int_equal(rows->cRows, 4);
	assert_int_equal(wcscmp(rows->aRow[0].lpProps[0].Value.lpszW, L"Cleo"),
			 0);
	assert_int_equal(PROP_TYPE(rows->aRow[0].lpProps[1].ulPropTag),
			 PT_ERROR);
	FreeProws(rows);
	assert_int_equal(HrQueryAllRows(v, NULL, NULL, NULL, 3, &rows),
			 MAPI_E_TABLE_TOO_BIG);
	assert_null(rows);
	assert_int_equal(HrQueryAllRows(v, NULL, NULL, NULL, 4, &rows), S_OK);
	FreeProws(rows);
	IMAPITable_Release(v);
	MAPI_CALL0(t, Release);
}

static bool meets(ULONG rt, SRestriction r)
{
	SPropValue v[] = {
		{PR_MESSAGE_FLAGS, 0, {.l = 5}},
		{PR_MESSAGE_SIZE, 0, {.l = 9}},
		{PR_SUBJECT_A, 0, {.lpszA = (LPSTR) "four"}},
	};
	SRow row = {0, 3, v};

	r.rt = rt;
	return mx_memtable_match(&row, &r);
}

static void test_every_kind_of_restriction(void **state)
{
	SPropValue nine = {PR_MESSAGE_SIZE, 0, {.l = 9}};
	SRestriction r = {0}, exist = {.rt = RES_EXIST}, missing = exist;
	SRestriction list[2];

	exist.res.resExist.ulPropTag = PR_SUBJECT_W;
	missing.res.resExist.ulPropTag = PR_BODY_W;
	list[0] = exist;
	list[1] = missing;
	assert_true(meets(RES_EXIST, exist));
	assert_false(meets(RES_EXIST, missing));
	r.res.resAnd.cRes = 2;
	r.res.resAnd.lpRes = list;
	assert_false(meets(RES_AND, r));
	assert_true(meets(RES_OR, r));
	r.res.resNot.lpRes = &missing;
	assert_true(meets(RES_NOT, r));
	memset(&r, 0, sizeof(r));
	r.res.resProperty.relop = RELOP_GE;
	r.res.resProperty.ulPropTag = PR_MESSAGE_SIZE;
	r.res.resProperty.lpProp = &nine;
	assert_true(meets(RES_PROPERTY, r));
	memset(&r, 0, sizeof(r));
	r.res.resCompareProps.relop = RELOP_LT;
	r.res.resCompareProps.ulPropTag1 = PR_MESSAGE_FLAGS;
	r.res.resCompareProps.ulPropTag2 = PR_MESSAGE_SIZE;
	assert_true(meets(RES_COMPAREPROPS, r));
	memset(&r, 0, sizeof(r));
	r.res.resBitMask.relBMR = BMR_NEZ;
	r.res.resBitMask.ulPropTag = PR_MESSAGE_FLAGS;
	r.res.resBitMask.ulMask = 4;
	assert_true(meets(RES_BITMASK, r));
	r.res.resBitMask.relBMR = BMR_EQZ;
	assert_false(meets(RES_BITMASK, r));
	memset(&r, 0, sizeof(r));
	r.res.resSize.relop = RELOP_EQ;
	r.res.resSize.ulPropTag = PR_SUBJECT_A;
	r.res.resSize.cb = 5;
	assert_true(meets(RES_SIZE, r));
	assert_false(meets(99, r));
}

static void test_endless_restriction_is_not_met(void **state)
{
	SRestriction loop = {.rt = RES_NOT};

	loop.res.resNot.lpRes = &loop;
	meets(RES_NOT, loop); /* comes back at all */
}

MX_TEST_MAIN(MX_TEST(test_rows_are_replaced_by_index),
	     MX_TEST(test_view_sorts_restricts_and_pages),
	     MX_TEST(test_query_all_rows_sets_and_limits),
	     MX_TEST(test_every_kind_of_restriction),
	     MX_TEST(test_endless_restriction_is_not_met))
