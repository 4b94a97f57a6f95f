/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Emptying outq: offering each message in transit to its recipient; see
 * submit.h.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/dir-private.h"
#include "store/folder-private.h"
#include "store/sql.h"
#include "store/submit.h"

#define MAX_ATTEMPTS 12
#define FILETIME_MS INT64_C(10000)
#define LONGEST_MS INT64_C(3600000)

/* A row of outq. */
struct item {
	int64_t id, msg, recip, attempts;
	uint8_t token[16];
	struct mx_guid mailbox;
	bool known;
	const char *address, *reason;
	struct mx_namemap names;
	struct mx_msg *m;
};

static int read_item(sqlite3_stmt *st, struct mx_arena *a, struct item *it)
{
	const char *reason = (const char *)sqlite3_column_text(st, 7);

	it->id = sqlite3_column_int64(st, 0);
	it->msg = sqlite3_column_int64(st, 1);
	if (sqlite3_column_bytes(st, 2) != sizeof(it->token))
		return -EUCLEAN;
	memcpy(it->token, sqlite3_column_blob(st, 2), sizeof(it->token));
	it->address =
		mx_arena_strdup(a, (const char *)sqlite3_column_text(st, 3));
	it->recip = sqlite3_column_int64(st, 4);
	it->known = sqlite3_column_bytes(st, 5) == 16;
	if (it->known)
		memcpy(it->mailbox.b, sqlite3_column_blob(st, 5), 16);
	it->attempts = sqlite3_column_int64(st, 6);
	it->reason = mx_arena_strdup(a, reason ? reason : "");
	return it->address && it->reason ? 0 : -ENOMEM;
}

/* The next row after `last` that is due, with its message: 1; 0 none. */
static int next_item(struct mx_mdb *db, int64_t last, struct mx_arena *a,
		     struct item *it)
{
	int r;

	{
		MX_STMT st = NULL;

		r = mx_db_query(&db->db, &st, SQL_OUTQ_NEXT, "ii", last,
				(int64_t)mx_filetime_now().t);
		if (r == 1)
			r = read_item(st, a, it);
		else
			return r;
	}
	if (!r)
		r = mx_msg_load_parts(db, it->msg, 0, &it->m);
	if (!r)
		r = mx_msg_detach(it->m, mx_store_dir(db->st));
	if (!r)
		r = mx_names_collect(db, it->m, a, &it->names);
	return r ? r : 1;
}

/* ---- At the recipient ---- */

static int deliver_in(struct mx_mdb *to, struct item *it,
		      const struct mx_user *u)
{
	int64_t there;
	MX_MTXN(txn);
	int r = mx_mtxn_begin(&txn, to);

	if (!r)
		r = mx_db_get_int(&to->db, &there, SQL_DELIVERED_GET, "b",
				  it->token, (int)sizeof(it->token));
	if (r)
		return r == 1 ? 0 : r; /* it arrived before */
	r = mx_names_apply(to, it->m, &it->names);
	if (!r)
		r = mx_deliver(to, it->m, u, it->recip);
	if (!r)
		r = mx_db_do(&to->db, SQL_DELIVERED_PUT, "bi", it->token,
			     (int)sizeof(it->token),
			     (int64_t)mx_filetime_now().t);
	return r ? r : mx_mtxn_commit(&txn);
}

static int deliver_to(struct mx_store *st, struct item *it)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_mdb *to;
	struct mx_user u;
	int r = mx_dir_by_mailbox(st, it->mailbox.b, &a, &u);

	if (!r)
		r = mx_mdb_get(st, &it->mailbox, &to);
	if (r)
		return r;
	mx_mdb_lock(to);
	r = deliver_in(to, it, &u);
	mx_mdb_unlock(to);
	mx_mdb_put(to);
	return r;
}

/* ---- Back at the sender ---- */

/* Takes the row away, and with the last the message.  Another thread may have
 * done so; then there is nothing to report either. */
static int finish(struct mx_mdb *db, struct item *it, const char *ndr)
{
	int64_t left;
	MX_MTXN(txn);
	int r = mx_mtxn_begin(&txn, db);

	if (!r)
		r = mx_db_do(&db->db, SQL_OUTQ_DELETE, "i", it->id);
	if (r || !sqlite3_changes(db->db.h))
		return r;
	if (ndr)
		r = mx_report_ndr(db, it->m, it->recip, it->address, ndr);
	if (!r)
		r = mx_db_get_int(&db->db, &left, SQL_OUTQ_OF_MSG, "i",
				  it->msg);
	if (r == 1)
		r = left ? 0 : mx_msg_erase_parts(db, it->msg, 0);
	return r ? r : mx_mtxn_commit(&txn);
}

/* 20 s, 40 s … an hour: a full disk may be empty tomorrow. */
static int64_t wait_until(const struct mx_store *st, int64_t attempts)
{
	int64_t ms = (int64_t)mx_store_retry_ms(st)
		     << (attempts < 8 ? attempts : 8);

	return (int64_t)mx_filetime_now().t +
	       (ms < LONGEST_MS ? ms : LONGEST_MS) * FILETIME_MS;
}

static int settle(struct mx_mdb *db, struct item *it, int result)
{
	if (!result)
		return finish(db, it, NULL);
	if (result > 0)
		return finish(db, it, mx_store_strerror(result));
	mx_log(MX_LOG_WARN, "store", "delivery to %s: %s (attempt %lld)",
	       it->address, mx_store_strerror(result),
	       (long long)it->attempts + 1);
	if (it->attempts + 1 >= MAX_ATTEMPTS)
		return finish(db, it, mx_store_strerror(result));
	return mx_db_do(&db->db, SQL_OUTQ_RETRY, "iit", it->id,
			wait_until(db->st, it->attempts),
			mx_store_strerror(result));
}

int mx_submit_pump(struct mx_mdb *db)
{
	int64_t last = 0;
	int r, result;

	do {
		MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
		struct item it = {0};

		mx_mdb_lock(db);
		r = next_item(db, last, &a, &it);
		mx_mdb_unlock(db);
		if (r == 1) {
			last = it.id;
			result = it.known ? deliver_to(db->st, &it) : 0;
			mx_mdb_lock(db);
			r = it.known ? settle(db, &it, result)
				     : finish(db, &it, it.reason);
			r = r ? r : 1;
			mx_mdb_unlock(db);
		}
		mx_msg_free(it.m); /* detached: no mailbox is touched */
	} while (r == 1);
	return r;
}

static int resume_one(struct mx_store *st, const struct mx_guid *guid)
{
	struct mx_mdb *db;
	int r = mx_mdb_get(st, guid, &db);

	if (r == MX_ANS_UNKNOWN_USER)
		return mx_dir_mark_sending(st, guid, false);
	if (r)
		return r;
	/* Marked anew: since the list was read the mark may have been taken
	 * away with the last message, and what is queued now counts on it. */
	mx_mdb_lock(db);
	r = mx_submit_mark(db);
	mx_mdb_unlock(db);
	if (!r)
		r = mx_submit_pump(db);
	mx_mdb_put(db);
	return r;
}

int mx_submit_resume(struct mx_store *st)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_guid *list;
	size_t n;
	int r = mx_dir_list_sending(st, &a, &list, &n);

	for (size_t i = 0; !r && i < n; i++) {
		char text[MX_GUID_STRLEN + 1];
		int one = resume_one(st, &list[i]);

		/* One damaged mailbox does not keep the store closed. */
		mx_guid_format(&list[i], text);
		if (one)
			mx_log(MX_LOG_ERROR, "store",
			       "mailbox %s: cannot send what it queued: %s",
			       text, mx_store_strerror(one));
		r = one == -ENOMEM ? one : 0;
	}
	return r;
}

int mx_store_deliver(struct mx_store *st)
{
	return mx_submit_resume(st);
}
