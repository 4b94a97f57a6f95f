/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Every statement on users.db. */
#include "store/sql.h"

#define USER                                                                   \
	"SELECT id, name, dn, display, smtp, sid, mailbox, pw_gen,"            \
	" disabled FROM users "

const char *const mx_sql_users[] = {
	[SQL_STORE_INSERT] = "INSERT INTO store (one, sid, last_rid)"
			     " VALUES (1, ?1, 1000)",
	[SQL_STORE_GET] = "SELECT sid FROM store",
	[SQL_NEW_RID] = "UPDATE store SET last_rid = last_rid + 1"
			" RETURNING last_rid",
	[SQL_USER_INSERT] =
		"INSERT INTO users (name, dn, display, smtp, sid, mailbox,"
		" hash, pw_gen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[SQL_USER_DELETE] = "DELETE FROM users WHERE id = ?1",
	[SQL_USER_BY_ID] = USER "WHERE id = ?1",
	[SQL_USER_BY_NAME] = USER "WHERE name = ?1",
	[SQL_USER_BY_DN] = USER "WHERE dn = ?1",
	[SQL_USER_BY_SMTP] = USER "WHERE smtp = ?1",
	[SQL_USER_BY_SID] = USER "WHERE sid = ?1",
	[SQL_USER_BY_MAILBOX] = USER "WHERE mailbox = ?1",
	[SQL_USER_LIST] = USER "ORDER BY name",
	[SQL_USER_HASH] = "SELECT hash, pw_gen, disabled FROM users"
			  " WHERE name = ?1",
	[SQL_USER_SET_HASH] = "UPDATE users SET hash = ?2, pw_gen = ?3"
			      " WHERE name = ?1",
	[SQL_USER_SET_DISABLED] = "UPDATE users SET disabled = ?2,"
				  " pw_gen = ?3 WHERE name = ?1",
	[SQL_GRANT_PUT] = "INSERT INTO grants (owner, grantee, rights)"
			  " VALUES (?1, ?2, ?3) ON CONFLICT (owner, grantee)"
			  " DO UPDATE SET rights = excluded.rights",
	[SQL_GRANT_DELETE] = "DELETE FROM grants"
			     " WHERE owner = ?1 AND grantee = ?2",
	[SQL_GRANT_DELETE_USER] = "DELETE FROM grants"
				  " WHERE owner = ?1 OR grantee = ?1",
	[SQL_GRANT_GET] =
		"SELECT u.id, ifnull(g.rights, 0) FROM users u"
		" LEFT JOIN grants g ON g.owner = u.id AND g.grantee = ?2"
		" WHERE u.mailbox = ?1",
	[SQL_GRANT_LIST] = "SELECT g.owner, u.id, u.name, g.rights"
			   " FROM grants g JOIN users u ON u.id = g.grantee"
			   " JOIN users o ON o.id = g.owner"
			   " ORDER BY o.name, u.name",
	[SQL_SENDING_PUT] = "INSERT OR IGNORE INTO sending (mailbox)"
			    " VALUES (?1)",
	[SQL_SENDING_DELETE] = "DELETE FROM sending WHERE mailbox = ?1",
	[SQL_SENDING_LIST] = "SELECT mailbox FROM sending",
};
