/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks: HTTP Basic authentication (RFC 7617) against the store's users.
 *
 * Hashing a password costs about 15 ms, so a header that was right is
 * remembered for a minute: as a keyed hash (HMAC-SHA-256 under a random key of
 * this process), never the header itself.  A changed or removed password, a
 * disabled or removed user ends it at once.  What was wrong is not remembered.
 */
#ifndef MX_SERVER_AUTH_H
#define MX_SERVER_AUTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mx_auth;
struct mx_store;

/* A user as he was when he proved himself.  Immutable, counted. */
struct mx_ident {
	_Atomic unsigned refs;
	uint32_t id; /* in the directory */
	uint8_t mailbox[16];
	char *name, *dn, *display, *smtp;
};

struct mx_ident *mx_ident_ref(struct mx_ident *id);
void mx_ident_unref(struct mx_ident *id); /* NULL is fine */

/* keep_ms: how long a verified header is remembered.  0; -errno. */
int mx_auth_new(struct mx_store *st, unsigned keep_ms, struct mx_auth **ret);
void mx_auth_free(struct mx_auth *a); /* NULL is fine */

/* The user of a remembered header; NULL when it must be verified.  Fast.  Any
 * thread; to be unreffed. */
struct mx_ident *mx_auth_cached(struct mx_auth *a, const char *header);

/*
 * Verifies an Authorization header.  Takes as long as a password hash does.
 * 0 with *ret to be unreffed; -EACCES wrong user or password; -EBADMSG not a
 * Basic header; other errnos when the directory fails.
 */
int mx_auth_verify(struct mx_auth *a, const char *header,
		   struct mx_ident **ret);

/* Passwords hashed so far. */
uint64_t mx_auth_hashes(struct mx_auth *a);

#endif
