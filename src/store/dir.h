/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of users: users.db.  Who exists, how he is called on the wire
 * (legacyExchangeDN), his SID, his password's hash, his mailbox, and who may
 * work in whose mailbox.  Any thread; one lock for the directory, held for
 * single statements only, never while a password is hashed.
 */
#ifndef MX_STORE_DIR_H
#define MX_STORE_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mx_arena;
struct mx_store;

/* A user as the directory has him.  Strings are UTF-8 and live in the arena of
 * the call that gave them; none is NULL. */
struct mx_user {
	uint32_t id;      /* small and stable: the directory's key */
	const char *name; /* login name, unique without regard to case */
	const char *dn;   /* legacyExchangeDN, unique likewise */
	const char *display;
	const char *smtp;   /* unique likewise */
	const uint8_t *sid; /* binary, MS-DTYP 2.4.2.2 */
	size_t sid_len;
	uint8_t mailbox[16]; /* guid of his mailbox, wire byte order */
	uint64_t pw_gen;     /* grows whenever the password changes */
	bool disabled;
};

/*
 * Makes a user and his mailbox with the standard folders.  Of `u` name is
 * needed; what is NULL or 0 is made up: display = name, smtp =
 * name@mapiary.test, dn = /o=ORG/ou=Exchange Administrative Group
 * (FYDIBOHF23SPDLT)/cn=Recipients/cn=NAME, sid = S-1-5-21-<store's>-RID,
 * mailbox = random.  password NULL: nobody can log on as him.  *ret (may be
 * NULL) lives in the arena.  Returns 0; MX_ANS_EXISTS; MX_ANS_INVALID_PARAM
 * for a name that is empty, too long (256) or has a control character; errno.
 * After a crash the user exists with a mailbox or not at all.
 */
int mx_dir_add(struct mx_store *st, const struct mx_user *u,
	       const char *password, struct mx_arena *a, struct mx_user *ret);

/* Removes user, grants and mailbox (its file is deleted when nobody has it
 * open any more).  0; MX_ANS_UNKNOWN_USER. */
int mx_dir_remove(struct mx_store *st, const char *name);

/* Look-ups: 0 with *ret filled in; MX_ANS_UNKNOWN_USER.  `_any` takes a name, an
 * SMTP address, a DN, with or without the prefix "SMTP:" or "EX:". */
int mx_dir_by_name(struct mx_store *st, const char *name, struct mx_arena *a,
		   struct mx_user *ret);
int mx_dir_by_dn(struct mx_store *st, const char *dn, struct mx_arena *a,
		 struct mx_user *ret);
int mx_dir_by_smtp(struct mx_store *st, const char *smtp, struct mx_arena *a,
		   struct mx_user *ret);
int mx_dir_by_sid(struct mx_store *st, const void *sid, size_t len,
		  struct mx_arena *a, struct mx_user *ret);
int mx_dir_by_mailbox(struct mx_store *st, const uint8_t guid[16],
		      struct mx_arena *a, struct mx_user *ret);
int mx_dir_any(struct mx_store *st, const char *text, struct mx_arena *a,
	       struct mx_user *ret);

/* All users by name; *ret and *ret_n from the arena. */
int mx_dir_list(struct mx_store *st, struct mx_arena *a, struct mx_user **ret,
		size_t *ret_n);

/* 0 when the password is right (about 15 ms: yescrypt); MX_ANS_BAD_PASSWORD also
 * for an unknown or disabled user, after the same time.  *ret_pw_gen (may be NULL) tells
 * a cache of verified headers when to forget: compare it with mx_dir_pw_gen. */
int mx_dir_check(struct mx_store *st, const char *name, const char *password,
		 uint64_t *ret_pw_gen);

/* The password generation now, 0 when there is no such user or he is disabled:
 * a query. */
uint64_t mx_dir_pw_gen(struct mx_store *st, const char *name);

/* Moves on with every change of a password or a user's state, before the change
 * is acknowledged: as long as it stands, so does every mx_dir_pw_gen.  No lock, no
 * query: for each request. */
uint64_t mx_dir_epoch(struct mx_store *st);

/* Sets or (NULL) takes away the password. */
int mx_dir_set_password(struct mx_store *st, const char *name,
			const char *password);
int mx_dir_set_disabled(struct mx_store *st, const char *name, bool disabled);

/* What a user may do in another's mailbox. */
enum mx_grant {
	MX_GRANT_READ = 1,        /* open everything, change nothing */
	MX_GRANT_FULL = 2,        /* as the owner */
	MX_GRANT_SEND_AS = 4,     /* submit with him as the sender */
	MX_GRANT_SEND_BEHALF = 8, /* … as the represented sender */
};

/* Grants exactly `rights` (0 takes all away) on owner's mailbox to grantee,
 * both by name.  It holds from the next logon on, in every process that has the
 * store open; a logon that exists keeps what it had.  0; MX_ANS_UNKNOWN_USER. */
int mx_dir_grant(struct mx_store *st, const char *owner, const char *grantee,
		 unsigned rights);

/* One grant; the name lives in the arena of the call that gave it. */
struct mx_dir_grant {
	uint32_t owner, grantee; /* mx_user.id */
	const char *name;        /* the grantee's */
	unsigned rights;
};

/* All grants, by the owners' names, then the grantees'; from the arena. */
int mx_dir_list_grants(struct mx_store *st, struct mx_arena *a,
		       struct mx_dir_grant **ret, size_t *ret_n);

/* The rights of user id `grantee` on the mailbox: all of them for the owner. */
int mx_dir_rights(struct mx_store *st, const uint8_t mailbox[16],
		  uint32_t grantee, unsigned *ret_rights);

#endif
