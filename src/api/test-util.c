/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers over values, text, times and conversation indexes. */
#include "api/api.h"
#include "base/test.h"

static SPropValue str8(const char *s)
{
	return (SPropValue){PROP_TAG(PT_STRING8, 1), 0, {.lpszA = (LPSTR)s}};
}

static SPropValue wide(const wchar_t *s)
{
	return (SPropValue){PROP_TAG(PT_UNICODE, 1), 0, {.lpszW = (LPWSTR)s}};
}

static void test_find_prop_by_tag_and_by_id(void **state)
{
	SPropValue v[] = {{CHANGE_PROP_TYPE(PR_SUBJECT, PT_ERROR), 0, {.l = 1}},
			  {PR_BODY_W, 0, {.lpszW = NULL}},
			  {PR_MESSAGE_FLAGS, 0, {.l = 3}}};

	assert_ptr_equal(PpropFindProp(v, 3, PR_MESSAGE_FLAGS), &v[2]);
	assert_null(PpropFindProp(v, 3, PR_BODY_A));
	assert_ptr_equal(
		PpropFindProp(v, 3, CHANGE_PROP_TYPE(PR_BODY, PT_UNSPECIFIED)),
		&v[1]);
	/* an error is not a value of any type */
	assert_null(PpropFindProp(
		v, 3, CHANGE_PROP_TYPE(PR_SUBJECT, PT_UNSPECIFIED)));
	assert_ptr_equal(LpValFindProp(PR_SUBJECT_W, 3, v), &v[0]);
	assert_null(PpropFindProp(NULL, 3, PR_BODY));
}

static void test_compare_orders_every_kind(void **state)
{
	SPropValue a = {PROP_TAG(PT_SYSTIME, 1), 0, {.ft = {5, 1}}};
	SPropValue b = {PROP_TAG(PT_SYSTIME, 1), 0, {.ft = {4, 2}}};
	SPropValue x = {PROP_TAG(PT_BINARY, 1), 0, {.bin = {2, (LPBYTE) "ab"}}};
	SPropValue y = {
		PROP_TAG(PT_BINARY, 1), 0, {.bin = {3, (LPBYTE) "abc"}}};
	SPropValue s = str8("b"), t = str8("a"), w = wide(L"a");

	assert_true(FPropCompareProp(&a, RELOP_LT, &b));
	assert_true(FPropCompareProp(&x, RELOP_LT, &y));
	assert_true(FPropCompareProp(&s, RELOP_GT, &t));
	assert_true(FPropCompareProp(&s, RELOP_NE, &t));
	assert_true(FPropCompareProp(&s, RELOP_EQ, &s));
	/* other types never compare */
	assert_false(FPropCompareProp(&t, RELOP_EQ, &w));
	assert_false(FPropCompareProp(&t, RELOP_NE, &w));
	assert_false(FPropCompareProp(&t, RELOP_RE, &t));
}

static void test_contains_follows_the_fuzzy_level(void **state)
{
	SPropValue t = wide(L"Über Äpfel"), u = wide(L"äpf"), p = wide(L"Über"),
		   d = wide(L"cafe\u0301s"), c = wide(L"cafes");
	SPropValue s8 = str8("ÜBER");

	assert_false(FPropContainsProp(&t, &u, FL_SUBSTRING));
	assert_true(FPropContainsProp(&t, &u, FL_SUBSTRING | FL_IGNORECASE));
	assert_true(FPropContainsProp(&t, &p, FL_PREFIX));
	assert_false(FPropContainsProp(&t, &u, FL_PREFIX | FL_IGNORECASE));
	assert_false(FPropContainsProp(&t, &p, FL_FULLSTRING));
	assert_true(
		FPropContainsProp(&d, &c, FL_FULLSTRING | FL_IGNORENONSPACE));
	/* 8-bit strings are UTF-8 */
	assert_true(FPropContainsProp(&t, &s8, FL_PREFIX | FL_IGNORECASE));
	assert_false(FPropContainsProp(&t, &s8, 9));
}

static void test_hex_round_trip_and_bounds(void **state)
{
	BYTE in[] = {0x00, 0x7f, 0xff, 0xa5}, out[4];
	char text[9];
	ULONG n;
	LPENTRYID eid;
	LPTSTR s;

	HexFromBin(in, 4, text);
	assert_string_equal(text, "007FFFA5");
	assert_true(FBinFromHex(text, out));
	assert_memory_equal(in, out, 4);
	assert_true(FAILED(ScBinFromHexBounded(text, out, 3)));
	assert_false(FBinFromHex((LPTSTR) "0g", out));
	assert_false(FBinFromHex((LPTSTR) "012", out));
	assert_int_equal(UlFromSzHex("1aFz"), 0x1af);
	assert_int_equal(HrEntryIDFromSz(text, &n, &eid), S_OK);
	assert_int_equal(n, 4);
	assert_int_equal(HrSzFromEntryID(n, eid, &s), S_OK);
	assert_string_equal(s, text);
	MAPIFreeBuffer(eid);
	MAPIFreeBuffer(s);
}

static void test_times_are_64_bit_numbers(void **state)
{
	FILETIME a = {0xffffffff, 0}, one = {1, 0}, r;

	r = FtAddFt(a, one);
	assert_int_equal(r.dwHighDateTime, 1);
	assert_int_equal(r.dwLowDateTime, 0);
	r = FtSubFt(r, one);
	assert_int_equal(r.dwLowDateTime, 0xffffffff);
	r = FtMulDwDw(0x10000, 0x10000);
	assert_int_equal(r.dwHighDateTime, 1);
	r = FtMulDw(2, (FILETIME){0x80000000, 1});
	assert_int_equal(r.dwHighDateTime, 3);
	r = FtNegFt(one);
	assert_int_equal(r.dwHighDateTime, 0xffffffff);
}

static void test_conversation_index_grows_by_five(void **state)
{
	LPBYTE head, reply, other;
	ULONG n, m;

	assert_int_equal(ScCreateConversationIndex(0, NULL, &n, &head), S_OK);
	assert_int_equal(n, 22);
	assert_int_equal(head[0], 1);
	assert_int_equal(ScCreateConversationIndex(n, head, &m, &reply), S_OK);
	assert_int_equal(m, 27);
	assert_memory_equal(reply, head, 22);
	/* a parent that is no index starts a new conversation */
	assert_int_equal(
		ScCreateConversationIndex(3, (LPBYTE) "abc", &m, &other), S_OK);
	assert_int_equal(m, 22);
	assert_memory_not_equal(other + 6, head + 6, 16);
	MAPIFreeBuffer(head);
	MAPIFreeBuffer(reply);
	MAPIFreeBuffer(other);
}

static void test_instance_of_multivalue_borrows(void **state)
{
	LPSTR strs[] = {(LPSTR) "one", (LPSTR) "two"};
	SPropValue mv = {PROP_TAG(PT_MV_STRING8, 7), 0, {.MVszA = {2, strs}}};
	SPropValue sv = {0};

	GetInstance(&mv, &sv, 1);
	assert_int_equal(sv.ulPropTag, PROP_TAG(PT_STRING8, 7));
	assert_string_equal(sv.Value.lpszA, "two");
	sv.ulPropTag = 0;
	GetInstance(&mv, &sv, 2);
	assert_int_equal(sv.ulPropTag, 0);
}

static void test_names_compare_by_set_and_kind(void **state)
{
	GUID g = PS_PUBLIC_STRINGS, h = PS_MAPI;
	MAPINAMEID a = {&g, MNID_STRING, {.lpwstrName = (LPWSTR)L"x"}};
	MAPINAMEID b = {&g, MNID_STRING, {.lpwstrName = (LPWSTR)L"X"}};
	MAPINAMEID c = {&h, MNID_ID, {.lID = 5}}, d = {&g, MNID_ID, {.lID = 5}};

	assert_true(FEqualNames(&a, &a));
	assert_false(FEqualNames(&a, &b));
	assert_false(FEqualNames(&c, &d));
	assert_false(FEqualNames(&a, &d));
	assert_true(FEqualNames(&d, &d));
}

MX_TEST_MAIN(MX_TEST(test_find_prop_by_tag_and_by_id),
	     MX_TEST(test_compare_orders_every_kind),
	     MX_TEST(test_contains_follows_the_fuzzy_level),
	     MX_TEST(test_hex_round_trip_and_bounds),
	     MX_TEST(test_times_are_64_bit_numbers),
	     MX_TEST(test_conversation_index_grows_by_five),
	     MX_TEST(test_instance_of_multivalue_borrows),
	     MX_TEST(test_names_compare_by_set_and_kind))
