/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* MAPI's values to the wire's and back; recipients; result codes. */
#include <errno.h>

#include "api/convert.h"
#include "api/hresult.h"
#include "api/recip.h"
#include "base/test.h"
#include "wire/entryid.h"

static void test_tags_travel_as_unicode(void **state)
{
	assert_int_equal(mx_conv_tag(PR_SUBJECT_A), PR_SUBJECT_W);
	assert_int_equal(mx_conv_tag(PR_MESSAGE_SIZE), PR_MESSAGE_SIZE);
	assert_int_equal(mx_conv_tag(PROP_TAG(PT_MV_STRING8, 7)),
			 PROP_TAG(PT_MV_UNICODE, 7));
	assert_int_equal(mx_conv_tag(PROP_TAG(PT_MV_STRING8 | MV_INSTANCE, 7)),
			 PROP_TAG(PT_MV_UNICODE | MV_INSTANCE, 7));
}

static void test_every_type_comes_back(void **state)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	GUID guid = {1, 2, 3, {4, 5, 6, 7, 8, 9, 10, 11}};
	LPSTR strs[] = {(LPSTR) "a", (LPSTR) "\xc3\xa4"};
	LPWSTR wides[] = {(LPWSTR)L"\U0001F41D", (LPWSTR)L""};
	SBinary bins[] = {{2, (LPBYTE) "xy"}, {0, NULL}};
	LONG longs[] = {1, -1};
	FILETIME fts[] = {{1, 2}, {3, 4}};
	SPropValue v[] = {
		{PROP_TAG(PT_I2, 1), 0, {.i = -5}},
		{PROP_TAG(PT_LONG, 2), 0, {.l = -6}},
		{PROP_TAG(PT_R4, 3), 0, {.flt = 1.5f}},
		{PROP_TAG(PT_DOUBLE, 4), 0, {.dbl = -2.5}},
		{PROP_TAG(PT_CURRENCY, 5), 0, {.cur = {.int64 = 12345}}},
		{PROP_TAG(PT_APPTIME, 6), 0, {.at = 7.25}},
		{PROP_TAG(PT_BOOLEAN, 7), 0, {.b = 1}},
		{PROP_TAG(PT_I8, 8), 0, {.li = {.QuadPart = -9}}},
		{PROP_TAG(PT_STRING8, 9), 0, {.lpszA = (LPSTR) "h\xc3\xa9"}},
		{PROP_TAG(PT_UNICODE, 10), 0, {.lpszW = (LPWSTR)L"w\u00e9"}},
		{PROP_TAG(PT_SYSTIME, 11), 0, {.ft = {7, 8}}},
		{PROP_TAG(PT_CLSID, 12), 0, {.lpguid = &guid}},
		{PROP_TAG(PT_BINARY, 13), 0, {.bin = {3, (LPBYTE) "abc"}}},
		{PROP_TAG(PT_MV_LONG, 14), 0, {.MVl = {2, longs}}},
		{PROP_TAG(PT_MV_STRING8, 15), 0, {.MVszA = {2, strs}}},
		{PROP_TAG(PT_MV_UNICODE, 16), 0, {.MVszW = {2, wides}}},
		{PROP_TAG(PT_MV_BINARY, 17), 0, {.MVbin = {2, bins}}},
		{PROP_TAG(PT_MV_SYSTIME, 18), 0, {.MVft = {2, fts}}},
		{PROP_TAG(PT_MV_CLSID, 19), 0, {.MVguid = {1, &guid}}},
	};
	enum { N = MX_ARRAY_SIZE(v) };
	struct mx_propval w[N];
	ULONG want[N];
	SPropValue *out;

	for (int i = 0; i < N; i++) {
		assert_int_equal(mx_conv_in(&a, &v[i], &w[i]), 0);
		want[i] = v[i].ulPropTag;
	}
	assert_int_equal(mx_conv_props(w, N, want, 0, &out), S_OK);
	for (int i = 0; i < N; i++) {
		assert_int_equal(out[i].ulPropTag, v[i].ulPropTag);
		assert_int_equal(LPropCompareProp(&out[i], &v[i]), 0);
	}
	MAPIFreeBuffer(out);
	/* by flags instead of by tag */
	assert_int_equal(mx_conv_props(w, N, NULL, MAPI_UNICODE, &out), S_OK);
	assert_int_equal(out[8].ulPropTag, PROP_TAG(PT_UNICODE, 9));
	assert_int_equal(wcscmp(out[8].Value.lpszW, L"h\u00e9"), 0);
	assert_int_equal(out[14].ulPropTag, PROP_TAG(PT_MV_UNICODE, 15));
	MAPIFreeBuffer(out);
}

static void test_errors_keep_their_code(void **state)
{
	struct mx_propval w[] = {
		{.tag = MX_PROP_RETYPE(PR_BODY_W, MX_PT_ERROR),
		 .v.err = 0x8007000e},
		{.tag = MX_PROP_RETYPE(PR_SUBJECT_W, MX_PT_NULL)},
		{.tag = PR_MESSAGE_SIZE, .v.i4 = 5},
	};
	ULONG want[] = {PR_BODY_A, PR_SUBJECT_W, PR_MESSAGE_SIZE};
	SPropValue *out;

	assert_int_equal(mx_conv_props(w, 3, want, 0, &out),
			 MAPI_W_ERRORS_RETURNED);
	assert_int_equal(out[0].ulPropTag, CHANGE_PROP_TYPE(PR_BODY, PT_ERROR));
	assert_int_equal(out[0].Value.err, MAPI_E_NOT_ENOUGH_MEMORY);
	assert_int_equal(out[1].Value.err, MAPI_E_NOT_FOUND);
	assert_int_equal(out[2].Value.l, 5);
	MAPIFreeBuffer(out);
}

static void test_what_has_no_place_on_the_wire(void **state)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	SPropValue obj = {PR_ATTACH_DATA_OBJ, 0, {.x = 0}};
	SPropValue null = {PR_SUBJECT_W, 0, {.lpszW = NULL}};
	SPropValue bin = {PR_ENTRYID, 0, {.bin = {5, NULL}}};
	SRestriction deep = {.rt = RES_NOT}, none = {.rt = RES_PROPERTY};
	struct mx_restrict r;
	struct mx_propval w;

	assert_int_equal(mx_conv_in(&a, &obj, &w), -EINVAL);
	assert_int_equal(mx_conv_in(&a, &null, &w), -EINVAL);
	assert_int_equal(mx_conv_in(&a, &bin, &w), -EINVAL);
	deep.res.resNot.lpRes = &deep;
	assert_int_equal(mx_conv_restrict(&a, &deep, &r), -E2BIG);
	assert_int_equal(mx_conv_restrict(&a, &none, &r), -EINVAL);
	none.rt = 77;
	assert_int_equal(mx_conv_restrict(&a, &none, &r), -EINVAL);
}

/* One recipient to the wire and back. */
static struct mx_propval *there_and_back(struct mx_arena *a, SPropValue *v,
					 ULONG n, ULONG *ret_n)
{
	SizedADRLIST(1, list) = {1, {{0, n, v}}};
	struct mx_tags cols = mx_recip_columns(a, (LPADRLIST)(void *)&list);
	struct mx_modify_recipient_row in = {0};
	struct mx_read_recipient_row row = {0};
	struct mx_propval *out;
	uint32_t id;

	assert_int_equal(mx_recip_in(a, &list.aEntries[0], cols, &in, &id), 0);
	row.row_id = id;
	row.recipient_type = in.recipient_type;
	row.recipient_row = in.recipient_row;
	assert_int_equal(mx_recip_out(a, &row, "/o=x", &out, ret_n), 0);
	return out;
}

static const char *text(const struct mx_propval *v, ULONG n, uint32_t tag)
{
	const struct mx_propval *p =
		mx_propval_find(v, n, MX_PROP_RETYPE(tag, MX_PT_UNICODE));

	assert_non_null(p);
	return p->v.str;
}

static void test_smtp_recipient_round_trip(void **state)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	SPropValue v[] = {
		{PR_ROWID, 0, {.l = 7}},
		{PR_RECIPIENT_TYPE, 0, {.l = MAPI_CC}},
		{PR_DISPLAY_NAME_W, 0, {.lpszW = (LPWSTR)L"B\u00f6 B"}},
		{PR_ADDRTYPE_A, 0, {.lpszA = (LPSTR) "SMTP"}},
		{PR_EMAIL_ADDRESS_A, 0, {.lpszA = (LPSTR) "bo@example.org"}},
		{PR_RECIPIENT_TRACKSTATUS, 0, {.l = 3}},
	};
	const struct mx_propval *eid, *track;
	struct mx_oneoff oneoff;
	ULONG n;
	struct mx_propval *out = there_and_back(&a, v, 6, &n);

	assert_string_equal(text(out, n, PR_DISPLAY_NAME), "B\xc3\xb6 B");
	assert_string_equal(text(out, n, PR_EMAIL_ADDRESS), "bo@example.org");
	assert_string_equal(text(out, n, PR_ADDRTYPE), "SMTP");
	assert_int_equal(mx_propval_find(out, n, PR_ROWID)->v.i4, 7);
	assert_int_equal(mx_propval_find(out, n, PR_RECIPIENT_TYPE)->v.i4,
			 MAPI_CC);
	track = mx_propval_find(out, n, PR_RECIPIENT_TRACKSTATUS);
	assert_int_equal(track->v.i4, 3);
	eid = mx_propval_find(out, n, PR_ENTRYID);
	assert_int_equal(mx_oneoff_decode(eid->v.bin, &a, &oneoff), 0);
	assert_string_equal(oneoff.address, "bo@example.org");
}

static void test_recipient_by_entry_id_alone(void **state)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	MX_AUTO(mx_buf_auto) struct mx_buf buf = MX_BUF_INIT;
	struct mx_abid id = {0, "/o=x/cn=recipients/cn=bo"};
	SPropValue v[] = {{PR_ENTRYID, 0, {.bin = {0, NULL}}},
			  {PR_DISPLAY_NAME_A, 0, {.lpszA = (LPSTR) "Bo"}}};
	ULONG n;
	struct mx_propval *out;

	mx_abid_encode(&buf, &id);
	v[0].Value.bin = (SBinary){(ULONG)buf.len, buf.p};
	out = there_and_back(&a, v, 2, &n);
	assert_string_equal(text(out, n, PR_ADDRTYPE), "EX");
	assert_string_equal(text(out, n, PR_EMAIL_ADDRESS),
			    "/o=x/cn=recipients/cn=bo");
	assert_int_equal(mx_propval_find(out, n, PR_RECIPIENT_TYPE)->v.i4,
			 MAPI_TO);
}

static void test_recipient_without_address_is_refused(void **state)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	SPropValue v = {PR_DISPLAY_NAME_A, 0, {.lpszA = (LPSTR) "Bo"}};
	ADRENTRY e = {0, 1, &v};
	struct mx_modify_recipient_row in;
	struct mx_tags none = {0, NULL};
	uint32_t id;

	assert_int_equal(mx_recip_in(&a, &e, none, &in, &id), -EINVAL);
}

static void test_codes_become_results(void **state)
{
	struct mx_fault f = {.layer = MX_LAYER_ROP, .code = 0x4d9};

	assert_int_equal(mx_hr_from_code(0x80040109), MAPI_E_OBJECT_CHANGED);
	assert_int_equal(mx_hr_from_code(0x40680), MAPI_W_PARTIAL_COMPLETION);
	assert_int_equal(mx_hr_from_code(0x12345), MAPI_E_CALL_FAILED);
	assert_int_equal(mx_hr_from_err(-EREMOTEIO, &f, true),
			 MAPI_E_STORE_FULL);
	/* an error that looks like a success is still one */
	f.code = 0x40680;
	assert_true(FAILED(mx_hr_from_err(-EREMOTEIO, &f, true)));
	assert_int_equal(mx_hr_from_err(-ESHUTDOWN, NULL, true),
			 MAPI_E_END_OF_SESSION);
	assert_int_equal(mx_hr_from_err(-ESHUTDOWN, NULL, false),
			 MAPI_E_NOT_INITIALIZED);
	assert_int_equal(mx_hr_from_err(-ETIMEDOUT, NULL, true),
			 MAPI_E_NETWORK_ERROR);
	assert_int_equal(mx_hr_from_err(-ECANCELED, NULL, true),
			 MAPI_E_USER_CANCEL);
}

MX_TEST_MAIN(MX_TEST(test_tags_travel_as_unicode),
	     MX_TEST(test_every_type_comes_back),
	     MX_TEST(test_errors_keep_their_code),
	     MX_TEST(test_what_has_no_place_on_the_wire),
	     MX_TEST(test_smtp_recipient_round_trip),
	     MX_TEST(test_recipient_by_entry_id_alone),
	     MX_TEST(test_recipient_without_address_is_refused),
	     MX_TEST(test_codes_become_results))
