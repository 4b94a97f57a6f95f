/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of a mailbox, from the transaction that makes them to the hook.
 *
 *   raise ─► ev_txn ──commit─► ev_q ──unlock─► hook, under ev_lock only
 *               └─rollback─► dropped
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "store/mdb.h"
#include "store/sql.h"

struct node {
	struct mx_list link;
	struct mx_event ev;
	struct mx_arena copies;
};

static void node_free(struct node *n)
{
	mx_arena_fini(&n->copies);
	free(n);
}

int mx_mdb_raise(struct mx_mdb *db, const struct mx_event *ev)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->ev = *ev;
	n->ev.mailbox = db->guid.b;
	if (ev->message_class)
		n->ev.message_class =
			mx_arena_strdup(&n->copies, ev->message_class);
	if (ev->tags)
		n->ev.tags = mx_arena_dup(&n->copies, ev->tags,
					  ev->n_tags * sizeof(*ev->tags));
	if ((ev->message_class && !n->ev.message_class) ||
	    (ev->tags && !n->ev.tags)) {
		node_free(n);
		return -ENOMEM;
	}
	mx_list_push_tail(&db->ev_txn, &n->link);
	return 0;
}

void mx_mdb_touch(struct mx_mdb *db, int64_t fid, int64_t mid, bool folder)
{
	db->ring[db->change_seq++ % MX_CHANGE_RING] =
		(struct mx_change){.fid = fid, .mid = mid, .folder = folder};
}

int mx_mdb_raise_counts(struct mx_mdb *db, int64_t fid)
{
	struct mx_event ev = {
		.type = MX_EV_MODIFIED, .fid = mx_mdb_id(fid), .counts = true};

	MX_LIST_FOR_EACH(it, &db->ev_txn) {
		struct node *n = MX_CONTAINER_OF(it, struct node, link);

		if (n->ev.counts && n->ev.fid == ev.fid)
			return 0;
	}
	return mx_mdb_raise(db, &ev);
}

/* Counts as they are at the end of the transaction. */
static int fill_counts(struct mx_mdb *db)
{
	MX_LIST_FOR_EACH_SAFE(it, &db->ev_txn) {
		struct node *n = MX_CONTAINER_OF(it, struct node, link);
		MX_STMT st = NULL;
		int r;

		if (!n->ev.counts)
			continue;
		r = mx_db_query(&db->db, &st, SQL_FOLDER_COUNTS, "i",
				mx_mdb_counter(n->ev.fid));
		if (r < 0)
			return r;
		if (!r) { /* the folder went in the same transaction */
			mx_list_unlink(it);
			node_free(n);
			continue;
		}
		n->ev.total = (uint32_t)sqlite3_column_int64(st, 0);
		n->ev.unread = (uint32_t)sqlite3_column_int64(st, 1);
		n->ev.parent_fid = mx_mdb_id(sqlite3_column_int64(st, 4));
		mx_mdb_touch(db, sqlite3_column_int64(st, 4),
			     mx_mdb_counter(n->ev.fid), true);
	}
	return 0;
}

void mx_mdb_events_drop(struct mx_mdb *db, struct mx_list *q)
{
	struct mx_list *it;

	while ((it = mx_list_pop(q)))
		node_free(MX_CONTAINER_OF(it, struct node, link));
}

int mx_mtxn_begin(struct mx_mtxn *t, struct mx_mdb *db)
{
	int r = mx_txn_begin(&t->txn, &db->db);

	if (!r)
		t->db = db;
	return r;
}

int mx_mtxn_commit(struct mx_mtxn *t)
{
	struct mx_mdb *db = t->db;
	bool outer = db->db.depth == 1;
	struct mx_list *it;
	int r = outer ? fill_counts(db) : 0;

	if (!r)
		r = mx_txn_commit(&t->txn);
	if (r)
		return r;
	t->db = NULL;
	while (outer && (it = mx_list_pop(&db->ev_txn)))
		mx_list_push_tail(&db->ev_q, it);
	return 0;
}

void mx_mtxn_auto(struct mx_mtxn *t)
{
	struct mx_mdb *db = t->db;

	mx_txn_auto(&t->txn);
	if (db && !db->db.depth)
		mx_mdb_events_drop(db, &db->ev_txn);
}

/* What mx_mbox_try took: for this thread it is locked already. */
static _Thread_local struct mx_mdb *kept;

void mx_mdb_lock(struct mx_mdb *db) MX_NO_LOCK_ANALYSIS
{
	if (kept == db)
		return;
	mx_mutex_lock(&db->lock);
	db->used = true;
	if (db->resting)
		mx_mdb_wake(db);
}

/* The hand-over of locks keeps events in the order of their commits. */
void mx_mdb_unlock(struct mx_mdb *db) MX_NO_LOCK_ANALYSIS
{
	struct mx_list q, *it;

	if (kept == db)
		return;
	if (mx_list_empty(&db->ev_q)) {
		mx_mutex_unlock(&db->lock);
		return;
	}
	mx_list_init(&q);
	mx_mutex_lock(&db->ev_lock);
	while ((it = mx_list_pop(&db->ev_q)))
		mx_list_push_tail(&q, it);
	mx_mutex_unlock(&db->lock);
	while ((it = mx_list_pop(&q))) {
		struct node *n = MX_CONTAINER_OF(it, struct node, link);

		n->ev.seq = ++db->ev_seq;
		mx_store_hook(db->st, &n->ev);
		node_free(n);
	}
	mx_mutex_unlock(&db->ev_lock);
}

bool mx_mbox_try(struct mx_mbox *mb) MX_NO_LOCK_ANALYSIS
{
	assert(!kept);
	if (!mx_mutex_try(&mb->db->lock))
		return false;
	if (mb->db->resting) { /* waking it may take long */
		mx_mutex_unlock(&mb->db->lock);
		return false;
	}
	mb->db->used = true;
	kept = mb->db;
	return true;
}

void mx_mbox_done(struct mx_mbox *mb) MX_NO_LOCK_ANALYSIS
{
	assert(kept == mb->db);
	kept = NULL;
	mx_mdb_unlock(mb->db);
}

bool mx_mbox_same(const struct mx_mbox *a, const struct mx_mbox *b)
{
	return a->db == b->db;
}
