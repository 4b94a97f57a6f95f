/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User contexts: on whose behalf something is done, as a value.
 *
 * A context is immutable and counted by references.  It is captured once, on
 * the caller's thread, by mx_userctx_capture() inside MAPILogonEx, and carried
 * from then on: by the session, the connection list, every queued release,
 * every background request.  Nobody else asks a thread who it works for.
 *
 *   thread's stack:  push (MapiaryImpersonate), pop (MapiaryRevert), nested
 *   registered:      contexts for kernel user ids (threads after setresuid)
 *   process:         one context for threads that say nothing
 */
#ifndef MX_IDENTITY_USERCTX_H
#define MX_IDENTITY_USERCTX_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/lock.h"
#include "identity/secret.h"
#include "identity/sid.h"

enum mx_auth {
	MX_AUTH_NONE,     /* knows who, cannot prove it */
	MX_AUTH_PASSWORD, /* fixed, or from a callback at each need */
	MX_AUTH_GSS,      /* Negotiate with the user's own GSS credential */
	MX_AUTH_BEARER,   /* OAuth token from a callback at each need */
};

/* Gives the password or token for a server ("host:port").  Called on any
 * thread, on several at once, whenever a request needs it and as long as the
 * context lives, never with a lock held.  It must not call back into MAPI.
 * Returns 0 with *ret filled, or -errno (-ECANCELED, -ENOKEY, …). */
typedef int mx_secret_fn(void *arg, const char *server, struct mx_secret *ret);

struct mx_userctx_params {
	struct mx_sid sid;   /* required */
	const char *display; /* for people; NULL: login, else the SID's text */
	const char *login;   /* user name or UPN sent to servers; may be NULL */
	enum mx_auth auth;
	const char *password; /* MX_AUTH_PASSWORD: copied, wiped at the end */
	mx_secret_fn *secret; /* else the callback (PASSWORD, BEARER) */
	void *arg;            /* for secret; or the gss_cred_id_t (GSS) */
	/* Called with arg when the last reference goes; may be NULL.  When
	 * mx_userctx_new fails it is not called: arg stays the caller's. */
	void (*free_arg)(void *arg);
};

struct mx_userctx;

/* A new context with one reference; every string is copied.  0, -EINVAL (no
 * SID, or a way to authenticate without its means), -ENOMEM. */
int mx_userctx_new(const struct mx_userctx_params *p, struct mx_userctx **ret);

/* Any thread; NULL is fine.  ref returns its argument. */
struct mx_userctx *mx_userctx_ref(struct mx_userctx *ctx);
void mx_userctx_unref(struct mx_userctx *ctx);

/* A request for the user begins: has what mx_userctx_login() and
 * mx_userctx_secret() give fetched into the cache. */
void mx_userctx_prefetch(const struct mx_userctx *ctx);

/* Cleanup hook. */
static inline void mx_userctx_auto(struct mx_userctx **ctx)
{
	mx_userctx_unref(*ctx);
}

/* Borrowed from the context, valid as long as a reference is held. */
const struct mx_sid *mx_userctx_sid(const struct mx_userctx *ctx);
const char *mx_userctx_display(const struct mx_userctx *ctx); /* not NULL */
const char *mx_userctx_login(const struct mx_userctx *ctx);   /* may be NULL */
const char *mx_userctx_sid_text(const struct mx_userctx *ctx);
enum mx_auth mx_userctx_auth(const struct mx_userctx *ctx);

/* The GSS credential (MX_AUTH_GSS), else NULL; borrowed. */
void *mx_userctx_gss(const struct mx_userctx *ctx);

/* The password or bearer token for a server.  Calls the program's callback:
 * never with a lock held.  0 with *ret filled (the caller finis it), -ENOTSUP
 * when this kind has none, -ENOMEM, or what the callback said. */
int mx_userctx_secret(const struct mx_userctx *ctx, const char *server,
		      struct mx_secret *ret) MX_UNLOCKED;

/* True when mx_userctx_secret() answers without calling the program. */
bool mx_userctx_secret_at_hand(const struct mx_userctx *ctx);

/* --- The thread's stack ------------------------------------------------- */

/* MapiaryImpersonate: from now on this thread acts for ctx, until the matching
 * pop.  Takes its own reference.  0 or -ENOMEM; -E2BIG past 1,000 levels.
 * A thread that ends drops its stack. */
int mx_userctx_push(struct mx_userctx *ctx);

/* MapiaryRevert: back to what was before the last push.  0, or -ENOENT when
 * nothing was pushed on this thread. */
int mx_userctx_pop(void);

/* The top of this thread's stack, borrowed until the next pop; NULL if empty.
 * For MapiaryImpersonate's own queries; acting code uses capture. */
struct mx_userctx *mx_userctx_top(void);

/* --- Registered contexts ------------------------------------------------ */

/* The context of threads whose kernel user id is uid while the process has
 * another.  Replaces an older one; NULL removes it.  0 or -ENOMEM. */
int mx_userctx_register(uid_t uid, struct mx_userctx *ctx);

/* The context of threads that say nothing; NULL removes it. */
void mx_userctx_set_process(struct mx_userctx *ctx);

/* --- Capture ------------------------------------------------------------ */

enum mx_capture {
	/* A thread that says nothing gets the process's context. */
	MX_CAPTURE_PROCESS,
	/* A thread that says nothing gets an error (B47). */
	MX_CAPTURE_EXPLICIT,
};

/* Finds out, once, for whom this thread acts: the top of its stack; else the
 * context registered for its kernel user id when that differs from the
 * process's; else, by policy, the process's context.
 * For MAPILogonEx only.  0 with a reference in *ret;
 *   -ENOENT  the thread says nothing and there is no process context, or the
 *            policy is MX_CAPTURE_EXPLICIT;
 *   -EACCES  the thread has another kernel user id and no context is
 *            registered for it: it never falls back to the process's.  (The
 *            API then takes that Unix user's own, net/unix-user.h.) */
int mx_userctx_capture(enum mx_capture policy, struct mx_userctx **ret);

#endif
