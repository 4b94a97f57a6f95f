/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Every statement on a mailbox database but those that tbl-sql.c composes. */
#include "store/sql.h"

#include "store/tags.h"
#include "wire/prop.h"

const struct mx_hot_column mx_hot_columns[MX_HOT_COUNT] = {
#define X(name, column, tag) [MX_HOT_##name] = {column, tag},
	MX_HOT_COLUMNS(X)
#undef X
};

const struct mx_hot_column *mx_hot_find(uint16_t id)
{
	for (int i = 0; i < MX_HOT_COUNT; i++)
		if (MX_PROP_ID(mx_hot_columns[i].tag) == id)
			return &mx_hot_columns[i];
	return NULL;
}

const char *const mx_sql_mbox[] = {
	[SQL_MAILBOX_INSERT] =
		"INSERT INTO mailbox (one, guid, replguid, created, last_id,"
		" last_cn, key_version, props)"
		" VALUES (1, ?1, ?2, ?3, 255, 0, ?4, x'')",
	[SQL_MAILBOX_GET] =
		"SELECT guid, replguid, created, key_version FROM mailbox",
	[SQL_MAILBOX_PROPS] = "SELECT props FROM mailbox",
	[SQL_MAILBOX_SET_PROPS] = "UPDATE mailbox SET props = ?1",
	[SQL_MAILBOX_SET_KEY_VERSION] = "UPDATE mailbox SET key_version = ?1",
	[SQL_MAILBOX_SIZE] = "SELECT sum(size) FROM folders",
	[SQL_NEW_ID] =
		"UPDATE mailbox SET last_id = last_id + 1 RETURNING last_id",
	[SQL_NEW_CN] =
		"UPDATE mailbox SET last_cn = last_cn + 1 RETURNING last_cn",

	[SQL_BLOB_INSERT] = "INSERT INTO blobs (refs, data) VALUES (1, ?1)",
	[SQL_BLOB_REF] = "UPDATE blobs SET refs = refs + 1 WHERE id = ?1",
	[SQL_BLOB_UNREF] = "UPDATE blobs SET refs = refs - 1 WHERE id = ?1",
	[SQL_BLOB_DELETE_UNUSED] =
		"DELETE FROM blobs WHERE id = ?1 AND refs = 0",
	[SQL_BLOB_SWEEP] = "DELETE FROM blobs WHERE refs = 0",

	[SQL_REPLICA_BY_ID] = "SELECT guid FROM replicas WHERE id = ?1",
	[SQL_REPLICA_BY_GUID] = "SELECT id FROM replicas WHERE guid = ?1",
	[SQL_REPLICA_INSERT] =
		"INSERT INTO replicas (id, guid) SELECT ifnull(max(id), 1) + 1,"
		" ?1 FROM replicas HAVING ifnull(max(id), 1) < 65535"
		" RETURNING id",

	[SQL_NAME_BY_NAME] = "SELECT id FROM names"
			     " WHERE guid = ?1 AND lid = ?2 AND name = ?3",
	[SQL_NAME_BY_ID] = "SELECT guid, lid, name FROM names WHERE id = ?1",
	[SQL_NAME_INSERT] = "INSERT INTO names (id, guid, lid, name) SELECT"
			    " ifnull(max(id) + 1, 32768), ?1, ?2, ?3 FROM names"
			    " HAVING ifnull(max(id), 0) < 65534 RETURNING id",
	[SQL_NAME_ALL] = "SELECT id, guid, lid, name FROM names ORDER BY id",

	[SQL_FOLDER_INSERT] =
		"INSERT INTO folders (id, parent, special, type, cn, name,"
		" class, created, modified, props)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)",
	[SQL_FOLDER_GET] =
		"SELECT parent, special, type, deleted, cn, name, class,"
		" created, modified, total, unread, assoc, gone, size,"
		" subfolders, props FROM folders WHERE id = ?1",
	[SQL_FOLDER_SPECIALS] = "SELECT special, id FROM folders"
				" WHERE special IS NOT NULL",
	[SQL_FOLDER_BY_NAME] = "SELECT id FROM folders WHERE parent = ?1"
			       " AND deleted = 0 AND mx_key(name) = mx_key(?2)",
	[SQL_FOLDER_SET_PROPS] =
		"UPDATE folders SET name = ?2, class = ?3, cn = ?4,"
		" modified = ?5, props = ?6 WHERE id = ?1",
	[SQL_FOLDER_PROPS] = "SELECT props FROM folders WHERE id = ?1",
	[SQL_FOLDER_COUNTS] = "SELECT total, unread, assoc, subfolders, parent"
			      " FROM folders WHERE id = ?1 AND deleted = 0",
	[SQL_FOLDER_SOFT_DELETE] =
		"UPDATE folders SET deleted = ?2, cn = ?3 WHERE id = ?1",
	[SQL_FOLDER_HARD_DELETE] = "DELETE FROM folders WHERE id = ?1",
	[SQL_FOLDER_TOUCH] = "UPDATE folders SET cn = ?2 WHERE id = ?1",
	[SQL_FOLDER_CHILDREN] =
		"SELECT id FROM folders WHERE parent = ?1 AND deleted = 0",
	[SQL_FOLDER_CHILDREN_ANY] = "SELECT id FROM folders WHERE parent = ?1",
	[SQL_FOLDER_MESSAGES] =
		"SELECT id, deleted, assoc FROM messages WHERE folder = ?1",
	[SQL_FOLDER_DEPTH] =
		"WITH RECURSIVE up (id, n) AS (VALUES (?1, 0) UNION ALL"
		" SELECT f.parent, n + 1 FROM folders f JOIN up"
		" ON f.id = up.id WHERE n < 1000) SELECT max(n) FROM up",

	[SQL_FOLDER_LIST] =
		"SELECT id, 1 FROM folders WHERE parent = ?1"
		" AND (deleted <> 0) = ?2 ORDER BY mx_key(name), id",
	/* Depth first, siblings by name. */
	[SQL_FOLDER_TREE] =
		"WITH RECURSIVE tree (id, depth, key) AS ("
		" VALUES (?1, 0, x'') UNION ALL"
		" SELECT f.id, depth + 1, mx_key(f.name) FROM folders f"
		" JOIN tree ON f.parent = tree.id"
		" WHERE (f.deleted <> 0) = ?2 ORDER BY 2 DESC, 3)"
		" SELECT id, depth FROM tree WHERE depth > 0",

	[SQL_RECEIVE_INSERT] =
		"INSERT INTO receive (class, folder) VALUES (?1, ?2)",
	[SQL_RECEIVE_GET] =
		"SELECT folder, class FROM receive WHERE class = '' OR"
		" class = ?1 COLLATE NOCASE OR (length(?1) > length(class) AND"
		" substr(?1, 1, length(class) + 1) = class || '.'"
		" COLLATE NOCASE) ORDER BY length(class) DESC LIMIT 1",

	[SQL_MSG_WHERE] = "SELECT folder, assoc, deleted, cn, flags, class"
			  " FROM messages WHERE id = ?1",
	[SQL_MSG_GET] =
		"SELECT flags, size, class, subject, sender, sender_addr,"
		" repr, repr_addr, to_, cc, received, submitted, created,"
		" modified, importance, sensitivity, priority, icon,"
		" flag_status, status, topic, internet_id,"
		" folder, assoc, deleted, cn, prefix, props"
		" FROM messages JOIN msgdata USING (id) WHERE id = ?1",
	[SQL_MSG_PUT] =
		"INSERT INTO messages (flags, size, class, subject, sender,"
		" sender_addr, repr, repr_addr, to_, cc, received, submitted,"
		" created, modified, importance, sensitivity, priority, icon,"
		" flag_status, status, topic, internet_id, folder, assoc, cn,"
		" prefix, id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
		" ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,"
		" ?23, ?24, ?25, ?26, ?27)"
		" ON CONFLICT (id) DO UPDATE SET flags = excluded.flags,"
		" size = excluded.size, class = excluded.class,"
		" subject = excluded.subject, sender = excluded.sender,"
		" sender_addr = excluded.sender_addr, repr = excluded.repr,"
		" repr_addr = excluded.repr_addr, to_ = excluded.to_,"
		" cc = excluded.cc, received = excluded.received,"
		" submitted = excluded.submitted, created = excluded.created,"
		" modified = excluded.modified,"
		" importance = excluded.importance,"
		" sensitivity = excluded.sensitivity,"
		" priority = excluded.priority, icon = excluded.icon,"
		" flag_status = excluded.flag_status,"
		" status = excluded.status, topic = excluded.topic,"
		" internet_id = excluded.internet_id,"
		" folder = excluded.folder, assoc = excluded.assoc,"
		" cn = excluded.cn, prefix = excluded.prefix",
	[SQL_MSG_SET_FLAGS] = "UPDATE messages SET flags = ?2 WHERE id = ?1",
	[SQL_MSG_SOFT_DELETE] =
		"UPDATE messages SET deleted = ?2, cn = ?3 WHERE id = ?1",
	[SQL_MSG_HARD_DELETE] = "DELETE FROM messages WHERE id = ?1",
	[SQL_MSG_IN_FOLDER] = "SELECT id FROM messages WHERE folder = ?1"
			      " AND assoc = ?2 AND deleted = 0",
	[SQL_MSGDATA_GET] = "SELECT props FROM msgdata WHERE id = ?1",
	[SQL_MSGDATA_PUT] = "INSERT INTO msgdata (id, props) VALUES (?1, ?2)"
			    " ON CONFLICT (id) DO UPDATE"
			    " SET props = excluded.props",
	[SQL_MSGDATA_DELETE] = "DELETE FROM msgdata WHERE id = ?1",
	[SQL_RECIP_LIST] = "SELECT row, type, props FROM recips WHERE msg = ?1"
			   " ORDER BY row",
	[SQL_RECIP_PUT] = "INSERT INTO recips (msg, row, type, props)"
			  " VALUES (?1, ?2, ?3, ?4)",
	[SQL_RECIP_DELETE_ALL] = "DELETE FROM recips WHERE msg = ?1",
	[SQL_ATT_LIST] = "SELECT num, child, props FROM attachs"
			 " WHERE msg = ?1 ORDER BY num",
	[SQL_ATT_PUT] = "INSERT INTO attachs (msg, num, child, size, props)"
			" VALUES (?1, ?2, ?3, ?4, ?5)",
	[SQL_ATT_DELETE_ALL] = "DELETE FROM attachs WHERE msg = ?1",
	[SQL_ATT_COUNT] = "SELECT count(*) FROM attachs WHERE msg = ?1",

	[SQL_OUTQ_INSERT] =
		"INSERT INTO outq (msg, sent, token, address, recip, mailbox,"
		" reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[SQL_OUTQ_NEXT] =
		"SELECT id, msg, token, address, recip, mailbox, attempts,"
		" reason FROM outq WHERE id > ?1 AND next <= ?2"
		" ORDER BY id LIMIT 1",
	[SQL_OUTQ_RETRY] = "UPDATE outq SET attempts = attempts + 1, next = ?2,"
			   " reason = ?3 WHERE id = ?1",
	[SQL_OUTQ_DELETE] = "DELETE FROM outq WHERE id = ?1",
	[SQL_OUTQ_OF_MSG] = "SELECT count(*) FROM outq WHERE msg = ?1",
	[SQL_OUTQ_COUNT] = "SELECT count(*) FROM outq",
	[SQL_OUTQ_OF_SENT] = "SELECT count(*) FROM outq WHERE sent = ?1",
	[SQL_DELIVERED_GET] = "SELECT 1 FROM delivered WHERE token = ?1",
	[SQL_DELIVERED_PUT] =
		"INSERT INTO delivered (token, at) VALUES (?1, ?2)",
	[SQL_DELIVERED_PURGE] = "DELETE FROM delivered WHERE at < ?1",

	[SQL_CHECK_QUICK] = "PRAGMA quick_check(1)",
	[SQL_CHECK_FOLDERS] =
		"SELECT 1 FROM folders f WHERE parent <> 0 AND NOT EXISTS"
		" (SELECT 1 FROM folders p WHERE p.id = f.parent) LIMIT 1",
	[SQL_CHECK_COUNTS] =
		"SELECT 1 FROM folders f WHERE total <> (SELECT count(*)"
		" FROM messages m WHERE m.folder = f.id AND assoc = 0"
		" AND deleted = 0) OR unread <> (SELECT count(*)"
		" FROM messages m WHERE m.folder = f.id AND assoc = 0"
		" AND deleted = 0 AND flags & 1 = 0) OR f.assoc <>"
		" (SELECT count(*) FROM messages m WHERE m.folder = f.id"
		" AND m.assoc = 1 AND deleted = 0) OR subfolders <>"
		" (SELECT count(*) FROM folders c WHERE c.parent = f.id"
		" AND c.deleted = 0) LIMIT 1",
	[SQL_CHECK_MESSAGES] =
		"SELECT 1 FROM messages m WHERE NOT EXISTS"
		" (SELECT 1 FROM folders f WHERE f.id = m.folder)"
		" OR NOT EXISTS"
		" (SELECT 1 FROM msgdata d WHERE d.id = m.id) LIMIT 1",
	[SQL_CHECK_PARTS] =
		"SELECT 1 FROM (SELECT msg FROM recips UNION"
		" SELECT msg FROM attachs UNION SELECT child FROM attachs"
		" WHERE child IS NOT NULL)"
		" WHERE msg NOT IN (SELECT id FROM msgdata) LIMIT 1",
	[SQL_CHECK_BLOBS] = "SELECT 1 FROM blobs WHERE refs < 0 LIMIT 1",
	[SQL_CHECK_QUEUE] =
		"SELECT 1 FROM outq"
		" WHERE msg NOT IN (SELECT id FROM msgdata) LIMIT 1",
};
