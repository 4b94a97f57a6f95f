/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions: what a logged-on user holds on a mailbox server.
 *
 *   mx_client    this process: registry, poll engine, callback threads
 *    └ mx_session   one user context on one server; holds the user's list
 *       ├ (contexts)   EMSMDB session contexts, made as logons need them
 *       └ mx_logon     a mailbox opened with RopLogon
 *          └ mx_sobj      a server object: folder, message, table …  (sobj.h)
 *             └ mx_sub       who wants to hear of its changes    (notify.h)
 *
 * A child keeps its parent alive, so any release order is right.  Every *_unref
 * is a hand-over: it changes state, queues what the server must be told, and
 * returns; the poll engine tells it.  It never waits, also when the server is
 * gone.  Only mx_client_shutdown() waits, with a deadline.
 *
 * All objects are free-threaded.  Calls that talk to the server run on the
 * caller's thread, take a struct mx_call, and hold no lock while they wait.
 * Calls on one session context take turns, in order of arrival.
 *
 * After fork() the child has none of this: calls return -ESTALE, unrefs do
 * nothing, and nothing is sent.
 *
 * Errors every call with a mx_call may return, with a sentence in call->fault:
 *   -ETIMEDOUT   the deadline, or silence of the server for too long
 *   -ECANCELED   call->cancel fired
 *   -ENETRESET   the answer was lost and the request must not be sent twice:
 *                whether it took effect is unknown
 *   -ESTALE      the object is lost with its session context (unsaved changes,
 *                or nothing recorded to open it again); or we are a forked child
 *   -ESHUTDOWN   the session was logged off, or the client shut down
 *   -EACCES      the server refuses the user (401, no privilege)
 *   -EDQUOT      a limit of ours or of the server's: sessions, logons
 *   -EAGAIN      the server asked for a pause longer than the deadline
 *   -EPROTO, -EBADMSG  the server's answer makes no sense
 *   -EREMOTEIO   the server answered with an error; fault has layer and code
 *   -ECONNREFUSED, -EHOSTUNREACH and kin: as net says; -ENOMEM
 */
#ifndef MX_SESSION_SESSION_H
#define MX_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/clock.h"
#include "base/fault.h"
#include "connlist/registry.h"
#include "identity/userctx.h"
#include "wire/ids.h"
#include "wire/rops.h"

/* Fired from another thread to end a wait; see net/cancel.h. */
struct mx_cancel;

/* How long a call may take and where its complaint goes.  NULL, and a call full
 * of zeros, mean: the client's defaults, not cancelled, no fault. */
struct mx_call {
	mx_mono deadline;         /* {0}: now + the client's call_ms */
	struct mx_cancel *cancel; /* borrowed; NULL: cannot be cancelled */
	struct mx_fault *fault;   /* filled when the call fails; may be NULL */
};

/* --- The process -------------------------------------------------------- */

struct mx_transport_ops;

struct mx_client_params {
	struct mx_reg_params registry; /* zeros: the defaults */
	int64_t call_ms; /* deadline of a call that has none; 0: 10 minutes */
	int64_t idle_ms; /* since the server's last byte; 0: 60 s */
	/* A queued RopRelease goes out by itself after this, or up to a quarter
	 * of it later; 0: 200 ms. */
	int64_t release_ms;
	/* What background requests (release, Disconnect) may take; 0: 15 s. */
	int64_t reaper_ms;
	const char *application; /* X-ClientApplication; NULL: ours */
	const char *ca_file;     /* trusted certificates; NULL: the system's */
	bool tls_no_verify;      /* for laboratories */
	bool allow_plain;        /* credentials over http:// beyond loopback */
	/* Tests put a scripted peer here; NULL: MAPI over HTTP (net). */
	const struct mx_transport_ops *transport;
	void *transport_arg;
};

struct mx_client;

/* Attaches to the registry and prepares the engine (its thread starts with the
 * first session, under the process's credentials).  params may be NULL.
 * 0 with one reference; as mx_reg_open(); -ENOMEM, -EAGAIN (threads). */
int mx_client_new(const struct mx_client_params *params, struct mx_client **ret,
		  struct mx_fault *fault) MX_UNLOCKED;
struct mx_client *mx_client_ref(struct mx_client *c);
/* The last reference shuts down with a deadline of zero. */
void mx_client_unref(struct mx_client *c) MX_UNLOCKED;

/* What could not be ended in time. */
struct mx_left {
	unsigned sessions;  /* still held by the program */
	unsigned objects;   /* still held by the program */
	unsigned contexts;  /* not disconnected: the server will expire them */
	unsigned callbacks; /* still running */
};

/* MAPIUninitialize: cancels calls in progress, ends every poller, sends what is
 * queued, disconnects every session context, ends engine and callback threads.
 * Waits until done or nearly the deadline; then gives up what is left (closed in the
 * registry as LEFT, so that the next process frees the server's sessions) and
 * counts it in *ret (may be NULL).  Objects the program still holds stay valid
 * memory: calls on them return -ESHUTDOWN, unref frees them.  Must not be
 * called from a callback (-EDEADLK).  0, or -ETIMEDOUT when something was left.
 * A second call returns 0. */
int mx_client_shutdown(struct mx_client *c, mx_mono deadline,
		       struct mx_left *ret) MX_UNLOCKED;

/* One thing that was left behind; the strings live during the call. */
enum mx_left_kind {
	MX_LEFT_SESSION, /* the program still holds it, or objects of it */
	MX_LEFT_CONTEXT, /* the server was not told: until it expires there, or
			   * somebody takes it over by the registry's record */
	MX_LEFT_CALLBACK, /* the program's code was called and has not returned */
};
struct mx_left_one {
	enum mx_left_kind kind;
	const char *user, *sid, *server;
	const char *what; /* "1 store, 2 messages"; why not disconnected */
	int64_t since_ms; /* open, ending or running for so long */
	unsigned objects; /* of a session */
};
typedef void mx_left_fn(void *arg, const struct mx_left_one *one);

/* mx_client_shutdown() that also tells what it left, one by one, on the calling
 * thread and without a lock (fn may be NULL; each is logged as a warning too).
 * May be called from a callback, which it then does not wait for. */
int mx_client_end(struct mx_client *c, mx_mono deadline, mx_left_fn *fn,
		  void *arg, struct mx_left *ret) MX_UNLOCKED;
/* From now on mx_client_alive() says no; nothing else happens. */
void mx_client_refuse(struct mx_client *c);
/* Ends the waiting of a mx_client_end() on another thread: its deadline is
 * over.  Any thread. */
void mx_client_hurry(struct mx_client *c);

/* The registry, borrowed, for lists and diagnosis; NULL after shutdown. */
struct mx_reg *mx_client_registry(struct mx_client *c);

/* Whether this is a forked child of the client's process. */
bool mx_client_forked(const struct mx_client *c);

/* False in a forked child and after shutdown. */
bool mx_client_alive(const struct mx_client *c);

/* --- A user's session --------------------------------------------------- */

struct mx_session_params {
	struct mx_userctx *user; /* captured by the caller; a ref is taken */
	const char *url;         /* mailbox endpoint, as Autodiscover gave it */
	const char *user_dn;     /* Connect's UserDn (legacyExchangeDN) */
	uint32_t code_page;      /* for PtypString8; 0: 65001 (UTF-8) */
	uint32_t lcid_sort, lcid_string; /* 0: 0x0409 */
	bool admin;                      /* Connect with admin privilege */
	/* How this session speaks to its server; zeros: as the client does. */
	const char *ca_file;
	const char *proxy;
	int64_t idle_ms;
};

struct mx_session;

/* Joins the user's list, takes a place in the budget, connects (one round trip).
 * When Connect fails the list is left again and its completion signalled.
 * 0 with one reference; -EINVAL; the errors on top. */
int mx_session_open(struct mx_client *c, const struct mx_session_params *params,
		    const struct mx_call *call,
		    struct mx_session **ret) MX_UNLOCKED;
struct mx_session *mx_session_ref(struct mx_session *s);
/* Never waits.  After the last reference of the session and of every logon and
 * object under it, its contexts are disconnected in the background. */
void mx_session_unref(struct mx_session *s) MX_UNLOCKED;

/* IMAPISession::Logoff: from now on calls on anything under this session return
 * -ESHUTDOWN, no notification starts, and its contexts are disconnected in the
 * background.  Never waits. */
void mx_session_logoff(struct mx_session *s) MX_UNLOCKED;

/* From the next call on this is how long the server may be silent; any thread.
 * A NotificationWait is given 60 s whatever it is.  0 changes nothing. */
void mx_session_set_idle(struct mx_session *s, int64_t ms);

/* The same for how long a call may take, kept for the callers: they set
 * mx_call.deadline.  0 as long as nobody has set it. */
void mx_session_set_total(struct mx_session *s, int64_t ms);
int64_t mx_session_total(struct mx_session *s);

/* A call on o (or NULL) begins: has what it will touch of the session fetched
 * into the cache.  It does nothing else. */
struct mx_sobj;
void mx_session_prefetch(struct mx_session *s, const struct mx_sobj *o);

struct mx_client *mx_session_client(struct mx_session *s); /* borrowed */
struct mx_userctx *mx_session_user(struct mx_session *s);  /* borrowed */
const char *mx_session_server(const struct mx_session *s); /* "host:port" */
const char *mx_session_url(const struct mx_session *s);
const char *mx_session_user_dn(const struct mx_session *s);

/* DnPrefix and DisplayName of Connect's answer, borrowed from the session. */
const char *mx_session_dn_prefix(struct mx_session *s);
const char *mx_session_display_name(struct mx_session *s);

/* Numbers for people; consistent enough, not a snapshot. */
struct mx_session_stats {
	uint32_t list_slot, sid_crc;
	uint64_t list_generation;
	unsigned contexts, logons, objects;
	unsigned pending_releases;
	uint64_t round_trips; /* requests sent, background ones too */
	uint64_t bytes_out, bytes_in;
	uint64_t head_out, head_in; /* of them, headers */
	uint64_t reconnects, notified;
};
void mx_session_stats(struct mx_session *s, struct mx_session_stats *ret);

/* --- A mailbox ---------------------------------------------------------- */

struct mx_logon_params {
	const char *mailbox_dn; /* Essdn; NULL: the session's user_dn */
	bool public_store;      /* LogonFlags 0 instead of Private */
	/* RopLogon OpenFlags besides what we always set: MX_OPEN_*. */
	uint32_t open_flags;
};

#define MX_OPEN_USE_ADMIN_PRIVILEGE 0x00000001u
#define MX_OPEN_PUBLIC 0x00000002u
#define MX_OPEN_HOME_LOGON 0x00000004u
#define MX_OPEN_TAKE_OWNERSHIP 0x00000008u
#define MX_OPEN_ALTERNATE_SERVER 0x00000100u
#define MX_OPEN_IGNORE_HOME_MDB 0x00000200u
#define MX_OPEN_NO_MAIL 0x00000400u
#define MX_OPEN_USE_PER_MDB_REPLID_MAPPING 0x01000000u

/* Indexes into folder_ids of a private logon.  [MS-OXCSTOR] 2.2.1.1.3 */
enum mx_special_folder {
	MX_FOLDER_ROOT,
	MX_FOLDER_DEFERRED_ACTION,
	MX_FOLDER_SPOOLER_QUEUE,
	MX_FOLDER_IPM_SUBTREE,
	MX_FOLDER_INBOX,
	MX_FOLDER_OUTBOX,
	MX_FOLDER_SENT_ITEMS,
	MX_FOLDER_DELETED_ITEMS,
	MX_FOLDER_COMMON_VIEWS,
	MX_FOLDER_SCHEDULE,
	MX_FOLDER_SEARCH,
	MX_FOLDER_VIEWS,
	MX_FOLDER_SHORTCUTS,
	MX_N_SPECIAL_FOLDERS,
};

struct mx_logon_info {
	uint64_t folder_ids[MX_N_SPECIAL_FOLDERS];
	uint8_t response_flags;      /* 1 always, 2 owner, 4 may send as */
	struct mx_guid mailbox_guid; /* private logons */
	uint16_t repl_id;
	struct mx_guid repl_guid;
	struct mx_guid per_user_guid; /* public logons */
	uint32_t store_state;
};

struct mx_logon;

/* A logon that is not sent yet: the first batch that needs it sends RopLogon in
 * front, or mx_logon_open() does.  No I/O.  0, -ENOMEM, -ESHUTDOWN, -ESTALE. */
int mx_logon_new(struct mx_session *s, const struct mx_logon_params *params,
		 struct mx_logon **ret);

/* Sends RopLogon if that has not happened yet (one round trip; another for
 * Connect when the session's contexts are full).  When the server refuses
 * -EREMOTEIO with layer ROP and the code (0x478 is ecWrongServer). */
int mx_logon_open(struct mx_logon *l, const struct mx_call *call) MX_UNLOCKED;

struct mx_logon *mx_logon_ref(struct mx_logon *l);
/* The last reference (objects hold one) releases the logon on the server and
 * gives its logon id back.  Never waits. */
void mx_logon_unref(struct mx_logon *l) MX_UNLOCKED;

/* What RopLogon answered, borrowed; NULL before it was answered.  Stays the same
 * over reconnects. */
const struct mx_logon_info *mx_logon_info(struct mx_logon *l);

/* The logon as an object, for ROPs on it (GetReceiveFolder, properties of the
 * store …), borrowed from the logon. */
struct mx_sobj *mx_logon_sobj(struct mx_logon *l);

struct mx_session *mx_logon_session(struct mx_logon *l); /* borrowed */
const char *mx_logon_mailbox_dn(const struct mx_logon *l);

/* FID or MID to LongTermID and back.  The replid of the logon's own replica is
 * known; another is asked for once (one round trip) and remembered.
 * 0, -EREMOTEIO (the server does not know it), the errors on top. */
int mx_logon_ltid_from_id(struct mx_logon *l, uint64_t id,
			  const struct mx_call *call,
			  struct mx_ltid *ret) MX_UNLOCKED;
int mx_logon_id_from_ltid(struct mx_logon *l, const struct mx_ltid *ltid,
			  const struct mx_call *call,
			  uint64_t *ret) MX_UNLOCKED;

/* Cleanup hooks. */
static inline void mx_client_auto(struct mx_client **c)
{
	mx_client_unref(*c);
}

static inline void mx_session_auto(struct mx_session **s)
{
	mx_session_unref(*s);
}

static inline void mx_logon_auto(struct mx_logon **l)
{
	mx_logon_unref(*l);
}

#endif
