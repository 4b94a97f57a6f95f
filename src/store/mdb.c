/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mailbox database: making it with its standard folders, opening, counters.
 */
#include "store/mdb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/folder.h"
#include "store/sql.h"
#include "store/tbl-private.h"
#include "store/text.h"
#include "wire/ids.h"

/* Counters of the standard folders are fixed: enum mx_special + 1. */
static const struct {
	int parent; /* enum mx_special, -1: none */
	int type;
	const char *name, *class;
} standard[MX_FLD_COUNT] = {
	[MX_FLD_ROOT] = {-1, 0, "Root", NULL},
	[MX_FLD_DEFERRED] = {MX_FLD_ROOT, 1, "Deferred Action", NULL},
	[MX_FLD_SPOOLER] = {MX_FLD_ROOT, 1, "Spooler Queue", NULL},
	[MX_FLD_IPM] = {MX_FLD_ROOT, 1, "Top of Information Store", NULL},
	[MX_FLD_INBOX] = {MX_FLD_IPM, 1, "Inbox", "IPF.Note"},
	[MX_FLD_OUTBOX] = {MX_FLD_IPM, 1, "Outbox", "IPF.Note"},
	[MX_FLD_SENT] = {MX_FLD_IPM, 1, "Sent Items", "IPF.Note"},
	[MX_FLD_DELETED] = {MX_FLD_IPM, 1, "Deleted Items", "IPF.Note"},
	[MX_FLD_COMMON_VIEWS] = {MX_FLD_ROOT, 1, "Common Views", NULL},
	[MX_FLD_SCHEDULE] = {MX_FLD_ROOT, 1, "Schedule", NULL},
	[MX_FLD_SEARCH] = {MX_FLD_ROOT, 1, "Finder", NULL},
	[MX_FLD_VIEWS] = {MX_FLD_ROOT, 1, "Views", NULL},
	[MX_FLD_SHORTCUTS] = {MX_FLD_ROOT, 1, "Shortcuts", NULL},
	[MX_FLD_DRAFTS] = {MX_FLD_IPM, 1, "Drafts", "IPF.Note"},
	[MX_FLD_CALENDAR] = {MX_FLD_IPM, 1, "Calendar", "IPF.Appointment"},
	[MX_FLD_CONTACTS] = {MX_FLD_IPM, 1, "Contacts", "IPF.Contact"},
	[MX_FLD_NOTES] = {MX_FLD_IPM, 1, "Notes", "IPF.StickyNote"},
	[MX_FLD_TASKS] = {MX_FLD_IPM, 1, "Tasks", "IPF.Task"},
	[MX_FLD_JOURNAL] = {MX_FLD_IPM, 1, "Journal", "IPF.Journal"},
};

/* Receive folders of a new mailbox.  [MS-OXCSTOR] 3.2.5.2. */
static const struct {
	const char *class;
	int folder;
} receive[] = {
	{"", MX_FLD_INBOX},
	{"IPM", MX_FLD_INBOX},
	{"REPORT.IPM", MX_FLD_INBOX},
	{"IPC", MX_FLD_ROOT},
};

static int add_folders(struct mx_db *db, int64_t now)
{
	int r = 0;

	for (int i = 0; !r && i < MX_FLD_COUNT; i++) {
		int64_t parent = standard[i].parent + 1;

		r = mx_db_do(db, SQL_FOLDER_INSERT, "iiiiittib",
			     (int64_t)(i + 1), parent, (int64_t)i,
			     (int64_t)standard[i].type, (int64_t)(i + 1),
			     standard[i].name, standard[i].class, now, "", 0);
	}
	for (size_t i = 0; !r && i < MX_ARRAY_SIZE(receive); i++)
		r = mx_db_do(db, SQL_RECEIVE_INSERT, "ti", receive[i].class,
			     (int64_t)(receive[i].folder + 1));
	return r;
}

static void db_auto(struct mx_db *db)
{
	if (db->h)
		mx_db_close(db);
}

int mx_mdb_create(const char *path, const struct mx_guid *guid, const char *vfs)
{
	MX_AUTO(db_auto) struct mx_db db = {0};
	int64_t now = (int64_t)mx_filetime_now().t;
	struct mx_guid repl;
	MX_TXN(txn);
	int r;

	r = mx_guid_random(&repl);
	if (!r)
		r = mx_db_open(&db, path, &mx_schema_mbox, true, vfs);
	if (!r)
		r = mx_txn_begin(&txn, &db);
	if (!r)
		r = mx_db_do(&db, SQL_MAILBOX_INSERT, "bbit", guid->b, 16,
			     repl.b, 16, now, mx_text_key_version());
	if (!r)
		r = add_folders(&db, now);
	for (int i = 0; !r && i < MX_FLD_COUNT; i++)
		r = mx_db_do(&db, SQL_NEW_CN, "");
	return r ? r : mx_txn_commit(&txn);
}

static int load(struct mx_mdb *db, const char **ret_key_version, char *buf,
		size_t n)
{
	MX_STMT st = NULL;
	int r = mx_db_query(&db->db, &st, SQL_MAILBOX_GET, "");

	if (r <= 0)
		return r ? r : -EUCLEAN;
	if (sqlite3_column_bytes(st, 0) != 16 ||
	    sqlite3_column_bytes(st, 1) != 16 ||
	    memcmp(sqlite3_column_blob(st, 0), db->guid.b, 16) != 0)
		return -EUCLEAN;
	memcpy(db->replguid.b, sqlite3_column_blob(st, 1), 16);
	db->created = sqlite3_column_int64(st, 2);
	snprintf(buf, n, "%s", (const char *)sqlite3_column_text(st, 3));
	*ret_key_version = buf;
	return 0;
}

static int load_specials(struct mx_mdb *db)
{
	MX_STMT st = NULL;
	int r, n = 0;

	for (r = mx_db_query(&db->db, &st, SQL_FOLDER_SPECIALS, ""); r == 1;
	     r = mx_db_step(&db->db, st)) {
		int64_t i = sqlite3_column_int64(st, 0);

		if (i < 0 || i >= MX_FLD_COUNT)
			return -EUCLEAN;
		db->fid[i] = sqlite3_column_int64(st, 1);
		n++;
	}
	return r || n == MX_FLD_COUNT ? r : -EUCLEAN;
}

/* Sort keys live in indexes only; another library's order means new ones. */
static int refresh_keys(struct mx_mdb *db, const char *version)
{
	MX_TXN(txn);
	int r;

	if (!strcmp(version, mx_text_key_version()))
		return 0;
	r = mx_txn_begin(&txn, &db->db);
	if (!r)
		r = mx_db_err(&db->db, sqlite3_exec(db->db.h, "REINDEX", NULL,
						    NULL, NULL));
	if (!r)
		r = mx_db_do(&db->db, SQL_MAILBOX_SET_KEY_VERSION, "t",
			     mx_text_key_version());
	return r ? r : mx_txn_commit(&txn);
}

/* Deliveries confirmed longer ago than this cannot be offered again. */
#define DELIVERED_KEPT_S (UINT64_C(60) * 86400)

static int housekeeping(struct mx_mdb *db)
{
	int64_t old =
		(int64_t)(mx_filetime_now().t - DELIVERED_KEPT_S * 10000000);
	int r = mx_db_do(&db->db, SQL_BLOB_SWEEP, "");

	return r ? r : mx_db_do(&db->db, SQL_DELIVERED_PURGE, "i", old);
}

int mx_mdb_open(struct mx_mdb *db, const char *path, const char *vfs)
{
	const char *version;
	char buf[64];
	int r;

	mx_mutex_init(&db->lock);
	mx_mutex_init(&db->ev_lock);
	mx_list_init(&db->ev_q);
	mx_list_init(&db->ev_txn);
	r = mx_db_open(&db->db, path, &mx_schema_mbox, false, vfs);
	if (r)
		goto out;
	r = mx_db_err(&db->db, mx_span_register(db->db.h));
	if (r) {
		mx_db_close(&db->db);
		goto out;
	}
	r = load(db, &version, buf, sizeof(buf));
	if (!r)
		r = load_specials(db);
	if (!r)
		r = refresh_keys(db, version);
	if (!r) {
		r = housekeeping(db);
		if (r == -ENOSPC)
			r = 0; /* reading goes on with a full disk */
	}
	if (r)
		mx_db_close(&db->db);
out:
	if (r) {
		mx_mutex_fini(&db->lock);
		mx_mutex_fini(&db->ev_lock);
	}
	return r;
}

void mx_mdb_close(struct mx_mdb *db)
{
	mx_fcache_free(db->folders);
	db->folders = NULL;
	mx_db_close(&db->db);
	mx_mdb_events_drop(db, &db->ev_q);
	mx_mdb_events_drop(db, &db->ev_txn);
	mx_mutex_fini(&db->lock);
	mx_mutex_fini(&db->ev_lock);
}

void mx_mdb_rest(struct mx_mdb *db)
{
	mx_fcache_free(db->folders);
	db->folders = NULL;
	mx_db_close(&db->db);
	db->db.why = -EIO; /* never seen: who takes the lock wakes it */
	db->resting = true;
}

/* Without housekeeping: what is pinned or in transit must stay. */
int mx_mdb_rouse(struct mx_mdb *db, const char *path, const char *vfs)
{
	int r = mx_db_open(&db->db, path, &mx_schema_mbox, false, vfs);

	db->db.why = r;
	db->resting = r != 0;
	return r;
}

static int new_counter(struct mx_mdb *db, int stmt, int64_t *ret)
{
	int r = mx_db_get_int(&db->db, ret, stmt, "");

	return r == 1 ? 0 : r ? r : -EUCLEAN;
}

int mx_mdb_new_id(struct mx_mdb *db, int64_t *ret)
{
	return new_counter(db, SQL_NEW_ID, ret);
}

int mx_mdb_new_cn(struct mx_mdb *db, int64_t *ret)
{
	return new_counter(db, SQL_NEW_CN, ret);
}

uint64_t mx_mdb_id(int64_t counter)
{
	return counter ? mx_id_make(MX_STORE_REPLID, (uint64_t)counter) : 0;
}

int64_t mx_mdb_counter(uint64_t id)
{
	return mx_id_replid(id) == MX_STORE_REPLID ? (int64_t)mx_id_count(id)
						   : 0;
}
