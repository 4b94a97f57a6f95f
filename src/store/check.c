/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a mailbox database sound?  SQLite's own check, then ours: what the tables
 * say of each other.
 */
#include <errno.h>

#include "base/arena.h"
#include "store/mbox.h"
#include "store/mdb.h"
#include "store/sql.h"

static const struct {
	int stmt;
	const char *fault; /* when the statement has a row */
} faults[] = {
	{SQL_CHECK_FOLDERS, "a folder whose parent is not there"},
	{SQL_CHECK_COUNTS, "a folder whose counts are not its messages'"},
	{SQL_CHECK_MESSAGES, "a message without folder or properties"},
	{SQL_CHECK_PARTS, "recipients or attachments of no message"},
	{SQL_CHECK_BLOBS, "a large value with less than no references"},
	{SQL_CHECK_QUEUE, "a queued message that is not there"},
};

static int check_locked(struct mx_mdb *db, struct mx_arena *a, const char **ret)
{
	MX_STMT quick = NULL;
	const char *s;
	int r = mx_db_query(&db->db, &quick, SQL_CHECK_QUICK, "");

	if (r != 1)
		return r ? r : -EUCLEAN;
	s = (const char *)sqlite3_column_text(quick, 0);
	if (!s || sqlite3_stricmp(s, "ok") != 0) {
		*ret = mx_arena_strdup(a, s ? s : "quick_check failed");
		return -EUCLEAN;
	}
	for (size_t i = 0; i < MX_ARRAY_SIZE(faults); i++) {
		MX_STMT st = NULL;

		r = mx_db_query(&db->db, &st, faults[i].stmt, "");
		if (r == 1)
			*ret = faults[i].fault;
		if (r)
			return r == 1 ? -EUCLEAN : r;
	}
	return 0;
}

int mx_mbox_check(struct mx_mbox *mb, struct mx_arena *a, const char **ret_text)
{
	int r;

	*ret_text = NULL;
	mx_mdb_lock(mb->db);
	r = check_locked(mb->db, a, ret_text);
	mx_mdb_unlock(mb->db);
	if (r && !*ret_text)
		*ret_text = mx_store_strerror(r);
	return r;
}
