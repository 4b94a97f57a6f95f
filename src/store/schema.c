/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schemas' history, step by step.  A step that was released is never
 * edited: what changes later is another step.  doc/formats/mailbox-db.md says
 * what the tables mean.
 */
#include "store/sql.h"

static const struct mx_migration mbox_steps[] = {
	{"CREATE TABLE mailbox ("
	 "  one INTEGER PRIMARY KEY CHECK (one = 1),"
	 "  guid BLOB NOT NULL, replguid BLOB NOT NULL,"
	 "  created INTEGER NOT NULL,"
	 "  last_id INTEGER NOT NULL, last_cn INTEGER NOT NULL,"
	 "  key_version TEXT NOT NULL, props BLOB NOT NULL);"

	 "CREATE TABLE replicas (id INTEGER PRIMARY KEY, guid BLOB UNIQUE);"

	 "CREATE TABLE names (id INTEGER PRIMARY KEY,"
	 "  guid BLOB NOT NULL, lid INTEGER NOT NULL, name TEXT NOT NULL,"
	 "  UNIQUE (guid, lid, name));"

	 "CREATE TABLE folders (id INTEGER PRIMARY KEY,"
	 "  parent INTEGER NOT NULL, special INTEGER, type INTEGER NOT NULL,"
	 "  deleted INTEGER NOT NULL DEFAULT 0, cn INTEGER NOT NULL,"
	 "  name TEXT NOT NULL, class TEXT,"
	 "  created INTEGER NOT NULL, modified INTEGER NOT NULL,"
	 "  total INTEGER NOT NULL DEFAULT 0,"
	 "  unread INTEGER NOT NULL DEFAULT 0,"
	 "  assoc INTEGER NOT NULL DEFAULT 0,"
	 "  gone INTEGER NOT NULL DEFAULT 0,"
	 "  size INTEGER NOT NULL DEFAULT 0,"
	 "  subfolders INTEGER NOT NULL DEFAULT 0,"
	 "  props BLOB NOT NULL);"
	 "CREATE UNIQUE INDEX folders_name ON folders (parent, mx_key(name))"
	 "  WHERE deleted = 0;"
	 "CREATE INDEX folders_parent ON folders (parent, deleted);"

	 "CREATE TABLE receive (class TEXT PRIMARY KEY COLLATE NOCASE,"
	 "  folder INTEGER NOT NULL) WITHOUT ROWID;"

	 "CREATE TABLE messages (id INTEGER PRIMARY KEY,"
	 "  folder INTEGER NOT NULL, assoc INTEGER NOT NULL,"
	 "  deleted INTEGER NOT NULL DEFAULT 0, cn INTEGER NOT NULL,"
	 "  flags INTEGER NOT NULL, size INTEGER NOT NULL,"
	 "  class TEXT, subject TEXT, prefix INTEGER NOT NULL DEFAULT 0,"
	 "  sender TEXT, sender_addr TEXT, repr TEXT, repr_addr TEXT,"
	 "  to_ TEXT, cc TEXT, received INTEGER, submitted INTEGER,"
	 "  created INTEGER, modified INTEGER, importance INTEGER,"
	 "  sensitivity INTEGER, priority INTEGER, icon INTEGER,"
	 "  flag_status INTEGER, status INTEGER, topic TEXT,"
	 "  internet_id TEXT);"
	 "CREATE INDEX messages_received ON messages"
	 "  (folder, assoc, deleted, received);"
	 "CREATE INDEX messages_subject ON messages"
	 "  (folder, assoc, deleted, mx_key(subject));"
	 "CREATE INDEX messages_nsubject ON messages"
	 "  (folder, assoc, deleted, mx_nkey(subject, prefix));"
	 "CREATE INDEX messages_repr ON messages"
	 "  (folder, assoc, deleted, mx_key(repr));"
	 "CREATE INDEX messages_modified ON messages"
	 "  (folder, assoc, deleted, modified);"

	 "CREATE TABLE msgdata (id INTEGER PRIMARY KEY, props BLOB NOT NULL);"
	 "CREATE TABLE recips (msg INTEGER NOT NULL, row INTEGER NOT NULL,"
	 "  type INTEGER NOT NULL, props BLOB NOT NULL,"
	 "  PRIMARY KEY (msg, row)) WITHOUT ROWID;"
	 "CREATE TABLE attachs (id INTEGER PRIMARY KEY,"
	 "  msg INTEGER NOT NULL, num INTEGER NOT NULL, child INTEGER,"
	 "  size INTEGER NOT NULL, props BLOB NOT NULL);"
	 "CREATE UNIQUE INDEX attachs_msg ON attachs (msg, num);"
	 "CREATE TABLE blobs (id INTEGER PRIMARY KEY,"
	 "  refs INTEGER NOT NULL, data BLOB NOT NULL);"
	 "CREATE INDEX blobs_unused ON blobs (refs) WHERE refs = 0;"

	 "CREATE TABLE outq (id INTEGER PRIMARY KEY,"
	 "  msg INTEGER NOT NULL, sent INTEGER, token BLOB NOT NULL UNIQUE,"
	 "  address TEXT NOT NULL, recip INTEGER NOT NULL, mailbox BLOB,"
	 "  attempts INTEGER NOT NULL DEFAULT 0,"
	 "  next INTEGER NOT NULL DEFAULT 0, reason TEXT);"
	 "CREATE INDEX outq_msg ON outq (msg);"
	 "CREATE TABLE delivered (token BLOB PRIMARY KEY,"
	 "  at INTEGER NOT NULL) WITHOUT ROWID;"

	 /* Counts follow the rows, whoever changes them. */
	 "CREATE TRIGGER messages_add AFTER INSERT ON messages BEGIN"
	 "  UPDATE folders SET"
	 "    total = total + (NEW.deleted = 0 AND NEW.assoc = 0),"
	 "    unread = unread + (NEW.deleted = 0 AND NEW.assoc = 0"
	 "      AND NEW.flags & 1 = 0),"
	 "    assoc = assoc + (NEW.deleted = 0 AND NEW.assoc = 1),"
	 "    gone = gone + (NEW.deleted <> 0), size = size + NEW.size"
	 "  WHERE id = NEW.folder; END;"
	 "CREATE TRIGGER messages_remove AFTER DELETE ON messages BEGIN"
	 "  UPDATE folders SET"
	 "    total = total - (OLD.deleted = 0 AND OLD.assoc = 0),"
	 "    unread = unread - (OLD.deleted = 0 AND OLD.assoc = 0"
	 "      AND OLD.flags & 1 = 0),"
	 "    assoc = assoc - (OLD.deleted = 0 AND OLD.assoc = 1),"
	 "    gone = gone - (OLD.deleted <> 0), size = size - OLD.size"
	 "  WHERE id = OLD.folder; END;"
	 "CREATE TRIGGER messages_change"
	 "  AFTER UPDATE OF folder, assoc, deleted, flags, size ON messages"
	 "  BEGIN"
	 "  UPDATE folders SET"
	 "    total = total - (OLD.deleted = 0 AND OLD.assoc = 0),"
	 "    unread = unread - (OLD.deleted = 0 AND OLD.assoc = 0"
	 "      AND OLD.flags & 1 = 0),"
	 "    assoc = assoc - (OLD.deleted = 0 AND OLD.assoc = 1),"
	 "    gone = gone - (OLD.deleted <> 0), size = size - OLD.size"
	 "  WHERE id = OLD.folder;"
	 "  UPDATE folders SET"
	 "    total = total + (NEW.deleted = 0 AND NEW.assoc = 0),"
	 "    unread = unread + (NEW.deleted = 0 AND NEW.assoc = 0"
	 "      AND NEW.flags & 1 = 0),"
	 "    assoc = assoc + (NEW.deleted = 0 AND NEW.assoc = 1),"
	 "    gone = gone + (NEW.deleted <> 0), size = size + NEW.size"
	 "  WHERE id = NEW.folder; END;"
	 "CREATE TRIGGER folders_add AFTER INSERT ON folders BEGIN"
	 "  UPDATE folders SET subfolders = subfolders + (NEW.deleted = 0)"
	 "  WHERE id = NEW.parent; END;"
	 "CREATE TRIGGER folders_remove AFTER DELETE ON folders BEGIN"
	 "  UPDATE folders SET subfolders = subfolders - (OLD.deleted = 0)"
	 "  WHERE id = OLD.parent; END;"
	 "CREATE TRIGGER folders_change"
	 "  AFTER UPDATE OF parent, deleted ON folders BEGIN"
	 "  UPDATE folders SET subfolders = subfolders - (OLD.deleted = 0)"
	 "  WHERE id = OLD.parent;"
	 "  UPDATE folders SET subfolders = subfolders + (NEW.deleted = 0)"
	 "  WHERE id = NEW.parent; END;"},
};

static const struct mx_migration users_steps[] = {
	{"CREATE TABLE store (one INTEGER PRIMARY KEY CHECK (one = 1),"
	 "  sid BLOB NOT NULL, last_rid INTEGER NOT NULL);"
	 "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT,"
	 "  name TEXT NOT NULL COLLATE NOCASE UNIQUE,"
	 "  dn TEXT NOT NULL COLLATE NOCASE UNIQUE,"
	 "  smtp TEXT NOT NULL COLLATE NOCASE UNIQUE,"
	 "  display TEXT NOT NULL, sid BLOB NOT NULL UNIQUE,"
	 "  mailbox BLOB NOT NULL UNIQUE, hash TEXT,"
	 "  pw_gen INTEGER NOT NULL, disabled INTEGER NOT NULL DEFAULT 0);"
	 "CREATE TABLE grants (owner INTEGER NOT NULL,"
	 "  grantee INTEGER NOT NULL, rights INTEGER NOT NULL,"
	 "  PRIMARY KEY (owner, grantee)) WITHOUT ROWID;"
	 "CREATE TABLE sending (mailbox BLOB PRIMARY KEY) WITHOUT ROWID;"},
};

const struct mx_schema mx_schema_mbox = {
	.application_id = 0x4d586d62,
	.steps = mbox_steps,
	.n_steps = MX_ARRAY_SIZE(mbox_steps),
	.sql = mx_sql_mbox,
	.n_sql = SQL_MBOX_COUNT,
};

const struct mx_schema mx_schema_users = {
	.application_id = 0x4d587573,
	.steps = users_steps,
	.n_steps = MX_ARRAY_SIZE(users_steps),
	.sql = mx_sql_users,
	.n_sql = SQL_USERS_COUNT,
};
