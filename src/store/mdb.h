/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One open mailbox database, shared by all views (mx_mbox) of it.
 *
 *   lock     the connection and everything below marked (l); held for one call
 *            of the public interface
 *   ev_lock  taken before lock is let go when events wait, so that hooks hear
 *            them in order; nothing is locked inside it
 *
 * The cache in store.c holds a use count; an unused mailbox stays open until its
 * place is needed.  One that has views and is not at work gives its connection
 * away for others too; the next lock opens it again.
 */
#ifndef MX_STORE_MDB_H
#define MX_STORE_MDB_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/lock.h"
#include "store/db.h"
#include "store/mbox.h"
#include "store/store.h"
#include "wire/types.h"

struct mx_fcache; /* folder-cache.c */
struct mx_pin;    /* bytes.c */

#define MX_PIN_BUCKETS 64
/* Changes remembered for tables; one that missed more starts anew. */
#define MX_CHANGE_RING 512

/* A change to a message or folder: what tables look at. */
struct mx_change {
	int64_t fid; /* contents of which folder; for a folder: its parent */
	int64_t mid; /* message, or folder itself when `folder` */
	bool folder;
};

struct mx_mdb {
	struct mx_store *st;
	struct mx_list link; /* in the store's list, by last use */
	unsigned uses;       /* under the store's lock */
	enum { MX_MDB_OPENING, MX_MDB_OPEN, MX_MDB_CLOSING } state; /* same */
	bool removed;             /* same: unlink the file when it closes */
	struct mx_list conn_link; /* same: in the list of those connected */
	struct mx_guid guid;

	struct mx_mutex lock;
	bool resting;     /* (l) views there are, a connection there is not */
	bool used;        /* (l) since the cache last looked */
	unsigned n_plans; /* (l) statements of tables on the connection */
	struct mx_db db;
	struct mx_guid replguid;
	int64_t fid[MX_FLD_COUNT]; /* counters, constant */
	int64_t created;
	struct mx_pin *pins[MX_PIN_BUCKETS]; /* (l) */
	struct mx_fcache *folders;           /* (l) folder-cache.c */
	bool send_marked; /* (l) users.db knows we have things to send */

	/* Change feed: (l). seq of the next entry; entry s is ring[s % N]. */
	uint64_t change_seq;
	struct mx_change ring[MX_CHANGE_RING];

	struct mx_mutex ev_lock;
	uint64_t ev_seq;       /* under ev_lock */
	struct mx_list ev_q;   /* (l) raised, not yet delivered */
	struct mx_list ev_txn; /* (l) raised in the open transaction */
};

/* A view. */
struct mx_mbox {
	struct mx_mdb *db;
	struct mx_mbox_info info;
	uint32_t codepage, lcid;
	uint32_t user;
	char *user_dn, *user_display, *user_smtp; /* who acts */
	char *owner_dn, *owner_display, *owner_smtp;
	bool may_write;
};

/* store.c */
int mx_mdb_get(struct mx_store *st, const struct mx_guid *guid,
	       struct mx_mdb **ret);
void mx_mdb_put(struct mx_mdb *db);
const char *mx_store_dir(const struct mx_store *st);
const char *mx_store_org(const struct mx_store *st);
const char *mx_store_vfs(const struct mx_store *st);
unsigned mx_store_retry_ms(const struct mx_store *st);
unsigned mx_store_hash_cost(const struct mx_store *st);
struct mx_dir *mx_store_users(struct mx_store *st);
void mx_store_hook(struct mx_store *st, const struct mx_event *ev);
/* Connects a resting mailbox, waiting at most 10 s for a place; when that fails
 * db->db.why says so to every statement.  Under its lock. */
void mx_mdb_wake(struct mx_mdb *db) MX_HOLDS(&db->lock);
/* The file of a mailbox, into buf. */
void mx_store_path(const struct mx_store *st, const struct mx_guid *guid,
		   char *buf, size_t n);
/* Forgets a mailbox and deletes its file, at once or with its last user. */
void mx_mdb_remove(struct mx_store *st, const struct mx_guid *guid);

/* mdb.c: the database itself. */
int mx_mdb_create(const char *path, const struct mx_guid *guid,
		  const char *vfs);
int mx_mdb_open(struct mx_mdb *db, const char *path, const char *vfs);
void mx_mdb_close(struct mx_mdb *db);
/* Closes the connection and nothing else, and opens it again; under the lock.
 * Errors of mx_db_open. */
void mx_mdb_rest(struct mx_mdb *db) MX_HOLDS(&db->lock);
int mx_mdb_rouse(struct mx_mdb *db, const char *path, const char *vfs)
	MX_HOLDS(&db->lock);

void mx_fcache_free(struct mx_fcache *c); /* NULL is fine */

/* Takes and lets go of the mailbox; letting go delivers events. */
void mx_mdb_lock(struct mx_mdb *db) MX_ACQUIRES(&db->lock);
void mx_mdb_unlock(struct mx_mdb *db) MX_RELEASES(&db->lock);

/* New counters; in a write transaction. */
int mx_mdb_new_id(struct mx_mdb *db, int64_t *ret);
int mx_mdb_new_cn(struct mx_mdb *db, int64_t *ret);

/* Between counters (inside) and ids (outside) of our replica; 0 for another's. */
uint64_t mx_mdb_id(int64_t counter);
int64_t mx_mdb_counter(uint64_t id);

/* A transaction with its events: they are queued by commit, dropped by
 * rollback.  MX_MTXN(name) in place of MX_TXN. */
struct mx_mtxn {
	struct mx_mdb *db;
	struct mx_txn txn;
};
#define MX_MTXN(name) MX_AUTO(mx_mtxn_auto) struct mx_mtxn name = {NULL, {NULL}}
int mx_mtxn_begin(struct mx_mtxn *t, struct mx_mdb *db);
int mx_mtxn_commit(struct mx_mtxn *t);
void mx_mtxn_auto(struct mx_mtxn *t);

/* event.c: raising, inside a transaction.  Strings and tags are copied.  The
 * ids of ev are set by the caller; mailbox and seq here. */
int mx_mdb_raise(struct mx_mdb *db, const struct mx_event *ev);
/* Notes for tables that a row changed. */
void mx_mdb_touch(struct mx_mdb *db, int64_t fid, int64_t mid, bool folder);
/* Folder modified with its counts; once per transaction and folder. */
int mx_mdb_raise_counts(struct mx_mdb *db, int64_t fid);
void mx_mdb_events_drop(struct mx_mdb *db, struct mx_list *q);
void mx_mdb_events_deliver(struct mx_mdb *db);

#endif
