/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "store/text.h"

int mx_db_err(struct mx_db *db, int rc)
{
	if (!db->h && db->why)
		return db->why;
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_TOOBIG:
		return -EFBIG;
	case SQLITE_INTERRUPT:
		return -ECANCELED;
	case SQLITE_CONSTRAINT:
		return -EEXIST; /* a unique index: the caller knows which */
	case SQLITE_IOERR:
		if (db->h && sqlite3_system_errno(db->h) == ENOSPC)
			return -ENOSPC;
		break;
	case SQLITE_CANTOPEN:
		if (db->h && sqlite3_system_errno(db->h) == ENOENT)
			return -ENOENT;
		break;
	default:
		break;
	}
	mx_log(MX_LOG_ERROR, "store", "%s: %s (SQLite %d)",
	       db->h ? sqlite3_db_filename(db->h, "main") : "?",
	       db->h ? sqlite3_errmsg(db->h) : sqlite3_errstr(rc), rc);
	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return -EUCLEAN;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return -EIO;
	default:
		return -EINVAL;
	}
}

static int exec(struct mx_db *db, const char *sql)
{
	return mx_db_err(db, sqlite3_exec(db->h, sql, NULL, NULL, NULL));
}

/* The value of a pragma or other query of one integer. */
static int ask(struct mx_db *db, const char *sql, int64_t *ret)
{
	MX_AUTO(mx_stmt_final_auto) sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->h, sql, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? -EINVAL : mx_db_err(db, rc);
	*ret = sqlite3_column_int64(st, 0);
	return 0;
}

static int migrate(struct mx_db *db, bool fresh)
{
	const struct mx_schema *s = db->schema;
	int64_t id, version, last;
	MX_TXN(txn);
	char pragma[64];
	int r;

	r = mx_txn_begin(&txn, db);
	if (!r)
		r = ask(db, "PRAGMA application_id", &id);
	if (!r)
		r = ask(db, "PRAGMA user_version", &version);
	if (r)
		return r;
	last = version;
	if ((version && id != s->application_id) || version > s->n_steps ||
	    (!version && !fresh)) {
		mx_log(MX_LOG_ERROR, "store",
		       "%s: not ours, or of a newer version (%lld, we know "
		       "%d)",
		       sqlite3_db_filename(db->h, "main"), (long long)version,
		       s->n_steps);
		return -EUCLEAN;
	}
	for (; !r && version < s->n_steps; version++)
		r = exec(db, s->steps[version].sql);
	if (r || version == last)
		return r;
	/* Pragmas take no parameters; both values are our own numbers. */
	snprintf(pragma, sizeof(pragma), "PRAGMA application_id = %u",
		 s->application_id);
	r = exec(db, pragma);
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d",
		 (int)version);
	if (!r)
		r = exec(db, pragma);
	return r ? r : mx_txn_commit(&txn);
}

/* An empty file is one whose making a crash cut short: it starts anew. */
static int is_fresh(struct mx_db *db, bool *ret)
{
	int64_t n;
	int r = ask(db, "SELECT count(*) FROM sqlite_schema", &n);

	if (!r)
		*ret = n == 0;
	return r;
}

int mx_db_open(struct mx_db *db, const char *path, const struct mx_schema *s,
	       bool create, const char *vfs)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_EXRESCODE | (create ? SQLITE_OPEN_CREATE : 0);
	bool fresh = false;
	int r;

	*db = (struct mx_db){.schema = s};
	db->st = calloc((size_t)s->n_sql, sizeof(*db->st));
	if (!db->st)
		return -ENOMEM;
	r = mx_db_err(db, sqlite3_open_v2(path, &db->h, flags, vfs));
	if (!r) {
		sqlite3_busy_timeout(db->h, 2000);
		sqlite3_db_config(db->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_db_config(db->h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 1,
				  NULL);
		r = mx_text_register(db->h);
	}
	if (!r)
		r = exec(db, "PRAGMA journal_mode = WAL;"
			     "PRAGMA synchronous = FULL;"
			     "PRAGMA foreign_keys = OFF;"
			     "PRAGMA temp_store = MEMORY;"
			     "PRAGMA cache_size = -8192;"
			     "PRAGMA wal_autocheckpoint = 1000;"
			     "PRAGMA journal_size_limit = 16777216");
	if (!r)
		r = is_fresh(db, &fresh);
	if (!r)
		r = migrate(db, create || fresh);
	if (r)
		mx_db_close(db);
	return r;
}

void mx_db_close(struct mx_db *db)
{
	for (int i = 0; db->st && i < db->schema->n_sql; i++)
		sqlite3_finalize(db->st[i]);
	free(db->st);
	sqlite3_close_v2(db->h);
	db->st = NULL;
	db->h = NULL;
}

sqlite3_stmt *mx_db_stmt(struct mx_db *db, int n, int *ret_err)
{
	sqlite3_stmt **st;
	int rc;

	if (!db->h) {
		*ret_err = db->why;
		return NULL;
	}
	st = &db->st[n];
	if (*st)
		return *st;
	rc = sqlite3_prepare_v3(db->h, db->schema->sql[n], -1,
				SQLITE_PREPARE_PERSISTENT, st, NULL);
	*ret_err = mx_db_err(db, rc);
	return *st;
}

uint64_t mx_db_stamp(const struct mx_db *db)
{
	return (uint64_t)db->n_rollbacks << 32 |
	       (uint32_t)(db->h ? sqlite3_total_changes(db->h) : 0);
}

int mx_db_step(struct mx_db *db, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : mx_db_err(db, rc);
}

int mx_db_run(struct mx_db *db, sqlite3_stmt *st)
{
	int r = mx_db_step(db, st);

	return r > 0 ? 0 : r;
}

static int bind(struct mx_db *db, sqlite3_stmt *st, const char *types,
		va_list ap)
{
	int rc = SQLITE_OK;

	for (int i = 1; *types && rc == SQLITE_OK; i++, types++) {
		const void *p;

		switch (*types) {
		case 'i':
			rc = sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
			break;
		case 't':
			rc = sqlite3_bind_text(st, i, va_arg(ap, const char *),
					       -1, SQLITE_STATIC);
			break;
		case 'b':
			p = va_arg(ap, const void *);
			rc = sqlite3_bind_blob(st, i, p, va_arg(ap, int),
					       SQLITE_STATIC);
			break;
		default:
			return -EINVAL;
		}
	}
	return mx_db_err(db, rc);
}

static int vquery(struct mx_db *db, sqlite3_stmt **ret, int n,
		  const char *types, va_list ap)
{
	int r = 0;
	sqlite3_stmt *st = mx_db_stmt(db, n, &r);

	if (!st)
		return r;
	*ret = st;
	r = bind(db, st, types, ap);
	return r ? r : mx_db_step(db, st);
}

int mx_db_query(struct mx_db *db, sqlite3_stmt **ret, int n, const char *types,
		...)
{
	va_list ap;
	int r;

	va_start(ap, types);
	r = vquery(db, ret, n, types, ap);
	va_end(ap);
	return r;
}

int mx_db_do(struct mx_db *db, int n, const char *types, ...)
{
	MX_STMT st = NULL;
	va_list ap;
	int r;

	va_start(ap, types);
	r = vquery(db, &st, n, types, ap);
	va_end(ap);
	return r > 0 ? 0 : r;
}

int mx_db_get_int(struct mx_db *db, int64_t *ret, int n, const char *types, ...)
{
	MX_STMT st = NULL;
	va_list ap;
	int r;

	va_start(ap, types);
	r = vquery(db, &st, n, types, ap);
	va_end(ap);
	if (r > 0)
		*ret = sqlite3_column_int64(st, 0);
	return r;
}

static int txn_begin(struct mx_txn *t, struct mx_db *db, const char *sql)
{
	int r = db->depth ? 0 : exec(db, sql);

	if (r)
		return r;
	if (!db->depth++)
		db->failed = false;
	t->db = db;
	return 0;
}

int mx_txn_begin(struct mx_txn *t, struct mx_db *db)
{
	return txn_begin(t, db, "BEGIN IMMEDIATE");
}

int mx_txn_begin_read(struct mx_txn *t, struct mx_db *db)
{
	return txn_begin(t, db, "BEGIN");
}

int mx_txn_commit(struct mx_txn *t)
{
	struct mx_db *db = t->db;
	int r = 0;

	if (db->depth > 1) {
		db->depth--;
		t->db = NULL;
		return 0;
	}
	if (db->failed)
		return -ECANCELED; /* the hook rolls back */
	r = exec(db, "COMMIT");
	if (r)
		return r;
	db->depth = 0;
	t->db = NULL;
	return 0;
}

void mx_txn_auto(struct mx_txn *t)
{
	struct mx_db *db = t->db;

	if (!db)
		return;
	t->db = NULL;
	if (--db->depth) {
		db->failed = true;
		return;
	}
	db->n_rollbacks++;
	/* After some errors SQLite has rolled back by itself. */
	if (!sqlite3_get_autocommit(db->h))
		sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
}
