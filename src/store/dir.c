/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/dir.h"

#include <crypt.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/lock.h"
#include "base/rand.h"
#include "store/dir-private.h"
#include "store/mdb.h"
#include "store/sql.h"

#define MAX_NAME 256

/* ---- SIDs of new users ---- */

static int load_domain(struct mx_dir *d) MX_NO_LOCK_ANALYSIS
{
	static const uint8_t head[12] = {1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0};
	MX_TXN(txn);
	MX_STMT st = NULL;
	int r = mx_db_query(&d->db, &st, SQL_STORE_GET, "");

	if (r == 1) {
		if (sqlite3_column_bytes(st, 0) != sizeof(d->domain))
			return -EUCLEAN;
		memcpy(d->domain, sqlite3_column_blob(st, 0),
		       sizeof(d->domain));
		return 0;
	}
	if (r)
		return r;
	memcpy(d->domain, head, sizeof(head));
	r = mx_random(d->domain + 12, 12);
	if (!r)
		r = mx_txn_begin(&txn, &d->db);
	if (!r)
		r = mx_db_do(&d->db, SQL_STORE_INSERT, "b", d->domain,
			     (int)sizeof(d->domain));
	return r ? r : mx_txn_commit(&txn);
}

static const uint8_t *make_sid(struct mx_dir *d, int64_t rid,
			       struct mx_arena *a)
{
	uint8_t *sid = mx_arena_alloc(a, 28);

	if (!sid)
		return NULL;
	memcpy(sid, d->domain, 24);
	sid[1] = 5;
	for (int i = 0; i < 4; i++)
		sid[24 + i] = (uint8_t)(rid >> (8 * i));
	return sid;
}

/* ---- Passwords: libxcrypt yescrypt, without the lock ---- */

static int hash_password(const char *password, unsigned cost, char **ret)
{
	MX_AUTO(mx_free_auto) struct crypt_data *data = NULL;
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	char *h;

	data = calloc(1, sizeof(*data));
	if (!data)
		return -ENOMEM;
	if (!crypt_gensalt_rn("$y$", cost, NULL, 0, setting, sizeof(setting)))
		return -errno;
	h = crypt_r(password, setting, data);
	if (!h || h[0] == '*')
		return -EINVAL;
	*ret = strdup(h);
	explicit_bzero(data, sizeof(*data));
	return *ret ? 0 : -ENOMEM;
}

static bool same(const char *a, const char *b)
{
	size_t n = strlen(a), diff = n ^ strlen(b);

	for (size_t i = 0; i < n && b[i]; i++)
		diff |= (size_t)(unsigned char)(a[i] ^ b[i]);
	return diff == 0;
}

static bool password_fits(const char *password, const char *hash)
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	char *h = data ? crypt_r(password, hash, data) : NULL;
	bool ok = h && h[0] != '*' && same(h, hash);

	if (data)
		explicit_bzero(data, sizeof(*data));
	free(data);
	return ok;
}

/* ---- Opening ---- */

int mx_dir_open(struct mx_store *st, bool make, struct mx_dir **ret)
{
	struct mx_dir *d = calloc(1, sizeof(*d));
	char path[4096];
	int r;

	if (!d)
		return -ENOMEM;
	mx_mutex_init(&d->lock);
	snprintf(path, sizeof(path), "%s/users.db", mx_store_dir(st));
	r = mx_db_open(&d->db, path, &mx_schema_users, make, mx_store_vfs(st));
	if (!r) {
		r = load_domain(d);
		if (!r)
			r = hash_password("", 0, &d->dummy_hash);
		if (r)
			mx_db_close(&d->db);
	}
	if (r) {
		mx_mutex_fini(&d->lock);
		free(d);
		return r;
	}
	*ret = d;
	return 0;
}

void mx_dir_close(struct mx_dir *d)
{
	if (!d)
		return;
	mx_db_close(&d->db);
	mx_mutex_fini(&d->lock);
	free(d->dummy_hash);
	free(d);
}

/* ---- Looking up ---- */

static int read_user(sqlite3_stmt *st, struct mx_arena *a, void *ret)
{
	struct mx_user u = {.id = (uint32_t)sqlite3_column_int64(st, 0)};
	const char **text[] = {&u.name, &u.dn, &u.display, &u.smtp};

	for (int i = 0; i < 4; i++) {
		const char *s = (const char *)sqlite3_column_text(st, i + 1);

		*text[i] = mx_arena_strdup(a, s ? s : "");
		if (!*text[i])
			return -ENOMEM;
	}
	u.sid_len = (size_t)sqlite3_column_bytes(st, 5);
	u.sid = mx_arena_dup(a, sqlite3_column_blob(st, 5), u.sid_len);
	if (!u.sid)
		return -ENOMEM;
	if (sqlite3_column_bytes(st, 6) != 16)
		return -EUCLEAN;
	memcpy(u.mailbox, sqlite3_column_blob(st, 6), 16);
	u.pw_gen = (uint64_t)sqlite3_column_int64(st, 7);
	u.disabled = sqlite3_column_int(st, 8) != 0;
	*(struct mx_user *)ret = u;
	return 0;
}

/* The statement asks for one key: a text, an int64_t or n bytes, as type says. */
static int query_key(struct mx_db *db, sqlite3_stmt **s, int stmt, char type,
		     const void *key, size_t n)
{
	switch (type) {
	case 't':
		return mx_db_query(db, s, stmt, "t", (const char *)key);
	case 'i':
		return mx_db_query(db, s, stmt, "i", *(const int64_t *)key);
	default:
		return mx_db_query(db, s, stmt, "b", key, (int)n);
	}
}

static int by(struct mx_store *st, int stmt, char type, const void *key,
	      size_t n, struct mx_arena *a, struct mx_user *ret)
{
	struct mx_dir *d = mx_store_users(st);
	sqlite3_stmt *s = NULL;
	int r;

	mx_mutex_lock(&d->lock);
	r = query_key(&d->db, &s, stmt, type, key, n);
	if (r == 1)
		r = read_user(s, a, ret);
	else if (!r)
		r = MX_ANS_UNKNOWN_USER;
	mx_stmt_reset_auto(&s);
	mx_mutex_unlock(&d->lock);
	return r;
}

int mx_dir_by_name(struct mx_store *st, const char *name, struct mx_arena *a,
		   struct mx_user *ret)
{
	return by(st, SQL_USER_BY_NAME, 't', name, 0, a, ret);
}

int mx_dir_by_dn(struct mx_store *st, const char *dn, struct mx_arena *a,
		 struct mx_user *ret)
{
	return by(st, SQL_USER_BY_DN, 't', dn, 0, a, ret);
}

int mx_dir_by_smtp(struct mx_store *st, const char *smtp, struct mx_arena *a,
		   struct mx_user *ret)
{
	return by(st, SQL_USER_BY_SMTP, 't', smtp, 0, a, ret);
}

int mx_dir_by_sid(struct mx_store *st, const void *sid, size_t len,
		  struct mx_arena *a, struct mx_user *ret)
{
	return by(st, SQL_USER_BY_SID, 'b', sid, len, a, ret);
}

int mx_dir_by_mailbox(struct mx_store *st, const uint8_t guid[16],
		      struct mx_arena *a, struct mx_user *ret)
{
	return by(st, SQL_USER_BY_MAILBOX, 'b', guid, 16, a, ret);
}

int mx_dir_by_id(struct mx_store *st, uint32_t id, struct mx_arena *a,
		 struct mx_user *ret)
{
	int64_t key = id;

	return by(st, SQL_USER_BY_ID, 'i', &key, 0, a, ret);
}

int mx_dir_any(struct mx_store *st, const char *text, struct mx_arena *a,
	       struct mx_user *ret)
{
	int r;

	if (!strncasecmp(text, "SMTP:", 5))
		return mx_dir_by_smtp(st, text + 5, a, ret);
	if (!strncasecmp(text, "EX:", 3))
		return mx_dir_by_dn(st, text + 3, a, ret);
	if (text[0] == '/')
		return mx_dir_by_dn(st, text, a, ret);
	r = mx_dir_by_smtp(st, text, a, ret);
	return r == MX_ANS_UNKNOWN_USER ? mx_dir_by_name(st, text, a, ret) : r;
}

int mx_dir_rows(struct mx_store *st, int stmt, size_t size, mx_dir_row_fn *read,
		struct mx_arena *a, void **ret, size_t *ret_n)
{
	struct mx_dir *d = mx_store_users(st);
	sqlite3_stmt *s = NULL;
	char *list = NULL;
	size_t n = 0, cap = 0;
	int r;

	mx_mutex_lock(&d->lock);
	r = mx_db_query(&d->db, &s, stmt, "");
	for (; r == 1; r = mx_db_step(&d->db, s)) {
		if (n == cap) {
			char *more;

			cap = cap ? cap * 2 : 32;
			more = mx_arena_calloc(a, cap, size);
			if (more && n)
				memcpy(more, list, n * size);
			list = more;
		}
		r = list ? read(s, a, list + n++ * size) : -ENOMEM;
		if (r)
			break;
	}
	mx_stmt_reset_auto(&s);
	mx_mutex_unlock(&d->lock);
	if (!r) {
		*ret = list;
		*ret_n = n;
	}
	return r;
}

int mx_dir_list(struct mx_store *st, struct mx_arena *a, struct mx_user **ret,
		size_t *ret_n)
{
	void *list;
	int r = mx_dir_rows(st, SQL_USER_LIST, sizeof(**ret), read_user, a,
			    &list, ret_n);

	if (!r)
		*ret = list;
	return r;
}

/* ---- Adding and removing ---- */

static bool name_ok(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)s[i]))
			return false;
	return n > 0 && n <= MAX_NAME;
}

/* Everything but sid and mailbox that was left out. */
static int fill_in(struct mx_store *st, struct mx_user *u, struct mx_arena *a)
{
	if (!u->display)
		u->display = u->name;
	if (!u->smtp)
		u->smtp = mx_arena_printf(a, "%s@mapiary.test", u->name);
	if (!u->dn)
		u->dn = mx_arena_printf(a,
					"/o=%s/ou=Exchange Administrative "
					"Group (FYDIBOHF23SPDLT)"
					"/cn=Recipients/cn=%s",
					mx_store_org(st), u->name);
	return u->smtp && u->dn ? 0 : -ENOMEM;
}

static int insert(struct mx_store *st, struct mx_user *u, const char *hash,
		  struct mx_arena *a)
{
	struct mx_dir *d = mx_store_users(st);
	int64_t rid = 0;
	MX_TXN(txn);
	int r = mx_txn_begin(&txn, &d->db);

	if (!r && !u->sid_len) {
		r = mx_db_get_int(&d->db, &rid, SQL_NEW_RID, "");
		r = r == 1 ? 0 : r ? r : -EUCLEAN;
		u->sid = make_sid(d, rid, a);
		u->sid_len = 28;
		if (!u->sid)
			return -ENOMEM;
	}
	if (!r)
		r = mx_db_do(&d->db, SQL_USER_INSERT, "ttttbbti", u->name,
			     u->dn, u->display, u->smtp, u->sid,
			     (int)u->sid_len, u->mailbox, 16, hash,
			     (int64_t)u->pw_gen);
	if (r)
		return r == -EEXIST ? MX_ANS_EXISTS : r;
	u->id = (uint32_t)sqlite3_last_insert_rowid(d->db.h);
	return mx_txn_commit(&txn);
}

int mx_dir_add(struct mx_store *st, const struct mx_user *user,
	       const char *password, struct mx_arena *a, struct mx_user *ret)
{
	static const struct mx_guid none;
	MX_AUTO(mx_free_auto) char *hash = NULL;
	MX_AUTO(mx_arena_auto) struct mx_arena own = {0};
	struct mx_dir *d = mx_store_users(st);
	struct mx_user u = *user, old;
	struct mx_guid guid;
	char path[4096];
	int r;

	if (!name_ok(u.name))
		return MX_ANS_INVALID_PARAM;
	if (mx_dir_by_name(st, u.name, &own, &old) == 0)
		return MX_ANS_EXISTS;
	if (!ret)
		a = &own;
	r = fill_in(st, &u, a);
	memcpy(guid.b, u.mailbox, 16);
	if (!r && mx_guid_equal(&guid, &none))
		r = mx_guid_random(&guid);
	if (!r && mx_dir_by_mailbox(st, guid.b, &own, &old) == 0)
		return MX_ANS_EXISTS;
	memcpy(u.mailbox, guid.b, 16);
	u.pw_gen = 1;
	u.disabled = false;
	if (!r && password)
		r = hash_password(password, mx_store_hash_cost(st), &hash);
	if (r)
		return r;
	mx_store_path(st, &guid, path, sizeof(path));
	r = mx_mdb_create(path, &guid, mx_store_vfs(st));
	if (!r) {
		mx_mutex_lock(&d->lock);
		r = insert(st, &u, hash, a);
		mx_mutex_unlock(&d->lock);
	}
	if (r) {
		mx_mdb_remove(st, &guid);
		return r;
	}
	return ret ? mx_dir_by_name(st, u.name, a, ret) : 0;
}

int mx_dir_remove(struct mx_store *st, const char *name)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_dir *d = mx_store_users(st);
	struct mx_user u;
	struct mx_guid guid;
	int r = mx_dir_by_name(st, name, &a, &u);

	if (r)
		return r;
	mx_mutex_lock(&d->lock);
	{
		MX_TXN(txn);

		r = mx_txn_begin(&txn, &d->db);
		if (!r)
			r = mx_db_do(&d->db, SQL_USER_DELETE, "i",
				     (int64_t)u.id);
		if (!r)
			r = mx_db_do(&d->db, SQL_GRANT_DELETE_USER, "i",
				     (int64_t)u.id);
		if (!r)
			r = mx_db_do(&d->db, SQL_SENDING_DELETE, "b", u.mailbox,
				     16);
		if (!r)
			r = mx_txn_commit(&txn);
		atomic_fetch_add(&d->epoch, 1);
	}
	mx_mutex_unlock(&d->lock);
	memcpy(guid.b, u.mailbox, 16);
	if (!r)
		mx_mdb_remove(st, &guid);
	return r;
}

/* ---- Passwords ---- */

/* The hash (NULL: none) to be freed, and the generation (0: no such user). */
static int get_hash(struct mx_dir *d, const char *name, char **ret_hash,
		    uint64_t *ret_gen)
{
	sqlite3_stmt *s = NULL;
	const char *h;
	int r;

	*ret_hash = NULL;
	*ret_gen = 0;
	mx_mutex_lock(&d->lock);
	r = mx_db_query(&d->db, &s, SQL_USER_HASH, "t", name);
	if (r == 1) {
		h = (const char *)sqlite3_column_text(s, 0);
		if (!sqlite3_column_int(s, 2)) {
			*ret_gen = (uint64_t)sqlite3_column_int64(s, 1);
			*ret_hash = h ? strdup(h) : NULL;
		}
		r = 0;
	}
	mx_stmt_reset_auto(&s);
	mx_mutex_unlock(&d->lock);
	return r;
}

int mx_dir_check(struct mx_store *st, const char *name, const char *password,
		 uint64_t *ret_pw_gen)
{
	MX_AUTO(mx_free_auto) char *hash = NULL;
	struct mx_dir *d = mx_store_users(st);
	uint64_t gen;
	bool fits;
	int r = get_hash(d, name, &hash, &gen);

	if (r)
		return r;
	fits = password_fits(password, hash ? hash : d->dummy_hash);
	if (!hash || !fits)
		return MX_ANS_BAD_PASSWORD;
	if (ret_pw_gen)
		*ret_pw_gen = gen;
	return 0;
}

uint64_t mx_dir_pw_gen(struct mx_store *st, const char *name)
{
	MX_AUTO(mx_free_auto) char *hash = NULL;
	uint64_t gen = 0;

	if (get_hash(mx_store_users(st), name, &hash, &gen))
		return 0;
	return hash ? gen : 0;
}

uint64_t mx_dir_epoch(struct mx_store *st)
{
	return atomic_load(&mx_store_users(st)->epoch);
}

static int update(struct mx_store *st, const char *name, const char *hash,
		  bool set_hash, bool disabled)
{
	struct mx_dir *d = mx_store_users(st);
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_user u;
	int64_t gen;
	int r = mx_dir_by_name(st, name, &a, &u);

	if (r)
		return r;
	/* Generations never repeat, also when two change at once. */
	gen = (int64_t)mx_filetime_now().t;
	if (gen <= (int64_t)u.pw_gen)
		gen = (int64_t)u.pw_gen + 1;
	mx_mutex_lock(&d->lock);
	r = set_hash ? mx_db_do(&d->db, SQL_USER_SET_HASH, "tti", name, hash,
				gen)
		     : mx_db_do(&d->db, SQL_USER_SET_DISABLED, "tii", name,
				(int64_t)disabled, gen);
	atomic_fetch_add(&d->epoch, 1);
	mx_mutex_unlock(&d->lock);
	return r;
}

int mx_dir_set_password(struct mx_store *st, const char *name,
			const char *password)
{
	MX_AUTO(mx_free_auto) char *hash = NULL;
	int r = password
			? hash_password(password, mx_store_hash_cost(st), &hash)
			: 0;

	return r ? r : update(st, name, hash, true, false);
}

int mx_dir_set_disabled(struct mx_store *st, const char *name, bool disabled)
{
	return update(st, name, NULL, false, disabled);
}
