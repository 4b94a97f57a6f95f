/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views of a mailbox, and the names of things in it: ids, long-term ids,
 * receive folders.
 */
#include "store/mbox.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "store/dir-private.h"
#include "store/entry.h"
#include "store/mdb.h"
#include "store/obj-private.h"
#include "store/sql.h"
#include "store/text.h"
#include "wire/ids.h"

static int fill_info(struct mx_mbox *mb, const struct mx_user *owner,
		     const struct mx_user *who)
{
	struct mx_mdb *db = mb->db;

	mb->user_dn = strdup(who->dn);
	mb->user_display = strdup(who->display);
	mb->user_smtp = strdup(who->smtp);
	mb->owner_dn = strdup(owner->dn);
	mb->owner_display = strdup(owner->display);
	mb->owner_smtp = strdup(owner->smtp);
	if (!mb->user_dn || !mb->user_display || !mb->user_smtp ||
	    !mb->owner_dn || !mb->owner_display || !mb->owner_smtp)
		return -ENOMEM;
	memcpy(mb->info.mailbox, db->guid.b, 16);
	memcpy(mb->info.replguid, db->replguid.b, 16);
	for (int i = 0; i < MX_FLD_COUNT; i++)
		mb->info.fid[i] = mx_mdb_id(db->fid[i]);
	mb->info.gwart_time = (uint64_t)db->created;
	mb->info.owner_dn = mb->owner_dn;
	mb->info.owner_display = mb->owner_display;
	mb->info.codepage = mb->codepage;
	mb->info.is_owner = owner->id == who->id;
	mb->user = who->id;
	mb->may_write = mb->info.rights & MX_GRANT_FULL;
	return 0;
}

static int who_is_who(struct mx_store *st, const struct mx_mbox_conf *conf,
		      struct mx_arena *a, struct mx_user *owner,
		      struct mx_user *who, unsigned *rights)
{
	int r = mx_dir_by_mailbox(st, conf->mailbox, a, owner);

	if (!r)
		r = mx_dir_by_id(st, conf->user, a, who);
	if (!r)
		r = mx_dir_rights(st, conf->mailbox, conf->user, rights);
	if (!r && !(*rights & (MX_GRANT_READ | MX_GRANT_FULL)))
		r = MX_ANS_ACCESS_DENIED;
	return r;
}

int mx_mbox_open(struct mx_store *st, const struct mx_mbox_conf *conf,
		 struct mx_mbox **ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	MX_AUTO(mx_mbox_close_auto) struct mx_mbox *mb = NULL;
	uint32_t cp = conf->codepage ? conf->codepage : 65001;
	struct mx_user owner, who;
	struct mx_guid guid;
	unsigned rights = 0;
	int r;

	if (!mx_text_codepage_known(cp))
		return MX_ANS_UNKNOWN_CODEPAGE;
	r = who_is_who(st, conf, &a, &owner, &who, &rights);
	if (r)
		return r;
	mb = calloc(1, sizeof(*mb));
	if (!mb)
		return -ENOMEM;
	mb->codepage = cp;
	mb->lcid = conf->lcid ? conf->lcid : 0x409;
	mb->info.rights = rights;
	memcpy(guid.b, conf->mailbox, 16);
	r = mx_mdb_get(st, &guid, &mb->db);
	if (!r)
		r = fill_info(mb, &owner, &who);
	if (r)
		return r;
	*ret = MX_STEAL(mb);
	return 0;
}

void mx_mbox_close(struct mx_mbox *mb)
{
	if (!mb)
		return;
	if (mb->db)
		mx_mdb_put(mb->db);
	free(mb->user_dn);
	free(mb->user_display);
	free(mb->user_smtp);
	free(mb->owner_dn);
	free(mb->owner_display);
	free(mb->owner_smtp);
	free(mb);
}

void mx_mbox_close_auto(struct mx_mbox **mb)
{
	mx_mbox_close(*mb);
}

const struct mx_mbox_info *mx_mbox_info(const struct mx_mbox *mb)
{
	return &mb->info;
}

int mx_mbox_obj(struct mx_mbox *mb, struct mx_obj **ret)
{
	struct mx_obj *o = mx_obj_new(mb, MX_OBJ_STORE, NULL);

	if (!o)
		return -ENOMEM;
	o->fid = mb->db->fid[MX_FLD_ROOT];
	*ret = o;
	return 0;
}

/* ---- Ids ---- */

static int replica_guid(struct mx_mdb *db, uint16_t replid, uint8_t ret[16])
{
	MX_STMT st = NULL;
	int r;

	if (replid == MX_STORE_REPLID) {
		memcpy(ret, db->replguid.b, 16);
		return 0;
	}
	r = mx_db_query(&db->db, &st, SQL_REPLICA_BY_ID, "i", (int64_t)replid);
	if (r != 1)
		return r ? r : MX_ANS_NOT_FOUND;
	if (sqlite3_column_bytes(st, 0) != 16)
		return -EUCLEAN;
	memcpy(ret, sqlite3_column_blob(st, 0), 16);
	return 0;
}

int mx_mbox_long_from_id(struct mx_mbox *mb, uint64_t id, uint8_t ret_guid[16],
			 uint8_t ret_globcnt[6])
{
	uint8_t guid[16];
	int r;

	mx_mdb_lock(mb->db);
	r = replica_guid(mb->db, mx_id_replid(id), guid);
	mx_mdb_unlock(mb->db);
	if (r)
		return r;
	memcpy(ret_guid, guid, 16);
	for (int i = 0; i < 6; i++)
		ret_globcnt[i] = (uint8_t)(id >> (16 + 8 * i));
	return 0;
}

static int replica_id(struct mx_mdb *db, const uint8_t guid[16], int64_t *ret)
{
	MX_MTXN(txn);
	int r;

	if (!memcmp(guid, db->replguid.b, 16)) {
		*ret = MX_STORE_REPLID;
		return 0;
	}
	r = mx_db_get_int(&db->db, ret, SQL_REPLICA_BY_GUID, "b", guid, 16);
	if (r)
		return r == 1 ? 0 : r;
	r = mx_mtxn_begin(&txn, db);
	if (r)
		return r;
	r = mx_db_get_int(&db->db, ret, SQL_REPLICA_INSERT, "b", guid, 16);
	if (r != 1)
		return r ? r : MX_ANS_TOO_BIG;
	return mx_mtxn_commit(&txn);
}

int mx_mbox_id_from_long(struct mx_mbox *mb, const uint8_t guid[16],
			 const uint8_t globcnt[6], uint64_t *ret_id)
{
	int64_t replid;
	uint64_t id;
	int r;

	mx_mdb_lock(mb->db);
	r = replica_id(mb->db, guid, &replid);
	mx_mdb_unlock(mb->db);
	if (r)
		return r;
	id = (uint64_t)replid;
	for (int i = 0; i < 6; i++)
		id |= (uint64_t)globcnt[i] << (16 + 8 * i);
	*ret_id = id;
	return 0;
}

int mx_mbox_id_from_entryid(struct mx_mbox *mb, const void *eid, size_t len,
			    uint64_t *ret_fid, uint64_t *ret_mid)
{
	int64_t fid, mid;

	if (!mx_eid_parse(mb->db, eid, len, &fid, &mid))
		return MX_ANS_NOT_FOUND;
	*ret_fid = mx_mdb_id(fid);
	*ret_mid = mx_mdb_id(mid);
	return 0;
}

/* ---- Receive folders ---- */

/* [MS-OXCSTOR] 2.2.1.2.1.1: ASCII 32..126, no leading, trailing or double
 * dot, at most 255 with the NUL. */
static bool class_ok(const char *s)
{
	size_t n = strlen(s);

	if (n > 254 || (n && (s[0] == '.' || s[n - 1] == '.')) ||
	    strstr(s, ".."))
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] < 32 || s[i] > 126)
			return false;
	return true;
}

int mx_receive_folder(struct mx_mdb *db, const char *message_class,
		      struct mx_arena *a, int64_t *ret_fid,
		      const char **ret_class)
{
	MX_STMT st = NULL;
	const char *class;
	int r = mx_db_query(&db->db, &st, SQL_RECEIVE_GET, "t", message_class);

	if (r != 1)
		return r ? r : -EUCLEAN;
	class = mx_arena_strdup(a, (const char *)sqlite3_column_text(st, 1));
	if (!class)
		return -ENOMEM;
	*ret_fid = sqlite3_column_int64(st, 0);
	*ret_class = class;
	return 0;
}

int mx_mbox_receive_folder(struct mx_mbox *mb, const char *message_class,
			   struct mx_arena *a, uint64_t *ret_fid,
			   const char **ret_class)
{
	int64_t fid;
	int r;

	if (!class_ok(message_class))
		return MX_ANS_INVALID_PARAM;
	mx_mdb_lock(mb->db);
	r = mx_receive_folder(mb->db, message_class, a, &fid, ret_class);
	mx_mdb_unlock(mb->db);
	if (!r)
		*ret_fid = mx_mdb_id(fid);
	return r;
}
