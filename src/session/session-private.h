/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of src/session share.
 *
 * Locks.  One mutex a session (`s->lock`) guards everything under it: contexts,
 * logons, objects, subscriptions.  It is held for memory work only.  Order:
 * client->lock, then s->lock, then leaves (a waiter's own lock, cancel tokens,
 * the serial queues', the registry's).  See doc/locks.md.
 *
 * The turn.  Each context has one turn; who has it may talk to the server, and
 * is the only one who changes what the server knows: handles, epochs, tables'
 * and streams' positions, unsaved marks.  Those fields are written under s->lock
 * too, so that others may read them.
 */
#ifndef MX_SESSION_PRIVATE_H
#define MX_SESSION_PRIVATE_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/lines.h"
#include "base/list.h"
#include "base/lock.h"
#include "connlist/clist.h"
#include "connlist/conn.h"
#include "net/net.h"
#include "session/batch.h"
#include "session/notify.h"
#include "session/sobj.h"
#include "session/transport.h"

#define MX_NO_LOGON 0xff
/* "{GUID}:counter" */
#define MX_REQUEST_ID_SIZE 56
/* Logons in one context: LogonId is one byte, 255 stays free.  B16. */
#define MX_MAX_LOGON_IDS 255
/* RopReleases that ride along in one Execute. */
#define MX_RELEASES_PER_EXECUTE 150
/* Queued releases that make the reaper hurry. */
#define MX_RELEASES_MANY 64
/* Events one subscription keeps before they collapse into "missed". */
#define MX_MAX_SUB_EVENTS 1024

struct mx_ctx;

struct mx_client {
	atomic_uint refs; /* the program's */
	atomic_uint core; /* 1 while refs > 0, and one a session */
	unsigned fork_gen;
	struct mx_mutex lock;
	struct mx_cond idle; /* n_ctx went down */
	struct mx_list sessions MX_GUARDED(&lock);
	bool down MX_GUARDED(&lock); /* shutdown has begun */
	bool beating MX_GUARDED(&lock);
	unsigned n_sessions MX_GUARDED(&lock);
	unsigned n_ctx MX_GUARDED(&lock);
	unsigned n_beats MX_GUARDED(&lock); /* closures on the engine */
	bool hurry MX_GUARDED(&lock);       /* shutdown waits no longer */
	struct mx_list callbacks MX_GUARDED(&lock); /* struct mx_callback */
	atomic_bool is_down;
	atomic_uint n_objects;
	char guid[MX_GUID_STRLEN + 1]; /* X-ClientInfo: of this instance */
	atomic_uint n_ctx_ever;
	struct mx_reg *reg;
	struct mx_net_opts opts;
	char *ca_file, *app;
	int64_t call_ms, release_ms, reaper_ms;
	unsigned max_logons;
	const struct mx_transport_ops *t;
	void *t_arg;
	struct mx_cancel
		reaper;        /* fired when the shutdown's deadline is over */
	struct mx_cancel beat; /* ends the registry's beat */
};

/* The program's code is running for this session; on its thread's stack. */
struct mx_callback {
	struct mx_list link;  /* client->callbacks */
	struct mx_session *s; /* a core reference */
	mx_mono since;
	pid_t tid;
};

/* The client's memory. */
void mx_client_core_get(struct mx_client *c);
void mx_client_core_put(struct mx_client *c);
/* The registry's heart beats from the first session on. */
void mx_client_start_beat(struct mx_client *c);
/* Counts a context; wakes a waiting shutdown. */
void mx_client_count_ctx(struct mx_client *c, int by);

/* Someone's place in the queue for a turn, or a pause; on the waiter's stack or
 * in a background run. */
struct mx_wait {
	struct mx_list link;   /* s->lock */
	void (*fn)(void *arg); /* background: called when granted; no lock */
	void *arg;
	struct mx_mutex m;
	struct mx_cond c;
	bool granted, woken;
};

void mx_wait_init(struct mx_wait *w);
void mx_wait_fini(struct mx_wait *w);
void mx_wait_wake(void *w); /* a mx_waker's wake */

struct mx_release {
	uint32_t handle;
	uint8_t logon_id;
	bool logon; /* the logon id is free once this was sent */
};

enum mx_sctx_state {
	MX_CTX_NEW, /* no Connect yet */
	MX_CTX_OPEN,
	MX_CTX_LOST, /* to be connected again with the old cookies */
	MX_CTX_ENDING,
};

/* An EMSMDB session context.
 *
 *   NEW ──Connect──► OPEN ──context lost──► LOST ──Connect──► OPEN
 *    └───────────────┴──── end ────► ENDING ──Disconnect or given up──► freed
 */
struct mx_ctx {
	/* What each call touches, in as few lines as can be: on a server
	 * program with many users they are cold. */
	struct mx_session *s;
	unsigned refs;
	enum mx_sctx_state state;
	uint32_t epoch; /* handles of another epoch mean nothing */
	uint32_t exec_seq;
	uint32_t counter; /* of X-RequestId; s->lock */
	unsigned n_logons;
	unsigned n_subs;
	bool busy; /* somebody has the turn */
	bool primary;
	/* What goes on in the background. */
	bool flush_timer, flush_running;
	bool fetch_wanted, fetch_running;
	bool recover_timer, recover_running;
	bool park_timer;
	bool ping_timer, ping_running;
	bool ended;             /* no longer counted by the client */
	struct mx_list waiting; /* for the turn */

	struct mx_channel *ch;
	struct mx_conn *conn;
	mx_mono not_before;       /* the server asked for a pause */
	size_t n_releases;        /* to send; of the current epoch */
	struct mx_list subs;      /* struct mx_sub.link */
	struct mx_parked *parked; /* NotificationWait in flight, or NULL */
	mx_mono last_answer;

	int64_t expiration_ms;         /* X-ExpirationInfo; 0: not said */
	uint32_t number;               /* in X-ClientInfo; constant */
	char guid[MX_GUID_STRLEN + 1]; /* X-RequestId's; constant */
	struct mx_cookies cookies; /* s->lock: NotificationWait reads them */

	/* Not for every call. */
	struct mx_list link;        /* session->ctxs, then ->ending */
	mx_mono ending;             /* since when it is there */
	struct mx_channel *park_ch; /* NotificationWait's, made when needed */
	void *last_job; /* memory for Disconnect, so that the end cannot fail */

	/* Logons. */
	unsigned limit;
	uint32_t logon_ids[8]; /* bitmap */

	/* Releases. */
	struct mx_release *releases;
	size_t cap_releases;
	size_t lost_releases; /* no memory: the server keeps the object */

	/* Background. */
	struct mx_cancel bg; /* ends timers and the parked wait */
	unsigned flush_failures, fetch_failures;
	unsigned recover_failures, park_failures;
	uint32_t park_epoch; /* the connection that has a place, */
	mx_mono park_place;  /* at which a wait ends; {0}: has been */
	mx_mono next_beat;
	int64_t beat_ms; /* period of next_beat; 0: none yet */
} __attribute__((aligned(MX_LINE)));

/* The first lines of a context, in which a call finds all. */
#define MX_CTX_HOT offsetof(struct mx_ctx, link)
static_assert(MX_CTX_HOT == 5 * MX_LINE, "full lines");

struct mx_session {
	/* What each call touches. */
	struct mx_mutex lock;
	struct mx_client *c;
	_Atomic int64_t total_ms; /* of calls to come, for who makes them */
	atomic_uint run_ids;
	atomic_bool off;
	bool loopback;

	/* To be fetched while the session is looked at, not to be followed: they
	 * may be gone.  Of the primary context. */
	_Atomic(const struct mx_ctx *) near_ctx;
	_Atomic(const struct mx_conn *) near_conn;
	_Atomic int64_t idle_ms; /* of calls to come */
	atomic_ullong round_trips, bytes_out, bytes_in, head_out, head_in;

	struct mx_cancel off_token; /* fired by logoff and shutdown */

	/* Not for every call. */
	atomic_uint refs;    /* the program's, and each logon's */
	atomic_uint core;    /* 1 while refs > 0, and one a context */
	struct mx_list link; /* client->sessions */
	mx_mono since;       /* opened */
	struct mx_userctx *user;
	char *url, *user_dn;
	char *server;
	uint32_t code_page, lcid_sort, lcid_string;
	bool admin;
	struct mx_net_opts opts; /* the client's, with what follows */
	char *ca_file, *proxy;   /* owned; NULL: the client's */
	struct mx_clist *list;

	struct mx_list ctxs, ending;
	unsigned n_ctxs, n_logons;
	char *dn_prefix, *display_name; /* set once */
	atomic_uint n_objects, n_kind[MX_SOBJ_KINDS];
	atomic_ullong reconnects, notified;
} __attribute__((aligned(MX_LINE)));

#define MX_SESSION_HOT offsetof(struct mx_session, refs)
static_assert(MX_SESSION_HOT == 3 * MX_LINE, "full lines");

/* 0; -ESTALE in a forked child; -ESHUTDOWN after logoff. */
int mx_session_usable(struct mx_session *s, struct mx_fault *fault);
void mx_session_core_put(struct mx_session *s);

/* A recorded ROP request, encoded. */
struct mx_rop_bytes {
	uint16_t n;
	uint8_t p[];
};

/* Encodes req with its indexes zero; NULL and *ret_err otherwise. */
struct mx_rop_bytes *mx_rop_record(const struct mx_rop_req *req, int *ret_err);
struct mx_rop_bytes *mx_rop_bytes_dup(const uint8_t *p, size_t n);

struct mx_deferred {
	struct mx_list link;
	uint32_t seq; /* Execute it went out with, 0: not sent */
	bool restore; /* puts a reopened object back to where it was */
	struct mx_rop_bytes *rop;
};

struct mx_sobj {
	/* What each call on it touches. */
	atomic_uint refs;
	uint8_t kind;
	bool opened;  /* has been open in some epoch */
	bool created; /* by a Create* ROP, and not recorded otherwise yet */
	bool dirty;
	bool gone;    /* submitted: cannot be opened again */
	bool no_cols; /* there was no memory for them: rows cannot be read */
	/* In the Execute being built; the turn's holder. */
	uint8_t slot;
	/* What went wrong in front of it, in which run. */
	uint8_t fail_rop;
	uint32_t fail_run;
	uint32_t slot_seq;
	uint32_t handle, epoch;    /* valid while epoch == ctx->epoch */
	struct mx_logon *logon;    /* kept alive through parent */
	struct mx_list deferred;   /* struct mx_deferred */
	struct mx_rop_bytes *open; /* how it is opened (again) */

	uint32_t fail_code;
	struct mx_sobj *parent; /* reference; NULL for a logon */
	uint64_t fid, mid;
	uint32_t attach_num;

	/* Tables and streams; recipient columns of messages. */
	uint32_t n_cols;
	uint32_t *cols;
	struct mx_rop_bytes *set_columns, *sort, *restr;
	int64_t pos; /* -1: not known */
} __attribute__((aligned(MX_LINE)));

static_assert(offsetof(struct mx_sobj, open) < MX_LINE, "one line");

struct mx_replid {
	uint16_t id;
	struct mx_guid guid;
};

/* A call on an object of it touches the line after o. */
struct mx_logon {
	struct mx_sobj o; /* its refs are the logon's */
	struct mx_session *s;
	struct mx_ctx *ctx; /* s->lock; NULL: not placed */
	uint8_t id;
	bool counted; /* in the connection's record */
	bool public_store;
	char *dn;
	bool have_info;
	struct mx_logon_info info;
	struct mx_replid *replids;
	unsigned n_replids;
};

/* The context of an object's logon; NULL when not placed.  s->lock. */
static inline struct mx_ctx *mx_sobj_ctx(struct mx_sobj *o)
{
	return o->logon->ctx;
}

/* True when the server has it open under `handle`.  s->lock. */
static inline bool mx_sobj_live(struct mx_sobj *o)
{
	struct mx_ctx *ctx = mx_sobj_ctx(o);

	return ctx && ctx->state == MX_CTX_OPEN && o->epoch == ctx->epoch;
}

/* New objects of any opening ROP, also ours (RegisterNotification). */
int mx_sobj_make(struct mx_sobj *parent, const struct mx_rop_req *open,
		 struct mx_sobj **ret);
void mx_sobj_init(struct mx_sobj *o, enum mx_sobj_kind kind);
void mx_sobj_fini(struct mx_sobj *o);
void mx_logon_destroy(struct mx_logon *l); /* by unref of its object */

/* Why a lost object cannot be opened again; NULL when it can.  s->lock. */
const char *mx_sobj_why_lost(const struct mx_sobj *o);

/* What an answer changes (track.c).  rop: the request as sent; s->lock.
 * -ENOMEM is not an error of the answer: the object is then marked so that it
 * does not open itself again. */
void mx_track_opened(struct mx_sobj *o, const struct mx_rop_res *res);
void mx_track_answer(struct mx_sobj *o, const uint8_t *rop, size_t n,
		     const struct mx_rop_res *res);

/* --- Contexts (ctx.c) --------------------------------------------------- */

int mx_sctx_new(struct mx_session *s, struct mx_ctx **ret,
		struct mx_fault *fault);
void mx_sctx_ref(struct mx_ctx *ctx);   /* s->lock held */
void mx_sctx_unref(struct mx_ctx *ctx); /* s->lock not held */
/* Gives the logon a context and an id.  s->lock not held. */
int mx_sctx_place(struct mx_logon *l, struct mx_fault *fault);
/* Takes it away again; the server must not know the logon.  s->lock.  Returns
 * the context, whose reference is the caller's to give up. */
struct mx_ctx *mx_sctx_unplace_locked(struct mx_logon *l) MX_LOCKED;
/* The server forgot us, or may have.  s->lock; by the turn's holder, or with
 * the epoch in which it was noticed. */
void mx_sctx_lost_locked(struct mx_ctx *ctx, uint32_t epoch) MX_LOCKED;
/* Codes by which servers refuse one more session or logon. */
bool mx_sctx_too_many(uint32_t code);
/* The server knows no logon of this id any more. */
void mx_sctx_free_id_locked(struct mx_ctx *ctx, uint8_t id) MX_LOCKED;
/* Queues a release; s->lock. */
void mx_sctx_release_locked(struct mx_ctx *ctx, struct mx_release r) MX_LOCKED;
/* Starts the way to the end; if_unused: only when no logon is in it.  s->lock
 * not held. */
void mx_sctx_end(struct mx_ctx *ctx, bool if_unused) MX_UNLOCKED;
void mx_sctx_ended(struct mx_ctx *ctx, enum mx_conn_end how);
/* Looks at what should be going on in the background and starts it: releases,
 * notifications, keep-alive.  Never waits; s->lock not held. */
void mx_sctx_poke(struct mx_ctx *ctx) MX_UNLOCKED;
/* X-RequestId of the next request, into buf. */
void mx_sctx_request_id(struct mx_ctx *ctx, char buf[MX_REQUEST_ID_SIZE]);
/* X-ClientInfo, the same for all requests of a context. */
void mx_sctx_client_info(const struct mx_ctx *ctx,
			 char buf[MX_REQUEST_ID_SIZE]);

/* --- Turns (turn.c) ----------------------------------------------------- */

/* Waits for the turn.  0, -ETIMEDOUT, -ECANCELED. */
int mx_turn_take(struct mx_ctx *ctx, mx_mono deadline,
		 struct mx_cancel *cancel) MX_UNLOCKED;
/* True: it is yours now; false: w->fn will be called. */
bool mx_turn_take_async(struct mx_ctx *ctx, struct mx_wait *w);
void mx_turn_give(struct mx_ctx *ctx) MX_UNLOCKED;
/* Sleeps until `until`; 0, -ECANCELED. */
int mx_pause(mx_mono until, struct mx_cancel *cancel) MX_UNLOCKED;

/* --- Notifications (notify.c) ------------------------------------------- */

/* True on a thread that runs a callback of ours. */
bool mx_notify_on_callback(void);
/* A RopNotify that came in; raw is its NotificationData.  s->lock not held. */
void mx_notify_dispatch(struct mx_ctx *ctx, uint32_t handle, uint8_t logon_id,
			const uint8_t *raw, size_t n) MX_UNLOCKED;
/* Something came in that could not be read. */
void mx_notify_missed(struct mx_ctx *ctx);
/* Subscriptions that the current epoch does not know.  s->lock. */
bool mx_notify_stale_locked(struct mx_ctx *ctx) MX_LOCKED;
/* Parks a NotificationWait if it should be and is not; s->lock not held. */
void mx_notify_park(struct mx_ctx *ctx) MX_UNLOCKED;
/* Adds to the batch what registers them again. */
void mx_notify_recover(struct mx_ctx *ctx, struct mx_batch *b);
/* The outcome of that: err of the run, or 0 and look at each op. */
void mx_notify_recovered(struct mx_ctx *ctx, struct mx_batch *b,
			 int err) MX_UNLOCKED;

#endif
