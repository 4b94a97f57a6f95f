/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session contexts.  [MS-OXCMAPIHTTP] 3.2.1, 3.2.5.
 *
 *   Connect ─► idle ◄──enter/leave──► busy      one request at a time
 *                └──── + one parked NotificationWait ────┘
 *   Disconnect, reconnect, idle too long, shutdown ─► dead: no cookie finds it;
 *   what is running finishes, the parked wait ends at once, and the last
 *   reference frees logons and objects, on a worker.
 *
 * A context belongs to the user who made it; anyone else's cookie finds nothing.
 * Objects and logons are touched only by who is busy in it.
 */
#ifndef MX_SERVER_CTX_H
#define MX_SERVER_CTX_H

#include "server/object.h"
#include "server/server-private.h"

struct mx_ctxs;
struct mx_req;

#define MX_COOKIE_STRLEN 32

struct mx_ctx {
	struct mx_server *srv;
	struct mx_list node, user_node; /* ctxs.lock */
	_Atomic unsigned refs;
	uint64_t serial; /* its number in logs */
	_Atomic int64_t
		idle_ns; /* mx_mono when it expires, when nothing runs */
	char cookie[MX_COOKIE_STRLEN + 1];
	struct mx_ident *owner; /* fixed for life */
	char *dn_prefix;        /* what Connect answered */
	uint32_t codepage, lcid;

	/* Under ctxs.lock. */
	bool busy, dead;
	struct mx_timer idle_timer;
	struct mx_job free_job;

	/* Of whoever is busy in it. */
	struct mx_objects objects;
	_Atomic uint64_t sequence; /* of the answers so far */

	struct mx_mutex lock;
	struct mx_req *parked; /* the NotificationWait held open; a reference */
	struct mx_list notes;  /* struct mx_note, oldest first */
	unsigned n_notes, n_lost;
	bool tables_dirty; /* some table watched here has changed */
	bool killed;       /* no wait may be parked any more */
};

int mx_ctxs_new(struct mx_server *srv, struct mx_ctxs **ret);
/* Kills all contexts: parked waits end with X-ResponseCode `code`. */
void mx_ctxs_kill(struct mx_ctxs *cs, int code);
void mx_ctxs_free(struct mx_ctxs *cs); /* all must be gone */
unsigned mx_ctxs_count(struct mx_ctxs *cs);

/* Makes a context for `who`, busy.  0 with one reference; -EDQUOT too many of
 * this user; -ENOMEM; -errno of the random source; -ESHUTDOWN. */
int mx_ctx_new(struct mx_server *srv, struct mx_ident *who,
	       struct mx_ctx **ret);

/* The context of a cookie, when it is `who`'s.  0 with a reference; -ENOENT. */
int mx_ctx_find(struct mx_server *srv, const char *cookie,
		const struct mx_ident *who, struct mx_ctx **ret);

/* Becomes the one request in it.  0; -EBUSY; -ENOENT when it died. */
int mx_ctx_enter(struct mx_ctx *ctx);
void mx_ctx_leave(struct mx_ctx *ctx);

/* Starts its idle time anew.  Takes no lock. */
void mx_ctx_touch(struct mx_ctx *ctx);

/* Kills it; a parked wait ends with X-ResponseCode `code`. */
void mx_ctx_kill(struct mx_ctx *ctx, int code);

struct mx_ctx *mx_ctx_ref(struct mx_ctx *ctx);
void mx_ctx_unref(struct mx_ctx *ctx); /* NULL is fine; any thread */

#endif
