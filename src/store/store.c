/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: its directory, and the cache of open mailboxes.
 *
 *   absent ─► OPENING ─► OPEN ◄─► (in use) ─► CLOSING ─► absent
 *                └─ failed: absent
 *
 * Databases are opened and closed without the cache's lock; who wants one that
 * is opening or closing waits for it.
 *
 * What is limited are connections.  One that is in use (somebody is logged on)
 * but not at work may lose its own and rest; the next call on it, which finds
 * that under its lock, connects it again.  The connected ones are in a list that
 * a clock's hand goes through: used since it last came by, spared once.
 */
#include "store/store.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/log.h"
#include "store/dir-private.h"
#include "store/mdb.h"
#include "store/submit.h"

#define DEFAULT_OPEN 256
#define BUCKETS 1024
#define WAIT_MS 10000

struct mx_store {
	char *dir, *org, *vfs;
	int lock_fd;
	struct mx_dir *users;
	mx_event_fn *on_event;
	void *event_arg;
	unsigned max_open, retry_ms, hash_cost;

	struct mx_mutex lock;
	struct mx_cond changed;
	struct mx_list open[BUCKETS]; /* under lock, by their random GUID */
	struct mx_list conns;         /* under lock: of them, those connected */
	unsigned n_conns;             /* under lock */
};

const char *mx_store_dir(const struct mx_store *st)
{
	return st->dir;
}

const char *mx_store_org(const struct mx_store *st)
{
	return st->org;
}

unsigned mx_store_retry_ms(const struct mx_store *st)
{
	return st->retry_ms;
}

const char *mx_store_vfs(const struct mx_store *st)
{
	return st->vfs;
}

unsigned mx_store_hash_cost(const struct mx_store *st)
{
	return st->hash_cost;
}

struct mx_dir *mx_store_users(struct mx_store *st)
{
	return st->users;
}

void mx_store_hook(struct mx_store *st, const struct mx_event *ev)
{
	if (st->on_event)
		st->on_event(st->event_arg, ev);
}

void mx_store_path(const struct mx_store *st, const struct mx_guid *guid,
		   char *buf, size_t n)
{
	char text[MX_GUID_STRLEN + 1];

	mx_guid_format(guid, text);
	snprintf(buf, n, "%s/mailboxes/%s.db", st->dir, text);
}

static void unlink_db(const char *path)
{
	char side[4096 + 8];

	unlink(path);
	snprintf(side, sizeof(side), "%s-wal", path);
	unlink(side);
	snprintf(side, sizeof(side), "%s-shm", path);
	unlink(side);
}

/* ---- The cache ---- */

static struct mx_list *bucket_of(struct mx_store *st,
				 const struct mx_guid *guid)
{
	return &st->open[(guid->b[0] | guid->b[1] << 8) % BUCKETS];
}

static struct mx_mdb *find(struct mx_store *st, const struct mx_guid *guid)
	MX_HOLDS(&st->lock)
{
	MX_LIST_FOR_EACH(it, bucket_of(st, guid)) {
		struct mx_mdb *db = MX_CONTAINER_OF(it, struct mx_mdb, link);

		if (mx_guid_equal(&db->guid, guid))
			return db;
	}
	return NULL;
}

static void connected(struct mx_store *st, struct mx_mdb *db)
	MX_HOLDS(&st->lock)
{
	mx_list_push_tail(&st->conns, &db->conn_link);
	st->n_conns++;
}

static void disconnected(struct mx_store *st, struct mx_mdb *db)
	MX_HOLDS(&st->lock)
{
	if (mx_list_empty(&db->conn_link))
		return;
	mx_list_unlink(&db->conn_link);
	st->n_conns--;
	mx_cond_broadcast(&st->changed);
}

static void forget(struct mx_store *st, struct mx_mdb *db) MX_HOLDS(&st->lock)
{
	mx_list_unlink(&db->link);
	disconnected(st, db);
	mx_cond_broadcast(&st->changed);
}

/* Closes a mailbox nobody uses; the lock is let go meanwhile. */
static void evict(struct mx_store *st, struct mx_mdb *db) MX_HOLDS(&st->lock)
{
	char path[4096];

	db->state = MX_MDB_CLOSING;
	mx_mutex_unlock(&st->lock);
	mx_submit_unmark(db);
	mx_mdb_close(db);
	if (db->removed) {
		mx_store_path(st, &db->guid, path, sizeof(path));
		unlink_db(path);
	}
	mx_mutex_lock(&st->lock);
	forget(st, db);
	free(db);
}

static void put_locked(struct mx_store *st, struct mx_mdb *db)
	MX_HOLDS(&st->lock)
{
	if (--db->uses)
		return;
	mx_cond_broadcast(&st->changed);
	/* One that rests keeps no place, so nothing would ever evict it. */
	if (db->removed || mx_list_empty(&db->conn_link))
		evict(st, db);
}

/* Takes the connection of one that is in use; the lock is let go meanwhile.
 * False: it is at work, or was just now. */
static bool put_to_rest(struct mx_store *st,
			struct mx_mdb *db) MX_NO_LOCK_ANALYSIS
{
	if (!mx_mutex_try(&db->lock))
		return false;
	if (db->used || db->n_plans || db->send_marked || db->resting ||
	    !mx_list_empty(&db->ev_q)) {
		db->used = false;
		mx_mutex_unlock(&db->lock);
		return false;
	}
	db->uses++;
	mx_mutex_unlock(&st->lock);
	mx_mdb_rest(db);
	mx_mutex_lock(&st->lock);
	disconnected(st, db);
	mx_mutex_unlock(&db->lock);
	put_locked(st, db);
	return true;
}

/* Makes a place among the connections.  True: look again. */
static bool make_room(struct mx_store *st) MX_HOLDS(&st->lock)
{
	/* Twice round: the first time takes "used" away. */
	for (unsigned i = 2 * st->n_conns; i; i--) {
		struct mx_mdb *db = MX_CONTAINER_OF(st->conns.next,
						    struct mx_mdb, conn_link);

		mx_list_unlink(&db->conn_link);
		mx_list_push_tail(&st->conns, &db->conn_link);
		if (db->state != MX_MDB_OPEN)
			continue;
		if (!db->uses) {
			evict(st, db);
			return true;
		}
		if (put_to_rest(st, db))
			return true;
	}
	return false;
}

/* 0: there is a place; 1: look again, the lock was let go; -ENFILE. */
static int want_room(struct mx_store *st, mx_mono deadline) MX_HOLDS(&st->lock)
{
	if (st->n_conns < st->max_open)
		return 0;
	if (make_room(st))
		return 1;
	return mx_cond_wait(&st->changed, &st->lock, deadline) ? -ENFILE : 1;
}

void mx_mdb_wake(struct mx_mdb *db) MX_NO_LOCK_ANALYSIS
{
	const mx_mono deadline = mx_mono_in_ms(WAIT_MS);
	struct mx_store *st = db->st;
	char path[4096];
	int r;

	mx_mutex_lock(&st->lock);
	do {
		r = want_room(st, deadline);
	} while (r == 1);
	if (!r)
		connected(st, db);
	mx_mutex_unlock(&st->lock);
	if (r) {
		db->db.why = r;
		return;
	}
	mx_store_path(st, &db->guid, path, sizeof(path));
	r = mx_mdb_rouse(db, path, st->vfs);
	if (!r)
		return;
	mx_mutex_lock(&st->lock);
	disconnected(st, db);
	mx_mutex_unlock(&st->lock);
}

/* One step on the way to *ret: 1 to look again, 0 found, errno. */
static int try_get(struct mx_store *st, const struct mx_guid *guid,
		   mx_mono deadline, struct mx_mdb **ret) MX_HOLDS(&st->lock)
{
	struct mx_mdb *db = find(st, guid);
	char path[4096];
	int r;

	if (db && db->state == MX_MDB_OPEN) {
		if (db->removed)
			return MX_ANS_UNKNOWN_USER + 1;
		db->uses++;
		*ret = db;
		return 0;
	}
	if (db)
		return mx_cond_wait(&st->changed, &st->lock, deadline) ? -ENFILE
								       : 1;
	r = want_room(st, deadline);
	if (r)
		return r;
	db = calloc(1, sizeof(*db));
	if (!db)
		return -ENOMEM;
	db->st = st;
	db->guid = *guid;
	db->uses = 1;
	mx_list_push_tail(bucket_of(st, guid), &db->link);
	mx_list_init(&db->conn_link);
	connected(st, db);
	mx_mutex_unlock(&st->lock);
	mx_store_path(st, guid, path, sizeof(path));
	r = mx_mdb_open(db, path, st->vfs);
	mx_mutex_lock(&st->lock);
	if (r) {
		forget(st, db);
		free(db);
		return r == -ENOENT ? MX_ANS_UNKNOWN_USER + 1 : r;
	}
	db->state = MX_MDB_OPEN;
	mx_cond_broadcast(&st->changed);
	*ret = db;
	return 0;
}

int mx_mdb_get(struct mx_store *st, const struct mx_guid *guid,
	       struct mx_mdb **ret)
{
	mx_mono deadline = mx_mono_in_ms(WAIT_MS);
	int r;

	mx_mutex_lock(&st->lock);
	do {
		r = try_get(st, guid, deadline, ret);
	} while (r == 1);
	mx_mutex_unlock(&st->lock);
	/* try_get keeps 1 for itself: answers come one higher. */
	return r > 1 ? r - 1 : r;
}

void mx_mdb_put(struct mx_mdb *db)
{
	struct mx_store *st = db->st;

	mx_mutex_lock(&st->lock);
	put_locked(st, db);
	mx_mutex_unlock(&st->lock);
}

void mx_mdb_remove(struct mx_store *st, const struct mx_guid *guid)
{
	struct mx_mdb *db;
	char path[4096];

	mx_mutex_lock(&st->lock);
	while ((db = find(st, guid)) && db->state != MX_MDB_OPEN)
		mx_cond_wait(&st->changed, &st->lock, mx_mono_in_ms(WAIT_MS));
	if (db) {
		db->removed = true;
		if (!db->uses)
			evict(st, db);
	} else {
		mx_store_path(st, guid, path, sizeof(path));
		unlink_db(path);
	}
	mx_mutex_unlock(&st->lock);
}

static struct mx_mdb *unused(struct mx_store *st) MX_HOLDS(&st->lock)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		MX_LIST_FOR_EACH(it, &st->open[i]) {
			struct mx_mdb *db =
				MX_CONTAINER_OF(it, struct mx_mdb, link);

			if (db->state == MX_MDB_OPEN && !db->uses)
				return db;
		}
	return NULL;
}

void mx_store_trim(struct mx_store *st)
{
	struct mx_mdb *db;

	mx_mutex_lock(&st->lock);
	while ((db = unused(st)))
		evict(st, db);
	mx_mutex_unlock(&st->lock);
}

/* ---- Opening and closing ---- */

static int make_dir(const char *path)
{
	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	return -errno;
}

static int sync_dir(const char *path)
{
	MX_AUTO(mx_close_auto)
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fsync(fd) ? -errno : 0;
}

static int lock_dir(struct mx_store *st)
{
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/lock", st->dir) >=
	    (int)sizeof(path) - 80)
		return -ENAMETOOLONG;
	st->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (st->lock_fd < 0)
		return -errno;
	if (flock(st->lock_fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

/* Deletes databases of nobody: a crash between making a mailbox and its user,
 * or between removing a user and his mailbox. */
static int sweep(struct mx_store *st, const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int r = 0;

	if (!d)
		return -errno;
	while (!r && (e = readdir(d))) {
		MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
		char text[MX_GUID_STRLEN + 1], file[4096];
		struct mx_user u;
		struct mx_guid g;

		if (strlen(e->d_name) != MX_GUID_STRLEN + 3 ||
		    strcmp(e->d_name + MX_GUID_STRLEN, ".db"))
			continue;
		memcpy(text, e->d_name, MX_GUID_STRLEN);
		text[MX_GUID_STRLEN] = '\0';
		if (mx_guid_parse(text, &g))
			continue;
		r = mx_dir_by_mailbox(st, g.b, &a, &u);
		if (r != MX_ANS_UNKNOWN_USER)
			continue;
		mx_log(MX_LOG_WARN, "store", "%s/%s belongs to nobody: deleted",
		       path, e->d_name);
		mx_store_path(st, &g, file, sizeof(file));
		unlink_db(file);
		r = 0;
	}
	closedir(d);
	return r;
}

static int open_in(struct mx_store *st, bool users_only)
{
	char path[4096];
	int r;

	if (users_only)
		return mx_dir_open(st, false, &st->users);
	r = make_dir(st->dir);
	if (!r)
		r = lock_dir(st);
	if (r)
		return r;
	snprintf(path, sizeof(path), "%s/mailboxes", st->dir);
	r = make_dir(path);
	if (!r)
		r = mx_dir_open(st, true, &st->users);
	if (!r)
		r = sweep(st, path);
	if (!r)
		r = sync_dir(st->dir);
	return r ? r : mx_submit_resume(st);
}

int mx_store_open(const char *dir, const struct mx_store_conf *conf,
		  struct mx_store **ret)
{
	struct mx_store *st = calloc(1, sizeof(*st));
	int r;

	if (!st)
		return -ENOMEM;
	st->lock_fd = -1;
	mx_mutex_init(&st->lock);
	mx_cond_init(&st->changed);
	for (unsigned i = 0; i < BUCKETS; i++)
		mx_list_init(&st->open[i]);
	mx_list_init(&st->conns);
	st->hash_cost = conf ? conf->hash_cost : 0;
	st->max_open = conf && conf->max_open ? conf->max_open : DEFAULT_OPEN;
	st->retry_ms = conf && conf->retry_ms ? conf->retry_ms : 20000;
	st->on_event = conf ? conf->on_event : NULL;
	st->event_arg = conf ? conf->event_arg : NULL;
	st->dir = strdup(dir);
	st->org = strdup(conf && conf->org ? conf->org : "Mapiary");
	st->vfs = conf && conf->vfs ? strdup(conf->vfs) : NULL;
	r = st->dir && st->org ? open_in(st, conf && conf->users_only)
			       : -ENOMEM;
	if (r) {
		mx_store_close(st);
		return r;
	}
	*ret = st;
	return 0;
}

void mx_store_close(struct mx_store *st)
{
	if (!st)
		return;
	mx_store_trim(st);
	for (unsigned i = 0; i < BUCKETS; i++)
		assert(mx_list_empty(&st->open[i]));
	mx_dir_close(st->users);
	if (st->lock_fd >= 0)
		close(st->lock_fd);
	mx_cond_fini(&st->changed);
	mx_mutex_fini(&st->lock);
	free(st->dir);
	free(st->org);
	free(st->vfs);
	free(st);
}

void mx_store_close_auto(struct mx_store **st)
{
	mx_store_close(*st);
}
