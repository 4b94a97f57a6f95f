/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A contents table read to its end, eight columns, sorted, against bare SQLite:
 * a flat table of the same eight columns with an index on the sort, read in
 * that order, every value copied out.
 */
#include <mapiutil.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/bench.h"
#include "cli/cli.h"

#define COLUMNS 8

static SizedSPropTagArray(COLUMNS, columns) = {
	COLUMNS,
	{PR_ENTRYID, PR_SUBJECT_W, PR_SENDER_NAME_W, PR_DISPLAY_TO_W,
	 PR_MESSAGE_DELIVERY_TIME, PR_MESSAGE_SIZE, PR_MESSAGE_FLAGS,
	 PR_HASATTACH}};

struct job {
	struct bench *b;
	struct bench_side side;
	sqlite3 *db;
	sqlite3_stmt *select;
	char path[300];
};

/* ---- ours ---- */

static bool add_message(struct job *j, unsigned i)
{
	wchar_t subject[64], from[32], to[32];
	SPropValue v[] = {
		{.ulPropTag = PR_SUBJECT_W, .Value.lpszW = subject},
		{.ulPropTag = PR_SENDER_NAME_W, .Value.lpszW = from},
		{.ulPropTag = PR_DISPLAY_TO_W, .Value.lpszW = to},
		{.ulPropTag = PR_MESSAGE_CLASS_W,
		 .Value.lpszW = (LPWSTR)L"IPM.Note"},
		{.ulPropTag = PR_MESSAGE_DELIVERY_TIME},
	};
	uint64_t t = mx_filetime_from_unix(
			     1600000000 + (int64_t)(i * 7919u % 1000003u), 0)
			     .t;
	LPMESSAGE m = NULL;
	HRESULT hr;

	swprintf(subject, 64, L"Message %u of the benchmark, %u", i,
		 i * 2654435761u);
	swprintf(from, 32, L"Sender %u", i % 97);
	swprintf(to, 32, L"Recipient %u", i % 31);
	v[4].Value.ft.dwLowDateTime = (DWORD)t;
	v[4].Value.ft.dwHighDateTime = (DWORD)(t >> 32);
	hr = IMAPIFolder_CreateMessage(j->side.inbox, NULL,
				       MAPI_DEFERRED_ERRORS, &m);
	if (!FAILED(hr))
		hr = IMessage_SetProps(m, 5, v, NULL);
	if (!FAILED(hr))
		hr = IMessage_SaveChanges(m, 0);
	UlRelease(m);
	return bench_ok("make a message", hr);
}

static bool fill(struct job *j)
{
	for (unsigned i = 0; i < j->b->rows; i++) {
		if (!add_message(j, i))
			return false;
		if (isatty(STDERR_FILENO) && i % 100 == 0)
			fprintf(stderr, "\r%u messages", i);
	}
	return true;
}

/* Reads to the end; -1 on an error or a wrong number of rows. */
static long read_rows(LPMAPITABLE t)
{
	long n = 0;

	for (;;) {
		LPSRowSet rows = NULL;

		if (!bench_ok("QueryRows",
			      IMAPITable_QueryRows(t, 1000, 0, &rows)))
			return -1;
		if (!rows->cRows) {
			FreeProws(rows);
			return n;
		}
		n += (long)rows->cRows;
		FreeProws(rows);
	}
}

static double ours(void *arg)
{
	SizedSSortOrderSet(1, order) = {
		1, 0, 0, {{PR_MESSAGE_DELIVERY_TIME, TABLE_SORT_DESCEND}}};
	struct job *j = arg;
	LPMAPITABLE t = NULL;
	int64_t start = mx_mono_now().ns;
	HRESULT hr = IMAPIFolder_GetContentsTable(j->side.inbox,
						  MAPI_DEFERRED_ERRORS, &t);
	long n = -1;

	if (!FAILED(hr))
		hr = IMAPITable_SetColumns(t, (LPSPropTagArray)&columns,
					   TBL_BATCH);
	if (!FAILED(hr))
		hr = IMAPITable_SortTable(t, (LPSSortOrderSet)&order,
					  TBL_BATCH);
	if (bench_ok("contents table", hr))
		n = read_rows(t);
	UlRelease(t);
	if (n < 0)
		return -1;
	if (n != (long)j->b->rows) {
		mx_cli_fail("bench", "the table has %ld rows, not %u", n,
			    j->b->rows);
		return -1;
	}
	return (double)(mx_mono_now().ns - start);
}

/* ---- the floor ---- */

static bool sql(struct job *j, const char *text)
{
	char *why = NULL;
	bool ok = sqlite3_exec(j->db, text, NULL, NULL, &why) == SQLITE_OK;

	if (!ok)
		mx_cli_fail("bench", "SQLite: %s", why ? why : "?");
	sqlite3_free(why);
	return ok;
}

static bool fill_floor(struct job *j)
{
	sqlite3_stmt *in = NULL;
	bool ok;

	if (!sql(j, "PRAGMA journal_mode=WAL;"
		    "CREATE TABLE m(id BLOB, subject TEXT, sender TEXT, "
		    "rcpt TEXT, at INTEGER, size INTEGER, flags INTEGER, "
		    "att INTEGER); CREATE INDEX m_at ON m(at); BEGIN"))
		return false;
	ok = sqlite3_prepare_v2(j->db,
				"INSERT INTO m VALUES(randomblob(70), ?1, ?2, "
				"?3, ?4, 900, 1, 0)",
				-1, &in, NULL) == SQLITE_OK;
	for (unsigned i = 0; ok && i < j->b->rows; i++) {
		char s[3][64];

		snprintf(s[0], 64, "Message %u of the benchmark, %u", i,
			 i * 2654435761u);
		snprintf(s[1], 64, "Sender %u", i % 97);
		snprintf(s[2], 64, "Recipient %u", i % 31);
		for (int k = 0; k < 3; k++)
			sqlite3_bind_text(in, k + 1, s[k], -1, SQLITE_STATIC);
		sqlite3_bind_int64(in, 4, i * 7919u % 1000003u);
		ok = sqlite3_step(in) == SQLITE_DONE &&
		     sqlite3_reset(in) == SQLITE_OK;
	}
	sqlite3_finalize(in);
	return ok && sql(j, "COMMIT") &&
	       sqlite3_prepare_v2(j->db,
				  "SELECT id, subject, sender, rcpt, at, size, "
				  "flags, att FROM m ORDER BY at DESC",
				  -1, &j->select, NULL) == SQLITE_OK;
}

static bool open_floor(struct job *j)
{
	snprintf(j->path, sizeof(j->path), "%s/floor.db", j->b->d.data_dir);
	if (sqlite3_open(j->path, &j->db) == SQLITE_OK && fill_floor(j))
		return true;
	mx_cli_fail("bench", "SQLite: %s", sqlite3_errmsg(j->db));
	return false;
}

static void *copy(const void *p, int n)
{
	char *c = malloc((size_t)n + 1);

	if (c) {
		memcpy(c, p, (size_t)n);
		c[n] = '\0';
	}
	return c;
}

static double bare(void *arg)
{
	struct job *j = arg;
	int64_t start = mx_mono_now().ns;
	long n = 0, sum = 0;

	sqlite3_reset(j->select);
	while (sqlite3_step(j->select) == SQLITE_ROW) {
		void *v[4];

		for (int k = 0; k < 4; k++)
			v[k] = copy(sqlite3_column_blob(j->select, k),
				    sqlite3_column_bytes(j->select, k));
		for (int k = 4; k < 8; k++)
			sum += (long)sqlite3_column_int64(j->select, k);
		for (int k = 0; k < 4; k++)
			free(v[k]);
		n++;
	}
	return n == (long)j->b->rows && sum ? (double)(mx_mono_now().ns - start)
					    : -1;
}

int bench_rows(struct bench *b)
{
	struct bench_line line = {
		.name = "rows",
		.what = "contents table, 8 columns, sorted / bare SQLite",
		.unit = "us a row",
		.limit = 4.0,
	};
	struct job j = {.b = b};
	int r = -1;

	if (bench_side_open(&b->d.users[0], NULL, 0, &j.side) && fill(&j) &&
	    open_floor(&j))
		r = bench_compare(ours, bare, &j, b->rows * 1e3, &line);
	if (!r)
		bench_add(b, &line);
	sqlite3_finalize(j.select);
	sqlite3_close(j.db);
	bench_side_close(&j.side);
	return r;
}
