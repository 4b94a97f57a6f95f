/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Round trips from MAPILogonEx to the first 50 rows. */
#include <edkmdb.h>
#include <mapiutil.h>

#include "cli/bench.h"
#include "cli/cli.h"

static bool first_rows(struct bench_side *s, ULONG open_flags,
		       ULONG table_flags)
{
	static SizedSPropTagArray(4, columns) = {4,
						 {PR_ENTRYID, PR_SUBJECT_W,
						  PR_SENDER_NAME_W,
						  PR_MESSAGE_DELIVERY_TIME}};
	SizedSSortOrderSet(1, order) = {
		1, 0, 0, {{PR_MESSAGE_DELIVERY_TIME, TABLE_SORT_DESCEND}}};
	LPMAPITABLE t = NULL;
	LPSRowSet rows = NULL;
	HRESULT hr = IMAPIFolder_GetContentsTable(s->inbox, open_flags, &t);

	if (!FAILED(hr))
		hr = IMAPITable_SetColumns(t, (LPSPropTagArray)&columns,
					   table_flags);
	/* Without TBL_BATCH SortTable reports what the server says to it, and
	 * that is a round trip of its own. */
	if (!FAILED(hr) && (table_flags & TBL_BATCH))
		hr = IMAPITable_SortTable(t, (LPSSortOrderSet)&order,
					  table_flags);
	if (!FAILED(hr))
		hr = IMAPITable_QueryRows(t, 50, 0, &rows);
	FreeProws(rows);
	UlRelease(t);
	return bench_ok("first rows", hr);
}

static int count_trips(struct bench *b, ULONG open_flags, ULONG table_flags,
		       struct bench_line *line)
{
	MAPIARY_SESSION_INFO info;
	struct bench_side s;
	int r = -1;

	if (bench_side_open(&b->d.users[0], NULL, open_flags, &s) &&
	    first_rows(&s, open_flags, table_flags) &&
	    bench_info(s.ses, &info)) {
		line->ours = (double)info.cRoundTrips;
		bench_add(b, line);
		r = 0;
	}
	bench_side_close(&s);
	return r;
}

int bench_logon(struct bench *b)
{
	struct bench_line plain = {
		.name = "logon",
		.what = "logon to first 50 rows, not sorted",
		.unit = "round trips",
		.limit = 4,
	};
	struct bench_line deferred = {
		.name = "logon-batch",
		.what = "the same, sorted, MAPI_DEFERRED_ERRORS and TBL_BATCH",
		.unit = "round trips",
		.limit = 3,
	};

	if (count_trips(b, 0, 0, &plain))
		return -1;
	return count_trips(b, MAPI_DEFERRED_ERRORS, TBL_BATCH, &deferred);
}
