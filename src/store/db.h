/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thin layer over SQLite: one connection with its prepared statements, errors
 * as errno, transactions that roll back unless committed, numbered migrations.
 *
 * A connection is used under its owner's lock.  Every statement's text stands
 * whole in sql-mbox.c or sql-users.c and is prepared on first use; only the
 * table query builder (tbl-sql.c) composes text, of fixed fragments, and binds
 * every value.
 */
#ifndef MX_STORE_DB_H
#define MX_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"

/* One step of a schema's history; never edited once released. */
struct mx_migration {
	const char *sql;
};

struct mx_schema {
	uint32_t application_id; /* PRAGMA application_id: "MXmb", "MXus" */
	const struct mx_migration *steps; /* step i leads to user_version i+1 */
	int n_steps;
	const char *const *sql; /* statements by number */
	int n_sql;
};

struct mx_db {
	sqlite3 *h;
	int why; /* h is NULL: what every statement gives */
	const struct mx_schema *schema;
	sqlite3_stmt **st; /* n_sql of them, prepared on first use */
	int depth;         /* of nested mx_txn */
	bool failed;       /* an inner mx_txn was not committed */
	uint32_t n_rollbacks;
};

/*
 * Opens path (creates it when `create`), checks that it is ours and not newer,
 * migrates.  vfs may be NULL.  0; -ENOENT; -EUCLEAN damaged, foreign or of a
 * newer version; -EBUSY; -ENOSPC; -EACCES …  The reason is logged.
 */
int mx_db_open(struct mx_db *db, const char *path, const struct mx_schema *s,
	       bool create, const char *vfs);
void mx_db_close(struct mx_db *db);

/* errno for an SQLite result code, logged when it tells of damage. */
int mx_db_err(struct mx_db *db, int rc);

/* Statement `n`, reset and without bindings; NULL with *ret_err. */
sqlite3_stmt *mx_db_stmt(struct mx_db *db, int n, int *ret_err);

/* A number that changes with every row this connection writes, and when what it
 * wrote is taken back.  It tells nothing of other connections. */
uint64_t mx_db_stamp(const struct mx_db *db);

/* Cleanup hook: resets, so that no read transaction stays open. */
static inline void mx_stmt_reset_auto(sqlite3_stmt **st)
{
	if (*st) {
		sqlite3_reset(*st);
		sqlite3_clear_bindings(*st);
	}
}
static inline void mx_stmt_final_auto(sqlite3_stmt **st)
{
	sqlite3_finalize(*st);
}
#define MX_STMT MX_AUTO(mx_stmt_reset_auto) sqlite3_stmt *

/* Steps: 1 a row, 0 done, negative errno. */
int mx_db_step(struct mx_db *db, sqlite3_stmt *st);
/* Steps a statement that gives no row: 0 or errno. */
int mx_db_run(struct mx_db *db, sqlite3_stmt *st);
/* Prepares, binds (i int64, t text or NULL, b blob: ptr, int size) and runs. */
int mx_db_do(struct mx_db *db, int n, const char *types, ...);
/* The same for a query of one integer: 1 with *ret set, 0 no row, errno. */
int mx_db_get_int(struct mx_db *db, int64_t *ret, int n, const char *types,
		  ...);
/* The same, returning the statement stepped to its first row: 1, 0, errno;
 * the caller resets *ret (MX_STMT) also after 0. */
int mx_db_query(struct mx_db *db, sqlite3_stmt **ret, int n, const char *types,
		...);

/* A transaction: rolls back when it leaves scope unless committed.  Nests: an
 * inner one that was not committed makes the outer one fail. */
struct mx_txn {
	struct mx_db *db;
};
#define MX_TXN(name) MX_AUTO(mx_txn_auto) struct mx_txn name = {NULL}
int mx_txn_begin(struct mx_txn *t, struct mx_db *db);      /* to write */
int mx_txn_begin_read(struct mx_txn *t, struct mx_db *db); /* a snapshot */
int mx_txn_commit(struct mx_txn *t);
void mx_txn_auto(struct mx_txn *t);

#endif
