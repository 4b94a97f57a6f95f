/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bench.h"

#include <mapiutil.h>

/* The first 50 of the inbox. */
static HRESULT look(struct bench_side *s)
{
	static SizedSPropTagArray(4, columns) = {4,
						 {PR_ENTRYID, PR_SUBJECT_W,
						  PR_MESSAGE_DELIVERY_TIME,
						  PR_MESSAGE_FLAGS}};
	LPMAPITABLE table = NULL;
	LPSRowSet rows = NULL;
	HRESULT hr = IMAPIFolder_GetContentsTable(s->inbox, 0, &table);

	if (!FAILED(hr))
		hr = IMAPITable_SetColumns(table, (LPSPropTagArray)&columns,
					   TBL_BATCH);
	if (!FAILED(hr))
		hr = IMAPITable_QueryRows(table, 50, 0, &rows);
	FreeProws(rows);
	UlRelease(table);
	return hr;
}

static HRESULT put(struct bench_side *s, LPSPropValue *ret_id)
{
	static char class[] = "IPM.Note";
	static WCHAR subject[] = L"One of many";
	static char text[] = "What one user leaves for another: a few lines, "
			     "as most messages have.";
	SPropValue v[3] = {
		{.ulPropTag = PR_MESSAGE_CLASS_A, .Value.lpszA = class},
		{.ulPropTag = PR_SUBJECT_W, .Value.lpszW = subject},
		{.ulPropTag = PR_BODY_A, .Value.lpszA = text},
	};
	LPMESSAGE msg = NULL;
	HRESULT hr = IMAPIFolder_CreateMessage(s->inbox, NULL, 0, &msg);

	if (!FAILED(hr))
		hr = IMessage_SetProps(msg, 3, v, NULL);
	if (!FAILED(hr))
		hr = IMessage_SaveChanges(msg, KEEP_OPEN_READWRITE);
	if (!FAILED(hr))
		hr = HrGetOneProp((LPMAPIPROP)msg, PR_ENTRYID, ret_id);
	UlRelease(msg);
	return hr;
}

static HRESULT read_back(struct bench_side *s, const SBinary *id)
{
	static SizedSPropTagArray(3, tags) = {
		3, {PR_SUBJECT_W, PR_BODY_W, PR_LAST_MODIFICATION_TIME}};
	LPSPropValue v = NULL;
	LPMESSAGE msg = NULL;
	ULONG type = 0, n = 0;
	HRESULT hr = IMAPIFolder_OpenEntry(s->inbox, id->cb, (LPENTRYID)id->lpb,
					   NULL, 0, &type, (LPUNKNOWN *)&msg);

	if (!FAILED(hr))
		hr = IMessage_GetProps(msg, (LPSPropTagArray)&tags, 0, &n, &v);
	MAPIFreeBuffer(v);
	UlRelease(msg);
	return hr;
}

bool bench_turn(struct bench_side *s)
{
	LPSPropValue id = NULL;
	SBinaryArray ids = {.cValues = 1};
	HRESULT hr = look(s);

	if (!FAILED(hr))
		hr = put(s, &id);
	if (!FAILED(hr))
		hr = read_back(s, &id->Value.bin);
	if (!FAILED(hr)) {
		ids.lpbin = &id->Value.bin;
		hr = IMAPIFolder_DeleteMessages(s->inbox, &ids, 0, NULL, 0);
	}
	MAPIFreeBuffer(id);
	return bench_ok("a user's turn", hr);
}
