/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory: who may do what in whose mailbox, and which mailboxes have
 * something to send.
 */
#include <errno.h>
#include <string.h>

#include "store/dir-private.h"
#include "store/mdb.h"
#include "store/sql.h"

/* ---- Grants ---- */

int mx_dir_grant(struct mx_store *st, const char *owner, const char *grantee,
		 unsigned rights)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_dir *d = mx_store_users(st);
	struct mx_user o, g;
	int r = mx_dir_by_name(st, owner, &a, &o);

	if (!r)
		r = mx_dir_by_name(st, grantee, &a, &g);
	if (r)
		return r;
	mx_mutex_lock(&d->lock);
	r = rights ? mx_db_do(&d->db, SQL_GRANT_PUT, "iii", (int64_t)o.id,
			      (int64_t)g.id, (int64_t)rights)
		   : mx_db_do(&d->db, SQL_GRANT_DELETE, "ii", (int64_t)o.id,
			      (int64_t)g.id);
	mx_mutex_unlock(&d->lock);
	return r;
}

int mx_dir_rights(struct mx_store *st, const uint8_t mailbox[16],
		  uint32_t grantee, unsigned *ret_rights)
{
	struct mx_dir *d = mx_store_users(st);
	sqlite3_stmt *s = NULL;
	int r;

	mx_mutex_lock(&d->lock);
	r = mx_db_query(&d->db, &s, SQL_GRANT_GET, "bi", mailbox, 16,
			(int64_t)grantee);
	if (r == 1) {
		*ret_rights = sqlite3_column_int64(s, 0) == grantee
				      ? MX_GRANT_READ | MX_GRANT_FULL |
						MX_GRANT_SEND_AS |
						MX_GRANT_SEND_BEHALF
				      : (unsigned)sqlite3_column_int(s, 1);
		r = 0;
	} else if (!r) {
		r = MX_ANS_UNKNOWN_USER;
	}
	mx_stmt_reset_auto(&s);
	mx_mutex_unlock(&d->lock);
	return r;
}

static int read_grant(sqlite3_stmt *s, struct mx_arena *a, void *ret)
{
	struct mx_dir_grant *g = ret;
	const char *name = (const char *)sqlite3_column_text(s, 2);

	*g = (struct mx_dir_grant){
		.owner = (uint32_t)sqlite3_column_int64(s, 0),
		.grantee = (uint32_t)sqlite3_column_int64(s, 1),
		.name = mx_arena_strdup(a, name ? name : ""),
		.rights = (unsigned)sqlite3_column_int(s, 3),
	};
	return g->name ? 0 : -ENOMEM;
}

int mx_dir_list_grants(struct mx_store *st, struct mx_arena *a,
		       struct mx_dir_grant **ret, size_t *ret_n)
{
	void *list;
	int r = mx_dir_rows(st, SQL_GRANT_LIST, sizeof(**ret), read_grant, a,
			    &list, ret_n);

	if (!r)
		*ret = list;
	return r;
}

/* ---- Who has something to send ---- */

int mx_dir_mark_sending(struct mx_store *st, const struct mx_guid *guid,
			bool sending)
{
	struct mx_dir *d = mx_store_users(st);
	int r;

	mx_mutex_lock(&d->lock);
	r = mx_db_do(&d->db, sending ? SQL_SENDING_PUT : SQL_SENDING_DELETE,
		     "b", guid->b, 16);
	mx_mutex_unlock(&d->lock);
	return r;
}

static int read_guid(sqlite3_stmt *s, struct mx_arena *a, void *ret)
{
	if (sqlite3_column_bytes(s, 0) != 16)
		return -EUCLEAN;
	memcpy(((struct mx_guid *)ret)->b, sqlite3_column_blob(s, 0), 16);
	return 0;
}

int mx_dir_list_sending(struct mx_store *st, struct mx_arena *a,
			struct mx_guid **ret, size_t *ret_n)
{
	void *list;
	int r = mx_dir_rows(st, SQL_SENDING_LIST, sizeof(**ret), read_guid, a,
			    &list, ret_n);

	if (!r)
		*ret = list;
	return r;
}
